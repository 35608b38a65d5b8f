//! What the system's errors mean for a transfer.

use std::io;
use std::path::Path;

use crate::chat::files::disk::DiskProblem;

/// What this error means, if it was about this file.
pub(super) fn problem(path: &Path, error: &io::Error) -> DiskProblem {
    let place = path.display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound => DiskProblem::Gone { place },
        io::ErrorKind::IsADirectory => DiskProblem::NotAFile { place },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            DiskProblem::Full { place, cause: error.to_string() }
        }
        _ => DiskProblem::Other { place, cause: error.to_string() },
    }
}
