//! Rooms on a disk, sealed or not, and in memory: the same is kept of them.

use std::sync::Arc;

use p2pchat_wire::identity::{Identity, Name};
use tempfile::TempDir;

use super::Memory;
use super::database::Database;
use crate::chat::room::{Access, Act, Body, Counted, End, Entry, Line, Log, LogId, Standing};
use crate::chat::rooms::{Answer, Receipt, Request};
use crate::chat::storage::{
    Contact, HistoryLine, KeptRoom, RoomReply, RoomRequest, StoreReply, StoreRequest,
};
use crate::chat::{Address, Format, LineId, LineState, Manner, Regard, Timestamp};

const NOW: u64 = 1_700_000_000_000;

fn name(name: &str) -> Name {
    Name::new(name).expect("a name")
}

fn tea() -> Address {
    Address::room(name("tea"), "rv")
}

fn contact() -> StoreRequest {
    StoreRequest::SaveContact(Contact {
        address: tea(),
        key: None,
        verified: false,
        offered: None,
        log: 1,
        last_seq: 0,
        waiting: 0,
        unread: 0,
        since: Timestamp(0),
        is_new: false,
        regard: Regard::default(),
    })
}

/// A room of alice's with bob, who keeps two lines of each log.
struct Room {
    alice: Identity,
    bob: Identity,
    log: Log,
    requests: Vec<StoreRequest>,
}

impl Room {
    fn new() -> Self {
        let (alice, bob) = (Identity::from_seed([1; 32]), Identity::from_seed([2; 32]));
        let create = Act::Create {
            room: name("tea"),
            host: "rv".to_owned(),
            name: name("alice"),
            access: Access::Open,
            keep: 2,
        };
        let log = Log::create(&alice, 1, NOW, create).expect("a room");
        let mut room = Self { alice, bob, requests: vec![contact()], log };
        room.ask(Request::Wanted(room.log.id(), true), None);
        room.keep(&Arc::clone(room.log.first()), false, None);
        room.join(&Identity::from_seed([2; 32]), "bob", 2);
        room
    }

    fn ask(&mut self, request: Request, author: Option<&str>) {
        let author = author.map(|author| Address::new(name(author), "rv"));
        let at = Timestamp(NOW + 5);
        let request = RoomRequest { room: tea(), request, author, hidden: false, at };
        self.requests.push(StoreRequest::Room(request));
    }

    fn keep(&mut self, entry: &Arc<Entry>, begins: bool, author: Option<&str>) {
        let (room, entry) = (self.log.id(), Arc::clone(entry));
        self.ask(Request::Entry { room, entry, begins }, author);
    }

    fn join(&mut self, who: &Identity, called: &str, stay: u64) {
        let join = Act::Join { name: name(called), host: "rv".to_owned() };
        let join = self.log.write(who, stay, NOW, Body::Act(join)).expect("an open room");
        self.keep(&join, false, None);
    }

    /// Bob says something, or alice, whose room it is.
    fn say(&mut self, by_bob: bool, id: u8, text: &str, manner: Manner) {
        let (who, stay) = if by_bob { (&self.bob, 2) } else { (&self.alice, 1) };
        let line = Line { id: LineId([id; 16]), text: text.to_owned(), manner };
        let said = self.log.write(who, stay, NOW, Body::Line(line)).expect("a member");
        let begins = said.header().place.seq() == 1;
        self.keep(&said, begins, by_bob.then_some("bob"));
    }
}

fn database() -> (TempDir, impl FnMut(Vec<StoreRequest>) -> Vec<StoreReply>) {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let path = dir.path().join("chat.db");
    // Opened again each time: nothing is in memory alone.
    let handle = move |requests: Vec<StoreRequest>| {
        Database::open_either(&path, true).expect("opens").handle(&requests)
    };
    (dir, handle)
}

fn rooms(dir: &TempDir) -> Vec<KeptRoom> {
    let database = Database::open_either(&dir.path().join("chat.db"), true).expect("opens");
    database.snapshot().expect("reads").rooms
}

fn page() -> StoreRequest {
    StoreRequest::Page { with: tea(), before: None, limit: 100 }
}

fn lines(reply: StoreReply) -> Vec<HistoryLine> {
    let StoreReply::Page { lines, .. } = reply else { panic!("a page: {reply:?}") };
    lines
}

fn story() -> Room {
    let mut room = Room::new();
    room.say(true, 1, "hello", Manner::Text);
    room.say(false, 2, "tea?", Manner::Text);
    room.say(true, 3, "a secret", Manner::Text);
    room.say(true, 4, "yes", Manner::Reply { to: LineId([2; 16]) });
    room.say(true, 5, "", Manner::Delete { of: LineId([3; 16]) });
    room.say(false, 6, "Tea?", Manner::Edit { of: LineId([2; 16]) });
    let receipt = Receipt { first: 1, last: 2, gone: false };
    let member = room.bob.id();
    let of = room.log.id();
    room.ask(Request::Receipt { room: of, stay: 1, member, receipt }, None);
    room.join(&Identity::from_seed([3; 32]), "carol", 3);
    room
}

#[test]
fn a_room_is_read_again_as_it_was_kept() {
    let room = story();
    let (dir, mut handle) = database();
    let mut memory = Memory::new();
    let replies = handle(room.requests.clone());
    let kept: Vec<StoreReply> =
        room.requests.iter().map(|request| memory.handle(request.clone())).collect();
    assert_eq!(replies, kept);
    let failed = |reply: &&StoreReply| {
        matches!(
            reply,
            StoreReply::Failed(_) | StoreReply::Room(RoomReply { answer: Answer::Failed, .. })
        )
    };
    assert_eq!(replies.iter().find(failed), None);

    let [kept] = &rooms(&dir)[..] else { panic!("one room") };
    assert_eq!(std::slice::from_ref(kept), &memory.snapshot().rooms[..]);
    assert_eq!((kept.id, &kept.address), (room.log.id(), &tea()));
    let stored = &kept.stored;
    assert!(stored.wanted);
    assert_eq!(stored.acts.len(), 3);
    let mut log = Log::open(kept.id, stored.acts[0].clone()).expect("a room");
    log.restore(stored.acts.iter().skip(1).cloned());
    stored.lines.iter().for_each(|(first, last)| log.resume_lines(first, last));
    assert_eq!(log.state(), room.log.state());
    assert_eq!(log.digest(), room.log.digest());
    let carol = Identity::from_seed([3; 32]).id();
    let floor = |author, stay| stored.floors.get(&(carol, LogId { author, stay })).copied();
    assert_eq!((floor(room.bob.id(), 2), floor(room.alice.id(), 1)), (Some(3), Some(1)));
    assert_eq!(stored.receipts.len(), 1);
}

#[test]
fn lines_of_a_room_are_history_with_their_authors() {
    let room = story();
    let (_dir, mut handle) = database();
    let mut memory = Memory::new();
    for request in &room.requests {
        memory.handle(request.clone());
    }
    handle(room.requests.clone());
    let page_of = |reply| {
        let author = |line: &HistoryLine| line.author.as_ref().map(|author| author.to_string());
        let fields = |line: HistoryLine| (author(&line), line.text, line.deleted, line.state);
        lines(reply).into_iter().map(fields).collect::<Vec<_>>()
    };
    let bob = || Some("bob@rv".to_owned());
    let expected = vec![
        (bob(), "hello".to_owned(), false, LineState::Delivered),
        (None, "Tea?".to_owned(), false, LineState::Sent),
        (bob(), String::new(), true, LineState::Delivered),
        (bob(), "yes".to_owned(), false, LineState::Delivered),
    ];
    assert_eq!(page_of(handle(vec![page()]).swap_remove(0)), expected);
    assert_eq!(page_of(memory.handle(page())), expected);

    // All have it.
    let (room, id, at) = (tea(), LineId([2; 16]), Timestamp(NOW + 9));
    let delivered = StoreRequest::RoomDelivered { room, id, at };
    memory.handle(delivered.clone());
    let replies = handle(vec![delivered, page()]);
    for page in [replies[1].clone(), memory.handle(page())] {
        assert_eq!(page_of(page)[1].3, LineState::Delivered);
    }
}

#[test]
fn lines_are_passed_on_without_a_gap_and_without_what_was_taken_back() {
    let room = story();
    let (_dir, mut handle) = database();
    let mut memory = Memory::new();
    for request in &room.requests {
        memory.handle(request.clone());
    }
    handle(room.requests.clone());
    let log = LogId { author: room.bob.id(), stay: 2 };
    let read = |from, bytes| {
        let request = Request::Lines { room: room.log.id(), log, from, to: 9, bytes };
        let at = Timestamp(NOW);
        StoreRequest::Room(RoomRequest { room: tea(), request, author: None, hidden: false, at })
    };
    for (from, bytes, count) in [(1, 1 << 20, 4), (1, 1, 1), (3, 1 << 20, 2), (9, 1 << 20, 0)] {
        for reply in
            [handle(vec![read(from, bytes)]).swap_remove(0), memory.handle(read(from, bytes))]
        {
            let StoreReply::Room(RoomReply { answer: Answer::Lines(lines), .. }) = reply else {
                panic!("lines")
            };
            assert_eq!(lines.len(), count);
            for (line, seq) in lines.iter().zip(from..) {
                let line = Entry::decode(line).expect("an entry");
                assert!(line.is_authentic() && line.header().place.seq() == seq);
                assert_eq!(line.body() == &Body::Erased, seq == 2, "{seq}");
            }
        }
    }
}

#[test]
fn who_opens_a_copy_is_to_begin_a_new_stay_and_is_told_so_until_there_is_one() {
    let room = story();
    let (dir, mut handle) = database();
    handle(room.requests.clone());
    assert!(!rooms(&dir)[0].stored.copied);
    let copy = tempfile::tempdir().expect("a directory for the test");
    let (from, to) = (dir.path().join("chat.db"), copy.path().join("chat.db"));
    std::fs::copy(from, &to).expect("copies");
    let is_noticed = to.metadata().and_then(|file| file.created()).is_ok();
    for _ in 0..2 {
        assert_eq!(rooms(&copy)[0].stored.copied, is_noticed);
    }
    assert!(!rooms(&dir)[0].stored.copied);
    let request = Request::Renewed(room.log.id());
    let at = Timestamp(NOW);
    let request = RoomRequest { room: tea(), request, author: None, hidden: false, at };
    Database::open_either(&to, true).expect("opens").handle(&[StoreRequest::Room(request)]);
    assert!(!rooms(&copy)[0].stored.copied);
}

#[test]
fn a_line_is_not_kept_behind_one_that_is_missing() {
    let room = story();
    let (_dir, mut handle) = database();
    let mut memory = Memory::new();
    let first = |request: &StoreRequest| {
        matches!(
            request,
            StoreRequest::Room(RoomRequest {
                request: Request::Entry { begins: true, .. },
                author: Some(_),
                ..
            })
        )
    };
    let without: Vec<StoreRequest> =
        room.requests.iter().filter(|request| !first(request)).cloned().collect();
    let failures = |replies: Vec<StoreReply>| {
        let failed = |reply: &&StoreReply| {
            matches!(reply, StoreReply::Room(RoomReply { answer: Answer::Failed, .. }))
        };
        replies.iter().filter(failed).count()
    };
    let kept = without.iter().map(|request| memory.handle(request.clone())).collect();
    assert_eq!((failures(handle(without)), failures(kept)), (3, 3));
}

#[test]
fn what_does_not_count_does_not_count_after_an_import_either() {
    let mut room = Room::new();
    room.say(true, 1, "nonsense", Manner::Text);
    room.say(false, 2, "tea?", Manner::Text);
    let log = LogId { author: room.bob.id(), stay: 2 };
    let kicked = Standing::Withdrawn(End::Kicked);
    let counted = Counted { log, lines: 0, acts: u64::MAX, rest: kicked };
    let (id, key) = (room.log.id(), room.alice.id());
    room.requests.push(StoreRequest::RoomStanding { room: tea(), id, counted });
    let dir = tempfile::tempdir().expect("a directory for the test");
    let open = |name| Database::open_either(&dir.path().join(name), false).expect("opens");
    let (mut old, mut new) = (open("old.db"), open("new.db"));
    old.handle(&room.requests);
    let mut file = Vec::new();
    let zone = jiff::tz::TimeZone::UTC;
    old.export(key, Format::Json, None, &zone, &mut file).expect("writes");
    let file = String::from_utf8(file).expect("text");

    new.import(key, &mut file.as_bytes(), &mut || 7).expect("imports");
    let lines = new.history(None, 9).expect("reads");
    let told: Vec<_> = lines.iter().map(|line| (&*line.text, line.standing)).collect();
    assert_eq!(told, [("", kicked), ("tea?", Standing::Counts)]);
    for why in ["0", "5"] {
        let other = file.replace("\"withdrawn\":2", &format!("\"withdrawn\":{why}"));
        assert_ne!(other, file);
        assert!(open(why).import(key, &mut other.as_bytes(), &mut || 7).is_err(), "{why}");
    }
}

#[test]
fn lines_that_do_not_count_are_shown_as_withdrawn_and_come_back_if_they_do() {
    let mut room = Room::new();
    room.say(true, 1, "first", Manner::Text);
    room.say(false, 2, "tea?", Manner::Text);
    room.say(true, 3, "+", Manner::React { to: LineId([2; 16]) });
    let of = room.log.id();
    let kicked = Standing::Withdrawn(End::Kicked);
    let log = LogId { author: room.bob.id(), stay: 2 };
    room.say(true, 4, "-", Manner::React { to: LineId([2; 16]) });
    room.say(true, 5, "a secret", Manner::Text);
    room.say(true, 6, "changed", Manner::Edit { of: LineId([1; 16]) });
    room.say(true, 7, "a greater secret", Manner::Edit { of: LineId([5; 16]) });
    room.say(false, 8, "what?", Manner::Reply { to: LineId([5; 16]) });
    let (_dir, mut handle) = database();
    let mut memory = Memory::new();
    for request in &room.requests {
        memory.handle(request.clone());
    }
    handle(room.requests.clone());
    let mut both = |request: StoreRequest| {
        let reply = handle(vec![request.clone()]).swap_remove(0);
        assert_eq!(reply, memory.handle(request));
        reply
    };
    let search =
        |text: &str| StoreRequest::Search { with: Some(tea()), text: text.to_owned(), limit: 9 };
    let mut stand = |lines, rest| {
        let counted = Counted { log, lines, acts: u64::MAX, rest };
        both(StoreRequest::RoomStanding { room: tea(), id: of, counted })
    };
    let five = || vec![LineId([5; 16])];
    let told = stand(2, kicked);
    assert_eq!(told, StoreReply::Standing { withdrawn: five(), restored: vec![] });
    let told = stand(2, kicked);
    assert_eq!(told, StoreReply::Standing { withdrawn: vec![], restored: vec![] });
    let now = lines(both(page()));
    assert_eq!((&*now[0].text, now[0].edited_at), ("first", None), "the edit does not count");
    assert_eq!(now[1].reactions[0].text, "+", "nor does the second reaction");
    assert_eq!((&*now[2].text, now[2].standing), ("", kicked));
    assert_eq!(now[3].quote.as_ref().map(|quote| quote.text.clone()), Some(None));
    assert_eq!(both(search("secret")), StoreReply::History(vec![]));

    let counted = Counted { log, lines: u64::MAX, acts: u64::MAX, rest: Standing::Counts };
    let told = both(StoreRequest::RoomStanding { room: tea(), id: of, counted });
    let restored = vec![(LineId([5; 16]), "a greater secret".to_owned())];
    assert_eq!(told, StoreReply::Standing { withdrawn: vec![], restored });
    let now = lines(both(page()));
    let texts: Vec<&str> = now.iter().map(|line| &*line.text).collect();
    assert_eq!(texts, ["changed", "tea?", "a greater secret", "what?"]);
    assert_eq!(now[1].reactions[0].text, "-");
    let StoreReply::History(found) = both(search("secret")) else { panic!("found") };
    assert_eq!(found.len(), 1);
}

#[test]
fn each_member_has_a_reaction_of_its_own() {
    let mut room = Room::new();
    room.say(false, 1, "tea?", Manner::Text);
    room.join(&Identity::from_seed([3; 32]), "carol", 3);
    room.say(true, 2, "+", Manner::React { to: LineId([1; 16]) });
    let carol = Identity::from_seed([3; 32]);
    let line = Line {
        id: LineId([3; 16]),
        text: "-".to_owned(),
        manner: Manner::React { to: LineId([1; 16]) },
    };
    let said = room.log.write(&carol, 3, NOW, Body::Line(line)).expect("a member");
    room.keep(&said, true, Some("carol"));
    room.say(false, 4, "!", Manner::React { to: LineId([1; 16]) });
    let (_dir, mut handle) = database();
    let mut memory = Memory::new();
    let kept = room.requests.iter().map(|request| memory.handle(request.clone()));
    let kept: Vec<StoreReply> = kept.collect();
    assert_eq!(handle(room.requests.clone()), kept);
    let page_of = lines(handle(vec![page()]).swap_remove(0));
    assert_eq!(page_of, lines(memory.handle(page())));
    let reactions: Vec<_> = (page_of[0].reactions.iter())
        .map(|one| (one.author.as_ref().map(ToString::to_string), &*one.text))
        .collect();
    let by = |name: &str| Some(format!("{name}@rv"));
    assert_eq!(reactions, [(None, "!"), (by("bob"), "+"), (by("carol"), "-")]);
}
