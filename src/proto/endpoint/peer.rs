//! One remote peer: its introductions, its handshakes, its paths and its session.
//!
//! `path` and `session` know nothing of each other; this is where they meet. A peer asks the paths
//! where packets go, has the session make them, and tells each what the other learnt.

mod meeting;
mod near;
mod punching;
mod traffic;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::MAX_DATAGRAM;
use p2pchat_wire::datagram::SealedMut;
use p2pchat_wire::handshake::Purpose;
use p2pchat_wire::identity::PeerId;

use super::context::Context;
use super::directory::Channel;
use super::handshaking::Handshaking;
use super::relays::Relays;
use crate::proto::path::{Pair, PathId, Paths, Remote, Sponsor};
use crate::proto::session::{IDLE_TIMEOUT, Session};
use crate::proto::{
    DisconnectReason, Event, PathDescription, PathInfo, PathReason, PeerName, Policy, ServerId,
    SocketId, StreamCommand,
};
use near::Near;
pub(super) use near::Nearby;
use punching::Punching;

/// How long a session that we answered may stay without a single packet from who opened it.
const UNCONFIRMED_TIMEOUT: Duration = Duration::from_secs(10);

/// A silence of the peer after which its first packet has whatever waits for an answer sent again at
/// once: it may have been out of reach until this moment. If the packet came over the relay and none
/// has come on the direct path meanwhile, that path may be dead for the other side already.
const HUSH: Duration = Duration::from_millis(100);

/// One remote peer.
#[derive(Debug)]
pub(super) struct Peer {
    id: PeerId,
    name: PeerName,
    /// The names under which we asked to be connected to it, if we did; an answered session is
    /// then believed before its first packet.
    called: Vec<PeerName>,
    relays: Relays,
    near: Near,
    targets: Vec<Pair>,
    /// Datagrams that wait for [the guard](meeting), once.
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
    /// When its round-trip time was told last.
    measured_at: Option<Instant>,
    /// Whether the endpoint was told, since the last session, that one of us lacks the secret.
    told_lacking: bool,
}

impl Peer {
    /// A peer that we want to reach or that was introduced to us.
    pub(super) fn new(id: PeerId, name: PeerName, policy: Policy, instance: u64) -> Self {
        Self {
            id,
            name,
            called: Vec::new(),
            relays: Relays::default(),
            near: Near::default(),
            targets: Vec::new(),
            guarded: VecDeque::new(),
            handshaking: Handshaking::new(id, instance),
            paths: Paths::new(policy),
            punching: Punching::default(),
            session: None,
            successor: None,
            confirmed: false,
            announced: false,
            reported: None,
            measured_at: None,
            told_lacking: false,
        }
    }

    /// The key by which the endpoint finds this peer.
    pub(super) fn indexed_by(&self) -> PeerId {
        self.id
    }

    /// The name under which it was introduced.
    pub(super) fn name(&self) -> &PeerName {
        &self.name
    }

    /// It goes by this name from now on.
    pub(super) fn rename(&mut self, name: PeerName) {
        self.name = name;
    }

    /// Whether it was introduced, or called, under this name.
    pub(super) fn is_known_as(&self, name: &PeerName) -> bool {
        self.name == *name || self.called.contains(name)
    }

    /// The names under which we want to be connected to it.
    pub(super) fn called_as(&self) -> &[PeerName] {
        &self.called
    }

    /// We want to be connected to it under this name.
    pub(super) fn call_as(&mut self, name: &PeerName) {
        if !self.called.contains(name) {
            self.called.push(name.clone());
        }
    }

    /// We want it no longer under this name. Returns whether we do not want it at all.
    pub(super) fn call_off(&mut self, name: &PeerName) -> bool {
        self.called.retain(|called| called != name);
        self.called.is_empty()
    }

    /// A server has this key from now on. If it is another one, it knows no channel of ours.
    pub(super) fn keep_only(&mut self, server: ServerId, purpose: Option<Purpose>) {
        self.relays.keep_only(server, purpose);
        self.handshaking.keep_only(server, purpose);
        self.paths.set_relay(!self.relays.is_empty());
    }

    /// When this server introduced us last.
    pub(super) fn introduced_at(&self, server: ServerId) -> Option<Instant> {
        self.relays.get(server).map(|known| known.at)
    }

    /// Whether a session is established, as far as the endpoint was told.
    pub(super) fn is_connected(&self) -> bool {
        self.reported.is_some()
    }

    /// The path over which it is connected, as far as the endpoint was told.
    pub(super) fn reported_path(&self) -> Option<PathInfo> {
        self.reported
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
    pub(super) fn indexes(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        let sessions = [&self.session, &self.successor].into_iter().flatten();
        sessions.flat_map(Session::indexes).chain(self.handshaking.indexes())
    }

    /// The numbers of the introductions that lead to it.
    pub(super) fn introductions(&self) -> impl Iterator<Item = u64> + Clone + '_ {
        self.relays.iter().map(|known| known.number).chain(self.near.number())
    }

    /// The relay channels that lead to it.
    pub(super) fn channels(&self) -> impl Iterator<Item = Channel> + Clone + '_ {
        self.relays.channels()
    }

    /// The opening of a handshake, to travel inside a connect signal to this server. `None` if
    /// there is a session or the key is unusable.
    pub(super) fn initiation(&mut self, cx: &mut Context<'_>, server: ServerId) -> Option<Vec<u8>> {
        if self.session.is_some() {
            return None;
        }
        let purpose = cx.homes.get(server)?.purpose()?;
        self.handshaking.open(cx, server, purpose, None)
    }

    /// The peer is not at this server: nobody there will answer what we opened.
    pub(super) fn is_away(&mut self, server: ServerId) {
        if self.session.is_none() {
            self.handshaking.abandon_at(server);
            self.announced &= self.handshaking.is_open();
        }
    }

    /// Whether it is ours to choose between relays, and to propose plans: exactly one side thinks so.
    fn leads(&self, cx: &Context<'_>) -> bool {
        cx.identity.id() < self.id
    }

    fn may_send_directly(&self, cx: &Context<'_>, endpoint: SocketAddr) -> bool {
        cx.may_send_directly(endpoint, self.relays.iter().map(|known| known.server))
    }

    /// On whose word packets go to where it may be.
    fn sponsor(&self) -> Sponsor {
        if !self.called.is_empty() {
            return Sponsor::Contact(self.id);
        }
        Sponsor::Server(self.relays.newest().map_or(ServerId::LOCAL, |known| known.server))
    }

    /// Whether one more packet outside the session may go to an endpoint which may never have
    /// answered; counts it.
    fn may_send_blindly(&mut self, cx: &mut Context<'_>, pair: Pair) -> bool {
        let mut account = cx.strangers.named_by(self.sponsor());
        self.paths.may_send_blindly(cx.now, pair, &mut account)
    }

    /// Sealed frames arrived for one of our indexes. Returns whether they are the peer's; what follows
    /// from them waits for [`Peer::settle`], so that many may come first.
    pub(super) fn handle_sealed(
        &mut self,
        cx: &mut Context<'_>,
        remote: Remote,
        sealed: SealedMut<'_>,
        bytes: usize,
    ) -> bool {
        let number = sealed.packet_number;
        let heard_at = self.session.as_ref().map(Session::heard_at);
        let is_for = |session: &&mut Session| session.indexes().any(|i| i == sealed.receiver);
        // Who opens a packet that is not his leaves nothing of it.
        let packet = match self.session.as_mut().filter(is_for) {
            Some(session) => session.open(cx.now, sealed),
            None => {
                let Some(mut successor) = self.successor.take() else { return false };
                let Some(packet) = successor.open(cx.now, sealed) else {
                    self.successor = Some(successor);
                    return false;
                };
                self.begin_session(cx, successor);
                Some(packet)
            }
        };
        let Some(packet) = packet else { return false };
        let Some(path) = self.heard(cx, remote, bytes) else { return false };
        if let Some(session) = &mut self.session {
            let said = session.handle_packet(cx.now, path, number, packet);
            let hushed = heard_at.is_some_and(|at| cx.now.saturating_duration_since(at) >= HUSH);
            if path == PathId::RELAY && said {
                self.paths.doubt(cx.now, HUSH);
            }
            if hushed {
                session.hasten();
            }
        }
        self.confirmed = true;
        true
    }

    /// Does what follows from what has come.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>) {
        if let Some(session) = &mut self.session {
            session.take_arrived();
        }
        self.report_connected(cx);
        self.drive(cx);
    }

    /// Something new and authentic came from the peer.
    fn heard(&mut self, cx: &Context<'_>, remote: Remote, bytes: usize) -> Option<PathId> {
        if let (Remote::Relay, Some(server)) = (remote, cx.via) {
            let in_doubt =
                self.session.as_ref().is_some_and(|session| session.is_in_doubt(PathId::RELAY));
            self.relays.heard(cx.now, server, self.leads(cx), in_doubt);
        }
        if let Remote::Direct(pair) = remote
            && self.is_anothers(cx, pair)
        {
            return None;
        }
        self.paths.heard(cx.now, remote, bytes)
    }

    /// Whether a way begins at a socket that was opened for something else, and is closed with it: a NAT
    /// may give it the port by which this peer knew us.
    fn is_anothers(&self, cx: &Context<'_>, way: Pair) -> bool {
        cx.sockets.is_passing(way.local) && !self.punching.owns(way.local)
    }

    /// Queues a message, if there is a session.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, tag: u64, message: Vec<u8>) {
        if let Some(session) = &mut self.session {
            session.send(tag, message);
            self.drive(cx);
        }
    }

    /// Does something with a stream, if there is a session.
    pub(super) fn use_stream(&mut self, cx: &mut Context<'_>, command: StreamCommand) {
        if let Some(session) = &mut self.session {
            session.use_stream(command);
            self.drive(cx);
        }
    }

    /// Our own endpoints changed.
    pub(super) fn offer(&mut self, cx: &mut Context<'_>) {
        self.drive(cx);
    }

    /// Some server is reached no longer, or again.
    pub(super) fn servers_changed(&mut self, cx: &mut Context<'_>) {
        self.drive(cx);
    }

    /// Our network changed: probe everything.
    pub(super) fn network_changed(&mut self, cx: &mut Context<'_>) {
        self.shake();
        if let Some(session) = &mut self.session {
            session.on_network_changed(cx.now);
        }
        self.paths.probe_all(cx.now);
        self.drive(cx);
    }

    /// We move to another socket: see [`rotation`](super::rotation).
    pub(super) fn change_socket(&mut self, cx: &mut Context<'_>, old: SocketId, new: SocketId) {
        self.paths.change_socket(cx.now, old, new);
        for target in self.targets.iter_mut().filter(|target| target.local == old) {
            target.local = new;
        }
        self.drive(cx);
    }

    /// We have moved, and the old socket is to be closed.
    pub(super) fn leave_socket(&mut self, cx: &mut Context<'_>, old: SocketId) {
        self.paths.leave_socket(old);
        self.drive(cx);
    }

    /// What is on its way on the path in use is most likely lost: it goes again now, by every way,
    /// and if it was nothing, a ping goes.
    fn shake(&mut self) {
        if let Some(session) = &mut self.session {
            if let Some(active) = self.paths.active().filter(|active| *active != PathId::RELAY) {
                session.abandon(active);
            }
            session.ping();
        }
    }

    /// Every path, for a person, and why the one in use is in use.
    pub(super) fn describe(&self, now: Instant) -> (Vec<PathDescription>, PathReason) {
        let relay_rtt = self.session.as_ref().and_then(|session| session.rtt(PathId::RELAY));
        let session = self.session.as_ref();
        let longest = |path| session.map_or(MAX_DATAGRAM, |session| session.longest_datagram(path));
        (self.paths.describe(now, relay_rtt, longest), self.paths.reason())
    }

    /// Whether the peer has every message that we have sent, and no handshake of ours is under way: who has
    /// answered it believes us to be here, and understands a goodbye only once the answer has come.
    pub(super) fn is_heard(&self) -> bool {
        !self.handshaking.is_open() && self.session.as_ref().is_none_or(Session::is_heard)
    }

    /// Says goodbye on every way that may work.
    pub(super) fn close(&mut self, cx: &mut Context<'_>, reason: DisconnectReason) {
        let code = u8::from(reason == DisconnectReason::Misbehaved);
        let mut goodbyes = Vec::new();
        if let Some(session) = &mut self.session {
            let active = self.paths.active().filter(|path| *path != PathId::RELAY);
            for path in [Some(PathId::RELAY), active].into_iter().flatten() {
                let Some(datagram) = session.close(cx.now, code) else { continue };
                goodbyes.extend(self.paths.remote(path).map(|remote| (remote, datagram)));
            }
        }
        for (remote, datagram) in goodbyes {
            self.transmit_on(cx, remote, true, datagram);
        }
        self.handshaking.abandon();
        self.successor = None;
        self.guarded.clear();
        self.announced = false;
        self.end_session(cx, reason);
    }

    /// Ends the session that there is, if any, for this one. What was not confirmed in it is lost.
    fn begin_session(&mut self, cx: &mut Context<'_>, session: Session) {
        self.forget_session(cx, DisconnectReason::Restarted);
        self.session = Some(session);
        self.told_lacking = false;
    }

    fn end_session(&mut self, cx: &mut Context<'_>, reason: DisconnectReason) {
        self.forget_session(cx, reason);
        self.give_up_punching(cx);
    }

    fn forget_session(&mut self, cx: &mut Context<'_>, reason: DisconnectReason) {
        let ended = self.session.take().map(|session| session.instances().local);
        self.stop_punching(cx);
        if ended.is_some() {
            self.paths.start_over(cx.now, &self.targets);
        }
        self.confirmed = false;
        self.handshaking.forget(ended, cx.random.u64());
        if self.reported.take().is_some() {
            let (peer, name) = (self.id, self.name.clone());
            cx.event(Event::Disconnected { peer, name, reason });
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
        let gave_up = self.handshaking.give_up(cx.now) && !self.handshaking.is_open();
        if gave_up && self.session.is_none() {
            self.report_failure(cx);
        }
        for server in self.handshaking.repeat_if_due(cx.now) {
            self.send_opening(cx, server);
        }
        let rekey = self.session.as_ref().and_then(Session::rekey_at);
        if rekey.is_some_and(|at| at <= cx.now) && self.confirmed && !self.handshaking.is_open() {
            // The newest introduction is the one that the peer knows even if it has started anew.
            let newest = self.relays.newest().map(|known| known.server);
            self.open(cx, newest.unwrap_or(ServerId::LOCAL));
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
