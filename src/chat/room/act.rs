//! What a member can do to a room.

use p2pchat_wire::codec::{self, DecodeError};
use p2pchat_wire::identity::{Name, PeerId};
use serde::{Deserialize, Serialize};

use super::MAX_ACT;
use crate::chat::address::MAX_HOST;

/// The longest topic, in bytes.
pub const MAX_TOPIC: usize = 1024;

/// The most stays that one Kick cuts.
pub const MAX_CUTS: usize = 64;

/// One act. Kinds are only ever appended, and fields never.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Act {
    /// The first act of a room. Its author is the owner and the first member.
    Create {
        /// The room's name, `tea` in `#tea@host`.
        room: Name,
        /// The rendezvous where that name means something, and the author's name too.
        host: String,
        /// The author's name.
        name: Name,
        /// Who may join.
        access: Access,
        /// How many lines of each log a newcomer is given.
        keep: u16,
    },
    /// The first act of every other stay.
    Join {
        /// The author's name.
        name: Name,
        /// The rendezvous where that is his name.
        host: String,
    },
    /// The last act of a stay.
    Leave {
        /// How many lines were said in it.
        lines: u64,
        /// Who is to own the room if the author did. Without one, or if that is no member, the one who has
        /// been there longest.
        heir: Option<PeerId>,
    },
    /// Somebody may join.
    Invite {
        /// Who.
        key: PeerId,
        /// His name, to be shown until he comes.
        name: Name,
        /// The rendezvous where that is his name.
        host: String,
    },
    /// Somebody is removed, and comes back only if the owner invites him.
    Kick {
        /// Who.
        key: PeerId,
        /// What still counts of his stays, but those that an earlier Kick has ended. Nothing does of one
        /// that is not listed.
        cuts: Vec<Cut>,
    },
    /// What the room is about.
    Topic(String),
    /// Another member owns the room.
    Owner(PeerId),
}

/// Who may join a room.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Access {
    /// Whoever knows its name.
    Open,
    /// Whom a member has invited.
    Invited,
}

/// How much of a stay counts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// Which stay of the one who is kicked.
    pub stay: u64,
    /// The last act that counts; 0 for none.
    pub acts: u64,
    /// The last line that counts; 0 for none.
    pub lines: u64,
}

/// The number of the newest kind, [`Act::Owner`].
const LAST_KIND: u32 = 6;

impl Act {
    /// The act as the content of an entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads the content of an entry. `None` is a kind that this version does not know.
    ///
    /// # Errors
    ///
    /// The bytes are no act, or break a limit.
    pub fn decode(content: &[u8]) -> Result<Option<Self>, DecodeError> {
        if content.len() > MAX_ACT {
            return Err(DecodeError::OutOfRange);
        }
        let (kind, _) = codec::decode_prefix::<u32, 8>(content)?;
        if kind > LAST_KIND {
            return Ok(None);
        }
        // A list of cuts claims more memory than it has bytes.
        let act: Self = codec::decode::<Self, { 2 * MAX_ACT }>(content)?;
        if act.is_sane() { Ok(Some(act)) } else { Err(DecodeError::OutOfRange) }
    }

    /// Whether the act keeps to the limits.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        match self {
            Self::Create { host, .. } | Self::Join { host, .. } | Self::Invite { host, .. } => {
                is_host(host)
            }
            Self::Kick { cuts, .. } => cuts.len() <= MAX_CUTS,
            Self::Topic(text) => text.len() <= MAX_TOPIC,
            Self::Leave { .. } | Self::Owner(_) => true,
        }
    }
}

/// Nothing that could be taken for more than a host: what it is, who uses it finds out.
fn is_host(host: &str) -> bool {
    (1..=MAX_HOST).contains(&host.len())
        && host.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"@#/|".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_errors_and_newer_kinds_are_not() {
        assert_eq!(Act::decode(&[7, 1, 2]), Ok(None));
        assert_eq!(Act::decode(&[]), Err(DecodeError::Malformed));
        let topic = |length| Act::Topic("x".repeat(length));
        assert_eq!(Act::decode(&topic(MAX_TOPIC).encode()), Ok(Some(topic(MAX_TOPIC))));
        assert_eq!(Act::decode(&topic(MAX_TOPIC + 1).encode()), Err(DecodeError::OutOfRange));
        let mut longer = topic(3).encode();
        longer.push(0);
        assert_eq!(Act::decode(&longer), Err(DecodeError::Trailing));
        let cut = Cut { stay: u64::MAX, acts: u64::MAX, lines: u64::MAX };
        let kick = |count| Act::Kick { key: PeerId([1; 32]), cuts: vec![cut; count] };
        assert_eq!(Act::decode(&kick(MAX_CUTS).encode()), Ok(Some(kick(MAX_CUTS))));
        assert!(Act::decode(&kick(MAX_CUTS + 1).encode()).is_err());
        assert!(Act::decode(&[0xff; MAX_ACT + 1]).is_err());
    }

    #[test]
    fn a_host_has_nothing_in_it_that_means_something_else() {
        for (host, is) in [
            ("chat.example.org:3478", true),
            ("[2001:db8::1]", true),
            ("", false),
            ("a b", false),
            ("a@b", false),
            ("a\u{1b}[m", false),
        ] {
            let join = Act::Join { name: Name::new("alice").expect("a name"), host: host.into() };
            assert_eq!(Act::decode(&join.encode()).is_ok(), is, "{host:?}");
        }
    }
}
