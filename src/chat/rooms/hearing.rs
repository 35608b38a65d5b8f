//! What becomes of the entries that a neighbour sends.

use std::collections::BTreeSet;
use std::sync::Arc;

use p2pchat_wire::identity::PeerId;

use super::super::room::{
    Act, Entry, Fork, Head, Log, LogId, Missing, Outcome, Place, Refusal, State,
};
use super::neighbour::Neighbour;
use super::replica::Asked;
use super::{Event, MAX_PENDING, Moment, Output, Replica, Request, RoomRecord, Says};

/// What has come of a record with entries.
#[derive(Default)]
struct Taken {
    /// The logs that were in it, and those that something had waited for.
    logs: BTreeSet<LogId>,
    /// What is missing: of which log, whether acts, and from which on.
    wants: BTreeSet<(LogId, bool, u64)>,
    /// Somebody was removed.
    kicks: Vec<Arc<Entry>>,
}

impl Neighbour {
    /// He has sent what nobody honest sends.
    pub(super) fn lies(&mut self) {
        self.forget();
        self.heads.clear();
        self.is_liar = true;
    }
}

impl Replica {
    /// A neighbour says something.
    pub fn handle_record(&mut self, now: Moment, from: PeerId, record: RoomRecord) {
        self.meet(from);
        let is_liar = self.neighbours.get(&from).is_none_or(|neighbour| neighbour.is_liar);
        if record.room != self.id || is_liar {
            return;
        }
        if self.is_loading {
            // It comes again when we compare; but whoever waits for an answer gets one.
            if matches!(record.says, Says::Entries { .. }) {
                self.say_to(from, Says::Got { answers: true, heads: Vec::new() });
            }
            return;
        }
        match record.says {
            Says::Digest { digest, tell } => self.on_digest(now, from, digest, tell),
            Says::Have { heads, more, tell } => self.on_have(now, from, heads, more, tell),
            Says::Want { log, acts, from: number } => self.on_want(from, log, acts, number),
            Says::Entries { entries, forks, begins } => {
                self.on_entries(now, from, &entries, &forks, &begins);
            }
            Says::Got { answers, heads } => {
                if answers && let Some(neighbour) = self.neighbours.get_mut(&from) {
                    neighbour.answered();
                }
                self.he_has(from, &heads);
                self.pump(from);
            }
            Says::Denied(denial) => self.on_denied(from, denial),
        }
        self.note_farewell();
    }

    fn on_entries(
        &mut self,
        now: Moment,
        from: PeerId,
        entries: &[Vec<u8>],
        forks: &[Vec<u8>],
        begins: &[(LogId, u64)],
    ) {
        let mut taken = Taken::default();
        // Who leaves has yet to hear who has come.
        if (self.wanted || self.parting) && self.asked.len() < MAX_PENDING {
            let before = self.log.as_ref().map(|log| log.state().clone());
            begins.iter().for_each(|(log, line)| self.accept_late(*log, *line));
            let honest = entries
                .iter()
                .try_for_each(|bytes| self.on_entry(now, bytes, &mut taken))
                .and_then(|()| {
                    forks.iter().try_for_each(|bytes| self.on_fork(now, bytes, &mut taken))
                });
            for (log, acts, from_number) in std::mem::take(&mut taken.wants) {
                self.say_to(from, Says::Want { log, acts, from: from_number });
            }
            self.pass_on(from, &taken.kicks);
            self.changed(now, before.as_ref());
            if honest.is_err() {
                self.distrust(from);
            }
        }
        self.confirm(from, &taken.logs);
        self.pump_all();
    }

    /// Somebody was removed. All hear it before the next line: nobody who has a line of somebody that knew
    /// is to give it to whom it was not meant for. Whoever was removed hears why he gets no more.
    fn pass_on(&mut self, from: PeerId, kicks: &[Arc<Entry>]) {
        if kicks.is_empty() {
            return;
        }
        let others = self.neighbours.iter_mut().filter(|(peer, _)| **peer != from);
        for (_, neighbour) in others.filter(|(_, neighbour)| neighbour.is_known) {
            kicks.iter().for_each(|kick| neighbour.offer(kick));
        }
        // Before those are forgotten who are not to hear anything more.
        self.pump_all();
    }

    /// A neighbour has sent what nobody honest sends.
    pub(super) fn distrust(&mut self, peer: PeerId) {
        if let Some(neighbour) = self.neighbours.get_mut(&peer) {
            neighbour.lies();
        }
        let is_member = self.state().is_some_and(|state| state.is_member(&peer));
        // Of others, who cost nothing, nobody wants to be told again and again.
        if is_member && self.forgers.insert(peer) {
            self.outputs.push_back(Output::Event(Event::Forges(peer)));
        }
    }

    /// Says what we have now of these logs, when it is on disk: to whom we have it from, and to those whose
    /// lines it is.
    fn confirm(&mut self, from: PeerId, touched: &BTreeSet<LogId>) {
        let may_hear =
            self.state().is_some_and(|state| state.is_member(&from) || state.admits(&from).is_ok());
        let of = |head: &Head| may_hear && touched.contains(&head.log);
        let heads: Vec<Head> = self.heads().into_iter().filter(of).collect();
        for head in &heads {
            let author = head.log.author;
            let near = self.neighbours.get(&author).is_some_and(|neighbour| !neighbour.is_liar);
            if author != from && near && head.lines > 0 {
                self.say_to(author, Says::Got { answers: false, heads: vec![*head] });
            }
        }
        self.say_to(from, Says::Got { answers: true, heads });
    }

    /// Takes in one entry. `Err`: nobody honest sends that.
    fn on_entry(&mut self, now: Moment, bytes: &[u8], taken: &mut Taken) -> Result<(), Refusal> {
        let entry = Entry::decode(bytes).map_err(|_| Refusal::Forged)?;
        taken.logs.insert(entry.header().log);
        if self.log.is_none() {
            if !matches!(entry.act(), Some(Act::Create { .. })) {
                // Nothing can be told of it yet; it comes again.
                return Ok(());
            }
            let log = Log::open(self.id, entry)?;
            self.keep(log.first().clone());
            self.log = Some(log);
            return Ok(());
        }
        let leaves = !self.wanted;
        let Some(log) = &mut self.log else { return Ok(()) };
        if leaves && !entry.header().place.is_act() {
            return Ok(());
        }
        if let (of, Place::Line { seq, .. }) = (entry.header().log, entry.header().place)
            && log.first_line(&of).is_some_and(|first| seq < first)
        {
            // Somebody gives us more than we were to get, who came late. It would be shown out of order.
            return Ok(());
        }
        let outcomes = log.add(now.clock.0, entry);
        self.on_outcomes(outcomes, taken)
    }

    fn on_fork(&mut self, now: Moment, bytes: &[u8], taken: &mut Taken) -> Result<(), Refusal> {
        let fork = Fork::decode(bytes).map_err(|_| Refusal::Forged)?;
        let Some(log) = &mut self.log else { return Ok(()) };
        let outcomes = log.add_fork(now.clock.0, fork);
        self.on_outcomes(outcomes, taken)
    }

    /// What has become of an entry or a proof, and of what had waited for it.
    fn on_outcomes(&mut self, outcomes: Vec<Outcome>, taken: &mut Taken) -> Result<(), Refusal> {
        for outcome in outcomes {
            match outcome {
                Outcome::New(entry) => {
                    taken.logs.insert(entry.header().log);
                    self.note_arrival(&entry);
                    if matches!(entry.act(), Some(Act::Kick { .. })) {
                        taken.kicks.push(Arc::clone(&entry));
                    }
                    self.keep(entry);
                }
                Outcome::Waiting(Missing::Entries { log, acts, from }) => {
                    taken.wants.insert((log, acts, from));
                }
                Outcome::Fork(fork) => self.keep_fork(*fork),
                Outcome::Refused(why @ (Refusal::Forged | Refusal::OtherRoom)) => return Err(why),
                Outcome::Known
                | Outcome::Old(_)
                | Outcome::Waiting(Missing::Invitation(_))
                | Outcome::Refused(_) => {}
            }
        }
        Ok(())
    }

    /// A proof is new: everybody is to have it soon.
    fn keep_fork(&mut self, fork: Fork) {
        self.log_changed();
        for neighbour in self.neighbours.values_mut().filter(|neighbour| neighbour.is_known) {
            neighbour.add_fork(fork.clone());
        }
        self.outputs.push_back(Output::Event(Event::TwoHistories(fork.log())));
        self.ask(Request::Fork(self.id, Box::new(fork)), Asked::Nothing);
    }

    /// A log that is older than our own stay begins for us where a neighbour says so. He cannot be held to
    /// it: what was said before we came is for those who were there to give.
    fn accept_late(&mut self, of: LogId, line: u64) {
        let Some(log) = &mut self.log else { return };
        let state = log.state();
        let since = |log: &LogId| state.stays.get(log).map(|stay| stay.since_ms);
        let ours = state.present_stays(self.identity.id()).filter_map(|log| since(&log)).min();
        if log.last_line(&of) == 0 && since(&of) < ours {
            log.want_lines_from(of, line);
        }
    }

    /// Somebody comes in: what was said before is given to him only as far as the room allows.
    fn note_arrival(&mut self, entry: &Entry) {
        let (Some(log), Some(Act::Join { .. })) = (&self.log, entry.act()) else { return };
        let (member, state) = (entry.header().log.author, log.state());
        // Another stay of somebody who is there is no arrival.
        if state.present_stays(member).count() > 1 {
            return;
        }
        for head in log.heads().into_iter().filter(|head| head.log != entry.header().log) {
            // Of a room that gives nothing, one line without its text: that there was one is no secret, and
            // without it the two never have the same.
            let floor = (head.lines + 1).saturating_sub(u64::from(state.keep.max(1)));
            if floor > 1 || (state.keep == 0 && floor == 1) {
                self.floors.insert((member, head.log), floor);
            }
        }
    }

    /// Acts have come, or proofs: what follows from them.
    pub(super) fn changed(&mut self, now: Moment, before: Option<&State>) {
        let Some(log) = &self.log else { return };
        let state = log.state().clone();
        if before == Some(&state) {
            return self.settle(now);
        }
        let none = std::collections::BTreeMap::new();
        let stays = before.map_or(&none, |before| &before.stays);
        for (log, stay) in &state.stays {
            if stays.get(log).is_some_and(|was| was != stay) {
                self.outputs.push_back(Output::Event(Event::Counts(*log, Some(*stay))));
            }
        }
        for log in stays.keys().filter(|log| !state.stays.contains_key(log)) {
            self.outputs.push_back(Output::Event(Event::Counts(*log, None)));
        }
        self.floors.retain(|(member, _), _| state.is_member(member));
        self.forgers.retain(|member| state.is_member(member));
        let me = self.identity.id();
        let was_member = before.is_some_and(|before| before.is_member(&me));
        if was_member && state.kicked.contains(&me) {
            self.set_wanted(false);
        }
        let was_there = |peer: &PeerId| before.is_some_and(|before| before.is_member(peer));
        let was_admitted = |peer: &PeerId| before.is_some_and(|before| before.admits(peer).is_ok());
        let mut came = Vec::new();
        for (peer, neighbour) in &mut self.neighbours {
            if state.is_member(peer) {
                came.extend((!was_there(peer) && !neighbour.asked).then_some(*peer));
            } else if state.admits(peer).is_err() {
                neighbour.forget();
            } else if before.is_some() && !was_admitted(peer) && !neighbour.asked {
                // Whoever was turned away may come in now, and is told.
                came.push(*peer);
            }
        }
        if !self.wanted {
            came.clear();
        }
        came.into_iter().for_each(|peer| self.greet(now, peer));
        self.offer_lines();
        self.outputs.push_back(Output::Event(Event::Changed(Box::new(state))));
        self.attend();
        self.settle(now);
    }
}
