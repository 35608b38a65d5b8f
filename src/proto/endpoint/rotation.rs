//! Moving to a fresh socket before our NAT ends the mapping of the one in use: make before break. And
//! at once, if our NAT has given us a port that no peer writes to.
//!
//! The fresh socket is shown to the servers, which from then on see us there, and every path is tried
//! from it, while the text stays where it is. Each path that works from the new socket takes over from
//! its predecessor, on both sides. After a while the old socket is closed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address;

use super::Endpoint;
use super::home::Home;
use crate::proto::lifetime::{AgeLimit, Lifetime};
use crate::proto::path::Pair;
use crate::proto::{Event, Policy, SocketId};

/// How long paths from the old socket may still be needed. Some round trips, with repetitions.
const OVERLAP: Duration = Duration::from_secs(8);

/// Which socket is on its way out, and why.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    pub(super) lifetime: Lifetime,
    /// The old socket, and when it is closed.
    retiring: Option<(SocketId, Instant)>,
    /// The mapping that was last left for its port. A NAT that has no other to give is not asked for
    /// one again.
    shunned: Option<SocketAddr>,
}

impl Rotation {
    /// When [`Endpoint::rotate_sockets`] has something to do.
    pub(super) fn timeout(&self, home: SocketId) -> Option<Instant> {
        match self.retiring {
            Some((_, at)) => Some(at),
            None => self.leave_at(home),
        }
    }

    /// When the socket that servers know is to be left.
    fn leave_at(&self, home: SocketId) -> Option<Instant> {
        self.lifetime.leave_at().filter(|(socket, _)| *socket == home).map(|(_, at)| at)
    }
}

impl Endpoint {
    /// A server sees us at `mapped` if we write to it this way.
    pub(super) fn mapping_seen(&mut self, now: Instant, way: Pair, mapped: SocketAddr) {
        let learned = self.rotation.lifetime.seen(now, way.local, way.remote, mapped);
        let learned_at_ms = self.wall_clock_ms(now);
        let limit = |age| AgeLimit { external: mapped.ip(), age, learned_at_ms };
        self.events.extend(learned.map(limit).map(Event::AgeLearned));
    }

    /// What was learned in an earlier run.
    pub(super) fn recall_age(&mut self, now: Instant, limit: AgeLimit) {
        if let Some(rest) = limit.believed_for(self.wall_clock_ms(now)) {
            self.rotation.lifetime.recall(limit.external, limit.age, now + rest);
        }
    }

    fn wall_clock_ms(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started).as_millis();
        self.config.started_at_ms.saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// Takes the next step of a move, if it is time.
    pub(super) fn rotate_sockets(&mut self, now: Instant) {
        if self.rotation.lifetime.is_new()
            && let Some(seen) = self.homes.chosen().and_then(Home::witness)
        {
            // The first ping comes only after a while.
            self.mapping_seen(now, Pair { local: seen.socket, remote: seen.via }, seen.mapped);
        }
        if let Some((old, at)) = self.rotation.retiring {
            if at <= now {
                self.rotation.retiring = None;
                self.with_all_peers(now, |peer, cx| peer.leave_socket(cx, old));
                self.sockets.close(old);
            }
            return;
        }
        let old = self.homes.local();
        let due = self.rotation.leave_at(old).is_some_and(|at| at <= now);
        let shunned = self.shunned_mapping();
        // A planned punch counts on the mappings that it has measured.
        if !(due || shunned.is_some()) || self.punching.is_some() {
            return;
        }
        self.rotation.shunned = shunned.or(self.rotation.shunned);
        let new = self.sockets.open();
        for home in self.homes.iter_mut() {
            self.transmits.extend(home.link.move_to(now, new, &mut self.random));
        }
        self.with_all_peers(now, |peer, cx| peer.change_socket(cx, old, new));
        self.rotation.retiring = Some((old, now + OVERLAP));
    }

    /// Where we are seen, if no peer is permitted to write there and a fresh socket may be luckier.
    fn shunned_mapping(&self) -> Option<SocketAddr> {
        let mapped = self.homes.chosen().and_then(Home::reflexive)?;
        let useless = !address::is_permitted(mapped, true) && self.rotation.shunned != Some(mapped);
        (useless && self.config.policy != Policy::RelayOnly).then_some(mapped)
    }
}
