//! The end that wants a file and takes it in.

use std::collections::BTreeMap;
use std::ops::Range;

use p2pchat_wire::identity::PeerId;

use super::disk::{AHEAD, BLOCK, DiskProblem, DiskRequest, OfferId, length};
use super::news::Stage;
use super::parcel::{BESIDE, OPENING, Piece, Unpacking, bytes};
use super::record::{FileSays, MAX_RANGES};
use super::{FileName, FileState, Transfer, Work};
use crate::chat::storage::{Direction, StoreReply};
use crate::chat::{Asked, Chat, LineId};
use crate::proto::{Incoming, StreamCommand};

/// The code of a stream that nobody has asked for, or that is not needed any more.
const UNWANTED: u32 = 1;

/// Bytes that may come before the disk has written what came before them: as many blocks as it may be
/// handed at once.
const WINDOW: usize = AHEAD * (BLOCK as usize + BESIDE);

/// What is received of a file.
#[derive(Debug)]
pub(super) struct Receiving {
    /// Whether the list is missing.
    list: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The disk looks at what is here already.
    Opening,
    /// The other side was told what is missing.
    Wanting,
    Streaming {
        unpacking: Unpacking,
        /// Blocks that the disk was given and has not written.
        writing: usize,
        /// Nothing more comes.
        ended: bool,
        /// Something came.
        moved: bool,
    },
}

/// Streams from our peers.
#[derive(Debug, Default)]
pub(super) struct Streams {
    list: BTreeMap<(PeerId, Incoming), Stream>,
}

#[derive(Debug)]
enum Stream {
    /// The beginning of the name of an offer.
    Opening(Vec<u8>),
    /// What brings this file.
    Bringing(OfferId),
}

impl Streams {
    /// The session is over, and its streams with it.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.list.retain(|(from, _), _| *from != peer);
    }

    /// What is to be said to give up those that bring a file.
    pub(super) fn give_up(&mut self, offer: OfferId) -> Vec<(PeerId, StreamCommand)> {
        let bring = |_: &(PeerId, Incoming), stream: &mut Stream| match stream {
            Stream::Bringing(brought) => *brought == offer,
            Stream::Opening(_) => false,
        };
        let gone = self.list.extract_if(.., bring);
        gone.map(|((peer, stream), _)| (peer, stop(stream))).collect()
    }
}

fn stop(stream: Incoming) -> StreamCommand {
    StreamCommand::Stop { stream, code: UNWANTED }
}

impl Transfer {
    fn receiving(&mut self) -> Option<&mut Receiving> {
        match &mut self.work {
            Work::Receiving(receiving) => Some(receiving),
            _ => None,
        }
    }

    fn is_wanting(&self) -> bool {
        matches!(&self.work, Work::Receiving(Receiving { phase: Phase::Wanting, .. }))
    }
}

impl Chat {
    /// A person wants a file, in a folder, under its own name or another.
    pub(super) fn accept_into(&mut self, offer: OfferId, folder: String, called: Option<String>) {
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        let elsewhere = one.kept.folder.as_ref().is_some_and(|known| *known != folder);
        if let Work::Receiving(_) = one.work {
            // It comes already, and goes where it was to go.
            return self.tell_of_file(offer, Stage::Accepted);
        }
        let before = one.kept.folder.replace(folder);
        one.kept.called = called;
        one.kept.state = FileState::Accepted;
        one.accepting = true;
        one.insists |= matches!(one.stalled, Some(DiskProblem::NoRoom { .. }));
        one.stalled = None;
        if let (true, Some(folder)) = (elsewhere, before) {
            self.have_disk(DiskRequest::Discard { offer, folder: folder.into() });
        }
        self.save_file_as(offer, Asked::Accepted(offer));
    }

    /// The disk knows that a file was accepted, or cannot know it: then it comes all the same, as far as this run
    /// goes.
    pub(in crate::chat) fn accepted(&mut self, offer: OfferId, reply: StoreReply) {
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        one.accepting = false;
        if one.kept.state == FileState::Accepted {
            match reply {
                StoreReply::Done => self.tell_of_file(offer, Stage::Accepted),
                reply => self.tell_failure(reply),
            }
            self.begin_receiving(offer);
        }
    }

    /// Has the disk make ready for a file that was accepted, and is known to be, if its sender is there.
    pub(super) fn begin_receiving(&mut self, offer: OfferId) {
        if self.partner(offer).is_none() {
            return;
        }
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        let (FileState::Accepted, Work::Nothing, false) =
            (one.kept.state, &one.work, one.accepting)
        else {
            return;
        };
        let Some(folder) = one.kept.folder.clone().map(Into::into) else { return };
        let (size, root, content) = (one.kept.size, one.kept.root, one.kept.content);
        let insists = one.insists;
        let name = FileName::of(one.kept.called.as_ref().unwrap_or(&one.kept.name));
        one.stalled = None;
        one.work = Work::Receiving(Receiving { list: false, phase: Phase::Opening });
        one.pace.begin(self.now, 0);
        let begin = DiskRequest::Begin { offer, folder, name, size, root, content, insists };
        self.have_disk(begin);
    }

    /// The disk knows what is missing.
    pub(super) fn begun(&mut self, offer: OfferId, missing: &[Range<u64>], list: bool) {
        let now = self.now;
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        let (id, size) = (one.kept.id, one.kept.size);
        let left: u64 = missing.iter().map(|range| bytes(size, (range.start, range.end))).sum();
        one.done = size.saturating_sub(left);
        one.pace.begin(now, one.done);
        let goes_on = (one.done > 0).then(|| one.pace.motion(one.done, size));
        let Some(receiving) = one.receiving() else { return };
        if missing.is_empty() {
            // The disk finishes it by itself.
            return;
        }
        (receiving.list, receiving.phase) = (list, Phase::Wanting);
        let blocks =
            missing.iter().take(MAX_RANGES).map(|range| (range.start, range.end)).collect();
        if let Some(motion) = goes_on {
            self.tell_of_file(offer, Stage::Moving(motion));
        }
        match self.partner(offer) {
            Some(peer) => self.say_of_file(peer, id, FileSays::Want { list, blocks }),
            None => self.rest(offer),
        }
    }

    /// The sender asks what becomes of its offer.
    pub(super) fn offer_stands(&mut self, peer: PeerId, offer: OfferId) {
        let Some(one) = self.files.list.get(&offer) else { return };
        let id = one.kept.id;
        match one.kept.state {
            FileState::Offered => {}
            FileState::Accepted => self.begin_receiving(offer),
            FileState::Done => self.say_of_file(peer, id, FileSays::Received),
            FileState::Declined | FileState::Withdrawn => {
                self.say_of_file(peer, id, FileSays::Declined);
            }
        }
    }

    /// A peer begins a stream. Which file it brings stands at its beginning.
    pub(super) fn stream_opened(&mut self, peer: PeerId, stream: Incoming) {
        let wants = |one: &Transfer| one.is_wanting() && self.key_of(&one.kept.with) == Some(peer);
        let command = if self.files.list.values().any(wants) {
            self.files.incoming.list.insert((peer, stream), Stream::Opening(Vec::new()));
            StreamCommand::Read { stream, more: OPENING }
        } else {
            stop(stream)
        };
        self.use_stream(peer, command);
    }

    pub(super) fn stream_data(&mut self, peer: PeerId, stream: Incoming, data: &[u8], last: bool) {
        let found = self.files.incoming.list.get_mut(&(peer, stream));
        match found {
            None => {}
            Some(Stream::Opening(opening)) => {
                opening.extend_from_slice(data);
                let id = <[u8; OPENING]>::try_from(opening.as_slice()).map(LineId);
                if let (Ok(id), false) = (id, last) {
                    self.stream_named(peer, stream, id);
                } else if last {
                    self.files.incoming.list.remove(&(peer, stream));
                }
            }
            Some(Stream::Bringing(offer)) => {
                let offer = *offer;
                self.brought(peer, stream, offer, data);
                if last {
                    self.stream_ended(peer, stream);
                }
            }
        }
    }

    fn stream_named(&mut self, peer: PeerId, stream: Incoming, id: LineId) {
        let address = self.sessions.get(&peer).cloned();
        let offer = address.and_then(|from| self.transfer(peer, &from, Direction::In, id));
        let wanted = offer.and_then(|offer| {
            let one = self.files.list.get_mut(&offer).filter(|one| one.is_wanting())?;
            let size = one.kept.size;
            let receiving = one.receiving()?;
            let unpacking = Unpacking::new(size, receiving.list);
            receiving.phase =
                Phase::Streaming { unpacking, writing: 0, ended: false, moved: false };
            Some(offer)
        });
        let command = match wanted {
            Some(offer) => {
                self.files.incoming.list.insert((peer, stream), Stream::Bringing(offer));
                StreamCommand::Read { stream, more: WINDOW }
            }
            None => {
                self.files.incoming.list.remove(&(peer, stream));
                stop(stream)
            }
        };
        self.use_stream(peer, command);
    }

    /// Some of a file has come.
    fn brought(&mut self, peer: PeerId, stream: Incoming, offer: OfferId, data: &[u8]) {
        let receiving = self.files.list.get_mut(&offer).and_then(Transfer::receiving);
        let Some(Receiving { phase: Phase::Streaming { unpacking, writing, moved, .. }, .. }) =
            receiving
        else {
            return;
        };
        // The list is held here and not by the disk, so there is room for more at once.
        let more = data.len().min(unpacking.list_left());
        let Ok(pieces) = unpacking.add(data) else {
            return self.not_received(offer, DiskProblem::WrongList);
        };
        *moved |= !pieces.is_empty();
        let blocks = pieces.iter().filter(|piece| matches!(piece, Piece::Block(..))).count();
        *writing += blocks;
        for piece in pieces {
            self.have_disk(match piece {
                Piece::List(list) => DiskRequest::List { offer, list },
                Piece::Block(block, data) => DiskRequest::Write { offer, block, data },
            });
        }
        if more > 0 {
            self.use_stream(peer, StreamCommand::Read { stream, more });
        }
    }

    /// A block is where it belongs.
    pub(super) fn block_written(&mut self, offer: OfferId, block: u64) {
        let now = self.now;
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        let size = one.kept.size;
        let written = length(size, block);
        let Some(Receiving { phase: Phase::Streaming { writing, .. }, .. }) = one.receiving()
        else {
            return;
        };
        *writing = writing.saturating_sub(1);
        one.done = (one.done + written).min(size);
        let told = one.pace.pass(now, one.done, size);
        let brings = |stream: &Stream| matches!(stream, Stream::Bringing(of) if *of == offer);
        let stream = self.files.incoming.list.iter().find(|(_, stream)| brings(stream));
        if let Some((&(peer, stream), _)) = stream {
            let more = usize::try_from(written).unwrap_or(0) + BESIDE;
            self.use_stream(peer, StreamCommand::Read { stream, more });
        }
        if let Some(motion) = told {
            self.tell_of_file(offer, Stage::Moving(motion));
        }
        self.want_the_rest(offer);
    }

    /// A stream has ended, or was given up.
    pub(super) fn stream_ended(&mut self, peer: PeerId, stream: Incoming) {
        let Some(Stream::Bringing(offer)) = self.files.incoming.list.remove(&(peer, stream)) else {
            return;
        };
        let receiving = self.files.list.get_mut(&offer).and_then(Transfer::receiving);
        if let Some(Receiving { phase: Phase::Streaming { ended, .. }, .. }) = receiving {
            *ended = true;
            self.want_the_rest(offer);
        }
    }

    /// If all that came is on disk and the file is not whole, more is wanted: it was missing in more pieces
    /// than can be wanted at once.
    fn want_the_rest(&mut self, offer: OfferId) {
        let receiving = self.files.list.get_mut(&offer).and_then(Transfer::receiving);
        let Some(Receiving {
            phase: Phase::Streaming { writing: 0, ended: true, moved, .. }, ..
        }) = receiving
        else {
            return;
        };
        let moved = *moved;
        let whole = self.files.list.get(&offer).is_some_and(|one| one.done >= one.kept.size);
        if whole {
            // The disk says so at any moment.
            return;
        }
        self.rest(offer);
        if moved {
            self.begin_receiving(offer);
        }
    }

    /// The file is whole, and where it belongs.
    pub(super) fn finished(&mut self, offer: OfferId, path: String) {
        self.leave_streams(offer);
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        one.work = Work::Nothing;
        one.done = one.kept.size;
        (one.kept.state, one.kept.path) = (FileState::Done, Some(path.clone()));
        self.save_file(offer);
        self.tell_of_file(offer, Stage::Done { path: Some(path) });
    }

    /// The disk cannot take in what comes, or it is not what was offered. What is here already stays.
    pub(super) fn not_received(&mut self, offer: OfferId, why: DiskProblem) {
        self.leave_streams(offer);
        if why.ends() {
            if let Some(one) = self.files.list.get_mut(&offer) {
                one.work = Work::Nothing;
            }
        } else {
            self.rest(offer);
        }
        let Some(one) = self.files.list.get_mut(&offer) else { return };
        one.stalled = Some(why.clone());
        self.tell_of_file(offer, Stage::Stalled(why));
    }
}
