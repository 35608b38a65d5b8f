//! Entries of our own.

use std::sync::Arc;

use p2pchat_wire::identity::{Identity, PeerId};

use super::super::act::MAX_CUTS;
use super::super::{Act, Body, Cut, Entry, Hash, Header, LogId, Outcome, Place, Refusal};
use super::{Log, Tip};

impl Log {
    /// Writes an entry of our own, in the stay with this number, and takes it in. It is to be on disk before
    /// anybody else gets it.
    ///
    /// # Errors
    ///
    /// Why it would not count.
    pub fn write(
        &mut self,
        identity: &Identity,
        stay: u64,
        now_ms: u64,
        body: Body,
    ) -> Result<Arc<Entry>, Refusal> {
        let log = LogId { author: identity.id(), stay };
        let chains = self.logs.get(&log);
        let acts = chains.map_or(0, |chains| chains.acts.len() as u64);
        let (place, prev, at_ms) = match &body {
            Body::Act(act) if act.is_sane() => {
                let latest = self.acts.last_key_value().map_or(0, |((at_ms, _), _)| *at_ms);
                let prev = chains.and_then(|chains| chains.act(acts)).map(|(_, hash)| *hash);
                (Place::Act { seq: acts + 1 }, prev, now_ms.max(latest.saturating_add(1)))
            }
            Body::Line(line) if line.manner.allows(&line.text) => {
                if self.state().stays.get(&log).is_none_or(|stay| stay.end.is_some()) {
                    return Err(Refusal::NotMember);
                }
                let last = chains.and_then(|chains| chains.lines.as_ref()).map(|lines| &lines.last);
                let seq = last.map_or(0, Tip::seq) + 1;
                (Place::Line { seq, acts }, last.map(|last| last.hash), now_ms)
            }
            _ => return Err(Refusal::Unfit),
        };
        let (room, prev, content) = (self.id, prev.unwrap_or_default(), Hash::default());
        let header = Header { room, log, place, prev, at_ms, content };
        let entry = Entry::sign(identity, header, body);
        if place.is_act() {
            self.fold.would(&entry, &self.strikes)?;
        }
        match self.take(u64::MAX, Arc::new(entry)) {
            Outcome::New(entry) => Ok(entry),
            Outcome::Refused(refusal) => Err(refusal),
            _ => Err(Refusal::Misplaced),
        }
    }

    /// The act by which `key` is kicked: all that we have of his still counts.
    #[must_use]
    pub fn kick(&self, key: PeerId) -> Act {
        let ours = self.logs.iter().filter(|(log, _)| log.author == key);
        let mut cuts: Vec<_> = ours
            .map(|(log, chains)| {
                let lines = chains.lines.as_ref().map_or(0, |lines| lines.last.seq());
                Cut { stay: log.stay, acts: chains.acts.len() as u64, lines }
            })
            .collect();
        let since = |cut: &Cut| {
            let log = LogId { author: key, stay: cut.stay };
            self.state().stays.get(&log).map(|stay| (stay.end.is_none(), stay.since_ms))
        };
        cuts.sort_by_key(|cut| std::cmp::Reverse(since(cut)));
        cuts.truncate(MAX_CUTS);
        Act::Kick { key, cuts }
    }

    /// The act that ends the stay `log`: all that was said in it counts.
    #[must_use]
    pub fn leave(&self, log: LogId, heir: Option<PeerId>) -> Act {
        let lines = self.logs.get(&log).and_then(|chains| chains.lines.as_ref());
        Act::Leave { lines: lines.map_or(0, |lines| lines.last.seq()), heir }
    }
}
