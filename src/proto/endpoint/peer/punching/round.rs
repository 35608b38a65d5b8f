//! One round of a planned punch: its sockets, what both sides foresee, and its packets.
//!
//! A round is [opened](Round::open) when it is agreed on: sockets are opened, and servers asked where
//! they are. When all have answered, [`Round::forecast`] says where our packets will come from; when
//! both sides have said that, the round [begins](Round::begin), and from then on [`Round::due`] says
//! what leaves. [`Punching`](super::Punching) decides what becomes of it.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use p2pchat_wire::identity::PeerId;

use crate::proto::SocketId;
use crate::proto::endpoint::context::Context;
use crate::proto::nat::{Allocation, LOWEST_PORT, PortModel, Sample, infer};
use crate::proto::path::Pair;
use crate::proto::punch::message::{Forecast, Ports};
use crate::proto::punch::plan::Plan;
use crate::proto::punch::schedule::{Shot, Terms};

/// How long both sides have to open their sockets and say so.
const PREPARING: Duration = Duration::from_secs(4);

/// Sockets whose mappings are looked at before a round with drawn ports: enough to find the ends of
/// a block.
const LOOKED_AT: usize = 24;

/// Packets that leave at once at most, however late we are.
const BURST: usize = 32;

/// Before the rest of them.
const BREATH: Duration = Duration::from_millis(10);

/// The way over the relay, until it is measured, and what is added to it for slow machines.
const UNMEASURED: Duration = Duration::from_millis(100);
const MARGIN: Duration = Duration::from_millis(25);

/// What was agreed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreement {
    /// With whom.
    pub(super) peer: PeerId,
    /// Counts from 1 in each session.
    pub(super) number: u32,
    pub(super) plan: Plan,
    /// Our NAT's model, as far as the plan is concerned.
    pub(super) acts_as: PortModel,
    /// Whether we proposed it.
    pub(super) leads: bool,
    /// The one address that packets go to.
    pub(super) target: IpAddr,
}

/// A round that was proposed.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) agreed: Agreement,
    sockets: Vec<SocketId>,
    /// Whether the sockets were opened for it.
    opened: bool,
    /// Where they are seen: one place for each question.
    answers: Vec<Option<Sample>>,
    unanswered: usize,
    own: Option<Forecast>,
    theirs: Option<Forecast>,
    began: Option<Instant>,
    shots: VecDeque<Shot>,
    /// Set while there is more to send than leaves at once.
    not_before: Option<Instant>,
    ends_at: Instant,
}

impl Round {
    /// Opens the sockets and asks where they are.
    pub(super) fn open(cx: &mut Context<'_>, agreed: Agreement) -> Self {
        let opened = agreed.plan.sockets(agreed.acts_as);
        let sockets = match opened {
            0 => vec![cx.survey.home().map_or(cx.home, |home| home.socket)],
            count => (0..count).map(|_| cx.sockets.open_passing()).collect(),
        };
        let questions = if opened == 0 {
            Vec::new()
        } else {
            questions(agreed.acts_as, &sockets, cx.survey.vantages())
        };
        for (place, pair) in questions.iter().enumerate() {
            cx.survey.ask(cx.now, *pair, agreed.peer, place, cx.random);
        }
        Self {
            agreed,
            sockets,
            opened: opened > 0,
            answers: vec![None; questions.len()],
            unanswered: questions.len(),
            own: None,
            theirs: None,
            began: None,
            shots: VecDeque::new(),
            not_before: None,
            ends_at: cx.now + PREPARING,
        }
    }

    /// A question about a socket was answered, or given up.
    pub(super) fn on_answer(&mut self, place: usize, sample: Option<Sample>) {
        if let Some(answer) = self.answers.get_mut(place) {
            *answer = sample;
            self.unanswered = self.unanswered.saturating_sub(1);
        }
    }

    /// Whether all questions were answered, and the peer was not told yet.
    pub(super) fn is_looked_at(&self) -> bool {
        self.unanswered == 0 && self.own.is_none()
    }

    /// Where our packets will come from, as far as the answers tell.
    pub(super) fn forecast(&mut self, cx: &Context<'_>) -> Option<Forecast> {
        let evidence = cx.survey.evidence();
        let seen: Vec<Sample> = self.answers.iter().flatten().copied().collect();
        let forecast = if self.opened {
            Forecast {
                address: seen.first()?.mapped.ip(),
                ports: ports(self.agreed.acts_as, &evidence.samples, &seen)?,
            }
        } else {
            let mapped = cx.survey.home()?.mapped;
            Forecast { address: mapped.ip(), ports: Ports::One(mapped.port()) }
        };
        self.own = Some(forecast);
        Some(forecast)
    }

    /// The peer's forecast; the first one counts. Returns whether it is of the address that packets
    /// go to.
    pub(super) fn on_forecast(&mut self, theirs: Forecast) -> bool {
        let agrees = theirs.address == self.agreed.target;
        if agrees {
            self.theirs.get_or_insert(theirs);
        }
        agrees
    }

    /// Begins when both sides are ready; `way` is a round trip over the relay. Returns whether the
    /// forecasts fit the plan.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>, way: Option<Duration>) -> bool {
        let (Some(own), Some(theirs), None) = (self.own, self.theirs, self.began) else {
            return true;
        };
        let terms = Terms {
            plan: self.agreed.plan,
            own: own.ports,
            theirs: theirs.ports,
            leads: self.agreed.leads,
            sockets: u16::try_from(self.sockets.len()).unwrap_or(u16::MAX),
            lead_in: way.map_or(UNMEASURED, |rtt| rtt / 2) + MARGIN,
            gap: Duration::from_secs(1) / u32::from(cx.budget.packets_per_second.max(1)),
        };
        let Some((shots, duration)) = terms.shots(cx.random) else { return false };
        self.shots = shots.into();
        self.began = Some(cx.now);
        self.ends_at = cx.now + duration;
        true
    }

    /// Whether packets are being sent.
    pub(super) fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// What leaves now, and with which time to live, if it is not to arrive.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(Pair, Option<u8>)> {
        let mut due = Vec::new();
        let Some(began) = self.began.filter(|_| self.not_before.is_none_or(|at| at <= now)) else {
            return due;
        };
        while due.len() < BURST
            && let Some(shot) = self.shots.pop_front_if(|shot| began + shot.at <= now)
        {
            let remote = SocketAddr::new(self.agreed.target, shot.port);
            let local = self.sockets.get(usize::from(shot.socket));
            due.extend(local.map(|&local| (Pair { local, remote }, shot.ttl)));
        }
        if due.len() == BURST {
            self.not_before = Some(now + BREATH);
        }
        due
    }

    /// The peer has found a path: nothing more leaves, and we have until then to find ours.
    pub(super) fn wind_up(&mut self, until: Instant) {
        self.shots.clear();
        self.ends_at = self.ends_at.min(until);
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.ends_at
    }

    /// When there is something to send, or it is over.
    pub(super) fn timeout(&self) -> Instant {
        let shot = self.began.zip(self.shots.front()).map(|(began, shot)| began + shot.at);
        let shot = shot.map(|at| self.not_before.map_or(at, |not_before| at.max(not_before)));
        shot.map_or(self.ends_at, |at| at.min(self.ends_at))
    }

    /// Whether a socket was opened for it.
    pub(super) fn owns(&self, socket: SocketId) -> bool {
        self.opened && self.sockets.contains(&socket)
    }

    /// Whether a punch on this pair may be the one that it is for.
    pub(super) fn expects(&self, pair: Pair) -> bool {
        self.agreed.target == pair.remote.ip() && self.sockets.contains(&pair.local)
    }

    /// The sockets that packets leave from.
    pub(super) fn sockets(&self) -> &[SocketId] {
        &self.sockets
    }

    /// The sockets that were opened for it.
    pub(super) fn into_opened(self) -> Vec<SocketId> {
        if self.opened { self.sockets } else { Vec::new() }
    }
}

/// Which sockets are looked at from where, so that it can be said where the next packets will come
/// from.
fn questions(own: PortModel, sockets: &[SocketId], vantages: &[SocketAddr]) -> Vec<Pair> {
    let (looked_at, from) = match own {
        PortModel::Varying { ports: Allocation::Sequential { .. }, .. } => (1, 2),
        PortModel::Constant | PortModel::Unknown => (1, 1),
        PortModel::Varying { .. } => (LOOKED_AT, 1),
    };
    let each = |&local| vantages.iter().take(from).map(move |&remote| Pair { local, remote });
    sockets.iter().take(looked_at).flat_map(each).collect()
}

/// The ports of the next packets, from a NAT of this model that gave these samples and, to the
/// sockets of the round, those in `seen`.
fn ports(model: PortModel, samples: &[Sample], seen: &[Sample]) -> Option<Ports> {
    Some(match model {
        PortModel::Unknown => return None,
        PortModel::Constant => Ports::One(seen.first()?.mapped.port()),
        PortModel::Varying { ports: Allocation::Sequential { step, .. }, .. } => {
            let seen = seen.iter().map(|sample| sample.mapped.port());
            let last = if step > 0 { seen.max() } else { seen.min() };
            let first = i32::from(last?) + i32::from(step);
            Ports::Next { first: u16::try_from(first).ok()?, step }
        }
        PortModel::Varying { .. } => {
            let all: Vec<Sample> = samples.iter().chain(seen).copied().collect();
            match infer(&all) {
                PortModel::Varying { ports: Allocation::Block { first, last }, .. } => {
                    Ports::Range { first, last }
                }
                _ => Ports::Range { first: LOWEST_PORT, last: u16::MAX },
            }
        }
    })
}
