//! What a registered peer costs. Alone in its program, because it reads the program's size.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]

mod client;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_rendezvous::server::{Config, Output, Rate, Server};
use p2pchat_wire::datagram::Datagram;
use p2pchat_wire::identity::{Identity, Name};

use crate::client::Client;

const PEERS: u32 = 4000;

/// Bytes of memory that this program has in use.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a size");
    let kilobytes: String = line.chars().filter(char::is_ascii_digit).collect();
    kilobytes.parse::<usize>().expect("a number") * 1024
}

fn transmits(server: &mut Server, now: Instant) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    loop {
        match server.poll_output() {
            Output::Transmit(transmit) => sent.push(transmit.payload),
            Output::Claim { id, .. } | Output::Found { id, .. } => {
                server.handle_claimed(now, id, Ok(()))
            }
            Output::Timeout(_) => return sent,
        }
    }
}

#[test]
fn a_registered_peer_takes_less_than_a_kilobyte() {
    let rate = Rate::new(1e9, 1e9);
    let config = Config {
        handshakes: rate,
        handshakes_total: rate,
        claims: rate,
        max_repeats: 16,
        ..Config::default()
    };
    let mut now = Instant::now();
    let mut server = Server::new(config, Identity::from_seed([1; 32]), [], [2; 32], now);
    let local: SocketAddr = "203.0.113.1:3478".parse().expect("address");
    let register = |n: u32, server: &mut Server, now| {
        let from = SocketAddr::new((n + 0x0a00_0000).to_be_bytes().into(), 4000);
        let mut client = Client::new(u64::from(n));
        server.handle_datagram(now, local, from, &client.hello());
        let sent = transmits(server, now);
        let Ok(Datagram::Challenge(challenge)) = Datagram::parse(&sent[0]) else {
            panic!("a challenge");
        };
        let name = Name::new(&format!("somebody{n}")).expect("name");
        let request = client.request(&challenge, Some(&name));
        server.handle_datagram(now, local, from, &request);
        drop(transmits(server, now));
    };
    // The first ones fill what does not grow: tables of rates, the allocator's own.
    let warm = 1000;
    for n in 0..warm {
        now += Duration::from_millis(1);
        register(n, &mut server, now);
    }
    let before = resident();
    for n in warm..warm + PEERS {
        now += Duration::from_millis(1);
        register(n, &mut server, now);
    }
    assert_eq!(server.sizes().peers, (warm + PEERS) as usize);
    assert_eq!(server.sizes().names, (warm + PEERS) as usize);
    let each = resident().saturating_sub(before) / PEERS as usize;
    assert!(each <= 1024, "{each} bytes for each registered peer");
    println!("{each} bytes for each registered peer");
}
