//! A peer, and the servers that it has registered at.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat::proto::{Command, Config, Endpoint, Event, Output, ServerId, SocketId, Transmit};
use p2pchat_wire::VERSION;
use p2pchat_wire::codec;
use p2pchat_wire::datagram::{self, Challenge, Datagram, Response, SEALED_HEADER};
use p2pchat_wire::handshake::{Initiator, Purpose, Responder};
use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::sealing::Keys;
use p2pchat_wire::signal::{
    self, ClientSignal, Introduction, LinkReply, LinkRequest, Registration, ServerSignal,
};
use p2pchat_wire::stun::{Answer, Request};

pub(crate) const SERVER: &str = "203.0.113.10:3478";
pub(crate) const VICTIM: &str = "198.51.100.9:4000";
pub(crate) const OTHER_VICTIM: &str = "198.51.100.10:4000";
/// Where Bob is, to whoever does not lie about it.
pub(crate) const HIS: &str = "198.51.100.2:4000";
/// Another server, that Alice uses beside the first.
pub(crate) const SECOND: &str = "203.0.113.30:3478";

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("name")
}

pub(crate) fn id(seed: u8) -> PeerId {
    Identity::from_seed([seed; 32]).id()
}

/// The relay channel that the first server gives to Alice and this one.
pub(crate) fn channel_to(who: u8) -> u64 {
    0x0f + u64::from(who)
}

pub(crate) const ALICE: u8 = 1;
pub(crate) const BOB: u8 = 2;
/// Whom nobody has met before.
pub(crate) const CAROL: u8 = 3;
pub(crate) const DAVE: u8 = 4;
pub(crate) const EVE: u8 = 66;

/// Alice, or somebody in her place, and the servers that she has registered at. They are Eve's.
pub(crate) struct Lair {
    pub(crate) now: Instant,
    pub(crate) alice: Endpoint,
    pub(crate) links: Vec<Link>,
    pub(crate) random: Random,
    /// Whether STUN is answered, with a port that nobody has seen before.
    pub(crate) draws: bool,
    /// What it names as another endpoint to ask. There nobody answers.
    pub(crate) other: Option<SocketAddr>,
    /// Where it says that it sees Alice.
    mapped: SocketAddr,
    /// Whatever Alice has told the server, unsealed.
    pub(crate) told: Vec<Vec<u8>>,
    /// What she has sent elsewhere.
    pub(crate) sent: Vec<Transmit>,
    pub(crate) events: Vec<Event>,
}

/// A server's end of its link with Alice.
pub(crate) struct Link {
    server: SocketAddr,
    keys: Keys,
    alices_index: u32,
    next_number: u64,
}

/// What a server tells Alice of somebody.
pub(crate) struct Lie {
    pub(crate) who: u8,
    pub(crate) endpoint: &'static str,
    pub(crate) channel: u64,
    pub(crate) introduction: u64,
}

impl Lair {
    /// Alice has come by herself and is registered; she has pinned Bob's key and calls him.
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let mut lair = Self::around(ALICE, 1, now);
        let alice = &mut lair.alice;
        alice.handle_command(now, Command::Pin { name: name("bob").into(), key: id(BOB) });
        alice.handle_command(now, Command::Register(name("alice")));
        alice.handle_command(now, Command::Connect(name("bob").into()));
        lair.join(SERVER, 100);
        lair
    }

    /// Somebody has come, in one of his runs, and knows nobody.
    pub(crate) fn of(who: u8, run: u8, text: &str, now: Instant) -> Self {
        let mut lair = Self::around(who, run, now);
        lair.alice.handle_command(now, Command::Register(name(text)));
        lair.join(SERVER, 100);
        lair
    }

    fn around(who: u8, run: u8, now: Instant) -> Self {
        let config = Config { started_at_ms: 1_000, ..Config::default() };
        let (identity, seed) = (Identity::from_seed([who; 32]), [run; 32]);
        let mut alice = Endpoint::new(config, identity, seed, now);
        let home = vec![at("192.168.77.88:4000")];
        alice.handle_command(now, Command::SetHostCandidates(home));
        let random = Random::from_seed([run.wrapping_add(8); 32]);
        let (links, told, sent, events) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (draws, other) = (false, None);
        let mapped = SocketAddr::from(([192, 0, 2, who], 4000));
        Self { now, alice, links, random, draws, other, mapped, told, sent, events }
    }

    /// Alice uses one more server, whose key is made of this seed, and is registered there.
    pub(crate) fn join(&mut self, address: &str, seed: u8) {
        let (now, address, server) = (self.now, at(address), Identity::from_seed([seed; 32]));
        let number = u8::try_from(self.links.len()).expect("few");
        let (addresses, key, token) = (vec![address], None, None);
        self.alice.handle_command(
            now,
            Command::UseRendezvous { server: ServerId(number), addresses, key, token },
        );
        let hello = sent_by(&mut self.alice, address);
        let Ok(Datagram::Hello(hello)) = Datagram::parse(&hello) else { panic!("a hello") };
        let challenge = Challenge {
            version: VERSION,
            nonce: hello.nonce,
            cookie: [0; 16],
            server: server.id().0,
            time_ms: None,
        };
        self.alice.handle_datagram(now, SocketId::FIRST, address, &mut challenge.encode());
        let init = sent_by(&mut self.alice, address);
        let Ok(Datagram::LinkInit(init)) = Datagram::parse(&init) else { panic!("an initiation") };
        let purpose = Purpose::Link(server.id());
        let (responder, request) =
            Responder::new(purpose, &server, init.noise, &mut self.random).expect("genuine");
        let counter =
            signal::decode_padded::<LinkRequest>(&request).expect("a link request").counter;
        let reply = LinkReply {
            mapped: self.mapped,
            token: [0; 32],
            registration: Registration::Registered,
            answers: vec![],
            counter,
        };
        let (noise, keys) =
            responder.respond(&signal::encode_padded(&reply, 0)).expect("an answer");
        let response = Response { receiver: init.sender, sender: 7, noise: &noise };
        let mut response = response.encode_link();
        let link = Link { server: address, keys, alices_index: init.sender, next_number: 0 };
        self.links.push(link);
        self.told.push(request);
        self.alice.handle_datagram(now, SocketId::FIRST, address, &mut response);
        self.listen();
    }

    /// Takes what Alice says.
    pub(crate) fn listen(&mut self) -> Option<Instant> {
        loop {
            match self.alice.poll_output() {
                Output::Socket(_) => {}
                Output::Event(event) => self.events.push(event),
                Output::Timeout(at) => return at,
                Output::Transmit(transmit) => match Datagram::parse(&transmit.payload) {
                    Ok(Datagram::LinkData(sealed)) => {
                        let ours = |link: &Link| link.server == transmit.to;
                        let link = self.links.iter().position(ours).expect("one of ours");
                        let opened = self.links[link].keys.receive.open(
                            sealed.packet_number,
                            sealed.header,
                            sealed.ciphertext,
                        );
                        let said = opened.expect("sealed for us");
                        if let Ok(ClientSignal::Ping { id }) = signal::decode(&said) {
                            self.say_only(link, &ServerSignal::Pong { id, mapped: self.mapped });
                        }
                        self.told.push(said);
                    }
                    Ok(Datagram::Stun(question))
                        if self.draws && self.other != Some(transmit.to) =>
                    {
                        let request = Request::parse(question).expect("a request");
                        let port = 1024 + self.random.below(60_000) as u16;
                        let mapped = SocketAddr::new(self.mapped.ip(), port);
                        let answer = Answer { mapped, origin: None, other: self.other };
                        let mut answer = request.succeed(&answer).expect("an answer");
                        let Transmit { from, to, .. } = transmit;
                        self.alice.handle_datagram(self.now, from, to, &mut answer);
                    }
                    _ => {
                        let Transmit { from, to, ttl, .. } = transmit;
                        let apart = transmit.datagrams().map(<[u8]>::to_vec);
                        self.sent.extend(apart.map(|payload| Transmit {
                            from,
                            to,
                            ttl,
                            whole: false,
                            segment_size: None,
                            payload,
                        }));
                    }
                },
            }
        }
    }

    /// Alice's person wants something.
    pub(crate) fn command(&mut self, command: Command) {
        self.alice.handle_command(self.now, command);
        self.listen();
    }

    pub(crate) fn say(&mut self, link: usize, signal: &ServerSignal) {
        self.say_only(link, signal);
        self.listen();
    }

    fn say_only(&mut self, link: usize, signal: &ServerSignal) {
        self.say_bytes(link, &codec::encode(signal));
    }

    /// A server says what need not be a signal.
    pub(crate) fn say_bytes(&mut self, link: usize, signal: &[u8]) {
        let link = &mut self.links[link];
        let mut packet = datagram::link_header(link.alices_index, link.next_number).to_vec();
        packet.extend(signal);
        link.keys.send.seal_in_place(link.next_number, SEALED_HEADER, &mut packet);
        link.next_number += 1;
        self.alice.handle_datagram(self.now, SocketId::FIRST, link.server, &mut packet);
    }

    /// The second server says that somebody who is called Bob there called.
    pub(crate) fn lie(&mut self, lie: &Lie) {
        // Nobody but Bob can make one of his.
        let initiation = (lie.who == EVE).then(|| self.opening_of(EVE, 101));
        let introduction = Introduction {
            name: name("bob"),
            key: id(lie.who),
            endpoint: Some(at(lie.endpoint)),
            channel: lie.channel,
            introduction: lie.introduction,
            caller: false,
            initiation,
        };
        self.say(1, &ServerSignal::Introduction(introduction.clone()));
        // And that she called him, and he answered.
        let called = Introduction { caller: true, initiation: None, ..introduction };
        self.say(1, &ServerSignal::Introduction(called));
    }

    pub(crate) fn introduce(&mut self, who: u8, endpoint: &str, initiation: Option<Vec<u8>>) {
        self.introduce_as("bob", who, endpoint, initiation);
    }

    /// The first server says who has this name, and where he is.
    pub(crate) fn introduce_as(
        &mut self,
        text: &str,
        who: u8,
        endpoint: &str,
        initiation: Option<Vec<u8>>,
    ) {
        let introduction = ServerSignal::Introduction(Introduction {
            name: name(text),
            key: id(who),
            endpoint: Some(at(endpoint)),
            channel: channel_to(who),
            introduction: 0x20 + u64::from(who),
            caller: initiation.is_none(),
            initiation,
        });
        self.say(0, &introduction);
    }

    pub(crate) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(next) = self.listen().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.alice.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// From now on the servers say that they see Alice at this port.
    pub(crate) fn seen_at(&mut self, port: u16) {
        self.mapped.set_port(port);
    }

    pub(crate) fn sent_to(&self, endpoint: &str) -> impl Iterator<Item = &Transmit> {
        self.sent.iter().filter(move |transmit| transmit.to == at(endpoint))
    }

    /// An opening of a handshake with Alice by way of the server with this key, as somebody would make
    /// it.
    pub(crate) fn opening_of(&mut self, who: u8, server: u8) -> Vec<u8> {
        let identity = Identity::from_seed([who; 32]);
        let purpose = Purpose::Peer(id(server));
        let greeting = codec::encode(&7u64);
        let (_, noise) =
            Initiator::new(purpose, &identity, &id(1), &greeting, &mut self.random).expect("init");
        let mut opening = vec![0, 0, 0, 5];
        opening.extend(noise);
        opening
    }
}

/// The first datagram that an endpoint sends to a server now.
fn sent_by(endpoint: &mut Endpoint, server: SocketAddr) -> Vec<u8> {
    loop {
        match endpoint.poll_output() {
            Output::Transmit(transmit) if transmit.to == server => return transmit.payload,
            Output::Transmit(_) | Output::Socket(_) | Output::Event(_) => {}
            Output::Timeout(_) => panic!("it sends nothing"),
        }
    }
}
