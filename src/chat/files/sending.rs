//! The end that offers a file and brings it.

use p2pchat_wire::identity::PeerId;

use super::disk::{Content, DiskProblem, DiskRequest, Hash, OfferId, blocks};
use super::news::Stage;
use super::parcel::{Packing, bytes};
use super::record::{FileSays, Why};
use super::{FileName, FileState, KeptFile, Transfer, Work};
use crate::chat::storage::Direction;
use crate::chat::typed::Saying;
use crate::chat::{Address, Audience, Chat, FaceId, LineId, Manner, Notice, Problem};
use crate::proto::{Outgoing, StreamCommand};

/// Files that go to one peer at the same time. The others wait for their turn.
const AT_ONCE: usize = 4;

/// Behind messages, before nothing.
const PRIORITY: u8 = 1;

/// The code of a stream that is not needed any more.
const GIVEN_UP: u32 = 2;

/// The longest piece that is given to a stream at once.
const PIECE: usize = 64 << 10;

/// What is sent of a file.
#[derive(Debug)]
pub(super) struct Sending {
    peer: PeerId,
    /// What the receiver wants.
    list: bool,
    blocks: Vec<(u64, u64)>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Others come first.
    Waiting,
    /// The disk makes ready.
    Opening,
    Streaming {
        stream: Outgoing,
        packing: Packing,
        /// Bytes that may be written.
        allowed: usize,
    },
}

impl Sending {
    /// What is to be said to give it up.
    pub(super) fn give_up(&mut self) -> Option<(PeerId, StreamCommand)> {
        match std::mem::replace(&mut self.phase, Phase::Waiting) {
            Phase::Streaming { stream, .. } => {
                Some((self.peer, StreamCommand::Reset { stream, code: GIVEN_UP }))
            }
            Phase::Waiting | Phase::Opening => None,
        }
    }
}

impl Transfer {
    fn sending(&mut self) -> Option<&mut Sending> {
        match &mut self.work {
            Work::Sending(sending) => Some(sending),
            _ => None,
        }
    }
}

impl Chat {
    /// Has the disk look at a file that is to be offered, for the face that asks.
    pub(super) fn examine_file(&mut self, to: Address, path: String, reference: Option<String>) {
        let id = LineId(self.random.array());
        let name = FileName::of(&path).to_string();
        let (by, state) = (Direction::Out, FileState::Offered);
        let (size, root, delivered) = (0, Hash([0; 32]), false);
        let (folder, called) = (None, None);
        let path = Some(path);
        let content = Content::File;
        let kept = KeptFile {
            with: to,
            by,
            id,
            delivered,
            name,
            size,
            root,
            content,
            state,
            path,
            folder,
            called,
        };
        let path = kept.path.clone().unwrap_or_default().into();
        let offer = self.files.add(kept);
        let face = self.faces.asking_id();
        self.faces.asking_mut().files.insert(offer);
        if let Some(one) = self.files.list.get_mut(&offer) {
            one.author = Some((face, reference));
            one.work = Work::Examining;
            one.pace.begin(self.now, 0);
        }
        self.have_disk(DiskRequest::Examine { offer, path });
    }

    /// The disk reads a file once.
    pub(super) fn hashed(&mut self, offer: OfferId, done: u64, total: u64) {
        let now = self.now;
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        if let Work::Examining = one.work {
            (one.done, one.kept.size) = (done, total);
        }
        if one.pace.pass(now, done, total).is_some() {
            self.tell_of_file(offer, Stage::Examining { done });
        }
    }

    /// A file is known. It is offered by a line of the conversation.
    pub(super) fn examined(
        &mut self,
        offer: OfferId,
        size: u64,
        root: Hash,
        content: Content,
        skipped: u32,
    ) {
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        (one.kept.size, one.kept.root, one.done) = (size, root, 0);
        one.kept.content = content;
        let (to, id, name) = (one.kept.with.clone(), one.kept.id, one.kept.name.clone());
        let (face, reference) = one.author.clone().unwrap_or((FaceId::FIRST, None));
        let saying = Saying {
            text: name,
            audience: Audience::You,
            reference,
            manner: Manner::offering(size, root.0, content),
            id: Some(id),
        };
        let before = self.faces.turn_to(face);
        if skipped > 0 {
            self.answer(Notice::LeftOut { name: saying.text.clone(), count: skipped });
        }
        let able = self.key_of(&to).and_then(|peer| self.files.able.get(&peer));
        if content != Content::File && able == Some(&false) {
            self.answer(Notice::NoFolders(to.clone()));
        }
        if !self.submit(Some(to), saying, None) {
            self.forget_offer(offer);
        }
        self.faces.turn_to(before);
    }

    /// The receiver wants blocks of a file, in place of what it wanted of it before.
    pub(super) fn wanted(
        &mut self,
        peer: PeerId,
        offer: OfferId,
        list: bool,
        wanted: Vec<(u64, u64)>,
    ) {
        let Some(one) = self.files.list.get(&offer) else { return };
        let (id, state, size) = (one.kept.id, one.kept.state, one.kept.size);
        let here = one.kept.path.is_some() && !state.is_end();
        if !here || wanted.last().is_some_and(|(_, end)| *end > blocks(size)) {
            let why = if state == FileState::Withdrawn { Why::Person } else { Why::Gone };
            return self.say_of_file(peer, id, FileSays::Withdrawn(why));
        }
        self.leave_streams(offer);
        self.rest(offer);
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        // Whoever wants it has got the line.
        (one.kept.delivered, one.kept.state) = (true, FileState::Accepted);
        let missing: u64 = wanted.iter().map(|range| bytes(size, *range)).sum();
        one.done = size.saturating_sub(missing);
        one.pace.begin(self.now, one.done);
        one.stalled = None;
        let sending = Sending { peer, list, blocks: wanted, phase: Phase::Waiting };
        one.work = Work::Sending(sending);
        if state == FileState::Offered {
            self.save_file(offer);
            self.tell_of_file(offer, Stage::Accepted);
        }
        self.send_next();
    }

    /// Begins with those that wait for their turn.
    pub(super) fn send_next(&mut self) {
        let phases = |one: &Transfer| match &one.work {
            Work::Sending(sending) => {
                Some((sending.peer, matches!(sending.phase, Phase::Waiting), one.number))
            }
            _ => None,
        };
        let all: Vec<(PeerId, bool, u32, OfferId)> = (self.files.list.iter())
            .filter_map(|(offer, one)| {
                phases(one).map(|(peer, waits, at)| (peer, waits, at, *offer))
            })
            .collect();
        let mut waiting: Vec<_> = all.iter().filter(|(_, waits, ..)| *waits).collect();
        waiting.sort_by_key(|(_, _, number, _)| *number);
        let mut begun: Vec<PeerId> =
            all.iter().filter(|(_, waits, ..)| !waits).map(|(peer, ..)| *peer).collect();
        for (peer, _, _, offer) in waiting {
            if begun.iter().filter(|one| *one == peer).count() >= AT_ONCE {
                continue;
            }
            begun.push(*peer);
            let Some(one) = self.files.list.get_mut(offer) else { continue };
            let path = one.kept.path.clone().unwrap_or_default().into();
            let (size, root) = (one.kept.size, one.kept.root);
            if let Some(sending) = one.sending() {
                sending.phase = Phase::Opening;
            }
            self.have_disk(DiskRequest::Serve { offer: *offer, path, size, root });
        }
    }

    /// The disk is ready: the stream begins.
    pub(super) fn served(&mut self, offer: OfferId, list: Vec<u8>) {
        let now = self.now;
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        let (id, size) = (one.kept.id, one.kept.size);
        one.pace.begin(now, one.done);
        let Some(sending) = one.sending() else { return };
        self.files.streams += 1;
        let stream = Outgoing(self.files.streams);
        let list = sending.list.then_some(list);
        let blocks = std::mem::take(&mut sending.blocks);
        let packing = Packing::new(id, size, list, blocks);
        let peer = sending.peer;
        sending.phase = Phase::Streaming { stream, packing, allowed: 0 };
        self.use_stream(peer, StreamCommand::Open { stream, priority: PRIORITY });
        self.send_on(offer);
    }

    pub(super) fn block_read(&mut self, offer: OfferId, block: u64, data: Vec<u8>) {
        let sending = self.files.list.get_mut(&offer).and_then(Transfer::sending);
        if let Some(Sending { phase: Phase::Streaming { packing, .. }, .. }) = sending {
            packing.add(block, data);
            self.send_on(offer);
        }
    }

    fn streaming(&self, stream: Outgoing) -> Option<OfferId> {
        let is = |one: &Transfer| match &one.work {
            Work::Sending(Sending { phase: Phase::Streaming { stream: ours, .. }, .. }) => {
                *ours == stream
            }
            _ => false,
        };
        self.files.list.iter().find(|(_, one)| is(one)).map(|(offer, _)| *offer)
    }

    /// So many more bytes may be written.
    pub(super) fn writable(&mut self, stream: Outgoing, more: usize) {
        let Some(offer) = self.streaming(stream) else { return };
        let sending = self.files.list.get_mut(&offer).and_then(Transfer::sending);
        if let Some(Sending { phase: Phase::Streaming { allowed, .. }, .. }) = sending {
            *allowed += more;
        }
        self.send_on(offer);
    }

    /// The receiver wants no more of a stream. What it wants instead it says.
    pub(super) fn stream_stopped(&mut self, stream: Outgoing) {
        if let Some(offer) = self.streaming(stream) {
            self.rest(offer);
            self.send_next();
        }
    }

    /// Reads from disk and writes into the stream what may be read and written now.
    fn send_on(&mut self, offer: OfferId) {
        let now = self.now;
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        let size = one.kept.size;
        let Some(sending) = one.sending() else { return };
        let peer = sending.peer;
        let Phase::Streaming { stream, packing, allowed } = &mut sending.phase else { return };
        let stream = *stream;
        let (mut requests, mut commands) = (Vec::new(), Vec::new());
        while *allowed > 0
            && let Some(data) = packing.take(PIECE.min(*allowed))
        {
            *allowed -= data.len();
            commands.push(StreamCommand::Write { stream, data });
        }
        while let Some(block) = packing.next_read() {
            requests.push(DiskRequest::Read { offer, block });
        }
        let (done, left) = (packing.is_done(), packing.left());
        if done {
            commands.push(StreamCommand::Finish(stream));
        }
        one.done = size.saturating_sub(left);
        let told = one.pace.pass(now, one.done, size);
        for command in commands {
            self.use_stream(peer, command);
        }
        for request in requests {
            self.have_disk(request);
        }
        if let Some(motion) = told {
            self.tell_of_file(offer, Stage::Moving(motion));
        }
        if done {
            // What becomes of it, its receiver says.
            self.rest(offer);
            self.send_next();
        }
    }

    /// The disk cannot read a file that is offered, or is to be.
    pub(super) fn not_served(&mut self, offer: OfferId, why: DiskProblem) {
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        let id = one.kept.id;
        if let Work::Examining = one.work {
            let author = one.author.clone();
            self.forget_offer(offer);
            let code = Problem::File(why.clone()).exit();
            let (face, reference) = author.unwrap_or((FaceId::FIRST, None));
            let before = self.faces.turn_to(face);
            self.faces.asking_mut().lost.get_or_insert(code);
            self.refuse(reference, Problem::File(why));
            self.faces.turn_to(before);
            return;
        }
        let gone = match why {
            DiskProblem::Changed { .. } => Why::Changed,
            _ => Why::Gone,
        };
        if let Some(peer) = self.partner(offer) {
            self.say_of_file(peer, id, FileSays::Withdrawn(gone));
        }
        // The disk has let go of it by itself.
        self.leave_streams(offer);
        if let Some(one) = self.files.list.get_mut(&offer) {
            one.work = Work::Nothing;
        }
        self.end(offer, FileState::Withdrawn, Some(gone));
    }

    /// A file that was looked at is not offered after all.
    pub(super) fn forget_offer(&mut self, offer: OfferId) {
        if let Some(one) = self.files.list.remove(&offer) {
            let path = one.kept.path.map(Into::into);
            self.have_disk(DiskRequest::Forget { offer, path });
        }
    }
}
