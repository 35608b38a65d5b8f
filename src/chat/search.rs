//! Finding lines by what they say.
//!
//! A full-text table of SQLite's (FTS5, without content of its own) leads from each of a line's
//! [`terms`](super::terms) to the line. It changes in the transaction in which the line does, and
//! what is removed is removed from it at once (`secure-delete`), not at the next merge. What it
//! finds is compared with the text before anybody sees it, so it may know less than the rules do.
//!
//! The lines of a database that had no index, or one by other rules, are indexed later, the newest
//! first and a few at a time ([`index_some`]); until then they are read one by one ([`find`]).

use rusqlite::{Connection, OptionalExtension, params};

use super::rows;
use super::terms::{self, Query};
use crate::chat::storage::HistoryLine;

/// Lines that are indexed in one transaction when old ones are: some milliseconds of work, for
/// which somebody's line may have to wait.
const BATCH: usize = 500;

/// Stands before the number of a contact in a term that each of its lines has. Letters and digits
/// alone never make it.
const CONTACT_MARK: char = '¤';

/// [`indexed_from`] of an index that holds every line.
const EVERYTHING: i64 = i64::MIN;

/// [`indexed_from`] where there is no index that can be used.
const NOTHING: i64 = i64::MAX;

/// Makes the index where there is none, or one by other rules. Never takes long: it begins empty.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    if indexed_from(connection)? != NOTHING {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "DROP TABLE IF EXISTS line_terms;
         CREATE VIRTUAL TABLE line_terms USING
             fts5 (terms, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
         INSERT INTO line_terms (line_terms, rank) VALUES ('secure-delete', 1);",
    )?;
    let newest: Option<i64> =
        transaction.query_row("SELECT max(id) FROM lines", [], |row| row.get(0))?;
    transaction.execute(
        "INSERT OR REPLACE INTO line_index (id, rules, indexed_from) VALUES (1, ?1, ?2)",
        params![terms::rules(), newest.map_or(EVERYTHING, |newest| newest.saturating_add(1))],
    )?;
    transaction.commit()
}

/// Lines whose row has this number or a greater one are in the index.
fn indexed_from(connection: &Connection) -> rusqlite::Result<i64> {
    let found = connection
        .prepare_cached("SELECT indexed_from FROM line_index WHERE rules = ?1")?
        .query_row(params![terms::rules()], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(NOTHING))
}

/// Indexes the line of a row that has just been made.
pub(super) fn add(
    connection: &Connection,
    row: i64,
    contact: i64,
    text: &str,
) -> rusqlite::Result<()> {
    if row < indexed_from(connection)? {
        return Ok(());
    }
    insert(connection, row, contact, text)
}

fn insert(connection: &Connection, row: i64, contact: i64, text: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO line_terms (rowid, terms) VALUES (?1, ?2)")?
        .execute(params![row, entry(contact, text)])?;
    Ok(())
}

/// Takes a line out of the index; `text` is what it said until now.
pub(super) fn remove(
    connection: &Connection,
    row: i64,
    contact: i64,
    text: &str,
) -> rusqlite::Result<()> {
    if row < indexed_from(connection)? {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO line_terms (line_terms, rowid, terms) VALUES ('delete', ?1, ?2)",
        )?
        .execute(params![row, entry(contact, text)])?;
    Ok(())
}

/// Indexes some of the lines that are not indexed yet. Whether there are more.
pub(super) fn index_some(connection: &mut Connection) -> rusqlite::Result<bool> {
    let transaction = connection.transaction()?;
    let from = indexed_from(&transaction)?;
    if from == EVERYTHING {
        return Ok(false);
    }
    let mut lines = transaction
        .prepare_cached(
            "SELECT id, contact, text FROM lines WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
        )?
        .query_map(params![from, BATCH as i64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<Vec<(i64, i64, String)>>>()?;
    let from = if lines.len() < BATCH { EVERYTHING } else { lines.last().map_or(EVERYTHING, |line| line.0) };
    // Ascending numbers are what the table takes without writing in between.
    lines.reverse();
    for (row, contact, text) in lines {
        insert(&transaction, row, contact, &text)?;
    }
    transaction.execute("UPDATE line_index SET indexed_from = ?1", params![from])?;
    transaction.commit()?;
    Ok(from != EVERYTHING)
}

/// The newest lines that say what was typed, the newest first.
pub(super) fn find(
    connection: &Connection,
    contact: Option<i64>,
    query: &Query,
    limit: usize,
) -> rusqlite::Result<Vec<HistoryLine>> {
    let mut found = Vec::new();
    if query.is_empty() || limit == 0 {
        return Ok(found);
    }
    let from = indexed_from(connection)?;
    if from != NOTHING {
        let mut statement = connection.prepare_cached(rows::FOUND)?;
        let candidates = statement.query(params![expression(contact, query)])?;
        keep(candidates, query, limit, &mut found)?;
    }
    if from != EVERYTHING && found.len() < limit {
        let mut statement = connection.prepare_cached(rows::UNINDEXED)?;
        keep(statement.query(params![contact, from])?, query, limit, &mut found)?;
    }
    Ok(found)
}

fn keep(
    mut candidates: rusqlite::Rows<'_>,
    query: &Query,
    limit: usize,
    found: &mut Vec<HistoryLine>,
) -> rusqlite::Result<()> {
    while found.len() < limit
        && let Some(row) = candidates.next()?
    {
        let line = rows::history(row)?;
        if query.matches(&line.text) {
            found.push(line);
        }
    }
    Ok(())
}

/// What the index holds of a line.
fn entry(contact: i64, text: &str) -> String {
    let mut entry = mark(contact);
    for term in terms::terms(text) {
        entry.push(' ');
        entry.push_str(&term);
    }
    entry
}

/// The question to the index. Every term is quoted, and none has a quotation mark in it.
fn expression(contact: Option<i64>, query: &Query) -> String {
    let terms = contact.map(mark).into_iter().chain(query.terms());
    let quoted: Vec<String> = terms.map(|term| format!("\"{term}\"")).collect();
    quoted.join(" AND ")
}

fn mark(contact: i64) -> String {
    format!("{CONTACT_MARK}{contact}")
}
