//! How an endpoint stops.
//!
//! A goodbye ends a session, and what had been said before and was lost, or is slower on its way, would come too
//! late: a line that its receiver has, and whose sender never learns it. And whoever has answered our handshake
//! believes us to be here before we know, and can be told otherwise only when the answer is there. So goodbyes wait
//! until handshakes have ended and the peers have all messages, for which a round trip is enough, and for nobody
//! longer than [`PATIENCE`].

use std::time::{Duration, Instant};

use p2pchat_wire::signal::ClientSignal;

use super::peer::Peer;
use super::{DisconnectReason, Endpoint};

/// How long goodbyes wait. Enough to repeat what was lost on a long way; a person who wants to leave does
/// not notice more than that.
const PATIENCE: Duration = Duration::from_secs(1);

impl Endpoint {
    /// From now on, we are about to stop.
    pub(super) fn begin_to_leave(&mut self, now: Instant) {
        self.leaves_at.get_or_insert(now + PATIENCE);
    }

    /// Says goodbye if we are about to, and nobody lacks a word or it is high time: one datagram for each
    /// server, whether it arrives or not.
    pub(super) fn leave_when_heard(&mut self, now: Instant) {
        let Some(leaves_at) = self.leaves_at else { return };
        if now < leaves_at && !self.peers.values().all(Peer::is_heard) {
            return;
        }
        self.with_all_peers(now, |peer, cx| peer.close(cx, DisconnectReason::Closed));
        for server in self.homes.ids() {
            self.tell(server, &ClientSignal::Unregister);
        }
        self.closed = true;
    }

    /// Whether all goodbyes are said. Inputs have no effect any more, and the outputs end with the goodbyes.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}
