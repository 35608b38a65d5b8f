//! One carrier: a task that turns a connection into datagrams and back.
//!
//! Every wait has an end ([`Patience`]). A stranger has ten seconds for TLS, preface and first
//! datagram; later a whole datagram must come in time, so that a byte now and then keeps no
//! connection open; and whoever does not read what we write is cut off.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_wire::carrier::{Batch, Decoder, TLS_HANDSHAKE};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::carriers::Happening;
use crate::server::CarrierId;

/// How long a connection is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Until its first datagram has come.
    greeting: Duration,
    /// From one datagram of the peer to the next: as long as a registration lives.
    idle: Duration,
    /// For the peer to read what is written.
    stuck: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            greeting: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stuck: Duration::from_secs(30),
        }
    }
}

/// What is read at once.
const READ: usize = 4096;

/// A connection that was admitted, and its two ends in the loop.
pub(super) struct Connection {
    pub(super) id: CarrierId,
    pub(super) from: SocketAddr,
    pub(super) patience: Patience,
    /// What the server sends. Closed when the server stops: what is in it is still written.
    pub(super) queue: mpsc::Receiver<Vec<u8>>,
    /// What the peer sends. All connections share it and it serves them in the order of their
    /// asking, each with one datagram: who sends much waits, and TCP tells him.
    pub(super) arrivals: mpsc::Sender<Happening>,
}

impl Connection {
    /// Carries until either side has enough.
    pub(super) async fn run(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let (id, arrivals) = (self.id, self.arrivals.clone());
        if let Err(error) = self.greet(stream, tls).await {
            tracing::debug!(%error, "a carrier ends");
        }
        // The loop is gone when the server is.
        let _ = arrivals.send(Happening::Ended(id)).await;
    }

    async fn greet(self, stream: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<()> {
        let deadline = Instant::now() + self.patience.greeting;
        let mut first = [0];
        if timeout_at(deadline, stream.peek(&mut first)).await?? == 0 {
            return Ok(());
        }
        match tls.filter(|_| first == [TLS_HANDSHAKE]) {
            Some(tls) => {
                let stream = timeout_at(deadline, tls.accept(stream)).await??;
                self.carry(stream, deadline).await
            }
            None => self.carry(stream, deadline).await,
        }
    }

    async fn carry(
        mut self,
        stream: impl AsyncRead + AsyncWrite,
        deadline: Instant,
    ) -> io::Result<()> {
        let (reader, writer) = tokio::io::split(stream);
        let (_, never) = mpsc::channel(1);
        let queue = std::mem::replace(&mut self.queue, never);
        let stuck = self.patience.stuck;
        tokio::select! {
            end = self.read(reader, deadline) => end,
            end = write(writer, queue, stuck) => end,
        }
    }

    async fn read(
        &self,
        mut reader: ReadHalf<impl AsyncRead>,
        mut deadline: Instant,
    ) -> io::Result<()> {
        let mut decoder = Decoder::default();
        let mut buffer = vec![0; READ];
        loop {
            let length = timeout_at(deadline, reader.read(&mut buffer)).await??;
            if length == 0 {
                return Ok(());
            }
            let mut bytes = &buffer[..length];
            while let Some(datagram) = decoder.next(&mut bytes).map_err(io::Error::other)? {
                let (id, from, datagram) = (self.id, self.from, datagram.to_vec());
                let arrived = Happening::Arrived { id, from, datagram };
                self.arrivals.send(arrived).await.map_err(io::Error::other)?;
                deadline = Instant::now() + self.patience.idle;
            }
        }
    }
}

async fn write(
    mut writer: WriteHalf<impl AsyncWrite>,
    mut queue: mpsc::Receiver<Vec<u8>>,
    stuck: Duration,
) -> io::Result<()> {
    let mut batch = Batch::default();
    while let Some(datagram) = queue.recv().await {
        batch.push(&datagram);
        while !batch.is_full()
            && let Ok(datagram) = queue.try_recv()
        {
            batch.push(&datagram);
        }
        timeout(stuck, async {
            writer.write_all(batch.bytes()).await?;
            writer.flush().await
        })
        .await??;
        batch.clear();
    }
    writer.shutdown().await
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use p2pchat_wire::carrier::{self, PREFACE};
    use tokio::io::DuplexStream;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc::error::TryRecvError;
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A connection, the server's end of its queue, and what it tells the loop.
    fn connection() -> (Connection, mpsc::Sender<Vec<u8>>, mpsc::Receiver<Happening>) {
        let (sender, queue) = mpsc::channel(4);
        let (arrivals, happenings) = mpsc::channel(4);
        let (id, patience) = (CarrierId(1), Patience::default());
        let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        (Connection { id, from, patience, queue, arrivals }, sender, happenings)
    }

    /// A connection at work over a pipe, so that no time passes but what a test waits, and the
    /// peer's end of it. When it ends, there is nothing more to hear of it.
    fn connected() -> (DuplexStream, mpsc::Sender<Vec<u8>>, mpsc::Receiver<Happening>) {
        let (peer, stream) = tokio::io::duplex(4096);
        let (connection, sender, happenings) = connection();
        let deadline = Instant::now() + connection.patience.greeting;
        #[expect(clippy::disallowed_methods, reason = "as the server does")]
        tokio::spawn(connection.carry(stream, deadline));
        (peer, sender, happenings)
    }

    fn whole() -> Vec<u8> {
        let mut stream = Vec::new();
        carrier::append(b"whole", &mut stream);
        stream
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_who_says_nothing_is_not_waited_for() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bound");
        let address = listener.local_addr().expect("address");
        let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (_peer, (stream, _)) = (peer.expect("connected"), accepted.expect("accepted"));
        let (connection, _queue, mut happenings) = connection();
        let (began, patience) = (Instant::now(), connection.patience);
        connection.run(stream, None).await;
        assert!(matches!(happenings.recv().await, Some(Happening::Ended(CarrierId(1)))));
        assert!(began.elapsed() < patience.greeting + SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_keeps_no_connection_open() {
        let (mut peer, _queue, mut happenings) = connected();
        peer.write_all(&[&PREFACE[..], &whole()].concat()).await.expect("written");
        let first = happenings.recv().await;
        assert!(matches!(first, Some(Happening::Arrived { datagram, .. }) if datagram == b"whole"));
        let began = Instant::now();
        let drip = async {
            peer.write_all(&[0, 200]).await.expect("written");
            for _ in 0..150 {
                // It may have been closed already.
                let _ = peer.write_all(b"x").await;
                sleep(SECOND).await;
            }
            panic!("nobody has closed it");
        };
        tokio::select! {
            () = drip => {}
            ended = happenings.recv() => assert!(ended.is_none()),
        }
        assert!(began.elapsed() < Patience::default().idle + SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn who_speaks_another_protocol_or_names_an_impossible_length_is_cut_off_at_once() {
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"p2pchat\x01\xff\xff", b"\x16\x03\x01"] {
            let (mut peer, _queue, mut happenings) = connected();
            let began = Instant::now();
            peer.write_all(bytes).await.expect("written");
            assert!(happenings.recv().await.is_none(), "{bytes:?}");
            assert_eq!(began.elapsed(), Duration::ZERO, "{bytes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_fills_his_own_queue_and_is_cut_off() {
        let (mut peer, queue, mut happenings) = connected();
        let began = Instant::now();
        peer.write_all(&PREFACE).await.expect("written");
        let mut lost = 0;
        loop {
            lost += u32::from(queue.try_send(vec![7; 1200]).is_err());
            // He keeps talking, so only his deafness can end it.
            let _ = peer.write_all(&whole()).await;
            match happenings.try_recv() {
                Err(TryRecvError::Disconnected) => break,
                _ => sleep(SECOND).await,
            }
        }
        assert!(lost > 0);
        assert!(began.elapsed() < Patience::default().stuck + 10 * SECOND, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_queued_when_the_server_stops_is_still_written() {
        let (mut peer, queue, _happenings) = connected();
        peer.write_all(&PREFACE).await.expect("written");
        queue.send(b"farewell".to_vec()).await.expect("queued");
        drop(queue);
        let mut stream = Vec::new();
        peer.read_to_end(&mut stream).await.expect("read");
        let mut expected = PREFACE.to_vec();
        carrier::append(b"farewell", &mut expected);
        assert_eq!(stream, expected);
    }
}
