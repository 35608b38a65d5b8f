//! What of a text can be searched for.
//!
//! A text is cut into *runs*. In scripts that put spaces between words a run is a word, and a search
//! finds words that begin with what was typed. In scripts that do not (Chinese, Japanese, Thai, …)
//! a run is everything up to the next mark, and a search finds what was typed anywhere in it. Both
//! are compared folded: compatibility forms (full width, ligatures), case and accents make no
//! difference.
//!
//! [`Query::matches`] is the rule. The index only finds candidates fast, by [`terms`]: the first
//! 1, 2, 3, 4, 6 and 8 characters of each word; each character and each pair of neighbours of
//! everything else. Two characters are the most common Chinese word, which is why an index of three
//! characters would miss it.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Names the rules of this file: an index that was made by others is made again. The rules of
/// Unicode are part of them.
pub(super) fn rules() -> String {
    let (major, minor, patch) = unicode_normalization::UNICODE_VERSION;
    format!("1 {major}.{minor}.{patch}")
}

/// How much of a word's beginning is a term, in characters, ascending.
const BEGINNINGS: [usize; 6] = [1, 2, 3, 4, 6, 8];

/// Terms that the index is asked for. What a query has beyond them is compared with the text alone.
const MAX_QUERY_TERMS: usize = 24;

/// A piece of text that is compared as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Run {
    /// Of a script with spaces, or a number.
    Word(String),
    /// Of a script without.
    Unspaced(String),
}

/// What is searched for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Query {
    runs: Vec<Run>,
}

impl Query {
    /// Every character means itself: there is no syntax.
    pub(super) fn new(typed: &str) -> Self {
        let mut runs = Vec::new();
        for run in cut(typed) {
            if !runs.contains(&run) {
                runs.push(run);
            }
        }
        Self { runs }
    }

    /// Whether there is nothing to be searched for, only spaces and punctuation. Nothing matches.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether a text has all that was typed, in whatever order.
    pub(super) fn matches(&self, text: &str) -> bool {
        let runs = cut(text);
        let found = |wanted: &Run| {
            runs.iter().any(|run| match (wanted, run) {
                (Run::Word(wanted), Run::Word(word)) => word.starts_with(wanted),
                (Run::Unspaced(wanted), Run::Unspaced(run)) => run.contains(wanted),
                _ => false,
            })
        };
        !self.runs.is_empty() && self.runs.iter().all(found)
    }

    /// Terms that every match has, and many other texts have not.
    pub(super) fn terms(&self) -> BTreeSet<String> {
        let mut terms = BTreeSet::new();
        for run in &self.runs {
            match run {
                Run::Word(word) => terms.extend(beginnings(word).last()),
                Run::Unspaced(run) if run.chars().nth(1).is_none() => {
                    terms.insert(run.clone());
                }
                Run::Unspaced(run) => terms.extend(pairs(run)),
            }
            if terms.len() >= MAX_QUERY_TERMS {
                break;
            }
        }
        terms.into_iter().take(MAX_QUERY_TERMS).collect()
    }
}

/// The terms under which the index finds a text. None has any character but letters, digits and
/// marks that belong to them, and symbols beyond ASCII.
pub(super) fn terms(text: &str) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    for run in cut(text) {
        match run {
            Run::Word(word) => terms.extend(beginnings(&word)),
            Run::Unspaced(run) => {
                terms.extend(run.chars().map(String::from));
                terms.extend(pairs(&run));
            }
        }
    }
    terms
}

fn beginnings(word: &str) -> impl Iterator<Item = String> {
    let ends: Vec<usize> = word.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
    let known = BEGINNINGS.iter().filter_map(move |length| ends.get(length - 1).copied());
    known.map(|end| word[..end].to_owned())
}

fn pairs(run: &str) -> impl Iterator<Item = String> {
    run.chars().zip(run.chars().skip(1)).map(|(one, two)| String::from_iter([one, two]))
}

/// The runs of a text, in their order.
fn cut(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut last = Kind::Between;
    for c in folded(text) {
        let kind = Kind::of(c, last);
        match (kind, runs.last_mut()) {
            (Kind::Between, _) => {}
            (Kind::Word, Some(Run::Word(run))) | (Kind::Unspaced, Some(Run::Unspaced(run)))
                if kind == last =>
            {
                run.push(c);
            }
            (Kind::Word, _) => runs.push(Run::Word(c.into())),
            (Kind::Unspaced, _) => runs.push(Run::Unspaced(c.into())),
        }
        last = kind;
    }
    runs
}

/// Compatibility forms, case and accents away; syllables of Hangul and voiced kana stay what they
/// are.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.nfkd()
        .flat_map(char::to_lowercase)
        .nfkd()
        .filter(|c| !is_accent(*c) && !is_glue(*c))
        .nfc()
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Between,
    Word,
    Unspaced,
}

impl Kind {
    fn of(c: char, before: Self) -> Self {
        if c.is_ascii() {
            return if c.is_ascii_alphanumeric() { Self::Word } else { Self::Between };
        }
        if is_unspaced(c) {
            return Self::Unspaced;
        }
        // A vowel sign or a virama continues what it stands behind.
        match (c.is_alphanumeric(), is_combining_mark(c)) {
            (_, true) => before,
            (true, false) => Self::Word,
            (false, false) => Self::Between,
        }
    }
}

/// The blocks of combining diacritical marks. Vowel signs and the voicing marks of kana have blocks
/// of their own: without them a word would be another.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// What holds emoji together or chooses a shape.
fn is_glue(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{ad}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// Scripts without spaces between words, Hangul, whose words carry their endings, and emoji.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{e4e}' | '\u{e80}'..='\u{ece}'          // Thai, Lao
        | '\u{1000}'..='\u{1049}' | '\u{1050}'..='\u{109d}'    // Myanmar
        | '\u{1780}'..='\u{17d3}'                              // Khmer
        | '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}'    // Hangul
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}'
        | '\u{3105}'..='\u{318e}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3fffd}'
        | '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(query: &str, text: &str) -> bool {
        let query = Query::new(query);
        let by_rule = query.matches(text);
        let has = terms(text);
        let by_index = !query.is_empty() && query.terms().iter().all(|term| has.contains(term));
        assert!(by_index || !by_rule, "the index misses {query:?} in {text:?}");
        by_rule
    }

    #[test]
    fn two_characters_of_chinese_are_found_wherever_they_stand() {
        let text = "明天下午三点开会，别迟到";
        for query in ["开会", "会", "明天", "三点开会", "迟到", "别", "开会 明天"] {
            assert!(finds(query, text), "{query}");
        }
        for query in ["会开", "会议", "点会", "开会别"] {
            assert!(!finds(query, text), "{query}");
        }
    }

    #[test]
    fn a_word_is_found_by_its_beginning_in_any_case_width_and_accent() {
        let text = "Ｍeeting at the Café, p2pchat's résumé; Straße 42";
        for query in ["meet", "MEETING", "cafe", "CAFÉ", "café the", "res", "p2p", "ｓｔｒａß", "4"] {
            assert!(finds(query, text), "{query}");
        }
        for query in ["eeting", "meetings", "cafeteria", "2pchat", "tea"] {
            assert!(!finds(query, text), "{query}");
        }
    }

    #[test]
    fn scripts_keep_the_marks_that_make_another_word() {
        assert!(finds("がっこう", "がっこうへ行く") && !finds("かっこう", "がっこうへ行く"));
        assert!(finds("ｶﾞｯｺｳ", "ガッコウ"), "half width is compatibility");
        assert!(finds("학교", "우리 학교에서") && finds("हिन्दी", "हिन्दी में"));
        assert!(finds("สวัสดี", "คุณสวัสดีครับ"));
    }

    #[test]
    fn emoji_are_found_and_punctuation_is_not_searched_for() {
        assert!(finds("👍", "ok 👍🏽!") && finds("❤", "I ❤️ it"));
        for query in ["", "  ", "\"*", "!?", "。，"] {
            assert!(Query::new(query).is_empty(), "{query}");
            assert!(!finds(query, "anything \"*!?。，"));
        }
    }

    #[test]
    fn what_means_something_to_the_index_is_text_like_any_other() {
        for query in ["a OR b", "NEAR(a b)", "\"a", "a*", "-a", "rowid:a", "^a", "a AND NOT b"] {
            assert!(terms(query).iter().all(|term| term.chars().all(|c| c.is_alphanumeric())));
        }
        assert!(!finds("a OR b", "a"), "it is three words");
        assert!(finds("a OR b", "b or a"));
    }

    #[test]
    fn a_long_query_is_compared_with_the_text_beyond_its_terms() {
        let text: String = ('\u{4e00}'..'\u{4e80}').collect();
        assert!(finds(&text, &text));
        assert!(!finds(&format!("{text}开"), &text));
        assert!(Query::new(&text).terms().len() <= MAX_QUERY_TERMS);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_index_never_misses_what_the_rule_finds(query in any::<String>(), text in any::<String>()) {
            finds(&query, &text);
        }

        #[test]
        fn every_text_finds_itself(text in "[a-zé 开会议题かき한 👍.,*\"]{1,40}") {
            prop_assert!(Query::new(&text).is_empty() || finds(&text, &text));
        }

        #[test]
        fn a_piece_between_spaces_finds_the_whole(
            pieces in proptest::collection::vec("[a-zA-ZäÖ]{1,12}|[开会议题]{1,6}", 1..6),
            chosen in any::<proptest::sample::Index>(),
            cut in any::<proptest::sample::Index>(),
        ) {
            let piece: Vec<char> = chosen.get(&pieces).chars().collect();
            let beginning: String = piece[..=cut.index(piece.len())].iter().collect();
            prop_assert!(finds(&beginning, &pieces.join(" ")), "{}", beginning);
        }

        #[test]
        fn terms_hold_nothing_that_the_tokenizer_would_part(text in any::<String>()) {
            for term in terms(&text) {
                let part = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() || c.is_ascii_uppercase();
                prop_assert!(!term.is_empty() && !term.contains(part), "{:?}", term);
            }
        }
    }
}
