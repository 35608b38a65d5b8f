//! Whom one rendezvous is asked to introduce us to, and when it is asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use p2pchat_wire::identity::Name;
use p2pchat_wire::random::Random;

/// Gaps between the requests for one introduction; the last repeats.
const GAPS: [Duration; 6] = [
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
    Duration::from_secs(4),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// The first of the gaps that leaves a handshake the time that it needs.
const FIRST_AFTER_INTRODUCTION: usize = 2;

/// How often the rendezvous is asked again about somebody who is offline, in case its word got
/// lost that he is back.
const RECHECK: Duration = Duration::from_secs(60);

/// How often a refusal that may pass is tried again. A name that nobody has yet is watched for, like
/// one that is offline, so this only counts when the watchers' list was full or its word got lost.
const RETRY_REFUSED: Duration = Duration::from_secs(5);

/// Longest random delay that is added to a repeated request, so that the callers of a busy peer
/// do not come all at once.
const JITTER_MS: u32 = 100;

/// How long a rendezvous that a name is not from is left alone with it: the name's own one is
/// faster than that if it is there, and the others then only add a second relay.
const SPARE_AFTER: Duration = Duration::from_secs(1);

/// Requests that go to the rendezvous in one go.
const BURST: u32 = 4;

/// The least time between two bursts, or a round trip if that is longer. The server takes 20
/// signals in a second, and some are to be left for others than these.
const PACE: Duration = Duration::from_millis(250);

/// Calls at most at the same time.
pub(super) const MAX_CALLS: usize = 1024;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The rendezvous was asked so many times and has not answered.
    Asking(usize),
    /// We were introduced, having asked so many times. But the other side's half of the
    /// introduction may be lost, so we go on asking, slowly, until there is a session.
    Introduced(usize),
    /// There is a session, and a relay channel at this rendezvous.
    Connected,
    /// Offline or refused.
    Waiting,
}

/// Where a name comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Origin {
    /// This rendezvous gave it out.
    Own,
    /// Another one did; the owner may be here under the same name, and we know its key.
    Elsewhere,
}

#[derive(Debug)]
struct Call {
    origin: Origin,
    state: State,
    next_at: Option<Instant>,
}

/// Everybody whom we want to meet at one rendezvous.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<Name, Call>,
    /// Those with a time, by it.
    due: BTreeSet<(Instant, Name)>,
    /// Requests of the burst that began last, and when another may begin.
    burst: u32,
    paced_until: Option<Instant>,
}

impl Calls {
    /// Wants `name`, which is from here, from now on; asks at once.
    pub(super) fn add(&mut self, now: Instant, name: &Name) {
        self.want(now, name, Origin::Own);
    }

    /// Wants `name`, which is from elsewhere; asks soon.
    pub(super) fn add_spare(&mut self, now: Instant, name: &Name) {
        self.want(now + SPARE_AFTER, name, Origin::Elsewhere);
    }

    fn want(&mut self, at: Instant, name: &Name, origin: Origin) {
        let known = self.calls.get(name).map(|call| call.origin);
        if known != Some(origin) && (self.calls.len() < MAX_CALLS || known.is_some()) {
            self.remove(name);
            let call = Call { origin, state: State::Waiting, next_at: None };
            self.calls.insert(name.clone(), call);
            self.set(name, State::Asking(0), Some(at));
        }
    }

    /// Wants `name` no longer.
    pub(super) fn remove(&mut self, name: &Name) {
        self.set(name, State::Waiting, None);
        self.calls.remove(name);
    }

    /// The next one to ask for over a link with this round trip. It counts as asked.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        rtt: Duration,
        random: &mut Random,
    ) -> Option<Name> {
        if self.paced_until.is_some_and(|until| until > now) {
            return None;
        }
        let (_, name) = self.due.first().filter(|(at, _)| *at <= now)?.clone();
        let tries = self.tries(&name);
        let jitter = Duration::from_millis(u64::from(random.below(JITTER_MS)));
        let again = now + GAPS[tries.min(GAPS.len() - 1)] + jitter;
        self.set(&name, State::Asking(tries + 1), Some(again));
        self.burst += 1;
        if self.burst >= BURST {
            self.burst = 0;
            self.paced_until = Some(now + rtt.max(PACE));
        }
        Some(name)
    }

    /// When [`Calls::poll`] has something.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let (at, _) = self.due.first()?;
        Some(self.paced_until.map_or(*at, |until| until.max(*at)))
    }

    fn tries(&self, name: &Name) -> usize {
        match self.calls.get(name).map(|call| call.state) {
            Some(State::Asking(tries) | State::Introduced(tries)) => tries,
            Some(State::Connected | State::Waiting) | None => 0,
        }
    }

    /// We were introduced.
    pub(super) fn introduced(&mut self, now: Instant, name: &Name) {
        let tries = self.tries(name);
        let gap = GAPS[tries.clamp(FIRST_AFTER_INTRODUCTION, GAPS.len() - 1)];
        self.set(name, State::Introduced(tries), Some(now + gap));
    }

    /// There is a session, and a channel here.
    pub(super) fn connected(&mut self, name: &Name) {
        self.set(name, State::Connected, None);
    }

    /// The peer does not answer any more: perhaps it is another process now.
    pub(super) fn out_of_touch(&mut self, now: Instant, name: &Name) {
        if self.calls.get(name).is_some_and(|call| call.state == State::Connected) {
            self.set(name, State::Asking(0), Some(now));
        }
    }

    /// The peer is not there; the rendezvous watches for it.
    pub(super) fn offline(&mut self, now: Instant, name: &Name) {
        self.set(name, State::Waiting, Some(now + RECHECK));
    }

    /// The rendezvous will not introduce us now.
    pub(super) fn refused(&mut self, now: Instant, name: &Name) {
        self.set(name, State::Waiting, Some(now + RETRY_REFUSED));
    }

    /// The name, which is from elsewhere, is nobody's here, or another's. Returns whether it is
    /// from elsewhere.
    pub(super) fn is_unknown_here(&mut self, name: &Name) -> bool {
        let elsewhere = self.calls.get(name).is_some_and(|call| call.origin == Origin::Elsewhere);
        if elsewhere {
            self.set(name, State::Waiting, None);
        }
        elsewhere
    }

    /// The peer has come, or its session has ended: ask after `delay`.
    pub(super) fn ask_again(&mut self, now: Instant, name: &Name, delay: Duration) {
        let Some(call) = self.calls.get(name) else { return };
        let tries = match call.state {
            // It is being asked already, ever more slowly.
            State::Asking(1..) | State::Introduced(_) if delay.is_zero() => return,
            State::Asking(tries) => tries,
            State::Introduced(_) | State::Connected | State::Waiting => 0,
        };
        self.set(name, State::Asking(tries), Some(now + delay));
    }

    /// The link is new: the server may be another process, that was never asked and watches for
    /// nobody.
    pub(super) fn ask_all(&mut self, now: Instant) {
        let waiting = self.calls.iter().filter(|(_, call)| call.state != State::Connected);
        let waiting: Vec<_> = waiting.map(|(name, call)| (name.clone(), call.origin)).collect();
        for (name, origin) in waiting {
            let at = if origin == Origin::Own { now } else { now + SPARE_AFTER };
            self.set(&name, State::Asking(0), Some(at));
        }
    }

    fn set(&mut self, name: &Name, state: State, next_at: Option<Instant>) {
        let Some(call) = self.calls.get_mut(name) else { return };
        if let Some(at) = call.next_at {
            self.due.remove(&(at, name.clone()));
        }
        (call.state, call.next_at) = (state, next_at);
        self.due.extend(next_at.map(|at| (at, name.clone())));
    }
}
