//! The sockets of a simulated peer, as its endpoint asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use p2pchat::proto::{self, SocketId, SocketRequest};

use crate::talker::PORT;
use crate::topology::STREAMS;
use crate::world::Transmit;

/// How many local ports there are for the sockets of a peer.
const PORTS: u32 = 20_000;

/// Which sockets are open. What arrives at another port is lost, as on any computer.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// By local port; a stream with its other end.
    open: BTreeMap<u16, (SocketId, Option<SocketAddr>)>,
    /// Streams to ports where nobody listens.
    refused: BTreeSet<SocketId>,
}

/// The local port of a peer's socket.
pub(crate) fn port_of(socket: SocketId) -> u16 {
    PORT + u16::try_from(socket.0 % PORTS).expect("small")
}

impl Sockets {
    /// The one that is there from the start.
    pub(crate) fn new() -> Self {
        let first = SocketId::FIRST;
        Self { open: BTreeMap::from([(port_of(first), (first, None))]), refused: BTreeSet::new() }
    }

    /// The socket that hears at a local endpoint what comes from another.
    pub(crate) fn at(&self, local: SocketAddr, from: SocketAddr) -> Option<SocketId> {
        let (id, stream) = self.open.get(&local.port())?;
        stream.is_none_or(|server| server == from).then_some(*id)
    }

    pub(crate) fn obey(&mut self, request: SocketRequest) {
        match request {
            SocketRequest::Dial { id, to, .. } if to.port() != STREAMS => {
                self.refused.insert(id);
            }
            SocketRequest::Dial { id, to, .. } => self.open(id, Some(to)),
            SocketRequest::Open(id) => self.open(id, None),
            SocketRequest::Close(id) => {
                self.open.remove(&port_of(id));
                self.refused.remove(&id);
            }
        }
    }

    fn open(&mut self, id: SocketId, stream: Option<SocketAddr>) {
        let before = self.open.insert(port_of(id), (id, stream));
        assert_eq!(before, None, "{id:?} has a port of its own");
    }

    /// How something leaves; not at all by a stream that was refused.
    pub(crate) fn send(&self, transmit: proto::Transmit) -> Option<Transmit> {
        let proto::Transmit { from, to, ttl, segment_size, payload, .. } = transmit;
        let port = port_of(from);
        if self.open.get(&port).is_none_or(|(open, _)| *open != from) {
            assert!(self.refused.contains(&from), "{from:?} sends and is not open");
            return None;
        }
        Some(Transmit { source: None, port, to, ttl, segment_size, payload })
    }
}
