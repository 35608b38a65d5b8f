//! What keys do while something is shown in place of what was said.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use super::composer::{Composer, Outcome};
use super::keys::{Action, Press};
use super::overlay::{Overlay, Search, render_help};
use super::scrollback::PAGE;
use super::{Action as Deed, Screen};
use crate::chat::{Direction, HistoryLine, Input};

/// Lines that a search finds at most.
const FOUND: usize = 200;

/// What stands before what is being written.
const PROMPT: &str = "> ";

impl Screen {
    /// Does what a key means to what is open. Returns whether it means anything.
    pub(super) fn press_over(&mut self, press: Press) -> bool {
        let page = self.height.saturating_sub(1).max(1);
        let Some(overlay) = &mut self.overlay else { return false };
        match (overlay, press) {
            (_, Press::Action(Action::Cancel | Action::Interrupt)) => self.overlay = None,
            (Overlay::Help { top }, Press::Action(action)) => match action {
                Action::Help | Action::Send => self.overlay = None,
                Action::Up => *top = top.saturating_sub(1),
                Action::Down => *top += 1,
                Action::PageUp => *top = top.saturating_sub(page),
                Action::PageDown => *top += page,
                Action::LineStart => *top = 0,
                Action::LineEnd | Action::Bottom => *top = usize::MAX,
                _ => return false,
            },
            (Overlay::Help { .. }, Press::Text(_)) => {
                // Whoever writes has read enough.
                self.overlay = None;
                return false;
            }
            (Overlay::Search(search), Press::Action(action @ (Action::Up | Action::Down))) => {
                search.step(action == Action::Down);
            }
            (Overlay::Search(search), Press::Action(Action::Send)) => {
                let chosen = search.found.get(search.chosen).cloned();
                if let Some(line) = chosen {
                    self.overlay = None;
                    self.go_to_line(&line);
                }
            }
            (Overlay::Search(search), Press::Action(action)) => {
                if search.query.act(action) == Outcome::Nothing {
                    return false;
                }
                self.search();
            }
            (Overlay::Search(search), Press::Text(c)) => {
                search.query.write(c);
                self.search();
            }
            (_, Press::Waiting | Press::Nothing) => {}
        }
        true
    }

    /// Shows the keys and the commands.
    pub(super) fn open_help(&mut self) {
        self.overlay = Some(Overlay::Help { top: 0 });
    }

    /// Shows a search for `text`, of which nothing is found yet.
    pub(super) fn open_search(&mut self, text: &str) {
        let mut search = Search::new(self.theme.ambiguous, &self.language);
        search.query.set_text(text);
        self.overlay = Some(Overlay::Search(Box::new(search)));
    }

    /// Asks for the lines that hold what is looked for.
    fn search(&mut self) {
        let with = self.current.map(|index| self.dialogues[index].address.clone());
        let Some(Overlay::Search(search)) = &mut self.overlay else { return };
        let text = search.query.text().trim().to_owned();
        search.chosen = 0;
        if text.is_empty() {
            search.found.clear();
        } else {
            self.searches += 1;
            self.actions.push_back(Deed::Input(Input::Search { with, text, limit: FOUND }));
        }
    }

    /// Takes in what was found. What `/search` has found is shown as what is found here; if it has found
    /// nothing, a sentence says so.
    pub(super) fn found(&mut self, text: &str, lines: &[HistoryLine]) -> bool {
        if self.searches > 0 {
            self.searches -= 1;
        } else if lines.is_empty() {
            return false;
        } else {
            self.open_search(text);
        }
        if let Some(Overlay::Search(search)) = &mut self.overlay
            && search.query.text().trim() == text
        {
            search.found = lines.to_vec();
            search.chosen = 0;
        }
        // Else it answers what was looked for a letter ago, or before it was closed.
        true
    }

    /// Goes to where a line was said.
    fn go_to_line(&mut self, line: &HistoryLine) {
        let index = self.index_of(&line.with);
        self.go_to(index);
        let before = Some(self.dialogues[index].scrollback.go_to(line.place));
        let page = Input::Page { with: line.with.clone(), before, limit: PAGE };
        self.actions.push_back(Deed::Input(page));
    }

    /// Where the caret is: in the message, or in what is looked for.
    pub(super) fn writing(&self) -> &Composer {
        match &self.overlay {
            Some(Overlay::Search(search)) => &search.query,
            _ => &self.composer,
        }
    }

    /// What stands before it.
    pub(super) fn prompt(&self) -> String {
        match &self.overlay {
            Some(Overlay::Search(_)) => self.language.text("screen-search"),
            _ => PROMPT.to_owned(),
        }
    }

    /// What the status line says of what is open.
    pub(super) fn over_status(&self) -> Option<String> {
        match self.overlay.as_ref()? {
            Overlay::Search(search) if !search.query.is_empty() => {
                let count = search.found.len() as u64;
                Some(self.language.count("screen-found", count, &[]))
            }
            Overlay::Search(_) | Overlay::Help { .. } => Some(self.language.text("screen-close")),
        }
    }

    /// Draws what is open, in place of what was said.
    pub(super) fn draw_overlay(&mut self, area: Rect, frame: &mut Frame<'_>) {
        let buffer = frame.buffer_mut();
        match &self.overlay {
            None => {}
            Some(Overlay::Help { top }) => {
                Clear.render(area, buffer);
                let top =
                    render_help(*top, &self.keymap, area, buffer, &self.theme, &self.language);
                self.overlay = Some(Overlay::Help { top });
            }
            Some(Overlay::Search(search)) => {
                Clear.render(area, buffer);
                let name = |line: &HistoryLine| match line.direction {
                    Direction::Out => self.me.clone(),
                    Direction::In => self.name(&line.with),
                };
                search.render(name, &self.zone, area, buffer, &self.theme);
            }
        }
    }
}
