//! A client made by hand from the wire's own parts: it speaks to the rendezvous as its author
//! wishes, not as a well-behaved peer would.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use p2pchat_wire::VERSION;
use p2pchat_wire::codec;
use p2pchat_wire::datagram::{self, AddressProof, Datagram, Hello, LinkInit, Sealed};
use p2pchat_wire::handshake::{Initiator, Purpose};
use p2pchat_wire::identity::{Identity, Name, ServerKey};
use p2pchat_wire::random::Random;
use p2pchat_wire::sealing::Keys;
use p2pchat_wire::signal::{self, ClientSignal, LinkReply, LinkRequest, ServerSignal};

use crate::world::{Host, Output, Transmit};

/// Padding that brings every link initiation to the length that the server demands.
const PADDING: usize = 520;

/// A client without timers: what is lost is lost.
pub(crate) struct Client {
    name: &'static str,
    port: u16,
    server: SocketAddr,
    identity: Identity,
    random: Random,
    counter: u64,
    /// What to ask for once the server has shown its key.
    request: Option<LinkRequest>,
    handshake: Option<(Initiator, u32)>,
    link: Option<Link>,
    outbox: VecDeque<Transmit>,
    /// The latest reply to a link request.
    pub(crate) reply: Option<LinkReply>,
    /// Signals, answers within the reply included, in the order of their coming.
    pub(crate) signals: Vec<ServerSignal>,
    /// What came through relay channels.
    pub(crate) relayed: Vec<(u64, Vec<u8>)>,
    /// Every datagram as it came.
    pub(crate) heard: Vec<(SocketAddr, Vec<u8>)>,
    /// Every datagram as it went.
    pub(crate) said: Vec<Vec<u8>>,
}

struct Link {
    keys: Keys,
    own: u32,
    server: u32,
    next: u64,
}

impl Client {
    pub(crate) fn new(name: &'static str, seed: u8, server: SocketAddr) -> Self {
        Self {
            name,
            port: 4000 + u16::from(seed),
            server,
            identity: Identity::from_seed([seed; 32]),
            random: Random::from_seed([seed ^ 0xff; 32]),
            counter: 0,
            request: None,
            handshake: None,
            link: None,
            outbox: VecDeque::new(),
            reply: None,
            signals: Vec::new(),
            relayed: Vec::new(),
            heard: Vec::new(),
            said: Vec::new(),
        }
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Asks for a cookie, then for a link under its name.
    pub(crate) fn register(&mut self) {
        self.counter += 1;
        self.request = Some(LinkRequest {
            counter: self.counter,
            name: Name::new(self.name).ok(),
            concealed: false,
            connects: Vec::new(),
        });
        let nonce = self.random.array();
        self.send(Hello { version: VERSION, nonce }.encode());
    }

    /// Says something over the link. Nothing is repeated.
    pub(crate) fn say(&mut self, signal: &ClientSignal) {
        let Some(link) = &mut self.link else { return };
        let header = datagram::link_header(link.server, link.next);
        let mut packet = header.to_vec();
        link.keys.send.seal(link.next, &header, &codec::encode(signal), &mut packet);
        link.next += 1;
        self.send(packet);
    }

    /// Sends bytes into a relay channel, its own or not.
    pub(crate) fn relay(&mut self, channel: u64, inner: &[u8]) {
        self.send(datagram::relay(channel, inner));
    }

    /// Sends any bytes to the server.
    pub(crate) fn send(&mut self, payload: Vec<u8>) {
        self.said.push(payload.clone());
        self.outbox.push_back(Transmit {
            source: None,
            port: self.port,
            to: self.server,
            ttl: None,
            segment_size: None,
            payload,
        });
    }

    fn begin_link(&mut self, server: ServerKey, proof: AddressProof) {
        let Some(request) = self.request.take() else { return };
        let payload = signal::encode_padded(&request, PADDING);
        let (initiator, noise) = Initiator::new(
            Purpose::Link(server),
            &self.identity,
            &server,
            &payload,
            &mut self.random,
        )
        .expect("the server's key is usable");
        let sender = self.random.u32();
        self.handshake = Some((initiator, sender));
        self.send(LinkInit { version: VERSION, proof, sender, noise: &noise }.encode());
    }

    fn open(&mut self, sealed: Sealed<'_>) {
        let Some(link) = self.link.as_ref().filter(|link| link.own == sealed.receiver) else {
            return;
        };
        let opened = link.keys.receive.open(sealed.packet_number, sealed.header, sealed.ciphertext);
        if let Some(signal) = opened.ok().and_then(|plain| signal::decode(&plain).ok()) {
            self.signals.push(signal);
        }
    }
}

impl Host for Client {
    fn name(&self) -> &'static str {
        self.name
    }

    fn handle_datagram(&mut self, _now: Instant, from: SocketAddr, _at: SocketAddr, bytes: &[u8]) {
        self.heard.push((from, bytes.to_vec()));
        match Datagram::parse(bytes) {
            Ok(Datagram::Challenge(challenge)) => {
                let (nonce, cookie) = (challenge.nonce, challenge.cookie);
                self.begin_link(
                    p2pchat_wire::identity::PeerId(challenge.server),
                    AddressProof::Cookie { nonce, cookie },
                );
            }
            Ok(Datagram::LinkResponse(response)) => {
                let Some((initiator, own)) = &mut self.handshake else { return };
                let Ok((payload, keys)) = initiator.finish(response.noise) else { return };
                self.link = Some(Link { keys, own: *own, server: response.sender, next: 0 });
                self.handshake = None;
                let reply: LinkReply = signal::decode_padded(&payload).expect("a genuine reply");
                self.signals.extend(reply.answers.iter().cloned());
                self.reply = Some(reply);
            }
            Ok(Datagram::LinkData(sealed)) => self.open(sealed),
            Ok(Datagram::Relay { channel, inner }) => self.relayed.push((channel, inner.to_vec())),
            Ok(_) | Err(_) => {}
        }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll(&mut self, _now: Instant) -> Output {
        self.outbox.pop_front().map_or(Output::Timeout(None), Output::Transmit)
    }
}
