//! Commands about rooms.

use super::{Command, Context, Entry, entry, nothing_after, only_word, word};
use crate::chat::room::Access;
use crate::chat::{Address, Problem, ROOM_MARK};

/// What a person wants done about a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::chat) enum RoomCommand {
    Join {
        room: Address,
        access: Access,
        /// How many of the last lines of each member newcomers are given, if we make the room.
        keep: Option<u16>,
    },
    /// The one named, or the one that is open.
    Leave(Option<Address>),
    /// What the one named, or the one that is open, is about.
    Topic {
        room: Option<Address>,
        /// What it is to be; `None` asks what it is.
        text: Option<String>,
    },
    /// Somebody who is in the room, or was.
    Kick {
        room: Option<Address>,
        name: String,
    },
    /// A contact.
    Invite {
        room: Address,
        who: Address,
    },
    Rooms,
    /// Who is in the room that is named, or open.
    Members(Option<Address>),
    /// Who has our last line (1), or the one with this number counted back.
    Info {
        room: Option<Address>,
        number: usize,
    },
}

/// As many of the last lines of each member as newcomers of a room can be given.
const MAX_KEEP: u16 = 1000;

pub(super) const TABLE: &[Entry] = &[
    entry(
        "join",
        &["j"],
        "#ROOM [invited] [keep N]",
        "go into a room of the server; if there is none of that name, make one: for all, or for whom a member has invited, where newcomers are given the last N lines of each (50; 1000 at most)",
        |rest, context| {
            let (name, rest) = word(rest)?;
            let (access, rest) = match word(rest) {
                Some(("open", rest)) => (Access::Open, rest),
                Some(("invited", rest)) => (Access::Invited, rest),
                _ => (Access::Open, rest),
            };
            let keep = match word(rest) {
                None => None,
                Some(("keep", number)) => {
                    let number: u16 = only_word(number)?.parse().ok()?;
                    Some(number).filter(|number| *number <= MAX_KEEP)?.into()
                }
                Some(_) => return None,
            };
            let join = |room| Command::Room(RoomCommand::Join { room, access, keep });
            Some(room(name, context).map(join))
        },
    ),
    entry("leave", &["part"], "[#ROOM]", "leave a room for good", |rest, context| {
        if rest.is_empty() {
            return Some(Ok(Command::Room(RoomCommand::Leave(None))));
        }
        let room = room(only_word(rest)?, context);
        Some(room.map(|room| Command::Room(RoomCommand::Leave(Some(room)))))
    }),
    entry("rooms", &[], "", "show the rooms that you are in", |rest, _| {
        nothing_after(rest, Command::Room(RoomCommand::Rooms))
    }),
    entry("members", &["names"], "[#ROOM]", "show who is in a room", |rest, context| {
        if rest.is_empty() {
            return Some(Ok(Command::Room(RoomCommand::Members(None))));
        }
        let room = room(only_word(rest)?, context);
        Some(room.map(|room| Command::Room(RoomCommand::Members(Some(room)))))
    }),
    entry(
        "topic",
        &[],
        "[#ROOM] [TEXT|-]",
        "say what the room is about, or with - that it is about nothing; without TEXT, show what it is about",
        |rest, context| {
            let (named, text) = named_room(rest);
            let text = Some(text.trim()).filter(|text| !text.is_empty());
            let text = text.map(|text| if text == "-" { String::new() } else { text.to_owned() });
            let room = named.map(|named| room(named, context)).transpose();
            Some(room.map(|room| Command::Room(RoomCommand::Topic { room, text })))
        },
    ),
    entry(
        "kick",
        &[],
        "[#ROOM] NAME",
        "remove NAME from a room of yours, until you invite NAME again",
        |rest, context| {
            let (first, more) = word(rest)?;
            let (named, name) = if more.is_empty() { (None, first) } else { (Some(first), more) };
            let name = only_word(name)?.to_owned();
            let room = named.map(|named| room(named, context)).transpose();
            Some(room.map(|room| Command::Room(RoomCommand::Kick { room, name })))
        },
    ),
    entry(
        "info",
        &[],
        "[#ROOM] [N]",
        "show who in the room has your last line, or the line N counted back from it (1)",
        |rest, context| {
            let (named, rest) = named_room(rest);
            let number = if rest.trim().is_empty() { 1 } else { only_word(rest)?.parse().ok()? };
            let room = named.map(|named| room(named, context)).transpose();
            let info = |room| Command::Room(RoomCommand::Info { room, number });
            (number > 0).then(|| room.map(info))
        },
    ),
];

/// What /invite means before the name of a room.
pub(super) fn invite(rest: &str, context: &Context<'_>) -> Option<Result<Command, Problem>> {
    let (named, who) = word(rest)?;
    let who = only_word(who)?;
    let read = || {
        let (room, who) = (room(named, context)?, (context.resolve)(who)?);
        Ok(Command::Room(RoomCommand::Invite { room, who }))
    };
    Some(read())
}

/// The room in the first word, if its mark stands before it, and what follows.
fn named_room(rest: &str) -> (Option<&str>, &str) {
    match word(rest) {
        Some((first, more)) if first.starts_with([ROOM_MARK, '＃']) => (Some(first), more),
        _ => (None, rest),
    }
}

/// The room that is meant, with or without its mark.
fn room(typed: &str, context: &Context<'_>) -> Result<Address, Problem> {
    let bare = typed.trim_start_matches([ROOM_MARK, '＃']);
    (context.resolve)(&format!("{ROOM_MARK}{bare}"))
}
