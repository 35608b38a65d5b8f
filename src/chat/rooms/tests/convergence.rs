//! Whatever happens to sessions, programs and disks, all members come to have the same.

use std::time::Duration;

use super::world::World;
use crate::chat::room::{Access, Act};

const PEOPLE: usize = 6;

/// Long enough for every pair to be compared several times, one each ten seconds, and for the disk.
const PEACE: Duration = Duration::from_secs(600);

fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Two pairs who never meet: what they tell each other goes through others.
fn can_meet(a: usize, b: usize) -> bool {
    !matches!((a.min(b), a.max(b)), (1, 2) | (3, 4))
}

/// Something happens to somebody.
fn trouble(world: &mut World) {
    let people = u32::try_from(PEOPLE).expect("few");
    let (who, other) = (world.random.below(people) as usize, world.random.below(people) as usize);
    let other_id = world.id(other);
    match world.random.below(24) {
        0..=8 => {
            world.say(who);
        }
        9 => {
            (0..40).for_each(|_| {
                world.say(who);
            });
        }
        10 | 11 => {
            world.with(who, |replica, now| replica.act(now, Act::Topic(format!("{who}"))));
        }
        12..=14 => world.disconnect(who, other),
        15..=17 if who != other && can_meet(who, other) => world.connect(who, other),
        18 => world.crash(who),
        19 if world.nodes[who].replica.is_none() => world.begin(who),
        20 => world.nodes[who].disk.is_full ^= true,
        21 => {
            world.with(who, |replica, now| replica.leave(now, None));
        }
        22 => {
            world.with(who, |replica, now| replica.enter(now));
        }
        23 if world.random.below(3) == 0 => {
            world.with(who, |replica, now| replica.kick(now, other_id));
        }
        _ => {}
    }
}

fn peace(world: &mut World) {
    for number in 0..PEOPLE {
        world.nodes[number].disk.is_full = false;
        if world.nodes[number].replica.is_none() {
            world.begin(number);
        }
    }
    for a in 0..PEOPLE {
        (a + 1..PEOPLE).filter(|b| can_meet(a, *b)).for_each(|b| world.connect(a, b));
    }
    world.pass(PEACE);
}

/// Whether there is a chain of members between any two members.
fn is_whole(world: &World) -> bool {
    let members = world.members();
    let mut reached: Vec<usize> = members.first().copied().into_iter().collect();
    let mut next = 0;
    while let Some(&at) = reached.get(next) {
        next += 1;
        let near = |number: &&usize| !reached.contains(number) && world.is_connected(at, **number);
        let near: Vec<usize> = members.iter().filter(near).copied().collect();
        reached.extend(near);
    }
    reached.len() == members.len()
}

fn run(seed: u64) {
    println!("seed {seed}");
    let mut world = World::new(seed, PEOPLE, Access::Open, 1000);
    world.disconnect(1, 2);
    world.disconnect(3, 4);
    world.pass(second(10));
    for _ in 0..80 {
        trouble(&mut world);
        let wait = u64::from(world.random.below(3000));
        world.pass(Duration::from_millis(wait));
    }
    peace(&mut world);
    world.assert_shown_once();
    if is_whole(&world) {
        world.assert_same();
    }
}

#[test]
fn members_come_to_the_same_lines_after_crashes_partitions_and_full_disks() {
    (0..6).for_each(run);
}

#[test]
fn those_who_never_meet_hear_of_each_other_through_others() {
    let mut world = World::new(7, 3, Access::Open, 50);
    world.disconnect(1, 2);
    world.pass(second(60));
    assert_eq!(world.members(), [0, 1, 2]);
    assert!(world.say(1) && world.say(2));
    world.pass(second(60));
    assert_eq!(world.texts(2, 1), ["1: 1"]);
    assert_eq!(world.texts(1, 2), ["2: 1"]);
    world.assert_same();
}

#[test]
fn that_somebody_was_removed_travels_before_what_is_said_then() {
    let mut world = World::new(11, 4, Access::Open, 50);
    world.pass(second(60));
    // A chain: each hears of the others through his neighbours.
    [(0, 2), (0, 3), (1, 3)].into_iter().for_each(|(a, b)| world.disconnect(a, b));
    let removed = world.id(3);
    assert!(world.with(0, |replica, now| replica.kick(now, removed).is_ok()).unwrap_or(false));
    assert!(world.say(0));
    // Nobody compares in so short a time.
    world.pass(second(2));
    assert!(!world.replica(3).is_member(), "he hears it from one who was told");
    assert!(world.say(1));
    world.pass(second(60));
    assert_eq!(world.texts(2, 1), ["1: 1"]);
    assert_eq!(world.texts(3, 1), [""; 0]);
    world.assert_same();
}

#[test]
fn every_author_learns_who_has_his_lines_and_then_nothing_is_said_any_more() {
    let mut world = World::new(8, 5, Access::Open, 50);
    world.pass(second(30));
    for number in 0..5 {
        (0..7).for_each(|_| assert!(world.say(number)));
    }
    world.pass(second(9));
    world.assert_same();
    world.assert_received();
    let busy = world.pass(second(300));
    let (records, _) = world.carried;
    assert!(!busy, "all have agreed");
    world.pass(second(300));
    assert_eq!(world.carried.0, records);
}

#[test]
fn what_was_said_while_somebody_was_away_comes_when_he_is_back() {
    let mut world = World::new(9, 3, Access::Open, 2);
    world.pass(second(10));
    world.crash(2);
    (0..300).for_each(|_| assert!(world.say(0)));
    world.pass(second(20));
    // And the author is away when he comes.
    world.crash(0);
    world.begin(2);
    world.connect(1, 2);
    world.pass(second(20));
    assert_eq!(world.texts(2, 0).len(), 300, "far more than a newcomer gets");
    world.assert_same();
}

#[test]
fn a_crash_loses_nothing_that_was_said_to_be_kept() {
    let mut world = World::new(10, 3, Access::Open, 50);
    world.pass(second(10));
    for round in 0..20 {
        (0..10).for_each(|_| {
            world.say(1);
        });
        world.pass(Duration::from_millis(13 * round));
        world.crash(1);
        world.begin(1);
        world.connect(0, 1);
        world.connect(1, 2);
    }
    world.pass(second(60));
    world.assert_same();
    world.assert_received();
}
