//! What scripts are to do.

use serde::{Deserialize, Serialize};

use crate::chat::book::Intent;

/// What a script is to do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Send one message.
    Send,
    /// Offer so many files.
    Offer {
        /// So many.
        files: usize,
        /// Whether they are to be received before it is done.
        received: bool,
    },
    /// Take the next file that is offered.
    Take {
        /// From this person only: `alice` or `alice@host`.
        from: Option<String>,
        /// Where it is to be.
        folder: String,
    },
    /// Wait for messages that no script has received.
    Receive {
        /// For so many.
        count: u64,
        /// From this person only: `alice` or `alice@host`.
        from: Option<String>,
    },
    /// Show what is said, until somebody ends it.
    Follow {
        /// In this conversation only.
        with: Option<String>,
    },
    /// Send a question and wait for the answer.
    Ask {
        /// What can be answered; anything if there is none.
        choices: Vec<String>,
    },
    /// Show how things stand.
    Status,
    /// Change what is known of somebody.
    Change(Box<Intent>),
    /// Give an invitation or accept one, and wait for what comes of it.
    Invitation {
        /// Which of it.
        part: Part,
        /// The command of the chat that does it.
        command: String,
    },
    /// Run the chat for others.
    Hold,
    /// End the chat, whoever runs it.
    End,
}

/// Which side of an invitation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A code is shown, and somebody types it.
    Gives,
    /// A code is typed.
    Accepts,
    /// A link is believed.
    Believes,
}

impl Task {
    /// Whether it wants the chat to run as it would run one itself.
    #[must_use]
    pub fn is_part_of_the_chat(&self) -> bool {
        !matches!(self, Self::Status | Self::Change(_) | Self::Invitation { .. } | Self::End)
    }

    /// Whether it makes a room that it is started for, if there is none: a name that was mistyped in a script
    /// makes none.
    #[must_use]
    pub fn founds(&self) -> bool {
        matches!(self, Self::Hold)
    }

    /// What is left of it when so many messages have been written.
    #[must_use]
    pub fn after(&self, written: u64) -> Self {
        match self {
            Self::Receive { count, from } => {
                Self::Receive { count: count.saturating_sub(written), from: from.clone() }
            }
            other => other.clone(),
        }
    }

    /// Whether nothing is left of it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Receive { count: 0, .. })
    }
}
