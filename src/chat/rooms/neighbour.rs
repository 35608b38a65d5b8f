//! One member whom we are connected with: what he is to be sent, and what is on its way.
//!
//! Entries that he lacks wait here as the numbers of their log, not as bytes: lines are read from
//! the disk when it is their turn.
//!
//! Who came late is given the last [`State::keep`](super::State::keep) lines of each log, counted from when we
//! heard of his coming, and all that follow. Where they begin is his *floor* in that log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::super::room::{Entry, Fork, Lacking, LineRange, LogId, Place};
use super::sending::Recent;
use super::{BATCH_BYTES, WINDOW};

/// A neighbour, for the time of one session.
#[derive(Debug)]
pub(super) struct Neighbour {
    /// Tells one session from the next.
    pub(super) session: u64,
    acts: VecDeque<Arc<Entry>>,
    lines: VecDeque<LineRange>,
    forks: VecDeque<Fork>,
    /// How far we are with each log: acts and lines that wait here or are on their way. He is
    /// not sent again what he says he lacks meanwhile.
    sent: BTreeMap<LogId, (u64, u64)>,
    /// Logs of which he was told in this session where they begin for him.
    begun: BTreeSet<LogId>,
    /// What he has asked for meanwhile.
    wants: BTreeSet<(LogId, bool)>,
    /// Records with entries that he has not answered.
    unanswered: usize,
    /// Whether lines are being read from the disk for him.
    reading: bool,
    /// Whether we know what he has. Before that he is sent nothing of his own accord.
    pub(super) is_known: bool,
    /// Whether he was offered the lines that he lacks: they are for members, and he may have been none when we
    /// compared.
    pub(super) is_offered_lines: bool,
    /// What he says that there is, and we have not yet: the acts of each log.
    pub(super) claims: Option<Vec<(LogId, u64)>>,
    /// The parts of a list of heads that have come so far.
    pub(super) heads: Vec<super::super::room::Head>,
    /// Whether both have the same.
    pub(super) agrees: bool,
    /// Whether he was told our digest and has not answered.
    pub(super) asked: bool,
    /// Comparisons since we last had something new, without an agreement.
    pub(super) fruitless: u32,
    /// When it may be worth to compare again.
    pub(super) not_before: Option<Duration>,
    /// Whether he was sent all acts, though he says that we are not in the room.
    pub(super) is_shown_all: bool,
    /// Whether he has sent what nobody honest sends. He is not listened to any more.
    pub(super) is_liar: bool,
}

/// What is to be done for a neighbour.
#[derive(Debug)]
pub(super) enum Next {
    /// Send these; there are lines of these logs among them.
    Send { entries: Vec<Vec<u8>>, forks: Vec<Vec<u8>>, logs: BTreeSet<LogId> },
    /// Read these lines.
    Read(LineRange),
    /// Nothing, or not now.
    Nothing,
}

impl Neighbour {
    pub(super) fn new(session: u64) -> Self {
        Self {
            session,
            acts: VecDeque::new(),
            lines: VecDeque::new(),
            forks: VecDeque::new(),
            sent: BTreeMap::new(),
            begun: BTreeSet::new(),
            wants: BTreeSet::new(),
            unanswered: 0,
            reading: false,
            is_known: false,
            is_offered_lines: false,
            claims: None,
            heads: Vec::new(),
            agrees: false,
            asked: false,
            fruitless: 0,
            not_before: None,
            is_shown_all: false,
            is_liar: false,
        }
    }

    /// He lacks these. What waits here or is on its way is not added again.
    pub(super) fn lacks(&mut self, lacking: Lacking) {
        for act in lacking.acts {
            self.add_act(&act);
        }
        for range in lacking.lines {
            if !range.continues {
                self.begun.remove(&range.log);
            }
            self.add_lines(range);
        }
        for fork in lacking.forks {
            self.add_fork(fork);
        }
    }

    /// Something new of ours.
    pub(super) fn offer(&mut self, entry: &Arc<Entry>) {
        match entry.header().place {
            Place::Act { .. } => self.add_act(entry),
            Place::Line { seq, .. } => {
                let log = entry.header().log;
                self.add_lines(LineRange { log, from: seq, to: seq, continues: true });
            }
        }
    }

    /// A proof that somebody shows two histories.
    pub(super) fn add_fork(&mut self, fork: Fork) {
        if !self.forks.contains(&fork) {
            self.forks.push_back(fork);
        }
    }

    fn add_act(&mut self, act: &Arc<Entry>) {
        let (acts, _) = self.sent.entry(act.header().log).or_default();
        let seq = act.header().place.seq();
        if seq > *acts {
            *acts = seq;
            self.acts.push_back(Arc::clone(act));
        }
    }

    fn add_lines(&mut self, range: LineRange) {
        let (_, lines) = self.sent.entry(range.log).or_default();
        let range = LineRange { from: range.from.max(*lines + 1), ..range };
        if range.from > range.to {
            return;
        }
        *lines = range.to;
        match self.lines.back_mut() {
            Some(last) if last.log == range.log && last.to + 1 == range.from => last.to = range.to,
            _ => self.lines.push_back(range),
        }
    }

    /// He asks for these, whatever he said before. The same is not added twice before all is answered.
    pub(super) fn wants(&mut self, log: LogId, lacking: Lacking) {
        if self.wants.insert((log, lacking.lines.is_empty())) {
            self.sent.remove(&log);
            self.begun.remove(&log);
            self.lacks(lacking);
        }
    }

    /// What is to be done next. It counts as done.
    pub(super) fn next(&mut self, recent: &Recent) -> Next {
        if self.reading || self.unanswered >= WINDOW {
            return Next::Nothing;
        }
        let (mut entries, mut forks, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut logs = BTreeSet::new();
        while let Some(act) = self.acts.front() {
            let act = act.encode();
            if !fits(&mut bytes, act.len()) {
                break;
            }
            entries.push(act);
            self.acts.pop_front();
        }
        while self.acts.is_empty()
            && let Some(range) = self.lines.front().copied()
        {
            let Some(line) = recent.line(range.log, range.from) else {
                if entries.is_empty() {
                    self.reading = true;
                    return Next::Read(range);
                }
                break;
            };
            let line = line.encode();
            if !fits(&mut bytes, line.len()) {
                break;
            }
            entries.push(line);
            logs.insert(range.log);
            self.past(range.from);
        }
        while self.acts.is_empty()
            && self.lines.is_empty()
            && let Some(fork) = self.forks.front()
        {
            let fork = fork.encode();
            if !fits(&mut bytes, fork.len()) {
                break;
            }
            forks.push(fork);
            self.forks.pop_front();
        }
        if entries.is_empty() && forks.is_empty() {
            return Next::Nothing;
        }
        self.unanswered += 1;
        Next::Send { entries, forks, logs }
    }

    /// Which of these logs he was not told yet where they begin for him. From now on he was.
    pub(super) fn begin(&mut self, logs: BTreeSet<LogId>) -> Vec<LogId> {
        logs.into_iter().filter(|log| self.begun.insert(*log)).collect()
    }

    /// So many lines of the first range were read, and are sent now. None: they are not here.
    pub(super) fn read(&mut self, range: LineRange, count: u64) {
        self.reading = false;
        if self.lines.front().is_none_or(|first| first.log != range.log) {
            return;
        }
        if count > 0 {
            self.unanswered += 1;
            self.past(range.from + count - 1);
        } else {
            self.lines.pop_front();
        }
        self.rest();
    }

    /// He has answered a record with entries.
    pub(super) fn has_answered(&self) -> bool {
        self.acts.is_empty() && self.unanswered == 0
    }

    pub(super) fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.rest();
    }

    /// He is not to be told anything (any more).
    pub(super) fn forget(&mut self) {
        self.acts.clear();
        self.lines.clear();
        self.forks.clear();
        (self.is_known, self.is_offered_lines) = (false, false);
    }

    /// The lines of the first range are done up to this one.
    fn past(&mut self, seq: u64) {
        if let Some(range) = self.lines.front_mut() {
            range.from = seq + 1;
            if range.from > range.to {
                self.lines.pop_front();
            }
        }
    }

    /// Whether nothing waits for him, and nothing is on its way.
    pub(super) fn is_at_rest(&self) -> bool {
        let nothing_waits = self.acts.is_empty() && self.lines.is_empty() && self.forks.is_empty();
        nothing_waits && self.unanswered == 0 && !self.reading
    }

    /// When nothing waits and nothing is on its way, he has what he says he has.
    fn rest(&mut self) {
        if self.is_at_rest() {
            self.sent.clear();
            self.wants.clear();
        }
    }
}

/// Whether a record has room for so many bytes more; one entry always has.
fn fits(bytes: &mut usize, more: usize) -> bool {
    let first = *bytes == 0;
    *bytes += more;
    first || *bytes <= BATCH_BYTES
}
