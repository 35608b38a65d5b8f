//! What a peer needs of its endpoint while it works.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address;
use p2pchat_wire::datagram::relay;
use p2pchat_wire::identity::Identity;
use p2pchat_wire::random::Random;

use crate::proto::frame::Candidate;
use crate::proto::path::Remote;
use crate::proto::{Event, Policy, Transmit};

/// The endpoint's belongings, lent to one peer for one call.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) identity: &'a Identity,
    pub(super) policy: Policy,
    pub(super) random: &'a mut Random,
    pub(super) transmits: &'a mut VecDeque<Transmit>,
    pub(super) events: &'a mut VecDeque<Event>,
    /// Where relayed datagrams go.
    pub(super) server: Option<SocketAddr>,
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

    pub(super) fn transmit(&mut self, to: SocketAddr, payload: Vec<u8>) {
        self.transmits.push_back(Transmit { to, ttl: None, payload });
    }

    pub(super) fn transmit_with_ttl(&mut self, to: SocketAddr, ttl: u8, payload: Vec<u8>) {
        self.transmits.push_back(Transmit { to, ttl: Some(ttl), payload });
    }

    /// Through the rendezvous; nowhere while there is none.
    pub(super) fn transmit_relayed(&mut self, channel: u64, datagram: &[u8]) {
        if let Some(to) = self.server {
            self.transmits.push_back(Transmit { to, ttl: None, payload: relay(channel, datagram) });
        }
    }

    /// To the far end of a path; `channel` is the peer's relay channel.
    pub(super) fn transmit_on(&mut self, remote: Remote, channel: Option<u64>, datagram: Vec<u8>) {
        match remote {
            Remote::Direct(to) => self.transmit(to, datagram),
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
        let loopback =
            self.server.is_some_and(|server| address::canonical(server).ip().is_loopback());
        self.policy != Policy::RelayOnly
            && address::is_permitted(endpoint, loopback)
            && self.server.map(address::canonical) != Some(address::canonical(endpoint))
    }
}
