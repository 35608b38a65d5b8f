//! Pairs of peers that were introduced, and the channels between them.
//!
//! A channel is a number that only its owner knows. No relayed datagram names an address, so
//! nobody can aim the server at a third party: it goes to where the other side of the pair was
//! last heard, or nowhere.
//!
//! What is on its way waits in `relay/backlog.rs`, in the buffers of `relay/arena.rs`; `relay/forward.rs` is the
//! server's way from one to the other.

mod arena;
mod backlog;
mod forward;

use std::collections::BTreeMap;

use p2pchat_wire::identity::PeerId;
use p2pchat_wire::random::Random;

use super::config::Config;
use super::limits::Bucket;
use super::wheel::Wheel;

pub use self::arena::Buffer;
pub use self::backlog::{MAX_JOINED, Train};

use self::backlog::{Backlog, ClassId};

/// What two peers share.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) keys: [PeerId; 2],
    channels: [u64; 2],
    introduction: u64,
    used: u64,
    relayed: Bucket,
    class: ClassId,
}

/// What one side of a pair is told of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) introduction: u64,
    /// The asker's channel.
    pub(super) channel: u64,
    /// The other side's.
    pub(super) other: u64,
}

/// Where a relayed datagram goes.
#[derive(Clone, Copy, Debug)]
struct Route {
    owner: PeerId,
    other: PeerId,
    /// The other side's number for the channel.
    channel: u64,
    pair: u64,
    /// Which of the pair's sides the owner is.
    side: usize,
}

/// All pairs.
#[derive(Debug)]
pub(super) struct Relay {
    pairs: BTreeMap<u64, Pair>,
    /// Pairs by their two keys, each pair both ways round.
    by_keys: BTreeMap<(PeerId, PeerId), u64>,
    /// Pair and side by channel.
    by_channel: BTreeMap<u64, (u64, usize)>,
    disuse: Wheel<u64>,
    next: u64,
    backlog: Backlog,
    /// The runs of the buffer at hand.
    admitted: Vec<forward::Admitted>,
    /// For what comes in no buffer.
    spare: Option<Buffer>,
    /// When the limit on everybody together lets the next train go, if that is what it waits for.
    resumes: Option<u64>,
}

impl Relay {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            pairs: BTreeMap::new(),
            by_keys: BTreeMap::new(),
            by_channel: BTreeMap::new(),
            disuse: Wheel::default(),
            next: 0,
            backlog: Backlog::new(forward::quantum(config)),
            admitted: Vec::new(),
            spare: None,
            resumes: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The ticket of `asker` for talking to `other`, the same as long as the pair lives. `None` if
    /// there is no room for another pair.
    pub(super) fn introduce(
        &mut self,
        at: u64,
        config: &Config,
        random: &mut Random,
        asker: PeerId,
        other: PeerId,
    ) -> Option<Ticket> {
        let id = match self.by_keys.get(&(asker, other)) {
            Some(id) => *id,
            None => self.pair(at, config, random, [asker, other])?,
        };
        let pair = self.pairs.get_mut(&id)?;
        pair.used = at;
        let [mut channel, mut other] = pair.channels;
        if pair.keys[0] != asker {
            std::mem::swap(&mut channel, &mut other);
        }
        Some(Ticket { introduction: pair.introduction, channel, other })
    }

    fn pair(
        &mut self,
        at: u64,
        config: &Config,
        random: &mut Random,
        keys: [PeerId; 2],
    ) -> Option<u64> {
        let [one, two] = keys;
        if self.pairs.len() >= config.max_pairs
            || keys.iter().any(|key| self.of(key).count() >= config.max_pairs_per_key)
        {
            return None;
        }
        let id = self.next;
        self.next += 1;
        let channels = [0, 1].map(|side| {
            loop {
                let channel = random.u64();
                if let std::collections::btree_map::Entry::Vacant(entry) =
                    self.by_channel.entry(channel)
                {
                    entry.insert((id, side));
                    return channel;
                }
            }
        });
        self.by_keys.insert((one, two), id);
        self.by_keys.insert((two, one), id);
        let introduction = random.u64();
        let (relayed, class) = (Bucket::default(), ClassId::default());
        let pair = Pair { keys, channels, introduction, used: at, relayed, class };
        self.pairs.insert(id, pair);
        self.disuse.insert(at + millis(config), id);
        Some(id)
    }

    /// Finds the way of a datagram by the channel it was sent on.
    fn route(&self, channel: u64) -> Option<Route> {
        let &(id, side) = self.by_channel.get(&channel)?;
        let pair = self.pairs.get(&id)?;
        let other = 1 - side;
        let (owner, other, channel) = (pair.keys[side], pair.keys[other], pair.channels[other]);
        Some(Route { owner, other, channel, pair: id, side })
    }

    /// The others that `key` is paired with.
    pub(super) fn of(&self, key: &PeerId) -> impl Iterator<Item = PeerId> {
        let (first, last) = (PeerId([0; 32]), PeerId([0xff; 32]));
        self.by_keys.range((*key, first)..=(*key, last)).map(|((_, other), _)| *other)
    }

    /// Ends the pair of two keys.
    pub(super) fn part(&mut self, one: PeerId, two: PeerId) {
        if let Some(&id) = self.by_keys.get(&(one, two)) {
            self.remove(id);
        }
    }

    /// When a pair may have been out of use for too long, or a train that waits may go.
    pub(super) fn next(&self) -> Option<u64> {
        [self.disuse.next(), self.resumes].into_iter().flatten().min()
    }

    /// Ends the pairs that have been out of use for too long.
    pub(super) fn expire(&mut self, at: u64, config: &Config) {
        while let Some(ids) = self.disuse.due(at) {
            for id in ids {
                let Some(pair) = self.pairs.get(&id) else { continue };
                let until = pair.used + millis(config);
                if until > at {
                    self.disuse.insert(until, id);
                } else {
                    self.remove(id);
                }
            }
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(pair) = self.pairs.remove(&id) else { return };
        self.backlog.discard(pair.class, id);
        let [one, two] = pair.keys;
        self.by_keys.remove(&(one, two));
        self.by_keys.remove(&(two, one));
        for channel in pair.channels {
            self.by_channel.remove(&channel);
        }
    }
}

fn millis(config: &Config) -> u64 {
    u64::try_from(config.pair_lifetime.as_millis()).unwrap_or(u64::MAX / 2)
}
