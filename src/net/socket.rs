//! The UDP sockets of a peer.
//!
//! Each [`SocketId`] stands for two of the system's sockets, one for IPv4 and one for IPv6. The first
//! is there from the start and is read by whoever calls [`Sockets::receive`]; those that the endpoint
//! asks for later, up to some hundreds while it looks for a way through a difficult NAT, each have a
//! task that reads them and hands over what arrives. Streams to a rendezvous, where UDP is blocked, are
//! used in the same way ([`Carrier`]).

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use p2pchat_wire::address::canonical;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::carrier::Carrier;
use crate::proto::{SocketId, SocketRequest, Transmit};

/// Room for a burst while the process is elsewhere. The system gives what it allows.
const BUFFER: usize = 4 << 20;

/// How long a full send buffer is waited for before the datagram is given up as lost.
const PATIENCE: Duration = Duration::from_millis(50);

/// What a reader of a later socket has room for: no datagram of ours is longer, and hundreds of
/// readers may be there at once.
const MAX_READ: usize = 2048;

/// The largest UDP payload there is.
pub(super) const MAX_UDP: usize = 65_535;

/// Datagrams from later sockets that may wait to be taken; more are lost.
const WAITING: usize = 1024;

/// A peer's sockets. The first of them exists in at least one address family.
#[derive(Debug)]
pub struct Sockets {
    first: Families,
    /// What later sockets are bound to, if not to every address of the machine.
    address: Option<IpAddr>,
    later: HashMap<SocketId, Later>,
    carriers: HashMap<SocketId, Carrier>,
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
    v4: Option<Arc<UdpSocket>>,
    v6: Option<Arc<UdpSocket>>,
}

/// A socket that was opened on request, and the tasks that read it.
#[derive(Debug)]
struct Later {
    families: Families,
    readers: Vec<JoinHandle<()>>,
}

/// What a task has read.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) local: SocketId,
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
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
        Ok(Self {
            first: Families::bind(address)?,
            address: address.map(|address| address.ip()),
            later: HashMap::new(),
            carriers: HashMap::new(),
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
                let readers = families
                    .each()
                    .map(|socket| read(id, Arc::clone(socket), self.arrived.clone()))
                    .collect();
                self.later.insert(id, Later { families, readers });
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

    /// Sends a datagram.
    ///
    /// # Errors
    ///
    /// The system's. The network may lose any datagram, so a caller treats it as lost and goes on.
    pub async fn send(&self, transmit: &Transmit) -> io::Result<()> {
        if let Some(carrier) = self.carriers.get(&transmit.from) {
            return carrier.send(&transmit.payload);
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
        loop {
            match try_send(socket, transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::time::timeout(PATIENCE, socket.writable()).await??;
                }
                result => return result.map(drop),
            }
        }
    }

    /// Waits until there is something to [`receive`](Self::receive), or a stream is
    /// [lost](Self::lost).
    pub async fn readable(&mut self) {
        if self.waiting.is_some() || self.missing.is_some() {
            return;
        }
        let wait = async |socket: &Option<Arc<UdpSocket>>| match socket {
            Some(socket) => drop(socket.readable().await),
            None => pending().await,
        };
        tokio::select! {
            () = wait(&self.first.v4) => {}
            () = wait(&self.first.v6) => {}
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

    /// Takes one datagram that has arrived, if there is one: at which socket, who sent it, and how
    /// many bytes of `buffer` it fills.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Option<(SocketId, SocketAddr, usize)> {
        let waiting = self.waiting.take().or_else(|| self.arrivals.try_recv().ok());
        if let Some(Arrival { local, from, bytes }) = waiting {
            let length = bytes.len().min(buffer.len());
            buffer[..length].copy_from_slice(&bytes[..length]);
            return Some((local, from, length));
        }
        for socket in self.first.each() {
            // An error here is an ICMP message about an earlier datagram, reported by some systems
            // on the socket: that datagram is lost, the socket is well. A handful in a row is
            // skipped; if it goes on, the caller comes back.
            for _ in 0..8 {
                match socket.try_recv_from(buffer) {
                    Ok((length, from)) => return Some((SocketId::FIRST, canonical(from), length)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => tracing::debug!(%error, "receive"),
                }
            }
        }
        None
    }
}

impl Families {
    fn bind(address: Option<SocketAddr>) -> io::Result<Self> {
        if let Some(address) = address {
            let socket = Some(Arc::new(open(address)?));
            return Ok(match address {
                SocketAddr::V4(_) => Self { v4: socket, v6: None },
                SocketAddr::V6(_) => Self { v4: None, v6: socket },
            });
        }
        let v4 = open((Ipv4Addr::UNSPECIFIED, 0).into());
        let port =
            v4.as_ref().ok().and_then(|socket| socket.local_addr().ok()).map_or(0, |a| a.port());
        let v6 = open((Ipv6Addr::UNSPECIFIED, port).into())
            .or_else(|_| open((Ipv6Addr::UNSPECIFIED, 0).into()));
        match (v4, v6) {
            (Err(error), Err(_)) => Err(error),
            (v4, v6) => Ok(Self { v4: v4.ok().map(Arc::new), v6: v6.ok().map(Arc::new) }),
        }
    }

    fn each(&self) -> impl Iterator<Item = &Arc<UdpSocket>> {
        self.v4.iter().chain(&self.v6)
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        self.readers.iter().for_each(JoinHandle::abort);
    }
}

/// Hands over what arrives at a later socket until it is closed. Whoever is slow loses datagrams, as
/// with the system's own buffers.
#[expect(clippy::disallowed_methods, reason = "one task for each socket, ended with it")]
fn read(local: SocketId, socket: Arc<UdpSocket>, arrived: mpsc::Sender<Arrival>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut buffer = vec![0; MAX_READ];
        // An error is an ICMP message about an earlier datagram; see `Sockets::receive`.
        loop {
            match socket.recv_from(&mut buffer).await {
                Ok((length, from)) => {
                    let bytes = buffer[..length].to_vec();
                    let full = arrived.try_send(Arrival { local, from: canonical(from), bytes });
                    if matches!(full, Err(mpsc::error::TrySendError::Closed(_))) {
                        return;
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "receive");
                    tokio::task::yield_now().await;
                }
            }
        }
    })
}

pub(super) fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // IPv4 has a socket of its own.
        socket.set_only_v6(true)?;
    }
    // Best effort: the default holds a hundred datagrams or so, which is enough to chat.
    let _ = socket.set_recv_buffer_size(BUFFER);
    let _ = socket.set_send_buffer_size(BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

fn try_send(socket: &UdpSocket, transmit: &Transmit) -> io::Result<usize> {
    let send = || SockRef::from(socket).send_to(&transmit.payload, &transmit.to.into());
    socket.try_io(Interest::WRITABLE, || match transmit.ttl {
        None => send(),
        Some(ttl) => with_ttl(socket, transmit.to, ttl, send),
    })
}

/// Sends with another time to live, then restores the socket's own. Nobody else uses the socket in
/// between: only the driver sends.
fn with_ttl<T>(
    socket: &UdpSocket,
    to: SocketAddr,
    ttl: u8,
    send: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let socket = SockRef::from(socket);
    if to.is_ipv4() {
        let usual = socket.ttl_v4()?;
        socket.set_ttl_v4(ttl.into())?;
        let result = send();
        socket.set_ttl_v4(usual)?;
        result
    } else {
        let usual = socket.unicast_hops_v6()?;
        socket.set_unicast_hops_v6(ttl.into())?;
        let result = send();
        socket.set_unicast_hops_v6(usual)?;
        result
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
        Transmit { from: SocketId::FIRST, to, ttl, payload: b"hello".to_vec() }
    }

    #[tokio::test]
    async fn datagrams_arrive_and_a_time_to_live_is_for_one_datagram_only() {
        let (alice, mut bob) = (loopback(), loopback());
        let usual = SockRef::from(alice.first.v4.as_ref().expect("IPv4")).ttl_v4().expect("ttl");
        for ttl in [Some(2), None] {
            alice.send(&to(&bob, ttl)).await.expect("sent");
            let mut buffer = [0; 100];
            bob.readable().await;
            let received = bob.receive(&mut buffer);
            assert_eq!(received, Some((SocketId::FIRST, alice.local_addresses()[0], 5)));
            let first = alice.first.v4.as_ref().expect("IPv4");
            assert_eq!(SockRef::from(first).ttl_v4().ok(), Some(usual));
        }
    }

    #[tokio::test]
    async fn a_datagram_that_nobody_takes_does_not_hurt_the_socket() {
        let (mut alice, mut bob) = (loopback(), loopback());
        let gone = to(&loopback(), None);
        for _ in 0..3 {
            let _ = alice.send(&gone).await;
        }
        assert_eq!(alice.receive(&mut [0; 100]), None);
        alice.send(&to(&bob, None)).await.expect("sent");
        bob.readable().await;
        assert!(bob.receive(&mut [0; 100]).is_some());
    }

    #[tokio::test]
    async fn a_later_socket_sends_and_receives_at_an_address_of_its_own_until_it_is_closed() {
        let (mut alice, mut bob) = (loopback(), loopback());
        let later = SocketId(7);
        alice.handle(SocketRequest::Open(later)).expect("opened");
        let from = Transmit { from: later, ..to(&bob, None) };
        alice.send(&from).await.expect("sent");
        bob.readable().await;
        let (_, seen, _) = bob.receive(&mut [0; 100]).expect("arrived");
        assert_ne!(seen, alice.local_addresses()[0]);

        bob.send(&Transmit { to: seen, ..to(&alice, None) }).await.expect("sent");
        alice.readable().await;
        let arrived = alice.receive(&mut [0; 100]);
        assert_eq!(arrived, Some((later, bob.local_addresses()[0], 5)));

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
