//! How long our NAT keeps a mapping: unused ([`idle`]), and however busy it is. The latter is learned
//! by watching where servers see us.
//!
//! Some carriers end every mapping at a certain age: T-Mobile's after 48 to 75 s. No keepalive helps. But
//! whoever knows the age can move to a fresh socket in time. An end that comes only after a silence,
//! or irregularly (a router was restarted, the provider gave another address), is none of that.

pub(crate) mod idle;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::proto::SocketId;

/// Ends at a regular age that are evidence enough.
const ENOUGH: usize = 3;

/// No end at a greater age is taken for regular: moving earlier than that costs more than it saves.
const LONGEST: Duration = Duration::from_secs(600);

/// Nor at a lesser: there is no time to move.
const SHORTEST: Duration = Duration::from_secs(20);

/// The greatest age at which a mapping may have ended is at most so many times the least at which one
/// is known to have lived.
const SPREAD: u32 = 3;

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

/// What has been seen of our NAT.
#[derive(Debug, Default)]
pub(crate) struct Lifetime {
    current: Option<Mapping>,
    /// The newest last.
    ages: VecDeque<Age>,
}

impl Lifetime {
    /// The server at `via` sees `socket` at `mapped`.
    pub(crate) fn seen(
        &mut self,
        now: Instant,
        socket: SocketId,
        via: SocketAddr,
        mapped: SocketAddr,
    ) {
        match &mut self.current {
            Some(known) if (known.socket, known.via, known.mapped) == (socket, via, mapped) => {
                known.seen = now;
                return;
            }
            Some(known) if known.mapped.ip() != mapped.ip() => self.ages.clear(),
            Some(known) if (known.socket, known.via) == (socket, via) => {
                let least = known.seen.saturating_duration_since(known.born);
                let most = now.saturating_duration_since(known.born);
                self.ages.push_back(Age { least, most });
                if self.ages.len() > ENOUGH {
                    self.ages.pop_front();
                }
            }
            _ => {}
        }
        self.current = Some(Mapping { socket, via, mapped, born: now, seen: now });
    }

    /// The age up to which mappings have lived, if they end at a regular one.
    pub(crate) fn limit(&self) -> Option<Duration> {
        let least = self.ages.iter().map(|age| age.least).min()?;
        let most = self.ages.iter().map(|age| age.most).max()?;
        let regular = self.ages.len() >= ENOUGH
            && least >= SHORTEST
            && most <= LONGEST
            && most <= least * SPREAD;
        regular.then_some(least)
    }

    /// The socket whose mapping is watched, and when it should be left for a fresh one.
    pub(crate) fn leave_at(&self) -> Option<(SocketId, Instant)> {
        let known = self.current?;
        // A quarter is for the move, and for lives that are shorter than any seen so far.
        Some((known.socket, known.born + self.limit()? * 3 / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: SocketId = SocketId::FIRST;

    const VIA: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 10)), 3478);

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
        Instant::now()
    }

    fn port(port: u16) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, 1], port))
    }

    /// Asks every `every` seconds for `seconds`, while each mapping ends at the age that `life` says.
    fn watch(life: impl Fn(u64) -> u64, every: u64, seconds: u64) -> (Lifetime, Instant) {
        let begin = start();
        let mut lifetime = Lifetime::default();
        let (mut count, mut born) = (0, 0);
        for second in (0..seconds).step_by(every as usize) {
            while second - born >= life(count) {
                born += life(count);
                count += 1;
            }
            let mapped = port(1000 + count as u16);
            lifetime.seen(begin + Duration::from_secs(second), FIRST, VIA, mapped);
        }
        (lifetime, begin)
    }

    #[test]
    fn a_carrier_that_ends_mappings_between_48_and_75_seconds_is_left_in_time() {
        let (lifetime, _) = watch(|count| [61, 48, 75, 55][count as usize % 4], 10, 600);
        let limit = lifetime.limit().expect("regular enough");
        assert!(limit >= Duration::from_secs(30) && limit <= Duration::from_secs(75), "{limit:?}");
    }

    #[test]
    fn a_router_that_was_restarted_now_and_then_is_not_left() {
        let (lifetime, _) = watch(|count| [4000, 90, 700][count as usize % 3], 20, 20_000);
        assert_eq!(lifetime.limit(), None);
    }

    #[test]
    fn mappings_that_end_between_any_two_packets_are_for_the_keepalive() {
        let (lifetime, _) = watch(|_| 15, 20, 2000);
        assert_eq!(lifetime.limit(), None);
    }

    #[test]
    fn another_socket_ends_nothing_and_another_address_begins_anew() {
        let (mut lifetime, begin) = watch(|_| 60, 10, 600);
        let limit = lifetime.limit();
        let now = begin + Duration::from_secs(601);
        lifetime.seen(now, SocketId(1), VIA, port(5000));
        assert!(limit.is_some() && lifetime.limit() == limit);
        assert_eq!(lifetime.leave_at().map(|(socket, _)| socket), Some(SocketId(1)));
        lifetime.seen(now, SocketId(1), VIA, SocketAddr::from(([192, 0, 2, 1], 5000)));
        assert_eq!(lifetime.limit(), None);
    }
}
