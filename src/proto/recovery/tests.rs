//! Recovery as its caller sees it.

use std::time::Instant;

/// Some instant to count from.
pub(super) fn epoch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "only differences to it count")]
    static EPOCH: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    *EPOCH
}
