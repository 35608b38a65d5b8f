//! How peers of one local network know each other without a server.
//!
//! A peer announces itself by multicast DNS (RFC 6762) as an instance of [`SERVICE`], and everybody
//! in the network can read that. So an [`Announcement`] does not say who it is. It has a nonce and,
//! for each contact, a *hint* that only this contact can compute: a hash of the nonce under a secret
//! that the two of them derive from their keys ([`Acquaintance`]). To everybody else the hints are
//! random bytes, others with each announcement; their number is always the same, so that not even
//! the number of contacts is told. Whoever wants to be met by strangers adds name and key.
//!
//! No rendezvous introduces two neighbours. What its introduction would have told them, the number
//! at the head of their handshakes, comes out of the same hash: whoever does not share the secret
//! can neither guess it before it is used nor connect it with a person.
//!
//! Announcements can be forged, and recorded and repeated elsewhere. One says no more than where a
//! handshake is worth a try; only the handshake proves a key.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::identity::{Identity, Name, PeerId};
use crate::random::Random;

/// The kind of service (RFC 6763 §4.1.2, §7): chat over UDP, in the domain of the local link.
pub const SERVICE: &str = "_p2pchat._udp.local.";

/// The host in the address of somebody whom no rendezvous knows: `alice@local`.
///
/// `.local` belongs to multicast DNS (RFC 6762 §3), so no rendezvous can be called so.
pub const HOST: &str = "local";

/// Hints in an announcement: as many as fit into one string of a TXT record (RFC 6763 §6.1).
pub const HINTS: usize = 63;

/// The version of the announcement's text.
const TEXT_VERSION: &[u8] = b"1";

/// Tells announcements apart, and makes each one's hints unlike any other's.
pub type Nonce = [u8; 16];

/// What a contact recognises an announcement by.
pub type Hint = [u8; 4];

/// What a peer tells its local network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Announcement {
    /// Random, new with each announcement.
    pub nonce: Nonce,
    /// In ascending order, [`HINTS`] of them; those that are nobody's are random.
    pub hints: Vec<Hint>,
    /// Who it is, if everybody may know.
    pub open: Option<(Name, PeerId)>,
}

impl Announcement {
    /// An announcement with these hints, filled up with random ones. What is too much is left out.
    #[must_use]
    pub fn new(
        nonce: Nonce,
        hints: impl IntoIterator<Item = Hint>,
        open: Option<(Name, PeerId)>,
        random: &mut Random,
    ) -> Self {
        let mut hints: Vec<Hint> = hints.into_iter().take(HINTS).collect();
        hints.resize_with(HINTS, || random.array());
        hints.sort_unstable();
        Self { nonce, hints, open }
    }

    /// As the attributes of a TXT record and their values (RFC 6763 §6.4, §6.5).
    #[must_use]
    pub fn text(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut text = vec![
            ("v", TEXT_VERSION.to_vec()),
            ("n", self.nonce.to_vec()),
            ("h", self.hints.as_flattened().to_vec()),
        ];
        if let Some((name, key)) = &self.open {
            text.push(("name", name.as_str().as_bytes().to_vec()));
            text.push(("key", key.to_string().into_bytes()));
        }
        text
    }

    /// Reads the text of somebody's announcement; `value` finds the value of an attribute, which
    /// has at most 253 bytes.
    ///
    /// `None` if it is of another version, or anything in it is not in its one form. Attributes that
    /// we do not know are a newer program's business.
    pub fn from_text<'a>(value: impl Fn(&str) -> Option<&'a [u8]>) -> Option<Self> {
        if value("v")? != TEXT_VERSION {
            return None;
        }
        let nonce = value("n")?.try_into().ok()?;
        let (hints, []) = value("h")?.as_chunks::<4>() else { return None };
        let in_order = hints.is_sorted();
        if hints.len() != HINTS || !in_order {
            return None;
        }
        let open = match (value("name"), value("key")) {
            (None, None) => None,
            (name, key) => Some((read_name(name?)?, read_key(key?)?)),
        };
        Some(Self { nonce, hints: hints.to_vec(), open })
    }
}

fn read_name(value: &[u8]) -> Option<Name> {
    let spelled = std::str::from_utf8(value).ok()?;
    Name::new(spelled).ok().filter(|name| name.as_str() == spelled)
}

fn read_key(value: &[u8]) -> Option<PeerId> {
    let spelled = std::str::from_utf8(value).ok()?;
    spelled.parse().ok().filter(|key: &PeerId| key.to_string() == spelled)
}

/// What two people who have each other's key share before they have said a word.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Acquaintance([u8; 32]);

/// How one of them is met by the other through one announcement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Token {
    /// Stands in the announcement.
    pub hint: Hint,
    /// Heads the handshakes that the other opens. Nobody else knows it before.
    pub introduction: u64,
}

impl Acquaintance {
    /// Between us and whoever has that key. `None` if it is no key that one can share a secret with.
    #[must_use]
    pub fn new(identity: &Identity, other: &PeerId) -> Option<Self> {
        let mut shared = identity.agree(other)?;
        let secret = Self(blake3::derive_key("p2pchat 1 neighbours acquaintance", &shared));
        shared.zeroize();
        Some(secret)
    }

    /// What the announcement of `announcer` with this nonce has for the other one.
    #[must_use]
    pub fn token(&self, announcer: &PeerId, nonce: &Nonce) -> Token {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&announcer.0).update(nonce);
        let mut stream = hasher.finalize_xof();
        let (mut hint, mut number) = ([0; 4], [0; 8]);
        stream.fill(&mut hint);
        stream.fill(&mut number);
        Token { hint, introduction: u64::from_be_bytes(number) }
    }
}

impl fmt::Debug for Acquaintance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acquaintance(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[(&str, Vec<u8>)]) -> Option<Announcement> {
        let find = |wanted: &str| text.iter().find(|(attribute, _)| *attribute == wanted);
        Announcement::from_text(|wanted| find(wanted).map(|(_, value)| value.as_slice()))
    }

    fn announcement(open: bool) -> Announcement {
        let open = open.then(|| (Name::new("爱丽丝").expect("name"), PeerId([7; 32])));
        Announcement::new([1; 16], [[9; 4], [2; 4]], open, &mut Random::from_seed([3; 32]))
    }

    #[test]
    fn an_announcement_reads_back_as_it_was_written() {
        for open in [false, true] {
            let announcement = announcement(open);
            assert_eq!(announcement.hints.len(), HINTS);
            assert!(announcement.hints.contains(&[2; 4]) && announcement.hints.contains(&[9; 4]));
            let mut text = announcement.text();
            assert!(text.iter().all(|(attribute, value)| attribute.len() + value.len() < 255));
            assert_eq!(read(&text), Some(announcement));
            text.push(("future", vec![1]));
            assert!(read(&text).is_some());
        }
    }

    #[test]
    fn an_announcement_that_breaks_a_rule_is_none() {
        let good = announcement(true).text();
        for left_out in 0..good.len() {
            let mut rest = good.clone();
            rest.remove(left_out);
            assert_eq!(read(&rest), None, "{left_out}");
        }
        let bad: [(usize, &[u8]); 9] = [
            (0, b"2"),
            (1, &[0; 15]),
            (2, &[0; 251]),
            (2, &[0; 248]),
            (3, b"Alice"),
            (3, b""),
            (3, b"a\x1b[m"),
            (3, b"\xff"),
            (4, b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ];
        for (place, value) in bad {
            let mut text = good.clone();
            text[place].1 = value.to_vec();
            assert_eq!(read(&text), None, "{place} {value:?}");
        }
        let mut text = good;
        text[2].1.reverse();
        assert_eq!(read(&text), None, "out of order");
    }

    #[test]
    fn two_acquaintances_compute_the_same_and_nobody_else_does() {
        let people = [1, 2, 3].map(|seed| Identity::from_seed([seed; 32]));
        let [alice, bob, eve] = &people;
        let between =
            |one: &Identity, other: &Identity| Acquaintance::new(one, &other.id()).expect("keys");
        let (nonce, other) = ([5; 16], [6; 16]);
        let token = between(alice, bob).token(&alice.id(), &nonce);
        assert_eq!(between(bob, alice).token(&alice.id(), &nonce), token);
        let different = [
            between(eve, alice).token(&alice.id(), &nonce),
            between(alice, bob).token(&alice.id(), &other),
            // Sent back by whoever heard it, it is nobody's.
            between(alice, bob).token(&bob.id(), &nonce),
        ];
        for one in different {
            assert!(one.hint != token.hint && one.introduction != token.introduction);
        }
    }

    #[test]
    fn a_key_with_which_everybody_shares_a_secret_is_nobodys() {
        assert!(Acquaintance::new(&Identity::from_seed([1; 32]), &PeerId([0; 32])).is_none());
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Announcement::from_text(|_| Some(&bytes));
            let version = |attribute: &str| Some(if attribute == "v" { &b"1"[..] } else { &bytes });
            let _ = Announcement::from_text(version);
        }
    }
}
