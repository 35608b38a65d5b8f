//! The addresses of this machine, as host candidates.

use std::net::{IpAddr, SocketAddr};

use p2pchat_wire::address::is_link_local;

/// How many addresses are offered. Machines with dozens of container bridges exist; each candidate
/// costs both sides probes.
const MAX_CANDIDATES: usize = 12;

/// How names of interfaces begin that rarely lead to another person: bridges of containers and
/// virtual machines, tunnels. They come last, not never: two people may share a VPN.
const VIRTUAL: [&str; 14] = [
    "docker",
    "br-",
    "virbr",
    "veth",
    "vmnet",
    "vboxnet",
    "tun",
    "tap",
    "utun",
    "wg",
    "zt",
    "tailscale",
    "cni",
    "podman",
];

/// The endpoints under which this machine's sockets can be reached inside its networks.
///
/// `bound` are the sockets' local addresses; one that is bound to a single address is its own
/// candidate. Loopback counts only where `loopback` says so: when the rendezvous is on this
/// machine, so may be the peers.
#[must_use]
pub fn host_candidates(bound: &[SocketAddr], loopback: bool) -> Vec<SocketAddr> {
    // Without a list of interfaces there are fewer candidates, not fewer chats.
    let mut interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.sort_by_key(|interface| is_virtual(&interface.name));
    let up = interfaces.iter().filter(|i| i.is_loopback() || i.is_oper_up());
    select(bound, &up.map(if_addrs::Interface::ip).collect::<Vec<_>>(), loopback)
}

fn select(bound: &[SocketAddr], addresses: &[IpAddr], loopback: bool) -> Vec<SocketAddr> {
    let usable = |ip: &IpAddr| (loopback || !ip.is_loopback()) && !is_link_local(*ip);
    let mut candidates: Vec<SocketAddr> = Vec::new();
    for local in bound {
        let same_family = |ip: &&IpAddr| ip.is_ipv4() == local.is_ipv4();
        let ips = if local.ip().is_unspecified() {
            addresses.iter().filter(same_family).copied().collect()
        } else {
            vec![local.ip()]
        };
        for candidate in ips.into_iter().filter(usable).map(|ip| SocketAddr::new(ip, local.port()))
        {
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        }
    }
    candidates.truncate(MAX_CANDIDATES);
    candidates
}

fn is_virtual(name: &str) -> bool {
    VIRTUAL.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(bound: &[&str], addresses: &[&str], loopback: bool) -> Vec<String> {
        let bound: Vec<_> = bound.iter().map(|text| text.parse().expect("address")).collect();
        let addresses: Vec<_> = addresses.iter().map(|text| text.parse().expect("ip")).collect();
        select(&bound, &addresses, loopback).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn candidates_are_the_addresses_of_the_machine_with_the_ports_of_the_sockets() {
        let machine = ["127.0.0.1", "192.168.0.7", "fe80::7", "2001:db8::7", "192.168.0.7"];
        assert_eq!(
            candidates(&["0.0.0.0:40", "[::]:60"], &machine, false),
            ["192.168.0.7:40", "[2001:db8::7]:60"]
        );
        assert_eq!(candidates(&["0.0.0.0:40"], &machine, true), ["127.0.0.1:40", "192.168.0.7:40"]);
    }

    #[test]
    fn a_socket_bound_to_one_address_has_that_address_only() {
        let bound = ["10.0.0.1:9", "127.0.0.1:9"];
        assert_eq!(candidates(&bound, &["192.168.0.7"], false), ["10.0.0.1:9"]);
        assert_eq!(candidates(&bound, &["192.168.0.7"], true), bound);
    }

    #[test]
    fn bridges_and_tunnels_come_last() {
        assert!(is_virtual("docker0") && is_virtual("veth12") && is_virtual("wg0"));
        assert!(!is_virtual("eth0") && !is_virtual("wlp3s0") && !is_virtual("en0"));
    }
}
