//! Nothing that others write does anything on the terminal but stand there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::programs::chat::Chat;
use super::pty::{Terminal, demo, find, p2pchat_of};
use super::server::Server;

/// Puts something on the clipboard; goes back to the beginning of the row; turns the direction of
/// writing round; breaks the line where only some see it; colours, in one byte and in two.
const ATTACK: &str = "a\u{1b}]52;c;aGk=\u{7}b\rc\u{202e}d\u{2028}e\u{9b}31mf\u{1b}[31mg\u{8}h";

/// None of it may be written to the terminal.
const NEVER: [&str; 7] = ["\u{1b}]52", "\u{7}b", "b\rc", "\u{202e}", "\u{2028}", "\u{9b}", "\u{8}"];

#[track_caller]
fn is_unharmed(terminal: &Terminal) {
    for text in NEVER {
        let at = find(terminal.raw(), text.as_bytes());
        assert_eq!(at, None, "{text:?} in {:?}", String::from_utf8_lossy(terminal.raw()));
    }
}

fn mallory(home: &Path, rendezvous: &str) -> Chat {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pchat"));
    command.env("P2PCHAT_NO_LAN", "1").env("P2PCHAT_LANG", "en").env_remove("P2PCHAT_LOG");
    command.env("P2PCHAT_STRANGERS", "accept");
    command.args(["--name", "mallory", "--rendezvous", rendezvous, "--peer", "bob", "--data-dir"]);
    Chat::start("mallory", {
        command.arg(home);
        command
    })
}

#[test]
fn text_of_others_only_stands_there() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [mallorys, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let bob = ["--name", "bob", "--rendezvous", &rendezvous];
    let mut bob = Terminal::start(120, 24, p2pchat_of(bobs.path(), &bob));
    bob.shows("bob (here)");
    let mut mallory = mallory(mallorys.path(), &rendezvous);
    mallory.send(None, ATTACK);
    mallory.send(None, "the end");
    mallory
        .wait("delivery", Duration::from_secs(120), |said| {
            said["type"] == "status" && said["ref"] == "r2" && said["state"] == "delivered"
        })
        .expect("it is delivered");
    bob.shows("the end");
    bob.types("/history\r");
    bob.until("the history", |screen| screen.contents().matches("the end").count() == 2);
    is_unharmed(&bob);
}

#[test]
fn what_is_pasted_only_stands_there() {
    let mut terminal = demo(120, 24);
    terminal.pastes(&format!("{ATTACK} in the composer"));
    terminal.shows("in the composer");
    terminal.types("\r");
    terminal.shows("echo  a");
    is_unharmed(&terminal);
    // Nor does a name, which is told back because nobody can have it.
    terminal.pastes(&format!("/msg {ATTACK}"));
    terminal.types(" hi\r");
    terminal.writes("", 0);
    is_unharmed(&terminal);
}
