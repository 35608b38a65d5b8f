//! The examples of `docs/protocol.md` that two chats say to each other.

#[path = "../wire/tests/golden/book.rs"]
mod book;

use book::Book;
use p2pchat::chat::LineId;
use p2pchat::chat::files::folder;
use p2pchat::chat::files::record::{FileRecord, FileSays, Why};
use p2pchat::chat::record::{Audience, Circumstances, Line, Manner, Record};
use p2pchat::chat::room::{
    Access, Act, Body, Cut, Entry, Fork, Hash, Head, Line as Said, Log, LogId, RoomId,
};
use p2pchat::chat::rooms::{Denial, RoomRecord, Says};
use p2pchat::proto::{Allocation, PortModel, Scope};
use p2pchat_wire::identity::{Identity, Name, PeerId};

#[test]
fn records_have_the_bytes_of_the_page() {
    let mut book = Book::open("chat/record");
    let line = |audience, manner| {
        Record::Line(Line {
            log: 7,
            seq: 1,
            id: [0x99; 16],
            sent_at_ms: 1_700_000_000_000,
            audience,
            text: "hi".to_owned(),
            manner,
        })
    };
    let earlier = LineId([0x88; 16]);
    let room = |says| Record::Room(RoomRecord { room: RoomId([0x22; 32]), says });
    let file = |says| Record::File(FileRecord { offer: LineId([0x99; 16]), says });
    let log = LogId { author: PeerId([0x11; 32]), stay: 7 };
    let (act, line_hash) = (Hash([0x33; 32]), Hash([0x44; 32]));
    let head = Head { log, acts: 1, act, lines: 2, line: line_hash, leaves: None };
    let (entries, forks) = (vec![vec![1, 2]], vec![vec![3]]);
    let entries = Says::Entries { entries, forks, begins: vec![(log, 6)] };
    for (name, record) in [
        (
            "hello",
            Record::Hello {
                log: 7,
                software: "p2pchat 0.1.0".to_owned(),
                files: true,
                folders: true,
            },
        ),
        ("line", line(Audience::You, Manner::Text)),
        ("line-to-everyone", line(Audience::Everyone, Manner::Text)),
        ("action", line(Audience::You, Manner::Action)),
        ("reply", line(Audience::You, Manner::Reply { to: earlier })),
        ("edit", line(Audience::You, Manner::Edit { of: earlier })),
        ("offer", line(Audience::You, Manner::Offer { size: 3_200_000, root: [0x77; 32] })),
        (
            "offer-folder",
            line(
                Audience::You,
                Manner::OfferFolder { size: 3_200_000, root: [0x77; 32], head: 42, files: 3 },
            ),
        ),
        ("committed", Record::Committed { log: 7, seq: 1, id: [0x99; 16] }),
        ("read", Record::Read { log: 7, seq: 1, id: [0x99; 16] }),
        ("typing", Record::Typing { typing: true }),
        ("pending", Record::Pending),
        ("room-digest", room(Says::Digest { digest: Hash([0x55; 32]), tell: true })),
        ("room-have", room(Says::Have { heads: vec![head], more: false, tell: true })),
        ("room-want", room(Says::Want { log, acts: false, from: 9 })),
        ("room-entries", room(entries)),
        ("room-got", room(Says::Got { answers: true, heads: vec![head] })),
        ("room-denied", room(Says::Denied(Denial::NotInvited))),
        ("file-stands", file(FileSays::Stands)),
        ("file-want", file(FileSays::Want { list: true, blocks: vec![(0, 2), (3, 4)] })),
        ("file-received", file(FileSays::Received)),
        ("file-declined", file(FileSays::Declined)),
        ("file-withdrawn", file(FileSays::Withdrawn(Why::Changed))),
        ("again", Record::Again { log: 7, after: 1 }),
        ("examine", Record::Examine),
        (
            "circumstances",
            Record::Circumstances(Circumstances {
                ports: PortModel::Varying {
                    scope: Scope::Endpoint,
                    ports: Allocation::Sequential { step: 1, foreign: 0 },
                },
                forwarded: true,
                over_tcp: false,
                clock_ms: 1_700_000_000_000,
            }),
        ),
    ] {
        let bytes = record.encode();
        assert_eq!(Record::decode(&bytes), Ok(Some(record)));
        book.check(&format!("chat/record/{name}"), &bytes);
    }
    book.close();
}

#[test]
fn the_head_of_a_folder_has_the_bytes_of_the_page() {
    let entry = |depth, name: &str, size| folder::Entry { depth, name: name.to_owned(), size };
    let entries = vec![entry(0, "a", None), entry(1, "b.txt", Some(5)), entry(0, "c", Some(0))];
    let head = folder::Head::new(entries).expect("a head");
    assert_eq!(folder::Head::read(&head.write()), Ok(head.clone()));
    let mut book = Book::open("chat/folder");
    book.check("chat/folder/head", &head.write());
    book.close();
}

#[test]
fn entries_of_a_room_have_the_bytes_of_the_page() {
    const NOW: u64 = 1_700_000_000_000;
    let mut book = Book::open("chat/room");
    let (alice, bob) = (Identity::from_seed([0x01; 32]), Identity::from_seed([0x02; 32]));
    let name = |text| Name::new(text).expect("a name");
    let host = || "h".to_owned();
    let create = Act::Create {
        room: name("tea"),
        host: host(),
        name: name("alice"),
        access: Access::Open,
        keep: 50,
    };
    let mut log = Log::create(&alice, 5, NOW, create).expect("a room");
    let mut twin = Log::open(log.id(), log.first().as_ref().clone()).expect("the same room");
    let join = log
        .write(&bob, 7, NOW, Body::Act(Act::Join { name: name("bob"), host: host() }))
        .expect("an open room");
    twin.restore([join.as_ref().clone()]);
    let line = |text: &str| {
        Body::Line(Said { id: LineId([0x99; 16]), text: text.to_owned(), manner: Manner::Text })
    };
    let said = log.write(&bob, 7, NOW, line("hi")).expect("a member");
    let other = twin.write(&bob, 7, NOW, line("no")).expect("a member");
    let cuts = vec![Cut { stay: 7, acts: 1, lines: 1 }];
    let kick =
        log.write(&alice, 5, NOW, Body::Act(Act::Kick { key: bob.id(), cuts })).expect("the owner");
    let erased = said.as_ref().clone().erased();
    for (name, entry) in [
        ("create", log.first().as_ref()),
        ("join", &*join),
        ("kick", &*kick),
        ("line", &*said),
        ("erased", &erased),
    ] {
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes).as_ref(), Ok(entry));
        book.check(&format!("chat/room/{name}"), &bytes);
    }
    let fork = Fork::between(&said, &other).expect("two histories");
    assert!(fork.is_authentic());
    book.check("chat/room/fork", &fork.encode());
    book.close();
}
