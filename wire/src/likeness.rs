//! Which names look alike, so that nobody passes for somebody else by a letter of another script.
//!
//! UTS #39 has the rules and the tables: a *skeleton* is what is left of a text when everything that
//! looks the same is the same, and a name whose letters come from scripts that nobody writes together
//! is a disguise. A [`Name`] is neither refused nor changed by them: who gives out names and who shows
//! them decide what to do.

use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::AugmentedScriptSet;

use crate::identity::Name;

impl Name {
    /// What the name looks like: two names that can be taken for each other have the same skeleton
    /// (UTS #39 §4, in lower case as names are). It means nothing else, and is not to be shown.
    #[must_use]
    pub fn skeleton(&self) -> String {
        // Some prototypes are capitals: that of the digit 0 is O.
        skeleton(self.as_str()).flat_map(char::to_lowercase).collect()
    }

    /// Whether the letters are of scripts that nobody writes in one word, as Latin and Cyrillic ones:
    /// UTS #39 §5.2, neither of a single script nor "highly restrictive". Latin letters beside
    /// Chinese, Japanese or Korean ones are what people write.
    #[must_use]
    pub fn mixes_scripts(&self) -> bool {
        let (mut all, mut but_latin) =
            (AugmentedScriptSet::default(), AugmentedScriptSet::default());
        for c in self.as_str().chars() {
            all.intersect_with(c.into());
            // Digits and marks are of every script, and restrict nothing.
            if !(c.is_ascii_alphabetic() || is_latin(c)) {
                but_latin.intersect_with(c.into());
            }
        }
        all.is_empty() && !(but_latin.kore || but_latin.hanb || but_latin.jpan)
    }
}

/// Whether a character is of the Latin script and of no other.
fn is_latin(c: char) -> bool {
    let mut latin = AugmentedScriptSet::from('a');
    let own = AugmentedScriptSet::from(c);
    latin.intersect_with(own);
    !latin.is_empty() && !own.base.is_common() && !own.base.is_inherited()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).expect("valid")
    }

    #[test]
    fn names_that_can_be_taken_for_each_other_have_one_skeleton() {
        for (one, other) in [
            ("alice", "аlice"),      // Cyrillic а
            ("alice", "ａｌｉｃｅ"), // full width, which is the very same name
            ("coco", "сосо"),        // all Cyrillic
            ("bob", "b0b"),
            ("mallory", "rnal1ory"),
            ("paul", "pau1"),
        ] {
            assert_eq!(name(one).skeleton(), name(other).skeleton(), "{one} {other}");
        }
        for (one, other) in [("alice", "alicia"), ("bob", "rob"), ("爱丽丝", "爱丽"), ("li", "李")]
        {
            assert_ne!(name(one).skeleton(), name(other).skeleton(), "{one} {other}");
        }
    }

    #[test]
    fn letters_of_scripts_that_nobody_writes_together_are_a_disguise() {
        for disguise in ["аlice", "alıсe", "bοb", "иvan", "alice-алиса", "ali_علي"] {
            assert!(name(disguise).mixes_scripts(), "{disguise}");
        }
        for honest in [
            "alice",
            "爱丽丝",
            "li小龙",
            "小丽2",
            "алиса",
            "алиса-7",
            "たろう",
            "タロウ太郎",
            "taro太郎",
            "김철수kim",
            "josé",
            "нина.2",
            "7",
            "विक्रम",
            "ខ្មែរ",
        ] {
            assert!(!name(honest).mixes_scripts(), "{honest}");
        }
    }
}
