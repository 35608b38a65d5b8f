//! How long datagrams may be on a path (RFC 8899, as RFC 9000 §14.3 uses it).
//!
//! Every path carries [`BASE`] bytes. That it carries more is found out by *size probes*: datagrams that ask
//! for an acknowledgement, carry nothing, and may be cut in pieces by nobody. What is acknowledged fits.
//! What is lost three times does not, and its loss is no sign of congestion.
//!
//! The search climbs a ladder of lengths that links really have, until one does not pass; below the first
//! rung, where tunnels are, it halves what is left. It costs something, so it begins only when much is to be
//! sent and goes on only while it is: who chats sends no size probe ever. There is no timer. It is
//! repeated ten minutes after it has ended, if there is more to be won and again much to be sent.
//!
//! The states are those of RFC 8899 §5.2, but for ERROR: a path that does not carry the base is no path for
//! us, or the system cuts our datagrams in pieces there.
//!
//! A path may begin to carry less. Then every long packet is lost and the short ones arrive: three long ones
//! in a row are enough to go back to the base at once ([`Mtu::on_lost`]). Loss by chance or an outage looks
//! alike now and then, and other programs are known to stay slow for minutes after it; so the first thing
//! after such an alarm is to ask for the former length, and only one alarm after another makes us wait.

use std::time::{Duration, Instant};

use p2pchat_wire::MAX_DATAGRAM;

/// What every path is taken to carry (RFC 8899 §5.1.2: BASE_PLPMTU).
pub(crate) const BASE: usize = MAX_DATAGRAM;

/// The longest datagram that is ever tried (RFC 8899 §5.1.2: MAX_PLPMTU).
///
/// Only loopback carries so much. Two of them are the longest train that systems take at once, 65,000
/// bytes. One as long as that would save little more, and a few of them, which is the least window that goes
/// on, are more than what a socket of Linux holds unless it is told otherwise.
pub(crate) const LARGEST: usize = 32_500;

/// Lengths of UDP payload that links carry: Ethernet with IPv6 and with IPv4; what large frames leave in
/// clouds and behind tunnels (RFC 1191 §7.1: 8166); frames of 9000 bytes with IPv6; loopback where it
/// carries less than elsewhere (16,384 bytes in macOS), and loopback.
const LADDER: [usize; 6] = [1452, 1472, 8138, 8952, 16_250, LARGEST];

/// RFC 8899 §5.1.2: MAX_PROBES.
const MAX_PROBES: u32 = 3;

/// Halving ends when less than this can be won.
const FINE: usize = 32;

/// RFC 8899 §5.1.1: PMTU_RAISE_TIMER.
const RAISE_AFTER: Duration = Duration::from_secs(600);

/// Full packets that go before a search: about 75 kB, more than the longest message.
const BULK: u32 = 64;

/// Full packets between two probes of a search: what follows a lost one shows that it is lost.
const STEP: u32 = 4;

/// A packet that lacks less than this is full: nothing is cut up to fill the rest.
const SLACK: usize = 64;

/// Long packets in a row that are lost before the path is taken to carry them no longer.
const SUSPECTS: u32 = 3;

/// After the second alarm in a row; twice as long after each further one, up to [`RAISE_AFTER`].
const ALARM_PAUSE: Duration = Duration::from_secs(60);

/// A long packet that has arrived vouches for shorter ones, until one arrives so many packets later.
const VOUCHES_FOR: u64 = 16;

/// See the module. Packets are named by their place among those of the path.
#[derive(Debug)]
pub(super) struct Mtu {
    base: usize,
    limit: usize,
    size: usize,
    /// The shortest that is known not to pass, of this search.
    too_long: Option<usize>,
    state: State,
    /// Full packets since the search could have begun, or since its last probe.
    full: u32,
    next_ordinal: u64,
    /// A long packet that has arrived, one of the newest and longest.
    passed: Option<(u64, usize)>,
    suspects: Suspects,
    /// How often in a row a length was given up that had passed, without a long packet arriving since.
    alarms: u32,
    /// Packets from here on left after the last alarm.
    alarmed_at: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// BASE or SEARCH_COMPLETE: nothing is asked until then, or ever if there is nothing to be won.
    Resting { until: Option<Instant> },
    /// SEARCHING: for this length, asked for so often in vain; perhaps a probe is on its way.
    Searching { candidate: usize, failed: u32, asked: bool },
}

/// Long packets in a row that were lost.
#[derive(Clone, Copy, Debug, Default)]
struct Suspects {
    count: u32,
    newest: u64,
    shortest: usize,
}

impl Mtu {
    /// A path that carries `base`, of which nothing else is to be found out.
    pub(super) fn new(base: usize, now: Instant) -> Self {
        Self {
            base,
            limit: base,
            size: base,
            too_long: None,
            state: State::Resting { until: Some(now) },
            full: 0,
            next_ordinal: 0,
            passed: None,
            suspects: Suspects::default(),
            alarms: 0,
            alarmed_at: 0,
        }
    }

    /// From now on up to `limit` bytes may be tried.
    pub(super) fn search_up_to(&mut self, limit: usize) {
        self.limit = limit.max(self.base);
    }

    /// The path is another one.
    pub(super) fn reset(&mut self, now: Instant) {
        let (limit, next_ordinal) = (self.limit, self.next_ordinal);
        *self = Self { limit, next_ordinal, ..Self::new(self.base, now) };
    }

    /// What the path has shown to carry: between the base and the limit.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// What it carries in any case.
    pub(super) fn base(&self) -> usize {
        self.base
    }

    /// A packet leaves that is no size probe.
    pub(super) fn on_sent(&mut self, now: Instant, ordinal: u64, bytes: usize) {
        self.next_ordinal = ordinal.saturating_add(1);
        let may_count = match self.state {
            State::Resting { until } => until.is_some_and(|until| until <= now),
            State::Searching { .. } => true,
        };
        if may_count && bytes.saturating_add(SLACK) > self.size {
            self.full = self.full.saturating_add(1);
        }
    }

    /// How long a size probe is to be that is useful now, if any: longer than what is known to pass.
    pub(super) fn wanted(&mut self, now: Instant) -> Option<usize> {
        if let State::Resting { until: Some(until) } = self.state
            && until <= now
            && self.full >= BULK
        {
            self.too_long = None;
            self.go_on(now);
        }
        match self.state {
            State::Searching { candidate, asked: false, .. } if self.full >= STEP => {
                Some(candidate)
            }
            State::Searching { .. } | State::Resting { .. } => None,
        }
    }

    /// The size probe that was wanted leaves.
    pub(super) fn on_probe_sent(&mut self) {
        if let State::Searching { asked, .. } = &mut self.state {
            *asked = true;
            self.full = 0;
        }
    }

    /// A size probe of so many bytes has arrived.
    pub(super) fn on_probe_acked(&mut self, now: Instant, bytes: usize) {
        if self.is_awaited(bytes) {
            self.size = bytes;
            self.suspects = Suspects::default();
            self.go_on(now);
        }
    }

    /// A size probe of so many bytes is lost.
    pub(super) fn on_probe_lost(&mut self, now: Instant, bytes: usize) {
        if self.is_awaited(bytes)
            && let State::Searching { failed, asked, .. } = &mut self.state
        {
            *asked = false;
            *failed += 1;
            if *failed >= MAX_PROBES {
                self.too_long = Some(bytes);
                self.go_on(now);
            }
        }
    }

    /// Nobody will know what became of the size probe that is on its way, if one is.
    pub(super) fn forget_probe(&mut self) {
        if let State::Searching { asked, .. } = &mut self.state {
            *asked = false;
        }
    }

    /// A packet has arrived.
    pub(super) fn on_acked(&mut self, ordinal: u64, bytes: usize) {
        if bytes <= self.base {
            return;
        }
        if ordinal >= self.alarmed_at {
            self.alarms = 0;
        }
        let outlived = |(passed, length): (u64, usize)| {
            bytes >= length || ordinal > passed.saturating_add(VOUCHES_FOR)
        };
        if self.passed.is_none_or(outlived) {
            self.passed = Some((ordinal, bytes));
        }
        if ordinal > self.suspects.newest && bytes >= self.suspects.shortest {
            self.suspects = Suspects::default();
        }
    }

    /// A packet is lost; what an acknowledgement said of others is known. RFC 8899 §4.3: that it was too
    /// long is a suspicion only if no later one as long has arrived.
    pub(super) fn on_lost(&mut self, now: Instant, ordinal: u64, bytes: usize) {
        let vouched = |(passed, length)| passed > ordinal && length >= bytes;
        let old = self.size <= self.base || ordinal < self.alarmed_at;
        if bytes <= self.base || old || self.passed.is_some_and(vouched) {
            return;
        }
        let Suspects { count, newest, shortest } = self.suspects;
        let shortest = if count == 0 { bytes } else { shortest.min(bytes) };
        self.suspects = Suspects { count: count + 1, newest: newest.max(ordinal), shortest };
        if self.suspects.count >= SUSPECTS {
            self.alarm(now);
        }
    }

    /// Nothing is heard on the path, though it was asked twice.
    pub(super) fn on_silence(&mut self, now: Instant) {
        if self.size > self.base {
            self.alarm(now);
        }
    }

    /// Back to the base. What has passed until now is asked for at once, unless that has just failed.
    fn alarm(&mut self, now: Instant) {
        let former = self.size;
        self.size = self.base;
        self.too_long = None;
        self.full = 0;
        self.passed = None;
        self.suspects = Suspects::default();
        self.alarms = self.alarms.saturating_add(1);
        self.alarmed_at = self.next_ordinal;
        self.state = match self.alarms {
            0 | 1 => State::Searching { candidate: former, failed: 0, asked: false },
            more => {
                let pause = ALARM_PAUSE.saturating_mul(1 << (more - 2).min(8)).min(RAISE_AFTER);
                State::Resting { until: Some(now + pause) }
            }
        };
    }

    fn is_awaited(&self, bytes: usize) -> bool {
        matches!(self.state, State::Searching { candidate, asked: true, .. } if candidate == bytes)
    }

    /// To the next length, or the search is over.
    fn go_on(&mut self, now: Instant) {
        self.state = match self.next() {
            Some(candidate) => State::Searching { candidate, failed: 0, asked: false },
            None => {
                self.full = 0;
                let until = (self.size < self.limit).then(|| now + RAISE_AFTER);
                State::Resting { until }
            }
        };
    }

    fn next(&self) -> Option<usize> {
        let ceiling = self.too_long.unwrap_or(usize::MAX).min(self.limit.saturating_add(1));
        let rung = LADDER.into_iter().find(|rung| *rung > self.size && *rung < ceiling);
        let among_tunnels = self.size < LADDER[0] && self.too_long.is_some();
        rung.or_else(|| {
            let half = self.size + ceiling.saturating_sub(self.size) / 2;
            (among_tunnels && half >= self.size + FINE / 2).then_some(half)
        })
    }
}

#[cfg(test)]
#[path = "mtu_tests.rs"]
mod tests;
