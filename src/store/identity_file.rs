//! The file with the secret that a person is known by.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use p2pchat_wire::identity::Identity;
use zeroize::Zeroizing;

use super::ProfileError;

/// Reads the identity, and makes one if there is none.
pub(super) fn load_or_create(path: &Path) -> Result<Identity, ProfileError> {
    match load(path)? {
        Some(identity) => Ok(identity),
        None => create(path),
    }
}

/// Reads the identity. `None` if there is none.
pub(super) fn load(path: &Path) -> Result<Option<Identity>, ProfileError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ProfileError::io("read", path, error)),
    };
    refuse_if_others_can_read(&file, path)?;
    let mut seed = Zeroizing::new([0; 33]);
    let mut length = 0;
    while length < seed.len() {
        match file.read(&mut seed[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ProfileError::io("read", path, error)),
        }
    }
    match seed[..length].try_into() {
        Ok(seed) => Ok(Some(Identity::from_seed(seed))),
        Err(_) => Err(ProfileError::BadIdentity { path: path.to_owned() }),
    }
}

/// Makes an identity.
fn create(path: &Path) -> Result<Identity, ProfileError> {
    let mut seed = Zeroizing::new([0; 32]);
    #[expect(clippy::disallowed_methods, reason = "an identity is made of what nobody can guess")]
    getrandom::fill(seed.as_mut()).map_err(|_| ProfileError::NoRandomness)?;
    write(path, &seed)?;
    Ok(Identity::from_seed(*seed))
}

/// Makes the identity that has this seed, where there is none yet.
pub(super) fn restore(path: &Path, seed: &[u8; 32]) -> Result<Identity, ProfileError> {
    match path.symlink_metadata() {
        Ok(_) => Err(ProfileError::HasIdentity { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write(path, seed)?;
            Ok(Identity::from_seed(*seed))
        }
        Err(error) => Err(ProfileError::io("read", path, error)),
    }
}

/// Writes the file. It appears whole or not at all, whenever the power fails.
fn write(path: &Path, seed: &[u8; 32]) -> Result<(), ProfileError> {
    let unfinished = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = private().truncate(true).create(true).open(&unfinished)?;
        file.write_all(seed)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        sync_directory(path)
    };
    write().map_err(|error| ProfileError::io("write", path, error))
}

/// How files are opened that only their owner may read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Elsewhere a directory cannot be opened like a file, and a rename is durable enough.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn refuse_if_others_can_read(file: &File, path: &Path) -> Result<(), ProfileError> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = file.metadata().map_err(|error| ProfileError::io("read", path, error))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(ProfileError::WidePermissions { path: path.to_owned() });
    }
    Ok(())
}

/// Elsewhere the profile's place in the person's own directory protects it.
#[cfg(not(unix))]
fn refuse_if_others_can_read(_: &File, _: &Path) -> Result<(), ProfileError> {
    Ok(())
}
