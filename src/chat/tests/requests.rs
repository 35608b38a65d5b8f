//! Strangers wait until a person has decided, and can do nothing meanwhile.

use super::*;

/// Somebody whom nobody has called.
fn reachable(strangers: Strangers, snapshot: Snapshot) -> Bench {
    let mut bench = Bench::meeting(strangers, &["rv"], None, None, snapshot);
    bench.registered();
    bench
}

fn records_to(bench: &Bench, to: PeerId) -> Vec<Record> {
    let record = |command: &Command| match command {
        Command::Send { peer, message, .. } if *peer == to => {
            Record::decode(message).ok().flatten()
        }
        _ => None,
    };
    bench.commands.iter().filter_map(record).collect()
}

fn greets(bench: &mut Bench, peer: PeerId) {
    let hello =
        Record::Hello { log: 9, software: "evil 1".to_owned(), files: false, folders: false };
    bench.event(Event::Message { peer, message: hello.encode() });
}

fn unanswered(bench: &Bench) -> Vec<PeerId> {
    let blocked = bench.commands.iter().rev().find_map(|command| match command {
        Command::Block(keys) => Some(keys.clone()),
        _ => None,
    });
    blocked.unwrap_or_default()
}

#[test]
fn what_a_stranger_says_waits_at_the_stranger_until_it_is_accepted() {
    let mut bench = reachable(Strangers::Request, Snapshot::default());
    bench.connected(BOB, "bob");
    greets(&mut bench, BOB);
    for _ in 0..1000 {
        bench.says(BOB, "buy now");
    }
    let request = Notice::Request { peer: address("bob"), key: BOB, like: None };
    assert_eq!(bench.notices.iter().filter(|notice| **notice == request).count(), 1);
    assert!(!bench.notices.iter().any(|notice| matches!(notice, Notice::Message(_))));
    assert!(bench.chat.peers(FaceId::FIRST).is_empty(), "it is no conversation");
    assert_eq!(records_to(&bench, BOB), [Record::Pending], "nothing is confirmed, nothing told");
    bench.line("/accept");
    assert!(bench.notices.contains(&Notice::Accepted(address("bob"))));
    assert_eq!(bench.chat.current(FaceId::FIRST), Some(&address("bob")));
    let sent = records_to(&bench, BOB);
    assert_eq!(sent.last(), Some(&Record::Again { log: 9, after: 0 }), "it is asked to repeat");
    bench.says(BOB, "hello");
    assert!(matches!(bench.last(), Notice::Message(message) if message.text == "hello"));
    assert!(records_to(&bench, BOB).iter().any(|one| matches!(one, Record::Committed { .. })));
}

#[test]
fn what_comes_while_a_stranger_is_accepted_does_not_overtake_what_it_said_before() {
    let mut bench = reachable(Strangers::Request, Snapshot::default());
    bench.connected(BOB, "bob");
    greets(&mut bench, BOB);
    bench.says_under(BOB, 1, "first").says_under(BOB, 2, "second").line("/accept");
    assert_eq!(records_to(&bench, BOB).last(), Some(&Record::Again { log: 9, after: 0 }));
    // It was on its way.
    bench.says_under(BOB, 3, "third");
    assert_eq!(bench.heard(), Vec::<&str>::new());
    bench.says_under(BOB, 1, "first").says_under(BOB, 2, "second").says_under(BOB, 3, "third");
    assert_eq!(bench.heard(), ["first", "second", "third"]);
    // Nothing is missing when the next session begins.
    bench.disconnected(BOB, DisconnectReason::Left).connected(BOB, "bob");
    bench.says_under(BOB, 4, "fourth");
    assert_eq!(bench.heard(), ["first", "second", "third", "fourth"]);
}

#[test]
fn what_a_stranger_can_do_is_known_once_it_is_accepted() {
    for files in [true, false] {
        let mut bench = reachable(Strangers::Request, Snapshot::default());
        bench.connected(BOB, "bob");
        let hello = Record::Hello { log: 9, software: "b".to_owned(), files, folders: false };
        bench.event(Event::Message { peer: BOB, message: hello.encode() });
        bench.line("/accept");
        let offer = Line {
            log: 9,
            seq: 1,
            id: [9; 16],
            sent_at_ms: 1,
            audience: Audience::You,
            text: "photo.jpg".to_owned(),
            manner: Manner::Offer { size: 5, root: [8; 32] },
        };
        bench.event(Event::Message { peer: BOB, message: Record::Line(offer).encode() });
        bench.line("/accept 1");
        assert_eq!(bench.disk.len(), usize::from(files), "{:?}", bench.disk);
    }
}

#[test]
fn whoever_was_called_or_written_to_is_no_stranger() {
    for line in ["/msg bob", "/msg bob hello"] {
        let mut bench = reachable(Strangers::Refuse, Snapshot::default());
        bench.line(line).connected(BOB, "bob").says(BOB, "hi");
        assert!(matches!(bench.last(), Notice::Message(_)), "{line}: {:?}", bench.last());
    }
    // Known by the key, whatever the name.
    let contacts = vec![known("bob", "rv", BOB)];
    let mut bench = reachable(Strangers::Request, Snapshot { contacts, ..Snapshot::default() });
    bench.connected(BOB, "bobby").says(BOB, "hi");
    assert!(matches!(bench.last(), Notice::Message(_)));
    // Calling a stranger who waits is accepting it.
    let mut bench = reachable(Strangers::Request, Snapshot::default());
    bench.connected(BOB, "bob").line("/msg bob").says(BOB, "hi");
    assert!(matches!(bench.last(), Notice::Message(_)));
}

#[test]
fn a_stranger_who_left_is_called_back_when_it_is_accepted() {
    let requests =
        vec![Request { address: address("bob"), key: BOB, at: Timestamp(1), rejected: false }];
    let mut bench = reachable(Strangers::Request, Snapshot { requests, ..Snapshot::default() });
    assert!(bench.notices.contains(&Notice::RequestsWait { count: 1 }));
    bench.line("/requests");
    assert!(matches!(bench.last(), Notice::Requests(list) if list.len() == 1));
    bench.line("/accept bob");
    let pinned = bench
        .commands
        .iter()
        .any(|command| matches!(command, Command::Pin { key, .. } if *key == BOB));
    let called = bench.commands.iter().any(|command| matches!(command, Command::Connect(_)));
    assert!(pinned && called);
    bench.line("/accept");
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem: Problem::NoRequest });
}

#[test]
fn a_rejected_stranger_is_not_answered_until_it_is_accepted_after_all() {
    let mut bench = reachable(Strangers::Request, Snapshot::default());
    bench.connected(BOB, "bob").line("/reject bob");
    assert_eq!(*bench.last(), Notice::Rejected(address("bob")));
    assert_eq!(unanswered(&bench), [BOB]);
    bench.line("/accept bob");
    assert_eq!(unanswered(&bench), []);
    let mut bench = reachable(Strangers::Request, Snapshot::default());
    bench.connected(BOB, "bob").line("/block bob").line("/requests");
    assert_eq!(*bench.last(), Notice::Requests(Vec::new()));
    assert_eq!(unanswered(&bench), [BOB], "blocked by the key that was seen");
}

#[test]
fn a_crowd_of_strangers_is_bounded_and_told_of_a_few_times() {
    let mut bench = reachable(Strangers::Request, Snapshot::default());
    let crowd = u8::try_from(MAX_REQUESTS + 10).expect("few");
    for number in 0..crowd {
        bench.connected(PeerId([100 + number; 32]), &format!("bot-{number}x"));
    }
    let told = |notice: &&Notice| matches!(notice, Notice::Request { .. });
    assert_eq!(bench.notices.iter().filter(told).count(), 5);
    bench.line("/requests");
    assert!(matches!(bench.last(), Notice::Requests(list) if list.len() == MAX_REQUESTS));
    assert_eq!(unanswered(&bench).len(), 10);
    // Whoever is called nonetheless may be one of them.
    bench.line("/msg bot-70x");
    assert_eq!(unanswered(&bench), []);
}

#[test]
fn where_nobody_may_call_strangers_get_no_answer() {
    let mut bench = reachable(Strangers::Refuse, Snapshot::default());
    let shown = bench.notices.len();
    bench.connected(BOB, "bob").says(BOB, "hi");
    assert_eq!(bench.notices.len(), shown);
    assert_eq!((unanswered(&bench), records_to(&bench, BOB)), (vec![BOB], vec![]));
}

#[test]
fn a_stranger_whose_name_can_be_taken_for_a_contacts_is_told_apart() {
    let contacts = vec![known("paul", "rv", BOB)];
    let mut bench = reachable(Strangers::Request, Snapshot { contacts, ..Snapshot::default() });
    bench.connected(EVE, "pau1");
    let like = Some(address("paul"));
    assert_eq!(*bench.last(), Notice::Request { peer: address("pau1"), key: EVE, like });
}

#[test]
fn a_name_that_can_be_taken_for_a_contacts_is_asked_about_once() {
    let contacts = vec![known("paul", "rv", BOB)];
    let mut bench = reachable(Strangers::Accept, Snapshot { contacts, ..Snapshot::default() });
    for line in ["/msg pau1 secret", "/msg pаul secret"] {
        bench.line(line);
        assert!(matches!(
            bench.last(),
            Notice::Refused { problem: Problem::Confusable { .. }, .. }
        ));
    }
    assert!(bench.lines.is_empty());
    bench.line("/msg pau1 I mean it");
    assert_eq!(bench.lines.len(), 1);
}

#[test]
fn who_is_waited_for_says_so_once_a_session() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.connected(BOB, "bob");
    for _ in 0..3 {
        bench.event(Event::Message { peer: BOB, message: Record::Pending.encode() });
    }
    let pending = Notice::Pending(address("bob"));
    assert_eq!(bench.notices.iter().filter(|notice| **notice == pending).count(), 1);
}
