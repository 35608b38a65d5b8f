//! A store without a disk.

mod entry;
mod files;
mod owed;
mod page;
mod rooms;
mod standing;

use std::collections::BTreeMap;

use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::PeerId;

use super::lines::Sender;
use super::terms::Query;
use crate::chat::room::Standing;
use crate::chat::storage::{
    Contact, Cursor, DeliveredLine, Direction, FailureKind, MAX_LOAD_BYTES, MAX_READ, OutgoingLine,
    Pick, Place, Quote, Reaction, ReadUpTo, ReceivedLine, Rendezvous, ShownLines, Snapshot,
    StoreFailure, StoreReply, StoreRequest, UnshownLine,
};
use crate::chat::{Address, KeptFile, LineId, Manner, Request, Timestamp};
use crate::proto::{AgeLimit, IdleLimit, Lesson};

/// Unshown lines that a chat begins with.
const UNSHOWN: usize = 256;

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
    drafts: BTreeMap<Address, String>,
    settings: BTreeMap<String, String>,
    ages: Vec<AgeLimit>,
    requests: Vec<Request>,
    rooms: Vec<rooms::Room>,
    secrets: Vec<(PeerId, SharedSecret)>,
    /// What became of the files that lines offer.
    files: Vec<KeptFile>,
    /// A script has asked for lines.
    receiving: bool,
    full: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    line: Kept,
    /// The line that it is about, by its place.
    about: Option<usize>,
    edited_at: Option<Timestamp>,
    deleted: bool,
    read: bool,
    owed: bool,
    /// Whose (in a room), and how.
    reactions: Vec<(Option<PeerId>, Reaction)>,
    standing: Standing,
    /// Of ours in a room: in which stay.
    stay: Option<u64>,
}

#[derive(Clone, Debug)]
enum Kept {
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
        let reads = matches!(
            request,
            StoreRequest::LoadOutbox { .. }
                | StoreRequest::History { .. }
                | StoreRequest::Page { .. }
                | StoreRequest::Search { .. }
                | StoreRequest::LoadUnshown { .. }
                | StoreRequest::Find { .. }
        ) || rooms::reads(&request);
        if self.full && !reads {
            return failed(FailureKind::Full, "the disk is full");
        }
        match request {
            StoreRequest::SaveContact(contact) => self.save_contact(contact),
            StoreRequest::Queue(line) => self.queue(line, None),
            StoreRequest::QueueOffer { line, file } => match self.queue(line, None) {
                StoreReply::Done => self.save_file(*file),
                refused => refused,
            },
            StoreRequest::QueueAbout { line, pick } => self.queue_about(line, pick),
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
            StoreRequest::SaveAge(limit) => {
                self.ages.retain(|known| known.external != limit.external);
                self.ages.push(limit);
                StoreReply::Done
            }
            StoreRequest::RemoveContact(address) => {
                self.contacts.remove(&address);
                self.drafts.remove(&address);
                let waited = self.undelivered(&address);
                let keep: Vec<bool> =
                    self.lines.iter().map(|entry| *entry.with() != address).collect();
                let place = |about: usize| {
                    keep[about].then(|| keep[..about].iter().filter(|keep| **keep).count())
                };
                self.lines.iter_mut().for_each(|entry| entry.about = entry.about.and_then(place));
                let mut keep = keep.iter();
                self.lines.retain(|_| keep.next().is_some_and(|keep| *keep));
                StoreReply::Removed(waited)
            }
            StoreRequest::SaveSecret(peer, secret) => {
                self.secrets.retain(|(known, _)| *known != peer);
                self.secrets.push((peer, secret));
                StoreReply::Done
            }
            StoreRequest::History { with, limit } => {
                let (mut lines, _) = self.page(with.as_ref(), None, limit);
                lines.reverse();
                StoreReply::History(lines)
            }
            StoreRequest::Page { with, before, limit } => {
                let (mut lines, end) = self.page(Some(&with), before, limit);
                lines.reverse();
                StoreReply::Page { lines, end }
            }
            StoreRequest::Read { to, seq, id, at: _ } => self.read(&to, seq, id),
            StoreRequest::LoadUnshown { after, limit } => {
                StoreReply::Unshown(self.unshown(after, limit, |_| true))
            }
            StoreRequest::LoadOwed { after, limit } => self.load_owed(after, limit),
            StoreRequest::Taken { from, id } => self.taken(&from, id),
            StoreRequest::Search { with, text, limit } => {
                let (mut lines, _) = self.page(with.as_ref(), None, usize::MAX);
                let query = Query::new(&text);
                lines.retain(|line| query.matches(&line.text));
                lines.truncate(limit);
                StoreReply::History(lines)
            }
            StoreRequest::SaveDraft { with, text } => {
                if !self.contacts.contains_key(&with) {
                    return failed(FailureKind::Other, "a draft to nobody");
                }
                self.drafts.remove(&with);
                if !text.is_empty() {
                    self.drafts.insert(with, text);
                }
                StoreReply::Done
            }
            StoreRequest::ForgetRequest(address) => {
                self.requests.retain(|one| one.address != address);
                StoreReply::Done
            }
            StoreRequest::SaveRequest(request) => {
                self.requests.retain(|one| one.address != request.address);
                self.requests.push(request);
                StoreReply::Done
            }
            StoreRequest::Room(request) => self.room(request),
            StoreRequest::RoomDelivered { room, id, at } => self.room_delivered(&room, id, at),
            StoreRequest::Find { with, pick, changes } => match self.picked(&with, pick, changes) {
                Ok((_, id, quote)) => StoreReply::About { id, quote },
                Err(failure) => failure,
            },
            StoreRequest::RoomStanding { room, id, counted } => self.stand(&room, id, &counted),
            StoreRequest::SaveFile(file) => self.save_file(*file),
            StoreRequest::SaveSetting { name, value } => {
                self.settings.insert(name, value);
                StoreReply::Done
            }
        }
    }

    /// What a chat begins with.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut contacts: Vec<Contact> = self.contacts.values().cloned().collect();
        for contact in &mut contacts {
            let waiting = |entry: &&Entry| matches!(&entry.line, Kept::Out { line, delivered: None } if line.to == contact.address);
            let waits = !contact.address.is_room;
            contact.waiting =
                if waits { self.lines.iter().filter(waiting).count() as u64 } else { 0 };
            let unread = |entry: &&Entry| matches!(&entry.line, Kept::In { line, shown: false } if line.from == contact.address && !entry.amends());
            contact.unread = self.lines.iter().filter(unread).count() as u64;
        }
        let mut rendezvous = self.rendezvous.clone();
        rendezvous.sort_by_key(|known| std::cmp::Reverse(known.used_at));
        Snapshot {
            contacts,
            cursors: self.cursors.clone(),
            unshown: self.unshown(Place(0), UNSHOWN, |_| true),
            strays: self.unshown(Place(0), UNSHOWN, UnshownLine::is_stray),
            rendezvous,
            lessons: self.lessons.clone(),
            idle: self.idle.clone(),
            drafts: self.drafts.clone().into_iter().collect(),
            settings: self.settings.clone().into_iter().collect(),
            ages: self.ages.clone(),
            requests: self.requests.clone(),
            rooms: self.kept_rooms(),
            secrets: self.secrets.clone(),
            files: self.kept_files(),
        }
    }

    fn save_contact(&mut self, contact: Contact) -> StoreReply {
        let known = self.contacts.get(&contact.address).map_or(0, |known| known.last_seq);
        let last_seq = known.max(contact.last_seq);
        self.contacts
            .insert(contact.address.clone(), Contact { last_seq, is_new: false, ..contact });
        StoreReply::Done
    }

    fn queue(&mut self, line: OutgoingLine, about: Option<usize>) -> StoreReply {
        let Some(contact) = self.contacts.get_mut(&line.to) else {
            return failed(FailureKind::Other, "a line to nobody");
        };
        let same = |entry: &Entry| matches!(&entry.line, Kept::Out { line: known, .. } if known.to == line.to && known.id == line.id);
        if self.lines.iter().any(same) {
            return failed(FailureKind::Other, "a line with the same id");
        }
        contact.last_seq = contact.last_seq.max(line.seq);
        self.lines.push(Entry::new(Kept::Out { line, delivered: None }, about));
        StoreReply::Done
    }

    fn queue_about(&mut self, mut line: OutgoingLine, pick: Pick) -> StoreReply {
        if !self.contacts.contains_key(&line.to) {
            return failed(FailureKind::Other, "a line to nobody");
        }
        let changes = matches!(line.manner, Manner::Edit { .. } | Manner::Delete { .. });
        let (index, id, quote) = match self.picked(&line.to, pick, changes) {
            Ok(target) => target,
            Err(failure) => return failure,
        };
        line.manner = line.manner.about(id);
        let (manner, text, at, to) =
            (line.manner, line.text.clone(), line.sent_at, line.to.clone());
        let reply = self.queue(line, Some(index));
        if reply != StoreReply::Done {
            return reply;
        }
        if let Manner::Delete { .. } = manner {
            for entry in &mut self.lines {
                if let Kept::Out { line, delivered: None } = &mut entry.line
                    && line.to == to
                    && line.manner == (Manner::Edit { of: id })
                {
                    line.manner = manner;
                    line.text.clear();
                }
            }
        }
        self.amend(index, manner, &Sender::US, &text, at);
        StoreReply::About { id, quote }
    }

    /// The place of the line that is meant.
    fn find(&self, with: &Address, pick: Pick) -> Option<usize> {
        let mut back = self
            .lines
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, entry)| entry.with() == with && !entry.amends());
        let found = match pick {
            Pick::Id(id) => return self.find_id(with, id, None),
            Pick::Back(number) => back.nth(number.checked_sub(1)? as usize),
            Pick::Last(by) => back.find(|(_, entry)| entry.direction() == by && !entry.deleted),
        };
        found.map(|(index, _)| index)
    }

    fn picked(
        &self,
        with: &Address,
        pick: Pick,
        changes: bool,
    ) -> Result<(usize, LineId, Quote), StoreReply> {
        let index = self.find(with, pick);
        let target = index.and_then(|index| Some((index, self.lines.get(index)?)));
        let Some((index, target)) = target else {
            return Err(failed(FailureKind::NoSuchLine, "there is no such line"));
        };
        let quote = target.quote();
        if changes && quote.by == Direction::In {
            return Err(failed(FailureKind::NotOurs, "somebody else's line"));
        }
        if quote.text.is_none() {
            return Err(failed(FailureKind::Deleted, "a deleted line"));
        }
        Ok((index, target.id(), quote))
    }

    fn find_id(&self, with: &Address, id: LineId, sender: Option<PeerId>) -> Option<usize> {
        let fits = |entry: &Entry| {
            let sent = match &entry.line {
                Kept::Out { .. } => sender.is_none(),
                Kept::In { line, .. } => sender.is_none_or(|key| line.peer == key),
            };
            sent && entry.with() == with && entry.id() == id && !entry.amends()
        };
        let found = self.lines.iter().enumerate().filter(|(_, entry)| fits(entry));
        found.min_by_key(|(_, entry)| entry.direction()).map(|(index, _)| index)
    }

    fn amend(&mut self, index: usize, manner: Manner, by: &Sender, text: &str, at: Timestamp) {
        let counts = |target: &&mut Entry| !target.deleted && target.standing == Standing::Counts;
        let Some(target) = self.lines.get_mut(index).filter(counts) else { return };
        match manner {
            Manner::Text
            | Manner::Action
            | Manner::Reply { .. }
            | Manner::Offer { .. }
            | Manner::OfferFolder { .. } => {}
            Manner::Edit { .. } => {
                text.clone_into(target.text_mut());
                target.edited_at = Some(at);
            }
            Manner::Delete { .. } => {
                target.text_mut().clear();
                target.deleted = true;
                target.owed = false;
                target.edited_at = None;
                target.reactions.clear();
            }
            Manner::React { .. } => target.react(by, text),
        }
    }

    fn load(&self, to: &Address, after: u64, limit: usize) -> StoreReply {
        let undelivered = self.lines.iter().filter_map(|entry| match &entry.line {
            Kept::Out { line, delivered: None } if line.to == *to && line.seq > after => {
                let deleted = Manner::Delete { of: line.id };
                let manner = if entry.deleted { deleted } else { line.manner };
                Some(OutgoingLine { manner, ..line.clone() })
            }
            _ => None,
        });
        let mut undelivered: Vec<OutgoingLine> = undelivered.collect();
        undelivered.sort_by_key(|line| line.seq);
        let mut bytes = 0;
        let within = |line: &OutgoingLine| {
            let first = bytes == 0;
            bytes += line.text.len().max(1);
            first || bytes <= MAX_LOAD_BYTES
        };
        let lines = undelivered.into_iter().take(limit).take_while(within);
        StoreReply::Outbox(lines.collect())
    }

    fn is_ours(&self, to: &Address, seq: u64, id: LineId) -> bool {
        self.lines.iter().any(|entry| {
            matches!(&entry.line, Kept::Out { line, .. } if line.to == *to && line.seq == seq && line.id == id)
        })
    }

    fn read(&mut self, to: &Address, seq: u64, id: LineId) -> StoreReply {
        if !self.is_ours(to, seq, id) {
            return failed(FailureKind::NoSuchLine, "no line of ours has this number and id");
        }
        let mut lines = Vec::new();
        for entry in self.lines.iter_mut().filter(|entry| !entry.read && !entry.amends()) {
            if let Kept::Out { line, .. } = &entry.line
                && line.to == *to
                && line.seq <= seq
            {
                let (seq, id, reference) = (line.seq, line.id, line.reference.clone());
                lines.push(DeliveredLine { seq, id, reference });
                entry.read = true;
            }
        }
        lines.sort_by_key(|line| line.seq);
        lines.drain(..lines.len().saturating_sub(MAX_READ));
        StoreReply::Read(lines)
    }

    fn delivered(&mut self, to: &Address, seq: u64, id: LineId, at: Timestamp) -> StoreReply {
        if !self.is_ours(to, seq, id) {
            return failed(FailureKind::NoSuchLine, "no line of ours has this number and id");
        }
        let mut lines = Vec::new();
        for entry in &mut self.lines {
            if let Kept::Out { line, delivered: delivered @ None } = &mut entry.line
                && line.to == *to
                && line.seq <= seq
            {
                *delivered = Some(at);
                if line.manner.amends() {
                    line.text.clear();
                }
                let (seq, id, reference) = (line.seq, line.id, line.reference.clone());
                lines.push(DeliveredLine { seq, id, reference });
            }
        }
        lines.sort_by_key(|line| line.seq);
        StoreReply::Delivered(lines)
    }

    /// Our lines that wait, the oldest first.
    fn undelivered(&self, to: &Address) -> Vec<DeliveredLine> {
        let waiting = self.lines.iter().filter_map(|entry| match &entry.line {
            Kept::Out { line, delivered: None } if line.to == *to => {
                let (seq, id, reference) = (line.seq, line.id, line.reference.clone());
                Some(DeliveredLine { seq, id, reference })
            }
            _ => None,
        });
        let mut waiting: Vec<DeliveredLine> = waiting.collect();
        waiting.sort_by_key(|line| line.seq);
        waiting
    }

    fn receive(&mut self, line: ReceivedLine) -> StoreReply {
        if !self.contacts.contains_key(&line.from) {
            return failed(FailureKind::Other, "a line from nobody");
        }
        let same = |cursor: &&Cursor| cursor.peer == line.peer && cursor.log == line.log;
        let last = self.cursors.iter().find(same).map_or(0, |cursor| cursor.seq);
        if line.seq <= last {
            return StoreReply::Received { new: false, quote: None };
        }
        if line.after != last {
            return failed(FailureKind::Gap, "a line before this one is missing");
        }
        self.cursors.retain(|cursor| !same(&cursor));
        self.cursors.push(Cursor { peer: line.peer, log: line.log, seq: line.seq, id: line.id });
        let new = !self.lines.iter().any(|entry| {
            matches!(&entry.line, Kept::In { line: known, .. } if known.from == line.from && known.id == line.id)
        });
        let quote = self.take(line, new);
        StoreReply::Received { new, quote }
    }

    fn take(&mut self, mut line: ReceivedLine, new: bool) -> Option<Quote> {
        if line.manner == (Manner::Delete { of: line.id }) {
            line.manner = Manner::Text;
            if new {
                let entry = Entry::new(Kept::In { line, shown: true }, None);
                self.lines.push(Entry { deleted: true, ..entry });
            }
            return None;
        }
        let target = match line.manner {
            Manner::Text | Manner::Action | Manner::Offer { .. } | Manner::OfferFolder { .. } => {
                None
            }
            Manner::Reply { to } | Manner::React { to } => self.find_id(&line.from, to, None),
            Manner::Edit { of } | Manner::Delete { of } => {
                self.find_id(&line.from, of, Some(line.peer))
            }
        };
        let quote = target.and_then(|index| self.lines.get(index)).map(Entry::quote);
        if new {
            let (manner, text, at) = (line.manner, line.text.clone(), line.sent_at);
            let member = line.author.clone().map(|author| (line.peer, author));
            let sender = Sender { by: Direction::In, member };
            if target.is_some() && matches!(manner, Manner::Edit { .. }) {
                line.text.clear();
            }
            let shown = manner.amends() && quote.as_ref().is_some_and(|it| it.text.is_none());
            let owed = self.receiving && !manner.amends();
            self.lines.push(Entry { owed, ..Entry::new(Kept::In { line, shown }, target) });
            if let Some(index) = target {
                self.amend(index, manner, &sender, &text, at);
            }
        }
        quote
    }

    fn shown(&mut self, lines: &[(Address, LineId)]) -> StoreReply {
        let mut seen = Vec::new();
        for (from, id) in lines {
            let is = |entry: &Entry| matches!(&entry.line, Kept::In { line, .. } if line.from == *from && line.id == *id);
            let Some(last) = self.lines.iter().position(is) else { continue };
            let mut count = 0;
            for entry in self.lines.iter_mut().take(last + 1) {
                let amends = entry.amends();
                if let Kept::In { line, shown: shown @ false } = &mut entry.line
                    && line.from == *from
                {
                    *shown = true;
                    if amends {
                        line.text.clear();
                    } else {
                        count += 1;
                    }
                }
            }
            if let Some(Kept::In { line, .. }) = self.lines.get(last).map(|entry| &entry.line)
                && count > 0
            {
                let (peer, log, seq) = (line.peer, line.log, line.seq);
                let last = ReadUpTo { peer, log, seq, id: *id };
                seen.push(ShownLines { from: from.clone(), count, last });
            }
        }
        StoreReply::Shown(seen)
    }

    fn unshown(
        &self,
        after: Place,
        limit: usize,
        fits: impl Fn(&UnshownLine) -> bool,
    ) -> Vec<UnshownLine> {
        let unshown = |entry: &Entry| matches!(entry.line, Kept::In { shown: false, .. });
        self.to_tell(after, limit, unshown, fits)
    }

    /// Lines of others that can be told, behind a place, as many as fit.
    fn to_tell(
        &self,
        after: Place,
        limit: usize,
        wanted: impl Fn(&Entry) -> bool,
        fits: impl Fn(&UnshownLine) -> bool,
    ) -> Vec<UnshownLine> {
        let mut bytes = 0;
        let within = |unshown: &UnshownLine| {
            let first = bytes == 0;
            bytes += unshown.line.text.len().max(1);
            first || bytes <= MAX_LOAD_BYTES
        };
        let places =
            self.lines.iter().zip(1..).skip(usize::try_from(after.0).unwrap_or(usize::MAX));
        let wanted = places.filter(|(entry, _)| wanted(entry));
        let told = wanted.filter_map(|(entry, place)| self.line_to_tell(entry, Place(place)));
        told.filter(fits).take(limit).take_while(within).collect()
    }

    fn line_to_tell(&self, entry: &Entry, place: Place) -> Option<UnshownLine> {
        let Kept::In { line, .. } = &entry.line else { return None };
        let about = entry.about.and_then(|index| self.lines.get(index));
        let mut line = ReceivedLine { after: 0, ..line.clone() };
        if let (Manner::Edit { .. }, Some(target)) = (line.manner, about) {
            target.text().clone_into(&mut line.text);
        }
        let gone = matches!(line.manner, Manner::Edit { .. } | Manner::React { .. })
            && about.is_some_and(|it| it.deleted);
        (!gone && !entry.deleted && entry.standing == Standing::Counts).then(|| UnshownLine {
            place,
            line,
            quote: about.map(Entry::quote),
        })
    }
}

fn failed(kind: FailureKind, cause: &str) -> StoreReply {
    let (place, cause) = ("memory".to_owned(), cause.to_owned());
    StoreReply::Failed(StoreFailure { kind, place, cause })
}
