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

/// A terminal of somebody whose chat runs already, on the whole of it.
fn looks(directory: &Path, more: &[&str]) -> Terminal {
    Terminal::start(120, 40, p2pchat_of(directory, more))
}

/// The same, line by line.
fn attach(directory: &Path) -> Terminal {
    let mut terminal = reads(directory, &["--plain", "--peer", "alice"]);
    terminal.says("alice> ");
    terminal
}

/// The same, with whatever is open there.
fn reads(directory: &Path, more: &[&str]) -> Terminal {
    let mut command = p2pchat_of(directory, more);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(120, 40, command);
    terminal.says("Ctrl+D leaves it");
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

#[test]
fn a_screen_shows_a_chat_that_runs_elsewhere_as_its_own() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [alices, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let alice = ["--name", "alice", "--rendezvous", &rendezvous];
    let mut alice = Terminal::start(80, 24, p2pchat_of(alices.path(), &alice));
    alice.shows("alice (here)");
    let _held = Held::start(bobs.path(), &["--name", "bob", "--rendezvous", &rendezvous]);
    let mut one = looks(bobs.path(), &["--peer", "alice"]);
    one.shows("bob (here)");
    one.shows(">1 alice");
    one.shows("connected");
    one.types("hello alice\r");
    one.shows("bob    hello alice \u{2713}");
    alice.shows("bob    hello alice");
    // A second one has what the first has, and both see everything from then on.
    let mut two = looks(bobs.path(), &[]);
    two.shows("bob (here)");
    two.types("\x1b1");
    two.shows("bob    hello alice \u{2713}");
    alice.types("to both of you\r");
    for terminal in [&mut one, &mut two] {
        terminal.shows("alice  to both of you");
    }
    two.types("from the second\r");
    for terminal in [&mut one, &mut two] {
        terminal.shows("bob    from the second \u{2713}");
    }
    // Commands are answered where they were typed, pages and searches are served.
    two.types("/path\r");
    two.shows("Paths to alice@");
    assert!(one.rows().iter().all(|row| !row.contains("Paths to")), "it was not asked");
    two.types("/search both\r");
    two.shows("search:");
    two.types("\x1b");
    two.shows("bob    from the second \u{2713}");
    two.types("/rename alice liz\r");
    for terminal in [&mut one, &mut two] {
        terminal.shows(">1 liz");
    }
    // What is being written is kept for the next one, and what comes meanwhile is unread.
    two.types("half a thou");
    two.shows("half a thou");
    two.closes();
    two.ends();
    one.types("\x04");
    assert!(one.ends().success());
    one.is_as_before();
    alice.types("are you there?\r");
    alice.shows("alice  are you there? \u{2713}");
    let mut again = looks(bobs.path(), &[]);
    again.shows("bob (here)  [1]");
    again.types("\x1b1");
    again.shows("liz  are you there?");
    again.shows("bob  from the second");
    again.shows("> half a thou");
}

#[test]
fn a_screen_is_left_and_found_again_while_the_chat_goes_on() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [alices, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let alice = ["--name", "alice", "--rendezvous", &rendezvous];
    let mut alice = Terminal::start(80, 24, p2pchat_of(alices.path(), &alice));
    alice.shows("alice (here)");
    // This terminal runs the chat itself, until it gives it away.
    let bob = ["--name", "bob", "--rendezvous", &rendezvous, "--peer", "alice"];
    let mut bob = looks(bobs.path(), &bob);
    bob.types("hello alice\r");
    bob.shows("bob    hello alice \u{2713}");
    bob.types("/detach\r");
    assert!(bob.ends().success());
    let _held = Held(bobs.path());
    bob.is_as_before();
    assert!(String::from_utf8_lossy(bob.raw()).contains("goes on in the background"));
    alice.types("are you there?\r");
    alice.shows("alice  are you there? \u{2713}");
    let mut bob = looks(bobs.path(), &[]);
    bob.shows("bob (here)  [1]");
    bob.types("\x1b1");
    bob.shows("alice  are you there?");
    bob.shows("bob    hello alice \u{2713}");
    bob.types("I am\r");
    alice.shows("bob    I am");
    // Now it is another process that runs it.
    bob.types("/detach\r");
    assert!(bob.ends().success());
    alice.types("still there?\r");
    alice.shows("alice  still there? \u{2713}");
    let mut bob = attach(bobs.path());
    bob.types("/detach\r");
    assert!(bob.ends().success());
}

#[test]
fn who_looks_at_a_chat_that_is_killed_is_told_so() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let bobs = tempfile::tempdir().expect("a directory");
    let bob = ["--name", "bob", "--rendezvous", &rendezvous];
    let mut holder = looks(bobs.path(), &bob);
    holder.shows("bob (here)");
    let mut guests = [looks(bobs.path(), &[]), reads(bobs.path(), &["--plain"])];
    guests[0].shows("bob (here)");
    let killed = nix::unistd::Pid::from_raw(holder.process());
    nix::sys::signal::kill(killed, nix::sys::signal::Signal::SIGKILL).expect("it is ours");
    for mut guest in guests {
        assert_eq!(guest.ends().exit_code(), 1);
        guest.is_as_before();
        assert!(String::from_utf8_lossy(guest.raw()).contains("has ended without a word"));
    }
}

#[test]
fn a_screen_goes_on_with_the_chat_when_whoever_ran_it_leaves() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [alices, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let alice = ["--name", "alice", "--rendezvous", &rendezvous];
    let mut alice = Terminal::start(80, 24, p2pchat_of(alices.path(), &alice));
    alice.shows("alice (here)");
    let bob = ["--name", "bob", "--rendezvous", &rendezvous];
    let mut first = looks(bobs.path(), &bob);
    first.shows("bob (here)");
    let mut second = looks(bobs.path(), &["--peer", "alice"]);
    second.types("before\r");
    second.shows("bob    before \u{2713}");
    second.types("half a thought");
    second.writes("half a thought", 14);
    // While a line is under way, as far as this screen knows, Ctrl+D asks first.
    first.shows("bob    before \u{2713}");
    first.types("\x04");
    assert!(first.ends().success());
    // Nothing on the screen is lost, and now it is this one that runs the chat.
    second.writes("half a thought", 14);
    second.types(" and more\r");
    // Below the other line it stands without a name, if nothing was told in between.
    second.shows("half a thought and more \u{2713}");
    second.shows("bob    before \u{2713}");
    alice.shows("half a thought and more");
}

#[test]
fn a_screen_that_joins_a_chat_without_a_server_says_so() {
    let bobs = tempfile::tempdir().expect("a directory");
    let bob = ["--name", "bob", "--rendezvous", "nowhere.invalid"];
    let _held = Held::start(bobs.path(), &bob);
    let mut screen = looks(bobs.path(), &[]);
    screen.shows("bob (no server)");
    screen.shows("nowhere.invalid");
}
