//! Who comes, who may not, and what he is given.

use std::time::Duration;

use super::super::{Denial, Event};
use super::world::{World, name};
use crate::chat::room::{Access, Act, Refusal};

fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn who_comes_late_is_given_the_last_lines_and_all_that_follow() {
    let mut world = World::new(1, 4, Access::Open, 5);
    world.crash(3);
    world.pass(second(10));
    (0..20).for_each(|_| assert!(world.say(0) && world.say(1)));
    world.pass(second(10));
    world.begin(3);
    // Not from the author.
    world.connect(3, 2);
    world.pass(second(10));
    assert_eq!(world.members(), [0, 1, 2, 3]);
    assert_eq!(world.texts(3, 0), ["0: 16", "0: 17", "0: 18", "0: 19", "0: 20"]);
    assert!(world.say(0) && world.say(3));
    world.pass(second(60));
    world.connect(3, 0);
    world.connect(3, 1);
    world.pass(second(60));
    assert_eq!(world.texts(3, 0).len(), 6);
    assert_eq!(world.texts(0, 3), ["3: 1"]);
    world.assert_shown_once();
    world.assert_received();
}

#[test]
fn nothing_of_before_where_the_room_keeps_nothing() {
    let mut world = World::new(2, 2, Access::Open, 0);
    world.disconnect(0, 1);
    world.pass(second(10));
    assert!(world.say(0));
    world.pass(second(10));
    world.connect(0, 1);
    world.pass(second(10));
    // That something was said is known, and nothing of what: so both have the same.
    assert_eq!(world.texts(1, 0), [""]);
    let digest = |number| world.replica(number).log().map(|log| log.digest());
    assert_eq!(digest(0), digest(1));
    assert!(world.say(0));
    world.pass(second(10));
    assert_eq!(world.texts(1, 0), ["", "0: 2"]);
}

#[test]
fn who_is_not_invited_is_told_and_gets_in_when_he_is() {
    let mut world = World::new(3, 2, Access::Invited, 5);
    world.pass(second(10));
    assert_eq!(world.members(), [0]);
    let denied = |event: &Event| matches!(event, Event::Denied(_, Denial::NotInvited));
    assert!(world.nodes[1].events.iter().any(denied));
    assert!(world.nodes[1].disk.lines.is_empty() && world.replica(1).state().is_none());
    let (key, name) = (world.id(1), name(1));
    let invite = Act::Invite { key, name, host: "h".into() };
    assert_eq!(world.with(0, |replica, now| replica.act(now, invite)), Some(Ok(())));
    world.pass(second(10));
    assert_eq!(world.members(), [0, 1]);
}

#[test]
fn who_is_kicked_hears_it_and_nothing_after_it() {
    let mut world = World::new(4, 3, Access::Open, 5);
    world.pass(second(10));
    let key = world.id(2);
    assert_eq!(world.with(0, |replica, now| replica.kick(now, key)), Some(Ok(())));
    assert!(world.say(0));
    world.pass(second(30));
    assert!(!world.replica(2).is_member() && !world.replica(2).is_wanted());
    assert!(world.texts(2, 0).is_empty());
    assert!(!world.say(2));
    world.with(2, |replica, now| replica.enter(now));
    world.pass(second(30));
    let refused = |event: &Event| matches!(event, Event::NotAdmitted(Refusal::Kicked));
    assert!(world.nodes[2].events.iter().any(refused));
    assert_eq!(world.members(), [0, 1]);
}

#[test]
fn a_room_survives_the_departure_of_everybody() {
    let mut world = World::new(5, 3, Access::Open, 5);
    world.pass(second(10));
    assert!(world.say(0));
    world.pass(second(10));
    for number in 0..3 {
        let left = world.with(number, |replica, now| replica.leave(now, None));
        assert_eq!(left, Some(Ok(())));
        world.pass(second(10));
    }
    assert!(world.members().is_empty());
    world.crash(0);
    world.with(2, |replica, now| replica.enter(now));
    world.pass(second(30));
    assert_eq!(world.members(), [2]);
    let state = world.replica(2).state().expect("a room");
    assert_eq!(state.members.keys().copied().collect::<Vec<_>>(), [world.id(2)]);
    assert_eq!(state.owner, Some(world.id(2)), "the first who comes owns it");
    assert_eq!(world.texts(2, 0), ["0: 1"]);
}

#[test]
fn who_was_restored_from_a_copy_begins_a_new_stay() {
    let mut world = World::new(6, 2, Access::Open, 5);
    world.pass(second(10));
    assert!(world.say(1));
    world.pass(second(10));
    let before = world.replica(1).stay();
    world.crash(1);
    world.nodes[1].disk.is_copy = true;
    world.begin(1);
    assert!(!world.say(1), "numbers of the old stay may have been used");
    world.crash(1);
    world.begin(1);
    assert!(!world.replica(1).is_member(), "it is remembered until there is a new one");
    world.connect(0, 1);
    world.pass(second(10));
    let after = world.replica(1).stay();
    assert!(after.is_some() && after != before);
    assert!(!world.nodes[1].disk.is_copy);
    assert!(world.say(1));
    world.pass(second(10));
    assert_eq!(world.texts(0, 1).len(), 2);
    world.assert_received();
}

#[test]
fn the_thirty_first_is_told_that_the_room_is_full() {
    let mut world = World::new(7, 31, Access::Open, 5);
    world.pass(second(60));
    let members = world.members().len();
    assert_eq!(members, 30);
    let full = |event: &Event| {
        matches!(event, Event::NotAdmitted(Refusal::Full) | Event::Denied(_, Denial::Full))
    };
    let outside = (0..31).find(|number| !world.replica(*number).is_member()).expect("one");
    assert!(world.nodes[outside].events.iter().any(full));
    assert!(world.say(0));
    world.pass(second(5));
    world.assert_received();
}

#[test]
fn who_leaves_before_he_has_heard_of_somebody_who_comes_gives_him_what_he_has_said() {
    for seed in 0..5 {
        let mut world = World::new(seed, 2, Access::Open, 50);
        world.crash(1);
        world.pass(second(10));
        assert!(world.say(0) && world.say(0));
        world.pass(second(10));
        world.begin(1);
        world.connect(0, 1);
        while !world.replica(1).is_member() {
            world.pass(Duration::from_millis(1));
        }
        assert!(!world.replica(0).state().is_some_and(|state| state.is_member(&world.id(1))));
        let left = world.with(0, |replica, now| replica.leave(now, None));
        assert!(left.is_some_and(|left| left.is_ok()) && world.replica(0).is_parting());
        world.pass(second(10));
        assert_eq!(world.texts(1, 0), ["0: 1", "0: 2"], "seed {seed}");
        assert!(!world.replica(0).is_parting());
        assert_eq!(world.members(), [1]);
    }
}
