//! How records leave: behind the disk, and within each neighbour's window.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use p2pchat_wire::identity::PeerId;

use super::super::room::{Body, Entry, Header, LineRange, LogId};
use super::neighbour::Next;
use super::replica::Asked;
use super::{BATCH_BYTES, Output, Replica, Request, RoomRecord, Says};
use crate::chat::Manner;

/// Lines that memory holds, so that the disk is not asked for them once for each neighbour.
const RECENT: usize = 256;

/// Bytes that they may have.
const RECENT_BYTES: usize = 1 << 20;

/// Our last lines.
#[derive(Debug, Default)]
pub(super) struct Recent {
    lines: BTreeMap<(LogId, u64), Arc<Entry>>,
    order: VecDeque<(LogId, u64)>,
    bytes: usize,
}

impl Recent {
    /// A line of ours is new.
    pub(super) fn push(&mut self, entry: &Arc<Entry>) {
        if let Body::Line(line) = entry.body()
            && matches!(line.manner, Manner::Delete { .. })
        {
            // What was taken back is not sent any more, and nobody takes back often.
            *self = Self::default();
        }
        let key = (entry.header().log, entry.header().place.seq());
        self.bytes += entry.size();
        self.order.push_back(key);
        self.lines.insert(key, Arc::clone(entry));
        while self.order.len() > RECENT || self.bytes > RECENT_BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            let gone = self.lines.remove(&oldest);
            self.bytes -= gone.map_or(0, |entry| entry.size());
        }
    }

    pub(super) fn line(&self, log: LogId, seq: u64) -> Option<&Arc<Entry>> {
        self.lines.get(&(log, seq))
    }
}

/// What is to be sent as soon as the disk has answered so many requests.
#[derive(Debug)]
pub(super) struct Held {
    to: PeerId,
    record: RoomRecord,
    after: u64,
}

impl Replica {
    /// Sends something when all is on disk that the disk has been asked for: what a record says of us, or
    /// has of us, is never less than what we know after a crash.
    pub(super) fn say_to(&mut self, to: PeerId, says: Says) {
        let record = RoomRecord { room: self.id, says };
        self.held.push_back(Held { to, record, after: self.requests });
    }

    /// What may leave now.
    pub(super) fn next_held(&mut self) -> Option<Output> {
        let answered = self.requests - self.asked.len() as u64;
        let held = self.held.pop_front_if(|held| held.after <= answered)?;
        Some(Output::Send { to: held.to, record: held.record })
    }

    /// Nothing of what waits is for this neighbour any more.
    pub(super) fn drop_held(&mut self, peer: PeerId) {
        self.held.retain(|held| held.to != peer);
    }

    /// What was to be said is not true any more. But whoever waits for an answer gets one.
    pub(super) fn hold_answers_only(&mut self) {
        self.held.retain_mut(|held| match &mut held.record.says {
            Says::Got { answers: true, heads } => {
                heads.clear();
                true
            }
            _ => false,
        });
    }

    pub(super) fn ask(&mut self, request: Request, asked: Asked) {
        self.requests += 1;
        self.asked.push_back(asked);
        self.outputs.push_back(Output::Store(request));
    }

    /// An entry is new: it goes to disk.
    pub(super) fn keep(&mut self, entry: Arc<Entry>) {
        self.log_changed();
        let Header { log: of, place, .. } = *entry.header();
        let first = self.log.as_ref().and_then(|log| log.first_line(&of));
        let begins = !place.is_act() && first == Some(place.seq());
        let request = Request::Entry { room: self.id, entry: Arc::clone(&entry), begins };
        self.ask(request, Asked::Entry(entry));
    }

    /// Sends every neighbour what he lacks, as far as he can take it.
    pub(super) fn pump_all(&mut self) {
        self.peers().into_iter().for_each(|peer| self.pump(peer));
    }

    pub(super) fn pump(&mut self, peer: PeerId) {
        loop {
            let Some(neighbour) = self.neighbours.get_mut(&peer) else { return };
            match neighbour.next(&self.recent) {
                Next::Nothing => return,
                Next::Send { entries, forks, logs } => self.tell(peer, entries, forks, logs),
                Next::Read(range) => {
                    let LineRange { log, from, to, .. } = range;
                    let session = neighbour.session;
                    let request =
                        Request::Lines { room: self.id, log, from, to, bytes: BATCH_BYTES };
                    return self.ask(request, Asked::Lines { peer, session, range });
                }
            }
        }
    }

    /// Lines have been read for a neighbour.
    pub(super) fn lines_read(
        &mut self,
        peer: PeerId,
        session: u64,
        range: LineRange,
        lines: Vec<Vec<u8>>,
    ) {
        let Some(neighbour) = self.neighbours.get_mut(&peer) else { return };
        if neighbour.session != session {
            return;
        }
        neighbour.read(range, lines.len() as u64);
        if !lines.is_empty() {
            self.tell(peer, lines, Vec::new(), BTreeSet::from([range.log]));
        }
        self.pump(peer);
    }

    /// Sends entries, lines of `logs` among them.
    fn tell(
        &mut self,
        peer: PeerId,
        entries: Vec<Vec<u8>>,
        forks: Vec<Vec<u8>>,
        logs: BTreeSet<LogId>,
    ) {
        let Some(neighbour) = self.neighbours.get_mut(&peer) else { return };
        let floor = |log: LogId| self.floors.get(&(peer, log)).map(|floor| (log, *floor));
        let begins = neighbour.begin(logs).into_iter().filter_map(floor).collect();
        let keeps_none = self.state().is_some_and(|state| state.keep == 0);
        let entries = match keeps_none {
            true => entries.into_iter().map(|entry| self.without_old_text(peer, entry)).collect(),
            false => entries,
        };
        self.say_to(peer, Says::Entries { entries, forks, begins });
    }

    /// A line as a member gets it where newcomers are given none: the one with which a log begins for him has no
    /// text.
    fn without_old_text(&self, peer: PeerId, bytes: Vec<u8>) -> Vec<u8> {
        let Ok(entry) = Entry::decode(&bytes) else { return bytes };
        let Header { log, place, .. } = *entry.header();
        let floor = self.floors.get(&(peer, log)).copied().unwrap_or(0);
        if place.is_act() || place.seq() > floor { bytes } else { entry.erased().encode() }
    }
}
