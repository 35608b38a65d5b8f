//! How long lines are kept.
//!
//! What is older than the person wants is removed a little at a time, when nobody waits for the disk
//! ([`forget_some`]). A line of ours that is not delivered, and one of theirs that nobody has seen,
//! stay however old they are. So do the lines of rooms, which other members may come to ask for. Ages are counted by our clock: from when a line of ours was
//! delivered, and from when one of theirs came.

use rusqlite::{Connection, OptionalExtension, params};

use crate::chat::{Retention, Timestamp};

/// Lines that are removed in one transaction.
const BATCH: i64 = 200;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What the person has decided. A decision that cannot be read is none: nothing is removed.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Retention> {
    let value: Option<String> = connection
        .prepare_cached("SELECT unseal('setting', name, value) FROM settings WHERE name = ?1")?
        .query_row(params![Retention::SETTING], |row| row.get(0))
        .optional()?;
    Ok(value.and_then(|value| value.parse().ok()).unwrap_or_default())
}

pub(super) fn save(connection: &Connection, retention: Retention) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO settings (name, value) VALUES (?1, seal('setting', ?1, ?2))",
        )?
        .execute(params![Retention::SETTING, retention.to_string()])?;
    Ok(())
}

/// Removes some of the lines that are too old. Whether there may be more.
pub(super) fn forget_some(connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    let Retention::Days(days) = load(connection)? else { return Ok(false) };
    let before = now.0.saturating_sub(u64::from(days) * DAY_MS);
    let removed = connection
        .prepare_cached(
            "DELETE FROM lines WHERE id IN (
                 SELECT id FROM lines WHERE done = 1 AND coalesce(arrived_at, sent_at) < ?1
                     AND contact NOT IN (SELECT contact FROM rooms)
                 ORDER BY coalesce(arrived_at, sent_at) LIMIT ?2)",
        )?
        .execute(params![super::rows::number(before), BATCH])?;
    Ok(removed as i64 == BATCH)
}
