//! Bounded encoding: `bincode` with a limit, and no byte left over.
//!
//! `bincode` without a limit believes a length it reads: ten hostile bytes can ask for 2^60 bytes
//! and abort the process. And it ignores what follows a value. Nothing in the workspace calls it
//! but these two functions.

use bincode::config;
use serde::{Deserialize, Serialize};

/// A value could not be read from bytes that somebody sent or stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are no encoding of the expected type, or ask for more than the limit.
    #[error("malformed")]
    Malformed,
    /// A value was read, and bytes follow it.
    #[error("trailing bytes")]
    Trailing,
    /// The datagram is shorter than its kind's header.
    #[error("truncated")]
    Truncated,
    /// The first byte names no kind that we know.
    #[error("unknown kind")]
    UnknownKind,
    /// The value was read but breaks a rule of its type.
    #[error("out of range")]
    OutOfRange,
}

/// Encodes `value`.
///
/// # Panics
///
/// Never for the types of this workspace: encoding fails only for types that refuse to serialise.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, config::standard())
        .expect("our types serialise without errors into a growing buffer")
}

/// Appends the encoding of `value` to `out`.
///
/// # Panics
///
/// Never for the types of this workspace, as [`encode`].
pub fn encode_onto<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    bincode::serde::encode_into_std_write(value, out, config::standard())
        .expect("our types serialise without errors into a growing buffer");
}

/// Decodes one value that fills `bytes` exactly, claiming at most `LIMIT` bytes of memory.
///
/// # Errors
///
/// [`DecodeError::Malformed`] if the bytes are no `T` or claim too much, [`DecodeError::Trailing`]
/// if something follows the value.
pub fn decode<'de, T: Deserialize<'de>, const LIMIT: usize>(
    bytes: &'de [u8],
) -> Result<T, DecodeError> {
    let (value, used) = decode_prefix::<T, LIMIT>(bytes)?;
    if used != bytes.len() {
        return Err(DecodeError::Trailing);
    }
    Ok(value)
}

/// Decodes one value from the start of `bytes` and says how many bytes it took.
///
/// For sequences of values, as the frames of a datagram.
///
/// # Errors
///
/// [`DecodeError::Malformed`] if the bytes start with no `T` or claim more than `LIMIT` bytes.
pub fn decode_prefix<'de, T: Deserialize<'de>, const LIMIT: usize>(
    bytes: &'de [u8],
) -> Result<(T, usize), DecodeError> {
    let config = config::standard().with_limit::<LIMIT>();
    bincode::serde::borrow_decode_from_slice(bytes, config).map_err(|_| DecodeError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ten_byte_bomb_is_refused_instead_of_allocated() {
        // Length 2^60 as bincode's widest varint, with nothing behind it.
        let mut bomb = vec![253];
        bomb.extend((1u64 << 60).to_le_bytes());
        bomb.push(0);
        assert_eq!(bomb.len(), 10);
        assert_eq!(decode::<String, 1200>(&bomb), Err(DecodeError::Malformed));
        assert_eq!(decode::<Vec<u8>, 1200>(&bomb), Err(DecodeError::Malformed));
    }

    #[test]
    fn bytes_after_the_value_are_an_error() {
        let mut bytes = encode(&7u32);
        assert_eq!(decode::<u32, 64>(&bytes), Ok(7));
        bytes.push(0);
        assert_eq!(decode::<u32, 64>(&bytes), Err(DecodeError::Trailing));
    }
}
