//! What somebody has of the room on disk.

use std::collections::{BTreeMap, BTreeSet};

use p2pchat::chat::room::{Body, Entry, Line, Log, LogId, RoomId};
use p2pchat::chat::rooms::{Answer, Request, Stored};
use p2pchat::chat::storage::{HistoryLine, KeptRoom, RoomReply, RoomRequest};
use p2pchat::chat::{StoreReply, StoreRequest, Timestamp};

use super::company::room;
use crate::store::Disk;

/// One copy.
pub(super) struct Copy {
    pub(super) id: RoomId,
    /// Whether its owner wants to be in the room.
    pub(super) wanted: bool,
    pub(super) log: Log,
    /// By log and number.
    pub(super) lines: BTreeMap<LogId, BTreeMap<u64, Entry>>,
    /// What stands in the history of the room, in its order.
    pub(super) history: Vec<HistoryLine>,
}

impl Copy {
    /// The room that is wanted, or else the one of which most is known.
    pub(super) fn of(disk: &Disk) -> Option<Self> {
        let KeptRoom { id, stored, .. } = kept(disk)?;
        let (wanted, ends) = (stored.wanted, stored.lines.clone());
        let log = open(id, stored)?;
        let mut disk = disk.clone();
        let lines =
            ends.iter().map(|(first, last)| (first.header().log, read(&mut disk, id, first, last)));
        let lines = lines.collect();
        let history = StoreRequest::History { with: Some(room()), limit: usize::MAX };
        let StoreReply::History(history) = disk.read(history) else { panic!("history") };
        Some(Self { id, wanted, log, lines, history })
    }

    /// All that is known of the room but what was said.
    pub(super) fn log_of(disk: &Disk) -> Option<Log> {
        let KeptRoom { id, stored, .. } = kept(disk)?;
        open(id, stored)
    }

    /// The lines that count, by log and number.
    pub(super) fn counting(&self) -> BTreeMap<(LogId, u64), &Entry> {
        let stays = &self.log.state().stays;
        let counts = self.lines.iter().filter_map(|(log, lines)| {
            let last = stays.get(log)?.lines;
            Some(lines.range(..=last).map(|(seq, line)| ((*log, *seq), line)))
        });
        counts.flatten().collect()
    }
}

fn kept(disk: &Disk) -> Option<KeptRoom> {
    // Whoever made a room at the same time as another has given way; nobody was ever in that one.
    let is_blank = |kept: &KeptRoom| {
        let authors = kept.stored.acts.iter().map(|act| act.header().log.author);
        kept.stored.lines.is_empty() && authors.collect::<BTreeSet<_>>().len() < 2
    };
    let counts = |kept: &KeptRoom| kept.stored.wanted || !is_blank(kept);
    let rooms = disk.rooms().into_iter().filter(|kept| kept.address == room() && counts(kept));
    rooms.max_by_key(|kept| (kept.stored.wanted, kept.stored.acts.len()))
}

fn open(id: RoomId, stored: Stored) -> Option<Log> {
    let mut acts = stored.acts.into_iter();
    let mut log = Log::open(id, acts.next()?).expect("a room that the disk has is one");
    stored.forks.into_iter().for_each(|fork| log.restore_fork(fork));
    log.restore(acts);
    stored.lines.iter().for_each(|(first, last)| log.resume_lines(first, last));
    Some(log)
}

/// All lines of one log.
fn read(disk: &mut Disk, room_id: RoomId, first: &Entry, last: &Entry) -> BTreeMap<u64, Entry> {
    let (log, bytes) = (first.header().log, usize::MAX);
    let (from, to) = (first.header().place.seq(), last.header().place.seq());
    let request = Request::Lines { room: room_id, log, from, to, bytes };
    let request =
        RoomRequest { room: room(), request, author: None, hidden: false, at: Timestamp(0) };
    let reply = disk.read(StoreRequest::Room(request));
    let StoreReply::Room(RoomReply { answer: Answer::Lines(lines), .. }) = reply else {
        panic!("lines are read")
    };
    assert_eq!(lines.len() as u64, to - from + 1, "there is no gap");
    let entries = lines.iter().map(|bytes| Entry::decode(bytes).expect("an entry"));
    entries.map(|entry| (entry.header().place.seq(), entry)).collect()
}

/// What a line says.
pub(super) fn text(entry: &Entry) -> &str {
    &line_of(entry).text
}

pub(super) fn line_of(entry: &Entry) -> &Line {
    let Body::Line(line) = entry.body() else { panic!("a line") };
    line
}
