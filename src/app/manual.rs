//! The manual pages, made from the tables that the program itself obeys.

use std::fs;
use std::io;
use std::path::Path;

use clap_mangen::Man;
use roff::{Inline, Roff, bold, italic, roman};

use crate::chat::command;
use crate::config::SETTINGS;

/// The page of the program: its options, what can be typed in the chat, and what can be settled.
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

fn entry(section: &mut Roff, term: Vec<Inline>, text: &str) {
    section.control("TP", []);
    section.text(term);
    section.text([roman(text)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_names_every_command_and_every_setting() {
        let page = page(clap::Command::new("p2pchat").version("1")).expect("a page");
        let page = String::from_utf8(page).expect("text").replace("\\-", "-");
        for help in command::all() {
            assert!(page.contains(&format!("/{}", help.word)), "{}", help.word);
        }
        for setting in SETTINGS {
            assert!(page.contains(setting.key), "{}", setting.key);
        }
        assert!(page.starts_with(".ie") || page.contains(".TH p2pchat 1"), "{page}");
    }
}
