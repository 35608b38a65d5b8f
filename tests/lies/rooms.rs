//! A server that lies about who is in a room, and about which room it is.

use std::collections::BTreeSet;
use std::time::Duration;

use p2pchat::chat::record::Record;
use p2pchat::chat::room::{Act, Body, Entry, Hash, Header, LogId, Place, RoomId};
use p2pchat::chat::rooms::{RoomRecord, Says};
use p2pchat::chat::{LineId, LineState, Notice, RoomNews};
use p2pchat::proto::Command;
use p2pchat_wire::codec;
use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::signal::{RoomPeople, RoomRefusal, ServerSignal};
use p2pchat_wire::signature::Statement;

use crate::lair::{ALICE, BOB, CAROL, DAVE, EVE, id, name};
use crate::parlour::{Parlour, listed, room};
use crate::person::{HOST, Person};

const SECOND: Duration = Duration::from_secs(1);

/// Alice has a room by invitation, and Bob is in it.
fn by_invitation() -> Parlour {
    let mut parlour = Parlour::new();
    parlour.admit(ALICE, "alice");
    parlour.admit(BOB, "bob");
    parlour.types(ALICE, "/msg bob");
    parlour.wait(SECOND * 2);
    parlour.types(ALICE, "/join tea invited");
    parlour.types(ALICE, "/invite #tea bob");
    parlour.types(BOB, "/join tea");
    parlour.wait(SECOND * 5);
    assert_eq!(keys(parlour.person(ALICE)), of([ALICE, BOB]));
    parlour
}

/// An open room with Alice, Bob and Carol.
fn open() -> Parlour {
    let mut parlour = Parlour::new();
    for (who, text) in [(ALICE, "alice"), (BOB, "bob"), (CAROL, "carol")] {
        parlour.admit(who, text);
        parlour.types(who, "/join tea");
        parlour.wait(SECOND * 5);
    }
    for who in [ALICE, BOB, CAROL] {
        assert_eq!(keys(parlour.person(who)), of([ALICE, BOB, CAROL]));
    }
    parlour
}

fn of<const N: usize>(who: [u8; N]) -> Vec<PeerId> {
    let mut keys = who.map(id).to_vec();
    keys.sort();
    keys
}

/// The members, as somebody sees them.
fn keys(person: &Person) -> Vec<PeerId> {
    let members = person.members(&room("tea")).into_iter();
    let mut keys: Vec<PeerId> = members.map(|(key, _)| key).collect();
    keys.sort();
    keys
}

fn is_here(person: &Person, who: u8) -> bool {
    person.members(&room("tea")).contains(&(id(who), true))
}

fn reads(person: &Person, author: &str, text: &str) -> usize {
    let line = (author.to_owned(), text.to_owned());
    person.read().iter().filter(|one| **one == line).count()
}

/// The room's records that somebody was sent.
fn records(person: &Person) -> Vec<RoomRecord> {
    let messages = person.heard.iter().map(|(_, message)| message);
    let records = messages.filter_map(|message| match Record::decode(message) {
        Ok(Some(Record::Room(record))) => Some(record),
        _ => None,
    });
    records.collect()
}

/// Whether somebody was given anything of what was said or done in a room.
fn was_told_something(person: &Person) -> bool {
    records(person).iter().any(|record| match &record.says {
        Says::Entries { .. } => true,
        Says::Have { heads, .. } | Says::Got { heads, .. } => !heads.is_empty(),
        _ => false,
    })
}

/// The room that the parlour is about.
fn founded(parlour: &Parlour) -> RoomId {
    RoomId(parlour.founded.expect("there is a room"))
}

/// An entry of Eve's, whether or not she may write it.
fn of_eve(room: RoomId, place: Place, content: &[u8]) -> Vec<u8> {
    let header = Header {
        room,
        log: LogId { author: id(EVE), stay: 7 },
        place,
        prev: Hash([0; 32]),
        at_ms: 1_020_000,
        content: Hash::of(content),
    };
    let mut entry = codec::encode(&header);
    let eve = Identity::from_seed([EVE; 32]);
    entry.extend(eve.sign(Statement::RoomEntry, &codec::encode(&header)));
    entry.extend(content);
    entry
}

/// That Eve has joined, and what she says.
fn forged(room: RoomId, text: &str) -> RoomRecord {
    let join = Act::Join { name: name("carol"), host: HOST.to_owned() }.encode();
    let line = codec::encode(&(LineId([9; 16]), text.to_owned()));
    let entries = vec![
        of_eve(room, Place::Act { seq: 1 }, &join),
        of_eve(room, Place::Line { seq: 1, acts: 1 }, &line),
    ];
    for entry in &entries {
        let entry = Entry::decode(entry).expect("as the protocol has it");
        assert!(entry.is_authentic() && !matches!(entry.body(), Body::Unknown));
    }
    RoomRecord { room, says: Says::Entries { entries, forks: vec![], begins: vec![] } }
}

#[test]
fn whom_a_server_puts_into_a_room_by_invitation_is_told_nothing_and_is_not_heard() {
    let mut parlour = by_invitation();
    parlour.admit(EVE, "carol");
    parlour.lists(|to, list| {
        if to != EVE {
            list.people.retain(|(_, key)| *key != id(EVE));
            list.people.push(listed("carol", EVE));
        }
    });
    for who in [ALICE, BOB] {
        // Whoever comes back hears who is there.
        parlour.restart(who);
        parlour.wait(SECOND * 5);
    }
    parlour.types(EVE, "/join tea");
    parlour.wait(SECOND * 5);
    let room = founded(&parlour);
    parlour.acts(EVE, |eve| {
        eve.line("let me in");
        let message = Record::Room(forged(room, "I am a member")).encode();
        for peer in [id(ALICE), id(BOB)] {
            eve.lair.command(Command::Send { peer, tag: 1, message: message.clone() });
        }
        eve.run();
    });
    parlour.types(ALICE, "/msg #tea");
    parlour.types(ALICE, "between us");
    parlour.wait(SECOND * 60);
    let eve = parlour.person(EVE);
    let from: Vec<PeerId> = eve.heard.iter().map(|(from, _)| *from).collect();
    assert!(from.contains(&id(ALICE)) && from.contains(&id(BOB)), "she is connected with both");
    assert!(!was_told_something(eve), "{:?}", records(eve));
    let refused = |news: &RoomNews| matches!(news, RoomNews::Denied(_));
    assert!(eve.news().any(refused), "{:?}", eve.notices);
    assert_eq!(reads(parlour.person(BOB), "alice", "between us"), 1);
    for who in [ALICE, BOB] {
        let person = parlour.person(who);
        assert_eq!(keys(person), of([ALICE, BOB]));
        assert!(person.read().iter().all(|(author, _)| author == "alice"), "{:?}", person.read());
    }
}

#[test]
fn a_member_whom_a_server_leaves_out_is_called_by_the_name_that_the_room_knows() {
    let mut parlour = open();
    parlour.lists(|to, list| {
        let left_out = if to == CAROL { None } else { Some(id(CAROL)) };
        list.people.retain(|(_, key)| left_out.is_some_and(|left_out| *key != left_out));
    });
    parlour.restart(ALICE);
    parlour.restart(CAROL);
    parlour.wait(SECOND * 5);
    assert!(is_here(parlour.person(ALICE), CAROL));
    parlour.types(ALICE, "/msg #tea");
    parlour.types(ALICE, "carol?");
    parlour.wait(SECOND);
    assert_eq!(reads(parlour.person(CAROL), "alice", "carol?"), 1);
}

#[test]
fn a_member_from_whom_a_server_keeps_the_author_gets_a_line_from_others() {
    let mut parlour = open();
    parlour.lists(|to, list| {
        let hidden = if to == CAROL { id(ALICE) } else { id(CAROL) };
        list.people.retain(|(_, key)| to == BOB || *key != hidden);
    });
    parlour.introduces(|caller, called, honest| match (caller, called) {
        (ALICE, "carol") | (CAROL, "alice") => None,
        _ => honest,
    });
    parlour.restart(ALICE);
    parlour.restart(CAROL);
    parlour.wait(SECOND * 5);
    assert!(!is_here(parlour.person(ALICE), CAROL), "and Alice sees it");
    parlour.types(ALICE, "/msg #tea");
    parlour.types(ALICE, "carol?");
    parlour.wait(SECOND * 60);
    assert_eq!(reads(parlour.person(CAROL), "alice", "carol?"), 1);
    parlour.types(ALICE, "/info");
    let (bob, carol) = (listed("bob", BOB).0, listed("carol", CAROL).0);
    let waits = |news: &RoomNews| match news {
        RoomNews::Receipts { has, waits, .. } => {
            let names = |all: &[p2pchat::chat::Address]| {
                all.iter().map(|one| one.name.clone()).collect::<Vec<_>>()
            };
            (names(has), names(waits)) == (vec![bob.clone()], vec![carol.clone()])
        }
        _ => false,
    };
    let alice = parlour.person(ALICE);
    assert!(alice.news().any(waits), "nobody but Carol can say that she has it");
}

#[test]
fn whom_a_server_hides_from_one_member_is_let_in_by_another_and_known_to_all() {
    let mut parlour = Parlour::new();
    for (who, text) in [(ALICE, "alice"), (BOB, "bob")] {
        parlour.admit(who, text);
        parlour.types(who, "/join tea");
        parlour.wait(SECOND * 5);
    }
    parlour.lists(|to, list| {
        let hidden = if to == CAROL { id(ALICE) } else { id(CAROL) };
        list.people.retain(|(_, key)| to == BOB || *key != hidden);
    });
    parlour.admit(CAROL, "carol");
    parlour.types(CAROL, "/join tea");
    parlour.wait(SECOND * 60);
    assert_eq!(keys(parlour.person(ALICE)), of([ALICE, BOB, CAROL]));
    assert!(is_here(parlour.person(ALICE), CAROL));
    parlour.types(CAROL, "hello");
    parlour.wait(SECOND);
    for who in [ALICE, BOB] {
        assert_eq!(reads(parlour.person(who), "carol", "hello"), 1);
    }
}

#[test]
fn a_server_that_gives_another_room_the_same_name_is_reported_and_no_line_goes_there() {
    let other = [9; 32];
    let actual = RoomRefusal::OtherRoom { actual: other };
    let refused = ServerSignal::RoomRefused { room: name("tea"), refusal: actual };
    for refuses in [false, true] {
        let mut parlour = open();
        parlour.admit(EVE, "eve");
        parlour.lists(move |to, list| {
            if to == ALICE && !refuses {
                *list = RoomPeople { id: other, people: vec![listed("eve", EVE)], ..list.clone() };
            }
        });
        parlour.silent = refuses.then_some(ALICE);
        parlour.restart(ALICE);
        if refuses {
            parlour.says(ALICE, &refused);
        }
        parlour.wait(SECOND * 5);
        let alice = parlour.person(ALICE);
        let told = alice.news().filter(|news| **news == RoomNews::OtherRoom).count();
        assert_eq!(told, 1, "{:?}", alice.notices);
        assert!(RoomNews::OtherRoom.is_alarm());
        parlour.acts(EVE, |eve| {
            eve.lair.command(Command::Connect(name("alice").into()));
            eve.run();
        });
        parlour.types(ALICE, "/msg #tea");
        parlour.types(ALICE, "only here");
        parlour.wait(SECOND * 30);
        for who in [BOB, CAROL] {
            assert_eq!(reads(parlour.person(who), "alice", "only here"), 1, "{who}");
        }
        let eve = parlour.person(EVE);
        assert_eq!(records(eve), [], "she is not whom the room is about");
        assert_eq!(keys(parlour.person(ALICE)), of([ALICE, BOB, CAROL]));
    }
}

#[test]
fn who_comes_into_an_open_room_under_the_name_of_a_member_is_reported_to_everybody() {
    let mut parlour = open();
    parlour.admit_as(EVE, "eve", "bob");
    parlour.types(EVE, "/join tea");
    parlour.wait(SECOND * 10);
    let namesake = |news: &&RoomNews| {
        matches!(news, RoomNews::Namesake { who, key, known }
            if who.name == name("bob") && (*key, *known) == (id(EVE), id(BOB)))
    };
    for who in [ALICE, BOB, CAROL] {
        let person = parlour.person(who);
        assert_eq!(person.news().filter(namesake).count(), 1, "{:?}", person.notices);
    }
    // Whoever comes later is told at once, and nobody is told again.
    parlour.admit(DAVE, "dave");
    parlour.types(DAVE, "/join tea");
    parlour.wait(SECOND * 10);
    for who in [ALICE, BOB, CAROL, DAVE] {
        let person = parlour.person(who);
        assert_eq!(person.news().filter(namesake).count(), 1, "{:?}", person.notices);
    }
    for who in [BOB, EVE] {
        parlour.types(who, "/msg #tea it is me");
    }
    parlour.wait(SECOND * 10);
    for who in [ALICE, BOB, CAROL, DAVE] {
        let notices = parlour.person(who).notices.iter();
        let said = notices.filter_map(|notice| match notice {
            Notice::Message(message) if message.text == "it is me" => Some(message),
            _ => None,
        });
        let marked: BTreeSet<_> = said.map(|said| (said.key, said.namesake)).collect();
        let bobs = (who != BOB).then_some((id(BOB), false));
        assert_eq!(marked, bobs.into_iter().chain([(id(EVE), true)]).collect(), "{who}");
    }
}

#[test]
fn a_server_that_swaps_the_key_of_a_member_is_reported_and_its_key_is_no_member() {
    let mut parlour = by_invitation();
    parlour.admit(EVE, "eve");
    parlour.lists(|to, list| {
        for (_, key) in &mut list.people {
            if to == ALICE && *key == id(BOB) {
                *key = id(EVE);
            }
        }
    });
    parlour.introduces(|caller, called, honest| match (caller, called) {
        (ALICE, "bob") => Some(EVE),
        (BOB, "alice") => None,
        _ => honest,
    });
    parlour.restart(ALICE);
    parlour.types(EVE, "/join tea");
    parlour.types(ALICE, "/msg #tea");
    parlour.types(ALICE, "bob?");
    parlour.wait(SECOND * 30);
    let (alice, eve) = (parlour.person(ALICE), parlour.person(EVE));
    let changed = |notice: &Notice| matches!(notice, Notice::KeyChanged { expected, actual, .. } if (*expected, *actual) == (id(BOB), id(EVE)));
    assert!(alice.notices.iter().any(changed), "{:?}", alice.notices);
    assert_eq!(keys(alice), of([ALICE, BOB]));
    assert!(!is_here(alice, BOB) && !is_here(alice, EVE));
    let delivered =
        |notice: &Notice| matches!(notice, Notice::Status { state: LineState::Delivered, .. });
    assert!(!alice.notices.iter().any(delivered));
    assert!(!was_told_something(eve), "{:?}", records(eve));
    // When the server is honest again, Bob has it.
    parlour.introduces(|_, _, honest| honest);
    parlour.lists(|_, _| {});
    parlour.restart(BOB);
    parlour.wait(SECOND * 5);
    assert_eq!(reads(parlour.person(BOB), "alice", "bob?"), 1);
}

#[test]
fn a_server_that_has_forgotten_a_room_is_asked_for_it_now_and_then() {
    let mut parlour = by_invitation();
    parlour.types(ALICE, "/kick #tea bob");
    parlour.wait(SECOND * 2);
    assert_eq!(keys(parlour.person(ALICE)), of([ALICE]));
    // Bob cannot make it again, and Alice has not heard of it.
    (parlour.founded, parlour.entrances) = (None, 0);
    parlour.types(BOB, "/join tea");
    parlour.wait(SECOND * 60);
    assert!((3..=10).contains(&parlour.entrances), "{} times in a minute", parlour.entrances);
    // Who is in it makes it for both.
    parlour.restart(ALICE);
    parlour.wait(SECOND * 20);
    assert!(parlour.founded.is_some());
}
