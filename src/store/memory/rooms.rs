//! Rooms in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use p2pchat_wire::identity::PeerId;

use super::super::lines::Sender;
use super::{Entry as Shown, Kept, Memory, failed};
use crate::chat::room::{Act, Body, Entry, Fork, LogId, RoomId};
use crate::chat::rooms::{Answer, Receipt, Request, Stored};
use crate::chat::storage::{
    Direction, FailureKind, KeptRoom, OutgoingLine, OwnLine, Progress, Quote, ReceivedLine,
    RoomReply, RoomRequest, StoreReply, StoreRequest,
};
use crate::chat::{Address, Audience, LineId, Manner, Timestamp};

/// One room.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) id: RoomId,
    address: Address,
    wanted: bool,
    acts: Vec<Arc<Entry>>,
    pub(super) lines: BTreeMap<LogId, BTreeMap<u64, Arc<Entry>>>,
    forks: Vec<Fork>,
    receipts: BTreeMap<(u64, PeerId), Receipt>,
    floors: BTreeMap<(PeerId, LogId), u64>,
}

/// Whether a request changes nothing.
pub(super) fn reads(request: &StoreRequest) -> bool {
    let StoreRequest::Room(RoomRequest { request, .. }) = request else { return false };
    matches!(request, Request::Lines { .. } | Request::Room(_))
}

impl Room {
    fn new(id: RoomId, address: Address) -> Self {
        Self {
            id,
            address,
            wanted: false,
            acts: Vec::new(),
            lines: BTreeMap::new(),
            forks: Vec::new(),
            receipts: BTreeMap::new(),
            floors: BTreeMap::new(),
        }
    }

    fn note_floors(&mut self, member: PeerId) {
        let first = self.acts.iter().find(|act| act.hash().0 == self.id.0);
        let Some(Act::Create { keep, .. }) = first.and_then(|act| act.act()) else { return };
        for (log, lines) in &self.lines {
            let last = lines.keys().next_back().copied().unwrap_or(0);
            let floor = (last + 1).saturating_sub(u64::from((*keep).max(1))).max(1);
            self.floors.insert((member, *log), floor);
        }
    }

    fn read_lines(&self, log: LogId, (from, to): (u64, u64), limit: usize) -> Vec<Vec<u8>> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        let range = self.lines.get(&log).into_iter().flat_map(|lines| lines.range(from..=to));
        for ((seq, line), at) in range.zip(from..) {
            bytes += line.size();
            if *seq != at || (!lines.is_empty() && bytes > limit) {
                break;
            }
            lines.push(line.encode());
        }
        lines
    }

    fn stored(&self) -> Stored {
        let copy = |entry: &Arc<Entry>| entry.as_ref().clone();
        let mut acts: Vec<Entry> = self.acts.iter().map(copy).collect();
        acts.sort_by_key(|act| (act.hash().0 != self.id.0, act.header().at_ms, act.hash()));
        let ends = |lines: &BTreeMap<u64, Arc<Entry>>| {
            Some((copy(lines.values().next()?), copy(lines.values().next_back()?)))
        };
        Stored {
            wanted: self.wanted,
            copied: false,
            acts,
            forks: self.forks.clone(),
            lines: self.lines.values().filter_map(ends).collect(),
            receipts: self.receipts.clone(),
            floors: self.floors.clone(),
        }
    }
}

impl Memory {
    pub(super) fn kept_rooms(&self) -> Vec<KeptRoom> {
        let kept = |room: &Room| KeptRoom {
            id: room.id,
            address: room.address.clone(),
            stored: room.stored(),
            said: self.said(&room.address),
        };
        self.rooms.iter().map(kept).collect()
    }

    /// Our last lines there.
    fn said(&self, room: &Address) -> Vec<OwnLine> {
        let own = self.lines.iter().filter_map(|entry| match &entry.line {
            Kept::Out { line, delivered } if line.to == *room && !entry.amends() => {
                let (id, stay, seq) = (line.id, entry.stay?, line.seq);
                Some(OwnLine { id, stay, seq, delivered: delivered.is_some() })
            }
            _ => None,
        });
        let mut own: Vec<OwnLine> = own.collect();
        own.drain(..own.len().saturating_sub(OwnLine::MAX));
        own
    }

    /// How many have a line of ours.
    pub(super) fn progress(&self, entry: &Shown) -> Option<Progress> {
        let stay = entry.stay?;
        let Kept::Out { line, .. } = &entry.line else { return None };
        let rooms = self.rooms.iter().filter(|room| room.address == line.to);
        let all = rooms.flat_map(|room| &room.receipts).filter(|((of, _), _)| *of == stay);
        let mut progress = Progress::default();
        for (_, receipt) in all.filter(|(_, receipt)| receipt.first <= line.seq) {
            let has = receipt.last >= line.seq;
            progress.have += usize::from(has);
            progress.of += usize::from(has || !receipt.gone);
        }
        (progress.of > 0).then_some(progress)
    }

    pub(super) fn room(&mut self, request: RoomRequest) -> StoreReply {
        let id = match &request.request {
            Request::Entry { room, .. } | Request::Receipt { room, .. } => *room,
            Request::Lines { room, .. } => *room,
            Request::Fork(room, _) | Request::Wanted(room, _) => *room,
            Request::Renewed(room) | Request::Room(room) => *room,
        };
        if !self.contacts.contains_key(&request.room) {
            return failed(FailureKind::Other, "a room that nobody knows");
        }
        if !self.rooms.iter().any(|room| room.id == id) {
            self.rooms.push(Room::new(id, request.room.clone()));
        }
        let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) else {
            return failed(FailureKind::Other, "no room");
        };
        let answer = match request.request.clone() {
            Request::Entry { entry, begins, .. } => {
                return StoreReply::Room(self.keep(&request, id, entry, begins));
            }
            Request::Fork(_, fork) => {
                room.forks.retain(|known| known.log() != fork.log());
                room.forks.push(*fork);
                Answer::Done
            }
            Request::Receipt { stay, member, receipt, .. } => {
                room.receipts.insert((stay, member), receipt);
                Answer::Done
            }
            Request::Wanted(_, wanted) => {
                room.wanted = wanted;
                Answer::Done
            }
            // Nobody copies what is in memory.
            Request::Renewed(_) => Answer::Done,
            Request::Lines { log, from, to, bytes, .. } => {
                Answer::Lines(room.read_lines(log, (from, to), bytes))
            }
            Request::Room(_) => Answer::Room(Box::new(room.stored())),
        };
        StoreReply::Room(answer.into())
    }

    pub(super) fn room_delivered(
        &mut self,
        room: &Address,
        id: LineId,
        at: Timestamp,
    ) -> StoreReply {
        for entry in &mut self.lines {
            if let Kept::Out { line, delivered } = &mut entry.line
                && line.to == *room
                && line.id == id
            {
                delivered.get_or_insert(at);
            }
        }
        StoreReply::Done
    }

    fn keep(
        &mut self,
        request: &RoomRequest,
        id: RoomId,
        entry: Arc<Entry>,
        begins: bool,
    ) -> RoomReply {
        let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) else {
            return Answer::Failed.into();
        };
        if entry.header().place.is_act() {
            if !room.acts.iter().any(|act| act.hash() == entry.hash()) {
                if matches!(entry.act(), Some(Act::Join { .. })) {
                    room.note_floors(entry.header().log.author);
                }
                room.acts.push(entry);
            }
            return Answer::Done.into();
        }
        let lines = room.lines.entry(entry.header().log).or_default();
        let seq = entry.header().place.seq();
        if !begins && !lines.contains_key(&(seq - 1)) {
            return Answer::Failed.into();
        }
        if lines.contains_key(&seq) {
            return Answer::Done.into();
        }
        lines.insert(seq, Arc::clone(&entry));
        RoomReply { answer: Answer::Done, quote: self.tell(request, id, &entry) }
    }

    fn tell(&mut self, request: &RoomRequest, id: RoomId, entry: &Entry) -> Option<Quote> {
        let Body::Line(line) = entry.body() else { return None };
        let header = entry.header();
        let sent_at = Timestamp(header.at_ms).min(Timestamp::MAX);
        let (with, manner) = (request.room.clone(), line.manner);
        if let Manner::Delete { of } = manner {
            self.erase(id, header.log.author, of);
        }
        let Some(author) = request.author.clone() else {
            let target = match manner {
                Manner::Edit { of } | Manner::Delete { of } => self.own(&with, of),
                _ => manner.target().and_then(|target| self.find_id(&with, target, None)),
            };
            let quote = target.and_then(|index| self.lines.get(index)).map(Shown::quote);
            let line = OutgoingLine {
                to: with,
                seq: header.place.seq(),
                id: line.id,
                sent_at,
                audience: Audience::You,
                text: line.text.clone(),
                manner,
                reference: None,
            };
            let text = line.text.clone();
            let own = Shown::new(Kept::Out { line, delivered: None }, target);
            self.lines.push(Shown { stay: Some(header.log.stay), ..own });
            if let Some(index) = target {
                self.amend(index, manner, &Sender::US, &text, sent_at);
            }
            return quote;
        };
        let received = ReceivedLine {
            from: with,
            author: Some(author),
            peer: header.log.author,
            log: header.log.stay,
            seq: header.place.seq(),
            after: 0,
            id: line.id,
            sent_at,
            received_at: request.at,
            audience: Audience::You,
            text: line.text.clone(),
            manner,
        };
        let new = !self.lines.iter().any(|entry| {
            matches!(&entry.line, Kept::In { line: known, .. } if known.from == received.from && known.id == received.id)
        });
        let quote = self.take(received, new);
        if let Some(Shown { line: Kept::In { shown, .. }, owed, .. }) = self.lines.last_mut()
            && request.hidden
            && new
        {
            *shown = true;
            *owed = false;
        }
        quote
    }

    /// A line of ours.
    fn own(&self, with: &Address, id: LineId) -> Option<usize> {
        let own = |entry: &Shown| {
            entry.direction() == Direction::Out && entry.with() == with && entry.id() == id
        };
        self.lines.iter().position(own)
    }

    fn erase(&mut self, id: RoomId, author: PeerId, of: LineId) {
        let room = self.rooms.iter_mut().filter(|room| room.id == id);
        let logs = room.flat_map(|room| room.lines.iter_mut());
        let theirs = logs.filter(|(log, _)| log.author == author);
        for line in theirs.flat_map(|(_, lines)| lines.values_mut()) {
            if matches!(line.body(), Body::Line(line) if line.id == of) {
                *line = Arc::new(line.as_ref().clone().erased());
            }
        }
    }
}
