//! Rooms: entered, told, left, and entered again by itself.

use std::time::Duration;

use p2pchat::proto::{Command, Event, Policy, ServerId};
use p2pchat_rendezvous::server;
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::RoomRefusal;

use crate::world::{SECOND, World, name, server_address};

const TEA: [u8; 32] = [7; 32];

const SERVER: ServerId = ServerId::FIRST;

fn enter(world: &mut World, host: usize, id: Option<[u8; 32]>, found: bool) {
    world.command(host, Command::EnterRoom { server: SERVER, room: name("tea"), id, found });
}

/// What a host was told about the room, in order: the others there, newcomers, refusals.
fn told(world: &World, host: usize) -> Vec<Told> {
    let told = world.hosts[host].events.iter().filter_map(|(_, event)| match event {
        Event::RoomPeople { id, people, .. } => {
            assert_eq!(*id, TEA);
            Some(Told::People(people.iter().map(|(_, key)| *key).collect()))
        }
        Event::RoomEntered { key, .. } => Some(Told::Entered(*key)),
        Event::RoomRefused { refusal, .. } => Some(Told::Refused(*refusal)),
        _ => None,
    });
    told.collect()
}

#[derive(Debug, Eq, PartialEq)]
enum Told {
    People(Vec<PeerId>),
    Entered(PeerId),
    Refused(RoomRefusal),
}

#[test]
fn whoever_enters_is_told_who_is_there_and_the_others_of_the_newcomer() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    enter(&mut world, alice, Some(TEA), true);
    world.run(SECOND);
    enter(&mut world, bob, None, false);
    world.run(SECOND);
    let (alices, bobs) = (world.id(alice), world.id(bob));
    assert_eq!(told(&world, alice), [Told::People(vec![]), Told::Entered(bobs)]);
    assert_eq!(told(&world, bob), [Told::People(vec![alices])]);
}

#[test]
fn a_room_is_entered_before_there_is_a_registration_as_soon_as_there_is_one() {
    let mut world = World::new();
    let alice = world.add("alice", Policy::Any);
    enter(&mut world, alice, Some(TEA), true);
    world.run(SECOND);
    assert_eq!(told(&world, alice), [Told::People(vec![])]);
    let nobody = world.add_nameless(Policy::Any);
    enter(&mut world, nobody, Some(TEA), false);
    world.run(SECOND * 5);
    assert_eq!(told(&world, nobody), []);
    world.command(nobody, Command::Register(name("bob")));
    world.run(SECOND);
    assert_eq!(told(&world, nobody), [Told::People(vec![world.id(alice)])]);
}

#[test]
fn lost_questions_and_answers_are_made_up_for() {
    let mut world = World::new();
    let hosts: Vec<_> = (0..20).map(|n| world.add(&format!("peer{n}"), Policy::Any)).collect();
    world.run(SECOND * 2);
    let mut random = Random::from_seed([3; 32]);
    world.filter(move |_| random.below(3) > 0);
    for &host in &hosts {
        enter(&mut world, host, Some(TEA), host == hosts[0]);
        world.run(SECOND);
    }
    world.run(SECOND * 120);
    let all: Vec<_> = hosts.iter().map(|&host| world.id(host)).collect();
    for (at, &host) in hosts.iter().enumerate() {
        let told = told(&world, host);
        let people = told.iter().rev().find_map(|told| match told {
            Told::People(people) => Some(people),
            _ => None,
        });
        let people = people.expect("let in");
        assert!(all[..at].iter().all(|earlier| people.contains(earlier)), "{host}: {told:?}");
    }
}

#[test]
fn after_a_restart_of_the_server_everybody_is_in_the_room_again() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    enter(&mut world, alice, Some(TEA), true);
    enter(&mut world, bob, Some(TEA), false);
    world.run(SECOND * 2);
    world.restart_server();
    assert_eq!(world.server.sizes().entrances, 0);
    world.run(SECOND * 60);
    assert_eq!(world.server.sizes().entrances, 2);
    let carol = world.add("carol", Policy::Any);
    world.run(SECOND);
    enter(&mut world, carol, None, false);
    world.run(SECOND);
    let mut both = vec![world.id(alice), world.id(bob)];
    both.sort();
    assert_eq!(told(&world, carol), [Told::People(both)]);
}

#[test]
fn after_an_outage_of_the_network_the_room_is_entered_again() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    enter(&mut world, alice, Some(TEA), true);
    world.run(SECOND);
    let away = world.hosts[alice].address;
    world.filter(move |packet| packet.from != away && packet.to != away);
    world.run(Duration::from_secs(100));
    assert_eq!(world.server.sizes().entrances, 0);
    enter(&mut world, bob, None, false);
    world.run(SECOND);
    world.filter(|_| true);
    world.run(SECOND * 20);
    let (alices, bobs) = (world.id(alice), world.id(bob));
    assert_eq!(told(&world, alice), [Told::People(vec![]), Told::People(vec![bobs])]);
    assert_eq!(told(&world, bob), [Told::People(vec![]), Told::Entered(alices)]);
}

#[test]
fn a_room_that_nobody_has_founded_is_asked_for_until_somebody_has() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    enter(&mut world, bob, None, false);
    world.run(SECOND * 30);
    assert_eq!(told(&world, bob), [Told::Refused(RoomRefusal::Unfounded)], "said once");
    enter(&mut world, alice, Some(TEA), true);
    world.run(SECOND * 12);
    let expected = [Told::Refused(RoomRefusal::Unfounded), Told::People(vec![world.id(alice)])];
    assert_eq!(told(&world, bob), expected);
}

#[test]
fn another_room_of_the_same_name_is_not_entered_and_not_asked_for_again() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    enter(&mut world, alice, Some(TEA), true);
    world.run(SECOND);
    enter(&mut world, bob, Some([8; 32]), true);
    world.run(SECOND);
    let signals = world.server.statistics().signals;
    assert_eq!(told(&world, bob), [Told::Refused(RoomRefusal::OtherRoom { actual: TEA })]);
    world.run(SECOND * 15);
    assert!(world.server.statistics().signals - signals < 4, "keepalives only");
}

#[test]
fn a_full_room_lets_the_next_one_in_when_somebody_has_left() {
    let config = server::Config { max_people_per_room: 1, ..server::Config::default() };
    let mut world = World::with_server(config);
    let (alice, bob) = (world.add("alice", Policy::Any), world.add("bob", Policy::Any));
    world.run(SECOND);
    enter(&mut world, alice, Some(TEA), true);
    world.run(SECOND);
    enter(&mut world, bob, None, false);
    world.run(SECOND);
    assert_eq!(told(&world, bob), [Told::Refused(RoomRefusal::Full)]);
    world.command(alice, Command::LeaveRoom { server: SERVER, room: name("tea") });
    world.run(SECOND * 12);
    let expected = [Told::Refused(RoomRefusal::Full), Told::People(vec![])];
    assert_eq!(told(&world, bob), expected);
}

#[test]
fn a_server_that_missed_a_farewell_hears_it_again() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    enter(&mut world, alice, Some(TEA), true);
    world.run(SECOND);
    let away = world.hosts[alice].address;
    world.filter(move |packet| packet.from != away || packet.to != server_address());
    world.command(alice, Command::LeaveRoom { server: SERVER, room: name("tea") });
    world.run(SECOND / 2);
    world.filter(|_| true);
    world.run(SECOND);
    assert_eq!(world.server.sizes().entrances, 1);
    enter(&mut world, bob, None, false);
    world.run(SECOND);
    assert_eq!(world.server.sizes().entrances, 1, "bob alone");
    assert_eq!(told(&world, alice), [Told::People(vec![])]);
}
