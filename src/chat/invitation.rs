//! The code of an invitation, as two people tell it each other: `7-orchard-clock`.
//!
//! The number says where the letters are, the words are what nobody else knows. They are words of
//! BIP-39, which are easily told apart: two of 2,048 are 22 bits, for which somebody in between has one
//! guess on each side before both are told.

use bip39::Language;
use p2pchat_wire::random::Random;
use zeroize::Zeroizing;

use super::safety::Wording;
use crate::proto::InvitationWords;

/// Words of a code.
pub const WORDS: usize = 2;

/// A typed code that is longer is none.
const MAX_CODE: usize = 256;

/// Why what was typed is no code. Nothing is used up by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotACode {
    /// It is not a number and two words.
    #[error("A code is a number and two words, such as 7-orchard-clock.")]
    Shape,
    /// A word, counted from 1, is none of those that codes are made of.
    #[error("Word {0} is on neither list of words. Ask for it again; nothing is used up yet.")]
    Unknown(usize),
}

/// Words for a new invitation.
#[must_use]
pub fn draw(wording: Wording, random: &mut Random) -> InvitationWords {
    let list = wording.language().word_list();
    let length = u32::try_from(list.len()).unwrap_or(1);
    let drawn = (0..WORDS).map(|_| list[random.below(length) as usize]);
    InvitationWords::new(drawn.collect::<Vec<_>>().join("-"))
}

/// The code, to be told.
#[must_use]
pub fn write(number: u32, words: &InvitationWords) -> String {
    format!("{number}-{}", words.as_str())
}

/// Number and words of a code that was typed, with whatever stands between its parts. Chinese words
/// are one character each and need nothing between them.
///
/// # Errors
///
/// It is none.
pub fn read(typed: &str) -> Result<(u32, InvitationWords), NotACode> {
    if typed.len() > MAX_CODE {
        return Err(NotACode::Shape);
    }
    let digits = |c: char| char::from_digit(c.to_digit(10).or_else(|| full_width(c))?, 10);
    let typed = typed.trim();
    let number: String = typed.chars().map_while(digits).collect();
    let rest = typed.trim_start_matches(|c: char| digits(c).is_some());
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
    let lists = [Language::English, Language::SimplifiedChinese];
    let known = |word: &String| lists.iter().any(|list| list.find_word(word).is_some());
    match words.iter().position(|word| !known(word)) {
        Some(place) => Err(NotACode::Unknown(place + 1)),
        None => Ok((number, InvitationWords::new(words.join("-")))),
    }
}

/// The digits that Chinese and Japanese keyboards give.
fn full_width(c: char) -> Option<u32> {
    ('０'..='９').contains(&c).then(|| u32::from(c) - u32::from('０'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        for typed in [
            "7-crossover-clockwork",
            "7-abandon-zoo",
            " 7 Abandon  ZOO\n",
            "７－abandon－zoo",
            "7-的-一",
            "7的一",
            "42 的　一",
        ] {
            let read = read(typed);
            match typed {
                // Not of the list.
                "7-crossover-clockwork" => assert_eq!(read, Err(NotACode::Unknown(1))),
                _ if typed.contains('的') => {
                    assert_eq!(read.expect("a code").1.as_str(), "的-一");
                }
                _ => {
                    let (number, words) = read.expect("a code");
                    assert_eq!((number, words.as_str()), (7, "abandon-zoo"));
                }
            }
        }
    }

    #[test]
    fn what_is_no_code_uses_nothing_up() {
        for typed in ["", "7", "abandon-zoo", "7-abandon", "7-abandon-zoo-zoo", "0-abandon-zoo"] {
            assert_eq!(read(typed), Err(NotACode::Shape), "{typed}");
        }
        assert_eq!(read("99999999999-abandon-zoo"), Err(NotACode::Shape));
        assert_eq!(read(&"7-".repeat(1000)), Err(NotACode::Shape));
        assert_eq!(read("7-abandon-zooo"), Err(NotACode::Unknown(2)));
    }

    #[test]
    fn every_code_is_read_as_it_was_written() {
        let mut random = Random::from_seed([1; 32]);
        for wording in [Wording::English, Wording::Chinese] {
            for number in 1..200 {
                let words = draw(wording, &mut random);
                assert_eq!(read(&write(number, &words)), Ok((number, words)));
            }
        }
    }
}
