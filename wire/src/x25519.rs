//! X25519 (RFC 7748 §5), from `aws-lc-rs`: each handshake computes four shared secrets on either side, and
//! there is hardly anything else in it that takes time.

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use snow::types::{Dh, Random};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a key of either kind, and of a shared secret.
const LENGTH: usize = 32;

/// The public key that belongs to a secret.
pub(crate) fn public(secret: &[u8; LENGTH]) -> [u8; LENGTH] {
    public_of(&key(secret))
}

fn public_of(secret: &PrivateKey) -> [u8; LENGTH] {
    let public = secret.compute_public_key().expect("every secret has a public key");
    let mut bytes = [0; LENGTH];
    bytes.copy_from_slice(public.as_ref());
    bytes
}

/// What the owners of both keys can compute, and nobody else.
///
/// `None` for one of the few keys of low order, with which everybody can (RFC 7748 §6.1).
pub(crate) fn agree(secret: &[u8; LENGTH], other: &[u8; LENGTH]) -> Option<[u8; LENGTH]> {
    agree_with(&key(secret), other)
}

fn agree_with(secret: &PrivateKey, other: &[u8; LENGTH]) -> Option<[u8; LENGTH]> {
    let mut shared = [0; LENGTH];
    let other = UnparsedPublicKey::new(&X25519, other);
    agreement::agree(secret, other, (), |agreed| {
        shared.copy_from_slice(agreed);
        Ok(())
    })
    .ok()?;
    Some(shared)
}

fn key(secret: &[u8; LENGTH]) -> PrivateKey {
    PrivateKey::from_private_key(&X25519, secret).expect("any 32 bytes are a secret")
}

/// A key pair as Noise uses it. Wiped when dropped.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub(crate) struct KeyPair {
    secret: [u8; LENGTH],
    public: [u8; LENGTH],
    /// The secret once more, as the library wants it, which wipes it too.
    #[zeroize(skip)]
    key: Option<PrivateKey>,
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
        self.secret.copy_from_slice(privkey);
        let key = key(&self.secret);
        self.public = public_of(&key);
        self.key = Some(key);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut secret = [0; LENGTH];
        rng.try_fill_bytes(&mut secret)?;
        self.set(&secret);
        secret.zeroize();
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.secret
    }

    /// Fails where the other side's key contributes nothing.
    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        // Noise hands over a buffer that is as long as the longest key it knows.
        let other = pubkey.first_chunk().ok_or(snow::Error::Dh)?;
        let own = self.key.as_ref().ok_or(snow::Error::Dh)?;
        let mut shared = agree_with(own, other).ok_or(snow::Error::Dh)?;
        out.get_mut(..LENGTH).ok_or(snow::Error::Dh)?.copy_from_slice(&shared);
        shared.zeroize();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn another_implementation_computes_the_same(secret: [u8; 32], other: [u8; 32]) {
            let expected = x25519_dalek::x25519(secret, other);
            prop_assert_eq!(agree(&secret, &other), (expected != [0; 32]).then_some(expected));
            let base = x25519_dalek::X25519_BASEPOINT_BYTES;
            prop_assert_eq!(public(&secret), x25519_dalek::x25519(secret, base));
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
