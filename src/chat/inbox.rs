//! What one key sends us: which lines are new, which are on their way to disk, which are there.

use std::collections::VecDeque;

use p2pchat_wire::identity::PeerId;

use super::address::LineId;
use super::record::Line;
use super::storage::Cursor;

/// Lines that may be on their way to disk. More than a well-behaved sender's window.
const PENDING_LINES: usize = 512;

/// Bytes of text that may be on their way to disk.
const PENDING_BYTES: usize = 4 << 20;

/// Logs of one key that are remembered. It needs one; another after each restored backup.
pub(super) const MAX_CURSORS: usize = 16;

/// The state of receiving from one key. It outlives sessions, because the disk does.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    cursors: Vec<Cursor>,
    /// Given to the disk, not answered; oldest first.
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    gap: Option<Gap>,
    /// The greatest number seen, and its log.
    newest: (u64, u64),
    /// Something newer has come since the sender was last asked to repeat. Without it, asking would
    /// go on at the speed of the network for as long as the disk is full.
    news: bool,
}

#[derive(Debug)]
struct Pending {
    log: u64,
    seq: u64,
    id: LineId,
    bytes: usize,
}

/// A line could not be kept, or was not taken in, so nothing behind it may be: it would be taken for a repeated
/// one when it comes again.
#[derive(Debug)]
struct Gap {
    log: u64,
    /// The first line that is missing.
    seq: u64,
    /// The sender was asked to repeat it.
    asked: bool,
}

/// What is to be done with a line.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Put it on disk, behind line number `after`.
    Keep { after: u64 },
    /// It is there already: confirm it again.
    Confirm,
    /// Nothing: it will be confirmed when the disk has it, or repeated by the sender.
    Ignore,
}

impl Inbox {
    pub(super) fn add_cursor(&mut self, cursor: Cursor) {
        self.cursors.retain(|known| known.log != cursor.log);
        self.cursors.push(cursor);
        if self.cursors.len() > MAX_CURSORS {
            self.cursors.remove(0);
        }
    }

    /// How far a log has been received.
    pub(super) fn cursor(&self, log: u64) -> Option<&Cursor> {
        self.cursors.iter().find(|cursor| cursor.log == log)
    }

    fn committed(&self, log: u64) -> u64 {
        self.cursor(log).map_or(0, |cursor| cursor.seq)
    }

    /// In the next session, its sender begins with the first line that it does not know to be delivered.
    pub(super) fn session_ended(&mut self) {
        self.gap = None;
        self.news = true;
    }

    /// What came in this session from that line on was not taken in.
    pub(super) fn missed(&mut self, log: u64, seq: u64) {
        self.open_gap(log, seq);
        self.gap.iter_mut().for_each(|gap| gap.asked = false);
        self.news = true;
    }

    /// A line has come.
    pub(super) fn receive(&mut self, line: &Line) -> Verdict {
        let committed = self.committed(line.log);
        if line.seq <= committed {
            return Verdict::Confirm;
        }
        if self.newest.0 != line.log || line.seq > self.newest.1 {
            self.newest = (line.log, line.seq);
            self.news = true;
        }
        let last = self.pending.iter().rev().find(|pending| pending.log == line.log);
        let accepted = last.map_or(committed, |pending| pending.seq);
        if line.seq <= accepted {
            let same = |pending: &Pending| (pending.log, pending.seq) == (line.log, line.seq);
            if !self.pending.iter().any(same) {
                // It failed before, and what came behind it is still to fail.
                self.open_gap(line.log, line.seq);
            }
            return Verdict::Ignore;
        }
        match &self.gap {
            Some(gap) if gap.log == line.log && gap.seq < line.seq => return Verdict::Ignore,
            _ => self.gap = None,
        }
        if self.pending.len() >= PENDING_LINES || self.pending_bytes >= PENDING_BYTES {
            self.open_gap(line.log, line.seq);
            return Verdict::Ignore;
        }
        self.pending.push_back(Pending {
            log: line.log,
            seq: line.seq,
            id: LineId(line.id),
            bytes: line.text.len(),
        });
        self.pending_bytes += line.text.len();
        Verdict::Keep { after: accepted }
    }

    /// The oldest pending line is on disk.
    pub(super) fn kept(&mut self, peer: PeerId) {
        let Some(Pending { log, seq, id, bytes }) = self.pending.pop_front() else { return };
        self.pending_bytes -= bytes;
        self.add_cursor(Cursor { peer, log, seq, id });
    }

    /// The oldest pending line could not be put on disk.
    pub(super) fn lost(&mut self) {
        let Some(Pending { log, seq, bytes, .. }) = self.pending.pop_front() else { return };
        self.pending_bytes -= bytes;
        self.open_gap(log, seq);
    }

    /// Which log its sender is to repeat, from behind which line; to be asked after every change.
    pub(super) fn ask_again(&mut self) -> Option<(u64, u64)> {
        if !self.news || !self.pending.is_empty() {
            return None;
        }
        let gap = self.gap.as_mut().filter(|gap| !gap.asked)?;
        gap.asked = true;
        self.news = false;
        let log = gap.log;
        Some((log, self.committed(log)))
    }

    fn open_gap(&mut self, log: u64, seq: u64) {
        match &mut self.gap {
            Some(gap) if gap.log == log => gap.seq = gap.seq.min(seq),
            _ => self.gap = Some(Gap { log, seq, asked: false }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Audience, Manner};
    use super::*;

    const PEER: PeerId = PeerId([1; 32]);

    fn line(log: u64, seq: u64) -> Line {
        let id = [u8::try_from(seq).unwrap_or(0); 16];
        Line {
            log,
            seq,
            id,
            sent_at_ms: 0,
            audience: Audience::You,
            text: "hi".to_owned(),
            manner: Manner::Text,
        }
    }

    #[test]
    fn a_line_is_kept_once() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.receive(&line(7, 3)), Verdict::Keep { after: 0 });
        assert_eq!(inbox.receive(&line(7, 3)), Verdict::Ignore);
        assert_eq!(inbox.receive(&line(7, 4)), Verdict::Keep { after: 3 });
        inbox.kept(PEER);
        assert_eq!(inbox.receive(&line(7, 3)), Verdict::Confirm);
        assert_eq!(inbox.receive(&line(7, 4)), Verdict::Ignore);
        inbox.kept(PEER);
        assert_eq!(inbox.cursor(7).map(|cursor| cursor.seq), Some(4));
        assert_eq!(inbox.receive(&line(8, 1)), Verdict::Keep { after: 0 });
    }

    #[test]
    fn nothing_overtakes_a_line_that_could_not_be_kept() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.receive(&line(7, 1)), Verdict::Keep { after: 0 });
        assert_eq!(inbox.receive(&line(7, 2)), Verdict::Keep { after: 1 });
        inbox.lost();
        assert_eq!(inbox.ask_again(), None, "the disk is not done");
        inbox.lost();
        assert_eq!(inbox.ask_again(), Some((7, 0)));
        assert_eq!(inbox.receive(&line(7, 3)), Verdict::Ignore);
        assert_eq!(inbox.ask_again(), None, "asked already");
        assert_eq!(inbox.receive(&line(7, 1)), Verdict::Keep { after: 0 });
        assert_eq!(inbox.receive(&line(7, 2)), Verdict::Keep { after: 1 });
        inbox.kept(PEER);
        inbox.kept(PEER);
        assert_eq!(inbox.receive(&line(7, 3)), Verdict::Keep { after: 2 });
    }

    #[test]
    fn a_line_that_failed_is_missing_even_if_it_comes_before_the_disk_has_refused_the_next() {
        let mut inbox = Inbox::default();
        for seq in 1..=3 {
            inbox.receive(&line(7, seq));
        }
        inbox.lost();
        inbox.session_ended();
        assert_eq!(inbox.receive(&line(7, 1)), Verdict::Ignore);
        inbox.lost();
        inbox.lost();
        assert_eq!(inbox.ask_again(), Some((7, 0)));
        assert_eq!(inbox.receive(&line(7, 2)), Verdict::Ignore, "1 would be lost");
        assert_eq!(inbox.receive(&line(7, 1)), Verdict::Keep { after: 0 });
    }

    #[test]
    fn what_was_not_taken_in_is_asked_for_from_the_first_line_that_is_missing() {
        let mut inbox = Inbox::default();
        inbox.missed(7, 2);
        assert_eq!(inbox.ask_again(), Some((7, 0)));
        assert_eq!(inbox.receive(&line(7, 4)), Verdict::Ignore);
        // Once more, before what was asked for has come.
        inbox.missed(7, 4);
        assert_eq!(inbox.ask_again(), Some((7, 0)));
        assert_eq!(inbox.receive(&line(7, 3)), Verdict::Ignore, "2 would be lost");
        assert_eq!(inbox.receive(&line(7, 2)), Verdict::Keep { after: 0 });
        assert_eq!(inbox.receive(&line(7, 3)), Verdict::Keep { after: 2 });
    }

    #[test]
    fn a_full_disk_is_not_asked_at_the_speed_of_the_network() {
        let mut inbox = Inbox::default();
        let mut fail = |seq| {
            inbox.receive(&line(7, seq));
            inbox.lost();
            inbox.ask_again()
        };
        assert_eq!(fail(1), Some((7, 0)));
        assert_eq!(fail(1), None, "nothing new to hope for");
        assert_eq!(fail(2), Some((7, 0)));
    }

    #[test]
    fn a_flood_is_bounded_and_then_repeated() {
        let mut inbox = Inbox::default();
        let kept = (1..=600)
            .filter(|&seq| matches!(inbox.receive(&line(7, seq)), Verdict::Keep { .. }))
            .count();
        assert_eq!(kept, PENDING_LINES);
        (0..PENDING_LINES).for_each(|_| inbox.kept(PEER));
        assert_eq!(inbox.ask_again(), Some((7, 512)));
        assert_eq!(inbox.receive(&line(7, 513)), Verdict::Keep { after: 512 });
    }
}
