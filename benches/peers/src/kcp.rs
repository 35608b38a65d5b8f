//! KCP as fast as it can be set, unencrypted.

use std::io;
use std::net::SocketAddr;

use tokio_kcp::{KcpConfig, KcpListener, KcpNoDelayConfig, KcpStream};

use crate::peer::{Exchange, Listener, Peer, Stream, here};

#[derive(Clone, Copy)]
pub struct Kcp;

pub struct Waiting(KcpListener);

fn config() -> KcpConfig {
    KcpConfig {
        nodelay: KcpNoDelayConfig::fastest(),
        wnd_size: (4096, 4096),
        flush_write: true,
        flush_acks_input: true,
        stream: true,
        ..KcpConfig::default()
    }
}

impl Peer for Kcp {
    type Listener = Waiting;
    type Client = ();
    type Talk = Stream<KcpStream>;

    fn name(&self) -> &'static str {
        "KCP"
    }

    async fn listen(&self) -> io::Result<Waiting> {
        let address = SocketAddr::from((here(), 0));
        KcpListener::bind(config(), address).await.map(Waiting).map_err(io::Error::other)
    }

    async fn prepare(&self, _: Exchange) -> io::Result<()> {
        Ok(())
    }

    async fn connect(&self, (): (), to: SocketAddr) -> io::Result<Self::Talk> {
        let stream = KcpStream::connect(&config(), to).await;
        stream.map(Stream::new).map_err(io::Error::other)
    }
}

impl Listener for Waiting {
    type Talk = Stream<KcpStream, KcpListener>;

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    async fn accept(mut self, _: Exchange) -> io::Result<Self::Talk> {
        let (stream, _) = self.0.accept().await.map_err(io::Error::other)?;
        // The listener reads the socket for all of its streams.
        Ok(Stream::keeping(stream, self.0))
    }
}
