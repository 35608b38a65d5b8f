//! The rendezvous servers that we use: what we have at each, and which of them is the nearest.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::handshake::Purpose;
use smallvec::SmallVec;

use super::calls::Calls;
use super::invitations::Invitations;
use super::link::Link;
use super::registration::Registering;
use super::rooms::Rooms;
use crate::proto::nat::Sample;
use crate::proto::path::Pair;
use crate::proto::{ServerId, SocketId, Transmit};

/// Rendezvous servers at most. Each costs a keepalive every 20 s and one more introduction for each
/// peer; what a person gains from a fifth is nothing.
pub const MAX_SERVERS: usize = 4;

/// Another server must be nearer by this and by a tenth to take the place of the one in use, lest
/// two equal ones take turns.
const HYSTERESIS: Duration = Duration::from_millis(10);

/// One rendezvous, and everything that we want of it.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) id: ServerId,
    pub(super) link: Link,
    pub(super) registering: Registering,
    /// Whom it is asked for.
    pub(super) calls: Calls,
    pub(super) rooms: Rooms,
    pub(super) invitations: Invitations,
    /// Where it sees us, over UDP or TCP.
    pub(super) mapped: Option<SocketAddr>,
    /// Whether it was last heard over TCP.
    pub(super) carried: bool,
    /// Its newest address token, for the person's disk.
    pub(super) token: Option<[u8; 32]>,
}

impl Home {
    fn new(id: ServerId, now: Instant, started_at_ms: u64) -> Self {
        Self {
            id,
            link: Link::new(now, started_at_ms),
            registering: Registering::default(),
            calls: Calls::default(),
            rooms: Rooms::default(),
            invitations: Invitations::default(),
            mapped: None,
            carried: false,
            token: None,
        }
    }

    /// Whether it introduces us to others now.
    pub(super) fn is_ready(&self) -> bool {
        self.registering.registered && self.link.address().is_some()
    }

    /// Where it sees our socket, while the link to it is up.
    pub(super) fn witness(&self) -> Option<Sample> {
        let Pair { local: socket, remote: via } = self.link.pair()?;
        Some(Sample { socket, via, mapped: self.reflexive()? })
    }

    /// The endpoint at which it sees our socket: nobody can send to the near end of a stream.
    pub(super) fn reflexive(&self) -> Option<SocketAddr> {
        self.mapped.filter(|_| !self.carried)
    }

    /// What a handshake is for that this server introduces; `None` while its key is not known.
    pub(super) fn purpose(&self) -> Option<Purpose> {
        self.link.key().map(Purpose::Peer)
    }
}

/// All of them, at most [`MAX_SERVERS`].
#[derive(Debug, Default)]
pub(super) struct Homes {
    list: Vec<Home>,
    /// The nearest.
    chosen: Option<ServerId>,
}

impl Homes {
    /// The home with this number; a new one if there is room. The second value says whether it is
    /// new.
    pub(super) fn enter(
        &mut self,
        id: ServerId,
        now: Instant,
        started_at_ms: u64,
    ) -> Option<(&mut Home, bool)> {
        if let Some(at) = self.list.iter().position(|home| home.id == id) {
            return self.list.get_mut(at).map(|home| (home, false));
        }
        if self.list.len() >= MAX_SERVERS {
            return None;
        }
        self.list.push(Home::new(id, now, started_at_ms));
        self.list.last_mut().map(|home| (home, true))
    }

    pub(super) fn get(&self, id: ServerId) -> Option<&Home> {
        self.list.iter().find(|home| home.id == id)
    }

    pub(super) fn get_mut(&mut self, id: ServerId) -> Option<&mut Home> {
        self.list.iter_mut().find(|home| home.id == id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Home> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Home> {
        self.list.iter_mut()
    }

    /// The home whose link one of the server's datagrams belongs to.
    pub(super) fn with_index(&mut self, index: u32) -> Option<&mut Home> {
        self.list.iter_mut().find(|home| home.link.is_ours(index))
    }

    /// Their numbers, to walk through them while something else changes.
    pub(super) fn ids(&self) -> SmallVec<[ServerId; 4]> {
        self.list.iter().map(|home| home.id).collect()
    }

    /// Shows all of them where we are now.
    pub(super) fn show_endpoint(&mut self, now: Instant) -> impl Iterator<Item = Transmit> {
        self.list.iter_mut().filter_map(move |home| home.link.show_endpoint(now))
    }

    /// How datagrams go to a server, while the link to it is up.
    pub(super) fn pair(&self, id: ServerId) -> Option<Pair> {
        self.get(id)?.link.pair()
    }

    /// The last measured round trip to a server, while the link to it is up.
    pub(super) fn rtt(&self, id: ServerId) -> Option<Duration> {
        self.get(id)?.link.rtt()
    }

    /// The server whose link a datagram came by.
    pub(super) fn heard_by(&self, from: Pair) -> Option<ServerId> {
        self.list.iter().find(|home| home.link.is_heard_by(from)).map(|home| home.id)
    }

    /// The server that has this address, over UDP or TCP.
    pub(super) fn at(&self, remote: SocketAddr) -> Option<ServerId> {
        self.list.iter().find(|home| home.link.is_at(remote)).map(|home| home.id)
    }

    /// The nearest, if any is ready.
    pub(super) fn chosen(&self) -> Option<&Home> {
        self.chosen.and_then(|id| self.get(id))
    }

    /// The socket that the nearest server knows, from which strangers are addressed.
    pub(super) fn local(&self) -> SocketId {
        let chosen = self.chosen().or_else(|| self.list.first());
        chosen.map_or(SocketId::FIRST, |home| home.link.local())
    }

    /// Chooses the nearest again; returns it if it is another one.
    pub(super) fn choose(&mut self) -> Option<ServerId> {
        let ready = self.list.iter().filter(|home| home.is_ready());
        let ready = ready.filter_map(|home| Some((home.link.rtt()?, home.id)));
        let (rtt, nearest) = ready.min()?;
        let current = self.chosen().filter(|home| home.is_ready());
        let stays =
            current.and_then(|home| home.link.rtt()).is_some_and(|now| !is_nearer(rtt, now));
        if stays || self.chosen == Some(nearest) {
            return None;
        }
        self.chosen = Some(nearest);
        self.chosen
    }
}

/// Whether one round trip is so much shorter than another that it is worth a change.
pub(super) fn is_nearer(one: Duration, other: Duration) -> bool {
    one + HYSTERESIS.max(other / 10) < other
}
