//! Two who have never met, on two screens: a code is told from one to the other.

use super::pty::{Terminal, p2pchat_of};
use super::server::Server;

#[test]
fn a_code_that_is_told_makes_two_people_sure_of_each_other() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [alices, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let mut bob = p2pchat_of(bobs.path(), &["--name", "bob", "--rendezvous", &rendezvous]);
    bob.env("P2PCHAT_LANG", "zh");
    let mut bob = Terminal::start(80, 24, bob);
    bob.shows("bob (在线)");
    let alice = ["--name", "alice", "--rendezvous", &rendezvous];
    let mut alice = Terminal::start(100, 30, p2pchat_of(alices.path(), &alice));
    alice.shows("alice (here)");
    alice.types("/invite\r");
    alice.shows("They type /accept ");
    let row = alice.rows().into_iter().find(|row| row.contains("They type")).expect("a row");
    let code = row.split("/accept ").nth(1).and_then(|rest| rest.split(' ').next());
    let code = code.expect("a code").to_owned();
    // The whole link is there, over several rows where it is long.
    alice.shows("p2pchat:alice@");
    bob.types(&format!("/accept {code}\r"));
    bob.shows("现在是联系人，而且公钥无误");
    alice.shows("is a contact, and this is the right key");
    alice.types("/msg bob\r");
    alice.types("so it is you\r");
    bob.shows("so it is you");
    // Verified, without having compared anything.
    alice.shows("bob V");
}
