//! Datagrams in a stream of bytes, for networks that let no UDP through.
//!
//! A *carrier* is a TCP connection between a peer and a rendezvous, bare or inside TLS, that carries
//! the same datagrams as UDP, sealed as they are. Each side begins with [`PREFACE`]; then every
//! datagram follows its length in two bytes, big-endian. A carrier promises no more than UDP does:
//! either end may leave a datagram out when its queue is full, and a carrier that breaks takes with
//! it what was on its way.
//!
//! [`Batch`] is the writing end, [`Decoder`] the reading one. It holds one datagram at most, whatever
//! lengths arrive.

use crate::MAX_DATAGRAM;
use crate::datagram::RELAY_HEADER;

/// What each side says first: the name of the protocol and the version of the carrier.
///
/// Its first byte is no TLS record (0x16 is a handshake, RFC 8446 §5.1), so that one port can take
/// both, and nothing that speaks HTTP takes it for a request.
pub const PREFACE: [u8; 8] = *b"p2pchat\x01";

/// The first byte of a TLS connection: a handshake record (RFC 8446 §5.1).
pub const TLS_HANDSHAKE: u8 = 0x16;

/// The longest datagram that is carried: the longest there is, relayed.
pub const MAX_CARRIED: usize = MAX_DATAGRAM + RELAY_HEADER;

/// Bytes before each datagram: its length.
const HEADER: usize = 2;

/// A stream is no carrier, or one that has lost its way. It cannot be read any further.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CarrierError {
    /// It does not begin with [`PREFACE`].
    #[error("the other side speaks another protocol")]
    NotACarrier,
    /// A length of zero, or above [`MAX_CARRIED`].
    #[error("a datagram of {0} bytes cannot be")]
    Length(u16),
}

/// Appends a datagram and its length to `stream`; says whether it could be carried at all.
pub fn append(datagram: &[u8], stream: &mut Vec<u8>) -> bool {
    let length = u16::try_from(datagram.len()).ok().filter(|&length| is_possible(length));
    if let Some(length) = length {
        stream.extend(length.to_be_bytes());
        stream.extend(datagram);
    }
    length.is_some()
}

/// What is written to a stream next: datagrams that are there at the same time leave together. The
/// first begins with [`PREFACE`].
#[derive(Debug)]
pub struct Batch {
    bytes: Vec<u8>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { bytes: PREFACE.to_vec() }
    }
}

impl Batch {
    /// A batch that holds this many bytes takes no more: writing has a price for each call, and
    /// beyond this it is lost among the bytes.
    const FULL: usize = 16_384;

    /// Adds a datagram. One that cannot be carried is left out.
    pub fn push(&mut self, datagram: &[u8]) {
        append(datagram, &mut self.bytes);
    }

    /// Whether it is time to write.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= Self::FULL
    }

    /// What is to be written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// It has been written; the next batch begins.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Takes a stream apart, however it is cut into pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    /// How much of the preface has come.
    preface: usize,
    /// The beginning of a datagram whose end is missing, with its length before it.
    partial: Vec<u8>,
    /// Whether `partial` was whole and has been handed out.
    taken: bool,
}

impl Decoder {
    /// The next whole datagram; what it was made of is taken away from `bytes`. Without one, all of
    /// `bytes` is taken and the rest of the datagram is awaited.
    ///
    /// # Errors
    ///
    /// [`CarrierError`]: the stream is to be closed.
    pub fn next<'s, 'b: 's>(
        &'s mut self,
        bytes: &mut &'b [u8],
    ) -> Result<Option<&'s [u8]>, CarrierError> {
        self.expect_preface(bytes)?;
        if std::mem::take(&mut self.taken) {
            self.partial.clear();
        }
        if self.partial.is_empty()
            && let Some((header, rest)) = bytes.split_first_chunk::<HEADER>()
            && let Some((datagram, rest)) = rest.split_at_checked(length(*header)?)
        {
            *bytes = rest;
            return Ok(Some(datagram));
        }
        self.take(HEADER, bytes);
        let Some(header) = self.partial.first_chunk::<HEADER>() else { return Ok(None) };
        let whole = HEADER + length(*header)?;
        self.take(whole, bytes);
        self.taken = self.partial.len() == whole;
        Ok(self.taken.then(|| &self.partial[HEADER..]))
    }

    fn expect_preface(&mut self, bytes: &mut &[u8]) -> Result<(), CarrierError> {
        let missing = &PREFACE[self.preface..];
        let (head, rest) = bytes.split_at(missing.len().min(bytes.len()));
        if !missing.starts_with(head) {
            return Err(CarrierError::NotACarrier);
        }
        self.preface += head.len();
        *bytes = rest;
        Ok(())
    }

    /// Moves bytes over until `partial` has `wanted`, as far as there are.
    fn take(&mut self, wanted: usize, bytes: &mut &[u8]) {
        let missing = wanted.saturating_sub(self.partial.len());
        let (head, rest) = bytes.split_at(missing.min(bytes.len()));
        self.partial.extend(head);
        *bytes = rest;
    }
}

fn length(header: [u8; HEADER]) -> Result<usize, CarrierError> {
    let length = u16::from_be_bytes(header);
    if is_possible(length) { Ok(length.into()) } else { Err(CarrierError::Length(length)) }
}

fn is_possible(length: u16) -> bool {
    length > 0 && usize::from(length) <= MAX_CARRIED
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Reads what arrives piece by piece.
    fn read<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<Vec<u8>>, Result<(), CarrierError>) {
        let (mut decoder, mut datagrams) = (Decoder::default(), Vec::new());
        for mut piece in pieces {
            loop {
                match decoder.next(&mut piece) {
                    Ok(Some(datagram)) => datagrams.push(datagram.to_vec()),
                    Ok(None) => break,
                    Err(error) => return (datagrams, Err(error)),
                }
            }
            assert!(piece.is_empty());
            assert!(decoder.partial.len() <= HEADER + MAX_CARRIED);
        }
        (datagrams, Ok(()))
    }

    #[test]
    fn the_longest_datagram_is_carried_and_no_longer_one() {
        let mut stream = PREFACE.to_vec();
        assert!(append(&[7; MAX_CARRIED], &mut stream));
        assert!(!append(&[7; MAX_CARRIED + 1], &mut stream));
        assert!(!append(&[], &mut stream));
        assert_eq!(read([&stream[..]]), (vec![vec![7; MAX_CARRIED]], Ok(())));
    }

    #[test]
    fn batches_make_one_stream_and_none_grows_without_end() {
        let (mut batch, mut stream, mut count) = (Batch::default(), Vec::new(), 0);
        for _ in 0..3 {
            while !batch.is_full() {
                batch.push(&[7; MAX_CARRIED]);
                batch.push(&[]);
                count += 1;
            }
            assert!(batch.bytes().len() < Batch::FULL + HEADER + MAX_CARRIED);
            stream.extend_from_slice(batch.bytes());
            batch.clear();
        }
        assert_eq!(read(stream.chunks(1000)), (vec![vec![7; MAX_CARRIED]; count], Ok(())));
    }

    #[test]
    fn an_impossible_length_ends_the_stream_before_a_byte_of_it_is_kept() {
        for wrong in [0, MAX_CARRIED as u16 + 1, u16::MAX] {
            let mut stream = PREFACE.to_vec();
            append(b"hello", &mut stream);
            stream.extend(wrong.to_be_bytes());
            let expected = (vec![b"hello".to_vec()], Err(CarrierError::Length(wrong)));
            assert_eq!(read([&stream[..]]), expected);
            assert_eq!(read(stream.chunks(1)), expected);
        }
    }

    #[test]
    fn another_protocol_is_noticed_at_its_first_strange_byte() {
        for stranger in [&b"GET / HTTP/1.1"[..], &[TLS_HANDSHAKE, 3, 1], b"p2pchat\x02", b"q"] {
            assert_eq!(read([stranger]), (Vec::new(), Err(CarrierError::NotACarrier)));
        }
        assert_eq!(read([&PREFACE[..7]]), (Vec::new(), Ok(())));
        assert_ne!(PREFACE[0], TLS_HANDSHAKE);
    }

    proptest! {
        #[test]
        fn what_was_appended_is_read_however_the_stream_is_cut(
            datagrams in vec(vec(any::<u8>(), 1..MAX_CARRIED), 0..8),
            cut in 1_usize..3000,
        ) {
            let mut stream = PREFACE.to_vec();
            for datagram in &datagrams {
                prop_assert!(append(datagram, &mut stream));
            }
            prop_assert_eq!(read(stream.chunks(cut)), (datagrams, Ok(())));
        }

        #[test]
        fn garbage_is_bounded_and_never_panics(
            bytes in vec(any::<u8>(), 0..4000),
            cut in 1_usize..500,
        ) {
            let stream = [&PREFACE[..], &bytes].concat();
            let _ = read(stream.chunks(cut));
            let _ = read(bytes.chunks(cut));
        }
    }
}
