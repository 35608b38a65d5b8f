//! Spreads a window over the round trip (RFC 9002 §7.7), so that bursts fill no queue on the way.

use std::time::{Duration, Instant};

/// How many datagrams may leave at once after a rest.
const BURST: usize = 10;

/// How much of the window may leave at once where that is more: what goes in two milliseconds. A
/// timer rings no finer than this without cost.
const BURST_TIME: Duration = Duration::from_millis(2);

/// RFC 9002 §7.7: the rate is five quarters of the window per round trip.
const RATE: (u128, u128) = (5, 4);

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
    pub(super) fn delay(
        &mut self,
        now: Instant,
        bytes: usize,
        window: usize,
        rtt: Duration,
    ) -> Option<Instant> {
        self.fill(now, window, rtt);
        // What is larger than the bucket goes when the bucket is full.
        let missing = bytes.min(self.capacity(window, rtt)).saturating_sub(self.tokens);
        if missing == 0 {
            return None;
        }
        Some(self.filled_at + time_for(missing, window, rtt))
    }

    pub(super) fn on_sent(&mut self, now: Instant, bytes: usize, window: usize, rtt: Duration) {
        self.fill(now, window, rtt);
        self.tokens = self.tokens.saturating_sub(bytes);
    }

    fn fill(&mut self, now: Instant, window: usize, rtt: Duration) {
        let elapsed = now.saturating_duration_since(self.filled_at);
        let gained = bytes_in(elapsed, window, rtt);
        // Time that has not made a whole byte yet stays on the clock.
        if gained > 0 {
            self.tokens = self.tokens.saturating_add(gained).min(self.capacity(window, rtt));
            self.filled_at = now;
        }
    }

    fn capacity(&self, window: usize, rtt: Duration) -> usize {
        self.mtu.saturating_mul(BURST).max(bytes_in(BURST_TIME, window, rtt))
    }
}

/// How many bytes leave in `time`.
fn bytes_in(time: Duration, window: usize, rtt: Duration) -> usize {
    let product = (window as u128 * RATE.0).saturating_mul(time.as_nanos());
    usize::try_from(product / (RATE.1 * rtt.as_nanos().max(1))).unwrap_or(usize::MAX)
}

/// How long `bytes` take, rounded up.
fn time_for(bytes: usize, window: usize, rtt: Duration) -> Duration {
    let product = (bytes as u128 * RATE.1).saturating_mul(rtt.as_nanos());
    let nanos = product.div_ceil(window.max(1) as u128 * RATE.0);
    // No wait is longer than a round trip, whatever the sizes.
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(rtt)
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch;
    use super::*;

    const MTU: usize = 1200;
    const RTT: Duration = Duration::from_millis(100);

    #[test]
    fn ten_packets_leave_at_once_and_the_eleventh_waits() {
        let mut pacer = Pacer::new(MTU, epoch());
        for _ in 0..BURST {
            assert_eq!(pacer.delay(epoch(), MTU, 100 * MTU, RTT), None);
            pacer.on_sent(epoch(), MTU, 100 * MTU, RTT);
        }
        // 100 packets in 100 ms, and a quarter faster: one each 0.8 ms.
        let next = epoch() + Duration::from_micros(800);
        assert_eq!(pacer.delay(epoch(), MTU, 100 * MTU, RTT), Some(next));
        assert_eq!(pacer.delay(next, MTU, 100 * MTU, RTT), None);
    }

    #[test]
    fn a_long_rest_earns_one_burst_and_no_more() {
        let mut pacer = Pacer::new(MTU, epoch());
        let now = epoch() + Duration::from_secs(3600);
        let sent = (0..100)
            .take_while(|_| {
                let free = pacer.delay(now, MTU, 100 * MTU, RTT).is_none();
                pacer.on_sent(now, MTU, 100 * MTU, RTT);
                free
            })
            .count();
        assert_eq!(sent, BURST);
    }

    #[test]
    fn asking_often_does_not_slow_the_bucket() {
        let mut pacer = Pacer::new(MTU, epoch());
        pacer.on_sent(epoch(), BURST * MTU, 2 * MTU, RTT);
        let next = pacer.delay(epoch(), MTU, 2 * MTU, RTT);
        for nanos in 0..10_000 {
            let now = epoch() + Duration::from_nanos(nanos * 7);
            pacer.delay(now, MTU, 2 * MTU, RTT);
        }
        let later = pacer.delay(epoch() + Duration::from_nanos(70_000), MTU, 2 * MTU, RTT);
        let (next, later) = (next.expect("it waits"), later.expect("it waits"));
        assert!(later <= next + Duration::from_micros(1), "{:?}", later - next);
    }
}
