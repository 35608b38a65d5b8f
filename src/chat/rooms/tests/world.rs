//! People, their disks, and the sessions between them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::random::Random;

use super::super::replica::Persona;
use super::super::*;
use crate::chat::room::{Access, Act, Body, Fork, Hash, Line, RoomId};
use crate::chat::{LineId, Manner, Timestamp};

/// The wall clock at the beginning.
const EPOCH: u64 = 1_700_000_000_000;

/// What somebody's disk holds.
#[derive(Default)]
pub(super) struct Disk {
    wanted: bool,
    /// In the order in which they came.
    acts: Vec<Arc<Entry>>,
    forks: Vec<Fork>,
    pub(super) lines: BTreeMap<LogId, BTreeMap<u64, Arc<Entry>>>,
    receipts: BTreeMap<(u64, PeerId), Receipt>,
    floors: BTreeMap<(PeerId, LogId), u64>,
    pub(super) is_full: bool,
    pub(super) is_copy: bool,
}

impl Disk {
    fn handle(&mut self, request: Request) -> Answer {
        match request {
            Request::Lines { log, from, to, .. } => {
                let lines =
                    self.lines.get(&log).into_iter().flat_map(|lines| lines.range(from..=to));
                let whole = lines.zip(from..).take_while(|((seq, _), at)| *seq == at).take(9);
                return Answer::Lines(whole.map(|((_, line), _)| line.encode()).collect());
            }
            Request::Room(_) => return Answer::Room(Box::new(self.stored())),
            _ if self.is_full => return Answer::Failed,
            Request::Entry { entry, .. } if entry.header().place.is_act() => {
                if !self.acts.iter().any(|act| act.hash() == entry.hash()) {
                    self.note_floors(&entry);
                    self.acts.push(entry);
                }
            }
            Request::Entry { entry, begins, .. } => {
                let lines = self.lines.entry(entry.header().log).or_default();
                let seq = entry.header().place.seq();
                if !begins && !lines.contains_key(&(seq - 1)) {
                    return Answer::Failed;
                }
                lines.entry(seq).or_insert(entry);
            }
            Request::Fork(_, fork) => self.forks.push(*fork),
            Request::Receipt { stay, member, receipt, .. } => {
                self.receipts.insert((stay, member), receipt);
            }
            Request::Wanted(_, wanted) => self.wanted = wanted,
            Request::Renewed(_) => self.is_copy = false,
        }
        Answer::Done
    }

    fn note_floors(&mut self, entry: &Entry) {
        let Some(Act::Create { keep, .. }) = self.acts.first().and_then(|first| first.act()) else {
            return;
        };
        if matches!(entry.act(), Some(Act::Join { .. })) {
            for (log, lines) in &self.lines {
                let last = lines.keys().next_back().copied().unwrap_or(0);
                let floor = (last + 1).saturating_sub(u64::from((*keep).max(1))).max(1);
                self.floors.insert((entry.header().log.author, *log), floor);
            }
        }
    }

    fn stored(&self) -> Stored {
        let copy = |entry: &Arc<Entry>| entry.as_ref().clone();
        let mut acts: Vec<Entry> = self.acts.iter().map(copy).collect();
        acts.sort_by_key(|act| (act.header().at_ms, act.hash()));
        // The first act creates the room, whatever another's clock says.
        acts.sort_by_key(|act| !matches!(act.act(), Some(Act::Create { .. })));
        let ends = |lines: &BTreeMap<u64, Arc<Entry>>| {
            Some((copy(lines.values().next()?), copy(lines.values().next_back()?)))
        };
        Stored {
            wanted: self.wanted,
            copied: self.is_copy,
            acts,
            forks: self.forks.clone(),
            lines: self.lines.values().filter_map(ends).collect(),
            receipts: self.receipts.clone(),
            floors: self.floors.clone(),
        }
    }
}

/// Records on their way, and when they arrive.
type Wire = VecDeque<(Duration, Vec<u8>)>;

/// Somebody.
pub(super) struct Node {
    pub(super) identity: Arc<Identity>,
    persona: Persona,
    pub(super) disk: Disk,
    /// `None` while the program does not run.
    pub(super) replica: Option<Replica>,
    pending: VecDeque<(Duration, Request)>,
    timeout: Option<Duration>,
    /// The lines that a person has been shown, in order.
    pub(super) shown: Vec<(LogId, u64)>,
    pub(super) events: Vec<Event>,
    said: u32,
}

/// Everything.
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) random: Random,
    pub(super) room: RoomId,
    pub(super) nodes: Vec<Node>,
    /// By sender and receiver.
    wires: BTreeMap<(usize, usize), Wire>,
    /// Pairs with a session.
    sessions: BTreeMap<(usize, usize), bool>,
    /// Records that have been carried, and their bytes.
    pub(super) carried: (u64, u64),
}

pub(super) fn name(number: usize) -> Name {
    Name::new(&format!("p{number}")).expect("a name")
}

impl World {
    /// A room by the first of `people`, who want to be in it and are connected with each other.
    pub(super) fn new(seed: u64, people: usize, access: Access, keep: u16) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut random = Random::from_seed(bytes);
        let node = |number: usize| Node {
            identity: Arc::new(Identity::from_seed([u8::try_from(number + 1).expect("few"); 32])),
            persona: Persona { name: name(number), host: "h".into() },
            disk: Disk { wanted: number > 0, ..Disk::default() },
            replica: None,
            pending: VecDeque::new(),
            timeout: None,
            shown: Vec::new(),
            events: Vec::new(),
            said: 0,
        };
        let mut nodes: Vec<Node> = (0..people).map(node).collect();
        let room = Name::new("tea").expect("a name");
        let create = Act::Create { room, host: "h".into(), name: name(0), access, keep };
        let moment = Moment { at: Duration::ZERO, clock: Timestamp(EPOCH) };
        let (identity, persona) = (Arc::clone(&nodes[0].identity), nodes[0].persona.clone());
        let owner = Replica::create(moment, identity, persona, random.array(), create);
        let owner = owner.expect("a room");
        let room = owner.id();
        nodes[0].replica = Some(owner);
        let (wires, sessions) = (BTreeMap::new(), BTreeMap::new());
        let carried = (0, 0);
        let mut world = Self { now: Duration::ZERO, random, room, nodes, wires, sessions, carried };
        (1..people).for_each(|number| world.begin(number));
        for a in 0..people {
            (a + 1..people).for_each(|b| world.connect(a, b));
        }
        world
    }

    pub(super) fn moment(&self) -> Moment {
        let since = self.now.as_millis();
        Moment { at: self.now, clock: Timestamp(EPOCH + u64::try_from(since).expect("soon")) }
    }

    pub(super) fn id(&self, number: usize) -> PeerId {
        self.nodes[number].identity.id()
    }

    pub(super) fn number(&self, id: PeerId) -> usize {
        self.nodes.iter().position(|node| node.identity.id() == id).expect("one of us")
    }

    pub(super) fn replica(&self, number: usize) -> &Replica {
        self.nodes[number].replica.as_ref().expect("it runs")
    }

    /// Somebody's program starts.
    pub(super) fn begin(&mut self, number: usize) {
        let seed = self.random.array();
        let node = &mut self.nodes[number];
        let stored = node.disk.stored();
        let (identity, persona) = (Arc::clone(&node.identity), node.persona.clone());
        node.replica = Some(Replica::open(self.room, identity, persona, seed, stored));
        self.drain(number);
    }

    /// Somebody's program ends in the middle of everything.
    pub(super) fn crash(&mut self, number: usize) {
        let all: Vec<(usize, usize)> = self.sessions.keys().copied().collect();
        for (a, b) in all.into_iter().filter(|(a, b)| *a == number || *b == number) {
            self.disconnect(a, b);
        }
        let node = &mut self.nodes[number];
        node.replica = None;
        node.pending.clear();
        node.timeout = None;
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) {
        let runs = |number: usize| self.nodes[number].replica.is_some();
        if runs(a) && runs(b) && self.sessions.insert((a.min(b), a.max(b)), true).is_none() {
            for (one, other) in [(a, b), (b, a)] {
                let id = self.id(other);
                self.with(one, |replica, now| replica.handle_connected(now, id));
            }
        }
    }

    pub(super) fn disconnect(&mut self, a: usize, b: usize) {
        if self.sessions.remove(&(a.min(b), a.max(b))).is_some() {
            for (one, other) in [(a, b), (b, a)] {
                self.wires.remove(&(one, other));
                let id = self.id(other);
                self.with(one, |replica, _| replica.handle_disconnected(id));
            }
        }
    }

    pub(super) fn is_connected(&self, a: usize, b: usize) -> bool {
        self.sessions.contains_key(&(a.min(b), a.max(b)))
    }

    /// Does something to a replica that runs, and what follows from it.
    pub(super) fn with<T>(
        &mut self,
        number: usize,
        act: impl FnOnce(&mut Replica, Moment) -> T,
    ) -> Option<T> {
        let now = self.moment();
        let done = act(self.nodes[number].replica.as_mut()?, now);
        self.drain(number);
        Some(done)
    }

    /// Somebody says something; whether he could.
    pub(super) fn say(&mut self, number: usize) -> bool {
        let node = &mut self.nodes[number];
        node.said += 1;
        let (text, id) = (format!("{number}: {}", node.said), LineId(self.random.array()));
        let line = Line { id, text, manner: Manner::Text };
        self.with(number, |replica, now| replica.say(now, line).is_ok()).unwrap_or(false)
    }

    /// Lets a session carry a record that a replica did not say.
    pub(super) fn inject(&mut self, from: usize, to: usize, says: Says) {
        let record = RoomRecord { room: self.room, says };
        let from = self.id(from);
        self.with(to, |replica, now| replica.handle_record(now, from, record));
    }

    fn drain(&mut self, number: usize) {
        let mut sent = Vec::new();
        let node = &mut self.nodes[number];
        let Some(replica) = &mut node.replica else { return };
        loop {
            match replica.poll_output() {
                Output::Send { to, record } => sent.push((to, record)),
                Output::Store(request) => {
                    let wait = Duration::from_micros(u64::from(self.random.below(20_000)));
                    let after = node.pending.back().map_or(self.now, |(at, _)| *at);
                    node.pending.push_back((after.max(self.now + wait), request));
                }
                Output::Event(event) => {
                    if let Event::Line(entry) = &event {
                        node.shown.push((entry.header().log, entry.header().place.seq()));
                    }
                    node.events.push(event);
                }
                Output::Timeout(at) => {
                    node.timeout = at;
                    break;
                }
            }
        }
        for (to, record) in sent {
            let to = self.number(to);
            if self.is_connected(number, to) {
                let bytes = record.encode();
                self.carried.0 += 1;
                self.carried.1 += bytes.len() as u64;
                let delay = Duration::from_millis(u64::from(self.random.below(150)));
                let wire = self.wires.entry((number, to)).or_default();
                let after = wire.back().map_or(self.now, |(at, _)| *at);
                wire.push_back((after.max(self.now + delay), bytes));
            }
        }
    }

    /// When anything happens next.
    fn next(&self) -> Option<Duration> {
        let wires = self.wires.values().filter_map(|wire| wire.front()).map(|(at, _)| *at);
        let disks = self.nodes.iter().filter_map(|node| node.pending.front()).map(|(at, _)| *at);
        let timeouts = self.nodes.iter().filter_map(|node| node.timeout);
        wires.chain(disks).chain(timeouts).min()
    }

    /// Lets so much time pass; says whether anything would still happen.
    pub(super) fn pass(&mut self, time: Duration) -> bool {
        let end = self.now + time;
        let mut count = 0;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.happen();
            count += 1;
            assert!(count < 100_000, "they never come to rest");
        }
        self.now = end;
        self.next().is_some()
    }

    fn happen(&mut self) {
        let now = self.now;
        let wires: Vec<(usize, usize)> = self.wires.keys().copied().collect();
        for (from, to) in wires {
            let due = |wire: &mut Wire| wire.pop_front_if(|(at, _)| *at <= now);
            if let Some((_, bytes)) = self.wires.get_mut(&(from, to)).and_then(due) {
                let id = self.id(from);
                let record = RoomRecord::decode(&bytes).expect("a record").expect("of ours");
                self.with(to, |replica, now| replica.handle_record(now, id, record));
            }
        }
        for number in 0..self.nodes.len() {
            let node = &mut self.nodes[number];
            if let Some((_, request)) = node.pending.pop_front_if(|(at, _)| *at <= now) {
                let answer = node.disk.handle(request);
                self.with(number, |replica, now| replica.handle_stored(now, answer));
            }
            if self.nodes[number].timeout.is_some_and(|at| at <= now) {
                self.with(number, |replica, now| replica.handle_timeout(now));
            }
        }
    }

    /// All who are in the room, as they see it themselves.
    pub(super) fn members(&self) -> Vec<usize> {
        let is_in = |number: &usize| {
            self.nodes[*number].replica.as_ref().is_some_and(|replica| replica.is_member())
        };
        (0..self.nodes.len()).filter(is_in).collect()
    }

    /// What somebody has of each log that counts, as far as it counts.
    fn lines_of(&self, number: usize) -> BTreeMap<LogId, BTreeMap<u64, Hash>> {
        let state = self.replica(number).state().expect("a room");
        let counts = |(log, lines): (&LogId, &BTreeMap<u64, Arc<Entry>>)| {
            let last = state.stays.get(log)?.lines;
            let lines: BTreeMap<u64, Hash> =
                lines.range(..=last).map(|(seq, line)| (*seq, line.hash())).collect();
            (!lines.is_empty()).then_some((*log, lines))
        };
        self.nodes[number].disk.lines.iter().filter_map(counts).collect()
    }

    /// Everybody in the room has the same, and was shown it in order.
    pub(super) fn assert_same(&self) {
        let members = self.members();
        let Some(&first) = members.first() else { return };
        let (state, lines) = (self.replica(first).state(), self.lines_of(first));
        for number in members {
            assert!(
                self.replica(number).state() == state && self.lines_of(number) == lines,
                "{number} has {:#?}, {first} has {:#?}",
                self.summary(number),
                self.summary(first)
            );
        }
        // And nothing is missing that an author has and that counts.
        let stays = state.map(|state| &state.stays).into_iter().flatten();
        for (log, stay) in stays {
            let author = self.number(log.author);
            let Some(wrote) = self.nodes[author].disk.lines.get(log) else { continue };
            let has = lines.get(log).and_then(|lines| lines.keys().next_back());
            let last = wrote.range(..=stay.lines).next_back().map(|(seq, _)| seq);
            assert_eq!(has, last, "of {author}: {:#?}", self.summary(first));
        }
        self.assert_shown_once();
    }

    /// What somebody has of each log, for a failure to be understood.
    fn summary(&self, number: usize) -> Vec<String> {
        let replica = self.replica(number);
        let (log, lines) = (replica.log().expect("a room"), self.lines_of(number));
        let of = |log: &LogId| format!("{}/{}", self.number(log.author), log.stay % 1000);
        let stay = |(id, stay): (&LogId, &Stay)| {
            let lines: Vec<u64> =
                lines.get(id).into_iter().flat_map(|all| all.keys().copied()).collect();
            format!(
                "{} from {} acts {} of {}, lines {:?}..{:?} ({}) of {}, {:?}",
                of(id),
                stay.since_ms - EPOCH,
                log.has_acts(id),
                stay.acts,
                lines.first(),
                lines.last(),
                lines.len(),
                stay.lines,
                stay.end
            )
        };
        log.state().stays.iter().map(stay).collect()
    }

    /// Nobody was shown a line twice, or two lines of one log out of order.
    pub(super) fn assert_shown_once(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            let mut last: BTreeMap<LogId, u64> = BTreeMap::new();
            for (log, seq) in &node.shown {
                let before = last.insert(*log, *seq);
                assert!(
                    before.is_none_or(|before| before + 1 == *seq),
                    "{number} was shown {seq} behind {before:?} of {log:?}"
                );
            }
        }
    }

    /// Everybody in the room knows that all others there have his lines.
    pub(super) fn assert_received(&self) {
        let members = self.members();
        for &number in &members {
            let replica = self.replica(number);
            let stay = replica.stay().expect("a member");
            let log = LogId { author: self.id(number), stay };
            for seq in 1..=replica.log().expect("a room").last_line(&log) {
                let (_, waits) = replica.receipts(stay, seq);
                assert_eq!(waits, [], "line {seq} of {number}");
            }
        }
    }

    /// The texts that somebody's disk has of another's lines.
    pub(super) fn texts(&self, number: usize, of: usize) -> Vec<String> {
        let author = self.id(of);
        let lines = self.nodes[number].disk.lines.iter().filter(|(log, _)| log.author == author);
        let text = |line: &Arc<Entry>| match line.body() {
            Body::Line(line) => line.text.clone(),
            _ => String::new(),
        };
        lines.flat_map(|(_, lines)| lines.values()).map(text).collect()
    }
}
