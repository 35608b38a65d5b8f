//! Files for scripts that wait for one, as `p2pchat recv --file` does: nobody has to be asked.

use super::disk::{Content, OfferId};
use super::{FileState, Transfer};
use crate::chat::{Chat, FaceId};

/// What a script calls the file that it takes.
const REFERENCE: &str = "script";

/// What a script waits for.
#[derive(Clone, Debug)]
pub(in crate::chat) struct Taking {
    /// Only from there.
    from: Option<String>,
    /// Where the file is to be.
    folder: String,
}

impl Chat {
    /// The face that asks takes the next file that is offered: the oldest that waits, or one that has begun to arrive in
    /// the same folder.
    pub(in crate::chat) fn takes(&mut self, from: Option<String>, folder: String) {
        self.faces.asking_mut().takes = Some(Taking { from, folder });
        let number = |one: &Transfer| (one.kept.state == FileState::Offered, one.number);
        let open = self.files.list.iter().filter(|(_, one)| one.number > 0);
        let mut open: Vec<_> = open.map(|(offer, one)| (number(one), *offer)).collect();
        open.sort_unstable();
        for (_, offer) in open {
            if self.give_to(self.faces.asking_id(), offer) {
                return;
            }
        }
    }

    /// A file is offered. Whether a script takes it.
    pub(super) fn give_to_whoever_takes(&mut self, offer: OfferId) -> bool {
        self.faces.ids().any(|face| self.give_to(face, offer))
    }

    /// Gives a file to a script, if that waits for such a one.
    fn give_to(&mut self, face: FaceId, offer: OfferId) -> bool {
        let before = self.faces.turn_to(face);
        let given = self.give_to_asking(offer);
        self.faces.turn_to(before);
        given
    }

    fn give_to_asking(&mut self, offer: OfferId) -> bool {
        let Some(Taking { from, folder }) = self.faces.asking().takes.clone() else { return false };
        let Some(one) = self.files.list.get(&offer) else { return false };
        let kept = &one.kept;
        let waits = match kept.state {
            FileState::Offered => true,
            FileState::Accepted => kept.folder.as_ref() == Some(&folder),
            FileState::Done | FileState::Declined | FileState::Withdrawn => false,
        };
        let from = from.as_deref();
        let fits = from.is_none_or(|typed| self.is_called(&kept.with, typed));
        if one.is_ours() || !waits || !fits || kept.content != Content::File {
            return false;
        }
        self.faces.asking_mut().takes = None;
        let face = self.faces.asking_id();
        if let Some(one) = self.files.list.get_mut(&offer) {
            one.author = Some((face, Some(REFERENCE.to_owned())));
        }
        self.accept_into(offer, folder, None);
        true
    }
}
