//! The log of a room: who is in it, and what was said, as entries that everybody signs for himself and
//! anybody may pass on.
//!
//! No server orders the entries and no member is trusted to pass them on unchanged. Each member writes a
//! **log** for each stay in the room: two chains of signed [`Entry`]s, its *acts* (joining, inviting,
//! kicking...) and its *lines* (what is said). An entry carries the hash of the one before it, so a chain
//! has no gap and one history. All acts together are put into one order and folded to a [`State`]; so
//! whoever has the same acts sees the same room, whatever the order in which they came.
//!
//! In the order in which to read them: [`act`] is what can be done, [`entry`] how it is signed and
//! written, [`state`] what all acts come to, [`fork`] the proof that somebody shows two histories, [`log`]
//! how entries are taken in, [`compare`] what two members tell each other to find what one of them lacks,
//! `waiting` where those entries stay that came too early.
//!
//! # The order of acts
//!
//! By [`Header::at_ms`](entry::Header::at_ms), ties by hash. The time is that of a hybrid logical clock (Kulkarni et al.,
//! "Logical Physical Clocks", 2014): each act is later than all that its author knew, and otherwise as the wall
//! clock says. An act more than [`MAX_AHEAD_MS`] ahead of our own clock is not taken in yet, so nobody
//! can push the room's time further than that. Dating an act back gains nothing that counts: a chain's times
//! only grow, and a Kick names the last act and the last line that still count.
//!
//! # What a hostile member can cost
//!
//! - Entries are bounded before anything is allocated: [`MAX_ENTRY`] bytes, acts [`MAX_ACT`].
//! - A stay has at most [`MAX_ACTS_OF_STAY`] acts, a member at most [`MAX_STAYS`] stays until the owner invites
//!   again, the room [`MAX_ACTS`], of which the last [`OWNERS_ACTS`] are for the owner: a flood
//!   cannot keep him from kicking.
//! - An act is held only if its stay lasted where it stands, though a Kick may have taken it back since: what
//!   somebody dates back behind a Kick is held in as many stays as he could have had before it. Whoever is not
//!   invited, kicked, or too many, leaves nothing behind but a place among those that wait.
//! - At most [`MAX_WAITING`] entries and [`MAX_WAITING_BYTES`] wait for others, [`MAX_WAITING_OF`]
//!   of one author; the oldest go first. They are signed, and come again when logs are compared.
//! - Lines are not held here: their two ends are. A line costs one verification.
//! - An act costs a fold of at most [`MAX_ACTS`] acts if it is not the last in the order; each Kick can make
//!   that fold begin again, each time for acts that it had not taken back before.
//! - A [`Fork`] is kept only of stays that we knew, one for each, for at most [`MAX_STRIKES`] stays.

pub mod act;
pub mod compare;
pub mod entry;
pub mod fork;
pub mod log;
pub mod outcome;
pub mod state;
#[cfg(test)]
mod tests;
mod waiting;

use std::fmt;

use p2pchat_wire::identity::PeerId;
use serde::{Deserialize, Serialize};

pub use act::{Access, Act, Cut, MAX_TOPIC};
pub use compare::{Head, Lacking, LineRange};
pub use entry::{Body, Entry, Header, Line, Place};
pub use fork::Fork;
pub use log::Log;
pub use outcome::{Counted, Missing, Outcome, Refusal, Standing};
pub use state::{End, Invitation, Member, State, Stay, Topic};

use super::record::MAX_TEXT;

/// The longest entry: a line with the longest text.
pub const MAX_ENTRY: usize = MAX_TEXT + 512;

/// The longest content of an act.
pub const MAX_ACT: usize = 2048;

/// Members of a room at one time.
pub const MAX_MEMBERS: usize = 30;

/// Acts of a room by all who have ever been there. After that only the owner can do anything but talk.
pub const MAX_ACTS: usize = 4096;

/// Acts beyond [`MAX_ACTS`] that the owner can do.
pub const OWNERS_ACTS: usize = 512;

/// Acts of one stay. A member who needs more joins again, which begins a new stay.
pub const MAX_ACTS_OF_STAY: u64 = 128;

/// Stays of one member, until the owner invites him again.
pub const MAX_STAYS: usize = 16;

/// Stays that have shown two histories, of which the proofs are kept.
pub const MAX_STRIKES: usize = 1024;

/// How far ahead of our clock an act may be: a day, which forgives a clock in another time zone.
pub const MAX_AHEAD_MS: u64 = 24 * 60 * 60 * 1000;

/// Entries that wait for others.
pub const MAX_WAITING: usize = 256;

/// Bytes of the entries that wait for others.
pub const MAX_WAITING_BYTES: usize = 1 << 20;

/// Entries of one author that wait for others.
pub const MAX_WAITING_OF: usize = 32;

/// What names a header, and through it an entry: its BLAKE3 hash.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// A room: the hash of the header of its first act. Written as 64 hexadecimal digits.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
pub struct RoomId(pub [u8; 32]);

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One stay of one member in a room, and the log that is written in it.
///
/// Each stay is a new log, so somebody who left and came back, or was restored from an old copy, never
/// gives a number to two entries.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct LogId {
    /// Who writes it.
    pub author: PeerId,
    /// Random.
    pub stay: u64,
}
