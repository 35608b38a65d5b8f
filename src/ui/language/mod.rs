//! The languages that the program speaks, and its sentences in each.
//!
//! The sentences are in `locales/`, in the notation of [Project Fluent](https://projectfluent.org),
//! and part of the program. They are found by an identifier, and take arguments by name. A sentence
//! that one language lacks is said in English, one that English lacks as its identifier: what cannot
//! be found is odd to read, and stops nothing. A test sees to it that none is missing.
//!
//! Which language it is to be is decided once, from what [`Language::choose`] is given; there is no
//! language that is simply there. What programs read (the codes and sentences of JSON, the log) is
//! English whatever the language.

mod phrase;

use std::fmt;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

pub use phrase::Phrase;

/// The sentences of each language, one text for each subject.
const ENGLISH: &[&str] = &[
    include_str!("../../../locales/en/main.ftl"),
    include_str!("../../../locales/en/commands.ftl"),
    include_str!("../../../locales/en/paths.ftl"),
    include_str!("../../../locales/en/doctor.ftl"),
    include_str!("../../../locales/en/app.ftl"),
    include_str!("../../../locales/en/screen.ftl"),
    include_str!("../../../locales/en/keys.ftl"),
    include_str!("../../../locales/en/failures.ftl"),
    include_str!("../../../locales/en/configuration.ftl"),
    include_str!("../../../locales/en/people.ftl"),
    include_str!("../../../locales/en/rooms.ftl"),
    include_str!("../../../locales/en/files.ftl"),
];
const CHINESE: &[&str] = &[
    include_str!("../../../locales/zh/main.ftl"),
    include_str!("../../../locales/zh/commands.ftl"),
    include_str!("../../../locales/zh/paths.ftl"),
    include_str!("../../../locales/zh/doctor.ftl"),
    include_str!("../../../locales/zh/app.ftl"),
    include_str!("../../../locales/zh/screen.ftl"),
    include_str!("../../../locales/zh/keys.ftl"),
    include_str!("../../../locales/zh/failures.ftl"),
    include_str!("../../../locales/zh/configuration.ftl"),
    include_str!("../../../locales/zh/people.ftl"),
    include_str!("../../../locales/zh/rooms.ftl"),
    include_str!("../../../locales/zh/files.ftl"),
];

/// A language that the program speaks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Tongue {
    /// English
    #[default]
    En,
    /// Chinese, in simplified characters (中文)
    Zh,
}

impl Tongue {
    /// What the locale of a system asks for, as `zh_CN.UTF-8` or `zh-Hans-CN`; `None` if we do not
    /// speak it. `C` and `POSIX` ask for English.
    #[must_use]
    pub fn of_locale(locale: &str) -> Option<Self> {
        let language = locale.split(['-', '_', '.', '@']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "en" | "c" | "posix" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }

    /// Its code (ISO 639-1).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// For the rules of its plural.
    fn identifier(self) -> LanguageIdentifier {
        self.code().parse().unwrap_or_default()
    }

    /// What it says of the options. English stands where they are defined, in `src/cli.rs`.
    fn command_line(self) -> Option<&'static str> {
        match self {
            Self::En => None,
            Self::Zh => Some(include_str!("../../../locales/zh/command-line.ftl")),
        }
    }

    fn sources(self) -> &'static [&'static str] {
        match self {
            Self::En => ENGLISH,
            Self::Zh => CHINESE,
        }
    }
}

/// The sentences of one language. A clone is another handle on them.
#[derive(Clone)]
pub struct Language {
    tongue: Tongue,
    /// Where a sentence is looked for: the language itself, then English.
    bundles: Arc<[FluentBundle<FluentResource>]>,
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Language").field(&self.tongue).finish()
    }
}

/// English.
impl Default for Language {
    fn default() -> Self {
        Self::new(Tongue::En)
    }
}

impl Language {
    /// The sentences of `tongue`.
    #[must_use]
    pub fn new(tongue: Tongue) -> Self {
        let also = if tongue == Tongue::En { None } else { Some(Tongue::En) };
        Self { tongue, bundles: std::iter::once(tongue).chain(also).map(bundle).collect() }
    }

    /// The language that a person asks for, else that of the system's locale if we speak it, else
    /// English.
    #[must_use]
    pub fn choose(asked: Option<Tongue>, locale: Option<&str>) -> Self {
        Self::new(asked.or_else(|| locale.and_then(Tongue::of_locale)).unwrap_or_default())
    }

    /// Which language it is.
    #[must_use]
    pub fn tongue(&self) -> Tongue {
        self.tongue
    }

    /// The sentence `id`, which has no arguments.
    #[must_use]
    pub fn text(&self, id: &str) -> String {
        self.find(id, None)
    }

    /// The sentence `id`, which has no arguments, if this very language has it.
    #[must_use]
    pub fn own(&self, id: &str) -> Option<String> {
        self.bundles.first().and_then(|bundle| formatted(bundle, id, None))
    }

    /// The sentence `id` with its arguments, which stand in it just as they are: what strangers
    /// wrote has to be cleaned before.
    #[must_use]
    pub fn say(&self, id: &str, arguments: &[(&'static str, &dyn fmt::Display)]) -> String {
        self.find(id, Some(&texts(arguments)))
    }

    /// The sentence `id` about so many of something: the argument `count` is a number, and decides
    /// where a language says one thing of one and another of several.
    #[must_use]
    pub fn count(
        &self,
        id: &str,
        count: u64,
        arguments: &[(&'static str, &dyn fmt::Display)],
    ) -> String {
        let mut arguments = texts(arguments);
        arguments.set("count", count);
        self.find(id, Some(&arguments))
    }

    /// `items` with what stands between the parts of a list.
    #[must_use]
    pub fn list(&self, items: impl IntoIterator<Item = impl fmt::Display>) -> String {
        let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
        items.join(&self.text("and"))
    }

    fn find(&self, id: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let found = self.bundles.iter().find_map(|bundle| formatted(bundle, id, arguments));
        found.unwrap_or_else(|| id.to_owned())
    }
}

fn texts(arguments: &[(&'static str, &dyn fmt::Display)]) -> FluentArgs<'static> {
    let texts = arguments.iter();
    texts.map(|(name, value)| (*name, FluentValue::from(value.to_string()))).collect()
}

fn bundle(tongue: Tongue) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![tongue.identifier()]);
    // Arguments would stand between characters that a terminal shows as boxes or not at all.
    bundle.set_use_isolating(false);
    for source in tongue.sources().iter().copied().chain(tongue.command_line()) {
        // What could be read counts; a test reads all of it.
        let resource = FluentResource::try_new(source.to_owned());
        let resource = resource.unwrap_or_else(|(readable, _)| readable);
        let _ = bundle.add_resource(resource);
    }
    bundle
}

/// The sentence `id`, or the attribute `id.attribute`; `None` unless there is all of it.
fn formatted(
    bundle: &FluentBundle<FluentResource>,
    id: &str,
    arguments: Option<&FluentArgs<'_>>,
) -> Option<String> {
    let pattern = match id.split_once('.') {
        None => bundle.get_message(id)?.value()?,
        Some((id, attribute)) => bundle.get_message(id)?.get_attribute(attribute)?.value(),
    };
    let mut missing = Vec::new();
    let text = bundle.format_pattern(pattern, arguments, &mut missing);
    missing.is_empty().then(|| text.into_owned())
}

#[cfg(test)]
mod tests;
