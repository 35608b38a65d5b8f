//! What the disk keeps of files.

use super::disk::{Content, Hash};
use crate::chat::storage::Direction;
use crate::chat::{Address, LineId};

/// What the disk keeps of a file beside the line that offers it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptFile {
    /// In which conversation.
    pub with: Address,
    /// Whether we offer it.
    pub by: Direction,
    /// The line that offers it.
    pub id: LineId,
    /// Whether the other side has that line.
    pub delivered: bool,
    /// What its sender calls it.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// Their hash.
    pub root: Hash,
    /// What they are.
    pub content: Content,
    /// What has become of it.
    pub state: FileState,
    /// Ours: where it is. Theirs: where it is, once it is whole.
    pub path: Option<String>,
    /// Theirs: in which folder it is to be.
    pub folder: Option<String>,
    /// Theirs: what it is to be called there, if otherwise than its sender calls it.
    pub called: Option<String>,
}

impl KeptFile {
    /// The most that a chat begins with: the newest ones.
    pub const MAX: usize = 1000;
}

/// What has become of a file that was offered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FileState {
    /// Nothing yet.
    #[default]
    Offered,
    /// Its receiver wants it.
    Accepted,
    /// Its receiver has it.
    Done,
    /// Its receiver does not want it.
    Declined,
    /// Its sender does not give it any more.
    Withdrawn,
}

impl FileState {
    /// Whether nothing more comes of it.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Declined | Self::Withdrawn)
    }
}
