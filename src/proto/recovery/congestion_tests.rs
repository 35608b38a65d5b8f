//! What holds for every controller, whatever it is told.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::congestion::{Ack, Acked, Congestion, MAX_WINDOW, MIN_WINDOW};
use super::delivery::Sample;
use super::rtt::Rtt;
use super::tests::epoch;

/// One call of a controller. Times are in milliseconds: how long after the last one it comes, and how
/// long ago what it speaks of was sent.
#[derive(Clone, Debug)]
enum Call {
    Acked { after: u64, age: u64, bytes: usize, flying: usize },
    Ack { acked: usize, lost: usize, flying: usize, rtt: Option<u64>, sample: Option<Sample> },
    Rtt { ordinals: u64, millis: u64 },
    Loss { after: u64, age: u64 },
    Persistent,
    Spurious,
    Mtu(usize),
}

fn bytes() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0usize..200_000, 1 => Just(0), 1 => Just(usize::MAX), 1 => any::<usize>()]
}

fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0u64..500, 1 => 0u64..20_000, 1 => 0u64..100_000_000]
}

fn sample() -> impl Strategy<Value = Sample> {
    let rate = prop_oneof![0u64..100_000_000, Just(0), any::<u64>()];
    (proptest::option::of(rate), any::<u64>(), bytes(), any::<bool>()).prop_map(
        |(rate, prior_delivered, flying, app_limited)| Sample {
            rate,
            prior_delivered,
            flying,
            app_limited,
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => (millis(), millis(), bytes(), bytes())
            .prop_map(|(after, age, bytes, flying)| Call::Acked { after, age, bytes, flying }),
        6 => (bytes(), bytes(), bytes(), proptest::option::of(millis()), proptest::option::of(sample()))
            .prop_map(|(acked, lost, flying, rtt, sample)| {
                Call::Ack { acked, lost, flying, rtt, sample }
            }),
        2 => (0u64..50, millis()).prop_map(|(ordinals, millis)| Call::Rtt { ordinals, millis }),
        2 => (millis(), millis()).prop_map(|(after, age)| Call::Loss { after, age }),
        1 => Just(Call::Persistent),
        1 => Just(Call::Spurious),
        1 => prop_oneof![0usize..3000, Just(usize::MAX)].prop_map(Call::Mtu),
    ]
}

const MILLI: Duration = Duration::from_millis(1);

fn before(now: Instant, age: u64) -> Instant {
    now.checked_sub(Duration::from_millis(age)).unwrap_or(now)
}

proptest! {
    #[test]
    fn no_sequence_of_calls_makes_a_window_nothing_or_unbounded(
        congestion in prop_oneof![Just(Congestion::Bbr), Just(Congestion::Cubic)],
        mtu in prop_oneof![0usize..3000, Just(usize::MAX)],
        calls in proptest::collection::vec(call(), 0..400),
    ) {
        let mut now = epoch();
        let (mut rtt, mut ordinal, mut delivered) = (Rtt::default(), 0_u64, 0_u64);
        let mut controller = congestion.controller(mtu, now);
        for call in calls {
            match call {
                Call::Acked { after, age, bytes, flying } => {
                    now += MILLI * u32::try_from(after).unwrap_or(u32::MAX);
                    let acked = Acked { now, sent_at: before(now, age), bytes, flying };
                    controller.on_acked(&acked, &rtt);
                }
                Call::Ack { acked, lost, flying, rtt: measured, sample } => {
                    delivered = delivered.saturating_add(acked as u64);
                    let measured = measured.map(Duration::from_millis);
                    if let Some(measured) = measured {
                        rtt.sample(now, measured, Duration::ZERO);
                    }
                    let ack = Ack { now, acked, lost, flying, delivered, rtt: measured, sample };
                    controller.on_ack(&ack, &rtt);
                }
                Call::Rtt { ordinals, millis } => {
                    ordinal += ordinals;
                    controller.on_rtt(ordinal, ordinal + 10, Duration::from_millis(millis));
                }
                Call::Loss { after, age } => {
                    now += MILLI * u32::try_from(after).unwrap_or(u32::MAX);
                    controller.on_loss(now, before(now, age));
                }
                Call::Persistent => controller.on_persistent_congestion(),
                Call::Spurious => controller.on_spurious(),
                Call::Mtu(mtu) => controller.set_mtu(mtu),
            }
            let least = controller.mtu().saturating_mul(MIN_WINDOW).min(MAX_WINDOW);
            prop_assert!((least.max(1)..=MAX_WINDOW).contains(&controller.window()));
            prop_assert!(controller.pacing_rate(&rtt) > 0);
        }
    }
}
