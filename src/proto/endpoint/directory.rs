//! Whose a datagram is, and whose turn it is: found without asking every peer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use p2pchat_wire::identity::PeerId;
use smallvec::SmallVec;

use super::peer::Peer;
use crate::proto::ServerId;

/// A relay channel: its number means something only at the server that gave it out.
pub(super) type Channel = (ServerId, u64);

/// The peers by everything that leads to them.
#[derive(Debug, Default)]
pub(super) struct Directory {
    by_index: BTreeMap<u32, PeerId>,
    by_introduction: BTreeMap<u64, PeerId>,
    by_channel: BTreeMap<Channel, PeerId>,
    timers: BTreeSet<(Instant, PeerId)>,
    entries: BTreeMap<PeerId, Entry>,
}

/// What leads to one peer.
#[derive(Debug, Default)]
struct Entry {
    indexes: Vec<u32>,
    introductions: Vec<u64>,
    channels: Vec<Channel>,
    timer: Option<Instant>,
}

impl Directory {
    pub(super) fn owner_of_index(&self, index: u32) -> Option<PeerId> {
        self.by_index.get(&index).copied()
    }

    pub(super) fn owner_of_introduction(&self, introduction: u64) -> Option<PeerId> {
        self.by_introduction.get(&introduction).copied()
    }

    pub(super) fn owner_of_channel(&self, channel: Channel) -> Option<PeerId> {
        self.by_channel.get(&channel).copied()
    }

    /// When the first of the peers has something to do.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The peers that have something to do by now.
    pub(super) fn due(&self, now: Instant) -> SmallVec<[PeerId; 4]> {
        self.timers.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
    }

    /// Notes what leads to a peer now; to be called after every change to it.
    pub(super) fn refresh(&mut self, peer: &Peer) {
        let id = peer.indexed_by();
        let entry = self.entries.entry(id).or_default();
        let timer = peer.timeout();
        if entry.timer != timer {
            let before = std::mem::replace(&mut entry.timer, timer);
            // In this order: a tree that was empty for a moment takes its room from the heap anew.
            self.timers.extend(timer.map(|at| (at, id)));
            before.map(|at| self.timers.remove(&(at, id)));
        }
        update(&mut self.by_index, &mut entry.indexes, peer.indexes(), id);
        // No server can know a number before another has told it to us, and so none can take it
        // from the one who came first.
        update(&mut self.by_introduction, &mut entry.introductions, peer.introductions(), id);
        update(&mut self.by_channel, &mut entry.channels, peer.channels(), id);
    }

    /// A peer is gone.
    pub(super) fn forget(&mut self, id: PeerId) {
        let Some(mut entry) = self.entries.remove(&id) else { return };
        entry.timer.map(|at| self.timers.remove(&(at, id)));
        update(&mut self.by_index, &mut entry.indexes, [].into_iter(), id);
        update(&mut self.by_introduction, &mut entry.introductions, [].into_iter(), id);
        update(&mut self.by_channel, &mut entry.channels, [].into_iter(), id);
    }
}

/// Brings a table up to date with the keys that lead to a peer now. What leads to another already
/// stays with it.
fn update<K: Copy + Ord>(
    table: &mut BTreeMap<K, PeerId>,
    known: &mut Vec<K>,
    keys: impl Iterator<Item = K> + Clone,
    id: PeerId,
) {
    if keys.clone().eq(known.iter().copied()) {
        return;
    }
    for key in known.drain(..) {
        if table.get(&key) == Some(&id) {
            table.remove(&key);
        }
    }
    for key in keys {
        table.entry(key).or_insert(id);
        known.push(key);
    }
}
