//! Lets packets leave one after another at a controller's rate (RFC 9002 §7.7), so that bursts fill no
//! queue on the way.

use std::time::{Duration, Instant};

/// How many datagrams may leave at once after a rest.
const BURST: usize = 10;

/// How much of the window may leave at once where that is more: what goes in two milliseconds. A
/// timer rings no finer than this without cost.
const BURST_TIME: Duration = Duration::from_millis(2);

/// No wait is longer than this, whatever the rate: something may have changed by then.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// A bucket that fills with bytes at the path's rate.
#[derive(Debug)]
pub(super) struct Pacer {
    mtu: usize,
    tokens: usize,
    filled_at: Instant,
}

impl Pacer {
    pub(super) fn new(mtu: usize, now: Instant) -> Self {
        let mut pacer = Self { mtu: 1, tokens: 0, filled_at: now };
        pacer.set_mtu(mtu);
        pacer.tokens = pacer.mtu.saturating_mul(BURST);
        pacer
    }

    pub(super) fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu.max(1);
    }

    /// When `bytes` may leave, if not now.
    pub(super) fn delay(&mut self, now: Instant, bytes: usize, rate: u64) -> Option<Instant> {
        self.fill(now, rate);
        // What is larger than the bucket goes when the bucket is full.
        let missing = bytes.min(self.capacity(rate)).saturating_sub(self.tokens);
        if missing == 0 {
            return None;
        }
        Some(self.filled_at + time_for(missing, rate))
    }

    pub(super) fn on_sent(&mut self, now: Instant, bytes: usize, rate: u64) {
        self.fill(now, rate);
        self.tokens = self.tokens.saturating_sub(bytes);
    }

    fn fill(&mut self, now: Instant, rate: u64) {
        let elapsed = now.saturating_duration_since(self.filled_at);
        let gained = bytes_in(elapsed, rate);
        // Time that has not made a whole byte yet stays on the clock.
        if gained > 0 {
            self.tokens = self.tokens.saturating_add(gained).min(self.capacity(rate));
            self.filled_at = now;
        }
    }

    fn capacity(&self, rate: u64) -> usize {
        self.mtu.saturating_mul(BURST).max(bytes_in(BURST_TIME, rate))
    }
}

/// How many bytes leave in `time`, at `rate` bytes per second.
fn bytes_in(time: Duration, rate: u64) -> usize {
    let product = u128::from(rate).saturating_mul(time.as_nanos());
    usize::try_from(product / 1_000_000_000).unwrap_or(usize::MAX)
}

/// How long `bytes` take, rounded up.
fn time_for(bytes: usize, rate: u64) -> Duration {
    let nanos = (bytes as u128 * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch;
    use super::*;

    const MTU: usize = 1200;
    /// A hundred packets in 100 ms, and a quarter faster.
    const RATE: u64 = 1_500_000;

    #[test]
    fn ten_packets_leave_at_once_and_the_eleventh_waits() {
        let mut pacer = Pacer::new(MTU, epoch());
        for _ in 0..BURST {
            assert_eq!(pacer.delay(epoch(), MTU, RATE), None);
            pacer.on_sent(epoch(), MTU, RATE);
        }
        // One each 0.8 ms.
        let next = epoch() + Duration::from_micros(800);
        assert_eq!(pacer.delay(epoch(), MTU, RATE), Some(next));
        assert_eq!(pacer.delay(next, MTU, RATE), None);
    }

    #[test]
    fn a_long_rest_earns_one_burst_and_no_more() {
        let mut pacer = Pacer::new(MTU, epoch());
        let now = epoch() + Duration::from_secs(3600);
        let sent = (0..100)
            .take_while(|_| {
                let free = pacer.delay(now, MTU, RATE).is_none();
                pacer.on_sent(now, MTU, RATE);
                free
            })
            .count();
        assert_eq!(sent, BURST);
    }

    #[test]
    fn asking_often_does_not_slow_the_bucket() {
        let mut pacer = Pacer::new(MTU, epoch());
        pacer.on_sent(epoch(), BURST * MTU, RATE / 50);
        let next = pacer.delay(epoch(), MTU, RATE / 50);
        for nanos in 0..10_000 {
            let now = epoch() + Duration::from_nanos(nanos * 7);
            pacer.delay(now, MTU, RATE / 50);
        }
        let later = pacer.delay(epoch() + Duration::from_nanos(70_000), MTU, RATE / 50);
        let (next, later) = (next.expect("it waits"), later.expect("it waits"));
        assert!(later <= next + Duration::from_micros(1), "{:?}", later - next);
    }
}
