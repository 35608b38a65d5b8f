//! A profile that goes from one computer to another as a file, and lines that grow old.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use tempfile::TempDir;

use super::database::Database;
use super::import::{ImportError, Imported};
use super::search_tests::{about, address, id, ours, save_contact, theirs};
use crate::chat::storage::{
    Contact, HistoryLine, ReceivedLine, Snapshot, StoreReply, StoreRequest,
};
use crate::chat::{Address, Format, Manner, Retention, Timestamp};
use p2pchat_wire::identity::PeerId;

const ME: PeerId = PeerId([9; 32]);

struct Disk {
    _dir: TempDir,
    database: Database,
}

impl Disk {
    fn new() -> Self {
        Self::either(false)
    }

    fn either(is_sealed: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = dir.path().join("chat.db");
        let database = Database::open_either(&path, is_sealed).expect("opens");
        Self { _dir: dir, database }
    }

    fn filled() -> Self {
        Self::new().fill()
    }

    /// With a little of everything in it.
    fn fill(self) -> Self {
        let mut disk = self;
        let bob = address("bob");
        let (delivered, at) = (id(1), Timestamp(70));
        disk.carry_out(vec![
            save_contact("bob"),
            save_contact("eve"),
            StoreRequest::Queue(ours("bob", 1, "delivered \u{1b}[31m *bold*")),
            StoreRequest::Delivered { to: bob.clone(), seq: 1, id: delivered, at },
            theirs("bob", 2, "# seen\n1. two"),
            StoreRequest::Shown(vec![(bob, id(2))]),
            about(ours("bob", 3, "👍"), 2, Manner::React { to: id(2) }),
            about(ours("bob", 4, "edited"), 1, Manner::Edit { of: id(1) }),
            StoreRequest::Queue(ours("eve", 5, "gone")),
            about(ours("eve", 8, ""), 5, Manner::Delete { of: id(5) }),
            theirs("eve", 6, "unseen \u{202e}开会"),
            StoreRequest::Queue(ours("eve", 7, "waiting")),
        ]);
        disk
    }

    fn carry_out(&mut self, requests: Vec<StoreRequest>) -> Vec<StoreReply> {
        self.database.handle(&requests)
    }

    fn export(&self, format: Format) -> String {
        let mut out = Vec::new();
        let zone = TimeZone::UTC;
        self.database.export(ME, format, None, &zone, &mut out).expect("writes");
        String::from_utf8(out).expect("text")
    }

    fn import(&mut self, file: &str) -> Result<Imported, ImportError> {
        let mut log = 1000;
        self.database.import(ME, &mut file.as_bytes(), &mut || {
            log += 1;
            log
        })
    }

    fn lines(&self) -> Vec<HistoryLine> {
        self.database.history(None, 100).expect("reads")
    }

    fn snapshot(&self) -> Snapshot {
        self.database.snapshot().expect("reads")
    }
}

/// Without the places, which mean nothing elsewhere.
fn placeless(lines: Vec<HistoryLine>) -> Vec<String> {
    let place = crate::chat::Place(0);
    lines.into_iter().map(|line| format!("{:?}", HistoryLine { place, ..line })).collect()
}

#[test]
fn a_copy_says_what_the_original_said() {
    for sealed in [[false, false], [false, true], [true, false]] {
        let [old, mut new] = sealed.map(Disk::either);
        let old = old.fill();
        let file = old.export(Format::Json);
        let imported = new.import(&file).expect("imports");
        assert_eq!((imported.contacts, imported.known, imported.other_keys), (2, 0, 0));
        assert_eq!(placeless(new.lines()), placeless(old.lines()));
        let (before, after) = (old.snapshot(), new.snapshot());
        assert_eq!(before.unshown, after.unshown);
        assert_eq!(before.cursors, after.cursors);
        for (before, after) in before.contacts.iter().zip(&after.contacts) {
            assert_eq!((before.key, before.waiting), (after.key, after.waiting));
            assert_ne!(before.log, after.log, "no number of the old computer's is used again");
        }
        assert_eq!(new.export(Format::Text), old.export(Format::Text));
    }
}

#[test]
fn an_import_may_be_repeated_and_changes_nothing_that_is_there() {
    let (old, mut new) = (Disk::filled(), Disk::new());
    let file = old.export(Format::Json);
    let first = new.import(&file).expect("imports");
    new.carry_out(vec![about(ours("bob", 50, "later"), 1, Manner::Edit { of: id(1) })]);
    let before = new.lines();
    let again = new.import(&file).expect("imports again");
    assert_eq!((again.lines, again.known, again.undelivered), (0, first.lines, 0));
    assert_eq!(new.lines(), before);
}

#[test]
fn older_lines_stand_before_those_that_are_here() {
    let (old, mut new) = (Disk::filled(), Disk::new());
    new.carry_out(vec![save_contact("bob"), theirs("bob", 900, "newest")]);
    new.import(&old.export(Format::Json)).expect("imports");
    let texts: Vec<String> = new.lines().into_iter().map(|line| line.text).collect();
    assert_eq!(texts.last().map(String::as_str), Some("newest"), "{texts:?}");
    assert_eq!(
        texts[..texts.len() - 1],
        old.lines().into_iter().map(|line| line.text).collect::<Vec<_>>()
    );
    let found = new.database.search(None, "开会", 9).expect("reads");
    assert_eq!(found.len(), 1, "it can be found, too");
}

#[test]
fn a_contact_s_key_is_not_changed_by_a_file() {
    let (old, mut new) = (Disk::filled(), Disk::new());
    let file = old.export(Format::Json);
    new.import(&file).expect("imports");
    let other = PeerId([7; 32]).to_string();
    let file = file.replace(&other, &PeerId([8; 32]).to_string());
    assert_eq!(new.import(&file).expect("imports").other_keys, 2);
    assert!(new.snapshot().contacts.iter().all(|contact| contact.key == Some(PeerId([7; 32]))));
}

#[test]
fn what_others_wrote_does_nothing_in_any_form() {
    let old = Disk::filled();
    for format in [Format::Text, Format::Markdown, Format::Json] {
        let written = old.export(format);
        let wild = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!written.contains(wild), "{written:?}");
    }
    let markdown = old.export(Format::Markdown);
    assert!(markdown.contains("** # seen  \n  1\\. two"), "{markdown}");
    assert!(markdown.starts_with("## 1970-01-01\n"), "{markdown}");
    let text = old.export(Format::Text);
    assert!(text.contains("me > bob@rv  edited (edited)"), "{text}");
    assert!(text.contains("[me: 👍]"), "{text}");
}

#[test]
fn what_was_said_in_a_room_keeps_its_authors() {
    for sealed in [[false, false], [false, true], [true, false]] {
        let [mut old, mut new] = sealed.map(Disk::either);
        let tea = Address::room(address("tea").name, "rv");
        let room = |request| match request {
            StoreRequest::SaveContact(contact) => {
                StoreRequest::SaveContact(Contact { address: tea.clone(), key: None, ..contact })
            }
            StoreRequest::Receive(line) => StoreRequest::Receive(ReceivedLine {
                author: Some(line.from.clone()),
                peer: PeerId([line.from.name.as_str().len() as u8; 32]),
                from: tea.clone(),
                ..line
            }),
            other => other,
        };
        let reacts = |who: &str, number| match theirs(who, number, "👍") {
            StoreRequest::Receive(line) => {
                StoreRequest::Receive(ReceivedLine { manner: Manner::React { to: id(1) }, ..line })
            }
            other => other,
        };
        let requests = vec![
            save_contact("tea"),
            theirs("carol", 1, "who wants tea?"),
            theirs("爱丽丝", 2, "我要"),
            reacts("bob", 3),
            reacts("爱丽丝", 4),
            reacts("eleven", 5),
        ];
        old.carry_out(requests.into_iter().map(room).collect());
        new.import(&old.export(Format::Json)).expect("imports");
        assert_eq!(placeless(new.lines()), placeless(old.lines()));
        let authors = new.lines().into_iter().map(|line| line.author);
        let both = ["carol", "爱丽丝"].map(|name| Some(address(name)));
        assert_eq!(authors.collect::<Vec<_>>(), both);
        let text = new.export(Format::Text);
        assert!(text.contains("carol@rv > #tea@rv  who wants tea?"), "{text}");
        assert!(text.contains("[eleven: 👍]"), "{text}");
        let markdown = new.export(Format::Markdown);
        assert!(markdown.contains("**爱丽丝@rv > #tea@rv** 我要"), "{markdown}");
    }
}

#[test]
fn what_is_no_export_is_refused_whole() {
    let mut new = Disk::new();
    let file = Disk::filled().export(Format::Json);
    let (header, rest) = file.split_once('\n').expect("has lines");
    let long = format!("{header}\n{}\n", "x".repeat(2 << 20));
    let cut = &file[..file.len() - 40];
    let text = format!("{header}\n{}", rest.replacen("unseen", &"x".repeat(70_000), 1));
    for broken in ["", "\n", "{}", "hello", rest, &long, cut, &text, &format!("{header}\n{file}")] {
        let error = new.import(broken).expect_err("is broken");
        assert!(matches!(error, ImportError::Malformed { .. }), "{error}");
    }
    let other = file.replace(&ME.to_string(), &PeerId([8; 32]).to_string());
    assert!(matches!(new.import(&other), Err(ImportError::OtherIdentity { .. })));
    let newer = file.replacen("\"version\":1", "\"version\":2", 1);
    assert!(matches!(new.import(&newer), Err(ImportError::Newer(2))));
    assert_eq!((new.lines(), new.snapshot().contacts), (Vec::new(), Vec::new()));
    let more = format!("{header}\n{{\"type\":\"hologram\",\"x\":1}}\n{rest}");
    assert!(new.import(&more).is_ok(), "what a newer program adds is skipped");
}

#[test]
fn old_lines_are_removed_unless_somebody_waits_for_them() {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let mut disk = Disk::filled();
    let now = Timestamp(100 * DAY);
    let more = (0..500).map(|number| theirs("bob", 1000 + number, "old"));
    disk.carry_out(more.collect());
    disk.carry_out(vec![StoreRequest::Shown(vec![(address("bob"), id(1499))])]);
    assert!(!disk.database.tidy(now).expect("works"), "for good, if nobody says otherwise");
    assert_eq!(disk.lines().len(), 100);
    disk.database.set_retention(Retention::Days(101)).expect("writes");
    while disk.database.tidy(now).expect("works") {}
    assert_eq!(disk.database.search(None, "old", 1000).expect("reads").len(), 500);
    disk.database.set_retention(Retention::Days(99)).expect("writes");
    let mut steps = 1;
    while disk.database.tidy(now).expect("works") {
        steps += 1;
    }
    assert!(steps > 2, "a few at a time");
    let texts: Vec<String> = disk.lines().into_iter().map(|line| line.text).collect();
    assert_eq!(texts, ["", "unseen \u{202e}开会", "waiting"], "undelivered and unseen lines stay");
    assert_eq!(disk.database.search(None, "old", 9).expect("reads"), []);
    assert_eq!(disk.database.retention().expect("reads"), Retention::Days(99));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_an_import_panic(
        line in 0..12usize, at in any::<proptest::sample::Index>(), with in any::<String>(),
    ) {
        let file = Disk::filled().export(Format::Json);
        let mut lines: Vec<String> = file.lines().map(str::to_owned).collect();
        let index = line % lines.len();
        let broken = &mut lines[index];
        let mut at = at.index(broken.len());
        while !broken.is_char_boundary(at) {
            at -= 1;
        }
        broken.insert_str(at, &with);
        let _ = Disk::new().import(&lines.join("\n"));
    }
}

#[test]
fn an_export_is_read_by_what_it_says_and_not_by_its_order() {
    let file = Disk::filled().export(Format::Json);
    let (header, rest) = file.split_once('\n').expect("has lines");
    let mut lines: Vec<&str> = rest.lines().collect();
    lines.reverse();
    let mut new = Disk::new();
    let imported = new.import(&format!("{header}\n{}", lines.join("\n"))).expect("imports");
    assert_eq!(imported.contacts, 2);
    assert!(new.snapshot().contacts.iter().all(|contact| contact.key.is_some()));
}
