//! A set of byte offsets as ranges.

use std::collections::BTreeMap;
use std::ops::Range;

/// Offsets as ranges that neither touch nor overlap.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct RangeSet {
    /// Each range's end by its start.
    ranges: BTreeMap<u64, u64>,
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
        self.ranges.first_key_value().map(|(start, end)| *start..*end)
    }

    /// Adds `range`, joined with those that it touches.
    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        while let Some((other_start, other_end)) = self.last_from(end) {
            if other_end < start {
                break;
            }
            self.ranges.remove(&other_start);
            start = start.min(other_start);
            end = end.max(other_end);
        }
        self.ranges.insert(start, end);
    }

    /// Takes `range` out.
    pub(super) fn remove(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        while let Some((start, end)) = self.last_from(range.end - 1) {
            if end <= range.start {
                break;
            }
            self.ranges.remove(&start);
            if end > range.end {
                self.ranges.insert(range.end, end);
            }
            if start < range.start {
                self.ranges.insert(start, range.start);
            }
        }
    }

    /// The parts of `range` that are not in the set, lowest first.
    pub(super) fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut missing = Self::default();
        missing.insert(range.clone());
        let first = self.last_from(range.start).map_or(range.start, |(start, _)| start);
        for (start, end) in self.ranges.range(first..range.end.max(first)) {
            missing.remove(*start..*end);
        }
        missing.ranges.into_iter().map(|(start, end)| start..end).collect()
    }

    /// The last range that starts at or before `at`.
    fn last_from(&self, at: u64) -> Option<(u64, u64)> {
        self.ranges.range(..=at).next_back().map(|(start, end)| (*start, *end))
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
                let all: BTreeSet<u64> = ranges.ranges.iter().flat_map(|(s, e)| *s..*e).collect();
                prop_assert_eq!(&all, &set);
                let starts = set.iter().filter(|at| !at.checked_sub(1).is_some_and(|b| set.contains(&b)));
                prop_assert_eq!(ranges.len(), starts.count());
            }
        }
    }
}
