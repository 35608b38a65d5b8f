//! A contact acknowledges what it likes of what it was sent, when it likes, and lies about how long it
//! waited. With either controller the peer neither floods nor gives up: once the contact is honest
//! again, what was said goes on leaving.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use p2pchat::proto::{Congestion, Event};
use p2pchat_fuzz::Choices;
use p2pchat_fuzz::victim::Victim;
use p2pchat_wire::codec;

/// One start for all runs, so that no run depends on the clock.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nobody plays the server here, which is missed after half a minute; the relay is gone then.
const LONGEST: Duration = Duration::from_secs(10);

/// The contact opens no window after the first, of 1 MiB.
const MOST: usize = 900_000;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let congestion = if choices.byte() % 2 == 0 { Congestion::Bbr } else { Congestion::Cubic };
    let mut victim = Victim::connected_with(*START, congestion);
    let (mut said, mut bytes, mut passed) = (0, 0, Duration::ZERO);
    while !choices.is_empty() && passed < LONGEST {
        match choices.byte() % 8 {
            0 | 1 => {
                let message = vec![7; usize::from(choices.number()).min(MOST - bytes)];
                (said, bytes) = (said + 1, bytes + message.len());
                victim.say(message);
            }
            2..=4 => {
                // Of each eight packets, which the contact says to have.
                let pattern = choices.byte();
                let arrived = victim.numbers.iter().filter(|n| pattern >> (**n % 8) & 1 == 1);
                let arrived = arrived.copied().collect();
                acknowledge(&mut victim, u32::from(choices.number()) << 4, arrived);
            }
            5 | 6 => {
                let time = Duration::from_micros(u64::from(choices.number()) * 4);
                passed += time;
                victim.pass(time);
            }
            _ => {
                let time = Duration::from_millis(u64::from(choices.number() % 4000));
                passed += time;
                victim.pass(time);
                // A sign of life, or the session ends.
                victim.frames(false, &[0]);
            }
        }
    }
    let seconds = usize::try_from(passed.as_secs()).expect("at most minutes") + 1;
    let bound = 20 * bytes + 20_000 * seconds + 200_000 + 200 * input.len();
    assert!(victim.sent <= bound, "sent {} bytes; bound {bound}", victim.sent);

    let left = |victim: &Victim| {
        let left = |event: &&Event| matches!(event, Event::Transmitted { .. });
        victim.events.iter().filter(left).count()
    };
    // Who is not answered looks for his server, and then the relay may be gone.
    let gone = |event: &Event| matches!(event, Event::RendezvousTrouble { .. });
    let before = victim.numbers.len();
    for _ in 0..400 {
        let moves = left(&victim) == said || victim.numbers.len() > before + 1;
        if moves || victim.events.iter().any(gone) {
            return;
        }
        let arrived = victim.numbers.clone();
        acknowledge(&mut victim, 0, arrived);
        victim.pass(Duration::from_millis(20));
    }
    panic!("{} of {said} messages have left, and no more do", left(&victim));
});

/// Acknowledges these packets; the newest 32 ranges of them, as a peer would.
fn acknowledge(victim: &mut Victim, delay_us: u32, mut numbers: Vec<u64>) {
    numbers.sort_unstable();
    // Newest first: the highest number, and how many follow below it.
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers.into_iter().rev() {
        match ranges.last_mut() {
            Some((highest, below)) if *highest - *below == number => {}
            Some((highest, below)) if *highest - *below == number + 1 => *below += 1,
            _ => ranges.push((number, 0)),
        }
    }
    ranges.truncate(32);
    let mut lowest = None;
    for (first, below) in &mut ranges {
        let end = *first;
        if let Some(lowest) = lowest {
            *first = lowest - end - 2;
        }
        lowest = Some(end - *below);
    }
    if !ranges.is_empty() {
        victim.frames(false, &codec::encode(&(1_u32, delay_us, ranges)));
    }
}
