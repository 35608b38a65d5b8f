//! An exported profile, taken in again: on another computer, or after a loss.
//!
//! Everything is one transaction, and nothing that is there is changed, so an import may be
//! interrupted and repeated. Three things do not come as they were:
//!
//! - **The numbers of our lines.** The old computer may have given out numbers after the export, and
//!   a number that is used twice is a line that is lost. Each contact gets a new log, and what was
//!   not delivered becomes its first lines. Their ids are the old ones, by which the other side
//!   knows a line that it has already.
//! - **The order.** Lines that are older than all that are here stand before them, others behind.
//! - **A contact that is here already** keeps its key, whatever the file says.

use std::io::{self, BufRead, Read};

use p2pchat_wire::identity::{Name, PeerId};
use rusqlite::{Connection, OptionalExtension, params};

use super::database::contact_row;
use super::portable::{
    Item, MAX_LINE, Offered, OfferedFolder, Person, Received, Said, Server, VERSION, Way,
};
use super::rows::{OFFER, log_number, number, offer_bytes};
use crate::chat::files::disk::Content;
use crate::chat::{Address, MAX_TEXT, Manner};

/// What came of an import.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Imported {
    /// Lines that are new here.
    pub lines: u64,
    /// Lines that were here already.
    pub known: u64,
    /// Contacts that are new here.
    pub contacts: u64,
    /// Contacts that have another key here than in the file. They keep theirs.
    pub other_keys: u64,
    /// Lines that will be sent, because nobody has confirmed them.
    pub undelivered: u64,
}

/// Why nothing was imported. A whole sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error("The file could not be read: {0}.")]
    Io(#[from] io::Error),
    /// The file is not an export.
    #[error(
        "Line {line} of the file is not what an export has there: {problem}. Nothing was imported."
    )]
    Malformed {
        /// From 1 up.
        line: u64,
        /// What is wrong with it.
        problem: NotExported,
    },
    /// The file is of a newer program.
    #[error(
        "The file was written by a newer p2pchat (its version is {0}, this one knows {VERSION}). Nothing was imported."
    )]
    Newer(u32),
    /// The file is another person's.
    #[error(
        "This is the export of {key}, and this profile is somebody else. Restore that identity first, into an empty profile: p2pchat id restore. Nothing was imported."
    )]
    OtherIdentity {
        /// Whose export it is.
        key: PeerId,
    },
    /// The database refuses.
    #[error("The database could not be used: {0}. Nothing was imported.")]
    Database(#[from] rusqlite::Error),
}

/// What is wrong with a line of a file, which an export would not have written so.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotExported {
    /// There is no line at all.
    #[error("it is empty")]
    Nothing,
    /// More bytes than any line has.
    #[error("it is too long")]
    TooLong,
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// No object that is known, in the words of whatever reads it.
    #[error("{0}")]
    NoItem(String),
    /// The first line is no header.
    #[error("it does not begin with a header")]
    NoHeader,
    /// Another line is one.
    #[error("it has a second header")]
    SecondHeader,
    /// More text than a line of a chat has.
    #[error("the text is too long")]
    Text,
    /// What sort of line it is, and which other line it is about, does not fit.
    #[error("the manner is unknown, or says nothing of its line")]
    Manner,
    /// A reference that nobody could have given.
    #[error("the reference is too long")]
    Reference,
    /// It does not count for a reason that no room knows, or is in no room.
    #[error("it was withdrawn, and nothing says from which room and why")]
    Withdrawn,
    /// Reactions that nobody could have sent.
    #[error("the reactions are too many or too long")]
    Reactions,
    /// It came, and nothing says how.
    #[error("a line that came says neither from whom nor when")]
    Source,
}

/// Reactions to a line in a room, whose members change: more than anybody has ever seen.
const MAX_REACTIONS: usize = 1_024;

/// Takes everything of a file in, or nothing. `random` makes the names of new logs.
pub(super) fn import(
    connection: &mut Connection,
    me: PeerId,
    file: &mut dyn BufRead,
    random: &mut dyn FnMut() -> u64,
) -> Result<Imported, ImportError> {
    let transaction = connection.transaction()?;
    let mut import = Import::new(&transaction, random)?;
    let mut place = 0;
    while let Some(line) = read_line(file, place + 1)? {
        place += 1;
        let malformed = |problem| ImportError::Malformed { line: place, problem };
        let item =
            Item::read(&line).map_err(|error| malformed(NotExported::NoItem(error.to_string())))?;
        match item {
            Item::Header(header) if place == 1 => {
                if header.version > VERSION {
                    return Err(ImportError::Newer(header.version));
                }
                if header.key != me {
                    return Err(ImportError::OtherIdentity { key: header.key });
                }
            }
            _ if place == 1 => return Err(malformed(NotExported::NoHeader)),
            Item::Header(_) => return Err(malformed(NotExported::SecondHeader)),
            Item::Rendezvous(server) => import.server(&server)?,
            Item::Contact(person) => import.person(&person)?,
            Item::Cursor(received) => import.received(&received)?,
            Item::Line(said) => {
                check(&said).map_err(malformed)?;
                import.said(&said)?;
            }
            Item::Unknown => {}
        }
    }
    if place == 0 {
        return Err(ImportError::Malformed { line: 1, problem: NotExported::Nothing });
    }
    let imported = import.imported;
    transaction.commit()?;
    Ok(imported)
}

/// One line, which is not kept in memory if it is longer than any that was exported.
fn read_line(file: &mut dyn BufRead, place: u64) -> Result<Option<String>, ImportError> {
    let malformed = |problem| ImportError::Malformed { line: place, problem };
    let mut line = Vec::new();
    file.take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() >= MAX_LINE {
        return Err(malformed(NotExported::TooLong));
    }
    String::from_utf8(line).map(Some).map_err(|_| malformed(NotExported::NotUtf8))
}

/// Whether a line is one that could have been written here.
fn check(said: &Said) -> Result<(), NotExported> {
    let about_another = matches!(said.manner, 2..=5);
    if said.text.len() > MAX_TEXT {
        return Err(NotExported::Text);
    }
    if !(0..=6).contains(&said.manner) || about_another != said.about.is_some() {
        return Err(NotExported::Manner);
    }
    if (said.manner == OFFER) != said.file.is_some() || said.file.is_some() && offer(said).is_none()
    {
        return Err(NotExported::Manner);
    }
    if said.reference.as_ref().is_some_and(|reference| reference.len() > 256) {
        return Err(NotExported::Reference);
    }
    if said.withdrawn.is_some_and(|why| !said.with.is_room || !(1..=4).contains(&why)) {
        return Err(NotExported::Withdrawn);
    }
    let most = if said.with.is_room { MAX_REACTIONS } else { 2 };
    if said.reactions.len() > most || said.reactions.iter().any(|one| one.text.len() > 256) {
        return Err(NotExported::Reactions);
    }
    let sent = said.key.is_some() && said.log.is_some() && said.seq.is_some();
    if said.direction == Way::In && (!sent || said.arrived_at.is_none()) {
        return Err(NotExported::Source);
    }
    Ok(())
}

/// The file that a line offers, as the database has it.
fn offer(said: &Said) -> Option<Vec<u8>> {
    let Offered { size, root, folder } = said.file.as_ref()?;
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let all_digits = root.len() == 64 && root.bytes().all(|digit| digit.is_ascii_hexdigit());
    let root: Option<Vec<u8>> = root.as_bytes().chunks(2).map(digit).collect();
    let root = root.filter(|_| all_digits)?.try_into().ok()?;
    let known = |one: &OfferedFolder| Content::Folder { head: one.head, files: one.files };
    let content = folder.as_ref().map_or(Content::File, known);
    offer_bytes(Manner::offering(*size, root, content))
}

struct Import<'a> {
    connection: &'a Connection,
    random: &'a mut dyn FnMut() -> u64,
    /// Our oldest line's time, and the row for the next line that is older.
    oldest: Option<i64>,
    older_row: i64,
    imported: Imported,
}

/// Rows that are kept free for lines older than those that are here: more than any file has.
const ROOM: i64 = 1 << 40;

impl<'a> Import<'a> {
    fn new(
        connection: &'a Connection,
        random: &'a mut dyn FnMut() -> u64,
    ) -> rusqlite::Result<Self> {
        let first: Option<(i64, i64)> = connection
            .prepare("SELECT id, coalesce(arrived_at, sent_at) FROM lines ORDER BY id LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let older_row = first.map_or(0, |(row, _)| row.saturating_sub(ROOM));
        let oldest = first.map(|(_, at)| at);
        Ok(Self { connection, random, oldest, older_row, imported: Imported::default() })
    }

    fn server(&mut self, server: &Server) -> rusqlite::Result<()> {
        let name = server.name.as_deref().and_then(|name| Name::new(name).ok());
        self.connection
            .prepare_cached(
                "INSERT INTO rendezvous (host, key, name, used_at, place)
                 VALUES (seal_equal('host', ?1), seal_equal('key', ?2), seal_equal('name', ?3), ?4, ?5)
                 ON CONFLICT (host) DO NOTHING",
            )?
            .execute(params![
                server.host,
                server.key.map(|key| key.0),
                name.as_ref().map(Name::as_str),
                number(server.used_at.0),
                server.place,
            ])?;
        Ok(())
    }

    fn person(&mut self, person: &Person) -> rusqlite::Result<()> {
        let row = self.contact(&person.peer)?;
        let known: Option<[u8; 32]> = self
            .connection
            .prepare_cached("SELECT unseal('key', key) FROM contacts WHERE id = ?1")?
            .query_row(params![row], |row| row.get(0))?;
        match (known, person.key) {
            (Some(known), Some(key)) if known != key.0 => self.imported.other_keys += 1,
            (None, Some(key)) => {
                self.connection
                    .prepare_cached(
                        "UPDATE contacts SET key = seal_equal('key', ?2), verified = ?3,
                             offered = seal_equal('key', ?4), since = ?5
                         WHERE id = ?1",
                    )?
                    .execute(params![
                        row,
                        key.0,
                        person.verified,
                        person.offered_key.map(|key| key.0),
                        number(person.since.0),
                    ])?;
            }
            _ => {}
        }
        self.regard(row, person)
    }

    /// How the person deals with a contact; what is decided here stays. A nickname that somebody
    /// has here is left out.
    fn regard(&mut self, row: i64, person: &Person) -> rusqlite::Result<()> {
        let nickname = person.nickname.as_deref().and_then(|text| Name::new(text).ok());
        self.connection
            .prepare_cached(
                "UPDATE contacts SET blocked = max(blocked, ?2), ignored = max(ignored, ?3),
                     nickname = coalesce(nickname, CASE WHEN seal_equal('name', ?4) IN
                         (SELECT nickname FROM contacts WHERE nickname NOT NULL
                          UNION SELECT name FROM contacts WHERE id <> ?1) THEN NULL
                         ELSE seal_equal('name', ?4) END)
                 WHERE id = ?1",
            )?
            .execute(params![
                row,
                person.blocked,
                person.ignored,
                nickname.as_ref().map(Name::as_str)
            ])?;
        Ok(())
    }

    /// The row of a contact, which is made if there is none, with a log that nobody has seen.
    fn contact(&mut self, address: &Address) -> rusqlite::Result<i64> {
        let log = (self.random)();
        let made = self
            .connection
            .prepare_cached(
                "INSERT INTO contacts (name, host, verified, log, last_seq, since)
                 VALUES (seal_equal('name', ?1), seal_equal('host', ?2), 0, ?3, 0, 0)
                 ON CONFLICT (name, host) DO NOTHING",
            )?
            .execute(params![address.marked_name(), address.host, log_number(log)])?;
        self.imported.contacts += made as u64;
        contact_row(self.connection, address)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    fn received(&mut self, received: &Received) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO cursors (peer, log, seq, line, used)
                 VALUES (seal_equal('key', ?1), ?2, ?3, ?4, ?5)
                 ON CONFLICT (peer, log) DO NOTHING",
            )?
            .execute(params![
                received.key.0,
                log_number(received.log),
                number(received.seq),
                received.id.0,
                number(received.used_at.0),
            ])?;
        Ok(())
    }

    fn said(&mut self, said: &Said) -> rusqlite::Result<()> {
        let contact = self.contact(&said.with)?;
        let incoming = said.direction == Way::In;
        let known: bool = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM lines
                     WHERE contact = ?1 AND incoming = ?2 AND line = ?3)",
            )?
            .query_row(params![contact, incoming, said.id.0], |row| row.get(0))?;
        if known {
            self.imported.known += 1;
            return Ok(());
        }
        let row = self.row(said);
        let about: Option<i64> = match said.about {
            None => None,
            Some(about) => self
                .connection
                .prepare_cached(
                    "SELECT id FROM lines WHERE contact = ?1 AND incoming IN (0, 1) AND line = ?2
                         AND amends = 0 ORDER BY incoming LIMIT 1",
                )?
                .query_row(params![contact, about.0], |row| row.get(0))
                .optional()?,
        };
        let seq = if incoming { said.seq.unwrap_or(0) } else { self.next_seq(contact, said)? };
        self.connection
            .prepare_cached(
                "INSERT INTO lines (id, contact, incoming, seq, line, peer, log, sent_at,
                     arrived_at, audience, text, reference, done, manner, target, about, amends,
                     edited_at, deleted_at, read_at, author, offer, withdrawn)
                 VALUES (?1, ?2, ?3, ?4, ?5, seal_equal('key', ?6), ?7, ?8, ?9, ?10,
                     seal('line', ?2, ?3, ?5, ?11), seal('reference', ?2, ?3, ?5, ?12), ?13, ?14,
                     ?15, ?16, ?17, ?18, ?19, ?20, seal('author', ?2, ?3, ?5, ?21),
                     seal('offer', ?2, ?3, ?5, ?22), ?23)",
            )?
            .execute(params![
                row,
                contact,
                incoming,
                number(seq),
                said.id.0,
                said.key.map(|key| key.0),
                said.log.map(log_number),
                number(said.sent_at.0),
                said.arrived_at.map(|at| number(at.0)),
                said.everyone,
                if said.withdrawn.is_none() { &said.text } else { "" },
                said.reference,
                said.done,
                said.manner,
                said.about.map(|about| about.0),
                about,
                (3..OFFER).contains(&said.manner),
                said.edited_at.map(|at| number(at.0)),
                said.deleted_at.map(|at| number(at.0)),
                said.read_at.map(|at| number(at.0)),
                said.from.as_ref().filter(|_| incoming).map(ToString::to_string),
                offer(said),
                said.withdrawn,
            ])?;
        let row = self.connection.last_insert_rowid();
        for reaction in &said.reactions {
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO reactions (line, incoming, author, text)
                     VALUES (?1, ?2, seal('reaction-author', ?1, ?2, ?3), seal('reaction', ?1, ?2, ?4))",
                )?
                .execute(params![
                    row,
                    reaction.by == Way::In,
                    reaction.from.as_ref().map(ToString::to_string),
                    reaction.text
                ])?;
        }
        self.imported.lines += 1;
        Ok(())
    }

    /// The row of a line that is older than all that were here; SQLite chooses for the others.
    fn row(&mut self, said: &Said) -> Option<i64> {
        let at = number(said.arrived_at.unwrap_or(said.sent_at).0);
        if self.oldest.is_none_or(|oldest| at >= oldest) {
            return None;
        }
        self.older_row += 1;
        Some(self.older_row - 1)
    }

    /// The number of a line of ours: of one that is delivered none that was ever given out.
    fn next_seq(&mut self, contact: i64, said: &Said) -> rusqlite::Result<u64> {
        if said.done {
            return Ok(0);
        }
        self.imported.undelivered += 1;
        self.connection
            .prepare_cached(
                "UPDATE contacts SET last_seq = last_seq + 1 WHERE id = ?1 RETURNING last_seq",
            )?
            .query_row(params![contact], |row| row.get(0))
            .map(i64::cast_unsigned)
    }
}
