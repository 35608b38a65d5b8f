//! Names on disk: one SQLite file, and a thread that writes it.
//!
//! A claim is acknowledged after it is on the disk and not before: the write-ahead log is synced
//! at each commit (`synchronous = FULL`). While one commit waits for the disk, the claims that
//! arrive meanwhile gather for the next, so that a busy server writes many names per sync and a
//! quiet one waits for nothing.
#![expect(clippy::disallowed_methods, reason = "the disk has a thread of its own")]

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use p2pchat_wire::identity::{Name, PeerId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::server::{ClaimId, StorageFailed};

/// Marks the file as ours: "p2pr".
const APPLICATION: i32 = 0x7032_7072;

/// The version of the tables below.
const VERSION: i32 = 1;

/// Claims in one commit.
const GROUP: usize = 256;

const TABLES: &str = "
    CREATE TABLE names (
        name TEXT PRIMARY KEY,
        key BLOB NOT NULL CHECK (length(key) = 32),
        claimed_at INTEGER NOT NULL -- seconds since 1970
    ) STRICT, WITHOUT ROWID;
";

/// The file of the names could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite says why.
    #[error("the names in {} cannot be used: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The file is of another program.
    #[error("{} is a database of another program", .0.display())]
    Foreign(PathBuf),
    /// A newer p2pchat-rendezvous has written the file.
    #[error("{} was written by a newer p2pchat-rendezvous (format {version}, this one knows {VERSION}). Install the newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i32,
    },
    /// A row is no name of ours.
    #[error("{} has an entry that is no name: the file is damaged. Restore a backup", .0.display())]
    Damaged(PathBuf),
    /// The writing thread could not be started.
    #[error("the thread that writes the names could not be started: {0}")]
    Thread(std::io::Error),
}

/// The names in their file.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read and written as a file of names.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::prepare(path.to_owned(), Connection::open(path))
    }

    /// Names that nobody remembers: for demonstrations and tests.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if SQLite has no memory.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::prepare("memory".into(), Connection::open_in_memory())
    }

    fn prepare(
        path: PathBuf,
        connection: rusqlite::Result<Connection>,
    ) -> Result<Self, StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Sqlite { path, source }
        };
        let mut connection = connection.map_err(failed(&path))?;
        let (application, version) = (|| {
            connection.busy_timeout(Duration::from_secs(5))?;
            let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
            rusqlite::Result::Ok((pragma("application_id")?, pragma("user_version")?))
        })()
        .map_err(failed(&path))?;
        match (application, version) {
            (0, 0) | (APPLICATION, 0..=VERSION) => {}
            (APPLICATION, version) => return Err(StoreError::Newer { path, version }),
            _ => return Err(StoreError::Foreign(path)),
        }
        (|| {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            if version == 0 {
                let transaction = connection.transaction()?;
                transaction.pragma_update(None, "application_id", APPLICATION)?;
                transaction.pragma_update(None, "user_version", VERSION)?;
                transaction.execute_batch(TABLES)?;
                transaction.commit()?;
            }
            Ok(())
        })()
        .map_err(failed(&path))?;
        Ok(Self { connection, path })
    }

    /// All names and their owners, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file cannot be read or has something else in it.
    pub fn names(&self) -> Result<Vec<(Name, PeerId)>, StoreError> {
        let read = || {
            let mut statement =
                self.connection.prepare("SELECT name, key FROM names ORDER BY name")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, [u8; 32])>>>()
        };
        let rows =
            read().map_err(|source| StoreError::Sqlite { path: self.path.clone(), source })?;
        rows.into_iter()
            .map(|(text, key)| match Name::new(&text) {
                Ok(name) if name.as_str() == text => Ok((name, PeerId(key))),
                _ => Err(StoreError::Damaged(self.path.clone())),
            })
            .collect()
    }

    /// Writes that each name belongs to its key, and syncs. Says for each whether it does now:
    /// a name that has another owner keeps it.
    ///
    /// # Errors
    ///
    /// SQLite's; nothing of the group is stored then.
    pub fn claim<'a>(
        &mut self,
        claims: impl IntoIterator<Item = (&'a Name, &'a PeerId)>,
    ) -> Result<Vec<bool>, rusqlite::Error> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seconds = now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        let transaction = self.connection.transaction()?;
        let mut owned = Vec::new();
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO names (name, key, claimed_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO NOTHING",
            )?;
            let mut owner = transaction.prepare_cached("SELECT key FROM names WHERE name = ?1")?;
            for (name, key) in claims {
                insert.execute(params![name.as_str(), key.0, seconds])?;
                let stored: Option<[u8; 32]> =
                    owner.query_row([name.as_str()], |row| row.get(0)).optional()?;
                owned.push(stored == Some(key.0));
            }
        }
        transaction.commit()?;
        Ok(owned)
    }

    /// Copies the names into a new file, also while a server writes them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file exists or cannot be written.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let text = to.to_string_lossy();
        self.connection
            .execute("VACUUM INTO ?1", [text.as_ref()])
            .map(drop)
            .map_err(|source| StoreError::Sqlite { path: to.to_owned(), source })
    }
}

struct Claim {
    id: ClaimId,
    name: Name,
    key: PeerId,
}

type Claimed = (ClaimId, Result<(), StorageFailed>);

/// The thread that writes, from the outside.
#[derive(Debug)]
pub(crate) struct Writer {
    claims: Option<mpsc::Sender<Claim>>,
    claimed: tokio::sync::mpsc::UnboundedReceiver<Claimed>,
}

impl Writer {
    /// Starts the thread. Both queues are bounded by the claims that the server has open.
    pub(crate) fn start(mut store: Store) -> Result<Self, StoreError> {
        let (claims, incoming) = mpsc::channel();
        let (outgoing, claimed) = tokio::sync::mpsc::unbounded_channel();
        thread::Builder::new()
            .name("names".to_owned())
            .spawn(move || {
                while let Ok(first) = incoming.recv() {
                    let mut group: Vec<Claim> = vec![first];
                    group.extend(incoming.try_iter().take(GROUP - 1));
                    write(&mut store, &group, |claimed| {
                        // Nobody listens any more when the server is gone; the names are stored.
                        let _ = outgoing.send(claimed);
                    });
                }
            })
            .map_err(StoreError::Thread)?;
        Ok(Self { claims: Some(claims), claimed })
    }

    /// Hands a claim over.
    pub(crate) fn submit(&self, id: ClaimId, name: Name, key: PeerId) {
        if let Some(claims) = &self.claims {
            // Fails only if the thread has died, which it does not: then the claim is never
            // answered, and the peer asks again.
            let _ = claims.send(Claim { id, name, key });
        }
    }

    /// Waits for a claim to be stored or to fail.
    pub(crate) async fn claimed(&mut self) -> Option<Claimed> {
        self.claimed.recv().await
    }

    /// Waits until everything handed over is stored.
    pub(crate) async fn finish(&mut self) {
        self.claims = None;
        while self.claimed.recv().await.is_some() {}
    }
}

fn write(store: &mut Store, group: &[Claim], mut tell: impl FnMut(Claimed)) {
    let stored = store.claim(group.iter().map(|claim| (&claim.name, &claim.key)));
    if let Err(error) = &stored {
        tracing::error!(%error, claims = group.len(), "names could not be stored");
    }
    for (at, claim) in group.iter().enumerate() {
        let owned = stored.as_ref().is_ok_and(|owned| owned.get(at) == Some(&true));
        tell((claim.id, if owned { Ok(()) } else { Err(StorageFailed) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).expect("name")
    }

    #[test]
    fn names_are_there_when_the_file_is_opened_again() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("names.sqlite");
        let (alice, bob) = (name("alice"), name("爱丽丝"));
        let mut store = Store::open(&path).expect("open");
        let owned = store.claim([(&alice, &PeerId([1; 32])), (&bob, &PeerId([2; 32]))]);
        assert_eq!(owned.expect("stored"), [true, true]);
        drop(store);
        let mut store = Store::open(&path).expect("open");
        let names = store.names().expect("names");
        assert_eq!(names, [(alice.clone(), PeerId([1; 32])), (bob, PeerId([2; 32]))]);
        let owned = store.claim([(&alice, &PeerId([3; 32])), (&alice, &PeerId([1; 32]))]);
        assert_eq!(owned.expect("stored"), [false, true], "first come");
        let copy = folder.path().join("copy.sqlite");
        store.backup(&copy).expect("backup");
        assert_eq!(Store::open(&copy).expect("open").names().expect("names"), names);
        assert!(store.backup(&copy).is_err(), "nothing is overwritten");
    }

    #[test]
    fn files_of_others_of_the_future_and_of_nobody_are_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("x");
        std::fs::write(&path, b"this is no database, it is a text that is long enough")
            .expect("file");
        assert!(matches!(Store::open(&path), Err(StoreError::Sqlite { .. })));
        for (application, version, newer) in [(7, 1, false), (APPLICATION, VERSION + 1, true)] {
            std::fs::remove_file(&path).expect("remove");
            let connection = Connection::open(&path).expect("open");
            connection.pragma_update(None, "application_id", application).expect("pragma");
            connection.pragma_update(None, "user_version", version).expect("pragma");
            drop(connection);
            let refused = Store::open(&path).expect_err("refused");
            assert_eq!(matches!(refused, StoreError::Newer { .. }), newer, "{refused}");
        }
    }

    #[tokio::test]
    async fn claims_are_answered_after_they_are_stored_and_before_the_end() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("names.sqlite");
        let mut writer = Writer::start(Store::open(&path).expect("open")).expect("thread");
        for n in 0..500 {
            writer.submit(ClaimId(n), name(&format!("peer{n}")), PeerId([1; 32]));
        }
        let (_, result) = writer.claimed().await.expect("an answer");
        assert_eq!(result, Ok(()));
        writer.finish().await;
        assert_eq!(Store::open(&path).expect("open").names().expect("names").len(), 500);
    }
}
