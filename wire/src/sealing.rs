//! The seal on every datagram after the handshake: ChaCha20-Poly1305, nonce = packet number.
//!
//! `ring` is used directly, with the keys that the Noise handshake ends in: it seals in place, it
//! takes the clear header as associated data, and a key at rest is 32 bytes, where `snow`'s
//! transport state copies, has no associated data and holds over a kilobyte. The result is what
//! Noise's `EncryptWithAd` defines for ChaChaPoly (rev. 34 §5.1, §12.3).

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that the seal adds.
pub const TAG: usize = 16;

/// The keys of one channel, one for each way. Wiped when dropped.
#[derive(Debug)]
pub struct Keys {
    /// For what we send.
    pub send: SealingKey,
    /// For what the other side sends.
    pub receive: SealingKey,
}

impl Keys {
    /// Keys from a handshake's raw split.
    #[must_use]
    pub fn new(send: [u8; 32], receive: [u8; 32]) -> Self {
        Self { send: SealingKey(send), receive: SealingKey(receive) }
    }
}

/// One direction's key.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SealingKey([u8; 32]);

/// A packet was changed on the way, or sealed by somebody else.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the seal does not hold")]
pub struct BrokenSeal;

impl SealingKey {
    /// Seals `plaintext` and appends ciphertext and tag to `out`.
    ///
    /// The caller never uses a packet number twice.
    pub fn seal(&self, packet_number: u64, header: &[u8], plaintext: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(plaintext);
        let tag = self
            .key()
            .seal_in_place_separate_tag(nonce(packet_number), Aad::from(header), &mut out[start..])
            .expect("a datagram is far shorter than ChaCha20's limit");
        out.extend_from_slice(tag.as_ref());
    }

    /// Seals the part of `packet` after its first `header` bytes in place and appends the tag.
    ///
    /// # Panics
    ///
    /// If `packet` is shorter than `header`.
    pub fn seal_in_place(&self, packet_number: u64, header: usize, packet: &mut Vec<u8>) {
        self.seal_last(packet_number, 0, header, packet);
    }

    /// Seals the last of several packets in one buffer, which begins at `start` with `header` bytes that
    /// stay clear.
    ///
    /// # Panics
    ///
    /// If the buffer ends before the header.
    pub fn seal_last(&self, packet_number: u64, start: usize, header: usize, buffer: &mut Vec<u8>) {
        let (aad, body) = buffer[start..].split_at_mut(header);
        let tag = self
            .key()
            .seal_in_place_separate_tag(nonce(packet_number), Aad::from(&*aad), body)
            .expect("a datagram is far shorter than ChaCha20's limit");
        buffer.extend_from_slice(tag.as_ref());
    }

    /// Opens a sealed packet into a new buffer.
    ///
    /// # Errors
    ///
    /// [`BrokenSeal`] if anything of header, number or ciphertext is not as it was sealed.
    pub fn open(
        &self,
        packet_number: u64,
        header: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, BrokenSeal> {
        let mut buffer = ciphertext.to_vec();
        let length = self.open_in_place(packet_number, header, &mut buffer)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }

    /// Opens a sealed packet where it lies; the text takes the place of the ciphertext, without the tag.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open). What is in `ciphertext` then is worth nothing.
    pub fn open_in_place<'a>(
        &self,
        packet_number: u64,
        header: &[u8],
        ciphertext: &'a mut [u8],
    ) -> Result<&'a [u8], BrokenSeal> {
        let opened = self.key().open_in_place(nonce(packet_number), Aad::from(header), ciphertext);
        opened.map(|text| &*text).map_err(|_| BrokenSeal)
    }

    fn key(&self) -> LessSafeKey {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &self.0);
        LessSafeKey::new(key.expect("the array has the key's length"))
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// Noise rev. 34 §12.3: 32 bits of zeros, then the little-endian number.
fn nonce(packet_number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&packet_number.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_number_and_text_are_all_under_the_seal() {
        let key = SealingKey([1; 32]);
        let mut packet = b"header".to_vec();
        key.seal(7, b"header", b"body", &mut packet);
        let sealed = &packet[6..];
        assert_eq!(key.open(7, b"header", sealed).as_deref(), Ok(&b"body"[..]));
        assert_eq!(key.open(8, b"header", sealed), Err(BrokenSeal));
        assert_eq!(key.open(7, b"Header", sealed), Err(BrokenSeal));
        assert_eq!(key.open(7, b"header", &sealed[..19]), Err(BrokenSeal));
        assert_eq!(key.open(7, b"header", &[]), Err(BrokenSeal));
        assert_eq!(SealingKey([2; 32]).open(7, b"header", sealed), Err(BrokenSeal));
    }

    #[test]
    fn sealing_in_place_gives_the_same_packet() {
        let key = SealingKey([1; 32]);
        let mut apart = b"header".to_vec();
        key.seal(7, b"header", b"body", &mut apart);
        let mut within = b"headerbody".to_vec();
        key.seal_in_place(7, 6, &mut within);
        assert_eq!(apart, within);
        let mut train = b"first".to_vec();
        train.extend(b"headerbody");
        key.seal_last(7, 5, 6, &mut train);
        assert_eq!(train[5..], within);
        assert_eq!(key.open_in_place(7, b"header", &mut train[11..]), Ok(&b"body"[..]));
    }
}
