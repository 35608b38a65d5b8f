//! From a plan and two forecasts to packets: what one side sends, from which of its sockets, to which
//! of the other's ports, and when.
//!
//! # Two counting NATs
//!
//! If both sides send to the other's next ports in order, flow *n* of one is the way back of flow *n*
//! of the other, but only if nobody else took a port meanwhile. Say *a* and *b* foreign ports were
//! taken before the first flow of either side. Flow *n* of the one comes from its port *n + a* and
//! goes to *n + x(n)*; flow *m* of the other comes from *m + b* and goes to *m + y(m)*. They meet if
//! *n + x = m + b* and *m + y = n + a*, so if *x + y = a + b*. One side therefore has *x = 0*, and the
//! other goes through *y = 0, 1, 2, …*, [`SHEAR`] flows each: the sheared
//! window meets whatever the sum of foreign ports is, as long as it is less than a quarter of its
//! width. The window with *x = 0* is a quarter longer, because its flow *n* is *b* after *m*.

use std::collections::BTreeSet;
use std::time::Duration;

use p2pchat_wire::random::Random;

use super::message::Ports;
use super::plan::{Plan, SHEAR, Strategy};

/// Between two packets of a window: quick enough that few strangers get in between, slow enough for
/// any router.
const WINDOW_GAP: Duration = Duration::from_millis(2);

/// After the primers have opened our own NAT: when the packets that are to arrive leave, from the end
/// of the lead-in on.
const PASSES: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(700)];

/// How long after the last packet something may still come of it.
const LINGER: Duration = Duration::from_millis(1500);

/// One packet.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Shot {
    /// Counted from the beginning of the round.
    pub(crate) at: Duration,
    /// Which of the round's sockets, from 0.
    pub(crate) socket: u16,
    /// To which port.
    pub(crate) port: u16,
    /// Its time to live, if it is not to arrive.
    pub(crate) ttl: Option<u8>,
}

/// What both sides know about a round that is about to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) plan: Plan,
    pub(crate) own: Ports,
    pub(crate) theirs: Ports,
    /// Whether we proposed.
    pub(crate) leads: bool,
    /// Sockets that we have for it; at least one.
    pub(crate) sockets: u16,
    /// How long the other side may begin after us, at most: one way over the relay.
    pub(crate) lead_in: Duration,
    /// Between two packets of the long strategies.
    pub(crate) gap: Duration,
}

impl Terms {
    /// All that we send, in order, and how long the round lasts. Nothing if the forecasts do not fit
    /// the plan.
    pub(crate) fn shots(&self, random: &mut Random) -> Option<(Vec<Shot>, Duration)> {
        let mut shots = match (self.plan.strategy, self.own, self.theirs) {
            (Strategy::Fresh, Ports::One(_), Ports::One(port)) => self.window(&[(0, port)]),
            (Strategy::Window { width }, Ports::One(_), Ports::Next { first, step }) => {
                self.window(&targets(first, step, 0..width))
            }
            (Strategy::Window { .. }, Ports::Next { .. }, Ports::One(port)) => {
                self.window(&[(0, port)])
            }
            (Strategy::Window { width }, Ports::Next { .. }, Ports::Next { first, step }) => {
                let sheared = self.leads == self.plan.is_swapped();
                let (width, shear) =
                    if sheared { (width, SHEAR) } else { (wider(width), u16::MAX) };
                let ahead = (0..width).map(|n| n.saturating_add(n / shear));
                self.window(&targets(first, step, ahead))
            }
            (Strategy::Birthday { sockets, probes }, Ports::Range { .. }, Ports::One(port)) => {
                self.knock(sockets.min(self.sockets), probes, port)
            }
            (Strategy::Birthday { probes, .. }, Ports::One(_), Ports::Range { first, last }) => {
                self.probe(probes, (first, last), random)
            }
            (Strategy::Scatter { flows }, Ports::Range { .. } | Ports::Next { .. }, theirs) => {
                self.scatter(flows, theirs, random)?
            }
            _ => return None,
        };
        shots.sort_by_key(|shot| shot.at);
        // The other side may have more to send than we.
        let bulk = self.gap * u32::from(self.plan.entries());
        let long =
            matches!(self.plan.strategy, Strategy::Birthday { .. } | Strategy::Scatter { .. });
        let last = shots.last()?.at.max(if long { bulk } else { Duration::ZERO });
        Some((shots, last + 2 * self.lead_in + LINGER))
    }

    /// Each target once to open our own NAT, and then to get through the other.
    fn window(&self, targets: &[(u16, u16)]) -> Vec<Shot> {
        let primers = self.plan.primer().into_iter().map(|ttl| (Duration::ZERO, Some(ttl)));
        let passes = PASSES.iter().map(|at| (self.lead_in + *at, None));
        let pass = |(start, ttl): (Duration, Option<u8>)| {
            (0..).zip(targets).map(move |(n, &(index, port))| Shot {
                at: start + WINDOW_GAP * n,
                socket: index % self.sockets.max(1),
                port,
                ttl,
            })
        };
        primers.chain(passes).flat_map(pass).collect()
    }

    /// The drawing side of a birthday: every socket opens a port towards the one that the other keeps,
    /// and opens it again later, for what got lost.
    fn knock(&self, sockets: u16, probes: u16, port: u16) -> Vec<Shot> {
        let (opening, probing) = (self.gap * u32::from(sockets), self.gap * u32::from(probes));
        let again = opening.max(probing / 2) + self.lead_in;
        let passes = [
            (Duration::ZERO, self.plan.primer()),
            (again, None),
            ((again + opening).max(probing) + self.lead_in, None),
        ];
        let pass = |(start, ttl)| {
            (0..sockets).map(move |socket| Shot {
                at: start + self.gap * u32::from(socket),
                socket,
                port,
                ttl,
            })
        };
        passes.into_iter().flat_map(pass).collect()
    }

    /// The keeping side: as many different ports of the range as agreed, in no order.
    fn probe(&self, probes: u16, range: (u16, u16), random: &mut Random) -> Vec<Shot> {
        let ports = distinct(probes, range, random);
        let shot = |(n, port)| Shot { at: self.gap * n, socket: 0, port, ttl: None };
        (0..).zip(ports).map(shot).collect()
    }

    /// Flows from all sockets in turn to any of the ports that the other may get.
    fn scatter(&self, flows: u16, theirs: Ports, random: &mut Random) -> Option<Vec<Shot>> {
        let sockets = self.sockets.max(1);
        let mut shots = Vec::with_capacity(flows.into());
        for socket in 0..sockets {
            let share = flows / sockets + u16::from(socket < flows % sockets);
            let ports = match theirs {
                Ports::Range { first, last } => distinct(share, (first, last), random),
                Ports::Next { first, step } => {
                    let ahead = distinct(share, (0, flows.saturating_sub(1)), random);
                    targets(first, step, ahead).into_iter().map(|(_, port)| port).collect()
                }
                Ports::One(_) => return None,
            };
            shots.extend((0u32..).zip(ports).map(|(n, port)| Shot {
                at: self.gap * (n * u32::from(sockets) + u32::from(socket)),
                socket,
                port,
                ttl: None,
            }));
        }
        Some(shots)
    }
}

/// The window that is not sheared, where both NATs count.
pub(super) fn wider(width: u16) -> u16 {
    width.saturating_add(width / SHEAR)
}

/// The ports so many steps ahead of the first, each with its place in the order.
fn targets(first: u16, step: i16, ahead: impl IntoIterator<Item = u16>) -> Vec<(u16, u16)> {
    let port = |(index, steps): (u16, u16)| {
        let port = i32::from(first) + i32::from(step) * i32::from(steps);
        u16::try_from(port).ok().filter(|port| *port > 0).map(|port| (index, port))
    };
    (0..).zip(ahead).filter_map(port).collect()
}

/// As many different numbers of the range, both ends in it, as asked for and there are.
fn distinct(count: u16, (first, last): (u16, u16), random: &mut Random) -> Vec<u16> {
    let range = u32::from(last.saturating_sub(first)) + 1;
    let mut chosen = Vec::with_capacity(count.into());
    let mut seen = BTreeSet::new();
    // Floyd's sampling: each set is equally likely, and it ends.
    let count = u32::from(count).min(range);
    for top in range - count..range {
        let drawn = random.below(top + 1);
        let number = if seen.insert(drawn) { drawn } else { top };
        seen.insert(number);
        chosen.push(first.saturating_add(u16::try_from(number).unwrap_or(0)));
    }
    // Its order is not random: early numbers are small.
    for at in (1..chosen.len()).rev() {
        let other = random.below(u32::try_from(at + 1).unwrap_or(1)) as usize;
        chosen.swap(at, other);
    }
    chosen.retain(|port| *port > 0);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_millis(10);

    fn terms(strategy: Strategy, own: Ports, theirs: Ports, leads: bool) -> Terms {
        let plan = Plan { strategy, rung: 0 };
        let lead_in = Duration::from_millis(50);
        Terms { plan, own, theirs, leads, sockets: 1, lead_in, gap: GAP }
    }

    fn random() -> Random {
        Random::from_seed([5; 32])
    }

    /// The ports that two counting NATs give to the flows of both sides, when strangers have taken
    /// `foreign` before the first; whether any two are each other's way back.
    fn meet(foreign: (u16, u16), steps: (i16, i16)) -> bool {
        let strategy = Strategy::Window { width: 32 };
        let forecasts = (
            Ports::Next { first: 20_000, step: steps.0 },
            Ports::Next { first: 30_000, step: steps.1 },
        );
        let flows = |own, theirs, leads, first: i32, foreign: u16, step: i16| -> Vec<(i32, i32)> {
            let (shots, _) =
                terms(strategy, own, theirs, leads).shots(&mut random()).expect("a plan");
            let mut next = first + i32::from(step) * i32::from(foreign);
            let mut seen: Vec<(i32, i32)> = Vec::new();
            for shot in shots {
                if !seen.iter().any(|(_, to)| *to == i32::from(shot.port)) {
                    seen.push((next, shot.port.into()));
                    next += i32::from(step);
                }
            }
            seen
        };
        let ours = flows(forecasts.0, forecasts.1, true, 20_000, foreign.0, steps.0);
        let theirs = flows(forecasts.1, forecasts.0, false, 30_000, foreign.1, steps.1);
        ours.iter().any(|(from, to)| theirs.contains(&(*to, *from)))
    }

    #[test]
    fn two_counting_nats_meet_whatever_foreign_ports_came_in_between() {
        for steps in [(1, 1), (1, -1), (2, 1)] {
            for one in 0..8 {
                for other in 0..8 - one {
                    assert!(meet((one, other), steps), "{one} and {other} by {steps:?}");
                }
            }
        }
        assert!(!meet((40, 0), (1, 1)));
    }

    #[test]
    fn primers_leave_first_and_everything_else_after_the_other_side_has_begun() {
        let (own, theirs) = (Ports::One(5), Ports::Next { first: 100, step: 1 });
        let window = terms(Strategy::Window { width: 16 }, own, theirs, true);
        let (shots, ends) = window.shots(&mut random()).expect("a plan");
        assert_eq!(shots.len(), 16 * (1 + PASSES.len()));
        for shot in &shots {
            assert_eq!(shot.ttl.is_none(), shot.at >= window.lead_in, "{shot:?}");
        }
        assert!(ends > shots.last().expect("shots").at + LINGER);
    }

    #[test]
    fn a_birthday_tries_each_port_once_and_opens_each_socket_thrice() {
        let strategy = Strategy::Birthday { sockets: 256, probes: 1024 };
        let (keeps, draws) = (Ports::One(5000), Ports::Range { first: 1024, last: 65_535 });
        let keeper = terms(strategy, keeps, draws, true);
        let (shots, ends) = keeper.shots(&mut random()).expect("a plan");
        let ports: BTreeSet<_> = shots.iter().map(|shot| shot.port).collect();
        assert_eq!((shots.len(), ports.len()), (1024, 1024));
        assert!(ports.iter().all(|port| *port >= 1024));
        let drawer = Terms { sockets: 256, ..terms(strategy, draws, keeps, false) };
        let (shots, drawer_ends) = drawer.shots(&mut random()).expect("a plan");
        assert_eq!(shots.len(), 3 * 256);
        assert!(shots.iter().all(|shot| shot.port == 5000));
        assert!(drawer_ends >= ends, "its sockets are open until the last probe has come");
        let rate = |shots: &[Shot]| shots.len() as u128 * 1000 / (ends.as_millis());
        assert!(rate(&shots) <= 100);
    }

    #[test]
    fn scattered_flows_are_all_different() {
        let range = Ports::Range { first: 30_000, last: 30_999 };
        let terms =
            Terms { sockets: 32, ..terms(Strategy::Scatter { flows: 2048 }, range, range, true) };
        let (shots, _) = terms.shots(&mut random()).expect("a plan");
        let flows: BTreeSet<_> = shots.iter().map(|shot| (shot.socket, shot.port)).collect();
        assert_eq!((shots.len(), flows.len()), (2048, 2048));
        assert!(shots.windows(2).all(|pair| pair[1].at - pair[0].at == GAP));
    }

    #[test]
    fn forecasts_that_do_not_fit_the_plan_make_no_packet() {
        let (one, range) = (Ports::One(1), Ports::Range { first: 1, last: 2 });
        let birthday = Strategy::Birthday { sockets: 1, probes: 1 };
        for (strategy, own, theirs) in [
            (birthday, one, one),
            (birthday, range, range),
            (Strategy::Fresh, one, range),
            (Strategy::Window { width: 4 }, one, range),
            (Strategy::Scatter { flows: 4 }, range, one),
        ] {
            assert!(terms(strategy, own, theirs, true).shots(&mut random()).is_none());
        }
    }

    #[test]
    fn a_forecast_at_the_edge_of_the_ports_leads_to_no_port_that_is_none() {
        let window = Strategy::Window { width: 128 };
        for (first, step) in [(65_530, 1), (3, -1), (0, 1), (u16::MAX, i16::MAX), (5, i16::MIN)] {
            let theirs = Ports::Next { first, step };
            for own in [Ports::One(9), Ports::Next { first: 1, step: 1 }] {
                let shots = terms(window, own, theirs, false).shots(&mut random());
                assert!(shots.iter().flat_map(|(shots, _)| shots).all(|shot| shot.port > 0));
            }
        }
    }
}
