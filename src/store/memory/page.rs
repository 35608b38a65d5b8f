//! Lines in memory as people read them.

use super::{Entry, Kept, Memory};
use crate::chat::room::Standing;
use crate::chat::storage::{HistoryLine, MAX_LOAD_BYTES, Place, Reaction};
use crate::chat::{Address, LineState};

impl Memory {
    /// Lines to be shown, the newest first, and whether there are no others.
    pub(super) fn page(
        &self,
        with: Option<&Address>,
        before: Option<Place>,
        limit: usize,
    ) -> (Vec<HistoryLine>, bool) {
        let before = before.map_or(self.lines.len(), |place| {
            usize::try_from(place.0).unwrap_or(usize::MAX).saturating_sub(1)
        });
        let lines = self.lines.iter().enumerate().take(before).rev();
        let mut lines = lines
            .filter(|(_, entry)| !entry.amends() && with.is_none_or(|with| entry.with() == with));
        let (mut page, mut bytes) = (Vec::new(), 0);
        for (index, entry) in lines.by_ref() {
            bytes += entry.text().len();
            if page.len() >= limit || (!page.is_empty() && bytes > MAX_LOAD_BYTES) {
                return (page, false);
            }
            page.push(self.history(index, entry));
        }
        (page, true)
    }

    fn history(&self, index: usize, entry: &Entry) -> HistoryLine {
        let about = entry.about.and_then(|index| self.lines.get(index));
        let (sent_at, arrived_at, audience, manner, state) = match &entry.line {
            Kept::Out { line, delivered } => {
                let state = match (entry.read, delivered) {
                    (true, _) => LineState::Read,
                    (false, Some(_)) => LineState::Delivered,
                    (false, None) if line.to.is_room => LineState::Sent,
                    (false, None) => LineState::Queued,
                };
                (line.sent_at, *delivered, line.audience, line.manner, state)
            }
            Kept::In { line, shown } => {
                let state = if *shown { LineState::Read } else { LineState::Delivered };
                (line.sent_at, Some(line.received_at), line.audience, line.manner, state)
            }
        };
        let counts = entry.standing == Standing::Counts;
        let mut reactions: Vec<Reaction> =
            entry.reactions.iter().filter(|_| counts).map(|(_, one)| one.clone()).collect();
        reactions.sort_by_key(|one| one.by);
        let (author, key) = match &entry.line {
            Kept::Out { .. } => (None, None),
            Kept::In { line, .. } => (line.author.clone(), Some(line.peer)),
        };
        HistoryLine {
            author,
            key,
            with: entry.with().clone(),
            id: entry.id(),
            direction: entry.direction(),
            sent_at,
            arrived_at,
            audience,
            text: entry.text().to_owned(),
            manner,
            quote: about.map(Entry::quote),
            edited_at: entry.edited_at.filter(|_| counts),
            deleted: entry.deleted,
            standing: entry.standing,
            reactions,
            state,
            namesake: false,
            progress: self.progress(entry),
            place: Place(index as i64 + 1),
        }
    }
}
