//! Something that was pasted. Many lines are asked about: they may be one message, many, or a slip.

use crate::chat::{MAX_TEXT, clean};
use crate::ui::language::Language;

/// From so many lines on, it is asked about.
const MANY_LINES: usize = 5;

/// From more bytes than this on.
const MANY_BYTES: usize = 2 * 1024;

/// What was pasted, without what a terminal would obey.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Paste {
    text: String,
    /// Whether it has room in the message that is being written.
    fits: bool,
}

/// What is to be done with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// Sends it, with what was written around it.
    OneMessage,
    /// Sends each line of it.
    Lines,
    /// Inserts it.
    Edit,
    /// Forgets it.
    Drop,
}

impl Paste {
    /// `room` is how many bytes more the message may have.
    pub(super) fn new(pasted: &str, room: usize) -> Self {
        // Some terminals paste a line break as Enter sends it.
        let breaks = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let clean = clean::text(&breaks);
        let text = clean.trim_end_matches('\n');
        Self { fits: text.len() <= room, text: text.to_owned() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a person has to say what to do with it.
    pub(super) fn is_question(&self) -> bool {
        !self.fits || self.text.len() > MANY_BYTES || self.lines() >= MANY_LINES
    }

    /// What a key answers.
    pub(super) fn answer(&self, key: char) -> Option<Answer> {
        match key.to_ascii_lowercase() {
            'm' if self.fits => Some(Answer::OneMessage),
            'l' if self.has_short_lines() => Some(Answer::Lines),
            'e' if self.fits => Some(Answer::Edit),
            'd' => Some(Answer::Drop),
            _ => None,
        }
    }

    /// The question.
    pub(super) fn sentence(&self, language: &Language) -> String {
        let id = match (self.fits, self.has_short_lines()) {
            (true, _) => "paste-lines",
            (false, true) => "paste-too-long",
            (false, false) => "paste-hopeless",
        };
        language.count(id, self.lines() as u64, &[])
    }

    /// Whether each line can be a message.
    fn has_short_lines(&self) -> bool {
        self.fits || self.text.lines().all(|line| line.len() <= MAX_TEXT)
    }

    fn lines(&self) -> usize {
        self.text.lines().count()
    }
}
