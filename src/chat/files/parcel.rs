//! What goes through a stream that brings a file: the id of the offer, the list if it was asked for, then
//! blocks, each behind its number.
//!
//! [`Packing`] makes such a stream of what the disk reads, never more than a little ahead of what may be
//! written. [`Unpacking`] makes of its bytes what the disk writes. Both know no stream and no disk.

use std::collections::VecDeque;

use super::disk::{BLOCK, ENTRY, blocks, length};
use crate::chat::LineId;

/// Bytes with which a stream begins: which offer it is about.
pub(super) const OPENING: usize = 16;

/// Bytes before each block: its number, the highest byte first.
const NUMBER: usize = 8;

/// Bytes that are read from disk before there is room for them in the stream.
const READ_AHEAD: u64 = 2 * BLOCK;

/// The bytes of a stream, as the disk brings them.
#[derive(Debug)]
pub(super) struct Packing {
    size: u64,
    /// What is to be read from disk.
    blocks: VecDeque<(u64, u64)>,
    /// How many blocks the disk reads.
    reading: u64,
    /// What is still to be written: of the first, only what stands behind `begun`.
    ready: VecDeque<Vec<u8>>,
    begun: usize,
    /// Bytes in all of it.
    waiting: u64,
}

impl Packing {
    /// A stream with these blocks of a file. The list, if there is to be one, comes first.
    pub(super) fn new(
        offer: LineId,
        size: u64,
        list: Option<Vec<u8>>,
        blocks: Vec<(u64, u64)>,
    ) -> Self {
        let blocks = blocks.into();
        let (reading, ready, begun, waiting) = (0, VecDeque::new(), 0, 0);
        let mut packing = Self { size, blocks, reading, ready, begun, waiting };
        packing.push(offer.0.to_vec());
        packing.push(list.unwrap_or_default());
        packing
    }

    /// Which block the disk is to read next, if it is to read one now.
    pub(super) fn next_read(&mut self) -> Option<u64> {
        if self.waiting + self.reading * BLOCK >= READ_AHEAD {
            return None;
        }
        let first = self.blocks.front_mut()?;
        let block = first.0;
        first.0 += 1;
        if first.0 >= first.1 {
            self.blocks.pop_front();
        }
        self.reading += 1;
        Some(block)
    }

    /// The disk has read a block, the oldest that it was asked for.
    pub(super) fn add(&mut self, block: u64, data: Vec<u8>) {
        self.reading = self.reading.saturating_sub(1);
        self.push(block.to_be_bytes().to_vec());
        self.push(data);
    }

    fn push(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.waiting += bytes.len() as u64;
            self.ready.push_back(bytes);
        }
    }

    /// The next bytes of the stream, not more than `most`. None if the disk is to bring them first.
    pub(super) fn take(&mut self, most: usize) -> Option<Vec<u8>> {
        let first = self.ready.front_mut()?;
        let rest = first.len() - self.begun;
        let taken = rest.min(most);
        if taken == 0 {
            return None;
        }
        let bytes = if taken == first.len() {
            self.ready.pop_front()?
        } else {
            let bytes = first[self.begun..self.begun + taken].to_vec();
            self.begun += taken;
            if taken == rest {
                self.ready.pop_front();
                self.begun = 0;
            }
            bytes
        };
        self.waiting -= taken as u64;
        Some(bytes)
    }

    /// Whether the stream has all its bytes.
    pub(super) fn is_done(&self) -> bool {
        self.blocks.is_empty() && self.reading == 0 && self.ready.is_empty()
    }

    /// How many bytes of the file have not left yet, about: what stands before blocks is counted, too.
    pub(super) fn left(&self) -> u64 {
        let whole: u64 = self.blocks.iter().map(|range| bytes(self.size, *range)).sum();
        whole + self.waiting + self.reading * BLOCK
    }
}

/// How many bytes a range of blocks has.
pub(super) fn bytes(size: u64, (from, to): (u64, u64)) -> u64 {
    let at = |block: u64| block.saturating_mul(BLOCK).min(size);
    at(to) - at(from)
}

/// What has come of a file.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Piece {
    /// Its whole list.
    List(Vec<u8>),
    /// A whole block.
    Block(u64, Vec<u8>),
}

/// A stream does not bring what was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Misshapen;

/// What is being put together.
#[derive(Debug)]
enum Part {
    List,
    Number,
    Block(u64),
}

/// What has come of a stream, behind its opening.
#[derive(Debug)]
pub(super) struct Unpacking {
    size: u64,
    part: Part,
    /// Of it.
    bytes: Vec<u8>,
}

impl Unpacking {
    /// A stream with blocks of a file of this size, and with its list if that was asked for.
    pub(super) fn new(size: u64, list: bool) -> Self {
        let part = if list { Part::List } else { Part::Number };
        Self { size, part, bytes: Vec::new() }
    }

    /// Takes in what has come. Returns what is whole by it.
    pub(super) fn add(&mut self, mut data: &[u8]) -> Result<Vec<Piece>, Misshapen> {
        let mut pieces = Vec::new();
        loop {
            let wanted = self.wanted();
            let (now, rest) = data.split_at(data.len().min(wanted - self.bytes.len()));
            if self.bytes.is_empty() && !now.is_empty() {
                self.bytes.reserve_exact(wanted);
            }
            self.bytes.extend_from_slice(now);
            data = rest;
            if self.bytes.len() < wanted {
                return Ok(pieces);
            }
            let whole = std::mem::take(&mut self.bytes);
            match self.part {
                Part::List => {
                    pieces.push(Piece::List(whole));
                    self.part = Part::Number;
                }
                Part::Number => {
                    let number = whole.try_into().map_err(|_| Misshapen)?;
                    let block = u64::from_be_bytes(number);
                    if block >= blocks(self.size) {
                        return Err(Misshapen);
                    }
                    self.part = Part::Block(block);
                }
                Part::Block(block) => {
                    pieces.push(Piece::Block(block, whole));
                    self.part = Part::Number;
                }
            }
        }
    }

    /// How many bytes the part has that is being put together. No size is greater than
    /// [`MAX_SIZE`](super::disk::MAX_SIZE), so it fits.
    fn wanted(&self) -> usize {
        let bytes = match self.part {
            Part::List => blocks(self.size) * ENTRY as u64,
            Part::Number => NUMBER as u64,
            Part::Block(block) => length(self.size, block),
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// How many bytes are missing of the list that comes first.
    pub(super) fn list_left(&self) -> usize {
        match self.part {
            Part::List => self.wanted() - self.bytes.len(),
            Part::Number | Part::Block(_) => 0,
        }
    }
}

/// How many bytes beside its own a block has in a stream.
pub(super) const BESIDE: usize = NUMBER;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OFFER: LineId = LineId([7; 16]);

    fn data(size: u64, block: u64) -> Vec<u8> {
        vec![block as u8 + 1; length(size, block) as usize]
    }

    /// Reads from a disk that answers at once.
    fn read(packing: &mut Packing, size: u64) {
        while let Some(block) = packing.next_read() {
            packing.add(block, data(size, block));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_is_packed_is_unpacked_however_it_is_cut(
            whole in 1_u64..5, rest in 1_u64..BLOCK, list in any::<bool>(), cut in 1_usize..300_000,
        ) {
            let size = whole * BLOCK + rest;
            let entries = vec![9; blocks(size) as usize * ENTRY];
            let ranges = vec![(0, 1), (2.min(whole), whole + 1)];
            let wanted: Vec<u64> = ranges.iter().flat_map(|(from, to)| *from..*to).collect();
            let mut packing = Packing::new(OFFER, size, list.then(|| entries.clone()), ranges);
            let mut unpacking = Unpacking::new(size, list);
            let (mut opening, mut pieces) = (Vec::new(), Vec::new());
            while !packing.is_done() {
                read(&mut packing, size);
                prop_assert!(packing.waiting <= READ_AHEAD + BLOCK + entries.len() as u64);
                let mut bytes = packing.take(cut).expect("there is something");
                let head = bytes.len().min(OPENING - opening.len());
                opening.extend(bytes.drain(..head));
                pieces.extend(unpacking.add(&bytes).expect("well shaped"));
            }
            prop_assert_eq!((opening, packing.left()), (OFFER.0.to_vec(), 0));
            let mut expected: Vec<Piece> = list.then_some(Piece::List(entries)).into_iter().collect();
            expected.extend(wanted.into_iter().map(|block| Piece::Block(block, data(size, block))));
            prop_assert!(pieces == expected);
        }
    }

    #[test]
    fn the_disk_is_read_only_a_little_ahead() {
        let size = 100 * BLOCK;
        let mut packing = Packing::new(OFFER, size, None, vec![(0, 100)]);
        assert_eq!(
            [packing.next_read(), packing.next_read(), packing.next_read()],
            [Some(0), Some(1), None]
        );
        packing.add(0, data(size, 0));
        assert_eq!(packing.next_read(), None);
        while packing.take(BLOCK as usize).is_some() {}
        assert_eq!((packing.next_read(), packing.next_read()), (Some(2), None));
    }

    #[test]
    fn a_block_behind_the_end_is_misshapen() {
        let mut unpacking = Unpacking::new(BLOCK + 1, false);
        assert_eq!(unpacking.add(&2_u64.to_be_bytes()), Err(Misshapen));
        let mut unpacking = Unpacking::new(BLOCK + 1, false);
        assert_eq!(unpacking.add(&1_u64.to_be_bytes()), Ok(Vec::new()));
        assert_eq!(unpacking.add(&[5]), Ok(vec![Piece::Block(1, vec![5])]));
    }
}
