//! The sentences in `locales/` and the source text that says them: none is missing, none is left over.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fluent_syntax::ast::Entry;
use fluent_syntax::parser;
use p2pchat::chat::command;
use p2pchat::config::{SETTINGS, Setting};
use p2pchat::ui::tui::keys;

/// What sentences are said by: a method or a function whose first argument is the identifier.
const SPEAKERS: &[&str] = &[".text(", ".say(", ".count(", "Phrase::new(", ".about(", "about("];

#[test]
fn every_sentence_that_is_said_exists() {
    let mut known = sentences("en");
    // English stands in the definition of the options.
    known.extend(sentences_of(&root().join("locales/zh/command-line.ftl")));
    let mut missing = Vec::new();
    for (path, text) in sources() {
        for id in said(&text).filter(|id| !known.contains(*id)) {
            missing.push(format!("{}: {id}", path.display()));
        }
    }
    for help in command::all() {
        let id = format!("command-{}", help.word);
        let usage = format!("{id}.usage");
        missing.extend((!known.contains(&id)).then_some(id));
        missing.extend((!help.usage.is_empty() && !known.contains(&usage)).then_some(usage));
    }
    let settings = SETTINGS.iter().map(Setting::sentence);
    missing.extend(settings.filter(|id| !known.contains(id)));
    assert!(missing.is_empty(), "not in locales/en: {missing:#?}");
}

#[test]
fn every_sentence_is_said_somewhere() {
    let sources: Vec<String> = sources().into_iter().map(|(_, text)| text).collect();
    let mut used: BTreeSet<&str> = sources.iter().flat_map(|text| literals(text)).collect();
    let commands: Vec<String> =
        command::all().map(|help| format!("command-{}", help.word)).collect();
    used.extend(commands.iter().map(String::as_str));
    let keys: Vec<String> = keys::TABLE.iter().map(|key| format!("key-{}", key.name)).collect();
    used.extend(keys.iter().map(String::as_str));
    let settings: Vec<String> = SETTINGS.iter().map(Setting::sentence).collect();
    used.extend(settings.iter().map(String::as_str));
    let known = sentences("en");
    let idle = known.iter().filter(|id| !used.contains(id.split('.').next().unwrap_or_default()));
    assert_eq!(idle.collect::<Vec<_>>(), Vec::<&String>::new(), "nobody says these");
}

#[test]
fn in_english_a_command_does_what_its_table_says() {
    let language = p2pchat::ui::language::Language::default();
    for help in command::all() {
        assert_eq!(language.text(&format!("command-{}", help.word)), help.help);
        if !help.usage.is_empty() {
            assert_eq!(language.text(&format!("command-{}.usage", help.word)), help.usage);
        }
    }
}

#[test]
fn the_reader_of_source_text_sees_what_is_said() {
    let text = r#"
        language.text(match a { B => "b-c", D { e: "x" } => "f" });
        let id = if known { "one" } else { "two" };
        x.matches("not"); Phrase::new("three").with("name", y); json!({"type": "other"});
    "#;
    assert_eq!(said(text).collect::<Vec<_>>(), ["b-c", "f", "one", "two", "three"]);
}

/// The identifiers of one language, attributes as `id.attribute`.
fn sentences(folder: &str) -> BTreeSet<String> {
    let files = files(&root().join("locales").join(folder), "ftl");
    files.iter().flat_map(|file| sentences_of(file)).collect()
}

fn sentences_of(file: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let text = read(file);
    let resource = parser::parse(text.as_str());
    let resource = resource.unwrap_or_else(|(_, error)| panic!("{}: {error:?}", file.display()));
    for entry in &resource.body {
        if let Entry::Message(message) = entry {
            let id = message.id.name.to_owned();
            let attributes = message.attributes.iter();
            found.extend(attributes.map(|attribute| format!("{id}.{}", attribute.id.name)));
            found.insert(id);
        }
    }
    found
}

/// What stands as an identifier in the calls that say something, and in what is called an id.
fn said(text: &str) -> impl Iterator<Item = &str> {
    let calls = SPEAKERS.iter().flat_map(|speaker| {
        text.match_indices(speaker).map(|(at, _)| first_argument(&text[at + speaker.len()..]))
    });
    let named = ["let id = ", "let (id,"].into_iter().flat_map(|start| {
        text.match_indices(start).map(|(at, _)| &text[at..at + text[at..].find(';').unwrap_or(0)])
    });
    let mut spans: Vec<&str> = calls.chain(named).collect();
    spans.sort_by_key(|span| span.as_ptr());
    let mut found: Vec<&str> = spans
        .into_iter()
        .flat_map(|span| results(span).into_iter().filter(|id| is_identifier(id)))
        .collect();
    found.dedup_by_key(|id| id.as_ptr());
    found.into_iter()
}

/// The literals of an expression that may be its value: not those inside the patterns of a `match`.
fn results(span: &str) -> Vec<&str> {
    // The span begins outside of a literal, so every other part is inside of one.
    let inside = span.split('"').skip(1).step_by(2);
    let all: Vec<&str> = inside.filter(|part| is_identifier(part)).collect();
    if !span.contains("=>") {
        return all;
    }
    let is_result = |literal: &&str| {
        let at = literal.as_ptr() as usize - span.as_ptr() as usize - 1;
        let before = span[..at].trim_end();
        before.ends_with("=>") || before.ends_with('{') || before.ends_with('(')
    };
    all.into_iter().filter(is_result).collect()
}

/// Up to the comma or the parenthesis that ends it.
fn first_argument(text: &str) -> &str {
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return &text[..at],
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => return &text[..at],
            _ => {}
        }
    }
    text
}

/// Whatever stands between two quotes and may be an identifier, and at worst some word between two
/// literals.
fn literals(text: &str) -> Vec<&str> {
    text.split('"').filter(|part| is_identifier(part)).collect()
}

fn is_identifier(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(letter)
}

/// The source text of the program, without its tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for file in files(&root().join("src"), "rs") {
        let name = file.to_string_lossy();
        if !name.ends_with("tests.rs") && !name.contains("/tests/") {
            let text = read(&file);
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
            found.push((file, code));
        }
    }
    found
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
            let path = entry.expect("an entry").path();
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(extension) if extension == ending => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
