//! Who somebody is: a key, and the name that the key has claimed.
//!
//! The key is the identity; the name is a hint that a rendezvous keeps. A peer's secret is a seed
//! of 32 bytes, from which every key that it needs is derived, so that the seed alone moves a
//! person to a new machine.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::x25519::Secret;

/// The public X25519 key that a peer or a rendezvous is known by.
///
/// Written in lower-case base32 (RFC 4648 §6, no padding): 52 letters and digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct PeerId(pub [u8; 32]);

/// A rendezvous' public key: the part behind `#` in `alice@host#KEY`.
pub type ServerKey = PeerId;

impl PeerId {
    /// The first eight characters of the written key, for places where the whole does not fit.
    ///
    /// Forty bits: enough to tell acquaintances apart, not enough to prove an identity.
    #[must_use]
    pub fn tag(&self) -> String {
        let mut text = self.to_string();
        text.truncate(8);
        text
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

/// A text is not a written key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a key has 52 letters and digits (a-z, 2-7)")]
pub struct InvalidKey;

impl FromStr for PeerId {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes =
            BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| InvalidKey)?;
        Ok(Self(bytes.try_into().map_err(|_| InvalidKey)?))
    }
}

/// A secret seed and the X25519 key pair derived from it.
///
/// `Debug` shows the public half only; the secret is wiped from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Identity {
    seed: [u8; 32],
    /// Wiped with the last that has it.
    #[zeroize(skip)]
    secret: Arc<Secret>,
}

impl Identity {
    /// Derives the keys of `seed`. The same seed always gives the same identity.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let mut bytes = blake3::derive_key("p2pchat 1 identity x25519", &seed);
        let secret = Arc::new(Secret::new(bytes));
        bytes.zeroize();
        Self { seed, secret }
    }

    /// The public key.
    #[must_use]
    pub fn id(&self) -> PeerId {
        PeerId(*self.secret.public())
    }

    /// The seed, to be written to a file that only its owner can read.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The X25519 secret that Noise needs.
    #[must_use]
    pub(crate) fn secret(&self) -> &[u8; 32] {
        self.secret.bytes()
    }

    /// The secret with what belongs to it.
    pub(crate) fn key(&self) -> &Arc<Secret> {
        &self.secret
    }

    /// The secret that the two owners of the keys can compute, and nobody else (RFC 7748 §6.1).
    ///
    /// `None` if the other key is one of the few for which everybody can. It is remembered for a handshake
    /// with them.
    pub(crate) fn agree(&self, other: &PeerId) -> Option<[u8; 32]> {
        self.secret.agree_for_long(&other.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.id())
    }
}

/// The longest name, in bytes of UTF-8: 21 Chinese characters.
pub const MAX_NAME: usize = 64;

/// A name in its one canonical form.
///
/// NFKC and lower case, so that full-width `ＡＬＩＣＥ` and `alice` are one name; letters and
/// digits of any script with the marks that it writes on them, and `-`, `_`, `.` between them; at
/// most [`MAX_NAME`] bytes. What has a meaning on the command line or in the chat (`@ # | / :`,
/// white space) cannot be part of a name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Name(String);

/// A text cannot be a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum InvalidName {
    /// Nothing is left of the text after normalisation.
    #[error("a name needs at least one letter or digit")]
    Empty,
    /// Longer than [`MAX_NAME`] bytes.
    #[error("a name has at most {MAX_NAME} bytes (64 Latin letters, 21 Chinese characters)")]
    TooLong,
    /// A character that no name may have.
    #[error(
        "a name has letters, digits, '-', '_' and '.', and starts with a letter or digit; {0:?} does not fit"
    )]
    Character(char),
    /// A combining mark that has nothing to stand on.
    #[error("a name cannot have {0:?} without a letter before it: that mark is part of a letter")]
    Mark(char),
}

impl Name {
    /// Brings `text` into canonical form.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] says which rule the text breaks.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        // Bound the work before doing any: NFKC can grow a text eighteenfold.
        if text.len() > 4 * MAX_NAME {
            return Err(InvalidName::TooLong);
        }
        let name: String = text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect();
        let mut letter_before = false;
        for c in name.chars() {
            let is_mark = is_combining_mark(c);
            if !c.is_alphanumeric() && !"-_.".contains(c) && !is_mark_of_a_script(c) {
                return Err(InvalidName::Character(c));
            }
            if is_mark && !letter_before {
                return Err(InvalidName::Mark(c));
            }
            letter_before = is_mark || c.is_alphanumeric();
        }
        match name.chars().next() {
            None => Err(InvalidName::Empty),
            Some(first) if !first.is_alphanumeric() => Err(InvalidName::Character(first)),
            Some(_) if name.len() > MAX_NAME => Err(InvalidName::TooLong),
            Some(_) => Ok(Self(name)),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `c` is one of the marks that are no letters and without which a script cannot be
/// written: nukta, virama and tone marks, which have a fixed place (UAX #44, combining classes 7 to
/// 199), and the signs of Thai, Lao and Khmer, which have no class.
///
/// Marks that fit onto any letter are left out: most make one letter with it, and the others are
/// good for disguises only.
fn is_mark_of_a_script(c: char) -> bool {
    matches!(canonical_combining_class(c), 7..200)
        || matches!(c, '\u{e47}' | '\u{e4c}' | '\u{ecc}' | '\u{17c9}'..='\u{17d1}')
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Name {
    /// Accepts the canonical form only: two spellings of one name on the wire would be two names.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = Self::new(&text).map_err(serde::de::Error::custom)?;
        if name.0 != text {
            return Err(serde::de::Error::custom("not in canonical form"));
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_being_written_and_read() {
        let id = Identity::from_seed([7; 32]).id();
        let text = id.to_string();
        assert_eq!(text.len(), 52);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_ascii_uppercase().parse(), Ok(id));
        assert_eq!("".parse::<PeerId>(), Err(InvalidKey));
        assert_eq!(text[1..].parse::<PeerId>(), Err(InvalidKey));
    }

    #[test]
    fn names_have_one_form() {
        for (text, name) in [
            ("Alice", "alice"),
            ("ＡＬＩＣＥ", "alice"),
            (" 爱丽丝 ", "爱丽丝"),
            ("a-b_c.9", "a-b_c.9"),
        ] {
            assert_eq!(Name::new(text).expect("valid").as_str(), name);
        }
    }

    #[test]
    fn names_of_scripts_that_write_marks_on_letters_are_names() {
        for name in [
            "विक्रम",
            "हिंदी",
            "বাংলা",
            "தமிழ்",
            "ಕನ್ನಡ",
            "സ്വാതി",
            "น้อย",
            "เล็ก",
            "ประยุทธ์",
            "ខ្មែរ",
            "ស៊ីណាត់",
            "ကျော်",
            "محمّد",
        ] {
            assert_eq!(Name::new(name).map(|name| name.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn a_mark_stands_on_a_letter() {
        // A vowel sign, a virama, a tone mark, and one that NFKC makes of a half-width form.
        for mark in ["\u{93f}", "\u{94d}", "\u{e49}", "\u{ff9e}"] {
            for text in [mark.to_owned(), format!("{mark}a"), format!("a-{mark}")] {
                let error = Name::new(&text).expect_err("no name");
                assert!(matches!(error, InvalidName::Mark(_)), "{text:?}: {error}");
                assert!(error.to_string().contains("without a letter before it"), "{error}");
            }
        }
        // Marks for any letter: where it does not become one letter with it, it is a disguise.
        assert_eq!(Name::new("e\u{301}").map(|name| name.to_string()), Ok("\u{e9}".to_owned()));
        for bad in ["q\u{301}", "a\u{338}", "a\u{20dd}", "a\u{fe0f}", "a\u{34f}"] {
            assert!(matches!(Name::new(bad), Err(InvalidName::Character(_))), "{bad:?}");
        }
    }

    #[test]
    fn what_means_something_elsewhere_is_no_name() {
        for bad in [
            "",
            "  ",
            "a b",
            "a@b",
            "a#b",
            "a||b",
            "/a",
            "-a",
            ".a",
            "a\u{202e}b",
            "a\u{1b}[m",
            "a\u{200b}b",
            "a:b",
        ] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert!(Name::new(&"x".repeat(65)).is_err());
        assert!(Name::new(&"x".repeat(64)).is_ok());
        // One ligature that NFKC turns into eighteen characters.
        assert!(Name::new(&"\u{fdfa}".repeat(60)).is_err());
    }

    #[test]
    fn only_the_canonical_form_is_read_from_the_wire() {
        let spelled = crate::codec::encode("Alice");
        assert!(crate::codec::decode::<Name, 100>(&spelled).is_err());
        let canonical = crate::codec::encode("alice");
        assert!(crate::codec::decode::<Name, 100>(&canonical).is_ok());
    }

    #[test]
    fn the_secret_is_not_in_debug_output() {
        let identity = Identity::from_seed([9; 32]);
        assert_eq!(format!("{identity:?}"), format!("Identity({})", identity.id()));
    }
}
