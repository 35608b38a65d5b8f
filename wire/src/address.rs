//! Rules about addresses that a stranger may name.
//!
//! Every endpoint that arrives in a message is somebody's word. Before a single packet goes there
//! it is brought into one form and held against these rules, so that nobody can aim us at a
//! machine's own services, at a whole network, or at a protocol that would take our bytes for its
//! own.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// Ports whose protocols are rewritten by middleboxes or have been abused by "slipstreaming":
/// FTP, H.323, SIP.
const REFUSED_PORTS: [u16; 4] = [21, 1720, 5060, 5061];

/// The address in its one form, so that two are the same place exactly if they are equal.
///
/// IPv4-mapped IPv6 becomes IPv4. Of IPv6 the flow label is dropped, and so is the scope, except
/// that of a link-local address: without it nobody knows which link is meant (RFC 4007 §6).
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
            None => {
                let scope = if is_link_local((*v6.ip()).into()) { v6.scope_id() } else { 0 };
                SocketAddrV6::new(*v6.ip(), v6.port(), 0, scope).into()
            }
        },
    }
}

/// Whether packets may be sent to an endpoint that somebody else named.
///
/// Loopback is allowed only where `loopback` says so: to a peer that itself talks to a rendezvous
/// on its own machine, as in the demo and in tests.
#[must_use]
pub fn is_permitted(address: SocketAddr, loopback: bool) -> bool {
    let address = canonical(address);
    let ip = address.ip();
    let unusable = ip.is_unspecified()
        || ip.is_multicast()
        || match ip {
            IpAddr::V4(v4) => v4.is_broadcast() || v4.octets()[0] == 0,
            IpAddr::V6(_) => false,
        };
    !unusable
        && (loopback || !ip.is_loopback())
        && address.port() != 0
        && !REFUSED_PORTS.contains(&address.port())
}

/// Whether `ip` belongs to one link only (RFC 3927, RFC 4291 §2.5.6).
#[must_use]
pub fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// Whether `ip` is only meaningful inside somebody's network: private (RFC 1918, RFC 4193), shared
/// by a carrier (RFC 6598), link-local or loopback.
#[must_use]
pub fn is_local(ip: IpAddr) -> bool {
    is_link_local(ip)
        || ip.is_loopback()
        || match ip {
            IpAddr::V4(v4) => {
                v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64)
            }
            IpAddr::V6(v6) => v6.segments()[0] & 0xfe00 == 0xfc00,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("address")
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_that_it_hides() {
        assert_eq!(canonical(address("[::ffff:192.0.2.1]:7")), address("192.0.2.1:7"));
        assert!(!is_permitted(address("[::ffff:127.0.0.1]:4000"), false));
    }

    #[test]
    fn flow_labels_mean_nothing_and_scopes_only_on_a_link() {
        let of = |ip: &str, flow, scope| -> SocketAddr {
            SocketAddrV6::new(ip.parse().expect("ip"), 7, flow, scope).into()
        };
        assert_eq!(canonical(of("2001:db8::1", 5, 3)), of("2001:db8::1", 0, 0));
        assert_eq!(canonical(of("fe80::1", 5, 3)), of("fe80::1", 0, 3));
    }

    #[test]
    fn nobody_can_aim_us_at_ourselves_at_groups_or_at_fragile_protocols() {
        for bad in [
            "0.0.0.0:4000",
            "0.1.2.3:4000",
            "127.0.0.1:4000",
            "[::1]:4000",
            "[::]:4000",
            "224.0.0.1:4000",
            "[ff02::1]:4000",
            "255.255.255.255:4000",
            "192.0.2.1:0",
            "192.0.2.1:5060",
            "192.0.2.1:21",
        ] {
            assert!(!is_permitted(address(bad), false), "{bad}");
        }
        for good in ["192.0.2.1:4000", "10.0.0.1:4000", "[2001:db8::1]:4000", "100.64.0.1:9"] {
            assert!(is_permitted(address(good), false), "{good}");
        }
        assert!(is_permitted(address("127.0.0.1:4000"), true));
    }

    #[test]
    fn local_addresses_are_told_from_public_ones() {
        for local in [
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "100.64.0.1",
            "fe80::1",
            "fd00::1",
            "127.0.0.1",
            "169.254.0.1",
        ] {
            assert!(is_local(local.parse().expect("ip")), "{local}");
        }
        for public in ["192.0.2.1", "100.128.0.1", "2001:db8::1", "172.32.0.1"] {
            assert!(!is_local(public.parse().expect("ip")), "{public}");
        }
    }
}
