//! Where the bytes go that arrive: into a hidden file, or into the files of a hidden folder.
//!
//! Of a folder the head comes first, into a file of its own. Once it is whole, all folders are made, and what follows goes
//! to its place at once: nothing is unpacked in the end. Files are made when their first bytes come, and empty ones with
//! the folders.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::layout::{Layout, Node};
use super::part::{self, Access, Put};
use crate::chat::files::disk::{BLOCK, Content};
use crate::chat::files::folder::Head;

/// Where bytes go.
#[derive(Debug)]
pub(super) struct Landing {
    /// The file, or what says what is in the folder.
    path: PathBuf,
    file: File,
    /// Bytes that belong there.
    size: u64,
    folder: Option<Folder>,
}

/// A folder that arrives.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// The whole stream.
    size: u64,
    files: u32,
    /// Where everything is, once that is known.
    layout: Option<Layout>,
    /// It has been finished, and nothing is made or changed in it.
    finished: bool,
    /// The file that was used last.
    open: Option<(usize, File)>,
    /// What was written that the disk has not been asked to keep.
    touched: BTreeSet<usize>,
}

/// Why bytes do not go where they should.
#[derive(Debug)]
pub(super) enum NotLanded {
    /// The folder is not what was offered.
    WrongFolder,
    /// It is not known yet where they belong.
    TooEarly,
    /// The system refuses.
    Io(PathBuf, io::Error),
}

/// Says with what the system has a problem.
trait About<T> {
    fn about(self, path: &Path) -> Result<T, NotLanded>;
}

impl<T> About<T> for io::Result<T> {
    fn about(self, path: &Path) -> Result<T, NotLanded> {
        self.map_err(|error| NotLanded::Io(path.to_owned(), error))
    }
}

impl Landing {
    /// Where `file` is the one at `path`, and `folder` the place of a folder: the hidden one, or the one that an earlier
    /// run has `finished`.
    pub(super) fn new(
        path: PathBuf,
        file: File,
        size: u64,
        content: Content,
        folder: PathBuf,
        finished: bool,
    ) -> Self {
        let Content::Folder { head, files } = content else {
            return Self { path, file, size, folder: None };
        };
        let (layout, open, touched) = (None, None, BTreeSet::new());
        let folder = Folder { path: folder, size, files, layout, finished, open, touched };
        Self { path, file, size: u64::from(head), folder: Some(folder) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Blocks that are wholly or partly a folder's head.
    pub(super) fn head(&self) -> Range<u64> {
        0..self.folder.as_ref().map_or(0, |_| self.size.div_ceil(BLOCK))
    }

    /// Whether all is as long as it is to be, as far as that was begun; it is made so.
    pub(super) fn settle(&mut self) -> Result<bool, NotLanded> {
        let is_long = self.file.metadata().about(&self.path)?.len() == self.size;
        if !is_long {
            self.file.set_len(self.size).about(&self.path)?;
        }
        let Some(folder) = self.folder.as_ref() else { return Ok(is_long) };
        let is_there = part::is_folder(&folder.path);
        if !is_there && !folder.finished {
            fs::create_dir(&folder.path).about(&folder.path)?;
        }
        Ok(is_long && is_there)
    }

    /// A folder's head is there: now it is known what goes where. False if it is no such head.
    pub(super) fn plan(&mut self) -> Result<bool, NotLanded> {
        let Some(folder) = &mut self.folder else { return Ok(true) };
        let mut bytes = Vec::new();
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        if !part::read_onto(&mut self.file, 0, size, &mut bytes).about(&self.path)? {
            return Ok(false);
        }
        let head = Head::read(&bytes).ok();
        let fits = |head: &Head| head.size() == folder.size && head.files() == folder.files;
        let Some(head) = head.filter(fits) else { return Ok(false) };
        folder.plan(&head)?;
        Ok(true)
    }

    /// It is not known any more what goes where.
    pub(super) fn forget_plan(&mut self) {
        if let Some(folder) = &mut self.folder {
            (folder.layout, folder.open) = (None, None);
            folder.touched.clear();
        }
    }

    /// Whether it is known where everything goes.
    pub(super) fn is_planned(&self) -> bool {
        self.folder.as_ref().is_none_or(|folder| folder.layout.is_some())
    }

    /// All of it is to arrive again.
    pub(super) fn start_over(&mut self, file: File, folder: PathBuf) -> Result<(), NotLanded> {
        self.file = file;
        self.forget_plan();
        if let Some(old) = &mut self.folder {
            (old.finished, old.path) = (false, folder);
        }
        self.settle().map(drop)
    }

    /// Reads bytes at a place, and nothing else, into the buffer. False if they are not there.
    pub(super) fn read(
        &mut self,
        bytes: Range<u64>,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, NotLanded> {
        buffer.clear();
        let length = usize::try_from(bytes.end.saturating_sub(bytes.start)).unwrap_or(usize::MAX);
        buffer.reserve_exact(length);
        let here = usize::try_from(self.size.saturating_sub(bytes.start)).unwrap_or(usize::MAX);
        let here = here.min(length);
        if here > 0
            && !part::read_onto(&mut self.file, bytes.start, here, buffer).about(&self.path)?
        {
            return Ok(false);
        }
        if let Some(folder) = self.folder.as_mut().filter(|_| here < length) {
            folder.read(bytes, buffer)?;
        }
        Ok(buffer.len() == length)
    }

    /// Puts a block where it belongs. `whole`: with it a folder's head is there.
    pub(super) fn put(
        &mut self,
        put: &mut Put,
        at: u64,
        data: &[u8],
        whole: bool,
    ) -> Result<(), NotLanded> {
        let here = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let (here, rest) = data.split_at(here.min(data.len()));
        if !here.is_empty() {
            write(&mut self.file, put, at, here).about(&self.path)?;
        }
        if self.is_planned() && self.folder.is_none() {
            return Ok(());
        }
        if !self.is_planned() {
            if !whole {
                return if rest.is_empty() { Ok(()) } else { Err(NotLanded::TooEarly) };
            }
            if !self.plan()? {
                return Err(NotLanded::WrongFolder);
            }
        }
        match &mut self.folder {
            Some(folder) => folder.put(put, at + here.len() as u64, rest),
            None => Ok(()),
        }
    }

    /// What the disk is to keep of what was written: files that are open, and others by their paths. With the `last` of
    /// it all folders.
    pub(super) fn owed(&mut self, last: bool) -> Result<(File, Vec<PathBuf>), NotLanded> {
        let file = self.file.try_clone().about(&self.path)?;
        let Some(folder) = &mut self.folder else { return Ok((file, Vec::new())) };
        let touched = std::mem::take(&mut folder.touched);
        let Some(layout) = &folder.layout else { return Ok((file, Vec::new())) };
        let mut paths: Vec<PathBuf> =
            touched.into_iter().map(|node| layout.path(&folder.path, node)).collect();
        if last && cfg!(unix) {
            let folders = layout.nodes().iter().enumerate();
            let folders = folders.filter(|(_, node)| node.size.is_none_or(|size| size == 0));
            paths.extend(folders.map(|(index, _)| layout.path(&folder.path, index)));
            paths.push(folder.path.clone());
        }
        Ok((file, paths))
    }

    /// What gets the name when all is there.
    pub(super) fn result(&self) -> &Path {
        self.folder.as_ref().map_or(&self.path, |folder| &folder.path)
    }

    pub(super) fn is_folder(&self) -> bool {
        self.folder.is_some()
    }
}

impl Folder {
    fn plan(&mut self, head: &Head) -> Result<(), NotLanded> {
        let folds = folds(self.path.parent());
        let places = head.places(folds).into_iter();
        let node = |place: crate::chat::files::folder::Place| Node {
            within: place.within,
            name: place.name.into(),
            at: place.at,
            size: place.size,
        };
        let layout = Layout::new(places.map(node).collect());
        if !self.finished {
            for (index, node) in layout.nodes().iter().enumerate() {
                let path = layout.path(&self.path, index);
                match node.size {
                    None => match fs::create_dir(&path) {
                        // Of an earlier run.
                        Err(error)
                            if error.kind() == io::ErrorKind::AlreadyExists
                                && part::is_folder(&path) => {}
                        made => made.about(&path)?,
                    },
                    Some(0) => drop(part::open(&path, Access::Create).about(&path)?),
                    Some(_) => {}
                }
            }
        }
        self.layout = Some(layout);
        Ok(())
    }

    fn read(&mut self, bytes: Range<u64>, buffer: &mut Vec<u8>) -> Result<(), NotLanded> {
        let Some(layout) = &self.layout else { return Ok(()) };
        for stretch in layout.stretches(bytes) {
            let path = layout.path(&self.path, stretch.node);
            let mut file = match part::open(&path, Access::Read) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(NotLanded::Io(path, error)),
            };
            if !part::read_onto(&mut file, stretch.at, stretch.length, buffer).about(&path)? {
                return Ok(());
            }
            // Whoever looks at it does not know whether the disk keeps it.
            if !self.finished {
                self.touched.insert(stretch.node);
            }
        }
        Ok(())
    }

    fn put(&mut self, put: &mut Put, at: u64, data: &[u8]) -> Result<(), NotLanded> {
        let Some(layout) = &self.layout else { return Ok(()) };
        let mut rest = data;
        for stretch in layout.stretches(at..at + data.len() as u64) {
            let path = layout.path(&self.path, stretch.node);
            let open = self.open.take_if(|(open, _)| *open == stretch.node);
            let mut file = match open {
                Some((_, file)) => file,
                None => {
                    let file = part::open(&path, Access::Create).about(&path)?;
                    let size = layout.nodes().get(stretch.node).and_then(|node| node.size);
                    let size = size.unwrap_or(0);
                    if file.metadata().about(&path)?.len() != size {
                        file.set_len(size).about(&path)?;
                    }
                    file
                }
            };
            let (now, later) = rest.split_at(stretch.length.min(rest.len()));
            write(&mut file, put, stretch.at, now).about(&path)?;
            rest = later;
            self.touched.insert(stretch.node);
            self.open = Some((stretch.node, file));
        }
        Ok(())
    }
}

/// Puts bytes where they belong. What is all zeros stays a hole, so that a sparse file does not fill the disk.
fn write(file: &mut File, put: &mut Put, at: u64, data: &[u8]) -> io::Result<()> {
    if is_zeros(data) {
        // Not if a run that was killed had already begun to write there.
        let mut there = Vec::with_capacity(data.len());
        if part::read_onto(file, at, data.len(), &mut there)? && is_zeros(&there) {
            return Ok(());
        }
    }
    put(file, at, data)
}

/// As fast as memory is compared: each byte is the next one.
fn is_zeros(data: &[u8]) -> bool {
    let rest = data.get(1..).unwrap_or_default();
    data.first().is_none_or(|first| *first == 0) && data[..rest.len()] == *rest
}

/// Whether the system takes `A` for `a` here, or an accented letter for a letter with an accent. If that cannot be found
/// out, it may.
fn folds(folder: Option<&Path>) -> bool {
    let Some(folder) = folder else { return true };
    let probe =
        tempfile::Builder::new().prefix(".p2pchat-\u{e9}").suffix("\u{e9}").tempfile_in(folder);
    let Ok(probe) = probe else { return true };
    let Some(name) = probe.path().file_name().and_then(|name| name.to_str()) else { return true };
    let others = [name.to_uppercase(), name.to_lowercase(), name.replace('\u{e9}', "e\u{301}")];
    others.iter().any(|other| other != name && folder.join(other).symlink_metadata().is_ok())
}
