//! What we say in a room, and how far it has come.

use p2pchat_wire::identity::PeerId;

use super::super::face::FaceId;
use super::super::room::Line;
use super::super::rooms::Replica;
use super::super::storage::{OwnLine, Progress, StoreRequest};
use super::super::{Address, Asked, Chat, LineId, LineState, Manner, Notice, Problem};
use super::news::RoomNews;
use super::{Gathering, Room};

/// Lines that wait until we are in a room.
const MAX_UNSAID: usize = 1000;

/// A line that waits until we are in.
#[derive(Debug)]
pub(super) struct Unsaid {
    pub(super) face: FaceId,
    line: Line,
    reference: Option<String>,
}

/// A line of ours that not everybody is known to have.
#[derive(Debug)]
pub(super) struct Underway {
    /// Who has written it in this run.
    pub(super) face: Option<FaceId>,
    pub(super) reference: Option<String>,
    stay: u64,
    seq: u64,
    pub(super) is_kept: bool,
}

/// A line of ours that is none about another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) id: LineId,
    pub(super) stay: u64,
    pub(super) seq: u64,
    /// What was told last.
    told: Progress,
}

impl Room {
    /// How many have a line of ours.
    fn progress(&self, stay: u64, seq: u64) -> Progress {
        let Some(replica) = &self.replica else { return Progress::default() };
        let (has, waits) = replica.receipts(stay, seq);
        Progress { have: has.len(), of: has.len() + waits.len() }
    }

    fn note_said(&mut self, said: Said) {
        self.said.push_back(said);
        while self.said.len() > OwnLine::MAX {
            self.said.pop_front();
        }
    }
}

impl Gathering {
    /// Whether a line of a face waits, and for more than what is `enough`.
    pub(in crate::chat) fn owes(&self, face: FaceId, is_kept_enough: bool) -> bool {
        self.rooms.values().any(|room| {
            let unsaid = room.unsaid.iter().any(|unsaid| unsaid.face == face);
            let waits = |line: &Underway| {
                line.face == Some(face)
                    && !(line.is_kept && (is_kept_enough || self.nobody_waits(room, line)))
            };
            unsaid || room.underway.values().any(waits)
        })
    }

    /// Whether everybody who is connected has a line, and at least somebody.
    fn nobody_waits(&self, room: &Room, line: &Underway) -> bool {
        let Some(replica) = &room.replica else { return false };
        let (has, waits) = replica.receipts(line.stay, line.seq);
        let absent = |key: &PeerId| !self.here.contains_key(key);
        (waits.is_empty() || !has.is_empty()) && waits.iter().all(absent)
    }
}

impl Chat {
    /// Says something in a room, or keeps it until we are in.
    pub(in crate::chat) fn say_in_room(
        &mut self,
        address: &Address,
        text: String,
        manner: Manner,
        reference: Option<String>,
    ) {
        let (id, face) = (LineId(self.random.array()), self.faces.asking_id());
        let line = Line { id, text, manner };
        let Some(room) = self.gathering.rooms.get_mut(address).filter(|room| room.is_wanted())
        else {
            return self.refuse(reference, Problem::NotInRoom(address.clone()));
        };
        let is_in = room.replica.as_ref().is_some_and(Replica::is_member) && !room.is_new;
        if is_in {
            self.utter(address, Unsaid { face, line, reference });
        } else if room.unsaid.len() < MAX_UNSAID {
            room.unsaid.push_back(Unsaid { face, line, reference });
        } else {
            self.refuse(reference, Problem::NotInRoom(address.clone()));
        }
    }

    fn utter(&mut self, address: &Address, unsaid: Unsaid) {
        let Unsaid { face, line, reference } = unsaid;
        let (id, amends) = (line.id, line.manner.amends());
        match self.room_replica(address).map(|(replica, now)| replica.say(now, line)) {
            Some(Ok((stay, seq))) => {
                let underway = Underway { face: Some(face), reference, stay, seq, is_kept: false };
                if let Some(room) = self.gathering.rooms.get_mut(address) {
                    room.underway.insert(id, underway);
                    if !amends {
                        room.note_said(Said { id, stay, seq, told: Progress::default() });
                    }
                }
                self.drain_room(address, None);
            }
            Some(Err(refusal)) => self.refuse(reference, Problem::Room(refusal)),
            None => self.refuse(reference, Problem::NotInRoom(address.clone())),
        }
    }

    /// We are in: what has waited is said.
    pub(super) fn say_unsaid(&mut self, address: &Address) {
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        for unsaid in std::mem::take(&mut room.unsaid) {
            self.utter(address, unsaid);
        }
    }

    /// Some member has more of our lines.
    pub(super) fn room_delivered(&mut self, address: &Address) {
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        let Some(replica) = &room.replica else { return };
        let mut delivered = Vec::new();
        room.underway.retain(|id, line| {
            let waits = || replica.receipts(line.stay, line.seq).1;
            let done = line.is_kept && waits().is_empty();
            if done {
                delivered.push((*id, line.reference.take()));
            }
            !done
        });
        for (id, reference) in delivered {
            let to = address.clone();
            let request = StoreRequest::RoomDelivered { room: to.clone(), id, at: self.now };
            self.ask(request, Asked::Nothing);
            self.show(Notice::Status { to, id, reference, state: LineState::Delivered });
        }
    }

    /// What an earlier run has said there.
    pub(super) fn remember_said(&mut self, address: &Address, said: Vec<OwnLine>) {
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        for OwnLine { id, stay, seq, delivered } in said {
            // A page of lines says how far each had come.
            let told = room.progress(stay, seq);
            room.note_said(Said { id, stay, seq, told });
            if !delivered {
                let (face, reference, is_kept) = (None, None, true);
                room.underway.insert(id, Underway { face, reference, stay, seq, is_kept });
            }
        }
        self.room_delivered(address);
    }

    /// Says of those lines of ours that it concerns how many have them, where that is news.
    pub(super) fn tell_progress(&mut self, address: &Address, concerns: impl Fn(&Said) -> bool) {
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        let mut news = Vec::new();
        for said in room.said.iter().filter(|said| concerns(said)) {
            let progress = room.progress(said.stay, said.seq);
            // Before it is on our disk, a line is with nobody.
            if progress != said.told && room.underway.get(&said.id).is_none_or(|line| line.is_kept)
            {
                news.push((said.id, progress));
            }
        }
        for said in &mut room.said {
            if let Some((_, progress)) = news.iter().find(|(id, _)| *id == said.id) {
                said.told = *progress;
            }
        }
        for (id, progress) in news {
            self.tell_room(address, RoomNews::Progress { id, progress });
        }
    }
}
