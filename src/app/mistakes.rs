//! What is wrong with what was written for the program: in `config.toml`, or in a file to import.

use crate::chat::clean;
use crate::config::{InvalidAddress, MAX_SERVERS, Mistake, Should, Wrong};
use crate::store::{EXPORT_VERSION, ImportError, NotExported};
use crate::ui::language::Phrase;
use crate::ui::tui::keys::{BadChord, KeyProblem};
use crate::ui::tui::theme::ThemeProblem;
use crate::ui::words::no_name;

use super::failure::as_it_is;

/// Characters of something that is repeated from a file, where it may be anything.
const REPEATED: usize = 200;

fn repeated(text: &str) -> String {
    clean::label(text, REPEATED)
}

/// A row under the name of the file: what is wrong, and in which line if that is known.
pub(super) fn row(line: Option<usize>, what: Phrase) -> Phrase {
    match line {
        Some(line) => Phrase::new("mistake-at").with("line", line).holding("what", what),
        None => Phrase::new("mistake").holding("what", what),
    }
}

/// A row about a mistake.
pub(super) fn mistake(mistake: &Mistake) -> Phrase {
    row(Some(mistake.line), wrong(&mistake.what))
}

/// What is wrong with a key or its value.
pub(super) fn wrong(wrong: &Wrong) -> Phrase {
    match wrong {
        Wrong::Syntax(error) => Phrase::new("wrong-syntax").with("error", repeated(error)),
        Wrong::Unknown { key, nearest: None } => {
            Phrase::new("wrong-unknown").with("key", repeated(key))
        }
        Wrong::Unknown { key, nearest: Some(nearest) } => {
            Phrase::new("wrong-unknown-nearest").with("key", repeated(key)).with("nearest", nearest)
        }
        Wrong::Value { key, should } => value(should).with("key", repeated(key)),
    }
}

/// What the value of `$key` is to be.
fn value(should: &Should) -> Phrase {
    match should {
        Should::Text => Phrase::new("wrong-text"),
        Should::Texts => Phrase::new("wrong-texts"),
        Should::Switch => Phrase::new("wrong-switch"),
        Should::OneOf(words) => {
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            Phrase::new("wrong-choice").with("words", quoted.join(", "))
        }
        Should::Cells => Phrase::new("wrong-cells"),
        Should::Socket => Phrase::new("wrong-socket"),
        Should::Name(why) => Phrase::new("wrong-name").holding("why", no_name(why)),
        Should::Rendezvous(why) => Phrase::new("wrong-rendezvous").holding("why", no_address(why)),
        Should::FewerServers => Phrase::new("wrong-servers").with("most", MAX_SERVERS),
        Should::Chords => Phrase::new("wrong-chords"),
        Should::Colours => Phrase::new("wrong-colours"),
        Should::Colour => Phrase::new("wrong-colour"),
        Should::Table => Phrase::new("wrong-table"),
    }
}

/// Why a text is no address, in the middle of a sentence.
pub(super) fn no_address(why: &InvalidAddress) -> Phrase {
    match why {
        InvalidAddress::NoHost => Phrase::new("address-no-host"),
        InvalidAddress::Host(character) => {
            Phrase::new("address-host").with("character", format_args!("{character:?}"))
        }
        InvalidAddress::Brackets => Phrase::new("address-brackets"),
        InvalidAddress::Port => Phrase::new("address-port"),
        InvalidAddress::Key(_) => Phrase::new("address-key"),
        InvalidAddress::Name(why) => no_name(why),
    }
}

/// What is wrong with a line of `[keys]`.
pub(super) fn key(problem: &KeyProblem) -> Phrase {
    match problem {
        KeyProblem::UnknownAction { name, nearest: None } => {
            Phrase::new("chord-unknown-action").with("name", repeated(name))
        }
        KeyProblem::UnknownAction { name, nearest: Some(nearest) } => {
            Phrase::new("chord-unknown-action-nearest")
                .with("name", repeated(name))
                .with("nearest", nearest)
        }
        KeyProblem::BadChord { action, chord, why } => Phrase::new("chord-bad")
            .with("chord", repeated(chord))
            .with("action", action)
            .holding("why", no_chord(why)),
        KeyProblem::Conflict { chord, first, second } => Phrase::new("chord-conflict")
            .with("chord", chord)
            .with("first", first)
            .with("second", second),
        KeyProblem::Begins { chord, action, longer, other } => Phrase::new("chord-begins")
            .with("chord", chord)
            .with("action", action)
            .with("longer", longer)
            .with("other", other),
    }
}

/// Why a text is no chord, in the middle of a sentence.
fn no_chord(why: &BadChord) -> Phrase {
    match why {
        BadChord::Empty => Phrase::new("chord-empty"),
        BadChord::UnknownKey(name) => Phrase::new("chord-unknown-key").with("name", repeated(name)),
        BadChord::UnknownModifier(name) => {
            Phrase::new("chord-unknown-modifier").with("name", repeated(name))
        }
        BadChord::SameByte(one, other) => {
            Phrase::new("chord-same-byte").with("one", one).with("other", other)
        }
        BadChord::Writes(chord) => Phrase::new("chord-writes").with("chord", repeated(chord)),
        BadChord::TooLong => Phrase::new("chord-too-long"),
    }
}

/// What is wrong with a theme.
pub(super) fn theme(problem: &ThemeProblem) -> Phrase {
    match problem {
        ThemeProblem::UnknownTheme { name, known } => {
            let known: Vec<String> = known.iter().map(|name| repeated(name)).collect();
            Phrase::new("theme-unknown")
                .with("name", repeated(name))
                .with("known", known.join(", "))
        }
        ThemeProblem::UnknownPart { part, nearest: None } => {
            Phrase::new("theme-unknown-part").with("part", repeated(part))
        }
        ThemeProblem::UnknownPart { part, nearest: Some(nearest) } => {
            Phrase::new("theme-unknown-part-nearest")
                .with("part", repeated(part))
                .with("nearest", nearest)
        }
        ThemeProblem::BadStyle { word } => {
            Phrase::new("theme-bad-style").with("word", repeated(word))
        }
    }
}

/// Why nothing was imported.
pub(super) fn import(error: &ImportError) -> Phrase {
    match error {
        ImportError::Io(error) => Phrase::new("import-interrupted").with("error", error),
        ImportError::Malformed { line, problem } => Phrase::new("import-malformed")
            .with("line", line)
            .holding("problem", not_exported(problem)),
        ImportError::Newer(found) => {
            Phrase::new("import-newer").with("found", found).with("known", EXPORT_VERSION)
        }
        ImportError::OtherIdentity { key } => Phrase::new("import-other-identity").with("key", key),
        ImportError::Database(error) => Phrase::new("import-database").with("error", error),
    }
}

/// What is wrong with a line of an export, in the middle of a sentence.
fn not_exported(problem: &NotExported) -> Phrase {
    match problem {
        NotExported::Nothing => Phrase::new("not-exported-nothing"),
        NotExported::TooLong => Phrase::new("not-exported-too-long"),
        NotExported::NotUtf8 => Phrase::new("not-exported-not-utf8"),
        NotExported::NoItem(error) => as_it_is(repeated(error)),
        NotExported::NoHeader => Phrase::new("not-exported-no-header"),
        NotExported::SecondHeader => Phrase::new("not-exported-second-header"),
        NotExported::Text => Phrase::new("not-exported-text"),
        NotExported::Manner => Phrase::new("not-exported-manner"),
        NotExported::Reference => Phrase::new("not-exported-reference"),
        NotExported::Withdrawn => Phrase::new("not-exported-withdrawn"),
        NotExported::Reactions => Phrase::new("not-exported-reactions"),
        NotExported::Source => Phrase::new("not-exported-source"),
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::{InvalidKey, InvalidName, PeerId};

    use super::*;
    use crate::ui::language::{Language, Tongue};

    /// In English it is the error itself, in Chinese something else.
    fn check(phrase: &Phrase, error: impl std::fmt::Display) {
        let english = phrase.said_in(&Language::default());
        assert_eq!(english.trim_start(), error.to_string());
        let chinese = phrase.said_in(&Language::new(Tongue::Zh));
        assert!(chinese.chars().any(|c| ('一'..='龥').contains(&c)), "{chinese}");
        assert!(!chinese.contains("{ "), "{chinese}");
    }

    #[test]
    fn in_english_a_mistake_is_the_error_itself_and_in_chinese_it_is_chinese() {
        for should in [
            Should::Text,
            Should::Texts,
            Should::Switch,
            Should::OneOf(vec!["off", "contacts"]),
            Should::Cells,
            Should::Socket,
            Should::Name(InvalidName::Empty),
            Should::Rendezvous(InvalidAddress::NoHost),
            Should::Rendezvous(InvalidAddress::Host('/')),
            Should::Rendezvous(InvalidAddress::Brackets),
            Should::Rendezvous(InvalidAddress::Port),
            Should::Rendezvous(InvalidAddress::Key(InvalidKey)),
            Should::FewerServers,
            Should::Chords,
            Should::Colours,
            Should::Colour,
            Should::Table,
        ] {
            let what = Wrong::Value { key: "ui.theme".to_owned(), should };
            let error = Mistake { line: 3, what };
            check(&mistake(&error), &error);
        }
        for what in [
            Wrong::Syntax("a quotation mark is missing".to_owned()),
            Wrong::Unknown { key: "nmae".to_owned(), nearest: Some("name") },
            Wrong::Unknown { key: "colour".to_owned(), nearest: None },
        ] {
            check(&wrong(&what), &what);
        }
    }

    #[test]
    fn so_it_is_with_keys_and_themes() {
        let chord = |text: &str| text.parse().expect("a chord");
        for problem in [
            KeyProblem::UnknownAction { name: "serach".to_owned(), nearest: Some("search") },
            KeyProblem::UnknownAction { name: "colour".to_owned(), nearest: None },
            KeyProblem::Conflict { chord: chord("f1"), first: "help", second: "search" },
            KeyProblem::Begins {
                chord: chord("ctrl+x"),
                action: "help",
                longer: chord("ctrl+x e"),
                other: "editor",
            },
        ] {
            check(&key(&problem), &problem);
        }
        for why in [
            BadChord::Empty,
            BadChord::UnknownKey("f99".to_owned()),
            BadChord::UnknownModifier("hyper".to_owned()),
            BadChord::SameByte("ctrl+i", "tab"),
            BadChord::Writes("a".to_owned()),
            BadChord::TooLong,
        ] {
            let problem = KeyProblem::BadChord { action: "help", chord: "it".to_owned(), why };
            check(&key(&problem), &problem);
        }
        for problem in [
            ThemeProblem::UnknownTheme {
                name: "none".to_owned(),
                known: vec!["dark".to_owned(), "light".to_owned()],
            },
            ThemeProblem::UnknownPart { part: "onw".to_owned(), nearest: Some("own") },
            ThemeProblem::UnknownPart { part: "colour".to_owned(), nearest: None },
            ThemeProblem::BadStyle { word: "fog".to_owned() },
        ] {
            check(&theme(&problem), &problem);
        }
    }

    #[test]
    fn so_it_is_with_a_file_to_import() {
        let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        for error in [
            ImportError::Io(error),
            ImportError::Newer(9),
            ImportError::OtherIdentity { key: PeerId([7; 32]) },
            ImportError::Database(rusqlite::Error::InvalidQuery),
        ] {
            check(&import(&error), &error);
        }
        for problem in [
            NotExported::Nothing,
            NotExported::TooLong,
            NotExported::NotUtf8,
            NotExported::NoItem("expected value at line 1 column 1".to_owned()),
            NotExported::NoHeader,
            NotExported::SecondHeader,
            NotExported::Text,
            NotExported::Manner,
            NotExported::Reference,
            NotExported::Reactions,
            NotExported::Source,
        ] {
            let error = ImportError::Malformed { line: 4, problem };
            check(&import(&error), &error);
        }
    }

    #[test]
    fn what_a_file_has_in_it_does_not_move_the_cursor() {
        let what = Wrong::Unknown { key: "a\u{1b}[2Jb".to_owned(), nearest: None };
        let said = wrong(&what).said_in(&Language::default());
        assert!(said.chars().all(|c| !c.is_control()), "{said:?}");
    }
}
