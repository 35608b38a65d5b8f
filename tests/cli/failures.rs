//! What goes wrong, with the exit code and the sentence that belong to it.

use std::net::UdpSocket;
use std::thread;

use p2pchat_wire::VERSION;
use p2pchat_wire::datagram::{Challenge, Datagram};
use p2pchat_wire::identity::Identity;
use serde_json::json;

use super::program::{Outcome, Profile, Program};
use super::server::Server;

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    let profile = Profile::new();
    for arguments in [
        &["--nonsense"][..],
        &["--relay-only", "--direct-only"],
        &["--peer", "@"],
        &["--timeout", "soon"],
        &["--rendezvous", "::1"],
        &["send", "--to", "alice"],
        &["--name", "bob"],
        &["--rendezvous", "127.0.0.1"],
        &["--name", "bob", "--rendezvous", "h#key"],
    ] {
        profile.run(arguments, "").exits(2);
    }
    profile.run(&["--name", "bob"], "").says("--rendezvous HOST");
    profile.run(&["--rendezvous", "127.0.0.1"], "").says("--name NAME");
}

#[test]
fn what_was_typed_wrongly_is_repeated_as_text_and_nothing_else() {
    let profile = Profile::new();
    let clipboard = "\u{1b}]52;c;x\u{7}\r\u{9b}2J";
    let check = |outcome: Outcome| {
        let outcome = outcome.exits(2).says("error");
        let controls = outcome.err.iter().flat_map(|line| line.chars()).any(char::is_control);
        assert!(!controls, "{outcome:?}");
    };
    for arguments in [&["--name", clipboard][..], &["--lang", clipboard], &[clipboard]] {
        check(profile.run(arguments, ""));
    }
    check(profile.run(&[&format!("--{clipboard}")], ""));
    let mut command = profile.command(&["id"]);
    command.env("P2PCHAT_NAME", clipboard);
    let mut program = Program::start(command);
    program.end_input();
    check(program.outcome());
}

#[test]
fn a_name_that_nobody_has_is_3() {
    let server = Server::start();
    let peer = format!("zoe@{}", server.address());
    let outcome =
        Profile::new().run(&["--name", "bob", "--peer", &peer, "--timeout", "2s"], "hi\n");
    outcome.exits(3).says("Nobody is called zoe");
}

#[test]
fn a_name_that_does_not_resolve_is_5() {
    let peer = "alice@does-not-exist.invalid";
    let arguments = ["--name", "bob", "--peer", peer, "--timeout", "8s"];
    Profile::new().run(&arguments, "hi\n").exits(5).says("does-not-exist.invalid");
}

#[test]
fn a_server_that_does_not_answer_is_5_and_the_cause_is_named() {
    // A socket that takes everything and says nothing, as a firewall does.
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let peer = format!("alice@{}", silent.local_addr().expect("bound"));
    let arguments = ["--name", "bob", "--peer", &peer, "--timeout", "10s"];
    Profile::new().run(&arguments, "hi\n").exits(5).says("neither over UDP nor over TCP");
}

#[test]
fn a_peer_that_is_there_and_cannot_be_reached_straight_is_6_and_lines_for_it_are_kept() {
    let server = Server::start();
    let address = server.address().to_string();
    let (a, b) = (Profile::new(), Profile::new());
    // She takes part in no straight path, and he sends text over no other.
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address, "--relay-only"]);
    alice.hears("You are alice@");
    let peer = format!("alice@{address}");
    let to_alice = ["--name", "bob", "--peer", &peer, "--timeout", "3s"];
    let outcome = b.run(&[&to_alice[..], &["--direct-only"]].concat(), "not over the relay\n");
    outcome.exits(6).says("1 line is not delivered yet");
    // It is kept, and goes out as soon as it may take the path that there is.
    b.run(&["--peer", "alice"], "now it may\n").exits(0);
    for text in ["not over the relay", "now it may"] {
        let line = alice.line();
        assert!(line.ends_with(&format!("\t{text}")), "{line:?}");
    }
}

#[test]
fn a_name_of_somebody_else_is_8() {
    let server = Server::start();
    let address = server.address().to_string();
    Profile::new().register("alice", &address);
    let arguments = ["--name", "alice", "--rendezvous", &address, "--peer", "bob"];
    Profile::new().run(&arguments, "hi\n").exits(8).says("belongs to somebody else");
}

#[test]
fn another_key_behind_a_known_name_is_7_and_nothing_is_sent() {
    let (old, new, bob) = (Profile::new(), Profile::new(), Profile::new());
    let server = Server::start();
    let address = server.address();
    let alice = ["--name", "alice", "--rendezvous", &address.to_string()];
    let peer = format!("alice@{address}");
    let to_alice = ["--name", "bob", "--peer", &peer];
    let mut first = old.start(&alice);
    first.hears("You are alice@");
    bob.run(&to_alice, "hello\n").exits(0);
    first.end_input();
    first.outcome().exits(0);
    // The server loses its names, as after a fire, and somebody else takes this one.
    drop(server);
    let _server = Server::at(address, 1);
    let mut impostor = new.start(&alice);
    impostor.hears("You are alice@");
    bob.run(&to_alice, "a secret\n").exits(7).says("STOP: alice@");
    bob.run(&["send", "--to", "alice", "a secret"], "").exits(7).says("STOP: alice@");
    bob.run(&["ask", "alice", "a secret?"], "").exits(107).says("STOP: alice@");
    impostor.end_input();
    assert_eq!(impostor.outcome().out, Vec::<String>::new());
}

#[test]
fn another_key_of_the_rendezvous_is_7_until_a_person_says_so() {
    let bob = Profile::new();
    let server = Server::start();
    let address = server.address();
    bob.register("bob", &address.to_string());
    drop(server);
    let server = Server::at(address, 2);
    bob.run(&["--peer", "alice"], "hi\n").exits(7).says("STOP: the rendezvous has another key");
    let believed = format!("{address}#{}", server.key());
    let mut second = bob.start(&["--rendezvous", &believed]);
    second.hears("You are bob@");
}

#[test]
fn one_process_at_a_time_changes_a_profile() {
    let server = Server::start();
    let profile = Profile::new();
    let address = server.address().to_string();
    let arguments = ["--name", "bob", "--rendezvous", &address];
    let mut first = profile.start(&arguments);
    first.hears("You are bob@");
    profile.run(&["history", "keep", "90d"], "").exits(8).says("p2pchat: ");
    // Looking is allowed.
    profile.run(&["contacts"], "").exits(0);
}

/// A rendezvous of another version: it greets everybody and understands nobody.
fn server_of_version(version: u8) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("bound").to_string();
    // It ends with the tests: nobody else ever sends to it.
    thread::spawn(move || {
        let server = Identity::from_seed([1; 32]).id().0;
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Ok(Datagram::Hello(hello)) = Datagram::parse(&buffer[..length]) {
                let challenge = Challenge {
                    version,
                    nonce: hello.nonce,
                    cookie: [7; 16],
                    server,
                    time_ms: None,
                }
                .encode();
                let _ = socket.send_to(&challenge, from);
            }
        }
    });
    address
}

#[test]
fn a_rendezvous_of_another_version_is_9_and_who_must_be_updated_is_said() {
    for (version, who) in [(VERSION + 1, "This program"), (VERSION - 1, "The server")] {
        let peer = format!("alice@{}", server_of_version(version));
        let outcome = Profile::new().run(&["--name", "bob", "--peer", &peer], "hi\n").exits(9);
        let outcome = outcome.says(&format!("speaks version {version} of the protocol"));
        outcome.says(&format!("{who} must be updated"));
    }
}

#[test]
fn a_rendezvous_of_another_version_has_a_word_that_programs_can_compare() {
    let rendezvous = server_of_version(VERSION + 1);
    let profile = Profile::new();
    let mut bob = profile.start(&["--json", "--name", "bob", "--rendezvous", &rendezvous]);
    bob.object(&json!({"type": "error", "code": "version-mismatch"}));
    bob.outcome().exits(9);
}
