//! s2n-quic, with either of its controllers.

use std::io;
use std::net::SocketAddr;

use rustls::crypto::aws_lc_rs::default_provider;
use s2n_quic::client::Connect;
use s2n_quic::connection::Connection;
use s2n_quic::provider::congestion_controller::{Bbr, Cubic};
use s2n_quic::provider::limits::Limits;
use s2n_quic::provider::tls::rustls as provider;
use s2n_quic::stream::BidirectionalStream;
use s2n_quic::{Client, Server};

use crate::peer::{Exchange, Listener, Peer, Stream, WINDOW, here};
use crate::tls;

#[derive(Clone, Copy)]
pub struct S2n {
    pub bbr: bool,
}

type Talk<E> = Stream<BidirectionalStream, (E, Connection)>;

pub struct Waiting(Server);

fn limits() -> io::Result<Limits> {
    Limits::new()
        .with_data_window(WINDOW.into())
        .and_then(|limits| limits.with_bidirectional_local_data_window(WINDOW.into()))
        .and_then(|limits| limits.with_bidirectional_remote_data_window(WINDOW.into()))
        .and_then(|limits| limits.with_max_send_buffer_size(WINDOW))
        .map_err(io::Error::other)
}

/// The two builders have the same methods and no trait.
macro_rules! start {
    ($builder:expr, $tls:expr, $bbr:expr) => {{
        let builder = $builder.with_tls($tls).map_err(io::Error::other)?;
        let builder = builder.with_io(SocketAddr::from((here(), 0)))?;
        let builder = builder.with_limits(limits()?).map_err(io::Error::other)?;
        if $bbr {
            let builder = builder.with_congestion_controller(Bbr::default());
            builder.map_err(io::Error::other)?.start().map_err(io::Error::other)
        } else {
            let builder = builder.with_congestion_controller(Cubic::default());
            builder.map_err(io::Error::other)?.start().map_err(io::Error::other)
        }
    }};
}

impl Peer for S2n {
    type Listener = Waiting;
    type Client = Client;
    type Talk = Talk<Client>;

    fn name(&self) -> &'static str {
        if self.bbr { "s2n BBR" } else { "s2n CUBIC" }
    }

    async fn listen(&self) -> io::Result<Waiting> {
        let tls = provider::Server::from(tls::server(default_provider())?);
        start!(Server::builder(), tls, self.bbr).map(Waiting)
    }

    async fn prepare(&self, _: Exchange) -> io::Result<Client> {
        let tls = provider::Client::from(tls::client(default_provider())?);
        start!(Client::builder(), tls, self.bbr)
    }

    async fn connect(&self, client: Client, to: SocketAddr) -> io::Result<Talk<Client>> {
        let connect = Connect::new(to).with_server_name(tls::NAME);
        let mut connection = client.connect(connect).await?;
        let stream = connection.open_bidirectional_stream().await?;
        Ok(Stream::keeping(stream, (client, connection)))
    }
}

impl Listener for Waiting {
    type Talk = Talk<Server>;

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    async fn accept(mut self, _: Exchange) -> io::Result<Talk<Server>> {
        let mut connection = self.0.accept().await.ok_or(io::ErrorKind::NotConnected)?;
        let stream = connection.accept_bidirectional_stream().await?;
        let stream = stream.ok_or(io::ErrorKind::NotConnected)?;
        Ok(Stream::keeping(stream, (self.0, connection)))
    }
}
