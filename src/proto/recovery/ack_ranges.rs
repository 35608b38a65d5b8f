//! Which packets arrived, as few ranges, for acknowledgements (RFC 9000 §13.2.3, §19.3.1).

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// How many ranges are kept and sent. With more, the oldest is forgotten: what it acknowledged is
/// then taken for lost and sent again, which costs little and breaks nothing.
pub(crate) const MAX_RANGES: usize = 32;

/// Packet numbers as sorted ranges that neither touch nor overlap.
///
/// On the wire it is a sequence of pairs: the largest number and the length of its range, then for
/// each older range the gap before it and its length. Lengths are one less than the count of
/// packets; gaps are one less than the count of missing packets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct AckRanges {
    /// Oldest first. They lie here and not on the heap: one comes with each acknowledgement.
    ranges: SmallVec<[Range; MAX_RANGES]>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Range {
    start: u64,
    end: u64,
}

impl AckRanges {
    /// Adds a packet; whether it is new.
    ///
    /// A number that is older than the oldest range, when there is no room for it, is forgotten at
    /// once.
    pub(crate) fn insert(&mut self, number: u64) -> bool {
        // The first range that ends at or after the number's predecessor: it or nothing grows.
        let at = self
            .ranges
            .partition_point(|range| range.end.checked_add(1).is_some_and(|next| next < number));
        let Some(range) = self.ranges.get_mut(at).filter(|r| r.start <= number.saturating_add(1))
        else {
            self.ranges.insert(at, Range { start: number, end: number });
            self.bound();
            return true;
        };
        if (range.start..=range.end).contains(&number) {
            return false;
        }
        range.start = range.start.min(number);
        range.end = range.end.max(number);
        let end = range.end;
        // It may have closed the gap to the next one.
        if let Some(next) = self.ranges.get(at + 1).copied()
            && end.checked_add(1) == Some(next.start)
        {
            self.ranges[at].end = next.end;
            self.ranges.remove(at + 1);
        }
        true
    }

    /// Whether the packet is in a range.
    pub(crate) fn contains(&self, number: u64) -> bool {
        let at = self.ranges.partition_point(|range| range.end < number);
        self.ranges.get(at).is_some_and(|range| range.start <= number)
    }

    /// The newest number.
    pub(crate) fn largest(&self) -> Option<u64> {
        self.ranges.last().map(|range| range.end)
    }

    /// How many ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Newest first, as [`Recovery::on_ack`](super::Recovery::on_ack) takes them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RangeInclusive<u64>> + Clone + '_ {
        self.ranges.iter().rev().map(|range| range.start..=range.end)
    }

    fn bound(&mut self) {
        if self.ranges.len() > MAX_RANGES {
            self.ranges.remove(0);
        }
    }
}

impl Serialize for AckRanges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.ranges.len()))?;
        let mut newer: Option<Range> = None;
        for range in self.ranges.iter().rev() {
            // The ranges neither touch nor overlap, so at least one number lies between them.
            let first = newer.map_or(range.end, |newer| newer.start - range.end - 2);
            sequence.serialize_element(&(first, range.end - range.start))?;
            newer = Some(*range);
        }
        sequence.end()
    }
}

impl<'de> Deserialize<'de> for AckRanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Ranges)
    }
}

/// Reads at most [`MAX_RANGES`] ranges, whatever length is claimed.
struct Ranges;

impl<'de> Visitor<'de> for Ranges {
    type Value = AckRanges;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX_RANGES} ranges of packet numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<AckRanges, A::Error> {
        let mut ranges = SmallVec::<[Range; MAX_RANGES]>::new();
        while let Some((first, length)) = sequence.next_element::<(u64, u64)>()? {
            if ranges.len() == MAX_RANGES {
                return Err(A::Error::custom("too many ranges"));
            }
            let end = match ranges.last() {
                None => Some(first),
                Some(newer) => newer.start.checked_sub(first).and_then(|end| end.checked_sub(2)),
            };
            let range = end.and_then(|end| Some(Range { start: end.checked_sub(length)?, end }));
            ranges.push(range.ok_or_else(|| A::Error::custom("a range below zero"))?);
        }
        ranges.reverse();
        Ok(AckRanges { ranges })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use p2pchat_wire::codec;
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: impl IntoIterator<Item = u64>) -> AckRanges {
        let mut ranges = AckRanges::default();
        numbers.into_iter().for_each(|number| {
            ranges.insert(number);
        });
        ranges
    }

    #[test]
    fn neighbours_become_one_range_and_the_newest_comes_first() {
        let ranges = of([5, 3, 9, 4, 1]);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [9..=9, 3..=5, 1..=1]);
        assert_eq!(ranges.largest(), Some(9));
    }

    #[test]
    fn the_oldest_range_is_forgotten_first() {
        let ranges = of((0..100).map(|n| n * 2));
        assert_eq!(ranges.len(), MAX_RANGES);
        assert_eq!(ranges.largest(), Some(198));
        assert!(!ranges.contains(0));
    }

    #[test]
    fn both_ends_of_the_number_space_are_numbers_like_others() {
        let mut ranges = of([u64::MAX, 0, u64::MAX - 1, 1]);
        assert!(!ranges.insert(u64::MAX) && !ranges.insert(0));
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [u64::MAX - 1..=u64::MAX, 0..=1]);
        assert_eq!(codec::decode::<AckRanges, 1200>(&codec::encode(&ranges)), Ok(ranges));
    }

    #[test]
    fn the_bytes_are_count_then_pairs() {
        assert_eq!(codec::encode(&of([9, 5, 4, 3])), [2, 9, 0, 2, 2]);
    }

    #[test]
    fn ranges_below_zero_and_too_many_are_refused() {
        let refused = |pairs: Vec<(u64, u64)>| {
            codec::decode::<AckRanges, 1200>(&codec::encode(&pairs)).is_err()
        };
        assert!(!refused(vec![(5, 5)]));
        assert!(refused(vec![(5, 6)]));
        assert!(refused(vec![(5, 0), (4, 0)]), "a gap that ends below zero");
        assert!(refused(vec![(5, 0), (u64::MAX, 0)]));
        assert!(!refused(std::iter::repeat_n((100, 0), 1).chain(vec![(0, 0); 31]).collect()));
        assert!(refused(std::iter::repeat_n((100, 0), 1).chain(vec![(0, 0); 32]).collect()));
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(numbers in proptest::collection::vec(0u64..60, 0..200)) {
            let (mut ranges, mut set) = (AckRanges::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(ranges.insert(number), set.insert(number));
                prop_assert_eq!(ranges.iter().flatten().collect::<BTreeSet<_>>(), set.clone());
            }
            prop_assert_eq!(codec::decode::<AckRanges, 1200>(&codec::encode(&ranges)), Ok(ranges));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(ranges) = codec::decode::<AckRanges, 1200>(&bytes) {
                prop_assert!(ranges.len() <= MAX_RANGES);
                prop_assert_eq!(codec::decode::<AckRanges, 1200>(&codec::encode(&ranges)), Ok(ranges));
            }
        }
    }
}
