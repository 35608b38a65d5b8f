//! The undelivered lines of one conversation, of which memory holds the first few.

use std::collections::VecDeque;

use super::address::LineId;
use super::record::Manner;
use super::storage::{DeliveredLine, OutgoingLine};

/// Lines that may be on their way without being confirmed.
const WINDOW_LINES: usize = 256;

/// Bytes of text that may be on their way without being confirmed; one line always may.
const WINDOW_BYTES: usize = 1 << 20;

/// Lines that memory holds; the rest waits on disk.
const MEMORY_LINES: usize = 512;

/// Bytes of text that memory holds.
const MEMORY_BYTES: usize = 4 << 20;

/// How many lines are read from disk at once.
pub(super) const LOAD_LINES: usize = 256;

/// What is undelivered, in order: first what is on its way, then what memory holds, then what is
/// only on disk.
#[derive(Debug)]
pub(super) struct Outbox {
    /// A prefix of what is undelivered.
    lines: VecDeque<Waiting>,
    bytes: usize,
    /// How many of `lines` were given to the session; they are the first.
    in_flight: usize,
    in_flight_bytes: usize,
    /// Everything undelivered up to this number is in `lines`.
    loaded: u64,
    /// The greatest number on disk.
    stored: u64,
    /// How many lines are undelivered, on disk or in memory.
    waiting: u64,
    /// The greatest number that has left this computer in this run.
    transmitted: u64,
    loading: bool,
    confirming: Confirming,
}

#[derive(Debug)]
struct Waiting {
    line: OutgoingLine,
    said_sent: bool,
}

/// How far the receiver has confirmed something, and how far our disk knows: it is told one thing at
/// a time, and the newest wins.
#[derive(Debug, Default)]
pub(super) struct Confirming {
    done: u64,
    asked: Option<u64>,
    next: Option<(u64, LineId)>,
}

impl Confirming {
    /// The receiver says so of everything up to `seq`.
    pub(super) fn heard(&mut self, seq: u64, id: LineId) {
        let known = self.asked.unwrap_or(self.done);
        if seq > known && self.next.is_none_or(|(next, _)| seq > next) {
            self.next = Some((seq, id));
        }
    }

    /// What the disk has to be asked to note now, unless it is behind `limit`.
    pub(super) fn next_up_to(&mut self, limit: u64) -> Option<(u64, LineId)> {
        if self.asked.is_some() {
            return None;
        }
        let next = self.next.take_if(|(seq, _)| *seq <= limit)?;
        self.asked = Some(next.0);
        Some(next)
    }

    /// The disk has noted it.
    pub(super) fn noted(&mut self, seq: u64) {
        self.asked = None;
        self.done = self.done.max(seq);
    }

    /// The disk did not note it.
    pub(super) fn failed(&mut self) {
        self.asked = None;
    }
}

impl Outbox {
    /// The outbox of a contact of whom the disk has `waiting` undelivered lines, and whose greatest
    /// number is `last_seq`.
    pub(super) fn new(last_seq: u64, waiting: u64) -> Self {
        Self {
            lines: VecDeque::new(),
            bytes: 0,
            in_flight: 0,
            in_flight_bytes: 0,
            loaded: if waiting == 0 { last_seq } else { 0 },
            stored: last_seq,
            waiting,
            transmitted: 0,
            loading: false,
            confirming: Confirming::default(),
        }
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Whether every line up to this number has left this computer in this run, or has been
    /// delivered.
    pub(super) fn is_sent(&self, seq: u64) -> bool {
        self.is_delivered(seq) || self.transmitted >= seq.min(self.stored)
    }

    /// Whether every line up to this number is known to be delivered.
    pub(super) fn is_delivered(&self, seq: u64) -> bool {
        self.waiting == 0 || self.known_delivered() >= seq
    }

    /// How many lines up to this number are undelivered, or at most are.
    pub(super) fn waiting_up_to(&self, seq: u64) -> u64 {
        self.waiting.min(seq.saturating_sub(self.known_delivered()))
    }

    /// Whether lines wait of which this run has sent none.
    pub(super) fn none_sent(&self) -> bool {
        self.lines.front().is_some_and(|first| self.transmitted < first.line.seq)
    }

    /// A line is on disk.
    pub(super) fn queued(&mut self, line: OutgoingLine) {
        self.waiting += 1;
        let all_here = self.loaded == self.stored && !self.loading;
        self.stored = line.seq;
        if all_here && self.lines.len() < MEMORY_LINES && self.bytes < MEMORY_BYTES {
            self.push(line);
        }
    }

    /// After which number lines are to be read from disk, if they are: then it is done as soon as
    /// [`loaded`](Self::loaded) or [`load_failed`](Self::load_failed) says so.
    pub(super) fn start_load(&mut self) -> Option<u64> {
        let low = self.lines.len() < MEMORY_LINES / 2 && self.bytes < MEMORY_BYTES / 2;
        (low && !self.loading && self.loaded < self.stored).then(|| {
            self.loading = true;
            self.loaded
        })
    }

    /// Lines have been read from disk. Requests are answered in order, so these are all up to
    /// `stored`, unless the limit cut them off.
    pub(super) fn loaded(&mut self, lines: Vec<OutgoingLine>) {
        self.loading = false;
        if lines.is_empty() {
            self.loaded = self.stored;
        }
        for line in lines {
            if line.seq > self.loaded {
                self.push(line);
            }
        }
    }

    pub(super) fn load_failed(&mut self) {
        self.loading = false;
    }

    fn push(&mut self, line: OutgoingLine) {
        self.loaded = line.seq;
        self.bytes += line.text.len();
        self.lines.push_back(Waiting { line, said_sent: false });
    }

    /// A line of ours is deleted. If it waits here, or an edit of it, only that is sent from now on.
    pub(super) fn erase(&mut self, id: LineId) {
        for (index, Waiting { line, .. }) in self.lines.iter_mut().enumerate() {
            if line.id == id || line.manner == (Manner::Edit { of: id }) {
                self.bytes -= line.text.len();
                if index < self.in_flight {
                    self.in_flight_bytes -= line.text.len();
                }
                line.text = String::new();
                line.manner = Manner::Delete { of: id };
            }
        }
    }

    /// The next line for the session, if the window has room.
    pub(super) fn next_to_send(&mut self) -> Option<&OutgoingLine> {
        let next = &self.lines.get(self.in_flight)?.line;
        let room = self.in_flight < WINDOW_LINES
            && (self.in_flight == 0 || self.in_flight_bytes + next.text.len() <= WINDOW_BYTES);
        if !room {
            return None;
        }
        self.in_flight += 1;
        self.in_flight_bytes += next.text.len();
        Some(next)
    }

    /// Everything after number `after` is to be sent again.
    pub(super) fn rewind(&mut self, after: u64) {
        let keep = self.lines.partition_point(|waiting| waiting.line.seq <= after);
        self.in_flight = self.in_flight.min(keep);
        self.in_flight_bytes =
            self.lines.iter().take(self.in_flight).map(|waiting| waiting.line.text.len()).sum();
    }

    /// A line has left this computer. Returns it the first time.
    pub(super) fn transmitted(&mut self, seq: u64) -> Option<&OutgoingLine> {
        self.transmitted = self.transmitted.max(seq);
        let index = self.lines.binary_search_by_key(&seq, |waiting| waiting.line.seq).ok()?;
        let waiting = self.lines.get_mut(index)?;
        let first = !std::mem::replace(&mut waiting.said_sent, true);
        first.then_some(&waiting.line)
    }

    /// The receiver says that it has everything up to `seq`. Returns what the disk has to be asked
    /// to note, now or when the disk has noted what it was asked before.
    pub(super) fn confirmed(&mut self, seq: u64, id: LineId) -> Option<(u64, LineId)> {
        self.confirming.heard(seq, id);
        self.next_to_confirm()
    }

    /// What the disk has to be asked to note now.
    pub(super) fn next_to_confirm(&mut self) -> Option<(u64, LineId)> {
        self.confirming.next_up_to(u64::MAX)
    }

    /// Up to which number our disk knows the lines to be delivered, as far as this run has heard.
    pub(super) fn known_delivered(&self) -> u64 {
        self.confirming.done
    }

    /// The disk has noted that these lines, up to `seq`, are delivered.
    pub(super) fn delivered(&mut self, seq: u64, lines: &[DeliveredLine]) {
        self.confirming.noted(seq);
        self.loaded = self.loaded.max(seq.min(self.stored));
        self.waiting = self.waiting.saturating_sub(lines.len() as u64);
        while let Some(waiting) = self.lines.pop_front_if(|waiting| waiting.line.seq <= seq) {
            self.bytes -= waiting.line.text.len();
            if self.in_flight > 0 {
                self.in_flight -= 1;
                self.in_flight_bytes -= waiting.line.text.len();
            }
        }
    }

    /// The disk did not note it.
    pub(super) fn confirm_failed(&mut self) {
        self.confirming.failed();
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::super::{Address, Audience, Timestamp};
    use super::*;

    fn line(seq: u64, length: usize) -> OutgoingLine {
        OutgoingLine {
            to: Address::new(Name::new("bob").expect("valid"), "rv"),
            seq,
            id: LineId([0; 16]),
            sent_at: Timestamp(0),
            audience: Audience::You,
            text: "x".repeat(length),
            manner: Manner::Text,
            reference: None,
        }
    }

    fn drain(outbox: &mut Outbox) -> Vec<u64> {
        std::iter::from_fn(|| outbox.next_to_send().map(|line| line.seq)).collect()
    }

    fn delivered(outbox: &mut Outbox, from: u64, to: u64) {
        assert_eq!(outbox.confirmed(to, LineId([0; 16])), Some((to, LineId([0; 16]))));
        let lines: Vec<DeliveredLine> = (from..=to)
            .map(|seq| DeliveredLine { seq, id: LineId([0; 16]), reference: None })
            .collect();
        outbox.delivered(to, &lines);
    }

    #[test]
    fn the_window_bounds_what_is_on_its_way() {
        let mut outbox = Outbox::new(0, 0);
        (1..=300).for_each(|seq| outbox.queued(line(seq, 10)));
        assert_eq!(drain(&mut outbox), (1..=256).collect::<Vec<_>>());
        delivered(&mut outbox, 1, 10);
        assert_eq!(drain(&mut outbox), (257..=266).collect::<Vec<_>>());
        let mut outbox = Outbox::new(0, 0);
        (1..=40).for_each(|seq| outbox.queued(line(seq, 64 * 1024)));
        assert_eq!(drain(&mut outbox).len(), 16);
    }

    #[test]
    fn a_new_session_sends_everything_undelivered_again_in_order() {
        let mut outbox = Outbox::new(0, 0);
        (1..=5).for_each(|seq| outbox.queued(line(seq, 10)));
        drain(&mut outbox);
        delivered(&mut outbox, 1, 2);
        outbox.rewind(0);
        assert_eq!(drain(&mut outbox), [3, 4, 5]);
        outbox.rewind(3);
        assert_eq!(drain(&mut outbox), [4, 5]);
    }

    #[test]
    fn what_is_deleted_does_not_leave_any_more() {
        let mut outbox = Outbox::new(0, 0);
        let id = LineId([5; 16]);
        outbox.queued(line(1, 10));
        outbox.queued(OutgoingLine { id, ..line(2, 10) });
        outbox.queued(OutgoingLine { manner: Manner::Edit { of: id }, ..line(3, 10) });
        drain(&mut outbox);
        outbox.erase(id);
        assert_eq!((outbox.bytes, outbox.in_flight_bytes), (10, 10));
        outbox.rewind(0);
        let mut sent = Vec::new();
        while let Some(line) = outbox.next_to_send() {
            sent.push((line.manner, line.text.len()));
        }
        let gone = (Manner::Delete { of: id }, 0);
        assert_eq!(sent, [(Manner::Text, 10), gone, gone]);
    }

    #[test]
    fn what_memory_has_no_room_for_is_read_from_disk_later() {
        let mut outbox = Outbox::new(0, 0);
        (1..=600).for_each(|seq| outbox.queued(line(seq, 10)));
        assert_eq!(outbox.start_load(), None, "memory is full");
        drain(&mut outbox);
        delivered(&mut outbox, 1, 256);
        drain(&mut outbox);
        delivered(&mut outbox, 257, 400);
        assert_eq!(outbox.start_load(), Some(512));
        assert_eq!(outbox.start_load(), None, "one at a time");
        outbox.queued(line(601, 10));
        outbox.loaded((513..=601).map(|seq| line(seq, 10)).collect());
        assert_eq!(drain(&mut outbox), (513..=601).collect::<Vec<_>>());
        assert_eq!(outbox.start_load(), None);
        assert_eq!(outbox.waiting(), 201);
    }

    #[test]
    fn confirmations_are_noted_one_at_a_time_and_the_newest_wins() {
        let mut outbox = Outbox::new(0, 0);
        (1..=5).for_each(|seq| outbox.queued(line(seq, 10)));
        let id = LineId([0; 16]);
        assert_eq!(outbox.confirmed(1, id), Some((1, id)));
        assert_eq!(outbox.confirmed(2, id), None);
        assert_eq!(outbox.confirmed(4, id), None);
        assert_eq!(outbox.confirmed(3, id), None);
        outbox.delivered(1, &[]);
        assert_eq!(outbox.next_to_confirm(), Some((4, id)));
        outbox.delivered(4, &[]);
        assert_eq!(outbox.next_to_confirm(), None);
        assert_eq!(outbox.confirmed(4, id), None, "known already");
    }
}
