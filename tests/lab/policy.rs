//! `--relay-only` and `--direct-only` keep their word.

use std::thread;
use std::time::Duration;

use super::ground::on_lab_ground;
use super::meeting::{Meeting, PATIENCE, report};
use super::nat::{Filtering, Mapping, Nat};
use super::world::World;

const HOME: Nat = Nat::new(Mapping::Endpoint, Filtering::Port);
const SYMMETRIC: Nat = Nat::new(Mapping::Random, Filtering::Port);

#[test]
fn a_peer_that_only_wants_the_relay_is_never_sent_to_and_never_sends_straight() {
    on_lab_ground(
        "policy::a_peer_that_only_wants_the_relay_is_never_sent_to_and_never_sends_straight",
        || {
            let world = World::new();
            let (mut one, mut other) = (world.home(HOME), world.home(HOME));
            let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
            world.count_between(one.wan, other.wan);
            let mut meeting = report(Meeting::start_with(&world, &alice, &bob, &["--relay-only"]));
            report(meeting.say_hello());
            thread::sleep(Duration::from_secs(5));
            report(meeting.say_hello());
            assert_eq!(meeting.alice.path().as_deref(), Some("relay"), "{}", meeting.alice.said());
            assert_eq!(world.counted(), 0, "packets went straight from home to home");
            let wan = one.wan.to_string();
            let told =
                meeting.bob.said().read(|lines| lines.iter().any(|line| line.text.contains(&wan)));
            assert!(!told, "bob was told where alice is:\n{}", meeting.bob.said());
        },
    );
}

#[test]
fn a_peer_that_only_wants_straight_paths_leaves_with_6_where_there_is_none() {
    on_lab_ground(
        "policy::a_peer_that_only_wants_straight_paths_leaves_with_6_where_there_is_none",
        || {
            let world = World::new();
            let (mut one, mut other) = (world.home(SYMMETRIC), world.home(SYMMETRIC));
            let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
            let options = ["--direct-only", "--timeout", "6s"];
            let mut meeting = report(Meeting::start_with(&world, &alice, &bob, &options));
            meeting.alice.send(None, "not over the relay");
            let status = report(meeting.alice.leave(Duration::from_secs(30)));
            assert_eq!(status.code(), Some(6), "{}", meeting.alice.said());
            assert!(meeting.bob.texts().is_empty(), "{}", meeting.bob.said());
        },
    );
}

#[test]
fn a_peer_that_only_wants_straight_paths_talks_where_there_is_one() {
    on_lab_ground("policy::a_peer_that_only_wants_straight_paths_talks_where_there_is_one", || {
        let world = World::new();
        let (mut one, mut other) = (world.home(HOME), world.home(HOME));
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        let mut meeting = report(Meeting::start_with(&world, &alice, &bob, &["--direct-only"]));
        report(meeting.say_hello());
        report(meeting.alice.wait_path(0, &["direct"], PATIENCE));
    });
}
