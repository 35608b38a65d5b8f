//! From what is settled in the configuration file to how the screen looks.

use super::mistakes;
use crate::chat::clean;
use crate::config::{Interface, Notify, Symbols as Marks, ThemeTable};
use crate::ui::language::Phrase;
use crate::ui::tui::cells::Ambiguous;
use crate::ui::tui::keys::{KeyProblem, Keymap};
use crate::ui::tui::look::Look;
use crate::ui::tui::notify::Level;
use crate::ui::tui::theme::{Symbols, Theme, ThemeProblem};

/// What is wrong, and in which line of the file; without one it is somewhere in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Problem {
    pub(super) line: Option<usize>,
    /// What, and in which table.
    pub(super) what: Phrase,
}

impl Problem {
    fn new(line: Option<usize>, place: &str, what: Phrase) -> Self {
        let place = clean::label(place, 80);
        Self { line, what: Phrase::new("mistake-in").with("place", place).holding("what", what) }
    }
}

/// The look that is settled, on a terminal with colours or without. `east_asian` says whether the
/// locale is one of those whose terminals may draw ambiguous characters wide.
pub(super) fn look(
    interface: &Interface,
    colour: bool,
    east_asian: bool,
) -> Result<Look, Vec<Problem>> {
    let (theme, keymap) = (theme(interface), keymap(interface));
    // Each theme is checked, also those that are not in use.
    let customs = interface.themes.iter().filter_map(|table| custom(table).err()).flatten();
    let wrong_theme = theme.as_ref().err().cloned();
    let wrong_keys = keymap.as_ref().err().cloned().unwrap_or_default();
    let problems: Vec<Problem> = wrong_theme.into_iter().chain(customs).chain(wrong_keys).collect();
    let (Ok(mut theme), Ok(keymap), []) = (theme, keymap, &*problems) else {
        return Err(problems);
    };
    if !colour {
        theme = Theme::mono();
    }
    let wide = interface.ambiguous.map_or(east_asian, |cells| cells == 2);
    theme.symbols = match interface.symbols {
        Some(Marks::Ascii) => Symbols::ASCII,
        Some(Marks::Unicode) => Symbols::UNICODE,
        None if wide => Symbols::ASCII,
        None => Symbols::UNICODE,
    };
    // What is two cells wide by guess may be one: only who says so gets the gaps.
    theme.ambiguous = match interface.ambiguous {
        Some(2) => Ambiguous::Wide,
        _ => Ambiguous::Narrow,
    };
    Ok(Look {
        theme,
        keymap,
        sidebar: interface.sidebar.unwrap_or(true),
        notify: match interface.notify.unwrap_or_default() {
            Notify::None => Level::None,
            Notify::Count => Level::Count,
            Notify::Name => Level::Name,
            Notify::Text => Level::Text,
        },
        mouse: interface.mouse.unwrap_or(false),
    })
}

fn theme(interface: &Interface) -> Result<Theme, Problem> {
    let name = interface.theme.as_deref().unwrap_or("dark");
    if let Some(table) = interface.themes.iter().find(|table| table.name == name) {
        // What is wrong with it is told with the others.
        return Ok(custom(table).unwrap_or_else(|_| Theme::dark()));
    }
    Theme::named(name).map_err(|mut problem| {
        if let ThemeProblem::UnknownTheme { known, .. } = &mut problem {
            known.extend(interface.themes.iter().map(|table| table.name.clone()));
        }
        Problem::new(None, "ui.theme", mistakes::theme(&problem))
    })
}

fn custom(table: &ThemeTable) -> Result<Theme, Vec<Problem>> {
    let changes: Vec<(&str, &str)> =
        table.colours.iter().map(|(part, style, _)| (part.as_str(), style.as_str())).collect();
    Theme::custom(&changes).map_err(|problems| {
        let told = problems.into_iter().map(|(place, problem)| {
            let line = table.colours.get(place).map(|(_, _, line)| *line);
            Problem::new(line, &format!("themes.{}", table.name), mistakes::theme(&problem))
        });
        told.collect()
    })
}

fn keymap(interface: &Interface) -> Result<Keymap, Vec<Problem>> {
    let changes = interface
        .keys
        .iter()
        .map(|one| (one.action.as_str(), one.chords.iter().map(String::as_str).collect()));
    Keymap::with(changes).map_err(|problems| {
        let line_of = |action: &str| {
            interface.keys.iter().find(|one| one.action == action).map(|one| one.line)
        };
        let told = problems.into_iter().map(|problem| {
            let line = match &problem {
                KeyProblem::UnknownAction { name, .. } => line_of(name),
                KeyProblem::BadChord { action, .. } => line_of(action),
                KeyProblem::Conflict { first, second, .. } => {
                    line_of(second).or_else(|| line_of(first))
                }
                KeyProblem::Begins { action, other, .. } => {
                    line_of(action).or_else(|| line_of(other))
                }
            };
            Problem::new(line, "keys", mistakes::key(&problem))
        });
        told.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::ui::language::Language;

    fn settled(file: &str) -> Interface {
        Settings::read(file).expect("a file in order").interface
    }

    fn sentences(file: &str) -> Vec<String> {
        let problems = look(&settled(file), true, false).expect_err("problems");
        let row = |problem: Problem| {
            let row = mistakes::row(problem.line, problem.what).said_in(&Language::default());
            row.trim_start().to_owned()
        };
        problems.into_iter().map(row).collect()
    }

    #[test]
    fn a_theme_of_ones_own_is_used_where_there_are_colours() {
        let file = "[ui]\ntheme = \"mine\"\n[themes.mine]\nbase = \"light\"\nown = \"red\"\n";
        let coloured = look(&settled(file), true, false).expect("a look");
        assert_eq!(coloured.theme.status, Theme::light().status);
        let plain = look(&settled(file), false, false).expect("a look");
        assert_eq!(plain.theme, Theme::mono());
    }

    #[test]
    fn an_east_asian_locale_gets_marks_that_have_one_width() {
        let there = |file: &str| look(&settled(file), true, true).expect("a look");
        assert_eq!(there("").theme.symbols, Symbols::ASCII);
        assert_eq!(there("ui.ambiguous = 1").theme.symbols, Symbols::UNICODE);
        assert_eq!(there("ui.symbols = \"unicode\"").theme.symbols, Symbols::UNICODE);
        assert_eq!(there("").theme.ambiguous, Ambiguous::Narrow);
        assert_eq!(there("ui.ambiguous = 2").theme.ambiguous, Ambiguous::Wide);
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_line() {
        let told = sentences(
            "[ui]\ntheme = \"none\"\n[themes.mine]\nonw = \"red\"\n[keys]\nserach = \"f9\"\nhelp = \"f0\"\n",
        );
        assert!(
            told[0].starts_with(
                "ui.theme: there is no theme \"none\"; there are dark, light, mono, mine"
            ),
            "{told:?}"
        );
        assert!(
            told.iter()
                .any(|one| one.starts_with("line 4: themes.mine: nothing is called \"onw\"")),
            "{told:?}"
        );
        assert!(
            told.iter()
                .any(|one| one
                    .starts_with("line 6: keys: there is no action \"serach\"; did you mean")),
            "{told:?}"
        );
        assert!(told.iter().any(|one| one.starts_with("line 7: keys: ")), "{told:?}");
    }
}
