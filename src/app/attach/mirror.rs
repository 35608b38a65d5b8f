//! The holder's knowledge of a screen in another process: what it was told last.
//!
//! A screen takes in the notices of the chat and draws itself. Besides, it wants to know how
//! people are, who is in the room that is open, and what everybody is called. Of these it is told what is
//! not as it was, the first time all of it.

use std::collections::BTreeMap;

use super::protocol::Word;
use crate::chat::{Address, Attendee, Chat, FaceId, HistoryLine, Nicknames, Notice, PeerSummary};
use crate::ui::Background;

/// Text in one answer, in bytes. Whatever is in it, it fits into a line of the protocol; lines that do
/// not fit are asked for with the next page.
const MAX_TEXT: usize = 512 << 10;

/// What a screen was told.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    peers: BTreeMap<Address, PeerSummary>,
    members: Option<Vec<Attendee>>,
    calling: Option<(Nicknames, bool, bool)>,
}

impl Mirror {
    /// What is to be said of a notice.
    pub(super) fn tell(&mut self, notice: &Notice, background: Background<'_>) -> Vec<Word> {
        let nicknames = background.nicknames.cloned().unwrap_or_default();
        let calling = Some((nicknames, background.several, background.nearby));
        let mut words = Vec::new();
        if calling != self.calling {
            self.calling = calling;
            words.extend(self.calling.as_ref().map(|(nicknames, several, nearby)| Word::Calling {
                nicknames:
                    nicknames.iter().map(|(who, name)| (who.clone(), name.clone())).collect(),
                several: *several,
                nearby: *nearby,
            }));
        }
        let cause = match notice {
            Notice::Trouble { .. } => background.cause.cloned(),
            _ => None,
        };
        if let Notice::Removed(peer) = notice {
            self.peers.remove(peer);
        }
        words.push(Word::Told { notice: Box::new(bounded(notice)), cause });
        words
    }

    /// What is to be said of how things are now.
    pub(super) fn refresh(&mut self, chat: &Chat, face: FaceId) -> Vec<Word> {
        let mut words = Vec::new();
        let peers = chat.peers(face).into_iter();
        let changed = peers.filter(|one| self.peers.get(&one.peer) != Some(one));
        let changed: Vec<PeerSummary> = changed.collect();
        if !changed.is_empty() {
            self.peers.extend(changed.iter().map(|one| (one.peer.clone(), one.clone())));
            words.push(Word::Peers { peers: changed });
        }
        let members = chat.current(face).and_then(|room| chat.members(room));
        if members != self.members {
            self.members.clone_from(&members);
            words.push(Word::Members { members });
        }
        words
    }
}

/// The same with no more lines than fit. Of a page they are the newest: the one before it is asked for
/// by the first of them.
fn bounded(notice: &Notice) -> Notice {
    let mut notice = notice.clone();
    match &mut notice {
        Notice::Page { lines, end, .. } => {
            let fitting = fitting(lines.iter().rev());
            *end &= fitting == lines.len();
            lines.drain(..lines.len() - fitting);
        }
        Notice::History(lines) => {
            let fitting = fitting(lines.iter().rev());
            lines.drain(..lines.len() - fitting);
        }
        Notice::Found { lines, .. } => {
            let fitting = fitting(lines.iter());
            lines.truncate(fitting);
        }
        _ => {}
    }
    notice
}

/// How many of the first lines fit: one at least.
fn fitting<'a>(lines: impl Iterator<Item = &'a HistoryLine>) -> usize {
    let length = |line: &HistoryLine| {
        let quoted = line.quote.as_ref().and_then(|quote| quote.text.as_ref());
        line.text.len() + quoted.map_or(0, String::len)
    };
    let lengths = lines.scan(0, |sum, line| {
        *sum += length(line);
        Some(*sum)
    });
    lengths.enumerate().take_while(|(place, sum)| *place == 0 || *sum <= MAX_TEXT).count()
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::*;
    use crate::app::attach::protocol::MAX_LINE;
    use crate::ui::json;

    #[test]
    fn whatever_the_chat_can_say_a_screen_elsewhere_hears() {
        for notice in json::examples::notices().into_iter().chain(json::examples::room_notices()) {
            let words = Mirror::default().tell(&notice, Background::default());
            let text = serde_json::to_string(words.last().expect("it is told")).expect("JSON");
            let Ok(Word::Told { notice: heard, .. }) = serde_json::from_str(&text) else {
                panic!("{text}")
            };
            assert_eq!(*heard, notice);
        }
    }

    #[test]
    fn a_page_fits_into_a_line_of_the_protocol_and_the_rest_is_asked_for_again() {
        let with = Address::new(Name::new("alice").expect("name"), "host");
        let pages = json::examples::notices().into_iter().filter_map(|notice| match notice {
            Notice::Page { lines, .. } => lines.into_iter().next(),
            _ => None,
        });
        let line = pages.into_iter().next().expect("an example");
        let lines: Vec<HistoryLine> = (0..200)
            .map(|place| HistoryLine {
                text: "\u{1}".repeat(crate::chat::MAX_TEXT),
                place: crate::chat::Place(place),
                ..line.clone()
            })
            .collect();
        let page = Notice::Page { with, lines, end: true };
        let words = Mirror::default().tell(&page, Background::default());
        let text = serde_json::to_string(words.last().expect("it is told")).expect("JSON");
        assert!((text.len() as u64) < MAX_LINE);
        let Ok(Word::Told { notice, .. }) = serde_json::from_str(&text) else { panic!() };
        let Notice::Page { lines, end, .. } = *notice else { panic!() };
        assert!(!end && lines.len() > 1);
        assert_eq!(lines.last().map(|line| line.place), Some(crate::chat::Place(199)));
    }
}
