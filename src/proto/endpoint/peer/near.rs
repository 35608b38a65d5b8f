//! A peer in our own network, with whom no server is needed.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Peer;
use crate::proto::ServerId;
use crate::proto::endpoint::context::Context;
use crate::proto::path::{Origin, Remote};

/// Announcements of one peer that are remembered, lest somebody repeats old ones to have us try
/// endpoints anew.
const MAX_TRIED: usize = 64;

/// The least time between two such tries.
const TRY_ANEW_AFTER: Duration = Duration::from_secs(30);

/// What the local network says of a peer.
#[derive(Debug, Default)]
pub(super) struct Near {
    sightings: Vec<Nearby>,
    /// The announcements that made us try anew, the newest last, and when one did.
    tried: VecDeque<u64>,
    tried_at: Option<Instant>,
    /// Headed the handshake of the session as neighbours, and heads those that renew its keys.
    number: Option<u64>,
}

/// One announcement that a peer was recognised by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::proto::endpoint) struct Nearby {
    /// Heads what we send to it there.
    pub(in crate::proto::endpoint) number: u64,
    /// Whether it was recognised by a hint, which only the owner of the key can make.
    pub(in crate::proto::endpoint) recognised: bool,
    /// Where it says that it is.
    pub(in crate::proto::endpoint) endpoints: Vec<SocketAddr>,
}

impl Near {
    pub(super) fn number(&self) -> Option<u64> {
        self.number
    }

    /// Whether an announcement is one that was not heard before, and it is time to believe in it.
    fn is_news(&mut self, now: Instant, number: u64) -> bool {
        let soon = |at| now.saturating_duration_since(at) < TRY_ANEW_AFTER;
        if self.tried.contains(&number) || self.tried_at.is_some_and(soon) {
            return false;
        }
        self.tried_at = Some(now);
        self.tried.push_back(number);
        if self.tried.len() > MAX_TRIED {
            self.tried.pop_front();
        }
        true
    }

    /// A handshake under this number has led to a session.
    pub(super) fn met(&mut self, number: u64) {
        self.number = Some(number);
    }

    /// A handshake was answered from there.
    pub(super) fn met_at(&mut self, from: SocketAddr) {
        let there = |nearby: &&Nearby| nearby.endpoints.contains(&from);
        let found = self.sightings.iter().find(there).or_else(|| self.sightings.first());
        self.number = found.map(|nearby| nearby.number).or(self.number);
    }
}

impl Peer {
    /// Whether there is a session, or a handshake between neighbours on the way to one.
    pub(in crate::proto::endpoint) fn needs_no_approach(&self) -> bool {
        self.session.is_some() || self.handshaking.is_open_at(ServerId::LOCAL)
    }

    /// It is announced in our network, at these endpoints and no others.
    ///
    /// What a contact announces anew is tried anew, even where nobody has answered so far.
    pub(in crate::proto::endpoint) fn is_near(
        &mut self,
        cx: &mut Context<'_>,
        sightings: Vec<Nearby>,
    ) {
        for nearby in &sightings {
            let anew = nearby.recognised && self.near.is_news(cx.now, nearby.number);
            for &endpoint in &nearby.endpoints {
                if self.may_send_directly(cx, endpoint) {
                    let pair = cx.home_to(endpoint);
                    self.paths.add(cx.now, pair, Origin::Host);
                    self.paths.is_near(pair);
                    if anew {
                        self.paths.try_anew(cx.now, pair);
                        cx.strangers.renew(cx.now, pair.remote);
                    }
                }
            }
        }
        self.near.sightings = sightings;
        self.drive(cx);
    }

    /// Opens a handshake as a neighbour, wherever it is announced.
    pub(in crate::proto::endpoint) fn approach(&mut self, cx: &mut Context<'_>) {
        self.open(cx, ServerId::LOCAL);
    }

    /// Our opening as a neighbour: to where the session goes, else to wherever it is announced.
    pub(super) fn send_nearby(&mut self, cx: &mut Context<'_>) {
        let opening = |number| self.handshaking.opening_datagram(ServerId::LOCAL, number);
        let active = self.paths.active().and_then(|path| self.paths.remote(path));
        if let (Some(number), Some(Remote::Direct(active)), true) =
            (self.near.number, active, self.session.is_some())
        {
            if let Some(datagram) = opening(number) {
                cx.transmit(active, datagram);
            }
            return;
        }
        let openings: Vec<_> = self
            .near
            .sightings
            .iter()
            .flat_map(|nearby| nearby.endpoints.iter().map(|to| (*to, opening(nearby.number))))
            .collect();
        for (endpoint, datagram) in openings {
            let pair = cx.home_to(endpoint);
            if let Some(datagram) = datagram
                && self.may_send_directly(cx, endpoint)
                && self.may_send_blindly(cx, pair)
            {
                cx.transmit(pair, datagram);
            }
        }
    }
}
