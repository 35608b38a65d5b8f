//! A contact as a link: who, where, and the keys of both.

use std::fmt;
use std::str::FromStr;

use p2pchat_wire::identity::{InvalidKey, PeerId};

use super::{InvalidAddress, PeerAddress, Rendezvous};

/// What a link begins with.
const SCHEME: &str = "p2pchat:";

/// What stands before the contact's own key.
const KEY: &str = "?key=";

/// `p2pchat:NAME@HOST[:PORT][#KEY]?key=KEY`: a person, the rendezvous with its key, and the person's
/// own key. There is no secret in it, but whoever changes it on its way is believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContactLink {
    /// Who and where.
    pub peer: PeerAddress,
    /// The rendezvous, which a link always has.
    pub rendezvous: Rendezvous,
    /// The person's key.
    pub key: PeerId,
}

/// A text is no such link.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidLink {
    /// Another beginning, or no key.
    #[error(
        "a link looks like p2pchat:NAME@HOST#KEY?key=KEY. Codes are typed when they are asked for"
    )]
    Shape,
    /// No address.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// No key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
}

impl fmt::Display for ContactLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}@{}{KEY}{}", self.peer.name, self.rendezvous, self.key)
    }
}

impl FromStr for ContactLink {
    type Err = InvalidLink;

    fn from_str(text: &str) -> Result<Self, InvalidLink> {
        let text = text.trim().strip_prefix(SCHEME).ok_or(InvalidLink::Shape)?;
        let (peer, key) = text.split_once(KEY).ok_or(InvalidLink::Shape)?;
        let (peer, key): (PeerAddress, _) = (peer.parse()?, key.parse()?);
        let rendezvous = peer.rendezvous.clone().ok_or(InvalidLink::Shape)?;
        Ok(Self { peer, rendezvous, key })
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
            format!("p2pchat:alice@host#{key}"),
            format!("p2pchat:alice@host?key={}", &key.to_string()[1..]),
            format!("alice@host?key={key}"),
        ] {
            assert!(text.parse::<ContactLink>().is_err(), "{text}");
        }
    }
}
