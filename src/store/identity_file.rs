//! The file with the secret that a person is known by: 32 bytes, or in a sealed profile an envelope and
//! the same bytes, sealed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use p2pchat_wire::identity::Identity;
use zeroize::Zeroizing;

use super::ProfileError;
use super::sealing::random;
use super::vault::{DataKey, Envelope, OVERHEAD};

/// What the file holds.
#[derive(Debug)]
pub(super) enum Stored {
    /// The secret.
    Clear(Zeroizing<[u8; 32]>),
    /// What only the key in the envelope opens.
    Sealed { envelope: Envelope, seed: SealedSeed },
}

/// The secret, sealed.
#[derive(Debug)]
pub(super) struct SealedSeed(Vec<u8>);

impl SealedSeed {
    /// Opens it.
    pub(super) fn open(
        &self,
        key: &DataKey,
        path: &Path,
    ) -> Result<Zeroizing<[u8; 32]>, ProfileError> {
        let opened = key.vault().open(PLACE, &self.0).map(Zeroizing::new);
        let seed = opened.ok().and_then(|seed| seed.as_slice().try_into().ok());
        seed.map(Zeroizing::new).ok_or_else(|| ProfileError::BadIdentity { path: path.to_owned() })
    }
}

/// Where the seed is sealed for.
const PLACE: &[u8] = b"identity";

/// The length of a sealed identity.
const SEALED: usize = Envelope::LEN + OVERHEAD + 32;

/// Reads the identity. `None` if there is none.
pub(super) fn load(path: &Path) -> Result<Option<Stored>, ProfileError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ProfileError::io("read", path, error)),
    };
    refuse_if_others_can_read(&file, path)?;
    let mut bytes = Zeroizing::new([0; SEALED + 1]);
    let mut length = 0;
    while length < bytes.len() {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ProfileError::io("read", path, error)),
        }
    }
    let bytes = &bytes[..length];
    if let Ok(seed) = bytes.try_into() {
        return Ok(Some(Stored::Clear(Zeroizing::new(seed))));
    }
    if Envelope::is_of_another_version(bytes) {
        return Err(ProfileError::Newer { path: path.to_owned(), found: 2, known: 1 });
    }
    let sealed = bytes.split_at_checked(Envelope::LEN).filter(|_| length == SEALED);
    let stored = sealed.and_then(|(envelope, seed)| {
        let envelope = Envelope::read(envelope)?;
        Some(Stored::Sealed { envelope, seed: SealedSeed(seed.to_vec()) })
    });
    stored.map(Some).ok_or_else(|| ProfileError::BadIdentity { path: path.to_owned() })
}

/// Makes an identity.
pub(super) fn create(path: &Path) -> Result<Identity, ProfileError> {
    let seed = Zeroizing::new(random()?);
    write_clear(path, &seed)?;
    Ok(Identity::from_seed(*seed))
}

/// Makes the identity that has this seed, where there is none yet.
pub(super) fn restore(path: &Path, seed: &[u8; 32]) -> Result<Identity, ProfileError> {
    match path.symlink_metadata() {
        Ok(_) => Err(ProfileError::HasIdentity { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_clear(path, seed)?;
            Ok(Identity::from_seed(*seed))
        }
        Err(error) => Err(ProfileError::io("read", path, error)),
    }
}

/// Writes the secret as it is.
pub(super) fn write_clear(path: &Path, seed: &[u8; 32]) -> Result<(), ProfileError> {
    write(path, seed)
}

/// Writes the secret sealed, and the envelope with the key.
pub(super) fn write_sealed(
    path: &Path,
    seed: &[u8; 32],
    envelope: &Envelope,
    key: &DataKey,
) -> Result<(), ProfileError> {
    let sealed = key.vault().seal(random()?, PLACE, seed);
    write(path, &[envelope.bytes(), &sealed].concat())
}

/// Writes the file. It appears whole or not at all, whenever the power fails.
fn write(path: &Path, content: &[u8]) -> Result<(), ProfileError> {
    let unfinished = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = private().truncate(true).create(true).open(&unfinished)?;
        file.write_all(content)?;
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
