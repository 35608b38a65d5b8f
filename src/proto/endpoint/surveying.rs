//! What the endpoint does for its [`Survey`](super::survey::Survey) of our NAT, and with the answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Endpoint;
use super::home::Home;
use super::survey::Step;
use crate::proto::lifetime::upkeep::Upkeep;
use crate::proto::lifetime::{WATCH, idle};
use crate::proto::path::{Pair, Sponsor};
use crate::proto::{Event, Policy, ServerId};

impl Endpoint {
    /// A STUN message that answers none of our questions is as good as noise.
    pub(super) fn dispatch_stun(&mut self, now: Instant, from: Pair, bytes: &[u8]) {
        if self.survey.handle(from, bytes) {
            self.strangers.answered(now, from.remote);
        } else if !self.idle.handle(from, bytes) {
            self.dropped.unknown += 1;
        }
    }

    /// Whether a question may go there. Where else to ask is a server's word, which can name anybody;
    /// but at its own address it may be asked as often as we like.
    fn may_ask(&mut self, now: Instant, whom: SocketAddr) -> bool {
        let mut servers = self.homes.iter().filter_map(|home| self.homes.pair(home.id));
        if servers.any(|server| server.remote.ip() == whom.ip()) {
            return true;
        }
        let server = self.homes.chosen().map_or(ServerId::LOCAL, |home| home.id);
        self.strangers.named_by(Sponsor::Server(server)).may_send(now, whom)
    }

    /// How the mappings of our NAT are kept.
    pub(super) fn upkeep(&self, now: Instant) -> Upkeep {
        Upkeep { idle: self.idle.idle(), age: self.rotation.lifetime.age(now) }
    }

    /// Whether a search for the NAT's idle limit had better wait: a planned punch counts on the ports
    /// that come next, and without a link over UDP there is nobody to ask.
    pub(super) fn is_search_unwelcome(&self) -> bool {
        self.punching.is_some() || self.homes.chosen().and_then(Home::witness).is_none()
    }

    /// Takes the next step of the search, if it is time, and uses what it has found.
    pub(super) fn look_for_idle_limit(&mut self, now: Instant) {
        self.idle.seen(now, self.homes.chosen().and_then(Home::witness));
        let (local, busy) = (self.homes.local(), self.is_search_unwelcome());
        let (idle, sockets, random) = (&mut self.idle, &mut self.sockets, &mut self.random);
        while let Some(step) = idle.poll(now, local, busy, || sockets.open_passing(), random) {
            match step {
                idle::Step::Transmit(transmit) => self.transmits.push_back(transmit),
                idle::Step::Close(socket) => sockets.close(socket),
                idle::Step::Learned(limit) => self.events.push_back(Event::IdleLearned(limit)),
            }
        }
        let watching = self.rotation.lifetime.is_watching(now);
        let keepalive = self.upkeep(now).link().min(if watching { WATCH } else { Duration::MAX });
        self.homes.iter_mut().for_each(|home| home.link.ping_every(now, keepalive));
    }

    /// Asks what is to be asked, and hands the answers to whom they concern.
    pub(super) fn look_at_our_nat(&mut self, now: Instant) {
        let home = self.homes.chosen().and_then(Home::witness);
        if let Some(home) = home.filter(|_| self.config.policy != Policy::RelayOnly) {
            let others = self.homes.iter().filter_map(Home::witness);
            self.survey.begin(now, home, others, &mut self.sockets, &mut self.random);
        }
        while let Some(step) = self.survey.poll(now, &mut self.sockets, &mut self.random) {
            match step {
                Step::Transmit(transmit) => {
                    if self.may_ask(now, transmit.to) {
                        self.transmits.push_back(transmit);
                    }
                }
                Step::Inferred => {
                    self.targets.moved(now);
                    let evidence = self.survey.evidence().clone();
                    self.events.push_back(Event::MappingInferred(evidence));
                    self.with_all_peers(now, |peer, cx| peer.mapping_inferred(cx));
                }
                Step::Filtered => self.with_all_peers(now, |peer, cx| peer.filtering_known(cx)),
                Step::Answered(peer, place, sample) => {
                    self.with_peer(now, peer, |peer, cx| peer.on_socket_seen(cx, place, sample));
                }
            }
        }
    }
}
