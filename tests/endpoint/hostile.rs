//! Servers, peers and neighbours that lie.

use p2pchat::proto::{Command, Event, Policy, RendezvousTrouble, ServerId};
use p2pchat_rendezvous::server;
use p2pchat_wire::VERSION;
use p2pchat_wire::datagram::{Challenge, Datagram};
use p2pchat_wire::identity::Identity;
use p2pchat_wire::signal::Refusal;

use crate::world::{SECOND, World, server_address, server_key};

/// A challenge as a neighbour on the path can forge it: the nonce is right, nothing else is.
fn forged(world: &World, host: usize, version: u8) -> Option<Vec<u8>> {
    let from = world.hosts[host].address;
    let nonce =
        world.sent.iter().rev().filter(|packet| packet.from == from).find_map(|packet| {
            match Datagram::parse(&packet.payload) {
                Ok(Datagram::Hello(hello)) => Some(hello.nonce),
                _ => None,
            }
        })?;
    let server = Identity::from_seed([66; 32]).id().0;
    Some(Challenge { version, nonce, cookie: [0; 16], server, time_ms: None }.encode())
}

#[test]
fn a_forged_challenge_neither_gives_us_a_wrong_key_nor_stops_us() {
    for (version, key) in [(VERSION, None), (9, None), (VERSION, Some(server_key()))] {
        let mut world = World::new();
        let alice = world.add("alice", Policy::Any);
        let addresses = vec![server_address()];
        world.command(
            alice,
            Command::UseRendezvous { server: ServerId::FIRST, addresses, key, token: None },
        );
        world.run(SECOND / 100);
        let datagram = forged(&world, alice, version).expect("a hello was sent");
        let address = world.hosts[alice].address;
        world.inject(server_address(), address, datagram);
        world.run(SECOND * 60);
        let keys: Vec<_> = world.hosts[alice]
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::RendezvousKey { key, .. } => Some(*key),
                _ => None,
            })
            .collect();
        assert!(keys.iter().all(|key| *key == server_key()), "{world:?}");
        let registered = |(_, event): &(_, Event)| matches!(event, Event::Registered { .. });
        assert!(world.hosts[alice].events.iter().any(registered), "{version} {key:?} {world:?}");
    }
}

#[test]
fn two_forged_challenges_in_a_row_stop_nobody_for_good() {
    let mut world = World::new();
    let alice = world.add("alice", Policy::Any);
    let addresses = vec![server_address()];
    let key = Some(server_key());
    world.command(
        alice,
        Command::UseRendezvous { server: ServerId::FIRST, addresses, key, token: None },
    );
    // Whoever forges also keeps the server's own answers from us, for a while.
    world.filter(|packet| packet.from != server_address());
    for _ in 0..3 {
        world.run(SECOND * 4);
        let Some(datagram) = forged(&world, alice, VERSION) else { continue };
        let address = world.hosts[alice].address;
        world.inject(server_address(), address, datagram);
    }
    world.filter(|_| true);
    world.run(SECOND * 120);
    let registered = |(_, event): &(_, Event)| matches!(event, Event::Registered { .. });
    assert!(world.hosts[alice].events.iter().any(registered), "{world:?}");
}

#[test]
fn a_server_without_a_place_for_us_is_asked_again_later() {
    let mut world = World::with_server(server::Config { max_peers: 1, ..Default::default() });
    let alice = world.add("alice", Policy::Any);
    world.run(SECOND);
    let bob = world.add("bob", Policy::Any);
    world.run(SECOND * 60);
    let busy = Event::RegisterRefused {
        server: ServerId::FIRST,
        name: crate::world::name("bob"),
        refusal: Refusal::Busy,
    };
    assert!(world.hosts[bob].events.iter().any(|(_, event)| *event == busy), "{world:?}");
    let from = world.hosts[bob].address;
    let asked = world.sent.iter().filter(|packet| packet.from == from).count();
    assert!((3..=20).contains(&asked), "{asked} datagrams in a minute");
    world.command(alice, Command::Close);
    world.run(SECOND * 120);
    let registered = |(_, event): &(_, Event)| matches!(event, Event::Registered { .. });
    assert!(world.hosts[bob].events.iter().any(registered), "{world:?}");
}

#[test]
fn a_version_that_is_not_ours_is_reported_once() {
    let mut world = World::new();
    let alice = world.add("alice", Policy::Any);
    world.filter(|_| false);
    for _ in 0..5 {
        world.run(SECOND * 13);
        let datagram = forged(&world, alice, 9).expect("a hello was sent");
        let address = world.hosts[alice].address;
        world.inject(server_address(), address, datagram);
    }
    world.run(SECOND);
    let version = Event::RendezvousTrouble {
        server: ServerId::FIRST,
        trouble: RendezvousTrouble::Version { server: 9 },
    };
    let told = world.hosts[alice].events.iter().filter(|(_, event)| *event == version).count();
    assert_eq!(told, 1, "{world:?}");
}

#[test]
fn a_recorded_opening_makes_nobody_believe_that_its_sender_is_here() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.call(alice, "bob");
    world.run(SECOND * 5);
    world.restart(bob);
    world.run(SECOND * 60);
    let (from, to) = (world.hosts[bob].address, world.hosts[alice].address);
    let mut recorded: Vec<Vec<u8>> = world
        .sent
        .iter()
        .filter(|packet| (packet.from, packet.to) == (from, to))
        .filter(|packet| matches!(Datagram::parse(&packet.payload), Ok(Datagram::PeerInit(_))))
        .map(|packet| packet.payload.clone())
        .collect();
    recorded.dedup();
    assert!(recorded.len() >= 2, "he opened before and after his restart: {}", recorded.len());
    world.command(bob, Command::Close);
    world.run(SECOND * 3);
    assert!(!world.is_connected(alice), "{world:?}");
    for datagram in recorded {
        world.inject(from, to, datagram);
        world.run(SECOND);
        assert!(!world.is_connected(alice), "{world:?}");
    }
}

#[test]
fn whoever_is_blocked_gets_no_answer_whoever_introduces_him_until_he_is_not() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.call(bob, "alice");
    world.run(SECOND * 5);
    assert!(world.is_connected(alice) && world.is_connected(bob));
    let key = world.id(bob);
    world.command(alice, Command::Block(vec![key]));
    world.run(SECOND);
    assert!(!world.is_connected(alice) && !world.is_connected(bob), "{world:?}");
    let (from, to) = (world.hosts[alice].address, world.hosts[bob].address);
    let answers = |world: &World| {
        world.sent.iter().filter(|packet| packet.from == from && packet.to == to).count()
    };
    let before = answers(&world);
    world.call(bob, "alice");
    world.run(SECOND * 60);
    assert!(!world.is_connected(alice) && !world.is_connected(bob), "{world:?}");
    assert_eq!(answers(&world), before, "not one datagram");
    world.command(alice, Command::Block(Vec::new()));
    world.run(SECOND * 60);
    assert!(world.is_connected(bob), "{world:?}");
}
