//! The directory of one person, and the thread that writes to it.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::random::Random;

use super::database::Database;
use super::identity_file::Stored;
use super::vault::{Cost, DataKey};
use super::{ImportError, Imported, ProfileError, identity_file, sealing};
use crate::chat::storage::{Contact, HistoryLine, Rendezvous, Snapshot, StoreReply, StoreRequest};
use crate::chat::{Address, Format, Retention, Timestamp};

/// The secret.
pub(super) const IDENTITY: &str = "identity";

/// Everything else.
pub(super) const DATABASE: &str = "chat.db";

/// What was typed in line mode, for the next time; not in a sealed profile.
pub const TYPED: &str = "typed";

/// Locked by the process that uses the profile.
const LOCK: &str = "lock";

/// Requests that share one wait for the disk.
const GROUP: usize = 256;

/// How long the thread waits for requests before it looks whether there is something to tidy.
const REST: Duration = Duration::from_secs(3600);

/// A profile in use by this process, and by no other until it is dropped.
#[derive(Debug)]
pub struct Profile {
    dir: PathBuf,
    identity: Identity,
    database: Database,
    key: Option<DataKey>,
    lock: File,
}

impl Profile {
    /// Opens the profile in `dir`; creates directory, identity and database where they are missing.
    ///
    /// # Errors
    ///
    /// Another process uses the profile, others can read its secret, it is sealed, or the disk fails.
    pub fn open(dir: &Path) -> Result<Self, ProfileError> {
        Self::unlock(dir, None)
    }

    /// As [`open`](Self::open). If the profile is [`Sealed`](super::Sealed), `key` is what its
    /// passphrase unlocks.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), or the profile is sealed with another key.
    pub fn unlock(dir: &Path, key: Option<&DataKey>) -> Result<Self, ProfileError> {
        create_private_directory(dir)?;
        let lock = lock(dir)?;
        let (identity, database, key) = sealing::settle(dir, key)?;
        Ok(Self { dir: dir.to_owned(), identity, database, key, lock })
    }

    /// Whether a passphrase is needed to read it.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.key.is_some()
    }

    /// What unlocks it, if it is sealed.
    #[must_use]
    pub fn key(&self) -> Option<&DataKey> {
        self.key.as_ref()
    }

    /// Seals the profile with a passphrase, or changes the passphrase of one that is sealed.
    ///
    /// Whenever this is interrupted, the profile is what it was or sealed, and the next
    /// [`unlock`](Self::unlock) does what is left to be done.
    ///
    /// # Errors
    ///
    /// The disk fails, or somebody was reading the profile.
    pub fn set_passphrase(self, passphrase: &str) -> Result<(), ProfileError> {
        self.seal(passphrase, Cost::NORMAL)
    }

    pub(super) fn seal(self, passphrase: &str, cost: Cost) -> Result<(), ProfileError> {
        let Self { dir, identity, database, key, lock: _lock } = self;
        sealing::seal(&dir, &identity, database.lock(), key.as_ref(), passphrase, cost)
    }

    /// Makes a sealed profile readable for whoever may read its files. One that is not sealed
    /// stays as it is.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn remove_passphrase(self) -> Result<(), ProfileError> {
        let Self { dir, identity, database, key, lock: _lock } = self;
        match key {
            Some(key) => sealing::open(&dir, &identity, database.lock(), &key),
            None => Ok(()),
        }
    }

    /// Makes a profile in `dir` for the identity with this seed, or gives it to a profile that has
    /// none.
    ///
    /// # Errors
    ///
    /// The profile has an identity, another process uses it, or the disk fails.
    pub fn restore(dir: &Path, seed: &[u8; 32]) -> Result<Identity, ProfileError> {
        create_private_directory(dir)?;
        let _lock = lock(dir)?;
        identity_file::restore(&dir.join(IDENTITY), seed)
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
        self.database.snapshot()
    }

    /// Takes in what another profile of the same person exported as [`Format::Json`]: all of it or
    /// nothing, and nothing that is here is changed.
    ///
    /// # Errors
    ///
    /// The file is not such an export, or the disk fails.
    pub fn import(&mut self, file: &mut dyn BufRead) -> Result<Imported, ImportError> {
        let mut seed = [0; 32];
        #[expect(clippy::disallowed_methods, reason = "a log must be one that was never used")]
        getrandom::fill(&mut seed).map_err(|error| ImportError::Io(io::Error::other(error)))?;
        let mut random = Random::from_seed(seed);
        self.database.import(self.identity.id(), file, &mut || random.u64())
    }

    /// Writes down whom we know for sure from now on, at which rendezvous, and what we share.
    ///
    /// # Errors
    ///
    /// The disk fails; nothing is written then.
    pub fn introduce(
        &mut self,
        contact: Contact,
        rendezvous: Rendezvous,
        secret: Option<(PeerId, SharedSecret)>,
    ) -> Result<(), ProfileError> {
        let mut requests = vec![
            StoreRequest::ForgetRequest(contact.address.clone()),
            StoreRequest::SaveContact(contact),
            StoreRequest::SaveRendezvous(rendezvous),
        ];
        requests.extend(secret.map(|(peer, secret)| StoreRequest::SaveSecret(peer, secret)));
        self.database.write(&requests)
    }

    /// Carries out requests outside of a chat, all of them or none.
    ///
    /// # Errors
    ///
    /// The disk fails, or refuses one of them.
    pub fn write(&mut self, requests: &[StoreRequest]) -> Result<(), ProfileError> {
        self.database.write(requests)
    }

    /// Whether there are lines of somebody, or for it.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn has_said(&self, with: &Address) -> Result<bool, ProfileError> {
        Ok(!self.database.history(Some(with), 1)?.is_empty())
    }

    /// How long lines are kept.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn retention(&self) -> Result<Retention, ProfileError> {
        self.database.retention()
    }

    /// Decides how long lines are kept, and removes those that are older now.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn keep(&mut self, retention: Retention) -> Result<(), ProfileError> {
        self.database.set_retention(retention)?;
        while self.database.tidy(now()).map_err(|error| self.database.fault(&error))? {}
        Ok(())
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
        let Self { database, lock, .. } = self;
        let (requests, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || carry_out(database, &lock, &inbox, answer))
            .map_err(|error| {
                ProfileError::io("start the thread for", Path::new(DATABASE), error)
            })?;
        Ok(Store { requests: Some(requests), thread: Some(thread) })
    }
}

/// The thread that writes. Dropping it has the effect of [`close`](Self::close).
#[derive(Debug)]
pub struct Store {
    requests: Option<Sender<StoreRequest>>,
    thread: Option<JoinHandle<()>>,
}

impl Store {
    /// Asks for something. Never blocks; the answer comes through the function given to
    /// [`Profile::run`].
    pub fn request(&self, request: StoreRequest) {
        if let Some(requests) = &self.requests {
            // It fails only if the thread has ended, which it does after this is dropped.
            let _ = requests.send(request);
        }
    }

    /// Carries out what was asked, then stops the thread and gives the profile free.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, its message has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// The life of the thread: as many requests as are waiting, one transaction, their answers. Where
/// none is waiting, a little of what nobody waits for. The profile stays locked for as long as it
/// runs.
fn carry_out(
    mut database: Database,
    _lock: &File,
    requests: &Receiver<StoreRequest>,
    mut answer: impl FnMut(StoreReply),
) {
    let mut untidy = true;
    loop {
        let first = if untidy {
            match requests.try_recv() {
                Ok(first) => first,
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {
                    // What fails now, as on a full disk, may succeed an hour later.
                    untidy = database.tidy(now()).unwrap_or(false);
                    continue;
                }
            }
        } else {
            match requests.recv_timeout(REST) {
                Ok(first) => first,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    untidy = true;
                    continue;
                }
            }
        };
        let mut group = vec![first];
        group.extend(requests.try_iter().take(GROUP - 1));
        // More may be too old now.
        untidy |= group.iter().any(|request| {
            matches!(request, StoreRequest::SaveSetting { name, .. } if name == Retention::SETTING)
        });
        database.handle(&group).into_iter().for_each(&mut answer);
    }
}

/// By the wall clock, which says how old a line is.
#[expect(clippy::disallowed_methods, reason = "the disk is the world, and so is its clock")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A view into a profile, which another process may be using at the same time.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    database: Option<Database>,
    key: Option<DataKey>,
}

impl Reader {
    /// Opens the profile in `dir` for reading. `None` if there is no profile.
    ///
    /// # Errors
    ///
    /// There is one, and it is sealed or cannot be read.
    pub fn open(dir: &Path) -> Result<Option<Self>, ProfileError> {
        Self::unlock(dir, None)
    }

    /// As [`open`](Self::open). If the profile is [`Sealed`](super::Sealed), `key` is what its
    /// passphrase unlocks.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), or the profile is sealed with another key.
    pub fn unlock(dir: &Path, key: Option<&DataKey>) -> Result<Option<Self>, ProfileError> {
        if !dir.join(IDENTITY).exists() {
            return Ok(None);
        }
        let database = sealing::read(dir, key)?;
        Ok(Some(Self { dir: dir.to_owned(), database, key: key.cloned() }))
    }

    /// Who this is.
    ///
    /// # Errors
    ///
    /// The identity cannot be read.
    pub fn identity(&self) -> Result<Identity, ProfileError> {
        let path = self.dir.join(IDENTITY);
        match identity_file::load(&path)? {
            None => Err(ProfileError::BadIdentity { path }),
            Some(Stored::Clear(seed)) => Ok(Identity::from_seed(*seed)),
            Some(Stored::Sealed { seed, .. }) => {
                let sealed = || ProfileError::Sealed { dir: self.dir.clone() };
                let key = self.key.as_ref().ok_or_else(sealed)?;
                Ok(Identity::from_seed(*seed.open(key, &path)?))
            }
        }
    }

    /// Everything but the lines that have been shown.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, ProfileError> {
        self.database.as_ref().map_or_else(|| Ok(Snapshot::default()), Database::snapshot)
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
        match &self.database {
            None => Ok(Vec::new()),
            Some(database) => database.history(with, limit),
        }
    }

    /// The newest lines that say what was typed, the newest first: with one contact, or with all.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn search(
        &self,
        with: Option<&Address>,
        text: &str,
        limit: usize,
    ) -> Result<Vec<HistoryLine>, ProfileError> {
        match &self.database {
            None => Ok(Vec::new()),
            Some(database) => database.search(with, text, limit),
        }
    }

    /// Writes what was said somewhere else: with everybody, or with those named. How many lines
    /// these are.
    ///
    /// # Errors
    ///
    /// The profile cannot be read, or the export cannot be written.
    pub fn export(
        &self,
        format: Format,
        with: Option<&[Address]>,
        zone: &TimeZone,
        out: &mut dyn Write,
    ) -> Result<u64, ProfileError> {
        let key = self.identity()?.id();
        let path = self.dir.join(DATABASE);
        match &self.database {
            None if path.exists() => Err(ProfileError::Older { path }),
            None => Ok(0),
            Some(database) => database.export(key, format, with, zone, out),
        }
    }

    /// How long lines are kept.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn retention(&self) -> Result<Retention, ProfileError> {
        self.database.as_ref().map_or(Ok(Retention::Forever), Database::retention)
    }
}

/// Makes the directory, for its owner alone. One that is there already stays as it is: the files
/// in it are private by themselves.
fn create_private_directory(dir: &Path) -> Result<(), ProfileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| ProfileError::io("create", dir, error))
}

/// Takes the profile for this process. The lock ends with the process, however it ends.
fn lock(dir: &Path) -> Result<File, ProfileError> {
    let path = dir.join(LOCK);
    let file = identity_file::private()
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| ProfileError::io("create", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ProfileError::Busy { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(ProfileError::io("lock", &path, error)),
    }
}
