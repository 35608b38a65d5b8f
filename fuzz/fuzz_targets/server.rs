//! Strangers send a server whatever they like. It never panics, never answers with more bytes than
//! it got (STUN, whose answers are longer by definition, is bounded by a rate), and what nobody
//! proved leaves no trace in its tables.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use p2pchat_fuzz::Choices;
use p2pchat_rendezvous::server::{Config, Output, Server};
use p2pchat_wire::datagram::{Datagram, Hello};
use p2pchat_wire::identity::Identity;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let local = SocketAddr::from(([203, 0, 113, 10], 3478));
    let sockets = [(10, 3478), (10, 3479), (20, 3478), (20, 3479)]
        .map(|(last, port)| SocketAddr::from(([203, 0, 113, last], port)));
    let config = Config { sockets: sockets.to_vec(), ..Config::default() };
    let mut now = *START;
    let mut server = Server::new(config, Identity::from_seed([1; 32]), [], [2; 32], now);
    while !choices.is_empty() {
        let choice = choices.byte();
        let from = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, choice)), choices.number());
        let bytes = match choice % 4 {
            0 => Hello { version: choice, nonce: [choice; 16] }.encode(),
            _ => choices.bytes().to_vec(),
        };
        now += Duration::from_millis(u64::from(choices.byte()));
        server.handle_datagram(now, local, from, &bytes);
        let mut answered = 0;
        loop {
            match server.poll_output() {
                Output::Transmit(transmit) => {
                    assert_eq!(transmit.to, from, "an answer to somebody else");
                    answered += transmit.payload.len();
                }
                Output::Claim { .. } | Output::Found { .. } => panic!("a claim that nobody proved"),
                Output::Timeout(at) => {
                    if at.is_some_and(|at| at <= now) {
                        server.handle_timeout(now);
                    }
                    break;
                }
            }
        }
        if !matches!(Datagram::parse(&bytes), Ok(Datagram::Stun(_))) {
            assert!(answered <= bytes.len(), "{answered} bytes for {}", bytes.len());
        }
        assert_eq!(server.sizes().peers, 0, "a stranger is known");
    }
});
