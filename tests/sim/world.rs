//! A world: hosts, their networks, the links between them, and a clock that jumps from event to
//! event.
//!
//! Everything random in it comes from one seed, so a run repeats to the bit. A test that fails
//! prints the seed and what happened last, because [`World`] does so when it is dropped during a
//! panic.
//!
//! Hosts are machines without IO, driven through [`Host`]. Each has its own clock, which stands
//! still while the host sleeps: so it is with a laptop's monotonic clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use p2pchat_wire::random::Random;

use crate::link::{Link, Weather};
use crate::nat::{Behaviour, Nat};
use crate::topology::{
    CORE, HostId, NO_ADDRESS, Network, Node, Packet, Router, RouterId, Topology,
};
use crate::trace::{Brief, Drop as Dropped, Trace};

/// A machine without IO that lives in a world.
pub(crate) trait Host {
    /// What the trace calls it.
    fn name(&self) -> &'static str;
    /// Takes a datagram that arrived at `local`.
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, local: SocketAddr, bytes: &[u8]);
    /// Notices that time has passed.
    fn handle_timeout(&mut self, now: Instant);
    /// Says what to do next; `Timeout` ends the round.
    fn poll(&mut self, now: Instant) -> Output;
    /// What it would have the trace say, since the last call.
    fn remarks(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// What a host wants.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    Transmit(Transmit),
    Timeout(Option<Instant>),
}

/// A datagram that a host sends.
#[derive(Clone, Debug)]
pub(crate) struct Transmit {
    /// The local address; the first of the destination's family unless it is said.
    pub(crate) source: Option<IpAddr>,
    /// The local port.
    pub(crate) port: u16,
    pub(crate) to: SocketAddr,
    pub(crate) ttl: Option<u8>,
    /// How long each datagram is, if there are several; they travel apart.
    pub(crate) segment_size: Option<usize>,
    pub(crate) payload: Vec<u8>,
}

/// When every world begins. Far enough from the real clock's zero to look back from.
pub(crate) fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    #[allow(
        clippy::disallowed_methods,
        reason = "the standard library has no other way to make an Instant; only differences to it are ever used"
    )]
    *EPOCH.get_or_init(|| Instant::now() + Duration::from_secs(400 * 24 * 3600))
}

/// No run takes more events than this.
const MAX_STEPS: u64 = 3_000_000;

/// Nor more than this at one moment: a host that asks to be woken for ever is a bug.
const MAX_AT_ONCE: u32 = 5000;

/// The time to live that systems send with.
const TTL: u8 = 64;

/// Everything there is.
pub(crate) struct World<H: Host> {
    seed: u64,
    now: Instant,
    pub(crate) random: Random,
    topology: Topology,
    inhabitants: Vec<Inhabitant<H>>,
    /// What links are made of where no test has said otherwise: in the core, and in a home.
    pub(crate) weather: Weather,
    pub(crate) indoors: Weather,
    links: BTreeMap<(Node, Node), Link>,
    severed: BTreeSet<(HostId, HostId)>,
    dark: bool,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    steps: u64,
    /// Events since the clock last moved.
    restless: u32,
    trace: Trace,
    /// Datagrams that each host has sent to each other one and that arrived there.
    arrivals: BTreeMap<(HostId, HostId), u64>,
    /// What an eavesdropper in the core has seen, if there is one.
    wiretap: Option<Vec<Packet>>,
}

struct Inhabitant<H> {
    host: H,
    timeout: Option<Instant>,
    awake: bool,
    fell_asleep: Instant,
    /// How far the host's own clock is behind the world's.
    lag: Duration,
}

/// Ordered by time, then by the order of scheduling.
#[derive(Eq, PartialEq)]
struct Scheduled {
    at: Instant,
    sequence: u64,
    node: Node,
    packet: Packet,
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<H: Host> World<H> {
    /// A world with nobody in it, fair weather and equal delays of 25 ms between any two networks.
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self {
            seed,
            now: epoch(),
            random: Random::from_seed(bytes),
            topology: Topology::default(),
            inhabitants: Vec::new(),
            weather: Weather::fair(Duration::from_millis(25)),
            indoors: Weather::fair(Duration::from_millis(1)),
            links: BTreeMap::new(),
            severed: BTreeSet::new(),
            dark: false,
            queue: BinaryHeap::new(),
            scheduled: 0,
            steps: 0,
            restless: 0,
            trace: Trace::new(epoch()),
            arrivals: BTreeMap::new(),
            wiretap: None,
        }
    }

    // --- Who is there ---

    /// Adds a host to a network and lets it speak.
    pub(crate) fn add_host(&mut self, network: Network, addresses: &[&str], host: H) -> HostId {
        let id = self.topology.add_host(network, parse_all(addresses));
        self.inhabitants.push(Inhabitant {
            host,
            timeout: None,
            awake: true,
            fell_asleep: self.now,
            lag: Duration::ZERO,
        });
        self.drain(id);
        id
    }

    /// Joins a network to `outer` by a router with a NAT.
    pub(crate) fn add_nat(
        &mut self,
        outer: Network,
        external: &str,
        behaviour: Behaviour,
    ) -> (Network, RouterId) {
        let nat = self.nat(behaviour, parse(external));
        self.topology.add_router(outer, Some(nat), None)
    }

    /// As [`Self::add_nat`], and IPv6 behind a firewall.
    pub(crate) fn add_dual_stack(
        &mut self,
        outer: Network,
        external: &str,
        behaviour: Behaviour,
        prefix: &str,
        firewall: Behaviour,
    ) -> (Network, RouterId) {
        let prefix: Ipv6Addr = prefix.parse().expect("a prefix in the test");
        let nat = self.nat(behaviour, parse(external));
        let firewall = self.nat(firewall, NO_ADDRESS);
        self.topology.add_router(outer, Some(nat), Some((prefix, firewall)))
    }

    fn nat(&mut self, behaviour: Behaviour, external: IpAddr) -> Nat {
        let seed = self.random.array();
        Nat::new(behaviour, external, seed)
    }

    pub(crate) fn router(&mut self, router: RouterId) -> &mut Router {
        self.topology.router(router)
    }

    /// Carries a host into another network. It is not told.
    pub(crate) fn move_host(&mut self, host: HostId, network: Network, addresses: &[&str]) {
        self.topology.move_host(host, network, parse_all(addresses));
        self.note(format!("{} moves to {addresses:?}", self.host(host).name()));
    }

    pub(crate) fn addresses(&self, host: HostId) -> &[IpAddr] {
        self.topology.addresses(host)
    }

    pub(crate) fn host(&self, host: HostId) -> &H {
        &self.inhabitants[host.0].host
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = &H> {
        self.inhabitants.iter().map(|inhabitant| &inhabitant.host)
    }

    /// Does something with a host at its own time, then lets it speak.
    pub(crate) fn with<R>(&mut self, host: HostId, act: impl FnOnce(&mut H, Instant) -> R) -> R {
        let now = self.local_now(host);
        let result = act(&mut self.inhabitants[host.0].host, now);
        self.drain(host);
        result
    }

    // --- What happens to them ---

    /// Neither hears the other from now on, by whatever way; others still hear both.
    pub(crate) fn sever(&mut self, a: HostId, b: HostId) {
        self.severed.extend([(a, b), (b, a)]);
        self.note(format!("{} and {} are cut apart", self.host(a).name(), self.host(b).name()));
    }

    /// What `from` sends does not reach `to` any more; the other way is as it was.
    pub(crate) fn sever_one_way(&mut self, from: HostId, to: HostId) {
        self.severed.insert((from, to));
        self.note(format!("{} is mute to {}", self.host(from).name(), self.host(to).name()));
    }

    pub(crate) fn mend(&mut self, a: HostId, b: HostId) {
        self.severed.remove(&(a, b));
        self.severed.remove(&(b, a));
        self.note(format!("{} and {} can meet again", self.host(a).name(), self.host(b).name()));
    }

    /// Two hosts of the core are so far apart, until the weather changes.
    pub(crate) fn set_delay(&mut self, a: HostId, b: HostId, delay: Duration) {
        for ends in [(Node::Host(a), Node::Host(b)), (Node::Host(b), Node::Host(a))] {
            self.links.insert(ends, Link::new(Weather::fair(delay)));
        }
    }

    /// Changes the weather of every link there is and will be in the core.
    pub(crate) fn change_weather(&mut self, weather: &Weather) {
        self.weather = weather.clone();
        self.links.clear();
        self.note(format!("weather: {weather:?}"));
    }

    /// Nothing passes any link, or everything again.
    pub(crate) fn blackout(&mut self, dark: bool) {
        self.dark = dark;
        self.note(format!("blackout: {dark}"));
    }

    /// The host's lid is shut: its clock stops and its network is gone.
    pub(crate) fn fall_asleep(&mut self, host: HostId) {
        self.note(format!("{} falls asleep", self.host(host).name()));
        let inhabitant = &mut self.inhabitants[host.0];
        if inhabitant.awake {
            inhabitant.awake = false;
            inhabitant.fell_asleep = self.now;
        }
    }

    /// The lid is opened. Where `clock_ran` the host's clock has counted the sleep, as on some
    /// systems; elsewhere it has stood still.
    pub(crate) fn wake_up(&mut self, host: HostId, clock_ran: bool) {
        let now = self.now;
        let inhabitant = &mut self.inhabitants[host.0];
        if !inhabitant.awake {
            inhabitant.awake = true;
            if !clock_ran {
                inhabitant.lag += now - inhabitant.fell_asleep;
            }
        }
        self.note(format!("{} wakes up", self.host(host).name()));
    }

    /// The host is gone from this moment, as by `kill -9`, and `next` is there in its place.
    pub(crate) fn replace(&mut self, host: HostId, next: H) -> H {
        self.note(format!("{} starts anew", next.name()));
        let inhabitant = &mut self.inhabitants[host.0];
        inhabitant.timeout = None;
        let previous = std::mem::replace(&mut inhabitant.host, next);
        self.drain(host);
        previous
    }

    /// A datagram with any source address appears in the core, as a forger sends it.
    pub(crate) fn inject(
        &mut self,
        origin: HostId,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) {
        let packet = Packet { origin, from, to, ttl: TTL, bytes: bytes.to_vec() };
        match self.topology.owner_in_core(to.ip()) {
            Some(node) => self.schedule(self.now, node, packet),
            None => self.drop_packet(Dropped::NoRoute, &packet),
        }
    }

    /// Everything that crosses the core is recorded from now on.
    pub(crate) fn eavesdrop(&mut self) {
        self.wiretap = Some(Vec::new());
    }

    /// What was recorded since the last call.
    pub(crate) fn overheard(&mut self) -> Vec<Packet> {
        self.wiretap.as_mut().map(std::mem::take).unwrap_or_default()
    }

    // --- Time ---

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// How long the world exists.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now - epoch()
    }

    /// How many datagrams of one host have reached another.
    pub(crate) fn arrivals(&self, from: HostId, to: HostId) -> u64 {
        self.arrivals.get(&(from, to)).copied().unwrap_or(0)
    }

    /// How many events there have been.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn note(&mut self, text: String) {
        self.trace.note(self.now, text);
    }

    /// Lets the next event happen if it is not later than `limit`; says whether one did.
    pub(crate) fn step(&mut self, limit: Instant) -> bool {
        let arrival = self.queue.peek().map(|Reverse(next)| next.at);
        let timer = self.next_timer();
        let (at, waking) = match (arrival, timer) {
            (None, None) => return false,
            (Some(at), None) => (at, None),
            (Some(at), Some((timer, _))) if at <= timer => (at, None),
            (_, Some((timer, host))) => (timer, Some(host)),
        };
        if at > limit {
            return false;
        }
        self.steps += 1;
        assert!(self.steps < MAX_STEPS, "the world does not come to rest");
        self.restless = if at > self.now { 0 } else { self.restless + 1 };
        if let Some(host) = waking.filter(|_| self.restless > MAX_AT_ONCE) {
            panic!("{} wants to be woken for ever", self.host(host).name());
        }
        self.now = self.now.max(at);
        match waking {
            None => self.arrive(),
            Some(host) => {
                let now = self.local_now(host);
                let inhabitant = &mut self.inhabitants[host.0];
                inhabitant.timeout = None;
                inhabitant.host.handle_timeout(now);
                self.drain(host);
            }
        }
        true
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until `done`; returns how long it took.
    #[track_caller]
    pub(crate) fn run_until(
        &mut self,
        limit: Duration,
        what: &str,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Duration {
        let (start, end) = (self.now, self.now + limit);
        while !done(self) {
            if !self.step(end) {
                self.now = end;
                assert!(done(self), "not within {limit:?}: {what}");
            }
        }
        self.now - start
    }

    fn next_timer(&self) -> Option<(Instant, HostId)> {
        self.inhabitants
            .iter()
            .enumerate()
            .filter(|(_, inhabitant)| inhabitant.awake)
            .filter_map(|(at, inhabitant)| Some((inhabitant.timeout? + inhabitant.lag, HostId(at))))
            .min()
    }

    fn local_now(&self, host: HostId) -> Instant {
        self.now - self.inhabitants[host.0].lag
    }

    // --- The way of a datagram ---

    fn drain(&mut self, host: HostId) {
        loop {
            let now = self.local_now(host);
            match self.inhabitants[host.0].host.poll(now) {
                Output::Transmit(transmit) => self.transmit(host, transmit),
                Output::Timeout(timeout) => {
                    let inhabitant = &mut self.inhabitants[host.0];
                    inhabitant.timeout = timeout;
                    let name = inhabitant.host.name();
                    for remark in inhabitant.host.remarks() {
                        self.trace.note(self.now, format!("{name} {remark}"));
                    }
                    return;
                }
            }
        }
    }

    fn transmit(&mut self, origin: HostId, transmit: Transmit) {
        let size = transmit.segment_size.unwrap_or(transmit.payload.len()).max(1);
        for datagram in transmit.payload.chunks(size) {
            self.send(origin, &transmit, datagram.to_vec());
        }
    }

    fn send(&mut self, origin: HostId, transmit: &Transmit, payload: Vec<u8>) {
        let Transmit { source, port, to, ttl, .. } = *transmit;
        let source = source.or_else(|| self.topology.source_for(origin, to));
        let from = SocketAddr::new(source.unwrap_or(NO_ADDRESS), port);
        let mut packet = Packet { origin, from, to, ttl: ttl.unwrap_or(TTL), bytes: payload };
        let brief = Brief::new(from, to, &packet.bytes);
        let name = self.host(origin).name();
        self.trace.sent(self.now, name, packet.ttl, brief);
        if source.is_none() {
            return self.drop_packet(Dropped::NoRoute, &packet);
        }
        if !self.inhabitants[origin.0].awake {
            return self.drop_packet(Dropped::Absent, &packet);
        }
        let (near, far, network) = match self.topology.ascend(self.now, &mut packet) {
            Ok(way) => way,
            Err(why) => return self.drop_packet(why, &packet),
        };
        if let Some(wiretap) = self.wiretap.as_mut().filter(|_| network == CORE) {
            wiretap.push(packet.clone());
        }
        let weather = if network == CORE { &self.weather } else { &self.indoors };
        let link = self.links.entry((near, far)).or_insert_with(|| Link::new(weather.clone()));
        link.down = self.dark;
        if packet.is_stream() && !self.dark {
            let at = self.now + link.weather.delay;
            return self.schedule(at, far, packet);
        }
        match link.carry(self.now, &packet.bytes, &mut self.random) {
            Ok(copies) => {
                for (at, bytes) in copies {
                    self.schedule(at, far, Packet { bytes, ..packet.clone() });
                }
            }
            Err(why) => self.drop_packet(Dropped::Link(why), &packet),
        }
    }

    fn schedule(&mut self, at: Instant, node: Node, packet: Packet) {
        self.scheduled += 1;
        self.queue.push(Reverse(Scheduled { at, sequence: self.scheduled, node, packet }));
    }

    fn arrive(&mut self) {
        let Some(Reverse(Scheduled { node, mut packet, .. })) = self.queue.pop() else { return };
        let host = match self.topology.descend(self.now, node, &mut packet) {
            Ok(host) => host,
            Err(why) => return self.drop_packet(why, &packet),
        };
        if self.severed.contains(&(packet.origin, host)) {
            return self.drop_packet(Dropped::Severed, &packet);
        }
        if !self.inhabitants[host.0].awake {
            return self.drop_packet(Dropped::Absent, &packet);
        }
        *self.arrivals.entry((packet.origin, host)).or_default() += 1;
        let now = self.local_now(host);
        let name = self.host(host).name();
        self.trace.arrived(self.now, name, Brief::new(packet.from, packet.to, &packet.bytes));
        let machine = &mut self.inhabitants[host.0].host;
        machine.handle_datagram(now, packet.from, packet.to, &packet.bytes);
        self.drain(host);
    }

    fn drop_packet(&mut self, why: Dropped, packet: &Packet) {
        self.trace.dropped(self.now, why, Brief::new(packet.from, packet.to, &packet.bytes));
    }
}

impl<H: Host> Drop for World<H> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failed test says how to repeat it")]
            {
                eprintln!("{}seed {} after {:?}", self.trace, self.seed, self.elapsed());
            }
        }
    }
}

fn parse(address: &str) -> IpAddr {
    address.parse().expect("an address in the test")
}

fn parse_all(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| parse(address)).collect()
}
