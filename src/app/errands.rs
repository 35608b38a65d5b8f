//! What the chat has done outside of network and store ([`Errand`]), each in a thread of its own: a
//! disk or a desktop may take its time.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use super::folder;
use super::holding::hand_over;
use super::moving::{NotWritten, write_export};
use crate::chat::{Errand, FaceId, Outcome, Problem, Purpose};
use crate::store::{DataKey, Reader};

/// Errands on their way.
pub(super) struct Errands {
    /// Where the profile is.
    dir: PathBuf,
    /// What unlocks it, if it is sealed.
    key: Option<DataKey>,
    done: mpsc::UnboundedSender<(FaceId, Outcome)>,
    outcomes: mpsc::UnboundedReceiver<(FaceId, Outcome)>,
    /// Paths that are to be looked up. One thread does it, so that files are offered in the order in which they
    /// were named.
    paths: OnceLock<Paths>,
}

/// For whom, from where, which path, and what for.
type Paths = std::sync::mpsc::Sender<(FaceId, PathBuf, String, Purpose)>;

impl Errands {
    pub(super) fn new(dir: PathBuf, key: Option<DataKey>) -> Self {
        let (done, outcomes) = mpsc::unbounded_channel();
        Self { dir, key, done, outcomes, paths: OnceLock::new() }
    }

    /// Where the profile is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Does it for a face whose paths begin in `directory`; in the one of this process if that is
    /// empty.
    #[expect(clippy::disallowed_methods, reason = "a disk and a desktop may take their time")]
    pub(super) fn run(&self, face: FaceId, errand: Errand, directory: PathBuf) {
        if let Errand::Locate { path, purpose } = errand {
            let paths = self.paths.get_or_init(|| look_up(self.done.clone()));
            // It fails only if the thread has panicked, and then its message has been printed.
            let _ = paths.send((face, directory, path, purpose));
            return;
        }
        let (dir, key, done) = (self.dir.clone(), self.key.clone(), self.done.clone());
        std::thread::spawn(move || {
            let outcome = match errand {
                Errand::Export { format, with, path } => {
                    let with = with.as_ref().map(std::slice::from_ref);
                    let file = directory.join(folder::expanded(&path));
                    let reader = Reader::unlock(&dir, key.as_ref());
                    let written = reader.map_err(NotWritten::Profile).and_then(|reader| {
                        // We use it, so it is there.
                        let gone = || NotWritten::Failed(io::ErrorKind::NotFound.into());
                        let reader = reader.ok_or_else(gone)?;
                        write_export(&reader, format, with, &TimeZone::system(), &file)
                    });
                    match written {
                        Ok(lines) => Outcome::Exported { path, lines },
                        Err(NotWritten::Exists) => Outcome::Failed(Problem::FileExists(path)),
                        Err(NotWritten::Failed(cause)) => not_exported(path, &cause),
                        Err(NotWritten::Profile(cause)) => not_exported(path, &cause),
                    }
                }
                Errand::Locate { path, purpose } => locate(&directory, &path, purpose),
                Errand::Open(link) => open(link),
                Errand::Detach => hand_over(key.as_ref()),
            };
            // Nobody listens only when the chat has ended.
            let _ = done.send((face, outcome));
        });
    }

    /// Whose errand, and what came of it, the next time that one is done. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> (FaceId, Outcome) {
        match self.outcomes.recv().await {
            Some(outcome) => outcome,
            // It does not happen: we have a sender ourselves.
            None => std::future::pending().await,
        }
    }
}

/// Starts the thread that looks up paths.
#[expect(clippy::disallowed_methods, reason = "a disk may take its time")]
fn look_up(done: mpsc::UnboundedSender<(FaceId, Outcome)>) -> Paths {
    let (paths, asked): (Paths, _) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (face, directory, path, purpose) in asked {
            // Nobody listens only when the chat has ended.
            let _ = done.send((face, locate(&directory, &path, purpose)));
        }
    });
    paths
}

/// Where a path leads, as it was typed in a directory.
fn locate(directory: &Path, path: &str, purpose: Purpose) -> Outcome {
    let path = directory.join(folder::expanded(path));
    // A path that cannot be made whole is complained of where it is used.
    let path = std::path::absolute(&path).unwrap_or(path);
    let is_folder = path.is_dir();
    let path = path.to_string_lossy().into_owned();
    Outcome::Located { path, is_folder, purpose }
}

fn not_exported(path: String, cause: &dyn std::fmt::Display) -> Outcome {
    Outcome::Failed(Problem::NotExported { path, cause: cause.to_string() })
}

/// Gives a link to the desktop, as one argument and to no shell. Without a desktop the opener would
/// look for a browser that takes the terminal, so it is not called.
pub(super) fn open(link: String) -> Outcome {
    let Some(mut opener) = opener() else {
        return Outcome::Failed(Problem::NotOpened { link, cause: None });
    };
    opener.arg(&link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match opener.spawn() {
        Ok(mut child) => {
            // Somebody has to wait for it. It may live for as long as the browser.
            wait(move || drop(child.wait()));
            Outcome::Opened(link)
        }
        Err(error) => Outcome::Failed(Problem::NotOpened { link, cause: Some(error.to_string()) }),
    }
}

#[expect(clippy::disallowed_methods, reason = "processes are waited for in a thread")]
fn wait(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

#[cfg(target_os = "macos")]
fn opener() -> Option<Command> {
    Some(Command::new("open"))
}

#[cfg(windows)]
fn opener() -> Option<Command> {
    let mut command = Command::new("rundll32");
    command.arg("url.dll,FileProtocolHandler");
    Some(command)
}

#[cfg(not(any(target_os = "macos", windows)))]
fn opener() -> Option<Command> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let desktop = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    desktop.then(|| Command::new("xdg-open"))
}
