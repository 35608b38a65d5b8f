//! A client on a socket of this machine.
#![allow(dead_code, reason = "each program uses its part")]
#![expect(clippy::disallowed_types, reason = "it talks to a server over UDP")]

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use p2pchat_wire::datagram::Datagram;
use p2pchat_wire::identity::Name;
use p2pchat_wire::signal::{ClientSignal, Connect, Introduction, Registration, ServerSignal};

use crate::client::Client;

pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) socket: UdpSocket,
}

impl Peer {
    pub(crate) fn new(seed: u64, server: SocketAddr) -> Self {
        let local = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        let socket = UdpSocket::bind(local).expect("a socket");
        socket.connect(server).expect("a server");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        Self { client: Client::new(seed), socket }
    }

    /// Asks for a name; returns where that stands at the end.
    pub(crate) fn register(&mut self, name: &str) -> Registration {
        self.ask_for(name);
        let name = Name::new(name).expect("name");
        let reply = self.wait(Client::finish);
        if reply.registration != Registration::Pending {
            return reply.registration;
        }
        match self.next() {
            ServerSignal::Registered(registered) if registered == name => Registration::Registered,
            ServerSignal::RegisterRefused { refusal, .. } => Registration::Refused(refusal),
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// Asks for a name and does not wait for the answer.
    pub(crate) fn ask_for(&mut self, name: &str) {
        let name = Name::new(name).expect("name");
        let hello = self.client.hello();
        self.socket.send(&hello).expect("sent");
        let challenge = self.wait(|_, bytes| match Datagram::parse(bytes) {
            Ok(Datagram::Challenge(challenge)) => Some(challenge),
            _ => None,
        });
        let request = self.client.request(&challenge, Some(&name));
        self.socket.send(&request).expect("sent");
    }

    /// Whether the name was said to be ours, in what has arrived by now.
    pub(crate) fn was_told(&mut self) -> bool {
        self.socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        let (mut buffer, mut told) = ([0; 2048], false);
        // A refusal by the machine itself (ICMP) may come first: the server is gone.
        for _ in 0..8 {
            let Ok(length) = self.socket.recv(&mut buffer) else { continue };
            let datagram = &buffer[..length];
            let reply = self.client.finish(datagram);
            told |= reply.is_some_and(|reply| reply.registration == Registration::Registered);
            told |= matches!(self.client.open(datagram), Some(ServerSignal::Registered(_)));
        }
        told
    }

    pub(crate) fn say(&mut self, signal: &ClientSignal) {
        let packet = self.client.seal(signal);
        self.socket.send(&packet).expect("sent");
    }

    /// Asks for somebody who is registered as `name`; returns what we and he are told.
    pub(crate) fn meet(&mut self, name: &str, other: &mut Self) -> (Introduction, Introduction) {
        let name = Name::new(name).expect("name");
        self.say(&ClientSignal::Connect(Connect { name, key: None, initiation: None }));
        match (self.next(), other.next()) {
            (ServerSignal::Introduction(ours), ServerSignal::Introduction(his)) => (ours, his),
            others => panic!("two introductions: {others:?}"),
        }
    }

    /// The next signal of the server.
    pub(crate) fn next(&mut self) -> ServerSignal {
        self.wait(|client, bytes| client.open(bytes))
    }

    pub(crate) fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let length = self.socket.recv(&mut buffer).expect("a datagram");
        buffer[..length].to_vec()
    }

    fn wait<T>(&mut self, mut read: impl FnMut(&mut Client, &[u8]) -> Option<T>) -> T {
        loop {
            let datagram = self.receive();
            if let Some(result) = read(&mut self.client, &datagram) {
                return result;
            }
        }
    }
}
