//! A socket whose datagrams nobody on the way cuts in pieces: what is too long is lost.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::Poll;

use super::socket::Arrival;
use super::udp::{Batch, Train, Udp};
use crate::proto::{SocketId, Transmit};

/// One socket for each address family, opened when the first datagram is sent.
#[derive(Debug)]
pub(super) struct WholeSocket {
    v4: Option<Udp>,
    v6: Option<Udp>,
    local: SocketId,
    arrived: VecDeque<Arrival>,
    batch: Batch,
}

impl WholeSocket {
    pub(super) fn new() -> Self {
        let (v4, v6) = (None, None);
        let arrived = VecDeque::new();
        Self { v4, v6, local: SocketId::FIRST, arrived, batch: Batch::default() }
    }

    /// Sends a datagram whole.
    ///
    /// # Errors
    ///
    /// The system's: above all, that the datagram is longer than the first link takes.
    pub(super) async fn send(&mut self, transmit: &Transmit) -> io::Result<()> {
        self.local = transmit.from;
        let (socket, any) = match transmit.to {
            SocketAddr::V4(_) => (&mut self.v4, (Ipv4Addr::UNSPECIFIED, 0).into()),
            SocketAddr::V6(_) => (&mut self.v6, (Ipv6Addr::UNSPECIFIED, 0).into()),
        };
        let socket = match socket {
            Some(socket) => socket,
            none => none.insert(Udp::open_whole(any)?),
        };
        socket.writable().await?;
        socket.send(transmit, &mut 0)
    }

    /// Waits for the next datagram; for ever, while nothing was sent.
    pub(super) async fn receive(&mut self) -> Arrival {
        loop {
            if let Some(arrival) = self.arrived.pop_front() {
                return arrival;
            }
            let sockets = || self.v4.iter().chain(&self.v6);
            poll_fn(|context| {
                // Both are asked, so that both wake us.
                let ready = sockets().filter(|socket| socket.poll_readable(context).is_ready());
                if ready.count() > 0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            let (local, arrived) = (self.local, &mut self.arrived);
            for socket in self.v4.iter().chain(&self.v6) {
                // An error is an ICMP message about an earlier datagram, which is lost.
                let _ = socket.receive(&mut self.batch, |Train { from, bytes, size }| {
                    let datagrams = bytes.chunks(size);
                    arrived.extend(datagrams.map(|bytes| Arrival {
                        local,
                        from,
                        bytes: bytes.to_vec(),
                    }));
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Sockets;

    #[tokio::test]
    async fn a_long_datagram_arrives_whole_and_its_answer_comes_back() {
        let loopback = "127.0.0.1:0".parse().ok();
        let mut other = Sockets::bind(loopback).expect("a socket on loopback");
        let to = other.local_addresses()[0];
        let from = SocketId(7);
        let mut whole = WholeSocket::new();
        let send = |from, to, payload| {
            let (ttl, whole, segment_size) = (None, false, None);
            Transmit { from, to, ttl, whole, segment_size, payload }
        };
        whole.send(&send(from, to, vec![1; 1472])).await.expect("sent");
        let mut seen = None;
        while seen.is_none() {
            other.readable().await;
            other.receive(|received| seen = Some((received.from, received.bytes.len())));
        }
        let (seen, length) = seen.expect("arrived");
        assert_eq!(length, 1472);
        for payload in [b"one".to_vec(), b"two".to_vec()] {
            other.send(&send(SocketId::FIRST, seen, payload)).await.expect("sent");
        }
        for expected in [b"one", b"two"] {
            let arrival = whole.receive().await;
            assert_eq!((arrival.local, arrival.from), (from, to));
            assert_eq!(arrival.bytes, expected);
        }
    }
}
