//! What was said, as a file: text and Markdown for people, JSON for programs and for
//! [`import`](super::import).
//!
//! Lines are read one by one and written as they are read, so that an export takes no more memory
//! of a million than of ten. What others wrote is cleaned in the forms that people look at, and
//! comes as it is in JSON, where nothing of it can move a cursor.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use p2pchat_wire::identity::PeerId;
use rusqlite::{Connection, Row};

use super::cells::{author, reactions, said, subject};
use super::portable::{
    Header, Item, Offered, OfferedFolder, Person, Reaction, Received, Said, Server, VERSION, Way,
};
use super::{markdown, rows};
use crate::chat::files::disk::{Content, Hash};
use crate::chat::room::Standing;
use crate::chat::storage::{Direction, HistoryLine};
use crate::chat::{Address, Format, LineId, Manner, Timestamp, clean};

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes the lines with everybody, or with those named. How many lines these are.
pub(super) fn export(
    connection: &Connection,
    key: PeerId,
    format: Format,
    with: Option<&[Address]>,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    // One view of the profile, although another process may be writing to it.
    let view = connection.unchecked_transaction()?;
    let wanted = |address: &Address| with.is_none_or(|with| with.contains(address));
    let lines = match format {
        Format::Json => {
            write_item(out, &Item::Header(Header { version: VERSION, key }))?;
            write_circumstances(&view, &wanted, with.is_none(), out)?;
            let mut statement = view.prepare(LINES)?;
            let mut rows = statement.query([])?;
            let mut lines = 0;
            while let Some(row) = rows.next()? {
                if wanted(&rows::address(row)?) {
                    write_item(out, &Item::Line(Box::new(said(row)?)))?;
                    lines += 1;
                }
            }
            lines
        }
        Format::Text | Format::Markdown => {
            let mut transcript = Transcript { format, zone, day: String::new() };
            let mut statement = view.prepare(rows::TRANSCRIPT)?;
            let mut rows = statement.query([])?;
            let mut lines = 0;
            while let Some(row) = rows.next()? {
                if wanted(&rows::address(row)?) {
                    out.write_all(transcript.line(&rows::history(row)?).as_bytes())?;
                    lines += 1;
                }
            }
            lines
        }
    };
    out.flush()?;
    Ok(lines)
}

/// Every line, as [`said()`] reads it, the oldest first.
const LINES: &str = concat!(
    "
    SELECT unseal('name', name), unseal('host', host), l.line, l.incoming, ",
    said!("l"),
    ", l.manner, ",
    subject!("l"),
    ", l.sent_at, l.arrived_at, l.edited_at, l.deleted_at, l.read_at, l.audience,
        unseal('reference', l.contact, l.incoming, l.line, l.reference), l.done,
        unseal('key', l.peer), l.log, l.seq,
 ",
    reactions!("l"),
    ", ",
    author!("l"),
    ", l.withdrawn FROM lines AS l JOIN contacts ON contacts.id = l.contact ORDER BY l.id"
);

fn said(row: &Row<'_>) -> rusqlite::Result<Said> {
    let incoming: bool = row.get(3)?;
    let way = |by| if by == Direction::In { Way::In } else { Way::Out };
    let reactions = rows::reactions(row, 18)?.into_iter();
    let manner = rows::manner(row, 5)?;
    let file = manner.offer().map(|(size, root, content)| {
        let folder = match content {
            Content::File => None,
            Content::Folder { head, files } => Some(OfferedFolder { head, files }),
        };
        Offered { size, root: Hash(root).to_string(), folder }
    });
    Ok(Said {
        with: rows::address(row)?,
        from: rows::author(row, 19)?,
        id: LineId(row.get(2)?),
        direction: if incoming { Way::In } else { Way::Out },
        text: row.get(4)?,
        manner: row.get(5)?,
        about: manner.target(),
        file,
        sent_at: rows::time(row, 7)?,
        arrived_at: rows::optional_time(row, 8)?,
        edited_at: rows::optional_time(row, 9)?,
        deleted_at: rows::optional_time(row, 10)?,
        read_at: rows::optional_time(row, 11)?,
        everyone: row.get(12)?,
        reference: row.get(13)?,
        withdrawn: row.get(20)?,
        reactions: reactions
            .map(|one| Reaction { by: way(one.by), from: one.author, text: one.text })
            .collect(),
        done: row.get(14)?,
        key: rows::key(row, 15)?,
        log: row.get::<_, Option<i64>>(16)?.map(i64::cast_unsigned),
        seq: if incoming { Some(rows::unsigned(row, 17)?) } else { None },
    })
}

/// The servers, the contacts, and how far their logs were received.
fn write_circumstances(
    connection: &Connection,
    wanted: &dyn Fn(&Address) -> bool,
    all: bool,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let mut statement = connection.prepare(rows::RENDEZVOUS)?;
    for server in statement.query_map([], rows::rendezvous)? {
        let server = server?;
        let name = server.name.map(|name| name.to_string());
        let (host, key) = (server.host, server.key);
        let (used_at, place) = (server.used_at, server.place);
        write_item(out, &Item::Rendezvous(Server { host, key, name, used_at, place }))?;
    }
    let mut keys = Vec::new();
    let mut statement = connection.prepare(rows::CONTACTS)?;
    for contact in statement.query_map([], rows::contact)? {
        let contact = contact?;
        if wanted(&contact.address) {
            keys.extend(contact.key);
            let (peer, key, verified) = (contact.address, contact.key, contact.verified);
            let (offered_key, since) = (contact.offered, contact.since);
            let (blocked, ignored) = (contact.regard.blocked, contact.regard.ignored);
            let nickname = contact.regard.nickname.map(|name| name.to_string());
            write_item(
                out,
                &Item::Contact(Person {
                    peer,
                    key,
                    verified,
                    offered_key,
                    since,
                    nickname,
                    blocked,
                    ignored,
                }),
            )?;
        }
    }
    let mut statement = connection
        .prepare("SELECT unseal('key', peer), log, seq, line, used FROM cursors ORDER BY used")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let cursor = rows::cursor(row)?;
        if all || keys.contains(&cursor.peer) {
            let (key, log, seq, id) = (cursor.peer, cursor.log, cursor.seq, cursor.id);
            let used_at = rows::time(row, 4)?;
            write_item(out, &Item::Cursor(Received { key, log, seq, id, used_at }))?;
        }
    }
    Ok(())
}

fn write_item(out: &mut dyn Write, item: &Item) -> io::Result<()> {
    writeln!(out, "{}", item.write().map_err(io::Error::other)?)
}

/// Lines as people read them, under a heading for each day.
struct Transcript<'a> {
    format: Format,
    zone: &'a TimeZone,
    day: String,
}

impl Transcript<'_> {
    fn line(&mut self, line: &HistoryLine) -> String {
        let at = self.moment(line.sent_at);
        let mut written = String::new();
        if at.day != self.day {
            let gap = if self.day.is_empty() { "" } else { "\n" };
            let mark = if self.format == Format::Markdown { "## " } else { "" };
            written = format!("{gap}{mark}{}\n\n", at.day);
            self.day = at.day;
        }
        let who = match line.direction {
            Direction::In => match &line.author {
                Some(author) => format!("{author} > {}", line.with),
                None => line.with.to_string(),
            },
            Direction::Out => format!("me > {}", line.with),
        };
        let who = self.inert(&who);
        let said = self.inert(&what(line));
        written += &match self.format {
            Format::Markdown => {
                format!("- {} **{who}** {}\n", at.time, said.replace('\n', "  \n  "))
            }
            _ => format!("{}  {who}  {}\n", at.time, said.replace('\n', "\n    ")),
        };
        written
    }

    fn moment(&self, at: Timestamp) -> Moment {
        let milliseconds = i64::try_from(at.0).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX);
        let at = self.zone.to_datetime(at);
        Moment { day: at.date().to_string(), time: at.strftime("%H:%M:%S").to_string() }
    }

    /// What a stranger wrote, so that it does nothing but be read.
    fn inert(&self, text: &str) -> String {
        let text = clean::text(text);
        match self.format {
            Format::Markdown => markdown::inert(&text),
            _ => text,
        }
    }
}

struct Moment {
    day: String,
    time: String,
}

/// What a line says, with what became of it.
fn what(line: &HistoryLine) -> String {
    if line.standing != Standing::Counts {
        return "(withdrawn)".to_owned();
    }
    let mut said = match (line.deleted, line.manner) {
        (true, _) => "(deleted)".to_owned(),
        (false, Manner::Action) => format!("* {}", line.text),
        (false, _) => line.text.clone(),
    };
    if let Some(quote) = &line.quote {
        let quoted = quote.text.as_deref().unwrap_or("(deleted)").replace('\n', " ");
        let whose = match (&quote.author, quote.by) {
            (Some(author), _) => format!("{}: ", author.name),
            (None, Direction::Out) if line.with.is_room => "me: ".to_owned(),
            (None, _) => String::new(),
        };
        said = format!("> {whose}{quoted}\n{said}");
    }
    if line.edited_at.is_some() && !line.deleted {
        said.push_str(" (edited)");
    }
    for reaction in &line.reactions {
        let by = match (reaction.by, &reaction.author) {
            (Direction::In, author) => author.as_ref().unwrap_or(&line.with).name.as_str(),
            (Direction::Out, _) => "me",
        };
        said.push_str(&format!("\n[{by}: {}]", reaction.text));
    }
    said
}
