//! Answers to STUN clients, and to our own peers who ask how their NAT behaves.

use std::net::SocketAddr;

use p2pchat_wire::stun::{Answer, Change, Request};

use super::registry::Endpoint;
use super::{Drop, Server};

impl Server {
    pub(super) fn handle_stun(
        &mut self,
        at: u64,
        from: Endpoint,
        bytes: &[u8],
    ) -> Result<(), Drop> {
        let request = Request::parse(bytes).ok_or(Drop::NotBinding)?;
        let local = from.local;
        let source = self.changed(local, request.change()).filter(|_| !request.is_strange());
        let response = match source {
            Some(source) => request.succeed(&Answer {
                mapped: from.remote,
                origin: Some(source),
                other: self.changed(local, Change { ip: true, port: true }),
            }),
            None => request.refuse(),
        };
        let response = response.ok_or(Drop::NotBinding)?;
        // Only an answer that is longer than its request can be aimed at somebody.
        if response.len() > bytes.len() {
            let (rates, config) = (&mut self.rates, &self.config);
            if !rates.stun.take(at, from.remote.ip(), config.stun, 1)
                || !rates.stun_total.take(at, config.stun_total, 1)
            {
                return Err(Drop::TooManyStun);
            }
        }
        self.statistics.stun += 1;
        self.transmit(Endpoint { local: source.unwrap_or(local), ..from }, response);
        Ok(())
    }

    /// The socket that an answer leaves from when the request came to `local`.
    fn changed(&self, local: SocketAddr, change: Change) -> Option<SocketAddr> {
        if change == Change::default() {
            return Some(local);
        }
        self.config.sockets.iter().find_map(|socket| {
            let ip = if socket.ip().is_unspecified() { local.ip() } else { socket.ip() };
            let fits = socket.is_ipv4() == local.is_ipv4()
                && (ip != local.ip()) == change.ip
                && (socket.port() != local.port()) == change.port;
            fits.then(|| SocketAddr::new(ip, socket.port()))
        })
    }
}
