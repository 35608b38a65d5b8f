//! The estimate of the round trip (RFC 9002 §5).

use std::time::{Duration, Instant};

use super::{GRANULARITY, MAX_ACK_DELAY, pto};

/// RFC 9002 §6.2.2: what is assumed before anything is measured.
const INITIAL: Duration = Duration::from_millis(333);

/// No sample is believed beyond this: a suspended computer measures hours.
const MAX: Duration = Duration::from_secs(10);

/// The round-trip time of one path.
#[derive(Clone, Debug)]
pub(crate) struct Rtt {
    latest: Duration,
    smoothed: Duration,
    variance: Duration,
    min: Duration,
    first_sample: Option<Instant>,
    /// The next sample starts the minimum anew.
    stale_min: bool,
}

impl Default for Rtt {
    fn default() -> Self {
        // RFC 9002 §5.3: before the first sample, the variance is half the initial round trip.
        Self {
            latest: INITIAL,
            smoothed: INITIAL,
            variance: INITIAL / 2,
            min: INITIAL,
            first_sample: None,
            stale_min: false,
        }
    }
}

impl Rtt {
    /// The newest sample as it was, the peer's delay included.
    pub(crate) fn latest(&self) -> Duration {
        self.latest
    }

    /// The moving average.
    pub(crate) fn smoothed(&self) -> Duration {
        self.smoothed
    }

    /// The mean deviation from the average.
    pub(crate) fn variance(&self) -> Duration {
        self.variance
    }

    /// The least that was ever measured.
    pub(crate) fn min(&self) -> Duration {
        self.min
    }

    /// Whether anything was measured; until then all values are guesses.
    pub(crate) fn has_sample(&self) -> bool {
        self.first_sample.is_some()
    }

    /// How long to wait for an acknowledgement before probing, without back-off.
    pub(crate) fn pto(&self) -> Duration {
        pto::period(self)
    }

    pub(super) fn first_sample(&self) -> Option<Instant> {
        self.first_sample
    }

    /// The next sample is also the new minimum.
    pub(super) fn refresh_min(&mut self) {
        self.stale_min = true;
    }

    pub(super) fn sample(&mut self, now: Instant, rtt: Duration, ack_delay: Duration) {
        let rtt = rtt.min(MAX);
        self.latest = rtt;
        if self.first_sample.is_none() {
            self.first_sample = Some(now);
            self.min = rtt;
            self.smoothed = rtt;
            self.variance = rtt / 2;
            return;
        }
        // RFC 9002 §5.2: the minimum ignores the peer's delay, which it merely reports.
        self.min = if std::mem::take(&mut self.stale_min) { rtt } else { self.min.min(rtt) };
        // RFC 9002 §5.3: the delay is capped, and subtracted only where the minimum allows.
        let ack_delay = ack_delay.min(MAX_ACK_DELAY);
        let adjusted = if rtt >= self.min + ack_delay { rtt - ack_delay } else { rtt };
        self.variance = (self.variance * 3 + self.smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = (self.smoothed * 7 + adjusted) / 8;
    }

    /// RFC 9002 §6.1.2: how long after an acknowledged one a packet may still arrive.
    pub(super) fn loss_delay(&self) -> Duration {
        (self.latest.max(self.smoothed) * 9 / 8).max(GRANULARITY)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch;
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_first_sample_replaces_the_guess() {
        let mut rtt = Rtt::default();
        assert!(!rtt.has_sample());
        rtt.sample(epoch(), ms(40), ms(20));
        assert_eq!((rtt.smoothed(), rtt.variance(), rtt.min()), (ms(40), ms(20), ms(40)));
        assert!(rtt.has_sample());
    }

    #[test]
    fn the_peers_delay_is_subtracted_only_where_the_minimum_allows() {
        let now = epoch();
        let mut rtt = Rtt::default();
        rtt.sample(now, ms(40), ms(0));
        rtt.sample(now, ms(60), ms(20));
        assert_eq!(rtt.smoothed(), ms(40), "60 - 20 is the average already");
        rtt.sample(now, ms(50), ms(20));
        assert_eq!(rtt.smoothed(), ms(40) + ms(10) / 8, "50 - 20 would be below the minimum");
    }

    #[test]
    fn a_sample_of_hours_is_not_believed() {
        let mut rtt = Rtt::default();
        rtt.sample(epoch(), Duration::from_secs(40_000), Duration::MAX);
        assert_eq!(rtt.smoothed(), MAX);
        assert_eq!(rtt.pto(), MAX * 3 + MAX_ACK_DELAY);
    }
}
