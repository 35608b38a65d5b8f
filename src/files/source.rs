//! What is given, as one stream of bytes: a file, or a folder with its head before its files.
//!
//! A folder is read where it is, nothing is packed beforehand. Links in it are not followed, and neither they nor pipes
//! and devices go with it.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::layout::{Layout, Node};
use super::part::{self, Access};
use super::problem::problem;
use crate::chat::files::FileName;
use crate::chat::files::disk::{Content, DiskProblem, MAX_SIZE};
use crate::chat::files::folder::{Entry, Head, MAX_DEPTH, MAX_ENTRIES};

/// What is given, open for reading.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File(File, Stamp),
    Folder(Folder),
}

#[derive(Debug)]
struct Folder {
    head: Vec<u8>,
    size: u64,
    files: u32,
    layout: Layout,
    /// Of each entry; of folders it says nothing.
    stamps: Vec<Stamp>,
    skipped: u32,
    /// The file that was read last.
    open: Option<(usize, File)>,
}

/// What says whether a file is still the same.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
}

/// What says whether all of it is still the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seal(blake3::Hash);

impl Source {
    /// What is at this path.
    pub(super) fn open(path: &Path) -> Result<Self, DiskProblem> {
        // To open a pipe would wait for somebody at its other end.
        let metadata = path.metadata().map_err(|error| problem(path, &error))?;
        let kind = if metadata.is_dir() {
            Kind::Folder(walk(path)?)
        } else if metadata.is_file() {
            let file = File::open(path).map_err(|error| problem(path, &error))?;
            let stamp = stamped(path, &file)?;
            if stamp.size > MAX_SIZE {
                return Err(DiskProblem::TooLarge { size: stamp.size });
            }
            Kind::File(file, stamp)
        } else {
            return Err(DiskProblem::NotAFile { place: path.display().to_string() });
        };
        Ok(Self { path: path.to_owned(), kind })
    }

    /// How many bytes it has.
    pub(super) fn size(&self) -> u64 {
        match &self.kind {
            Kind::File(_, stamp) => stamp.size,
            Kind::Folder(folder) => folder.size,
        }
    }

    /// What they are.
    pub(super) fn content(&self) -> Content {
        match &self.kind {
            Kind::File(..) => Content::File,
            Kind::Folder(folder) => {
                let head = u32::try_from(folder.head.len()).unwrap_or(u32::MAX);
                Content::Folder { head, files: folder.files }
            }
        }
    }

    /// How many links, pipes and devices do not go with it.
    pub(super) fn skipped(&self) -> u32 {
        match &self.kind {
            Kind::File(..) => 0,
            Kind::Folder(folder) => folder.skipped,
        }
    }

    /// What it is like when it is opened.
    pub(super) fn seal(&self) -> Seal {
        let mut hasher = blake3::Hasher::new();
        let mut add = |stamp: &Stamp| {
            let since =
                stamp.modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
            let nanoseconds = since.map_or(0, |since| since.as_nanos());
            hasher.update(&stamp.size.to_be_bytes()).update(&nanoseconds.to_be_bytes());
        };
        match &self.kind {
            Kind::File(_, stamp) => add(stamp),
            Kind::Folder(folder) => {
                folder.stamps.iter().for_each(&mut add);
                hasher.update(&folder.head);
            }
        }
        Seal(hasher.finalize())
    }

    /// Reads these bytes, and nothing else, into the buffer. It fails if they are not what they were.
    pub(super) fn read(
        &mut self,
        bytes: Range<u64>,
        buffer: &mut Vec<u8>,
    ) -> Result<(), DiskProblem> {
        buffer.clear();
        let length = usize::try_from(bytes.end.saturating_sub(bytes.start)).unwrap_or(usize::MAX);
        buffer.reserve_exact(length);
        match &mut self.kind {
            Kind::File(file, stamp) => {
                let read = part::read_onto(file, bytes.start, length, buffer);
                let read = read.map_err(|error| problem(&self.path, &error))?;
                if !read || stamped(&self.path, file)? != *stamp {
                    return Err(changed(&self.path));
                }
                Ok(())
            }
            Kind::Folder(folder) => folder.read(&self.path, bytes, buffer),
        }
    }

    /// Whether it is what it was, as far as can be seen without reading it.
    pub(super) fn is_unchanged(&self) -> Result<bool, DiskProblem> {
        match &self.kind {
            Kind::File(file, stamp) => Ok(stamped(&self.path, file)? == *stamp),
            // Of what was read it has been seen.
            Kind::Folder(_) => Ok(true),
        }
    }
}

impl Folder {
    fn read(
        &mut self,
        path: &Path,
        bytes: Range<u64>,
        buffer: &mut Vec<u8>,
    ) -> Result<(), DiskProblem> {
        let end = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.head.len());
        buffer.extend(self.head.get(end(bytes.start)..end(bytes.end)).unwrap_or_default());
        for stretch in self.layout.stretches(bytes) {
            let place = self.layout.path(path, stretch.node);
            let open = self.open.take_if(|(open, _)| *open == stretch.node);
            let mut file = match open {
                Some((_, file)) => file,
                None => part::open(&place, Access::Read).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => changed(&place),
                    _ => problem(&place, &error),
                })?,
            };
            let read = part::read_onto(&mut file, stretch.at, stretch.length, buffer);
            let read = read.map_err(|error| problem(&place, &error))?;
            if !read || self.stamps.get(stretch.node) != Some(&stamped(&place, &file)?) {
                return Err(changed(&place));
            }
            self.open = Some((stretch.node, file));
        }
        Ok(())
    }
}

/// Looks at everything in a folder, each folder before what is in it, in the order of the names.
fn walk(folder: &Path) -> Result<Folder, DiskProblem> {
    let too_much = || DiskProblem::TooMuch { place: folder.display().to_string() };
    let (mut entries, mut nodes, mut stamps) = (Vec::new(), Vec::new(), Vec::new());
    let mut skipped = 0_u32;
    // What is still to be looked at: in which node it lies, and how deep; the next one last.
    let mut waiting: Vec<(Option<usize>, u8, PathBuf)> = Vec::new();
    let add = |within, depth, path: &Path, waiting: &mut Vec<_>| -> Result<(), DiskProblem> {
        let listed = fs::read_dir(path).map_err(|error| problem(path, &error))?;
        let mut names = Vec::new();
        for entry in listed {
            names.push(entry.map_err(|error| problem(path, &error))?.file_name());
            if names.len() > MAX_ENTRIES {
                return Err(too_much());
            }
        }
        names.sort_unstable_by(|one, other| other.cmp(one));
        waiting.extend(names.into_iter().map(|name| (within, depth, PathBuf::from(name))));
        Ok(())
    };
    add(None, 0, folder, &mut waiting)?;
    let mut paths: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some((within, depth, name)) = waiting.pop() {
        paths.truncate(usize::from(depth) + 1);
        let path = paths.last().map_or(folder, PathBuf::as_path).join(&name);
        let metadata = path.symlink_metadata().map_err(|error| problem(&path, &error))?;
        if !metadata.is_dir() && !metadata.is_file() {
            skipped += 1;
            continue;
        }
        if depth > MAX_DEPTH || nodes.len() == MAX_ENTRIES {
            return Err(too_much());
        }
        let said = match name.to_str() {
            Some(name) if name.len() <= 255 => name.to_owned(),
            _ => FileName::within(&name.to_string_lossy()).to_string(),
        };
        let size = metadata.is_file().then_some(metadata.len());
        let index = nodes.len();
        entries.push(Entry { depth, name: said, size });
        nodes.push(Node { within, name, at: 0, size });
        stamps.push(if metadata.is_file() { stamp(&metadata) } else { Stamp::default() });
        if size.is_none() {
            add(Some(index), depth + 1, &path, &mut waiting)?;
            paths.push(path);
        }
    }
    let head = Head::new(entries).map_err(|_| too_much())?;
    let mut at = u64::from(head.bytes());
    for node in &mut nodes {
        node.at = at;
        at += node.size.unwrap_or(0);
    }
    let (size, files) = (head.size(), head.files());
    let layout = Layout::new(nodes);
    Ok(Folder { head: head.write(), size, files, layout, stamps, skipped, open: None })
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    Stamp { size: metadata.len(), modified: metadata.modified().ok() }
}

fn stamped(path: &Path, file: &File) -> Result<Stamp, DiskProblem> {
    Ok(stamp(&file.metadata().map_err(|error| problem(path, &error))?))
}

pub(super) fn changed(path: &Path) -> DiskProblem {
    DiskProblem::Changed { place: path.display().to_string() }
}
