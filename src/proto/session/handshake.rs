//! Opening and answering a session: Noise IK between two peers, and what rides in it.

use std::time::{Duration, Instant};

use p2pchat_wire::codec::{self, DecodeError};
use p2pchat_wire::datagram::PeerInit;
use p2pchat_wire::handshake::{HandshakeError, Initiator, Purpose, SharedSecret};
use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::sealing::{Cipher, Keys};

/// Gaps between the repetitions of an opening; the last repeats.
const REPEAT_GAPS: [Duration; 5] = [
    Duration::from_millis(300),
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
    Duration::from_millis(4000),
];

/// The bit of the byte after the instance that says that AES is computed in hardware.
const AES: u8 = 1;

/// The bit that says that datagrams may be as long as UDP carries them, and frames too.
const LONG: u8 = 2;

/// How long an opening is repeated before it is given up.
pub(crate) const GIVE_UP_AFTER: Duration = Duration::from_secs(20);

/// The payload of both handshake messages.
///
/// An *instance* is a random number that a peer draws for every session state. Two peers whose
/// instances are the same as before go on where they were, with new keys; any other pair of
/// instances is a new session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Greeting {
    /// The sender's instance.
    pub(crate) instance: u64,
    /// Whether the sender computes AES in hardware. Each side says what it has, under the seal of the
    /// handshake, and both come to the same: nobody in between can talk them out of it.
    pub(crate) aes: bool,
    /// Whether the sender takes every datagram that UDP carries, not only those of
    /// [`MAX_DATAGRAM`](p2pchat_wire::MAX_DATAGRAM) bytes. To one that does not, a longer frame would be a
    /// breach of the protocol.
    pub(crate) long: bool,
}

impl Greeting {
    /// The payload bytes. Who has no abilities says nothing of them, as in the first version.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = codec::encode(&self.instance);
        let abilities = if self.aes { AES } else { 0 } | if self.long { LONG } else { 0 };
        bytes.extend((abilities != 0).then_some(abilities));
        bytes
    }

    /// Reads a payload. What follows what we know is a newer version's business.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (instance, used) = codec::decode_prefix::<u64, 64>(bytes)?;
        let abilities = bytes.get(used).copied().unwrap_or(0);
        Ok(Self { instance, aes: abilities & AES != 0, long: abilities & LONG != 0 })
    }

    /// What the two seal with.
    pub(crate) fn cipher(self, other: Self) -> Cipher {
        if self.aes && other.aes { Cipher::Aes256Gcm } else { Cipher::ChaCha20Poly1305 }
    }
}

/// A handshake that we opened and that waits for its answer.
#[derive(Debug)]
pub(crate) struct Opening {
    initiator: Initiator,
    greeting: Greeting,
    /// Our index in the epoch to come.
    pub(crate) index: u32,
    /// Noise message 1.
    message: Vec<u8>,
    /// When it was opened.
    pub(crate) since: Instant,
    /// When it is to be sent again.
    pub(crate) repeat_at: Instant,
    repeats: usize,
}

impl Opening {
    /// Opens a handshake with the owner of `remote`, with what we share with it.
    pub(crate) fn new(
        now: Instant,
        purpose: Purpose,
        identity: &Identity,
        (remote, secret): (&PeerId, Option<&SharedSecret>),
        greeting: Greeting,
        index: u32,
        random: &mut Random,
    ) -> Result<Self, HandshakeError> {
        let (initiator, message) =
            Initiator::with_secret(purpose, identity, remote, secret, &greeting.encode(), random)?;
        Ok(Self {
            initiator,
            greeting,
            index,
            message,
            since: now,
            repeat_at: now + REPEAT_GAPS[0],
            repeats: 0,
        })
    }

    /// The opening as it travels inside a connect signal: our index and message 1.
    pub(crate) fn initiation(&self) -> Vec<u8> {
        let mut out = self.index.to_be_bytes().to_vec();
        out.extend(&self.message);
        out
    }

    /// The opening as a datagram to the peer.
    pub(crate) fn datagram(&self, introduction: u64) -> Vec<u8> {
        PeerInit { introduction, sender: self.index, noise: &self.message }.encode()
    }

    /// Plans the next repetition.
    pub(crate) fn repeated(&mut self, now: Instant) {
        self.repeats = (self.repeats + 1).min(REPEAT_GAPS.len() - 1);
        self.repeat_at = now + REPEAT_GAPS[self.repeats];
    }

    /// Reads the answer. A forged one changes nothing.
    pub(crate) fn finish(&mut self, message: &[u8]) -> Option<(Greeting, Keys)> {
        let (payload, keys) = self.initiator.finish(message).ok()?;
        let theirs = Greeting::decode(&payload).ok()?;
        Some((theirs, keys.under(self.greeting.cipher(theirs))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aes_is_used_by_two_who_have_it_and_not_asked_of_anybody_else() {
        let [with, without] =
            [true, false].map(|aes| Greeting { instance: 1 << 40, aes, long: false });
        assert_eq!(with.cipher(with), Cipher::Aes256Gcm);
        for (one, other) in [(with, without), (without, with), (without, without)] {
            assert_eq!(one.cipher(other), Cipher::ChaCha20Poly1305);
        }
    }

    #[test]
    fn a_greeting_is_read_as_it_was_written_whatever_a_newer_version_adds() {
        for (aes, long) in [(false, false), (false, true), (true, false), (true, true)] {
            let greeting = Greeting { instance: 1 << 40, aes, long };
            assert_eq!(Greeting::decode(&greeting.encode()), Ok(greeting));
            let silent = usize::from(!aes && !long);
            let more = [greeting.encode(), vec![0; silent], vec![7; 3]].concat();
            assert_eq!(Greeting::decode(&more), Ok(greeting));
        }
    }
}
