//! Terminals that come and go while the chat goes on.

use std::path::Path;
use std::process::Command;

use super::pty::{Terminal, p2pchat_of};
use super::server::Server;

/// `p2pchat hold` without a terminal, as a person says it; it ends with [`Drop`].
struct Held<'a>(&'a Path);

impl<'a> Held<'a> {
    fn start(directory: &'a Path, more: &[&str]) -> Self {
        assert!(hold(directory, more).success());
        Self(directory)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        hold(self.0, &["--end"]);
    }
}

fn hold(directory: &Path, more: &[&str]) -> std::process::ExitStatus {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pchat"));
    command.arg("hold").args(more).arg("--data-dir").arg(directory);
    for variable in ["P2PCHAT_NAME", "P2PCHAT_DATA_DIR", "P2PCHAT_CONFIG"] {
        command.env_remove(variable);
    }
    command.env("P2PCHAT_NO_LAN", "1").env("P2PCHAT_STRANGERS", "accept");
    command.status().expect("the program starts")
}

/// A terminal of somebody whose chat runs already.
fn attach(directory: &Path) -> Terminal {
    let mut command = p2pchat_of(directory, &["--peer", "alice"]);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(120, 40, command);
    terminal.says("Ctrl+D leaves it");
    terminal.says("alice> ");
    terminal
}

/// Ctrl+D, again and again: between two prompts the terminal swallows one.
fn detach(terminal: &mut Terminal) {
    let status = loop {
        terminal.types("\x04");
        if let Some(status) = terminal.has_ended() {
            break status;
        }
    };
    assert!(status.success(), "{status:?}");
}

#[test]
fn a_terminal_leaves_and_comes_back_and_the_partner_sees_nothing_of_it() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [alices, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let alice = ["--name", "alice", "--rendezvous", &rendezvous];
    let mut alice = Terminal::start(80, 24, p2pchat_of(alices.path(), &alice));
    alice.shows("alice (here)");
    let _held = Held::start(bobs.path(), &["--name", "bob", "--rendezvous", &rendezvous]);
    let mut bob = attach(bobs.path());
    bob.types("hello alice\r");
    alice.shows("bob    hello alice");
    detach(&mut bob);
    bob.is_as_before();
    // Nobody is at bob's terminal, and bob is there.
    alice.types("are you there?\r");
    alice.shows("alice  are you there? ✓");
    let mut bob = attach(bobs.path());
    bob.types("/history 2\r");
    bob.says("hello alice");
    bob.says("are you there?");
    bob.types("I am\r");
    alice.shows("bob    I am");
    detach(&mut bob);
    let seen = String::from_utf8_lossy(alice.raw()).into_owned();
    assert!(!seen.contains("bob left") && !seen.contains("offline"), "{seen}");
}

#[test]
fn what_is_wrong_is_told_before_the_chat_goes_to_the_background() {
    let directory = tempfile::tempdir().expect("a directory");
    assert_eq!(hold(directory.path(), &[]).code(), Some(2));
    // Where nothing runs, nothing is to be ended.
    assert!(hold(directory.path(), &["--end"]).success());
}
