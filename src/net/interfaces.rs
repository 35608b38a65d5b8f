//! The addresses of this machine, and which of them are worth offering as host candidates.
//!
//! A laptop of a developer has two addresses that lead to it and twenty of containers, virtual
//! machines and tunnels that do not. Each candidate costs both sides probes, and a list full of
//! the latter leaves no room for the former. What [`host_candidates`] keeps, and in which order, is
//! its whole secret; where the addresses come from is [`look`]'s.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use p2pchat_wire::address::is_link_local;

/// How many addresses are offered.
const MAX_HOSTS: usize = 12;

/// How many of them may be a tunnel's, if there are others.
const MAX_TUNNELS: usize = 3;

/// How names of interfaces begin that lead to containers and virtual machines on this computer and
/// to nobody else, and of Apple's links between devices.
const INNER: [&str; 22] = [
    "docker",
    "veth",
    "virbr",
    "vnet",
    "vmnet",
    "vboxnet",
    "cni",
    "podman",
    "lxcbr",
    "lxdbr",
    "incusbr",
    "flannel",
    "cali",
    "kube-",
    "dummy",
    "hassio",
    "vEthernet",
    "VMware",
    "VirtualBox",
    "bridge10",
    "awdl",
    "llw",
];

/// How names of tunnels begin that do not call themselves point-to-point, or not everywhere.
const TUNNELS: [&str; 13] = [
    "tun",
    "tap",
    "utun",
    "wg",
    "zt",
    "tailscale",
    "nebula",
    "nordlynx",
    "ipsec",
    "gif",
    "stf",
    "sit",
    "ppp",
];

/// An interface that is up and has a carrier.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Interface {
    /// As people see it: on Windows the friendly name, elsewhere the system's.
    pub(super) name: String,
    pub(super) loopback: bool,
    pub(super) point_to_point: bool,
    /// What has no more special route leaves here.
    pub(super) default_route: bool,
    /// The routers behind it.
    pub(super) gateways: Vec<IpAddr>,
    pub(super) addresses: Vec<Address>,
}

/// An address of an interface, with the flags that IPv6 addresses have (RFC 4862, RFC 8981).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Address {
    pub(super) ip: IpAddr,
    /// Not to be used for anything new: soon it is gone.
    pub(super) deprecated: bool,
    /// Made up for a day, so that its owner cannot be followed for longer.
    pub(super) temporary: bool,
    /// Nobody knows yet whether another machine has it, or one has.
    pub(super) tentative: bool,
}

/// Which way packets to strangers leave.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Uplink {
    pub(super) interface: String,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) gateway: Option<Ipv4Addr>,
}

/// Whom an interface leads to. The order is that of the offer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Reach {
    Network,
    Tunnel,
    Inner,
}

/// The endpoints under which this machine's sockets can be reached inside its networks.
///
/// `bound` are the sockets' local addresses; one that is bound to a single address is its own
/// candidate. Loopback counts only where `loopback` says so: when the rendezvous is on this
/// machine, so may be the peers.
///
/// First come the networks that the machine is in, among them always the one with the default
/// route, whatever its name; then at most three addresses of tunnels, since two people may share a VPN;
/// those of bridges to containers and virtual machines only if there is nothing else. No interface's
/// second address comes before another's first.
pub(super) fn host_candidates(
    bound: &[SocketAddr],
    interfaces: &[Interface],
    loopback: bool,
) -> Vec<SocketAddr> {
    let mut ranked = Vec::new();
    for local in bound {
        if !local.ip().is_unspecified() {
            let reach = Reach::Network;
            if (loopback || !local.ip().is_loopback()) && !is_link_local(local.ip()) {
                ranked.push(((reach, false, 0), *local));
            }
            continue;
        }
        for interface in interfaces.iter().filter(|interface| loopback || !interface.loopback) {
            let reach = interface.reach();
            let same_family = |ip: &IpAddr| ip.is_ipv4() == local.is_ipv4();
            let offered = interface.offered().filter(|address| same_family(&address.ip));
            for (number, address) in offered.enumerate() {
                let fading = address.deprecated || is_transitional(address.ip);
                let endpoint = SocketAddr::new(address.ip, local.port());
                ranked.push(((reach, fading, number), endpoint));
            }
        }
    }
    // Two computers on one cable have nothing but link-local addresses. One of IPv6 says nothing to
    // others, who know the link by another number (RFC 4007 §6).
    let self_assigned = |&(_, endpoint): &(_, SocketAddr)| is_link_local(endpoint.ip());
    let only = ranked.iter().filter(|&entry| entry.1.is_ipv4()).all(self_assigned);
    ranked.retain(|entry| !self_assigned(entry) || (only && entry.1.is_ipv4()));

    ranked.sort_by_key(|&(rank, _)| rank);
    let best = ranked.first().map(|&((reach, ..), _)| reach);
    let mut tunnels = 0;
    let mut candidates = Vec::new();
    for ((reach, ..), endpoint) in ranked {
        let crowds_out = Some(reach) != best
            && match reach {
                Reach::Network => false,
                Reach::Tunnel => {
                    tunnels += 1;
                    tunnels > MAX_TUNNELS
                }
                Reach::Inner => true,
            };
        if !crowds_out && !candidates.contains(&endpoint) {
            candidates.push(endpoint);
        }
    }
    candidates.truncate(MAX_HOSTS);
    candidates
}

/// Which way packets to strangers leave now.
pub(super) fn uplink(interfaces: &[Interface]) -> Uplink {
    let v4 = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    };
    let leaves = interfaces.iter().find(|interface| interface.default_route);
    leaves.map_or_else(Uplink::default, |interface| Uplink {
        interface: interface.name.clone(),
        address: interface.addresses.iter().find_map(|address| v4(address.ip)),
        gateway: interface.gateways.iter().copied().find_map(v4),
    })
}

/// The interfaces that can be used now. It reads a dozen files for each, and may take some
/// milliseconds.
pub(super) fn look() -> Vec<Interface> {
    let usable = |interface: &netdev::Interface| {
        interface.is_loopback() || (interface.is_up() && interface.is_running())
    };
    netdev::get_interfaces()
        .iter()
        .filter(|&interface| usable(interface))
        .map(Interface::from)
        .collect()
}

impl Interface {
    fn reach(&self) -> Reach {
        let begins =
            |prefixes: &[&str]| prefixes.iter().any(|prefix| self.name.starts_with(prefix));
        if self.default_route {
            Reach::Network
        } else if begins(&INNER) || is_docker_network(&self.name) {
            Reach::Inner
        } else if self.point_to_point || begins(&TUNNELS) {
            Reach::Tunnel
        } else {
            Reach::Network
        }
    }

    /// What of its addresses may be shown to others. Where there is a temporary address, its
    /// permanent neighbour, by which a machine can be followed through the years, is not.
    fn offered(&self) -> impl Iterator<Item = &Address> {
        let hides = |address: &Address| {
            self.addresses.iter().any(|other| {
                other.temporary
                    && !other.deprecated
                    && !other.tentative
                    && same_network(other.ip, address.ip)
            })
        };
        self.addresses.iter().filter(move |address| {
            let unusable = address.tentative
                || address.ip.is_unspecified()
                || address.ip.is_multicast()
                || is_translators(address.ip);
            !unusable
                && (address.temporary || !hides(address))
                && (!address.deprecated || !hides(address))
        })
    }
}

impl From<&netdev::Interface> for Interface {
    fn from(interface: &netdev::Interface) -> Self {
        let friendly = interface.friendly_name.as_ref().filter(|_| cfg!(windows));
        let plain = |ip| Address { ip, deprecated: false, temporary: false, tentative: false };
        let v4 = interface.ipv4.iter().map(|net| plain(net.addr().into()));
        let v6 =
            interface.ipv6.iter().zip(&interface.ipv6_addr_flags).map(|(net, flags)| Address {
                ip: net.addr().into(),
                deprecated: flags.deprecated,
                temporary: flags.temporary,
                tentative: flags.tentative || flags.duplicated,
            });
        let gateways = interface.gateway.iter().flat_map(|gateway| {
            let v4 = gateway.ipv4.iter().copied().map(IpAddr::from);
            v4.chain(gateway.ipv6.iter().copied().map(IpAddr::from))
        });
        Self {
            name: friendly.unwrap_or(&interface.name).clone(),
            loopback: interface.is_loopback(),
            point_to_point: interface.is_point_to_point(),
            default_route: interface.default,
            gateways: gateways.collect(),
            addresses: v4.chain(v6).collect(),
        }
    }
}

/// Docker calls its networks `br-` and twelve hexadecimal digits; `br-lan` is a real one.
fn is_docker_network(name: &str) -> bool {
    name.strip_prefix("br-")
        .is_some_and(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn same_network(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..4] == other.segments()[..4],
        _ => false,
    }
}

/// Whether `ip` is the inner side of this machine's own translation to IPv6 (RFC 7335).
fn is_translators(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.octets()[..3] == [192, 0, 0])
}

/// Whether `ip` is reached through somebody's relay: Teredo, 6to4 (RFC 4380, RFC 3056).
fn is_transitional(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(v6) if matches!(v6.segments(), [0x2001, 0, ..] | [0x2002, ..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name* address, …`: an asterisk marks the default route, `>` a point-to-point link, and in an
    /// address `~` that it is temporary, `!` deprecated and `?` tentative.
    fn interface(text: &str) -> Interface {
        let (name, addresses) = text.split_once(' ').expect("a name and addresses");
        let address = |text: &str| Address {
            ip: text.trim_matches(['~', '!', '?']).parse().expect("address"),
            deprecated: text.contains('!'),
            temporary: text.contains('~'),
            tentative: text.contains('?'),
        };
        Interface {
            name: name.trim_end_matches(['*', '>']).to_owned(),
            loopback: name.starts_with("lo"),
            point_to_point: name.contains('>'),
            default_route: name.contains('*'),
            gateways: Vec::new(),
            addresses: addresses.split(", ").map(address).collect(),
        }
    }

    fn offered(bound: &[&str], machine: &[&str], loopback: bool) -> Vec<String> {
        let bound: Vec<_> = bound.iter().map(|text| text.parse().expect("address")).collect();
        let machine: Vec<_> = machine.iter().map(|text| interface(text)).collect();
        host_candidates(&bound, &machine, loopback).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_machines_offer() {
        #[rustfmt::skip]
        let table: &[(&str, &[&str], &[&str])] = &[
            ("a laptop",
                &["lo 127.0.0.1, ::1", "wlan0* 192.168.0.7, fe80::7, 2001:db8::7"],
                &["192.168.0.7", "2001:db8::7"]),
            ("a developer's laptop: containers and machines crowd out nothing",
                &["docker0 172.17.0.1", "br-0123456789ab 172.18.0.1", "virbr0 192.168.122.1", "veth12 fe80::1",
                  "eth0* 192.168.0.7"],
                &["192.168.0.7"]),
            ("a bridge that is a real network",
                &["br-lan 192.168.1.1", "wan* 203.0.113.7"],
                &["192.168.1.1", "203.0.113.7"]),
            ("the default route makes a network of whatever has it",
                &["docker0* 172.17.0.1", "tap0 10.8.0.2"],
                &["172.17.0.1", "10.8.0.2"]),
            ("a tunnel comes last, since two people may share it",
                &["wg0> 10.8.0.2", "utun3> 100.64.0.5", "en0* 192.168.0.7"],
                &["192.168.0.7", "10.8.0.2", "100.64.0.5"]),
            ("many tunnels",
                &["wg0> 10.0.0.1", "wg1> 10.0.1.1", "wg2> 10.0.2.1", "wg3> 10.0.3.1", "eth0 10.9.0.1"],
                &["10.9.0.1", "10.0.0.1", "10.0.1.1", "10.0.2.1"]),
            ("nothing but tunnels",
                &["wg0> 10.0.0.1", "wg1> 10.0.1.1", "wg2> 10.0.2.1", "wg3> 10.0.3.1"],
                &["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"]),
            ("nothing but a bridge to containers",
                &["docker0 172.17.0.1"],
                &["172.17.0.1"]),
            ("an interface with many addresses does not hide the next",
                &["eth0* 10.0.0.1, 10.0.0.2, 10.0.0.3", "eth1 10.1.0.1"],
                &["10.0.0.1", "10.1.0.1", "10.0.0.2", "10.0.0.3"]),
            ("two computers on one cable",
                &["eth0 169.254.7.7, fe80::7"],
                &["169.254.7.7"]),
            ("a self-assigned address beside a real one",
                &["eth0 169.254.7.7", "wlan0* 192.168.0.7"],
                &["192.168.0.7"]),
            ("the temporary address instead of the permanent one of that network",
                &["eth0* 2001:db8::a:1, 2001:db8::b:2~, 2001:db8:1::a:1, fd00::a:1"],
                &["2001:db8::b:2", "2001:db8:1::a:1", "fd00::a:1"]),
            ("yesterday's temporary address beside today's",
                &["eth0* 2001:db8::1~!, 2001:db8::2~, 2001:db8::3"],
                &["2001:db8::2"]),
            ("the last temporary address has expired",
                &["eth0* 2001:db8::1~!, 2001:db8::2"],
                &["2001:db8::2", "2001:db8::1"]),
            ("a deprecated network comes after a good one",
                &["eth0* 2001:db8::1!, 2001:db8:1::1"],
                &["2001:db8:1::1", "2001:db8::1"]),
            ("what may be another's is not offered",
                &["eth0* 2001:db8::1?, 2001:db8::2"],
                &["2001:db8::2"]),
            ("addresses that others' relays lead to",
                &["eth0* 2002:c000:201::1, 2001:0:5ef5:79fb::1, 2001:db8::2, 192.0.0.2"],
                &["2001:db8::2", "2002:c000:201::1", "2001:0:5ef5:79fb::1"]),
        ];
        for (what, machine, expected) in table {
            let expected: Vec<String> = expected
                .iter()
                .map(|ip| SocketAddr::new(ip.parse().expect("address"), 9).to_string())
                .collect();
            assert_eq!(offered(&["0.0.0.0:9", "[::]:9"], machine, false), expected, "{what}");
        }
    }

    #[test]
    fn each_family_has_the_port_of_its_socket_and_loopback_only_when_asked_for() {
        let machine = ["lo 127.0.0.1, ::1", "eth0* 192.168.0.7, 2001:db8::7"];
        assert_eq!(
            offered(&["0.0.0.0:40", "[::]:60"], &machine, false),
            ["192.168.0.7:40", "[2001:db8::7]:60"]
        );
        assert_eq!(offered(&["0.0.0.0:40"], &machine, true), ["127.0.0.1:40", "192.168.0.7:40"]);
    }

    #[test]
    fn a_socket_bound_to_one_address_has_that_address_only() {
        let (bound, machine) = (["10.0.0.1:9", "127.0.0.1:9"], ["eth0* 192.168.0.7"]);
        assert_eq!(offered(&bound, &machine, false), ["10.0.0.1:9"]);
        assert_eq!(offered(&bound, &machine, true), bound);
    }

    #[test]
    fn there_is_a_limit() {
        let addresses: Vec<String> = (1..=40).map(|last| format!("10.0.0.{last}")).collect();
        let machine = format!("eth0* {}", addresses.join(", "));
        assert_eq!(offered(&["0.0.0.0:9"], &[&machine], false).len(), MAX_HOSTS);
    }

    #[test]
    fn this_machine_has_an_address_for_itself() {
        let own = look();
        let bound = ["0.0.0.0:9".parse().expect("address")];
        assert!(!host_candidates(&bound, &own, true).is_empty(), "{own:?}");
    }
}
