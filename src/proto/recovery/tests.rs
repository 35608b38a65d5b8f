//! Recovery as its caller sees it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::congestion::MAX_WINDOW;
use super::*;

const MTU: usize = 1200;

/// Some instant to count from.
pub(super) fn epoch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "only differences to it count")]
    static EPOCH: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    *EPOCH
}

fn at(millis: u64) -> Instant {
    epoch() + Duration::from_millis(millis)
}

/// A path, and what became of the packets sent on it; each carries its own number.
struct Path {
    recovery: Recovery<u64>,
    out: Outcome<u64>,
}

impl Path {
    fn new() -> Self {
        Self { recovery: Recovery::new(Congestion::Cubic, MTU, epoch()), out: Outcome::default() }
    }

    fn send(&mut self, now: u64, numbers: &[u64]) {
        for number in numbers {
            self.recovery.on_sent(at(now), *number, MTU, true, *number);
        }
    }

    fn ack(&mut self, now: u64, ranges: &[RangeInclusive<u64>]) -> (Vec<u64>, Vec<u64>) {
        self.recovery.on_ack(at(now), ranges.iter().cloned(), Some(Duration::ZERO), &mut self.out);
        (std::mem::take(&mut self.out.acked), std::mem::take(&mut self.out.lost))
    }

    /// Lets time pass until the next timeout. When it was in milliseconds, what was lost, whether
    /// to probe.
    fn time_out(&mut self) -> (u64, Vec<u64>, bool) {
        let now = self.recovery.timeout().expect("a timer is set");
        self.recovery.on_timeout(now, &mut self.out);
        let millis = (now - epoch()).as_millis() as u64;
        (millis, std::mem::take(&mut self.out.lost), std::mem::take(&mut self.out.probe))
    }
}

// RFC 9002 §6.1.1
#[test]
fn three_later_packets_of_the_same_path_make_a_packet_lost() {
    let mut path = Path::new();
    path.send(0, &[5, 100, 200, 300]);
    assert_eq!(path.ack(50, &[200..=250, 6..=7]), (vec![200], vec![]));
    assert_eq!(path.ack(50, &[300..=300]), (vec![300], vec![5]));
}

// RFC 9002 §6.1.2
#[test]
fn a_packet_that_was_overtaken_is_lost_after_nine_eighths_of_a_round_trip() {
    let mut path = Path::new();
    path.send(0, &[0]);
    assert_eq!(path.ack(80, &[0..=0]), (vec![0], vec![]));
    path.send(100, &[1, 2]);
    assert_eq!(path.ack(180, &[2..=2]), (vec![2], vec![]));
    assert_eq!(path.time_out(), (190, vec![1], false));
    assert_eq!(path.recovery.timeout(), None);
}

// Not as RFC 9002 §6.2.1, which begins anew with each packet sent.
#[test]
fn who_goes_on_sending_probes_as_soon_as_who_waits() {
    let mut path = Path::new();
    path.send(0, &[0]);
    path.ack(100, &[0..=0]);
    for number in 1..=32 {
        path.send(90 + 10 * number, &[number]);
    }
    assert_eq!(path.time_out(), (250, vec![], true));
}

// RFC 9002 §6.2
#[test]
fn silence_asks_for_probes_ever_more_slowly_and_loses_nothing() {
    let mut path = Path::new();
    path.send(0, &[0]);
    path.ack(100, &[0..=0]);
    path.send(100, &[1]);
    // 100 ms, a quarter, and the peer's delay. Then four times the variance of 50 ms instead of the
    // quarter, doubled, up to three seconds.
    let times: Vec<u64> = (0..7)
        .map(|_| path.time_out())
        .map(|(at, lost, probe)| {
            assert!(lost.is_empty() && probe);
            at
        })
        .collect();
    assert_eq!(times, [250, 900, 2200, 4800, 7800, 10_800, 13_800]);
    assert_eq!(path.recovery.pto_count(), 7);
    assert_eq!(path.recovery.unacked().collect::<Vec<_>>(), [&1]);
    assert_eq!(path.recovery.congestion_window(), 10 * MTU);
    path.ack(14_000, &[1..=1]);
    assert_eq!((path.recovery.pto_count(), path.recovery.timeout()), (0, None));
}

#[test]
fn a_packet_called_lost_too_early_changes_nothing_but_the_window_back() {
    let mut path = Path::new();
    path.send(0, &[0, 1, 2, 3]);
    assert_eq!(path.ack(50, &[1..=3]), (vec![1, 2, 3], vec![0]));
    assert_eq!(path.recovery.congestion_window(), 7 * MTU);
    assert_eq!(path.ack(60, &[0..=3]), (vec![], vec![]));
    assert_eq!(path.recovery.congestion_window(), 10 * MTU);
}

// RFC 9000 §14.4
#[test]
fn a_size_probe_that_is_lost_shrinks_no_window_and_rings_no_timer() {
    let mut path = Path::new();
    path.recovery = path.recovery.search_mtu_up_to(mtu::LARGEST);
    for number in 0..64 {
        path.send(number, &[number]);
        path.ack(number + 50, &[number..=number]);
    }
    let window = path.recovery.congestion_window();
    for attempt in 0..3 {
        let first = 100 * (attempt + 1);
        assert_eq!(path.recovery.size_probe(at(first)), Some(1452));
        path.recovery.on_size_probe_sent(at(first), first, 1452, first);
        assert_eq!((path.recovery.timeout(), path.recovery.bytes_in_flight()), (None, 0));
        path.send(first, &[first + 1, first + 2, first + 3, first + 4]);
        let numbers = [first + 1, first + 2, first + 3, first + 4];
        assert_eq!(path.ack(first + 50, &[first + 1..=first + 4]), (numbers.to_vec(), vec![]));
        assert!(path.recovery.congestion_window() >= window);
    }
    let next = path.recovery.size_probe(at(500));
    assert!(next.is_some_and(|next| next < 1452), "three in vain are enough: {next:?}");
    assert_eq!(path.recovery.mtu(), MTU);
}

#[test]
fn a_path_that_answers_no_long_packets_is_asked_with_short_ones() {
    let mut path = Path::new();
    path.recovery = path.recovery.search_mtu_up_to(mtu::LARGEST);
    for number in 0..64 {
        path.send(number, &[number]);
        path.ack(number + 50, &[number..=number]);
    }
    assert_eq!(path.recovery.size_probe(at(200)), Some(1452));
    path.recovery.on_size_probe_sent(at(200), 100, 1452, 100);
    path.ack(250, &[100..=100]);
    assert_eq!(path.recovery.mtu(), 1452);
    for number in 101..103 {
        path.recovery.on_sent(at(300), number, 1452, true, number);
    }
    let (now, lost, probe) = path.time_out();
    assert!(lost.is_empty() && probe && path.recovery.mtu() == MTU);
    path.send(now, &[103]);
    assert_eq!(path.ack(now + 50, &[103..=103]).1, [101, 102]);
    assert_eq!(path.recovery.mtu(), 1452, "two may be chance");
    path.recovery.on_sent(at(now + 60), 104, 1452, true, 104);
    let (now, ..) = path.time_out();
    path.send(now, &[105]);
    path.ack(now + 50, &[105..=105]);
    assert_eq!(path.recovery.mtu(), MTU, "three are not");
}

// RFC 9002 §7.6
#[test]
fn losing_everything_for_long_leaves_the_least_window() {
    let mut path = Path::new();
    path.send(0, &[0]);
    path.ack(10, &[0..=0]);
    for n in 1..8 {
        path.send(n * 100, &[n]);
    }
    path.send(900, &[8]);
    let (_, lost) = path.ack(910, &[8..=8]);
    assert_eq!(lost, (1..8).collect::<Vec<_>>());
    assert_eq!(path.recovery.congestion_window(), 2 * MTU);
}

#[test]
fn one_loss_after_a_pause_is_no_persistent_congestion() {
    let mut path = Path::new();
    path.send(0, &[0]);
    path.ack(10, &[0..=0]);
    path.send(100, &[1]);
    path.send(400, &[2]);
    path.send(800, &[3, 4]);
    let (_, lost) = path.ack(810, &[2..=2, 4..=4]);
    assert_eq!(lost, [1]);
    assert!(path.recovery.congestion_window() > 2 * MTU);
}

#[test]
fn a_path_that_is_given_up_hands_everything_back_without_blaming_congestion() {
    let mut path = Path::new();
    path.send(0, &[0, 1, 2]);
    path.ack(10, &[1..=1]);
    assert_eq!(path.recovery.abandon().collect::<Vec<_>>(), [0, 2]);
    assert_eq!(path.recovery.bytes_in_flight(), 0);
    assert_eq!(path.recovery.timeout(), None);
    assert!(path.recovery.congestion_window() >= 10 * MTU);
    assert_eq!(path.ack(20, &[0..=2]), (vec![], vec![]));
}

// RFC 9000 §9.4
#[test]
fn packets_of_the_former_path_neither_fill_nor_measure_the_new_one() {
    let mut path = Path::new();
    path.send(0, &(0..10).collect::<Vec<_>>());
    assert!(!path.recovery.can_send(1));
    path.recovery.reset_congestion(at(5));
    assert!(path.recovery.can_send(10 * MTU));
    assert_eq!(path.ack(500, &[9..=9]), (vec![9], (0..7).chain([7, 8]).collect()));
    assert!(!path.recovery.rtt().has_sample());
    assert_eq!(path.recovery.congestion_window(), 10 * MTU);
}

#[test]
fn mere_acknowledgements_do_not_count_and_are_not_kept_for_ever() {
    let mut path = Path::new();
    path.send(0, &[0]);
    for number in 1..10_000 {
        path.recovery.on_sent(at(1), number, 40, false, number);
    }
    assert_eq!(path.recovery.bytes_in_flight(), MTU);
    assert_eq!(path.recovery.in_flight_packets(), 1);
    assert_eq!(path.recovery.oldest_unacked_sent_at(), Some(at(0)));
    assert!(path.recovery.sent.tracked() < 300, "{}", path.recovery.sent.tracked());
    let (acked, lost) = path.ack(20, &[0..=9998]);
    assert_eq!((acked.len(), lost), (128, vec![]));
}

#[test]
fn what_is_settled_is_forgotten_however_much_is_in_flight() {
    let mut path = Path::new();
    path.send(0, &(0..5000).collect::<Vec<_>>());
    for newest in (9..5000).step_by(10) {
        // One of each ten is lost.
        let (acked, _) = path.ack(20, &[newest - 8..=newest]);
        assert_eq!(acked.len(), 9);
        let settled = path.recovery.sent.tracked() - path.recovery.in_flight_packets();
        assert!(settled < 10, "{settled} of them at {newest}");
    }
}

/// One step of a caller who does everything.
#[derive(Clone, Debug)]
enum Step {
    Send { skip: u64, bytes: usize, eliciting: bool },
    Ack { ranges: Vec<(u64, u64)>, delay: u64 },
    Wait(u64),
    TimeOut,
    Mtu(usize),
    Sample(u64),
    Reset,
    Abandon,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u64..4, prop_oneof![0usize..1500, Just(usize::MAX)], proptest::bool::weighted(0.8))
            .prop_map(|(skip, bytes, eliciting)| Step::Send { skip, bytes, eliciting }),
        4 => (proptest::collection::vec((0u64..200, 0u64..40), 0..4), any::<u64>())
            .prop_map(|(ranges, delay)| Step::Ack { ranges, delay }),
        3 => prop_oneof![0u64..200_000, any::<u32>().prop_map(|n| u64::from(n) * 1000)]
            .prop_map(Step::Wait),
        3 => Just(Step::TimeOut),
        1 => prop_oneof![0usize..3000, Just(usize::MAX)].prop_map(Step::Mtu),
        1 => any::<u64>().prop_map(Step::Sample),
        1 => Just(Step::Reset),
        1 => Just(Step::Abandon),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_events_loses_a_record_or_bends_a_bound(
        congestion in prop_oneof![Just(Congestion::Bbr), Just(Congestion::Cubic)],
        mtu in 0usize..2000,
        steps in proptest::collection::vec(step(), 0..300),
    ) {
        let mut now = epoch();
        let mut next = 0;
        let mut recovery = Recovery::new(congestion, mtu, now);
        let mut open = BTreeMap::new();
        for step in steps {
            let mut out = Outcome::default();
            match step {
                Step::Send { skip, bytes, eliciting } => {
                    next += skip;
                    let _ = recovery.can_send(bytes);
                    if let Some(later) = recovery.pacing_delay(now, bytes) {
                        prop_assert!(later <= now + Duration::from_secs(1));
                    }
                    recovery.on_sent(now, next, bytes, eliciting, next);
                    open.insert(next, (bytes, eliciting));
                    next += 1;
                }
                Step::Ack { ranges, delay } => {
                    // Counted back from the newest; some overlap, some end before they start.
                    let ranges = ranges.into_iter().map(|(back, len)| {
                        let end = next.saturating_sub(back);
                        end.saturating_sub(len)..=end.saturating_sub(len / 20)
                    });
                    recovery.on_ack(now, ranges, Some(Duration::from_micros(delay)), &mut out);
                }
                Step::Wait(micros) => now += Duration::from_micros(micros),
                Step::TimeOut => {
                    if let Some(timeout) = recovery.timeout() {
                        now = now.max(timeout);
                        // A loss may leave a probe that is overdue; then nothing more.
                        recovery.on_timeout(now, &mut out);
                        recovery.on_timeout(now, &mut out);
                        prop_assert!(recovery.timeout().is_none_or(|later| later > now));
                    }
                }
                Step::Mtu(mtu) => recovery.set_mtu(mtu),
                Step::Sample(micros) => recovery.sample_rtt(now, Duration::from_micros(micros)),
                Step::Reset => recovery.reset_congestion(now),
                Step::Abandon => out.lost.extend(recovery.abandon()),
            }
            for number in out.acked.iter().chain(&out.lost) {
                prop_assert!(open.remove(number).is_some(), "{} came back twice", number);
            }
            let eliciting: BTreeSet<u64> =
                open.iter().filter(|(_, (_, eliciting))| *eliciting).map(|(n, _)| *n).collect();
            prop_assert!(recovery.unacked().copied().eq(eliciting.iter().copied()));
            prop_assert_eq!(recovery.in_flight_packets(), eliciting.len());
            prop_assert_eq!(recovery.oldest_unacked_sent_at().is_some(), !eliciting.is_empty());
            prop_assert!(eliciting.is_empty() || recovery.timeout().is_some());
            prop_assert!((2..=MAX_WINDOW).contains(&recovery.congestion_window()));
            if eliciting.is_empty() {
                prop_assert_eq!(recovery.bytes_in_flight(), 0);
                prop_assert!(recovery.can_send(usize::MAX));
            }
        }
    }
}

/// A sender with no end of data over a link with a rate, a delay and a queue that overflows. Returns
/// the bytes delivered and the bytes sent in `time`.
fn bulk(rate: u64, delay: Duration, queue: usize, time: Duration) -> (u64, u64) {
    let per_packet = Duration::from_nanos(MTU as u64 * 8 * 1_000_000_000 / rate);
    let mut recovery = Recovery::new(Congestion::Cubic, MTU, epoch());
    let (mut now, end) = (epoch(), epoch() + time);
    let (mut sent, mut delivered) = (0, 0);
    // When the link is idle again, and when which packet's acknowledgement comes back.
    let mut free = now;
    let mut acks: VecDeque<(Instant, u64)> = VecDeque::new();
    let mut out = Outcome::default();
    while now < end {
        while let Some((_, number)) = acks.pop_front_if(|(at, _)| *at <= now) {
            recovery.on_ack(now, std::iter::once(number..=number), Some(Duration::ZERO), &mut out);
            delivered += MTU as u64;
        }
        recovery.on_timeout(now, &mut out);
        let mut wake = None;
        while recovery.can_send(MTU) || std::mem::take(&mut out.probe) {
            wake = recovery.pacing_delay(now, MTU);
            if wake.is_some() {
                break;
            }
            recovery.on_sent(now, sent, MTU, true, ());
            let waiting = free.saturating_duration_since(now);
            if waiting < per_packet * u32::try_from(queue).expect("small") {
                free = free.max(now) + per_packet;
                acks.push_back((free + delay * 2, sent));
            }
            sent += 1;
        }
        let next_ack = acks.front().map(|(at, _)| *at);
        let next = [next_ack, recovery.timeout(), wake].into_iter().flatten().min();
        now = next.expect("something is always under way").max(now + Duration::from_nanos(1));
    }
    (delivered, sent * MTU as u64)
}

#[test]
fn a_bottleneck_is_filled_and_its_queue_seldom_overflows() {
    for (mbits, millis, queue) in [(2, 30, 20), (10, 25, 40), (100, 25, 520), (100, 5, 100)] {
        let (rate, time) = (mbits * 1_000_000, Duration::from_secs(20));
        let (delivered, sent) = bulk(rate, Duration::from_millis(millis), queue, time);
        let used = delivered as f64 * 8.0 / (rate as f64 * time.as_secs_f64());
        let excess = sent as f64 / delivered as f64;
        assert!(used > 0.85, "{mbits} Mbit/s: {used:.3} of the link");
        assert!(excess < 1.05, "{mbits} Mbit/s: {excess:.3} sent per delivered");
    }
}
