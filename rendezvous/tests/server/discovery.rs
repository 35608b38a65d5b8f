//! What STUN clients are told of the server's other sockets.

use std::net::SocketAddr;

use p2pchat_rendezvous::server::{Config, Transmit};
use p2pchat_wire::stun::{self, Answer, Change};

use super::world::{World, address};

const FIRST: &str = "203.0.113.10:3478";
const FIRST_OTHER_PORT: &str = "203.0.113.10:3479";
const SECOND: &str = "203.0.113.20:3478";
const SECOND_OTHER_PORT: &str = "203.0.113.20:3479";
const V6: &str = "[2001:db8::10]:3478";
const V6_OTHER_PORT: &str = "[2001:db8::10]:3479";

/// As the server opens them: what was asked for, and then the next port of each.
const SOCKETS: &[&str] = &[FIRST, SECOND, V6, FIRST_OTHER_PORT, SECOND_OTHER_PORT, V6_OTHER_PORT];

fn world(sockets: &[&str]) -> World {
    let sockets = sockets.iter().map(|text| address(text)).collect();
    World::with(Config { sockets, ..Config::default() })
}

fn client(at: SocketAddr) -> SocketAddr {
    address(if at.is_ipv4() { "192.0.2.1:4000" } else { "[2001:db8:1::1]:4000" })
}

fn ask(world: &mut World, at: &str, request: &[u8]) -> Transmit {
    let at = address(at);
    world.server.handle_datagram(world.now, at, client(at), request);
    let [answer] = &world.drain()[..] else { panic!("one answer") };
    answer.clone()
}

/// What an answer from `at` says.
fn answer(world: &mut World, at: &str) -> Answer {
    let answer = ask(world, at, &stun::request([1; 12], Change::default()));
    let (_, said) = stun::response(&answer.payload).expect("a response");
    assert_eq!((answer.from, said.origin), (address(at).into(), Some(address(at))));
    said
}

#[test]
fn other_address_is_the_second_ip_address_with_the_port_that_was_not_asked() {
    let mut world = world(SOCKETS);
    for (at, other) in [
        (FIRST, SECOND_OTHER_PORT),
        (FIRST_OTHER_PORT, SECOND),
        (SECOND, SECOND_OTHER_PORT),
        (SECOND_OTHER_PORT, SECOND),
    ] {
        assert_eq!(answer(&mut world, at).other, Some(address(other)), "at {at}");
    }
}

#[test]
fn changed_address_of_the_classic_protocol_differs_in_both() {
    let mut world = world(SOCKETS);
    // RFC 3489 §11.2: a request without attributes, and no magic cookie.
    let mut request = [7; 20];
    request[..4].copy_from_slice(&[0, 1, 0, 0]);
    for (at, [ip, port]) in [
        (FIRST, [20, 0x97]),
        (FIRST_OTHER_PORT, [20, 0x96]),
        (SECOND, [10, 0x97]),
        (SECOND_OTHER_PORT, [10, 0x96]),
    ] {
        let answer = ask(&mut world, at, &request);
        let changed = [0, 5, 0, 8, 0, 1, 0x0d, port, 203, 0, 113, ip];
        assert!(answer.payload.ends_with(&changed), "at {at}: {:x?}", answer.payload);
    }
}

#[test]
fn a_change_request_is_answered_from_a_socket_that_really_is_another() {
    let mut world = world(SOCKETS);
    for (at, ip, port, both) in [
        (FIRST, SECOND, FIRST_OTHER_PORT, SECOND_OTHER_PORT),
        (FIRST_OTHER_PORT, SECOND_OTHER_PORT, FIRST, SECOND),
        (SECOND, FIRST, SECOND_OTHER_PORT, FIRST_OTHER_PORT),
        (SECOND_OTHER_PORT, FIRST_OTHER_PORT, SECOND, FIRST),
    ] {
        for (change, from) in [
            (Change { ip: true, port: false }, ip),
            (Change { ip: false, port: true }, port),
            (Change { ip: true, port: true }, both),
        ] {
            let answer = ask(&mut world, at, &stun::request([1; 12], change));
            assert_eq!(answer.from, address(from).into(), "{change:?} at {at}");
        }
    }
}

#[test]
fn a_server_with_one_ip_address_names_no_other() {
    let mut two_families = world(SOCKETS);
    for at in [V6, V6_OTHER_PORT] {
        assert_eq!(answer(&mut two_families, at).other, None, "at {at}");
    }
    // Whichever of its addresses was reached, it knows of no other.
    let mut everywhere = world(&["0.0.0.0:3478", "0.0.0.0:3479"]);
    for at in [FIRST, SECOND_OTHER_PORT] {
        assert_eq!(answer(&mut everywhere, at).other, None, "at {at}");
    }
    let mut one_port = world(&[FIRST, SECOND]);
    for at in [FIRST, SECOND] {
        assert_eq!(answer(&mut one_port, at).other, None, "at {at}");
    }
}

#[test]
fn a_response_port_sends_the_answer_to_another_port_of_the_address_that_asked() {
    let mut world = world(SOCKETS);
    for (at, from) in [(FIRST, "192.0.2.1:5000"), (V6, "[2001:db8:1::1]:5000")] {
        let request = stun::request_for_port([1; 12], 5000);
        let sent = ask(&mut world, at, &request);
        assert_eq!((sent.from, sent.to), (address(at).into(), address(from)));
        assert!(sent.payload.len() <= request.len());
        let (_, said) = stun::response(&sent.payload).expect("a response");
        assert_eq!(said.mapped, client(address(at)), "where the request came from");
    }
}

#[test]
fn a_response_port_gets_no_answer_that_is_longer_or_goes_to_a_fragile_port_or_comes_too_often() {
    let mut world = world(SOCKETS);
    let count = |world: &mut World, request: &[u8]| {
        let at = address(FIRST);
        world.server.handle_datagram(world.now, at, client(at), request);
        world.drain().len()
    };
    // RFC 8489 §5 with RESPONSE-PORT 5000 and nothing else: 28 bytes.
    let mut bare = vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    bare.extend([0, 0x27, 0, 4, 0x13, 0x88, 0, 0]);
    assert_eq!(count(&mut world, &bare), 0);
    for port in [0, 5060] {
        assert_eq!(count(&mut world, &stun::request_for_port([1; 12], port)), 0, "{port}");
    }
    let request = stun::request_for_port([1; 12], 5000);
    let answered = (0..1000).filter(|_| count(&mut world, &request) > 0).count();
    assert_eq!(answered, Config::default().stun.burst as usize);
}
