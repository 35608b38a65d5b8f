//! The examples of `docs/protocol.md` that this crate makes, from fixed seeds to the byte.

mod book;

use std::net::SocketAddr;

use book::Book;
use p2pchat_wire::datagram::{
    self, AddressProof, Challenge, Hello, LinkInit, MIN_LINK_INIT, PeerInit, Response,
};
use p2pchat_wire::handshake::{INIT_OVERHEAD, Initiator, Purpose, Responder};
use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::invitation::{Accepter, Card, Inviter, Verdict};
use p2pchat_wire::neighbour::{Acquaintance, Announcement, HINTS};
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::{
    self, ClientSignal, Connect, Entrance, Introduction, LetterQuestion, LinkReply, LinkRequest,
    MailboxRefusal, Refusal, Registration, RoomPeople, RoomRefusal, ServerSignal,
};
use p2pchat_wire::signature::Statement;
use p2pchat_wire::stun::{self, Answer, Change};
use p2pchat_wire::{VERSION, carrier, codec};

/// The page that is checked here.
const PAGE: &str = include_str!("../../../docs/protocol.md");

const ALICE: [u8; 32] = [0x01; 32];
const BOB: [u8; 32] = [0x02; 32];
const SERVER: [u8; 32] = [0x03; 32];

/// The initiator's and the responder's randomness in every handshake of the page.
const INITIATOR: [u8; 32] = [0x0a; 32];
const RESPONDER: [u8; 32] = [0x0b; 32];

const NONCE: [u8; 16] = [0x11; 16];
const COOKIE: [u8; 16] = [0x22; 16];
const ROOM: [u8; 32] = [0x66; 32];
const TOKEN: [u8; 32] = [0x33; 32];
const CHANNEL: u64 = 0x4444_4444_4444_4444;
const INTRODUCTION: u64 = 0x5555_5555_5555_5555;

fn id(seed: [u8; 32]) -> PeerId {
    Identity::from_seed(seed).id()
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn alices_endpoint() -> SocketAddr {
    "192.0.2.1:5000".parse().expect("address")
}

fn bobs_endpoint() -> SocketAddr {
    "[2001:db8::2]:6000".parse().expect("address")
}

#[test]
fn keys_are_as_the_page_derives_them() {
    let mut book = Book::open("wire/key");
    for (who, seed) in [("alice", ALICE), ("bob", BOB), ("server", SERVER)] {
        let secret = blake3::derive_key("p2pchat 1 identity x25519", &seed);
        let public = x25519_dalek::x25519(secret, x25519_dalek::X25519_BASEPOINT_BYTES);
        book.check(&format!("wire/key/{who}-secret"), &secret);
        book.check(&format!("wire/key/{who}-public"), &public);
        assert_eq!(id(seed), PeerId(public));
        assert!(PAGE.contains(&id(seed).to_string()), "{who} is {}", id(seed));
    }
    for (who, seed) in [("initiator", INITIATOR), ("responder", RESPONDER)] {
        book.check(&format!("wire/key/{who}-ephemeral"), &ephemeral(seed));
    }
    book.close();
}

#[test]
fn signatures_are_as_the_page_makes_them() {
    let mut book = Book::open("wire/signature");
    // The keys of the two have Edwards points of both signs.
    for (who, seed) in [("alice", ALICE), ("bob", BOB)] {
        let signature = Identity::from_seed(seed).sign(Statement::RoomEntry, b"hi");
        assert_eq!(id(seed).verify(Statement::RoomEntry, b"hi", &signature), Ok(()));
        book.check(&format!("wire/signature/{who}"), &signature);
    }
    book.close();
}

/// The secret of the ephemeral key that a handshake with this randomness draws.
fn ephemeral(seed: [u8; 32]) -> [u8; 32] {
    Random::from_seed(Random::from_seed(seed).array()).array()
}

#[test]
fn numbers_and_values_are_encoded_as_the_page_says() {
    let mut book = Book::open("wire/codec");
    book.check("wire/codec/250", &codec::encode(&250u64));
    book.check("wire/codec/251", &codec::encode(&251u64));
    book.check("wire/codec/65536", &codec::encode(&65_536u64));
    book.check("wire/codec/4294967296", &codec::encode(&4_294_967_296u64));
    book.check("wire/codec/text", &codec::encode("né"));
    book.check("wire/codec/nothing", &codec::encode(&None::<u32>));
    book.check("wire/codec/something", &codec::encode(&Some(7u32)));
    book.check("wire/codec/ipv4", &codec::encode(&alices_endpoint()));
    book.check("wire/codec/ipv6", &codec::encode(&bobs_endpoint()));
    book.close();
    assert_eq!(
        codec::decode::<u64, 64>(&[253, 5, 0, 0, 0, 0, 0, 0, 0]),
        Ok(5),
        "longer than needed"
    );
    assert!(
        codec::decode::<u32, 64>(&[253, 5, 0, 0, 0, 0, 0, 0, 0]).is_err(),
        "wider than its type"
    );
    assert!(codec::decode::<Option<u8>, 64>(&[2, 0]).is_err());
    assert!(codec::decode::<bool, 64>(&[2]).is_err());
}

fn request() -> LinkRequest {
    LinkRequest {
        counter: 1_700_000_000_000,
        name: Some(name("alice")),
        concealed: false,
        connects: Vec::new(),
    }
}

fn reply() -> LinkReply {
    LinkReply {
        mapped: alices_endpoint(),
        token: TOKEN,
        registration: Registration::Registered,
        answers: Vec::new(),
        counter: 1_700_000_000_000,
    }
}

#[test]
fn a_link_begins_with_these_datagrams() {
    let mut book = Book::open("wire/link");
    let (alice, server) = (Identity::from_seed(ALICE), Identity::from_seed(SERVER));
    let purpose = Purpose::Link(server.id());
    book.check("wire/link/hello", &Hello { version: VERSION, nonce: NONCE }.encode());
    let challenge = Challenge {
        version: VERSION,
        nonce: NONCE,
        cookie: COOKIE,
        server: server.id().0,
        time_ms: Some(1_790_000_000_000),
    };
    book.check("wire/link/challenge", &challenge.encode());

    book.check("wire/link/request", &signal::encode_padded(&request(), 0));
    let head = 1 + 1 + 1 + 32 + 4 + INIT_OVERHEAD;
    let payload = signal::encode_padded(&request(), MIN_LINK_INIT - head);
    let mut random = Random::from_seed(INITIATOR);
    let (mut initiator, noise) =
        Initiator::new(purpose, &alice, &server.id(), &payload, &mut random).expect("init");
    let own = x25519_dalek::x25519(ephemeral(INITIATOR), x25519_dalek::X25519_BASEPOINT_BYTES);
    assert_eq!(noise[..32], own, "message 1 begins with the ephemeral key");
    let proof = AddressProof::Cookie { nonce: NONCE, cookie: COOKIE };
    let init = LinkInit { version: VERSION, proof, sender: 0xa1a1_a1a1, noise: &noise };
    assert_eq!(init.encode().len(), MIN_LINK_INIT);
    book.check("wire/link/init", &init.encode());
    let token = LinkInit { proof: AddressProof::Token(TOKEN), ..init };
    book.check("wire/link/init-head-with-token", &token.encode()[..39]);

    let mut random = Random::from_seed(RESPONDER);
    let (responder, read) = Responder::new(purpose, &server, &noise, &mut random).expect("read");
    assert_eq!((responder.remote(), signal::decode_padded(&read)), (alice.id(), Ok(request())));
    let payload = signal::encode_padded(&reply(), 0);
    book.check("wire/link/reply", &payload);
    let (noise, theirs) = responder.respond(&payload).expect("respond");
    let response = Response { receiver: 0xa1a1_a1a1, sender: 0x5151_5151, noise: &noise };
    book.check("wire/link/response", &response.encode_link());
    let (read, ours) = initiator.finish(&noise).expect("finish");
    assert_eq!(signal::decode_padded(&read), Ok(reply()));

    let mut ping = datagram::link_header(0x5151_5151, 0).to_vec();
    codec::encode_onto(&ClientSignal::Ping { id: 7 }, &mut ping);
    ours.send.seal_in_place(0, datagram::SEALED_HEADER, &mut ping);
    book.check("wire/link/data-to-server", &ping);
    let mut pong = datagram::link_header(0xa1a1_a1a1, 0).to_vec();
    codec::encode_onto(&ServerSignal::Pong { id: 7, mapped: alices_endpoint() }, &mut pong);
    theirs.send.seal_in_place(0, datagram::SEALED_HEADER, &mut pong);
    book.check("wire/link/data-to-client", &pong);
    book.close();
}

#[test]
fn clients_say_these_signals() {
    let mut book = Book::open("wire/client");
    let mut check = |name: &str, signal: ClientSignal| {
        let bytes = codec::encode(&signal);
        assert_eq!(signal::decode(&bytes), Ok(signal));
        book.check(&format!("wire/client/{name}"), &bytes);
    };
    check("ping", ClientSignal::Ping { id: 7 });
    check("register", ClientSignal::Register(name("alice")));
    check("unregister", ClientSignal::Unregister);
    check(
        "connect",
        ClientSignal::Connect(Connect { name: name("bob"), key: None, initiation: None }),
    );
    check(
        "connect-with-initiation",
        ClientSignal::Connect(Connect {
            name: name("bob"),
            key: Some(id(BOB)),
            initiation: Some(vec![0xa2; 8]),
        }),
    );
    check("watch", ClientSignal::Watch(name("bob")));
    check("unwatch", ClientSignal::Unwatch(name("bob")));
    let (room, id) = (name("tea"), Some(ROOM));
    let entrance = Entrance { room, id, found: true, after: None, padding: Vec::new() };
    check("enter-room", ClientSignal::EnterRoom(entrance.padded()));
    check("leave-room", ClientSignal::LeaveRoom(name("tea")));
    check("open-mailbox", ClientSignal::OpenMailbox(vec![0xaa; 4]));
    check("read-letter", ClientSignal::ReadLetter(LetterQuestion::new(7, 1)));
    let letter = vec![0xbb; 4];
    check("write-letter", ClientSignal::WriteLetter { number: 7, at: 1, letter });
    book.close();
}

#[test]
fn servers_say_these_signals() {
    let mut book = Book::open("wire/server");
    let mut check = |name: &str, signal: ServerSignal| {
        let bytes = codec::encode(&signal);
        assert_eq!(signal::decode(&bytes), Ok(signal));
        book.check(&format!("wire/server/{name}"), &bytes);
    };
    check("pong", ServerSignal::Pong { id: 7, mapped: alices_endpoint() });
    check("registered", ServerSignal::Registered(name("alice")));
    let refusal = Refusal::NameTaken;
    check("register-refused", ServerSignal::RegisterRefused { name: name("alice"), refusal });
    check("unregistered", ServerSignal::Unregistered);
    let introduction = Introduction {
        name: name("bob"),
        key: id(BOB),
        endpoint: Some(bobs_endpoint()),
        channel: CHANNEL,
        introduction: INTRODUCTION,
        caller: true,
        initiation: None,
    };
    check("introduction", ServerSignal::Introduction(introduction));
    let refusal = Refusal::Offline;
    check("connect-refused", ServerSignal::ConnectRefused { name: name("bob"), refusal });
    let refusal = Refusal::KeyMismatch { actual: id(BOB) };
    check("key-mismatch", ServerSignal::ConnectRefused { name: name("bob"), refusal });
    check(
        "presence",
        ServerSignal::Presence { name: name("bob"), key: Some(id(BOB)), online: true },
    );
    check("stopping", ServerSignal::Stopping);
    let people = vec![(name("bob"), id(BOB))];
    let people = RoomPeople { room: name("tea"), id: ROOM, after: None, people, more: false };
    check("room-people", ServerSignal::RoomPeople(people));
    let (room, name, key) = (name("tea"), name("bob"), id(BOB));
    check("room-entered", ServerSignal::RoomEntered { room: room.clone(), name, key });
    let refusal = RoomRefusal::Full;
    check("room-refused", ServerSignal::RoomRefused { room: room.clone(), refusal });
    let refusal = RoomRefusal::OtherRoom { actual: ROOM };
    check("other-room", ServerSignal::RoomRefused { room, refusal });
    check("mailbox-opened", ServerSignal::MailboxOpened { number: 7 });
    check("letter", ServerSignal::Letter { number: 7, at: 1, letter: vec![0xbb; 4] });
    check("letter-kept", ServerSignal::LetterKept { number: 7, at: 1 });
    let (number, refusal) = (Some(7), MailboxRefusal::Gone);
    check("mailbox-refused", ServerSignal::MailboxRefused { number, refusal });
    book.close();
}

#[test]
fn an_invitation_has_these_letters_and_leaves_this_secret() {
    let mut book = Book::open("wire/invitation");
    let (server, number, words) = (id(SERVER), 7, "crossover-clockwork");
    let card = |text, seed| Card { name: name(text), key: id(seed) };
    let mut random = Random::from_seed(INITIATOR);
    let (inviter, opening) = Inviter::new(words, card("alice", ALICE), &mut random);
    book.check("wire/invitation/opening", &opening);
    let mut random = Random::from_seed(RESPONDER);
    let bob = card("bob", BOB);
    let (accepter, reply) =
        Accepter::new(words, &server, number, bob.clone(), &opening, &mut random).expect("read");
    book.check("wire/invitation/reply", &reply);
    let (verdict, outcome) = inviter.judge(&server, number, &reply);
    book.check("wire/invitation/right", &verdict);
    book.check("wire/invitation/wrong", &codec::encode(&Verdict::Wrong));
    let (ours, theirs) = (outcome.expect("right"), accepter.conclude(&verdict).expect("right"));
    assert_eq!((ours.card, theirs.card), (bob, card("alice", ALICE)));
    assert_eq!(ours.secret, theirs.secret);
    book.check("wire/invitation/secret", ours.secret.bytes());

    let (alice, purpose) = (Identity::from_seed(ALICE), Purpose::Peer(server));
    let (remote, mut random) = (id(BOB), Random::from_seed(INITIATOR));
    let secret = Some(&ours.secret);
    let (_, noise) =
        Initiator::with_secret(purpose, &alice, &remote, secret, b"", &mut random).expect("init");
    book.check("wire/invitation/noise", &noise);
    book.close();
}

#[test]
fn peers_send_these_datagrams() {
    let mut book = Book::open("wire/datagram");
    let punch = datagram::punch(INTRODUCTION);
    book.check("wire/datagram/punch", &punch);
    book.check("wire/datagram/relay", &datagram::relay(CHANNEL, &punch));
    let noise = [0xee; 4];
    let init = PeerInit { introduction: INTRODUCTION, sender: 0xa2a2_a2a2, noise: &noise };
    book.check("wire/datagram/peer-init-head", &init.encode()[..13]);
    let response = Response { receiver: 0xa2a2_a2a2, sender: 0xb2b2_b2b2, noise: &noise };
    book.check("wire/datagram/peer-response-head", &response.encode_peer()[..9]);
    book.check("wire/datagram/peer-data-head", &datagram::peer_header(0xb2b2_b2b2, 258));
    book.close();
}

#[test]
fn neighbours_announce_and_recognise_these_bytes() {
    let mut book = Book::open("wire/neighbour");
    let alice = Identity::from_seed(ALICE);
    let acquaintance = Acquaintance::new(&alice, &id(BOB)).expect("a key");
    let token = acquaintance.token(&alice.id(), &NONCE);
    book.check("wire/neighbour/hint", &token.hint);
    book.check("wire/neighbour/number", &token.introduction.to_be_bytes());
    let mut hints = vec![[0; 4]; HINTS];
    hints[HINTS - 1] = token.hint;
    let open = Some((name("alice"), alice.id()));
    let mut record = Vec::new();
    for (attribute, value) in (Announcement { nonce: NONCE, hints, open }).text() {
        record.push(u8::try_from(attribute.len() + 1 + value.len()).expect("one string"));
        record.extend([attribute.as_bytes(), b"=", &value].concat());
    }
    book.check("wire/neighbour/text", &record);
    book.close();
}

#[test]
fn a_carrier_has_these_bytes() {
    let mut book = Book::open("wire/carrier");
    let mut stream = carrier::PREFACE.to_vec();
    for datagram in [datagram::punch(INTRODUCTION), datagram::relay(CHANNEL, b"hello")] {
        assert!(carrier::append(&datagram, &mut stream));
    }
    book.check("wire/carrier/stream", &stream);
    book.close();
}

#[test]
fn stun_is_asked_and_answered_with_these_bytes() {
    let mut book = Book::open("wire/stun");
    let request = stun::request([7; 12], Change::default());
    book.check("wire/stun/request", &request);
    book.check("wire/stun/request-for-port", &stun::request_for_port([7; 12], 5000));
    let [origin, other] = ["203.0.113.1:3478", "203.0.113.1:3479"]
        .map(|address| Some(address.parse().expect("address")));
    let answer = Answer { mapped: alices_endpoint(), origin, other };
    let read = stun::Request::parse(&request).expect("a request");
    book.check("wire/stun/response", &read.succeed(&answer).expect("a response"));
    book.close();
}
