//! Two endpoints and the real server, joined by nothing but a constant delay.
//!
//! The simulator under `tests/sim` has the weather and the NATs; this is the shortest whole
//! conversation, to be read first.
#![allow(clippy::disallowed_methods, reason = "the time of a test begins somewhere")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat::proto::{Command, Config, Endpoint, Event, Output, PathKind, Policy};
use p2pchat_rendezvous::server::{self, Server};
use p2pchat_wire::identity::{Identity, Name, PeerId};

const SERVER: &str = "203.0.113.10:3478";
const DELAY: Duration = Duration::from_millis(50);

struct Host {
    address: SocketAddr,
    endpoint: Endpoint,
    events: Vec<(Duration, Event)>,
}

struct World {
    start: Instant,
    now: Instant,
    server: Server,
    hosts: Vec<Host>,
    sequence: u64,
    wire: BTreeMap<(Instant, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let identity = Identity::from_seed([100; 32]);
        let server = Server::new(server::Config::default(), identity, [], [1; 32], now);
        Self { start: now, now, server, hosts: Vec::new(), sequence: 0, wire: BTreeMap::new() }
    }

    fn add(&mut self, name: &str, policy: Policy) -> usize {
        let number = self.hosts.len() as u8 + 1;
        let endpoint = self.endpoint(name, policy, number, 1);
        let address = format!("192.0.2.{number}:4000").parse().expect("address");
        self.hosts.push(Host { address, endpoint, events: Vec::new() });
        self.hosts.len() - 1
    }

    /// The host's process dies without a word and another takes its place, on another port.
    fn replace(&mut self, host: usize, name: &str) {
        let endpoint = self.endpoint(name, Policy::Any, host as u8 + 1, 2);
        let address = SocketAddr::new(self.hosts[host].address.ip(), 5000);
        self.hosts[host] = Host { address, endpoint, events: Vec::new() };
    }

    fn endpoint(&self, name: &str, policy: Policy, number: u8, process: u8) -> Endpoint {
        let identity = Identity::from_seed([number; 32]);
        let config = Config { policy, started_at_ms: 1_000_000 * u64::from(process) };
        let mut endpoint = Endpoint::new(config, identity, [number ^ process << 4; 32], self.now);
        let addresses = vec![SERVER.parse().expect("address")];
        endpoint
            .handle_command(self.now, Command::UseRendezvous { addresses, key: None, token: None });
        endpoint.handle_command(self.now, Command::Register(Name::new(name).expect("name")));
        endpoint
    }

    fn command(&mut self, host: usize, command: Command) {
        let now = self.now;
        self.hosts[host].endpoint.handle_command(now, command);
    }

    fn post(&mut self, from: SocketAddr, to: SocketAddr, payload: Vec<u8>) {
        self.sequence += 1;
        self.wire.insert((self.now + DELAY, self.sequence), (from, to, payload));
    }

    fn drain(&mut self) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut posts = Vec::new();
        for host in &mut self.hosts {
            loop {
                match host.endpoint.poll_output() {
                    // Primers die on the way.
                    Output::Transmit(t) if t.ttl.is_some() => {}
                    Output::Transmit(t) => posts.push((host.address, t.to, t.payload)),
                    Output::Event(event) => host.events.push((self.now - self.start, event)),
                    Output::Timeout(at) => {
                        next = next.into_iter().chain(at).min();
                        break;
                    }
                }
            }
        }
        loop {
            match self.server.poll_output() {
                server::Output::Transmit(t) => posts.push((t.from, t.to, t.payload)),
                server::Output::Claim { id, .. } => {
                    self.server.handle_claimed(self.now, id, Ok(()))
                }
                server::Output::Timeout(at) => {
                    next = next.into_iter().chain(at).min();
                    break;
                }
            }
        }
        for (from, to, payload) in posts {
            self.post(from, to, payload);
        }
        next
    }

    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let timer = self.drain();
            let arrival = self.wire.keys().next().map(|(at, _)| *at);
            let Some(at) = timer.into_iter().chain(arrival).min().filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(at);
            if arrival == Some(at) {
                let Some((_, (from, to, payload))) = self.wire.pop_first() else { return };
                if to == SERVER.parse().expect("address") {
                    self.server.handle_datagram(self.now, to, from, &payload);
                } else if let Some(host) = self.hosts.iter_mut().find(|host| host.address == to) {
                    host.endpoint.handle_datagram(self.now, from, &payload);
                }
            } else {
                self.server.handle_timeout(self.now);
                for host in &mut self.hosts {
                    host.endpoint.handle_timeout(self.now);
                }
            }
        }
    }

    fn id(&self, host: usize) -> PeerId {
        Identity::from_seed([host as u8 + 1; 32]).id()
    }

    fn received(&self, host: usize) -> Vec<&[u8]> {
        let messages = self.hosts[host].events.iter().filter_map(|(_, event)| match event {
            Event::Message { message, .. } => Some(message.as_slice()),
            _ => None,
        });
        messages.collect()
    }

    fn last_path(&self, host: usize) -> Option<PathKind> {
        self.hosts[host].events.iter().rev().find_map(|(_, event)| match event {
            Event::Connected { path, .. } | Event::PathChanged { path, .. } => Some(path.kind),
            _ => None,
        })
    }
}

fn call(world: &mut World, from: usize, name: &str) {
    world.command(from, Command::Connect(Name::new(name).expect("name")));
}

#[test]
fn two_strangers_meet_over_the_relay_and_go_on_directly() {
    let mut world = World::new();
    let (alice, bob) = (world.add("alice", Policy::Any), world.add("bob", Policy::Any));
    world.run(Duration::from_secs(1));
    call(&mut world, alice, "bob");
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
    call(&mut world, alice, "bob");
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
    call(&mut world, bob, "alice");
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
    call(&mut world, alice, "bob");
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
    call(&mut world, alice, "bob");
    world.run(Duration::from_secs(5));
    world.command(alice, Command::Close);
    world.run(Duration::from_secs(1));
    let left = world.hosts[bob].events.iter().any(|(_, event)| {
        matches!(event, Event::Disconnected { reason: p2pchat::proto::DisconnectReason::Left, .. })
    });
    assert!(left, "{:#?}", world.hosts[bob].events);
}

#[test]
fn a_peer_that_comes_back_as_another_process_is_answered_there_at_once() {
    let mut world = World::new();
    let (alice, bob) = (world.add("alice", Policy::Any), world.add("bob", Policy::Any));
    world.run(Duration::from_secs(1));
    call(&mut world, bob, "alice");
    world.run(Duration::from_secs(5));
    assert_eq!(world.last_path(alice), Some(PathKind::Direct));
    world.replace(bob, "bob");
    let (to_alice, to_bob) = (world.id(alice), world.id(bob));
    world.command(bob, Command::Pin { name: Name::new("alice").expect("name"), key: to_alice });
    call(&mut world, bob, "alice");
    world.run(Duration::from_millis(600));
    world.command(alice, Command::Send { peer: to_bob, tag: 0, message: b"welcome".to_vec() });
    world.run(Duration::from_millis(100));
    assert_eq!(world.received(bob), [b"welcome"], "{:#?}", world.hosts[alice].events);
}
