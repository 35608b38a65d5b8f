//! Where a message is written: one row that grows to eight, then scrolls.
//!
//! [`Composer::handle_key`] takes keys, [`Composer::rows`] says how much room it wants,
//! [`Composer::render`] draws it, and [`Composer::caret`] says on which cell the caret stands. The
//! terminal's own cursor belongs on that cell in every frame: an input method puts its window there.
//!
//! The text is a [`Draft`]; rows are made of it by [`wrap`]. A paste that looks like
//! more than one message is not inserted but asked about (`paste`). What was sent comes back with
//! Up (`sent`). Tab completes ([`completion`]).

use std::cell::Cell;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::cells::Ambiguous;
use super::completion::{self, Choice, Kind, Wanted};
use super::draft::Draft;
use super::keys::{Action, Keymap, Press};
use super::layout::Layout;
use super::paste::{Answer, Paste};
use super::sent::Sent;
use super::wrap;
use crate::chat::{Address, MAX_TEXT, clean, command};
use crate::ui::language::Language;

/// Rows that the text may take before it scrolls.
const MAX_ROWS: usize = 8;

/// What came of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It means nothing here; whoever is outside may use it.
    Nothing,
    /// Something looks different now, or the key was used up.
    Changed,
    /// This is to be sent. The composer is empty again.
    Submit(String),
    /// These are to be sent, one message each.
    SubmitLines(Vec<String>),
    /// This is to be opened in an editor; what comes back goes to [`Composer::set_text`].
    Edit(String),
    /// This is to be completed; the candidates go to [`Composer::offer`].
    Complete(Wanted),
    /// There is no room for what was typed: the message is as long as messages can be.
    Full,
}

/// How it is painted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paint {
    /// What is written.
    pub text: Style,
    /// What is said about it.
    pub hint: Style,
}

/// A message that is being written.
#[derive(Debug, Default)]
pub struct Composer {
    keymap: Keymap,
    ambiguous: Ambiguous,
    language: Language,
    draft: Draft,
    /// In which column Up and Down want to stay.
    goal: Option<usize>,
    /// What was deleted last by words or lines, and whether the next such deletion adds to it.
    killed: String,
    killing: bool,
    sent: Sent,
    question: Option<Paste>,
    /// What Tab goes through.
    choice: Option<Choice>,
    placeholder: String,
    /// The width that was drawn last, for Up and Down.
    width: Cell<usize>,
    /// The first row of the text that is seen.
    top: Cell<usize>,
}

impl Composer {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`new`](Self::new), on a terminal that draws ambiguous characters so, asking its questions
    /// in this language.
    #[must_use]
    pub fn with(ambiguous: Ambiguous, language: Language) -> Self {
        Self { ambiguous, language, ..Self::default() }
    }

    /// What is written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.draft.text()
    }

    /// Whether nothing is written and nothing asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text().is_empty() && self.question.is_none()
    }

    /// What stands here in faint letters while nothing is written.
    pub fn set_placeholder(&mut self, placeholder: String) {
        self.placeholder = placeholder;
    }

    /// Replaces what is written, as an editor does. It can be undone.
    pub fn set_text(&mut self, text: &str) {
        let text = clean::text(text);
        self.draft.replace(0..self.draft.text().len(), cut(text.trim_end_matches('\n'), MAX_TEXT));
        self.settle();
    }

    /// Empties it. Returns what was written.
    pub fn take_draft(&mut self) -> String {
        let text = self.draft.text().to_owned();
        self.draft.reset(String::new());
        self.question = None;
        self.settle();
        text
    }

    /// Goes to another conversation, in which `draft` was begun. Returns what was begun in the one
    /// before. Nothing can be undone across the two.
    pub fn open(&mut self, with: Option<&Address>, draft: &str) -> String {
        let begun = self.take_draft();
        self.draft.reset(cut(&clean::text(draft), MAX_TEXT).to_owned());
        self.sent.open(with.cloned());
        begun
    }

    /// Adds to what Up brings back: a line that we sent in an earlier run, the oldest first.
    pub fn remember(&mut self, with: &Address, text: &str) {
        self.sent.remember(Some(with), text);
    }

    /// What a key does here.
    pub fn handle_key(&mut self, key: KeyEvent) -> Outcome {
        match self.keymap.press(key) {
            Press::Action(action) => self.act(action),
            Press::Text(c) => self.write(c),
            Press::Waiting => Outcome::Changed,
            Press::Nothing => Outcome::Nothing,
        }
    }

    /// Writes a character, or answers with it what is asked.
    pub fn write(&mut self, c: char) -> Outcome {
        if let Some(paste) = self.question.take() {
            return match paste.answer(c) {
                Some(answer) => self.answered(paste, answer),
                None => {
                    self.question = Some(paste);
                    Outcome::Changed
                }
            };
        }
        if !clean::is_plain(c) {
            return Outcome::Nothing;
        }
        if self.text().len() + c.len_utf8() > MAX_TEXT {
            return Outcome::Full;
        }
        self.draft.type_char(c);
        self.settle();
        Outcome::Changed
    }

    /// Takes what was pasted: into the text, or as a question if it is long. Its last line break
    /// sends nothing, and what would move the cursor is not in it any more.
    pub fn paste(&mut self, pasted: &str) -> Outcome {
        let paste = Paste::new(pasted, MAX_TEXT.saturating_sub(self.text().len()));
        if paste.is_question() {
            self.question = Some(paste);
        } else {
            self.draft.insert(paste.text());
            self.settle();
        }
        Outcome::Changed
    }

    /// Completes what was asked for, if the text is still what it was then. Without a candidate
    /// nothing happens.
    pub fn offer(
        &mut self,
        wanted: &Wanted,
        candidates: impl IntoIterator<Item = String>,
    ) -> Outcome {
        let same = self.draft.caret() == wanted.bytes.end
            && self.text().get(wanted.bytes.clone()) == Some(&*wanted.typed);
        let Some(choice) = Choice::new(wanted, candidates).filter(|_| same) else {
            return Outcome::Changed;
        };
        self.choose(choice);
        Outcome::Changed
    }

    /// Does what a key stands for.
    pub fn act(&mut self, action: Action) -> Outcome {
        if self.question.is_some() {
            if matches!(action, Action::Cancel | Action::Interrupt) {
                self.question = None;
            }
            // Nothing else happens behind an open question.
            return Outcome::Changed;
        }
        if let Some(mut choice) = self.choice.take() {
            match action {
                Action::Complete | Action::CompleteBack => {
                    choice.step(action == Action::CompleteBack);
                    self.draft.undo();
                    self.choose(choice);
                    return Outcome::Changed;
                }
                Action::Cancel => return changed(self.draft.undo()),
                _ => {}
            }
        }
        let killed_before = std::mem::take(&mut self.killing);
        let draft = &self.draft;
        let caret = draft.caret();
        let goal = self.goal.take();
        match action {
            Action::Send => return self.send(),
            Action::Newline => {
                if self.text().len() == MAX_TEXT {
                    return Outcome::Full;
                }
                self.draft.insert("\n");
            }
            Action::Left => return self.go(draft.previous()),
            Action::Right => return self.go(draft.next()),
            Action::WordLeft => return self.go(draft.word_start()),
            Action::WordRight => return self.go(draft.word_end()),
            Action::LineStart => return self.go(draft.line_start()),
            Action::LineEnd => return self.go(draft.line_end()),
            Action::Up | Action::Down => return self.go_by_row(action == Action::Up, goal),
            Action::DeleteBack => return self.delete(draft.previous(), caret),
            Action::DeleteForward => return self.delete(caret, draft.next()),
            Action::DeleteWordBack => return self.kill(draft.word_start(), killed_before),
            Action::DeleteWordForward => return self.kill(draft.word_end(), killed_before),
            Action::DeleteToStart => return self.kill(draft.line_start(), killed_before),
            Action::DeleteToEnd => {
                // At the end of a line, the line break.
                let end = draft.line_end();
                let end = if end == caret { draft.next() } else { end };
                return self.kill(end, killed_before);
            }
            Action::Yank => {
                if self.text().len() + self.killed.len() > MAX_TEXT {
                    return Outcome::Full;
                }
                self.draft.insert(&self.killed);
            }
            Action::Undo => return changed(self.draft.undo()),
            Action::Redo => return changed(self.draft.redo()),
            Action::Complete => return self.complete(),
            Action::Editor => return Outcome::Edit(self.text().to_owned()),
            Action::Interrupt if !self.text().is_empty() => {
                // It can be undone, and it is no part of what was sent.
                self.draft.replace(0..self.draft.text().len(), "");
                self.settle();
            }
            _ => return Outcome::Nothing,
        }
        Outcome::Changed
    }

    /// How many rows it wants in an area so many cells wide.
    #[must_use]
    pub fn rows(&self, width: u16) -> u16 {
        let text = self.layout(usize::from(width)).len().min(MAX_ROWS);
        u16::try_from(text + self.hint_rows(width)).unwrap_or(u16::MAX)
    }

    /// Draws it.
    pub fn render(&self, area: Rect, buffer: &mut Buffer, paint: Paint) {
        buffer.set_style(area, paint.text);
        let (hints, area) = self.split(area);
        if let Some(question) = &self.question {
            let sentence = question.sentence(&self.language);
            wrap::draw(&sentence, hints, buffer, paint.hint, self.ambiguous);
        } else if let Some(choice) = &self.choice {
            let mut rest = hints;
            let (candidates, current) = choice.shown(hints.width.into(), self.ambiguous);
            for (place, candidate) in candidates.into_iter().enumerate() {
                let style = if place == current { paint.text } else { paint.hint };
                let end = self.ambiguous.draw(candidate, rest, buffer, style);
                let used = (end - rest.x).saturating_add(2).min(rest.width);
                rest = Rect { x: rest.x + used, width: rest.width - used, ..rest };
            }
        }
        let layout = self.layout(usize::from(area.width));
        let top = self.scroll(&layout, area);
        if self.text().is_empty() {
            self.ambiguous.draw(&self.placeholder, area, buffer, paint.hint);
        }
        for (row, y) in layout.rows().iter().skip(top).zip(area.top()..area.bottom()) {
            let row = &self.text()[row.bytes.clone()];
            self.ambiguous.draw(row, Rect { y, ..area }, buffer, paint.text);
        }
    }

    /// The cell of the caret in `area`, which is what [`render`](Self::render) was given.
    #[must_use]
    pub fn caret(&self, area: Rect) -> Position {
        let (_, area) = self.split(area);
        let layout = self.layout(usize::from(area.width));
        let top = self.scroll(&layout, area);
        let (row, column) = layout.caret();
        let inside = |at: usize, length: u16| {
            u16::try_from(at).unwrap_or(u16::MAX).min(length.saturating_sub(1))
        };
        Position {
            x: area.x + inside(column, area.width),
            y: area.y + inside(row.saturating_sub(top), area.height),
        }
    }

    fn layout(&self, width: usize) -> Layout<'_> {
        self.width.set(width);
        Layout::new(self.draft.text(), self.draft.caret(), width, self.ambiguous)
    }

    /// How many rows of so many cells stand above the text.
    fn hint_rows(&self, width: u16) -> usize {
        match &self.question {
            Some(question) => {
                let sentence = question.sentence(&self.language);
                wrap::rows(&sentence, width.into(), self.ambiguous).len()
            }
            None => usize::from(self.choice.is_some()),
        }
    }

    /// Where in `area` the text stands: below what is said about it.
    #[must_use]
    pub fn text_area(&self, area: Rect) -> Rect {
        self.split(area).1
    }

    /// The rows above the text, and those of the text.
    fn split(&self, area: Rect) -> (Rect, Rect) {
        let above = u16::try_from(self.hint_rows(area.width)).unwrap_or(u16::MAX);
        let above = above.min(area.height.saturating_sub(1));
        let hints = Rect { height: above, ..area };
        (hints, Rect { y: area.y + above, height: area.height - above, ..area })
    }

    /// The first row to be seen: the one before, unless the caret would be out of sight.
    fn scroll(&self, layout: &Layout<'_>, area: Rect) -> usize {
        let height = usize::from(area.height).max(1);
        let (row, _) = layout.caret();
        let last = layout.len().saturating_sub(height);
        let top = self.top.get().min(row).max((row + 1).saturating_sub(height)).min(last);
        self.top.set(top);
        top
    }

    fn complete(&mut self) -> Outcome {
        let Some(wanted) = completion::wanted(self.text(), self.draft.caret()) else {
            return Outcome::Nothing;
        };
        match wanted.kind {
            Kind::Command => self.offer(&wanted, command::all().map(|help| help.word.to_owned())),
            Kind::Word(words) => {
                self.offer(&wanted, completion::alternatives(words).map(str::to_owned))
            }
            Kind::Name | Kind::Path => Outcome::Complete(wanted),
        }
    }

    /// Puts the candidate into the text. What there is only one of needs no list.
    fn choose(&mut self, choice: Choice) {
        self.draft.replace(choice.bytes.clone(), &choice.inserted());
        self.settle();
        self.choice = Some(choice).filter(|choice| !choice.is_single());
    }

    fn send(&mut self) -> Outcome {
        if self.text().trim().is_empty() {
            return Outcome::Nothing;
        }
        let text = self.take_draft();
        self.sent.push(&text);
        Outcome::Submit(text)
    }

    fn answered(&mut self, paste: Paste, answer: Answer) -> Outcome {
        match answer {
            Answer::Drop => Outcome::Changed,
            Answer::Edit => {
                self.draft.insert(paste.text());
                self.settle();
                Outcome::Changed
            }
            Answer::OneMessage => {
                self.draft.insert(paste.text());
                self.send()
            }
            Answer::Lines => {
                // What is being written stays: it is no line of what was pasted.
                let lines = paste.text().lines().filter(|line| !line.trim().is_empty());
                let lines: Vec<String> = lines.map(str::to_owned).collect();
                lines.iter().for_each(|line| self.sent.push(line));
                Outcome::SubmitLines(lines)
            }
        }
    }

    fn go(&mut self, to: usize) -> Outcome {
        let before = self.draft.caret();
        self.draft.move_to(to);
        changed(before != self.draft.caret())
    }

    fn go_by_row(&mut self, up: bool, goal: Option<usize>) -> Outcome {
        let layout = self.layout(self.width.get());
        let (row, column) = layout.caret();
        let goal = goal.unwrap_or(column);
        let next = if up { row.checked_sub(1) } else { Some(row + 1) };
        if let Some(at) = next.and_then(|next| layout.at(next, goal)) {
            self.draft.move_to(at);
            self.goal = Some(goal);
            return Outcome::Changed;
        }
        let Some(text) = self.sent.step(up, self.draft.text()) else { return Outcome::Nothing };
        self.draft.reset(text);
        Outcome::Changed
    }

    fn delete(&mut self, from: usize, to: usize) -> Outcome {
        if from == to {
            // With nothing at all, the key may mean something outside.
            return changed(!self.text().is_empty());
        }
        self.draft.replace(from..to, "");
        self.settle();
        Outcome::Changed
    }

    /// Deletes from the caret to `to`, and keeps it for [`Action::Yank`].
    fn kill(&mut self, to: usize, again: bool) -> Outcome {
        let caret = self.draft.caret();
        let (from, to) = (to.min(caret), to.max(caret));
        let piece = &self.draft.text()[from..to];
        if !piece.is_empty() {
            self.killed = match (again, from == caret) {
                (false, _) => piece.to_owned(),
                (true, true) => format!("{}{piece}", self.killed),
                (true, false) => format!("{piece}{}", self.killed),
            };
        }
        let outcome = self.delete(from, to);
        self.killing = true;
        outcome
    }

    /// After the text has changed by something that is no step through what was sent.
    fn settle(&mut self) {
        self.goal = None;
        self.killing = false;
        self.choice = None;
        self.sent.leave();
    }
}

fn changed(changed: bool) -> Outcome {
    if changed { Outcome::Changed } else { Outcome::Nothing }
}

/// As much of the beginning of `text` as has at most `length` bytes.
fn cut(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(length)]
}

#[cfg(test)]
#[path = "composer_tests.rs"]
mod tests;
