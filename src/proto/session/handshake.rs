//! Opening and answering a session: Noise IK between two peers, and what rides in it.

use std::time::{Duration, Instant};

use p2pchat_wire::codec::{self, DecodeError};
use p2pchat_wire::datagram::PeerInit;
use p2pchat_wire::handshake::{HandshakeError, Initiator, Purpose, SharedSecret};
use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::sealing::Keys;
use serde::{Deserialize, Serialize};

/// Gaps between the repetitions of an opening; the last repeats.
const REPEAT_GAPS: [Duration; 5] = [
    Duration::from_millis(300),
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
    Duration::from_millis(4000),
];

/// How long an opening is repeated before it is given up.
pub(crate) const GIVE_UP_AFTER: Duration = Duration::from_secs(20);

/// The payload of both handshake messages.
///
/// An *instance* is a random number that a peer draws for every session state. Two peers whose
/// instances are the same as before go on where they were, with new keys; any other pair of
/// instances is a new session.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Greeting {
    /// The sender's instance.
    pub(crate) instance: u64,
}

impl Greeting {
    /// The payload bytes.
    pub(crate) fn encode(self) -> Vec<u8> {
        codec::encode(&self)
    }

    /// Reads a payload. What follows the fields that we know is a newer version's business.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_prefix::<Self, 64>(bytes).map(|(greeting, _)| greeting)
    }
}

/// A handshake that we opened and that waits for its answer.
#[derive(Debug)]
pub(crate) struct Opening {
    initiator: Initiator,
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
        Some((Greeting::decode(&payload).ok()?, keys))
    }
}
