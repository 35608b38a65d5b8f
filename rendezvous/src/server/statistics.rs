//! What the server has done and what it has dropped, by cause.

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
#[non_exhaustive]
pub enum Drop {
    /// Of no kind that we know, or cut short.
    Malformed,
    /// An answer, or something that only peers say to each other. Never answered.
    NotForServers,
    /// A link initiation in another version of the protocol.
    Version,
    /// Cookie or token do not belong to the source address.
    NoProof,
    /// The source's network, or everybody together, asked for too many handshakes.
    TooManyHandshakes,
    /// A link initiation that was not made for us.
    BadHandshake,
    /// Sealed for no link that we have.
    UnknownLink,
    /// Seen before, or too old to tell.
    Replayed,
    /// Sealed with keys that are past their time.
    OldKeys,
    /// The seal does not hold.
    Forged,
    /// A peer says more than its share.
    TooManySignals,
    /// For a relay channel that does not exist.
    UnknownChannel,
    /// For a relay channel, but not from the endpoint of its owner.
    NotOwner,
    /// To be relayed to somebody who is not registered now.
    NotRegistered,
    /// To be relayed, but empty or too long.
    RelaySize,
    /// Over a quota of bytes.
    RelayQuota,
    /// A STUN message that is no Binding request, or broken.
    NotBinding,
    /// The source's network, or everybody together, sent too many STUN requests.
    TooManyStun,
    /// To be relayed, but too much was waiting already, or it has waited for too long.
    RelayBacklog,
}

impl Drop {
    /// Every cause.
    pub const ALL: [Self; 19] = [
        Self::Malformed,
        Self::NotForServers,
        Self::Version,
        Self::NoProof,
        Self::TooManyHandshakes,
        Self::BadHandshake,
        Self::UnknownLink,
        Self::Replayed,
        Self::OldKeys,
        Self::Forged,
        Self::TooManySignals,
        Self::UnknownChannel,
        Self::NotOwner,
        Self::NotRegistered,
        Self::RelaySize,
        Self::RelayQuota,
        Self::NotBinding,
        Self::TooManyStun,
        Self::RelayBacklog,
    ];
}

/// Counters since the start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Datagrams received.
    pub received: u64,
    /// Hellos answered.
    pub challenges: u64,
    /// Noise messages read: each costs Diffie-Hellman computations.
    pub key_operations: u64,
    /// Links made.
    pub links: u64,
    /// Link initiations that came twice and were answered from memory.
    pub repeats: u64,
    /// Link requests whose counter was not above the last.
    pub stale: u64,
    /// Signals accepted.
    pub signals: u64,
    /// Introductions given, counted per asking.
    pub introductions: u64,
    /// Peers whose endpoint moved.
    pub roamed: u64,
    /// Datagrams relayed.
    pub relayed: u64,
    /// Their bytes, without our header.
    pub relayed_bytes: u64,
    /// STUN requests answered.
    pub stun: u64,
    /// Requests refused because a table was full or a quota used up.
    pub busy: u64,
    /// Datagrams that the system did not take, as whoever sends them counts.
    pub unsent: u64,
    /// Carriers opened, as whoever listens for them counts.
    pub carriers: u64,
    /// Carriers refused because there were too many.
    pub carriers_refused: u64,
    dropped: [u64; Drop::ALL.len()],
}

impl Statistics {
    /// How many datagrams were dropped for `cause`.
    #[must_use]
    pub fn dropped(&self, cause: Drop) -> u64 {
        self.dropped[cause as usize]
    }

    pub(super) fn drop(&mut self, cause: Drop) {
        self.drop_many(cause, 1);
    }

    pub(super) fn drop_many(&mut self, cause: Drop, count: u64) {
        self.dropped[cause as usize] += count;
    }
}
