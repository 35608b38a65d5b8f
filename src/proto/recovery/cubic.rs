//! CUBIC (RFC 9438): the window grows with the cube of the time since it last had to shrink.

use std::time::{Duration, Instant};

use super::Rtt;
use super::congestion::{Acked, Controller, INITIAL_WINDOW, MAX_WINDOW, bounded};
use super::hystart::HyStart;

// RFC 9438 §4.1, §4.6: the aggressiveness in segments per second cubed, and what a loss leaves.
const C: f64 = 0.4;
const BETA: f64 = 0.7;

/// RFC 9438 §4.3: grows as fast as Reno would, given the smaller reduction.
const RENO_ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Cubic {
    mtu: usize,
    state: State,
    /// Packets sent before this belong to the loss that last shrank the window.
    recovery_start: Option<Instant>,
    /// The state before the window last shrank, for when that was a mistake.
    undo: Option<State>,
    hystart: HyStart,
}

/// Bytes are fractional here, so that many small steps add up.
#[derive(Clone, Copy, Debug)]
struct State {
    window: f64,
    /// Slow start below it; none before the first loss.
    threshold: Option<f64>,
    /// The window before the last reduction.
    w_max: f64,
    epoch: Option<Epoch>,
}

/// The time since congestion avoidance began or the window last shrank.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    start: Instant,
    /// The height of the curve's plateau: where congestion was last met.
    origin: f64,
    /// Seconds until the window is back there.
    k: f64,
    /// What Reno's window would be.
    reno: f64,
    /// Since when the window is not used; that time does not count (RFC 9438 §5.8).
    idle_since: Option<Instant>,
}

impl Cubic {
    pub(super) fn new(mtu: usize) -> Self {
        let mtu = mtu.clamp(1, MAX_WINDOW);
        let window = bounded(mtu.saturating_mul(INITIAL_WINDOW), mtu) as f64;
        Self {
            mtu,
            state: State { window, threshold: None, w_max: window, epoch: None },
            recovery_start: None,
            undo: None,
            hystart: HyStart::default(),
        }
    }

    /// One that goes on where another left off, past slow start.
    pub(super) fn resume(mtu: usize, window: usize) -> Self {
        let mut cubic = Self::new(mtu);
        cubic.set_window(window as f64);
        cubic.state.threshold = Some(cubic.state.window);
        cubic.state.w_max = cubic.state.window;
        cubic
    }

    fn in_slow_start(&self) -> bool {
        self.state.threshold.is_none_or(|threshold| self.state.window < threshold)
    }

    fn set_window(&mut self, window: f64) {
        self.state.window = window.clamp(bounded(0, self.mtu) as f64, MAX_WINDOW as f64);
    }

    fn avoid_congestion(&mut self, acked: &Acked, rtt: &Rtt) {
        let mtu = self.mtu as f64;
        let window = self.state.window;
        let w_max = self.state.w_max;
        let epoch = self.state.epoch.get_or_insert_with(|| Epoch {
            start: acked.now,
            origin: w_max.max(window),
            k: ((w_max - window).max(0.0) / mtu / C).cbrt(),
            reno: window,
            idle_since: None,
        });
        if let Some(since) = epoch.idle_since.take() {
            epoch.start += acked.now.saturating_duration_since(since);
        }

        // RFC 9438 §4.2: where the curve will be one round trip from now.
        let elapsed = acked.now.saturating_duration_since(epoch.start);
        let t = (elapsed + rtt.smoothed()).as_secs_f64() - epoch.k;
        let target = (epoch.origin + C * t.powi(3) * mtu).clamp(window, window * 1.5);

        // RFC 9438 §4.3: never slower than Reno.
        let alpha = if epoch.reno < w_max { RENO_ALPHA } else { 1.0 };
        epoch.reno += alpha * mtu * acked.bytes as f64 / window;
        let reno = epoch.reno;

        let cubic = window + (target - window) * acked.bytes as f64 / window;
        self.set_window(cubic.max(reno.min(window * 1.5)));
    }
}

impl Controller for Cubic {
    fn window(&self) -> usize {
        bounded(self.state.window as usize, self.mtu)
    }

    fn mtu(&self) -> usize {
        self.mtu
    }

    fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu.clamp(1, MAX_WINDOW);
        self.set_window(self.state.window);
    }

    fn on_acked(&mut self, acked: &Acked, rtt: &Rtt) {
        // RFC 9002 §7.3.2: packets sent before recovery began say nothing of the new window.
        if self.recovery_start.is_some_and(|start| acked.sent_at <= start) {
            return;
        }
        // RFC 9002 §7.8: a window that is not used has not been tested. Half of it counts as
        // used, since pacing and late acknowledgements leave gaps; it thus never grows beyond
        // twice of what was sent.
        if acked.flying.saturating_mul(2) < self.window() {
            if let Some(epoch) = &mut self.state.epoch {
                epoch.idle_since = epoch.idle_since.or(Some(acked.now));
            }
            return;
        }
        if self.in_slow_start() {
            let growth = acked.bytes / self.hystart.divisor();
            self.set_window(self.state.window + growth as f64);
        } else {
            self.avoid_congestion(acked, rtt);
        }
    }

    fn on_rtt(&mut self, ordinal: u64, next_ordinal: u64, latest: Duration) {
        // RFC 9406 §4.3: only in the first slow start.
        if self.state.threshold.is_none() && self.hystart.on_rtt(ordinal, next_ordinal, latest) {
            self.state.threshold = Some(self.state.window);
            self.state.w_max = self.state.window;
        }
    }

    fn on_loss(&mut self, now: Instant, sent_at: Instant) -> bool {
        if self.recovery_start.is_some_and(|start| sent_at <= start) {
            return false;
        }
        self.recovery_start = Some(now);
        self.undo = Some(self.state);
        // RFC 9438 §4.7: fast convergence makes room for newcomers.
        let window = self.state.window;
        self.state.w_max =
            if window < self.state.w_max { window * (1.0 + BETA) / 2.0 } else { window };
        self.set_window(window * BETA);
        self.state.threshold = Some(self.state.window);
        self.state.epoch = None;
        true
    }

    fn on_persistent_congestion(&mut self) {
        self.undo = None;
        self.recovery_start = None;
        self.state.epoch = None;
        self.set_window(0.0);
    }

    fn on_spurious(&mut self) {
        if let Some(before) = self.undo.take()
            && before.window > self.state.window
        {
            self.state = before;
            self.set_window(before.window);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch;
    use super::*;

    const MTU: usize = 1200;

    fn acked(now: Instant, cubic: &Cubic) -> Acked {
        Acked { now, sent_at: now, bytes: MTU, flying: cubic.window() }
    }

    #[test]
    fn slow_start_doubles_the_window_each_round() {
        let mut cubic = Cubic::new(MTU);
        for _ in 0..10 {
            cubic.on_acked(&acked(epoch(), &cubic), &Rtt::default());
        }
        assert_eq!(cubic.window(), 20 * MTU);
    }

    #[test]
    fn a_loss_takes_three_tenths_once_per_round_trip() {
        let (mut cubic, now) = (Cubic::new(MTU), epoch());
        assert!(cubic.on_loss(now, now));
        assert_eq!(cubic.window(), 7 * MTU);
        assert!(!cubic.on_loss(now + Duration::from_millis(1), now));
        assert_eq!(cubic.window(), 7 * MTU);
    }

    #[test]
    fn a_mistaken_loss_gives_the_window_back() {
        let (mut cubic, now) = (Cubic::new(MTU), epoch());
        assert!(cubic.on_loss(now, now));
        cubic.on_spurious();
        assert_eq!(cubic.window(), 10 * MTU);
        assert!(cubic.in_slow_start());
    }

    #[test]
    fn an_unused_window_does_not_grow() {
        let mut cubic = Cubic::new(MTU);
        let idle = Acked { flying: MTU, ..acked(epoch(), &cubic) };
        cubic.on_acked(&idle, &Rtt::default());
        assert_eq!(cubic.window(), 10 * MTU);
    }

    // RFC 9438 §4.2: the curve is back at the old maximum after K seconds.
    #[test]
    fn the_window_returns_to_where_it_was_after_k_seconds() {
        let mut cubic = Cubic::new(MTU);
        let (mut now, mut rtt) = (epoch(), Rtt::default());
        rtt.sample(now, Duration::from_millis(100), Duration::ZERO);
        cubic.set_window(200.0 * MTU as f64);
        assert!(cubic.on_loss(now, now));
        assert_eq!(cubic.window(), 140 * MTU);
        let k = (60.0f64 / C).cbrt();
        let begin = now;
        while now < begin + Duration::from_secs_f64(k) {
            let packets = cubic.window() / MTU;
            now += Duration::from_millis(100);
            for _ in 0..packets {
                cubic.on_acked(&acked(now, &cubic), &rtt);
            }
        }
        let segments = cubic.window() / MTU;
        assert!((190..=206).contains(&segments), "{segments} segments");
    }
}
