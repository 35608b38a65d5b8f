//! What was said in the room, and who was to hear it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use p2pchat::chat::room::LogId;

/// One line that somebody typed.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) at: Instant,
    /// The stays of those whom its author took for members then; none, if he was none himself and it had
    /// to wait. Whoever leaves after and comes again is given what a newcomer is.
    pub(super) audience: BTreeSet<LogId>,
    /// Who had been removed, as far as he knew.
    pub(super) banned: BTreeSet<usize>,
}

/// All that was typed, by what it begins with.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) lines: BTreeMap<String, Said>,
    counts: [u32; 8],
}

impl Ledger {
    /// The beginning of the next line of somebody: nobody has ever said the same.
    pub(super) fn next(&mut self, by: usize) -> String {
        self.counts[by] += 1;
        format!("{} {}", super::company::PEOPLE[by], self.counts[by])
    }

    pub(super) fn note(&mut self, line: String, said: Said) {
        self.lines.insert(line, said);
    }
}
