//! How far the making of a link has come.

use std::time::Instant;

use p2pchat_wire::datagram::AddressProof;
use p2pchat_wire::handshake::Initiator;
use p2pchat_wire::identity::ServerKey;

use crate::proto::path::Pair;

/// What is being tried.
#[derive(Debug)]
pub(super) enum Attempt {
    /// Nothing: there is no server, or the link is up.
    None,
    /// Nothing before this time: the server has no place for us, or is not the one we know.
    Later(Instant),
    /// Waiting for a challenge.
    Hello { tries: usize, next_at: Instant },
    /// An address is proven, and the endpoint is to say what to ask for.
    Ready { proof: AddressProof, way: Pair },
    /// Waiting for the answer to an initiation.
    Init(Box<Init>),
}

impl Attempt {
    /// The way by which an answer is awaited, if it is one.
    pub(super) fn way(&self) -> Option<Pair> {
        match self {
            Self::Ready { way, .. } => Some(*way),
            Self::Init(init) => Some(init.way),
            Self::None | Self::Later(_) | Self::Hello { .. } => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Init {
    pub(super) initiator: Initiator,
    /// Whose answer is awaited.
    pub(super) key: ServerKey,
    pub(super) by_token: bool,
    pub(super) index: u32,
    pub(super) counter: u64,
    pub(super) way: Pair,
    pub(super) datagram: Vec<u8>,
    pub(super) sent_at: Instant,
    pub(super) tries: usize,
    pub(super) next_at: Instant,
}
