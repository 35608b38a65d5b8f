//! Which path two people end up with, for every pair of places: one table.
//!
//! The rules behind it (`docs/nat-traversal.md`): the server sees the endpoint that everybody sees
//! if the mapping is endpoint-independent; then it is enough that both sides send. If one side's
//! mapping depends on the destination, the other must let it in from a port that it has never
//! written to, and learns the endpoint from the packet. Otherwise the ports are guessed, where
//! there is a fair chance: one side keeps its port, or is let in from any, or both count or have
//! small blocks. Where there is none, the relay stays.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use p2pchat::proto::{Command, MappingProtocol, Obstacle, PathKind, PortMapping, PunchState};

use crate::nat::{Behaviour, Filtering, Mapping, Ports};
use crate::scene::{Place, Scene, behind, key_of};
use crate::talker::{PORT, Talker};
use crate::topology::{CORE, HostId, RouterId};

use Filtering as F;
use Mapping as M;

/// How long after the session begins the path must be the expected one, and stay so: two rounds of
/// the longest plan.
const SETTLED: Duration = Duration::from_secs(40);

/// The places: mapping, `/`, filtering; `EI` endpoint-independent, `AD` address-dependent, `APD`
/// address-and-port-dependent. `open`: EI/APD, and unsolicited datagrams steal the port. `seq` and
/// `block`: APD/APD with sequential ports, and with ports of a block of 500.
const PLACES: [&str; 14] = [
    "public", "EI/EI", "EI/AD", "EI/APD", "open", "AD/EI", "AD/AD", "AD/APD", "APD/EI", "APD/AD",
    "APD/APD", "seq", "down", "block",
];

/// `D` direct, `R` relay; callers in rows, callees in columns, both in the order of [`PLACES`].
const EXPECTED: [&str; 14] = [
    "D D D D D D D D D D D D D D",
    "D D D D D D D D D D D D D D",
    "D D D D D D D D D D D D D D",
    "D D D D D D D D D D D D D D",
    "D D D D D D D D D D D D D D",
    "D D D D D D D D D D D D D D",
    "D D D D D D D D D D D D D D",
    "D D D D D D D R R R R R R R",
    "D D D D D D D R D D R R R R",
    "D D D D D D D R D D R R R R",
    "D D D D D D D R R R R R R R",
    "D D D D D D D R R R R D D D",
    "D D D D D D D R R R R D D D",
    "D D D D D D D R R R R D D D",
];

fn place(label: &str) -> Place {
    let nat = |mapping, filtering| {
        let ports =
            if mapping == M::EndpointIndependent { Ports::Preserving } else { Ports::Random };
        Place::Behind(Behaviour { ports, ..Behaviour::new(mapping, filtering) })
    };
    let symmetric = |ports| Place::Behind(Behaviour { ports, ..Behaviour::symmetric() });
    match label {
        "public" => Place::Public,
        "open" => Place::Behind(Behaviour::open()),
        "seq" => symmetric(Ports::Sequential { step: 1 }),
        "down" => symmetric(Ports::Sequential { step: -2 }),
        "block" => symmetric(Ports::Block { first: 30_000, count: 500 }),
        _ => {
            let (mapping, filtering) = label.split_once('/').expect("mapping/filtering");
            let mapping = match mapping {
                "EI" => M::EndpointIndependent,
                "AD" => M::AddressDependent,
                _ => M::AddressAndPortDependent,
            };
            let filtering = match filtering {
                "EI" => F::EndpointIndependent,
                "AD" => F::AddressDependent,
                _ => F::AddressAndPortDependent,
            };
            nat(mapping, filtering)
        }
    }
}

fn letter(path: Option<PathKind>) -> char {
    match path {
        None => '-',
        Some(PathKind::Lan) => 'L',
        Some(PathKind::Direct) => 'D',
        Some(PathKind::Relay) => 'R',
    }
}

/// The path that both sides use in the end; `!` if they differ.
fn outcome(mut scene: Scene) -> char {
    scene.call();
    scene.world.run_for(SETTLED);
    let [alice, bob] = [scene.alice, scene.bob].map(|who| letter(scene.talker(who).path()));
    if alice == bob { alice } else { '!' }
}

#[test]
fn every_pair_of_nats_meets_by_the_best_path_that_there_is() {
    let mut table = format!("{:>9}", "");
    for column in PLACES {
        let _ = write!(table, " {column:>7}");
    }
    let mut wrong = 0;
    for (row, expected) in PLACES.into_iter().zip(EXPECTED) {
        let _ = write!(table, "\n{row:>9}");
        for (column, expected) in PLACES.into_iter().zip(expected.split(' ')) {
            let found = outcome(Scene::new(1, place(row), place(column)));
            let cell = if expected.starts_with(found) {
                found.to_string()
            } else {
                wrong += 1;
                format!("{found} not {expected}")
            };
            let _ = write!(table, " {cell:>7}");
        }
    }
    assert_eq!(wrong, 0, "paths other than expected (caller in rows, callee in columns):\n{table}");
}

#[test]
fn ipv6_behind_firewalls_is_direct_where_ipv4_could_only_be_relayed() {
    let symmetric = || Place::DualStack(Behaviour::symmetric());
    assert_eq!(outcome(Scene::new(1, symmetric(), symmetric())), 'D');
}

#[test]
fn two_people_in_one_home_use_their_own_network() {
    for behaviour in [Behaviour::home(), Behaviour::symmetric(), Behaviour::open()] {
        let scene = Scene::built(1, |world| {
            let alice = behind(world, CORE, "198.51.100.1", behaviour, "192.168.1.2");
            let bob = crate::scene::Home { addresses: vec!["192.168.1.3"], ..alice };
            let alice = crate::scene::Home { addresses: vec!["192.168.1.2"], ..bob };
            [alice, bob]
        });
        assert_eq!(outcome(scene), 'L');
    }
}

#[test]
fn a_home_behind_a_carrier_is_as_good_as_the_carrier_lets_it_be() {
    let carrier = |carrier| Place::Carrier { home: Behaviour::home(), carrier };
    let home = || Place::Behind(Behaviour::home());
    assert_eq!(outcome(Scene::new(1, carrier(Behaviour::home()), home())), 'D');
    assert_eq!(outcome(Scene::new(1, carrier(Behaviour::symmetric()), home())), 'D');
    // Carriers give blocks of ports to customers (RFC 7422), and any port to two of them is too many.
    let block = Ports::Block { first: 30_000, count: 500 };
    let blocks = Behaviour { ports: block, ..Behaviour::symmetric() };
    assert_eq!(outcome(Scene::new(1, carrier(blocks.clone()), carrier(blocks))), 'D');
    let any = Behaviour::symmetric;
    assert_eq!(outcome(Scene::new(1, carrier(any()), carrier(any()))), 'R');
    let filters_by_address =
        Place::Behind(Behaviour::new(M::EndpointIndependent, F::AddressDependent));
    assert_eq!(outcome(Scene::new(1, carrier(Behaviour::symmetric()), filters_by_address)), 'D');
}

#[test]
fn two_homes_behind_one_carrier_go_direct_only_if_it_turns_datagrams_round() {
    for (hairpin, expected) in [(true, 'D'), (false, 'R')] {
        let scene = Scene::built(1, |world| {
            let carrier = Behaviour { hairpin, ..Behaviour::home() };
            let (inside, _) = world.add_nat(CORE, "198.18.0.1", carrier);
            let home = Behaviour::home;
            [
                behind(world, inside, "100.64.0.2", home(), "192.168.1.2"),
                behind(world, inside, "100.64.0.3", home(), "192.168.2.2"),
            ]
        });
        assert_eq!(outcome(scene), expected, "hairpin: {hairpin}");
    }
}

/// Both meet over the relay; what each then says about guessing ports.
fn obstacles(mut scene: Scene) -> [Option<PunchState>; 2] {
    scene.call();
    scene.world.run_for(SETTLED);
    for (who, other) in [(scene.alice, "bob"), (scene.bob, "alice")] {
        scene.command(who, Command::DescribePaths(key_of(other)));
    }
    scene.world.run_for(Duration::from_millis(1));
    [scene.alice, scene.bob].map(|who| {
        assert_eq!(scene.talker(who).path(), Some(PathKind::Relay));
        scene.talker(who).punch
    })
}

#[test]
fn the_side_that_leads_a_punch_and_the_one_that_follows_both_know_why_nothing_is_tried() {
    let any = || Place::Behind(Behaviour::symmetric());
    for punch in obstacles(Scene::new(1, any(), any())) {
        let hopeless = PunchState::NotTried(Obstacle::Hopeless { permille: 1 });
        assert_eq!(punch, Some(hopeless));
    }
    let neighbours = Scene::built(1, |world| {
        let (inside, _) = world.add_nat(CORE, "198.18.0.1", Behaviour::home());
        let home = Behaviour::home;
        [
            behind(world, inside, "100.64.0.2", home(), "192.168.1.2"),
            behind(world, inside, "100.64.0.3", home(), "192.168.2.2"),
        ]
    });
    for punch in obstacles(neighbours) {
        assert_eq!(punch, Some(PunchState::NotTried(Obstacle::SharedNat)));
    }
}

#[test]
fn a_home_behind_a_carrier_is_no_better_than_its_own_router() {
    let carrier = |home| Place::Carrier { home, carrier: Behaviour::home() };
    let home = || Place::Behind(Behaviour::home());
    let any = || Place::Behind(Behaviour::symmetric());
    assert_eq!(outcome(Scene::new(1, carrier(Behaviour::symmetric()), home())), 'D');
    assert_eq!(outcome(Scene::new(1, carrier(Behaviour::symmetric()), any())), 'R');
    let both = Scene::new(1, carrier(Behaviour::home()), carrier(Behaviour::home()));
    assert_eq!(outcome(both), 'D', "each behind a carrier of its own");
}

#[test]
fn ipv6_on_one_side_alone_helps_nobody() {
    let symmetric = Behaviour::symmetric;
    let scene = Scene::new(1, Place::DualStack(symmetric()), Place::Behind(symmetric()));
    assert_eq!(outcome(scene), 'R');
}

/// The router next to somebody forwards a port to them, and they know it.
fn forward(scene: &mut Scene, who: HostId, router: RouterId) {
    let inside = SocketAddr::new(scene.world.addresses(who)[0], PORT);
    let nat = scene.world.router(router).nat.as_mut().expect("a router with a NAT");
    let mapping = PortMapping::Mapped { by: MappingProtocol::Pcp, external: nat.forward(inside) };
    scene.command(who, Command::SetPortMapping(mapping));
}

#[test]
fn one_forwarded_port_makes_any_pair_of_nats_harmless() {
    for place in PLACES.iter().skip(1) {
        for side in 0..2 {
            let mut scene = Scene::new(1, self::place(place), self::place("APD/APD"));
            let router = scene.routers[side].expect("both are behind routers");
            let who = [scene.alice, scene.bob][side];
            forward(&mut scene, who, router);
            assert_eq!(outcome(scene), 'D', "{place} × APD/APD, side {side}");
        }
    }
}

#[test]
fn a_port_that_is_forwarded_behind_a_carrier_serves_a_neighbour() {
    let mut scene = Scene::built(1, |world| {
        let (inside, _) = world.add_nat(CORE, "198.18.0.1", Behaviour::symmetric());
        let home = Behaviour::symmetric;
        [
            behind(world, inside, "100.64.0.2", home(), "192.168.1.2"),
            behind(world, inside, "100.64.0.3", home(), "192.168.2.2"),
        ]
    });
    let router = scene.routers[1].expect("behind a router");
    let bob = scene.bob;
    forward(&mut scene, bob, router);
    assert_eq!(outcome(scene), 'L', "both see addresses of the carrier's own network");
}

#[test]
fn two_homes_that_use_the_same_private_addresses_meet_outside() {
    let scene = Scene::built(1, |world| {
        let home = Behaviour::home;
        [
            behind(world, CORE, "198.51.100.1", home(), "192.168.1.2"),
            behind(world, CORE, "192.0.2.1", home(), "192.168.1.2"),
        ]
    });
    assert_eq!(outcome(scene), 'D');
}

#[test]
fn where_udp_is_blocked_the_peer_says_that_the_rendezvous_is_unreachable() {
    use p2pchat::proto::{Event, RendezvousTrouble, ServerId};
    let blocked = Behaviour { udp_blocked: true, ..Behaviour::home() };
    let mut scene = Scene::new(1, Place::Behind(blocked), Place::Public);
    scene.start(scene.alice, None);
    let alice = scene.alice;
    let is_trouble = |event: &Event| {
        matches!(
            event,
            Event::RendezvousTrouble {
                server: ServerId::FIRST,
                trouble: RendezvousTrouble::Unreachable
            }
        )
    };
    scene.world.run_until(Duration::from_secs(10), "it says so", |world| {
        world.host(alice).talker().first(is_trouble).is_some()
    });
    assert!(!scene.world.talkers().any(Talker::is_registered));
}
