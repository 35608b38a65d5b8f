//! Entries that came before what they stand on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use p2pchat_wire::identity::PeerId;

use super::{Entry, LogId, MAX_WAITING, MAX_WAITING_BYTES, MAX_WAITING_OF, Missing};

/// A bounded queue; who comes to a full one pushes out the oldest, of the same author if he has too many.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    entries: VecDeque<(Missing, Arc<Entry>)>,
    bytes: usize,
}

impl Waiting {
    /// Keeps an authentic entry until what is missing comes.
    pub(super) fn push(&mut self, missing: Missing, entry: Arc<Entry>) {
        if self.entries.iter().any(|(_, other)| other.hash() == entry.hash()) {
            return;
        }
        let author = entry.header().log.author;
        let of_author = |(_, other): &(Missing, Arc<Entry>)| other.header().log.author == author;
        if self.entries.iter().filter(|waiting| of_author(waiting)).count() >= MAX_WAITING_OF
            && let Some(oldest) = self.entries.iter().position(of_author)
        {
            self.remove(oldest);
        }
        self.bytes += entry.size();
        self.entries.push_back((missing, entry));
        while self.entries.len() > MAX_WAITING || self.bytes > MAX_WAITING_BYTES {
            self.remove(0);
        }
    }

    /// Takes out what waits for entries of `log`: acts before lines, each in its order.
    pub(super) fn of_log(&mut self, log: LogId) -> Vec<Arc<Entry>> {
        let mut released =
            self.take(|missing| matches!(missing, Missing::Entries { log: of, .. } if of == log));
        released.sort_by_key(|entry| (!entry.header().place.is_act(), entry.header().place.seq()));
        released
    }

    /// Takes out what waits for an invitation of one of these.
    pub(super) fn of_guests(&mut self, keys: &BTreeSet<PeerId>) -> Vec<Arc<Entry>> {
        if keys.is_empty() {
            return Vec::new();
        }
        self.take(|missing| matches!(missing, Missing::Invitation(key) if keys.contains(&key)))
    }

    /// Who waits for an invitation.
    pub(super) fn guests(&self) -> impl Iterator<Item = PeerId> {
        self.entries.iter().filter_map(|(missing, _)| match missing {
            Missing::Invitation(key) => Some(*key),
            Missing::Entries { .. } => None,
        })
    }

    /// How many wait, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.entries.len(), self.bytes)
    }

    fn take(&mut self, fits: impl Fn(Missing) -> bool) -> Vec<Arc<Entry>> {
        let mut taken = Vec::new();
        while let Some(at) = self.entries.iter().position(|(missing, _)| fits(*missing)) {
            taken.extend(self.remove(at));
        }
        taken
    }

    fn remove(&mut self, at: usize) -> Option<Arc<Entry>> {
        let (_, entry) = self.entries.remove(at)?;
        self.bytes -= entry.size();
        Some(entry)
    }
}
