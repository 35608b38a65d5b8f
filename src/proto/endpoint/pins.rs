//! Whose key a name is known to be.

use std::collections::BTreeMap;

use p2pchat_wire::identity::PeerId;

use crate::proto::PeerName;

/// Contacts by name and by key.
#[derive(Debug, Default)]
pub(super) struct Pins {
    by_name: BTreeMap<PeerName, PeerId>,
    by_key: BTreeMap<PeerId, Vec<PeerName>>,
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

    /// Every pinned key.
    pub(super) fn keys(&self) -> impl Iterator<Item = PeerId> {
        self.by_key.iter().filter(|(_, names)| !names.is_empty()).map(|(key, _)| *key)
    }

    /// The names under which a key is known, the first one first.
    pub(super) fn names(&self, key: PeerId) -> &[PeerName] {
        self.by_key.get(&key).map_or(&[], Vec::as_slice)
    }
}
