//! Rooms: their signed entries, as they are passed on, and their lines as people read them.
//!
//! An entry is kept whole, for whoever asks for it. A line is besides put into the history, where it is a
//! line like all others. What is taken back loses its text in both places.

use p2pchat_wire::identity::PeerId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::{contact_row, failed};
use super::lines;
use super::rows::{self, log_number, number, unsigned};
use crate::chat::room::{Act, Body, Entry, Fork, Hash, Line, LogId, Place, RoomId};
use crate::chat::rooms::{Answer, Receipt, Request, Stored};
use crate::chat::storage::{
    Direction, FailureKind, KeptRoom, OwnLine, Quote, ReceivedLine, RoomReply, RoomRequest,
    StoreReply,
};
use crate::chat::{Address, Audience, LineId, Manner, Timestamp};

/// A room's rows.
#[derive(Clone, Copy)]
struct Rows {
    room: i64,
    contact: i64,
}

/// Carries out what a room asks.
pub(super) fn handle(
    connection: &Connection,
    request: &RoomRequest,
) -> rusqlite::Result<StoreReply> {
    let id = match &request.request {
        Request::Entry { room, .. } | Request::Receipt { room, .. } => room,
        Request::Lines { room, .. } => room,
        Request::Fork(room, _) | Request::Wanted(room, _) => room,
        Request::Renewed(room) | Request::Room(room) => room,
    };
    let Some(rows) = rows_of(connection, *id, &request.room)? else {
        return failed(FailureKind::Other, "The room is none that we know.");
    };
    let room = rows.room;
    let answer = match &request.request {
        Request::Entry { entry, begins, .. } => {
            return keep(connection, rows, request, entry, *begins).map(StoreReply::Room);
        }
        Request::Fork(_, fork) => {
            let log = fork.log();
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO room_forks (room, author, stay, fork)
                     VALUES (?1, seal_equal('key', ?2), ?3, seal('room-fork', ?1, ?3, ?4))",
                )?
                .execute(params![room, log.author.0, log_number(log.stay), fork.encode()])?;
            Answer::Done
        }
        Request::Receipt { stay, member, receipt, .. } => {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO room_receipts (room, stay, member, first, last, gone)
                     VALUES (?1, ?2, seal_equal('key', ?3), ?4, ?5, ?6)",
                )?
                .execute(params![
                    room,
                    log_number(*stay),
                    member.0,
                    number(receipt.first),
                    number(receipt.last),
                    receipt.gone,
                ])?;
            Answer::Done
        }
        Request::Wanted(_, wanted) => {
            connection
                .prepare_cached("UPDATE rooms SET wanted = ?2 WHERE id = ?1")?
                .execute(params![room, wanted])?;
            Answer::Done
        }
        Request::Renewed(_) => {
            connection
                .prepare_cached("UPDATE rooms SET copied = 0 WHERE id = ?1")?
                .execute(params![room])?;
            Answer::Done
        }
        Request::Lines { log, from, to, bytes, .. } => {
            Answer::Lines(read_lines(connection, room, *log, (*from, *to), *bytes)?)
        }
        Request::Room(_) => Answer::Room(Box::new(stored(connection, room)?)),
    };
    Ok(StoreReply::Room(answer.into()))
}

/// Every room, as a chat begins with it.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<KeptRoom>> {
    let mut statement = connection.prepare(
        "SELECT unseal('name', name), unseal('host', host), rooms.id, unseal('room', room), contact
         FROM rooms JOIN contacts ON contacts.id = contact ORDER BY rooms.id",
    )?;
    let found = statement.query_map([], |row| {
        Ok((rows::address(row)?, row.get::<_, i64>(2)?, RoomId(row.get(3)?), row.get(4)?))
    })?;
    let found: Vec<_> = found.collect::<rusqlite::Result<_>>()?;
    let kept = |(address, room, id, contact)| {
        let (stored, said) = (stored(connection, room)?, said(connection, contact)?);
        Ok(KeptRoom { id, address, stored, said })
    };
    found.into_iter().map(kept).collect()
}

/// Our last lines there.
fn said(connection: &Connection, contact: i64) -> rusqlite::Result<Vec<OwnLine>> {
    let mut said: Vec<OwnLine> = connection
        .prepare_cached(rows::SAID)?
        .query_map(params![contact, number(OwnLine::MAX as u64)], rows::own)?
        .collect::<rusqlite::Result<_>>()?;
    said.reverse();
    Ok(said)
}

/// Everybody who was to have a line of ours has it.
pub(super) fn delivered(
    connection: &Connection,
    room: &Address,
    id: LineId,
    at: Timestamp,
) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "UPDATE lines SET arrived_at = ?3 WHERE contact = ?1 AND incoming = 0 AND line = ?2
                 AND arrived_at IS NULL",
        )?
        .execute(params![contact_row(connection, room)?, id.0, number(at.0)])?;
    Ok(StoreReply::Done)
}

/// The rows of a room, made if there are none and the conversation is known.
fn rows_of(
    connection: &Connection,
    id: RoomId,
    address: &Address,
) -> rusqlite::Result<Option<Rows>> {
    let find = || {
        connection
            .prepare_cached("SELECT id, contact FROM rooms WHERE room = seal_equal('room', ?1)")?
            .query_row(params![id.0], |row| Ok(Rows { room: row.get(0)?, contact: row.get(1)? }))
            .optional()
    };
    if let Some(rows) = find()? {
        return Ok(Some(rows));
    }
    let Some(contact) = contact_row(connection, address)? else { return Ok(None) };
    connection
        .prepare_cached(
            "INSERT INTO rooms (contact, room, wanted) VALUES (?1, seal_equal('room', ?2), 0)",
        )?
        .execute(params![contact, id.0])?;
    find()
}

/// Keeps an entry, if it is not there.
fn keep(
    connection: &Connection,
    rows: Rows,
    request: &RoomRequest,
    entry: &Entry,
    begins: bool,
) -> rusqlite::Result<RoomReply> {
    let (log, seq) = (entry.header().log, entry.header().place.seq());
    let is_act = entry.header().place.is_act();
    let id = match entry.body() {
        Body::Line(line) => Some(line.id.0),
        _ => None,
    };
    if !is_act && !begins && !has_line(connection, rows.room, log, seq - 1)? {
        return Ok(Answer::Failed.into());
    }
    let new = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO room_entries (room, author, stay, act, seq, hash, line, entry)
             VALUES (?1, seal_equal('key', ?2), ?3, ?4, ?5, seal_equal('hash', ?6), ?7,
                 seal('room-entry', ?1, ?4, ?3, ?5, ?8))",
        )?
        .execute(params![
            rows.room,
            log.author.0,
            log_number(log.stay),
            is_act,
            number(seq),
            entry.hash().0,
            id,
            entry.encode(),
        ])?;
    if new > 0 && matches!(entry.act(), Some(Act::Join { .. })) {
        note_floors(connection, rows.room, log.author)?;
    }
    let quote = match entry.body() {
        Body::Line(line) if new > 0 => tell(connection, rows, request, entry, line)?,
        _ => None,
    };
    Ok(RoomReply { answer: Answer::Done, quote })
}

fn has_line(connection: &Connection, room: i64, log: LogId, seq: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM room_entries WHERE room = ?1
                 AND author = seal_equal('key', ?2) AND stay = ?3 AND act = 0 AND seq = ?4)",
        )?
        .query_row(params![room, log.author.0, log_number(log.stay), number(seq)], |row| row.get(0))
}

/// Somebody comes: where each log begins for whoever was not there before.
fn note_floors(connection: &Connection, room: i64, member: PeerId) -> rusqlite::Result<()> {
    let Some(Act::Create { keep, .. }) = first_act(connection, room)? else { return Ok(()) };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO room_floors (room, member, author, stay, floor)
             SELECT ?1, seal_equal('key', ?2), author, stay, max(1, max(seq) + 1 - ?3)
             FROM room_entries WHERE room = ?1 AND act = 0 GROUP BY author, stay",
        )?
        .execute(params![room, member.0, keep.max(1)])?;
    Ok(())
}

/// The act that made a room: its hash is the room's name.
fn first_act(connection: &Connection, room: i64) -> rusqlite::Result<Option<Act>> {
    let entry = connection
        .prepare_cached(
            "SELECT unseal('room-entry', room, act, stay, seq, entry) FROM room_entries
             WHERE room = ?1 AND hash = (SELECT seal_equal('hash', unseal('room', room))
                 FROM rooms WHERE id = ?1)",
        )?
        .query_row(params![room], |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    Ok(entry.and_then(|entry| Entry::decode(&entry).ok()).and_then(|entry| entry.act().cloned()))
}

/// Puts a line into the history, and does what it says about another: what that one was.
fn tell(
    connection: &Connection,
    rows: Rows,
    request: &RoomRequest,
    entry: &Entry,
    line: &Line,
) -> rusqlite::Result<Option<Quote>> {
    let header = entry.header();
    let by = if request.author.is_some() { Direction::In } else { Direction::Out };
    let received = ReceivedLine {
        from: request.room.clone(),
        author: request.author.clone(),
        peer: header.log.author,
        log: header.log.stay,
        seq: header.place.seq(),
        after: 0,
        id: line.id,
        sent_at: Timestamp(header.at_ms).min(Timestamp::MAX),
        received_at: request.at,
        audience: Audience::You,
        text: line.text.clone(),
        manner: line.manner,
    };
    let quote = lines::take(connection, rows.contact, &received, by)?.1;
    if request.hidden {
        connection
            .prepare_cached(
                "UPDATE lines SET done = 1, owed = 0
                 WHERE contact = ?1 AND incoming = 1 AND line = ?2",
            )?
            .execute(params![rows.contact, line.id.0])?;
    }
    if let Manner::Delete { of } = line.manner {
        erase(connection, rows.room, header.log.author, of)?;
    }
    Ok(quote)
}

/// Takes the text out of an entry that its author has taken back. Its header stays: others are bound to it.
fn erase(connection: &Connection, room: i64, author: PeerId, line: LineId) -> rusqlite::Result<()> {
    let found = connection
        .prepare_cached(
            "SELECT id, unseal('room-entry', room, act, stay, seq, entry) FROM room_entries
             WHERE room = ?1 AND author = seal_equal('key', ?2) AND line = ?3 AND act = 0",
        )?
        .query_row(params![room, author.0, line.0], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    if let Some((row, entry)) = found
        && let Ok(entry) = Entry::decode(&entry)
    {
        connection
            .prepare_cached(
                "UPDATE room_entries SET entry = seal('room-entry', room, act, stay, seq, ?2)
                 WHERE id = ?1",
            )?
            .execute(params![row, entry.erased().encode()])?;
    }
    Ok(())
}

/// Lines as they are sent, without a gap.
fn read_lines(
    connection: &Connection,
    room: i64,
    log: LogId,
    (from, to): (u64, u64),
    limit: usize,
) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, unseal('room-entry', room, act, stay, seq, entry) FROM room_entries
         WHERE room = ?1 AND author = seal_equal('key', ?2) AND stay = ?3 AND act = 0
             AND seq BETWEEN ?4 AND ?5 ORDER BY seq",
    )?;
    let mut found = statement.query(params![
        room,
        log.author.0,
        log_number(log.stay),
        number(from),
        number(to)
    ])?;
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        let line: Vec<u8> = row.get(1)?;
        bytes += line.len();
        let whole = unsigned(row, 0)? == from + lines.len() as u64;
        if !whole || (!lines.is_empty() && bytes > limit) {
            break;
        }
        lines.push(line);
    }
    Ok(lines)
}

/// What a room begins with.
fn stored(connection: &Connection, room: i64) -> rusqlite::Result<Stored> {
    let (wanted, copied) = connection
        .prepare_cached("SELECT wanted, copied FROM rooms WHERE id = ?1")?
        .query_row(params![room], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut acts: Vec<Entry> = entries(
        connection,
        "SELECT unseal('room-entry', room, act, stay, seq, entry) FROM room_entries
         WHERE room = ?1 AND act = 1",
        room,
    )?;
    let id: [u8; 32] = connection
        .prepare_cached("SELECT unseal('room', room) FROM rooms WHERE id = ?1")?
        .query_row(params![room], |row| row.get(0))?;
    // The first act makes the room, whatever another's clock says.
    acts.sort_by_key(|act| (act.hash() != Hash(id), act.header().at_ms, act.hash()));
    let lines = entries(
        connection,
        "SELECT unseal('room-entry', e.room, e.act, e.stay, e.seq, e.entry)
         FROM (SELECT author, stay, min(seq) AS first, max(seq) AS last FROM room_entries
               WHERE room = ?1 AND act = 0 GROUP BY author, stay) AS log
             JOIN (SELECT 0 AS which UNION ALL SELECT 1)
             JOIN room_entries AS e ON e.room = ?1 AND e.author = log.author AND e.stay = log.stay
                 AND e.act = 0 AND e.seq = CASE which WHEN 0 THEN log.first ELSE log.last END
         ORDER BY log.author, log.stay, which",
        room,
    )?;
    let ends = lines.chunks_exact(2).filter_map(|ends| match ends {
        [first, last] => Some((first.clone(), last.clone())),
        _ => None,
    });
    let forks = rows(
        connection,
        "SELECT unseal('room-fork', room, stay, fork) FROM room_forks WHERE room = ?1",
        room,
        |row| Ok(Fork::decode(&row.get::<_, Vec<u8>>(0)?).ok()),
    )?;
    let receipts = rows(
        connection,
        "SELECT stay, unseal('key', member), first, last, gone FROM room_receipts WHERE room = ?1",
        room,
        |row| {
            let key = (row.get::<_, i64>(0)?.cast_unsigned(), PeerId(row.get(1)?));
            let (first, last, gone) = (unsigned(row, 2)?, unsigned(row, 3)?, row.get(4)?);
            Ok((key, Receipt { first, last, gone }))
        },
    )?;
    let floors = rows(
        connection,
        "SELECT unseal('key', member), unseal('key', author), stay, floor FROM room_floors
         WHERE room = ?1",
        room,
        |row| {
            let stay = row.get::<_, i64>(2)?.cast_unsigned();
            let log = LogId { author: PeerId(row.get(1)?), stay };
            Ok(((PeerId(row.get(0)?), log), unsigned(row, 3)?))
        },
    )?;
    Ok(Stored {
        wanted,
        copied,
        acts,
        forks: forks.into_iter().flatten().collect(),
        lines: ends.collect(),
        receipts: receipts.into_iter().collect(),
        floors: floors.into_iter().collect(),
    })
}

fn entries(connection: &Connection, sql: &str, room: i64) -> rusqlite::Result<Vec<Entry>> {
    let decoded = rows(connection, sql, room, |row| {
        let entry = Entry::decode(&row.get::<_, Vec<u8>>(0)?);
        entry.map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
    })?;
    Ok(decoded)
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    room: i64,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(params![room], read)?.collect()
}

/// Whether an entry takes a text back.
pub(super) fn erases(request: &RoomRequest) -> bool {
    let Request::Entry { entry, .. } = &request.request else { return false };
    matches!(entry.header().place, Place::Line { .. })
        && matches!(
            entry.body(),
            Body::Line(Line { manner: Manner::Delete { .. } | Manner::Edit { .. }, .. })
        )
}
