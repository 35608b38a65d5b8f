//! The manual pages, made from the tables that the program itself obeys.

use std::fs;
use std::io;
use std::path::Path;

use clap_mangen::Man;
use roff::{Inline, Roff, bold, italic, roman};

use crate::chat::command;
use crate::config::{SETTINGS, Setting};
use crate::ui::language::{Language, Tongue};
use crate::ui::tui::help;
use crate::ui::tui::keys::{Keymap, Place};
use crate::ui::words;

/// What the maker of pages writes above the parts of one, and the sentence that has it in another
/// language.
const HEADINGS: [(&str, &str); 5] = [
    ("NAME", "man-name"),
    ("SYNOPSIS", "man-synopsis"),
    ("DESCRIPTION", "man-description"),
    ("EXTRA", "man-extra"),
    ("VERSION", "man-version"),
];

/// The page of the program: its options, what can be typed and pressed in the chat, and what can be
/// settled. `command` is in `language` already.
///
/// # Errors
///
/// None in memory; the writer's type knows no better.
pub fn page(command: clap::Command, language: &Language) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = Man::new(command);
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    commands(language).to_writer(&mut page)?;
    keys(language).to_writer(&mut page)?;
    settings(language).to_writer(&mut page)?;
    man.render_extra_section(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(headed(&page, language))
}

/// Writes the page of the program and one for each of its commands into a directory.
///
/// # Errors
///
/// The directory or a file in it cannot be written.
pub fn pages(mut command: clap::Command, directory: &Path, language: &Language) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    command.build();
    let mut open: Vec<&clap::Command> = command.get_subcommands().collect();
    while let Some(below) = open.pop() {
        open.extend(below.get_subcommands());
        let man = Man::new(below.clone());
        let mut page = Vec::new();
        man.render(&mut page)?;
        fs::write(directory.join(man.get_filename()), headed(&page, language))?;
    }
    let file = Man::new(command.clone()).get_filename();
    fs::write(directory.join(file), page(command, language)?)
}

/// A page with the headings of its language. Where no spaces stand between words, the few that there
/// are would be torn wide to make all rows equally long: Chinese is set ragged.
fn headed(page: &[u8], language: &Language) -> Vec<u8> {
    let lines = page.split_inclusive(|byte| *byte == b'\n');
    let ragged = language.tongue() == Tongue::Zh;
    let heading = |line: &[u8]| {
        if ragged && line.starts_with(b".TH ") {
            return Some([line, b".ad l\n"].concat());
        }
        let word = line.strip_prefix(b".SH ")?.strip_suffix(b"\n")?;
        let (_, id) = HEADINGS.iter().find(|(english, _)| english.as_bytes() == word)?;
        Some(format!(".SH {}\n", language.text(id)).into_bytes())
    };
    lines.flat_map(|line| heading(line).unwrap_or_else(|| line.to_vec())).collect()
}

/// A section under the sentence `id`.
fn section(id: &str, language: &Language) -> Roff {
    let mut section = Roff::new();
    section.control("SH", [language.text(id).as_str()]);
    section
}

fn commands(language: &Language) -> Roff {
    let mut section = section("man-commands", language);
    for help in command::all() {
        let mut term = vec![bold(format!("/{}", help.word))];
        for also in help.also {
            term.extend([roman(", "), bold(format!("/{also}"))]);
        }
        if !help.usage.is_empty() {
            term.extend([roman(" "), italic(words::usage(&help, language))]);
        }
        entry(&mut section, term, &words::help(&help, language));
    }
    section
}

fn keys(language: &Language) -> Roff {
    let mut section = section("man-keys", language);
    section.text(marked(&language.text("man-keys-intro")));
    let keymap = Keymap::default();
    for place in [Place::Writing, Place::Screen] {
        for line in help::lines(&keymap, place, language) {
            let term = vec![bold(line.keys), roman(format!(" ({})", line.name))];
            entry(&mut section, term, &line.help);
        }
    }
    section
}

fn settings(language: &Language) -> Roff {
    let mut section = section("man-settings", language);
    section.text(marked(&language.text("man-settings-intro")));
    for setting in SETTINGS {
        let mark = match setting.is_default {
            true => " = ".to_owned(),
            false => language.text("man-example"),
        };
        let term = vec![bold(setting.key), roman(mark), roman(setting.example)];
        entry(&mut section, term, &language.text(&setting.sentence()));
    }
    section
}

/// A text in which what is typed stands between back quotes.
fn marked(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts.map(|(place, part)| if place % 2 == 0 { roman(part) } else { bold(part) }).collect()
}

/// Every key, as `docs/using.md` has them: a table in Markdown.
#[must_use]
pub fn key_table() -> String {
    let mut table = String::from("| Keys | In `[keys]` | |\n|---|---|---|\n");
    let (keymap, language) = (Keymap::default(), Language::default());
    for place in [Place::Writing, Place::Screen] {
        for help::Line { keys, name, help } in help::lines(&keymap, place, &language) {
            table.push_str(&format!("| {keys} | `{name}` | {help} |\n"));
        }
    }
    table
}

/// Everything that can be settled, as `docs/using.md` has it: a table in Markdown.
#[must_use]
pub fn setting_table() -> String {
    let mut table = String::from("| Setting | By itself | |\n|---|---|---|\n");
    let language = Language::default();
    for setting @ Setting { key, example, is_default, .. } in SETTINGS {
        let mark = if *is_default { "" } else { "none; for example " };
        let help = language.text(&setting.sentence());
        table.push_str(&format!("| `{key}` | {mark}`{example}` | {help} |\n"));
    }
    table
}

fn entry(section: &mut Roff, term: Vec<Inline>, text: &str) {
    section.control("TP", []);
    section.text(term);
    section.text([roman(text)]);
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::ui::tui::keys::{Action, TABLE};

    #[test]
    fn the_manual_names_every_command_every_key_and_every_setting() {
        let page = page(clap::Command::new("p2pchat").version("1"), &Language::default());
        let page = page.expect("a page");
        let page = String::from_utf8(page).expect("text").replace("\\-", "-");
        for help in command::all() {
            assert!(page.contains(&format!("/{}", help.word)), "{}", help.word);
        }
        for binding in TABLE.iter().filter(|row| !matches!(row.action, Action::Conversation(2..))) {
            assert!(page.contains(&format!("({})", binding.name)), "{}", binding.name);
        }
        for setting in SETTINGS {
            assert!(page.contains(setting.key), "{}", setting.key);
        }
        assert!(page.starts_with(".ie") || page.contains(".TH p2pchat 1"), "{page}");
    }

    #[test]
    fn the_manual_is_in_the_language_that_is_spoken() {
        let chinese = Language::new(Tongue::Zh);
        let command = crate::cli::help::in_language(crate::cli::Cli::command(), &chinese);
        let page = page(command, &chinese).expect("a page");
        let page = String::from_utf8(page).expect("text").replace("\\-", "-");
        let headings: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        assert!(headings.iter().all(|heading| !heading.is_ascii()), "{headings:?}");
        for setting in SETTINGS {
            let help = chinese.text(&setting.sentence());
            assert!(page.contains(&help), "{help}");
        }
    }
}
