//! How long our NAT keeps a mapping that nobody uses, found out on sockets that nothing depends on.
//!
//! A spare socket asks the server where it is seen, twice, so that a NAT takes it for an established
//! flow, and then rests. After the rest another socket asks the server to answer to the port of the
//! resting one (RESPONSE-PORT, RFC 5780 §7.5 and §4.6): what arrives there shows that the mapping
//! lives. What does not arrive shows that it ended, provided that the server still answers others.
//! The mapping that is in use has no part in it but to carry that question.
//!
//! The first rest is none at all: a server that does not know RESPONSE-PORT, or a NAT that does not
//! let such an answer in, is recognised by it and asked no more.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use p2pchat_wire::random::Random;

use super::networks::Networks;
use crate::proto::nat::{Answered, Sample, Stun};
use crate::proto::path::Pair;
use crate::proto::{SocketId, Transmit};

/// The rests that are tried. Below the first, keepalives come as often as they ever do; above the
/// last, a longer life changes nothing.
const RESTS: [Duration; 6] = [
    Duration::from_secs(10),
    Duration::from_secs(15),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(45),
    Duration::from_secs(60),
];

/// The rest that is tried first where nothing is known: the worst home routers are at either side.
const FIRST: usize = 2;

/// What is assumed of a NAT that forgets during the shortest rest.
const LEAST: Duration = Duration::from_secs(5);

/// How long a link is up before a search begins: short chats do not need one.
const SETTLE: Duration = Duration::from_secs(60);

/// What is between the two questions of a spare socket. Linux takes a flow for established that
/// goes both ways for longer than two seconds, and remembers it for longer then.
const ESTABLISH: Duration = Duration::from_millis(2500);

/// How late a rest may end. After a sleep it says nothing.
const LATE: Duration = Duration::from_secs(1);

/// When a trial is repeated that has said nothing.
const RETRY: Duration = Duration::from_secs(300);

/// When a search is repeated, and one tried again where none was possible.
const REPEAT: Duration = Duration::from_secs(24 * 3600);

/// The time between two packets on a path while nothing is known.
///
/// Mappings last 30 s in most of the worst home routers, and Linux keeps a flow for 30 s until it has
/// seen both directions for a while.
const PATH_KEEPALIVE: Duration = Duration::from_secs(10);

/// The least and the most of it. A session ends after 40 s of silence.
const PATH_BOUNDS: [Duration; 2] = [Duration::from_secs(4), Duration::from_secs(25)];

/// The time between two packets on a link while nothing is known.
pub(crate) const LINK_KEEPALIVE: Duration = Duration::from_secs(20);

/// The least and the most of it. A server forgets whom it has not heard for 75 s.
const LINK_BOUNDS: [Duration; 2] = [Duration::from_secs(8), Duration::from_secs(45)];

/// How long a NAT keeps a mapping that is not used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdleLimit {
    /// Our external address at that time: it stands for the network that we were in.
    pub external: IpAddr,
    /// The longest silence that is known to be survived, 5 to 60 s.
    pub idle: Duration,
}

/// How often a path to a peer is to be used behind a NAT that is known to survive such a silence.
pub(super) fn path_keepalive(idle: Option<Duration>) -> Duration {
    idle.map_or(PATH_KEEPALIVE, |idle| keepalive(idle, PATH_BOUNDS))
}

/// How often a link to a server is to be used there.
pub(super) fn link_keepalive(idle: Option<Duration>) -> Duration {
    idle.map_or(LINK_KEEPALIVE, |idle| keepalive(idle, LINK_BOUNDS))
}

/// A quarter is for the way, and for what a NAT counts otherwise than we do.
fn keepalive(idle: Duration, [least, most]: [Duration; 2]) -> Duration {
    (idle * 3 / 4).clamp(least, most)
}

/// What a search wants of its endpoint.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Step {
    Transmit(Transmit),
    /// A spare socket is not needed any more.
    Close(SocketId),
    /// Found out, perhaps again.
    Learned(IdleLimit),
}

/// Where a trial is.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The next begins then.
    Waiting(Instant),
    /// Asks where the spare socket is seen.
    Opening(SocketId),
    /// It was seen there, and asks again then.
    Establishing(SocketId, SocketAddr, Instant),
    Confirming(SocketId, SocketAddr),
    /// The mapping is left alone until then.
    Resting(SocketId, SocketAddr, Instant),
    /// Has an answer sent to the spare socket.
    Waking(SocketId),
    /// None came. Asks from a fresh socket whether the server answers at all.
    Doubting(SocketId),
}

impl State {
    fn socket(self) -> Option<SocketId> {
        match self {
            Self::Waiting(_) => None,
            Self::Opening(socket)
            | Self::Establishing(socket, ..)
            | Self::Confirming(socket, _)
            | Self::Resting(socket, ..)
            | Self::Waking(socket)
            | Self::Doubting(socket) => Some(socket),
        }
    }
}

/// A search in one network.
#[derive(Debug)]
struct Search {
    external: IpAddr,
    via: SocketAddr,
    state: State,
    /// Whether an answer has come where it was sent without a rest.
    works: bool,
    /// So many of [`RESTS`] were survived.
    lived: usize,
    /// The first that was not.
    died: usize,
    /// The next.
    trying: usize,
}

impl Search {
    fn new(external: IpAddr, via: SocketAddr, begin_at: Instant, known: Option<Duration>) -> Self {
        let first = known.map_or(FIRST, |idle| RESTS.iter().filter(|rest| **rest < idle).count());
        Self {
            external,
            via,
            state: State::Waiting(begin_at),
            works: false,
            lived: 0,
            died: RESTS.len(),
            trying: first.min(RESTS.len() - 1),
        }
    }

    fn rest(&self) -> Duration {
        RESTS.get(self.trying).copied().filter(|_| self.works).unwrap_or_default()
    }
}

/// The search, and what is known of this network and others.
#[derive(Debug, Default)]
pub(crate) struct IdleSearch {
    stun: Stun<()>,
    search: Option<Search>,
    known: Networks<Duration>,
    answered: Option<Answered<()>>,
    closing: Vec<SocketId>,
}

impl IdleSearch {
    /// What is known of a network, in place of what was known before.
    pub(crate) fn learn(&mut self, limit: IdleLimit) {
        let (least, most) = (LEAST, RESTS[RESTS.len() - 1]);
        self.known.learn(limit.external, limit.idle.clamp(least, most));
    }

    /// The longest silence that our NAT is known to allow.
    pub(crate) fn idle(&self) -> Option<Duration> {
        self.known.of(self.search.as_ref()?.external)
    }

    /// Where the nearest server sees us, if it does so over UDP. Elsewhere everything begins anew.
    pub(crate) fn seen(&mut self, now: Instant, home: Option<Sample>) {
        let Some(home) = home else {
            // The network may be gone. What is known of it stays in use until there is another.
            self.postpone(now + SETTLE);
            return;
        };
        let (external, via) = (home.mapped.ip(), home.via);
        let same =
            self.search.as_ref().map(|search| (search.external == external, search.via == via));
        match same {
            Some((true, true)) => {}
            // Another server may answer where the one before did not, and the rest is the NAT's.
            Some((true, false)) => {
                self.postpone(now + SETTLE);
                if let Some(search) = &mut self.search {
                    search.via = via;
                    search.works = false;
                }
            }
            _ => {
                self.postpone(now);
                let known = self.known.of(external);
                self.search = Some(Search::new(external, via, now + SETTLE, known));
            }
        }
    }

    /// Ends the trial that is under way, if any; the next begins then.
    fn postpone(&mut self, until: Instant) {
        self.stun.forget(|()| true);
        self.answered = None;
        if let Some(search) = &mut self.search
            && let Some(socket) = search.state.socket()
        {
            self.closing.push(socket);
            search.state = State::Waiting(until);
        }
    }

    /// A datagram with the shape of STUN arrived. Returns whether it answers us.
    pub(crate) fn handle(&mut self, pair: Pair, bytes: &[u8]) -> bool {
        let answered = self.stun.handle(pair, bytes);
        let ours = answered.is_some();
        self.answered = answered.or(self.answered);
        ours
    }

    /// The next thing to do. `home` is the socket that questions to resting sockets leave from;
    /// `busy` keeps a trial from beginning, and `open` opens a spare socket.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        home: SocketId,
        busy: bool,
        mut open: impl FnMut() -> SocketId,
        random: &mut Random,
    ) -> Option<Step> {
        loop {
            if let Some(socket) = self.closing.pop() {
                return Some(Step::Close(socket));
            }
            if let Some(answered) = self.answered.take() {
                if let Some(limit) = self.on_answer(now, answered.sample, &mut open, random) {
                    return Some(Step::Learned(limit));
                }
                continue;
            }
            match self.stun.poll(now) {
                Some(Ok(transmit)) => return Some(Step::Transmit(transmit)),
                Some(Err(answered)) => {
                    self.answered = Some(answered);
                    continue;
                }
                None => {}
            }
            let search = self.search.as_mut()?;
            let via = search.via;
            match search.state {
                State::Waiting(at) if at <= now && !busy => {
                    if search.lived >= search.died {
                        let known = RESTS.get(search.lived.saturating_sub(1)).copied();
                        *search = Search::new(search.external, via, now, known);
                    }
                    let socket = open();
                    search.state = State::Opening(socket);
                    self.stun.ask(now, Pair { local: socket, remote: via }, (), random);
                }
                State::Establishing(socket, mapped, at) if at <= now => {
                    search.state = State::Confirming(socket, mapped);
                    self.stun.ask(now, Pair { local: socket, remote: via }, (), random);
                }
                State::Resting(_, _, at) if at + LATE < now => self.postpone(now + SETTLE),
                State::Resting(socket, mapped, at) if at <= now => {
                    search.state = State::Waking(socket);
                    let pair = Pair { local: socket, remote: via };
                    self.stun.ask_from(now, (home, mapped.port()), pair, (), random);
                }
                _ => return None,
            }
        }
    }

    /// The question that was under way is answered by `sample`, or not at all.
    fn on_answer(
        &mut self,
        now: Instant,
        sample: Option<Sample>,
        open: &mut impl FnMut() -> SocketId,
        random: &mut Random,
    ) -> Option<IdleLimit> {
        let search = self.search.as_mut()?;
        match (search.state, sample) {
            // With several external addresses no answer can be sent to the spare socket's.
            (State::Opening(_), Some(sample)) if sample.mapped.ip() != search.external => {
                self.postpone(now + REPEAT);
            }
            (State::Opening(socket), Some(sample)) => {
                search.state = State::Establishing(socket, sample.mapped, now + ESTABLISH);
            }
            (State::Confirming(socket, mapped), Some(sample)) if sample.mapped == mapped => {
                search.state = State::Resting(socket, mapped, now + search.rest());
            }
            (State::Waking(_), Some(_)) => return self.conclude(now, true),
            (State::Waking(socket), None) => {
                self.closing.push(socket);
                let fresh = open();
                search.state = State::Doubting(fresh);
                let pair = Pair { local: fresh, remote: search.via };
                self.stun.ask(now, pair, (), random);
            }
            (State::Doubting(_), Some(_)) => return self.conclude(now, false),
            _ => self.postpone(now + RETRY),
        }
        None
    }

    /// The mapping lived through the rest, or did not.
    fn conclude(&mut self, now: Instant, lived: bool) -> Option<IdleLimit> {
        self.postpone(now);
        let search = self.search.as_mut()?;
        if !search.works {
            search.works = lived;
            if !lived {
                search.state = State::Waiting(now + REPEAT);
            }
            return None;
        }
        if lived {
            search.lived = search.trying + 1;
        } else {
            search.died = search.trying;
        }
        if search.lived < search.died {
            search.trying = usize::midpoint(search.lived, search.died);
            return None;
        }
        search.state = State::Waiting(now + REPEAT);
        let longest = search.lived.checked_sub(1).and_then(|at| RESTS.get(at)).copied();
        let limit = IdleLimit { external: search.external, idle: longest.unwrap_or(LEAST) };
        self.learn(limit);
        Some(limit)
    }

    /// When [`Self::poll`] has something to do.
    pub(crate) fn timeout(&self, busy: bool) -> Option<Instant> {
        let state = self.search.as_ref().and_then(|search| match search.state {
            State::Waiting(at) => Some(at).filter(|_| !busy),
            State::Establishing(_, _, at) | State::Resting(_, _, at) => Some(at),
            _ => None,
        });
        state.into_iter().chain(self.stun.timeout()).min()
    }
}

#[cfg(test)]
#[path = "idle_tests.rs"]
mod tests;
