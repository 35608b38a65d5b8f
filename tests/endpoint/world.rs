//! Hosts and the real server, joined by nothing but a constant delay and whatever a test takes away.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat::proto::{
    Command, Config, Congestion, DisconnectReason, Endpoint, Event, Output, PathKind, Policy,
    ServerId, SocketId,
};
use p2pchat_rendezvous::server::{self, Founding, Local, Server};
use p2pchat_wire::identity::{Identity, Name, PeerId};

pub const SERVER: &str = "203.0.113.10:3478";
pub const DELAY: Duration = Duration::from_millis(50);
pub const SECOND: Duration = Duration::from_secs(1);

/// Timeouts of one machine in a row that may leave the clock where it is: more is a loop that
/// burns a processor.
const MAX_ROUNDS: u32 = 64;

pub struct Host {
    pub address: SocketAddr,
    pub endpoint: Endpoint,
    pub events: Vec<(Duration, Event)>,
    /// Says everything back at once.
    pub echoes: bool,
    policy: Policy,
    name: Option<Name>,
    has_server: bool,
}

/// A datagram on its way.
#[derive(Clone)]
pub struct Packet {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub payload: Vec<u8>,
}

type Filter = Box<dyn FnMut(&Packet) -> bool>;

/// A line between any two hosts, each way by itself, with a queue that drops what does not fit.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Bytes in a second.
    pub rate: u32,
    /// Bytes that may wait.
    pub queue: u32,
    /// The longest payload that passes.
    pub mtu: usize,
}

/// IP and UDP headers, which take their time on a line.
const HEADERS: usize = 28;

pub struct World {
    start: Instant,
    pub now: Instant,
    pub server: Server,
    /// The rooms on the server's disk.
    pub rooms: Vec<Founding>,
    pub hosts: Vec<Host>,
    sequence: u64,
    wire: BTreeMap<(Instant, u64), Packet>,
    /// One way between any two.
    pub delay: Duration,
    /// How much goes over the way; without one, everything at once.
    pub link: Option<Link>,
    /// By what hosts that are added from now on go.
    pub congestion: Congestion,
    /// When the line from a host to another has sent all that waits.
    busy_until: BTreeMap<(SocketAddr, SocketAddr), Instant>,
    /// Says of each datagram whether it arrives.
    filter: Filter,
    /// What was sent, for tests that look.
    pub sent: Vec<Packet>,
    /// How many servers there were before this one.
    lives: u8,
    stalled: (Instant, u32),
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, host) in self.hosts.iter().enumerate() {
            writeln!(f, "host {number}:")?;
            for (at, event) in host.events.iter().rev().take(20).rev() {
                let event = format!("{event:?}");
                let shown = event.split_once('[').zip(event.split_once(']'));
                let shown = shown.map(|((head, _), (_, tail))| format!("{head}..{tail}"));
                writeln!(f, "  {at:?} {}", shown.unwrap_or(event))?;
            }
        }
        Ok(())
    }
}

pub fn name(text: &str) -> Name {
    Name::new(text).expect("name")
}

pub fn server_address() -> SocketAddr {
    SERVER.parse().expect("address")
}

pub fn server_key() -> PeerId {
    Identity::from_seed([100; 32]).id()
}

impl World {
    pub fn new() -> Self {
        Self::with_server(server::Config::default())
    }

    /// A world whose server has these limits.
    pub fn with_server(config: server::Config) -> Self {
        let now = Instant::now();
        let identity = Identity::from_seed([100; 32]);
        let server = Server::new(config, identity, [], [1; 32], now);
        Self {
            start: now,
            now,
            server,
            rooms: Vec::new(),
            hosts: Vec::new(),
            sequence: 0,
            wire: BTreeMap::new(),
            delay: DELAY,
            link: None,
            congestion: Congestion::default(),
            busy_until: BTreeMap::new(),
            filter: Box::new(|_| true),
            sent: Vec::new(),
            lives: 0,
            stalled: (now, 0),
        }
    }

    /// Two people who are registered, and nothing else.
    pub fn with_two(one: Policy, two: Policy) -> (Self, usize, usize) {
        let mut world = Self::new();
        let (alice, bob) = (world.add("alice", one), world.add("bob", two));
        world.run(SECOND);
        (world, alice, bob)
    }

    pub fn add(&mut self, text: &str, policy: Policy) -> usize {
        let host = self.add_nameless(policy);
        self.hosts[host].name = Some(name(text));
        self.command(host, Command::Register(name(text)));
        host
    }

    pub fn add_nameless(&mut self, policy: Policy) -> usize {
        self.add_host("192.0.2", policy, true)
    }

    /// Somebody in a local network who has no rendezvous.
    pub fn add_without_server(&mut self, text: &str, policy: Policy) -> usize {
        let host = self.add_host("192.168.0", policy, false);
        self.hosts[host].name = Some(name(text));
        self.command(host, Command::Register(name(text)));
        host
    }

    fn add_host(&mut self, network: &str, policy: Policy, has_server: bool) -> usize {
        let number = self.hosts.len() as u8 + 1;
        let address = format!("{network}.{number}:4000").parse().expect("address");
        let endpoint = self.start(number, 1_000, policy, has_server);
        let events = Vec::new();
        let (name, echoes) = (None, false);
        self.hosts.push(Host { address, endpoint, events, echoes, policy, name, has_server });
        self.hosts.len() - 1
    }

    fn start(&self, number: u8, started_at_ms: u64, policy: Policy, has_server: bool) -> Endpoint {
        let identity = Identity::from_seed([number; 32]);
        let mut seed = [number; 32];
        seed[..8].copy_from_slice(&started_at_ms.to_le_bytes());
        let congestion = self.congestion;
        let config = Config { policy, started_at_ms, congestion, ..Config::default() };
        let mut endpoint = Endpoint::new(config, identity, seed, self.now);
        let (server, addresses) = (ServerId::FIRST, vec![server_address()]);
        if has_server {
            let use_it = Command::UseRendezvous { server, addresses, key: None, token: None };
            endpoint.handle_command(self.now, use_it);
        }
        endpoint
    }

    /// The program ends without a word and starts again, at the same address.
    pub fn restart(&mut self, host: usize) {
        let elapsed = (self.now - self.start).as_millis() as u64;
        let (policy, has_server) = (self.hosts[host].policy, self.hosts[host].has_server);
        self.hosts[host].endpoint = self.start(host as u8 + 1, 1_000 + elapsed, policy, has_server);
        if let Some(name) = self.hosts[host].name.clone() {
            self.command(host, Command::Register(name));
        }
    }

    /// As [`World::restart`], at another port.
    pub fn restart_elsewhere(&mut self, host: usize) {
        self.hosts[host].address.set_port(5000);
        self.restart(host);
    }

    /// The server ends without a word and starts again; of all that it knew, names and rooms are left.
    pub fn restart_server(&mut self) {
        self.lives += 1;
        let names = self.hosts.iter().enumerate().filter_map(|(number, host)| {
            Some((host.name.clone()?, Identity::from_seed([number as u8 + 1; 32]).id()))
        });
        let identity = Identity::from_seed([100; 32]);
        let config = server::Config::default();
        self.server = Server::new(
            config,
            identity,
            names.collect::<Vec<_>>(),
            [1 + self.lives; 32],
            self.now,
        )
        .with_rooms(self.rooms.clone());
    }

    pub fn command(&mut self, host: usize, command: Command) {
        let now = self.now;
        self.hosts[host].endpoint.handle_command(now, command);
    }

    pub fn call(&mut self, from: usize, text: &str) {
        self.command(from, Command::Connect(name(text).into()));
    }

    /// `from` knows whom to expect under the name of `to`.
    pub fn pin(&mut self, from: usize, to: usize) {
        let (name, key) = (self.hosts[to].name.clone().expect("named"), self.id(to));
        self.command(from, Command::Pin { name: name.into(), key });
    }

    pub fn send(&mut self, from: usize, to: usize, tag: u64, message: &[u8]) {
        let peer = self.id(to);
        self.command(from, Command::Send { peer, tag, message: message.to_vec() });
    }

    /// From now on a datagram arrives if `filter` says so.
    pub fn filter(&mut self, filter: impl FnMut(&Packet) -> bool + 'static) {
        self.filter = Box::new(filter);
    }

    /// From now on there is only the server between the hosts.
    pub fn block_direct(&mut self) {
        self.filter(|packet| packet.from == server_address() || packet.to == server_address());
    }

    /// Puts a datagram into the network, from whomever.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, payload: Vec<u8>) {
        self.sequence += 1;
        self.wire.insert((self.now, self.sequence), Packet { from, to, payload });
    }

    fn post(&mut self, packet: Packet) {
        self.sent.push(packet.clone());
        let left_at = match self.link {
            Some(link) => self.queue(link, &packet),
            None => Some(self.now),
        };
        if let Some(left_at) = left_at
            && (self.filter)(&packet)
        {
            self.sequence += 1;
            self.wire.insert((left_at + self.delay, self.sequence), packet);
        }
    }

    /// When the line has sent this, if it takes it.
    fn queue(&mut self, link: Link, packet: &Packet) -> Option<Instant> {
        let time = |bytes: usize| SECOND.mul_f64(bytes as f64 / f64::from(link.rate));
        let busy_until = self.busy_until.entry((packet.from, packet.to)).or_insert(self.now);
        let start = self.now.max(*busy_until);
        let fits = start - self.now <= time(link.queue as usize);
        if !fits || packet.payload.len() > link.mtu {
            return None;
        }
        *busy_until = start + time(packet.payload.len() + HEADERS);
        Some(*busy_until)
    }

    fn drain(&mut self) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut posts = Vec::new();
        for host in &mut self.hosts {
            loop {
                match host.endpoint.poll_output() {
                    // Primers die on the way.
                    Output::Transmit(t) if t.ttl.is_some() => {}
                    Output::Transmit(t) => {
                        posts.extend(t.datagrams().map(|datagram| {
                            let payload = datagram.to_vec();
                            Packet { from: host.address, to: t.to, payload }
                        }));
                    }
                    Output::Socket(_) => {}
                    Output::Event(event) => {
                        if let Event::Message { peer, message } = &event
                            && host.echoes
                        {
                            let (peer, message) = (*peer, message.clone());
                            let echo = Command::Send { peer, tag: 0, message };
                            host.endpoint.handle_command(self.now, echo);
                        }
                        host.events.push((self.now - self.start, event));
                    }
                    Output::Timeout(at) => {
                        next = next.into_iter().chain(at).min();
                        break;
                    }
                }
            }
        }
        loop {
            match self.server.poll_output() {
                server::Output::Transmit(t) => {
                    let Local::Udp(from) = t.from else { panic!("nobody came by a carrier") };
                    posts.push(Packet { from, to: t.to, payload: t.payload });
                }
                server::Output::Found { id, founding } => {
                    self.rooms.push(founding);
                    self.server.handle_claimed(self.now, id, Ok(()));
                }
                server::Output::Claim { id, .. } => {
                    self.server.handle_claimed(self.now, id, Ok(()));
                }
                server::Output::Timeout(at) => {
                    next = next.into_iter().chain(at).min();
                    break;
                }
            }
        }
        posts.into_iter().for_each(|packet| self.post(packet));
        next
    }

    pub fn run(&mut self, duration: Duration) {
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
                let Some((_, mut packet)) = self.wire.pop_first() else { return };
                if packet.to == server_address() {
                    self.server.handle_datagram(self.now, packet.to, packet.from, &packet.payload);
                } else if let Some(host) =
                    self.hosts.iter_mut().find(|host| host.address == packet.to)
                {
                    host.endpoint.handle_datagram(
                        self.now,
                        SocketId::FIRST,
                        packet.from,
                        &mut packet.payload,
                    );
                }
            } else {
                self.note_round();
                self.server.handle_timeout(self.now);
                for host in &mut self.hosts {
                    host.endpoint.handle_timeout(self.now);
                }
            }
        }
    }

    /// The time since the beginning of the world, as events have it.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn note_round(&mut self) {
        let (at, rounds) = self.stalled;
        self.stalled = (self.now, if at == self.now { rounds + 1 } else { 0 });
        assert!(rounds < MAX_ROUNDS, "a timer rings for ever at {:?}", self.now - self.start);
    }

    pub fn id(&self, host: usize) -> PeerId {
        Identity::from_seed([host as u8 + 1; 32]).id()
    }

    pub fn received(&self, host: usize) -> Vec<&[u8]> {
        let messages = self.hosts[host].events.iter().filter_map(|(_, event)| match event {
            Event::Message { message, .. } => Some(message.as_slice()),
            _ => None,
        });
        messages.collect()
    }

    pub fn last_path(&self, host: usize) -> Option<PathKind> {
        self.hosts[host].events.iter().rev().find_map(|(_, event)| match event {
            Event::Connected { path, .. } | Event::PathChanged { path, .. } => Some(path.kind),
            _ => None,
        })
    }

    /// Whether the last word about a session was that there is one.
    pub fn is_connected(&self, host: usize) -> bool {
        let last = self.hosts[host].events.iter().rev().find_map(|(_, event)| match event {
            Event::Connected { .. } => Some(true),
            Event::Disconnected { .. } => Some(false),
            _ => None,
        });
        last == Some(true)
    }

    /// Why sessions ended.
    pub fn ends(&self, host: usize) -> Vec<DisconnectReason> {
        let ends = self.hosts[host].events.iter().filter_map(|(_, event)| match event {
            Event::Disconnected { reason, .. } => Some(*reason),
            _ => None,
        });
        ends.collect()
    }
}
