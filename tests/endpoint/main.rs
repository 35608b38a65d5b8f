//! Two endpoints and the real server, joined by nothing but a constant delay.
//!
//! The simulator under `tests/sim` has the weather and the NATs; this is the shortest whole
//! conversation, to be read first. [`beside`] and [`bulk`] send files, [`healing`] is about what gets lost, [`hostile`] about servers
//! and peers that lie, [`mtu`] about paths that carry long datagrams, [`neighbours`] about doing without a server, [`rooms`] about
//! meeting several at once, [`sparse`] about lines over a network that loses packets, [`streams`] about
//! what goes beside the messages.
#![allow(clippy::disallowed_methods, reason = "the time of a test begins somewhere")]
#![allow(unreachable_pub, reason = "a test is one crate, and nobody's library")]

mod beside;
mod bulk;
mod file;
mod healing;
mod hostile;
mod invitations;
mod mtu;
mod neighbours;
mod rooms;
mod sparse;
mod steady;
mod streams;
mod world;

use std::time::Duration;

use p2pchat::proto::{Command, DisconnectReason, Event, PathKind, Policy, SocketId};
use p2pchat_wire::identity::PeerId;

use world::{SECOND, World, name};

#[test]
fn two_strangers_meet_over_the_relay_and_go_on_directly() {
    let mut world = World::new();
    let (alice, bob) = (world.add("alice", Policy::Any), world.add("bob", Policy::Any));
    world.run(Duration::from_secs(1));
    world.call(alice, "bob");
    world.run(Duration::from_secs(1));
    let (to_bob, to_alice) = (world.id(bob), world.id(alice));
    world.command(alice, Command::Send { peer: to_bob, tag: 7, message: b"hi bob".to_vec() });
    world.command(bob, Command::Send { peer: to_alice, tag: 8, message: b"hi alice".to_vec() });
    world.run(Duration::from_secs(1));
    assert_eq!(world.received(bob), [b"hi bob"], "{:#?}", world.hosts[alice].events);
    assert_eq!(world.received(alice), [b"hi alice"]);
    for host in [alice, bob] {
        assert_eq!(world.last_path(host), Some(PathKind::Direct));
    }
    let sent = |(_, event): &(Duration, Event)| matches!(event, Event::Transmitted { tag: 7, .. });
    assert!(world.hosts[alice].events.iter().any(sent));
}

#[test]
fn a_session_lives_through_hours_and_many_changes_of_keys() {
    let mut world = World::new();
    let (alice, bob) = (world.add("alice", Policy::Any), world.add("bob", Policy::Any));
    world.run(Duration::from_secs(1));
    world.call(alice, "bob");
    world.run(Duration::from_secs(5));
    let to_bob = world.id(bob);
    for hour in 0..3u8 {
        world.run(Duration::from_secs(3600));
        world.command(alice, Command::Send { peer: to_bob, tag: 0, message: vec![hour] });
    }
    world.run(Duration::from_secs(1));
    assert_eq!(world.received(bob), [[0], [1], [2]]);
    let gone = |(_, event): &(Duration, Event)| matches!(event, Event::Disconnected { .. });
    assert!(!world.hosts[bob].events.iter().any(gone), "{:#?}", world.hosts[bob].events);
}

#[test]
fn who_only_wants_to_be_relayed_shows_no_address_and_takes_no_direct_path() {
    let mut world = World::new();
    let (alice, bob) = (world.add("alice", Policy::RelayOnly), world.add("bob", Policy::Any));
    world.run(Duration::from_secs(1));
    world.call(bob, "alice");
    world.run(Duration::from_secs(5));
    let to_bob = world.id(bob);
    world.command(alice, Command::Send { peer: to_bob, tag: 0, message: b"hidden".to_vec() });
    world.run(Duration::from_secs(30));
    assert_eq!(world.received(bob), [b"hidden"]);
    assert_eq!(world.last_path(bob), Some(PathKind::Relay));
    assert_eq!(world.last_path(alice), Some(PathKind::Relay));
}

#[test]
fn a_large_message_arrives_whole() {
    let mut world = World::new();
    let (alice, bob) = (world.add("alice", Policy::Any), world.add("bob", Policy::Any));
    world.run(Duration::from_secs(1));
    world.call(alice, "bob");
    world.run(Duration::from_secs(5));
    let message: Vec<u8> = (0..65_536u32).map(|n| n as u8).collect();
    let to_bob = world.id(bob);
    for tag in 0..20 {
        world.command(alice, Command::Send { peer: to_bob, tag, message: message.clone() });
    }
    world.run(Duration::from_secs(10));
    assert_eq!(world.received(bob).len(), 20);
    assert!(world.received(bob).iter().all(|received| *received == message));
}

#[test]
fn goodbye_is_heard_at_once() {
    let mut world = World::new();
    let (alice, bob) = (world.add("alice", Policy::Any), world.add("bob", Policy::Any));
    world.run(Duration::from_secs(1));
    world.call(alice, "bob");
    world.run(Duration::from_secs(5));
    world.command(alice, Command::Close);
    world.run(Duration::from_secs(1));
    assert!(world.ends(bob).contains(&DisconnectReason::Left), "{world:?}");
}

#[test]
fn what_was_said_before_goodbye_is_heard_though_it_is_lost_the_first_time() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.call(alice, "bob");
    world.run(SECOND * 5);
    assert_eq!(world.last_path(bob), Some(PathKind::Direct));
    // The goodbye goes over the relay, too, where nothing is lost.
    let (from, to) = (world.hosts[alice].address, world.hosts[bob].address);
    let mut lost = false;
    world.filter(move |packet| {
        (packet.from, packet.to) != (from, to) || std::mem::replace(&mut lost, true)
    });
    world.send(alice, bob, 0, b"one thing more before I go");
    world.command(alice, Command::Close);
    world.run(SECOND);
    assert_eq!(world.received(bob), [b"one thing more before I go"], "{world:?}");
    assert!(world.ends(bob).contains(&DisconnectReason::Left), "{world:?}");
    assert!(world.hosts[alice].endpoint.is_closed());
}

#[test]
fn goodbye_is_heard_by_somebody_who_believes_to_be_connected_before_we_do() {
    for names in [["alice", "bob"], ["bob", "alice"]] {
        let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
        let [caller, called] = names.map(|name| if name == "alice" { alice } else { bob });
        world.call(caller, names[1]);
        while !world.is_connected(caller) {
            world.run(Duration::from_millis(1));
        }
        world.command(called, Command::Close);
        world.run(SECOND);
        assert!(world.ends(caller).contains(&DisconnectReason::Left), "{names:?}: {world:?}");
    }
}

#[test]
fn nobody_waits_for_long_with_goodbye_for_somebody_who_does_not_answer() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.call(alice, "bob");
    world.run(SECOND * 5);
    world.filter(|_| false);
    world.send(alice, bob, 0, b"are you there?");
    world.command(alice, Command::Close);
    world.run(SECOND / 2);
    assert!(!world.hosts[alice].endpoint.is_closed(), "an answer may still come");
    world.run(SECOND);
    assert!(world.hosts[alice].endpoint.is_closed());
    world.sent.clear();
    world.run(SECOND * 60);
    let from = world.hosts[alice].address;
    assert!(world.sent.iter().all(|packet| packet.from != from), "nothing comes after goodbye");
}

#[test]
fn what_was_said_before_goodbye_is_heard_when_both_arrive_together() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.call(alice, "bob");
    world.run(SECOND * 5);
    assert_eq!(world.last_path(bob), Some(PathKind::Direct));
    world.sent.clear();
    world.filter(|_| false);
    world.send(alice, bob, 0, b"one thing more before I go");
    world.command(alice, Command::Close);
    // As long as she waits for an answer.
    world.run(SECOND * 2);
    let (from, to) = (world.hosts[alice].address, world.hosts[bob].address);
    let sent: Vec<_> =
        world.sent.iter().filter(|packet| packet.to == to).map(|one| &one.payload).collect();
    let [line, .., goodbye] = sent[..] else { panic!("two datagrams") };
    assert!(goodbye.len() <= line.len(), "a train's last may be shorter, and no other");
    let (mut train, size) = ([line.as_slice(), goodbye].concat(), line.len());
    let now = world.now;
    world.hosts[bob].endpoint.handle_datagrams(now, SocketId::FIRST, from, &mut train, size);
    world.run(Duration::ZERO);
    assert_eq!(world.received(bob), [b"one thing more before I go"], "{world:?}");
    assert!(world.ends(bob).contains(&DisconnectReason::Left), "{world:?}");
}

#[test]
fn a_peer_that_comes_back_as_another_process_is_answered_there_at_once() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.call(bob, "alice");
    world.run(SECOND * 5);
    assert_eq!(world.last_path(alice), Some(PathKind::Direct));
    world.restart_elsewhere(bob);
    world.pin(bob, alice);
    world.call(bob, "alice");
    world.run(Duration::from_millis(600));
    world.send(alice, bob, 0, b"welcome");
    world.run(Duration::from_millis(100));
    assert_eq!(world.received(bob), [b"welcome"], "{world:?}");
}

#[test]
fn a_name_whose_key_was_forgotten_may_be_anybody_who_has_it() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    let key = PeerId([77; 32]);
    world.command(alice, Command::Pin { name: name("bob").into(), key });
    world.call(alice, "bob");
    world.run(Duration::from_secs(5));
    let changed = |(_, event): &(_, Event)| matches!(event, Event::KeyChanged { .. });
    assert!(world.hosts[alice].events.iter().any(changed));
    assert!(!world.is_connected(alice));
    world.command(alice, Command::Disconnect(name("bob").into()));
    world.command(alice, Command::Unpin(name("bob").into()));
    world.call(alice, "bob");
    world.run(Duration::from_secs(5));
    assert!(world.is_connected(alice) && world.is_connected(bob));
}
