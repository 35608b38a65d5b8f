//! How what is said about a line looks: replies, edits, deletions, reactions.
//!
//! In a pipe the text of a line never holds a backslash before a letter but for `\n` and `\t`, so
//! such words say what is no text: `\me`, `\edit`, `\delete`, `\react`.

use jiff::tz::TimeZone;

use super::{Printout, plain};
use crate::chat::{
    Direction, HistoryLine, Manner, Message, Notice, Quote, Timestamp, Written, clean,
};

/// Cells of a quoted line.
const QUOTE: usize = 40;

/// In a pipe: who did it, and the text field.
pub(super) fn field(manner: Manner, text: &str) -> String {
    match manner {
        Manner::Action => format!("\\me {}", plain::escape(text)),
        _ => plain::escape(text),
    }
}

/// In a pipe: a line of the history, with what has been done to it.
pub(super) fn history_field(line: &HistoryLine) -> String {
    if line.deleted {
        return "\\delete".to_owned();
    }
    let mut field = field(line.manner, &line.text);
    if line.edited_at.is_some() {
        field.push_str(" \\edit");
    }
    for (_, reaction) in &line.reactions {
        field.push_str(&format!(" \\react {}", plain::escape(reaction)));
    }
    field
}

/// In a pipe: what a contact did to a line. Which one is said by when it was written.
pub(super) fn amendment_field(notice: &Notice, zone: &TimeZone) -> Option<Printout> {
    let (with, line, at, words) = match notice {
        Notice::Amended { by: Direction::In, with, line, text, at, quote, .. } => {
            let of = plain::time(quote.sent_at, zone);
            let words = match text {
                Some(text) => format!("\\edit {of} {}", plain::escape(text)),
                None => format!("\\delete {of}"),
            };
            (with, *line, *at, words)
        }
        Notice::Reacted { by: Direction::In, with, line, reaction, at, quote, .. } => {
            let of = plain::time(quote.sent_at, zone);
            let words = format!("\\react {of} {}", plain::escape(reaction));
            (with, *line, *at, words.trim_end().to_owned())
        }
        Notice::Stray(message) => {
            let text = plain::escape(&message.text);
            let words = match message.manner {
                Manner::Delete { .. } => "\\delete ?".to_owned(),
                Manner::React { .. } => format!("\\react ? {text}").trim_end().to_owned(),
                _ => format!("\\edit ? {text}"),
            };
            (&message.from, message.id, message.sent_at, words)
        }
        _ => return None,
    };
    let shows = Some((with.clone(), line));
    let text = plain::fields(at, &with.to_string(), &words, zone);
    Some(Printout { shows, ..Printout::out(text) })
}

/// On a terminal: behind the name of who wrote a line, what it is. Nobody's name holds a space or a
/// parenthesis, so that no text can look like this.
pub(super) fn about(message: &Message) -> String {
    match message.manner {
        Manner::Reply { .. } => match &message.quote {
            Some(quote) => format!(" (to {})", quoted(quote, Direction::In)),
            None => " (to a line that is not here)".to_owned(),
        },
        _ => String::new(),
    }
}

/// On a terminal: what a contact did to a line, behind its name, and the text that belongs to it.
pub(super) fn done_by_contact<'a>(
    notice: &'a Notice,
    moment: &dyn Fn(Timestamp) -> String,
) -> Option<(String, &'a str)> {
    Some(match notice {
        Notice::Amended { by: Direction::In, text: Some(text), quote, .. } => {
            (format!("(edited {})", quoted(quote, Direction::In)), text.as_str())
        }
        // What is taken back is not said again.
        Notice::Amended { by: Direction::In, text: None, quote, .. } => {
            (format!("(deleted the line of {})", moment(quote.sent_at)), "")
        }
        Notice::Reacted { by: Direction::In, reaction, quote, .. } if reaction.is_empty() => {
            (format!("(takes back the reaction to {})", quoted(quote, Direction::In)), "")
        }
        Notice::Reacted { by: Direction::In, reaction, quote, .. } => {
            (format!("(reacts to {})", quoted(quote, Direction::In)), reaction.as_str())
        }
        Notice::Stray(Message { manner, text, .. }) => match manner {
            Manner::Delete { .. } => ("(deleted a line that is not here)".to_owned(), ""),
            Manner::React { .. } => ("(reacts to a line that is not here)".to_owned(), text),
            _ => ("(edited a line that is not here)".to_owned(), text),
        },
        _ => return None,
    })
}

/// On a terminal: which line of this conversation what we typed was about.
pub(super) fn done_by_us(notice: &Notice) -> Option<String> {
    let quoted = |quote: &Quote| quoted(quote, Direction::Out);
    Some(match notice {
        Notice::Amended { by: Direction::Out, text, quote, .. } => {
            let verb = if text.is_some() { "edited" } else { "deleted" };
            format!("{verb} {}", quoted(quote))
        }
        Notice::Reacted { by: Direction::Out, reaction, quote, .. } => {
            let verb = if reaction.is_empty() { "took back the reaction" } else { "reacted" };
            format!("{verb} to {}", quoted(quote))
        }
        Notice::Written(Written { quote: Some(quote), .. }) => format!("to {}", quoted(quote)),
        _ => return None,
    })
}

/// On a terminal: the text of a line of the history, with what has been done to it.
pub(super) fn in_history(line: &HistoryLine) -> String {
    if line.deleted {
        return "(deleted)".to_owned();
    }
    let mut said = match (line.manner, &line.quote) {
        (Manner::Action, _) => "* ".to_owned(),
        (Manner::Reply { .. }, Some(quote)) => format!("(to {})  ", quoted(quote, line.direction)),
        (Manner::Reply { .. }, None) => "(to a line that is not here)  ".to_owned(),
        _ => String::new(),
    };
    said.push_str(&clean::one_line(&line.text, "\n    "));
    if line.edited_at.is_some() {
        said.push_str("  (edited)");
    }
    if !line.reactions.is_empty() {
        let reactions = line.reactions.iter().map(|(_, text)| clean::label(text, 8));
        said.push_str(&format!("  [{}]", reactions.collect::<Vec<_>>().join(" ")));
    }
    said
}

/// A line as `speaker` mentions it.
fn quoted(quote: &Quote, speaker: Direction) -> String {
    let whose = if quote.by == speaker || speaker == Direction::Out { "" } else { "your " };
    match &quote.text {
        Some(text) => format!("{whose}\"{}\"", clean::label(text, QUOTE)),
        None => format!("{}deleted line", if whose.is_empty() { "a " } else { whose }),
    }
}
