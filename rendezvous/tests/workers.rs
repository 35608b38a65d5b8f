//! A server with threads that receive and send for it.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_types, reason = "it is talked to over UDP")]
#![expect(clippy::disallowed_methods, reason = "it runs beside those who talk to it")]

mod client;
#[path = "client/socket.rs"]
mod socket;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread::JoinHandle;

use p2pchat_rendezvous::serve::{Rendezvous, ServeConfig, StartError, TcpConfig};
use p2pchat_rendezvous::server::{Config, Rate, Statistics};
use p2pchat_wire::datagram::{Datagram, relay};
use p2pchat_wire::identity::Identity;
use p2pchat_wire::signal::Registration;
use tokio::sync::oneshot;

use crate::socket::Peer;

const WORKERS: usize = 3;

fn start(listen: SocketAddr, workers: usize) -> Result<Rendezvous, StartError> {
    let rate = Rate::new(1e12, 1e12);
    let (relay_pair, relay_key, relay_network) = (rate, rate, rate);
    Rendezvous::start(ServeConfig {
        listen: vec![listen],
        discovery: false,
        tcp: TcpConfig::default(),
        workers,
        identity: Identity::from_seed([1; 32]),
        names: None,
        limits: Config {
            relay_pair,
            relay_key,
            relay_network,
            relay_total: rate,
            ..Config::default()
        },
    })
}

/// A server in a thread of its own.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Statistics>,
}

impl Running {
    fn start(listen: SocketAddr) -> Self {
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let server = start(listen, WORKERS).expect("started");
                tell.send(server.local_addr()).expect("waited for");
                server.run(async { drop(stopped.await) }).await
            })
        });
        Self { address: told.recv().expect("started"), stop, ended }
    }

    fn stop(self) -> Statistics {
        self.stop.send(()).expect("running");
        self.ended.join().expect("ended")
    }
}

/// How many UDP sockets of this machine have the address, by their inodes.
///
/// The table is not read at one moment: while others come and go, a line may be there twice, or be missing once.
fn sockets(address: SocketAddr) -> usize {
    let IpAddr::V4(ip) = address.ip() else { panic!("{address}") };
    let local = format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port());
    let mut inodes = BTreeSet::new();
    for _ in 0..20 {
        let table = std::fs::read_to_string("/proc/self/net/udp").expect("a table");
        let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let ours = columns.filter(|columns| columns.get(1) == Some(&local.as_str()));
        inodes.extend(ours.map(|columns| columns[9].to_owned()));
    }
    inodes.len()
}

/// Two who were introduced, and their channels.
struct Pair {
    peers: [Peer; 2],
    channels: [u64; 2],
}

impl Pair {
    fn new(server: SocketAddr, n: u64) -> Self {
        let (mut one, mut two) = (Peer::new(2 * n, server), Peer::new(2 * n + 1, server));
        assert_eq!(one.register(&format!("one{n}")), Registration::Registered);
        assert_eq!(two.register(&format!("two{n}")), Registration::Registered);
        let (his, hers) = one.meet(&format!("two{n}"), &mut two);
        Self { peers: [one, two], channels: [his.channel, hers.channel] }
    }

    fn send(&self, side: usize, number: u32) {
        let mut inner = vec![side as u8; length(number)];
        inner[1..5].copy_from_slice(&number.to_be_bytes());
        let sent = self.peers[side].socket.send(&relay(self.channels[side], &inner));
        sent.expect("sent");
    }

    /// The number of the next datagram from the other side.
    fn receive(&self, side: usize) -> u32 {
        let datagram = self.peers[side].receive();
        let Ok(Datagram::Relay { channel, inner }) = Datagram::parse(&datagram) else {
            panic!("{datagram:?}");
        };
        assert_eq!((channel, inner[0]), (self.channels[side], 1 - side as u8));
        let number = u32::from_be_bytes(inner[1..5].try_into().expect("four"));
        assert_eq!(inner.len(), length(number));
        number
    }
}

/// Every other hundred is all of one length and leaves in trains; in the others each is longer than the one before
/// and leaves alone, so there are more than a worker takes at once.
fn length(number: u32) -> usize {
    if (number / 100).is_multiple_of(2) { 600 } else { 600 + number as usize % 100 }
}

#[test]
fn what_is_relayed_arrives_whole_and_in_order_whoever_receives_and_sends_it() {
    let server = Running::start(([127, 0, 0, 1], 0).into());
    let pairs: Vec<_> = (0..4).map(|n| Pair::new(server.address, n)).collect();
    // From one that is sent at once to many that wait for each other; never more than a socket holds.
    for round in 0..200 {
        let count = 1 + round % 8;
        let numbers = || round * 100..round * 100 + count;
        for number in numbers() {
            for pair in &pairs {
                pair.send(0, number);
                pair.send(1, number);
            }
        }
        for pair in &pairs {
            for side in 0..2 {
                let seen: Vec<u32> = numbers().map(|_| pair.receive(side)).collect();
                assert_eq!(seen, numbers().collect::<Vec<_>>());
            }
        }
    }
    let statistics = server.stop();
    assert_eq!(statistics.relayed, 4 * 2 * (0..200).map(|round| 1 + round % 8).sum::<u64>());
    assert_eq!(statistics.unsent, 0);
}

#[test]
fn each_worker_has_a_socket_and_a_second_server_gets_none_beside_them() {
    // An address of its own: a port of it is nobody else's meanwhile.
    let server = Running::start(([127, 0, 0, 2], 0).into());
    let address = server.address;
    assert_eq!(sockets(address), WORKERS);
    for workers in [0, WORKERS] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let _inside = runtime.as_ref().expect("a runtime").enter();
        let refused = start(address, workers).expect_err("taken").to_string();
        assert!(refused.contains("another program uses this port"), "{refused}");
    }
    assert_eq!(sockets(address), WORKERS);
    server.stop();
    assert_eq!(sockets(address), 0);
}

#[test]
fn a_server_that_was_never_run_leaves_its_address_to_the_next() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let _inside = runtime.as_ref().expect("a runtime").enter();
    let server = start(([127, 0, 0, 3], 0).into(), WORKERS).expect("started");
    let address = server.local_addr();
    drop(server);
    UdpSocket::bind(address).expect("free");
}
