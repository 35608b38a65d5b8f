//! One carrier: a task that turns a connection into datagrams and back.
//!
//! Every wait has an end ([`Patience`]). A stranger has ten seconds for TLS, preface and first
//! datagram; later a whole datagram must come in time, so that a byte now and then keeps no
//! connection open; and whoever does not read what we write is cut off.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_wire::carrier::{self, Decoder, TLS_HANDSHAKE};
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

/// What is written at once, roughly.
const WRITE: usize = 16_384;

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
    let mut batch = carrier::PREFACE.to_vec();
    while let Some(datagram) = queue.recv().await {
        carrier::append(&datagram, &mut batch);
        while batch.len() < WRITE
            && let Ok(datagram) = queue.try_recv()
        {
            carrier::append(&datagram, &mut batch);
        }
        timeout(stuck, async {
            writer.write_all(&batch).await?;
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

    use p2pchat_wire::carrier::PREFACE;
    use tokio::net::TcpListener;

    use super::*;

    /// Long enough for a busy machine, short enough for a test.
    const SOON: Duration = Duration::from_millis(300);

    const PATIENCE: Patience = Patience { greeting: SOON, idle: SOON, stuck: SOON };

    /// A connection at work, and the peer's end of it.
    async fn connected() -> (TcpStream, mpsc::Sender<Vec<u8>>, mpsc::Receiver<Happening>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bound");
        let address = listener.local_addr().expect("address");
        let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, from) = accepted.expect("accepted");
        let (sender, queue) = mpsc::channel(4);
        let (arrivals, happenings) = mpsc::channel(4);
        let (id, patience) = (CarrierId(1), PATIENCE);
        let connection = Connection { id, from, patience, queue, arrivals };
        #[expect(clippy::disallowed_methods, reason = "as the server does")]
        tokio::spawn(connection.run(stream, None));
        (peer.expect("connected"), sender, happenings)
    }

    #[tokio::test]
    async fn a_stranger_who_says_nothing_is_not_waited_for() {
        let (_peer, _queue, mut happenings) = connected().await;
        assert!(matches!(happenings.recv().await, Some(Happening::Ended(CarrierId(1)))));
    }

    #[tokio::test]
    async fn a_byte_now_and_then_keeps_no_connection_open() {
        let (mut peer, _queue, mut happenings) = connected().await;
        let mut stream = PREFACE.to_vec();
        carrier::append(b"whole", &mut stream);
        peer.write_all(&stream).await.expect("written");
        let first = happenings.recv().await;
        assert!(matches!(first, Some(Happening::Arrived { datagram, .. }) if datagram == b"whole"));
        let drip = async {
            peer.write_all(&[0, 200]).await.expect("written");
            for _ in 0..100 {
                // It may have been closed already.
                let _ = peer.write_all(b"x").await;
                tokio::time::sleep(SOON / 10).await;
            }
            panic!("a whole datagram has come");
        };
        tokio::select! {
            () = drip => {}
            ended = happenings.recv() => assert!(matches!(ended, Some(Happening::Ended(_)))),
        }
    }

    #[tokio::test]
    async fn who_speaks_another_protocol_or_names_an_impossible_length_is_cut_off_at_once() {
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"p2pchat\x01\xff\xff", b"\x16\x03\x01"] {
            let (mut peer, _queue, mut happenings) = connected().await;
            peer.write_all(bytes).await.expect("written");
            let ended = timeout(SOON / 2, happenings.recv()).await;
            assert!(matches!(ended, Ok(Some(Happening::Ended(_)))), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn who_does_not_read_fills_his_own_queue_and_is_cut_off() {
        let (mut peer, queue, mut happenings) = connected().await;
        let mut stream = PREFACE.to_vec();
        carrier::append(b"whole", &mut stream);
        let mut lost = 0;
        loop {
            lost += u32::from(queue.try_send(vec![7; 1200]).is_err());
            // It keeps talking, so only its deafness can end it.
            let _ = peer.write_all(&std::mem::take(&mut stream)).await;
            carrier::append(b"whole", &mut stream);
            match happenings.try_recv() {
                Ok(Happening::Ended(_)) => break,
                _ => tokio::task::yield_now().await,
            }
        }
        assert!(lost > 0);
    }

    #[tokio::test]
    async fn what_is_queued_when_the_server_stops_is_still_written() {
        let (mut peer, queue, _happenings) = connected().await;
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
