//! How peers come into rooms and learn of each other there.
//!
//! Whoever enters is told of everybody who is there, piece by piece, in the order of the keys; each
//! piece is asked for and none is longer than its question. The others are told of the newcomer
//! once. That word may get lost, but then the newcomer knows of them: of any two in a room, the
//! later one has the earlier on its list.

use p2pchat_wire::codec;
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::{ENTRANCE, Entrance, RoomPeople, RoomRefusal, ServerSignal};

use super::names::ClaimId;
use super::registry::Endpoint;
use super::rooms::{Entered, Founding, Standing};
use super::{Output, Server};

impl Server {
    /// Lets a peer into a room, or begins to found it. `length` is how long the question was.
    pub(super) fn enter_room(
        &mut self,
        at: u64,
        from: Endpoint,
        key: PeerId,
        entrance: Entrance,
        length: usize,
    ) {
        let Entrance { room, id, found, after, padding: _ } = entrance;
        let admitted = match self.rooms.standing(&room) {
            _ if self.registry.peer(&key).is_none_or(|peer| peer.name.is_none()) => {
                Err(RoomRefusal::NotRegistered)
            }
            Standing::Founded(actual) if id.is_some_and(|id| id != actual) => {
                Err(RoomRefusal::OtherRoom { actual })
            }
            Standing::Founded(actual) => self.admit(at, key, &room).map(|()| actual),
            // Whoever asks asks again.
            Standing::Claimed => return,
            Standing::Free => match id.filter(|_| found) {
                Some(id) => {
                    let founding = Founding { room: room.clone(), id, founder: key };
                    let Err(refusal) = self.found_room(at, from, founding) else { return };
                    Err(refusal)
                }
                None => Err(RoomRefusal::Unfounded),
            },
        };
        match admitted {
            Ok(id) => {
                let answer = RoomPeople { room, id, after, people: Vec::new(), more: false };
                let answer = self.fill(answer, key, length);
                self.tell(at, &key, &ServerSignal::RoomPeople(answer));
            }
            Err(refusal) => self.refuse_room(at, &key, room, refusal),
        }
    }

    /// Finishes a founding; its founder is the first who is there.
    pub(super) fn settle_room(&mut self, at: u64, id: ClaimId, stored: bool) {
        let Some(Founding { room, id, founder }) = self.rooms.settle(id, stored) else { return };
        // It may have given its name up, or gone, while it waited.
        if self.registry.peer(&founder).is_none_or(|peer| peer.name.is_none()) {
            return;
        }
        let admitted =
            if stored { self.admit(at, founder, &room) } else { Err(RoomRefusal::Storage) };
        match admitted {
            Ok(()) => {
                let people = RoomPeople { room, id, after: None, people: Vec::new(), more: false };
                self.tell(at, &founder, &ServerSignal::RoomPeople(people));
            }
            Err(refusal) => self.refuse_room(at, &founder, room, refusal),
        }
    }

    /// Tells everybody in the rooms of a peer what its name is now.
    pub(super) fn show_in_rooms(&mut self, at: u64, key: PeerId, name: &Name) {
        let rooms = self.registry.peer(&key).map(|peer| peer.rooms.clone()).unwrap_or_default();
        for room in rooms {
            self.show_in_room(at, key, name, &room);
        }
    }

    fn show_in_room(&mut self, at: u64, key: PeerId, name: &Name, room: &Name) {
        let others: Vec<_> = self.rooms.people(room, None).filter(|other| *other != key).collect();
        let entered = ServerSignal::RoomEntered { room: room.clone(), name: name.clone(), key };
        for other in others {
            self.tell(at, &other, &entered);
        }
    }

    /// Puts a registered peer into a room that there is, and tells the others.
    fn admit(&mut self, at: u64, key: PeerId, room: &Name) -> Result<(), RoomRefusal> {
        let (config, rate) = (&self.config, self.config.entrances);
        let Some(peer) = self.registry.peer_mut(&key) else {
            return Err(RoomRefusal::NotRegistered);
        };
        let Some(name) = peer.name.clone() else { return Err(RoomRefusal::NotRegistered) };
        match self.rooms.enter(config, key, peer, room) {
            Entered::Again => {}
            Entered::New if peer.entrances.take(at, rate, 1) => {
                self.show_in_room(at, key, &name, room);
            }
            Entered::New => {
                self.rooms.leave(&key, peer, room);
                return Err(RoomRefusal::Busy);
            }
            Entered::Full => return Err(RoomRefusal::Full),
            Entered::Busy => return Err(RoomRefusal::Busy),
        }
        Ok(())
    }

    fn found_room(
        &mut self,
        at: u64,
        from: Endpoint,
        founding: Founding,
    ) -> Result<(), RoomRefusal> {
        if !self.rooms.has_room_for(&self.config, &founding.founder)
            || !self.rates.claims.take(at, from.remote.ip(), self.config.claims, 1)
        {
            return Err(RoomRefusal::Busy);
        }
        let id = self.next_claim();
        self.rooms.found(id, founding.clone());
        self.outputs.push_back(Output::Found { id, founding });
        Ok(())
    }

    /// Puts as many of those who are in the room into an answer for `key` as fit into `length`.
    fn fill(&self, mut answer: RoomPeople, key: PeerId, length: usize) -> RoomPeople {
        let length = length.min(ENTRANCE);
        for other in self.rooms.people(&answer.room, answer.after).filter(|other| *other != key) {
            let Some(name) = self.registry.peer(&other).and_then(|peer| peer.name.clone()) else {
                continue;
            };
            answer.people.push((name, other));
            // One byte says which signal it is.
            if 1 + codec::encode(&answer).len() > length {
                answer.people.pop();
                answer.more = true;
                break;
            }
        }
        answer
    }

    fn refuse_room(&mut self, at: u64, key: &PeerId, room: Name, refusal: RoomRefusal) {
        self.statistics.busy += u64::from(refusal == RoomRefusal::Busy);
        self.tell(at, key, &ServerSignal::RoomRefused { room, refusal });
    }
}
