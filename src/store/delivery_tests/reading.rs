//! What has been shown, what is said of that, and what is told of typing.

use super::*;
use crate::chat::FaceId;
use crate::chat::storage::{Contact, ReceivedLine};
use crate::store::database::Database;

fn line(world: &mut World, side: usize, text: &str) {
    world.sides[side].input(Input::Line(text.to_owned()));
    world.settle();
}

fn read(world: &World, side: usize) -> usize {
    let read = |notice: &&Notice| matches!(notice, Notice::Status { state: LineState::Read, .. });
    world.sides[side].seen.iter().filter(read).count()
}

#[test]
fn only_who_wants_to_tells_what_has_been_read() {
    let mut world = World::new();
    world.connect();
    line(&mut world, 0, "@bob one");
    assert_eq!(read(&world, 0), 0);
    line(&mut world, 1, "/set read on");
    line(&mut world, 0, "@bob two");
    assert_eq!(read(&world, 0), 2, "up to here");
    world.step(&Step::Crash { side: 1, reach_the_disk: 0 });
    line(&mut world, 0, "@bob three");
    assert_eq!(read(&world, 0), 3, "it is remembered");
    let states = world.sides[0].lines(Direction::Out).into_iter().map(|line| line.state);
    assert!(states.eq([LineState::Read, LineState::Read, LineState::Read]));
    line(&mut world, 1, "/set read off");
    line(&mut world, 0, "@bob four");
    assert_eq!(read(&world, 0), 3);
    world.check();
}

#[test]
fn what_was_read_while_the_other_was_away_is_told_when_it_is_back() {
    let mut world = World::new();
    world.connect();
    line(&mut world, 1, "/set read on");
    world.sides[0].input(Input::Line("@bob one".to_owned()));
    world.sides[0].disk(10);
    world.carry(0, 10);
    world.disconnect(DisconnectReason::TimedOut);
    world.sides[1].disk(10);
    assert_eq!(read(&world, 0), 0);
    world.settle();
    assert_eq!(read(&world, 0), 1);
    let of_line = |notice: &Notice| match notice {
        Notice::Status { state, .. } => Some(state.clone()),
        _ => None,
    };
    let states: Vec<LineState> = world.sides[0].seen.iter().filter_map(of_line).collect();
    assert_eq!(states.last(), Some(&LineState::Read), "delivered is said before: {states:?}");
}

#[test]
fn only_who_wants_to_tells_of_typing_and_not_too_often() {
    let mut world = World::new();
    world.connect();
    line(&mut world, 0, "@bob hi");
    let types = |world: &mut World, typing| {
        world.sides[0].input(Input::Typing { to: address("bob"), typing });
        world.settle_connected();
    };
    let told = |world: &World| {
        let typing = |notice: &Notice| match notice {
            Notice::Typing { typing, .. } => Some(*typing),
            _ => None,
        };
        world.sides[1].seen.iter().filter_map(typing).collect::<Vec<bool>>()
    };
    types(&mut world, true);
    assert!(told(&world).is_empty());
    line(&mut world, 0, "/set typing on");
    for typing in [true, true, true, false, false] {
        types(&mut world, typing);
    }
    assert_eq!(told(&world), [true, false]);
    world.sides[0].clock += 10_000;
    world.sides[1].clock += 10_000;
    types(&mut world, true);
    world.sides[0].clock += 10_000;
    world.sides[1].clock += 10_000;
    types(&mut world, true);
    assert_eq!(told(&world), [true, false, true, true]);
}

#[test]
fn however_much_was_never_shown_is_shown_in_order_and_before_what_comes_now() {
    let mut world = World::new();
    world.connect();
    line(&mut world, 0, "@bob hello");
    let (from, peer) = (address("alice"), world.sides[0].key);
    for seq in 1..=700u64 {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&seq.to_be_bytes());
        let line = ReceivedLine {
            author: None,
            from: from.clone(),
            peer,
            log: 77,
            seq,
            after: seq - 1,
            id: LineId(id),
            sent_at: Timestamp(seq),
            received_at: Timestamp(seq),
            audience: Audience::You,
            text: format!("old {seq}"),
            manner: Manner::Text,
        };
        world.sides[1].store.handle(StoreRequest::Receive(line));
    }
    let bob = world.sides[1].store.snapshot();
    assert_eq!((bob.contacts[0].unread, bob.unshown.len()), (700, 256));
    world.step(&Step::Crash { side: 1, reach_the_disk: 0 });
    world.sides[1].seen.clear();
    world.sides[1].chat = Side::start("bob", world.sides[1].key, &world.sides[1].store, 9, None);
    world.sides[1].requests.clear();
    world.sides[1].drain();
    assert_eq!(world.sides[1].chat.peers(FaceId::FIRST)[0].unread, 700);
    line(&mut world, 0, "@bob new");
    let shown = |notice: &Notice| match notice {
        Notice::Message(message) => Some((message.text.clone(), message.again)),
        _ => None,
    };
    let shown: Vec<(String, bool)> = world.sides[1].seen.iter().filter_map(shown).collect();
    let expected = (1..=700).map(|seq| (format!("old {seq}"), true));
    assert!(expected.chain([("new".to_owned(), false)]).eq(shown));
    assert_eq!(world.sides[1].chat.peers(FaceId::FIRST)[0].unread, 0);
}

#[test]
fn a_line_that_the_disk_refused_is_shown_with_its_reason() {
    let mut world = World::new();
    line(&mut world, 0, "@bob one");
    world.step(&Step::Full { side: 0, full: true });
    world.sides[0].input(Input::Line("@bob two".to_owned()));
    world.sides[0].disk(10);
    world.step(&Step::Full { side: 0, full: false });
    line(&mut world, 0, "@bob three");
    let with = address("bob");
    world.sides[0].input(Input::Page { with, before: None, limit: 10 });
    world.settle();
    let Some(Notice::Page { lines, end: true, .. }) = world.sides[0].seen.last() else {
        panic!("{:?}", world.sides[0].seen.last());
    };
    let lines: Vec<(&str, bool)> = lines
        .iter()
        .map(|line| (line.text.as_str(), matches!(line.state, LineState::Failed(_))))
        .collect();
    assert_eq!(lines, [("one", false), ("two", true), ("three", false)]);
    let written = |notice: &&Notice| matches!(notice, Notice::Written(line) if line.text == "two");
    assert_eq!(world.sides[0].seen.iter().filter(written).count(), 1, "it is not lost from sight");
}

#[test]
fn an_edit_of_a_line_that_is_not_here_is_shown_at_the_next_start_of_a_screen_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("chat.db");
    let (mut memory, mut disk) = (Memory::new(), Database::open(&path).expect("opens"));
    let mut requests = vec![StoreRequest::SaveContact(Contact {
        address: address("alice"),
        key: Some(PeerId([7; 32])),
        verified: false,
        offered: None,
        log: 1,
        last_seq: 0,
        waiting: 0,
        unread: 0,
        since: Timestamp(0),
        is_new: false,
        regard: crate::chat::Regard::default(),
    })];
    let line = |seq: u64, manner| ReceivedLine {
        author: None,
        from: address("alice"),
        peer: PeerId([7; 32]),
        log: 77,
        seq,
        after: seq - 1,
        id: LineId(u128::from(seq).to_be_bytes()),
        sent_at: Timestamp(seq),
        received_at: Timestamp(seq),
        audience: Audience::You,
        text: format!("line {seq}"),
        manner,
    };
    // More than a chat begins with; then an edit of the first, and one of a line that was never here.
    requests.extend((1..=300).map(|seq| StoreRequest::Receive(line(seq, Manner::Text))));
    for (seq, of) in [(301, 1), (302, 999)] {
        let of = LineId(u128::to_be_bytes(of));
        requests.push(StoreRequest::Receive(line(seq, Manner::Edit { of })));
    }
    for request in requests {
        memory.handle(request.clone());
        disk.handle(&[request]);
    }
    let snapshot = memory.snapshot();
    assert_eq!(snapshot.strays, disk.snapshot().expect("reads").strays);
    let config = Config { replay: false, ..Side::config("bob", PeerId([8; 32]), 9, None) };
    let mut chat = Chat::new(config, snapshot);
    let mut seen = Vec::new();
    while let Some(effect) = chat.poll_effect() {
        match effect {
            Effect::Show(Notice::Stray(message)) => seen.push(message.text),
            Effect::Show(notice @ (Notice::Message(_) | Notice::Amended { .. })) => {
                panic!("a page would show it again: {notice:?}")
            }
            _ => {}
        }
    }
    assert_eq!(seen, ["line 302"]);
}
