//! What is to be done outside of the network and the store, because a person wants it: history is
//! written to a file, a link is opened. Whoever does it may take long, and reports when it is done.

use super::storage::{HistoryLine, Place, StoreReply, StoreRequest};
use super::{
    Address, Asked, Chat, Effect, ExitCode, FaceId, MAX_PAGE, Notice, Problem, Purpose, clean,
    links,
};

/// Something that somebody else is to do. [`Input::Ran`](super::Input::Ran) is the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Errand {
    /// Write what was said to a new file.
    Export {
        /// In which form.
        format: Format,
        /// In one conversation, or in all.
        with: Option<Address>,
        /// Which file, as it was typed: a `~/` at its beginning is the person's own folder.
        path: String,
    },
    /// Let another process run the chat as soon as this one has ended.
    Detach,
    /// Find out where a path leads, and whether there is a folder.
    Locate {
        /// As it was typed.
        path: String,
        /// What for.
        purpose: Purpose,
    },
    /// Let the person see this page of the web: an address with `http` or `https`, all of it ASCII.
    Open(String),
}

/// What came of an errand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The history is in this file, so many lines.
    Exported {
        /// Which file.
        path: String,
        /// How many lines.
        lines: u64,
    },
    /// The page is given to whatever shows pages here.
    Opened(String),
    /// It leads there.
    Located {
        /// From the root of the file system on.
        path: String,
        /// Whether there is a folder.
        is_folder: bool,
        /// What for.
        purpose: Purpose,
    },
    /// Another process waits for the end of this one, to run the chat.
    Detached,
    /// Nothing was done.
    Failed(Problem),
}

/// In which form history is exported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// For reading: one paragraph for each line.
    Text,
    /// Markdown in which nothing that was said is formatting.
    Markdown,
    /// Everything, one object on each line.
    Json,
}

impl Format {
    /// The form with this name.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        match word {
            "text" => Some(Self::Text),
            "markdown" => Some(Self::Markdown),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The form that a file's name asks for: text, unless it ends in `.md` or `.json`.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
            Some("md" | "markdown") => Self::Markdown,
            Some("json" | "jsonl") => Self::Json,
            _ => Self::Text,
        }
    }
}

impl Chat {
    /// Has the conversation that is open written to a file, or all of them where none is.
    pub(super) fn export(&mut self, format: Format, path: String) {
        let with = self.faces.asking().current.clone();
        self.run_errand(Errand::Export { format, with, path });
    }

    /// Lets a face go, and the chat go on. With the first one the process ends, so another has to be
    /// there.
    pub(super) fn detach(&mut self) {
        if self.faces.asking_id() == FaceId::FIRST {
            return self.run_errand(Errand::Detach);
        }
        self.answer(Notice::Detached);
        self.leave(ExitCode::Done);
    }

    pub(super) fn run_errand(&mut self, errand: Errand) {
        let face = self.faces.asking_id();
        self.errands.push(face);
        self.effects.push_back(Effect::Errand(face, errand));
    }

    pub(super) fn ran(&mut self, outcome: Outcome) {
        let face = self.faces.asking_id();
        if let Some(index) = self.errands.iter().position(|errand| *errand == face) {
            self.errands.swap_remove(index);
        }
        match outcome {
            Outcome::Exported { path, lines } => self.answer(Notice::Exported { path, lines }),
            Outcome::Opened(link) => self.answer(Notice::Opened { link }),
            Outcome::Located { path, is_folder, purpose } => {
                self.located(path, is_folder, purpose);
            }
            Outcome::Detached => {
                self.run.detached = true;
                self.answer(Notice::Detached);
                self.leave(ExitCode::Done);
            }
            Outcome::Failed(problem) => self.refuse(None, problem),
        }
    }

    /// Has the link opened that is the `number`-th of the conversation, counted back from the newest,
    /// which is 1.
    pub(super) fn open_link(&mut self, number: usize) {
        match self.faces.asking().current.clone() {
            Some(with) => self.look_for_link(with, None, number),
            None => self.refuse(None, Problem::NoRecipient),
        }
    }

    fn look_for_link(&mut self, with: Address, before: Option<Place>, number: usize) {
        let request = StoreRequest::Page { with: with.clone(), before, limit: MAX_PAGE };
        self.ask(request, Asked::Link { with, number });
    }

    /// Some of the conversation, in which the link may be.
    pub(super) fn link_paged(&mut self, with: Address, number: usize, reply: StoreReply) {
        let (lines, end) = match reply {
            StoreReply::Page { lines, end } => (lines, end),
            reply => return self.tell_failure(reply),
        };
        let mut passed = 0;
        for line in lines.iter().rev() {
            let mut found = links_of(line);
            if passed + found.len() >= number {
                return self.run_errand(Errand::Open(found.swap_remove(number - passed - 1)));
            }
            passed += found.len();
        }
        match lines.first() {
            Some(first) if !end => self.look_for_link(with, Some(first.place), number - passed),
            _ => self.refuse(None, Problem::NoSuchLink),
        }
    }
}

/// The links that a line shows, the last one first.
fn links_of(line: &HistoryLine) -> Vec<String> {
    let text = clean::text(&line.text);
    links::addresses(&text).into_iter().rev().map(|bytes| text[bytes].to_owned()).collect()
}
