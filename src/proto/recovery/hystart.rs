//! HyStart++ (RFC 9406): slow start that ends when the round trip grows, before anything is lost.

use std::time::Duration;

// RFC 9406 §4.2 and §4.3.
const MIN_RTT_THRESHOLD: Duration = Duration::from_millis(4);
const MAX_RTT_THRESHOLD: Duration = Duration::from_millis(16);
const MIN_RTT_DIVISOR: u32 = 8;
const RTT_SAMPLES: u32 = 8;
const CSS_GROWTH_DIVISOR: usize = 4;
const CSS_ROUNDS: u32 = 5;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct HyStart {
    /// The round lasts until a packet of this ordinal or later is acknowledged.
    round_end: u64,
    samples: u32,
    last_min: Option<Duration>,
    current_min: Option<Duration>,
    css: Option<Css>,
}

/// Conservative slow start: the round trip has grown, perhaps by accident.
#[derive(Clone, Debug)]
struct Css {
    /// The round trip at which it began; below it, it was an accident.
    baseline: Duration,
    rounds: u32,
}

impl HyStart {
    /// By how much slower than slow start the window shall grow.
    pub(super) fn divisor(&self) -> usize {
        if self.css.is_some() { CSS_GROWTH_DIVISOR } else { 1 }
    }

    /// Takes a measured round trip; whether slow start is over.
    pub(super) fn on_rtt(&mut self, ordinal: u64, next_ordinal: u64, rtt: Duration) -> bool {
        if ordinal >= self.round_end {
            self.round_end = next_ordinal;
            self.last_min = self.current_min.take();
            self.samples = 0;
            if let Some(css) = &mut self.css {
                css.rounds += 1;
                if css.rounds >= CSS_ROUNDS {
                    return true;
                }
            }
        }
        self.samples = self.samples.saturating_add(1);
        let current = self.current_min.map_or(rtt, |min| min.min(rtt));
        self.current_min = Some(current);
        if self.samples < RTT_SAMPLES {
            return false;
        }
        match (&self.css, self.last_min) {
            (Some(css), _) if current < css.baseline => self.css = None,
            (None, Some(last)) => {
                let threshold =
                    (last / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESHOLD, MAX_RTT_THRESHOLD);
                if current >= last + threshold {
                    self.css = Some(Css { baseline: current, rounds: 0 });
                }
            }
            (Some(_) | None, _) => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One round of ten packets, all with the same round trip.
    fn round(hystart: &mut HyStart, number: u64, millis: u64) -> bool {
        (0..10).any(|n| {
            let ordinal = number * 10 + n;
            hystart.on_rtt(ordinal, (number + 1) * 10, Duration::from_millis(millis))
        })
    }

    #[test]
    fn a_steady_round_trip_never_ends_slow_start() {
        let mut hystart = HyStart::default();
        assert!((0..100).all(|number| !round(&mut hystart, number, 50)));
        assert_eq!(hystart.divisor(), 1);
    }

    #[test]
    fn a_growing_round_trip_slows_growth_and_ends_it_after_five_rounds() {
        let mut hystart = HyStart::default();
        assert!(!round(&mut hystart, 0, 50));
        assert!(!round(&mut hystart, 1, 60));
        assert_eq!(hystart.divisor(), CSS_GROWTH_DIVISOR);
        let ended = (2..20).find(|number| round(&mut hystart, *number, 60));
        assert_eq!(ended, Some(6));
    }

    #[test]
    fn a_round_trip_that_falls_again_was_an_accident() {
        let mut hystart = HyStart::default();
        assert!(!round(&mut hystart, 0, 50));
        assert!(!round(&mut hystart, 1, 60));
        assert!(!round(&mut hystart, 2, 50));
        assert_eq!(hystart.divisor(), 1);
    }
}
