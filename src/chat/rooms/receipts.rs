//! Who has our lines.

use std::collections::BTreeMap;

use p2pchat_wire::identity::PeerId;

/// What one member has of the lines of one stay of ours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Receipt {
    /// The first line that was for him: we knew that he was in the room when we wrote it.
    pub first: u64,
    /// The last line that he said he has; 0 for none.
    pub last: u64,
    /// Whether he is in the room no longer.
    pub gone: bool,
}

impl Receipt {
    fn has(&self, line: u64) -> bool {
        (self.first..=self.last).contains(&line)
    }

    fn awaits(&self, line: u64) -> bool {
        !self.gone && self.first <= line && self.last < line
    }
}

/// Who has the lines of all our stays.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    of: BTreeMap<(u64, PeerId), Receipt>,
}

impl Receipts {
    pub(super) fn new(of: BTreeMap<(u64, PeerId), Receipt>) -> Self {
        Self { of }
    }

    /// Who is in the room when we write line `next` of `stay`. Returns what has changed.
    pub(super) fn attend(
        &mut self,
        stay: u64,
        next: u64,
        members: impl Fn(&PeerId) -> bool,
        present: impl Iterator<Item = PeerId>,
    ) -> Vec<((u64, PeerId), Receipt)> {
        let mut changed = Vec::new();
        for member in present {
            self.of.entry((stay, member)).or_insert_with(|| {
                let receipt = Receipt { first: next, last: 0, gone: false };
                changed.push(((stay, member), receipt));
                receipt
            });
        }
        for (key, receipt) in &mut self.of {
            let gone = !members(&key.1);
            if std::mem::replace(&mut receipt.gone, gone) != gone {
                changed.push((*key, *receipt));
            }
        }
        changed
    }

    /// A member says that he has our lines up to `last`. Returns what is to be kept, if it is news.
    pub(super) fn heard(&mut self, stay: u64, member: PeerId, last: u64) -> Option<Receipt> {
        let receipt = self.of.get_mut(&(stay, member)).filter(|receipt| receipt.last < last)?;
        receipt.last = last;
        Some(*receipt)
    }

    /// Who has a line, and for whom it waits.
    pub(super) fn of_line(&self, stay: u64, line: u64) -> (Vec<PeerId>, Vec<PeerId>) {
        let all = (stay, PeerId([0; 32]))..=(stay, PeerId([0xff; 32]));
        let of = || self.of.range(all.clone());
        let has = of().filter(|(_, receipt)| receipt.has(line));
        let waits = of().filter(|(_, receipt)| receipt.awaits(line));
        (has.map(|((_, key), _)| *key).collect(), waits.map(|((_, key), _)| *key).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PeerId = PeerId([1; 32]);
    const BEN: PeerId = PeerId([2; 32]);

    fn attend(receipts: &mut Receipts, next: u64, present: &[PeerId]) -> usize {
        let all = present.iter().copied();
        receipts.attend(7, next, |key| present.contains(key), all).len()
    }

    #[test]
    fn a_line_is_for_those_who_were_there_when_it_was_written() {
        let mut receipts = Receipts::default();
        assert_eq!(attend(&mut receipts, 1, &[ANN]), 1);
        assert_eq!(attend(&mut receipts, 3, &[ANN, BEN]), 1);
        assert_eq!(attend(&mut receipts, 4, &[ANN, BEN]), 0, "nothing new");
        assert!(receipts.heard(7, BEN, 3).is_some(), "with what was said before he came");
        assert_eq!(receipts.of_line(7, 2), (vec![], vec![ANN]));
        assert_eq!(receipts.of_line(7, 3), (vec![BEN], vec![ANN]));
        assert!(receipts.heard(7, ANN, 2).is_some());
        assert_eq!(receipts.heard(7, ANN, 1), None, "known");
        assert_eq!(receipts.of_line(7, 2), (vec![ANN], vec![]));
    }

    #[test]
    fn nobody_waits_for_those_who_left() {
        let mut receipts = Receipts::default();
        attend(&mut receipts, 1, &[ANN, BEN]);
        receipts.heard(7, ANN, 1);
        assert_eq!(attend(&mut receipts, 3, &[]), 2);
        assert_eq!(receipts.of_line(7, 1), (vec![ANN], vec![]));
        assert_eq!(receipts.of_line(7, 2), (vec![], vec![]));
        attend(&mut receipts, 3, &[BEN]);
        assert_eq!(receipts.of_line(7, 2), (vec![], vec![BEN]), "he came back");
    }
}
