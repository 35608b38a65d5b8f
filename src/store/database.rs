//! The requests of the chat as changes of a database.
//!
//! Several requests become one transaction (`synchronous = FULL`: one wait for the disk), each in
//! a savepoint of its own, so that one which fails leaves nothing behind and spoils no other.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use p2pchat_wire::codec;
use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::PeerId;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::error::failure;
use super::export::{self, ExportError};
use super::identity_file::private;
use super::import::{self, ImportError, Imported};
use super::retention;
use super::rows::{self, log_number, number};
use super::sealing::random;
use super::search::Kept;
use super::vault::DataKey;
#[cfg(test)]
use super::vault::{Cost, Envelope};
use super::{
    ProfileError, cells, files, lines, origin, owed, page, requests, rooms, schema, search,
    standing,
};
use crate::chat::storage::{
    Contact, FailureKind, HistoryLine, Place, Rendezvous, Snapshot, StoreFailure, StoreReply,
    StoreRequest,
};
use crate::chat::{Address, Format, Retention, Timestamp};
use crate::proto::{AgeLimit, IdleLimit, Lesson};

/// Lessons that are remembered.
const MAX_LESSONS: i64 = 1000;

/// Unshown lines that a chat begins with.
const UNSHOWN: usize = 256;

/// Networks whose NATs are remembered.
const MAX_NETWORKS: i64 = 16;

/// A database that nobody has unlocked yet: only what it is sealed with can be read.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Locked {
    /// Opens the database for reading and writing; makes one if there is none.
    pub(super) fn open(path: &Path) -> Result<Self, ProfileError> {
        // SQLite gives its journals the permissions of the database.
        match private().create_new(true).open(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(ProfileError::io("create", path, error));
            }
            _ => {}
        }
        let failed = |error| ProfileError::Database(failure(path, &error));
        let mut connection = Connection::open(path).map_err(failed)?;
        prepare(&connection).map_err(failed)?;
        schema::upgrade(&mut connection, path)?;
        origin::note(&mut connection, path).map_err(failed)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Opens the database for reading, beside a process that may be writing. `None` if there is
    /// none yet, or one that is too old to be read.
    pub(super) fn open_to_read(path: &Path) -> Result<Option<Self>, ProfileError> {
        if !path.exists() {
            return Ok(None);
        }
        let failed = |error| ProfileError::Database(failure(path, &error));
        // Without the right to write, SQLite could not take part in the locking of the journal.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        prepare_to_read(&connection).map_err(failed)?;
        let readable = schema::is_newest(&connection, path)?;
        Ok(readable.then(|| Self { connection, path: path.to_owned() }))
    }

    /// Makes it usable: with the key of what it is sealed with, or with none if it is not sealed.
    pub(super) fn unlock(self, key: Option<&DataKey>) -> Result<Database, ProfileError> {
        let mut database = self.unlock_to_read(key)?;
        let kept = if key.is_some() { Kept::InMemory } else { Kept::OnDisk };
        let prepared = search::prepare(&mut database.connection, kept);
        prepared.map_err(|error| database.fault(&error))?;
        Ok(database)
    }

    /// As [`Self::unlock`], where nothing is written.
    pub(super) fn unlock_to_read(self, key: Option<&DataKey>) -> Result<Database, ProfileError> {
        let database = Database { connection: self.connection, path: self.path };
        let vault = key.map(DataKey::vault);
        let seed = random()?;
        let registered = || {
            if vault.is_some() {
                // What is opened to be sorted stays in memory, and so does the index.
                database.connection.pragma_update(None, "temp_store", "memory")?;
            }
            cells::register(&database.connection, vault.as_ref(), seed)?;
            search::register(&database.connection)
        };
        registered().map_err(|error| database.fault(&error))?;
        Ok(database)
    }
}

impl Database {
    /// Opens a database that is not sealed.
    #[cfg(test)]
    pub(super) fn open(path: &Path) -> Result<Self, ProfileError> {
        Locked::open(path)?.unlock(None)
    }

    /// Opens a database, and seals it if it is to be and is not.
    #[cfg(test)]
    pub(super) fn open_either(path: &Path, is_sealed: bool) -> Result<Self, ProfileError> {
        let mut database = Locked::open(path)?;
        let key = is_sealed.then(|| DataKey::new([7; 32]));
        if let (Some(key), None) = (&key, database.seal()?) {
            database.seal_all(&Envelope::wrap(key, "", Cost::LEAST, [1; 16]), key)?;
        }
        database.unlock(key.as_ref())
    }

    /// Carries out all of `requests`, and has one answer for each. Whatever was answered with
    /// anything but a failure is on disk.
    pub(super) fn handle(&mut self, requests: &[StoreRequest]) -> Vec<StoreReply> {
        match self.handle_together(requests) {
            Ok(replies) => replies,
            Err(error) if requests.len() < 2 => {
                let failed = StoreReply::Failed(failure(&self.path, &error));
                vec![failed; requests.len()]
            }
            // One that needs more room than there is should not take the others with it.
            Err(_) => requests.chunks(1).flat_map(|alone| self.handle(alone)).collect(),
        }
    }

    fn handle_together(&mut self, requests: &[StoreRequest]) -> rusqlite::Result<Vec<StoreReply>> {
        let mut transaction = self.connection.transaction()?;
        let mut replies = Vec::with_capacity(requests.len());
        for request in requests {
            let savepoint = transaction.savepoint()?;
            match handle(&savepoint, request) {
                Ok(reply @ StoreReply::Failed(_)) => replies.push(reply),
                Ok(reply) => {
                    savepoint.commit()?;
                    replies.push(reply);
                }
                Err(error) => {
                    drop(savepoint);
                    // A full disk undoes the whole transaction.
                    if transaction.is_autocommit() {
                        return Err(error);
                    }
                    replies.push(StoreReply::Failed(failure(&self.path, &error)));
                }
            }
        }
        transaction.commit()?;
        if requests.iter().any(lines::erases) {
            // The journal still holds what was erased. A reader may keep it from being emptied, or
            // the disk; then the next checkpoint does it.
            let emptied = self.connection.pragma_update(None, "wal_checkpoint", "truncate");
            drop(emptied);
        }
        Ok(replies)
    }

    /// Carries out requests that nobody waits for, all of them or none.
    pub(super) fn write(&mut self, requests: &[StoreRequest]) -> Result<(), ProfileError> {
        let failed = |error| ProfileError::Database(failure(&self.path, &error));
        let transaction = self.connection.transaction().map_err(failed)?;
        for request in requests {
            if let StoreReply::Failed(why) = handle(&transaction, request).map_err(failed)? {
                return Err(ProfileError::Database(why));
            }
        }
        transaction.commit().map_err(failed)
    }

    /// What a chat begins with.
    pub(super) fn snapshot(&self) -> Result<Snapshot, ProfileError> {
        let read = || -> rusqlite::Result<Snapshot> {
            let mut contacts = self.rows(rows::CONTACTS, rows::contact)?;
            let by =
                |contact: &Contact| (contact.address.name.clone(), contact.address.host.clone());
            contacts.sort_by_cached_key(by);
            Ok(Snapshot {
                contacts,
                cursors: self.rows(rows::CURSORS, rows::cursor)?,
                unshown: page::unshown(&self.connection, rows::UNSHOWN, Place(0), UNSHOWN)?,
                strays: page::unshown(&self.connection, rows::STRAYS, Place(0), UNSHOWN)?,
                rendezvous: self.rows(rows::RENDEZVOUS, rows::rendezvous)?,
                lessons: self.rows(rows::LESSONS, rows::lesson)?,
                idle: self.rows(rows::IDLE, rows::idle)?,
                drafts: self.rows(rows::DRAFTS, rows::draft)?,
                settings: self.rows(rows::SETTINGS, rows::setting)?,
                ages: self.rows(rows::AGES, rows::age)?,
                requests: self.rows(requests::ALL, requests::read)?,
                rooms: rooms::all(&self.connection)?,
                secrets: self.rows(rows::SECRETS, rows::secret)?,
                files: files::all(&self.connection)?,
            })
        };
        read().map_err(|error| ProfileError::Database(failure(&self.path, &error)))
    }

    /// The last lines, oldest first.
    pub(super) fn history(
        &self,
        with: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<HistoryLine>, ProfileError> {
        page::history(&self.connection, with, limit)
            .map_err(|error| ProfileError::Database(failure(&self.path, &error)))
    }

    /// The newest lines that say what was typed, the newest first.
    pub(super) fn search(
        &self,
        with: Option<&Address>,
        text: &str,
        limit: usize,
    ) -> Result<Vec<HistoryLine>, ProfileError> {
        page::search(&self.connection, with, text, limit)
            .map_err(|error| ProfileError::Database(failure(&self.path, &error)))
    }

    /// Does a little of what nobody waits for, in a transaction of its own. Whether there is more.
    pub(super) fn tidy(&mut self, now: Timestamp) -> rusqlite::Result<bool> {
        let unindexed = search::index_some(&mut self.connection)?;
        Ok(retention::forget_some(&self.connection, now)? || unindexed)
    }

    /// Writes the lines with everybody, or with those named, somewhere else. How many these are.
    pub(super) fn export(
        &self,
        key: PeerId,
        format: Format,
        with: Option<&[Address]>,
        zone: &TimeZone,
        out: &mut dyn Write,
    ) -> Result<u64, ProfileError> {
        export::export(&self.connection, key, format, with, zone, out).map_err(
            |error| match error {
                ExportError::Database(error) => self.fault(&error),
                ExportError::Write(error) => ProfileError::Export(error),
            },
        )
    }

    /// Takes in what another profile of the same person exported.
    pub(super) fn import(
        &mut self,
        me: PeerId,
        file: &mut dyn BufRead,
        random: &mut dyn FnMut() -> u64,
    ) -> Result<Imported, ImportError> {
        import::import(&mut self.connection, me, file, random)
    }

    /// How long lines are kept.
    pub(super) fn retention(&self) -> Result<Retention, ProfileError> {
        retention::load(&self.connection).map_err(|error| self.fault(&error))
    }

    /// Decides how long lines are kept.
    pub(super) fn set_retention(&self, retention: Retention) -> Result<(), ProfileError> {
        retention::save(&self.connection, retention).map_err(|error| self.fault(&error))
    }

    /// Locks it again.
    pub(super) fn lock(self) -> Locked {
        Locked { connection: self.connection, path: self.path }
    }

    /// What a failure of the database means.
    pub(super) fn fault(&self, error: &rusqlite::Error) -> ProfileError {
        ProfileError::Database(failure(&self.path, error))
    }

    /// Makes the disk as small as `pages` of 4 KiB.
    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: u32) {
        self.connection.pragma_update(None, "max_page_count", pages).expect("a valid number");
    }

    fn rows<T>(
        &self,
        sql: &str,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.connection.prepare(sql)?.query_map([], read)?.collect()
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // Nothing that was answered may be lost, not even with the power.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten with zeros, rather than being free space with its old content.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn prepare_to_read(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}

fn handle(connection: &Connection, request: &StoreRequest) -> rusqlite::Result<StoreReply> {
    match request {
        StoreRequest::SaveContact(contact) => save_contact(connection, contact),
        StoreRequest::Queue(line) => lines::queue(connection, line),
        StoreRequest::QueueOffer { line, file } => {
            let queued = lines::queue(connection, line)?;
            match files::save(connection, file)? {
                StoreReply::Done => Ok(queued),
                refused => Ok(refused),
            }
        }
        StoreRequest::QueueAbout { line, pick } => lines::queue_about(connection, line, *pick),
        StoreRequest::LoadOutbox { to, after, limit } => {
            lines::load(connection, to, *after, *limit)
        }
        StoreRequest::Delivered { to, seq, id, at } => {
            lines::delivered(connection, to, *seq, *id, *at)
        }
        StoreRequest::Receive(line) => lines::receive(connection, line),
        StoreRequest::Shown(shown) => lines::shown(connection, shown),
        StoreRequest::SaveRendezvous(rendezvous) => save_rendezvous(connection, rendezvous),
        StoreRequest::SaveLesson(peer, lesson) => save_lesson(connection, *peer, lesson),
        StoreRequest::SaveIdle(limit) => save_idle(connection, limit),
        StoreRequest::SaveAge(limit) => save_age(connection, limit),
        StoreRequest::RemoveContact(address) => remove_contact(connection, address),
        StoreRequest::SaveSecret(peer, secret) => save_secret(connection, peer, secret),
        StoreRequest::History { with, limit } => {
            page::history(connection, with.as_ref(), *limit).map(StoreReply::History)
        }
        StoreRequest::Page { with, before, limit } => page::page(connection, with, *before, *limit),
        StoreRequest::Read { to, seq, id, at } => lines::read(connection, to, *seq, *id, *at),
        StoreRequest::LoadUnshown { after, limit } => {
            page::unshown(connection, rows::UNSHOWN, *after, *limit).map(StoreReply::Unshown)
        }
        StoreRequest::LoadOwed { after, limit } => owed::load(connection, *after, *limit),
        StoreRequest::Taken { from, id } => owed::taken(connection, from, *id),
        StoreRequest::Search { with, text, limit } => {
            page::search(connection, with.as_ref(), text, *limit).map(StoreReply::History)
        }
        StoreRequest::SaveDraft { with, text } => save_draft(connection, with, text),
        StoreRequest::SaveRequest(request) => requests::save(connection, request),
        StoreRequest::ForgetRequest(address) => requests::forget(connection, address),
        StoreRequest::SaveSetting { name, value } => save_setting(connection, name, value),
        StoreRequest::SaveFile(file) => files::save(connection, file),
        StoreRequest::Room(request) => rooms::handle(connection, request),
        StoreRequest::RoomDelivered { room, id, at } => {
            rooms::delivered(connection, room, *id, *at)
        }
        StoreRequest::Find { with, pick, changes } => {
            lines::found(connection, with, *pick, *changes)
        }
        StoreRequest::RoomStanding { room, id, counted } => {
            standing::settle(connection, room, *id, counted)
        }
    }
}

pub(super) fn failed(kind: FailureKind, cause: &str) -> rusqlite::Result<StoreReply> {
    let (place, cause) = ("chat.db".to_owned(), cause.to_owned());
    Ok(StoreReply::Failed(StoreFailure { kind, place, cause }))
}

/// The row of a contact.
pub(super) fn contact_row(
    connection: &Connection,
    address: &Address,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT id FROM contacts
             WHERE name = seal_equal('name', ?1) AND host = seal_equal('host', ?2)",
        )?
        .query_row(params![address.marked_name(), address.host], |row| row.get(0))
        .optional()
}

fn save_contact(connection: &Connection, contact: &Contact) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT INTO contacts (name, host, key, verified, offered, log, last_seq, since,
                 nickname, blocked, ignored, muted_until, files_up_to)
             VALUES (seal_equal('name', ?1), seal_equal('host', ?2), seal_equal('key', ?3), ?4,
                 seal_equal('key', ?5), ?6, ?7, ?8, seal_equal('name', ?9), ?10, ?11, ?12, ?13)
             ON CONFLICT (name, host) DO UPDATE SET
                 key = excluded.key, verified = excluded.verified, offered = excluded.offered,
                 log = excluded.log, since = excluded.since, last_seq = max(last_seq, excluded.last_seq),
                 nickname = excluded.nickname, blocked = excluded.blocked,
                 ignored = excluded.ignored, muted_until = excluded.muted_until,
                 files_up_to = excluded.files_up_to",
        )?
        .execute(params![
            contact.address.marked_name(),
            contact.address.host,
            contact.key.map(|key| key.0),
            contact.verified,
            contact.offered.map(|key| key.0),
            log_number(contact.log),
            number(contact.last_seq),
            number(contact.since.0),
            contact.regard.nickname.as_ref().map(|name| name.as_str()),
            contact.regard.blocked,
            contact.regard.ignored,
            contact.regard.muted_until.map(|until| number(until.0)),
            files::rule_number(contact.regard.files),
        ])?;
    Ok(StoreReply::Done)
}

fn remove_contact(connection: &Connection, address: &Address) -> rusqlite::Result<StoreReply> {
    let mut waited = Vec::new();
    if let Some(contact) = contact_row(connection, address)? {
        waited = lines::undelivered(connection, contact)?;
        connection.execute("DELETE FROM lines WHERE contact = ?1", params![contact])?;
        // Its draft goes with it.
        connection.execute("DELETE FROM contacts WHERE id = ?1", params![contact])?;
    }
    Ok(StoreReply::Removed(waited))
}

fn save_rendezvous(
    connection: &Connection,
    rendezvous: &Rendezvous,
) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO rendezvous (host, key, token, name, used_at, place)
             VALUES (seal_equal('host', ?1), seal_equal('key', ?2), seal('token', ?3),
                 seal_equal('name', ?4), ?5, ?6)",
        )?
        .execute(params![
            rendezvous.host,
            rendezvous.key.map(|key| key.0),
            rendezvous.token,
            rendezvous.name.as_ref().map(|name| name.as_str()),
            number(rendezvous.used_at.0),
            rendezvous.place,
        ])?;
    Ok(StoreReply::Done)
}

fn save_lesson(
    connection: &Connection,
    peer: PeerId,
    lesson: &Lesson,
) -> rusqlite::Result<StoreReply> {
    let plan = codec::encode(&lesson.plan);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO lessons (peer, external, plan)
             VALUES (seal_equal('key', ?1), seal_equal('network', ?2), ?3)",
        )?
        .execute(params![peer.0, lesson.external.to_string(), plan])?;
    connection
        .prepare_cached("DELETE FROM lessons WHERE id <= (SELECT max(id) FROM lessons) - ?1")?
        .execute(params![MAX_LESSONS])?;
    Ok(StoreReply::Done)
}

fn save_idle(connection: &Connection, limit: &IdleLimit) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO idle_limits (external, seconds)
             VALUES (seal_equal('network', ?1), ?2)",
        )?
        .execute(params![limit.external.to_string(), number(limit.idle.as_secs())])?;
    connection
        .prepare_cached(
            "DELETE FROM idle_limits WHERE id <= (SELECT max(id) FROM idle_limits) - ?1",
        )?
        .execute(params![MAX_NETWORKS])?;
    Ok(StoreReply::Done)
}

fn save_age(connection: &Connection, limit: &AgeLimit) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO age_limits (external, seconds, learned_at)
             VALUES (seal_equal('network', ?1), ?2, ?3)",
        )?
        .execute(params![
            limit.external.to_string(),
            number(limit.age.as_secs()),
            number(limit.learned_at_ms),
        ])?;
    connection
        .prepare_cached("DELETE FROM age_limits WHERE id <= (SELECT max(id) FROM age_limits) - ?1")?
        .execute(params![MAX_NETWORKS])?;
    Ok(StoreReply::Done)
}

fn save_secret(
    connection: &Connection,
    peer: &PeerId,
    secret: &SharedSecret,
) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO secrets (peer, secret)
             VALUES (seal_equal('key', ?1), seal('secret', ?2))",
        )?
        .execute(params![peer.0, secret.bytes()])?;
    Ok(StoreReply::Done)
}

fn save_draft(connection: &Connection, with: &Address, text: &str) -> rusqlite::Result<StoreReply> {
    let Some(contact) = contact_row(connection, with)? else {
        return failed(FailureKind::Other, "The draft is to nobody that we know.");
    };
    if text.is_empty() {
        connection
            .prepare_cached("DELETE FROM drafts WHERE contact = ?1")?
            .execute(params![contact])?;
    } else {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO drafts (contact, text) VALUES (?1, seal('draft', ?1, ?2))",
            )?
            .execute(params![contact, text])?;
    }
    Ok(StoreReply::Done)
}

fn save_setting(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO settings (name, value) VALUES (?1, seal('setting', ?1, ?2))",
        )?
        .execute(params![name, value])?;
    Ok(StoreReply::Done)
}
