//! History out into a file, and in again.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde_json::json;
use tempfile::NamedTempFile;

use super::{Failure, contacts, mistakes, profile, unlock};
use crate::chat::{Address, ExitCode, Format, NoRetention, Retention, clean};
use crate::config::{Face, PeerAddress};
use crate::store::{ImportError, Profile, ProfileError, Reader};
use crate::ui::Printout;
use crate::ui::language::{Language, Phrase};

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
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let key = unlock::key(&dir, language)?;
    let Some(reader) = Reader::unlock(&dir, key.as_ref())? else {
        return Err(refused(about("export-no-profile", &dir)));
    };
    let with: Option<Vec<Address>> = match with {
        None => None,
        Some(typed) => {
            let known = reader.contacts()?;
            let meant = contacts::called(&typed, &known).into_iter();
            let meant: Vec<Address> = meant.map(|contact| contact.address.clone()).collect();
            if meant.is_empty() {
                return Err(contacts::nobody(&typed, language));
            }
            Some(meant)
        }
    };
    let zone = TimeZone::system();
    let Some(path) = output else {
        let mut out = BufWriter::new(io::stdout().lock());
        reader.export(format, with.as_deref(), &zone, &mut out)?;
        return Ok(Vec::new());
    };
    let written = write_export(&reader, format, with.as_deref(), &zone, &path);
    let lines = written.map_err(|why| match why {
        NotWritten::Exists => refused(about("export-exists", &path)),
        NotWritten::Failed(error) => {
            Failure::internal(about("export-unwritable", &path).with("error", error))
        }
        NotWritten::Profile(error) => error.into(),
    })?;
    let lines = Phrase::new("lines").counting(lines);
    let done = about("export-done", &path).holding("lines", lines);
    Ok(vec![Printout::out(done.said_in(language))])
}

/// Why there is no export.
pub(super) enum NotWritten {
    /// The file is there already.
    Exists,
    /// The disk does not take it.
    Failed(io::Error),
    /// The profile cannot be read.
    Profile(ProfileError),
}

/// Writes what was said to a new file, with everybody or with those named. How many lines these are.
///
/// It appears under its name when all of it is there. A temporary file is its owner's alone.
pub(super) fn write_export(
    reader: &Reader,
    format: Format,
    with: Option<&[Address]>,
    zone: &TimeZone,
    path: &Path,
) -> Result<u64, NotWritten> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut file = NamedTempFile::new_in(folder).map_err(NotWritten::Failed)?;
    let lines = {
        let mut out = BufWriter::new(&mut file);
        reader.export(format, with, zone, &mut out).map_err(NotWritten::Profile)?
    };
    file.as_file().sync_all().map_err(NotWritten::Failed)?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => NotWritten::Exists,
        _ => NotWritten::Failed(error.error),
    })?;
    Ok(lines)
}

/// Takes in what another profile of the same person exported.
///
/// # Errors
///
/// There is no profile, the file is no such export, another process uses the profile, or the disk fails.
pub fn import(
    data_dir: Option<PathBuf>,
    face: Face,
    file: &Path,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let mut input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(file)
            .map_err(|error| refused(about("import-unreadable", file).with("error", error)))?;
        Box::new(BufReader::new(opened))
    };
    let dir = profile::directory(data_dir)?;
    let key = unlock::key(&dir, language)?;
    // It would make somebody new, whose no export is.
    if Reader::unlock(&dir, key.as_ref())?.is_none() {
        return Err(refused(about("import-no-profile", &dir)));
    }
    let mut profile = Profile::unlock(&dir, key.as_ref())?;
    let imported = profile.import(&mut input).map_err(|error| {
        let code = match error {
            ImportError::Malformed { .. } => ExitCode::Usage,
            ImportError::Newer(_) => ExitCode::Version,
            ImportError::OtherIdentity { .. } => ExitCode::Refused,
            _ => ExitCode::Internal,
        };
        Failure::new(code, mistakes::import(&error))
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
    let mut told = Phrase::new("import-done")
        .holding("lines", Phrase::new("lines").counting(imported.lines))
        .holding("contacts", Phrase::new("contacts").counting(imported.contacts))
        .holding("known", Phrase::new("lines").counting(imported.known));
    let undelivered = Phrase::new("import-outgoing").counting(imported.undelivered);
    let other_keys = Phrase::new("import-other-keys").counting(imported.other_keys);
    for (count, more) in [(imported.undelivered, undelivered), (imported.other_keys, other_keys)] {
        if count > 0 {
            let both = Phrase::new("sentence-and-sentence");
            told = both.holding("first", told).holding("second", more);
        }
    }
    let told = told.said_in(language);
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
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let kept = match time {
        Some(time) => {
            let time: Retention = time.parse().map_err(|NoRetention| {
                let typed = format!("{:?}", clean::label(time, 40));
                Failure::new(ExitCode::Usage, Phrase::new("keep-no-time").with("typed", typed))
            })?;
            let key = unlock::key(&dir, language)?;
            Profile::unlock(&dir, key.as_ref())?.keep(time)?;
            time
        }
        None => {
            let key = unlock::key(&dir, language)?;
            let reader = Reader::unlock(&dir, key.as_ref())?;
            reader.map_or(Ok(Retention::Forever), |reader| reader.retention())?
        }
    };
    let text = match (face, kept) {
        (Face::Json, kept) => json!({"type": "retention", "keep": kept.to_string()}).to_string(),
        (_, Retention::Forever) => language.text("keep-forever"),
        (_, Retention::Days(days)) => {
            let days = Phrase::new("days").counting(days.into());
            Phrase::new("keep-days").holding("days", days).said_in(language)
        }
    };
    Ok(vec![Printout::out(text)])
}

fn about(id: &'static str, path: &Path) -> Phrase {
    Phrase::new(id).with("path", path.display())
}

fn refused(phrase: Phrase) -> Failure {
    Failure::new(ExitCode::Refused, phrase)
}
