//! Token buckets, and a table of them for networks that never grows.

use std::net::IpAddr;

use p2pchat_wire::random::Random;

use super::config::Rate;

/// A token bucket. It starts full.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// Units used and not yet come back.
    used: f32,
    /// When that was, in milliseconds since the server started.
    at: u64,
}

impl Bucket {
    /// Takes `cost` units if they are there.
    pub(super) fn take(&mut self, at: u64, rate: Rate, cost: usize) -> bool {
        let used = self.used_at(at, rate) + cost as f64;
        if used > rate.burst {
            return false;
        }
        *self = Self { used: used as f32, at };
        true
    }

    /// Whether nothing would change if the bucket were thrown away.
    fn is_full(&self, at: u64, rate: Rate) -> bool {
        self.used_at(at, rate) <= 0.0
    }

    fn used_at(&self, at: u64, rate: Rate) -> f64 {
        let rested = at.saturating_sub(self.at) as f64 / 1000.0;
        (f64::from(self.used) - rested * rate.per_second).max(0.0)
    }
}

/// How many buckets of the table one network can use: with fewer, two busy networks that fall on
/// one place would be in each other's way.
const WAYS: usize = 8;

/// Token buckets per network in a table of fixed size.
///
/// A bucket that has refilled is forgotten, which changes nothing. When all places of a network are
/// taken by busy ones, it is refused: whoever wants to shut others out needs proven addresses in
/// as many networks as the table has places. The places are chosen by a keyed hash, so nobody can
/// aim at a neighbour.
#[derive(Debug)]
pub(super) struct Networks {
    key: [u8; 32],
    places: Vec<(u64, Bucket)>,
}

impl Networks {
    pub(super) fn new(places: usize, random: &mut Random) -> Self {
        let sets = places.div_ceil(WAYS).max(1);
        Self { key: random.array(), places: vec![(0, Bucket::default()); sets * WAYS] }
    }

    /// Takes `cost` units from the network of `ip`; for IPv6 also from its /48, which has four
    /// times the rate.
    pub(super) fn take(&mut self, at: u64, ip: IpAddr, rate: Rate, cost: usize) -> bool {
        match ip {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                let network = self.find(&[4, a, b, c, d, 0, 0, 0, 0]);
                self.take_from(at, network, rate, cost)
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                let network = self.find(&[64, a, b, c, d, e, f, g, h]);
                let site = self.find(&[48, a, b, c, d, e, f, 0, 0]);
                let of_site = Rate::new(rate.per_second * 4.0, rate.burst * 4.0);
                // A network over its rate must not use up its site's, nor a site the table.
                self.bucket(&network).is_none_or(|mut bucket| bucket.take(at, rate, cost))
                    && self.take_from(at, site, of_site, cost)
                    && self.take_from(at, network, rate, cost)
            }
        }
    }

    fn find(&self, network: &[u8; 9]) -> Place {
        let hash = blake3::keyed_hash(&self.key, network);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
        let sets = self.places.len() / WAYS;
        let set = (number(&hash.as_bytes()[8..16]) % sets as u64) as usize * WAYS;
        // Zero marks a place that was never used.
        Place { mark: number(&hash.as_bytes()[..8]) | 1, set }
    }

    fn bucket(&self, place: &Place) -> Option<Bucket> {
        let places = &self.places[place.set..place.set + WAYS];
        places.iter().find(|(mark, _)| *mark == place.mark).map(|(_, bucket)| *bucket)
    }

    fn take_from(&mut self, at: u64, place: Place, rate: Rate, cost: usize) -> bool {
        let places = &mut self.places[place.set..place.set + WAYS];
        let found = places.iter().position(|(mark, _)| *mark == place.mark).or_else(|| {
            let free = places.iter().position(|(_, bucket)| bucket.is_full(at, rate))?;
            places[free] = (place.mark, Bucket::default());
            Some(free)
        });
        found.is_some_and(|found| places[found].1.take(at, rate, cost))
    }
}

/// Where the bucket of a network is, if it is.
#[derive(Clone, Copy)]
struct Place {
    mark: u64,
    /// The first of the places that the network can use.
    set: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::new(1.0, 3.0);

    #[test]
    fn a_bucket_allows_a_burst_and_then_the_rate() {
        let mut bucket = Bucket::default();
        assert!((0..3).all(|_| bucket.take(0, RATE, 1)));
        assert!(!bucket.take(900, RATE, 1));
        assert!(bucket.take(1000, RATE, 1));
        assert!(!bucket.take(1000, RATE, 1));
        assert!(bucket.take(60_000, RATE, 3));
        assert!(!bucket.take(60_000, RATE, 1));
    }

    #[test]
    fn each_network_has_its_own_bucket_and_a_site_has_four() {
        let mut networks = Networks::new(64, &mut Random::from_seed([1; 32]));
        let mut taken = |ip: &str| networks.take(0, ip.parse().expect("ip"), RATE, 1);
        assert!((0..3).all(|_| taken("192.0.2.1")));
        assert!(!taken("192.0.2.1"));
        assert!(taken("192.0.2.2"));
        let of_site = (0..=255u8).filter(|n| taken(&format!("2001:db8:1:{n:x}::1"))).count();
        assert_eq!(of_site, 12);
        assert!(taken("2001:db8:2::1"));
    }

    #[test]
    fn a_full_table_refuses_newcomers_until_somebody_rests() {
        let mut networks = Networks::new(64, &mut Random::from_seed([1; 32]));
        let ip = |n: u32| IpAddr::from(n.to_be_bytes());
        let admitted = (0..10_000).filter(|&n| networks.take(0, ip(n), RATE, 3)).count();
        assert_eq!(admitted, 64);
        assert!(networks.take(3000, ip(20_000), RATE, 3));
    }
}
