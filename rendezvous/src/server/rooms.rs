//! Which name stands for which room, and who is in it now.
//!
//! The server knows of a room what it takes for people to find each other in it: a name, the opaque
//! id that the name stands for, and the keys of those who are there. The name goes to the first id
//! that is founded under it and never to another, as names of people do; who is there is forgotten
//! with their links.

use std::collections::{BTreeMap, BTreeSet};

use p2pchat_wire::identity::{Name, PeerId};

use super::config::Config;
use super::names::ClaimId;
use super::registry::Peer;

/// A room as it is kept on disk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Founding {
    /// Its name.
    pub room: Name,
    /// What the name stands for.
    pub id: [u8; 32],
    /// Who has founded it, for the quota of its key.
    pub founder: PeerId,
}

/// Where a room's name stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// It stands for this room.
    Founded([u8; 32]),
    /// It is on its way to the disk, for some room.
    Claimed,
    /// It stands for none.
    Free,
}

/// What became of somebody who wants to be in a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Entered {
    /// In it, as before.
    Again,
    /// In it, and the others do not know.
    New,
    /// There are as many in it as there may be.
    Full,
    /// The peer is in too many rooms.
    Busy,
}

#[derive(Debug)]
struct Room {
    id: [u8; 32],
    people: BTreeSet<PeerId>,
}

/// All rooms.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<Name, Room>,
    /// How many rooms a key has founded, those on their way to the disk among them.
    founded: BTreeMap<PeerId, u32>,
    claims: BTreeMap<ClaimId, Founding>,
    claimed: BTreeSet<Name>,
    entrances: usize,
}

impl Rooms {
    pub(super) fn new(rooms: impl IntoIterator<Item = Founding>) -> Self {
        let mut this = Self::default();
        for founding in rooms {
            *this.founded.entry(founding.founder).or_default() += 1;
            this.open(founding);
        }
        this
    }

    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    pub(super) fn claims(&self) -> usize {
        self.claims.len()
    }

    pub(super) fn entrances(&self) -> usize {
        self.entrances
    }

    pub(super) fn standing(&self, room: &Name) -> Standing {
        match self.rooms.get(room) {
            Some(room) => Standing::Founded(room.id),
            None if self.claimed.contains(room) => Standing::Claimed,
            None => Standing::Free,
        }
    }

    /// Whether `key` may found one more room.
    pub(super) fn has_room_for(&self, config: &Config, key: &PeerId) -> bool {
        self.founded.get(key).copied().unwrap_or(0) < config.max_rooms_per_key
            && self.claims.len() < config.max_claims
            && self.rooms.len() + self.claims.len() < config.max_rooms
    }

    /// Begins the founding of a room whose name is [`Standing::Free`].
    pub(super) fn found(&mut self, id: ClaimId, founding: Founding) {
        *self.founded.entry(founding.founder).or_default() += 1;
        self.claimed.insert(founding.room.clone());
        self.claims.insert(id, founding);
    }

    /// Ends a founding: the room is there if it was `stored`, its name free again otherwise.
    pub(super) fn settle(&mut self, id: ClaimId, stored: bool) -> Option<Founding> {
        let founding = self.claims.remove(&id)?;
        self.claimed.remove(&founding.room);
        if stored {
            self.open(founding.clone());
        } else if let Some(founded) = self.founded.get_mut(&founding.founder) {
            *founded -= 1;
        }
        Some(founding)
    }

    fn open(&mut self, founding: Founding) {
        let room = Room { id: founding.id, people: BTreeSet::new() };
        self.rooms.entry(founding.room).or_insert(room);
    }

    /// Who is in a room, in order, beginning behind `after`.
    pub(super) fn people(
        &self,
        room: &Name,
        after: Option<PeerId>,
    ) -> impl Iterator<Item = PeerId> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let room = self.rooms.get(room);
        room.into_iter().flat_map(move |room| room.people.range((from, Unbounded))).copied()
    }

    /// Lets a peer into a room that there is.
    pub(super) fn enter(
        &mut self,
        config: &Config,
        key: PeerId,
        peer: &mut Peer,
        name: &Name,
    ) -> Entered {
        let Some(room) = self.rooms.get_mut(name) else { return Entered::Busy };
        if room.people.contains(&key) {
            return Entered::Again;
        }
        if room.people.len() >= config.max_people_per_room {
            return Entered::Full;
        }
        if peer.rooms.len() >= config.max_rooms_per_peer {
            return Entered::Busy;
        }
        room.people.insert(key);
        peer.rooms.push(name.clone());
        self.entrances += 1;
        Entered::New
    }

    /// Takes a peer out of a room.
    pub(super) fn leave(&mut self, key: &PeerId, peer: &mut Peer, room: &Name) {
        if let Some(place) = peer.rooms.iter().position(|entered| entered == room) {
            peer.rooms.swap_remove(place);
            self.take_out(key, room);
        }
    }

    /// Takes a peer out of every room.
    pub(super) fn leave_all(&mut self, key: &PeerId, peer: &mut Peer) {
        self.forget(key, peer);
        peer.rooms.clear();
    }

    /// As [`Self::leave_all`], of a peer that has gone.
    pub(super) fn forget(&mut self, key: &PeerId, peer: &Peer) {
        for room in &peer.rooms {
            self.take_out(key, room);
        }
    }

    fn take_out(&mut self, key: &PeerId, room: &Name) {
        if self.rooms.get_mut(room).is_some_and(|room| room.people.remove(key)) {
            self.entrances -= 1;
        }
    }
}
