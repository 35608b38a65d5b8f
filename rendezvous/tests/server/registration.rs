//! Links, names, and how they end.

use std::time::Duration;

use p2pchat_rendezvous::server::{Config, Drop, StorageFailed};
use p2pchat_wire::signal::{ClientSignal, Refusal, Registration, ServerSignal};

use crate::world::{World, address, connect, name};

const ALICE: &str = "192.0.2.1:4000";
const BOB: &str = "192.0.2.2:4000";

#[test]
fn a_new_name_is_registered_when_it_is_on_disk_and_not_before() {
    let mut world = World::new();
    world.stores = false;
    let mut alice = world.client(1, ALICE);
    let reply = alice.link(&mut world, Some("alice"), vec![]).expect("reply");
    assert_eq!(reply.registration, Registration::Pending);
    assert_eq!(reply.mapped, address(ALICE));
    assert_eq!(alice.say(&mut world, &ClientSignal::Register(name("alice"))), []);
    let sent = world.settle(Ok(()));
    assert_eq!(alice.read(&sent), [ServerSignal::Registered(name("alice"))]);
    let again = alice.say(&mut world, &ClientSignal::Register(name("alice")));
    assert_eq!(again, [ServerSignal::Registered(name("alice"))]);
}

#[test]
fn a_name_that_could_not_be_stored_is_refused_and_free_again() {
    let mut world = World::new();
    world.stores = false;
    let mut alice = world.client(1, ALICE);
    alice.link(&mut world, Some("alice"), vec![connect("bob")]).expect("reply");
    let sent = world.settle(Err(StorageFailed));
    let refused = |refusal| ServerSignal::RegisterRefused { name: name("alice"), refusal };
    let not_registered =
        ServerSignal::ConnectRefused { name: name("bob"), refusal: Refusal::NotRegistered };
    assert_eq!(alice.read(&sent), [refused(Refusal::Storage), not_registered]);
    world.stores = true;
    let bob = world.registered(2, BOB, "alice");
    let sent = alice.say(&mut world, &ClientSignal::Register(name("alice")));
    assert_eq!(sent, [refused(Refusal::NameTaken)]);
    assert_ne!(bob.key(), alice.key());
}

#[test]
fn a_second_key_for_a_name_is_refused_even_while_the_first_is_away() {
    let mut world = World::new();
    world.registered(1, ALICE, "alice");
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.server.sizes().peers, 0);
    let mut bob = world.client(2, BOB);
    let reply = bob.link(&mut world, Some("alice"), vec![]).expect("reply");
    assert_eq!(reply.registration, Registration::Refused(Refusal::NameTaken));
    let mut alice = world.client(1, "198.51.100.9:77");
    alice.counter = 10;
    let reply = alice.link(&mut world, Some("alice"), vec![]).expect("reply");
    assert_eq!(reply.registration, Registration::Registered);
}

#[test]
fn a_name_that_looks_like_one_that_is_owned_or_claimed_is_not_given_out() {
    let mut world = World::new();
    world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "小丽");
    let confusable =
        |text| ServerSignal::RegisterRefused { name: name(text), refusal: Refusal::Confusable };
    // A Cyrillic а; a digit; letters of two scripts that look like nobody's.
    for text in ["аlice", "a1ice", "bοbby"] {
        let answer = bob.say(&mut world, &ClientSignal::Register(name(text)));
        assert_eq!(answer, [confusable(text)]);
    }
    let honest = bob.say(&mut world, &ClientSignal::Register(name("li小龙")));
    assert_eq!(honest, [ServerSignal::Registered(name("li小龙"))]);
    // Full width is the same name, and belongs to its owner.
    let same = bob.say(&mut world, &ClientSignal::Register(name("ａｌｉｃｅ")));
    let refusal = Refusal::NameTaken;
    assert_eq!(same, [ServerSignal::RegisterRefused { name: name("alice"), refusal }]);
    world.stores = false;
    assert_eq!(bob.say(&mut world, &ClientSignal::Register(name("coco"))), []);
    let mut carol = world.client(3, "192.0.2.3:4000");
    let reply = carol.link(&mut world, Some("сосо"), vec![]).expect("reply");
    assert_eq!(
        reply.registration,
        Registration::Refused(Refusal::Confusable),
        "while it is claimed"
    );
    world.settle(Err(StorageFailed));
    let reply = carol.link(&mut world, Some("сосо"), vec![]).expect("reply");
    assert_eq!(reply.registration, Registration::Pending, "free again");
}

#[test]
fn a_key_owns_no_more_names_than_it_may() {
    let mut world = World::with(Config { max_names_per_key: 2, ..Config::default() });
    let mut alice = world.registered(1, ALICE, "alice");
    let second = alice.say(&mut world, &ClientSignal::Register(name("alice2")));
    assert_eq!(second, [ServerSignal::Registered(name("alice2"))]);
    let third = alice.say(&mut world, &ClientSignal::Register(name("alice3")));
    let refusal = Refusal::Busy;
    assert_eq!(third, [ServerSignal::RegisterRefused { name: name("alice3"), refusal }]);
    let first = alice.say(&mut world, &ClientSignal::Register(name("alice")));
    assert_eq!(first, [ServerSignal::Registered(name("alice"))]);
}

#[test]
fn a_ping_is_answered_with_the_mapped_address_and_keeps_the_registration() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    for _ in 0..8 {
        world.pass(Duration::from_secs(20));
        let pong = ServerSignal::Pong { id: 7, mapped: address(ALICE) };
        assert_eq!(alice.ping(&mut world), [pong]);
    }
    assert_eq!(world.server.sizes().peers, 1);
    world.pass(Duration::from_secs(77));
    assert_eq!(world.server.sizes().peers, 0);
}

#[test]
fn the_newest_packet_moves_the_endpoint_and_an_older_one_does_not() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let old = alice.seal(&ClientSignal::Ping { id: 1 });
    let moved = "198.51.100.1:9";
    alice.at = address(moved);
    let pong = ServerSignal::Pong { id: 7, mapped: address(moved) };
    assert_eq!(alice.ping(&mut world), [pong]);
    let sent = world.deliver(address(ALICE), &old);
    assert_eq!(sent[0].to, address(moved));
    assert_eq!(world.server.statistics().roamed, 1);
}

#[test]
fn a_request_that_comes_twice_gets_the_same_answer_for_no_further_key_work() {
    let mut world = World::new();
    let mut alice = world.client(1, ALICE);
    let proof = world.cookie(alice.at);
    let (_, bytes) = alice.initiation(&mut world, proof, None, vec![]);
    let first = world.deliver(alice.at, &bytes);
    let operations = world.server.statistics().key_operations;
    assert_eq!(world.deliver(alice.at, &bytes), first);
    assert_eq!(world.server.statistics().key_operations, operations);
    world.pass(Duration::from_secs(11));
    assert_eq!(world.server.sizes().repeats, 0);
}

#[test]
fn a_request_with_an_old_counter_is_told_the_last_one_and_changes_nothing() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    alice.counter = 100;
    alice.link(&mut world, Some("alice"), vec![]).expect("reply");
    let mut twin = world.client(1, BOB);
    twin.counter = 49;
    let reply = twin.link(&mut world, None, vec![]).expect("reply");
    assert_eq!(reply.counter, 101);
    twin.counter = 100;
    let reply = twin.link(&mut world, None, vec![]).expect("reply");
    assert_eq!(reply.counter, 102, "an equal counter must not look accepted");
    assert_eq!(alice.ping(&mut world).len(), 1);
    world.pass(Duration::from_secs(200));
    twin.counter = 49;
    let reply = twin.link(&mut world, None, vec![]).expect("reply");
    assert_eq!(reply.counter, 101, "also after the peer has gone");
    assert_eq!(world.server.statistics().stale, 3);
}

#[test]
fn a_new_link_replaces_the_old_when_its_first_packet_arrives() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let before = alice.seal(&ClientSignal::Ping { id: 1 });
    let after = alice.seal(&ClientSignal::Ping { id: 2 });
    alice.link(&mut world, Some("alice"), vec![]).expect("reply");
    assert_eq!(world.deliver(alice.at, &before).len(), 1, "was on its way");
    assert_eq!(alice.ping(&mut world).len(), 1);
    assert_eq!(world.deliver(alice.at, &after).len(), 0);
    assert_eq!(world.server.statistics().dropped(Drop::UnknownLink), 1);
}

#[test]
fn keys_past_their_time_are_refused() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    for _ in 0..9 {
        world.pass(Duration::from_secs(20));
        assert_eq!(alice.ping(&mut world).len(), 1);
    }
    world.pass(Duration::from_secs(1));
    assert_eq!(alice.ping(&mut world).len(), 0);
    assert_eq!(world.server.statistics().dropped(Drop::OldKeys), 1);
}

#[test]
fn giving_the_registration_up_tells_the_watchers_and_keeps_the_name() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    let presence =
        |online| ServerSignal::Presence { name: name("alice"), key: Some(world_key(1)), online };
    assert_eq!(bob.say(&mut world, &ClientSignal::Watch(name("alice"))), [presence(true)]);
    let packet = alice.seal(&ClientSignal::Unregister);
    let sent = world.deliver(alice.at, &packet);
    assert_eq!(alice.read(&sent), [ServerSignal::Unregistered]);
    assert_eq!(bob.read(&sent), [presence(false)]);
    let packet = alice.seal(&ClientSignal::Register(name("alice")));
    let sent = world.deliver(alice.at, &packet);
    assert_eq!(bob.read(&sent), [presence(true)]);
    assert_eq!(bob.say(&mut world, &ClientSignal::Unwatch(name("alice"))), []);
    let packet = alice.seal(&ClientSignal::Unregister);
    let sent = world.deliver(alice.at, &packet);
    assert_eq!(bob.read(&sent), []);
}

fn world_key(seed: u32) -> p2pchat_wire::identity::PeerId {
    World::new().client(seed, ALICE).key()
}

#[test]
fn whoever_falls_silent_is_offline_for_those_who_watch() {
    let mut world = World::new();
    world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    bob.say(&mut world, &ClientSignal::Watch(name("alice")));
    world.pass(Duration::from_secs(60));
    bob.ping(&mut world);
    let sent = world.pass(Duration::from_secs(20));
    let key = Some(world_key(1));
    let gone = ServerSignal::Presence { name: name("alice"), key, online: false };
    assert_eq!(bob.read(&sent), [gone]);
}

#[test]
fn a_name_that_nobody_owns_can_be_watched() {
    let mut world = World::new();
    let mut bob = world.registered(2, BOB, "bob");
    let nobody = ServerSignal::Presence { name: name("alice"), key: None, online: false };
    assert_eq!(bob.say(&mut world, &ClientSignal::Watch(name("alice"))), [nobody]);
    world.sent.clear();
    world.registered(1, ALICE, "alice");
    let key = Some(world_key(1));
    let here = ServerSignal::Presence { name: name("alice"), key, online: true };
    assert_eq!(bob.read(&world.sent), [here]);
}

#[test]
fn everybody_is_told_that_the_server_stops() {
    let mut world = World::new();
    let alice = world.registered(1, ALICE, "alice");
    let bob = world.registered(2, BOB, "bob");
    world.server.stop(world.now);
    let sent = world.drain();
    assert_eq!(alice.read(&sent), [ServerSignal::Stopping]);
    assert_eq!(bob.read(&sent), [ServerSignal::Stopping]);
    assert_eq!(world.drain(), []);
}
