//! The folder with the server's key and names.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use p2pchat_wire::identity::Identity;

/// The folder's place in folders that programs share.
const NAME: &str = "p2pchat-rendezvous";

/// The data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// The system says why.
    #[error("{} cannot be used: {source}. Choose another folder with --data-dir", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another server has it open.
    #[error("{} is in use by another p2pchat-rendezvous. Stop it, or choose another folder with --data-dir", .0.display())]
    InUse(PathBuf),
    /// The key file has something else in it.
    #[error("{} holds no key: it should have 64 digits (0-9, a-f). Restore a backup; without it the server gets a new key, and everybody who pinned the old one is warned", .0.display())]
    BadKey(PathBuf),
    /// The system has no randomness.
    #[error("the system gives no randomness: {0}")]
    Random(getrandom::Error),
}

/// The folder.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// The folder at `path`; if that is empty, where the system keeps such data: what systemd says,
    /// else the user's data folder, else here. Made if it is not there.
    ///
    /// # Errors
    ///
    /// [`HomeError::Io`] if it cannot be made.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        let path = if path.as_os_str().is_empty() { usual_place() } else { path.to_owned() };
        make(&path).map_err(|source| HomeError::Io { path: path.clone(), source })?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the names.
    #[must_use]
    pub fn names(&self) -> PathBuf {
        self.path.join("names.sqlite")
    }

    /// Keeps other servers out as long as the file is open.
    ///
    /// # Errors
    ///
    /// [`HomeError::InUse`] if another server is in.
    pub fn lock(&self) -> Result<File, HomeError> {
        let path = self.path.join("lock");
        let failed = |source| HomeError::Io { path: path.clone(), source };
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(HomeError::InUse(self.path.clone())),
            Err(fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The server's key pair, made at the first start.
    ///
    /// # Errors
    ///
    /// [`HomeError`] if it can be neither read nor made.
    pub fn identity(&self) -> Result<Identity, HomeError> {
        let path = self.path.join("key");
        let failed = |source| HomeError::Io { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(text) => {
                let seed = parse_hex(text.trim()).ok_or_else(|| HomeError::BadKey(path.clone()))?;
                Ok(Identity::from_seed(seed))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed = random_seed().map_err(HomeError::Random)?;
                write_secret(&path, &hex(&seed)).map_err(failed)?;
                Ok(Identity::from_seed(seed))
            }
            Err(source) => Err(failed(source)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's key is made here, once")]
fn random_seed() -> Result<[u8; 32], getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

fn usual_place() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(state) = variable("STATE_DIRECTORY") {
        return state.into();
    }
    let data = variable("XDG_DATA_HOME").map(PathBuf::from).or_else(|| {
        let local = variable("LOCALAPPDATA").filter(|_| cfg!(windows)).map(PathBuf::from);
        local.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".local/share")))
    });
    data.map_or_else(|| PathBuf::from(".").join(NAME), |data| data.join(NAME))
}

fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    // The name is in the folder, which has to reach the disk as well.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let bytes: Vec<u8> =
        digits?.chunks(2).map(|pair| pair.iter().fold(0, |n, d| n << 4 | d)).collect();
    (text.len() == 64).then_some(bytes)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::open(&folder.path().join("deep/inside")).expect("made");
        let id = home.identity().expect("made").id();
        assert_eq!(home.identity().expect("read").id(), id);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |name| {
                let path = home.path().join(name);
                fs::metadata(path).expect("there").permissions().mode() & 0o777
            };
            assert_eq!((mode("key"), mode(".")), (0o600, 0o700));
        }
    }

    #[test]
    fn a_damaged_key_is_an_error_and_not_replaced() {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::open(folder.path()).expect("there");
        for bad in ["", "12", &"g".repeat(64), &"é".repeat(32), &"a".repeat(66)] {
            fs::write(home.path().join("key"), bad).expect("written");
            assert!(matches!(home.identity(), Err(HomeError::BadKey(_))), "{bad:?}");
        }
    }

    #[test]
    fn two_servers_do_not_share_a_folder() {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::open(folder.path()).expect("there");
        let lock = home.lock().expect("free");
        assert!(matches!(home.lock(), Err(HomeError::InUse(_))));
        drop(lock);
        assert!(home.lock().is_ok());
    }
}
