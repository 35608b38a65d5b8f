//! What two members tell each other to find what one of them lacks.

use std::collections::BTreeMap;
use std::sync::Arc;

use p2pchat_wire::codec;
use serde::{Deserialize, Serialize};

use super::state::order;
use super::{Entry, Fork, Hash, Log, LogId};

/// How much of one log somebody has.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The log.
    pub log: LogId,
    /// The last act, be it one that was taken back: what it did before may be why another was.
    pub acts: u64,
    /// Its hash.
    pub act: Hash,
    /// The last line that counts; 0 for none, and where the acts have parted.
    pub lines: u64,
    /// Its hash; zeros if the stay is over, or without a line.
    pub line: Hash,
    /// If it has shown two histories: what that left of it, acts and lines.
    pub leaves: Option<(u64, u64)>,
}

/// What somebody lacks.
#[derive(Clone, Debug, Default)]
pub struct Lacking {
    /// Acts, in an order in which none has to wait.
    pub acts: Vec<Arc<Entry>>,
    /// Lines, which the caller keeps.
    pub lines: Vec<LineRange>,
    /// Proofs; to be sent last, for they are taken only about logs that are known.
    pub forks: Vec<Fork>,
}

/// Lines of one log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LineRange {
    /// The log.
    pub log: LogId,
    /// The first. Who has none of this log yet may be a newcomer, who gets [`super::State::keep`].
    pub from: u64,
    /// The last.
    pub to: u64,
    /// Whether they have a line of this log.
    pub continues: bool,
}

impl Log {
    /// How much we have of each log.
    #[must_use]
    pub fn heads(&self) -> Vec<Head> {
        self.logs()
            .filter_map(|(log, chains)| {
                let acts = chains.acts.len() as u64;
                let act = chains.act(acts)?.1;
                let leaves = self.leaves(log);
                let stay = self.state().stays.get(log);
                let last = chains.lines.as_ref().map(|lines| (lines.last.seq(), lines.last.hash));
                let (lines, line) = last.filter(|_| stay.is_some()).unwrap_or_default();
                let ends = leaves.is_none_or(|leaves| leaves.1 < u64::MAX);
                let lines = if ends { lines.min(stay.map_or(0, |stay| stay.lines)) } else { 0 };
                let lasts = stay.is_some_and(|stay| stay.end.is_none());
                let line = if lasts { line } else { Hash::default() };
                Some(Head { log: *log, acts, act, lines, line, leaves })
            })
            .collect()
    }

    /// Stands for all [`heads`](Self::heads): two members with the same have nothing to tell each other.
    #[must_use]
    pub fn digest(&self) -> Hash {
        Hash::of(&codec::encode(&self.heads()))
    }

    /// What somebody lacks who has this.
    #[must_use]
    pub fn lacking(&self, heads: &[Head]) -> Lacking {
        let theirs: BTreeMap<LogId, &Head> = heads.iter().map(|head| (head.log, head)).collect();
        let mut lacking = Lacking::default();
        for ours in self.heads() {
            let theirs = theirs.get(&ours.log).copied();
            self.lacking_of(&ours, theirs, &mut lacking);
        }
        for (log, head) in &theirs {
            let leaves = self.leaves(log);
            let has = head.leaves.unwrap_or((u64::MAX, u64::MAX));
            if leaves.is_some_and(|leaves| leaves < has) {
                lacking.forks.extend(self.fork_of(log).cloned());
            }
        }
        lacking.acts.sort_by_key(|entry| order(entry));
        lacking
    }

    /// All that we have of one chain of a log, from one number on.
    #[must_use]
    pub fn from(&self, log: LogId, acts: bool, from: u64) -> Lacking {
        let mut lacking = Lacking::default();
        let Some(ours) = self.heads().into_iter().find(|head| head.log == log) else {
            return lacking;
        };
        if acts {
            lacking.acts.extend((from.max(1)..=ours.acts).map_while(|seq| self.act(&log, seq)));
        } else if let Some(first) = self.first_line(&log)
            && from <= ours.lines
        {
            let (from, continues) = (from.max(first), true);
            lacking.lines.push(LineRange { log, from, to: ours.lines, continues });
        }
        lacking
    }

    /// The number of the last line that we have of a log; 0 for none.
    #[must_use]
    pub fn last_line(&self, log: &LogId) -> u64 {
        self.chains(log)
            .and_then(|chains| chains.lines.as_ref())
            .map_or(0, |lines| lines.last.seq())
    }

    /// How many acts of a log we have.
    #[must_use]
    pub fn has_acts(&self, log: &LogId) -> u64 {
        self.chains(log).map_or(0, |chains| chains.acts.len() as u64)
    }

    fn lacking_of(&self, ours: &Head, theirs: Option<&Head>, lacking: &mut Lacking) {
        let (acts, act) = theirs.map(|head| (head.acts, head.act)).unwrap_or_default();
        let parted = |hash: Option<Hash>| hash.is_some_and(|hash| hash != act);
        // Where they have another act than we, ours proves that there are two histories.
        let from =
            if parted(self.act_hash(&ours.log, acts)) { acts } else { acts.saturating_add(1) };
        let range = from.max(1)..=ours.acts;
        lacking.acts.extend(range.map_while(|seq| self.act(&ours.log, seq)));
        let Some(first) = self.first_line(&ours.log) else { return };
        let (lines, line) = theirs.map(|head| (head.lines, head.line)).unwrap_or_default();
        let zero = Hash::default();
        let parted = lines == ours.lines && line != ours.line && line != zero && ours.line != zero;
        let from = if parted { lines } else { lines.saturating_add(1).max(first) };
        if from <= ours.lines && ours.lines > 0 {
            let continues = lines > 0;
            lacking.lines.push(LineRange { log: ours.log, from, to: ours.lines, continues });
        }
        if theirs.is_none() && ours.leaves.is_some() {
            lacking.forks.extend(self.fork_of(&ours.log).cloned());
        }
    }
}
