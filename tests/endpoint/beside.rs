//! A line beside a file that fills the way: it does not wait behind the file.
//!
//! `cargo test --test endpoint beside -- --nocapture` prints how long lines take.

use std::time::Duration;

use p2pchat::proto::Congestion;
use p2pchat_wire::random::Random;

use crate::file::{File, over};
use crate::world::Link;

const MILLIS: Duration = Duration::from_millis(1);

/// Between two lines.
const PAUSE: Duration = Duration::from_millis(50);

/// Bytes that the reader of the file wants and has not got.
const AHEAD: usize = 4 << 20;

/// 20 Mbit/s with a queue of one product of a round trip of 50 ms, over Ethernet.
const LINK: Link = Link { rate: 2_500_000, queue: 125_000, mtu: 1472 };
const ONE_WAY: Duration = Duration::from_millis(25);

/// What a run shows.
struct Seen {
    /// How long lines took to Bob, the shortest first.
    lines: Vec<Duration>,
    /// The part of what the link can carry that the file had.
    share: f64,
}

impl Seen {
    fn percentile(&self, percent: usize) -> Duration {
        self.lines[self.lines.len() * percent / 100]
    }
}

/// A file without end from Alice to Bob, and a line each 50 ms beside it.
fn run(congestion: Congestion, per_mille: u32, lines: u32) -> Seen {
    let (mut world, alice, bob) = over(LINK, ONE_WAY, congestion);
    let mut random = Random::from_seed([7; 32]);
    world.filter(move |_| random.below(1000) >= per_mille);
    let mut file = File::begin(&mut world, alice, bob, AHEAD);
    let (mut times, mut said, mut begun) = (Vec::new(), Vec::new(), 0);
    // The file has found its pace after a while.
    let warm = 40;
    while times.len() < (warm + lines) as usize {
        if said.len() < (warm + lines) as usize {
            let number = said.len() as u64;
            said.push(world.elapsed());
            world.send(alice, bob, number, &number.to_be_bytes());
        }
        if said.len() == warm as usize {
            begun = file.read;
        }
        let next = world.now + PAUSE;
        while world.now < next {
            world.run(MILLIS);
            for (at, message) in file.go_on(&mut world) {
                let number = u64::from_be_bytes(message.try_into().expect("eight bytes"));
                times.push(at - said[number as usize]);
            }
            world.sent.clear();
        }
    }
    let mut lines = times.split_off(warm as usize);
    lines.sort_unstable();
    let time = (world.elapsed() - said[warm as usize - 1]).as_secs_f64();
    let share = (file.read - begun) as f64 / time / f64::from(LINK.rate);
    Seen { lines, share }
}

#[test]
fn a_line_beside_a_file_is_at_most_a_round_trip_and_ten_milliseconds_later_than_alone() {
    for (congestion, per_mille, least) in
        [(Congestion::Bbr, 0, 0.85), (Congestion::Bbr, 10, 0.8), (Congestion::Cubic, 0, 0.8)]
    {
        let seen = run(congestion, per_mille, 300);
        let [median, slow] = [50, 99].map(|percent| seen.percentile(percent));
        println!(
            "{congestion:?}, {per_mille} of 1000 lost, the file has {:.0} % of the link: \
             a line takes {median:?}, 99th percentile {slow:?}, {ONE_WAY:?} alone",
            seen.share * 100.0
        );
        assert!(seen.share > least, "{}", seen.share);
        assert!(slow <= ONE_WAY + 2 * ONE_WAY + 10 * MILLIS, "{slow:?}");
    }
}
