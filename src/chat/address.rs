//! Who a conversation is with: the name of a person or of a room, and the rendezvous where that name
//! means something.

use std::fmt;

use p2pchat_wire::identity::Name;
use serde::{Deserialize, Serialize};

use super::clean;

/// A name at a rendezvous, written `alice@host`; a room's is written `#tea@host`.
///
/// Names belong to the rendezvous that gave them out: `alice@one.example` and `alice@two.example`
/// may be two people. The key pinned to an address says who it is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Address {
    /// The name, in canonical form.
    pub name: Name,
    /// The rendezvous as the person wrote it: host name or IP address, and port if unusual.
    pub host: String,
    /// Whether it is the name of a room. No room has the name of a person.
    pub is_room: bool,
}

/// What stands before the name of a room.
pub const ROOM_MARK: char = '#';

/// The longest host: a name of 253 bytes (RFC 1035 §2.3.4) or a bracketed address, and a port.
pub(super) const MAX_HOST: usize = 262;

/// The host of those whom no server knows: they named themselves in the local network. RFC 6762 §3
/// keeps the word out of the names of the Internet.
pub const LOCAL_HOST: &str = p2pchat_wire::neighbour::HOST;

impl Address {
    /// The address of `name` at `host`.
    #[must_use]
    pub fn new(name: Name, host: &str) -> Self {
        Self { name, host: host.to_owned(), is_room: false }
    }

    /// The address of the room `name` at `host`.
    #[must_use]
    pub fn room(name: Name, host: &str) -> Self {
        Self { name, host: host.to_owned(), is_room: true }
    }

    /// Reads an address as it is written, whole: `None` for a name alone, and for what no host can be.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, host) = text.split_once('@')?;
        let can_be = (1..=MAX_HOST).contains(&host.len()) && host.chars().all(clean::is_plain);
        let address = match name.strip_prefix(ROOM_MARK) {
            Some(room) => Self::room(Name::new(room).ok()?, host),
            None => Self::new(Name::new(name).ok()?, host),
        };
        can_be.then_some(address)
    }

    /// The name as it is written, with the mark of a room.
    #[must_use]
    pub fn marked_name(&self) -> String {
        if self.is_room { format!("{ROOM_MARK}{}", self.name) } else { self.name.to_string() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.marked_name(), self.host)
    }
}

/// A moment by the wall clock: milliseconds since 1970, UTC.
///
/// It is shown and stored, and decides nothing: wall clocks jump.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The last moment of the year 9999. A peer may claim any time; what is beyond this one is
    /// brought back to it, because no calendar can write it.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// How many milliseconds `self` is after `earlier`; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The identifier of one line, chosen at random by its sender. Written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct LineId(pub [u8; 16]);

impl LineId {
    /// Reads an id as it is written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut id = [0; 16];
        if text.len() != 2 * id.len() || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(id))
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
