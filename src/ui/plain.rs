//! Line mode for pipes: `TIME<TAB>FROM<TAB>TEXT` on stdout, and nothing else there.
//!
//! In a room, FROM is `#tea@host/alice@host`. The time is when the message was written, RFC 3339 with the local offset. Inside the text a line
//! break is written as `\n`, a tab as `\t` and a backslash as `\\`, so that one message is one line
//! and three fields.

use jiff::tz::TimeZone;

use super::language::Language;
use super::moves::{Doors, Moves};
use super::{Background, Printout, called, said, words};
use crate::chat::{Address, HistoryLine, LineState, Message, Nicknames, Notice, Timestamp, clean};

/// How a chat looks in a pipe.
#[derive(Debug)]
pub struct PlainView {
    zone: TimeZone,
    language: Language,
    /// Whether names have hosts, because there are several.
    several: bool,
    /// What contacts are called here.
    nicknames: Nicknames,
    /// Who comes into rooms and leaves them.
    doors: Doors,
}

impl PlainView {
    /// A view whose clock is in `zone`.
    #[must_use]
    pub fn new(zone: TimeZone, language: Language) -> Self {
        let (nicknames, doors) = (Nicknames::default(), Doors::default());
        Self { zone, language, several: false, nicknames, doors }
    }

    /// The language of its sentences.
    pub(super) fn language(&self) -> &Language {
        &self.language
    }

    /// What is written about a notice.
    pub fn render(
        &mut self,
        now: Timestamp,
        notice: &Notice,
        background: Background<'_>,
    ) -> Vec<Printout> {
        self.several = background.several;
        self.nicknames = background.nicknames.cloned().unwrap_or_default();
        if self.doors.hold(now, notice) {
            return Vec::new();
        }
        let printouts = render(notice, &self.zone, background, &self.language);
        if printouts.is_empty() {
            return printouts;
        }
        let moves = self.doors.open();
        self.told(moves).into_iter().chain(printouts).collect()
    }

    /// When [`settle`](Self::settle) has something to say.
    #[must_use]
    pub fn settles_at(&self) -> Option<Timestamp> {
        self.doors.due()
    }

    /// What is to be written because time has passed.
    pub fn settle(&mut self, now: Timestamp) -> Vec<Printout> {
        let moves = self.doors.settle(now);
        self.told(moves)
    }

    fn told(&self, moves: Vec<(Address, Moves)>) -> Vec<Printout> {
        let background = Background::calling(self.several, &self.nicknames);
        let sentence = |(room, moves): (Address, Moves)| {
            moves.sentence(&background.name(&room), &|who| background.name(who), &self.language)
        };
        moves.into_iter().map(sentence).map(Printout::err).collect()
    }
}

/// What is written about a notice.
#[must_use]
pub fn render(
    notice: &Notice,
    zone: &TimeZone,
    background: Background<'_>,
    language: &Language,
) -> Vec<Printout> {
    match notice {
        Notice::Message(message) => vec![Printout {
            shows: Some((message.from.clone(), message.id)),
            ..Printout::out(self::message(message, zone))
        }],
        Notice::Found { lines, .. } | Notice::History(lines) => {
            lines.iter().map(|line| Printout::out(history(line, zone))).collect()
        }
        Notice::Amended { .. } | Notice::Reacted { .. } | Notice::Stray(_) => {
            said::amendment_field(notice, zone).into_iter().collect()
        }
        Notice::Status { state: LineState::Failed(problem), .. } => {
            let why = words::problem_sentence(problem, language);
            vec![Printout::err(language.say("not-sent", &[("why", &why)]))]
        }
        // The exit code tells a script what became of its lines.
        Notice::Status { .. } => Vec::new(),
        other => {
            let sentence = words::sentence(other, zone, background, language);
            sentence.into_iter().map(Printout::err).collect()
        }
    }
}

/// A message as one line.
#[must_use]
pub fn message(message: &Message, zone: &TimeZone) -> String {
    let text = said::field(message.manner, &message.text);
    let from = called(from(&message.from, message.author.as_deref()), message.namesake);
    fields(message.sent_at, &from, &text, zone)
}

/// A line of the history as one line; our own lines come from `me`, followed by to whom.
#[must_use]
pub fn history(line: &HistoryLine, zone: &TimeZone) -> String {
    let from = match line.direction {
        crate::chat::Direction::In => called(from(&line.with, line.author.as_ref()), line.namesake),
        crate::chat::Direction::Out => format!("me>{}", line.with),
    };
    fields(line.sent_at, &from, &said::history_field(line), zone)
}

/// Who says something: `alice@host`, or `#tea@host/alice@host` in a room. No host has a slash.
pub(super) fn from(with: &Address, author: Option<&Address>) -> String {
    author.map_or_else(|| with.to_string(), |author| format!("{with}/{author}"))
}

/// `text` is escaped already.
pub(super) fn fields(at: Timestamp, from: &str, text: &str, zone: &TimeZone) -> String {
    format!("{}\t{}\t{text}", time(at, zone), clean::one_line(from, " "))
}

/// RFC 3339 to the second, with the offset of `zone`.
#[must_use]
pub fn time(at: Timestamp, zone: &TimeZone) -> String {
    let at = instant(at);
    format!("{:.0}", at.display_with_offset(zone.to_offset(at)))
}

/// The moment as the calendar library knows it.
#[must_use]
pub(super) fn instant(at: Timestamp) -> jiff::Timestamp {
    let milliseconds = i64::try_from(at.0.min(Timestamp::MAX.0)).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX)
}

/// Filters first, since the filter knows which of a stranger's characters break a line; tabs are
/// kept from it because here they are harmless.
pub(super) fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\t', "\\t");
    clean::one_line(&text, "\\n")
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::{Name, PeerId};

    use super::*;
    use crate::chat::{Address, Audience, LineId, Manner};

    fn saying(text: &str) -> Message {
        Message {
            author: None,
            from: Address::new(Name::new("alice").expect("name"), "host"),
            key: PeerId([1; 32]),
            id: LineId([2; 16]),
            text: text.to_owned(),
            sent_at: Timestamp(1_795_303_865_999),
            received_at: Timestamp(1_795_303_866_000),
            audience: Audience::You,
            again: false,
            manner: Manner::Text,
            quiet: false,
            namesake: false,
            quote: None,
        }
    }

    #[test]
    fn a_message_is_one_line_of_three_fields() {
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(
            message(&saying("one\ntwo\tthree\\n\r\nfour\u{2028}five"), &zone),
            "2026-11-22T07:31:05+08:00\talice@host\tone\\ntwo\\tthree\\\\n\\nfour\\nfive"
        );
        assert!(
            message(&saying("你好 👨‍👩‍👧"), &TimeZone::UTC).ends_with("+00:00\talice@host\t你好 👨‍👩‍👧")
        );
    }

    #[test]
    fn no_text_reaches_the_terminal_behind_the_tabs() {
        let printed =
            message(&saying("\u{1b}]52;c;x\u{7}\u{9b}31m\u{202e}a\u{8}\0"), &TimeZone::UTC);
        assert!(!printed.contains(|c: char| c != '\t' && c.is_control()), "{printed:?}");
        assert!(!printed.contains('\u{202e}'), "{printed:?}");
    }

    #[test]
    fn a_namesake_in_a_room_is_another_sender() {
        let tea = Address::room(Name::new("tea").expect("name"), "host");
        let sender = |namesake| {
            let author = Some(Box::new(saying("").from));
            let said = Message { from: tea.clone(), author, namesake, ..saying("hi") };
            let printed = message(&said, &TimeZone::UTC);
            printed.split('\t').nth(1).map(str::to_owned)
        };
        assert_eq!(sender(false).as_deref(), Some("#tea@host/alice@host"));
        assert_eq!(sender(true).as_deref(), Some("#tea@host/alice@host!"));
    }

    #[test]
    fn a_peer_may_claim_any_time() {
        let mut late = saying("hi");
        late.sent_at = Timestamp(u64::MAX);
        assert!(message(&late, &TimeZone::UTC).starts_with("9999-12-30T"));
    }

    #[test]
    fn a_printed_message_says_which_line_it_shows() {
        let printed = render(
            &Notice::Message(saying("hi")),
            &TimeZone::UTC,
            Background::default(),
            &Language::default(),
        );
        assert_eq!(printed[0].shows, Some((saying("").from, LineId([2; 16]))));
    }
}
