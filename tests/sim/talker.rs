//! A peer without a chat above it: the real endpoint, and a log of what it reported.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use p2pchat::proto::{
    Command, Config, Congestion, Endpoint, Event, Output as Out, PathDescription, PathInfo,
    PathKind, Policy, PunchState,
};
use p2pchat_wire::identity::{Identity, Name, PeerId};

use crate::sockets::Sockets;
use crate::world::{Host, Output, epoch};

/// The local port of every peer. Behind two NATs both may well have the same.
pub(crate) const PORT: u16 = 40_000;

/// The wall clock at the beginning of every world, in milliseconds since 1970.
pub(crate) const STARTED_AT_MS: u64 = 1_700_000_000_000;

/// A peer that sends its lines as soon as it has a session, and forgets nothing it hears.
pub(crate) struct Talker {
    name: &'static str,
    endpoint: Endpoint,
    /// Lines that wait for a session.
    waiting: VecDeque<Vec<u8>>,
    next_tag: u64,
    session: Option<PeerId>,
    path: Option<PathInfo>,
    pub(crate) events: Vec<(Instant, Event)>,
    pub(crate) heard: Vec<(Instant, Vec<u8>)>,
    pub(crate) token: Option<[u8; 32]>,
    pub(crate) paths: Vec<PathDescription>,
    /// What was last said about guessing ports.
    pub(crate) punch: Option<PunchState>,
    sockets: Sockets,
}

/// Half of all people have the one controller and half the other: what holds in the simulator holds with
/// both.
pub(crate) fn congestion(seed: &[u8; 32]) -> Congestion {
    if seed[0].is_multiple_of(2) { Congestion::Bbr } else { Congestion::Cubic }
}

/// Half of all people have a processor with AES, so that there are pairs of each kind.
pub(crate) fn has_aes(seed: &[u8; 32]) -> bool {
    seed[1].is_multiple_of(2)
}

impl Talker {
    pub(crate) fn new(name: &'static str, now: Instant, seed: [u8; 32], policy: Policy) -> Self {
        let elapsed = u64::try_from((now - epoch()).as_millis()).expect("a short story");
        let started_at_ms = STARTED_AT_MS + elapsed;
        let congestion = congestion(&seed);
        let aes = has_aes(&seed);
        let config = Config { policy, congestion, started_at_ms, aes, ..Config::default() };
        Self {
            name,
            endpoint: Endpoint::new(config, identity(name), seed, now),
            waiting: VecDeque::new(),
            next_tag: 0,
            session: None,
            path: None,
            events: Vec::new(),
            heard: Vec::new(),
            token: None,
            paths: Vec::new(),
            punch: None,
            sockets: Sockets::new(),
        }
    }

    pub(crate) fn command(&mut self, now: Instant, command: Command) {
        self.endpoint.handle_command(now, command);
    }

    /// Sends a line to whomever there is a session with, now or as soon as there is one.
    pub(crate) fn say(&mut self, now: Instant, line: &[u8]) {
        self.waiting.push_back(line.to_vec());
        self.flush(now);
    }

    /// The path in use, while there is a session.
    pub(crate) fn path(&self) -> Option<PathKind> {
        self.session.and(self.path).map(|path| path.kind)
    }

    /// The path to one of several peers, while there is a session with it.
    pub(crate) fn path_to(&self, wanted: PeerId) -> Option<PathKind> {
        let news = |(_, event): &(_, Event)| match event {
            Event::Connected { peer, path, .. } | Event::PathChanged { peer, path } => {
                (*peer == wanted).then_some(Some(path.kind))
            }
            Event::Disconnected { peer, .. } => (*peer == wanted).then_some(None),
            _ => None,
        };
        self.events.iter().rev().find_map(news).flatten()
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Registered { .. }))
    }

    /// When an event of a kind was first reported.
    pub(crate) fn first(&self, wanted: impl Fn(&Event) -> bool) -> Option<Instant> {
        self.events.iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at)
    }

    fn flush(&mut self, now: Instant) {
        let Some(peer) = self.session else { return };
        while let Some(message) = self.waiting.pop_front() {
            self.next_tag += 1;
            let tag = self.next_tag;
            self.endpoint.handle_command(now, Command::Send { peer, tag, message });
        }
    }

    fn notice(&mut self, now: Instant, event: Event) {
        match &event {
            Event::Connected { peer, path, .. } => {
                (self.session, self.path) = (Some(*peer), Some(*path));
                self.flush(now);
            }
            Event::PathChanged { path, .. } => self.path = Some(*path),
            Event::Disconnected { .. } => (self.session, self.path) = (None, None),
            Event::Registered { token, .. } => self.token = Some(*token),
            Event::Message { message, .. } => self.heard.push((now, message.clone())),
            Event::PathsDescribed { paths, .. } => self.paths = paths.clone(),
            Event::PunchDescribed { report, .. } => self.punch = Some(report.state),
            _ => {}
        }
        self.events.push((now, event));
    }
}

/// The identity that everybody of this name has, in every world.
pub(crate) fn identity(name: &str) -> Identity {
    Identity::from_seed(*blake3::hash(name.as_bytes()).as_bytes())
}

pub(crate) fn named(name: &str) -> Name {
    Name::new(name).expect("a name in the test")
}

impl Host for Talker {
    fn name(&self) -> &'static str {
        self.name
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, at: SocketAddr, bytes: &[u8]) {
        if let Some(socket) = self.sockets.at(at, from) {
            self.endpoint.handle_datagram(now, socket, from, &mut bytes.to_vec());
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
    }

    fn poll(&mut self, now: Instant) -> Output {
        loop {
            match self.endpoint.poll_output() {
                Out::Transmit(transmit) => {
                    if let Some(transmit) = self.sockets.send(transmit) {
                        return Output::Transmit(transmit);
                    }
                }
                Out::Socket(request) => self.sockets.obey(request),
                Out::Event(event) => self.notice(now, event),
                Out::Timeout(timeout) => return Output::Timeout(timeout),
            }
        }
    }
}
