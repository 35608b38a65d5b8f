//! One UDP socket: batches in, datagrams out, and never an error that stops the server.
#![expect(clippy::disallowed_types, reason = "these are the sockets of the server")]

#[cfg(target_os = "linux")]
use std::io::IoSlice;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

#[cfg(target_os = "linux")]
use super::gather;
use crate::server::{Buffer, MAX_JOINED};

/// Room for bursts, as far as the system allows.
const BUFFER: usize = 4 << 20;

/// A socket, bound.
#[derive(Debug)]
pub(super) struct ServerSocket {
    io: UdpSocket,
    state: UdpSocketState,
    bound: SocketAddr,
}

/// Room for what arrives at once.
pub(super) struct Batch {
    buffers: [Buffer; BATCH_SIZE],
    metas: [RecvMeta; BATCH_SIZE],
}

impl Default for Batch {
    fn default() -> Self {
        let buffers = std::array::from_fn(|_| Buffer::default());
        Self { buffers, metas: [RecvMeta::default(); BATCH_SIZE] }
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

    /// Whether something may be sent again, after it could not.
    pub(super) fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.io.poll_send_ready(context).map(drop)
    }

    /// Receives one batch and hands each buffer of it to `take`, which may exchange it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has arrived. Others are about some earlier datagram (an ICMP message,
    /// on some systems): that datagram is lost, the socket is well.
    pub(super) fn receive(
        &self,
        batch: &mut Batch,
        mut take: impl FnMut(Arrival, &mut Buffer),
    ) -> io::Result<()> {
        let Batch { buffers, metas } = batch;
        let count = self.io.try_io(Interest::READABLE, || {
            let mut slices = buffers.each_mut().map(|buffer| IoSliceMut::new(buffer.bytes_mut()));
            self.state.recv((&self.io).into(), &mut slices, metas)
        })?;
        for (meta, buffer) in metas.iter().zip(buffers).take(count) {
            let ip = meta.dst_ip.unwrap_or_else(|| self.bound.ip());
            let local = SocketAddr::new(ip, self.bound.port());
            // The system may have joined datagrams of one sender; `stride` cuts them apart.
            take(Arrival { local, from: meta.addr, length: meta.len, stride: meta.stride }, buffer);
        }
        Ok(())
    }

    /// Sends a datagram from the address that was asked.
    pub(super) fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.send_joined(from, to, bytes, bytes.len())
    }

    /// Sends datagrams of one size, which lie in `pieces`, with one system call.
    pub(super) fn send_train<'a>(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        pieces: impl Iterator<Item = &'a [u8]> + Clone,
        size: usize,
    ) -> io::Result<()> {
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
