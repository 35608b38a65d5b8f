//! One stream to a rendezvous: a task that dials it, then turns datagrams into bytes and back.
//!
//! It behaves as a socket does. What is sent before there is a connection waits for it; what the
//! network does not take in time is lost; and nobody ever waits for it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use p2pchat_wire::carrier::{Batch, Decoder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::socket::Arrival;
use super::tls;
use crate::proto::SocketId;

/// How long TCP, and then TLS, may take. What takes longer is no line to chat over.
const DIAL: Duration = Duration::from_secs(10);

/// How long the network may take for what was written. A connection whose network is gone takes
/// nothing and says nothing.
const STUCK: Duration = Duration::from_secs(30);

/// How long a stream that is closed may take to write what is left.
const FAREWELL: Duration = Duration::from_millis(300);

/// Datagrams that wait to be written; more are lost. Whoever sends more at once than this has a
/// congestion window that takes loss for an answer.
const QUEUE: usize = 64;

/// What is read at once.
const READ: usize = 16_384;

/// The near end of a stream. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Carrier {
    queue: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl Carrier {
    /// Dials `to`, from the address `near` if a person wants that one, in TLS if `with_tls`. What arrives is handed over as of the socket `id`; when the
    /// stream ends, or has never begun, `lost` is told.
    #[expect(clippy::disallowed_methods, reason = "one task for each stream, ended with it")]
    pub(super) fn dial(
        id: SocketId,
        near: Option<IpAddr>,
        to: SocketAddr,
        with_tls: bool,
        arrived: mpsc::Sender<Arrival>,
        lost: mpsc::Sender<SocketId>,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            if let Err(error) = run(id, near, to, with_tls, waiting, arrived).await {
                tracing::debug!(%to, with_tls, %error, "no stream");
            }
            // Nobody wants to know when everything ends.
            let _ = lost.send(id).await;
        });
        Self { queue, task }
    }

    /// Sends a datagram, or loses it.
    ///
    /// # Errors
    ///
    /// It is lost: too many wait already, or the stream is gone.
    pub(super) fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.queue.try_send(datagram.to_vec()).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => io::ErrorKind::WouldBlock.into(),
            mpsc::error::TrySendError::Closed(_) => io::ErrorKind::BrokenPipe.into(),
        })
    }

    /// Writes what waits, then closes; both within a moment.
    pub(super) async fn finish(mut self) {
        let (gone, _) = mpsc::channel(1);
        // Without a sender the writer comes to its end.
        self.queue = gone;
        let _ = timeout(FAREWELL, &mut self.task).await;
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    id: SocketId,
    near: Option<IpAddr>,
    to: SocketAddr,
    with_tls: bool,
    waiting: mpsc::Receiver<Vec<u8>>,
    arrived: mpsc::Sender<Arrival>,
) -> io::Result<()> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(near) = near {
        socket.bind((near, 0).into())?;
    }
    let stream = timeout(DIAL, socket.connect(to)).await??;
    // A datagram is never worth waiting for another.
    stream.set_nodelay(true)?;
    if with_tls {
        let connector = tls::connector().map_err(io::Error::other)?;
        let stream = timeout(DIAL, connector.connect(tls::name_of(to.ip()), stream)).await??;
        carry(id, to, stream, waiting, arrived).await
    } else {
        carry(id, to, stream, waiting, arrived).await
    }
}

async fn carry(
    local: SocketId,
    from: SocketAddr,
    stream: impl AsyncRead + AsyncWrite,
    waiting: mpsc::Receiver<Vec<u8>>,
    arrived: mpsc::Sender<Arrival>,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        end = read(local, from, reader, arrived) => end,
        end = write(writer, waiting) => end,
    }
}

/// Whoever is slow to take what arrives slows the stream down, and TCP tells the server.
async fn read(
    local: SocketId,
    from: SocketAddr,
    mut reader: ReadHalf<impl AsyncRead>,
    arrived: mpsc::Sender<Arrival>,
) -> io::Result<()> {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; READ];
    loop {
        let length = reader.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let mut bytes = &buffer[..length];
        while let Some(datagram) = decoder.next(&mut bytes).map_err(io::Error::other)? {
            let bytes = datagram.to_vec();
            arrived.send(Arrival { local, from, bytes }).await.map_err(io::Error::other)?;
        }
    }
}

async fn write(
    mut writer: WriteHalf<impl AsyncWrite>,
    mut waiting: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    let mut batch = Batch::default();
    while let Some(datagram) = waiting.recv().await {
        batch.push(&datagram);
        while !batch.is_full()
            && let Ok(datagram) = waiting.try_recv()
        {
            batch.push(&datagram);
        }
        timeout(STUCK, async {
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
    use std::sync::Arc;

    use p2pchat_wire::carrier::{self, PREFACE};
    use rustls::ServerConfig;
    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    struct Dialled {
        carrier: Carrier,
        arrivals: mpsc::Receiver<Arrival>,
        losses: mpsc::Receiver<SocketId>,
    }

    fn dial(to: SocketAddr) -> Dialled {
        dial_with(to, false)
    }

    fn dial_with(to: SocketAddr, tls: bool) -> Dialled {
        let (arrived, arrivals) = mpsc::channel(4);
        let (lost, losses) = mpsc::channel(4);
        Dialled {
            carrier: Carrier::dial(SocketId(3), None, to, tls, arrived, lost),
            arrivals,
            losses,
        }
    }

    /// TLS with a certificate that nobody vouches for.
    fn acceptor() -> TlsAcceptor {
        let made = rcgen::generate_simple_self_signed(["elsewhere".to_owned()]).expect("made");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate");
        TlsAcceptor::from(Arc::new(config))
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bound");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    #[tokio::test]
    async fn what_is_sent_before_there_is_a_connection_waits_for_it() {
        let (listener, address) = listener().await;
        let mut dialled = dial(address);
        dialled.carrier.send(b"early").expect("queued");
        let (mut server, _) = listener.accept().await.expect("accepted");
        let mut expected = PREFACE.to_vec();
        carrier::append(b"early", &mut expected);
        let mut read = vec![0; expected.len()];
        server.read_exact(&mut read).await.expect("read");
        assert_eq!(read, expected);
        let mut answer = PREFACE.to_vec();
        carrier::append(b"answer", &mut answer);
        server.write_all(&answer).await.expect("written");
        let arrival = timeout(LONG, dialled.arrivals.recv()).await.expect("in time").expect("one");
        assert_eq!((arrival.local, arrival.from), (SocketId(3), address));
        assert_eq!(arrival.bytes, b"answer");
    }

    #[tokio::test]
    async fn in_tls_any_certificate_will_do() {
        let (listener, address) = listener().await;
        let dialled = dial_with(address, true);
        dialled.carrier.send(b"wrapped").expect("queued");
        let (stream, _) = listener.accept().await.expect("accepted");
        let mut server = acceptor().accept(stream).await.expect("TLS");
        let mut expected = PREFACE.to_vec();
        carrier::append(b"wrapped", &mut expected);
        let mut read = vec![0; expected.len()];
        server.read_exact(&mut read).await.expect("read");
        assert_eq!(read, expected);
    }

    #[tokio::test]
    async fn a_stream_that_ends_or_never_begins_is_reported() {
        let (listener, address) = listener().await;
        let mut dialled = dial(address);
        drop(listener.accept().await.expect("accepted"));
        assert_eq!(timeout(LONG, dialled.losses.recv()).await, Ok(Some(SocketId(3))));
        assert!(dialled.carrier.send(b"late").is_err());
        drop(listener);
        let mut refused = dial(address);
        assert_eq!(timeout(LONG, refused.losses.recv()).await, Ok(Some(SocketId(3))));
    }

    #[tokio::test]
    async fn a_stream_leaves_from_the_address_that_a_person_wants() {
        let (listener, address) = listener().await;
        let ((arrived, _arrivals), (lost, _losses)) = (mpsc::channel(4), mpsc::channel(4));
        // All of 127/8 is this machine, on Linux at least.
        let near = if cfg!(target_os = "linux") { [127, 0, 0, 7] } else { [127, 0, 0, 1] };
        let _dialled = Carrier::dial(SocketId(3), Some(near.into()), address, false, arrived, lost);
        let (_, from) = listener.accept().await.expect("accepted");
        assert_eq!(from.ip(), IpAddr::from(near));
    }

    #[tokio::test]
    async fn whoever_is_no_rendezvous_is_left() {
        let (listener, address) = listener().await;
        let mut dialled = dial(address);
        let (mut server, _) = listener.accept().await.expect("accepted");
        server.write_all(b"HTTP/1.1 400 Bad Request\r\n").await.expect("written");
        assert_eq!(timeout(LONG, dialled.losses.recv()).await, Ok(Some(SocketId(3))));
    }

    #[tokio::test]
    async fn what_the_network_does_not_take_is_lost_and_nobody_waits() {
        let (listener, address) = listener().await;
        let dialled = dial(address);
        let (_deaf, _) = listener.accept().await.expect("accepted");
        let mut lost = 0;
        for _ in 0..20_000 {
            lost += u32::from(dialled.carrier.send(&[7; 1200]).is_err());
            tokio::task::yield_now().await;
        }
        assert!(lost > 0);
    }

    #[tokio::test]
    async fn what_waits_at_the_end_is_still_written() {
        let (listener, address) = listener().await;
        let dialled = dial(address);
        let (mut server, _) = listener.accept().await.expect("accepted");
        dialled.carrier.send(b"goodbye").expect("queued");
        dialled.carrier.finish().await;
        let mut expected = PREFACE.to_vec();
        carrier::append(b"goodbye", &mut expected);
        let mut read = Vec::new();
        server.read_to_end(&mut read).await.expect("read");
        assert_eq!(read, expected);
    }
}
