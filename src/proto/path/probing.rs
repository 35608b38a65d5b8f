//! When to probe a path, and what an echo means.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::strangers::Leave;
use super::{Account, MAX_UNANSWERED, Pair, Path, PathId, Paths, STALE, State};

/// Gaps between the probes of an endpoint that has not answered: close together at first, because
/// both sides punch at the same moment, then slower. The last repeats.
pub(super) const UNPROVEN_GAPS: [Duration; 7] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
    Duration::from_millis(3000),
];

/// How long a probe waits while there is no room for it in the account, or in the peer's own budget.
const BLIND_RETRY: Duration = Duration::from_secs(1);

/// Echoes of a new path that come close together: they measure it, and NATs that give a flow a longer
/// life once it has gone both ways for two seconds (Linux) see it do so.
const MEASURED_AFTER: u32 = 4;

/// How soon such a probe follows the echo of the last.
const MEASURE_GAP: Duration = Duration::from_secs(1);

/// How often a path that went silent is probed: fast at first, then slowly for ever.
const SILENT_GAPS: [(Duration, Duration); 2] =
    [(Duration::from_secs(15), Duration::from_secs(1)), (Duration::MAX, Duration::from_secs(5))];

/// How often a path that has been silent for [`STALE`] is probed while another one works. Endpoints
/// that a NAT has forgotten never work again, and whoever moves a lot leaves many behind.
const RESTING_GAP: Duration = Duration::from_secs(60);

/// How long nothing may have arrived on a path whose packets are not acknowledged.
const QUIET: Duration = Duration::from_millis(1500);

/// Probe timeouts in a row after which a path is silent although packets arrive on it: it works
/// one way only.
const DEAF_AFTER: u32 = 7;

/// What a suspected path gets on top of a round trip and a quarter, before its silence counts.
const SUSPICION_MARGIN: Duration = Duration::from_millis(10);

/// Unanswered probes in a row after which a validated path counts as silent.
const SILENT_AFTER: u32 = 4;

/// Probes sent since the last echo from which on copies go over the relay: one is on its way as a
/// matter of course, the second means that the first was not answered in time.
const UNSURE_AFTER: u32 = 2;

/// The gap before a probe of a validated path is repeated is twice its round trip, within these.
const REPEAT_AFTER: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));

impl Paths {
    /// The next probe that is due: its path, on which the token is to be sent.
    pub(crate) fn poll_probe(
        &mut self,
        now: Instant,
        token: u64,
        account: &mut Account<'_>,
    ) -> Option<PathId> {
        self.forget_retired(now);
        loop {
            let due = |path: &Path| path.probes.next.is_some_and(|at| at <= now);
            let index = self.direct.iter().position(due)?;
            let moved = self.has_moved(self.direct.get(index)?);
            let path = self.direct.get_mut(index)?;
            if moved {
                path.fall_silent(now);
            }
            let (pair, unproven) = (path.pair, path.is_unproven());
            let leave =
                if unproven { Leave::Denied } else { self.spend_blindly(now, pair, account) };
            let other_works = self.direct.iter().any(|path| path.state == State::Validated);
            let path = self.direct.get_mut(index)?;
            path.probes.waiting = leave == Leave::NotNow;
            match leave {
                Leave::Denied => path.probes.next = None,
                Leave::NotNow => path.probes.next = Some(now + BLIND_RETRY),
                Leave::Granted => {
                    path.on_probe_sent(now, token);
                    if other_works && path.is_silent_for(now, STALE) {
                        path.probes.next = Some(now + RESTING_GAP);
                    }
                    return Some(path.id);
                }
            }
        }
    }

    /// When [`Paths::poll_probe`] has something next.
    pub(crate) fn next_probe(&self) -> Option<Instant> {
        self.direct.iter().filter_map(|path| path.probes.next).min()
    }

    /// The peer echoed `token`. Returns the path that this validates or confirms, and how long the
    /// echo took.
    ///
    /// The echo may come on any path: it is the token's arrival there that it proves.
    ///
    /// A path that works is probed again after `keepalive`: that keeps the NATs' mappings alive, and
    /// shows a dead path to people who are not typing.
    pub(crate) fn on_echo(
        &mut self,
        now: Instant,
        token: u64,
        keepalive: Duration,
    ) -> Option<(PathId, Duration)> {
        let mut paths = self.direct.iter_mut();
        paths.find_map(|path| Some((path.id, path.on_echo(now, token, keepalive)?)))
    }

    /// So many probe timeouts of the session went unanswered on a path. Returns whether it counts
    /// as silent now.
    ///
    /// On a lossy path a few in a row are chance, and something still arrives the other way; then
    /// copies over the relay do, and the path stays.
    pub(crate) fn on_unanswered(&mut self, now: Instant, id: PathId, timeouts: u32) -> bool {
        let Some(path) = self.find_mut(id) else { return false };
        let heard = path.heard_at.is_some_and(|at| now.saturating_duration_since(at) < QUIET);
        if heard && timeouts < DEAF_AFTER {
            return false;
        }
        path.fall_silent(now);
        true
    }

    /// Whether one more packet outside the session may go to an endpoint which may never have
    /// answered; counts it.
    pub(crate) fn may_send_blindly(
        &mut self,
        now: Instant,
        pair: Pair,
        account: &mut Account<'_>,
    ) -> bool {
        let may = self.spend_blindly(now, pair, account) == Leave::Granted;
        if let Some(path) = self.direct.iter_mut().find(|path| path.pair == pair) {
            path.traffic.sent += u64::from(may);
        }
        may
    }

    /// As [`Self::may_send_blindly`], for a packet that [`Self::sent`] counts.
    fn spend_blindly(&mut self, now: Instant, pair: Pair, account: &mut Account<'_>) -> Leave {
        if self.was_heard_from(pair.remote) {
            return Leave::Granted;
        }
        let mut found = self.direct.iter_mut().filter(|path| path.pair == pair);
        let found = found.find_map(|path| path.found.as_mut());
        let leave = match &found {
            Some(packets) if **packets >= MAX_UNANSWERED => Leave::Denied,
            Some(_) => Leave::Granted,
            None => account.leave(now, pair.remote),
        };
        if leave != Leave::Granted {
            return leave;
        }
        if !self.blind.take(now) {
            return Leave::NotNow;
        }
        match found {
            Some(packets) => *packets += 1,
            None => account.sent(now, pair.remote),
        }
        Leave::Granted
    }

    /// Whether something authentic ever came from there, to whichever of our sockets.
    fn was_heard_from(&self, remote: SocketAddr) -> bool {
        self.direct.iter().any(|path| path.pair.remote == remote && path.heard_at.is_some())
    }

    /// An endpoint is announced in our own network, whatever its address looks like.
    pub(crate) fn is_near(&mut self, pair: Pair) {
        if let Some(path) = self.direct.iter_mut().find(|path| path.pair == pair) {
            path.near = true;
        }
    }

    /// Probes an endpoint that has not answered at once: there is news of it that only the peer can
    /// have.
    pub(crate) fn try_anew(&mut self, now: Instant, pair: Pair) {
        let unheard = |path: &&mut Path| path.pair == pair && path.heard_at.is_none();
        if let Some(path) = self.direct.iter_mut().find(unheard) {
            path.probes.unanswered = 0;
            path.probes.next = Some(now);
        }
    }

    /// The peer was heard from a new endpoint: perhaps its NAT has forgotten the old one, and with
    /// it the path in use. Both are asked at the same moment; if the new one answers and the one in
    /// use does not, the peer has moved.
    pub(super) fn suspect_roaming(&mut self, now: Instant) {
        if let Some(active) = self.active.and_then(|active| self.find_mut(active))
            && active.state == State::Validated
            && active.suspected_at.is_none()
        {
            active.suspected_at = Some(now);
            active.probes.next = Some(now);
        }
    }

    /// Whether `path` was suspected, has had its time to answer, and another has answered since.
    fn has_moved(&self, path: &Path) -> bool {
        let answered = |other: &Path, since| {
            other.state == State::Validated && other.heard_at.is_some_and(|at| at > since)
        };
        path.suspected_at.is_some_and(|since| {
            path.probes.unanswered > 0
                && self.direct.iter().any(|other| other.id != path.id && answered(other, since))
        })
    }

    /// The network changed: every endpoint may work now, and those that worked may not.
    pub(crate) fn probe_all(&mut self, now: Instant) {
        self.direct.iter_mut().for_each(|path| path.probe_anew(now));
        self.shake(now);
    }

    /// A server brings us together once more: what worked may work again, or work no longer. That
    /// gives no endpoint that never answered more packets than it is due: it is the server's word,
    /// which costs it nothing.
    pub(crate) fn probe_proven(&mut self, now: Instant) {
        let proven = self.direct.iter_mut().filter(|path| path.state != State::Unproven);
        proven.for_each(|path| path.probe_anew(now));
        self.shake(now);
    }

    /// Whether the path in use has just been probed for the second time without an answer to the
    /// first.
    pub(crate) fn has_just_missed(&self, id: PathId) -> bool {
        let missed = |path: &Path| path.is_unsure() && path.probes.unanswered == UNSURE_AFTER;
        self.active == Some(id) && self.find(id).is_some_and(missed)
    }

    /// The peer says over the relay what it has not said on the direct path in use, of which nothing
    /// came for `silence`. Perhaps it knows already that the path is dead.
    pub(crate) fn doubt(&mut self, now: Instant, silence: Duration) {
        if let Some(path) = self.active.and_then(|active| self.find_mut(active))
            && path.state == State::Validated
            && !path.shaken
            && path.heard_at.is_none_or(|at| now.saturating_duration_since(at) >= silence)
        {
            path.shaken = true;
            path.probes.next = Some(now);
        }
    }

    /// One of the two networks changed. What worked may not any more: until it answers, copies go
    /// over the relay.
    pub(crate) fn shake(&mut self, now: Instant) {
        for path in self.direct.iter_mut().filter(|path| path.state == State::Validated) {
            path.shaken = true;
            path.probes.unanswered = 0;
            path.probes.next = Some(now);
        }
    }
}

impl Path {
    /// Is asked at once, whatever it was asked before.
    fn probe_anew(&mut self, now: Instant) {
        self.probes.unanswered = 0;
        self.probes.in_flight.clear();
        self.probes.next = Some(now);
    }

    /// Whether something came from there once and no probe was ever echoed. Who lies about the
    /// source of a packet gains a dozen probes.
    fn is_unproven(&self) -> bool {
        self.heard_at.is_some()
            && self.state == State::Unproven
            && self.probes.unanswered >= MAX_UNANSWERED
    }

    pub(super) fn is_silent_for(&self, now: Instant, time: Duration) -> bool {
        matches!(self.state, State::Silent(since) if now.saturating_duration_since(since) >= time)
    }

    /// Whether it worked and may not any more.
    pub(super) fn is_unsure(&self) -> bool {
        self.state == State::Validated && (self.shaken || self.probes.unanswered >= UNSURE_AFTER)
    }

    /// Whether a probe left so lately that its echo may still come.
    pub(super) fn was_just_probed(&self, now: Instant) -> bool {
        let newest = self.probes.in_flight.back();
        newest.is_some_and(|(_, sent)| now.saturating_duration_since(*sent) < REPEAT_AFTER.0)
    }

    fn on_probe_sent(&mut self, now: Instant, token: u64) {
        let probes = &mut self.probes;
        if probes.in_flight.len() >= MAX_UNANSWERED as usize {
            probes.in_flight.pop_front();
        }
        probes.in_flight.push_back((token, now));
        probes.sent = probes.sent.saturating_add(1);
        probes.unanswered = probes.unanswered.saturating_add(1);
        if self.state == State::Validated && probes.unanswered >= SILENT_AFTER {
            self.fall_silent(now);
        }
        let probes = &mut self.probes;
        probes.next = match self.state {
            State::Unproven => {
                let step = (probes.unanswered as usize - 1).min(UNPROVEN_GAPS.len() - 1);
                Some(now + UNPROVEN_GAPS[step])
            }
            State::Validated if self.suspected_at.is_some() || self.shaken => {
                let rtt = self.rtt.unwrap_or_default();
                Some(now + rtt + rtt / 4 + SUSPICION_MARGIN)
            }
            State::Validated => {
                let (least, most) = REPEAT_AFTER;
                Some(now + (self.rtt.unwrap_or(least) * 2).clamp(least, most))
            }
            State::Silent(since) => {
                let silence = now.saturating_duration_since(since);
                SILENT_GAPS.iter().find(|(until, _)| silence < *until).map(|(_, gap)| now + *gap)
            }
        };
    }

    fn on_echo(&mut self, now: Instant, token: u64, keepalive: Duration) -> Option<Duration> {
        let index = self.probes.in_flight.iter().position(|(sent, _)| *sent == token)?;
        let (_, sent_at) = self.probes.in_flight.remove(index)?;
        let sample = now.saturating_duration_since(sent_at);
        self.rtt = Some(match self.rtt {
            // RFC 9002 §5.3's weights.
            Some(smoothed) if self.state == State::Validated => (smoothed * 7 + sample) / 8,
            _ => sample,
        });
        self.least_rtt = Some(self.least_rtt.map_or(sample, |least| least.min(sample)));
        self.state = State::Validated;
        self.suspected_at = None;
        self.shaken = false;
        self.probes.in_flight.retain(|(_, sent)| *sent > sent_at);
        self.probes.answered = self.probes.answered.saturating_add(1);
        self.probes.unanswered = 0;
        self.probes.together = self.probes.together.saturating_add(1);
        let gap = if self.probes.together < MEASURED_AFTER { MEASURE_GAP } else { keepalive };
        self.probes.next = Some(now + gap);
        Some(sample)
    }

    fn fall_silent(&mut self, now: Instant) {
        if self.state == State::Validated {
            self.state = State::Silent(now);
            self.suspected_at = None;
            self.shaken = false;
            self.rtt = None;
            self.least_rtt = None;
            self.probes.together = 0;
            let soon = now + SILENT_GAPS[0].1;
            self.probes.next = Some(self.probes.next.map_or(soon, |next| next.min(soon)));
        }
    }
}
