//! Whatever is lost, and whoever starts anew: it heals, soon and by itself.

use std::cell::Cell;
use std::rc::Rc;

use p2pchat::proto::{Command, DisconnectReason, Event, PathKind, Policy, ServerId};
use p2pchat_wire::datagram::Datagram;
use p2pchat_wire::random::Random;

use crate::world::{Packet, SECOND, World, name, server_address};

/// Whether a datagram is a sealed signal from the server as long as an introduction.
fn is_introduction(packet: &Packet) -> bool {
    packet.from == server_address()
        && packet.payload.len() > 100
        && matches!(Datagram::parse(&packet.payload), Ok(Datagram::LinkData(_)))
}

#[test]
fn an_introduction_that_one_side_never_got_is_repeated() {
    for pinned in [false, true] {
        for lost in 1..4 {
            let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
            let bobs = world.hosts[bob].address;
            let mut left = lost;
            world.filter(move |packet| {
                let drop = is_introduction(packet) && packet.to == bobs && left > 0;
                left -= i32::from(drop);
                !drop
            });
            if pinned {
                world.pin(alice, bob);
            }
            world.call(alice, "bob");
            world.run(SECOND * 3 * lost as u32);
            for host in [alice, bob] {
                assert!(world.is_connected(host), "pinned {pinned}, lost {lost}: {world:?}");
            }
        }
    }
}

#[test]
fn two_who_hide_their_addresses_stay_connected_without_a_word() {
    for pinned in [false, true] {
        let (mut world, alice, bob) = World::with_two(Policy::RelayOnly, Policy::RelayOnly);
        if pinned {
            world.pin(alice, bob);
        }
        world.call(alice, "bob");
        world.run(SECOND);
        for host in [alice, bob] {
            assert!(world.is_connected(host), "pinned {pinned}: {world:?}");
        }
        world.run(SECOND * 600);
        for host in [alice, bob] {
            assert!(world.ends(host).is_empty(), "pinned {pinned}: {world:?}");
        }
    }
}

#[test]
fn calls_wait_in_peace_while_the_name_is_refused() {
    let mut world = World::new();
    let bob = world.add("bob", Policy::Any);
    world.run(SECOND);
    let alice = world.add("bob", Policy::Any);
    world.run(SECOND);
    world.call(alice, "bob");
    world.run(SECOND * 600);
    assert!(!world.is_connected(bob));
    let nameless = world.add_nameless(Policy::Any);
    world.call(nameless, "bob");
    world.run(SECOND * 600);
}

#[test]
fn another_rendezvous_that_does_not_answer_leaves_the_processor_alone() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.call(alice, "bob");
    world.run(SECOND * 5);
    let addresses = vec!["203.0.113.77:3478".parse().expect("address")];
    world.command(
        alice,
        Command::UseRendezvous { server: ServerId::FIRST, addresses, key: None, token: None },
    );
    world.send(alice, bob, 1, b"still here");
    world.run(SECOND * 100);
    assert_eq!(world.received(bob), [b"still here"], "the direct path needs no rendezvous");
}

#[test]
fn back_at_the_rendezvous_everybody_is_found_again() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.block_direct();
    world.call(alice, "bob");
    world.run(SECOND * 5);
    let elsewhere = vec!["203.0.113.77:3478".parse().expect("address")];
    world.command(
        alice,
        Command::UseRendezvous {
            server: ServerId::FIRST,
            addresses: elsewhere,
            key: None,
            token: None,
        },
    );
    world.run(SECOND * 100);
    assert!(!world.is_connected(alice));
    let addresses = vec![server_address()];
    world.command(
        alice,
        Command::UseRendezvous { server: ServerId::FIRST, addresses, key: None, token: None },
    );
    world.run(SECOND * 10);
    assert!(world.is_connected(alice) && world.is_connected(bob), "{world:?}");
}

#[test]
fn whoever_is_called_off_during_the_handshake_stays_away() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.pin(alice, bob);
    world.call(alice, "bob");
    world.run(SECOND / 8);
    world.command(alice, Command::Disconnect(name("bob").into()));
    world.run(SECOND * 60);
    assert!(!world.hosts[alice].events.iter().any(|(_, e)| matches!(e, Event::Connected { .. })));
    assert!(!world.is_connected(bob), "{world:?}");
    world.call(alice, "bob");
    world.run(SECOND * 2);
    assert!(world.is_connected(alice) && world.is_connected(bob), "{world:?}");
}

#[test]
fn off_and_on_again_in_one_breath_is_connected() {
    for relay in [false, true] {
        let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
        if relay {
            world.block_direct();
        }
        world.call(alice, "bob");
        world.run(SECOND * 5);
        for _ in 0..5 {
            world.command(alice, Command::Disconnect(name("bob").into()));
            world.call(alice, "bob");
        }
        world.run(SECOND * 5);
        assert!(world.is_connected(alice) && world.is_connected(bob), "{world:?}");
        world.send(bob, alice, 1, b"hello again");
        world.run(SECOND);
        assert_eq!(world.received(alice), [b"hello again"]);
    }
}

#[test]
fn a_giving_up_of_the_name_is_reported_however_the_server_learns_of_it() {
    let (mut world, alice, _) = World::with_two(Policy::Any, Policy::Any);
    world.restart_server();
    world.filter(|_| false);
    world.run(SECOND * 60);
    world.command(alice, Command::Unregister);
    world.filter(|_| true);
    world.run(SECOND * 60);
    let told = world.hosts[alice]
        .events
        .iter()
        .filter(|(_, e)| *e == Event::Unregistered(ServerId::FIRST))
        .count();
    assert_eq!(told, 1, "{world:?}");
}

#[test]
fn a_crash_at_any_moment_of_the_conversation_heals_within_the_idle_time() {
    for (victim, pinned, relay) in
        [(0, false, false), (0, true, true), (1, false, true), (1, true, false), (2, true, true)]
    {
        for moment in (0..600).step_by(45) {
            let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
            if relay {
                world.block_direct();
            }
            if pinned {
                world.pin(alice, bob);
                world.pin(bob, alice);
            }
            world.call(alice, "bob");
            world.run(SECOND * moment / 1000);
            match victim {
                0 => {
                    world.restart(alice);
                    world.call(alice, "bob");
                }
                1 => world.restart(bob),
                _ => world.restart_server(),
            }
            world.run(SECOND * 45);
            let context = (victim, pinned, relay, moment);
            assert!(world.is_connected(alice) && world.is_connected(bob), "{context:?} {world:?}");
            world.send(alice, bob, 1, b"one");
            world.send(bob, alice, 2, b"two");
            world.run(SECOND * 5);
            assert_eq!(world.received(bob), [b"one"], "{context:?} {world:?}");
            assert_eq!(world.received(alice), [b"two"], "{context:?} {world:?}");
        }
    }
}

#[test]
fn a_crash_in_the_middle_of_a_quiet_chat_heals_within_the_idle_time() {
    for (victim, relay) in [(0, false), (1, false), (1, true), (2, false), (2, true)] {
        let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
        if relay {
            world.block_direct();
        }
        world.call(alice, "bob");
        world.run(SECOND * 115);
        match victim {
            0 => {
                world.restart(alice);
                world.call(alice, "bob");
            }
            1 => world.restart(bob),
            _ => world.restart_server(),
        }
        world.run(SECOND * 41);
        assert!(world.is_connected(alice) && world.is_connected(bob), "{victim} {relay} {world:?}");
        world.send(alice, bob, 1, b"one");
        world.send(bob, alice, 2, b"two");
        world.run(SECOND * 2);
        assert_eq!(world.received(bob), [b"one"], "{victim} {relay} {world:?}");
        assert_eq!(world.received(alice), [b"two"], "{victim} {relay} {world:?}");
    }
}

#[test]
fn both_calling_at_the_same_moment_is_one_session() {
    for pinned in [false, true] {
        for apart in [0, 20, 49, 50, 51, 99, 100, 101, 150, 400] {
            let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
            if pinned {
                world.pin(alice, bob);
                world.pin(bob, alice);
            }
            world.call(alice, "bob");
            world.run(SECOND * apart / 1000);
            world.call(bob, "alice");
            world.run(SECOND * 30);
            for host in [alice, bob] {
                assert!(world.is_connected(host), "{pinned} {apart} {world:?}");
                assert_eq!(world.ends(host), [], "{pinned} {apart} {world:?}");
            }
        }
    }
}

#[test]
fn new_keys_come_through_however_much_of_the_handshakes_is_lost() {
    for lost in [1, 2] {
        let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
        world.call(alice, "bob");
        world.run(SECOND * 5);
        let count = Rc::new(Cell::new(0));
        let counter = Rc::clone(&count);
        let mut weather = Random::from_seed([lost as u8; 32]);
        world.filter(move |packet| {
            let mut bytes = packet.payload.as_slice();
            if let Ok(Datagram::Relay { inner, .. }) = Datagram::parse(bytes) {
                bytes = inner;
            }
            let handshake = matches!(
                Datagram::parse(bytes),
                Ok(Datagram::PeerInit(_) | Datagram::PeerResponse(_))
            );
            counter.set(counter.get() + u32::from(handshake));
            !handshake || weather.below(lost + 1) == 0
        });
        for minute in 0..20u8 {
            world.run(SECOND * 60);
            world.send(alice, bob, 1, &[minute]);
        }
        world.run(SECOND);
        assert!(count.get() > 10, "the handshakes were seen: {}", count.get());
        assert_eq!(world.received(bob).len(), 20, "{world:?}");
        assert!(world.ends(alice).is_empty() && world.ends(bob).is_empty(), "{world:?}");
    }
}

#[test]
fn a_call_survives_the_other_ones_change_of_name() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.pin(alice, bob);
    world.call(alice, "bob");
    world.run(SECOND * 5);
    world.command(bob, Command::Register(name("robert")));
    world.run(SECOND * 5);
    world.call(bob, "alice");
    world.run(SECOND * 5);
    world.command(bob, Command::Disconnect(name("alice").into()));
    world.run(SECOND * 5);
    world.command(bob, Command::Register(name("bob")));
    world.run(SECOND * 70);
    assert!(world.is_connected(alice) && world.is_connected(bob), "{world:?}");
    world.command(alice, Command::Disconnect(name("bob").into()));
    world.run(SECOND * 5);
    assert!(!world.is_connected(alice) && !world.is_connected(bob), "{world:?}");
}

#[test]
fn a_dead_relay_beside_a_direct_path_costs_next_to_nothing() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.call(alice, "bob");
    world.run(SECOND * 5);
    assert_eq!(world.last_path(alice), Some(PathKind::Direct));
    world.filter(|packet| packet.from != server_address() && packet.to != server_address());
    world.run(SECOND * 300);
    world.sent.clear();
    world.run(SECOND * 300);
    let relayed = world.sent.iter().filter(|packet| packet.payload.first() == Some(&0x60)).count();
    assert!(relayed <= 80, "{relayed} relayed datagrams in five minutes");
    assert!(!world.ends(bob).contains(&DisconnectReason::TimedOut), "{world:?}");
}
