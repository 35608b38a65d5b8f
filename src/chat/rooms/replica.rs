//! Our copy of one room.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::random::Random;

use super::super::room::{
    Act, Body, Entry, Hash, Line, LineRange, Log, LogId, Refusal, RoomId, State,
};
use super::neighbour::Neighbour;
use super::receipts::Receipts;
use super::sending::{Held, Recent};
use super::{Answer, Event, Moment, Output, Receipt, Request, Stored};

/// What a request was about, until its answer comes.
#[derive(Debug)]
pub(super) enum Asked {
    /// Nobody waits for it, but it must not fail.
    Nothing,
    Entry(Arc<Entry>),
    Lines {
        peer: PeerId,
        session: u64,
        range: LineRange,
    },
    Room,
}

/// Who we are in a room.
#[derive(Clone, Debug)]
pub struct Persona {
    /// Our name.
    pub name: Name,
    /// The rendezvous where that is our name.
    pub host: String,
}

/// A room of which we keep a copy, and the neighbours with whom we compare it.
#[derive(Debug)]
pub struct Replica {
    pub(super) id: RoomId,
    pub(super) identity: Arc<Identity>,
    me: Persona,
    pub(super) random: Random,
    /// None: nobody has told us anything yet.
    pub(super) log: Option<Log>,
    /// Whether a person wants to be in the room.
    pub(super) wanted: bool,
    /// Numbers of our stays may have been used elsewhere. Until we have begun a new one, we say nothing.
    copied: bool,
    /// We left, and no member is known to know.
    pub(super) parting: bool,
    pub(super) neighbours: BTreeMap<PeerId, Neighbour>,
    sessions: u64,
    pub(super) receipts: Receipts,
    pub(super) floors: BTreeMap<(PeerId, LogId), u64>,
    pub(super) recent: Recent,
    /// The digest of the log, until something changes.
    pub(super) digest: Option<Hash>,
    /// Before this, we do not compare.
    pub(super) compare_at: Option<Duration>,
    /// When we join, whatever we may still lack.
    pub(super) join_at: Option<Duration>,
    /// Why we could not join, if a person was told.
    not_admitted: Option<Refusal>,
    /// Members of whom it was told that they forge.
    pub(super) forgers: BTreeSet<PeerId>,
    /// The room is read from the disk; what comes meanwhile comes again.
    pub(super) is_loading: bool,
    pub(super) asked: VecDeque<Asked>,
    /// Requests to the disk so far.
    pub(super) requests: u64,
    pub(super) held: VecDeque<Held>,
    pub(super) outputs: VecDeque<Output>,
}

impl Replica {
    /// A room as the disk has it; without an act, one that we are to be told about.
    #[must_use]
    pub fn open(
        id: RoomId,
        identity: Arc<Identity>,
        me: Persona,
        seed: [u8; 32],
        stored: Stored,
    ) -> Self {
        let mut replica = Self {
            id,
            identity,
            me,
            random: Random::from_seed(seed),
            log: None,
            wanted: false,
            copied: false,
            parting: false,
            neighbours: BTreeMap::new(),
            sessions: 0,
            receipts: Receipts::default(),
            floors: BTreeMap::new(),
            recent: Recent::default(),
            digest: None,
            compare_at: None,
            join_at: None,
            not_admitted: None,
            forgers: BTreeSet::new(),
            is_loading: false,
            asked: VecDeque::new(),
            requests: 0,
            held: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        replica.restore(stored);
        replica
    }

    /// Makes a room, of which `create` is the first act. It and the wish to be there go to disk.
    ///
    /// # Errors
    ///
    /// The act breaks a limit, or is another.
    pub fn create(
        now: Moment,
        identity: Arc<Identity>,
        me: Persona,
        seed: [u8; 32],
        create: Act,
    ) -> Result<Self, Refusal> {
        let mut random = Random::from_seed(seed);
        let log = Log::create(&identity, random.u64(), now.clock.0, create)?;
        let mut replica = Self::open(log.id(), identity, me, random.array(), Stored::default());
        replica.keep(Arc::clone(log.first()));
        replica.log = Some(log);
        replica.set_wanted(true);
        replica.attend();
        Ok(replica)
    }

    fn restore(&mut self, stored: Stored) {
        let Stored { wanted, copied, acts, forks, lines, receipts, floors } = stored;
        let mut acts = acts.into_iter();
        self.log = acts.next().and_then(|create| Log::open(self.id, create).ok());
        if let Some(log) = &mut self.log {
            forks.into_iter().for_each(|fork| log.restore_fork(fork));
            log.restore(acts);
            lines.iter().for_each(|(first, last)| log.resume_lines(first, last));
        }
        self.wanted = wanted;
        self.copied = copied;
        self.receipts = Receipts::new(receipts);
        self.floors = floors;
        self.digest = None;
        self.recent = Recent::default();
        self.attend();
    }

    /// Which room.
    #[must_use]
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// The room as far as we know it.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        self.log.as_ref().map(|log| log.state())
    }

    /// All that is known of the room but what was said.
    #[must_use]
    pub fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// Whether a person wants to be in the room.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether we are in the room.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.stay().is_some()
    }

    /// Whether nobody but us was ever in the room, and nothing was said there: nothing is lost with it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let ours =
            |log: &Log, of: &LogId| of.author == self.identity.id() && log.last_line(of) == 0;
        self.log.as_ref().is_some_and(|log| log.state().stays.keys().all(|of| ours(log, of)))
    }

    /// Who has a line of ours, and for whom it waits.
    #[must_use]
    pub fn receipts(&self, stay: u64, line: u64) -> (Vec<PeerId>, Vec<PeerId>) {
        self.receipts.of_line(stay, line)
    }

    /// Our stay in which we write: the one that began last.
    #[must_use]
    pub fn stay(&self) -> Option<u64> {
        let (state, me) = (self.state().filter(|_| !self.copied)?, self.identity.id());
        let since = |log: &LogId| state.stays.get(log).map(|stay| stay.since_ms);
        state.present_stays(me).max_by_key(since).map(|log| log.stay)
    }

    /// Whether some neighbour has all that we have done, or there is none to have it.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        let mut known = self.neighbours.values().filter(|one| one.is_known && !one.is_liar);
        self.held.is_empty() && known.clone().next().is_none() || known.any(Neighbour::has_answered)
    }

    /// We are connected with somebody who may be in the room.
    pub fn handle_connected(&mut self, now: Moment, peer: PeerId) {
        self.meet(peer);
        let is_member = self.state().is_none_or(|state| state.is_member(&peer));
        if (self.wanted || self.parting) && !self.is_loading && (is_member || !self.is_member()) {
            self.greet(now, peer);
        }
    }

    /// We are connected with somebody no longer.
    pub fn handle_disconnected(&mut self, peer: PeerId) {
        self.neighbours.remove(&peer);
        self.drop_held(peer);
    }

    /// With whom we are connected.
    pub(super) fn peers(&self) -> Vec<PeerId> {
        self.neighbours.keys().copied().collect()
    }

    pub(super) fn meet(&mut self, peer: PeerId) {
        if !self.neighbours.contains_key(&peer) {
            self.sessions += 1;
            self.neighbours.insert(peer, Neighbour::new(self.sessions));
        }
    }

    /// Time passes.
    pub fn handle_timeout(&mut self, now: Moment) {
        if self.next_comparison().is_some_and(|at| at <= now.at) {
            self.compare(now);
        }
        self.settle(now);
    }

    /// The disk answers the oldest request.
    pub fn handle_stored(&mut self, now: Moment, answer: Answer) {
        let Some(asked) = self.asked.pop_front() else { return };
        match (asked, answer) {
            (Asked::Room, Answer::Room(stored)) => {
                self.is_loading = false;
                self.restore(*stored);
                self.outputs.push_back(Output::Event(Event::ReadAgain(self.id)));
                for peer in self.peers() {
                    // As if they had just come.
                    self.neighbours.remove(&peer);
                    self.handle_connected(now, peer);
                }
                self.settle(now);
            }
            (Asked::Lines { peer, session, range }, Answer::Lines(lines)) => {
                self.lines_read(peer, session, range, lines);
            }
            (Asked::Entry(entry), Answer::Failed) => {
                if entry.header().log.author == self.identity.id() {
                    self.outputs.push_back(Output::Event(Event::NotKept(entry)));
                }
                self.load();
            }
            (Asked::Entry(entry), _) => {
                if !entry.header().place.is_act() {
                    self.outputs.push_back(Output::Event(Event::Line(entry)));
                }
            }
            (Asked::Nothing, Answer::Done) => {}
            (Asked::Lines { .. } | Asked::Nothing | Asked::Room, _) => self.load(),
        }
    }

    /// The disk has refused something: what it has is what we have. It is read again, and what is missing
    /// comes again from the others.
    fn load(&mut self) {
        self.hold_answers_only();
        if !std::mem::replace(&mut self.is_loading, true) {
            self.ask(Request::Room(self.id), Asked::Room);
        }
    }

    /// Says something in the room. Returns its place: our stay, and the number of the line.
    ///
    /// # Errors
    ///
    /// We are not in the room, or the line breaks a limit.
    pub fn say(&mut self, now: Moment, line: Line) -> Result<(u64, u64), Refusal> {
        let stay = self.stay().filter(|_| !self.is_loading).ok_or(Refusal::NotMember)?;
        let entry = self.write(now, stay, Body::Line(line))?;
        self.recent.push(&entry);
        let Some(log) = &self.log else { return Err(Refusal::NotMember) };
        for (peer, neighbour) in &mut self.neighbours {
            if neighbour.is_known && log.state().is_member(peer) {
                neighbour.offer(&entry);
            }
        }
        self.pump_all();
        Ok((stay, entry.header().place.seq()))
    }

    /// Does something to the room.
    ///
    /// # Errors
    ///
    /// Why it would change nothing.
    pub fn act(&mut self, now: Moment, act: Act) -> Result<(), Refusal> {
        let stay = self.stay().filter(|_| !self.is_loading).ok_or(Refusal::NotMember)?;
        match self.try_act(now, stay, act.clone()) {
            Err(Refusal::TooManyActs) => {
                let stay = self.join(now)?;
                self.try_act(now, stay, act)
            }
            done => done,
        }
    }

    /// Whether we left, and no member is known to know that and all that we said.
    #[must_use]
    pub fn is_parting(&self) -> bool {
        self.parting
    }

    /// We left in an earlier run, after `since` (by the clock on the wall), and it may be that nobody knows:
    /// the next member whom we meet is told. Says whether it is so.
    pub fn part_again(&mut self, since: u64) -> bool {
        let me = self.identity.id();
        let leaves = |entry: &Entry| {
            let header = entry.header();
            header.log.author == me
                && header.at_ms >= since
                && matches!(entry.act(), Some(Act::Leave { .. }))
        };
        let left =
            |log: &Log| log.acts().any(|entry| leaves(entry)) && !log.state().members.is_empty();
        self.parting = !self.wanted && !self.is_member() && self.log.as_ref().is_some_and(left);
        self.parting
    }

    /// A member has said something: whether one of them has all that there was for him.
    pub(super) fn note_farewell(&mut self) {
        let Some(log) = self.log.as_ref().filter(|_| self.parting) else { return };
        let heard = |(peer, neighbour): (&PeerId, &Neighbour)| {
            let is_told = neighbour.is_known && neighbour.is_offered_lines;
            log.state().is_member(peer) && is_told && neighbour.is_at_rest()
        };
        self.parting = !self.neighbours.iter().any(heard);
    }

    /// Leaves the room for good, and lets `heir` own it if we do.
    ///
    /// # Errors
    ///
    /// We are not in it.
    pub fn leave(&mut self, now: Moment, heir: Option<PeerId>) -> Result<(), Refusal> {
        let me = self.identity.id();
        let state = self.state().ok_or(Refusal::NotMember)?;
        let stays: Vec<LogId> = state.present_stays(me).filter(|_| !self.copied).collect();
        self.set_wanted(false);
        for log in stays {
            let leave = self.log.as_ref().map(|ours| ours.leave(log, heir));
            leave.map_or(Err(Refusal::NotMember), |act| self.try_act(now, log.stay, act))?;
            // Whoever is being told of the room may be on his way in, and nobody else could give him our lines.
            let is_told = |neighbour: &Neighbour| neighbour.is_known && !neighbour.is_liar;
            self.parting = self.state().is_some_and(|state| !state.members.is_empty())
                || self.neighbours.values().any(is_told);
        }
        self.offer_lines();
        Ok(())
    }

    /// A person wants to be in the room (again).
    pub fn enter(&mut self, now: Moment) {
        self.set_wanted(true);
        self.parting = false;
        self.not_admitted = None;
        if self.is_member() {
            return;
        }
        self.join_at = None;
        self.peers().into_iter().for_each(|peer| self.greet(now, peer));
        self.settle(now);
    }

    /// Removes somebody. Only the owner can.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn kick(&mut self, now: Moment, key: PeerId) -> Result<(), Refusal> {
        let act = self.log.as_ref().map(|log| log.kick(key)).ok_or(Refusal::NotMember)?;
        self.act(now, act)
    }

    fn try_act(&mut self, now: Moment, stay: u64, act: Act) -> Result<(), Refusal> {
        let before = self.state().cloned();
        let entry = self.write(now, stay, Body::Act(act))?;
        for neighbour in self.neighbours.values_mut().filter(|neighbour| neighbour.is_known) {
            neighbour.offer(&entry);
        }
        // Before those are forgotten who are not to hear anything more: they hear why.
        self.pump_all();
        self.changed(now, before.as_ref());
        Ok(())
    }

    fn write(&mut self, now: Moment, stay: u64, body: Body) -> Result<Arc<Entry>, Refusal> {
        let log = self.log.as_mut().ok_or(Refusal::NotMember)?;
        let entry = log.write(&self.identity, stay, now.clock.0, body)?;
        self.keep(Arc::clone(&entry));
        Ok(entry)
    }

    fn join(&mut self, now: Moment) -> Result<u64, Refusal> {
        let stay = self.random.u64();
        let join = Act::Join { name: self.me.name.clone(), host: self.me.host.clone() };
        let copied = std::mem::take(&mut self.copied);
        if let Err(refusal) = self.try_act(now, stay, join) {
            self.copied = copied;
            return Err(refusal);
        }
        if copied {
            self.ask(Request::Renewed(self.id), Asked::Nothing);
        }
        Ok(stay)
    }

    /// Joins if a person wants that and it is time.
    pub(super) fn settle(&mut self, now: Moment) {
        let wants_in = self.wanted && !self.is_loading && !self.is_member();
        let Some(log) = self.log.as_ref().filter(|_| wants_in) else {
            self.join_at = None;
            return;
        };
        let has = |log: &Log, of: &LogId, acts: u64| log.has_acts(of) >= acts;
        let complete = self.neighbours.values().any(|neighbour| {
            let claims = neighbour.claims.as_ref();
            claims.is_some_and(|claims| claims.iter().all(|(of, acts)| has(log, of, *acts)))
        });
        let at = *self.join_at.get_or_insert(now.at + super::PATIENCE);
        if !complete && now.at < at {
            return;
        }
        let admitted = log.state().admits(&self.identity.id());
        let joined = admitted.and_then(|()| self.join(now));
        match joined {
            Ok(_) => {
                self.join_at = None;
                self.not_admitted = None;
                // What was said is told to members only.
                self.peers().into_iter().for_each(|peer| self.greet(now, peer));
            }
            Err(refusal) => {
                self.join_at = None;
                if self.not_admitted.replace(refusal) != Some(refusal) {
                    self.outputs.push_back(Output::Event(Event::NotAdmitted(refusal)));
                }
            }
        }
    }

    pub(super) fn set_wanted(&mut self, wanted: bool) {
        if std::mem::replace(&mut self.wanted, wanted) != wanted {
            self.ask(Request::Wanted(self.id, wanted), Asked::Nothing);
        }
    }

    /// Who is there when we write our next line.
    pub(super) fn attend(&mut self) {
        let (Some(stay), Some(log)) = (self.stay(), &self.log) else { return };
        let (state, author) = (log.state(), self.identity.id());
        let next = log.last_line(&LogId { author, stay }) + 1;
        let others = state.members.keys().copied().filter(|key| *key != author);
        let changed = self.receipts.attend(stay, next, |key| state.is_member(key), others);
        for ((stay, member), receipt) in changed {
            self.keep_receipt(stay, member, receipt);
        }
    }

    pub(super) fn keep_receipt(&mut self, stay: u64, member: PeerId, receipt: Receipt) {
        let request = Request::Receipt { room: self.id, stay, member, receipt };
        self.ask(request, Asked::Nothing);
    }

    /// The next thing to be done; [`Output::Timeout`] is always last.
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().or_else(|| self.next_held()).unwrap_or_else(|| {
            let join_at = self.join_at;
            let times = [join_at, self.next_comparison()];
            Output::Timeout(times.into_iter().flatten().min())
        })
    }
}
