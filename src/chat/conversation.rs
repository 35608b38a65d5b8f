//! One conversation: a contact, whether it is there, and what waits for it.

use p2pchat_wire::identity::PeerId;
use p2pchat_wire::signal::Refusal;

use super::address::Timestamp;
use super::face::FaceId;
use super::notice::{PeerSummary, Presence};
use super::outbox::{Confirming, Outbox};
use super::storage::{Contact, ReadUpTo};
use super::trust::Trust;
use crate::proto::PathInfo;

/// A conversation with somebody at our rendezvous.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) contact: Contact,
    pub(super) outbox: Outbox,
    /// `None` until the network has said anything about it.
    pub(super) presence: Option<Presence>,
    pub(super) session: Option<Session>,
    /// Whether the pinned key is on disk. Nothing is sent before.
    pub(super) pinned: bool,
    /// Whether the endpoint was asked to connect.
    pub(super) wanted: bool,
    /// Whether a person was told that lines wait, since the last change.
    pub(super) told_kept: bool,
    /// Whether a person was told in this run that the key has changed.
    pub(super) told_changed: bool,
    /// Whether a person was told that one of us lacks the secret of our invitation, since the last
    /// session.
    pub(super) told_lacking: bool,
    /// What the server said the last time that it did not introduce us.
    pub(super) refusal: Option<Refusal>,
    /// What a person has seen and the peer is still to be told.
    pub(super) to_tell: Option<ReadUpTo>,
    /// How far the peer has read our lines.
    pub(super) reading: Confirming,
    /// For which key a person was shown what is to be compared.
    pub(super) shown_code: Option<PeerId>,
}

/// A session with a peer.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) peer: PeerId,
    pub(super) path: PathInfo,
    pub(super) software: Option<String>,
    /// The log for which a confirmation is due.
    pub(super) owes: Option<u64>,
    pub(super) told_unreadable: bool,
    /// Whether a person was told that the peer asks its person about us.
    pub(super) told_pending: bool,
    /// When we last said that somebody types here, and when the peer did.
    pub(super) said_typing: Option<Timestamp>,
    pub(super) heard_typing: Option<Timestamp>,
    /// When we last told of our network, and when we last asked for the peer's.
    pub(super) told_circumstances: Option<Timestamp>,
    pub(super) asked_circumstances: Option<(FaceId, Timestamp)>,
    /// Whether our log was renamed in this session. Once is what a restored backup needs; more is a
    /// peer that plays with us.
    pub(super) renamed: bool,
}

impl Conversation {
    pub(super) fn new(contact: Contact) -> Self {
        Self {
            outbox: Outbox::new(contact.last_seq, contact.waiting),
            presence: None,
            session: None,
            pinned: contact.key.is_some(),
            wanted: false,
            told_kept: false,
            told_changed: false,
            told_lacking: false,
            refusal: None,
            to_tell: None,
            reading: Confirming::default(),
            shown_code: None,
            contact,
        }
    }

    pub(super) fn state(&self) -> Presence {
        self.presence.unwrap_or_default()
    }

    /// Whether text may be sent now.
    pub(super) fn may_send(&self) -> bool {
        self.session.is_some() && self.pinned && self.contact.offered.is_none()
    }

    pub(super) fn summary(&self, current: bool, now: Timestamp) -> PeerSummary {
        PeerSummary {
            peer: self.contact.address.clone(),
            nickname: self.contact.regard.nickname.clone(),
            key: self.contact.key,
            trust: Trust::of(&self.contact),
            quiet: self.contact.regard.is_quiet(now),
            offered: self.contact.offered,
            state: self.state(),
            path: self.session.as_ref().map(|session| session.path),
            waiting: self.outbox.waiting(),
            unread: self.contact.unread,
            current,
            software: self.session.as_ref().and_then(|session| session.software.clone()),
        }
    }

    /// The contact as the disk should have it.
    pub(super) fn to_save(&self) -> Contact {
        Contact { waiting: self.outbox.waiting(), ..self.contact.clone() }
    }
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

impl Session {
    pub(super) fn new(peer: PeerId, path: PathInfo) -> Self {
        Self {
            peer,
            path,
            software: None,
            owes: None,
            told_unreadable: false,
            told_pending: false,
            said_typing: None,
            heard_typing: None,
            told_circumstances: None,
            asked_circumstances: None,
            renamed: false,
        }
    }
}
