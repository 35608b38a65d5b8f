//! What a congestion controller is told, and what it says.

use std::time::{Duration, Instant};

use super::Rtt;

/// RFC 9002 §7.2: kMinimumWindow, in datagrams.
pub(super) const MIN_WINDOW: usize = 2;

/// RFC 6928: ten packets to begin with.
pub(super) const INITIAL_WINDOW: usize = 10;

/// No window grows beyond this many bytes: 100 Mbit/s over more than a second.
pub(super) const MAX_WINDOW: usize = 16 << 20;

/// Decides how many bytes may be in flight.
pub(super) trait Controller {
    /// How many bytes may be in flight: between two datagrams and [`MAX_WINDOW`].
    fn window(&self) -> usize;

    /// The datagram size that it counts with.
    fn mtu(&self) -> usize;

    /// Datagrams may now have `mtu` bytes.
    fn set_mtu(&mut self, mtu: usize);

    /// A packet that filled the window was acknowledged.
    fn on_acked(&mut self, acked: &Acked, rtt: &Rtt);

    /// A round trip was measured by the packet `ordinal`, when `next_ordinal` was the next to go.
    fn on_rtt(&mut self, ordinal: u64, next_ordinal: u64, latest: Duration);

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

/// A window that is kept between its bounds.
pub(super) fn bounded(window: usize, mtu: usize) -> usize {
    let least = mtu.saturating_mul(MIN_WINDOW);
    window.clamp(least.min(MAX_WINDOW), MAX_WINDOW)
}
