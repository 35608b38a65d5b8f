//! How rows of the database become values.
//!
//! What is read was written by us, unless somebody has edited the file: a value that breaks a rule
//! of its type is an error of the database, never a panic.

use std::net::IpAddr;
use std::time::Duration;

use p2pchat_wire::codec;
use p2pchat_wire::identity::{Name, PeerId};
use rusqlite::Row;
use rusqlite::types::Type;

use crate::chat::storage::{
    Contact, Cursor, DeliveredLine, Direction, HistoryLine, OutgoingLine, ReceivedLine, Rendezvous,
};
use crate::chat::{Address, Audience, LineId, Timestamp};
use crate::proto::{IdleLimit, Lesson};

/// No plan of ours is longer.
const MAX_PLAN: usize = 32;

pub(super) const CONTACTS: &str = "
    SELECT name, host, key, verified, offered, log, last_seq, since,
        (SELECT count(*) FROM lines WHERE contact = contacts.id AND incoming = 0 AND done = 0)
    FROM contacts ORDER BY name, host";

pub(super) const CURSORS: &str = "SELECT peer, log, seq, line FROM cursors ORDER BY used";

pub(super) const UNSHOWN: &str = "
    SELECT name, host, peer, lines.log, seq, line, sent_at, arrived_at, audience, text
    FROM lines JOIN contacts ON contacts.id = contact
    WHERE incoming = 1 AND done = 0 ORDER BY lines.id";

pub(super) const RENDEZVOUS: &str =
    "SELECT host, key, token, name, used_at, place FROM rendezvous ORDER BY used_at DESC";

pub(super) const LESSONS: &str = "SELECT peer, external, plan FROM lessons ORDER BY id";

pub(super) const IDLE: &str = "SELECT external, seconds FROM idle_limits ORDER BY id";

pub(super) const OUTBOX: &str = "
    SELECT seq, line, sent_at, audience, text, reference FROM lines
    WHERE contact = ?1 AND incoming = 0 AND done = 0 AND seq > ?2 ORDER BY seq LIMIT ?3";

pub(super) const HISTORY: &str = "
    SELECT * FROM (
        SELECT name, host, line, incoming, sent_at, arrived_at, audience, text, lines.id AS row
        FROM lines JOIN contacts ON contacts.id = contact
        WHERE ?1 IS NULL OR contact = ?1 ORDER BY lines.id DESC LIMIT ?2
    ) ORDER BY row";

pub(super) fn contact(row: &Row<'_>) -> rusqlite::Result<Contact> {
    Ok(Contact {
        address: address(row)?,
        key: key(row, 2)?,
        verified: row.get(3)?,
        offered: key(row, 4)?,
        log: log(row, 5)?,
        last_seq: unsigned(row, 6)?,
        since: time(row, 7)?,
        waiting: unsigned(row, 8)?,
    })
}

pub(super) fn cursor(row: &Row<'_>) -> rusqlite::Result<Cursor> {
    Ok(Cursor {
        peer: PeerId(row.get(0)?),
        log: log(row, 1)?,
        seq: unsigned(row, 2)?,
        id: LineId(row.get(3)?),
    })
}

pub(super) fn received(row: &Row<'_>) -> rusqlite::Result<ReceivedLine> {
    Ok(ReceivedLine {
        from: address(row)?,
        peer: PeerId(row.get(2)?),
        log: log(row, 3)?,
        seq: unsigned(row, 4)?,
        after: 0,
        id: LineId(row.get(5)?),
        sent_at: time(row, 6)?,
        received_at: time(row, 7)?,
        audience: audience(row, 8)?,
        text: row.get(9)?,
    })
}

pub(super) fn rendezvous(row: &Row<'_>) -> rusqlite::Result<Rendezvous> {
    let claimed: Option<String> = row.get(3)?;
    Ok(Rendezvous {
        host: row.get(0)?,
        key: key(row, 1)?,
        token: row.get(2)?,
        name: claimed.map(|text| name(&text, 3)).transpose()?,
        used_at: time(row, 4)?,
        place: row.get(5)?,
    })
}

pub(super) fn lesson(row: &Row<'_>) -> rusqlite::Result<(PeerId, Lesson)> {
    let (external, plan): (_, Vec<u8>) = (ip(row, 1)?, row.get(2)?);
    let plan = codec::decode::<_, MAX_PLAN>(&plan).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, Type::Blob, Box::new(error))
    })?;
    Ok((PeerId(row.get(0)?), Lesson { external, plan }))
}

pub(super) fn idle(row: &Row<'_>) -> rusqlite::Result<IdleLimit> {
    Ok(IdleLimit { external: ip(row, 0)?, idle: Duration::from_secs(unsigned(row, 1)?) })
}

fn ip(row: &Row<'_>, column: usize) -> rusqlite::Result<IpAddr> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

pub(super) fn outgoing(row: &Row<'_>, to: &Address) -> rusqlite::Result<OutgoingLine> {
    Ok(OutgoingLine {
        to: to.clone(),
        seq: unsigned(row, 0)?,
        id: LineId(row.get(1)?),
        sent_at: time(row, 2)?,
        audience: audience(row, 3)?,
        text: row.get(4)?,
        reference: row.get(5)?,
    })
}

pub(super) fn delivered(row: &Row<'_>) -> rusqlite::Result<DeliveredLine> {
    Ok(DeliveredLine { seq: unsigned(row, 0)?, id: LineId(row.get(1)?), reference: row.get(2)? })
}

pub(super) fn history(row: &Row<'_>) -> rusqlite::Result<HistoryLine> {
    let incoming: bool = row.get(3)?;
    let arrived: Option<i64> = row.get(5)?;
    Ok(HistoryLine {
        with: address(row)?,
        id: LineId(row.get(2)?),
        direction: if incoming { Direction::In } else { Direction::Out },
        sent_at: time(row, 4)?,
        arrived_at: arrived.map(|_| time(row, 5)).transpose()?,
        audience: audience(row, 6)?,
        text: row.get(7)?,
    })
}

/// A count or a time as SQLite has it: it knows signed numbers only. No real one is that great.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The name of a log uses all 64 bits.
pub(super) fn log_number(log: u64) -> i64 {
    log.cast_signed()
}

pub(super) fn audience_number(audience: Audience) -> i64 {
    match audience {
        Audience::You => 0,
        Audience::Everyone => 1,
    }
}

fn address(row: &Row<'_>) -> rusqlite::Result<Address> {
    let text: String = row.get(0)?;
    Ok(Address { name: name(&text, 0)?, host: row.get(1)? })
}

fn name(text: &str, column: usize) -> rusqlite::Result<Name> {
    Name::new(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

fn key(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<PeerId>> {
    let key: Option<[u8; 32]> = row.get(column)?;
    Ok(key.map(PeerId))
}

fn log(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp(unsigned(row, column)?).min(Timestamp::MAX))
}

fn audience(row: &Row<'_>, column: usize) -> rusqlite::Result<Audience> {
    match row.get::<_, i64>(column)? {
        0 => Ok(Audience::You),
        1 => Ok(Audience::Everyone),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}
