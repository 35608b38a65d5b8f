//! From the host name of a rendezvous to its addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How many addresses of one host are tried: more than anybody has, few enough to race.
const MAX_ADDRESSES: usize = 8;

/// How long a name server may take. Resolvers of operating systems give up after anything from
/// five seconds to a minute; a person who waits wants to be told sooner.
const PATIENCE: Duration = Duration::from_secs(6);

/// Why a host has no address.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The name server says so, or there is no name server.
    #[error("the name {host} does not resolve ({cause})")]
    Failed {
        /// Which name.
        host: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The name exists without any address.
    #[error("the name {host} has no address")]
    Empty {
        /// Which name.
        host: String,
    },
    /// No answer in time.
    #[error("no name server answered within {}s for {host}", waited.as_secs())]
    TimedOut {
        /// Which name.
        host: String,
        /// How long one was waited for.
        waited: Duration,
    },
}

/// The addresses of `host`, both families alternating and IPv6 first, at most eight.
///
/// Alternating, so that a race over the list tries both families early even if one is dead
/// (RFC 8305 §4).
///
/// # Errors
///
/// [`ResolveError`] says who did not answer what.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let host = || host.to_owned();
    match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host(), port))).await {
        Err(_) => Err(ResolveError::TimedOut { host: host(), waited: PATIENCE }),
        Ok(Err(cause)) => Err(ResolveError::Failed { host: host(), cause }),
        Ok(Ok(found)) => match alternate(found.collect()) {
            addresses if addresses.is_empty() => Err(ResolveError::Empty { host: host() }),
            addresses => Ok(addresses),
        },
    }
}

fn alternate(mut found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    found.dedup();
    let (v6, v4): (Vec<_>, Vec<_>) = found.into_iter().partition(SocketAddr::is_ipv6);
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    let mut addresses = Vec::new();
    while addresses.len() < MAX_ADDRESSES {
        let pair = [v6.next(), v4.next()];
        if pair == [None, None] {
            break;
        }
        addresses.extend(pair.into_iter().flatten());
    }
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_written_address_needs_no_name_server() {
        let found = resolve("2001:db8::1", 7).await.expect("an address");
        assert_eq!(found, ["[2001:db8::1]:7".parse().expect("address")]);
    }

    #[test]
    fn both_families_are_tried_early_and_no_list_is_long() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("address")).collect()
        };
        assert_eq!(
            alternate(addresses(&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1", "3.3.3.3:1"])),
            addresses(&["[::1]:1", "1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"])
        );
        let many = (0..40).map(|n| SocketAddr::from(([10, 0, 0, n], 1))).collect();
        assert_eq!(alternate(many).len(), MAX_ADDRESSES);
    }
}
