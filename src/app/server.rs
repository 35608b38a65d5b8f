//! A rendezvous inside this process.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use p2pchat_rendezvous::home::{Home, HomeError};
use p2pchat_rendezvous::serve::{Rendezvous, ServeConfig, TcpConfig};
use p2pchat_rendezvous::server::Config;
use p2pchat_wire::identity::{Identity, ServerKey};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Failure;
use super::failure::as_it_is;
use super::peer::random;
use crate::config::{default_serve_address, reachable};
use crate::ui::language::{Language, Phrase};

/// A running server.
pub(super) struct Serving {
    address: SocketAddr,
    key: ServerKey,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    /// Keeps other servers out of the directory.
    _lock: Option<File>,
}

impl Serving {
    /// A server that forgets everything at its end, on any free port of loopback.
    pub(super) fn for_the_demo() -> Result<Self, Failure> {
        let identity = Identity::from_seed(random()?);
        Self::start((Ipv4Addr::LOCALHOST, 0).into(), identity, None)
    }

    /// A server that keeps its key and its names in `dir`.
    pub(super) fn lasting(listen: SocketAddr, dir: &Path) -> Result<Self, Failure> {
        let home = Home::open(dir).map_err(unusable)?;
        let lock = home.lock().map_err(unusable)?;
        let identity = home.identity().map_err(unusable)?;
        let serving = Self::start(listen, identity, Some(home.names()))?;
        Ok(Self { _lock: Some(lock), ..serving })
    }

    #[expect(clippy::disallowed_methods, reason = "the server is a task of its own")]
    fn start(
        listen: SocketAddr,
        identity: Identity,
        names: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let every_address = listen == default_serve_address();
        let server = Rendezvous::start(ServeConfig {
            // The server knows by itself how to listen everywhere, with or without IPv6.
            listen: if every_address { Vec::new() } else { vec![listen] },
            discovery: names.is_some(),
            tcp: TcpConfig::default(),
            workers: 0,
            identity,
            names,
            limits: Config::default(),
        })
        .map_err(|error| {
            Failure::internal(Phrase::new("no-rendezvous-started").with("error", error))
        })?;
        let (address, key) = (server.local_addr(), server.key());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            // Dropping the sender stops the server as well.
            server.run(async { drop(stopped.await) }).await;
        });
        Ok(Self { address, key, stop, task, _lock: None })
    }

    /// Where this machine reaches it.
    pub(super) fn address(&self) -> SocketAddr {
        reachable(self.address)
    }

    /// The key to be handed out with the address.
    pub(super) fn key(&self) -> ServerKey {
        self.key
    }

    /// What is said at the start.
    pub(super) fn sentence(&self, language: &Language) -> String {
        language.say("serving", &[("port", &self.address.port()), ("key", &self.key)])
    }

    /// Takes leave of its peers.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// Why the server's directory cannot be used.
fn unusable(error: HomeError) -> Failure {
    let about = |id, path: &Path| Phrase::new(id).with("path", path.display());
    Failure::internal(match &error {
        HomeError::Io { path, source } => about("home-unusable", path).with("error", source),
        HomeError::InUse(path) => about("home-in-use", path),
        HomeError::BadKey(path) => about("home-bad-key", path),
        HomeError::Random(error) => Phrase::new("no-randomness").with("error", error),
        other => as_it_is(other),
    })
}
