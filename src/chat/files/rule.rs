//! What becomes of files that a contact offers before a person has looked.

use serde::{Deserialize, Serialize};

/// What a person has decided about the files of a contact.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum FileRule {
    /// They wait until the person has decided.
    #[default]
    Ask,
    /// They are accepted, if they are not larger than this.
    UpTo(u64),
    /// They are declined.
    Never,
}

impl FileRule {
    /// The word that programs see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::UpTo(_) => "always",
            Self::Never => "never",
        }
    }

    /// Reads what a person types: `ask`, `never`, `always`, `always 100MB`.
    pub(in crate::chat) fn read(word: &str, size: Option<&str>) -> Option<Self> {
        match (word, size) {
            ("ask", None) => Some(Self::Ask),
            ("never", None) => Some(Self::Never),
            ("always", None) => Some(Self::UpTo(super::disk::MAX_SIZE)),
            ("always", Some(size)) => bytes(size).map(Self::UpTo),
            _ => None,
        }
    }
}

/// So many bytes: `500k`, `100MB`, `2 GB`.
fn bytes(typed: &str) -> Option<u64> {
    let lower = typed.to_ascii_lowercase();
    let digits = lower.len() - lower.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = lower.split_at(digits);
    let unit = match unit.trim().trim_end_matches('b') {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        for (typed, size) in [
            ("7", Some(7)),
            ("500k", Some(500_000)),
            ("100MB", Some(100_000_000)),
            ("2 GB", Some(2_000_000_000)),
            ("1tb", Some(1_000_000_000_000)),
            ("0", None),
            ("MB", None),
            ("5 apples", None),
            ("99999999999999999999", None),
            ("99999999999T", None),
        ] {
            assert_eq!(bytes(typed), size, "{typed}");
        }
        assert_eq!(FileRule::read("never", Some("5")), None);
        assert_eq!(FileRule::read("sometimes", None), None);
        assert_eq!(FileRule::read("always", Some("5k")), Some(FileRule::UpTo(5_000)));
    }
}
