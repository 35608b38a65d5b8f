//! Small packets on a path that is idle but for them: what they carried is framed again a few
//! milliseconds later, before anybody knows whether it was lost.
//!
//! A lost line has nothing behind it by which the loss would show. Its sender learns of it by a timeout,
//! which is a round trip and more after the line was due, and as a stream is read in order, the lines
//! after it wait as well. A copy costs some hundred bytes where nothing else wants to go. Where the path
//! is seen to lose much, there is a second one: at 5 % one pair of packets in four hundred is lost, and
//! each of these holds up all lines of a round trip. If another line leaves meanwhile, its packet takes
//! the second copy along.
//!
//! What keeps it from harm: copies are paid for from a budget that is a small part of what the path may
//! carry; and where anything else is on its way, or the round trip shows that somebody's queue stands,
//! there are none ([`Standing::is_calm`]). To recovery they are packets like any other, and the receiver
//! knows repeated bytes of a stream by their offsets.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use p2pchat_wire::MAX_DATAGRAM;

use super::super::path::PathId;
use super::super::stream::ChunkRecord;

/// The largest datagram that is repeated: a line has a few hundred bytes.
pub(super) const SMALL: usize = MAX_DATAGRAM / 2;

/// A copy leaves after this part of a round trip, but within these bounds: what loses a packet is often
/// over some milliseconds later, and a person does not notice ten.
const PARTS_OF_ROUND_TRIP: u32 = 8;
const LEAST_WAIT: Duration = Duration::from_millis(5);
const MOST_WAIT: Duration = Duration::from_millis(10);

/// The second copy is needed seldom, and may wait longer for a packet that takes it along.
const SECOND_PARTS_OF_ROUND_TRIP: u32 = 4;
const MOST_SECOND_WAIT: Duration = Duration::from_millis(50);

/// From this share of lost packets on there is a second copy.
const LOSSY: f64 = 0.02;

/// How many packets the share is an average of.
const MEMORY: f64 = 128.0;

/// The budget is this part of the window in each round trip.
const PARTS_OF_WINDOW: usize = 16;

/// What of the budget can be saved up, in bytes.
const SAVINGS: usize = 4 * MAX_DATAGRAM;

/// A path with more in flight than this part of its window, or more than so many bytes, carries more
/// than a line now and then.
const CALM_PARTS_OF_WINDOW: usize = 4;
const CALM_BYTES: usize = 4 * MAX_DATAGRAM;

/// A round trip longer than the least of late by this factor and this time is one with a queue. Without
/// the time, the jitter of a radio would be taken for one.
const QUEUE: f64 = 1.25;
const JITTER: Duration = Duration::from_millis(5);

/// A least round trip is believed for so long, and until the next that begins then is as old: the path
/// may change.
const LEAST_LIFE: Duration = Duration::from_secs(30);

/// Packets that wait to be repeated at most. A path that is calm has no more in flight.
const MAX_WAITING: usize = 32;

/// How the path in use is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// The moving average of the round trip.
    pub(super) round_trip: Duration,
    /// The bytes in flight.
    pub(super) flying: usize,
    /// How many there may be.
    pub(super) window: usize,
}

impl Standing {
    /// Whether there is no more on the path than a line now and then, of ours or of anybody's.
    fn is_calm(&self, least: Duration) -> bool {
        self.flying <= (self.window / CALM_PARTS_OF_WINDOW).min(CALM_BYTES)
            && self.round_trip <= least.mul_f64(QUEUE) + JITTER
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Repetition {
    /// The path that all of this is about; another one starts anew.
    path: Option<PathId>,
    waiting: VecDeque<Waiting>,
    budget: Budget,
    least: Least,
    /// The share of packets that the path has lost of late.
    loss: f64,
}

/// A packet of which a copy is to be made.
#[derive(Debug)]
struct Waiting {
    due: Instant,
    /// Whether a copy has been made.
    repeated: bool,
    /// The length of the packet.
    bytes: usize,
    chunks: Vec<ChunkRecord>,
}

impl Repetition {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            path: None,
            waiting: VecDeque::new(),
            budget: Budget { bytes: SAVINGS, filled_at: now },
            least: Least::default(),
            loss: 0.0,
        }
    }

    /// A small packet with these pieces left on the path that `standing` describes as it was before.
    pub(super) fn on_sent(
        &mut self,
        now: Instant,
        path: PathId,
        standing: Standing,
        bytes: usize,
        chunks: Vec<ChunkRecord>,
    ) {
        if self.path != Some(path) {
            self.path = Some(path);
            self.waiting.clear();
            self.least = Least::default();
            self.loss = 0.0;
        }
        let least = self.least.update(now, standing.round_trip);
        if bytes <= SMALL
            && !chunks.is_empty()
            && standing.is_calm(least)
            && self.waiting.len() < MAX_WAITING
        {
            let wait = (standing.round_trip / PARTS_OF_ROUND_TRIP).clamp(LEAST_WAIT, MOST_WAIT);
            let due = now + wait;
            self.waiting.push_back(Waiting { due, repeated: false, bytes, chunks });
        }
    }

    /// So many packets of a path have arrived or are lost.
    pub(super) fn on_fate(&mut self, path: PathId, acked: usize, lost: usize) {
        if self.path == Some(path) {
            for _ in 0..acked {
                self.loss -= self.loss / MEMORY;
            }
            for _ in 0..lost {
                self.loss += (1.0 - self.loss) / MEMORY;
            }
        }
    }

    /// Forgets the packets of which no piece `is_open` any more: nobody needs to be woken for them.
    pub(super) fn settle(&mut self, is_open: impl Fn(ChunkRecord) -> bool) {
        self.waiting.retain(|waiting| waiting.chunks.iter().any(|chunk| is_open(*chunk)));
    }

    /// What to send once more now, if anything: pieces that were together in a packet and of which `is_open`
    /// says that nobody knows whether they have arrived. Without a `standing`, something
    /// else wants to go, and what is due is not repeated at all.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        path: PathId,
        standing: Option<Standing>,
        is_open: impl Fn(ChunkRecord) -> bool,
    ) -> Option<Vec<ChunkRecord>> {
        while let Some(at) = self.waiting.iter().position(|waiting| waiting.due <= now) {
            let mut waiting = self.waiting.remove(at)?;
            waiting.chunks.retain(|chunk| is_open(*chunk));
            let Some(standing) = standing.filter(|_| self.path == Some(path)) else { continue };
            let least = self.least.update(now, standing.round_trip);
            if waiting.chunks.is_empty()
                || !standing.is_calm(least)
                || !self.budget.has(now, waiting.bytes, standing)
            {
                continue;
            }
            let chunks = waiting.chunks.clone();
            if self.loss >= LOSSY && !waiting.repeated {
                let wait = standing.round_trip / SECOND_PARTS_OF_ROUND_TRIP;
                let due = now + wait.clamp(LEAST_WAIT, MOST_SECOND_WAIT);
                self.waiting.push_back(Waiting { due, repeated: true, ..waiting });
            }
            return Some(chunks);
        }
        None
    }

    /// What waits for its second copy and may go along in a packet that leaves now and has room for so
    /// many bytes.
    pub(super) fn poll_along(
        &mut self,
        now: Instant,
        path: PathId,
        standing: Standing,
        room: usize,
    ) -> Option<Vec<ChunkRecord>> {
        let at = self.waiting.iter().position(|waiting| waiting.repeated)?;
        let bytes = self.waiting.get(at)?.bytes;
        let least = self.least.update(now, standing.round_trip);
        let may = self.path == Some(path)
            && bytes <= room
            && standing.is_calm(least)
            && self.budget.has(now, bytes, standing);
        may.then(|| self.waiting.remove(at)).flatten().map(|waiting| waiting.chunks)
    }

    /// Copies have taken so many bytes.
    pub(super) fn on_copied(&mut self, bytes: usize) {
        self.budget.bytes = self.budget.bytes.saturating_sub(bytes);
    }

    /// Nothing can be sent.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// When [`Repetition::poll`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.due).min()
    }
}

/// How many bytes copies may have.
#[derive(Debug)]
struct Budget {
    bytes: usize,
    filled_at: Instant,
}

impl Budget {
    fn has(&mut self, now: Instant, bytes: usize, standing: Standing) -> bool {
        let elapsed = now.saturating_duration_since(self.filled_at).as_nanos();
        let share = (standing.window / PARTS_OF_WINDOW) as u128;
        let gained = share.saturating_mul(elapsed) / standing.round_trip.as_nanos().max(1);
        // Time that has not made a whole byte yet stays on the clock.
        if gained > 0 {
            let gained = usize::try_from(gained).unwrap_or(SAVINGS);
            self.bytes = self.bytes.saturating_add(gained).min(SAVINGS);
            self.filled_at = now;
        }
        self.bytes >= bytes
    }
}

/// The least round trip of late.
#[derive(Debug, Default)]
struct Least {
    since: Option<Instant>,
    now: Duration,
    before: Duration,
}

impl Least {
    fn update(&mut self, now: Instant, round_trip: Duration) -> Duration {
        match self.since {
            Some(since) if now.saturating_duration_since(since) < LEAST_LIFE => {
                self.now = self.now.min(round_trip);
            }
            Some(_) => {
                *self = Self { since: Some(now), now: round_trip, before: self.now };
            }
            None => {
                *self = Self { since: Some(now), now: round_trip, before: round_trip };
            }
        }
        self.now.min(self.before)
    }
}

#[cfg(test)]
#[path = "repetition_tests.rs"]
mod tests;
