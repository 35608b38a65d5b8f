//! The commands for scripts.

use std::path::PathBuf;

use clap::Args;

use crate::config::PeerAddress;

/// How `send` ends.
const SEND_CODES: &str = "\
Exit codes:
  0  it is delivered, or has come as far as --wait says
  1  internal error
  2  wrong usage, or there is no text; nothing was sent
  3  no such name at the rendezvous, or no such room
  4  the peer is offline, or nobody is in the room; what is kept goes out later
  5  the rendezvous cannot be reached; the message is kept
  6  no path to the peer; the message is kept
  7  the peer's key has changed; stopped
  8  refused, or not let into the room; nothing was sent
  9  the other side speaks another version
 10  not every file was received in time; it goes on with the next start";

/// How `recv` ends.
const RECV_CODES: &str = "\
Exit codes:
  0  all that was waited for is printed
  1  internal error
  2  wrong usage
  3  no such room
  7  the key of whom it was to come from has changed; stopped
  8  refused, or the file was withdrawn
 10  the file is incomplete, and goes on with the next recv --file
 11  not all came within --timeout; what comes later is for the next recv";

/// How `ask` ends.
const ASK_CODES: &str = "\
Exit codes:
  0  the first choice; without --choices, any answer
  1  the second choice, and so on

Without an answer:
101  internal error
102  wrong usage, or there is no question; nothing was asked
103  no such name at the rendezvous, or no such room
104  the peer is offline, or nobody is in the room; what is kept goes out later
105  the rendezvous cannot be reached; the question is kept
106  no path to the peer; the question is kept
107  the peer's key has changed; stopped
108  refused, or not let into the room; nothing was asked
109  the other side speaks another version
111  no answer within --timeout; an answer that comes later is an ordinary line";

/// One message.
#[derive(Args, Clone, Debug)]
#[command(after_help = SEND_CODES)]
pub struct SendArgs {
    /// Whom to, or in which room (#NAME)
    #[arg(long, value_name = "NAME[@HOST[:PORT][#KEY]]")]
    pub to: PeerAddress,
    /// The message; several words are joined by spaces. Without it, the standard input is the message; - alone offers the
    /// standard input as a file
    pub text: Vec<String>,
    /// Offer these files and folders instead, and wait until they are there; - is the standard input
    #[arg(long = "file", short, value_name = "FILE", num_args = 1.., conflicts_with = "text")]
    pub files: Vec<PathBuf>,
    /// What the standard input is called as a file
    #[arg(long = "as", value_name = "FILENAME", default_value = "stdin")]
    pub called: String,
}

impl SendArgs {
    /// What is to be offered. A word is a file only behind `--file`, so that no text ever sends one; `-` alone says
    /// nothing as a text.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match self.text.as_slice() {
            [only] if only == "-" => vec![PathBuf::from(only)],
            _ => self.files.clone(),
        }
    }
}

/// Messages that are waited for.
#[derive(Args, Clone, Debug)]
#[command(after_help = RECV_CODES)]
pub struct RecvArgs {
    /// How many
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Only from this person, or in this room (#NAME)
    #[arg(long, value_name = "NAME[@HOST[:PORT][#KEY]]")]
    pub from: Option<PeerAddress>,
    /// Accept the next file that is offered, and write it to the standard output when it is whole
    #[arg(long, conflicts_with = "count")]
    pub file: bool,
}

/// What is said from now on.
#[derive(Args, Clone, Debug)]
pub struct FollowArgs {
    /// Only with this person, or in this room (#NAME)
    #[arg(long, value_name = "NAME[@HOST[:PORT][#KEY]]")]
    pub with: Option<PeerAddress>,
}

/// A question.
#[derive(Args, Clone, Debug)]
#[command(after_help = ASK_CODES)]
pub struct AskArgs {
    /// Whom, or in which room (#NAME)
    #[arg(value_name = "NAME[@HOST[:PORT][#KEY]]")]
    pub to: PeerAddress,
    /// The question; several words are joined by spaces
    #[arg(required = true)]
    pub question: Vec<String>,
    /// What can be answered, with commas between; anything if left out. The exit code says which it
    /// was, the first being 0
    #[arg(long, value_delimiter = ',')]
    pub choices: Vec<String>,
}

/// A chat without a terminal.
#[derive(Args, Clone, Debug)]
pub struct HoldArgs {
    /// Do not go to the background: for a service manager
    #[arg(long)]
    pub foreground: bool,
    /// End the chat that runs on this profile, whoever runs it
    #[arg(long, conflicts_with = "foreground")]
    pub end: bool,
    /// This is the process in the background.
    #[arg(long, hide = true)]
    pub detached: bool,
    /// This is the process that goes on with the chat of another one, which has written the key of a
    /// sealed profile to the standard input.
    #[arg(long, hide = true)]
    pub succeeds: bool,
}

/// What stands in place of a list: the words as one text, if there are any.
#[must_use]
pub fn joined(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| words.join(" "))
}
