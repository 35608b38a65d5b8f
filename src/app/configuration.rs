//! The configuration file on disk: where it is, what it says, and how it is changed.

use std::fmt::Display;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use unicode_width::UnicodeWidthStr;

use super::Failure;
use super::look::look;
use super::mistakes;
use crate::chat::ExitCode;
use crate::config::file::{self, MAX_FILE};
use crate::config::{Mistake, SETTINGS, Settings};
use crate::ui::language::{Language, Phrase, Tongue};
use crate::ui::{Printout, json};

/// A configuration file, which need not exist.
#[derive(Clone, Debug)]
pub struct Configuration {
    path: PathBuf,
}

impl Configuration {
    /// The file given; else the one of the profile that was given; else where the system keeps such
    /// files.
    ///
    /// # Errors
    ///
    /// The system does not say where it keeps them.
    pub fn find(file: Option<PathBuf>, data_dir: Option<&Path>) -> Result<Self, Failure> {
        let path = match (file, data_dir) {
            (Some(file), _) => file,
            (None, Some(data_dir)) => data_dir.join("config.toml"),
            (None, None) => etcetera::choose_base_strategy()
                .map_err(|_| Failure::internal(Phrase::new("no-home-for-config")))?
                .config_dir()
                .join("p2pchat")
                .join("config.toml"),
        };
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The language that it settles, whatever else is wrong with it.
    #[must_use]
    pub fn language(&self) -> Option<Tongue> {
        let text = self.text().ok()??;
        file::language(&text).and_then(Tongue::of_locale)
    }

    /// What it settles; nothing if it does not exist.
    ///
    /// # Errors
    ///
    /// It cannot be read, or there are mistakes in it.
    pub fn settings(&self) -> Result<Settings, Failure> {
        let text = self.text()?.unwrap_or_default();
        let settings = Settings::read(&text).map_err(|mistakes| self.mistaken(&mistakes))?;
        // What only the screen knows: the names of actions, keys and colours.
        look(&settings.interface, true, false).map_err(|mut problems| {
            problems.sort_by_key(|problem| problem.line);
            self.wrong(
                problems.into_iter().map(|problem| mistakes::row(problem.line, problem.what)),
            )
        })?;
        Ok(settings)
    }

    /// Tells that there is no mistake in it.
    ///
    /// # Errors
    ///
    /// As [`settings`](Self::settings).
    pub fn check(&self, language: &Language) -> Result<Vec<Printout>, Failure> {
        let sentence = match self.text()? {
            None => language.say("file-missing", &[("path", &self.shown())]),
            Some(_) => language.say("file-in-order", &[("path", &self.shown())]),
        };
        self.settings()?;
        Ok(vec![Printout::out(sentence)])
    }

    /// What holds: everything that can be settled, and who settled it. `options` are the keys and
    /// values that options or the environment have given.
    ///
    /// # Errors
    ///
    /// As [`settings`](Self::settings).
    pub fn show(
        &self,
        options: &[(&'static str, String)],
        as_json: bool,
        language: &Language,
    ) -> Result<Vec<Printout>, Failure> {
        let text = self.text()?.unwrap_or_default();
        self.settings()?;
        let written = file::values(&text);
        let option = |key: &str| options.iter().find(|(known, _)| *known == key);
        let mut settled: Vec<(String, Option<String>, Source)> = Vec::new();
        for setting in SETTINGS {
            let key = setting.key.to_owned();
            let from_file = || written.iter().find(|(known, _)| *known == key);
            settled.push(match (option(setting.key), from_file()) {
                (Some((_, value)), _) => (key, Some(value.clone()), Source::Option),
                (None, Some((_, value))) => (key.clone(), Some(value.clone()), Source::File),
                (None, None) => {
                    let value = setting.is_default.then(|| setting.example.to_owned());
                    (key, value, Source::Default)
                }
            });
        }
        let others = written.into_iter().filter(|(key, _)| file::find(key).is_none());
        settled.extend(others.map(|(key, value)| (key, Some(value), Source::File)));
        Ok(settled
            .into_iter()
            .map(|(key, value, from)| {
                if as_json {
                    return Printout::out(json::setting(&key, value.as_deref(), from.code()));
                }
                let value = value.unwrap_or_else(|| language.text("not-settled"));
                let settled = format!("{key} = {value}");
                let gap = 40_usize.saturating_sub(settled.width());
                Printout::out(format!("{settled}{:gap$}  # {}", "", from.said_in(language)))
            })
            .collect())
    }

    /// Settles one thing.
    ///
    /// # Errors
    ///
    /// There is no such thing, the value does not fit, or the file cannot be written.
    pub fn set(&self, key: &str, value: &str) -> Result<Vec<Printout>, Failure> {
        let text = self.text()?.unwrap_or_default();
        let changed = file::set(&text, key, value).map_err(|mistakes| match &*mistakes {
            // It is what was typed, not a line of the file.
            [Mistake { line: 1, what }] if Settings::read(&text).is_ok() => {
                Failure::new(ExitCode::Usage, mistakes::wrong(what))
            }
            _ => self.mistaken(&mistakes),
        })?;
        let problems = Settings::read(&changed)
            .map(|settings| look(&settings.interface, true, false).err().unwrap_or_default());
        if let Some(problem) = problems.unwrap_or_default().into_iter().next() {
            return Err(Failure::new(ExitCode::Usage, problem.what));
        }
        self.write(&changed)?;
        Ok(Vec::new())
    }

    /// Leaves one thing to the program again.
    ///
    /// # Errors
    ///
    /// There are mistakes in the file, or it cannot be written.
    pub fn unset(&self, key: &str, language: &Language) -> Result<Vec<Printout>, Failure> {
        let text = self.text()?.unwrap_or_default();
        match file::unset(&text, key).map_err(|mistakes| self.mistaken(&mistakes))? {
            Some(changed) => {
                self.write(&changed)?;
                Ok(Vec::new())
            }
            None => {
                let arguments: [(_, &dyn Display); 2] = [("path", &self.shown()), ("key", &key)];
                Ok(vec![Printout::out(language.say("file-silent", &arguments))])
            }
        }
    }

    fn text(&self) -> Result<Option<String>, Failure> {
        let failed = |error: std::io::Error| {
            Failure::internal(self.about("file-unreadable").with("error", error))
        };
        let file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut text = String::new();
        let read = file.take(MAX_FILE as u64 + 1).read_to_string(&mut text).map_err(failed)?;
        if read > MAX_FILE {
            let phrase = self.about("file-too-long").with("limit", MAX_FILE / 1024);
            return Err(Failure::new(ExitCode::Usage, phrase));
        }
        Ok(Some(text))
    }

    /// As a whole or not at all, whatever happens meanwhile.
    fn write(&self, text: &str) -> Result<(), Failure> {
        let write = || {
            // A link stays a link: what it leads to is changed.
            let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let directory = parent.unwrap_or_else(|| Path::new("."));
            fs::create_dir_all(directory)?;
            let mut new = tempfile::NamedTempFile::new_in(directory)?;
            new.write_all(text.as_bytes())?;
            new.as_file().sync_all()?;
            new.persist(path)?;
            Ok(())
        };
        write().map_err(|error: std::io::Error| {
            Failure::internal(self.about("file-unwritable").with("error", error))
        })
    }

    fn mistaken(&self, mistakes: &[Mistake]) -> Failure {
        self.wrong(mistakes.iter().map(mistakes::mistake))
    }

    fn wrong(&self, rows: impl Iterator<Item = Phrase>) -> Failure {
        let mut phrases = vec![self.about("file-mistaken")];
        phrases.extend(rows);
        phrases.push(Phrase::new("file-correct-it"));
        Failure::lines(ExitCode::Usage, phrases)
    }

    fn about(&self, id: &'static str) -> Phrase {
        Phrase::new(id).with("path", self.shown())
    }

    fn shown(&self) -> String {
        crate::chat::clean::label(&self.path.display().to_string(), 4096)
    }
}

/// Who settled something.
#[derive(Clone, Copy, Debug)]
enum Source {
    Option,
    File,
    Default,
}

impl Source {
    /// For programs.
    fn code(self) -> &'static str {
        match self {
            Self::Option => "option",
            Self::File => "file",
            Self::Default => "default",
        }
    }

    /// For people.
    fn said_in(self, language: &Language) -> String {
        language.text(match self {
            Self::Option => "from-option",
            Self::File => "from-file",
            Self::Default => "from-default",
        })
    }
}

/// A file that settles nothing and names everything, each line with its meaning.
#[must_use]
pub fn template(language: &Language) -> Vec<Printout> {
    let mut lines = Vec::new();
    let mut table = "";
    for setting in SETTINGS {
        let (place, word) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        if place != table {
            lines.extend([String::new(), format!("[{place}]")]);
            table = place;
        }
        let line = format!("{word} = {}", setting.example);
        let line = match setting.is_default {
            true => line,
            false => language.say("template-example", &[("line", &line)]),
        };
        lines.extend([language.text(&setting.sentence()), line].map(|said| format!("# {said}")));
    }
    lines.into_iter().map(Printout::out).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_says_what_holds_without_it() {
        for (tongue, example) in [(Tongue::En, "for example: "), (Tongue::Zh, "例如：")] {
            let lines = template(&Language::new(tongue));
            let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
            assert_eq!(Settings::read(&text), Ok(Settings::default()));
            let uncommented: String = text
                .lines()
                .map(|line| line.strip_prefix("# ").unwrap_or(line))
                .map(|line| line.strip_prefix(example).unwrap_or(line))
                .filter(|line| line.contains(" = ") || line.starts_with('['))
                .map(|line| format!("{line}\n"))
                .collect();
            assert!(Settings::read(&uncommented).is_ok(), "{uncommented}");
            let settled = uncommented.lines().filter(|line| line.contains(" = ")).count();
            assert_eq!(settled, SETTINGS.len(), "{uncommented}");
        }
    }

    #[test]
    fn every_setting_is_told_in_every_language() {
        let (english, chinese) = (Language::default(), Language::new(Tongue::Zh));
        for setting in SETTINGS {
            let id = setting.sentence();
            assert_ne!(english.text(&id), id);
            assert!(chinese.own(&id).is_some(), "{id} is not there in Chinese");
        }
    }
}
