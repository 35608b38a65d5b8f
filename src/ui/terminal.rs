//! The terminal of a person: a line editor, and a printer that does not tear what is being typed.

use std::io;
use std::path::{Path, PathBuf};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor, ExternalPrinter};

/// Lines of input kept for the next time.
const HISTORY: usize = 1_000;

/// What came of asking for a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Typed {
    /// A line.
    Line(String),
    /// Ctrl+C: what was typed is dropped.
    Interrupted,
    /// Ctrl+D, or the terminal is gone.
    End,
}

/// Reads lines, with editing and history.
pub struct LineEditor {
    editor: Editor<(), FileHistory>,
    history: Option<PathBuf>,
}

/// Prints above the line that is being typed, from any thread.
pub struct Printer(Box<dyn ExternalPrinter + Send>);

impl LineEditor {
    /// Takes the terminal on standard input and output. `history` keeps what was typed between
    /// runs, with the rights of the directory that it is in.
    ///
    /// # Errors
    ///
    /// There is no such terminal.
    pub fn open(history: Option<&Path>) -> io::Result<(Self, Printer)> {
        let config = Config::builder()
            .max_history_size(HISTORY)
            .map_err(into_io)?
            // A line that begins with a space leaves no trace, as in shells.
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(into_io)?;
        let history = history.map(Path::to_owned);
        if let Some(path) = &history {
            // The first time there is none; at worst there is nothing to go back to.
            let _ = editor.load_history(path);
        }
        let printer = editor.create_external_printer().map_err(into_io)?;
        Ok((Self { editor, history }, Printer(Box::new(printer))))
    }

    /// Waits for a line.
    pub fn read(&mut self, prompt: &str) -> Typed {
        match self.editor.readline(prompt) {
            Ok(line) => {
                let _ = self.editor.add_history_entry(&line);
                Typed::Line(line)
            }
            Err(ReadlineError::Interrupted) => Typed::Interrupted,
            Err(_) => Typed::End,
        }
    }

    /// Writes the history to its file.
    pub fn save(&mut self) {
        if let Some(path) = &self.history {
            let _ = self.editor.save_history(path);
        }
    }
}

impl Printer {
    /// Prints lines.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.0.print(format!("{text}\n")).map_err(into_io)
    }
}

/// How wide the terminal is, if it says so.
#[must_use]
pub fn columns() -> Option<usize> {
    #[cfg(unix)]
    return rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|&columns| columns > 0);
    #[cfg(not(unix))]
    None
}

/// The terminal as it was found, to be restored at the end: the program may end while the editor
/// still waits for a key.
pub struct Restore {
    #[cfg(unix)]
    state: Option<rustix::termios::Termios>,
}

impl Restore {
    /// Remembers how the terminal is now.
    #[must_use]
    pub fn remember() -> Self {
        Self {
            #[cfg(unix)]
            state: rustix::termios::tcgetattr(io::stdin()).ok(),
        }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(state) = &self.state {
            use std::io::Write as _;
            // Also ends bracketed paste, which the editor turns on while it waits, and takes away
            // a prompt that nobody will answer.
            let _ =
                write!(io::stdout(), "\u{1b}[?2004l\r\u{1b}[J").and_then(|()| io::stdout().flush());
            let _ = rustix::termios::tcsetattr(
                io::stdin(),
                rustix::termios::OptionalActions::Now,
                state,
            );
        }
    }
}

fn into_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
