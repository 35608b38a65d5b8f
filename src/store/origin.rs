//! Whether a database is the file that it was, or a copy of it.
//!
//! A copy of a profile may be older than what was said since, and both may be in use. In a room that would
//! be grave: a line that is signed with a number which another line has shows two histories, and
//! whoever does that is not believed any more. So the database knows when its file was made. A file
//! is made anew where it is copied or restored from a backup, not where it is moved within a file system;
//! and in the rooms of one that was made anew, we begin a new stay before we say anything
//! ([`Stored::copied`](crate::chat::rooms::Stored::copied)).
//!
//! What copies a whole file system keeps the time, as do some programs that copy files, and some file systems
//! have none: then nothing is noticed.
//! Lines to a contact need no such care: two that have the same number differ in their ids, and the second is
//! sent again in a log of its own.

use std::path::Path;
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

/// Notes when the file at `path` was made. If it was not when it was noted before, what stands in the
/// database was copied.
pub(super) fn note(connection: &mut Connection, path: &Path) -> rusqlite::Result<()> {
    let Some(made) = made(path) else { return Ok(()) };
    let noted: Option<String> = connection
        .query_row("SELECT made FROM origin WHERE id = 1", [], |row| row.get(0))
        .optional()?;
    if noted.as_ref() == Some(&made) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if noted.is_some() {
        transaction.execute("UPDATE rooms SET copied = 1", [])?;
    }
    transaction
        .execute("INSERT OR REPLACE INTO origin (id, made) VALUES (1, ?1)", params![made])?;
    transaction.commit()
}

/// When a file was made, to the nanosecond, if its file system knows.
fn made(path: &Path) -> Option<String> {
    let made = path.metadata().ok()?.created().ok()?;
    let since = made.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}.{:09}", since.as_secs(), since.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::schema;

    fn open(path: &Path) -> Connection {
        let mut connection = Connection::open(path).expect("opens");
        schema::upgrade(&mut connection, path).expect("upgrades");
        note(&mut connection, path).expect("notes");
        connection
    }

    fn copied(connection: &Connection) -> bool {
        connection.query_row("SELECT copied FROM rooms", [], |row| row.get(0)).expect("a room")
    }

    #[test]
    fn a_copy_is_noticed_once_and_what_was_moved_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        let first = open(&at("first"));
        first
            .execute_batch(
                "INSERT INTO contacts (id, name, host, log, last_seq, since, verified)
                     VALUES (1, 'x', 'y', 1, 0, 0, 0);
                 INSERT INTO rooms (contact, room, wanted) VALUES (1, x'00', 1)",
            )
            .expect("a room");
        drop(first);
        assert!(!copied(&open(&at("first"))));
        fs::rename(at("first"), at("moved")).expect("moves");
        assert!(!copied(&open(&at("moved"))));
        fs::copy(at("moved"), at("copy")).expect("copies");
        let copy = open(&at("copy"));
        // Where the file system does not say when a file was made, nobody can know.
        assert_eq!(copied(&copy), made(&at("copy")).is_some());
        copy.execute("UPDATE rooms SET copied = 0", []).expect("comes in again");
        drop(copy);
        assert!(!copied(&open(&at("copy"))), "it is one no longer");
        assert!(!copied(&open(&at("moved"))), "and what was copied is none");
    }
}
