//! Ours: two endpoints on real sockets that have heard of each other, as contacts in one local network
//! do. No server takes part.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use p2pchat::net::{Network, Options, Sockets, has_aes, start};
use p2pchat::proto::{
    Command, Config, Disclosure, Endpoint, Event, Incoming, Outgoing, PeerName, ServerId,
    StreamCommand, StreamEvent,
};
use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::neighbour::Announcement;

use crate::peer::{CHUNK, Exchange, LINE, Line, Listener, Peer, Talk, here};

/// Bytes that a reader has asked for and not got, at most.
const AHEAD: usize = 8 << 20;

const POURED: Outgoing = Outgoing(1);

/// What one side says of itself, and where it is.
type Told = (Announcement, SocketAddr);

#[derive(Clone, Copy)]
pub struct Ours;

/// One of the two.
pub struct Side {
    network: Network,
    address: SocketAddr,
    other: PeerId,
    announcement: Option<Announcement>,
    connected: bool,
    lines: VecDeque<Line>,
    /// Bytes that may be poured.
    writable: usize,
    poured: VecDeque<usize>,
    from: Option<Incoming>,
}

fn name(side: u8) -> Name {
    Name::new(["client", "server"][usize::from(side)]).expect("a name")
}

fn identity(side: u8) -> Identity {
    Identity::from_seed([side + 1; 32])
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl Side {
    /// Opens a socket and announces itself.
    async fn new(side: u8) -> io::Result<Self> {
        let sockets = Sockets::bind(Some((here(), 0).into()))?;
        let address = sockets.local_addresses().first().copied().ok_or_else(gone)?;
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let started_at_ms = started.map_or(0, |since| since.as_millis() as u64);
        let config = Config { started_at_ms, aes: has_aes(), ..Config::default() };
        let mut seed = [side; 32];
        seed[..8].copy_from_slice(&started_at_ms.to_be_bytes());
        let endpoint = Endpoint::new(config, identity(side), seed, Instant::now());
        let other = identity(1 - side).id();
        let mut side_ = Self {
            network: start(endpoint, sockets, Options::default()),
            address,
            other,
            announcement: None,
            connected: false,
            lines: VecDeque::new(),
            writable: 0,
            poured: VecDeque::new(),
            from: None,
        };
        let named = PeerName { name: name(1 - side), server: ServerId::LOCAL };
        side_.command(Command::Register(name(side))).await?;
        side_.command(Command::Pin { name: named, key: other }).await?;
        side_.command(Command::MeetNeighbours(Disclosure::Contacts)).await?;
        while side_.announcement.is_none() {
            side_.next().await?;
        }
        Ok(side_)
    }

    async fn command(&mut self, command: Command) -> io::Result<()> {
        self.network.commands.send(command).await.map_err(|_| gone())
    }

    async fn stream(&mut self, command: StreamCommand) -> io::Result<()> {
        self.command(Command::Stream(self.other, command)).await
    }

    /// Has heard what the other announces.
    async fn hear_of(&mut self, (announcement, endpoint): Told) -> io::Result<()> {
        // What it would offer leads past the link that is emulated, and it would find that out.
        self.command(Command::SetHostCandidates(Vec::new())).await?;
        self.command(Command::Neighbour { announcement, endpoints: vec![endpoint] }).await?;
        // The loop takes them before anything else happens.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// What this one announces.
    fn tells(&mut self) -> io::Result<Told> {
        Ok((self.announcement.take().ok_or_else(gone)?, self.address))
    }

    async fn next(&mut self) -> io::Result<()> {
        match self.network.events.recv().await.ok_or_else(gone)? {
            Event::Announce(announcement) => self.announcement = announcement,
            Event::Connected { .. } => self.connected = true,
            Event::Disconnected { .. } => return Err(gone()),
            Event::Message { message, .. } => {
                self.lines.extend(message.first_chunk::<LINE>());
            }
            Event::Stream(_, StreamEvent::Writable { more, .. }) => self.writable += more,
            Event::Stream(_, StreamEvent::Opened(stream)) => {
                self.from = Some(stream);
                self.stream(StreamCommand::Read { stream, more: AHEAD }).await?;
            }
            Event::Stream(_, StreamEvent::Data { data, .. }) => self.poured.push_back(data.len()),
            _ => {}
        }
        Ok(())
    }
}

impl Peer for Ours {
    type Listener = Side;
    type Client = Side;
    type Talk = Side;

    fn name(&self) -> &'static str {
        "ours"
    }

    async fn listen(&self) -> io::Result<Side> {
        Side::new(1).await
    }

    async fn prepare(&self, exchange: Exchange) -> io::Result<Side> {
        let mut side = Side::new(0).await?;
        exchange.tell.send(side.tells()?).map_err(|_| gone())?;
        let told = exchange.hear.recv().map_err(|_| gone())?;
        side.hear_of(told).await?;
        Ok(side)
    }

    async fn connect(&self, mut side: Side, _: SocketAddr) -> io::Result<Side> {
        let server = PeerName { name: name(1), server: ServerId::LOCAL };
        side.command(Command::Connect(server)).await?;
        while !side.connected {
            side.next().await?;
        }
        Ok(side)
    }
}

impl Listener for Side {
    type Talk = Self;

    fn address(&self) -> SocketAddr {
        self.address
    }

    async fn accept(mut self, exchange: Exchange) -> io::Result<Self> {
        // In this order: it is there when the other begins.
        let told = exchange.hear.recv().map_err(|_| gone())?;
        self.hear_of(told).await?;
        exchange.tell.send(self.tells()?).map_err(|_| gone())?;
        while !self.connected {
            self.next().await?;
        }
        Ok(self)
    }
}

impl Talk for Side {
    async fn say(&mut self, line: Line) -> io::Result<()> {
        let (peer, message) = (self.other, line.to_vec());
        self.command(Command::Send { peer, tag: 0, message }).await
    }

    async fn hear(&mut self) -> io::Result<Line> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(line);
            }
            self.next().await?;
        }
    }

    async fn pour(&mut self) -> io::Result<()> {
        self.stream(StreamCommand::Open { stream: POURED, priority: 1 }).await?;
        loop {
            while self.writable > 0 {
                let data = vec![7; self.writable.min(CHUNK)];
                self.writable -= data.len();
                self.stream(StreamCommand::Write { stream: POURED, data }).await?;
            }
            self.next().await?;
        }
    }

    async fn drink(&mut self, mut each: impl FnMut(usize) + Send) -> io::Result<()> {
        loop {
            while let Some(more) = self.poured.pop_front() {
                each(more);
                if let Some(stream) = self.from {
                    self.stream(StreamCommand::Read { stream, more }).await?;
                }
            }
            self.next().await?;
        }
    }
}
