//! How much one server does on this machine: handshakes, memory for each peer, relayed datagrams.
//!
//! `cargo run --release -p p2pchat-rendezvous --example load`
//!
//! The relay is compared with a bare loop of `recv_from` and `send_to` in the same run. Sender,
//! forwarder and receiver share the processors in both cases, so rates are floors; what holds on a
//! busy machine too is the work for each second of the forwarding thread's own processor time.
#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(clippy::disallowed_types, reason = "it loads sockets")]
#![expect(clippy::print_stdout, reason = "it reports")]

#[path = "../tests/client/mod.rs"]
mod client;
#[path = "../tests/client/socket.rs"]
mod socket;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use p2pchat_rendezvous::serve::{Rendezvous, ServeConfig, TcpConfig};
use p2pchat_rendezvous::server::{Config, Output, Rate, Server};
use p2pchat_wire::datagram::{Datagram, relay};
use p2pchat_wire::identity::{Identity, Name};
use p2pchat_wire::signal::{ClientSignal, Connect, Registration, ServerSignal};
use tokio::sync::oneshot;

use crate::client::Client;
use crate::socket::Peer;

const PEERS: u32 = 20_000;
const RUN: Duration = Duration::from_secs(3);

fn main() {
    registrations();
    for size in [100, 1200] {
        let (bare, relayed) = (forwarded(size), relayed(size));
        println!(
            "relay, {size} bytes: {:.0} datagrams/s, bare forwarder {:.0}, {:.0} %; \
             for each second of processor time {:.0}, bare forwarder {:.0}, {:.0} %",
            relayed.arrived,
            bare.arrived,
            100.0 * relayed.arrived / bare.arrived,
            relayed.worked,
            bare.worked,
            100.0 * relayed.worked / bare.worked,
        );
    }
}

/// What a forwarder did.
struct Passed {
    /// Datagrams that arrived, for each second.
    arrived: f64,
    /// Datagrams passed on, for each second that the forwarding thread was on a processor.
    worked: f64,
}

/// Limits that are in nobody's way.
fn generous() -> Config {
    let rate = Rate::new(1e12, 1e12);
    Config {
        handshakes: rate,
        handshakes_total: rate,
        claims: rate,
        relay_pair: rate,
        relay_key: rate,
        relay_network: rate,
        relay_total: rate,
        ..Config::default()
    }
}

/// Registers peers at a server without IO; the clients' own work is not counted.
fn registrations() {
    let now = Instant::now();
    let mut server = Server::new(generous(), Identity::from_seed([1; 32]), [], [2; 32], now);
    let local: SocketAddr = ([203, 0, 113, 1], 3478).into();
    let at = |n: u32| now + Duration::from_millis(n.into());
    let mut requests = Vec::new();
    for n in 0..PEERS {
        let from = SocketAddr::new((n + 0x0a00_0000).to_be_bytes().into(), 4000);
        let mut client = Client::new(n.into());
        server.handle_datagram(at(n), local, from, &client.hello());
        let Output::Transmit(transmit) = server.poll_output() else { continue };
        let Ok(Datagram::Challenge(challenge)) = Datagram::parse(&transmit.payload) else {
            continue;
        };
        let Ok(name) = Name::new(&format!("somebody{n}")) else { continue };
        requests.push((at(n), from, client.request(&challenge, Some(&name))));
    }
    let before = resident();
    let (started, worked) = (Instant::now(), processor_time());
    for (at, from, request) in &requests {
        server.handle_datagram(*at, local, *from, request);
        loop {
            match server.poll_output() {
                Output::Transmit(_) => {}
                Output::Claim { id, .. } | Output::Found { id, .. } => {
                    server.handle_claimed(*at, id, Ok(()))
                }
                Output::Timeout(_) => break,
            }
        }
    }
    let elapsed = started.elapsed().as_secs_f64();
    let worked = processor_time() - worked;
    let registered = server.sizes().names;
    println!(
        "registrations: {:.0}/s, {:.0} for each second of processor time ({registered} of {PEERS})",
        registered as f64 / elapsed,
        registered as f64 / worked,
    );
    if let (Some(before), Some(after)) = (before, resident()) {
        let each = after.saturating_sub(before) / registered.max(1);
        println!("memory: {each} bytes for each registered peer, tables and answers included");
    }
}

/// What a bare forwarder passes on.
fn forwarded(size: usize) -> Passed {
    let forwarder = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    forwarder.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    let to = forwarder.local_addr().expect("an address");
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let next = receiver.local_addr().expect("an address");
    let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    sender.connect(to).expect("connected");
    let running = Arc::new(AtomicBool::new(true));
    let forwarding = {
        let running = Arc::clone(&running);
        thread::spawn(move || {
            let (mut buffer, mut count) = ([0; 2048], 0_u32);
            while running.load(Ordering::Relaxed) {
                if let Ok((length, _)) = forwarder.recv_from(&mut buffer) {
                    count += u32::from(forwarder.send_to(&buffer[..length], next).is_ok());
                }
            }
            f64::from(count) / processor_time()
        })
    };
    let arrived = flood(&sender, &receiver, &vec![7; size]);
    running.store(false, Ordering::Relaxed);
    Passed { arrived, worked: forwarding.join().expect("ended") }
}

/// What the server's own loop relays.
fn relayed(size: usize) -> Passed {
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let serving = thread::spawn(move || serve(&tell, stopped));
    let address = told.recv().expect("started");
    let (mut alice, mut bob) = (Peer::new(1, address), Peer::new(2, address));
    assert_eq!(alice.register("alice"), Registration::Registered);
    assert_eq!(bob.register("bob"), Registration::Registered);
    let name = Name::new("bob").expect("name");
    alice.say(&ClientSignal::Connect(Connect { name, key: None, initiation: None }));
    let (ServerSignal::Introduction(hers), _) = (alice.next(), bob.next()) else {
        panic!("an introduction");
    };
    let arrived = flood(&alice.socket, &bob.socket, &relay(hers.channel, &vec![7; size]));
    stop.send(()).expect("running");
    Passed { arrived, worked: serving.join().expect("ended") }
}

fn serve(tell: &std::sync::mpsc::Sender<SocketAddr>, stopped: oneshot::Receiver<()>) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let server = Rendezvous::start(ServeConfig {
            listen: vec![([127, 0, 0, 1], 0).into()],
            discovery: false,
            tcp: TcpConfig::default(),
            identity: Identity::from_seed([1; 32]),
            names: None,
            limits: generous(),
        })
        .expect("started");
        tell.send(server.local_addr()).expect("waited for");
        let statistics = server.run(async { drop(stopped.await) }).await;
        (statistics.relayed - statistics.unsent) as f64 / processor_time()
    })
}

/// Sends as fast as it goes for [`RUN`]; returns what arrives each second.
fn flood(sender: &UdpSocket, receiver: &UdpSocket, datagram: &[u8]) -> f64 {
    let running = Arc::new(AtomicBool::new(true));
    let count = Arc::new(AtomicU64::new(0));
    let receiver = receiver.try_clone().expect("a socket");
    receiver.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    let receiving = {
        let (running, count) = (Arc::clone(&running), Arc::clone(&count));
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            while running.load(Ordering::Relaxed) {
                if receiver.recv(&mut buffer).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    };
    let started = Instant::now();
    while started.elapsed() < RUN {
        for _ in 0..32 {
            let _ = sender.send(datagram);
        }
    }
    let rate = count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    running.store(false, Ordering::Relaxed);
    receiving.join().expect("ended");
    rate
}

/// Bytes of memory in use, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Seconds that this thread has been on a processor, where the system tells.
fn processor_time() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: Option<f64> = times.split_whitespace().next().and_then(|t| t.parse().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e9)
}
