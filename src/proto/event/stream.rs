//! Streams of bytes beside the messages: what an application asks of them, and what it is told.
//!
//! Each stream goes one way. Who opens it writes, under a number of its own; the other reads, under
//! the number that [`StreamEvent::Opened`] tells. Neither side can be flooded: a writer may write as
//! much as [`StreamEvent::Writable`] has allowed, and a reader is given as much as it has asked for.
//! What it has not asked for stays with the session, which holds a window's worth and lets the other
//! side send more only when that was taken.
//!
//! Streams belong to the session: they survive changes of path and of keys, and are gone with
//! [`Event::Disconnected`](super::Event::Disconnected), without further events.

/// A stream towards a peer: any number that the application has not used in this session.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Outgoing(pub u64);

/// A stream from a peer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Incoming(pub u64);

/// Something that an application wants of a stream. Without a session, and of a stream that is not
/// there any more, it is ignored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StreamCommand {
    /// Begin a stream. Answered by [`StreamEvent::Writable`], or by [`StreamEvent::Stopped`] with
    /// [`TOO_MANY_STREAMS`].
    Open {
        /// The new stream.
        stream: Outgoing,
        /// Those with lower numbers go first, and equal ones take turns. Messages have 0.
        priority: u8,
    },
    /// Write so many bytes, which have been allowed. What was not allowed is not sent, and gives the
    /// stream up.
    Write {
        /// Where.
        stream: Outgoing,
        /// What.
        data: Vec<u8>,
    },
    /// Nothing more is to be written: the stream ends after what was.
    Finish(Outgoing),
    /// Give a stream up: what was written and has not left will not.
    Reset {
        /// Which.
        stream: Outgoing,
        /// Why; the other side is told. Below [`TOO_MANY_STREAMS`].
        code: u32,
    },
    /// Ready for so many more bytes, beyond those asked for before.
    Read {
        /// Of which.
        stream: Incoming,
        /// How many.
        more: usize,
    },
    /// Of no use any more: what comes of it is dropped, and the other side asked to give it up.
    Stop {
        /// Which.
        stream: Incoming,
        /// Why; the other side is told. Below [`TOO_MANY_STREAMS`].
        code: u32,
    },
}

/// The code of a stream that was never opened: there were too many.
pub const TOO_MANY_STREAMS: u32 = u32::MAX;

/// Something that happened to a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StreamEvent {
    /// So many more bytes may be written, beyond those allowed before.
    Writable {
        /// To which.
        stream: Outgoing,
        /// How many.
        more: usize,
    },
    /// The peer has everything, the end included.
    Finished(Outgoing),
    /// The peer wants no more of one of our streams. It is given up.
    Stopped {
        /// Which.
        stream: Outgoing,
        /// Why.
        code: u32,
    },
    /// The peer has begun a stream. Nothing of it comes before it is asked for, but for the end of an
    /// empty one.
    Opened(Incoming),
    /// Bytes in order, at most as many as were asked for.
    Data {
        /// Of which.
        stream: Incoming,
        /// The bytes; none if there is nothing but the end.
        data: Vec<u8>,
        /// Whether these are the last.
        last: bool,
    },
    /// The peer has given up one of its streams. What was not read of it is lost.
    Reset {
        /// Which.
        stream: Incoming,
        /// Why.
        code: u32,
    },
}
