//! Commands about files.

use super::super::files::{FileCommand, FileRule, Which};
use super::{Command, Entry, entry, only_word, word};

pub(super) const TABLE: &[Entry] = &[
    entry(
        "send",
        &[],
        "PATH",
        "offer the file or folder PATH; it goes as soon as the other side accepts it",
        |rest, _| {
            let path = rest.trim_end().to_owned();
            (!path.is_empty()).then_some(Ok(Command::File(FileCommand::Send { path })))
        },
    ),
    entry(
        "cancel",
        &[],
        "[N]",
        "take back the file N, or decline it; without N, the last one of this conversation",
        |rest, _| {
            let which = match rest.trim() {
                "" => None,
                typed => Some(Which::read(only_word(typed)?)?),
            };
            Some(Ok(Command::File(FileCommand::Cancel(which))))
        },
    ),
    entry(
        "files",
        &[],
        "[NAME ask|never|always [SIZE]]",
        "show the files that are offered, and how far they are; or decide what becomes of those of NAME: always 100MB accepts up to so much",
        |rest, context| {
            let Some((name, rest)) = word(rest) else {
                return Some(Ok(Command::File(FileCommand::List)));
            };
            let (decision, size) = word(rest)?;
            let size = (!size.trim().is_empty()).then_some(size.trim());
            let rule = FileRule::read(&decision.to_lowercase(), size)?;
            let decide = |peer| Command::File(FileCommand::Rule { peer, rule });
            Some((context.resolve)(name).map(decide))
        },
    ),
];

/// `3`, `3 as PATH`, `as PATH`; an id in place of the number.
pub(super) fn accept(rest: &str) -> Option<Command> {
    let (first, after) = word(rest)?;
    let (which, after) = match Which::read(first) {
        Some(which) => (Some(which), after),
        None => (None, rest),
    };
    let path = match word(after) {
        None => None,
        Some(("as", path)) if !path.trim().is_empty() => Some(path.trim_end().to_owned()),
        Some(_) => return None,
    };
    (which.is_some() || path.is_some())
        .then_some(Command::File(FileCommand::Accept { which, path }))
}
