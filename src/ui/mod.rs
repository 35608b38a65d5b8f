//! What people and programs see and type. All of it is pure but [`terminal`].
//!
//! A [`View`] turns each [`Notice`] into [`Printout`]s for one of four faces: [`plain`] for pipes,
//! [`json`] for programs, [`mod@line`] for a person at a terminal, [`script`] for whoever wants one thing done. The sentences are in [`words`],
//! `tables`, `paths`, `people`, [`invitations`] and `said`, for whatever face, in the words of a [`language`]. [`terminal`] is the
//! one file that touches the terminal.
//!
//! No text of a stranger leaves this room unfiltered: what goes to a terminal passes
//! [`clean`](crate::chat::clean), what goes into JSON is escaped.

pub mod doctor;
pub mod files;
pub mod invitations;
pub mod json;
pub mod language;
pub mod line;
mod moves;
pub mod overview;
mod paths;
mod people;
pub mod plain;
mod problems;
mod rooms;
mod said;
pub mod script;
pub mod tables;
pub mod terminal;
pub mod tui;
mod upkeep;
pub mod words;

use std::time::Duration;

use p2pchat_wire::identity::Name;
use serde::{Deserialize, Serialize};

use self::language::Language;
use crate::chat::{Address, ExitCode, Input, LOCAL_HOST, LineId, Nicknames, Notice, Timestamp};

/// What somebody is called who says something: with a mark, if somebody else is known here by that name.
fn called(name: String, namesake: bool) -> String {
    if namesake { name + "!" } else { name }
}

/// Something to be written, as a whole line or several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Printout {
    /// Where to.
    pub stream: Stream,
    /// The text, without the last line break.
    pub text: String,
    /// Which line of which peer has been shown once this is written.
    pub shows: Option<(Address, LineId)>,
}

/// The ways out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// What was asked for: messages, JSON.
    Out,
    /// Everything else.
    Err,
    /// How something stands at this moment, in place of the last of these: for a terminal alone.
    Status,
}

impl Printout {
    /// For the standard output.
    #[must_use]
    pub fn out(text: String) -> Self {
        Self { stream: Stream::Out, text, shows: None }
    }

    /// For the standard error output.
    #[must_use]
    pub fn err(text: String) -> Self {
        Self { stream: Stream::Err, text, shows: None }
    }

    /// For a terminal, until something else is written there.
    #[must_use]
    pub fn status(text: String) -> Self {
        Self { stream: Stream::Status, text, shows: None }
    }
}

/// A face: how notices look.
#[derive(Debug)]
pub enum View {
    /// Messages to stdout, sentences to stderr.
    Plain(plain::PlainView),
    /// One JSON object per line. Sentences in it are English, for programs that search them.
    Json(Language),
    /// A person's terminal.
    Line(line::LineView),
    /// What belongs to one task.
    Script(Box<script::Script>),
}

/// What somebody outside the chat knows, and no notice says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Background<'a> {
    /// Why the rendezvous is not reached.
    pub cause: Option<&'a Cause>,
    /// Whether several are in use: then nobody is called by a name alone.
    pub several: bool,
    /// What contacts are called here.
    pub nicknames: Option<&'a Nicknames>,
    /// Whether contacts are looked for in the local network.
    pub nearby: bool,
    /// How many cells a line has. Without knowing, nothing is narrowed.
    pub columns: Option<usize>,
}

/// Why a rendezvous is not reached.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Cause {
    /// The name server says that there is no such host, or there is no name server.
    Unresolved {
        /// The name.
        host: String,
        /// What the system says.
        why: String,
    },
    /// The name has no address.
    NoAddress {
        /// The name.
        host: String,
    },
    /// No name server answers.
    NoNameServer {
        /// The name.
        host: String,
        /// How long one was waited for.
        waited: Duration,
    },
    /// The server does not answer.
    Silence {
        /// Its addresses, and its name if it has one.
        server: String,
    },
}

impl<'a> Background<'a> {
    /// How people are called, and nothing else.
    fn calling(several: bool, nicknames: &'a Nicknames) -> Self {
        Self { several, nicknames: Some(nicknames), ..Self::default() }
    }

    /// What a sentence calls somebody.
    fn name(self, peer: &Address) -> String {
        if let Some(nickname) = self.nickname(peer) {
            return nickname.to_string();
        }
        // A name that is somebody else's nickname is no name for two.
        let taken = self.nicknames.is_some_and(|names| names.are_about(&peer.name));
        let whole = self.several || taken || peer.host == LOCAL_HOST;
        if whole { peer.to_string() } else { peer.marked_name() }
    }

    /// Where it matters who somebody is: the whole address, behind the nickname.
    fn whole(self, peer: &Address) -> String {
        match self.nickname(peer) {
            Some(nickname) => format!("{nickname} ({peer})"),
            None => peer.to_string(),
        }
    }

    fn nickname(self, peer: &Address) -> Option<&'a Name> {
        self.nicknames.and_then(|names| names.of(peer))
    }
}

impl View {
    /// What is to be written about `notice`.
    pub fn render(
        &mut self,
        now: Timestamp,
        notice: &Notice,
        background: Background<'_>,
    ) -> Vec<Printout> {
        match self {
            Self::Plain(view) => view.render(now, notice, background),
            Self::Json(english) => json::render(notice, background, english),
            Self::Line(view) => view.render(now, notice, background),
            Self::Script(script) => script.hear(notice, background),
        }
    }

    /// The language of its sentences.
    #[must_use]
    pub fn language(&self) -> &Language {
        match self {
            Self::Plain(view) => view.language(),
            Self::Json(language) => language,
            Self::Line(view) => view.language(),
            Self::Script(script) => script.language(),
        }
    }

    /// Tells a face for people how wide their terminal is.
    pub fn fit(&mut self, columns: Option<usize>) {
        if let Self::Line(view) = self {
            view.fit(columns);
        }
    }

    /// A remark that is no notice of the chat's, under a word that a program can compare.
    #[must_use]
    pub fn remark(&self, code: &str, sentence: &str) -> Printout {
        match self {
            Self::Json(_) => Printout::out(json::error(code, sentence)),
            Self::Script(script) if script.is_json() => Printout::out(json::error(code, sentence)),
            Self::Plain(_) | Self::Script(_) => Printout::err(sentence.to_owned()),
            Self::Line(view) => Printout::err(view.remark(sentence)),
        }
    }

    /// The chat knows that this line has been shown.
    pub fn shown(&mut self, id: LineId) {
        if let Self::Script(script) = self {
            script.shown(id);
        }
    }

    /// What it wants of the chat as soon as it is there.
    #[must_use]
    pub fn begins_with(&self) -> Option<Input> {
        match self {
            Self::Script(script) => script.begins_with(),
            _ => None,
        }
    }

    /// Whether nothing is left to be shown.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Script(script) if script.is_over())
    }

    /// How the program ends if the chat ends with `code`.
    #[must_use]
    pub fn exit(&self, code: ExitCode) -> u8 {
        match self {
            Self::Script(script) => script.exit(code),
            Self::Plain(_) | Self::Json(_) | Self::Line(_) => code.code(),
        }
    }

    /// What is to be written last if the chat ends with `code`.
    #[must_use]
    pub fn last_words(&self, code: ExitCode) -> Option<Printout> {
        let Self::Script(script) = self else { return None };
        script.time_is_over(code).map(|sentence| self.remark("time-up", &sentence))
    }

    /// When [`settle`](Self::settle) has something to say if nothing else happens.
    #[must_use]
    pub fn settles_at(&self) -> Option<Timestamp> {
        match self {
            Self::Line(view) => view.settles_at(),
            Self::Plain(view) => view.settles_at(),
            Self::Json(_) | Self::Script(_) => None,
        }
    }

    /// What is to be written now because time has passed.
    pub fn settle(&mut self, now: Timestamp) -> Vec<Printout> {
        match self {
            Self::Line(view) => view.settle(now),
            Self::Plain(view) => view.settle(now),
            Self::Json(_) | Self::Script(_) => Vec::new(),
        }
    }
}
