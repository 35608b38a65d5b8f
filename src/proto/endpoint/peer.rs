//! One remote peer: its introduction, its handshakes, its paths and its session.
//!
//! `path` and `session` know nothing of each other; this is where they meet. A peer asks the paths
//! where packets go, has the session make them, and tells each what the other learnt.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address;
use p2pchat_wire::datagram::{PeerInit, Response, Sealed, punch};
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::Introduction;

use super::context::Context;
use super::handshaking::Handshaking;
use crate::proto::frame::Candidate;
use crate::proto::path::{Origin, PathId, Paths, Remote};
use crate::proto::session::{IDLE_TIMEOUT, Session, SessionEvent};
use crate::proto::{DisconnectReason, Event, PathDescription, PathInfo, PathKind, Policy};

/// IP time to live of the packet that opens our NAT without reaching the other one.
///
/// Two hops pass one router of our own and end in the network behind it. A router that lets
/// unsolicited packets reach itself remembers the flow and then gives our own packets another
/// port; the primer makes sure that each side's router has seen its own host first.
const PRIMER_TTL: u8 = 2;

/// How long the first direct packet waits where the rendezvous is so near that the two sides'
/// primers race: introductions to both sides leave together, but the programs that receive them
/// are scheduled with a few milliseconds' difference. Over longer distances the direct packet is
/// slower than the introduction by the triangle's third side, and nothing waits.
const GUARD: Duration = Duration::from_millis(8);

/// Endpoints to which handshake packets go directly: the introduced one, and those that punches
/// came from.
const MAX_TARGETS: usize = 4;

/// How long a session that we answered may stay without a single packet from who opened it.
const UNCONFIRMED_TIMEOUT: Duration = Duration::from_secs(10);

/// One remote peer.
#[derive(Debug)]
pub(super) struct Peer {
    id: PeerId,
    name: Name,
    /// Whether we asked to be connected; an answered session is then believed before its first
    /// packet.
    pub(super) called: bool,
    pub(super) introduction: Option<u64>,
    pub(super) channel: Option<u64>,
    pub(super) introduced_at: Instant,
    targets: Vec<SocketAddr>,
    /// Datagrams that wait for [`GUARD`], once.
    guarded: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    handshaking: Handshaking,
    paths: Paths,
    session: Option<Session>,
    /// A session with a new instance of the peer, which becomes the session with its first packet.
    successor: Option<Session>,
    /// Whether a packet has arrived in the session.
    confirmed: bool,
    /// What the endpoint was told about the path, while it was told that we are connected.
    reported: Option<PathInfo>,
}

impl Peer {
    /// A peer that we want to reach or that was introduced to us.
    pub(super) fn new(now: Instant, id: PeerId, name: Name, policy: Policy, instance: u64) -> Self {
        Self {
            id,
            name,
            called: false,
            introduction: None,
            channel: None,
            introduced_at: now,
            targets: Vec::new(),
            guarded: VecDeque::new(),
            handshaking: Handshaking::new(id, instance),
            paths: Paths::new(policy),
            session: None,
            successor: None,
            confirmed: false,
            reported: None,
        }
    }

    /// The key by which the endpoint finds this peer.
    pub(super) fn indexed_by(&self) -> PeerId {
        self.id
    }

    /// The name under which it was introduced.
    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// Whether a session is established, as far as the endpoint was told.
    pub(super) fn is_connected(&self) -> bool {
        self.reported.is_some()
    }

    /// Whether there is a session, or a handshake of ours on the way to one.
    pub(super) fn is_engaged(&self) -> bool {
        self.session.is_some() || self.handshaking.is_open()
    }

    /// Whether nothing is left of it that anybody needs.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_engaged() && !self.called
    }

    /// Our indexes that lead to this peer.
    pub(super) fn indexes(&self) -> impl Iterator<Item = u32> + '_ {
        let sessions = [&self.session, &self.successor].into_iter().flatten();
        sessions.flat_map(Session::indexes).chain(self.handshaking.index())
    }

    /// The opening of a handshake, to travel inside a connect signal. `None` if there is a session
    /// or the key is unusable.
    pub(super) fn initiation(&mut self, cx: &mut Context<'_>) -> Option<Vec<u8>> {
        if self.session.is_some() {
            return None;
        }
        self.handshaking.open(cx, None)
    }

    /// The peer is not there: nobody will answer what we opened.
    pub(super) fn is_away(&mut self) {
        if self.session.is_none() {
            self.handshaking.abandon();
        }
    }

    /// The rendezvous introduced us.
    pub(super) fn introduced(&mut self, cx: &mut Context<'_>, introduction: &Introduction) {
        let news = self.introduction != Some(introduction.introduction);
        self.name = introduction.name.clone();
        self.introduction = Some(introduction.introduction);
        self.channel = Some(introduction.channel);
        self.introduced_at = cx.now;
        self.paths.set_relay(true);
        let endpoint = introduction.endpoint.filter(|&endpoint| cx.may_send_directly(endpoint));
        if let Some(endpoint) = endpoint {
            self.aim(endpoint);
            self.paths.add(cx.now, endpoint, Origin::ServerReflexive);
        }
        if news && self.session.is_some() {
            self.paths.probe_all(cx.now);
        }
        if let Some(endpoint) = endpoint {
            cx.transmit_with_ttl(endpoint, PRIMER_TTL, punch(introduction.introduction));
        }
        if self.reported.is_none() {
            cx.event(Event::Connecting { name: self.name.clone(), peer: self.id });
        }
        let initiation =
            introduction.initiation.as_deref().and_then(<[u8]>::split_first_chunk::<4>);
        match initiation {
            Some((sender, noise)) if !introduction.caller => {
                let init = PeerInit {
                    introduction: introduction.introduction,
                    sender: u32::from_be_bytes(*sender),
                    noise,
                };
                self.handle_init(cx, Remote::Relay, &init);
            }
            // The caller did not know our key, or has lost touch with a session that we may still
            // have: an opening gives it new keys, or a new one to who has none.
            _ if !introduction.caller => self.open(cx),
            _ => {}
        }
        if let (true, Some(endpoint)) = (introduction.caller, endpoint) {
            self.send_guarded(cx, endpoint, punch(introduction.introduction));
        }
        self.drive(cx);
    }

    /// Opens a handshake, or repeats the one that is open, on every way there is.
    fn open(&mut self, cx: &mut Context<'_>) {
        let instance = self.session.as_ref().map(|session| session.instances().local);
        self.handshaking.open(cx, instance);
        self.send_opening(cx);
    }

    fn send_opening(&mut self, cx: &mut Context<'_>) {
        let Some(introduction) = self.introduction else { return };
        let Some(datagram) = self.handshaking.opening_datagram(introduction) else { return };
        self.send_everywhere(cx, &datagram);
    }

    /// Over the relay, on the active path, and to every endpoint that may be the peer's.
    fn send_everywhere(&mut self, cx: &mut Context<'_>, datagram: &[u8]) {
        if let Some(channel) = self.channel {
            cx.transmit_relayed(channel, datagram);
        }
        let active = self.paths.active().and_then(|path| self.paths.remote(path));
        let mut targets = self.targets.clone();
        if let Some(Remote::Direct(active)) = active
            && !targets.contains(&active)
        {
            targets.push(active);
        }
        for target in targets {
            self.send_guarded(cx, target, datagram.to_vec());
        }
    }

    fn send_guarded(&mut self, cx: &mut Context<'_>, to: SocketAddr, datagram: Vec<u8>) {
        let way = cx.link_rtt.unwrap_or_default() / 2;
        let at = self.introduced_at + GUARD.saturating_sub(way);
        if !self.paths.may_send_blindly(to) {
            return;
        }
        if at <= cx.now {
            cx.transmit(to, datagram);
        } else if self.guarded.len() < 2 * MAX_TARGETS {
            self.guarded.push_back((at, to, datagram));
        }
    }

    fn aim(&mut self, target: SocketAddr) {
        let target = address::canonical(target);
        self.targets.retain(|known| *known != target);
        self.targets.insert(0, target);
        self.targets.truncate(MAX_TARGETS);
    }

    /// A punch with our introduction's number arrived: most likely from the peer's NAT.
    pub(super) fn handle_punch(&mut self, cx: &mut Context<'_>, from: SocketAddr) {
        if !cx.may_send_directly(from) {
            return;
        }
        self.paths.add(cx.now, from, Origin::PeerReflexive);
        if !self.targets.contains(&from) {
            self.aim(from);
            // What we have to say has not reached that endpoint yet.
            if let Some(introduction) = self.introduction
                && let Some(datagram) = self.handshaking.pending_datagram(introduction)
            {
                cx.transmit(from, datagram);
            }
        }
        self.drive(cx);
    }

    /// Noise message 1 arrived.
    pub(super) fn handle_init(
        &mut self,
        cx: &mut Context<'_>,
        remote: Remote,
        init: &PeerInit<'_>,
    ) {
        if self.handshaking.has_answered(init.noise) {
            let Some(datagram) = self.handshaking.last_answer() else { return };
            return self.reply(cx, remote, datagram);
        }
        let session = self.session.as_ref().map(Session::instances);
        let Some(answer) = self.handshaking.answer(cx, init, session) else { return };
        match &mut self.session {
            Some(session) if session.instances() == answer.instances => {
                session.add_epoch(answer.epoch);
                self.reply(cx, remote, answer.datagram);
            }
            Some(_) if self.confirmed => {
                self.successor = Some(Session::new(cx.now, answer.instances, answer.epoch));
                self.reply(cx, remote, answer.datagram);
            }
            _ => {
                // What was sent in a session that the peer never confirmed is lost.
                self.end_session(cx, DisconnectReason::Restarted);
                self.session = Some(Session::new(cx.now, answer.instances, answer.epoch));
                self.send_everywhere(cx, &answer.datagram);
                if let Remote::Direct(from) = remote
                    && !self.targets.contains(&from)
                {
                    cx.transmit(from, answer.datagram);
                }
                if self.called {
                    self.report_connected(cx);
                }
            }
        }
        self.drive(cx);
    }

    fn reply(&mut self, cx: &mut Context<'_>, remote: Remote, datagram: Vec<u8>) {
        match remote {
            Remote::Direct(to) => cx.transmit(to, datagram),
            Remote::Relay => {
                if let Some(channel) = self.channel {
                    cx.transmit_relayed(channel, &datagram);
                }
            }
        }
    }

    /// Noise message 2 arrived.
    pub(super) fn handle_response(
        &mut self,
        cx: &mut Context<'_>,
        remote: Remote,
        response: &Response<'_>,
        bytes: usize,
    ) {
        let Some(finished) = self.handshaking.finish(cx, response) else { return };
        match &mut self.session {
            Some(session) if session.instances() == finished.instances => {
                session.add_epoch(finished.epoch);
            }
            _ => {
                self.end_session(cx, DisconnectReason::Restarted);
                self.session = Some(Session::new(cx.now, finished.instances, finished.epoch));
            }
        }
        self.successor = None;
        self.confirmed = true;
        self.paths.heard(cx.now, remote, bytes);
        self.report_connected(cx);
        self.drive(cx);
    }

    /// Sealed frames arrived for one of our indexes.
    pub(super) fn handle_sealed(
        &mut self,
        cx: &mut Context<'_>,
        remote: Remote,
        sealed: &Sealed<'_>,
        bytes: usize,
    ) {
        let opened = self.session.as_mut().and_then(|session| session.open(cx.now, sealed));
        let packet = match opened {
            Some(packet) => packet,
            None => {
                let Some(successor) = &mut self.successor else { return };
                let Some(packet) = successor.open(cx.now, sealed) else { return };
                let successor = self.successor.take();
                self.end_session(cx, DisconnectReason::Restarted);
                self.session = successor;
                packet
            }
        };
        let Some(path) = self.paths.heard(cx.now, remote, bytes) else { return };
        if let Some(session) = &mut self.session {
            session.handle_packet(cx.now, path, sealed.packet_number, &packet);
        }
        self.confirmed = true;
        self.report_connected(cx);
        self.drive(cx);
    }

    /// Queues a message, if there is a session.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, tag: u64, message: Vec<u8>) {
        if let Some(session) = &mut self.session {
            session.send(tag, message);
            self.drive(cx);
        }
    }

    /// Our own endpoints changed.
    pub(super) fn offer(&mut self, cx: &mut Context<'_>) {
        self.drive(cx);
    }

    /// Our network changed: probe everything.
    pub(super) fn network_changed(&mut self, cx: &mut Context<'_>) {
        self.paths.probe_all(cx.now);
        self.drive(cx);
    }

    /// Every path, for a person.
    pub(super) fn describe(&self) -> Vec<PathDescription> {
        let relay_rtt = self.session.as_ref().and_then(|session| session.rtt(PathId::RELAY));
        self.paths.describe(relay_rtt)
    }

    /// Says goodbye on every way that may work.
    pub(super) fn close(&mut self, cx: &mut Context<'_>, reason: DisconnectReason) {
        let code = u8::from(reason == DisconnectReason::Misbehaved);
        if let Some(session) = &mut self.session {
            let active = self.paths.active().filter(|path| *path != PathId::RELAY);
            for path in [Some(PathId::RELAY), active].into_iter().flatten() {
                let Some(datagram) = session.close(cx.now, code) else { continue };
                match self.paths.remote(path) {
                    Some(Remote::Direct(to)) => cx.transmit(to, datagram),
                    Some(Remote::Relay) => {
                        if let Some(channel) = self.channel {
                            cx.transmit_relayed(channel, &datagram);
                        }
                    }
                    None => {}
                }
            }
        }
        self.end_session(cx, reason);
    }

    fn end_session(&mut self, cx: &mut Context<'_>, reason: DisconnectReason) {
        let ended = self.session.take().map(|session| session.instances().local);
        if ended.is_some() {
            self.paths.start_over(cx.now, &self.targets);
        }
        self.confirmed = false;
        self.handshaking.forget(ended, cx.random.u64());
        if self.reported.take().is_some() {
            let name = self.name.clone();
            cx.event(Event::Disconnected { peer: self.id, name, reason });
        }
    }

    /// Runs the timers that are due.
    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        while let Some((at, _, _)) = self.guarded.front()
            && *at <= cx.now
        {
            let Some((_, to, datagram)) = self.guarded.pop_front() else { break };
            cx.transmit(to, datagram);
        }
        self.time_out_session(cx);
        if self.handshaking.is_given_up(cx.now) {
            self.handshaking.abandon();
            if self.session.is_none() {
                // Told as a session that never was, so that who called can try again.
                let (peer, name) = (self.id, self.name.clone());
                cx.event(Event::Disconnected { peer, name, reason: DisconnectReason::TimedOut });
            }
        }
        if self.handshaking.repeat_if_due(cx.now) {
            self.send_opening(cx);
        }
        let rekey = self.session.as_ref().and_then(Session::rekey_at);
        if rekey.is_some_and(|at| at <= cx.now) && self.confirmed && !self.handshaking.is_open() {
            self.open(cx);
        }
        let active = self.paths.active();
        if let Some(session) = &mut self.session {
            session.handle_timeout(cx.now, active);
        }
        self.drive(cx);
    }

    fn time_out_session(&mut self, cx: &mut Context<'_>) {
        let Some(session) = &self.session else { return };
        let limit = if self.confirmed { IDLE_TIMEOUT } else { UNCONFIRMED_TIMEOUT };
        if cx.now.saturating_duration_since(session.heard_at()) >= limit {
            self.end_session(cx, DisconnectReason::TimedOut);
        }
    }

    /// When [`Peer::handle_timeout`] has something to do.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let guarded = self.guarded.front().map(|(at, _, _)| *at);
        let session = self.session.as_ref().and_then(|session| {
            let limit = if self.confirmed { IDLE_TIMEOUT } else { UNCONFIRMED_TIMEOUT };
            let rekey =
                session.rekey_at().filter(|_| self.confirmed && !self.handshaking.is_open());
            let timers = [session.timeout(self.paths.active()), self.paths.next_probe(), rekey];
            timers.into_iter().flatten().chain([session.heard_at() + limit]).min()
        });
        [guarded, session, self.handshaking.timeout()].into_iter().flatten().min()
    }

    /// Carries between session and paths until neither has anything more to say.
    fn drive(&mut self, cx: &mut Context<'_>) {
        loop {
            self.handle_session_events(cx);
            let Some(session) = &mut self.session else { return };
            session.offer(cx.candidates.to_vec());
            while self.paths.next_probe().is_some_and(|at| at <= cx.now) {
                let token = cx.random.u64();
                let Some(path) = self.paths.poll_probe(cx.now, token) else { break };
                session.probe(path, token);
            }
            let route = self.paths.route(cx.now, |path| session.is_in_doubt(path));
            let mut sent = false;
            while let Some((path, datagram)) = session.poll_packet(cx.now, route) {
                sent = true;
                self.paths.sent(path, datagram.len());
                match self.paths.remote(path) {
                    Some(Remote::Direct(to)) => cx.transmit(to, datagram),
                    Some(Remote::Relay) => {
                        if let Some(channel) = self.channel {
                            cx.transmit_relayed(channel, &datagram);
                        }
                    }
                    None => {}
                }
            }
            if !sent {
                break;
            }
        }
        self.report_path(cx);
    }

    fn handle_session_events(&mut self, cx: &mut Context<'_>) {
        while let Some(event) = self.session.as_mut().and_then(Session::poll_event) {
            match event {
                SessionEvent::Message(message) => {
                    cx.event(Event::Message { peer: self.id, message });
                }
                SessionEvent::Transmitted(tag) => {
                    cx.event(Event::Transmitted { peer: self.id, tag });
                }
                SessionEvent::Echoed(token) => {
                    if let Some((path, rtt)) = self.paths.on_echo(cx.now, token)
                        && let Some(session) = &mut self.session
                    {
                        session.on_path_measured(cx.now, path, rtt);
                    }
                }
                SessionEvent::Candidates(list) => self.learn(cx, &list),
                SessionEvent::Unanswered(PathId::RELAY, _) => {
                    // Our own registration may be at an old endpoint, or the peer may be another.
                    cx.doubt_mapping = true;
                    cx.out_of_touch |= self.paths.active() == Some(PathId::RELAY);
                }
                SessionEvent::Unanswered(path, timeouts) => {
                    if self.paths.on_unanswered(cx.now, path, timeouts) {
                        if let Some(session) = &mut self.session {
                            session.abandon(path);
                        }
                        // Perhaps our own mapping is gone: ask where we are seen now.
                        cx.doubt_mapping = true;
                    }
                }
                SessionEvent::Left => {
                    self.end_session(cx, DisconnectReason::Left);
                }
                SessionEvent::Misbehaved => self.close(cx, DisconnectReason::Misbehaved),
            }
        }
    }

    fn learn(&mut self, cx: &mut Context<'_>, candidates: &[Candidate]) {
        for candidate in candidates {
            let origin = if candidate.reflexive { Origin::ServerReflexive } else { Origin::Host };
            if cx.may_send_directly(candidate.endpoint) {
                self.paths.add(cx.now, candidate.endpoint, origin);
            }
        }
    }

    fn report_connected(&mut self, cx: &mut Context<'_>) {
        if self.reported.is_some() || self.session.is_none() {
            return;
        }
        let path = self.path_info();
        self.reported = Some(path);
        cx.event(Event::Connected { peer: self.id, name: self.name.clone(), path });
    }

    fn report_path(&mut self, cx: &mut Context<'_>) {
        let path = self.path_info();
        let Some(reported) = &mut self.reported else { return };
        let moved = (reported.kind, reported.remote) != (path.kind, path.remote);
        *reported = path;
        if moved {
            cx.event(Event::PathChanged { peer: self.id, path });
        }
    }

    fn path_info(&self) -> PathInfo {
        let Some(active) = self.paths.active() else {
            return PathInfo { kind: PathKind::Relay, remote: None, rtt: None };
        };
        let info = self.paths.info(active);
        let measured = self.session.as_ref().and_then(|session| session.rtt(active));
        PathInfo { rtt: info.rtt.or(measured), ..info }
    }
}
