//! A pseudo-terminal with the program on one side, and an emulator and a pair of hands on the other.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use vt100::{Parser, Screen};

/// Nothing on one computer takes so long, however busy it is.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between these two nothing may be shown: the frame is not complete.
const FRAME_BEGINS: &[u8] = b"\x1b[?2026h";
const FRAME_ENDS: &[u8] = b"\x1b[?2026l";

/// What would have the program behave as whoever runs the tests likes it.
const LEAKS: [&str; 17] = [
    "P2PCHAT_NAME",
    "P2PCHAT_DATA_DIR",
    "P2PCHAT_CONFIG",
    "P2PCHAT_PASSPHRASE_FILE",
    "P2PCHAT_LOG",
    "NO_COLOR",
    "COLORTERM",
    "EDITOR",
    "VISUAL",
    "TMUX",
    "STY",
    "TERM_PROGRAM",
    "SSH_TTY",
    "SSH_CONNECTION",
    "COLUMNS",
    "LINES",
    "LC_ALL",
];

/// The program, to be started on a terminal.
pub(crate) fn p2pchat(arguments: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_p2pchat"));
    command.args(arguments);
    at_home(&mut command);
    command
}

/// As [`p2pchat`], for the person who has this data directory.
pub(crate) fn p2pchat_of(directory: &Path, arguments: &[&str]) -> CommandBuilder {
    let mut command = p2pchat(arguments);
    command.arg("--data-dir");
    command.arg(directory);
    command
}

/// Lets the program find the same surroundings everywhere.
pub(crate) fn at_home(command: &mut CommandBuilder) {
    LEAKS.iter().for_each(|variable| command.env_remove(variable));
    command.env("TERM", "xterm-256color");
    command.env("TZ", "UTC");
    command.env("P2PCHAT_LANG", "en");
    command.env("P2PCHAT_NO_LAN", "1");
    command.env("P2PCHAT_STRANGERS", "accept");
}

/// The demo on a terminal of this size, once it takes keys.
#[track_caller]
pub(crate) fn demo(columns: u16, rows: u16) -> Terminal {
    let mut terminal = Terminal::start(columns, rows, p2pchat(&["demo"]));
    terminal.writes("", 0);
    terminal
}

/// A terminal on which a program runs; it is killed when this goes out of scope.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    /// Whoever reads is to let go of the terminal at the next output.
    unread: Arc<AtomicBool>,
    /// `None` once the window is closed.
    master: Option<Box<dyn MasterPty + Send>>,
    emulator: Parser,
    /// Everything that the program has written.
    raw: Vec<u8>,
    /// How much of it the emulator has taken.
    shown: usize,
    /// How much of it was waited for by [`says`](Self::says).
    heard: usize,
    /// The modes of the terminal before the program came.
    found: String,
}

impl Terminal {
    /// Starts a program on a terminal of this size.
    pub(crate) fn start(columns: u16, rows: u16, command: CommandBuilder) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a pseudo-terminal");
        let found = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let mut reader = pair.master.try_clone_reader().expect("the terminal can be read");
        let keys = pair.master.take_writer().expect("the terminal can be written");
        let (sender, output) = channel();
        let unread = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&unread);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let sent = sender.send(buffer[..length].to_vec());
                if sent.is_err() || closed.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        Self {
            child,
            keys,
            output,
            unread,
            master: Some(pair.master),
            emulator: Parser::new(nonzero(rows), nonzero(columns), 0),
            raw: Vec::new(),
            shown: 0,
            heard: 0,
            found,
        }
    }

    /// Types, or presses what has no letter: `\r` is Enter, `\x03` Ctrl+C.
    pub(crate) fn types(&mut self, keys: &str) {
        self.types_bytes(keys.as_bytes());
    }

    /// As [`types`](Self::types), when not all bytes of a key come at once.
    pub(crate) fn types_bytes(&mut self, keys: &[u8]) {
        // A program that has ended takes none, and that shows in what it does not do.
        let _ = self.keys.write_all(keys).and_then(|()| self.keys.flush());
    }

    /// Pastes, as a terminal does that was asked to say so.
    pub(crate) fn pastes(&mut self, text: &str) {
        assert!(self.screen().bracketed_paste(), "a paste would be keys");
        self.types(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Gives the window another size.
    pub(crate) fn resizes(&mut self, columns: u16, rows: u16) {
        self.take_in();
        self.emulator.set_size(nonzero(rows), nonzero(columns));
        self.master().resize(size(columns, rows)).expect("the terminal is there");
    }

    /// Closes the window: nobody is at the other end of the terminal any more. A blank is typed, so
    /// that there is one thing more to be read.
    pub(crate) fn closes(&mut self) {
        self.unread.store(true, Ordering::SeqCst);
        self.types(" ");
        while self.output.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Disconnected) {}
        self.master = None;
        self.keys = Box::new(std::io::sink());
    }

    /// The screen as the last complete frame left it.
    pub(crate) fn screen(&self) -> &Screen {
        self.emulator.screen()
    }

    /// Its rows, without the blanks at their ends.
    pub(crate) fn rows(&self) -> Vec<String> {
        rows(self.screen())
    }

    /// Everything that was written to the terminal.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The process that was started.
    pub(crate) fn process(&self) -> i32 {
        let id = self.child.process_id().expect("it was started");
        i32::try_from(id).expect("a process id")
    }

    /// The group of processes that has the terminal.
    pub(crate) fn foreground(&self) -> i32 {
        self.master().process_group_leader().expect("somebody has the terminal")
    }

    /// Waits until the screen, complete, is as wanted.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, mut fits: impl FnMut(&Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !fits(self.emulator.screen()) {
            if !self.next_frame(deadline) {
                let picture = self.rows().join("\n");
                panic!("never saw {what}; the terminal shows:\n{picture}");
            }
        }
    }

    /// Waits until some row has this text in it.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) {
        self.until(&format!("{text:?}"), |screen| {
            rows(screen).iter().any(|row| row.contains(text))
        });
    }

    /// Waits until no row has this text in it.
    #[track_caller]
    pub(crate) fn shows_no_more(&mut self, text: &str) {
        self.until(&format!("the end of {text:?}"), |screen| {
            rows(screen).iter().all(|row| !row.contains(text))
        });
    }

    /// Waits until this is being written, and the caret stands in this column behind the prompt.
    #[track_caller]
    pub(crate) fn writes(&mut self, text: &str, column: u16) {
        let wanted = format!("> {text}");
        self.until(&format!("{wanted:?} with the caret in column {column}"), |screen| {
            let last = screen.size().0.get() - 1;
            rows(screen).last() == Some(&wanted.trim_end().to_owned())
                && screen.cursor_position() == (last, 2 + column)
                && !screen.hide_cursor()
        });
    }

    /// Waits until this was written in one run of characters, and passes over it.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = find(&self.raw[self.heard..], text.as_bytes()) {
                self.heard += at + text.len();
                return;
            }
            if !self.receive(deadline) {
                panic!("never saw {text:?}; the program wrote:\n{}", self.unheard());
            }
        }
    }

    /// What was written behind the last thing that was waited for.
    pub(crate) fn unheard(&self) -> String {
        String::from_utf8_lossy(&self.raw[self.heard..]).into_owned()
    }

    /// Waits for the end of the program, and reads what it wrote until then.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.has_ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.rows().join("\n"));
        }
    }

    /// How the program ended, if it has or soon does.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("the program is ours");
        let soon = Instant::now() + Duration::from_millis(100);
        while self.receive(soon) {}
        self.take_in();
        status
    }

    /// Whether keys come one by one and are not shown by the terminal itself.
    pub(crate) fn is_raw(&self) -> bool {
        !modes(self.master()).contains("ICANON")
    }

    /// Checks that the terminal is as it was found.
    #[track_caller]
    pub(crate) fn is_as_before(&self) {
        assert_eq!(modes(self.master()), self.found);
        let screen = self.screen();
        assert!(!screen.alternate_screen(), "the shell's text is out of sight");
        assert!(!screen.hide_cursor(), "there is no cursor");
        assert!(!screen.bracketed_paste(), "the shell would see the marks of a paste");
        // The keyboard's protocol, and reports of the focus and of the mouse.
        for (on, off) in [
            ("\x1b[>1u", "\x1b[<1u"),
            ("\x1b[?1004h", "\x1b[?1004l"),
            ("\x1b[?1000h", "\x1b[?1000l"),
        ] {
            let last = |text: &str| rfind(&self.raw, text.as_bytes());
            assert!(last(on) <= last(off), "{on:?} without {off:?}");
        }
    }

    fn master(&self) -> &dyn MasterPty {
        self.master.as_deref().expect("the window is open")
    }

    /// Receives more, until another frame is complete or what was written is no frame.
    fn next_frame(&mut self, deadline: Instant) -> bool {
        loop {
            if self.take_one_in() {
                return true;
            }
            if !self.receive(deadline) {
                return false;
            }
        }
    }

    fn receive(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        self.output.recv_timeout(left).is_ok_and(|bytes| {
            self.raw.extend(bytes);
            true
        })
    }

    /// Shows the emulator everything.
    fn take_in(&mut self) {
        self.raw.extend(self.output.try_iter().flatten());
        self.emulator.process(&self.raw[self.shown..]);
        self.shown = self.raw.len();
    }

    /// Shows it one frame more, or what was written outside of frames. Whether there was something.
    fn take_one_in(&mut self) -> bool {
        let new = &self.raw[self.shown..];
        let length = match (find(new, FRAME_BEGINS), find(new, FRAME_ENDS)) {
            (_, Some(end)) => end + FRAME_ENDS.len(),
            (Some(begin), None) => begin,
            (None, None) => new.len(),
        };
        self.emulator.process(&new[..length]);
        self.shown += length;
        length > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rows of a screen, without the blanks at their ends.
pub(crate) fn rows(screen: &Screen) -> Vec<String> {
    let width = screen.size().1.get();
    screen.rows(0, width).map(|row| row.trim_end().to_owned()).collect()
}

/// Where `wanted` is in `bytes`.
pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn rfind(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a terminal has cells")
}

/// Everything that a program can set about a terminal, in words.
fn modes(terminal: &dyn MasterPty) -> String {
    let modes = terminal.get_termios().expect("it is a terminal");
    format!(
        "{:?} {:?} {:?} {:?}",
        modes.input_flags, modes.output_flags, modes.control_flags, modes.local_flags
    )
}
