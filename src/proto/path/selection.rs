//! Which path carries the text.

use std::time::{Duration, Instant};

use super::{Path, PathId, Paths, State};
use crate::proto::Policy;

/// Where packets go now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Route {
    /// The path in use.
    pub(crate) primary: Option<PathId>,
    /// A second path that gets a copy of everything while the first is in doubt.
    pub(crate) also: Option<PathId>,
    /// Whether text may travel, or only what keeps the session together.
    pub(crate) text: bool,
}

/// A direct path must be faster than the active one by this and by a tenth, lest two equal paths
/// take turns.
const HYSTERESIS: Duration = Duration::from_millis(5);

/// To an endpoint that was heard but has not echoed a probe yet, at most this many times the bytes
/// go that came from it (RFC 9000 §8.1).
const UNPROVEN_FACTOR: usize = 3;

/// How long a packet from an unproven endpoint makes it worth copies of the text.
const PROMISING_FOR: Duration = Duration::from_secs(3);

/// Whether a path with the second round trip is enough faster than one with the first.
fn is_worth_moving(from: Duration, to: Duration) -> bool {
    to.saturating_add(HYSTERESIS.max(from / 10)) < from
}

/// A direct path is clearly worse than the relay if its round trip is longer by this and by half.
const CLEARLY: Duration = Duration::from_millis(50);

impl Paths {
    /// Decides where packets go.
    ///
    /// A validated direct path beats the relay, unless it is clearly worse when we come to it;
    /// between direct ones the faster wins, with hysteresis. `in_doubt` says whether the session sees acknowledgements missing on a path:
    /// then copies go over the relay until the path proves itself or falls silent. So they do when
    /// probes go unanswered or a network has changed.
    pub(crate) fn route(&mut self, now: Instant, in_doubt: impl Fn(PathId) -> bool) -> Route {
        let relay = self.relay.then_some(PathId::RELAY);
        let direct = self.best_direct().filter(|id| self.is_worth_entering(*id));
        let text = self.policy != Policy::DirectOnly || direct.is_some();
        let route = match direct {
            Some(id) => {
                let unsure = self.find(id).is_some_and(Path::is_unsure);
                let also = relay.filter(|_| unsure || in_doubt(id));
                Route { primary: Some(id), also, text }
            }
            None => Route { primary: relay, also: self.promising(now), text },
        };
        if self.policy == Policy::DirectOnly && direct.is_some() {
            self.active = route.primary;
            return Route { also: None, ..route };
        }
        self.active = route.primary.or(route.also);
        Route { primary: self.active, also: route.also.filter(|id| Some(*id) != self.active), text }
    }

    /// The path that the last [`Paths::route`] chose.
    pub(crate) fn active(&self) -> Option<PathId> {
        self.active
    }

    /// The path to be shown to a person: the one in use; while there is none, and no relay either,
    /// the one that the peer was heard on last.
    pub(crate) fn shown(&self) -> Option<PathId> {
        let last = || self.direct.iter().filter(|path| path.heard_at.is_some());
        let last = || last().max_by_key(|path| path.heard_at).map(|path| path.id);
        self.active.or_else(|| if self.relay { None } else { last() })
    }

    fn best_direct(&self) -> Option<PathId> {
        let validated = || self.direct.iter().filter(|path| path.state == State::Validated);
        let rtt = |path: &Path| path.rtt.unwrap_or(Duration::MAX);
        let best = validated().min_by_key(|path| (path.retiring, rtt(path)))?;
        match validated().find(|path| Some(path.id) == self.active) {
            Some(active) if active.retiring && !best.retiring => Some(best.id),
            Some(active) if !is_worth_moving(rtt(active), rtt(best)) => Some(active.id),
            _ => Some(best.id),
        }
    }

    /// Whether the text may move from the relay to a direct path, once both are measured.
    ///
    /// This is asked on entering only. A direct path that is in use and has become slow is not left
    /// for it: under load it is our own queue that makes it slow, and would make the relay slow too.
    fn is_worth_entering(&self, id: PathId) -> bool {
        let in_use = |path: &Path| Some(path.id) == self.active && path.state == State::Validated;
        self.policy == Policy::DirectOnly
            || self.direct.iter().any(in_use)
            || !self.find(id).is_some_and(|path| self.is_clearly_worse(path))
    }

    /// Whether the relay is so much faster that a person feels it.
    fn is_clearly_worse(&self, path: &Path) -> bool {
        let (Some(direct), Some(relay)) = (path.least_rtt, self.relay_rtt) else { return false };
        self.relay && direct > relay.saturating_add(CLEARLY.max(relay / 2))
    }

    /// An unproven endpoint from which the peer was just heard: most likely the path of the next
    /// moment.
    fn promising(&self, now: Instant) -> Option<PathId> {
        let recent = |path: &Path| {
            path.heard_at.is_some_and(|at| now.saturating_duration_since(at) < PROMISING_FOR)
        };
        let affordable =
            |path: &Path| path.sent_bytes < path.received_bytes.saturating_mul(UNPROVEN_FACTOR);
        self.direct
            .iter()
            .filter(|path| path.state == State::Unproven && recent(path) && affordable(path))
            .max_by_key(|path| path.heard_at)
            .map(|path| path.id)
    }
}
