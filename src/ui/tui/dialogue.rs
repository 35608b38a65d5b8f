//! One conversation on the screen: what was said in it, and what its other side is like.

use std::collections::VecDeque;

use jiff::tz::TimeZone;

use super::entry::{Entry, Kind};
use super::scrollback::Scrollback;
use crate::chat::{Address, LineId, PeerSummary, Timestamp};

/// One conversation.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) address: Address,
    /// As the chat knows it.
    pub(super) summary: Option<PeerSummary>,
    pub(super) scrollback: Scrollback,
    /// Lines of theirs that nobody has seen yet.
    pub(super) unseen: VecDeque<LineId>,
    /// What was being written when the person went to another conversation.
    pub(super) draft: String,
    /// Their key has changed.
    pub(super) alarm: bool,
}

impl Dialogue {
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            summary: None,
            scrollback: Scrollback::default(),
            unseen: VecDeque::new(),
            draft: String::new(),
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

    /// `V` a person has confirmed the key, `=` it is the one seen before, `?` none is known yet,
    /// `!` it has changed.
    pub(super) fn trust(&self) -> char {
        match &self.summary {
            _ if self.alarm => '!',
            Some(summary) if summary.verified => 'V',
            Some(summary) if summary.key.is_some() => '=',
            _ => '?',
        }
    }

    /// The reader turns to something else: what was seen so far is not unread the next time.
    pub(super) fn leave(&mut self) {
        if self.unseen.is_empty() {
            self.scrollback.all_read();
        }
    }
}
