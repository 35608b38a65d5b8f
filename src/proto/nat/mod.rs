//! How the NATs between us and the world give out ports, inferred from a few STUN answers.
//!
//! A [`Sample`] says where one of our sockets was seen by one of a server's endpoints. [`infer`]
//! makes a [`PortModel`] of some samples: whether the port is the same towards everybody, and if
//! not, where the next one will be. [`Filtering`] is whom a NAT lets in. [`Stun`] asks for all of it.
//! What to do with it is `proto::punch`'s business.
//!
//! The words are those of RFC 4787 §4.1; how the parameters are estimated stands in
//! `docs/nat-traversal.md`.

mod inference;
mod stun;

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use inference::infer;
pub(crate) use stun::{Answered, Stun};

use super::SocketId;

/// The lowest port that a NAT gives out where it gives out any (RFC 4787 REQ-3 keeps well-known
/// ports apart; routers draw from 1024 up).
pub(crate) const LOWEST_PORT: u16 = 1024;

/// One answer to "where do you see me?".
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Which of our sockets asked.
    pub socket: SocketId,
    /// Who answered.
    pub via: SocketAddr,
    /// Where it saw the socket.
    pub mapped: SocketAddr,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {} is {} to {}", self.socket.0, self.mapped, self.via)
    }
}

/// For whom else a mapping holds (RFC 4787 §4.1), where it does not hold for everybody.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Scope {
    /// All ports of the address that was written to.
    Address,
    /// The one endpoint that was written to.
    Endpoint,
}

/// Which port the next mapping gets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Allocation {
    /// Too few samples to say.
    Unknown,
    /// The one after the last.
    Sequential {
        /// From one to the next; never 0, mostly 1.
        step: i16,
        /// Ports that others took between the first and the last sample.
        foreign: u16,
    },
    /// Any of a block, as carriers give to each customer (RFC 7422). Both ends are estimates.
    Block {
        /// The lowest.
        first: u16,
        /// The highest, not below `first`.
        last: u16,
    },
    /// Any.
    Uniform,
}

/// What a NAT does with ports.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum PortModel {
    /// Not known: nobody was asked, or too few answered.
    #[default]
    Unknown,
    /// A socket has the same external endpoint towards everybody, or no NAT stands before it.
    Constant,
    /// A socket has several.
    Varying {
        /// For whom one holds.
        scope: Scope,
        /// Where the next one will be.
        ports: Allocation,
    },
}

/// From whom a socket behind a NAT gets datagrams (RFC 4787 §5).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Filtering {
    /// Nobody asked, or the server has no second socket to try it with.
    #[default]
    Unknown,
    /// Everybody's datagrams come in.
    EndpointIndependent,
    /// Those of addresses that we have sent to.
    AddressDependent,
    /// Those of endpoints that we have sent to.
    AddressAndPortDependent,
    /// One of the first two: another port of an address that we have sent to gets in, and the server
    /// has no second address to try the rest with.
    NotByPort,
}

impl Filtering {
    /// Whether a datagram gets in from any port of an address that was sent to.
    pub(crate) fn admits_any_port(self) -> bool {
        match self {
            Self::EndpointIndependent | Self::AddressDependent | Self::NotByPort => true,
            Self::Unknown | Self::AddressAndPortDependent => false,
        }
    }
}

/// What is known of a NAT.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Nat {
    pub(crate) model: PortModel,
    pub(crate) filtering: Filtering,
}

impl PortModel {
    /// Whether a socket has several external ports, as far as is known.
    pub(crate) fn varies(self) -> bool {
        matches!(self, Self::Varying { .. })
    }

    /// Whether a peer's word for it can be worked with: an honest peer sends nothing else.
    pub(crate) fn is_sane(self) -> bool {
        match self {
            Self::Varying { ports: Allocation::Sequential { step, .. }, .. } => step != 0,
            Self::Varying { ports: Allocation::Block { first, last }, .. } => first <= last,
            _ => true,
        }
    }
}

impl fmt::Display for PortModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scope, ports) = match self {
            Self::Unknown => return f.write_str("unknown"),
            Self::Constant => return f.write_str("constant"),
            Self::Varying { scope, ports } => (scope, ports),
        };
        match scope {
            Scope::Address => f.write_str("per address, ")?,
            Scope::Endpoint => f.write_str("per endpoint, ")?,
        }
        match ports {
            Allocation::Unknown => f.write_str("ports unknown"),
            Allocation::Sequential { step, .. } => write!(f, "sequential {step:+}"),
            Allocation::Block { first, last } => write!(f, "block {first}-{last}"),
            Allocation::Uniform => f.write_str("any port"),
        }
    }
}

/// A model and what it was inferred from.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The inference.
    pub model: PortModel,
    /// What was seen, in the order in which it was asked for.
    pub samples: Vec<Sample>,
}
