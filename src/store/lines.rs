//! Lines on their way: the outbox, what has come, and what lines do to one another.
//!
//! An edit, a deletion and a reaction are rows of their own, as long as they have to be delivered or
//! shown; what they say is written into the line that they are about at once.

use p2pchat_wire::identity::PeerId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::cells::quote;
use super::database::{contact_row, failed};
use super::rooms;
use super::rows::{self, audience_number, log_number, manner_numbers, number, offer_bytes};
use crate::chat::storage::{
    DeliveredLine, Direction, FailureKind, MAX_LOAD_BYTES, MAX_READ, OutgoingLine, Pick, Quote,
    ReadUpTo, ReceivedLine, ShownLines, StoreReply, StoreRequest,
};
use crate::chat::{Address, LineId, Manner, Timestamp};

/// Logs of one key that are remembered.
const MAX_CURSORS: i64 = 16;

/// Lines of ours that their receiver has not seen, up to a number; the last of them first.
pub(super) const UNREAD_BY_THEM: &str = "
    SELECT seq, line, unseal('reference', contact, incoming, line, reference)
    FROM lines INDEXED BY lines_unread_by_them
    WHERE contact = ?1 AND incoming = 0 AND seq <= ?2 AND read_at IS NULL AND amends = 0
    ORDER BY seq DESC LIMIT ?3";

/// They have seen these.
pub(super) const READ_BY_THEM: &str = "
    UPDATE lines INDEXED BY lines_unread_by_them SET read_at = ?3
    WHERE contact = ?1 AND incoming = 0 AND seq <= ?2 AND read_at IS NULL AND amends = 0";

/// Lines of ours that are not delivered, up to a number.
pub(super) const UNDELIVERED: &str = "
    SELECT seq, line, unseal('reference', contact, incoming, line, reference)
    FROM lines INDEXED BY lines_undelivered
    WHERE contact = ?1 AND incoming = 0 AND done = 0 AND seq <= ?2 ORDER BY seq";

/// These are.
pub(super) const DELIVERED: &str = "
    UPDATE lines INDEXED BY lines_undelivered SET done = 1, arrived_at = ?3,
        text = CASE amends WHEN 0 THEN text ELSE '' END
    WHERE contact = ?1 AND incoming = 0 AND done = 0 AND seq <= ?2";

/// How many lines of theirs we have not seen, up to a row.
pub(super) const COUNT_UNREAD: &str = "
    SELECT count(*) FROM lines INDEXED BY lines_unread
    WHERE contact = ?1 AND incoming = 1 AND done = 0 AND amends = 0 AND id <= ?2";

/// We have seen these, and what amends others.
pub(super) const SEEN: &str = "
    UPDATE lines INDEXED BY lines_unseen
    SET done = 1, text = CASE amends WHEN 0 THEN text ELSE '' END
    WHERE contact = ?1 AND incoming = 1 AND done = 0 AND id <= ?2";

/// Edits of a line that is deleted, and that have not left yet.
pub(super) const TAKEN_BACK: &str = "
    UPDATE lines INDEXED BY lines_undelivered SET manner = 4, text = ''
    WHERE contact = ?1 AND incoming = 0 AND done = 0 AND manner = 3 AND target = ?2";

/// Who says something about a line.
pub(super) struct Sender {
    pub(super) by: Direction,
    /// In a room: who, if not we.
    pub(super) member: Option<(PeerId, Address)>,
}

impl Sender {
    pub(super) const US: Self = Self { by: Direction::Out, member: None };
}

/// A line that another is about.
struct Target {
    row: i64,
    id: LineId,
    quote: Quote,
}

impl Target {
    /// Of `lines AS l`.
    const COLUMNS: &str = concat!("id, line, ", quote!("l"));

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let Some(quote) = rows::quote(row, 2)? else {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        };
        Ok(Self { row: row.get(0)?, id: LineId(row.get(1)?), quote })
    }

    fn is_deleted(&self) -> bool {
        self.quote.text.is_none()
    }
}

pub(super) fn queue(connection: &Connection, line: &OutgoingLine) -> rusqlite::Result<StoreReply> {
    let Some(contact) = contact_row(connection, &line.to)? else {
        return failed(FailureKind::Other, "The line is to nobody that we know.");
    };
    insert(connection, contact, line, line.manner, None)?;
    Ok(StoreReply::Done)
}

pub(super) fn queue_about(
    connection: &Connection,
    line: &OutgoingLine,
    pick: Pick,
) -> rusqlite::Result<StoreReply> {
    let Some(contact) = contact_row(connection, &line.to)? else {
        return failed(FailureKind::Other, "The line is to nobody that we know.");
    };
    let changes = matches!(line.manner, Manner::Edit { .. } | Manner::Delete { .. });
    let target = match picked(connection, contact, pick, changes)? {
        Ok(target) => target,
        Err(failure) => return Ok(failure),
    };
    let manner = line.manner.about(target.id);
    insert(connection, contact, line, manner, Some(target.row))?;
    if let Manner::Delete { of } = manner {
        // What has not left yet of its text does not leave any more.
        connection.prepare_cached(TAKEN_BACK)?.execute(params![contact, of.0])?;
    }
    amend(connection, &target, manner, &Sender::US, &line.text, line.sent_at)?;
    Ok(StoreReply::About { id: target.id, quote: target.quote })
}

/// The line that another is to be about.
pub(super) fn found(
    connection: &Connection,
    with: &Address,
    pick: Pick,
    changes: bool,
) -> rusqlite::Result<StoreReply> {
    let Some(contact) = contact_row(connection, with)? else {
        return failed(FailureKind::NoSuchLine, "There is no such line.");
    };
    let about = |target: Target| StoreReply::About { id: target.id, quote: target.quote };
    Ok(picked(connection, contact, pick, changes)?.map_or_else(|failure| failure, about))
}

/// The line that is meant, if something can be said about it.
fn picked(
    connection: &Connection,
    contact: i64,
    pick: Pick,
    changes: bool,
) -> rusqlite::Result<Result<Target, StoreReply>> {
    let refused = |kind, cause| failed(kind, cause).map(Err);
    match find(connection, contact, pick)? {
        None => refused(FailureKind::NoSuchLine, "There is no such line."),
        Some(target) if changes && target.quote.by == Direction::In => {
            refused(FailureKind::NotOurs, "The line is somebody else's.")
        }
        Some(target) if target.is_deleted() => {
            refused(FailureKind::Deleted, "The line is deleted.")
        }
        Some(target) => Ok(Ok(target)),
    }
}

/// Whether a request may erase a text.
pub(super) fn erases(request: &StoreRequest) -> bool {
    let manner = match request {
        StoreRequest::QueueAbout { line, .. } => line.manner,
        StoreRequest::Receive(line) => line.manner,
        StoreRequest::Room(request) => return rooms::erases(request),
        _ => return false,
    };
    matches!(manner, Manner::Delete { .. } | Manner::Edit { .. })
}

fn insert(
    connection: &Connection,
    contact: i64,
    line: &OutgoingLine,
    manner: Manner,
    about: Option<i64>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE contacts SET last_seq = max(last_seq, ?2) WHERE id = ?1")?
        .execute(params![contact, number(line.seq)])?;
    let (kind, target) = manner_numbers(manner);
    connection
        .prepare_cached(
            "INSERT INTO lines (contact, incoming, seq, line, sent_at, audience, text, reference,
                 manner, target, about, amends, done, offer)
             VALUES (?1, 0, ?2, ?3, ?4, ?5, seal('line', ?1, 0, ?3, ?6),
                 seal('reference', ?1, 0, ?3, ?7), ?8, ?9, ?10, ?11, 0,
                 seal('offer', ?1, 0, ?3, ?12))",
        )?
        .execute(params![
            contact,
            number(line.seq),
            line.id.0,
            number(line.sent_at.0),
            audience_number(line.audience),
            line.text,
            line.reference,
            kind,
            target,
            about,
            manner.amends(),
            offer_bytes(manner),
        ])?;
    Ok(())
}

/// The line that is meant.
fn find(connection: &Connection, contact: i64, pick: Pick) -> rusqlite::Result<Option<Target>> {
    match pick {
        Pick::Id(id) => find_id(connection, contact, id, None),
        Pick::Back(back) => connection
            .prepare_cached(&format!(
                "SELECT {} FROM lines AS l WHERE contact = ?1 AND amends = 0
                 ORDER BY id DESC LIMIT 1 OFFSET ?2",
                Target::COLUMNS
            ))?
            .query_row(params![contact, i64::from(back) - 1], Target::read)
            .optional(),
        Pick::Last(direction) => connection
            .prepare_cached(&format!(
                "SELECT {} FROM lines AS l
                 WHERE contact = ?1 AND amends = 0 AND incoming = ?2 AND deleted_at IS NULL
                 ORDER BY id DESC LIMIT 1",
                Target::COLUMNS
            ))?
            .query_row(params![contact, direction == Direction::In], Target::read)
            .optional(),
    }
}

/// The line with this id; of those that a key has sent, if it says which. Both sides choose ids at
/// random; if they take mine on purpose, mine is meant.
fn find_id(
    connection: &Connection,
    contact: i64,
    id: LineId,
    sender: Option<PeerId>,
) -> rusqlite::Result<Option<Target>> {
    connection
        .prepare_cached(&format!(
            "SELECT {} FROM lines AS l WHERE contact = ?1 AND incoming IN (0, 1) AND line = ?2
                 AND amends = 0 AND (?3 IS NULL OR peer = seal_equal('key', ?3)) ORDER BY incoming LIMIT 1",
            Target::COLUMNS
        ))?
        .query_row(params![contact, id.0, sender.map(|key| key.0)], Target::read)
        .optional()
}

/// Does to a line what another says about it. Of a deleted line nothing can be
/// said any more.
fn amend(
    connection: &Connection,
    target: &Target,
    manner: Manner,
    sender: &Sender,
    text: &str,
    at: Timestamp,
) -> rusqlite::Result<()> {
    match manner {
        Manner::Text
        | Manner::Action
        | Manner::Reply { .. }
        | Manner::Offer { .. }
        | Manner::OfferFolder { .. } => {}
        _ if target.is_deleted() => {}
        Manner::Edit { .. } => {
            connection
                .prepare_cached(
                    "UPDATE lines SET text = seal('line', contact, incoming, line, ?2), edited_at = ?3
                     WHERE id = ?1",
                )?
                .execute(params![target.row, text, number(at.0)])?;
        }
        Manner::Delete { .. } => {
            connection
                .prepare_cached(
                    "UPDATE lines SET text = '', edited_at = NULL, deleted_at = ?2, owed = 0 WHERE id = ?1",
                )?
                .execute(params![target.row, number(at.0)])?;
            connection
                .prepare_cached("DELETE FROM reactions WHERE line = ?1")?
                .execute(params![target.row])?;
        }
        Manner::React { .. } => react(connection, target.row, sender, text)?,
    }
    Ok(())
}

/// Puts somebody's reaction to a line in place of what it was; an empty one is none.
pub(super) fn react(
    connection: &Connection,
    line: i64,
    sender: &Sender,
    text: &str,
) -> rusqlite::Result<()> {
    let incoming = sender.by == Direction::In;
    let (peer, author) = match &sender.member {
        Some((key, address)) => (Some(key.0), Some(address.to_string())),
        None => (None, None),
    };
    connection
        .prepare_cached(
            "DELETE FROM reactions
             WHERE line = ?1 AND incoming = ?2 AND peer IS seal_equal('key', ?3)",
        )?
        .execute(params![line, incoming, peer])?;
    if !text.is_empty() {
        connection
            .prepare_cached(
                "INSERT INTO reactions (line, incoming, peer, author, text)
                 VALUES (?1, ?2, seal_equal('key', ?3), seal('reaction-author', ?1, ?2, ?4),
                     seal('reaction', ?1, ?2, ?5))",
            )?
            .execute(params![line, incoming, peer, author, text])?;
    }
    Ok(())
}

pub(super) fn load(
    connection: &Connection,
    to: &Address,
    after: u64,
    limit: usize,
) -> rusqlite::Result<StoreReply> {
    let Some(contact) = contact_row(connection, to)? else {
        return Ok(StoreReply::Outbox(Vec::new()));
    };
    let mut statement = connection.prepare_cached(rows::OUTBOX)?;
    let mut found = statement.query(params![contact, number(after), number(limit as u64)])?;
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        let line = rows::outgoing(row, to)?;
        bytes += line.text.len();
        if !lines.is_empty() && bytes > MAX_LOAD_BYTES {
            break;
        }
        lines.push(line);
    }
    Ok(StoreReply::Outbox(lines))
}

/// Whether a line of ours has this number and this id.
fn is_ours(
    connection: &Connection,
    contact: Option<i64>,
    seq: u64,
    id: LineId,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM lines
                 WHERE contact = ?1 AND incoming = 0 AND seq = ?2 AND line = ?3)",
        )?
        .query_row(params![contact, number(seq), id.0], |row| row.get(0))
}

pub(super) fn read(
    connection: &Connection,
    to: &Address,
    seq: u64,
    id: LineId,
    at: Timestamp,
) -> rusqlite::Result<StoreReply> {
    let contact = contact_row(connection, to)?;
    if !is_ours(connection, contact, seq, id)? {
        return failed(FailureKind::NoSuchLine, "No line of ours has this number and id.");
    }
    let mut lines = connection
        .prepare_cached(UNREAD_BY_THEM)?
        .query_map(params![contact, number(seq), number(MAX_READ as u64)], rows::delivered)?
        .collect::<rusqlite::Result<Vec<DeliveredLine>>>()?;
    lines.reverse();
    connection.prepare_cached(READ_BY_THEM)?.execute(params![
        contact,
        number(seq),
        number(at.0)
    ])?;
    Ok(StoreReply::Read(lines))
}

pub(super) fn delivered(
    connection: &Connection,
    to: &Address,
    seq: u64,
    id: LineId,
    at: Timestamp,
) -> rusqlite::Result<StoreReply> {
    let contact = contact_row(connection, to)?;
    if !is_ours(connection, contact, seq, id)? {
        return failed(FailureKind::NoSuchLine, "No line of ours has this number and id.");
    }
    let lines = undelivered_up_to(connection, contact, number(seq))?;
    connection.prepare_cached(DELIVERED)?.execute(params![contact, number(seq), number(at.0)])?;
    Ok(StoreReply::Delivered(lines))
}

/// Our lines to a contact that wait, the oldest first.
pub(super) fn undelivered(
    connection: &Connection,
    contact: i64,
) -> rusqlite::Result<Vec<DeliveredLine>> {
    undelivered_up_to(connection, Some(contact), i64::MAX)
}

fn undelivered_up_to(
    connection: &Connection,
    contact: Option<i64>,
    seq: i64,
) -> rusqlite::Result<Vec<DeliveredLine>> {
    let mut statement = connection.prepare_cached(UNDELIVERED)?;
    statement.query_map(params![contact, seq], rows::delivered)?.collect()
}

pub(super) fn receive(
    connection: &Connection,
    line: &ReceivedLine,
) -> rusqlite::Result<StoreReply> {
    let Some(contact) = contact_row(connection, &line.from)? else {
        return failed(FailureKind::Other, "The line is from nobody that we know.");
    };
    let last: Option<i64> = connection
        .prepare_cached("SELECT seq FROM cursors WHERE peer = seal_equal('key', ?1) AND log = ?2")?
        .query_row(params![line.peer.0, log_number(line.log)], |row| row.get(0))
        .optional()?;
    let seq = number(line.seq);
    if last.is_some_and(|last| seq <= last) {
        return Ok(StoreReply::Received { new: false, quote: None });
    }
    if number(line.after) != last.unwrap_or(0) {
        return failed(FailureKind::Gap, "A line before this one is missing.");
    }
    let (new, quote) = take(connection, contact, line, Direction::In)?;
    connection
        .prepare_cached(
            "INSERT INTO cursors (peer, log, seq, line, used)
             VALUES (seal_equal('key', ?1), ?2, ?3, ?4, ?5)
             ON CONFLICT (peer, log) DO UPDATE SET
                 seq = excluded.seq, line = excluded.line, used = excluded.used",
        )?
        .execute(params![
            line.peer.0,
            log_number(line.log),
            seq,
            line.id.0,
            number(line.received_at.0),
        ])?;
    if last.is_none() {
        forget_old_cursors(connection, line)?;
    }
    Ok(StoreReply::Received { new, quote })
}

/// Keeps a line that continues what was received, and does what it says about another. Whether it
/// is new, and what the other was. In a room, it may be ours.
pub(super) fn take(
    connection: &Connection,
    contact: i64,
    line: &ReceivedLine,
    by: Direction,
) -> rusqlite::Result<(bool, Option<Quote>)> {
    if line.manner == (Manner::Delete { of: line.id }) {
        // Deleted before it came: it has a place, and nothing to show.
        let gone = ReceivedLine { manner: Manner::Text, ..line.clone() };
        let new = insert_received(connection, contact, &gone, None, by)?;
        if new {
            connection
                .prepare_cached(
                    "UPDATE lines SET deleted_at = sent_at, done = 1, owed = 0
                     WHERE id = last_insert_rowid()",
                )?
                .execute([])?;
        }
        return Ok((new, None));
    }
    let target = match line.manner {
        Manner::Text | Manner::Action | Manner::Offer { .. } | Manner::OfferFolder { .. } => None,
        Manner::Reply { to } | Manner::React { to } => find_id(connection, contact, to, None)?,
        Manner::Edit { of } | Manner::Delete { of } => {
            find_id(connection, contact, of, Some(line.peer))?
        }
    };
    let new = insert_received(connection, contact, line, target.as_ref(), by)?;
    if let Some(target) = target.as_ref().filter(|_| new) {
        let member = line.author.clone().map(|author| (line.peer, author));
        let sender = Sender { by, member };
        amend(connection, target, line.manner, &sender, &line.text, line.sent_at)?;
    }
    Ok((new, target.map(|target| target.quote)))
}

/// Whether it is new. An edit whose line is here keeps its text there.
fn insert_received(
    connection: &Connection,
    contact: i64,
    line: &ReceivedLine,
    target: Option<&Target>,
    by: Direction,
) -> rusqlite::Result<bool> {
    let elsewhere = target.is_some() && matches!(line.manner, Manner::Edit { .. });
    // There is nothing any more that it could be shown on.
    let hidden = line.manner.amends() && target.is_some_and(Target::is_deleted);
    let incoming = by == Direction::In;
    let (kind, target_id) = manner_numbers(line.manner);
    let new = connection
        .prepare_cached(
            "INSERT INTO lines (contact, incoming, seq, line, peer, log, sent_at, arrived_at,
                 audience, text, manner, target, about, amends, done, author, owed, offer)
             VALUES (?1, ?15, ?2, ?3, seal_equal('key', ?4), ?5, ?6, ?7, ?8,
                 seal('line', ?1, ?15, ?3, ?9), ?10, ?11, ?12, ?13, ?14,
                 seal('author', ?1, ?15, ?3, ?16),
                 ?15 AND NOT ?13 AND EXISTS (SELECT 1 FROM receiving),
                 seal('offer', ?1, ?15, ?3, ?17))
             ON CONFLICT (contact, incoming, line) DO NOTHING",
        )?
        .execute(params![
            contact,
            number(line.seq),
            line.id.0,
            line.peer.0,
            log_number(line.log),
            number(line.sent_at.0),
            incoming.then_some(number(line.received_at.0)),
            audience_number(line.audience),
            if elsewhere { "" } else { &line.text },
            kind,
            target_id,
            target.map(|target| target.row),
            line.manner.amends(),
            hidden || !incoming,
            incoming,
            line.author.as_ref().map(ToString::to_string),
            offer_bytes(line.manner),
        ])?;
    Ok(new > 0)
}

/// A peer that names a new log for each line would otherwise fill the table.
fn forget_old_cursors(connection: &Connection, line: &ReceivedLine) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM cursors WHERE peer = seal_equal('key', ?1) AND log <> ?2 AND log NOT IN
                 (SELECT log FROM cursors WHERE peer = seal_equal('key', ?1) AND log <> ?2
                  ORDER BY used DESC LIMIT ?3)",
        )?
        .execute(params![line.peer.0, log_number(line.log), MAX_CURSORS - 1])?;
    Ok(())
}

pub(super) fn shown(
    connection: &Connection,
    lines: &[(Address, LineId)],
) -> rusqlite::Result<StoreReply> {
    let mut seen = Vec::new();
    for (from, id) in lines {
        let contact = contact_row(connection, from)?;
        let found = connection
            .prepare_cached(
                "SELECT id, unseal('key', peer), log, seq FROM lines
                 WHERE contact = ?1 AND incoming = 1 AND line = ?2",
            )?
            .query_row(params![contact, id.0], |row| {
                let (peer, log) = (PeerId(row.get(1)?), row.get::<_, i64>(2)?.cast_unsigned());
                let seq = row.get::<_, i64>(3)?.cast_unsigned();
                Ok((row.get::<_, i64>(0)?, ReadUpTo { peer, log, seq, id: *id }))
            })
            .optional()?;
        let Some((row, last)) = found else { continue };
        let count = connection
            .prepare_cached(COUNT_UNREAD)?
            .query_row(params![contact, row], |row| row.get::<_, i64>(0))?
            .cast_unsigned();
        connection.prepare_cached(SEEN)?.execute(params![contact, row])?;
        if count > 0 {
            seen.push(ShownLines { from: from.clone(), count, last });
        }
    }
    Ok(StoreReply::Shown(seen))
}
