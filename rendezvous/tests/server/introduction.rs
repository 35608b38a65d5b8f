//! Connecting, and the relay channel that comes of it.

use std::time::Duration;

use p2pchat_rendezvous::server::{Config, Drop, Rate};
use p2pchat_wire::datagram::{Datagram, relay};
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::signal::{
    ClientSignal, Connect, Introduction, MAX_INITIATION, Refusal, Registration, ServerSignal,
};

use crate::world::{Client, World, address, connect, name};

const ALICE: &str = "192.0.2.1:4000";
const BOB: &str = "198.51.100.2:4000";
const EVE: &str = "198.51.100.66:4000";

fn introduction(signals: &[ServerSignal]) -> Introduction {
    match signals {
        [ServerSignal::Introduction(introduction)] => introduction.clone(),
        other => panic!("not one introduction: {other:?}"),
    }
}

/// Alice and bob, and what each was told of the other.
fn introduced(world: &mut World) -> (Client, Client, Introduction, Introduction) {
    let mut alice = world.registered(1, ALICE, "alice");
    let bob = world.registered(2, BOB, "bob");
    let packet = alice.seal(&ClientSignal::Connect(connect("bob")));
    let sent = world.deliver(alice.at, &packet);
    let (hers, his) = (introduction(&alice.read(&sent)), introduction(&bob.read(&sent)));
    (alice, bob, hers, his)
}

fn refusal(world: &mut World, client: &mut Client, connect: Connect) -> Refusal {
    match client.say(world, &ClientSignal::Connect(connect)).as_slice() {
        [ServerSignal::ConnectRefused { refusal, .. }] => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn both_sides_are_introduced_and_told_of_one_channel_each() {
    let mut world = World::new();
    let (alice, bob, hers, his) = introduced(&mut world);
    assert_eq!((hers.key, his.key), (bob.key(), alice.key()));
    assert_eq!((hers.endpoint, his.endpoint), (Some(address(BOB)), Some(address(ALICE))));
    assert_eq!((hers.name.as_str(), his.name.as_str()), ("bob", "alice"));
    assert_eq!(hers.introduction, his.introduction);
    assert_ne!(hers.channel, his.channel);
    assert!(hers.caller && !his.caller);
}

#[test]
fn asking_again_gives_the_same_introduction_from_either_side() {
    let mut world = World::new();
    let (mut alice, mut bob, hers, his) = introduced(&mut world);
    let again = alice.say(&mut world, &ClientSignal::Connect(connect("bob")));
    assert_eq!(introduction(&again), hers);
    let back = bob.say(&mut world, &ClientSignal::Connect(connect("alice")));
    assert_eq!(introduction(&back), Introduction { caller: true, ..his });
    assert_eq!(world.server.sizes().pairs, 1);
}

#[test]
fn registration_connect_and_introduction_fit_into_one_exchange() {
    let mut world = World::new();
    let bob = world.registered(2, BOB, "bob");
    let mut alice = world.registered(1, ALICE, "alice");
    let wish = Connect {
        name: name("bob"),
        key: Some(bob.key()),
        initiation: Some(vec![9; MAX_INITIATION]),
    };
    world.sent.clear();
    let reply = alice.link(&mut world, Some("alice"), vec![wish.clone()]).expect("reply");
    assert_eq!(reply.registration, Registration::Registered);
    let hers = introduction(&reply.answers);
    let his = introduction(&bob.read(&world.sent));
    assert_eq!(his.initiation, wish.initiation);
    assert_eq!((hers.introduction, hers.initiation), (his.introduction, None));
}

#[test]
fn a_connect_beside_a_new_name_is_done_when_the_name_is_on_disk() {
    let mut world = World::new();
    let bob = world.registered(2, BOB, "bob");
    world.stores = false;
    let mut alice = world.client(1, ALICE);
    let reply = alice.link(&mut world, Some("alice"), vec![connect("bob")]).expect("reply");
    assert_eq!((reply.registration, reply.answers.len()), (Registration::Pending, 0));
    let sent = world.settle(Ok(()));
    let signals = alice.read(&sent);
    assert_eq!(signals[0], ServerSignal::Registered(name("alice")));
    let (hers, his) = (introduction(&signals[1..]), introduction(&bob.read(&sent)));
    assert_eq!(hers.introduction, his.introduction);
}

#[test]
fn refusals_say_what_stands_in_the_way() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    assert_eq!(refusal(&mut world, &mut alice, connect("bob")), Refusal::NoSuchName);
    let bob = world.registered(2, BOB, "bob");
    let wrong = Connect { key: Some(PeerId([5; 32])), ..connect("bob") };
    let mismatch = Refusal::KeyMismatch { actual: bob.key() };
    assert_eq!(refusal(&mut world, &mut alice, wrong), mismatch);
    assert_eq!(refusal(&mut world, &mut alice, connect("alice")), Refusal::Offline);
    let mut nameless = world.client(3, EVE);
    nameless.link(&mut world, None, vec![]).expect("reply");
    assert_eq!(refusal(&mut world, &mut nameless, connect("bob")), Refusal::NotRegistered);
}

#[test]
fn whoever_asks_for_somebody_offline_is_told_when_that_changes() {
    let mut world = World::new();
    let mut bob = world.registered(2, BOB, "bob");
    bob.say(&mut world, &ClientSignal::Unregister);
    let mut alice = world.client(1, ALICE);
    alice.link(&mut world, Some("alice"), vec![]).expect("reply");
    let reply = alice.link(&mut world, Some("alice"), vec![connect("bob")]).expect("reply");
    let offline = ServerSignal::ConnectRefused { name: name("bob"), refusal: Refusal::Offline };
    assert_eq!(reply.answers, [offline]);
    let packet = bob.seal(&ClientSignal::Register(name("bob")));
    let sent = world.deliver(bob.at, &packet);
    let key = Some(bob.key());
    let here = ServerSignal::Presence { name: name("bob"), key, online: true };
    assert_eq!(alice.read(&sent), [here]);
}

#[test]
fn whoever_asks_for_a_name_that_nobody_has_yet_is_told_when_somebody_claims_it() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    assert_eq!(refusal(&mut world, &mut alice, connect("bob")), Refusal::NoSuchName);
    world.sent.clear();
    let bob = world.registered(2, BOB, "bob");
    let here = ServerSignal::Presence { name: name("bob"), key: Some(bob.key()), online: true };
    assert_eq!(alice.read(&world.sent), [here]);
}

#[test]
fn a_relayed_datagram_arrives_under_the_other_sides_number() {
    let mut world = World::new();
    let (alice, bob, hers, his) = introduced(&mut world);
    let sent = world.deliver(alice.at, &relay(hers.channel, b"sealed"));
    assert_eq!((sent.len(), sent[0].to), (1, bob.at));
    let expected = Datagram::Relay { channel: his.channel, inner: b"sealed" };
    assert_eq!(Datagram::parse(&sent[0].payload), Ok(expected));
    let sent = world.deliver(bob.at, &relay(his.channel, b"answer"));
    let expected = Datagram::Relay { channel: hers.channel, inner: b"answer" };
    assert_eq!(sent[0].to, alice.at);
    assert_eq!(Datagram::parse(&sent[0].payload), Ok(expected));
}

#[test]
fn a_relay_channel_refuses_strangers() {
    let mut world = World::new();
    let (alice, bob, hers, his) = introduced(&mut world);
    let eve = world.registered(3, EVE, "eve");
    let stranger = address("192.0.2.1:4001");
    for (from, channel, cause) in [
        (eve.at, hers.channel, Drop::NotOwner),
        (stranger, hers.channel, Drop::NotOwner),
        (bob.at, hers.channel, Drop::NotOwner),
        (alice.at, his.channel, Drop::NotOwner),
        (alice.at, hers.channel ^ 1, Drop::UnknownChannel),
    ] {
        let before = world.server.statistics().dropped(cause);
        assert_eq!(world.deliver(from, &relay(channel, b"x")), []);
        assert_eq!(world.server.statistics().dropped(cause), before + 1);
    }
    assert_eq!(world.deliver(alice.at, &relay(hers.channel, b"")), []);
    assert_eq!(world.deliver(alice.at, &relay(hers.channel, &[0; 1201])), []);
    assert_eq!(world.server.statistics().dropped(Drop::RelaySize), 2);
    assert_eq!(world.deliver(alice.at, &relay(hers.channel, &[0; 1200])).len(), 1);
}

#[test]
fn a_channel_outlives_the_absence_of_one_side_but_not_of_both() {
    let mut world = World::new();
    let (mut alice, mut bob, hers, _) = introduced(&mut world);
    bob.say(&mut world, &ClientSignal::Unregister);
    assert_eq!(world.deliver(alice.at, &relay(hers.channel, b"x")), []);
    assert_eq!(world.server.statistics().dropped(Drop::NotRegistered), 1);
    for _ in 0..5 {
        world.pass(Duration::from_secs(20));
        alice.ping(&mut world);
    }
    assert_eq!(world.server.sizes().peers, 1);
    bob.at = address("198.51.100.2:5000");
    bob.token = None;
    bob.link(&mut world, Some("bob"), vec![]).expect("reply");
    let sent = world.deliver(alice.at, &relay(hers.channel, b"x"));
    assert_eq!(sent[0].to, bob.at);
    world.pass(Duration::from_secs(100));
    assert_eq!(world.server.sizes().pairs, 0);
}

#[test]
fn a_pair_that_is_not_used_ends() {
    let mut world = World::new();
    let (mut alice, mut bob, hers, _) = introduced(&mut world);
    for step in 0..40 {
        world.pass(Duration::from_secs(20));
        if step % 8 == 7 {
            alice.link(&mut world, Some("alice"), vec![]).expect("reply");
            bob.link(&mut world, Some("bob"), vec![]).expect("reply");
        }
        alice.ping(&mut world);
        bob.ping(&mut world);
        if step < 15 {
            assert_eq!(world.deliver(alice.at, &relay(hers.channel, b"x")).len(), 1);
        }
    }
    assert_eq!((world.server.sizes().peers, world.server.sizes().pairs), (2, 0));
}

#[test]
fn no_pair_relays_more_than_its_quota() {
    let relay_pair = Rate::new(1000.0, 5000.0);
    let mut world = World::with(Config { relay_pair, ..Config::default() });
    let (alice, _, hers, _) = introduced(&mut world);
    let packet = relay(hers.channel, &[7; 1000]);
    let passed = (0..20).filter(|_| world.deliver(alice.at, &packet).len() == 1).count();
    assert_eq!(passed, 5);
    world.now += Duration::from_secs(2);
    let passed = (0..20).filter(|_| world.deliver(alice.at, &packet).len() == 1).count();
    assert_eq!(passed, 2);
    assert_eq!(world.server.statistics().dropped(Drop::RelayQuota), 33);
}

#[test]
fn a_concealed_endpoint_is_shown_to_nobody() {
    let mut world = World::new();
    let bob = world.registered(2, BOB, "bob");
    let mut alice = world.registered(1, ALICE, "alice");
    alice.concealed = true;
    for _ in 0..2 {
        world.sent.clear();
        let reply = alice.link(&mut world, Some("alice"), vec![connect("bob")]).expect("reply");
        assert_eq!(introduction(&reply.answers).endpoint, Some(address(BOB)));
        assert_eq!(introduction(&bob.read(&world.sent)).endpoint, None);
    }
    world.sent.clear();
    alice.say(&mut world, &ClientSignal::Connect(connect("bob")));
    assert_eq!(introduction(&bob.read(&world.sent)).endpoint, None);
}
