//! Carrying out planned punches: agreeing with the peer, opening and looking at sockets, sending.
//!
//! The side with the smaller key leads. When both NATs are known, there is no direct path and
//! ordinary probing has had its time, it chooses a plan and proposes it. Both sides open their
//! sockets, look where their NATs put them, say so, and begin as soon as they have heard the same of
//! the other. All of this goes through the session, over the relay, which carries the chat meanwhile.
//!
//! A packet that gets through makes a pair of endpoints that `proto::path` probes like any other.
//! When the first direct path is validated, the round is over: sockets through which nothing came
//! are closed at once, the others with their paths.
//!
//! # What a lying peer gains
//!
//! Packets go to the address at which a rendezvous introduced the peer to us, and to no other
//! whatever the peer says. How many they are is our own budget's matter, not the peer's; rounds that
//! come to nothing count like others. An address has one budget, however many peers are said to be
//! there.

mod round;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::datagram::punch;

use super::Peer;
use crate::proto::endpoint::context::Context;
use crate::proto::nat::{Filtering, Nat, PortModel, Sample};
use crate::proto::path::{Pair, PathId};
use crate::proto::punch::ledger::Ledger;
use crate::proto::punch::memory::{Lesson, rung};
use crate::proto::punch::message::{Message, Outcome};
use crate::proto::punch::plan::{Choice, Obstacle, Plan, Strategy, choose};
use crate::proto::punch::report::{PunchReport, PunchState};
use crate::proto::session::Session;
use crate::proto::{Event, Policy, SocketId};
use round::{Agreement, Round};

/// How long ordinary probing has before a cheap plan: the NATs are known not to suit it, but one of
/// them may let everybody in.
const PATIENCE: Duration = Duration::from_millis(200);

/// The same before one that costs hundreds of packets.
const LONG_PATIENCE: Duration = Duration::from_secs(1);

/// The same where probing ought to be enough.
const CONSTANT_PATIENCE: Duration = Duration::from_millis(2500);

/// How long both sides wait to hear whom the other's NAT lets in, where that could help.
const FILTERING_PATIENCE: Duration = Duration::from_millis(2500);

/// Between two rounds, and before a peer that declined is asked again.
const BETWEEN: Duration = Duration::from_millis(500);

/// See [`BETWEEN`].
const AFTER_DECLINED: Duration = Duration::from_secs(5);

/// After the peer has found a path, how long we wait to find ours.
const FOUND_BY_PEER: Duration = Duration::from_secs(2);

/// Planned punches with one peer.
#[derive(Debug, Default)]
pub(super) struct Punching {
    /// The peer's word for its NAT.
    heard: Option<(u32, PortModel)>,
    heard_filtering: Option<(u32, Filtering)>,
    /// What we told it.
    told: Option<PortModel>,
    told_filtering: Option<Filtering>,
    generation: u32,
    /// The last round of this session.
    number: u32,
    rounds: u32,
    /// Rounds without success since the last one with it.
    tried: u32,
    ledger: Ledger,
    current: Option<Round>,
    /// Since when there has been a session without a direct path.
    since: Option<Instant>,
    /// When to consider a plan again.
    next_at: Option<Instant>,
    obstacle: Option<Obstacle>,
    plan: Option<(Plan, u16)>,
    packets_sent: u32,
    /// Sockets of earlier rounds that are part of paths.
    kept: Vec<SocketId>,
}

impl Punching {
    /// When [`Peer::plan_punch`] has something to do.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.current.as_ref().map_or(self.next_at, |round| Some(round.timeout()))
    }

    /// Whether a socket was opened for a planned punch.
    pub(super) fn owns(&self, socket: SocketId) -> bool {
        self.kept.contains(&socket) || self.current.as_ref().is_some_and(|round| round.owns(socket))
    }

    /// Whether a punch on this pair may be the one that a round is for.
    pub(super) fn expects(&self, pair: Pair) -> bool {
        self.current.as_ref().is_some_and(|round| round.expects(pair))
    }
}

impl Peer {
    /// Does what is to be done now: tells the peer about our NAT, proposes, sends, ends.
    pub(super) fn plan_punch(&mut self, cx: &mut Context<'_>) {
        if self.session.is_none() || cx.policy == Policy::RelayOnly {
            return self.give_up_punching(cx);
        }
        if !self.confirmed {
            return self.stop_punching(cx);
        }
        self.close_unused(cx);
        let model = cx.survey.evidence().model;
        if cx.survey.is_settled() && self.punching.told != Some(model) {
            self.punching.told = Some(model);
            self.punching.told_filtering = None;
            self.punching.generation += 1;
            self.punching.obstacle = None;
            let generation = self.punching.generation;
            self.tell(Message::Behaviour { generation, model });
            self.reconsider(cx.now);
        }
        if let (Some(_), Some(filtering)) = (self.punching.told, cx.survey.filtering())
            && self.punching.told_filtering.replace(filtering) != Some(filtering)
        {
            self.punching.generation += 1;
            let generation = self.punching.generation;
            self.tell(Message::Filtering { generation, filtering });
            self.reconsider(cx.now);
        }
        if self.paths.has_direct() {
            return self.on_direct(cx);
        }
        if self.punching.since.is_none() {
            self.punching.since = Some(cx.now);
            self.punching.next_at = Some(cx.now);
        }
        if self.punching.current.is_some() {
            self.shoot(cx);
        } else if self.punching.next_at.is_some_and(|at| at <= cx.now) {
            self.punching.next_at = None;
            self.consider(cx);
        }
    }

    fn tell(&mut self, message: Message) {
        if let Some(session) = &mut self.session {
            session.tell(message);
        }
    }

    /// The one address that planned packets may go to: where the peer was introduced last, of the
    /// family that our own NAT was looked at in.
    fn vouched(&self, cx: &Context<'_>) -> Option<IpAddr> {
        let home = cx.survey.home()?;
        let introduced = self.relays.iter().filter_map(|known| Some((known.at, known.endpoint?)));
        let permitted = introduced.filter(|(_, endpoint)| {
            endpoint.is_ipv4() == home.mapped.is_ipv4() && self.may_send_directly(cx, *endpoint)
        });
        permitted.max().map(|(_, endpoint)| endpoint.ip())
    }

    /// Something is other than it was when a plan was considered last.
    pub(super) fn reconsider(&mut self, now: Instant) {
        self.punching.next_at = Some(now);
    }

    /// The peer's NAT, as far as it has told.
    fn nat_there(&self) -> Nat {
        let model = self.punching.heard.map(|(_, model)| model).unwrap_or_default();
        let filtering = self.punching.heard_filtering.map(|(_, filtering)| filtering);
        Nat { model, filtering: filtering.unwrap_or_default() }
    }

    /// Whether both NATs vary, and it is not known yet whom each of them lets in.
    fn awaits_filtering(&self, cx: &Context<'_>) -> bool {
        self.nat_there().model.varies()
            && cx.survey.nat().model.varies()
            && (self.punching.heard_filtering.is_none() || cx.survey.filtering().is_none())
    }

    /// What there is to try towards `target`, as far as both NATs are known.
    fn prospect(&self, cx: &Context<'_>, target: IpAddr) -> Option<Result<Choice, Obstacle>> {
        self.punching.heard.filter(|_| cx.survey.is_settled())?;
        let home = cx.survey.home()?;
        let remembered = cx.memory.recall(self.id, home.mapped.ip());
        let rung = rung(self.punching.tried, remembered);
        let chosen = choose(cx.survey.nat(), self.nat_there(), self.leads(cx), cx.budget, rung);
        Some(chosen.and_then(|chosen| {
            // A fresh socket would meet the same wall.
            let shared = chosen.plan.strategy == Strategy::Fresh && target == home.mapped.ip();
            if shared { Err(Obstacle::SharedNat) } else { Ok(chosen) }
        }))
    }

    /// Chooses a plan and proposes it, unless it is too early or there is none.
    fn consider(&mut self, cx: &mut Context<'_>) {
        let Some(target) = self.vouched(cx) else { return };
        let Some(chosen) = self.prospect(cx, target) else { return };
        let since = self.punching.since.unwrap_or(cx.now);
        // A window is cheap enough not to wait for anything cheaper.
        let cheap = |chosen: Choice| matches!(chosen.plan.strategy, Strategy::Window { .. });
        if self.awaits_filtering(cx)
            && !chosen.is_ok_and(cheap)
            && cx.now < since + FILTERING_PATIENCE
        {
            self.punching.next_at = Some(since + FILTERING_PATIENCE);
            return;
        }
        self.punching.obstacle = chosen.err();
        let Ok(chosen) = chosen else { return };
        // It is the leading side that proposes; the other only knows why nothing comes.
        if !self.leads(cx) {
            return;
        }
        let home = cx.survey.home().map(|home| home.mapped.ip());
        let remembered = home.and_then(|home| cx.memory.recall(self.id, home));
        let patience = match chosen.plan.strategy {
            Strategy::Fresh => CONSTANT_PATIENCE,
            Strategy::Window { .. } => PATIENCE,
            _ if remembered.is_some() => PATIENCE,
            Strategy::Birthday { .. } | Strategy::Scatter { .. } => LONG_PATIENCE,
        };
        if cx.now < since + patience {
            self.punching.next_at = Some(since + patience);
        } else if cx.punching.is_some() {
            // One at a time: two would double the entries in our router.
            self.punching.next_at = Some(cx.now + AFTER_DECLINED);
        } else if !self.afford(cx, chosen.plan, target) {
            self.punching.next_at = self.resting(cx);
        } else {
            let number = self.punching.number + 1;
            self.tell(Message::Propose { round: number, plan: chosen.plan });
            self.begin_round(cx, number, chosen, target);
        }
    }

    /// The peer says something about planned punches.
    pub(super) fn on_punch_message(&mut self, cx: &mut Context<'_>, message: Message) {
        match message {
            Message::Behaviour { generation, model } => {
                let news = self.punching.heard.is_none_or(|(newest, _)| generation > newest);
                if news && model.is_sane() {
                    self.punching.heard = Some((generation, model));
                    let newer = |(known, _): &(u32, Filtering)| *known > generation;
                    self.punching.heard_filtering = self.punching.heard_filtering.filter(newer);
                    self.reconsider(cx.now);
                }
            }
            Message::Filtering { generation, filtering } => {
                let newest = self.punching.heard_filtering.map(|(newest, _)| newest);
                let behaviour = self.punching.heard.map(|(newest, _)| newest);
                if Some(generation) > newest.max(behaviour) {
                    self.punching.heard_filtering = Some((generation, filtering));
                    self.reconsider(cx.now);
                }
            }
            Message::Propose { round, plan } => {
                if round > self.punching.number && !self.leads(cx) {
                    self.on_proposal(cx, round, plan);
                }
            }
            Message::Ready { round, forecast } => {
                let Some(current) = self.current_round(round) else { return };
                if current.on_forecast(forecast) {
                    self.begin_shooting(cx);
                } else {
                    // Its NAT has several addresses, or it lies.
                    self.end_round(cx, Some(Outcome::Missed));
                }
            }
            Message::Over { round, outcome } => {
                let Some(current) = self.current_round(round) else { return };
                match outcome {
                    // Its probe is on its way to us.
                    Outcome::Found => current.wind_up(cx.now + FOUND_BY_PEER),
                    Outcome::Missed => self.end_round(cx, None),
                    Outcome::Declined => {
                        self.end_round(cx, None);
                        self.punching.next_at = Some(cx.now + AFTER_DECLINED);
                    }
                }
            }
        }
    }

    fn current_round(&mut self, number: u32) -> Option<&mut Round> {
        self.punching.current.as_mut().filter(|round| round.agreed.number == number)
    }

    fn on_proposal(&mut self, cx: &mut Context<'_>, round: u32, plan: Plan) {
        self.end_round(cx, None);
        self.punching.number = round;
        let own = cx.survey.nat();
        let ours = choose(own, self.nat_there(), false, cx.budget, plan.rung);
        let alike = ours.ok().filter(|ours| {
            std::mem::discriminant(&ours.plan.strategy) == std::mem::discriminant(&plan.strategy)
        });
        let target = self.vouched(cx);
        match (alike, target) {
            (Some(ours), Some(target))
                if plan.is_within(ours.acts_as(own.model), cx.budget)
                    && cx.policy != Policy::RelayOnly
                    && cx.punching.is_none()
                    && !self.paths.has_direct()
                    && self.afford(cx, plan, target) =>
            {
                self.begin_round(cx, round, Choice { plan, ..ours }, target);
            }
            _ => self.tell(Message::Over { round, outcome: Outcome::Declined }),
        }
    }

    /// Enters a round into the peer's account and the address's, if there is room in both.
    fn afford(&mut self, cx: &mut Context<'_>, plan: Plan, target: IpAddr) -> bool {
        let entries = plan.entries();
        cx.targets.resting(cx.now, target).is_none()
            && self.punching.ledger.spend(cx.now, entries, cx.budget)
            && cx.targets.spend(cx.now, target, entries, cx.budget)
    }

    /// Until when nothing is tried.
    fn resting(&self, cx: &Context<'_>) -> Option<Instant> {
        let target = self.vouched(cx).and_then(|target| cx.targets.resting(cx.now, target));
        self.punching.ledger.resting(cx.now).max(target)
    }

    fn begin_round(&mut self, cx: &mut Context<'_>, number: u32, chosen: Choice, target: IpAddr) {
        let leads = self.leads(cx);
        let acts_as = chosen.acts_as(cx.survey.nat().model);
        *cx.punching = Some(self.id);
        self.punching.number = number;
        self.punching.rounds += 1;
        self.punching.plan = Some((chosen.plan, chosen.permille));
        let agreed = Agreement { peer: self.id, number, plan: chosen.plan, acts_as, leads, target };
        self.punching.current = Some(Round::open(cx, agreed));
        self.get_ready(cx);
    }

    /// A question about a socket of the round was answered, or given up.
    pub(in crate::proto::endpoint) fn on_socket_seen(
        &mut self,
        cx: &mut Context<'_>,
        place: usize,
        sample: Option<Sample>,
    ) {
        let Some(round) = &mut self.punching.current else { return };
        round.on_answer(place, sample);
        if round.is_looked_at() {
            self.get_ready(cx);
            self.drive(cx);
        }
    }

    /// Tells the peer where our packets will come from, once that is known.
    fn get_ready(&mut self, cx: &mut Context<'_>) {
        let Some(round) = &mut self.punching.current else { return };
        if !round.is_looked_at() {
            return;
        }
        let Some(forecast) = round.forecast(cx) else {
            return self.end_round(cx, Some(Outcome::Missed));
        };
        let round = round.agreed.number;
        self.tell(Message::Ready { round, forecast });
        self.begin_shooting(cx);
    }

    /// Begins when both sides are ready.
    fn begin_shooting(&mut self, cx: &mut Context<'_>) {
        let way = self.session.as_ref().and_then(|session| session.rtt(PathId::RELAY));
        if self.punching.current.as_mut().is_some_and(|round| !round.begin(cx, way)) {
            self.end_round(cx, Some(Outcome::Missed));
        }
    }

    /// Sends what is due, and ends the round when its time is over.
    fn shoot(&mut self, cx: &mut Context<'_>) {
        let Some(round) = &mut self.punching.current else { return };
        if round.is_over(cx.now) {
            return self.end_round(cx, Some(Outcome::Missed));
        }
        let Some(introduced) = self.relays.newest() else { return };
        let introduction = introduced.number;
        for (pair, ttl) in round.due(cx.now) {
            if self.may_send_directly(cx, pair.remote) {
                cx.transmits.push_back(pair.transmit(ttl, punch(introduction)));
                self.punching.packets_sent = self.punching.packets_sent.saturating_add(1);
            }
        }
    }

    /// There is a direct path, by whatever way.
    fn on_direct(&mut self, cx: &mut Context<'_>) {
        self.punching.since = None;
        self.punching.next_at = None;
        self.punching.obstacle = None;
        let Some(round) = &self.punching.current else { return };
        let Agreement { plan, target, .. } = round.agreed;
        let worked = round.has_begun() && self.paths.is_direct_through(round.sockets(), target);
        self.end_round(cx, Some(Outcome::Found));
        self.punching.ledger.succeeded();
        self.punching.tried = 0;
        self.punching.next_at = None;
        if worked {
            cx.targets.succeeded(target);
        }
        if let (true, Some(home)) = (worked, cx.survey.home()) {
            let lesson = Lesson { external: home.mapped.ip(), plan };
            cx.memory.learn(self.id, lesson);
            cx.event(Event::PunchLearned { peer: self.id, lesson });
        }
    }

    /// Ends the round; `outcome` is told to the peer. Sockets through which nothing came are closed.
    fn end_round(&mut self, cx: &mut Context<'_>, outcome: Option<Outcome>) {
        let Some(round) = self.punching.current.take() else { return };
        *cx.punching = None;
        cx.survey.forget(self.id);
        if let Some(outcome) = outcome {
            self.tell(Message::Over { round: round.agreed.number, outcome });
        }
        self.punching.tried = self.punching.tried.saturating_add(round.has_begun().into());
        self.punching.kept.extend(round.into_opened());
        self.close_unused(cx);
        self.punching.next_at = Some(cx.now + BETWEEN);
    }

    fn close_unused(&mut self, cx: &mut Context<'_>) {
        let paths = &mut self.paths;
        self.punching.kept.retain(|socket| {
            let used = paths.was_heard_at(*socket);
            if !used {
                paths.leave(*socket);
                cx.sockets.close(*socket);
            }
            used
        });
    }

    /// There is no session, or direct paths are not wanted.
    pub(super) fn give_up_punching(&mut self, cx: &mut Context<'_>) {
        self.stop_punching(cx);
        for socket in self.punching.kept.drain(..) {
            self.paths.leave(socket);
            cx.sockets.close(socket);
        }
    }

    /// The session is over, and the round with it. What was opened stays open for now: the first packet of
    /// the next session may have come by one of them, and is answered there.
    pub(super) fn stop_punching(&mut self, cx: &mut Context<'_>) {
        let before = std::mem::take(&mut self.punching);
        let (mut kept, ledger, packets_sent) = (before.kept, before.ledger, before.packets_sent);
        if let Some(round) = before.current {
            *cx.punching = None;
            cx.survey.forget(self.id);
            kept.extend(round.into_opened());
        }
        self.punching = Punching { kept, ledger, packets_sent, ..Punching::default() };
    }

    /// Our NAT is another one, or in another mood.
    pub(in crate::proto::endpoint) fn mapping_inferred(&mut self, cx: &mut Context<'_>) {
        self.punching.ledger.moved(cx.now);
        self.drive(cx);
    }

    /// It is known whom our NAT lets in.
    pub(in crate::proto::endpoint) fn filtering_known(&mut self, cx: &mut Context<'_>) {
        self.drive(cx);
    }

    /// The facts, for a person.
    pub(in crate::proto::endpoint) fn describe_punch(&self, cx: &Context<'_>) -> PunchReport {
        let punching = &self.punching;
        let resting = self.resting(cx);
        let confirmed = self.session.as_ref().filter(|_| self.confirmed).map(Session::heard_at);
        let state = match (&punching.current, resting, punching.obstacle) {
            _ if confirmed.is_none() || cx.policy == Policy::RelayOnly => PunchState::Off,
            _ if self.paths.has_direct() => PunchState::Direct,
            (Some(round), ..) if round.has_begun() => PunchState::Punching,
            (Some(_), ..) => PunchState::Preparing,
            (None, _, Some(obstacle)) => PunchState::NotTried(obstacle),
            (None, Some(until), None) => {
                PunchState::Resting(until.saturating_duration_since(cx.now))
            }
            (None, None, None) => PunchState::Waiting,
        };
        PunchReport {
            own: cx.survey.evidence().clone(),
            own_filtering: cx.survey.nat().filtering,
            peer: punching.heard.map(|(_, model)| model),
            peer_filtering: self.nat_there().filtering,
            state,
            plan: punching.plan,
            rounds: punching.rounds,
            packets_sent: punching.packets_sent,
        }
    }
}
