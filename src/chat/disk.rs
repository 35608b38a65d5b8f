//! What the chat does about the answers of the disk.

use p2pchat_wire::identity::PeerId;

use super::files::disk::OfferId;
use super::room::{RoomId, Standing};
use super::storage::{DeliveredLine, FailureKind, OutgoingLine, ReceivedLine, StoreReply};
use super::{Address, Chat, Contact, Effect, LineId, LineState, Manner, Notice, Problem};
use crate::proto::Command;

/// What a request was about, until its answer comes.
#[derive(Debug)]
pub(super) enum Asked {
    /// Nobody waits for it.
    Nothing,
    /// A contact whose key is known to the endpoint, or not known at all.
    Contact,
    /// A contact with a new key: text waits for it to be on disk.
    NewKey {
        address: Address,
        /// Whether a person wants to be connected as soon as the key is pinned.
        then_call: bool,
    },
    Queue(OutgoingLine),
    Load(Address),
    Delivered {
        to: Address,
        seq: u64,
    },
    Receive(ReceivedLine),
    /// The line in a room that another is to be about.
    Find {
        to: Address,
        text: String,
        manner: Manner,
        reference: Option<String>,
    },
    /// Which lines of a member's count.
    Standing {
        room: Address,
        author: PeerId,
        rest: Standing,
    },
    /// What a room has asked.
    Room(Address, RoomId),
    /// What is to be told of a contact that was changed.
    Change(Box<Notice>),
    /// Whether anything was said with a contact that is to be removed.
    WhetherSaid(Address),
    /// A contact that is to be forgotten.
    Removal(Box<Contact>),
    /// What has become of a file.
    File(OfferId),
    /// That a file is wanted, which begins to come when that is on disk.
    Accepted(OfferId),
    Shown,
    Unshown,
    Owed,
    /// A script has written a line that it was given.
    Taken(Address, LineId),
    Read {
        to: Address,
        seq: u64,
    },
    History {
        with: Option<Address>,
        limit: usize,
    },
    /// With whom, and whether it is the last page.
    Page(Address, bool),
    /// The text, and with whom.
    Search(String, Option<Address>),
    /// Lines of which one may have the link, counted back from the newest.
    Link {
        with: Address,
        number: usize,
    },
}

impl Chat {
    /// The disk answers the oldest request.
    pub(super) fn stored(&mut self, reply: StoreReply) {
        let Some((face, asked)) = self.asked.pop_front() else { return };
        let before = self.faces.turn_to(face);
        self.answered(asked, reply);
        self.faces.turn_to(before);
    }

    fn answered(&mut self, asked: Asked, reply: StoreReply) {
        match (asked, reply) {
            (Asked::Queue(line), StoreReply::Failed(failure)) => self.not_queued(line, failure),
            (Asked::Queue(mut line), StoreReply::About { id, quote }) => {
                line.manner = line.manner.about(id);
                self.queued(line, Some(quote));
            }
            (Asked::Queue(line), _) => self.queued(line, None),
            (Asked::Find { to, text, manner, reference }, StoreReply::About { id, .. }) => {
                self.say_in_room(&to, text, manner.about(id), reference);
            }
            (Asked::Find { reference, .. }, StoreReply::Failed(failure)) => {
                self.refuse(reference, Problem::of_line(failure));
            }
            (Asked::Load(address), StoreReply::Outbox(lines)) => {
                if let Some(conversation) = self.conversations.get_mut(&address) {
                    conversation.outbox.loaded(lines);
                    self.pump(&address);
                }
            }
            (Asked::Load(address), reply) => {
                if let Some(conversation) = self.conversations.get_mut(&address) {
                    conversation.outbox.load_failed();
                }
                self.tell_failure(reply);
            }
            (Asked::Delivered { to, seq }, StoreReply::Delivered(lines)) => {
                self.delivered(&to, seq, lines);
            }
            (Asked::Delivered { to, .. }, reply) => self.not_delivered(&to, reply),
            (Asked::Receive(line), StoreReply::Received { new, quote }) => {
                self.received(line, new, quote);
            }
            (Asked::Receive(line), reply) => {
                if let Some(inbox) = self.inboxes.get_mut(&line.peer) {
                    inbox.lost();
                }
                self.ask_again(line.peer);
                self.tell_failure(reply);
            }
            (Asked::History { with, limit }, StoreReply::History(mut lines)) => {
                let all = lines.len() < limit;
                self.add_unkept(with.as_ref(), &mut lines, all);
                self.hide(&mut lines);
                self.answer(Notice::History(lines));
            }
            (Asked::NewKey { address, then_call }, StoreReply::Done) => {
                self.key_pinned(&address, then_call);
            }
            (Asked::Change(told), reply) => self.changed(*told, reply),
            (Asked::WhetherSaid(peer), reply) => self.whether_said(peer, reply),
            (Asked::Removal(contact), reply) => self.removed(*contact, reply),
            (Asked::Shown, StoreReply::Shown(shown)) => self.seen(shown),
            (Asked::File(offer), StoreReply::Done) => self.file_saved(offer),
            (Asked::Accepted(offer), reply) => self.accepted(offer, reply),
            (Asked::Room(address, id), reply) => self.room_stored(&address, id, reply),
            (
                Asked::Standing { room, author, rest },
                StoreReply::Standing { withdrawn, restored },
            ) => self.stands(&room, author, rest, withdrawn, restored),
            (Asked::Unshown, reply) => self.unshown_loaded(reply),
            (Asked::Owed, reply) => self.owed_loaded(reply),
            (Asked::Taken(from, id), reply) => self.taken(from, id, reply),
            (Asked::Read { to, seq }, reply) => self.noted_read(&to, seq, reply),
            (Asked::Page(with, last), reply) => self.paged(with, last, reply),
            (Asked::Link { with, number }, reply) => self.link_paged(with, number, reply),
            (Asked::Search(text, with), StoreReply::History(mut lines)) => {
                self.hide(&mut lines);
                self.answer(Notice::Found { text, with, lines });
            }
            (
                Asked::Nothing
                | Asked::History { .. }
                | Asked::Contact
                | Asked::NewKey { .. }
                | Asked::Shown
                | Asked::File(_)
                | Asked::Standing { .. }
                | Asked::Find { .. }
                | Asked::Search(..),
                reply,
            ) => self.tell_failure(reply),
        }
    }

    pub(super) fn tell_failure(&mut self, reply: StoreReply) {
        if let StoreReply::Failed(failure) = reply {
            // A line that came behind one that failed is not a second failure.
            if failure.kind != FailureKind::Gap {
                self.show(Notice::StoreFailed(failure));
            }
        }
    }

    pub(super) fn key_pinned(&mut self, address: &Address, then_call: bool) {
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        let Some(key) = conversation.contact.key else { return };
        conversation.pinned = true;
        let name = self.servers.peer_name(address);
        let pin = name.map(|name| Command::Pin { name, key });
        self.effects.extend(pin.map(Effect::Network));
        if then_call {
            self.want(address);
        }
        self.pump(address);
        self.go_on_with_files(address);
    }

    fn delivered(&mut self, to: &Address, seq: u64, lines: Vec<DeliveredLine>) {
        let Some(conversation) = self.conversations.get_mut(to) else { return };
        conversation.outbox.delivered(seq, &lines);
        let next = conversation.outbox.next_to_confirm();
        self.offers_delivered(to, &lines);
        for line in lines {
            self.tell_status(to.clone(), line.id, line.reference, LineState::Delivered);
        }
        if let Some((seq, id)) = next {
            self.note_delivered(to, seq, id);
        }
        self.note_read(to);
        self.pump(to);
        self.pass_session_on(to);
    }

    fn not_delivered(&mut self, to: &Address, reply: StoreReply) {
        let Some(conversation) = self.conversations.get_mut(to) else { return };
        conversation.outbox.confirm_failed();
        match reply {
            StoreReply::Failed(failure) if failure.kind == FailureKind::NoSuchLine => {
                self.rename_log(to);
            }
            reply => self.tell_failure(reply),
        }
    }
}
