//! The list of conversations on the left: whether they are there, and what is unread.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;

use super::theme::Theme;
use crate::chat::Presence;
use crate::ui::language::Language;
use crate::ui::words;

/// Columns that the list takes, with the rule beside it.
pub(super) const WIDTH: u16 = 28;

/// From so many columns up there is room for it.
pub(super) const FROM: u16 = 90;

/// One conversation in the list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) is_room: bool,
    pub(super) style: Style,
    pub(super) state: Presence,
    pub(super) unread: u64,
    pub(super) current: bool,
    /// How far their key can be trusted, of whoever has one.
    pub(super) trust: Option<char>,
    /// Nobody is to be called to the screen for them.
    pub(super) quiet: bool,
    /// Their key has changed.
    pub(super) alarm: bool,
}

/// Draws as many as there is room for, the current one among them.
pub(super) fn render(
    items: &[Item],
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
    language: &Language,
) {
    let ambiguous = theme.ambiguous;
    let rule = u16::try_from(ambiguous.cells(theme.symbols.column)).unwrap_or(1);
    let [list, rule] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(rule)]).areas(area);
    let current = items.iter().position(|item| item.current).unwrap_or(0);
    let first = (current + 1).saturating_sub(usize::from(area.height));
    for (row, (index, item)) in list.rows().zip(items.iter().enumerate().skip(first)) {
        let base = if item.current { theme.current } else { theme.text };
        buffer.set_style(row, base);
        let mark = if item.current { '>' } else { ' ' };
        let number = if index < 9 { (index + 1).to_string() } else { " ".to_owned() };
        let word = word(item, language);
        let unread = match item.unread {
            0 => String::new(),
            count => format!(" ({count})"),
        };
        // Mark, number and a space before the name, a space and the trust behind it, two spaces
        // around the word.
        let around = 7 + ambiguous.cells(&unread) + ambiguous.cells(&word);
        let name = ambiguous.label(&item.name, usize::from(row.width).saturating_sub(around));
        let mut rest = row;
        let mut draw = |text: &str, style| {
            let x = ambiguous.draw(text, rest, buffer, base.patch(style));
            rest = Rect { x, width: row.right().saturating_sub(x), ..row };
        };
        draw(&format!("{mark}{number} "), base);
        draw(&name, item.style);
        draw(&item.trust.map_or_else(|| "  ".to_owned(), |mark| format!(" {mark}")), base);
        draw(&unread, if item.quiet { theme.dim } else { theme.unread });
        let style = match (item.alarm, item.state) {
            (true, _) => theme.alarm,
            (false, Presence::Connected) => theme.text,
            (false, _) => theme.dim,
        };
        let width = u16::try_from(ambiguous.cells(&word) + 1).unwrap_or(u16::MAX);
        let x = row.right().saturating_sub(width).max(rest.x);
        let rest = Rect { x, width: row.right().saturating_sub(x), ..row };
        ambiguous.draw(&word, rest, buffer, base.patch(style));
    }
    for row in rule.rows() {
        ambiguous.draw(theme.symbols.column, row, buffer, theme.dim);
    }
}

/// Whether they are there, in a word.
fn word(item: &Item, language: &Language) -> String {
    if item.alarm { "STOP".to_owned() } else { words::state(item.is_room, item.state, language) }
}
