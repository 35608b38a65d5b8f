//! Answers that are lists.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use p2pchat_wire::identity::PeerId;
use textwrap::core::Word;
use textwrap::{WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_width::UnicodeWidthStr;

use super::language::Language;
use super::{Background, called, people, plain, said, words};
use crate::chat::command::CommandHelp;
use crate::chat::{
    Contact, Direction, HistoryLine, LineState, PeerSummary, Timestamp, Trust, clean,
};

pub(super) fn who(peers: &[PeerSummary], language: &Language) -> String {
    if peers.is_empty() {
        return language.text("who-empty");
    }
    rows(peers.iter().map(|peer| {
        let state = match peer.path {
            Some(_) => words::by(peer.path, language),
            None => words::state(peer.peer.is_room, peer.state, language),
        };
        let mark = if peer.current { "> " } else { "  " };
        // A room has neither a key nor anybody to be trusted.
        let room = peer.peer.is_room;
        let no_key = || if room { String::new() } else { language.text("no-key") };
        let nickname = peer.nickname.as_ref().map(ToString::to_string);
        [
            format!("{mark}{}", nickname.unwrap_or_default()),
            if room {
                peer.peer.to_string()
            } else {
                format!("{} {}", peer.peer, peer.trust.mark())
            },
            peer.key.map_or_else(no_key, |key| key.tag()),
            state,
            unread(peer.unread, language),
            waiting(peer.waiting, language),
            peer.software.as_deref().map(|name| clean::label(name, 30)).unwrap_or_default(),
            stopped(peer.offered, language),
        ]
    }))
}

pub(super) fn contacts(contacts: &[Contact], zone: &TimeZone, language: &Language) -> String {
    if contacts.is_empty() {
        return language.text("contacts-empty");
    }
    rows(contacts.iter().map(|contact| {
        let key = contact.key.map_or_else(|| language.text("no-key"), |key| key.to_string());
        let nickname = contact.regard.nickname.as_ref().map(ToString::to_string);
        let trust = Trust::of(contact);
        let name = format!("{} {}", contact.address, trust.mark());
        let verified =
            if trust == Trust::Verified { language.text("verified") } else { String::new() };
        let waiting = waiting(contact.waiting, language);
        let limits = people::limits(contact, zone, language).join(", ");
        let stopped = stopped(contact.offered, language);
        [nickname.unwrap_or_default(), name, key, verified, limits, waiting, stopped]
    }))
}

/// All that is known of somebody.
#[must_use]
pub fn contact(contact: &Contact, zone: &TimeZone, language: &Language) -> String {
    let trust = Trust::of(contact);
    let id = match trust {
        Trust::New => "trust-new",
        Trust::Seen => "trust-seen",
        Trust::Verified => "trust-verified",
        Trust::Changed => "trust-changed",
    };
    let key = contact.key.map(|key| key.to_string());
    let nickname = contact.regard.nickname.as_ref().map(ToString::to_string);
    let limits = people::limits(contact, zone, language).join(", ");
    let lines = [waiting(contact.waiting, language), unread(contact.unread, language)];
    let known = [
        ("contact-address", contact.address.to_string()),
        ("contact-nickname", nickname.unwrap_or_default()),
        ("contact-key", key.unwrap_or_else(|| language.text("no-key"))),
        ("contact-trust", format!("{} {}", trust.mark(), language.text(id))),
        ("contact-since", contact.key.map_or_else(String::new, |_| moment(contact.since, zone))),
        ("contact-other-key", stopped(contact.offered, language)),
        ("contact-limits", limits),
        (
            "contact-lines",
            lines.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "),
        ),
    ];
    let known = known.into_iter().filter(|(_, value)| !value.is_empty());
    rows(known.map(|(label, value)| [language.text(label), value]))
}

pub(super) fn history(
    lines: &[HistoryLine],
    zone: &TimeZone,
    background: Background<'_>,
    language: &Language,
) -> String {
    if lines.is_empty() {
        return language.text("history-empty");
    }
    let mut text = String::new();
    for line in lines {
        let who = match line.direction {
            Direction::In => match &line.author {
                Some(author) => {
                    let name = called(background.name(author), line.namesake);
                    format!("{} {name}", background.name(&line.with))
                }
                None => background.name(&line.with),
            },
            Direction::Out => language.say("history-me", &[("name", &background.name(&line.with))]),
        };
        let state = match (&line.state, line.arrived_at) {
            (LineState::Failed(problem), _) => {
                let why = words::problem_sentence(problem, language);
                format!("  {}", language.say("not-sent", &[("why", &why)]))
            }
            (LineState::Waiting | LineState::Queued | LineState::Sent, _) => {
                format!("  {}", language.text("history-undelivered"))
            }
            (LineState::Delivered | LineState::Read, Some(at)) if line.is_late() => {
                format!("  {}", language.say("arrived-at", &[("time", &moment(at, zone))]))
            }
            (LineState::Delivered | LineState::Read, _) => String::new(),
        };
        let said = said::in_history(line, background, language);
        let _ = writeln!(text, "{}  {who}  {said}{state}", moment(line.sent_at, zone));
    }
    text.truncate(text.trim_end_matches('\n').len());
    text
}

/// Day and minute, as people read them.
pub(super) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    plain::instant(at).to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

pub(super) fn settings(settings: &[(String, String)]) -> String {
    rows(settings.iter().map(|(name, value)| [name.clone(), value.clone()]))
}

pub(super) fn help(commands: &[CommandHelp], language: &Language) -> String {
    rows(commands.iter().map(|command| {
        let usage = words::usage(command, language);
        [format!("/{} {usage}", command.word), words::help(command, language)]
    }))
}

/// How many lines nobody has seen yet, if any.
pub(super) fn unread(count: u64, language: &Language) -> String {
    if count == 0 { String::new() } else { language.count("unread", count, &[]) }
}

/// That nothing is sent, if another key owns the name now.
fn stopped(offered: Option<PeerId>, language: &Language) -> String {
    offered.map(|key| language.say("stopped", &[("key", &key)])).unwrap_or_default()
}

/// How many lines wait, if any.
fn waiting(count: u64, language: &Language) -> String {
    if count == 0 { String::new() } else { language.count("waiting", count, &[]) }
}

/// Aligned columns, two spaces apart; empty cells at the end of a line take no room.
#[must_use]
pub fn rows<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row).filter(|(width, _)| **width > 0) {
            let _ = write!(line, "{cell}{}  ", " ".repeat(width - cell.width()));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.pop();
    text
}

/// Between which words a row may end: as UAX #14 has it, but before a slash that begins a word, and not
/// behind it, so that `/reject` and `https://example.org` stay whole.
pub(super) const WORDS: WordSeparator = WordSeparator::Custom(words_of);

fn words_of(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let words = WordSeparator::UnicodeBreakProperties.find_words(line);
    let ends = words.scan(0, |end, word| {
        *end += word.word.len() + word.whitespace.len();
        Some(*end)
    });
    let mut ends: Vec<usize> =
        ends.filter(|&end| end == line.len() || !ends_in_a_first_slash(&line[..end])).collect();
    ends.extend(line.match_indices(" /").map(|(space, _)| space + 1));
    ends.sort_unstable();
    ends.dedup();
    let mut start = 0;
    Box::new(
        ends.into_iter().map(move |end| Word::from(&line[std::mem::replace(&mut start, end)..end])),
    )
}

fn ends_in_a_first_slash(text: &str) -> bool {
    let before = text.trim_end_matches('/');
    before.len() < text.len() && !before.ends_with(char::is_alphanumeric)
}

/// Breaks lines so that none has more than `columns` cells, words longer than that excepted: at
/// spaces, and between the characters of languages that write without them.
pub(super) fn wrap(sentence: &str, columns: usize) -> String {
    let options = textwrap::Options::new(columns)
        .word_separator(WORDS)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .break_words(false);
    textwrap::fill(sentence, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_and_an_address_stay_whole_and_a_path_breaks_behind_its_parts() {
        assert_eq!(wrap("say /accept, /reject", 14), "say /accept,\n/reject");
        assert_eq!(wrap("（要发送斜杠：//foo）", 16), "（要发送斜\n杠：//foo）");
        assert_eq!(
            wrap("see https://example.org/one/two", 22),
            "see\nhttps://example.org/\none/two"
        );
        assert_eq!(wrap("either/or", 8), "either/\nor");
        assert_eq!(wrap("ends in //", 8), "ends in\n//");
    }

    #[test]
    fn columns_line_up_in_cells_not_in_bytes() {
        let cell = |text: &str| text.to_owned();
        let table =
            rows([["爱丽丝", "", "one"], ["bob", "", "two"]].map(|r| r.map(cell)).into_iter());
        assert_eq!(table, "爱丽丝  one\nbob     two");
    }
}
