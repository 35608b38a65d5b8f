//! What one path has in flight, what of it is lost, and how much more it may carry (RFC 9002).
//!
//! Each path has a [`Recovery`] of its own, with its own round-trip time and congestion window.
//! Packet numbers come from one space that all paths of a session share, so the packets of a path
//! are numbered with holes; whatever counts packets here counts in the order in which they were
//! sent *on this path* ([`sent::SentPacket::ordinal`]).
//!
//! - [`sent`] keeps the packets in flight, [`rtt`] the estimate of the round trip.
//! - [`loss`] says which packets are lost, [`pto`] when to probe because nothing is heard at all.
//! - [`congestion`] is what a controller is, [`bbr`] and [`cubic`] are two, [`hystart`] is how the
//!   latter leaves slow start; [`delivery`] measures the path's rate for the former; [`pacing`] spreads
//!   what a controller allows over the round trip.
//! - [`mtu`] finds out how long datagrams may be.
//! - [`spurious`] remembers what was called lost too early.
//! - [`ack_ranges`] is the other direction: which packets arrived, as acknowledgements say it.
//!
//! A packet is never sent again. What it carried is handed back as lost, and goes into a new one.

pub(crate) mod ack_ranges;
mod bbr;
#[cfg(test)]
mod bottleneck_tests;
mod congestion;
#[cfg(test)]
mod congestion_tests;
mod cubic;
mod delivery;
mod hystart;
mod loss;
pub(crate) mod mtu;
mod pacing;
mod pto;
mod rtt;
mod sent;
mod spurious;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

pub use self::congestion::Congestion;
use self::congestion::{Ack, Acked, Controller};
use self::delivery::Delivery;
use self::mtu::Mtu;
use self::pacing::Pacer;
use self::pto::Pto;
pub(crate) use self::rtt::Rtt;
use self::sent::{Kind, SentPackets};
use self::spurious::LostMemory;

/// The longest that a peer holds back an acknowledgement.
pub(crate) const MAX_ACK_DELAY: Duration = Duration::from_millis(25);

// RFC 9002 §6.1.2: the system timer granularity.
pub(crate) const GRANULARITY: Duration = Duration::from_millis(1);

/// Probe timeouts in a row after which nothing longer is sent than every path carries.
const SILENCES: u32 = 2;

/// Loss recovery, congestion control and pacing of one path.
///
/// `T` is the record of what a packet carried. Each record that goes in with
/// [`on_sent`](Self::on_sent) comes back once, as acknowledged or as lost; only those of packets
/// that elicit no acknowledgement may also be dropped.
#[derive(Debug)]
pub(crate) struct Recovery<T> {
    sent: SentPackets<T>,
    rtt: Rtt,
    pto: Pto,
    congestion: Congestion,
    controller: Box<dyn Controller>,
    delivery: Delivery,
    pacer: Pacer,
    mtu: Mtu,
    lost: LostMemory,
    /// When the oldest packet that an acknowledgement has overtaken becomes lost.
    loss_time: Option<Instant>,
    /// The highest ordinal acknowledged.
    largest_acked: Option<u64>,
    /// The bytes lost since the last acknowledgement that said something new.
    lost_bytes: usize,
    /// Packets with a lower ordinal were sent before the path changed under us: their fate says
    /// nothing about the path as it is (RFC 9000 §9.4).
    generation: u64,
}

/// What became of packets. The caller empties it; the same one may be filled many times.
#[derive(Debug)]
pub(crate) struct Outcome<T> {
    /// What the newly acknowledged packets carried.
    pub(crate) acked: Vec<T>,
    /// What the newly lost packets carried.
    pub(crate) lost: Vec<T>,
    /// Nothing was heard for too long: send one or two packets that elicit an acknowledgement,
    /// even if the window is full. [`Recovery::unacked`] has what is worth repeating in them.
    pub(crate) probe: bool,
}

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Self { acked: Vec::new(), lost: Vec::new(), probe: false }
    }
}

impl<T> Recovery<T> {
    /// For a path on which nothing has been sent, with datagrams of at most `mtu` bytes, unless more is
    /// [allowed](Self::search_mtu_up_to).
    pub(crate) fn new(congestion: Congestion, mtu: usize, now: Instant) -> Self {
        Self {
            sent: SentPackets::default(),
            rtt: Rtt::default(),
            pto: Pto::default(),
            pacer: Pacer::new(mtu, now),
            mtu: Mtu::new(mtu, now),
            congestion,
            controller: congestion.controller(mtu, now),
            delivery: Delivery::new(now),
            lost: LostMemory::default(),
            loss_time: None,
            largest_acked: None,
            lost_bytes: 0,
            generation: 0,
        }
    }

    /// Datagrams may be as long as the path is found to carry, up to `limit`.
    pub(crate) fn search_mtu_up_to(mut self, limit: usize) -> Self {
        self.mtu.search_up_to(limit);
        self
    }

    /// How long the next datagram may be. While nothing is heard it is no longer than any path carries:
    /// perhaps that is what is wrong.
    pub(crate) fn mtu(&self) -> usize {
        if self.pto.count() > 0 { self.mtu.base() } else { self.mtu.size() }
    }

    /// What the path has shown to carry.
    pub(crate) fn path_mtu(&self) -> usize {
        self.mtu.size()
    }

    /// How long a size probe is to be that would be useful now, if one would. It is to be asked for only
    /// while there is more to send than fits into a datagram.
    ///
    /// It does not fill the window, lest one that is lost holds up others until something else is
    /// acknowledged; so there is none that is longer than half of it.
    pub(crate) fn size_probe(&mut self, now: Instant) -> Option<usize> {
        let wanted = self.mtu.wanted(now).filter(|_| self.pto.count() == 0)?;
        (wanted <= self.controller.window() / 2).then_some(wanted)
    }

    /// Records a size probe that leaves now, as [`on_sent`](Self::on_sent) does others. Its content comes
    /// back from nowhere.
    pub(crate) fn on_size_probe_sent(
        &mut self,
        now: Instant,
        packet_number: u64,
        bytes: usize,
        content: T,
    ) {
        let stamp = self.delivery.on_sent(now, self.sent.bytes_in_flight(), bytes);
        self.sent.push(now, packet_number, bytes, Kind::SizeProbe, stamp, content);
        self.pacer.on_sent(now, bytes, self.controller.pacing_rate(&self.rtt));
        self.mtu.on_probe_sent();
    }

    /// Whether the congestion window has room for `bytes` more.
    ///
    /// An empty path may always send one packet.
    pub(crate) fn can_send(&self, bytes: usize) -> bool {
        let flying = self.sent.bytes_in_flight();
        flying == 0 || flying.saturating_add(bytes) <= self.controller.window()
    }

    /// When `bytes` more may leave, if not at once.
    ///
    /// Probes and packets that only acknowledge are not to be held back (RFC 9002 §7.7).
    pub(crate) fn pacing_delay(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        self.pacer.delay(now, bytes, self.controller.pacing_rate(&self.rtt))
    }

    /// Records a packet that leaves now. `packet_number` is greater than all before.
    ///
    /// Packets that elicit no acknowledgement do not count against the window (RFC 9002 §2) and
    /// are tracked only a while, because nobody promises to acknowledge them.
    pub(crate) fn on_sent(
        &mut self,
        now: Instant,
        packet_number: u64,
        bytes: usize,
        ack_eliciting: bool,
        content: T,
    ) {
        if ack_eliciting && self.sent.eliciting_packets() == 0 {
            self.pto.on_first_sent(now);
        }
        let stamp = self.delivery.on_sent(now, self.sent.bytes_in_flight(), bytes);
        let kind = if ack_eliciting { Kind::Eliciting } else { Kind::Quiet };
        self.mtu.on_sent(now, self.sent.next_ordinal(), bytes);
        self.sent.push(now, packet_number, bytes, kind, stamp, content);
        if ack_eliciting {
            self.pacer.on_sent(now, bytes, self.controller.pacing_rate(&self.rtt));
        }
    }

    /// There is nothing more to send now, though there would be room.
    pub(crate) fn on_app_limited(&mut self) {
        self.delivery.on_app_limited(self.sent.bytes_in_flight());
    }

    /// Applies an acknowledgement: `ranges` newest first, `ack_delay` as the peer reports it; `None`
    /// if it came by another path, and so says nothing about this one's round trip.
    ///
    /// The ranges may contain packets of other paths. That they contain none which was never sent
    /// on any is for the session to check, which knows the last packet number.
    pub(crate) fn on_ack(
        &mut self,
        now: Instant,
        ranges: impl Iterator<Item = RangeInclusive<u64>> + Clone,
        ack_delay: Option<Duration>,
        out: &mut Outcome<T>,
    ) {
        let flying_before = self.sent.bytes_in_flight();
        let mtu_before = self.mtu.size();
        if self.lost.acknowledge(ranges.clone()) {
            self.controller.on_spurious();
        }

        let mut newest = None;
        let mut eliciting = false;
        let mut bytes = 0_usize;
        for range in ranges {
            self.sent.acknowledge(range, |packet| {
                if packet.kind == Kind::SizeProbe {
                    // It is as any other packet to those before it.
                    self.mtu.on_probe_acked(now, packet.bytes);
                } else if packet.ordinal >= self.generation {
                    self.mtu.on_acked(packet.ordinal, packet.bytes);
                }
                if newest.is_none_or(|(ordinal, _)| ordinal < packet.ordinal) {
                    newest = Some((packet.ordinal, packet.sent_at));
                }
                eliciting |= packet.kind == Kind::Eliciting;
                if packet.in_flight > 0 && packet.ordinal >= self.generation {
                    let acked = Acked {
                        now,
                        sent_at: packet.sent_at,
                        bytes: packet.in_flight,
                        flying: flying_before,
                    };
                    self.controller.on_acked(&acked, &self.rtt);
                    self.delivery.on_acked(now, packet.sent_at, packet.in_flight, packet.stamp);
                    bytes = bytes.saturating_add(packet.in_flight);
                }
                if packet.kind != Kind::SizeProbe {
                    out.acked.push(packet.content);
                }
            });
        }
        let Some((ordinal, sent_at)) = newest else { return };

        let mut measured = None;
        if self.largest_acked.is_none_or(|largest| largest < ordinal) {
            self.largest_acked = Some(ordinal);
            // RFC 9002 §5.1: a sample only if the newest packet is newly acknowledged, and at
            // least one of the new ones made the peer acknowledge. The peer's newest packet may
            // have come on another path; ours then waited at least as long as the peer reports, so
            // the sample errs by less than the time between two acknowledgements, and upwards.
            if let Some(ack_delay) = ack_delay
                && eliciting
                && ordinal >= self.generation
            {
                self.rtt.sample(now, now.saturating_duration_since(sent_at), ack_delay);
                measured = Some(self.rtt.latest());
                self.controller.on_rtt(ordinal, self.sent.next_ordinal(), self.rtt.latest());
            }
        }
        // RFC 9002 §6.2.1: an acknowledgement ends the back-off.
        if eliciting {
            self.pto.on_ack(now);
        }
        self.detect_losses(now, out);
        let least = if self.rtt.has_sample() { self.rtt.min() } else { Duration::ZERO };
        let ack = Ack {
            now,
            acked: bytes,
            lost: std::mem::take(&mut self.lost_bytes),
            flying: self.sent.bytes_in_flight(),
            delivered: self.delivery.delivered(),
            rtt: measured,
            sample: self.delivery.sample(least),
        };
        self.controller.on_ack(&ack, &self.rtt);
        self.follow_mtu(mtu_before);
    }

    /// Declares what is lost by now, or asks for a probe. Harmless if called too early.
    pub(crate) fn on_timeout(&mut self, now: Instant, out: &mut Outcome<T>) {
        let mtu_before = self.mtu.size();
        if let Some(at) = self.loss_time {
            if at <= now {
                self.detect_losses(now, out);
            }
        } else if self.timeout().is_some_and(|at| at <= now) {
            // RFC 9002 §6.2.4: a probe timeout says nothing about loss; the window stays.
            self.pto.on_timeout(now);
            out.probe = true;
            if self.pto.count() >= SILENCES {
                self.mtu.on_silence(now);
            }
        }
        self.follow_mtu(mtu_before);
    }

    /// When to call [`on_timeout`](Self::on_timeout).
    pub(crate) fn timeout(&self) -> Option<Instant> {
        // RFC 9002 §6.2.1: the probe timer is not set while the loss timer is.
        self.loss_time.or_else(|| {
            let waiting = self.sent.eliciting_packets() > 0;
            waiting.then(|| self.pto.deadline(&self.rtt)).flatten()
        })
    }

    /// The estimate of the round trip.
    pub(crate) fn rtt(&self) -> &Rtt {
        &self.rtt
    }

    /// The moving average of the round trip, once anything was measured.
    pub(crate) fn measured_rtt(&self) -> Option<Duration> {
        self.rtt.has_sample().then(|| self.rtt.smoothed())
    }

    /// Takes a round trip measured by other means: the handshake, or a path probe's echo.
    pub(crate) fn sample_rtt(&mut self, now: Instant, rtt: Duration) {
        self.rtt.sample(now, rtt, Duration::ZERO);
    }

    /// How many probe timeouts in a row went unanswered.
    pub(crate) fn pto_count(&self) -> u32 {
        self.pto.count()
    }

    /// Bytes that count against the window.
    pub(crate) fn bytes_in_flight(&self) -> usize {
        self.sent.bytes_in_flight()
    }

    /// How many bytes may be in flight.
    pub(crate) fn congestion_window(&self) -> usize {
        self.controller.window()
    }

    /// How many packets wait for an acknowledgement that the peer must send.
    pub(crate) fn in_flight_packets(&self) -> usize {
        self.sent.eliciting_packets()
    }

    /// When the oldest packet left for which the peer owes an acknowledgement.
    pub(crate) fn oldest_unacked_sent_at(&self) -> Option<Instant> {
        self.sent.eliciting().next().map(|(sent_at, _)| sent_at)
    }

    /// What the packets carry whose fate is open, oldest first: material for a probe.
    pub(crate) fn unacked(&self) -> impl Iterator<Item = &T> {
        self.sent.eliciting().map(|(_, content)| content)
    }

    /// Windows and bursts are counted in datagrams (RFC 9002 §7.2).
    fn set_mtu(&mut self, mtu: usize) {
        self.controller.set_mtu(mtu);
        self.pacer.set_mtu(mtu);
    }

    fn follow_mtu(&mut self, before: usize) {
        if self.mtu.size() != before {
            self.set_mtu(self.mtu.size());
        }
    }

    /// Gives the path up: everything in flight is lost, and that is no sign of congestion.
    pub(crate) fn abandon(&mut self) -> impl Iterator<Item = T> {
        self.loss_time = None;
        self.pto.reset();
        self.lost = LostMemory::default();
        self.mtu.forget_probe();
        self.sent.drain()
    }

    /// The path changed under us: start its estimates anew (RFC 9000 §9.4).
    ///
    /// What is in flight stays tracked, but neither fills the new window nor measures the new path.
    pub(crate) fn reset_congestion(&mut self, now: Instant) {
        self.mtu.reset(now);
        let mtu = self.mtu.size();
        self.rtt = Rtt::default();
        self.pto.reset();
        self.controller = self.congestion.controller(mtu, now);
        self.delivery = Delivery::new(now);
        self.pacer = Pacer::new(mtu, now);
        self.lost = LostMemory::default();
        self.generation = self.sent.next_ordinal();
        self.sent.forget_bytes();
    }

    fn detect_losses(&mut self, now: Instant, out: &mut Outcome<T>) {
        self.loss_time = None;
        let Some(largest_acked) = self.largest_acked else { return };
        let verdict = loss::detect(&mut self.sent, now, largest_acked, &self.rtt);
        self.loss_time = verdict.loss_time;

        let mut newest: Option<Instant> = None;
        let mut span = loss::Span::default();
        let mut numbers = Vec::new();
        for packet in verdict.lost {
            if packet.kind == Kind::SizeProbe {
                // RFC 9000 §14.4: no sign of congestion.
                self.mtu.on_probe_lost(now, packet.bytes);
                continue;
            }
            if packet.ordinal >= self.generation {
                self.mtu.on_lost(now, packet.ordinal, packet.bytes);
            }
            if packet.in_flight > 0 && packet.ordinal >= self.generation {
                newest = newest.max(Some(packet.sent_at));
                span.add(packet.ordinal, packet.sent_at, &self.rtt);
                numbers.push(packet.packet_number);
                self.lost_bytes = self.lost_bytes.saturating_add(packet.in_flight);
            }
            out.lost.push(packet.content);
        }
        let Some(newest) = newest else { return };
        if self.controller.on_loss(now, newest) {
            self.lost.start_episode();
        }
        self.lost.remember(numbers);
        // RFC 9002 §7.6
        if span.longest() > pto::persistent_congestion(&self.rtt) {
            self.controller.on_persistent_congestion();
            self.lost = LostMemory::default();
            // RFC 9002 §5.2: the path may be another one, its least round trip too.
            self.rtt.refresh_min();
        }
    }
}
