//! How many cells text takes, and how it is written into them.
//!
//! Everything on the screen is measured, cut and drawn here: what is measured in one way and drawn
//! in another leaves its column.

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::chat::clean;

/// What stands in place of what was cut off.
const CUT: &str = "…";

/// How wide a terminal draws the characters that UAX #11 calls ambiguous: `§`, `—` and `…`.
///
/// Terminals of East Asia may draw them in two cells; nothing tells which do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ambiguous {
    /// In one cell.
    #[default]
    Narrow,
    /// In two.
    Wide,
}

impl Ambiguous {
    /// How many cells `text`, which is of one row, takes.
    #[must_use]
    pub fn cells(self, text: &str) -> usize {
        match self {
            Self::Narrow => text.width(),
            Self::Wide => text.width_cjk(),
        }
    }

    /// As much of `dirty`, in one row and without what a terminal would obey, as `room` cells hold;
    /// the last of them say that something was cut off.
    pub(super) fn label(self, dirty: &str, room: usize) -> String {
        let mut clean = clean::one_line(dirty, " ");
        if self.cells(&clean) <= room {
            return clean;
        }
        let Some(room) = room.checked_sub(self.cells(CUT)) else { return String::new() };
        let mut used = 0;
        let end = clean.grapheme_indices(true).find_map(|(at, cluster)| {
            used += self.cells(cluster);
            (used > room).then_some(at)
        });
        clean.truncate(end.unwrap_or(clean.len()));
        clean + CUT
    }

    /// Writes `text` at the top of `area`, as far as it fits. Returns the column behind it.
    pub(super) fn draw(self, text: &str, area: Rect, buffer: &mut Buffer, style: Style) -> u16 {
        let area = area.intersection(buffer.area);
        let mut x = area.x;
        if area.is_empty() {
            return x;
        }
        // What reaches into the area from the left cannot be seen by half.
        if let Some(left) = x.checked_sub(1).filter(|left| *left >= buffer.area.x) {
            let cell = &mut buffer[(left, area.y)];
            if self.cells(cell.symbol()) > 1 {
                let below = cell.style();
                cell.reset();
                cell.set_style(below);
            }
        }
        for cluster in text.graphemes(true).filter(|cluster| !cluster.contains(char::is_control)) {
            let cells = u16::try_from(self.cells(cluster)).unwrap_or(u16::MAX);
            let Some(forced) = NonZeroU16::new(cells) else { continue };
            if cells > area.right() - x {
                break;
            }
            for column in x..x + cells {
                let cell = &mut buffer[(column, area.y)];
                let below = cell.style();
                cell.reset();
                cell.set_style(below.patch(style));
            }
            let cell = &mut buffer[(x, area.y)];
            cell.set_symbol(cluster);
            if self.cells(cluster) != Self::Narrow.cells(cluster) {
                cell.set_diff_option(CellDiffOption::ForcedWidth(forced));
            }
            x += cells;
        }
        x
    }

    /// Writes `line` at the top of `area`, as far as it fits.
    pub(super) fn draw_line(self, line: &Line<'_>, area: Rect, buffer: &mut Buffer) {
        let mut rest = area;
        for Span { content, style } in &line.spans {
            let x = self.draw(content, rest, buffer, line.style.patch(*style));
            rest = Rect { x, width: area.right().saturating_sub(x), ..area };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ambiguous_characters_are_as_wide_as_one_says() {
        assert_eq!(Ambiguous::Narrow.cells("—§…"), 3);
        assert_eq!(Ambiguous::Wide.cells("—§…"), 6);
    }

    #[test]
    fn what_is_cut_says_so_within_its_room() {
        assert_eq!(Ambiguous::Narrow.label("alice", 5), "alice");
        assert_eq!(Ambiguous::Narrow.label("alice", 4), "ali…");
        assert_eq!(Ambiguous::Wide.label("alice", 4), "al…");
        assert_eq!(Ambiguous::Narrow.label("你好吗", 5), "你好…");
        assert_eq!(Ambiguous::Wide.label("alice", 1), "");
        assert_eq!(Ambiguous::Narrow.label("a\nb\u{1b}[31m", 9), "a b[31m");
    }

    #[test]
    fn what_is_drawn_keeps_the_background_and_ends_where_it_was_measured() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        let under = Style::new().bg(ratatui::style::Color::Red);
        buffer.set_style(buffer.area, under);
        let area = buffer.area;
        assert_eq!(Ambiguous::Wide.draw("a§你好", area, &mut buffer, Style::new()), 5);
        assert!(area.positions().all(|at| buffer[at].style().bg == under.bg));
        let half = Rect { x: 4, width: 2, ..area };
        Ambiguous::Wide.draw("!", half, &mut buffer, Style::new());
        assert_eq!((buffer[(3, 0)].symbol(), buffer[(4, 0)].symbol()), (" ", "!"));
        assert_eq!(Ambiguous::Narrow.draw("\u{1b}[2J", area, &mut buffer, Style::new()), 3);
    }

    proptest! {
        #[test]
        fn a_label_fits(text in "[a-c你—§…é👩\u{200d}\u{301}]{0,20}", room in 0_usize..20) {
            for ambiguous in [Ambiguous::Narrow, Ambiguous::Wide] {
                let label = ambiguous.label(&text, room);
                prop_assert!(ambiguous.cells(&label) <= room, "{label:?}");
            }
        }
    }
}
