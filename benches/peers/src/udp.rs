//! Bare datagrams, without any promise: what the machine needs at least.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

use crate::peer::{Exchange, LINE, Line, Listener, Peer, Talk, here};

#[derive(Clone, Copy)]
pub struct Udp;

pub struct Socket {
    socket: UdpSocket,
    /// What the first datagram had in it.
    first: Option<Line>,
}

async fn bind() -> io::Result<UdpSocket> {
    UdpSocket::bind((here(), 0)).await
}

impl Peer for Udp {
    type Listener = UdpSocket;
    type Client = UdpSocket;
    type Talk = Socket;

    fn name(&self) -> &'static str {
        "raw UDP"
    }

    async fn listen(&self) -> io::Result<UdpSocket> {
        bind().await
    }

    async fn prepare(&self, _: Exchange) -> io::Result<UdpSocket> {
        bind().await
    }

    async fn connect(&self, socket: UdpSocket, to: SocketAddr) -> io::Result<Socket> {
        socket.connect(to).await?;
        Ok(Socket { socket, first: None })
    }
}

impl Listener for UdpSocket {
    type Talk = Socket;

    fn address(&self) -> SocketAddr {
        self.local_addr().expect("it is bound")
    }

    async fn accept(self, _: Exchange) -> io::Result<Socket> {
        let mut line = [0; LINE];
        let (_, from) = self.recv_from(&mut line).await?;
        self.connect(from).await?;
        Ok(Socket { socket: self, first: Some(line) })
    }
}

impl Talk for Socket {
    async fn say(&mut self, line: Line) -> io::Result<()> {
        self.socket.send(&line).await.map(drop)
    }

    async fn hear(&mut self) -> io::Result<Line> {
        if let Some(line) = self.first.take() {
            return Ok(line);
        }
        let mut line = [0; LINE];
        self.socket.recv(&mut line).await?;
        Ok(line)
    }

    async fn pour(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn drink(&mut self, _: impl FnMut(usize) + Send) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
