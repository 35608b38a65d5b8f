//! What the chat does about what the network reports.

use std::time::Duration;

use p2pchat_wire::identity::PeerId;
use p2pchat_wire::signal::Refusal;

use super::conversation::{Conversation, Session};
use super::inbox::Verdict;
use super::record::{Line, Record};
use super::storage::{Cursor, ReadUpTo, ReceivedLine, StoreRequest};
use super::{
    Address, Asked, Chat, Effect, ExitCode, LineId, LineState, Notice, Presence, Timestamp,
};
use crate::proto::{Command, DisconnectReason, Event, PathInfo, PeerName};

/// Conversations. Strangers beyond this number are not let in.
const MAX_CONVERSATIONS: usize = 10_000;

impl Chat {
    pub(super) fn network(&mut self, event: Event) {
        match event {
            Event::RendezvousKey { server, key } => self.rendezvous_key(server, key),
            Event::Registered { server, name, mapped, token } => {
                self.registered(server, &name, mapped, token);
            }
            Event::RegisterRefused { server, name, refusal } => {
                self.register_refused(server, name, refusal);
            }
            Event::HomeChanged(server) => {
                let home = self.servers.named(server);
                self.effects.extend(home.map(Notice::Home).map(Effect::Show));
            }
            Event::Carried { server, over_tcp } => self.carried(server, over_tcp),
            Event::Unregistered(server) => self.unregistered(server),
            Event::RendezvousTrouble { server, trouble } => {
                self.rendezvous_trouble(server, trouble);
            }
            Event::Presence { name, key: _, online } => {
                let state = if online { Presence::Registered } else { Presence::Offline };
                self.presence(&name, state);
            }
            Event::ConnectRefused { name, refusal } => self.connect_refused(&name, refusal),
            Event::KeyChanged { name, expected, actual } => {
                if let Some(address) = self.servers.address(&name) {
                    self.key_changed(address, expected, actual);
                }
            }
            Event::RoomPeople { server, room, id, people } => {
                self.room_people(server, room, id, people);
            }
            Event::RoomEntered { server, room, name, key } => {
                self.room_entered(server, room, name, key);
            }
            Event::RoomRefused { server, room, refusal } => {
                self.room_refused(server, room, refusal);
            }
            Event::SecretLacking { peer, name, by_us } => {
                if let Some(address) = self.servers.address(&name) {
                    self.secret_lacking(peer, address, by_us);
                }
            }
            Event::InvitationOpened { server, number } => self.invitation_opened(server, number),
            Event::Invited { server, name, key, secret, by_us } => {
                self.invited(server, name, key, secret, by_us);
            }
            Event::InvitationFailed { reason, by_us, .. } => self.invitation_failed(reason, by_us),
            Event::Announce(announcement) => {
                self.announced(announcement.map(|announcement| announcement.open.is_some()));
            }
            Event::Connecting { name, peer: _ } => self.presence(&name, Presence::Connecting),
            Event::Connected { peer, name, path } => match self.servers.address(&name) {
                Some(address) => self.connected(peer, address, path),
                None => self.command(Command::Disconnect(name)),
            },
            Event::PathChanged { peer, path } => self.path_changed(peer, path),
            Event::PathMeasured { peer, rtt } => self.path_measured(peer, rtt),
            Event::Disconnected { peer, name: _, reason } => self.disconnected(peer, reason),
            Event::Transmitted { peer, tag } => self.transmitted(peer, tag),
            Event::Message { peer, message } => self.message(peer, &message),
            Event::Stream(peer, event) => self.stream(peer, event),
            Event::PunchDescribed { peer, report } => self.network.punch = Some((peer, report)),
            Event::PunchLearned { peer, lesson } => {
                self.ask(StoreRequest::SaveLesson(peer, lesson), Asked::Nothing);
            }
            Event::IdleLearned(limit) => {
                self.ask(StoreRequest::SaveIdle(limit), Asked::Nothing);
            }
            Event::AgeLearned(limit) => {
                self.ask(StoreRequest::SaveAge(limit), Asked::Nothing);
            }
            Event::MappingInferred(evidence) => self.network.ports = evidence.model,
            Event::PortMapping(mapping) => {
                self.network.forwarded = mapping.external().is_some();
            }
            Event::PathsDescribed { peer, paths, reason, upkeep } => {
                self.described(peer, |chat| {
                    let punch = chat.network.punch.take();
                    let punch = punch.filter(|(with, _)| *with == peer).map(|(_, report)| report);
                    let peer = chat.sessions.get(&peer).cloned()?;
                    Some(Notice::Paths { peer, paths, reason, punch, upkeep })
                });
            }
        }
    }

    fn connect_refused(&mut self, name: &PeerName, refusal: Refusal) {
        let Some(address) = self.servers.address(name) else { return };
        let Some(conversation) = self.conversations.get_mut(&address) else { return };
        if let Refusal::KeyMismatch { actual } = refusal
            && let Some(expected) = conversation.contact.key
        {
            return self.key_changed(address, expected, actual);
        }
        let repeated = conversation.refusal.replace(refusal) == Some(refusal);
        match refusal {
            Refusal::Offline => self.presence(name, Presence::Offline),
            _ if repeated => {}
            Refusal::NoSuchName => self.show(Notice::NoSuchName(address)),
            refusal => self.show(Notice::ConnectRefused { peer: address, refusal }),
        }
    }

    /// What the server says about somebody; a session knows better.
    fn presence(&mut self, name: &PeerName, state: Presence) {
        let Some(address) = self.servers.address(name) else { return };
        let Some(conversation) = self.conversations.get_mut(&address) else { return };
        if state >= Presence::Registered {
            conversation.refusal = None;
        }
        if conversation.session.is_none() && !conversation.contact.regard.blocked {
            self.set_presence(&address, state);
        }
    }

    fn set_presence(&mut self, address: &Address, state: Presence) {
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        let was = conversation.presence.replace(state);
        if was != Some(state) {
            conversation.told_kept = false;
            let notice = Notice::Peer {
                peer: address.clone(),
                key: conversation.contact.key,
                was: was.unwrap_or_default(),
                state,
                path: conversation.session.as_ref().map(|session| session.path),
            };
            self.show(notice);
        }
        self.tell_kept(address);
    }

    /// Says that lines wait on this computer, if nobody was told and it is known why.
    pub(super) fn tell_kept(&mut self, address: &Address) {
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        let waiting = conversation.outbox.waiting();
        let (Some(state), false) = (conversation.presence, conversation.told_kept) else { return };
        if waiting > 0 && state <= Presence::Registered {
            conversation.told_kept = true;
            self.show(Notice::Kept { to: address.clone(), state, waiting });
        }
    }

    pub(super) fn key_changed(&mut self, address: Address, expected: PeerId, actual: PeerId) {
        let Some(conversation) = self.conversations.get_mut(&address) else { return };
        if conversation.contact.regard.blocked {
            return self.hang_up(&address);
        }
        let news = conversation.contact.offered.replace(actual) != Some(actual);
        let told = std::mem::replace(&mut conversation.told_changed, true);
        // A session with the pinned key is not the impostor's. It may go on receiving.
        let wanted = std::mem::take(&mut conversation.wanted);
        let hang_up = wanted && conversation.session.is_none();
        if news {
            self.save_contact(&address, Asked::Contact);
        }
        if hang_up {
            self.hang_up(&address);
        }
        let invited = |chat: &Self| chat.faces.asking().invited.as_ref() == Some(&address);
        self.give_up(ExitCode::KeyChanged, invited);
        if news || !told {
            self.show(Notice::KeyChanged { peer: address, expected, actual });
        }
    }

    pub(super) fn connected(&mut self, peer: PeerId, address: Address, path: PathInfo) {
        if self.is_blocked(peer, &address) {
            return self.turn_away(peer, &address);
        }
        if self.is_stranger(peer, &address) {
            if self.is_companion(peer) {
                return self.meet(peer, address, path);
            }
            if self.was_called_for_a_room(&address) {
                // Not whom we were told of.
                return self.hang_up(&address);
            }
            if !self.stranger_called(peer, &address, path) {
                return;
            }
        }
        self.welcome(peer, address, path);
    }

    /// There is a session with somebody whom we know, or want to.
    pub(super) fn welcome(&mut self, peer: PeerId, address: Address, path: PathInfo) {
        if let Some(before) = self.sessions.remove(&peer)
            && before != address
            && let Some(other) = self.conversations.get_mut(&before)
        {
            // The same key under another name: it has one session, under the newest.
            other.session = None;
            if before.host == address.host {
                self.set_presence(&before, Presence::Offline);
            } else {
                other.presence = Some(Presence::Registered);
                self.show(Notice::SamePerson { peer: address.clone(), before });
            }
        }
        let stranger = !self.conversations.contains_key(&address);
        if stranger && self.conversations.len() >= MAX_CONVERSATIONS {
            return self.hang_up(&address);
        }
        let now = self.now;
        let conversation = self.conversation(&address);
        match conversation.contact.key {
            Some(pinned) if pinned != peer => return self.key_changed(address, pinned, peer),
            Some(_) => {}
            None => {
                conversation.contact.key = Some(peer);
                conversation.contact.since = now;
                conversation.contact.is_new = true;
            }
        }
        (conversation.refusal, conversation.told_lacking) = (None, None);
        conversation.outbox.rewind(0);
        conversation.session = Some(Session::new(peer, path));
        let log = conversation.contact.log;
        let must_pin = !conversation.pinned;
        self.sessions.insert(peer, address.clone());
        self.meet(peer, address.clone(), path);
        let unheard = self.requests.take_unheard(peer);
        let inbox = self.inboxes.entry(peer).or_default();
        if let Some((log, seq)) = unheard {
            inbox.missed(log, seq);
        }
        if must_pin {
            let asked = Asked::NewKey { address: address.clone(), then_call: false };
            self.save_contact(&address, asked);
        }
        // What was seen while it was away may be to be told.
        self.run.owing = true;
        let software = self.config.software.clone();
        self.say(peer, &Record::Hello { log, software, files: true, folders: true });
        self.ask_again(peer);
        self.set_presence(&address, Presence::Connected);
        if !self.is_ignored(&address) {
            self.make_current_if_none(&address);
        }
        self.pump(&address);
        self.pass_session_on(&address);
    }

    pub(super) fn hang_up(&mut self, address: &Address) {
        let name = self.servers.peer_name(address);
        self.effects.extend(name.map(Command::Disconnect).map(Effect::Network));
    }

    /// Whoever is known from several servers has one session, under one name at a time. It comes to
    /// where a line waits, once those under the other name have arrived.
    pub(super) fn move_session_to(&mut self, address: &Address) {
        let Some(conversation) = self.conversations.get(address) else { return };
        let contact = &conversation.contact;
        let Some(key) = contact.key.filter(|_| contact.offered.is_none()) else { return };
        let other = self.sessions.get(&key).filter(|other| *other != address);
        let other = other.and_then(|other| self.conversations.get(other));
        let path = other
            .filter(|other| other.outbox.waiting() == 0)
            .and_then(|other| other.session.as_ref())
            .map(|session| session.path);
        if let Some(path) = path {
            self.connected(key, address.clone(), path);
        }
    }

    /// Nothing waits here any more: whoever is behind it may have a line under another name.
    pub(super) fn pass_session_on(&mut self, address: &Address) {
        let Some(conversation) = self.conversations.get(address) else { return };
        let Some(session) = &conversation.session else { return };
        let waits = |(other, one): &(&Address, &Conversation)| {
            *other != address
                && one.contact.key == Some(session.peer)
                && one.contact.offered.is_none()
                && one.outbox.waiting() > 0
        };
        if conversation.outbox.waiting() == 0
            && let Some((other, _)) = self.conversations.iter().find(waits)
        {
            self.move_session_to(&other.clone());
        }
    }

    fn path_changed(&mut self, peer: PeerId, path: PathInfo) {
        self.companion_moved(peer, path);
        let Some(address) = self.sessions.get(&peer).cloned() else {
            return self.stranger_moved(peer, path);
        };
        let Some(conversation) = self.conversations.get_mut(&address) else { return };
        let Some(session) = &mut conversation.session else { return };
        let before = std::mem::replace(&mut session.path, path);
        if (before.kind, before.remote) != (path.kind, path.remote) {
            let key = conversation.contact.key;
            let (was, state) = (Presence::Connected, Presence::Connected);
            self.show(Notice::Peer { peer: address, key, was, state, path: Some(path) });
        }
    }

    fn path_measured(&mut self, peer: PeerId, rtt: Duration) {
        let Some(address) = self.sessions.get(&peer).cloned() else { return };
        let Some(session) = self.session(&address) else { return };
        session.path.rtt = Some(rtt);
        self.show(Notice::Measured { peer: address, rtt });
    }

    fn disconnected(&mut self, peer: PeerId, reason: DisconnectReason) {
        self.part(peer);
        self.files_stop(peer);
        if let Some(inbox) = self.inboxes.get_mut(&peer) {
            inbox.session_ended();
        }
        let Some(address) = self.sessions.remove(&peer) else { return self.stranger_left(peer) };
        let Some(conversation) = self.conversations.get_mut(&address) else { return };
        conversation.session = None;
        conversation.outbox.rewind(0);
        let comes_back = conversation.wanted || conversation.outbox.waiting() > 0;
        let state = match reason {
            DisconnectReason::Restarted => Presence::Connecting,
            DisconnectReason::TimedOut if comes_back => Presence::Connecting,
            DisconnectReason::Misbehaved | DisconnectReason::Closed => Presence::Registered,
            DisconnectReason::Left | DisconnectReason::TimedOut => Presence::Offline,
        };
        let waits = conversation.outbox.waiting() > 0;
        self.set_presence(&address, state);
        self.describe_nothing(peer, &address);
        if waits {
            self.want(&address);
        }
    }

    fn transmitted(&mut self, peer: PeerId, tag: u64) {
        let Some(address) = self.sessions.get(&peer) else { return };
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        // Tags are the numbers of lines; other records have 0.
        if let Some(line) = conversation.outbox.transmitted(tag) {
            let (to, id, reference) = (address.clone(), line.id, line.reference.clone());
            self.tell_status(to, id, reference, LineState::Sent);
        }
    }

    /// Sends a record that is not a line.
    pub(super) fn say(&mut self, peer: PeerId, record: &Record) {
        self.command(Command::Send { peer, tag: 0, message: record.encode() });
    }

    pub(super) fn message(&mut self, peer: PeerId, message: &[u8]) {
        let record = Record::decode(message);
        if let Ok(Some(Record::Room(record))) = record {
            return self.room_record(peer, record);
        }
        let Some(address) = self.sessions.get(&peer).cloned() else {
            return self.stranger_says(peer, message);
        };
        match record {
            Ok(Some(Record::Hello { log, software, files, folders })) => {
                if let Some(session) = self.session(&address) {
                    session.software = Some(software);
                }
                self.owe(peer, log);
                self.knows_files(peer, &address, files, folders);
            }
            Ok(Some(Record::Line(line))) => self.line(peer, address, line),
            Ok(Some(Record::Committed { log, seq, id })) => {
                self.committed(&address, log, seq, LineId(id));
            }
            Ok(Some(Record::Again { log, after })) => {
                let Some(conversation) = self.conversations.get_mut(&address) else { return };
                if conversation.contact.log == log {
                    conversation.outbox.rewind(after);
                    self.pump(&address);
                }
            }
            Ok(Some(Record::Examine)) => self.tell_circumstances(&address),
            Ok(Some(Record::Circumstances(circumstances))) => {
                self.circumstances(&address, circumstances);
            }
            Ok(Some(Record::Read { log, seq, id })) => {
                self.read(&address, ReadUpTo { peer, log, seq, id: LineId(id) });
            }
            Ok(Some(Record::Typing { typing })) => self.typing_heard(&address, typing),
            Ok(Some(Record::Pending)) => self.pending(address),
            Ok(Some(Record::File(record))) => self.file_record(peer, &address, record),
            Ok(Some(Record::Room(_)) | None) => {}
            Err(_) => self.unreadable(&address),
        }
    }

    pub(super) fn session(&mut self, address: &Address) -> Option<&mut Session> {
        self.conversations.get_mut(address)?.session.as_mut()
    }

    /// The peer asks its person about us.
    fn pending(&mut self, address: Address) {
        if let Some(session) = self.session(&address)
            && !std::mem::replace(&mut session.told_pending, true)
        {
            self.show(Notice::Pending(address));
        }
    }

    fn unreadable(&mut self, address: &Address) {
        let Some(session) = self.session(address) else { return };
        if !std::mem::replace(&mut session.told_unreadable, true) {
            let software = session.software.clone();
            self.show(Notice::Unreadable { peer: address.clone(), software });
        }
    }

    fn line(&mut self, peer: PeerId, from: Address, line: Line) {
        if self.run.leaving.is_some() {
            return;
        }
        let Some(inbox) = self.inboxes.get_mut(&peer) else { return };
        match inbox.receive(&line) {
            Verdict::Ignore => {}
            Verdict::Confirm => self.owe(peer, line.log),
            Verdict::Keep { after } => {
                if let Some(session) = self.session(&from) {
                    session.heard_typing = None;
                }
                let received = ReceivedLine {
                    author: None,
                    from,
                    peer,
                    log: line.log,
                    seq: line.seq,
                    after,
                    id: LineId(line.id),
                    sent_at: Timestamp(line.sent_at_ms).min(Timestamp::MAX),
                    received_at: self.now,
                    audience: line.audience,
                    text: line.text,
                    manner: line.manner,
                };
                let request = StoreRequest::Receive(received.clone());
                self.ask(request, Asked::Receive(received));
            }
        }
        self.ask_again(peer);
    }

    pub(super) fn ask_again(&mut self, peer: PeerId) {
        if self.sessions.contains_key(&peer)
            && let Some((log, after)) = self.inboxes.get_mut(&peer).and_then(|one| one.ask_again())
        {
            self.say(peer, &Record::Again { log, after });
        }
    }

    /// A confirmation of what we have of `log` is due, when there is nothing else to do.
    pub(super) fn owe(&mut self, peer: PeerId, log: u64) {
        let address = self.sessions.get(&peer).cloned();
        if let Some(session) = address.and_then(|address| self.session(&address)) {
            session.owes = Some(log);
            self.run.owing = true;
        }
    }

    pub(super) fn confirm_what_is_owed(&mut self) {
        if !std::mem::take(&mut self.run.owing) {
            return;
        }
        for conversation in self.conversations.values_mut() {
            let may_tell = conversation.may_send();
            let Some(session) = &mut conversation.session else { continue };
            let peer = session.peer;
            let log = session.owes.take();
            let cursor =
                self.inboxes.get(&peer).zip(log).and_then(|(inbox, log)| inbox.cursor(log));
            let committed = cursor.map(|cursor| {
                let Cursor { log, seq, id, .. } = *cursor;
                Record::Committed { log, seq, id: id.0 }
            });
            // A line is confirmed before it is said to have been read.
            let read = conversation.to_tell.take_if(|read| may_tell && read.peer == peer);
            let read =
                read.map(|ReadUpTo { log, seq, id, .. }| Record::Read { log, seq, id: id.0 });
            for record in committed.into_iter().chain(read) {
                let send = Command::Send { peer, tag: 0, message: record.encode() };
                self.effects.push_back(Effect::Network(send));
            }
        }
    }

    /// The receiver has committed our lines up to `seq`.
    fn committed(&mut self, address: &Address, log: u64, seq: u64, id: LineId) {
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        if conversation.contact.log != log {
            return;
        }
        if let Some((seq, id)) = conversation.outbox.confirmed(seq, id) {
            self.note_delivered(address, seq, id);
        }
    }

    pub(super) fn note_delivered(&mut self, address: &Address, seq: u64, id: LineId) {
        let to = address.clone();
        let request = StoreRequest::Delivered { to: to.clone(), seq, id, at: self.now };
        self.ask(request, Asked::Delivered { to, seq });
    }

    /// The receiver has lines of our log that we have not: our database was restored from an old
    /// copy, and numbers that it gave out since were used before. Under a new name for the log, all
    /// that is undelivered is sent again; the receiver knows repeated lines by their ids.
    pub(super) fn rename_log(&mut self, address: &Address) {
        let log = self.random.u64();
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        let Some(session) = &mut conversation.session else { return };
        if !std::mem::replace(&mut session.renamed, true) {
            conversation.contact.log = log;
            conversation.outbox.rewind(0);
            self.save_contact(address, Asked::Contact);
            self.pump(address);
        }
    }
}
