//! Commands about rooms.

use super::{Command, Context, Entry, entry, only_word, word};
use crate::chat::room::Access;
use crate::chat::{Address, Problem, ROOM_MARK};

/// What a person wants done about a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::chat) enum RoomCommand {
    Join {
        room: Address,
        access: Access,
    },
    /// The one named, or the one that is open.
    Leave(Option<Address>),
}

pub(super) const TABLE: &[Entry] = &[
    entry(
        "join",
        &["j"],
        "#ROOM [invited]",
        "go into a room of the server; if there is none of that name, make one: for all, or for whom a member has invited",
        |rest, context| {
            let (name, rest) = word(rest)?;
            let access = match rest.trim() {
                "" | "open" => Access::Open,
                "invited" => Access::Invited,
                _ => return None,
            };
            Some(room(name, context).map(|room| Command::Room(RoomCommand::Join { room, access })))
        },
    ),
    entry("leave", &["part"], "[#ROOM]", "leave a room for good", |rest, context| {
        if rest.is_empty() {
            return Some(Ok(Command::Room(RoomCommand::Leave(None))));
        }
        let room = room(only_word(rest)?, context);
        Some(room.map(|room| Command::Room(RoomCommand::Leave(Some(room)))))
    }),
];

/// The room that is meant, with or without its mark.
fn room(typed: &str, context: &Context<'_>) -> Result<Address, Problem> {
    let bare = typed.trim_start_matches([ROOM_MARK, '＃']);
    (context.resolve)(&format!("{ROOM_MARK}{bare}"))
}
