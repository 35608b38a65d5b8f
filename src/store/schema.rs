//! The tables, and how old ones become new ones.

use std::path::Path;

use rusqlite::Connection;

use super::ProfileError;
use super::error::failure;

/// The newest format. Each step of [`STEPS`] leads to the format of its place.
const NEWEST: i64 = STEPS.len() as i64;

/// Every table and how it came to be. Steps are only ever appended.
const STEPS: &[&str] = &[
    "
    CREATE TABLE contacts (
        id       INTEGER PRIMARY KEY,
        name     TEXT NOT NULL,
        host     TEXT NOT NULL,
        key      BLOB,
        verified INTEGER NOT NULL,
        offered  BLOB,
        log      INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        since    INTEGER NOT NULL,
        UNIQUE (name, host)
    ) STRICT;

    -- done: ours are delivered, theirs have been shown.
    CREATE TABLE lines (
        id         INTEGER PRIMARY KEY,
        contact    INTEGER NOT NULL REFERENCES contacts (id),
        incoming   INTEGER NOT NULL,
        seq        INTEGER NOT NULL,
        line       BLOB NOT NULL,
        peer       BLOB,
        log        INTEGER,
        sent_at    INTEGER NOT NULL,
        arrived_at INTEGER,
        audience   INTEGER NOT NULL,
        text       TEXT NOT NULL,
        reference  TEXT,
        done       INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX lines_by_name ON lines (contact, incoming, line);
    CREATE INDEX lines_of_ours ON lines (contact, seq) WHERE incoming = 0;
    CREATE INDEX lines_undelivered ON lines (contact, seq) WHERE incoming = 0 AND done = 0;
    CREATE INDEX lines_unshown ON lines (id) WHERE incoming = 1 AND done = 0;

    CREATE TABLE cursors (
        peer BLOB NOT NULL,
        log  INTEGER NOT NULL,
        seq  INTEGER NOT NULL,
        line BLOB NOT NULL,
        used INTEGER NOT NULL,
        PRIMARY KEY (peer, log)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE rendezvous (
        host    TEXT PRIMARY KEY,
        key     BLOB,
        token   BLOB,
        name    TEXT,
        used_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    -- The newest have the greatest id.
    CREATE TABLE lessons (
        id       INTEGER PRIMARY KEY,
        peer     BLOB NOT NULL,
        external TEXT NOT NULL,
        plan     BLOB NOT NULL,
        UNIQUE (peer, external)
    ) STRICT;
",
    "
    -- Among those that were last used together.
    ALTER TABLE rendezvous ADD COLUMN place INTEGER;
",
    "
    -- How long NATs keep a mapping that is not used, in seconds. The newest have the greatest id.
    CREATE TABLE idle_limits (
        id       INTEGER PRIMARY KEY,
        external TEXT NOT NULL UNIQUE,
        seconds  INTEGER NOT NULL
    ) STRICT;
",
    "
    -- manner: 0 text, 1 action, 2 reply, 3 edit, 4 delete, 5 reaction.
    -- target: the id of the line that it is about, about: that line's row, if it is here.
    -- amends: it changes that line rather than being one to be shown; what it says is there, so that
    --   its own text is kept only until it is delivered or shown.
    -- edited_at, deleted_at: by the author's clock. The text of what is deleted is gone.
    -- read_at: ours: when its receiver let us know of having seen it.
    ALTER TABLE lines ADD COLUMN manner INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lines ADD COLUMN target BLOB;
    ALTER TABLE lines ADD COLUMN about INTEGER REFERENCES lines (id) ON DELETE SET NULL;
    ALTER TABLE lines ADD COLUMN amends INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lines ADD COLUMN edited_at INTEGER;
    ALTER TABLE lines ADD COLUMN deleted_at INTEGER;
    ALTER TABLE lines ADD COLUMN read_at INTEGER;
    CREATE INDEX lines_to_show ON lines (contact) WHERE amends = 0;
    CREATE INDEX lines_unseen ON lines (contact) WHERE incoming = 1 AND done = 0;
    CREATE INDEX lines_unread ON lines (contact) WHERE incoming = 1 AND done = 0 AND amends = 0;
    CREATE INDEX lines_unread_by_them ON lines (contact, seq)
        WHERE incoming = 0 AND read_at IS NULL AND amends = 0;
    CREATE INDEX lines_about ON lines (about) WHERE about IS NOT NULL;

    -- The last one of each side.
    CREATE TABLE reactions (
        line     INTEGER NOT NULL REFERENCES lines (id) ON DELETE CASCADE,
        incoming INTEGER NOT NULL,
        text     TEXT NOT NULL,
        PRIMARY KEY (line, incoming)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE drafts (
        contact INTEGER PRIMARY KEY REFERENCES contacts (id) ON DELETE CASCADE,
        text    TEXT NOT NULL
    ) STRICT;

    CREATE TABLE settings (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    -- At what age, in seconds, NATs end mappings however busy they are.
    CREATE TABLE age_limits (
        id         INTEGER PRIMARY KEY,
        external   TEXT NOT NULL UNIQUE,
        seconds    INTEGER NOT NULL,
        learned_at INTEGER NOT NULL
    ) STRICT;
",
    "
    -- How far the index of words is, and by which rules; one row. The index is made where it is
    -- found missing, see search.rs. Lines from `indexed_from` on are in it.
    CREATE TABLE line_index (
        id           INTEGER PRIMARY KEY CHECK (id = 1),
        rules        TEXT NOT NULL,
        indexed_from INTEGER NOT NULL
    ) STRICT;
",
    "
    -- Lines that may be removed when they are old, by their age.
    CREATE INDEX lines_by_age ON lines (coalesce(arrived_at, sent_at)) WHERE done = 1;
",
    "
    -- How the person deals with them: what they are called here; who is not answered, not shown, and
    -- until when (milliseconds since 1970) not to be noticed.
    ALTER TABLE contacts ADD COLUMN nickname TEXT;
    ALTER TABLE contacts ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE contacts ADD COLUMN ignored INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE contacts ADD COLUMN muted_until INTEGER;
",
    "
    -- In a sealed profile: what its key is wrapped in, and how far sealing or opening it has come
    -- (sealing.rs). One row.
    CREATE TABLE seal (
        id       INTEGER PRIMARY KEY CHECK (id = 1),
        envelope BLOB NOT NULL,
        state    INTEGER NOT NULL
    ) STRICT;
",
    "
    -- Who wants to talk to the person and is nobody that it knows. rejected: it does not want to.
    CREATE TABLE requests (
        id       INTEGER PRIMARY KEY,
        name     TEXT NOT NULL,
        host     TEXT NOT NULL,
        key      BLOB NOT NULL,
        at       INTEGER NOT NULL,
        rejected INTEGER NOT NULL,
        UNIQUE (name, host)
    ) STRICT;
",
    "
    -- What we share with peers since an invitation. Whoever reads this has read the identity, too.
    CREATE TABLE secrets (
        peer   BLOB PRIMARY KEY,
        secret BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Rooms. wanted: the person wants to be there.
    CREATE TABLE rooms (
        id      INTEGER PRIMARY KEY,
        contact INTEGER NOT NULL REFERENCES contacts (id),
        room    BLOB NOT NULL UNIQUE,
        wanted  INTEGER NOT NULL
    ) STRICT;

    -- Entries as they were signed, in the order in which they came; of a line that was taken back, what is
    -- left without its text.
    CREATE TABLE room_entries (
        id     INTEGER PRIMARY KEY,
        room   INTEGER NOT NULL REFERENCES rooms (id),
        author BLOB NOT NULL,
        stay   INTEGER NOT NULL,
        act    INTEGER NOT NULL,
        seq    INTEGER NOT NULL,
        hash   BLOB NOT NULL,
        line   BLOB,
        entry  BLOB NOT NULL,
        UNIQUE (room, hash)
    ) STRICT;
    CREATE UNIQUE INDEX room_lines ON room_entries (room, author, stay, seq) WHERE act = 0;
    CREATE INDEX room_acts ON room_entries (room, id) WHERE act = 1;
    CREATE INDEX room_lines_by_name ON room_entries (room, author, line) WHERE act = 0;

    -- Where a log begins for a member who came late.
    CREATE TABLE room_floors (
        room   INTEGER NOT NULL REFERENCES rooms (id),
        member BLOB NOT NULL,
        author BLOB NOT NULL,
        stay   INTEGER NOT NULL,
        floor  INTEGER NOT NULL,
        PRIMARY KEY (room, member, author, stay)
    ) STRICT, WITHOUT ROWID;

    -- Proofs that somebody shows two histories.
    CREATE TABLE room_forks (
        room   INTEGER NOT NULL REFERENCES rooms (id),
        author BLOB NOT NULL,
        stay   INTEGER NOT NULL,
        fork   BLOB NOT NULL,
        PRIMARY KEY (room, author, stay)
    ) STRICT, WITHOUT ROWID;

    -- Who has the lines of a stay of ours.
    CREATE TABLE room_receipts (
        room   INTEGER NOT NULL REFERENCES rooms (id),
        stay   INTEGER NOT NULL,
        member BLOB NOT NULL,
        first  INTEGER NOT NULL,
        last   INTEGER NOT NULL,
        gone   INTEGER NOT NULL,
        PRIMARY KEY (room, stay, member)
    ) STRICT, WITHOUT ROWID;

    -- Of a line in a room: who wrote it, as an address.
    ALTER TABLE lines ADD COLUMN author TEXT;
",
    "
    -- Our own, as they are to be shown, in their order.
    CREATE INDEX lines_said ON lines (contact) WHERE incoming = 0 AND amends = 0;
",
    "
    -- The last one of everybody who has reacted; in a room, whose: the key, and what it is called.
    CREATE TABLE reactions_of (
        id       INTEGER PRIMARY KEY,
        line     INTEGER NOT NULL REFERENCES lines (id) ON DELETE CASCADE,
        incoming INTEGER NOT NULL,
        peer     BLOB,
        author   TEXT,
        text     TEXT NOT NULL
    ) STRICT;
    INSERT INTO reactions_of (line, incoming, text) SELECT line, incoming, text FROM reactions;
    DROP TABLE reactions;
    ALTER TABLE reactions_of RENAME TO reactions;
    CREATE UNIQUE INDEX reactions_once ON reactions (line, incoming, coalesce(peer, author, x''));

    -- Of a line in a room that does not count: why. 1 its author had left, 2 was removed, 3 has shown two
    -- histories, 4 was no member. Its text is then in its entry alone.
    ALTER TABLE lines ADD COLUMN withdrawn INTEGER;
",
    "
    -- owed: no script that receives (`p2pchat recv`) was given it. What comes is owed from the first
    -- time on that one has asked: then there is a row in `receiving`.
    ALTER TABLE lines ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX lines_owed ON lines (id) WHERE owed = 1;
    CREATE TABLE receiving (id INTEGER PRIMARY KEY CHECK (id = 1)) STRICT;
",
    "
    -- When the file of this database was made: that of a copy was made later. copied: we have not begun
    -- a new stay in the room since this became a copy.
    CREATE TABLE origin (id INTEGER PRIMARY KEY CHECK (id = 1), made TEXT NOT NULL) STRICT;
    ALTER TABLE rooms ADD COLUMN copied INTEGER NOT NULL DEFAULT 0;
",
    "
    -- Of a line that offers a file (manner 6, its text is the name): eight bytes of size, the highest first,
    -- and the hash.
    ALTER TABLE lines ADD COLUMN offer BLOB;
    CREATE INDEX lines_offers ON lines (id) WHERE offer IS NOT NULL;

    -- What has become of it: 0 nothing yet, 1 accepted, 2 done, 3 declined, 4 withdrawn. path: where ours is,
    -- and theirs once it is whole. folder, called: where theirs is to be, and its name there.
    CREATE TABLE files (
        line   INTEGER PRIMARY KEY REFERENCES lines (id) ON DELETE CASCADE,
        state  INTEGER NOT NULL,
        path   TEXT,
        folder TEXT,
        called TEXT
    ) STRICT;
",
    "
    -- What becomes of the files of a contact: those up to so many bytes are accepted, none if it is 0; without
    -- it, the person is asked.
    ALTER TABLE contacts ADD COLUMN files_up_to INTEGER;
",
];

/// Brings the tables to the newest format.
pub(super) fn upgrade(connection: &mut Connection, path: &Path) -> Result<(), ProfileError> {
    let found = format(connection, path)?;
    let failed = |error| ProfileError::Database(failure(path, &error));
    for (step, format) in STEPS.iter().zip(1_i64..).filter(|(_, format)| *format > found) {
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(step).map_err(failed)?;
        transaction.pragma_update(None, "user_version", format).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

/// The format of a database, which is none that we do not know.
pub(super) fn format(connection: &Connection, path: &Path) -> Result<i64, ProfileError> {
    let found = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| ProfileError::Database(failure(path, &error)))?;
    if found > NEWEST {
        return Err(ProfileError::Newer { path: path.to_owned(), found, known: NEWEST });
    }
    Ok(found)
}

/// Whether a database has the newest format.
pub(super) fn is_newest(connection: &Connection, path: &Path) -> Result<bool, ProfileError> {
    Ok(format(connection, path)? == NEWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_each_earlier_format_becomes_one_of_the_newest_and_keeps_what_it_holds() {
        let path = Path::new("chat.db");
        let tables = |connection: &Connection| -> Vec<(String, String)> {
            let query = "SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name";
            let mut statement = connection.prepare(query).expect("prepares");
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.expect("reads").collect::<Result<_, _>>().expect("rows")
        };
        let mut newest = Connection::open_in_memory().expect("opens");
        upgrade(&mut newest, path).expect("upgrades");
        for earlier in 1..STEPS.len() {
            let mut connection = Connection::open_in_memory().expect("opens");
            for step in &STEPS[..earlier] {
                connection.execute_batch(step).expect("an earlier format");
            }
            let format = i64::try_from(earlier).expect("few");
            connection.pragma_update(None, "user_version", format).expect("writes");
            let host = "INSERT INTO rendezvous (host, used_at) VALUES ('rv.example', 7)";
            connection.execute(host, []).expect("writes");
            assert!(!is_newest(&connection, path).expect("reads"));
            upgrade(&mut connection, path).expect("upgrades");
            assert!(is_newest(&connection, path).expect("reads"));
            assert_eq!(tables(&connection), tables(&newest), "from format {earlier}");
            let kept: String = connection
                .query_row("SELECT host FROM rendezvous", [], |row| row.get(0))
                .expect("it is still there");
            assert_eq!(kept, "rv.example");
        }
    }
}
