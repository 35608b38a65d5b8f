//! What peer and rendezvous say to each other inside their sealed link.
//!
//! A link begins with a [`LinkRequest`] in Noise message 1 and a [`LinkReply`] in message 2, so
//! that registration, the wish to talk to somebody and the introduction fit into one exchange.
//! Afterwards each datagram carries one [`ClientSignal`] or [`ServerSignal`].
//!
//! Signals may be lost. Each of a client's is repeated by the client until it has its answer, and
//! each can be repeated without harm; a server repeats nothing.
//!
//! Variants and fields are numbered by their order: append, never insert.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::identity::{Name, PeerId};

/// No encoded signal is longer.
pub const MAX_SIGNAL: usize = 1024;

/// How many peers one link request or reply may speak of.
pub const MAX_CONNECTS: usize = 2;

/// The longest peer initiation that a connect carries: sender index and Noise message 1.
pub const MAX_INITIATION: usize = 320;

/// A client's first words, in Noise message 1 to the server.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LinkRequest {
    /// Grows with every request of this key. The server ignores what does not, so that a recorded
    /// request cannot move a registration. Milliseconds since 1970 where the clock allows.
    pub counter: u64,
    /// The name to register under; `None` only looks others up.
    pub name: Option<Name>,
    /// Whether to keep the mapped endpoint from those whom the server introduces: a peer that only
    /// wants to be relayed. Holds until the next request.
    pub concealed: bool,
    /// Peers to be introduced to in the same exchange; at most [`MAX_CONNECTS`].
    pub connects: Vec<Connect>,
}

/// A server's first words, in Noise message 2.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LinkReply {
    /// Where the request came from, as the server saw it: the client's mapped endpoint.
    pub mapped: SocketAddr,
    /// An address token for the next link.
    pub token: [u8; 32],
    /// What became of the registration.
    pub registration: Registration,
    /// Answers to the connects, in their order.
    pub answers: Vec<ServerSignal>,
    /// The highest counter that the server has seen from this key. If it is not the request's own,
    /// the request was stale (a clock was set back) and nothing of it was done.
    pub counter: u64,
}

/// Where a registration stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Registration {
    /// No name was asked for.
    Anonymous,
    /// The name is ours, on the server's disk, and points at the mapped endpoint.
    Registered,
    /// The name was free and is being written to disk; [`ServerSignal::Registered`] follows.
    Pending,
    /// Not registered.
    Refused(Refusal),
}

/// Why a server refuses.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Refusal {
    /// The name belongs to another key.
    NameTaken,
    /// A table is full, or a quota of this key or network is used up; later may work.
    Busy,
    /// Nobody has ever claimed the name. The server will say when somebody does.
    NoSuchName,
    /// The name exists; its owner is not registered now. The server will say when that changes.
    Offline,
    /// The name belongs to another key than the caller expected.
    KeyMismatch {
        /// The key that owns the name.
        actual: PeerId,
    },
    /// The caller is not registered, and only registered peers are introduced.
    NotRegistered,
    /// The server could not write to its disk; later may work.
    Storage,
    /// The name can be taken for another that is owned, or mixes letters of several scripts.
    Confusable,
}

/// A wish to be introduced.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Connect {
    /// Whom to.
    pub name: Name,
    /// The key that the caller expects behind the name.
    pub key: Option<PeerId>,
    /// The caller's index (big-endian) and Noise message 1 for that key, passed on unread. Without
    /// one, the callee opens the handshake.
    pub initiation: Option<Vec<u8>>,
}

/// One side's half of an introduction.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Introduction {
    /// The other's registered name.
    pub name: Name,
    /// The key that owns it.
    pub key: PeerId,
    /// The other's mapped endpoint, unless it is concealed.
    pub endpoint: Option<SocketAddr>,
    /// Our number for the relay channel to the other.
    pub channel: u64,
    /// Shared by both sides; heads handshakes and punches that travel directly.
    pub introduction: u64,
    /// Whether we are the one who asked.
    pub caller: bool,
    /// The other's opening of the handshake, as in [`Connect::initiation`].
    pub initiation: Option<Vec<u8>>,
}

/// What a client says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum ClientSignal {
    /// Keeps the mapping and the registration alive; answered by [`ServerSignal::Pong`].
    Ping {
        /// Comes back in the answer.
        id: u32,
    },
    /// Claims a name, or moves this registration to it.
    Register(Name),
    /// Gives the registration up; the name stays owned. Answered by [`ServerSignal::Unregistered`].
    Unregister,
    /// Asks for an introduction.
    Connect(Connect),
    /// Asks to be told when the owner of a name comes or goes. Answered by
    /// [`ServerSignal::Presence`] at once and at every change.
    Watch(Name),
    /// Takes a watch back.
    Unwatch(Name),
}

/// What a server says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum ServerSignal {
    /// Answers a ping.
    Pong {
        /// The ping's.
        id: u32,
        /// Where the ping came from.
        mapped: SocketAddr,
    },
    /// The name is this key's, and on disk.
    Registered(Name),
    /// The name could not be registered.
    RegisterRefused {
        /// Which name.
        name: Name,
        /// Why.
        refusal: Refusal,
    },
    /// The registration is gone.
    Unregistered,
    /// Meet somebody.
    Introduction(Introduction),
    /// No introduction.
    ConnectRefused {
        /// To whom.
        name: Name,
        /// Why.
        refusal: Refusal,
    },
    /// The owner of a watched name is or is not registered.
    Presence {
        /// Who.
        name: Name,
        /// The key that owns the name, if it was ever claimed.
        key: Option<PeerId>,
        /// Whether that key is registered under the name now.
        online: bool,
    },
    /// The server is stopping. Direct chats go on; registration needs a new attempt.
    Stopping,
}

/// Encodes a link request or reply, padded with zeros to `length` if it is shorter.
///
/// Two bytes of length come first, so that the padding can be told from the value.
#[must_use]
pub fn encode_padded<T: Serialize>(value: &T, length: usize) -> Vec<u8> {
    let value = codec::encode(value);
    let mut out = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    out.extend(value);
    if out.len() < length {
        out.resize(length, 0);
    }
    out
}

/// Decodes what [`encode_padded`] wrote.
///
/// # Errors
///
/// As [`codec::decode`]; also [`DecodeError::Trailing`] if the padding is not zeros.
pub fn decode_padded<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(DecodeError::Truncated)?;
    let (value, padding) = rest
        .split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(DecodeError::Truncated)?;
    if padding.iter().any(|&byte| byte != 0) {
        return Err(DecodeError::Trailing);
    }
    codec::decode::<T, MAX_SIGNAL>(value)
}

/// Decodes one signal.
///
/// # Errors
///
/// As [`codec::decode`].
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    codec::decode::<T, MAX_SIGNAL>(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn padding_is_removed_and_must_be_zeros() {
        let request = LinkRequest {
            counter: 7,
            name: Name::new("alice").ok(),
            concealed: false,
            connects: vec![],
        };
        let mut bytes = encode_padded(&request, 300);
        assert_eq!(bytes.len(), 300);
        assert_eq!(decode_padded(&bytes), Ok(request));
        bytes[299] = 1;
        assert_eq!(decode_padded::<LinkRequest>(&bytes), Err(DecodeError::Trailing));
        assert_eq!(decode_padded::<LinkRequest>(&bytes[..9]), Err(DecodeError::Truncated));
        assert_eq!(decode_padded::<LinkRequest>(&[]), Err(DecodeError::Truncated));
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
            let _ = decode::<ClientSignal>(&bytes);
            let _ = decode::<ServerSignal>(&bytes);
            let _ = decode_padded::<LinkRequest>(&bytes);
            let _ = decode_padded::<LinkReply>(&bytes);
        }
    }
}
