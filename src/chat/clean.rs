//! What keeps a stranger's text from doing anything on a terminal but being read.
//!
//! A terminal obeys control characters wherever they come from, and reorders text at bidirectional
//! controls. Everything that came from the network, names of software included, passes through
//! here on its way to a terminal or a log.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Combining marks beyond this number are dropped from a character: a pile of them covers the
/// lines above.
const MAX_MARKS: usize = 4;

/// The longest cluster that is one character on purpose: a family of four with skin tones, or a
/// flag made of tags.
const MAX_CLUSTER: usize = 16;

/// Text as a terminal may have it, in which `\n` ends a line and nothing else moves the cursor.
///
/// Tabs become four spaces; `\r\n`, U+2028 and U+2029 become `\n`; other control characters, bidi
/// controls, and invisible characters outside an emoji or a script that needs them are dropped.
#[must_use]
pub fn text(dirty: &str) -> String {
    let mut clean = String::with_capacity(dirty.len());
    for cluster in dirty.graphemes(true) {
        push_cluster(cluster, &mut clean);
    }
    clean
}

/// As [`text`], on one line: each line break becomes `line_break`.
#[must_use]
pub fn one_line(dirty: &str, line_break: &str) -> String {
    text(dirty).replace('\n', line_break)
}

/// A short label, as a program's name: one line, at most `width` cells wide.
#[must_use]
pub fn label(dirty: &str, width: usize) -> String {
    let mut clean = String::new();
    let mut used = 0;
    for cluster in one_line(dirty, " ").graphemes(true) {
        used += cluster.width();
        if used > width {
            clean.push('…');
            break;
        }
        clean.push_str(cluster);
    }
    clean
}

/// Whether `c` is safe in a JSON string that may end up on a terminal. What is not has to be
/// written as `\uXXXX`.
#[must_use]
pub fn is_plain(c: char) -> bool {
    !c.is_control() && !is_bidi_control(c) && !matches!(c, '\u{2028}' | '\u{2029}')
}

fn push_cluster(cluster: &str, clean: &mut String) {
    match cluster {
        "\n" | "\r\n" | "\u{2028}" | "\u{2029}" | "\u{85}" | "\u{b}" | "\u{c}" => {
            clean.push('\n');
            return;
        }
        "\t" => {
            clean.push_str("    ");
            return;
        }
        _ => {}
    }
    let mut marks = 0;
    let mut length = 0;
    let mut visible = false;
    for c in cluster.chars() {
        let keep = if !is_plain(c) || is_filler(c) {
            false
        } else if is_joining(c) {
            // Part of an emoji or of a cluster in a script that needs it, but not alone: an
            // invisible text is a text that somebody did not see.
            visible
        } else if is_mark(c) {
            marks += 1;
            visible && marks <= MAX_MARKS
        } else {
            visible = true;
            true
        };
        if keep && length < MAX_CLUSTER {
            length += 1;
            clean.push(c);
        }
    }
}

/// Characters that reorder the text around them (UAX #9 §2).
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters without any ink that no writing system needs inside a word: the zero-width space,
/// the soft hyphen, word joiners and invisible operators, annotation marks, fillers, deprecated
/// format characters.
fn is_filler(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e001f}'
            | '\u{e0080}'..='\u{e0fff}'
    )
}

/// Joiners, variation selectors, and the tags of flags: no ink of their own, but they say how their
/// neighbours are drawn.
fn is_joining(c: char) -> bool {
    matches!(
        c,
        '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// A character that is drawn over the one before it. Those with no width are; so are the
/// characters of Thai, Hebrew and Arabic vowels, of which words carry fewer than the limit.
fn is_mark(c: char) -> bool {
    unicode_width::UnicodeWidthChar::width(c) == Some(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(text("a\u{1b}]52;c;aGk=\u{7}b"), "a]52;c;aGk=b");
        assert_eq!(text("\u{9b}31mred"), "31mred");
        assert_eq!(text("real\rfake"), "realfake");
        assert_eq!(text("\0\u{8}\u{7f}x"), "x");
    }

    #[test]
    fn text_stays_in_its_order() {
        assert_eq!(text("abc\u{202e}fed\u{2066}x\u{2069}\u{200f}"), "abcfedx");
    }

    #[test]
    fn line_breaks_are_one_kind() {
        assert_eq!(text("a\r\nb\u{2028}c\u{2029}d\ne"), "a\nb\nc\nd\ne");
        assert_eq!(one_line("a\r\nb\u{2028}c", "\\n"), "a\\nb\\nc");
        assert_eq!(text("a\tb"), "a    b");
    }

    #[test]
    fn ordinary_writing_is_left_alone() {
        for sample in [
            "你好，世界。",
            "héllo e\u{301}",
            "👨\u{200d}👩\u{200d}👧\u{200d}👦",
            "❤\u{fe0f}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "ภาษาไทยที่นี่",
            "नमस्ते दुनिया क्ष्म",
            "می\u{200c}خواهم",
            "שָׁלוֹם",
            "한국어",
            "🇨🇳",
        ] {
            assert_eq!(text(sample), sample);
        }
    }

    #[test]
    fn piles_of_marks_and_invisible_text_are_dropped() {
        let pile = format!("z{}", "\u{301}".repeat(50));
        assert_eq!(text(&pile), format!("z{}", "\u{301}".repeat(4)));
        assert_eq!(text("\u{200b}\u{200d}\u{2060}\u{feff}\u{3164}"), "");
        assert_eq!(text(&format!("a{}", "\u{200d}".repeat(1000))).chars().count(), MAX_CLUSTER);
    }

    #[test]
    fn labels_have_a_width() {
        assert_eq!(label("p2pchat\n1.0", 20), "p2pchat 1.0");
        assert_eq!(label("你好你好", 5), "你好…");
    }

    proptest! {
        #[test]
        fn nothing_but_line_breaks_moves_the_cursor(dirty in "\\PC*|[\\x00-\\x9f]*|(?s).{0,80}") {
            let clean = text(&dirty);
            prop_assert!(clean.chars().all(|c| c == '\n' || is_plain(c)));
            prop_assert!(one_line(&dirty, " ").chars().all(is_plain));
        }
    }
}
