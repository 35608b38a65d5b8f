//! What can go wrong with a profile, in whole sentences.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::chat::storage::{FailureKind, StoreFailure};

/// A profile cannot be used. The text is a whole sentence for a person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Another process uses the profile.
    #[error(
        "Another p2pchat is using the profile in {}. Close it first, or choose another profile with --data-dir.",
        dir.display()
    )]
    Busy {
        /// The profile's directory.
        dir: PathBuf,
    },
    /// The secret is not secret.
    #[error(
        "Other users of this computer may read {0}, which holds your secret identity. If nobody has, run `chmod 600 {0}` and start again; if somebody may have, move it away, and a new identity is made.",
        path.display()
    )]
    WidePermissions {
        /// The identity file.
        path: PathBuf,
    },
    /// The identity file is not one.
    #[error(
        "{} is no identity: it should hold 32 bytes. Put your backup of it there, or move it away, and a new identity is made, with which your contacts do not know you.",
        path.display()
    )]
    BadIdentity {
        /// The identity file.
        path: PathBuf,
    },
    /// The profile needs a passphrase, or another one than was given.
    #[error("The profile in {} is sealed with a passphrase.", dir.display())]
    Sealed {
        /// The profile's directory.
        dir: PathBuf,
    },
    /// The profile was sealed, and somebody kept its file from being emptied.
    #[error(
        "The profile in {} is sealed, but another p2pchat was reading it, so that its file may still hold something of before. The next start removes that.",
        dir.display()
    )]
    Unclean {
        /// The profile's directory.
        dir: PathBuf,
    },
    /// There is an identity already, and it is not replaced.
    #[error(
        "{} is an identity already, and nothing was changed. Restore the other one into a profile of its own with --data-dir DIR, or move this one away first.",
        path.display()
    )]
    HasIdentity {
        /// The identity file.
        path: PathBuf,
    },
    /// The database was written by a newer program.
    #[error(
        "{} was written by a newer p2pchat (its format is {found}, this one knows {known}). Nothing was changed; use the newer program.",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest that we know.
        known: i64,
    },
    /// The database was written by an older program, and is not brought up to date by reading it.
    #[error("{} was written by an older p2pchat. Start p2pchat once, which brings it up to date, and try again.", path.display())]
    Older {
        /// The database.
        path: PathBuf,
    },
    /// The database cannot be used.
    #[error("{0}")]
    Database(StoreFailure),
    /// The system refuses a file or directory.
    #[error("Could not {action} {}: {error}.", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// What was exported cannot be written.
    #[error("The export could not be written: {0}.")]
    Export(io::Error),
    /// The operating system has no random numbers.
    #[error("The operating system gave no random numbers, so no identity could be made.")]
    NoRandomness,
}

impl ProfileError {
    pub(super) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), error }
    }
}

/// A database that is not what it should be.
pub(super) fn corrupt(path: &Path, cause: &str) -> StoreFailure {
    let (place, cause) = (path.display().to_string(), cause.to_owned());
    StoreFailure { kind: FailureKind::Corrupt, place, cause }
}

/// What the failure of a database means.
pub(super) fn failure(path: &Path, error: &rusqlite::Error) -> StoreFailure {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => FailureKind::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => FailureKind::Corrupt,
        _ => FailureKind::Other,
    };
    StoreFailure { kind, place: path.display().to_string(), cause: error.to_string() }
}
