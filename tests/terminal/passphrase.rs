//! A passphrase that is typed, and is not seen.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::pty::{Terminal, find, p2pchat_of};
use super::server::Server;

/// Answers a question as soon as the terminal shows no keys any more, which is a moment after it is
/// asked.
fn answers(terminal: &mut Terminal, question: &str, keys: &str) {
    terminal.says(question);
    while !terminal.is_raw() {
        assert!(terminal.has_ended().is_none(), "it does not ask: {}", terminal.unheard());
        sleep(Duration::from_millis(5));
    }
    terminal.types(keys);
}

#[test]
fn a_passphrase_is_typed_twice_asked_for_at_each_start_and_never_shown() {
    let folder = tempfile::tempdir().expect("a directory");
    let start = |arguments: &[&str]| Terminal::start(100, 30, p2pchat_of(folder.path(), arguments));

    let mut terminal = start(&["passphrase", "set"]);
    answers(&mut terminal, "New passphrase:", "horse\r");
    terminal.says("8 characters");
    answers(&mut terminal, "New passphrase:", "correct horse\r");
    answers(&mut terminal, "The same again:", "correct hrose\r");
    terminal.says("two different ones");
    answers(&mut terminal, "New passphrase:", "correct horse\r");
    answers(&mut terminal, "The same again:", "correct horse\r");
    terminal.says("is sealed");
    assert!(terminal.ends().success());
    assert_eq!(find(terminal.raw(), b"horse"), None);
    terminal.is_as_before();

    let mut terminal = start(&["id"]);
    answers(&mut terminal, "Passphrase of", "battery staple\r");
    terminal.says("Try again");
    answers(&mut terminal, "Passphrase of", "correct horse\r");
    terminal.says("needed to read this profile");
    assert!(terminal.ends().success());
    assert_eq!(find(terminal.raw(), b"staple"), None);

    let mut terminal = start(&["contacts"]);
    for _ in 0..3 {
        answers(&mut terminal, "Passphrase of", "nobody knows\r");
    }
    terminal.says("after 3 tries");
    assert_eq!(terminal.ends().exit_code(), 8);
    terminal.is_as_before();

    // Nobody has to answer.
    let mut terminal = start(&["contacts"]);
    answers(&mut terminal, "Passphrase of", "\x03");
    assert!(!terminal.ends().success());
    terminal.is_as_before();
}

/// Gives a profile a passphrase.
fn seal(folder: &Path) {
    let mut terminal = Terminal::start(100, 30, p2pchat_of(folder, &["passphrase", "set"]));
    for question in ["New passphrase:", "The same again:"] {
        answers(&mut terminal, question, "correct horse\r");
    }
    assert!(terminal.ends().success());
}

#[test]
fn the_chat_asks_before_it_takes_the_screen() {
    let folder = tempfile::tempdir().expect("a directory");
    seal(folder.path());
    let chat = ["--name", "alice", "--rendezvous", "127.0.0.1:9"];
    let mut terminal = Terminal::start(100, 30, p2pchat_of(folder.path(), &chat));
    answers(&mut terminal, "Passphrase of", "correct horse\r");
    terminal.until("the screen", vt100::Screen::alternate_screen);
    terminal.types("\x04");
    assert!(terminal.ends().success());
    terminal.is_as_before();
}

#[test]
fn what_was_said_in_a_sealed_chat_can_be_exported_from_it() {
    let (server, home) = (Server::start(), tempfile::tempdir().expect("a directory"));
    let (profile, file) = (home.path().join("profile"), home.path().join("said.txt"));
    seal(&profile);
    let rendezvous = server.address().to_string();
    let chat = ["--name", "alice", "--rendezvous", &rendezvous, "--peer", "bob"];
    let mut terminal = Terminal::start(120, 30, p2pchat_of(&profile, &chat));
    answers(&mut terminal, "Passphrase of", "correct horse\r");
    terminal.shows("bob");
    terminal.types("the 暗号 is swordfish\r");
    terminal.shows("the 暗号 is swordfish");
    terminal.writes("", 0);
    terminal.types(&format!("/export {}\r", file.display()));
    terminal.shows("has 1 line now.");
    let exported = fs::read_to_string(&file).expect("it is there");
    assert!(exported.contains("the 暗号 is swordfish"), "{exported}");
    // A second one does not replace it, and says so.
    terminal.types(&format!("/export {}\r", file.display()));
    terminal.shows("not replaced");
    // In the profile it lies sealed.
    for entry in fs::read_dir(&profile).expect("it is there") {
        let path = entry.expect("an entry").path();
        let written = fs::read(&path).unwrap_or_default();
        assert_eq!(find(&written, b"swordfish"), None, "{}", path.display());
    }
}
