//! The endpoints that we offer to peers, and their order.

use std::net::SocketAddr;

use p2pchat_wire::address;

use crate::proto::frame::{Candidate, CandidateKind, MAX_CANDIDATES};

/// What is offered: where rendezvous see us, where our router forwards from, our own addresses.
///
/// A router that stands behind another has a private address outside too. What it forwards may still
/// serve a neighbour behind the same carrier, so it is offered, and last. However many addresses a
/// machine has, they crowd out nothing else.
pub(super) fn candidates(
    reflexive: impl IntoIterator<Item = SocketAddr>,
    port_mapped: Option<SocketAddr>,
    hosts: &[SocketAddr],
) -> Vec<Candidate> {
    let (inner, outer): (Vec<_>, Vec<_>) =
        port_mapped.into_iter().partition(|endpoint| address::is_local(endpoint.ip()));
    let mut list = Vec::new();
    let mut offer = |endpoints: &mut dyn Iterator<Item = SocketAddr>, kind, limit| {
        for endpoint in endpoints.map(address::canonical) {
            let known = list.iter().any(|known: &Candidate| known.endpoint == endpoint);
            if !known && list.len() < limit {
                list.push(Candidate { endpoint, kind });
            }
        }
    };
    offer(&mut reflexive.into_iter(), CandidateKind::ServerReflexive, MAX_CANDIDATES);
    offer(&mut outer.into_iter(), CandidateKind::PortMapped, MAX_CANDIDATES);
    let room = MAX_CANDIDATES - inner.len();
    offer(&mut hosts.iter().copied(), CandidateKind::Host, room);
    offer(&mut inner.into_iter(), CandidateKind::PortMapped, MAX_CANDIDATES);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(reflexive: &[&str], port_mapped: Option<&str>, hosts: &[String]) -> Vec<String> {
        let parse = |text: &str| text.parse::<SocketAddr>().expect("address");
        let hosts: Vec<_> = hosts.iter().map(|text| parse(text)).collect();
        let reflexive = reflexive.iter().map(|text| parse(text));
        let list = candidates(reflexive, port_mapped.map(parse), &hosts);
        list.iter().map(|candidate| candidate.endpoint.to_string()).collect()
    }

    fn machine(addresses: u8) -> Vec<String> {
        (1..=addresses).map(|last| format!("192.168.0.{last}:9")).collect()
    }

    #[test]
    fn what_the_internet_sees_comes_before_the_addresses_of_the_machine() {
        let mut expected = vec!["192.0.2.1:5".to_owned(), "192.0.2.1:7".to_owned()];
        expected.extend(machine(2));
        assert_eq!(offered(&["192.0.2.1:5"], Some("192.0.2.1:7"), &machine(2)), expected);
    }

    #[test]
    fn a_router_behind_another_is_offered_last_and_has_its_place() {
        for outside in ["100.64.0.7:7", "192.168.99.7:7"] {
            let list = offered(&["192.0.2.1:5"], Some(outside), &machine(40));
            assert_eq!(list.len(), MAX_CANDIDATES);
            assert_eq!(list.last().map(String::as_str), Some(outside));
        }
    }

    #[test]
    fn no_endpoint_is_offered_twice() {
        let hosts = ["192.0.2.1:5".to_owned()];
        assert_eq!(offered(&["192.0.2.1:5"], Some("192.0.2.1:5"), &hosts), ["192.0.2.1:5"]);
    }
}
