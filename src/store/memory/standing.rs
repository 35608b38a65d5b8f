//! Lines of rooms that do not count, in memory.

use std::sync::Arc;

use p2pchat_wire::identity::PeerId;

use super::super::lines::Sender;
use super::{Entry as Shown, Kept, Memory};
use crate::chat::room::{Body, Counted, Entry, RoomId, Standing};
use crate::chat::storage::{Direction, StoreReply};
use crate::chat::{Address, LineId, Manner, Timestamp};

impl Memory {
    pub(super) fn stand(&mut self, room: &Address, id: RoomId, counted: &Counted) -> StoreReply {
        let (mut withdrawn, mut restored) = (Vec::new(), Vec::new());
        let of = self.rooms.iter().find(|room| room.id == id);
        let lines = of.and_then(|room| room.lines.get(&counted.log)).cloned().unwrap_or_default();
        for entry in lines.values() {
            let Body::Line(said) = entry.body() else { continue };
            let standing = counted.standing(entry.header().place);
            let author = counted.log.author;
            let Some(index) = self.shown_of(room, said.id, author) else { continue };
            let shown = &mut self.lines[index];
            let was = std::mem::replace(&mut shown.standing, standing);
            let same = (was == Standing::Counts) == (standing == Standing::Counts);
            if shown.deleted || same {
                continue;
            }
            match (said.manner, shown.about) {
                (Manner::React { .. }, Some(target)) => self.restore_reaction(id, target, index),
                (Manner::Edit { .. }, Some(target)) => self.restore_text(id, target),
                (manner, _) if manner.amends() => {}
                _ => {
                    self.restore_text(id, index);
                    match standing {
                        Standing::Counts => restored.push((said.id, index)),
                        _ => withdrawn.push(said.id),
                    }
                }
            }
        }
        let says = |(id, index): (LineId, usize)| (id, self.lines[index].text().to_owned());
        StoreReply::Standing { withdrawn, restored: restored.into_iter().map(says).collect() }
    }

    fn shown_of(&self, room: &Address, id: LineId, author: PeerId) -> Option<usize> {
        let is = |shown: &Shown| {
            let by = match &shown.line {
                Kept::Out { .. } => shown.stay.is_some(),
                Kept::In { line, .. } => line.peer == author,
            };
            by && shown.with() == room && shown.id() == id
        };
        self.lines.iter().position(is)
    }

    fn restore_text(&mut self, room: RoomId, index: usize) {
        let Some(shown) = self.lines.get(index).filter(|shown| !shown.deleted) else { return };
        if shown.standing != Standing::Counts {
            return self.lines[index].text_mut().clear();
        }
        let edits = |one: &&Shown| {
            let edits = matches!(one.manner(), Manner::Edit { .. });
            one.about == Some(index) && edits && one.standing == Standing::Counts
        };
        let edit = self.lines.iter().rfind(edits);
        let at = edit.map(Shown::sent_at);
        let id = edit.unwrap_or(shown).id();
        let said = self.said_in_entry(room, id).unwrap_or_default();
        let shown = &mut self.lines[index];
        shown.edited_at = at;
        *shown.text_mut() = said;
    }

    fn restore_reaction(&mut self, room: RoomId, target: usize, reaction: usize) {
        let sender = self.lines[reaction].sender();
        let reacts = |one: &&Shown| {
            let reacts = matches!(one.manner(), Manner::React { .. });
            let theirs = one.sender().member.map(|member| member.0)
                == sender.member.as_ref().map(|member| member.0);
            one.about == Some(target) && reacts && theirs && one.standing == Standing::Counts
        };
        let last = self.lines.iter().rfind(reacts).map(Shown::id);
        let text = last.and_then(|last| self.said_in_entry(room, last)).unwrap_or_default();
        self.lines[target].react(&sender, &text);
    }

    fn said_in_entry(&self, room: RoomId, id: LineId) -> Option<String> {
        let room = self.rooms.iter().find(|one| one.id == room)?;
        let mut entries = room.lines.values().flat_map(|lines| lines.values());
        entries.find_map(|entry: &Arc<Entry>| match entry.body() {
            Body::Line(line) if line.id == id => Some(line.text.clone()),
            _ => None,
        })
    }
}

impl Shown {
    fn manner(&self) -> Manner {
        match &self.line {
            Kept::Out { line, .. } => line.manner,
            Kept::In { line, .. } => line.manner,
        }
    }

    fn sent_at(&self) -> Timestamp {
        match &self.line {
            Kept::Out { line, .. } => line.sent_at,
            Kept::In { line, .. } => line.sent_at,
        }
    }

    fn sender(&self) -> Sender {
        match &self.line {
            Kept::Out { .. } => Sender::US,
            Kept::In { line, .. } => {
                let member = line.author.clone().map(|author| (line.peer, author));
                Sender { by: Direction::In, member }
            }
        }
    }
}
