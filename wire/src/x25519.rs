//! X25519 (RFC 7748 §5), from `aws-lc-rs`: each handshake computes four shared secrets on either side, and
//! there is hardly anything else in it that takes time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use snow::types::{Dh, Random};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a key of either kind, and of a shared secret.
const LENGTH: usize = 32;

/// Of how many others the shared secret is remembered at most: the neighbours of a large network.
const MOST_REMEMBERED: usize = 64;

/// A secret, with the public key that belongs to it. Computing that one takes about as long as half a shared
/// secret, so whoever has a secret for long keeps both. Wiped when dropped.
pub(crate) struct Secret {
    bytes: [u8; LENGTH],
    public: [u8; LENGTH],
    /// The secret once more, as the library wants it, which wipes it too.
    key: PrivateKey,
    /// What it shares with others that will be asked about again, the newest last.
    remembered: Mutex<VecDeque<Shared>>,
}

/// What somebody shares with the owner of another key. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Shared {
    other: [u8; LENGTH],
    secret: [u8; LENGTH],
}

impl Secret {
    pub(crate) fn new(bytes: [u8; LENGTH]) -> Self {
        let key = PrivateKey::from_private_key(&X25519, &bytes).expect("any 32 bytes are a secret");
        let computed = key.compute_public_key().expect("every secret has a public key");
        let mut public = [0; LENGTH];
        public.copy_from_slice(computed.as_ref());
        Self { bytes, public, key, remembered: Mutex::default() }
    }

    pub(crate) fn bytes(&self) -> &[u8; LENGTH] {
        &self.bytes
    }

    pub(crate) fn public(&self) -> &[u8; LENGTH] {
        &self.public
    }

    /// What the owners of both keys can compute, and nobody else.
    ///
    /// `None` for one of the few keys of low order, with which everybody can (RFC 7748 §6.1).
    pub(crate) fn agree(&self, other: &[u8; LENGTH]) -> Option<[u8; LENGTH]> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = remembered.iter().find(|shared| shared.other == *other) {
            return Some(shared.secret);
        }
        drop(remembered);
        let mut shared = [0; LENGTH];
        let other = UnparsedPublicKey::new(&X25519, other);
        agreement::agree(&self.key, other, (), |agreed| {
            shared.copy_from_slice(agreed);
            Ok(())
        })
        .ok()?;
        Some(shared)
    }

    /// As [`agree`](Self::agree), with a key that lasts: it is not computed again as long as not too many others
    /// have been asked about.
    pub(crate) fn agree_for_long(&self, other: &[u8; LENGTH]) -> Option<[u8; LENGTH]> {
        let secret = self.agree(other)?;
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if !remembered.iter().any(|shared| shared.other == *other) {
            // All the room at once: what moves when there is too little is not wiped where it was.
            if remembered.capacity() == 0 {
                remembered.reserve_exact(MOST_REMEMBERED);
            }
            if remembered.len() >= MOST_REMEMBERED {
                remembered.pop_front();
            }
            remembered.push_back(Shared { other: *other, secret });
        }
        Some(secret)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// A key pair as Noise uses it.
#[derive(Default)]
pub(crate) struct KeyPair {
    /// One that it may be told to use.
    known: Option<Arc<Secret>>,
    secret: Option<Arc<Secret>>,
}

impl KeyPair {
    /// A pair that is none yet. If it becomes the one that is known, nothing is computed anew.
    pub(crate) fn knowing(known: Arc<Secret>) -> Self {
        Self { known: Some(known), secret: None }
    }
}

impl Dh for KeyPair {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        LENGTH
    }

    fn priv_len(&self) -> usize {
        LENGTH
    }

    fn set(&mut self, privkey: &[u8]) {
        // In constant time: what is compared is a secret, though nobody chooses what with.
        let is_it = |known: &Arc<Secret>| verify_slices_are_equal(&known.bytes, privkey).is_ok();
        let known = self.known.take().filter(is_it);
        self.secret = Some(known.unwrap_or_else(|| {
            let mut bytes = [0; LENGTH];
            bytes.copy_from_slice(privkey);
            let secret = Arc::new(Secret::new(bytes));
            bytes.zeroize();
            secret
        }));
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut secret = [0; LENGTH];
        rng.try_fill_bytes(&mut secret)?;
        self.set(&secret);
        secret.zeroize();
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        self.secret.as_ref().map_or(&[0; LENGTH], |secret| &secret.public)
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_ref().map_or(&[0; LENGTH], |secret| &secret.bytes)
    }

    /// Fails where the other side's key contributes nothing.
    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        // Noise hands over a buffer that is as long as the longest key it knows.
        let other = pubkey.first_chunk().ok_or(snow::Error::Dh)?;
        let own = self.secret.as_ref().ok_or(snow::Error::Dh)?;
        let mut shared = own.agree(other).ok_or(snow::Error::Dh)?;
        out.get_mut(..LENGTH).ok_or(snow::Error::Dh)?.copy_from_slice(&shared);
        shared.zeroize();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn agree(secret: &[u8; 32], other: &[u8; 32]) -> Option<[u8; 32]> {
        Secret::new(*secret).agree(other)
    }

    proptest! {
        #[test]
        fn another_implementation_computes_the_same(secret: [u8; 32], other: [u8; 32]) {
            let expected = x25519_dalek::x25519(secret, other);
            prop_assert_eq!(agree(&secret, &other), (expected != [0; 32]).then_some(expected));
            let base = x25519_dalek::X25519_BASEPOINT_BYTES;
            prop_assert_eq!(*Secret::new(secret).public(), x25519_dalek::x25519(secret, base));
        }
    }

    #[test]
    fn a_key_of_low_order_is_refused() {
        // Zero, one and minus one.
        let mut one = [0; 32];
        one[0] = 1;
        let mut order = [0xff; 32];
        (order[0], order[31]) = (0xec, 0x7f);
        for low in [[0; 32], one, order] {
            assert_eq!(agree(&[7; 32], &low), None);
            let mut pair = KeyPair::default();
            pair.set(&[7; 32]);
            assert!(pair.dh(&low, &mut [0; 32]).is_err());
        }
    }

    #[test]
    fn what_is_remembered_is_what_would_be_computed_and_is_never_much() {
        let secret = Secret::new([7; 32]);
        let others: Vec<[u8; 32]> = (1..=100).map(|n| *Secret::new([n; 32]).public()).collect();
        for other in &others {
            let computed = agree(&[7; 32], other);
            assert_eq!(secret.agree_for_long(other), computed);
            assert_eq!(secret.agree_for_long(other), computed);
            assert_eq!(secret.agree(other), computed);
        }
        assert_eq!(secret.agree(&others[0]), agree(&[7; 32], &others[0]));
        assert_eq!(secret.agree_for_long(&[0; 32]), None);
        let remembered = secret.remembered.lock().expect("nobody panicked");
        assert!(
            remembered
                .iter()
                .map(|shared| shared.other)
                .eq(others[100 - MOST_REMEMBERED..].to_vec())
        );
    }

    #[test]
    fn a_pair_is_what_it_is_set_to_whatever_it_knows() {
        let known = Arc::new(Secret::new([7; 32]));
        for bytes in [[7; 32], [8; 32]] {
            let mut pair = KeyPair::knowing(Arc::clone(&known));
            pair.set(&bytes);
            assert_eq!(pair.privkey(), bytes);
            assert_eq!(pair.pubkey(), Secret::new(bytes).public());
        }
    }

    #[test]
    fn the_first_vector_of_rfc_7748_comes_out() {
        let bytes = |hex: &str| -> [u8; 32] {
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex");
            bytes.try_into().expect("32 bytes")
        };
        let scalar = bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
        let point = bytes("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let product = bytes("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
        assert_eq!(agree(&scalar, &point), Some(product));
    }
}
