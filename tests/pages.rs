//! What the pages under `docs/` say about files, tests and constants is there.
//!
//! A line that names a source file as `` `path/to/file.rs` `` may name, behind it and in the same
//! way, what is in that file: a test, a constant, a function. Both must exist. Tables that say what the
//! program can do are made by it.
#![allow(clippy::disallowed_methods, reason = "it reads the repository")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use p2pchat::app::manual;

#[test]
fn every_file_test_and_constant_that_a_page_names_exists() {
    let mut report = String::new();
    for page in pages() {
        let text = read(&page);
        for (number, line) in text.lines().enumerate() {
            let mut source: Option<String> = None;
            for word in code_words(line) {
                if word.ends_with(".rs") && word.contains('/') {
                    source = fs::read_to_string(root().join(word)).ok();
                    if source.is_none() {
                        let _ = writeln!(report, "{}:{}: no {word}", page.display(), number + 1);
                    }
                } else if let Some(source) = &source
                    && is_identifier(word)
                    && !has_word(source, word)
                {
                    let _ = writeln!(report, "{}:{}: no {word}", page.display(), number + 1);
                }
            }
        }
    }
    assert!(report.is_empty(), "pages name what is not there:\n{report}");
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let mut report = String::new();
    for page in pages() {
        let folder = page.parent().expect("a page is in a folder");
        for link in read(&page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            let outside = link.contains("://") || file.is_empty();
            if !outside && !folder.join(file).exists() {
                let _ = writeln!(report, "{}: {link}", page.display());
            }
        }
    }
    assert!(report.is_empty(), "links that lead nowhere:\n{report}");
}

#[test]
fn the_tables_of_keys_and_settings_are_those_that_the_program_obeys() {
    let page = read(&root().join("docs/using.md"));
    for (name, table) in [("keys", manual::key_table()), ("settings", manual::setting_table())] {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
        let written = page.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
        let (written, _) = written.unwrap_or_else(|| panic!("docs/using.md has no {begin}"));
        assert!(written == table, "put this between {begin}and {end}in docs/using.md:\n\n{table}");
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The pages of the repository, those at its top included.
fn pages() -> Vec<PathBuf> {
    let folders = [root(), root().join("docs")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let mut pages: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    assert!(!pages.is_empty(), "no pages");
    pages
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between back quotes.
fn code_words(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_identifier(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether `word` stands in `text`, not as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        !inside(text[..at].chars().next_back()) && !inside(text[at + word.len()..].chars().next())
    })
}
