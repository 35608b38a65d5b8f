//! A peer whose rendezvous and whose only contact are played by the fuzzer.
//!
//! Both hold genuine keys, so what the fuzzer invents arrives behind every seal: signals from a
//! broken server, frames from a hostile contact. A third voice is off the path and has no keys.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat::proto::{Command, Config, Congestion, Endpoint, Event, Output, ServerId, SocketId};
use p2pchat_wire::codec;
use p2pchat_wire::datagram::{self, Datagram, PeerInit, Response};
use p2pchat_wire::handshake::{Initiator, Purpose, Responder};
use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::sealing::Keys;
use p2pchat_wire::signal::{
    self, Introduction, LinkReply, LinkRequest, Registration, ServerSignal,
};

const CHANNEL: u64 = 0x0102_0304_0506_0708;
const INTRODUCTION: u64 = 0x1112_1314_1516_1718;
const SERVER_INDEX: u32 = 1;
const CONTACT_INDEX: u32 = 2;

/// The peer under test, with what the others need to reach it.
#[derive(Debug)]
pub struct Victim {
    endpoint: Endpoint,
    now: Instant,
    link: Sealer,
    session: Sealer,
    contact: PeerId,
    /// Bytes of datagrams that it sent since the last look.
    pub sent: usize,
    /// What it reported since the last look.
    pub events: Vec<Event>,
    /// The numbers of the packets that it sent to its contact since the last look.
    pub numbers: Vec<u64>,
}

/// One side of a sealed channel into the victim.
#[derive(Debug)]
struct Sealer {
    keys: Keys,
    receiver: u32,
    next: u64,
}

impl Victim {
    /// A peer that is registered, and connected to its contact.
    ///
    /// # Panics
    ///
    /// If it does not get that far: then the target does not test what it says.
    pub fn connected(now: Instant) -> Self {
        Self::connected_with(now, Congestion::default())
    }

    /// The same, with a congestion controller.
    ///
    /// # Panics
    ///
    /// Likewise.
    pub fn connected_with(now: Instant, congestion: Congestion) -> Self {
        let mut random = Random::from_seed([1; 32]);
        let (identity, server) = (Identity::from_seed([2; 32]), Identity::from_seed([3; 32]));
        let contact = Identity::from_seed([4; 32]);
        let victim = identity.id();
        let name = Name::new("victim").expect("a valid name");
        let config = Config { started_at_ms: 1, congestion, ..Config::default() };
        let mut endpoint = Endpoint::new(config, identity, [5; 32], now);
        let address = server_address();
        endpoint.handle_command(now, Command::SetHostCandidates(vec![home_address()]));
        endpoint.handle_command(
            now,
            Command::UseRendezvous {
                server: ServerId::FIRST,
                addresses: vec![address],
                key: Some(server.id()),
                token: Some([6; 32]),
            },
        );
        endpoint.handle_command(now, Command::Register(name));

        // The link: the server answers the first initiation.
        let init = next_datagram(&mut endpoint, now, |sent| {
            matches!(Datagram::parse(sent), Ok(Datagram::LinkInit(_)))
        });
        let Ok(Datagram::LinkInit(init)) = Datagram::parse(&init) else { unreachable!() };
        let purpose = Purpose::Link(server.id());
        let (responder, request) =
            Responder::new(purpose, &server, init.noise, &mut random).expect("a genuine message");
        let request: LinkRequest = signal::decode_padded(&request).expect("a link request");
        let reply = LinkReply {
            mapped: mapped_address(),
            token: [7; 32],
            registration: Registration::Registered,
            answers: Vec::new(),
            counter: request.counter,
        };
        let reply = signal::encode_padded(&reply, 0);
        let (noise, keys) = responder.respond(&reply).expect("a handshake");
        let response = Response { receiver: init.sender, sender: SERVER_INDEX, noise: &noise };
        endpoint.handle_datagram(now, SocketId::FIRST, address, &mut response.encode_link());
        let link = Sealer { keys, receiver: init.sender, next: 0 };

        // The session: the contact opens it with a message inside the introduction.
        let (mut initiator, opening) = Initiator::new(
            Purpose::Peer(server.id()),
            &contact,
            &victim,
            &codec::encode(&9_u64),
            &mut random,
        )
        .expect("a handshake");
        let mut initiation = CONTACT_INDEX.to_be_bytes().to_vec();
        initiation.extend(&opening);
        let mut this = Self {
            endpoint,
            now,
            session: Sealer { keys: Keys::new([0; 32], [0; 32]), receiver: 0, next: 0 },
            link,
            contact: contact.id(),
            sent: 0,
            numbers: Vec::new(),
            events: Vec::new(),
        };
        let introduction = ServerSignal::Introduction(Introduction {
            name: Name::new("contact").expect("a valid name"),
            key: contact.id(),
            endpoint: Some(contact_address()),
            channel: CHANNEL,
            introduction: INTRODUCTION,
            caller: false,
            initiation: Some(initiation),
        });
        this.signal(&codec::encode(&introduction));
        let answer = next_datagram(&mut this.endpoint, now, |sent| {
            matches!(inner(sent), Ok(Datagram::PeerResponse(_)))
        });
        let Ok(Datagram::PeerResponse(answer)) = inner(&answer) else { unreachable!() };
        let (_, keys) = initiator.finish(answer.noise).expect("a genuine answer");
        this.session = Sealer { keys, receiver: answer.sender, next: 0 };
        // The first authentic packet is what connects: a ping.
        this.frames(false, &[0]);
        let connected = |event: &Event| matches!(event, Event::Connected { .. });
        assert!(this.events.iter().any(connected), "not connected: {:?}", this.events);
        this
    }

    /// Frames from the contact, sealed; over the relay or straight.
    pub fn frames(&mut self, straight: bool, frames: &[u8]) {
        let packet = self.session.seal(datagram::peer_header, frames);
        self.from_contact(straight, &packet);
    }

    /// A signal from the server, sealed.
    pub fn signal(&mut self, signal: &[u8]) {
        let packet = self.link.seal(datagram::link_header, signal);
        self.receive(server_address(), &packet);
    }

    /// A handshake message from the contact, which need not be one.
    pub fn opening(&mut self, straight: bool, noise: &[u8]) {
        let init = PeerInit { introduction: INTRODUCTION, sender: CONTACT_INDEX, noise };
        self.from_contact(straight, &init.encode());
    }

    /// A datagram from anywhere.
    pub fn receive(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.endpoint.handle_datagram(self.now, SocketId::FIRST, from, &mut bytes.to_vec());
        self.drain();
    }

    /// The person's own doing.
    pub fn command(&mut self, command: Command) {
        self.endpoint.handle_command(self.now, command);
        self.drain();
    }

    /// A message of the person's to the contact.
    pub fn say(&mut self, message: Vec<u8>) {
        self.command(Command::Send { peer: self.contact, tag: 1, message });
    }

    /// Time passes; whatever falls due is done on the way, at most a thousand times.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..1000 {
            match self.drain() {
                Some(at) if at <= until => {
                    self.now = self.now.max(at);
                    self.endpoint.handle_timeout(self.now);
                }
                _ => break,
            }
        }
        self.now = until;
        self.endpoint.handle_timeout(until);
        self.drain();
    }

    fn from_contact(&mut self, straight: bool, packet: &[u8]) {
        if straight {
            self.receive(contact_address(), packet);
        } else {
            self.receive(server_address(), &datagram::relay(CHANNEL, packet));
        }
    }

    /// Empties the queues; when the next timeout is.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.endpoint.poll_output() {
                Output::Transmit(transmit) => {
                    self.sent += transmit.payload.len();
                    for datagram in transmit.datagrams() {
                        assert!(datagram.len() <= 1500, "a datagram that no path carries");
                        if let Ok(Datagram::PeerData(sealed)) = inner(datagram) {
                            self.numbers.push(sealed.packet_number);
                        }
                    }
                }
                Output::Socket(_) => {}
                Output::Event(event) => self.events.push(event),
                Output::Timeout(at) => return at,
            }
        }
    }
}

impl Sealer {
    fn seal(&mut self, header: fn(u32, u64) -> [u8; 13], plaintext: &[u8]) -> Vec<u8> {
        let mut packet = header(self.receiver, self.next).to_vec();
        let head = packet.clone();
        self.keys.send.seal(self.next, &head, plaintext, &mut packet);
        self.next += 1;
        packet
    }
}

/// The peer's server.
pub fn server_address() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 10], 3478))
}

/// The contact, as the server sees it.
pub fn contact_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 10], 4000))
}

fn mapped_address() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 10], 5000))
}

fn home_address() -> SocketAddr {
    SocketAddr::from(([192, 168, 1, 2], 5000))
}

/// The first datagram that fits, of what the endpoint sends in its first seconds.
fn next_datagram(endpoint: &mut Endpoint, now: Instant, fits: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    loop {
        match endpoint.poll_output() {
            Output::Transmit(transmit) if fits(&transmit.payload) => return transmit.payload,
            Output::Socket(_) | Output::Transmit(_) | Output::Event(_) => {}
            Output::Timeout(at) => {
                let at = at.expect("something is still to come");
                assert!(at <= now + Duration::from_secs(2), "the datagram never comes");
                endpoint.handle_timeout(at.max(now));
            }
        }
    }
}

/// The datagram itself, or the one inside a relayed one.
fn inner(bytes: &[u8]) -> Result<Datagram<'_>, codec::DecodeError> {
    match Datagram::parse(bytes)? {
        Datagram::Relay { inner, .. } => Datagram::parse(inner),
        other => Ok(other),
    }
}
