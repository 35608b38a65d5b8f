//! A sentence that waits for its language.

use std::fmt;

use fluent_bundle::{FluentArgs, FluentValue};

use super::Language;

/// A sentence by its identifier and arguments, made where something happens, and said in a language
/// where it is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Phrase {
    id: &'static str,
    arguments: Vec<(&'static str, Argument)>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Argument {
    Text(String),
    Count(u64),
    Phrase(Phrase),
    Choice(Vec<String>),
}

impl Phrase {
    /// The sentence `id`, so far without arguments.
    #[must_use]
    pub fn new(id: &'static str) -> Self {
        Self { id, arguments: Vec::new() }
    }

    /// With an argument that stands in it just as it is: what strangers wrote has to be cleaned
    /// before.
    #[must_use]
    pub fn with(self, name: &'static str, text: impl fmt::Display) -> Self {
        self.set(name, Argument::Text(text.to_string()))
    }

    /// About so many of something.
    #[must_use]
    pub fn counting(self, count: u64) -> Self {
        self.set("count", Argument::Count(count))
    }

    /// With another phrase inside.
    #[must_use]
    pub fn holding(self, name: &'static str, phrase: Self) -> Self {
        self.set(name, Argument::Phrase(phrase))
    }

    /// With the things that something may be: one or another.
    #[must_use]
    pub fn choosing<T: fmt::Display>(
        self,
        name: &'static str,
        among: impl IntoIterator<Item = T>,
    ) -> Self {
        let among = among.into_iter().map(|one| one.to_string()).collect();
        self.set(name, Argument::Choice(among))
    }

    fn set(mut self, name: &'static str, argument: Argument) -> Self {
        self.arguments.push((name, argument));
        self
    }

    /// Says it.
    #[must_use]
    pub fn said_in(&self, language: &Language) -> String {
        let mut arguments = FluentArgs::new();
        for (name, argument) in &self.arguments {
            arguments.set(
                *name,
                match argument {
                    Argument::Text(text) => FluentValue::from(text.as_str()),
                    Argument::Count(count) => FluentValue::from(*count),
                    Argument::Choice(among) => FluentValue::from(among.join(&language.text("or"))),
                    Argument::Phrase(phrase) => FluentValue::from(phrase.said_in(language)),
                },
            );
        }
        language.find(self.id, Some(&arguments))
    }
}
