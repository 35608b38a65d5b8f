//! The only network IO: sockets around the [`Server`], and the loop that drives it.
//!
//! One task does everything. A datagram is answered from the address that it was sent to; what
//! cannot be sent is lost, as any datagram may be. Names are stored by a thread of their own
//! ([`crate::store`]), so that a slow disk delays new names and nothing else.
#![expect(clippy::disallowed_methods, reason = "the clock and the randomness of the server")]

mod socket;

use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use p2pchat_wire::DEFAULT_PORT;
use p2pchat_wire::identity::{Identity, ServerKey};

use crate::server::{Config, Output, Server, Statistics, Transmit};
use crate::store::{Store, StoreError, Writer};

use self::socket::{Buffers, ServerSocket};

/// Batches taken from one socket before the others have their turn.
const TURN: usize = 8;

/// The most bytes that leave as one system call.
const MAX_JOINED: usize = 60_000;

/// How long a stopping server keeps saying goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// How the server is to be run.
#[derive(Debug)]
pub struct ServeConfig {
    /// Addresses to listen on; port 0 takes a free one. When empty: every address of the machine,
    /// on [`DEFAULT_PORT`].
    pub listen: Vec<SocketAddr>,
    /// Whether to open the next port too, so that clients can find out how their NAT behaves
    /// (RFC 5780). If it is taken, the server does without.
    pub discovery: bool,
    /// The server's key pair.
    pub identity: Identity,
    /// The SQLite file of the names; without one they are kept in memory.
    pub names: Option<PathBuf>,
    /// What the server allows.
    pub limits: Config,
}

/// The server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A socket could not be opened.
    #[error("cannot listen on UDP {address}: {}", explain(source))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The names could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no randomness.
    #[error("the system gives no randomness: {0}")]
    Random(getrandom::Error),
}

/// A server that is bound and ready to [`run`](Self::run).
#[derive(Debug)]
pub struct Rendezvous {
    server: Server,
    sockets: Vec<ServerSocket>,
    store: Writer,
    /// How many of the sockets were asked for; the others are for discovery.
    asked: usize,
    /// Datagrams that the system did not take.
    unsent: u64,
}

impl Rendezvous {
    /// Opens the sockets and reads the names. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`StartError`] if a socket cannot be opened or the names cannot be read.
    pub fn start(config: ServeConfig) -> Result<Self, StartError> {
        let mut sockets = listen(&config.listen)?;
        let asked = sockets.len();
        if config.discovery {
            for at in 0..asked {
                sockets.extend(next_port(sockets[at].bound()));
            }
        }
        let store = match &config.names {
            Some(path) => Store::open(path)?,
            None => Store::in_memory()?,
        };
        let names = store.names()?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(StartError::Random)?;
        let mut limits = config.limits;
        limits.sockets = sockets.iter().map(ServerSocket::bound).collect();
        let server = Server::new(limits, config.identity, names, seed, Instant::now());
        Ok(Self { server, sockets, store: Writer::start(store)?, asked, unsent: 0 })
    }

    /// The first address that the server listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addrs()[0]
    }

    /// The addresses that were asked for, with their ports.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.sockets[..self.asked].iter().map(ServerSocket::bound).collect()
    }

    /// The sockets beside them that help clients to find out how their NAT behaves.
    #[must_use]
    pub fn discovery_addrs(&self) -> Vec<SocketAddr> {
        self.sockets[self.asked..].iter().map(ServerSocket::bound).collect()
    }

    /// The public key that clients know this server by.
    #[must_use]
    pub fn key(&self) -> ServerKey {
        self.server.key()
    }

    /// Serves until `shutdown` is done, then takes leave of everybody and finishes what is being
    /// stored. Returns what it has done.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Statistics {
        let mut shutdown = pin!(shutdown);
        let mut buffers = Buffers::default();
        loop {
            let timeout = self.send_outputs();
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some((id, result)) = self.store.claimed() => {
                    self.server.handle_claimed(Instant::now(), id, result);
                }
                () = sleep_until(timeout) => self.server.handle_timeout(Instant::now()),
                () = readable(&self.sockets) => {}
            }
            self.receive(&mut buffers).await;
        }
        self.stop().await;
        let mut statistics = self.server.statistics().clone();
        statistics.unsent = self.unsent;
        statistics
    }

    /// Takes what has arrived, a few batches from each socket.
    async fn receive(&mut self, buffers: &mut Buffers) {
        for at in 0..self.sockets.len() {
            for _ in 0..TURN {
                let (server, now) = (&mut self.server, Instant::now());
                let received = self.sockets[at].receive(buffers, |local, from, bytes| {
                    server.handle_datagram(now, local, from, bytes);
                });
                match received {
                    Ok(()) => drop(self.send_outputs()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        tracing::debug!(%error, "receiving");
                        // Whatever it is, it must not become a loop without a pause.
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        break;
                    }
                }
            }
        }
    }

    /// Does what the server wants done; returns when it wants to be called again.
    fn send_outputs(&mut self) -> Option<Instant> {
        let mut train = Train::default();
        loop {
            match self.server.poll_output() {
                Output::Transmit(transmit) => train.add(&self.sockets, transmit),
                Output::Claim { id, name, key } => self.store.submit(id, name, key),
                Output::Timeout(timeout) => {
                    train.leave(&self.sockets);
                    self.unsent += train.unsent;
                    return timeout;
                }
            }
        }
    }

    async fn stop(&mut self) {
        self.server.stop(Instant::now());
        let mut sent = 0_u32;
        let until = Instant::now() + FAREWELL;
        while let Output::Transmit(transmit) = self.server.poll_output() {
            Train::default().add_and_leave(&self.sockets, transmit);
            sent += 1;
            if sent.is_multiple_of(64) {
                // Room for the system to send them, and an end if it does not.
                tokio::time::sleep(Duration::from_millis(1)).await;
                if Instant::now() > until {
                    break;
                }
            }
        }
        self.store.finish().await;
    }
}

/// Datagrams of one size to one address, joined so that they leave with one system call where the
/// system can cut them apart again.
#[derive(Default)]
struct Train {
    from: Option<SocketAddr>,
    to: Option<SocketAddr>,
    bytes: Vec<u8>,
    size: usize,
    count: usize,
    unsent: u64,
}

impl Train {
    fn add(&mut self, sockets: &[ServerSocket], transmit: Transmit) {
        let Transmit { from, to, payload } = transmit;
        let fits = (self.from, self.to, self.size) == (Some(from), Some(to), payload.len())
            && self.bytes.len() + payload.len() <= MAX_JOINED
            && socket_for(sockets, from).is_some_and(|s| self.count < s.max_joined());
        if fits {
            self.bytes.extend(payload);
            self.count += 1;
        } else {
            self.leave(sockets);
            let size = payload.len();
            (self.from, self.to) = (Some(from), Some(to));
            (self.bytes, self.size, self.count) = (payload, size, 1);
        }
    }

    fn leave(&mut self, sockets: &[ServerSocket]) {
        let (Some(from), Some(to)) = (self.from.take(), self.to.take()) else { return };
        let Some(socket) = socket_for(sockets, from) else { return };
        if let Err(error) = socket.send(from, to, &self.bytes, self.size) {
            self.unsent += self.count as u64;
            tracing::debug!(%error, "sending");
        }
    }

    fn add_and_leave(&mut self, sockets: &[ServerSocket], transmit: Transmit) {
        self.add(sockets, transmit);
        self.leave(sockets);
    }
}

fn socket_for(sockets: &[ServerSocket], from: SocketAddr) -> Option<&ServerSocket> {
    sockets.iter().find(|socket| socket.serves(from))
}

fn listen(addresses: &[SocketAddr]) -> Result<Vec<ServerSocket>, StartError> {
    let open = |address| {
        ServerSocket::bind(address).map_err(|source| StartError::Listen { address, source })
    };
    if !addresses.is_empty() {
        return addresses.iter().map(|address| open(*address)).collect();
    }
    let v4 = open((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT).into())?;
    match open((Ipv6Addr::UNSPECIFIED, DEFAULT_PORT).into()) {
        Ok(v6) => Ok(vec![v4, v6]),
        Err(StartError::Listen { source, .. })
            if source.kind() != io::ErrorKind::AddrInUse
                && source.kind() != io::ErrorKind::PermissionDenied =>
        {
            tracing::info!(%source, "no IPv6 on this machine");
            Ok(vec![v4])
        }
        Err(error) => Err(error),
    }
}

fn next_port(address: SocketAddr) -> Option<ServerSocket> {
    let port = address.port().checked_add(1)?;
    ServerSocket::bind(SocketAddr::new(address.ip(), port))
        .inspect_err(|error| tracing::warn!(port, %error, "no NAT behaviour discovery"))
        .ok()
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

async fn readable(sockets: &[ServerSocket]) {
    poll_fn(|context| {
        // Every socket is asked, so that every one wakes us.
        let ready = sockets.iter().filter(|socket| socket.poll_readable(context).is_ready());
        if ready.count() > 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program uses this port. \
            Stop it, or choose another port with --listen ADDR:PORT"
            .to_owned(),
        io::ErrorKind::PermissionDenied => "the system does not allow it. \
            Choose a port above 1023 with --listen ADDR:PORT, or run with the right to bind it"
            .to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address. \
            `ip addr` shows those it has"
            .to_owned(),
        _ => error.to_string(),
    }
}
