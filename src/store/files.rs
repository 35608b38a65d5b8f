//! What has become of files, beside the lines that offer them.

use rusqlite::{Connection, Row, params};

use super::cells::{said, subject};
use super::database::{contact_row, failed};
use super::rows::{self, OFFER};
use crate::chat::files::FileRule;
use crate::chat::files::disk::Hash;
use crate::chat::storage::{Direction, FailureKind, StoreReply};
use crate::chat::{FileState, KeptFile, LineId};

/// Files that were offered by one of two people to the other, the newest first; their number is the
/// argument. In a room nobody can accept one.
pub(super) const ALL: &str = concat!(
    "SELECT unseal('name', name), unseal('host', host), l.incoming, l.line, l.done, ",
    said!("l"),
    ", l.manner, ",
    subject!("l"),
    ", coalesce(f.state, 0), unseal('file-path', f.line, f.path),
         unseal('file-folder', f.line, f.folder), unseal('file-called', f.line, f.called)
     FROM lines AS l INDEXED BY lines_offers JOIN contacts ON contacts.id = l.contact
         LEFT JOIN files AS f ON f.line = l.id
     WHERE l.offer IS NOT NULL AND l.deleted_at IS NULL AND l.author IS NULL AND l.manner = 6
     ORDER BY l.id DESC LIMIT ?1"
);

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<KeptFile> {
    let (incoming, done): (bool, bool) = (row.get(2)?, row.get(4)?);
    let number: i64 = row.get(6)?;
    let Some((size, root, content)) = rows::manner(row, 6)?.offer() else {
        return Err(rusqlite::Error::IntegralValueOutOfRange(6, number));
    };
    Ok(KeptFile {
        with: rows::address(row)?,
        by: if incoming { Direction::In } else { Direction::Out },
        id: LineId(row.get(3)?),
        delivered: incoming || done,
        name: row.get(5)?,
        size,
        root: Hash(root),
        content,
        state: state(row.get(8)?)?,
        path: row.get(9)?,
        folder: row.get(10)?,
        called: row.get(11)?,
    })
}

/// The last ones, the oldest first.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<KeptFile>> {
    let mut statement = connection.prepare(ALL)?;
    let found = statement.query_map(params![rows::number(KeptFile::MAX as u64)], read)?;
    let mut files: Vec<KeptFile> = found.collect::<Result<_, _>>()?;
    files.reverse();
    Ok(files)
}

pub(super) fn save(connection: &Connection, file: &KeptFile) -> rusqlite::Result<StoreReply> {
    let contact = contact_row(connection, &file.with)?;
    let saved = connection
        .prepare_cached(
            "INSERT INTO files (line, state, path, folder, called)
             SELECT id, ?4, seal('file-path', id, ?5), seal('file-folder', id, ?6),
                 seal('file-called', id, ?7)
             FROM lines WHERE contact = ?1 AND incoming = ?2 AND line = ?3 AND manner = ?8
             ON CONFLICT (line) DO UPDATE SET state = excluded.state, path = excluded.path,
                 folder = excluded.folder, called = excluded.called",
        )?
        .execute(params![
            contact,
            file.by == Direction::In,
            file.id.0,
            state_number(file.state),
            file.path,
            file.folder,
            file.called,
            OFFER,
        ])?;
    if saved == 0 {
        return failed(FailureKind::NoSuchLine, "No line offers this file.");
    }
    Ok(StoreReply::Done)
}

/// What becomes of a contact's files, as a number.
pub(super) fn rule_number(rule: FileRule) -> Option<i64> {
    match rule {
        FileRule::Ask => None,
        FileRule::Never => Some(0),
        FileRule::UpTo(most) => Some(rows::number(most.max(1))),
    }
}

pub(super) fn rule(number: Option<i64>) -> FileRule {
    match number.map(i64::unsigned_abs) {
        None => FileRule::Ask,
        Some(0) => FileRule::Never,
        Some(most) => FileRule::UpTo(most),
    }
}

fn state_number(state: FileState) -> i64 {
    match state {
        FileState::Offered => 0,
        FileState::Accepted => 1,
        FileState::Done => 2,
        FileState::Declined => 3,
        FileState::Withdrawn => 4,
    }
}

fn state(number: i64) -> rusqlite::Result<FileState> {
    match number {
        0 => Ok(FileState::Offered),
        1 => Ok(FileState::Accepted),
        2 => Ok(FileState::Done),
        3 => Ok(FileState::Declined),
        4 => Ok(FileState::Withdrawn),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(8, other)),
    }
}
