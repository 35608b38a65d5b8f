//! Finding lines in a database on a real disk.

use std::fs;

use p2pchat_wire::identity::{Name, PeerId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::database::Database;
use crate::chat::storage::{
    Contact, HistoryLine, OutgoingLine, Pick, ReceivedLine, StoreReply, StoreRequest,
};
use crate::chat::{Address, Audience, LineId, Manner, Timestamp};

pub(super) fn address(name: &str) -> Address {
    Address::new(Name::new(name).expect("valid"), "rv")
}

pub(super) fn id(number: u64) -> LineId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    LineId(id)
}

pub(super) fn save_contact(name: &str) -> StoreRequest {
    StoreRequest::SaveContact(Contact {
        address: address(name),
        key: Some(PeerId([7; 32])),
        verified: false,
        offered: None,
        log: 1,
        last_seq: 0,
        waiting: 0,
        unread: 0,
        since: Timestamp(5),
        is_new: false,
        regard: crate::chat::Regard::default(),
    })
}

pub(super) fn ours(to: &str, number: u64, text: &str) -> OutgoingLine {
    OutgoingLine {
        to: address(to),
        seq: number,
        id: id(number),
        sent_at: Timestamp(number),
        audience: Audience::You,
        text: text.to_owned(),
        manner: Manner::Text,
        reference: None,
    }
}

pub(super) fn theirs(from: &str, number: u64, text: &str) -> StoreRequest {
    StoreRequest::Receive(ReceivedLine {
        author: None,
        from: address(from),
        peer: PeerId([7; 32]),
        // A log of its own, so that each is the first.
        log: number,
        seq: 1,
        after: 0,
        id: id(number),
        sent_at: Timestamp(number),
        received_at: Timestamp(number),
        audience: Audience::You,
        text: text.to_owned(),
        manner: Manner::Text,
    })
}

pub(super) fn about(line: OutgoingLine, target: u64, manner: Manner) -> StoreRequest {
    StoreRequest::QueueAbout { line: OutgoingLine { manner, ..line }, pick: Pick::Id(id(target)) }
}

struct Disk {
    dir: TempDir,
    database: Option<Database>,
    is_sealed: bool,
}

impl Disk {
    /// One that is clear, and one that is sealed.
    fn both() -> [Self; 2] {
        [false, true].map(Self::new)
    }

    fn new(is_sealed: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let mut disk = Self { dir, database: None, is_sealed };
        disk.reopen();
        disk.carry_out(vec![save_contact("bob"), save_contact("eve")]);
        disk
    }

    fn reopen(&mut self) {
        self.database = None;
        let path = self.dir.path().join("chat.db");
        self.database = Some(Database::open_either(&path, self.is_sealed).expect("opens"));
    }

    fn database(&mut self) -> &mut Database {
        self.database.as_mut().expect("is open")
    }

    fn carry_out(&mut self, requests: Vec<StoreRequest>) {
        let replies = self.database().handle(&requests);
        let failed = replies.iter().any(|reply| matches!(reply, StoreReply::Failed(_)));
        assert!(!failed, "{replies:?}");
    }

    fn find(&mut self, with: Option<&str>, text: &str, limit: usize) -> Vec<HistoryLine> {
        let with = with.map(address);
        self.database().search(with.as_ref(), text, limit).expect("reads")
    }

    fn texts(&mut self, text: &str) -> Vec<String> {
        self.find(None, text, 100).into_iter().map(|line| line.text).collect()
    }

    /// Has the next opening find the index made by other rules.
    fn age(&mut self) {
        self.database = None;
        let connection = Connection::open(self.dir.path().join("chat.db")).expect("opens");
        connection.execute("UPDATE line_index SET rules = 'others'", []).expect("writes");
        drop(connection);
        self.reopen();
    }

    fn tidy(&mut self) {
        while self.database().tidy(Timestamp(0)).expect("works") {}
    }
}

#[test]
fn lines_are_found_the_newest_first_with_one_person_or_all() {
    for mut disk in Disk::both() {
        disk.carry_out(vec![
            StoreRequest::Queue(ours("bob", 1, "明天开会吗？")),
            theirs("bob", 2, "开会在三点"),
            theirs("eve", 3, "Meeting 开会 at three"),
            StoreRequest::Queue(ours("eve", 4, "no meeting")),
        ]);
        assert_eq!(disk.texts("开会"), ["Meeting 开会 at three", "开会在三点", "明天开会吗？"]);
        assert_eq!(disk.texts("meet"), ["no meeting", "Meeting 开会 at three"]);
        assert_eq!(disk.texts("meet 开会"), ["Meeting 开会 at three"]);
        let places = |lines: Vec<HistoryLine>| lines.iter().map(|line| line.id).collect::<Vec<_>>();
        assert_eq!(places(disk.find(Some("bob"), "开会", 9)), [id(2), id(1)]);
        assert_eq!(places(disk.find(None, "开会", 2)), [id(3), id(2)]);
        assert_eq!(places(disk.find(Some("carol"), "开会", 9)), []);
        assert_eq!(places(disk.find(None, "开会", 0)), []);
    }
}

#[test]
fn what_is_typed_is_never_a_question_in_the_index_s_language() {
    for mut disk in Disk::both() {
        disk.carry_out(vec![
            theirs("bob", 1, "apples OR \"pears\" near them"),
            theirs("bob", 2, "pears"),
        ]);
        for typed in [
            "\"",
            "*",
            "apples OR figs",
            "terms:apples",
            "NEAR(figs",
            "a\"b",
            "- ^ ( ) :",
            "\0",
            "",
        ] {
            assert_eq!(disk.texts(typed), [] as [&str; 0], "{typed:?}");
        }
        assert_eq!(disk.texts("pears OR apples").len(), 1);
        assert_eq!(disk.texts("NEAR(pears"), ["apples OR \"pears\" near them"]);
        // The term that all of a contact's lines share cannot be typed.
        assert_eq!(disk.texts("¤1"), [] as [&str; 0]);
    }
}

#[test]
fn an_edited_line_is_found_by_what_it_says_now_and_a_deleted_one_not_at_all() {
    for mut disk in Disk::both() {
        disk.carry_out(vec![
            StoreRequest::Queue(ours("bob", 1, "the first draft")),
            about(ours("bob", 2, "the final word"), 1, Manner::Edit { of: id(1) }),
            StoreRequest::Queue(ours("bob", 3, "a secret")),
        ]);
        assert_eq!(disk.texts("draft"), [] as [&str; 0]);
        assert_eq!(
            disk.texts("final"),
            ["the final word"],
            "once, and not the line that changed it"
        );
        assert_eq!(disk.texts("secret"), ["a secret"]);
        disk.carry_out(vec![about(ours("bob", 4, ""), 3, Manner::Delete { of: id(3) })]);
        assert_eq!(disk.texts("secret"), [] as [&str; 0]);
    }
}

#[test]
fn what_is_deleted_leaves_the_index_too() {
    for mut disk in Disk::both() {
        disk.carry_out(vec![StoreRequest::Queue(ours("bob", 1, "xylophone"))]);
        disk.carry_out(vec![about(ours("bob", 2, ""), 1, Manner::Delete { of: id(1) })]);
        disk.database = None;
        let bytes = fs::read(disk.dir.path().join("chat.db")).expect("is there");
        let holds = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
        assert!(!holds(b"xylo"), "neither the text nor a term of it is left in the file");
        assert!(!disk.dir.path().join("chat.db-wal").exists());
    }
}

#[test]
fn an_old_database_is_indexed_bit_by_bit_and_searched_all_the_while() {
    let mut disk = Disk::new(false);
    let lines =
        (1..=1200).map(|number| theirs("bob", number, &format!("word{} 开会", number % 100)));
    disk.carry_out(lines.collect());
    disk.age();
    let mut seen = vec![disk.find(None, "word7", 99)];
    assert_eq!(seen[0].len(), 99);
    while disk.database().tidy(Timestamp(0)).expect("works") {
        seen.push(disk.find(None, "word7", 99));
        disk.carry_out(vec![theirs("eve", 5000 + seen.len() as u64, "meanwhile")]);
    }
    assert_eq!(seen.len(), 3, "in three steps");
    seen.push(disk.find(None, "word7", 99));
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(disk.texts("meanwhile").len(), 2);
    disk.reopen();
    assert!(!disk.database().tidy(Timestamp(0)).expect("works"), "it is done once");
}

#[test]
fn lines_that_change_before_they_are_indexed_are_indexed_as_they_are() {
    let mut disk = Disk::new(false);
    disk.carry_out(vec![
        StoreRequest::Queue(ours("bob", 1, "alpha")),
        StoreRequest::Queue(ours("bob", 2, "beta")),
    ]);
    disk.age();
    disk.carry_out(vec![
        about(ours("bob", 3, "gamma"), 1, Manner::Edit { of: id(1) }),
        about(ours("bob", 4, ""), 2, Manner::Delete { of: id(2) }),
    ]);
    for _ in 0..2 {
        let found = ["alpha", "beta", "gamma"].map(|word| disk.texts(word).len());
        assert_eq!(found, [0, 0, 1]);
        disk.tidy();
    }
}

#[test]
fn a_sealed_profile_is_indexed_in_memory_and_searched_from_the_beginning() {
    let mut disk = Disk::new(true);
    let lines = (1..=700).map(|number| theirs("bob", number, &format!("word{}", number % 10)));
    disk.carry_out(lines.collect());
    for _ in 0..2 {
        let found = disk.find(None, "word7", 99);
        assert_eq!(found.len(), 70);
        disk.tidy();
        assert_eq!(disk.find(None, "word7", 99), found);
        disk.reopen();
    }
    let connection = Connection::open(disk.dir.path().join("chat.db")).expect("opens");
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'line_terms%'";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0)).expect("reads");
    assert_eq!(tables, 0, "nothing of an index is on the disk");
}
