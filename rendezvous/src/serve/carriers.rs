//! The carriers of the server: who may have one, and where its datagrams come and go.
//!
//! Each connection is a task of its own (`connection.rs`); this is the loop's end of them all.
#![expect(clippy::disallowed_types, reason = "these are the sockets of the server")]

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use p2pchat_wire::address::canonical;
use p2pchat_wire::random::Random;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::connection::{Connection, Patience};
use super::tls::Tls;
use crate::server::{Bucket, CarrierId, Census, Config, Networks, Rate};

/// Connections that the system accepts ahead of us.
const BACKLOG: i32 = 1024;

/// What waits between the connections and the loop.
const WAITING: usize = 256;

/// Datagrams that wait to be written to one connection. A stream that takes no more loses the next,
/// as a full socket would: what is relayed has its own idea of how much a path carries.
const QUEUE: usize = 64;

/// The system's buffer for what was written and not acknowledged. More would only be delay.
const SEND_BUFFER: usize = 64 << 10;

/// How long nobody is accepted after the system could not: it has no file left for us, most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// What the tasks tell the loop.
pub(super) enum Happening {
    /// Somebody has connected.
    Accepted { stream: TcpStream, from: SocketAddr },
    /// A datagram has come.
    Arrived { id: CarrierId, from: SocketAddr, datagram: Vec<u8> },
    /// A connection is over.
    Ended(CarrierId),
}

/// All connections.
#[derive(Debug)]
pub(super) struct Carriers {
    bound: Vec<SocketAddr>,
    tls: Option<Tls>,
    max: usize,
    max_per_network: u32,
    rate: Rate,
    rate_total: Rate,
    began: Instant,
    next: u64,
    open: HashMap<CarrierId, Open>,
    census: Census,
    rates: Networks,
    total: Bucket,
    happenings: mpsc::Receiver<Happening>,
    arrivals: mpsc::Sender<Happening>,
    /// Who accepts, and whoever was accepted; all end with us.
    acceptors: JoinSet<()>,
    tasks: JoinSet<()>,
    pub(super) accepted: u64,
    pub(super) refused: u64,
}

#[derive(Debug)]
struct Open {
    ip: IpAddr,
    queue: mpsc::Sender<Vec<u8>>,
}

impl Carriers {
    /// Carriers of whoever comes to `listeners`.
    pub(super) fn new(
        listeners: Vec<TcpListener>,
        tls: Option<Tls>,
        limits: &Config,
        random: &mut Random,
        now: Instant,
    ) -> Self {
        let (arrivals, happenings) = mpsc::channel(WAITING);
        let bound = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let mut acceptors = JoinSet::new();
        for listener in listeners {
            acceptors.spawn(accept(listener, arrivals.clone()));
        }
        Self {
            bound,
            tls,
            max: limits.max_carriers,
            max_per_network: limits.max_carriers_per_network,
            rate: limits.carriers,
            rate_total: limits.carriers_total,
            began: now,
            next: 0,
            open: HashMap::new(),
            census: Census::default(),
            rates: Networks::new(limits.max_networks, random),
            total: Bucket::default(),
            happenings,
            arrivals,
            acceptors,
            tasks: JoinSet::new(),
            accepted: 0,
            refused: 0,
        }
    }

    /// The addresses that are listened on.
    pub(super) fn bound(&self) -> &[SocketAddr] {
        &self.bound
    }

    /// Whether there is TLS.
    pub(super) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Waits for the next datagram, looking after the connections meanwhile. Can be given up at any
    /// moment without losing one.
    pub(super) async fn receive(&mut self) -> (CarrierId, SocketAddr, Vec<u8>) {
        loop {
            match self.happenings.recv().await {
                Some(happening) => {
                    if let Some(arrived) = self.take(happening) {
                        return arrived;
                    }
                }
                // Never: we hold a sender ourselves.
                None => std::future::pending().await,
            }
        }
    }

    /// A datagram that is there already, if there is one.
    pub(super) fn try_receive(&mut self) -> Option<(CarrierId, SocketAddr, Vec<u8>)> {
        loop {
            let happening = self.happenings.try_recv().ok()?;
            if let Some(arrived) = self.take(happening) {
                return Some(arrived);
            }
        }
    }

    fn take(&mut self, happening: Happening) -> Option<(CarrierId, SocketAddr, Vec<u8>)> {
        match happening {
            Happening::Accepted { stream, from } => self.admit(stream, canonical(from)),
            Happening::Arrived { id, from, datagram } => return Some((id, from, datagram)),
            Happening::Ended(id) => self.forget(id),
        }
        None
    }

    /// Queues a datagram; says whether there was room for it.
    pub(super) fn send(&self, id: CarrierId, datagram: Vec<u8>) -> bool {
        self.open.get(&id).is_some_and(|open| open.queue.try_send(datagram).is_ok())
    }

    /// Accepts nobody any more, and waits until what is queued has been written.
    pub(super) async fn finish(&mut self) {
        self.acceptors.abort_all();
        self.open.clear();
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => if ended.is_none() { return },
                // Nobody listens any more, and nobody is to wait for that.
                _ = self.happenings.recv() => {}
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the clock of the server")]
    fn admit(&mut self, stream: TcpStream, from: SocketAddr) {
        let (now, ip) = (Instant::now(), from.ip());
        let at = u64::try_from(now.saturating_duration_since(self.began).as_millis());
        let at = at.unwrap_or(u64::MAX);
        let admitted = self.open.len() < self.max
            && self.census.has_room(ip, self.max_per_network)
            && self.rates.take(at, ip, self.rate, 1)
            && self.total.take(at, self.rate_total, 1);
        if !admitted {
            self.refused += 1;
            return;
        }
        // Best effort: without them it is only slower.
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
        let id = CarrierId(self.next);
        self.next += 1;
        self.accepted += 1;
        let (sender, queue) = mpsc::channel(QUEUE);
        let tls = self.tls.as_mut().map(|tls| tls.acceptor(now));
        let arrivals = self.arrivals.clone();
        let patience = Patience::default();
        let connection = Connection { id, from, patience, queue, arrivals };
        self.tasks.spawn(connection.run(stream, tls));
        self.census.add(ip);
        self.open.insert(id, Open { ip, queue: sender });
    }

    fn forget(&mut self, id: CarrierId) {
        if let Some(open) = self.open.remove(&id) {
            self.census.remove(open.ip);
        }
        while self.tasks.try_join_next().is_some() {}
    }
}

/// Opens a listener.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A server that starts again must not wait for the old one's connections to be forgotten.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept(listener: TcpListener, arrivals: mpsc::Sender<Happening>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                if arrivals.send(Happening::Accepted { stream, from }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "accepting");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
