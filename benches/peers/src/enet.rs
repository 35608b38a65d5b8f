//! ENet's reliable packets, unencrypted. A line is a packet; bulk is packets of [`CHUNK`] bytes.
//!
//! ENet does nothing by itself: a program asks it again and again to read its socket, to send what is due
//! and to tell what happened. Here whoever waits does, when datagrams are there and each millisecond.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use rusty_enet::{
    Event, EventNoRef, Host, HostSettings, MTU_MAX, Packet, PacketReceived, PeerID, SocketOptions,
};
use tokio::net::UdpSocket;
use tokio::task::coop::consume_budget;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::peer::{CHUNK, Exchange, LINE, Line, Listener, Peer, Talk, here};

/// How fine ENet's own clock is.
const TICK: Duration = Duration::from_millis(1);

/// Packets of bulk that are not acknowledged yet, at most.
const QUEUED: usize = 32;

/// The only other host there is.
const OTHER: PeerID = PeerID(0);

const CHANNEL: u8 = 0;

#[derive(Clone, Copy)]
pub struct Enet;

/// One of the two.
pub struct Side {
    host: Host<Datagrams>,
    socket: Arc<UdpSocket>,
    tick: Interval,
}

/// What ENet sends and receives by.
pub struct Datagrams(Arc<UdpSocket>);

impl rusty_enet::Socket for Datagrams {
    type Address = SocketAddr;
    type Error = io::Error;

    fn init(&mut self, options: SocketOptions) -> io::Result<()> {
        sockopt::set_socket_recv_buffer_size(&self.0, options.receive_buffer)?;
        sockopt::set_socket_send_buffer_size(&self.0, options.send_buffer)?;
        Ok(())
    }

    fn send(&mut self, to: SocketAddr, datagram: &[u8]) -> io::Result<usize> {
        match self.0.try_send_to(datagram, to) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            sent => sent,
        }
    }

    fn receive(
        &mut self,
        buffer: &mut [u8; MTU_MAX],
    ) -> io::Result<Option<(SocketAddr, PacketReceived)>> {
        match self.0.try_recv_from(buffer) {
            Ok((length, from)) => Ok(Some((from, PacketReceived::Complete(length)))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Side {
    async fn new() -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind((here(), 0)).await?);
        // Before that is known, nothing would be sent.
        socket.writable().await?;
        let settings = HostSettings { peer_limit: 1, channel_limit: 1, ..HostSettings::default() };
        let host = Host::new(Datagrams(Arc::clone(&socket)), settings);
        let host = host.map_err(|error| io::Error::other(error.to_string()))?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { host, socket, tick })
    }

    /// Lets ENet send and receive. If nothing has happened, all that was there has been read.
    async fn turn(&mut self) -> io::Result<Option<EventNoRef>> {
        // There may always be more to read, and others have to run.
        consume_budget().await;
        match self.host.service()?.map(Event::no_ref) {
            Some(EventNoRef::Disconnect { .. }) => Err(io::ErrorKind::NotConnected.into()),
            event => Ok(event),
        }
    }

    /// Until ENet has something to do.
    async fn wait(&mut self) -> io::Result<()> {
        tokio::select! {
            ready = self.socket.readable() => ready,
            _ = self.tick.tick() => Ok(()),
        }
    }

    async fn next(&mut self) -> io::Result<EventNoRef> {
        loop {
            match self.turn().await? {
                Some(event) => return Ok(event),
                None => self.wait().await?,
            }
        }
    }

    async fn connected(mut self) -> io::Result<Self> {
        while !matches!(self.next().await?, EventNoRef::Connect { .. }) {}
        Ok(self)
    }

    fn send(&mut self, packet: &Packet) -> io::Result<()> {
        self.host.peer_mut(OTHER).send(CHANNEL, packet).map_err(io::Error::other)
    }
}

impl Peer for Enet {
    type Listener = Side;
    type Client = Side;
    type Talk = Side;

    fn name(&self) -> &'static str {
        "ENet"
    }

    async fn listen(&self) -> io::Result<Side> {
        Side::new().await
    }

    async fn prepare(&self, _: Exchange) -> io::Result<Side> {
        Side::new().await
    }

    async fn connect(&self, mut side: Side, to: SocketAddr) -> io::Result<Side> {
        side.host.connect(to, 1, 0).map_err(io::Error::other)?;
        side.connected().await
    }
}

impl Listener for Side {
    type Talk = Self;

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    async fn accept(self, _: Exchange) -> io::Result<Self> {
        self.connected().await
    }
}

impl Talk for Side {
    async fn say(&mut self, line: Line) -> io::Result<()> {
        self.send(&Packet::reliable(&line[..]))?;
        self.host.flush();
        Ok(())
    }

    async fn hear(&mut self) -> io::Result<Line> {
        loop {
            if let EventNoRef::Receive { packet, .. } = self.next().await? {
                let line = packet.data().first_chunk::<LINE>();
                return line.copied().ok_or(io::ErrorKind::InvalidData.into());
            }
        }
    }

    async fn pour(&mut self) -> io::Result<()> {
        // The packets share it, and ENet gives each up when it has been acknowledged.
        let chunk = Arc::<[u8]>::from(vec![7; CHUNK]);
        loop {
            while Arc::strong_count(&chunk) <= QUEUED {
                self.send(&Packet::reliable(Box::new(Arc::clone(&chunk))))?;
            }
            if self.turn().await?.is_none() {
                self.wait().await?;
            }
        }
    }

    async fn drink(&mut self, mut each: impl FnMut(usize) + Send) -> io::Result<()> {
        loop {
            if let EventNoRef::Receive { packet, .. } = self.next().await? {
                each(packet.data().len());
            }
        }
    }
}
