//! Two people, a server, and what lies between them.

use std::process::Command;
use std::time::Duration;

use super::programs::chat::Chat;
use super::programs::server::Server;
use super::programs::{Folder, peer_program, server_program};
use super::world::{SERVER, World};

/// Long enough for anything that is not expected to fail on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Alice calls Bob; both run in namespaces of one world.
#[derive(Debug)]
pub(crate) struct Meeting {
    pub(crate) alice: Chat,
    pub(crate) bob: Chat,
    /// Where both have their profiles.
    pub(crate) folder: Folder,
    // It ends with the meeting.
    _server: Server,
}

impl Meeting {
    /// Starts the server, Bob, who waits, and then Alice, who calls him.
    pub(crate) fn start(world: &World, alice: &str, bob: &str) -> Result<Self, String> {
        Self::start_with(world, alice, bob, &[])
    }

    /// As [`Self::start`], with more options for Alice.
    pub(crate) fn start_with(
        world: &World,
        alice: &str,
        bob: &str,
        options: &[&str],
    ) -> Result<Self, String> {
        let folder = Folder::new();
        let server = start_server(world, &folder);
        Self::at(world, folder, server, alice, bob, options)
    }

    /// As [`Self::start_with`], at a server that was started in `folder`.
    pub(crate) fn at(
        world: &World,
        folder: Folder,
        server: Server,
        alice: &str,
        bob: &str,
        options: &[&str],
    ) -> Result<Self, String> {
        let bob = Chat::start("bob", peer(world, bob, &folder, "bob"));
        bob.wait_ready()?;
        let mut command = peer(world, alice, &folder, "alice");
        command.args(["--peer", &format!("bob@{}", SERVER[0])]).args(options);
        let alice = Chat::start("alice", command);
        Ok(Self { alice, bob, _server: server, folder })
    }

    /// A line each way.
    pub(crate) fn say_hello(&mut self) -> Result<Duration, String> {
        self.alice.send(None, "hello, bob");
        let ready = self.alice.wait_ready()?;
        let arrived = self.bob.wait_text("hello, bob", PATIENCE)?;
        self.bob.send(Some("alice"), "hello, alice");
        self.alice.wait_text("hello, alice", PATIENCE)?;
        Ok(arrived.at.saturating_duration_since(ready.at))
    }

    /// Until both sides use a path of one of these kinds; how long after Alice was ready.
    pub(crate) fn wait_path(&self, kinds: &[&str], limit: Duration) -> Result<Duration, String> {
        let ready = self.alice.wait_ready()?;
        let one = self.alice.wait_path(0, kinds, limit)?;
        let other = self.bob.wait_path(0, kinds, limit)?;
        Ok(one.at.max(other.at).saturating_duration_since(ready.at))
    }
}

/// A server on both addresses.
pub(crate) fn start_server(world: &World, folder: &Folder) -> Server {
    start_server_with(world, folder, &[])
}

/// The same with more options.
pub(crate) fn start_server_with(world: &World, folder: &Folder, options: &[&str]) -> Server {
    let mut command = world.command("srv", server_program());
    command.args(options);
    for address in SERVER {
        command.arg("--listen").arg(format!("{address}:3478"));
    }
    if world.has_v6() {
        command.args(["--listen", &format!("[{}]:3478", super::world::SERVER_V6)]);
    }
    command.arg("--data-dir").arg(folder.join("server"));
    Server::start(command)
}

/// A peer that is called `name` and waits.
pub(crate) fn peer(world: &World, space: &str, folder: &Folder, name: &str) -> Command {
    let mut command = world.command(space, peer_program());
    command.args(["--name", name, "--rendezvous", &SERVER[0].to_string()]);
    command.arg("--data-dir").arg(folder.join(name));
    command
}

/// The value, or the report as the test's failure.
pub(crate) fn report<T>(result: Result<T, String>) -> T {
    result.unwrap_or_else(|report| panic!("{report}"))
}
