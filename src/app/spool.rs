//! Files that stand for pipes: what `send -` has read, until it is received, and what `recv --file` has received, until it
//! is written.
//!
//! How long a stream is, is known only at its end, and its hash too; so it waits on the disk, in the profile. There is
//! the bound: what the disk holds.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Failure;
use super::peer::now;
use crate::chat::files::FileName;
use crate::chat::{ExitCode, KeptFile};
use crate::ui::language::Phrase;

/// After so long nobody is reading any more what is not offered.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// Where what was read waits until it is received. Each stream has a folder of its own there, in which it has its name.
pub(super) fn outgoing(dir: &Path) -> PathBuf {
    dir.join("pipes").join("out")
}

/// Reads all of a stream into a file of this name.
pub(super) fn read(dir: &Path, name: &str, mut from: impl Read) -> Result<PathBuf, Failure> {
    let place = outgoing(dir);
    let read = private(&place).and_then(|()| {
        let folder = tempfile::Builder::new().prefix("").tempdir_in(&place)?;
        let path = std::path::absolute(folder.path().join(FileName::of(name).as_str()))?;
        let mut file = own().create_new(true).open(&path)?;
        io::copy(&mut from, &mut file)?;
        // It may be wanted for a long time.
        file.sync_all()?;
        let _ = folder.keep();
        Ok(path)
    });
    read.map_err(|error| failed(&place, &error))
}

/// Removes what was read and is not offered any more, as far as that was forgotten.
pub(super) fn sweep(dir: &Path, files: &[KeptFile]) {
    let place = outgoing(dir);
    let offered = |folder: &Path| {
        let mut paths = files.iter().filter(|file| !file.state.is_end());
        paths.any(|file| file.path.as_ref().is_some_and(|path| Path::new(path).starts_with(folder)))
    };
    for entry in fs::read_dir(&place).into_iter().flatten().flatten() {
        let path = std::path::absolute(entry.path()).unwrap_or_else(|_| entry.path());
        let since = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let since = since.and_then(|since| since.duration_since(SystemTime::UNIX_EPOCH).ok());
        let age = since.and_then(|since| Duration::from_millis(now().0).checked_sub(since));
        if age.is_some_and(|age| age > FORGOTTEN) && !offered(&path) {
            // What cannot be removed now is removed later.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Where a file arrives that is to be written to the standard output.
#[derive(Debug)]
pub(super) struct Incoming {
    folder: PathBuf,
    /// Nobody else uses the folder meanwhile.
    _lock: File,
}

impl Incoming {
    /// The folder for files of somebody, or of anybody.
    pub(super) fn open(dir: &Path, from: Option<&str>) -> Result<Self, Failure> {
        let name = from.map_or_else(|| "anybody".to_owned(), |from| format!("from {from}"));
        let folder = dir.join("pipes").join("in").join(FileName::of(&name).as_str());
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let lock = private(&folder).and_then(|()| own().create(true).open(folder.join(".lock")));
        let lock = lock.map_err(|error| failed(&folder, &error))?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(Failure::new(ExitCode::Usage, Phrase::new("pipe-busy")));
        }
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a file is there.
    pub(super) fn is_there(&self) -> bool {
        self.whole().is_some()
    }

    /// The file that has arrived. What has not, has a hidden name.
    fn whole(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(&self.folder).ok()?.flatten();
        let hidden = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
        let mut files = entries.filter(|entry| !hidden(entry)).map(|entry| entry.path());
        files.find(|path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()))
    }

    /// Writes the file that has arrived, and removes it when all is written.
    pub(super) fn write(&self, mut to: impl Write) -> Result<(), Failure> {
        let Some(path) = self.whole() else { return Ok(()) };
        let written = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut to));
        written.and_then(|_| to.flush()).map_err(|error| failed(&path, &error))?;
        fs::remove_file(&path).map_err(|error| failed(&path, &error))
    }
}

/// Makes a folder, and those above it, that only we can look into.
fn private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A file that only we can read.
fn own() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    let phrase = Phrase::new("pipe-failed").with("path", path.display());
    Failure::internal(phrase.with("error", error))
}
