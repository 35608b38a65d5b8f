//! Everything that happens on one peer's sockets.
//!
//! The endpoint tells datagrams apart ([`demux`]). At each rendezvous it has a [`home`]: a [`link`], a name
//! ([`registration`]) and those whom it wants to be introduced to there ([`calls`]). It holds one
//! [`peer::Peer`] for everybody whom it was introduced to ([`introducing`]), by however many
//! servers or in the local network ([`neighbours`]), and finds the peer that a datagram is for in its [`directory`].
//!
//! Inputs only change state and fill queues, so any number of them may precede a drain; one
//! [`Endpoint::poll_output`] empties the queues and ends with the next timeout.

mod calls;
mod carriers;
mod context;
mod demux;
mod directory;
mod handshaking;
mod home;
mod introducing;
mod invitations;
mod leaving;
mod link;
mod neighbours;
mod offer;
mod peer;
mod pins;
mod registration;
mod relays;
mod rooms;
mod rotation;
mod sockets;
mod survey;
mod surveying;
mod train;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address;
use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::{Identity, Name, PeerId, ServerKey};
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::ClientSignal;

use context::Context;
use directory::Directory;
pub use home::MAX_SERVERS;
use home::{Home, Homes};
use neighbours::Neighbours;
use peer::Peer;
use pins::Pins;
use rotation::Rotation;
use sockets::Sockets;
use survey::Survey;

use super::frame::Candidate;
use super::lifetime::idle::IdleSearch;
use super::path::Strangers;
use super::punch::memory::Memory;
use super::punch::targets::Targets;
use super::{
    Command, Config, DisconnectReason, Event, Output, PathReason, PeerName, Policy, PortMapping,
    ServerId, Transmit,
};

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
    /// From or about somebody who is blocked.
    pub blocked: u64,
}

/// One peer's end of everything: sans-IO, see the module's description.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    started: Instant,
    identity: Identity,
    random: Random,
    homes: Homes,
    /// The name to be registered at every server.
    name: Option<Name>,
    /// Everybody whom we want to be connected to.
    wanted: BTreeSet<PeerName>,
    pins: Pins,
    /// What we share with peers who were invited, or invited us.
    secrets: BTreeMap<PeerId, SharedSecret>,
    peers: BTreeMap<PeerId, Peer>,
    directory: Directory,
    neighbours: Neighbours,
    hosts: Vec<SocketAddr>,
    port_mapping: PortMapping,
    /// `hosts`, `port_mapping`, and where the servers see us, as they are offered to peers.
    candidates: Vec<Candidate>,
    /// When we say goodbye at the latest, if we are about to.
    leaves_at: Option<Instant>,
    closed: bool,
    sockets: Sockets,
    rotation: Rotation,
    survey: Survey,
    idle: IdleSearch,
    memory: Memory,
    /// The one peer with whom a planned punch is under way.
    punching: Option<PeerId>,
    strangers: Strangers,
    targets: Targets,
    transmits: VecDeque<Transmit>,
    /// What datagrams have left from, to be filled again.
    spare: Vec<Vec<u8>>,
    events: VecDeque<Event>,
    dropped: Dropped,
}

impl Endpoint {
    /// An endpoint that knows nobody yet. `seed` is where all its randomness comes from.
    #[must_use]
    pub fn new(config: Config, identity: Identity, seed: [u8; 32], now: Instant) -> Self {
        Self {
            config,
            started: now,
            identity,
            random: Random::from_seed(seed),
            homes: Homes::default(),
            name: None,
            wanted: BTreeSet::new(),
            pins: Pins::default(),
            secrets: BTreeMap::new(),
            peers: BTreeMap::new(),
            directory: Directory::default(),
            neighbours: Neighbours::default(),
            hosts: Vec::new(),
            port_mapping: PortMapping::default(),
            candidates: Vec::new(),
            leaves_at: None,
            closed: false,
            sockets: Sockets::default(),
            rotation: Rotation::default(),
            survey: Survey::default(),
            idle: IdleSearch::default(),
            memory: Memory::default(),
            punching: None,
            strangers: Strangers::default(),
            targets: Targets::default(),
            transmits: VecDeque::new(),
            spare: Vec::new(),
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
            Command::UseRendezvous { server, mut addresses, key, token } => {
                addresses.truncate(8);
                let canonical = addresses.into_iter().map(address::canonical).collect();
                self.use_server(now, server, canonical, key, token);
            }
            Command::Register(name) => {
                self.homes.iter_mut().for_each(|home| home.registering.want(now, name.clone()));
                self.name = Some(name);
                self.renew_announcement(now);
            }
            Command::Unregister => {
                self.homes.iter_mut().for_each(|home| home.registering.give_up(now));
                self.name = None;
                self.renew_announcement(now);
            }
            Command::Pin { name, key } => self.pin(now, name, key),
            Command::Unpin(name) => self.unpin(now, &name),
            Command::Block(keys) => self.block(now, keys),
            Command::Connect(name) => self.call(now, &name),
            Command::Disconnect(name) => self.hang_up(now, &name),
            Command::Invite { server, words } => self.invite(now, server, &words),
            Command::Accept { server, number, words } => self.accept(now, server, number, words),
            Command::RecallSecret { peer, secret } => {
                self.secrets.insert(peer, secret);
            }
            Command::EnterRoom { server, room, id, found } => {
                if let Some(home) = self.homes.get_mut(server) {
                    home.rooms.want(now, room, id, found);
                }
            }
            Command::LeaveRoom { server, room } => {
                if let Some(home) = self.homes.get_mut(server) {
                    home.rooms.give_up(&room);
                    self.tell(server, &ClientSignal::LeaveRoom(room));
                }
            }
            Command::Send { peer, tag, message } => {
                self.with_peer(now, peer, |peer, cx| peer.send(cx, tag, message));
            }
            Command::Stream(peer, command) => {
                self.with_peer(now, peer, |peer, cx| peer.use_stream(cx, command));
            }
            Command::MeetNeighbours(disclosure) => self.meet_neighbours(now, disclosure),
            Command::Neighbour { announcement, endpoints } => {
                self.on_neighbour(now, announcement, endpoints);
            }
            Command::NeighbourGone(nonce) => self.on_neighbour_gone(now, &nonce),
            Command::SetHostCandidates(hosts) => {
                self.hosts = hosts;
                self.renew_candidates(now);
            }
            Command::SetPortMapping(state) => {
                if std::mem::replace(&mut self.port_mapping, state) != state {
                    self.events.push_back(Event::PortMapping(state));
                    self.renew_candidates(now);
                }
            }
            Command::NetworkChanged => {
                // A server follows the first packet that it sees from our new endpoint, and only then
                // relays what comes from there.
                for home in self.homes.iter_mut() {
                    home.link.network_changed(now, &mut self.random);
                }
                self.renew_announcement(now);
                // From here, everything may answer.
                self.strangers = Strangers::default();
                self.advance(now);
                self.with_all_peers(now, |peer, cx| peer.network_changed(cx));
                for server in self.homes.ids() {
                    self.repair_relays(now, server);
                }
            }
            Command::CarrierLost(socket) => {
                self.sockets.lose(socket);
                for home in self.homes.iter_mut() {
                    home.link.lose_carrier(now, socket, &mut self.random);
                }
            }
            Command::DescribePaths(id) => {
                let report = self.with_peer(now, id, |peer, cx| peer.describe_punch(cx));
                let report = report.map(Box::new);
                let described = report.map(|report| Event::PunchDescribed { peer: id, report });
                self.events.extend(described);
                let paths = self.peers.get(&id).map(|peer| peer.describe(now));
                let (paths, reason) = paths.unwrap_or((Vec::new(), PathReason::NoPath));
                let upkeep = self.upkeep(now);
                self.events.push_back(Event::PathsDescribed { peer: id, paths, reason, upkeep });
            }
            Command::RecallPunch { peer, lesson } => self.memory.learn(peer, lesson),
            Command::RecallIdle(limit) => self.idle.learn(limit),
            Command::RecallAge(limit) => self.recall_age(now, limit),
            Command::Close => self.begin_to_leave(now),
        }
        self.advance(now);
    }

    fn use_server(
        &mut self,
        now: Instant,
        server: ServerId,
        addresses: Vec<SocketAddr>,
        key: Option<ServerKey>,
        token: Option<[u8; 32]>,
    ) {
        let entered = self.homes.enter(server, self.started, self.config.started_at_ms);
        let Some((home, new)) = entered else { return };
        home.link.use_server(now, addresses, key, token, &mut self.random);
        if new {
            if let Some(name) = &self.name {
                home.registering.want(now, name.clone());
            }
            let names: Vec<Name> = self.wanted.iter().map(|wanted| wanted.name.clone()).collect();
            names.iter().for_each(|name| self.renew_calls(now, name));
        }
        self.with_all_peers(now, |peer, cx| peer.servers_changed(cx));
    }

    /// Takes back the payload of a transmit that has left, to be filled again.
    pub fn reuse(&mut self, payload: Vec<u8>) {
        train::keep(&mut self.spare, payload);
    }

    /// Advances the clock; call no later than the last [`Output::Timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        for id in self.directory.due(now) {
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
        let timeouts = [
            self.servers_timeout(),
            self.survey.timeout(),
            self.idle.timeout(self.is_search_unwelcome()),
            self.neighbours_timeout(),
            self.rotation.timeout(self.homes.local()).filter(|_| self.punching.is_none()),
            self.directory.timeout(),
            self.leaves_at,
        ];
        Output::Timeout(timeouts.into_iter().flatten().min())
    }

    /// Renews what we offer to peers from our interfaces and our mappings.
    fn renew_candidates(&mut self, now: Instant) {
        let candidates = match self.config.policy {
            Policy::RelayOnly => Vec::new(),
            _ => {
                let mapped = self.homes.iter().filter_map(Home::reflexive);
                offer::candidates(mapped, self.port_mapping.external(), &self.hosts)
            }
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
        name: &PeerName,
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
        let keepalive = self.upkeep(now).path();
        let peer = self.peers.get_mut(&id)?;
        let (events_before, transmits_before) = (self.events.len(), self.transmits.len());
        let mut cx = Context {
            now,
            identity: &self.identity,
            secrets: &self.secrets,
            policy: self.config.policy,
            congestion: self.config.congestion,
            aes: self.config.aes,
            random: &mut self.random,
            sockets: &mut self.sockets,
            survey: &mut self.survey,
            keepalive,
            budget: &self.config.budget,
            memory: &mut self.memory,
            punching: &mut self.punching,
            strangers: &mut self.strangers,
            targets: &mut self.targets,
            transmits: &mut self.transmits,
            spare: &mut self.spare,
            events: &mut self.events,
            homes: &self.homes,
            via: None,
            home: self.homes.local(),
            candidates: &self.candidates,
            doubt_mapping: false,
            out_of_touch: false,
        };
        let result = work(peer, &mut cx);
        let (doubt_mapping, out_of_touch) = (cx.doubt_mapping, cx.out_of_touch);
        if doubt_mapping {
            // Before what the peer had to say, of which a copy may go over the relay.
            for ping in self.homes.show_endpoint(now) {
                self.transmits.insert(transmits_before, ping);
            }
        }
        let mut connected = false;
        for event in self.events.range(events_before..) {
            connected |= matches!(event, Event::Connected { .. });
            // Whoever is lost and still wanted is asked for again.
            let lost = matches!(event, Event::Disconnected { .. });
            for home in self.homes.iter_mut().filter(|_| lost) {
                for name in peer.called_as() {
                    home.calls.ask_again(now, &name.name, REDIAL_DELAY);
                }
            }
        }
        for home in self.homes.iter_mut().filter(|_| out_of_touch) {
            for name in peer.called_as() {
                home.calls.out_of_touch(now, &name.name);
            }
        }
        self.directory.refresh(peer);
        if connected {
            self.note_connected(id);
            self.note_names(id);
        }
        Some(result)
    }
}
