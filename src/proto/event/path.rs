//! A path as it is told: its kind, where it leads, how long it takes.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The kinds of path, as shown to people.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum PathKind {
    /// Straight, to an address of the same network or machine.
    Lan,
    /// Straight, through whatever NATs there are.
    Direct,
    /// Sealed datagrams through the rendezvous.
    Relay,
}

/// The path that a session uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PathInfo {
    /// What kind.
    pub kind: PathKind,
    /// The other end, where it is not the rendezvous.
    pub remote: Option<SocketAddr>,
    /// Smoothed round-trip time, once measured.
    pub rtt: Option<Duration>,
    /// Whether we reach the rendezvous over TCP: ours is a network that lets no UDP through. Only for
    /// the relay.
    pub over_tcp: bool,
}

impl PathInfo {
    /// The relay.
    #[must_use]
    pub const fn relay(over_tcp: bool, rtt: Option<Duration>) -> Self {
        Self { kind: PathKind::Relay, remote: None, rtt, over_tcp }
    }
}
