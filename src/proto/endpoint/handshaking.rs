//! The handshakes with one peer: those that we opened, one at each rendezvous that introduces us at
//! most and one as neighbours, and the last that we answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use p2pchat_wire::datagram::{PeerInit, Response};
use p2pchat_wire::handshake::{Purpose, Responder, SharedSecret};
use p2pchat_wire::identity::PeerId;

use super::context::Context;
use super::relays::Relays;
use crate::proto::ServerId;
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
    /// Our instance for the next new session.
    instance: u64,
    opened: Vec<Opened>,
    answered: Option<Answered>,
    /// Openings that were answered before that one; whoever sends them again has recorded them.
    spent: VecDeque<[u8; 32]>,
    work_since: Option<Instant>,
    work: u32,
    /// Of an opening of the peer's that could not be answered: who has not the secret of an invitation.
    lacking: Option<Lacking>,
}

/// Which of two has not what the other has since they were invited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lacking {
    Us,
    Them,
}

/// A handshake that we opened.
#[derive(Debug)]
struct Opened {
    opening: Opening,
    /// The rendezvous that it is bound to, and that introduces us or is asked to.
    server: ServerId,
    purpose: Purpose,
    /// Our side of the session that it leads to.
    instance: u64,
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
    pub(super) fn new(peer: PeerId, instance: u64) -> Self {
        let (opened, answered) = (Vec::new(), None);
        let spent = VecDeque::new();
        let (work_since, work, lacking) = (None, 0, None);
        Self { peer, instance, opened, answered, spent, work_since, work, lacking }
    }

    /// A server has this key from now on: what we opened for another's is worth nothing.
    pub(super) fn keep_only(&mut self, server: ServerId, purpose: Option<Purpose>) {
        self.opened.retain(|one| one.server != server || Some(one.purpose) == purpose);
    }

    /// Whether a handshake that we opened there waits for its answer.
    pub(super) fn is_open_at(&self, server: ServerId) -> bool {
        self.opening_for(server).is_some()
    }

    /// Whether a handshake of ours waits for its answer.
    pub(super) fn is_open(&self) -> bool {
        !self.opened.is_empty()
    }

    /// Our indexes in the epochs that our openings may lead to.
    pub(super) fn indexes(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        self.opened.iter().map(|one| one.opening.index)
    }

    /// Opens a handshake that is bound to `server`, unless one is open; returns it as it travels
    /// inside a connect signal.
    ///
    /// `instance` is our side of the session that gets new keys, if there is one.
    pub(super) fn open(
        &mut self,
        cx: &mut Context<'_>,
        server: ServerId,
        purpose: Purpose,
        instance: Option<u64>,
    ) -> Option<Vec<u8>> {
        self.keep_only(server, Some(purpose));
        if self.opening_for(server).is_none() {
            let instance = instance.unwrap_or(self.instance);
            let index = cx.random.u32();
            let opening = Opening::new(
                cx.now,
                purpose,
                cx.identity,
                (&self.peer, cx.secrets.get(&self.peer)),
                Greeting { instance, aes: cx.aes, long: true },
                index,
                cx.random,
            );
            self.opened.push(Opened { opening: opening.ok()?, server, purpose, instance });
        }
        self.opening_for(server).map(Opening::initiation)
    }

    fn opening_for(&self, server: ServerId) -> Option<&Opening> {
        self.opened.iter().find(|one| one.server == server).map(|one| &one.opening)
    }

    /// Our opening at `server` as a datagram to the peer.
    pub(super) fn opening_datagram(&self, server: ServerId, introduction: u64) -> Option<Vec<u8>> {
        self.opening_for(server).map(|opening| opening.datagram(introduction))
    }

    /// Whether an opening was answered before.
    pub(super) fn has_answered(&self, noise: &[u8]) -> bool {
        self.answered.as_ref().is_some_and(|answered| answered.opening == digest(noise))
    }

    /// The last answer, while the session that it leads to exists.
    pub(super) fn last_answer(&self) -> Option<Vec<u8>> {
        self.answered.as_ref()?.datagram.clone()
    }

    /// Reads an opening of the peer's, bound to `purpose`, and answers it, unless our own has
    /// precedence.
    ///
    /// `current` are the instances of the session that exists, if any. An opening of ours counts
    /// where the peer can have got it: at the servers that introduced us, and in our own network.
    pub(super) fn answer(
        &mut self,
        cx: &mut Context<'_>,
        init: &PeerInit<'_>,
        purpose: Purpose,
        current: Option<Instances>,
        relays: &Relays,
    ) -> Option<Answer> {
        let introduced =
            |one: &Opened| one.server == ServerId::LOCAL || relays.get(one.server).is_some();
        let young =
            |one: &Opened| cx.now.saturating_duration_since(one.opening.since) < YIELD_AFTER;
        let ours_counts = cx.identity.id() < self.peer;
        if ours_counts && self.opened.iter().any(|one| introduced(one) && young(one)) {
            return None;
        }
        if self.spent.contains(&digest(init.noise)) || !self.may_work(cx.now) {
            return None;
        }
        // With a secret or without: what one side has the other has, or they are to invite each other
        // again. Whoever could choose would be made to choose the weaker.
        let secret = cx.secrets.get(&self.peer);
        let read = Responder::with_secret(purpose, cx.identity, secret, init.noise, cx.random);
        let Ok((responder, payload)) = read else {
            self.lacking = self.who_lacks_the_secret(cx, purpose, init.noise);
            return None;
        };
        if responder.remote() != self.peer {
            return None;
        }
        let theirs = Greeting::decode(&payload).ok()?;
        let remote = theirs.instance;
        let local = match current {
            Some(current) if current.remote == remote => current.local,
            // The peer has started anew: a new session on our side too.
            Some(_) => cx.random.u64(),
            None => self.instance,
        };
        let ours = Greeting { instance: local, aes: cx.aes, long: true };
        let (noise, keys) = responder.respond(&ours.encode()).ok()?;
        let keys = keys.under(ours.cipher(theirs));
        let index = cx.random.u32();
        let response = Response { receiver: init.sender, sender: index, noise: &noise };
        let datagram = response.encode_peer();
        self.opened.retain(|one| !introduced(one));
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
            long: theirs.long,
        };
        Some(Answer { instances: Instances { local, remote }, epoch, datagram })
    }

    /// An opening cannot be read. It may be the peer's, made with a secret that we have not, or without
    /// one that we have: message 1 says which, for it depends on there being a secret and not yet on
    /// what it is. That is for a person to know, and is no reason to answer.
    fn who_lacks_the_secret(
        &mut self,
        cx: &mut Context<'_>,
        purpose: Purpose,
        noise: &[u8],
    ) -> Option<Lacking> {
        if !self.may_work(cx.now) {
            return None;
        }
        let (secret, lacking) = match cx.secrets.get(&self.peer) {
            Some(_) => (None, Lacking::Them),
            None => (Some(SharedSecret::new([0; 32])), Lacking::Us),
        };
        let read =
            Responder::with_secret(purpose, cx.identity, secret.as_ref(), noise, cx.random).ok()?;
        (read.0.remote() == self.peer).then_some(lacking)
    }

    /// Who was found to lack the secret, once.
    pub(super) fn take_lacking(&mut self) -> Option<Lacking> {
        self.lacking.take()
    }

    /// Reads the answer to our opening.
    pub(super) fn finish(&mut self, cx: &Context<'_>, response: &Response<'_>) -> Option<Finished> {
        let ours = |one: &&mut Opened| one.opening.index == response.receiver;
        let one = self.opened.iter_mut().find(ours)?;
        let (greeting, keys) = one.opening.finish(response.noise)?;
        let epoch = Epoch {
            local_index: one.opening.index,
            remote_index: response.sender,
            keys,
            since: cx.now,
            opened_by_us: true,
            confirmed: true,
            long: greeting.long,
        };
        let instances = Instances { local: one.instance, remote: greeting.instance };
        self.opened.clear();
        Some(Finished { instances, epoch })
    }

    /// Gives up the openings that have waited too long. Returns whether there were any.
    pub(super) fn give_up(&mut self, now: Instant) -> bool {
        let before = self.opened.len();
        let waited = |one: &Opened| now.saturating_duration_since(one.opening.since);
        self.opened.retain(|one| waited(one) < GIVE_UP_AFTER);
        self.opened.len() < before
    }

    /// Gives every opening up.
    pub(super) fn abandon(&mut self) {
        self.opened.clear();
    }

    /// Gives up what we opened at one server.
    pub(super) fn abandon_at(&mut self, server: ServerId) {
        self.opened.retain(|one| one.server != server);
    }

    /// At which servers an opening of ours is to be sent again now; plans the time after.
    pub(super) fn repeat_if_due(&mut self, now: Instant) -> Vec<ServerId> {
        let due = |one: &&mut Opened| one.opening.repeat_at <= now;
        let repeated = self.opened.iter_mut().filter(due).map(|one| {
            one.opening.repeated(now);
            one.server
        });
        repeated.collect()
    }

    /// When something is to be done.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let next = |one: &Opened| one.opening.repeat_at.min(one.opening.since + GIVE_UP_AFTER);
        self.opened.iter().map(next).min()
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
        self.opened.retain(|one| Some(one.instance) != ended);
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
