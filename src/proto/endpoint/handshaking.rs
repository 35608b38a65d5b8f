//! The handshakes with one peer: the one that we opened, and the last that we answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use p2pchat_wire::datagram::{PeerInit, Response};
use p2pchat_wire::handshake::{Purpose, Responder};
use p2pchat_wire::identity::PeerId;

use super::context::Context;
use crate::proto::session::{Epoch, GIVE_UP_AFTER, Greeting, Instances, Opening};

/// While both sides have opened a handshake, the one of the smaller key counts. After this long
/// the other gives in all the same: the smaller key's may never have arrived.
const YIELD_AFTER: Duration = Duration::from_secs(2);

/// Handshake messages from one peer that are computed on within [`WORK_WINDOW`]; more are dropped.
const MAX_WORK: u32 = 8;

/// Answered openings that are remembered: at one every two minutes, those of two hours.
const MAX_SPENT: usize = 64;

/// See [`MAX_WORK`].
const WORK_WINDOW: Duration = Duration::from_secs(1);

/// The handshakes with one peer.
#[derive(Debug)]
pub(super) struct Handshaking {
    peer: PeerId,
    /// The rendezvous that introduced us.
    purpose: Purpose,
    /// Our instance for the next new session.
    instance: u64,
    opening: Option<(Opening, u64)>,
    answered: Option<Answered>,
    /// Openings that were answered before that one; whoever sends them again has recorded them.
    spent: VecDeque<[u8; 32]>,
    work_since: Option<Instant>,
    work: u32,
}

/// An answer that is sent again if the same opening arrives again.
#[derive(Debug)]
struct Answered {
    opening: [u8; 32],
    /// Our side of the session that the answer leads to.
    instance: u64,
    /// `None` once that session is over: the opening is as good as answered, and gets nothing.
    datagram: Option<Vec<u8>>,
}

/// A handshake that ended well: keys, and the session they belong to.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) instances: Instances,
    pub(super) epoch: Epoch,
}

/// An opening that we accept: the same, and what to send.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) instances: Instances,
    pub(super) epoch: Epoch,
    pub(super) datagram: Vec<u8>,
}

impl Handshaking {
    /// No handshake yet; `instance` will name our side of the first session.
    pub(super) fn new(peer: PeerId, purpose: Purpose, instance: u64) -> Self {
        let (opening, answered) = (None, None);
        let spent = VecDeque::new();
        Self { peer, purpose, instance, opening, answered, spent, work_since: None, work: 0 }
    }

    /// From now on this rendezvous introduces us. Returns whether it is another one, for which an
    /// opening of ours is then worth nothing.
    pub(super) fn move_to(&mut self, purpose: Purpose) -> bool {
        let other = self.purpose != purpose;
        if other {
            self.purpose = purpose;
            self.opening = None;
        }
        other
    }

    /// Whether a handshake of ours waits for its answer.
    pub(super) fn is_open(&self) -> bool {
        self.opening.is_some()
    }

    /// Our index in the epoch that our opening may lead to.
    pub(super) fn index(&self) -> Option<u32> {
        self.opening.as_ref().map(|(opening, _)| opening.index)
    }

    /// Opens a handshake, unless one is open; returns it as it travels inside a connect signal.
    ///
    /// `instance` is our side of the session that gets new keys, if there is one.
    pub(super) fn open(&mut self, cx: &mut Context<'_>, instance: Option<u64>) -> Option<Vec<u8>> {
        if self.opening.is_none() {
            let instance = instance.unwrap_or(self.instance);
            let index = cx.random.u32();
            let opening = Opening::new(
                cx.now,
                self.purpose,
                cx.identity,
                &self.peer,
                Greeting { instance },
                index,
                cx.random,
            );
            self.opening = Some((opening.ok()?, instance));
        }
        self.opening.as_ref().map(|(opening, _)| opening.initiation())
    }

    /// Our opening as a datagram to the peer.
    pub(super) fn opening_datagram(&self, introduction: u64) -> Option<Vec<u8>> {
        self.opening.as_ref().map(|(opening, _)| opening.datagram(introduction))
    }

    /// Whatever the peer is waiting for: our opening, or else our last answer.
    pub(super) fn pending_datagram(&self, introduction: u64) -> Option<Vec<u8>> {
        let answered = || self.answered.as_ref().and_then(|answered| answered.datagram.clone());
        self.opening_datagram(introduction).or_else(answered)
    }

    /// Whether an opening was answered before.
    pub(super) fn has_answered(&self, noise: &[u8]) -> bool {
        self.answered.as_ref().is_some_and(|answered| answered.opening == digest(noise))
    }

    /// The last answer, while the session that it leads to exists.
    pub(super) fn last_answer(&self) -> Option<Vec<u8>> {
        self.answered.as_ref()?.datagram.clone()
    }

    /// Reads an opening of the peer's and answers it, unless our own has precedence.
    ///
    /// `current` are the instances of the session that exists, if any.
    pub(super) fn answer(
        &mut self,
        cx: &mut Context<'_>,
        init: &PeerInit<'_>,
        current: Option<Instances>,
    ) -> Option<Answer> {
        if let Some((opening, _)) = &self.opening {
            let ours_counts = cx.identity.id() < self.peer;
            if ours_counts && cx.now.saturating_duration_since(opening.since) < YIELD_AFTER {
                return None;
            }
        }
        if self.spent.contains(&digest(init.noise)) || !self.may_work(cx.now) {
            return None;
        }
        let (responder, payload) =
            Responder::new(self.purpose, cx.identity, init.noise, cx.random).ok()?;
        if responder.remote() != self.peer {
            return None;
        }
        let remote = Greeting::decode(&payload).ok()?.instance;
        let local = match current {
            Some(current) if current.remote == remote => current.local,
            // The peer has started anew: a new session on our side too.
            Some(_) => cx.random.u64(),
            None => self.instance,
        };
        let (noise, keys) = responder.respond(&Greeting { instance: local }.encode()).ok()?;
        let index = cx.random.u32();
        let response = Response { receiver: init.sender, sender: index, noise: &noise };
        let datagram = response.encode_peer();
        self.opening = None;
        let answered = Answered {
            opening: digest(init.noise),
            instance: local,
            datagram: Some(datagram.clone()),
        };
        if let Some(before) = self.answered.replace(answered) {
            self.spent.push_back(before.opening);
            if self.spent.len() > MAX_SPENT {
                self.spent.pop_front();
            }
        }
        let epoch = Epoch {
            local_index: index,
            remote_index: init.sender,
            keys,
            since: cx.now,
            opened_by_us: false,
            confirmed: false,
        };
        Some(Answer { instances: Instances { local, remote }, epoch, datagram })
    }

    /// Reads the answer to our opening.
    pub(super) fn finish(&mut self, cx: &Context<'_>, response: &Response<'_>) -> Option<Finished> {
        let (opening, local) = self.opening.as_mut()?;
        if opening.index != response.receiver {
            return None;
        }
        let (greeting, keys) = opening.finish(response.noise)?;
        let epoch = Epoch {
            local_index: opening.index,
            remote_index: response.sender,
            keys,
            since: cx.now,
            opened_by_us: true,
            confirmed: true,
        };
        let instances = Instances { local: *local, remote: greeting.instance };
        self.opening = None;
        Some(Finished { instances, epoch })
    }

    /// Whether our opening has waited too long.
    pub(super) fn is_given_up(&self, now: Instant) -> bool {
        let waited = |opening: &Opening| now.saturating_duration_since(opening.since);
        self.opening.as_ref().is_some_and(|(opening, _)| waited(opening) >= GIVE_UP_AFTER)
    }

    /// Gives our opening up.
    pub(super) fn abandon(&mut self) {
        self.opening = None;
    }

    /// Whether our opening is to be sent again now; plans the time after.
    pub(super) fn repeat_if_due(&mut self, now: Instant) -> bool {
        match &mut self.opening {
            Some((opening, _)) if opening.repeat_at <= now => {
                opening.repeated(now);
                true
            }
            _ => false,
        }
    }

    /// When something is to be done.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let (opening, _) = self.opening.as_ref()?;
        Some(opening.repeat_at.min(opening.since + GIVE_UP_AFTER))
    }

    /// The session is over: the next one has another instance.
    ///
    /// The last opening that we answered is remembered, so that whoever replays it causes nothing;
    /// its answer is not, because it leads to a session that is no longer here.
    ///
    /// An opening for new keys of the `ended` session is void: finished now, it would begin a
    /// session at our end that the peer takes for the old one, and neither would understand the
    /// other's streams.
    pub(super) fn forget(&mut self, ended: Option<u64>, instance: u64) {
        self.opening.take_if(|(_, instance)| Some(*instance) == ended);
        if let Some(answered) = self.answered.as_mut().filter(|one| Some(one.instance) == ended) {
            answered.datagram = None;
        }
        self.instance = instance;
    }

    fn may_work(&mut self, now: Instant) -> bool {
        if self.work_since.is_none_or(|since| now.saturating_duration_since(since) >= WORK_WINDOW) {
            self.work_since = Some(now);
            self.work = 0;
        }
        self.work += 1;
        self.work <= MAX_WORK
    }
}

fn digest(noise: &[u8]) -> [u8; 32] {
    *blake3::hash(noise).as_bytes()
}
