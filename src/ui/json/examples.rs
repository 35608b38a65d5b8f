//! One of each thing that a chat says, for tests.

use std::time::Duration;

use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::{Refusal, RoomRefusal};

use crate::chat::files::disk::{Content, DiskProblem};
use crate::chat::files::record::Why;
use crate::chat::files::{FileNews, FileRule, Motion, Stage};
use crate::chat::invitation::{CodeWords, ContactLink};
use crate::chat::room::{Access, End, Standing};
use crate::chat::rooms::Denial;
use crate::chat::safety::SafetyCode;
use crate::chat::{
    Address, Audience, Circumstances, Contact, Direction, FailureKind, HistoryLine, Limit, LineId,
    LineState, Manner, Message, Notice, PeerSummary, Place, Presence, Problem, Progress, Quote,
    Reaction, Regard, Request, StoreFailure, Timestamp, Trust, Written, command,
};
use crate::chat::{Attendee, RoomNews};
use crate::proto::{
    InvitationFailure, PathDescription, PathInfo, PathKind, PathOrigin, PathReason, PathState,
    PortModel, RendezvousTrouble, Upkeep,
};

/// 2026-11-21T20:52:07.250Z.
pub(super) const NOW: Timestamp = Timestamp(1_795_294_327_250);

fn name(name: &str) -> Name {
    Name::new(name).expect("name")
}

pub(super) fn alice() -> Address {
    Address::new(name("alice"), "chat.example.org")
}

fn bob() -> Address {
    Address::new(name("bob"), "chat.example.org")
}

pub(super) fn key(byte: u8) -> PeerId {
    PeerId([byte; 32])
}

pub(super) fn id(byte: u8) -> LineId {
    LineId([byte; 16])
}

fn path() -> PathInfo {
    PathInfo {
        kind: PathKind::Direct,
        remote: "198.51.100.4:41641".parse().ok(),
        rtt: Some(Duration::from_micros(23_400)),
        over_tcp: false,
    }
}

fn file(by: Direction, reference: Option<String>, stage: Stage) -> FileNews {
    FileNews {
        with: alice(),
        id: id(7),
        number: 3,
        by,
        name: "photo.jpg".to_owned(),
        size: 3_200_000,
        content: Content::File,
        reference,
        stage,
    }
}

pub(super) fn message(manner: Manner) -> Message {
    Message {
        from: alice(),
        author: None,
        key: key(1),
        id: id(1),
        text: "hello bob".to_owned(),
        sent_at: NOW,
        received_at: Timestamp(NOW.0 + 31),
        audience: Audience::You,
        again: false,
        manner,
        quiet: false,
        namesake: false,
        quote: None,
    }
}

fn line() -> HistoryLine {
    HistoryLine {
        with: alice(),
        author: None,
        key: None,
        id: id(2),
        direction: Direction::Out,
        sent_at: NOW,
        arrived_at: Some(Timestamp(NOW.0 + 40)),
        audience: Audience::You,
        text: "hello alice".to_owned(),
        manner: Manner::Text,
        quote: None,
        edited_at: None,
        deleted: false,
        standing: Standing::Counts,
        reactions: vec![Reaction { by: Direction::In, author: None, text: "👍".to_owned() }],
        state: LineState::Delivered,
        namesake: false,
        progress: None,
        place: Place(17),
    }
}

fn quote() -> Quote {
    Quote {
        by: Direction::In,
        author: None,
        key: None,
        sent_at: NOW,
        text: Some("hello bob".to_owned()),
        is_hidden: false,
    }
}

fn contact() -> Contact {
    Contact {
        address: alice(),
        key: Some(key(1)),
        verified: true,
        offered: None,
        log: 1,
        last_seq: 2,
        waiting: 0,
        unread: 1,
        since: NOW,
        is_new: false,
        regard: Regard::default(),
    }
}

pub(super) fn summary() -> PeerSummary {
    PeerSummary {
        peer: alice(),
        nickname: None,
        key: Some(key(1)),
        trust: Trust::Seen,
        quiet: false,
        offered: None,
        state: Presence::Connected,
        path: Some(path()),
        waiting: 0,
        unread: 1,
        current: true,
        software: Some("p2pchat 0.1.0".to_owned()),
    }
}

/// Notices of every kind.
/// At least one of each kind.
pub(crate) fn notices() -> Vec<Notice> {
    let (peer, server) = (alice(), Some("chat.example.org".to_owned()));
    let link = ContactLink {
        name: name("bob"),
        host: "chat.example.org".to_owned(),
        server: None,
        key: key(2),
    };
    let words = CodeWords::draw(&mut Random::from_seed([7; 32]));
    let mapped = "203.0.113.7:40123".parse().expect("address");
    vec![
        Notice::Registered { me: bob(), key: key(2), mapped, over_tcp: false, first: true },
        Notice::Announced { me: Address::new(name("bob"), "local"), key: key(2), visible: true },
        Notice::Unregistered,
        Notice::Home("chat.example.org".to_owned()),
        Notice::OverTcp { server: server.clone(), over_tcp: true },
        Notice::Searching { peer: alice(), met: true, visible: false },
        Notice::Peer {
            peer: alice(),
            key: Some(key(1)),
            was: Presence::Connecting,
            state: Presence::Connected,
            path: Some(path()),
        },
        Notice::Measured { peer: alice(), rtt: Duration::from_millis(20) },
        Notice::SamePerson { peer: alice(), before: Address::new(name("alice"), "other.example") },
        Notice::Current(alice()),
        Notice::Message(message(Manner::Text)),
        Notice::Message(message(Manner::Reply { to: id(2) })),
        Notice::Message(Message {
            text: "photo.jpg".to_owned(),
            ..message(Manner::Offer { size: 3_200_000, root: [6; 32] })
        }),
        Notice::Message(Message {
            text: "photos".to_owned(),
            ..message(Manner::OfferFolder { size: 3_200_000, root: [6; 32], head: 270, files: 12 })
        }),
        Notice::Written(Written {
            to: alice(),
            id: id(2),
            seq: 1,
            text: "hello alice".to_owned(),
            sent_at: NOW,
            audience: Audience::You,
            manner: Manner::Text,
            quote: None,
        }),
        Notice::Status {
            to: alice(),
            id: id(2),
            reference: Some("build 7".to_owned()),
            state: LineState::Delivered,
        },
        Notice::Status {
            to: tea(),
            id: id(2),
            reference: Some("build 7".to_owned()),
            state: LineState::Waiting,
        },
        Notice::Status {
            to: alice(),
            id: id(2),
            reference: None,
            state: LineState::Failed(Problem::TooLong),
        },
        Notice::Refused { reference: Some("build 7".to_owned()), problem: Problem::NoRecipient },
        Notice::Kept { to: alice(), state: Presence::Offline, waiting: 2 },
        Notice::Amended {
            with: alice(),
            id: id(1),
            line: id(3),
            text: Some("hello Bob".to_owned()),
            by: Direction::In,
            author: None,
            at: NOW,
            quote: quote(),
        },
        Notice::Amended {
            with: alice(),
            id: id(1),
            line: id(4),
            text: None,
            by: Direction::In,
            author: None,
            at: NOW,
            quote: quote(),
        },
        Notice::Reacted {
            with: alice(),
            id: id(2),
            line: id(5),
            by: Direction::In,
            author: Some(Box::new(bob())),
            reaction: "👍".to_owned(),
            at: NOW,
            quote: quote(),
        },
        Notice::Stray(message(Manner::React { to: id(9) })),
        Notice::Typing { peer: alice(), typing: true },
        Notice::Draft { with: alice(), text: "I was about to".to_owned() },
        Notice::Page { with: alice(), lines: vec![line()], end: true },
        Notice::Found { text: "hello".to_owned(), with: None, lines: vec![line()] },
        Notice::History(vec![line()]),
        Notice::Who(vec![summary()]),
        Notice::Contacts(vec![contact()]),
        Notice::Identity {
            name: Some(name("bob")),
            hosts: vec!["chat.example.org".to_owned()],
            key: key(2),
        },
        Notice::Help(command::all().filter(|one| one.word == "who").collect()),
        Notice::Settings(
            [("read", "on"), ("typing", "off")].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
        ),
        Notice::Exported { path: "said.txt".to_owned(), lines: 310 },
        Notice::File(Box::new(file(Direction::In, None, Stage::Offered))),
        Notice::File(Box::new(file(
            Direction::Out,
            Some("backup".to_owned()),
            Stage::Moving(Motion { done: 1_200_000, rate: Some(400_000), left: Some(5) }),
        ))),
        Notice::File(Box::new(file(
            Direction::In,
            None,
            Stage::Done { path: Some("/home/bob/Downloads/photo.jpg".to_owned()) },
        ))),
        Notice::File(Box::new(file(Direction::In, None, Stage::Withdrawn(Why::Changed)))),
        Notice::File(Box::new(file(
            Direction::In,
            None,
            Stage::Stalled(DiskProblem::Full {
                place: "/home/bob/Downloads".to_owned(),
                cause: "no space left on device".to_owned(),
            }),
        ))),
        Notice::File(Box::new(FileNews {
            name: "photos".to_owned(),
            content: Content::Folder { head: 270, files: 12 },
            ..file(Direction::In, None, Stage::Offered)
        })),
        Notice::Files(vec![file(Direction::Out, None, Stage::Accepted)]),
        Notice::FileRule { peer: alice(), rule: FileRule::UpTo(100_000_000) },
        Notice::NoFiles(alice()),
        Notice::NoFolders(alice()),
        Notice::LeftOut { name: "photos".to_owned(), count: 2 },
        Notice::Detached,
        Notice::Opened { link: "https://example.org/".to_owned() },
        Notice::Paths {
            peer: alice(),
            paths: vec![PathDescription {
                info: path(),
                local: None,
                active: true,
                state: PathState::Works,
                origin: PathOrigin::ServerReflexive,
                sent: 21,
                received: 16,
                probes_sent: 6,
                probes_answered: 5,
                longest: 1472,
                heard: Some(Duration::from_millis(500)),
            }],
            reason: PathReason::OnlyDirect,
            punch: None,
            upkeep: Upkeep::default(),
        },
        Notice::Circumstances {
            peer: alice(),
            circumstances: Circumstances {
                ports: PortModel::Constant,
                forwarded: false,
                over_tcp: false,
                clock_ms: NOW.0,
            },
            clock_ahead_ms: -12,
        },
        Notice::SafetyCode {
            peer: alice(),
            me: key(2),
            key: key(1),
            code: SafetyCode::new(&key(2), &key(1)),
            wording: None,
            verified: false,
        },
        Notice::Verified { peer: alice(), key: key(1) },
        Notice::Trusted { peer: alice(), key: key(1) },
        Notice::Added(Box::new(contact())),
        Notice::Removed(alice()),
        Notice::Changed(Box::new(Notice::Removed(alice()))),
        Notice::Renamed { peer: alice(), nickname: Some(name("小丽")) },
        Notice::Limit {
            peer: alice(),
            limit: Limit::Muted,
            on: true,
            until: Some(NOW),
            has_key: true,
        },
        Notice::Limited { limit: Limit::Blocked, contacts: vec![contact()] },
        Notice::Request { peer: alice(), key: key(1), like: None },
        Notice::RequestsWait { count: 2 },
        Notice::Requests(vec![Request { address: alice(), key: key(1), at: NOW, rejected: false }]),
        Notice::Accepted(alice()),
        Notice::Rejected(alice()),
        Notice::Pending(alice()),
        Notice::Invitation {
            number: 7,
            words,
            wording: None,
            server: None,
            link: Box::new(link),
            minutes: 10,
        },
        Notice::Invited { peer: alice(), key: key(1), by_us: true, verified: true },
        Notice::InvitationFailed { reason: InvitationFailure::WrongWords, by_us: true },
        Notice::SecretLacking { peer: alice(), by_us: false },
        Notice::Leaving { undelivered: 2 },
        Notice::RegisterRefused {
            server: server.clone(),
            name: name("bob"),
            refusal: Refusal::NameTaken,
        },
        Notice::Trouble {
            server,
            trouble: RendezvousTrouble::Unreachable,
            same_as: None,
            others: false,
        },
        Notice::NoSuchName(alice()),
        Notice::ConnectRefused { peer: alice(), refusal: Refusal::Busy },
        Notice::KeyChanged { peer: alice(), expected: key(1), actual: key(3) },
        Notice::NotTheSame { peer: alice(), key: key(1) },
        Notice::Refused { reference: None, problem: Problem::NoRecipient },
        Notice::StoreFailed(StoreFailure {
            kind: FailureKind::Full,
            place: "chat.db".to_owned(),
            cause: "no space left".to_owned(),
        }),
        Notice::Unreadable { peer, software: Some("p2pchat 9.0.0".to_owned()) },
        Notice::Message(Message {
            from: tea(),
            author: Some(Box::new(alice())),
            text: "hello all".to_owned(),
            ..message(Manner::Text)
        }),
        Notice::Message(Message {
            from: tea(),
            author: Some(Box::new(alice())),
            text: "send me your key".to_owned(),
            namesake: true,
            ..message(Manner::Text)
        }),
    ]
}

pub(super) fn tea() -> Address {
    Address::room(name("tea"), "chat.example.org")
}

/// What happens in a room.
pub(crate) fn room_notices() -> impl Iterator<Item = Notice> {
    let topic = || "green tea".to_owned();
    let news = vec![
        RoomNews::Made { access: Access::Invited },
        RoomNews::Entered { owner: Some(alice()), members: 3, topic: Some(topic()) },
        RoomNews::NobodyHere,
        RoomNews::Left,
        RoomNews::Farewell,
        RoomNews::Moved { came: vec![alice()], left: vec![bob()] },
        RoomNews::Kicked { who: alice(), us: false },
        RoomNews::Owner(Some(alice())),
        RoomNews::Topic { text: topic(), by: Some(alice()) },
        RoomNews::Invited { who: alice(), by: Some(bob()) },
        RoomNews::NotAdmitted(crate::chat::room::Refusal::Full),
        RoomNews::Denied(Denial::NotInvited),
        RoomNews::Summary { members: 3, here: 2, is_in: true, topic: Some(topic()), unread: 1 },
        RoomNews::Here { members: 3, here: 2 },
        RoomNews::Members(vec![Attendee {
            who: alice(),
            key: key(1),
            is_owner: true,
            is_us: false,
            is_here: true,
        }]),
        RoomNews::Receipts { id: id(2), has: vec![alice()], waits: vec![bob()] },
        RoomNews::Progress { id: id(2), progress: Progress { have: 3, of: 5 } },
        RoomNews::Standing {
            who: bob(),
            standing: Standing::Withdrawn(End::Kicked),
            lines: vec![id(2)],
            texts: Vec::new(),
        },
        RoomNews::Standing {
            who: bob(),
            standing: Standing::Counts,
            lines: vec![id(2)],
            texts: vec![(id(2), "hello".to_owned())],
        },
        RoomNews::OtherRoom,
        RoomNews::ServerRefuses(RoomRefusal::Full),
        RoomNews::Forges { who: alice(), key: key(1) },
        RoomNews::Namesake { who: alice(), key: key(2), known: key(1) },
        RoomNews::TwoHistories { who: alice(), key: key(1) },
    ];
    news.into_iter().map(|news| Notice::Room { room: tea(), news })
}
