//! The real rendezvous, inside the test.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use p2pchat_rendezvous::serve::{Rendezvous, ServeConfig, TcpConfig, TcpListen};
use p2pchat_rendezvous::server::Config;
use p2pchat_wire::identity::{Identity, ServerKey};
use tokio::sync::oneshot;

/// A running server; it stops when it goes out of scope.
pub(crate) struct Server {
    address: SocketAddr,
    key: ServerKey,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server that knows no names yet, on a free port.
    pub(crate) fn start() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), 1)
    }

    /// Another one, with a key of its own for each `seed`.
    pub(crate) fn another(seed: u8) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), seed)
    }

    /// The same on a given address, with a key of its own for each `seed`.
    pub(crate) fn at(address: SocketAddr, seed: u8) -> Self {
        Self::serve(address, TcpListen::Beside, seed)
    }

    /// A server that answers at `address` over TCP alone.
    pub(crate) fn over_tcp(address: SocketAddr) -> Self {
        let elsewhere = (Ipv4Addr::LOCALHOST, 0).into();
        let mut server = Self::serve(elsewhere, TcpListen::At(vec![address]), 1);
        server.address = address;
        server
    }

    fn serve(address: SocketAddr, tcp: TcpListen, seed: u8) -> Self {
        let (ready, started) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let server = Rendezvous::start(ServeConfig {
                    listen: vec![address],
                    discovery: false,
                    tcp: TcpConfig { listen: tcp, certificate: None },
                    workers: 0,
                    identity: Identity::from_seed([seed; 32]),
                    names: None,
                    limits: Config::default(),
                })
                .expect("the server starts");
                ready.send((server.local_addr(), server.key())).expect("the test waits");
                server.run(async { drop(stopped.await) }).await;
            });
        });
        let (address, key) = started.recv().expect("the server has started");
        Self { address, key, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it proves to be.
    pub(crate) fn key(&self) -> ServerKey {
        self.key
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
