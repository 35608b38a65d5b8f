//! Lines that are owed to scripts: each is given to one that receives, and remembered until it was.
//!
//! The line itself says whether it is owed, rather than a cursor how far somebody is: so scripts may
//! receive from some people only, and numbers of rows that were removed may be used again.

use rusqlite::{Connection, params};

use super::database::contact_row;
use super::{page, rows};
use crate::chat::storage::{Place, StoreReply};
use crate::chat::{Address, LineId};

/// What nobody has seen is owed to the first that asks.
const FIRST: &str = "
    UPDATE lines INDEXED BY lines_unshown SET owed = 1
    WHERE incoming = 1 AND done = 0 AND amends = 0";

pub(super) fn load(
    connection: &Connection,
    after: Place,
    limit: usize,
) -> rusqlite::Result<StoreReply> {
    let first = connection
        .prepare_cached("INSERT INTO receiving (id) VALUES (1) ON CONFLICT DO NOTHING")?
        .execute([])?;
    if first > 0 {
        connection.execute(FIRST, [])?;
    }
    page::unshown(connection, rows::OWED, after, limit).map(StoreReply::Unshown)
}

pub(super) fn taken(
    connection: &Connection,
    from: &Address,
    id: LineId,
) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "UPDATE lines SET owed = 0 WHERE contact = ?1 AND incoming = 1 AND line = ?2",
        )?
        .execute(params![contact_row(connection, from)?, id.0])?;
    Ok(StoreReply::Done)
}
