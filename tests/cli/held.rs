//! What a chat promises to those who have joined it, and what it does not.

use serde_json::{Value, json};

use super::program::{Outcome, Profile, Program};
use super::server::Server;

/// Alice, who waits for whoever calls, and bob, who calls her.
fn two(server: &Server, a: &Profile, b: &Profile, bobs: &[&str]) -> [Program; 2] {
    let address = server.address().to_string();
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    let bob = ["--name", "bob", "--rendezvous", &address, "--peer", "alice"];
    let mut bob = b.start(&[&bob, bobs].concat());
    bob.hears("You are bob@");
    [alice, bob]
}

/// How many of its lines a script was told are kept, `said` being all that it said.
fn confirmed(outcome: &Outcome, said: usize) -> usize {
    if outcome.code == Some(0) {
        return said;
    }
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let told = [&outcome.err[..], &outcome.out[..]].concat();
    let told = told.iter().find(|line| line.contains("has ended without a word"));
    let told = told.unwrap_or_else(|| panic!("{outcome:#?}"));
    if told.contains("The first line") {
        return 1;
    }
    let count = told.split("The first ").nth(1).and_then(|rest| rest.split(' ').next());
    count.map_or(0, |count| count.parse().expect("a number"))
}

#[test]
fn what_a_chat_has_confirmed_is_kept_even_if_it_is_killed() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let [mut alice, bob] = two(&server, &a, &b, &[]);
    let mut scripts = Vec::new();
    for script in 0..10 {
        let lines: Vec<String> = match script % 3 {
            0 => vec![format!("script {script} says this")],
            _ => (0..200).map(|n| format!("script {script} line {n}")).collect(),
        };
        let mut program = match script % 3 {
            0 => b.start(&["send", "--to", "alice", &lines[0]]),
            1 => b.start(&["--peer", "alice"]),
            _ => b.start(&["--json", "--peer", "alice"]),
        };
        for line in &lines {
            match script % 3 {
                0 => {}
                1 => program.say(line),
                _ => program.say(&json!({"type": "send", "text": line, "ref": line}).to_string()),
            }
        }
        program.end_input();
        scripts.push((program, lines));
    }
    for _ in 0..50 {
        alice.line();
    }
    // One has been told of a line of its own, too, at least.
    let first = scripts[2].1[0].clone();
    scripts[2].0.object(&json!({"type": "status", "state": "queued", "ref": first}));
    drop(bob);
    let mut kept = Vec::new();
    for (program, lines) in scripts {
        let outcome = program.outcome();
        kept.extend(lines[..confirmed(&outcome, lines.len())].to_vec());
        // A line that was said to be on the disk is there, too.
        for line in &outcome.out {
            let object: Value = serde_json::from_str(line).unwrap_or_default();
            let own = object["ref"].as_str().filter(|_| object["state"] == "queued");
            kept.extend(own.map(str::to_owned));
        }
    }
    let history = b.run(&["history", "--json", "-n", "5000"], "").exits(0);
    let history: Vec<Value> =
        history.out.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said = |text: &str| history.iter().filter(|line| line["text"] == text).count();
    assert!(!kept.is_empty());
    for line in &kept {
        assert_eq!(said(line), 1, "{line} of {}", kept.len());
    }
}

#[test]
fn who_joins_and_asks_for_other_options_is_told_which() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let [_alice, mut bob] = two(&server, &a, &b, &["--no-port-mapping"]);
    for (options, lacking) in [
        (&["--relay-only"][..], "--relay-only:"),
        (&["--bind", "127.0.0.1:9", "--no-port-mapping"], "without --bind 127.0.0.1:9:"),
        (&["--serve", "127.0.0.1:0"], "--serve 127.0.0.1:0:"),
        (&["--rendezvous", "other.example"], "--rendezvous other.example:"),
        (&["--strangers", "refuse"], "--strangers refuse:"),
        (&["hold", "--relay-only"], "--relay-only:"),
        (&["send", "--to", "alice", "--direct-only", "hi"], "--direct-only:"),
    ] {
        b.run(options, "").exits(2).says(lacking).says("p2pchat hold --end");
    }
    let told = b.run(&["--json", "--relay-only"], "").exits(2);
    let error: Value = serde_json::from_str(&told.out[0]).expect("JSON");
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("usage")));
    b.run(&["--lang", "zh", "--relay-only"], "").exits(2).says("--relay-only");
    // What holds anyway may be said again, and looking changes nothing.
    let address = server.address().to_string();
    let same = ["--no-port-mapping", "--rendezvous", &address, "--strangers", "accept"];
    b.run(&[&same[..], &["send", "--to", "alice", "hello"]].concat(), "").exits(0);
    b.run(&["hold", "--no-port-mapping"], "").exits(0);
    b.run(&["status", "--relay-only"], "").exits(0);
    assert!(bob.is_running());
}

#[test]
fn a_sealed_chat_is_given_to_another_process_without_its_passphrase() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let address = server.address().to_string();
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    b.register("bob", &address);
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "correct horse battery\n").expect("writes");
    let file = secret.path().to_str().expect("text");
    b.run(&["passphrase", "set", "--from", file], "").exits(0);
    let mut command = b.command(&["--json", "--peer", "alice"]);
    command.env("P2PCHAT_PASSPHRASE_FILE", file);
    let mut bob = Program::start(command);
    bob.object(&json!({"type": "ready", "name": "bob"}));
    drop(secret);
    bob.say(&json!({"type": "send", "text": "before", "ref": "r"}).to_string());
    bob.say(&json!({"type": "command", "line": "/detach"}).to_string());
    bob.object(&json!({"type": "detached"}));
    bob.outcome().exits(0);
    b.run(&["send", "--to", "alice", "after"], "").exits(0);
    assert!(alice.line().ends_with("\tbefore"));
    assert!(alice.line().ends_with("\tafter"));
    b.run(&["hold", "--end"], "").exits(0);
    b.run(&["send", "--to", "alice", "sealed again"], "").exits(8);
    // A demo has no profile that another process could use.
    let mut demo = b.start(&["demo", "--json"]);
    demo.say(&json!({"type": "command", "line": "/detach"}).to_string());
    demo.object(&json!({"type": "error", "code": "not-detached"}));
}

#[test]
fn a_chat_in_the_background_says_why_it_does_not_run() {
    let server = Server::start();
    let address = server.address().to_string();
    let b = Profile::new();
    Profile::new().register("bob", &address);
    let taken = ["hold", "--name", "bob", "--rendezvous", &address];
    for _ in 0..2 {
        b.run(&taken, "").exits(8).says("belongs to somebody else");
    }
    let told = b.run(&[&taken[..], &["--json"]].concat(), "").exits(8);
    let error: Value = serde_json::from_str(&told.out[0]).expect("JSON");
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("name-taken")));
    let other = format!("{address}#{}", Server::another(9).key());
    let other = ["hold", "--name", "eve", "--rendezvous", &other];
    for more in [&[][..], &["--foreground"]] {
        let outcome = Profile::new().run(&[&other[..], more].concat(), "");
        outcome.exits(7).says("has another key than before");
    }
}

#[test]
fn a_chat_in_the_background_says_how_it_stands_when_it_is_started() {
    let server = Server::start();
    let address = server.address().to_string();
    let b = Profile::new();
    let hold = ["hold", "--name", "bob", "--rendezvous"];
    b.run(&[&hold[..], &[&address]].concat(), "").exits(0).says("You are bob@");
    b.run(&["hold"], "").exits(0).says("runs on this profile already");
    let ready = b.run(&["hold", "--json"], "").exits(0);
    let ready: Value = serde_json::from_str(&ready.out[0]).expect("JSON");
    assert_eq!(ready["type"], "ready");
    let ended = b.run(&["hold", "--end"], "").exits(0);
    assert!(ended.err.is_empty(), "{ended:#?}");
    b.run(&["hold", "--end"], "").exits(0).says("No chat runs");
    // Who started it reads no more, and it goes on.
    let c = Profile::new();
    let nowhere = [&hold[..], &["nowhere.invalid", "--json"]].concat();
    let told = c.run(&nowhere, "").exits(0);
    let error: Value = serde_json::from_str(&told.out[0]).expect("JSON");
    assert_eq!(error["code"], "rendezvous-unreachable");
    c.run(&["hold"], "").exits(0).says("nowhere.invalid").says("already");
    c.run(&["hold", "--end"], "").exits(0);
}
