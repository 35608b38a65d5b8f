//! A rendezvous that lies: what it can do to a peer, and what it cannot (`docs/security.md`).
#![allow(clippy::disallowed_methods, reason = "the time of a test begins somewhere")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat::proto::{Command, Config, Endpoint, Event, Output, ServerId, SocketId, Transmit};
use p2pchat_wire::datagram::{self, Challenge, Datagram, PeerInit, Response, SEALED_HEADER};
use p2pchat_wire::handshake::{Initiator, Purpose, Responder};
use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::sealing::Keys;
use p2pchat_wire::signal::{
    self, ClientSignal, Connect, Introduction, LinkReply, LinkRequest, Registration, ServerSignal,
};
use p2pchat_wire::stun::{Answer, Request};
use p2pchat_wire::{VERSION, codec};

const SERVER: &str = "203.0.113.10:3478";
const ALICE: &str = "192.0.2.1:4000";
const VICTIM: &str = "198.51.100.9:4000";
const OTHER_VICTIM: &str = "198.51.100.10:4000";
/// Where Bob is, to whoever does not lie about it.
const HIS: &str = "198.51.100.2:4000";
/// Another server, that Alice uses beside the first.
const SECOND: &str = "203.0.113.30:3478";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("name")
}

fn id(seed: u8) -> PeerId {
    Identity::from_seed([seed; 32]).id()
}

const BOB: u8 = 2;
const EVE: u8 = 66;

/// Alice, and the servers that she has registered at. They are Eve's.
struct Lair {
    now: Instant,
    alice: Endpoint,
    links: Vec<Link>,
    random: Random,
    /// Whether STUN is answered, with a port that nobody has seen before.
    draws: bool,
    /// Whatever Alice has told the server, unsealed.
    told: Vec<Vec<u8>>,
    /// What she has sent elsewhere.
    sent: Vec<Transmit>,
    events: Vec<Event>,
}

/// A server's end of its link with Alice.
struct Link {
    server: SocketAddr,
    keys: Keys,
    alices_index: u32,
    next_number: u64,
}

/// What a server tells Alice of somebody.
struct Lie {
    who: u8,
    endpoint: &'static str,
    channel: u64,
    introduction: u64,
}

impl Lair {
    /// Alice has come by herself and is registered; she has pinned Bob's key and calls him.
    fn new() -> Self {
        let now = Instant::now();
        let config = Config { started_at_ms: 1_000, ..Config::default() };
        let identity = Identity::from_seed([1; 32]);
        let mut alice = Endpoint::new(config, identity, [1; 32], now);
        let home = vec![at("192.168.77.88:4000")];
        alice.handle_command(now, Command::SetHostCandidates(home));
        alice.handle_command(now, Command::Pin { name: name("bob").into(), key: id(BOB) });
        alice.handle_command(now, Command::Register(name("alice")));
        alice.handle_command(now, Command::Connect(name("bob").into()));
        let random = Random::from_seed([9; 32]);
        let (links, told, sent, events) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut lair = Self { now, alice, links, random, draws: false, told, sent, events };
        lair.join(SERVER, 100);
        lair
    }

    /// Alice uses one more server, whose key is made of this seed, and is registered there.
    fn join(&mut self, address: &str, seed: u8) {
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
        self.alice.handle_datagram(now, SocketId::FIRST, address, &challenge.encode());
        let init = sent_by(&mut self.alice, address);
        let Ok(Datagram::LinkInit(init)) = Datagram::parse(&init) else { panic!("an initiation") };
        let purpose = Purpose::Link(server.id());
        let (responder, request) =
            Responder::new(purpose, &server, init.noise, &mut self.random).expect("genuine");
        let counter =
            signal::decode_padded::<LinkRequest>(&request).expect("a link request").counter;
        let reply = LinkReply {
            mapped: at(ALICE),
            token: [0; 32],
            registration: Registration::Registered,
            answers: vec![],
            counter,
        };
        let (noise, keys) =
            responder.respond(&signal::encode_padded(&reply, 0)).expect("an answer");
        let response = Response { receiver: init.sender, sender: 7, noise: &noise };
        let response = response.encode_link();
        let link = Link { server: address, keys, alices_index: init.sender, next_number: 0 };
        self.links.push(link);
        self.told.push(request);
        self.alice.handle_datagram(now, SocketId::FIRST, address, &response);
        self.listen();
    }

    /// Takes what Alice says.
    fn listen(&mut self) -> Option<Instant> {
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
                            self.say_only(link, &ServerSignal::Pong { id, mapped: at(ALICE) });
                        }
                        self.told.push(said);
                    }
                    Ok(Datagram::Stun(question)) if self.draws => {
                        let request = Request::parse(question).expect("a request");
                        let port = 1024 + self.random.below(60_000) as u16;
                        let mapped = SocketAddr::new(at(ALICE).ip(), port);
                        let answer = Answer { mapped, origin: None, other: None };
                        let answer = request.succeed(&answer).expect("an answer");
                        self.alice.handle_datagram(self.now, transmit.from, transmit.to, &answer);
                    }
                    _ => self.sent.push(transmit),
                },
            }
        }
    }

    fn say(&mut self, link: usize, signal: &ServerSignal) {
        self.say_only(link, signal);
        self.listen();
    }

    fn say_only(&mut self, link: usize, signal: &ServerSignal) {
        let link = &mut self.links[link];
        let mut packet = datagram::link_header(link.alices_index, link.next_number).to_vec();
        codec::encode_onto(signal, &mut packet);
        link.keys.send.seal_in_place(link.next_number, SEALED_HEADER, &mut packet);
        link.next_number += 1;
        self.alice.handle_datagram(self.now, SocketId::FIRST, link.server, &packet);
    }

    /// The second server says that somebody who is called Bob there called.
    fn lie(&mut self, lie: &Lie) {
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

    fn introduce(&mut self, who: u8, endpoint: &str, initiation: Option<Vec<u8>>) {
        let introduction = ServerSignal::Introduction(Introduction {
            name: name("bob"),
            key: id(who),
            endpoint: Some(at(endpoint)),
            channel: 0x11,
            introduction: 0x22,
            caller: initiation.is_none(),
            initiation,
        });
        self.say(0, &introduction);
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(next) = self.listen().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.alice.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn sent_to(&self, endpoint: &str) -> impl Iterator<Item = &Transmit> {
        self.sent.iter().filter(move |transmit| transmit.to == at(endpoint))
    }

    /// An opening of a handshake with Alice by way of the server with this key, as somebody would make
    /// it.
    fn opening_of(&mut self, who: u8, server: u8) -> Vec<u8> {
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

#[test]
fn an_impostor_for_a_pinned_contact_is_reported_and_sent_nothing() {
    for calls in [false, true] {
        let mut lair = Lair::new();
        let opening = calls.then(|| lair.opening_of(EVE, 100));
        lair.introduce(EVE, VICTIM, opening.clone());
        let (expected, actual) = (id(BOB), id(EVE));
        let changed = Event::KeyChanged { name: name("bob").into(), expected, actual };
        assert!(lair.events.contains(&changed), "{:?}", lair.events);
        if let Some(opening) = opening {
            let init = PeerInit { introduction: 0x22, sender: 5, noise: &opening[4..] }.encode();
            lair.alice.handle_datagram(lair.now, SocketId::FIRST, at(VICTIM), &init);
            let relayed = datagram::relay(0x11, &init);
            lair.alice.handle_datagram(lair.now, SocketId::FIRST, at(SERVER), &relayed);
        }
        lair.wait(Duration::from_secs(60));
        assert_eq!(lair.sent_to(VICTIM).count(), 0);
        let relayed = |transmit: &&Transmit| transmit.payload.first() == Some(&0x60);
        assert_eq!(lair.sent.iter().filter(relayed).count(), 0);
        let connected = |event: &Event| matches!(event, Event::Connected { .. });
        assert!(!lair.events.iter().any(connected));
    }
}

#[test]
fn nobody_but_the_pinned_contact_can_answer_the_handshake() {
    let mut lair = Lair::new();
    lair.introduce(BOB, VICTIM, None);
    let initiation = lair
        .told
        .iter()
        .filter_map(|said| signal::decode::<ClientSignal>(said).ok())
        .find_map(|said| match said {
            ClientSignal::Connect(Connect { initiation, .. }) => initiation,
            _ => None,
        })
        .or_else(|| {
            let request = signal::decode_padded::<LinkRequest>(&lair.told[0]).ok()?;
            request.connects.into_iter().find_map(|connect| connect.initiation)
        })
        .expect("she knows Bob's key and opens the handshake");
    let purpose = Purpose::Peer(id(100));
    let (sender, noise) = initiation.split_first_chunk::<4>().expect("an index");
    for seed in [EVE, 100] {
        let eve = Identity::from_seed([seed; 32]);
        assert!(Responder::new(purpose, &eve, noise, &mut lair.random).is_err());
    }
    // Nor does an answer that is made up, or that belongs to another handshake.
    let opening = lair.opening_of(EVE, 100);
    let (responder, _) =
        Responder::new(purpose, &Identity::from_seed([1; 32]), &opening[4..], &mut lair.random)
            .expect("genuine");
    let (other, _) = responder.respond(&codec::encode(&7u64)).expect("an answer");
    for noise in [vec![0; 57], other] {
        let receiver = u32::from_be_bytes(*sender);
        let response = Response { receiver, sender: 9, noise: &noise }.encode_peer();
        lair.alice.handle_datagram(
            lair.now,
            SocketId::FIRST,
            at(SERVER),
            &datagram::relay(0x11, &response),
        );
        lair.alice.handle_datagram(lair.now, SocketId::FIRST, at(VICTIM), &response);
    }
    lair.wait(Duration::from_secs(5));
    let connected = |event: &Event| matches!(event, Event::Connected { .. });
    assert!(!lair.events.iter().any(connected));
}

#[test]
fn a_server_that_names_a_false_endpoint_has_it_sent_a_dozen_packets() {
    let mut lair = Lair::new();
    for _ in 0..20 {
        lair.introduce(BOB, VICTIM, None);
        lair.wait(Duration::from_secs(30));
    }
    // Primers die on the way.
    let arrived = lair.sent_to(VICTIM).filter(|transmit| transmit.ttl.is_none()).count();
    assert!((1..=12).contains(&arrived), "{arrived} packets");
}

#[test]
fn a_server_cannot_aim_a_peer_at_its_own_machine_at_groups_or_at_the_server() {
    for endpoint in ["127.0.0.1:22", "0.0.0.0:9", "224.0.0.1:9", "192.0.2.9:5060", "[::1]:80"] {
        let mut lair = Lair::new();
        lair.introduce(BOB, endpoint, None);
        lair.wait(Duration::from_secs(30));
        assert_eq!(lair.sent_to(endpoint).count(), 0, "{endpoint}");
    }
    let mut lair = Lair::new();
    lair.introduce(BOB, SERVER, None);
    lair.wait(Duration::from_secs(10));
    let ours = |transmit: &&Transmit| {
        matches!(transmit.payload.first(), Some(0x42 | 0x44 | 0x60)) && transmit.ttl.is_none()
    };
    assert_eq!(lair.sent_to(SERVER).count(), lair.sent_to(SERVER).filter(ours).count());
}

#[test]
fn a_server_is_never_told_the_addresses_inside_our_network() {
    let mut lair = Lair::new();
    lair.introduce(BOB, VICTIM, None);
    lair.wait(Duration::from_secs(100));
    assert!(lair.told.len() > 5, "pings at least");
    for said in &lair.told {
        assert!(!said.windows(4).any(|bytes| bytes == [192, 168, 77, 88]), "{said:02x?}");
    }
}

/// Bob, in the pay of the server: he has a session with Alice over the relay, and proposes whatever
/// he likes.
struct Accomplice {
    keys: Keys,
    alices_index: u32,
    next_number: u64,
}

impl Accomplice {
    /// He calls Alice, whose NAT draws ports, and is introduced as the victim.
    fn meeting(lair: &mut Lair) -> Self {
        lair.draws = true;
        lair.wait(Duration::from_secs(30));
        Self::calling(lair, VICTIM)
    }

    /// He calls Alice from here.
    fn calling(lair: &mut Lair, endpoint: &str) -> Self {
        let (identity, greeting) = (Identity::from_seed([BOB; 32]), codec::encode(&7u64));
        let purpose = Purpose::Peer(id(100));
        let (mut initiator, noise) =
            Initiator::new(purpose, &identity, &id(1), &greeting, &mut lair.random).expect("init");
        let mut opening = vec![0, 0, 0, 5];
        opening.extend(noise);
        lair.introduce(BOB, endpoint, Some(opening));
        let response = |transmit: &Transmit| match Datagram::parse(&transmit.payload) {
            Ok(Datagram::Relay { inner, .. }) => match Datagram::parse(inner) {
                Ok(Datagram::PeerResponse(response)) => {
                    Some((response.sender, response.noise.to_vec()))
                }
                _ => None,
            },
            _ => None,
        };
        let (alices_index, noise) =
            lair.sent.iter().find_map(response).expect("Alice answers her contact");
        let (_, keys) = initiator.finish(&noise).expect("her answer");
        Self { keys, alices_index, next_number: 0 }
    }

    fn say(&mut self, lair: &mut Lair, frames: &[u8]) {
        let mut packet = datagram::peer_header(self.alices_index, self.next_number).to_vec();
        packet.extend(frames);
        self.keys.send.seal_in_place(self.next_number, SEALED_HEADER, &mut packet);
        self.next_number += 1;
        let relayed = datagram::relay(0x11, &packet);
        lair.alice.handle_datagram(lair.now, SocketId::FIRST, at(SERVER), &relayed);
        lair.listen();
    }

    /// The packets that have reached him over the first server since so many were sent.
    fn hears(&self, lair: &Lair, since: usize) -> usize {
        let opened = |transmit: &&Transmit| {
            let Ok(Datagram::Relay { channel: 0x11, inner }) = Datagram::parse(&transmit.payload)
            else {
                return false;
            };
            let Ok(Datagram::PeerData(sealed)) = Datagram::parse(inner) else { return false };
            let (number, header) = (sealed.packet_number, sealed.header);
            self.keys.receive.open(number, header, sealed.ciphertext).is_ok()
        };
        lair.sent[since..].iter().filter(|one| one.to == at(SERVER)).filter(opened).count()
    }

    /// For ten minutes he says that his NAT keeps its port, proposes a birthday of the greatest
    /// effort, and is ready for it at this address, again and again.
    fn propose_for_ten_minutes(&mut self, lair: &mut Lair, address: [u8; 4]) {
        for round in 1..=200u8 {
            let mut frames = vec![8, 0, round, 1];
            frames.extend([8, 1, round, 2, 0xfb, 0, 1, 0xfb, 0, 4, 0]);
            // The rounds that Alice proposes have small numbers.
            for round in (1..=12).chain([round]) {
                frames.extend([8, 2, round, 0]);
                frames.extend(address);
                frames.extend([0, 0xfb, 0xa0, 0x0f]);
            }
            self.say(lair, &frames);
            lair.wait(Duration::from_secs(3));
        }
    }
}

#[test]
fn a_planned_punch_goes_to_the_introduced_address_only_and_keeps_to_the_budget() {
    let mut lair = Lair::new();
    let mut bob = Accomplice::meeting(&mut lair);
    bob.propose_for_ten_minutes(&mut lair, [198, 51, 100, 9]);
    let punches: Vec<&Transmit> =
        lair.sent.iter().filter(|transmit| transmit.payload.first() == Some(&0x53)).collect();
    assert!(punches.len() > 256, "{} packets: nothing was agreed", punches.len());
    assert!(punches.iter().all(|punch| punch.to == at(VICTIM) && punch.payload.len() == 9));
    // Three bouts: at once, and after pauses of one and of four minutes.
    let flows: BTreeSet<_> = punches.iter().map(|punch| (punch.from, punch.to)).collect();
    assert!(flows.len() <= 3 * 2048, "{} flows", flows.len());
    assert!(punches.len() <= 3 * 3 * 2048, "{} packets", punches.len());
}

#[test]
fn a_forecast_of_another_address_than_the_introduced_one_is_not_believed() {
    let mut lair = Lair::new();
    let mut bob = Accomplice::meeting(&mut lair);
    bob.propose_for_ten_minutes(&mut lair, [198, 51, 100, 77]);
    let elsewhere = lair.sent.iter().filter(|transmit| transmit.to.ip() != at(SERVER).ip());
    let arriving: Vec<&Transmit> = elsewhere.filter(|transmit| transmit.ttl.is_none()).collect();
    assert!(arriving.iter().all(|transmit| transmit.to == at(VICTIM)), "{arriving:?}");
    assert!(arriving.len() <= 12, "{} packets", arriving.len());
}

#[test]
fn a_second_server_that_lies_has_a_dozen_packets_sent_and_the_session_goes_on() {
    let mut lair = Lair::new();
    let mut bob = Accomplice::calling(&mut lair, HIS);
    let ping = [0];
    bob.say(&mut lair, &ping);
    let connected = |event: &Event| matches!(event, Event::Connected { .. });
    assert!(lair.events.iter().any(connected), "{:?}", lair.events);
    lair.join(SECOND, 101);
    let (events, sent) = (lair.events.len(), lair.sent.len());
    // Bob with a false endpoint; somebody else with Bob's name; and Bob as the honest server has
    // introduced him, but for the endpoint.
    let lies = [
        Lie { who: BOB, endpoint: VICTIM, channel: 0x33, introduction: 0x44 },
        Lie { who: EVE, endpoint: OTHER_VICTIM, channel: 0x55, introduction: 0x66 },
        Lie { who: BOB, endpoint: VICTIM, channel: 0x11, introduction: 0x22 },
    ];
    for _ in 0..40 {
        for lie in &lies {
            lair.lie(lie);
            lair.wait(Duration::from_secs(1));
            bob.say(&mut lair, &ping);
        }
    }
    for victim in [VICTIM, OTHER_VICTIM] {
        // Primers die on the way.
        let arrived: Vec<_> = lair.sent_to(victim).filter(|one| one.ttl.is_none()).collect();
        assert!((1..=12).contains(&arrived.len()), "{} packets to {victim}", arrived.len());
        assert!(arrived.iter().all(|one| one.payload.len() <= 256), "they are small");
    }
    let news = &lair.events[events..];
    let lost = |event: &Event| match event {
        Event::Disconnected { peer, .. } => *peer == id(BOB),
        event => matches!(event, Event::KeyChanged { .. }),
    };
    assert!(!news.iter().any(lost), "{news:?}");
    assert!(bob.hears(&lair, sent) > 0);
    let (before, message) = (lair.sent.len(), b"still here".to_vec());
    lair.alice.handle_command(lair.now, Command::Send { peer: id(BOB), tag: 1, message });
    lair.listen();
    assert_eq!(bob.hears(&lair, before), 1, "what she says goes where the session is");
}
