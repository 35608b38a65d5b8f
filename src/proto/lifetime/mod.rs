//! How long our NAT keeps a mapping: unused ([`idle`]), and however busy it is. The latter is learned
//! by watching where servers see us. [`upkeep`] is what follows from both.
//!
//! Some carriers end every mapping at a certain age: T-Mobile's after 48 to 75 s. No keepalive helps. But
//! whoever knows the age can move to a fresh socket in time. An end that comes only after a silence,
//! or irregularly (a router was restarted, the provider gave another address), is none of that.
//!
//! Whether there was a silence is known only of a mapping that was seen a moment before. Servers are
//! asked too seldom for that, so after any end they are asked more often for a while, and the first
//! end of several counts for nothing else.

pub(crate) mod idle;
mod networks;
pub(crate) mod upkeep;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use networks::Networks;

use crate::proto::SocketId;

/// Ends at a regular age that are evidence enough.
const ENOUGH: usize = 4;

/// No end at a greater age is taken for regular: moving earlier than that costs more than it saves.
const LONGEST: Duration = Duration::from_secs(600);

/// Nor at a lesser: there is no time to move.
const SHORTEST: Duration = Duration::from_secs(20);

/// The greatest age at which a mapping may have ended is at most so many times the least at which one
/// is known to have lived.
const SPREAD: u32 = 2;

/// How often servers are asked where they see us, for [`LONGEST`] after an end.
pub(crate) const WATCH: Duration = Duration::from_secs(5);

/// How long before its end a mapping has to have been seen, for the end not to be one of disuse:
/// [`WATCH`], and a repetition. No NAT is known to forget sooner.
const SILENCE: Duration = Duration::from_secs(7);

/// How long an age that was learned is believed. Nobody sees an end who is always gone before, so it
/// has to be learned anew now and then.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);

/// The age at which a NAT ends mappings however busy they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AgeLimit {
    /// Our external address at that time: it stands for the network that we were in.
    pub external: IpAddr,
    /// The age up to which mappings live, 20 to 600 s.
    pub age: Duration,
    /// When that was learned by our own clock, in milliseconds since 1970.
    pub learned_at_ms: u64,
}

impl AgeLimit {
    /// For how long it is still believed, at this time of our own clock in milliseconds since 1970.
    #[must_use]
    pub fn believed_for(&self, now_ms: u64) -> Option<Duration> {
        let since = Duration::from_millis(now_ms.saturating_sub(self.learned_at_ms));
        BELIEVED.checked_sub(since).filter(|rest| !rest.is_zero())
    }
}

/// The age at which a mapping is left that lives up to `age`: a quarter is for the move, and for lives
/// that are shorter than any seen so far.
fn leave_after(age: Duration) -> Duration {
    age * 3 / 4
}

/// A mapping that has just been seen.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    socket: SocketId,
    /// Which server sees it: to another, a NAT may show another.
    via: SocketAddr,
    mapped: SocketAddr,
    born: Instant,
    seen: Instant,
}

/// The age at which a mapping ended: after the one, before the other.
#[derive(Clone, Copy, Debug)]
struct Age {
    least: Duration,
    most: Duration,
}

/// What is known of a network's NAT.
#[derive(Clone, Copy, Debug)]
struct Known {
    age: Duration,
    until: Instant,
}

/// What has been seen of our NAT.
#[derive(Debug, Default)]
pub(crate) struct Lifetime {
    current: Option<Mapping>,
    /// The newest last.
    ages: VecDeque<Age>,
    /// Until then servers are to be asked more often.
    watch_until: Option<Instant>,
    known: Networks<Known>,
}

impl Lifetime {
    /// Believes for so long that mappings live up to this age in a network.
    pub(crate) fn recall(&mut self, external: IpAddr, age: Duration, until: Instant) {
        if (SHORTEST..=LONGEST).contains(&age) {
            self.known.learn(external, Known { age, until });
        }
    }

    /// Whether no mapping was seen yet.
    pub(crate) fn is_new(&self) -> bool {
        self.current.is_none()
    }

    /// The server at `via` sees `socket` at `mapped`. Returns the age up to which mappings live, if
    /// this shows that they end at a regular one.
    pub(crate) fn seen(
        &mut self,
        now: Instant,
        socket: SocketId,
        via: SocketAddr,
        mapped: SocketAddr,
    ) -> Option<Duration> {
        let (mut learned, mut born) = (None, now);
        match &mut self.current {
            Some(known) if (known.socket, known.via, known.mapped) == (socket, via, mapped) => {
                known.seen = now;
                return None;
            }
            Some(known) if known.mapped.ip() != mapped.ip() => {
                self.ages.clear();
                self.watch_until = None;
            }
            Some(known) if (known.socket, known.via) == (socket, via) => {
                let least = known.seen.saturating_duration_since(known.born);
                let most = now.saturating_duration_since(known.born);
                learned = self.ended(now, mapped.ip(), Age { least, most });
            }
            // Another server sees the same mapping.
            Some(known) if (known.socket, known.mapped) == (socket, mapped) => born = known.born,
            _ => {}
        }
        self.current = Some(Mapping { socket, via, mapped, born, seen: now });
        learned
    }

    /// A mapping has ended at this age.
    fn ended(&mut self, now: Instant, external: IpAddr, age: Age) -> Option<Duration> {
        self.watch_until = Some(now + LONGEST);
        let rule = self.known.of(external).filter(|rule| now < rule.until);
        if rule.is_some_and(|rule| age.most < leave_after(rule.age)) {
            // We would have left in time, had the rule held.
            self.known.forget(external);
            self.ages.clear();
        }
        if age.most - age.least > SILENCE {
            // Whatever ended it, it may have lived too long for a rule.
            if self.ages.iter().any(|other| age.least > other.least * SPREAD) {
                self.ages.clear();
            }
            return None;
        }
        self.ages.push_back(age);
        if self.ages.len() > ENOUGH {
            self.ages.pop_front();
        }
        let age = self.regular()?;
        self.known.learn(external, Known { age, until: now + BELIEVED });
        Some(age)
    }

    /// The age up to which the last mappings have lived, if they ended at a regular one.
    fn regular(&self) -> Option<Duration> {
        let least = self.ages.iter().map(|age| age.least).min()?;
        let most = self.ages.iter().map(|age| age.most).max()?;
        let regular = self.ages.len() >= ENOUGH
            && least >= SHORTEST
            && most <= LONGEST
            && most <= least * SPREAD;
        regular.then_some(least)
    }

    /// Whether servers are to be asked each [`WATCH`].
    pub(crate) fn is_watching(&self, now: Instant) -> bool {
        self.watch_until.is_some_and(|until| now < until)
    }

    /// The age up to which mappings live here, if they end at a regular one.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        let known = self.known.of(self.current?.mapped.ip())?;
        (now < known.until).then_some(known.age)
    }

    /// The socket whose mapping is watched, and when it should be left for a fresh one.
    pub(crate) fn leave_at(&self) -> Option<(SocketId, Instant)> {
        let current = self.current?;
        let known = self.known.of(current.mapped.ip())?;
        let at = current.born + leave_after(known.age);
        (at < known.until).then_some((current.socket, at))
    }
}

#[cfg(test)]
mod tests;
