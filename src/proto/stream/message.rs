//! Messages on a stream: four bytes of length, most significant first, then the message.

use super::receive::ReceiveStream;
use super::send::{SEND_BUFFER, SendStream};
use super::{STREAM_WINDOW, Violation, WriteError};

/// The longest message: 64 KiB of text, and a header of whoever sends it.
pub const MAX_MESSAGE: usize = (64 << 10) + (1 << 10);

const LENGTH: usize = size_of::<u32>();

// A whole message fits into what is left of a window that is not yet worth an update, so a reader
// that waits for whole messages never waits for ever.
const _: () = assert!((MAX_MESSAGE + LENGTH) as u64 <= STREAM_WINDOW / 2);
const _: () = assert!(MAX_MESSAGE + LENGTH <= SEND_BUFFER);

/// How many bytes of the stream `message` takes.
pub(super) fn encoded_len(message: &[u8]) -> usize {
    LENGTH + message.len()
}

/// Appends a whole message or nothing, and returns the offset of its end.
pub(super) fn write(stream: &mut SendStream, message: &[u8]) -> Result<u64, WriteError> {
    let length = u32::try_from(message.len()).map_err(|_| WriteError::TooLong)?;
    if message.len() > MAX_MESSAGE {
        return Err(WriteError::TooLong);
    }
    if stream.room() < encoded_len(message) {
        return Err(WriteError::Full);
    }
    stream.write(&length.to_be_bytes());
    stream.write(message);
    Ok(stream.end())
}

/// Reads the next message if all of it is there.
pub(super) fn read(stream: &mut ReceiveStream) -> Result<Option<Vec<u8>>, Violation> {
    let Some(length) = stream.peek::<LENGTH>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Violation::Message)?;
    if length > MAX_MESSAGE {
        return Err(Violation::Message);
    }
    if stream.available() < LENGTH + length {
        return Ok(None);
    }
    stream.skip(LENGTH);
    let mut message = Vec::new();
    stream.read_some(length, &mut message);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_four_bytes_of_length_and_itself() {
        let mut stream = SendStream::default();
        assert_eq!(write(&mut stream, b"hi"), Ok(6));
        let chunk = stream.poll_chunk(100, 100).expect("something was written");
        assert_eq!(stream.pieces(0, chunk.len).concat(), b"\0\0\0\x02hi");
    }

    #[test]
    fn half_a_message_waits_for_the_other_half() {
        let mut stream = ReceiveStream::default();
        assert_eq!(stream.on_data(0, b"\0\0\0\x02h", false), Ok(()));
        assert_eq!(read(&mut stream), Ok(None));
        assert_eq!(stream.on_data(5, b"i\0\0\0\0", false), Ok(()));
        assert_eq!(read(&mut stream), Ok(Some(b"hi".into())));
        assert_eq!(read(&mut stream), Ok(Some(vec![])));
        assert_eq!(read(&mut stream), Ok(None));
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_by_both_sides() {
        assert_eq!(
            write(&mut SendStream::default(), &vec![0; MAX_MESSAGE + 1]),
            Err(WriteError::TooLong)
        );
        let mut stream = ReceiveStream::default();
        let length = u32::try_from(MAX_MESSAGE + 1).expect("it is small");
        assert_eq!(stream.on_data(0, &length.to_be_bytes(), false), Ok(()));
        assert_eq!(read(&mut stream), Err(Violation::Message));
    }

    #[test]
    fn a_message_for_which_there_is_no_room_is_not_begun() {
        let mut stream = SendStream::default();
        stream.write(&vec![0; SEND_BUFFER - 5]);
        assert_eq!(write(&mut stream, b"hi"), Err(WriteError::Full));
        assert_eq!(write(&mut stream, b"h"), Ok(SEND_BUFFER as u64));
    }
}
