//! Finding out how our NAT gives out ports, by asking the rendezvous from several sockets.
//!
//! The server tells where it sees us as soon as there is a link: that is the first sample. One
//! question from the same socket to the server's next port, and one to its second address if it has
//! one, show whether the mapping is constant. For most people it is, and that was all. If it is not,
//! a few fresh sockets show where new mappings go, and one more, which writes to one port of the
//! server alone, whether an answer from the other gets in.
//!
//! The same questions are asked for peers that prepare a planned punch.

use std::net::SocketAddr;
use std::time::Instant;

use p2pchat_wire::identity::PeerId;
use p2pchat_wire::random::Random;
use smallvec::SmallVec;

use super::sockets::Sockets;
use crate::proto::nat::{Answered, Evidence, Filtering, Nat, Sample, Stun, infer};
use crate::proto::path::Pair;
use crate::proto::{SocketId, Transmit};

/// Fresh sockets that show where new mappings go. Each asks twice at least.
const FRESH: usize = 3;

/// Servers whose word is taken.
const MAX_TOLD: usize = 2;

/// Endpoints that are asked about one socket at most.
const MAX_VANTAGES: usize = 3;

/// What a question is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Purpose {
    /// The model; the answer belongs into this place.
    Model(usize),
    /// Whether the answer gets in.
    Filtering,
    /// A peer's round, which knows its questions by a number.
    Round(PeerId, usize),
}

/// What a survey wants of its endpoint.
#[derive(Debug)]
pub(super) enum Step {
    Transmit(Transmit),
    /// The model is another one than before.
    Inferred,
    /// It is known whom our NAT lets in.
    Filtered,
    /// A peer's question was answered, or given up.
    Answered(PeerId, usize, Option<Sample>),
}

/// The questions, and what is known.
#[derive(Debug, Default)]
pub(super) struct Survey {
    stun: Stun<Purpose>,
    /// Where servers see us without being asked, the nearest first.
    told: SmallVec<[Sample; MAX_TOLD]>,
    /// The endpoints that have answered; the first is the server that we talk to.
    vantages: Vec<SocketAddr>,
    /// One place for each question about the model, in the order in which they were asked.
    places: Vec<Option<Sample>>,
    open: usize,
    fresh: Vec<SocketId>,
    evidence: Evidence,
    settled: bool,
    /// `None` until it was tried.
    filtering: Option<Filtering>,
    /// The socket that it is tried with.
    filtered: Option<SocketId>,
    finished: Vec<Answered<Purpose>>,
    news: bool,
}

impl Survey {
    /// The nearest server sees us as `home` says, and `others` may too. If any of that is news,
    /// everything else may be other than it was too.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        home: Sample,
        others: impl Iterator<Item = Sample>,
        sockets: &mut Sockets,
        random: &mut Random,
    ) {
        let server = home.via;
        let mut told = SmallVec::<[Sample; MAX_TOLD]>::from_iter([home]);
        for other in others.filter(|other| other.via.is_ipv4() == server.is_ipv4()) {
            if told.len() < MAX_TOLD && told.iter().all(|known| known.via.ip() != other.via.ip()) {
                told.push(other);
            }
        }
        if self.told == told {
            return;
        }
        let ours = |purpose: &Purpose| matches!(purpose, Purpose::Model(_) | Purpose::Filtering);
        self.stun.forget(ours);
        self.finished.retain(|answered| !ours(&answered.purpose));
        self.fresh.drain(..).chain(self.filtered.take()).for_each(|socket| sockets.close(socket));
        self.filtering = None;
        self.vantages = told.iter().map(|sample| sample.via).collect();
        self.places = told.iter().copied().map(Some).collect();
        self.told = told;
        self.open = 0;
        self.settled = false;
        if let Some(port) = server.port().checked_add(1) {
            // Where the server has one address only, nothing names its second port. It is the next
            // one (docs/operating.md); if it is not, the question goes unanswered.
            self.look_from(now, home.socket, SocketAddr::new(server.ip(), port), random);
        }
    }

    /// Asks `via` about `socket`.
    fn look_from(&mut self, now: Instant, socket: SocketId, via: SocketAddr, random: &mut Random) {
        let pair = Pair { local: socket, remote: via };
        self.stun.ask(now, pair, Purpose::Model(self.places.len()), random);
        self.places.push(None);
        self.open += 1;
    }

    /// A fresh socket asks the server's first port for an answer from its second.
    fn try_the_filter(&mut self, now: Instant, sockets: &mut Sockets, random: &mut Random) {
        let Some(&first) = self.vantages.first() else { return };
        let second = self.vantages.iter().find(|at| at.ip() == first.ip() && **at != first);
        let Some(&second) = second else {
            self.filtering = Some(Filtering::Unknown);
            return;
        };
        let socket = sockets.open_passing();
        self.filtered = Some(socket);
        let pair = Pair { local: socket, remote: second };
        self.stun.ask_across(now, first, pair, Purpose::Filtering, random);
    }

    fn on_filter_tried(&mut self, answered: Answered<Purpose>, sockets: &mut Sockets) {
        self.filtered.take().into_iter().for_each(|socket| sockets.close(socket));
        self.filtering = Some(match answered {
            Answered { sample: Some(_), .. } => Filtering::NotByPort,
            Answered { refused: true, .. } => Filtering::Unknown,
            _ => Filtering::AddressAndPortDependent,
        });
    }

    /// What is known.
    pub(super) fn nat(&self) -> Nat {
        let filtering = self.filtering.unwrap_or_default();
        Nat { model: self.evidence.model, filtering }
    }

    /// Whom our NAT lets in, once that was tried. One that keeps ports is not asked.
    pub(super) fn filtering(&self) -> Option<Filtering> {
        self.filtering
    }

    /// The model, and what it was inferred from.
    pub(super) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Whether the model will not get better by itself.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Where the rendezvous sees our first socket.
    pub(super) fn home(&self) -> Option<Sample> {
        self.told.first().copied()
    }

    /// The server's endpoints that have answered, the nearest first.
    pub(super) fn vantages(&self) -> &[SocketAddr] {
        &self.vantages
    }

    /// Asks for a peer; the answer comes as [`Step::Answered`].
    pub(super) fn ask(
        &mut self,
        now: Instant,
        pair: Pair,
        peer: PeerId,
        number: usize,
        random: &mut Random,
    ) {
        self.stun.ask(now, pair, Purpose::Round(peer, number), random);
    }

    /// A peer does not want answers any more.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.stun.forget(|purpose| matches!(purpose, Purpose::Round(whose, _) if *whose == peer));
        let stale = |purpose: Purpose| matches!(purpose, Purpose::Round(whose, _) if whose == peer);
        self.finished.retain(|answered| !stale(answered.purpose));
    }

    /// A datagram with the shape of STUN arrived. Returns whether it answers us.
    pub(super) fn handle(&mut self, pair: Pair, bytes: &[u8]) -> bool {
        let answered = self.stun.handle(pair, bytes);
        let ours = answered.is_some();
        self.finished.extend(answered);
        ours
    }

    /// The next thing to do.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        sockets: &mut Sockets,
        random: &mut Random,
    ) -> Option<Step> {
        loop {
            if std::mem::take(&mut self.news) {
                return Some(Step::Inferred);
            }
            let answered = if self.finished.is_empty() {
                match self.stun.poll(now)? {
                    Ok(transmit) => return Some(Step::Transmit(transmit)),
                    Err(answered) => answered,
                }
            } else {
                self.finished.remove(0)
            };
            match answered.purpose {
                Purpose::Round(peer, number) => {
                    return Some(Step::Answered(peer, number, answered.sample));
                }
                Purpose::Model(place) => self.on_answer(now, place, answered, sockets, random),
                Purpose::Filtering => {
                    self.on_filter_tried(answered, sockets);
                    return Some(Step::Filtered);
                }
            }
        }
    }

    fn on_answer(
        &mut self,
        now: Instant,
        place: usize,
        answered: Answered<Purpose>,
        sockets: &mut Sockets,
        random: &mut Random,
    ) {
        self.open = self.open.saturating_sub(1);
        if let (Some(known), Some(sample)) = (self.places.get_mut(place), answered.sample) {
            *known = Some(sample);
            if !self.vantages.contains(&sample.via) {
                self.vantages.push(sample.via);
            }
            let home = self.home().map_or(SocketId::FIRST, |home| home.socket);
            if let Some(other) = answered.other.filter(|other| self.is_another(*other))
                && self.fresh.is_empty()
                && self.places.len() < MAX_VANTAGES
            {
                self.look_from(now, home, other, random);
            }
        }
        if self.open > 0 {
            return;
        }
        let samples: Vec<Sample> = self.places.iter().flatten().copied().collect();
        let model = infer(&samples);
        if model.varies() && self.fresh.is_empty() {
            self.fresh = (0..FRESH).map(|_| sockets.open_passing()).collect();
            for socket in self.fresh.clone() {
                for via in self.vantages.clone() {
                    self.look_from(now, socket, via, random);
                }
            }
            // Last, so that it takes no port in between.
            self.try_the_filter(now, sockets, random);
            return;
        }
        self.fresh.drain(..).for_each(|socket| sockets.close(socket));
        self.news = !self.settled || self.evidence.model != model;
        self.settled = true;
        self.evidence = Evidence { model, samples };
    }

    /// Whether the server names an endpoint at an address of its own that we have not asked.
    ///
    /// Nobody but a server that we have a link with is asked, so it may name what it likes: three
    /// small requests go there.
    fn is_another(&self, other: SocketAddr) -> bool {
        let first = self.vantages.first();
        first.is_some_and(|first| {
            first.is_ipv4() == other.is_ipv4()
                && p2pchat_wire::address::is_permitted(other, first.ip().is_loopback())
        }) && self.vantages.iter().all(|known| known.ip() != other.ip())
    }

    /// When [`Self::poll`] has something to do.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.stun.timeout()
    }
}
