//! Who wants to know when the owner of a name comes or goes.

use std::collections::BTreeMap;

use p2pchat_wire::identity::{Name, PeerId};

use super::config::Config;
use super::registry::Peer;

/// Watchers by name. Each watching peer has the other half, the names it watches.
#[derive(Debug, Default)]
pub(super) struct Watches {
    watchers: BTreeMap<Name, Vec<PeerId>>,
    total: usize,
}

impl Watches {
    pub(super) fn len(&self) -> usize {
        self.total
    }

    /// Who is told about `name`.
    pub(super) fn of(&self, name: &Name) -> Vec<PeerId> {
        self.watchers.get(name).cloned().unwrap_or_default()
    }

    /// Puts `key` on the list of `name`; says whether there was room, or it was there already.
    pub(super) fn add(
        &mut self,
        config: &Config,
        key: PeerId,
        peer: &mut Peer,
        name: &Name,
    ) -> bool {
        if peer.watched.contains(name) {
            return true;
        }
        let watching = self.watchers.get(name).map_or(0, Vec::len);
        if self.total >= config.max_watches
            || peer.watched.len() >= config.max_watches_per_peer
            || watching >= config.max_watchers_per_name
        {
            return false;
        }
        self.watchers.entry(name.clone()).or_default().push(key);
        peer.watched.push(name.clone());
        self.total += 1;
        true
    }

    /// Takes `key` off the list of `name`.
    pub(super) fn remove(&mut self, key: &PeerId, peer: &mut Peer, name: &Name) {
        if let Some(place) = peer.watched.iter().position(|watched| watched == name) {
            peer.watched.swap_remove(place);
            self.forget(key, name);
        }
    }

    /// Takes a peer that has gone off every list.
    pub(super) fn remove_all(&mut self, key: &PeerId, peer: &Peer) {
        for name in &peer.watched {
            self.forget(key, name);
        }
    }

    fn forget(&mut self, key: &PeerId, name: &Name) {
        let Some(watchers) = self.watchers.get_mut(name) else { return };
        if let Some(place) = watchers.iter().position(|watcher| watcher == key) {
            watchers.swap_remove(place);
            self.total -= 1;
        }
        if watchers.is_empty() {
            self.watchers.remove(name);
        }
    }
}
