//! One conversation on the screen: what was said in it, and what its other side is like.

use jiff::tz::TimeZone;

use super::entry::{Entry, Kind};
use super::scrollback::Scrollback;
use crate::chat::{Address, Input, LineId, PeerSummary, Timestamp, Trust};

/// One conversation.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) address: Address,
    /// As the chat knows it.
    pub(super) summary: Option<PeerSummary>,
    pub(super) scrollback: Scrollback,
    /// The newest of their lines that nobody has seen, and how many there are.
    pub(super) unseen: Option<(LineId, usize)>,
    /// What was being written when the person went to another conversation.
    pub(super) draft: String,
    /// What the chat keeps of it for the next start.
    pub(super) kept: String,
    /// Until when they count as typing.
    pub(super) typing: Option<Timestamp>,
    /// Their key has changed.
    pub(super) alarm: bool,
}

impl Dialogue {
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            summary: None,
            scrollback: Scrollback::default(),
            unseen: None,
            draft: String::new(),
            kept: String::new(),
            typing: None,
            alarm: false,
        }
    }

    /// Says something that is nobody's line.
    pub(super) fn remark(
        &mut self,
        now: Timestamp,
        zone: &TimeZone,
        sentence: String,
        alarm: bool,
    ) {
        self.scrollback.push(Entry::new(now, zone, Kind::Remark { sentence, alarm }), true);
    }

    /// How far their key can be trusted, in a character. A room has no key.
    pub(super) fn trust(&self) -> Option<char> {
        let trust = match &self.summary {
            _ if self.alarm => Trust::Changed,
            _ if self.address.is_room => return None,
            Some(summary) => summary.trust,
            None => Trust::New,
        };
        Some(trust.mark())
    }

    /// Whether nobody is to be called to the screen for them.
    pub(super) fn is_quiet(&self) -> bool {
        self.summary.as_ref().is_some_and(|summary| summary.quiet)
    }

    /// Whether there is something that a person wants to see now.
    pub(super) fn calls(&self) -> bool {
        self.alarm || self.unread() > 0 && !self.is_quiet()
    }

    /// A line of theirs has come.
    pub(super) fn came(&mut self, id: LineId) {
        let count = self.unseen.map_or(0, |(_, count)| count);
        self.unseen = Some((id, count + 1));
        self.typing = None;
    }

    /// What is to be said to the chat so that it keeps the draft for the next start.
    pub(super) fn keep_draft(&mut self) -> Option<Input> {
        (self.draft != self.kept).then(|| {
            self.kept.clone_from(&self.draft);
            Input::Draft { with: self.address.clone(), text: self.draft.clone() }
        })
    }

    /// How many of their lines nobody has seen.
    pub(super) fn unread(&self) -> u64 {
        let known = self.summary.as_ref().map_or(0, |summary| summary.unread);
        known.max(self.unseen.map_or(0, |(_, count)| count as u64))
    }

    /// The reader turns to something else: what was seen so far is not unread the next time.
    pub(super) fn leave(&mut self) {
        if self.unseen.is_none() {
            self.scrollback.all_read();
        }
    }
}
