//! Names of people and of rooms on disk: one SQLite file, and a thread that writes it.
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

use crate::server::{ClaimId, Founding, StorageFailed};

/// Marks the file as ours: "p2pr".
const APPLICATION: i32 = 0x7032_7072;

/// The version of the tables below. Version 1 had no rooms.
const VERSION: i32 = 2;

/// Claims in one commit.
const GROUP: usize = 256;

/// The table of version 1.
const NAMES: &str = "
    CREATE TABLE names (
        name TEXT PRIMARY KEY,
        key BLOB NOT NULL CHECK (length(key) = 32),
        claimed_at INTEGER NOT NULL -- seconds since 1970
    ) STRICT, WITHOUT ROWID;
";

/// What version 2 has beside it.
const ROOMS: &str = "
    CREATE TABLE rooms (
        name TEXT PRIMARY KEY,
        id BLOB NOT NULL CHECK (length(id) = 32),
        founder BLOB NOT NULL CHECK (length(founder) = 32),
        founded_at INTEGER NOT NULL -- seconds since 1970
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
            if version < VERSION {
                let transaction = connection.transaction()?;
                transaction.pragma_update(None, "application_id", APPLICATION)?;
                transaction.pragma_update(None, "user_version", VERSION)?;
                if version == 0 {
                    transaction.execute_batch(NAMES)?;
                }
                transaction.execute_batch(ROOMS)?;
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
        let rows = self.read("SELECT name, key, key FROM names ORDER BY name")?;
        Ok(rows.into_iter().map(|(name, key, _)| (name, PeerId(key))).collect())
    }

    /// All rooms, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file cannot be read or has something else in it.
    pub fn rooms(&self) -> Result<Vec<Founding>, StoreError> {
        let rows = self.read("SELECT name, id, founder FROM rooms ORDER BY name")?;
        let founding = |(room, id, founder)| Founding { room, id, founder: PeerId(founder) };
        Ok(rows.into_iter().map(founding).collect())
    }

    fn read(&self, query: &str) -> Result<Vec<Row>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare(query)?;
            let rows =
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, [u8; 32], [u8; 32])>>>()
        };
        let rows =
            read().map_err(|source| StoreError::Sqlite { path: self.path.clone(), source })?;
        rows.into_iter()
            .map(|(text, one, other)| match Name::new(&text) {
                Ok(name) if name.as_str() == text => Ok((name, one, other)),
                _ => Err(StoreError::Damaged(self.path.clone())),
            })
            .collect()
    }

    /// Writes what each name is to stand for, and syncs. Says for each whether it does now: a name
    /// that stands for something else goes on to.
    ///
    /// # Errors
    ///
    /// SQLite's; nothing of the group is stored then.
    pub fn store<'a>(
        &mut self,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Vec<bool>, rusqlite::Error> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seconds = now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        let transaction = self.connection.transaction()?;
        let mut stored = Vec::new();
        for entry in entries {
            stored.push(match entry {
                Entry::Name { name, key } => {
                    transaction
                        .prepare_cached(
                            "INSERT INTO names (name, key, claimed_at) VALUES (?1, ?2, ?3) \
                             ON CONFLICT DO NOTHING",
                        )?
                        .execute(params![name.as_str(), key.0, seconds])?;
                    let owner = "SELECT key FROM names WHERE name = ?1";
                    meaning(&transaction, owner, name)? == Some(key.0)
                }
                Entry::Room(Founding { room, id, founder }) => {
                    transaction
                        .prepare_cached(
                            "INSERT INTO rooms (name, id, founder, founded_at) \
                             VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                        )?
                        .execute(params![room.as_str(), id, founder.0, seconds])?;
                    let founded = "SELECT id FROM rooms WHERE name = ?1";
                    meaning(&transaction, founded, room)? == Some(*id)
                }
            });
        }
        transaction.commit()?;
        Ok(stored)
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

/// What `query` says that a name stands for.
fn meaning(
    connection: &Connection,
    query: &str,
    name: &Name,
) -> rusqlite::Result<Option<[u8; 32]>> {
    connection.prepare_cached(query)?.query_row([name.as_str()], |row| row.get(0)).optional()
}

/// What a name is to stand for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Entry {
    /// A name of a person.
    Name {
        /// The name.
        name: Name,
        /// Whose.
        key: PeerId,
    },
    /// A name of a room.
    Room(Founding),
}

/// A name and the two values beside it.
type Row = (Name, [u8; 32], [u8; 32]);

type Claim = (ClaimId, Entry);

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
    pub(crate) fn submit(&self, id: ClaimId, entry: Entry) {
        if let Some(claims) = &self.claims {
            // Fails only if the thread has died, which it does not: then the claim is never
            // answered, and the peer asks again.
            let _ = claims.send((id, entry));
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
    let stored = store.store(group.iter().map(|(_, entry)| entry));
    if let Err(error) = &stored {
        tracing::error!(%error, claims = group.len(), "names could not be stored");
    }
    for (at, (id, _)) in group.iter().enumerate() {
        let stands = stored.as_ref().is_ok_and(|stored| stored.get(at) == Some(&true));
        tell((*id, if stands { Ok(()) } else { Err(StorageFailed) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).expect("name")
    }

    fn claim(name: &Name, key: u8) -> Entry {
        Entry::Name { name: name.clone(), key: PeerId([key; 32]) }
    }

    fn founding(room: &str, id: u8, founder: u8) -> Founding {
        Founding { room: name(room), id: [id; 32], founder: PeerId([founder; 32]) }
    }

    #[test]
    fn names_are_there_when_the_file_is_opened_again() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("names.sqlite");
        let (alice, bob) = (name("alice"), name("爱丽丝"));
        let mut store = Store::open(&path).expect("open");
        let owned = store.store(&[claim(&alice, 1), claim(&bob, 2)]);
        assert_eq!(owned.expect("stored"), [true, true]);
        drop(store);
        let mut store = Store::open(&path).expect("open");
        let names = store.names().expect("names");
        assert_eq!(names, [(alice.clone(), PeerId([1; 32])), (bob, PeerId([2; 32]))]);
        let owned = store.store(&[claim(&alice, 3), claim(&alice, 1)]);
        assert_eq!(owned.expect("stored"), [false, true], "first come");
        let copy = folder.path().join("copy.sqlite");
        store.backup(&copy).expect("backup");
        assert_eq!(Store::open(&copy).expect("open").names().expect("names"), names);
        assert!(store.backup(&copy).is_err(), "nothing is overwritten");
    }

    #[test]
    fn a_room_keeps_its_first_id_and_its_name_is_no_persons() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("names.sqlite");
        let mut store = Store::open(&path).expect("open");
        let tea = founding("tea", 7, 1);
        let entries = [
            Entry::Room(tea.clone()),
            claim(&name("tea"), 2),
            Entry::Room(founding("tea", 8, 2)),
            Entry::Room(founding("tea", 7, 3)),
        ];
        assert_eq!(store.store(&entries).expect("stored"), [true, true, false, true]);
        drop(store);
        let store = Store::open(&path).expect("open");
        assert_eq!(store.rooms().expect("rooms"), std::slice::from_ref(&tea));
        let copy = folder.path().join("copy.sqlite");
        store.backup(&copy).expect("backup");
        assert_eq!(Store::open(&copy).expect("open").rooms().expect("rooms"), [tea]);
    }

    #[test]
    fn a_file_from_before_there_were_rooms_keeps_its_names() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("names.sqlite");
        let connection = Connection::open(&path).expect("open");
        connection.pragma_update(None, "application_id", APPLICATION).expect("pragma");
        connection.pragma_update(None, "user_version", 1).expect("pragma");
        connection.execute_batch(NAMES).expect("tables");
        let row = params!["alice", [1u8; 32], 0];
        connection.execute("INSERT INTO names VALUES (?1, ?2, ?3)", row).expect("a name");
        drop(connection);
        let mut store = Store::open(&path).expect("open");
        assert_eq!(store.names().expect("names"), [(name("alice"), PeerId([1; 32]))]);
        assert_eq!(store.rooms().expect("rooms"), []);
        let stored = store.store(&[Entry::Room(founding("tea", 7, 1))]).expect("stored");
        assert_eq!(stored, [true]);
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
            writer.submit(ClaimId(n), claim(&name(&format!("peer{n}")), 1));
        }
        let (_, result) = writer.claimed().await.expect("an answer");
        assert_eq!(result, Ok(()));
        writer.finish().await;
        assert_eq!(Store::open(&path).expect("open").names().expect("names").len(), 500);
    }
}
