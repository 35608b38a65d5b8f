//! Who wants to talk to us and is nobody we know.

use rusqlite::{Connection, Row, params};

use super::rows;
use super::rows::number;
use crate::chat::storage::StoreReply;
use crate::chat::{Address, Request};

/// All of them, the oldest first.
pub(super) const ALL: &str = "SELECT name, host, key, at, rejected FROM requests ORDER BY at, id";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Request> {
    let key = rows::key(row, 2)?;
    Ok(Request {
        address: rows::address(row)?,
        key: key.ok_or(rusqlite::Error::InvalidQuery)?,
        at: rows::time(row, 3)?,
        rejected: row.get(4)?,
    })
}

pub(super) fn save(connection: &Connection, request: &Request) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO requests (name, host, key, at, rejected)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            request.address.name.as_str(),
            request.address.host,
            request.key.0,
            number(request.at.0),
            request.rejected,
        ])?;
    Ok(StoreReply::Done)
}

pub(super) fn forget(connection: &Connection, address: &Address) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached("DELETE FROM requests WHERE name = ?1 AND host = ?2")?
        .execute(params![address.name.as_str(), address.host])?;
    Ok(StoreReply::Done)
}
