//! The relay channels to one peer, one at each rendezvous that introduced us, and which of them
//! carries packets.
//!
//! To paths and session they are one path. The side with the smaller key leads: it prefers the
//! nearest server, and the other sends where it last heard the leader, so that both use the same
//! one. When acknowledgements are missing, copies go over all of them. A leader that hears the other
//! side elsewhere, and goes on hearing nothing where it is itself, follows.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address;
use p2pchat_wire::handshake::Purpose;
use p2pchat_wire::signal::Introduction;

use super::directory::Channel;
use super::home::{Homes, is_nearer};
use crate::proto::ServerId;

/// How long the leader may hear the other side elsewhere, and nothing where it sends itself, before
/// it follows. Less, and copies that a doubt caused would move it.
const SETTLING: Duration = Duration::from_secs(1);

/// What one rendezvous gave us for one peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Introduced {
    pub(super) server: ServerId,
    /// Heads what travels directly.
    pub(super) number: u64,
    /// What handshakes of this introduction are bound to.
    pub(super) purpose: Purpose,
    pub(super) at: Instant,
    /// Where the server saw the peer.
    pub(super) endpoint: Option<SocketAddr>,
    channel: u64,
    /// Nothing came back over it when something should have, or the peer has left it.
    silent: bool,
}

impl Introduced {
    /// Leads to the peer.
    pub(super) fn channel(&self) -> Channel {
        (self.server, self.channel)
    }
}

/// Every introduction to one peer; as many as there are servers, at most.
#[derive(Debug, Default)]
pub(super) struct Relays {
    list: Vec<Introduced>,
    current: Option<ServerId>,
    /// Since when the peer is heard elsewhere only.
    elsewhere_since: Option<Instant>,
}

impl Relays {
    /// A rendezvous introduced us. Returns whether that is news.
    pub(super) fn introduced(
        &mut self,
        now: Instant,
        server: ServerId,
        purpose: Purpose,
        introduction: &Introduction,
    ) -> bool {
        let (number, channel) = (introduction.introduction, introduction.channel);
        let news = self.get(server).is_none_or(|known| known.number != number);
        self.list.retain(|known| known.server != server);
        let endpoint = introduction.endpoint.map(address::canonical);
        let silent = false;
        self.list.push(Introduced { server, number, purpose, at: now, endpoint, channel, silent });
        news
    }

    /// A server has this key from now on. What another key's owner gave us is worth nothing.
    pub(super) fn keep_only(&mut self, server: ServerId, purpose: Option<Purpose>) {
        self.list.retain(|known| known.server != server || Some(known.purpose) == purpose);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn get(&self, server: ServerId) -> Option<&Introduced> {
        self.list.iter().find(|known| known.server == server)
    }

    /// The introduction with this number.
    pub(super) fn numbered(&self, number: u64) -> Option<&Introduced> {
        self.list.iter().find(|known| known.number == number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Introduced> + Clone {
        self.list.iter()
    }

    /// The numbers that lead here.
    pub(super) fn channels(&self) -> impl Iterator<Item = Channel> + Clone + '_ {
        self.list.iter().map(Introduced::channel)
    }

    /// The newest introduction of all.
    pub(super) fn newest(&self) -> Option<&Introduced> {
        self.list.iter().max_by_key(|known| known.at)
    }

    /// The channels that carry packets now: usually one, all while what went over it is in doubt.
    pub(super) fn in_use(&self, in_doubt: bool) -> impl Iterator<Item = Channel> + '_ {
        self.channels().filter(move |(server, _)| in_doubt || Some(*server) == self.current)
    }

    /// Chooses again among the servers that can be reached. `leads` says whether it is ours to
    /// prefer one to another. Returns whether what was sent last may have gone nowhere.
    pub(super) fn choose(&mut self, homes: &Homes, leads: bool) -> bool {
        let reachable = self.list.iter().filter_map(|known| {
            let rtt = homes.rtt(known.server)?;
            Some((known.silent, rtt, known.server))
        });
        let Some((silent, rtt, best)) = reachable.clone().min() else { return false };
        let current = reachable.clone().find(|(_, _, server)| Some(*server) == self.current);
        let (stays, works) = match current {
            Some((false, ours, _)) => (silent || !leads || !is_nearer(rtt, ours), true),
            Some((true, ..)) => (silent, false),
            None => (false, false),
        };
        if stays || self.current == Some(best) {
            return false;
        }
        let first = self.current.is_none();
        self.move_to(best);
        !works && !first
    }

    /// A new packet of the peer's came over this server. `in_doubt` says whether acknowledgements
    /// are missing for what we sent.
    pub(super) fn heard(&mut self, now: Instant, server: ServerId, leads: bool, in_doubt: bool) {
        self.mark(server, false);
        let Some(current) = self.current.filter(|&current| current != server) else {
            self.elsewhere_since = None;
            return;
        };
        let since = *self.elsewhere_since.get_or_insert(now);
        let silent = self.get(current).is_none_or(|known| known.silent);
        if silent || !leads || in_doubt {
            self.move_to(server);
        } else if now.saturating_duration_since(since) >= SETTLING {
            // Had the peer heard us here, it would have come.
            self.mark(current, true);
            self.move_to(server);
        }
    }

    /// Nothing was acknowledged for long on the channel in use. Returns whether there is another to
    /// be tried.
    pub(super) fn fell_silent(&mut self, homes: &Homes) -> bool {
        let Some(current) = self.current else { return false };
        let others =
            |known: &&Introduced| known.server != current && homes.pair(known.server).is_some();
        let exists = self.list.iter().any(|known| others(&known));
        if !self.list.iter().any(|known| others(&known) && !known.silent) {
            self.list.iter_mut().for_each(|known| known.silent = false);
        }
        self.mark(current, exists);
        exists
    }

    fn mark(&mut self, server: ServerId, silent: bool) {
        for known in self.list.iter_mut().filter(|known| known.server == server) {
            known.silent = silent;
        }
    }

    fn move_to(&mut self, server: ServerId) {
        self.current = Some(server);
        self.elsewhere_since = None;
    }
}
