//! The UDP sockets of a peer: one for IPv4, one for IPv6.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use p2pchat_wire::address::canonical;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::proto::Transmit;

/// Room for a burst while the process is elsewhere. The system gives what it allows.
const BUFFER: usize = 4 << 20;

/// How long a full send buffer is waited for before the datagram is given up as lost.
const PATIENCE: Duration = Duration::from_millis(50);

/// The largest UDP payload there is.
pub(super) const MAX_UDP: usize = 65_535;

/// A peer's sockets. At least one of them exists.
#[derive(Debug)]
pub struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Sockets {
    /// Opens the socket for one address, or without one a socket for each family that the machine
    /// has, both on the same port where that is free.
    ///
    /// # Errors
    ///
    /// The system's, if no socket can be opened.
    pub fn bind(address: Option<SocketAddr>) -> io::Result<Self> {
        if let Some(address) = address {
            let socket = Some(open(address)?);
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
            (v4, v6) => Ok(Self { v4: v4.ok(), v6: v6.ok() }),
        }
    }

    /// The addresses that the sockets are bound to.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.each().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Sends a datagram.
    ///
    /// # Errors
    ///
    /// The system's. The network may lose any datagram, so a caller treats it as lost and goes on.
    pub async fn send(&self, transmit: &Transmit) -> io::Result<()> {
        let socket = match transmit.to {
            SocketAddr::V4(_) => &self.v4,
            SocketAddr::V6(_) => &self.v6,
        };
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

    /// Waits until there is something to [`receive`](Self::receive).
    pub async fn readable(&self) {
        let wait = async |socket: &Option<UdpSocket>| match socket {
            Some(socket) => drop(socket.readable().await),
            None => pending().await,
        };
        tokio::select! {
            () = wait(&self.v4) => {}
            () = wait(&self.v6) => {}
        }
    }

    /// Takes one datagram that has arrived, if there is one: who sent it, and how many bytes of
    /// `buffer` it fills.
    pub fn receive(&self, buffer: &mut [u8]) -> Option<(SocketAddr, usize)> {
        for socket in self.each() {
            // An error here is an ICMP message about an earlier datagram, reported by some systems
            // on the socket: that datagram is lost, the socket is well. A handful in a row is
            // skipped; if it goes on, the caller comes back.
            for _ in 0..8 {
                match socket.try_recv_from(buffer) {
                    Ok((length, from)) => return Some((canonical(from), length)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => tracing::debug!(%error, "receive"),
                }
            }
        }
        None
    }

    fn each(&self) -> impl Iterator<Item = &UdpSocket> {
        self.v4.iter().chain(&self.v6)
    }
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
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
        Transmit { to: sockets.local_addresses()[0], ttl, payload: b"hello".to_vec() }
    }

    #[tokio::test]
    async fn datagrams_arrive_and_a_time_to_live_is_for_one_datagram_only() {
        let (alice, bob) = (loopback(), loopback());
        let usual = SockRef::from(alice.v4.as_ref().expect("IPv4")).ttl_v4().expect("ttl");
        for ttl in [Some(2), None] {
            alice.send(&to(&bob, ttl)).await.expect("sent");
            let mut buffer = [0; 100];
            bob.readable().await;
            let received = bob.receive(&mut buffer);
            assert_eq!(received, Some((alice.local_addresses()[0], 5)));
            assert_eq!(SockRef::from(alice.v4.as_ref().expect("IPv4")).ttl_v4().ok(), Some(usual));
        }
    }

    #[tokio::test]
    async fn a_datagram_that_nobody_takes_does_not_hurt_the_socket() {
        let (alice, bob) = (loopback(), loopback());
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
    async fn without_an_address_both_families_share_a_port_where_they_can() {
        let sockets = Sockets::bind(None).expect("sockets");
        let ports: Vec<u16> = sockets.local_addresses().iter().map(SocketAddr::port).collect();
        assert!(!ports.is_empty() && ports.iter().all(|&port| port != 0), "{ports:?}");
    }
}
