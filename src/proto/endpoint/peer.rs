//! One remote peer: its introduction, its handshakes, its paths and its session.
//!
//! `path` and `session` know nothing of each other; this is where they meet. A peer asks the paths
//! where packets go, has the session make them, and tells each what the other learnt.

mod punching;
mod traffic;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::datagram::{PeerInit, Response, Sealed, punch};
use p2pchat_wire::handshake::Purpose;
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::Introduction;

use super::context::Context;
use super::handshaking::Handshaking;
use crate::proto::path::{Origin, Pair, PathId, Paths, Remote};
use crate::proto::session::{IDLE_TIMEOUT, Session};
use crate::proto::{DisconnectReason, Event, PathDescription, PathInfo, Policy};
use punching::Punching;

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
    /// The names under which we asked to be connected to it, if we did; an answered session is
    /// then believed before its first packet.
    called: Vec<Name>,
    pub(super) introduction: Option<u64>,
    pub(super) channel: Option<u64>,
    pub(super) introduced_at: Instant,
    targets: Vec<Pair>,
    /// Where the rendezvous saw it when it introduced us last.
    introduced_endpoint: Option<SocketAddr>,
    /// Datagrams that wait for [`GUARD`], once.
    guarded: VecDeque<(Instant, Pair, Vec<u8>)>,
    handshaking: Handshaking,
    paths: Paths,
    punching: Punching,
    session: Option<Session>,
    /// A session with a new instance of the peer, which becomes the session with its first packet.
    successor: Option<Session>,
    /// Whether a packet has arrived in the session.
    confirmed: bool,
    /// Whether the endpoint was told that we are connecting, and not yet how that ended.
    announced: bool,
    /// What the endpoint was told about the path, while it was told that we are connected.
    reported: Option<PathInfo>,
}

impl Peer {
    /// A peer that we want to reach or that was introduced to us.
    pub(super) fn new(
        now: Instant,
        id: PeerId,
        name: Name,
        purpose: Purpose,
        policy: Policy,
        instance: u64,
    ) -> Self {
        Self {
            id,
            name,
            called: Vec::new(),
            introduction: None,
            channel: None,
            introduced_at: now,
            targets: Vec::new(),
            introduced_endpoint: None,
            punching: Punching::default(),
            guarded: VecDeque::new(),
            handshaking: Handshaking::new(id, purpose, instance),
            paths: Paths::new(policy),
            session: None,
            successor: None,
            confirmed: false,
            announced: false,
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

    /// Whether it was introduced, or called, under this name.
    pub(super) fn is_known_as(&self, name: &Name) -> bool {
        self.name == *name || self.called.contains(name)
    }

    /// The names under which we want to be connected to it.
    pub(super) fn called_as(&self) -> &[Name] {
        &self.called
    }

    /// We want to be connected to it under this name.
    pub(super) fn call_as(&mut self, name: &Name) {
        if !self.called.contains(name) {
            self.called.push(name.clone());
        }
    }

    /// We want it no longer under this name. Returns whether we do not want it at all.
    pub(super) fn call_off(&mut self, name: &Name) -> bool {
        self.called.retain(|called| called != name);
        self.called.is_empty()
    }

    /// From now on this rendezvous introduces us. If it is another one, it knows no channel of ours.
    pub(super) fn move_to(&mut self, purpose: Purpose) {
        if self.handshaking.move_to(purpose) {
            self.introduction = None;
            self.channel = None;
            self.paths.set_relay(false);
        }
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
        !self.is_engaged() && self.called.is_empty()
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
            self.announced = false;
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
        let target = endpoint.map(|endpoint| cx.home_to(endpoint));
        self.introduced_endpoint = target.map(|target| target.remote);
        self.reconsider(cx.now);
        let known = target.is_some_and(|target| self.targets.contains(&target));
        if let Some(target) = target {
            self.aim(target);
            self.paths.add(cx.now, target, Origin::ServerReflexive);
        }
        if news && self.session.is_some() {
            self.paths.probe_all(cx.now);
        }
        if let Some(target) = target
            && (news || !known)
            && self.paths.may_send_blindly(cx.now, target)
        {
            cx.transmit_with_ttl(target, PRIMER_TTL, punch(introduction.introduction));
        }
        if self.reported.is_none() && !self.announced {
            self.announced = true;
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
        if let (true, Some(target)) = (introduction.caller, target) {
            self.send_guarded(cx, target, punch(introduction.introduction));
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

    fn send_guarded(&mut self, cx: &mut Context<'_>, to: Pair, datagram: Vec<u8>) {
        let way = cx.link_rtt.unwrap_or_default() / 2;
        let at = self.introduced_at + GUARD.saturating_sub(way);
        if !self.paths.may_send_blindly(cx.now, to) {
            return;
        }
        if at <= cx.now {
            cx.transmit(to, datagram);
        } else if self.guarded.len() < 2 * MAX_TARGETS {
            self.guarded.push_back((at, to, datagram));
        }
    }

    fn aim(&mut self, target: Pair) {
        self.targets.retain(|known| *known != target);
        self.targets.insert(0, target);
        self.targets.truncate(MAX_TARGETS);
    }

    /// A punch with our introduction's number arrived: most likely from the peer's NAT.
    pub(super) fn handle_punch(&mut self, cx: &mut Context<'_>, from: Pair) {
        if !cx.may_send_directly(from.remote) {
            return;
        }
        if self.punching.expects(from) {
            self.paths.add_found(cx.now, from);
        } else if self.punching.owns(from.local) {
            return;
        } else {
            self.paths.add(cx.now, from, Origin::PeerReflexive);
        }
        if !self.targets.contains(&from) && !self.punching.owns(from.local) {
            self.aim(from);
            // What we have to say has not reached that endpoint yet.
            if let Some(introduction) = self.introduction
                && let Some(datagram) = self.handshaking.pending_datagram(introduction)
                && self.paths.may_send_blindly(cx.now, from)
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
                self.begin_session(cx, Session::new(cx.now, answer.instances, answer.epoch));
                self.send_everywhere(cx, &answer.datagram);
                if let Remote::Direct(from) = remote
                    && !self.targets.contains(&from)
                {
                    cx.transmit(from, answer.datagram);
                }
                if !self.called.is_empty() {
                    self.report_connected(cx);
                }
            }
        }
        self.drive(cx);
    }

    fn reply(&self, cx: &mut Context<'_>, remote: Remote, datagram: Vec<u8>) {
        cx.transmit_on(remote, self.channel, datagram);
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
                self.begin_session(cx, Session::new(cx.now, finished.instances, finished.epoch));
            }
        }
        if let Some(session) = &mut self.session {
            // Whoever answered believes in us, and in the keys, with our first packet.
            session.ping();
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
                let Some(mut successor) = self.successor.take() else { return };
                let Some(packet) = successor.open(cx.now, sealed) else {
                    self.successor = Some(successor);
                    return;
                };
                self.begin_session(cx, successor);
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
                if let Some(remote) = self.paths.remote(path) {
                    cx.transmit_on(remote, self.channel, datagram);
                }
            }
        }
        self.handshaking.abandon();
        self.successor = None;
        self.guarded.clear();
        self.announced = false;
        self.end_session(cx, reason);
    }

    /// Ends the session that there is, if any, for this one. What was not confirmed in it is lost.
    fn begin_session(&mut self, cx: &mut Context<'_>, session: Session) {
        self.end_session(cx, DisconnectReason::Restarted);
        self.session = Some(session);
    }

    fn end_session(&mut self, cx: &mut Context<'_>, reason: DisconnectReason) {
        let ended = self.session.take().map(|session| session.instances().local);
        self.give_up_punching(cx);
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
                self.report_failure(cx);
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
            self.report_failure(cx);
        }
    }

    /// Tells of an attempt that came to nothing, as of a session that never was.
    fn report_failure(&mut self, cx: &mut Context<'_>) {
        if std::mem::take(&mut self.announced) {
            let (peer, name) = (self.id, self.name.clone());
            cx.event(Event::Disconnected { peer, name, reason: DisconnectReason::TimedOut });
        }
    }

    /// When [`Peer::handle_timeout`] has something to do.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let guarded = self.guarded.front().map(|(at, _, _)| *at);
        let session = self.session.as_ref().and_then(|session| {
            let limit = if self.confirmed { IDLE_TIMEOUT } else { UNCONFIRMED_TIMEOUT };
            let rekey =
                session.rekey_at().filter(|_| self.confirmed && !self.handshaking.is_open());
            let timers = [
                session.timeout(self.paths.active()),
                self.paths.next_probe(),
                rekey,
                self.punching.timeout(),
            ];
            timers.into_iter().flatten().chain([session.heard_at() + limit]).min()
        });
        [guarded, session, self.handshaking.timeout()].into_iter().flatten().min()
    }
}
