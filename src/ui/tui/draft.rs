//! What is being written: text, the caret in it, and how it came to be.
//!
//! The caret stands between grapheme clusters, which are what a person takes for one character, and
//! never inside one: a step passes a whole family of emoji or an accented letter, and so does a
//! deletion. Every change is one replacement of some bytes by others; undoing replaces them back.

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// Changes that can be undone.
const MAX_PAST: usize = 1_000;

/// Text, and the caret in it.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    text: String,
    /// In bytes, between two clusters.
    caret: usize,
    past: Vec<Change>,
    future: Vec<Change>,
    /// Whether the last change was typed and the next letter belongs to it.
    typing: bool,
}

#[derive(Clone, Debug)]
struct Change {
    at: usize,
    removed: String,
    inserted: String,
    caret_before: usize,
}

impl Draft {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the caret is, in bytes.
    #[must_use]
    pub fn caret(&self) -> usize {
        self.caret
    }

    /// Begins anew with `text`, the caret behind it. There is nothing to undo then.
    pub fn reset(&mut self, text: String) {
        *self = Self { caret: text.len(), text, ..Self::default() };
    }

    /// Inserts what was typed. Letters of one word are undone together.
    pub fn type_char(&mut self, c: char) {
        let goes_on = self.typing
            && !c.is_whitespace()
            && self.past.last().is_some_and(|last| last.at + last.inserted.len() == self.caret);
        if !goes_on {
            self.replace(self.caret..self.caret, c.encode_utf8(&mut [0; 4]));
        } else if let Some(last) = self.past.last_mut() {
            last.inserted.push(c);
            self.text.insert(self.caret, c);
            self.stand(self.caret + c.len_utf8());
            self.future.clear();
        }
        self.typing = true;
    }

    /// Inserts `text` at the caret, as one change.
    pub fn insert(&mut self, text: &str) {
        self.replace(self.caret..self.caret, text);
    }

    /// Replaces some of the text, as one change; the caret ends up behind it.
    ///
    /// `bytes` has to begin and end between two characters.
    pub fn replace(&mut self, bytes: Range<usize>, with: &str) {
        if bytes.is_empty() && with.is_empty() {
            return;
        }
        let removed = self.text[bytes.clone()].to_owned();
        self.text.replace_range(bytes.clone(), with);
        self.past.push(Change {
            at: bytes.start,
            removed,
            inserted: with.to_owned(),
            caret_before: self.caret,
        });
        if self.past.len() > MAX_PAST {
            self.past.remove(0);
        }
        self.future.clear();
        self.stand(bytes.start + with.len());
    }

    /// Takes the last change back. Returns whether there was one.
    pub fn undo(&mut self) -> bool {
        let Some(change) = self.past.pop() else { return false };
        self.text.replace_range(change.at..change.at + change.inserted.len(), &change.removed);
        self.stand(change.caret_before);
        self.future.push(change);
        true
    }

    /// Makes the change again that was taken back last. Returns whether there was one.
    pub fn redo(&mut self) -> bool {
        let Some(change) = self.future.pop() else { return false };
        self.text.replace_range(change.at..change.at + change.removed.len(), &change.inserted);
        self.stand(change.at + change.inserted.len());
        self.past.push(change);
        true
    }

    /// Puts the caret before byte `at`, or at the end of the cluster that this is inside of.
    pub fn move_to(&mut self, at: usize) {
        self.stand(at.min(self.text.len()));
    }

    /// Where the cluster behind the caret ends.
    #[must_use]
    pub fn next(&self) -> usize {
        boundary_after(&self.text, self.caret)
    }

    /// Where the cluster before the caret begins.
    #[must_use]
    pub fn previous(&self) -> usize {
        let mut cursor = GraphemeCursor::new(self.caret, self.text.len(), true);
        cursor.prev_boundary(&self.text, 0).ok().flatten().unwrap_or(0)
    }

    /// Where the word at the caret or behind it ends (UAX #29: a Chinese character is a word).
    #[must_use]
    pub fn word_end(&self) -> usize {
        let behind = &self.text[self.caret..];
        behind
            .split_word_bound_indices()
            .find(|(_, piece)| is_word(piece))
            .map_or(self.text.len(), |(at, word)| self.caret + at + word.len())
    }

    /// Where the word at the caret or before it begins.
    #[must_use]
    pub fn word_start(&self) -> usize {
        let before = &self.text[..self.caret];
        before.split_word_bound_indices().rfind(|(_, piece)| is_word(piece)).map_or(0, |(at, _)| at)
    }

    /// Where the line of the caret begins.
    #[must_use]
    pub fn line_start(&self) -> usize {
        self.text[..self.caret].rfind('\n').map_or(0, |at| at + 1)
    }

    /// Where the line of the caret ends, before its line break.
    #[must_use]
    pub fn line_end(&self) -> usize {
        self.text[self.caret..].find('\n').map_or(self.text.len(), |at| self.caret + at)
    }

    /// Moves the caret to `at`, or behind it if a cluster goes on there: what was inserted may
    /// have joined its neighbours.
    fn stand(&mut self, at: usize) {
        self.typing = false;
        self.caret = boundary_at_or_after(&self.text, at);
    }
}

fn boundary_at_or_after(text: &str, at: usize) -> usize {
    let at = text.ceil_char_boundary(at);
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    if cursor.is_boundary(text, 0) == Ok(true) { at } else { boundary_after(text, at) }
}

fn boundary_after(text: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    cursor.next_boundary(text, 0).ok().flatten().unwrap_or(text.len())
}

fn is_word(piece: &str) -> bool {
    piece.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draft(text: &str) -> Draft {
        let mut draft = Draft::default();
        draft.reset(text.to_owned());
        draft
    }

    fn type_all(draft: &mut Draft, text: &str) {
        text.chars().for_each(|c| draft.type_char(c));
    }

    #[test]
    fn a_step_passes_a_whole_cluster() {
        let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
        for cluster in ["a", "你", "e\u{301}", family, "🇨🇳", "👍🏽", "한"] {
            let mut draft = draft(&format!("x{cluster}"));
            assert_eq!(draft.previous(), 1, "{cluster}");
            draft.move_to(1);
            assert_eq!(draft.next(), 1 + cluster.len(), "{cluster}");
            // No place inside it can be stood on.
            draft.move_to(2);
            assert_eq!(draft.caret(), 1 + cluster.len(), "{cluster}");
        }
    }

    #[test]
    fn a_letter_that_joins_its_neighbours_takes_the_caret_with_it() {
        let mut draft = draft("\u{301}x");
        draft.move_to(0);
        draft.type_char('e');
        assert_eq!((draft.text(), draft.caret()), ("e\u{301}x", 3));
    }

    #[test]
    fn a_word_typed_is_a_word_undone() {
        let mut draft = Draft::default();
        type_all(&mut draft, "one two");
        assert!(draft.undo());
        assert_eq!(draft.text(), "one");
        assert!(draft.undo());
        assert_eq!(draft.text(), "");
        assert!(!draft.undo());
        assert!(draft.redo() && draft.redo() && !draft.redo());
        assert_eq!((draft.text(), draft.caret()), ("one two", 7));
    }

    #[test]
    fn what_is_typed_after_a_move_is_undone_alone() {
        let mut draft = Draft::default();
        type_all(&mut draft, "ad");
        draft.move_to(1);
        type_all(&mut draft, "bc");
        assert_eq!(draft.text(), "abcd");
        draft.undo();
        assert_eq!((draft.text(), draft.caret()), ("ad", 1));
        draft.type_char('x');
        assert!(!draft.redo(), "another change was made meanwhile");
    }

    #[test]
    fn words_end_at_punctuation_and_each_chinese_character_is_one() {
        let mut text = draft("see foo.bar, 你好 ");
        for start in ["see foo.bar, 你".len(), "see foo.bar, ".len(), "see ".len(), 0, 0] {
            let at = text.word_start();
            assert_eq!(at, start);
            text.move_to(at);
        }
        for end in ["see", "see foo.bar", "see foo.bar, 你", "see foo.bar, 你好"] {
            let at = text.word_end();
            assert_eq!(at, end.len());
            text.move_to(at);
        }
        assert_eq!(text.word_end(), text.text().len());
    }

    proptest! {
        #[test]
        fn whatever_is_done_can_be_undone_and_the_caret_is_never_inside_a_cluster(
            steps in prop::collection::vec((0_u8..7, "[a你é👩\u{200d}\u{301}🇨\n ]{0,3}"), 0..40),
        ) {
            let mut draft = Draft::default();
            for (step, text) in steps {
                match step {
                    0 => draft.move_to(draft.previous()),
                    1 => draft.move_to(draft.next()),
                    2 => draft.replace(draft.previous()..draft.caret(), ""),
                    3 => draft.insert(&text),
                    4 => draft.move_to(draft.word_start()),
                    5 => draft.replace(draft.line_start()..draft.line_end(), &text),
                    _ => type_all(&mut draft, &text),
                }
                let boundary = GraphemeCursor::new(draft.caret(), draft.text().len(), true)
                    .is_boundary(draft.text(), 0);
                prop_assert_eq!(boundary, Ok(true));
            }
            let end = draft.text().to_owned();
            let mut undone = 0;
            while draft.undo() {
                undone += 1;
            }
            prop_assert_eq!(draft.text(), "");
            for _ in 0..undone {
                prop_assert!(draft.redo());
            }
            prop_assert_eq!(draft.text(), end);
        }
    }
}
