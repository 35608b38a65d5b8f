//! The real server and clients that say whatever they like.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::{
    ClientSignal, Connect, Introduction, Refusal, Registration, ServerSignal,
};

use crate::client::Client;
use crate::machine::Machine;
use crate::nat::Behaviour;
use crate::server::{Rendezvous, server_key};
use crate::topology::{CORE, HostId, RouterId};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
const SERVER: &str = "203.0.113.10:3478";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("name")
}

/// A server and three clients, each at home, in a world.
struct Town {
    world: World<Machine>,
    server: HostId,
    people: [HostId; 3],
    routers: [RouterId; 3],
}

const ALICE: usize = 0;
const BOB: usize = 1;
const EVE: usize = 2;

impl Town {
    fn new() -> Self {
        let mut world = World::seeded(1);
        let server = Rendezvous::new(world.now(), Duration::from_millis(5), [9; 32]);
        let server = world.add_host(CORE, &["203.0.113.10"], Machine::Server(Box::new(server)));
        let mut homes = Vec::new();
        for (seed, name, external) in
            [(1, "alice", "198.51.100.1"), (2, "bob", "192.0.2.1"), (3, "eve", "198.51.100.66")]
        {
            let (home, router) = world.add_nat(CORE, external, Behaviour::home());
            let client = Machine::Client(Box::new(Client::new(name, seed, at(SERVER))));
            homes.push((world.add_host(home, &["192.168.1.2"], client), router));
        }
        let people = [ALICE, BOB, EVE].map(|who| homes[who].0);
        let routers = [ALICE, BOB, EVE].map(|who| homes[who].1);
        Self { world, server, people, routers }
    }

    fn client(&self, who: usize) -> &Client {
        self.world.host(self.people[who]).client()
    }

    fn act(&mut self, who: usize, act: impl FnOnce(&mut Client)) {
        self.world.with(self.people[who], |machine, _| act(machine.client_mut()));
        self.world.run_for(SECOND);
    }

    fn register(&mut self, who: usize) {
        self.act(who, Client::register);
    }

    fn say(&mut self, who: usize, signal: &ClientSignal) {
        self.act(who, |client| client.say(signal));
    }

    fn connect(&mut self, who: usize, to: &str) {
        let connect = Connect { name: name(to), key: None, initiation: None };
        self.say(who, &ClientSignal::Connect(connect));
    }

    fn introductions(&self, who: usize) -> Vec<Introduction> {
        let signals = self.client(who).signals.iter();
        signals
            .filter_map(|signal| match signal {
                ServerSignal::Introduction(introduction) => Some(introduction.clone()),
                _ => None,
            })
            .collect()
    }

    fn introduced() -> Self {
        let mut town = Self::new();
        for who in [ALICE, BOB, EVE] {
            town.register(who);
        }
        town.connect(ALICE, "bob");
        town
    }

    fn restart_server(&mut self) {
        let next = self.world.host(self.server).server().restarted(self.world.now(), [10; 32]);
        self.world.replace(self.server, Machine::Server(Box::new(next)));
    }
}

#[test]
fn a_claimed_name_is_confirmed_once_it_is_on_disk() {
    let mut town = Town::new();
    town.register(ALICE);
    let reply = town.client(ALICE).reply.clone().expect("a reply");
    assert_eq!(reply.registration, Registration::Pending);
    assert_eq!(reply.mapped, at("198.51.100.1:4001"));
    assert_eq!(town.client(ALICE).signals, [ServerSignal::Registered(name("alice"))]);
}

#[test]
fn both_sides_of_an_introduction_learn_the_others_mapped_endpoint() {
    let town = Town::introduced();
    let (alices, bobs) = (town.introductions(ALICE), town.introductions(BOB));
    let ([to_alice], [to_bob]) = (&alices[..], &bobs[..]) else {
        panic!("one introduction each: {alices:?} {bobs:?}");
    };
    assert_eq!(to_alice.endpoint, Some(at("192.0.2.1:4002")));
    assert_eq!(to_bob.endpoint, Some(at("198.51.100.1:4001")));
    assert_eq!(to_alice.key, town.client(BOB).identity().id());
    assert_eq!(to_alice.introduction, to_bob.introduction);
    assert_ne!(to_alice.channel, to_bob.channel, "each side has a number of its own");
    assert!(to_alice.caller && !to_bob.caller);
}

#[test]
fn the_relay_carries_between_those_who_were_introduced_and_for_nobody_else() {
    let mut town = Town::introduced();
    let alices = town.introductions(ALICE)[0].channel;
    let bobs = town.introductions(BOB)[0].channel;
    town.act(ALICE, |alice| alice.relay(alices, b"for bob"));
    assert_eq!(town.client(BOB).relayed, [(bobs, b"for bob".to_vec())]);
    for channel in [alices, bobs, 0, u64::MAX] {
        town.act(EVE, |eve| eve.relay(channel, b"from eve"));
    }
    town.act(ALICE, |alice| alice.relay(bobs, b"into the other's number"));
    assert_eq!(town.client(BOB).relayed.len(), 1);
    assert!(town.client(ALICE).relayed.is_empty());
}

#[test]
fn a_peer_that_moves_is_followed_by_its_newest_authentic_signal() {
    let mut town = Town::introduced();
    let alices = town.introductions(ALICE)[0].channel;
    town.world.router(town.routers[BOB]).nat.as_mut().expect("a NAT").rebind();
    town.say(BOB, &ClientSignal::Ping { id: 1 });
    let pong = town.client(BOB).signals.last().cloned();
    assert!(
        matches!(&pong, Some(ServerSignal::Pong { id: 1, mapped }) if *mapped != at("192.0.2.1:4002")),
        "{pong:?}"
    );
    town.act(ALICE, |alice| alice.relay(alices, b"there?"));
    assert_eq!(town.client(BOB).relayed.len(), 1);
}

#[test]
fn a_recorded_signal_moves_nobody() {
    let mut town = Town::introduced();
    let alices = town.introductions(ALICE)[0].channel;
    town.say(BOB, &ClientSignal::Ping { id: 1 });
    let recorded = town.client(BOB).said.last().cloned().expect("a ping");
    town.act(EVE, |eve| eve.send(recorded));
    town.act(ALICE, |alice| alice.relay(alices, b"for bob"));
    assert_eq!(town.client(BOB).relayed.len(), 1, "the relay still leads to bob");
    let pongs = town.client(BOB).signals.iter();
    let pongs = pongs.filter(|signal| matches!(signal, ServerSignal::Pong { .. })).count();
    assert_eq!(pongs, 1, "a recorded ping is not answered");
}

#[test]
fn a_name_belongs_to_its_first_key_even_after_a_restart() {
    let mut town = Town::new();
    town.register(ALICE);
    town.restart_server();
    let thief = Client::new("alice", 77, at(SERVER));
    town.world.replace(town.people[EVE], Machine::Client(Box::new(thief)));
    town.register(EVE);
    let reply = town.client(EVE).reply.clone().expect("a reply");
    assert_eq!(reply.registration, Registration::Refused(Refusal::NameTaken));
    town.register(ALICE);
    let reply = town.client(ALICE).reply.clone().expect("a reply");
    assert_eq!(reply.registration, Registration::Registered);
}

#[test]
fn who_calls_somebody_offline_is_told_when_they_come() {
    let mut town = Town::new();
    town.register(BOB);
    town.restart_server();
    town.register(ALICE);
    town.connect(ALICE, "bob");
    let refused = ServerSignal::ConnectRefused { name: name("bob"), refusal: Refusal::Offline };
    assert!(town.client(ALICE).signals.contains(&refused));
    town.register(BOB);
    let bob: PeerId = town.client(BOB).identity().id();
    let here = ServerSignal::Presence { name: name("bob"), key: Some(bob), online: true };
    assert!(town.client(ALICE).signals.contains(&here), "{:?}", town.client(ALICE).signals);
}

#[test]
fn a_server_sends_an_unproven_address_no_more_bytes_than_came_from_it() {
    let mut town = Town::introduced();
    // Whatever Alice ever said, and every length of every kind, in Bob's name from where he is not.
    let victim = at("192.0.2.99:5000");
    let mut forgeries = town.client(ALICE).said.clone();
    for kind in 0..=255u8 {
        for length in [1, 20, 28, 96, 97, 200, 640, 641, 1200] {
            let mut bytes = vec![0; length];
            bytes[0] = kind;
            forgeries.push(bytes);
        }
    }
    let client = Machine::Client(Box::new(Client::new("victim", 50, at(SERVER))));
    let victim_host = town.world.add_host(CORE, &["192.0.2.99"], client);
    for forged in forgeries {
        let before: usize = heard_bytes(&town, victim_host);
        town.world.inject(town.people[EVE], victim, at(SERVER), &forged);
        town.world.run_for(SECOND / 10);
        let answer = heard_bytes(&town, victim_host) - before;
        assert!(
            answer <= forged.len(),
            "{answer} bytes for {} of kind {}",
            forged.len(),
            forged[0]
        );
    }
}

fn heard_bytes(town: &Town, who: HostId) -> usize {
    town.world.host(who).client().heard.iter().map(|(_, bytes)| bytes.len()).sum()
}

#[test]
fn the_server_shows_the_key_that_it_was_given() {
    assert_eq!(Town::new().world.host(HostId(0)).server().server.key(), server_key());
}
