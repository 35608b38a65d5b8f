//! One UDP socket: batches in, datagrams out, and never an error that stops the server.
#![expect(clippy::disallowed_types, reason = "these are the sockets of the server")]

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Room for bursts, as far as the system allows.
const BUFFER: usize = 4 << 20;

/// The largest datagram, or batch of datagrams that the system joined to one.
const MAX_READ: usize = 65_536;

/// A socket, bound.
#[derive(Debug)]
pub(super) struct ServerSocket {
    io: UdpSocket,
    state: UdpSocketState,
    bound: SocketAddr,
}

/// Room for what arrives at once. Memory that no datagram has touched costs nothing.
pub(super) struct Buffers {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
}

impl Default for Buffers {
    fn default() -> Self {
        let metas = [RecvMeta::default(); BATCH_SIZE];
        Self { bytes: vec![0; BATCH_SIZE * MAX_READ], metas }
    }
}

impl ServerSocket {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // IPv4 has a socket of its own, so that its addresses look like what they are.
            socket.set_only_v6(true)?;
        }
        // Best effort: without the right to more, the default holds a hundred datagrams or so.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        socket.set_nonblocking(true)?;
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

    /// Whether there may be something to receive.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.io.poll_recv_ready(context).map(drop)
    }

    /// Receives one batch and hands each datagram to `take`, with the address that it was sent to
    /// and the one that it came from.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has arrived. Others are about some earlier datagram (an ICMP message,
    /// on some systems): that datagram is lost, the socket is well.
    pub(super) fn receive(
        &self,
        buffers: &mut Buffers,
        mut take: impl FnMut(SocketAddr, SocketAddr, &[u8]),
    ) -> io::Result<()> {
        let Buffers { bytes, metas } = buffers;
        let count = self.io.try_io(Interest::READABLE, || {
            let mut chunks = bytes.chunks_mut(MAX_READ);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            self.state.recv((&self.io).into(), &mut slices, metas)
        })?;
        for (meta, chunk) in metas.iter().zip(bytes.chunks(MAX_READ)).take(count) {
            let ip = meta.dst_ip.unwrap_or_else(|| self.bound.ip());
            let local = SocketAddr::new(ip, self.bound.port());
            // The system may have joined datagrams of one sender; `stride` cuts them apart.
            for datagram in chunk[..meta.len].chunks(meta.stride.max(1)) {
                take(local, meta.addr, datagram);
            }
        }
        Ok(())
    }

    /// Sends a datagram, or several of `size` bytes each joined to one, from the address that was
    /// asked.
    pub(super) fn send(
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

    /// How many datagrams can be joined to one by [`ServerSocket::send`].
    pub(super) fn max_joined(&self) -> usize {
        self.state.max_gso_segments()
    }
}
