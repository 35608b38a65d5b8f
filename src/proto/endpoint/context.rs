//! What a peer needs of its endpoint while it works.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address;
use p2pchat_wire::datagram::relay;
use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::random::Random;

use super::directory::Channel;
use super::home::Homes;
use super::sockets::Sockets;
use super::survey::Survey;
use crate::proto::frame::Candidate;
use crate::proto::path::{Pair, Strangers};
use crate::proto::punch::Budget;
use crate::proto::punch::memory::Memory;
use crate::proto::punch::targets::Targets;
use crate::proto::{Congestion, Event, Policy, ServerId, SocketId, Transmit};

/// The endpoint's belongings, lent to one peer for one call.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) identity: &'a Identity,
    /// What is shared with peers, for the handshakes with them.
    pub(super) secrets: &'a BTreeMap<PeerId, SharedSecret>,
    pub(super) policy: Policy,
    pub(super) congestion: Congestion,
    /// Whether AES is computed in hardware.
    pub(super) aes: bool,
    pub(super) random: &'a mut Random,
    pub(super) sockets: &'a mut Sockets,
    /// What is known of our NAT.
    pub(super) survey: &'a mut Survey,
    /// How often a path to the peer is to be used.
    pub(super) keepalive: Duration,
    pub(super) budget: &'a Budget,
    /// What led to direct paths before.
    pub(super) memory: &'a mut Memory,
    /// The one peer with whom a planned punch is under way.
    pub(super) punching: &'a mut Option<PeerId>,
    /// Endpoints that have not answered, whichever peer they are thought to be.
    pub(super) strangers: &'a mut Strangers,
    /// Addresses that planned punches went to.
    pub(super) targets: &'a mut Targets,
    pub(super) transmits: &'a mut VecDeque<Transmit>,
    /// What datagrams have left from.
    pub(super) spare: &'a mut Vec<Vec<u8>>,
    pub(super) events: &'a mut VecDeque<Event>,
    /// Where relayed datagrams go.
    pub(super) homes: &'a Homes,
    /// The server that relayed the datagram at hand.
    pub(super) via: Option<ServerId>,
    /// The socket that the nearest rendezvous knows, from which strangers are addressed.
    pub(super) home: SocketId,
    /// Our own endpoints, for the peer.
    pub(super) candidates: &'a [Candidate],
    /// Set by a peer that suspects our mapped endpoint to have changed.
    pub(super) doubt_mapping: bool,
    /// Set by a peer that is not heard any more over the relay either: a new introduction shows
    /// whether it has started anew.
    pub(super) out_of_touch: bool,
}

impl Context<'_> {
    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// A pair whose near end is the socket that the rendezvous knows.
    pub(super) fn home_to(&self, remote: SocketAddr) -> Pair {
        Pair { local: self.home, remote: address::canonical(remote) }
    }

    pub(super) fn transmit(&mut self, pair: Pair, payload: Vec<u8>) {
        self.transmits.push_back(pair.transmit(None, payload));
    }

    pub(super) fn transmit_with_ttl(&mut self, pair: Pair, ttl: u8, payload: Vec<u8>) {
        self.transmits.push_back(pair.transmit(Some(ttl), payload));
    }

    /// A datagram that nobody may cut in pieces.
    pub(super) fn transmit_whole(&mut self, pair: Pair, payload: Vec<u8>) {
        self.transmits.push_back(Transmit { whole: true, ..pair.transmit(None, payload) });
    }

    /// Several datagrams that lie one after the other.
    pub(super) fn transmit_train(&mut self, pair: Pair, size: usize, payload: Vec<u8>) {
        let segment_size = (payload.len() > size).then_some(size);
        self.transmits.push_back(Transmit { segment_size, ..pair.transmit(None, payload) });
    }

    /// An empty buffer, if possible one that has been used before.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Through the rendezvous; nowhere while it is not reached.
    pub(super) fn transmit_relayed(&mut self, (server, channel): Channel, datagram: &[u8]) {
        if let Some(server) = self.homes.pair(server) {
            self.transmit(server, relay(channel, datagram));
        }
    }

    /// Several datagrams with their channel in front, through this server.
    pub(super) fn transmit_relayed_train(
        &mut self,
        server: ServerId,
        size: usize,
        payload: Vec<u8>,
    ) {
        if let Some(server) = self.homes.pair(server) {
            self.transmit_train(server, size, payload);
        }
    }

    /// Whether a packet may go straight to an endpoint that somebody named whom these servers
    /// introduced to us.
    pub(super) fn may_send_directly(
        &self,
        endpoint: SocketAddr,
        mut introduced_by: impl Iterator<Item = ServerId>,
    ) -> bool {
        // Loopback only in the company of a rendezvous on loopback.
        let on_loopback =
            |server| self.homes.pair(server).is_some_and(|pair| pair.remote.ip().is_loopback());
        let endpoint = address::canonical(endpoint);
        self.policy != Policy::RelayOnly
            && address::is_permitted(endpoint, introduced_by.any(on_loopback))
            && self.homes.at(endpoint).is_none()
    }
}
