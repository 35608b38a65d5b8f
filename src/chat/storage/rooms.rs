//! What rooms and disk say to each other.

use crate::chat::room::RoomId;
use crate::chat::rooms::{Answer, Request, Stored};
use crate::chat::storage::Quote;
use crate::chat::{Address, LineId, Timestamp};

/// What a room asks of the disk, and what its history is to show of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomRequest {
    /// The room.
    pub room: Address,
    /// What it asks. A line is put into the room's history in the same transaction.
    pub request: Request,
    /// Who wrote the line, if not we.
    pub author: Option<Address>,
    /// Whether the line is not shown by itself, because the person does not want to hear its author.
    pub hidden: bool,
    /// When it came, or was written, by our clock.
    pub at: Timestamp,
}

/// The disk's answer to a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomReply {
    /// What the room is told.
    pub answer: Answer,
    /// Of a line that is about another, what that one was before.
    pub quote: Option<Quote>,
}

/// A room as the disk has it when a chat begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptRoom {
    /// Which.
    pub id: RoomId,
    /// What it is called.
    pub address: Address,
    /// What it begins with.
    pub stored: Stored,
    /// Our last lines there, the oldest first, [`OwnLine::MAX`] at most.
    pub said: Vec<OwnLine>,
}

/// A line of ours in a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OwnLine {
    /// Its identifier.
    pub id: LineId,
    /// Our stay.
    pub stay: u64,
    /// Its number there.
    pub seq: u64,
    /// Whether everybody who is to have it is known to.
    pub delivered: bool,
}

impl OwnLine {
    /// So many are remembered of a room.
    pub const MAX: usize = 1000;
}

impl From<Answer> for RoomReply {
    fn from(answer: Answer) -> Self {
        Self { answer, quote: None }
    }
}
