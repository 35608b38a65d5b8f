//! What we say in a room, and how far it has come.

use std::collections::BTreeSet;

use p2pchat_wire::identity::PeerId;

use super::super::face::FaceId;
use super::super::room::{Act, Line, Refusal};
use super::super::rooms::{Denial, Replica};
use super::super::storage::{OwnLine, Progress, StoreRequest};
use super::super::{Address, Asked, Chat, ExitCode, LineId, LineState, Manner, Problem};
use super::news::RoomNews;
use super::{Gathering, Room};

/// Lines that wait until we are in a room.
const MAX_UNSAID: usize = 1000;

/// What waits until we are in.
#[derive(Debug)]
pub(super) struct Unsaid {
    pub(super) face: FaceId,
    what: What,
}

#[derive(Debug)]
enum What {
    Line {
        line: Line,
        reference: Option<String>,
    },
    Act(Act),
    /// Whoever is called so then.
    Kick(String),
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
    /// A room that we leave, and nobody there has heard of it yet though somebody can.
    pub(in crate::chat) fn parting(&self) -> Option<&Address> {
        let parts = |room: &Room| {
            let heard = room.replica.as_ref().is_none_or(Replica::is_heard);
            room.leaves_at.is_some() && !heard
        };
        self.rooms.iter().find(|(_, room)| parts(room)).map(|(address, _)| address)
    }

    /// Whether a line of a face waits, and for more than what is `enough`.
    pub(in crate::chat) fn owes(&self, face: FaceId, is_kept_enough: bool) -> bool {
        self.owed(face, is_kept_enough).next().is_some()
    }

    /// The rooms in which a line of a face waits, and how many lines there are on disk or on their way there.
    fn owed(
        &self,
        face: FaceId,
        is_kept_enough: bool,
    ) -> impl Iterator<Item = (&Address, &Room, usize)> {
        self.rooms.iter().filter_map(move |(address, room)| {
            let unsaid = room.unsaid.iter().any(|unsaid| unsaid.face == face);
            let waits = |line: &&Underway| {
                line.face == Some(face)
                    && !(line.is_kept && (is_kept_enough || self.nobody_waits(room, line)))
            };
            let said = room.underway.values().filter(waits).count();
            (unsaid || said > 0).then_some((address, room, said))
        })
    }

    /// How many lines a face has said that nobody else has.
    pub(in crate::chat) fn unheard(&self, face: FaceId) -> u64 {
        self.owed(face, false).map(|(_, _, said)| said as u64).sum()
    }

    /// Whether everybody who is connected has a line, and at least somebody.
    fn nobody_waits(&self, room: &Room, line: &Underway) -> bool {
        let Some(replica) = &room.replica else { return false };
        let (has, waits) = replica.receipts(line.stay, line.seq);
        let absent = |key: &PeerId| !self.here.contains_key(key);
        (waits.is_empty() || !has.is_empty()) && waits.iter().all(absent)
    }
}

impl Room {
    /// Why we are not in, if somebody who is there has said so.
    fn denial(&self) -> Option<Denial> {
        // That one of them does not know the room says least.
        self.denials.last().copied()
    }
}

impl Chat {
    /// Why lines of the face that asks still wait in rooms, the reason nearest to us first.
    pub(in crate::chat) fn missing_in_rooms(&self, is_kept_enough: bool) -> Option<ExitCode> {
        let owed = self.gathering.owed(self.faces.asking_id(), is_kept_enough);
        let reason = |(address, room, _): (&Address, &Room, usize)| {
            let refused = room.is_refused || room.denial().is_some() || !room.is_wanted();
            match self.server_is_missing(address) {
                Some(code) => code,
                None if refused && !self.has_entered(address) => ExitCode::Refused,
                None => ExitCode::PeerOffline,
            }
        };
        owed.map(reason).min_by_key(|code| code.code())
    }

    /// What has waited for us to be let in is not said any more, and whoever wrote it is told: all of it if
    /// everything ends, else what the face that asks has written.
    pub(in crate::chat) fn forget_unsaid(&mut self, of_all: bool) {
        let own = self.faces.asking_id();
        let mut gone = Vec::new();
        for (address, room) in &mut self.gathering.rooms {
            let (why, before) = (room.denial(), std::mem::take(&mut room.unsaid));
            for unsaid in before {
                match unsaid.what {
                    What::Line { line, reference } if of_all || unsaid.face == own => {
                        gone.push((address.clone(), line.id, reference, why));
                    }
                    what if of_all || unsaid.face == own => drop(what),
                    what => room.unsaid.push_back(Unsaid { what, ..unsaid }),
                }
            }
        }
        for (to, id, reference, why) in gone {
            let problem = Problem::NotLetIn { room: to.clone(), why };
            self.tell_status(to, id, reference, LineState::Failed(problem));
        }
    }

    /// Whoever has said something in a room that is not there is told so: these faces are.
    pub(super) fn fail_unsaid(&mut self, address: &Address, room: Room) -> BTreeSet<FaceId> {
        let mut told = BTreeSet::new();
        for Unsaid { what, face } in room.unsaid {
            if let What::Line { line, reference } = what {
                let state = LineState::Failed(Problem::NoSuchRoom(address.clone()));
                self.tell_status(address.clone(), line.id, reference, state);
                told.insert(face);
            }
        }
        told
    }

    /// Says something in a room, or keeps it until we are in.
    pub(in crate::chat) fn say_in_room(
        &mut self,
        address: &Address,
        text: String,
        manner: Manner,
        reference: Option<String>,
    ) {
        let id = LineId(self.random.array());
        let line = Line { id, text, manner };
        if reference.is_some() {
            self.faces.note_author(id);
        }
        if self.has_entered(address) {
            return self.utter(address, line, reference);
        }
        let what = What::Line { line, reference: reference.clone() };
        match self.wait_to_enter(address, what) {
            Ok(()) => self.tell_status(address.clone(), id, reference, LineState::Waiting),
            Err(problem) => self.refuse(reference, problem),
        }
    }

    /// Does something to a room, as soon as we are in.
    pub(super) fn act_in_room(&mut self, address: &Address, act: Act) -> Result<(), Problem> {
        if !act.is_sane() {
            return Err(Problem::TopicTooLong);
        }
        if !self.has_entered(address) {
            return self.wait_to_enter(address, What::Act(act));
        }
        let done = self.with_room(address, |replica, now| replica.act(now, act));
        done.unwrap_or(Err(Refusal::NotMember)).map_err(Problem::Room)
    }

    /// Removes somebody, as soon as we are in.
    pub(super) fn kick_from_room(&mut self, address: &Address, name: &str) -> Result<(), Problem> {
        if !self.has_entered(address) {
            return self.wait_to_enter(address, What::Kick(name.to_owned()));
        }
        let key = self.member_called(address, name);
        let key = key.ok_or_else(|| Problem::NobodyThere(address.clone()))?;
        if key == self.config.key {
            return Err(Problem::KicksOneself(address.clone()));
        }
        let done = self.with_room(address, |replica, now| replica.kick(now, key));
        done.unwrap_or(Err(Refusal::NotMember)).map_err(Problem::Room)
    }

    /// Whether what is said in a room is said to those who are there. What we have just made is no room
    /// yet: somebody may have been faster.
    pub(super) fn has_entered(&self, address: &Address) -> bool {
        let room = self.gathering.rooms.get(address);
        room.is_some_and(|room| {
            room.replica.as_ref().is_some_and(Replica::is_member) && !room.is_new
        })
    }

    fn wait_to_enter(&mut self, address: &Address, what: What) -> Result<(), Problem> {
        let face = self.faces.asking_id();
        let room = self.gathering.rooms.get_mut(address);
        let room = room.filter(|room| room.is_wanted() && room.unsaid.len() < MAX_UNSAID);
        let room = room.ok_or_else(|| Problem::NotInRoom(address.clone()))?;
        room.unsaid.push_back(Unsaid { face, what });
        Ok(())
    }

    fn utter(&mut self, address: &Address, line: Line, reference: Option<String>) {
        let (id, face, amends) = (line.id, self.faces.asking_id(), line.manner.amends());
        match self.room_replica(address).map(|(replica, now)| replica.say(now, line)) {
            Some(Ok((stay, seq))) => {
                let face = Some(face);
                let underway = Underway { face, reference, stay, seq, is_kept: false };
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

    /// We are in: what has waited is said and done.
    pub(super) fn say_unsaid(&mut self, address: &Address) {
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        for Unsaid { face, what } in std::mem::take(&mut room.unsaid) {
            let before = self.faces.turn_to(face);
            let done = match what {
                What::Line { line, reference } => {
                    self.utter(address, line, reference);
                    Ok(())
                }
                What::Act(act) => self.act_in_room(address, act),
                What::Kick(name) => self.kick_from_room(address, &name),
            };
            if let Err(problem) = done {
                self.refuse(None, problem);
            }
            self.faces.turn_to(before);
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
            self.tell_status(to, id, reference, LineState::Delivered);
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
