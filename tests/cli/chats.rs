//! Two people, two programs.

use std::net::UdpSocket;

use serde_json::json;

use super::program::{Profile, Program};
use super::server::Server;

fn start(profile: &Profile, server: &Server, name: &str, more: &[&str]) -> Program {
    let address = server.address().to_string();
    profile.start(&[&["--name", name, "--rendezvous", &address], more].concat())
}

/// The text of a line of plain mode, if it comes from `from`.
fn text<'a>(line: &'a str, from: &str, server: &Server) -> Option<&'a str> {
    let [time, who, text] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else { return None };
    assert!(time.len() == 25 && time.ends_with("+00:00"), "{line:?}");
    (who == format!("{from}@{}", server.address())).then_some(text)
}

#[test]
fn plain_lines_go_both_ways() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, &server, "alice", &[]);
    alice.hears("You are alice@");
    let mut bob = start(&b, &server, "bob", &["--peer", "alice"]);
    bob.say("hello\talice \\ 你好");
    assert_eq!(text(&alice.line(), "bob", &server), Some("hello\\talice \\\\ 你好"));
    // Whoever calls is whom the answer goes to.
    alice.say("hello bob");
    assert_eq!(text(&bob.line(), "alice", &server), Some("hello bob"));
    bob.hears("now direct");
    for program in [&mut alice, &mut bob] {
        program.say("/quit");
    }
    alice.outcome().exits(0);
    bob.outcome().exits(0);
}

#[test]
fn where_udp_is_not_answered_lines_go_over_tcp() {
    // A socket that takes everything and says nothing, as a firewall does.
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let server = Server::over_tcp(silent.local_addr().expect("bound"));
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, &server, "alice", &[]);
    alice.hears("No answer over UDP; TCP works.");
    alice.hears("You are alice@");
    let mut bob = start(&b, &server, "bob", &["--peer", "alice"]);
    bob.say("hello alice");
    assert_eq!(text(&alice.line(), "bob", &server), Some("hello alice"));
    alice.hears("bob is here, over the relay (by TCP)");
    alice.say("hello bob");
    assert_eq!(text(&bob.line(), "alice", &server), Some("hello bob"));
    bob.say("/quit");
    bob.outcome().exits(0);
    // The goodbye came too.
    alice.hears("bob left.");
    alice.say("/quit");
    alice.outcome().exits(0);
}

#[test]
fn piped_lines_are_delivered_before_the_program_ends() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, &server, "alice", &[]);
    alice.hears("You are alice@");
    let lines: Vec<String> = (0..300).map(|n| format!("line {n}")).collect();
    let address = format!("alice@{}#{}", server.address(), server.key());
    b.run(&["--name", "bob", "--peer", &address], &lines.join("\n")).exits(0);
    for line in lines {
        assert_eq!(text(&alice.line(), "bob", &server), Some(&*line));
    }
}

#[test]
fn one_message_from_a_shell() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, &server, "alice", &[]);
    alice.hears("You are alice@");
    let address = format!("alice@{}", server.address());
    b.run(&["send", "--name", "bob", "--to", &address, "the", "build", "is", "green"], "").exits(0);
    assert_eq!(text(&alice.line(), "bob", &server), Some("the build is green"));
    // Name and rendezvous are remembered; what looks like a command is text.
    b.run(&["send", "--to", "alice", "/quit"], "").exits(0);
    assert_eq!(text(&alice.line(), "bob", &server), Some("/quit"));
}

#[test]
fn the_environment_names_person_and_profile_and_sent_is_enough_if_asked() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, &server, "alice", &["--bind", "127.0.0.1:0"]);
    alice.hears("You are alice@");
    let address = format!("alice@{}", server.address());
    let mut command = b.command(&["--peer", &address, "--wait", "sent"]);
    command.env("P2PCHAT_NAME", "Bob");
    let mut bob = Program::start(command);
    bob.say("hello");
    bob.end_input();
    bob.outcome().exits(0).says("You are bob@");
    // It has left bob's computer, and no more was asked: over a faster path his goodbye may overtake it. Then it
    // comes when he is back, and once in either case.
    let _bob = start(&b, &server, "bob", &["--peer", &address]);
    assert_eq!(text(&alice.line(), "bob", &server), Some("hello"));
}

#[test]
fn json_tells_every_step_in_its_order() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, &server, "alice", &["--json"]);
    let ready = alice.object(&json!({"type": "ready", "name": "alice"}));
    assert_eq!(ready["rendezvous"], server.address().to_string());
    let mut bob = start(&b, &server, "bob", &["--json", "--peer", "alice"]);
    bob.object(&json!({"type": "ready", "name": "bob"}));
    let peer = format!("alice@{}", server.address());
    let connected = bob.object(&json!({"type": "peer", "peer": peer, "state": "connected"}));
    assert!(["relay", "direct", "lan"].map(|path| json!(path)).contains(&connected["path"]));
    bob.say(r#"{"type":"send","text":"hi\u001b[31m","ref":"r1","unknown":1}"#);
    let queued = bob.object(&json!({"type": "status", "ref": "r1", "state": "queued"}));
    bob.object(&json!({"type": "status", "id": queued["id"], "state": "sent"}));
    bob.object(&json!({"type": "status", "id": queued["id"], "ref": "r1", "state": "delivered"}));
    let message = alice.object(&json!({"type": "message"}));
    assert_eq!(message["id"], queued["id"]);
    assert_eq!(message["from"], format!("bob@{}", server.address()));
    assert_eq!(message["text"], "hi\u{1b}[31m");
    for time in ["sent_at", "received_at"] {
        assert!(message[time].as_str().is_some_and(|time| time.ends_with('Z')), "{message}");
    }
    bob.say("nonsense");
    bob.object(&json!({"type": "error", "code": "bad-input"}));
    bob.say(r#"{"type":"send","to":"a b","text":"x","ref":"r2"}"#);
    bob.object(&json!({"type": "status", "ref": "r2", "state": "failed"}));
    bob.say(r#"{"type":"command","line":"/wo"}"#);
    bob.object(&json!({"type": "error", "code": "unknown-command"}));
    bob.say(r#"{"type":"command","line":"/who"}"#);
    assert_eq!(bob.object(&json!({"type": "who"}))["peers"][0]["peer"], peer);
    bob.say(r#"{"type":"quit"}"#);
    bob.outcome().exits(0);
    alice.object(&json!({"type": "peer", "state": "offline"}));
    alice.end_input();
    alice.outcome().exits(0);
}

#[test]
fn what_waits_for_somebody_arrives_when_both_are_there() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let address = server.address().to_string();
    a.register("alice", &address);
    let bob = ["--name", "bob", "--rendezvous", &address, "--peer", "alice", "--timeout", "1s"];
    b.run(&bob, "first\nsecond\n").exits(4).says("alice is offline");
    let mut alice = start(&a, &server, "alice", &[]);
    // Nobody has to type anything again, nor even to open the conversation.
    let mut bob = start(&b, &server, "bob", &["--json"]);
    assert_eq!(text(&alice.line(), "bob", &server), Some("first"));
    assert_eq!(text(&alice.line(), "bob", &server), Some("second"));
    bob.object(&json!({"type": "status", "state": "delivered"}));
    bob.object(&json!({"type": "status", "state": "delivered"}));
}

#[test]
fn no_text_of_a_stranger_moves_the_cursor() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, &server, "alice", &[]);
    alice.hears("You are alice@");
    let mut bob = start(&b, &server, "bob", &["--json", "--peer", "alice"]);
    bob.say(r#"{"type":"send","text":"a\u001b]52;c;eA==\u0007\r\u009b2J\u202eb\n1970\tbob\tc"}"#);
    let line = alice.line();
    let text = text(&line, "bob", &server).expect("from bob");
    assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
    assert!(text.ends_with("b\\n1970\\tbob\\tc"), "{text:?}");
}

#[test]
fn a_pipe_that_nobody_reads_ends_the_program_quietly() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, &server, "alice", &[]);
    alice.hears("You are alice@");
    let mut bob = start(&b, &server, "bob", &["--peer", "alice"]);
    bob.say("one");
    alice.line();
    alice.close_output();
    // The reader ends with this line, the program with one of the next.
    let mut sent = 0;
    while sent < 200 && alice.is_running() {
        bob.say("more");
        sent += 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let outcome = alice.outcome().exits(0);
    assert!(!outcome.err.iter().any(|line| line.contains("panicked")), "{outcome:#?}");
}

#[cfg(unix)]
#[test]
fn a_request_of_the_system_ends_it_with_a_goodbye() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, &server, "alice", &[]);
    alice.hears("You are alice@");
    let mut bob = start(&b, &server, "bob", &["--peer", "alice"]);
    bob.hears("alice is here");
    let kill = std::process::Command::new("kill").arg(alice.id().to_string()).status();
    assert!(kill.is_ok_and(|status| status.success()));
    alice.outcome().exits(0);
    bob.hears("alice left");
}

#[test]
fn a_rendezvous_can_live_in_the_same_process() {
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = a.start(&["--name", "alice", "--serve", "127.0.0.1:0"]);
    let sentence = alice.hears("A rendezvous runs in this process");
    let (_, rest) = sentence.split_once("HOST:").expect("the address to hand out");
    let (address, _) = rest.split_once(' ').expect("a word");
    alice.hears("You are alice@");
    let peer = format!("alice@127.0.0.1:{address}");
    b.run(&["--name", "bob", "--peer", &peer], "hello\n").exits(0);
    assert!(alice.line().ends_with("\thello"));
}
