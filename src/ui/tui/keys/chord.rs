//! What is pressed, and how it is written.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key with its modifiers, in the one form that all terminals can tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// One key, or two in sequence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chord {
    /// What is pressed first.
    pub first: Key,
    /// What then, if anything.
    pub then: Option<Key>,
}

/// Why something is no chord.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadChord {
    /// There is nothing, or nothing behind a `+`.
    #[error("a key is missing in it")]
    Empty,
    /// No key is called so.
    #[error("no key is called \"{0}\"")]
    UnknownKey(String),
    /// Nothing that is held down is called so.
    #[error("\"{0}\" is none of ctrl, alt and shift")]
    UnknownModifier(String),
    /// Terminals send the same byte for both.
    #[error("terminals cannot tell {0} from {1}")]
    SameByte(&'static str, &'static str),
    /// A letter alone is written, not obeyed.
    #[error("\"{0}\" is something to write")]
    Writes(String),
    /// More than two keys.
    #[error("it has more than two keys")]
    TooLong,
}

/// What keys are called that write nothing.
const NAMES: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("tab", KeyCode::Tab),
    ("esc", KeyCode::Esc),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

impl Key {
    /// The key of an event.
    #[must_use]
    pub fn of(event: KeyEvent) -> Self {
        Self::new(event.code, event.modifiers)
    }

    /// What the key writes, if it writes anything.
    #[must_use]
    pub fn writes(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if self.modifiers.is_empty() => Some(c),
            _ => None,
        }
    }

    fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let known = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        let mut modifiers = modifiers & known;
        let mut code = code;
        match code {
            KeyCode::BackTab => {
                code = KeyCode::Tab;
                modifiers |= KeyModifiers::SHIFT;
            }
            KeyCode::Char(c) => {
                // Shift is in the character already, and Ctrl makes large letters small.
                let c = if modifiers.contains(KeyModifiers::CONTROL) {
                    c.to_ascii_lowercase()
                } else if modifiers.contains(KeyModifiers::SHIFT) {
                    c.to_ascii_uppercase()
                } else {
                    c
                };
                modifiers -= KeyModifiers::SHIFT;
                code = KeyCode::Char(c);
                if modifiers.contains(KeyModifiers::CONTROL) {
                    // These have one byte each (ECMA-48, C0), whatever is written on the key.
                    let same = match c {
                        'i' => Some(KeyCode::Tab),
                        'm' => Some(KeyCode::Enter),
                        'h' => Some(KeyCode::Backspace),
                        '[' | '3' => Some(KeyCode::Esc),
                        _ => None,
                    };
                    if let Some(same) = same {
                        code = same;
                        modifiers -= KeyModifiers::CONTROL;
                    } else if matches!(c, '_' | '/' | '-' | '7') {
                        code = KeyCode::Char('_');
                    }
                }
            }
            _ => {}
        }
        Self { code, modifiers }
    }
}

impl From<Key> for Chord {
    fn from(first: Key) -> Self {
        Self { first, then: None }
    }
}

impl FromStr for Key {
    type Err = BadChord;

    fn from_str(text: &str) -> Result<Self, BadChord> {
        // The last `+` may be the key itself.
        let (modifiers, name) = match text.strip_suffix("++") {
            Some(modifiers) => (modifiers, "+"),
            None if text == "+" => ("", "+"),
            None => text.rsplit_once('+').unwrap_or(("", text)),
        };
        let mut held = KeyModifiers::NONE;
        for modifier in modifiers.split('+').filter(|_| !modifiers.is_empty()) {
            held |= match modifier.to_ascii_lowercase().as_str() {
                "ctrl" | "control" => KeyModifiers::CONTROL,
                "alt" | "meta" => KeyModifiers::ALT,
                "shift" => KeyModifiers::SHIFT,
                _ => return Err(BadChord::UnknownModifier(modifier.to_owned())),
            };
        }
        let code = code_of(name)?;
        if held.contains(KeyModifiers::CONTROL)
            && let KeyCode::Char(c) = code
        {
            match c.to_ascii_lowercase() {
                'i' => return Err(BadChord::SameByte("ctrl+i", "tab")),
                'm' => return Err(BadChord::SameByte("ctrl+m", "enter")),
                'h' => return Err(BadChord::SameByte("ctrl+h", "backspace")),
                '[' => return Err(BadChord::SameByte("ctrl+[", "esc")),
                _ => {}
            }
        }
        Ok(Self::new(code, held))
    }
}

fn code_of(name: &str) -> Result<KeyCode, BadChord> {
    let mut characters = name.chars();
    match (characters.next(), characters.next()) {
        (None, _) => return Err(BadChord::Empty),
        (Some(c), None) if !c.is_control() && !c.is_whitespace() => return Ok(KeyCode::Char(c)),
        _ => {}
    }
    let lower = name.to_ascii_lowercase();
    if let Some((_, code)) = NAMES.iter().find(|(known, _)| *known == lower) {
        return Ok(*code);
    }
    let number = lower.strip_prefix('f').and_then(|number| number.parse::<u8>().ok());
    match number {
        Some(number @ 1..=24) => Ok(KeyCode::F(number)),
        _ => Err(BadChord::UnknownKey(name.to_owned())),
    }
}

impl FromStr for Chord {
    type Err = BadChord;

    fn from_str(text: &str) -> Result<Self, BadChord> {
        let mut keys = text.split_whitespace();
        let first: Key = keys.next().ok_or(BadChord::Empty)?.parse()?;
        let then = keys.next().map(str::parse).transpose()?;
        if keys.next().is_some() {
            return Err(BadChord::TooLong);
        }
        if first.writes().is_some() {
            return Err(BadChord::Writes(first.to_string()));
        }
        Ok(Self { first, then })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in [
            (KeyModifiers::CONTROL, "ctrl+"),
            (KeyModifiers::ALT, "alt+"),
            (KeyModifiers::SHIFT, "shift+"),
        ] {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(number) => write!(f, "f{number}"),
            // No other can be written, so no other is in a key map.
            other => write!(f, "{other:?}"),
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.then.map_or(Ok(()), |then| write!(f, " {then}"))
    }
}

impl Chord {
    /// As people write it: `Ctrl+X E`, `PgUp`.
    #[must_use]
    pub fn label(&self) -> String {
        let label = |key: Key| {
            let text = key.to_string();
            let (held, name) = match text.strip_suffix("++") {
                Some(held) => (held, "+"),
                None => text.rsplit_once('+').unwrap_or(("", &text)),
            };
            let large = |part: &str| match part {
                "pageup" => "PgUp".to_owned(),
                "pagedown" => "PgDn".to_owned(),
                part => part[..1].to_ascii_uppercase() + &part[1..],
            };
            let held = held.split('+').filter(|part| !part.is_empty()).map(large);
            let name = if name.is_ascii() { large(name) } else { name.to_owned() };
            held.chain([name]).collect::<Vec<_>>().join("+")
        };
        let first = label(self.first);
        match self.then {
            Some(then) => format!("{first} {}", label(then)),
            None => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(code: KeyCode, modifiers: KeyModifiers) -> Key {
        Key::of(KeyEvent::new(code, modifiers))
    }

    fn chord(text: &str) -> Chord {
        text.parse().expect(text)
    }

    #[test]
    fn a_chord_is_read_and_written_alike() {
        for text in [
            "ctrl+a",
            "alt+enter",
            "shift+tab",
            "f1",
            "ctrl+x e",
            "pageup",
            "alt+>",
            "alt++",
            "alt+G",
            "ctrl+space",
        ] {
            assert_eq!(chord(text).to_string(), text);
        }
        assert_eq!(chord("Control+W"), chord("ctrl+w"));
        assert_eq!(chord("meta+b"), chord("alt+b"));
        assert_eq!(chord("alt+shift+g"), chord("alt+G"));
        assert_eq!(chord("ctrl+/"), chord("ctrl+_"));
        assert_eq!(chord("ctrl+x e").label(), "Ctrl+X E");
        assert_eq!(chord("pageup").label(), "PgUp");
    }

    #[test]
    fn what_is_no_chord_says_why() {
        for (text, why) in [
            ("", BadChord::Empty),
            ("ctrl+", BadChord::Empty),
            ("ctrl+nothing", BadChord::UnknownKey("nothing".into())),
            ("f25", BadChord::UnknownKey("f25".into())),
            ("hyper+a", BadChord::UnknownModifier("hyper".into())),
            ("ctrl+I", BadChord::SameByte("ctrl+i", "tab")),
            ("ctrl+m", BadChord::SameByte("ctrl+m", "enter")),
            ("ctrl+h", BadChord::SameByte("ctrl+h", "backspace")),
            ("a", BadChord::Writes("a".into())),
            ("ctrl+x a b", BadChord::TooLong),
        ] {
            assert_eq!(text.parse::<Chord>(), Err(why), "{text}");
        }
    }

    #[test]
    fn keys_that_send_the_same_bytes_are_the_same() {
        let control = KeyModifiers::CONTROL;
        assert_eq!(
            event(KeyCode::Char('h'), control),
            event(KeyCode::Backspace, KeyModifiers::NONE)
        );
        assert_eq!(event(KeyCode::BackTab, KeyModifiers::SHIFT), chord("shift+tab").first);
        assert_eq!(event(KeyCode::Char('7'), control), chord("ctrl+_").first);
        assert_eq!(event(KeyCode::Char('W'), control | KeyModifiers::SHIFT), chord("ctrl+w").first);
        assert_eq!(event(KeyCode::Char('G'), KeyModifiers::SHIFT).writes(), Some('G'));
        assert_eq!(event(KeyCode::Char('g'), KeyModifiers::ALT).writes(), None);
        assert_eq!(event(KeyCode::Char('你'), KeyModifiers::NONE).writes(), Some('你'));
    }
}
