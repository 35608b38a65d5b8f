//! From a link initiation to a link.

use std::time::Duration;

use p2pchat_wire::VERSION;
use p2pchat_wire::datagram::{AddressProof, LinkInit, Response};
use p2pchat_wire::handshake::{MAX_PAYLOAD, Purpose, RESPONSE_OVERHEAD, Responder};
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::{
    self, LinkReply, LinkRequest, MAX_CONNECTS, MAX_INITIATION, MAX_SIGNAL, Refusal, Registration,
    ServerSignal,
};

use super::registry::{Endpoint, NewLink};
use super::{Drop, Server, millis};

/// What a link response adds to its Noise message: kind and two indices.
const RESPONSE_HEADER: usize = 9;

impl Server {
    /// Answers a link initiation, with at most as many bytes as it had.
    ///
    /// The order is the defence: what costs nothing comes first, and nothing is remembered of a
    /// request that has not passed all of it.
    pub(super) fn handle_link_init(
        &mut self,
        at: u64,
        from: Endpoint,
        init: &LinkInit<'_>,
        length: usize,
    ) -> Result<(), Drop> {
        if init.version != VERSION {
            return Err(Drop::Version);
        }
        if !self.is_proven(at, from, &init.proof) {
            return Err(Drop::NoProof);
        }
        let digest = *blake3::hash(init.noise).as_bytes();
        if let Some(response) = self.repeats.find(&digest, from.remote) {
            if response.len() <= length {
                let response = response.to_vec();
                self.statistics.repeats += 1;
                self.transmit(from, response);
            }
            return Ok(());
        }
        let ip = from.remote.ip();
        if !self.rates.handshakes.take(at, ip, self.config.handshakes, 1)
            || !self.rates.handshakes_total.take(at, self.config.handshakes_total, 1)
        {
            return Err(Drop::TooManyHandshakes);
        }
        self.statistics.key_operations += 1;
        let purpose = Purpose::Link(self.identity.id());
        let (responder, payload) =
            Responder::new(purpose, &self.identity, init.noise, &mut self.random)
                .map_err(|_| Drop::BadHandshake)?;
        let request: LinkRequest =
            signal::decode_padded(&payload).map_err(|_| Drop::BadHandshake)?;
        if !is_within_limits(&request) {
            return Err(Drop::BadHandshake);
        }
        let key = responder.remote();
        let (reply, accepted) = self.reply(at, from, key, &request, room(length));
        let payload = signal::encode_padded(&reply, 0);
        let (noise, keys) = responder.respond(&payload).map_err(|_| Drop::BadHandshake)?;
        let index = if accepted { self.registry.unused_index(&mut self.random) } else { 0 };
        let response =
            Response { receiver: init.sender, sender: index, noise: &noise }.encode_link();
        if accepted {
            let LinkRequest { counter, concealed, .. } = request;
            let remote = init.sender;
            let link = NewLink { endpoint: from, concealed, counter, keys, remote, index };
            self.registry.adopt(at, millis(self.config.peer_lifetime), key, link);
            self.statistics.links += 1;
            self.transmit(from, response.clone());
            self.settle_in(at, key, request.name, &reply);
            let max = self.config.max_repeats;
            self.repeats.insert(at, max, digest, from.remote, response);
        } else {
            self.transmit(from, response);
        }
        Ok(())
    }

    /// Does for a peer that now has its link what the reply has told it.
    fn settle_in(&mut self, at: u64, key: PeerId, name: Option<Name>, reply: &LinkReply) {
        match reply.registration {
            Registration::Registered => self.rename(at, key, name),
            // Until the new name is on disk an old one stays.
            Registration::Pending => {}
            Registration::Anonymous | Registration::Refused(_) => self.rename(at, key, None),
        }
        for answer in &reply.answers {
            if let ServerSignal::ConnectRefused { name, refusal: Refusal::Offline } = answer {
                self.add_watch(key, name);
            }
        }
    }

    fn is_proven(&self, at: u64, from: Endpoint, proof: &AddressProof) -> bool {
        let age = Duration::from_millis(at);
        match proof {
            AddressProof::Cookie { nonce, cookie } => {
                self.jar.is_cookie(from.remote, nonce, cookie, age)
            }
            AddressProof::Token(token) => self.jar.is_token(from.remote.ip(), token, age),
        }
    }

    /// Decides about a request. Says also whether a link comes of it.
    fn reply(
        &mut self,
        at: u64,
        from: Endpoint,
        key: PeerId,
        request: &LinkRequest,
        room: usize,
    ) -> (LinkReply, bool) {
        let mut reply = LinkReply {
            mapped: from.remote,
            token: self.jar.token(from.remote.ip(), Duration::from_millis(at)),
            registration: Registration::Anonymous,
            answers: Vec::new(),
            counter: request.counter,
        };
        if let Some(last) = self.registry.counter(&key).filter(|&last| last >= request.counter) {
            // The same counter in another request, or from another address, must not look accepted.
            reply.counter = last.saturating_add(u64::from(last == request.counter));
            self.statistics.stale += 1;
            return (reply, false);
        }
        if !self.registry.admits(&self.config, &key, from.remote.ip()) {
            reply.registration = Registration::Refused(Refusal::Busy);
            self.statistics.busy += 1;
            return (reply, false);
        }
        if let Some(name) = &request.name {
            reply.registration = self.registration(at, from, key, name, &request.connects);
        }
        if reply.registration == Registration::Pending {
            return (reply, true);
        }
        let caller = match reply.registration {
            Registration::Registered => request.name.clone(),
            _ => None,
        };
        let shown = from.shown().filter(|_| !request.concealed);
        for connect in &request.connects {
            let answer = self.connect(at, shown, key, caller.as_ref(), connect);
            reply.answers.push(answer);
            if signal::encode_padded(&reply, 0).len() > room {
                // The client asks again over the link, where there is room.
                reply.answers.pop();
                break;
            }
        }
        (reply, true)
    }
}

/// How long the payload of an answer to `length` bytes may be.
fn room(length: usize) -> usize {
    length.saturating_sub(RESPONSE_HEADER + RESPONSE_OVERHEAD).min(MAX_PAYLOAD).min(MAX_SIGNAL)
}

fn is_within_limits(request: &LinkRequest) -> bool {
    request.connects.len() <= MAX_CONNECTS
        && request
            .connects
            .iter()
            .filter_map(|connect| connect.initiation.as_ref())
            .all(|initiation| initiation.len() <= MAX_INITIATION)
}
