//! The manual pages, made from the tables that the program itself obeys.

use std::fs;
use std::io;
use std::path::Path;

use clap_mangen::Man;
use roff::{Inline, Roff, bold, italic, roman};

use crate::chat::command;
use crate::config::{SETTINGS, Setting};
use crate::ui::language::Language;
use crate::ui::tui::help;
use crate::ui::tui::keys::{Keymap, Place};

/// The page of the program: its options, what can be typed and pressed in the chat, and what can be
/// settled.
///
/// # Errors
///
/// None in memory; the writer's type knows no better.
pub fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = Man::new(command);
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    commands().to_writer(&mut page)?;
    keys().to_writer(&mut page)?;
    settings().to_writer(&mut page)?;
    man.render_extra_section(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// Writes the page of the program and one for each of its commands into a directory.
///
/// # Errors
///
/// The directory or a file in it cannot be written.
pub fn pages(command: clap::Command, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(command.clone(), directory)?;
    fs::write(directory.join(format!("{}.1", command.get_name())), page(command)?)
}

fn commands() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["COMMANDS IN THE CHAT"]);
    for help in command::all() {
        let mut term = vec![bold(format!("/{}", help.word))];
        for also in help.also {
            term.extend([roman(", "), bold(format!("/{also}"))]);
        }
        if !help.usage.is_empty() {
            term.extend([roman(" "), italic(help.usage)]);
        }
        entry(&mut section, term, help.help);
    }
    section
}

fn keys() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["KEYS"]);
    section.text([
        roman("Of the terminal interface. Each can be changed in the table "),
        bold("[keys]"),
        roman(" of the configuration file, under the word in parentheses."),
    ]);
    let (keymap, language) = (Keymap::default(), Language::default());
    for place in [Place::Writing, Place::Screen] {
        for line in help::lines(&keymap, place, &language) {
            let term = vec![bold(line.keys), roman(format!(" ({})", line.name))];
            entry(&mut section, term, &line.help);
        }
    }
    section
}

fn settings() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["CONFIGURATION FILE"]);
    section.text([
        roman("Where it is, "),
        bold("p2pchat config path"),
        roman(" tells. An option comes before it. Other keys stand in a table "),
        bold("[keys]"),
        roman(", colours in "),
        bold("[themes.NAME]"),
        roman("."),
    ]);
    for setting in SETTINGS {
        let mark = if setting.is_default { " = " } else { ", for example " };
        let term = vec![bold(setting.key), roman(mark), roman(setting.example)];
        entry(&mut section, term, setting.help);
    }
    section
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
    for Setting { key, help, example, is_default, .. } in SETTINGS {
        let mark = if *is_default { "" } else { "none; for example " };
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
    use super::*;
    use crate::ui::tui::keys::{Action, TABLE};

    #[test]
    fn the_manual_names_every_command_every_key_and_every_setting() {
        let page = page(clap::Command::new("p2pchat").version("1")).expect("a page");
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
}
