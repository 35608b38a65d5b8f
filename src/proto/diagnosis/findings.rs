//! What a diagnosis finds: facts, no opinions. The words are those of RFC 4787.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use p2pchat_wire::address::is_local;
use p2pchat_wire::identity::ServerKey;

use crate::proto::nat::{Evidence, Filtering, PortModel, Scope};
use crate::proto::{PortMapping, Upkeep};

/// What was found out about one rendezvous.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServerFindings {
    /// Its endpoints that were asked. None, if its name leads nowhere.
    pub asked: Vec<SocketAddr>,
    /// Which of them answered over UDP first, and how fast.
    pub udp: Option<(SocketAddr, Duration)>,
    /// What became of TCP connections to it.
    pub tcp: Tcp,
    /// Who it says it is. Nothing is proven by it.
    pub key: Option<ServerKey>,
    /// Who it has to be, if that is known.
    pub expected_key: Option<ServerKey>,
    /// The version of the protocol that it speaks.
    pub version: Option<u8>,
    /// By how many milliseconds our clock is ahead of its, to within half a round trip.
    pub clock_ahead_ms: Option<i64>,
    /// Where it sees us, over IPv4 if it is reached over both.
    pub mapped: Option<SocketAddr>,
}

/// Everything that was found out about our network.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// The local endpoints of the socket that asked.
    pub hosts: Vec<SocketAddr>,
    /// The rendezvous servers, as they were given.
    pub servers: Vec<ServerFindings>,
    /// Which of them was asked for the rest.
    pub surveyed: Option<usize>,
    /// Where that one sees us.
    pub mapped: Option<SocketAddr>,
    /// Towards whom a socket of ours has the same external endpoint.
    pub mapping: Mapping,
    /// From whom it gets datagrams.
    pub filtering: Filtering,
    /// How external ports are given out, and from what we know it.
    pub ports: Evidence,
    /// Whether two hosts behind our NAT reach each other by their external endpoints.
    pub hairpin: Option<bool>,
    /// How the NAT's mappings are kept, as far as a chat has found out: that takes minutes.
    pub upkeep: Upkeep,
    /// What there is of IPv6.
    pub ipv6: Ipv6,
    /// What came of asking the router to forward a port.
    pub port_mapping: PortMapping,
    /// The longest UDP payload, in bytes, that reached the server without being cut in pieces on the
    /// way, of those that were tried.
    pub mtu: Option<usize>,
}

/// What became of a TCP connection; of several, the greatest.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tcp {
    /// Nobody tried.
    #[default]
    Untried,
    /// Nothing came back.
    Silent,
    /// The host is there and listens on no such port.
    Refused,
    /// It was made.
    Open,
    /// It was made, and TLS in it.
    Tls,
}

/// RFC 4787 §4.1.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Mapping {
    /// Too few answers to say.
    #[default]
    Unknown,
    /// The address is our own.
    None,
    /// The same towards everybody who was asked.
    EndpointIndependent {
        /// Whether more than one IP address was asked. Otherwise a mapping that depends on the
        /// address alone looks the same.
        addresses_compared: bool,
    },
    /// Another towards each IP address.
    AddressDependent,
    /// Another towards each endpoint, which people call symmetric.
    AddressAndPortDependent,
}

/// What there is of IPv6.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Ipv6 {
    /// No global address.
    #[default]
    None,
    /// A global address, and no rendezvous with IPv6 to try it with.
    Untried,
    /// A global address, and no answer over it.
    Silent,
    /// The rendezvous is reached.
    Works {
        /// Whether it sees another address than ours.
        translated: bool,
    },
}

impl Findings {
    /// Whether no NAT changes our address on the way.
    #[must_use]
    pub fn is_untranslated(&self) -> bool {
        self.mapping == Mapping::None
    }

    /// Whether the router has opened a port at an address that the Internet sees: behind a second
    /// NAT, its own outer address is a private one or not ours.
    #[must_use]
    pub fn has_public_mapping(&self) -> bool {
        self.port_mapping.external().is_some_and(|external| {
            let elsewhere = |mapped: SocketAddr| {
                mapped.is_ipv4() == external.is_ipv4() && mapped.ip() != external.ip()
            };
            !is_local(external.ip()) && !self.mapped.is_some_and(elsewhere)
        })
    }

    /// Whether the router has opened a port which leads nowhere, for another NAT stands before it.
    #[must_use]
    pub fn is_behind_two_nats(&self) -> bool {
        self.port_mapping.external().is_some() && !self.has_public_mapping()
    }

    /// Derives what follows from the samples.
    pub(super) fn judge_mapping(&mut self) {
        let first = self.ports.samples.iter().map(|sample| sample.socket).min();
        let asked: Vec<IpAddr> = self
            .ports
            .samples
            .iter()
            .filter(|sample| Some(sample.socket) == first)
            .map(|sample| sample.via.ip())
            .collect();
        let addresses_compared = asked.iter().any(|ip| Some(ip) != asked.first());
        self.mapping = match self.ports.model {
            _ if self.mapped.is_some_and(|mapped| self.hosts.contains(&mapped)) => Mapping::None,
            PortModel::Unknown => Mapping::Unknown,
            PortModel::Constant => Mapping::EndpointIndependent { addresses_compared },
            PortModel::Varying { scope: Scope::Address, .. } => Mapping::AddressDependent,
            PortModel::Varying { scope: Scope::Endpoint, .. } => Mapping::AddressAndPortDependent,
        };
    }
}

/// Whether an address can be reached from everywhere unless a firewall forbids it.
pub(super) fn is_global_v6(host: &SocketAddr) -> bool {
    host.is_ipv6() && !is_local(host.ip())
}
