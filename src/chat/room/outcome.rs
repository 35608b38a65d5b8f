//! What becomes of an entry, and why one is not taken.

use std::sync::Arc;

use p2pchat_wire::identity::PeerId;
use serde::{Deserialize, Serialize};

use super::{End, Entry, Fork, LogId, Place};

/// What became of an entry, or of a proof.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is new and counts, or may come to: to be kept on disk, shown, and passed on.
    New(Arc<Entry>),
    /// We have it.
    Known,
    /// A line from before the last one: the caller has it, or never wanted it. If the one that he has with
    /// that number is another, [`Fork::between`] the two is a proof for [`super::Log::add_fork`].
    Old(Arc<Entry>),
    /// It waits for something else, which is worth asking for.
    Waiting(Missing),
    /// Somebody shows two histories. New: to be kept on disk, shown, and passed on.
    Fork(Box<Fork>),
    /// It is not taken.
    Refused(Refusal),
}

/// What an entry waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// Entries of its own log.
    Entries {
        /// The log.
        log: LogId,
        /// Whether acts, or lines.
        acts: bool,
        /// The first one that is missing, or of which its author has told us another.
        from: u64,
    },
    /// That this key is invited.
    Invitation(PeerId),
}

/// Why an entry is not taken, or an act not possible.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refusal {
    /// Its author did not sign it.
    #[error("the signature does not fit")]
    Forged,
    /// It belongs to another room.
    #[error("it belongs to another room")]
    OtherRoom,
    /// It cannot stand where it does in its log.
    #[error("it cannot stand at this place of its log")]
    Misplaced,
    /// It is more than [`super::MAX_AHEAD_MS`] ahead of our clock.
    #[error("its author's clock is more than a day ahead of ours")]
    Ahead,
    /// Only who is invited may join.
    #[error("only who is invited may join")]
    NotInvited,
    /// Its author was kicked.
    #[error("its author was removed from the room")]
    Kicked,
    /// Its author has left.
    #[error("its author had left the room")]
    Left,
    /// Its author has shown two histories.
    #[error("its author has shown two histories")]
    TwoHistories,
    /// Its author is no member.
    #[error("its author is not in the room")]
    NotMember,
    /// Only the owner can do that.
    #[error("only the owner of the room can do that")]
    NotOwner,
    /// There are [`super::MAX_MEMBERS`] members.
    #[error("the room is full")]
    Full,
    /// The member has joined [`super::MAX_STAYS`] times.
    #[error("its author has joined too often; the owner can invite again")]
    TooManyStays,
    /// The stay has [`super::MAX_ACTS_OF_STAY`] acts.
    #[error("its author has done as much as one stay allows; who joins again can go on")]
    TooManyActs,
    /// The room has [`super::MAX_ACTS`] acts.
    #[error("the room has seen as much as a room can; only talking is left")]
    WornOut,
    /// It is longer than allowed, or has no content.
    #[error("it is too long, or empty")]
    Unfit,
}

/// Whether a line counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Standing {
    /// Yes.
    #[default]
    Counts,
    /// Not any more: it is beyond what the end of its stay left.
    Withdrawn(End),
    /// No: its author's stay does not count.
    NotMember,
}

/// Which lines of a log count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Counted {
    /// The log.
    pub log: LogId,
    /// Those up to this number do,
    pub lines: u64,
    /// and of them those that were said after no more acts of their author than this.
    pub acts: u64,
    /// What the others are.
    pub rest: Standing,
}

impl Counted {
    /// Whether the line at this place counts.
    #[must_use]
    pub fn standing(&self, place: Place) -> Standing {
        match place {
            Place::Line { seq, acts } if seq > self.lines || acts > self.acts => self.rest,
            _ => Standing::Counts,
        }
    }
}
