//! The keys, for whoever asks: F1, `/help`, and the manual page are made of this.

use super::keys::{Action, Keymap, Place, TABLE};
use crate::ui::language::Language;

/// Keys that do something, and what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The keys, as people write them: `Alt+Enter, Ctrl+J`.
    pub keys: String,
    /// The word for it in the key map, for whoever wants other keys.
    pub name: &'static str,
    /// What they do.
    pub help: String,
}

/// The keys of one place, in the order of the table. What has no key has no line.
#[must_use]
pub fn lines(keymap: &Keymap, place: Place, language: &Language) -> Vec<Line> {
    let mut lines = Vec::new();
    for binding in TABLE.iter().filter(|binding| binding.place == place) {
        let keys = match binding.action {
            Action::Conversation(1) => numbers(keymap, language),
            Action::Conversation(_) => continue,
            action => keymap.labels(action).join(", "),
        };
        if !keys.is_empty() {
            lines.push(Line { keys, name: binding.name, help: language.text(&binding.sentence()) });
        }
    }
    lines
}

/// The nine keys that go to a conversation, as one if they are as the table has them.
fn numbers(keymap: &Keymap, language: &Language) -> String {
    let all: Vec<String> =
        (1..=9).map(|number| keymap.labels(Action::Conversation(number)).join(", ")).collect();
    let usual = all.iter().zip(1..).all(|(keys, number)| *keys == format!("Alt+{number}"));
    match (&*all, usual) {
        ([first, .., last], true) => language.say("keys-to", &[("first", first), ("last", last)]),
        _ => all.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::language::Tongue;

    #[test]
    fn what_has_no_key_has_no_line_and_nine_keys_have_one() {
        let keymap = Keymap::with([("sidebar", vec![""]), ("help", vec!["f12"])]).expect("keys");
        let lines = lines(&keymap, Place::Screen, &Language::default());
        assert!(lines.iter().all(|line| line.name != "sidebar"));
        let keys = |name| lines.iter().find(|line| line.name == name).map(|line| &*line.keys);
        assert_eq!(keys("help"), Some("F12"));
        assert_eq!(keys("conversation-1"), Some("Alt+1 to Alt+9"));
        assert_eq!(keys("conversation-2"), None);
        let chinese = super::lines(&keymap, Place::Screen, &Language::new(Tongue::Zh));
        assert!(chinese.iter().any(|line| line.keys == "Alt+1 到 Alt+9"));
    }

    #[test]
    fn every_key_is_told_in_every_language() {
        for tongue in [Tongue::En, Tongue::Zh] {
            let language = Language::new(tongue);
            for binding in TABLE {
                let id = binding.sentence();
                assert_ne!(language.text(&id), id, "{tongue:?}");
            }
        }
    }
}
