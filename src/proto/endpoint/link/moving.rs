//! What a link does when its near end moves.

use std::time::Instant;

use p2pchat_wire::random::Random;

use super::{Attempt, Link};
use crate::proto::{SocketId, Transmit};

impl Link {
    /// Shows the server where we are now, unless that was done a moment ago: it relays nothing that
    /// comes from an endpoint which nothing sealed has come from yet.
    pub(in crate::proto::endpoint) fn show_endpoint(&mut self, now: Instant) -> Option<Transmit> {
        self.up.as_mut()?.show_endpoint(now)
    }

    /// The network is another one, or time has jumped: whatever was waited for is tried again at once.
    ///
    /// A ping is enough for a server that still knows us, and a new link is made beside it: after
    /// hours of sleep the server knows nothing, and on some systems no clock tells.
    pub(in crate::proto::endpoint) fn network_changed(
        &mut self,
        now: Instant,
        random: &mut Random,
    ) {
        if let Some(up) = &mut self.up {
            (up.pings, up.ping_at) = (0, now);
        }
        self.back_at = self.back_at.map(|_| now);
        match &mut self.attempt {
            Attempt::Hello { tries, next_at, .. } => (*tries, *next_at) = (0, now),
            Attempt::Init(init) => init.next_at = now,
            Attempt::None => self.restart(now, random),
            Attempt::Later(_) | Attempt::Ready { .. } => {}
        }
    }

    /// From now on the server is addressed from another socket of ours, and follows with the ping that
    /// is returned. A link over TCP stays where it is. A handshake over UDP that is under way begins anew:
    /// it would end in a link at the socket that we leave.
    pub(in crate::proto::endpoint) fn move_to(
        &mut self,
        now: Instant,
        socket: SocketId,
        random: &mut Random,
    ) -> Option<Transmit> {
        self.local = socket;
        let ping = self.up.as_mut().filter(|up| !self.carriers.holds(up.way.local)).map(|up| {
            up.way.local = socket;
            up.ping(now)
        });
        if self.attempt.way().is_some_and(|way| !self.carriers.holds(way.local)) {
            match self.is_carried() {
                true => self.stay_over_tcp(now),
                false => self.restart(now, random),
            }
        }
        ping
    }
}
