//! Two people, two terminals.

use super::pty::{Terminal, p2pchat_of};
use super::server::Server;

#[test]
fn two_people_talk() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [alices, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let bob = ["--name", "bob", "--rendezvous", &rendezvous];
    let mut bob = Terminal::start(80, 24, p2pchat_of(bobs.path(), &bob));
    bob.shows("bob (here)");
    let alice = ["--name", "alice", "--rendezvous", &rendezvous, "--peer", "bob"];
    let mut alice = Terminal::start(120, 40, p2pchat_of(alices.path(), &alice));
    alice.writes("", 0);
    alice.types("hello bob\r");
    alice.shows("alice  hello bob ✓");
    // Whoever calls is in front of somebody who waits.
    bob.shows("alice  hello bob");
    bob.types("你好，alice\r");
    bob.shows("bob    你好，alice ✓");
    alice.shows("bob    你好，alice");
    // From 90 columns up there is a list.
    alice.shows(">1 bob");
    alice.shows("connected");
    alice.types("/path\r");
    alice.shows("Paths to bob@");
    alice.types("/pth\r");
    alice.shows("Did you mean /path?");
    assert!(bob.rows().iter().all(|row| !row.contains("/pth")), "it is no text");
    bob.types("\x04");
    assert!(bob.ends().success());
    bob.is_as_before();
    // What is said to somebody who has left is kept, and the status line tells of it.
    alice.shows("offline");
    alice.types("later\r");
    alice.shows("alice  later ·");
    alice.shows("1 unsent");
    let again = ["--name", "bob", "--rendezvous", &rendezvous, "--peer", "alice"];
    let mut bob = Terminal::start(80, 24, p2pchat_of(bobs.path(), &again));
    bob.shows("later");
    alice.shows("alice  later ✓");
    alice.shows_no_more("unsent");
}
