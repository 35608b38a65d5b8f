//! What a chat says and does, seen from outside. The delivery of lines is tested with a store,
//! in `store::delivery_tests`.

mod changing;
mod errands;
mod faces;
mod files;
mod invitations;
mod locally;
mod people;
mod requests;
mod servers;

use std::net::SocketAddr;

use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::Refusal;

use super::record::{Line, Record};
use super::*;
use crate::proto::{
    Command, DisconnectReason, Event, PathInfo, PathReason, PortModel, RendezvousTrouble, ServerId,
    Upkeep,
};

const ALICE: PeerId = PeerId([1; 32]);
const BOB: PeerId = PeerId([2; 32]);
const EVE: PeerId = PeerId([3; 32]);
const RELAY: PathInfo = PathInfo::relay(false, None);

fn name(text: &str) -> Name {
    Name::new(text).expect("valid")
}

fn address(text: &str) -> Address {
    Address::new(name(text), "rv")
}

fn known(text: &str, host: &str, key: PeerId) -> Contact {
    let log = u64::from(key.0[0]) + host.len() as u64;
    let contact = Contact::new(Address::new(name(text), host), log);
    Contact { key: Some(key), since: Timestamp(1), ..contact }
}

/// A chat whose disk answers at once.
struct Bench {
    chat: Chat,
    notices: Vec<Notice>,
    commands: Vec<Command>,
    lines: Vec<OutgoingLine>,
    errands: Vec<Errand>,
    disk: Vec<DiskRequest>,
    quit: Option<(ExitCode, u64)>,
    /// So many requests fail.
    disk_fails: u32,
}

impl Bench {
    fn new(peer: Option<&str>, wait: Option<Wait>) -> Self {
        Self::with(peer, wait, Snapshot::default())
    }

    fn with(peer: Option<&str>, wait: Option<Wait>, snapshot: Snapshot) -> Self {
        Self::at(&["rv"], peer, wait, snapshot)
    }

    fn at(hosts: &[&str], peer: Option<&str>, wait: Option<Wait>, snapshot: Snapshot) -> Self {
        Self::meeting(Strangers::Accept, hosts, peer, wait, snapshot)
    }

    fn meeting(
        strangers: Strangers,
        hosts: &[&str],
        peer: Option<&str>,
        wait: Option<Wait>,
        snapshot: Snapshot,
    ) -> Self {
        let config = Config {
            key: ALICE,
            identity: None,
            name: Some(name("alice")),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            peer: peer.map(str::to_owned),
            wait,
            founds: true,
            replay: true,
            strangers,
            software: "test 1".to_owned(),
            downloads: "/downloads".to_owned(),
            seed: [5; 32],
        };
        let mut bench = Self {
            chat: Chat::new(config, snapshot),
            notices: Vec::new(),
            commands: Vec::new(),
            lines: Vec::new(),
            errands: Vec::new(),
            disk: Vec::new(),
            quit: None,
            disk_fails: 0,
        };
        bench.drain();
        bench
    }

    fn input(&mut self, input: Input) -> &mut Self {
        self.chat.handle_input(Timestamp(1_000_000), input);
        self.drain();
        self
    }

    fn line(&mut self, line: &str) -> &mut Self {
        self.input(Input::Line(line.to_owned()))
    }

    fn event(&mut self, event: Event) -> &mut Self {
        self.input(Input::Network(event))
    }

    fn drain(&mut self) {
        while let Some(effect) = self.chat.poll_effect() {
            assert!(self.quit.is_none(), "nothing follows the end");
            match effect {
                Effect::Network(command) => self.commands.push(command),
                Effect::Errand(_, errand) => self.errands.push(errand),
                Effect::Disk(request) => self.disk.push(request),
                Effect::Show(notice) | Effect::Answer(_, notice) => self.notices.push(notice),
                Effect::Left { .. } => {}
                Effect::Quit { code, undelivered } => self.quit = Some((code, undelivered)),
                Effect::Store(request) => {
                    let reply = self.store(request);
                    self.chat.handle_input(Timestamp(1_000_000), Input::Stored(reply));
                }
            }
        }
    }

    fn store(&mut self, request: StoreRequest) -> StoreReply {
        if let Some(left) = self.disk_fails.checked_sub(1) {
            self.disk_fails = left;
            let (place, cause) = ("chat.db".to_owned(), "full".to_owned());
            return StoreReply::Failed(StoreFailure { kind: FailureKind::Full, place, cause });
        }
        match request {
            StoreRequest::RemoveContact(peer) => {
                let gone = self.lines.extract_if(.., |line| line.to == peer);
                let gone = gone.map(|line| DeliveredLine {
                    seq: line.seq,
                    id: line.id,
                    reference: line.reference,
                });
                StoreReply::Removed(gone.collect())
            }
            StoreRequest::Queue(line) | StoreRequest::QueueOffer { line, .. } => {
                self.lines.push(line);
                StoreReply::Done
            }
            StoreRequest::Delivered { seq, .. } => {
                let done = self.lines.extract_if(.., |line| line.seq <= seq);
                let done = done.map(|line| DeliveredLine {
                    seq: line.seq,
                    id: line.id,
                    reference: line.reference,
                });
                StoreReply::Delivered(done.collect())
            }
            StoreRequest::Receive(_) => StoreReply::Received { new: true, quote: None },
            StoreRequest::LoadOutbox { .. } => StoreReply::Outbox(self.lines.clone()),
            StoreRequest::History { .. } => StoreReply::History(Vec::new()),
            StoreRequest::Page { .. } => errands::page(&self.lines),
            _ => StoreReply::Done,
        }
    }

    fn registered(&mut self) -> &mut Self {
        let mapped = SocketAddr::from(([203, 0, 113, 1], 4000));
        self.event(Event::Registered {
            server: ServerId::FIRST,
            name: name("alice"),
            mapped,
            token: [0; 32],
        })
    }

    fn connected(&mut self, peer: PeerId, text: &str) -> &mut Self {
        self.event(Event::Connected { peer, name: name(text).into(), path: RELAY })
    }

    fn disconnected(&mut self, peer: PeerId, reason: DisconnectReason) -> &mut Self {
        self.event(Event::Disconnected { peer, name: name("bob").into(), reason })
    }

    fn refused(&mut self, refusal: Refusal) -> &mut Self {
        self.event(Event::ConnectRefused { name: name("bob").into(), refusal })
    }

    /// Bob confirms everything.
    fn confirmed(&mut self) -> &mut Self {
        let last = self.lines.last().expect("a line was sent").clone();
        let log = self.chat.conversations[&address("bob")].contact.log;
        let record = Record::Committed { log, seq: last.seq, id: last.id.0 };
        self.event(Event::Message { peer: BOB, message: record.encode() })
    }

    fn says(&mut self, peer: PeerId, text: &str) -> &mut Self {
        self.says_under(peer, 1, text)
    }

    /// As the line of this number.
    fn says_under(&mut self, peer: PeerId, seq: u8, text: &str) -> &mut Self {
        let line = Line {
            log: 9,
            seq: seq.into(),
            id: [seq + 8; 16],
            sent_at_ms: u64::MAX,
            audience: Audience::You,
            text: text.to_owned(),
            manner: Manner::Text,
        };
        self.event(Event::Message { peer, message: Record::Line(line).encode() })
    }

    /// The texts of the lines that were shown.
    fn heard(&self) -> Vec<&str> {
        let text = |notice| match notice {
            &Notice::Message(Message { ref text, .. }) => Some(text.as_str()),
            _ => None,
        };
        self.notices.iter().filter_map(text).collect()
    }

    fn states(&self) -> Vec<(Presence, Presence)> {
        let state = |notice: &Notice| match notice {
            Notice::Peer { was, state, .. } => Some((*was, *state)),
            _ => None,
        };
        self.notices.iter().filter_map(state).collect()
    }

    fn last(&self) -> &Notice {
        self.notices.last().expect("something was shown")
    }

    fn texts_sent(&self) -> Vec<(PeerId, String)> {
        let text = |command: &Command| match command {
            Command::Send { peer, message, .. } => match Record::decode(message) {
                Ok(Some(Record::Line(line))) => Some((*peer, line.text)),
                _ => None,
            },
            _ => None,
        };
        self.commands.iter().filter_map(text).collect()
    }
}

#[test]
fn a_pipe_ends_when_its_lines_are_delivered() {
    let mut bench = Bench::new(Some("bob"), Some(Wait::Delivered));
    bench.registered().line("hi").connected(BOB, "bob").input(Input::EndOfInput);
    bench.event(Event::Transmitted { peer: BOB, tag: 1 });
    assert_eq!(bench.quit, None);
    bench.confirmed();
    assert_eq!(bench.quit, Some((ExitCode::Done, 0)));
    assert!(matches!(bench.commands.last(), Some(Command::Close)));
}

#[test]
fn a_pipe_that_waits_for_sent_ends_when_its_lines_have_left() {
    let mut bench = Bench::new(Some("bob"), Some(Wait::Sent));
    bench.registered().line("one").line("two").input(Input::EndOfInput);
    bench.connected(BOB, "bob").event(Event::Transmitted { peer: BOB, tag: 1 });
    assert_eq!(bench.quit, None);
    bench.event(Event::Transmitted { peer: BOB, tag: 2 });
    assert_eq!(bench.quit, Some((ExitCode::Done, 2)));
}

#[test]
fn when_the_time_is_up_the_code_says_what_was_missing() {
    let end = |prepare: fn(&mut Bench)| {
        let mut bench = Bench::new(Some("bob"), Some(Wait::Delivered));
        bench.line("hi").input(Input::EndOfInput);
        prepare(&mut bench);
        bench.input(Input::TimeUp).quit.expect("it ends").0
    };
    let unreachable = Event::RendezvousTrouble {
        server: ServerId::FIRST,
        trouble: RendezvousTrouble::Unreachable,
    };
    assert_eq!(end(|_| {}), ExitCode::RendezvousUnreachable);
    let mut bench = Bench::new(Some("bob"), Some(Wait::Delivered));
    bench.line("hi").event(unreachable).input(Input::TimeUp);
    assert_eq!(bench.quit, Some((ExitCode::RendezvousUnreachable, 1)));
    assert_eq!(
        end(|bench| {
            bench.registered().refused(Refusal::NoSuchName);
        }),
        ExitCode::NoSuchName
    );
    assert_eq!(
        end(|bench| {
            bench.registered().refused(Refusal::Offline);
        }),
        ExitCode::PeerOffline
    );
    assert_eq!(
        end(|bench| {
            bench.registered().event(Event::Connecting { name: name("bob").into(), peer: BOB });
        }),
        ExitCode::NoPath
    );
    assert_eq!(
        end(|bench| {
            bench
                .registered()
                .connected(BOB, "bob")
                .event(Event::Transmitted { peer: BOB, tag: 1 });
        }),
        ExitCode::PeerOffline
    );
    // `--direct-only`: a session over the relay that text may not use.
    assert_eq!(
        end(|bench| {
            bench.registered().connected(BOB, "bob");
        }),
        ExitCode::NoPath
    );
    assert_eq!(
        end(|bench| {
            bench.registered().connected(BOB, "bob").confirmed();
        }),
        ExitCode::Done
    );
}

#[test]
fn what_waiting_cannot_help_ends_a_pipe_at_once() {
    let end = |event: Event| {
        let mut bench = Bench::new(Some("bob"), Some(Wait::Delivered));
        bench.line("hi").event(event);
        bench.quit.map(|(code, _)| code)
    };
    let taken = Event::RegisterRefused {
        server: ServerId::FIRST,
        name: name("alice"),
        refusal: Refusal::NameTaken,
    };
    assert_eq!(end(taken), Some(ExitCode::Refused));
    let version = RendezvousTrouble::Version { server: 9 };
    assert_eq!(
        end(Event::RendezvousTrouble { server: ServerId::FIRST, trouble: version }),
        Some(ExitCode::Version)
    );
    assert_eq!(
        end(Event::RendezvousTrouble {
            server: ServerId::FIRST,
            trouble: RendezvousTrouble::Unreachable
        }),
        None
    );
    let mut bench = Bench::new(Some("bob"), Some(Wait::Delivered));
    bench.registered().connected(BOB, "bob").disconnected(BOB, DisconnectReason::Left);
    bench.event(Event::KeyChanged { name: name("bob").into(), expected: BOB, actual: EVE });
    assert_eq!(bench.quit, Some((ExitCode::KeyChanged, 0)));
}

#[test]
fn presence_is_said_once_per_change() {
    let mut bench = Bench::new(Some("bob"), None);
    let online = |online| Event::Presence { name: name("bob").into(), key: None, online };
    bench.refused(Refusal::Offline).refused(Refusal::Offline).event(online(false));
    bench.event(online(true)).event(online(true));
    bench.event(Event::Connecting { name: name("bob").into(), peer: BOB }).connected(BOB, "bob");
    // The server's word about somebody with whom we talk is old.
    bench.event(online(false));
    bench.disconnected(BOB, DisconnectReason::TimedOut).connected(BOB, "bob");
    bench.disconnected(BOB, DisconnectReason::Left);
    use Presence::{Connected, Connecting, Offline, Registered};
    assert_eq!(
        bench.states(),
        [
            (Offline, Offline),
            (Offline, Registered),
            (Registered, Connecting),
            (Connecting, Connected),
            (Connected, Connecting),
            (Connecting, Connected),
            (Connected, Offline),
        ]
    );
}

#[test]
fn lines_to_somebody_who_is_away_are_kept_and_that_is_said_once() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().line("one").refused(Refusal::Offline).line("two").line("three");
    let kept = |bench: &Bench| {
        let kept = |notice: &&Notice| matches!(notice, Notice::Kept { .. });
        bench.notices.iter().filter(kept).count()
    };
    assert_eq!(kept(&bench), 1);
    assert_eq!(bench.chat.undelivered(), 3);
    bench.connected(BOB, "bob");
    let texts = ["one", "two", "three"].map(|text| (BOB, text.to_owned()));
    assert_eq!(bench.texts_sent(), texts);
    bench.confirmed().disconnected(BOB, DisconnectReason::Left).line("four");
    assert_eq!(kept(&bench), 2);
}

#[test]
fn a_stranger_who_calls_becomes_a_contact_and_the_conversation() {
    let mut bench = Bench::new(None, None);
    bench.line("hello?");
    assert_eq!(bench.last(), &Notice::Refused { reference: None, problem: Problem::NoRecipient });
    bench.line("/path");
    assert_eq!(bench.last(), &Notice::Refused { reference: None, problem: Problem::WhosePath });
    bench.connected(BOB, "bob").says(BOB, "hi");
    let Some(Notice::Message(message)) =
        bench.notices.iter().find(|notice| matches!(notice, Notice::Message(_)))
    else {
        panic!("no message in {:?}", bench.notices);
    };
    assert_eq!((message.from.clone(), message.sent_at), (address("bob"), Timestamp::MAX));
    bench.line("hello!");
    assert_eq!(bench.texts_sent(), [(BOB, "hello!".to_owned())]);
    // Eve may call, but she does not take over what is typed.
    bench.connected(EVE, "eve").line("secret");
    assert_eq!(bench.texts_sent()[1], (BOB, "secret".to_owned()));
    bench.line("all||party");
    let to: Vec<PeerId> = bench.texts_sent()[2..].iter().map(|(peer, _)| *peer).collect();
    assert_eq!(to, [BOB, EVE]);
}

#[test]
fn a_name_whose_key_is_pinned_is_not_opened_by_another_key() {
    let mut bench = Bench::new(None, None);
    bench.connected(BOB, "bob").disconnected(BOB, DisconnectReason::Left);
    bench.connected(EVE, "bob").says(EVE, "it is me, bob");
    assert!(bench.notices.iter().any(|notice| matches!(notice, Notice::KeyChanged { .. })));
    assert!(!bench.notices.iter().any(|notice| matches!(notice, Notice::Message(_))));
    bench.line("@bob hi");
    assert_eq!(bench.texts_sent(), []);
}

#[test]
fn commands_answer() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().connected(BOB, "bob").line("/who");
    let Notice::Who(who) = bench.last() else { panic!("{:?}", bench.last()) };
    assert_eq!((who.len(), who[0].current, who[0].key), (1, true, Some(BOB)));
    bench.line("/path");
    assert!(matches!(bench.commands.last(), Some(Command::DescribePaths(BOB))));
    bench.event(Event::PathsDescribed {
        peer: BOB,
        paths: Vec::new(),
        reason: PathReason::NoPath,
        upkeep: Upkeep::default(),
    });
    assert!(matches!(bench.last(), Notice::Paths { .. }));
    bench.line("/contacts");
    let Notice::Contacts(contacts) = bench.last() else { panic!("{:?}", bench.last()) };
    // The same as on the status line.
    assert_eq!(contacts.iter().map(Trust::of).collect::<Vec<_>>(), [Trust::New]);
    bench.line("/history bob 3");
    assert_eq!(bench.last(), &Notice::History(Vec::new()));
    bench.input(Input::Command("id".to_owned()));
    assert!(matches!(bench.last(), Notice::Identity { key: ALICE, .. }));
    bench.line("/help");
    assert!(matches!(bench.last(), Notice::Help(table) if table.len() > 10));
    bench.line("/msg alice hi");
    let yourself = Notice::Refused { reference: None, problem: Problem::Yourself };
    assert_eq!(bench.last(), &yourself);
    let text = "x".repeat(MAX_TEXT + 1);
    bench.input(Input::Send {
        to: None,
        text,
        reference: Some("r".to_owned()),
        manner: Manner::Text,
    });
    let reference = Some("r".to_owned());
    assert_eq!(bench.last(), &Notice::Refused { reference, problem: Problem::TooLong });
    assert_eq!(bench.texts_sent(), []);
    bench.line("logout").line("hi");
    assert_eq!(bench.last(), &Notice::Refused { reference: None, problem: Problem::NoName });
    bench.line("login carol");
    assert!(
        bench
            .commands
            .iter()
            .any(|command| matches!(command, Command::Register(new) if new.as_str() == "carol"))
    );
    bench.line("exit");
    assert_eq!(bench.quit, Some((ExitCode::Done, 0)));
}

#[test]
fn a_contact_is_told_of_our_network_now_and_then_and_an_answer_counts_only_if_asked_for() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.connected(BOB, "bob");
    let said = |bench: &Bench| {
        let told = |command: &&Command| {
            let Command::Send { message, .. } = command else { return false };
            matches!(Record::decode(message), Ok(Some(Record::Circumstances(_))))
        };
        bench.commands.iter().filter(told).count()
    };
    let hears = |bench: &mut Bench, record: Record| {
        bench.event(Event::Message { peer: BOB, message: record.encode() });
    };
    for _ in 0..3 {
        hears(&mut bench, Record::Examine);
    }
    assert_eq!(said(&bench), 1, "once in a while");

    let circumstances = Circumstances {
        ports: PortModel::Constant,
        forwarded: true,
        over_tcp: false,
        clock_ms: 940_000,
    };
    let before = bench.notices.len();
    hears(&mut bench, Record::Circumstances(circumstances));
    assert_eq!(bench.notices.len(), before, "nobody asked");
    bench.input(Input::Examine);
    hears(&mut bench, Record::Circumstances(circumstances));
    let peer = address("bob");
    let expected = Notice::Circumstances { peer, circumstances, clock_ahead_ms: 60_000 };
    assert_eq!(bench.last(), &expected);

    let mut doubtful = Bench::new(None, None);
    doubtful.connected(BOB, "bob");
    let (expected, actual) = (BOB, EVE);
    doubtful.event(Event::KeyChanged { name: name("bob").into(), expected, actual });
    hears(&mut doubtful, Record::Examine);
    assert_eq!(said(&doubtful), 0, "while two keys claim the name");
}

#[test]
fn what_a_peer_says_wrongly_is_said_once_and_does_no_harm() {
    let mut bench = Bench::new(None, None);
    bench.connected(BOB, "bob");
    let before = bench.notices.len();
    for message in [vec![], vec![1, 2], vec![255; 40], vec![9, 9, 9]] {
        bench.event(Event::Message { peer: BOB, message });
    }
    assert!(matches!(bench.last(), Notice::Unreadable { .. }));
    assert_eq!(bench.notices.len(), before + 1);
    bench.event(Event::Message { peer: EVE, message: vec![1] });
    bench.event(Event::Transmitted { peer: EVE, tag: 7 });
    bench.disconnected(EVE, DisconnectReason::Left);
    assert_eq!(bench.notices.len(), before + 1);
}
