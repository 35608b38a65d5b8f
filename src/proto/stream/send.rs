//! One stream towards the peer: what was written and has not arrived.

use std::collections::VecDeque;

use super::range_set::RangeSet;
use super::{MAX_STREAM_WINDOW, STREAM_WINDOW};

/// How many bytes wait in one stream, sent or not, until the peer has them; more where the peer allows
/// more to be on its way.
pub(super) const SEND_BUFFER: usize = 1 << 20;

/// A piece of the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Chunk {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) fin: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct SendStream {
    /// The bytes from `base` on; the peer has everything before.
    buffer: VecDeque<u8>,
    base: u64,
    /// The first offset that has never been sent.
    unsent: u64,
    /// How far the peer allows us to send.
    max_data: u64,
    /// What the peer has, above `base`.
    acked: RangeSet,
    /// What was sent, is lost, and waits to be sent again.
    lost: RangeSet,
    fin: Fin,
}

/// How far the end of the stream has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fin {
    /// More may be written.
    Open,
    /// To be sent, for the first time or again.
    Due,
    Sent,
    Acked,
}

impl Default for SendStream {
    fn default() -> Self {
        Self {
            buffer: VecDeque::new(),
            base: 0,
            unsent: 0,
            max_data: STREAM_WINDOW,
            acked: RangeSet::default(),
            lost: RangeSet::default(),
            fin: Fin::Open,
        }
    }
}

impl SendStream {
    /// Appends as much as there is room for, and says how much that was.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        self.buffer.extend(&bytes[..taken]);
        taken
    }

    /// How many bytes may be written now.
    pub(super) fn room(&self) -> usize {
        if self.fin != Fin::Open {
            return 0;
        }
        let allowed = self.max_data.saturating_sub(self.base).min(MAX_STREAM_WINDOW);
        SEND_BUFFER.max(allowed as usize).saturating_sub(self.buffer.len())
    }

    /// Ends the stream after what was written.
    pub(super) fn finish(&mut self) {
        if self.fin == Fin::Open {
            self.fin = Fin::Due;
        }
    }

    /// The offset after the last byte written.
    pub(super) fn end(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    /// The first offset that has never been sent.
    pub(super) fn first_unsent_offset(&self) -> u64 {
        self.unsent
    }

    /// Lets us send up to `max`; a smaller value than before is an old one and has no effect.
    pub(super) fn set_max_data(&mut self, max: u64) {
        self.max_data = self.max_data.max(max);
    }

    /// Whether there is something to send, with at most `credit` new bytes.
    pub(super) fn has_chunk(&self, credit: u64) -> bool {
        !self.lost.is_empty() || self.fresh(credit) > 0 || self.fin_is_next()
    }

    /// The next piece of at most `max` bytes: lost ones first, then at most `credit` new bytes.
    pub(super) fn poll_chunk(&mut self, max: usize, credit: u64) -> Option<Chunk> {
        let range = match self.lost.first() {
            Some(lost) => lost.start..lost.end.min(lost.start.saturating_add(max as u64)),
            None => self.unsent..self.unsent + self.fresh(credit).min(max as u64),
        };
        if range.is_empty() && !self.fin_is_next() {
            return None;
        }
        self.lost.remove(range.clone());
        self.unsent = self.unsent.max(range.end);
        let fin = self.fin != Fin::Open && range.end == self.end();
        if fin && self.fin != Fin::Acked {
            self.fin = Fin::Sent;
        }
        Some(Chunk { offset: range.start, len: range.end - range.start, fin })
    }

    /// The bytes of a piece that was just polled, in the two places where they may lie.
    pub(super) fn pieces(&self, start: u64, end: u64) -> [&[u8]; 2] {
        let (from, to) = (self.index(start), self.index(end));
        let (front, back) = self.buffer.as_slices();
        let cut = front.len();
        [
            &front[from.min(cut)..to.min(cut)],
            &back[from.saturating_sub(cut)..to.saturating_sub(cut)],
        ]
    }

    /// The peer has a piece, and the end if it was part of it.
    pub(super) fn on_acked(&mut self, offset: u64, len: u64, fin: bool) {
        let (start, end) = self.sent_part(offset, len);
        if start < end {
            self.acked.insert(start..end);
            self.lost.remove(start..end);
        }
        if fin && self.fin != Fin::Open {
            self.fin = Fin::Acked;
        }
        if let Some(first) = self.acked.first().filter(|first| first.start == self.base) {
            self.acked.remove(first.clone());
            // What is acknowledged was sent, and what was sent is in the buffer.
            self.buffer.drain(..self.index(first.end));
            self.base = first.end;
            self.release();
        }
    }

    /// A piece is lost. Parts of it may have arrived in another packet meanwhile.
    pub(super) fn on_lost(&mut self, offset: u64, len: u64, fin: bool) {
        let (start, end) = self.sent_part(offset, len);
        if start < end {
            for missing in self.acked.missing(start..end) {
                self.lost.insert(missing);
            }
        }
        if fin && self.fin == Fin::Sent {
            self.fin = Fin::Due;
        }
    }

    /// What is missing of a piece that was sent, from its first missing byte on.
    pub(super) fn again(&self, offset: u64, len: u64, fin: bool) -> Option<Chunk> {
        let (start, end) = self.sent_part(offset, len);
        let missing = self.acked.missing(start.min(end)..end).into_iter().next();
        let fin = fin && self.fin == Fin::Sent;
        let range = match missing {
            Some(range) => range,
            None if fin => self.end()..self.end(),
            None => return None,
        };
        let fin = fin && range.end == self.end();
        Some(Chunk { offset: range.start, len: range.end - range.start, fin })
    }

    /// Whether the peer has everything that was written.
    pub(super) fn is_drained(&self) -> bool {
        self.buffer.is_empty() && matches!(self.fin, Fin::Open | Fin::Acked)
    }

    /// Whether the peer has everything, the end included.
    pub(super) fn is_finished(&self) -> bool {
        self.buffer.is_empty() && self.fin == Fin::Acked
    }

    /// How many new bytes may be sent.
    fn fresh(&self, credit: u64) -> u64 {
        self.end().min(self.max_data).saturating_sub(self.unsent).min(credit)
    }

    fn fin_is_next(&self) -> bool {
        self.fin == Fin::Due && self.lost.is_empty() && self.unsent == self.end()
    }

    /// The part of a piece that was sent and that the peer is not known to have.
    fn sent_part(&self, offset: u64, len: u64) -> (u64, u64) {
        (offset.max(self.base), offset.saturating_add(len).min(self.unsent))
    }

    fn index(&self, offset: u64) -> usize {
        // Offsets lie between the base and the end of a buffer that is in memory.
        usize::try_from(offset.saturating_sub(self.base)).map_or(0, |at| at.min(self.buffer.len()))
    }

    /// A stream that was once full and is now idle shall not keep its memory.
    fn release(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > SEND_BUFFER / 16 {
            self.buffer = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(stream: &mut SendStream, max: usize) -> Option<(u64, Vec<u8>, bool)> {
        let Chunk { offset, len, fin } = stream.poll_chunk(max, u64::MAX)?;
        Some((offset, stream.pieces(offset, offset + len).concat(), fin))
    }

    #[test]
    fn lost_pieces_go_before_new_ones() {
        let mut stream = SendStream::default();
        assert_eq!(stream.write(b"abcdef"), 6);
        assert_eq!(chunk(&mut stream, 4), Some((0, b"abcd".into(), false)));
        stream.on_lost(0, 4, false);
        assert_eq!(chunk(&mut stream, 100), Some((0, b"abcd".into(), false)));
        assert_eq!(chunk(&mut stream, 100), Some((4, b"ef".into(), false)));
        assert_eq!(chunk(&mut stream, 100), None);
    }

    #[test]
    fn what_arrived_meanwhile_is_not_sent_again() {
        let mut stream = SendStream::default();
        stream.write(b"abcdef");
        chunk(&mut stream, 100);
        stream.on_acked(2, 2, false);
        stream.on_lost(0, 6, false);
        assert_eq!(chunk(&mut stream, 100), Some((0, b"ab".into(), false)));
        assert_eq!(chunk(&mut stream, 100), Some((4, b"ef".into(), false)));
        stream.on_acked(0, 6, false);
        assert!(stream.is_drained());
    }

    #[test]
    fn what_is_sent_again_unasked_is_what_has_not_arrived_and_changes_nothing() {
        let mut stream = SendStream::default();
        stream.write(b"abcdef");
        stream.finish();
        assert_eq!(stream.again(0, 6, true), None, "it was never sent");
        chunk(&mut stream, 100);
        stream.on_acked(0, 2, false);
        let again = Chunk { offset: 2, len: 4, fin: true };
        assert_eq!(stream.again(0, 6, true), Some(again));
        assert_eq!(chunk(&mut stream, 100), None, "it is not taken for lost");
        stream.on_acked(2, 4, false);
        let end = Chunk { offset: 6, len: 0, fin: true };
        assert_eq!(stream.again(0, 6, true), Some(end));
        stream.on_acked(6, 0, true);
        assert_eq!(stream.again(0, 6, true), None);
    }

    #[test]
    fn the_end_alone_is_a_piece_and_is_sent_again_when_lost() {
        let mut stream = SendStream::default();
        stream.write(b"ab");
        chunk(&mut stream, 100);
        stream.finish();
        assert_eq!(chunk(&mut stream, 100), Some((2, vec![], true)));
        assert_eq!(chunk(&mut stream, 100), None);
        stream.on_lost(2, 0, true);
        assert_eq!(chunk(&mut stream, 100), Some((2, vec![], true)));
        stream.on_acked(2, 0, true);
        assert!(!stream.is_finished());
        stream.on_acked(0, 2, false);
        assert!(stream.is_finished());
        assert_eq!(stream.write(b"more"), 0);
    }

    #[test]
    fn nothing_new_goes_beyond_the_peers_window_and_the_buffer_is_bounded() {
        let mut stream = SendStream::default();
        let big = vec![7; SEND_BUFFER + 10];
        assert_eq!(stream.write(&big), SEND_BUFFER);
        while chunk(&mut stream, 50_000).is_some() {}
        assert_eq!(stream.first_unsent_offset(), STREAM_WINDOW);
        stream.on_acked(0, 10, false);
        assert_eq!(stream.write(&big), 10);
        assert_eq!(chunk(&mut stream, 100), None);
        stream.set_max_data(STREAM_WINDOW + 4);
        stream.set_max_data(5);
        assert_eq!(chunk(&mut stream, 100), Some((STREAM_WINDOW, vec![7; 4], false)));
    }

    #[test]
    fn reports_about_bytes_never_sent_change_nothing() {
        let mut stream = SendStream::default();
        stream.write(b"abc");
        stream.on_acked(0, u64::MAX, true);
        stream.on_lost(1, u64::MAX, true);
        assert_eq!(chunk(&mut stream, 100), Some((0, b"abc".into(), false)));
    }
}
