//! One UDP socket of the system: trains of datagrams out (GSO), batches of trains in (GRO, `recvmmsg`),
//! as far as the system knows them. `quinn-udp` knows for each how to ask.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use p2pchat_wire::address::canonical;
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::proto::Transmit;

/// Room for a burst while the process is elsewhere. The system gives what it allows.
const BUFFER: usize = 4 << 20;

/// The largest UDP payload there is, rounded up.
const MAX_UDP: usize = 65_535;

/// No train that the system takes is longer: it is one datagram until the last moment, headers included.
const MAX_TRAIN: usize = 65_000;

/// A socket, bound.
#[derive(Debug)]
pub(super) struct Udp {
    io: UdpSocket,
    state: UdpSocketState,
}

/// Room for what arrives at once. The system gives memory only to what was written to.
#[derive(Debug)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
}

/// Datagrams from one source, one after the other, each of `size` bytes but the last, which may be shorter.
#[derive(Debug)]
pub(super) struct Train<'a> {
    pub(super) from: SocketAddr,
    pub(super) bytes: &'a mut [u8],
    pub(super) size: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { bytes: vec![0; BATCH_SIZE * MAX_UDP], metas: [RecvMeta::default(); BATCH_SIZE] }
    }
}

impl Udp {
    /// Opens a socket whose datagrams are cut in pieces on the way if they must be.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = Self::open_whole(address)?;
        allow_pieces(&socket.io, address)?;
        Ok(socket)
    }

    /// Opens a socket whose datagrams nobody on the way cuts in pieces: what is too long is lost.
    pub(super) fn open_whole(address: SocketAddr) -> io::Result<Self> {
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
        let io = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new((&io).into())?;
        Ok(Self { io, state })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// Whether there may be something to receive. An error counts: receiving tells it.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.io.poll_recv_ready(context).map(drop)
    }

    pub(super) async fn writable(&self) -> io::Result<()> {
        self.io.writable().await
    }

    /// Sends what fits of a train from its byte `sent` on, and counts it there.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the system takes no more at the moment; others are about a piece of the train,
    /// which is counted as if it had left. That a datagram is too long to leave whole is no error: it is lost
    /// like one that is too long for a later link.
    pub(super) fn send(&self, transmit: &Transmit, sent: &mut usize) -> io::Result<()> {
        if let Some(ttl) = transmit.ttl {
            *sent = transmit.payload.len();
            let send = || SockRef::from(&self.io).send_to(&transmit.payload, &transmit.to.into());
            return self.io.try_io(Interest::WRITABLE, || self.with_ttl(transmit.to, ttl, send));
        }
        if transmit.whole {
            *sent = transmit.payload.len();
            let send = || SockRef::from(&self.io).send_to(&transmit.payload, &transmit.to.into());
            let send = || whole(&self.io, transmit.to, send);
            return match self.io.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    *sent = 0;
                    Err(error)
                }
                _ => Ok(()),
            };
        }
        let size = transmit.segment_size.unwrap_or(transmit.payload.len()).max(1);
        while let Some(rest) = transmit.payload.get(*sent..).filter(|rest| !rest.is_empty()) {
            let joined = self.state.max_gso_segments().min(MAX_TRAIN / size).max(1);
            let piece = &rest[..rest.len().min(joined * size)];
            let datagrams = quinn_udp::Transmit {
                destination: transmit.to,
                ecn: None,
                contents: piece,
                segment_size: (piece.len() > size).then_some(size),
                src_ip: None,
            };
            let result = self
                .io
                .try_io(Interest::WRITABLE, || self.state.try_send((&self.io).into(), &datagrams));
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                // The system has just said that it cannot do that: one by one it can.
                Err(_) if joined > self.state.max_gso_segments() => {}
                result => {
                    *sent += piece.len();
                    result?;
                }
            }
        }
        Ok(())
    }

    /// Receives one batch and hands over each train of it. Whether there may be more.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has arrived. Others are about some earlier datagram (an ICMP message,
    /// on some systems): that datagram is lost, the socket is well.
    pub(super) fn receive(
        &self,
        batch: &mut Batch,
        mut take: impl FnMut(Train<'_>),
    ) -> io::Result<bool> {
        let Batch { bytes, metas } = batch;
        let mut count = 0;
        let full = self.io.try_io(Interest::READABLE, || {
            let mut rooms = bytes.chunks_mut(MAX_UDP);
            let mut slices: [_; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(rooms.next().unwrap_or_default()));
            count = self.state.recv((&self.io).into(), &mut slices, metas)?;
            // A batch with room left is all there was: the next attempt would only say so. If
            // something has come meanwhile, the system tells again.
            if count < BATCH_SIZE { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        let more = full.is_ok();
        if count == 0 {
            full?;
        }
        for (meta, room) in metas.iter().zip(bytes.chunks_mut(MAX_UDP)).take(count) {
            let bytes = &mut room[..meta.len];
            take(Train { from: canonical(meta.addr), bytes, size: meta.stride.max(1) });
        }
        Ok(more)
    }

    /// Sends with another time to live, then restores the socket's own. Nobody else uses the socket in
    /// between: only the driver sends.
    fn with_ttl<T>(
        &self,
        to: SocketAddr,
        ttl: u8,
        send: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<()> {
        let socket = SockRef::from(&self.io);
        let result = if to.is_ipv4() {
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
        };
        result.map(drop)
    }

    #[cfg(test)]
    pub(super) fn ttl(&self) -> Option<u32> {
        SockRef::from(&self.io).ttl_v4().ok()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
use self::pieces::{allow_pieces, whole};

/// Who may cut datagrams in pieces, where the system cuts them itself.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod pieces {
    use std::io;
    use std::net::SocketAddr;

    use rustix::net::sockopt::{
        Ipv4PathMtuDiscovery as V4, Ipv6PathMtuDiscovery as V6, set_ip_mtu_discover,
        set_ipv6_mtu_discover,
    };
    use tokio::net::UdpSocket;

    /// Takes back what `quinn-udp` asks for: who sits behind a link so narrow that our datagrams do not fit
    /// shall be able to chat. Linux cuts them in pieces once it has been told of the link.
    pub(super) fn allow_pieces(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
        discover(socket, address, (V4::WANT, V6::WANT))
    }

    /// Sends what shall leave whole or not at all, whatever the system thinks that the path takes (RFC 8899
    /// §4.1), then allows pieces again. Nobody else uses the socket in between: only the driver sends.
    pub(super) fn whole<T>(
        socket: &UdpSocket,
        to: SocketAddr,
        send: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        discover(socket, to, (V4::PROBE, V6::PROBE))?;
        let result = send();
        allow_pieces(socket, to)?;
        result
    }

    fn discover(socket: &UdpSocket, address: SocketAddr, (v4, v6): (V4, V6)) -> io::Result<()> {
        match address {
            SocketAddr::V4(_) => set_ip_mtu_discover(socket, v4)?,
            SocketAddr::V6(_) => set_ipv6_mtu_discover(socket, v6)?,
        }
        Ok(())
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn allow_pieces(_: &UdpSocket, _: SocketAddr) -> io::Result<()> {
    Ok(())
}

/// `quinn-udp` has seen to it that no datagram of the socket is cut in pieces, as far as the system knows how.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn whole<T>(_: &UdpSocket, _: SocketAddr, send: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    send()
}
