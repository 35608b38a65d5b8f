//! History out into a file, and in again.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde_json::json;
use tempfile::NamedTempFile;

use super::failure::as_it_is;
use super::{Failure, profile, queries};
use crate::chat::{Address, ExitCode};
use crate::config::{Face, PeerAddress};
use crate::store::{Format, ImportError, NoRetention, Profile, Reader, Retention};
use crate::ui::Printout;

/// Writes what was said to a new file, or to the standard output.
///
/// # Errors
///
/// There is no profile, or it cannot be read; the file is there already, or cannot be written.
pub fn export(
    data_dir: Option<PathBuf>,
    format: Format,
    with: Option<PeerAddress>,
    output: Option<PathBuf>,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let Some(reader) = Reader::open(&dir)? else {
        return Err(refused(format!("there is no profile in {} yet", dir.display())));
    };
    let with: Option<Vec<Address>> = match with {
        None => None,
        Some(typed) => {
            let known = reader.contacts()?.into_iter().map(|contact| contact.address);
            let meant: Vec<Address> =
                known.filter(|address| queries::means(&typed, address)).collect();
            if meant.is_empty() {
                return Err(refused(format!("you know nobody called {}", typed.name)));
            }
            Some(meant)
        }
    };
    let zone = TimeZone::system();
    let write = |out: &mut dyn Write| reader.export(format, with.as_deref(), &zone, out);
    let Some(path) = output else {
        write(&mut BufWriter::new(io::stdout().lock()))?;
        return Ok(Vec::new());
    };
    // It appears under its name when all of it is there. A temporary file is its owner's alone.
    let failed = |error: io::Error| {
        Failure::internal(as_it_is(format!("{} could not be written: {error}", path.display())))
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file =
        NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new("."))).map_err(failed)?;
    let lines = {
        let mut out = BufWriter::new(&mut file);
        write(&mut out)?
    };
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(&path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => {
            refused(format!("{} is there already, and is not replaced", path.display()))
        }
        _ => failed(error.error),
    })?;
    Ok(vec![Printout::out(format!("{} has {} now.", path.display(), count(lines, "line")))])
}

/// Takes in what another profile of the same person exported.
///
/// # Errors
///
/// The file is no such export, another process uses the profile, or the disk fails.
pub fn import(
    data_dir: Option<PathBuf>,
    face: Face,
    file: &Path,
) -> Result<Vec<Printout>, Failure> {
    let mut input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(file)
            .map_err(|error| refused(format!("{} could not be read: {error}", file.display())))?;
        Box::new(BufReader::new(opened))
    };
    let mut profile = Profile::open(&profile::directory(data_dir)?)?;
    let imported = profile.import(&mut input).map_err(|error| {
        let code = match error {
            ImportError::Malformed { .. } => ExitCode::Usage,
            ImportError::Newer(_) => ExitCode::Version,
            ImportError::OtherIdentity { .. } => ExitCode::Refused,
            _ => ExitCode::Internal,
        };
        Failure::new(code, as_it_is(error))
    })?;
    if face == Face::Json {
        return Ok(vec![Printout::out(
            json!({
                "type": "imported",
                "lines": imported.lines,
                "known": imported.known,
                "contacts": imported.contacts,
                "other_keys": imported.other_keys,
                "undelivered": imported.undelivered,
            })
            .to_string(),
        )]);
    }
    let mut told = format!(
        "{} and {} are new here; {} were here already.",
        count(imported.lines, "line"),
        count(imported.contacts, "contact"),
        count(imported.known, "line"),
    );
    if imported.undelivered > 0 {
        told += &format!(" {} will go out.", count(imported.undelivered, "undelivered line"));
    }
    if imported.other_keys > 0 {
        told += &format!(
            " {} has another key in the file and keeps the one that it has here.",
            count(imported.other_keys, "contact"),
        );
    }
    Ok(vec![Printout::out(told)])
}

/// Says how long lines are kept, and decides it if a time is given.
///
/// # Errors
///
/// The profile cannot be read; to decide, another process must not be using it.
pub fn keep(
    data_dir: Option<PathBuf>,
    face: Face,
    time: Option<&str>,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let kept = match time {
        Some(time) => {
            let time: Retention = time.parse().map_err(|error: NoRetention| {
                Failure::new(ExitCode::Usage, as_it_is(format!("{time:?} is no time: {error}")))
            })?;
            Profile::open(&dir)?.keep(time)?;
            time
        }
        None => Reader::open(&dir)?.map_or(Ok(Retention::Forever), |reader| reader.retention())?,
    };
    let text = match (face, kept) {
        (Face::Json, kept) => json!({"type": "retention", "keep": kept.to_string()}).to_string(),
        (_, Retention::Forever) => "Lines are kept for good.".to_owned(),
        (_, Retention::Days(days)) => format!(
            "Lines are kept for {}. What is undelivered, or nobody has seen, stays.",
            count(days.into(), "day")
        ),
    };
    Ok(vec![Printout::out(text)])
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn refused(sentence: String) -> Failure {
    Failure::new(ExitCode::Refused, as_it_is(sentence))
}
