//! Peers that come over TCP, bare and in TLS, to a server that runs.
#![expect(clippy::disallowed_types, reason = "it talks to a server over TCP")]
#![expect(clippy::disallowed_methods, reason = "whoever embeds it may spawn it")]

mod client;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use p2pchat_rendezvous::serve::{Certificate, Rendezvous, ServeConfig, TcpConfig, TcpListen};
use p2pchat_rendezvous::server::{Config, Statistics};
use p2pchat_wire::carrier::{self, Decoder, PREFACE};
use p2pchat_wire::datagram::{Datagram, relay};
use p2pchat_wire::identity::{Identity, Name};
use p2pchat_wire::signal::{ClientSignal, Connect, Introduction, Registration, ServerSignal};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::client::Client;

/// Longer than anything here takes, whatever else the machine does.
const LONG: Duration = Duration::from_secs(20);

/// With how many workers everything must be the same. Only Linux has several.
const WORKERS: &[usize] = if cfg!(target_os = "linux") { &[0, 3] } else { &[0, 1] };

/// A server at work.
struct Running {
    udp: SocketAddr,
    tcp: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Statistics>,
}

impl Running {
    fn start(limits: Config, certificate: Option<Certificate>) -> Self {
        Self::start_with(limits, certificate, 0)
    }

    fn start_with(limits: Config, certificate: Option<Certificate>, workers: usize) -> Self {
        let anywhere: SocketAddr = ([127, 0, 0, 1], 0).into();
        let server = Rendezvous::start(ServeConfig {
            listen: vec![anywhere],
            discovery: false,
            tcp: TcpConfig { listen: TcpListen::At(vec![anywhere]), certificate },
            workers,
            identity: Identity::from_seed([1; 32]),
            names: None,
            limits,
        })
        .expect("started");
        let (udp, tcp) = (server.local_addr(), server.tcp_addrs()[0]);
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.run(async { drop(stopped.await) }));
        Self { udp, tcp, stop, ended }
    }

    async fn stop(self) -> Statistics {
        self.stop.send(()).expect("still running");
        timeout(LONG, self.ended).await.expect("in time").expect("ended")
    }
}

/// A peer with a stream to the server.
struct Peer<S> {
    client: Client,
    stream: S,
    decoder: Decoder,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    async fn new(seed: u64, mut stream: S) -> Self {
        stream.write_all(&PREFACE).await.expect("written");
        Self { client: Client::new(seed), stream, decoder: Decoder::default(), read: Vec::new() }
    }

    async fn send(&mut self, datagram: &[u8]) {
        let mut stream = Vec::new();
        assert!(carrier::append(datagram, &mut stream));
        self.stream.write_all(&stream).await.expect("written");
    }

    /// The next datagram; nothing when the server has closed the stream.
    async fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut bytes = &self.read[..];
            let datagram = self.decoder.next(&mut bytes).expect("a carrier").map(<[u8]>::to_vec);
            self.read = bytes.to_vec();
            if datagram.is_some() {
                return datagram;
            }
            let mut buffer = [0; 2048];
            let read = timeout(LONG, self.stream.read(&mut buffer)).await.expect("in time");
            // Who refuses a stream resets it, or closes it, as it comes.
            let length = read.unwrap_or(0);
            if length == 0 {
                return None;
            }
            self.read.extend(&buffer[..length]);
        }
    }

    async fn register(&mut self, name: &str) {
        let name = Name::new(name).expect("name");
        let hello = self.client.hello();
        self.send(&hello).await;
        let challenge = self.receive().await.expect("a challenge");
        let Ok(Datagram::Challenge(challenge)) = Datagram::parse(&challenge) else {
            panic!("{challenge:?}")
        };
        let request = self.client.request(&challenge, Some(&name));
        self.send(&request).await;
        let response = self.receive().await.expect("a response");
        let reply = self.client.finish(&response).expect("a reply");
        if reply.registration == Registration::Pending {
            assert_eq!(self.next().await, ServerSignal::Registered(name));
        }
    }

    async fn say(&mut self, signal: &ClientSignal) {
        let packet = self.client.seal(signal);
        self.send(&packet).await;
    }

    async fn next(&mut self) -> ServerSignal {
        let datagram = self.receive().await.expect("a datagram");
        self.client.open(&datagram).expect("a signal")
    }

    async fn introduction(&mut self) -> Introduction {
        match self.next().await {
            ServerSignal::Introduction(introduction) => introduction,
            other => panic!("{other:?}"),
        }
    }
}

/// Two peers meet, and what one has relayed the other gets.
async fn meet<A, B>(alice: &mut Peer<A>, bob: &mut Peer<B>)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    alice.register("alice").await;
    bob.register("bob").await;
    let name = Name::new("bob").expect("name");
    alice.say(&ClientSignal::Connect(Connect { name, key: None, initiation: None })).await;
    let (hers, his) = (alice.introduction().await, bob.introduction().await);
    assert_eq!((hers.endpoint, his.endpoint), (None, None), "neither can be reached over UDP");
    alice.send(&relay(hers.channel, b"hello")).await;
    assert_eq!(bob.receive().await, Some(relay(his.channel, b"hello")));
    bob.send(&relay(his.channel, &[7; 1200])).await;
    assert_eq!(alice.receive().await, Some(relay(hers.channel, &[7; 1200])), "the longest");
}

async fn bare(server: &Running) -> TcpStream {
    TcpStream::connect(server.tcp).await.expect("connected")
}

/// TLS without asking whose certificate it is: the sealed link inside knows the server by its key.
async fn in_tls(server: &Running) -> tokio_rustls::client::TlsStream<TcpStream> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    let name = ServerName::try_from("chat.example.org").expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, bare(server).await).await.expect("TLS")
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn certificate(folder: &Path) -> Certificate {
    let files = Certificate { chain: folder.join("chain.pem"), key: folder.join("key.pem") };
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    std::fs::write(&files.chain, made.cert.pem()).expect("written");
    std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("written");
    files
}

#[tokio::test]
async fn one_port_takes_streams_bare_and_in_tls_and_relays_between_them() {
    for &workers in WORKERS {
        let folder = tempfile::tempdir().expect("folder");
        let server =
            Running::start_with(Config::default(), Some(certificate(folder.path())), workers);
        let mut alice = Peer::new(1, bare(&server).await).await;
        let mut bob = Peer::new(2, in_tls(&server).await).await;
        meet(&mut alice, &mut bob).await;
        let statistics = server.stop().await;
        assert_eq!((statistics.carriers, statistics.relayed), (2, 2));
        // Both are told, then the streams end.
        assert_eq!(alice.next().await, ServerSignal::Stopping);
        assert_eq!(alice.receive().await, None);
        assert_eq!(bob.next().await, ServerSignal::Stopping);
        assert_eq!(bob.receive().await, None);
    }
}

#[tokio::test]
async fn tls_without_a_certificate_is_another_protocol() {
    let server = Running::start(Config::default(), None);
    let mut stream = bare(&server).await;
    stream.write_all(&[carrier::TLS_HANDSHAKE, 3, 1, 0, 200]).await.expect("written");
    let end = timeout(LONG, stream.read(&mut [0; 9])).await.expect("in time");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_network_has_so_many_streams_and_those_that_are_there_stay() {
    let limits = Config { max_carriers_per_network: 2, ..Config::default() };
    let server = Running::start(limits, None);
    let mut alice = Peer::new(1, bare(&server).await).await;
    let mut bob = Peer::new(2, bare(&server).await).await;
    alice.register("alice").await;
    bob.register("bob").await;
    let mut carol = Peer::new(3, bare(&server).await).await;
    assert_eq!(carol.receive().await, None, "no room");
    alice.say(&ClientSignal::Ping { id: 3 }).await;
    assert!(matches!(alice.next().await, ServerSignal::Pong { id: 3, .. }));
    // Who leaves makes room.
    drop(bob);
    let mut dave = loop {
        let mut dave = Peer::new(4, bare(&server).await).await;
        let hello = dave.client.hello();
        dave.send(&hello).await;
        if dave.receive().await.is_some() {
            break dave;
        }
    };
    dave.register("dave").await;
    let statistics = server.stop().await;
    assert_eq!(statistics.carriers, 3);
    assert!(statistics.carriers_refused >= 1);
}

#[tokio::test]
async fn who_never_reads_delays_nobody() {
    for &workers in WORKERS {
        let server = Running::start_with(Config::default(), None, workers);
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(16_384).expect("a small buffer");
        let mut deaf = Peer::new(1, socket.connect(server.tcp).await.expect("connected")).await;
        // A hundred thousand answers that nobody takes: more than the buffers hold.
        let flood = async {
            for _ in 0..100_000 {
                let hello = deaf.client.hello();
                deaf.send(&hello).await;
            }
        };
        let others = async {
            let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
            socket.connect(server.udp).await.expect("connected");
            let mut client = Client::new(9);
            for _ in 0..50 {
                socket.send(&client.hello()).await.expect("sent");
                let mut answer = [0; 200];
                let received = timeout(LONG, socket.recv(&mut answer)).await.expect("in time");
                let challenge = Datagram::parse(&answer[..received.expect("received")]);
                assert!(matches!(challenge, Ok(Datagram::Challenge(_))), "{challenge:?}");
            }
        };
        tokio::join!(flood, others);
        let statistics = server.stop().await;
        assert!(statistics.unsent > 0, "its queue was never full");
    }
}
