//! The chat: conversations, contacts and the promise that each line arrives once, as one machine
//! without IO.
//!
//! [`Chat`] takes what a person types, what the network reports and what the disk answers, and says
//! what is to be done: commands for the network, requests to the disk, notices to be shown.
//!
//! How a line travels:
//!
//! 1. It gets a number and an id, and goes to disk ([`StoreRequest::Queue`]). Once the disk says
//!    so, it is *queued*: from here on it survives the end of the program at any moment.
//! 2. When there is a session, it is sent as a [`record`]; when its last byte has left, it is
//!    *sent*. After a session breaks, everything undelivered is sent again, in order.
//! 3. The receiver puts it on disk ([`StoreRequest::Receive`]) if it is new, and only then shows it
//!    and answers *committed*. What it has already, it confirms without showing.
//! 4. The sender notes that on disk ([`StoreRequest::Delivered`]); now it is *delivered*.
//!
//! The other files: [`storage`] is what disk and chat say to each other, [`notice`] what a person
//! is told, [`command`] what can be typed, [`clean`] what keeps a stranger's text from the
//! terminal, [`exit`] how a run ends.

mod address;
pub mod clean;
pub mod command;
mod exit;
pub mod notice;
pub mod record;
pub mod storage;

use std::collections::VecDeque;

use p2pchat_wire::identity::{Name, PeerId};

pub use address::{Address, LineId, Timestamp};
pub use exit::{ExitCode, Wait};
pub use notice::{LineState, Message, Notice, PeerSummary, Presence, Problem};
pub use record::{Audience, MAX_TEXT};
pub use storage::{
    Contact, Cursor, DeliveredLine, Direction, FailureKind, HistoryLine, OutgoingLine,
    ReceivedLine, Rendezvous, Snapshot, StoreFailure, StoreReply, StoreRequest,
};

use crate::proto;

/// How a chat starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our key.
    pub key: PeerId,
    /// Our name; without one we wait for `/login`.
    pub name: Option<Name>,
    /// The rendezvous in use, as the person wrote it (host, and port if unusual).
    pub host: String,
    /// Whom `--peer` names: the first conversation.
    pub peer: Option<Name>,
    /// The key given as `--peer NAME@HOST`'s owner by other means, pinned before anything is sent.
    pub peer_key: Option<PeerId>,
    /// `None` for a person at a terminal. For a pipe: what the end of input waits for. A run that
    /// is not interactive ends by itself where waiting cannot help (a changed key, a refused name).
    pub wait: Option<Wait>,
    /// Our program and version, told to peers; at most 64 bytes.
    pub software: String,
    /// From the operating system: ids of lines come from it.
    pub seed: [u8; 32],
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A person typed this line in line mode: text, or a command.
    Line(String),
    /// A program wants this sent.
    Send {
        /// To whom (`alice` or `alice@host`); the current conversation if left out.
        to: Option<String>,
        /// The text, never taken for a command.
        text: String,
        /// Comes back in every [`Notice::Status`] and [`Notice::Refused`] about it.
        reference: Option<String>,
    },
    /// A program wants this command carried out: `/who`, or `who`.
    Command(String),
    /// The network reports.
    Network(proto::Event),
    /// The disk answers the oldest request that is not yet answered.
    Stored(StoreReply),
    /// This line of a [`Notice::Message`] has been printed.
    Shown {
        /// From whom.
        from: Address,
        /// Which.
        id: LineId,
    },
    /// There is no more input: leave as soon as [`Config::wait`] is satisfied.
    EndOfInput,
    /// The time of `--timeout` is over: leave now, with a code that says what was missing.
    TimeUp,
    /// Leave now.
    Quit,
}

/// Something to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Give this to the endpoint.
    Network(proto::Command),
    /// Give this to the store. Its answer comes back as [`Input::Stored`]; answers keep the order
    /// of the requests.
    Store(StoreRequest),
    /// Show this.
    Show(Notice),
    /// The last effect of all: everything asked of the disk has been answered, and the network has
    /// been told to close.
    Quit {
        /// For the shell that started us.
        code: ExitCode,
        /// Lines that wait for the next time.
        undelivered: u64,
    },
}

/// One person's conversations at one rendezvous.
#[derive(Debug)]
pub struct Chat {
    config: Config,
    effects: VecDeque<Effect>,
}

impl Chat {
    /// Begins where the disk says that the last run ended. The first effects register our name,
    /// pin the contacts' keys, and show what was received and never shown.
    ///
    /// Resolving the rendezvous' host and giving it to the endpoint (`UseRendezvous`, with the key
    /// and the token in [`Snapshot::rendezvous`]) is the caller's part, as is `SetHostCandidates`.
    #[must_use]
    pub fn new(config: Config, snapshot: Snapshot) -> Self {
        let _ = snapshot;
        Self { config, effects: VecDeque::new() }
    }

    /// Takes in something that happened at `now`.
    pub fn handle_input(&mut self, now: Timestamp, input: Input) {
        let _ = (now, input);
    }

    /// The next thing to be done. Any number of inputs may precede a drain.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether more lines may be typed. While it is false, a reader of a pipe should not read:
    /// the disk is behind.
    #[must_use]
    pub fn accepts_lines(&self) -> bool {
        self.config.software.len() <= 64
    }

    /// To whom plain lines go.
    #[must_use]
    pub fn current(&self) -> Option<&Address> {
        None
    }

    /// Everybody with whom there is a conversation.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerSummary> {
        Vec::new()
    }

    /// How many of our lines are undelivered.
    #[must_use]
    pub fn undelivered(&self) -> u64 {
        0
    }
}
