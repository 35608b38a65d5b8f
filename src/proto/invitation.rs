//! What an invitation is made of, and how it can fail.

use p2pchat_wire::invitation::InvitationError;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The words of an invitation, in the one form in which two people's are compared. `Debug` shows
/// nothing.
#[derive(Clone, Eq, PartialEq)]
pub struct InvitationWords(Zeroizing<String>);

impl InvitationWords {
    /// The words.
    #[must_use]
    pub fn new(words: String) -> Self {
        Self(Zeroizing::new(words))
    }

    /// As they enter the exchange.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for InvitationWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InvitationWords(..)")
    }
}

/// Why nothing came of an invitation. It is used up in any case.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum InvitationFailure {
    /// The words of the two are not the same, or somebody in between has tried his luck.
    WrongWords,
    /// The server has no such invitation: its time is over, it was answered, or there was none of
    /// this number.
    Gone,
    /// The server has had too many invitations, from us or from all.
    Busy,
    /// The other side does not answer.
    NoAnswer,
    /// It is our own.
    Own,
    /// The other side sent what cannot be read.
    Malformed,
}

impl From<InvitationError> for InvitationFailure {
    fn from(error: InvitationError) -> Self {
        match error {
            InvitationError::WrongWords => Self::WrongWords,
            InvitationError::Malformed => Self::Malformed,
            InvitationError::Own => Self::Own,
        }
    }
}
