//! Link responses kept for requests that come twice.
//!
//! A client whose answer was lost sends the same bytes again; it gets the same bytes back, without
//! another Diffie-Hellman computation, and is not taken for a replay.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// Which request: a hash over its Noise message.
pub(super) type Digest = [u8; 32];

#[derive(Debug)]
struct Answer {
    from: SocketAddr,
    response: Vec<u8>,
}

/// Answers given lately, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    answers: BTreeMap<Digest, Answer>,
    order: VecDeque<(u64, Digest)>,
}

impl Repeats {
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    /// The answer to a request that `from` has sent before.
    pub(super) fn find(&self, digest: &Digest, from: SocketAddr) -> Option<&[u8]> {
        let answer = self.answers.get(digest)?;
        (answer.from == from).then_some(&answer.response)
    }

    pub(super) fn insert(
        &mut self,
        at: u64,
        max: usize,
        digest: Digest,
        from: SocketAddr,
        response: Vec<u8>,
    ) {
        if self.answers.insert(digest, Answer { from, response }).is_none() {
            self.order.push_back((at, digest));
        }
        while self.order.len() > max {
            self.forget_oldest();
        }
    }

    /// When the oldest answer has had its time.
    pub(super) fn next(&self, lifetime: u64) -> Option<u64> {
        self.order.front().map(|(at, _)| at + lifetime)
    }

    pub(super) fn expire(&mut self, now: u64, lifetime: u64) {
        while self.next(lifetime).is_some_and(|next| next <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, digest)) = self.order.pop_front() {
            self.answers.remove(&digest);
        }
    }
}
