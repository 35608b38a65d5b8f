//! The bot in `examples/`, as somebody would start it.

use std::io::Write as _;
use std::process::Command;

use serde_json::json;

use super::program::{Profile, Program};
use super::server::Server;

/// The bot, if there is a python3.
fn bot(profile: &Profile, address: &str, more: &[&str]) -> Option<Program> {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|outcome| outcome.status.success()) {
        // Written past the harness, which would keep it to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: there is no python3, so examples/echo_bot.py was not tried"
        );
        return None;
    }
    let arguments = [&["--name", "echo", "--rendezvous", address], more].concat();
    let mut prepared = profile.command(&arguments);
    let program = prepared.get_program().to_owned();
    let arguments: Vec<_> = prepared.get_args().map(ToOwned::to_owned).collect();
    let mut command = Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/echo_bot.py")).args(arguments);
    for (variable, value) in prepared.env_remove("P2PCHAT").get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    command.env("P2PCHAT", program);
    let mut bot = Program::start(command);
    bot.hears(&format!("echo@{address}"));
    Some(bot)
}

#[test]
fn the_bot_answers_each_message_with_the_same() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let address = server.address().to_string();
    let Some(bot) = bot(&b, &address, &[]) else { return };
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address, "--peer", "echo"]);
    for line in ["hello", "你好 \\ \" '"] {
        alice.say(line);
        let answer = alice.line();
        let answer = answer.rsplit('\t').next().unwrap_or_default();
        assert_eq!(answer.replace("\\\\", "\\"), line);
    }
    alice.say("/quit");
    alice.outcome().exits(0);
    // Ctrl+C is for the whole group of a shell; here the chat ends with its input.
    drop(bot);
}

#[test]
fn what_is_said_in_a_room_the_bot_answers_there() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let address = server.address().to_string();
    let arguments = ["--json", "--name", "alice", "--rendezvous", &address, "--room", "tea"];
    let mut alice = a.start(&arguments);
    alice.object(&json!({"type": "room", "event": "made"}));
    let Some(_bot) = bot(&b, &address, &["--room", "tea"]) else { return };
    alice.object(&json!({"type": "room", "event": "here", "members": 2, "connected": 2}));
    alice.say(r#"{"type":"send","text":"hello"}"#);
    let said = alice.object(&json!({"type": "written", "text": "hello"}));
    let answer = alice.object(&json!({"type": "message", "text": "hello"}));
    let (room, from) = (format!("#tea@{address}"), format!("echo@{address}"));
    assert_eq!((&answer["room"], &answer["from"]), (&json!(room), &json!(from)));
    assert_eq!((&answer["manner"], &answer["reply_to"]), (&json!("reply"), &said["id"]));
}
