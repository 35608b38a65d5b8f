//! Profiles on a real disk: what was answered is there after the next opening.

use std::fs;
use std::net::IpAddr;
use std::sync::mpsc;
use std::time::Duration;

use p2pchat_wire::identity::{Name, PeerId};
use proptest::prelude::*;
use tempfile::TempDir;

use super::database::Database;
use super::{Memory, Profile, ProfileError, Reader};
use crate::chat::files::disk::{Content, Hash};
use crate::chat::storage::{
    Contact, DeliveredLine, Direction, FailureKind, OutgoingLine, Pick, Place, ReceivedLine,
    Rendezvous, StoreReply, StoreRequest, UnshownLine,
};
use crate::chat::{Address, Audience, FileState, KeptFile, LineId, Manner, Timestamp};
use crate::proto::{self, AgeLimit, IdleLimit, Lesson, Plan, Upkeep};

fn temp() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

fn address(name: &str) -> Address {
    Address::new(Name::new(name).expect("valid"), "rv")
}

fn contact(name: &str) -> Contact {
    Contact {
        address: address(name),
        key: Some(PeerId([7; 32])),
        verified: false,
        offered: None,
        log: u64::MAX,
        last_seq: 0,
        waiting: 0,
        unread: 0,
        since: Timestamp(5),
        is_new: false,
        regard: crate::chat::Regard::default(),
    }
}

fn outgoing(name: &str, seq: u64) -> OutgoingLine {
    OutgoingLine {
        to: address(name),
        seq,
        id: LineId([u8::try_from(seq % 250).unwrap_or(0); 16]),
        sent_at: Timestamp(1000 + seq),
        audience: Audience::Everyone,
        text: format!("line {seq} \0 你好"),
        manner: Manner::Text,
        reference: Some("r".to_owned()),
    }
}

fn received(name: &str, seq: u64, after: u64) -> ReceivedLine {
    ReceivedLine {
        author: None,
        from: address(name),
        peer: PeerId([7; 32]),
        log: 3,
        seq,
        after,
        id: LineId([u8::try_from(seq % 250).unwrap_or(0); 16]),
        sent_at: Timestamp(1000 + seq),
        received_at: Timestamp(2000 + seq),
        audience: Audience::You,
        text: format!("line {seq}"),
        manner: Manner::Text,
    }
}

/// Opens the profile, carries out the requests in one go, and closes it.
fn carry_out(dir: &TempDir, requests: Vec<StoreRequest>) -> Vec<StoreReply> {
    let profile = Profile::open(dir.path()).expect("opens");
    let (answers, replies) = mpsc::channel();
    let store = profile.run(move |reply| answers.send(reply).expect("heard")).expect("runs");
    requests.into_iter().for_each(|request| store.request(request));
    store.close();
    replies.iter().collect()
}

#[test]
fn a_line_that_offers_a_file_and_where_the_file_is_are_kept_together() {
    let dir = temp();
    let line = |name| OutgoingLine {
        text: "photo.jpg".to_owned(),
        manner: Manner::Offer { size: 5, root: [8; 32] },
        ..outgoing(name, 1)
    };
    let file = |name| KeptFile {
        with: address(name),
        by: Direction::Out,
        id: line(name).id,
        delivered: false,
        name: "photo.jpg".to_owned(),
        size: 5,
        root: Hash([8; 32]),
        content: Content::File,
        state: FileState::Offered,
        path: Some("/home/alice/photo.jpg".to_owned()),
        folder: None,
        called: None,
    };
    let offer = |name, file| StoreRequest::QueueOffer { line: line(name), file: Box::new(file) };
    let another = KeptFile { id: LineId([99; 16]), ..file("carol") };
    let contacts = ["bob", "carol"].map(|name| StoreRequest::SaveContact(contact(name)));
    let offers = [offer("bob", file("bob")), offer("carol", another)];
    let requests = contacts.into_iter().chain(offers);
    let mut replies = carry_out(&dir, requests.collect());
    // A line without its file is not kept either.
    assert!(matches!(replies.pop(), Some(StoreReply::Failed(_))), "{replies:?}");
    assert!(!replies.iter().any(|reply| matches!(reply, StoreReply::Failed(_))), "{replies:?}");
    let snapshot = Profile::open(dir.path()).expect("opens").snapshot().expect("read");
    assert_eq!(snapshot.files, [file("bob")]);
    let waiting = snapshot.contacts.iter().map(|contact| contact.waiting).collect::<Vec<_>>();
    assert_eq!(waiting, [1, 0]);
    // A folder likewise.
    let manner = Manner::OfferFolder { size: 70, root: [9; 32], head: 65, files: 2 };
    let line = OutgoingLine { manner, ..outgoing("bob", 2) };
    let content = Content::Folder { head: 65, files: 2 };
    let (name, root) = (line.text.clone(), Hash([9; 32]));
    let folder = KeptFile { id: line.id, name, size: 70, root, content, ..file("bob") };
    let request = StoreRequest::QueueOffer { line, file: Box::new(folder.clone()) };
    let replies = carry_out(&dir, vec![request]);
    assert!(!matches!(replies[..], [StoreReply::Failed(_)]), "{replies:?}");
    let snapshot = Profile::open(dir.path()).expect("opens").snapshot().expect("read");
    assert_eq!(snapshot.files, [file("bob"), folder]);
}

#[test]
fn what_was_answered_is_there_after_reopening() {
    let dir = temp();
    let rendezvous = Rendezvous {
        host: "rv".to_owned(),
        key: Some(PeerId([9; 32])),
        token: Some([8; 32]),
        name: Some(Name::new("me").expect("valid")),
        used_at: Timestamp(77),
        place: Some(1),
    };
    let peer = PeerId([7; 32]);
    let lesson = |network, rung| Lesson {
        external: IpAddr::from([192, 0, 2, network]),
        plan: Plan { strategy: proto::Strategy::Birthday { sockets: 256, probes: 1024 }, rung },
    };
    let limit = |network, seconds| IdleLimit {
        external: IpAddr::from([192, 0, 2, network]),
        idle: Duration::from_secs(seconds),
    };
    let age = |network, seconds| AgeLimit {
        external: IpAddr::from([192, 0, 2, network]),
        age: Duration::from_secs(seconds),
        learned_at_ms: 1000 * seconds,
    };
    let replies = carry_out(
        &dir,
        vec![
            StoreRequest::SaveContact(contact("bob")),
            StoreRequest::Queue(outgoing("bob", 1)),
            StoreRequest::Queue(outgoing("bob", 2)),
            StoreRequest::Receive(received("bob", 4, 0)),
            StoreRequest::Receive(received("bob", 5, 4)),
            StoreRequest::Shown(vec![(address("bob"), received("bob", 4, 0).id)]),
            StoreRequest::SaveRendezvous(rendezvous.clone()),
            StoreRequest::SaveLesson(peer, lesson(1, 0)),
            StoreRequest::SaveLesson(peer, lesson(2, 3)),
            StoreRequest::SaveLesson(peer, lesson(1, 1)),
            StoreRequest::SaveIdle(limit(1, 30)),
            StoreRequest::SaveIdle(limit(2, 60)),
            StoreRequest::SaveIdle(limit(1, 20)),
            StoreRequest::SaveAge(age(1, 48)),
            StoreRequest::SaveAge(age(2, 60)),
            StoreRequest::SaveAge(age(1, 55)),
        ],
    );
    assert!(!replies.iter().any(|reply| matches!(reply, StoreReply::Failed(_))), "{replies:?}");
    let snapshot = Profile::open(dir.path()).expect("opens again").snapshot().expect("reads");
    let saved = Contact { last_seq: 2, waiting: 2, unread: 1, ..contact("bob") };
    assert_eq!(snapshot.contacts, [saved]);
    assert_eq!(snapshot.cursors.len(), 1);
    assert_eq!(snapshot.cursors[0].seq, 5);
    let unshown = ReceivedLine { after: 0, ..received("bob", 5, 4) };
    assert_eq!(snapshot.unshown, [UnshownLine { place: Place(4), line: unshown, quote: None }]);
    assert_eq!(snapshot.strays, []);
    assert_eq!(snapshot.rendezvous, [rendezvous]);
    assert_eq!(snapshot.lessons, [(peer, lesson(2, 3)), (peer, lesson(1, 1))]);
    assert_eq!(snapshot.idle, [limit(2, 60), limit(1, 20)]);
    assert_eq!(snapshot.ages, [age(2, 60), age(1, 55)]);
    let day = 24 * 3600 * 1000;
    let known = |at: u64| snapshot.upkeep(age(1, 55).external, Timestamp(55_000 + at));
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(known(day - 1), Upkeep { idle: seconds(20), age: seconds(55) });
    assert_eq!(known(day), Upkeep { idle: seconds(20), age: None });
    let all = StoreRequest::LoadOutbox { to: address("bob"), after: 0, limit: 10 };
    assert_eq!(
        carry_out(&dir, vec![all]),
        [StoreReply::Outbox(vec![outgoing("bob", 1), outgoing("bob", 2)])]
    );
}

#[test]
fn the_identity_stays_and_is_private() {
    let dir = temp();
    let inner = dir.path().join("a").join("b");
    let first = Profile::open(&inner).expect("opens").identity().id();
    assert_eq!(Profile::open(&inner).expect("opens").identity().id(), first);
    let reader = Reader::open(&inner).expect("reads").expect("a profile");
    assert_eq!(reader.identity().expect("reads").id(), first);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name| fs::metadata(inner.join(name)).expect("there").permissions().mode();
        assert_eq!(mode("identity") & 0o777, 0o600);
        assert_eq!(mode("chat.db") & 0o777, 0o600);
        assert_eq!(mode("") & 0o777, 0o700);
        fs::set_permissions(inner.join("identity"), fs::Permissions::from_mode(0o640))
            .expect("changes");
        assert!(matches!(Profile::open(&inner), Err(ProfileError::WidePermissions { .. })));
    }
}

#[test]
fn a_profile_has_one_user_at_a_time_and_any_number_of_readers() {
    let dir = temp();
    let profile = Profile::open(dir.path()).expect("opens");
    let Err(error @ ProfileError::Busy { .. }) = Profile::open(dir.path()) else {
        panic!("two processes would share a profile");
    };
    assert!(error.to_string().contains("--data-dir"));
    let store = profile.run(drop).expect("runs");
    assert!(matches!(Profile::open(dir.path()), Err(ProfileError::Busy { .. })));
    store.request(StoreRequest::SaveContact(contact("bob")));
    store.request(StoreRequest::Queue(outgoing("bob", 1)));
    store.close();
    let _again = Profile::open(dir.path()).expect("free again");
    let reader = Reader::open(dir.path()).expect("reads").expect("a profile");
    let history = reader.history(Some(&address("bob")), 10).expect("reads");
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].direction, history[0].arrived_at), (Direction::Out, None));
    assert_eq!(reader.history(Some(&address("eve")), 10).expect("reads"), []);
    assert_eq!(reader.contacts().expect("reads").len(), 1);
    assert!(Reader::open(&dir.path().join("nothing")).expect("no error").is_none());
}

#[test]
fn what_is_not_a_profile_is_refused_with_a_sentence() {
    let dir = temp();
    drop(Profile::open(dir.path()).expect("opens"));
    fs::write(dir.path().join("identity"), b"short").expect("writes");
    assert!(matches!(Profile::open(dir.path()), Err(ProfileError::BadIdentity { .. })));
    fs::remove_file(dir.path().join("identity")).expect("removes");
    fs::remove_file(dir.path().join("chat.db")).expect("removes");
    fs::write(dir.path().join("chat.db"), [b'x'; 5000]).expect("writes");
    let Err(ProfileError::Database(failure)) = Profile::open(dir.path()) else {
        panic!("this is no database");
    };
    assert_eq!(failure.kind, FailureKind::Corrupt);
    fs::remove_file(dir.path().join("chat.db")).expect("removes");
    let newer = rusqlite::Connection::open(dir.path().join("chat.db")).expect("opens");
    newer.pragma_update(None, "user_version", 99).expect("writes");
    drop(newer);
    let Err(error @ ProfileError::Newer { found: 99, .. }) = Profile::open(dir.path()) else {
        panic!("a newer format cannot be known");
    };
    assert!(error.to_string().contains("newer p2pchat"));
}

#[test]
fn a_full_disk_fails_the_request_and_nothing_that_was_answered() {
    let dir = temp();
    carry_out(&dir, vec![StoreRequest::SaveContact(contact("bob"))]);
    let mut database = Database::open(&dir.path().join("chat.db")).expect("opens");
    database.limit_pages(80);
    let long = |seq| OutgoingLine { text: "x".repeat(60_000), ..outgoing("bob", seq) };
    let mut kept = 0;
    let failure = loop {
        let [reply] = &database.handle(&[StoreRequest::Queue(long(kept + 1))])[..] else {
            panic!("one request, one answer");
        };
        match reply {
            StoreReply::Done => kept += 1,
            StoreReply::Failed(failure) => break failure.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(failure.kind, FailureKind::Full);
    assert!(kept > 0);
    assert_eq!(database.snapshot().expect("reads").contacts[0].waiting, kept);
    let line =
        StoreRequest::Receive(ReceivedLine { text: "x".repeat(60_000), ..received("bob", 1, 0) });
    assert!(matches!(&database.handle(&[line])[..], [StoreReply::Failed(_)]));
    assert_eq!(database.snapshot().expect("reads").cursors, [], "not kept, so not acknowledged");
    let group = [StoreRequest::Queue(long(kept + 1)), StoreRequest::Shown(Vec::new())];
    let alone = database.handle(&group);
    assert!(matches!(alone[..], [StoreReply::Failed(_), StoreReply::Shown(_)]), "{alone:?}");
    database.limit_pages(10_000);
    let small = database.handle(&[StoreRequest::Queue(long(kept + 1))]);
    assert_eq!(small, [StoreReply::Done], "it recovers by itself");
}

#[test]
fn a_peer_with_a_new_log_for_each_line_does_not_fill_the_table() {
    let dir = temp();
    let mut requests = vec![StoreRequest::SaveContact(contact("bob"))];
    for log in 1..=50 {
        let mut line = received("bob", log, 0);
        (line.log, line.received_at) = (log, Timestamp(log));
        requests.push(StoreRequest::Receive(line));
    }
    carry_out(&dir, requests);
    let cursors = Profile::open(dir.path()).expect("opens").snapshot().expect("reads").cursors;
    assert_eq!(cursors.len(), 16);
    assert_eq!(cursors.last().map(|cursor| cursor.log), Some(50));
}

#[test]
fn what_is_deleted_is_not_on_the_disk_any_more() {
    let dir = temp();
    let line = OutgoingLine { text: "swordfish".repeat(300), ..outgoing("bob", 1) };
    let delete = OutgoingLine {
        manner: Manner::Delete { of: line.id },
        text: String::new(),
        ..outgoing("bob", 3)
    };
    let id = LineId([9; 16]);
    let theirs = ReceivedLine { id, text: "trustno1".repeat(300), ..received("bob", 1, 0) };
    let deletes = Manner::Delete { of: id };
    let deleted = ReceivedLine { manner: deletes, text: String::new(), ..received("bob", 2, 1) };
    let holds = |needle: &str| {
        let files = fs::read_dir(dir.path()).expect("a directory");
        let mut contents = files.map(|file| fs::read(file.expect("a file").path()).expect("reads"));
        contents.any(|bytes| bytes.windows(needle.len()).any(|window| window == needle.as_bytes()))
    };
    let mut database = Database::open(&dir.path().join("chat.db")).expect("opens");
    database.handle(&[
        StoreRequest::SaveContact(contact("bob")),
        StoreRequest::Queue(line),
        StoreRequest::Queue(outgoing("bob", 2)),
        StoreRequest::Receive(theirs),
    ]);
    assert!(holds("swordfish") && holds("trustno1"));
    let replies = database.handle(&[
        StoreRequest::QueueAbout { line: delete, pick: Pick::Back(3) },
        StoreRequest::Receive(deleted),
    ]);
    assert!(!replies.iter().any(|reply| matches!(reply, StoreReply::Failed(_))), "{replies:?}");
    assert!(!holds("swordfish") && !holds("trustno1"), "not even in the journal");
}

#[test]
fn what_answers_a_line_that_is_deleted_can_be_read_and_nothing_more_is_said_about_that_line() {
    let dir = temp();
    let line = outgoing("bob", 1);
    let about = |seq, manner| OutgoingLine { manner, ..outgoing("bob", seq) };
    let (reply, delete) = (Manner::Reply { to: line.id }, Manner::Delete { of: line.id });
    let queue_about = |line| StoreRequest::QueueAbout { line, pick: Pick::Back(1) };
    let mut replies = carry_out(
        &dir,
        vec![
            StoreRequest::SaveContact(contact("bob")),
            StoreRequest::Queue(line.clone()),
            StoreRequest::Receive(ReceivedLine { manner: reply, ..received("bob", 7, 0) }),
            StoreRequest::QueueAbout { line: about(2, delete), pick: Pick::Back(2) },
            StoreRequest::Page { with: address("bob"), before: None, limit: 9 },
            StoreRequest::Queue(outgoing("bob", 3)),
            queue_about(about(4, Manner::Delete { of: LineId([3; 16]) })),
            queue_about(about(5, Manner::Reply { to: LineId([3; 16]) })),
        ],
    );
    let refused = replies.pop();
    assert!(
        matches!(&refused, Some(StoreReply::Failed(failure)) if failure.kind == FailureKind::Deleted),
        "{refused:?}"
    );
    let Some(StoreReply::Page { lines, .. }) = replies.get(4) else { panic!("{replies:?}") };
    let quotes: Vec<_> = lines.iter().filter_map(|line| line.quote.as_ref()).collect();
    assert_eq!(quotes.len(), 1, "{lines:?}");
    assert_eq!(quotes[0].text, None);
}

/// The texts of what is owed behind a place.
fn owed(reply: Option<StoreReply>) -> Vec<String> {
    let Some(StoreReply::Unshown(lines)) = reply else { panic!("{reply:?}") };
    lines.into_iter().map(|unshown| unshown.line.text).collect()
}

#[test]
fn what_comes_is_owed_from_the_first_request_on_whoever_has_seen_it_and_until_it_is_taken() {
    let dir = temp();
    let receive = |seq| StoreRequest::Receive(received("bob", seq, seq - 1));
    let shown = |seq| StoreRequest::Shown(vec![(address("bob"), received("bob", seq, 0).id)]);
    let taken = |seq| StoreRequest::Taken { from: address("bob"), id: received("bob", seq, 0).id };
    let load = || StoreRequest::LoadOwed { after: Place(0), limit: 10 };
    let save = StoreRequest::SaveContact(contact("bob"));
    let first = vec![save.clone(), receive(1), receive(2), shown(1), load()];
    assert_eq!(owed(carry_out(&dir, first).pop()), ["line 2"], "1 has been seen before");
    let seen = vec![receive(3), shown(3), load()];
    assert_eq!(owed(carry_out(&dir, seen).pop()), ["line 2", "line 3"]);
    // What is taken need not be the first.
    assert_eq!(owed(carry_out(&dir, vec![taken(3), load()]).pop()), ["line 2"]);
    assert_eq!(owed(carry_out(&dir, vec![taken(2), load()]).pop()), [""; 0]);
    // Places of lines that were removed are used again.
    let again = vec![StoreRequest::RemoveContact(address("bob")), save, receive(4), load()];
    assert_eq!(owed(carry_out(&dir, again).pop()), ["line 4"]);
}

#[test]
fn of_whoever_is_removed_it_is_told_which_lines_waited() {
    let dir = temp();
    let (save, queue) = (StoreRequest::SaveContact, StoreRequest::Queue);
    let delivered = StoreRequest::Delivered {
        to: address("bob"),
        seq: 1,
        id: outgoing("bob", 1).id,
        at: Timestamp(9),
    };
    let mut requests = vec![save(contact("bob")), save(contact("eve")), queue(outgoing("eve", 9))];
    requests.extend((1..=3).map(|seq| queue(outgoing("bob", seq))));
    let remove = StoreRequest::RemoveContact(address("bob"));
    requests.extend([delivered, remove.clone(), remove]);
    let waited = [2, 3].map(|seq| DeliveredLine {
        seq,
        id: outgoing("bob", seq).id,
        reference: Some("r".to_owned()),
    });
    let expected = [StoreReply::Removed(waited.into()), StoreReply::Removed(Vec::new())];
    let mut memory = Memory::new();
    let replies: Vec<StoreReply> =
        requests.iter().map(|request| memory.handle(request.clone())).collect();
    assert_eq!(replies[replies.len() - 2..], expected);
    assert_eq!(carry_out(&dir, requests)[replies.len() - 2..], expected);
}

fn request() -> impl Strategy<Value = StoreRequest> {
    let name = prop_oneof![Just("bob"), Just("eve")];
    prop_oneof![
        name.clone().prop_map(|name| StoreRequest::SaveContact(contact(name))),
        (name.clone(), 1..40u64).prop_map(|(name, seq)| StoreRequest::Queue(outgoing(name, seq))),
        (name.clone(), 1..40u64, manner(), pick()).prop_map(|(name, seq, manner, pick)| {
            let line = OutgoingLine { manner, ..outgoing(name, seq) };
            StoreRequest::QueueAbout { line, pick }
        }),
        (name.clone(), 1..40u64, 0..3u64, manner()).prop_map(|(name, seq, back, manner)| {
            let line = received(name, seq, seq.saturating_sub(back));
            StoreRequest::Receive(ReceivedLine { manner, ..line })
        }),
        (name.clone(), proptest::option::of(1..30i64), 0..20usize).prop_map(
            |(name, before, limit)| StoreRequest::Page {
                with: address(name),
                before: before.map(Place),
                limit,
            }
        ),
        (proptest::option::of(name.clone()), 1..4usize).prop_map(|(name, limit)| {
            StoreRequest::Search { with: name.map(address), text: "1".to_owned(), limit }
        }),
        (name.clone(), 1..40u64).prop_map(|(name, seq)| {
            let OutgoingLine { to, id, .. } = outgoing(name, seq);
            StoreRequest::Read { to, seq, id, at: Timestamp(9) }
        }),
        (0..30i64, 1..5usize)
            .prop_map(|(after, limit)| StoreRequest::LoadUnshown { after: Place(after), limit }),
        (0..30i64, 1..5usize)
            .prop_map(|(after, limit)| StoreRequest::LoadOwed { after: Place(after), limit }),
        (name.clone(), 1..40u64).prop_map(|(name, seq)| StoreRequest::Taken {
            from: address(name),
            id: received(name, seq, 0).id,
        }),
        (name.clone(), "a{0,2}")
            .prop_map(|(name, text)| StoreRequest::SaveDraft { with: address(name), text }),
        ("[ab]", "[cd]").prop_map(|(name, value)| StoreRequest::SaveSetting { name, value }),
        (name.clone(), 1..40u64, 0..3u64).prop_map(|(name, seq, back)| {
            StoreRequest::Receive(received(name, seq, seq.saturating_sub(back)))
        }),
        (name.clone(), 1..40u64).prop_map(|(name, seq)| {
            let OutgoingLine { to, id, .. } = outgoing(name, seq);
            StoreRequest::Delivered { to, seq, id, at: Timestamp(9) }
        }),
        (name.clone(), 0..40u64, 1..20usize).prop_map(|(name, after, limit)| {
            StoreRequest::LoadOutbox { to: address(name), after, limit }
        }),
        (name.clone(), 1..40u64).prop_map(|(name, seq)| StoreRequest::Shown(vec![(
            address(name),
            received(name, seq, 0).id
        )])),
        (proptest::option::of(name), 1..40usize)
            .prop_map(|(name, limit)| { StoreRequest::History { with: name.map(address), limit } }),
    ]
}

fn manner() -> impl Strategy<Value = Manner> {
    let id = (1..40u8).prop_map(|id| LineId([id; 16]));
    prop_oneof![
        Just(Manner::Action),
        id.clone().prop_map(|to| Manner::Reply { to }),
        id.clone().prop_map(|of| Manner::Edit { of }),
        id.clone().prop_map(|of| Manner::Delete { of }),
        id.prop_map(|to| Manner::React { to }),
    ]
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![
        (1..40u8).prop_map(|id| Pick::Id(LineId([id; 16]))),
        (1..10u32).prop_map(Pick::Back),
        Just(Pick::Last(Direction::In)),
        Just(Pick::Last(Direction::Out)),
    ]
}

/// A failure without its words, in which the two may differ.
fn wordless(reply: StoreReply) -> StoreReply {
    match reply {
        StoreReply::Failed(mut failure) => {
            failure.place.clear();
            failure.cause.clear();
            StoreReply::Failed(failure)
        }
        other => other,
    }
}

#[test]
fn networks_that_were_left_long_ago_do_not_fill_the_tables() {
    let dir = temp();
    let mut requests = Vec::new();
    for network in 0..50 {
        let external = IpAddr::from([192, 0, 2, network]);
        let (idle, age, learned_at_ms) = (Duration::from_secs(30), Duration::from_secs(60), 1);
        requests.push(StoreRequest::SaveIdle(IdleLimit { external, idle }));
        requests.push(StoreRequest::SaveAge(AgeLimit { external, age, learned_at_ms }));
    }
    carry_out(&dir, requests);
    let snapshot = Profile::open(dir.path()).expect("opens").snapshot().expect("reads");
    assert_eq!((snapshot.idle.len(), snapshot.ages.len()), (16, 16));
    assert_eq!(
        snapshot.idle.last().map(|limit| limit.external.to_string()),
        Some("192.0.2.49".to_owned())
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_database_answer_alike(
        groups in proptest::collection::vec(proptest::collection::vec(request(), 1..8), 1..12),
        is_sealed in any::<bool>(),
    ) {
        let dir = temp();
        let path = dir.path().join("chat.db");
        let mut memory = Memory::new();
        for group in groups {
            let expected: Vec<StoreReply> = group
                .iter()
                .map(|request| wordless(memory.handle(request.clone())))
                .collect();
            let mut database = Database::open_either(&path, is_sealed).expect("opens");
            let actual: Vec<StoreReply> =
                database.handle(&group).into_iter().map(wordless).collect();
            prop_assert_eq!(actual, expected);
            prop_assert_eq!(database.snapshot().expect("reads"), memory.snapshot());
        }
    }
}
