//! What becomes of the model on odd paths.

use super::super::delivery::Sample;
use super::super::tests::epoch;
use super::*;

/// Acknowledges, each millisecond, whatever is in flight on a path of 100 microseconds, as a receiver does that
/// turns to it so often. What is carried at once in the end.
fn carried_in_a_millisecond(at_most: usize) -> usize {
    let (mut bbr, mut rtt, mut now) = (Bbr::new(1200, epoch()), Rtt::default(), epoch());
    let round_trip = Duration::from_micros(100);
    rtt.sample(now, round_trip, Duration::ZERO);
    let (mut delivered, mut acked) = (0, 0);
    for _ in 0..1000 {
        now += Duration::from_millis(1);
        acked = bbr.window().min(at_most);
        let sample = Sample {
            rate: Some(acked as u64 * 1000),
            prior_delivered: delivered,
            flying: acked,
            app_limited: false,
        };
        delivered += acked as u64;
        let (rtt_now, sample) = (Some(round_trip), Some(sample));
        bbr.on_ack(&Ack { now, acked, lost: 0, flying: 0, delivered, rtt: rtt_now, sample }, &rtt);
    }
    acked
}

#[test]
fn a_short_path_is_filled_though_its_ends_turn_to_it_seldom() {
    assert_eq!(carried_in_a_millisecond(40_000), 40_000);
    assert_eq!(carried_in_a_millisecond(400_000), 400_000);
}

#[test]
fn a_path_that_delivered_nothing_but_probes_is_not_paced_by_them_for_ever() {
    let (mut bbr, mut rtt, mut now) = (Bbr::new(1200, epoch()), Rtt::default(), epoch());
    rtt.sample(now, Duration::from_millis(50), Duration::ZERO);
    for round in 0..20 {
        now += Duration::from_secs(2);
        let flying = 4 * 1200;
        // One probe of forty bytes in two seconds.
        let sample = Sample { rate: Some(20), prior_delivered: round, flying, app_limited: false };
        let measured = Some(Duration::from_millis(50));
        let delivered = round + 1;
        let (acked, lost) = (40, 0);
        let sample = Some(sample);
        bbr.on_ack(&Ack { now, acked, lost, flying, delivered, rtt: measured, sample }, &rtt);
    }
    assert!(bbr.filled, "{bbr:?}");
    assert!(bbr.pacing_rate(&rtt) >= 4 * 1200 * 20, "{} bytes per second", bbr.pacing_rate(&rtt));
}

/// The start, while the sender is held up, in which so many of so many datagrams are lost; whether it is over.
fn is_over(lost: usize, all: usize) -> bool {
    let (mut bbr, rtt) = (Bbr::new(1200, epoch()), Rtt::default());
    let now = epoch() + Duration::from_millis(50);
    let (acked, lost) = ((all - lost) * 1200, lost * 1200);
    let (flying, rate) = (all * 1200, Some(acked as u64 * 20));
    let sample = Some(Sample { rate, prior_delivered: 0, flying, app_limited: true });
    let (measured, delivered) = (Some(Duration::from_millis(50)), acked as u64);
    let ack = Ack { now, acked, lost, flying: 0, delivered, rtt: measured, sample };
    // More rate brings no more: else the start goes on whatever is lost.
    bbr.full_bandwidth = u64::MAX;
    bbr.on_ack(&ack, &rtt);
    bbr.filled
}

#[test]
fn a_flood_of_losses_ends_the_start_of_whoever_is_held_up_and_a_few_do_not() {
    assert!(is_over(300, 1000));
    assert!(!is_over(50, 1000), "paths lose so much by chance");
    assert!(!is_over(8, 10), "too few to say anything: a new path loses its first");
}
