//! Everything that happens on one peer's sockets.
//!
//! The endpoint tells datagrams apart, keeps the link to the rendezvous ([`link`]), asks it for
//! introductions ([`calls`]) and holds one [`peer::Peer`] for everybody whom it was introduced to.
//!
//! Inputs only change state and fill queues, so any number of them may precede a drain; one
//! [`Endpoint::poll_output`] empties the queues and ends with the next timeout.

mod calls;
mod context;
mod handshaking;
mod link;
mod offer;
mod peer;
mod registration;
mod sockets;
mod survey;
mod surveying;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address;
use p2pchat_wire::datagram::{Datagram, Sealed};
use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::stun;

use calls::Calls;
use context::Context;
use link::Link;
use peer::Peer;
use registration::Registering;
use sockets::Sockets;
use survey::Survey;

use super::frame::Candidate;
use super::path::{Pair, Remote};
use super::punch::memory::Memory;
use super::{Command, Config, DisconnectReason, Event, Output, Policy, SocketId, Transmit};

/// Peers at most; the server introduces no more before somebody leaves.
const MAX_PEERS: usize = 1024;

/// Delay before a peer whose session ended is asked for again.
const REDIAL_DELAY: Duration = Duration::from_secs(1);

/// Datagrams that were dropped, by cause. For tests and for people who wonder.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Dropped {
    /// No datagram of the protocol.
    pub malformed: u64,
    /// For an index, channel or introduction that we do not know.
    pub unknown: u64,
}

/// One peer's end of everything: sans-IO, see the module's description.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    identity: Identity,
    random: Random,
    link: Link,
    registering: Registering,
    calls: Calls,
    pins: HashMap<Name, PeerId>,
    peers: BTreeMap<PeerId, Peer>,
    hosts: Vec<SocketAddr>,
    mapped: Option<SocketAddr>,
    port_mapped: Option<SocketAddr>,
    /// The newest address token, for the person's disk.
    token: Option<[u8; 32]>,
    /// `hosts`, `mapped` and `port_mapped` as they are offered to peers.
    candidates: Vec<Candidate>,
    closed: bool,
    sockets: Sockets,
    survey: Survey,
    memory: Memory,
    /// The one peer with whom a planned punch is under way.
    punching: Option<PeerId>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    dropped: Dropped,
}

impl Endpoint {
    /// An endpoint that knows nobody yet. `seed` is where all its randomness comes from.
    #[must_use]
    pub fn new(config: Config, identity: Identity, seed: [u8; 32], now: Instant) -> Self {
        Self {
            link: Link::new(now, config.started_at_ms),
            config,
            identity,
            random: Random::from_seed(seed),
            registering: Registering::default(),
            calls: Calls::default(),
            pins: HashMap::new(),
            peers: BTreeMap::new(),
            hosts: Vec::new(),
            mapped: None,
            port_mapped: None,
            token: None,
            candidates: Vec::new(),
            closed: false,
            sockets: Sockets::default(),
            survey: Survey::default(),
            memory: Memory::default(),
            punching: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            dropped: Dropped::default(),
        }
    }

    /// What was dropped so far.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Applies something that a person or the wiring wants.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        if self.closed {
            return;
        }
        match command {
            Command::UseRendezvous { mut addresses, key, token } => {
                addresses.truncate(8);
                let canonical = addresses.into_iter().map(address::canonical).collect();
                self.link.use_server(now, canonical, key, token, &mut self.random);
            }
            Command::Register(name) => self.registering.want(now, name),
            Command::Unregister => self.registering.give_up(now),
            Command::Pin { name, key } => {
                self.pins.insert(name.clone(), key);
                self.calls.ask_again(now, &name, Duration::ZERO);
            }
            Command::Connect(name) => {
                self.calls.add(now, name.clone());
                for peer in self.peers.values_mut().filter(|peer| *peer.name() == name) {
                    peer.call_as(&name);
                    if peer.is_connected() {
                        self.calls.connected(&name);
                    }
                }
            }
            Command::Disconnect(name) => {
                self.calls.remove(&name);
                self.with_peers_named(now, &name, |peer, cx| {
                    if peer.call_off(&name) {
                        peer.close(cx, DisconnectReason::Closed);
                    }
                });
            }
            Command::Send { peer, tag, message } => {
                self.with_peer(now, peer, |peer, cx| peer.send(cx, tag, message));
            }
            Command::SetHostCandidates(hosts) => {
                self.hosts = hosts;
                self.renew_candidates(now);
            }
            Command::SetPortMapping(endpoint) => {
                self.port_mapped = endpoint;
                self.renew_candidates(now);
            }
            Command::NetworkChanged => {
                self.link.ping_now(now);
                self.with_all_peers(now, |peer, cx| peer.network_changed(cx));
            }
            Command::DescribePaths(id) => {
                let report = self.with_peer(now, id, |peer, cx| peer.describe_punch(cx));
                let report = report.map(Box::new);
                let described = report.map(|report| Event::PunchDescribed { peer: id, report });
                self.events.extend(described);
                let paths = self.peers.get(&id).map(Peer::describe).unwrap_or_default();
                self.events.push_back(Event::PathsDescribed { peer: id, paths });
            }
            Command::RecallPunch { peer, lesson } => self.memory.learn(peer, lesson),
            Command::Close => {
                self.with_all_peers(now, |peer, cx| peer.close(cx, DisconnectReason::Closed));
                self.say_goodbye();
                self.closed = true;
            }
        }
        self.advance(now);
    }

    /// Processes one datagram that arrived on the socket `local`. Bad input is counted and dropped,
    /// never returned.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketId,
        from: SocketAddr,
        bytes: &[u8],
    ) {
        if self.closed {
            return;
        }
        let from = Pair { local, remote: address::canonical(from) };
        match Datagram::parse(bytes) {
            _ if stun::is_stun(bytes) => self.dispatch_stun(from, bytes),
            Ok(datagram) => self.dispatch(now, from, datagram, bytes.len()),
            Err(_) => self.dropped.malformed += 1,
        }
        self.advance(now);
    }

    fn dispatch(&mut self, now: Instant, from: Pair, datagram: Datagram<'_>, bytes: usize) {
        match datagram {
            Datagram::Challenge(challenge) => self.link.handle_challenge(from.remote, &challenge),
            Datagram::LinkResponse(response) => {
                let event = self.link.handle_response(now, from.remote, &response);
                self.on_link_event(now, event);
            }
            Datagram::LinkData(sealed) if self.link.is_ours(sealed.receiver) => {
                let event = self.link.handle_sealed(now, from.remote, &sealed);
                self.on_link_event(now, event);
            }
            Datagram::Relay { channel, inner } if self.link.address() == Some(from.remote) => {
                let peer = self.peers.values().find(|peer| peer.channel == Some(channel));
                let id = peer.map(|peer| peer.indexed_by());
                match (id, Datagram::parse(inner)) {
                    (Some(id), Ok(inner)) => {
                        self.dispatch_to_peer(now, id, Remote::Relay, inner, bytes)
                    }
                    _ => self.dropped.unknown += 1,
                }
            }
            Datagram::PeerInit(_)
            | Datagram::PeerResponse(_)
            | Datagram::PeerData(_)
            | Datagram::Punch { .. }
                if self.config.policy == Policy::RelayOnly =>
            {
                self.dropped.unknown += 1;
            }
            Datagram::PeerInit(init) => {
                let owner = self.owner_of_introduction(init.introduction);
                self.dispatch_or_drop(now, owner, from, datagram, bytes);
            }
            Datagram::Punch { introduction } => {
                let owner = self.owner_of_introduction(introduction);
                self.dispatch_or_drop(now, owner, from, datagram, bytes);
            }
            Datagram::PeerResponse(response) => {
                let owner = self.owner_of_index(response.receiver);
                self.dispatch_or_drop(now, owner, from, datagram, bytes);
            }
            Datagram::PeerData(Sealed { receiver, .. }) => {
                let owner = self.owner_of_index(receiver);
                self.dispatch_or_drop(now, owner, from, datagram, bytes);
            }
            _ => self.dropped.unknown += 1,
        }
    }

    fn dispatch_or_drop(
        &mut self,
        now: Instant,
        owner: Option<PeerId>,
        from: Pair,
        datagram: Datagram<'_>,
        bytes: usize,
    ) {
        match owner {
            Some(id) => self.dispatch_to_peer(now, id, Remote::Direct(from), datagram, bytes),
            None => self.dropped.unknown += 1,
        }
    }

    fn dispatch_to_peer(
        &mut self,
        now: Instant,
        id: PeerId,
        remote: Remote,
        datagram: Datagram<'_>,
        bytes: usize,
    ) {
        self.with_peer(now, id, |peer, cx| match datagram {
            Datagram::PeerInit(init) => peer.handle_init(cx, remote, &init),
            Datagram::PeerResponse(response) => peer.handle_response(cx, remote, &response, bytes),
            Datagram::PeerData(sealed) => peer.handle_sealed(cx, remote, &sealed, bytes),
            Datagram::Punch { .. } => {
                if let Remote::Direct(from) = remote {
                    peer.handle_punch(cx, from);
                }
            }
            _ => {}
        });
    }

    fn owner_of_introduction(&self, introduction: u64) -> Option<PeerId> {
        let owns = |peer: &&Peer| peer.introduction == Some(introduction);
        self.peers.values().find(owns).map(Peer::indexed_by)
    }

    fn owner_of_index(&self, index: u32) -> Option<PeerId> {
        let owns = |peer: &&Peer| peer.indexes().any(|ours| ours == index);
        self.peers.values().find(owns).map(Peer::indexed_by)
    }

    /// Advances the clock; call no later than the last [`Output::Timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        let due: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.timeout().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.with_peer(now, id, |peer, cx| peer.handle_timeout(cx));
        }
        self.advance(now);
    }

    /// Takes the next output; `Timeout` is always the last. Any number of inputs may precede.
    pub fn poll_output(&mut self) -> Output {
        if let Some(request) = self.sockets.poll_opening() {
            return Output::Socket(request);
        }
        if let Some(transmit) = self.transmits.pop_front() {
            return Output::Transmit(transmit);
        }
        if let Some(request) = self.sockets.poll_closing() {
            return Output::Socket(request);
        }
        if let Some(event) = self.events.pop_front() {
            return Output::Event(event);
        }
        if self.closed {
            return Output::Timeout(None);
        }
        let own = [
            self.link.timeout(),
            self.registering_timeout(),
            self.calls_timeout(),
            self.survey.timeout(),
        ];
        let peers = self.peers.values().filter_map(Peer::timeout);
        Output::Timeout(own.into_iter().flatten().chain(peers).min())
    }

    /// Renews what we offer to peers.
    fn renew_candidates(&mut self, now: Instant) {
        let candidates = match self.config.policy {
            Policy::RelayOnly => Vec::new(),
            _ => offer::candidates(self.mapped, self.port_mapped, &self.hosts),
        };
        if candidates != self.candidates {
            self.candidates = candidates;
            self.with_all_peers(now, |peer, cx| peer.offer(cx));
        }
    }

    fn with_all_peers(&mut self, now: Instant, work: impl Fn(&mut Peer, &mut Context<'_>)) {
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.with_peer(now, id, &work);
        }
    }

    fn with_peers_named(
        &mut self,
        now: Instant,
        name: &Name,
        work: impl Fn(&mut Peer, &mut Context<'_>),
    ) {
        let named = self.peers.iter().filter(|(_, peer)| peer.is_known_as(name));
        for id in named.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.with_peer(now, id, &work);
        }
    }

    /// Lends the endpoint's belongings to one peer, and looks after what it asked for.
    fn with_peer<R>(
        &mut self,
        now: Instant,
        id: PeerId,
        work: impl FnOnce(&mut Peer, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let peer = self.peers.get_mut(&id)?;
        let events_before = self.events.len();
        let mut cx = Context {
            now,
            identity: &self.identity,
            policy: self.config.policy,
            random: &mut self.random,
            sockets: &mut self.sockets,
            survey: &mut self.survey,
            budget: &self.config.budget,
            memory: &mut self.memory,
            punching: &mut self.punching,
            transmits: &mut self.transmits,
            events: &mut self.events,
            server: self.link.pair(),
            home: self.link.local(),
            link_rtt: self.link.rtt(),
            candidates: &self.candidates,
            doubt_mapping: false,
            out_of_touch: false,
        };
        let result = work(peer, &mut cx);
        let (doubt_mapping, out_of_touch) = (cx.doubt_mapping, cx.out_of_touch);
        if doubt_mapping {
            self.link.ping_now(now);
        }
        for name in peer.called_as() {
            if out_of_touch {
                self.calls.out_of_touch(now, name);
            }
            for event in self.events.range(events_before..) {
                match event {
                    Event::Connected { .. } => self.calls.connected(name),
                    // Whoever is lost and still wanted is asked for again.
                    Event::Disconnected { .. } => self.calls.ask_again(now, name, REDIAL_DELAY),
                    _ => {}
                }
            }
        }
        Some(result)
    }
}
