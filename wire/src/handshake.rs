//! Noise IK for both uses of the secure channel: peer to rendezvous, and peer to peer.
//!
//! `Noise_IK_25519_ChaChaPoly_BLAKE2s` (Noise rev. 34 §7.5): one round trip, both sides proven,
//! the initiator's identity hidden from everybody but the responder. The prologue binds what the
//! two sides must agree on without saying it: the protocol's version, which channel this is, and
//! the rendezvous it belongs to, if any. A payload travels with each message; the first can be replayed by
//! whoever saw it, so nothing irreversible may hang on it.
//!
//! Two peers that share a secret mix it into the second message, `Noise_IKpsk2_…` (§9.4): what they
//! say then stays sealed as long as either the key exchange or the secret holds. The name of the pattern is part of what is
//! hashed, so a message of the one pattern is no message of the other.

use std::sync::Arc;

use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{
    BoxedCryptoResolver, CryptoResolver, DefaultResolver, FallbackResolver, RingResolver,
};
use snow::types::{Cipher, Dh, Hash, Random as NoiseRandom};
use snow::{Builder, HandshakeState};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::identity::{Identity, PeerId, ServerKey};
use crate::random::Random;
use crate::sealing::Keys;
use crate::x25519::{KeyPair, Secret};

const PATTERN: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";

/// The same with a secret at the end of the second message.
const PATTERN_WITH_SECRET: &str = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";

/// The place of the secret in that pattern.
const SECRET_PLACE: u8 = 2;

/// What message 1 adds to its payload: ephemeral key, sealed static key, tag.
pub const INIT_OVERHEAD: usize = 32 + 48 + 16;

/// What message 2 adds to its payload: ephemeral key and tag.
pub const RESPONSE_OVERHEAD: usize = 32 + 16;

/// The longest payload of either message.
pub const MAX_PAYLOAD: usize = 1024;

/// A handshake message did not prove what it had to.
///
/// It says no more on purpose: nobody is answered about why.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the handshake message is not genuine")]
pub struct HandshakeError;

/// Which channel a handshake is for, and who brought the two together: the Noise prologue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Between a peer and this rendezvous.
    Link(ServerKey),
    /// Between two peers that this rendezvous introduced.
    Peer(ServerKey),
    /// Between two peers that found each other in their local network.
    Neighbour,
}

impl Purpose {
    fn prologue(self) -> Vec<u8> {
        let (label, server) = match self {
            Self::Link(server) => {
                (&b"p2pchat link initiator=peer responder=rendezvous"[..], Some(server))
            }
            Self::Peer(server) => {
                (&b"p2pchat peer initiator=peer responder=peer"[..], Some(server))
            }
            Self::Neighbour => (&b"p2pchat neighbour initiator=peer responder=peer"[..], None),
        };
        let mut prologue = label.to_vec();
        prologue.push(crate::VERSION);
        prologue.extend(server.into_iter().flat_map(|server| server.0));
        prologue
    }
}

/// 32 bytes that two peers share and nobody else: what an invitation leaves with them.
///
/// `Debug` shows nothing; the bytes are wiped from memory when dropped.
#[derive(Clone, Eq, PartialEq, Zeroize, ZeroizeOnDrop)]
pub struct SharedSecret([u8; 32]);

impl SharedSecret {
    /// A secret that was agreed on, or read from a file that only its owner can read.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be written to such a file.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

/// The side that sent message 1 and waits for message 2.
pub struct Initiator {
    state: HandshakeState,
}

impl Initiator {
    /// Starts a handshake with the owner of `remote`; returns message 1 with `payload` inside.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`] if `remote` is no usable key or the payload exceeds [`MAX_PAYLOAD`].
    pub fn new(
        purpose: Purpose,
        local: &Identity,
        remote: &PeerId,
        payload: &[u8],
        random: &mut Random,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        Self::with_secret(purpose, local, remote, None, payload, random)
    }

    /// As [`Self::new`], with a secret that the two share, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn with_secret(
        purpose: Purpose,
        local: &Identity,
        remote: &PeerId,
        secret: Option<&SharedSecret>,
        payload: &[u8],
        random: &mut Random,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let prologue = purpose.prologue();
        let mut state = builder(local, secret, random)
            .and_then(|b| b.local_private_key(local.secret()))
            .and_then(|b| b.remote_public_key(&remote.0))
            .and_then(|b| b.prologue(&prologue))
            .and_then(Builder::build_initiator)
            .map_err(|_| HandshakeError)?;
        let message = write(&mut state, payload, INIT_OVERHEAD)?;
        Ok((Self { state }, message))
    }

    /// Reads message 2; returns its payload and the keys.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`] if the message is not the responder's answer to ours. The initiator can
    /// go on waiting for the right one: a forged answer must not end the handshake.
    pub fn finish(&mut self, message: &[u8]) -> Result<(Vec<u8>, Keys), HandshakeError> {
        let payload = read(&mut self.state, message)?;
        let (initiator, responder) = self.state.dangerously_get_raw_split();
        Ok((payload, Keys::new(initiator, responder)))
    }
}

impl std::fmt::Debug for Initiator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Initiator(..)")
    }
}

/// The side that has read a genuine message 1 and decides whether to answer.
pub struct Responder {
    state: HandshakeState,
    remote: PeerId,
}

impl Responder {
    /// Reads message 1; returns its payload and, inside `Self`, who sent it.
    ///
    /// This is the expensive step: two Diffie-Hellman computations for whoever asks. Callers check
    /// a cookie, a token or an introduction first.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`] if the message was not made for us.
    pub fn new(
        purpose: Purpose,
        local: &Identity,
        message: &[u8],
        random: &mut Random,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        Self::with_secret(purpose, local, None, message, random)
    }

    /// As [`Self::new`], of a message that was made with a secret, if one is given.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]; also if the message was made without the secret. That its sender has the
    /// same one is shown by the first packet under the keys, not before.
    pub fn with_secret(
        purpose: Purpose,
        local: &Identity,
        secret: Option<&SharedSecret>,
        message: &[u8],
        random: &mut Random,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let prologue = purpose.prologue();
        let mut state = builder(local, secret, random)
            .and_then(|b| b.local_private_key(local.secret()))
            .and_then(|b| b.prologue(&prologue))
            .and_then(Builder::build_responder)
            .map_err(|_| HandshakeError)?;
        let payload = read(&mut state, message)?;
        let remote = state
            .get_remote_static()
            .and_then(|key| key.try_into().ok())
            .map(PeerId)
            .ok_or(HandshakeError)?;
        Ok((Self { state, remote }, payload))
    }

    /// The proven identity of the initiator.
    #[must_use]
    pub fn remote(&self) -> PeerId {
        self.remote
    }

    /// Answers; returns message 2 with `payload` inside, and the keys.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`] if the initiator's keys are unusable or the payload exceeds
    /// [`MAX_PAYLOAD`].
    pub fn respond(mut self, payload: &[u8]) -> Result<(Vec<u8>, Keys), HandshakeError> {
        let message = write(&mut self.state, payload, RESPONSE_OVERHEAD)?;
        let (initiator, responder) = self.state.dangerously_get_raw_split();
        Ok((message, Keys::new(responder, initiator)))
    }
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Responder({})", self.remote)
    }
}

fn write(
    state: &mut HandshakeState,
    payload: &[u8],
    overhead: usize,
) -> Result<Vec<u8>, HandshakeError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(HandshakeError);
    }
    let mut message = vec![0; payload.len() + overhead];
    let length = state.write_message(payload, &mut message).map_err(|_| HandshakeError)?;
    message.truncate(length);
    Ok(message)
}

fn read(state: &mut HandshakeState, message: &[u8]) -> Result<Vec<u8>, HandshakeError> {
    if message.len() > MAX_PAYLOAD + INIT_OVERHEAD {
        return Err(HandshakeError);
    }
    let mut payload = vec![0; message.len()];
    let length = state.read_message(message, &mut payload).map_err(|_| HandshakeError)?;
    payload.truncate(length);
    Ok(payload)
}

fn builder<'a>(
    local: &Identity,
    secret: Option<&'a SharedSecret>,
    random: &mut Random,
) -> Result<Builder<'a>, snow::Error> {
    let pattern = if secret.is_some() { PATTERN_WITH_SECRET } else { PATTERN };
    let params: NoiseParams = pattern.parse()?;
    let builder = Builder::with_resolver(params, resolver(local, random.array()));
    match secret {
        Some(secret) => builder.psk(SECRET_PLACE, &secret.0),
        None => Ok(builder),
    }
}

/// X25519 from `aws-lc-rs`, `ring` where it has the primitive, RustCrypto where it has not, and our own
/// randomness.
fn resolver(local: &Identity, seed: [u8; 32]) -> BoxedCryptoResolver {
    Box::new(Seeded {
        seed,
        local: Arc::clone(local.key()),
        primitives: FallbackResolver::new(Box::new(RingResolver), Box::new(DefaultResolver)),
    })
}

struct Seeded {
    seed: [u8; 32],
    /// Our own key, of which Noise is told the secret and would compute the rest.
    local: Arc<Secret>,
    primitives: FallbackResolver,
}

impl CryptoResolver for Seeded {
    fn resolve_rng(&self) -> Option<Box<dyn NoiseRandom>> {
        Some(Box::new(Ephemeral(Random::from_seed(self.seed))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        match choice {
            DHChoice::Curve25519 => Some(Box::new(KeyPair::knowing(Arc::clone(&self.local)))),
            _ => None,
        }
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        self.primitives.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        self.primitives.resolve_cipher(choice)
    }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

struct Ephemeral(Random);

impl NoiseRandom for Ephemeral {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill(dest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(seed: u8) -> Identity {
        Identity::from_seed([seed; 32])
    }

    fn server() -> ServerKey {
        identity(99).id()
    }

    #[test]
    fn both_sides_end_with_the_same_keys_and_know_each_other() {
        let (alice, bob) = (identity(1), identity(2));
        let mut random = Random::from_seed([0; 32]);
        let purpose = Purpose::Peer(server());
        let (mut initiator, first) =
            Initiator::new(purpose, &alice, &bob.id(), b"hello", &mut random).expect("init");
        let (responder, payload) =
            Responder::new(purpose, &bob, &first, &mut random).expect("read");
        assert_eq!((responder.remote(), payload.as_slice()), (alice.id(), &b"hello"[..]));
        let (second, bobs) = responder.respond(b"welcome").expect("respond");
        let (payload, alices) = initiator.finish(&second).expect("finish");
        assert_eq!(payload, b"welcome");

        let mut packet = b"head".to_vec();
        alices.send.seal(1, b"head", b"text", &mut packet);
        assert_eq!(bobs.receive.open(1, b"head", &packet[4..]).expect("genuine"), b"text");
    }

    #[test]
    fn a_forged_answer_does_not_end_the_handshake() {
        let (alice, bob) = (identity(1), identity(2));
        let mut random = Random::from_seed([0; 32]);
        let purpose = Purpose::Peer(server());
        let (mut initiator, first) =
            Initiator::new(purpose, &alice, &bob.id(), b"", &mut random).expect("init");
        let (responder, _) = Responder::new(purpose, &bob, &first, &mut random).expect("read");
        let (second, _) = responder.respond(b"").expect("respond");
        let mut forged = second.clone();
        forged[40] ^= 1;
        assert!(initiator.finish(&forged).is_err());
        assert!(initiator.finish(&[0; 48]).is_err());
        assert!(initiator.finish(&second).is_ok());
    }

    #[test]
    fn a_handshake_for_another_rendezvous_channel_or_person_fails() {
        let (alice, bob, eve) = (identity(1), identity(2), identity(3));
        let mut random = Random::from_seed([0; 32]);
        let purpose = Purpose::Peer(server());
        let (_, first) =
            Initiator::new(purpose, &alice, &bob.id(), b"", &mut random).expect("init");
        for (purpose, responder) in
            [(Purpose::Link(server()), &bob), (Purpose::Peer(eve.id()), &bob), (purpose, &eve)]
        {
            assert!(Responder::new(purpose, responder, &first, &mut random).is_err());
        }
    }

    #[test]
    fn a_secret_is_needed_on_both_sides_or_on_none() {
        let (alice, bob) = (identity(1), identity(2));
        let mut random = Random::from_seed([0; 32]);
        let purpose = Purpose::Peer(server());
        let secrets = [None, Some(SharedSecret::new([7; 32])), Some(SharedSecret::new([8; 32]))];
        for (one, alices) in secrets.iter().enumerate() {
            for (other, bobs) in secrets.iter().enumerate() {
                let (mut initiator, first) = Initiator::with_secret(
                    purpose,
                    &alice,
                    &bob.id(),
                    alices.as_ref(),
                    b"",
                    &mut random,
                )
                .expect("init");
                let read =
                    Responder::with_secret(purpose, &bob, bobs.as_ref(), &first, &mut random);
                // Which of two secrets it is shows in the answer only.
                assert_eq!(read.is_ok(), alices.is_some() == bobs.is_some());
                let Ok((responder, _)) = read else { continue };
                assert_eq!(responder.remote(), alice.id());
                let (second, bobs) = responder.respond(b"").expect("respond");
                let finished = initiator.finish(&second);
                assert_eq!(finished.is_ok(), one == other);
                if let Ok((_, alices)) = finished {
                    let mut packet = Vec::new();
                    alices.send.seal(1, b"", b"text", &mut packet);
                    assert_eq!(bobs.receive.open(1, b"", &packet).expect("genuine"), b"text");
                }
            }
        }
    }

    #[test]
    fn a_key_of_low_order_is_refused() {
        let alice = identity(1);
        let mut random = Random::from_seed([0; 32]);
        let purpose = Purpose::Peer(server());
        for byte in [0, 1] {
            let mut point = [0; 32];
            point[0] = byte;
            let outcome = Initiator::new(purpose, &alice, &PeerId(point), b"", &mut random);
            assert!(outcome.is_err(), "an all-zero shared secret is no secret");
        }
    }
}
