//! The seal on every datagram after the handshake: nonce = packet number, and ChaCha20-Poly1305, unless the two
//! sides have agreed on AES-256-GCM because both compute it in hardware.
//!
//! `ring` is used directly, with the keys that the Noise handshake ends in: it seals in place, it
//! takes the clear header as associated data, and a key at rest is 32 bytes, where `snow`'s
//! transport state copies, has no associated data and holds over a kilobyte. The result is what
//! Noise's `EncryptWithAd` defines for ChaChaPoly and AESGCM (rev. 34 §5.1, §12.3, §12.4).

use ring::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that the seal adds.
pub const TAG: usize = 16;

/// What seals. Both take 32 bytes of key and add [`TAG`] bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Cipher {
    /// ChaCha20-Poly1305 (RFC 8439): fast, and free of tables, on every processor.
    #[default]
    ChaCha20Poly1305,
    /// AES-256-GCM (NIST SP 800-38D): faster where the processor has it built in, and used nowhere else.
    Aes256Gcm,
}

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
        let key = |bytes| SealingKey { bytes, cipher: Cipher::default() };
        Self { send: key(send), receive: key(receive) }
    }

    /// The same keys for another cipher. To be called before anything is sealed with them, by both sides.
    #[must_use]
    pub fn under(mut self, cipher: Cipher) -> Self {
        self.send.cipher = cipher;
        self.receive.cipher = cipher;
        self
    }
}

/// One direction's key.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SealingKey {
    bytes: [u8; 32],
    #[zeroize(skip)]
    cipher: Cipher,
}

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
            .seal_in_place_separate_tag(
                self.nonce(packet_number),
                Aad::from(header),
                &mut out[start..],
            )
            .expect("a datagram is far shorter than either cipher's limit");
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
            .seal_in_place_separate_tag(self.nonce(packet_number), Aad::from(&*aad), body)
            .expect("a datagram is far shorter than either cipher's limit");
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
        let opened =
            self.key().open_in_place(self.nonce(packet_number), Aad::from(header), ciphertext);
        opened.map(|text| &*text).map_err(|_| BrokenSeal)
    }

    fn key(&self) -> LessSafeKey {
        let algorithm = match self.cipher {
            Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
            Cipher::Aes256Gcm => &AES_256_GCM,
        };
        let key = UnboundKey::new(algorithm, &self.bytes);
        LessSafeKey::new(key.expect("the array has the key's length"))
    }

    /// Noise rev. 34 §12.3, §12.4: 32 bits of zeros, then the number, which ends differ about.
    fn nonce(&self, packet_number: u64) -> Nonce {
        let mut bytes = [0; 12];
        bytes[4..].copy_from_slice(&match self.cipher {
            Cipher::ChaCha20Poly1305 => packet_number.to_le_bytes(),
            Cipher::Aes256Gcm => packet_number.to_be_bytes(),
        });
        Nonce::assume_unique_for_key(bytes)
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8, cipher: Cipher) -> SealingKey {
        SealingKey { bytes: [byte; 32], cipher }
    }

    const CIPHERS: [Cipher; 2] = [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm];

    #[test]
    fn header_number_and_text_are_all_under_the_seal() {
        for cipher in CIPHERS {
            let [key, other] = [1, 2].map(|byte| key(byte, cipher));
            let mut packet = b"header".to_vec();
            key.seal(7, b"header", b"body", &mut packet);
            let sealed = &packet[6..];
            assert_eq!(key.open(7, b"header", sealed).as_deref(), Ok(&b"body"[..]));
            assert_eq!(key.open(8, b"header", sealed), Err(BrokenSeal));
            assert_eq!(key.open(7, b"Header", sealed), Err(BrokenSeal));
            assert_eq!(key.open(7, b"header", &sealed[..19]), Err(BrokenSeal));
            assert_eq!(key.open(7, b"header", &[]), Err(BrokenSeal));
            assert_eq!(other.open(7, b"header", sealed), Err(BrokenSeal));
        }
    }

    #[test]
    fn a_packet_under_one_cipher_does_not_open_under_the_other() {
        for [one, other] in [CIPHERS, [CIPHERS[1], CIPHERS[0]]] {
            let mut sealed = Vec::new();
            key(1, one).seal(7, b"header", b"body", &mut sealed);
            assert_eq!(key(1, other).open(7, b"header", &sealed), Err(BrokenSeal));
        }
    }

    #[test]
    fn sealing_in_place_gives_the_same_packet() {
        let key = key(1, Cipher::default());
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
