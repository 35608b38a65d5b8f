//! A line as memory keeps it.

use super::{Entry, Kept};
use crate::chat::storage::{Direction, QUOTE, Quote};
use crate::chat::{Address, LineId};

impl Entry {
    pub(super) fn new(line: Kept, about: Option<usize>) -> Self {
        let (edited_at, deleted, read, reactions) = (None, false, false, [None, None]);
        Self { line, about, edited_at, deleted, read, reactions, stay: None }
    }

    pub(super) fn with(&self) -> &Address {
        match &self.line {
            Kept::Out { line, .. } => &line.to,
            Kept::In { line, .. } => &line.from,
        }
    }

    pub(super) fn id(&self) -> LineId {
        match &self.line {
            Kept::Out { line, .. } => line.id,
            Kept::In { line, .. } => line.id,
        }
    }

    pub(super) fn direction(&self) -> Direction {
        match &self.line {
            Kept::Out { .. } => Direction::Out,
            Kept::In { .. } => Direction::In,
        }
    }

    pub(super) fn amends(&self) -> bool {
        match &self.line {
            Kept::Out { line, .. } => line.manner.amends(),
            Kept::In { line, .. } => line.manner.amends(),
        }
    }

    pub(super) fn text(&self) -> &str {
        match &self.line {
            Kept::Out { line, .. } => &line.text,
            Kept::In { line, .. } => &line.text,
        }
    }

    pub(super) fn text_mut(&mut self) -> &mut String {
        match &mut self.line {
            Kept::Out { line, .. } => &mut line.text,
            Kept::In { line, .. } => &mut line.text,
        }
    }

    pub(super) fn quote(&self) -> Quote {
        let sent_at = match &self.line {
            Kept::Out { line, .. } => line.sent_at,
            Kept::In { line, .. } => line.sent_at,
        };
        let text = || self.text().chars().take(QUOTE).collect();
        Quote { by: self.direction(), sent_at, text: (!self.deleted).then(text) }
    }
}
