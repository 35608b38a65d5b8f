//! By what a datagram came, and by what it is to leave.

use std::net::SocketAddr;

/// Our end of what a datagram travels by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Local {
    /// One of our UDP sockets, by the address that was written to.
    Udp(SocketAddr),
    /// A stream between a peer and us ([`p2pchat_wire::carrier`]). When it has broken, what is sent
    /// by it is lost, as with a mapping that a NAT has forgotten.
    Carrier(CarrierId),
}

/// A carrier, by number of its coming. No number is given twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CarrierId(pub u64);

impl From<SocketAddr> for Local {
    fn from(address: SocketAddr) -> Self {
        Self::Udp(address)
    }
}

impl From<CarrierId> for Local {
    fn from(id: CarrierId) -> Self {
        Self::Carrier(id)
    }
}
