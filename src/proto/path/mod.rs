//! Ways to a peer: candidates, probes, and which one carries the text.
//!
//! A path is a remote endpoint, or the relay. It is *validated* once the peer has echoed a probe
//! that we sent on it; until then it carries probes and, while we are still unsure, copies of what
//! goes over the relay. The relay needs no probe: the server vouches for it.
//!
//! [`Paths`] keeps the list and decides two things: what to probe when ([`Paths::poll_probe`]), and
//! where packets go now ([`Paths::route`]). It knows nothing of what the packets say. The probes
//! travel inside the sealed session, so that nobody but the peer can echo one.

mod blind;
mod moving;
mod probing;
mod report;
mod selection;
mod strangers;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use p2pchat_wire::address;

use blind::Blind;
use report::Traffic;
pub use report::{PathDescription, PathOrigin, PathReason, PathState};
pub(crate) use selection::Route;
pub(crate) use strangers::{Account, Sponsor, Strangers};

use crate::proto::{PathInfo, PathKind, Policy, SocketId, Transmit};

/// How many direct paths to one peer are kept at most.
const MAX_PATHS: usize = 24;

/// How long a path that does not work keeps its place in a full list after it was last heard.
const STALE: Duration = Duration::from_secs(60);

/// Packets that go to an endpoint from which nothing has ever come, and no more within an hour: who
/// lies about an endpoint cannot make us flood it (the "voice hammer" of RFC 8445 §19.5.1).
/// [`Strangers`] counts them.
pub(crate) const MAX_UNANSWERED: u32 = 12;

/// Identifies a path for as long as its peer is known; never used again for another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct PathId(u32);

impl PathId {
    /// The path through the rendezvous.
    pub(crate) const RELAY: Self = Self(0);

    #[cfg(test)]
    pub(crate) fn direct(number: u32) -> Self {
        Self(number + 1)
    }
}

/// Both ends of a direct path (RFC 8445 §6.1.2): a socket of ours and a remote endpoint.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Pair {
    /// Ours.
    pub(crate) local: SocketId,
    /// The other's, canonical.
    pub(crate) remote: SocketAddr,
}

impl Pair {
    /// A datagram from this end to that.
    pub(crate) fn transmit(self, ttl: Option<u8>, payload: Vec<u8>) -> Transmit {
        let (whole, segment_size) = (false, None);
        Transmit { from: self.local, to: self.remote, ttl, whole, segment_size, payload }
    }
}

/// How a packet comes or goes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Remote {
    /// Through the relay channel.
    Relay,
    /// Straight.
    Direct(Pair),
}

/// How a remote endpoint was learnt (RFC 8445 §5.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// The peer says that it is an address of its own machine.
    Host,
    /// A rendezvous or the peer says that its NAT maps it there.
    ServerReflexive,
    /// The peer says that its router forwards the port, asked to.
    PortMapped,
    /// An authentic packet came from there.
    PeerReflexive,
}

/// What probing has shown about a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Never echoed a probe.
    Unproven,
    /// Echoed one, and has not gone silent since.
    Validated,
    /// Was validated and stopped answering at this time. It is probed for as long as the session
    /// lives: it did answer once, and a direct path is worth waiting for.
    Silent(Instant),
}

/// One direct path.
#[derive(Debug)]
struct Path {
    id: PathId,
    pair: Pair,
    origin: Origin,
    state: State,
    probes: Probes,
    /// Announced in our own network.
    near: bool,
    /// Smoothed over the echoes.
    rtt: Option<Duration>,
    /// The shortest since it was validated: what it is without a queue.
    least_rtt: Option<Duration>,
    /// When the last authentic packet came from there.
    heard_at: Option<Instant>,
    /// Since when the peer may have moved away from here, until an echo says otherwise.
    suspected_at: Option<Instant>,
    /// Whether a network has changed since the last echo: it may work no longer.
    shaken: bool,
    /// Whether one end is about to move: any other path that works is better.
    retiring: bool,
    /// Packets that went there since a planned punch led to it, if one did, while nothing else had
    /// come from there. They are counted apart from those that somebody's word causes: it is a sign
    /// of life, if no proof.
    found: Option<u32>,
    received_bytes: usize,
    sent_bytes: usize,
    /// Of the session, and the punches before it.
    traffic: Traffic,
}

/// The probes of one path.
#[derive(Debug, Default)]
struct Probes {
    /// Not echoed yet, newest last, at most [`MAX_UNANSWERED`].
    in_flight: VecDeque<(u64, Instant)>,
    /// When the next one is due; `None` for a path that is not worth another.
    next: Option<Instant>,
    /// Whether there was no room for the one that was due.
    waiting: bool,
    /// Sent since the last echo.
    unanswered: u32,
    sent: u32,
    answered: u32,
    /// Echoes since it was validated.
    together: u32,
}

/// Every path to one peer.
#[derive(Debug)]
pub(crate) struct Paths {
    policy: Policy,
    relay: bool,
    /// Whether ours is the end of it that has no UDP.
    over_tcp: bool,
    relayed: Traffic,
    /// When the last authentic packet came over it.
    relay_heard_at: Option<Instant>,
    direct: Vec<Path>,
    next_id: u32,
    /// Paths that gave way to others since the session was told.
    forgotten: Vec<PathId>,
    blind: Blind,
    /// The shortest round trip over the relay, once measured.
    relay_rtt: Option<Duration>,
    /// What the peer names as its own, and what it named before.
    offered: Vec<SocketAddr>,
    left: Vec<SocketAddr>,
    /// The socket of ours that is on its way out.
    leaving: Option<SocketId>,
    /// The path that text was last routed to.
    active: Option<PathId>,
}

impl Paths {
    /// No paths yet.
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            relay: false,
            over_tcp: false,
            relayed: Traffic::default(),
            relay_heard_at: None,
            direct: Vec::new(),
            next_id: 1,
            forgotten: Vec::new(),
            blind: Blind::default(),
            relay_rtt: None,
            offered: Vec::new(),
            left: Vec::new(),
            leaving: None,
            active: None,
        }
    }

    /// Whether we reach the relay over TCP alone.
    pub(crate) fn is_over_tcp(&self) -> bool {
        self.over_tcp
    }

    /// From now on we do, or do not.
    pub(crate) fn set_over_tcp(&mut self, over_tcp: bool) {
        self.over_tcp = over_tcp;
    }

    /// A relay channel to the peer exists, or no longer.
    pub(crate) fn set_relay(&mut self, exists: bool) {
        self.relay = exists;
    }

    /// The shortest round trip over the relay, once measured.
    pub(crate) fn set_relay_rtt(&mut self, rtt: Option<Duration>) {
        self.relay_rtt = rtt;
    }

    /// Learns of a pair that may lead to the peer; it is probed at once.
    ///
    /// The caller has checked that the address is permitted. Known pairs are left as they are, but for
    /// a silent one, which is probed: perhaps it works again. One that was given up is named again: if
    /// that was long ago, there is room for it in the account.
    /// When the list is full, a path gives way that was never heard, and to one that was only named
    /// only if it is not probed now; or else of those that do not work now the one that was heard
    /// longest ago, unless that was just now.
    pub(crate) fn add(&mut self, now: Instant, pair: Pair, origin: Origin) -> Option<PathId> {
        if self.policy == Policy::RelayOnly {
            return None;
        }
        if let Some(path) = self.direct.iter_mut().find(|path| path.pair == pair) {
            // Not if it is only heard: two silent ends would answer each packet with another.
            if matches!(path.state, State::Silent(_)) && origin != Origin::PeerReflexive {
                path.probes.next = Some(now);
            }
            if path.is_given_up() && origin != Origin::PeerReflexive {
                path.probes.unanswered = 0;
                path.probes.next = Some(now);
            }
            return Some(path.id);
        }
        if self.direct.len() >= MAX_PATHS {
            // Between two NATs with a port for each destination, every probe comes from a new
            // endpoint and is answered with a probe to it. Only time may make room for more.
            let idle = |path: &&Path| {
                path.state != State::Validated
                    && match path.heard_at {
                        Some(at) => now.saturating_duration_since(at) >= STALE,
                        None => {
                            origin == Origin::PeerReflexive
                                || path.probes.next.is_none()
                                || path.probes.waiting
                        }
                    }
            };
            let victim = self.direct.iter().filter(idle).min_by_key(|path| path.heard_at)?.id;
            self.direct.retain(|path| path.id != victim);
            self.forgotten.push(victim);
        }
        let id = PathId(self.next_id);
        self.next_id += 1;
        let retiring = self.is_retiring(pair);
        self.direct.push(Path { retiring, ..Path::new(id, pair, origin, now) });
        Some(id)
    }

    /// A packet of a planned punch came in through this pair.
    pub(crate) fn add_found(&mut self, now: Instant, pair: Pair) {
        let id = self.add(now, pair, Origin::PeerReflexive);
        if let Some(path) = id.and_then(|id| self.find_mut(id))
            && path.found.is_none()
        {
            path.found = Some(0);
            path.probes.next = Some(now);
        }
    }

    /// Whether a direct path works.
    pub(crate) fn has_direct(&self) -> bool {
        self.direct.iter().any(|path| path.state == State::Validated)
    }

    /// Whether a path works between one of these sockets and this address.
    pub(crate) fn is_direct_through(&self, sockets: &[SocketId], remote: IpAddr) -> bool {
        self.direct.iter().any(|path| {
            path.state == State::Validated
                && sockets.contains(&path.pair.local)
                && path.pair.remote.ip() == remote
        })
    }

    /// Whether anything authentic ever arrived at this socket.
    pub(crate) fn was_heard_at(&self, socket: SocketId) -> bool {
        self.direct.iter().any(|path| path.pair.local == socket && path.heard_at.is_some())
    }

    /// The socket is to be closed: its paths lead nowhere.
    pub(crate) fn leave(&mut self, socket: SocketId) {
        let left = self.direct.iter().filter(|path| path.pair.local == socket).map(|path| path.id);
        self.forgotten.extend(left);
        self.direct.retain(|path| path.pair.local != socket);
    }

    /// An authentic packet of `bytes` bytes came from `remote`; returns its path.
    ///
    /// An unexpected endpoint becomes a peer-reflexive candidate (RFC 8445 §7.3.1.3).
    pub(crate) fn heard(&mut self, now: Instant, remote: Remote, bytes: usize) -> Option<PathId> {
        let Remote::Direct(pair) = remote else {
            self.relayed.received += 1;
            self.relay_heard_at = Some(now);
            return Some(PathId::RELAY);
        };
        let known = self.direct.iter().find(|path| path.pair == pair).map(|path| path.id);
        let id = known.or_else(|| self.add(now, pair, Origin::PeerReflexive))?;
        let path = self.find_mut(id)?;
        path.traffic.received += 1;
        let first = path.heard_at.is_none();
        path.heard_at = Some(now);
        path.received_bytes = path.received_bytes.saturating_add(bytes);
        // RFC 8445 §7.3.1.4: a check that arrives triggers one the other way, at once.
        // But not every packet: where a path is silent to both sides, each probe would bring two.
        let again = matches!(path.state, State::Silent(_)) && !path.was_just_probed(now);
        if path.state != State::Validated && (first || again || path.probes.next.is_none()) {
            path.probes.unanswered = 0;
            path.probes.next = Some(now);
        }
        if first && self.active != Some(id) {
            self.suspect_roaming(now);
        }
        Some(id)
    }

    /// A session has ended: nothing that it proved about its paths holds for the next one, which may
    /// be with a new process at other endpoints. Only `keep` may be tried again.
    pub(crate) fn start_over(&mut self, now: Instant, keep: &[Pair]) {
        self.active = None;
        self.relayed = Traffic::default();
        self.direct.retain(|path| keep.contains(&path.pair));
        for path in &mut self.direct {
            let traffic = path.heard_at.map_or(path.traffic, |_| Traffic::default());
            *path = Path { traffic, ..Path::new(path.id, path.pair, path.origin, now) };
        }
    }

    /// Counts what was sent on a path, for the limit on unproven ones and for people.
    pub(crate) fn sent(&mut self, id: PathId, bytes: usize) {
        if id == PathId::RELAY {
            self.relayed.sent += 1;
        } else if let Some(path) = self.find_mut(id) {
            path.sent_bytes = path.sent_bytes.saturating_add(bytes);
            path.traffic.sent += 1;
        }
    }

    /// Whether a path was given up for silence, or forgotten.
    pub(crate) fn is_silent(&self, id: PathId) -> bool {
        let silent = |path: &Path| matches!(path.state, State::Silent(_));
        id != PathId::RELAY && self.find(id).is_none_or(silent)
    }

    /// The paths that have stopped answering.
    pub(crate) fn silent(&self) -> impl Iterator<Item = PathId> + '_ {
        let silent = |path: &&Path| matches!(path.state, State::Silent(_));
        self.direct.iter().filter(silent).map(|path| path.id)
    }

    /// The paths that gave way to others since the last call: they lead nowhere any more.
    pub(crate) fn take_forgotten(&mut self) -> Vec<PathId> {
        std::mem::take(&mut self.forgotten)
    }

    /// How packets go on a path.
    pub(crate) fn remote(&self, id: PathId) -> Option<Remote> {
        if id == PathId::RELAY {
            return self.relay.then_some(Remote::Relay);
        }
        self.find(id).map(|path| Remote::Direct(path.pair))
    }

    /// What a person is shown about a path.
    pub(crate) fn info(&self, id: PathId) -> PathInfo {
        match self.find(id) {
            None => PathInfo::relay(self.over_tcp, None),
            Some(path) => path.info(),
        }
    }

    fn find(&self, id: PathId) -> Option<&Path> {
        self.direct.iter().find(|path| path.id == id)
    }

    fn find_mut(&mut self, id: PathId) -> Option<&mut Path> {
        self.direct.iter_mut().find(|path| path.id == id)
    }
}

impl Path {
    /// A path of which nothing is known; its first probe is due at once.
    fn new(id: PathId, pair: Pair, origin: Origin, now: Instant) -> Self {
        Self {
            id,
            pair,
            origin,
            state: State::Unproven,
            probes: Probes { next: Some(now), ..Probes::default() },
            near: false,
            rtt: None,
            least_rtt: None,
            heard_at: None,
            suspected_at: None,
            shaken: false,
            retiring: false,
            found: None,
            received_bytes: 0,
            sent_bytes: 0,
            traffic: Traffic::default(),
        }
    }

    /// Whether it was never heard, and is probed no more.
    fn is_given_up(&self) -> bool {
        self.heard_at.is_none() && self.probes.next.is_none()
    }

    fn info(&self) -> PathInfo {
        let local = self.near || address::is_local(self.pair.remote.ip());
        PathInfo {
            kind: if local { PathKind::Lan } else { PathKind::Direct },
            remote: Some(self.pair.remote),
            rtt: self.rtt,
            over_tcp: false,
        }
    }
}

#[cfg(test)]
mod tests;
