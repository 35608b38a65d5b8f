//! To TCP when UDP is not answered, and back as soon as it is.

use std::time::{Duration, Instant};

use p2pchat_wire::VERSION;
use p2pchat_wire::datagram::Challenge;
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::random::Random;

use super::Link;
use super::attempt::{Attempt, Init};
use crate::proto::endpoint::sockets::Sockets;
use crate::proto::path::Pair;
use crate::proto::{SocketId, Transmit};

/// Pings without an answer after which TCP is tried, or tried anew. Over UDP fewer are lost on any
/// bad link, and moving to TCP would not make it better.
const SUSPECT_AFTER: u32 = 3;

/// Hellos over UDP of a link over TCP that go out together, lest one that is lost costs a whole gap.
const BACK_ROUND: usize = 3;

/// How far apart they are, so that one bad moment does not swallow all of them.
const BACK_SPACING: Duration = Duration::from_millis(400);

/// Gaps between such rounds; the last repeats. The first are short: perhaps some answers were only lost.
const BACK_GAPS: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];

/// Whether an initiation may be given up for another way. One that answers a challenge has just been
/// shown that its way is open.
fn is_doubtful(init: &Init) -> bool {
    init.by_token || init.tries > 1
}

/// What is to be done about TCP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Dialling {
    /// An answer over UDP is overdue, or soon will be.
    Needed,
    /// What there is may still be used.
    Undecided,
    /// Only what the link uses now is.
    Over,
}

impl Link {
    /// Whether a challenge that came by `from` is to be answered.
    pub(super) fn is_wanted(&self, from: Pair, challenge: &Challenge) -> bool {
        let carried = self.carriers.pairs().any(|pair| pair == from);
        // One that was asked for from a socket which we have left proves nothing about this one.
        if !carried && !self.udp().any(|way| way == from) {
            return false;
        }
        // Against a link that works, the word of a stranger is worth nothing.
        let agrees = challenge.version == VERSION && self.key == Some(PeerId(challenge.server));
        match (&self.attempt, &self.up) {
            (Attempt::Hello { .. }, _) => true,
            // Over a stream: TCP is faster than whatever holds UDP back. Over UDP: the server knows
            // nothing of our token any more.
            (Attempt::Init(init), None) => match carried {
                true => !self.carriers.holds(init.way.local) && is_doubtful(init),
                false => init.by_token && agrees,
            },
            (Attempt::Init(init), Some(up)) => {
                let other = carried && ![init.way, up.way].contains(&from);
                other && self.is_suspect() && is_doubtful(init) && agrees
            }
            (Attempt::None, Some(up)) => {
                let better = self.is_carried() && !carried;
                // Over UDP by the way that was silent: it is a new process that does not know us.
                let needed = self.is_suspect() && (!carried || up.way != from);
                (better || needed) && agrees
            }
            _ => false,
        }
    }

    /// A stream could not be dialled, or has broken. UDP had not worked when it was dialled, so
    /// another is dialled at once if it was in use.
    pub(in crate::proto::endpoint) fn lose_carrier(
        &mut self,
        now: Instant,
        socket: SocketId,
        random: &mut Random,
    ) {
        let carried = self.is_carried();
        if !self.carriers.lose(socket) {
            return;
        }
        let used = |way: Pair| way.local == socket;
        let asked = self.attempt.way().is_some_and(used);
        if carried && self.pair().is_some_and(used) {
            (self.up, self.back_at) = (None, None);
            self.restart(now, random);
            self.carriers.hurry(now);
        } else if asked {
            self.say_hello(now, random);
        }
    }

    /// Dials, closes what is not needed any more, or says hello over UDP, as it is time to.
    pub(super) fn look_for_other_ways(
        &mut self,
        now: Instant,
        sockets: &mut Sockets,
        out: &mut Vec<Transmit>,
    ) {
        match self.dialling() {
            Dialling::Needed => self.dial(now, sockets, out),
            Dialling::Undecided => {}
            Dialling::Over => {
                let used = self.up.as_ref().map(|up| up.way.local);
                self.carriers.keep_only(used, sockets);
            }
        }
        if self.back_due().is_some_and(|at| at <= now) {
            let hello = self.hello();
            out.extend(self.udp().map(|way| way.transmit(None, hello.clone())));
            self.back_tries = self.back_tries.saturating_add(1);
            let gap = match self.back_tries % BACK_ROUND {
                0 => BACK_GAPS[(self.back_tries / BACK_ROUND).min(BACK_GAPS.len() - 1)],
                _ => BACK_SPACING,
            };
            self.back_at = Some(now + gap);
        }
    }

    /// Whether the handshake under way is only to bring a link over TCP back to UDP.
    pub(super) fn is_on_way_back(&self) -> bool {
        let over_udp = |init: &Init| !self.carriers.holds(init.way.local);
        self.is_carried() && matches!(&self.attempt, Attempt::Init(init) if over_udp(init))
    }

    /// There is a link: if it goes over TCP, UDP is tried from time to time.
    pub(super) fn expect_udp(&mut self, now: Instant) {
        match (self.is_carried(), self.back_at) {
            (true, Some(_)) => {}
            (true, None) => self.look_back_soon(now),
            (false, _) => self.back_at = None,
        }
    }

    /// The handshake that would have brought us back to UDP was not answered. Its challenge was, just
    /// now, so UDP passes, and what is in the way is loss.
    pub(super) fn stay_over_tcp(&mut self, now: Instant) {
        self.attempt = Attempt::None;
        self.look_back_soon(now);
    }

    fn look_back_soon(&mut self, now: Instant) {
        (self.back_at, self.back_tries) = (Some(now + BACK_GAPS[0]), 0);
    }

    /// When [`Self::look_for_other_ways`] has something to do.
    pub(super) fn fallback_timeout(&self) -> Option<Instant> {
        let dialling = self.carriers.timeout().filter(|_| self.dialling() == Dialling::Needed);
        dialling.into_iter().chain(self.back_due()).min()
    }

    /// Whether the link has not been heard for so long that it may not be any more.
    fn is_suspect(&self) -> bool {
        self.up.as_ref().is_some_and(|up| up.pings >= SUSPECT_AFTER)
    }

    fn dialling(&self) -> Dialling {
        let carried = self.is_carried();
        match (&self.attempt, &self.up) {
            (Attempt::Later(_), _) => Dialling::Over,
            _ if self.is_suspect() => Dialling::Needed,
            (Attempt::Hello { .. }, _) if !carried => Dialling::Needed,
            (Attempt::Init(init), None) if !self.carriers.holds(init.way.local) => Dialling::Needed,
            (Attempt::Hello { .. } | Attempt::Init(_) | Attempt::Ready { .. }, _) => {
                Dialling::Undecided
            }
            (Attempt::None, _) => Dialling::Over,
        }
    }

    fn dial(&mut self, now: Instant, sockets: &mut Sockets, out: &mut Vec<Transmit>) {
        // A handshake that is under way over one of them has been shown that it is open.
        let used = [self.pair(), self.attempt.way()].map(|way| way.map(|way| way.local));
        let dialled = self.carriers.await_answer(now, &self.addresses, &used, sockets);
        if dialled.is_empty() {
            return;
        }
        // Over UDP as well. A server that has started again answers neither pings nor tokens of its
        // time before, and is not to be taken for a network without UDP because TCP is heard first.
        let hello = self.hello();
        let ways = self.udp().chain(dialled);
        out.extend(ways.map(|way| way.transmit(None, hello.clone())));
    }

    /// When to say hello over UDP while the link goes over TCP.
    fn back_due(&self) -> Option<Instant> {
        self.back_at.filter(|_| matches!(self.attempt, Attempt::None))
    }
}
