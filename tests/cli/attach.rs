//! Several programs at the same time, one profile.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::program::{Profile, Program};
use super::server::Server;

/// Alice, who waits for whoever calls.
fn alice(profile: &Profile, server: &Server) -> Program {
    let mut alice = named(profile, server, "alice", &["--plain"]);
    alice.hears("You are alice@");
    alice
}

fn named(profile: &Profile, server: &Server, name: &str, more: &[&str]) -> Program {
    let address = server.address().to_string();
    profile.start(&[&["--name", name, "--rendezvous", &address], more].concat())
}

/// The text of a line of plain mode.
fn text(line: &str) -> String {
    line.rsplit('\t').next().unwrap_or_default().to_owned()
}

/// How often each text comes to a person, until `count` lines have come.
fn heard(person: &mut Program, count: usize) -> BTreeMap<String, usize> {
    let mut heard = BTreeMap::new();
    for _ in 0..count {
        *heard.entry(text(&person.line())).or_default() += 1;
    }
    heard
}

/// Ten scripts of `bob`'s, each with lines of its own for alice: half of them pipe lines in, half
/// send one.
fn ten_scripts(bob: &Profile) -> Vec<String> {
    let mut scripts = Vec::new();
    let mut lines = Vec::new();
    for script in 0..10 {
        if script % 2 == 0 {
            let own: Vec<String> = (0..20).map(|n| format!("script {script} line {n}")).collect();
            let mut program = bob.start(&["--peer", "alice", "--timeout", "60s"]);
            program.say_raw(&(own.join("\n") + "\n"));
            program.end_input();
            scripts.push(program);
            lines.extend(own);
        } else {
            let own = format!("script {script} says this");
            let arguments = ["send", "--to", "alice", "--timeout", "60s", &own];
            scripts.push(bob.start(&arguments));
            lines.push(own);
        }
    }
    for script in scripts {
        script.outcome().exits(0);
    }
    lines
}

#[test]
fn ten_scripts_at_once_through_a_running_chat_lose_nothing() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = alice(&a, &server);
    let mut bob = named(&b, &server, "bob", &["--peer", "alice"]);
    bob.hears("bob@");
    let lines = ten_scripts(&b);
    let heard = heard(&mut alice, lines.len());
    assert!(lines.iter().all(|line| heard.get(line) == Some(&1)), "{heard:#?}");
    bob.say("/quit");
    bob.outcome().exits(0);
    alice.say("/quit");
    let alice = alice.outcome().exits(0);
    let left = alice.err.iter().filter(|line| line.contains("bob left")).count();
    assert_eq!(left, 1, "{:#?}", alice.err);
}

#[test]
fn ten_scripts_at_once_without_a_chat_lose_nothing_either() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = alice(&a, &server);
    b.register("bob", &server.address().to_string());
    let lines = ten_scripts(&b);
    let heard = heard(&mut alice, lines.len());
    assert!(lines.iter().all(|line| heard.get(line) == Some(&1)), "{heard:#?}");
    alice.say("/quit");
    assert_eq!(alice.outcome().exits(0).out.len(), lines.len());
}

#[test]
fn two_programs_show_the_same_chat_and_each_has_its_own_answers() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = alice(&a, &server);
    let mut first = named(&b, &server, "bob", &["--json", "--peer", "alice"]);
    first.object(&json!({"type": "ready", "name": "bob"}));
    let mut second = b.start(&["--json", "--peer", "alice"]);
    second.object(&json!({"type": "ready", "name": "bob"}));
    // Both call their lines the same, and each hears of its own under that name.
    for (program, line) in [(&mut first, "one"), (&mut second, "two")] {
        program.say(&json!({"type": "send", "text": line, "ref": "r"}).to_string());
    }
    for program in [&mut first, &mut second] {
        let own = program.object(&json!({"type": "status", "ref": "r", "state": "delivered"}));
        assert!(own["id"].is_string());
        program.say(&json!({"type": "command", "line": "/id"}).to_string());
        program.object(&json!({"type": "id", "name": "bob"}));
    }
    assert_eq!(heard(&mut alice, 2), [("one".to_owned(), 1), ("two".to_owned(), 1)].into());
    alice.say("to both of you");
    for program in [&mut first, &mut second] {
        program.object(&json!({"type": "message", "text": "to both of you"}));
    }
    // Before bob goes, or his last confirmation may be lost.
    alice.end_input();
    alice.outcome().exits(0);
    for program in [&mut first, &mut second] {
        program.say(&json!({"type": "quit"}).to_string());
    }
    let outcomes = [second.outcome().exits(0), first.outcome().exits(0)];
    for outcome in outcomes {
        let named = |line: &&String| line.contains("\"ref\":\"r\"");
        let delivered = |line: &&String| line.contains("\"delivered\"") && named(line);
        assert_eq!(outcome.out.iter().filter(delivered).count(), 1, "{outcome:#?}");
        assert_eq!(outcome.out.iter().filter(|line| line.contains("\"type\":\"id\"")).count(), 1);
    }
}

#[test]
fn whoever_is_attached_goes_on_when_the_first_leaves() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = alice(&a, &server);
    let mut first = named(&b, &server, "bob", &["--peer", "alice"]);
    first.hears("You are bob@");
    let mut second = b.start(&["--peer", "alice"]);
    second.say("before");
    assert_eq!(text(&alice.line()), "before");
    first.say("/quit");
    first.outcome().exits(0);
    second.say("after");
    assert_eq!(text(&alice.line()), "after");
    // Now it has the profile itself, and others attach to it.
    let mut third = b.start(&["--peer", "alice"]);
    third.say("and a third");
    assert_eq!(text(&alice.line()), "and a third");
    third.end_input();
    third.outcome().exits(0);
    second.end_input();
    second.outcome().exits(0);
}

#[test]
fn a_chat_that_is_killed_is_missed_and_in_nobodys_way() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = alice(&a, &server);
    let mut first = named(&b, &server, "bob", &["--peer", "alice"]);
    first.hears("You are bob@");
    let mut second = b.start(&["--peer", "alice"]);
    second.say("before");
    assert_eq!(text(&alice.line()), "before");
    drop(first);
    second.outcome().exits(1).says("has ended without a word");
    b.run(&["send", "--to", "alice", "after"], "").exits(0);
    assert_eq!(text(&alice.line()), "after");
}

#[test]
fn paths_are_those_of_the_program_that_names_them() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = alice(&a, &server);
    let mut first = named(&b, &server, "bob", &["--peer", "alice"]);
    first.say("hello");
    assert_eq!(text(&alice.line()), "hello");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = b.command(&["--peer", "alice"]);
    command.current_dir(folder.path());
    let mut second = Program::start(command);
    second.say("/export said.txt");
    second.hears("said.txt");
    let written = fs::read_to_string(folder.path().join("said.txt")).expect("it is there");
    assert!(written.contains("hello"), "{written}");
}

#[test]
fn a_profile_in_use_keeps_its_name() {
    let server = Server::start();
    let b = Profile::new();
    let mut first = named(&b, &server, "bob", &[]);
    first.hears("You are bob@");
    b.run(&["--name", "eve"], "").exits(2).says("is called bob");
    b.run(&["--name", "bob"], "").exits(0);
    assert!(first.is_running());
}

#[test]
fn who_attaches_to_a_sealed_profile_is_not_asked_for_its_passphrase() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = alice(&a, &server);
    b.register("bob", &server.address().to_string());
    let secret = tempfile::NamedTempFile::new().expect("a file");
    fs::write(secret.path(), "correct horse battery\n").expect("writes");
    let file = secret.path().to_str().expect("text");
    b.run(&["passphrase", "set", "--from", file], "").exits(0);
    let mut command = b.command(&["--peer", "alice"]);
    command.env("P2PCHAT_PASSPHRASE_FILE", file);
    let mut first = Program::start(command);
    first.hears("You are bob@");
    b.run(&["send", "--to", "alice", "without a word of it"], "").exits(0);
    assert_eq!(text(&alice.line()), "without a word of it");
    drop(first);
    b.run(&["send", "--to", "alice", "hello"], "").exits(8).says("sealed");
}

/// A greeting as a guest of this version writes it, with another face.
fn hello(more: &Value) -> String {
    let mut hello = json!({
        "type": "hello", "version": 8, "face": "plain", "name": null, "peer": null, "given": [], "wait": null,
        "language": "en", "directory": "/", "zone": null, "colour": false, "columns": null,
    });
    for (field, value) in more.as_object().expect("an object") {
        hello[field] = value.clone();
    }
    hello.to_string() + "\n"
}

#[test]
fn whatever_is_said_to_the_socket_the_chat_goes_on() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = alice(&a, &server);
    let mut bob = named(&b, &server, "bob", &["--peer", "alice"]);
    bob.hears("You are bob@");
    let says = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(b.path().join("socket")).expect("a holder");
        // It may hang up before everything is written.
        let _ = stream.write_all(bytes);
        stream
    };
    let odd = json!({
        "zone": "../../etc/passwd", "columns": u64::MAX, "language": "\u{1b}]", "face": "line",
        "peer": "\u{1b}[2J@\u{202e}",
    });
    let greeting = hello(&odd);
    let mut open = Vec::new();
    for bytes in [
        &b"\xff\xfe\0\n"[..],
        b"{\"type\":\"quit\"}\n",
        &vec![b'['; 100_000],
        &vec![b'x'; 5 << 20],
        greeting.as_bytes(),
        (greeting.clone() + &greeting).as_bytes(),
        (hello(&json!({})) + "{\"type\":\"shown\",\"from\":\"@\",\"id\":\"\"}\n").as_bytes(),
        (hello(&json!({})) + "{\"type\":\"opened\",\"link\":\"x\"}\n{\"type\":\"text\"").as_bytes(),
        (hello(&json!({ "face": "json" })) + "{\"type\":\"line\",\"text\":\"[[[\"}\n").as_bytes(),
    ] {
        open.push(says(bytes));
    }
    // Another version is told so, also if this one cannot read the rest of what it says.
    for face in [json!("plain"), json!({ "script": { "task": { "task": "dance" } } })] {
        let mut other = says(hello(&json!({ "version": 9, "face": face })).as_bytes());
        let mut answer = String::new();
        other.read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains("\"version\""), "{answer}");
    }
    // No more than so many at once, and there is room again when they go.
    open.extend((0..64).map(|_| says(hello(&json!({})).as_bytes())));
    b.run(&["send", "--to", "alice", "too many"], "").exits(1).says("64 programs have joined");
    drop(open);
    while b.run(&["send", "--to", "alice", "again"], "").code != Some(0) {}
    assert_eq!(text(&alice.line()), "again");
    bob.say("and bob is here");
    assert_eq!(text(&alice.line()), "and bob is here");
}

#[test]
fn whoever_joins_is_told_that_the_server_is_not_reached() {
    let b = Profile::new();
    let mut first = b.start(&["--json", "--name", "bob", "--rendezvous", "nowhere.invalid"]);
    let error = json!({"type": "error", "code": "rendezvous-unreachable"});
    first.object(&error);
    b.start(&["--json"]).object(&error);
    let mut plain = b.start(&["--plain"]);
    plain.hears("nowhere.invalid");
    plain.say("/id");
    plain.hears("You are bob@");
    plain.hears("cannot be reached");
    let status = b.run(&["status", "--json"], "").exits(0);
    let status: Value = serde_json::from_str(&status.out[0]).expect("JSON");
    let server = &status["servers"][0];
    assert_eq!((&server["registered"], &server["code"]), (&json!(false), &error["code"]));
    let sentence = server["message"].as_str().expect("a sentence");
    assert!(sentence.contains("nowhere.invalid"), "{sentence}");
    let status = b.run(&["status"], "").exits(0);
    assert!(status.out.iter().any(|line| line.contains(sentence)), "{status:#?}");
}
