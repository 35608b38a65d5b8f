//! How fast a path delivers, measured packet by packet (draft-ietf-ccwg-bbr §4.1).
//!
//! Each packet notes, when it leaves, how much had arrived by then. When it is acknowledged, what has
//! arrived since over the time since is a sample of the rate. The time is that of sending or that of
//! the acknowledgements, whichever is longer: acknowledgements that were held up somewhere and come
//! together would else promise more than the path can carry.

use std::time::{Duration, Instant};

/// What a packet notes when it leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// The bytes that had arrived.
    delivered: u64,
    delivered_at: Instant,
    /// When the packet left whose acknowledgement was the newest then.
    first_sent_at: Instant,
    /// The bytes that were in flight, this packet's among them.
    flying: usize,
    /// Whether the sender had less to send than it might.
    app_limited: bool,
}

/// What an acknowledgement says about the path's rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sample {
    /// Bytes per second; none if the time is too short to say.
    pub(super) rate: Option<u64>,
    /// The bytes that had arrived when the newest packet acknowledged left.
    pub(super) prior_delivered: u64,
    /// The bytes in flight when it left.
    pub(super) flying: usize,
    /// The rate is the sender's, not the path's.
    pub(super) app_limited: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Delivery {
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    /// Samples are the sender's own rate until so much has arrived.
    app_limited_until: u64,
    /// The newest packet of those just acknowledged, and when it left.
    newest: Option<(Stamp, Instant)>,
}

impl Delivery {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            delivered: 0,
            delivered_at: now,
            first_sent_at: now,
            app_limited_until: 0,
            newest: None,
        }
    }

    /// A packet of so many bytes leaves while `flying` others are in flight.
    pub(super) fn on_sent(&mut self, now: Instant, flying: usize, bytes: usize) -> Stamp {
        if flying == 0 {
            // Time in which nothing was under way is nobody's rate.
            self.delivered_at = now;
            self.first_sent_at = now;
        }
        Stamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            flying: flying.saturating_add(bytes),
            app_limited: self.delivered < self.app_limited_until,
        }
    }

    /// A packet was acknowledged.
    pub(super) fn on_acked(&mut self, now: Instant, sent_at: Instant, bytes: usize, stamp: Stamp) {
        self.delivered = self.delivered.saturating_add(bytes as u64);
        self.delivered_at = now;
        if self.newest.is_none_or(|(_, newest)| newest <= sent_at) {
            self.newest = Some((stamp, sent_at));
        }
    }

    /// The sender has nothing more to send while `flying` bytes are in flight.
    pub(super) fn on_app_limited(&mut self, flying: usize) {
        self.app_limited_until = self.delivered.saturating_add(flying as u64).max(1);
    }

    /// What the packets acknowledged since the last call say. A time shorter than any round trip
    /// is an artefact of acknowledgements that were held up.
    pub(super) fn sample(&mut self, least: Duration) -> Option<Sample> {
        let (stamp, sent_at) = self.newest.take()?;
        let sending = sent_at.saturating_duration_since(stamp.first_sent_at);
        let acknowledging = self.delivered_at.saturating_duration_since(stamp.delivered_at);
        self.first_sent_at = sent_at;
        let interval = sending.max(acknowledging);
        let bytes = self.delivered.saturating_sub(stamp.delivered);
        let usable = interval >= least && !interval.is_zero();
        Some(Sample {
            rate: usable.then(|| per_second(bytes, interval)),
            prior_delivered: stamp.delivered,
            flying: stamp.flying,
            app_limited: stamp.app_limited,
        })
    }

    /// The bytes that have arrived.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }
}

/// So many bytes in so much time, as bytes per second.
pub(super) fn per_second(bytes: u64, time: Duration) -> u64 {
    let rate = u128::from(bytes) * 1_000_000_000 / time.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch;
    use super::*;

    fn at(millis: u64) -> Instant {
        epoch() + Duration::from_millis(millis)
    }

    #[test]
    fn a_steady_stream_is_measured_as_it_is() {
        let mut delivery = Delivery::new(epoch());
        let stamps: Vec<_> =
            (0..100).map(|n| delivery.on_sent(at(n), 1000 * n as usize, 1000)).collect();
        let mut last = None;
        for (n, stamp) in stamps.into_iter().enumerate() {
            let n = n as u64;
            delivery.on_acked(at(100 + n), at(n), 1000, stamp);
            last = delivery.sample(Duration::ZERO);
        }
        // A thousand bytes a millisecond.
        let rate = last.and_then(|sample| sample.rate).expect("a sample");
        assert!((500_000..=1_000_000).contains(&rate), "{rate}");
    }

    #[test]
    fn acknowledgements_that_come_together_promise_no_more_than_was_sent() {
        let mut delivery = Delivery::new(epoch());
        let stamps: Vec<_> =
            (0..50).map(|n| delivery.on_sent(at(n), 1000 * n as usize, 1000)).collect();
        for (n, stamp) in stamps.into_iter().enumerate() {
            delivery.on_acked(at(100), at(n as u64), 1000, stamp);
        }
        let sample = delivery.sample(Duration::ZERO).expect("a sample");
        assert_eq!(sample.rate, Some(500_000), "fifty thousand bytes in the round trip");
    }

    #[test]
    fn what_leaves_after_the_sender_had_nothing_to_send_says_so() {
        let mut delivery = Delivery::new(epoch());
        let first = delivery.on_sent(at(0), 0, 1000);
        delivery.on_app_limited(1000);
        let second = delivery.on_sent(at(1), 1000, 1000);
        assert!(!first.app_limited && second.app_limited);
        delivery.on_acked(at(10), at(0), 1000, first);
        let third = delivery.on_sent(at(11), 1000, 1000);
        assert!(!third.app_limited);
    }

    #[test]
    fn a_time_shorter_than_a_round_trip_says_nothing() {
        let mut delivery = Delivery::new(epoch());
        let stamp = delivery.on_sent(at(0), 0, 1000);
        delivery.on_acked(at(3), at(0), 1000, stamp);
        let sample = delivery.sample(Duration::from_millis(10)).expect("a sample");
        assert_eq!(sample.rate, None);
    }
}
