//! A server that introduces again, with what it has recorded.

use std::time::Duration;

use p2pchat::proto::{Command, Event};
use p2pchat_wire::handshake::SharedSecret;

use crate::lair::{BOB, HIS, Lair, VICTIM, id, name};

fn connected(lair: &Lair) -> usize {
    lair.events.iter().filter(|event| matches!(event, Event::Connected { .. })).count()
}

#[test]
fn an_introduction_that_is_played_again_ends_no_session_and_begins_none() {
    let mut lair = Lair::new();
    let opening = lair.opening_of(BOB, 100);
    lair.introduce(BOB, HIS, Some(opening.clone()));
    assert_eq!(connected(&lair), 1);
    for endpoint in [HIS, VICTIM, HIS] {
        lair.introduce(BOB, endpoint, Some(opening.clone()));
        lair.wait(Duration::from_millis(100));
    }
    assert_eq!(connected(&lair), 1);
    let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
    assert!(!lair.events.iter().any(ended), "{:?}", lair.events);
    // Nor when the session is over: Bob does not answer, for it was never his.
    lair.wait(Duration::from_secs(60));
    assert!(lair.events.iter().any(ended));
    lair.introduce(BOB, HIS, Some(opening));
    lair.wait(Duration::from_secs(5));
    assert_eq!(connected(&lair), 1);
}

#[test]
fn an_opening_from_before_an_invitation_makes_no_session_without_the_secret_and_is_told() {
    let mut lair = Lair::new();
    let opening = lair.opening_of(BOB, 100);
    let (peer, secret) = (id(BOB), SharedSecret::new([6; 32]));
    lair.command(Command::RecallSecret { peer, secret });
    for _ in 0..3 {
        lair.introduce(BOB, HIS, Some(opening.clone()));
        lair.wait(Duration::from_secs(1));
    }
    assert_eq!(connected(&lair), 0);
    let told = Event::SecretLacking { peer, name: name("bob").into(), by_us: false };
    assert_eq!(lair.events.iter().filter(|event| **event == told).count(), 1, "{:?}", lair.events);
}
