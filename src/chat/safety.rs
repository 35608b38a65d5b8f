//! What two people compare to know that nobody sits between them: twelve words that both of their
//! programs make of both keys.
//!
//! The words are 132 bits of a hash of the two keys in order, so both sides see the same. Somebody
//! in the middle has a key towards each side, may try as many as he likes, and needs one pair for
//! which both sides see the same words: that is a collision, 2^66 attempts. So the hash is made
//! expensive (`ROUNDS`), which nobody notices who needs one, and an attempt costs as much: 2^82 hashes
//! altogether.
//!
//! The words are those of BIP-39, 2,048 in each language, eleven bits each; there is no check sum in
//! them. All twelve are to be compared: each word left out makes it 2,048 times easier.

use bip39::Language;
use p2pchat_wire::identity::PeerId;
use serde::{Deserialize, Serialize};

/// Words of a code.
pub const WORDS: usize = 12;

/// Bits of a word.
const BITS: usize = 11;

/// How often the hash is hashed again: a few milliseconds.
const ROUNDS: u32 = 1 << 16;

/// What a picture of the keys begins with.
const PICTURE: &str = "P2PCHAT";

/// Twelve words, as their places in the list of a language.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[u16; WORDS]")]
pub struct SafetyCode([u16; WORDS]);

impl TryFrom<[u16; WORDS]> for SafetyCode {
    type Error = &'static str;

    fn try_from(places: [u16; WORDS]) -> Result<Self, Self::Error> {
        let length = Language::English.word_list().len();
        let known = places.iter().all(|place| usize::from(*place) < length);
        known.then_some(Self(places)).ok_or("no such word")
    }
}

/// The lists of words.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Wording {
    /// English.
    English,
    /// Chinese, in simplified characters.
    Chinese,
}

/// What a person says to /verify.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// Show the words, in the language of the rest if no other is named.
    Show(Option<Wording>),
    /// They are the same.
    Yes,
    /// These are the words, or the text of the picture, of the other side.
    Typed(String),
}

/// What the other side's words or keys are, compared with ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// These.
    Same,
    /// They are words or keys, and not these.
    Other,
    /// They are neither.
    Unreadable,
}

impl Wording {
    pub(super) fn language(self) -> Language {
        match self {
            Self::English => Language::English,
            Self::Chinese => Language::SimplifiedChinese,
        }
    }
}

impl SafetyCode {
    /// The code of two keys; the same whichever is ours.
    #[must_use]
    pub fn new(one: &PeerId, other: &PeerId) -> Self {
        let (low, high) = (one.min(other), one.max(other));
        let mut hasher = blake3::Hasher::new_derive_key("p2pchat 1 verification words");
        let mut hash = *hasher.update(&low.0).update(&high.0).finalize().as_bytes();
        for _ in 0..ROUNDS {
            hash = *blake3::hash(&hash).as_bytes();
        }
        let mut words = [0; WORDS];
        for (place, word) in words.iter_mut().enumerate() {
            *word = word_at(&hash, place * BITS);
        }
        Self(words)
    }

    /// The words.
    #[must_use]
    pub fn words(&self, wording: Wording) -> [&'static str; WORDS] {
        let list = wording.language().word_list();
        self.0.map(|index| list[usize::from(index)])
    }

    /// Whether `text`, which the other side gave us, is this code in any language, or the text of a
    /// picture of these two keys.
    #[must_use]
    pub fn compare(&self, text: &str, me: &PeerId, them: &PeerId) -> Comparison {
        let text = text.trim();
        if text.get(..PICTURE.len()).is_some_and(|start| start.eq_ignore_ascii_case(PICTURE)) {
            let same = text.eq_ignore_ascii_case(&picture(me, them));
            return if same { Comparison::Same } else { Comparison::Other };
        }
        // Chinese words are one character each, and need nothing between them.
        let spoken: Vec<String> = match text.is_ascii() {
            true => text.split_whitespace().map(str::to_ascii_lowercase).collect(),
            false => text.chars().filter(|c| !c.is_whitespace()).map(String::from).collect(),
        };
        let wording = if text.is_ascii() { Wording::English } else { Wording::Chinese };
        let list = wording.language().word_list();
        if spoken.len() != WORDS || !spoken.iter().all(|word| list.contains(&word.as_str())) {
            return Comparison::Unreadable;
        }
        let same = spoken.iter().zip(self.words(wording)).all(|(spoken, word)| spoken == word);
        if same { Comparison::Same } else { Comparison::Other }
    }
}

/// Eleven bits of a hash, the first of which is number `bit`.
fn word_at(hash: &[u8; 32], bit: usize) -> u16 {
    let bytes = hash.iter().skip(bit / 8).take(3);
    let all = bytes.fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
    let word = all >> (24 - BITS - bit % 8) & ((1 << BITS) - 1);
    u16::try_from(word).unwrap_or(0)
}

/// What a picture says that both sides can compare by a camera: both keys in order, in capitals,
/// which take the least room.
#[must_use]
pub fn picture(one: &PeerId, other: &PeerId) -> String {
    let (low, high) = (one.min(other), one.max(other));
    format!("{PICTURE}:{low}:{high}").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: PeerId = PeerId([1; 32]);
    const BOB: PeerId = PeerId([2; 32]);

    #[test]
    fn both_sides_see_the_same_words_in_both_languages() {
        let code = SafetyCode::new(&ALICE, &BOB);
        assert_eq!(code, SafetyCode::new(&BOB, &ALICE));
        assert_ne!(code, SafetyCode::new(&ALICE, &PeerId([3; 32])));
        let golden = "reward someone defy estate good giant ramp sell become soup barrel view";
        assert_eq!(code.words(Wording::English).join(" "), golden);
        let golden = "螺漏按右附扩链仁变叛或卢";
        assert_eq!(code.words(Wording::Chinese).concat(), golden);
    }

    #[test]
    fn the_words_of_the_other_side_are_recognised_however_they_are_written() {
        let code = SafetyCode::new(&ALICE, &BOB);
        let compare = |text: &str| code.compare(text, &ALICE, &BOB);
        let english = code.words(Wording::English).join(" ");
        assert_eq!(compare(&english.to_ascii_uppercase()), Comparison::Same);
        assert_eq!(compare(&format!("  {}\n", english.replace(' ', "   "))), Comparison::Same);
        assert_eq!(compare(&code.words(Wording::Chinese).concat()), Comparison::Same);
        assert_eq!(compare(&code.words(Wording::Chinese).join("　")), Comparison::Same);
        assert_eq!(compare(&picture(&BOB, &ALICE).to_ascii_lowercase()), Comparison::Same);
        let theirs = SafetyCode::new(&ALICE, &PeerId([3; 32]));
        assert_eq!(compare(&theirs.words(Wording::English).join(" ")), Comparison::Other);
        assert_eq!(compare(&picture(&ALICE, &PeerId([3; 32]))), Comparison::Other);
        let first = english.split(' ').take(11).collect::<Vec<_>>().join(" ");
        for text in ["", "yes", "abandon", &first, &format!("{first} hello-world")] {
            assert_eq!(compare(text), Comparison::Unreadable, "{text}");
        }
    }

    #[test]
    fn words_are_cut_out_of_the_hash_bit_by_bit() {
        let mut hash = [0; 32];
        // The eleven ones of word 1, between zeros.
        (hash[1], hash[2]) = (0b0001_1111, 0b1111_1100);
        assert_eq!([0, 1, 2].map(|word| word_at(&hash, word * BITS)), [0, 0x7ff, 0]);
    }
}
