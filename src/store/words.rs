//! An identity as 24 words, for paper (BIP-39).
//!
//! The words are the 32 bytes of the seed and a checksum of one byte, in one of two lists of 2048
//! words. Nothing is derived from them: no passphrase and no key stretching are between the words
//! and the identity, so whoever has the words is that person.

use bip39::{Language, Mnemonic};
use zeroize::{Zeroize, Zeroizing};

/// How many words an identity has.
pub const WORDS: usize = 24;

/// From which list the words are. Both say the same.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WordList {
    /// English; the first four letters of each word are enough to know it.
    #[default]
    English,
    /// Simplified Chinese, one character each.
    Chinese,
}

impl WordList {
    fn language(self) -> Language {
        match self {
            Self::English => Language::English,
            Self::Chinese => Language::SimplifiedChinese,
        }
    }
}

/// Why words are no identity: a sentence for a person, in which none of the words is repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnIdentity {
    /// Too few or too many.
    #[error("An identity is {WORDS} words, and these are {0}.")]
    Count(usize),
    /// A word is on neither list.
    #[error("Word {place} is on neither list of words{}. Compare it with what you wrote down.", similar(.nearest))]
    Unknown {
        /// Which, from 1 up.
        place: usize,
        /// The words that begin alike.
        nearest: Vec<&'static str>,
    },
    /// Some words are English, some Chinese.
    #[error("The words are from two lists; all are English or all are Chinese.")]
    Mixed,
    /// Each is a word, and together they are nobody.
    #[error(
        "One of the words is wrong, or two have changed places: their checksum does not match. Compare them with what you wrote down."
    )]
    Checksum,
}

fn similar(nearest: &[&str]) -> String {
    if nearest.is_empty() { String::new() } else { format!(" (is it {}?)", nearest.join(" or ")) }
}

/// The words of a seed, with single spaces between them.
#[must_use]
pub fn from_seed(seed: &[u8; 32], list: WordList) -> Zeroizing<String> {
    // 32 bytes are one of the lengths that BIP-39 has.
    let mnemonic = Mnemonic::from_entropy_in(list.language(), seed);
    let mut words = Zeroizing::new(String::with_capacity(WORDS * 9));
    for word in mnemonic.iter().flat_map(Mnemonic::words) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words
}

/// The seed that words stand for. Case, line breaks and the numbers before the words make no
/// difference, nor do spaces between Chinese words.
///
/// # Errors
///
/// They are no identity, for this reason.
pub fn to_seed(typed: &str) -> Result<Zeroizing<[u8; 32]>, NotAnIdentity> {
    let words = Words(split(typed));
    if words.0.len() != WORDS {
        return Err(NotAnIdentity::Count(words.0.len()));
    }
    let lists = [Language::English, Language::SimplifiedChinese];
    let on = |list: Language| words.0.iter().filter(|word| list.find_word(word).is_some()).count();
    let Some(list) = lists.into_iter().find(|list| on(*list) == WORDS) else {
        let unknown = |word: &&String| lists.iter().all(|list| list.find_word(word).is_none());
        return Err(match words.0.iter().position(|word| unknown(&word)) {
            None => NotAnIdentity::Mixed,
            Some(place) => {
                NotAnIdentity::Unknown { place: place + 1, nearest: nearest(&words.0[place]) }
            }
        });
    };
    let joined = Zeroizing::new(words.0.join(" "));
    let mnemonic =
        Mnemonic::parse_in_normalized(list, &joined).map_err(|_| NotAnIdentity::Checksum)?;
    let entropy = Zeroizing::new(mnemonic.to_entropy());
    let seed = entropy.as_slice().try_into().map_err(|_| NotAnIdentity::Checksum)?;
    Ok(Zeroizing::new(seed))
}

/// How many words a text has.
#[must_use]
pub fn count(typed: &str) -> usize {
    Words(split(typed)).0.len()
}

/// They are wiped, too.
struct Words(Vec<String>);

impl Drop for Words {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

fn split(typed: &str) -> Vec<String> {
    let mut words = Vec::new();
    for piece in typed.split(|c: char| !c.is_alphabetic()).filter(|piece| !piece.is_empty()) {
        if piece.is_ascii() {
            words.push(piece.to_ascii_lowercase());
        } else {
            words.extend(piece.chars().map(String::from));
        }
        // What is longer is no identity, and is not kept.
        if words.len() > 4 * WORDS {
            break;
        }
    }
    words
}

/// Up to three words with the same first letters, as many letters as any word shares.
fn nearest(word: &str) -> Vec<&'static str> {
    let beginnings = (2..=4).rev().filter_map(|length| word.get(..length));
    beginnings
        .map(|beginning| Language::English.words_by_prefix_iter(beginning).take(3).collect())
        .find(|list: &Vec<_>| !list.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_are_those_of_bip_39() {
        // Test vectors of the BIP, of 256 bits.
        let abandon = format!("{}art", "abandon ".repeat(23));
        assert_eq!(*from_seed(&[0; 32], WordList::English), abandon);
        let zoo = format!("{}vote", "zoo ".repeat(23));
        assert_eq!(*from_seed(&[0xff; 32], WordList::English), zoo);
        let chinese = from_seed(&[0; 32], WordList::Chinese);
        assert_eq!(*chinese, format!("{}性", "的 ".repeat(23)));
    }

    #[test]
    fn words_may_be_typed_as_they_stand_on_paper() {
        let numbered: String = from_seed(&[7; 32], WordList::English)
            .split(' ')
            .zip(1..)
            .map(|(word, place)| format!("{place:2}. {}\n", word.to_uppercase()))
            .collect();
        assert_eq!(to_seed(&numbered).as_deref(), Ok(&[7; 32]));
        let dense = from_seed(&[7; 32], WordList::Chinese).replace(' ', "");
        assert_eq!(to_seed(&dense).as_deref(), Ok(&[7; 32]));
    }

    #[test]
    fn what_is_wrong_with_words_is_said() {
        let words = from_seed(&[7; 32], WordList::English);
        let mut list: Vec<&str> = words.split(' ').collect();
        assert_eq!(to_seed(&list[1..].join(" ")), Err(NotAnIdentity::Count(23)));
        assert_eq!(to_seed(""), Err(NotAnIdentity::Count(0)));
        let seventh = list[6];
        list[6] = "abandonn";
        let error = to_seed(&list.join(" ")).expect_err("a slip");
        assert_eq!(error, NotAnIdentity::Unknown { place: 7, nearest: vec!["abandon"] });
        assert!(error.to_string().contains("Word 7") && error.to_string().contains("abandon?"));
        list[6] = "的";
        assert_eq!(to_seed(&list.join(" ")), Err(NotAnIdentity::Mixed));
        list[6] = if seventh == "zoo" { "zone" } else { "zoo" };
        assert_eq!(to_seed(&list.join(" ")), Err(NotAnIdentity::Checksum));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn words_give_the_seed_back(seed in any::<[u8; 32]>(), chinese in any::<bool>()) {
            let list = if chinese { WordList::Chinese } else { WordList::English };
            let words = from_seed(&seed, list);
            prop_assert_eq!(to_seed(&words), Ok(Zeroizing::new(seed)));
        }

        #[test]
        fn nothing_that_is_typed_panics(typed in any::<String>()) {
            let _ = to_seed(&typed);
        }
    }
}
