//! A model of the path in place of its losses (draft-ietf-ccwg-bbr).
//!
//! What a path can carry at once is its bandwidth times its least round trip. Both are measured: the
//! bandwidth as the highest rate of delivery of late ([`delivery`](super::delivery)), the round trip
//! as its minimum over ten seconds. Packets leave at the one, and no more than about twice the product
//! is in flight. A path that loses packets by chance, as radio does, then carries what it can; to a
//! controller that takes each loss for a full queue it is nearly useless.
//!
//! The model is kept fresh by asking for more now and then, and leaving the queue empty afterwards:
//! [`Mode`] is that cycle. As in BBR's third version, what an attempt to send more loses bounds the
//! next, and room is left for others.
//!
//! Where we differ from the draft: a loss is a sign of congestion only if there is more of it than the
//! path loses anyway ([`Bbr::ambient_loss`]), or if the round trip shows a queue. The draft's bound of
//! 2 % makes it as slow as the others on a path that loses 5 % by chance. And where the queue stays
//! although we have left it, somebody keeps it full who goes by losses; beside such a [`Bbr::rival`] we
//! do the same (RFC 9438), because a model would take too much from it or too little.

mod model;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::model::{Aggregation, MaxBandwidth, Round};
use super::Rtt;
use super::congestion::{Ack, Acked, Controller, INITIAL_WINDOW, MAX_WINDOW, bounded};
use super::cubic::Cubic;

/// draft-ietf-ccwg-bbr §2.4: 4 ln 2, the least gain that doubles the rate with each round trip.
const STARTUP_GAIN: f64 = 2.773;
const STARTUP_WINDOW_GAIN: f64 = 2.0;
/// How fast the queue of the start is drained (§5.3.2).
const DRAIN_GAIN: f64 = 0.5;
/// §5.3.3: the cycle's rates, as parts of the bandwidth.
const DOWN_GAIN: f64 = 0.9;
const UP_GAIN: f64 = 1.25;
/// How much may be in flight, in products of bandwidth and least round trip.
const WINDOW_GAIN: f64 = 2.0;
const UP_WINDOW_GAIN: f64 = 2.25;
/// §2.5: packets leave one per cent slower than the bandwidth, so that queues end.
const MARGIN: f64 = 0.99;
/// §2.6: the part of a bound that is left to others.
const HEADROOM: f64 = 0.15;
/// §2.6: the loss, beyond what the path always loses, that is too much.
const LOSS_THRESHOLD: f64 = 0.02;
/// §2.6: what is left of a bound that was too high.
const BETA: f64 = 0.7;
/// No path is taken to lose more than this by itself.
const MAX_AMBIENT_LOSS: f64 = 0.15;
/// Above the least round trip by this factor, there is a queue.
const QUEUE: f64 = 1.125;
/// §5.3.1.2: rounds without a quarter more bandwidth, after which the start is over.
const FULL_ROUNDS: u32 = 3;
/// How long a least round trip is believed, and for how long the next one is looked for (§2.8).
const MIN_RTT_LIFE: Duration = Duration::from_secs(10);
const PROBE_RTT_TIME: Duration = Duration::from_millis(200);
const PROBE_RTT_GAIN: f64 = 0.5;
/// In datagrams: enough that acknowledgements go on (§2.7).
const MIN_PIPE: usize = 4;
/// §5.6.3: what leaves at once is what goes in a millisecond, but no more bytes than this and no fewer
/// datagrams than two.
const QUANTUM_TIME: Duration = Duration::from_millis(1);
const MAX_QUANTUM: usize = 64 << 10;
const MIN_QUANTUM: usize = 2;
/// §5.6.4.2: as many of those may be in flight: one in the making, one on its way, one being taken.
const QUANTA: usize = 3;
/// Between two attempts to send more: two to three seconds, or as many round trips as Reno would need
/// to come back after a loss, but no more than this (§5.3.3.5.1).
const LEAST_PAUSE: Duration = Duration::from_secs(2);
/// Rounds that it takes to see whether the queue has gone with what we put there.
const RIVAL_ROUNDS: u32 = 2;
const MAX_PAUSE_ROUNDS: u32 = 63;

/// Where in its cycle the model is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    /// Looks for the bandwidth, twice as fast each round.
    Startup,
    /// Drains the queue that this made.
    Drain,
    /// Drains what the last attempt left.
    Down,
    /// Sends what the path carries.
    Cruise { until: Instant },
    /// Fills the path before the attempt, so that what then fills is the queue.
    Refill { round: u64 },
    /// Asks for more, since this round.
    Up { round: u64 },
    /// Sends little, to see the round trip without our own queue; until when, once little is in
    /// flight.
    ProbeRtt { until: Option<Instant> },
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Bbr {
    mtu: usize,
    mode: Mode,
    window: usize,
    bandwidth: MaxBandwidth,
    aggregation: Aggregation,
    min_rtt: Option<Duration>,
    min_rtt_at: Instant,
    round: Round,
    /// The bandwidth that the start has found, and for how many rounds it has not grown.
    full_bandwidth: u64,
    full_rounds: u32,
    filled: bool,
    /// What may be in flight: what an attempt to send more has lost at.
    bounds: Bounds,
    /// The bounds before the last loss, for when that was a mistake.
    undo: Option<Bounds>,
    /// By how much `bounds.long` grows in the next round of an attempt, in datagrams.
    growth: usize,
    /// The part of the packets that the path loses whatever we do.
    ambient_loss: f64,
    cycles: u32,
    rounds_since_up: u32,
    recovery_start: Option<Instant>,
    /// How many rounds have ended since we send what the path carries.
    cruised_rounds: u32,
    /// What competes with whoever keeps the queue full.
    rival: Option<Cubic>,
    /// We have left the queue, to see whether somebody still fills it.
    on_trial: bool,
}

/// The most that may be in flight.
#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    /// What is known to be too much, until an attempt shows otherwise.
    long: Option<usize>,
    /// What has been too much since the last attempt.
    short: Option<usize>,
}

impl Bbr {
    pub(super) fn new(mtu: usize, now: Instant) -> Self {
        let mtu = mtu.clamp(1, MAX_WINDOW);
        Self {
            mtu,
            mode: Mode::Startup,
            window: bounded(mtu.saturating_mul(INITIAL_WINDOW), mtu),
            bandwidth: MaxBandwidth::default(),
            aggregation: Aggregation::new(now),
            min_rtt: None,
            min_rtt_at: now,
            round: Round::default(),
            full_bandwidth: 0,
            full_rounds: 0,
            filled: false,
            bounds: Bounds::default(),
            undo: None,
            growth: 1,
            ambient_loss: 0.0,
            cycles: 0,
            rounds_since_up: 0,
            recovery_start: None,
            cruised_rounds: 0,
            rival: None,
            on_trial: false,
        }
    }

    /// What the path carries at once, times `gain`.
    fn product(&self, gain: f64) -> usize {
        let Some(min_rtt) = self.min_rtt else { return self.mtu.saturating_mul(INITIAL_WINDOW) };
        (self.bandwidth.max() as f64 * min_rtt.as_secs_f64() * gain) as usize
    }

    /// How much has to be in flight to use `gain` times what the path carries. On a path that is shorter
    /// than the time in which sender and receiver turn to it, that is what they handle at once.
    fn target(&self, gain: f64) -> usize {
        let at_once = self.bandwidth.max() as f64 * QUANTUM_TIME.as_secs_f64();
        let quantum = (at_once as usize).min(MAX_QUANTUM).max(self.mtu.saturating_mul(MIN_QUANTUM));
        self.product(gain).max(quantum.saturating_mul(QUANTA))
    }

    fn least_pipe(&self) -> usize {
        self.mtu.saturating_mul(MIN_PIPE)
    }

    /// A bound with room for others under it.
    fn with_headroom(&self, bound: usize) -> usize {
        ((bound as f64 * (1.0 - HEADROOM)) as usize).max(self.least_pipe())
    }

    fn note_rtt(&mut self, ack: &Ack) {
        let Some(rtt) = ack.rtt else { return };
        if self.min_rtt.is_none_or(|min| rtt <= min) {
            self.min_rtt = Some(rtt);
            self.min_rtt_at = ack.now;
        }
    }

    /// Whether the round that just ended met a full queue.
    fn is_congested(&self) -> bool {
        self.round.loses_more_than(self.ambient_loss + LOSS_THRESHOLD, self.mtu) && self.has_queue()
    }

    /// Whether the last round trips were longer than an empty path's.
    fn has_queue(&self) -> bool {
        match (self.round.min_rtt(), self.min_rtt) {
            (Some(rtt), Some(min)) => rtt > min.mul_f64(QUEUE) + Duration::from_millis(1),
            _ => false,
        }
    }

    fn on_round(&mut self, ack: &Ack) {
        self.rounds_since_up = self.rounds_since_up.saturating_add(1);
        let loss = self.round.loss();
        let queue = self.has_queue();
        self.look_for_a_rival(queue);
        match self.mode {
            _ if self.competes() => {}
            Mode::Startup => self.check_filled(ack),
            Mode::Down | Mode::Cruise { .. } | Mode::Refill { .. }
                if self.round.is_telling(self.mtu) =>
            {
                if self.is_congested() {
                    let carried = self.round.acked().max(self.least_pipe());
                    let before = self.bounds.short.unwrap_or(self.window);
                    self.bounds.short = Some(carried.max((before as f64 * BETA) as usize));
                } else if !queue {
                    self.ambient_loss += (loss.min(MAX_AMBIENT_LOSS) - self.ambient_loss) / 8.0;
                }
            }
            Mode::Up { .. } => {
                let grown = self.bounds.long.map(|long| {
                    long.saturating_add(self.growth.saturating_mul(self.mtu)).min(MAX_WINDOW)
                });
                self.bounds.long = grown;
                self.growth = self.growth.saturating_mul(2).min(MAX_WINDOW);
            }
            _ => {}
        }
    }

    /// A queue that is there as soon as we have left it is somebody else's; one that comes later is left
    /// again.
    fn look_for_a_rival(&mut self, queue: bool) {
        if !matches!(self.mode, Mode::Cruise { .. }) || self.competes() {
            self.cruised_rounds = 0;
            return;
        }
        self.cruised_rounds = self.cruised_rounds.saturating_add(1);
        if self.cruised_rounds == RIVAL_ROUNDS {
            self.on_trial = false;
            if !queue {
                self.rival = None;
            } else if self.rival.is_none() {
                self.rival = Some(Cubic::resume(self.mtu, self.window));
                self.bounds = Bounds::default();
            }
        } else if queue && self.cruised_rounds > RIVAL_ROUNDS {
            self.mode = Mode::Down;
        }
    }

    /// Whether we go by losses, as somebody else does.
    fn competes(&self) -> bool {
        self.rival.is_some() && !self.on_trial
    }

    /// §5.3.1.2 and §5.3.1.3: the start is over when more rate brings no more, or a full queue.
    fn check_filled(&mut self, ack: &Ack) {
        // To whoever is held up by something else, only loss beyond all chance says that the queue is full.
        let app_limited = ack.sample.is_some_and(|sample| sample.app_limited);
        let flood = || {
            self.round.is_telling(self.mtu)
                && self.round.loses_more_than(MAX_AMBIENT_LOSS, self.mtu)
        };
        let lossy = self.is_congested() || app_limited && flood();
        if !lossy && app_limited {
            return;
        }
        if self.bandwidth.max() as f64 >= self.full_bandwidth as f64 * 1.25 {
            self.full_bandwidth = self.bandwidth.max();
            self.full_rounds = 0;
            return;
        }
        self.full_rounds += 1;
        if self.full_rounds >= FULL_ROUNDS || lossy {
            self.filled = true;
            self.mode = Mode::Drain;
            // Bursts of a sender that is held up are no measure of what may be in flight.
            if lossy && !app_limited {
                self.bounds.long = Some(self.product(1.0).max(self.round.acked()));
            }
        }
    }

    /// Moves through the cycle.
    fn advance(&mut self, ack: &Ack) {
        let now = ack.now;
        match self.mode {
            Mode::Startup => {}
            Mode::Drain => {
                if ack.flying <= self.target(1.0) {
                    self.cruise(now);
                }
            }
            Mode::Down => {
                let enough = self.bounds.long.map_or(usize::MAX, |long| self.with_headroom(long));
                if ack.flying <= self.target(1.0).min(enough) {
                    self.cruise(now);
                } else if self.is_time_to_probe() {
                    self.refill();
                }
            }
            Mode::Cruise { until } if self.competes() => {
                if now >= until {
                    self.bandwidth.advance();
                    self.cruise(now);
                }
            }
            Mode::Cruise { until } => {
                if now >= until || self.is_time_to_probe() {
                    self.refill();
                }
            }
            Mode::Refill { round } => {
                if self.round.count() > round {
                    self.growth = 1;
                    self.mode = Mode::Up { round: self.round.count() };
                }
            }
            Mode::Up { round } => self.check_up(ack, round),
            Mode::ProbeRtt { until } => self.check_probe_rtt(ack, until),
        }
        let stale = now.saturating_duration_since(self.min_rtt_at) > MIN_RTT_LIFE;
        if !stale || matches!(self.mode, Mode::ProbeRtt { .. }) {
            return;
        }
        if let Some(sample) = ack.sample
            && sample.app_limited
            && sample.flying <= self.probe_rtt_window()
        {
            // Whoever sends little anyway sees the round trip as it is.
            self.min_rtt = ack.rtt.or(self.min_rtt);
            self.min_rtt_at = now;
        } else if self.filled {
            self.mode = Mode::ProbeRtt { until: None };
        }
    }

    /// §5.3.3.6: an attempt ends when the path is full, or loses more than it always does.
    fn check_up(&mut self, ack: &Ack, round: u64) {
        if self.round.loses_more_than(self.ambient_loss + LOSS_THRESHOLD, self.mtu) {
            let flying = ack.sample.map_or(ack.flying, |sample| sample.flying);
            let product = (self.product(1.0) as f64 * BETA) as usize;
            self.bounds.long = Some(flying.max(product).max(self.least_pipe()));
            self.down();
            return;
        }
        // What was sent first has been measured by then.
        if ack.flying >= self.target(UP_GAIN) && self.round.count() > round + 1 {
            self.down();
        }
    }

    /// §5.3.4: little is in flight for 200 ms and a round.
    fn check_probe_rtt(&mut self, ack: &Ack, until: Option<Instant>) {
        match until {
            None if ack.flying <= self.probe_rtt_window() => {
                if self.rival.is_none() {
                    self.min_rtt = ack.rtt.or(self.min_rtt);
                }
                self.mode = Mode::ProbeRtt { until: Some(ack.now + PROBE_RTT_TIME) };
            }
            Some(until) if ack.now >= until => {
                self.min_rtt_at = ack.now;
                self.bounds.short = None;
                if self.rival.is_some() {
                    self.on_trial = true;
                    self.mode = Mode::Down;
                } else {
                    self.cruise(ack.now);
                }
            }
            Some(_) | None => {}
        }
    }

    fn probe_rtt_window(&self) -> usize {
        self.product(PROBE_RTT_GAIN).max(self.least_pipe())
    }

    fn down(&mut self) {
        self.bandwidth.advance();
        self.rounds_since_up = 0;
        self.cycles = self.cycles.wrapping_add(1);
        self.mode = Mode::Down;
    }

    fn cruise(&mut self, now: Instant) {
        // Two flows that began together must not ask for more together for ever.
        let spread = self.round.count().wrapping_mul(0x9e37_79b9) ^ self.bandwidth.max();
        let pause = LEAST_PAUSE + Duration::from_millis(spread % 1000);
        self.mode = Mode::Cruise { until: now + pause };
    }

    fn refill(&mut self) {
        self.bounds.short = None;
        self.mode = Mode::Refill { round: self.round.count() };
    }

    /// Reno would be back by now.
    fn is_time_to_probe(&self) -> bool {
        let packets = u32::try_from(self.product(1.0) / self.mtu).unwrap_or(u32::MAX);
        self.rounds_since_up >= packets.clamp(1, MAX_PAUSE_ROUNDS)
    }

    fn pacing_gain(&self) -> f64 {
        match self.mode {
            Mode::Startup => STARTUP_GAIN,
            Mode::Drain => DRAIN_GAIN,
            Mode::Down => DOWN_GAIN,
            Mode::Up { .. } => UP_GAIN,
            Mode::Cruise { .. } | Mode::Refill { .. } | Mode::ProbeRtt { .. } => 1.0,
        }
    }

    fn update_window(&mut self, acked: usize) {
        let gain = match self.mode {
            Mode::Startup | Mode::Drain => STARTUP_WINDOW_GAIN,
            Mode::Up { .. } => UP_WINDOW_GAIN,
            _ => WINDOW_GAIN,
        };
        // Acknowledgements are held back for a while: while they are, more is in flight than the path holds.
        let held_back = self.aggregation.max().max(self.mtu.saturating_mul(3));
        let target = self.target(gain).saturating_add(held_back);
        let grown = self.window.saturating_add(acked);
        self.window = if self.filled {
            grown.min(target)
        } else if self.window < target || self.min_rtt.is_none() {
            grown
        } else {
            self.window
        };
        let bound = match self.mode {
            Mode::ProbeRtt { .. } => Some(self.probe_rtt_window()),
            Mode::Cruise { .. } | Mode::Drain => {
                self.bounds.long.map(|long| self.with_headroom(long))
            }
            Mode::Startup => None,
            // A pace alone drains no queue that somebody else fills.
            Mode::Down => Some(self.target(1.0).min(self.bounds.long.unwrap_or(MAX_WINDOW))),
            Mode::Refill { .. } | Mode::Up { .. } => self.bounds.long,
        };
        let bound = bound.into_iter().chain(self.bounds.short).min().unwrap_or(MAX_WINDOW);
        self.window = bounded(self.window.min(bound.max(self.least_pipe())), self.mtu);
    }
}

impl Controller for Bbr {
    fn window(&self) -> usize {
        match &self.rival {
            Some(rival) if self.competes() && !matches!(self.mode, Mode::ProbeRtt { .. }) => {
                rival.window()
            }
            Some(_) | None => bounded(self.window, self.mtu),
        }
    }

    fn pacing_rate(&self, rtt: &Rtt) -> u64 {
        if let Some(rival) = &self.rival
            && self.competes()
        {
            return rival.pacing_rate(rtt);
        }
        let rate = self.bandwidth.max() as f64 * self.pacing_gain() * MARGIN;
        let per_round_trip = |bytes: usize| bytes as f64 / rtt.smoothed().as_secs_f64().max(1e-9);
        let least = if self.filled {
            // A dead path delivers a probe now and then: a few bytes in seconds. At that rate it would
            // take minutes to notice that it lives again.
            per_round_trip(self.least_pipe())
        } else {
            // Whoever has had little to say until now has not found out how fast it could be said.
            per_round_trip(self.window) * STARTUP_GAIN
        };
        let rate = rate.max(least);
        (rate as u64).max(1)
    }

    fn mtu(&self) -> usize {
        self.mtu
    }

    fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu.clamp(1, MAX_WINDOW);
        self.window = bounded(self.window, self.mtu);
        if let Some(rival) = &mut self.rival {
            rival.set_mtu(mtu);
        }
    }

    fn on_acked(&mut self, acked: &Acked, rtt: &Rtt) {
        if let Some(rival) = &mut self.rival {
            rival.on_acked(acked, rtt);
        }
    }

    fn on_ack(&mut self, ack: &Ack, _rtt: &Rtt) {
        self.note_rtt(ack);
        let ended = self.round.on_ack(ack);
        if let Some(sample) = ack.sample
            && let Some(rate) = sample.rate
            && (!sample.app_limited || rate >= self.bandwidth.max())
        {
            self.bandwidth.add(rate);
        }
        self.aggregation.on_ack(ack, self.bandwidth.max(), self.window);
        if ended {
            self.aggregation.on_round(self.filled);
            self.on_round(ack);
        }
        self.advance(ack);
        if ended {
            self.round.begin(ack);
        }
        self.update_window(ack.acked);
    }

    fn on_loss(&mut self, now: Instant, sent_at: Instant) -> bool {
        if let Some(rival) = &mut self.rival {
            return rival.on_loss(now, sent_at);
        }
        if self.recovery_start.is_some_and(|start| sent_at <= start) {
            return false;
        }
        self.recovery_start = Some(now);
        self.undo = Some(self.bounds);
        true
    }

    fn on_persistent_congestion(&mut self) {
        if let Some(rival) = &mut self.rival {
            rival.on_persistent_congestion();
        }
        self.undo = None;
        self.recovery_start = None;
        self.window = bounded(0, self.mtu);
    }

    fn on_spurious(&mut self) {
        if let Some(rival) = &mut self.rival {
            rival.on_spurious();
        }
        if let Some(before) = self.undo.take() {
            self.bounds = before;
        }
    }
}
