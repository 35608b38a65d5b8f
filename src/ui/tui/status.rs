//! The line between what was said and what is being written: who, to whom, how, and what waits.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::theme::Theme;
use super::wrap;
use crate::proto::{PathInfo, PathKind};
use crate::ui::language::Language;
use crate::ui::words;

/// What stands in the line.
#[derive(Clone, Debug, Default)]
pub(super) struct Status {
    /// Our name, and how we are reached.
    pub(super) me: String,
    /// The conversation that is open, with the mark of trust.
    pub(super) them: String,
    /// Whether the mark of trust is a warning.
    pub(super) alarm: bool,
    pub(super) path: Option<PathInfo>,
    /// Whether the other side is there, where there is no path.
    pub(super) state: String,
    /// Lines of ours that wait, in all conversations.
    pub(super) unsent: u64,
    /// The numbers of other conversations with something unread, `!` behind those with an alarm.
    pub(super) activity: Vec<String>,
    pub(super) scroll: Option<u8>,
    /// Who is typing.
    pub(super) typing: Option<String>,
    /// Instead of all this: a question, or an answer to the last key.
    pub(super) question: Option<String>,
}

/// One part of the line.
struct Item {
    text: String,
    style: Style,
    /// Those with the greatest number give way first.
    rank: u8,
}

impl Status {
    /// How many rows of so many cells `question` takes in place of the rest.
    pub(super) fn rows(question: Option<&str>, width: u16, theme: &Theme) -> u16 {
        let width = usize::from(width.saturating_sub(2));
        let rows = question.map_or(1, |text| wrap::rows(text, width, theme.ambiguous).len());
        u16::try_from(rows).unwrap_or(u16::MAX)
    }

    /// Draws as much of it as there is room for.
    pub(super) fn render(
        &self,
        area: Rect,
        buffer: &mut Buffer,
        theme: &Theme,
        language: &Language,
    ) {
        buffer.set_style(area, theme.status);
        let ambiguous = theme.ambiguous;
        // A cell at either end stays empty.
        let mut rest = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        if let Some(question) = &self.question {
            let style = theme.status.patch(theme.unread);
            wrap::draw(question, rest, buffer, style, ambiguous);
            return;
        }
        let mut items = self.items(theme, language);
        let taken = |items: &[Item]| {
            items.iter().map(|item| ambiguous.cells(&item.text) + 2).sum::<usize>()
        };
        while taken(&items) > usize::from(area.width) && items.len() > 1 {
            let last = (0..items.len()).max_by_key(|&index| items[index].rank);
            items.remove(last.unwrap_or(0));
        }
        for item in items {
            let text = ambiguous.label(&item.text, rest.width.into());
            let style = theme.status.patch(item.style);
            let x = ambiguous.draw(&text, rest, buffer, style).saturating_add(2).min(rest.right());
            rest = Rect { x, width: rest.right() - x, ..rest };
        }
    }

    fn items(&self, theme: &Theme, language: &Language) -> Vec<Item> {
        let plain = Style::new();
        let mut items = Vec::new();
        let mut add = |rank, text: String, style| {
            if !text.is_empty() {
                items.push(Item { text, style, rank });
            }
        };
        add(5, self.me.clone(), plain);
        add(0, self.them.clone(), if self.alarm { theme.alarm } else { plain });
        match self.path {
            Some(path) => {
                add(4, language.text(way(path)), plain);
                add(7, path.rtt.map(words::milliseconds).unwrap_or_default(), plain);
            }
            None => add(4, self.state.clone(), plain),
        }
        if self.unsent > 0 {
            let unsent = language.count("screen-unsent", self.unsent, &[]);
            add(1, format!("{}{unsent}", theme.symbols.unsent), theme.unread);
        }
        if !self.activity.is_empty() {
            add(2, format!("[{}]", self.activity.join(",")), theme.unread);
        }
        if let Some(percent) = self.scroll {
            add(3, format!("-{percent}%-"), plain);
        }
        if let Some(name) = &self.typing {
            add(6, language.say("screen-typing", &[("name", name)]), plain);
        }
        items
    }
}

/// Which words say what way lines take.
fn way(path: PathInfo) -> &'static str {
    match (path.kind, path.remote) {
        (PathKind::Lan, _) => "way-lan",
        (PathKind::Direct, Some(remote)) if remote.is_ipv6() => "way-direct-v6",
        (PathKind::Direct, _) => "way-direct-v4",
        (PathKind::Relay, _) => "way-relay",
    }
}
