//! What the model is made of: the bandwidth of late, how acknowledgements clump, and rounds.

use std::time::{Duration, Instant};

use super::super::congestion::Ack;

/// The highest rate of this cycle and the one before (draft-ietf-ccwg-bbr §2.10: MaxBwFilter).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MaxBandwidth {
    before: u64,
    now: u64,
}

impl MaxBandwidth {
    /// Bytes per second; zero before anything was measured.
    pub(super) fn max(self) -> u64 {
        self.before.max(self.now)
    }

    pub(super) fn add(&mut self, rate: u64) {
        self.now = self.now.max(rate);
    }

    /// A cycle ends. One in which nothing was measured does not count.
    pub(super) fn advance(&mut self) {
        if self.now > 0 {
            self.before = std::mem::take(&mut self.now);
        }
    }
}

/// Rounds for which a clump of acknowledgements is remembered, at least (draft-ietf-ccwg-bbr §2.11:
/// ExtraAckedFilterLen).
const CLUMP_ROUNDS: u32 = 10;

/// By how much more is acknowledged at once than the bandwidth explains (draft-ietf-ccwg-bbr §5.5.9).
///
/// Receivers hold acknowledgements back, and so do radio links and processors that are busy elsewhere. If no
/// more were in flight than the path holds, the sender would stand still in between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aggregation {
    /// When the clump began that is coming in, and how many bytes have.
    since: Instant,
    acked: usize,
    /// The largest of the last rounds, and of as many before.
    before: usize,
    now: usize,
    rounds: u32,
}

impl Aggregation {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, acked: 0, before: 0, now: 0, rounds: 0 }
    }

    /// In bytes.
    pub(super) fn max(self) -> usize {
        self.before.max(self.now)
    }

    /// Takes an acknowledgement on a path of so many bytes per second, with a window of so many bytes.
    pub(super) fn on_ack(&mut self, ack: &Ack, bandwidth: u64, window: usize) {
        let explained = |since| {
            let elapsed = ack.now.saturating_duration_since(since).as_nanos();
            let bytes = u128::from(bandwidth).saturating_mul(elapsed) / 1_000_000_000;
            usize::try_from(bytes).unwrap_or(usize::MAX)
        };
        let mut expected = explained(self.since);
        if self.acked <= expected {
            (self.since, self.acked, expected) = (ack.now, 0, 0);
        }
        self.acked = self.acked.saturating_add(ack.acked);
        self.now = self.now.max(self.acked.saturating_sub(expected).min(window));
    }

    /// A round ends; until the bandwidth is known, no clump outlives its round.
    pub(super) fn on_round(&mut self, filled: bool) {
        self.rounds += 1;
        if self.rounds >= CLUMP_ROUNDS || !filled {
            (self.before, self.now, self.rounds) = (self.now, 0, 0);
        }
    }
}

/// The packets of one round trip: from when one leaves until it is acknowledged (§5.5.1).
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    count: u64,
    /// It ends when a packet is acknowledged that left after so much had arrived.
    ends_at: u64,
    acked: usize,
    lost: usize,
    min_rtt: Option<Duration>,
    /// The last whole round's least round trip.
    last_min_rtt: Option<Duration>,
}

impl Round {
    /// Takes an acknowledgement; whether the round ends with it.
    pub(super) fn on_ack(&mut self, ack: &Ack) -> bool {
        self.acked = self.acked.saturating_add(ack.acked);
        self.lost = self.lost.saturating_add(ack.lost);
        if let Some(rtt) = ack.rtt {
            self.min_rtt = Some(self.min_rtt.map_or(rtt, |min| min.min(rtt)));
        }
        ack.sample.is_some_and(|sample| sample.prior_delivered >= self.ends_at)
    }

    /// The next round begins.
    pub(super) fn begin(&mut self, ack: &Ack) {
        let (count, last_min_rtt) = (self.count + 1, self.min_rtt.or(self.last_min_rtt));
        *self = Self { count, ends_at: ack.delivered, last_min_rtt, ..Self::default() };
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The bytes that arrived in it.
    pub(super) fn acked(&self) -> usize {
        self.acked
    }

    /// The part of what it sent that was lost.
    pub(super) fn loss(&self) -> f64 {
        let all = self.acked.saturating_add(self.lost);
        if all == 0 { 0.0 } else { self.lost as f64 / all as f64 }
    }

    /// Whether more than this part of it was lost, chance aside: by more than two standard deviations
    /// and two datagrams.
    pub(super) fn loses_more_than(&self, part: f64, mtu: usize) -> bool {
        let lost = self.lost as f64 / mtu as f64;
        let expected = self.acked.saturating_add(self.lost) as f64 / mtu as f64 * part;
        lost > expected + 2.0 * expected.sqrt() + 2.0
    }

    /// Whether it had packets enough to say anything about loss.
    pub(super) fn is_telling(&self, mtu: usize) -> bool {
        self.acked.saturating_add(self.lost) >= mtu.saturating_mul(TELLING)
    }

    /// Its least round trip, or that of the round before.
    pub(super) fn min_rtt(&self) -> Option<Duration> {
        self.min_rtt.or(self.last_min_rtt)
    }
}

/// In datagrams: with fewer, one lost by chance is a large part.
const TELLING: usize = 20;
