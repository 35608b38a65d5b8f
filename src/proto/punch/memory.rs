//! What worked between our networks and our peers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use p2pchat_wire::identity::PeerId;
use serde::{Deserialize, Serialize};

use super::plan::{Plan, RUNGS};

/// Networks of ours that are remembered for one peer.
const MAX_LESSONS: usize = 8;

/// Peers for whom something is remembered.
const MAX_PEERS: usize = 1024;

/// What led to a direct path.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// Our external address at that time: it stands for the network that we were in.
    pub external: IpAddr,
    /// What was tried.
    pub plan: Plan,
}

/// All lessons.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    lessons: BTreeMap<PeerId, Vec<Lesson>>,
}

impl Memory {
    /// Remembers a lesson in place of the one for the same network, if any; the oldest gives way.
    pub(crate) fn learn(&mut self, peer: PeerId, lesson: Lesson) {
        if lesson.plan.rung >= RUNGS {
            return;
        }
        if !self.lessons.contains_key(&peer) && self.lessons.len() >= MAX_PEERS {
            self.lessons.pop_first();
        }
        let lessons = self.lessons.entry(peer).or_default();
        lessons.retain(|known| known.external != lesson.external);
        if lessons.len() >= MAX_LESSONS {
            lessons.remove(0);
        }
        lessons.push(lesson);
    }

    /// What worked with this peer from where we are.
    pub(crate) fn recall(&self, peer: PeerId, external: IpAddr) -> Option<Plan> {
        let lessons = self.lessons.get(&peer)?;
        lessons.iter().find(|lesson| lesson.external == external).map(|lesson| lesson.plan)
    }
}

/// The rungs in the order in which they are tried: what worked before comes first.
pub(crate) fn rung(tried: u32, remembered: Option<Plan>) -> u8 {
    let first = remembered.map_or(0, |plan| plan.rung);
    let tried = u8::try_from(tried % u32::from(RUNGS)).unwrap_or(0);
    match tried {
        0 => first,
        // The others follow from the bottom.
        tried => tried - u8::from(tried <= first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::punch::plan::Strategy;

    fn lesson(external: u8, rung: u8) -> Lesson {
        let plan = Plan { strategy: Strategy::Fresh, rung };
        Lesson { external: IpAddr::from([192, 0, 2, external]), plan }
    }

    #[test]
    fn the_newest_lesson_of_each_network_is_kept_and_the_oldest_networks_are_forgotten() {
        let (mut memory, bob) = (Memory::default(), PeerId([2; 32]));
        for network in 0..20 {
            memory.learn(bob, lesson(network, 1));
            memory.learn(bob, lesson(network, 2));
        }
        memory.learn(bob, lesson(30, RUNGS));
        let recalled = |network: u8| memory.recall(bob, IpAddr::from([192, 0, 2, network]));
        assert_eq!(recalled(19).map(|plan| plan.rung), Some(2));
        assert_eq!((recalled(11), recalled(30)), (None, None));
        assert_eq!(memory.recall(PeerId([3; 32]), lesson(19, 0).external), None);
    }

    #[test]
    fn every_rung_is_tried_once_and_the_remembered_one_first() {
        for first in 0..RUNGS {
            let order: Vec<_> =
                (0..4).map(|tried| rung(tried, Some(lesson(1, first).plan))).collect();
            assert_eq!(order[0], first);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3], "{order:?}");
        }
        assert_eq!((0..5).map(|tried| rung(tried, None)).collect::<Vec<_>>(), [0, 1, 2, 3, 0]);
    }
}
