//! Takes entries in, in whatever order they come.

mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::signature::Signature;

use super::super::Address;
use super::state::{Fold, Order, Strikes, order};
use super::waiting::Waiting;
use super::{
    Access, Act, Body, Counted, Entry, Fork, Hash, Header, LogId, MAX_ACTS, MAX_ACTS_OF_STAY,
    MAX_AHEAD_MS, MAX_STRIKES, Missing, OWNERS_ACTS, Outcome, Place, Refusal, RoomId, Standing,
    State,
};

/// All acts of one room, and the ends of its chains of lines.
///
/// The caller keeps the entries on disk. [`Log::open`] and [`Log::restore`] build the log again from the
/// acts, [`Log::resume_lines`] tells it where each chain of lines stands.
#[derive(Debug)]
pub struct Log {
    id: RoomId,
    create: Arc<Entry>,
    acts: BTreeMap<Order, Arc<Entry>>,
    logs: BTreeMap<LogId, Chains>,
    forks: BTreeMap<LogId, Fork>,
    strikes: Strikes,
    fold: Fold,
    waiting: Waiting,
}

/// The two chains of one log.
#[derive(Debug, Default)]
pub(super) struct Chains {
    /// The acts, without a gap from the first.
    pub(super) acts: Vec<Order>,
    /// The lines, without a gap between the two ends.
    pub(super) lines: Option<Lines>,
    /// The first line that is wanted, if there is none yet; 0 means the first of all.
    wanted: u64,
}

impl Chains {
    /// The act with this number.
    pub(super) fn act(&self, seq: u64) -> Option<&Order> {
        self.acts.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }
}

/// The ends of a chain of lines.
#[derive(Debug)]
pub(super) struct Lines {
    /// The number of the first line that we have, and the hash of the one before.
    first: (u64, Hash),
    /// The last.
    pub(super) last: Tip,
}

/// The last line of a chain.
#[derive(Debug)]
pub(super) struct Tip {
    header: Header,
    signature: Signature,
    pub(super) hash: Hash,
}

impl Tip {
    fn of(entry: &Entry) -> Self {
        Self { header: *entry.header(), signature: *entry.signature(), hash: entry.hash() }
    }

    pub(super) fn seq(&self) -> u64 {
        self.header.place.seq()
    }
}

impl Log {
    /// The log of the room that `create` begins.
    ///
    /// # Errors
    ///
    /// `create` is not the first act of `id`, or is forged.
    pub fn open(id: RoomId, create: Entry) -> Result<Self, Refusal> {
        let header = create.header();
        if create.room() != id {
            return Err(Refusal::OtherRoom);
        }
        if header.place != (Place::Act { seq: 1 })
            || header.prev != Hash::default()
            || header.room != RoomId::default()
        {
            return Err(Refusal::Misplaced);
        }
        if !create.is_authentic() {
            return Err(Refusal::Forged);
        }
        let create = Arc::new(create);
        let fold = Fold::begin(&create, &Strikes::new()).ok_or(Refusal::Misplaced)?;
        let place = order(&create);
        let chains = Chains { acts: vec![place], ..Chains::default() };
        Ok(Self {
            id,
            acts: BTreeMap::from([(place, Arc::clone(&create))]),
            logs: BTreeMap::from([(create.header().log, chains)]),
            create,
            forks: BTreeMap::new(),
            strikes: Strikes::new(),
            fold,
            waiting: Waiting::default(),
        })
    }

    /// Makes a room: its log, in which `act` is the [`first`](Self::first). `stay` is random.
    ///
    /// # Errors
    ///
    /// `act` is not [`Act::Create`], or breaks a limit.
    pub fn create(identity: &Identity, stay: u64, now_ms: u64, act: Act) -> Result<Self, Refusal> {
        if !act.is_sane() || !matches!(act, Act::Create { .. }) {
            return Err(Refusal::Unfit);
        }
        let header = Header {
            room: RoomId::default(),
            log: LogId { author: identity.id(), stay },
            place: Place::Act { seq: 1 },
            prev: Hash::default(),
            at_ms: now_ms,
            content: Hash::default(),
        };
        let create = Entry::sign(identity, header, Body::Act(act));
        Self::open(create.room(), create)
    }

    /// Which room.
    #[must_use]
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// The first act.
    #[must_use]
    pub fn first(&self) -> &Arc<Entry> {
        &self.create
    }

    /// The room as it is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.fold.state
    }

    /// What the author of a log is called, as he says himself.
    #[must_use]
    pub fn author(&self, log: &LogId) -> Option<Address> {
        match self.act(log, 1)?.act()? {
            Act::Create { name, host, .. } | Act::Join { name, host } => {
                Some(Address::new(name.clone(), host))
            }
            _ => None,
        }
    }

    /// All acts, in their order.
    pub fn acts(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.acts.values()
    }

    /// All proofs that somebody shows two histories.
    pub fn forks(&self) -> impl Iterator<Item = &Fork> {
        self.forks.values()
    }

    /// Whether `key` has shown two histories, in any stay.
    #[must_use]
    pub fn shows_two_histories(&self, key: PeerId) -> bool {
        self.strikes.keys().any(|log| log.author == key)
    }

    /// How many entries wait for others, and how many bytes they take.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        self.waiting.size()
    }

    /// Takes in what somebody has sent. The first outcome is that of `entry`; those behind it are of entries
    /// that had waited for it.
    pub fn add(&mut self, now_ms: u64, entry: Entry) -> Vec<Outcome> {
        if entry.room() != self.id {
            return vec![Outcome::Refused(Refusal::OtherRoom)];
        }
        if self.knows(&entry) {
            return vec![Outcome::Known];
        }
        if !entry.is_authentic() {
            return vec![Outcome::Refused(Refusal::Forged)];
        }
        let admitted = self.admitted();
        let taken = self.take(now_ms, Arc::new(entry));
        self.release(now_ms, taken, admitted)
    }

    /// Who waits for an invitation and has one.
    fn admitted(&self) -> BTreeSet<PeerId> {
        self.waiting.guests().filter(|key| self.state().admits(key).is_ok()).collect()
    }

    /// Takes in what has waited for `first`. `admitted` waited before it, though it had an invitation.
    fn release(
        &mut self,
        now_ms: u64,
        first: Outcome,
        mut admitted: BTreeSet<PeerId>,
    ) -> Vec<Outcome> {
        let mut outcomes = vec![first];
        let mut next = 0;
        while let Some(outcome) = outcomes.get(next) {
            next += 1;
            let mut released = Vec::new();
            if let Outcome::New(entry) = outcome {
                released = self.waiting.of_log(entry.header().log);
                if let Some(Act::Invite { key, .. }) = entry.act() {
                    released.extend(self.waiting.of_guests(&BTreeSet::from([*key])));
                }
            }
            // Not only an invitation lets somebody in: so does what takes a Kick back.
            let now_admitted = self.admitted();
            released.extend(self.waiting.of_guests(&(&now_admitted - &admitted)));
            admitted = now_admitted;
            for entry in released {
                let outcome = self.take(now_ms, entry);
                if matches!(outcome, Outcome::New(_) | Outcome::Fork(_) | Outcome::Old(_)) {
                    outcomes.push(outcome);
                }
            }
        }
        outcomes
    }

    /// Takes a proof from our own disk, which is believed. Proofs come before acts.
    pub fn restore_fork(&mut self, fork: Fork) {
        if fork.room() == self.id {
            self.strike(fork);
        }
    }

    /// Takes acts from our own disk, which is believed: neither signatures nor the clock are checked. All
    /// come together, in the order of [`acts`](Self::acts): one may count only because of another
    /// behind it.
    pub fn restore(&mut self, acts: impl IntoIterator<Item = Entry>) {
        for entry in acts {
            let Header { log, place, prev, .. } = *entry.header();
            let chains = self.logs.entry(log).or_default();
            let count = chains.acts.len() as u64;
            let last = chains.act(count).map(|(_, hash)| *hash).unwrap_or_default();
            let struck = self.strikes.get(&log).is_some_and(|(acts, _)| place.seq() > *acts);
            let fits = entry.room() == self.id && place == (Place::Act { seq: count + 1 });
            if fits && prev == last && !struck {
                chains.acts.push(order(&entry));
                self.acts.insert(order(&entry), Arc::new(entry));
            }
        }
        self.refold();
        self.settle();
    }

    /// The lines of a log that are on our own disk: the first, and the last.
    pub fn resume_lines(&mut self, first: &Entry, last: &Entry) {
        if let Some(chains) = self.logs.get_mut(&last.header().log) {
            let first = (first.header().place.seq(), first.header().prev);
            chains.lines = Some(Lines { first, last: Tip::of(last) });
        }
    }

    /// Lines of `log` before the one with this number are not wanted, if there is none yet. For newcomers.
    pub fn want_lines_from(&mut self, log: LogId, seq: u64) {
        if let Some(chains) = self.logs.get_mut(&log) {
            chains.wanted = seq;
        }
    }

    /// Takes in a proof that somebody has sent. The first outcome is its own, as with [`add`](Self::add).
    pub fn add_fork(&mut self, now_ms: u64, fork: Fork) -> Vec<Outcome> {
        let admitted = self.admitted();
        let taken = self.take_fork(fork);
        self.release(now_ms, taken, admitted)
    }

    fn take_fork(&mut self, fork: Fork) -> Outcome {
        let log = fork.log();
        if fork.room() != self.id {
            return Outcome::Refused(Refusal::OtherRoom);
        }
        if self.leaves(&log).is_some_and(|has| has <= fork.leaves()) {
            return Outcome::Known;
        }
        if !self.logs.contains_key(&log) && !self.strikes.contains_key(&log) {
            return Outcome::Refused(Refusal::NotMember);
        }
        if !fork.is_authentic() {
            return Outcome::Refused(Refusal::Forged);
        }
        self.strike(fork)
    }

    /// Whether a line counts that was taken in once.
    #[must_use]
    pub fn standing(&self, line: &Header) -> Standing {
        self.counted(line.log).standing(line.place)
    }

    /// Which lines of a log count.
    #[must_use]
    pub fn counted(&self, log: LogId) -> Counted {
        let Some(stay) = self.state().stays.get(&log) else {
            return Counted { log, lines: 0, acts: 0, rest: Standing::NotMember };
        };
        match stay.end {
            None => Counted { log, lines: u64::MAX, acts: u64::MAX, rest: Standing::Counts },
            Some(end) => {
                let acts = self.leaves(&log).map_or(u64::MAX, |leaves| leaves.0);
                Counted { log, lines: stay.lines, acts, rest: Standing::Withdrawn(end) }
            }
        }
    }

    pub(super) fn logs(&self) -> impl Iterator<Item = (&LogId, &Chains)> {
        self.logs.iter()
    }

    pub(super) fn leaves(&self, log: &LogId) -> Option<(u64, u64)> {
        self.strikes.get(log).copied()
    }

    pub(super) fn fork_of(&self, log: &LogId) -> Option<&Fork> {
        self.forks.get(log)
    }

    pub(super) fn act(&self, log: &LogId, seq: u64) -> Option<Arc<Entry>> {
        self.acts.get(self.logs.get(log)?.act(seq)?).cloned()
    }

    pub(super) fn act_hash(&self, log: &LogId, seq: u64) -> Option<Hash> {
        self.logs.get(log)?.act(seq).map(|(_, hash)| *hash)
    }

    pub(super) fn chains(&self, log: &LogId) -> Option<&Chains> {
        self.logs.get(log)
    }

    /// The number of the first line that we have of a log.
    #[must_use]
    pub fn first_line(&self, log: &LogId) -> Option<u64> {
        self.logs.get(log)?.lines.as_ref().map(|lines| lines.first.0)
    }

    /// Whether exactly this is an act of ours, or the last line of a log. Costs no signature.
    fn knows(&self, entry: &Entry) -> bool {
        let tip =
            || self.logs.get(&entry.header().log)?.lines.as_ref().map(|lines| lines.last.hash);
        self.acts.contains_key(&order(entry)) || tip() == Some(entry.hash())
    }

    /// Takes an authentic entry of this room.
    fn take(&mut self, now_ms: u64, entry: Arc<Entry>) -> Outcome {
        let taken = match entry.header().place {
            Place::Act { seq } => self.take_act(now_ms, seq, &entry),
            Place::Line { seq, acts } => self.take_line(seq, acts, &entry),
        };
        if let Outcome::Waiting(missing) = taken {
            self.waiting.push(missing, entry);
        }
        taken
    }

    fn take_act(&mut self, now_ms: u64, seq: u64, entry: &Arc<Entry>) -> Outcome {
        let Header { log, prev, at_ms, .. } = *entry.header();
        let joins = matches!(entry.act(), Some(Act::Join { .. }));
        if let Some(ours) = self.act(&log, seq) {
            return match Fork::between(&ours, entry) {
                _ if ours.hash() == entry.hash() => Outcome::Known,
                Some(fork) => self.strike(fork),
                None => Outcome::Refused(Refusal::Misplaced),
            };
        }
        let refused = Outcome::Refused;
        if joins != (seq == 1) || (joins && prev != Hash::default()) {
            return refused(Refusal::Misplaced);
        }
        if self.leaves(&log).is_some_and(|(acts, _)| seq > acts) {
            return refused(Refusal::TwoHistories);
        }
        if at_ms > now_ms.saturating_add(MAX_AHEAD_MS) {
            return refused(Refusal::Ahead);
        }
        if seq > MAX_ACTS_OF_STAY {
            return refused(Refusal::TooManyActs);
        }
        if joins {
            if !self.was_invited(&log.author) {
                return Outcome::Waiting(Missing::Invitation(log.author));
            }
        } else if let Some(outcome) = self.follows(seq, entry) {
            return outcome;
        }
        let reserve = if self.state().owner == Some(log.author) { OWNERS_ACTS } else { 0 };
        if self.acts.len() >= MAX_ACTS + reserve {
            return refused(Refusal::WornOut);
        }
        self.insert(entry);
        match self.settle().remove(&log) {
            None => Outcome::New(Arc::clone(entry)),
            Some(Refusal::Kicked | Refusal::NotInvited | Refusal::TooManyStays) if joins => {
                Outcome::Waiting(Missing::Invitation(log.author))
            }
            Some(refusal) => refused(refusal),
        }
    }

    /// Whether an act that is not the first of its log can be put behind the last; if not, what becomes of
    /// it.
    fn follows(&self, seq: u64, entry: &Entry) -> Option<Outcome> {
        let Header { log, prev, at_ms, .. } = *entry.header();
        let count = self.logs.get(&log).map_or(0, |chains| chains.acts.len() as u64);
        let missing = |from| Some(Outcome::Waiting(Missing::Entries { log, acts: true, from }));
        if seq > count + 1 {
            return missing(count + 1);
        }
        let Some(&(last_at_ms, last)) = self.logs.get(&log).and_then(|chains| chains.act(count))
        else {
            return missing(1);
        };
        if prev != last {
            return missing(count);
        }
        (at_ms <= last_at_ms).then_some(Outcome::Refused(Refusal::Misplaced))
    }

    fn take_line(&mut self, seq: u64, acts: u64, entry: &Arc<Entry>) -> Outcome {
        let Header { log, prev, .. } = *entry.header();
        let wait = |acts, from| Outcome::Waiting(Missing::Entries { log, acts, from });
        let refused = Outcome::Refused;
        // Where the acts parted, no number says where the lines end: nothing further is taken.
        let beyond = |leaves: (u64, u64)| acts > leaves.0 || seq > leaves.1 || leaves.1 == u64::MAX;
        if self.leaves(&log).is_some_and(beyond) {
            return refused(Refusal::TwoHistories);
        }
        let Some(stay) = self.fold.state.stays.get(&log) else {
            let is_void = self.logs.contains_key(&log);
            return if is_void { refused(Refusal::NotMember) } else { wait(true, 1) };
        };
        // The number of the line alone decides: who has the room from others must be able to have it.
        if let Some(end) = stay.end.filter(|_| seq > stay.lines) {
            return refused(end.into());
        }
        // Acts that do not count are not sent any more.
        let needed = acts.min(stay.acts);
        if (seq == 1) != (prev == Hash::default()) {
            return refused(Refusal::Misplaced);
        }
        let Some(chains) = self.logs.get_mut(&log) else { return wait(true, 1) };
        let known = chains.acts.len() as u64;
        if needed > known {
            return wait(true, known + 1);
        }
        let Some(lines) = &mut chains.lines else {
            let first = chains.wanted.max(1);
            if seq > first {
                return wait(false, first);
            } else if seq < first {
                return Outcome::Old(Arc::clone(entry));
            }
            chains.lines = Some(Lines { first: (seq, prev), last: Tip::of(entry) });
            return Outcome::New(Arc::clone(entry));
        };
        let last = &lines.last;
        let Place::Line { acts: last_acts, .. } = last.header.place else { unreachable!("a line") };
        if seq > last.seq() + 1 {
            wait(false, last.seq() + 1)
        } else if seq > last.seq() {
            if prev != last.hash {
                return wait(false, last.seq());
            }
            if acts < last_acts {
                return refused(Refusal::Misplaced);
            }
            lines.last = Tip::of(entry);
            Outcome::New(Arc::clone(entry))
        } else if seq == last.seq() {
            if entry.hash() == last.hash {
                return Outcome::Known;
            }
            let ours = (last.header, last.signature);
            let fork = Fork::of(ours, (*entry.header(), *entry.signature()));
            fork.map_or_else(|| refused(Refusal::Misplaced), |fork| self.strike(fork))
        } else if seq + 1 == lines.first.0 && entry.hash() == lines.first.1 {
            lines.first = (seq, prev);
            Outcome::New(Arc::clone(entry))
        } else {
            Outcome::Old(Arc::clone(entry))
        }
    }

    /// Whether `key` may ever have been allowed to join: what says no spares a fold.
    fn was_invited(&self, key: &PeerId) -> bool {
        let invited = |entry: &Arc<Entry>| matches!(entry.act(), Some(Act::Invite { key: guest, .. }) if guest == key);
        self.state().access == Access::Open
            || self.logs.keys().any(|log| log.author == *key)
            || self.acts.values().any(invited)
    }

    /// Puts an act at its place, and folds it in.
    fn insert(&mut self, entry: &Arc<Entry>) {
        let place = order(entry);
        let is_last = self.acts.last_key_value().is_none_or(|(last, _)| *last < place);
        self.acts.insert(place, Arc::clone(entry));
        self.logs.entry(entry.header().log).or_default().acts.push(place);
        // What a Kick takes back is found out from the beginning, where others have taken back as well.
        let kicks = matches!(entry.act(), Some(Act::Kick { .. })) && self.fold.takes_back();
        if !is_last || kicks || !self.fold.next(entry, &self.strikes) {
            self.refold();
        }
    }

    fn refold(&mut self) {
        if let Some(fold) = Fold::of(&self.acts, &self.create, &self.strikes) {
            self.fold = fold;
        }
    }

    /// Forgets what is not [needed](Fold::needs), and says why. What is kept, and the room, are the same for
    /// all who have heard the same, in whatever order: what is forgotten had no part in the fold.
    fn settle(&mut self) -> BTreeMap<LogId, Refusal> {
        let mut dropped = BTreeMap::new();
        for (log, chains) in &mut self.logs {
            let needed = usize::try_from(self.fold.needs(log)).unwrap_or(usize::MAX);
            if chains.acts.len() <= needed {
                continue;
            }
            for place in chains.acts.split_off(needed) {
                self.acts.remove(&place);
            }
            let end = self.fold.state.stays.get(log).and_then(|stay| stay.end).map(Refusal::from);
            let why = end.or_else(|| self.fold.void.get(log).copied());
            dropped.insert(*log, why.unwrap_or(Refusal::NotMember));
        }
        self.logs.retain(|_, chains| !chains.acts.is_empty());
        dropped
    }

    /// Believes an authentic proof: what came after the two histories parted does not count. Of several
    /// about one stay, the one that leaves the fewest acts counts, then the one that leaves the fewest
    /// lines: the lines that another would cut off were said after acts that do not count.
    fn strike(&mut self, fork: Fork) -> Outcome {
        let (log, leaves) = (fork.log(), fork.leaves());
        if self.leaves(&log).is_some_and(|has| has <= leaves) {
            return Outcome::Known;
        }
        if self.strikes.len() >= MAX_STRIKES && !self.strikes.contains_key(&log) {
            return Outcome::Refused(Refusal::WornOut);
        }
        self.strikes.insert(log, leaves);
        self.forks.insert(log, fork.clone());
        if let Some(chains) = self.logs.get_mut(&log) {
            let keep = usize::try_from(leaves.0).unwrap_or(usize::MAX).min(chains.acts.len());
            for place in chains.acts.split_off(keep) {
                self.acts.remove(&place);
            }
        }
        self.refold();
        self.settle();
        Outcome::Fork(Box::new(fork))
    }
}
