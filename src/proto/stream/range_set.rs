//! A set of byte offsets as ranges.

use std::collections::VecDeque;
use std::ops::Range;

/// Entries for which an empty set keeps room.
const KEPT: usize = 64;

/// Offsets as ranges that neither touch nor overlap.
///
/// There is mostly one, which comes and goes with each packet: that is why they stand in a row, which keeps its
/// room, and not in a tree. With thousands, which takes a hostile peer, one in the middle costs microseconds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct RangeSet {
    /// Lowest first.
    ranges: VecDeque<Range<u64>>,
}

impl RangeSet {
    /// How many ranges there are.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest range.
    pub(super) fn first(&self) -> Option<Range<u64>> {
        self.ranges.front().cloned()
    }

    /// Adds `range`, joined with those that it touches.
    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let from = self.ranges.partition_point(|other| other.end < range.start);
        let to = self.ranges.partition_point(|other| other.start <= range.end);
        let Some(joined) = self.ranges.get_mut(from).filter(|_| from < to) else {
            self.ranges.insert(from, range);
            return;
        };
        joined.start = joined.start.min(range.start);
        let last = self.ranges.get(to - 1).map_or(range.end, |last| last.end.max(range.end));
        self.ranges[from].end = last;
        self.ranges.drain(from + 1..to);
    }

    /// Takes `range` out.
    pub(super) fn remove(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let mut from = self.ranges.partition_point(|other| other.end <= range.start);
        let mut to = self.ranges.partition_point(|other| other.start < range.end);
        if from >= to {
            return;
        }
        // What is left of the first and of the last.
        let (first, last) = (&self.ranges[from], &self.ranges[to - 1]);
        let before = first.start..range.start.max(first.start);
        let behind = range.end.min(last.end)..last.end;
        match (before.is_empty(), behind.is_empty()) {
            (false, false) if to - from == 1 => {
                self.ranges[from] = before;
                self.ranges.insert(to, behind);
                return;
            }
            (before_is_empty, behind_is_empty) => {
                if !before_is_empty {
                    self.ranges[from] = before;
                    from += 1;
                }
                if !behind_is_empty {
                    self.ranges[to - 1] = behind;
                    to -= 1;
                }
            }
        }
        self.ranges.drain(from..to);
        if self.ranges.is_empty() && self.ranges.capacity() > KEPT {
            self.ranges = VecDeque::new();
        }
    }

    /// The parts of `range` that are not in the set, lowest first.
    pub(super) fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let from = self.ranges.partition_point(|other| other.end <= range.start);
        let (mut missing, mut at) = (Vec::new(), range.start);
        for other in self.ranges.range(from..).take_while(|other| other.start < range.end) {
            if at < other.start {
                missing.push(at..other.start);
            }
            at = other.end;
        }
        if at < range.end {
            missing.push(at..range.end);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_set_of_all_offsets(
            steps in proptest::collection::vec((any::<bool>(), 0u64..50, 0u64..12), 0..60),
        ) {
            let (mut ranges, mut set) = (RangeSet::default(), BTreeSet::new());
            for (add, start, len) in steps {
                let range = start..start + len;
                let missing: Vec<u64> = ranges.missing(range.clone()).into_iter().flatten().collect();
                prop_assert!(missing.into_iter().eq(range.clone().filter(|at| !set.contains(at))));
                if add {
                    ranges.insert(range.clone());
                    set.extend(range);
                } else {
                    ranges.remove(range.clone());
                    set.retain(|at| !range.contains(at));
                }
                let all: BTreeSet<u64> = ranges.ranges.iter().cloned().flatten().collect();
                prop_assert_eq!(&all, &set);
                let starts = set.iter().filter(|at| !at.checked_sub(1).is_some_and(|b| set.contains(&b)));
                prop_assert_eq!(ranges.len(), starts.count());
            }
        }
    }
}
