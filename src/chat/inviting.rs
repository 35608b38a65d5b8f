//! Invitations in the running chat: one that a person has given, one that it accepts, and links.
//!
//! The letters are the endpoint's (`proto::endpoint`); here it is decided at which rendezvous they are
//! exchanged, what becomes of the contact, and who is told. [`invitation`] is what people tell each
//! other.

use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::{Name, PeerId};

use super::face::FaceId;
use super::invitation::{self, CodeWords, ContactLink};
use super::safety::Wording;
use super::storage::StoreRequest;
use super::{Address, Asked, Chat, Effect, Notice, Problem, Strangers, Timestamp};
use crate::proto::{Command, InvitationFailure, ServerId};

/// For how long a code is good, in milliseconds.
const GOOD_FOR: u64 = invitation::MINUTES * 60_000;

/// What a person asks for with /invite.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Asking {
    /// In which language the code is shown, if not in that of the rest.
    pub(super) wording: Option<Wording>,
    /// Whether another is to take the place of the one that is open.
    pub(super) anew: bool,
    /// At which rendezvous.
    pub(super) host: Option<String>,
}

/// What a person does with /accept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Accepting {
    /// Lets a stranger in: the one of this name, or the only one.
    Request(Option<String>),
    /// Types the code that somebody has told.
    Code { number: u32, words: CodeWords, host: Option<String> },
    /// Believes a link.
    Link(ContactLink),
}

/// The invitation that we have given.
#[derive(Debug)]
struct Given {
    server: ServerId,
    words: CodeWords,
    wording: Option<Wording>,
    /// Once the server has a mailbox for it.
    number: Option<u32>,
    at: Timestamp,
    /// Who is to be shown the code.
    face: FaceId,
}

/// What is open.
#[derive(Debug, Default)]
pub(super) struct Invitations {
    given: Option<Given>,
    /// For whom the last code was typed.
    accepting: Option<FaceId>,
}

impl Chat {
    /// Shows the invitation that is open, or makes one.
    pub(super) fn give_invitation(&mut self, asking: Asking) {
        let Asking { wording, anew, host } = asking;
        let server = match self.place_for_letters(host.as_deref()) {
            Ok(server) => server,
            Err(problem) => return self.refuse(None, problem),
        };
        let (face, now) = (self.faces.asking_id(), self.now);
        if let Some(given) = &mut self.invitations.given
            && !anew
            && now.since(given.at) < GOOD_FOR
            && (host.is_none() || given.server == server)
        {
            (given.face, given.wording) = (face, wording.or(given.wording));
            return self.show_invitation();
        }
        let words = CodeWords::draw(&mut self.random);
        self.command(Command::Invite { server, words: words.secret() });
        let given = Given { server, words, wording, number: None, at: now, face };
        self.invitations.given = Some(given);
    }

    /// The server has a mailbox for it.
    pub(super) fn invitation_opened(&mut self, server: ServerId, number: u32) {
        if let Some(given) = &mut self.invitations.given
            && given.server == server
        {
            given.number = Some(number);
            self.show_invitation();
        }
    }

    /// Shows the code to whoever has asked for it, as soon as there is one.
    fn show_invitation(&mut self) {
        let Some(given) = &self.invitations.given else { return };
        let (Some(number), Some(name)) = (given.number, self.config.name.clone()) else { return };
        let Some(server) = self.servers.get(given.server) else { return };
        let link = ContactLink {
            name,
            host: server.rendezvous.host.clone(),
            server: server.rendezvous.key,
            key: self.config.key,
        };
        let left = GOOD_FOR.saturating_sub(self.now.since(given.at));
        let notice = Notice::Invitation {
            number,
            words: given.words.clone(),
            wording: given.wording,
            server: self.servers.named(given.server),
            link: Box::new(link),
            minutes: left.div_ceil(60_000),
        };
        self.effects.push_back(Effect::Answer(given.face, notice));
    }

    /// Tries the code that somebody has told.
    pub(super) fn accept_code(&mut self, number: u32, words: &CodeWords, host: Option<&str>) {
        match self.place_for_letters(host) {
            Ok(server) => {
                self.invitations.accepting = Some(self.faces.asking_id());
                self.command(Command::Accept { server, number, words: words.secret() });
            }
            Err(problem) => self.refuse(None, problem),
        }
    }

    /// Takes a link at its word. It verifies nobody, and no other key gives way to it before a person
    /// has decided.
    pub(super) fn accept_link(&mut self, link: &ContactLink) {
        if link.key == self.config.key {
            return self.refuse(None, Problem::Yourself);
        }
        let server = match self.server_at(&link.host) {
            Ok(server) => server,
            Err(problem) => return self.refuse(None, problem),
        };
        let known = self.servers.get(server).and_then(|one| one.rendezvous.key);
        if let (Some(known), Some(said)) = (known, link.server)
            && known != said
        {
            let host = link.host.clone();
            return self.refuse(None, Problem::OtherServerKey { host, known, said });
        }
        let Some(peer) = self.address_at(server, link.name.clone()) else { return };
        let pinned = self.conversations.get(&peer).and_then(|one| one.contact.key);
        if let Some(pinned) = pinned.filter(|pinned| *pinned != link.key) {
            return self.key_changed(peer, pinned, link.key);
        }
        self.introduce(&peer, link.key, false);
        self.show(Notice::Invited { peer, key: link.key, by_us: false, verified: false });
    }

    /// The words were the same: whatever the server says, this is who has them.
    pub(super) fn invited(
        &mut self,
        server: ServerId,
        name: Name,
        key: PeerId,
        secret: SharedSecret,
        by_us: bool,
    ) {
        self.end_invitation(by_us);
        let Some(peer) = self.address_at(server, name) else { return };
        self.ask(StoreRequest::SaveSecret(key, secret), Asked::Nothing);
        self.introduce(&peer, key, true);
        self.show(Notice::Invited { peer, key, by_us, verified: true });
    }

    /// Nothing came of it. Everybody is told of ours, for somebody may have guessed at it; of one
    /// that was accepted, whoever has typed the code.
    pub(super) fn invitation_failed(&mut self, reason: InvitationFailure, by_us: bool) {
        let face = self.end_invitation(by_us);
        let notice = Notice::InvitationFailed { reason, by_us };
        self.effects.push_back(match face {
            Some(face) if !by_us => Effect::Answer(face, notice),
            _ => Effect::Show(notice),
        });
    }

    /// No session comes about because one of us has not what the other has. A stranger, who may be
    /// somebody that a restored profile does not know any more, is told of like any other.
    pub(super) fn secret_lacking(&mut self, key: PeerId, peer: Address, by_us: bool) {
        let told = match self.conversations.get_mut(&peer) {
            Some(one) if one.contact.key.is_none_or(|pinned| pinned == key) => {
                one.told_lacking.replace(by_us).is_some()
            }
            Some(_) => true,
            None => {
                self.config.strangers == Strangers::Refuse || !self.requests.may_be_told(self.now)
            }
        };
        if !told {
            self.show(Notice::SecretLacking { peer, by_us });
        }
    }

    fn end_invitation(&mut self, by_us: bool) -> Option<FaceId> {
        if by_us {
            self.invitations.given.take().map(|given| given.face)
        } else {
            self.invitations.accepting.take()
        }
    }

    /// From now on this is somebody's key.
    fn introduce(&mut self, peer: &Address, key: PeerId, verified: bool) {
        match self.requests.key_of(peer) {
            Some(waiting) if waiting == key => self.admit(peer),
            // Somebody else has called under this name.
            Some(_) => drop(self.take_request(peer)),
            None => {}
        }
        let now = self.now;
        let conversation = self.conversation(peer);
        let contact = &mut conversation.contact;
        let before = contact.key.replace(key);
        if before != Some(key) {
            (contact.since, contact.verified) = (now, false);
            (contact.is_new, conversation.shown_code) = (true, None);
        }
        contact.verified |= verified;
        contact.offered = None;
        (conversation.pinned, conversation.told_changed) = (false, false);
        (conversation.told_lacking, conversation.refusal) = (None, None);
        if conversation.session.as_ref().is_some_and(|session| session.peer != key) {
            self.hang_up(peer);
        }
        let asked = Asked::NewKey { address: peer.clone(), then_call: true };
        self.save_contact(peer, asked);
        self.make_current_if_none(peer);
    }

    /// At which server letters are exchanged: the one named, or the first that knows us.
    fn place_for_letters(&self, host: Option<&str>) -> Result<ServerId, Problem> {
        if self.config.name.is_none() {
            return Err(Problem::NoName);
        }
        let registered =
            |server: &ServerId| self.servers.get(*server).is_some_and(|one| one.registered);
        let server = match host {
            Some(host) => Some(self.server_at(host)?),
            None => self.servers.ids().find(registered),
        };
        server.filter(registered).ok_or(Problem::NotRegistered)
    }

    fn server_at(&self, host: &str) -> Result<ServerId, Problem> {
        let at = self.servers.hosts().position(|known| known.eq_ignore_ascii_case(host));
        at.and_then(|at| self.servers.ids().nth(at)).ok_or_else(|| Problem::OtherHost {
            typed: host.to_owned(),
            host: self.servers.hosts().collect::<Vec<_>>().join(", "),
        })
    }

    fn address_at(&self, server: ServerId, name: Name) -> Option<Address> {
        let server = self.servers.get(server)?;
        Some(Address::new(name, &server.rendezvous.host))
    }
}
