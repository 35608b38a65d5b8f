//! What becomes of contacts when something is decided about them outside of the chat, and of a nickname that
//! is typed in it.
//!
//! A change is made at once, and told when the disk has it: to everybody that it was made, and to whoever has
//! asked that it is done ([`Notice::Changed`]). Whoever is removed is nobody we know from the moment on that
//! it is decided; what waited for it has failed as soon as the disk has forgotten it.

use p2pchat_wire::identity::Name;

use super::book::{Book, Change, Intent};
use super::conversation::Conversation;
use super::storage::{Contact, StoreReply, StoreRequest};
use super::{Address, Asked, Chat, LineState, Notice, Problem};
use crate::proto::Command;

impl Chat {
    /// All that is known of people here.
    fn book(&self) -> Book<'_> {
        let (name, home) = (self.config.name.as_ref(), self.servers.first_host());
        Book::new(self.config.key, name, Some(home)).with(self.everybody(), self.servers.known())
    }

    /// Somebody outside of the chat wants something of a contact.
    pub(super) fn intend(&mut self, intent: &Intent) {
        let log = self.random.u64();
        match self.book().decide(intent, self.now, log) {
            Ok(change) => self.change(change),
            Err(notice) => self.answer(*notice),
        }
    }

    /// Calls a contact so here, or by its own name again.
    pub(super) fn rename(&mut self, peer: Address, nickname: Option<Name>) {
        if !self.everybody().any(|one| one.address == peer) {
            return self.refuse(None, Problem::NoContact(peer));
        }
        match self.book().rename(peer, nickname) {
            Ok(change) => self.change(change),
            Err(problem) => self.refuse(None, problem),
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Add { contact, rendezvous } => {
                if let Some(rendezvous) = rendezvous {
                    self.servers.learn(&rendezvous);
                    self.ask(StoreRequest::SaveRendezvous(rendezvous), Asked::Nothing);
                }
                let contact = self.add(*contact);
                let told = Notice::Added(Box::new(contact.clone()));
                self.ask(StoreRequest::SaveContact(contact), Asked::Change(Box::new(told)));
            }
            Change::Remove { peer, sure: true } => self.forget(peer),
            Change::Remove { peer, sure: false } => {
                let request = StoreRequest::Page { with: peer.clone(), before: None, limit: 1 };
                self.ask(request, Asked::WhetherSaid(peer));
            }
            Change::Rename { ref peer, ref nickname } => {
                self.nicknames.set(peer, nickname.clone());
                self.alter(peer, &change);
            }
            Change::Verify { ref peer, .. } => self.alter(peer, &change),
        }
    }

    fn alter(&mut self, peer: &Address, change: &Change) {
        let contact = match self.conversations.get_mut(peer) {
            Some(conversation) => Some(&mut conversation.contact),
            None => self.elsewhere.iter_mut().find(|one| one.address == *peer),
        };
        if let Some(contact) = contact {
            change.make(contact);
            self.save_contact(peer, Asked::Change(Box::new(change.told())));
        }
    }

    /// Takes in what the book has of a contact. Returns the contact as the disk is to have it.
    fn add(&mut self, contact: Contact) -> Contact {
        let peer = contact.address.clone();
        self.nicknames.set(&peer, contact.regard.nickname.clone());
        if self.servers.peer_name(&peer).is_none() {
            self.elsewhere.retain(|one| one.address != peer);
            self.elsewhere.push(contact.clone());
            return contact;
        }
        match self.requests.key_of(&peer) {
            Some(waiting) if contact.key.is_none_or(|key| key == waiting) => self.admit(&peer),
            Some(_) => {
                // Somebody else has called under this name.
                self.take_request(&peer);
                self.hang_up(&peer);
            }
            None => {}
        }
        let now = self.now;
        let conversation = self.conversation(&peer);
        let known = &mut conversation.contact;
        known.regard.nickname = contact.regard.nickname;
        if let (None, Some(key)) = (known.key, contact.key) {
            (known.key, known.since, known.is_new) = (Some(key), now, true);
            conversation.pinned = false;
        }
        conversation.to_save()
    }

    /// The disk has a change, or refuses it.
    pub(super) fn changed(&mut self, told: Notice, reply: StoreReply) {
        if let StoreReply::Failed(failure) = reply {
            return self.refuse(None, Problem::Store(failure));
        }
        if let Notice::Added(contact) = &told
            && self.conversations.get(&contact.address).is_some_and(|one| !one.pinned)
        {
            self.key_pinned(&contact.address, false);
        }
        self.done(told);
    }

    fn done(&mut self, told: Notice) {
        self.answer(Notice::Changed(Box::new(told.clone())));
        self.show(told);
    }

    /// The last line with somebody who is to be removed, if nothing was said.
    pub(super) fn whether_said(&mut self, peer: Address, reply: StoreReply) {
        let comes = |asked: &Asked| match asked {
            Asked::Queue(line) => line.to == peer,
            Asked::Receive(line) => line.from == peer,
            _ => false,
        };
        match reply {
            StoreReply::Failed(failure) => self.refuse(None, Problem::Store(failure)),
            StoreReply::Page { lines, .. }
                if lines.is_empty() && !self.asked.iter().any(|(_, asked)| comes(asked)) =>
            {
                self.forget(peer);
            }
            _ => self.refuse(None, Problem::HasHistory(peer)),
        }
    }

    /// Removes somebody, and everything that was said.
    fn forget(&mut self, peer: Address) {
        let contact = match self.conversations.remove(&peer) {
            Some(conversation) => self.part_with(&conversation),
            None => match self.elsewhere.iter().position(|one| one.address == peer) {
                Some(index) => self.elsewhere.remove(index),
                None => return self.refuse(None, Problem::NoContact(peer)),
            },
        };
        self.nicknames.set(&peer, None);
        self.drafts.remove(&peer);
        self.meant.remove(&peer);
        self.unkept.retain(|line| line.with != peer);
        self.close_everywhere(&peer);
        if contact.regard.blocked {
            self.tell_blocked();
        }
        self.ask(StoreRequest::RemoveContact(peer), Asked::Removal(Box::new(contact)));
    }

    /// Nothing goes to a contact any more, and nothing is taken in. Returns what it was.
    fn part_with(&mut self, conversation: &Conversation) -> Contact {
        let contact = conversation.to_save();
        let peer = &contact.address;
        if let Some(session) = &conversation.session {
            self.sessions.remove(&session.peer);
            self.describe_nothing(session.peer, peer);
        }
        self.hang_up(peer);
        let name = self.servers.peer_name(peer).filter(|_| contact.key.is_some());
        if let Some(name) = name {
            self.command(Command::Unpin(name));
        }
        self.locally.seek_no_more(peer);
        contact
    }

    /// The disk has forgotten somebody and what was waiting, or refuses to.
    pub(super) fn removed(&mut self, contact: Contact, reply: StoreReply) {
        let peer = contact.address.clone();
        let lines = match reply {
            StoreReply::Removed(lines) => lines,
            StoreReply::Failed(failure) => {
                self.take_back(contact);
                return self.refuse(None, Problem::Store(failure));
            }
            _ => Vec::new(),
        };
        self.forget_files(&peer);
        if !self.conversations.contains_key(&peer) {
            self.faces.wait_no_more(&peer, lines.first().map(|line| line.seq));
        }
        for line in lines {
            let state = LineState::Failed(Problem::Removed(peer.clone()));
            self.tell_status(peer.clone(), line.id, line.reference, state);
        }
        self.done(Notice::Removed(peer));
    }

    /// Whoever the disk does not forget is a contact as before.
    fn take_back(&mut self, contact: Contact) {
        let (peer, waits) = (contact.address.clone(), contact.waiting > 0);
        self.nicknames.set(&peer, contact.regard.nickname.clone());
        if self.servers.peer_name(&peer).is_none() {
            return self.elsewhere.push(contact);
        }
        self.conversations.entry(peer.clone()).or_insert_with(|| Conversation::new(contact));
        self.tell_blocked();
        self.key_pinned(&peer, false);
        if waits {
            self.want(&peer);
            self.pump(&peer);
        }
    }
}
