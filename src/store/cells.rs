//! Which cells of the database are sealed in a sealed profile, and the functions of SQL that seal and
//! open them.
//!
//! Every statement that writes such a cell says `seal(place …, value)`, or `seal_equal(place …, value)`
//! where it has to be found again by what it is; every one that reads it says
//! `unseal(place …, value)`. In a profile without a passphrase these functions return the value as it
//! is, so that there is one set of statements for both. The place is a word for the column, and what
//! never changes of the row.
//!
//! Texts are sealed into texts (base64), bytes into bytes. NULL stays NULL and an empty text stays
//! empty: that a line was deleted is no secret.

use std::sync::{Arc, Mutex, PoisonError};

use base64ct::{Base64UrlUnpadded, Encoding};
use p2pchat_wire::random::Random;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params};

use super::vault::{BrokenSeal, Vault};

/// What a line or one beside it says, as the statements read it: `said!("l")` of the table `lines AS l`.
macro_rules! said {
    ($line:literal) => {
        concat!(
            "unseal('line', ",
            $line,
            ".contact, ",
            $line,
            ".incoming, ",
            $line,
            ".line, ",
            $line,
            ".text)"
        )
    };
}
pub(super) use said;

/// The beginning of what a line says, for a quote, in bytes. (As a text, it would end at a NUL.)
macro_rules! quoted {
    ($line:literal) => {
        concat!("substr(CAST(", crate::store::cells::said!($line), " AS BLOB), 1, 640)")
    };
}

/// What a quote holds of a line: incoming, when, the beginning of its text, whether that is gone, by whom,
/// with which key.
macro_rules! quote {
    ($line:literal) => {
        concat!(
            $line,
            ".incoming, ",
            $line,
            ".sent_at, ",
            crate::store::cells::quoted!($line),
            ", coalesce(",
            $line,
            ".deleted_at, ",
            $line,
            ".withdrawn), ",
            crate::store::cells::author!($line),
            ", unseal('key', ",
            $line,
            ".peer)"
        )
    };
}
pub(super) use {quote, quoted};

/// Who wrote a line in a room, if not we.
macro_rules! author {
    ($line:literal) => {
        concat!(
            "unseal('author', ",
            $line,
            ".contact, ",
            $line,
            ".incoming, ",
            $line,
            ".line, ",
            $line,
            ".author)"
        )
    };
}
pub(super) use author;

/// What a line is about: the id of another line, or the file that it offers.
macro_rules! subject {
    ($line:literal) => {
        concat!(
            "coalesce(",
            $line,
            ".target, unseal('offer', ",
            $line,
            ".contact, ",
            $line,
            ".incoming, ",
            $line,
            ".line, ",
            $line,
            ".offer))"
        )
    };
}
pub(super) use subject;

/// Who has reacted to a line, and how: an array of arrays.
macro_rules! reactions {
    ($line:literal) => {
        concat!(
            "(SELECT json_group_array(json_array(incoming, id,
                 unseal('reaction-author', line, incoming, author),
                 unseal('reaction', line, incoming, text))) FROM reactions WHERE line = ",
            $line,
            ".id)"
        )
    };
}
pub(super) use reactions;

/// A column that is sealed.
struct Cell {
    column: &'static str,
    /// In terms of the row's other columns.
    place: &'static str,
    /// Whether it is found by its value, so that equal ones have to be equal.
    found: bool,
}

const fn cell(column: &'static str, place: &'static str) -> Cell {
    Cell { column, place, found: false }
}

const fn found(column: &'static str, place: &'static str) -> Cell {
    Cell { column, place, found: true }
}

/// Every sealed cell but those of lines, which may be many.
const CELLS: &[(&str, &[Cell])] = &[
    (
        "contacts",
        &[
            found("name", "'name'"),
            found("host", "'host'"),
            found("key", "'key'"),
            found("offered", "'key'"),
            found("nickname", "'name'"),
        ],
    ),
    ("requests", &[found("name", "'name'"), found("host", "'host'"), found("key", "'key'")]),
    ("cursors", &[found("peer", "'key'")]),
    ("secrets", &[found("peer", "'key'"), cell("secret", "'secret'")]),
    (
        "rendezvous",
        &[
            found("host", "'host'"),
            found("key", "'key'"),
            found("name", "'name'"),
            cell("token", "'token'"),
        ],
    ),
    ("lessons", &[found("peer", "'key'"), found("external", "'network'")]),
    ("idle_limits", &[found("external", "'network'")]),
    ("age_limits", &[found("external", "'network'")]),
    (
        "reactions",
        &[
            found("peer", "'key'"),
            cell("author", "'reaction-author', line, incoming"),
            cell("text", "'reaction', line, incoming"),
        ],
    ),
    (
        "files",
        &[
            cell("path", "'file-path', line"),
            cell("folder", "'file-folder', line"),
            cell("called", "'file-called', line"),
        ],
    ),
    ("drafts", &[cell("text", "'draft', contact")]),
    ("settings", &[cell("value", "'setting', name")]),
    ("rooms", &[found("room", "'room'")]),
    (
        "room_entries",
        &[
            found("author", "'key'"),
            found("hash", "'hash'"),
            cell("entry", "'room-entry', room, act, stay, seq"),
        ],
    ),
    ("room_floors", &[found("member", "'key'"), found("author", "'key'")]),
    ("room_forks", &[found("author", "'key'"), cell("fork", "'room-fork', room, stay")]),
    ("room_receipts", &[found("member", "'key'")]),
];

const LINES: &[Cell] = &[
    cell("text", "'line', contact, incoming, line"),
    cell("reference", "'reference', contact, incoming, line"),
    cell("author", "'author', contact, incoming, line"),
    cell("offer", "'offer', contact, incoming, line"),
    found("peer", "'key'"),
];

/// Lines that one statement seals: what it changes is in memory twice.
const BATCH: i64 = 1000;

/// Which way cells are changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    Seal,
    Open,
}

/// Seals every cell that is to be sealed, or opens them all.
pub(super) fn convert(connection: &Connection, change: Change) -> rusqlite::Result<()> {
    for (table, cells) in CELLS {
        connection.execute(&update(table, cells, change), [])?;
    }
    let sql = update("lines", LINES, change) + " WHERE id BETWEEN ?1 AND ?2";
    let mut update = connection.prepare(&sql)?;
    let mut last_of = connection.prepare(
        "SELECT max(id) FROM (SELECT id FROM lines WHERE id >= ?1 ORDER BY id LIMIT ?2)",
    )?;
    let mut from = i64::MIN;
    while let Some(last) =
        last_of.query_row(params![from, BATCH], |row| row.get::<_, Option<i64>>(0))?
    {
        update.execute(params![from, last])?;
        let Some(next) = last.checked_add(1) else { break };
        from = next;
    }
    Ok(())
}

fn update(table: &str, cells: &[Cell], change: Change) -> String {
    let assignments = cells.iter().map(|Cell { column, place, found }| {
        let function = match (change, found) {
            (Change::Open, _) => "unseal",
            (Change::Seal, true) => "seal_equal",
            (Change::Seal, false) => "seal",
        };
        format!("{column} = {function}({place}, {column})")
    });
    format!("UPDATE {table} SET {}", assignments.collect::<Vec<_>>().join(", "))
}

/// Gives a connection the functions that every statement uses: those of a sealed profile, or those of
/// a clear one. `seed` makes the salts; it must never have been used before.
pub(super) fn register(
    connection: &Connection,
    vault: Option<&Vault>,
    seed: [u8; 32],
) -> rusqlite::Result<()> {
    let plain = FunctionFlags::SQLITE_UTF8;
    // The triggers of the index open what they index.
    let pure = plain | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    let Some(vault) = vault else {
        for (name, flags) in [("seal", plain), ("seal_equal", pure), ("unseal", pure)] {
            connection.create_scalar_function(name, -1, flags, |context| {
                as_it_is(context.get_raw(context.len().saturating_sub(1)))
            })?;
        }
        return Ok(());
    };
    let (vault, random) = (Arc::new(vault.clone()), Mutex::new(Random::from_seed(seed)));
    let keys = Arc::clone(&vault);
    connection.create_scalar_function("seal", -1, plain, move |context| {
        let salt = random.lock().unwrap_or_else(PoisonError::into_inner).array();
        sealed(context, |place, value| keys.seal(salt, place, value))
    })?;
    let keys = Arc::clone(&vault);
    connection.create_scalar_function("seal_equal", -1, pure, move |context| {
        sealed(context, |place, value| keys.seal_equal(place, value))
    })?;
    connection.create_scalar_function("unseal", -1, pure, move |context| opened(context, &vault))
}

fn sealed(
    context: &Context<'_>,
    seal: impl FnOnce(&[u8], &[u8]) -> Vec<u8>,
) -> rusqlite::Result<Value> {
    let (place, value) = arguments(context)?;
    Ok(match value {
        ValueRef::Text(text) if !text.is_empty() => {
            Value::Text(Base64UrlUnpadded::encode_string(&seal(&place, text)))
        }
        ValueRef::Blob(bytes) => Value::Blob(seal(&place, bytes)),
        other => as_it_is(other)?,
    })
}

fn opened(context: &Context<'_>, vault: &Vault) -> rusqlite::Result<Value> {
    let (place, value) = arguments(context)?;
    let broken = || rusqlite::Error::UserFunctionError(Box::new(BrokenSeal));
    Ok(match value {
        ValueRef::Text(text) if !text.is_empty() => {
            let sealed = std::str::from_utf8(text).ok().map(Base64UrlUnpadded::decode_vec);
            let sealed = sealed.and_then(Result::ok).ok_or_else(broken)?;
            let text = vault.open(&place, &sealed).map_err(|_| broken())?;
            Value::Text(String::from_utf8(text).map_err(|_| broken())?)
        }
        ValueRef::Blob(bytes) => Value::Blob(vault.open(&place, bytes).map_err(|_| broken())?),
        other => as_it_is(other)?,
    })
}

/// A text that is none is a fault of the file, as it is where it is read.
fn as_it_is(value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => Value::Text(std::str::from_utf8(text)?.to_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}

/// A place, in bytes of which no two places have the same, and the value at it.
fn arguments<'a>(context: &'a Context<'_>) -> rusqlite::Result<(Vec<u8>, ValueRef<'a>)> {
    let last = context.len().saturating_sub(1);
    let value = context.get_raw(last);
    let mut place = Vec::with_capacity(64);
    if value == ValueRef::Null {
        return Ok((place, value));
    }
    for at in 0..last {
        let number;
        let (kind, bytes): (u8, &[u8]) = match context.get_raw(at) {
            ValueRef::Integer(integer) => {
                number = integer.to_le_bytes();
                (1, &number)
            }
            ValueRef::Text(text) => (2, text),
            ValueRef::Blob(bytes) => (3, bytes),
            other => {
                let wrong = rusqlite::Error::InvalidFunctionParameterType(at, other.data_type());
                return Err(wrong);
            }
        };
        place.push(kind);
        place.extend((bytes.len() as u64).to_le_bytes());
        place.extend(bytes);
    }
    Ok((place, value))
}
