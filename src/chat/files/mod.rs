//! Files that people give each other.
//!
//! A file is *offered* by a line of the conversation ([`Manner::Offer`](crate::chat::Manner)): so an offer is
//! kept, delivered and shown as lines are. Whoever gets it may *accept* it. Then its receiver says which
//! blocks it wants ([`record`]), now and again in each session that follows, and who offers brings these in
//! a stream (`parcel`). Each block is checked and on disk before it counts, so whatever ends a session or a
//! program, the next one goes on where it was.
//!
//! A folder goes as a file does: [`folder`] says which bytes stand for it.
//!
//! [`disk`] is what chat and disk say to each other about files, [`name`] what a file may be called that a
//! stranger has named, [`news`] what people are told, `kept` what is on disk of each. `sending` and `receiving` are the two ends, `asked` is
//! what people want of them, `taking` is for scripts that wait for one, `rule` what becomes of them before anybody has looked, `pace` how fast it goes.

mod asked;
pub mod disk;
pub mod folder;
mod kept;
pub mod name;
pub mod news;
mod pace;
mod parcel;
mod receiving;
pub mod record;
mod rule;
mod sending;
mod taking;

use std::collections::BTreeMap;

use p2pchat_wire::identity::PeerId;

pub(super) use asked::{FileCommand, Which};
pub use kept::{FileState, KeptFile};
pub use name::FileName;
pub use news::{FileNews, Stage};
pub use pace::Motion;
pub use rule::FileRule;

use self::disk::{Content, DiskAnswer, DiskRequest, Hash, OfferId};
use self::pace::Pace;
use self::receiving::{Receiving, Streams};
use self::record::{FileRecord, FileSays};
use self::sending::Sending;
pub(super) use self::taking::Taking;
use super::face::FaceId;
use super::record::Record;
use super::storage::{Direction, StoreRequest};
use super::{Address, Asked, Chat, Effect, LineId, Notice, OutgoingLine, ReceivedLine};
use crate::proto::{StreamCommand, StreamEvent};

/// Why somebody waits for a path to be looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// To offer the file.
    Offer {
        /// To whom.
        to: Address,
        /// What a program calls the offer.
        reference: Option<String>,
    },
    /// To put a file there that was offered.
    Accept(OfferId),
}

/// A file on its way, or to be.
#[derive(Debug)]
struct Transfer {
    kept: KeptFile,
    /// How people call it in this run. One that had ended before has none.
    number: u32,
    work: Work,
    /// The disk was asked to let go of it so often and has not said that it has: what it says until then is
    /// of no interest.
    closing: u32,
    pace: Pace,
    /// How many bytes are where they belong, as far as known.
    done: u64,
    /// Why it does not move, if it could.
    stalled: Option<disk::DiskProblem>,
    /// Somebody has accepted it again after there was no room for it.
    insists: bool,
    /// Somebody has accepted it, and that is on its way to disk.
    accepting: bool,
    /// Who has offered it in this run, and what it calls the offer.
    author: Option<(FaceId, Option<String>)>,
}

/// What is being done for a transfer.
#[derive(Debug, Default)]
enum Work {
    #[default]
    Nothing,
    /// The disk hashes it, so that it can be offered.
    Examining,
    Sending(Sending),
    Receiving(Receiving),
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Files {
    list: BTreeMap<OfferId, Transfer>,
    /// Numbers that were given out, of transfers and of our streams.
    numbers: u32,
    streams: u64,
    /// From whom something may come, and of what.
    incoming: Streams,
    /// Whose programs know files, and whether folders, too.
    able: BTreeMap<PeerId, bool>,
}

impl Transfer {
    fn new(kept: KeptFile) -> Self {
        Self {
            kept,
            number: 0,
            work: Work::Nothing,
            closing: 0,
            pace: Pace::default(),
            done: 0,
            stalled: None,
            insists: false,
            accepting: false,
            author: None,
        }
    }

    fn is_ours(&self) -> bool {
        self.kept.by == Direction::Out
    }

    fn news(&self, stage: Stage) -> FileNews {
        FileNews {
            with: self.kept.with.clone(),
            id: self.kept.id,
            number: self.number,
            by: self.kept.by,
            name: self.kept.name.clone(),
            size: self.kept.size,
            content: self.kept.content,
            reference: None,
            stage,
        }
    }

    /// How it stands.
    fn stage(&self) -> Stage {
        match (self.kept.state, &self.work, &self.stalled) {
            (FileState::Done, ..) => Stage::Done { path: self.kept.path.clone() },
            (FileState::Declined, ..) => Stage::Declined,
            (FileState::Withdrawn, ..) => Stage::Withdrawn(record::Why::Person),
            (_, Work::Examining, _) => Stage::Examining { done: self.done },
            (_, Work::Sending(_) | Work::Receiving(_), _) => {
                Stage::Moving(self.pace.motion(self.done, self.kept.size))
            }
            (_, Work::Nothing, Some(problem)) => Stage::Stalled(problem.clone()),
            (FileState::Offered, ..) => Stage::Offered,
            (FileState::Accepted, ..) => Stage::Accepted,
        }
    }
}

impl Files {
    /// What the last run has left.
    pub(super) fn new(kept: Vec<KeptFile>) -> Self {
        let mut files = Self::default();
        for kept in kept {
            files.add(kept);
        }
        files
    }

    fn add(&mut self, kept: KeptFile) -> OfferId {
        let offer = identify(&kept.with, kept.by, kept.id);
        let mut transfer = Transfer::new(kept);
        if !transfer.kept.state.is_end() {
            self.numbers += 1;
            transfer.number = self.numbers;
        }
        self.list.insert(offer, transfer);
        offer
    }

    /// Whether a file is being looked at that this face wants to offer.
    pub(super) fn is_examining(&self, face: FaceId) -> bool {
        let examining = |one: &Transfer| {
            matches!(one.work, Work::Examining)
                && one.author.as_ref().is_some_and(|(author, _)| *author == face)
        };
        self.list.values().any(examining)
    }

    /// What has become of it.
    pub(super) fn state(&self, offer: OfferId) -> Option<FileState> {
        self.list.get(&offer).map(|one| one.kept.state)
    }
}

/// How a transfer is called on this computer, always the same. Whoever offers has chosen the line's id, but
/// cannot make it another transfer's.
fn identify(with: &Address, by: Direction, id: LineId) -> OfferId {
    let mut hasher =
        blake3::Hasher::new_derive_key("p2pchat 2026 the name of a transfer on this computer");
    hasher.update(&[u8::from(by == Direction::In)]).update(&id.0);
    hasher.update(with.to_string().as_bytes());
    let mut name = [0; 16];
    hasher.finalize_xof().fill(&mut name);
    OfferId(name)
}

impl Chat {
    /// The disk has done something with a file.
    pub(super) fn disk(&mut self, answer: DiskAnswer) {
        let offer = answer.offer();
        let Some(transfer) = self.files.list.get_mut(&offer) else { return };
        if transfer.closing > 0 {
            if let DiskAnswer::Closed { .. } = answer {
                transfer.closing -= 1;
            }
            return;
        }
        match answer {
            DiskAnswer::Progress { done, total, .. } => self.hashed(offer, done, total),
            DiskAnswer::Examined { size, root, content, skipped, .. } => {
                self.examined(offer, size, root, content, skipped);
            }
            DiskAnswer::Served { list, .. } => self.served(offer, list),
            DiskAnswer::Block { block, data, .. } => self.block_read(offer, block, data),
            DiskAnswer::Begun { missing, list, .. } => self.begun(offer, &missing, list),
            DiskAnswer::Listed { .. } | DiskAnswer::Closed { .. } => {}
            DiskAnswer::Written { block, .. } => self.block_written(offer, block),
            DiskAnswer::Finished { path, .. } => {
                self.finished(offer, path.to_string_lossy().into_owned());
            }
            DiskAnswer::Failed { why, .. } if self.is_ours(offer) => self.not_served(offer, why),
            DiskAnswer::Failed { why, .. } => self.not_received(offer, why),
        }
    }

    fn is_ours(&self, offer: OfferId) -> bool {
        self.files.list.get(&offer).is_some_and(Transfer::is_ours)
    }

    /// Something has happened to a stream.
    pub(super) fn stream(&mut self, peer: PeerId, event: StreamEvent) {
        match event {
            StreamEvent::Writable { stream, more } => self.writable(stream, more),
            // That the file has arrived is said when it is on disk.
            StreamEvent::Finished(_) => {}
            StreamEvent::Stopped { stream, .. } => self.stream_stopped(stream),
            StreamEvent::Opened(stream) => self.stream_opened(peer, stream),
            StreamEvent::Data { stream, data, last } => self.stream_data(peer, stream, &data, last),
            StreamEvent::Reset { stream, .. } => self.stream_ended(peer, stream),
        }
    }

    /// Somebody says something about a file.
    pub(super) fn file_record(&mut self, peer: PeerId, address: &Address, record: FileRecord) {
        let FileRecord { offer: id, says } = record;
        let by = match says {
            FileSays::Want { .. } | FileSays::Received | FileSays::Declined => Direction::Out,
            FileSays::Stands | FileSays::Withdrawn(_) => Direction::In,
        };
        let offer = self.transfer(peer, address, by, id);
        match (says, offer) {
            (FileSays::Want { list, blocks }, Some(offer)) => {
                self.wanted(peer, offer, list, blocks);
            }
            (FileSays::Want { .. }, None) => {
                self.say_of_file(peer, id, FileSays::Withdrawn(record::Why::Gone));
            }
            (FileSays::Stands, Some(offer)) => self.offer_stands(peer, offer),
            (FileSays::Stands, None) => self.say_of_file(peer, id, FileSays::Declined),
            (FileSays::Received, Some(offer)) => self.end(offer, FileState::Done, None),
            (FileSays::Declined, Some(offer)) => self.end(offer, FileState::Declined, None),
            (FileSays::Withdrawn(why), Some(offer)) => {
                self.end(offer, FileState::Withdrawn, Some(why));
            }
            (FileSays::Received | FileSays::Declined | FileSays::Withdrawn(_), None) => {}
        }
    }

    /// Which transfer a peer means: one in this conversation, or under another name of the same key.
    fn transfer(
        &self,
        peer: PeerId,
        address: &Address,
        by: Direction,
        id: LineId,
    ) -> Option<OfferId> {
        let here = identify(address, by, id);
        if self.files.list.contains_key(&here) {
            return Some(here);
        }
        let is = |one: &Transfer| {
            one.kept.by == by && one.kept.id == id && self.key_of(&one.kept.with) == Some(peer)
        };
        self.files.list.iter().find(|(_, one)| is(one)).map(|(offer, _)| *offer)
    }

    fn key_of(&self, address: &Address) -> Option<PeerId> {
        self.conversations.get(address)?.contact.key
    }

    /// With whom a transfer can go on now.
    fn partner(&self, offer: OfferId) -> Option<PeerId> {
        let with = &self.files.list.get(&offer)?.kept.with;
        let peer = self.key_of(with)?;
        let address = self.sessions.get(&peer)?;
        let may = self.conversations.get(address)?.may_send();
        let folders = *self.files.able.get(&peer)?;
        let knows = folders || self.files.list.get(&offer)?.kept.content == Content::File;
        (may && knows).then_some(peer)
    }

    fn say_of_file(&mut self, peer: PeerId, id: LineId, says: FileSays) {
        self.say(peer, &Record::File(FileRecord { offer: id, says }));
    }

    fn have_disk(&mut self, request: DiskRequest) {
        if let DiskRequest::Close { offer } | DiskRequest::Forget { offer, .. } = &request
            && let Some(transfer) = self.files.list.get_mut(offer)
        {
            transfer.closing += 1;
        }
        self.effects.push_back(Effect::Disk(request));
    }

    fn use_stream(&mut self, peer: PeerId, command: StreamCommand) {
        self.command(crate::proto::Command::Stream(peer, command));
    }

    /// The peer's program has said whether it knows files, and folders.
    pub(super) fn knows_files(
        &mut self,
        peer: PeerId,
        address: &Address,
        files: bool,
        folders: bool,
    ) {
        if files {
            self.files.able.insert(peer, folders);
        } else {
            self.files.able.remove(&peer);
        }
        let ours =
            |one: &Transfer| one.is_ours() && one.kept.with == *address && !one.kept.state.is_end();
        let is_folder = |one: &Transfer| one.kept.content != Content::File;
        if !files && self.files.list.values().any(ours) {
            self.show(Notice::NoFiles(address.clone()));
        } else if !folders && self.files.list.values().any(|one| ours(one) && is_folder(one)) {
            self.show(Notice::NoFolders(address.clone()));
        }
        if files {
            self.go_on_with_files(address);
        }
    }

    /// There is a session in which files can be spoken of: each side says what it has to say of those that
    /// have not ended.
    pub(super) fn go_on_with_files(&mut self, address: &Address) {
        let Some(key) = self.key_of(address) else { return };
        let offers: Vec<OfferId> = self.files.list.keys().copied().collect();
        for offer in offers {
            let Some(one) = self.files.list.get_mut(&offer) else { continue };
            if one.kept.state.is_end() {
                continue;
            }
            let (ours, id, delivered) = (one.is_ours(), one.kept.id, one.kept.delivered);
            if self.partner(offer) != Some(key) {
                continue;
            }
            if ours && delivered {
                self.say_of_file(key, id, FileSays::Stands);
            } else if !ours {
                self.begin_receiving(offer);
            }
        }
    }

    /// There is no session any more.
    pub(super) fn files_stop(&mut self, peer: PeerId) {
        self.files.able.remove(&peer);
        self.files.incoming.forget(peer);
        let of = |one: &Transfer| self.key_of(&one.kept.with) == Some(peer);
        let working: Vec<OfferId> =
            self.files.list.iter().filter(|(_, one)| of(one)).map(|(offer, _)| *offer).collect();
        for offer in working {
            self.rest(offer);
        }
    }

    /// Lets go of what is being done for a transfer. It can go on later.
    fn rest(&mut self, offer: OfferId) {
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        match std::mem::take(&mut one.work) {
            // It may go on with reading where it is, and the disk remembers the list.
            Work::Nothing | Work::Sending(_) => {}
            Work::Examining => one.work = Work::Examining,
            Work::Receiving(_) => self.have_disk(DiskRequest::Close { offer }),
        }
    }

    /// Nothing more comes of a transfer, as the other side has said or the person wants.
    fn end(&mut self, offer: OfferId, state: FileState, why: Option<record::Why>) {
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        if one.kept.state.is_end() {
            return;
        }
        let accepted = one.kept.state == FileState::Accepted;
        one.kept.state = state;
        one.stalled = None;
        let (ours, folder) = (one.is_ours(), one.kept.folder.clone());
        let path = one.kept.path.clone().map(Into::into);
        self.leave_streams(offer);
        if ours {
            self.rest(offer);
            self.have_disk(DiskRequest::Forget { offer, path });
        } else if let (true, Some(folder)) = (accepted, folder) {
            if let Some(one) = self.files.list.get_mut(&offer) {
                one.work = Work::Nothing;
            }
            // What has come of it is of no use.
            self.have_disk(DiskRequest::Discard { offer, folder: folder.into() });
        }
        self.save_file(offer);
        let stage = match state {
            FileState::Withdrawn => Stage::Withdrawn(why.unwrap_or(record::Why::Person)),
            FileState::Declined => Stage::Declined,
            FileState::Offered | FileState::Accepted | FileState::Done => {
                Stage::Done { path: None }
            }
        };
        self.tell_of_file(offer, stage);
        self.send_next();
    }

    /// Gives up the streams of a transfer.
    fn leave_streams(&mut self, offer: OfferId) {
        let mut commands = self.files.incoming.give_up(offer);
        if let Some(Work::Sending(sending)) =
            self.files.list.get_mut(&offer).map(|one| &mut one.work)
        {
            commands.extend(sending.give_up());
        }
        for (peer, command) in commands {
            self.use_stream(peer, command);
        }
    }

    fn save_file(&mut self, offer: OfferId) {
        self.save_file_as(offer, Asked::File(offer));
    }

    fn save_file_as(&mut self, offer: OfferId, asked: Asked) {
        if let Some(one) = self.files.list.get(&offer) {
            self.ask(StoreRequest::SaveFile(Box::new(one.kept.clone())), asked);
        }
    }

    /// What the last [`save_file`](Self::save_file) said is on disk.
    pub(super) fn file_saved(&mut self, offer: OfferId) {
        let Some(one) = self.files.list.get(&offer) else { return };
        if let (FileState::Done, Direction::In) = (one.kept.state, one.kept.by) {
            let (id, folder) = (one.kept.id, one.kept.folder.clone());
            if let Some(peer) = self.partner(offer) {
                self.say_of_file(peer, id, FileSays::Received);
            }
            if let Some(folder) = folder {
                // Notes are left, for the case that it had not been written down that the file is here.
                self.have_disk(DiskRequest::Discard { offer, folder: folder.into() });
            }
        }
    }

    /// Tells all faces how it stands; what a program calls it, only that program.
    fn tell_of_file(&mut self, offer: OfferId, stage: Stage) {
        let Some(one) = self.files.list.get(&offer) else { return };
        if !one.is_ours() && self.is_ignored(&one.kept.with) {
            return;
        }
        let (news, author) = (one.news(stage), one.author.clone());
        let Some((author, reference)) = author.filter(|(_, reference)| reference.is_some()) else {
            return self.show(Notice::File(Box::new(news)));
        };
        for face in self.faces.ids() {
            let reference = reference.clone().filter(|_| face == author);
            let news = Box::new(FileNews { reference, ..news.clone() });
            self.effects.push_back(Effect::Answer(face, Notice::File(news)));
        }
    }

    /// The file that a line of ours offers.
    pub(super) fn file_of(&self, line: &OutgoingLine) -> Option<Box<KeptFile>> {
        line.manner.offer()?;
        let one = self.files.list.get(&identify(&line.to, Direction::Out, line.id))?;
        Some(Box::new(one.kept.clone()))
    }

    /// A line of ours that offers a file is on disk.
    pub(super) fn offer_queued(&mut self, line: &OutgoingLine) {
        let offer = identify(&line.to, Direction::Out, line.id);
        if let Some(one) = self.files.list.get_mut(&offer) {
            one.work = Work::Nothing;
            self.tell_of_file(offer, Stage::Offered);
        }
    }

    /// A line of ours that offers a file could not be kept.
    pub(super) fn offer_lost(&mut self, line: &OutgoingLine) {
        self.forget_offer(identify(&line.to, Direction::Out, line.id));
    }

    /// Lines of ours are on the other side's disk.
    pub(super) fn offers_delivered(&mut self, to: &Address, lines: &[super::DeliveredLine]) {
        for line in lines {
            let offer = identify(to, Direction::Out, line.id);
            if let Some(one) = self.files.list.get_mut(&offer) {
                one.kept.delivered = true;
            }
        }
    }

    /// A line has come that offers a file.
    pub(super) fn offered(&mut self, line: &ReceivedLine) {
        let Some((size, root, content)) = line.manner.offer() else { return };
        let kept = KeptFile {
            with: line.from.clone(),
            by: Direction::In,
            id: line.id,
            delivered: true,
            name: line.text.clone(),
            size,
            root: Hash(root),
            content,
            state: FileState::Offered,
            path: None,
            folder: None,
            called: None,
        };
        let offer = self.files.add(kept);
        self.tell_of_file(offer, Stage::Offered);
        let rule = self.conversations.get(&line.from).map(|one| one.contact.regard.files);
        if rule != Some(FileRule::Never) && self.give_to_whoever_takes(offer) {
            return;
        }
        match rule.unwrap_or_default() {
            FileRule::UpTo(most) if size <= most.min(disk::MAX_SIZE) => {
                self.accept_into(offer, self.config.downloads.clone(), None);
            }
            FileRule::Never => self.decline(offer),
            FileRule::Ask | FileRule::UpTo(_) => {}
        }
    }

    /// Tells the sender that a file is not wanted.
    fn decline(&mut self, offer: OfferId) {
        let Some(id) = self.files.list.get(&offer).map(|one| one.kept.id) else { return };
        if let Some(peer) = self.partner(offer) {
            self.say_of_file(peer, id, FileSays::Declined);
        }
        self.end(offer, FileState::Declined, None);
    }

    /// A line was taken back. If it offered a file, that is not to be had any more.
    pub(super) fn offer_deleted(&mut self, with: &Address, by: Direction, id: LineId) {
        let offer = identify(with, by, id);
        if by == Direction::Out
            && let Some(peer) = self.partner(offer)
        {
            self.say_of_file(peer, id, FileSays::Withdrawn(record::Why::Person));
        }
        self.end(offer, FileState::Withdrawn, None);
    }
}
