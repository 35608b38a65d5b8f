//! What was called lost and may yet be acknowledged.
//!
//! A packet that was merely late cost us half the window. If everything that shrank the window in
//! an episode arrives after all, there was no congestion, and the controller may take it back.

use std::ops::RangeInclusive;

/// How many lost packets are remembered. An episode with more was no mistake.
const MAX_REMEMBERED: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LostMemory {
    /// The losses of the episode, sorted by packet number; none if it can prove no mistake.
    numbers: Vec<u64>,
    /// Whether the episode may still prove a mistake.
    open: bool,
}

impl LostMemory {
    /// The controller has shrunk the window for what is remembered next.
    pub(super) fn start_episode(&mut self) {
        self.numbers.clear();
        self.open = true;
    }

    /// Adds losses to the episode.
    pub(super) fn remember(&mut self, numbers: Vec<u64>) {
        if self.numbers.len() + numbers.len() > MAX_REMEMBERED {
            *self = Self::default();
        }
        if self.open {
            self.numbers.extend(numbers);
            self.numbers.sort_unstable();
        }
    }

    /// Takes out what is acknowledged after all; whether that was the last of the episode.
    pub(super) fn acknowledge(
        &mut self,
        ranges: impl Iterator<Item = RangeInclusive<u64>>,
    ) -> bool {
        if self.numbers.is_empty() {
            return false;
        }
        for range in ranges {
            self.numbers.retain(|number| !range.contains(number));
        }
        self.numbers.is_empty() && std::mem::take(&mut self.open)
    }
}
