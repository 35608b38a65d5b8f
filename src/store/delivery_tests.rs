//! Two chats with their stores, joined by a session that breaks: each line arrives once, in order.

mod giving;
mod reading;

use std::collections::{BTreeSet, VecDeque};

use p2pchat_wire::identity::{Identity, Name, PeerId};
use proptest::prelude::*;

use super::Memory;
use crate::chat::record::{Line, Record};
use crate::chat::{
    Address, Audience, Chat, Config, Direction, Effect, HistoryLine, Input, LineId, LineState,
    Manner, Notice, Problem, StoreRequest, Timestamp, Wait,
};
use crate::proto::{Command, DisconnectReason, Event, PathInfo};

fn name(text: &str) -> Name {
    Name::new(text).expect("valid")
}

fn address(text: &str) -> Address {
    Address::new(name(text), "rv")
}

/// One person's computer.
struct Side {
    name: &'static str,
    key: PeerId,
    chat: Chat,
    store: Memory,
    requests: VecDeque<StoreRequest>,
    /// Messages on their way to the other side.
    wire: VecDeque<(u64, Vec<u8>)>,
    wants: bool,
    clock: u64,
    runs: u8,
    seen: Vec<Notice>,
    /// Lines shown for the first time, as this side believes.
    shown: Vec<String>,
    /// Lines that were called queued.
    promised: Vec<LineId>,
    /// The last line of ours that was shown.
    written: Option<LineId>,
}

impl Side {
    fn new(name: &'static str, seed: u8) -> Self {
        let key = Identity::from_seed([seed; 32]).id();
        let store = Memory::new();
        let chat = Self::start(name, key, &store, seed, None);
        let (requests, wire) = (VecDeque::new(), VecDeque::new());
        let mut side = Self {
            name,
            key,
            chat,
            store,
            requests,
            wire,
            wants: false,
            clock: 1_000_000,
            runs: seed,
            seen: Vec::new(),
            shown: Vec::new(),
            promised: Vec::new(),
            written: None,
        };
        side.drain();
        side
    }

    fn start(name_: &str, key: PeerId, store: &Memory, seed: u8, wait: Option<Wait>) -> Chat {
        Chat::new(Self::config(name_, key, seed, wait), store.snapshot())
    }

    fn config(name_: &str, key: PeerId, seed: u8, wait: Option<Wait>) -> Config {
        Config {
            identity: None,
            key,
            name: Some(name(name_)),
            hosts: vec!["rv".to_owned()],
            peer: None,
            wait,
            founds: true,
            replay: true,
            strangers: crate::chat::Strangers::Accept,
            software: "test".to_owned(),
            downloads: String::new(),
            seed: [seed; 32],
        }
    }

    fn input(&mut self, input: Input) {
        self.clock += 1;
        self.chat.handle_input(Timestamp(self.clock), input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.chat.poll_effect() {
            match effect {
                Effect::Network(Command::Send { tag, message, .. }) => {
                    self.wire.push_back((tag, message));
                }
                Effect::Network(Command::Connect(_)) => self.wants = true,
                Effect::Store(request) => self.requests.push_back(request),
                Effect::Show(notice) | Effect::Answer(_, notice) => self.saw(notice),
                _ => {}
            }
        }
    }

    fn saw(&mut self, notice: Notice) {
        match &notice {
            Notice::Message(message) => {
                if !message.again {
                    self.shown.push(message.text.clone());
                }
                let (from, id) = (message.from.clone(), message.id);
                self.chat.handle_input(Timestamp(self.clock), Input::Shown { from, id });
            }
            Notice::Amended { by: Direction::In, with: from, line, .. }
            | Notice::Reacted { by: Direction::In, with: from, line, .. } => {
                let (from, id) = (from.clone(), *line);
                self.chat.handle_input(Timestamp(self.clock), Input::Shown { from, id });
            }
            Notice::Written(line) => self.written = Some(line.id),
            Notice::Status { id, state: LineState::Queued, .. } if self.written == Some(*id) => {
                self.promised.push(*id);
            }
            _ => {}
        }
        self.seen.push(notice);
    }

    fn disk(&mut self, requests: usize) {
        for _ in 0..requests {
            let Some(request) = self.requests.pop_front() else { return };
            let reply = self.store.handle(request);
            self.input(Input::Stored(reply));
        }
    }

    /// The power fails: some requests reach the disk, none is answered.
    fn crash(&mut self, reach_the_disk: usize) {
        for request in self.requests.drain(..).take(reach_the_disk) {
            let _ = self.store.handle(request);
        }
        self.runs = self.runs.wrapping_add(2);
        self.wire.clear();
        self.wants = false;
        self.chat = Self::start(self.name, self.key, &self.store, self.runs, None);
        self.drain();
    }

    fn lines(&mut self, direction: Direction) -> Vec<HistoryLine> {
        let all = StoreRequest::History { with: None, limit: usize::MAX };
        let crate::chat::StoreReply::History(mut lines) = self.store.handle(all) else {
            panic!("not the history");
        };
        lines.retain(|line| line.direction == direction);
        lines
    }

    /// Says something about a line that this side has: the newest but `back`, of either side.
    fn say_about(&mut self, to: &str, back: usize, manner: fn(LineId) -> Manner, text: &str) {
        let all = StoreRequest::History { with: None, limit: back + 1 };
        let crate::chat::StoreReply::History(lines) = self.store.handle(all) else {
            panic!("not the history");
        };
        let Some(line) = lines.first() else { return };
        let (to, text, reference) = (Some(to.to_owned()), text.to_owned(), None);
        self.input(Input::Send { to, text, reference, manner: manner(line.id) });
    }
}

/// Both computers and the session between them.
struct World {
    sides: [Side; 2],
    connected: bool,
    was_full: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Type { side: usize, lines: usize },
    About { side: usize, back: usize, manner: fn(LineId) -> Manner },
    Connect,
    Break,
    Carry { side: usize, messages: usize },
    Disk { side: usize, requests: usize },
    Crash { side: usize, reach_the_disk: usize },
    Full { side: usize, full: bool },
}

impl World {
    fn new() -> Self {
        let sides = [Side::new("alice", 1), Side::new("bob", 2)];
        Self { sides, connected: false, was_full: false }
    }

    fn other(&self, side: usize) -> (PeerId, Name) {
        let other = &self.sides[1 - side];
        (other.key, name(other.name))
    }

    fn network(&mut self, side: usize, event: Event) {
        self.sides[side].input(Input::Network(event));
    }

    fn connect(&mut self) {
        if std::mem::replace(&mut self.connected, true) {
            return;
        }
        let path = PathInfo::relay(false, None);
        for side in 0..2 {
            let (peer, name) = self.other(side);
            self.network(side, Event::Connected { peer, name: name.into(), path });
        }
    }

    fn disconnect(&mut self, reason: DisconnectReason) {
        if std::mem::take(&mut self.connected) {
            for side in 0..2 {
                self.sides[side].wire.clear();
                let (peer, name) = self.other(side);
                self.network(side, Event::Disconnected { peer, name: name.into(), reason });
            }
        }
    }

    fn carry(&mut self, side: usize, messages: usize) {
        let (to, _) = self.other(side);
        let from = self.sides[side].key;
        for _ in 0..messages {
            let Some((tag, message)) = self.sides[side].wire.pop_front() else { return };
            self.network(side, Event::Transmitted { peer: to, tag });
            self.network(1 - side, Event::Message { peer: from, message });
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Type { side, lines } => {
                let to = ["bob", "alice"][side];
                for _ in 0..lines {
                    let text =
                        format!("@{to} {} {}", self.sides[side].name, self.sides[side].clock);
                    self.sides[side].input(Input::Line(text));
                }
            }
            Step::About { side, back, manner } => {
                let to = ["bob", "alice"][side];
                let text = match manner(LineId([0; 16])) {
                    Manner::Delete { .. } => String::new(),
                    Manner::React { .. } => ["", "+", "?"][back % 3].to_owned(),
                    _ => format!("{} about {}", self.sides[side].name, self.sides[side].clock),
                };
                self.sides[side].say_about(to, back, manner, &text);
            }
            Step::Connect => self.connect(),
            Step::Break => self.disconnect(DisconnectReason::TimedOut),
            Step::Carry { side, messages } => self.carry(side, messages),
            Step::Disk { side, requests } => self.sides[side].disk(requests),
            Step::Crash { side, reach_the_disk } => {
                self.sides[side].wire.clear();
                if std::mem::take(&mut self.connected) {
                    let (peer, name) = self.other(1 - side);
                    let reason = DisconnectReason::Restarted;
                    self.network(1 - side, Event::Disconnected { peer, name: name.into(), reason });
                    self.sides[1 - side].wire.clear();
                }
                self.sides[side].crash(reach_the_disk);
            }
            Step::Full { side, full } => {
                self.was_full |= full;
                self.sides[side].store.set_full(full);
            }
        }
    }

    /// Good weather until nothing moves any more.
    fn settle(&mut self) {
        (0..2).for_each(|side| self.sides[side].store.set_full(false));
        self.disconnect(DisconnectReason::TimedOut);
        self.connect();
        self.settle_connected();
    }

    /// In the session that there is.
    fn settle_connected(&mut self) {
        for _ in 0..10_000 {
            let busy = |side: &Side| !side.wire.is_empty() || !side.requests.is_empty();
            if !self.sides.iter().any(busy) {
                return;
            }
            for side in 0..2 {
                self.carry(side, 8);
                self.sides[side].disk(8);
            }
        }
        panic!("the two never come to rest");
    }

    fn check(&mut self) {
        for side in 0..2 {
            let sent = self.sides[side].lines(Direction::Out);
            let received = self.sides[1 - side].lines(Direction::In);
            let ids = |lines: &[HistoryLine]| lines.iter().map(|line| line.id).collect::<Vec<_>>();
            assert_eq!(ids(&sent), ids(&received), "each line once, in order");
            for (ours, theirs) in sent.iter().zip(&received) {
                assert_eq!(seen_by_author(ours), seen_by_receiver(theirs));
            }
            let stray = |notice: &Notice| matches!(notice, Notice::Stray(_));
            assert!(!self.sides[side].seen.iter().any(stray), "nothing overtakes its line");
            let sent = ids(&sent);
            let promised = &self.sides[side].promised;
            assert!(promised.iter().all(|id| sent.contains(id)), "what was queued is kept");
            assert_eq!(self.sides[side].chat.undelivered(), 0);
            let unshown = self.sides[side].store.snapshot().unshown.len();
            assert!(unshown == 0 || self.was_full, "all was shown, and is known to have been");
            let shown = &self.sides[side].shown;
            let once: BTreeSet<_> = shown.iter().collect();
            assert_eq!(once.len(), shown.len(), "nothing was shown as new twice");
        }
    }
}

/// What both sides have to agree on: the text, whether it was edited or deleted, who reacted how.
type Seen = (String, Option<Timestamp>, bool, Option<String>, Option<String>);

fn seen_by_author(line: &HistoryLine) -> Seen {
    let by = |who| line.reactions.iter().find(|one| one.by == who).map(|one| one.text.clone());
    let (author, receiver) = (by(Direction::Out), by(Direction::In));
    (line.text.clone(), line.edited_at, line.deleted, author, receiver)
}

fn seen_by_receiver(line: &HistoryLine) -> Seen {
    let (text, edited_at, deleted, receiver, author) = seen_by_author(line);
    (text, edited_at, deleted, author, receiver)
}

fn step() -> impl Strategy<Value = Step> {
    let side = 0..2usize;
    prop_oneof![
        4 => (side.clone(), 1..20usize).prop_map(|(side, lines)| Step::Type { side, lines }),
        3 => (side.clone(), 0..12usize, 0..4usize).prop_map(|(side, back, kind)| {
            let manners: [fn(LineId) -> Manner; 4] = [
                |to| Manner::Reply { to },
                |of| Manner::Edit { of },
                |of| Manner::Delete { of },
                |to| Manner::React { to },
            ];
            Step::About { side, back, manner: manners[kind] }
        }),
        3 => Just(Step::Connect),
        1 => Just(Step::Break),
        6 => (side.clone(), 1..20usize).prop_map(|(side, messages)| Step::Carry { side, messages }),
        6 => (side.clone(), 1..30usize).prop_map(|(side, requests)| Step::Disk { side, requests }),
        1 => (side.clone(), 0..10usize)
            .prop_map(|(side, reach_the_disk)| Step::Crash { side, reach_the_disk }),
        1 => (side, any::<bool>()).prop_map(|(side, full)| Step::Full { side, full }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_line_arrives_once_and_in_order(steps in proptest::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        world.check();
    }
}

#[test]
fn more_lines_than_memory_holds_wait_on_disk() {
    let mut world = World::new();
    for _ in 0..150 {
        world.step(&Step::Type { side: 0, lines: 20 });
        world.step(&Step::Disk { side: 0, requests: 100 });
    }
    world.step(&Step::Crash { side: 0, reach_the_disk: 0 });
    world.settle();
    world.check();
    assert_eq!(world.sides[1].shown.len(), 3000);
}

#[test]
fn lines_that_come_faster_than_they_leave_are_not_overtaken_by_newer_ones() {
    let mut world = World::new();
    world.connect();
    for round in 0..200 {
        world.step(&Step::Type { side: 0, lines: 20 });
        world.step(&Step::Disk { side: 0, requests: 30 });
        world.step(&Step::Carry { side: 0, messages: 9 });
        world.step(&Step::Disk { side: 1, requests: 30 });
        world.step(&Step::Carry { side: 1, messages: round % 3 });
    }
    world.settle();
    world.check();
    assert_eq!(world.sides[1].shown.len(), 4000);
}

#[test]
fn a_restored_backup_loses_nothing_that_is_written_after_it() {
    let mut world = World::new();
    world.step(&Step::Type { side: 0, lines: 3 });
    world.settle();
    let backup = world.sides[0].store.clone();
    world.step(&Step::Type { side: 0, lines: 5 });
    world.settle();
    assert_eq!(world.sides[1].shown.len(), 8);
    world.sides[0].store = backup;
    world.step(&Step::Crash { side: 0, reach_the_disk: 0 });
    world.disconnect(DisconnectReason::Restarted);
    world.step(&Step::Type { side: 0, lines: 7 });
    world.settle();
    assert_eq!(world.sides[1].shown.len(), 15, "the numbers 4 to 8 were used twice");
    assert_eq!(world.sides[0].chat.undelivered(), 0);
}

#[test]
fn a_full_disk_at_the_receiver_delays_and_loses_nothing() {
    let mut world = World::new();
    world.connect();
    world.settle();
    world.step(&Step::Full { side: 1, full: true });
    world.step(&Step::Type { side: 0, lines: 3 });
    for _ in 0..20 {
        for side in 0..2 {
            world.carry(side, 100);
            world.sides[side].disk(100);
        }
    }
    assert!(world.sides[1].shown.is_empty());
    assert_eq!(world.sides[0].chat.undelivered(), 3);
    assert!(world.sides[1].seen.iter().any(|notice| matches!(notice, Notice::StoreFailed(_))));
    // The next line brings the others with it; nobody has to reconnect.
    world.step(&Step::Full { side: 1, full: false });
    world.step(&Step::Type { side: 0, lines: 1 });
    for _ in 0..20 {
        for side in 0..2 {
            world.carry(side, 100);
            world.sides[side].disk(100);
        }
    }
    assert_eq!(world.sides[1].shown.len(), 4);
    world.check();
}

#[test]
fn a_line_that_was_received_and_never_shown_is_shown_at_the_next_start() {
    let mut world = World::new();
    world.step(&Step::Type { side: 0, lines: 1 });
    world.sides[0].disk(10);
    world.connect();
    world.sides[0].disk(10);
    world.carry(0, 10);
    // The line reaches bob's disk, and then the power fails.
    world.step(&Step::Crash { side: 1, reach_the_disk: 10 });
    assert!(world.sides[1].shown.is_empty());
    let again = world.sides[1].seen.iter().filter_map(|notice| match notice {
        Notice::Message(message) => Some(message.again),
        _ => None,
    });
    assert_eq!(again.collect::<Vec<_>>(), [true]);
    world.settle();
    world.check();
}

#[test]
fn after_a_changed_key_nothing_is_sent_until_a_person_decides() {
    let mut world = World::new();
    world.step(&Step::Type { side: 0, lines: 1 });
    world.settle();
    world.disconnect(DisconnectReason::TimedOut);
    let (expected, bob) = world.other(0);
    let actual = Identity::from_seed([66; 32]).id();
    world.network(0, Event::KeyChanged { name: bob.into(), expected, actual });
    world.sides[0].input(Input::Line("@bob secret".to_owned()));
    assert_eq!(
        world.sides[0].seen.last(),
        Some(&Notice::Refused {
            reference: None,
            problem: Problem::KeyChanged { peer: address("bob"), expected, actual }
        })
    );
    world.sides[0].disk(10);
    world.step(&Step::Crash { side: 0, reach_the_disk: 0 });
    world.connect();
    world.sides[0].input(Input::Line("@bob secret".to_owned()));
    world.sides[0].disk(10);
    assert!(world.sides[0].wire.iter().all(|(tag, _)| *tag == 0), "it survives a restart");
    world.sides[0].input(Input::Line("/trust bob aaaaaaaa".to_owned()));
    assert!(matches!(
        world.sides[0].seen.last(),
        Some(Notice::Refused { problem: Problem::WrongKey { .. }, .. })
    ));
    world.sides[0].input(Input::Line(format!("/trust bob {expected}")));
    world.sides[0].input(Input::Line("@bob hello again".to_owned()));
    world.settle();
    assert_eq!(world.sides[1].shown.len(), 2);
    assert_eq!(world.sides[0].store.snapshot().contacts[0].address, address("bob"));
    assert_eq!(world.sides[0].store.snapshot().contacts[0].offered, None);
}

#[test]
fn what_is_deleted_before_it_left_never_leaves() {
    let mut world = World::new();
    world.sides[0].input(Input::Line("/msg bob".to_owned()));
    for line in ["secret", "/edit the secret", "/delete", "hello"] {
        world.sides[0].input(Input::Line(line.to_owned()));
        world.sides[0].disk(10);
    }
    // From memory, and from the disk.
    for crash in [false, true] {
        if crash {
            world.step(&Step::Crash { side: 0, reach_the_disk: 0 });
        }
        world.connect();
        world.sides[0].disk(10);
        let told = |(_, message): &(u64, Vec<u8>)| {
            let Ok(Some(Record::Line(line))) = Record::decode(message) else { return None };
            Some(line.text)
        };
        let texts: Vec<String> = world.sides[0].wire.iter().filter_map(told).collect();
        assert_eq!(texts, ["", "", "", "hello"]);
        world.disconnect(DisconnectReason::TimedOut);
    }
    world.settle();
    world.check();
    assert_eq!(world.sides[1].shown, ["hello"]);
}

#[test]
fn what_is_said_about_a_line_changes_it_on_both_sides() {
    let mut world = World::new();
    world.connect();
    world.step(&Step::Type { side: 0, lines: 2 });
    world.settle();
    let by_bob = ["/msg alice", "/react 2 👍", "/edit mine", "/delete 1", "/reply 2 yes"];
    for line in by_bob {
        world.sides[1].input(Input::Line(line.to_owned()));
        world.settle();
    }
    let refused = |notice: &Notice| match notice {
        Notice::Refused { problem, .. } => Some(problem.clone()),
        _ => None,
    };
    let refused: Vec<Problem> = world.sides[1].seen.iter().filter_map(refused).collect();
    assert_eq!(refused, [Problem::NoSuchLine, Problem::NotYours]);
    for line in ["/msg bob", "/edit 3 better", "/delete 2", "/edit 2 too late"] {
        world.sides[0].input(Input::Line(line.to_owned()));
        world.settle();
    }
    assert!(matches!(
        world.sides[0].seen.last(),
        Some(Notice::Refused { problem: Problem::Deleted, .. })
    ));
    world.check();
    let lines = world.sides[1].lines(Direction::In);
    assert_eq!((lines[0].text.as_str(), lines[0].edited_at.is_some()), ("better", true));
    assert_eq!((lines[0].reactions[0].by, &*lines[0].reactions[0].text), (Direction::Out, "👍"));
    assert_eq!((lines[1].text.as_str(), lines[1].deleted), ("", true));
    let answer = world.sides[0].lines(Direction::In).pop().expect("bob answered");
    let quote = answer.quote.expect("the line is here");
    assert_eq!((quote.by, quote.text.as_deref()), (Direction::Out, Some("better")));
}

#[test]
fn nobody_changes_the_lines_of_another() {
    let mut world = World::new();
    world.connect();
    world.step(&Step::Type { side: 0, lines: 1 });
    world.step(&Step::Type { side: 1, lines: 1 });
    world.settle();
    let victim = world.sides[0].lines(Direction::Out)[0].clone();
    let mallory = world.sides[1].key;
    let log = world.sides[1].store.snapshot().contacts[0].log;
    for (seq, manner) in
        [(2, Manner::Edit { of: victim.id }), (3, Manner::Delete { of: victim.id })]
    {
        let text = if seq == 2 { "I owe bob money".to_owned() } else { String::new() };
        let (id, audience) = ([seq as u8; 16], Audience::You);
        let line = Line { log, seq, id, sent_at_ms: 1, audience, text, manner };
        let message = Record::Line(line).encode();
        world.network(0, Event::Message { peer: mallory, message });
        world.sides[0].disk(10);
    }
    assert_eq!(world.sides[0].lines(Direction::Out)[0].text, victim.text);
    let stray = |notice: &&Notice| matches!(notice, Notice::Stray(_));
    assert_eq!(world.sides[0].seen.iter().filter(stray).count(), 2);
}
