//! iroh: two endpoints that know each other's keys and one address, without relays and without anything
//! that looks addresses up.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use iroh::endpoint::presets::Minimal;
use iroh::endpoint::{Connection, QuicTransportConfig, RecvStream, SendStream};
use iroh::{Endpoint, EndpointAddr, RelayMode, SecretKey};
use noq_proto::congestion::Bbr3Config;
use tokio::io::{Join, join};

use crate::peer::{Exchange, Listener, Peer, Stream, here};
use crate::tls::PROTOCOL;

#[derive(Clone, Copy)]
pub struct Iroh {
    /// A link is between the two. They tell each other the addresses of their sockets and would leave the
    /// link for the direct way; so the server has an IPv6 address alone, the client an IPv4 address alone, and
    /// only the link speaks both.
    pub linked: bool,
}

/// The product of the farthest link here. Its QUIC, noq, ends a connection when more than 1,024 pieces wait for
/// what is missing before them, which happens with the others' window where datagrams are lost.
const WINDOW: u32 = 2_500_000;

type Talk = Stream<Join<RecvStream, SendStream>, (Endpoint, Connection)>;

pub struct Waiting(Endpoint);

const CLIENT: [u8; 32] = [1; 32];
const SERVER: [u8; 32] = [2; 32];

async fn endpoint(key: [u8; 32], address: IpAddr) -> io::Result<Endpoint> {
    let transport = QuicTransportConfig::builder()
        .stream_receive_window(WINDOW.into())
        .receive_window(WINDOW.into())
        .send_window(WINDOW.into())
        .congestion_controller_factory(Arc::new(Bbr3Config::default()))
        .build();
    Endpoint::builder(Minimal)
        .secret_key(SecretKey::from_bytes(&key))
        .relay_mode(RelayMode::Disabled)
        .transport_config(transport)
        .alpns(vec![PROTOCOL.to_vec()])
        .clear_ip_transports()
        .bind_addr(SocketAddr::new(address, 0))
        .map_err(io::Error::other)?
        .bind()
        .await
        .map_err(io::Error::other)
}

impl Peer for Iroh {
    type Listener = Waiting;
    type Client = Endpoint;
    type Talk = Talk;

    fn name(&self) -> &'static str {
        "iroh BBR"
    }

    async fn listen(&self) -> io::Result<Waiting> {
        let address = if self.linked { Ipv6Addr::LOCALHOST.into() } else { here().into() };
        endpoint(SERVER, address).await.map(Waiting)
    }

    async fn prepare(&self, _: Exchange) -> io::Result<Endpoint> {
        endpoint(CLIENT, here().into()).await
    }

    async fn connect(&self, endpoint: Endpoint, to: SocketAddr) -> io::Result<Talk> {
        let server = EndpointAddr::new(SecretKey::from_bytes(&SERVER).public()).with_ip_addr(to);
        let connection = endpoint.connect(server, PROTOCOL).await.map_err(io::Error::other)?;
        let (send, receive) = connection.open_bi().await?;
        Ok(Stream::keeping(join(receive, send), (endpoint, connection)))
    }
}

impl Listener for Waiting {
    type Talk = Talk;

    fn address(&self) -> SocketAddr {
        self.0.bound_sockets().first().copied().expect("it is bound")
    }

    async fn accept(self, _: Exchange) -> io::Result<Talk> {
        let incoming = self.0.accept().await.ok_or(io::ErrorKind::NotConnected)?;
        let connection = incoming.await.map_err(io::Error::other)?;
        let (send, receive) = connection.accept_bi().await?;
        Ok(Stream::keeping(join(receive, send), (self.0, connection)))
    }
}
