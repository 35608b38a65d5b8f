//! The server inside another program, in memory and on a free port.
#![expect(clippy::disallowed_types, reason = "it is talked to over UDP")]
#![expect(clippy::disallowed_methods, reason = "whoever embeds it may spawn it")]

use std::net::SocketAddr;

use p2pchat_rendezvous::ping::ping;
use p2pchat_rendezvous::serve::{Rendezvous, ServeConfig, TcpConfig};
use p2pchat_rendezvous::server::Config;
use p2pchat_wire::identity::Identity;
use p2pchat_wire::stun::{self, Change};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;

/// With how many workers everything must be the same. Only Linux has several.
const WORKERS: &[usize] = if cfg!(target_os = "linux") { &[0, 1, 3] } else { &[0, 1] };

fn start(listen: &[&str], workers: usize) -> Rendezvous {
    Rendezvous::start(ServeConfig {
        listen: listen.iter().map(|text| text.parse().expect("address")).collect(),
        discovery: true,
        tcp: TcpConfig::default(),
        workers,
        identity: Identity::from_seed([1; 32]),
        names: None,
        limits: Config::default(),
    })
    .expect("started")
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    for &workers in WORKERS {
        let server = start(&["127.0.0.1:0"], workers);
        let (address, key) = (server.local_addr(), server.key());
        let (stop, stopped) = oneshot::channel::<()>();
        let client = async {
            let target = format!("{address}#{key}").parse().expect("target");
            let report = ping(&target).await.expect("there");
            assert_eq!((report.address, report.key), (address, key));
            stop.send(()).expect("still running");
        };
        let running = tokio::spawn(server.run(async { drop(stopped.await) }));
        client.await;
        let statistics = running.await.expect("ended");
        assert_eq!((statistics.challenges, statistics.links), (1, 1));
    }
}

#[tokio::test]
async fn answers_leave_from_the_address_that_was_asked() {
    for &workers in WORKERS {
        let server = start(&["0.0.0.0:0"], workers);
        let port = server.local_addr().port();
        let (stop, stopped) = oneshot::channel::<()>();
        let client = async {
            let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
            // A connected socket takes answers from nobody else. All of 127/8 is this machine.
            socket.connect(("127.0.0.9", port)).await.expect("connected");
            socket.send(&stun::request([3; 12], Change::default())).await.expect("sent");
            let mut buffer = [0; 600];
            let length = socket.recv(&mut buffer).await.expect("an answer");
            let (transaction, answer) = stun::response(&buffer[..length]).expect("a response");
            assert_eq!(transaction, [3; 12]);
            assert_eq!(Some(answer.mapped), socket.local_addr().ok());
            stop.send(()).expect("still running");
        };
        #[cfg(target_os = "linux")]
        tokio::join!(server.run(async { drop(stopped.await) }), client);
        #[cfg(not(target_os = "linux"))]
        drop((server, stop, stopped, client, port));
    }
}

#[tokio::test]
async fn an_answer_from_another_port_is_sent_to_who_asks_for_it() {
    for &workers in WORKERS {
        let server = start(&["127.0.0.1:0"], workers);
        let address = server.local_addr();
        let other: Vec<SocketAddr> = server.discovery_addrs();
        let (stop, stopped) = oneshot::channel::<()>();
        let client = async {
            let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
            let change = Change { ip: false, port: true };
            socket.send_to(&stun::request([4; 12], change), address).await.expect("sent");
            let mut buffer = [0; 600];
            let (length, from) = socket.recv_from(&mut buffer).await.expect("an answer");
            if let Some(other) = other.first() {
                assert_eq!(from, *other);
                assert!(stun::response(&buffer[..length]).is_some());
            }
            stop.send(()).expect("still running");
        };
        tokio::join!(server.run(async { drop(stopped.await) }), client);
    }
}
