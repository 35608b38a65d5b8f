//! What our router says when it is asked to forward a port.

use std::fmt;
use std::net::SocketAddr;

/// What came of asking our router to forward a port to our first socket.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PortMapping {
    /// Nobody asked: it is switched off, or everybody is on this machine.
    #[default]
    Off,
    /// The machine has a public address: there is nothing to forward.
    Needless,
    /// There is no IPv4 router to ask.
    NoRouter,
    /// Asked, and not answered yet.
    Asking,
    /// The router speaks none of the three protocols.
    Unsupported,
    /// The router speaks `by` and forwards nothing to us: its owner has switched it off, or it has
    /// no address outside.
    Refused {
        /// The first protocol that it speaks.
        by: MappingProtocol,
    },
    /// The router forwards from `external`.
    Mapped {
        /// The protocol that it was asked by.
        by: MappingProtocol,
        /// The endpoint outside, in the router's words: nobody has been seen to reach it.
        external: SocketAddr,
    },
}

/// How a router is asked to forward a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MappingProtocol {
    /// Port Control Protocol (RFC 6887).
    Pcp,
    /// NAT Port Mapping Protocol (RFC 6886).
    NatPmp,
    /// UPnP Internet Gateway Device.
    Upnp,
}

impl PortMapping {
    /// Where the router forwards from, if it does.
    #[must_use]
    pub fn external(&self) -> Option<SocketAddr> {
        match *self {
            Self::Mapped { external, .. } => Some(external),
            _ => None,
        }
    }
}

impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("not asked for"),
            Self::Needless => f.write_str("not needed: this computer has a public address"),
            Self::NoRouter => f.write_str("no router to ask"),
            Self::Asking => f.write_str("asked for, no answer yet"),
            Self::Unsupported => f.write_str("the router speaks none of PCP, NAT-PMP and UPnP"),
            Self::Refused { by } => write!(f, "the router speaks {by} and refuses"),
            Self::Mapped { by, external } => write!(f, "the router forwards {external} ({by})"),
        }
    }
}

impl fmt::Display for MappingProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pcp => "PCP",
            Self::NatPmp => "NAT-PMP",
            Self::Upnp => "UPnP",
        })
    }
}
