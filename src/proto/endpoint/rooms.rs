//! The rooms of one rendezvous that we are in: entered, and entered again after every new link.
//!
//! A server tells who is there in pieces no longer than the question, so we ask on until it has told
//! all. Whoever enters later is told to us once; that word may get lost, but the newcomer has us on
//! its list and calls.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::{ClientSignal, Entrance, RoomPeople, RoomRefusal};

use super::Endpoint;
use crate::proto::{Event, ServerId};

/// How often a question is repeated that the server has not answered.
const REPEAT: Duration = Duration::from_secs(1);

/// How often a refusal that may pass is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Rooms of one rendezvous at most.
const MAX_ROOMS: usize = 64;

/// People in one room at most, whatever a server says.
const MAX_PEOPLE: usize = 256;

/// A room that we want to be in.
#[derive(Debug)]
struct Wanted {
    id: Option<[u8; 32]>,
    found: bool,
    next_at: Option<Instant>,
    /// Who is there, as far as we have been told in this round.
    told: Vec<(Name, PeerId)>,
    /// Of which room that was.
    told_of: Option<[u8; 32]>,
    /// What was reported.
    reported: Option<Report>,
}

#[derive(Debug, Eq, PartialEq)]
enum Report {
    People([u8; 32], Vec<(Name, PeerId)>),
    Refused(RoomRefusal),
}

/// All rooms of one rendezvous.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    wanted: BTreeMap<Name, Wanted>,
}

impl Rooms {
    /// Wants to be in a room from now on.
    pub(super) fn want(&mut self, now: Instant, room: Name, id: Option<[u8; 32]>, found: bool) {
        if self.wanted.len() < MAX_ROOMS || self.wanted.contains_key(&room) {
            let (told, told_of, reported) = (Vec::new(), None, None);
            let next_at = Some(now);
            self.wanted.insert(room, Wanted { id, found, next_at, told, told_of, reported });
        }
    }

    /// Wants it no longer.
    pub(super) fn give_up(&mut self, room: &Name) {
        self.wanted.remove(room);
    }

    /// The link or the registration is new: the server may have forgotten us.
    pub(super) fn ask_all(&mut self, now: Instant) {
        for wanted in self.wanted.values_mut() {
            wanted.told.clear();
            wanted.next_at = Some(now);
        }
    }

    /// When [`Self::poll`] has something.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.wanted.values().filter_map(|wanted| wanted.next_at).min()
    }

    /// The next question. It counts as asked.
    fn poll(&mut self, now: Instant) -> Option<Entrance> {
        let due = |wanted: &Wanted| wanted.next_at.is_some_and(|at| at <= now);
        let (room, wanted) = self.wanted.iter_mut().find(|(_, wanted)| due(wanted))?;
        wanted.next_at = Some(now + REPEAT);
        let Wanted { id, found, .. } = *wanted;
        let after = wanted.told.last().map(|(_, key)| *key);
        let entrance = Entrance { room: room.clone(), id, found, after, padding: Vec::new() };
        Some(entrance.padded())
    }

    /// Takes a piece of what was asked for; returns everybody when it is the last, and it is news.
    fn on_people(&mut self, now: Instant, piece: RoomPeople) -> Option<Vec<(Name, PeerId)>> {
        let wanted = self.wanted.get_mut(&piece.room)?;
        let asked = wanted.next_at.is_some();
        if !asked || piece.after != wanted.told.last().map(|(_, key)| *key) {
            return None;
        }
        if wanted.told_of.replace(piece.id) != Some(piece.id) && piece.after.is_some() {
            // The name has come to stand for another room meanwhile.
            wanted.told.clear();
            wanted.next_at = Some(now);
            return None;
        }
        for (name, key) in piece.people {
            // A server that turns in circles is not followed.
            let ahead = wanted.told.last().is_none_or(|(_, last)| *last < key);
            if ahead && wanted.told.len() < MAX_PEOPLE {
                wanted.told.push((name, key));
            }
        }
        let went_on = wanted.told.last().map(|(_, key)| *key) != piece.after;
        if piece.more && went_on && wanted.told.len() < MAX_PEOPLE {
            wanted.next_at = Some(now);
            return None;
        }
        wanted.next_at = None;
        let people = std::mem::take(&mut wanted.told);
        let report = Report::People(piece.id, people.clone());
        let news = wanted.reported.as_ref() != Some(&report);
        wanted.reported = Some(report);
        news.then_some(people)
    }

    /// Takes a newcomer, who is no news in the next list. Says whether we are in the room at all.
    fn on_entered(&mut self, room: &Name, name: &Name, key: PeerId) -> bool {
        let Some(wanted) = self.wanted.get_mut(room) else { return false };
        if let Some(Report::People(_, people)) = &mut wanted.reported {
            match people.binary_search_by_key(&key, |(_, key)| *key) {
                Ok(place) => people[place].0.clone_from(name),
                Err(place) if people.len() < MAX_PEOPLE => {
                    people.insert(place, (name.clone(), key));
                }
                Err(_) => {}
            }
        }
        true
    }

    /// Takes a refusal; says whether it is news.
    fn on_refused(&mut self, now: Instant, room: &Name, refusal: RoomRefusal) -> bool {
        // What nobody has asked for is an answer that came twice.
        let asked = |wanted: &&mut Wanted| wanted.next_at.is_some();
        let Some(wanted) = self.wanted.get_mut(room).filter(asked) else { return false };
        let is_final = matches!(refusal, RoomRefusal::OtherRoom { .. });
        wanted.told.clear();
        wanted.next_at = (!is_final).then(|| now + RETRY);
        let report = Some(Report::Refused(refusal));
        std::mem::replace(&mut wanted.reported, report) != Some(Report::Refused(refusal))
    }
}

impl Endpoint {
    /// Asks a server for what it has not told us of our rooms.
    pub(super) fn ask_for_rooms(&mut self, now: Instant, server: ServerId) {
        while let Some(home) = self.homes.get_mut(server)
            && home.is_ready()
            && let Some(entrance) = home.rooms.poll(now)
        {
            self.tell(server, &ClientSignal::EnterRoom(entrance));
        }
    }

    pub(super) fn on_room_people(&mut self, now: Instant, server: ServerId, piece: RoomPeople) {
        let (room, id) = (piece.room.clone(), piece.id);
        let Some(home) = self.homes.get_mut(server) else { return };
        if !home.rooms.wanted.contains_key(&room) {
            self.tell(server, &ClientSignal::LeaveRoom(room));
        } else if let Some(people) = home.rooms.on_people(now, piece) {
            self.events.push_back(Event::RoomPeople { server, room, id, people });
        }
    }

    pub(super) fn on_room_entered(
        &mut self,
        server: ServerId,
        room: Name,
        name: Name,
        key: PeerId,
    ) {
        let Some(home) = self.homes.get_mut(server) else { return };
        if home.rooms.on_entered(&room, &name, key) {
            self.events.push_back(Event::RoomEntered { server, room, name, key });
        } else {
            // We left, and the server does not know, or it has known us longer than we live.
            self.tell(server, &ClientSignal::LeaveRoom(room));
        }
    }

    pub(super) fn on_room_refused(
        &mut self,
        now: Instant,
        server: ServerId,
        room: Name,
        refusal: RoomRefusal,
    ) {
        let Some(home) = self.homes.get_mut(server) else { return };
        if home.rooms.on_refused(now, &room, refusal) {
            self.events.push_back(Event::RoomRefused { server, room, refusal });
        }
    }
}
