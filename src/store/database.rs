//! The requests of the chat as changes of a database.
//!
//! Several requests become one transaction (`synchronous = FULL`: one wait for the disk), each in
//! a savepoint of its own, so that one which fails leaves nothing behind and spoils no other.

use std::path::{Path, PathBuf};

use p2pchat_wire::codec;
use p2pchat_wire::identity::PeerId;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::error::failure;
use super::identity_file::private;
use super::rows::{self, audience_number, log_number, number};
use super::{ProfileError, schema};
use crate::chat::storage::{
    Contact, DeliveredLine, FailureKind, HistoryLine, MAX_LOAD_BYTES, OutgoingLine, ReceivedLine,
    Rendezvous, Snapshot, StoreFailure, StoreReply, StoreRequest,
};
use crate::chat::{Address, LineId, Timestamp};
use crate::proto::{IdleLimit, Lesson};

/// Lessons that are remembered.
const MAX_LESSONS: i64 = 1000;

/// Networks whose idle limits are remembered.
const MAX_IDLE_LIMITS: i64 = 16;

/// Logs of one key that are remembered.
const MAX_CURSORS: i64 = 16;

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
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
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Opens the database for reading, beside a process that may be writing. `None` if there is
    /// none yet.
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
        Ok(replies)
    }

    /// What a chat begins with.
    pub(super) fn snapshot(&self) -> Result<Snapshot, ProfileError> {
        let read = || -> rusqlite::Result<Snapshot> {
            Ok(Snapshot {
                contacts: self.rows(rows::CONTACTS, rows::contact)?,
                cursors: self.rows(rows::CURSORS, rows::cursor)?,
                unshown: self.rows(rows::UNSHOWN, rows::received)?,
                rendezvous: self.rows(rows::RENDEZVOUS, rows::rendezvous)?,
                lessons: self.rows(rows::LESSONS, rows::lesson)?,
                idle: self.rows(rows::IDLE, rows::idle)?,
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
        history(&self.connection, with, limit)
            .map_err(|error| ProfileError::Database(failure(&self.path, &error)))
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
        StoreRequest::Queue(line) => queue(connection, line),
        StoreRequest::LoadOutbox { to, after, limit } => load(connection, to, *after, *limit),
        StoreRequest::Delivered { to, seq, id, at } => delivered(connection, to, *seq, *id, *at),
        StoreRequest::Receive(line) => receive(connection, line),
        StoreRequest::Shown(lines) => shown(connection, lines),
        StoreRequest::SaveRendezvous(rendezvous) => save_rendezvous(connection, rendezvous),
        StoreRequest::SaveLesson(peer, lesson) => save_lesson(connection, *peer, lesson),
        StoreRequest::SaveIdle(limit) => save_idle(connection, limit),
        StoreRequest::History { with, limit } => {
            history(connection, with.as_ref(), *limit).map(StoreReply::History)
        }
    }
}

fn failed(kind: FailureKind, sentence: &str) -> rusqlite::Result<StoreReply> {
    Ok(StoreReply::Failed(StoreFailure { kind, sentence: sentence.to_owned() }))
}

fn contact_row(connection: &Connection, address: &Address) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM contacts WHERE name = ?1 AND host = ?2")?
        .query_row(params![address.name.as_str(), address.host], |row| row.get(0))
        .optional()
}

fn save_contact(connection: &Connection, contact: &Contact) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT INTO contacts (name, host, key, verified, offered, log, last_seq, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (name, host) DO UPDATE SET
                 key = excluded.key, verified = excluded.verified, offered = excluded.offered,
                 log = excluded.log, since = excluded.since, last_seq = max(last_seq, excluded.last_seq)",
        )?
        .execute(params![
            contact.address.name.as_str(),
            contact.address.host,
            contact.key.map(|key| key.0),
            contact.verified,
            contact.offered.map(|key| key.0),
            log_number(contact.log),
            number(contact.last_seq),
            number(contact.since.0),
        ])?;
    Ok(StoreReply::Done)
}

fn queue(connection: &Connection, line: &OutgoingLine) -> rusqlite::Result<StoreReply> {
    let Some(contact) = contact_row(connection, &line.to)? else {
        return failed(FailureKind::Other, "The line is to nobody that we know.");
    };
    connection
        .prepare_cached("UPDATE contacts SET last_seq = max(last_seq, ?2) WHERE id = ?1")?
        .execute(params![contact, number(line.seq)])?;
    connection
        .prepare_cached(
            "INSERT INTO lines
                 (contact, incoming, seq, line, sent_at, audience, text, reference, done)
             VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
        )?
        .execute(params![
            contact,
            number(line.seq),
            line.id.0,
            number(line.sent_at.0),
            audience_number(line.audience),
            line.text,
            line.reference,
        ])?;
    Ok(StoreReply::Done)
}

fn load(
    connection: &Connection,
    to: &Address,
    after: u64,
    limit: usize,
) -> rusqlite::Result<StoreReply> {
    let Some(contact) = contact_row(connection, to)? else {
        return Ok(StoreReply::Outbox(Vec::new()));
    };
    let mut statement = connection.prepare_cached(rows::OUTBOX)?;
    let mut found = statement.query(params![contact, number(after), number(limit as u64)])?;
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        let line = rows::outgoing(row, to)?;
        bytes += line.text.len();
        if !lines.is_empty() && bytes > MAX_LOAD_BYTES {
            break;
        }
        lines.push(line);
    }
    Ok(StoreReply::Outbox(lines))
}

fn delivered(
    connection: &Connection,
    to: &Address,
    seq: u64,
    id: LineId,
    at: Timestamp,
) -> rusqlite::Result<StoreReply> {
    let contact = contact_row(connection, to)?;
    let ours: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM lines
                 WHERE contact = ?1 AND incoming = 0 AND seq = ?2 AND line = ?3)",
        )?
        .query_row(params![contact, number(seq), id.0], |row| row.get(0))?;
    if !ours {
        return failed(FailureKind::NoSuchLine, "No line of ours has this number and id.");
    }
    let lines = connection
        .prepare_cached(
            "SELECT seq, line, reference FROM lines
             WHERE contact = ?1 AND incoming = 0 AND done = 0 AND seq <= ?2 ORDER BY seq",
        )?
        .query_map(params![contact, number(seq)], rows::delivered)?
        .collect::<rusqlite::Result<Vec<DeliveredLine>>>()?;
    connection
        .prepare_cached(
            "UPDATE lines SET done = 1, arrived_at = ?3
             WHERE contact = ?1 AND incoming = 0 AND done = 0 AND seq <= ?2",
        )?
        .execute(params![contact, number(seq), number(at.0)])?;
    Ok(StoreReply::Delivered(lines))
}

fn receive(connection: &Connection, line: &ReceivedLine) -> rusqlite::Result<StoreReply> {
    let Some(contact) = contact_row(connection, &line.from)? else {
        return failed(FailureKind::Other, "The line is from nobody that we know.");
    };
    let last: Option<i64> = connection
        .prepare_cached("SELECT seq FROM cursors WHERE peer = ?1 AND log = ?2")?
        .query_row(params![line.peer.0, log_number(line.log)], |row| row.get(0))
        .optional()?;
    let seq = number(line.seq);
    if last.is_some_and(|last| seq <= last) {
        return Ok(StoreReply::Received { new: false });
    }
    if number(line.after) != last.unwrap_or(0) {
        return failed(FailureKind::Gap, "A line before this one is missing.");
    }
    let new = connection
        .prepare_cached(
            "INSERT INTO lines
                 (contact, incoming, seq, line, peer, log, sent_at, arrived_at, audience, text, done)
             VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)
             ON CONFLICT (contact, incoming, line) DO NOTHING",
        )?
        .execute(params![
            contact,
            seq,
            line.id.0,
            line.peer.0,
            log_number(line.log),
            number(line.sent_at.0),
            number(line.received_at.0),
            audience_number(line.audience),
            line.text,
        ])?;
    connection
        .prepare_cached(
            "INSERT INTO cursors (peer, log, seq, line, used) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (peer, log) DO UPDATE SET
                 seq = excluded.seq, line = excluded.line, used = excluded.used",
        )?
        .execute(params![
            line.peer.0,
            log_number(line.log),
            seq,
            line.id.0,
            number(line.received_at.0),
        ])?;
    if last.is_none() {
        forget_old_cursors(connection, line)?;
    }
    Ok(StoreReply::Received { new: new > 0 })
}

/// A peer that names a new log for each line would otherwise fill the table.
fn forget_old_cursors(connection: &Connection, line: &ReceivedLine) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM cursors WHERE peer = ?1 AND log <> ?2 AND log NOT IN
                 (SELECT log FROM cursors WHERE peer = ?1 AND log <> ?2
                  ORDER BY used DESC LIMIT ?3)",
        )?
        .execute(params![line.peer.0, log_number(line.log), MAX_CURSORS - 1])?;
    Ok(())
}

fn shown(connection: &Connection, lines: &[(Address, LineId)]) -> rusqlite::Result<StoreReply> {
    for (from, id) in lines {
        let contact = contact_row(connection, from)?;
        connection
            .prepare_cached(
                "UPDATE lines SET done = 1 WHERE contact = ?1 AND incoming = 1 AND line = ?2",
            )?
            .execute(params![contact, id.0])?;
    }
    Ok(StoreReply::Done)
}

fn save_rendezvous(
    connection: &Connection,
    rendezvous: &Rendezvous,
) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO rendezvous (host, key, token, name, used_at, place)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
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
            "INSERT OR REPLACE INTO lessons (peer, external, plan) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![peer.0, lesson.external.to_string(), plan])?;
    connection
        .prepare_cached("DELETE FROM lessons WHERE id <= (SELECT max(id) FROM lessons) - ?1")?
        .execute(params![MAX_LESSONS])?;
    Ok(StoreReply::Done)
}

fn save_idle(connection: &Connection, limit: &IdleLimit) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO idle_limits (external, seconds) VALUES (?1, ?2)")?
        .execute(params![limit.external.to_string(), number(limit.idle.as_secs())])?;
    connection
        .prepare_cached(
            "DELETE FROM idle_limits WHERE id <= (SELECT max(id) FROM idle_limits) - ?1",
        )?
        .execute(params![MAX_IDLE_LIMITS])?;
    Ok(StoreReply::Done)
}

fn history(
    connection: &Connection,
    with: Option<&Address>,
    limit: usize,
) -> rusqlite::Result<Vec<HistoryLine>> {
    let contact = match with {
        None => None,
        Some(address) => match contact_row(connection, address)? {
            None => return Ok(Vec::new()),
            known => known,
        },
    };
    connection
        .prepare_cached(rows::HISTORY)?
        .query_map(params![contact, number(limit as u64)], rows::history)?
        .collect()
}
