//! Rooms among others: how the members of a room come to have the same entries, without a server that
//! keeps them.
//!
//! [`super::room`] is what a room is: signed entries, and what they come to. Here is how they travel. One
//! [`Replica`] is our copy of one room. It hears which members we are connected with and what they say,
//! asks the disk to keep entries and to read them again, and says what is to be sent. It has no session, no
//! disk and no clock.
//!
//! In the order in which to read them: [`record`] is what members say to each other, [`storing`] what the
//! disk is asked, [`replica`] the machine, `neighbour` what is on its way to one member, `sending` how it gets
//! there, `hearing` what becomes of what a member says, `comparing` how two members find out that they have
//! not the same, `receipts` who has our lines.
//!
//! # How an entry reaches everybody
//!
//! 1. Its author has it on disk, and then sends it to every member whom he is connected with.
//! 2. Two members who meet compare one hash that stands for all they have. If it differs, both tell how far
//!    they have each log, and send what the other lacks.
//! 3. Not all can meet. So whoever has something new compares with one of his neighbours after the
//!    other, every [`COMPARE`], until he has agreed with each. Where there is a chain of members between
//!    two, entries get from the one to the other; when all have the same, nobody says anything.
//! 4. That somebody was removed does not wait for that: whoever hears it tells all his neighbours before
//!    any other line, the removed one too.
//!
//! # What a receipt means
//!
//! A member says what he has only when it is on his disk. Whoever wrote a line counts those who say so
//! themselves: nobody else's word is taken for it.
//!
//! # What a hostile member can cost
//!
//! - What is not signed by whom it claims, or belongs to another room, ends the talk with whoever sent it until
//!   he connects again.
//! - What is on its way to a neighbour is bounded by what there is to send once; asking for it again while
//!   it is on its way changes nothing. He gets [`WINDOW`] records, and the next when he has answered.
//! - While the disk is behind by [`MAX_PENDING`] requests, entries are not taken. They come again when we
//!   compare.
//! - Whoever never agrees is asked less and less often.
//! - Nobody is told lines who is no member, and acts only who is a member or may become one.

mod comparing;
mod hearing;
mod neighbour;
mod receipts;
pub mod record;
pub mod replica;
mod sending;
pub mod storing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use p2pchat_wire::identity::PeerId;

pub use receipts::Receipt;
pub use record::{Denial, RoomRecord, Says};
pub use replica::Replica;
pub use storing::{Answer, Request, Stored};

use super::Timestamp;
use super::room::{Entry, LogId, Refusal, RoomId, State, Stay};

/// How often whoever has something new compares with one neighbour.
pub const COMPARE: Duration = Duration::from_secs(10);

/// Comparing without coming to an agreement doubles the time until the next, so many times at most:
/// every twenty minutes.
const MAX_FRUITLESS: u32 = 7;

/// Records with entries that one neighbour may be sent before he has answered the first.
pub const WINDOW: usize = 4;

/// Bytes of the entries in one record; one entry may be longer.
pub const BATCH_BYTES: usize = 32 * 1024;

/// Requests to the disk that may be unanswered before entries are not taken any more. More than the
/// windows of all members of a full room.
pub const MAX_PENDING: usize = 8192;

/// How long we wait for the rest of a room before we join what we have of it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Now.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Since some beginning, by a clock that only goes forward.
    pub at: Duration,
    /// By the clock on the wall.
    pub clock: Timestamp,
}

/// Something to be done, or told.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this over the session with a neighbour, in order.
    Send {
        /// To whom.
        to: PeerId,
        /// What.
        record: RoomRecord,
    },
    /// Ask the disk. Answers come in the order of the requests.
    Store(Request),
    /// Tell whoever wants to know.
    Event(Event),
    /// Nothing more for now; call [`Replica::handle_timeout`] then.
    Timeout(Option<Duration>),
}

/// What has happened in a room.
#[derive(Clone, Debug)]
pub enum Event {
    /// A line is on disk. It may be one of ours.
    Line(Arc<Entry>),
    /// A line or an act of ours could not be kept. It was sent to nobody, and is gone.
    NotKept(Arc<Entry>),
    /// The room is not what it was.
    Changed(Box<State>),
    /// How much of a stay counts is not what it was: see [`Stay`]. `None`: the stay does not count at all.
    Counts(LogId, Option<Stay>),
    /// Somebody shows two histories, and there is proof.
    TwoHistories(LogId),
    /// A neighbour has sent what nobody honest sends: what is not signed by whom it names, or belongs to
    /// another room. Said once of each.
    Forges(PeerId),
    /// A member has our lines of this stay up to this number.
    Has {
        /// Who.
        member: PeerId,
        /// Of which stay of ours.
        stay: u64,
        /// The last line that he has.
        last: u64,
    },
    /// We cannot join, as far as we know the room. Should that change, we do.
    NotAdmitted(Refusal),
    /// A neighbour does not let us in. He may know better than we.
    Denied(PeerId, Denial),
    /// The disk has refused something, so the room is read again from it.
    ReadAgain(RoomId),
}
