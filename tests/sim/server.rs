//! The real rendezvous as a host, with a disk that keeps names.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use p2pchat_rendezvous::server::{self, CarrierId, ClaimId, Config, Founding, Local, Server};
use p2pchat_rendezvous::store::Entry;
use p2pchat_wire::DEFAULT_PORT;
use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::stun::Request;

use crate::topology::STREAMS;
use crate::world::{Host, Output, Transmit};

/// The server's secret, the same in every world.
const IDENTITY: [u8; 32] = [0xcc; 32];

/// A rendezvous that runs, and what is on its disk.
pub(crate) struct Rendezvous {
    pub(crate) server: Server,
    names: Vec<(Name, PeerId)>,
    rooms: Vec<Founding>,
    claims: VecDeque<(Instant, ClaimId, Entry)>,
    commit: Duration,
    /// Whether it listens for streams.
    pub(crate) takes_streams: bool,
    /// Everybody who has come by a stream, by its number.
    streams: Vec<SocketAddr>,
    /// Whether it knows RESPONSE-PORT (RFC 5780 §7.5). Asked by those who do, others stay silent.
    pub(crate) directs_answers: bool,
}

/// Its addresses. There are two for IPv4, so that STUN clients can compare.
pub(crate) const ADDRESSES: [&str; 3] = ["203.0.113.10", "203.0.113.20", "2001:db8:5::10"];

/// The port beside the first, for the same purpose.
const STUN_PORT: u16 = DEFAULT_PORT + 1;

/// What a server with these addresses is started with.
fn config() -> Config {
    let ips = ADDRESSES.iter().map(|ip| ip.parse::<IpAddr>().expect("address"));
    let sockets = ips.flat_map(|ip| [DEFAULT_PORT, STUN_PORT].map(|port| (ip, port).into()));
    Config { sockets: sockets.collect(), ..Config::default() }
}

/// Its public key.
pub(crate) fn server_key() -> PeerId {
    Identity::from_seed(IDENTITY).id()
}

impl Rendezvous {
    /// A server whose disk takes `commit` to write a name.
    pub(crate) fn new(now: Instant, commit: Duration, seed: [u8; 32]) -> Self {
        Self::start(now, commit, Vec::new(), Vec::new(), seed)
    }

    /// What is there after the process has died and was started again: names that were written.
    pub(crate) fn restarted(&self, now: Instant, seed: [u8; 32]) -> Self {
        let (names, rooms) = (self.names.clone(), self.rooms.clone());
        let again = Self::start(now, self.commit, names, rooms, seed);
        Self { takes_streams: self.takes_streams, ..again }
    }

    /// Another server where this one was.
    pub(crate) fn impostor(now: Instant, seed: [u8; 32]) -> Self {
        let identity = Identity::from_seed(seed);
        let server = Server::new(config(), identity, Vec::new(), seed, now);
        Self::around(server, Vec::new(), Vec::new(), Duration::ZERO)
    }

    fn start(
        now: Instant,
        commit: Duration,
        names: Vec<(Name, PeerId)>,
        rooms: Vec<Founding>,
        seed: [u8; 32],
    ) -> Self {
        let identity = Identity::from_seed(IDENTITY);
        let server = Server::new(config(), identity, names.clone(), seed, now);
        Self::around(server.with_rooms(rooms.clone()), names, rooms, commit)
    }

    fn around(
        server: Server,
        names: Vec<(Name, PeerId)>,
        rooms: Vec<Founding>,
        commit: Duration,
    ) -> Self {
        let (claims, streams) = (VecDeque::new(), Vec::new());
        let (takes_streams, directs_answers) = (false, true);
        Self { server, names, rooms, claims, commit, takes_streams, streams, directs_answers }
    }

    fn stream_of(&mut self, from: SocketAddr) -> CarrierId {
        let known = self.streams.iter().position(|known| *known == from);
        let number = known.unwrap_or_else(|| {
            self.streams.push(from);
            self.streams.len() - 1
        });
        CarrierId(number as u64)
    }

    fn commit_due(&mut self, now: Instant) {
        while let Some((_, id, entry)) = self.claims.pop_front_if(|(at, ..)| *at <= now) {
            match entry {
                Entry::Name { name, key } => self.names.push((name, key)),
                Entry::Room(founding) => self.rooms.push(founding),
            }
            self.server.handle_claimed(now, id, Ok(()));
        }
    }
}

impl Host for Rendezvous {
    fn name(&self) -> &'static str {
        "server"
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, local: SocketAddr, bytes: &[u8]) {
        let directed =
            || Request::parse(bytes).is_some_and(|asked| asked.response_port().is_some());
        if !self.directs_answers && directed() {
            return;
        }
        if [DEFAULT_PORT, STUN_PORT].contains(&local.port()) {
            self.server.handle_datagram(now, local, from, bytes);
        } else if local.port() == STREAMS && self.takes_streams {
            let id = self.stream_of(from);
            self.server.handle_datagram(now, id, from, bytes);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.commit_due(now);
        self.server.handle_timeout(now);
    }

    fn poll(&mut self, now: Instant) -> Output {
        loop {
            self.commit_due(now);
            match self.server.poll_output() {
                server::Output::Transmit(server::Transmit { from, to, payload }) => {
                    let (source, port) = match from {
                        Local::Udp(from) => (Some(from.ip()), from.port()),
                        Local::Carrier(_) => (None, STREAMS),
                    };
                    return Output::Transmit(Transmit {
                        source,
                        port,
                        to,
                        ttl: None,
                        segment_size: None,
                        payload,
                    });
                }
                server::Output::Claim { id, name, key } => {
                    let entry = Entry::Name { name, key };
                    self.claims.push_back((now + self.commit, id, entry));
                }
                server::Output::Found { id, founding } => {
                    self.claims.push_back((now + self.commit, id, Entry::Room(founding)));
                }
                server::Output::Timeout(timeout) => {
                    if self.claims.front().is_some_and(|(at, ..)| *at <= now) {
                        continue;
                    }
                    let claim = self.claims.front().map(|(at, ..)| *at);
                    return Output::Timeout(timeout.into_iter().chain(claim).min());
                }
            }
        }
    }
}
