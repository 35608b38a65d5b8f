//! A server, a clock, and clients that speak its protocol.
#![expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_rendezvous::server::{ClaimId, Config, Local, Output, Server, StorageFailed, Transmit};
use p2pchat_wire::VERSION;
use p2pchat_wire::datagram::{AddressProof, Datagram, Hello, LinkInit, link_header};
use p2pchat_wire::handshake::{Initiator, Purpose};
use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::sealing::Keys;
use p2pchat_wire::signal::{
    self, ClientSignal, Connect, LinkReply, LinkRequest, Registration, ServerSignal,
};

pub(crate) const LOCAL: &str = "203.0.113.10:3478";

/// Enough padding for a link request with two connects, and for its answer.
const REQUEST: usize = 560;

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) now: Instant,
    /// By what datagrams come to the server.
    pub(crate) local: Local,
    /// Whether claims are stored at once.
    pub(crate) stores: bool,
    pub(crate) claims: Vec<ClaimId>,
    pub(crate) sent: Vec<Transmit>,
    random: Random,
}

pub(crate) struct Client {
    pub(crate) identity: Identity,
    pub(crate) at: SocketAddr,
    pub(crate) counter: u64,
    pub(crate) concealed: bool,
    pub(crate) token: Option<[u8; 32]>,
    keys: Option<Keys>,
    index: u32,
    remote: u32,
    packets: u64,
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("name")
}

pub(crate) fn connect(to: &str) -> Connect {
    Connect { name: name(to), key: None, initiation: None }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let now = Instant::now();
        let identity = Identity::from_seed([200; 32]);
        let server = Server::new(config, identity, [], [201; 32], now);
        let random = Random::from_seed([202; 32]);
        let local = address(LOCAL).into();
        Self { server, now, local, stores: true, claims: Vec::new(), sent: Vec::new(), random }
    }

    pub(crate) fn client(&self, seed: u32, at: &str) -> Client {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_be_bytes());
        Client {
            identity: Identity::from_seed(bytes),
            at: address(at),
            counter: 0,
            concealed: false,
            token: None,
            keys: None,
            index: seed + 1,
            remote: 0,
            packets: 0,
        }
    }

    /// A client that is registered as `as_name`.
    pub(crate) fn registered(&mut self, seed: u32, at: &str, as_name: &str) -> Client {
        let mut client = self.client(seed, at);
        let reply = client.link(self, Some(as_name), vec![]).expect("a reply");
        assert!(matches!(reply.registration, Registration::Pending | Registration::Registered));
        client
    }

    /// Delivers a datagram; returns what the server sends because of it.
    pub(crate) fn deliver(&mut self, from: SocketAddr, bytes: &[u8]) -> Vec<Transmit> {
        self.server.handle_datagram(self.now, self.local, from, bytes);
        self.drain()
    }

    /// Takes what the server wants sent; answers its claims if `stores`.
    pub(crate) fn drain(&mut self) -> Vec<Transmit> {
        let mut sent = Vec::new();
        loop {
            match self.server.poll_output() {
                Output::Transmit(transmit) => sent.push(transmit),
                Output::Claim { id, .. } | Output::Found { id, .. } if self.stores => {
                    self.server.handle_claimed(self.now, id, Ok(()));
                }
                Output::Claim { id, .. } | Output::Found { id, .. } => self.claims.push(id),
                Output::Timeout(_) => break,
            }
        }
        self.sent.extend(sent.iter().cloned());
        sent
    }

    pub(crate) fn settle(&mut self, result: Result<(), StorageFailed>) -> Vec<Transmit> {
        for id in std::mem::take(&mut self.claims) {
            self.server.handle_claimed(self.now, id, result);
        }
        self.drain()
    }

    /// Lets time pass, with every timeout on the way.
    pub(crate) fn pass(&mut self, duration: Duration) -> Vec<Transmit> {
        let end = self.now + duration;
        let mut sent = Vec::new();
        loop {
            sent.extend(self.drain());
            let Output::Timeout(Some(next)) = self.server.poll_output() else { break };
            if next > end {
                break;
            }
            assert!(next >= self.now, "a timeout in the past would spin");
            self.now = next;
            self.server.handle_timeout(next);
        }
        self.now = end;
        sent
    }

    /// A cookie for `from`, with its nonce.
    pub(crate) fn cookie(&mut self, from: SocketAddr) -> AddressProof {
        let nonce = self.random.array();
        let sent = self.deliver(from, &Hello { version: VERSION, nonce }.encode());
        let [challenge] = sent.as_slice() else { panic!("one challenge") };
        match Datagram::parse(&challenge.payload) {
            Ok(Datagram::Challenge(challenge)) => {
                assert_eq!(challenge.nonce, nonce);
                AddressProof::Cookie { nonce, cookie: challenge.cookie }
            }
            other => panic!("not a challenge: {other:?}"),
        }
    }
}

impl Client {
    pub(crate) fn key(&self) -> PeerId {
        self.identity.id()
    }

    /// A link initiation and the state that reads its answer.
    pub(crate) fn initiation(
        &mut self,
        world: &mut World,
        proof: AddressProof,
        as_name: Option<&str>,
        connects: Vec<Connect>,
    ) -> (Initiator, Vec<u8>) {
        self.counter += 1;
        let (counter, concealed) = (self.counter, self.concealed);
        let request = LinkRequest { counter, name: as_name.map(name), concealed, connects };
        let payload = signal::encode_padded(&request, REQUEST);
        let server = world.server.key();
        let (initiator, noise) = Initiator::new(
            Purpose::Link(server),
            &self.identity,
            &server,
            &payload,
            &mut world.random,
        )
        .expect("initiation");
        let init = LinkInit { version: VERSION, proof, sender: self.index, noise: &noise };
        (initiator, init.encode())
    }

    /// Makes a link with a fresh cookie, or with the token if there is one.
    pub(crate) fn link(
        &mut self,
        world: &mut World,
        as_name: Option<&str>,
        connects: Vec<Connect>,
    ) -> Option<LinkReply> {
        let proof = match self.token {
            Some(token) => AddressProof::Token(token),
            None => world.cookie(self.at),
        };
        let (mut initiator, bytes) = self.initiation(world, proof, as_name, connects);
        let sent = world.deliver(self.at, &bytes);
        self.finish(&mut initiator, &sent)
    }

    /// Reads the link response among `sent`.
    pub(crate) fn finish(
        &mut self,
        initiator: &mut Initiator,
        sent: &[Transmit],
    ) -> Option<LinkReply> {
        for transmit in sent.iter().filter(|transmit| transmit.to == self.at) {
            let Ok(Datagram::LinkResponse(response)) = Datagram::parse(&transmit.payload) else {
                continue;
            };
            let (payload, keys) = initiator.finish(response.noise).expect("genuine");
            let reply: LinkReply = signal::decode_padded(&payload).expect("a reply");
            if response.sender != 0 {
                (self.keys, self.remote, self.packets) = (Some(keys), response.sender, 0);
            }
            self.token = Some(reply.token);
            return Some(reply);
        }
        None
    }

    /// Seals a signal.
    pub(crate) fn seal(&mut self, signal: &ClientSignal) -> Vec<u8> {
        let header = link_header(self.remote, self.packets);
        let mut packet = header.to_vec();
        let text = p2pchat_wire::codec::encode(signal);
        let keys = self.keys.as_ref().expect("a link");
        keys.send.seal(self.packets, &header, &text, &mut packet);
        self.packets += 1;
        packet
    }

    /// Sends a signal; returns what came back to this client.
    pub(crate) fn say(&mut self, world: &mut World, signal: &ClientSignal) -> Vec<ServerSignal> {
        let packet = self.seal(signal);
        let sent = world.deliver(self.at, &packet);
        self.read(&sent)
    }

    /// Opens the signals among `sent` that are for this client.
    pub(crate) fn read(&self, sent: &[Transmit]) -> Vec<ServerSignal> {
        let mut signals = Vec::new();
        for transmit in sent.iter().filter(|transmit| transmit.to == self.at) {
            let Ok(Datagram::LinkData(sealed)) = Datagram::parse(&transmit.payload) else {
                continue;
            };
            let keys = self.keys.as_ref().expect("a link");
            if sealed.receiver == self.index
                && let Ok(text) =
                    keys.receive.open(sealed.packet_number, sealed.header, sealed.ciphertext)
            {
                signals.push(signal::decode(&text).expect("a signal"));
            }
        }
        signals
    }

    pub(crate) fn ping(&mut self, world: &mut World) -> Vec<ServerSignal> {
        self.say(world, &ClientSignal::Ping { id: 7 })
    }
}
