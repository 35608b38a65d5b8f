//! The server goes away and comes back.

use std::time::Duration;

use super::programs::chat::Chat;
use super::street::Street;

const PATIENCE: Duration = Duration::from_secs(10);

/// A peer notices a dead server by its unanswered pings and tries again on its own.
const REGISTERED_AGAIN: Duration = Duration::from_secs(60);

#[test]
fn direct_chats_go_on_without_the_server_and_peers_return_to_it_by_themselves() {
    let street = Street::new();
    let mut server = street.server();
    let mut bob = street.peer("bob");
    report(bob.wait_ready());
    let mut alice = street.caller("alice", "bob");
    report(alice.wait_path(0, &["lan", "direct"], PATIENCE));

    server.kill();
    for number in 0..20 {
        let text = format!("without a server {number}");
        say(&mut alice, "bob", &bob, &text);
        say(&mut bob, "alice", &alice, &text);
    }

    // A stranger to both, started while there is no server.
    let mut carol = street.caller("carol", "bob");
    carol.send(None, "is this bob?");
    let server = street.server();
    report(carol.wait_ready());
    report(bob.wait_text("is this bob?", REGISTERED_AGAIN));
    say(&mut alice, "bob", &bob, "still the same session");
    drop(server);
}

fn say(from: &mut Chat, to: &str, other: &Chat, text: &str) {
    from.send(Some(to), text);
    report(other.wait_text(text, PATIENCE));
}

fn report<T>(result: Result<T, String>) -> T {
    result.unwrap_or_else(|report| panic!("{report}"))
}
