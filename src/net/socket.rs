//! The UDP sockets of a peer.
//!
//! Each [`SocketId`] stands for two of the system's sockets, one for IPv4 and one for IPv6. The first
//! is there from the start; those that the endpoint asks for later, up to some hundreds while it looks for
//! a way through a difficult NAT, each have a task that says when something has arrived. Whoever calls
//! [`Sockets::receive`] reads all of them, into the same buffer. Streams to a rendezvous, where UDP is blocked, are
//! used in the same way ([`Carrier`]).

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::carrier::Carrier;
use super::udp::{Batch, Train, Udp};
use crate::proto::{SocketId, SocketRequest, Transmit};

/// How long a full send buffer is waited for before the datagram is given up as lost.
const PATIENCE: Duration = Duration::from_millis(50);

/// Datagrams from streams that may wait to be taken; more are lost.
const WAITING: usize = 1024;

/// A peer's sockets. The first of them exists in at least one address family.
#[derive(Debug)]
pub struct Sockets {
    first: Families,
    /// What later sockets are bound to, if not to every address of the machine.
    address: Option<IpAddr>,
    later: HashMap<SocketId, Later>,
    carriers: HashMap<SocketId, Carrier>,
    batch: Batch,
    /// Later sockets at which something has arrived.
    ready: Vec<Ready>,
    calls: mpsc::Receiver<Ready>,
    caller: mpsc::Sender<Ready>,
    arrivals: mpsc::Receiver<Arrival>,
    arrived: mpsc::Sender<Arrival>,
    /// Taken from the channel and not handed over yet.
    waiting: Option<Arrival>,
    losses: mpsc::Receiver<SocketId>,
    lost: mpsc::Sender<SocketId>,
    /// As `waiting`.
    missing: Option<SocketId>,
}

/// One socket, in each address family that there is.
#[derive(Debug, Default)]
struct Families {
    v4: Option<Arc<Udp>>,
    v6: Option<Arc<Udp>>,
}

/// A socket that was opened on request.
#[derive(Debug)]
struct Later {
    families: Families,
    watchers: Vec<Watcher>,
}

/// Which of a later socket's families it is: the place of its watcher.
type Ready = (SocketId, usize);

/// A task that says when something has arrived at a later socket.
#[derive(Debug)]
struct Watcher {
    socket: Arc<Udp>,
    /// Told when there is nothing more to read: it watches again.
    drained: Arc<Notify>,
    task: JoinHandle<()>,
}

/// What has come by a stream.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) local: SocketId,
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// Datagrams that have arrived from one source, in the buffer that they were received in.
#[derive(Debug)]
pub struct Received<'a> {
    /// At which socket.
    pub local: SocketId,
    /// Who sent them.
    pub from: SocketAddr,
    /// One after the other.
    pub bytes: &'a mut [u8],
    /// How long each of them is, but the last, which may be shorter.
    pub size: usize,
}

impl Sockets {
    /// Opens the socket for one address, or without one a socket for each family that the machine
    /// has, both on the same port where that is free.
    ///
    /// # Errors
    ///
    /// The system's, if no socket can be opened.
    pub fn bind(address: Option<SocketAddr>) -> io::Result<Self> {
        let (arrived, arrivals) = mpsc::channel(WAITING);
        let (lost, losses) = mpsc::channel(WAITING);
        let (caller, calls) = mpsc::channel(WAITING);
        Ok(Self {
            first: Families::bind(address)?,
            address: address.map(|address| address.ip()),
            later: HashMap::new(),
            carriers: HashMap::new(),
            batch: Batch::default(),
            ready: Vec::new(),
            calls,
            caller,
            arrivals,
            arrived,
            waiting: None,
            losses,
            lost,
            missing: None,
        })
    }

    /// The addresses that the first socket is bound to.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.first.each().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Opens or closes a socket.
    ///
    /// # Errors
    ///
    /// The system's, if it has no socket left for us.
    pub fn handle(&mut self, request: SocketRequest) -> io::Result<()> {
        match request {
            SocketRequest::Open(id) => {
                let families = Families::bind(self.address.map(|address| (address, 0).into()))?;
                let watchers = families.each().enumerate().map(|(place, socket)| {
                    Watcher::start(Arc::clone(socket), (id, place), self.caller.clone())
                });
                let watchers = watchers.collect();
                self.later.insert(id, Later { families, watchers });
            }
            SocketRequest::Dial { id, to, tls } => {
                let (arrived, lost) = (self.arrived.clone(), self.lost.clone());
                self.carriers.insert(id, Carrier::dial(id, self.address, to, tls, arrived, lost));
            }
            SocketRequest::Close(id) => {
                self.later.remove(&id);
                self.carriers.remove(&id);
            }
        }
        Ok(())
    }

    /// Sends one datagram, or several.
    ///
    /// # Errors
    ///
    /// The system's. The network may lose any datagram, so a caller treats it as lost and goes on.
    pub async fn send(&self, transmit: &Transmit) -> io::Result<()> {
        if let Some(carrier) = self.carriers.get(&transmit.from) {
            return transmit.datagrams().try_for_each(|datagram| carrier.send(datagram));
        }
        let families = match transmit.from {
            SocketId::FIRST => Some(&self.first),
            later => self.later.get(&later).map(|later| &later.families),
        };
        let socket = families.and_then(|families| match transmit.to {
            SocketAddr::V4(_) => families.v4.as_ref(),
            SocketAddr::V6(_) => families.v6.as_ref(),
        });
        let Some(socket) = socket else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        // Ready to write in all likelihood: the attempt alone usually suffices.
        let mut sent = 0;
        loop {
            match socket.send(transmit, &mut sent) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::time::timeout(PATIENCE, socket.writable()).await??;
                }
                result => return result,
            }
        }
    }

    /// Waits until there is something to [`receive`](Self::receive), or a stream is
    /// [lost](Self::lost).
    pub async fn readable(&mut self) {
        if self.waiting.is_some() || self.missing.is_some() || !self.ready.is_empty() {
            return;
        }
        tokio::select! {
            () = poll_fn(|context| self.first.poll_readable(context)) => {}
            call = self.calls.recv() => self.ready.extend(call),
            arrival = self.arrivals.recv() => self.waiting = arrival,
            loss = self.losses.recv() => self.missing = loss,
        }
    }

    /// A stream that could not be dialled or has broken, if there is one. What is sent on it from now
    /// on is lost.
    pub fn lost(&mut self) -> Option<SocketId> {
        let lost = self.missing.take().or_else(|| self.losses.try_recv().ok())?;
        self.carriers.remove(&lost);
        Some(lost)
    }

    /// Waits a moment until what was sent on streams has been written.
    pub async fn finish(&mut self) {
        for (_, carrier) in self.carriers.drain() {
            carrier.finish().await;
        }
    }

    /// Hands over what has arrived: a batch from each socket. Whether there was anything.
    pub fn receive(&mut self, mut take: impl FnMut(Received<'_>)) -> bool {
        let mut any = false;
        let waiting = self.waiting.take().or_else(|| self.arrivals.try_recv().ok());
        if let Some(Arrival { local, from, mut bytes }) = waiting {
            let size = bytes.len();
            take(Received { local, from, bytes: &mut bytes, size });
            any = true;
        }
        for socket in self.first.each() {
            let received = receive(socket, &mut self.batch, SocketId::FIRST, &mut take);
            any |= received != Some(0);
        }
        while let Ok(call) = self.calls.try_recv() {
            self.ready.push(call);
        }
        let (later, batch) = (&self.later, &mut self.batch);
        self.ready.retain(|&(id, place)| {
            let Some(watcher) = later.get(&id).and_then(|later| later.watchers.get(place)) else {
                return false;
            };
            let received = receive(&watcher.socket, batch, id, &mut take);
            any |= received != Some(0);
            if received.is_some() {
                watcher.drained.notify_one();
            }
            received.is_none()
        });
        any
    }
}

impl Families {
    fn bind(address: Option<SocketAddr>) -> io::Result<Self> {
        if let Some(address) = address {
            let socket = Some(Arc::new(Udp::open(address)?));
            return Ok(match address {
                SocketAddr::V4(_) => Self { v4: socket, v6: None },
                SocketAddr::V6(_) => Self { v4: None, v6: socket },
            });
        }
        let v4 = Udp::open((Ipv4Addr::UNSPECIFIED, 0).into());
        let port =
            v4.as_ref().ok().and_then(|socket| socket.local_addr().ok()).map_or(0, |a| a.port());
        let v6 = Udp::open((Ipv6Addr::UNSPECIFIED, port).into())
            .or_else(|_| Udp::open((Ipv6Addr::UNSPECIFIED, 0).into()));
        match (v4, v6) {
            (Err(error), Err(_)) => Err(error),
            (v4, v6) => Ok(Self { v4: v4.ok().map(Arc::new), v6: v6.ok().map(Arc::new) }),
        }
    }

    fn each(&self) -> impl Iterator<Item = &Arc<Udp>> {
        self.v4.iter().chain(&self.v6)
    }

    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // Both are asked, so that both wake us.
        let ready = self.each().filter(|socket| socket.poll_readable(context).is_ready()).count();
        if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Watcher {
    #[expect(clippy::disallowed_methods, reason = "one task for each socket, ended with it")]
    fn start(socket: Arc<Udp>, call: Ready, caller: mpsc::Sender<Ready>) -> Self {
        let drained = Arc::new(Notify::new());
        let (watched, told) = (Arc::clone(&socket), Arc::clone(&drained));
        let task = tokio::spawn(async move {
            loop {
                poll_fn(|context| watched.poll_readable(context)).await;
                if caller.send(call).await.is_err() {
                    return;
                }
                told.notified().await;
            }
        });
        Self { socket, drained, task }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Receives one batch from a socket. How many trains that were, if there is nothing more.
fn receive(
    socket: &Udp,
    batch: &mut Batch,
    local: SocketId,
    take: &mut impl FnMut(Received<'_>),
) -> Option<usize> {
    let mut trains = 0;
    let received = socket.receive(batch, |Train { from, bytes, size }| {
        trains += 1;
        take(Received { local, from, bytes, size });
    });
    match received {
        Ok(true) => None,
        Ok(false) => Some(trains),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(0),
        // An ICMP message about an earlier datagram, reported by some systems on the socket: that
        // datagram is lost, the socket is well.
        Err(error) => {
            tracing::debug!(%error, "receive");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> Sockets {
        Sockets::bind(Some((Ipv4Addr::LOCALHOST, 0).into())).expect("a socket on loopback")
    }

    fn to(sockets: &Sockets, ttl: Option<u8>) -> Transmit {
        let to = sockets.local_addresses()[0];
        let payload = b"hello".to_vec();
        Transmit { from: SocketId::FIRST, to, ttl, whole: false, segment_size: None, payload }
    }

    /// Everything that arrives until there are `count` datagrams: where, from whom, what.
    async fn receive(sockets: &mut Sockets, count: usize) -> Vec<(SocketId, SocketAddr, Vec<u8>)> {
        let mut all = Vec::new();
        while all.len() < count {
            sockets.readable().await;
            sockets.receive(|Received { local, from, bytes, size }| {
                all.extend(bytes.chunks(size).map(|datagram| (local, from, datagram.to_vec())));
            });
        }
        all
    }

    #[tokio::test]
    async fn datagrams_arrive_and_a_time_to_live_is_for_one_datagram_only() {
        let (alice, mut bob) = (loopback(), loopback());
        let usual = alice.first.v4.as_ref().expect("IPv4").ttl();
        for ttl in [Some(2), None] {
            alice.send(&to(&bob, ttl)).await.expect("sent");
            let expected = (SocketId::FIRST, alice.local_addresses()[0], b"hello".to_vec());
            assert_eq!(receive(&mut bob, 1).await, [expected]);
            assert_eq!(alice.first.v4.as_ref().expect("IPv4").ttl(), usual);
        }
    }

    #[tokio::test]
    async fn a_train_arrives_as_its_datagrams_however_long_it_is() {
        let (mut alice, mut bob) = (loopback(), loopback());
        let later = SocketId(7);
        alice.handle(SocketRequest::Open(later)).expect("opened");
        for from in [SocketId::FIRST, later] {
            // More than the system takes at once.
            let payload: Vec<u8> = (0..150 * 1200 + 7).map(|at| (at / 1200) as u8).collect();
            let train = Transmit { from, segment_size: Some(1200), payload, ..to(&bob, None) };
            alice.send(&train).await.expect("sent");
            let received = receive(&mut bob, 151).await;
            let texts = received.iter().map(|(_, _, text)| text.as_slice());
            assert!(texts.eq(train.datagrams()));
        }
    }

    // Other systems send no datagrams as long as these unless they are told to.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_datagram_arrives_whole_however_long_it_is_and_one_that_is_too_long_is_lost() {
        let (alice, mut bob) = (loopback(), loopback());
        let whole = |length| Transmit { whole: true, payload: vec![7; length], ..to(&bob, None) };
        alice.send(&whole(65_508)).await.expect("nobody is told");
        alice.send(&whole(16_250)).await.expect("sent");
        let usual = Transmit { payload: vec![8; 60_000], ..to(&bob, None) };
        alice.send(&usual).await.expect("sent");
        let received = receive(&mut bob, 2).await;
        let lengths: Vec<_> = received.iter().map(|(_, _, bytes)| bytes.len()).collect();
        assert_eq!(lengths, [16_250, 60_000]);
    }

    #[tokio::test]
    async fn a_datagram_that_nobody_takes_does_not_hurt_the_socket() {
        let (mut alice, mut bob) = (loopback(), loopback());
        let gone = to(&loopback(), None);
        for _ in 0..3 {
            let _ = alice.send(&gone).await;
        }
        alice.receive(|received| panic!("from {}", received.from));
        alice.send(&to(&bob, None)).await.expect("sent");
        receive(&mut bob, 1).await;
    }

    #[tokio::test]
    async fn a_later_socket_sends_and_receives_at_an_address_of_its_own_until_it_is_closed() {
        let (mut alice, mut bob) = (loopback(), loopback());
        let later = SocketId(7);
        alice.handle(SocketRequest::Open(later)).expect("opened");
        let from = Transmit { from: later, ..to(&bob, None) };
        alice.send(&from).await.expect("sent");
        let (_, seen, _) = receive(&mut bob, 1).await.remove(0);
        assert_ne!(seen, alice.local_addresses()[0]);

        // More than once: it is watched again after each.
        for _ in 0..3 {
            bob.send(&Transmit { to: seen, ..to(&alice, None) }).await.expect("sent");
            let expected = (later, bob.local_addresses()[0], b"hello".to_vec());
            assert_eq!(receive(&mut alice, 1).await, [expected]);
        }

        alice.handle(SocketRequest::Close(later)).expect("closed");
        assert!(alice.send(&from).await.is_err());
    }

    #[tokio::test]
    async fn without_an_address_both_families_share_a_port_where_they_can() {
        let sockets = Sockets::bind(None).expect("sockets");
        let ports: Vec<u16> = sockets.local_addresses().iter().map(SocketAddr::port).collect();
        assert!(!ports.is_empty() && ports.iter().all(|&port| port != 0), "{ports:?}");
    }
}
