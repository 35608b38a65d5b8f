//! What somebody said, so that others can pass it on: signatures by the key that a peer is known by.
//!
//! The keys are X25519 keys. XEdDSA (T. Perrin, "The XEdDSA and VXEdDSA Signature Schemes", revision 1)
//! signs with them: each point of the curve in Montgomery's form is one of two in Edwards' form, the one
//! whose `x` is even is taken, and the secret is negated where that asks for it. From there on a signature
//! is an ordinary Ed25519 signature (RFC 8032), verified strictly. So a [`PeerId`] alone is enough to check
//! everything that its owner ever signed, and nothing has to be certified.
//!
//! One difference to the paper: the nonce comes from the message and a secret prefix, as in RFC 8032
//! §5.1.6, and not from the secret scalar and randomness. A verifier cannot tell.

use curve25519_dalek::MontgomeryPoint;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use sha2::Sha512;

use crate::identity::{Identity, PeerId};

/// The length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// A signature: `R` and `s` of RFC 8032 §5.1.6.
pub type Signature = [u8; SIGNATURE_LEN];

/// What is signed. A signature for one purpose is none for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Statement {
    /// The header of an entry in the log of a room.
    RoomEntry,
}

impl Statement {
    /// Stands before the message. No context is the beginning of another, because each ends in a zero.
    fn context(self) -> &'static [u8] {
        match self {
            Self::RoomEntry => b"p2pchat 1 room entry\0",
        }
    }

    fn about(self, message: &[u8]) -> Vec<u8> {
        [self.context(), message].concat()
    }
}

/// A message was not signed by this key, or the key is none that a seed could give.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the signature does not fit")]
pub struct InvalidSignature;

impl Identity {
    /// Signs `message`. The same message always gets the same signature.
    #[must_use]
    pub fn sign(&self, statement: Statement, message: &[u8]) -> Signature {
        // Wiped when dropped.
        let mut secret = ExpandedSecretKey {
            scalar: Scalar::from_bytes_mod_order(clamp_integer(*self.secret())),
            hash_prefix: blake3::derive_key("p2pchat 1 identity signature nonce", self.seed()),
        };
        let mut point = EdwardsPoint::mul_base(&secret.scalar);
        // The sign of `x` is public, as the key is.
        if point.compress().to_bytes()[31] >> 7 == 1 {
            secret.scalar = -secret.scalar;
            point = -point;
        }
        raw_sign::<Sha512>(&secret, &statement.about(message), &VerifyingKey::from(point))
            .to_bytes()
    }
}

impl PeerId {
    /// Checks that the owner of this key signed `message`.
    ///
    /// # Errors
    ///
    /// [`InvalidSignature`] if somebody else did, if the message was changed, if the signature has
    /// another form than the signer's, or if the key is not in its one form, on the twist of the curve,
    /// or outside the group of prime order, as no key is that was derived from a seed.
    pub fn verify(
        &self,
        statement: Statement,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), InvalidSignature> {
        let point = MontgomeryPoint(self.0).to_edwards(0).ok_or(InvalidSignature)?;
        if point.to_montgomery().to_bytes() != self.0 || !point.is_torsion_free() {
            return Err(InvalidSignature);
        }
        VerifyingKey::from(point)
            .verify_strict(
                &statement.about(message),
                &ed25519_dalek::Signature::from_bytes(signature),
            )
            .map_err(|_| InvalidSignature)
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use proptest::prelude::*;

    use super::*;

    const STATEMENT: Statement = Statement::RoomEntry;

    /// The same key as Ed25519 knows it.
    fn edwards(id: PeerId) -> EdwardsPoint {
        MontgomeryPoint(id.0).to_edwards(0).expect("on the curve")
    }

    /// The order of the group, little-endian (RFC 8032 §5.1).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    #[test]
    fn a_signature_is_an_ordinary_ed25519_signature_under_the_converted_key() {
        // By an implementation that shares no code with ours; keys of both signs are among them.
        let mut signs = [0; 2];
        for seed in 0..16 {
            let identity = Identity::from_seed([seed; 32]);
            let own = EdwardsPoint::mul_base_clamped(*identity.secret());
            signs[usize::from(own.compress().to_bytes()[31] >> 7)] += 1;
            let signature = identity.sign(STATEMENT, b"message");
            let key = edwards(identity.id()).compress().to_bytes();
            ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key)
                .verify(b"p2pchat 1 room entry\0message", &signature)
                .expect("ring agrees");
            assert_eq!(identity.id().verify(STATEMENT, b"message", &signature), Ok(()));
        }
        assert!(signs.iter().all(|&count| count > 0), "{signs:?}");
    }

    #[test]
    fn no_other_form_of_a_signature_is_accepted() {
        let identity = Identity::from_seed([1; 32]);
        let signature = identity.sign(STATEMENT, b"m");
        // s + L is the same scalar in another form (RFC 8032 §5.1.7 forbids it).
        let mut malleable = signature;
        let mut carry = 0u16;
        for (byte, order) in malleable[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        assert_eq!(identity.id().verify(STATEMENT, b"m", &malleable), Err(InvalidSignature));
        for low in EIGHT_TORSION {
            let mut of_low_order = signature;
            of_low_order[..32].copy_from_slice(low.compress().as_bytes());
            assert!(identity.id().verify(STATEMENT, b"m", &of_low_order).is_err());
        }
    }

    #[test]
    fn keys_of_low_order_sign_nothing() {
        // With such a key the equation holds for s = 0 and a fitting R, whatever the message.
        let mut nothing = [0; SIGNATURE_LEN];
        nothing[0] = 1;
        for low in EIGHT_TORSION {
            let id = PeerId(low.to_montgomery().to_bytes());
            assert!(id.verify(STATEMENT, b"m", &nothing).is_err(), "{id}");
        }
    }

    #[test]
    fn a_key_has_one_form() {
        let identity = Identity::from_seed([1; 32]);
        let signature = identity.sign(STATEMENT, b"m");
        // The highest bit, which X25519 ignores (RFC 7748 §5).
        let mut masked = identity.id();
        masked.0[31] |= 0x80;
        assert_eq!(masked.verify(STATEMENT, b"m", &signature), Err(InvalidSignature));
        // p + 9 instead of 9, the base point.
        let mut above = [0xff; 32];
        (above[0], above[31]) = (0xed + 9, 0x7f);
        let point = MontgomeryPoint(above).to_edwards(0).expect("the base point");
        assert!(point.is_torsion_free());
        assert!(PeerId(above).verify(STATEMENT, b"m", &signature).is_err());
        // The same key and a point of low order: X25519 computes the same secret with it.
        let mixed = edwards(identity.id()) + EIGHT_TORSION[1];
        let mixed = PeerId(mixed.to_montgomery().to_bytes());
        assert_ne!(mixed, identity.id());
        assert!(mixed.verify(STATEMENT, b"m", &signature).is_err());
        // u = 2 lies on the twist.
        let mut twist = PeerId([0; 32]);
        twist.0[0] = 2;
        assert!(twist.verify(STATEMENT, b"m", &signature).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn only_what_was_signed_is_signed(
            seed in any::<[u8; 32]>(),
            message in proptest::collection::vec(any::<u8>(), 1..80),
            at in any::<prop::sample::Index>(),
            bit in 0..8u8,
        ) {
            let identity = Identity::from_seed(seed);
            let signature = identity.sign(STATEMENT, &message);
            prop_assert_eq!(identity.id().verify(STATEMENT, &message, &signature), Ok(()));
            let mut other = message.clone();
            other[at.index(message.len())] ^= 1 << bit;
            prop_assert!(identity.id().verify(STATEMENT, &other, &signature).is_err());
            let mut forged = signature;
            forged[at.index(SIGNATURE_LEN)] ^= 1 << bit;
            prop_assert!(identity.id().verify(STATEMENT, &message, &forged).is_err());
            let mut stranger = identity.id();
            stranger.0[at.index(32)] ^= 1 << bit;
            prop_assert!(stranger.verify(STATEMENT, &message, &signature).is_err());
        }

        #[test]
        fn any_key_and_signature_are_checked_without_panic(
            key in any::<[u8; 32]>(),
            head in any::<[u8; 32]>(),
            tail in any::<[u8; 32]>(),
        ) {
            let mut signature = [0; SIGNATURE_LEN];
            signature[..32].copy_from_slice(&head);
            signature[32..].copy_from_slice(&tail);
            prop_assert!(PeerId(key).verify(STATEMENT, b"m", &signature).is_err());
        }
    }
}
