//! What was sent before, which Up brings back, for each conversation its own.

use std::collections::{BTreeMap, VecDeque};

use crate::chat::Address;

/// Lines kept for each conversation.
const MAX_LINES: usize = 200;

/// What was sent, and how far back somebody has gone in it.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The newest last. What was sent to nobody, such as commands at the start, has its own.
    lines: BTreeMap<Option<Address>, VecDeque<String>>,
    open: Option<Address>,
    /// How many lines back, and what was being written when that began.
    back: Option<(usize, String)>,
}

impl Sent {
    /// Goes to another conversation.
    pub(super) fn open(&mut self, with: Option<Address>) {
        self.open = with;
        self.back = None;
    }

    /// Notes what was sent in the open conversation.
    pub(super) fn push(&mut self, text: &str) {
        let open = self.open.clone();
        self.remember(open.as_ref(), text);
        self.back = None;
    }

    /// Notes what was sent. The same line twice in a row is one.
    pub(super) fn remember(&mut self, with: Option<&Address>, text: &str) {
        let lines = self.lines.entry(with.cloned()).or_default();
        if lines.back().is_none_or(|last| last != text) {
            lines.push_back(text.to_owned());
        }
        if lines.len() > MAX_LINES {
            lines.pop_front();
        }
    }

    /// The line before (`older`) or after; the last one after is `writing`, what was being written
    /// when the first step was made. `None` if there is none.
    pub(super) fn step(&mut self, older: bool, writing: &str) -> Option<String> {
        let lines = self.lines.get(&self.open)?;
        let back = self.back.as_ref().map_or(0, |(back, _)| *back);
        let back = if older { back + 1 } else { back.checked_sub(1)? };
        if back == 0 {
            return self.back.take().map(|(_, writing)| writing);
        }
        let line = lines.get(lines.len().checked_sub(back)?)?.clone();
        match &mut self.back {
            Some((at, _)) => *at = back,
            none => *none = Some((back, writing.to_owned())),
        }
        Some(line)
    }

    /// What is shown was changed: it is what is being written now.
    pub(super) fn leave(&mut self) {
        self.back = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_back_and_forth_and_what_was_being_written_is_at_the_end() {
        let mut sent = Sent::default();
        for line in ["one", "two", "two", "three"] {
            sent.push(line);
        }
        for line in ["three", "two", "one"] {
            assert_eq!(sent.step(true, "begun").as_deref(), Some(line));
        }
        assert_eq!(sent.step(true, "one"), None);
        for line in ["two", "three", "begun"] {
            assert_eq!(sent.step(false, "one").as_deref(), Some(line));
        }
        assert_eq!(sent.step(false, "begun"), None);
    }

    #[test]
    fn each_conversation_has_its_own() {
        let alice: Address = Address::new("alice".parse().expect("a name"), "rv");
        let mut sent = Sent::default();
        sent.push("/help");
        sent.open(Some(alice.clone()));
        assert_eq!(sent.step(true, ""), None);
        sent.remember(Some(&alice), "hi");
        assert_eq!(sent.step(true, "").as_deref(), Some("hi"));
        sent.open(None);
        assert_eq!(sent.step(true, "").as_deref(), Some("/help"));
    }
}
