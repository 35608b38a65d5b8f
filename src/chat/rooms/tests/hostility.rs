//! Members who lie.

use std::time::Duration;

use super::super::{Event, Says};
use super::world::World;
use crate::chat::room::{Access, Act, Body, Hash, Line, Log};
use crate::chat::{LineId, Manner};

fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn line(text: &str) -> Body {
    Body::Line(Line { id: LineId([9; 16]), text: text.into(), manner: Manner::Text })
}

/// What somebody would write if he could do it twice: a log of his own, restored from all that he has.
fn double(world: &World, number: usize) -> Log {
    let ours = world.replica(number).log().expect("a room");
    let copy = |entry: &super::super::Entry| entry.clone();
    let mut log = Log::open(ours.id(), copy(ours.first())).expect("a room");
    log.restore(ours.acts().skip(1).map(|act| copy(act)));
    for lines in world.nodes[number].disk.lines.values() {
        if let (Some(first), Some(last)) = (lines.values().next(), lines.values().next_back()) {
            log.resume_lines(first, last);
        }
    }
    log
}

#[test]
fn who_shows_two_histories_is_found_out_by_all() {
    let mut world = World::new(1, 4, Access::Open, 50);
    world.pass(second(20));
    assert!(world.say(3));
    world.pass(second(20));
    let (identity, stay) = (world.nodes[3].identity.clone(), world.replica(3).stay());
    let (stay, clock) = (stay.expect("a member"), world.moment().clock.0);
    for (to, text) in [(0, "yes"), (1, "no")] {
        let mut log = double(&world, 3);
        let entry = log.write(&identity, stay, clock, line(text)).expect("a member");
        let says =
            Says::Entries { entries: vec![entry.encode()], forks: Vec::new(), begins: Vec::new() };
        world.inject(3, to, says);
    }
    world.crash(3);
    world.pass(second(120));
    let found =
        |event: &Event| matches!(event, Event::TwoHistories(log) if log.author == identity.id());
    for number in 0..3 {
        assert!(world.nodes[number].events.iter().any(found), "{number}");
        let log = world.replica(number).log().expect("a room");
        assert!(log.shows_two_histories(identity.id()));
    }
    world.assert_same();
}

#[test]
fn whoever_forges_is_not_listened_to_until_he_connects_again() {
    let mut world = World::new(2, 3, Access::Open, 50);
    world.pass(second(20));
    // Nobody else tells what he says.
    world.disconnect(1, 2);
    let stay = world.replica(1).stay().expect("a member");
    let clock = world.moment().clock.0;
    let real = world.nodes[1].identity.clone();
    let mut entry =
        double(&world, 1).write(&real, stay, clock, line("real")).expect("a member").encode();
    let last = entry.len() - 8;
    entry[last] ^= 1;
    world.inject(
        2,
        0,
        Says::Entries { entries: vec![entry], forks: Vec::new(), begins: Vec::new() },
    );
    assert!(world.say(2));
    world.pass(second(5));
    assert!(world.texts(0, 2).is_empty(), "he forges, so he is not heard");
    let forger = world.id(2);
    let told = |event: &&Event| matches!(event, Event::Forges(key) if *key == forger);
    assert_eq!(world.nodes[0].events.iter().filter(told).count(), 1);
    assert!(world.texts(0, 1).is_empty());
    world.disconnect(0, 2);
    world.connect(0, 2);
    world.pass(second(30));
    assert_eq!(world.texts(0, 2), ["2: 1"]);
}

#[test]
fn an_entry_of_another_room_is_not_taken() {
    let mut world = World::new(3, 2, Access::Open, 50);
    world.pass(second(20));
    let (identity, clock) = (world.nodes[1].identity.clone(), world.moment().clock.0);
    let name = super::world::name(1);
    let create =
        Act::Create { room: name.clone(), host: "h".into(), name, access: Access::Open, keep: 1 };
    let mut other = Log::create(&identity, 5, clock, create).expect("a room");
    let entry = other.write(&identity, 5, clock, line("there")).expect("a member");
    world.inject(
        1,
        0,
        Says::Entries { entries: vec![entry.encode()], forks: Vec::new(), begins: Vec::new() },
    );
    world.pass(second(5));
    assert!(world.texts(0, 1).is_empty());
}

#[test]
fn who_says_that_he_has_what_is_not_there_gives_no_receipt_and_is_asked_ever_more_seldom() {
    let mut world = World::new(4, 2, Access::Open, 50);
    world.pass(second(20));
    // The other one does not answer any more.
    world.nodes[1].replica = None;
    assert!(world.say(0));
    let stay = world.replica(0).stay().expect("a member");
    let mut heads = world.replica(0).log().expect("a room").heads();
    for head in &mut heads {
        head.lines = 100;
        head.line = Hash([1; 32]);
    }
    world.inject(1, 0, Says::Got { answers: true, heads });
    let (has, waits) = world.replica(0).receipts(stay, 1);
    assert_eq!((has, waits), (vec![], vec![world.id(1)]));
    world.pass(second(600));
    let (early, _) = world.carried;
    world.pass(second(600));
    assert!(world.carried.0 - early < 5, "{}", world.carried.0 - early);
}
