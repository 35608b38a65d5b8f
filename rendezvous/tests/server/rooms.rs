//! Rooms: what their names stand for, who is in them, and who is told.

use std::time::Duration;

use p2pchat_rendezvous::server::{Config, Founding, Rate, Server, StorageFailed};
use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::signal::{ClientSignal, Entrance, RoomPeople, RoomRefusal, ServerSignal};

use crate::world::{Client, World, name};

const ALICE: &str = "192.0.2.1:4000";
const BOB: &str = "192.0.2.2:4000";
const CAROL: &str = "192.0.2.3:4000";

const TEA: [u8; 32] = [7; 32];

fn entrance(room: &str, id: Option<[u8; 32]>, found: bool) -> Entrance {
    Entrance { room: name(room), id, found, after: None, padding: Vec::new() }
}

fn enter(room: &str) -> ClientSignal {
    ClientSignal::EnterRoom(entrance(room, None, false).padded())
}

fn found(room: &str, id: [u8; 32]) -> ClientSignal {
    ClientSignal::EnterRoom(entrance(room, Some(id), true).padded())
}

fn people(id: [u8; 32], people: &[(&str, PeerId)]) -> ServerSignal {
    let people = people.iter().map(|(text, key)| (name(text), *key)).collect();
    ServerSignal::RoomPeople(RoomPeople { room: name("tea"), id, after: None, people, more: false })
}

fn refused(refusal: RoomRefusal) -> [ServerSignal; 1] {
    [ServerSignal::RoomRefused { room: name("tea"), refusal }]
}

fn entered(text: &str, client: &Client) -> ServerSignal {
    ServerSignal::RoomEntered { room: name("tea"), name: name(text), key: client.key() }
}

#[test]
fn two_who_enter_one_room_learn_of_each_other() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    assert_eq!(alice.say(&mut world, &found("tea", TEA)), [people(TEA, &[])]);
    let packet = bob.seal(&enter("tea"));
    let sent = world.deliver(bob.at, &packet);
    assert_eq!(bob.read(&sent), [people(TEA, &[("alice", alice.key())])]);
    assert_eq!(alice.read(&sent), [entered("bob", &bob)]);
    let again = bob.seal(&enter("tea"));
    let sent = world.deliver(bob.at, &again);
    assert_eq!(bob.read(&sent), [people(TEA, &[("alice", alice.key())])]);
    assert_eq!(alice.read(&sent), [], "a question that is repeated is no news");
    assert_eq!((world.server.sizes().rooms, world.server.sizes().entrances), (1, 2));
}

#[test]
fn the_first_id_of_a_room_is_its_id_when_it_is_on_disk_and_not_before() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    world.stores = false;
    assert_eq!(alice.say(&mut world, &found("tea", TEA)), []);
    assert_eq!(bob.say(&mut world, &found("tea", [8; 32])), [], "neither free nor founded");
    let sent = world.settle(Ok(()));
    assert_eq!(alice.read(&sent), [people(TEA, &[])]);
    let other = refused(RoomRefusal::OtherRoom { actual: TEA });
    assert_eq!(bob.say(&mut world, &found("tea", [8; 32])), other);
    assert_eq!(bob.say(&mut world, &found("tea", TEA)).len(), 1, "whoever means the same comes in");
}

#[test]
fn a_room_that_could_not_be_stored_is_not_there() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    world.stores = false;
    alice.say(&mut world, &found("tea", TEA));
    let sent = world.settle(Err(StorageFailed));
    assert_eq!(alice.read(&sent), refused(RoomRefusal::Storage));
    assert_eq!(alice.say(&mut world, &enter("tea")), refused(RoomRefusal::Unfounded));
    world.stores = true;
    assert_eq!(alice.say(&mut world, &found("tea", [8; 32])), [people([8; 32], &[])]);
}

#[test]
fn only_those_who_are_registered_come_in_and_they_leave_with_their_name() {
    let mut world = World::new();
    let mut nobody = world.client(9, CAROL);
    nobody.link(&mut world, None, vec![]).expect("a reply");
    let not_registered = refused(RoomRefusal::NotRegistered);
    assert_eq!(nobody.say(&mut world, &found("tea", TEA)), not_registered);
    assert_eq!(world.server.sizes().rooms, 0);

    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    alice.say(&mut world, &found("tea", TEA));
    assert_eq!(nobody.say(&mut world, &enter("tea")), not_registered);
    alice.say(&mut world, &ClientSignal::Unregister);
    assert_eq!(bob.say(&mut world, &enter("tea")), [people(TEA, &[])]);
}

#[test]
fn a_room_outlives_everybody_and_whoever_comes_later_waits_in_it() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    alice.say(&mut world, &found("tea", TEA));
    world.pass(Duration::from_secs(3600));
    assert_eq!((world.server.sizes().rooms, world.server.sizes().entrances), (1, 0));
    let mut bob = world.registered(2, BOB, "bob");
    assert_eq!(bob.say(&mut world, &enter("tea")), [people(TEA, &[])]);
    let mut carol = world.registered(3, CAROL, "carol");
    let packet = carol.seal(&enter("tea"));
    let sent = world.deliver(carol.at, &packet);
    assert_eq!(bob.read(&sent), [entered("carol", &carol)]);
    carol.say(&mut world, &ClientSignal::LeaveRoom(name("tea")));
    assert_eq!(bob.say(&mut world, &enter("tea")), [people(TEA, &[])]);
}

#[test]
fn a_new_name_is_shown_to_the_others() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    alice.say(&mut world, &found("tea", TEA));
    bob.say(&mut world, &enter("tea"));
    let packet = bob.seal(&ClientSignal::Register(name("bobby")));
    let sent = world.deliver(bob.at, &packet);
    assert_eq!(alice.read(&sent), [entered("bobby", &bob)]);
}

#[test]
fn after_a_restart_the_rooms_are_known_and_empty() {
    let mut world = World::new();
    let founding = Founding { room: name("tea"), id: TEA, founder: PeerId([5; 32]) };
    let identity = Identity::from_seed([200; 32]);
    world.server =
        Server::new(Config::default(), identity, [], [9; 32], world.now).with_rooms([founding]);
    let mut bob = world.registered(2, BOB, "bob");
    let other = refused(RoomRefusal::OtherRoom { actual: TEA });
    assert_eq!(bob.say(&mut world, &found("tea", [8; 32])), other);
    assert_eq!(bob.say(&mut world, &enter("tea")), [people(TEA, &[])]);
}

#[test]
fn rooms_people_and_rooms_of_a_key_are_bounded() {
    let config = Config {
        max_rooms: 3,
        max_rooms_per_key: 2,
        max_rooms_per_peer: 2,
        max_people_per_room: 2,
        ..Config::default()
    };
    let mut world = World::with(config);
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    let mut carol = world.registered(3, CAROL, "carol");
    let answer = |signals: Vec<ServerSignal>| match signals.as_slice() {
        [ServerSignal::RoomPeople(_)] => None,
        [ServerSignal::RoomRefused { refusal, .. }] => Some(*refusal),
        other => panic!("{other:?}"),
    };
    let mut is_busy = |who: &mut Client, signal: &ClientSignal| {
        let refusal = answer(who.say(&mut world, signal));
        assert!(matches!(refusal, None | Some(RoomRefusal::Busy | RoomRefusal::Full)));
        refusal
    };
    assert_eq!(is_busy(&mut alice, &found("tea", TEA)), None);
    assert_eq!(is_busy(&mut alice, &found("go", [1; 32])), None);
    assert_eq!(is_busy(&mut alice, &found("rust", [2; 32])), Some(RoomRefusal::Busy), "of a key");
    assert_eq!(is_busy(&mut bob, &found("rust", [2; 32])), None);
    assert_eq!(is_busy(&mut bob, &found("zig", [3; 32])), Some(RoomRefusal::Busy), "of all");
    assert_eq!(is_busy(&mut bob, &enter("tea")), None);
    assert_eq!(is_busy(&mut bob, &enter("go")), Some(RoomRefusal::Busy), "of a peer");
    assert_eq!(is_busy(&mut carol, &enter("tea")), Some(RoomRefusal::Full), "in a room");
    alice.say(&mut world, &ClientSignal::LeaveRoom(name("tea")));
    assert_eq!(answer(carol.say(&mut world, &enter("tea"))), None);
}

#[test]
fn whoever_comes_and_goes_all_the_time_disturbs_nobody() {
    let config = Config { entrances: Rate::new(0.0, 3.0), ..Config::default() };
    let mut world = World::with(config);
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    alice.say(&mut world, &found("tea", TEA));
    world.sent.clear();
    for _ in 0..9 {
        bob.say(&mut world, &enter("tea"));
        bob.say(&mut world, &ClientSignal::LeaveRoom(name("tea")));
    }
    assert_eq!(alice.read(&world.sent.clone()).len(), 3);
    assert_eq!(bob.say(&mut world, &enter("tea")), refused(RoomRefusal::Busy));
}

#[test]
fn a_full_room_is_told_piece_by_piece_and_no_piece_is_longer_than_its_question() {
    for (length, pieces) in [(64, 5), (2, 2)] {
        full_room(length, pieces);
    }
}

/// Fills a room with people whose names are so long, and reads who they are.
fn full_room(length: usize, expected_pieces: usize) {
    let mut world = World::new();
    let mut founder = world.registered(1, ALICE, "alice");
    founder.say(&mut world, &found("tea", TEA));
    let mut expected = Vec::new();
    for number in 2..=32 {
        let text = format!("{number:02}{}", "x".repeat(length - 2));
        let mut client = world.registered(number, &format!("198.51.100.{number}:4000"), &text);
        assert!(!client.say(&mut world, &enter("tea")).is_empty());
        expected.push((name(&text), client.key()));
    }
    expected.sort_by_key(|(_, key)| *key);
    let mut told = Vec::new();
    let mut pieces = 0;
    loop {
        let after = told.last().map(|(_, key)| *key);
        let question = Entrance { after, ..entrance("tea", Some(TEA), false) };
        let packet = founder.seal(&ClientSignal::EnterRoom(question.padded()));
        let sent = world.deliver(founder.at, &packet);
        let [answer] = sent.as_slice() else { panic!("one answer") };
        assert!(answer.payload.len() <= packet.len());
        let signals = founder.read(&sent);
        let [ServerSignal::RoomPeople(piece)] = signals.as_slice() else { panic!("{signals:?}") };
        assert_eq!(piece.after, after);
        told.extend(piece.people.clone());
        pieces += 1;
        if !piece.more {
            break;
        }
    }
    assert_eq!(told, expected);
    assert_eq!(pieces, expected_pieces);
    let bare = founder.say(&mut world, &ClientSignal::EnterRoom(entrance("tea", None, false)));
    let [ServerSignal::RoomPeople(piece)] = bare.as_slice() else { panic!("{bare:?}") };
    assert!(piece.people.is_empty() && piece.more, "without room there is none");
}
