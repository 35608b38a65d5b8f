use super::*;
use crate::world::epoch;

const INSIDE: &str = "192.168.1.2:4000";
const NEIGHBOUR: &str = "192.168.1.3:4000";
const BOB: &str = "192.0.2.7:5000";
const BOB_OTHER_PORT: &str = "192.0.2.7:5001";
const CAROL: &str = "203.0.113.9:5000";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

fn boxed(behaviour: Behaviour) -> Nat {
    Nat::new(behaviour, "198.51.100.1".parse().expect("address"), [5; 32])
}

/// The ports from which one inside endpoint leaves for Bob, Bob's other port, and Carol.
fn ports_towards_three(behaviour: Behaviour) -> [u16; 3] {
    let mut nat = boxed(behaviour);
    [BOB, BOB_OTHER_PORT, CAROL].map(|to| nat.outbound(epoch(), at(INSIDE), at(to)).port())
}

/// Who gets in after the inside endpoint has written to Bob: Bob, Bob's other port, Carol.
fn admitted(filtering: Filtering) -> [bool; 3] {
    let mut nat = boxed(Behaviour::new(Mapping::EndpointIndependent, filtering));
    let external = nat.outbound(epoch(), at(INSIDE), at(BOB));
    [BOB, BOB_OTHER_PORT, CAROL].map(|from| nat.inbound(epoch(), external, at(from)).is_ok())
}

#[test]
fn an_endpoint_independent_mapping_is_the_same_towards_everybody() {
    let [bob, other, carol] = ports_towards_three(Behaviour::home());
    assert_eq!([bob, other, carol], [4000; 3]);
}

#[test]
fn an_address_dependent_mapping_differs_by_address_only() {
    let behaviour = Behaviour::new(Mapping::AddressDependent, Filtering::AddressDependent);
    let [bob, other, carol] = ports_towards_three(behaviour);
    assert_eq!(bob, other);
    assert_ne!(bob, carol);
}

#[test]
fn an_address_and_port_dependent_mapping_differs_for_every_remote_endpoint() {
    let [bob, other, carol] = ports_towards_three(Behaviour::symmetric());
    assert!(bob != other && bob != carol && other != carol);
}

#[test]
fn each_filter_admits_those_that_its_name_says() {
    assert_eq!(admitted(Filtering::EndpointIndependent), [true, true, true]);
    assert_eq!(admitted(Filtering::AddressDependent), [true, true, false]);
    assert_eq!(admitted(Filtering::AddressAndPortDependent), [true, false, false]);
}

#[test]
fn a_datagram_to_a_port_that_nobody_mapped_goes_nowhere() {
    let mut nat = boxed(Behaviour::home());
    let refused = nat.inbound(epoch(), at("198.51.100.1:4000"), at(BOB));
    assert_eq!(refused, Err(NotAdmitted::NoMapping));
}

#[test]
fn two_hosts_on_one_inside_port_get_two_external_ones() {
    let mut nat = boxed(Behaviour::home());
    let first = nat.outbound(epoch(), at(INSIDE), at(BOB));
    let second = nat.outbound(epoch(), at(NEIGHBOUR), at(BOB));
    assert_eq!(first.port(), 4000);
    assert_ne!(second, first);
    assert_eq!(nat.outbound(epoch(), at(NEIGHBOUR), at(CAROL)), second, "and it stays");
    assert_eq!(nat.inbound(epoch(), second, at(BOB)), Ok(at(NEIGHBOUR)));
}

#[test]
fn sequential_ports_go_by_steps_and_block_ports_stay_in_the_block() {
    let symmetric = |ports| Behaviour { ports, ..Behaviour::symmetric() };
    for step in [1, -4] {
        let ports = ports_towards_three(symmetric(Ports::Sequential { step }));
        assert!(ports.windows(2).all(|pair| pair[0].checked_add_signed(step) == Some(pair[1])));
    }
    let ports = ports_towards_three(symmetric(Ports::Block { first: 30_000, count: 500 }));
    assert!(ports.iter().all(|port| (30_000..30_500).contains(port)), "{ports:?}");
}

#[test]
fn a_mapping_lives_as_long_as_something_goes_out() {
    let mut nat = boxed(Behaviour { idle: Duration::from_secs(30), ..Behaviour::symmetric() });
    let mut now = epoch();
    let external = nat.outbound(now, at(INSIDE), at(BOB));
    for _ in 0..3 {
        now += Duration::from_secs(29);
        assert_eq!(nat.inbound(now, external, at(BOB)), Ok(at(INSIDE)));
        assert_eq!(nat.outbound(now, at(INSIDE), at(BOB)), external);
    }
    now += Duration::from_secs(20);
    assert!(nat.inbound(now, external, at(BOB)).is_ok(), "incoming traffic does not refresh it");
    now += Duration::from_secs(10);
    assert_eq!(nat.inbound(now, external, at(BOB)), Err(NotAdmitted::NoMapping));
    assert_ne!(nat.outbound(now, at(INSIDE), at(BOB)), external);
}

#[test]
fn a_permission_ends_by_itself_while_the_mapping_is_kept_by_others() {
    let mut nat = boxed(Behaviour { idle: Duration::from_secs(30), ..Behaviour::home() });
    let external = nat.outbound(epoch(), at(INSIDE), at(BOB));
    for seconds in [20, 40] {
        nat.outbound(epoch() + Duration::from_secs(seconds), at(INSIDE), at(CAROL));
    }
    let now = epoch() + Duration::from_secs(41);
    assert_eq!(nat.inbound(now, external, at(BOB)), Err(NotAdmitted::Filtered));
    assert_eq!(nat.inbound(now, external, at(CAROL)), Ok(at(INSIDE)));
}

#[test]
fn an_absolute_lifetime_ends_the_busiest_mapping() {
    let absolute = Some(Duration::from_secs(60));
    let mut nat = boxed(Behaviour { absolute, ..Behaviour::symmetric() });
    let external = nat.outbound(epoch(), at(INSIDE), at(BOB));
    for second in 1..60 {
        let now = epoch() + Duration::from_secs(second);
        assert_eq!(nat.outbound(now, at(INSIDE), at(BOB)), external);
    }
    let now = epoch() + Duration::from_secs(60);
    assert_ne!(nat.outbound(now, at(INSIDE), at(BOB)), external);
}

#[test]
fn a_forwarded_port_lets_everybody_in_and_answers_leave_from_it() {
    let mut nat = boxed(Behaviour::symmetric());
    let external = nat.forward(at(INSIDE));
    for stranger in [BOB, CAROL] {
        assert_eq!(nat.inbound(epoch(), external, at(stranger)), Ok(at(INSIDE)));
        assert_eq!(nat.outbound(epoch(), at(INSIDE), at(stranger)), external);
    }
    assert_ne!(nat.outbound(epoch(), at(INSIDE), at(BOB_OTHER_PORT)), external);
}

#[test]
fn rebinding_forgets_the_mapping_and_gives_another_port() {
    let mut nat = boxed(Behaviour::home());
    let before = nat.outbound(epoch(), at(INSIDE), at(BOB));
    nat.rebind();
    assert!(nat.inbound(epoch(), before, at(BOB)).is_err());
    assert_ne!(nat.outbound(epoch(), at(INSIDE), at(BOB)).port(), before.port());
}

#[test]
fn a_new_external_address_keeps_the_port_and_forgets_the_mapping() {
    let mut nat = boxed(Behaviour::home());
    let before = nat.outbound(epoch(), at(INSIDE), at(BOB));
    nat.renumber("198.51.100.99".parse().expect("address"));
    assert!(nat.inbound(epoch(), before, at(BOB)).is_err());
    assert_eq!(nat.outbound(epoch(), at(INSIDE), at(BOB)), at("198.51.100.99:4000"));
}

#[test]
fn an_unsolicited_datagram_steals_the_port_of_an_open_router_for_its_sender() {
    let mut nat = boxed(Behaviour::open());
    let external = nat.outbound(epoch(), at(INSIDE), at(CAROL));
    assert_eq!(nat.inbound(epoch(), external, at(BOB)), Err(NotAdmitted::Stolen));
    let moved = nat.outbound(epoch(), at(INSIDE), at(BOB));
    assert_ne!(moved, external, "towards Bob we now leave from elsewhere");
    assert_eq!(nat.outbound(epoch(), at(INSIDE), at(BOB)), moved, "and stay there");
    assert_eq!(nat.inbound(epoch(), external, at(BOB)), Err(NotAdmitted::Stolen));
    assert_eq!(nat.inbound(epoch(), moved, at(BOB)), Ok(at(INSIDE)));
    assert_eq!(nat.outbound(epoch(), at(INSIDE), at(CAROL)), external, "Carol sees no change");
}

#[test]
fn who_has_written_first_cannot_be_robbed_by_an_open_router() {
    let mut nat = boxed(Behaviour::open());
    let external = nat.outbound(epoch(), at(INSIDE), at(BOB));
    assert_eq!(nat.inbound(epoch(), external, at(BOB)), Ok(at(INSIDE)));
    assert_eq!(nat.outbound(epoch(), at(INSIDE), at(BOB)), external);
}

#[test]
fn a_firewall_changes_no_address_and_lets_only_answers_in() {
    let mut wall = boxed(Behaviour::firewall());
    let (inside, remote) = (at("[2001:db8:1::2]:4000"), at("[2001:db8:2::2]:4000"));
    assert_eq!(wall.inbound(epoch(), inside, remote), Err(NotAdmitted::NoMapping));
    assert_eq!(wall.outbound(epoch(), inside, remote), inside);
    assert_eq!(wall.inbound(epoch(), inside, remote), Ok(inside));
}
