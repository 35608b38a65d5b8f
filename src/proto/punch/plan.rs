//! What to try between two NATs, and what to change when it did not work.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Budget, odds};
use crate::proto::nat::{Allocation, LOWEST_PORT, Nat, PortModel, Scope};

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

/// One part in so many is added to an estimated block before effort is measured by it.
///
/// A survey estimates a block from six ports or more. Let *w* be the range of *n* draws from *L* ports.
/// Then *w* / *L* has the distribution Beta(*n* − 1, 2) (David and Nagaraja, *Order Statistics*, on the
/// uniform range), so *L* > 2.04 *w* in one case of ten with *n* = 6. The estimate is 1.4 *w*; with one
/// half more it is less than *L* in one case of ten at most. What a plan has too much of is not spent:
/// it ends with the first packet that gets through.
const DOUBT: u32 = 2;

/// How ports are guessed. Which side does what follows from what each says about its next ports.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Strategy {
    /// Both ports are known, and still nothing got through: the same again from fresh sockets.
    Fresh,
    /// At least one NAT counts, the other keeps its ports, or need not, or counts too.
    Window {
        /// So many of the next ports are tried.
        width: u16,
    },
    /// One NAT draws ports at random, and the other keeps them or need not: many sockets on one side,
    /// many ports on the other.
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
        is_swapped(self.rung)
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

fn is_swapped(rung: u8) -> bool {
    rung % 2 == 1
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

/// What was chosen, and what it means for us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Choice {
    pub(crate) plan: Plan,
    /// The chance that it works, in thousandths.
    pub(crate) permille: u16,
    /// Whether the peer's NAT lets us in from whatever port.
    pub(crate) is_guest: bool,
}

impl Choice {
    /// Our NAT's model as far as this plan is concerned. A guest's ports need not be foreseen, so he
    /// does what somebody does whose ports are known.
    pub(crate) fn acts_as(&self, own: PortModel) -> PortModel {
        if self.is_guest { PortModel::Constant } else { own }
    }
}

/// How one side's next ports can be known.
#[derive(Clone, Copy, Debug)]
enum Side {
    Keeps,
    Counts { foreign: u16 },
    Draws(Drawn),
}

/// So many ports are drawn from.
#[derive(Clone, Copy, Debug)]
struct Drawn {
    /// Most likely.
    likely: u32,
    /// Hardly more than this: effort is measured by it, chances are not.
    most: u32,
}

fn side(model: PortModel, unknown: Obstacle) -> Result<Side, Obstacle> {
    match model {
        PortModel::Unknown => Err(unknown),
        PortModel::Constant => Ok(Side::Keeps),
        PortModel::Varying { ports, .. } => match ports {
            Allocation::Unknown => Err(unknown),
            Allocation::Sequential { foreign, .. } => Ok(Side::Counts { foreign }),
            Allocation::Block { first, last } => {
                let likely = u32::from(last.saturating_sub(first)) + 1;
                let most = likely + likely / DOUBT;
                Ok(Side::Draws(Drawn { likely, most }))
            }
            Allocation::Uniform => {
                let all = u32::from(u16::MAX - LOWEST_PORT) + 1;
                Ok(Side::Draws(Drawn { likely: all, most: all }))
            }
        },
    }
}

/// Whether `host` lets `guest` in at whatever port of its own it writes to him from, and its answer
/// gets in at his.
///
/// A NAT that filters by address admits him at all of its ports that have written to his address.
/// The answer leaves from where he came in only if a mapping holds for all ports of an address;
/// otherwise it comes from a port of which he has never heard.
fn admits(host: Nat, guest: Nat) -> bool {
    let PortModel::Varying { scope, .. } = host.model else { return false };
    guest.model.varies()
        && host.filtering.admits_any_port()
        && (scope == Scope::Address || guest.filtering.admits_any_port())
}

/// Chooses what to try on this rung of the ladder. Both sides come to the same choice.
///
/// # Errors
///
/// Why there is nothing to try.
pub(crate) fn choose(
    own: Nat,
    peer: Nat,
    leads: bool,
    budget: &Budget,
    rung: u8,
) -> Result<Choice, Obstacle> {
    let ours = side(own.model, Obstacle::OwnUnknown)?;
    let theirs = side(peer.model, Obstacle::PeerUnknown)?;
    // A guest is as good as one who keeps his port. Of two who both can be, it is who leads at first.
    let mut roles = [
        (admits(peer, own), (Side::Keeps, theirs), true),
        (admits(own, peer), (ours, Side::Keeps), false),
        (true, (ours, theirs), false),
    ];
    if leads == is_swapped(rung) {
        roles.swap(0, 1);
    }
    let possible = roles.into_iter().filter(|(possible, ..)| *possible);
    let choices = possible.map(|(_, sides, is_guest)| {
        let (strategy, chance) = strategy(sides, budget, rung);
        Choice { plan: Plan { strategy, rung }, permille: odds::permille(chance), is_guest }
    });
    // The first of the best: a guest costs less than going without.
    let better =
        |best: Choice, next: Choice| if next.permille > best.permille { next } else { best };
    let choice = choices.reduce(better).ok_or(Obstacle::Hopeless { permille: 0 })?;
    let permille = choice.permille;
    if permille < budget.floor_permille || !choice.plan.is_within(choice.acts_as(own.model), budget)
    {
        return Err(Obstacle::Hopeless { permille });
    }
    Ok(choice)
}

/// What there is to try between two such sides, and the chance that it works.
fn strategy(sides: (Side, Side), budget: &Budget, rung: u8) -> (Strategy, f64) {
    use Side::{Counts, Draws, Keeps};
    // A peer may say what it likes; its plan is refused for that elsewhere.
    let rung = rung.min(RUNGS - 1);
    match sides {
        // Both ports are known, so nothing is left to chance but the kind of the routers.
        (Keeps, Keeps) => (Strategy::Fresh, 0.5),
        (Keeps, Counts { foreign }) | (Counts { foreign }, Keeps) => {
            window(WINDOW << rung, 1, foreign)
        }
        (Counts { foreign: one }, Counts { foreign: other }) => {
            window(DOUBLE_WINDOW << rung, SHEAR, one.saturating_add(other))
        }
        (Keeps, Draws(range)) | (Draws(range), Keeps) => birthday(range, budget),
        (Draws(one), Draws(other)) => scatter(budget, one, Some(other)),
        // Whatever port a flow gets from the counting NAT, another flow is aimed at it.
        (Draws(range), Counts { .. }) | (Counts { .. }, Draws(range)) => {
            scatter(budget, range, None)
        }
    }
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

fn birthday(range: Drawn, budget: &Budget) -> (Strategy, f64) {
    let most = |limit: u16| u32::from(limit).min(range.most);
    let (mut sockets, mut probes) = (0, 0);
    loop {
        // One socket for four probes: an entry costs the same on either side, a socket costs more.
        (sockets, probes) =
            ((sockets + 16).min(most(budget.sockets)), (probes + 64).min(most(budget.probes)));
        let spent = sockets == most(budget.sockets) && probes == most(budget.probes);
        if spent || odds::birthday(range.most, sockets, probes) >= ENOUGH {
            let chance = odds::birthday(range.likely, sockets, probes);
            let small = |count| u16::try_from(count).unwrap_or(u16::MAX);
            return (Strategy::Birthday { sockets: small(sockets), probes: small(probes) }, chance);
        }
    }
}

/// The other side counts if it does not draw.
fn scatter(budget: &Budget, one: Drawn, other: Option<Drawn>) -> (Strategy, f64) {
    let chance = |flows: u16, range: fn(Drawn) -> u32| {
        let flows = u32::from(flows);
        odds::scatter((range(one), other.map_or(flows, range)), flows)
    };
    let mut flows = 0u16;
    loop {
        flows = flows.saturating_add(64).min(budget.entries);
        if flows == budget.entries || chance(flows, |range| range.most) >= ENOUGH_SCATTERED {
            return (Strategy::Scatter { flows }, chance(flows, |range| range.likely));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::nat::Filtering;

    fn varying(ports: Allocation) -> Nat {
        behind(Scope::Endpoint, ports, Filtering::Unknown)
    }

    fn behind(scope: Scope, ports: Allocation, filtering: Filtering) -> Nat {
        Nat { model: PortModel::Varying { scope, ports }, filtering }
    }

    const CONSTANT: Nat = Nat { model: PortModel::Constant, filtering: Filtering::Unknown };

    fn uniform() -> Nat {
        varying(Allocation::Uniform)
    }

    fn counting(foreign: u16) -> Nat {
        varying(Allocation::Sequential { step: 1, foreign })
    }

    fn block(count: u16) -> Nat {
        varying(Allocation::Block { first: 30_000, last: 30_000 + count - 1 })
    }

    /// What both sides choose, and whether the one that leads is the guest, or the other.
    fn agreed(own: Nat, peer: Nat, rung: u8) -> Result<(Choice, [bool; 2]), Obstacle> {
        let budget = Budget::default();
        let one = choose(own, peer, true, &budget, rung);
        let other = choose(peer, own, false, &budget, rung);
        if let (Ok(one), Ok(other)) = (one, other) {
            assert_eq!(
                (one.plan, one.permille),
                (other.plan, other.permille),
                "both come to the same"
            );
            return Ok((one, [one.is_guest, other.is_guest]));
        }
        assert_eq!(one.is_err(), other.is_err());
        one.map(|one| (one, [false; 2]))
    }

    fn chosen(own: Nat, peer: Nat) -> Result<(Strategy, u16), Obstacle> {
        agreed(own, peer, 0).map(|(choice, _)| (choice.plan.strategy, choice.permille))
    }

    #[test]
    fn a_port_that_is_known_or_next_is_tried_in_a_window() {
        assert_eq!(chosen(counting(0), CONSTANT), Ok((Strategy::Window { width: 16 }, 1000)));
        assert_eq!(chosen(counting(0), counting(0)), Ok((Strategy::Window { width: 32 }, 1000)));
        let (wider, _) = chosen(counting(20), counting(0)).expect("a window");
        assert_eq!(wider, Strategy::Window { width: 128 });
        assert!(matches!(chosen(counting(300), counting(0)), Err(Obstacle::Hopeless { .. })));
    }

    #[test]
    fn a_drawn_port_meets_a_kept_one_by_birthday_with_no_more_effort_than_it_takes() {
        let uniform = chosen(uniform(), CONSTANT);
        assert_eq!(uniform, Ok((Strategy::Birthday { sockets: 256, probes: 1024 }, 983)));
        let (small, odds) = chosen(block(500), CONSTANT).expect("a plan");
        assert_eq!(small, Strategy::Birthday { sockets: 48, probes: 192 }, "{odds}");
        assert!(odds >= 999);
    }

    #[test]
    fn two_drawn_ports_are_tried_in_small_blocks_only() {
        let (thousand, odds) = chosen(block(1000), block(1000)).expect("a plan");
        assert_eq!((thousand, odds), (Strategy::Scatter { flows: 2048 }, 985));
        let (small, odds) = chosen(block(250), block(250)).expect("a plan");
        assert!(matches!(small, Strategy::Scatter { flows: 800..900 }) && odds >= 999, "{small}");
        assert_eq!(chosen(uniform(), uniform()), Err(Obstacle::Hopeless { permille: 1 }));
        assert!(matches!(chosen(block(1000), uniform()), Err(Obstacle::Hopeless { .. })));
    }

    #[test]
    fn a_block_that_is_larger_than_it_seems_has_flows_enough() {
        for seen in 600..=1000 {
            let (plan, _) = chosen(block(seen), block(seen)).expect("a plan");
            let Strategy::Scatter { flows } = plan else { panic!("{plan}") };
            let real = u32::from(seen) * 3 / 2;
            let odds = odds::scatter((real, real), flows.into());
            assert!(
                flows == Budget::default().entries || odds >= ENOUGH_SCATTERED,
                "{seen}: {odds}"
            );
        }
    }

    #[test]
    fn a_counting_nat_makes_the_others_block_enough() {
        let (strategy, odds) = chosen(counting(0), block(1000)).expect("a plan");
        assert!(matches!(strategy, Strategy::Scatter { .. }) && odds > 850, "{strategy} {odds}");
        assert!(matches!(chosen(counting(0), uniform()), Err(Obstacle::Hopeless { .. })));
    }

    /// Two ports drawn from all, with whatever scope and filter.
    fn drawing(scope: Scope, filtering: Filtering) -> Nat {
        behind(scope, Allocation::Uniform, filtering)
    }

    #[test]
    fn who_is_let_in_from_any_port_is_as_good_as_one_who_keeps_his() {
        use Filtering::{
            AddressAndPortDependent, AddressDependent, EndpointIndependent, NotByPort,
        };
        let strict = uniform();
        let birthday = Ok((Strategy::Birthday { sockets: 256, probes: 1024 }, 983));
        for lenient in [EndpointIndependent, AddressDependent, NotByPort] {
            let per_address = drawing(Scope::Address, lenient);
            let per_endpoint = drawing(Scope::Endpoint, lenient);
            assert_eq!(
                chosen(per_address, strict),
                birthday,
                "the answer leaves from where he came in"
            );
            assert_eq!(
                chosen(per_endpoint, per_endpoint),
                birthday,
                "the answer gets in from anywhere"
            );
            assert!(chosen(per_endpoint, strict).is_err(), "the answer gets in nowhere");
            let window = chosen(per_address, counting(0));
            assert_eq!(window, birthday, "it is the lenient side's port that is guessed");
        }
        for strict in [AddressAndPortDependent, Filtering::Unknown] {
            let strict = drawing(Scope::Address, strict);
            assert_eq!(chosen(strict, strict), Err(Obstacle::Hopeless { permille: 1 }));
        }
    }

    #[test]
    fn a_lenient_nat_that_counts_is_found_at_once() {
        let ports = Allocation::Sequential { step: 1, foreign: 0 };
        let lenient = behind(Scope::Address, ports, Filtering::AddressDependent);
        assert_eq!(chosen(lenient, uniform()), Ok((Strategy::Window { width: 16 }, 1000)));
    }

    #[test]
    fn one_of_two_is_the_guest_and_they_take_turns_if_both_can_be() {
        let lenient = drawing(Scope::Address, Filtering::AddressDependent);
        let guests = |own, peer, rung| agreed(own, peer, rung).map(|(_, guests)| guests);
        assert_eq!(guests(lenient, uniform(), 0), Ok([false, true]));
        assert_eq!(guests(uniform(), lenient, 1), Ok([true, false]));
        assert_eq!(guests(lenient, lenient, 0), Ok([true, false]));
        assert_eq!(guests(lenient, lenient, 1), Ok([false, true]));
        let few = Allocation::Block { first: 30_000, last: 30_499 };
        let block = behind(Scope::Address, few, Filtering::AddressDependent);
        assert_eq!(guests(block, lenient, 0), Ok([false, true]), "the block's ports are guessed");
    }

    #[test]
    fn nothing_is_planned_for_what_is_not_known() {
        let unknown = varying(Allocation::Unknown);
        let none = Nat::default();
        assert_eq!(
            choose(unknown, CONSTANT, true, &Budget::default(), 0),
            Err(Obstacle::OwnUnknown)
        );
        assert_eq!(choose(CONSTANT, none, true, &Budget::default(), 0), Err(Obstacle::PeerUnknown));
    }

    #[test]
    fn a_step_that_no_ladder_has_is_refused() {
        for rung in [RUNGS, 16, u8::MAX] {
            assert!(agreed(counting(0), CONSTANT, rung).is_err());
        }
    }

    #[test]
    fn every_plan_keeps_to_the_budget_and_none_is_tried_below_the_floor() {
        let nats = [
            CONSTANT,
            counting(0),
            counting(30),
            block(500),
            block(4000),
            uniform(),
            drawing(Scope::Address, Filtering::Unknown),
            drawing(Scope::Address, Filtering::AddressDependent),
        ];
        let small = Budget { sockets: 20, probes: 60, entries: 100, ..Budget::default() };
        for budget in [Budget::default(), small] {
            for own in nats {
                for peer in nats {
                    for (rung, leads) in (0..RUNGS).flat_map(|rung| [(rung, true), (rung, false)]) {
                        let Ok(choice) = choose(own, peer, leads, &budget, rung) else { continue };
                        let acts_as = choice.acts_as(own.model);
                        assert!(choice.plan.is_within(acts_as, &budget), "{choice:?}");
                        assert!(choice.permille >= budget.floor_permille);
                    }
                }
            }
        }
    }
}
