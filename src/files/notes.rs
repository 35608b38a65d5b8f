//! What is noted beside a file that arrives, so that it goes on after the end of the program.
//!
//! ```text
//! 16  what this is
//!  8  bytes of the file, big endian
//! 32  its hash
//!  1  whether the list is there
//!  1  bytes of the name that the whole file has got, or is about to get; 0 until it is whole
//! 255 the name
//!     a byte for each block: 0 missing, 1 written, 2 on disk to stay
//!     the list, 32 bytes for each block
//! ```
//!
//! Nothing here is believed that could be wrong. The list is compared with the hash each time. *On disk to stay* is noted
//! after the disk has said so; *written* is noted at once and means that the block is to be looked at in the next run: it
//! is there when the program was killed, and may not be when the computer was.

use std::fs::{File, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use super::part::{self, Access};
use super::tree::{self, Tree, Value};
use crate::chat::files::disk::{ENTRY, Hash, blocks};

const MAGIC: &[u8; 16] = b"p2pchat part\0\0\0\x01";

/// Where the byte is that says whether the list is there.
const LISTED: u64 = 56;

/// Where the states of the blocks begin.
const STATES: u64 = 313;

/// What is known of a block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Missing,
    Written,
    Kept,
}

/// The notes about one file, which no other process changes at the same time.
#[derive(Debug)]
pub(super) struct Notes {
    path: PathBuf,
    file: File,
    size: u64,
    root: Hash,
    found: Noted,
}

/// What notes say about the file that they are asked about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Noted {
    /// Whether the list is there, and is that of the file.
    pub listed: bool,
    /// What the whole file is called: a name alone, without a folder.
    pub name: Option<PathBuf>,
    /// A byte for each block, at most 2.
    states: Vec<u8>,
}

/// Why there are no notes.
#[derive(Debug)]
pub(super) enum NoNotes {
    /// Another process has them.
    Busy,
    /// The system refuses.
    Io(io::Error),
}

impl From<io::Error> for NoNotes {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Notes {
    /// Those that are there, or new ones if there are none about this file.
    pub(super) fn open(path: &Path, size: u64, root: Hash) -> Result<Self, NoNotes> {
        let file = part::open(path, Access::Create)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(NoNotes::Busy),
            // Some file systems of other computers know no locks.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let found = Noted::read(&mut BufReader::new(&file), size, root)?;
        let known = found.is_some();
        let found = found.unwrap_or_default();
        let mut this = Self { path: path.to_owned(), file, size, root, found };
        if !known {
            this.begin()?;
        }
        Ok(this)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// To be synchronised with the disk by another thread.
    pub(super) fn share(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Waits until the disk has them.
    pub(super) fn keep(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    pub(super) fn listed(&self) -> bool {
        self.found.listed
    }

    /// What the whole file is called, or is about to be.
    pub(super) fn name(&self) -> Option<&Path> {
        self.found.name.as_deref()
    }

    /// Notes it. It is a name alone, of at most 255 bytes.
    pub(super) fn set_name(&mut self, name: &str) -> io::Result<()> {
        let mut bytes = vec![u8::try_from(name.len()).map_err(io::Error::other)?];
        bytes.extend(name.as_bytes());
        self.put(LISTED + 1, &bytes)?;
        self.found.name = Some(PathBuf::from(name));
        Ok(())
    }

    pub(super) fn state(&self, block: u64) -> State {
        match usize::try_from(block).ok().and_then(|block| self.found.states.get(block)) {
            Some(1) => State::Written,
            Some(2) => State::Kept,
            _ => State::Missing,
        }
    }

    /// Notes it.
    pub(super) fn set_state(&mut self, block: u64, state: State) -> io::Result<()> {
        let byte = state as u8;
        let at = usize::try_from(block).ok();
        let Some(kept) = at.and_then(|at| self.found.states.get_mut(at)) else { return Ok(()) };
        *kept = byte;
        self.put(STATES + block, &[byte])
    }

    /// Takes the list, if it is that of the file.
    pub(super) fn set_list(&mut self, list: &[u8]) -> io::Result<bool> {
        if !tree::is_list(list, self.size, self.root) {
            return Ok(false);
        }
        self.put(STATES + blocks(self.size), list)?;
        self.put(LISTED, &[1])?;
        self.found.listed = true;
        Ok(true)
    }

    /// What a block must have. The list is there.
    pub(super) fn value(&mut self, block: u64) -> io::Result<Value> {
        let mut value = [0; ENTRY];
        let at = STATES + blocks(self.size) + block * ENTRY as u64;
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(&mut value)?;
        Ok(value)
    }

    /// Everything from the beginning, with the list of a file that needs none from elsewhere.
    fn begin(&mut self) -> io::Result<()> {
        let blocks = blocks(self.size);
        self.file.set_len(0)?;
        let mut header = [0; STATES as usize];
        header[..16].copy_from_slice(MAGIC);
        header[16..24].copy_from_slice(&self.size.to_be_bytes());
        header[24..56].copy_from_slice(&self.root.0);
        self.put(0, &header)?;
        let states = usize::try_from(blocks).map_err(io::Error::other)?;
        self.found = Noted { states: vec![0; states], ..Noted::default() };
        self.file.write_all(&self.found.states)?;
        if blocks <= 1 {
            let root = self.root;
            self.set_list(&root.0[..blocks as usize * ENTRY])?;
        }
        Ok(())
    }

    fn put(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        // A copy that is still being synchronised would keep it locked.
        let _ = self.file.unlock();
    }
}

impl Noted {
    /// Reads notes about the file with this size, at most
    /// [`MAX_SIZE`](crate::chat::files::disk::MAX_SIZE), and hash. `None` if they are none.
    ///
    /// # Errors
    ///
    /// The reader fails.
    pub fn read(from: &mut impl Read, size: u64, root: Hash) -> io::Result<Option<Self>> {
        match Self::parse(from, size, root) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            other => other,
        }
    }

    fn parse(from: &mut impl Read, size: u64, root: Hash) -> io::Result<Option<Self>> {
        let mut header = [0; STATES as usize];
        from.read_exact(&mut header)?;
        if header[..16] != *MAGIC
            || header[16..24] != size.to_be_bytes()
            || header[24..56] != root.0
        {
            return Ok(None);
        }
        let name = &header[58..][..usize::from(header[57])];
        let blocks = blocks(size);
        let mut states = vec![0; usize::try_from(blocks).map_err(io::Error::other)?];
        from.read_exact(&mut states)?;
        states.iter_mut().filter(|state| **state > 2).for_each(|state| *state = 0);
        let listed = header[56] == 1 && leads(from, blocks, root)?;
        if !listed {
            // Without it nothing can have been checked.
            states.fill(0);
        }
        Ok(Some(Self { listed, name: alone(name).filter(|_| listed), states }))
    }
}

/// Whether a list that is read leads to the hash.
fn leads(from: &mut impl Read, blocks: u64, root: Hash) -> io::Result<bool> {
    let mut tree = Tree::default();
    for _ in 0..blocks {
        let mut value = [0; ENTRY];
        match from.read_exact(&mut value) {
            Ok(()) => tree.push(value),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(tree.root() == root)
}

/// A name that leads nowhere else.
fn alone(name: &[u8]) -> Option<PathBuf> {
    let path = PathBuf::from(std::str::from_utf8(name).ok()?);
    let mut components = path.components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == path.as_os_str() => Some(path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: u64 = 3 * 1024 * 1024;

    fn list() -> (Vec<u8>, Hash) {
        let mut tree = Tree::default();
        (0..3).for_each(|block| tree.push([block; ENTRY]));
        ((0..3).flat_map(|block| [block; ENTRY]).collect(), tree.root())
    }

    /// Notes with some of everything.
    fn bytes() -> (Vec<u8>, Hash) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes");
        let (list, root) = list();
        let mut notes = Notes::open(&path, SIZE, root).expect("opens");
        assert!(notes.set_list(&list).expect("writes"));
        notes.set_state(1, State::Kept).expect("writes");
        notes.set_state(2, State::Written).expect("writes");
        notes.set_name("名.txt").expect("writes");
        (std::fs::read(path).expect("reads"), root)
    }

    fn read(bytes: &[u8], size: u64, root: Hash) -> Option<Noted> {
        Noted::read(&mut &bytes[..], size, root).expect("a slice can be read")
    }

    #[test]
    fn what_was_noted_is_read() {
        let (bytes, root) = bytes();
        let noted = Noted { listed: true, name: Some("名.txt".into()), states: vec![0, 2, 1] };
        assert_eq!(read(&bytes, SIZE, root), Some(noted));
        assert_eq!(read(&bytes, SIZE + 1, root), None);
        assert_eq!(read(&bytes, SIZE, Hash([0; 32])), None);
    }

    #[test]
    fn without_a_right_list_nothing_has_arrived() {
        let (bytes, root) = bytes();
        let nothing = Some(Noted { listed: false, name: None, states: vec![0; 3] });
        for end in bytes.len() - 3 * ENTRY..bytes.len() {
            assert_eq!(read(&bytes[..end], SIZE, root), nothing);
        }
        let mut wrong = bytes;
        *wrong.last_mut().expect("bytes") ^= 1;
        assert_eq!(read(&wrong, SIZE, root), nothing);
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let (mut bytes, root) = bytes();
        for name in ["../../x", "/x", "..", ".", "a/b", "a/", "\u{0}/"] {
            bytes[57] = name.len() as u8;
            bytes[58..58 + name.len()].copy_from_slice(name.as_bytes());
            assert_eq!(read(&bytes, SIZE, root).expect("notes").name, None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_there_is_read_or_refused(
            flips in proptest::collection::vec((0_usize..420, any::<u8>()), 0..8),
            end in 0_usize..420,
        ) {
            let (mut bytes, root) = bytes();
            for (at, byte) in flips {
                if let Some(there) = bytes.get_mut(at) {
                    *there = byte;
                }
            }
            bytes.truncate(end);
            if let Some(noted) = read(&bytes, SIZE, root) {
                prop_assert_eq!(noted.states.len(), 3);
                prop_assert!(noted.listed || noted.states == [0; 3]);
            }
        }
    }
}
