//! Asks a rendezvous whether it is there, by a real handshake over UDP.
#![expect(clippy::disallowed_methods, reason = "it measures a round trip")]
#![expect(clippy::disallowed_types, reason = "it has a socket of its own")]

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::{Duration, Instant};

use p2pchat_wire::datagram::{AddressProof, Datagram, Hello, LinkInit};
use p2pchat_wire::handshake::{Initiator, Purpose};
use p2pchat_wire::identity::{Identity, PeerId, ServerKey};
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::{self, LinkReply, LinkRequest};
use p2pchat_wire::{DEFAULT_PORT, VERSION};
use tokio::net::UdpSocket;

/// How often each datagram is sent, and how long its answer is waited for.
const ATTEMPTS: usize = 4;
const PATIENCE: Duration = Duration::from_millis(700);

/// Padding for a request without a name, up to the shortest initiation that is answered.
const REQUEST: usize = 560;

/// Whom to ask: `HOST[:PORT][#KEY]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    host: String,
    port: u16,
    key: Option<ServerKey>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, key) = match text.split_once('#') {
            Some((place, key)) => (
                place,
                Some(key.parse().map_err(|_| {
                    "behind '#' stands the key of the server: 52 letters and digits".to_owned()
                })?),
            ),
            None => (text, None),
        };
        let port_of = |text: &str| {
            text.parse().map_err(|_| format!("{text:?} is no port: a number from 1 to 65535"))
        };
        let (host, port) = if let Some(inside) = place.strip_prefix('[') {
            match inside.split_once(']') {
                Some((host, "")) => (host, DEFAULT_PORT),
                Some((host, rest)) => (host, port_of(rest.strip_prefix(':').unwrap_or(rest))?),
                None => return Err("an IPv6 address is written in brackets: [2001:db8::1]".into()),
            }
        } else {
            match place.split_once(':') {
                Some((_, rest)) if rest.contains(':') => {
                    return Err("an IPv6 address is written in brackets: [2001:db8::1]".into());
                }
                Some((host, port)) => (host, port_of(port)?),
                None => (place, DEFAULT_PORT),
            }
        };
        if host.is_empty() {
            return Err("the host is missing: write HOST or HOST:PORT".into());
        }
        Ok(Self { host: host.to_owned(), port, key })
    }
}

/// What a server that is there says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Report {
    /// Where it answered from.
    pub address: SocketAddr,
    /// Its key, which it has proven to have.
    pub key: ServerKey,
    /// Its version of the protocol.
    pub version: u8,
    /// From hello to challenge.
    pub round_trip: Duration,
    /// Where it saw us.
    pub mapped: SocketAddr,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, key, version, round_trip, mapped } = self;
        let milliseconds = round_trip.as_secs_f64() * 1000.0;
        write!(
            f,
            "{address} answers in {milliseconds:.1} ms (protocol {version}, key {key}) and sees us at {mapped}"
        )
    }
}

/// There is no server, or another one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PingError {
    /// The host has no address.
    #[error("{host} has no address: {source}. Check the spelling and the DNS entry")]
    Resolve {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The system cannot send.
    #[error("cannot send to {address}: {source}")]
    Socket {
        /// Where to.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Nothing came back.
    #[error(
        "{0} does not answer. Is the server running, and does a firewall let UDP through to that port?"
    )]
    Silent(SocketAddr),
    /// It answered the hello, and not the handshake.
    #[error(
        "{address} answers, but speaks version {version} of the protocol (this program speaks {VERSION}). Update the older one"
    )]
    Version {
        /// Where.
        address: SocketAddr,
        /// Its version.
        version: u8,
    },
    /// It has another key than expected.
    #[error(
        "{address} has the key {actual}, not the one asked for. Either the server was set up anew, or this is another one"
    )]
    Key {
        /// Where.
        address: SocketAddr,
        /// Its key.
        actual: PeerId,
    },
}

/// Makes a link without a name and leaves it again.
///
/// # Errors
///
/// [`PingError`] says what was missing.
pub async fn ping(target: &Target) -> Result<Report, PingError> {
    let resolve = |source| PingError::Resolve { host: target.host.clone(), source };
    let mut addresses =
        tokio::net::lookup_host((target.host.as_str(), target.port)).await.map_err(resolve)?;
    let nothing = || resolve(io::ErrorKind::NotFound.into());
    let address = addresses.next().ok_or_else(nothing)?;
    let failed = |source| PingError::Socket { address, source };
    let local: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).await.map_err(failed)?;
    socket.connect(address).await.map_err(failed)?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| failed(io::Error::other(error.to_string())))?;
    let mut random = Random::from_seed(seed);

    let nonce = random.array();
    let started = Instant::now();
    let challenge =
        exchange(
            &socket,
            &Hello { version: VERSION, nonce }.encode(),
            |bytes| match Datagram::parse(bytes) {
                Ok(Datagram::Challenge(challenge)) if challenge.nonce == nonce => Some(challenge),
                _ => None,
            },
        )
        .await
        .ok_or(PingError::Silent(address))?;
    let round_trip = started.elapsed();
    let (key, version) = (PeerId(challenge.server), challenge.version);
    if version != VERSION {
        return Err(PingError::Version { address, version });
    }
    if target.key.is_some_and(|expected| expected != key) {
        return Err(PingError::Key { address, actual: key });
    }

    let request = LinkRequest { counter: 1, name: None, concealed: true, connects: Vec::new() };
    let payload = signal::encode_padded(&request, REQUEST);
    let stranger = Identity::from_seed(random.array());
    let unusable = |_| PingError::Key { address, actual: key };
    let (mut initiator, noise) =
        Initiator::new(Purpose::Link(key), &stranger, &key, &payload, &mut random)
            .map_err(unusable)?;
    let proof = AddressProof::Cookie { nonce, cookie: challenge.cookie };
    let init = LinkInit { version: VERSION, proof, sender: random.u32(), noise: &noise };
    let mapped = exchange(&socket, &init.encode(), |bytes| match Datagram::parse(bytes) {
        Ok(Datagram::LinkResponse(response)) if response.receiver == init.sender => {
            let (payload, _) = initiator.finish(response.noise).ok()?;
            signal::decode_padded::<LinkReply>(&payload).ok().map(|reply| reply.mapped)
        }
        _ => None,
    })
    .await
    .ok_or(PingError::Silent(address))?;
    Ok(Report { address, key, version, round_trip, mapped })
}

/// Sends a datagram until `read` makes something of an answer.
async fn exchange<T>(
    socket: &UdpSocket,
    datagram: &[u8],
    mut read: impl FnMut(&[u8]) -> Option<T>,
) -> Option<T> {
    let mut buffer = [0; 2048];
    for _ in 0..ATTEMPTS {
        // A refusal by the other machine (ICMP) is no reason to stop asking.
        let _ = socket.send(datagram).await;
        let answer = async {
            loop {
                match socket.recv(&mut buffer).await {
                    Ok(length) => {
                        if let Some(answer) = read(&buffer[..length]) {
                            return answer;
                        }
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        if let Ok(answer) = tokio::time::timeout(PATIENCE, answer).await {
            return Some(answer);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_people_write_them() {
        let parsed = |text: &str| {
            let target: Target = text.parse().expect("a target");
            (target.host, target.port, target.key.is_some())
        };
        let key = Identity::from_seed([1; 32]).id();
        assert_eq!(parsed("chat.example.org"), ("chat.example.org".into(), 3478, false));
        assert_eq!(parsed("192.0.2.1:99"), ("192.0.2.1".into(), 99, false));
        assert_eq!(parsed(&format!("[2001:db8::1]#{key}")), ("2001:db8::1".into(), 3478, true));
        assert_eq!(parsed("[::1]:7"), ("::1".into(), 7, false));
        for bad in ["", ":7", "::1", "a:b", "a#b", "[::1", "a:70000"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }
}
