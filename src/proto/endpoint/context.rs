//! What a peer needs of its endpoint while it works.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address;
use p2pchat_wire::datagram::relay;
use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::random::Random;

use super::sockets::Sockets;
use super::survey::Survey;
use crate::proto::frame::Candidate;
use crate::proto::path::{Pair, Remote};
use crate::proto::punch::Budget;
use crate::proto::punch::memory::Memory;
use crate::proto::{Event, Policy, SocketId, Transmit};

/// The endpoint's belongings, lent to one peer for one call.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) identity: &'a Identity,
    pub(super) policy: Policy,
    pub(super) random: &'a mut Random,
    pub(super) sockets: &'a mut Sockets,
    /// What is known of our NAT.
    pub(super) survey: &'a mut Survey,
    pub(super) budget: &'a Budget,
    /// What led to direct paths before.
    pub(super) memory: &'a mut Memory,
    /// The one peer with whom a planned punch is under way.
    pub(super) punching: &'a mut Option<PeerId>,
    pub(super) transmits: &'a mut VecDeque<Transmit>,
    pub(super) events: &'a mut VecDeque<Event>,
    /// Where relayed datagrams go.
    pub(super) server: Option<Pair>,
    /// The socket that the rendezvous knows, from which strangers are addressed.
    pub(super) home: SocketId,
    pub(super) link_rtt: Option<Duration>,
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

    /// Through the rendezvous; nowhere while there is none.
    pub(super) fn transmit_relayed(&mut self, channel: u64, datagram: &[u8]) {
        if let Some(server) = self.server {
            self.transmit(server, relay(channel, datagram));
        }
    }

    /// To the far end of a path; `channel` is the peer's relay channel.
    pub(super) fn transmit_on(&mut self, remote: Remote, channel: Option<u64>, datagram: Vec<u8>) {
        match remote {
            Remote::Direct(pair) => self.transmit(pair, datagram),
            Remote::Relay => {
                if let Some(channel) = channel {
                    self.transmit_relayed(channel, &datagram);
                }
            }
        }
    }

    /// Whether a packet may go straight to an endpoint that somebody named.
    pub(super) fn may_send_directly(&self, endpoint: SocketAddr) -> bool {
        // Loopback only in the company of a rendezvous on loopback.
        let server = self.server.map(|server| server.remote);
        let loopback = server.is_some_and(|server| server.ip().is_loopback());
        self.policy != Policy::RelayOnly
            && address::is_permitted(endpoint, loopback)
            && server != Some(address::canonical(endpoint))
    }
}
