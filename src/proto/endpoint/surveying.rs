//! What the endpoint does for its [`Survey`](super::survey::Survey) of our NAT, and with the answers.

use std::time::Instant;

use super::Endpoint;
use super::home::Home;
use super::survey::Step;
use crate::proto::path::Pair;
use crate::proto::{Event, Policy};

impl Endpoint {
    /// A STUN message that answers none of our questions is as good as noise.
    pub(super) fn dispatch_stun(&mut self, from: Pair, bytes: &[u8]) {
        if !self.survey.handle(from, bytes) {
            self.dropped.unknown += 1;
        }
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
                Step::Transmit(transmit) => self.transmits.push_back(transmit),
                Step::Inferred => {
                    let evidence = self.survey.evidence().clone();
                    self.events.push_back(Event::MappingInferred(evidence));
                    self.with_all_peers(now, |peer, cx| peer.mapping_inferred(cx));
                }
                Step::Answered(peer, place, sample) => {
                    self.with_peer(now, peer, |peer, cx| peer.on_socket_seen(cx, place, sample));
                }
            }
        }
    }
}
