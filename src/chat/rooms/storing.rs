//! What a room asks of the disk.
//!
//! Requests are carried out in the order in which they were made, each is answered once, in the same order, and
//! an answer other than [`Answer::Failed`] means that the change is there to stay.

use std::collections::BTreeMap;
use std::sync::Arc;

use p2pchat_wire::identity::PeerId;

use super::super::room::{Entry, Fork, LogId, RoomId};
use super::Receipt;

/// Something to be kept or read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// Keep an entry; done if it is there. A line that takes back another of its author erases that one's
    /// content, in the same transaction.
    Entry {
        /// The room.
        room: RoomId,
        /// The entry.
        entry: Arc<Entry>,
        /// Whether it is the first line of its log that we are to have. Otherwise a line is refused if the
        /// one before it is not there: where one could not be kept, none behind it may be.
        begins: bool,
    },
    /// Keep a proof that somebody shows two histories.
    Fork(RoomId, Box<Fork>),
    /// Keep who has our lines, in place of what was kept of the same stay and member.
    Receipt {
        /// The room.
        room: RoomId,
        /// Our stay.
        stay: u64,
        /// The member.
        member: PeerId,
        /// What he has.
        receipt: Receipt,
    },
    /// Keep whether a person wants to be in the room.
    Wanted(RoomId, bool),
    /// Keep that we have begun a new stay: [`Stored::copied`] is over.
    Renewed(RoomId),
    /// Read lines. Answered by [`Answer::Lines`].
    Lines {
        /// The room.
        room: RoomId,
        /// The log.
        log: LogId,
        /// The number of the first.
        from: u64,
        /// The number of the last.
        to: u64,
        /// About so many bytes, but at least one line.
        bytes: usize,
    },
    /// Read all that a room begins with. Answered by [`Answer::Room`].
    Room(RoomId),
}

/// The answer to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It is on disk.
    Done,
    /// Lines as they are sent, without a gap; none if the first is not here.
    Lines(Vec<Vec<u8>>),
    /// What a room begins with.
    Room(Box<Stored>),
    /// Nothing was changed.
    Failed,
}

/// A room as it is on disk.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stored {
    /// Whether a person wants to be in it.
    pub wanted: bool,
    /// Whether this may be an old copy, so that numbers of our last stay may have been used since.
    pub copied: bool,
    /// Its acts, in their order; the first creates it. None: nobody has told us about it yet.
    pub acts: Vec<Entry>,
    /// The proofs that somebody shows two histories.
    pub forks: Vec<Fork>,
    /// The first and the last line that is there of each log.
    pub lines: Vec<(Entry, Entry)>,
    /// Who has our lines: by stay and member.
    pub receipts: BTreeMap<(u64, PeerId), Receipt>,
    /// The first line of each log that a member is given who came late.
    pub floors: BTreeMap<(PeerId, LogId), u64>,
}

impl Stored {
    /// Whether only one person was ever in it, who said nothing.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let mut authors = self.acts.iter().map(|act| act.header().log.author);
        let first = authors.next();
        self.lines.is_empty() && authors.all(|author| Some(author) == first)
    }
}
