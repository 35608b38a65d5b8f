//! One link and its weather: what may happen to a datagram between two places.
//!
//! A [`Link`] is a pure function with a little state: it takes a datagram and says when which
//! copies of it arrive. Weather can be changed at any moment; what is under way is not touched.

use std::ops::Range;
use std::time::{Duration, Instant};

use p2pchat_wire::random::Random;

/// What a link does to datagrams. Chances are in parts of a thousand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Weather {
    /// How long every datagram takes.
    pub(crate) delay: Duration,
    /// Each datagram takes up to this much longer; more than the gap between two reorders them.
    pub(crate) jitter: Duration,
    /// The chance that a datagram is lost.
    pub(crate) loss: u32,
    /// The chance that a datagram is held back for as long again as the link's delay.
    pub(crate) reorder: u32,
    /// The chance that a datagram arrives twice.
    pub(crate) duplicate: u32,
    /// The chance that one to three bits of a datagram flip.
    ///
    /// UDP's checksum would drop most such datagrams. Here they arrive, as if forged.
    pub(crate) corrupt: u32,
    /// Longer datagrams are lost.
    pub(crate) mtu: usize,
    /// Bytes per second, if limited; what waits longer than [`QUEUE`] is lost.
    pub(crate) rate: Option<u32>,
    /// Times at which nothing passes.
    pub(crate) blackouts: Vec<Range<Instant>>,
}

/// How much a rate-limited link holds before it drops, in time.
pub(crate) const QUEUE: Duration = Duration::from_millis(200);

impl Weather {
    /// Nothing happens but the delay.
    pub(crate) fn fair(delay: Duration) -> Self {
        Self {
            delay,
            jitter: Duration::ZERO,
            loss: 0,
            reorder: 0,
            duplicate: 0,
            corrupt: 0,
            mtu: 1500,
            rate: None,
            blackouts: Vec::new(),
        }
    }

    /// As bad as delivery has to cope with: of a hundred datagrams thirty are lost, ten come
    /// twice, twenty-five late and one spoilt.
    pub(crate) fn foul(delay: Duration) -> Self {
        Self { loss: 300, duplicate: 100, reorder: 250, corrupt: 10, ..Self::fair(delay) }
    }
}

/// Why a link did not carry a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotCarried {
    Lost,
    TooLong,
    QueueFull,
    Blackout,
}

/// One direction between two places.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) weather: Weather,
    /// Switched by a test: nothing passes.
    pub(crate) down: bool,
    /// When the last datagram of a rate-limited link will have left.
    busy_until: Option<Instant>,
}

impl Link {
    pub(crate) fn new(weather: Weather) -> Self {
        Self { weather, down: false, busy_until: None }
    }

    /// Says when which copies of `bytes` arrive: one, or two if the weather doubles it.
    pub(crate) fn carry(
        &mut self,
        now: Instant,
        bytes: &[u8],
        random: &mut Random,
    ) -> Result<Vec<(Instant, Vec<u8>)>, NotCarried> {
        let weather = &self.weather;
        if self.down || weather.blackouts.iter().any(|dark| dark.contains(&now)) {
            return Err(NotCarried::Blackout);
        }
        if bytes.len() > weather.mtu {
            return Err(NotCarried::TooLong);
        }
        let leaves = match weather.rate {
            None => now,
            Some(rate) => {
                let start = self.busy_until.map_or(now, |busy| busy.max(now));
                if start - now > QUEUE {
                    return Err(NotCarried::QueueFull);
                }
                let end = start + Duration::from_secs(1) * byte_count(bytes) / rate.max(1);
                self.busy_until = Some(end);
                end
            }
        };
        if chance(random, weather.loss) {
            return Err(NotCarried::Lost);
        }
        let copies = if chance(random, weather.duplicate) { 2 } else { 1 };
        Ok((0..copies)
            .map(|_| (leaves + transit(weather, random), spoil(weather, bytes, random)))
            .collect())
    }
}

fn byte_count(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn transit(weather: &Weather, random: &mut Random) -> Duration {
    let mut transit = weather.delay;
    if !weather.jitter.is_zero() {
        transit += weather.jitter * random.below(1000) / 1000;
    }
    if chance(random, weather.reorder) {
        transit += weather.delay;
    }
    transit
}

fn spoil(weather: &Weather, bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if !bytes.is_empty() && chance(random, weather.corrupt) {
        for _ in 0..=random.below(3) {
            let bit = random.below(byte_count(&bytes) * 8) as usize;
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
    bytes
}

/// Draws only where there is something to decide, so that weather switched off costs nothing.
fn chance(random: &mut Random, per_mille: u32) -> bool {
    per_mille > 0 && random.below(1000) < per_mille
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::epoch;

    const DELAY: Duration = Duration::from_millis(40);

    /// Sends `count` numbered datagrams a millisecond apart; returns what arrived, in order.
    fn sent_over(weather: Weather, count: u32) -> Vec<(Instant, Vec<u8>)> {
        let mut link = Link::new(weather);
        let mut random = Random::from_seed([1; 32]);
        let mut arrived: Vec<_> = (0..count)
            .flat_map(|number| {
                let now = epoch() + Duration::from_millis(1) * number;
                link.carry(now, &number.to_be_bytes(), &mut random).unwrap_or_default()
            })
            .collect();
        arrived.sort();
        arrived
    }

    fn percent(part: usize, whole: u32) -> u32 {
        u32::try_from(part).expect("small") * 100 / whole
    }

    #[test]
    fn in_fair_weather_everything_arrives_once_in_order_after_the_delay() {
        let arrived = sent_over(Weather::fair(DELAY), 100);
        assert_eq!(arrived.len(), 100);
        for (number, (at, bytes)) in (0u32..).zip(&arrived) {
            assert_eq!(*at, epoch() + Duration::from_millis(1) * number + DELAY);
            assert_eq!(*bytes, number.to_be_bytes());
        }
    }

    #[test]
    fn loss_and_duplicates_come_as_often_as_asked() {
        let lossy = sent_over(Weather { loss: 300, ..Weather::fair(DELAY) }, 2000);
        assert!((66..=74).contains(&percent(lossy.len(), 2000)), "{}", lossy.len());
        let doubling = sent_over(Weather { duplicate: 100, ..Weather::fair(DELAY) }, 2000);
        assert!((107..=113).contains(&percent(doubling.len(), 2000)), "{}", doubling.len());
    }

    #[test]
    fn jitter_and_holding_back_let_datagrams_overtake_each_other() {
        for weather in [
            Weather { jitter: DELAY, ..Weather::fair(DELAY) },
            Weather { reorder: 250, ..Weather::fair(DELAY) },
        ] {
            let arrived = sent_over(weather, 200);
            assert_eq!(arrived.len(), 200, "none is lost");
            assert!(!arrived.is_sorted_by_key(|(_, bytes)| bytes.clone()), "some overtook");
            assert!(arrived.iter().all(|(at, _)| *at >= epoch() + DELAY), "none is early");
        }
    }

    #[test]
    fn corruption_flips_bits_and_keeps_the_length() {
        let arrived = sent_over(Weather { corrupt: 1000, ..Weather::fair(DELAY) }, 100);
        assert_eq!(arrived.len(), 100);
        for (number, (_, bytes)) in (0u32..).zip(&arrived) {
            let flipped =
                u32::from_be_bytes(bytes.as_slice().try_into().expect("length kept")) ^ number;
            assert!((0..=3).contains(&flipped.count_ones()));
        }
    }

    #[test]
    fn a_blackout_begins_and_ends_when_it_was_scheduled() {
        let dark = epoch() + Duration::from_millis(10)..epoch() + Duration::from_millis(20);
        let arrived = sent_over(Weather { blackouts: vec![dark], ..Weather::fair(DELAY) }, 30);
        let numbers: Vec<u8> = arrived.iter().map(|(_, bytes)| bytes[3]).collect();
        assert_eq!(numbers, (0..10).chain(20..30).collect::<Vec<u8>>());
    }

    #[test]
    fn a_link_that_is_down_carries_nothing_until_it_is_up() {
        let mut random = Random::from_seed([1; 32]);
        let mut link = Link::new(Weather::fair(DELAY));
        link.down = true;
        assert_eq!(link.carry(epoch(), b"x", &mut random), Err(NotCarried::Blackout));
        link.down = false;
        assert!(link.carry(epoch(), b"x", &mut random).is_ok());
    }

    #[test]
    fn a_slow_link_delays_what_waits_and_drops_what_would_wait_too_long() {
        let mut random = Random::from_seed([1; 32]);
        let mut link = Link::new(Weather { rate: Some(10_000), ..Weather::fair(DELAY) });
        let thousand = [0; 1000];
        for waited in [100, 200, 300] {
            let arrived = link.carry(epoch(), &thousand, &mut random).expect("queued");
            assert_eq!(arrived[0].0, epoch() + DELAY + Duration::from_millis(waited));
        }
        assert_eq!(link.carry(epoch(), &thousand, &mut random), Err(NotCarried::QueueFull));
        assert!(link.carry(epoch() + QUEUE, &thousand, &mut random).is_ok(), "it drains");
    }

    #[test]
    fn what_exceeds_the_mtu_is_lost() {
        let mut random = Random::from_seed([1; 32]);
        let mut link = Link::new(Weather { mtu: 1200, ..Weather::fair(DELAY) });
        assert!(link.carry(epoch(), &[0; 1200], &mut random).is_ok());
        assert_eq!(link.carry(epoch(), &[0; 1201], &mut random), Err(NotCarried::TooLong));
    }
}
