//! What scripts say in rooms and nobody gets.

use serde_json::{Value, json};

use super::program::{Outcome, Profile, Program};
use super::server::Server;

/// Long enough to be told by the server and by those who are there.
const TIMEOUT: &str = "8s";

/// Somebody new, who does one thing.
fn newcomer(server: &Server, name: &str, rest: &[&str]) -> (Profile, Program) {
    let (profile, address) = (Profile::new(), server.address().to_string());
    let who = ["--name", name, "--rendezvous", &address, "--timeout", TIMEOUT];
    let program = profile.start(&[&who, rest].concat());
    (profile, program)
}

/// Alice, who has made a room and is in it.
fn alice_in(server: &Server, room: &str) -> (Profile, Program) {
    let (profile, mut alice) = newcomer(server, "alice", &["--json"]);
    alice.say(&json!({"type": "command", "line": format!("/join {room}")}).to_string());
    alice.object(&json!({"type": "room", "event": "made"}));
    (profile, alice)
}

fn objects(outcome: &Outcome) -> Vec<Value> {
    outcome.out.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_line_of_somebody_who_is_not_let_in_is_refused_and_nobody_takes_it_for_sent() {
    let server = Server::start();
    let (_profile, _alice) = alice_in(&server, "club invited");
    let send = ["send", "--to", "#club", "let me in"];
    let (_a, plain) = newcomer(&server, "bob", &send);
    let (_b, json) = newcomer(&server, "carol", &[&["--json"], &send[..]].concat());
    let (_c, mut pipe) = newcomer(&server, "dave", &["--room", "club"]);
    pipe.say("let me in");
    pipe.end_input();
    for program in [plain, pipe] {
        let outcome = program.outcome().exits(8);
        outcome.says(
            "Not sent: You were not let into #club: only those may whom a member has invited",
        );
    }
    let outcome = json.outcome().exits(8);
    let told = objects(&outcome);
    let failed = told.iter().find(|one| one["state"] == "failed").expect("a status");
    assert!(failed["reason"].as_str().expect("a reason").contains("You were not let into #club"));
}

#[test]
fn a_line_that_nobody_has_but_us_is_kept_and_the_exit_code_says_so() {
    let server = Server::start();
    let (_profile, mut alice) = alice_in(&server, "tea");
    let (bob, program) = newcomer(&server, "bob", &["send", "--to", "#tea", "hello"]);
    let outcome = program.outcome().exits(0);
    assert_eq!((outcome.out.len(), outcome.err.len()), (0, 0), "{outcome:#?}");
    alice.object(&json!({"type": "message", "text": "hello"}));
    alice.say(r#"{"type":"quit"}"#);
    alice.outcome().exits(0);
    let send = ["--timeout", TIMEOUT, "send", "--to", "#tea", "anyone?"];
    bob.run(&send, "").exits(4).says("1 line is not delivered yet. It is kept on this computer");
    let outcome = bob.run(&[&["--json"], &send[..]].concat(), "").exits(4);
    let told = objects(&outcome);
    assert!(told.contains(&json!({"type": "leaving", "undelivered": 1})), "{told:#?}");
    assert!(told.iter().any(|one| one["state"] == "queued"), "{told:#?}");
}

#[test]
fn a_script_makes_no_room_of_a_name_that_was_mistyped() {
    let server = Server::start();
    let (profile, mut alice) = alice_in(&server, "tea");
    let (bob, sends) = newcomer(&server, "bob", &["send", "--to", "#taa", "hello"]);
    let no_room = "There is no room #taa; p2pchat --room taa makes it.";
    let outcome = sends.outcome().exits(3);
    assert_eq!(outcome.says(no_room).err.len(), 1);
    let wait = ["--timeout", "60s"];
    for (rest, code) in [
        (&["recv", "--from", "#taa"][..], 3),
        (&["follow", "--with", "#taa"], 3),
        (&["ask", "#taa", "hello?"], 103),
    ] {
        bob.run(&[&wait, rest].concat(), "").exits(code).says(no_room);
    }
    // Nor does one that joins a chat which runs.
    let outcome = profile.run(&["--json", "send", "--to", "#taa", "hello"], "").exits(3);
    // It may be known before the line is read.
    let last = objects(&outcome).pop().expect("a status or an error");
    assert!(last["reason"] == no_room || last["message"] == no_room, "{last}");
    alice.say(r#"{"type":"command","line":"/rooms"}"#);
    alice.object(&json!({"type": "room", "event": "summary"}));
    // Nothing was made by all this.
    let mut carol = newcomer(&server, "carol", &["--json", "--room", "taa"]).1;
    carol.object(&json!({"type": "room", "event": "made"}));
    // A script goes into one that is there.
    bob.run(&[&wait, &["send", "--to", "#taa", "hello"][..]].concat(), "").exits(0);
    carol.object(&json!({"type": "message", "text": "hello"}));
}

#[test]
fn a_program_hears_that_its_line_waits_to_be_let_in_and_when_it_is_said_or_never_will_be() {
    let server = Server::start();
    let (_profile, mut alice) = alice_in(&server, "club invited");
    let (bob, mut program) = newcomer(&server, "bob", &["--json", "--room", "club"]);
    program.object(&json!({"type": "room", "event": "not-admitted"}));
    let send =
        |text: &str| json!({"type": "send", "to": "#club", "text": text, "ref": text}).to_string();
    program.say(&send("one"));
    let to = format!("#club@{}", server.address());
    let waits = program.object(&json!({"type": "status", "ref": "one", "to": to}));
    assert_eq!(waits["state"], "waiting");
    program.say(r#"{"type":"quit"}"#);
    let failed = program.object(&json!({"type": "status", "ref": "one", "state": "failed"}));
    assert_eq!(failed["id"], waits["id"]);
    program.outcome().exits(0);

    let mut program = bob.start(&["--json", "--room", "club"]);
    program.object(&json!({"type": "room", "event": "not-admitted"}));
    program.say(&send("two"));
    program.object(&json!({"type": "status", "ref": "two", "state": "waiting"}));
    // Who is to be invited is a contact.
    program.say(r#"{"type":"send","to":"alice","text":"let me in"}"#);
    alice.object(&json!({"type": "message", "text": "let me in"}));
    alice.say(r##"{"type":"command","line":"/invite #club bob"}"##);
    program.object(&json!({"type": "status", "ref": "two", "state": "delivered"}));
    let said = alice.object(&json!({"type": "message", "room": to}));
    assert_eq!(said["text"], "two");
}
