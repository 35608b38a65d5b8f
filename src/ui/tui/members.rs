//! The members of a room on the right: who they are, who owns it, and who is there.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::theme::Theme;
use crate::chat::{Address, Attendee};
use crate::ui::language::Language;

/// Columns that the list takes, with the rule beside it.
pub(super) const WIDTH: u16 = 24;

/// From so many columns up there is room for it, beside the conversations too.
pub(super) const FROM: u16 = 100;

/// Draws how many there are, and as many as there is room for: those who are there, then the others.
/// The owner has a mark, and who is not there another, which does not rely on colour.
pub(super) fn render(
    members: &[Attendee],
    name: impl Fn(&Address) -> String,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
    language: &Language,
) {
    let ambiguous = theme.ambiguous;
    let rule = u16::try_from(ambiguous.cells(theme.symbols.column)).unwrap_or(1);
    let [rule, list] =
        Layout::horizontal([Constraint::Length(rule), Constraint::Fill(1)]).areas(area);
    for row in rule.rows() {
        ambiguous.draw(theme.symbols.column, row, buffer, theme.dim);
    }
    let here = members.iter().filter(|member| member.is_here).count();
    let title = language.count("room-here", members.len() as u64, &[("here", &here)]);
    let width = usize::from(list.width);
    let mut rows = list.rows();
    if let Some(row) = rows.next() {
        ambiguous.draw(&ambiguous.label(&title, width), row, buffer, theme.dim);
    }
    let (present, absent): (Vec<_>, Vec<_>) = members.iter().partition(|member| member.is_here);
    let mut all = present.into_iter().chain(absent).peekable();
    let mut left = members.len();
    let mut rows = rows.peekable();
    while let Some(row) = rows.next() {
        if all.peek().is_none() {
            return;
        }
        if rows.peek().is_none() && left > 1 {
            ambiguous.draw(&format!(" +{left}"), row, buffer, theme.dim);
            return;
        }
        let Some(member) = all.next() else { return };
        left -= 1;
        let (owner, absent) =
            (if member.is_owner { '*' } else { ' ' }, if member.is_here { ' ' } else { '-' });
        let style = if member.is_here { theme.name(Some(member.key)) } else { theme.dim };
        let who = ambiguous.label(&name(&member.who), width.saturating_sub(3));
        ambiguous.draw(&format!("{owner}{absent} {who}"), row, buffer, style);
    }
}
