//! A rendezvous that lies, and those in its pay: what they can do to a peer, and what they cannot
//! (`docs/security.md`).
#![allow(clippy::disallowed_methods, reason = "the time of a test begins somewhere")]

mod accomplice;
mod again;
mod crowd;
mod first_contact;
mod invitation;
mod lair;
mod parlour;
mod person;
mod rooms;

use std::time::Duration;

use p2pchat::proto::{Event, SocketId, Transmit};
use p2pchat_wire::codec;
use p2pchat_wire::datagram::{self, PeerInit, Response};
use p2pchat_wire::handshake::{Purpose, Responder};
use p2pchat_wire::identity::Identity;
use p2pchat_wire::signal::{self, ClientSignal, Connect, Introduction, LinkRequest, ServerSignal};

use lair::{BOB, EVE, Lair, SERVER, VICTIM, at, id, name};

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
            lair.alice.handle_datagram(lair.now, SocketId::FIRST, at(VICTIM), &mut init.clone());
            let mut relayed = datagram::relay(0x11, &init);
            lair.alice.handle_datagram(lair.now, SocketId::FIRST, at(SERVER), &mut relayed);
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
        let mut response = Response { receiver, sender: 9, noise: &noise }.encode_peer();
        lair.alice.handle_datagram(
            lair.now,
            SocketId::FIRST,
            at(SERVER),
            &mut datagram::relay(0x11, &response),
        );
        lair.alice.handle_datagram(lair.now, SocketId::FIRST, at(VICTIM), &mut response);
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

#[test]
fn a_server_cannot_introduce_anybody_whose_name_a_terminal_would_obey() {
    let good = "bobbie";
    let introduced = |bad: Option<&str>| {
        let mut lair = Lair::new();
        let mut signal = codec::encode(&ServerSignal::Introduction(Introduction {
            name: name(&good[..bad.map_or(good.len(), str::len)]),
            key: id(EVE),
            endpoint: Some(at(VICTIM)),
            channel: 0x33,
            introduction: 0x44,
            caller: false,
            initiation: Some(lair.opening_of(EVE, 100)),
        }));
        if let Some(bad) = bad {
            // Nothing of ours encodes such a name, so one as long is written over.
            let written = |bytes: &[u8]| good.as_bytes().starts_with(bytes);
            let place = signal.windows(bad.len()).position(written).expect("text on the wire");
            signal[place..place + bad.len()].copy_from_slice(bad.as_bytes());
        }
        lair.say_bytes(0, &signal);
        lair.wait(Duration::from_secs(30));
        lair
    };
    // Whoever has another name is answered.
    assert!(introduced(None).sent_to(VICTIM).count() > 0);
    let mut silent = Lair::new();
    silent.wait(Duration::from_secs(30));
    for bad in ["b\u{1b}]2;", "bob\rx", "b\u{9b}2J", "b\u{202e}o", "b\u{2028}o", "bob\to"] {
        let lair = introduced(Some(bad));
        assert_eq!(lair.events, silent.events, "{bad:?}");
        assert_eq!(lair.sent_to(VICTIM).count(), 0, "{bad:?}");
    }
}
