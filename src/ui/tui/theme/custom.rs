//! Themes that a person has written.

use ratatui::style::{Color, Modifier, Style};

use super::{NAMES, Theme};
use crate::chat::nearest;

/// What can be coloured, besides `name1` to `name6`.
const PARTS: [&str; 9] =
    ["text", "dim", "own", "wrong", "alarm", "unread", "status", "current", "base"];

/// What is wrong with a theme that somebody wrote.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ThemeProblem {
    /// There is no theme of this name.
    #[error("there is no theme \"{name}\"; there are {}", .known.join(", "))]
    UnknownTheme {
        /// What was written.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Nothing on the screen is called so.
    #[error("nothing is called \"{part}\"{}", meant(.nearest))]
    UnknownPart {
        /// What was written.
        part: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// A word of a style is neither a colour nor a way of writing.
    #[error(
        "\"{word}\" is no colour; write cyan, #88c0d0 or 110, with bold, dim, italic, underlined or reversed before it and \"on COLOUR\" behind it"
    )]
    BadStyle {
        /// The word.
        word: String,
    },
}

fn meant(nearest: &Option<&'static str>) -> String {
    nearest.map(|word| format!("; did you mean {word}?")).unwrap_or_default()
}

impl Theme {
    /// One of our own themes.
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub fn named(name: &str) -> Result<Self, ThemeProblem> {
        match name {
            "dark" => Ok(Self::dark()),
            "light" => Ok(Self::light()),
            "mono" => Ok(Self::mono()),
            _ => Err(ThemeProblem::UnknownTheme {
                name: name.to_owned(),
                known: ["dark", "light", "mono"].map(str::to_owned).to_vec(),
            }),
        }
    }

    /// One of our own themes with changes: for each part, its style in words, as `bold cyan on black`.
    /// The part `base` is the theme that is changed, `dark` without it.
    ///
    /// # Errors
    ///
    /// For each wrong change, its place among the changes and what is wrong.
    pub fn custom(changes: &[(&str, &str)]) -> Result<Self, Vec<(usize, ThemeProblem)>> {
        let mut problems = Vec::new();
        let mut theme = Self::dark();
        for (place, (_, base)) in
            changes.iter().enumerate().filter(|(_, (part, _))| *part == "base")
        {
            match Self::named(base) {
                Ok(base) => theme = base,
                Err(problem) => problems.push((place, problem)),
            }
        }
        for (place, (part, style)) in
            changes.iter().enumerate().filter(|(_, (part, _))| *part != "base")
        {
            let change = theme.part(part).and_then(|slot| {
                *slot = style_of(style)?;
                Ok(())
            });
            problems.extend(change.err().map(|problem| (place, problem)));
        }
        if problems.is_empty() { Ok(theme) } else { Err(problems) }
    }

    fn part(&mut self, part: &str) -> Result<&mut Style, ThemeProblem> {
        let number = part.strip_prefix("name").and_then(|number| number.parse::<usize>().ok());
        if let Some(number @ 1..=NAMES) = number {
            return Ok(&mut self.names[number - 1]);
        }
        Ok(match part {
            "text" => &mut self.text,
            "dim" => &mut self.dim,
            "own" => &mut self.own,
            "wrong" => &mut self.wrong,
            "alarm" => &mut self.alarm,
            "unread" => &mut self.unread,
            "status" => &mut self.status,
            "current" => &mut self.current,
            _ => {
                return Err(ThemeProblem::UnknownPart {
                    part: part.to_owned(),
                    nearest: nearest(part, PARTS),
                });
            }
        })
    }
}

fn style_of(text: &str) -> Result<Style, ThemeProblem> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let bad = || ThemeProblem::BadStyle { word: word.to_owned() };
        style = match word {
            "bold" => style.add_modifier(Modifier::BOLD),
            "dim" => style.add_modifier(Modifier::DIM),
            "italic" => style.add_modifier(Modifier::ITALIC),
            "underlined" => style.add_modifier(Modifier::UNDERLINED),
            "reversed" => style.add_modifier(Modifier::REVERSED),
            "on" => style.bg(words.next().and_then(colour).ok_or_else(bad)?),
            word => style.fg(colour(word).ok_or_else(bad)?),
        };
    }
    Ok(style)
}

fn colour(word: &str) -> Option<Color> {
    word.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_is_one_of_ours_with_changes() {
        let theme =
            Theme::custom(&[("own", "bold #88c0d0"), ("base", "light"), ("name2", "110 on black")])
                .expect("a theme");
        assert_eq!(
            theme.own,
            Style::new().fg(Color::Rgb(0x88, 0xc0, 0xd0)).add_modifier(Modifier::BOLD)
        );
        assert_eq!(theme.names[1], Style::new().fg(Color::Indexed(110)).bg(Color::Black));
        assert_eq!(theme.status, Theme::light().status);
        assert_eq!(Theme::custom(&[]), Ok(Theme::dark()));
    }

    #[test]
    fn what_is_wrong_with_a_theme_is_said_of_each_change() {
        let problems = Theme::custom(&[
            ("own", "cyan"),
            ("onw", "cyan"),
            ("dim", "bold fog"),
            ("name7", "red"),
            ("base", "grey"),
            ("status", "white on"),
        ])
        .expect_err("problems");
        let sentences: Vec<String> =
            problems.iter().map(|(place, problem)| format!("{place}: {problem}")).collect();
        assert!(sentences.contains(&"1: nothing is called \"onw\"; did you mean own?".to_owned()));
        assert!(sentences.iter().any(|one| one.starts_with("2: \"fog\" is no colour")));
        assert!(sentences.iter().any(|one| one.starts_with("3: nothing is called \"name7\"")));
        assert!(sentences.iter().any(|one| one.starts_with("4: there is no theme \"grey\"")));
        assert!(sentences.iter().any(|one| one.starts_with("5: \"on\" is no colour")));
        assert_eq!(sentences.len(), 5);
    }

    #[test]
    fn every_part_that_is_named_can_be_coloured() {
        for part in PARTS.iter().filter(|part| **part != "base") {
            assert!(Theme::custom(&[(part, "red")]).is_ok(), "{part}");
        }
        for part in ["name1", "name6"] {
            assert!(Theme::custom(&[(part, "red")]).is_ok(), "{part}");
        }
    }
}
