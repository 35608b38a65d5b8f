//! What goes back and forth between a peer's session and its paths, and what the endpoint is told.

use std::time::Duration;

use p2pchat_wire::address;
use p2pchat_wire::datagram::{readdress, relay_header};

use super::Peer;
use crate::proto::endpoint::context::Context;
use crate::proto::endpoint::train::{Train, Trains};
use crate::proto::frame::{Candidate, CandidateKind};
use crate::proto::path::{Origin, PathId, Remote};
use crate::proto::session::{Session, SessionEvent, Written};
use crate::proto::{DisconnectReason, Event, PathInfo};

/// A round-trip time is told once in so long: people read it, and reading takes time.
const MEASURED_EVERY: Duration = Duration::from_secs(3);

impl Peer {
    /// Carries between session and paths until neither has anything more to say.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        loop {
            self.handle_session_events(cx);
            self.plan_punch(cx);
            let (leads, sponsor) = (self.leads(cx), self.sponsor());
            let left_relay = self.relays.choose(cx.homes, leads);
            let Some(session) = &mut self.session else { return };
            session.offer(cx.candidates);
            for path in self.paths.take_forgotten() {
                session.abandon(path);
            }
            // An answer to what is on its way there would go there too.
            self.paths.silent().for_each(|path| session.abandon(path));
            while self.paths.next_probe().is_some_and(|at| at <= cx.now) {
                let token = cx.random.u64();
                let mut account = cx.strangers.named_by(sponsor);
                let probe = self.paths.poll_probe(cx.now, token, &mut account);
                let Some(path) = probe else { break };
                session.probe(path, token);
                if self.paths.has_just_missed(path) {
                    // Perhaps a NAT has forgotten us. Whoever sits behind it can tell the server and
                    // the peer before anybody has typed a line.
                    cx.doubt_mapping = true;
                    session.ping();
                }
            }
            let before = self.paths.active();
            self.paths.set_relay_rtt(session.least_rtt(PathId::RELAY));
            let route = self.paths.route(cx.now, |path| session.is_in_doubt(path));
            if let Some(left) = before.filter(|&left| self.paths.is_silent(left)) {
                // What was on its way there goes over the new path at once, and if it was nothing,
                // a ping shows whether the peer is there at all.
                session.abandon(left);
                session.ping();
            }
            if left_relay {
                session.abandon(PathId::RELAY);
                session.ping();
            }
            if route.also == Some(PathId::RELAY) && route.text && session.has_text() {
                // Whatever casts doubt on the path, our own mapping may be gone as well, and then the
                // server drops the copy: it has to see us first.
                cx.doubt_mapping = true;
            }
            let in_doubt = session.is_in_doubt(PathId::RELAY);
            let first = self.relays.in_use(in_doubt).next();
            let relay = first.map(|(_, channel)| relay_header(channel));
            let mut trains = Trains::new(relay);
            while let Some(Written { path, bytes, whole }) =
                session.poll_packet(cx.now, route, &mut trains.sheet(|| cx.buffer()))
            {
                self.paths.sent(path, bytes);
                trains.written(path, whole);
            }
            let mut any = false;
            for train in trains.finish(cx.spare) {
                any = true;
                self.send_train(cx, in_doubt, train);
            }
            if !any {
                break;
            }
        }
        self.report_path(cx);
    }

    fn send_train(&self, cx: &mut Context<'_>, in_doubt: bool, train: Train) {
        let Train { path, size, whole, bytes } = train;
        match self.paths.remote(path) {
            None => cx.spare.push(bytes),
            Some(Remote::Direct(pair)) if whole => cx.transmit_whole(pair, bytes),
            Some(Remote::Direct(pair)) => cx.transmit_train(pair, size, bytes),
            Some(Remote::Relay) => {
                let mut channels = self.relays.in_use(in_doubt);
                // The header of the first stands there already.
                let first = channels.next();
                for (server, channel) in channels {
                    let mut copy = bytes.clone();
                    copy.chunks_mut(size).for_each(|datagram| readdress(datagram, channel));
                    cx.transmit_relayed_train(server, size, copy);
                }
                if let Some((server, _)) = first {
                    cx.transmit_relayed_train(server, size, bytes);
                }
            }
        }
    }

    /// To the far end of a path. The relayed one has a copy on every channel while `in_doubt`.
    pub(super) fn transmit_on(
        &self,
        cx: &mut Context<'_>,
        remote: Remote,
        in_doubt: bool,
        datagram: Vec<u8>,
    ) {
        match remote {
            Remote::Direct(pair) => cx.transmit(pair, datagram),
            Remote::Relay => {
                for channel in self.relays.in_use(in_doubt) {
                    cx.transmit_relayed(channel, &datagram);
                }
            }
        }
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
                SessionEvent::Stream(event) => cx.event(Event::Stream(self.id, event)),
                SessionEvent::Echoed(token) => {
                    if let Some((path, rtt)) = self.paths.on_echo(cx.now, token, cx.keepalive)
                        && let Some(session) = &mut self.session
                    {
                        session.on_path_measured(cx.now, path, rtt);
                        if let Some(Remote::Direct(pair)) = self.paths.remote(path) {
                            cx.strangers.answered(cx.now, pair.remote);
                        }
                    }
                }
                // Perhaps our own mapping is gone: the server must see the new one before the copies
                // that go over the relay from now on.
                SessionEvent::Doubtful => cx.doubt_mapping = true,
                SessionEvent::Candidates(list) => self.learn(cx, &list),
                SessionEvent::Punch(message) => self.on_punch_message(cx, message),
                SessionEvent::Unanswered(PathId::RELAY, _) => {
                    // Our own registration may be at an old endpoint, or the peer may be another.
                    cx.doubt_mapping = true;
                    let elsewhere = self.relays.fell_silent(cx.homes);
                    if self.paths.active() == Some(PathId::RELAY) {
                        cx.out_of_touch = true;
                    } else if elsewhere {
                        // The next drive moves to another relay.
                    } else if let Some(session) = &mut self.session {
                        // The next heartbeat asks again; until then nobody needs it.
                        session.abandon(PathId::RELAY);
                    }
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
            let origin = match candidate.kind {
                CandidateKind::Host => Origin::Host,
                CandidateKind::ServerReflexive => Origin::ServerReflexive,
                CandidateKind::PortMapped => Origin::PortMapped,
            };
            if self.may_send_directly(cx, candidate.endpoint) {
                self.paths.add(cx.now, cx.home_to(candidate.endpoint), origin);
            }
        }
        let offered = candidates.iter().map(|candidate| address::canonical(candidate.endpoint));
        self.paths.on_offer(offered.collect());
    }

    pub(super) fn report_connected(&mut self, cx: &mut Context<'_>) {
        if self.reported.is_some() || self.session.is_none() {
            return;
        }
        self.notice_transport(cx);
        let path = self.path_info();
        self.reported = Some(path);
        self.announced = false;
        cx.event(Event::Connected { peer: self.id, name: self.name.clone(), path });
    }

    pub(super) fn report_path(&mut self, cx: &mut Context<'_>) {
        self.notice_transport(cx);
        let path = self.path_info();
        let Some(reported) = &mut self.reported else { return };
        if (PathInfo { rtt: path.rtt, ..*reported }) != path {
            *reported = path;
            self.measured_at = path.rtt.map(|_| cx.now);
            cx.event(Event::PathChanged { peer: self.id, path });
        } else if let Some(rtt) = path.rtt
            && reported.rtt.is_none_or(|told| is_noticeable(told, rtt))
            && self.measured_at.is_none_or(|at| cx.now >= at + MEASURED_EVERY)
        {
            reported.rtt = Some(rtt);
            self.measured_at = Some(cx.now);
            cx.event(Event::PathMeasured { peer: self.id, rtt });
        }
    }

    fn notice_transport(&mut self, cx: &Context<'_>) {
        let used = self.relays.in_use(false).next();
        let home = used.and_then(|(server, _)| cx.homes.get(server));
        self.paths.set_over_tcp(home.is_some_and(|home| home.carried));
    }

    fn path_info(&self) -> PathInfo {
        let Some(active) = self.paths.shown() else {
            return PathInfo::relay(self.paths.is_over_tcp(), None);
        };
        let info = self.paths.info(active);
        let measured = self.session.as_ref().and_then(|session| session.rtt(active));
        PathInfo { rtt: info.rtt.or(measured), ..info }
    }
}

/// Whether a person who reads both would say that it has changed: by an eighth, and by more than what
/// a queue in the local network adds.
fn is_noticeable(told: Duration, now: Duration) -> bool {
    let change = told.abs_diff(now);
    change > told.min(now) / 8 && change > Duration::from_millis(1)
}
