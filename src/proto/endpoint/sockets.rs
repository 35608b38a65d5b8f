//! Which sockets the endpoint has, and which it wants.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::proto::{SocketId, SocketRequest};

/// The requests that wait to be taken, and the number of the next socket.
#[derive(Debug)]
pub(super) struct Sockets {
    next: u32,
    opening: VecDeque<SocketRequest>,
    closing: VecDeque<SocketRequest>,
}

impl Default for Sockets {
    fn default() -> Self {
        let (opening, closing) = (VecDeque::new(), VecDeque::new());
        Self { next: SocketId::FIRST.0 + 1, opening, closing }
    }
}

impl Sockets {
    /// Asks for one more socket, which may be used at once.
    pub(super) fn open(&mut self) -> SocketId {
        let id = SocketId(self.next);
        self.next += 1;
        self.opening.push_back(SocketRequest::Open(id));
        id
    }

    /// Asks for a stream to a server's TCP port, which may be used at once.
    pub(super) fn dial(&mut self, to: SocketAddr, tls: bool) -> SocketId {
        let id = SocketId(self.next);
        self.next += 1;
        self.opening.push_back(SocketRequest::Dial { id, to, tls });
        id
    }

    /// Gives a socket back after what was sent from it until now.
    pub(super) fn close(&mut self, id: SocketId) {
        if id != SocketId::FIRST {
            self.closing.push_back(SocketRequest::Close(id));
        }
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
