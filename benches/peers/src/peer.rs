//! What a transport must be able to do.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{LazyLock, mpsc};

use p2pchat_wire::neighbour::Announcement;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a line is.
pub const LINE: usize = 64;

pub type Line = [u8; LINE];

/// Bytes that are written at once.
pub const CHUNK: usize = 64 << 10;

/// How far a sender may be ahead of its reader, where a transport lets that be told: more than the product
/// of any link here.
pub const WINDOW: u32 = 16 << 20;

/// An address of this machine that others could reach: who has no rendezvous on loopback sends nothing there.
/// What goes to it stays on the machine all the same. Nothing is sent to find it.
pub fn here() -> Ipv4Addr {
    static HERE: LazyLock<Ipv4Addr> = LazyLock::new(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
        let routed = socket.and_then(|socket| {
            socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9))?;
            socket.local_addr()
        });
        match routed.map(|address| address.ip()) {
            Ok(IpAddr::V4(address)) => address,
            _ => Ipv4Addr::LOCALHOST,
        }
    });
    *HERE
}

/// How a client and a server of ours learn of each other: what one announces, and where it is. Other
/// transports have no use for it.
pub struct Exchange {
    pub tell: mpsc::Sender<(Announcement, SocketAddr)>,
    pub hear: mpsc::Receiver<(Announcement, SocketAddr)>,
}

/// A transport. What it does is done in tasks of a runtime, as in programs.
pub trait Peer: Copy + Send + Sync + 'static {
    type Listener: Listener;
    /// A client that has gone nowhere yet.
    type Client: Send;
    type Talk: Talk;

    fn name(&self) -> &'static str;

    /// Waits for one client.
    fn listen(&self) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Whatever a client does once in its life, before it is asked to connect.
    fn prepare(&self, exchange: Exchange) -> impl Future<Output = io::Result<Self::Client>> + Send;

    /// Goes to a server. It may return before it knows whether the server is there.
    fn connect(
        &self,
        client: Self::Client,
        to: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::Talk>> + Send;
}

/// A server that waits.
pub trait Listener: Send {
    type Talk: Talk;

    fn address(&self) -> SocketAddr;

    fn accept(self, exchange: Exchange) -> impl Future<Output = io::Result<Self::Talk>> + Send;
}

/// One side of a connection.
pub trait Talk: Send {
    fn say(&mut self, line: Line) -> impl Future<Output = io::Result<()>> + Send;

    /// The next line. Nothing is lost if it is given up before it is there.
    fn hear(&mut self) -> impl Future<Output = io::Result<Line>> + Send;

    /// Writes bytes without end.
    fn pour(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Reads bytes until there are no more, and tells how many come.
    fn drink(
        &mut self,
        each: impl FnMut(usize) + Send,
    ) -> impl Future<Output = io::Result<()>> + Send;
}

/// A connection that is a stream of bytes.
pub struct Stream<T, K = ()> {
    stream: T,
    read: Vec<u8>,
    _kept: K,
}

impl<T> Stream<T> {
    pub fn new(stream: T) -> Self {
        Self::keeping(stream, ())
    }
}

impl<T, K> Stream<T, K> {
    /// With something that must live as long.
    pub fn keeping(stream: T, kept: K) -> Self {
        Self { stream, read: Vec::new(), _kept: kept }
    }
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin, K: Send> Talk for Stream<T, K> {
    async fn say(&mut self, line: Line) -> io::Result<()> {
        self.stream.write_all(&line).await?;
        self.stream.flush().await
    }

    async fn hear(&mut self) -> io::Result<Line> {
        loop {
            if let Some(line) = self.read.first_chunk::<LINE>() {
                let line = *line;
                self.read.drain(..LINE);
                return Ok(line);
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.read.extend_from_slice(&buffer[..length]),
            }
        }
    }

    async fn pour(&mut self) -> io::Result<()> {
        let chunk = vec![7; CHUNK];
        loop {
            self.stream.write_all(&chunk).await?;
        }
    }

    async fn drink(&mut self, mut each: impl FnMut(usize) + Send) -> io::Result<()> {
        let mut buffer = vec![0; 4 * CHUNK];
        each(self.read.len());
        loop {
            match self.stream.read(&mut buffer).await? {
                0 => return Ok(()),
                length => each(length),
            }
        }
    }
}
