//! Lines of rooms that do not count, and those that count again.
//!
//! What does not count is not shown, found or passed on, but its entry is kept: what it said can be told again if
//! it counts after all.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::contact_row;
use super::lines;
use super::rows::{self, log_number, number, standing_number};
use crate::chat::room::{Body, Counted, Entry, RoomId, Standing};
use crate::chat::storage::StoreReply;
use crate::chat::{Address, LineId, Manner};

/// The lines of a log that may stand otherwise than before.
const DOUBTFUL: &str = "
    SELECT l.id, l.line, unseal('room-entry', e.room, e.act, e.stay, e.seq, e.entry), l.withdrawn,
        l.manner, l.about
    FROM rooms AS r
        JOIN room_entries AS e ON e.room = r.id AND e.author = seal_equal('key', ?3) AND e.stay = ?4
            AND e.act = 0
        JOIN lines AS l ON l.contact = r.contact AND l.incoming IN (0, 1) AND l.line = e.line
            AND l.peer = e.author AND l.log = e.stay AND l.deleted_at IS NULL
    WHERE r.contact = ?1 AND r.room = seal_equal('room', ?2)
        AND (e.seq > ?5 OR ?6 OR l.withdrawn NOT NULL)
    ORDER BY e.seq";

/// A row of [`DOUBTFUL`].
struct Doubtful {
    row: i64,
    id: LineId,
    entry: Vec<u8>,
    was: Option<i64>,
    manner: i64,
    about: Option<i64>,
}

impl Doubtful {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            row: row.get(0)?,
            id: LineId(row.get(1)?),
            entry: row.get(2)?,
            was: row.get(3)?,
            manner: row.get(4)?,
            about: row.get(5)?,
        })
    }
}

/// Shows which lines of a log count.
pub(super) fn settle(
    connection: &Connection,
    room: &Address,
    id: RoomId,
    counted: &Counted,
) -> rusqlite::Result<StoreReply> {
    let contact = contact_row(connection, room)?;
    let (log, some_acts) = (counted.log, counted.acts < u64::MAX);
    let doubtful: Vec<Doubtful> = connection
        .prepare_cached(DOUBTFUL)?
        .query_map(
            params![
                contact,
                id.0,
                log.author.0,
                log_number(log.stay),
                number(counted.lines),
                some_acts
            ],
            Doubtful::read,
        )?
        .collect::<rusqlite::Result<_>>()?;
    let (mut withdrawn, mut restored) = (Vec::new(), Vec::new());
    for one in doubtful {
        let Ok(entry) = Entry::decode(&one.entry) else { continue };
        let standing = counted.standing(entry.header().place);
        let is = standing_number(standing);
        if is == one.was {
            continue;
        }
        connection
            .prepare_cached("UPDATE lines SET withdrawn = ?2 WHERE id = ?1")?
            .execute(params![one.row, is])?;
        if is.is_some() && one.was.is_some() {
            continue;
        }
        match (one.manner, one.about) {
            (5, Some(target)) => restore_reaction(connection, target, one.row)?,
            (3, Some(target)) => restore_text(connection, target)?,
            (3..=5, _) => {}
            _ => {
                restore_text(connection, one.row)?;
                match standing {
                    Standing::Counts => restored.push((one.id, one.row)),
                    _ => withdrawn.push(one.id),
                }
            }
        }
    }
    // Only now, for what edits them may count again, too.
    let says = |(id, row)| Ok((id, says(connection, row)?));
    let restored = restored.into_iter().map(says).collect::<rusqlite::Result<_>>()?;
    Ok(StoreReply::Standing { withdrawn, restored })
}

fn says(connection: &Connection, line: i64) -> rusqlite::Result<String> {
    connection
        .prepare_cached(
            "SELECT unseal('line', contact, incoming, line, text) FROM lines WHERE id = ?1",
        )?
        .query_row(params![line], |row| row.get(0))
}

/// Makes a line say what its entry and the edits that count come to.
fn restore_text(connection: &Connection, line: i64) -> rusqlite::Result<()> {
    let (counts, is_deleted): (bool, bool) = connection
        .prepare_cached("SELECT withdrawn IS NULL, deleted_at NOT NULL FROM lines WHERE id = ?1")?
        .query_row(params![line], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if is_deleted {
        return Ok(());
    }
    if !counts {
        connection
            .prepare_cached("UPDATE lines SET text = '' WHERE id = ?1")?
            .execute(params![line])?;
        return Ok(());
    }
    let edit: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT id, sent_at FROM lines WHERE about = ?1 AND manner = 3 AND withdrawn IS NULL
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![line], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let said = said(connection, edit.map_or(line, |(edit, _)| edit))?;
    connection
        .prepare_cached(
            "UPDATE lines SET text = seal('line', contact, incoming, line, ?2), edited_at = ?3
             WHERE id = ?1",
        )?
        .execute(params![line, said.unwrap_or_default(), edit.map(|(_, at)| at)])?;
    Ok(())
}

/// Makes a line have the last reaction that counts of whoever wrote `reaction`.
fn restore_reaction(connection: &Connection, target: i64, reaction: i64) -> rusqlite::Result<()> {
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT id FROM lines WHERE about = ?1 AND manner = 5 AND withdrawn IS NULL
                 AND peer = (SELECT peer FROM lines WHERE id = ?2)
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![target, reaction], |row| row.get(0))
        .optional()?;
    let sender =
        connection.prepare_cached(rows::SENDER)?.query_row(params![reaction], rows::sender)?;
    let text = last.map(|last| said(connection, last)).transpose()?.flatten();
    lines::react(connection, target, &sender, &text.unwrap_or_default())
}

/// What a line says in its entry; nothing if it is erased.
fn said(connection: &Connection, line: i64) -> rusqlite::Result<Option<String>> {
    let entry: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT unseal('room-entry', e.room, e.act, e.stay, e.seq, e.entry)
             FROM lines AS l JOIN rooms AS r ON r.contact = l.contact
                 JOIN room_entries AS e ON e.room = r.id AND e.author = l.peer AND e.line = l.line
                     AND e.act = 0
             WHERE l.id = ?1",
        )?
        .query_row(params![line], |row| row.get(0))
        .optional()?;
    let entry = entry.and_then(|entry| Entry::decode(&entry).ok());
    Ok(entry.and_then(|entry| match entry.body() {
        Body::Line(line) if !matches!(line.manner, Manner::Delete { .. }) => {
            Some(line.text.clone())
        }
        _ => None,
    }))
}
