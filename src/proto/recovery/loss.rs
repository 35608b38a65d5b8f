//! Which packets are lost (RFC 9002 §6.1).

use std::time::{Duration, Instant};

use super::Rtt;
use super::sent::{SentPacket, SentPackets};

/// RFC 9002 §6.1.1: kPacketThreshold. Counted over the packets of this path.
const PACKET_THRESHOLD: u64 = 3;

/// What [`detect`] found.
#[derive(Debug)]
pub(super) struct Verdict<T> {
    /// Oldest first.
    pub(super) lost: Vec<SentPacket<T>>,
    /// When the next of those becomes lost that were overtaken but are given more time.
    pub(super) loss_time: Option<Instant>,
}

/// Takes out what is lost: sent before an acknowledged packet, and either by three packets or by
/// more than a round trip.
pub(super) fn detect<T>(
    sent: &mut SentPackets<T>,
    now: Instant,
    largest_acked: u64,
    rtt: &Rtt,
) -> Verdict<T> {
    let delay = rtt.loss_delay();
    let mut loss_time: Option<Instant> = None;
    let lost = sent.take_lost(largest_acked, |ordinal, sent_at| {
        if largest_acked - ordinal >= PACKET_THRESHOLD
            || now.saturating_duration_since(sent_at) >= delay
        {
            return true;
        }
        let at = sent_at + delay;
        loss_time = Some(loss_time.map_or(at, |earliest| earliest.min(at)));
        false
    });
    Verdict { lost, loss_time }
}

/// The longest time over which every packet was lost (RFC 9002 §7.6.2).
///
/// Only losses found together are joined, and only where no packet between them met another fate.
/// That misses some persistent congestion and never sees one that is not there.
#[derive(Debug, Default)]
pub(super) struct Span {
    run: Option<Run>,
    longest: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    start: Instant,
    last_ordinal: u64,
}

impl Span {
    /// Adds a lost packet; they come in the order in which they were sent.
    pub(super) fn add(&mut self, ordinal: u64, sent_at: Instant, rtt: &Rtt) {
        // RFC 9002 §7.6.2: only packets sent after the first sample count.
        if rtt.first_sample().is_none_or(|first| sent_at <= first) {
            return;
        }
        let start = match self.run {
            Some(run) if run.last_ordinal + 1 == ordinal => run.start,
            Some(_) | None => sent_at,
        };
        self.run = Some(Run { start, last_ordinal: ordinal });
        self.longest = self.longest.max(sent_at.saturating_duration_since(start));
    }

    pub(super) fn longest(&self) -> Duration {
        self.longest
    }
}
