//! How two peers come to a session: introductions, the first packets that open NATs, handshakes.

use std::time::Duration;

use p2pchat_wire::datagram::{PeerInit, Response, punch};
use p2pchat_wire::handshake::Purpose;
use p2pchat_wire::signal::Introduction;

use super::Peer;
use crate::proto::endpoint::context::Context;
use crate::proto::endpoint::handshaking::Lacking;
use crate::proto::endpoint::relays::Introduced;
use crate::proto::path::{Origin, Pair, Remote};
use crate::proto::session::Session;
use crate::proto::{Event, ServerId};

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

impl Peer {
    /// A rendezvous introduced us.
    pub(in crate::proto::endpoint) fn introduced(
        &mut self,
        cx: &mut Context<'_>,
        server: ServerId,
        purpose: Purpose,
        introduction: &Introduction,
    ) {
        // Another channel for a session that is well.
        let spare = self.session.is_some()
            && self.confirmed
            && !self.relays.is_empty()
            && self.relays.get(server).is_none();
        let news = self.relays.introduced(cx.now, server, purpose, introduction);
        self.paths.set_relay(true);
        let endpoint =
            introduction.endpoint.filter(|&endpoint| self.may_send_directly(cx, endpoint));
        let target = endpoint.map(|endpoint| cx.home_to(endpoint));
        self.reconsider(cx.now);
        let known = target.is_some_and(|target| self.targets.contains(&target));
        if let Some(target) = target {
            self.aim(target);
            self.paths.add(cx.now, target, Origin::ServerReflexive);
        }
        if news && self.session.is_some() {
            self.paths.probe_proven(cx.now);
        }
        if target.is_some() && !known && self.reported.is_some() && !spare {
            // The peer's network is another one.
            self.shake();
            self.paths.shake(cx.now);
        }
        if let Some(target) = target
            && (news || !known)
            && self.may_send_blindly(cx, target)
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
            _ if !introduction.caller && !spare => self.open(cx, server),
            _ => {}
        }
        if let (true, Some(target)) = (introduction.caller, target) {
            self.send_guarded(cx, target, punch(introduction.introduction));
        }
        self.drive(cx);
    }

    /// Opens a handshake that is bound to this server, or repeats the one that is open, on every
    /// way there is.
    pub(super) fn open(&mut self, cx: &mut Context<'_>, server: ServerId) {
        let purpose = match server {
            ServerId::LOCAL => Some(Purpose::Neighbour),
            server => self.relays.get(server).map(|known| known.purpose),
        };
        let Some(purpose) = purpose else { return };
        let instance = self.session.as_ref().map(|session| session.instances().local);
        self.handshaking.open(cx, server, purpose, instance);
        self.send_opening(cx, server);
    }

    pub(super) fn send_opening(&mut self, cx: &mut Context<'_>, server: ServerId) {
        if server == ServerId::LOCAL {
            return self.send_nearby(cx);
        }
        let Some(introduction) = self.relays.get(server).map(|known| known.number) else { return };
        let Some(datagram) = self.handshaking.opening_datagram(server, introduction) else {
            return;
        };
        self.send_everywhere(cx, &datagram);
    }

    /// Over every relay, on the active path, and to every endpoint that may be the peer's.
    pub(super) fn send_everywhere(&mut self, cx: &mut Context<'_>, datagram: &[u8]) {
        for channel in self.relays.channels() {
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
        let at = self.relays.newest().map_or(cx.now, |newest| {
            let way = cx.homes.rtt(newest.server).unwrap_or_default() / 2;
            newest.at + GUARD.saturating_sub(way)
        });
        if !self.may_send_blindly(cx, to) {
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
    pub(in crate::proto::endpoint) fn handle_punch(&mut self, cx: &mut Context<'_>, from: Pair) {
        if !self.may_send_directly(cx, from.remote) || self.is_anothers(cx, from) {
            return;
        }
        if self.punching.owns(from.local) || self.punching.expects(from) {
            if self.punching.expects(from) {
                self.paths.add_found(cx.now, from);
            }
            return self.drive(cx);
        }
        self.paths.add(cx.now, from, Origin::PeerReflexive);
        if !self.targets.contains(&from) {
            self.aim(from);
            // What we have to say has not reached that endpoint yet.
            if let Some(datagram) = self.pending_datagram()
                && self.may_send_blindly(cx, from)
            {
                cx.transmit(from, datagram);
            }
        }
        self.drive(cx);
    }

    /// Whatever the peer is waiting for: an opening of ours, or else our last answer.
    fn pending_datagram(&self) -> Option<Vec<u8>> {
        let opening =
            |known: &Introduced| self.handshaking.opening_datagram(known.server, known.number);
        self.relays.iter().find_map(opening).or_else(|| self.handshaking.last_answer())
    }

    /// Noise message 1 arrived.
    pub(in crate::proto::endpoint) fn handle_init(
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
        let Some(purpose) = self.purpose_of(cx, init) else { return };
        let answer = self.handshaking.answer(cx, init, purpose, session, &self.relays);
        let Some(answer) = answer else { return self.tell_of_lacking_secret(cx, init) };
        if purpose == Purpose::Neighbour {
            self.near.met(init.introduction);
        }
        match &mut self.session {
            Some(session) if session.instances() == answer.instances => {
                session.add_epoch(answer.epoch);
                self.reply(cx, remote, answer.datagram);
            }
            Some(_) if self.confirmed => {
                self.successor =
                    Some(Session::new(cx.now, answer.instances, answer.epoch, cx.congestion));
                self.reply(cx, remote, answer.datagram);
            }
            _ => {
                // What was sent in a session that the peer never confirmed is lost.
                self.begin_session(
                    cx,
                    Session::new(cx.now, answer.instances, answer.epoch, cx.congestion),
                );
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

    /// If an opening was the peer's and only the secret of an invitation was missing, that is told, and
    /// the peer gets an opening of ours, from which it learns the same. Once there is a session, it
    /// was an old opening that somebody plays back.
    fn tell_of_lacking_secret(&mut self, cx: &mut Context<'_>, init: &PeerInit<'_>) {
        let Some(lacking) = self.handshaking.take_lacking() else { return };
        if self.confirmed || std::mem::replace(&mut self.told_lacking, true) {
            return;
        }
        let (peer, name) = (self.id, self.name.clone());
        cx.event(Event::SecretLacking { peer, name, by_us: lacking == Lacking::Us });
        let named = self.relays.numbered(init.introduction).map(|known| known.server);
        if let Some(server) = named.or(cx.via)
            && !self.handshaking.is_open_at(server)
        {
            self.open(cx, server);
        }
    }

    /// What an opening is bound to: the server whose introduction it names, else the one that
    /// relayed it. One that came straight, under another number, is a neighbour's.
    fn purpose_of(&self, cx: &Context<'_>, init: &PeerInit<'_>) -> Option<Purpose> {
        let named = self.relays.numbered(init.introduction);
        match (named, cx.via) {
            (Some(known), _) => Some(known.purpose),
            (None, Some(server)) => self.relays.get(server).map(|known| known.purpose),
            (None, None) => Some(Purpose::Neighbour),
        }
    }

    /// Answers by the way that something came.
    fn reply(&self, cx: &mut Context<'_>, remote: Remote, datagram: Vec<u8>) {
        match (remote, cx.via.and_then(|server| self.relays.get(server))) {
            (Remote::Relay, Some(known)) => cx.transmit_relayed(known.channel(), &datagram),
            _ => self.transmit_on(cx, remote, false, datagram),
        }
    }

    /// Noise message 2 arrived.
    pub(in crate::proto::endpoint) fn handle_response(
        &mut self,
        cx: &mut Context<'_>,
        remote: Remote,
        response: &Response<'_>,
        bytes: usize,
    ) {
        let as_neighbours = self.handshaking.is_open_at(ServerId::LOCAL);
        let Some(finished) = self.handshaking.finish(cx, response) else { return };
        if let (true, Remote::Direct(from)) = (as_neighbours, remote) {
            self.near.met_at(from.remote);
        }
        match &mut self.session {
            Some(session) if session.instances() == finished.instances => {
                session.add_epoch(finished.epoch);
            }
            _ => {
                self.begin_session(
                    cx,
                    Session::new(cx.now, finished.instances, finished.epoch, cx.congestion),
                );
            }
        }
        if let Some(session) = &mut self.session {
            // Whoever answered believes in us, and in the keys, with our first packet.
            session.ping();
        }
        self.successor = None;
        self.confirmed = true;
        self.heard(cx, remote, bytes);
        self.report_connected(cx);
        self.drive(cx);
    }
}
