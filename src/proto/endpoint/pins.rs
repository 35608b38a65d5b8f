//! Whose key a name is known to be, and which keys are not answered.

use std::collections::{BTreeMap, BTreeSet};

use p2pchat_wire::identity::PeerId;

use crate::proto::PeerName;

/// Contacts by name and by key.
#[derive(Debug, Default)]
pub(super) struct Pins {
    by_name: BTreeMap<PeerName, PeerId>,
    by_key: BTreeMap<PeerId, Vec<PeerName>>,
    blocked: BTreeSet<PeerId>,
}

impl Pins {
    /// From now on `name` is `key` and nobody else.
    pub(super) fn pin(&mut self, name: PeerName, key: PeerId) {
        if let Some(before) = self.by_name.insert(name.clone(), key)
            && let Some(names) = self.by_key.get_mut(&before)
        {
            names.retain(|known| *known != name);
        }
        self.by_key.entry(key).or_default().push(name);
    }

    /// The key that `name` must prove, if it is known.
    pub(super) fn key(&self, name: &PeerName) -> Option<PeerId> {
        self.by_name.get(name).copied()
    }

    /// Every pinned key of somebody who may know us.
    pub(super) fn keys(&self) -> impl Iterator<Item = PeerId> {
        let named = self.by_key.iter().filter(|(_, names)| !names.is_empty()).map(|(key, _)| *key);
        named.filter(|key| !self.is_blocked(key))
    }

    /// From now on these and no others are not answered. Who of them was answered until now.
    pub(super) fn block(&mut self, keys: Vec<PeerId>) -> Vec<PeerId> {
        let keys: BTreeSet<PeerId> = keys.into_iter().collect();
        let new = keys.difference(&self.blocked).copied().collect();
        self.blocked = keys;
        new
    }

    pub(super) fn is_blocked(&self, key: &PeerId) -> bool {
        self.blocked.contains(key)
    }

    /// The names under which a key is known, the first one first.
    pub(super) fn names(&self, key: PeerId) -> &[PeerName] {
        self.by_key.get(&key).map_or(&[], Vec::as_slice)
    }
}
