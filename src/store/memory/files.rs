//! What has become of files, in memory.

use super::{Entry, Kept, Memory, failed};
use crate::chat::files::disk::Hash;
use crate::chat::storage::{Direction, FailureKind, StoreReply};
use crate::chat::{FileState, KeptFile};

impl Memory {
    pub(super) fn save_file(&mut self, file: KeptFile) -> StoreReply {
        let same = |one: &KeptFile| (one.by, one.id, &one.with) == (file.by, file.id, &file.with);
        if !self.lines.iter().filter_map(offered).any(|one| same(&one)) {
            return failed(FailureKind::NoSuchLine, "no line offers this file");
        }
        self.files.retain(|one| !same(one));
        self.files.push(file);
        StoreReply::Done
    }

    /// The last ones, the oldest first.
    pub(super) fn kept_files(&self) -> Vec<KeptFile> {
        let kept = |offered: KeptFile| {
            let same = |one: &&KeptFile| {
                (one.by, one.id, &one.with) == (offered.by, offered.id, &offered.with)
            };
            let known = self.files.iter().find(same).cloned();
            KeptFile { delivered: offered.delivered, ..known.unwrap_or(offered) }
        };
        let files: Vec<KeptFile> = self.lines.iter().filter_map(offered).map(kept).collect();
        let begin = files.len().saturating_sub(KeptFile::MAX);
        files.into_iter().skip(begin).collect()
    }
}

/// The file that a line offers, of which nothing has become.
fn offered(entry: &Entry) -> Option<KeptFile> {
    let (with, by, id, manner, text, delivered) = match &entry.line {
        Kept::Out { line, delivered } => {
            (&line.to, Direction::Out, line.id, line.manner, &line.text, delivered.is_some())
        }
        Kept::In { line, .. } => {
            (&line.from, Direction::In, line.id, line.manner, &line.text, true)
        }
    };
    let (size, root, content) = manner.offer()?;
    (!entry.deleted && !with.is_room).then(|| KeptFile {
        with: with.clone(),
        by,
        id,
        delivered,
        name: text.clone(),
        size,
        root: Hash(root),
        content,
        state: FileState::Offered,
        path: None,
        folder: None,
        called: None,
    })
}
