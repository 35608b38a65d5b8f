//! quinn, with either of its controllers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use quinn::congestion::{BbrConfig, CubicConfig};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, RecvStream, SendStream, ServerConfig, TransportConfig};
use rustls::crypto::ring::default_provider;
use tokio::io::{Join, join};

use crate::peer::{Exchange, Listener, Peer, Stream, WINDOW, here};
use crate::tls;

#[derive(Clone, Copy)]
pub struct Quic {
    pub bbr: bool,
}

type Talk = Stream<Join<RecvStream, SendStream>>;

pub struct Waiting(Endpoint);

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

    fn server(self) -> io::Result<ServerConfig> {
        let tls = tls::server(default_provider())?;
        let tls = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
        let mut config = ServerConfig::with_crypto(Arc::new(tls));
        config.transport_config(self.transport());
        Ok(config)
    }

    fn client(self) -> io::Result<ClientConfig> {
        let tls = tls::client(default_provider())?;
        let tls = QuicClientConfig::try_from(tls).map_err(io::Error::other)?;
        let mut config = ClientConfig::new(Arc::new(tls));
        config.transport_config(self.transport());
        Ok(config)
    }
}

impl Peer for Quic {
    type Listener = Waiting;
    type Client = Endpoint;
    type Talk = Talk;

    fn name(&self) -> &'static str {
        if self.bbr { "quinn BBR" } else { "quinn CUBIC" }
    }

    async fn listen(&self) -> io::Result<Waiting> {
        Endpoint::server(self.server()?, (here(), 0).into()).map(Waiting)
    }

    async fn prepare(&self, _: Exchange) -> io::Result<Endpoint> {
        let mut endpoint = Endpoint::client((here(), 0).into())?;
        endpoint.set_default_client_config(self.client()?);
        Ok(endpoint)
    }

    async fn connect(&self, endpoint: Endpoint, to: SocketAddr) -> io::Result<Talk> {
        let connecting = endpoint.connect(to, tls::NAME).map_err(io::Error::other)?;
        let (send, receive) = connecting.await?.open_bi().await?;
        Ok(Stream::new(join(receive, send)))
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
