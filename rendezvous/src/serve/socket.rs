//! UDP sockets: batches in, datagrams and trains out, and never an error that stops the server.
#![expect(clippy::disallowed_types, reason = "these are the sockets of the server")]

use std::future::poll_fn;
#[cfg(target_os = "linux")]
use std::io::IoSlice;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

#[cfg(target_os = "linux")]
use super::gather;
use crate::server::{Buffer, Local, MAX_JOINED, Train};

/// Room for bursts, as far as the system allows.
const BUFFER: usize = 4 << 20;

/// Buffers that are offered at least. Some systems take one at a time.
const FEW: usize = if BATCH_SIZE < 4 { BATCH_SIZE } else { 4 };

/// A socket, bound.
#[derive(Debug)]
pub(super) struct ServerSocket {
    io: UdpSocket,
    state: UdpSocketState,
    bound: SocketAddr,
}

/// What arrives at once, and room for it.
pub(super) struct Batch {
    buffers: Box<[Buffer; BATCH_SIZE]>,
    metas: Box<[RecvMeta; BATCH_SIZE]>,
    count: usize,
    /// How many buffers are offered to the system, which has work with each: some more than it had use for last.
    offered: usize,
    /// The address of the socket that it came by.
    bound: SocketAddr,
}

impl Default for Batch {
    fn default() -> Self {
        let buffers = Box::new(std::array::from_fn(|_| Buffer::default()));
        let metas = Box::new([RecvMeta::default(); BATCH_SIZE]);
        let bound = (Ipv4Addr::UNSPECIFIED, 0).into();
        Self { buffers, metas, count: 0, offered: FEW, bound }
    }
}

impl Batch {
    /// What has arrived, in buffers that may be exchanged.
    pub(super) fn arrivals(&mut self) -> impl Iterator<Item = (Arrival, &mut Buffer)> {
        let bound = self.bound;
        self.metas.iter().zip(&mut *self.buffers).take(self.count).map(move |(meta, buffer)| {
            let local = SocketAddr::new(meta.dst_ip.unwrap_or_else(|| bound.ip()), bound.port());
            // The system may have joined datagrams of one sender; `stride` cuts them apart.
            (Arrival { local, from: meta.addr, length: meta.len, stride: meta.stride }, buffer)
        })
    }
}

/// What has arrived in a buffer: datagrams of `stride` bytes each, the last perhaps shorter.
pub(super) struct Arrival {
    /// The address that they were sent to.
    pub(super) local: SocketAddr,
    pub(super) from: SocketAddr,
    pub(super) length: usize,
    pub(super) stride: usize,
}

impl ServerSocket {
    /// Binds to an address that is nobody else's.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::open(address, |_| Ok(()))
    }

    /// Binds one more socket to the address of this one. The system spreads senders over all of them, each
    /// to one (`SO_REUSEPORT`, socket(7)).
    ///
    /// Only now this one allows it: a second server, which would take half of the senders, finds the
    /// address taken.
    #[cfg(target_os = "linux")]
    pub(super) fn bind_beside(&self) -> io::Result<Self> {
        SockRef::from(&self.io).set_reuse_port(true)?;
        Self::open(self.bound, |socket| socket.set_reuse_port(true))
    }

    /// Other systems have no such thing, or give all to one of them.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn bind_beside(&self) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn open(
        address: SocketAddr,
        prepare: impl FnOnce(&Socket) -> io::Result<()>,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // IPv4 has a socket of its own, so that its addresses look like what they are.
            socket.set_only_v6(true)?;
        }
        // Best effort: without the right to more, the default holds a hundred datagrams or so.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        socket.set_nonblocking(true)?;
        prepare(&socket)?;
        socket.bind(&address.into())?;
        let io = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new((&io).into())?;
        let bound = io.local_addr()?;
        Ok(Self { io, state, bound })
    }

    /// The address it is bound to, which may be unspecified.
    pub(super) fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Whether datagrams that are to leave from `address` leave here.
    pub(super) fn serves(&self, address: SocketAddr) -> bool {
        self.bound.port() == address.port()
            && self.bound.is_ipv4() == address.is_ipv4()
            && (self.bound.ip() == address.ip() || self.bound.ip().is_unspecified())
    }

    /// Waits until something may be sent.
    pub(super) async fn writable(&self) {
        let _ = self.io.writable().await;
    }

    /// Receives one batch; says whether there may be more.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has arrived. Others are about some earlier datagram (an ICMP message,
    /// on some systems): that datagram is lost, the socket is well.
    pub(super) fn receive(&self, batch: &mut Batch) -> io::Result<bool> {
        let Batch { buffers, metas, count, offered, bound } = batch;
        (*count, *bound) = (0, self.bound);
        let full = self.io.try_io(Interest::READABLE, || {
            let mut slices: [_; BATCH_SIZE] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
            for (slice, buffer) in slices.iter_mut().zip(&mut **buffers).take(*offered) {
                *slice = IoSliceMut::new(buffer.bytes_mut());
            }
            *count = self.state.recv((&self.io).into(), &mut slices[..*offered], &mut **metas)?;
            // A batch with room left is all there was: the next attempt would only say so. If something has
            // come meanwhile, the system tells again.
            if *count < *offered { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if *count == 0 {
            return full.map(|()| true);
        }
        *offered = (2 * *count).clamp(FEW, BATCH_SIZE);
        Ok(full.is_ok())
    }

    /// Sends a datagram from the address that was asked.
    pub(super) fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.send_joined(from, to, bytes, bytes.len())
    }

    /// Sends a train with one system call.
    pub(super) fn send_train(&self, train: &Train) -> io::Result<()> {
        let Local::Udp(from) = train.from else { return Err(io::ErrorKind::InvalidInput.into()) };
        let (to, size, pieces) = (train.to, train.size, train.pieces());
        let mut rest = pieces.clone();
        if let (Some(bytes), None) = (rest.next(), rest.next()) {
            return self.send_joined(from, to, bytes, size);
        }
        #[cfg(target_os = "linux")]
        match self.send_gathered(from, to, pieces.clone(), size) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {}
            result => return result,
        }
        let joined: Vec<u8> = pieces.flatten().copied().collect();
        self.send_joined(from, to, &joined, size)
    }

    #[cfg(target_os = "linux")]
    fn send_gathered<'a>(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        pieces: impl Iterator<Item = &'a [u8]>,
        size: usize,
    ) -> io::Result<()> {
        let mut slices = [IoSlice::new(&[]); MAX_JOINED];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        let size = u16::try_from(size).map_err(|_| io::ErrorKind::InvalidInput)?;
        let from = self.bound.ip().is_unspecified().then_some(from.ip());
        let send = || gather::send((&self.io).into(), from, to, &slices[..count], size);
        self.io.try_io(Interest::WRITABLE, send)
    }

    fn send_joined(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        size: usize,
    ) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination: to,
            ecn: None,
            contents: bytes,
            segment_size: (size < bytes.len()).then_some(size),
            src_ip: self.bound.ip().is_unspecified().then_some(from.ip()),
        };
        self.io.try_io(Interest::WRITABLE, || self.state.try_send((&self.io).into(), &transmit))
    }

    /// How many datagrams can be joined to one by [`ServerSocket::send_train`].
    pub(super) fn max_joined(&self) -> usize {
        self.state.max_gso_segments().min(MAX_JOINED)
    }
}

/// Waits until something may have arrived at one of the sockets, if that `is_heard`, or the one with the number
/// `blocked` takes something again. One task may wait for a socket so, and no other.
pub(super) async fn ready(sockets: &[Arc<ServerSocket>], is_heard: bool, blocked: Option<usize>) {
    poll_fn(|context| {
        let may_go_on =
            blocked.is_some_and(|at| sockets[at].io.poll_send_ready(context).is_ready());
        // Every socket is asked, so that every one wakes us.
        let arrived = sockets
            .iter()
            .filter(|socket| is_heard && socket.io.poll_recv_ready(context).is_ready())
            .count();
        if arrived > 0 || may_go_on { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
