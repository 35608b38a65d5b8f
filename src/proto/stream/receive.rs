//! One stream from the peer: what arrived, in whatever order, until it is read.
//!
//! Memory is bounded by the window alone. The bytes lie where they belong in one buffer that is
//! never longer than the window; that there are holes in it costs an entry each, and nobody may
//! make more than [`MAX_PIECES`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::range_set::RangeSet;
use super::{MAX_STREAM_WINDOW, STREAM_WINDOW, Violation, Window};

/// How many separate pieces may wait. The largest window of full packets of which every other one is
/// lost makes somewhat fewer; a million of single bytes would be an attack on our memory.
const MAX_PIECES: usize = 8192;
const _: () = assert!(MAX_PIECES as u64 * 2 * 1024 >= MAX_STREAM_WINDOW);

/// What an empty stream keeps of its memory: room for a train of datagrams, as it grew for one.
const KEPT: usize = 128 << 10;

/// See the module.
#[derive(Debug)]
pub(super) struct ReceiveStream {
    /// The bytes from `read` on; holes are zeros.
    buffer: VecDeque<u8>,
    /// How much was read: the offset of the buffer's first byte.
    read: u64,
    /// What arrived and was not read.
    arrived: RangeSet,
    /// The offset after the last byte that arrived.
    highest: u64,
    final_size: Option<u64>,
    window: Window,
}

impl Default for ReceiveStream {
    fn default() -> Self {
        Self {
            buffer: VecDeque::new(),
            read: 0,
            arrived: RangeSet::default(),
            highest: 0,
            final_size: None,
            window: Window::new(STREAM_WINDOW, MAX_STREAM_WINDOW),
        }
    }
}

impl ReceiveStream {
    /// Takes a piece, new or not.
    pub(super) fn on_data(&mut self, offset: u64, data: &[u8], fin: bool) -> Result<(), Violation> {
        let end = offset.checked_add(data.len() as u64).ok_or(Violation::FlowControl)?;
        if end > self.window.announced {
            return Err(Violation::FlowControl);
        }
        if self.final_size.is_some_and(|size| end > size || (fin && end != size)) {
            return Err(Violation::FinalSize);
        }
        if fin {
            if end < self.highest {
                return Err(Violation::FinalSize);
            }
            self.final_size = Some(end);
        }
        self.highest = self.highest.max(end);

        let start = offset.max(self.read);
        if start < end {
            self.arrived.insert(start..end);
            if self.arrived.len() > MAX_PIECES {
                return Err(Violation::TooFragmented);
            }
            // The end is at most one window beyond what was read.
            let (from, to) = (self.index(start), self.index(end));
            let new = &data[data.len() - (to - from)..];
            // What comes in order goes behind what is there; the rest lies there already, as zeros.
            let within = self.buffer.len().clamp(from, to) - from;
            let (over, behind) = new.split_at(within);
            self.overwrite(from, over);
            if from > self.buffer.len() {
                self.buffer.resize(from, 0);
            }
            self.buffer.extend(behind);
        }
        Ok(())
    }

    fn overwrite(&mut self, from: usize, new: &[u8]) {
        let (front, back) = self.buffer.as_mut_slices();
        let cut = front.len().clamp(from, from + new.len()) - from;
        let (first, second) = new.split_at(cut);
        if !first.is_empty() {
            front[from..from + cut].copy_from_slice(first);
        }
        if !second.is_empty() {
            let from = from + cut - front.len();
            back[from..from + second.len()].copy_from_slice(second);
        }
    }

    /// The offset after the last byte that arrived.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// How many bytes were read.
    pub(super) fn read_to(&self) -> u64 {
        self.read
    }

    /// Where the stream ends, if that is known.
    pub(super) fn final_size(&self) -> Option<u64> {
        self.final_size
    }

    /// How much the peer may send beyond what was read, at most.
    pub(super) fn window_size(&self) -> u64 {
        self.window.size
    }

    /// How far the peer may send.
    pub(super) fn limit(&self) -> u64 {
        self.window.announced
    }

    /// How much memory it takes, but for the pieces' entries.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// How many bytes can be read.
    pub(super) fn available(&self) -> usize {
        let first = self.arrived.first().filter(|first| first.start == self.read);
        first.map_or(0, |first| self.index(first.end))
    }

    /// The next `N` bytes, if they are there, without reading them.
    pub(super) fn peek<const N: usize>(&self) -> Option<[u8; N]> {
        if self.available() < N {
            return None;
        }
        let mut bytes = [0; N];
        for (to, from) in bytes.iter_mut().zip(&self.buffer) {
            *to = *from;
        }
        Some(bytes)
    }

    /// Appends `len` bytes to `out`, or as many as can be read.
    pub(super) fn read_some(&mut self, len: usize, out: &mut Vec<u8>) {
        let len = len.min(self.available());
        let (front, back) = self.buffer.as_slices();
        let cut = len.min(front.len());
        out.reserve(len);
        out.extend_from_slice(&front[..cut]);
        out.extend_from_slice(&back[..len - cut]);
        self.skip(len);
    }

    /// Counts `len` bytes as read, or as many as can be.
    pub(super) fn skip(&mut self, len: usize) {
        let len = len.min(self.available());
        self.buffer.drain(..len);
        self.read += len as u64;
        self.arrived.remove(0..self.read);
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            // Most streams are idle most of the time.
            self.buffer = VecDeque::new();
        }
    }

    /// Whether everything was read and nothing will follow.
    pub(super) fn is_ended(&self) -> bool {
        self.final_size == Some(self.read)
    }

    /// The new limit for the peer, if it should be told one.
    pub(super) fn max_data_update(&mut self, now: Instant, rtt: Option<Duration>) -> Option<u64> {
        // Whoever has sent the end needs no more room.
        if self.final_size.is_some() {
            return None;
        }
        if self.is_held_up() {
            self.window.grow_to(self.window.size.saturating_mul(2));
        }
        self.window.update(self.read, now, rtt)
    }

    /// Whether [`max_data_update`](Self::max_data_update) has something.
    pub(super) fn has_max_data_update(&self) -> bool {
        self.final_size.is_none() && (self.window.is_due(self.read) || self.is_held_up())
    }

    /// Whether the sender will soon have to stop for a hole's sake: whoever reads has read what can be read.
    /// That has to be something, lest a hole is all that it takes to have much held.
    fn is_held_up(&self) -> bool {
        let waits_for_a_hole = self.highest > self.read && self.available() == 0;
        let is_read = self.read >= self.window.size / 4;
        waits_for_a_hole && is_read && self.window.is_half_used_up(self.highest)
    }

    /// The packet that told the peer `max` was lost.
    pub(super) fn lost_max_data_update(&mut self, max: u64) {
        self.window.lost(max);
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset.saturating_sub(self.read)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch;
    use super::*;

    const MILLIS: Duration = Duration::from_millis(1);

    fn read(stream: &mut ReceiveStream) -> Vec<u8> {
        let mut out = Vec::new();
        stream.read_some(usize::MAX, &mut out);
        out
    }

    #[test]
    fn pieces_in_any_order_become_the_stream() {
        let mut stream = ReceiveStream::default();
        assert_eq!(stream.on_data(4, b"ef", true), Ok(()));
        assert_eq!(read(&mut stream), b"");
        assert_eq!(stream.on_data(0, b"abc", false), Ok(()));
        assert_eq!(stream.peek(), Some(*b"ab"));
        assert_eq!(stream.peek::<4>(), None);
        assert_eq!(read(&mut stream), b"abc");
        assert_eq!(stream.on_data(1, b"bcde", false), Ok(()));
        assert_eq!(read(&mut stream), b"def");
        assert!(stream.is_ended());
    }

    #[test]
    fn a_byte_beyond_the_window_is_a_violation() {
        let mut stream = ReceiveStream::default();
        assert_eq!(stream.on_data(STREAM_WINDOW - 1, b"x", false), Ok(()));
        assert_eq!(stream.on_data(STREAM_WINDOW, b"x", false), Err(Violation::FlowControl));
        assert_eq!(stream.on_data(u64::MAX, b"x", false), Err(Violation::FlowControl));
        assert!(stream.buffer.len() as u64 <= STREAM_WINDOW);
    }

    #[test]
    fn a_stream_ends_in_one_place() {
        let ended = || {
            let mut stream = ReceiveStream::default();
            assert_eq!(stream.on_data(0, b"abc", true), Ok(()));
            stream
        };
        assert_eq!(ended().on_data(0, b"abc", true), Ok(()));
        assert_eq!(ended().on_data(0, b"ab", true), Err(Violation::FinalSize));
        assert_eq!(ended().on_data(3, b"d", false), Err(Violation::FinalSize));
        let mut stream = ReceiveStream::default();
        assert_eq!(stream.on_data(5, b"x", false), Ok(()));
        assert_eq!(stream.on_data(0, b"abc", true), Err(Violation::FinalSize));
    }

    #[test]
    fn single_bytes_with_holes_between_them_are_refused_before_they_fill_the_memory() {
        let mut stream = ReceiveStream::default();
        let refused = (0..).find(|n| stream.on_data(n * 2, b"x", false).is_err());
        assert_eq!(refused, Some(MAX_PIECES as u64));
    }

    #[test]
    fn the_window_moves_when_an_eighth_of_it_was_read_and_again_when_the_update_is_lost() {
        let mut stream = ReceiveStream::default();
        let part = vec![0; STREAM_WINDOW as usize / 8];
        assert_eq!(stream.on_data(0, &part, false), Ok(()));
        assert_eq!(stream.max_data_update(epoch(), None), None);
        read(&mut stream);
        let max = STREAM_WINDOW + STREAM_WINDOW / 8;
        assert_eq!(stream.max_data_update(epoch(), None), Some(max));
        assert_eq!(stream.max_data_update(epoch(), None), None);
        stream.lost_max_data_update(STREAM_WINDOW);
        assert_eq!(stream.max_data_update(epoch(), None), None, "a later one is on its way");
        stream.lost_max_data_update(max);
        assert_eq!(stream.max_data_update(epoch(), None), Some(max));
    }

    /// Reads half a window every `period` over a path of 100 ms; the window in the end.
    fn window_after(reads: u32, period: Duration) -> u64 {
        let mut stream = ReceiveStream::default();
        for n in 0..reads {
            let more = vec![0; stream.window.size as usize / 2];
            assert_eq!(stream.on_data(stream.read, &more, false), Ok(()));
            read(&mut stream);
            let update = stream.max_data_update(epoch() + period * n, Some(MILLIS * 100));
            assert_eq!(update, Some(stream.read + stream.window.size));
        }
        stream.window.size
    }

    #[test]
    fn a_window_grows_while_it_holds_the_sender_up_and_to_its_bound() {
        assert_eq!(window_after(20, MILLIS * 200), STREAM_WINDOW, "a path's worth is read slowly");
        assert_eq!(window_after(2, MILLIS * 199), 2 * STREAM_WINDOW);
        assert_eq!(window_after(20, MILLIS), MAX_STREAM_WINDOW);
    }
    #[test]
    fn a_hole_that_holds_up_a_reader_makes_the_window_grow_before_it_is_used_up() {
        let mut stream = ReceiveStream::default();
        let quarter = vec![0; STREAM_WINDOW as usize / 4];
        let len = quarter.len() as u64;
        assert_eq!(stream.on_data(0, &quarter, false), Ok(()));
        read(&mut stream);
        assert_eq!(stream.max_data_update(epoch(), None), Some(5 * len));
        assert_eq!(stream.on_data(len + 1, &quarter, false), Ok(()));
        assert_eq!(stream.max_data_update(epoch(), None), None, "half of it is still free");
        assert_eq!(stream.on_data(2 * len + 1, &quarter, false), Ok(()));
        assert_eq!(stream.max_data_update(epoch(), None), Some(len + 2 * STREAM_WINDOW));
        assert_eq!(stream.max_data_update(epoch(), None), None);
    }

    #[test]
    fn a_hole_makes_no_window_grow_if_nothing_was_read_or_nobody_reads() {
        let all_but_one = vec![0; STREAM_WINDOW as usize - 1];
        let mut unread = ReceiveStream::default();
        assert_eq!(unread.on_data(1, &all_but_one, false), Ok(()));
        assert_eq!(unread.max_data_update(epoch(), None), None, "the first byte is missing");

        let mut slow = ReceiveStream::default();
        assert_eq!(slow.on_data(0, &all_but_one, false), Ok(()));
        let mut out = Vec::new();
        slow.read_some(STREAM_WINDOW as usize / 2, &mut out);
        assert_eq!(slow.max_data_update(epoch(), None), Some(STREAM_WINDOW * 3 / 2));
        assert_eq!(slow.on_data(STREAM_WINDOW + 1, &all_but_one[..1000], false), Ok(()));
        assert_eq!(slow.max_data_update(epoch(), None), None, "the reader is what is slow");
    }
}
