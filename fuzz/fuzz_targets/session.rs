//! A contact and a server with genuine keys say whatever they like, in any order, at any time.
//! The peer neither panics nor floods: what it sends is bounded by what it was sent, what it was
//! told to say, and the time that passed.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use p2pchat::proto::{Command, Event, MAX_MESSAGE};
use p2pchat_fuzz::Choices;
use p2pchat_fuzz::victim::{Victim, contact_address, server_address};
use p2pchat_wire::identity::Name;

/// One start for all runs, so that no run depends on the clock.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fuzz_target!(|input: &[u8]| {
    let mut victim = Victim::connected(*START);
    let mut choices = Choices::new(input);
    let (mut heard, mut said, mut passed) = (0, 0, Duration::ZERO);
    while !choices.is_empty() {
        match choices.byte() % 12 {
            0..=3 => {
                let straight = choices.byte() % 2 == 0;
                let frames = choices.bytes();
                heard += frames.len() + 60;
                victim.frames(straight, frames);
            }
            4 => {
                let signal = choices.bytes();
                heard += signal.len() + 60;
                victim.signal(signal);
            }
            5 => {
                let noise = choices.bytes();
                heard += noise.len() + 60;
                victim.opening(choices.byte() % 2 == 0, noise);
            }
            6 => {
                let from =
                    if choices.byte() % 2 == 0 { contact_address() } else { server_address() };
                let bytes = choices.bytes();
                heard += bytes.len() + 60;
                victim.receive(from, bytes);
            }
            7 | 8 => {
                let time = Duration::from_millis(u64::from(choices.number()));
                passed += time;
                victim.pass(time);
            }
            9 => {
                let message = choices.bytes().to_vec();
                said += message.len() + 60;
                victim.say(message);
            }
            10 => victim.command(Command::NetworkChanged),
            _ => {
                let name = Name::new("contact").expect("a valid name");
                let wanted = choices.byte() % 2 == 0;
                victim.command(if wanted {
                    Command::Connect(name.into())
                } else {
                    Command::Disconnect(name.into())
                });
            }
        }
    }
    for event in &victim.events {
        if let Event::Message { message, .. } = event {
            assert!(message.len() <= MAX_MESSAGE);
        }
    }
    // Probes to a dozen candidates, repetitions, keepalives: generous, but no amplifier.
    let seconds = usize::try_from(passed.as_secs()).expect("at most hours") + 1;
    let bound = 40 * heard + 40 * said + 20_000 * seconds + 100_000;
    assert!(victim.sent <= bound, "sent {} bytes; bound {bound}", victim.sent);
});
