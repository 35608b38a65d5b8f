//! Token buckets, a table of them for networks that never grows, and a count of who is where.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

use p2pchat_wire::random::Random;

use super::config::Rate;

/// A token bucket. It starts full.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    /// Units used and not yet come back.
    used: f32,
    /// When that was, in milliseconds since the server started.
    at: u64,
}

impl Bucket {
    /// Takes `cost` units if they are there.
    pub(crate) fn take(&mut self, at: u64, rate: Rate, cost: usize) -> bool {
        let used = self.used_at(at, rate) + cost as f64;
        if used > rate.burst {
            return false;
        }
        *self = Self { used: used as f32, at };
        true
    }

    /// Units that could be taken now.
    pub(crate) fn left(&self, at: u64, rate: Rate) -> usize {
        (rate.burst - self.used_at(at, rate)).max(0.0) as usize
    }

    /// When `cost` units can be taken, if ever.
    pub(crate) fn when(&self, at: u64, rate: Rate, cost: usize) -> Option<u64> {
        let missing = self.used_at(at, rate) + cost as f64 - rate.burst;
        let rest = missing.max(0.0) / rate.per_second * 1000.0;
        // No rate ever refills what has no rate, nor makes room for more than the burst.
        let is_ever = rest.is_finite() && cost as f64 <= rate.burst;
        is_ever.then(|| at.saturating_add(rest.ceil() as u64).min(1 << 60))
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

/// A kind of network and the bits that its addresses share.
type Prefix = [u8; 9];

/// A network that an address belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    prefix: Prefix,
    /// How many times a single network's share it gets.
    share: u32,
}

/// The networks of an address, from the large to the small: its IPv6 /48 and /64, or for IPv4 just
/// itself.
fn networks(ip: IpAddr) -> impl Iterator<Item = Network> + Clone {
    let (site, network) = match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            (None, [4, a, b, c, d, 0, 0, 0, 0])
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h, ..] = ip.octets();
            (Some([48, a, b, c, d, e, f, 0, 0]), [64, a, b, c, d, e, f, g, h])
        }
    };
    let site = site.map(|prefix| Network { prefix, share: 4 });
    site.into_iter().chain([Network { prefix: network, share: 1 }])
}

/// How many peers, or how many connections, each network has.
#[derive(Debug, Default)]
pub(crate) struct Census {
    counts: BTreeMap<Prefix, u32>,
}

impl Census {
    /// Whether the networks of `ip` have room for one more, with `max` for a single network.
    pub(crate) fn has_room(&self, ip: IpAddr, max: u32) -> bool {
        networks(ip).all(|network| {
            let count = self.counts.get(&network.prefix).copied().unwrap_or(0);
            count < max.saturating_mul(network.share)
        })
    }

    pub(crate) fn add(&mut self, ip: IpAddr) {
        for network in networks(ip) {
            *self.counts.entry(network.prefix).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, ip: IpAddr) {
        for network in networks(ip) {
            if let Entry::Occupied(mut count) = self.counts.entry(network.prefix) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
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
pub(crate) struct Networks {
    key: [u8; 32],
    places: Vec<(u64, Bucket)>,
}

impl Networks {
    pub(crate) fn new(places: usize, random: &mut Random) -> Self {
        let sets = places.div_ceil(WAYS).max(1);
        Self { key: random.array(), places: vec![(0, Bucket::default()); sets * WAYS] }
    }

    /// Takes `cost` units from the network of `ip`; for IPv6 also from its /48, which has four
    /// times the rate.
    pub(crate) fn take(&mut self, at: u64, ip: IpAddr, rate: Rate, cost: usize) -> bool {
        let share = |network: &Network| {
            let factor = f64::from(network.share);
            Rate::new(rate.per_second * factor, rate.burst * factor)
        };
        let mut found = [None; 2];
        for (found, network) in found.iter_mut().zip(networks(ip)) {
            *found = Some((self.find(&network.prefix), share(&network)));
        }
        let found = found.iter().flatten();
        // All are looked at before any is used up: a network over its rate must not use up its
        // site's, nor a site the table.
        let allowed = found.clone().all(|(place, rate)| {
            self.bucket(place).is_none_or(|mut bucket| bucket.take(at, *rate, cost))
        });
        allowed && found.clone().all(|(place, rate)| self.take_from(at, place, *rate, cost))
    }

    fn find(&self, network: &Prefix) -> Place {
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

    fn take_from(&mut self, at: u64, place: &Place, rate: Rate, cost: usize) -> bool {
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
    fn a_network_has_room_for_so_many_and_its_site_for_four_times_as_many() {
        let mut census = Census::default();
        let mut admitted = |ip: String| {
            let ip = ip.parse().expect("ip");
            let room = census.has_room(ip, 2);
            if room {
                census.add(ip);
            }
            room
        };
        assert_eq!((0..5).filter(|_| admitted("192.0.2.1".to_owned())).count(), 2);
        assert_eq!((0..50).filter(|n| admitted(format!("2001:db8:1:{}::1", n % 25))).count(), 8);
        census.remove("192.0.2.1".parse().expect("ip"));
        assert!(census.has_room("192.0.2.1".parse().expect("ip"), 2));
        census.remove("192.0.2.1".parse().expect("ip"));
        census.remove("192.0.2.1".parse().expect("ip"));
        assert_eq!(census.counts.len(), 1 + 8, "the site and its networks");
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
