//! The packets in flight on one path, in the order in which they were sent.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Instant;

use super::delivery::Stamp;

/// How many packets are tracked that elicit no acknowledgement. A peer that only talks to us gets
/// nothing but those, and may never acknowledge one.
const MAX_QUIET: usize = 128;

/// A packet whose fate is known or open.
#[derive(Debug)]
pub(super) struct SentPacket<T> {
    pub(super) packet_number: u64,
    /// Its place among all packets of this path, without holes.
    pub(super) ordinal: u64,
    pub(super) sent_at: Instant,
    /// The bytes by which it fills the window; zero for those that do not count.
    pub(super) in_flight: usize,
    /// Its length.
    pub(super) bytes: usize,
    pub(super) kind: Kind,
    pub(super) stamp: Stamp,
    pub(super) content: T,
}

/// What a packet is to those who wait for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The peer must acknowledge it.
    Eliciting,
    /// Nobody promises to acknowledge it.
    Quiet,
    /// The peer acknowledges it, but nobody waits: that it is lost is an answer too.
    SizeProbe,
}

#[derive(Debug)]
struct Slot<T> {
    packet_number: u64,
    ordinal: u64,
    sent_at: Instant,
    in_flight: usize,
    bytes: usize,
    kind: Kind,
    stamp: Stamp,
    /// Nothing once the packet's fate is known.
    content: Option<T>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct SentPackets<T> {
    /// Sorted by packet number and ordinal; the first one's fate is open.
    slots: VecDeque<Slot<T>>,
    /// How many slots are without content. They go when they are more than half.
    closed: usize,
    next_ordinal: u64,
    /// The ordinals of packets that elicit no acknowledgement, oldest first.
    quiet: VecDeque<u64>,
    bytes_in_flight: usize,
    eliciting: usize,
}

impl<T> Default for SentPackets<T> {
    fn default() -> Self {
        Self {
            slots: VecDeque::new(),
            closed: 0,
            next_ordinal: 0,
            quiet: VecDeque::new(),
            bytes_in_flight: 0,
            eliciting: 0,
        }
    }
}

impl<T> SentPackets<T> {
    pub(super) fn push(
        &mut self,
        sent_at: Instant,
        packet_number: u64,
        bytes: usize,
        kind: Kind,
        stamp: Stamp,
        content: T,
    ) {
        let in_flight = if kind == Kind::Eliciting { bytes } else { 0 };
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        match kind {
            Kind::Eliciting => {
                self.eliciting += 1;
                self.bytes_in_flight = self.bytes_in_flight.saturating_add(in_flight);
            }
            Kind::Quiet => self.quiet.push_back(ordinal),
            // There is one at a time.
            Kind::SizeProbe => {}
        }
        let content = Some(content);
        self.slots.push_back(Slot {
            packet_number,
            ordinal,
            sent_at,
            in_flight,
            bytes,
            kind,
            stamp,
            content,
        });
        if self.quiet.len() > MAX_QUIET
            && let Some(ordinal) = self.quiet.pop_front()
        {
            let index = self.slots.partition_point(|slot| slot.ordinal < ordinal);
            // Its fate may have been met before; then there is another slot here, or none.
            if self.slots.get(index).is_some_and(|slot| slot.ordinal == ordinal) {
                self.take(index);
            }
            self.trim();
        }
    }

    /// The ordinal that the next packet gets.
    pub(super) fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// How many slots there are.
    #[cfg(test)]
    pub(super) fn tracked(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn bytes_in_flight(&self) -> usize {
        self.bytes_in_flight
    }

    /// How many packets are open that elicit an acknowledgement.
    pub(super) fn eliciting_packets(&self) -> usize {
        self.eliciting
    }

    /// The open packets that elicit an acknowledgement, oldest first.
    pub(super) fn eliciting(&self) -> impl Iterator<Item = (Instant, &T)> {
        self.slots
            .iter()
            .filter(|slot| slot.kind == Kind::Eliciting)
            .filter_map(|slot| Some((slot.sent_at, slot.content.as_ref()?)))
    }

    /// Takes out every open packet whose number is in `range`.
    pub(super) fn acknowledge(
        &mut self,
        range: RangeInclusive<u64>,
        mut each: impl FnMut(SentPacket<T>),
    ) {
        let mut index = self.slots.partition_point(|slot| slot.packet_number < *range.start());
        while self.slots.get(index).is_some_and(|slot| slot.packet_number <= *range.end()) {
            if let Some(packet) = self.take(index) {
                each(packet);
            }
            index += 1;
        }
        self.trim();
    }

    /// Takes out the open packets up to and including `ordinal` of which `lost` says so, given
    /// their ordinal and time of sending.
    ///
    /// Called with the highest ordinal acknowledged, it looks at what is taken now, at what was acknowledged
    /// since the last call, and at no more than three others: whatever is older than these was lost
    /// and trimmed before. So it costs nothing in proportion to the window.
    pub(super) fn take_lost(
        &mut self,
        ordinal: u64,
        mut lost: impl FnMut(u64, Instant) -> bool,
    ) -> Vec<SentPacket<T>> {
        let mut taken = Vec::new();
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            if slot.ordinal > ordinal {
                break;
            }
            if slot.content.is_some() && lost(slot.ordinal, slot.sent_at) {
                taken.extend(self.take(index));
            }
        }
        self.trim();
        taken
    }

    /// What is open no longer fills the window.
    pub(super) fn forget_bytes(&mut self) {
        self.bytes_in_flight = 0;
        for slot in &mut self.slots {
            slot.in_flight = 0;
        }
    }

    /// Takes out everything that is open, oldest first.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.closed = 0;
        self.quiet.clear();
        self.bytes_in_flight = 0;
        self.eliciting = 0;
        std::mem::take(&mut self.slots).into_iter().filter_map(|slot| slot.content)
    }

    fn take(&mut self, index: usize) -> Option<SentPacket<T>> {
        let slot = self.slots.get_mut(index)?;
        let content = slot.content.take()?;
        self.closed += 1;
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(slot.in_flight);
        if slot.kind == Kind::Eliciting {
            self.eliciting = self.eliciting.saturating_sub(1);
        }
        Some(SentPacket {
            packet_number: slot.packet_number,
            ordinal: slot.ordinal,
            sent_at: slot.sent_at,
            in_flight: slot.in_flight,
            bytes: slot.bytes,
            kind: slot.kind,
            stamp: slot.stamp,
            content,
        })
    }

    /// Drops slots of packets whose fate is known: those in front, and all once they prevail.
    fn trim(&mut self) {
        while self.slots.front().is_some_and(|slot| slot.content.is_none()) {
            self.slots.pop_front();
            self.closed -= 1;
        }
        if self.closed > self.slots.len() / 2 {
            self.slots.retain(|slot| slot.content.is_some());
            self.closed = 0;
        }
        let first = self.slots.front().map_or(self.next_ordinal, |slot| slot.ordinal);
        while self.quiet.front().is_some_and(|ordinal| *ordinal < first) {
            self.quiet.pop_front();
        }
    }
}
