//! Deadlines in steps of one second.

use std::collections::BTreeMap;

const STEP: u64 = 1000;

/// Things to look at later. An entry stays until it is due; whoever takes it out decides whether
/// it still means something. Times are milliseconds since the server started.
#[derive(Debug)]
pub(super) struct Wheel<T> {
    steps: BTreeMap<u64, Vec<T>>,
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self { steps: BTreeMap::new() }
    }
}

impl<T> Wheel<T> {
    /// Asks for `entry` back at `at` or up to a second later.
    pub(super) fn insert(&mut self, at: u64, entry: T) {
        self.steps.entry(at.div_ceil(STEP)).or_default().push(entry);
    }

    /// When the next entries are due.
    pub(super) fn next(&self) -> Option<u64> {
        self.steps.keys().next().map(|step| step * STEP)
    }

    /// Takes entries that are due out of the wheel.
    pub(super) fn due(&mut self, at: u64) -> Option<Vec<T>> {
        self.next().filter(|&next| next <= at)?;
        self.steps.pop_first().map(|(_, entries)| entries)
    }
}
