//! The only network IO: sockets around the [`Server`], and the loop that drives it.
//!
//! One task decides about all of UDP, in the turns of `datapath.rs`, by the system calls of `socket.rs` and
//! `gather.rs`; where there are processors for it, those of `workers.rs` receive and send for it. A datagram is
//! answered from the address that it was sent to; what cannot be sent is lost, as any datagram may be.
//! Names are stored by a thread of their own ([`crate::store`]), so that a slow disk delays new names and
//! nothing else.
//!
//! Peers without UDP come over TCP: `carriers.rs` admits them and passes datagrams between them and
//! the loop, `connection.rs` is one of them, and `tls.rs` what may be around it.
#![expect(clippy::disallowed_methods, reason = "the clock and the randomness of the server")]

mod carriers;
mod connection;
mod datapath;
#[cfg(target_os = "linux")]
mod gather;
mod socket;
mod tls;
mod workers;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use p2pchat_wire::DEFAULT_PORT;
use p2pchat_wire::identity::{Identity, ServerKey};
use p2pchat_wire::random::Random;
use tokio::net::TcpListener;

use crate::server::{Config, Server, Statistics, Train};
use crate::store::{Store, StoreError, Writer};

pub use self::tls::{Certificate, CertificateError};

use self::carriers::Carriers;
use self::socket::{Batch, ServerSocket};
use self::tls::Tls;
use self::workers::{Threads, Workers};

/// How the server is to be run.
#[derive(Debug)]
pub struct ServeConfig {
    /// Addresses to listen on; port 0 takes a free one. When empty: every address of the machine,
    /// on [`DEFAULT_PORT`].
    pub listen: Vec<SocketAddr>,
    /// Whether to open the next port too, so that clients can find out how their NAT behaves
    /// (RFC 5780). If it is taken, the server does without.
    pub discovery: bool,
    /// Whether and where to take carriers, for peers without UDP.
    pub tcp: TcpConfig,
    /// How many threads receive and send for the one that decides, each with a socket of its own on every
    /// address. None: that one does it all, which is as much as a single processor can do. More than
    /// one only where the system spreads senders over several sockets: Linux.
    pub workers: usize,
    /// The server's key pair.
    pub identity: Identity,
    /// The SQLite file of the names; without one they are kept in memory.
    pub names: Option<PathBuf>,
    /// What the server allows.
    pub limits: Config,
}

/// Where carriers are taken ([`p2pchat_wire::carrier`]).
#[derive(Clone, Debug, Default)]
pub struct TcpConfig {
    /// TCP addresses to listen on.
    pub listen: TcpListen,
    /// With a certificate, each of them takes TLS as well.
    pub certificate: Option<Certificate>,
}

/// On which TCP addresses to listen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum TcpListen {
    /// On the addresses and ports of UDP. Where one is taken, the server does without.
    #[default]
    Beside,
    /// On these.
    At(Vec<SocketAddr>),
    /// Nowhere.
    Nowhere,
}

/// The server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A socket could not be opened.
    #[error("cannot listen on UDP {address}: {}", explain(source, "--listen"))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A socket for carriers could not be opened.
    #[error("cannot listen on TCP {address}: {}", explain(source, "--listen-tcp"))]
    ListenTcp {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The workers could not be started.
    #[error(
        "cannot start {count} workers: {source}. Without any (`workers = 0`) the server does with one thread"
    )]
    Workers {
        /// How many.
        count: usize,
        /// Why.
        source: io::Error,
    },
    /// The certificate for TLS cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
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
    /// Those that were asked for, and then those for discovery.
    sockets: Vec<Arc<ServerSocket>>,
    /// The first of them that no worker receives from.
    own: usize,
    workers: Option<Workers>,
    /// What could not be sent yet.
    held: Option<Train>,
    carriers: Carriers,
    store: Writer,
    /// How many of the sockets were asked for; the others are for discovery.
    asked: usize,
    /// Datagrams that the system did not take.
    unsent: u64,
    /// Where is asked first what has arrived.
    first: usize,
}

impl Rendezvous {
    /// Opens the sockets and reads the names. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`StartError`] if a socket cannot be opened or the names cannot be read.
    pub fn start(config: ServeConfig) -> Result<Self, StartError> {
        let count = config.workers;
        let failed = |source| StartError::Workers { count, source };
        let threads = Threads::new(count).map_err(failed)?;
        let mut sockets = threads.open(|| listen(&config.listen))?;
        let asked = sockets.len();
        let (workers, own) = match count {
            0 => (None, 0),
            _ => (Some(Workers::start(threads, &sockets).map_err(failed)?), asked),
        };
        if config.discovery {
            for at in 0..asked {
                sockets.extend(next_port(sockets[at].bound()).map(Arc::new));
            }
        }
        let listeners = listen_for_carriers(&config.tcp.listen, &sockets[..asked])?;
        let now = Instant::now();
        let tls = config.tcp.certificate.map(|files| Tls::load(files, now)).transpose()?;
        let store = match &config.names {
            Some(path) => Store::open(path)?,
            None => Store::in_memory()?,
        };
        let (names, rooms) = (store.names()?, store.rooms()?);
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(StartError::Random)?;
        let mut random = Random::from_seed(seed);
        let mut limits = config.limits;
        limits.sockets = sockets.iter().map(|socket| socket.bound()).collect();
        let carriers = Carriers::new(listeners, tls, &limits, &mut random, now);
        let server =
            Server::new(limits, config.identity, names, random.array(), now).with_rooms(rooms);
        Ok(Self {
            server,
            sockets,
            own,
            workers,
            held: None,
            carriers,
            store: Writer::start(store)?,
            asked,
            unsent: 0,
            first: 0,
        })
    }

    /// The first address that the server listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addrs()[0]
    }

    /// The addresses that were asked for, with their ports.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.sockets[..self.asked].iter().map(|socket| socket.bound()).collect()
    }

    /// The sockets beside them that help clients to find out how their NAT behaves.
    #[must_use]
    pub fn discovery_addrs(&self) -> Vec<SocketAddr> {
        self.sockets[self.asked..].iter().map(|socket| socket.bound()).collect()
    }

    /// The TCP addresses that carriers are taken on.
    #[must_use]
    pub fn tcp_addrs(&self) -> Vec<SocketAddr> {
        self.carriers.bound().to_vec()
    }

    /// Whether those take TLS.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.carriers.has_tls()
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
        let mut batch = Batch::default();
        loop {
            let pace = self.relay();
            let timeout = self.send_outputs();
            let hears = self.hears();
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some((id, result)) = self.store.claimed() => {
                    self.server.handle_claimed(Instant::now(), id, result);
                }
                (id, from, datagram) = self.carriers.receive() => {
                    self.server.handle_datagram(Instant::now(), id, from, &datagram);
                    self.receive_carried();
                }
                report = workers::report(&mut self.workers, hears) => self.take_report(report),
                () = datapath::ready(&self.sockets[self.own..], self.own, hears, pace) => {}
                () = sleep_until(timeout) => {}
            }
            self.tell_time();
            let now = Instant::now();
            if timeout.is_some_and(|timeout| timeout <= now) {
                self.server.handle_timeout(now);
            }
            self.receive(&mut batch).await;
        }
        self.stop().await;
        let mut statistics = self.server.statistics().clone();
        statistics.unsent = self.unsent;
        statistics.carriers = self.carriers.accepted;
        statistics.carriers_refused = self.carriers.refused;
        statistics
    }

    /// The clock may have been set since the last time.
    fn tell_time(&mut self) {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        if let Some(ms) = since_1970.ok().and_then(|since| u64::try_from(since.as_millis()).ok()) {
            self.server.set_clock(Instant::now(), ms);
        }
    }
}

fn listen(addresses: &[SocketAddr]) -> Result<Vec<Arc<ServerSocket>>, StartError> {
    let open = |address| match ServerSocket::bind(address) {
        Ok(socket) => Ok(Arc::new(socket)),
        Err(source) => Err(StartError::Listen { address, source }),
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

fn listen_for_carriers(
    wanted: &TcpListen,
    beside: &[Arc<ServerSocket>],
) -> Result<Vec<TcpListener>, StartError> {
    match wanted {
        TcpListen::Nowhere => Ok(Vec::new()),
        TcpListen::At(addresses) => addresses
            .iter()
            .map(|&address| {
                carriers::listen(address)
                    .map_err(|source| StartError::ListenTcp { address, source })
            })
            .collect(),
        TcpListen::Beside => Ok(beside
            .iter()
            .filter_map(|socket| {
                let address = socket.bound();
                carriers::listen(address)
                    .inspect_err(|error| {
                        tracing::warn!(%address, %error, "no TCP, for peers without UDP");
                    })
                    .ok()
            })
            .collect()),
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

/// What can be done about an address that `option` named.
fn explain(error: &io::Error, option: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program uses this port. Stop it, or choose another port with {option} ADDR:PORT"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "the system does not allow it. Choose a port above 1023 with {option} ADDR:PORT, or run \
             with the right to bind it"
        ),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address. \
            `ip addr` shows those it has"
            .to_owned(),
        _ => error.to_string(),
    }
}
