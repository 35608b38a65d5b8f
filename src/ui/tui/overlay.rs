//! What is shown in place of what was said, until it is closed: the help, and a search.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::cells::Ambiguous;
use super::composer::Composer;
use super::entry::{MAX_NAME, moment, wrapped};
use super::help;
use super::keys::{Keymap, Place};
use super::theme::Theme;
use crate::chat::{HistoryLine, clean, command};
use crate::ui::language::Language;
use crate::ui::words;

/// Below so many columns what a key does stands below the key, not beside it.
const NARROW: usize = 60;

/// The most cells of a key or a command before what it does.
const MAX_KEY: usize = 28;

/// What is open.
#[derive(Debug)]
pub(super) enum Overlay {
    /// The keys and the commands, from this row on.
    Help {
        top: usize,
    },
    Search(Box<Search>),
}

/// A search, and what it has found.
#[derive(Debug)]
pub(super) struct Search {
    /// What is looked for.
    pub(super) query: Composer,
    /// The newest first.
    pub(super) found: Vec<HistoryLine>,
    pub(super) chosen: usize,
}

impl Search {
    pub(super) fn new(ambiguous: Ambiguous, language: &Language) -> Self {
        let query = Composer::with(ambiguous, language.clone());
        Self { query, found: Vec::new(), chosen: 0 }
    }

    /// Another one of those that were found.
    pub(super) fn step(&mut self, older: bool) {
        self.chosen = if older { self.chosen + 1 } else { self.chosen.saturating_sub(1) };
        self.chosen = self.chosen.min(self.found.len().saturating_sub(1));
    }

    /// Draws what was found, one line in a row, the chosen one in sight.
    pub(super) fn render(
        &self,
        name: impl Fn(&HistoryLine) -> String,
        zone: &TimeZone,
        area: Rect,
        buffer: &mut Buffer,
        theme: &Theme,
    ) {
        let height = usize::from(area.height);
        let first = (self.chosen + 1).saturating_sub(height);
        let cells = |text: &str| theme.ambiguous.cells(text);
        let widest = self.found.iter().map(|line| cells(&name(line))).max().unwrap_or(0);
        let column = widest.min(MAX_NAME.min(usize::from(area.width) / 4));
        for (row, (index, line)) in area.rows().zip(self.found.iter().enumerate().skip(first)) {
            let chosen = index == self.chosen;
            let at = moment(line.arrived_at.unwrap_or(line.sent_at), zone);
            let name = theme.ambiguous.label(&name(line), column);
            let text = format!(
                "{} {} {name}{}  {}",
                if chosen { '>' } else { ' ' },
                at.strftime("%Y-%m-%d %H:%M"),
                " ".repeat(column - cells(&name)),
                clean::one_line(&line.text, " ")
            );
            let style = if chosen { theme.current } else { theme.text };
            let text = theme.ambiguous.label(&text, row.width.into());
            theme.ambiguous.draw(&text, row, buffer, style);
        }
    }
}

/// Draws the help from row `top` on, or as far down as there is something to fill the area.
/// Returns from where.
pub(super) fn render_help(
    top: usize,
    keymap: &Keymap,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
    language: &Language,
) -> usize {
    let rows = help_rows(keymap, area.width.into(), theme, language);
    let top = top.min(rows.len().saturating_sub(area.height.into()));
    for (area, row) in area.rows().zip(rows.iter().skip(top)) {
        theme.ambiguous.draw_line(row, area, buffer);
    }
    top
}

fn help_rows(
    keymap: &Keymap,
    width: usize,
    theme: &Theme,
    language: &Language,
) -> Vec<Line<'static>> {
    let keys = |place| {
        let lines = help::lines(keymap, place, language).into_iter();
        lines.map(|line| (line.keys, line.help)).collect::<Vec<_>>()
    };
    let commands = command::all().map(|command| {
        let usage = words::usage(&command, language);
        (format!("/{} {usage}", command.word), words::help(&command, language))
    });
    let sections = [
        ("screen-help-writing", keys(Place::Writing)),
        ("screen-help-screen", keys(Place::Screen)),
        ("screen-help-commands", commands.collect()),
    ];
    let all = sections.iter().flat_map(|(_, lines)| lines);
    let cells = |text: &str| theme.ambiguous.cells(text);
    let column = all.map(|(key, _)| cells(key.trim_end())).max().unwrap_or(0).min(MAX_KEY);
    let mut rows = Vec::new();
    for (title, lines) in &sections {
        if !rows.is_empty() {
            rows.push(Line::default());
        }
        rows.push(Line::styled(language.text(title), theme.unread));
        for (key, does) in lines {
            let key = key.trim_end();
            let beside = width >= NARROW && cells(key) <= column;
            let indent = if width >= NARROW { column + 4 } else { 4 };
            let mut before = vec![Span::styled(format!("  {key}"), theme.own)];
            if beside {
                before.push(Span::raw(" ".repeat(indent - 2 - cells(key))));
            } else {
                rows.push(Line::from(std::mem::replace(&mut before, blank(indent))));
            }
            let room = width.saturating_sub(indent).max(1);
            for pieces in wrapped(does, theme.text, "", theme.dim, room, theme.ambiguous) {
                let mut row = std::mem::replace(&mut before, blank(indent));
                row.extend(pieces.line.spans);
                rows.push(Line::from(row));
            }
        }
    }
    rows
}

fn blank(cells: usize) -> Vec<Span<'static>> {
    vec![Span::raw(" ".repeat(cells))]
}
