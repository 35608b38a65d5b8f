//! What scripts make of what they hear.

use p2pchat_wire::identity::{Name, PeerId};

use super::*;
use crate::chat::book::Intent;
use crate::chat::book::Whom;
use crate::chat::{Audience, Problem, Timestamp};

fn address(name: &str) -> Address {
    Address::new(Name::new(name).expect("name"), "host")
}

fn message(from: &str, text: &str, manner: Manner) -> Notice {
    Notice::Message(Message {
        author: None,
        from: address(from),
        key: PeerId([1; 32]),
        id: LineId([text.len() as u8; 16]),
        text: text.to_owned(),
        sent_at: Timestamp(0),
        received_at: Timestamp(0),
        audience: Audience::You,
        again: false,
        manner,
        quiet: false,
        namesake: false,
        quote: None,
    })
}

fn status(state: LineState) -> Notice {
    let (to, id) = (address("alice"), LineId([9; 16]));
    Notice::Status { to, id, reference: Some(REFERENCE.to_owned()), state }
}

fn script(task: Task) -> Script {
    Script::new(task, false, TimeZone::UTC, Language::default())
}

fn hears(script: &mut Script, notice: &Notice) -> Vec<String> {
    let printouts = script.hear(notice, Background::default());
    printouts.into_iter().map(|printout| printout.text).collect()
}

fn asks(choices: &[&str]) -> Script {
    let choices = choices.iter().map(ToString::to_string).collect();
    let mut script = script(Task::Ask { choices });
    assert_eq!(hears(&mut script, &message("alice", "yes", Manner::Text)), [""; 0]);
    hears(&mut script, &status(LineState::Queued));
    hears(&mut script, &status(LineState::Sent));
    script
}

#[test]
fn the_answer_is_the_exit_code() {
    for (said, printed, code) in
        [("yes", "yes", 0), (" NO.\n", "no", 1), ("2", "no", 1), ("第三", "第三", 2)]
    {
        let mut script = asks(&["yes", "no", "第三"]);
        for other in ["maybe", "4", "0", ""] {
            assert_eq!(hears(&mut script, &message("alice", other, Manner::Text)), [""; 0]);
        }
        assert_eq!(hears(&mut script, &message("bob", said, Manner::Text)), [""; 0]);
        assert_eq!(hears(&mut script, &message("alice", said, Manner::Action)), [""; 0]);
        let other_line = Manner::Reply { to: LineId([8; 16]) };
        assert_eq!(hears(&mut script, &message("alice", said, other_line)), [""; 0]);
        assert!(!script.is_over());
        let reply = Manner::Reply { to: LineId([9; 16]) };
        assert_eq!(hears(&mut script, &message("alice", said, reply)), [printed]);
        assert!(!script.is_over(), "the chat has to know first");
        script.shown(LineId([said.len() as u8; 16]));
        assert!(script.is_over());
        assert_eq!(script.exit(ExitCode::Done), code);
    }
}

#[test]
fn in_a_room_the_first_answer_counts_and_it_is_said_whose_it_is() {
    let tea = Address::room(Name::new("tea").expect("name"), "host");
    let in_tea = |author: &str, text: &str| match message(author, text, Manner::Text) {
        Notice::Message(line) => Notice::Message(Message {
            author: Some(Box::new(line.from)),
            from: tea.clone(),
            ..line
        }),
        other => other,
    };
    for (json, printed) in [
        (false, "no\tcarol@host".to_owned()),
        (
            true,
            format!(
                r##"{{"choice":"no","from":"carol@host","id":"{}","index":1,"room":"#tea@host","text":"No.","type":"answer"}}"##,
                "03".repeat(16)
            ),
        ),
    ] {
        let choices = ["yes", "no"].map(str::to_owned).to_vec();
        let task = Task::Ask { choices };
        let mut script = Script::new(task, json, TimeZone::UTC, Language::default());
        assert_eq!(hears(&mut script, &in_tea("bob", "yes")), [""; 0], "it was not asked yet");
        let (to, id, reference) = (tea.clone(), LineId([9; 16]), Some(REFERENCE.to_owned()));
        hears(&mut script, &Notice::Status { to, id, reference, state: LineState::Queued });
        for (who, text) in [("bob", "what?"), ("alice", "hm")] {
            assert_eq!(hears(&mut script, &in_tea(who, text)), [""; 0]);
        }
        assert_eq!(hears(&mut script, &message("alice", "yes", Manner::Text)), [""; 0]);
        assert_eq!(sorted(&hears(&mut script, &in_tea("carol", "No."))[0]), sorted(&printed));
        script.shown(LineId([3; 16]));
        assert_eq!((script.is_over(), script.exit(ExitCode::Done)), (true, 1));
    }
}

/// The fields of an object in one order.
fn sorted(text: &str) -> String {
    serde_json::from_str::<BTreeMap<String, Value>>(text)
        .map_or_else(|_| text.to_owned(), |fields| format!("{fields:?}"))
}

#[test]
fn a_room_is_named_with_its_mark_and_a_person_without() {
    let tea = Address::room(Name::new("tea").expect("name"), "host");
    let is_of = |peer, typed| is_of(peer, Some(typed), Background::default());
    assert!(is_of(&tea, "#tea") && is_of(&tea, "#Tea@host") && !is_of(&tea, "tea"));
    let person = address("tea");
    assert!(is_of(&person, "tea") && !is_of(&person, "#tea"));
}

#[test]
fn without_an_answer_the_exit_code_is_none_of_the_answers() {
    let script = asks(&["yes", "no"]);
    assert_eq!(script.exit(ExitCode::Done), 111);
    assert_eq!(script.exit(ExitCode::PeerOffline), 104);
    let mut script = asks(&[]);
    hears(&mut script, &Notice::Refused { reference: None, problem: Problem::Yourself });
    assert!(script.is_over());
    assert_eq!(script.exit(ExitCode::Done), 108);
}

#[test]
fn as_many_messages_are_received_as_are_wanted() {
    let mut script = script(Task::Receive { count: 2, from: Some("Alice".to_owned()) });
    assert_eq!(hears(&mut script, &message("alice", "a", Manner::Text)).len(), 1);
    assert_eq!(script.exit(ExitCode::Done), ExitCode::TimeUp.code());
    assert_eq!(hears(&mut script, &message("alice", "bb", Manner::Text)).len(), 1);
    assert_eq!(hears(&mut script, &message("alice", "ccc", Manner::Text)), [""; 0]);
    for id in [1, 2] {
        script.shown(LineId([id; 16]));
    }
    assert!(script.is_over());
    assert_eq!(script.exit(ExitCode::Done), 0);
}

#[test]
fn whoever_changes_a_contact_hears_what_came_of_that_and_of_no_other_change() {
    let whom = Whom { name: Name::new("alice").expect("name"), host: None, is_room: false };
    let intent = || Intent::Remove { whom: whom.clone(), sure: true };
    let mut script = script(Task::Change(Box::new(intent())));
    assert!(matches!(script.begins_with(), Some(Input::Intend(what)) if what == intent()));
    let removed = || Notice::Removed(address("alice"));
    assert_eq!(hears(&mut script, &removed()), [""; 0], "which is somebody else's");
    assert!(!script.is_over());
    assert_eq!(script.exit(ExitCode::Done), ExitCode::TimeUp.code());
    let done = Notice::Changed(Box::new(removed()));
    let told = script.hear(&done, Background::default());
    assert_eq!(told.iter().map(|one| one.stream).collect::<Vec<_>>(), [Stream::Out]);
    assert_eq!((script.is_over(), script.exit(ExitCode::Done)), (true, 0));
    for (problem, code) in [
        (Problem::Nobody(whom.name.clone()), 3),
        (Problem::HasHistory(address("alice")), 8),
        (Problem::Yourself, 2),
    ] {
        let mut script = self::script(Task::Change(Box::new(intent())));
        assert_eq!(hears(&mut script, &Notice::Refused { reference: None, problem }).len(), 1);
        assert_eq!((script.is_over(), script.exit(ExitCode::Done)), (true, code));
    }
}

#[test]
fn whoever_sends_hears_of_nothing_else() {
    let mut script = script(Task::Send);
    assert_eq!(hears(&mut script, &message("alice", "hello", Manner::Text)), [""; 0]);
    assert_eq!(script.exit(ExitCode::Done), 0);
    assert_eq!(script.exit(ExitCode::PeerOffline), 4);
    let problem = Problem::Yourself;
    let refused = Notice::Refused { reference: Some(REFERENCE.to_owned()), problem };
    assert_eq!(hears(&mut script, &refused).len(), 1);
    assert_eq!(script.exit(ExitCode::Done), 8);
}
