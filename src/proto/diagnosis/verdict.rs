//! What findings mean for a chat.

use p2pchat_wire::{MAX_DATAGRAM, VERSION};

use super::findings::{Findings, Ipv6, Mapping, ServerFindings, Tcp};
use crate::proto::nat::{Allocation, Filtering, PortModel};

/// The longest UDP payload that the program sends, in bytes: a datagram in the relay's header.
pub const LONGEST_DATAGRAM: usize = MAX_DATAGRAM + 9;

/// What findings mean, in one word.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// This computer has no address.
    Offline,
    /// The server's name leads nowhere.
    NoAddress,
    /// Nothing came back, neither over UDP nor over TCP.
    Unreachable,
    /// The server's host is there, and nothing answers over UDP.
    NotListening,
    /// TCP gets through, UDP does not.
    UdpBlocked,
    /// What answers is a STUN server and no rendezvous.
    NoRendezvous,
    /// The rendezvous speaks another version.
    OtherVersion,
    /// Somebody else answers than the rendezvous that is known.
    OtherKey,
    /// Datagrams as long as ours are get lost.
    SmallMtu,
    /// No NAT, and everybody gets in.
    Public,
    /// No NAT; a firewall lets in whom we have written to.
    Firewalled,
    /// A NAT through which direct paths to almost everybody are found.
    Easy,
    /// A difficult NAT, and a port that the router opened makes up for it.
    Mapped,
    /// A difficult NAT, and IPv6 without one.
    EasyOverIpv6,
    /// A NAT whose next ports can be foretold.
    Predictable,
    /// A NAT that draws ports out of a small block.
    Block,
    /// A NAT that draws ports out of all.
    Random,
    /// A NAT that changes ports, and it is not known how.
    Difficult,
    /// The server has no second port or address that answers, so the NAT cannot be told.
    Unclear,
}

/// When a verdict is passed.
type Rule<T> = fn(&T) -> bool;

/// What stands between us and one server: the first rule that holds.
const SERVER_RULES: [(Rule<ServerFindings>, Verdict); 7] = [
    (|s| s.asked.is_empty(), Verdict::NoAddress),
    (|s| s.udp.is_none() && s.tcp >= Tcp::Open, Verdict::UdpBlocked),
    (|s| s.udp.is_none() && s.tcp == Tcp::Refused, Verdict::NotListening),
    (|s| s.udp.is_none(), Verdict::Unreachable),
    (|s| s.version.is_none(), Verdict::NoRendezvous),
    (|s| s.version != Some(VERSION), Verdict::OtherVersion),
    (|s| s.expected_key.is_some_and(|key| s.key != Some(key)), Verdict::OtherKey),
];

/// Where something stands between us and every server, the first of these says most: it still lets us
/// chat, or must be told, or names whose fault it is.
const TROUBLES: [Verdict; 7] = [
    Verdict::UdpBlocked,
    Verdict::OtherKey,
    Verdict::OtherVersion,
    Verdict::NoRendezvous,
    Verdict::NotListening,
    Verdict::Unreachable,
    Verdict::NoAddress,
];

/// What our network is like: the first rule that holds.
const RULES: [(Rule<Findings>, Verdict); 10] = [
    (
        |f| f.mtu.is_none_or(|longest| longest < LONGEST_DATAGRAM) && f.mapped.is_some(),
        Verdict::SmallMtu,
    ),
    (|f| f.is_untranslated() && f.filtering == Filtering::EndpointIndependent, Verdict::Public),
    (Findings::is_untranslated, Verdict::Firewalled),
    (|f| matches!(f.mapping, Mapping::EndpointIndependent { .. }), Verdict::Easy),
    (|f| f.mapping != Mapping::Unknown && f.has_public_mapping(), Verdict::Mapped),
    (
        |f| f.mapping != Mapping::Unknown && f.ipv6 == Ipv6::Works { translated: false },
        Verdict::EasyOverIpv6,
    ),
    (|f| matches!(allocation(f), Some(Allocation::Sequential { .. })), Verdict::Predictable),
    (|f| matches!(allocation(f), Some(Allocation::Block { .. })), Verdict::Block),
    (|f| matches!(allocation(f), Some(Allocation::Uniform)), Verdict::Random),
    (|f| f.mapping != Mapping::Unknown, Verdict::Difficult),
];

/// What stands between us and one server; `None` if it does what it is there for, over UDP.
#[must_use]
pub fn trouble(server: &ServerFindings) -> Option<Verdict> {
    let rule = SERVER_RULES.iter().find(|(holds, _)| holds(server));
    rule.map(|(_, verdict)| *verdict)
}

/// What `findings` mean: what our network is like if one of the servers is well, otherwise the trouble
/// with one of them.
#[must_use]
pub fn verdict(findings: &Findings) -> Verdict {
    if findings.hosts.is_empty() {
        return Verdict::Offline;
    }
    let troubles: Vec<_> = findings.servers.iter().map(trouble).collect();
    if !troubles.contains(&None) {
        let worst = TROUBLES.into_iter().find(|one| troubles.contains(&Some(*one)));
        return worst.unwrap_or(Verdict::NoAddress);
    }
    let rule = RULES.iter().find(|(holds, _)| holds(findings));
    rule.map_or(Verdict::Unclear, |(_, verdict)| *verdict)
}

fn allocation(findings: &Findings) -> Option<Allocation> {
    match findings.ports.model {
        PortModel::Varying { ports, .. } => Some(ports),
        PortModel::Unknown | PortModel::Constant => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use p2pchat_wire::identity::PeerId;

    use super::*;
    use crate::proto::nat::{Evidence, Scope};
    use crate::proto::{MappingProtocol, PortMapping};

    /// A server with which all is well.
    fn well() -> ServerFindings {
        let server = "203.0.113.10:3478".parse().expect("address");
        ServerFindings {
            asked: vec![server],
            udp: Some((server, Duration::from_millis(20))),
            tcp: Tcp::Open,
            version: Some(VERSION),
            ..ServerFindings::default()
        }
    }

    /// A home with a NAT that is easy to get through.
    fn easy() -> Findings {
        Findings {
            hosts: vec!["192.168.1.2:5000".parse().expect("address")],
            servers: vec![well()],
            mapped: "198.51.100.7:5000".parse().ok(),
            mapping: Mapping::EndpointIndependent { addresses_compared: true },
            filtering: Filtering::AddressAndPortDependent,
            mtu: Some(1472),
            ..Findings::default()
        }
    }

    fn varying(ports: Allocation) -> Findings {
        let model = PortModel::Varying { scope: Scope::Endpoint, ports };
        Findings {
            mapping: Mapping::AddressAndPortDependent,
            ports: Evidence { model, samples: Vec::new() },
            ..easy()
        }
    }

    fn mapped_at(external: &str) -> PortMapping {
        let external = external.parse().expect("address");
        PortMapping::Mapped { by: MappingProtocol::Pcp, external }
    }

    fn silent(tcp: Tcp) -> ServerFindings {
        ServerFindings { udp: None, tcp, version: None, ..well() }
    }

    #[test]
    fn what_stands_between_us_and_a_server_is_told_apart() {
        let other_key = Some(PeerId([9; 32]));
        for (server, expected) in [
            (well(), None),
            (
                ServerFindings { asked: Vec::new(), ..silent(Tcp::Untried) },
                Some(Verdict::NoAddress),
            ),
            (silent(Tcp::Tls), Some(Verdict::UdpBlocked)),
            (silent(Tcp::Open), Some(Verdict::UdpBlocked)),
            (silent(Tcp::Refused), Some(Verdict::NotListening)),
            (silent(Tcp::Silent), Some(Verdict::Unreachable)),
            (silent(Tcp::Untried), Some(Verdict::Unreachable)),
            (ServerFindings { version: None, ..well() }, Some(Verdict::NoRendezvous)),
            (ServerFindings { version: Some(VERSION + 1), ..well() }, Some(Verdict::OtherVersion)),
            (ServerFindings { expected_key: other_key, ..well() }, Some(Verdict::OtherKey)),
        ] {
            assert_eq!(trouble(&server), expected, "{server:?}");
            let expected = expected.unwrap_or(Verdict::Easy);
            assert_eq!(verdict(&Findings { servers: vec![server.clone()], ..easy() }), expected);
            let servers = vec![server, well()];
            assert_eq!(verdict(&Findings { servers, ..easy() }), Verdict::Easy);
        }
    }

    #[test]
    fn of_several_troubles_the_one_is_told_that_says_most() {
        let other_key = ServerFindings { expected_key: Some(PeerId([9; 32])), ..well() };
        for (servers, expected) in [
            (vec![silent(Tcp::Silent), silent(Tcp::Open)], Verdict::UdpBlocked),
            (vec![silent(Tcp::Refused), other_key], Verdict::OtherKey),
            (vec![silent(Tcp::Silent), silent(Tcp::Refused)], Verdict::NotListening),
            (vec![], Verdict::NoAddress),
        ] {
            assert_eq!(verdict(&Findings { servers, ..easy() }), expected);
        }
    }

    #[test]
    fn each_rule_decides_where_it_should() {
        let random = || varying(Allocation::Uniform);
        let direct_v6 = Ipv6::Works { translated: false };
        for (findings, expected) in [
            (
                Findings { hosts: Vec::new(), servers: vec![silent(Tcp::Silent)], ..easy() },
                Verdict::Offline,
            ),
            (Findings { mtu: Some(1024), ..easy() }, Verdict::SmallMtu),
            (Findings { mtu: None, ..easy() }, Verdict::SmallMtu),
            (Findings { mtu: Some(LONGEST_DATAGRAM), ..easy() }, Verdict::Easy),
            (
                Findings {
                    mapping: Mapping::None,
                    filtering: Filtering::EndpointIndependent,
                    ..easy()
                },
                Verdict::Public,
            ),
            (Findings { mapping: Mapping::None, ..easy() }, Verdict::Firewalled),
            (easy(), Verdict::Easy),
            (Findings { port_mapping: mapped_at("198.51.100.7:9"), ..random() }, Verdict::Mapped),
            (Findings { ipv6: direct_v6, ..random() }, Verdict::EasyOverIpv6),
            (Findings { ipv6: Ipv6::Works { translated: true }, ..random() }, Verdict::Random),
            (Findings { mapping: Mapping::AddressDependent, ..easy() }, Verdict::Difficult),
            (varying(Allocation::Sequential { step: 1, foreign: 0 }), Verdict::Predictable),
            (varying(Allocation::Block { first: 30_000, last: 31_000 }), Verdict::Block),
            (random(), Verdict::Random),
            (varying(Allocation::Unknown), Verdict::Difficult),
            (Findings { mapping: Mapping::Unknown, ..easy() }, Verdict::Unclear),
        ] {
            assert_eq!(verdict(&findings), expected, "{findings:?}");
        }
    }

    #[test]
    fn a_port_opened_at_an_address_that_the_internet_does_not_see_is_of_no_use() {
        for external in ["100.64.0.9:9", "192.168.0.2:9", "203.0.113.99:9"] {
            let findings =
                Findings { port_mapping: mapped_at(external), ..varying(Allocation::Uniform) };
            assert!(findings.is_behind_two_nats(), "{external}");
            assert_eq!(verdict(&findings), Verdict::Random, "{external}");
        }
    }
}
