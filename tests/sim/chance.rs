//! What places and weather there are, by chance.

use std::time::Duration;

use p2pchat_wire::random::Random;

use crate::link::Weather;
use crate::nat::{Behaviour, Filtering, Mapping, Ports, Unsolicited};
use crate::scene::Place;

const SECOND: Duration = Duration::from_secs(1);

/// Where somebody lives.
pub(crate) fn place(random: &mut Random) -> Place {
    match random.below(7) {
        0 => Place::Public,
        1 => Place::Carrier { home: behaviour(random), carrier: behaviour(random) },
        2 => Place::DualStack(behaviour(random)),
        _ => Place::Behind(behaviour(random)),
    }
}

/// What the box before somebody's network does.
pub(crate) fn behaviour(random: &mut Random) -> Behaviour {
    let mappings =
        [Mapping::EndpointIndependent, Mapping::AddressDependent, Mapping::AddressAndPortDependent];
    let filterings = [
        Filtering::EndpointIndependent,
        Filtering::AddressDependent,
        Filtering::AddressAndPortDependent,
    ];
    let ports = [
        Ports::Preserving,
        Ports::Random,
        Ports::Sequential { step: 1 },
        Ports::Block { first: 30_000, count: 2000 },
    ];
    let mapping = mappings[random.below(3) as usize];
    let filtering = filterings[random.below(3) as usize];
    Behaviour {
        ports: ports[random.below(4) as usize],
        unsolicited: if random.below(4) == 0 { Unsolicited::Stolen } else { Unsolicited::Dropped },
        hairpin: random.below(2) == 0,
        udp_blocked: random.below(8) == 0,
        idle: SECOND * [30, 60, 120, 300][random.below(4) as usize],
        absolute: (random.below(5) == 0).then_some(60 * SECOND),
        ..Behaviour::new(mapping, filtering)
    }
}

/// Up to as bad as [`Weather::foul`].
pub(crate) fn weather(random: &mut Random) -> Weather {
    let delay = Duration::from_millis(1) * (5 + random.below(150));
    match random.below(3) {
        0 => Weather::fair(delay),
        1 => Weather { jitter: delay / 2, ..Weather::foul(delay) },
        _ => Weather {
            loss: random.below(300),
            duplicate: random.below(100),
            reorder: random.below(250),
            corrupt: random.below(10),
            jitter: delay * random.below(100) / 100,
            ..Weather::fair(delay)
        },
    }
}
