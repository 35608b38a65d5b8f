//! What is offered: hashed once in each run, then read block by block.
//!
//! That it changes meanwhile is seen by the lengths of files and by when they were last changed; what slips through there,
//! the receiver finds, who compares each block with the list.

use std::path::{Path, PathBuf};

use super::source::{Seal, Source, changed};
use super::tree::{self, Tree};
use crate::chat::files::disk::{BLOCK, Content, DiskProblem, Hash, blocks, length};

/// What is offered.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// It is being hashed.
    Hashing(Hashing),
    /// It is known what it is.
    Known(Known),
}

/// What is being hashed.
#[derive(Debug)]
pub(super) struct Hashing {
    path: PathBuf,
    source: Source,
    tree: Tree,
    list: Vec<u8>,
    next: u64,
    /// What it has to be, if it was offered already.
    offered: Option<Hash>,
}

/// What the list is known of.
#[derive(Debug)]
pub(super) struct Known {
    path: PathBuf,
    /// While it is read.
    source: Option<Source>,
    seal: Seal,
    size: u64,
    content: Content,
    skipped: u32,
    list: Vec<u8>,
    root: Hash,
}

impl Hashing {
    /// Begins with what is to be offered, or was: then it has to be the same.
    pub(super) fn begin(path: PathBuf, offered: Option<(u64, Hash)>) -> Result<Self, DiskProblem> {
        let source = Source::open(&path)?;
        if offered.is_some_and(|(size, _)| size != source.size()) {
            return Err(changed(&path));
        }
        let offered = offered.map(|(_, root)| root);
        let (tree, list, next) = (Tree::default(), Vec::new(), 0);
        Ok(Self { path, source, tree, list, next, offered })
    }

    pub(super) fn size(&self) -> u64 {
        self.source.size()
    }

    /// Whether it was offered before.
    pub(super) fn is_offered(&self) -> bool {
        self.offered.is_some()
    }

    /// Hashes one block: how many bytes are behind us. `None` if there is no other.
    pub(super) fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Option<u64>, DiskProblem> {
        let size = self.size();
        if self.next == blocks(size) {
            return Ok(None);
        }
        let at = self.next * BLOCK;
        let end = at + length(size, self.next);
        self.source.read(at..end, buffer)?;
        let value = tree::value(size, self.next, buffer);
        self.tree.push(value);
        self.list.extend(value);
        self.next += 1;
        Ok(Some(end))
    }

    /// What it is, after the last [`step`](Self::step).
    pub(super) fn finish(self) -> Result<Known, DiskProblem> {
        let Self { path, source, tree, list, offered, .. } = self;
        let root = tree.root();
        if !source.is_unchanged()? || offered.is_some_and(|offered| offered != root) {
            return Err(changed(&path));
        }
        let (seal, size, content) = (source.seal(), source.size(), source.content());
        let (skipped, source) = (source.skipped(), offered.map(|_| source));
        Ok(Known { path, source, seal, size, content, skipped, list, root })
    }
}

impl Known {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn root(&self) -> Hash {
        self.root
    }

    pub(super) fn content(&self) -> Content {
        self.content
    }

    pub(super) fn skipped(&self) -> u32 {
        self.skipped
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
        if self.path != path || self.root != root || self.size != size {
            return Ok(false);
        }
        let source = Source::open(path)?;
        let is_same = source.seal() == self.seal;
        self.source = Some(source);
        Ok(is_same)
    }

    /// Lets go of the files.
    pub(super) fn close(&mut self) {
        self.source = None;
    }

    /// A block of it.
    pub(super) fn read(&mut self, block: u64) -> Result<Vec<u8>, DiskProblem> {
        let length = length(self.size, block);
        let Some(source) = self.source.as_mut().filter(|_| length > 0) else {
            return Err(DiskProblem::NotOpen);
        };
        let mut data = Vec::new();
        source.read(block * BLOCK..block * BLOCK + length, &mut data)?;
        Ok(data)
    }
}
