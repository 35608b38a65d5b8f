//! The examples of `docs/protocol.md` that two peers make, from fixed seeds to the byte.

#[path = "../../wire/tests/golden/book.rs"]
mod book;

use std::time::Instant;

use book::Book;
use p2pchat_wire::datagram::{Response, SEALED_HEADER, peer_header};
use p2pchat_wire::handshake::{Purpose, Responder};
use p2pchat_wire::identity::Identity;
use p2pchat_wire::random::Random;

use super::frame::{Candidate, CandidateKind, Frame, Frames};
use super::nat::{Allocation, Filtering, PortModel, Scope};
use super::punch::message::{Forecast, Message, Outcome, Ports};
use super::punch::plan::{Plan, Strategy};
use super::recovery::ack_ranges::AckRanges;
use super::session::{Greeting, Opening};

const ALICE: [u8; 32] = [0x01; 32];
const BOB: [u8; 32] = [0x02; 32];
const SERVER: [u8; 32] = [0x03; 32];
const INITIATOR: [u8; 32] = [0x0a; 32];
const RESPONDER: [u8; 32] = [0x0b; 32];
const INTRODUCTION: u64 = 0x5555_5555_5555_5555;

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut out);
    out
}

fn arrived() -> AckRanges {
    let mut ranges = AckRanges::default();
    for number in [3, 4, 5, 9] {
        ranges.insert(number);
    }
    ranges
}

const COUNTING: PortModel = PortModel::Varying {
    scope: Scope::Endpoint,
    ports: Allocation::Sequential { step: -1, foreign: 2 },
};

const PLAN: Plan = Plan { strategy: Strategy::Birthday { sockets: 256, probes: 1024 }, rung: 0 };

fn ready(address: &str, ports: Ports) -> Frame<'static> {
    let address = address.parse().expect("address");
    Frame::Punch(Message::Ready { round: 1, forecast: Forecast { address, ports } })
}

#[test]
fn frames_have_the_bytes_of_the_page() {
    let mut book = Book::open("peer/frame");
    let candidate =
        |endpoint: &str, kind| Candidate { endpoint: endpoint.parse().expect("address"), kind };
    let candidates = vec![
        candidate("192.0.2.1:5000", CandidateKind::ServerReflexive),
        candidate("192.0.2.1:5001", CandidateKind::PortMapped),
        candidate("[2001:db8::2]:6000", CandidateKind::Host),
    ];
    for (name, frame) in [
        ("ping", Frame::Ping),
        ("ack", Frame::Ack { delay_us: 1500, ranges: arrived() }),
        ("stream", Frame::Stream { id: 0, offset: 300, fin: false, data: b"\0\0\0\x02hi" }),
        ("window-of-a-stream", Frame::Window { stream: Some(4), max: 1 << 20 }),
        ("window-of-all", Frame::Window { stream: None, max: 4 << 20 }),
        ("probe", Frame::Probe { token: 0x6666_6666_6666_6666 }),
        ("echo", Frame::Echo { token: 0x6666_6666_6666_6666 }),
        ("candidates", Frame::Candidates { generation: 1, list: candidates }),
        ("close", Frame::Close { code: 0 }),
        ("behaviour", Frame::Punch(Message::Behaviour { generation: 1, model: COUNTING })),
        ("propose", Frame::Punch(Message::Propose { round: 1, plan: PLAN })),
        ("ready-counting", ready("192.0.2.1", Ports::Next { first: 30_003, step: -1 })),
        ("ready-drawing", ready("2001:db8::1", Ports::Range { first: 1024, last: 65_535 })),
        ("over", Frame::Punch(Message::Over { round: 1, outcome: Outcome::Missed })),
        (
            "filtering",
            Frame::Punch(Message::Filtering { generation: 2, filtering: Filtering::NotByPort }),
        ),
        ("reset", Frame::Reset { stream: 4, code: 2, size: 300 }),
        ("stop", Frame::Stop { stream: 4, code: 2 }),
    ] {
        let bytes = encoded(&frame);
        let read: Result<Vec<_>, _> = Frames::new(&bytes).collect();
        assert_eq!(read.expect("well formed"), [frame]);
        book.check(&format!("peer/frame/{name}"), &bytes);
    }
    book.close();
}

#[test]
fn a_session_begins_with_these_datagrams() {
    let mut book = Book::open("peer/session");
    let [alice, bob, server] = [ALICE, BOB, SERVER].map(Identity::from_seed);
    let purpose = Purpose::Peer(server.id());
    let (hers, his) = (
        Greeting { instance: 0x7777_7777_7777_7777, aes: false, long: false },
        Greeting { instance: 0x8888_8888_8888_8888, aes: false, long: false },
    );
    book.check("peer/session/greeting", &hers.encode());
    book.check("peer/session/greeting-aes", &Greeting { aes: true, ..hers }.encode());
    book.check("peer/session/greeting-long", &Greeting { aes: true, long: true, ..hers }.encode());

    let mut random = Random::from_seed(INITIATOR);
    #[expect(clippy::disallowed_methods, reason = "the opening needs some time")]
    let now = Instant::now();
    let mut opening =
        Opening::new(now, purpose, &alice, (&bob.id(), None), hers, 0xa2a2_a2a2, &mut random)
            .expect("a usable key");
    book.check("peer/session/init", &opening.datagram(INTRODUCTION));
    let initiation = opening.initiation();
    assert_eq!(initiation[..4], [0xa2; 4]);
    assert_eq!(initiation[4..], opening.datagram(INTRODUCTION)[13..]);

    let mut random = Random::from_seed(RESPONDER);
    let (responder, read) =
        Responder::new(purpose, &bob, &initiation[4..], &mut random).expect("genuine");
    assert_eq!((responder.remote(), Greeting::decode(&read)), (alice.id(), Ok(hers)));
    let (noise, bobs) = responder.respond(&his.encode()).expect("respond");
    let response = Response { receiver: 0xa2a2_a2a2, sender: 0xb2b2_b2b2, noise: &noise };
    book.check("peer/session/response", &response.encode_peer());
    let (read, alices) = opening.finish(&noise).expect("the answer to it");
    assert_eq!(read, his);

    let mut frames = encoded(&Frame::Ack { delay_us: 0, ranges: arrived() });
    frames.extend(encoded(&Frame::Ping));
    book.check("peer/session/frames", &frames);
    let mut packet = peer_header(0xb2b2_b2b2, 258).to_vec();
    packet.extend(&frames);
    alices.send.seal_in_place(258, SEALED_HEADER, &mut packet);
    book.check("peer/session/data", &packet);
    let opened = bobs.receive.open(258, &packet[..SEALED_HEADER], &packet[SEALED_HEADER..]);
    assert_eq!(opened, Ok(frames));
    book.close();
}
