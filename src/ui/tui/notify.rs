//! Telling somebody who looks elsewhere that there is something to read.
//!
//! [`Notifier::tell`] decides whether, [`Level`] how much is said, and [`bytes`] how this terminal is
//! told. What is said is seen by whoever sees the screen, and kept by the system's list of
//! notifications: by default it is a name and no text.

use super::emulator::{Emulator, Multiplexer, Notices};
use crate::chat::{Timestamp, clean};
use crate::ui::language::Language;

/// No more than one notification in so many milliseconds: whoever is told has been told.
const PAUSE: u64 = 5_000;

/// Cells of text in a notification.
const MAX_TEXT: usize = 120;

/// How much a notification says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Level {
    /// There is none, and no bell.
    None,
    /// How many messages are unread.
    Count,
    /// Who wrote.
    #[default]
    Name,
    /// What was written, too.
    Text,
}

/// Something to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct News {
    /// Who wrote.
    pub from: String,
    /// What.
    pub text: String,
    /// How many messages are unread altogether.
    pub unread: u64,
}

/// Says what is to be told, and not too often.
#[derive(Clone, Debug, Default)]
pub struct Notifier {
    level: Level,
    told: Option<Timestamp>,
}

impl Level {
    /// The level that the configuration calls so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "count" => Self::Count,
            "name" => Self::Name,
            "text" => Self::Text,
            _ => return None,
        })
    }
}

impl Notifier {
    /// One that says so much.
    #[must_use]
    pub fn new(level: Level) -> Self {
        Self { level, told: None }
    }

    /// The sentence to be shown about `news`, if there is to be one now. Whoever looks at the
    /// terminal needs none, and what is muted or our own is no news: neither is to come here.
    pub fn tell(&mut self, now: Timestamp, news: &News, language: &Language) -> Option<String> {
        // A clock that was set back must not silence us until it is as late again.
        let just_told = self.told.is_some_and(|told| told <= now && now.since(told) < PAUSE);
        if self.level == Level::None || just_told {
            return None;
        }
        self.told = Some(now);
        let from = clean::label(&news.from, MAX_TEXT);
        Some(match self.level {
            Level::None => return None,
            Level::Count => language.count("notify-count", news.unread, &[]),
            Level::Name => language.say("notify-name", &[("name", &from)]),
            Level::Text => {
                let text = clean::label(&news.text, MAX_TEXT);
                language.say("notify-text", &[("name", &from), ("text", &text)])
            }
        })
    }
}

/// What is written to the terminal so that it shows `sentence`.
#[must_use]
pub fn bytes(emulator: Emulator, sentence: &str) -> Vec<u8> {
    // Nothing in it ends the sequence early: no control character is left.
    let text = clean::one_line(sentence, " ");
    let sequence = match emulator.notices {
        Notices::Bell => String::new(),
        Notices::Osc9 => format!("\u{1b}]9;{text}\u{1b}\\"),
        Notices::Osc777 => format!("\u{1b}]777;notify;p2pchat;{text}\u{1b}\\"),
    };
    match emulator.multiplexer {
        // Those that notify ring as they like; a bell on top would ring twice.
        None if sequence.is_empty() => b"\x07".to_vec(),
        None => sequence.into_bytes(),
        // The bell too, for by default tmux passes nothing on; and it is what marks the window.
        Some(multiplexer) => (wrapped(multiplexer, &sequence) + "\u{7}").into_bytes(),
    }
}

/// `sequence` in such a way that it reaches the terminal outside.
fn wrapped(multiplexer: Multiplexer, sequence: &str) -> String {
    if sequence.is_empty() {
        return String::new();
    }
    match multiplexer {
        Multiplexer::Tmux => {
            let doubled = sequence.replace('\u{1b}', "\u{1b}\u{1b}");
            format!("\u{1b}Ptmux;{doubled}\u{1b}\\")
        }
        // It ends what it passes on at the first `ESC \`, so the sequence ends with a bell.
        Multiplexer::Screen => {
            format!("\u{1b}P{}\u{1b}\\", sequence.replace("\u{1b}\\", "\u{7}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(text: &str) -> News {
        News { from: "alice\u{1b}]0;x\u{7}".into(), text: text.into(), unread: 3 }
    }

    fn told(level: Level) -> Option<String> {
        Notifier::new(level).tell(Timestamp(0), &news("meet me\nat 5"), &Language::default())
    }

    #[test]
    fn no_more_is_said_than_was_asked_for() {
        assert_eq!(told(Level::None), None);
        assert_eq!(told(Level::Count).as_deref(), Some("3 unread messages"));
        assert_eq!(told(Level::Name).as_deref(), Some("alice]0;x wrote to you"));
        assert_eq!(told(Level::Text).as_deref(), Some("alice]0;x: meet me at 5"));
        assert_eq!(Notifier::default().level, Level::Name);
        assert_eq!(Level::named("text"), Some(Level::Text));
        assert_eq!(Level::named("all"), None);
    }

    #[test]
    fn a_flood_of_lines_is_one_notification() {
        let mut notifier = Notifier::default();
        let mut told =
            |at| notifier.tell(Timestamp(at), &news("hi"), &Language::default()).is_some();
        let count = (0..100).filter(|tick| told(100_000 + 100 * tick)).count();
        assert_eq!(count, 2, "in ten seconds");
        assert!(told(50), "the clock was set back");
    }

    #[test]
    fn each_terminal_is_told_in_its_own_way() {
        let bytes = |notices, multiplexer| {
            let emulator = Emulator { notices, multiplexer, links: false };
            String::from_utf8(bytes(emulator, "alice wrote")).expect("text")
        };
        let (tmux, screen) = (Some(Multiplexer::Tmux), Some(Multiplexer::Screen));
        assert_eq!(bytes(Notices::Bell, None), "\u{7}");
        assert_eq!(bytes(Notices::Bell, tmux), "\u{7}");
        assert_eq!(bytes(Notices::Osc9, None), "\u{1b}]9;alice wrote\u{1b}\\");
        assert_eq!(bytes(Notices::Osc777, None), "\u{1b}]777;notify;p2pchat;alice wrote\u{1b}\\");
        assert_eq!(
            bytes(Notices::Osc9, tmux),
            "\u{1b}Ptmux;\u{1b}\u{1b}]9;alice wrote\u{1b}\u{1b}\\\u{1b}\\\u{7}"
        );
        assert_eq!(bytes(Notices::Osc9, screen), "\u{1b}P\u{1b}]9;alice wrote\u{7}\u{1b}\\\u{7}");
    }

    #[test]
    fn nothing_that_was_written_ends_the_sequence_or_begins_another() {
        let emulator = Emulator { notices: Notices::Osc9, ..Emulator::default() };
        let sentence = "a\u{1b}\\\u{7}\u{9c}\u{1b}]52;c;eA==\u{7}\r\nb\u{202e}";
        let text = String::from_utf8(bytes(emulator, sentence)).expect("text");
        let inside = text.strip_prefix("\u{1b}]9;").and_then(|text| text.strip_suffix("\u{1b}\\"));
        assert!(inside.expect("one sequence").chars().all(clean::is_plain));
    }
}
