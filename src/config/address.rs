//! Where a rendezvous is, and who is there, as people write it: `alice@host:port#key`.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;

use p2pchat_wire::DEFAULT_PORT;
use p2pchat_wire::identity::{InvalidKey, InvalidName, Name, ServerKey};

/// `HOST[:PORT][#KEY]`: a rendezvous.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rendezvous {
    /// Where it is.
    pub host: HostPort,
    /// The key that it must prove, if whoever wrote the address knew it.
    pub key: Option<ServerKey>,
}

/// A name, an IPv4 address or an IPv6 address, and a UDP port.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HostPort {
    /// Without the brackets that an IPv6 address is written in.
    host: String,
    port: u16,
}

/// What stands before the name of a room.
const ROOM_MARK: char = '#';

/// `NAME[@HOST[:PORT][#KEY]]`: a person, and the rendezvous that knows them; or `#NAME…`, a room of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerAddress {
    /// Who.
    pub name: Name,
    /// Where. Without one, the rendezvous that we use ourselves.
    pub rendezvous: Option<Rendezvous>,
    /// Whether it is a room.
    pub is_room: bool,
}

/// A text is not an address of ours.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAddress {
    /// Nothing where the host should be.
    #[error("the host is missing: write HOST or HOST:PORT, such as chat.example.org")]
    NoHost,
    /// A character that no host name has.
    #[error("{0:?} cannot be part of a host name")]
    Host(char),
    /// Several colons without brackets, or brackets around something else.
    #[error("an IPv6 address is written in brackets: [2001:db8::1] or [2001:db8::1]:3478")]
    Brackets,
    /// Not a number from 1 to 65535.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// What stands behind `#` is no key.
    #[error("behind '#' stands the key of the rendezvous: {0}")]
    Key(#[from] InvalidKey),
    /// What stands before `@` is no name.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl HostPort {
    /// The host name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The UDP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for HostPort {
    /// The shortest form that reads back as the same: the default port is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if self.port == DEFAULT_PORT { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for HostPort {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = half_width(text);
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or(InvalidAddress::Brackets)?;
            let address: Ipv6Addr = host.parse().map_err(|_| InvalidAddress::Brackets)?;
            let port = match port {
                "" => None,
                _ => Some(port.strip_prefix(':').ok_or(InvalidAddress::Brackets)?),
            };
            (address.to_string(), port)
        } else {
            let (host, port) = match text.split_once(':') {
                Some((_, port)) if port.contains(':') => return Err(InvalidAddress::Brackets),
                Some((host, port)) => (host, Some(port)),
                None => (text.as_str(), None),
            };
            (host_name(host)?, port)
        };
        let port = match port {
            None => DEFAULT_PORT,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|&port| port != 0).ok_or(InvalidAddress::Port)?
            }
            Some(_) => return Err(InvalidAddress::Port),
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for Rendezvous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        self.key.map_or(Ok(()), |key| write!(f, "#{key}"))
    }
}

impl FromStr for Rendezvous {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let (host, key) = match text.split_once(['#', '＃']) {
            Some((host, key)) => (host, Some(key.trim().parse()?)),
            None => (text, None),
        };
        Ok(Self { host: host.parse()?, key })
    }
}

impl PeerAddress {
    /// `alice`, `alice@host` or `#tea@host`.
    #[must_use]
    pub fn without_key(&self) -> String {
        let name = self.marked_name();
        let host = self.rendezvous.as_ref().map(|rendezvous| &rendezvous.host);
        host.map_or_else(|| name.clone(), |host| format!("{name}@{host}"))
    }

    fn marked_name(&self) -> String {
        if self.is_room { format!("{ROOM_MARK}{}", self.name) } else { self.name.to_string() }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.marked_name())?;
        self.rendezvous.as_ref().map_or(Ok(()), |rendezvous| write!(f, "@{rendezvous}"))
    }
}

impl FromStr for PeerAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let (text, is_room) = match text.strip_prefix([ROOM_MARK, '＃']) {
            Some(room) => (room, true),
            None => (text, false),
        };
        let (name, rendezvous) = match text.split_once(['@', '＠']) {
            // "@alice" means the person alice to whoever is used to other chats.
            Some(("", name)) if !name.contains(['@', '＠']) => (name, None),
            Some((name, rendezvous)) => (name, Some(rendezvous.parse()?)),
            None => (text, None),
        };
        Ok(Self { name: Name::new(name)?, rendezvous, is_room })
    }
}

/// The marks of an address as a Chinese input method types them, made ours.
fn half_width(text: &str) -> String {
    let plain = |c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '。' => '.',
        _ => c,
    };
    text.trim().chars().map(plain).collect()
}

/// A host name in lower case, international letters allowed; what it resolves to is DNS' business.
fn host_name(text: &str) -> Result<String, InvalidAddress> {
    if text.is_empty() || text.len() > 253 {
        return Err(InvalidAddress::NoHost);
    }
    if let Some(bad) = text.chars().find(|&c| !c.is_alphanumeric() && !"-_.".contains(c)) {
        return Err(InvalidAddress::Host(bad));
    }
    Ok(text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Result<(String, u16), InvalidAddress> {
        text.parse::<HostPort>().map(|h| (h.host.clone(), h.port))
    }

    #[test]
    fn hosts_are_names_or_addresses_with_or_without_a_port() {
        for (text, name, port) in [
            ("chat.example.org", "chat.example.org", 3478),
            ("Chat.Example.org:4000", "chat.example.org", 4000),
            ("192.0.2.1:1", "192.0.2.1", 1),
            ("[2001:db8::1]", "2001:db8::1", 3478),
            ("[2001:DB8:0::1]:65535", "2001:db8::1", 65535),
            ("聊天.中国", "聊天.中国", 3478),
            ("１９２。０。２。１：４０００", "192.0.2.1", 4000),
        ] {
            assert_eq!(host(text), Ok((name.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_the_reason() {
        use InvalidAddress::{Brackets, Host, NoHost, Port};
        for (text, reason) in [
            ("", NoHost),
            (":3478", NoHost),
            ("2001:db8::1", Brackets),
            ("[192.0.2.1]", Brackets),
            ("[::1]3478", Brackets),
            ("[::1", Brackets),
            ("a b", Host(' ')),
            ("a\u{1b}[31m", Host('\u{1b}')),
            ("a:0", Port),
            ("a:65536", Port),
            ("a:+80", Port),
            ("a:", Port),
        ] {
            assert_eq!(host(text), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn addresses_read_back_as_they_are_written() {
        let key = ServerKey::from_str(&"a".repeat(52)).expect("key");
        for text in [
            "alice".to_owned(),
            "alice@host".to_owned(),
            "爱丽丝@[2001:db8::1]:4000".to_owned(),
            format!("alice@host:4000#{key}"),
        ] {
            let address: PeerAddress = text.parse().expect("address");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn full_width_marks_mean_what_they_look_like() {
        let wide: PeerAddress = "Ａlice＠host：4000".parse().expect("address");
        assert_eq!(wide, "alice@host:4000".parse().expect("address"));
    }

    #[test]
    fn a_lone_name_may_carry_its_mark() {
        assert_eq!("@alice".parse::<PeerAddress>(), "alice".parse());
        assert!("@".parse::<PeerAddress>().is_err());
        assert!("a@b@c".parse::<PeerAddress>().is_err());
    }
}
