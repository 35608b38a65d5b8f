//! A rendezvous that a test keeps.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::transcript::Transcript;

/// A running `p2pchat-rendezvous`.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    said: Transcript,
}

impl Server {
    /// Starts a prepared command and waits until it has said something: it prints its address when
    /// it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let said = Transcript::default();
        said.listen(child.stdout.take().expect("a pipe"), false);
        said.listen(child.stderr.take().expect("a pipe"), false);
        let listens = said.wait(Duration::from_secs(10), |line| line.text.contains('#'));
        assert!(listens.is_some(), "the server says no address within 10 s:\n{said}");
        Self { child, said }
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> &Transcript {
        &self.said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
