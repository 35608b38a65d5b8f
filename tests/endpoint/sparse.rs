//! A line now and then over a network that loses packets: what is lost must not cost a timeout.
//!
//! `cargo test --test endpoint sparse -- --nocapture` prints how long lines take.

use std::time::Duration;

use p2pchat::proto::{Command, Event, Incoming, Outgoing, Policy, StreamCommand, StreamEvent};
use p2pchat_wire::random::Random;

use crate::world::{DELAY, Packet, SECOND, World};

const MILLIS: Duration = Duration::from_millis(1);

/// Between two lines.
const PAUSE: Duration = Duration::from_millis(50);

/// A whole packet with a line of 64 bytes is longer, and one that only acknowledges is shorter.
const LEAST_WITH_LINE: usize = 100;

/// Two who are connected directly, so far apart.
fn pair(delay: Duration) -> (World, usize, usize) {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.delay = delay;
    world.call(alice, "bob");
    world.run(5 * SECOND);
    (world, alice, bob)
}

fn line(number: u64) -> Vec<u8> {
    let mut line = vec![b' '; 64];
    line[..8].copy_from_slice(&number.to_be_bytes());
    line
}

fn number_of(line: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(line.get(..8)?.try_into().ok()?))
}

/// Loses so many of a thousand datagrams.
fn lossy(world: &mut World, per_mille: u32) {
    let mut random = Random::from_seed([7; 32]);
    world.filter(move |_| random.below(1000) >= per_mille);
}

fn has_line(packet: &Packet) -> bool {
    packet.payload.len() >= LEAST_WITH_LINE
}

/// What left `from` for `to`.
fn sent(world: &World, from: usize, to: usize) -> impl Iterator<Item = &Packet> + '_ {
    let (from, to) = (world.hosts[from].address, world.hosts[to].address);
    world.sent.iter().filter(move |packet| packet.from == from && packet.to == to)
}

/// How long lines took to Bob and back, one each 50 ms; the shortest first.
fn round_trips(delay: Duration, per_mille: u32, lines: u64) -> Vec<Duration> {
    let (mut world, alice, bob) = pair(delay);
    lossy(&mut world, per_mille);
    world.hosts[bob].echoes = true;
    let start = world.elapsed();
    for number in 0..lines {
        world.send(alice, bob, number, &line(number));
        world.run(PAUSE);
    }
    world.run(10 * SECOND);
    let mut times: Vec<_> = world.hosts[alice]
        .events
        .iter()
        .filter_map(|(at, event)| match event {
            Event::Message { message, .. } => {
                let said = start + PAUSE * number_of(message)? as u32;
                Some(at.saturating_sub(said))
            }
            _ => None,
        })
        .collect();
    assert_eq!(times.len() as u64, lines);
    times.sort_unstable();
    times
}

#[test]
fn lines_over_a_network_that_loses_packets_come_as_if_it_lost_none() {
    let goals = [(50, 10, 70), (200, 50, 260)];
    for (round_trip, per_mille, goal) in goals {
        let times = round_trips(MILLIS * round_trip / 2, per_mille, 4000);
        let [median, slow] = [50, 99].map(|percent| times[times.len() * percent / 100]);
        let slowest = times.last();
        println!(
            "{round_trip} ms, {per_mille} of 1000 lost: \
             median {median:?}, 99th percentile {slow:?}, most {slowest:?}"
        );
        assert!(slow <= MILLIS * goal, "{slow:?}");
    }
}

#[test]
fn a_line_that_is_lost_comes_some_milliseconds_later_and_not_after_a_timeout() {
    let (mut world, alice, bob) = pair(DELAY);
    world.run(60 * SECOND);
    let (bobs, mut left) = (world.hosts[bob].address, 1);
    world.filter(move |packet| {
        let lost = packet.to == bobs && has_line(packet) && left > 0;
        left -= u32::from(lost);
        !lost
    });
    world.sent.clear();
    world.send(alice, bob, 1, &line(1));
    world.run(DELAY + 11 * MILLIS);
    assert_eq!(world.received(bob), [line(1)], "{world:?}");
    world.run(10 * SECOND);
    assert_eq!(world.received(bob).len(), 1, "and it comes once");
    let copies = sent(&world, alice, bob).filter(|packet| has_line(packet)).count() - 1;
    assert_eq!(copies, 1, "that is all that it cost");
}

#[test]
fn in_a_quick_exchange_of_lines_acknowledgements_ride_in_them() {
    let (mut world, alice, bob) = pair(MILLIS / 2);
    world.hosts[bob].echoes = true;
    for number in 0..400 {
        if number == 200 {
            world.sent.clear();
        }
        world.send(alice, bob, number, &line(number));
        world.run(3 * MILLIS);
    }
    for (from, to) in [(alice, bob), (bob, alice)] {
        let (with, without): (Vec<_>, Vec<_>) = sent(&world, from, to).partition(|p| has_line(p));
        assert_eq!(with.len(), 200, "each once");
        assert!(without.len() < 10, "{}: now and then a probe", without.len());
    }
}

#[test]
fn copies_are_a_small_part_of_what_the_path_may_carry() {
    const LINES: u64 = 4000;
    let (mut world, alice, bob) = pair(DELAY);
    world.sent.clear();
    for number in 0..LINES {
        world.send(alice, bob, number, &line(number));
        world.run(5 * MILLIS);
    }
    let of_line = sent(&world, alice, bob).find(|packet| has_line(packet));
    let of_line = of_line.expect("lines were sent").payload.len();
    let packets = sent(&world, alice, bob).filter(|packet| has_line(packet)).count();
    let copied = (packets - LINES as usize) * of_line;
    // A sixteenth of ten datagrams in each of 200 round trips, and four datagrams saved up.
    let allowed = 200 * 12_000 / 16 + 4 * 1200;
    assert!((allowed / 2..=allowed).contains(&copied), "{copied} of {allowed} bytes");
}

#[test]
fn nothing_is_repeated_while_a_file_is_on_its_way() {
    const FILE: Outgoing = Outgoing(1);
    let (mut world, alice, bob) = pair(DELAY);
    let (to_alice, to_bob) = (world.id(alice), world.id(bob));
    let open = StreamCommand::Open { stream: FILE, priority: 1 };
    world.command(alice, Command::Stream(to_bob, open));
    world.run(MILLIS);
    let write = StreamCommand::Write { stream: FILE, data: vec![7; 1 << 20] };
    world.command(alice, Command::Stream(to_bob, write));
    world.run(DELAY + MILLIS);
    let read = StreamCommand::Read { stream: Incoming(1), more: 1 << 20 };
    world.command(bob, Command::Stream(to_alice, read));
    world.sent.clear();
    let mut lines = 0;
    while read_bytes(&world, bob) < 1 << 20 {
        world.send(alice, bob, lines, &line(lines));
        lines += 1;
        world.run(20 * MILLIS);
    }
    assert!(lines > 10, "it takes a while: {lines}");
    let small = |packet: &&Packet| has_line(packet) && packet.payload.len() < 1000;
    let small = sent(&world, alice, bob).filter(small).count();
    assert!(small as u64 <= lines, "{small} small packets, {lines} lines");
}

/// How much of streams somebody has read.
fn read_bytes(world: &World, host: usize) -> usize {
    let bytes = world.hosts[host].events.iter().map(|(_, event)| match event {
        Event::Stream(_, StreamEvent::Data { data, .. }) => data.len(),
        _ => 0,
    });
    bytes.sum()
}
