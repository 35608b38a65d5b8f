//! How rows of the database become values.
//!
//! What is read was written by us, unless somebody has edited the file: a value that breaks a rule
//! of its type is an error of the database, never a panic.

use std::net::IpAddr;
use std::time::Duration;

use p2pchat_wire::codec;
use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::{Name, PeerId};
use rusqlite::Row;
use rusqlite::types::{Type, ValueRef};

use super::cells::{author, quote, reactions, said, subject};
use super::files;
use super::lines::Sender;
use crate::chat::files::disk::Content;
use crate::chat::room::{End, Standing};
use crate::chat::storage::{
    Contact, Cursor, DeliveredLine, Direction, HistoryLine, OutgoingLine, OwnLine, Place, Progress,
    QUOTE, Quote, Reaction, ReceivedLine, Rendezvous, UnshownLine,
};
use crate::chat::{Address, Audience, LineId, LineState, Manner, ROOM_MARK, Regard, Timestamp};
use crate::proto::{AgeLimit, IdleLimit, Lesson};

/// No plan of ours is longer.
const MAX_PLAN: usize = 32;

/// The indexes are named because the planner would rather take one that leads through every line of a
/// contact: three seconds where there are a million.
pub(super) const CONTACTS: &str = "
    SELECT unseal('name', name), unseal('host', host), unseal('key', key), verified,
        unseal('key', offered), log, last_seq, since,
        (SELECT count(*) FROM lines INDEXED BY lines_undelivered
             WHERE contact = contacts.id AND incoming = 0 AND done = 0),
        (SELECT count(*) FROM lines INDEXED BY lines_unread
             WHERE contact = contacts.id AND incoming = 1 AND done = 0 AND amends = 0),
        unseal('name', nickname), blocked, ignored, muted_until, files_up_to
    FROM contacts ORDER BY contacts.id";

pub(super) const CURSORS: &str =
    "SELECT unseal('key', peer), log, seq, line FROM cursors ORDER BY used";

/// What was received and is in a state, as [`unshown`] reads it: all, or `$which`. What an edit says is in
/// the line that it edits. About a line that was deleted since, nothing is said but that.
macro_rules! unshown {
    ($state:literal, $which:literal) => {
        concat!(
            "SELECT unseal('name', name), unseal('host', host), unseal('key', l.peer), l.log, l.seq,
                 l.line, l.sent_at, l.arrived_at, l.audience,
                 CASE WHEN l.manner = 3 AND t.id IS NOT NULL THEN ",
            said!("t"),
            " ELSE ",
            said!("l"),
            " END, l.manner, ",
            subject!("l"),
            ", ",
            quote!("t"),
            ", l.id, ",
            author!("l"),
            "
             FROM lines AS l JOIN contacts ON contacts.id = l.contact
                 LEFT JOIN lines AS t ON t.id = l.about
             WHERE l.id > ?1 AND l.incoming = 1 AND ",
            $state,
            " AND l.deleted_at IS NULL AND l.withdrawn IS NULL
                 AND (l.manner NOT IN (3, 5) OR t.deleted_at IS NULL) ",
            $which,
            " ORDER BY l.id LIMIT ?2"
        )
    };
}

/// What was received and never shown.
pub(super) const UNSHOWN: &str = unshown!("l.done = 0", "");

/// Those of them that are about a line that is not here: no other line shows what they say.
pub(super) const STRAYS: &str = unshown!("l.done = 0", "AND l.amends = 1 AND l.about IS NULL");

/// What no script has received, as [`unshown`] reads it.
pub(super) const OWED: &str = unshown!("l.owed = 1", "");

pub(super) const RENDEZVOUS: &str = "
    SELECT unseal('host', host), unseal('key', key), unseal('token', token), unseal('name', name),
        used_at, place
    FROM rendezvous ORDER BY used_at DESC";

pub(super) const LESSONS: &str =
    "SELECT unseal('key', peer), unseal('network', external), plan FROM lessons ORDER BY id";

pub(super) const IDLE: &str =
    "SELECT unseal('network', external), seconds FROM idle_limits ORDER BY id";

pub(super) const AGES: &str =
    "SELECT unseal('network', external), seconds, learned_at FROM age_limits ORDER BY id";

pub(super) const SECRETS: &str =
    "SELECT unseal('key', peer), unseal('secret', secret) FROM secrets ORDER BY 1";

pub(super) const DRAFTS: &str = "
    SELECT unseal('name', name), unseal('host', host), unseal('draft', contact, text)
    FROM drafts JOIN contacts ON contacts.id = contact ORDER BY 1, 2";

pub(super) const SETTINGS: &str = "SELECT name, unseal('setting', name, value) FROM settings";

/// Who wrote a line.
pub(super) const SENDER: &str = concat!(
    "SELECT l.incoming, unseal('key', l.peer), ",
    author!("l"),
    " FROM lines AS l WHERE id = ?1"
);

/// Our last lines in a room.
pub(super) const SAID: &str = "
    SELECT line, log, seq, arrived_at NOT NULL FROM lines INDEXED BY lines_said
    WHERE contact = ?1 AND incoming = 0 AND amends = 0 AND log NOT NULL ORDER BY id DESC LIMIT ?2";

pub(super) const OUTBOX: &str = concat!(
    "
    SELECT seq, line, sent_at, audience, unseal('line', contact, incoming, line, text),
        unseal('reference', contact, incoming, line, reference), manner, ",
    subject!("l"),
    ", deleted_at FROM lines AS l
    WHERE contact = ?1 AND incoming = 0 AND done = 0 AND seq > ?2 ORDER BY seq LIMIT ?3"
);

/// Lines to be shown, as [`history`] reads them: `$which` of them, in what order.
macro_rules! lines_to_show {
    ($which:literal) => {
        concat!(
            "SELECT unseal('name', name), unseal('host', host), l.line, l.incoming, l.sent_at,
                 l.arrived_at, l.audience, ",
            said!("l"),
            ", l.manner, ",
            subject!("l"),
            ", ",
            quote!("t"),
            ", l.edited_at, l.deleted_at, l.read_at, l.done, l.id, ",
            reactions!("l"),
            ", ",
            author!("l"),
            ",
                 CASE WHEN l.incoming = 0 AND l.log NOT NULL THEN (
                     SELECT json_array(count(*) FILTER (WHERE last >= l.seq), count(*))
                     FROM room_receipts
                     WHERE room IN (SELECT id FROM rooms WHERE contact = l.contact)
                         AND stay = l.log AND first <= l.seq AND (last >= l.seq OR gone = 0)) END,
                 l.withdrawn, CASE WHEN l.incoming = 1 THEN unseal('key', l.peer) END
             FROM lines AS l JOIN contacts ON contacts.id = l.contact
                 LEFT JOIN lines AS t ON t.id = l.about
             WHERE l.amends = 0 AND ",
            $which
        )
    };
}

/// Of one contact, before a row, the newest first.
pub(super) const PAGE: &str =
    lines_to_show!("l.contact = ?1 AND l.id < ?2 ORDER BY l.id DESC LIMIT ?3");

/// Of all contacts, the newest first.
pub(super) const HISTORY: &str = lines_to_show!("l.id < ?1 ORDER BY l.id DESC LIMIT ?2");

/// Every one of them, the oldest first.
pub(super) const TRANSCRIPT: &str = lines_to_show!("1 ORDER BY l.id");

/// One.
pub(super) const LINE: &str = lines_to_show!("l.id = ?1");

pub(super) fn contact(row: &Row<'_>) -> rusqlite::Result<Contact> {
    let nickname: Option<String> = row.get(10)?;
    Ok(Contact {
        address: address(row)?,
        key: key(row, 2)?,
        verified: row.get(3)?,
        offered: key(row, 4)?,
        log: log(row, 5)?,
        last_seq: unsigned(row, 6)?,
        since: time(row, 7)?,
        is_new: false,
        waiting: unsigned(row, 8)?,
        unread: unsigned(row, 9)?,
        regard: Regard {
            nickname: nickname.map(|text| name(&text, 10)).transpose()?,
            blocked: row.get(11)?,
            ignored: row.get(12)?,
            muted_until: optional_time(row, 13)?,
            files: files::rule(row.get(14)?),
        },
    })
}

pub(super) fn cursor(row: &Row<'_>) -> rusqlite::Result<Cursor> {
    Ok(Cursor {
        peer: PeerId(row.get(0)?),
        log: log(row, 1)?,
        seq: unsigned(row, 2)?,
        id: LineId(row.get(3)?),
    })
}

pub(super) fn unshown(row: &Row<'_>) -> rusqlite::Result<UnshownLine> {
    let line = ReceivedLine {
        from: address(row)?,
        author: author(row, 19)?,
        peer: PeerId(row.get(2)?),
        log: log(row, 3)?,
        seq: unsigned(row, 4)?,
        after: 0,
        id: LineId(row.get(5)?),
        sent_at: time(row, 6)?,
        received_at: time(row, 7)?,
        audience: audience(row, 8)?,
        text: row.get(9)?,
        manner: manner(row, 10)?,
    };
    Ok(UnshownLine { place: Place(row.get(18)?), line, quote: quote(row, 12)? })
}

pub(super) fn draft(row: &Row<'_>) -> rusqlite::Result<(Address, String)> {
    Ok((address(row)?, row.get(2)?))
}

pub(super) fn setting(row: &Row<'_>) -> rusqlite::Result<(String, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

pub(super) fn rendezvous(row: &Row<'_>) -> rusqlite::Result<Rendezvous> {
    let claimed: Option<String> = row.get(3)?;
    Ok(Rendezvous {
        host: row.get(0)?,
        key: key(row, 1)?,
        token: row.get(2)?,
        name: claimed.map(|text| name(&text, 3)).transpose()?,
        used_at: time(row, 4)?,
        place: row.get(5)?,
    })
}

pub(super) fn lesson(row: &Row<'_>) -> rusqlite::Result<(PeerId, Lesson)> {
    let (external, plan): (_, Vec<u8>) = (ip(row, 1)?, row.get(2)?);
    let plan = codec::decode::<_, MAX_PLAN>(&plan).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, Type::Blob, Box::new(error))
    })?;
    Ok((PeerId(row.get(0)?), Lesson { external, plan }))
}

pub(super) fn idle(row: &Row<'_>) -> rusqlite::Result<IdleLimit> {
    Ok(IdleLimit { external: ip(row, 0)?, idle: Duration::from_secs(unsigned(row, 1)?) })
}

pub(super) fn age(row: &Row<'_>) -> rusqlite::Result<AgeLimit> {
    let (external, age) = (ip(row, 0)?, Duration::from_secs(unsigned(row, 1)?));
    Ok(AgeLimit { external, age, learned_at_ms: unsigned(row, 2)? })
}

pub(super) fn secret(row: &Row<'_>) -> rusqlite::Result<(PeerId, SharedSecret)> {
    Ok((PeerId(row.get(0)?), SharedSecret::new(row.get(1)?)))
}

fn ip(row: &Row<'_>, column: usize) -> rusqlite::Result<IpAddr> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// A line that was deleted before it was delivered says just that.
pub(super) fn outgoing(row: &Row<'_>, to: &Address) -> rusqlite::Result<OutgoingLine> {
    let id = LineId(row.get(1)?);
    let deleted: Option<i64> = row.get(8)?;
    Ok(OutgoingLine {
        to: to.clone(),
        seq: unsigned(row, 0)?,
        id,
        sent_at: time(row, 2)?,
        audience: audience(row, 3)?,
        text: row.get(4)?,
        reference: row.get(5)?,
        manner: if deleted.is_some() { Manner::Delete { of: id } } else { manner(row, 6)? },
    })
}

pub(super) fn sender(row: &Row<'_>) -> rusqlite::Result<Sender> {
    let (by, key, author) = (direction(row.get(0)?), key(row, 1)?, author(row, 2)?);
    Ok(Sender { by, member: key.zip(author) })
}

pub(super) fn own(row: &Row<'_>) -> rusqlite::Result<OwnLine> {
    let (id, stay) = (LineId(row.get(0)?), log(row, 1)?);
    Ok(OwnLine { id, stay, seq: unsigned(row, 2)?, delivered: row.get(3)? })
}

pub(super) fn delivered(row: &Row<'_>) -> rusqlite::Result<DeliveredLine> {
    Ok(DeliveredLine { seq: unsigned(row, 0)?, id: LineId(row.get(1)?), reference: row.get(2)? })
}

pub(super) fn history(row: &Row<'_>) -> rusqlite::Result<HistoryLine> {
    let (incoming, done): (bool, bool) = (row.get(3)?, row.get(19)?);
    let (deleted, read): (Option<i64>, Option<i64>) = (row.get(17)?, row.get(18)?);
    let standing = standing(row.get(24)?, 24)?;
    // Of what does not count, nothing is shown but that.
    let counts = standing == Standing::Counts;
    Ok(HistoryLine {
        with: address(row)?,
        author: author(row, 22)?,
        key: key(row, 25)?,
        id: LineId(row.get(2)?),
        direction: direction(incoming),
        sent_at: time(row, 4)?,
        arrived_at: optional_time(row, 5)?,
        audience: audience(row, 6)?,
        text: row.get(7)?,
        manner: manner(row, 8)?,
        quote: quote(row, 10)?,
        edited_at: optional_time(row, 16)?.filter(|_| counts),
        deleted: deleted.is_some(),
        standing,
        reactions: if counts { reactions(row, 21)? } else { Vec::new() },
        state: match (incoming, done, read) {
            (true, true, _) | (false, _, Some(_)) => LineState::Read,
            // Of a room's lines, that all have it is known only by when that was.
            (false, true, None) if row.get_ref(5)? == ValueRef::Null => LineState::Sent,
            (true, false, _) | (false, true, None) => LineState::Delivered,
            (false, false, None) => LineState::Queued,
        },
        namesake: false,
        progress: progress(row, 23)?,
        place: Place(row.get(20)?),
    })
}

/// The number of a standing; none if the line counts.
pub(super) fn standing_number(standing: Standing) -> Option<i64> {
    match standing {
        Standing::Counts => None,
        Standing::Withdrawn(End::Left) => Some(1),
        Standing::Withdrawn(End::Kicked) => Some(2),
        Standing::Withdrawn(End::TwoHistories) => Some(3),
        Standing::NotMember => Some(4),
    }
}

fn standing(number: Option<i64>, column: usize) -> rusqlite::Result<Standing> {
    Ok(match number {
        None => Standing::Counts,
        Some(1) => Standing::Withdrawn(End::Left),
        Some(2) => Standing::Withdrawn(End::Kicked),
        Some(3) => Standing::Withdrawn(End::TwoHistories),
        Some(4) => Standing::NotMember,
        Some(other) => return Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    })
}

/// Who has reacted and how, as [`reactions!`] reads it: ours first, then the others in their order.
pub(super) fn reactions(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<Reaction>> {
    let found: String = row.get(column)?;
    let broken =
        |error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error));
    let mut found: Vec<(bool, i64, Option<String>, String)> =
        serde_json::from_str::<Vec<(i64, i64, Option<String>, String)>>(&found)
            .map_err(broken)?
            .into_iter()
            .map(|(incoming, id, author, text)| (incoming != 0, id, author, text))
            .collect();
    found.sort_by_key(|(incoming, id, ..)| (*incoming, *id));
    let reaction = |(incoming, _, author, text): (_, _, Option<String>, _)| {
        let author = author.map(|author| written_address(&author, column)).transpose()?;
        Ok(Reaction { by: direction(incoming), author, text })
    };
    found.into_iter().map(reaction).collect()
}

/// How many have a line of ours in a room, if anybody was to have it.
fn progress(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Progress>> {
    let counts: Option<String> = row.get(column)?;
    let Some(counts) = counts else { return Ok(None) };
    let (have, of) = serde_json::from_str(&counts).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })?;
    Ok((of > 0).then_some(Progress { have, of }))
}

/// The line that another is about, in the columns of [`quote!`], from `column` on.
pub(super) fn quote(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Quote>> {
    let Some(incoming) = row.get(column)? else { return Ok(None) };
    // The beginning of an empty text, as that of a deleted line, is NULL: so `substr` has it of bytes.
    let text: Option<Vec<u8>> = row.get(column + 2)?;
    let (text, gone): (_, Option<i64>) = (text.unwrap_or_default(), row.get(column + 3)?);
    let (sent_at, author) = (time(row, column + 1)?, author(row, column + 4)?.map(Box::new));
    // What is cut in the middle of a character is no part of it.
    let text = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let text = gone.is_none().then(|| text.chars().take(QUOTE).collect());
    let (by, key) = (direction(incoming), key(row, column + 5)?.filter(|_| author.is_some()));
    let key = key.map(Box::new);
    Ok(Some(Quote { by, author, key, sent_at, text, is_hidden: false }))
}

fn direction(incoming: bool) -> Direction {
    if incoming { Direction::In } else { Direction::Out }
}

/// A count or a time as SQLite has it: it knows signed numbers only. No real one is that great.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The name of a log uses all 64 bits.
pub(super) fn log_number(log: u64) -> i64 {
    log.cast_signed()
}

pub(super) fn audience_number(audience: Audience) -> i64 {
    match audience {
        Audience::You => 0,
        Audience::Everyone => 1,
    }
}

/// The number of [`Manner::Offer`], and of [`Manner::OfferFolder`]: what they offer says which it is.
pub(super) const OFFER: i64 = 6;

/// The file or folder that a line offers, if it does, in one column: size and hash, and of a folder the bytes of its head
/// and how many files it has.
pub(super) fn offer_bytes(manner: Manner) -> Option<Vec<u8>> {
    let (size, root, content) = manner.offer()?;
    let mut bytes = [&size.to_be_bytes()[..], &root].concat();
    if let Content::Folder { head, files } = content {
        bytes.extend(head.to_be_bytes());
        bytes.extend(files.to_be_bytes());
    }
    Some(bytes)
}

/// What such a column says.
fn offer(bytes: &[u8]) -> Option<Manner> {
    let (size, rest) = bytes.split_first_chunk()?;
    let (root, rest) = rest.split_first_chunk()?;
    let content = match rest.split_first_chunk() {
        None if rest.is_empty() => Content::File,
        None => return None,
        Some((head, files)) => Content::Folder {
            head: u32::from_be_bytes(*head),
            files: u32::from_be_bytes(files.try_into().ok()?),
        },
    };
    Some(Manner::offering(u64::from_be_bytes(*size), *root, content))
}

/// The number of a manner, and whose line it is about.
pub(super) fn manner_numbers(manner: Manner) -> (i64, Option<[u8; 16]>) {
    let number = match manner {
        Manner::Text => 0,
        Manner::Action => 1,
        Manner::Reply { .. } => 2,
        Manner::Edit { .. } => 3,
        Manner::Delete { .. } => 4,
        Manner::React { .. } => 5,
        Manner::Offer { .. } | Manner::OfferFolder { .. } => OFFER,
    };
    (number, manner.target().map(|id| id.0))
}

/// A manner in two columns: its number, and the id of the line that it is about, or the file that it
/// offers.
pub(super) fn manner(row: &Row<'_>, column: usize) -> rusqlite::Result<Manner> {
    let number: i64 = row.get(column)?;
    let id = match number {
        0 => return Ok(Manner::Text),
        1 => return Ok(Manner::Action),
        OFFER => {
            let bytes: Vec<u8> = row.get(column + 1)?;
            let wrong = || rusqlite::Error::IntegralValueOutOfRange(column + 1, number);
            return offer(&bytes).ok_or_else(wrong);
        }
        _ => LineId(row.get(column + 1)?),
    };
    match number {
        2 => Ok(Manner::Reply { to: id }),
        3 => Ok(Manner::Edit { of: id }),
        4 => Ok(Manner::Delete { of: id }),
        5 => Ok(Manner::React { to: id }),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

pub(super) fn address(row: &Row<'_>) -> rusqlite::Result<Address> {
    let text: String = row.get(0)?;
    let host: String = row.get(1)?;
    Ok(match text.strip_prefix(ROOM_MARK) {
        Some(room) => Address::room(name(room, 0)?, &host),
        None => Address::new(name(&text, 0)?, &host),
    })
}

/// Who wrote a line in a room, written as an address.
pub(super) fn author(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Address>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| written_address(&text, column)).transpose()
}

fn written_address(text: &str, column: usize) -> rusqlite::Result<Address> {
    let (author, host) = text.split_once('@').unwrap_or((text, ""));
    Ok(Address::new(name(author, column)?, host))
}

fn name(text: &str, column: usize) -> rusqlite::Result<Name> {
    Name::new(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

pub(super) fn key(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<PeerId>> {
    let key: Option<[u8; 32]> = row.get(column)?;
    Ok(key.map(PeerId))
}

fn log(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp(unsigned(row, column)?).min(Timestamp::MAX))
}

pub(super) fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let time: Option<i64> = row.get(column)?;
    time.map(|_| self::time(row, column)).transpose()
}

fn audience(row: &Row<'_>, column: usize) -> rusqlite::Result<Audience> {
    match row.get::<_, i64>(column)? {
        0 => Ok(Audience::You),
        1 => Ok(Audience::Everyone),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}
