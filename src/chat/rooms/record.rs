//! What two members of a room say to each other.

use p2pchat_wire::codec::{self, DecodeError};
use serde::{Deserialize, Serialize};

use super::super::room::{Hash, Head, LogId, MAX_ACTS, MAX_ENTRY, OWNERS_ACTS, Refusal, RoomId};
use super::BATCH_BYTES;

/// The longest record: one with the longest entry, and what goes around it.
pub const MAX_ROOM_RECORD: usize = MAX_ENTRY + 128;

/// Heads in one record.
pub(super) const HEADS: usize = 256;

/// Heads that one member can have: each stay has an act.
pub(super) const MAX_HEADS: usize = MAX_ACTS + OWNERS_ACTS;

/// What decoding may claim: lists claim more memory than they have bytes.
const CLAIM: usize = 8 * MAX_ROOM_RECORD;

// Beside as many entries as fit, each of a log of its own, it is said where these begin.
const _: () = assert!(2 * BATCH_BYTES < MAX_ENTRY);

/// Something about one room.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RoomRecord {
    /// Which.
    pub room: RoomId,
    /// What.
    pub says: Says,
}

/// What a member says. Kinds and fields are only ever appended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Says {
    /// This stands for all that I have. Who has something else answers with [`Says::Have`].
    Digest {
        /// What all heads come to.
        digest: Hash,
        /// Whether who has the same is to say so.
        tell: bool,
    },
    /// So much have I of each log, on disk. Answered by the entries that I lack.
    Have {
        /// A part of it.
        heads: Vec<Head>,
        /// Whether another part follows.
        more: bool,
        /// Whether you are to tell the same.
        tell: bool,
    },
    /// These entries of one log are what I need, and all behind them.
    Want {
        /// The log.
        log: LogId,
        /// Whether acts, or lines.
        acts: bool,
        /// The number of the first.
        from: u64,
    },
    /// Entries, and proofs of two histories, as bytes. Answered by [`Says::Got`].
    Entries {
        /// The entries, in an order in which none has to wait.
        entries: Vec<Vec<u8>>,
        /// The proofs.
        forks: Vec<Vec<u8>>,
        /// Where logs begin for who has no line of them and came late.
        begins: Vec<(LogId, u64)>,
    },
    /// So much have I of these logs now, on disk.
    Got {
        /// Whether this answers [`Says::Entries`].
        answers: bool,
        /// The logs.
        heads: Vec<Head>,
    },
    /// You are not told about this room.
    Denied(Denial),
}

/// Why somebody is not told about a room.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Denial {
    /// I know of no such room, or am not in it.
    Unknown,
    /// Only who is invited may join.
    NotInvited,
    /// The owner has removed you.
    Kicked,
    /// There are as many members as there can be.
    Full,
    /// You have joined too often.
    TooManyStays,
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotInvited => Self::NotInvited,
            Refusal::Kicked => Self::Kicked,
            Refusal::Full => Self::Full,
            Refusal::TooManyStays => Self::TooManyStays,
            _ => Self::Unknown,
        }
    }
}

/// The number of the newest kind, [`Says::Denied`].
const LAST_KIND: u32 = 5;

impl RoomRecord {
    /// The record as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a record; what follows it is for newer versions. `None` is a kind that this version does not
    /// know.
    ///
    /// # Errors
    ///
    /// The bytes are no record, or break a limit.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        if bytes.len() > MAX_ROOM_RECORD {
            return Err(DecodeError::OutOfRange);
        }
        let ((_, kind), _) = codec::decode_prefix::<(RoomId, u32), 64>(bytes)?;
        if kind > LAST_KIND {
            return Ok(None);
        }
        codec::decode_prefix::<Self, CLAIM>(bytes).map(|(record, _)| Some(record))
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::PeerId;
    use proptest::prelude::*;

    use super::*;

    const ROOM: RoomId = RoomId([2; 32]);

    fn head(number: u8) -> Head {
        Head {
            log: LogId { author: PeerId([number; 32]), stay: u64::MAX },
            acts: u64::MAX,
            act: Hash([3; 32]),
            lines: u64::MAX,
            line: Hash([4; 32]),
            leaves: Some((u64::MAX, u64::MAX)),
        }
    }

    fn entries(entries: Vec<Vec<u8>>, forks: Vec<Vec<u8>>, begins: Vec<(LogId, u64)>) -> Says {
        Says::Entries { entries, forks, begins }
    }

    fn all() -> Vec<Says> {
        let log = LogId { author: PeerId([1; 32]), stay: 7 };
        vec![
            Says::Digest { digest: Hash([5; 32]), tell: true },
            Says::Have { heads: vec![head(1); HEADS], more: true, tell: true },
            Says::Want { log, acts: true, from: 2 },
            entries(vec![vec![1, 2]; 200], vec![vec![3]; 9], vec![(log, 6); 256]),
            entries(vec![vec![1; MAX_ENTRY]], Vec::new(), vec![(log, u64::MAX)]),
            Says::Got { answers: true, heads: vec![head(2)] },
            Says::Denied(Denial::TooManyStays),
        ]
    }

    #[test]
    fn records_have_golden_bytes() {
        let golden = |says: Says| {
            let bytes = RoomRecord { room: ROOM, says }.encode();
            bytes.iter().skip(32).map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let log = LogId { author: PeerId([1; 32]), stay: 7 };
        let head =
            Head { log, acts: 1, act: Hash([3; 32]), lines: 2, line: Hash([4; 32]), leaves: None };
        let of_log = format!("{}07", "01".repeat(32));
        let of_head = format!("{of_log}01{}02{}00", "03".repeat(32), "04".repeat(32));
        let digest = Says::Digest { digest: Hash([5; 32]), tell: true };
        assert_eq!(golden(digest), format!("00{}01", "05".repeat(32)));
        let have = Says::Have { heads: vec![head], more: false, tell: true };
        assert_eq!(golden(have), format!("0101{of_head}0001"));
        assert_eq!(golden(Says::Want { log, acts: false, from: 9 }), format!("02{of_log}0009"));
        let entries = entries(vec![vec![1, 2]], vec![vec![3]], vec![(log, 6)]);
        assert_eq!(golden(entries), format!("030102010201010301{of_log}06"));
        let got = Says::Got { answers: true, heads: vec![head] };
        assert_eq!(golden(got), format!("040101{of_head}"));
        for (denial, byte) in [
            (Denial::Unknown, "00"),
            (Denial::NotInvited, "01"),
            (Denial::Kicked, "02"),
            (Denial::Full, "03"),
            (Denial::TooManyStays, "04"),
        ] {
            assert_eq!(golden(Says::Denied(denial)), format!("05{byte}"));
        }
    }

    #[test]
    fn what_is_said_is_understood() {
        for says in all() {
            let record = RoomRecord { room: ROOM, says };
            let mut bytes = record.encode();
            assert!(bytes.len() <= MAX_ROOM_RECORD, "{}", bytes.len());
            assert_eq!(RoomRecord::decode(&bytes), Ok(Some(record.clone())));
            if bytes.len() < MAX_ROOM_RECORD {
                bytes.push(9);
                assert_eq!(RoomRecord::decode(&bytes), Ok(Some(record)), "a newer field");
            }
        }
    }

    #[test]
    fn newer_kinds_are_skipped_and_too_long_ones_refused() {
        let mut bytes = ROOM.0.to_vec();
        bytes.push(6);
        assert_eq!(RoomRecord::decode(&bytes), Ok(None));
        bytes.resize(MAX_ROOM_RECORD + 1, 0);
        assert!(RoomRecord::decode(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RoomRecord::decode(&bytes);
        }
    }
}
