//! How a relayed datagram goes through the server.
//!
//! [`Server::handle_buffer`] looks at the header of each, and at nothing else: where its channel leads, whether
//! that is still true, whether everybody concerned is within his limits. It writes the other side's number into the
//! header, where it was received, and lets it wait. [`Server::poll_train`] takes what is to leave,
//! as many datagrams of one direction of one pair as can leave as one.
//!
//! The limits of a pair, of a sender and of a network *police*: what is beyond is dropped as it comes. That on
//! everybody together *shapes*: what is beyond waits, and the pairs take turns, for here it is somebody
//! else's doing that there is too much.

use std::net::SocketAddr;
use std::time::Instant;

use p2pchat_wire::MAX_DATAGRAM;
use p2pchat_wire::address::canonical;
use p2pchat_wire::datagram::{self, RELAY_HEADER};

use super::super::config::Config;
use super::super::local::Local;
use super::super::registry::Endpoint;
use super::super::{Drop, Server, Transmit};
use super::backlog::{Flow, MAX_TRAIN, Next, Run, Train};
use super::{Buffer, Route};

/// The largest datagram that is relayed, with its header.
const LARGEST: usize = RELAY_HEADER + MAX_DATAGRAM;

/// How long the turn of a pair is, in seconds at the rate of everybody together: with a hundred pairs at
/// once, each has its next within a tenth of a second.
const TURN: f64 = 0.001;

/// Bytes of a turn.
pub(super) fn quantum(config: &Config) -> usize {
    ((config.relay_total.per_second * TURN) as usize).clamp(LARGEST, MAX_TRAIN)
}

/// A run that waits as soon as its buffer is ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    flow: Flow,
    run: Run,
}

impl Server {
    /// Takes what arrived in `buffer`: `length` bytes, each `stride` of them a datagram, the last one perhaps
    /// shorter, all from one sender. As [`Server::handle_datagram`] for each of them, but what is to be relayed stays
    /// where it is: the buffer may have been taken and another left in its place.
    pub fn handle_buffer(
        &mut self,
        now: Instant,
        local: impl Into<Local>,
        from: SocketAddr,
        buffer: &mut Buffer,
        length: usize,
        stride: usize,
    ) {
        let at = self.clock(now);
        let source = Endpoint { remote: canonical(from), local: local.into() };
        let length = length.min(buffer.bytes().len());
        let stride = stride.clamp(1, length.max(1));
        let mut start = 0;
        while start < length {
            let mut rest = buffer.bytes()[start..length].chunks(stride);
            let first = rest.next().unwrap_or_default();
            let mut end = start + first.len();
            if let Some(channel) = datagram::relay_channel(first) {
                let same = rest.take_while(|next| datagram::relay_channel(next) == Some(channel));
                end += same.map(<[u8]>::len).sum::<usize>();
                let run = Run { start, length: end - start, size: first.len() };
                self.admit_run(at, source, channel, buffer, run);
            } else {
                self.statistics.received += 1;
                if let Err(cause) = self.handle(at, source, first) {
                    self.statistics.drop(cause);
                }
            }
            start = end;
        }
        self.let_wait(at, buffer);
    }

    /// Relays a datagram that is in no buffer of ours.
    pub(in super::super) fn handle_relay(&mut self, at: u64, from: Endpoint, bytes: &[u8]) {
        let Some(channel) = datagram::relay_channel(bytes) else { return };
        let mut buffer = self.relay.spare.take().unwrap_or_default();
        if let Some(room) = buffer.bytes_mut().get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            let run = Run { start: 0, length: bytes.len(), size: bytes.len() };
            self.admit_run(at, from, channel, &mut buffer, run);
            self.let_wait(at, &mut buffer);
        }
        self.relay.spare = Some(buffer);
    }

    /// Bytes that wait to be relayed.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.relay.backlog.bytes()
    }

    /// Takes what is relayed next, `most` datagrams at most. Several may be under way at once.
    ///
    /// Whoever does not ask gets it from [`Server::poll_output`], one by one.
    pub fn poll_train(&mut self, most: usize) -> Option<Train> {
        let (at, rate) = (self.at, self.config.relay_total);
        let total = &mut self.rates.relay_total;
        let relay = &mut self.relay;
        relay.resumes = None;
        let next = relay.backlog.next_train(at, total.left(at, rate), most.max(1));
        self.statistics.drop_many(Drop::RelayBacklog, relay.backlog.take_dropped());
        match next {
            Next::Train(train) => {
                total.take(at, rate, train.length);
                self.statistics.relayed += train.count as u64;
                let headers = train.count * RELAY_HEADER;
                self.statistics.relayed_bytes += (train.length - headers) as u64;
                return Some(train);
            }
            Next::Wait(length) => relay.resumes = total.when(at, rate, length),
            Next::Idle => {}
        }
        None
    }

    /// A train was sent, or is lost.
    pub fn train_left(&mut self, train: Train) {
        self.relay.backlog.left(train);
    }

    /// The next relayed datagram, for those who take one at a time.
    pub(in super::super) fn poll_relayed(&mut self) -> Option<Transmit> {
        let train = self.poll_train(1)?;
        let payload = train.pieces().flatten().copied().collect();
        let transmit = Transmit { from: train.from, to: train.to, payload };
        self.train_left(train);
        Some(transmit)
    }

    /// Decides about datagrams of one channel, and readdresses those that are to be relayed.
    ///
    /// They must come from where the channel's owner was last heard: the number alone is not enough,
    /// or whoever sees it could speak for the owner.
    fn admit_run(&mut self, at: u64, from: Endpoint, channel: u64, buffer: &mut Buffer, run: Run) {
        let count = run.length.div_ceil(run.size);
        self.statistics.received += count as u64;
        let (route, to) = match self.route(from, channel) {
            Ok(found) => found,
            Err(cause) => return self.statistics.drop_many(cause, count as u64),
        };
        let mut taken = Run { length: 0, ..run };
        let last = run.length - (count - 1) * run.size;
        let is_sound = run.size <= LARGEST && last > RELAY_HEADER && run.length <= self.burst();
        // A whole run costs as much to decide about as one datagram.
        if is_sound && self.is_within_limits(at, &route, from, run.length - count * RELAY_HEADER) {
            taken.length = run.length;
        } else {
            taken.length = self.admit_singly(at, &route, from, run);
        }
        let datagrams = &mut buffer.bytes_mut()[taken.start..taken.start + taken.length];
        for relayed in datagrams.chunks_mut(run.size) {
            datagram::readdress(relayed, route.channel);
        }
        if taken.length > 0 {
            let flow = Flow { pair: route.pair, side: route.side, to };
            self.relay.admitted.push(Admitted { flow, run: taken });
        }
    }

    /// How many bytes of a run may be relayed: of its datagrams those before the first that may not.
    fn admit_singly(&mut self, at: u64, route: &Route, from: Endpoint, run: Run) -> usize {
        let mut taken = 0;
        while taken < run.length {
            let length = run.size.min(run.length - taken);
            let cause = if length <= RELAY_HEADER || length > LARGEST {
                Drop::RelaySize
            } else if length <= self.burst()
                && self.is_within_limits(at, route, from, length - RELAY_HEADER)
            {
                taken += length;
                continue;
            } else {
                Drop::RelayQuota
            };
            self.statistics.drop_many(cause, (run.length - taken).div_ceil(run.size) as u64);
            break;
        }
        taken
    }

    /// Where a channel leads, if what comes by it comes from its owner.
    fn route(&self, from: Endpoint, channel: u64) -> Result<(Route, Endpoint), Drop> {
        let route = self.relay.route(channel).ok_or(Drop::UnknownChannel)?;
        let owner = self.registry.peer(&route.owner).ok_or(Drop::NotOwner)?;
        if !owner.endpoint.is_same_sender(&from) || owner.name.is_none() {
            return Err(Drop::NotOwner);
        }
        let other = self.registry.peer(&route.other).filter(|peer| peer.name.is_some());
        Ok((route, other.ok_or(Drop::NotRegistered)?.endpoint))
    }

    /// What can never leave must not wait.
    fn burst(&self) -> usize {
        self.config.relay_total.burst as usize
    }

    /// Whether pair, sender and network may send `bytes` more; if so, they have. Keeps the pair alive.
    fn is_within_limits(&mut self, at: u64, route: &Route, from: Endpoint, bytes: usize) -> bool {
        let config = &self.config;
        let Some(pair) = self.relay.pairs.get_mut(&route.pair) else { return false };
        let Some(owner) = self.registry.peer_mut(&route.owner) else { return false };
        pair.used = at;
        // All are looked at before any is used up.
        pair.relayed.left(at, config.relay_pair) >= bytes
            && owner.relayed.left(at, config.relay_key) >= bytes
            && self.rates.relay.take(at, from.remote.ip(), config.relay_network, bytes)
            && pair.relayed.take(at, config.relay_pair, bytes)
            && owner.relayed.take(at, config.relay_key, bytes)
    }

    /// Lets what was admitted of a buffer wait, which takes the buffer.
    fn let_wait(&mut self, at: u64, buffer: &mut Buffer) {
        let relay = &mut self.relay;
        if relay.admitted.is_empty() {
            return;
        }
        let slot = relay.backlog.keep(buffer);
        for Admitted { flow, run } in relay.admitted.drain(..) {
            if let Some(pair) = relay.pairs.get_mut(&flow.pair) {
                relay.backlog.push(at, &mut pair.class, flow, slot, run);
            }
        }
        relay.backlog.give_back(slot);
        self.statistics.drop_many(Drop::RelayBacklog, relay.backlog.take_dropped());
    }
}
