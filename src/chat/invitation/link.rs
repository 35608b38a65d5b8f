//! A contact as a link: who, where, and the keys of both.

use std::fmt;
use std::str::FromStr;

use p2pchat_wire::identity::{InvalidKey, InvalidName, Name, PeerId, ServerKey};
use serde::{Deserialize, Serialize};

/// What a link begins with. No name does.
pub const SCHEME: &str = "p2pchat:";

/// What stands before the contact's own key.
const KEY: &str = "?key=";

/// A typed link that is longer is none.
const MAX_LINK: usize = 1024;

/// `p2pchat:NAME@HOST[:PORT][#KEY]?key=KEY`: a person, the rendezvous with its key, and the person's
/// own key. There is no secret in it, but whoever changes it on its way is believed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ContactLink {
    /// Who.
    pub name: Name,
    /// The rendezvous, as it was written: nobody has looked whether it can be one.
    pub host: String,
    /// The key of the rendezvous.
    pub server: Option<ServerKey>,
    /// The person's key.
    pub key: PeerId,
}

/// A text is no such link.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidLink {
    /// Another beginning, no host or no key.
    #[error(
        "a link looks like p2pchat:NAME@HOST#KEY?key=KEY. Codes are typed when they are asked for"
    )]
    Shape,
    /// No name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// No key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
}

impl fmt::Display for ContactLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}@{}", self.name, self.host)?;
        if let Some(server) = self.server {
            write!(f, "#{server}")?;
        }
        write!(f, "{KEY}{}", self.key)
    }
}

impl FromStr for ContactLink {
    type Err = InvalidLink;

    fn from_str(text: &str) -> Result<Self, InvalidLink> {
        let link = text.trim().strip_prefix(SCHEME).filter(|link| link.len() <= MAX_LINK);
        let (peer, key) = link.and_then(|link| link.split_once(KEY)).ok_or(InvalidLink::Shape)?;
        let (name, place) = peer.split_once('@').ok_or(InvalidLink::Shape)?;
        let (host, server) = match place.split_once('#') {
            Some((host, server)) => (host, Some(server.parse()?)),
            None => (place, None),
        };
        if host.is_empty() {
            return Err(InvalidLink::Shape);
        }
        Ok(Self { name: Name::new(name)?, host: host.to_owned(), server, key: key.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_it_was_written_and_nothing_else_is_one() {
        let key = PeerId([7; 32]);
        for text in [
            format!("p2pchat:alice@chat.example.org#{key}?key={key}"),
            format!("p2pchat:爱丽丝@[2001:db8::1]:4000?key={key}"),
        ] {
            let link: ContactLink = text.parse().expect("a link");
            assert_eq!((link.key, link.to_string()), (key, text));
        }
        for text in [
            "7-abandon-zoo".to_owned(),
            format!("p2pchat:alice?key={key}"),
            format!("p2pchat:alice@?key={key}"),
            format!("p2pchat:al ice@host?key={key}"),
            format!("p2pchat:alice@host#{key}"),
            format!("p2pchat:alice@host#?key={key}"),
            format!("p2pchat:alice@host?key={}", &key.to_string()[1..]),
            format!("alice@host?key={key}"),
            format!("p2pchat:alice@{}?key={key}", "h".repeat(MAX_LINK)),
        ] {
            assert!(text.parse::<ContactLink>().is_err(), "{text}");
        }
    }
}
