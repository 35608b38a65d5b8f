//! What the chat asks of the disk about files, and what the disk answers.
//!
//! A file is cut into blocks of [`BLOCK`] bytes, the last one shorter. Its *list* holds 32 bytes for each block: the
//! value that the block has in the BLAKE3 tree of the file, so that the list leads to the [hash](struct@Hash) of the
//! file and nothing else does. A receiver checks the list against the hash that was offered, and each block against
//! the list before a byte of it is written. A file of one block is its own list, and an empty one has none.
//!
//! Unlike with [`storage`](crate::chat::storage), answers about different offers come in any order, because hashing a
//! large file takes a while; about one offer they come in the order of the requests. The disk holds what it is given
//! until it has done it: the chat leaves at most [`AHEAD`] blocks of an offer unanswered.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::name::FileName;

/// Bytes in each block but the last one.
pub const BLOCK: u64 = 1024 * 1024;

/// The largest file, 1 TiB: its list of 32 MiB is held in memory while it travels.
pub const MAX_SIZE: u64 = 1024 * 1024 * 1024 * 1024;

/// Bytes that a list has for each block.
pub const ENTRY: usize = 32;

/// Blocks of one offer that the chat may have asked for, or handed over, and that are not answered yet.
pub const AHEAD: usize = 4;

/// Names a transfer on this computer. Random, and drawn here: what the other side calls it can be chosen so that it is
/// somebody else's.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct OfferId(pub [u8; 16]);

/// The BLAKE3 hash of a file: what `b3sum` prints.
#[derive(Clone, Copy, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Hash(pub [u8; 32]);

/// What the bytes are that are offered.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// A file.
    #[default]
    File,
    /// A folder: what is in it, and then the files one after the other, as [`folder`](super::folder) says.
    Folder {
        /// Bytes before the first file.
        head: u32,
        /// How many files there are, in all folders of it.
        files: u32,
    },
}

/// Something to be done with a file, or with a folder as with a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DiskRequest {
    /// Hash a file that is to be offered. Answered by any number of [`DiskAnswer::Progress`], and
    /// [`DiskAnswer::Examined`]. Its list is remembered until [`Forget`](Self::Forget), in this run.
    Examine {
        /// Which offer it will be.
        offer: OfferId,
        /// Which file.
        path: PathBuf,
    },
    /// Make ready to read a file that was examined, perhaps in an earlier run: then it is hashed again. Answered by any
    /// number of [`DiskAnswer::Progress`], and [`DiskAnswer::Served`].
    Serve {
        /// Which offer.
        offer: OfferId,
        /// Which file.
        path: PathBuf,
        /// What was offered.
        size: u64,
        /// What was offered.
        root: Hash,
    },
    /// Read a block of a file that is served. Answered by [`DiskAnswer::Block`].
    Read {
        /// Which offer.
        offer: OfferId,
        /// Which block, counted from 0.
        block: u64,
    },
    /// Stop for good to serve a file or to examine it. Answered by [`DiskAnswer::Closed`]. If it is one that we have only
    /// for the offer, because it was read from a pipe, it is removed.
    Forget {
        /// Which offer.
        offer: OfferId,
        /// Which file.
        path: Option<PathBuf>,
    },
    /// Begin to receive a file, or go on with what arrived in an earlier run. Answered by any number of
    /// [`DiskAnswer::Progress`], where that has to be checked, and [`DiskAnswer::Begun`]. Nothing is written over: where
    /// the name is taken, the file will be called `name (2)`.
    Begin {
        /// Which offer.
        offer: OfferId,
        /// Where the file is to be; made if it is not there.
        folder: PathBuf,
        /// What it is to be called.
        name: FileName,
        /// What was offered; at most [`MAX_SIZE`].
        size: u64,
        /// What was offered.
        root: Hash,
        /// What was offered.
        content: Content,
        /// Whether it is begun though the disk seems to have too little room: what is empty in it takes none.
        insists: bool,
    },
    /// The list of a file that was begun without one. Answered by [`DiskAnswer::Listed`].
    List {
        /// Which offer.
        offer: OfferId,
        /// [`ENTRY`] bytes for each block.
        list: Vec<u8>,
    },
    /// A block that arrived. Answered by [`DiskAnswer::Written`], and, when none is missing any more, by
    /// [`DiskAnswer::Finished`] besides. A block that is there already is only confirmed.
    Write {
        /// Which offer.
        offer: OfferId,
        /// Which block, counted from 0.
        block: u64,
        /// All of it.
        data: Vec<u8>,
    },
    /// Stop for now, to receive or to serve: let go of the file, and keep what arrived. Answered by
    /// [`DiskAnswer::Closed`].
    Close {
        /// Which offer.
        offer: OfferId,
    },
    /// Stop for good to receive a file: remove what arrived of it, also in an earlier run. Answered by
    /// [`DiskAnswer::Closed`].
    ///
    /// It is also what follows [`DiskAnswer::Finished`], once it is written down that the file is there: of a finished
    /// file it removes only the notes, by which until then another [`Begin`](Self::Begin) finds it.
    Discard {
        /// Which offer.
        offer: OfferId,
        /// Where the file was to be.
        folder: PathBuf,
    },
}

/// What the disk has done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DiskAnswer {
    /// A file is being hashed.
    Progress {
        /// Which offer.
        offer: OfferId,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// What there is to be offered.
    Examined {
        /// Which offer.
        offer: OfferId,
        /// Bytes in the file.
        size: u64,
        /// Their hash.
        root: Hash,
        /// What they are.
        content: Content,
        /// Links, pipes and devices in a folder: they do not go with it.
        skipped: u32,
    },
    /// Blocks may be read.
    Served {
        /// Which offer.
        offer: OfferId,
        /// [`ENTRY`] bytes for each block.
        list: Vec<u8>,
    },
    /// A block of a file that is served.
    Block {
        /// Which offer.
        offer: OfferId,
        /// Which block.
        block: u64,
        /// All of it.
        data: Vec<u8>,
    },
    /// Blocks may be written. If none is missing, [`Finished`](Self::Finished) follows by itself.
    Begun {
        /// Which offer.
        offer: OfferId,
        /// What has not arrived yet, in order.
        missing: Vec<Range<u64>>,
        /// Whether the list has not arrived either: it comes before any block.
        list: bool,
    },
    /// The list is the file's. Blocks may be written.
    Listed {
        /// Which offer.
        offer: OfferId,
    },
    /// The block is the file's, and is where it belongs. It survives the end of the program.
    Written {
        /// Which offer.
        offer: OfferId,
        /// Which block.
        block: u64,
    },
    /// The file is whole and on disk to stay, under this name. The offer is closed; [`DiskRequest::Discard`] is due.
    Finished {
        /// Which offer.
        offer: OfferId,
        /// Where it is.
        path: PathBuf,
    },
    /// The offer is closed, as was asked.
    Closed {
        /// Which offer.
        offer: OfferId,
    },
    /// It cannot be done. See [`DiskProblem::ends`].
    Failed {
        /// Which offer.
        offer: OfferId,
        /// Why.
        why: DiskProblem,
    },
}

/// Why something cannot be done with a file. Places are of this computer and may hold anything but text.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum DiskProblem {
    /// There is no such file.
    Gone {
        /// Which.
        place: String,
    },
    /// It is a device or a pipe.
    NotAFile {
        /// Which.
        place: String,
    },
    /// Larger than [`MAX_SIZE`].
    TooLarge {
        /// So many bytes.
        size: u64,
    },
    /// A folder with more in it, or deeper, than a folder may be here, or with longer names.
    TooMuch {
        /// Which.
        place: String,
    },
    /// The file is not any more what was offered.
    Changed {
        /// Which.
        place: String,
    },
    /// The list does not lead to the hash that was offered.
    WrongList,
    /// What arrived is not this block of the file.
    WrongBlock {
        /// Which.
        block: u64,
    },
    /// What arrived of a folder does not say what is in it, or other than was offered.
    WrongFolder,
    /// There is less room on the disk than what is missing needs. What arrived stays.
    NoRoom {
        /// Where it is to be.
        place: String,
        /// Bytes that are missing.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The disk or the quota is full. What arrived stays.
    Full {
        /// What could not be written.
        place: String,
        /// What the system says.
        cause: String,
    },
    /// Another process receives the same file at this moment.
    Busy {
        /// What it has locked.
        place: String,
    },
    /// Nothing was begun, examined or served under this id, or not that far.
    NotOpen,
    /// Anything else that the system reported.
    Other {
        /// With what.
        place: String,
        /// What the system says.
        cause: String,
    },
}

impl DiskProblem {
    /// Whether the offer is closed by it: what arrived stays, and it can be begun or served again. If it is not, a
    /// block was wrong, and others may be right.
    #[must_use]
    pub fn ends(&self) -> bool {
        !matches!(self, Self::WrongBlock { .. })
    }
}

impl DiskRequest {
    /// Which offer it is about.
    #[must_use]
    pub fn offer(&self) -> OfferId {
        match self {
            Self::Examine { offer, .. }
            | Self::Serve { offer, .. }
            | Self::Read { offer, .. }
            | Self::Forget { offer, .. }
            | Self::Begin { offer, .. }
            | Self::List { offer, .. }
            | Self::Write { offer, .. }
            | Self::Close { offer }
            | Self::Discard { offer, .. } => *offer,
        }
    }
}

impl DiskAnswer {
    /// Which offer it is about.
    #[must_use]
    pub fn offer(&self) -> OfferId {
        match self {
            Self::Progress { offer, .. }
            | Self::Examined { offer, .. }
            | Self::Served { offer, .. }
            | Self::Block { offer, .. }
            | Self::Begun { offer, .. }
            | Self::Listed { offer }
            | Self::Written { offer, .. }
            | Self::Finished { offer, .. }
            | Self::Closed { offer }
            | Self::Failed { offer, .. } => *offer,
        }
    }
}

/// How many blocks a file of this size has.
#[must_use]
pub fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK)
}

/// How many bytes a block of a file of this size has; none if it is behind the end.
#[must_use]
pub fn length(size: u64, block: u64) -> u64 {
    size.saturating_sub(block.saturating_mul(BLOCK)).min(BLOCK)
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, f)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, f)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, f)
    }
}

fn hexadecimal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_block_is_the_rest() {
        assert_eq!((blocks(0), blocks(1), blocks(BLOCK), blocks(BLOCK + 1)), (0, 1, 1, 2));
        assert_eq!((length(0, 0), length(BLOCK, 0), length(BLOCK, 1)), (0, BLOCK, 0));
        assert_eq!((length(BLOCK + 7, 0), length(BLOCK + 7, 1)), (BLOCK, 7));
        assert_eq!(length(MAX_SIZE, u64::MAX), 0);
    }

    #[test]
    fn ids_and_hashes_are_shown_in_hexadecimal() {
        assert_eq!(OfferId([0xab; 16]).to_string(), "ab".repeat(16));
        assert_eq!(format!("{:?}", Hash([1; 32])), "01".repeat(32));
    }
}
