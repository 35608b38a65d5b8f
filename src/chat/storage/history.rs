//! Lines as people read them.

use p2pchat_wire::identity::PeerId;
use serde::{Deserialize, Serialize};

use super::{Direction, Place};
use crate::chat::room::Standing;
use crate::chat::{Address, Audience, LineId, LineState, Manner, Timestamp};

/// A line as history shows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// With whom, or in which room.
    pub with: Address,
    /// In a room: who wrote it, if not we.
    pub author: Option<Address>,
    /// The key of who wrote it, if not we.
    pub key: Option<PeerId>,
    /// Its identifier.
    pub id: LineId,
    /// Ours or theirs.
    pub direction: Direction,
    /// When it was written.
    pub sent_at: Timestamp,
    /// Theirs: when it came. Ours: when it was delivered, if it was.
    pub arrived_at: Option<Timestamp>,
    /// To whom it was addressed.
    pub audience: Audience,
    /// The text: not fit for a terminal as it is. Empty if the line is deleted.
    pub text: String,
    /// What it is: never one that amends another.
    pub manner: Manner,
    /// The line that it replies to, if that is here.
    pub quote: Option<Quote>,
    /// When its author last changed the text, by the author's clock.
    pub edited_at: Option<Timestamp>,
    /// Whether its author has deleted it.
    pub deleted: bool,
    /// In a room: whether it counts. Of a line that does not, the text is empty.
    pub standing: Standing,
    /// Who has reacted to it, and how.
    pub reactions: Vec<Reaction>,
    /// How far it has come. Theirs are delivered, and read once they have been shown.
    pub state: LineState,
    /// In a room: whether somebody else is known here by the name of who wrote it. The disk does not know.
    pub namesake: bool,
    /// Of a line of ours in a room: how many have it.
    pub progress: Option<Progress>,
    /// Where it stands.
    pub place: Place,
}

impl HistoryLine {
    /// In a room: who wrote it, if not we, and with which key.
    #[must_use]
    pub fn member(&self) -> Option<(&Address, PeerId)> {
        self.author.as_ref().zip(self.key)
    }

    /// Whether the line came so long after it was written that both times should be shown.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.arrived_at.is_some_and(|at| at.since(self.sent_at) > LATE)
    }
}

/// A line that came more than so many milliseconds after it was written is late.
pub(in crate::chat) const LATE: u64 = 60_000;

/// How many have a line of ours in a room, of those who are to have it: who was there when it was written,
/// and has it or is there still.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// How many have it.
    pub have: usize,
    /// Of how many, us not counted.
    pub of: usize,
}

/// How somebody has reacted to a line.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    /// Who: we, or another.
    pub by: Direction,
    /// In a room: who, if not we.
    pub author: Option<Address>,
    /// How: not fit for a terminal as it is.
    pub text: String,
}

/// What a line that another is about looks like, for whoever does not have it at hand.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Who wrote it: we, or the other.
    pub by: Direction,
    /// In a room: who, if not we.
    pub author: Option<Box<Address>>,
    /// Their key.
    pub key: Option<Box<PeerId>>,
    /// When it was written.
    pub sent_at: Timestamp,
    /// How its text begins, [`QUOTE`] characters at most; `None` if it is deleted, does not count, or is
    /// not to be shown.
    pub text: Option<String>,
    /// The person does not want to hear whoever wrote it. The disk does not know.
    pub is_hidden: bool,
}

/// Characters of a text that a [`Quote`] holds.
pub const QUOTE: usize = 160;
