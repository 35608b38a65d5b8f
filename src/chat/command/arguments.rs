//! What stands behind the word of a command.

use super::{Command, Context, HISTORY};
use crate::chat::address::{Address, LineId};
use crate::chat::errand::Format;
use crate::chat::problem::Problem;
use crate::chat::record::Manner;
use crate::chat::storage::{Direction, Pick};

/// As many lines as /history shows at most.
pub(super) const MAX_HISTORY: usize = 1000;

/// The first word, and what follows the space behind it.
pub(super) fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => Some((word, rest.trim_start())),
        None => (!text.is_empty()).then_some((text, "")),
    }
}

/// The one word that `text` is.
pub(super) fn only_word(text: &str) -> Option<&str> {
    word(text).and_then(|(word, rest)| rest.is_empty().then_some(word))
}

pub(super) fn nothing_after(rest: &str, command: Command) -> Option<Result<Command, Problem>> {
    rest.is_empty().then_some(Ok(command))
}

pub(super) fn optional_name(
    rest: &str,
    context: &Context<'_>,
) -> Option<Result<Option<Address>, Problem>> {
    if rest.is_empty() {
        return Some(Ok(None));
    }
    Some((context.resolve)(only_word(rest)?).map(Some))
}

/// Stands in a manner until the store has found the line that is picked.
pub(super) const UNPICKED: LineId = LineId([0; 16]);

pub(super) fn about(manner: Manner, pick: Option<Pick>, last: Direction, text: &str) -> Command {
    Command::About {
        manner,
        pick: pick.unwrap_or(Pick::Last(last)),
        text: text.trim_end().to_owned(),
    }
}

/// The greatest N that counts lines back; a greater number is text.
const MAX_BACK: u32 = 999;

/// Which line is meant, if it is said: a number that counts back from the newest line, or an id, as
/// `--json` and the history have it.
pub(super) fn pick(rest: &str) -> (Option<Pick>, &str) {
    let Some((first, text)) = word(rest) else { return (None, rest) };
    let number = first.parse().ok().filter(|back| (1..=MAX_BACK).contains(back)).map(Pick::Back);
    match number.or_else(|| LineId::parse(first).map(Pick::Id)) {
        Some(pick) => (Some(pick), text),
        None => (None, rest),
    }
}

/// `/history`, `/history 50`, `/history alice`, `/history alice 50`.
pub(super) fn history(rest: &str, context: &Context<'_>) -> Option<Result<Command, Problem>> {
    let number = |text: &str| text.parse::<usize>().ok().map(|limit| limit.clamp(1, MAX_HISTORY));
    let Some((first, second)) = word(rest) else {
        return Some(Ok(Command::History { with: None, limit: HISTORY }));
    };
    if let (Some(limit), "") = (number(first), second) {
        return Some(Ok(Command::History { with: None, limit }));
    }
    let limit = if second.is_empty() { HISTORY } else { number(only_word(second)?)? };
    Some((context.resolve)(first).map(|with| Command::History { with: Some(with), limit }))
}

/// `/export notes.md`, `/export json all that we said.txt`: the form, and the path, which may have
/// spaces in it.
pub(super) fn form_and_path(rest: &str) -> Option<(Format, &str)> {
    let rest = rest.trim_end();
    let (first, path) = word(rest)?;
    match Format::find(first) {
        Some(format) if !path.is_empty() => Some((format, path)),
        _ => Some((Format::of(rest), rest)),
    }
}

/// `/open`, `/open 2`: how many links back.
pub(super) fn link(rest: &str) -> Option<usize> {
    match rest {
        "" => Some(1),
        rest => only_word(rest)?.parse().ok().filter(|number| *number > 0),
    }
}
