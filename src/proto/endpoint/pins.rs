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
        self.unpin(&name);
        self.by_name.insert(name.clone(), key);
        self.by_key.entry(key).or_default().push(name);
    }

    /// From now on `name` may be anybody.
    pub(super) fn unpin(&mut self, name: &PeerName) {
        if let Some(key) = self.by_name.remove(name)
            && let Some(names) = self.by_key.get_mut(&key)
        {
            names.retain(|known| known != name);
            if names.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }

    /// The key that `name` must prove, if it is known.
    pub(super) fn key(&self, name: &PeerName) -> Option<PeerId> {
        self.by_name.get(name).copied()
    }

    /// Every pinned key of somebody who may know us.
    pub(super) fn keys(&self) -> impl Iterator<Item = PeerId> {
        self.by_key.keys().copied().filter(|key| !self.is_blocked(key))
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

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::*;

    #[test]
    fn a_name_that_is_pinned_no_longer_may_be_anybody() {
        let name = |text| PeerName::from(Name::new(text).expect("a name"));
        let (bob, eve) = (PeerId([2; 32]), PeerId([3; 32]));
        let mut pins = Pins::default();
        pins.pin(name("bob"), bob);
        pins.pin(name("robert"), bob);
        pins.pin(name("eve"), eve);
        pins.unpin(&name("bob"));
        assert_eq!((pins.key(&name("bob")), pins.names(bob)), (None, &[name("robert")][..]));
        pins.unpin(&name("robert"));
        assert_eq!(pins.keys().collect::<Vec<_>>(), [eve]);
        pins.unpin(&name("nobody"));
        pins.pin(name("eve"), bob);
        assert_eq!(pins.keys().collect::<Vec<_>>(), [bob]);
    }
}
