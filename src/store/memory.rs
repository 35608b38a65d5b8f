//! A store without a disk.

use std::collections::BTreeMap;

use p2pchat_wire::identity::PeerId;

use crate::chat::storage::{
    Contact, Cursor, DeliveredLine, Direction, FailureKind, HistoryLine, MAX_LOAD_BYTES,
    OutgoingLine, ReceivedLine, Rendezvous, Snapshot, StoreFailure, StoreReply, StoreRequest,
};
use crate::chat::{Address, LineId, Timestamp};
use crate::proto::{IdleLimit, Lesson};

/// Carries out requests in memory, by the same rules as the database.
///
/// What [`handle`](Self::handle) has answered is kept. To simulate a crash, drop the chat and the
/// requests that were not handled yet, and begin again from [`snapshot`](Self::snapshot). A clone
/// is a backup.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    contacts: BTreeMap<Address, Contact>,
    cursors: Vec<Cursor>,
    lines: Vec<Entry>,
    rendezvous: Vec<Rendezvous>,
    lessons: Vec<(PeerId, Lesson)>,
    idle: Vec<IdleLimit>,
    full: bool,
}

#[derive(Clone, Debug)]
enum Entry {
    Out { line: OutgoingLine, delivered: Option<Timestamp> },
    In { line: ReceivedLine, shown: bool },
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on, or not any longer, every change fails for want of room.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Carries out one request.
    pub fn handle(&mut self, request: StoreRequest) -> StoreReply {
        let reads =
            matches!(request, StoreRequest::LoadOutbox { .. } | StoreRequest::History { .. });
        if self.full && !reads {
            return failed(FailureKind::Full, "the disk is full");
        }
        match request {
            StoreRequest::SaveContact(contact) => self.save_contact(contact),
            StoreRequest::Queue(line) => self.queue(line),
            StoreRequest::LoadOutbox { to, after, limit } => self.load(&to, after, limit),
            StoreRequest::Delivered { to, seq, id, at } => self.delivered(&to, seq, id, at),
            StoreRequest::Receive(line) => self.receive(line),
            StoreRequest::Shown(lines) => self.shown(&lines),
            StoreRequest::SaveRendezvous(rendezvous) => {
                self.rendezvous.retain(|known| known.host != rendezvous.host);
                self.rendezvous.push(rendezvous);
                StoreReply::Done
            }
            StoreRequest::SaveLesson(peer, lesson) => {
                let same = |known: &(PeerId, Lesson)| {
                    known.0 == peer && known.1.external == lesson.external
                };
                self.lessons.retain(|known| !same(known));
                self.lessons.push((peer, lesson));
                StoreReply::Done
            }
            StoreRequest::SaveIdle(limit) => {
                self.idle.retain(|known| known.external != limit.external);
                self.idle.push(limit);
                StoreReply::Done
            }
            StoreRequest::History { with, limit } => self.history(with.as_ref(), limit),
        }
    }

    /// What a chat begins with.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut contacts: Vec<Contact> = self.contacts.values().cloned().collect();
        for contact in &mut contacts {
            let waiting = |entry: &&Entry| matches!(entry, Entry::Out { line, delivered: None } if line.to == contact.address);
            contact.waiting = self.lines.iter().filter(waiting).count() as u64;
        }
        let unshown = self.lines.iter().filter_map(|entry| match entry {
            Entry::In { line, shown: false } => Some(line.clone()),
            _ => None,
        });
        let mut rendezvous = self.rendezvous.clone();
        rendezvous.sort_by_key(|known| std::cmp::Reverse(known.used_at));
        let (unshown, cursors) = (unshown.collect(), self.cursors.clone());
        let (lessons, idle) = (self.lessons.clone(), self.idle.clone());
        Snapshot { contacts, cursors, unshown, rendezvous, lessons, idle }
    }

    fn save_contact(&mut self, contact: Contact) -> StoreReply {
        let known = self.contacts.get(&contact.address).map_or(0, |known| known.last_seq);
        let last_seq = known.max(contact.last_seq);
        self.contacts.insert(contact.address.clone(), Contact { last_seq, ..contact });
        StoreReply::Done
    }

    fn queue(&mut self, line: OutgoingLine) -> StoreReply {
        let Some(contact) = self.contacts.get_mut(&line.to) else {
            return failed(FailureKind::Other, "a line to nobody");
        };
        let same = |entry: &Entry| matches!(entry, Entry::Out { line: known, .. } if known.to == line.to && known.id == line.id);
        if self.lines.iter().any(same) {
            return failed(FailureKind::Other, "a line with the same id");
        }
        contact.last_seq = contact.last_seq.max(line.seq);
        self.lines.push(Entry::Out { line, delivered: None });
        StoreReply::Done
    }

    fn load(&self, to: &Address, after: u64, limit: usize) -> StoreReply {
        let undelivered = self.lines.iter().filter_map(|entry| match entry {
            Entry::Out { line, delivered: None } if line.to == *to && line.seq > after => {
                Some(line)
            }
            _ => None,
        });
        let mut undelivered: Vec<&OutgoingLine> = undelivered.collect();
        undelivered.sort_by_key(|line| line.seq);
        let mut bytes = 0;
        let within = |line: &&OutgoingLine| {
            let first = bytes == 0;
            bytes += line.text.len().max(1);
            first || bytes <= MAX_LOAD_BYTES
        };
        let lines = undelivered.into_iter().take(limit).take_while(within);
        StoreReply::Outbox(lines.cloned().collect())
    }

    fn delivered(&mut self, to: &Address, seq: u64, id: LineId, at: Timestamp) -> StoreReply {
        let ours = self.lines.iter().any(|entry| {
            matches!(entry, Entry::Out { line, .. } if line.to == *to && line.seq == seq && line.id == id)
        });
        if !ours {
            return failed(FailureKind::NoSuchLine, "no line of ours has this number and id");
        }
        let mut lines = Vec::new();
        for entry in &mut self.lines {
            if let Entry::Out { line, delivered: delivered @ None } = entry
                && line.to == *to
                && line.seq <= seq
            {
                *delivered = Some(at);
                let (seq, id, reference) = (line.seq, line.id, line.reference.clone());
                lines.push(DeliveredLine { seq, id, reference });
            }
        }
        lines.sort_by_key(|line| line.seq);
        StoreReply::Delivered(lines)
    }

    fn receive(&mut self, line: ReceivedLine) -> StoreReply {
        if !self.contacts.contains_key(&line.from) {
            return failed(FailureKind::Other, "a line from nobody");
        }
        let same = |cursor: &&Cursor| cursor.peer == line.peer && cursor.log == line.log;
        let last = self.cursors.iter().find(same).map_or(0, |cursor| cursor.seq);
        if line.seq <= last {
            return StoreReply::Received { new: false };
        }
        if line.after != last {
            return failed(FailureKind::Gap, "a line before this one is missing");
        }
        self.cursors.retain(|cursor| !same(&cursor));
        self.cursors.push(Cursor { peer: line.peer, log: line.log, seq: line.seq, id: line.id });
        let new = !self.lines.iter().any(|entry| {
            matches!(entry, Entry::In { line: known, .. } if known.from == line.from && known.id == line.id)
        });
        if new {
            self.lines.push(Entry::In { line, shown: false });
        }
        StoreReply::Received { new }
    }

    fn shown(&mut self, lines: &[(Address, LineId)]) -> StoreReply {
        for entry in &mut self.lines {
            if let Entry::In { line, shown } = entry {
                *shown |= lines.iter().any(|(from, id)| line.from == *from && line.id == *id);
            }
        }
        StoreReply::Done
    }

    fn history(&self, with: Option<&Address>, limit: usize) -> StoreReply {
        let lines = self.lines.iter().map(Entry::history);
        let mut lines: Vec<HistoryLine> =
            lines.filter(|line| with.is_none_or(|with| line.with == *with)).collect();
        lines.drain(..lines.len().saturating_sub(limit));
        StoreReply::History(lines)
    }
}

impl Entry {
    fn history(&self) -> HistoryLine {
        match self {
            Self::Out { line, delivered } => HistoryLine {
                with: line.to.clone(),
                id: line.id,
                direction: Direction::Out,
                sent_at: line.sent_at,
                arrived_at: *delivered,
                audience: line.audience,
                text: line.text.clone(),
            },
            Self::In { line, .. } => HistoryLine {
                with: line.from.clone(),
                id: line.id,
                direction: Direction::In,
                sent_at: line.sent_at,
                arrived_at: Some(line.received_at),
                audience: line.audience,
                text: line.text.clone(),
            },
        }
    }
}

fn failed(kind: FailureKind, sentence: &str) -> StoreReply {
    StoreReply::Failed(StoreFailure { kind, sentence: sentence.to_owned() })
}
