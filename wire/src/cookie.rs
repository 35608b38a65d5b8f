//! Proof, without state, that a source address receives what is sent to it.
//!
//! A [`CookieJar`] answers a hello with a keyed hash over the address and the hello's nonce; only
//! who received the answer can show it (as WireGuard's cookie, whitepaper §5.4.7, but always and
//! not only under load). After the first registration a peer holds a *token* instead, bound to
//! its IP address and good for days, and saves the round trip (as QUIC's NEW_TOKEN, RFC 9000
//! §8.1.3). Both keys die with the process: after a restart everybody proves itself again.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::random::Random;

/// How long a cookie key is used; a cookie is accepted for one to two of these.
pub const COOKIE_EPOCH: Duration = Duration::from_secs(60);

/// How long a token is accepted.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// A server's secrets for cookies and tokens.
#[derive(Debug)]
pub struct CookieJar {
    cookie_key: Secret,
    token_key: Secret,
}

struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl CookieJar {
    /// A jar with fresh secrets.
    #[must_use]
    pub fn new(random: &mut Random) -> Self {
        Self { cookie_key: Secret(random.array()), token_key: Secret(random.array()) }
    }

    /// The cookie for a hello with `nonce` from `from`. `age` is the time since the server started.
    #[must_use]
    pub fn cookie(&self, from: SocketAddr, nonce: &[u8; 16], age: Duration) -> [u8; 16] {
        self.cookie_of(from, nonce, epoch(age))
    }

    /// Whether `cookie` was given to `from` for `nonce` in this epoch or the one before.
    #[must_use]
    pub fn is_cookie(
        &self,
        from: SocketAddr,
        nonce: &[u8; 16],
        cookie: &[u8; 16],
        age: Duration,
    ) -> bool {
        let now = epoch(age);
        [Some(now), now.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|epoch| equal(&self.cookie_of(from, nonce, epoch), cookie))
    }

    /// A token for `ip`, to be shown in a later link initiation.
    #[must_use]
    pub fn token(&self, ip: IpAddr, age: Duration) -> [u8; 32] {
        let issued = age.as_secs().to_be_bytes();
        let mut token = [0; 32];
        token[..8].copy_from_slice(&issued);
        token[8..].copy_from_slice(&self.token_mac(ip, &issued));
        token
    }

    /// Whether `token` was given to `ip` within [`TOKEN_LIFETIME`].
    #[must_use]
    pub fn is_token(&self, ip: IpAddr, token: &[u8; 32], age: Duration) -> bool {
        let (issued, mac) = token.split_at(8);
        let Ok(issued) = <[u8; 8]>::try_from(issued) else { return false };
        let Some(held) = age.as_secs().checked_sub(u64::from_be_bytes(issued)) else {
            return false;
        };
        held <= TOKEN_LIFETIME.as_secs() && equal(&self.token_mac(ip, &issued), mac)
    }

    fn cookie_of(&self, from: SocketAddr, nonce: &[u8; 16], epoch: u64) -> [u8; 16] {
        let mut mac = blake3::Hasher::new_keyed(&self.cookie_key.0);
        mac.update(&octets(from.ip())).update(&from.port().to_be_bytes());
        mac.update(nonce).update(&epoch.to_be_bytes());
        truncated(&mac)
    }

    fn token_mac(&self, ip: IpAddr, issued: &[u8; 8]) -> [u8; 24] {
        let mut mac = blake3::Hasher::new_keyed(&self.token_key.0);
        mac.update(&octets(ip)).update(issued);
        truncated(&mac)
    }
}

fn epoch(age: Duration) -> u64 {
    age.as_secs() / COOKIE_EPOCH.as_secs()
}

/// IPv4 and IPv4-mapped addresses are one address, however the socket reports them.
fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

fn truncated<const N: usize>(mac: &blake3::Hasher) -> [u8; N] {
    let mut out = [0; N];
    mac.finalize_xof().fill(&mut out);
    out
}

/// Compares in constant time, by comparing hashes in whatever time (`blake3::Hash` does it so).
fn equal(ours: &[u8], theirs: &[u8]) -> bool {
    blake3::hash(ours) == blake3::hash(theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "192.0.2.1:5000";

    fn jar() -> CookieJar {
        CookieJar::new(&mut Random::from_seed([1; 32]))
    }

    fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_cookie_is_good_for_its_address_port_nonce_and_minute() {
        let (jar, from) = (jar(), FROM.parse().expect("address"));
        let cookie = jar.cookie(from, &[1; 16], at(59));
        assert!(jar.is_cookie(from, &[1; 16], &cookie, at(59)));
        assert!(jar.is_cookie(from, &[1; 16], &cookie, at(119)));
        assert!(!jar.is_cookie(from, &[1; 16], &cookie, at(120)));
        assert!(!jar.is_cookie(from, &[2; 16], &cookie, at(59)));
        for other in ["192.0.2.1:5001", "192.0.2.2:5000", "[2001:db8::1]:5000"] {
            assert!(!jar.is_cookie(other.parse().expect("address"), &[1; 16], &cookie, at(59)));
        }
        assert!(!jar_with(2).is_cookie(from, &[1; 16], &cookie, at(59)));
    }

    #[test]
    fn a_token_is_good_for_its_ip_address_and_its_lifetime() {
        let jar = jar();
        let from: SocketAddr = FROM.parse().expect("address");
        let token = jar.token(from.ip(), at(100));
        assert!(jar.is_token(from.ip(), &token, at(100)));
        assert!(jar.is_token("::ffff:192.0.2.1".parse().expect("ip"), &token, at(100)));
        assert!(jar.is_token(from.ip(), &token, at(100) + TOKEN_LIFETIME));
        assert!(!jar.is_token(from.ip(), &token, at(101) + TOKEN_LIFETIME));
        assert!(!jar.is_token(from.ip(), &token, at(99)), "from the future");
        assert!(!jar.is_token("192.0.2.2".parse().expect("ip"), &token, at(100)));
        let mut newer = token;
        newer[7] += 1;
        assert!(!jar.is_token(from.ip(), &newer, at(200)), "the date is under the seal");
    }

    fn jar_with(seed: u8) -> CookieJar {
        CookieJar::new(&mut Random::from_seed([seed; 32]))
    }
}
