//! People who do not know each other yet.

use serde_json::{Value, json};

use super::program::{Profile, Program};
use super::server::Server;

/// Somebody who decides whom to talk to.
fn careful(profile: &Profile, arguments: &[&str]) -> Program {
    let mut command = profile.command(arguments);
    command.env_remove("P2PCHAT_STRANGERS");
    Program::start(command)
}

#[test]
fn a_stranger_waits_to_be_accepted_and_loses_nothing() {
    let server = Server::start();
    let address = server.address().to_string();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = careful(&a, &["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    let mut bob = b.start(&["--name", "bob", "--rendezvous", &address, "--peer", "alice"]);
    bob.say("hello");
    bob.say("it is me");
    bob.hears("alice does not know you yet");
    alice.hears("bob@");
    alice.say("/accept bob");
    for text in ["hello", "it is me"] {
        let line = alice.line();
        assert!(line.ends_with(&format!("\t{text}")), "{line}");
    }
    alice.say("so it is");
    assert!(bob.line().ends_with("\tso it is"));
    for program in [&mut alice, &mut bob] {
        program.say("/quit");
    }
    bob.outcome().exits(0);
    alice.outcome().exits(0);
    // The next time they know each other.
    let mut alice = careful(&a, &[]);
    alice.hears("You are alice@");
    b.run(&["send", "--to", "alice", "again"], "").exits(0);
    assert!(alice.line().ends_with("\tagain"));
}

#[test]
fn programs_are_told_of_strangers_and_decide() {
    let server = Server::start();
    let address = server.address().to_string();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = careful(&a, &["--json", "--name", "alice", "--rendezvous", &address]);
    alice.object(&json!({"type": "ready"}));
    let peer = format!("bob@{address}");
    let mut bob =
        b.start(&["--json", "--name", "bob", "--rendezvous", &address, "--peer", "alice"]);
    bob.say(r#"{"type":"send","text":"hi","ref":"1"}"#);
    bob.object(&json!({"type": "pending"}));
    alice.object(&json!({"type": "request", "peer": peer}));
    let status = a.run(&["status", "--json"], "").exits(0);
    let status: Value = serde_json::from_str(&status.out[0]).expect("JSON");
    assert_eq!(status["requests"][0]["peer"], peer.as_str(), "{status}");
    let status = a.run(&["status"], "").exits(0);
    assert!(status.out.iter().any(|line| line.contains("wants to talk to you")), "{status:#?}");
    alice.say(r#"{"type":"command","line":"/requests"}"#);
    let list = alice.object(&json!({"type": "requests"}));
    assert_eq!(list["requests"][0]["peer"], peer);
    alice.say(r#"{"type":"command","line":"/accept bob"}"#);
    alice.object(&json!({"type": "message", "from": peer, "text": "hi"}));
    bob.object(&json!({"type": "status", "ref": "1", "state": "delivered"}));
}

#[test]
fn a_line_to_somebody_who_does_not_accept_is_kept() {
    let server = Server::start();
    let address = server.address().to_string();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = careful(&a, &["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    let arguments =
        ["--name", "bob", "--rendezvous", &address, "--peer", "alice", "--timeout", "2s"];
    b.run(&arguments, "hello?\n").exits(4).says("alice does not know you yet");
    alice.hears("wants to talk to you");
    alice.say("/accept");
    b.run(&["--timeout", "20s", "--peer", "alice"], "").exits(0);
    assert!(alice.line().ends_with("\thello?"));
}
