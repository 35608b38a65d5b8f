//! A text in the person's own editor.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus};

use tokio::sync::oneshot;

use crate::chat::MAX_TEXT;

/// Opens `text` in `$VISUAL`, else `$EDITOR`, else vi, on the terminal, which nobody else may use
/// meanwhile. What was written comes through the channel; nothing if the editor failed.
#[expect(clippy::disallowed_methods, reason = "the editor is waited for in a thread of its own")]
pub(super) fn edit(text: String) -> oneshot::Receiver<Option<String>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // Nobody listens only when the chat has ended.
        let _ = sender.send(edited(&text).ok().flatten());
    });
    receiver
}

/// The text goes through a file that nobody else can read, and that is gone afterwards.
fn edited(text: &str) -> io::Result<Option<String>> {
    let mut file = tempfile::Builder::new().prefix("p2pchat-").suffix(".txt").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    if !run(file.path())?.success() {
        return Ok(None);
    }
    // Editors write another file in place of the first.
    let mut written = Vec::new();
    fs::File::open(file.path())?.take(MAX_TEXT as u64).read_to_end(&mut written)?;
    Ok(Some(String::from_utf8_lossy(&written).into_owned()))
}

#[cfg(unix)]
fn run(path: &Path) -> io::Result<ExitStatus> {
    // The variable may hold arguments and quotes, which a shell knows how to read.
    let command = format!("{} \"$1\"", editor().unwrap_or_else(|| "vi".to_owned()));
    Command::new("sh").arg("-c").arg(command).arg("sh").arg(path).status()
}

#[cfg(not(unix))]
fn run(path: &Path) -> io::Result<ExitStatus> {
    Command::new(editor().unwrap_or_else(|| "notepad".to_owned())).arg(path).status()
}

fn editor() -> Option<String> {
    let named = |variable| std::env::var(variable).ok().filter(|name| !name.trim().is_empty());
    named("VISUAL").or_else(|| named("EDITOR"))
}
