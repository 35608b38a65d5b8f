//! Datagrams that leave together.
//!
//! A session seals its datagrams into one buffer, each behind the one before. As long as they are for one
//! path and equally long, they stay together and leave with one system call; a shorter one may be the
//! last. Whatever is otherwise begins another train; one that nobody may cut in pieces travels alone. The
//! order in which they were made is kept.

use p2pchat_wire::datagram::RELAY_HEADER;
use smallvec::SmallVec;

use crate::proto::path::PathId;
use crate::proto::session::Sheet;

/// Datagrams in a train, at most. As many as Linux takes at once.
const LONGEST: usize = 64;

/// Bytes of a train, at most: a system takes it for one datagram until the last moment.
const MOST_BYTES: usize = 65_000;

/// Buffers that are kept to be filled again.
const SPARE: usize = 16;

/// Datagrams for one path, one after the other, each of `size` bytes but the last, which may be shorter.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Train {
    pub(super) path: PathId,
    pub(super) size: usize,
    /// Whether nobody may cut it in pieces; it is one datagram then.
    pub(super) whole: bool,
    pub(super) bytes: Vec<u8>,
}

/// Trains in the making.
#[derive(Debug)]
pub(super) struct Trains {
    relay: Option<[u8; RELAY_HEADER]>,
    done: SmallVec<[Train; 4]>,
    /// The last one, and what is written behind it.
    bytes: Vec<u8>,
    /// Where the last one ends.
    end: usize,
    path: Option<PathId>,
    size: usize,
}

impl Trains {
    /// None yet; `relay` stands before what goes over the relay.
    pub(super) fn new(relay: Option<[u8; RELAY_HEADER]>) -> Self {
        let (done, bytes) = (SmallVec::new(), Vec::new());
        Self { relay, done, bytes, end: 0, path: None, size: 0 }
    }

    /// Where to write the next datagram. What is written has to be [`written`](Self::written) before the next.
    pub(super) fn sheet(&mut self, buffer: impl FnOnce() -> Vec<u8>) -> Sheet<'_> {
        let full = self.end >= LONGEST * self.size
            || self.end + self.size > MOST_BYTES
            || !self.end.is_multiple_of(self.size);
        if self.end > 0 && full {
            self.complete(false, Vec::new());
        }
        if self.bytes.capacity() == 0 {
            self.bytes = buffer();
        }
        Sheet { bytes: &mut self.bytes, relay: self.relay }
    }

    /// One more datagram is there; perhaps one that nobody may cut in pieces.
    pub(super) fn written(&mut self, path: PathId, whole: bool) {
        let length = self.bytes.len() - self.end;
        if self.end > 0 && (whole || self.path != Some(path) || length > self.size) {
            let next = self.bytes.split_off(self.end);
            self.complete(false, next);
        }
        if self.end == 0 {
            (self.path, self.size) = (Some(path), length);
        }
        self.end = self.bytes.len();
        if whole {
            self.complete(true, Vec::new());
        }
    }

    /// All of them, in order. A buffer that was not needed goes to the others.
    pub(super) fn finish(mut self, spare: &mut Vec<Vec<u8>>) -> SmallVec<[Train; 4]> {
        if self.end > 0 {
            self.complete(false, Vec::new());
        }
        keep(spare, self.bytes);
        self.done
    }

    fn complete(&mut self, whole: bool, next: Vec<u8>) {
        let bytes = std::mem::replace(&mut self.bytes, next);
        self.end = 0;
        let size = self.size;
        self.done.extend(self.path.take().map(|path| Train { path, size, whole, bytes }));
    }
}

/// Keeps a buffer for another time, if it is worth it.
pub(super) fn keep(spare: &mut Vec<Vec<u8>>, mut buffer: Vec<u8>) {
    if buffer.capacity() > 0 && spare.len() < SPARE {
        buffer.clear();
        spare.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A datagram of this length is one that nobody may cut in pieces.
    const WHOLE: usize = 5;

    /// Writes datagrams of these lengths, each for a path, and says which trains they make.
    fn trains(datagrams: &[(PathId, usize)]) -> Vec<(PathId, usize, usize)> {
        let mut trains = Trains::new(None);
        for (at, (path, length)) in datagrams.iter().enumerate() {
            let end = trains.sheet(Vec::new).bytes.len() + length;
            trains.bytes.resize(end, at as u8);
            trains.written(*path, *length == WHOLE);
        }
        let made = trains.finish(&mut Vec::new());
        let bytes: Vec<u8> = made.iter().flat_map(|train| train.bytes.clone()).collect();
        let written =
            datagrams.iter().enumerate().flat_map(|(at, (_, length))| vec![at as u8; *length]);
        assert!(bytes.into_iter().eq(written), "the order is kept");
        made.iter().map(|train| (train.path, train.size, train.bytes.len())).collect()
    }

    #[test]
    fn equally_long_ones_for_one_path_leave_together_and_a_shorter_one_ends_the_train() {
        let (one, other) = (PathId::RELAY, PathId::direct(0));
        assert_eq!(trains(&[]), []);
        assert_eq!(trains(&[(one, 9), (one, 9), (one, 4)]), [(one, 9, 22)]);
        assert_eq!(trains(&[(one, 9), (one, 4), (one, 4)]), [(one, 9, 13), (one, 4, 4)]);
        assert_eq!(trains(&[(one, 4), (one, 9)]), [(one, 4, 4), (one, 9, 9)]);
        assert_eq!(trains(&[(one, 9), (other, 9)]), [(one, 9, 9), (other, 9, 9)]);
        let many = trains(&[(one, 9); LONGEST + 2]);
        assert_eq!(many, [(one, 9, 9 * LONGEST), (one, 9, 18)]);
    }

    #[test]
    fn a_train_is_no_longer_than_systems_take() {
        let one = PathId::RELAY;
        for (size, most) in [(1200, 54), (1452, 44), (8952, 7), (32_500, 2)] {
            let made = trains(&vec![(one, size); most + 1]);
            assert_eq!(made, [(one, size, size * most), (one, size, size)]);
        }
    }

    #[test]
    fn one_that_nobody_may_cut_in_pieces_travels_alone() {
        let one = PathId::RELAY;
        let made = trains(&[(one, 9), (one, 9), (one, WHOLE), (one, WHOLE), (one, 5), (one, 4)]);
        assert_eq!(made[0], (one, 9, 18));
        assert!(made[1..4].iter().all(|train| *train == (one, WHOLE, WHOLE)));
        assert_eq!(made[4..], [(one, 4, 4)]);
    }

    #[test]
    fn buffers_are_kept_within_bounds() {
        let mut spare = Vec::new();
        for _ in 0..2 * SPARE {
            keep(&mut spare, vec![1; 10]);
        }
        keep(&mut spare, Vec::new());
        assert_eq!(spare.len(), SPARE);
        assert!(spare.iter().all(|buffer| buffer.is_empty() && buffer.capacity() > 0));
    }
}
