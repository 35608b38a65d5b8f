//! What follows from what is known of our NAT: how its mappings are kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::idle;

/// How the mappings of our NAT are kept.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Upkeep {
    /// The longest silence that a mapping is known to survive, 5 to 60 s.
    pub idle: Option<Duration>,
    /// The age up to which mappings live that end at one however busy they are, 20 to 600 s. A fresh
    /// socket takes their place before.
    pub age: Option<Duration>,
}

impl Upkeep {
    /// The time between two packets on a path over which nobody says anything, 4 to 25 s.
    #[must_use]
    pub fn path(&self) -> Duration {
        idle::path_keepalive(self.idle)
    }

    /// The time between two pings to a server, 8 to 45 s.
    #[must_use]
    pub fn link(&self) -> Duration {
        idle::link_keepalive(self.idle)
    }
}
