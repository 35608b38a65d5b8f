//! A file that is offered: hashed once in each run, then read block by block.
//!
//! That it changes meanwhile is seen by its length and by when it was last changed; what slips through there, the
//! receiver finds, who compares each block with the list.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::problem::problem;
use super::tree::{self, Tree};
use crate::chat::files::disk::{BLOCK, DiskProblem, Hash, MAX_SIZE, blocks, length};

/// A file that is offered.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// It is being hashed.
    Hashing(Hashing),
    /// It is known what it is.
    Known(Known),
}

/// A file that is being hashed.
#[derive(Debug)]
pub(super) struct Hashing {
    path: PathBuf,
    file: File,
    stamp: Stamp,
    tree: Tree,
    list: Vec<u8>,
    next: u64,
    /// What it has to be, if it was offered already.
    offered: Option<Hash>,
}

/// A file of which the list is known.
#[derive(Debug)]
pub(super) struct Known {
    path: PathBuf,
    /// While it is read.
    file: Option<File>,
    stamp: Stamp,
    list: Vec<u8>,
    root: Hash,
}

/// What says whether a file is still the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
}

impl Hashing {
    /// Begins with a file that is to be offered, or that was: then it has to be the same.
    pub(super) fn begin(path: PathBuf, offered: Option<(u64, Hash)>) -> Result<Self, DiskProblem> {
        let (file, stamp) = open(&path)?;
        if stamp.size > MAX_SIZE {
            return Err(DiskProblem::TooLarge { size: stamp.size });
        }
        if offered.is_some_and(|(size, _)| size != stamp.size) {
            return Err(changed(&path));
        }
        let offered = offered.map(|(_, root)| root);
        let (tree, list, next) = (Tree::default(), Vec::new(), 0);
        Ok(Self { path, file, stamp, tree, list, next, offered })
    }

    pub(super) fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Whether it was offered before.
    pub(super) fn is_offered(&self) -> bool {
        self.offered.is_some()
    }

    /// Hashes one block: how many bytes are behind us. `None` if there is no other.
    pub(super) fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Option<u64>, DiskProblem> {
        if self.next == blocks(self.stamp.size) {
            return Ok(None);
        }
        let (at, length) = (self.next * BLOCK, length(self.stamp.size, self.next));
        let read = read_at(&mut self.file, at, length, buffer);
        if !read.map_err(|error| problem(&self.path, &error))? {
            return Err(changed(&self.path));
        }
        let value = tree::value(self.stamp.size, self.next, buffer);
        self.tree.push(value);
        self.list.extend(value);
        self.next += 1;
        Ok(Some(at + length))
    }

    /// What it is, after the last [`step`](Self::step).
    pub(super) fn finish(self) -> Result<Known, DiskProblem> {
        let Self { path, file, stamp, tree, list, offered, .. } = self;
        let root = tree.root();
        if stamped(&path, &file)? != stamp || offered.is_some_and(|offered| offered != root) {
            return Err(changed(&path));
        }
        Ok(Known { path, file: offered.map(|_| file), stamp, list, root })
    }
}

impl Known {
    pub(super) fn size(&self) -> u64 {
        self.stamp.size
    }

    pub(super) fn root(&self) -> Hash {
        self.root
    }

    pub(super) fn list(&self) -> &[u8] {
        &self.list
    }

    /// Makes ready to read it. False if it has to be hashed again to know what it is.
    pub(super) fn serve(
        &mut self,
        path: &Path,
        size: u64,
        root: Hash,
    ) -> Result<bool, DiskProblem> {
        if self.path != path || self.root != root || self.stamp.size != size {
            return Ok(false);
        }
        let (file, stamp) = open(path)?;
        self.file = Some(file);
        Ok(stamp == self.stamp)
    }

    /// Lets go of the file.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// A block of it.
    pub(super) fn read(&mut self, block: u64) -> Result<Vec<u8>, DiskProblem> {
        let length = length(self.stamp.size, block);
        let Some(file) = self.file.as_mut().filter(|_| length > 0) else {
            return Err(DiskProblem::NotOpen);
        };
        let mut data = Vec::new();
        let read = read_at(file, block * BLOCK, length, &mut data)
            .map_err(|error| problem(&self.path, &error))?;
        if !read || stamped(&self.path, file)? != self.stamp {
            return Err(changed(&self.path));
        }
        Ok(data)
    }
}

/// Reads so many bytes at a place, into nothing else. False if the file ends before.
pub(super) fn read_at(
    file: &mut File,
    at: u64,
    length: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<bool> {
    buffer.clear();
    buffer.reserve_exact(usize::try_from(length).map_err(io::Error::other)?);
    file.seek(SeekFrom::Start(at))?;
    Ok(file.take(length).read_to_end(buffer)? as u64 == length)
}

fn open(path: &Path) -> Result<(File, Stamp), DiskProblem> {
    // To open a pipe would wait for somebody at its other end.
    let metadata = path.metadata().map_err(|error| problem(path, &error))?;
    if !metadata.is_file() {
        return Err(DiskProblem::NotAFile { place: path.display().to_string() });
    }
    let file = File::open(path).map_err(|error| problem(path, &error))?;
    let stamp = stamped(path, &file)?;
    Ok((file, stamp))
}

fn stamped(path: &Path, file: &File) -> Result<Stamp, DiskProblem> {
    let metadata = file.metadata().map_err(|error| problem(path, &error))?;
    Ok(Stamp { size: metadata.len(), modified: metadata.modified().ok() })
}

fn changed(path: &Path) -> DiskProblem {
    DiskProblem::Changed { place: path.display().to_string() }
}
