//! Somebody who speaks the protocol as it is, and says in it what no program of ours would.

use std::net::Ipv4Addr;
use std::thread::JoinHandle;
use std::time::Instant;

use p2pchat::net::{self, Sockets};
use p2pchat::proto::{Command, Config, Endpoint, Event, ServerId};
use p2pchat_wire::identity::{Identity, Name};
use tokio::sync::oneshot;

use super::server::Server;

/// She calls, and leaves when this goes out of scope.
pub(crate) struct Mallory {
    leave: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Mallory {
    /// Calls somebody, under the name `mallory`, and says these messages in every session.
    pub(crate) fn calls(name: &str, server: &Server, messages: Vec<Vec<u8>>) -> Self {
        let (leave, left) = oneshot::channel();
        let callee = Name::new(name).expect("a name");
        let (address, key) = (server.address(), server.key());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let call = async {
                let sockets = Sockets::bind(Some((Ipv4Addr::LOCALHOST, 0).into()));
                let identity = Identity::from_seed([66; 32]);
                let endpoint = Endpoint::new(Config::default(), identity, [66; 32], Instant::now());
                let mut network =
                    net::start(endpoint, sockets.expect("a socket"), net::Options::default());
                let commands = [
                    Command::UseRendezvous {
                        server: ServerId::FIRST,
                        addresses: vec![address],
                        key: Some(key),
                        token: None,
                    },
                    Command::Register(Name::new("mallory").expect("a name")),
                    Command::Connect(callee.into()),
                ];
                for command in commands {
                    network.commands.send(command).await.expect("it runs");
                }
                while let Some(event) = network.events.recv().await {
                    let Event::Connected { peer, .. } = event else { continue };
                    for message in &messages {
                        let message = message.clone();
                        let said = Command::Send { peer, tag: 0, message };
                        network.commands.send(said).await.expect("it runs");
                    }
                }
            };
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = call => {}
                    _ = left => {}
                }
            });
        });
        Self { leave: Some(leave), thread: Some(thread) }
    }
}

impl Drop for Mallory {
    fn drop(&mut self) {
        drop(self.leave.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
