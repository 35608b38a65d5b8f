//! The examples of `docs/protocol.md` that two chats say to each other.

#[path = "../wire/tests/golden/book.rs"]
mod book;

use book::Book;
use p2pchat::chat::LineId;
use p2pchat::chat::record::{Audience, Circumstances, Line, Manner, Record};
use p2pchat::proto::{Allocation, PortModel, Scope};

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
    for (name, record) in [
        ("hello", Record::Hello { log: 7, software: "p2pchat 0.1.0".to_owned() }),
        ("line", line(Audience::You, Manner::Text)),
        ("line-to-everyone", line(Audience::Everyone, Manner::Text)),
        ("action", line(Audience::You, Manner::Action)),
        ("reply", line(Audience::You, Manner::Reply { to: earlier })),
        ("edit", line(Audience::You, Manner::Edit { of: earlier })),
        ("committed", Record::Committed { log: 7, seq: 1, id: [0x99; 16] }),
        ("read", Record::Read { log: 7, seq: 1, id: [0x99; 16] }),
        ("typing", Record::Typing { typing: true }),
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
