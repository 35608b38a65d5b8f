//! Whether people are there, and what else is known of each at a glance.

use p2pchat_wire::identity::{Name, PeerId};
use serde::{Deserialize, Serialize};

use super::address::{Address, Timestamp};
use super::storage::Contact;
use super::trust::Trust;
use crate::proto::PathInfo;

/// Whether a peer is there.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Presence {
    /// Not there, or not known to be.
    #[default]
    Offline,
    /// The server knows it; we have no session.
    Registered,
    /// The handshake runs, or a broken session is being made again.
    Connecting,
    /// There is a session.
    Connected,
}

impl Presence {
    /// The word that scripts see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Registered => "registered",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
        }
    }
}

/// A peer in the answer to /who.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PeerSummary {
    /// Who.
    pub peer: Address,
    /// What it is called here.
    pub nickname: Option<Name>,
    /// The key, if known.
    pub key: Option<PeerId>,
    /// How far the key can be trusted.
    pub trust: Trust,
    /// Whether nobody is to be called to the screen for it.
    pub quiet: bool,
    /// Another key that proved to own the name since. While there is one, nothing is sent.
    pub offered: Option<PeerId>,
    /// Whether it is there.
    pub state: Presence,
    /// The path in use, while connected.
    pub path: Option<PathInfo>,
    /// How many of our lines wait for it.
    pub waiting: u64,
    /// How many of its lines nobody has seen yet.
    pub unread: u64,
    /// Whether plain lines go there.
    pub current: bool,
    /// Its program, as it names itself: not fit for a terminal as it is.
    pub software: Option<String>,
}

impl PeerSummary {
    /// Somebody of whom nothing is known but what is on disk.
    #[must_use]
    pub fn on_disk(contact: &Contact, now: Timestamp) -> Self {
        Self {
            peer: contact.address.clone(),
            nickname: contact.regard.nickname.clone(),
            key: contact.key,
            trust: Trust::of(contact),
            quiet: contact.regard.is_quiet(now),
            offered: contact.offered,
            state: Presence::Offline,
            path: None,
            waiting: contact.waiting,
            unread: contact.unread,
            current: false,
            software: None,
        }
    }
}
