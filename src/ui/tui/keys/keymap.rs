//! Which chord does what, as the table says or as a person wants it.

use std::collections::BTreeMap;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::{Action, BadChord, Chord, Key, TABLE};

/// What a press means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Press {
    /// This is to be done.
    Action(Action),
    /// This is to be written.
    Text(char),
    /// The first key of a sequence; the next one says which.
    Waiting,
    /// Nothing.
    Nothing,
}

/// The keys in force, and how much of a sequence has been pressed.
#[derive(Clone, Debug)]
pub struct Keymap {
    /// In the order of the table, so that the usual chord of an action comes first.
    chords: Vec<(Chord, Action)>,
    begun: Option<Key>,
}

/// What is wrong with a key map that somebody wrote.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyProblem {
    /// Nothing is called so.
    #[error("there is no action \"{name}\"{}", did_you_mean(*nearest))]
    UnknownAction {
        /// What was written.
        name: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// The text names no key.
    #[error("\"{chord}\" cannot be the key of {action}: {why}")]
    BadChord {
        /// For what.
        action: &'static str,
        /// The text.
        chord: String,
        /// Why not.
        why: BadChord,
    },
    /// Two actions on one chord.
    #[error("{chord} would be both {first} and {second}; give one of them another key")]
    Conflict {
        /// Which.
        chord: Chord,
        /// One action.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A chord that begins a longer one.
    #[error("{chord} ({action}) begins {longer} ({other}), which could never be pressed")]
    Begins {
        /// The short one.
        chord: Chord,
        /// What it does.
        action: &'static str,
        /// The long one.
        longer: Chord,
        /// What that does.
        other: &'static str,
    },
}

impl Default for Keymap {
    fn default() -> Self {
        // The table has no problems; a test says so.
        let chords = TABLE.iter().flat_map(|binding| {
            binding.chords.iter().filter_map(|chord| Some((chord.parse().ok()?, binding.action)))
        });
        Self { chords: chords.collect(), begun: None }
    }
}

impl Keymap {
    /// The table with changes: for the action of a name, these chords instead of those of the
    /// table. An empty text is none, so a list of nothing else takes an action off all keys.
    ///
    /// # Errors
    ///
    /// All that is wrong with the changes.
    pub fn with<'a>(
        changes: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>,
    ) -> Result<Self, Vec<KeyProblem>> {
        let mut problems = Vec::new();
        let mut changed: BTreeMap<Action, Vec<&str>> = BTreeMap::new();
        for (name, chords) in changes {
            match Action::named(name) {
                Some(action) => {
                    changed.insert(action, chords);
                }
                None => problems.push(KeyProblem::UnknownAction {
                    name: name.to_owned(),
                    nearest: nearest(name),
                }),
            }
        }
        let mut taken: Vec<(Chord, Action, &'static str)> = Vec::new();
        for binding in TABLE {
            let wanted = changed.get(&binding.action).map_or(binding.chords, Vec::as_slice);
            for text in wanted.iter().filter(|text| !text.trim().is_empty()) {
                let chord: Chord = match text.parse() {
                    Ok(chord) => chord,
                    Err(why) => {
                        let (action, chord) = (binding.name, (*text).to_owned());
                        problems.push(KeyProblem::BadChord { action, chord, why });
                        continue;
                    }
                };
                match taken.iter().find(|(other, ..)| *other == chord) {
                    None => taken.push((chord, binding.action, binding.name)),
                    Some((_, other, _)) if *other == binding.action => {}
                    Some((_, _, first)) => {
                        let (first, second) = (*first, binding.name);
                        problems.push(KeyProblem::Conflict { chord, first, second });
                    }
                }
            }
        }
        for (longer, _, other) in taken.iter().filter(|(chord, ..)| chord.then.is_some()) {
            let chord = Chord::from(longer.first);
            if let Some((_, _, action)) = taken.iter().find(|(other, ..)| *other == chord) {
                problems.push(KeyProblem::Begins { chord, action, longer: *longer, other });
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let chords = taken.into_iter().map(|(chord, action, _)| (chord, action)).collect();
        Ok(Self { chords, begun: None })
    }

    /// What this key means now.
    pub fn press(&mut self, event: KeyEvent) -> Press {
        if event.kind == KeyEventKind::Release {
            return Press::Nothing;
        }
        let key = Key::of(event);
        if let Some(first) = self.begun.take() {
            // A sequence that does not exist does nothing; its second key writes nothing.
            return self.action(Chord { first, then: Some(key) });
        }
        match self.action(Chord::from(key)) {
            Press::Nothing if self.begins(key) => {
                self.begun = Some(key);
                Press::Waiting
            }
            Press::Nothing => key.writes().map_or(Press::Nothing, Press::Text),
            press => press,
        }
    }

    /// The chords of an action, as people write them.
    #[must_use]
    pub fn labels(&self, action: Action) -> Vec<String> {
        let bound = self.chords.iter().filter(|(_, bound)| *bound == action);
        bound.map(|(chord, _)| chord.label()).collect()
    }

    fn action(&self, chord: Chord) -> Press {
        let bound = self.chords.iter().find(|(bound, _)| *bound == chord);
        bound.map_or(Press::Nothing, |(_, action)| Press::Action(*action))
    }

    fn begins(&self, key: Key) -> bool {
        self.chords.iter().any(|(chord, _)| chord.first == key && chord.then.is_some())
    }
}

fn nearest(name: &str) -> Option<&'static str> {
    crate::chat::nearest(name, TABLE.iter().map(|binding| binding.name))
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"))
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;

    fn press(keymap: &mut Keymap, text: &str) -> Press {
        let mut last = Press::Nothing;
        for key in text.split(' ') {
            let (modifiers, code) = match key.split_once('+') {
                Some(("ctrl", c)) => (KeyModifiers::CONTROL, c),
                Some(("alt", c)) => (KeyModifiers::ALT, c),
                _ => (KeyModifiers::NONE, key),
            };
            let code = match code {
                "enter" => KeyCode::Enter,
                "f1" => KeyCode::F(1),
                c => KeyCode::Char(c.chars().next().expect("a key")),
            };
            last = keymap.press(KeyEvent::new(code, modifiers));
        }
        last
    }

    fn problem(name: &'static str, chords: &[&'static str]) -> String {
        let problems = Keymap::with([(name, chords.to_vec())]).expect_err(name);
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_table_is_without_problems_and_complete() {
        assert_eq!(Keymap::with([]).expect("no problems").chords, Keymap::default().chords);
        let mut names: Vec<_> = TABLE.iter().map(|binding| binding.name).collect();
        let mut actions: Vec<_> = TABLE.iter().map(|binding| binding.action).collect();
        names.sort_unstable();
        names.dedup();
        actions.sort_unstable();
        actions.dedup();
        assert_eq!((names.len(), actions.len()), (TABLE.len(), TABLE.len()));
    }

    #[test]
    fn nothing_is_on_the_keys_of_tmux_and_screen_alone() {
        let keymap = Keymap::default();
        for (chord, action) in &keymap.chords {
            assert_ne!(chord.first.to_string(), "ctrl+b", "{action:?}");
            let others = keymap.chords.iter().filter(|(_, other)| other == action).count();
            assert!(chord.first.to_string() != "ctrl+a" || others > 1, "{action:?}");
        }
    }

    #[test]
    fn keys_write_or_act_and_sequences_wait() {
        let mut keymap = Keymap::default();
        assert_eq!(press(&mut keymap, "x"), Press::Text('x'));
        assert_eq!(press(&mut keymap, "你"), Press::Text('你'));
        assert_eq!(press(&mut keymap, "enter"), Press::Action(Action::Send));
        assert_eq!(press(&mut keymap, "alt+enter"), Press::Action(Action::Newline));
        assert_eq!(press(&mut keymap, "ctrl+x"), Press::Waiting);
        assert_eq!(press(&mut keymap, "e"), Press::Action(Action::Editor));
        assert_eq!(press(&mut keymap, "ctrl+x q"), Press::Nothing);
        assert_eq!(press(&mut keymap, "e"), Press::Text('e'));
        assert_eq!(press(&mut keymap, "alt+3"), Press::Action(Action::Conversation(3)));
        let mut release = KeyEvent::from(KeyCode::Enter);
        release.kind = KeyEventKind::Release;
        assert_eq!(keymap.press(release), Press::Nothing);
    }

    #[test]
    fn changes_replace_what_the_table_says() {
        let mut keymap =
            Keymap::with([("help", vec!["ctrl+x h", "ctrl+g"]), ("sidebar", vec![""])])
                .expect("without problems");
        assert_eq!(press(&mut keymap, "f1"), Press::Nothing);
        assert_eq!(press(&mut keymap, "ctrl+g"), Press::Action(Action::Help));
        assert_eq!(press(&mut keymap, "ctrl+x h"), Press::Action(Action::Help));
        assert_eq!(keymap.labels(Action::Help).len(), 2);
        assert!(keymap.labels(Action::Sidebar).is_empty());
        assert_eq!(keymap.labels(Action::Newline), ["Alt+Enter", "Ctrl+J", "Shift+Enter"]);
        // A key that was taken off one action is free for another.
        assert!(Keymap::with([("sidebar", vec![]), ("help", vec!["f2"])]).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said_with_the_nearest_name() {
        assert_eq!(
            problem("sned", &["enter"]),
            "there is no action \"sned\"; did you mean \"send\"?"
        );
        assert_eq!(
            problem("help", &["ctrl+i"]),
            "\"ctrl+i\" cannot be the key of help: terminals cannot tell ctrl+i from tab"
        );
        assert_eq!(
            problem("help", &["f2"]),
            "f2 would be both help and sidebar; give one of them another key"
        );
        assert_eq!(
            problem("help", &["ctrl+x"]),
            "ctrl+x (help) begins ctrl+x e (editor), which could never be pressed\n\
             ctrl+x (help) begins ctrl+x u (undo), which could never be pressed\n\
             ctrl+x (help) begins ctrl+x r (redo), which could never be pressed"
        );
    }
}
