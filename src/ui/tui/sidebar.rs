//! The list of conversations on the left: whether they are there, and what is unread.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use crate::chat::{Presence, clean};
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
    pub(super) style: Style,
    pub(super) state: Presence,
    pub(super) unread: u64,
    pub(super) current: bool,
    /// How far their key can be trusted.
    pub(super) trust: char,
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
    let (width, height) = (usize::from(area.width.saturating_sub(1)), usize::from(area.height));
    let current = items.iter().position(|item| item.current).unwrap_or(0);
    let first = (current + 1).saturating_sub(height);
    for (y, (index, item)) in area.rows().zip(items.iter().enumerate().skip(first)) {
        let base = if item.current { theme.current } else { theme.text };
        buffer.set_style(Rect { width: area.width.saturating_sub(1), ..y }, base);
        let mark = if item.current { '>' } else { ' ' };
        let number = if index < 9 { (index + 1).to_string() } else { " ".to_owned() };
        let word = word(item, language);
        let unread = match item.unread {
            0 => String::new(),
            count => format!(" ({count})"),
        };
        let room = width.saturating_sub(6 + unread.width() + 1 + word.width());
        let name = clean::label(&item.name, room.saturating_sub(1));
        let (x, _) = buffer.set_stringn(y.x, y.y, format!("{mark}{number} "), width, base);
        let (x, _) = buffer.set_stringn(x, y.y, &name, width, base.patch(item.style));
        let (x, _) = buffer.set_stringn(x, y.y, format!(" {}", item.trust), width, base);
        let style = if item.quiet { theme.dim } else { theme.unread };
        buffer.set_stringn(x, y.y, unread, width, base.patch(style));
        let x = area.right().saturating_sub(2 + u16::try_from(word.width()).unwrap_or(0));
        let style = match (item.alarm, item.state) {
            (true, _) => theme.alarm,
            (false, Presence::Connected) => theme.text,
            (false, _) => theme.dim,
        };
        buffer.set_stringn(x, y.y, &word, width, base.patch(style));
    }
    for y in area.rows() {
        let x = area.right().saturating_sub(1);
        buffer.set_stringn(x, y.y, theme.symbols.column, 1, theme.dim);
    }
}

/// Whether they are there, in a word.
fn word(item: &Item, language: &Language) -> String {
    if item.alarm { "STOP".to_owned() } else { words::state(item.state, language) }
}
