//! A file that arrives: a hidden part in the folder where it is to be, and notes beside it.
//!
//! [`Part::begin`] finds what is there, [`check`](Part::check) looks at what the last run could not be sure of,
//! [`write`](Part::write) takes blocks, and once none is missing and all are on disk to stay, [`finish`](Part::finish)
//! gives the file its name. The notes stay until the chat has written down that the file is there: if it is killed
//! before, it begins again, and the file is found under its name instead of arriving twice.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::notes::{NoNotes, Notes, State};
use super::outgoing;
use super::problem::problem;
use super::tree;
use crate::chat::files::FileName;
use crate::chat::files::disk::{BLOCK, DiskProblem, Hash, MAX_SIZE, OfferId, blocks, length};

/// Blocks after which the disk is asked to keep what was written.
const GROUP: usize = 64;

/// Names that are tried before we give up.
const NAMES: u32 = 10_000;

/// How bytes are put into a file at a place. Tests have disks that are full.
pub(super) type Put = dyn FnMut(&mut File, u64, &[u8]) -> io::Result<()> + Send;

/// A file that arrives.
#[derive(Debug)]
pub(super) struct Part {
    /// Tells this one apart from an earlier one of the same offer.
    run: u64,
    size: u64,
    name: FileName,
    folder: PathBuf,
    /// Where the blocks go, until the file is whole.
    path: PathBuf,
    file: File,
    notes: Notes,
    /// What is still to be looked at.
    check: Option<Check>,
    /// Where the file is, if an earlier run has finished it.
    finished: Option<PathBuf>,
    missing: u64,
    /// What was written after the disk was last asked to keep it.
    fresh: Vec<u64>,
    /// What the disk is being asked to keep.
    syncing: Option<Vec<u64>>,
}

/// Which blocks are looked at.
#[derive(Clone, Copy, Debug)]
struct Check {
    /// Those from here on.
    next: u64,
    /// Also those that are noted to be on disk to stay.
    all: bool,
}

/// Files that the disk is to keep. It takes as long as the disk takes.
#[derive(Debug)]
pub(super) struct Sync {
    pub(super) offer: OfferId,
    pub(super) run: u64,
    files: [File; 2],
}

impl Sync {
    pub(super) fn wait(&self) -> io::Result<()> {
        self.files.iter().try_for_each(File::sync_data)
    }
}

impl Part {
    /// Begins to receive, or goes on. Before anything else it is to be [checked](Self::check).
    pub(super) fn begin(
        offer: OfferId,
        run: u64,
        folder: PathBuf,
        name: FileName,
        size: u64,
        root: Hash,
    ) -> Result<Self, DiskProblem> {
        if size > MAX_SIZE {
            return Err(DiskProblem::TooLarge { size });
        }
        fs::create_dir_all(&folder).map_err(|error| problem(&folder, &error))?;
        let notes = notes(&folder, offer, size, root)?;
        let path = part_path(&folder, offer);
        let (file, finished) = match open(&path, Access::Write) {
            Ok(file) => (file, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let whole = notes.name().map(|name| folder.join(name));
                match whole.and_then(|whole| Some((open(&whole, Access::Read).ok()?, whole))) {
                    Some((file, whole)) if is_long(&file, size) => (file, Some(whole)),
                    _ => {
                        (open(&path, Access::Create).map_err(|error| problem(&path, &error))?, None)
                    }
                }
            }
            Err(error) => return Err(problem(&path, &error)),
        };
        let as_left = is_long(&file, size);
        if !as_left {
            file.set_len(size).map_err(|error| problem(&path, &error))?;
        }
        let check = Some(Check { next: 0, all: !as_left || finished.is_some() });
        let (missing, fresh, syncing) = (0, Vec::new(), None);
        Ok(Self {
            run,
            size,
            name,
            folder,
            path,
            file,
            notes,
            check,
            finished,
            missing,
            fresh,
            syncing,
        })
    }

    /// Removes the part and the notes, and nothing else.
    pub(super) fn discard(folder: &Path, offer: OfferId) -> Result<(), DiskProblem> {
        let notes = notes_path(folder, offer);
        match open(&notes, Access::Write) {
            Ok(file) if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) => {
                return Err(DiskProblem::Busy { place: notes.display().to_string() });
            }
            _ => {}
        }
        for path in [part_path(folder, offer), notes] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(problem(&path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn run(&self) -> u64 {
        self.run
    }

    pub(super) fn is_checked(&self) -> bool {
        self.check.is_none()
    }

    /// Looks at the next block that has to be looked at: how many bytes of the file are behind us, and of how many.
    /// `None` if all have been.
    pub(super) fn check(&mut self, buffer: &mut Vec<u8>) -> Result<Option<u64>, DiskProblem> {
        let Some(Check { next, all }) = self.check else { return Ok(None) };
        let doubtful = |state| state == State::Written || (all && state == State::Kept);
        let mut rest = next..blocks(self.size);
        let Some(block) = rest.find(|block| doubtful(self.notes.state(*block))) else {
            self.check = None;
            let blocks = 0..blocks(self.size);
            self.missing =
                blocks.filter(|block| self.notes.state(*block) == State::Missing).count() as u64;
            if self.missing > 0 && self.finished.take().is_some() {
                self.start_over()?;
            }
            return Ok(None);
        };
        self.check = Some(Check { next: block + 1, all });
        let length = length(self.size, block);
        let is_there = outgoing::read_at(&mut self.file, block * BLOCK, length, buffer)
            .map_err(|error| problem(&self.path, &error))?;
        let value = self.value(block)?;
        if is_there && tree::value(self.size, block, buffer) == value {
            // The disk has not yet said that it keeps it; but of a finished file it has.
            if self.finished.is_none() {
                self.fresh.push(block);
            }
        } else {
            self.note(block, State::Missing)?;
        }
        Ok(Some(block * BLOCK + length))
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether the list is there.
    pub(super) fn is_listed(&self) -> bool {
        self.notes.listed()
    }

    /// The blocks that have not arrived.
    pub(super) fn missing(&self) -> Vec<Range<u64>> {
        let mut missing: Vec<Range<u64>> = Vec::new();
        for block in 0..blocks(self.size) {
            if self.notes.state(block) != State::Missing {
                continue;
            }
            match missing.last_mut() {
                Some(last) if last.end == block => last.end += 1,
                _ => missing.push(block..block + 1),
            }
        }
        missing
    }

    /// Takes the list.
    pub(super) fn list(&mut self, list: &[u8]) -> Result<(), DiskProblem> {
        if self.is_listed() {
            return Ok(());
        }
        match self.notes.set_list(list) {
            Ok(true) => Ok(()),
            Ok(false) => Err(DiskProblem::WrongList),
            Err(error) => Err(problem(self.notes.path(), &error)),
        }
    }

    /// Takes a block.
    pub(super) fn write(
        &mut self,
        put: &mut Put,
        block: u64,
        data: &[u8],
    ) -> Result<(), DiskProblem> {
        if !self.is_checked() || !self.is_listed() {
            return Err(DiskProblem::NotOpen);
        }
        if data.is_empty() || data.len() as u64 != length(self.size, block) {
            return Err(DiskProblem::WrongBlock { block });
        }
        if self.notes.state(block) != State::Missing {
            return Ok(());
        }
        if tree::value(self.size, block, data) != self.value(block)? {
            return Err(DiskProblem::WrongBlock { block });
        }
        self.put(put, block * BLOCK, data).map_err(|error| problem(&self.path, &error))?;
        self.note(block, State::Written)?;
        self.missing -= 1;
        self.fresh.push(block);
        Ok(())
    }

    /// Whether all has arrived.
    pub(super) fn is_whole(&self) -> bool {
        self.is_checked() && self.is_listed() && self.missing == 0
    }

    /// Whether the disk need not be asked any more to keep something.
    pub(super) fn is_kept(&self) -> bool {
        self.fresh.is_empty() && self.syncing.is_none()
    }

    /// What the disk is to be asked for now, if it is not being asked already: with enough of it, or in any case.
    pub(super) fn sync(&mut self, offer: OfferId, any: bool) -> Result<Option<Sync>, DiskProblem> {
        let enough = self.fresh.len() >= if any || self.is_whole() { 1 } else { GROUP };
        if self.syncing.is_some() || !enough {
            return Ok(None);
        }
        let file = self.file.try_clone().map_err(|error| problem(&self.path, &error))?;
        let notes = self.notes.share().map_err(|error| problem(self.notes.path(), &error))?;
        self.syncing = Some(std::mem::take(&mut self.fresh));
        Ok(Some(Sync { offer, run: self.run, files: [file, notes] }))
    }

    /// What the disk has said.
    pub(super) fn synced(&mut self, result: io::Result<()>) -> Result<(), DiskProblem> {
        // What it could not keep stays noted as written, and the next run looks at it.
        result.map_err(|error| problem(&self.path, &error))?;
        for block in self.syncing.take().unwrap_or_default() {
            self.note(block, State::Kept)?;
        }
        Ok(())
    }

    /// Gives the file its name, or one beside it.
    pub(super) fn finish(mut self) -> Result<PathBuf, DiskProblem> {
        if let Some(path) = self.finished {
            return Ok(path);
        }
        for number in 1..=NAMES {
            let name = match number {
                1 => self.name.to_string(),
                _ => self.name.numbered(number),
            };
            let path = self.folder.join(&name);
            if path.symlink_metadata().is_ok() {
                continue;
            }
            // Before it has it, so that it is found.
            let noted = self.notes.set_name(&name).and_then(|()| self.notes.keep());
            noted.map_err(|error| problem(self.notes.path(), &error))?;
            match rename(&self.path, &path) {
                Ok(()) => {
                    sync_folder(&self.folder).map_err(|error| problem(&self.folder, &error))?;
                    return Ok(path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(problem(&path, &error)),
            }
        }
        let taken = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(problem(&self.folder.join(self.name.as_str()), &taken))
    }

    /// Puts a block where it belongs. What is all zeros stays a hole, so that a sparse file does not fill the disk.
    fn put(&mut self, put: &mut Put, at: u64, data: &[u8]) -> io::Result<()> {
        if is_zeros(data) {
            // Not if a run that was killed had already begun to write there.
            let mut there = Vec::new();
            let read = outgoing::read_at(&mut self.file, at, data.len() as u64, &mut there)?;
            if read && is_zeros(&there) {
                return Ok(());
            }
        }
        put(&mut self.file, at, data)
    }

    /// The finished file is not what it was: all of it is to arrive again.
    fn start_over(&mut self) -> Result<(), DiskProblem> {
        let file = open(&self.path, Access::Create)
            .and_then(|file| file.set_len(self.size).map(|()| file))
            .map_err(|error| problem(&self.path, &error))?;
        self.file = file;
        self.fresh.clear();
        self.missing = blocks(self.size);
        (0..self.missing).try_for_each(|block| self.note(block, State::Missing))
    }

    fn value(&mut self, block: u64) -> Result<tree::Value, DiskProblem> {
        self.notes.value(block).map_err(|error| problem(self.notes.path(), &error))
    }

    fn note(&mut self, block: u64, state: State) -> Result<(), DiskProblem> {
        let noted = self.notes.set_state(block, state);
        noted.map_err(|error| problem(self.notes.path(), &error))
    }
}

/// Puts bytes into a file, as a disk does.
pub(super) fn put(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// As fast as memory is compared: each byte is the next one.
fn is_zeros(data: &[u8]) -> bool {
    let rest = data.get(1..).unwrap_or_default();
    data.first().is_none_or(|first| *first == 0) && data[..rest.len()] == *rest
}

/// What a file of ours is opened for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    Read,
    Write,
    /// To write, and made if it is not there.
    Create,
}

/// Opens a file of ours, and nothing that somebody else has put in its place.
pub(super) fn open(path: &Path, access: Access) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(access != Access::Read);
    options.create(access == Access::Create).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

fn notes(folder: &Path, offer: OfferId, size: u64, root: Hash) -> Result<Notes, DiskProblem> {
    let path = notes_path(folder, offer);
    Notes::open(&path, size, root).map_err(|error| match error {
        NoNotes::Busy => DiskProblem::Busy { place: path.display().to_string() },
        NoNotes::Io(error) => problem(&path, &error),
    })
}

fn part_path(folder: &Path, offer: OfferId) -> PathBuf {
    folder.join(format!(".p2pchat-{offer}.part"))
}

fn notes_path(folder: &Path, offer: OfferId) -> PathBuf {
    folder.join(format!(".p2pchat-{offer}.notes"))
}

fn is_long(file: &File, size: u64) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.len() == size)
}

/// Renames a file if nothing has the new name.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let mut path = tempfile::TempPath::try_from_path(from)?;
    // It is not removed if it cannot be renamed.
    path.disable_cleanup(true);
    match path.persist_noclobber(to) {
        Ok(()) => Ok(()),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Err(failed.error),
        Err(_) => {
            // A file system that can do neither that nor hard links. Nobody else takes the name meanwhile, because it
            // is taken.
            drop(OpenOptions::new().write(true).create_new(true).open(to)?);
            fs::rename(from, to).inspect_err(|_| {
                let _ = fs::remove_file(to);
            })
        }
    }
}

/// A name is on disk to stay when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
