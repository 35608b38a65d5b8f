//! A line as memory keeps it.

use super::{Entry, Kept};
use crate::chat::room::Standing;
use crate::chat::storage::{Direction, QUOTE, Quote, Reaction};
use crate::chat::{Address, LineId};
use crate::store::lines::Sender;

impl Entry {
    pub(super) fn new(line: Kept, about: Option<usize>) -> Self {
        let (deleted, read, owed, reactions) = (false, false, false, Vec::new());
        let (edited_at, standing, stay) = (None, Standing::Counts, None);
        Self { line, about, edited_at, deleted, read, owed, reactions, standing, stay }
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
        let (author, key) = match &self.line {
            Kept::Out { .. } => (None, None),
            Kept::In { line, .. } => (
                line.author.clone().map(Box::new),
                line.author.as_ref().map(|_| Box::new(line.peer)),
            ),
        };
        let text = || self.text().chars().take(QUOTE).collect();
        let text = (!self.deleted && self.standing == Standing::Counts).then(text);
        Quote { by: self.direction(), author, key, sent_at, text, is_hidden: false }
    }

    /// Puts somebody's reaction in place of what it was; an empty one is none.
    pub(super) fn react(&mut self, sender: &Sender, text: &str) {
        let (key, author) = sender.member.clone().unzip();
        self.reactions.retain(|(whose, reaction)| (*whose, reaction.by) != (key, sender.by));
        if !text.is_empty() {
            let reaction = Reaction { by: sender.by, author, text: text.to_owned() };
            self.reactions.push((key, reaction));
        }
    }
}
