//! What the holder of a profile and whoever attaches say to each other.
//!
//! Both are the same program, perhaps of two versions: [`VERSION`] is compared before anything else.
//! Programs of other people speak to `p2pchat --json`, not to the socket.

use serde::{Deserialize, Serialize};

use crate::chat::{self, Address, Attendee, LineId, Notice, PeerSummary};
use crate::ui::script::Task;
use crate::ui::{Cause, Printout, Stream, json};
use p2pchat_wire::identity::Name;

/// Of this protocol. Whoever speaks another is told so and sent away.
pub(super) const VERSION: u32 = 8;

/// The longest line, in bytes: the longest line of JSON input, every character of it escaped once
/// more.
pub(super) const MAX_LINE: u64 = 4 * json::MAX_LINE as u64;

/// What goes up, from whoever attaches.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::app) enum Wish {
    /// The first line.
    Hello(Box<Hello>),
    /// This was typed, or piped in.
    Line { text: String },
    /// The message of a script, not to be taken for a command.
    Text { text: String },
    /// A file that a script offers.
    File { path: String },
    /// This line of this peer has been written where a person or a program reads.
    Shown { from: String, id: String },
    /// The answer to [`Word::Open`]: done.
    Opened { link: String },
    /// The answer to [`Word::Open`]: not done, and the cause if there is one to be told.
    NotOpened { link: String, cause: Option<String> },
    /// As [`Input::Command`](chat::Input::Command).
    Command { line: String },
    /// As [`Input::Page`](chat::Input::Page).
    Page { with: Address, before: Option<chat::Place>, limit: usize },
    /// As [`Input::Search`](chat::Input::Search).
    Search { with: Option<Address>, text: String, limit: usize },
    /// As [`Input::Typing`](chat::Input::Typing).
    Typing { to: Address, typing: bool },
    /// As [`Input::Draft`](chat::Input::Draft).
    Draft { with: Address, text: String },
    /// There is no more input.
    End,
    /// The time of `--timeout` is over.
    TimeUp,
    /// Leave now.
    Quit,
}

/// As much of the first line as every version says.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Greeting {
    /// [`Wish::Hello`].
    Hello {
        /// Of this protocol.
        version: u32,
    },
}

/// How somebody wants to see the chat.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(in crate::app) struct Hello {
    pub(in crate::app) version: u32,
    pub(in crate::app) face: Kind,
    /// The name that was asked for on the command line.
    pub(in crate::app) name: Option<String>,
    /// Whom to talk to: `alice` or `alice@host`.
    pub(in crate::app) peer: Option<String>,
    /// Options that concern the whole chat, as [`crate::config::Wanted::conditions`] writes them.
    pub(in crate::app) given: Vec<String>,
    /// What the end of input waits for; nothing for a person.
    pub(in crate::app) wait: Option<Until>,
    /// The language of sentences, as `--lang` has it.
    pub(in crate::app) language: String,
    /// Where its paths begin.
    pub(in crate::app) directory: String,
    /// The time zone, by its IANA name.
    pub(in crate::app) zone: Option<String>,
    /// Whether colours are wanted.
    pub(in crate::app) colour: bool,
    /// How many cells a line of the terminal has.
    pub(in crate::app) columns: Option<usize>,
}

/// The faces that can attach.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::app) enum Kind {
    Plain,
    Json,
    Line,
    /// It takes in what the chat says, and draws it itself.
    Screen,
    Script {
        task: Task,
        json: bool,
    },
}

/// [`chat::Wait`], as it is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::app) enum Until {
    Sent,
    Delivered,
    Received,
}

impl From<Until> for chat::Wait {
    fn from(until: Until) -> Self {
        match until {
            Until::Sent => Self::Sent,
            Until::Delivered => Self::Delivered,
            Until::Received => Self::Received,
        }
    }
}

impl From<chat::Wait> for Until {
    fn from(wait: chat::Wait) -> Self {
        match wait {
            chat::Wait::Sent => Self::Sent,
            chat::Wait::Delivered => Self::Delivered,
            chat::Wait::Received => Self::Received,
        }
    }
}

/// What comes down, from the holder.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::app) enum Word {
    /// The answer to the first line, and what we are called.
    Hello { version: u32, name: String },
    /// To be written.
    Print(Print),
    /// To a screen: the chat says this, and why the rendezvous is not reached, if it is about that.
    Told { notice: Box<Notice>, cause: Option<Cause> },
    /// To a screen: what people are called from now on, and what else the background is of what is
    /// told.
    Calling { nicknames: Vec<(Address, Name)>, several: bool, nearby: bool },
    /// To a screen: this is how these people are now.
    Peers { peers: Vec<PeerSummary> },
    /// To a screen: who is in the room that is open, if one is.
    Members { members: Option<Vec<Attendee>> },
    /// To whom plain lines go now, and what stands before them at a prompt.
    Current { peer: Option<String>, prompt: String },
    /// So many more lines have been taken: what there is to keep of them is on the disk, and whatever
    /// becomes of them has been or will be said.
    Taken { lines: usize },
    /// Show this page of the web on the desktop.
    Open { link: String },
    /// The last word to one that leaves: with this exit code.
    Left { code: u8 },
    /// The last word of a holder that leaves. What was not taken is for the next one.
    Closing,
    /// The last word to one that cannot be served.
    Refused { why: Refusal },
}

/// Why somebody is sent away.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub(in crate::app) enum Refusal {
    /// It speaks another version of this protocol than this.
    Version { version: u32 },
    /// So many are attached already.
    Full { guests: usize },
    /// It wants another name than the profile is used under.
    OtherName { name: String },
    /// It asks for these options, and the chat runs without them.
    OtherOptions { options: Vec<String> },
    /// It does not read what it is told.
    Slow,
    /// What it said makes no sense.
    Nonsense,
}

/// A [`Printout`], as it is written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(in crate::app) struct Print {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    err: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    status: bool,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shows: Option<(String, String)>,
}

impl From<Printout> for Print {
    fn from(printout: Printout) -> Self {
        let shows = printout.shows.map(|(from, id)| (from.to_string(), id.to_string()));
        let (err, status) = (printout.stream == Stream::Err, printout.stream == Stream::Status);
        Self { err, status, text: printout.text, shows }
    }
}

impl From<Print> for Printout {
    fn from(print: Print) -> Self {
        let shows = print.shows.and_then(|(from, id)| line(&from, &id));
        let stream = match (print.status, print.err) {
            (true, _) => Stream::Status,
            (false, true) => Stream::Err,
            (false, false) => Stream::Out,
        };
        Self { stream, text: print.text, shows }
    }
}

/// A line, by who wrote it and its id.
pub(super) fn line(from: &str, id: &str) -> Option<(Address, LineId)> {
    let (name, host) = from.split_once('@')?;
    let name = Name::new(name).ok()?;
    Some((Address::new(name, host), LineId::parse(id)?))
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::*;

    #[test]
    fn a_printout_comes_out_as_it_went_in() {
        let alice = Address::new(Name::new("alice").expect("name"), "host:4");
        for printout in [
            Printout::err("a sentence".to_owned()),
            Printout::status("photo.jpg  42 %".to_owned()),
            Printout {
                shows: Some((alice, LineId([7; 16]))),
                ..Printout::out("\"\\n\"".to_owned())
            },
        ] {
            let text = serde_json::to_string(&Word::Print(printout.clone().into())).expect("JSON");
            assert!(!text.contains('\n'));
            let Ok(Word::Print(print)) = serde_json::from_str(&text) else { panic!("{text}") };
            assert_eq!(Printout::from(print), printout);
        }
    }

    #[test]
    fn the_longest_line_of_input_fits_into_a_line() {
        let text = "\"".repeat(json::MAX_LINE);
        let line = serde_json::to_string(&Wish::Line { text }).expect("JSON");
        assert!((line.len() as u64) < MAX_LINE);
    }
}
