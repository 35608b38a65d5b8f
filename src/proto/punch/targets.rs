//! The account of the rounds toward each address, whichever peers they were agreed on with.
//!
//! Whom a server introduces at which address is its word, and peers that it pays agree to anything.
//! Each has a [`Ledger`] of its own; if that were all, ten of them would have one address sent ten
//! budgets. So an address has one too, and a round needs room in both.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Budget;
use super::ledger::Ledger;

/// Addresses in the account. More are not punched before one of these is forgotten.
const MAX_TARGETS: usize = 256;

/// How long an address stays in it after the last round; longer than any pause.
const KEPT: Duration = Duration::from_secs(2 * 60 * 60);

/// When to ask again while there is no room.
const NO_ROOM: Duration = Duration::from_secs(5 * 60);

/// An address's rounds, and when the last was asked for.
type Spent = (Instant, Ledger);

/// Every address's account.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    spent: BTreeMap<IpAddr, Spent>,
}

impl Targets {
    /// Enters a round toward an address, as [`Ledger::spend`] does.
    pub(crate) fn spend(
        &mut self,
        now: Instant,
        target: IpAddr,
        entries: u16,
        budget: &Budget,
    ) -> bool {
        if self.resting(now, target).is_some() {
            return false;
        }
        self.spent.retain(|_, (last, _)| is_kept(now, *last));
        let (last, ledger) = self.spent.entry(target).or_insert_with(|| (now, Ledger::default()));
        *last = now;
        ledger.spend(now, entries, budget)
    }

    /// Until when nothing is tried toward an address.
    pub(crate) fn resting(&self, now: Instant, target: IpAddr) -> Option<Instant> {
        match self.spent.get(&target) {
            Some((_, ledger)) => ledger.resting(now),
            None => {
                let kept = self.spent.values().filter(|(last, _)| is_kept(now, *last));
                (kept.count() >= MAX_TARGETS).then_some(now + NO_ROOM)
            }
        }
    }

    /// A round toward an address led to a path.
    pub(crate) fn succeeded(&mut self, target: IpAddr) {
        if let Some((_, ledger)) = self.spent.get_mut(&target) {
            ledger.succeeded();
        }
    }

    /// Our NAT is another one.
    pub(crate) fn moved(&mut self, now: Instant) {
        self.spent.values_mut().for_each(|(_, ledger)| ledger.moved(now));
    }
}

fn is_kept(now: Instant, last: Instant) -> bool {
    now.saturating_duration_since(last) < KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
        Instant::now()
    }

    fn at(number: u16) -> IpAddr {
        let [high, low] = number.to_be_bytes();
        IpAddr::from([192, 0, high, low])
    }

    #[test]
    fn whoever_asks_an_address_has_one_budget() {
        let (now, budget) = (start(), Budget::default());
        let mut targets = Targets::default();
        assert!(targets.spend(now, at(1), 2048, &budget));
        assert!(!targets.spend(now, at(1), 1, &budget));
        let until = targets.resting(now, at(1)).expect("a pause");
        assert!(targets.spend(now, at(2), 2048, &budget), "another address");
        assert!(targets.spend(until, at(1), 2048, &budget));
    }

    #[test]
    fn a_flood_of_addresses_shortens_no_pause() {
        let (now, budget) = (start(), Budget::default());
        let mut targets = Targets::default();
        assert!(targets.spend(now, at(0), 2048, &budget));
        assert!(!targets.spend(now, at(0), 1, &budget));
        for number in 1..2000 {
            targets.spend(now, at(number), 1, &budget);
        }
        assert_eq!(targets.spent.len(), MAX_TARGETS);
        assert!(!targets.spend(now, at(0), 1, &budget));
        assert_eq!(targets.resting(now, at(2000)), Some(now + NO_ROOM));
        assert!(targets.spend(now + KEPT, at(2000), 1, &budget));
        assert_eq!(targets.spent.len(), 1);
    }
}
