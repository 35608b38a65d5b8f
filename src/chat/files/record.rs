//! What two chats say to each other about a file that one of them has offered.
//!
//! The offer itself is a line ([`Manner::Offer`](crate::chat::Manner)). Nothing said here is kept by
//! whoever hears it only in memory: each side says again, at the beginning of each session, what follows
//! from what is on its disk, until the other's disk agrees.

use p2pchat_wire::codec::{self, DecodeError};
use serde::{Deserialize, Serialize};

use crate::chat::LineId;

/// Ranges of blocks that are wanted at once. What is missing in more pieces is wanted a second time.
pub const MAX_RANGES: usize = 1024;

/// The longest record: that of the greatest numbers.
pub(in crate::chat) const MAX_FILE_RECORD: usize = 32 + MAX_RANGES * 18;

/// What decoding may claim: a list claims more memory than it has bytes.
const CLAIM: usize = 32 + MAX_RANGES * 32;

/// Something about one file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The line that offers it.
    pub offer: LineId,
    /// What.
    pub says: FileSays,
}

/// What is said. Kinds and fields are only ever appended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum FileSays {
    /// My offer stands: what becomes of it? Said by whoever offers, at the beginning of each session.
    Stands,
    /// Send me these blocks of your file, in a stream; in place of what I wanted of it before.
    Want {
        /// Whether the list of hashes is to come before them.
        list: bool,
        /// Each from a block to the one before another, in their order; [`MAX_RANGES`] at most.
        blocks: Vec<(u64, u64)>,
    },
    /// Your file is here, whole, and on disk.
    Received,
    /// I do not want your file.
    Declined,
    /// My file is not to be had any more.
    Withdrawn(Why),
}

/// Why a file is not to be had any more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Why {
    /// Whoever has offered it wants so.
    Person,
    /// It is not what it was when it was offered.
    Changed,
    /// It is not where it was, or cannot be read.
    Gone,
}

/// The number of the newest kind, [`FileSays::Withdrawn`].
const LAST_KIND: u32 = 4;

impl FileRecord {
    /// Reads a record; what follows it is for newer versions. `None` is a kind that this version does not
    /// know.
    ///
    /// # Errors
    ///
    /// The bytes are no record, or break a limit.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        if bytes.len() > MAX_FILE_RECORD {
            return Err(DecodeError::OutOfRange);
        }
        let ((_, kind), _) = codec::decode_prefix::<(LineId, u32), 64>(bytes)?;
        if kind > LAST_KIND {
            return Ok(None);
        }
        let (record, _) = codec::decode_prefix::<Self, CLAIM>(bytes)?;
        match &record.says {
            FileSays::Want { blocks, .. } if !are_ranges(blocks) => Err(DecodeError::OutOfRange),
            _ => Ok(Some(record)),
        }
    }
}

/// Whether these are ranges, each behind the one before it and none of them empty.
fn are_ranges(blocks: &[(u64, u64)]) -> bool {
    let ordered = blocks.windows(2).all(|two| two[0].1 <= two[1].0);
    ordered && blocks.len() <= MAX_RANGES && blocks.iter().all(|(from, to)| from < to)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(says: FileSays) -> FileRecord {
        FileRecord { offer: LineId([3; 16]), says }
    }

    fn decoded(record: &FileRecord) -> Result<Option<FileRecord>, DecodeError> {
        FileRecord::decode(&codec::encode(record))
    }

    #[test]
    fn every_kind_survives_and_newer_ones_are_skipped() {
        let last = u64::MAX - 2 * MAX_RANGES as u64;
        let blocks = (0..MAX_RANGES as u64).map(|n| (last + 2 * n, last + 2 * n + 1)).collect();
        for says in [
            FileSays::Stands,
            FileSays::Want { list: true, blocks },
            FileSays::Received,
            FileSays::Declined,
            FileSays::Withdrawn(Why::Gone),
        ] {
            let record = record(says);
            assert_eq!(decoded(&record), Ok(Some(record)));
        }
        let mut newer = codec::encode(&LineId([3; 16]));
        newer.extend([5, 1, 2]);
        assert_eq!(FileRecord::decode(&newer), Ok(None));
    }

    #[test]
    fn ranges_are_in_order_and_not_too_many() {
        for blocks in [vec![(1, 1)], vec![(2, 1)], vec![(0, 2), (1, 3)], vec![(4, 5), (0, 1)]] {
            let want = record(FileSays::Want { list: false, blocks });
            assert_eq!(decoded(&want), Err(DecodeError::OutOfRange), "{want:?}");
        }
        let blocks = (0..=MAX_RANGES as u64).map(|n| (2 * n, 2 * n + 1)).collect();
        assert!(decoded(&record(FileSays::Want { list: false, blocks })).is_err());
        let touching = record(FileSays::Want { list: false, blocks: vec![(0, 1), (1, 2)] });
        assert_eq!(decoded(&touching), Ok(Some(touching)));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = FileRecord::decode(&bytes);
        }
    }
}
