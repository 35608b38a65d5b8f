//! How a person deals with others: keys, nicknames, and who is not to be heard.

use super::*;
use crate::chat::safety::{SafetyCode, Wording};

#[test]
fn a_person_is_told_and_stays() {
    let mut bench = Bench::new(Some("bob"), None);
    let (expected, actual) = (BOB, EVE);
    bench.connected(BOB, "bob").disconnected(BOB, DisconnectReason::TimedOut);
    for _ in 0..3 {
        bench.event(Event::KeyChanged { name: name("bob").into(), expected, actual });
    }
    let told = Notice::KeyChanged { peer: address("bob"), expected, actual };
    assert_eq!(bench.notices.iter().filter(|notice| **notice == told).count(), 1);
    assert!(bench.commands.iter().any(|command| matches!(command, Command::Disconnect(_))));
    assert_eq!(bench.quit, None);
    bench
        .line("/trust bob zzzzzzzz")
        .line(&format!("/trust bob {}", EVE.to_string()[..TRUSTED].to_uppercase()));
    let pinned = bench.commands.iter().rposition(|command| matches!(command, Command::Pin { .. }));
    let called = bench.commands.iter().rposition(|command| matches!(command, Command::Connect(_)));
    assert!(pinned < called, "called before the new key is known, the call would fail again");
    assert!(bench.notices.contains(&Notice::Trusted { peer: address("bob"), key: EVE }));
}

/// What the endpoint was told last of whom it is not to answer.
fn blocked(bench: &Bench) -> Option<&Vec<PeerId>> {
    bench.commands.iter().rev().find_map(|command| match command {
        Command::Block(keys) => Some(keys),
        _ => None,
    })
}

fn trust_of(bench: &Bench, text: &str) -> Trust {
    let peers = bench.chat.peers(FaceId::FIRST);
    let peer = peers.iter().find(|peer| peer.peer == address(text));
    peer.map(|peer| peer.trust).expect("a conversation")
}

#[test]
fn a_few_characters_of_a_key_are_not_enough_to_believe_it() {
    let mut bench = Bench::new(Some("bob"), None);
    let (expected, actual) = (BOB, EVE);
    bench.connected(BOB, "bob").event(Event::KeyChanged {
        name: name("bob").into(),
        expected,
        actual,
    });
    bench.line(&format!("/trust bob {}", EVE.tag()));
    let problem = Problem::ShortKey { typed: EVE.tag(), key: EVE };
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem });
    assert_eq!(trust_of(&bench, "bob"), Trust::Changed);
    bench.line(&format!("/trust bob {EVE}"));
    assert_eq!(trust_of(&bench, "bob"), Trust::New, "accepted, and compared with nobody");
}

#[test]
fn a_key_is_new_then_seen_then_verified_and_a_changed_one_is_none_of_it() {
    let mut bench = Bench::new(Some("bob"), None);
    assert_eq!(trust_of(&bench, "bob"), Trust::New);
    bench.connected(BOB, "bob");
    assert_eq!(trust_of(&bench, "bob"), Trust::New, "there was nothing to compare it with");
    let contacts = vec![known("bob", "rv", BOB)];
    let mut bench = Bench::with(Some("bob"), None, Snapshot { contacts, ..Snapshot::default() });
    assert_eq!(trust_of(&bench, "bob"), Trust::Seen);
    bench.line("/verify bob yes");
    let problem = Problem::NotCompared(address("bob"));
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem });
    bench.line("/verify bob");
    assert!(matches!(bench.last(), Notice::SafetyCode { verified: false, .. }));
    bench.line("/verify bob yes");
    assert_eq!(*bench.last(), Notice::Verified { peer: address("bob"), key: BOB });
    assert_eq!(trust_of(&bench, "bob"), Trust::Verified);
    bench.event(Event::KeyChanged { name: name("bob").into(), expected: BOB, actual: EVE });
    assert_eq!(trust_of(&bench, "bob"), Trust::Changed);
    bench.line("/verify bob");
    assert!(matches!(bench.last(), Notice::Refused { problem: Problem::KeyChanged { .. }, .. }));
    bench.line(&format!("/trust bob {EVE}"));
    assert_eq!(trust_of(&bench, "bob"), Trust::New);
}

#[test]
fn the_words_of_the_other_side_verify_and_other_words_are_an_alarm() {
    let contacts = vec![known("bob", "rv", BOB)];
    let mut bench = Bench::with(Some("bob"), None, Snapshot { contacts, ..Snapshot::default() });
    let eves = SafetyCode::new(&ALICE, &EVE).words(Wording::English).join(" ");
    bench.line(&format!("/verify bob {eves}"));
    assert_eq!(*bench.last(), Notice::NotTheSame { peer: address("bob"), key: BOB });
    assert_eq!(trust_of(&bench, "bob"), Trust::Seen);
    bench.line("/verify bob it is him");
    let problem = Problem::NoCode;
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem });
    let words = SafetyCode::new(&ALICE, &BOB).words(Wording::Chinese).concat();
    bench.line(&format!("/verify bob {words}"));
    assert_eq!(trust_of(&bench, "bob"), Trust::Verified);
}

#[test]
fn a_nickname_stands_wherever_a_name_does_and_is_nobody_elses() {
    let contacts = vec![known("bob", "rv", BOB), known("carol", "rv", EVE)];
    let mut bench = Bench::with(None, None, Snapshot { contacts, ..Snapshot::default() });
    bench.line("/rename bob 小丽");
    let nickname = Some(name("小丽"));
    assert_eq!(*bench.last(), Notice::Renamed { peer: address("bob"), nickname });
    bench.line("/msg 小丽 hello").line("＠小丽 again").line("小丽||and again");
    assert!(bench.lines.iter().all(|line| line.to == address("bob")) && bench.lines.len() == 3);
    // Another's nickname, another's name, one that looks like another's name, our own.
    for (taken, by) in [("小丽", "bob"), ("bob", "bob"), ("b0b", "bob")] {
        bench.line(&format!("/rename carol {taken}"));
        let problem = Problem::NameInUse { name: name(taken), by: address(by) };
        assert_eq!(*bench.last(), Notice::Refused { reference: None, problem });
    }
    bench.line("/rename carol alice");
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem: Problem::Yourself });
    bench.line("/rename nobody x");
    let problem = Problem::NoContact(address("nobody"));
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem });
    assert_eq!(bench.chat.nicknames().of(&address("bob")), Some(&name("小丽")));
    bench.line("/rename 小丽");
    assert_eq!(bench.chat.nicknames().of(&address("bob")), None);
}

#[test]
fn whoever_is_blocked_is_not_answered_under_any_name_and_gets_nothing() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().connected(BOB, "bob").line("/block bob");
    assert_eq!(blocked(&bench), Some(&vec![BOB]));
    let said = bench.last();
    assert!(matches!(said, Notice::Limit { limit: Limit::Blocked, on: true, has_key: true, .. }));
    bench.disconnected(BOB, DisconnectReason::Closed).line("/msg bob hello");
    let problem = Problem::Blocked(address("bob"));
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem });
    // The endpoint answers nobody with this key; if it did, under whatever name:
    let shown = bench.notices.len();
    bench.connected(BOB, "bobby").connected(BOB, "bob").says(BOB, "let me in");
    assert_eq!(bench.notices.len(), shown, "{:?}", bench.notices.last());
    bench.line("/block");
    assert!(matches!(bench.last(), Notice::Limited { contacts, .. } if contacts.len() == 1));
    bench.line("/unblock bob");
    assert_eq!(blocked(&bench), Some(&Vec::new()));
    bench.connected(BOB, "bob").says(BOB, "thanks");
    assert!(matches!(bench.last(), Notice::Message(_)));
}

#[test]
fn whoever_is_blocked_before_the_first_meeting_is_known_by_the_key_from_then_on() {
    let mut bench = Bench::new(None, None);
    bench.line("/unblock bob");
    let problem = Problem::NoContact(address("bob"));
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem }, "nor is he known then");
    bench.line("/block bob");
    assert!(matches!(bench.last(), Notice::Limit { has_key: false, .. }), "perhaps it is mistyped");
    assert_eq!(blocked(&bench), Some(&Vec::new()), "no key is known");
    bench.connected(BOB, "bob");
    assert_eq!(blocked(&bench), Some(&vec![BOB]));
    let turned_away = |command: &Command| matches!(command, Command::Disconnect(_));
    assert!(bench.commands.iter().any(turned_away));
}

#[test]
fn what_is_ignored_is_kept_and_confirmed_and_not_shown() {
    let mut bench = Bench::new(None, None);
    bench.connected(BOB, "bob").line("/ignore bob");
    let shown = bench.notices.len();
    bench.says(BOB, "hello?");
    assert_eq!(bench.notices.len(), shown, "{:?}", bench.notices.last());
    assert_eq!(bench.chat.peers(FaceId::FIRST)[0].unread, 0);
    let confirmed = bench.commands.iter().any(|command| match command {
        Command::Send { message, .. } => {
            matches!(Record::decode(message), Ok(Some(Record::Committed { seq: 1, .. })))
        }
        _ => false,
    });
    assert!(confirmed, "its sender does not notice");
}

#[test]
fn whoever_is_muted_is_shown_and_calls_nobody_until_the_time_is_over() {
    let mut bench = Bench::new(None, None);
    bench.connected(BOB, "bob").line("/mute bob 2h").says(BOB, "hello");
    assert!(matches!(bench.last(), Notice::Message(_)));
    assert!(bench.chat.peers(FaceId::FIRST)[0].quiet);
    bench.line("/mute");
    assert!(matches!(bench.last(), Notice::Limited { contacts, .. } if contacts.len() == 1));
    bench.chat.handle_input(Timestamp(1_000_000 + 2 * 3_600_000), Input::Command("who".into()));
    assert!(!bench.chat.peers(FaceId::FIRST)[0].quiet);
    bench.line("/mute bob").line("/unmute bob");
    assert!(!bench.chat.peers(FaceId::FIRST)[0].quiet);
    bench.line("/mute bob soon");
    assert!(matches!(bench.last(), Notice::Refused { problem: Problem::Usage(_), .. }));
}

#[test]
fn whoever_is_ignored_is_not_heard_by_way_of_an_answer_under_whatever_name() {
    let mut bench = Bench::new(None, None);
    bench.connected(BOB, "bob").line("/ignore bob");
    let quote = |author: &str, key| Quote {
        by: Direction::In,
        author: Some(Box::new(address(author))),
        key: Some(Box::new(key)),
        sent_at: Timestamp(5),
        text: Some("look at me".to_owned()),
        is_hidden: false,
    };
    for (author, key, is_hidden) in
        [("bob", BOB, true), ("robert", BOB, true), ("bob", EVE, false), ("eve", EVE, false)]
    {
        let veiled = bench.chat.veiled(quote(author, key));
        assert_eq!((veiled.is_hidden, veiled.text.is_none()), (is_hidden, is_hidden), "{author}");
    }
}
