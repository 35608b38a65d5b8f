//! How many datagrams one core relays.
//!
//! `cargo bench -p p2pchat-rendezvous --bench relay`, or of one load with `-- "32 flows, singly"`.
//!
//! In one run: a bare loop of `recv_from` and `send_to`; one of `recvmmsg` and `sendmmsg`; one of `recvmmsg` with segments joined by the
//! system (GRO) that sends each buffer on as it came (GSO), which is what the system can do at most; the server. Each is
//! on a processor of its own, and the load, sender and receivers, on another. Each has to find the destination
//! by the sender, and the server has its limits to look at. Where `turnserver` is installed, coturn is there too,
//! in its mode of one thread, with an allocation and a channel for each flow.
//!
//! The server is there once more with workers. All its threads share the one processor; what its loop alone had of it
//! says how many such processors it could keep busy.
//!
//! What is told is what one core does: datagrams for each second that the forwarding thread was on its
//! processor. Where others use the machine too, rates by the clock are theirs. What coturn sends on it does not tell:
//! of that, what was received counts.
#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(clippy::disallowed_types, reason = "it loads sockets")]
#![expect(clippy::print_stdout, reason = "it reports")]
#![allow(clippy::expect_used, reason = "a bench that cannot go on ends")]

#[path = "../tests/client/mod.rs"]
mod client;
#[cfg(target_os = "linux")]
#[path = "traffic/coturn.rs"]
mod coturn;
#[cfg(target_os = "linux")]
#[path = "traffic/many.rs"]
mod many;
#[path = "../tests/client/socket.rs"]
mod socket;
mod traffic;

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use p2pchat_rendezvous::serve::{Rendezvous, ServeConfig, TcpConfig};
use p2pchat_wire::datagram::relay;
use p2pchat_wire::identity::Identity;
use p2pchat_wire::signal::Registration;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use tokio::sync::oneshot;

use crate::socket::Peer;
use crate::traffic::{Flow, Load, Rates, Work, generous, load_average, pin};

/// Bytes of a datagram that is relayed, with its header.
const SIZE: usize = 1209;

const WORKERS: usize = 3;

const RUNS: usize = 5;
const RUN: Duration = Duration::from_secs(1);

fn main() {
    let (average, cores) = load_average();
    println!("{SIZE} bytes, {RUNS} runs of {RUN:?}, load {average} on {cores} cores");
    println!(
        "{:<28} {:<22} {:>9} {:>19} {:>7} {:>10} {:>9}",
        "load", "forwarder", "median/s", "least to most", "ratio", "by clock/s", "arrived"
    );
    let turns = turn_is_here();
    if !turns {
        println!("there is no `turnserver` on the PATH: coturn is not measured");
    }
    let wanted = std::env::args().skip(1).find(|argument| argument.contains("flows"));
    for kind in [
        (1, 1, false),
        (32, 1, false),
        (1, 1, true),
        (32, 1, true),
        (1, 32, false),
        (32, 32, false),
    ] {
        let name = match kind {
            (flows, 1, false) => format!("{flows} flows, singly"),
            (flows, 1, true) => format!("{flows} flows, singly, too much"),
            (flows, train, _) => format!("{flows} flows, trains of {train}"),
        };
        if wanted.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        let mut bares = BARE.map(|(name, forward)| (name, forward, Rates::default()));
        let [mut server, mut many, mut decided, mut coturn] =
            std::array::from_fn(|_| Rates::default());
        for _ in 0..RUNS {
            for (_, forward, rates) in &mut bares {
                rates.push(bare(kind, *forward));
            }
            server.push(relayed(kind, 0).0);
            if cfg!(target_os = "linux") {
                let (all, decision) = relayed(kind, WORKERS);
                many.push(all);
                decided.push(decision);
            }
            if turns {
                coturn.push(turned(kind));
            }
        }
        let base = bares[0].2.median();
        for (forwarder, _, rates) in &bares {
            rates.tell(&name, forwarder, base);
        }
        server.tell(&name, "p2pchat-rendezvous", base);
        if cfg!(target_os = "linux") {
            many.tell(&name, &format!("… with {WORKERS} workers"), base);
            decided.tell(&name, "… its loop alone", base);
        }
        if turns {
            coturn.tell(&name, "coturn", base);
        }
    }
}

/// How many flows, how many datagrams of one at once, and whether it is more than can be relayed.
type Kind = (usize, usize, bool);

/// Sockets of one flow each: who sends to `to`, and who is to receive.
fn ends(to: SocketAddr, flows: usize) -> (Vec<Flow>, HashMap<SocketAddr, SocketAddr>) {
    let bind = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let flows: Vec<_> = (0..flows)
        .map(|_| {
            let sender = bind();
            sender.connect(to).expect("connected");
            Flow { sender, receiver: bind(), datagram: relay(7, &[7; SIZE - 9]) }
        })
        .collect();
    let address = |socket: &UdpSocket| socket.local_addr().expect("an address");
    let routes = flows.iter().map(|flow| (address(&flow.sender), address(&flow.receiver)));
    let routes = routes.collect();
    (flows, routes)
}

/// Destinations by senders.
type Routes = HashMap<SocketAddr, SocketAddr>;

/// Sends on what comes until it is told to stop, and says how many datagrams that were.
type Forward = fn(&UdpSocket, &Routes, &AtomicBool) -> u64;

/// What others would do, the simplest first.
const BARE: [(&str, Forward); if cfg!(target_os = "linux") { 3 } else { 2 }] = [
    ("recv_from, send_to", singly),
    #[cfg(target_os = "linux")]
    ("recvmmsg, sendmmsg", many::forward),
    ("GRO in, GSO out", joined),
];

/// A loop on a processor of its own, and nothing around it.
fn bare((flows, train, too_much): Kind, forward: Forward) -> Work {
    let socket = traffic::large(UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let (flows, routes) = ends(socket.local_addr().expect("an address"), flows);
    let running = Arc::new(AtomicBool::new(true));
    let goes_on = Arc::clone(&running);
    let forwarding = thread::spawn(move || {
        pin(traffic::FORWARDER);
        let busy = traffic::processor_time();
        let count = forward(&socket, &routes, &goes_on);
        (count, traffic::processor_time() - busy)
    });
    let arrived = Load { flows, train, too_much }.run(RUN);
    running.store(false, Ordering::Relaxed);
    let (count, busy) = forwarding.join().expect("ended");
    Work { count, busy, arrived, clock: RUN }
}

/// Receives and sends each datagram.
fn singly(socket: &UdpSocket, routes: &Routes, goes_on: &AtomicBool) -> u64 {
    let (mut buffer, mut count) = ([0; 2048], 0_u64);
    while goes_on.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        count += u64::from(socket.send_to(&buffer[..length], routes[&from]).is_ok());
    }
    count
}

/// Sends on what the system has joined as it came.
fn joined(socket: &UdpSocket, routes: &Routes, goes_on: &AtomicBool) -> u64 {
    let state = UdpSocketState::new(socket.into()).expect("a socket");
    socket.set_nonblocking(false).expect("a socket");
    let mut buffers = vec![vec![0; 66_880]; BATCH_SIZE];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    let mut count = 0_u64;
    while goes_on.load(Ordering::Relaxed) {
        let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        let received = state.recv(socket.into(), &mut slices, &mut metas);
        for (meta, buffer) in metas.iter().zip(&buffers).take(received.unwrap_or(0)) {
            let transmit = Transmit {
                destination: routes[&meta.addr],
                ecn: None,
                contents: &buffer[..meta.len],
                segment_size: (meta.stride < meta.len).then_some(meta.stride),
                src_ip: None,
            };
            if state.try_send(socket.into(), &transmit).is_ok() {
                count += meta.len.div_ceil(meta.stride) as u64;
            }
        }
    }
    count
}

/// The server, between pairs of registered peers: all its threads, and the one that decides.
fn relayed((flows, train, too_much): Kind, workers: usize) -> (Work, Work) {
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let (begin, begun) = oneshot::channel::<()>();
    let serving = thread::Builder::new().name("rendezvous".to_owned()).spawn(move || {
        pin(traffic::FORWARDER);
        serve(workers, &tell, begun, stopped)
    });
    let serving = serving.expect("a thread");
    let address = told.recv().expect("started");
    let flows = (0..flows as u64).map(|n| pair(address, n)).collect();
    begin.send(()).expect("running");
    let arrived = Load { flows, train, too_much }.run(RUN);
    stop.send(()).expect("running");
    let (count, decided, busy) = serving.join().expect("ended");
    let work = |busy| Work { count, busy, arrived, clock: RUN };
    (work(decided + busy), work(decided))
}

#[cfg(target_os = "linux")]
fn turn_is_here() -> bool {
    coturn::Coturn::is_here()
}

#[cfg(not(target_os = "linux"))]
fn turn_is_here() -> bool {
    false
}

/// coturn, from clients that have a channel to those who receive.
#[cfg(target_os = "linux")]
fn turned((flows, train, too_much): Kind) -> Work {
    let server = coturn::Coturn::start();
    let flows = (0..flows).map(|_| server.flow(SIZE - 9)).collect();
    let busy = server.processor_time();
    let arrived = Load { flows, train, too_much }.run(RUN);
    Work { count: arrived, busy: server.processor_time() - busy, arrived, clock: RUN }
}

#[cfg(not(target_os = "linux"))]
fn turned(_: Kind) -> Work {
    unreachable!("it is not looked for")
}

/// Two peers that were introduced.
fn pair(server: SocketAddr, n: u64) -> Flow {
    let (mut one, mut two) = (Peer::new(2 * n, server), Peer::new(2 * n + 1, server));
    assert_eq!(one.register(&format!("one{n}")), Registration::Registered);
    assert_eq!(two.register(&format!("two{n}")), Registration::Registered);
    let (introduction, _) = one.meet(&format!("two{n}"), &mut two);
    let datagram = relay(introduction.channel, &[7; SIZE - 9]);
    Flow { sender: one.socket, receiver: two.socket, datagram }
}

/// How many it has relayed, and how long its thread and those of the workers were on a processor.
fn serve(
    workers: usize,
    tell: &std::sync::mpsc::Sender<SocketAddr>,
    begun: oneshot::Receiver<()>,
    stopped: oneshot::Receiver<()>,
) -> (u64, f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let server = Rendezvous::start(ServeConfig {
            listen: vec![([127, 0, 0, 1], 0).into()],
            discovery: false,
            tcp: TcpConfig::default(),
            workers,
            identity: Identity::from_seed([1; 32]),
            names: None,
            limits: generous(),
        })
        .expect("started");
        tell.send(server.local_addr()).expect("waited for");
        let times = || [traffic::processor_time(), traffic::processor_time_of("worker-")];
        let (tell, busy) = oneshot::channel();
        // A task, as in the program.
        let running = tokio::spawn(server.run(async move {
            drop(begun.await);
            let before = times();
            drop(stopped.await);
            let after = times();
            let busy: [f64; 2] = std::array::from_fn(|at| after[at] - before[at]);
            tell.send(busy).expect("waited for");
        }));
        let statistics = running.await.expect("ended");
        let [decided, worked] = busy.await.expect("told");
        (statistics.relayed - statistics.unsent, decided, worked)
    })
}
