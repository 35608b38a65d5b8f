//! Paths that give way to others although they work: one end is about to move.

use std::net::SocketAddr;
use std::time::Instant;

use p2pchat_wire::address;

use super::{Pair, Path, Paths, STALE, State};
use crate::proto::SocketId;

/// Endpoints that the peer has left, and from which packets may still come.
const MAX_LEFT: usize = 8;

impl Paths {
    /// We move from a socket to another: what works from the old one is tried from the new one. Paths
    /// inside one network pass no NAT and stay at the first socket, which is never closed.
    pub(crate) fn change_socket(&mut self, now: Instant, old: SocketId, new: SocketId) {
        let moves = |path: &Path| {
            let near = path.near || address::is_local(path.pair.remote.ip());
            path.pair.local == old && !(near && old == SocketId::FIRST)
        };
        self.leaving = Some(old);
        let mut successors = Vec::new();
        for path in self.direct.iter_mut().filter(|path| moves(path)) {
            let left = std::mem::replace(&mut path.retiring, true);
            let wanted = path.state == State::Validated || self.offered.contains(&path.pair.remote);
            if wanted && !left {
                successors.push((Pair { local: new, remote: path.pair.remote }, path.origin));
            }
        }
        for (pair, origin) in successors {
            self.add(now, pair, origin);
        }
    }

    /// The old socket is to be closed.
    pub(crate) fn leave_socket(&mut self, old: SocketId) {
        self.leaving = None;
        if old != SocketId::FIRST {
            return self.leave(old);
        }
        self.forget(|path| path.retiring && path.pair.local == old);
    }

    /// The peer's endpoints, as it names them now. Another port at an address where it had one before
    /// is where it moves to.
    pub(crate) fn on_offer(&mut self, offered: Vec<SocketAddr>) {
        let moved = |from: &SocketAddr| {
            !offered.contains(from) && offered.iter().any(|to| to.ip() == from.ip())
        };
        let left = self.offered.iter().filter(|from| moved(from));
        self.left.extend(left);
        self.left.retain(|from| !offered.contains(from));
        let excess = self.left.len().saturating_sub(MAX_LEFT);
        self.left.drain(..excess);
        for path in self.direct.iter_mut().filter(|path| self.left.contains(&path.pair.remote)) {
            path.retiring = true;
        }
        self.offered = offered;
    }

    /// Whether a new path would be one of those that give way.
    pub(super) fn is_retiring(&self, pair: Pair) -> bool {
        let leaving = self.leaving == Some(pair.local)
            && !(pair.local == SocketId::FIRST && address::is_local(pair.remote.ip()));
        leaving || self.left.contains(&pair.remote)
    }

    /// Forgets what has been left by both sides, once nothing is on its way there any more.
    pub(super) fn forget_retired(&mut self, now: Instant) {
        self.forget(|path| path.retiring && path.is_silent_for(now, STALE));
    }

    fn forget(&mut self, which: impl Fn(&Path) -> bool) {
        let left = self.direct.iter().filter(|path| which(path)).map(|path| path.id);
        self.forgotten.extend(left);
        self.direct.retain(|path| !which(path));
    }
}
