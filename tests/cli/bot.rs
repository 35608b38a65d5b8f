//! The bot in `examples/`, as somebody would start it.

use std::io::Write as _;
use std::process::Command;

use super::program::{Profile, Program};
use super::server::Server;

#[test]
fn the_bot_answers_each_message_with_the_same() {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|outcome| outcome.status.success()) {
        // Written past the harness, which would keep it to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: there is no python3, so examples/echo_bot.py was not tried"
        );
        return;
    }
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let address = server.address().to_string();
    let mut prepared = b.command(&["--name", "echo", "--rendezvous", &address]);
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
