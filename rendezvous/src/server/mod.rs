//! The rendezvous without IO: datagrams and times go in, datagrams come out.
//!
//! [`Server`] has the shape of every machine of the project: inputs are method calls that carry
//! `now`, outputs are taken with [`Server::poll_output`] until it yields [`Output::Timeout`].
//! A datagram's way through it:
//!
//! 1. `mod.rs` tells its kind. Answers and peer datagrams are dropped, whatever they are: a server
//!    that answers an answer can be made to talk to another one for ever.
//! 2. A hello gets a cookie and leaves no trace. A link initiation is computed for only after its
//!    cookie or token was found good and its network is within its rate (`handshake.rs`, `limits.rs`).
//! 3. A link makes a peer in `registry.rs`, and perhaps a name its own in `names.rs`, for which it
//!    waits for the disk: [`Output::Claim`] goes out, [`Server::handle_claimed`] comes back.
//! 4. What a peer says afterwards is answered in `signals.rs`, with `watches.rs` for who wants to
//!    know of whom, `entrances.rs` with `rooms.rs` for who is in a room with whom, `mailboxes.rs`
//!    for the letters of invitations, and `relay.rs` for the channels between those who were
//!    introduced.
//! 5. STUN requests are answered in `stun.rs`.
//!
//! # What holds at every moment
//!
//! - Every table has a cap in [`Config`] and a policy when it is full, written at the cap.
//! - No datagram to an address that has not proven itself is longer than the one it answers. STUN
//!   is the one exception, because its answers are longer by definition (RFC 8489): it is bounded
//!   by a rate per network instead. A *token* proves the IP address but not the port.
//! - A repeated, forged or recorded datagram changes nothing.
//! - The order of outputs depends on inputs and seed alone: the maps are B-trees, whose order no
//!   hash decides and whose growth copies nothing.
//! - After a restart nothing is remembered but names, of people and of rooms. A link request recorded before it can then
//!   be played once to make its sender seem present, until the peer itself returns or 75 s pass.

mod config;
mod entrances;
mod handshake;
mod limits;
mod local;
mod mailboxes;
mod names;
mod registry;
mod relay;
mod repeats;
mod rooms;
mod signals;
mod statistics;
mod stun;
mod watches;
mod wheel;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::VERSION;
use p2pchat_wire::address::canonical;
use p2pchat_wire::cookie::CookieJar;
use p2pchat_wire::datagram::{self, Challenge, Datagram, Hello};
use p2pchat_wire::identity::{Identity, Name, PeerId, ServerKey};
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::ServerSignal;

pub use self::config::{Config, Rate};
pub use self::local::{CarrierId, Local};
pub use self::names::ClaimId;
pub use self::relay::{Buffer, MAX_JOINED, Train};
pub use self::rooms::Founding;
pub use self::statistics::{Drop, Statistics};

pub(crate) use self::limits::{Bucket, Census, Networks};

use self::mailboxes::Mailboxes;
use self::names::Names;
use self::registry::{Endpoint, Registry};
use self::relay::Relay;
use self::repeats::Repeats;
use self::rooms::Rooms;
use self::watches::Watches;

/// A datagram to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transmit {
    /// By what.
    pub from: Local,
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub payload: Vec<u8>,
}

/// What the server wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Send this.
    Transmit(Transmit),
    /// Write to disk that the name belongs to the key, then tell [`Server::handle_claimed`].
    Claim {
        /// For the answer.
        id: ClaimId,
        /// The name.
        name: Name,
        /// Its owner to be.
        key: PeerId,
    },
    /// Write to disk what the name of a room stands for, then tell [`Server::handle_claimed`].
    Found {
        /// For the answer.
        id: ClaimId,
        /// The room.
        founding: Founding,
    },
    /// Nothing more now; call [`Server::handle_timeout`] at this time. Always last.
    Timeout(Option<Instant>),
}

/// A claim could not be written to disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the name could not be stored")]
pub struct StorageFailed;

/// How full the tables are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Sizes {
    /// Peers with a link.
    pub peers: usize,
    /// Names that somebody owns.
    pub names: usize,
    /// Claims on their way to the disk, of names and of rooms.
    pub claims: usize,
    /// Rooms that somebody has founded.
    pub rooms: usize,
    /// Peers in rooms, counted once for each.
    pub entrances: usize,
    /// Mailboxes whose time is not over.
    pub mailboxes: usize,
    /// Pairs with a relay channel.
    pub pairs: usize,
    /// Watched names over all peers.
    pub watches: usize,
    /// Responses kept for repetitions.
    pub repeats: usize,
}

/// The rendezvous.
#[derive(Debug)]
pub struct Server {
    config: Config,
    identity: Identity,
    started: Instant,
    /// When the last input came.
    at: u64,
    /// What the clock said: milliseconds since we started, and since 1970.
    wall_clock: Option<(u64, u64)>,
    jar: CookieJar,
    random: Random,
    registry: Registry,
    names: Names,
    rooms: Rooms,
    claims: u64,
    mailboxes: Mailboxes,
    watches: Watches,
    relay: Relay,
    repeats: Repeats,
    rates: Rates,
    statistics: Statistics,
    outputs: VecDeque<Output>,
    stopping: Stopping,
}

/// What is counted for networks and for everybody together.
#[derive(Debug)]
struct Rates {
    handshakes: Networks,
    handshakes_total: Bucket,
    claims: Networks,
    mailboxes: Networks,
    relay: Networks,
    relay_total: Bucket,
    stun: Networks,
    stun_total: Bucket,
}

/// Whether the farewells are being said, and to whom the last one was.
#[derive(Debug)]
enum Stopping {
    No,
    After(Option<PeerId>),
    Done,
}

impl Server {
    /// A server that knows the owners of `names`, and nobody else.
    #[must_use]
    pub fn new(
        config: Config,
        identity: Identity,
        names: impl IntoIterator<Item = (Name, PeerId)>,
        seed: [u8; 32],
        now: Instant,
    ) -> Self {
        let mut random = Random::from_seed(seed);
        let mut networks = || Networks::new(config.max_networks, &mut random);
        let rates = Rates {
            handshakes: networks(),
            handshakes_total: Bucket::default(),
            claims: networks(),
            mailboxes: networks(),
            relay: networks(),
            relay_total: Bucket::default(),
            stun: networks(),
            stun_total: Bucket::default(),
        };
        let relay = Relay::new(&config);
        Self {
            config,
            identity,
            started: now,
            at: 0,
            wall_clock: None,
            jar: CookieJar::new(&mut random),
            random,
            registry: Registry::default(),
            names: Names::new(names),
            rooms: Rooms::default(),
            claims: 0,
            mailboxes: Mailboxes::default(),
            watches: Watches::default(),
            relay,
            repeats: Repeats::default(),
            rates,
            statistics: Statistics::default(),
            outputs: VecDeque::new(),
            stopping: Stopping::No,
        }
    }

    /// The server, with the rooms that were founded before it started.
    #[must_use]
    pub fn with_rooms(mut self, rooms: impl IntoIterator<Item = Founding>) -> Self {
        self.rooms = Rooms::new(rooms);
        self
    }

    /// Tells the time of day, in milliseconds since 1970, which clients may compare with theirs. Nothing
    /// else depends on it; until it is told, clients are not.
    pub fn set_clock(&mut self, now: Instant, since_1970_ms: u64) {
        self.wall_clock = Some((self.clock(now), since_1970_ms));
    }

    /// The public key that clients know this server by.
    #[must_use]
    pub fn key(&self) -> ServerKey {
        self.identity.id()
    }

    /// What has happened so far.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// How full the tables are.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes {
            peers: self.registry.len(),
            names: self.names.len(),
            claims: self.names.claims() + self.rooms.claims(),
            rooms: self.rooms.len(),
            entrances: self.rooms.entrances(),
            mailboxes: self.mailboxes.len(),
            pairs: self.relay.len(),
            watches: self.watches.len(),
            repeats: self.repeats.len(),
        }
    }

    /// Takes a datagram that arrived by `local`.
    ///
    /// What comes by a carrier is treated like any other, cookie and all: a stream proves its
    /// address already, but one protocol is simpler than two.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        local: impl Into<Local>,
        from: SocketAddr,
        bytes: &[u8],
    ) {
        let at = self.clock(now);
        let source = Endpoint { remote: canonical(from), local: local.into() };
        if datagram::relay_channel(bytes).is_some() {
            return self.handle_relay(at, source, bytes);
        }
        self.statistics.received += 1;
        if let Err(cause) = self.handle(at, source, bytes) {
            self.statistics.drop(cause);
        }
    }

    fn handle(&mut self, at: u64, from: Endpoint, bytes: &[u8]) -> Result<(), Drop> {
        if from.remote.port() == 0 {
            return Err(Drop::Malformed);
        }
        match Datagram::parse(bytes).map_err(|_| Drop::Malformed)? {
            Datagram::Hello(hello) => {
                self.challenge(at, from, &hello);
                Ok(())
            }
            Datagram::LinkInit(init) => self.handle_link_init(at, from, &init, bytes.len()),
            Datagram::LinkData(sealed) => self.handle_link_data(at, from, &sealed),
            Datagram::Stun(bytes) => match from.local {
                Local::Udp(local) => self.handle_stun(at, from, local, bytes),
                // STUN is about the NATs before UDP.
                Local::Carrier(_) => Err(Drop::NotForServers),
            },
            _ => Err(Drop::NotForServers),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let at = self.clock(now);
        let silence = millis(self.config.peer_lifetime);
        for (key, peer) in self.registry.expire(at, silence, self.config.max_remembered) {
            self.watches.remove_all(&key, &peer);
            self.rooms.forget(&key, &peer);
            let others: Vec<_> = self.relay.of(&key).collect();
            for other in others {
                if self.registry.peer(&other).is_none() {
                    self.relay.part(key, other);
                }
            }
            if let Some(name) = &peer.name {
                self.announce(at, name);
            }
        }
        self.mailboxes.expire(at);
        self.relay.expire(at, &self.config);
        self.repeats.expire(at, millis(self.config.repeat_lifetime));
    }

    /// Takes the store's answer to [`Output::Claim`] and [`Output::Found`].
    pub fn handle_claimed(
        &mut self,
        now: Instant,
        claim: ClaimId,
        result: Result<(), StorageFailed>,
    ) {
        let at = self.clock(now);
        self.settle(at, claim, result.is_ok());
    }

    /// Tells everybody who has a link that the server is stopping. The datagrams come out of
    /// [`Server::poll_output`] one by one, so a caller in a hurry can leave some of them.
    pub fn stop(&mut self, _now: Instant) {
        if matches!(self.stopping, Stopping::No) {
            self.stopping = Stopping::After(None);
        }
    }

    /// The next thing to do. [`Output::Timeout`] means: nothing more until then.
    pub fn poll_output(&mut self) -> Output {
        match self.poll_unrelayed() {
            Output::Timeout(_) => {}
            output => return output,
        }
        match self.poll_relayed() {
            Some(transmit) => Output::Transmit(transmit),
            None => Output::Timeout(self.next_timeout()),
        }
    }

    /// As [`Server::poll_output`], but relayed datagrams go on waiting.
    pub(crate) fn poll_unrelayed(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        while let Stopping::After(last) = self.stopping {
            self.stopping = match self.registry.following(last) {
                Some(key) => Stopping::After(Some(key)),
                None => Stopping::Done,
            };
            if let Stopping::After(Some(key)) = self.stopping {
                // At time zero no key is too old: a farewell under old keys harms nobody.
                self.tell(0, &key, &ServerSignal::Stopping);
            }
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
        }
        Output::Timeout(self.next_timeout())
    }

    fn next_timeout(&self) -> Option<Instant> {
        let repeats = self.repeats.next(millis(self.config.repeat_lifetime));
        [self.registry.next(), self.mailboxes.next(), self.relay.next(), repeats]
            .into_iter()
            .flatten()
            .min()
            .map(|at| self.started + Duration::from_millis(at))
    }

    fn next_claim(&mut self) -> ClaimId {
        self.claims += 1;
        ClaimId(self.claims)
    }

    /// Answers whatever the version: it is the client who compares.
    fn challenge(&mut self, at: u64, from: Endpoint, hello: &Hello) {
        let cookie = self.jar.cookie(from.remote, &hello.nonce, Duration::from_millis(at));
        let server = self.identity.id().0;
        let time_ms =
            self.wall_clock.map(|(then, time)| time.saturating_add(at.saturating_sub(then)));
        let challenge = Challenge { version: VERSION, nonce: hello.nonce, cookie, server, time_ms };
        self.statistics.challenges += 1;
        self.transmit(from, challenge.encode());
    }

    /// Seals `signal` for a peer, if it has a link, and sends it to where it was last heard.
    fn tell(&mut self, at: u64, key: &PeerId, signal: &ServerSignal) {
        let lifetime = millis(self.config.key_lifetime);
        let Some(peer) = self.registry.peer_mut(key) else { return };
        let endpoint = peer.endpoint;
        if let Some(payload) = peer.seal(at, lifetime, signal) {
            self.transmit(endpoint, payload);
        }
    }

    fn transmit(&mut self, to: Endpoint, payload: Vec<u8>) {
        self.outputs.push_back(Output::Transmit(Transmit {
            from: to.local,
            to: to.remote,
            payload,
        }));
    }

    /// Milliseconds since the server started. A clock that runs backwards stands still here.
    fn clock(&mut self, now: Instant) -> u64 {
        self.at = millis(now.saturating_duration_since(self.started));
        self.at
    }
}

fn millis(duration: Duration) -> u64 {
    // Bounded so that sums of times cannot overflow.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(1 << 60)
}
