//! What to try between two NATs, and what to change when it did not work.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Budget, odds};
use crate::proto::nat::{Allocation, LOWEST_PORT, PortModel, Scope};

/// Rounds that differ from each other; after them the ladder begins anew.
pub(crate) const RUNGS: u8 = 4;

/// Time to live of the packets that open our own NAT only, by rung: longer each time, for homes with
/// several routers, and then none at all, for networks that drop what dies early.
const PRIMERS: [Option<u8>; RUNGS as usize] = [Some(2), Some(4), None, Some(8)];

/// The ports tried ahead of a counting NAT at first, when the other side keeps its port.
const WINDOW: u16 = 16;

/// The same when both count. Of these a quarter is the number of foreign ports that may come in
/// between; see [`super::schedule`].
const DOUBLE_WINDOW: u16 = 32;

/// No window is wider: it is sent in one go.
const MAX_WINDOW: u16 = 128;

/// Of two counting NATs' windows, each has this many ports for one foreign port.
pub(crate) const SHEAR: u16 = 4;

/// Effort grows until success is as certain as this.
const ENOUGH: f64 = 0.999;

/// The same for the most expensive strategy.
const ENOUGH_SCATTERED: f64 = 0.99;

/// Flows from one socket in [`Strategy::Scatter`].
const FLOWS_PER_SOCKET: u16 = 64;

/// How ports are guessed. Which side does what follows from what each says about its next ports.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Strategy {
    /// Both ports are known, and still nothing got through: the same again from fresh sockets.
    Fresh,
    /// At least one NAT counts, the other keeps its ports or counts too.
    Window {
        /// So many of the next ports are tried.
        width: u16,
    },
    /// One NAT draws ports at random and the other keeps them: many sockets on one side, many ports
    /// on the other.
    Birthday {
        /// Sockets that the drawing side opens.
        sockets: u16,
        /// Ports that the keeping side tries.
        probes: u16,
    },
    /// Both vary, at least one at random: flows from many ports to many ports.
    Scatter {
        /// Flows from each side.
        flows: u16,
    },
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh => f.write_str("fresh sockets"),
            Self::Window { width } => write!(f, "the next {width} ports"),
            Self::Birthday { sockets, probes } => write!(f, "{sockets} sockets, {probes} ports"),
            Self::Scatter { flows } => write!(f, "{flows} flows from each side"),
        }
    }
}

/// A strategy and its variation.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// How ports are guessed.
    pub strategy: Strategy,
    /// Which step of the ladder this is; what changes with it, is said in nat-traversal.md.
    pub rung: u8,
}

impl Plan {
    /// Time to live of the first packets, if they are to open our own NAT only.
    pub(crate) fn primer(self) -> Option<u8> {
        PRIMERS.get(usize::from(self.rung)).copied().flatten()
    }

    /// Whether who keeps its port does it with a new socket.
    pub(crate) fn is_fresh(self) -> bool {
        self.rung > 0 || self.strategy == Strategy::Fresh
    }

    /// Whether the two sides have changed roles where they are equal.
    pub(crate) fn is_swapped(self) -> bool {
        self.rung % 2 == 1
    }

    /// Entries that either router has for it at most.
    pub(crate) fn entries(self) -> u16 {
        match self.strategy {
            Strategy::Fresh => 1,
            Strategy::Window { width } => super::schedule::wider(width),
            Strategy::Birthday { sockets, probes } => sockets.max(probes),
            Strategy::Scatter { flows } => flows,
        }
    }

    /// Sockets that a side with this NAT opens for it.
    pub(crate) fn sockets(self, own: PortModel) -> u16 {
        let scope = match own {
            PortModel::Varying { scope, .. } => scope,
            PortModel::Constant | PortModel::Unknown => return u16::from(self.is_fresh()),
        };
        match (self.strategy, scope) {
            (Strategy::Fresh, _) | (Strategy::Window { .. }, Scope::Endpoint) => 1,
            // All flows of a socket to one address have one port: a socket for each flow.
            (Strategy::Window { width }, Scope::Address) => width,
            (Strategy::Birthday { sockets, .. }, _) => sockets,
            (Strategy::Scatter { flows }, Scope::Endpoint) => flows.div_ceil(FLOWS_PER_SOCKET),
            (Strategy::Scatter { flows }, Scope::Address) => flows.div_ceil(8),
        }
    }

    /// Whether a plan that a peer proposes keeps to our budget.
    pub(crate) fn is_within(self, own: PortModel, budget: &Budget) -> bool {
        let probes = match self.strategy {
            Strategy::Birthday { probes, .. } => probes,
            _ => 0,
        };
        let window = match self.strategy {
            Strategy::Window { width } => width,
            _ => 0,
        };
        self.rung < RUNGS
            && self.entries() > 0
            && self.entries() <= budget.entries
            && self.sockets(own) <= budget.sockets
            && probes <= budget.probes
            && window <= MAX_WINDOW
    }
}

/// Why nothing is planned.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Obstacle {
    /// It is not known how our NAT gives out ports.
    OwnUnknown,
    /// It is not known how the peer's does.
    PeerUnknown,
    /// Both sides have the same external address, and it does not turn datagrams round, or probing
    /// had found the way.
    SharedNat,
    /// Ports would have to be guessed, and the budget buys too small a chance.
    Hopeless {
        /// The chance, in thousandths.
        permille: u16,
    },
}

/// How one side's next ports can be known.
#[derive(Clone, Copy, Debug)]
enum Side {
    Keeps,
    Counts { foreign: u16 },
    Draws { range: u32 },
}

fn side(model: PortModel, unknown: Obstacle) -> Result<Side, Obstacle> {
    match model {
        PortModel::Unknown => Err(unknown),
        PortModel::Constant => Ok(Side::Keeps),
        PortModel::Varying { ports, .. } => match ports {
            Allocation::Unknown => Err(unknown),
            Allocation::Sequential { foreign, .. } => Ok(Side::Counts { foreign }),
            Allocation::Block { first, last } => {
                Ok(Side::Draws { range: u32::from(last.saturating_sub(first)) + 1 })
            }
            Allocation::Uniform => Ok(Side::Draws { range: u32::from(u16::MAX - LOWEST_PORT) + 1 }),
        },
    }
}

/// Chooses what to try on this rung of the ladder, and the chance that it works in thousandths.
///
/// # Errors
///
/// Why there is nothing to try.
pub(crate) fn choose(
    own: PortModel,
    peer: PortModel,
    budget: &Budget,
    rung: u8,
) -> Result<(Plan, u16), Obstacle> {
    use Side::{Counts, Draws, Keeps};
    let sides = (side(own, Obstacle::OwnUnknown)?, side(peer, Obstacle::PeerUnknown)?);
    let (strategy, chance) = match sides {
        // Both ports are known, so nothing is left to chance but the kind of the routers.
        (Keeps, Keeps) => (Strategy::Fresh, 0.5),
        (Keeps, Counts { foreign }) | (Counts { foreign }, Keeps) => {
            window(WINDOW << rung, 1, foreign)
        }
        (Counts { foreign: one }, Counts { foreign: other }) => {
            window(DOUBLE_WINDOW << rung, SHEAR, one.saturating_add(other))
        }
        (Keeps, Draws { range }) | (Draws { range }, Keeps) => birthday(range, budget),
        (Draws { range: one }, Draws { range: other }) => scatter(budget, |_| (one, other)),
        // Whatever port a flow gets from the counting NAT, another flow is aimed at it.
        (Draws { range }, Counts { .. }) | (Counts { .. }, Draws { range }) => {
            scatter(budget, |flows| (range, flows))
        }
    };
    let permille = odds::permille(chance);
    let plan = Plan { strategy, rung };
    if permille < budget.floor_permille || !plan.is_within(own, budget) {
        return Err(Obstacle::Hopeless { permille });
    }
    Ok((plan, permille))
}

/// Doubles the window until foreign ports are unlikely to lead out of it.
fn window(least: u16, ports_for_each: u16, foreign: u16) -> (Strategy, f64) {
    let chance = |width: u16| odds::undisturbed(foreign, width / ports_for_each - 1);
    let mut width = least.min(MAX_WINDOW);
    while width < MAX_WINDOW && chance(width) < ENOUGH {
        width *= 2;
    }
    (Strategy::Window { width }, chance(width))
}

fn birthday(range: u32, budget: &Budget) -> (Strategy, f64) {
    let most = |limit: u16| u32::from(limit).min(range);
    let (mut sockets, mut probes) = (0, 0);
    loop {
        // One socket for four probes: an entry costs the same on either side, a socket costs more.
        (sockets, probes) =
            ((sockets + 16).min(most(budget.sockets)), (probes + 64).min(most(budget.probes)));
        let chance = odds::birthday(range, sockets, probes);
        let spent = sockets == most(budget.sockets) && probes == most(budget.probes);
        if spent || chance >= ENOUGH {
            let small = |count| u16::try_from(count).unwrap_or(u16::MAX);
            return (Strategy::Birthday { sockets: small(sockets), probes: small(probes) }, chance);
        }
    }
}

fn scatter(budget: &Budget, ranges: impl Fn(u32) -> (u32, u32)) -> (Strategy, f64) {
    let mut flows = 0u16;
    loop {
        flows = flows.saturating_add(64).min(budget.entries);
        let chance = odds::scatter(ranges(flows.into()), flows.into());
        if flows == budget.entries || chance >= ENOUGH_SCATTERED {
            return (Strategy::Scatter { flows }, chance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varying(ports: Allocation) -> PortModel {
        PortModel::Varying { scope: Scope::Endpoint, ports }
    }

    const UNIFORM: PortModel =
        PortModel::Varying { scope: Scope::Endpoint, ports: Allocation::Uniform };

    fn counting(foreign: u16) -> PortModel {
        varying(Allocation::Sequential { step: 1, foreign })
    }

    fn block(count: u16) -> PortModel {
        varying(Allocation::Block { first: 30_000, last: 30_000 + count - 1 })
    }

    fn chosen(own: PortModel, peer: PortModel) -> Result<(Strategy, u16), Obstacle> {
        let budget = Budget::default();
        let one = choose(own, peer, &budget, 0).map(|(plan, odds)| (plan.strategy, odds));
        let other = choose(peer, own, &budget, 0).map(|(plan, odds)| (plan.strategy, odds));
        if let (Ok(one), Ok(other)) = (one, other) {
            assert_eq!(one, other, "both sides come to the same");
        }
        one
    }

    #[test]
    fn a_port_that_is_known_or_next_is_tried_in_a_window() {
        assert_eq!(
            chosen(counting(0), PortModel::Constant),
            Ok((Strategy::Window { width: 16 }, 1000))
        );
        assert_eq!(chosen(counting(0), counting(0)), Ok((Strategy::Window { width: 32 }, 1000)));
        let (wider, _) = chosen(counting(20), counting(0)).expect("a window");
        assert_eq!(wider, Strategy::Window { width: 128 });
        assert!(matches!(chosen(counting(300), counting(0)), Err(Obstacle::Hopeless { .. })));
    }

    #[test]
    fn a_drawn_port_meets_a_kept_one_by_birthday_with_no_more_effort_than_it_takes() {
        let uniform = chosen(UNIFORM, PortModel::Constant);
        assert_eq!(uniform, Ok((Strategy::Birthday { sockets: 256, probes: 1024 }, 983)));
        let (small, odds) = chosen(block(500), PortModel::Constant).expect("a plan");
        assert_eq!(small, Strategy::Birthday { sockets: 32, probes: 128 }, "{odds}");
        assert!(odds >= 999);
    }

    #[test]
    fn two_drawn_ports_are_tried_in_small_blocks_only() {
        let (thousand, odds) = chosen(block(1000), block(1000)).expect("a plan");
        assert_eq!((thousand, odds), (Strategy::Scatter { flows: 2048 }, 985));
        let (small, odds) = chosen(block(250), block(250)).expect("a plan");
        assert!(matches!(small, Strategy::Scatter { flows: 500..600 }) && odds >= 990, "{small}");
        assert_eq!(chosen(UNIFORM, UNIFORM), Err(Obstacle::Hopeless { permille: 1 }));
        assert!(matches!(chosen(block(1000), UNIFORM), Err(Obstacle::Hopeless { .. })));
    }

    #[test]
    fn a_counting_nat_makes_the_others_block_enough() {
        let (strategy, odds) = chosen(counting(0), block(1000)).expect("a plan");
        assert!(matches!(strategy, Strategy::Scatter { .. }) && odds > 850, "{strategy} {odds}");
        assert!(matches!(chosen(counting(0), UNIFORM), Err(Obstacle::Hopeless { .. })));
    }

    #[test]
    fn nothing_is_planned_for_what_is_not_known() {
        let unknown = varying(Allocation::Unknown);
        assert_eq!(chosen(unknown, PortModel::Constant), Err(Obstacle::OwnUnknown));
        assert_eq!(chosen(PortModel::Constant, PortModel::Unknown), Err(Obstacle::PeerUnknown));
    }

    #[test]
    fn every_plan_keeps_to_the_budget_and_none_is_tried_below_the_floor() {
        let models = [
            PortModel::Constant,
            counting(0),
            counting(30),
            block(500),
            block(4000),
            UNIFORM,
            PortModel::Varying { scope: Scope::Address, ports: Allocation::Uniform },
        ];
        let small = Budget { sockets: 20, probes: 60, entries: 100, ..Budget::default() };
        for budget in [Budget::default(), small] {
            for own in models {
                for peer in models {
                    for rung in 0..RUNGS {
                        let Ok((plan, permille)) = choose(own, peer, &budget, rung) else {
                            continue;
                        };
                        assert!(plan.is_within(own, &budget), "{plan:?}");
                        assert!(permille >= budget.floor_permille);
                    }
                }
            }
        }
    }
}
