//! Where text is broken into rows, and text drawn in several.
//!
//! Rows break where UAX #14 allows it, so no row begins with `。` or `」`, and a run of Chinese
//! breaks between any two of its characters. What has no such place within a row is broken between
//! two grapheme clusters, never inside one. White space at the end of a row hangs over its edge.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::cells::Ambiguous;
use crate::ui::tables;

/// A row on the screen: a piece of the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Which bytes; a line break is in none of the two rows that it separates.
    pub bytes: Range<usize>,
    /// Whether the line goes on in the next row.
    pub goes_on: bool,
}

/// The rows of `text` where each has `width` cells. There is always at least one.
#[must_use]
pub fn rows(text: &str, width: usize, ambiguous: Ambiguous) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        wrap_line(line, start, width.max(1), ambiguous, &mut rows);
        start += line.len() + 1;
    }
    rows
}

/// Writes `text` into the rows of `area`. Where there are too few, the last says so.
pub(super) fn draw(
    text: &str,
    area: Rect,
    buffer: &mut Buffer,
    style: Style,
    ambiguous: Ambiguous,
) {
    let rows = rows(text, area.width.into(), ambiguous);
    for (row, place) in rows.iter().zip(area.rows()) {
        let end = if place.bottom() < area.bottom() { row.bytes.end } else { text.len() };
        let piece = ambiguous.label(text[row.bytes.start..end].trim_end(), place.width.into());
        ambiguous.draw(&piece, place, buffer, style);
    }
}

/// Appends the rows of `line`, which begins at byte `offset` of the text.
fn wrap_line(line: &str, offset: usize, width: usize, ambiguous: Ambiguous, rows: &mut Vec<Row>) {
    let mut push = |bytes: Range<usize>| {
        let goes_on = bytes.end < line.len();
        rows.push(Row { bytes: offset + bytes.start..offset + bytes.end, goes_on });
    };
    let (mut start, mut used) = (0, 0);
    let mut at = 0;
    for word in tables::WORDS.find_words(line) {
        let cells = ambiguous.cells(word.word);
        if used + cells > width && used > 0 {
            push(start..at);
            (start, used) = (at, 0);
        }
        if cells > width {
            // Longer than a row: broken wherever a row is full.
            for (inside, cluster) in word.word.grapheme_indices(true) {
                let cells = ambiguous.cells(cluster);
                if used + cells > width && used > 0 {
                    push(start..at + inside);
                    (start, used) = (at + inside, 0);
                }
                used += cells;
            }
        } else {
            used += cells;
        }
        at += word.word.len() + word.whitespace.len();
        used += ambiguous.cells(word.whitespace);
    }
    push(start..line.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrapped(text: &str, width: usize) -> Vec<&str> {
        rows(text, width, Ambiguous::Narrow).into_iter().map(|row| &text[row.bytes]).collect()
    }

    #[test]
    fn words_stay_whole_and_spaces_hang() {
        assert_eq!(wrapped("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrapped("one two  three", 7), ["one two  ", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("a abcdefgh", 3), ["a ", "abc", "def", "gh"]);
        assert_eq!(wrapped("to /accept him", 9), ["to ", "/accept ", "him"]);
        assert_eq!(wrapped("", 3), [""]);
        assert_eq!(wrapped("a\n\nb\n", 3), ["a", "", "b", ""]);
    }

    #[test]
    fn chinese_breaks_anywhere_but_before_a_full_stop_and_behind_an_opening_quote() {
        assert_eq!(wrapped("今天天气很好。", 8), ["今天天气", "很好。"]);
        assert_eq!(wrapped("今天天气。很好", 8), ["今天天", "气。很好"]);
        assert_eq!(wrapped("他说「好」", 6), ["他说", "「好」"]);
        assert_eq!(wrapped("你好吗", 5), ["你好", "吗"]);
        assert_eq!(wrapped("看hello吧", 6), ["看", "hello", "吧"]);
    }

    #[test]
    fn a_cluster_is_never_torn() {
        let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
        assert_eq!(wrapped(&family.repeat(3), 4), [family.repeat(2), family.to_owned()]);
        assert_eq!(wrapped("e\u{301}e\u{301}e\u{301}", 2), ["e\u{301}e\u{301}", "e\u{301}"]);
        assert_eq!(wrapped("🇨🇳🇨🇳", 2), ["🇨🇳", "🇨🇳"]);
    }

    #[test]
    fn a_row_holds_fewer_of_what_is_wider() {
        let text = "§§§§";
        assert_eq!(rows(text, 4, Ambiguous::Narrow).len(), 1);
        assert_eq!(rows(text, 4, Ambiguous::Wide).len(), 2);
    }

    proptest! {
        #[test]
        fn rows_hold_all_of_the_text_and_fit(
            text in "[ a-c\n。「你é👩\u{200d}\u{301}—]{0,60}",
            width in 2_usize..12,
        ) {
            let rows = rows(&text, width, Ambiguous::Narrow);
            let mut at = 0;
            for row in &rows {
                let breaks = row.bytes.start - at;
                prop_assert!(text[at..row.bytes.start].chars().all(|c| c == '\n') && breaks < 2);
                let piece = text[row.bytes.clone()].trim_end_matches(' ');
                let cells = Ambiguous::Narrow.cells(piece);
                // One cluster may be wider than a row: two people, joined, one with an accent.
                let whole = piece.graphemes(true).count() == 1;
                prop_assert!(cells <= width || whole, "{cells} > {width} in {:?}", &text[row.bytes.clone()]);
                at = row.bytes.end;
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
