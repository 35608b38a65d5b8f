//! How often ports are guessed right, over many worlds with dice of their own.

use std::time::Duration;

use p2pchat::proto::PathKind;

use crate::nat::{Behaviour, Filtering, Mapping, Ports};
use crate::scene::{Place, Scene};

/// So many worlds for each pair.
const WORLDS: u64 = 100;

/// As the lab has it.
const SECONDS: u64 = 30;

/// In how many of the worlds both sides use a direct path in time.
fn met(one: &Behaviour, other: &Behaviour) -> usize {
    let meets = |seed: &u64| {
        let place = |behaviour: &Behaviour| Place::Behind(behaviour.clone());
        let mut scene = Scene::new(*seed, place(one), place(other));
        scene.call();
        (0..SECONDS).any(|_| {
            scene.world.run_for(Duration::from_secs(1));
            let direct = |who| scene.talker(who).path() == Some(PathKind::Direct);
            [scene.alice, scene.bob].into_iter().all(direct)
        })
    };
    (0..WORLDS).filter(meets).count()
}

#[test]
fn two_blocks_of_a_thousand_ports_meet_in_97_of_100_worlds() {
    let block = Ports::Block { first: 30_000, count: 1000 };
    let carrier = Behaviour { ports: block, ..Behaviour::symmetric() };
    let met = met(&carrier, &carrier);
    assert!(met >= 97, "{met} of {WORLDS}");
}

#[test]
fn who_is_let_in_from_any_port_meets_the_other_in_97_of_100_worlds() {
    let lenient = Behaviour {
        ports: Ports::Random,
        ..Behaviour::new(Mapping::AddressDependent, Filtering::AddressDependent)
    };
    let met = met(&lenient, &Behaviour::symmetric());
    assert!(met >= 97, "{met} of {WORLDS}");
}
