//! Floods, forgeries and full tables.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_rendezvous::server::{Config, Drop, Rate, Transmit};
use p2pchat_wire::VERSION;
use p2pchat_wire::datagram::{AddressProof, Hello, LinkInit, MIN_LINK_INIT, relay};
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::{ClientSignal, Connect, MAX_INITIATION, Refusal, Registration};

use crate::world::{World, address, connect, name};

const ALICE: &str = "192.0.2.1:4000";
const BOB: &str = "198.51.100.2:4000";
const VICTIM: &str = "198.51.100.99:9";

/// First bytes of every kind, ours and STUN's, and some that mean nothing.
const KINDS: [u8; 17] = [
    0x00, 0x01, 0x02, 0x3f, 0x40, 0x41, 0x42, 0x43, 0x44, 0x50, 0x51, 0x52, 0x53, 0x60, 0x61, 0x80,
    0xff,
];

fn bytes(sent: &[Transmit]) -> usize {
    sent.iter().map(|transmit| transmit.payload.len()).sum()
}

/// Limits that are in nobody's way, so that a test meets the rule it is about.
fn generous() -> Config {
    let rate = Rate::new(1e9, 1e9);
    Config { handshakes: rate, handshakes_total: rate, claims: rate, ..Config::default() }
}

#[test]
fn no_unproven_address_gets_more_bytes_than_it_sent() {
    let mut world = World::new();
    world.registered(1, ALICE, "alice");
    let mut random = Random::from_seed([1; 32]);
    for kind in KINDS {
        for length in 0..=1500 {
            let mut datagram = vec![0; length];
            random.fill(&mut datagram);
            if let Some(first) = datagram.first_mut() {
                *first = kind;
            }
            let sent = world.deliver(address(VICTIM), &datagram);
            assert!(bytes(&sent) <= length, "{kind:#x} of {length} bytes");
            assert!(sent.len() <= 1);
        }
    }
    assert_eq!(world.server.statistics().key_operations, 1, "alice's");
}

#[test]
fn stun_is_the_one_exception_and_is_bounded_by_a_rate() {
    let mut world = World::with(Config { stun: Rate::new(1.0, 10.0), ..Config::default() });
    let (mut asked, mut sent) = (0, 0);
    for _ in 0..10_000 {
        let bare = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        asked += bare.len();
        sent += bytes(&world.deliver(address(VICTIM), &bare));
        world.now += Duration::from_micros(100);
    }
    assert!(sent <= 11 * 56, "{sent} bytes for {asked}");
    let padded = p2pchat_wire::stun::request([1; 12], p2pchat_wire::stun::Change::default());
    let answer = world.deliver(address(VICTIM), &padded);
    assert!(!answer.is_empty() && bytes(&answer) <= padded.len());
}

#[test]
fn no_key_is_touched_for_an_address_without_proof() {
    let mut world = World::new();
    let mut alice = world.client(1, ALICE);
    let AddressProof::Cookie { nonce, cookie } = world.cookie(alice.at) else { panic!("a cookie") };
    let right = AddressProof::Cookie { nonce, cookie };
    let (_, genuine) = alice.initiation(&mut world, right, None, vec![]);
    for elsewhere in ["192.0.2.1:4001", "192.0.2.2:4000", "[::1]:4000", VICTIM] {
        assert_eq!(world.deliver(address(elsewhere), &genuine), []);
    }
    for bit in 0..256 {
        let mut forged = genuine.clone();
        // Version and kind of proof come first, then nonce and cookie.
        forged[3 + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(world.deliver(alice.at, &forged), []);
    }
    let token = LinkInit {
        version: VERSION,
        proof: AddressProof::Token([7; 32]),
        sender: 1,
        noise: &[0; MIN_LINK_INIT],
    };
    assert_eq!(world.deliver(alice.at, &token.encode()), []);
    assert_eq!(world.server.statistics().dropped(Drop::NoProof), 4 + 256 + 1);
    world.now += Duration::from_secs(120);
    assert_eq!(world.deliver(alice.at, &genuine), [], "a cookie of two epochs ago");
    assert_eq!(world.server.statistics().key_operations, 0);
    assert_eq!(world.server.sizes().peers, 0);
}

#[test]
fn a_token_is_good_for_its_ip_address_only() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    alice.at = address("192.0.2.1:5555");
    assert!(alice.link(&mut world, Some("alice"), vec![]).is_some());
    alice.at = address("192.0.2.7:5555");
    assert!(alice.link(&mut world, Some("alice"), vec![]).is_none());
}

#[test]
fn another_version_is_not_computed_for() {
    let mut world = World::new();
    let mut alice = world.client(1, ALICE);
    let proof = world.cookie(alice.at);
    let (_, mut bytes) = alice.initiation(&mut world, proof, None, vec![]);
    bytes[1] = VERSION + 1;
    assert_eq!(world.deliver(alice.at, &bytes), []);
    assert_eq!(world.server.statistics().dropped(Drop::Version), 1);
    let hello = Hello { version: 77, nonce: [1; 16] }.encode();
    assert_eq!(world.deliver(alice.at, &hello).len(), 1, "the client compares");
}

#[test]
fn a_link_response_is_never_longer_than_its_request() {
    let mut world = World::new();
    world.registered(2, BOB, &"b".repeat(64));
    world.registered(3, "198.51.100.3:1", &"c".repeat(64));
    let mut alice = world.registered(1, "[2001:db8::1]:4000", &"a".repeat(64));
    let to =
        |n: &str| Connect { initiation: Some(vec![1; MAX_INITIATION]), ..connect(&n.repeat(64)) };
    for connects in [vec![], vec![to("b")], vec![to("b"), to("c")]] {
        let proof = world.cookie(alice.at);
        let (mut initiator, bytes) =
            alice.initiation(&mut world, proof, Some(&"a".repeat(64)), connects);
        let sent = world.deliver(alice.at, &bytes);
        let response = sent.iter().find(|transmit| transmit.to == alice.at).expect("a response");
        assert!(response.payload.len() <= bytes.len());
        assert!(alice.finish(&mut initiator, &sent).is_some());
    }
}

#[test]
fn handshakes_are_computed_at_a_rate_per_network() {
    let handshakes = Rate::new(1.0, 5.0);
    let mut world = World::with(Config { handshakes, ..Config::default() });
    let linked = |world: &mut World, seed, at: String| {
        world.client(seed, &at).link(world, None, vec![]).is_some()
    };
    let near =
        (0..20).filter(|&n| linked(&mut world, n, format!("192.0.2.1:{}", 1000 + n))).count();
    assert_eq!(near, 5);
    let far = (20..40).filter(|&n| linked(&mut world, n, format!("192.0.2.{n}:1000"))).count();
    assert_eq!(far, 20);
    assert_eq!(world.server.statistics().dropped(Drop::TooManyHandshakes), 15);
}

#[test]
fn forged_and_replayed_packets_change_nothing() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let packet = alice.seal(&ClientSignal::Unregister);
    for at in 0..packet.len() {
        let mut forged = packet.clone();
        forged[at] ^= 1;
        assert_eq!(world.deliver(address(VICTIM), &forged), []);
    }
    assert_eq!(world.deliver(address(VICTIM), &packet[..20]), []);
    let ping = alice.seal(&ClientSignal::Ping { id: 1 });
    assert_eq!(world.deliver(alice.at, &ping).len(), 1);
    assert_eq!(world.deliver(address(VICTIM), &ping), []);
    assert_eq!(world.server.statistics().dropped(Drop::Replayed), 1);
    assert_eq!(world.server.statistics().roamed, 0);
    let mut bob = world.registered(2, BOB, "bob");
    let sent = bob.say(&mut world, &ClientSignal::Connect(connect("alice")));
    let endpoint = Some(alice.at);
    assert!(
        matches!(&sent[..], [p2pchat_wire::signal::ServerSignal::Introduction(i)] if i.endpoint == endpoint)
    );
}

#[test]
fn a_peer_that_says_too_much_is_heard_less_and_stays() {
    let mut world = World::with(Config { signals: Rate::new(1.0, 10.0), ..Config::default() });
    let mut alice = world.registered(1, ALICE, "alice");
    let answered: usize = (0..50).map(|_| alice.ping(&mut world).len()).sum();
    assert_eq!(answered, 10);
    assert_eq!(world.server.statistics().dropped(Drop::TooManySignals), 40);
    assert_eq!(world.server.sizes().peers, 1);
}

#[test]
fn two_servers_that_hear_each_other_fall_silent() {
    let mut random = Random::from_seed([5; 32]);
    let (mut one, mut two) = (World::new(), World::new());
    let (at_one, at_two) = (address("203.0.113.10:3478"), address("203.0.113.10:3479"));
    for kind in KINDS {
        for length in (0..1500).step_by(4) {
            let mut datagram = vec![0; length];
            random.fill(&mut datagram);
            if let Some(first) = datagram.first_mut() {
                *first = kind;
            }
            let spoofed = one.deliver(at_two, &datagram);
            assert!(spoofed.len() <= 1);
            for answer in spoofed {
                assert_eq!(two.deliver(at_one, &answer.payload), [], "an answer was answered");
            }
        }
    }
    let bare = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let [answer] = &one.deliver(at_two, &bare)[..] else { panic!("one answer") };
    assert_eq!(two.deliver(at_one, &answer.payload), []);
}

#[test]
fn full_tables_refuse_newcomers_and_keep_who_is_there() {
    let mut world = World::with(Config {
        max_peers: 20,
        max_names: 15,
        max_pairs: 10,
        max_pairs_per_key: 4,
        max_watches: 12,
        max_watches_per_peer: 8,
        max_watchers_per_name: 3,
        max_remembered: 10,
        max_repeats: 5,
        ..generous()
    });
    let mut clients = Vec::new();
    for n in 0..40 {
        let mut client = world.client(n, &format!("192.0.2.{n}:4000"));
        let reply = client.link(&mut world, Some(&format!("peer{n}")), vec![]).expect("reply");
        let expected = match n {
            0..15 => Registration::Pending,
            _ => Registration::Refused(Refusal::Busy),
        };
        assert_eq!(reply.registration, expected);
        clients.push(client);
    }
    assert_eq!((world.server.sizes().peers, world.server.sizes().names), (20, 15));
    for client in clients.iter_mut().take(15) {
        for n in 0..15 {
            client.say(&mut world, &ClientSignal::Connect(connect(&format!("peer{n}"))));
            client.say(&mut world, &ClientSignal::Watch(name(&format!("other{n}"))));
        }
        world.pass(Duration::from_secs(1));
    }
    let sizes = world.server.sizes();
    assert_eq!((sizes.pairs, sizes.watches), (10, 12));
    assert!(sizes.repeats <= 5);
    assert_eq!(clients[0].ping(&mut world).len(), 1, "the first is still there");
    world.pass(Duration::from_secs(400));
    let sizes = world.server.sizes();
    assert_eq!((sizes.peers, sizes.pairs, sizes.watches, sizes.repeats), (0, 0, 0, 0));
    assert_eq!(sizes.names, 15);
}

#[test]
fn no_network_takes_all_the_places() {
    let mut world = World::with(Config { max_peers_per_network: 3, ..generous() });
    let linked = |world: &mut World, seed, at: String| {
        let reply = world.client(seed, &at).link(world, None, vec![]).expect("reply");
        reply.registration == Registration::Anonymous
    };
    let near = (0..9).filter(|&n| linked(&mut world, n, format!("192.0.2.1:{}", 1000 + n))).count();
    assert_eq!(near, 3);
    assert!(linked(&mut world, 20, "192.0.2.2:1000".to_owned()));
    world.pass(Duration::from_secs(100));
    assert!(linked(&mut world, 21, "192.0.2.1:1000".to_owned()), "the first ones have gone");
}

#[test]
fn no_datagram_goes_to_an_address_that_somebody_named() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    let mut random = Random::from_seed([9; 32]);
    let known: [SocketAddr; 2] = [alice.at, bob.at];
    alice.say(&mut world, &ClientSignal::Connect(connect("bob")));
    bob.say(&mut world, &ClientSignal::Connect(connect("alice")));
    for _ in 0..20_000 {
        let inner: [u8; 40] = random.array();
        let datagram = relay(random.u64(), &inner);
        for from in known {
            assert_eq!(world.deliver(from, &datagram), []);
        }
    }
    assert!(world.sent.iter().all(|transmit| known.contains(&transmit.to)));
}
