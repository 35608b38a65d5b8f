//! Relayed datagrams that wait, and whose turn it is.
//!
//! *Deficit round robin* over the pairs (Shreedhar and Varghese, 1995): each may send a quantum of bytes
//! when its turn comes, and what it sends beyond is taken off its next. A pair that had nothing waiting comes
//! before those that had, once (RFC 8290 §4): a line of chat does not wait for a round of other
//! people's files, and a flood does not become sparse by being interrupted. Both directions of a pair share
//! its turn, one train each.
//!
//! Nothing is copied: what waits are pieces of the buffers in [`Arena`], and a [`Train`] is several of one
//! direction that can leave as one.
//!
//! Three bounds, each with what is dropped:
//!
//! - A pair has at most [`MAX_PAIR`] bytes waiting; what comes beyond is dropped.
//! - What has waited for [`MAX_WAIT`] is dropped when its turn comes. It is of more use to its sender as a
//!   loss than late.
//! - All together hold at most [`MAX_BUFFERS`] buffers; when they are used up, the pair that holds the most
//!   pieces of them loses its oldest.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::super::local::Local;
use super::super::registry::Endpoint;
use super::arena::{Arena, Buffer};

/// Bytes that one pair may have waiting: as much as two full batches, for a batch is taken as a whole.
pub(super) const MAX_PAIR: usize = 4 << 20;

/// Milliseconds that a datagram waits at most.
pub(super) const MAX_WAIT: u64 = 100;

/// Buffers that hold waiting datagrams, all pairs together. Each has 64 KiB, of which only what was
/// ever received into takes memory.
pub(super) const MAX_BUFFERS: usize = 512;

/// Bytes of the longest train: what fits into an IP packet, with room for its headers.
pub(super) const MAX_TRAIN: usize = 65_000;

/// Datagrams of the longest train (`UDP_MAX_SEGMENTS` of older Linux kernels).
pub const MAX_JOINED: usize = 64;

/// Stands for no piece and no class.
const NONE: u32 = u32::MAX;

/// Datagrams that follow each other in a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) length: usize,
    /// Bytes of each of them but the last, which may be shorter.
    pub(super) size: usize,
}

/// Whose they are and where they go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// The number of the pair; none is given twice.
    pub(super) pair: u64,
    /// Which of its directions, 0 or 1.
    pub(super) side: usize,
    pub(super) to: Endpoint,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    slot: u32,
    run: Run,
    arrived: u64,
    next: u32,
}

/// What one direction of a pair has waiting.
#[derive(Clone, Copy, Debug)]
struct Side {
    first: u32,
    last: u32,
    to: Option<Endpoint>,
}

/// What a pair has waiting.
#[derive(Clone, Copy, Debug)]
struct Class {
    pair: Option<u64>,
    sides: [Side; 2],
    turn: usize,
    bytes: usize,
    pieces: usize,
    /// Bytes that it may send before the others have their turn.
    deficit: i64,
}

const EMPTY: Class = Class {
    pair: None,
    sides: [Side { first: NONE, last: NONE, to: None }; 2],
    turn: 0,
    bytes: 0,
    pieces: 0,
    deficit: 0,
};

/// Relayed datagrams of one direction of a pair that leave together. To be given back when they have left
/// ([`Server::train_left`](super::super::Server::train_left)).
#[derive(Debug)]
pub struct Train {
    /// By what.
    pub from: Local,
    /// Where to.
    pub to: SocketAddr,
    /// Bytes of each datagram but the last, which may be shorter.
    pub size: usize,
    pub(super) count: usize,
    pub(super) length: usize,
    pieces: Vec<Leaving>,
}

/// A piece of a train.
#[derive(Debug)]
struct Leaving {
    slot: u32,
    run: Run,
    buffer: Buffer,
}

impl Train {
    /// The bytes, in pieces of whole datagrams.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.pieces
            .iter()
            .map(|Leaving { run, buffer, .. }| &buffer.bytes()[run.start..run.start + run.length])
    }

    /// The datagrams.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.pieces().flat_map(|piece| piece.chunks(self.size))
    }

    /// How many datagrams those are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

/// What leaves next, or stands in the way of it.
#[derive(Debug)]
pub(super) enum Next {
    /// This.
    Train(Train),
    /// There must be credit for so many bytes.
    Wait(usize),
    /// Nothing waits.
    Idle,
}

/// All that waits.
#[derive(Debug)]
pub(super) struct Backlog {
    /// Bytes of a turn.
    quantum: i64,
    arena: Arena,
    pieces: Vec<Piece>,
    free_pieces: Vec<u32>,
    classes: Vec<Class>,
    free_classes: Vec<u32>,
    /// Pairs that had nothing waiting, until their first turn.
    fresh: VecDeque<u32>,
    /// All others.
    later: VecDeque<u32>,
    /// For the pieces of trains to come.
    spare: Vec<Vec<Leaving>>,
    bytes: usize,
    /// Datagrams dropped since somebody has asked.
    dropped: u64,
}

/// Where a pair's class is, if it has one: to be kept by the pair.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClassId(u32);

impl Default for ClassId {
    fn default() -> Self {
        Self(NONE)
    }
}

impl Backlog {
    /// Nothing waits; a turn has `quantum` bytes.
    pub(super) fn new(quantum: usize) -> Self {
        Self {
            quantum: quantum.max(1) as i64,
            arena: Arena::default(),
            pieces: Vec::new(),
            free_pieces: Vec::new(),
            classes: Vec::new(),
            free_classes: Vec::new(),
            fresh: VecDeque::new(),
            later: VecDeque::new(),
            spare: Vec::new(),
            bytes: 0,
            dropped: 0,
        }
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the buffer that runs are to be [pushed](Self::push) of, and leaves another in its place. To be
    /// given back when the last one was.
    pub(super) fn keep(&mut self, buffer: &mut Buffer) -> u32 {
        while self.arena.len() >= MAX_BUFFERS && self.push_out() {}
        self.arena.keep(buffer)
    }

    /// Nothing more of a buffer is to be pushed.
    pub(super) fn give_back(&mut self, slot: u32) {
        self.arena.release(slot);
    }

    /// Lets a run wait, or as much of it as its pair has room for.
    pub(super) fn push(&mut self, at: u64, id: &mut ClassId, flow: Flow, slot: u32, mut run: Run) {
        let class = self.class(id, flow.pair);
        let room = MAX_PAIR.saturating_sub(self.classes[class as usize].bytes);
        if run.length > room {
            let fitting = room / run.size * run.size;
            self.dropped += (run.length - fitting).div_ceil(run.size) as u64;
            run.length = fitting;
        }
        if run.length == 0 {
            return;
        }
        let piece = Piece { slot, run, arrived: at, next: NONE };
        let new = match self.free_pieces.pop() {
            Some(free) => {
                self.pieces[free as usize] = piece;
                free
            }
            None => {
                self.pieces.push(piece);
                (self.pieces.len() - 1) as u32
            }
        };
        self.arena.share(slot);
        self.bytes += run.length;
        let class = &mut self.classes[class as usize];
        class.bytes += run.length;
        class.pieces += 1;
        let side = &mut class.sides[flow.side];
        side.to = Some(flow.to);
        let last = std::mem::replace(&mut side.last, new);
        match self.pieces.get_mut(last as usize) {
            Some(last) => last.next = new,
            None => side.first = new,
        }
    }

    /// Forgets what a pair has waiting.
    pub(super) fn discard(&mut self, id: ClassId, pair: u64) {
        if self.classes.get(id.0 as usize).is_some_and(|class| class.pair == Some(pair)) {
            for side in 0..2 {
                while self.drop_first(id.0, side) {}
            }
        }
    }

    /// Datagrams dropped since the last time.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Takes what leaves next: `most` datagrams and `credit` bytes, at most.
    pub(super) fn next_train(&mut self, at: u64, credit: usize, most: usize) -> Next {
        loop {
            let (is_fresh, id) = match (self.fresh.front(), self.later.front()) {
                (Some(id), _) => (true, *id),
                (None, Some(id)) => (false, *id),
                (None, None) => return Next::Idle,
            };
            self.drop_stale(at, id);
            let class = &mut self.classes[id as usize];
            let is_over = class.deficit <= 0;
            if is_over || class.pieces == 0 {
                if is_over {
                    class.deficit += self.quantum;
                }
                let list = if is_fresh { &mut self.fresh } else { &mut self.later };
                list.pop_front();
                if is_fresh || is_over {
                    self.later.push_back(id);
                } else {
                    *class = EMPTY;
                    self.free_classes.push(id);
                }
                continue;
            }
            let side =
                if class.sides[class.turn].first == NONE { 1 - class.turn } else { class.turn };
            class.turn = 1 - side;
            let first = self.pieces[class.sides[side].first as usize].run;
            let head = first.length.min(first.size);
            if head > credit {
                class.turn = side;
                return Next::Wait(head);
            }
            // The last datagram may be more than the turn has left.
            let turn = usize::try_from(class.deficit).unwrap_or(0) + head - 1;
            let room = credit.min(turn).min(MAX_TRAIN);
            let train = self.gather(id, side, room, most.min(MAX_JOINED));
            return train.map_or(Next::Idle, Next::Train);
        }
    }

    /// A train has left.
    pub(super) fn left(&mut self, mut train: Train) {
        for Leaving { slot, buffer, .. } in train.pieces.drain(..) {
            drop(buffer);
            self.arena.release(slot);
        }
        self.spare.push(train.pieces);
    }

    /// Makes a train of what a side has waiting. None if that is nothing.
    fn gather(&mut self, id: u32, side: usize, room: usize, most: usize) -> Option<Train> {
        let class = &mut self.classes[id as usize];
        let queue = &mut class.sides[side];
        let to = queue.to?;
        let size = self.pieces[queue.first as usize].run.size;
        let (mut length, mut count) = (0, 0);
        let mut pieces = self.spare.pop().unwrap_or_default();
        // All are of one size; the last may be shorter.
        let mut is_whole = true;
        while let Some(piece) = self.pieces.get_mut(queue.first as usize)
            && is_whole
            && (piece.run.size == size
                || piece.run.size < size && piece.run.length <= piece.run.size)
        {
            let fitting = (room - length).min((most - count) * size);
            let taken = if piece.run.length <= fitting {
                piece.run.length
            } else {
                fitting / piece.run.size * piece.run.size
            };
            if taken == 0 {
                break;
            }
            let run = Run { length: taken, ..piece.run };
            length += taken;
            count += taken.div_ceil(run.size);
            is_whole = taken.is_multiple_of(size);
            let buffer = self.arena.lend(piece.slot);
            pieces.push(Leaving { slot: piece.slot, run, buffer });
            piece.run.start += taken;
            piece.run.length -= taken;
            if piece.run.length > 0 {
                self.arena.share(piece.slot);
                break;
            }
            // The train has the piece's share of the buffer now.
            let gone = std::mem::replace(&mut queue.first, piece.next);
            self.free_pieces.push(gone);
            class.pieces -= 1;
            if queue.first == NONE {
                queue.last = NONE;
            }
        }
        self.bytes -= length;
        class.bytes -= length;
        class.deficit -= length as i64;
        Some(Train { from: to.local, to: to.remote, size, count, length, pieces })
    }

    /// The class of a pair, a new one if it has none.
    fn class(&mut self, id: &mut ClassId, pair: u64) -> u32 {
        if self.classes.get(id.0 as usize).is_some_and(|class| class.pair == Some(pair)) {
            return id.0;
        }
        let class = Class { pair: Some(pair), deficit: self.quantum, ..EMPTY };
        id.0 = match self.free_classes.pop() {
            Some(free) => {
                self.classes[free as usize] = class;
                free
            }
            None => {
                self.classes.push(class);
                (self.classes.len() - 1) as u32
            }
        };
        self.fresh.push_back(id.0);
        id.0
    }

    fn drop_stale(&mut self, at: u64, id: u32) {
        for side in 0..2 {
            while let Some(first) =
                self.pieces.get(self.classes[id as usize].sides[side].first as usize)
                && at.saturating_sub(first.arrived) > MAX_WAIT
            {
                self.drop_first(id, side);
            }
        }
    }

    /// Drops the oldest piece of whoever has most; says whether there was one.
    fn push_out(&mut self) -> bool {
        let longest = (0..self.classes.len()).max_by_key(|&id| self.classes[id].pieces);
        let Some(id) = longest else { return false };
        let sides = &self.classes[id].sides;
        let arrived = |side: &Side| {
            self.pieces.get(side.first as usize).map_or(u64::MAX, |piece| piece.arrived)
        };
        let side = usize::from(arrived(&sides[1]) < arrived(&sides[0]));
        self.drop_first(id as u32, side)
    }

    fn drop_first(&mut self, id: u32, side: usize) -> bool {
        let class = &mut self.classes[id as usize];
        let queue = &mut class.sides[side];
        let Some(piece) = self.pieces.get(queue.first as usize) else { return false };
        self.dropped += piece.run.length.div_ceil(piece.run.size) as u64;
        class.bytes -= piece.run.length;
        self.bytes -= piece.run.length;
        class.pieces -= 1;
        self.arena.release(piece.slot);
        self.free_pieces.push(std::mem::replace(&mut queue.first, piece.next));
        if queue.first == NONE {
            queue.last = NONE;
        }
        true
    }
}

#[cfg(test)]
#[path = "backlog_tests.rs"]
mod tests;
