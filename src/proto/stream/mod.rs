//! Ordered streams of bytes over packets that are lost, repeated and reordered.
//!
//! Each side has streams of its own, numbered 0, 1, 2 … in the order in which it opens them; what
//! the other side sends under the same number is another stream. Stream 0 is always there and
//! carries messages.
//!
//! - [`send`] is one stream towards the peer, [`receive`] one from it; [`range_set`] is how both
//!   remember which bytes are where.
//! - [`message`] cuts a stream into messages.
//! - [`abort`] is how a stream ends before its end.
//! - [`Streams`], here, holds all of a session's: who may send next, and how much in total.
//!
//! Nothing here knows packets. Whoever frames a [`StreamChunk`] keeps its [`ChunkRecord`] with the
//! packet, and reports it as acknowledged or lost.

pub(crate) mod abort;
pub(crate) mod message;
mod range_set;
mod receive;
mod send;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use self::abort::Aborts;
use self::receive::ReceiveStream;
use self::send::SendStream;

/// How much of one stream the receiver holds for a slow reader to begin with. Both sides start with
/// it, so it is part of the protocol.
pub(crate) const STREAM_WINDOW: u64 = 1 << 20;

/// How much of all streams together the receiver holds to begin with. Part of the protocol, too.
pub(crate) const SESSION_WINDOW: u64 = 4 << 20;

/// What a stream's window grows to where the path holds more than a window: 100 Mbit/s over 200 ms for as
/// long as it takes until a piece has arrived that was lost five times. A stream of which much is missing may
/// take so much memory.
pub(crate) const MAX_STREAM_WINDOW: u64 = 16 << 20;

/// What the window of all streams grows to, and the most that a peer makes us hold. One stream never
/// takes all of it.
pub(crate) const MAX_SESSION_WINDOW: u64 = 24 << 20;

/// How often the sender is told of the reader's progress while a window is read. If it were told late, so
/// much less of the window would be of use.
const UPDATES: u64 = 8;

/// How many streams a peer may have open that we have not read to the end.
pub(crate) const MAX_INCOMING: usize = 64;

/// How many streams we open. Fewer than a receiver allows: it may notice an end later than we do.
pub(crate) const MAX_OUTGOING: usize = 32;

/// How much of the window of all streams is kept for messages: a reader who is slow with everything
/// else does not hold them up. Room for three of the longest.
pub(crate) const RESERVED: u64 = 256 << 10;
const _: () = assert!(RESERVED >= 3 * message::MAX_MESSAGE as u64);

/// The peer broke a rule that an honest implementation cannot break by accident.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Violation {
    /// More bytes than the window allows.
    #[error("sent beyond the flow control window")]
    FlowControl,
    /// A stream ends in two places, or goes on after its end.
    #[error("contradicted the final size of a stream")]
    FinalSize,
    /// More streams than are allowed.
    #[error("opened too many streams")]
    TooManyStreams,
    /// A window for a stream that we never opened.
    #[error("named a stream that does not exist")]
    UnknownStream,
    /// So many holes that remembering them is an attack.
    #[error("fragmented a stream beyond reason")]
    TooFragmented,
    /// A message longer than allowed.
    #[error("sent a message that is too long")]
    Message,
    /// The stream of messages was given up.
    #[error("gave up the stream of messages")]
    Essential,
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum WriteError {
    /// The send buffer has no room now; there will be some when the peer acknowledges.
    #[error("the send buffer is full")]
    Full,
    /// No such stream is open.
    #[error("the stream is closed")]
    Closed,
    /// Longer than [`message::MAX_MESSAGE`].
    #[error("the message is too long")]
    TooLong,
}

/// A piece of a stream, to go into a packet. Its bytes lie where they were written to, in one place or two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct StreamChunk<'a> {
    /// What to remember of it until its fate is known.
    pub(crate) record: ChunkRecord,
    pub(crate) data: [&'a [u8]; 2],
}

/// Which piece of a stream a packet carried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ChunkRecord {
    pub(crate) id: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
    /// The stream ends with it.
    pub(crate) fin: bool,
}

/// Permission to send up to the offset `max`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct WindowUpdate {
    /// The stream; none for the sum of all streams.
    pub(crate) id: Option<u64>,
    pub(crate) max: u64,
}

/// All streams of a session, both ways.
#[derive(Debug)]
pub(crate) struct Streams {
    outgoing: BTreeMap<u64, Outgoing>,
    incoming: BTreeMap<u64, ReceiveStream>,
    /// Lower ids that are not in `outgoing` are finished.
    next_outgoing: u64,
    /// Lower ids that are not in `incoming` are finished.
    next_incoming: u64,
    /// Counts chunks, so that streams of one priority take turns.
    turn: u64,
    /// New bytes sent on all streams, and how many may be.
    sent: u64,
    max_sent: u64,
    /// The sum of the highest offsets of all incoming streams.
    received: u64,
    /// Bytes read from all incoming streams.
    read: u64,
    window: Window,
    aborts: Aborts,
}

#[derive(Debug)]
struct Outgoing {
    stream: SendStream,
    priority: u8,
    last_turn: u64,
}

impl Default for Streams {
    fn default() -> Self {
        let mut streams = Self {
            outgoing: BTreeMap::new(),
            incoming: BTreeMap::from([(0, ReceiveStream::default())]),
            next_outgoing: 0,
            next_incoming: 1,
            turn: 0,
            sent: 0,
            max_sent: SESSION_WINDOW,
            received: 0,
            read: 0,
            window: Window::new(SESSION_WINDOW, MAX_SESSION_WINDOW),
            aborts: Aborts::default(),
        };
        streams.open(0);
        streams
    }
}

/// Sending.
impl Streams {
    /// Opens a stream towards the peer, if there are not too many. Lower priorities go first.
    pub(crate) fn open(&mut self, priority: u8) -> Option<u64> {
        if self.outgoing.len() + self.aborts.resets() >= MAX_OUTGOING {
            return None;
        }
        let id = self.next_outgoing;
        self.next_outgoing += 1;
        let stream = SendStream::default();
        self.outgoing.insert(id, Outgoing { stream, priority, last_turn: 0 });
        Some(id)
    }

    /// Appends as much of `bytes` as there is room for, and says how much that was.
    pub(crate) fn write(&mut self, id: u64, bytes: &[u8]) -> usize {
        self.outgoing.get_mut(&id).map_or(0, |outgoing| outgoing.stream.write(bytes))
    }

    /// Appends a whole message or nothing. Returns the offset of its end: once
    /// a chunk ends there, all of it has left.
    pub(crate) fn write_message(&mut self, id: u64, message: &[u8]) -> Result<u64, WriteError> {
        let outgoing = self.outgoing.get_mut(&id).ok_or(WriteError::Closed)?;
        message::write(&mut outgoing.stream, message)
    }

    /// Ends a stream after what was written.
    pub(crate) fn finish(&mut self, id: u64) {
        if let Some(outgoing) = self.outgoing.get_mut(&id) {
            outgoing.stream.finish();
        }
    }

    /// The offset of the first byte that has never left. `None` once the peer has all of it.
    #[cfg(test)]
    pub(crate) fn first_unsent(&self, id: u64) -> Option<u64> {
        self.outgoing.get(&id).map(|outgoing| outgoing.stream.first_unsent_offset())
    }

    /// How many bytes may be written now.
    pub(crate) fn room(&self, id: u64) -> usize {
        self.outgoing.get(&id).map_or(0, |outgoing| outgoing.stream.room())
    }

    /// Whether a stream is neither given up nor known to have arrived to its end.
    pub(crate) fn is_open(&self, id: u64) -> bool {
        self.outgoing.contains_key(&id)
    }

    /// Whether [`next_chunk`](Self::next_chunk) has something.
    pub(crate) fn has_chunk(&self) -> bool {
        let credit = self.credit();
        let has_chunk =
            |(id, outgoing): (&u64, &Outgoing)| outgoing.stream.has_chunk(credit_of(*id, credit));
        self.outgoing.iter().any(has_chunk)
    }

    /// Whether everything that was written into a stream has arrived.
    pub(crate) fn is_drained(&self, id: u64) -> bool {
        self.outgoing.get(&id).is_none_or(|outgoing| outgoing.stream.is_drained())
    }

    /// The piece to send next, with at most `max` bytes of data. Lost pieces of a stream go before
    /// new ones, streams of lower priority number before others; equal ones take turns.
    pub(crate) fn next_chunk(&mut self, max: usize) -> Option<StreamChunk<'_>> {
        let credit = self.credit();
        let (id, outgoing) = self
            .outgoing
            .iter_mut()
            .filter(|(id, outgoing)| outgoing.stream.has_chunk(credit_of(**id, credit)))
            .min_by_key(|(_, outgoing)| (outgoing.priority, outgoing.last_turn))?;
        let unsent = outgoing.stream.first_unsent_offset();
        let chunk = outgoing.stream.poll_chunk(max, credit_of(*id, credit))?;
        self.turn += 1;
        outgoing.last_turn = self.turn;
        self.sent += outgoing.stream.first_unsent_offset() - unsent;
        let (offset, len, fin) = (chunk.offset, chunk.len, chunk.fin);
        let data = outgoing.stream.pieces(offset, offset + len);
        Some(StreamChunk { record: ChunkRecord { id: *id, offset, len, fin }, data })
    }

    /// The peer has a piece.
    pub(crate) fn acked(&mut self, chunk: ChunkRecord) {
        if let Some(outgoing) = self.outgoing.get_mut(&chunk.id) {
            outgoing.stream.on_acked(chunk.offset, chunk.len, chunk.fin);
            if outgoing.stream.is_finished() {
                self.outgoing.remove(&chunk.id);
            }
        }
    }

    /// A piece is lost, or may be: what the peer has not acknowledged of it goes out again.
    pub(crate) fn lost(&mut self, chunk: ChunkRecord) {
        if let Some(outgoing) = self.outgoing.get_mut(&chunk.id) {
            outgoing.stream.on_lost(chunk.offset, chunk.len, chunk.fin);
        }
    }

    /// A piece that is on its way, as it is to go a second time: what of it the peer is not known to
    /// have.
    pub(crate) fn again(&self, chunk: ChunkRecord) -> Option<StreamChunk<'_>> {
        let stream = &self.outgoing.get(&chunk.id)?.stream;
        let again = stream.again(chunk.offset, chunk.len, chunk.fin)?;
        let (offset, len, fin) = (again.offset, again.len, again.fin);
        let data = stream.pieces(offset, offset + len);
        Some(StreamChunk { record: ChunkRecord { id: chunk.id, offset, len, fin }, data })
    }

    /// The peer allows more.
    pub(crate) fn received_window_update(&mut self, update: WindowUpdate) -> Result<(), Violation> {
        match update.id {
            None => self.max_sent = self.max_sent.max(update.max),
            Some(id) if id >= self.next_outgoing => return Err(Violation::UnknownStream),
            Some(id) => {
                if let Some(outgoing) = self.outgoing.get_mut(&id) {
                    outgoing.stream.set_max_data(update.max);
                }
            }
        }
        Ok(())
    }

    fn credit(&self) -> u64 {
        self.max_sent.saturating_sub(self.sent)
    }
}

/// Receiving.
impl Streams {
    /// Takes a piece that came in a packet. After an error the session is to be closed.
    pub(crate) fn received(
        &mut self,
        id: u64,
        offset: u64,
        fin: bool,
        data: &[u8],
    ) -> Result<(), Violation> {
        self.open_incoming(id)?;
        let end = offset.checked_add(data.len() as u64).ok_or(Violation::FlowControl)?;
        if self.aborts.is_unwanted(id) {
            return self.received_unwanted(id, end, fin);
        }
        // A finished stream: the piece is one that was sent twice.
        let Some(stream) = self.incoming.get_mut(&id) else { return Ok(()) };
        let growth = end.saturating_sub(stream.highest());
        if growth > self.window.announced.saturating_sub(self.received) {
            return Err(Violation::FlowControl);
        }
        stream.on_data(offset, data, fin)?;
        self.received += growth;
        Ok(())
    }

    /// The number of the next stream that the peer opens; those below have been opened.
    pub(crate) fn next_incoming(&self) -> u64 {
        self.next_incoming
    }

    /// The streams that have something to read, or an end to notice.
    pub(crate) fn readable(&self) -> impl Iterator<Item = u64> + '_ {
        let readable = |stream: &ReceiveStream| stream.available() > 0 || stream.is_ended();
        self.incoming.iter().filter(move |(_, stream)| readable(stream)).map(|(id, _)| *id)
    }

    /// Reads without a bound.
    #[cfg(test)]
    pub(crate) fn read(&mut self, id: u64, out: &mut Vec<u8>) -> bool {
        self.read_some(id, usize::MAX, out)
    }

    /// Appends to `out` what has arrived in order, at most `max` bytes. Whether the stream ended with it;
    /// it is then forgotten.
    pub(crate) fn read_some(&mut self, id: u64, max: usize, out: &mut Vec<u8>) -> bool {
        let Some(stream) = self.incoming.get_mut(&id) else { return true };
        let before = out.len();
        stream.read_some(max, out);
        self.read += (out.len() - before) as u64;
        let ended = stream.is_ended();
        if ended {
            self.incoming.remove(&id);
        }
        ended
    }

    /// The next whole message of a stream.
    pub(crate) fn next_message(&mut self, id: u64) -> Result<Option<Vec<u8>>, Violation> {
        let Some(stream) = self.incoming.get_mut(&id) else { return Ok(None) };
        let message = message::read(stream)?;
        if let Some(message) = &message {
            self.read += message::encoded_len(message) as u64;
        }
        if stream.is_ended() {
            self.incoming.remove(&id);
        }
        Ok(message)
    }

    /// Whether [`next_window_update`](Self::next_window_update) has something.
    pub(crate) fn has_window_update(&self) -> bool {
        self.window.is_due(self.read)
            || self.incoming.values().any(ReceiveStream::has_max_data_update)
    }

    /// What the peer should be told about windows. It goes with any packet, and comes back with
    /// [`lost_window_update`](Self::lost_window_update) if that is lost.
    ///
    /// `rtt` is the path's round trip, as far as it is known: a window that is read in less than four
    /// of them holds the sender up, and grows. So does one of which half is used up while a hole holds up
    /// whoever reads. The window of all streams is twice as large as the largest of one.
    pub(crate) fn next_window_update(
        &mut self,
        now: Instant,
        rtt: Option<Duration>,
    ) -> Option<WindowUpdate> {
        if let Some(max) = self.window.update(self.read, now, rtt) {
            return Some(WindowUpdate { id: None, max });
        }
        let (id, max, size) = self.incoming.iter_mut().find_map(|(id, stream)| {
            Some((*id, stream.max_data_update(now, rtt)?, stream.window_size()))
        })?;
        self.window.grow_to(size.saturating_mul(2));
        Some(WindowUpdate { id: Some(id), max })
    }

    /// A packet with this update was lost.
    pub(crate) fn lost_window_update(&mut self, update: WindowUpdate) {
        match update.id {
            None => self.window.lost(update.max),
            Some(id) => {
                if let Some(stream) = self.incoming.get_mut(&id) {
                    stream.lost_max_data_update(update.max);
                }
            }
        }
    }

    /// Opens `id` and, as a packet with their first pieces may be late, all below it.
    fn open_incoming(&mut self, id: u64) -> Result<(), Violation> {
        let Some(more) = id.checked_sub(self.next_incoming) else { return Ok(()) };
        let open = self.incoming.len() + self.aborts.unwanted();
        let room = MAX_INCOMING.saturating_sub(open) as u64;
        if more >= room {
            return Err(Violation::TooManyStreams);
        }
        for new in self.next_incoming..=id {
            self.incoming.insert(new, ReceiveStream::default());
        }
        self.next_incoming = id + 1;
        Ok(())
    }
}

/// What a stream may use of the credit of all.
fn credit_of(id: u64, credit: u64) -> u64 {
    if id == 0 { credit } else { credit.saturating_sub(RESERVED) }
}

/// How far the peer may send, and when to tell it so.
#[derive(Clone, Copy, Debug)]
struct Window {
    size: u64,
    /// What `size` may become.
    largest: u64,
    announced: u64,
    again: bool,
    /// How much had been read when the present half of the window began, and when that was.
    half: (u64, Option<Instant>),
}

impl Window {
    fn new(size: u64, largest: u64) -> Self {
        Self { size, largest, announced: size, again: false, half: (0, None) }
    }

    /// Whether so much of the window was read that the peer should know, or the last update was lost.
    fn is_due(&self, read: u64) -> bool {
        let moved = read.saturating_add(self.size).saturating_sub(self.announced);
        self.again || moved >= self.size / UPDATES
    }

    /// A larger window, if a larger one is allowed.
    fn grow_to(&mut self, size: u64) {
        let size = size.min(self.largest);
        if size > self.size {
            self.size = size;
            self.again = true;
        }
    }

    /// Whether the peer, which has sent up to `highest`, will soon have to stop, and need not: what we say
    /// takes half a round trip, and it may send twice as much in each.
    fn is_half_used_up(&self, highest: u64) -> bool {
        self.size < self.largest && self.announced.saturating_sub(highest) <= self.size / 2
    }

    /// The new limit, if it is due.
    fn update(&mut self, read: u64, now: Instant, rtt: Option<Duration>) -> Option<u64> {
        if !self.is_due(read) {
            return None;
        }
        let (from, since) = self.half;
        if read.saturating_sub(from) >= self.size / 2 {
            self.half = (read, Some(now));
            if let (Some(since), Some(rtt)) = (since, rtt)
                && now.saturating_duration_since(since) < rtt.saturating_mul(2)
            {
                self.grow_to(self.size.saturating_mul(2));
            }
        }
        self.again = false;
        self.announced = self.announced.max(read.saturating_add(self.size));
        Some(self.announced)
    }

    /// An update was lost. It matters only if no later one has been sent.
    fn lost(&mut self, max: u64) {
        self.again |= max == self.announced;
    }
}
