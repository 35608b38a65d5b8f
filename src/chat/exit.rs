//! How a run ends.

use p2pchat_wire::signal::Refusal;

use super::conversation::Conversation;
use super::disk::Asked;
use super::{Address, Chat, Effect, FileState, Notice, Presence, RoomNews};
use crate::proto::{Command, RendezvousTrouble};

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
    /// What was waited for did not come in the time that it was given.
    TimeUp = 11,
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
    /// So is every line, and every file that was offered.
    Received,
}

/// What matters for how this run ends.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) leaving: Option<ExitCode>,
    pub(super) gone: bool,
    /// Another process goes on with the chat.
    pub(super) detached: bool,
    /// A person was told that somebody is yet to hear of our leaving a room.
    pub(super) told_farewell: bool,
    /// A confirmation is due in some session.
    pub(super) owing: bool,
}

impl Chat {
    /// After the end of a pipe: leaves as soon as what it brought has come as far as was asked.
    pub(super) fn leave_if_this_is_done(&mut self) {
        let face = self.faces.asking();
        if !face.input_ended || face.leaving.is_some() {
            return;
        }
        // A person who closes the terminal's input wants to go.
        let Some(wait) = face.wait else { return self.leave(ExitCode::Done) };
        let own = self.faces.asking_id();
        let queues = |(face, asked): &(_, Asked)| {
            *face == own && matches!(asked, Asked::Queue(_) | Asked::Find { .. })
        };
        let queued = !self.asked.iter().any(queues);
        let done = |one: &Conversation, seq: u64| match wait {
            Wait::Sent => one.outbox.is_sent(seq),
            Wait::Delivered | Wait::Received => one.outbox.is_delivered(seq),
        };
        let room_owes = self.gathering.owes(own, wait == Wait::Sent);
        // Who is just being removed is not there any more, and it is not known yet what is lost.
        let mut waits_for = self.faces.asking().waits_for.iter();
        let arrived = waits_for
            .all(|(with, seq)| self.conversations.get(with).is_some_and(|one| done(one, *seq)));
        let looking = self.errands.contains(&own) || self.files.is_examining(own);
        let given = wait != Wait::Received || self.files_are_given();
        if queued && !looking && !room_owes && arrived && given {
            let lost = self.faces.asking().lost.or_else(|| self.refused_file());
            self.leave(lost.unwrap_or(ExitCode::Done));
        } else if self.peer_is_blocked() {
            self.leave(ExitCode::KeyChanged);
        }
    }

    /// Whether every file that the face has offered has found its end.
    fn files_are_given(&self) -> bool {
        let mut files = self.faces.asking().files.iter();
        files.all(|offer| self.files.state(*offer).is_none_or(FileState::is_end))
    }

    /// How the face ends because somebody did not want a file of its.
    fn refused_file(&self) -> Option<ExitCode> {
        let mut files = self.faces.asking().files.iter();
        let refused = files.any(|offer| {
            matches!(self.files.state(*offer), Some(FileState::Declined | FileState::Withdrawn))
        });
        refused.then_some(ExitCode::Refused)
    }

    /// The time that a person gave us is over.
    pub(super) fn time_up(&mut self) {
        self.faces.asking_mut().input_ended = true;
        self.leave_if_this_is_done();
        let code = self.what_was_missing();
        self.leave(code);
    }

    /// The conversations that matter to the face, and up to which of our lines.
    fn waited_for(&self) -> impl Iterator<Item = (&Conversation, u64)> {
        let waits_for = self.faces.asking().waits_for.iter();
        waits_for.filter_map(|(with, seq)| Some((self.conversations.get(with)?, *seq)))
    }

    fn peer_is_blocked(&self) -> bool {
        let peer = self.faces.asking().invited.as_ref();
        let peer = peer.and_then(|peer| self.conversations.get(peer));
        peer.is_some_and(|one| one.contact.offered.is_some())
    }

    /// The reason why lines of this face are undelivered, the one nearest to us first.
    fn what_was_missing(&self) -> ExitCode {
        let missing = self.waited_for().filter(|(one, seq)| !one.outbox.is_delivered(*seq));
        let reason = |one: &Conversation| {
            // Whose key we know may be met at any server.
            let other = one.contact.key.is_some() && self.servers.any_registered();
            let server = || self.trouble_with_server(&one.contact.address);
            (!other).then(server).flatten().unwrap_or_else(|| self.why_undelivered(one))
        };
        let sent_is_enough = self.faces.asking().wait == Some(Wait::Sent);
        let in_rooms = self.missing_in_rooms(sent_is_enough);
        let missing = missing.map(|(one, _)| reason(one)).chain(in_rooms);
        let missing = missing.min_by_key(|code| code.code());
        let incomplete = || match self.faces.asking().wait {
            Some(Wait::Received) if !self.files_are_given() => ExitCode::Incomplete,
            _ => ExitCode::Done,
        };
        missing.unwrap_or_else(incomplete)
    }

    /// What is wrong with the server of somebody.
    fn trouble_with_server(&self, address: &Address) -> Option<ExitCode> {
        let server = self.servers.of(address)?;
        match (server.trouble, server.refusal) {
            (Some(RendezvousTrouble::Unreachable), _) => Some(ExitCode::RendezvousUnreachable),
            (Some(RendezvousTrouble::Version { .. }), _) => Some(ExitCode::Version),
            (Some(RendezvousTrouble::KeyChanged { .. }), _) => Some(ExitCode::KeyChanged),
            (Some(RendezvousTrouble::SameAs(_)), _) => Some(ExitCode::Usage),
            (None, Some(_)) => Some(ExitCode::Refused),
            (None, None) => None,
        }
    }

    /// Why the server of a room tells us nothing about it.
    pub(super) fn server_is_missing(&self, room: &Address) -> Option<ExitCode> {
        let silent = self.servers.of(room).is_some_and(|server| !server.registered);
        let trouble = self.trouble_with_server(room);
        trouble.or_else(|| silent.then_some(ExitCode::RendezvousUnreachable))
    }

    fn why_undelivered(&self, one: &Conversation) -> ExitCode {
        match (one.state(), &one.refusal) {
            (_, Some(Refusal::NoSuchName)) => ExitCode::NoSuchName,
            (_, Some(Refusal::Offline)) => ExitCode::PeerOffline,
            (_, Some(_)) => ExitCode::Refused,
            // The server has not even answered yet.
            (Presence::Offline, None)
                if self.servers.of(&one.contact.address).is_some()
                    && !self.servers.any_registered() =>
            {
                ExitCode::RendezvousUnreachable
            }
            // Connected, and nothing could leave: over the one path there is, text may not go.
            (Presence::Connected, None) if one.outbox.none_sent() => ExitCode::NoPath,
            (Presence::Offline | Presence::Connected, None) => ExitCode::PeerOffline,
            (Presence::Registered | Presence::Connecting, None) => ExitCode::NoPath,
        }
    }

    /// Whether a room that we have just left is yet to hear of it.
    fn waits_for_farewell(&mut self) -> bool {
        let Some(room) = self.gathering.parting().cloned() else { return false };
        if !std::mem::replace(&mut self.run.told_farewell, true) {
            self.show(Notice::Room { room, news: RoomNews::Farewell });
        }
        true
    }

    /// The last effects, once the disk has answered everything.
    pub(super) fn go_if_nothing_is_left(&mut self) {
        let Some(code) = self.run.leaving else { return };
        let busy = !self.asked.is_empty() || !self.errands.is_empty() || !self.effects.is_empty();
        if self.run.gone || busy || self.waits_for_farewell() {
            return;
        }
        self.run.gone = true;
        let undelivered = self.undelivered();
        if !self.run.detached {
            self.say_what_is_left();
        }
        self.command(Command::Close);
        self.effects.push_back(Effect::Quit { code, undelivered });
    }
}
