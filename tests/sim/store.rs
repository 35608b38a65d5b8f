//! A disk that takes time, and what a crash leaves on it.
//!
//! Requests are carried out by the rules of the real database. A request that has not been carried
//! out when the process dies may have reached the disk or not, but never without those before it:
//! [`Store::crash`] draws how many did. What was answered is always there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use p2pchat::chat::storage::{Contact, KeptRoom};
use p2pchat::chat::{Snapshot, StoreReply, StoreRequest};
use p2pchat::store::Memory;
use p2pchat_wire::random::Random;

/// How long the disk takes for one request.
const COMMIT: Duration = Duration::from_millis(2);

/// What survives a crash, and a record of what was written to it, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    memory: Memory,
    /// The texts put into the outbox.
    pub(crate) written: Vec<String>,
    /// The texts received, but for repetitions.
    pub(crate) received: Vec<String>,
    /// How many of the written are known to be delivered.
    pub(crate) delivered: usize,
}

/// A disk and what is on its way to it.
#[derive(Debug)]
pub(crate) struct Store {
    disk: Disk,
    pending: VecDeque<(Instant, StoreRequest)>,
}

impl Store {
    pub(crate) fn on(disk: Disk) -> Self {
        Self { disk, pending: VecDeque::new() }
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(crate) fn request(&mut self, now: Instant, request: StoreRequest) {
        self.pending.push_back((now + COMMIT, request));
    }

    /// When the next request is done.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.pending.front().map(|(at, _)| *at)
    }

    /// The answer to the oldest request, once it is done.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<StoreReply> {
        let (_, request) = self.pending.pop_front_if(|(at, _)| *at <= now)?;
        Some(self.disk.carry_out(request))
    }

    /// The process dies. What of the unanswered requests reached the disk is chance.
    pub(crate) fn crash(mut self, random: &mut Random) -> Disk {
        let pending = u32::try_from(self.pending.len()).unwrap_or(0);
        let survivors = random.below(pending + 1) as usize;
        for (_, request) in self.pending.drain(..survivors) {
            let _unheard = self.disk.carry_out(request);
        }
        self.disk
    }
}

impl Disk {
    /// What a chat begins with.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.memory.snapshot()
    }

    /// As if it had met somebody before.
    pub(crate) fn knows(&mut self, contact: Contact) {
        let _always_done = self.memory.handle(StoreRequest::SaveContact(contact));
    }

    /// The rooms that are on it.
    pub(crate) fn rooms(&self) -> Vec<KeptRoom> {
        self.memory.snapshot().rooms
    }

    /// Reads something.
    pub(crate) fn read(&mut self, request: StoreRequest) -> StoreReply {
        self.memory.handle(request)
    }

    fn carry_out(&mut self, request: StoreRequest) -> StoreReply {
        let text = match &request {
            StoreRequest::Queue(line) => Some(line.text.clone()),
            StoreRequest::Receive(line) => Some(line.text.clone()),
            _ => None,
        };
        let queues = matches!(request, StoreRequest::Queue(_));
        let reply = self.memory.handle(request);
        match &reply {
            StoreReply::Done if queues => self.written.extend(text),
            StoreReply::Received { new: true, .. } => self.received.extend(text),
            StoreReply::Delivered(lines) => self.delivered += lines.len(),
            _ => {}
        }
        reply
    }
}
