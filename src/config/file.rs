//! `config.toml`: every key optional, none unknown, all mistakes told at once.

use std::ops::Range;

use toml_edit::{Document, DocumentMut, Item, Table, TableLike, Value};

use super::settings::{KeyBinding, SETTINGS, Setting, Settings, ThemeTable, text, texts};
use super::{Mistake, Should, Wrong};

/// The longest file that is read, in bytes.
pub const MAX_FILE: usize = 256 * 1024;

impl Settings {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// Every mistake in it, from the top down.
    pub fn read(file: &str) -> Result<Self, Vec<Mistake>> {
        let document = Document::parse(file).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(file, &span));
            let what = Wrong::Syntax(error.message().replace('\n', " "));
            vec![Mistake { line, what }]
        })?;
        let mut reading = Reading { file, settings: Self::default(), mistakes: Vec::new() };
        reading.table(document.as_table(), "");
        reading.mistakes.sort_by_key(|mistake| mistake.line);
        if reading.mistakes.is_empty() { Ok(reading.settings) } else { Err(reading.mistakes) }
    }
}

struct Reading<'a> {
    file: &'a str,
    settings: Settings,
    mistakes: Vec<Mistake>,
}

impl Reading<'_> {
    /// Reads a table whose keys stand below `place`, which ends in a dot if it is not the root.
    fn table(&mut self, table: &dyn TableLike, place: &str) {
        for (word, item) in table.iter() {
            let key = format!("{place}{word}");
            let span = table
                .get_key_value(word)
                .and_then(|(key, item)| key.span().or_else(|| item.span()));
            let line = span.map_or(1, |span| line_of(self.file, &span));
            match (key.as_str(), item.as_table_like(), item.as_value()) {
                ("keys", Some(keys), _) => self.keys(keys),
                ("themes", Some(themes), _) => self.themes(themes),
                (_, _, Some(value)) if find(&key).is_some() => {
                    if let Some(Err(should)) =
                        find(&key).map(|setting| (setting.read)(&mut self.settings, value))
                    {
                        self.wrong(line, key, should);
                    }
                }
                (_, Some(below), _) if is_table(&key) => self.table(below, &format!("{key}.")),
                _ => {
                    let nearest = nearest(&key);
                    self.mistakes.push(Mistake { line, what: Wrong::Unknown { key, nearest } });
                }
            }
        }
    }

    fn keys(&mut self, keys: &dyn TableLike) {
        for (action, item) in keys.iter() {
            let line = self.line_of(item);
            match item.as_value().and_then(|value| texts(value).ok()) {
                Some(chords) => self.settings.interface.keys.push(KeyBinding {
                    action: action.to_owned(),
                    // The empty text stands for no key at all.
                    chords: chords
                        .into_iter()
                        .filter(|one| !one.is_empty())
                        .map(Into::into)
                        .collect(),
                    line,
                }),
                None => self.wrong(line, format!("keys.{action}"), Should::Chords),
            }
        }
    }

    fn themes(&mut self, themes: &dyn TableLike) {
        for (name, item) in themes.iter() {
            let Some(table) = item.as_table_like() else {
                let line = self.line_of(item);
                self.wrong(line, format!("themes.{name}"), Should::Colours);
                continue;
            };
            let mut colours = Vec::new();
            for (part, item) in table.iter() {
                let line = self.line_of(item);
                match item.as_value().map(text) {
                    Some(Ok(colour)) => colours.push((part.to_owned(), colour.to_owned(), line)),
                    _ => self.wrong(line, format!("themes.{name}.{part}"), Should::Colour),
                }
            }
            self.settings.interface.themes.push(ThemeTable { name: name.to_owned(), colours });
        }
    }

    fn wrong(&mut self, line: usize, key: String, should: Should) {
        self.mistakes.push(Mistake { line, what: Wrong::Value { key, should } });
    }

    fn line_of(&self, item: &Item) -> usize {
        item.span().map_or(1, |span| line_of(self.file, &span))
    }
}

fn line_of(file: &str, span: &Range<usize>) -> usize {
    1 + file.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
}

/// The setting whose key this is.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// Whether settings stand below this key.
fn is_table(key: &str) -> bool {
    SETTINGS
        .iter()
        .any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// The setting that was probably meant: the same word elsewhere, or at most three slips away.
fn nearest(typed: &str) -> Option<&'static str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let keys = || SETTINGS.iter().map(|setting| setting.key);
    let same = keys().find(|key| last(key) == last(typed).replace('_', "-"));
    same.or_else(|| {
        keys()
            .map(|key| (strsim::osa_distance(key, typed), key))
            .chain(keys().map(|key| (strsim::osa_distance(&last(key), typed), key)))
            .filter(|(slips, key)| *slips <= 3 && *slips * 2 < last(key).len())
            .min()
            .map(|(_, key)| key)
    })
}

/// Settles one thing in the text of a file, whose comments and order stay as they are.
///
/// `given` is a TOML value, or a text without its quotation marks where a text is wanted.
///
/// # Errors
///
/// What is wrong with the key, the value, or the file as it was.
pub fn set(file: &str, key: &str, given: &str) -> Result<String, Vec<Mistake>> {
    let mistake = |what| vec![Mistake { line: 1, what }];
    let mut document = changeable(file)?;
    let attempt = |value: Value| -> Result<Value, Should> {
        let mut scratch = Settings::default();
        match (key.strip_prefix("keys."), find(key)) {
            (Some(_), _) => texts(&value).map(drop).map_err(|_| Should::Chords)?,
            (None, Some(setting)) => (setting.read)(&mut scratch, &value)?,
            (None, None) => text(&value).map(drop)?,
        }
        Ok(value)
    };
    if find(key).is_none() && !key.starts_with("keys.") && !key.starts_with("themes.") {
        return Err(mistake(Wrong::Unknown { key: key.to_owned(), nearest: nearest(key) }));
    }
    let literal = given.parse().ok().and_then(|value| attempt(value).ok());
    let value = literal
        .map_or_else(|| attempt(Value::from(given)), Ok)
        .map_err(|should| mistake(Wrong::Value { key: key.to_owned(), should }))?;
    let (place, last) =
        key.rsplit_once('.').map_or((None, key), |(place, last)| (Some(place), last));
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for word in place.into_iter().flat_map(|place| place.split('.')) {
        let new = || Item::Table(Table::new());
        table =
            table.entry(word).or_insert_with(new).as_table_like_mut().ok_or_else(|| {
                mistake(Wrong::Value { key: word.to_owned(), should: Should::Table })
            })?;
    }
    match table.get_mut(last) {
        // What stands before and behind the old value, such as a comment, stays.
        Some(Item::Value(old)) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        _ => drop(table.insert(last, Item::Value(value))),
    }
    // The comments of a file that settles nothing yet belong to no key, and stay at its head.
    let head = if Document::parse(file).is_ok_and(|old| old.iter().next().is_none()) {
        document.set_trailing("");
        file
    } else {
        ""
    };
    let text = format!("{head}{document}");
    Settings::read(&text).map(|_| text)
}

/// Takes one setting out of the text of a file. `None` if it was not there.
///
/// # Errors
///
/// What is wrong with the file as it was.
pub fn unset(file: &str, key: &str) -> Result<Option<String>, Vec<Mistake>> {
    let mut document = changeable(file)?;
    let (place, last) =
        key.rsplit_once('.').map_or((None, key), |(place, last)| (Some(place), last));
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for word in place.into_iter().flat_map(|place| place.split('.')) {
        match table.get_mut(word).and_then(Item::as_table_like_mut) {
            Some(below) => table = below,
            None => return Ok(None),
        }
    }
    Ok(table.remove(last).map(|_| document.to_string()))
}

fn changeable(file: &str) -> Result<DocumentMut, Vec<Mistake>> {
    Settings::read(file)?;
    file.parse().map_err(|error: toml_edit::TomlError| {
        vec![Mistake { line: 1, what: Wrong::Syntax(error.message().to_owned()) }]
    })
}

/// The language that a file settles, even if there are mistakes elsewhere in it: they are told in it.
#[must_use]
pub fn language(file: &str) -> Option<&'static str> {
    let document = Document::parse(file).ok()?;
    let mut settled = Settings::default();
    (find("language")?.read)(&mut settled, document.get("language")?.as_value()?).ok()?;
    settled.language
}

/// What a file in order settles: keys and values, as they are written there.
#[must_use]
pub fn values(file: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut tables: Vec<(String, Item)> = Vec::new();
    if let Ok(document) = file.parse::<DocumentMut>() {
        tables.push((String::new(), document.as_item().clone()));
    }
    while let Some((place, item)) = tables.pop() {
        for (word, item) in item.as_table_like().into_iter().flat_map(TableLike::iter) {
            let key = format!("{place}{word}");
            match item.as_value() {
                Some(value) if !value.is_inline_table() => {
                    found.push((key, value.clone().decorated("", "").to_string()));
                }
                _ => tables.push((format!("{key}."), item.clone())),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::super::{Lan, Notify, Paths, Symbols};
    use super::*;

    const FILE: &str = r##"# mine
name = "bob"   # as everywhere
rendezvous = ["a.example", "b.example:99"]
language = "zh"

[network]
lan = "off"
port-mapping = false
paths = "relay-only"
bind = "0.0.0.0:4000"

[ui]
theme = "mine"
symbols = "ascii"
ambiguous = 2
notify = "count"
mouse = true
sidebar = false

[keys]
search = ["ctrl+f", "ctrl+s"]
help = "f1"
suspend = ""

[themes.mine]
own = "#88c0d0"
"##;

    fn mistakes(file: &str) -> Vec<String> {
        let mistakes = Settings::read(file).expect_err("mistakes");
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_setting_can_be_read() {
        let settings = Settings::read(FILE).expect("a good file");
        assert_eq!(settings.name, Name::new("bob").ok());
        assert_eq!(settings.rendezvous.len(), 2);
        assert_eq!(settings.language, Some("zh"));
        assert_eq!((settings.lan, settings.port_mapping), (Some(Lan::Off), Some(false)));
        assert_eq!(settings.paths, Some(Paths::RelayOnly));
        assert_eq!(settings.interface.symbols, Some(Symbols::Ascii));
        assert_eq!(settings.interface.notify, Some(Notify::Count));
        let keys: Vec<_> =
            settings.interface.keys.iter().map(|one| (&*one.action, one.line)).collect();
        assert_eq!(keys, [("search", 21), ("help", 22), ("suspend", 23)]);
        assert_eq!(settings.interface.keys[0].chords, ["ctrl+f", "ctrl+s"]);
        assert!(settings.interface.keys[2].chords.is_empty());
        assert_eq!(settings.interface.themes[0].colours, [("own".into(), "#88c0d0".into(), 26)]);
        assert_eq!(Settings::read(""), Ok(Settings::default()));
    }

    #[test]
    fn all_mistakes_are_told_with_their_lines_and_what_was_meant() {
        let file = "nmae = \"bob\"\n[network]\nlan = \"maybe\"\nport_mapping = true\n\n[ui]\n\
                    ambiguous = 3\ncolour = 1\n[netwrok]\nlan = \"off\"\n";
        assert_eq!(
            mistakes(file),
            [
                "line 1: there is no setting nmae; did you mean name?",
                "line 3: network.lan is one of \"off\", \"contacts\", \"everybody\"",
                "line 4: there is no setting network.port_mapping; did you mean network.port-mapping?",
                "line 7: ui.ambiguous is 1 or 2",
                "line 8: there is no setting ui.colour",
                "line 9: there is no setting netwrok",
            ]
        );
        assert!(mistakes("name = \n")[0].starts_with("line 1: "));
        assert!(mistakes("[keys]\nhelp = 1")[0].starts_with("line 2: keys.help is a key"));
        assert!(mistakes("name = \"a b\"")[0].starts_with("line 1: name is no name: "));
        assert_eq!(mistakes("ui = 1"), ["line 1: there is no setting ui"]);
    }

    #[test]
    fn the_language_is_known_whatever_else_is_wrong() {
        assert_eq!(language("language = \"zh\"\nnmae = 1\n"), Some("zh"));
        for file in ["", "language = \"xx\"", "language = 1", "[language]", "language = \"zh"] {
            assert_eq!(language(file), None, "{file}");
        }
    }

    #[test]
    fn settling_one_thing_leaves_every_comment_where_it_was() {
        let changed = set(FILE, "name", "alice").expect("changed");
        assert_eq!(changed, FILE.replace("\"bob\"", "\"alice\""));
        let changed = set(FILE, "ui.mouse", "false").expect("changed");
        assert_eq!(changed, FILE.replace("mouse = true", "mouse = false"));
        let added = set("# mine\n", "ui.theme", "light").expect("added");
        assert!(
            added.contains("# mine") && added.ends_with("[ui]\ntheme = \"light\"\n"),
            "{added}"
        );
        let keys = set("", "keys.search", "[\"ctrl+f\", \"f3\"]").expect("keys");
        assert_eq!(
            Settings::read(&keys).expect("valid").interface.keys[0].chords,
            ["ctrl+f", "f3"]
        );
        let servers = set("", "rendezvous", "chat.example.org").expect("one server");
        assert_eq!(Settings::read(&servers).expect("valid").rendezvous.len(), 1);
    }

    #[test]
    fn nothing_wrong_is_ever_written() {
        for (key, value) in
            [("ui.ambiguous", "3"), ("nmae", "bob"), ("network.lan", "maybe"), ("ui", "1")]
        {
            assert!(set(FILE, key, value).is_err(), "{key}");
        }
        assert!(set("broken = ", "name", "bob").is_err());
    }

    #[test]
    fn what_was_settled_can_be_left_to_the_program_again() {
        let without = unset(FILE, "ui.mouse").expect("a good file").expect("was there");
        assert_eq!(without, FILE.replace("mouse = true\n", ""));
        assert_eq!(unset(FILE, "ui.nothing"), Ok(None));
        assert_eq!(unset("", "ui.mouse"), Ok(None));
    }
}
