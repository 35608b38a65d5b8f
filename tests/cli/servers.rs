//! Several rendezvous servers at once.

use std::thread;
use std::time::Duration;

use serde_json::json;

use super::program::{Profile, Program};
use super::server::Server;

/// Starts somebody who uses both servers.
fn start(profile: &Profile, name: &str, servers: [&Server; 2], more: &[&str]) -> Program {
    let hosts = servers.map(|server| server.address().to_string());
    let both = ["--name", name, "--rendezvous", &hosts[0], "--rendezvous", &hosts[1]];
    profile.start(&[&both[..], more].concat())
}

#[test]
fn one_of_two_servers_may_die_in_the_middle_of_a_relayed_chat() {
    let (one, two) = (Server::start(), Server::another(2));
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = start(&a, "alice", [&one, &two], &["--json", "--relay-only"]);
    let ready = json!({"type": "ready", "name": "alice"});
    let mut ready = [alice.object(&ready), alice.object(&ready)].map(|at| at["rendezvous"].clone());
    ready.sort_by_key(ToString::to_string);
    let mut both = [&one, &two].map(|server| json!(server.address().to_string()));
    both.sort_by_key(ToString::to_string);
    assert_eq!(ready, both);
    let mut bob = start(&b, "bob", [&one, &two], &["--relay-only", "--peer", "alice"]);
    bob.say("before");
    alice.object(&json!({"type": "message", "text": "before"}));
    // The second relay is there a moment after the first word.
    thread::sleep(Duration::from_secs(3));
    let dead = one.address().to_string();
    drop(one);
    for number in 0..20 {
        bob.say(&number.to_string());
        thread::sleep(Duration::from_millis(50));
    }
    for number in 0..20 {
        let heard = alice.object(&json!({"type": "message"}));
        assert_eq!(heard["text"], number.to_string());
        assert_eq!(heard["from"], format!("bob@{dead}"), "he is still who he was");
    }
    bob.end_input();
    bob.outcome().exits(0);
    // The list is remembered, and whose key is known is called at the other server.
    let again = ["--relay-only", "--peer", "alice", "--timeout", "20s"];
    b.run(&again, "after\n").exits(0);
    alice.object(&json!({"type": "message", "text": "after"}));
    let trouble = json!({"type": "error", "code": "rendezvous-unreachable", "rendezvous": dead});
    alice.object(&trouble);
}

#[test]
fn the_same_name_at_two_servers_is_two_people_and_a_name_alone_is_not_guessed() {
    let (one, two) = (Server::start(), Server::another(2));
    let (a, c, b) = (Profile::new(), Profile::new(), Profile::new());
    let hosts = [&one, &two].map(|server| server.address().to_string());
    let mut alices = [(&a, &hosts[0]), (&c, &hosts[1])].map(|(profile, host)| {
        let mut alice = profile.start(&["--name", "alice", "--rendezvous", host]);
        alice.hears("You are alice@");
        alice
    });
    let mut bob = start(&b, "bob", [&one, &two], &[]);
    for (host, alice) in hosts.iter().zip(&mut alices) {
        bob.say(&format!("/msg alice@{host} to the one at {host}"));
        assert!(alice.line().ends_with(&format!("\tto the one at {host}")));
        alice.say("hello");
        let from = format!("\talice@{host}\thello");
        assert!(bob.line().ends_with(&from), "{from}");
    }
    bob.say("/msg alice which of you?");
    bob.hears(&format!(
        "You know alice@{} and alice@{}. Say which one you mean",
        hosts[0], hosts[1]
    ));
    bob.end_input();
    bob.outcome().exits(0);
    let id = b.run(&["id"], "").exits(0);
    for host in &hosts {
        assert!(id.out.contains(&format!("rendezvous  {host}")), "{id:?}");
    }
}

#[test]
fn the_same_server_named_twice_is_said_and_used_once() {
    let server = Server::start();
    let port = server.address().port();
    let profile = Profile::new();
    let (one, two) = (format!("127.0.0.1:{port}"), format!("localhost:{port}"));
    let both = ["--name", "bob", "--rendezvous", &one, "--rendezvous", &two];
    let mut bob = profile.start(&both);
    bob.hears("is the same server as");
}
