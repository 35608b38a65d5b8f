//! The account of the rounds with one peer.

use std::time::{Duration, Instant};

use super::Budget;

/// Rounds in a row before a pause.
const MAX_ROUNDS: u32 = 6;

/// Pauses, by how many there were before; the last repeats.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(60),
    Duration::from_secs(4 * 60),
    Duration::from_secs(16 * 60),
    Duration::from_secs(60 * 60),
];

/// What was spent, and until when nothing more is.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rounds: u32,
    entries: u32,
    pauses: usize,
    resting_until: Option<Instant>,
}

impl Ledger {
    /// Enters a round that costs so many entries, unless it is beyond what may be spent; then a
    /// pause begins.
    pub(crate) fn spend(&mut self, now: Instant, entries: u16, budget: &Budget) -> bool {
        if self.resting(now).is_some() {
            return false;
        }
        if self.resting_until.take().is_some() {
            (self.rounds, self.entries) = (0, 0);
        }
        let entries = self.entries.saturating_add(entries.into());
        if self.rounds >= MAX_ROUNDS || entries > u32::from(budget.entries) {
            self.pause(now);
            return false;
        }
        (self.rounds, self.entries) = (self.rounds + 1, entries);
        true
    }

    /// Nothing more for a while.
    pub(crate) fn pause(&mut self, now: Instant) {
        let pause = PAUSES.get(self.pauses).or(PAUSES.last()).copied().unwrap_or_default();
        self.pauses = self.pauses.saturating_add(1);
        self.resting_until = Some(now + pause);
    }

    /// There is a direct path. If it is lost, what it took to find it is taken up again after the
    /// shortest pause at most.
    pub(crate) fn succeeded(&mut self) {
        self.pauses = 0;
    }

    /// Our NAT is another one: what was learnt about the last one's limits means nothing. Whoever
    /// makes us believe that again and again gains no more than the shortest pause allows.
    pub(crate) fn moved(&mut self, now: Instant) {
        self.pauses = 0;
        self.resting_until = self.resting_until.map(|until| until.min(now + PAUSES[0]));
    }

    /// Until when nothing is tried.
    pub(crate) fn resting(&self, now: Instant) -> Option<Instant> {
        self.resting_until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
        Instant::now()
    }

    /// Spends whatever is allowed in a day; returns rounds and entries, and the longest silence.
    fn day(entries: u16) -> (u32, u32, Duration) {
        let (now, budget) = (start(), Budget::default());
        let mut ledger = Ledger::default();
        let (mut rounds, mut spent, mut last, mut longest) = (0, 0, now, Duration::ZERO);
        for second in 0..86_400 {
            let at = now + Duration::from_secs(second);
            if ledger.spend(at, entries, &budget) {
                rounds += 1;
                spent += u32::from(entries);
                longest = longest.max(at - last);
                last = at;
            }
        }
        (rounds, spent, longest)
    }

    #[test]
    fn a_few_rounds_are_followed_by_ever_longer_pauses() {
        for (entries, bout) in [(16, 6), (1024, 2), (2048, 1)] {
            let (rounds, spent, longest) = day(entries);
            // Within the first 81 minutes four bouts, then one each hour.
            assert!(rounds <= bout * 28, "{rounds} rounds of {entries}");
            assert!(spent <= 28 * 2048, "{spent} entries");
            assert!(longest >= Duration::from_secs(3600));
        }
    }

    #[test]
    fn what_costs_more_than_there_is_is_never_begun() {
        assert_eq!(day(2049).0, 0);
    }

    #[test]
    fn a_lost_path_is_sought_again_after_the_shortest_pause() {
        let (now, budget) = (start(), Budget::default());
        let mut ledger = Ledger::default();
        for pause in 0..3 {
            let at = now + Duration::from_secs(7200 * pause);
            assert!(ledger.spend(at, 2048, &budget));
            assert!(!ledger.spend(at, 1, &budget));
        }
        ledger.succeeded();
        let at = now + Duration::from_secs(7200 * 3);
        assert!(ledger.spend(at, 2048, &budget));
        assert!(!ledger.spend(at, 1, &budget));
        assert_eq!(ledger.resting(at), Some(at + PAUSES[0]));
    }
}
