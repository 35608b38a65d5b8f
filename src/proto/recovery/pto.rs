//! The probe timeout (RFC 9002 §6.2): when to knock because nothing is heard.

use std::time::{Duration, Instant};

use super::{GRANULARITY, MAX_ACK_DELAY, Rtt};

/// The longest wait between two probes, unless the path itself is slower.
///
/// RFC 9002 §6.2.1 doubles without end. A person who waits for a network to come back does not; and
/// the session's idle timeout ends the knocking, one small packet every few seconds, soon enough.
const MAX_BACK_OFF: Duration = Duration::from_secs(3);

/// What the first probe waits for beyond the round trip, at least: processors are busy now and then.
const LEAST_GRACE: Duration = Duration::from_millis(10);

/// RFC 9002 §7.6.1: kPersistentCongestionThreshold.
const PERSISTENT: u32 = 3;

/// How long to wait for an acknowledgement before probing, without back-off.
pub(super) fn period(rtt: &Rtt) -> Duration {
    rtt.smoothed() + (rtt.variance() * 4).max(GRANULARITY) + MAX_ACK_DELAY
}

/// RFC 9002 §7.6.1: losses over more than this are persistent congestion.
pub(super) fn persistent_congestion(rtt: &Rtt) -> Duration {
    period(rtt) * PERSISTENT
}

/// How long to wait before the first probe: as the round trip was until now, and a quarter.
///
/// RFC 9002 §6.2.1 waits for four times the variance, which is half the round trip while there are
/// few samples; and a chat has few. A chat has a second path instead, and what the first probe adds
/// is a copy of a line there. So a person whose NAT has forgotten him waits half as long, and who
/// has a path with much jitter sends a small packet too many now and then.
fn first_period(rtt: &Rtt) -> Duration {
    let grace = (rtt.smoothed() / 4).max(LEAST_GRACE);
    period(rtt).min(rtt.smoothed() + grace + MAX_ACK_DELAY)
}

/// When the next probe is due.
#[derive(Debug, Default)]
pub(super) struct Pto {
    /// Probe timeouts since the last acknowledgement.
    count: u32,
    /// Since when we wait: the first packet in flight that elicits an acknowledgement, or the last
    /// acknowledgement, or the last probe timeout. It moves with each timeout even if the caller
    /// could not send, so that the timer never stands still.
    ///
    /// RFC 9002 §6.2.1 starts anew with each packet that is sent. Whoever goes on sending a little
    /// at a time then learns of a dead path only when the window is full.
    since: Option<Instant>,
}

impl Pto {
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// A packet left while none was in flight.
    pub(super) fn on_first_sent(&mut self, now: Instant) {
        self.since = self.since.max(Some(now));
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        self.count = self.count.saturating_add(1);
        self.since = self.since.max(Some(now));
    }

    pub(super) fn on_ack(&mut self, now: Instant) {
        self.since = self.since.max(Some(now));
        self.count = 0;
    }

    /// What was in flight is given up.
    pub(super) fn reset(&mut self) {
        self.count = 0;
    }

    pub(super) fn deadline(&self, rtt: &Rtt) -> Option<Instant> {
        if self.count == 0 && rtt.has_sample() {
            return Some(self.since? + first_period(rtt));
        }
        let period = period(rtt);
        let doubled = period.saturating_mul(1 << self.count.min(16));
        Some(self.since? + doubled.min(MAX_BACK_OFF.max(period)))
    }
}
