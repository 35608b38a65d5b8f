//! One conversation: a contact, whether it is there, and what waits for it; how one comes about, and how its
//! lines get into the session.

use p2pchat_wire::identity::PeerId;
use p2pchat_wire::signal::Refusal;

use super::address::Timestamp;
use super::face::FaceId;
use super::outbox::{Confirming, LOAD_LINES, Outbox};
use super::presence::{PeerSummary, Presence};
use super::record::{Line, Record};
use super::storage::{Contact, ReadUpTo, StoreRequest};
use super::trust::Trust;
use super::{Address, Asked, Chat, Effect};
use crate::proto::{Command, PathInfo};

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
    /// That one of us lacks the secret of our invitation, as a person was told since the last session,
    /// and whether it is we.
    pub(super) told_lacking: Option<bool>,
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
            told_lacking: None,
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

    /// Whether something stands in the way of which those who were here have been told.
    pub(super) fn is_in_trouble(&self) -> bool {
        let pending = self.session.as_ref().is_some_and(|session| session.told_pending);
        self.refusal.is_some() || self.told_lacking.is_some() || self.told_kept || pending
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

impl Chat {
    pub(super) fn save_contact(&mut self, address: &Address, asked: Asked) {
        let here = self.conversations.get(address).map(Conversation::to_save);
        let elsewhere = || self.elsewhere.iter().find(|one| one.address == *address).cloned();
        if let Some(contact) = here.or_else(elsewhere) {
            self.ask(StoreRequest::SaveContact(contact), asked);
        }
    }

    /// The conversation with somebody, made if there is none.
    pub(super) fn conversation(&mut self, address: &Address) -> &mut Conversation {
        if !self.conversations.contains_key(address) {
            let contact = Contact::new(address.clone(), self.random.u64());
            self.conversations.insert(address.clone(), Conversation::new(contact));
            self.save_contact(address, Asked::Contact);
            self.turn_nobody_away();
        }
        self.conversations.get_mut(address).expect("it was there or has just been inserted")
    }

    /// Asks the endpoint to be connected to this contact from now on; without a name of our own,
    /// /login does.
    pub(super) fn want(&mut self, address: &Address) {
        self.admit(address);
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        let contact = &conversation.contact;
        let unwelcome = contact.offered.is_some() || contact.regard.blocked;
        let allowed = !unwelcome && self.config.name.is_some();
        if allowed && !conversation.wanted {
            conversation.wanted = true;
            let name = self.servers.peer_name(address);
            self.effects.extend(name.map(Command::Connect).map(Effect::Network));
            self.tell_search(address);
        }
        if let Some((key, path)) = self.companion_called(address)
            && self.conversations.get(address).is_some_and(|one| one.session.is_none())
        {
            return self.connected(key, address.clone(), path);
        }
        self.move_session_to(address);
    }

    /// Brings lines into memory and into the session, as far as there is room.
    pub(super) fn pump(&mut self, address: &Address) {
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        if conversation.may_send()
            && let Some(session) = &conversation.session
        {
            let (peer, log) = (session.peer, conversation.contact.log);
            while let Some(line) = conversation.outbox.next_to_send() {
                let record = Record::Line(Line {
                    log,
                    seq: line.seq,
                    id: line.id.0,
                    sent_at_ms: line.sent_at.0,
                    audience: line.audience,
                    text: line.text.clone(),
                    manner: line.manner,
                });
                let (tag, message) = (line.seq, record.encode());
                let send = Command::Send { peer, tag, message };
                self.effects.push_back(Effect::Network(send));
            }
        }
        if let Some(after) = conversation.outbox.start_load() {
            let request =
                StoreRequest::LoadOutbox { to: address.clone(), after, limit: LOAD_LINES };
            self.ask(request, Asked::Load(address.clone()));
        }
    }
}
