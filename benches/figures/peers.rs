//! Two peers with the real loop and real sockets, each a thread with a runtime of its own, and a rendezvous that
//! introduces them.

#![allow(dead_code, reason = "each bench uses some of it")]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command as Process, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use p2pchat::net::{Network, Options, Sockets, has_aes, start};
use p2pchat::proto::{
    Command, Config, Endpoint, Event, Outgoing, PathKind, PeerName, ServerId, StreamCommand,
    StreamEvent,
};
use p2pchat_rendezvous::serve::{Rendezvous, ServeConfig, TcpConfig, TcpListen};
use p2pchat_wire::identity::{Identity, Name, PeerId, ServerKey};
use tokio::runtime::{Builder, Runtime};

use crate::figures::processor_time;

/// What is written at once.
const PIECE: usize = 64 << 10;

/// How long the two are given to find the direct path.
const LONG: Duration = Duration::from_secs(20);

/// Where a rendezvous is, and its key.
pub(crate) type Server = (SocketAddr, ServerKey);

/// What one stream has taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    /// From the first byte until the sender knows that the last has arrived.
    pub(crate) took: Duration,
    /// Of the processor, on either side.
    pub(crate) sender: Duration,
    pub(crate) receiver: Duration,
}

/// One stream of so many bytes between two peers, each with a processor of its own.
pub(crate) fn stream(server: Server, bytes: usize) -> Stream {
    let (told, receiver) = mpsc::channel();
    let (took, sender) = with_peers(
        server,
        [0, 1],
        |runtime, network, peer, ()| write(runtime, network, peer, bytes),
        move |runtime, network| told.send(read(runtime, network)).expect("waited for"),
        (),
    );
    Stream { took, sender, receiver: receiver.recv().expect("told") }
}

/// Two peers who are connected directly: what the first does, while the second does something else until it is
/// told that the first is gone.
pub(crate) fn with_peers<T: Send, R: Send>(
    server: Server,
    processors: [u32; 2],
    first: impl FnOnce(&Runtime, &mut Network, PeerId, T) -> R + Send,
    second: impl FnOnce(&Runtime, &mut Network) + Send,
    sample: T,
) -> R {
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

fn write(
    runtime: &Runtime,
    network: &mut Network,
    peer: PeerId,
    bytes: usize,
) -> (Duration, Duration) {
    let (began, processor) = (Instant::now(), processor_time(None));
    let stream = Outgoing(1);
    let (mut left, mut allowed) = (bytes, 0);
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
    (began.elapsed(), processor_time(None) - processor)
}

fn read(runtime: &Runtime, network: &mut Network) -> Duration {
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
                Event::Disconnected { .. } => break,
                _ => continue,
            };
            let read = StreamCommand::Read { stream, more };
            network.commands.send(Command::Stream(peer, read)).await.expect("runs");
        }
    });
    processor.map_or(Duration::ZERO, |before| processor_time(None) - before)
}

/// A rendezvous on a thread of its own, until the end.
pub(crate) fn rendezvous() -> Server {
    let (told, here) = mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = Rendezvous::start(ServeConfig {
                listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
                discovery: false,
                tcp: TcpConfig { listen: TcpListen::Nowhere, ..TcpConfig::default() },
                workers: 0,
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
pub(crate) fn pin(processor: u32) {
    let thread = std::fs::read_link("/proc/thread-self").ok();
    let Some(thread) = thread.as_deref().and_then(|path| path.file_name()) else { return };
    let mut taskset = Process::new("taskset");
    taskset.args(["-cp", &processor.to_string()]).arg(thread).stdout(Stdio::null());
    let _ = taskset.status();
}
