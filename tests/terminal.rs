//! Line mode on a real terminal: the program in a pseudo-terminal, keys in, screen text out.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests drive the real world")]

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: mpsc::Receiver<Vec<u8>>,
    seen: String,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn run(arguments: &[&str]) -> Self {
        let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_p2pchat"));
        command.arg("--plain");
        command.args(arguments);
        command.env("TERM", "xterm");
        // Without colours a line of text is a run of characters.
        command.env("NO_COLOR", "1");
        command.env("P2PCHAT_NO_LAN", "1");
        command.env("P2PCHAT_LANG", "en");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let mut reader = pair.master.try_clone_reader().expect("the terminal can be read");
        let keys = pair.master.take_writer().expect("the terminal can be written");
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keys, output, seen: String::new(), _master: pair.master }
    }

    /// Waits until the screen has shown a number after `text`.
    fn number_after(&mut self, text: &str) -> String {
        self.wait_for(text);
        let number = |seen: &str| seen.chars().take_while(char::is_ascii_digit).collect::<String>();
        while number(&self.seen).len() == self.seen.len() {
            let bytes = self.output.recv_timeout(PATIENCE).expect("the screen shows more");
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        number(&self.seen)
    }

    fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self.keys.flush().expect("the terminal takes keys");
    }

    /// Waits until the screen has shown `text`, and forgets what it showed up to there.
    fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("never saw {text:?}; the screen showed:\n{}", self.seen),
            }
        }
    }
}

impl Terminal {
    /// Ctrl+D, again and again: between two prompts the terminal swallows one.
    fn leave(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the program is ours") {
                return assert!(status.success(), "{status:?}");
            }
            assert!(Instant::now() < deadline, "it does not leave");
            let _ = self.keys.write_all(b"\x04").and_then(|()| self.keys.flush());
            let _ = self.output.recv_timeout(Duration::from_millis(100));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn lines_that_are_typed_ahead_are_all_sent() {
    let mut terminal = Terminal::run(&["demo"]);
    terminal.wait_for("echo> ");
    terminal.type_keys("erste\rzwei zwei\r第三行\r");
    // Each comes back from the echo, in order, after its own name.
    for line in ["echo  erste", "echo  zwei zwei", "echo  第三行"] {
        terminal.wait_for(line);
    }
}

#[test]
fn a_word_that_is_no_command_is_never_sent_and_control_d_leaves() {
    let mut terminal = Terminal::run(&["demo"]);
    terminal.wait_for("echo> ");
    terminal.type_keys("/pth\r");
    terminal.wait_for("Did you mean /path?");
    terminal.type_keys("／path\r");
    terminal.wait_for("in use");
    terminal.leave();
    assert!(!terminal.seen.contains("echo  /pth"));
}

#[test]
fn the_prompt_names_who_calls_at_once_and_what_is_being_typed_stays() {
    let [bobs, alices] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let directory = |dir: &tempfile::TempDir| dir.path().to_str().expect("a path").to_owned();
    let (bobs_dir, alices_dir) = (directory(&bobs), directory(&alices));
    let serve = ["--data-dir", &bobs_dir, "--name", "bob", "--serve", "127.0.0.1:0"];
    let mut bob = Terminal::run(&serve);
    let port = bob.number_after("on UDP port ");
    bob.wait_for("You are bob@");
    bob.type_keys("half a ");
    bob.wait_for("half a ");
    let peer = format!("bob@127.0.0.1:{port}");
    let mut alice = Terminal::run(&["--data-dir", &alices_dir, "--name", "alice", "--peer", &peer]);
    // As wide as `(nobody yet)> `, so that what is typed does not move.
    bob.wait_for("\r\n       alice> half a ");
    bob.type_keys("line\r");
    alice.wait_for("bob  half a line");
    // The next line begins with a prompt of its own width.
    bob.wait_for("\u{1b}[Kalice> ");
}
