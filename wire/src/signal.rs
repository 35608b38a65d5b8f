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

/// How long a client makes its [`Entrance`], in bytes of its encoding as a signal: what fits into
/// that is told to it at once.
///
/// Less than [`MAX_SIGNAL`], which bounds the memory that a value claims: the length of a name claims
/// eight bytes for its one.
pub const ENTRANCE: usize = 800;

/// A wish to be among those who are in a room, and to be told who they are.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Entrance {
    /// The room's name. Names of rooms and of people are not in each other's way.
    pub room: Name,
    /// Which room the client means by that: opaque to the server.
    pub id: Option<[u8; 32]>,
    /// Whether the name is to stand for `id` from now on, if it stands for no room yet.
    pub found: bool,
    /// Tell of those only whose keys are greater: the last one of the answer before.
    pub after: Option<PeerId>,
    /// Makes room: no answer to an entrance is longer than the entrance.
    pub padding: Vec<u8>,
}

impl Entrance {
    /// The entrance with as much padding as makes it [`ENTRANCE`] bytes as a signal.
    #[must_use]
    pub fn padded(mut self) -> Self {
        // One byte says which signal it is, and the length of the padding takes three.
        let rest = ENTRANCE.saturating_sub(1 + 2 + codec::encode(&self).len());
        self.padding.resize(self.padding.len() + rest, 0);
        self
    }
}

/// Some of those who are in a room.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RoomPeople {
    /// Which room.
    pub room: Name,
    /// What its name stands for.
    pub id: [u8; 32],
    /// As it was asked: only those whose keys are greater.
    pub after: Option<PeerId>,
    /// Their registered names and their keys, in the order of the keys, without whoever asks.
    pub people: Vec<(Name, PeerId)>,
    /// Whether there are more.
    pub more: bool,
}

/// Why somebody is not let into a room.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum RoomRefusal {
    /// Nobody has founded a room of that name.
    Unfounded,
    /// The name stands for another room than the client means.
    OtherRoom {
        /// What it stands for.
        actual: [u8; 32],
    },
    /// As many people are in the room as the server allows.
    Full,
    /// A table is full, or a quota of this key or network is used up; later may work.
    Busy,
    /// The client is not registered, and only those who are can be found in a room.
    NotRegistered,
    /// The server could not write to its disk; later may work.
    Storage,
}

/// The longest letter that a mailbox takes.
pub const MAX_LETTER: usize = 256;

/// Letters that go through one mailbox: the opener's, the taker's, the opener's.
pub const LETTERS: u8 = 3;

/// How long a client makes a question for a letter, in bytes of its encoding as a signal.
pub const LETTER_QUESTION: usize = 280;

/// A question for a letter.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LetterQuestion {
    /// Of which mailbox.
    pub number: u32,
    /// Which letter, from 0 up. Whoever asks for the first takes the mailbox for himself.
    pub at: u8,
    /// Makes room: the answer is not longer than the question.
    pub padding: Vec<u8>,
}

impl LetterQuestion {
    /// A question with as much padding as makes it [`LETTER_QUESTION`] bytes as a signal.
    #[must_use]
    pub fn new(number: u32, at: u8) -> Self {
        let mut this = Self { number, at, padding: Vec::new() };
        // One byte says which signal it is, and the length of the padding takes one or three.
        let rest = LETTER_QUESTION.saturating_sub(1 + codec::encode(&this).len());
        this.padding.resize(if rest > 250 { rest - 2 } else { rest }, 0);
        this
    }
}

/// Why a mailbox does not do what it is asked to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum MailboxRefusal {
    /// There is none of that number: it was never opened, its time is over, or somebody else has
    /// taken it.
    Gone,
    /// A table is full, or a quota of this key or network is used up; later may work.
    Busy,
    /// The client is not registered, and letters are from and to those who are.
    NotRegistered,
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
    /// Asks to be let into a room, and for those who are in it. Answered by
    /// [`ServerSignal::RoomPeople`]; if the room had to be founded, when that is on disk.
    EnterRoom(Entrance),
    /// Leaves a room. Not answered: whoever is told of a room that it has left says so again.
    LeaveRoom(Name),
    /// Opens a mailbox with this first letter in it, of at most [`MAX_LETTER`] bytes. Answered by
    /// [`ServerSignal::MailboxOpened`]. A client has one mailbox; asked again with the same letter,
    /// it is the same, and with another one it is another.
    OpenMailbox(Vec<u8>),
    /// Asks for a letter. Answered by [`ServerSignal::Letter`], perhaps later, when it has come.
    ReadLetter(LetterQuestion),
    /// Puts a letter into a mailbox, if it is the turn of this client. Answered by
    /// [`ServerSignal::LetterKept`].
    WriteLetter {
        /// Into which.
        number: u32,
        /// Which letter it is.
        at: u8,
        /// At most [`MAX_LETTER`] bytes.
        letter: Vec<u8>,
    },
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
    /// The client is in a room, with these.
    RoomPeople(RoomPeople),
    /// Somebody has entered a room that the client is in, or has another name there now.
    RoomEntered {
        /// Which room.
        room: Name,
        /// Whose registered name.
        name: Name,
        /// And key.
        key: PeerId,
    },
    /// The client is not let into a room.
    RoomRefused {
        /// Which room.
        room: Name,
        /// Why.
        refusal: RoomRefusal,
    },
    /// The client has a mailbox.
    MailboxOpened {
        /// Its number, which stands in the code of an invitation.
        number: u32,
    },
    /// A letter is in a mailbox.
    Letter {
        /// In which.
        number: u32,
        /// Which letter it is.
        at: u8,
        /// The letter.
        letter: Vec<u8>,
    },
    /// A letter is in its mailbox.
    LetterKept {
        /// In which.
        number: u32,
        /// Which letter it is.
        at: u8,
    },
    /// A mailbox does not do what it was asked to.
    MailboxRefused {
        /// Which; none for one that was to be opened.
        number: Option<u32>,
        /// Why.
        refusal: MailboxRefusal,
    },
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

    #[test]
    fn a_question_for_a_letter_makes_room_for_it() {
        for number in [1, 999, u32::MAX] {
            let question = ClientSignal::ReadLetter(LetterQuestion::new(number, 2));
            assert_eq!(codec::encode(&question).len(), LETTER_QUESTION);
            let letter = vec![7; MAX_LETTER];
            let letter = codec::encode(&ServerSignal::Letter { number, at: 2, letter });
            assert!(letter.len() <= LETTER_QUESTION);
            assert!(decode::<ServerSignal>(&letter).is_ok());
        }
    }

    #[test]
    fn an_entrance_makes_room_for_its_answer() {
        for text in ["t", "tea", &"x".repeat(64)] {
            let room = Name::new(text).expect("a name");
            let (id, after) = (Some([7; 32]), Some(PeerId([8; 32])));
            let entrance = Entrance { room, id, found: true, after, padding: Vec::new() };
            let signal = ClientSignal::EnterRoom(entrance.padded());
            assert_eq!(codec::encode(&signal).len(), ENTRANCE);
        }
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
