//! The loop that drives a diagnosis.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::driver::now;
use super::interfaces::{self, Interface, host_candidates, uplink};
use super::port_mapping::Forwarding;
use super::socket::{Arrival, Received, Sockets};
use super::tls;
use super::whole::WholeSocket;
use crate::proto::PortMapping;
use crate::proto::diagnosis::{Diagnosis, Findings, Output, Tcp};

/// How long a TCP connection is waited for, and then TLS in it. A first packet that is lost is sent again
/// after a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a router that was asked for a port is waited for, once everything else is known.
const ROUTER: Duration = Duration::from_secs(5);

/// Asks the rendezvous servers, each at its addresses, what stands between them and us, and the router
/// for a port if `port_mapping` says so; `clock_ms` is what our clock says, in milliseconds since 1970.
/// Takes a few seconds.
pub async fn examine(
    servers: &[Vec<SocketAddr>],
    mut sockets: Sockets,
    port_mapping: bool,
    clock_ms: u64,
    seed: [u8; 32],
) -> Findings {
    let loopback = servers.iter().flatten().any(|server| server.ip().is_loopback());
    let interfaces = interfaces::look();
    let hosts = host_candidates(&sockets.local_addresses(), &interfaces, loopback);
    let router = Router::ask(port_mapping && !loopback, &interfaces);
    let mut diagnosis = Diagnosis::new(now(), clock_ms, servers, hosts, seed);
    let mut whole = WholeSocket::new();
    let (connected, mut connections) = mpsc::channel(8);
    loop {
        let deadline = loop {
            match diagnosis.poll_output() {
                Output::Socket(request) => {
                    if let Err(error) = sockets.handle(request) {
                        tracing::debug!(?request, %error, "no socket");
                    }
                }
                Output::Transmit(transmit) => {
                    if let Err(error) = sockets.send(&transmit).await {
                        tracing::debug!(to = %transmit.to, %error, "a datagram is lost on the spot");
                    }
                }
                Output::Whole(transmit) => {
                    if let Err(error) = whole.send(&transmit).await {
                        tracing::debug!(length = transmit.payload.len(), %error, "not sent whole");
                    }
                }
                Output::Connect { server, to } => connect(server, to, connected.clone()),
                Output::Timeout(None) => {
                    diagnosis.set_port_mapping(router.answer().await);
                    return diagnosis.findings().clone();
                }
                Output::Timeout(Some(deadline)) => break deadline,
            }
        };
        tokio::select! {
            () = sockets.readable() => {
                while sockets.receive(|Received { local, from, bytes, size }| {
                    for datagram in bytes.chunks(size.max(1)) {
                        diagnosis.handle_datagram(now(), local, from, datagram);
                    }
                }) {}
            }
            Arrival { local, from, bytes } = whole.receive() => {
                diagnosis.handle_datagram(now(), local, from, &bytes);
            }
            Some((server, tcp)) = connections.recv() => {
                diagnosis.handle_connection(now(), server, tcp);
            }
            () = tokio::time::sleep_until(deadline.into()) => diagnosis.handle_timeout(now()),
        }
    }
}

/// The router, asked for a port that is none of the others'.
#[derive(Debug)]
struct Router {
    forwarding: Option<Forwarding>,
    /// Holds the port.
    _spare: Option<Sockets>,
}

impl Router {
    fn ask(wanted: bool, interfaces: &[Interface]) -> Self {
        let spare = if wanted { Sockets::bind(None).ok() } else { None };
        let local = spare.iter().flat_map(Sockets::local_addresses).find(SocketAddr::is_ipv4);
        let port = local.and_then(|local| NonZeroU16::new(local.port()));
        let forwarding = port.map(|port| Forwarding::ask(uplink(interfaces), port));
        Self { forwarding, _spare: spare }
    }

    /// What it says in the end. The port is given back.
    async fn answer(self) -> PortMapping {
        let Some(mut forwarding) = self.forwarding else { return PortMapping::Off };
        let mut state = forwarding.state();
        let last = async {
            while state == PortMapping::Asking || state == PortMapping::Off {
                state = forwarding.changed().await;
            }
        };
        let _ = timeout(ROUTER, last).await;
        forwarding.release().await;
        state
    }
}

#[expect(clippy::disallowed_methods, reason = "one task for each connection, a few seconds long")]
fn connect(server: usize, to: SocketAddr, connected: mpsc::Sender<(usize, Tcp)>) {
    tokio::spawn(async move {
        let tcp = match timeout(PATIENCE, TcpStream::connect(to)).await {
            Ok(Ok(stream)) => match timeout(PATIENCE, wraps(stream, to)).await {
                Ok(true) => Tcp::Tls,
                Ok(false) | Err(_) => Tcp::Open,
            },
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Tcp::Refused,
            Ok(Err(_)) | Err(_) => Tcp::Silent,
        };
        // Whoever asked may have ended.
        let _ = connected.send((server, tcp)).await;
    });
}

/// Whether there is TLS in a connection.
async fn wraps(stream: TcpStream, to: SocketAddr) -> bool {
    match tls::connector() {
        Ok(connector) => connector.connect(tls::name_of(to.ip()), stream).await.is_ok(),
        Err(_) => false,
    }
}
