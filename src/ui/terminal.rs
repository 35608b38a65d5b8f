//! The terminal of a person: a line editor, and a printer that does not tear what is being typed.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, Config, Editor, ExternalPrinter, Helper};

use super::line::LineView;

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
    editor: Editor<Prompting, FileHistory>,
    prompt: Prompt,
    history: Option<PathBuf>,
}

/// The prompt as it should be now, which may be another than when the line was begun. It is seen as
/// soon as the line is drawn again: when something is printed above it, or at the next key.
#[derive(Clone, Debug, Default)]
pub struct Prompt(Arc<Mutex<String>>);

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
            // What has no colours may be drawn under NO_COLOR too: see `Prompting`.
            .color_mode(ColorMode::Forced)
            .build();
        let mut editor = Editor::with_config(config).map_err(into_io)?;
        let prompt = Prompt::default();
        editor.set_helper(Some(Prompting(prompt.clone())));
        let history = history.map(Path::to_owned);
        if let Some(path) = &history {
            // The first time there is none; at worst there is nothing to go back to.
            let _ = editor.load_history(path);
        }
        let printer: Box<dyn ExternalPrinter + Send> = if is_dumb() {
            Box::new(Dumb)
        } else {
            Box::new(editor.create_external_printer().map_err(into_io)?)
        };
        Ok((Self { editor, prompt, history }, Printer(printer)))
    }

    /// To change the prompt while a line is waited for.
    #[must_use]
    pub fn prompt(&self) -> Prompt {
        self.prompt.clone()
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

impl Prompt {
    /// From now on it is `text`.
    pub fn set(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// Draws the prompt that should be there, where the editor would draw the one that it began with.
///
/// The editor keeps the width of the latter for as long as a line takes, so the new one is brought
/// to that width. It calls this *highlighting* and does it only where it may use colours; this uses
/// none.
struct Prompting(Prompt);

impl Highlighter for Prompting {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        default: bool,
    ) -> Cow<'b, str> {
        let wanted = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        // While the history is searched, the prompt says so; and before the chat begins, nobody
        // has set one.
        if !default || wanted.is_empty() || *wanted == prompt {
            return Cow::Borrowed(prompt);
        }
        Cow::Owned(LineView::prompt_instead(prompt, &wanted))
    }
}

impl Completer for Prompting {
    type Candidate = String;
}

impl Hinter for Prompting {
    type Hint = String;
}

impl Validator for Prompting {}

impl Helper for Prompting {}

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

/// Whether the terminal says that it knows nothing but characters. Then the line editor leaves
/// editing to it.
#[must_use]
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Prints over the prompt, which cannot be drawn again below.
struct Dumb;

impl ExternalPrinter for Dumb {
    fn print(&mut self, text: String) -> rustyline::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "\r{text}")?;
        Ok(out.flush()?)
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
    /// Remembers how the terminal is now. A panic restores it too.
    #[must_use]
    pub fn remember() -> Self {
        let found = Self {
            #[cfg(unix)]
            state: rustix::termios::tcgetattr(io::stdin()).ok(),
        };
        #[cfg(unix)]
        {
            let state = found.state.clone();
            let tell = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |fault| {
                if let Some(state) = &state {
                    restore(state);
                }
                tell(fault);
            }));
        }
        found
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(state) = &self.state {
            restore(state);
        }
    }
}

/// Also ends bracketed paste, which the editor turns on while it waits, and takes away a prompt that
/// nobody will answer.
#[cfg(unix)]
fn restore(state: &rustix::termios::Termios) {
    use rustix::termios::{OptionalActions, tcsetattr};
    if !is_dumb() {
        let _ = write!(io::stdout(), "\u{1b}[?2004l\r\u{1b}[J").and_then(|()| io::stdout().flush());
    }
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, state);
}

fn into_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
