//! Answers that are lists.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use p2pchat_wire::identity::PeerId;
use unicode_width::UnicodeWidthStr;

use super::{plain, said, words};
use crate::chat::command::CommandHelp;
use crate::chat::{Contact, Direction, HistoryLine, PeerSummary, clean};

pub(super) fn who(peers: &[PeerSummary]) -> String {
    if peers.is_empty() {
        return "Nobody is here. /msg NAME TEXT writes to somebody who comes later.".to_owned();
    }
    rows(peers.iter().map(|peer| {
        let state = match peer.path {
            Some(_) => words::by(peer.path),
            None => peer.state.as_str().to_owned(),
        };
        let waiting = match peer.waiting {
            0 => String::new(),
            count => format!("{count} waiting"),
        };
        let mark = if peer.current { "> " } else { "  " };
        [
            format!("{mark}{}", peer.peer),
            trust(peer.key, peer.verified),
            state,
            waiting,
            peer.software.as_deref().map(|name| clean::label(name, 30)).unwrap_or_default(),
        ]
    }))
}

pub(super) fn contacts(contacts: &[Contact]) -> String {
    if contacts.is_empty() {
        return "You know nobody yet. /msg NAME TEXT, or p2pchat --peer NAME@HOST.".to_owned();
    }
    rows(contacts.iter().map(|contact| {
        let offered = contact
            .offered
            .map(|key| format!("STOPPED: now claims the key {key}, see /trust"))
            .unwrap_or_default();
        let waiting = match contact.waiting {
            0 => String::new(),
            count => format!("{count} waiting"),
        };
        let key = contact.key.map_or_else(|| "no key yet".to_owned(), |key| key.to_string());
        let verified = if contact.verified { "verified" } else { "" };
        [contact.address.to_string(), key, verified.to_owned(), waiting, offered]
    }))
}

pub(super) fn history(lines: &[HistoryLine], zone: &TimeZone) -> String {
    if lines.is_empty() {
        return "Nothing was said yet.".to_owned();
    }
    let mut text = String::new();
    for line in lines {
        let (who, state) = match line.direction {
            Direction::In => (line.with.name.to_string(), ""),
            Direction::Out if line.arrived_at.is_some() => (format!("me>{}", line.with.name), ""),
            Direction::Out => (format!("me>{}", line.with.name), "  (not delivered yet)"),
        };
        let said = said::in_history(line);
        let _ = writeln!(text, "{}  {who}  {said}{state}", plain::time(line.sent_at, zone));
    }
    text.truncate(text.trim_end_matches('\n').len());
    text
}

pub(super) fn settings(settings: &[(&str, &str)]) -> String {
    rows(settings.iter().map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]))
}

pub(super) fn help(commands: &[CommandHelp]) -> String {
    rows(
        commands.iter().map(|command| {
            [format!("/{} {}", command.word, command.usage), command.help.to_owned()]
        }),
    )
}

fn trust(key: Option<PeerId>, verified: bool) -> String {
    match key {
        None => "no key yet".to_owned(),
        Some(key) if verified => format!("{} verified", key.tag()),
        Some(key) => key.tag(),
    }
}

/// Aligned columns, two spaces apart; empty cells at the end of a line take no room.
pub(super) fn rows<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
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

/// Breaks lines at spaces so that none has more than `columns` cells, words longer than that
/// excepted.
pub(super) fn wrap(sentence: &str, columns: usize) -> String {
    let mut text = String::with_capacity(sentence.len());
    let mut used = 0;
    for word in sentence.split(' ') {
        let width = word.width();
        if used > 0 && used + 1 + width > columns {
            text.push('\n');
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += width;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_cells_not_in_bytes() {
        let cell = |text: &str| text.to_owned();
        let table =
            rows([["爱丽丝", "", "one"], ["bob", "", "two"]].map(|r| r.map(cell)).into_iter());
        assert_eq!(table, "爱丽丝  one\nbob     two");
    }
}
