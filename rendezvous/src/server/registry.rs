//! Who has a link with us: keys, endpoints, and the packets seen.
//!
//! A peer is its key, everywhere. It has one link, for some moments two: a new one replaces the old
//! as soon as a packet sealed with it arrives, and until then what is on its way under the old
//! keys still opens. Peers leave by silence only, and nobody is pushed out for somebody else.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use p2pchat_wire::datagram::{Sealed, link_header};
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::replay::LinkWindow;
use p2pchat_wire::sealing::Keys;
use p2pchat_wire::signal::ServerSignal;
use p2pchat_wire::{codec, datagram};

use super::config::Config;
use super::limits::{Bucket, Census};
use super::local::Local;
use super::statistics::Drop;
use super::wheel::Wheel;

/// Where a peer was heard from, and by what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Endpoint {
    pub(super) remote: SocketAddr,
    pub(super) local: Local,
}

impl Endpoint {
    /// Where others can send to, if anywhere: nobody reaches a peer through its carrier but us.
    pub(super) fn shown(&self) -> Option<SocketAddr> {
        matches!(self.local, Local::Udp(_)).then_some(self.remote)
    }

    /// Whether only the same peer can have sent from both. Which of our addresses a peer writes to
    /// is its own affair, but a carrier is not to be spoken on from elsewhere.
    pub(super) fn is_same_sender(&self, other: &Self) -> bool {
        self.remote == other.remote
            && match (self.local, other.local) {
                (Local::Udp(_), Local::Udp(_)) => true,
                (one, two) => one == two,
            }
    }
}

/// The keys of one handshake.
#[derive(Debug)]
pub(super) struct Link {
    keys: Keys,
    /// The peer's index for what we seal.
    remote: u32,
    /// Ours for what the peer seals.
    index: u32,
    made: u64,
    sent: u64,
    /// One more than the highest packet number that was authentic.
    newest: u64,
    seen: LinkWindow,
}

/// A peer with a link.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) endpoint: Endpoint,
    /// Where it was when it came, which is where it counts.
    home: IpAddr,
    /// Whether it keeps the endpoint from those it is introduced to.
    concealed: bool,
    /// The name it is registered under.
    pub(super) name: Option<Name>,
    /// The counter of its last link request.
    pub(super) counter: u64,
    /// When it was last heard, in milliseconds since the server started.
    heard: u64,
    link: Link,
    /// A newer link that no packet has confirmed yet. What we send is sealed with it already: a
    /// peer that has restarted knows no other.
    fresh: Option<Box<Link>>,
    pub(super) signals: Bucket,
    pub(super) relayed: Bucket,
    pub(super) watched: Vec<Name>,
    pub(super) entrances: Bucket,
    /// The rooms that it is in.
    pub(super) rooms: Vec<Name>,
}

impl Peer {
    /// The endpoint that others are told, if any.
    pub(super) fn shown(&self) -> Option<SocketAddr> {
        self.endpoint.shown().filter(|_| !self.concealed)
    }

    /// Seals a signal into a datagram; `None` if the keys are past their time.
    pub(super) fn seal(
        &mut self,
        at: u64,
        lifetime: u64,
        signal: &ServerSignal,
    ) -> Option<Vec<u8>> {
        let link = self.fresh.as_deref_mut().unwrap_or(&mut self.link);
        if at.saturating_sub(link.made) > lifetime {
            return None;
        }
        let mut packet = link_header(link.remote, link.sent).to_vec();
        codec::encode_onto(signal, &mut packet);
        link.keys.send.seal_in_place(link.sent, datagram::SEALED_HEADER, &mut packet);
        link.sent += 1;
        Some(packet)
    }
}

/// What an authentic packet said and did.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) key: PeerId,
    pub(super) text: Vec<u8>,
    pub(super) roamed: bool,
}

/// All peers.
#[derive(Debug, Default)]
pub(super) struct Registry {
    peers: BTreeMap<PeerId, Box<Peer>>,
    links: BTreeMap<u32, PeerId>,
    silence: Wheel<PeerId>,
    census: Census,
    remembered: BTreeMap<PeerId, u64>,
    order: VecDeque<PeerId>,
}

impl Registry {
    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn peer(&self, key: &PeerId) -> Option<&Peer> {
        self.peers.get(key).map(|peer| &**peer)
    }

    pub(super) fn peer_mut(&mut self, key: &PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(key).map(|peer| &mut **peer)
    }

    /// The first peer whose key is greater than `after`, for walks that can be interrupted.
    pub(super) fn following(&self, after: Option<PeerId>) -> Option<PeerId> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.peers.range((from, Unbounded)).next().map(|(key, _)| *key)
    }

    /// Whether `key` may have a link from `ip`: because it has one, or because there is room.
    pub(super) fn admits(&self, config: &Config, key: &PeerId, ip: IpAddr) -> bool {
        self.peers.contains_key(key)
            || (self.peers.len() < config.max_peers
                && self.census.has_room(ip, config.max_peers_per_network))
    }

    /// The counter of the key's last link request, also of a peer that has gone lately.
    pub(super) fn counter(&self, key: &PeerId) -> Option<u64> {
        self.peers.get(key).map(|peer| peer.counter).or_else(|| self.remembered.get(key).copied())
    }

    /// An index that no link has.
    pub(super) fn unused_index(&self, random: &mut Random) -> u32 {
        loop {
            let index = random.u32();
            if index != 0 && !self.links.contains_key(&index) {
                return index;
            }
        }
    }

    /// Gives `key` the link that a handshake ended in, and moves it to `endpoint`.
    pub(super) fn adopt(&mut self, at: u64, lifetime: u64, key: PeerId, link: NewLink) {
        let NewLink { endpoint, concealed, counter, keys, remote, index } = link;
        let link =
            Link { keys, remote, index, made: at, sent: 0, newest: 0, seen: LinkWindow::default() };
        self.links.insert(index, key);
        if let Some(peer) = self.peers.get_mut(&key) {
            if let Some(unconfirmed) = peer.fresh.replace(Box::new(link)) {
                self.links.remove(&unconfirmed.index);
            }
            (peer.endpoint, peer.concealed) = (endpoint, concealed);
            (peer.counter, peer.heard) = (counter, at);
        } else {
            let peer = Peer {
                endpoint,
                home: endpoint.remote.ip(),
                concealed,
                name: None,
                counter,
                heard: at,
                link,
                fresh: None,
                signals: Bucket::default(),
                relayed: Bucket::default(),
                watched: Vec::new(),
                entrances: Bucket::default(),
                rooms: Vec::new(),
            };
            self.census.add(peer.home);
            self.peers.insert(key, Box::new(peer));
            self.silence.insert(at + lifetime, key);
        }
    }

    /// Opens a sealed datagram and follows its sender.
    ///
    /// Nothing changes unless the packet is authentic. Only the newest link's highest packet number
    /// moves the endpoint: packets overtake each other, and old ones can be sent again by anybody.
    pub(super) fn open(
        &mut self,
        at: u64,
        key_lifetime: u64,
        from: Endpoint,
        sealed: &Sealed<'_>,
    ) -> Result<Opened, Drop> {
        let key = *self.links.get(&sealed.receiver).ok_or(Drop::UnknownLink)?;
        let peer = self.peers.get_mut(&key).ok_or(Drop::UnknownLink)?;
        let is_fresh = peer.fresh.as_ref().is_some_and(|link| link.index == sealed.receiver);
        let link = match &mut peer.fresh {
            Some(fresh) if is_fresh => &mut **fresh,
            _ => &mut peer.link,
        };
        if !link.seen.is_fresh(sealed.packet_number) {
            return Err(Drop::Replayed);
        }
        if at.saturating_sub(link.made) > key_lifetime {
            return Err(Drop::OldKeys);
        }
        let text = link
            .keys
            .receive
            .open(sealed.packet_number, sealed.header, sealed.ciphertext)
            .map_err(|_| Drop::Forged)?;
        link.seen.mark(sealed.packet_number);
        let is_newest = sealed.packet_number >= link.newest;
        if is_newest {
            link.newest = sealed.packet_number.saturating_add(1);
        }
        if is_fresh && let Some(confirmed) = peer.fresh.take() {
            let old = std::mem::replace(&mut peer.link, *confirmed);
            self.links.remove(&old.index);
        }
        peer.heard = at;
        let roamed = is_newest && peer.fresh.is_none() && peer.endpoint != from;
        if roamed {
            peer.endpoint = from;
        }
        Ok(Opened { key, text, roamed })
    }

    /// When somebody may have been silent for too long.
    pub(super) fn next(&self) -> Option<u64> {
        self.silence.next()
    }

    /// Takes out the peers that have been silent for `lifetime`.
    pub(super) fn expire(
        &mut self,
        at: u64,
        lifetime: u64,
        max_remembered: usize,
    ) -> Vec<(PeerId, Box<Peer>)> {
        let mut gone = Vec::new();
        while let Some(keys) = self.silence.due(at) {
            for key in keys {
                let Some(peer) = self.peers.get(&key) else { continue };
                let until = peer.heard + lifetime;
                if until > at {
                    self.silence.insert(until, key);
                } else if let Some(peer) = self.peers.remove(&key) {
                    self.census.remove(peer.home);
                    self.links.remove(&peer.link.index);
                    if let Some(fresh) = &peer.fresh {
                        self.links.remove(&fresh.index);
                    }
                    self.remember(key, peer.counter, max_remembered);
                    gone.push((key, peer));
                }
            }
        }
        gone
    }

    fn remember(&mut self, key: PeerId, counter: u64, max: usize) {
        if self.remembered.insert(key, counter).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > max {
            if let Some(oldest) = self.order.pop_front() {
                self.remembered.remove(&oldest);
            }
        }
    }
}

/// What a handshake leaves behind.
#[derive(Debug)]
pub(super) struct NewLink {
    pub(super) endpoint: Endpoint,
    pub(super) concealed: bool,
    pub(super) counter: u64,
    pub(super) keys: Keys,
    pub(super) remote: u32,
    pub(super) index: u32,
}
