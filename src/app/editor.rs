//! A text in the person's own editor.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use tempfile::Builder;
use tokio::sync::oneshot;

use crate::chat::{MAX_TEXT, clean};
use crate::ui::language::Phrase;

/// What the text is in while it is edited, within the profile.
const FOLDER: &str = "editing";

/// What came out of an editor, or why nothing did.
pub(super) type Edited = Result<String, Phrase>;

/// Opens `text` in `$VISUAL`, else `$EDITOR`, else vi, on the terminal, which nobody else may use
/// meanwhile. The file is in the profile in `dir`, which this process has for itself. What was
/// written comes through the channel, or why nothing was.
#[expect(clippy::disallowed_methods, reason = "the editor is waited for in a thread of its own")]
pub(super) fn edit(text: String, dir: PathBuf) -> oneshot::Receiver<Edited> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // Nobody listens only when the chat has ended.
        let failed = |error| Err(Phrase::new("screen-edit-failed").with("why", error));
        let _ = sender.send(edited(&text, &dir).unwrap_or_else(failed));
    });
    receiver
}

/// The text goes through a file in a folder of its own, where nobody else can look, and which is gone
/// afterwards with whatever the editor has left there: copies, and what it notes for a crash.
fn edited(text: &str, dir: &Path) -> io::Result<Edited> {
    let folder = dir.join(FOLDER);
    match fs::remove_dir_all(&folder) {
        // A run that was killed in the middle of this.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let folder = private(Builder::new().prefix(FOLDER).rand_bytes(0)).tempdir_in(dir)?;
    let mut file =
        Builder::new().prefix("message").suffix(".txt").rand_bytes(0).tempfile_in(&folder)?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    let editor = editor();
    let ended = match run(&editor, file.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(none(&editor))),
        ended => ended?,
    };
    if !ended.success() {
        return Ok(Err(nothing(&editor, ended)));
    }
    // Editors write another file in place of the first.
    let mut written = Vec::new();
    fs::File::open(file.path())?.take(MAX_TEXT as u64).read_to_end(&mut written)?;
    folder.close()?;
    Ok(Ok(String::from_utf8_lossy(&written).into_owned()))
}

/// Its owner's alone, as temporary files are by themselves.
#[cfg(unix)]
fn private<'a, 'b>(builder: &'a mut Builder<'b, 'b>) -> &'a mut Builder<'b, 'b> {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(fs::Permissions::from_mode(0o700))
}

/// Elsewhere a folder has the permissions of the one that it is in.
#[cfg(not(unix))]
fn private<'a, 'b>(builder: &'a mut Builder<'b, 'b>) -> &'a mut Builder<'b, 'b> {
    builder
}

/// What is said where nothing was written.
fn nothing(editor: &str, ended: ExitStatus) -> Phrase {
    match ended.code() {
        // POSIX, Shell Command Language, 2.8.2: a command that is not found, or is none.
        Some(126 | 127) if cfg!(unix) => none(editor),
        Some(code) => {
            Phrase::new("screen-edit-undone").with("editor", shown(editor)).with("code", code)
        }
        None => Phrase::new("screen-no-edit"),
    }
}

/// There is no such editor.
fn none(editor: &str) -> Phrase {
    Phrase::new("screen-no-editor").with("editor", shown(editor))
}

fn shown(editor: &str) -> String {
    clean::label(editor, 60)
}

#[cfg(unix)]
fn run(editor: &str, path: &Path) -> io::Result<ExitStatus> {
    // The variable may hold arguments and quotes, which a shell knows how to read.
    let command = format!("{editor} \"$1\"");
    Command::new("sh").arg("-c").arg(command).arg("sh").arg(path).status()
}

#[cfg(not(unix))]
fn run(editor: &str, path: &Path) -> io::Result<ExitStatus> {
    Command::new(editor).arg(path).status()
}

/// The command that the person wants for it.
fn editor() -> String {
    let named = |variable| std::env::var(variable).ok().filter(|name| !name.trim().is_empty());
    let default = if cfg!(unix) { "vi" } else { "notepad" };
    named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| default.to_owned())
}
