//! Finding lines by what they say.
//!
//! A full-text table of SQLite's (FTS5, without content of its own) leads from each of a line's
//! [`terms`] to the line. Triggers keep it, so that it changes in the transaction in
//! which a line does, whichever statement that is; what is removed is removed from it at once
//! (`secure-delete`), not at the next merge. What it finds is compared with the text before anybody
//! sees it, so it may know less than the rules do.
//!
//! Of a sealed profile the index is nowhere but in memory: which words a line has, even as numbers that
//! only the key explains, says much about what it is. There the same table and triggers are those of
//! the connection (`temp`), and begin empty each time.
//!
//! The lines of a database that had no index, or one by other rules, are indexed later, the newest
//! first and a few at a time ([`index_some`]); until then they are read one by one ([`find`]).

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension, params};

use super::cells::said;
use super::rows;
use super::terms::{self, Query};
use crate::chat::storage::HistoryLine;

/// Lines that are indexed in one transaction when old ones are: some milliseconds of work, for
/// which somebody's line may have to wait.
const BATCH: i64 = 500;

/// Stands before the number of a contact in a term that each of its lines has. Letters and digits
/// alone never make it.
const CONTACT_MARK: char = '¤';

/// What [`indexed_from`] says of an index that holds every line.
const EVERYTHING: i64 = i64::MIN;

/// What [`indexed_from`] says where there is no index that can be used.
const NOTHING: i64 = i64::MAX;

/// Lines that amend others are not shown, and not found.
const INDEX: &str = concat!(
    "
    CREATE VIRTUAL TABLE $schema.line_terms USING
        fts5 (terms, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
    INSERT INTO $schema.line_terms (line_terms, rank) VALUES ('secure-delete', 1);

    CREATE TRIGGER $schema.line_made AFTER INSERT ON lines
    WHEN new.amends = 0 AND new.id >= (SELECT indexed_from FROM line_index)
    BEGIN
        INSERT INTO line_terms (rowid, terms) VALUES (new.id, terms_of(new.contact, ",
    said!("new"),
    "));
    END;

    CREATE TRIGGER $schema.line_changed AFTER UPDATE OF text ON lines
    WHEN new.amends = 0 AND old.text <> new.text
        AND new.id >= (SELECT indexed_from FROM line_index)
    BEGIN
        INSERT INTO line_terms (line_terms, rowid, terms)
            VALUES ('delete', old.id, terms_of(old.contact, ",
    said!("old"),
    "));
        INSERT INTO line_terms (rowid, terms) VALUES (new.id, terms_of(new.contact, ",
    said!("new"),
    "));
    END;

    CREATE TRIGGER $schema.line_removed AFTER DELETE ON lines
    WHEN old.amends = 0 AND old.id >= (SELECT indexed_from FROM line_index)
    BEGIN
        INSERT INTO line_terms (line_terms, rowid, terms)
            VALUES ('delete', old.id, terms_of(old.contact, ",
    said!("old"),
    "));
    END;

    INSERT OR REPLACE INTO $schema.line_index (id, rules, indexed_from)
    SELECT 1, rules(), coalesce(max(id) + 1, -9223372036854775808) FROM lines;
"
);

/// No index, and nothing that would keep one.
const NO_INDEX: &str = "
    DROP TRIGGER IF EXISTS $schema.line_made;
    DROP TRIGGER IF EXISTS $schema.line_changed;
    DROP TRIGGER IF EXISTS $schema.line_removed;
    DROP TABLE IF EXISTS $schema.line_terms;
";

/// Where an index is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    /// In the database.
    OnDisk,
    /// With the connection, as long as that lasts.
    InMemory,
}

impl Kept {
    fn statements(self, template: &str) -> String {
        template.replace(
            "$schema",
            match self {
                Self::OnDisk => "main",
                Self::InMemory => "temp",
            },
        )
    }
}

/// Gives a connection the functions that the index is kept with.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("rules", 0, flags, |_| Ok(terms::rules()))?;
    connection.create_scalar_function("terms_of", 2, flags, |context| {
        let contact = context.get::<i64>(0)?;
        let text = context.get_raw(1).as_str()?;
        Ok(entry(contact, text))
    })
}

/// Makes the index where there is none, or one by other rules. Never takes long: it begins empty.
pub(super) fn prepare(connection: &mut Connection, kept: Kept) -> rusqlite::Result<()> {
    if indexed_from(connection)? != NOTHING {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    if kept == Kept::InMemory {
        transaction.execute_batch(
            "CREATE TEMP TABLE line_index (id INTEGER PRIMARY KEY, rules TEXT, indexed_from INTEGER)",
        )?;
    }
    transaction.execute_batch(&kept.statements(NO_INDEX))?;
    transaction.execute_batch(&kept.statements(INDEX))?;
    transaction.commit()
}

/// Forgets the index, be it on disk or in memory, so that texts can be sealed or opened.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    for kept in [Kept::OnDisk, Kept::InMemory] {
        connection.execute_batch(&kept.statements(NO_INDEX))?;
    }
    connection.execute_batch("DROP TABLE IF EXISTS temp.line_index; DELETE FROM main.line_index;")
}

/// Lines whose row has this number or a greater one are in the index.
fn indexed_from(connection: &Connection) -> rusqlite::Result<i64> {
    let found = connection
        .prepare_cached("SELECT indexed_from FROM line_index WHERE rules = rules()")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(NOTHING))
}

/// Indexes some of the lines that are not indexed yet. Whether there are more.
pub(super) fn index_some(connection: &mut Connection) -> rusqlite::Result<bool> {
    let from = indexed_from(connection)?;
    if from == EVERYTHING {
        return Ok(false);
    }
    let transaction = connection.transaction()?;
    // Ascending numbers are what the table takes without writing in between.
    let next: Option<i64> = transaction
        .prepare_cached("SELECT id FROM lines WHERE id < ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2")?
        .query_row(params![from, BATCH - 1], |row| row.get(0))
        .optional()?;
    let next = next.unwrap_or(EVERYTHING);
    transaction
        .prepare_cached(concat!(
            "INSERT INTO line_terms (rowid, terms) SELECT id, terms_of(contact, ",
            said!("lines"),
            ") FROM lines WHERE amends = 0 AND id >= ?1 AND id < ?2 ORDER BY id"
        ))?
        .execute(params![next, from])?;
    transaction.execute("UPDATE line_index SET indexed_from = ?1", params![next])?;
    transaction.commit()?;
    Ok(next != EVERYTHING)
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
        let mut statement = connection.prepare_cached(concat!(
            "SELECT l.id, ",
            said!("l"),
            " FROM line_terms JOIN lines AS l ON l.id = line_terms.rowid
                 WHERE line_terms MATCH ?1 ORDER BY line_terms.rowid DESC"
        ))?;
        let candidates = statement.query(params![expression(contact, query)])?;
        keep(connection, candidates, query, limit, &mut found)?;
    }
    if from != EVERYTHING && found.len() < limit {
        let mut statement = connection.prepare_cached(concat!(
            "SELECT id, ",
            said!("lines"),
            " FROM lines
                 WHERE amends = 0 AND (?1 IS NULL OR contact = ?1) AND id < ?2 ORDER BY id DESC"
        ))?;
        keep(connection, statement.query(params![contact, from])?, query, limit, &mut found)?;
    }
    Ok(found)
}

fn keep(
    connection: &Connection,
    mut candidates: rusqlite::Rows<'_>,
    query: &Query,
    limit: usize,
    found: &mut Vec<HistoryLine>,
) -> rusqlite::Result<()> {
    while found.len() < limit
        && let Some(row) = candidates.next()?
    {
        let text: String = row.get(1)?;
        if query.matches(&text) {
            let line = connection
                .prepare_cached(rows::LINE)?
                .query_row(params![row.get::<_, i64>(0)?], rows::history)?;
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
