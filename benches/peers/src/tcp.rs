//! The kernel's TCP, unencrypted.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

use crate::peer::{Exchange, Listener, Peer, Stream, here};

#[derive(Clone, Copy)]
pub struct Tcp;

fn at_once(stream: TcpStream) -> io::Result<Stream<TcpStream>> {
    stream.set_nodelay(true)?;
    Ok(Stream::new(stream))
}

impl Peer for Tcp {
    type Listener = TcpListener;
    type Client = ();
    type Talk = Stream<TcpStream>;

    fn name(&self) -> &'static str {
        "kernel TCP"
    }

    async fn listen(&self) -> io::Result<TcpListener> {
        TcpListener::bind((here(), 0)).await
    }

    async fn prepare(&self, _: Exchange) -> io::Result<()> {
        Ok(())
    }

    async fn connect(&self, (): (), to: SocketAddr) -> io::Result<Self::Talk> {
        at_once(TcpStream::connect(to).await?)
    }
}

impl Listener for TcpListener {
    type Talk = Stream<TcpStream>;

    fn address(&self) -> SocketAddr {
        self.local_addr().expect("it is bound")
    }

    async fn accept(self, _: Exchange) -> io::Result<Self::Talk> {
        at_once(TcpListener::accept(&self).await?.0)
    }
}
