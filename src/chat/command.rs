//! What can be typed.

/// One command, as /help shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CommandHelp {
    /// The word after the `/`.
    pub word: &'static str,
    /// The arguments.
    pub usage: &'static str,
    /// What it does.
    pub help: &'static str,
}
