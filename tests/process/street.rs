//! A server and peers on this machine's loopback, each with a folder that outlives its process.

use std::net::UdpSocket;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::programs::chat::Chat;
use super::programs::server::Server;
use super::programs::{Folder, peer_program, server_program};

/// Where the processes of one test live.
#[derive(Debug)]
pub(crate) struct Street {
    folder: Folder,
    port: u16,
}

impl Street {
    pub(crate) fn new() -> Self {
        // The port is free now, and a test of its own is the only one to want it.
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = socket.local_addr().expect("a bound socket has an address").port();
        Self { folder: Folder::new(), port }
    }

    /// The server, with the names and the key that it had before.
    pub(crate) fn server(&self) -> Server {
        let mut command = Command::new(server_program());
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        command.arg("--data-dir").arg(self.folder.join("server"));
        Server::start(command)
    }

    /// A peer that waits, with the history that it had before.
    pub(crate) fn peer(&self, name: &str) -> Chat {
        Chat::start(name, self.command(name))
    }

    /// A peer that calls another.
    pub(crate) fn caller(&self, name: &str, peer: &str) -> Chat {
        let mut command = self.command(name);
        command.args(["--peer", &format!("{peer}@127.0.0.1:{}", self.port)]);
        Chat::start(name, command)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(peer_program());
        command.args(["--name", name, "--rendezvous", &format!("127.0.0.1:{}", self.port)]);
        command.args(["--strangers", "accept"]);
        command.arg("--no-lan").arg("--data-dir").arg(self.folder.join(name));
        command
    }

    /// The texts that a peer has on disk from others, in the order of its history.
    pub(crate) fn received(&self, name: &str) -> Vec<String> {
        let output = Command::new(peer_program())
            .args(["history", "--json", "-n", "1000000", "--data-dir"])
            .arg(self.folder.join(name))
            .stdin(Stdio::null())
            .output()
            .expect("the history is printed");
        assert!(output.status.success(), "history: {output:?}");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("each line is an object"))
            .filter(|line| line["direction"] == "in")
            .map(|line| line["text"].as_str().expect("a line has a text").to_owned())
            .collect()
    }
}
