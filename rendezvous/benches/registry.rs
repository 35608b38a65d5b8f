//! What peers cost that only wait: their registration, their memory, their keepalives.
//!
//! `cargo bench -p p2pchat-rendezvous --bench registry [-- PEERS]`
//!
//! The machine alone is measured where a socket adds nothing to the question: registrations are counted by
//! the processor time of the server's half, in five parts of all peers, and memory by what the program has more
//! after the last than before the first. Keepalives come and are answered by UDP, at the rate of that many
//! peers, through a loop of one system call for each; the server's own has fewer.
#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(clippy::disallowed_types, reason = "it loads sockets")]
#![expect(clippy::print_stdout, reason = "it reports")]
#![allow(clippy::expect_used, reason = "a bench that cannot go on ends")]

#[path = "../tests/client/mod.rs"]
mod client;
mod traffic;

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use p2pchat_rendezvous::server::{Config, Output, Server};
use p2pchat_wire::datagram::Datagram;
use p2pchat_wire::identity::{Identity, Name};
use p2pchat_wire::signal::ClientSignal;

use crate::client::Client;
use crate::traffic::{generous, load_average, pin, processor_time};

/// Registered peers, where no other number is given.
const PEERS: usize = 100_000;

/// In so many parts the rate of registrations is measured.
const PARTS: usize = 5;

/// How often a peer says that it is there.
const KEEPALIVE: Duration = Duration::from_secs(25);

/// How long keepalives are sent.
const RUN: Duration = Duration::from_secs(10);

fn main() {
    let peers = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let peers: usize = peers.unwrap_or(PEERS);
    let (average, cores) = load_average();
    println!("{peers} peers, load {average} on {cores} cores");
    let started = Instant::now();
    let config = Config { max_peers_per_network: u32::MAX, ..generous() };
    let server = Server::new(config, Identity::from_seed([1; 32]), [], [2; 32], started);
    let mut world = World { server, started, clients: Vec::with_capacity(peers) };
    let requests: Vec<_> = (0..peers).map(|n| world.request(n)).collect();
    // Room for the answers that is memory already.
    let mut answers = vec![vec![1; requests[0].len()]; peers];
    let before = resident();
    let mut rates: Vec<f64> = (0..PARTS)
        .map(|part| world.register(part * peers / PARTS, &requests, &mut answers))
        .collect();
    let after = resident();
    rates.sort_by(f64::total_cmp);
    let registered = world.server.sizes().names;
    println!(
        "registrations: {:.0} for each second of processor time, {:.0} to {:.0} ({registered} of {peers})",
        rates[PARTS / 2],
        rates[0],
        rates[PARTS - 1],
    );
    if let (Some(before), Some(after)) = (before, after) {
        let each = after.saturating_sub(before) / peers;
        println!("memory: {each} bytes for each registered peer, tables and answers included");
    }
    drop(requests);
    for (client, answer) in world.clients.iter_mut().zip(&answers) {
        client.finish(answer).expect("an answer");
    }
    drop(answers);
    world.keep_alive();
}

/// A server and those who are registered there.
struct World {
    server: Server,
    started: Instant,
    clients: Vec<Client>,
}

/// Each peer is alone in its network.
fn address(n: usize) -> SocketAddr {
    SocketAddr::new((n as u32 + 0x0a00_0000).to_be_bytes().into(), 4000)
}

/// When it comes: ten in a millisecond, so that no table of rates is full of the networks of that moment.
fn coming(started: Instant, n: usize) -> Instant {
    started + n as u32 * Duration::from_micros(100)
}

fn local() -> SocketAddr {
    ([203, 0, 113, 1], 3478).into()
}

impl World {
    /// A new client's request to be registered.
    fn request(&mut self, n: usize) -> Vec<u8> {
        let mut client = Client::new(n as u64);
        let now = coming(self.started, n);
        self.server.handle_datagram(now, local(), address(n), &client.hello());
        let Output::Transmit(transmit) = self.server.poll_output() else { panic!("an answer") };
        let Ok(Datagram::Challenge(challenge)) = Datagram::parse(&transmit.payload) else {
            panic!("a challenge");
        };
        let name = Name::new(&format!("somebody{n}")).expect("name");
        let request = client.request(&challenge, Some(&name));
        self.clients.push(client);
        request
    }

    /// Registers a part of all, beginning with `first`; how many for each second of processor time.
    fn register(&mut self, first: usize, requests: &[Vec<u8>], answers: &mut [Vec<u8>]) -> f64 {
        let count = requests.len() / PARTS;
        let busy = processor_time();
        for n in first..first + count {
            let now = coming(self.started, n);
            self.server.handle_datagram(now, local(), address(n), &requests[n]);
            let mut is_answered = false;
            loop {
                match self.server.poll_output() {
                    Output::Transmit(transmit) if !is_answered => {
                        answers[n].truncate(transmit.payload.len());
                        answers[n].copy_from_slice(&transmit.payload);
                        is_answered = true;
                    }
                    Output::Transmit(_) => {}
                    Output::Claim { id, .. } | Output::Found { id, .. } => {
                        self.server.handle_claimed(now, id, Ok(()));
                    }
                    Output::Timeout(_) => break,
                }
            }
        }
        count as f64 / (processor_time() - busy)
    }

    /// Answers the keepalives of all for a while.
    fn keep_alive(self) {
        let Self { mut server, started, mut clients } = self;
        let peers = clients.len();
        let each_second = peers as f64 / KEEPALIVE.as_secs_f64();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let socket = traffic::large(socket);
        let to = socket.local_addr().expect("an address");
        let sending = thread::spawn(move || {
            pin(traffic::LOAD);
            let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let (began, mut sent) = (Instant::now(), 0);
            while began.elapsed() < RUN {
                while (sent as f64) < began.elapsed().as_secs_f64() * each_second {
                    let at = sent % clients.len();
                    let ping = clients[at].seal(&ClientSignal::Ping { id: sent as u32 });
                    sender.send_to(&ping, to).expect("sent");
                    sent += 1;
                }
                thread::sleep(Duration::from_millis(1));
            }
            sender.send_to(&[], to).expect("sent");
            sent
        });
        pin(traffic::FORWARDER);
        let mut buffer = [0; 2048];
        let (busy, began) = (processor_time(), Instant::now());
        let (mut answered, mut due) = (0, None);
        loop {
            let (length, from) = socket.recv_from(&mut buffer).expect("a datagram");
            if length == 0 {
                break;
            }
            let now = coming(started, peers) + began.elapsed();
            if due.is_some_and(|due| due <= now) {
                server.handle_timeout(now);
            }
            server.handle_datagram(now, to, from, &buffer[..length]);
            due = loop {
                match server.poll_output() {
                    Output::Transmit(transmit) => {
                        answered += 1;
                        socket.send_to(&transmit.payload, transmit.to).expect("sent");
                    }
                    Output::Timeout(due) => break due,
                    _ => {}
                }
            };
        }
        let busy = processor_time() - busy;
        let sent = sending.join().expect("ended");
        println!(
            "keepalives: {:.0}/s, {:.1} % of a core, {:.1} us each ({answered} of {sent} answered)",
            each_second,
            100.0 * busy / RUN.as_secs_f64(),
            1e6 * busy / f64::from(answered),
        );
    }
}

/// Bytes of memory in use, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
