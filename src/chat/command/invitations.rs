//! /invite and /accept.
//!
//! What stands behind /accept is one of four things, and it can be seen which: a link begins with
//! `p2pchat:`, which no name does; a file is a number, or the id of its line, and where it is to be put stands
//! behind `as`; a code is a number and two words of the lists; everything else is the name of somebody who
//! waits. Somebody whose name is such a code or such a number is called by name and host.
//!
//! What begins with `#` is a room, and never a person or a server; `@HOST` is a server.

use super::people::PeopleCommand;
use super::{Command, Context, files, rooms, word};
use crate::chat::invitation::{CodeWords, NotACode, SCHEME};
use crate::chat::inviting::{Accepting, Asking};
use crate::chat::safety::Wording;
use crate::chat::{Problem, ROOM_MARK};

pub(super) fn invite(rest: &str, context: &Context<'_>) -> Option<Result<Command, Problem>> {
    if rest.starts_with([ROOM_MARK, '＃']) {
        return rooms::invite(rest, context);
    }
    let (mut asking, mut rest) = (Asking::default(), rest);
    while let Some((next, after)) = word(rest) {
        match next.to_lowercase().as_str() {
            "en" => asking.wording = Some(Wording::English),
            "zh" => asking.wording = Some(Wording::Chinese),
            "new" | "重新" => asking.anew = true,
            _ => asking.host = Some(host(next)?.to_owned()),
        }
        rest = after;
    }
    Some(Ok(Command::People(PeopleCommand::Invite(asking))))
}

pub(super) fn accept(rest: &str, _: &Context<'_>) -> Option<Result<Command, Problem>> {
    let accept = |accepting| Some(Ok(Command::People(PeopleCommand::Accept(accepting))));
    let rest = rest.trim();
    if rest.is_empty() {
        return accept(Accepting::Request(None));
    }
    if rest.starts_with(SCHEME) {
        let read = rest.parse().map(Accepting::Link).map_err(|_| Problem::NoLink);
        return Some(read.map(|link| Command::People(PeopleCommand::Accept(link))));
    }
    if let Some(command) = files::accept(rest) {
        return Some(Ok(command));
    }
    let (code, at) = match rest.rsplit_once(char::is_whitespace) {
        Some((code, last)) if host(last).is_some() => (code, host(last).map(str::to_owned)),
        _ => (rest, None),
    };
    match CodeWords::read(code) {
        Ok((number, words)) if !code.contains(['@', '＠']) => {
            accept(Accepting::Code { number, words, host: at })
        }
        Err(why @ NotACode::Unknown(_)) if word(rest)?.0 != rest => {
            Some(Err(Problem::NotACode(why)))
        }
        _ if word(rest)?.0 == rest => accept(Accepting::Request(Some(rest.to_owned()))),
        _ => None,
    }
}

/// A server, as `@HOST`.
fn host(text: &str) -> Option<&str> {
    text.strip_prefix(['@', '＠']).filter(|host| !host.is_empty())
}
