//! Which sockets the endpoint has, and which it wants.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use crate::proto::{SocketId, SocketRequest};

/// What a socket is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Use {
    /// To be written to for as long as we are there, or a stream to a server.
    Lasting,
    /// A question about our NAT, or one peer's punch: it is closed with what it was opened for.
    Passing,
}

/// Which there are, the requests that wait to be taken, and the number of the next socket.
#[derive(Debug)]
pub(super) struct Sockets {
    next: u32,
    /// Those that were asked for and not given back.
    open: BTreeMap<SocketId, Use>,
    opening: VecDeque<SocketRequest>,
    closing: VecDeque<SocketRequest>,
}

impl Default for Sockets {
    fn default() -> Self {
        let (opening, closing) = (VecDeque::new(), VecDeque::new());
        let open = BTreeMap::from([(SocketId::FIRST, Use::Lasting)]);
        Self { next: SocketId::FIRST.0 + 1, open, opening, closing }
    }
}

impl Sockets {
    /// Asks for one more socket, which may be used at once.
    pub(super) fn open(&mut self) -> SocketId {
        let id = self.add(Use::Lasting);
        self.opening.push_back(SocketRequest::Open(id));
        id
    }

    /// The same, for a socket that nobody else is to count on.
    pub(super) fn open_passing(&mut self) -> SocketId {
        let id = self.add(Use::Passing);
        self.opening.push_back(SocketRequest::Open(id));
        id
    }

    /// Asks for a stream to a server's TCP port, which may be used at once.
    pub(super) fn dial(&mut self, to: SocketAddr, tls: bool) -> SocketId {
        let id = self.add(Use::Lasting);
        self.opening.push_back(SocketRequest::Dial { id, to, tls });
        id
    }

    fn add(&mut self, purpose: Use) -> SocketId {
        let id = SocketId(self.next);
        self.next += 1;
        self.open.insert(id, purpose);
        id
    }

    /// Gives a socket back after what was sent from it until now.
    pub(super) fn close(&mut self, id: SocketId) {
        if id != SocketId::FIRST {
            self.open.remove(&id);
            self.closing.push_back(SocketRequest::Close(id));
        }
    }

    /// A stream is not there any more.
    pub(super) fn lose(&mut self, id: SocketId) {
        self.open.remove(&id);
    }

    /// Whether what arrives there is of interest.
    pub(super) fn is_open(&self, id: SocketId) -> bool {
        self.open.contains_key(&id)
    }

    /// Whether it is closed with what it was opened for.
    pub(super) fn is_passing(&self, id: SocketId) -> bool {
        self.open.get(&id) == Some(&Use::Passing)
    }

    /// To be handed out before any datagram.
    pub(super) fn poll_opening(&mut self) -> Option<SocketRequest> {
        self.opening.pop_front()
    }

    /// To be handed out after all datagrams.
    pub(super) fn poll_closing(&mut self) -> Option<SocketRequest> {
        self.closing.pop_front()
    }
}
