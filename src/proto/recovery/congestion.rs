//! What a congestion controller is told, and what it says.

use std::fmt;
use std::time::{Duration, Instant};

use super::Rtt;
use super::bbr::Bbr;
use super::cubic::Cubic;
use super::delivery::Sample;

/// RFC 9002 §7.2: kMinimumWindow, in datagrams.
pub(super) const MIN_WINDOW: usize = 2;

/// RFC 6928: ten packets to begin with.
pub(super) const INITIAL_WINDOW: usize = 10;

/// No window grows beyond this many bytes: 100 Mbit/s over more than a second.
pub(super) const MAX_WINDOW: usize = 16 << 20;

/// How a path decides how much it may carry at once, and how fast.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Congestion {
    /// By what it loses (RFC 9438).
    Cubic,
    /// By a model of its bandwidth and round trip (draft-ietf-ccwg-bbr).
    #[default]
    Bbr,
}

impl Congestion {
    /// A controller for a path on which nothing has been sent.
    pub(super) fn controller(self, mtu: usize, now: Instant) -> Box<dyn Controller> {
        match self {
            Self::Cubic => Box::new(Cubic::new(mtu)),
            Self::Bbr => Box::new(Bbr::new(mtu, now)),
        }
    }
}

/// Decides how many bytes may be in flight, and how fast they leave.
pub(super) trait Controller: fmt::Debug + Send {
    /// How many bytes may be in flight: between two datagrams and [`MAX_WINDOW`].
    fn window(&self) -> usize;

    /// How many bytes may leave in a second: at least one.
    fn pacing_rate(&self, rtt: &Rtt) -> u64 {
        // RFC 9002 §7.7: five quarters of the window per round trip.
        let rate = self.window() as u128 * 5 * 1_000_000_000 / 4;
        u64::try_from(rate / rtt.smoothed().as_nanos().max(1)).unwrap_or(u64::MAX).max(1)
    }

    /// The datagram size that it counts with.
    fn mtu(&self) -> usize;

    /// Datagrams may now have `mtu` bytes.
    fn set_mtu(&mut self, mtu: usize);

    /// A packet was acknowledged.
    fn on_acked(&mut self, _acked: &Acked, _rtt: &Rtt) {}

    /// All packets of an acknowledgement were told, and what it shows to be lost.
    fn on_ack(&mut self, _ack: &Ack, _rtt: &Rtt) {}

    /// A round trip was measured by the packet `ordinal`, when `next_ordinal` was the next to go.
    fn on_rtt(&mut self, _ordinal: u64, _next_ordinal: u64, _latest: Duration) {}

    /// Packets were lost, the newest of them sent at `sent_at`. Whether the window shrank: it does
    /// so once per round trip.
    fn on_loss(&mut self, now: Instant, sent_at: Instant) -> bool;

    /// Everything was lost for a long time (RFC 9002 §7.6).
    fn on_persistent_congestion(&mut self);

    /// What last shrank the window was not lost after all.
    fn on_spurious(&mut self);
}

/// An acknowledged packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acked {
    pub(super) now: Instant,
    pub(super) sent_at: Instant,
    pub(super) bytes: usize,
    /// The bytes in flight before the acknowledgement came.
    pub(super) flying: usize,
}

/// An acknowledgement as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ack {
    pub(super) now: Instant,
    /// The bytes that it acknowledges for the first time.
    pub(super) acked: usize,
    /// The bytes that it shows to be lost.
    pub(super) lost: usize,
    /// The bytes in flight after it.
    pub(super) flying: usize,
    /// The bytes that have arrived, all in all.
    pub(super) delivered: u64,
    /// The round trip, if it measures one.
    pub(super) rtt: Option<Duration>,
    /// What it says about the rate.
    pub(super) sample: Option<Sample>,
}

/// A window that is kept between its bounds.
pub(super) fn bounded(window: usize, mtu: usize) -> usize {
    let least = mtu.saturating_mul(MIN_WINDOW);
    window.clamp(least.min(MAX_WINDOW), MAX_WINDOW)
}
