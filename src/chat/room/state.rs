//! What all acts of a room come to.
//!
//! The fold is a pure function of the acts, taken in their one order: who has the same acts has the
//! same state. An act that is not allowed where it stands changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use p2pchat_wire::identity::{Name, PeerId};
use serde::{Deserialize, Serialize};

use super::{Access, Act, Cut, Entry, Hash, Header, LogId, MAX_MEMBERS, MAX_STAYS, Refusal};

/// The place of an act among all acts of the room.
pub(super) type Order = (u64, Hash);

/// The place of `header`'s act.
pub(super) fn order(entry: &Entry) -> Order {
    (entry.header().at_ms, entry.hash())
}

/// How much of a stay counts if it has shown two histories: the last act, the last line.
pub(super) type Strikes = BTreeMap<LogId, (u64, u64)>;

/// A room as it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct State {
    /// Its name.
    pub name: Name,
    /// The rendezvous where that is its name.
    pub host: String,
    /// Who may join.
    pub access: Access,
    /// How many lines of each log a newcomer is given.
    pub keep: u16,
    /// Who owns it. Nobody if nobody is in it; then the first who comes.
    pub owner: Option<PeerId>,
    /// What it is about. Remote text: cleaned when shown.
    pub topic: Option<Topic>,
    /// Who is in it.
    pub members: BTreeMap<PeerId, Member>,
    /// Who was invited and may join, members among them.
    pub invitations: BTreeMap<PeerId, Invitation>,
    /// Who was kicked, and has not been invited by an owner since.
    pub kicked: BTreeSet<PeerId>,
    /// All stays that count, past ones included.
    pub stays: BTreeMap<LogId, Stay>,
    /// Stays since the owner's last invitation.
    stay_counts: BTreeMap<PeerId, usize>,
    /// Members so far, to tell who has been there longest.
    arrivals: u64,
}

/// What a room is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Topic {
    /// The text, as it was sent.
    pub text: String,
    /// Whose it is.
    pub by: PeerId,
    /// When, by the room's clock: milliseconds since 1970.
    pub at_ms: u64,
}

/// Somebody who is in the room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// His name, as he says.
    pub name: Name,
    /// The rendezvous where it is his name, as he says. Remote text: cleaned when shown.
    pub host: String,
    /// Who has a smaller number has been there longer.
    pub arrival: u64,
}

/// An invitation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invitation {
    /// Who invited.
    pub by: PeerId,
    /// The name that he gave.
    pub name: Name,
    /// The rendezvous where that is a name. Remote text: cleaned when shown.
    pub host: String,
}

/// One stay of a member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stay {
    /// When it began, by the room's clock.
    pub since_ms: u64,
    /// The last act that counts. Unbounded while it lasts.
    pub acts: u64,
    /// The last line that counts. Unbounded while it lasts.
    pub lines: u64,
    /// Why it is over, if it is.
    pub end: Option<End>,
}

/// Why a stay is over.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// He left.
    Left,
    /// The owner removed him.
    Kicked,
    /// He has shown two histories.
    TwoHistories,
}

impl From<End> for Refusal {
    fn from(end: End) -> Self {
        match end {
            End::Left => Self::Left,
            End::Kicked => Self::Kicked,
            End::TwoHistories => Self::TwoHistories,
        }
    }
}

impl State {
    /// A room whose first act this is; `None` if it is none.
    fn begin(create: &Entry, strikes: &Strikes) -> Option<Self> {
        let Act::Create { room, host, name, access, keep } = create.act()? else { return None };
        let Header { log, at_ms, .. } = *create.header();
        let mut state = Self {
            name: room.clone(),
            host: host.clone(),
            access: *access,
            keep: *keep,
            owner: None,
            topic: None,
            members: BTreeMap::new(),
            invitations: BTreeMap::new(),
            kicked: BTreeSet::new(),
            stays: BTreeMap::new(),
            stay_counts: BTreeMap::new(),
            arrivals: 0,
        };
        state.enter(log, at_ms, name, host);
        state.strike(log, 1, strikes);
        Some(state)
    }

    /// Whether `key` is in the room.
    #[must_use]
    pub fn is_member(&self, key: &PeerId) -> bool {
        self.members.contains_key(key)
    }

    /// The stays of `key` that last.
    pub fn present_stays(&self, key: PeerId) -> impl Iterator<Item = LogId> {
        self.stays_of(key).filter(|(_, stay)| stay.end.is_none()).map(|(log, _)| *log)
    }

    fn stays_of(&self, author: PeerId) -> impl Iterator<Item = (&LogId, &Stay)> {
        self.stays.range(LogId { author, stay: 0 }..=LogId { author, stay: u64::MAX })
    }

    /// Whether `key` may join now.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn admits(&self, key: &PeerId) -> Result<(), Refusal> {
        if self.kicked.contains(key) {
            return Err(Refusal::Kicked);
        }
        if self.access == Access::Invited
            && !self.is_member(key)
            && !self.invitations.contains_key(key)
        {
            return Err(Refusal::NotInvited);
        }
        if !self.is_member(key) && self.members.len() >= MAX_MEMBERS {
            return Err(Refusal::Full);
        }
        if self.stay_counts.get(key).is_some_and(|&count| count >= MAX_STAYS) {
            return Err(Refusal::TooManyStays);
        }
        Ok(())
    }

    /// Whether a stay has begun and lasts.
    fn lasts(&self, log: &LogId) -> bool {
        self.stays.get(log).is_some_and(|stay| stay.end.is_none())
    }

    /// Does the next act of the order. Returns what a Kick cuts of stays that had more.
    fn apply(&mut self, entry: &Entry, strikes: &Strikes) -> Result<Vec<(LogId, u64)>, Refusal> {
        let header = entry.header();
        let (log, author) = (header.log, header.log.author);
        let mut cut = Vec::new();
        if let Some(Act::Join { name, host }) = entry.act() {
            if self.stays.contains_key(&log) {
                return Err(Refusal::Misplaced);
            }
            self.admits(&author)?;
            self.enter(log, header.at_ms, name, host);
        } else {
            let stay = self.stays.get(&log).ok_or(Refusal::NotMember)?;
            if let Some(end) = stay.end {
                return Err(end.into());
            }
            match self.act(log, header.at_ms, header.place.seq(), entry.act()) {
                Ok(cuts) => cut = cuts,
                // An act that changes nothing may all the same be the last one that is believed.
                Err(refusal) => {
                    self.strike(log, header.place.seq(), strikes);
                    return Err(refusal);
                }
            }
        }
        self.strike(log, header.place.seq(), strikes);
        Ok(cut)
    }

    fn act(
        &mut self,
        log: LogId,
        at_ms: u64,
        seq: u64,
        act: Option<&Act>,
    ) -> Result<Vec<(LogId, u64)>, Refusal> {
        let author = log.author;
        let owns = self.owner == Some(author);
        match act {
            None => {}
            Some(Act::Create { .. } | Act::Join { .. }) => return Err(Refusal::Misplaced),
            Some(Act::Leave { lines, heir }) => {
                self.end(log, End::Left, seq, *lines);
                if owns
                    && !self.is_member(&author)
                    && let Some(heir) = heir.filter(|heir| self.is_member(heir))
                {
                    self.owner = Some(heir);
                }
            }
            Some(Act::Invite { key, name, host }) => {
                if owns {
                    self.kicked.remove(key);
                    self.stay_counts.remove(key);
                } else if self.kicked.contains(key) {
                    return Err(Refusal::NotOwner);
                }
                let invitation = Invitation { by: author, name: name.clone(), host: host.clone() };
                self.invitations.insert(*key, invitation);
            }
            Some(Act::Kick { key, cuts }) => {
                if !owns || *key == author {
                    return Err(Refusal::NotOwner);
                }
                return Ok(self.kick(*key, cuts));
            }
            Some(Act::Topic(text)) => {
                self.topic = Some(Topic { text: text.clone(), by: author, at_ms });
            }
            Some(Act::Owner(key)) => {
                if !owns || !self.is_member(key) {
                    return Err(Refusal::NotOwner);
                }
                self.owner = Some(*key);
            }
        }
        Ok(Vec::new())
    }

    fn enter(&mut self, log: LogId, since_ms: u64, name: &Name, host: &str) {
        let arrival = match self.members.get(&log.author) {
            Some(member) => member.arrival,
            None => {
                self.arrivals += 1;
                self.arrivals
            }
        };
        let member = Member { name: name.clone(), host: host.to_owned(), arrival };
        self.members.insert(log.author, member);
        self.stays.insert(log, Stay { since_ms, acts: u64::MAX, lines: u64::MAX, end: None });
        self.count_stay(log.author);
        self.owner.get_or_insert(log.author);
    }

    fn count_stay(&mut self, author: PeerId) {
        *self.stay_counts.entry(author).or_default() += 1;
    }

    fn kick(&mut self, key: PeerId, cuts: &[Cut]) -> Vec<(LogId, u64)> {
        self.kicked.insert(key);
        self.invitations.remove(&key);
        // Who left, or showed two histories, may have done so only to be out of reach, and dated that back.
        let stays: Vec<_> = self
            .stays_of(key)
            .filter(|(_, stay)| stay.end != Some(End::Kicked))
            .map(|(log, stay)| (*log, *stay))
            .collect();
        let mut cut = Vec::new();
        for (log, stay) in stays {
            let listed = cuts.iter().find(|cut| cut.stay == log.stay);
            let (acts, lines) = listed.map_or((0, 0), |cut| (cut.acts, cut.lines));
            let (acts, lines) = (acts.min(stay.acts), lines.min(stay.lines));
            self.end(log, stay.end.unwrap_or(End::Kicked), acts, lines);
            cut.push((log, acts));
        }
        cut
    }

    /// Ends a stay that has shown two histories, after its last act that counts.
    fn strike(&mut self, log: LogId, seq: u64, strikes: &Strikes) {
        if let Some(&(acts, lines)) = strikes.get(&log)
            && seq >= acts
            && self.lasts(&log)
        {
            self.end(log, End::TwoHistories, acts, lines);
        }
    }

    /// Ends a stay, and with the last one the membership. A room never is without an owner while
    /// somebody is in it.
    fn end(&mut self, log: LogId, end: End, acts: u64, lines: u64) {
        let Some(stay) = self.stays.get_mut(&log) else { return };
        (stay.acts, stay.lines, stay.end) = (acts, lines, Some(end));
        if self.present_stays(log.author).next().is_some() {
            return;
        }
        self.members.remove(&log.author);
        if self.owner == Some(log.author) {
            let longest = self.members.iter().min_by_key(|(_, member)| member.arrival);
            self.owner = longest.map(|(key, _)| *key);
        }
    }
}

/// All acts of a room, folded.
///
/// It takes several passes where a Kick takes back what stands before it: each Kick that does so ends the
/// pass, and the next begins without what was taken back. What an act did in a pass that was given up may be why
/// something is taken back. So an act may be forgotten only if its stay did not last at its place in any
/// pass: without it all passes are the same.
#[derive(Debug)]
pub(super) struct Fold {
    /// What they come to.
    pub(super) state: State,
    /// Joins that do not count, and why.
    pub(super) void: BTreeMap<LogId, Refusal>,
    /// The last act of each log at whose place its stay lasted, in any pass.
    reached: BTreeMap<LogId, u64>,
    /// Acts that took effect, by whose log, with their numbers: what a later Kick may find to be too
    /// many. What the owner did as the owner is not among them.
    done: BTreeMap<LogId, Vec<(u64, Hash)>>,
    /// Acts that a Kick cut, though they stand before it: their author had not told the owner of them,
    /// or wrote them after he was kicked and dated them back.
    withdrawn: BTreeSet<Hash>,
}

impl Fold {
    /// The fold of a room that has only been created; `None` if `create` is not a first act.
    pub(super) fn begin(create: &Entry, strikes: &Strikes) -> Option<Self> {
        Some(Self {
            state: State::begin(create, strikes)?,
            void: BTreeMap::new(),
            reached: BTreeMap::from([(create.header().log, 1)]),
            done: BTreeMap::new(),
            withdrawn: BTreeSet::new(),
        })
    }

    /// Folds all acts, the first of which creates the room.
    pub(super) fn of(
        acts: &BTreeMap<Order, Arc<Entry>>,
        create: &Entry,
        strikes: &Strikes,
    ) -> Option<Self> {
        let mut fold = Self::begin(create, strikes)?;
        loop {
            let complete = acts
                .values()
                .filter(|entry| entry.hash() != create.hash())
                .all(|entry| fold.next(entry, strikes));
            if complete {
                return Some(fold);
            }
            // Each time there is at least one more, so this ends.
            let Self { withdrawn, reached, .. } = fold;
            fold = Self { withdrawn, reached, ..Self::begin(create, strikes)? };
        }
    }

    /// Whether a Kick has taken back anything that stands before it.
    pub(super) fn takes_back(&self) -> bool {
        !self.withdrawn.is_empty()
    }

    /// How many acts of a log are needed: for the fold to come out as it does, and for the lines that count
    /// to have the acts that they name.
    pub(super) fn needs(&self, log: &LogId) -> u64 {
        let counts = self.state.stays.get(log).map_or(0, |stay| stay.acts);
        self.reached.get(log).copied().unwrap_or(0).max(counts)
    }

    /// Whether `entry`, as the last act, would change something.
    pub(super) fn would(&self, entry: &Entry, strikes: &Strikes) -> Result<(), Refusal> {
        self.state.clone().apply(entry, strikes).map(|_| ())
    }

    /// Does one more act, the last in the order so far. False: it takes others back, so all have to be
    /// folded again.
    pub(super) fn next(&mut self, entry: &Entry, strikes: &Strikes) -> bool {
        let (log, seq) = (entry.header().log, entry.header().place.seq());
        let joins = matches!(entry.act(), Some(Act::Join { .. }));
        if self.withdrawn.contains(&entry.hash()) {
            if joins {
                self.void.insert(log, Refusal::Kicked);
                // Else whoever was kicked could date back as many stays as he likes.
                self.state.count_stay(log.author);
            }
            return true;
        }
        let owned = self.state.owner == Some(log.author);
        let lasted = self.state.lasts(&log);
        let applied = self.state.apply(entry, strikes);
        if lasted || (joins && applied.is_ok()) {
            let reached = self.reached.entry(log).or_default();
            *reached = seq.max(*reached);
        }
        match applied {
            Ok(cuts) => {
                if !owned {
                    self.done.entry(log).or_default().push((seq, entry.hash()));
                }
                let before = self.withdrawn.len();
                for (log, acts) in cuts {
                    let done = self.done.get(&log).map(Vec::as_slice).unwrap_or_default();
                    let beyond = done.iter().filter(|(seq, _)| *seq > acts);
                    self.withdrawn.extend(beyond.map(|(_, hash)| *hash));
                }
                self.withdrawn.len() == before
            }
            Err(refusal) => {
                if joins {
                    self.void.insert(log, refusal);
                }
                true
            }
        }
    }
}
