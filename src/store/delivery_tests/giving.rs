//! Scripts that receive, from a store: each line is given to one of them until one has written it.

use std::collections::BTreeMap;

use super::*;
use crate::chat::storage::StoreReply;
use crate::chat::{FaceId, Message};

/// As many lines as a script may have unwritten.
const WINDOW: usize = 16;

/// Bob's computer: people and scripts at one chat, and a disk that does what it is asked when it is
/// told to.
struct Desk {
    chat: Chat,
    store: Memory,
    requests: VecDeque<StoreRequest>,
    /// What each face was told, in order.
    told: Vec<(FaceId, Message)>,
    left: Vec<FaceId>,
    runs: u8,
    /// The last line of each who has said something.
    said: BTreeMap<&'static str, u64>,
}

fn key(who: &str) -> PeerId {
    Identity::from_seed([who.as_bytes()[0]; 32]).id()
}

impl Desk {
    fn new() -> Self {
        let store = Memory::new();
        let mut desk = Self {
            chat: Self::start(&store, 1),
            store,
            requests: VecDeque::new(),
            told: Vec::new(),
            left: Vec::new(),
            runs: 1,
            said: BTreeMap::new(),
        };
        desk.meet();
        desk
    }

    fn start(store: &Memory, run: u8) -> Chat {
        let config = Config { replay: false, ..Side::config("bob", key("bob"), run, None) };
        Chat::new(config, store.snapshot())
    }

    fn meet(&mut self) {
        for who in ["alice", "eve"] {
            let (name, path) = (name(who).into(), PathInfo::relay(false, None));
            self.network(Event::Connected { peer: key(who), name, path });
        }
        self.settle();
    }

    /// A script has asked before: from now on lines are owed.
    fn owing() -> Self {
        let mut desk = Self::new();
        let script = desk.receives(1, None);
        desk.leaves(script);
        desk
    }

    /// The process that runs the chat is killed, after the disk has noted so many lines to be written and
    /// everything else.
    fn killed(&mut self, mut noted: usize) {
        for request in std::mem::take(&mut self.requests) {
            let notes = matches!(request, StoreRequest::Taken { .. });
            if !notes || noted > 0 {
                let _ = self.store.handle(request);
                noted -= usize::from(notes);
            }
        }
        self.runs += 1;
        self.chat = Self::start(&self.store, self.runs);
        self.told.clear();
        self.meet();
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_000_000 * u64::from(self.runs))
    }

    fn network(&mut self, event: Event) {
        self.chat.handle_input(self.now(), Input::Network(event));
        self.drain();
    }

    fn input(&mut self, face: FaceId, input: Input) {
        self.chat.handle_face(self.now(), face, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.chat.poll_effect() {
            match effect {
                Effect::Store(request) => self.requests.push_back(request),
                Effect::Answer(face, Notice::Message(message)) => self.told.push((face, message)),
                Effect::Show(Notice::Message(message)) => self.told.push((FaceId::FIRST, message)),
                Effect::Left { face, .. } => self.left.push(face),
                _ => {}
            }
        }
    }

    /// The disk carries out some requests.
    fn disk(&mut self, requests: usize) {
        for _ in 0..requests {
            let Some(request) = self.requests.pop_front() else { return };
            let reply = self.store.handle(request);
            self.chat.handle_input(self.now(), Input::Stored(reply));
            self.drain();
        }
    }

    fn settle(&mut self) {
        self.disk(10_000);
        assert!(self.requests.is_empty(), "it comes to rest");
    }

    /// Somebody says something, named after the sender and counted.
    fn hears(&mut self, who: &'static str) {
        let seq = self.said.entry(who).or_default();
        *seq += 1;
        let mut id = [who.as_bytes()[0]; 16];
        id[..8].copy_from_slice(&seq.to_be_bytes());
        let (audience, manner, text) = (Audience::You, Manner::Text, format!("{who} {seq}"));
        let line = Line { log: 9, seq: *seq, id, sent_at_ms: 1, audience, text, manner };
        let message = Record::Line(line).encode();
        self.network(Event::Message { peer: key(who), message });
    }

    fn hears_many(&mut self, who: &'static str, lines: usize) {
        (0..lines).for_each(|_| self.hears(who));
        self.settle();
    }

    /// A script comes and asks for so many lines.
    fn comes(&mut self, count: u64, from: Option<&str>) -> FaceId {
        let face = self.chat.attach(self.now(), None, Some(Wait::Delivered), true);
        self.input(face, Input::Receive { from: from.map(str::to_owned), count });
        face
    }

    /// And gets what is there.
    fn receives(&mut self, count: u64, from: Option<&str>) -> FaceId {
        let face = self.comes(count, from);
        self.settle();
        face
    }

    fn leaves(&mut self, face: FaceId) {
        self.input(face, Input::Quit);
        self.settle();
        assert_eq!(self.left.last(), Some(&face));
    }

    fn told(&self, face: FaceId) -> Vec<&str> {
        let told = self.told.iter().filter(|(to, _)| *to == face);
        told.map(|(_, message)| message.text.as_str()).collect()
    }

    /// A script says of the last line with this text that it has written it.
    fn writes(&mut self, face: FaceId, text: &str) {
        let mut told = self.told.iter().rev();
        let is = |(to, message): &&(FaceId, Message)| *to == face && message.text == text;
        let (_, message) = told.find(is).expect("it was given");
        let (from, id) = (message.from.clone(), message.id);
        self.input(face, Input::Shown { from, id });
    }

    fn writes_all(&mut self, face: FaceId) {
        let told: Vec<String> = self.told(face).into_iter().map(str::to_owned).collect();
        told.iter().for_each(|text| self.writes(face, text));
        self.settle();
    }

    fn unread(&self, who: &str) -> u64 {
        let peers = self.chat.peers(FaceId::FIRST);
        peers.iter().find(|one| one.peer == address(who)).map_or(0, |one| one.unread)
    }

    fn owed(&mut self) -> Vec<String> {
        let all = StoreRequest::LoadOwed { after: crate::chat::Place(0), limit: usize::MAX };
        let StoreReply::Unshown(lines) = self.store.handle(all) else { panic!("not the lines") };
        lines.into_iter().map(|one| one.line.text).collect()
    }
}

fn numbered(who: &str, numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(|number| format!("{who} {number}")).collect()
}

#[test]
fn a_script_is_given_what_came_before_it_did_and_no_more_than_it_asked_for() {
    let mut desk = Desk::owing();
    desk.hears_many("alice", 3);
    let script = desk.receives(2, None);
    assert_eq!(desk.told(script), ["alice 1", "alice 2"]);
    assert!(desk.told.iter().all(|(to, message)| *to != script || !message.again));
    desk.writes_all(script);
    assert_eq!(desk.told(script).len(), 2);
    assert_eq!(desk.owed(), ["alice 3"]);
    desk.leaves(script);
    let next = desk.receives(2, None);
    desk.hears_many("eve", 1);
    assert_eq!(desk.told(next), ["alice 3", "eve 1"]);
}

#[test]
fn what_a_script_has_stays_unread_for_people_and_is_told_to_everybody_who_looks_on() {
    let mut desk = Desk::owing();
    let follower = desk.chat.attach(desk.now(), None, None, true);
    let script = desk.receives(9, None);
    desk.hears_many("alice", 2);
    for face in [FaceId::FIRST, follower, script] {
        assert_eq!(desk.told(face), ["alice 1", "alice 2"], "{face:?}");
    }
    desk.writes_all(script);
    assert_eq!((desk.unread("alice"), desk.owed().len()), (2, 0));
    desk.hears_many("alice", 1);
    desk.writes_all(FaceId::FIRST);
    assert_eq!((desk.unread("alice"), desk.owed()), (0, vec!["alice 3".to_owned()]));
}

#[test]
fn a_script_has_sixteen_lines_unwritten_at_most_and_gets_more_when_half_of_them_are_written() {
    let mut desk = Desk::owing();
    desk.hears_many("alice", 3 * WINDOW);
    let script = desk.receives(1000, None);
    assert_eq!(desk.told(script), numbered("alice", 1..=WINDOW));
    for number in 1..WINDOW / 2 {
        desk.writes(script, &format!("alice {number}"));
        desk.settle();
    }
    assert_eq!(desk.told(script).len(), WINDOW);
    desk.writes(script, "alice 8");
    desk.settle();
    assert_eq!(desk.told(script), numbered("alice", 1..=WINDOW + WINDOW / 2));
    for _ in 0..10 {
        desk.writes_all(script);
    }
    assert_eq!(desk.told(script), numbered("alice", 1..=3 * WINDOW), "once each, in order");
    desk.hears_many("alice", 1);
    assert_eq!(desk.told(script).last(), Some(&"alice 49"));
}

#[test]
fn what_a_script_leaves_unwritten_is_for_the_next() {
    let mut desk = Desk::owing();
    desk.hears_many("alice", 3);
    let (one, two) = (desk.receives(3, None), desk.receives(3, None));
    desk.writes(one, "alice 2");
    assert!(desk.told(two).is_empty());
    desk.leaves(one);
    assert_eq!(desk.told(two), ["alice 1", "alice 3"]);
    desk.writes_all(two);
    assert!(desk.owed().is_empty());
}

#[test]
fn of_two_scripts_each_line_goes_to_one() {
    let mut desk = Desk::owing();
    let (one, two) = (desk.receives(1, None), desk.receives(1000, None));
    desk.hears_many("alice", 40);
    assert_eq!(desk.told(one), ["alice 1"]);
    assert_eq!(desk.told(two), numbered("alice", 2..=WINDOW + 1), "the other has enough");
    // A third gets what the second cannot take yet.
    let three = desk.receives(1000, None);
    assert_eq!(desk.told(three), numbered("alice", WINDOW + 2..=2 * WINDOW + 1));
    for face in [one, two, three, two, three] {
        desk.writes_all(face);
    }
    let mut all: Vec<&str> = desk.told(two);
    all.extend(desk.told(three));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 39);
    assert_eq!(desk.told(two).len() + desk.told(three).len(), 39);
}

#[test]
fn a_line_that_is_written_while_lines_are_being_read_is_not_given_once_more() {
    let mut desk = Desk::owing();
    desk.hears_many("alice", 1);
    let one = desk.receives(1, None);
    // Another asks for all that is owed; only then the first says that it has written it.
    let two = desk.comes(1, None);
    assert!(matches!(desk.requests.front(), Some(StoreRequest::LoadOwed { .. })));
    desk.writes(one, "alice 1");
    desk.settle();
    assert_eq!((desk.told(one).len(), desk.told(two).len()), (1, 0));
    desk.leaves(one);
    assert!(desk.told(two).is_empty());
}

#[test]
fn whoever_receives_from_one_person_leaves_the_others_and_waits_for_nobody() {
    let mut desk = Desk::owing();
    desk.hears_many("alice", 100);
    desk.hears_many("eve", 2);
    let slow = desk.receives(1000, Some("ALICE@rv"));
    let of_eve = desk.receives(1000, Some("eve"));
    assert_eq!(desk.told(slow).len(), WINDOW);
    assert_eq!(desk.told(of_eve), ["eve 1", "eve 2"], "however far behind the other is");
    desk.hears_many("eve", 1);
    assert_eq!(desk.told(of_eve), ["eve 1", "eve 2", "eve 3"]);
    desk.writes_all(of_eve);
    desk.leaves(of_eve);
    assert_eq!(desk.owed(), numbered("alice", 1..=100));
    let nobody = desk.receives(1, Some("carol"));
    assert!(desk.told(nobody).is_empty());
}

#[test]
fn what_was_given_when_the_process_was_killed_is_given_again_unless_the_disk_had_noted_it() {
    for noted in [false, true] {
        let mut desk = Desk::owing();
        desk.hears_many("alice", 2);
        let script = desk.receives(2, None);
        desk.writes(script, "alice 1");
        desk.killed(usize::from(noted));
        let script = desk.receives(2, None);
        let rest = if noted { &["alice 2"][..] } else { &["alice 1", "alice 2"] };
        assert_eq!(desk.told(script), rest);
        let again = desk.told.iter().filter(|(to, _)| *to == script).map(|(_, one)| one.again);
        assert!(again.into_iter().all(|again| again), "it came before");
    }
}

#[test]
fn a_line_is_given_as_it_reads_now_and_not_at_all_once_it_is_deleted_or_its_author_ignored() {
    let mut desk = Desk::owing();
    desk.hears_many("alice", 3);
    let mut id = [b'a'; 16];
    for (seq, target, deletes) in [(4, 1_u64, true), (5, 2, false)] {
        id[..8].copy_from_slice(&target.to_be_bytes());
        let of = id;
        let manner = if deletes {
            Manner::Delete { of: LineId(of) }
        } else {
            Manner::Edit { of: LineId(of) }
        };
        let text = if deletes { String::new() } else { "better".to_owned() };
        let (id, audience) = ([seq as u8; 16], Audience::You);
        let line = Line { log: 9, seq, id, sent_at_ms: 1, audience, text, manner };
        let message = Record::Line(line).encode();
        desk.network(Event::Message { peer: key("alice"), message });
    }
    desk.settle();
    desk.hears_many("eve", 1);
    desk.input(FaceId::FIRST, Input::Command("/ignore eve".to_owned()));
    desk.settle();
    let script = desk.receives(9, None);
    desk.hears_many("eve", 1);
    assert_eq!(desk.told(script), ["better", "alice 3"]);
    desk.input(FaceId::FIRST, Input::Command("/unignore eve".to_owned()));
    desk.settle();
    desk.writes_all(script);
    desk.leaves(script);
    assert_eq!(desk.owed(), [""; 0]);
}

#[test]
fn a_script_whose_time_is_up_is_given_nothing_more() {
    let mut desk = Desk::owing();
    let script = desk.receives(1, None);
    desk.input(script, Input::TimeUp);
    desk.hears_many("alice", 1);
    assert_eq!((desk.told(script).len(), desk.left.last()), (0, Some(&script)));
    assert_eq!(desk.owed(), ["alice 1"]);
}

#[test]
fn a_disk_that_fails_is_asked_again_when_the_next_line_comes() {
    let mut desk = Desk::owing();
    desk.hears_many("alice", 1);
    let script = desk.comes(9, None);
    let request = desk.requests.pop_front();
    assert!(matches!(request, Some(StoreRequest::LoadOwed { .. })));
    let failure = crate::chat::StoreFailure {
        kind: crate::chat::FailureKind::Other,
        place: "chat.db".to_owned(),
        cause: "the disk hums".to_owned(),
    };
    desk.chat.handle_input(desk.now(), Input::Stored(StoreReply::Failed(failure)));
    desk.drain();
    assert!(desk.requests.is_empty(), "it is not asked in a circle");
    desk.hears_many("alice", 1);
    assert_eq!(desk.told(script), ["alice 1", "alice 2"]);
}

#[derive(Clone, Debug)]
enum Move {
    Hear(&'static str),
    Come { count: u64, from: Option<&'static str> },
    Write { script: usize, lines: usize },
    Leave { script: usize },
    Disk { requests: usize },
    Kill { noted: usize },
}

fn moves() -> impl Strategy<Value = Move> {
    let from = prop_oneof![Just(None), Just(Some("alice")), Just(Some("eve"))];
    prop_oneof![
        8 => prop_oneof![Just("alice"), Just("eve")].prop_map(Move::Hear),
        2 => (1..30_u64, from).prop_map(|(count, from)| Move::Come { count, from }),
        4 => (0..4_usize, 1..12_usize).prop_map(|(script, lines)| Move::Write { script, lines }),
        1 => (0..4_usize).prop_map(|script| Move::Leave { script }),
        8 => (1..20_usize).prop_map(|requests| Move::Disk { requests }),
        1 => (0..5_usize).prop_map(|noted| Move::Kill { noted }),
    ]
}

proptest! {
    #[test]
    fn whatever_scripts_do_each_line_is_written_and_only_one_that_nobody_confirmed_twice(
        moves in proptest::collection::vec(moves(), 1..80)
    ) {
        let mut desk = Desk::owing();
        // Who is there, how much of what it was told it has written, and what it waits for.
        let mut scripts: Vec<(FaceId, usize)> = Vec::new();
        // Whose the lines are that were given and neither left behind nor forgotten by a kill.
        let mut held: BTreeMap<String, FaceId> = BTreeMap::new();
        let mut written: BTreeMap<String, usize> = BTreeMap::new();
        let mut looked = 0;
        for one in moves {
            match one {
                Move::Hear(who) => desk.hears(who),
                Move::Come { count, from } => {
                    let face = desk.comes(count, from);
                    scripts.push((face, 0));
                }
                Move::Write { script, lines } => {
                    let Some((face, done)) = scripts.get_mut(script) else { continue };
                    let told: Vec<String> =
                        desk.told(*face).into_iter().skip(*done).take(lines).map(str::to_owned).collect();
                    *done += told.len();
                    for text in told {
                        desk.writes(*face, &text);
                        *written.entry(text).or_default() += 1;
                    }
                }
                Move::Leave { script } if script < scripts.len() => {
                    let (face, _) = scripts.remove(script);
                    desk.leaves(face);
                    held.retain(|_, holder| *holder != face);
                }
                Move::Leave { .. } => {}
                Move::Disk { requests } => desk.disk(requests),
                Move::Kill { noted } => {
                    desk.killed(noted);
                    (looked, held) = (0, BTreeMap::new());
                    scripts.clear();
                }
            }
            let fresh = desk.told[looked..].iter().filter(|(to, _)| *to != FaceId::FIRST);
            for (to, message) in fresh {
                let before = held.insert(message.text.clone(), *to);
                prop_assert!(before.is_none(), "{} is held by {before:?}", message.text);
            }
            looked = desk.told.len();
        }
        desk.settle();
        for (face, _) in std::mem::take(&mut scripts) {
            desk.leaves(face);
        }
        let heard: u64 = desk.said.values().sum();
        let last = desk.receives(1000, None);
        for _ in 0..20 {
            desk.writes_all(last);
        }
        for text in desk.told(last) {
            *written.entry(text.to_owned()).or_default() += 1;
        }
        prop_assert_eq!(written.len() as u64, heard, "all was written");
        prop_assert!(desk.owed().is_empty());
    }
}
