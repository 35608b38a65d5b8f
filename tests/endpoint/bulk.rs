//! A file over a line that is long or loses packets: how much of the line it has, and at what cost.
//!
//! `cargo test --test endpoint bulk -- --nocapture` prints both.

use std::time::Duration;

use p2pchat::proto::Congestion;
use p2pchat_wire::random::Random;

use crate::file::{File, over};
use crate::world::{Link, SECOND, server_address};

const MILLIS: Duration = Duration::from_millis(1);

/// More than any window.
const AHEAD: usize = 32 << 20;

/// 100 Mbit/s over Ethernet, with a queue for a round trip of 50 ms.
const LINK: Link = Link { rate: 12_500_000, queue: 625_000, mtu: 1472 };

/// What a run shows, its start included.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The part of what the link can carry that was read.
    share: f64,
    /// Bytes that left for each that was read.
    cost: f64,
    /// The part of them that went to the server.
    relayed: f64,
}

/// A file from Alice to Bob for so many seconds.
fn run(one_way: Duration, per_mille: u32, seconds: u32) -> Seen {
    let (mut world, alice, bob) = over(LINK, one_way, Congestion::Bbr);
    let mut random = Random::from_seed([7; 32]);
    world.filter(move |_| random.below(1000) >= per_mille);
    let mut file = File::begin(&mut world, alice, bob, AHEAD);
    let (address, end) = (world.hosts[alice].address, world.now + SECOND * seconds);
    let (mut sent, mut relayed) = (0, 0);
    while world.now < end {
        world.run(MILLIS);
        file.go_on(&mut world);
        for packet in world.sent.drain(..).filter(|packet| packet.from == address) {
            sent += packet.payload.len();
            relayed += if packet.to == server_address() { packet.payload.len() } else { 0 };
        }
    }
    let [read, sent, relayed] = [file.read, sent, relayed].map(|bytes| bytes as f64);
    Seen {
        share: read / f64::from(seconds) / f64::from(LINK.rate),
        cost: sent / read,
        relayed: relayed / sent,
    }
}

#[test]
fn a_file_has_a_lossy_line_nearly_for_itself() {
    let seen = run(25 * MILLIS, 10, 15);
    println!("{seen:?}");
    assert!(seen.share > 0.88, "{}", seen.share);
    assert!(seen.cost < 1.10, "{}", seen.cost);
}

#[test]
fn a_long_line_whose_queue_is_short_is_filled_without_losing_half() {
    let seen = run(100 * MILLIS, 0, 10);
    println!("{seen:?}");
    assert!(seen.share > 0.7, "{}", seen.share);
    assert!(seen.cost < 1.12, "{}", seen.cost);
}

#[test]
fn a_long_line_that_loses_much_is_filled_though_there_is_always_a_hole() {
    let seen = run(100 * MILLIS, 50, 15);
    println!("{seen:?}");
    assert!(seen.share > 0.65, "{}", seen.share);
    assert!(seen.cost < 1.20, "{}", seen.cost);
    // Probes get lost, too, and then the path is in doubt: lines go twice, but the file does not.
    assert!(seen.relayed < 0.01, "{}", seen.relayed);
}
