//! Contacts that somebody outside of the chat adds, renames, verifies and removes.

use super::super::book::{Intent, Whom};
use super::faces::Faces;
use super::*;
use crate::chat::safety::{SafetyCode, Wording};

fn whom(text: &str, host: Option<&str>) -> Whom {
    Whom { name: name(text), host: host.map(str::to_owned), is_room: false }
}

fn add(text: &str, host: Option<&str>, key: Option<PeerId>) -> Intent {
    Intent::Add { whom: whom(text, host), server: None, key, nickname: None }
}

fn remove(text: &str, sure: bool) -> Intent {
    Intent::Remove { whom: whom(text, None), sure }
}

/// What is answered to whoever wants this, and told to the others.
fn asked(faces: &mut Faces, intent: Intent) -> (Vec<Notice>, Vec<Notice>) {
    let script = faces.attach(None, None);
    faces.told.clear();
    faces.input(script, Input::Intend(intent));
    faces.input(script, Input::Quit);
    let of = |face| -> Vec<Notice> {
        let told = faces.told.iter().filter(|(one, _)| *one == face);
        told.map(|(_, notice)| notice.clone()).collect()
    };
    let (own, others) = (of(script), of(FaceId::FIRST));
    (own.into_iter().filter(|notice| !others.contains(notice)).collect(), others)
}

/// The problem that an intent is refused for.
#[track_caller]
fn refused(faces: &mut Faces, intent: Intent) -> Problem {
    let (told, others) = asked(faces, intent);
    assert_eq!(others, [], "nobody else is told");
    match told.as_slice() {
        [Notice::Refused { reference: None, problem }] => problem.clone(),
        _ => panic!("{told:?}"),
    }
}

#[test]
fn who_is_added_is_known_at_once() {
    let mut faces = Faces::new();
    faces.bench.commands.clear();
    let (told, others) = asked(&mut faces, add("bob", None, Some(BOB)));
    let [Notice::Added(contact)] = others.as_slice() else { panic!("{others:?}") };
    assert_eq!((&contact.address, contact.key), (&address("bob"), Some(BOB)));
    assert_eq!(told, [Notice::Changed(Box::new(others[0].clone()))]);
    let pinned = |command: &Command| matches!(command, Command::Pin { key: BOB, .. });
    assert!(faces.bench.commands.iter().any(pinned), "{:?}", faces.bench.commands);
    assert_eq!(faces.bench.chat.peers(FaceId::FIRST).len(), 1);
    // Nobody has asked to talk to him yet.
    let called = |command: &Command| matches!(command, Command::Connect(_));
    assert!(!faces.bench.commands.iter().any(called));
    assert_eq!(faces.bench.chat.current(FaceId::FIRST), None);
    faces.says(FaceId::FIRST, "/verify bob");
    assert!(matches!(faces.told.last(), Some((_, Notice::SafetyCode { key: BOB, .. }))));
    faces.says(FaceId::FIRST, "/msg bob hello");
    faces.bench.connected(BOB, "bob");
    assert_eq!(faces.bench.texts_sent(), [(BOB, "hello".to_owned())]);
    // Once more, it changes nothing but what was not known.
    let Intent::Add { whom, server, key, .. } = add("bob", Some("RV"), None) else { return };
    let intent = Intent::Add { whom, server, key, nickname: Some(name("小波")) };
    let (_, others) = asked(&mut faces, intent);
    let [Notice::Added(contact)] = others.as_slice() else { panic!("{others:?}") };
    assert_eq!((contact.key, contact.last_seq), (Some(BOB), 1));
    assert_eq!(faces.bench.chat.nicknames().of(&address("bob")), Some(&name("小波")));
}

#[test]
fn another_key_never_gets_in_where_one_was_told() {
    let mut faces = Faces::new();
    asked(&mut faces, add("bob", None, Some(BOB)));
    faces.bench.connected(EVE, "bob");
    let stopped = Notice::KeyChanged { peer: address("bob"), expected: BOB, actual: EVE };
    assert!(faces.bench.notices.contains(&stopped), "{:?}", faces.bench.notices);
    let problem = refused(&mut faces, add("bob", None, Some(EVE)));
    assert_eq!(
        problem,
        Problem::OtherKey { peer: Box::new(address("bob")), pinned: BOB, key: EVE }
    );
}

#[test]
fn who_is_added_at_a_server_that_is_not_in_use_is_known_and_not_called() {
    let mut faces = Faces::new();
    faces.bench.commands.clear();
    let (told, others) = asked(&mut faces, add("bob", Some("elsewhere"), Some(BOB)));
    assert!(matches!(told.last(), Some(Notice::Changed(_))) && others.len() == 1);
    assert!(faces.bench.chat.peers(FaceId::FIRST).is_empty());
    assert!(faces.bench.commands.is_empty(), "{:?}", faces.bench.commands);
    faces.told.clear();
    faces.says(FaceId::FIRST, "/contacts");
    let [(_, Notice::Contacts(contacts))] = faces.told.as_slice() else { panic!() };
    assert_eq!(contacts[0].address, Address::new(name("bob"), "elsewhere"));
    let Intent::Add { whom, key, nickname, .. } = add("eve", Some("elsewhere"), None) else {
        return;
    };
    let (told, _) = asked(
        &mut faces,
        Intent::Add { whom: whom.clone(), server: Some(ALICE), key, nickname: nickname.clone() },
    );
    assert!(matches!(told.last(), Some(Notice::Changed(_))));
    // From then on, that is the server's key.
    let again = Intent::Add { whom, server: Some(EVE), key, nickname };
    assert!(matches!(refused(&mut faces, again), Problem::OtherServerKey { .. }));
    assert!(matches!(asked(&mut faces, remove("bob", true)).1.as_slice(), [Notice::Removed(_)]));
    assert_eq!(refused(&mut faces, remove("bob", true)), Problem::Nobody(name("bob")));
}

#[test]
fn nobody_is_added_who_can_be_taken_for_another_unless_the_key_was_told() {
    let mut faces = Faces::new();
    asked(&mut faces, add("bob", None, Some(BOB)));
    let problem = refused(&mut faces, add("b0b", None, None));
    let (peer, like) = (address("b0b"), Box::new(address("bob")));
    assert_eq!(problem, Problem::LooksLike { peer, like });
    let (told, _) = asked(&mut faces, add("b0b", None, Some(EVE)));
    assert!(matches!(told.last(), Some(Notice::Changed(_))), "{told:?}");
    assert_eq!(refused(&mut faces, add("alice", None, None)), Problem::Yourself);
    assert_eq!(refused(&mut faces, add("carol", None, Some(ALICE))), Problem::Yourself);
    let nickname = Some(name("bob"));
    let intent = Intent::Add {
        whom: whom("dora", None),
        server: None,
        key: Some(PeerId([9; 32])),
        nickname,
    };
    assert!(matches!(refused(&mut faces, intent), Problem::NameInUse { .. }));
}

#[test]
fn a_stranger_who_waits_is_let_in_if_it_is_who_is_added() {
    for (key, is_meant) in [(None, true), (Some(BOB), true), (Some(EVE), false)] {
        let snapshot = Snapshot::default();
        let mut bench = Bench::meeting(Strangers::Request, &["rv"], None, None, snapshot);
        bench.registered().connected(BOB, "bob");
        bench.commands.clear();
        bench.input(Input::Intend(add("bob", None, key)));
        let accepted = bench.notices.contains(&Notice::Accepted(address("bob")));
        assert_eq!(accepted, is_meant, "{key:?}");
        let peers = bench.chat.peers(FaceId::FIRST);
        assert_eq!(peers[0].key, if is_meant { Some(BOB) } else { Some(EVE) });
        assert_eq!(peers[0].state == Presence::Connected, is_meant);
        let hung_up = |command: &Command| matches!(command, Command::Disconnect(_));
        assert_eq!(bench.commands.iter().any(hung_up), !is_meant);
        bench.line("/requests");
        assert_eq!(*bench.last(), Notice::Requests(Vec::new()));
    }
}

#[test]
fn who_is_removed_is_nobody_any_more() {
    let mut faces = Faces::new();
    asked(&mut faces, add("bob", None, Some(BOB)));
    faces.bench.connected(BOB, "bob");
    faces.says(FaceId::FIRST, "/msg bob");
    faces.says(FaceId::FIRST, "/rename bob 小波");
    faces.says(FaceId::FIRST, "/block bob");
    faces.says(FaceId::FIRST, "/unblock bob");
    faces.bench.connected(BOB, "bob").says(BOB, "hi");
    faces.says(FaceId::FIRST, "/msg bob");
    faces.input(FaceId::FIRST, Input::Draft { with: address("bob"), text: "begun".to_owned() });
    faces.bench.commands.clear();
    let (told, others) = asked(&mut faces, remove("小波", true));
    assert_eq!(others.last(), Some(&Notice::Removed(address("bob"))));
    assert_eq!(told, [Notice::Changed(Box::new(Notice::Removed(address("bob"))))]);
    let commands = &faces.bench.commands;
    assert!(commands.iter().any(|command| matches!(command, Command::Disconnect(_))));
    assert!(commands.iter().any(|command| matches!(command, Command::Unpin(_))));
    assert!(faces.bench.chat.peers(FaceId::FIRST).is_empty());
    assert_eq!(faces.bench.chat.current(FaceId::FIRST), None);
    assert_eq!(faces.bench.chat.nicknames().iter().count(), 0);
    // What is on its way makes no contact of him.
    faces.told.clear();
    faces.bench.notices.clear();
    faces.bench.disconnected(BOB, DisconnectReason::Closed).says(BOB, "are you there?");
    faces.input(FaceId::FIRST, Input::Draft { with: address("bob"), text: "begun".to_owned() });
    faces.input(FaceId::FIRST, Input::Typing { to: address("bob"), typing: true });
    assert!(faces.bench.chat.peers(FaceId::FIRST).is_empty());
    assert_eq!((faces.told.as_slice(), faces.bench.notices.as_slice()), (&[][..], &[][..]));
    // Under the same name, another key may come: the old one was forgotten.
    faces.bench.connected(EVE, "bob");
    assert_eq!(faces.bench.chat.peers(FaceId::FIRST)[0].key, Some(EVE));
}

#[test]
fn who_calls_after_he_was_removed_is_a_stranger() {
    let contacts = vec![known("bob", "rv", BOB)];
    let snapshot = Snapshot { contacts, ..Snapshot::default() };
    let mut bench = Bench::meeting(Strangers::Request, &["rv"], None, None, snapshot);
    bench.registered().connected(BOB, "bob");
    bench.input(Input::Intend(remove("bob", false)));
    assert_eq!(bench.notices.iter().filter(|one| matches!(one, Notice::Removed(_))).count(), 1);
    bench.disconnected(BOB, DisconnectReason::Closed).connected(BOB, "bob");
    assert!(matches!(bench.last(), Notice::Request { key: BOB, .. }), "{:?}", bench.last());
}

#[test]
fn what_was_said_is_not_lost_unless_that_is_meant() {
    let mut faces = Faces::new();
    asked(&mut faces, add("bob", None, Some(BOB)));
    faces.says(FaceId::FIRST, "/msg bob hello");
    assert_eq!(refused(&mut faces, remove("bob", false)), Problem::HasHistory(address("bob")));
    assert_eq!(faces.bench.chat.peers(FaceId::FIRST).len(), 1);
    let (told, _) = asked(&mut faces, remove("bob", true));
    assert!(matches!(told.last(), Some(Notice::Changed(_))));
}

#[test]
fn a_line_that_comes_just_now_keeps_its_sender() {
    let mut bench = Bench::new(None, None);
    bench.registered().connected(BOB, "bob");
    let line = Line {
        log: 9,
        seq: 1,
        id: [9; 16],
        sent_at_ms: 1,
        audience: Audience::You,
        text: "hi".to_owned(),
        manner: Manner::Text,
    };
    // The disk looks for lines before this one has come to it.
    let now = Timestamp(1_000_000);
    bench.chat.handle_input(now, Input::Intend(remove("bob", false)));
    let message = Record::Line(line).encode();
    bench.event(Event::Message { peer: BOB, message });
    let problem = Problem::HasHistory(address("bob"));
    assert!(bench.notices.contains(&Notice::Refused { reference: None, problem }));
    assert_eq!(bench.chat.peers(FaceId::FIRST).len(), 1);
}

#[test]
fn lines_that_wait_for_whoever_is_removed_have_failed_and_whoever_waits_for_them_leaves() {
    let mut faces = Faces::new();
    asked(&mut faces, add("bob", None, Some(BOB)));
    let pipe = faces.attach(Some("bob"), Some(Wait::Delivered));
    let other = faces.attach(Some("eve"), Some(Wait::Delivered));
    for (face, to) in [(pipe, "bob"), (other, "eve")] {
        let (to, text) = (Some(to.to_owned()), "hello".to_owned());
        let reference = Some("r".to_owned());
        faces.input(face, Input::Send { to, text, reference, manner: Manner::Text });
        faces.input(face, Input::EndOfInput);
    }
    faces.left.clear();
    asked(&mut faces, remove("bob", true));
    let failed = |notice: &Notice| {
        matches!(
            notice,
            Notice::Status {
                state: LineState::Failed(Problem::Removed(_)),
                reference: Some(_),
                ..
            }
        )
    };
    assert_eq!(faces.who(failed), [pipe], "under the name that it has for the line");
    assert!(faces.left.contains(&(pipe, ExitCode::Refused)), "{:?}", faces.left);
    assert!(!faces.left.iter().any(|(face, _)| *face == other), "{:?}", faces.left);
}

#[test]
fn a_disk_that_refuses_to_forget_leaves_everything_as_it_was() {
    let contacts = vec![known("bob", "rv", BOB)];
    let mut bench = Bench::with(None, None, Snapshot { contacts, ..Snapshot::default() });
    bench.registered().line("/rename bob 小波").line("/msg bob hello");
    bench.disk_fails = 1;
    bench.input(Input::Intend(remove("bob", true)));
    assert!(matches!(bench.last(), Notice::Refused { problem: Problem::Store(_), .. }));
    let peers = bench.chat.peers(FaceId::FIRST);
    assert_eq!((peers[0].key, peers[0].waiting), (Some(BOB), 1));
    assert_eq!(bench.chat.nicknames().of(&address("bob")), Some(&name("小波")));
    let pin = bench.commands.iter().rposition(|one| matches!(one, Command::Pin { .. }));
    let unpin = bench.commands.iter().rposition(|one| matches!(one, Command::Unpin(_)));
    assert!(pin > unpin);
    bench.connected(BOB, "bob");
    assert_eq!(bench.texts_sent(), [(BOB, "hello".to_owned())]);
    // Neither is a change told that the disk has not.
    bench.disk_fails = 2;
    bench.notices.clear();
    bench.input(Input::Intend(add("eve", None, Some(EVE))));
    assert!(!bench.notices.iter().any(|one| matches!(one, Notice::Added(_) | Notice::Changed(_))));
    assert!(matches!(bench.last(), Notice::Refused { problem: Problem::Store(_), .. }));
}

#[test]
fn words_are_compared_for_whoever_has_heard_them() {
    let mut faces = Faces::new();
    asked(&mut faces, add("bob", None, Some(BOB)));
    let verify = |text: &str, read: String| Intent::Verify { whom: whom(text, None), read };
    let words = |key| SafetyCode::new(&ALICE, &key).words(Wording::English).join(" ");
    let (told, others) = asked(&mut faces, verify("bob", words(EVE)));
    assert_eq!(
        (told.as_slice(), others.len()),
        (&[Notice::NotTheSame { peer: address("bob"), key: BOB }][..], 0)
    );
    assert_eq!(refused(&mut faces, verify("bob", "it is him".to_owned())), Problem::NoCode);
    asked(&mut faces, add("carol", None, None));
    let problem = refused(&mut faces, verify("carol", words(EVE)));
    assert_eq!(problem, Problem::NothingToVerify(address("carol")));
    let (_, others) = asked(&mut faces, verify("bob", words(BOB)));
    assert_eq!(others, [Notice::Verified { peer: address("bob"), key: BOB }]);
    assert_eq!(faces.bench.chat.peers(FaceId::FIRST)[0].trust, Trust::Verified);
}
