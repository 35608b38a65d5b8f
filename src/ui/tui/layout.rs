//! Where the characters of a text that is being written stand, and which one stands where.

use unicode_segmentation::UnicodeSegmentation;

use super::cells::Ambiguous;
use super::wrap::{Row, rows};

/// Text in rows, with the caret in one of them.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    text: &'a str,
    rows: Vec<Row>,
    caret: (usize, usize),
    ambiguous: Ambiguous,
}

impl<'a> Layout<'a> {
    pub(super) fn new(text: &'a str, caret: usize, width: usize, ambiguous: Ambiguous) -> Self {
        // One cell at the end of each row is the caret's, which also stands behind a full row.
        let width = width.max(2);
        let mut rows = rows(text, width - 1, ambiguous);
        // Where one row ends and the next begins, the caret is where the next letter will be.
        let row = rows.partition_point(|row| row.bytes.start <= caret).saturating_sub(1);
        let column = ambiguous.cells(&text[rows[row].bytes.start..caret]);
        let caret = if column < width {
            (row, column)
        } else if caret == rows[row].bytes.end {
            // Behind more spaces than there was room for: the next letter begins another row.
            rows[row].goes_on = true;
            rows.insert(row + 1, Row { bytes: caret..caret, goes_on: false });
            (row + 1, 0)
        } else {
            // Among the spaces that hang over the edge.
            (row, width - 1)
        };
        Self { text, rows, caret, ambiguous }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Row and column of the caret.
    pub(super) fn caret(&self) -> (usize, usize) {
        self.caret
    }

    /// The place in `row` nearest to `column`, in bytes; `None` if there is no such row.
    pub(super) fn at(&self, row: usize, column: usize) -> Option<usize> {
        let row = self.rows.get(row)?;
        let (mut at, mut cells) = (row.bytes.start, 0);
        for cluster in self.text[row.bytes.clone()].graphemes(true) {
            cells += self.ambiguous.cells(cluster);
            // The end of a row that goes on is the beginning of the next.
            if cells > column || row.goes_on && at + cluster.len() == row.bytes.end {
                break;
            }
            at += cluster.len();
        }
        Some(at)
    }
}
