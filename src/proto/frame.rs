//! What two peers say inside a sealed datagram: a sequence of frames.
//!
//! Variants and fields are numbered by their order: append, never insert.

use std::net::SocketAddr;

use p2pchat_wire::codec::{self, DecodeError};
use serde::{Deserialize, Serialize, Serializer};

use super::punch::message::Message;
use super::recovery::ack_ranges::AckRanges;
use super::stream::{ChunkRecord, StreamChunk};

/// One frame. Data is borrowed from the datagram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and none takes anything from the heap"
)]
pub(crate) enum Frame<'a> {
    /// Asks for an acknowledgement and nothing else.
    Ping,
    /// Packets that arrived.
    Ack {
        /// Microseconds between the newest packet's arrival and this frame.
        delay_us: u32,
        /// Their numbers.
        ranges: AckRanges,
    },
    /// Bytes of a stream.
    Stream {
        /// Which stream.
        id: u64,
        /// Where in the stream the bytes begin.
        offset: u64,
        /// Whether the stream ends with them.
        fin: bool,
        /// The bytes.
        #[serde(borrow, serialize_with = "as_bytes")]
        data: &'a [u8],
    },
    /// The peer may send up to `max` bytes: of one stream, or of all together.
    Window {
        /// Which stream; `None` for the sum of all.
        stream: Option<u64>,
        /// Offset of the first byte that may not be sent.
        max: u64,
    },
    /// Is there a path? To be echoed where it came from, never acknowledged.
    Probe {
        /// Unguessable; comes back in the echo.
        token: u64,
    },
    /// Answers a probe.
    Echo {
        /// The probe's.
        token: u64,
    },
    /// Endpoints at which the sender may be reached directly. Replaces what was said before.
    Candidates {
        /// Grows; an older list that arrives late is ignored.
        generation: u32,
        /// At most [`MAX_CANDIDATES`].
        list: Vec<Candidate>,
    },
    /// The sender leaves.
    Close {
        /// 0: on purpose. 1: you broke the protocol.
        code: u8,
    },
    /// About a punch that is to be planned.
    Punch(Message),
    /// The sender gives one of its streams up: nothing of it comes any more.
    Reset {
        /// Which stream.
        stream: u64,
        /// Why, as the application says it.
        code: u32,
        /// How many bytes of it were sent: as many count for the windows.
        size: u64,
    },
    /// The sender has no use for the rest of one of the receiver's streams.
    Stop {
        /// Which stream.
        stream: u64,
        /// Why, as the application says it.
        code: u32,
    },
}

/// An endpoint that is offered to the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Candidate {
    /// Where.
    pub(crate) endpoint: SocketAddr,
    /// How the sender knows it.
    pub(crate) kind: CandidateKind,
}

/// How the sender knows an endpoint of its own (RFC 8445 §5.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) enum CandidateKind {
    /// An address of its machine.
    Host,
    /// A rendezvous sees it there: a NAT's choice.
    ServerReflexive,
    /// Its router forwards the port because it was asked to (RFC 6886, RFC 6887, UPnP-IGD).
    PortMapped,
}

/// A whole [`Frame::Ping`]. As many as one likes fill a datagram.
pub(crate) const PING: u8 = 0;

/// What a frame may claim at most: the largest payload that UDP carries, rounded up.
const MAX_FRAME: usize = 65_535;

/// The most endpoints that one side offers.
pub(crate) const MAX_CANDIDATES: usize = 12;

/// Bytes of a stream frame that are not data, at most: variant, three integers, a flag, a length.
pub(crate) const STREAM_OVERHEAD: usize = 1 + 9 + 9 + 1 + 3;

fn as_bytes<S: Serializer>(data: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(data)
}

impl Frame<'_> {
    /// Appends the frame to a packet.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        codec::encode_onto(self, out);
    }
}

/// Appends a [`Frame::Stream`] whose data may lie in two places.
pub(crate) fn encode_chunk(chunk: &StreamChunk<'_>, out: &mut Vec<u8>) {
    const STREAM: u32 = 2;
    let ChunkRecord { id, offset, len, fin } = chunk.record;
    codec::encode_onto(&(STREAM, id, offset, fin, len), out);
    chunk.data.iter().for_each(|piece| out.extend_from_slice(piece));
}

/// Appends a [`Frame::Ack`] with ranges that somebody else keeps.
pub(crate) fn encode_acknowledgement(delay_us: u32, ranges: &AckRanges, out: &mut Vec<u8>) {
    const ACK: u32 = 1;
    codec::encode_onto(&(ACK, delay_us, ranges), out);
}

/// The frames of an opened packet, one by one.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Reads the frames of `packet`.
    pub(crate) fn new(packet: &'a [u8]) -> Self {
        Self { rest: packet }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        // A datagram that only shows how long it may be is full of pings: all of them ask once.
        let pings = self.rest.iter().take_while(|byte| **byte == PING).count();
        if pings > 0 {
            self.rest = self.rest.get(pings..).unwrap_or_default();
            return Some(Ok(Frame::Ping));
        }
        let outcome = codec::decode_prefix::<Frame<'a>, MAX_FRAME>(self.rest);
        Some(match outcome {
            Ok((frame, used)) if used > 0 => {
                self.rest = self.rest.get(used..).unwrap_or_default();
                match frame {
                    Frame::Candidates { ref list, .. } if list.len() > MAX_CANDIDATES => {
                        self.rest = &[];
                        Err(DecodeError::OutOfRange)
                    }
                    frame => Ok(frame),
                }
            }
            Ok(_) | Err(_) => {
                self.rest = &[];
                Err(DecodeError::Malformed)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_of_frames_is_read_as_it_was_written() {
        let frames = [
            Frame::Ping,
            Frame::Stream { id: 0, offset: 300, fin: false, data: b"hello" },
            Frame::Window { stream: Some(4), max: 9 },
            Frame::Probe { token: u64::MAX },
            Frame::Echo { token: 1 },
            Frame::Candidates {
                generation: 2,
                list: vec![Candidate {
                    endpoint: "[2001:db8::1]:9".parse().expect("address"),
                    kind: CandidateKind::ServerReflexive,
                }],
            },
            Frame::Close { code: 0 },
            Frame::Reset { stream: 2, code: 7, size: u64::MAX },
            Frame::Stop { stream: 3, code: u32::MAX },
        ];
        let mut packet = Vec::new();
        for frame in &frames {
            frame.encode(&mut packet);
        }
        let read: Result<Vec<_>, _> = Frames::new(&packet).collect();
        assert_eq!(read.expect("well formed"), frames);
    }

    #[test]
    fn what_is_encoded_from_where_it_lies_is_the_same_frame() {
        let (mut apart, mut whole) = (Vec::new(), Vec::new());
        let record = ChunkRecord { id: 7, offset: 70_000, len: 300, fin: true };
        encode_chunk(&StreamChunk { record, data: [&[1; 299], &[2]] }, &mut apart);
        let data = [&[1; 299][..], &[2]].concat();
        Frame::Stream { id: 7, offset: 70_000, fin: true, data: &data }.encode(&mut whole);
        let mut ranges = AckRanges::default();
        for number in [3, 4, 900] {
            ranges.insert(number);
        }
        encode_acknowledgement(25_000, &ranges, &mut apart);
        Frame::Ack { delay_us: 25_000, ranges }.encode(&mut whole);
        assert_eq!(apart, whole);
    }

    #[test]
    fn the_overhead_of_a_stream_frame_is_never_larger_than_promised() {
        let data = [0; 1000];
        let mut packet = Vec::new();
        Frame::Stream { id: u64::MAX, offset: u64::MAX, fin: true, data: &data }
            .encode(&mut packet);
        assert!(packet.len() <= STREAM_OVERHEAD + data.len());
    }

    #[test]
    fn a_run_of_pings_is_one_ping_and_what_follows_it_is_read() {
        let mut packet = vec![PING; 60_000];
        Frame::Echo { token: 1 }.encode(&mut packet);
        let read: Result<Vec<_>, _> = Frames::new(&packet).collect();
        assert_eq!(read.expect("well formed"), [Frame::Ping, Frame::Echo { token: 1 }]);
        let mut ping = Vec::new();
        Frame::Ping.encode(&mut ping);
        assert_eq!(ping, [PING]);
    }

    #[test]
    fn a_frame_may_fill_the_longest_datagram() {
        let data = vec![7; 65_000];
        let frame = Frame::Stream { id: 1, offset: 70_000, fin: false, data: &data };
        let mut packet = Vec::new();
        frame.encode(&mut packet);
        let read: Result<Vec<_>, _> = Frames::new(&packet).collect();
        assert_eq!(read.expect("well formed"), [frame]);
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_always_ends(bytes in proptest::collection::vec(any::<u8>(), 0..1300)) {
            let frames = Frames::new(&bytes).count();
            prop_assert!(frames <= bytes.len());
        }
    }
}
