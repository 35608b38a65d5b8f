//! How what is said about a line looks: replies, edits, deletions, reactions.
//!
//! In a pipe the text of a line never holds a backslash before a letter but for `\n` and `\t`, so
//! such words say what is no text: `\me`, `\edit`, `\delete`, `\react`, `\file` and its size.

use jiff::tz::TimeZone;

use super::language::Language;
use super::{Background, Printout, files, plain};
use crate::chat::room::Standing;
use crate::chat::{
    Address, Direction, HistoryLine, Manner, Message, Notice, Quote, Reaction, Timestamp, Written,
    clean,
};

/// Cells of a quoted line.
const QUOTE: usize = 40;

/// In a pipe: who did it, and the text field.
pub(super) fn field(manner: Manner, text: &str) -> String {
    match manner {
        Manner::Action => format!("\\me {}", plain::escape(text)),
        Manner::Offer { size, .. } => format!("\\file {size} {}", plain::escape(text)),
        Manner::OfferFolder { size, files, .. } => {
            format!("\\folder {size} {files} {}", plain::escape(text))
        }
        _ => plain::escape(text),
    }
}

/// In a pipe: a line of the history, with what has been done to it.
pub(super) fn history_field(line: &HistoryLine) -> String {
    if line.deleted {
        return "\\delete".to_owned();
    }
    if line.standing != Standing::Counts {
        return "\\withdrawn".to_owned();
    }
    let mut field = field(line.manner, &line.text);
    if line.edited_at.is_some() {
        field.push_str(" \\edit");
    }
    for reaction in &line.reactions {
        field.push_str(&format!(" \\react {}", plain::escape(&reaction.text)));
    }
    field
}

/// In a pipe: what a contact did to a line. Which one is said by when it was written.
pub(super) fn amendment_field(notice: &Notice, zone: &TimeZone) -> Option<Printout> {
    let (with, author, line, at, words) = match notice {
        Notice::Amended { by: Direction::In, with, author, line, text, at, quote, .. } => {
            let of = plain::time(quote.sent_at, zone);
            let words = match text {
                Some(text) => format!("\\edit {of} {}", plain::escape(text)),
                None => format!("\\delete {of}"),
            };
            (with, author, *line, *at, words)
        }
        Notice::Reacted { by: Direction::In, with, author, line, reaction, at, quote, .. } => {
            let of = plain::time(quote.sent_at, zone);
            let words = format!("\\react {of} {}", plain::escape(reaction));
            (with, author, *line, *at, words.trim_end().to_owned())
        }
        Notice::Stray(message) => {
            let text = plain::escape(&message.text);
            let words = match message.manner {
                Manner::Delete { .. } => "\\delete ?".to_owned(),
                Manner::React { .. } => format!("\\react ? {text}").trim_end().to_owned(),
                _ => format!("\\edit ? {text}"),
            };
            (&message.from, &message.author, message.id, message.sent_at, words)
        }
        _ => return None,
    };
    let shows = Some((with.clone(), line));
    let text = plain::fields(at, &plain::from(with, author.as_deref()), &words, zone);
    Some(Printout { shows, ..Printout::out(text) })
}

/// On a terminal: behind the name of who wrote a line, what it is. Nobody's name holds a space or a
/// parenthesis, so that no text can look like this.
pub(super) fn about(message: &Message, background: Background<'_>, language: &Language) -> String {
    match message.manner {
        Manner::Reply { .. } => {
            let speaker =
                Speaker { by: Direction::In, author: message.author.as_deref(), background };
            format!(" {}", speaker.answers(message.quote.as_deref(), language))
        }
        _ => String::new(),
    }
}

/// On a terminal: what a contact did to a line, behind its name, and the text that belongs to it.
pub(super) fn done_by_contact<'a>(
    notice: &'a Notice,
    background: Background<'_>,
    language: &Language,
    moment: &dyn Fn(Timestamp) -> String,
) -> Option<(String, &'a str)> {
    let speaker = Speaker { by: Direction::In, author: author_of(notice), background };
    let about =
        |id: &str, quote: &Quote| language.say(id, &[("line", &speaker.quotes(quote, language))]);
    Some(match notice {
        Notice::Amended { by: Direction::In, text: Some(text), quote, .. } => {
            (about("said-edited", quote), text.as_str())
        }
        // What is taken back is not said again.
        Notice::Amended { by: Direction::In, text: None, quote, .. } => {
            (language.say("said-deleted", &[("time", &moment(quote.sent_at))]), "")
        }
        Notice::Reacted { by: Direction::In, reaction, quote, .. } if reaction.is_empty() => {
            (about("said-unreacts", quote), "")
        }
        Notice::Reacted { by: Direction::In, reaction, quote, .. } => {
            (about("said-reacts", quote), reaction.as_str())
        }
        Notice::Stray(Message { manner, text, .. }) => match manner {
            Manner::Delete { .. } => (language.text("said-deleted-unknown"), ""),
            Manner::React { .. } => (language.text("said-reacts-unknown"), text.as_str()),
            _ => (language.text("said-edited-unknown"), text.as_str()),
        },
        _ => return None,
    })
}

/// On a terminal: which line of this conversation what we typed was about.
pub(super) fn done_by_us(
    notice: &Notice,
    background: Background<'_>,
    language: &Language,
) -> Option<String> {
    let (id, quote) = match notice {
        Notice::Amended { by: Direction::Out, text, quote, .. } => {
            (if text.is_some() { "done-edited" } else { "done-deleted" }, quote)
        }
        Notice::Reacted { by: Direction::Out, reaction, quote, .. } => {
            (if reaction.is_empty() { "done-unreacted" } else { "done-reacted" }, quote)
        }
        Notice::Written(Written { quote: Some(quote), .. }) => ("done-to", &**quote),
        _ => return None,
    };
    let us = Speaker { by: Direction::Out, author: None, background };
    Some(language.say(id, &[("line", &us.quotes(quote, language))]))
}

/// On a terminal: the text of a line of the history, with what has been done to it.
pub(super) fn in_history(
    line: &HistoryLine,
    background: Background<'_>,
    language: &Language,
) -> String {
    if line.deleted {
        return language.text("line-deleted");
    }
    if line.standing != Standing::Counts {
        return language.text("line-withdrawn");
    }
    let mut said = match line.manner {
        Manner::Action => "* ".to_owned(),
        Manner::Reply { .. } => {
            let speaker = Speaker { by: line.direction, author: line.author.as_ref(), background };
            format!("{}  ", speaker.answers(line.quote.as_ref(), language))
        }
        _ => String::new(),
    };
    let offer = files::offer(&line.text, line.manner, language);
    said.push_str(&offer.unwrap_or_else(|| clean::one_line(&line.text, "\n    ")));
    if line.edited_at.is_some() {
        said.push_str("  ");
        said.push_str(&language.text("line-edited"));
    }
    if !line.reactions.is_empty() {
        let reaction = |one: &Reaction| match &one.author {
            Some(author) => format!("{} {}", clean::label(&one.text, 8), background.name(author)),
            None => clean::label(&one.text, 8),
        };
        let reactions = line.reactions.iter().map(reaction).collect::<Vec<_>>();
        let between = if line.with.is_room { "  " } else { " " };
        said.push_str(&format!("  [{}]", reactions.join(between)));
    }
    said
}

/// In a room: who did it, if not we.
pub(super) fn author_of(notice: &Notice) -> Option<&Address> {
    match notice {
        Notice::Amended { author, .. } | Notice::Reacted { author, .. } => author.as_deref(),
        Notice::Stray(message) => message.author.as_deref(),
        _ => None,
    }
}

/// Somebody who mentions a line.
#[derive(Clone, Copy)]
struct Speaker<'a> {
    by: Direction,
    /// In a room: who, if not we.
    author: Option<&'a Address>,
    background: Background<'a>,
}

impl Speaker<'_> {
    /// Which line one of theirs answers.
    fn answers(self, quote: Option<&Quote>, language: &Language) -> String {
        match quote {
            Some(quote) => language.say("said-to", &[("line", &self.quotes(quote, language))]),
            None => language.text("said-to-unknown"),
        }
    }

    /// A line as they mention it: whose it is, if neither theirs nor plain.
    fn quotes(self, quote: &Quote, language: &Language) -> String {
        let yours = self.by == Direction::In && quote.by == Direction::Out;
        let author = quote.author.as_deref().filter(|author| self.author != Some(author));
        let text = quote.text.as_ref().map(|text| clean::label(text, QUOTE));
        let name = author.map(|author| clean::label(&self.background.name(author), 80));
        match (text, name) {
            (Some(text), Some(name)) => {
                language.say("quote-of", &[("text", &text), ("name", &name)])
            }
            (Some(text), None) => {
                let id = if yours { "quote-yours" } else { "quote" };
                language.say(id, &[("text", &text)])
            }
            (None, Some(name)) if quote.is_hidden => {
                language.say("quote-hidden-of", &[("name", &name)])
            }
            (None, Some(name)) => language.say("quote-deleted-of", &[("name", &name)]),
            (None, None) => {
                language.text(if yours { "quote-deleted-yours" } else { "quote-deleted" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::{Name, PeerId};

    use super::*;
    use crate::chat::{Audience, LineId};
    use crate::ui::line::LineView;
    use crate::ui::plain;

    fn alice() -> Address {
        Address::new(Name::new("alice").expect("name"), "host")
    }

    fn quote(by: Direction, text: &str) -> Quote {
        Quote {
            by,
            author: None,
            key: None,
            sent_at: Timestamp(60_000),
            text: Some(text.to_owned()),
            is_hidden: false,
        }
    }

    fn message(manner: Manner, text: &str, quote: Option<Quote>) -> Message {
        Message {
            author: None,
            from: alice(),
            key: PeerId([1; 32]),
            id: LineId([2; 16]),
            text: text.to_owned(),
            sent_at: Timestamp(120_000),
            received_at: Timestamp(120_000),
            audience: Audience::You,
            again: false,
            manner,
            quiet: false,
            namesake: false,
            quote: quote.map(Box::new),
        }
    }

    fn amended(text: Option<&str>, by: Direction) -> Notice {
        Notice::Amended {
            with: alice(),
            id: LineId([3; 16]),
            line: LineId([2; 16]),
            text: text.map(str::to_owned),
            by,
            author: None,
            at: Timestamp(120_000),
            quote: quote(by, "helo \u{1b}[2Jbob"),
        }
    }

    fn reacted(reaction: &str, by: Direction) -> Notice {
        Notice::Reacted {
            with: alice(),
            id: LineId([3; 16]),
            line: LineId([2; 16]),
            by,
            author: None,
            reaction: reaction.to_owned(),
            at: Timestamp(120_000),
            quote: quote(Direction::Out, "a \\edit of mine"),
        }
    }

    fn to(line: u8) -> Manner {
        Manner::Reply { to: LineId([line; 16]) }
    }

    #[test]
    fn on_a_terminal_a_parenthesis_behind_the_name_says_what_it_is() {
        let mut view = LineView::new(TimeZone::UTC, false, Language::default());
        let mut seen = |notice: &Notice| {
            let printed = view.render(Timestamp(120_000), notice, Background::default());
            printed.last().map(|printout| printout.text.clone()).unwrap_or_default()
        };
        let said = |manner, text, quote| Notice::Message(message(manner, text, quote));
        let mine = || Some(quote(Direction::Out, "hello"));
        for (notice, expected) in [
            (said(Manner::Action, "waves", None), "00:02 * alice waves"),
            (said(to(3), "yes", mine()), "00:02 alice (to your \"hello\")  yes"),
            (said(to(3), "yes", None), "00:02 alice (to a line that is not here)  yes"),
            (amended(Some("hello"), Direction::In), "00:02 alice (edited \"helo [2Jbob\")  hello"),
            (amended(None, Direction::In), "00:02 alice (deleted the line of 00:01)"),
            (amended(None, Direction::Out), "      deleted \"helo [2Jbob\""),
            (
                reacted("\u{1b}👍", Direction::In),
                "00:02 alice (reacts to your \"a \\edit of mine\")  👍",
            ),
            (
                reacted("", Direction::In),
                "00:02 alice (takes back the reaction to your \"a \\edit of mine\")",
            ),
            (reacted("👍", Direction::Out), "      reacted to \"a \\edit of mine\""),
            (
                Notice::Stray(message(Manner::Edit { of: LineId([9; 16]) }, "new", None)),
                "00:02 alice (edited a line that is not here)  new",
            ),
        ] {
            assert_eq!(seen(&notice), expected);
        }
    }

    #[test]
    fn in_a_room_it_is_said_who_does_something_to_whose_line() {
        let tea = || Address::room(Name::new("tea").expect("name"), "host");
        let person = |name| Box::new(Address::new(Name::new(name).expect("name"), "host"));
        let said = |quote: Quote, author| Notice::Reacted {
            with: tea(),
            id: LineId([3; 16]),
            line: LineId([2; 16]),
            by: Direction::In,
            author: Some(person(author)),
            reaction: "👍".to_owned(),
            at: Timestamp(120_000),
            quote,
        };
        let bobs = |text: Option<&str>| Quote {
            by: Direction::In,
            author: Some(person("bob")),
            key: Some(Box::new(PeerId([2; 32]))),
            sent_at: Timestamp(60_000),
            text: text.map(str::to_owned),
            is_hidden: false,
        };
        let hidden = Quote { is_hidden: true, ..bobs(None) };
        let mut view = LineView::new(TimeZone::UTC, false, Language::default());
        for (notice, expected) in [
            (
                said(hidden, "carol"),
                "#tea carol (reacts to a line of bob, whom you do not want to hear)  👍",
            ),
            (said(bobs(Some("hello")), "carol"), "#tea carol (reacts to bob's \"hello\")  👍"),
            (said(bobs(Some("hello")), "bob"), "#tea bob (reacts to \"hello\")  👍"),
            (said(bobs(None), "carol"), "#tea carol (reacts to a deleted line of bob's)  👍"),
            (said(quote(Direction::Out, "hi"), "bob"), "#tea bob (reacts to your \"hi\")  👍"),
        ] {
            let printed = view.render(Timestamp(120_000), &notice, Background::default());
            let text = printed.last().map(|printout| printout.text.clone());
            assert_eq!(text, Some(format!("00:02 {expected}")));
        }
        let notice = said(bobs(Some("hello")), "carol");
        let field = amendment_field(&notice, &TimeZone::UTC).expect("is told");
        let react = "\\react 1970-01-01T00:01:00+00:00 👍";
        assert_eq!(field.text, format!("1970-01-01T00:02:00+00:00\t#tea@host/carol@host\t{react}"));
    }

    #[test]
    fn in_a_pipe_a_word_behind_a_backslash_says_that_it_is_no_text() {
        let language = Language::default();
        let seen = |notice: &Notice| {
            let printed = plain::render(notice, &TimeZone::UTC, Background::default(), &language);
            assert_eq!(printed[0].shows, Some((alice(), LineId([2; 16]))));
            printed[0].text.clone()
        };
        let said = |manner, text| Notice::Message(message(manner, text, None));
        let row = |text: &str| format!("1970-01-01T00:02:00+00:00\talice@host\t{text}");
        for (notice, expected) in [
            (said(Manner::Text, "\\edit"), "\\\\edit"),
            (said(Manner::Action, "waves"), "\\me waves"),
            (said(to(3), "yes"), "yes"),
            (amended(Some("a\nb"), Direction::In), "\\edit 1970-01-01T00:01:00+00:00 a\\nb"),
            (amended(None, Direction::In), "\\delete 1970-01-01T00:01:00+00:00"),
            (reacted("👍", Direction::In), "\\react 1970-01-01T00:01:00+00:00 👍"),
            (reacted("", Direction::In), "\\react 1970-01-01T00:01:00+00:00"),
            (
                Notice::Stray(message(Manner::Delete { of: LineId([9; 16]) }, "", None)),
                "\\delete ?",
            ),
        ] {
            assert_eq!(seen(&notice), row(expected));
        }
        let own = amended(None, Direction::Out);
        let printed = plain::render(&own, &TimeZone::UTC, Background::default(), &language);
        assert_eq!(printed, []);
    }
}
