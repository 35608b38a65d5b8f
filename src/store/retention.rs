//! How long lines are kept.
//!
//! What is older than the person wants is removed a little at a time, when nobody waits for the disk
//! ([`forget_some`]). A line of ours that is not delivered, and one of theirs that nobody has seen,
//! stay however old they are. Ages are counted by our clock: from when a line of ours was
//! delivered, and from when one of theirs came.

use rusqlite::{Connection, OptionalExtension, params};

use crate::chat::Timestamp;

/// The setting's name in the database.
const SETTING: &str = "retention";

/// Lines that are removed in one transaction.
const BATCH: i64 = 200;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The longest time that can be asked for, in days: a hundred years.
const MAX_DAYS: u32 = 36_525;

/// How long lines are kept: so many days, or for good.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Retention {
    /// For good.
    #[default]
    Forever,
    /// This many days; one at least.
    Days(u32),
}

/// What is no time for which lines could be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write a number of days such as 90d, weeks such as 12w, or forever")]
pub struct NoRetention;

impl std::str::FromStr for Retention {
    type Err = NoRetention;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("forever") {
            return Ok(Self::Forever);
        }
        let (digits, unit) = match text.strip_suffix(['d', 'D']) {
            Some(digits) => (digits, 1),
            None => (text.strip_suffix(['w', 'W']).ok_or(NoRetention)?, 7),
        };
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(NoRetention);
        }
        let days = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(unit));
        days.filter(|days| (1..=MAX_DAYS).contains(days)).map(Self::Days).ok_or(NoRetention)
    }
}

impl std::fmt::Display for Retention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            Self::Days(days) => write!(f, "{days}d"),
        }
    }
}

/// What the person has decided. A decision that cannot be read is none: nothing is removed.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Retention> {
    let value: Option<String> = connection
        .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
        .query_row(params![SETTING], |row| row.get(0))
        .optional()?;
    Ok(value.and_then(|value| value.parse().ok()).unwrap_or_default())
}

pub(super) fn save(connection: &Connection, retention: Retention) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)")?
        .execute(params![SETTING, retention.to_string()])?;
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
                 ORDER BY coalesce(arrived_at, sent_at) LIMIT ?2)",
        )?
        .execute(params![super::rows::number(before), BATCH])?;
    Ok(removed as i64 == BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_days_weeks_or_forever() {
        for (text, meant) in [
            ("90d", Retention::Days(90)),
            ("2W", Retention::Days(14)),
            ("Forever", Retention::Forever),
        ] {
            assert_eq!(text.parse(), Ok(meant));
            assert_eq!(meant.to_string().parse(), Ok(meant));
        }
        for text in ["", "d", "0d", "-1d", "+1d", "90", "1.5d", "36526d", "9999999999w", "1 d"] {
            assert_eq!(text.parse::<Retention>(), Err(NoRetention), "{text}");
        }
    }
}
