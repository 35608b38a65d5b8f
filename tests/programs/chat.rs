//! `p2pchat --json`, as a program talks to it.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::transcript::{Said, Transcript};

/// A running peer.
#[derive(Debug)]
pub(crate) struct Chat {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    said: Transcript,
    sent: u64,
    /// When the process was started.
    pub(crate) started: Instant,
}

impl Chat {
    /// Starts a prepared command, to which `--json` is added.
    pub(crate) fn start(name: &str, command: Command) -> Self {
        Self::start_as(name, command, "--json")
    }

    /// Starts a prepared command as a person has it who reads lines of text.
    pub(crate) fn start_plain(name: &str, command: Command) -> Self {
        Self::start_as(name, command, "--plain")
    }

    fn start_as(name: &str, mut command: Command, face: &str) -> Self {
        command.arg(face).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("the peer starts");
        let said = Transcript::default();
        said.listen(child.stdout.take().expect("a pipe"), face == "--json");
        said.listen(child.stderr.take().expect("a pipe"), false);
        let stdin = child.stdin.take();
        Self { name: name.to_owned(), child, stdin, said, sent: 0, started }
    }

    /// Says something to the current peer, or to `to`. A peer that is gone hears nothing.
    pub(crate) fn send(&mut self, to: Option<&str>, text: &str) {
        self.sent += 1;
        self.send_as(&format!("r{}", self.sent), to, text);
    }

    /// As [`Self::send`], under a reference of the caller's.
    pub(crate) fn send_as(&mut self, reference: &str, to: Option<&str>, text: &str) {
        self.write(&json!({"type": "send", "to": to, "text": text, "ref": reference}));
    }

    /// A command such as `/path`.
    pub(crate) fn command(&mut self, line: &str) {
        self.write(&json!({"type": "command", "line": line}));
    }

    fn write(&mut self, value: &Value) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{value}");
        }
    }

    /// The first object, now or within `limit`, that fits.
    ///
    /// # Errors
    ///
    /// A report for people, with the end of the transcript.
    pub(crate) fn wait(
        &self,
        what: &str,
        limit: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Said, String> {
        self.wait_from(0, what, limit, fits)
    }

    /// As [`Self::wait`], for objects behind [`Self::mark`].
    pub(crate) fn wait_from(
        &self,
        mark: usize,
        what: &str,
        limit: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Said, String> {
        self.said
            .wait_from(mark, limit, |line| line.json.as_ref().is_some_and(&fits))
            .ok_or_else(|| format!("{}: no {what} within {limit:?}:\n{}", self.name, self.said))
    }

    /// Until the rendezvous knows us.
    pub(crate) fn wait_ready(&self) -> Result<Said, String> {
        self.wait("ready", Duration::from_secs(10), |value| value["type"] == "ready")
    }

    /// Until a message with this text is shown.
    pub(crate) fn wait_text(&self, text: &str, limit: Duration) -> Result<Said, String> {
        self.wait(&format!("message {text:?}"), limit, |value| {
            value["type"] == "message" && value["text"] == text
        })
    }

    /// Until the session with anybody uses a path of one of these kinds.
    pub(crate) fn wait_path(
        &self,
        mark: usize,
        kinds: &[&str],
        limit: Duration,
    ) -> Result<Said, String> {
        self.wait_from(mark, &format!("path {}", kinds.join(" or ")), limit, |value| {
            is_connected(value) && kinds.iter().any(|kind| value["path"] == *kind)
        })
    }

    /// The path that was reported last, if the last report was of a connection.
    pub(crate) fn path(&self) -> Option<String> {
        self.said.read(|lines| {
            let reports = lines.iter().rev().filter_map(|line| line.json.as_ref());
            let last = reports.into_iter().find(|value| value["type"] == "peer")?;
            is_connected(last).then(|| last["path"].as_str().map(ToOwned::to_owned)).flatten()
        })
    }

    /// Every state of the peer that was reported, in their order.
    pub(crate) fn states(&self) -> Vec<String> {
        self.said.read(|lines| {
            let objects = lines.iter().filter_map(|line| line.json.as_ref());
            let reports = objects.filter(|value| value["type"] == "peer");
            reports.filter_map(|value| value["state"].as_str().map(ToOwned::to_owned)).collect()
        })
    }

    /// A place in the transcript: now.
    pub(crate) fn mark(&self) -> usize {
        self.said.len()
    }

    /// The texts of all messages shown, in their order. What an earlier run may have shown is left
    /// out: it is marked `again`.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.said.read(|lines| {
            let objects = lines.iter().filter_map(|line| line.json.as_ref());
            let messages = objects.filter(|value| value["type"] == "message");
            messages.filter_map(|value| value["text"].as_str().map(ToOwned::to_owned)).collect()
        })
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> &Transcript {
        &self.said
    }

    /// Stops the process where it stands, as a sleeping laptop does.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "{}: kill {signal}", self.name);
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes its input, and waits for it to leave by itself.
    pub(crate) fn leave(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        self.stdin = None;
        self.wait_exit(limit)
    }

    /// Waits for it to end.
    pub(crate) fn wait_exit(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                other => {
                    return Err(format!("{}: still runs: {other:?}\n{}", self.name, self.said));
                }
            }
        }
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether `value` reports a session.
fn is_connected(value: &Value) -> bool {
    value["type"] == "peer" && value["state"] == "connected"
}
