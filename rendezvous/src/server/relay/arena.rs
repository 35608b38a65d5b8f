//! Datagrams that wait, in the buffers that they were received in.

use std::sync::Arc;

/// What the system joins to one is no longer than an IP packet can be, nor is any single datagram.
const ROOM: usize = 65_536;

/// Bytes beyond [`ROOM`], so that the beginnings of neighbouring buffers do not fall on the same lines of
/// the processor's caches, as they would at a distance of a power of two.
const STAGGER: usize = 1_344;

/// Where datagrams are received: one, or several of one sender that the system has joined.
///
/// What nothing was received into takes no memory yet. Whoever sends a part of it, on whatever thread,
/// shares it meanwhile.
#[derive(Debug)]
pub struct Buffer(Arc<Vec<u8>>);

impl Default for Buffer {
    fn default() -> Self {
        Self(Arc::new(vec![0; ROOM + STAGGER]))
    }
}

impl Buffer {
    /// The bytes, all of them, whatever was received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0[..ROOM]
    }

    /// The bytes, to receive into. Should somebody still share them, he keeps them as they are, and these
    /// are a copy.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut Arc::make_mut(&mut self.0)[..ROOM]
    }
}

/// Buffers that hold something, and those that did and are to be used again.
///
/// The one that became free last is the next to be used: it is what the caches still hold, and what a
/// rush has made to be memory is not touched again before the next one.
#[derive(Debug, Default)]
pub(super) struct Arena {
    held: Vec<Held>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Held {
    buffer: Buffer,
    /// How many pieces of it are still needed.
    pieces: u32,
}

impl Arena {
    /// How many buffers hold something.
    pub(super) fn len(&self) -> usize {
        self.held.len() - self.free.len()
    }

    /// Takes a buffer with something in it, and leaves another in its place. It is one piece, until
    /// there are [more](Self::share).
    pub(super) fn keep(&mut self, buffer: &mut Buffer) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.held.push(Held { buffer: Buffer::default(), pieces: 0 });
            (self.held.len() - 1) as u32
        });
        let held = &mut self.held[slot as usize];
        held.pieces = 1;
        std::mem::swap(&mut held.buffer, buffer);
        slot
    }

    /// One piece more of a buffer.
    pub(super) fn share(&mut self, slot: u32) {
        self.held[slot as usize].pieces += 1;
    }

    /// One piece less; the last frees the buffer.
    pub(super) fn release(&mut self, slot: u32) {
        let held = &mut self.held[slot as usize];
        held.pieces -= 1;
        if held.pieces == 0 {
            self.free.push(slot);
        }
    }

    /// The buffer, for whoever sends a piece of it. He must have let go of it when that piece is
    /// [released](Self::release).
    pub(super) fn lend(&self, slot: u32) -> Buffer {
        Buffer(Arc::clone(&self.held[slot as usize].buffer.0))
    }
}
