//! What an endpoint calls servers and people.

use p2pchat_wire::identity::Name;
use serde::{Deserialize, Serialize};

/// One of the rendezvous servers that we use, by a number that the wiring chose.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
pub struct ServerId(pub u8);

impl ServerId {
    /// The server of an endpoint that has only one.
    pub const FIRST: Self = Self(0);

    /// No server: the names of the local network, which everybody there gives himself.
    pub const LOCAL: Self = Self(u8::MAX);
}

/// A name at a rendezvous. The same name may be another person's at another one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerName {
    /// The name.
    pub name: Name,
    /// Who gave it out.
    pub server: ServerId,
}

impl From<Name> for PeerName {
    /// A name at the first server.
    fn from(name: Name) -> Self {
        Self { name, server: ServerId::FIRST }
    }
}
