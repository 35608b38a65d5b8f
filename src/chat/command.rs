//! What can be typed: one table of commands, and the rules that tell a command from text.
//!
//! A line of line mode is, in this order:
//!
//! 1. text, if it begins with white space: the way to send what looks like a command;
//! 2. `//x`: the text `/x`; `/word …`: a command, and never text, even if there is no such command;
//! 3. `@alice text`, `alice||text` or `all||text`: a line to her, or to everybody connected. While
//!    a conversation is open the name must be one that we know, for `a||b` may be meant as text;
//! 4. one of the bare words of the classic exercise: `who`, `look`, `logout` and `exit` if they are
//!    the whole line, `login NAME` if it is just these two words, and `say TEXT` if a room is open, to
//!    all who are in it, or if nothing is: in an open conversation, "say what you like" is a sentence
//!    for one person;
//! 5. text for the conversation that is open.
//!
//! The marks `／ ＠ ｜｜` and the ideographic space, which Chinese and Japanese keyboards give, count
//! as `/ @ ||` and a space where a mark may stand. Inside text they stay what they are.

mod arguments;
mod files;
mod invitations;
mod people;
mod rooms;

use p2pchat_wire::identity::Name;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) use people::PeopleCommand;
pub(super) use rooms::RoomCommand;

use self::arguments::{
    UNPICKED, about, form_and_path, history, link, nothing_after, only_word, optional_name, pick,
    word,
};
use super::address::Address;
#[cfg(test)]
use super::address::ROOM_MARK;
use super::errand::Format;
use super::files::FileCommand;
use super::nearest;
use super::problem::Problem;
use super::record::Manner;
use super::settings::Decision;
use super::storage::{Direction, Pick};

/// One command, as /help shows it. Between two processes it travels as its word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CommandHelp {
    /// The word after the `/`.
    pub word: &'static str,
    /// Other words for it.
    pub also: &'static [&'static str],
    /// The arguments.
    pub usage: &'static str,
    /// What it does.
    pub help: &'static str,
}

impl Serialize for CommandHelp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word)
    }
}

impl<'de> Deserialize<'de> for CommandHelp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let found = all().find(|command| command.word == word);
        found.ok_or_else(|| D::Error::custom("no such command"))
    }
}

/// What a person wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Command {
    Open(Address),
    Message {
        to: Address,
        text: String,
    },
    /// In the conversation that is open.
    Say(String),
    Everyone(String),
    Action(String),
    /// Something about the line that is picked: the id in the manner is not known yet.
    About {
        manner: Manner,
        pick: Pick,
        text: String,
    },
    Who,
    Settings,
    Set(Decision),
    Export {
        format: Format,
        path: String,
    },
    /// The link with this number, counted back from the newest (1).
    OpenLink(usize),
    Login(Name),
    Logout,
    Path(Option<Address>),
    Contacts,
    History {
        with: Option<Address>,
        limit: usize,
    },
    Search(String),
    Trust {
        peer: Address,
        tag: String,
    },
    People(PeopleCommand),
    Room(RoomCommand),
    File(FileCommand),
    Identity,
    Help,
    Detach,
    Quit,
}

/// What a typed line means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Typed {
    Nothing,
    Text(String),
    Command(Command),
    Wrong(Problem),
}

/// What the meaning of a line depends on.
pub(super) struct Context<'a> {
    /// Whom a name means, with or without a host.
    pub(super) resolve: &'a dyn Fn(&str) -> Result<Address, Problem>,
    pub(super) conversation_open: bool,
    /// Whether it is a room.
    pub(super) room_open: bool,
    pub(super) is_known: &'a dyn Fn(&Address) -> bool,
}

/// How many lines /history shows if it is not told, and /search at most.
pub(super) const HISTORY: usize = 20;

struct Entry {
    help: CommandHelp,
    /// Makes the command of the text after the word; `None` if it does not fit the usage.
    read: fn(&str, &Context<'_>) -> Option<Result<Command, Problem>>,
}

/// Every command. /help, the nearest word for a mistyped one and the reader use this one table.
const TABLE: &[Entry] = &[
    entry(
        "msg",
        &["m"],
        "NAME [TEXT]",
        "write to NAME; without TEXT, talk to NAME from now on",
        |rest, context| {
            let (name, text) = word(rest)?;
            Some((context.resolve)(name).map(|to| match text {
                "" => Command::Open(to),
                text => Command::Message { to, text: text.to_owned() },
            }))
        },
    ),
    entry("connect", &["c"], "NAME", "talk to NAME from now on", |rest, context| {
        Some((context.resolve)(only_word(rest)?).map(Command::Open))
    }),
    entry("say", &["all"], "TEXT", "write to everybody who is connected", |rest, _| {
        (!rest.is_empty()).then(|| Ok(Command::Everyone(rest.to_owned())))
    }),
    entry("me", &[], "TEXT", "say what you do: /me waves", |rest, _| {
        (!rest.is_empty()).then(|| Ok(Command::Action(rest.to_owned())))
    }),
    entry(
        "reply",
        &["re"],
        "[N] TEXT",
        "answer the last line of the other side, or the line N counted back from the newest (1)",
        |rest, _| {
            let (manner, (pick, text)) = (Manner::Reply { to: UNPICKED }, pick(rest));
            (!text.is_empty()).then(|| Ok(about(manner, pick, Direction::In, text)))
        },
    ),
    entry(
        "edit",
        &["e"],
        "[N] TEXT",
        "put TEXT in place of our last line, or of the line N",
        |rest, _| {
            let (manner, (pick, text)) = (Manner::Edit { of: UNPICKED }, pick(rest));
            (!text.is_empty()).then(|| Ok(about(manner, pick, Direction::Out, text)))
        },
    ),
    entry("delete", &["del"], "[N]", "take our last line back, or the line N", |rest, _| {
        let (manner, (pick, text)) = (Manner::Delete { of: UNPICKED }, pick(rest));
        text.is_empty().then(|| Ok(about(manner, pick, Direction::Out, "")))
    }),
    entry(
        "react",
        &[],
        "[N] [EMOJI]",
        "react to the last line of the other side, or to the line N; without EMOJI, take it back",
        |rest, _| {
            let (manner, (pick, text)) = (Manner::React { to: UNPICKED }, pick(rest));
            Some(Ok(about(manner, pick, Direction::In, text)))
        },
    ),
    entry("who", &["w", "look"], "", "show who is here", |rest, _| {
        nothing_after(rest, Command::Who)
    }),
    entry("path", &["p"], "[NAME]", "show how we are connected", |rest, context| {
        optional_name(rest, context).map(|name| name.map(Command::Path))
    }),
    entry("history", &["h"], "[NAME] [N]", "show the last N lines", history),
    entry("search", &["find"], "TEXT", "find the last lines that say TEXT", |rest, _| {
        (!rest.is_empty()).then(|| Ok(Command::Search(rest.to_owned())))
    }),
    entry("contacts", &[], "", "show everybody we know, and their keys", |rest, _| {
        nothing_after(rest, Command::Contacts)
    }),
    entry(
        "trust",
        &[],
        "NAME KEY",
        "believe the changed key that begins so, after comparing it with NAME by voice",
        |rest, context| {
            let (name, tag) = word(rest)?;
            let tag = only_word(tag)?.trim_end_matches('…').to_owned();
            Some((context.resolve)(name).map(|peer| Command::Trust { peer, tag }))
        },
    ),
    entry(
        "export",
        &[],
        "[text|markdown|json] PATH",
        "write this conversation to the new file PATH, which only we can read",
        |rest, _| {
            let (format, path) = form_and_path(rest)?;
            Some(Ok(Command::Export { format, path: path.to_owned() }))
        },
    ),
    entry(
        "open",
        &["o"],
        "[N]",
        "open the last link of this conversation, or the link N counted back from the newest (1)",
        |rest, _| Some(Ok(Command::OpenLink(link(rest)?))),
    ),
    entry(
        "set",
        &[],
        "[read|typing|retention] [on|off|TIME]",
        "what others are told: which of their lines we have seen, when we type; and how long lines are kept: 90d, 12w, forever",
        |rest, _| {
            let Some((name, value)) = word(rest) else { return Some(Ok(Command::Settings)) };
            Some(Ok(Command::Set(Decision::read(name, only_word(value)?)?)))
        },
    ),
    entry("login", &["nick"], "NAME", "be reachable under NAME", |rest, _| {
        let typed = only_word(rest)?;
        let wrong = |why| Problem::BadName { typed: typed.to_owned(), why };
        Some(Name::new(typed).map(Command::Login).map_err(wrong))
    }),
    entry("logout", &[], "", "stop being reachable, and end all conversations", |rest, _| {
        nothing_after(rest, Command::Logout)
    }),
    entry("id", &[], "", "show our own name and key", |rest, _| {
        nothing_after(rest, Command::Identity)
    }),
    entry("help", &["?"], "", "show this list", |rest, _| nothing_after(rest, Command::Help)),
    entry(
        "detach",
        &[],
        "",
        "give the terminal back; the chat goes on in the background until p2pchat comes back to it",
        |rest, _| nothing_after(rest, Command::Detach),
    ),
    entry(
        "quit",
        &["q", "exit"],
        "",
        "leave; what is undelivered stays on this computer",
        |rest, _| nothing_after(rest, Command::Quit),
    ),
];

const fn entry(
    word: &'static str,
    also: &'static [&'static str],
    usage: &'static str,
    help: &'static str,
    read: fn(&str, &Context<'_>) -> Option<Result<Command, Problem>>,
) -> Entry {
    Entry { help: CommandHelp { word, also, usage, help }, read }
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    TABLE.iter().chain(files::TABLE).chain(people::TABLE).chain(rooms::TABLE)
}

/// Every command, in the order in which /help shows them.
pub fn all() -> impl Iterator<Item = CommandHelp> {
    entries().map(|entry| entry.help)
}

/// What a line of line mode means.
pub(super) fn read(line: &str, context: &Context<'_>) -> Typed {
    let line = line.trim_end_matches(['\n', '\r']);
    if line.chars().all(char::is_whitespace) {
        return Typed::Nothing;
    }
    // U+3000 is a space at a command position, but not the white space that marks text.
    let start = line.trim_start_matches('\u{3000}');
    if start.starts_with(char::is_whitespace) {
        return Typed::Text(line.to_owned());
    }
    if let Some(rest) = start.strip_prefix(['/', '／']) {
        if rest.starts_with(['/', '／']) {
            return Typed::Text(rest.to_owned());
        }
        return from(read_command(rest, context));
    }
    if let Some(addressed) = read_addressed(start, context) {
        return from(addressed);
    }
    if let Some(command) = read_bare_word(start.trim_end(), context) {
        return Typed::Command(command);
    }
    Typed::Text(line.to_owned())
}

/// What a program's command means: with or without the mark, but never text.
pub(super) fn read_only_command(line: &str, context: &Context<'_>) -> Typed {
    let line = line.trim();
    if line.is_empty() {
        return Typed::Wrong(Problem::NotACommand);
    }
    from(read_command(line.strip_prefix(['/', '／']).unwrap_or(line), context))
}

/// Whether a program's command is one, and its arguments make sense.
#[cfg(test)]
pub(crate) fn is_understood(line: &str) -> bool {
    let resolve = |typed: &str| {
        let (name, host) = name_and_host(typed.trim_start_matches(ROOM_MARK))?;
        Ok(Address::new(name, host.unwrap_or("host")))
    };
    let context = Context {
        resolve: &resolve,
        conversation_open: true,
        room_open: false,
        is_known: &|_| true,
    };
    matches!(read_only_command(line, &context), Typed::Command(_))
}

/// The parts of `alice` or `alice@host`.
pub(super) fn name_and_host(typed: &str) -> Result<(Name, Option<&str>), Problem> {
    let bare = typed.trim_start_matches(['@', '＠']);
    let (name, host) = match bare.split_once(['@', '＠']) {
        Some((name, host)) => (name, Some(host)),
        None => (bare, None),
    };
    let wrong = |why| Problem::BadName { typed: typed.to_owned(), why };
    Ok((Name::new(name).map_err(wrong)?, host))
}

fn from(result: Result<Command, Problem>) -> Typed {
    result.map_or_else(Typed::Wrong, Typed::Command)
}

fn read_command(line: &str, context: &Context<'_>) -> Result<Command, Problem> {
    let (typed, rest) = word(line).unwrap_or_default();
    let lower = typed.to_lowercase();
    let Some(entry) = entries()
        .find(|entry| entry.help.word == lower || entry.help.also.contains(&lower.as_str()))
    else {
        return Err(Problem::UnknownCommand {
            typed: typed.to_owned(),
            nearest: nearest_word(&lower).map(str::to_owned),
        });
    };
    (entry.read)(rest, context).unwrap_or(Err(Problem::Usage(entry.help)))
}

/// `@alice text`, `alice||text`, `all||text`; `None` if the line is nothing of the kind.
fn read_addressed(line: &str, context: &Context<'_>) -> Option<Result<Command, Problem>> {
    let (typed, text) = match line.strip_prefix(['@', '＠']) {
        Some(rest) => word(rest)?,
        None => {
            let (typed, text) = line.split_once("||").or_else(|| line.split_once("｜｜"))?;
            (typed.trim_end_matches([' ', '\u{3000}']), text.trim_start_matches([' ', '\u{3000}']))
        }
    };
    if typed == "all" && !text.is_empty() {
        return Some(Ok(Command::Everyone(text.to_owned())));
    }
    let to = match (context.resolve)(typed) {
        Ok(to) => to,
        // "if (a||b)" and "@ 5 pm" address nobody.
        Err(Problem::BadName { .. }) => return None,
        Err(problem) => return Some(Err(problem)),
    };
    if context.conversation_open && !(context.is_known)(&to) {
        return Some(Err(Problem::UnknownRecipient(to.name)));
    }
    Some(Ok(match text {
        "" => Command::Open(to),
        text => Command::Message { to, text: text.to_owned() },
    }))
}

fn read_bare_word(line: &str, context: &Context<'_>) -> Option<Command> {
    match line {
        "who" | "look" => return Some(Command::Who),
        "logout" => return Some(Command::Logout),
        "exit" => return Some(Command::Quit),
        _ => {}
    }
    match word(line)? {
        ("login", name) => Name::new(only_word(name)?).ok().map(Command::Login),
        ("say", text) if !text.is_empty() && context.room_open => {
            Some(Command::Say(text.to_owned()))
        }
        ("say", text) if !text.is_empty() && !context.conversation_open => {
            Some(Command::Everyone(text.to_owned()))
        }
        _ => None,
    }
}

/// The command that was probably meant: the word of one before another word for it.
fn nearest_word(typed: &str) -> Option<&'static str> {
    let words = all().map(|help| help.word).chain(all().flat_map(|help| help.also.iter().copied()));
    nearest(typed, words)
}

#[cfg(test)]
mod tests;
