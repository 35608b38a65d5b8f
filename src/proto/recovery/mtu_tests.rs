//! The search for what a path carries, against a link that is only a number.

use std::ops::Range;

use proptest::prelude::*;

use super::super::tests::epoch;
use super::*;

/// A sender of full packets over a link.
struct Path {
    mtu: Mtu,
    now: Instant,
    /// Longer datagrams are lost.
    link: usize,
    sent: u64,
    probes: Vec<usize>,
}

impl Path {
    fn new(link: usize) -> Self {
        let mut mtu = Mtu::new(BASE, epoch());
        mtu.search_up_to(LARGEST);
        Self { mtu, now: epoch(), link, sent: 0, probes: Vec::new() }
    }

    /// Sends so many full packets; the fate of each is known before the next.
    fn send(&mut self, packets: u64) {
        for _ in 0..packets {
            let (ordinal, size) = (self.sent, self.mtu.size());
            self.sent += 1;
            self.mtu.on_sent(self.now, ordinal, size);
            if size <= self.link {
                self.mtu.on_acked(ordinal, size);
            } else {
                self.mtu.on_lost(self.now, ordinal, size);
            }
            if let Some(probe) = self.mtu.wanted(self.now) {
                self.probes.push(probe);
                self.sent += 1;
                self.mtu.on_probe_sent();
                if probe <= self.link {
                    self.mtu.on_probe_acked(self.now, probe);
                } else {
                    self.mtu.on_probe_lost(self.now, probe);
                }
            }
        }
    }
}

#[test]
fn the_search_ends_at_what_the_link_carries() {
    for (link, found) in [
        (1200, 1200..1201),
        // WireGuard in IPv6, and in IPv4; a tunnel in PPPoE.
        (1372, 1340..1373),
        (1392, 1360..1393),
        (1444, 1412..1445),
        // Ethernet.
        (1452, 1452..1453),
        (1472, 1472..1473),
        // Large frames.
        (8500, 8138..8139),
        (8952, 8952..8953),
        (8972, 8952..8953),
        (16_356, 16_250..16_251),
        (65_507, LARGEST..LARGEST + 1),
    ] {
        let mut path = Path::new(link);
        path.send(300);
        assert!(found.contains(&path.mtu.size()), "{link}: {}", path.mtu.size());
        assert!(path.probes.len() <= 16, "{link}: {:?}", path.probes);
        let probes = path.probes.len();
        path.send(10_000);
        assert_eq!(path.probes.len(), probes, "{link}: it is over");
    }
}

#[test]
fn nothing_is_asked_before_much_was_sent_and_never_by_short_packets() {
    let mut path = Path::new(65_507);
    path.send(u64::from(BULK) - 1);
    assert!(path.probes.is_empty());
    for ordinal in 0..10_000 {
        path.mtu.on_sent(path.now, path.sent + ordinal, 200);
        assert_eq!(path.mtu.wanted(path.now), None);
    }
}

#[test]
fn a_probe_that_is_lost_by_chance_is_repeated() {
    let mut path = Path::new(1452);
    path.link = 1300;
    path.send(u64::from(BULK + STEP));
    assert_eq!(path.probes, [1452, 1452]);
    path.link = 1452;
    path.send(u64::from(STEP));
    assert_eq!((path.mtu.size(), path.probes.len()), (1452, 3));
}

#[test]
fn ten_minutes_later_more_is_asked_for_if_much_is_sent_again() {
    let mut path = Path::new(1472);
    path.send(300);
    path.link = 9000;
    path.now += RAISE_AFTER - Duration::from_secs(1);
    path.send(300);
    assert_eq!(path.mtu.size(), 1472);
    path.now += Duration::from_secs(1);
    path.send(300);
    assert_eq!(path.mtu.size(), 8952);
}

#[test]
fn a_link_that_gets_narrow_is_noticed_by_the_third_packet_and_measured_again() {
    let mut path = Path::new(8952);
    path.send(300);
    assert_eq!(path.mtu.size(), 8952);
    path.link = 1472;
    path.send(2);
    assert_eq!(path.mtu.size(), 8952);
    path.send(1);
    assert_eq!(path.mtu.size(), BASE);
    path.probes.clear();
    path.send(100);
    assert_eq!(path.mtu.size(), 1472);
    assert_eq!(path.probes[..4], [8952, 8952, 8952, 1452]);
}

#[test]
fn what_looked_like_a_narrow_link_and_was_none_costs_one_probe() {
    let mut path = Path::new(65_507);
    path.send(300);
    path.probes.clear();
    for outage in 1..10 {
        path.link = 0;
        path.send(3);
        assert_eq!(path.mtu.size(), BASE);
        path.link = 65_507;
        path.send(u64::from(STEP) + 1);
        assert_eq!((path.mtu.size(), path.probes.len()), (LARGEST, outage));
    }
}

#[test]
fn losses_among_packets_that_arrive_are_no_alarm() {
    let mut path = Path::new(1472);
    path.send(300);
    for ordinal in path.sent..path.sent + 10_000 {
        path.mtu.on_sent(path.now, ordinal, 1472);
    }
    // Acknowledgements tell of later ones before what is older is called lost.
    for ten in (path.sent..path.sent + 10_000).step_by(10) {
        path.mtu.on_acked(ten + 9, 1472);
        (ten..ten + 9).for_each(|ordinal| path.mtu.on_lost(path.now, ordinal, 1472));
        assert_eq!(path.mtu.size(), 1472);
    }
}

#[test]
fn a_link_that_carries_probes_and_no_packets_is_believed_ever_less() {
    let mut path = Path::new(1452);
    path.send(300);
    path.probes.clear();
    for second in 0..3600 {
        path.now = epoch() + Duration::from_secs(second);
        // What is sent between probes never arrives if it is long.
        for _ in 0..20 {
            path.link = BASE;
            let ordinal = path.sent;
            path.sent += 1;
            let size = path.mtu.size();
            path.mtu.on_sent(path.now, ordinal, size);
            if size > BASE {
                path.mtu.on_lost(path.now, ordinal, size);
            }
            if let Some(probe) = path.mtu.wanted(path.now) {
                path.probes.push(probe);
                path.mtu.on_probe_sent();
                if probe <= 1452 {
                    path.mtu.on_probe_acked(path.now, probe);
                } else {
                    path.mtu.on_probe_lost(path.now, probe);
                }
            }
        }
    }
    assert!(path.probes.len() < 60, "{}", path.probes.len());
}

/// What may happen to the search, in any order.
#[derive(Clone, Debug)]
enum Step {
    Sent(usize),
    Probe,
    ProbeAcked,
    ProbeLost,
    Forgotten,
    Acked(u64, usize),
    Lost(u64, usize),
    Silence,
    Wait(u64),
    Reset,
}

const LENGTHS: Range<usize> = 0..70_000;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => prop_oneof![LENGTHS, Just(LARGEST)].prop_map(Step::Sent),
        10 => Just(Step::Probe),
        6 => Just(Step::ProbeAcked),
        4 => Just(Step::ProbeLost),
        1 => Just(Step::Forgotten),
        4 => (any::<u64>(), LENGTHS).prop_map(|(ordinal, bytes)| Step::Acked(ordinal, bytes)),
        4 => (0u64..2000, LENGTHS).prop_map(|(ordinal, bytes)| Step::Lost(ordinal, bytes)),
        1 => Just(Step::Silence),
        2 => (0u64..2000).prop_map(Step::Wait),
        1 => Just(Step::Reset),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_events_makes_a_datagram_too_short_or_too_long(
        base in 1usize..3000,
        limit in LENGTHS,
        steps in proptest::collection::vec(step(), 0..400),
    ) {
        let mut now = epoch();
        let mut mtu = Mtu::new(base, now);
        mtu.search_up_to(limit);
        let most = limit.max(base);
        let (mut ordinal, mut asked) = (0, None);
        for step in steps {
            match step {
                Step::Sent(bytes) => {
                    for _ in 0..10 {
                        mtu.on_sent(now, ordinal, bytes.max(mtu.size()));
                        ordinal += 1;
                    }
                }
                Step::Probe => {
                    if let Some(probe) = mtu.wanted(now) {
                        prop_assert!(probe > mtu.size() && probe <= most);
                        mtu.on_probe_sent();
                        prop_assert_eq!(mtu.wanted(now), None, "one at a time");
                        asked = Some(probe);
                    }
                }
                Step::ProbeAcked => asked.take().into_iter().for_each(|probe| mtu.on_probe_acked(now, probe)),
                Step::ProbeLost => asked.take().into_iter().for_each(|probe| mtu.on_probe_lost(now, probe)),
                Step::Forgotten => {
                    asked = None;
                    mtu.forget_probe();
                }
                Step::Acked(ordinal, bytes) => mtu.on_acked(ordinal, bytes),
                Step::Lost(ordinal, bytes) => mtu.on_lost(now, ordinal, bytes),
                Step::Silence => mtu.on_silence(now),
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
                Step::Reset => mtu.reset(now),
            }
            prop_assert!((base..=most).contains(&mtu.size()), "{}", mtu.size());
        }
    }
}
