//! How many packets leave for endpoints that were never heard, over all of them.

use std::time::{Duration, Instant};

/// At once: every candidate that a peer offers gets all of its packets.
const BURST: u32 = 240;

/// Time after which one more may leave.
const REFILL: Duration = Duration::from_millis(250);

/// A peer that names ever new endpoints has no more than this to aim at others.
#[derive(Debug)]
pub(super) struct Blind {
    left: u32,
    filled_at: Option<Instant>,
}

impl Default for Blind {
    fn default() -> Self {
        Self { left: BURST, filled_at: None }
    }
}

impl Blind {
    /// Takes one packet out of the budget, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let filled_at = *self.filled_at.get_or_insert(now);
        let gained = now.saturating_duration_since(filled_at).as_millis() / REFILL.as_millis();
        if gained > 0 {
            let gained = u32::try_from(gained).unwrap_or(BURST);
            self.left = self.left.saturating_add(gained).min(BURST);
            self.filled_at = Some(now);
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}
