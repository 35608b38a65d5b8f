//! A file that arrives, or a folder: a hidden part in the folder where it is to be, and notes beside it.
//!
//! [`Part::begin`] finds what is there, [`check`](Part::check) looks at what the last run could not be sure of,
//! [`write`](Part::write) takes blocks, and once none is missing and all are on disk to stay, [`finish`](Part::finish)
//! gives the file its name. The notes stay until the chat has written down that the file is there: if it is killed
//! before, it begins again, and the file is found under its name instead of arriving twice.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::landing::{Landing, NotLanded};
use super::notes::{NoNotes, Notes, State};
use super::problem::problem;
use super::tree;
use crate::chat::files::FileName;
use crate::chat::files::disk::{
    BLOCK, Content, DiskProblem, Hash, MAX_SIZE, OfferId, blocks, length,
};

/// Blocks after which the disk is asked to keep what was written.
const GROUP: usize = 64;

/// Files of a folder from which on the disk is asked to keep all that it has.
#[cfg(target_os = "linux")]
const MANY: usize = 16;

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
    /// Where a folder is until it is whole.
    hidden: PathBuf,
    /// Where the blocks go, until all is whole.
    landing: Landing,
    notes: Notes,
    /// What is still to be looked at.
    check: Option<Check>,
    /// Whether it is begun though there seems to be too little room.
    pub(super) insists: bool,
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
    /// The files and folders of a folder.
    paths: Vec<PathBuf>,
}

impl Sync {
    pub(super) fn wait(&self) -> io::Result<()> {
        // One by one they may take long, and the rest of what the disk has to keep is seldom much.
        #[cfg(target_os = "linux")]
        if self.paths.len() > MANY && rustix::fs::syncfs(&self.files[0]).is_ok() {
            return Ok(());
        }
        for path in &self.paths {
            let file = if is_folder(path) { File::open(path)? } else { open(path, Access::Write)? };
            file.sync_all()?;
        }
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
        content: Content,
    ) -> Result<Self, DiskProblem> {
        if size > MAX_SIZE {
            return Err(DiskProblem::TooLarge { size });
        }
        fs::create_dir_all(&folder).map_err(|error| problem(&folder, &error))?;
        let notes = notes(&folder, offer, size, root)?;
        let (path, hidden) = (part_path(&folder, offer), folder_path(&folder, offer));
        let create = || open(&path, Access::Create).map_err(|error| problem(&path, &error));
        let whole = notes.name().map(|name| folder.join(name));
        let (file, finished) = if content == Content::File {
            match open(&path, Access::Write) {
                Ok(file) => (file, None),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let whole =
                        whole.and_then(|whole| Some((open(&whole, Access::Read).ok()?, whole)));
                    match whole {
                        Some((file, whole)) if is_long(&file, size) => (file, Some(whole)),
                        _ => (create()?, None),
                    }
                }
                Err(error) => return Err(problem(&path, &error)),
            }
        } else {
            let is_hidden = hidden.symlink_metadata().is_ok();
            (create()?, whole.filter(|whole| !is_hidden && is_folder(whole)))
        };
        let place = finished.clone().unwrap_or_else(|| hidden.clone());
        let mut landing = Landing::new(path, file, size, content, place, finished.is_some());
        let as_left = landing.settle()?;
        let check = Some(Check { next: 0, all: !as_left || finished.is_some() });
        let (missing, fresh, syncing) = (0, Vec::new(), None);
        let mut this = Self {
            run,
            size,
            name,
            folder,
            hidden,
            landing,
            notes,
            check,
            insists: false,
            finished,
            missing,
            fresh,
            syncing,
        };
        this.find_plan()?;
        Ok(this)
    }

    /// If the head of a folder has come, it is known what goes where. If that is not so, nothing has come.
    fn find_plan(&mut self) -> Result<(), DiskProblem> {
        let here = |state| state != State::Missing;
        let head = self.landing.head();
        let is_here = head.clone().all(|block| here(self.notes.state(block)));
        if head.is_empty() || (is_here && self.landing.plan()?) {
            return Ok(());
        }
        self.landing.forget_plan();
        if self.finished.take().is_some() {
            return self.start_over();
        }
        for block in head.end..blocks(self.size) {
            if here(self.notes.state(block)) {
                self.note(block, State::Missing)?;
            }
        }
        if is_here {
            head.into_iter().try_for_each(|block| self.note(block, State::Missing))?;
        }
        Ok(())
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
        let hidden = folder_path(folder, offer);
        if is_folder(&hidden) {
            fs::remove_dir_all(&hidden).map_err(|error| problem(&hidden, &error))?;
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
            let mut head = self.landing.head();
            if head.any(|block| self.notes.state(block) == State::Missing) {
                // What follows it may be anywhere.
                self.find_plan()?;
                self.fresh.retain(|block| self.notes.state(*block) != State::Missing);
            }
            let blocks = 0..blocks(self.size);
            self.missing =
                blocks.filter(|block| self.notes.state(*block) == State::Missing).count() as u64;
            if self.missing > 0 && self.finished.take().is_some() {
                self.start_over()?;
            }
            self.find_room()?;
            return Ok(None);
        };
        self.check = Some(Check { next: block + 1, all });
        let at = block * BLOCK;
        let end = at + length(self.size, block);
        let is_there = self.landing.read(at..end, buffer)?;
        let value = self.value(block)?;
        if is_there && tree::value(self.size, block, buffer) == value {
            // The disk has not yet said that it keeps it; but of a finished file it has.
            if self.finished.is_none() {
                self.fresh.push(block);
            }
        } else {
            self.note(block, State::Missing)?;
        }
        Ok(Some(end))
    }

    /// Whether the disk has room for what is missing, as far as it says.
    fn find_room(&self) -> Result<(), DiskProblem> {
        if self.insists {
            return Ok(());
        }
        let missing = self.missing().into_iter().flatten();
        let needed: u64 = missing.map(|block| length(self.size, block)).sum();
        match room(&self.folder) {
            Some(free) if free < needed => {
                let place = self.folder.display().to_string();
                Err(DiskProblem::NoRoom { place, needed, free })
            }
            _ => Ok(()),
        }
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
        let here = |head| head == block || self.notes.state(head) != State::Missing;
        let whole = self.landing.head().all(here);
        match self.landing.put(put, block * BLOCK, data, whole) {
            // It comes before what says where it belongs.
            Err(NotLanded::TooEarly) => return Err(DiskProblem::WrongBlock { block }),
            done => done?,
        }
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
        let whole = self.is_whole();
        let (file, paths) = self.landing.owed(whole)?;
        let notes = self.notes.share().map_err(|error| problem(self.notes.path(), &error))?;
        self.syncing = Some(std::mem::take(&mut self.fresh));
        Ok(Some(Sync { offer, run: self.run, files: [file, notes], paths }))
    }

    /// What the disk has said.
    pub(super) fn synced(&mut self, result: io::Result<()>) -> Result<(), DiskProblem> {
        // What it could not keep stays noted as written, and the next run looks at it.
        result.map_err(|error| problem(self.landing.path(), &error))?;
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
            let from = self.landing.result();
            let renamed = if self.landing.is_folder() {
                rename_folder(from, &path)
            } else {
                rename(from, &path)
            };
            match renamed {
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

    /// The finished file is not what it was: all of it is to arrive again.
    fn start_over(&mut self) -> Result<(), DiskProblem> {
        let path = self.landing.path();
        let file = open(path, Access::Create).map_err(|error| problem(path, &error))?;
        self.landing.start_over(file, self.hidden.clone())?;
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

/// Reads so many bytes at a place, behind those in the buffer. False if the file ends before.
pub(super) fn read_onto(
    file: &mut File,
    at: u64,
    length: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<bool> {
    file.seek(SeekFrom::Start(at))?;
    Ok(file.take(length as u64).read_to_end(buffer)? == length)
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

/// Where a folder is until it is whole.
fn folder_path(folder: &Path, offer: OfferId) -> PathBuf {
    folder.join(format!(".p2pchat-{offer}.folder"))
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

/// How many bytes may be written in a folder, if that can be known.
fn room(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let system = rustix::fs::statvfs(folder).ok()?;
        // Some file systems of other computers and programs say that they have none at all.
        system.f_bavail.checked_mul(system.f_frsize).filter(|_| system.f_blocks > 0)
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Whether there is a folder, and not a link to one.
pub(super) fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// Renames a folder if nothing has the new name.
fn rename_folder(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Some file systems cannot.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            renamed => return Ok(renamed?),
        }
    }
    if cfg!(unix) {
        // An empty folder gives way to another, so nobody else takes the name meanwhile.
        fs::create_dir(to)?;
    }
    fs::rename(from, to).inspect_err(|_| {
        if cfg!(unix) {
            let _ = fs::remove_dir(to);
        }
    })
}

impl From<NotLanded> for DiskProblem {
    fn from(why: NotLanded) -> Self {
        match why {
            NotLanded::WrongFolder | NotLanded::TooEarly => Self::WrongFolder,
            NotLanded::Io(path, error) => problem(&path, &error),
        }
    }
}

/// A name is on disk to stay when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
