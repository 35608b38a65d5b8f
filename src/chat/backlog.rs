//! What was received in earlier runs and never shown, however much it is.
//!
//! A pipe gets all of it, in order, before what comes now: a part is read from disk whenever the part
//! before has been taken away, and what comes meanwhile waits there for its turn.

use std::collections::BTreeSet;

use super::storage::{Place, StoreReply, StoreRequest, UnshownLine};
use super::{Asked, Chat, LineId};

/// Lines that are read at once.
const UNSHOWN_LINES: usize = 256;

/// How far it has been shown, while there may be more.
#[derive(Debug)]
pub(super) struct Backlog {
    last: Place,
    loading: bool,
    /// What came in this run.
    fresh: BTreeSet<LineId>,
}

impl Backlog {
    /// A line of this run waits for its turn.
    pub(super) fn wait(&mut self, id: LineId) {
        self.fresh.insert(id);
    }
}

impl Chat {
    /// Shows a part. If there was anything, there may be more.
    pub(super) fn show_unshown(&mut self, lines: Vec<UnshownLine>) {
        let fresh = self.backlog.take().map(|backlog| backlog.fresh).unwrap_or_default();
        if let Some(last) = lines.last().map(|line| line.place) {
            self.backlog = Some(Backlog { last, loading: false, fresh });
        }
        for UnshownLine { line, quote, .. } in lines {
            let fresh = self.backlog.as_mut().is_some_and(|one| one.fresh.remove(&line.id));
            self.show_received(line, quote, !fresh);
        }
    }

    /// Asks for the next part. Called when everything else has been taken away.
    pub(super) fn load_unshown(&mut self) {
        if self.run.leaving.is_some() {
            return;
        }
        let Some(backlog) = self.backlog.as_mut().filter(|backlog| !backlog.loading) else {
            return;
        };
        backlog.loading = true;
        let after = backlog.last;
        let request = StoreRequest::LoadUnshown { after, limit: UNSHOWN_LINES };
        self.ask(request, Asked::Unshown);
    }

    pub(super) fn unshown_loaded(&mut self, reply: StoreReply) {
        match reply {
            StoreReply::Unshown(lines) => self.show_unshown(lines),
            reply => {
                // The rest is shown at the next start.
                self.backlog = None;
                self.tell_failure(reply);
            }
        }
    }
}
