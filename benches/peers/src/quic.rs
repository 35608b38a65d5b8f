//! quinn, with either of its controllers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use quinn::congestion::{BbrConfig, CubicConfig};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, RecvStream, SendStream, ServerConfig, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{Join, join};

use crate::peer::{Exchange, Listener, Peer, Stream, here};

/// Room for more than the product of any link here.
const WINDOW: u32 = 16 << 20;

#[derive(Clone, Copy)]
pub struct Quic {
    pub bbr: bool,
}

type Talk = Stream<Join<RecvStream, SendStream>>;

pub struct Waiting(Endpoint);

/// Both sides show a certificate, as both of ours prove their keys.
fn identity() -> (CertificateDer<'static>, PrivatePkcs8KeyDer<'static>) {
    static PAIR: std::sync::OnceLock<(CertificateDer<'static>, Vec<u8>)> =
        std::sync::OnceLock::new();
    let (certificate, key) = PAIR.get_or_init(|| {
        let pair = rcgen::generate_simple_self_signed(vec!["peer".to_owned()]);
        let pair = pair.expect("a certificate");
        (pair.cert.der().clone(), pair.signing_key.serialize_der())
    });
    (certificate.clone(), PrivatePkcs8KeyDer::from(key.clone()))
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(identity().0).expect("a root");
    roots
}

impl Quic {
    fn transport(self) -> Arc<TransportConfig> {
        let mut transport = TransportConfig::default();
        transport.stream_receive_window(WINDOW.into()).send_window(WINDOW.into());
        transport.receive_window(WINDOW.into());
        if self.bbr {
            transport.congestion_controller_factory(Arc::new(BbrConfig::default()));
        } else {
            transport.congestion_controller_factory(Arc::new(CubicConfig::default()));
        }
        Arc::new(transport)
    }

    fn server(self) -> ServerConfig {
        let (certificate, key) = identity();
        let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots()));
        let mut tls = rustls::ServerConfig::builder()
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(vec![certificate], key.into())
            .expect("a server's configuration");
        tls.alpn_protocols = vec![b"bench".to_vec()];
        let tls = QuicServerConfig::try_from(tls).expect("TLS 1.3");
        let mut config = ServerConfig::with_crypto(Arc::new(tls));
        config.transport_config(self.transport());
        config
    }

    fn client(self) -> ClientConfig {
        let (certificate, key) = identity();
        let mut tls = rustls::ClientConfig::builder()
            .with_root_certificates(roots())
            .with_client_auth_cert(vec![certificate], key.into())
            .expect("a client's configuration");
        tls.alpn_protocols = vec![b"bench".to_vec()];
        let tls = QuicClientConfig::try_from(tls).expect("TLS 1.3");
        let mut config = ClientConfig::new(Arc::new(tls));
        config.transport_config(self.transport());
        config
    }
}

impl Peer for Quic {
    type Listener = Waiting;
    type Talk = Talk;

    fn name(&self) -> &'static str {
        if self.bbr { "quinn BBR" } else { "quinn CUBIC" }
    }

    async fn listen(&self) -> io::Result<Waiting> {
        // A second call finds the provider there.
        drop(rustls::crypto::ring::default_provider().install_default());
        Endpoint::server(self.server(), (here(), 0).into()).map(Waiting)
    }

    async fn prepare(&self, _: Exchange) -> io::Result<Talk> {
        Ok(Stream::none())
    }

    async fn connect(&self, talk: &mut Talk, to: SocketAddr) -> io::Result<()> {
        let mut endpoint = Endpoint::client((here(), 0).into())?;
        endpoint.set_default_client_config(self.client());
        let connecting = endpoint.connect(to, "peer").map_err(io::Error::other)?;
        let (send, receive) = connecting.await?.open_bi().await?;
        *talk = Stream::new(join(receive, send));
        Ok(())
    }
}

impl Listener for Waiting {
    type Talk = Talk;

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    async fn accept(self, _: Exchange) -> io::Result<Talk> {
        let incoming = self.0.accept().await.ok_or(io::ErrorKind::NotConnected)?;
        let (send, receive) = incoming.await?.accept_bi().await?;
        Ok(Stream::new(join(receive, send)))
    }
}
