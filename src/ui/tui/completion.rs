//! What Tab completes: a command, a name, or a path where a command takes one.
//!
//! [`wanted`] says what the word at the caret may become, from the usage in the table of commands.
//! Where the candidates come from is somebody else's: names are the chat's, paths the disk's. A
//! `Choice` is the candidates that there are, one of them in the text, the next one at the next
//! press.

use std::ops::Range;

use super::cells::Ambiguous;
use crate::chat::command;

/// Candidates that are offered; nobody goes through more with Tab.
const MAX_CANDIDATES: usize = 200;

/// What a word can be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A command, without its mark.
    Command,
    /// Somebody's name, without a mark before it.
    Name,
    /// A file or a folder; a folder ends in `/`.
    Path,
    /// One of these, with `|` between them. What is in capitals stands for something else.
    Word(&'static str),
}

/// A word that is to be completed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// To what.
    pub kind: Kind,
    /// What is typed of it.
    pub typed: String,
    /// Where that stands in the text: it ends at the caret.
    pub bytes: Range<usize>,
}

/// What could be completed in `text` with the caret at byte `caret`.
#[must_use]
pub fn wanted(text: &str, caret: usize) -> Option<Wanted> {
    let before = &text[..caret];
    let make = |kind, start: usize| {
        let typed = before[start..].to_owned();
        Some(Wanted { kind, typed, bytes: start..caret })
    };
    let word = before.rfind(char::is_whitespace).map_or(0, |at| after_char(before, at));
    if let Some(at) = mark(&before[word..], ['@', '＠']) {
        return make(Kind::Name, word + at);
    }
    let line = before.trim_start_matches('\u{3000}');
    let offset = before.len() - line.len();
    let Some(slash) = mark(line, ['/', '／']) else {
        return (word < caret).then(|| make(Kind::Name, word)).flatten();
    };
    let start = offset + slash;
    if word <= start {
        return make(Kind::Command, start);
    }
    let mut arguments = before[start..].split_whitespace();
    let name = arguments.next()?.to_lowercase();
    // How many words are whole before the one at the caret.
    let place = arguments.count() - usize::from(word < caret);
    let help = command::all().find(|help| help.word == name || help.also.contains(&&*name))?;
    let usage: Vec<&str> = help.usage.split_whitespace().collect();
    let takes = |index: usize| usage.get(index).map(|word| word.trim_matches(['[', ']']));
    if let Some(path) =
        (0..usage.len()).find(|&index| matches!(takes(index), Some("FILE" | "PATH")))
    {
        // A path with spaces in it is all of the rest. What stands before it may be left out.
        let first = nth_word(&before[start..], 1);
        let words = first.map_or("", |at| &before[start + at..]);
        let left_out = path > 0
            && !words
                .split_once(char::is_whitespace)
                .is_some_and(|(first, _)| alternatives(usage[0]).any(|word| word == first));
        let number = if left_out { 1 } else { path + 1 };
        let at = nth_word(&before[start..], number).map_or(caret, |at| start + at);
        return make(Kind::Path, at);
    }
    match takes(place) {
        Some("NAME") => make(Kind::Name, word),
        Some(words) if words.contains('|') => make(Kind::Word(words), word),
        _ => None,
    }
}

/// The words of a [`Kind::Word`] that can be typed as they are.
pub(super) fn alternatives(words: &str) -> impl Iterator<Item = &str> {
    let literal = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.trim_matches(['[', ']']).split('|').filter(literal)
}

/// The folder whose contents complete `typed`, and the beginning of a name in it. A folder that is
/// empty is the one where the program was started.
#[must_use]
pub fn folder_and_name(typed: &str) -> (&str, &str) {
    typed.rfind('/').map_or(("", typed), |slash| typed.split_at(slash + 1))
}

/// Candidates, one of which stands in the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Choice {
    /// Where it stands.
    pub(super) bytes: Range<usize>,
    kind: Kind,
    candidates: Vec<String>,
    current: usize,
}

impl Choice {
    /// Those of `candidates` that `wanted` can become; `None` if there is none.
    pub(super) fn new(
        wanted: &Wanted,
        candidates: impl IntoIterator<Item = String>,
    ) -> Option<Self> {
        let typed = wanted.typed.to_lowercase();
        let fits = |candidate: &String| {
            candidate.to_lowercase().starts_with(&typed) && *candidate != wanted.typed
        };
        let mut candidates: Vec<String> = candidates.into_iter().filter(fits).collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates.truncate(MAX_CANDIDATES);
        let none = candidates.is_empty();
        let (bytes, kind) = (wanted.bytes.clone(), wanted.kind);
        (!none).then_some(Self { bytes, kind, candidates, current: 0 })
    }

    /// Goes to the next candidate, or to the one before.
    pub(super) fn step(&mut self, back: bool) {
        let count = self.candidates.len();
        self.current = (self.current + if back { count - 1 } else { 1 }) % count;
    }

    /// Whether there is nothing to choose.
    pub(super) fn is_single(&self) -> bool {
        self.candidates.len() == 1
    }

    /// What is to stand in the text: the candidate, and a space unless it can go on.
    pub(super) fn inserted(&self) -> String {
        let candidate = &self.candidates[self.current];
        if candidate.ends_with('/') { candidate.clone() } else { format!("{candidate} ") }
    }

    /// What is shown of a candidate: of a path, what is in the folder.
    fn label(&self, index: usize) -> &str {
        let candidate = self.candidates[index].as_str();
        match self.kind {
            Kind::Path => {
                let bare = candidate.strip_suffix('/').unwrap_or(candidate);
                &candidate[folder_and_name(bare).0.len()..]
            }
            Kind::Command | Kind::Name | Kind::Word(_) => candidate,
        }
    }

    /// The candidates around the current one that fit into `width` cells, and which of them it is.
    pub(super) fn shown(&self, width: usize, ambiguous: Ambiguous) -> (Vec<&str>, usize) {
        let cells = |index: usize| ambiguous.cells(self.label(index)) + 2;
        let mut first = self.current;
        let mut used = cells(first);
        while first > 0 && used + cells(first - 1) <= width {
            first -= 1;
            used += cells(first);
        }
        let mut shown = Vec::new();
        let mut used = 0;
        for index in first..self.candidates.len() {
            used += cells(index);
            if used > width && !shown.is_empty() {
                break;
            }
            shown.push(self.label(index));
        }
        (shown, self.current - first)
    }
}

/// Where the text behind a mark begins, if `text` begins with one.
fn mark(text: &str, marks: [char; 2]) -> Option<usize> {
    text.starts_with(marks).then(|| after_char(text, 0))
}

fn after_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(0, char::len_utf8)
}

/// Where the word with this number begins.
fn nth_word(text: &str, number: usize) -> Option<usize> {
    let words = text.split_whitespace();
    words.map(|word| word.as_ptr() as usize - text.as_ptr() as usize).nth(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(Kind, String)> {
        wanted(text, text.len()).map(|wanted| {
            assert_eq!(text[wanted.bytes.clone()], wanted.typed);
            (wanted.kind, wanted.typed)
        })
    }

    #[test]
    fn what_a_word_can_be_depends_on_where_it_stands() {
        for (text, kind, typed) in [
            ("/", Kind::Command, ""),
            ("/ms", Kind::Command, "ms"),
            ("　／ms", Kind::Command, "ms"),
            ("@", Kind::Name, ""),
            ("＠al", Kind::Name, "al"),
            ("see @al", Kind::Name, "al"),
            ("see al", Kind::Name, "al"),
            ("/msg ", Kind::Name, ""),
            ("/msg al", Kind::Name, "al"),
            ("／MSG　al", Kind::Name, "al"),
            ("/history al", Kind::Name, "al"),
            ("/msg alice see @b", Kind::Name, "b"),
            ("/export ", Kind::Path, ""),
            ("/export ~/no", Kind::Path, "~/no"),
            ("/export text", Kind::Path, "text"),
            ("/export text a b", Kind::Path, "a b"),
            ("/export 会议 记", Kind::Path, "会议 记"),
            ("/set re", Kind::Word("read|typing|retention"), "re"),
            ("/set read ", Kind::Word("on|off|TIME"), ""),
        ] {
            assert_eq!(of(text), Some((kind, typed.to_owned())), "{text}");
        }
        for text in ["", "see ", "/msg alice he", "/nothing al", "/who x"] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(wanted("/msg alx", 7).map(|wanted| wanted.typed).as_deref(), Some("al"));
    }

    #[test]
    fn candidates_begin_with_what_was_typed_in_whatever_case() {
        let wanted = wanted("@AL", 3).expect("a name");
        let names = ["bob", "alice", "albert", "alice"].map(str::to_owned);
        let mut choice = Choice::new(&wanted, names).expect("candidates");
        assert_eq!(choice.inserted(), "albert ");
        choice.step(false);
        assert_eq!(choice.inserted(), "alice ");
        choice.step(false);
        choice.step(true);
        assert_eq!(choice.shown(80, Ambiguous::Narrow), (vec!["albert", "alice"], 1));
        assert_eq!(choice.shown(7, Ambiguous::Narrow), (vec!["alice"], 0));
        assert_eq!(Choice::new(&wanted, ["carol".to_owned()]), None);
    }

    #[test]
    fn a_folder_goes_on() {
        assert_eq!(folder_and_name("~/notes/a b"), ("~/notes/", "a b"));
        assert_eq!(folder_and_name("no"), ("", "no"));
        let wanted = Wanted { kind: Kind::Path, typed: "no".into(), bytes: 0..2 };
        let choice = Choice::new(&wanted, ["notes/".to_owned()]).expect("a candidate");
        assert_eq!(choice.inserted(), "notes/");
        let wanted = Wanted { kind: Kind::Path, typed: "~/a/n".into(), bytes: 0..5 };
        let choice = Choice::new(&wanted, ["~/a/notes/", "~/a/no b"].map(str::to_owned));
        let choice = choice.expect("candidates");
        assert_eq!(choice.shown(80, Ambiguous::Narrow).0, ["no b", "notes/"]);
    }
}
