//! Commands about people: what they are called here, whether they are who they say, and who is not to
//! be heard.
//!
//! `/nick NEW` is what people who know IRC type to be called otherwise themselves, so it is another
//! word for `/login`; what a contact is called here is settled by `/rename`.

use p2pchat_wire::identity::Name;

use super::super::inviting::{Accepting, Asking};
use super::super::people::{Limit, milliseconds, nickname};
use super::super::safety::{Answer, Wording};
use super::{Command, Context, Entry, entry, invitations, nothing_after, only_word, word};
use crate::chat::{Address, Problem};

/// What a person wants done about somebody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::chat) enum PeopleCommand {
    Rename {
        peer: Address,
        nickname: Option<Name>,
    },
    Limit {
        peer: Address,
        limit: Limit,
        on: bool,
    },
    /// For so long, or until it is taken back.
    Mute {
        peer: Address,
        milliseconds: Option<u64>,
    },
    /// Who is under this limit.
    Limited(Limit),
    Verify {
        peer: Address,
        answer: Answer,
    },
    Requests,
    Invite(Asking),
    Accept(Accepting),
    /// The one named, or the only one.
    Reject(Option<String>),
}

pub(super) const TABLE: &[Entry] = &[
    entry(
        "requests",
        &[],
        "",
        "show whom you do not know and who wants to talk to you",
        |rest, _| nothing_after(rest, Command::People(PeopleCommand::Requests)),
    ),
    entry(
        "invite",
        &[],
        "[new] [en|zh] [@HOST] | #ROOM NAME",
        "show a code to tell somebody, good once: afterwards you are sure of each other's keys; or let a contact into a room",
        invitations::invite,
    ),
    entry(
        "accept",
        &[],
        "[NAME|CODE [@HOST]|LINK|[N] [as PATH]]",
        "accept an invitation; or talk to NAME, or to the only one who wants to; or take the file N, or the last one",
        invitations::accept,
    ),
    entry("reject", &[], "[NAME]", "do not talk to NAME, who is not told", |rest, _| {
        requested(rest).map(|name| Ok(Command::People(PeopleCommand::Reject(name))))
    }),
    entry(
        "rename",
        &["alias"],
        "NAME [NICKNAME]",
        "call NAME otherwise on this computer; without NICKNAME, by its own name again",
        |rest, context| {
            let (name, rest) = word(rest)?;
            let typed = if rest.is_empty() { None } else { Some(only_word(rest)?) };
            let read = || {
                let (peer, nickname) = ((context.resolve)(name)?, typed.map(nickname).transpose()?);
                Ok(Command::People(PeopleCommand::Rename { peer, nickname }))
            };
            Some(read())
        },
    ),
    entry(
        "verify",
        &[],
        "NAME [yes|WORDS|en|zh]",
        "show twelve words that NAME sees too; yes, or the words of NAME: they are the same",
        |rest, context| {
            let (name, rest) = word(rest)?;
            let answer = match rest.trim().to_lowercase().as_str() {
                "" => Answer::Show(None),
                "en" => Answer::Show(Some(Wording::English)),
                "zh" => Answer::Show(Some(Wording::Chinese)),
                "yes" | "是" => Answer::Yes,
                _ => Answer::Typed(rest.to_owned()),
            };
            let verify = |peer| Command::People(PeopleCommand::Verify { peer, answer });
            Some((context.resolve)(name).map(verify))
        },
    ),
    entry(
        "block",
        &[],
        "[NAME]",
        "answer NAME no more, whatever it is called: for NAME we are not there; without NAME, the list",
        |rest, context| limit(rest, context, Limit::Blocked),
    ),
    entry("unblock", &[], "NAME", "answer NAME again", |rest, context| {
        unlimited(rest, context, Limit::Blocked)
    }),
    entry(
        "ignore",
        &[],
        "[NAME]",
        "keep what NAME says and do not show it; without NAME, the list",
        |rest, context| limit(rest, context, Limit::Ignored),
    ),
    entry("unignore", &[], "NAME", "show what NAME says again", |rest, context| {
        unlimited(rest, context, Limit::Ignored)
    }),
    entry(
        "mute",
        &[],
        "[NAME [TIME]]",
        "show what NAME says without calling you, for 30m, 2h, 3d or until /unmute; without NAME, the list",
        |rest, context| {
            let Some((name, time)) = word(rest) else {
                return Some(Ok(Command::People(PeopleCommand::Limited(Limit::Muted))));
            };
            let milliseconds =
                if time.is_empty() { None } else { Some(milliseconds(only_word(time)?)?) };
            let mute = |peer| Command::People(PeopleCommand::Mute { peer, milliseconds });
            Some((context.resolve)(name).map(mute))
        },
    ),
    entry("unmute", &[], "NAME", "call me when NAME writes", |rest, context| {
        unlimited(rest, context, Limit::Muted)
    }),
];

fn requested(rest: &str) -> Option<Option<String>> {
    if rest.is_empty() { Some(None) } else { only_word(rest).map(|word| Some(word.to_owned())) }
}

fn limit(rest: &str, context: &Context<'_>, limit: Limit) -> Option<Result<Command, Problem>> {
    if rest.is_empty() {
        return Some(Ok(Command::People(PeopleCommand::Limited(limit))));
    }
    let set = |peer| Command::People(PeopleCommand::Limit { peer, limit, on: true });
    Some((context.resolve)(only_word(rest)?).map(set))
}

fn unlimited(rest: &str, context: &Context<'_>, limit: Limit) -> Option<Result<Command, Problem>> {
    let set = |peer| Command::People(PeopleCommand::Limit { peer, limit, on: false });
    Some((context.resolve)(only_word(rest)?).map(set))
}
