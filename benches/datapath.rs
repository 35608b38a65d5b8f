//! What a session costs on loopback: 64 bytes there and back beside bare UDP, and one stream as fast as it
//! goes.
//!
//! `cargo bench --bench datapath`. Two peers with the real loop and real sockets, each a thread with a
//! runtime of its own, and a rendezvous that introduces them; the path is the direct one. For the round trips
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

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command as Process, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use figures::{Sample, processor_time};
use p2pchat::net::{Network, Options, Sockets, has_aes, start};
use p2pchat::proto::{
    Command, Config, Endpoint, Event, Outgoing, PathKind, PeerName, ServerId, StreamCommand,
    StreamEvent,
};
use p2pchat_rendezvous::serve::{Rendezvous, ServeConfig, TcpConfig, TcpListen};
use p2pchat_wire::identity::{Identity, Name, PeerId, ServerKey};
use tokio::runtime::{Builder, Runtime};

/// Of each kind; they take turns.
const ROUNDS: usize = 5;

/// Round trips in a round, after some to get warm.
const TRIPS: usize = 5_000;
const WARM: usize = 500;

/// What a stream carries, in pieces of so many bytes.
const BULK: usize = 256 << 20;
const PIECE: usize = 64 << 10;

/// How long the two are given to find the direct path.
const LONG: Duration = Duration::from_secs(20);

type Server = (SocketAddr, ServerKey);

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
        with_peers(server, [0, 1], write, read, ());
    }
}

/// Two peers who are connected directly: what the first does, while the second does something else until it is
/// told that the first is gone.
fn with_peers<T: Send>(
    server: Server,
    processors: [u32; 2],
    first: impl FnOnce(&Runtime, &mut Network, PeerId, T) -> T + Send,
    second: impl FnOnce(&Runtime, &mut Network) + Send,
    sample: T,
) -> T {
    let (ready, callee) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            pin(processors[1]);
            let (runtime, mut network) = peer(server, "bob");
            runtime.block_on(async {
                while !matches!(
                    network.events.recv().await.expect("runs"),
                    Event::Registered { .. }
                ) {}
            });
            ready.send(()).expect("waited for");
            second(&runtime, &mut network);
        });
        let caller = scope.spawn(move || {
            pin(processors[0]);
            callee.recv().expect("bob is there");
            let (runtime, mut network) = peer(server, "alice");
            let bob = runtime.block_on(connected(&mut network));
            let sample = first(&runtime, &mut network, bob, sample);
            runtime.block_on(async {
                let _ = network.commands.send(Command::Close).await;
                while network.events.recv().await.is_some() {}
            });
            sample
        });
        caller.join().expect("no panic")
    })
}

fn peer((address, key): Server, name: &str) -> (Runtime, Network) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let seed = *blake3::hash(name.as_bytes()).as_bytes();
    let inside = runtime.enter();
    let endpoint = Endpoint::new(
        Config { aes: has_aes(), ..Config::default() },
        Identity::from_seed(seed),
        seed,
        Instant::now(),
    );
    let sockets = Sockets::bind(Some((Ipv4Addr::LOCALHOST, 0).into())).expect("a socket");
    let network = start(endpoint, sockets, Options::default());
    let name = Name::new(name).expect("a name");
    let (server, addresses, key, token) = (ServerId::FIRST, vec![address], Some(key), None);
    for command in
        [Command::UseRendezvous { server, addresses, key, token }, Command::Register(name)]
    {
        network.commands.try_send(command).expect("there is room");
    }
    drop(inside);
    (runtime, network)
}

async fn connected(network: &mut Network) -> PeerId {
    let bob = PeerName::from(Name::new("bob").expect("a name"));
    network.commands.send(Command::Connect(bob)).await.expect("runs");
    let mut who = None;
    let direct = async {
        loop {
            let path = match network.events.recv().await.expect("runs") {
                Event::Connected { peer, path, .. } => {
                    who = Some(peer);
                    path
                }
                Event::PathChanged { path, .. } => path,
                _ => continue,
            };
            if path.kind != PathKind::Relay {
                return;
            }
        }
    };
    tokio::time::timeout(LONG, direct).await.expect("a direct path");
    // What still has to be said about paths is said.
    tokio::time::sleep(Duration::from_millis(500)).await;
    who.expect("connected")
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

fn write(runtime: &Runtime, network: &mut Network, peer: PeerId, (): ()) {
    let (began, processor) = (Instant::now(), processor_time(None));
    let stream = Outgoing(1);
    let (mut left, mut allowed) = (BULK, 0);
    runtime.block_on(async {
        let open = StreamCommand::Open { stream, priority: 1 };
        network.commands.send(Command::Stream(peer, open)).await.expect("runs");
        loop {
            match network.events.recv().await.expect("runs") {
                Event::Stream(_, StreamEvent::Writable { more, .. }) => allowed += more,
                Event::Stream(_, StreamEvent::Finished(_)) => return,
                _ => {}
            }
            while left > 0 && allowed > 0 {
                let data = vec![7; PIECE.min(left).min(allowed)];
                left -= data.len();
                allowed -= data.len();
                let write = StreamCommand::Write { stream, data };
                network.commands.send(Command::Stream(peer, write)).await.expect("runs");
                if left == 0 {
                    let finish = StreamCommand::Finish(stream);
                    network.commands.send(Command::Stream(peer, finish)).await.expect("runs");
                }
            }
        }
    });
    let rate = BULK as f64 * 8.0 / began.elapsed().as_secs_f64() / 1e9;
    let cost = (processor_time(None) - processor).as_nanos() as f64 / BULK as f64;
    print!("{:<24} {rate:>8.2} {cost:>14.2}", "");
}

fn read(runtime: &Runtime, network: &mut Network) {
    let mut processor = None;
    runtime.block_on(async {
        loop {
            let (peer, stream, more) = match network.events.recv().await.expect("runs") {
                Event::Stream(peer, StreamEvent::Opened(stream)) => {
                    processor = Some(processor_time(None));
                    (peer, stream, 4 << 20)
                }
                Event::Stream(peer, StreamEvent::Data { stream, data, .. }) => {
                    (peer, stream, data.len())
                }
                Event::Disconnected { .. } => return,
                _ => continue,
            };
            let read = StreamCommand::Read { stream, more };
            network.commands.send(Command::Stream(peer, read)).await.expect("runs");
        }
    });
    let cost = processor.map(|before| (processor_time(None) - before).as_nanos() as f64);
    println!(" {:>14.2}", cost.unwrap_or(0.0) / BULK as f64);
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

/// A rendezvous on a thread of its own, until the end.
fn rendezvous() -> Server {
    let (told, here) = mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = Rendezvous::start(ServeConfig {
                listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
                discovery: false,
                tcp: TcpConfig { listen: TcpListen::Nowhere, ..TcpConfig::default() },
                identity: Identity::from_seed([9; 32]),
                names: None,
                limits: p2pchat_rendezvous::server::Config::default(),
            })
            .expect("a server");
            told.send((server.local_addr(), server.key())).expect("waited for");
            server.run(std::future::pending()).await;
        });
    });
    here.recv().expect("a server")
}

/// Keeps this thread on one processor, where there is a `taskset`.
fn pin(processor: u32) {
    let thread = std::fs::read_link("/proc/thread-self").ok();
    let Some(thread) = thread.as_deref().and_then(|path| path.file_name()) else { return };
    let mut taskset = Process::new("taskset");
    taskset.args(["-cp", &processor.to_string()]).arg(thread).stdout(Stdio::null());
    let _ = taskset.status();
}
