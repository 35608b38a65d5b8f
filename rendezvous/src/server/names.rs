//! Which key owns which name, and the claims that wait for the disk.
//!
//! A name goes to the first key that claims it and is never handed on. A claim counts when it is on
//! disk; until then the name is neither owned nor free.

use std::collections::{BTreeMap, BTreeSet};

use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::{Connect, Refusal};

use super::config::Config;

/// A claim that was handed out to be stored.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClaimId(pub(crate) u64);

/// A claim on its way to the disk.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) name: Name,
    pub(super) key: PeerId,
    /// Whom the claimant wants to meet as soon as it is registered.
    pub(super) connects: Vec<Connect>,
}

/// Where a name stands for somebody who asks for it.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// The key owns it.
    Own,
    /// The key's claim is on its way to the disk.
    Claimed(ClaimId),
    /// Nobody has it.
    Free,
    /// Not to be had.
    Refused(Refusal),
}

/// All names.
#[derive(Debug, Default)]
pub(super) struct Names {
    owners: BTreeMap<Name, PeerId>,
    /// What the names look like that are owned or claimed.
    looks: BTreeSet<String>,
    /// How many names a key owns.
    owned: BTreeMap<PeerId, u32>,
    claims: BTreeMap<ClaimId, Claim>,
    claimed: BTreeMap<Name, ClaimId>,
    /// The name that a key is claiming: one at a time.
    claimants: BTreeMap<PeerId, ClaimId>,
}

impl Names {
    pub(super) fn new(names: impl IntoIterator<Item = (Name, PeerId)>) -> Self {
        let mut this = Self::default();
        for (name, key) in names {
            this.give(name, key);
        }
        this
    }

    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }

    pub(super) fn claims(&self) -> usize {
        self.claims.len()
    }

    pub(super) fn owner(&self, name: &Name) -> Option<PeerId> {
        self.owners.get(name).copied()
    }

    /// What `key` can have of `name`.
    pub(super) fn standing(&self, config: &Config, key: &PeerId, name: &Name) -> Standing {
        if let Some(owner) = self.owners.get(name) {
            return if owner == key {
                Standing::Own
            } else {
                Standing::Refused(Refusal::NameTaken)
            };
        }
        match (self.claimed.get(name), self.claimants.get(key)) {
            (Some(claim), Some(own)) if claim == own => Standing::Claimed(*claim),
            (Some(_), _) => Standing::Refused(Refusal::NameTaken),
            (None, Some(_)) => Standing::Refused(Refusal::Busy),
            (None, None) => {
                let owned = self.owned.get(key).copied().unwrap_or(0);
                if owned >= config.max_names_per_key
                    || self.claims.len() >= config.max_claims
                    || self.owners.len() + self.claims.len() >= config.max_names
                {
                    Standing::Refused(Refusal::Busy)
                } else if name.mixes_scripts() || self.looks.contains(&name.skeleton()) {
                    Standing::Refused(Refusal::Confusable)
                } else {
                    Standing::Free
                }
            }
        }
    }

    /// Begins the claim of a name that is [`Standing::Free`].
    pub(super) fn claim(&mut self, id: ClaimId, name: Name, key: PeerId) {
        self.looks.insert(name.skeleton());
        self.claimed.insert(name.clone(), id);
        self.claimants.insert(key, id);
        self.claims.insert(id, Claim { name, key, connects: Vec::new() });
    }

    /// Replaces what is done as soon as the claim is stored.
    pub(super) fn defer(&mut self, id: ClaimId, connects: Vec<Connect>) {
        if let Some(claim) = self.claims.get_mut(&id) {
            claim.connects = connects;
        }
    }

    /// Ends a claim: the name is the claimant's if it was `stored`, free again otherwise.
    pub(super) fn settle(&mut self, id: ClaimId, stored: bool) -> Option<Claim> {
        let claim = self.claims.remove(&id)?;
        self.claimed.remove(&claim.name);
        self.claimants.remove(&claim.key);
        if stored {
            self.give(claim.name.clone(), claim.key);
        } else {
            // Nothing else looked like it when it was claimed, and nothing was let in since.
            self.looks.remove(&claim.name.skeleton());
        }
        Some(claim)
    }

    fn give(&mut self, name: Name, key: PeerId) {
        self.looks.insert(name.skeleton());
        if self.owners.insert(name, key).is_none() {
            *self.owned.entry(key).or_default() += 1;
        }
    }
}
