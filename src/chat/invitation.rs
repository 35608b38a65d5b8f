//! The code of an invitation, as two people tell it each other, `7-orchard-clock`; and the link for those
//! who cannot.
//!
//! The number says where the letters are, the words are what nobody else knows. They are words of
//! BIP-39, which are easily told apart: two of 2,048 are 22 bits, for which somebody in between has one
//! guess on each side before both are told. Each word stands in an English and in a Chinese list, and
//! which of the two is told makes no difference.

mod link;

use bip39::Language;
use p2pchat_wire::random::Random;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use link::{ContactLink, InvalidLink, SCHEME};

use super::safety::Wording;
use crate::proto::InvitationWords;

/// Words of a code.
pub const WORDS: usize = 2;

/// For how many minutes a code is good, unless the server's keeper has settled otherwise.
pub const MINUTES: u64 = 10;

/// A typed code that is longer is none.
const MAX_CODE: usize = 256;

/// Why what was typed is no code. Nothing is used up by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum NotACode {
    /// It is not a number and two words.
    #[error("A code is a number and two words, such as 7-orchard-clock.")]
    Shape,
    /// A word, counted from 1, is none of those that codes are made of.
    #[error("Word {0} is on neither list of words. Ask for it again; nothing is used up yet.")]
    Unknown(usize),
}

/// The words of a code, as their places in the lists. `Debug` shows nothing.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
#[serde(into = "[u16; WORDS]", try_from = "[u16; WORDS]")]
pub struct CodeWords(Zeroizing<[u16; WORDS]>);

impl From<CodeWords> for [u16; WORDS] {
    fn from(words: CodeWords) -> Self {
        *words.0
    }
}

impl TryFrom<[u16; WORDS]> for CodeWords {
    type Error = &'static str;

    fn try_from(places: [u16; WORDS]) -> Result<Self, Self::Error> {
        let length = Language::English.word_list().len();
        let known = places.iter().all(|place| usize::from(*place) < length);
        known.then_some(Self(Zeroizing::new(places))).ok_or("no such word")
    }
}

impl CodeWords {
    /// Words for a new invitation.
    #[must_use]
    pub fn draw(random: &mut Random) -> Self {
        let length = Language::English.word_list().len() as u32;
        let place = |_| u16::try_from(random.below(length)).unwrap_or_default();
        Self(Zeroizing::new([0; WORDS].map(place)))
    }

    /// The code, to be told.
    #[must_use]
    pub fn write(&self, number: u32, wording: Wording) -> Zeroizing<String> {
        let list = wording.language().word_list();
        let mut code = Zeroizing::new(number.to_string());
        for place in self.0.iter() {
            code.push('-');
            code.push_str(list[usize::from(*place)]);
        }
        code
    }

    /// Number and words of a code that was typed, with whatever stands between its parts. Chinese
    /// words are one character each and need nothing between them.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn read(typed: &str) -> Result<(u32, Self), NotACode> {
        if typed.len() > MAX_CODE {
            return Err(NotACode::Shape);
        }
        let typed = typed.trim();
        let number: String = typed.chars().map_while(digit).collect();
        let rest = typed.trim_start_matches(|c: char| digit(c).is_some());
        let mut words = Zeroizing::new(Vec::new());
        for piece in rest.split(|c: char| !c.is_alphabetic()).filter(|piece| !piece.is_empty()) {
            if piece.is_ascii() {
                words.push(piece.to_ascii_lowercase());
            } else {
                words.extend(piece.chars().map(String::from));
            }
        }
        let number = number.parse().ok().filter(|&number| number != 0);
        let (Some(number), WORDS) = (number, words.len()) else { return Err(NotACode::Shape) };
        let mut places = Zeroizing::new([0; WORDS]);
        for (at, (place, word)) in (1..).zip(places.iter_mut().zip(words.iter())) {
            let lists = [Language::English, Language::SimplifiedChinese];
            let found = lists.iter().find_map(|list| list.find_word(word));
            *place = found.ok_or(NotACode::Unknown(at))?;
        }
        Ok((number, Self(places)))
    }

    /// What enters the exchange.
    #[must_use]
    pub fn secret(&self) -> InvitationWords {
        let list = Language::English.word_list();
        let words: Vec<_> = self.0.iter().map(|place| list[usize::from(*place)]).collect();
        InvitationWords::new(words.join("-"))
    }
}

impl std::fmt::Debug for CodeWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeWords(..)")
    }
}

/// A digit, also one of those that Chinese and Japanese keyboards give.
fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed_and_in_whichever_language() {
        for typed in [
            "7-abandon-zoo",
            " 7 Abandon  ZOO\n",
            "７－abandon－zoo",
            "7-的-歇",
            "7的歇",
            "7 的　歇",
            "7-abandon-歇",
        ] {
            let (number, words) = CodeWords::read(typed).expect("a code");
            assert_eq!((number, words.secret().as_str()), (7, "abandon-zoo"), "{typed}");
        }
    }

    #[test]
    fn what_is_no_code_uses_nothing_up() {
        for typed in ["", "7", "abandon-zoo", "7-abandon", "7-abandon-zoo-zoo", "0-abandon-zoo"] {
            assert_eq!(CodeWords::read(typed), Err(NotACode::Shape), "{typed}");
        }
        assert_eq!(CodeWords::read("99999999999-abandon-zoo"), Err(NotACode::Shape));
        assert_eq!(CodeWords::read(&"7-".repeat(1000)), Err(NotACode::Shape));
        assert_eq!(CodeWords::read("7-abandon-zooo"), Err(NotACode::Unknown(2)));
        assert_eq!(CodeWords::read("7-crossover-zoo"), Err(NotACode::Unknown(1)));
    }

    #[test]
    fn every_code_is_read_as_it_was_written() {
        let mut random = Random::from_seed([1; 32]);
        for wording in [Wording::English, Wording::Chinese] {
            for number in 1..200 {
                let words = CodeWords::draw(&mut random);
                assert_eq!(CodeWords::read(&words.write(number, wording)), Ok((number, words)));
            }
        }
    }
}
