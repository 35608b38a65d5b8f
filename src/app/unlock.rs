//! The passphrase of a sealed profile: from a file for programs, from the terminal for people.
//!
//! It is never an argument and never the value of a variable, both of which other programs of this
//! computer can see.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Failure;
use crate::chat::ExitCode;
use crate::store::{DataKey, Sealed};
use crate::ui::language::{Language, Phrase};

/// Names a file whose first line is the passphrase.
const VARIABLE: &str = "P2PCHAT_PASSPHRASE_FILE";

/// How often a person may try before the program ends.
pub(super) const TRIES: u32 = 3;

/// The longest passphrase, in bytes.
const LONGEST: u64 = 4096;

/// The key of the profile in `dir`; `None` if it is not sealed, or not there.
///
/// # Errors
///
/// There is nobody to be asked, or nobody knows the passphrase.
pub(super) fn key(dir: &Path, language: &Language) -> Result<Option<DataKey>, Failure> {
    let Some(sealed) = Sealed::find(dir)? else { return Ok(None) };
    if let Some(path) = file() {
        let key = sealed.unlock(&read(&path)?);
        return key.map(Some).ok_or_else(|| refused(about("passphrase-wrong-in-file", &path)));
    }
    let needed = || about("passphrase-needed", dir).with("variable", VARIABLE);
    for left in (0..TRIES).rev() {
        let typed = ask(&language.say("passphrase-ask", &[("path", &dir.display())]), needed)?;
        if let Some(key) = sealed.unlock(&typed) {
            return Ok(Some(key));
        }
        if left > 0 {
            say(&language.text("passphrase-wrong"))?;
        }
    }
    Err(refused(Phrase::new("passphrase-wrong-again").with("tries", TRIES)))
}

/// The file that programs name, if they do.
pub(super) fn file() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The first line of a file that only its owner may read.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable =
        |error: io::Error| refused(about("passphrase-file-unreadable", path).with("error", error));
    let file = File::open(path).map_err(unreadable)?;
    if others_may_read(&file).map_err(unreadable)? {
        return Err(refused(about("passphrase-file-open-to-others", path)));
    }
    let mut line = Zeroizing::new(String::with_capacity(LONGEST as usize));
    BufReader::new(file.take(LONGEST)).read_line(&mut line).map_err(unreadable)?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    if line.is_empty() {
        return Err(refused(about("passphrase-file-empty", path)));
    }
    Ok(line)
}

#[cfg(unix)]
fn others_may_read(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;

    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

/// Elsewhere the file's place in the person's own directory protects it.
#[cfg(not(unix))]
fn others_may_read(_: &File) -> io::Result<bool> {
    Ok(false)
}

/// Asks on the terminal, even where standard input and output are a pipe: `tail -f log | p2pchat`. If
/// nobody sees stderr either, nobody is there.
pub(super) fn ask(
    question: &str,
    nobody: impl FnOnce() -> Phrase,
) -> Result<Zeroizing<String>, Failure> {
    if !io::stderr().is_terminal() {
        return Err(refused(nobody()));
    }
    prompt(question).map(Zeroizing::new).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::Interrupted => {
            refused(Phrase::new("passphrase-not-given"))
        }
        _ => refused(nobody()),
    })
}

/// Ctrl+C ends the program, but not before the terminal is as it was.
#[cfg(unix)]
fn prompt(question: &str) -> io::Result<String> {
    use nix::sys::signal::{SigSet, Signal};

    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    interrupt.thread_block()?;
    let typed = rpassword::prompt_password(question);
    interrupt.thread_unblock()?;
    typed
}

#[cfg(not(unix))]
fn prompt(question: &str) -> io::Result<String> {
    rpassword::prompt_password(question)
}

/// On stderr, for stdout may be a file.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let said = writeln!(io::stderr(), "{text}").and_then(|()| io::stderr().flush());
    said.map_err(|error| Failure::internal(Phrase::new("terminal-closed").with("error", error)))
}

pub(super) fn about(id: &'static str, path: &Path) -> Phrase {
    Phrase::new(id).with("path", path.display())
}

pub(super) fn refused(phrase: Phrase) -> Failure {
    Failure::new(ExitCode::Refused, phrase)
}
