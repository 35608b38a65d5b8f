//! Peers that come by a stream because their network lets no UDP through.

use p2pchat_rendezvous::server::{CarrierId, Drop, Local};
use p2pchat_wire::datagram::relay;
use p2pchat_wire::signal::{ClientSignal, Introduction, ServerSignal};
use p2pchat_wire::stun::{self, Change};

use crate::world::{Client, LOCAL, World, address, connect};

const ALICE: &str = "192.0.2.1:4000";
const BOB: &str = "198.51.100.2:4000";

const CARRIER: Local = Local::Carrier(CarrierId(7));

fn udp() -> Local {
    address(LOCAL).into()
}

/// Alice by a carrier, Bob over UDP, and what each was told of the other.
fn introduced(world: &mut World) -> (Client, Client, Introduction, Introduction) {
    let bob = world.registered(2, BOB, "bob");
    world.local = CARRIER;
    let mut alice = world.registered(1, ALICE, "alice");
    let packet = alice.seal(&ClientSignal::Connect(connect("bob")));
    let sent = world.deliver(alice.at, &packet);
    let told = |client: &Client| match client.read(&sent).as_slice() {
        [ServerSignal::Introduction(introduction)] => introduction.clone(),
        other => panic!("not one introduction: {other:?}"),
    };
    let (hers, his) = (told(&alice), told(&bob));
    (alice, bob, hers, his)
}

#[test]
fn nobody_is_told_an_endpoint_of_a_peer_that_comes_by_a_carrier() {
    let mut world = World::new();
    let (mut alice, _, hers, his) = introduced(&mut world);
    assert_eq!((hers.endpoint, his.endpoint), (Some(address(BOB)), None));
    // It is told itself, as everybody is: nobody else would make sense of the address.
    let pong = ServerSignal::Pong { id: 7, mapped: address(ALICE) };
    assert_eq!(alice.ping(&mut world), [pong]);
}

#[test]
fn answers_and_relayed_datagrams_go_by_the_way_that_each_side_came() {
    let mut world = World::new();
    let (alice, bob, hers, his) = introduced(&mut world);
    let sent = world.deliver(alice.at, &relay(hers.channel, b"hello"));
    assert_eq!((sent[0].from, sent[0].to), (udp(), bob.at));
    assert_eq!(sent[0].payload, relay(his.channel, b"hello"));
    world.local = udp();
    let sent = world.deliver(bob.at, &relay(his.channel, b"hi"));
    assert_eq!((sent[0].from, sent[0].to), (CARRIER, alice.at));
}

#[test]
fn who_forges_the_address_of_a_carrier_cannot_speak_for_its_peer() {
    let mut world = World::new();
    let (alice, _, hers, _) = introduced(&mut world);
    for other in [udp(), CarrierId(8).into()] {
        world.local = other;
        assert!(world.deliver(alice.at, &relay(hers.channel, b"x")).is_empty());
    }
    assert_eq!(world.server.statistics().dropped(Drop::NotOwner), 2);
}

#[test]
fn the_newest_packet_takes_a_peer_from_a_carrier_to_udp_and_back() {
    let mut world = World::new();
    let (mut alice, mut bob, _, _) = introduced(&mut world);
    let again = ClientSignal::Connect(connect("alice"));
    for (local, shown) in [(udp(), Some(address(ALICE))), (CARRIER, None)] {
        world.local = local;
        alice.ping(&mut world);
        assert_eq!(world.sent.last().map(|pong| pong.from), Some(local));
        world.local = udp();
        let told = bob.say(&mut world, &again);
        let [ServerSignal::Introduction(introduction)] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(introduction.endpoint, shown);
    }
    assert_eq!(world.server.statistics().roamed, 2);
}

#[test]
fn stun_is_not_answered_by_a_carrier() {
    let mut world = World::new();
    world.local = CARRIER;
    let request = stun::request([1; 12], Change::default());
    assert!(world.deliver(address(ALICE), &request).is_empty());
    assert_eq!(world.server.statistics().dropped(Drop::NotForServers), 1);
}
