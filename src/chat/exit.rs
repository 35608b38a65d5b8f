//! How a run ends.

/// The exit codes that scripts rely on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum ExitCode {
    /// All that was asked is done.
    Done = 0,
    /// A fault of the program or of this computer.
    Internal = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Nobody has ever claimed the name.
    NoSuchName = 3,
    /// The peer is offline; its lines are kept.
    PeerOffline = 4,
    /// The rendezvous does not answer.
    RendezvousUnreachable = 5,
    /// The peer is there, and no path leads to it.
    NoPath = 6,
    /// A pinned key has changed; stopped for safety.
    KeyChanged = 7,
    /// The name belongs to somebody else, or the server refuses.
    Refused = 8,
    /// The other side speaks another version.
    Version = 9,
    /// Something was transferred in part.
    Incomplete = 10,
}

impl ExitCode {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// What a run that is fed by a pipe waits for after the end of its input.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Wait {
    /// Every line has left this computer.
    Sent,
    /// Every line is on the receiver's disk.
    #[default]
    Delivered,
}
