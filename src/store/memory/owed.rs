//! What is owed to scripts, in memory.

use super::{Kept, Memory};
use crate::chat::storage::{Place, StoreReply};
use crate::chat::{Address, LineId};

impl Memory {
    pub(super) fn load_owed(&mut self, after: Place, limit: usize) -> StoreReply {
        if !std::mem::replace(&mut self.receiving, true) {
            for entry in &mut self.lines {
                let unseen = matches!(entry.line, Kept::In { shown: false, .. });
                entry.owed = unseen && !entry.amends();
            }
        }
        StoreReply::Unshown(self.to_tell(after, limit, |entry| entry.owed, |_| true))
    }

    pub(super) fn taken(&mut self, from: &Address, id: LineId) -> StoreReply {
        let is = |entry: &&mut super::Entry| matches!(&entry.line, Kept::In { line, .. } if line.from == *from && line.id == id);
        if let Some(entry) = self.lines.iter_mut().find(is) {
            entry.owed = false;
        }
        StoreReply::Done
    }
}
