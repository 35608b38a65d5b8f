//! Lines as people read them: the last ones, those before a place, those that hold a text.

use rusqlite::{Connection, params};

use super::database::contact_row;
use super::rows::{self, number};
use super::search;
use super::terms::Query;
use crate::chat::Address;
use crate::chat::storage::{HistoryLine, MAX_LOAD_BYTES, Place, StoreReply, UnshownLine};

/// Before this row stand all.
const NEWEST: i64 = i64::MAX;

/// The last lines, oldest first.
pub(super) fn history(
    connection: &Connection,
    with: Option<&Address>,
    limit: usize,
) -> rusqlite::Result<Vec<HistoryLine>> {
    let limit = number(limit as u64);
    let mut lines: Vec<HistoryLine> = match with {
        None => connection
            .prepare_cached(rows::HISTORY)?
            .query_map(params![NEWEST, limit], rows::history)?
            .collect::<Result<_, _>>()?,
        Some(address) => connection
            .prepare_cached(rows::PAGE)?
            .query_map(params![contact_row(connection, address)?, NEWEST, limit], rows::history)?
            .collect::<Result<_, _>>()?,
    };
    lines.reverse();
    Ok(lines)
}

pub(super) fn page(
    connection: &Connection,
    with: &Address,
    before: Option<Place>,
    limit: usize,
) -> rusqlite::Result<StoreReply> {
    let contact = contact_row(connection, with)?;
    let before = before.map_or(NEWEST, |place| place.0);
    let mut statement = connection.prepare_cached(rows::PAGE)?;
    let mut found =
        statement.query(params![contact, before, number((limit as u64).saturating_add(1))])?;
    let (mut lines, mut bytes, mut end) = (Vec::new(), 0, true);
    while let Some(row) = found.next()? {
        let line = rows::history(row)?;
        bytes += line.text.len();
        if lines.len() >= limit || (!lines.is_empty() && bytes > MAX_LOAD_BYTES) {
            end = false;
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    Ok(StoreReply::Page { lines, end })
}

/// The newest lines that say what was typed, the newest first.
pub(super) fn search(
    connection: &Connection,
    with: Option<&Address>,
    text: &str,
    limit: usize,
) -> rusqlite::Result<Vec<HistoryLine>> {
    let contact = match with {
        None => None,
        Some(address) => match contact_row(connection, address)? {
            None => return Ok(Vec::new()),
            known => known,
        },
    };
    search::find(connection, contact, &Query::new(text), limit)
}

/// What was received and never shown, behind a place: [`rows::UNSHOWN`] or [`rows::STRAYS`].
pub(super) fn unshown(
    connection: &Connection,
    which: &str,
    after: Place,
    limit: usize,
) -> rusqlite::Result<Vec<UnshownLine>> {
    let mut statement = connection.prepare_cached(which)?;
    let mut found = statement.query(params![after.0, number(limit as u64)])?;
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        let unshown = rows::unshown(row)?;
        bytes += unshown.line.text.len();
        if !lines.is_empty() && bytes > MAX_LOAD_BYTES {
            break;
        }
        lines.push(unshown);
    }
    Ok(lines)
}
