//! Whom we want to be connected to, and when to ask the rendezvous again.

use std::collections::BTreeMap;
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

/// How often a refusal that may pass is tried again.
const RETRY_REFUSED: Duration = Duration::from_secs(5);

/// Longest random delay that is added to a repeated request, so that the callers of a busy peer
/// do not come all at once.
const JITTER_MS: u32 = 100;

/// Calls at most at the same time.
pub(super) const MAX_CALLS: usize = 1024;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The rendezvous was asked so many times and has not answered.
    Asking(usize),
    /// We were introduced, having asked so many times. But the other side's half of the
    /// introduction may be lost, so we go on asking, slowly, until there is a session.
    Introduced(usize),
    /// There is a session.
    Connected,
    /// Offline or refused.
    Waiting,
}

#[derive(Debug)]
struct Call {
    state: State,
    next_at: Option<Instant>,
}

/// Everybody whom we want to be connected to.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<Name, Call>,
}

impl Calls {
    /// Wants `name`, from now on; asks at once.
    pub(super) fn add(&mut self, now: Instant, name: Name) {
        if self.calls.len() < MAX_CALLS || self.calls.contains_key(&name) {
            self.calls.entry(name).or_insert(Call { state: State::Asking(0), next_at: Some(now) });
        }
    }

    /// Wants `name` no longer.
    pub(super) fn remove(&mut self, name: &Name) {
        self.calls.remove(name);
    }

    /// Whether `name` is wanted.
    pub(super) fn contains(&self, name: &Name) -> bool {
        self.calls.contains_key(name)
    }

    /// The next one to ask for. It counts as asked.
    pub(super) fn poll(&mut self, now: Instant, random: &mut Random) -> Option<Name> {
        let due = |call: &Call| call.next_at.is_some_and(|at| at <= now);
        let (name, call) = self.calls.iter_mut().find(|(_, call)| due(call))?;
        let tries = match call.state {
            State::Asking(tries) | State::Introduced(tries) => tries,
            State::Connected | State::Waiting => 0,
        };
        let jitter = Duration::from_millis(u64::from(random.below(JITTER_MS)));
        call.next_at = Some(now + GAPS[tries.min(GAPS.len() - 1)] + jitter);
        call.state = State::Asking(tries + 1);
        Some(name.clone())
    }

    /// When [`Calls::poll`] has something.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.calls.values().filter_map(|call| call.next_at).min()
    }

    /// We were introduced.
    pub(super) fn introduced(&mut self, now: Instant, name: &Name) {
        let Some(call) = self.calls.get(name) else { return };
        let tries = match call.state {
            State::Asking(tries) | State::Introduced(tries) => tries,
            State::Connected | State::Waiting => 0,
        };
        let gap = GAPS[tries.clamp(FIRST_AFTER_INTRODUCTION, GAPS.len() - 1)];
        self.set(name, State::Introduced(tries), Some(now + gap));
    }

    /// There is a session.
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
        for call in self.calls.values_mut().filter(|call| call.state != State::Connected) {
            *call = Call { state: State::Asking(0), next_at: Some(now) };
        }
    }

    fn set(&mut self, name: &Name, state: State, next_at: Option<Instant>) {
        if let Some(call) = self.calls.get_mut(name) {
            *call = Call { state, next_at };
        }
    }
}
