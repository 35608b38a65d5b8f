//! How fast a file goes, and how long it still takes.

use crate::chat::Timestamp;

/// How often it is told, in milliseconds.
const EVERY: u64 = 500;

/// How far a file is on its way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Motion {
    /// Bytes that are done.
    pub done: u64,
    /// Bytes in a second, of late; none before that is known.
    pub rate: Option<u64>,
    /// Seconds that the rest takes at this rate.
    pub left: Option<u64>,
}

/// Knows when there is something to be told of a motion.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When it was told last, and how far it was.
    told: Option<(Timestamp, u64)>,
    rate: Option<u64>,
}

impl Pace {
    /// Something moves again, from here.
    pub(super) fn begin(&mut self, now: Timestamp, done: u64) {
        *self = Self { told: Some((now, done)), rate: None };
    }

    /// So many bytes of `size` are done. What is to be told of it, if it is time.
    pub(super) fn pass(&mut self, now: Timestamp, done: u64, size: u64) -> Option<Motion> {
        let (since, before) = *self.told.get_or_insert((now, done));
        let passed = now.since(since);
        if passed < EVERY {
            return None;
        }
        self.told = Some((now, done));
        let latest = done.saturating_sub(before).saturating_mul(1000) / passed;
        // What was, counts less and less.
        self.rate =
            Some(self.rate.map_or(latest, |rate| (rate / 3).saturating_mul(2) + latest / 3));
        Some(self.motion(done, size))
    }

    /// How it stands.
    pub(super) fn motion(&self, done: u64, size: u64) -> Motion {
        let rest = size.saturating_sub(done);
        let rate = self.rate.filter(|rate| *rate > 0);
        Motion { done, rate, left: rate.map(|rate| rest.div_ceil(rate)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_now_and_then_and_the_rate_follows() {
        let mut pace = Pace::default();
        pace.begin(Timestamp(1000), 0);
        assert_eq!(pace.pass(Timestamp(1100), 10_000, 1_000_000), None);
        let first = pace.pass(Timestamp(2000), 100_000, 1_000_000);
        assert_eq!(first, Some(Motion { done: 100_000, rate: Some(100_000), left: Some(9) }));
        let faster = pace.pass(Timestamp(3000), 400_000, 1_000_000).expect("a second later");
        assert!(faster.rate.is_some_and(|rate| (150_000..180_000).contains(&rate)), "{faster:?}");
        let stands = pace.pass(Timestamp(60_000), 400_000, 1_000_000).expect("much later");
        assert!(stands.left.is_some_and(|left| left > 5));
    }
}
