//! Standard input and output, each in a thread of its own: a pipe that nobody reads must not stop
//! the network, and a terminal must be printed on while somebody types.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::mpsc as blocking;

use tokio::sync::mpsc;

use crate::chat::{Address, LineId, clean};
use crate::ui::terminal::{LineEditor, Printer, Prompt, Typed, columns, is_dumb};
use crate::ui::{Printout, Stream, json};

/// Lines read ahead, and printouts that may wait.
const CHANNEL: usize = 64;

/// What comes from whoever started us.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Entered {
    /// A line, without its end.
    Line(String),
    /// The message of a script, not to be taken for a command.
    Text(String),
    /// A file that a script offers: its path.
    File(String),
    /// A line longer than any that makes sense; it was skipped.
    TooLong,
    /// Ctrl+C at a prompt.
    Interrupted,
    /// There is no more.
    End,
}

/// What became of a printout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Printed {
    /// This line of this peer has been written and flushed.
    Shown(Address, LineId),
    /// Nobody reads our output any more.
    Closed,
}

/// Input and output.
pub(super) struct Console {
    pub(super) entered: mpsc::Receiver<Entered>,
    /// Where prompts go, if there is a line editor.
    pub(super) prompts: Option<Prompts>,
    /// Drop it to let the writer end, and await the end of `printed`.
    pub(super) printouts: mpsc::Sender<Printout>,
    /// Ends when everything is written.
    pub(super) printed: mpsc::UnboundedReceiver<Printed>,
    /// Keeps input open that nobody writes to.
    _open: Option<mpsc::Sender<Entered>>,
}

/// What is before the line that a person types.
pub(super) struct Prompts {
    now: Prompt,
    next: blocking::Sender<String>,
    /// The last prompt.
    text: String,
    /// The line editor waits for the person.
    asking: bool,
}

impl Prompts {
    /// Lets the line editor, which waits for this after each line, ask for the next one, if it is
    /// not asking yet.
    pub(super) fn ask(&mut self, prompt: String) {
        self.change(prompt);
        if !std::mem::replace(&mut self.asking, true) {
            // Without an editor there is nobody to prompt; its end is reported as input.
            let _ = self.next.send(self.text.clone());
        }
    }

    /// The same with the prompt of the last line.
    pub(super) fn ask_again(&mut self) {
        self.ask(self.text.clone());
    }

    /// Changes the prompt of the line that is being typed. It is drawn with the next printout.
    pub(super) fn change(&mut self, prompt: String) {
        self.now.set(prompt.clone());
        self.text = prompt;
    }

    /// The line editor has a line, and waits for a prompt.
    pub(super) fn entered(&mut self) {
        self.asking = false;
    }
}

impl Console {
    /// Reads lines from a pipe or file, writes to both outputs.
    pub(super) fn piped() -> Self {
        let (entered_sender, entered) = mpsc::channel(CHANNEL);
        thread(move || read_lines(io::stdin().lock(), &entered_sender));
        let (printouts, printed) = writer(write);
        Self { entered, prompts: None, printouts, printed, _open: None }
    }

    /// These few things instead of standard input; whether it ends is one of them.
    pub(super) fn saying(what: &[Entered]) -> Self {
        let (sender, entered) = mpsc::channel(what.len().max(CHANNEL));
        for entered in what {
            // There is room for all of them.
            let _ = sender.try_send(entered.clone());
        }
        let (printouts, printed) = writer(script_writer());
        Self { entered, prompts: None, printouts, printed, _open: Some(sender) }
    }

    /// The same, and what is printed is for nobody.
    pub(super) fn silent(what: &[Entered]) -> Self {
        let (printouts, printed) = writer(|_| Ok(()));
        Self { printouts, printed, ..Self::saying(what) }
    }

    /// Takes the terminal that `editor` and `printer` hold.
    pub(super) fn terminal(mut editor: LineEditor, mut printer: Printer) -> Self {
        let (entered_sender, entered) = mpsc::channel(CHANNEL);
        let (next, prompt_queue) = blocking::channel::<String>();
        let (now, text) = (editor.prompt(), String::new());
        let prompts = Prompts { now, next, text, asking: false };
        thread(move || {
            while let Ok(prompt) = prompt_queue.recv() {
                let entered = match editor.read(&prompt) {
                    Typed::Line(line) => Entered::Line(line),
                    Typed::Interrupted => Entered::Interrupted,
                    Typed::End => Entered::End,
                };
                let end = entered == Entered::End;
                editor.save();
                if entered_sender.blocking_send(entered).is_err() || end {
                    break;
                }
            }
        });
        let (printouts, printed) = writer(move |printout| printer.print(&printout.text));
        Self { entered, prompts: Some(prompts), printouts, printed, _open: None }
    }
}

fn writer(
    mut write: impl FnMut(&Printout) -> io::Result<()> + Send + 'static,
) -> (mpsc::Sender<Printout>, mpsc::UnboundedReceiver<Printed>) {
    let (printouts, mut queue) = mpsc::channel::<Printout>(CHANNEL);
    let (results, printed) = mpsc::unbounded_channel();
    thread(move || {
        while let Some(printout) = queue.blocking_recv() {
            let result = match write(&printout) {
                Ok(()) => printout.shows.map(|(from, id)| Printed::Shown(from, id)),
                // Without stderr there is still work to do; without stdout nobody wants it.
                Err(_) if printout.stream == Stream::Err => None,
                Err(_) => Some(Printed::Closed),
            };
            let closed = result == Some(Printed::Closed);
            if result.is_some_and(|result| results.send(result).is_err()) || closed {
                break;
            }
        }
    });
    (printouts, printed)
}

/// Writes to the stream that the printout is for.
pub(super) fn write(printout: &Printout) -> io::Result<()> {
    match printout.stream {
        Stream::Out => write_line(io::stdout().lock(), &printout.text),
        Stream::Err => write_line(io::stderr().lock(), &printout.text),
        Stream::Status => Ok(()),
    }
}

/// The same for a terminal at the error output, whose last line says how something stands, if `stands`.
fn write_over(stands: &mut bool, printout: &Printout) -> io::Result<()> {
    const CLEAR: &str = "\r\x1b[2K";
    let is_status = printout.stream == Stream::Status;
    if is_status || *stands {
        let room = columns().unwrap_or(80).saturating_sub(1);
        let text = if is_status { clean::label(&printout.text, room) } else { String::new() };
        let mut terminal = io::stderr().lock();
        terminal.write_all(format!("{CLEAR}{text}").as_bytes())?;
        terminal.flush()?;
    }
    *stands = is_status;
    write(printout)
}

/// Writes for a script: what stands only for a moment only where somebody can see it.
fn script_writer() -> impl FnMut(&Printout) -> io::Result<()> + Send + 'static {
    let (is_terminal, mut stands) = (io::stderr().is_terminal() && !is_dumb(), false);
    move |printout| {
        if is_terminal { write_over(&mut stands, printout) } else { write(printout) }
    }
}

fn write_line(mut stream: impl Write, text: &str) -> io::Result<()> {
    // One write, so that lines of several processes on one pipe stay whole where they can.
    stream.write_all(format!("{text}\n").as_bytes())?;
    stream.flush()
}

/// Reads until the end or until nobody listens.
fn read_lines(mut input: impl BufRead, entered: &mpsc::Sender<Entered>) {
    loop {
        let next = read_line(&mut input).unwrap_or(Entered::End);
        let end = next == Entered::End;
        if entered.blocking_send(next).is_err() || end {
            break;
        }
    }
}

/// One line of at most [`json::MAX_LINE`] bytes. What is no UTF-8 becomes U+FFFD.
fn read_line(input: &mut impl BufRead) -> io::Result<Entered> {
    let mut bytes = Vec::new();
    let limit = json::MAX_LINE as u64 + 1;
    if input.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(Entered::End);
    }
    if bytes.last() != Some(&b'\n') && bytes.len() > json::MAX_LINE {
        input.skip_until(b'\n')?;
        return Ok(Entered::TooLong);
    }
    while bytes.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        bytes.pop();
    }
    Ok(Entered::Line(String::from_utf8_lossy(&bytes).into_owned()))
}

#[expect(clippy::disallowed_methods, reason = "blocking input and output need threads")]
fn thread(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut input: &[u8]) -> Vec<Entered> {
        let mut lines = Vec::new();
        loop {
            let line = read_line(&mut input).expect("memory can be read");
            if line == Entered::End {
                return lines;
            }
            lines.push(line);
        }
    }

    fn line(text: &str) -> Entered {
        Entered::Line(text.to_owned())
    }

    #[test]
    fn lines_end_in_many_ways() {
        assert_eq!(lines(b"a\r\n\nb"), [line("a"), line(""), line("b")]);
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\xff\n"), [line("\u{fffd}")]);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut input = vec![b'x'; 3 * json::MAX_LINE];
        input.extend(b"\nnext\n");
        assert_eq!(lines(&input), [Entered::TooLong, line("next")]);
        let whole = vec![b'x'; json::MAX_LINE];
        assert_eq!(lines(&whole).len(), 1);
        assert!(matches!(lines(&whole)[0], Entered::Line(_)));
    }
}
