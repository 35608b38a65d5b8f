//! A socket whose datagrams nobody on the way cuts in pieces: what is too long is lost.
//!
//! `quinn-udp` knows for each system how to say so. It also lets the system join datagrams that
//! arrive together, which is why it reads them too.

use std::collections::VecDeque;
use std::future::pending;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use p2pchat_wire::address::canonical;
use quinn_udp::{RecvMeta, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::socket::{MAX_UDP, open};
use crate::proto::{SocketId, Transmit};

/// One socket for each address family, opened when the first datagram is sent.
#[derive(Debug)]
pub(super) struct WholeSocket {
    v4: Option<Whole>,
    v6: Option<Whole>,
    local: SocketId,
    arrived: VecDeque<Arrival>,
    buffer: Vec<u8>,
}

/// A datagram that arrived.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) local: SocketId,
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug)]
struct Whole {
    io: UdpSocket,
    state: UdpSocketState,
}

impl WholeSocket {
    pub(super) fn new() -> Self {
        let (v4, v6) = (None, None);
        let arrived = VecDeque::new();
        Self { v4, v6, local: SocketId::FIRST, arrived, buffer: vec![0; MAX_UDP] }
    }

    /// Sends a datagram whole.
    ///
    /// # Errors
    ///
    /// The system's: above all, that the datagram is longer than the first link takes.
    pub(super) async fn send(&mut self, transmit: &Transmit) -> io::Result<()> {
        self.local = transmit.from;
        let whole = if transmit.to.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        if whole.is_none() {
            *whole = Some(Whole::open(transmit.to)?);
        }
        let Some(whole) = whole else { return Err(io::ErrorKind::NotConnected.into()) };
        let datagram = quinn_udp::Transmit {
            destination: transmit.to,
            ecn: None,
            contents: &transmit.payload,
            segment_size: None,
            src_ip: None,
        };
        let Whole { io, state } = &*whole;
        io.writable().await?;
        io.try_io(Interest::WRITABLE, || state.try_send(io.into(), &datagram))
    }

    /// Waits for the next datagram; for ever, while nothing was sent.
    pub(super) async fn receive(&mut self) -> Arrival {
        loop {
            if let Some(arrival) = self.arrived.pop_front() {
                return arrival;
            }
            let readable = async |whole: &Option<Whole>| match whole {
                Some(whole) => drop(whole.io.readable().await),
                None => pending().await,
            };
            tokio::select! {
                () = readable(&self.v4) => {}
                () = readable(&self.v6) => {}
            }
            for whole in self.v4.iter().chain(&self.v6) {
                self.arrived.extend(whole.take(self.local, &mut self.buffer));
            }
        }
    }
}

impl Whole {
    fn open(to: SocketAddr) -> io::Result<Self> {
        let any = match to {
            SocketAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let io = open(any)?;
        let state = UdpSocketState::new((&io).into())?;
        Ok(Self { io, state })
    }

    /// What has arrived. An error is an ICMP message about an earlier datagram, which is lost.
    fn take(&self, local: SocketId, buffer: &mut [u8]) -> Vec<Arrival> {
        let mut meta = [RecvMeta::default()];
        let received = self.io.try_io(Interest::READABLE, || {
            self.state.recv((&self.io).into(), &mut [IoSliceMut::new(buffer)], &mut meta)
        });
        let [meta] = meta;
        if received.is_err() {
            return Vec::new();
        }
        let from = canonical(meta.addr);
        let datagrams = buffer[..meta.len].chunks(meta.stride.max(1));
        datagrams.map(|bytes| Arrival { local, from, bytes: bytes.to_vec() }).collect()
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
        let transmit = Transmit { from, to, ttl: None, payload: vec![1; 1472] };
        whole.send(&transmit).await.expect("sent");
        other.readable().await;
        let (_, seen, length) = other.receive(&mut [0; 2000]).expect("arrived");
        assert_eq!(length, 1472);
        for payload in [b"one".to_vec(), b"two".to_vec()] {
            let answer = Transmit { from: SocketId::FIRST, to: seen, ttl: None, payload };
            other.send(&answer).await.expect("sent");
        }
        for expected in [b"one", b"two"] {
            let arrival = whole.receive().await;
            assert_eq!((arrival.local, arrival.from), (from, to));
            assert_eq!(arrival.bytes, expected);
        }
    }
}
