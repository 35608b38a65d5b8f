//! Answers to STUN clients that ask where they are and how their NAT behaves.
//!
//! # What OTHER-ADDRESS says
//!
//! RFC 5780 §7.4: the address and port that an answer would come from, had the request asked for
//! another of both. Two IP addresses with two ports each make four sockets, and each of them would
//! name the one across: the second address at the first, and the first at the second.
//!
//! We depart from that at the second address: every socket names the *second* IP address, with the
//! port that is not its own. A client that follows §4.3 does not notice. It takes OTHER-ADDRESS from
//! the first answer, which came from the first address, and compares the second address's two ports.
//! But coturn's `turnutils_natdiscovery` takes it anew from each answer. Its third request would go
//! back to the first address, and a mapping that depends on the address alone would look as if it
//! depended on the port too. coturn's own server answers as ours does, so other clients are used to
//! it.
//!
//! The price: a client that begins at the second address is told of no other IP address and takes
//! address-dependent mapping for endpoint-independent. So clients are pointed at the first, the one
//! that was given first to `--listen`.
//!
//! Clients of RFC 3489 believe the first answer's CHANGED-ADDRESS, so they get the one across,
//! wherever they begin. CHANGE-REQUEST always means a socket that really is another.
//!
//! # What RESPONSE-PORT may do
//!
//! It sends an answer to a port that has not asked (RFC 5780 §7.5), which is how a client learns
//! whether a mapping still lives that it has not used for a while. So that nobody gains by it, the
//! answer goes to the address that asked and no other, is never longer than its request, and
//! always counts against the rate of that address's network.

use std::net::SocketAddr;

use p2pchat_wire::address;
use p2pchat_wire::stun::{Answer, Change, Request};

use super::registry::Endpoint;
use super::{Drop, Server};

impl Server {
    pub(super) fn handle_stun(
        &mut self,
        at: u64,
        from: Endpoint,
        local: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), Drop> {
        let request = Request::parse(bytes).ok_or(Drop::NotBinding)?;
        let source = self.changed(local, request.change()).filter(|_| !request.is_strange());
        let across = self.changed(local, Change { ip: true, port: true });
        let response = match source {
            Some(source) => request.succeed(&Answer {
                mapped: from.remote,
                origin: Some(source),
                other: if request.is_classic() { across } else { self.other(local, across) },
            }),
            None => request.refuse(),
        };
        let response = response.ok_or(Drop::NotBinding)?;
        let port = request.response_port().filter(|_| source.is_some());
        let to = SocketAddr::new(from.remote.ip(), port.unwrap_or_else(|| from.remote.port()));
        let longer = response.len() > bytes.len();
        if port.is_some() && (longer || !address::is_permitted(to, true)) {
            return Err(Drop::NotBinding);
        }
        // Only an answer that is longer than its request, or goes where nobody asked, can be aimed
        // at somebody.
        if longer || port.is_some() {
            let (rates, config) = (&mut self.rates, &self.config);
            if !rates.stun.take(at, from.remote.ip(), config.stun, 1)
                || !rates.stun_total.take(at, config.stun_total, 1)
            {
                return Err(Drop::TooManyStun);
            }
        }
        self.statistics.stun += 1;
        let local = source.unwrap_or(local).into();
        self.transmit(Endpoint { local, remote: to }, response);
        Ok(())
    }

    /// The socket that an answer leaves from when the request came to `local`.
    fn changed(&self, local: SocketAddr, change: Change) -> Option<SocketAddr> {
        if change == Change::default() {
            return Some(local);
        }
        self.sockets(local).find(|socket| {
            (socket.ip() != local.ip()) == change.ip
                && (socket.port() != local.port()) == change.port
        })
    }

    /// The second IP address with a port that is not `local`'s, if there is a socket `across`.
    fn other(&self, local: SocketAddr, across: Option<SocketAddr>) -> Option<SocketAddr> {
        let across = across?;
        let first = self.sockets(local).next()?.ip();
        let second = self.sockets(local).find(|socket| socket.ip() != first)?.ip();
        let mut named = self.sockets(local).filter(|socket| socket.ip() == second);
        Some(named.find(|socket| socket.port() != local.port()).unwrap_or(across))
    }

    /// The sockets of `local`'s family, in the order in which they were asked for. One that listens
    /// on every address is at the one that was reached.
    fn sockets(&self, local: SocketAddr) -> impl Iterator<Item = SocketAddr> {
        let sockets = self.config.sockets.iter();
        sockets.filter(move |socket| socket.is_ipv4() == local.is_ipv4()).map(move |socket| {
            let ip = if socket.ip().is_unspecified() { local.ip() } else { socket.ip() };
            SocketAddr::new(ip, socket.port())
        })
    }
}
