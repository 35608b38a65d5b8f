//! Line mode on a terminal: lines of others come above what is being typed.

use portable_pty::CommandBuilder;

use super::pty::{Terminal, p2pchat, p2pchat_of};
use super::server::Server;

/// A terminal on which the program chats line by line. Without colours a line of text is a run of
/// characters.
fn start(mut command: CommandBuilder) -> Terminal {
    command.arg("--plain");
    command.env("NO_COLOR", "1");
    Terminal::start(120, 40, command)
}

/// Ctrl+D, again and again: between two prompts the terminal swallows one.
fn leave(terminal: &mut Terminal) {
    let status = loop {
        terminal.types("\x04");
        if let Some(status) = terminal.has_ended() {
            break status;
        }
    };
    assert!(status.success(), "{status:?}");
}

#[test]
fn lines_that_are_typed_ahead_are_all_sent() {
    let mut terminal = start(p2pchat(&["demo"]));
    terminal.says("echo> ");
    terminal.types("erste\rzwei zwei\r第三行\r");
    // Each comes back from the echo, in order, after its own name.
    for line in ["echo  erste", "echo  zwei zwei", "echo  第三行"] {
        terminal.says(line);
    }
}

#[test]
fn a_word_that_is_no_command_is_never_sent_and_control_d_leaves() {
    let mut terminal = start(p2pchat(&["demo"]));
    terminal.says("echo> ");
    terminal.says("echo is here");
    terminal.types("/pth\r");
    terminal.says("Did you mean /path?");
    terminal.types("／path\r");
    terminal.says("in use");
    leave(&mut terminal);
    let written = String::from_utf8_lossy(terminal.raw());
    assert!(!written.contains("echo  /pth"), "{written}");
}

#[test]
fn the_prompt_names_who_calls_at_once_and_what_is_being_typed_stays() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [bobs, alices] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let bob = ["--name", "bob", "--rendezvous", &rendezvous];
    let mut bob = start(p2pchat_of(bobs.path(), &bob));
    bob.says("You are bob@");
    bob.types("half a ");
    bob.says("half a ");
    let alice = ["--name", "alice", "--rendezvous", &rendezvous, "--peer", "bob"];
    let mut alice = start(p2pchat_of(alices.path(), &alice));
    // As wide as `(nobody yet)> `, so that what is typed does not move.
    bob.says("\r\n       alice> half a ");
    bob.types("line\r");
    alice.says("bob  half a line");
    // The next line begins with a prompt of its own width.
    bob.says("\u{1b}[Kalice> ");
}
