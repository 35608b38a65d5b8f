//! The program `p2pchat` as a child process, and profiles for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Nothing on one computer takes so long, however busy it is.
const DEADLINE: Duration = Duration::from_secs(60);

/// A directory for one person.
pub(crate) struct Profile(TempDir);

impl Profile {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Starts the program for this person.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        Program::start(self.command(arguments))
    }

    /// Runs the program with `input` until it ends.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Outcome {
        let mut program = self.start(arguments);
        program.say_raw(input);
        program.end_input();
        program.outcome()
    }

    /// Claims a name and leaves.
    pub(crate) fn register(&self, name: &str, rendezvous: &str) {
        let mut program = self.start(&["--name", name, "--rendezvous", rendezvous]);
        program.hears(&format!("You are {name}@"));
        program.end_input();
        program.outcome().exits(0);
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_p2pchat"));
        // Nothing of whoever runs the tests may leak in.
        for variable in [
            "P2PCHAT_NAME",
            "P2PCHAT_DATA_DIR",
            "P2PCHAT_CONFIG",
            "P2PCHAT_PASSPHRASE_FILE",
            "P2PCHAT_LOG",
            "NO_COLOR",
        ] {
            command.env_remove(variable);
        }
        // Nor does a file get into anybody's downloads.
        command.env("HOME", self.0.path()).env_remove("XDG_CONFIG_HOME");
        // Nor does a test talk to the network that it runs in.
        command.env("P2PCHAT_NO_LAN", "1");
        // Two programs have nobody who could accept a stranger; `tests/cli/people.rs` has.
        command.env("P2PCHAT_STRANGERS", "accept");
        command
            .env("TZ", "UTC")
            .env("P2PCHAT_LANG", "en")
            .arg("--data-dir")
            .arg(self.0.path())
            .args(arguments);
        command
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
}

impl Outcome {
    /// Checks the exit code, and shows everything if it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Checks that stderr says something.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.iter().any(|line| line.contains(text)), "{text:?} in {self:#?}");
        self
    }
}

/// A running program; it is killed when it goes out of scope.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    out: Lines,
    err: Lines,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let out = Lines::of(child.stdout.take().expect("stdout is piped"));
        let err = Lines::of(child.stderr.take().expect("stderr is piped"));
        Self { input: child.stdin.take(), child, out, err }
    }

    /// Types a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.say_raw(&format!("{line}\n"));
    }

    pub(crate) fn say_raw(&mut self, text: &str) {
        if let Some(input) = &mut self.input {
            // A program that ended early shows it in its exit code.
            let _ = input.write_all(text.as_bytes()).and_then(|()| input.flush());
        }
    }

    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// The next line of stdout.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        self.out.wait_for(|_| true).unwrap_or_else(|seen| panic!("{seen:?}, {:?}", self.err.seen()))
    }

    /// Waits for a line on stderr.
    #[track_caller]
    pub(crate) fn hears(&mut self, text: &str) -> String {
        let found = self.err.wait_for(|line| line.contains(text));
        found.unwrap_or_else(|seen| panic!("no {text:?} in {seen:#?}"))
    }

    /// Waits for lines on stderr, one with each text, in whatever order they come.
    #[track_caller]
    pub(crate) fn hears_all(&mut self, texts: &[&str]) {
        let mut left = texts.to_vec();
        while !left.is_empty() {
            let found = self.err.wait_for(|line| left.iter().any(|text| line.contains(text)));
            let line = found.unwrap_or_else(|seen| panic!("no {left:?} in {seen:#?}"));
            left.retain(|text| !line.contains(text));
        }
    }

    /// Waits for a JSON object on stdout with these fields.
    #[track_caller]
    pub(crate) fn object(&mut self, expected: &Value) -> Value {
        let matches = |line: &str| {
            let object: Value = serde_json::from_str(line).expect("JSON");
            let fields = expected.as_object().expect("an object");
            fields.iter().all(|(name, value)| object.get(name) == Some(value))
        };
        let line = self.out.wait_for(matches);
        let line = line
            .unwrap_or_else(|seen| panic!("no {expected} in {seen:#?}, {:#?}", self.err.seen()));
        serde_json::from_str(&line).expect("JSON")
    }

    /// Whether it has written anything to stdout.
    #[cfg(unix)]
    pub(crate) fn has_said_something(&mut self) -> bool {
        !self.out.seen().is_empty()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let process = i32::try_from(self.id()).map(nix::unistd::Pid::from_raw).expect("a process");
        nix::sys::signal::kill(process, signal).expect("a child of ours");
    }

    /// Reads no more of what the program says.
    pub(crate) fn close_output(&mut self) {
        self.out.close();
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn outcome(mut self) -> Outcome {
        let until = Instant::now() + DEADLINE;
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                break status.code();
            }
            assert!(Instant::now() < until, "it does not end: {:?}", self.err.seen());
            thread::sleep(Duration::from_millis(5));
        };
        Outcome { code, out: self.out.rest(), err: self.err.rest() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The lines of one output, as they come.
struct Lines {
    lines: Receiver<String>,
    seen: Vec<String>,
    taken: usize,
    close: Option<std::sync::mpsc::Sender<()>>,
}

impl Lines {
    fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        let (close, closed) = channel::<()>();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let open = closed.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty);
                if !open || sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { lines, seen: Vec::new(), taken: 0, close: Some(close) }
    }

    /// The next line that `wanted` accepts; those before it are passed over. All that was seen if
    /// there is none.
    fn wait_for(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String, Vec<String>> {
        let until = Instant::now() + DEADLINE;
        loop {
            while let Some(line) = self.seen.get(self.taken) {
                self.taken += 1;
                if wanted(line) {
                    return Ok(line.clone());
                }
            }
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(self.seen.clone());
                }
            }
        }
    }

    fn seen(&mut self) -> &[String] {
        self.seen.extend(self.lines.try_iter());
        &self.seen
    }

    /// Everything, once the program has ended.
    fn rest(&mut self) -> Vec<String> {
        self.seen.extend(self.lines.iter());
        std::mem::take(&mut self.seen)
    }

    /// The reader ends at the next line.
    fn close(&mut self) {
        self.close = None;
    }
}
