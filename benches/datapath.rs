//! What a session costs on loopback: 64 bytes there and back beside bare UDP, and one stream as fast as it
//! goes.
//!
//! `cargo bench --bench datapath`. The path between the two peers is the direct one. For the round trips
//! both are pinned to one processor (`taskset`), as the bare threads beside them are; for the stream each has one.
//! The figures of one run belong together: rounds with bare UDP and with the peers take turns.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a bench drives the real world, and tells what it measured"
)]

mod figures;
#[path = "figures/peers.rs"]
mod peers;

use std::net::UdpSocket;
use std::thread;
use std::time::Instant;

use figures::Sample;
use p2pchat::net::Network;
use p2pchat::proto::{Command, Event};
use p2pchat_wire::identity::PeerId;
use peers::{pin, rendezvous, stream, with_peers};
use tokio::runtime::Runtime;

/// Of each kind; they take turns.
const ROUNDS: usize = 5;

/// Round trips in a round, after some to get warm.
const TRIPS: usize = 5_000;
const WARM: usize = 500;

/// What a stream carries.
const BULK: usize = 256 << 20;

fn main() {
    let server = rendezvous();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "64 bytes there and back, both on one processor, in microseconds (load {})",
        load.trim()
    );
    println!("{:<40} {:>9} {:>9} {:>9}", "", "median", "p99", "ratio");
    let [mut bare, mut ours] = [(); 2].map(|()| Sample::default());
    for _ in 0..ROUNDS {
        bare_trips(&mut bare);
        ours = with_peers(server, [1, 1], trips, echo, ours);
    }
    let rows = [("bare UDP, two blocking threads", &bare), ("a sealed message each way", &ours)];
    for (name, sample) in rows {
        let [median, p99] = [0.5, 0.99].map(|share| sample.quantile(share).as_secs_f64() * 1e6);
        let ratio = median / (bare.quantile(0.5).as_secs_f64() * 1e6);
        println!("{name:<40} {median:>9.1} {p99:>9.1} {ratio:>9.2}");
    }

    println!(
        "\n{:<24} {:>8} {:>14} {:>14}",
        "one stream of 256 MiB", "Gbit/s", "sender ns/B", "receiver ns/B"
    );
    for _ in 0..ROUNDS {
        let carried = stream(server, BULK);
        let rate = BULK as f64 * 8.0 / carried.took.as_secs_f64() / 1e9;
        let [sender, receiver] =
            [carried.sender, carried.receiver].map(|time| time.as_nanos() as f64 / BULK as f64);
        println!("{:<24} {rate:>8.2} {sender:>14.2} {receiver:>14.2}", "");
    }
}

fn trips(runtime: &Runtime, network: &mut Network, peer: PeerId, mut sample: Sample) -> Sample {
    runtime.block_on(async {
        for trip in 0..WARM + TRIPS {
            let began = Instant::now();
            let send = Command::Send { peer, tag: 0, message: vec![7; 64] };
            network.commands.send(send).await.expect("runs");
            while !matches!(network.events.recv().await.expect("runs"), Event::Message { .. }) {}
            if trip >= WARM {
                sample.push(began.elapsed());
            }
        }
    });
    sample
}

fn echo(runtime: &Runtime, network: &mut Network) {
    runtime.block_on(async {
        loop {
            match network.events.recv().await.expect("runs") {
                Event::Message { peer, message } => {
                    let back = Command::Send { peer, tag: 0, message };
                    network.commands.send(back).await.expect("runs");
                }
                Event::Disconnected { .. } => return,
                _ => {}
            }
        }
    });
}

fn bare_trips(sample: &mut Sample) {
    let [near, far] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    for (socket, other) in [(&near, &far), (&far, &near)] {
        socket.connect(other.local_addr().expect("bound")).expect("connected");
    }
    thread::scope(|scope| {
        scope.spawn(move || {
            pin(1);
            let mut buffer = [0; 64];
            for _ in 0..WARM + TRIPS {
                far.recv(&mut buffer).expect("arrived");
                far.send(&buffer).expect("sent");
            }
        });
        scope.spawn(move || {
            pin(1);
            let mut buffer = [7; 64];
            for trip in 0..WARM + TRIPS {
                let began = Instant::now();
                near.send(&buffer).expect("sent");
                near.recv(&mut buffer).expect("arrived");
                if trip >= WARM {
                    sample.push(began.elapsed());
                }
            }
        });
    });
}
