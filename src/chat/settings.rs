//! What a person decides for all conversations: what others are told, which is nothing at first, and
//! how long lines are kept.

use super::record::Record;
use super::storage::{ReadUpTo, StoreRequest};
use super::{Address, Asked, Chat, LineState, Notice, Retention, Timestamp};

/// Something that a person decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Decision {
    /// Whether others are told which of their lines we have seen.
    Read(bool),
    /// Whether others are told when we type.
    Typing(bool),
    /// How long lines are kept. The store does it.
    Keep(Retention),
}

/// While somebody types, that is said once in so many milliseconds.
const TYPING_EVERY: u64 = 3_000;

/// How often a peer that types is spoken of, in milliseconds, however often it says so.
const TYPING_HEARD_EVERY: u64 = 1_000;

impl Decision {
    /// What is decided by `/set NAME VALUE`, if it is something.
    pub(super) fn read(name: &str, value: &str) -> Option<Self> {
        let on = || match value {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        match name {
            "read" => on().map(Self::Read),
            "typing" => on().map(Self::Typing),
            Retention::SETTING => value.parse().ok().map(Self::Keep),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Typing(_) => "typing",
            Self::Keep(_) => Retention::SETTING,
        }
    }

    fn value(self) -> String {
        match self {
            Self::Read(on) | Self::Typing(on) => if on { "on" } else { "off" }.to_owned(),
            Self::Keep(retention) => retention.to_string(),
        }
    }
}

/// What is decided.
#[derive(Debug, Default)]
pub(super) struct Settings {
    read: bool,
    typing: bool,
    retention: Retention,
}

impl Settings {
    /// What was decided in earlier runs. A setting that this version does not know is left alone.
    pub(super) fn new(saved: &[(String, String)]) -> Self {
        let mut settings = Self::default();
        saved
            .iter()
            .filter_map(|(name, value)| Decision::read(name, value))
            .for_each(|decision| settings.apply(decision));
        settings
    }

    fn apply(&mut self, decision: Decision) {
        match decision {
            Decision::Read(on) => self.read = on,
            Decision::Typing(on) => self.typing = on,
            Decision::Keep(retention) => self.retention = retention,
        }
    }

    fn list(&self) -> Vec<(String, String)> {
        [Decision::Read(self.read), Decision::Typing(self.typing), Decision::Keep(self.retention)]
            .map(|decision| (decision.name().to_owned(), decision.value()))
            .into()
    }
}

impl Chat {
    pub(super) fn show_settings(&mut self) {
        let settings = self.settings.list();
        self.answer(Notice::Settings(settings));
    }

    pub(super) fn set(&mut self, decision: Decision) {
        self.settings.apply(decision);
        if !self.settings.read {
            // What was seen and not told stays so.
            self.conversations.values_mut().for_each(|one| one.to_tell = None);
        }
        let (name, value) = (decision.name().to_owned(), decision.value());
        self.ask(StoreRequest::SaveSetting { name, value }, Asked::Nothing);
        let settings = self.settings.list();
        self.show(Notice::Settings(settings));
    }

    /// A person has seen lines. The peer is told, if that is wanted, as soon as it is there.
    pub(super) fn tell_read(&mut self, from: &Address, read: ReadUpTo) {
        if self.settings.read
            && !self.is_ignored(from)
            && let Some(conversation) = self.conversations.get_mut(from)
        {
            conversation.to_tell = Some(read);
            self.run.owing = true;
        }
    }

    /// The receiver says that a person has seen our lines up to this one.
    pub(super) fn read(&mut self, address: &Address, read: ReadUpTo) {
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        if conversation.contact.log == read.log {
            conversation.reading.heard(read.seq, read.id);
            self.note_read(address);
        }
    }

    /// Has the disk note what has been read, once it has noted that it was delivered.
    pub(super) fn note_read(&mut self, to: &Address) {
        let Some(conversation) = self.conversations.get_mut(to) else { return };
        let delivered = conversation.outbox.known_delivered();
        if let Some((seq, id)) = conversation.reading.next_up_to(delivered) {
            let request = StoreRequest::Read { to: to.clone(), seq, id, at: self.now };
            self.ask(request, Asked::Read { to: to.clone(), seq });
        }
    }

    /// The disk has noted that these lines have been read.
    pub(super) fn noted_read(&mut self, to: &Address, seq: u64, reply: super::StoreReply) {
        let Some(conversation) = self.conversations.get_mut(to) else { return };
        match reply {
            super::StoreReply::Read(lines) => {
                conversation.reading.noted(seq);
                for line in lines {
                    self.tell_status(to.clone(), line.id, line.reference, LineState::Read);
                }
            }
            // A line that was never ours has not been read, and it is not worth a word.
            _ => conversation.reading.failed(),
        }
        self.note_read(to);
    }

    /// Somebody types here, or has stopped.
    pub(super) fn types(&mut self, to: &Address, typing: bool) {
        let (now, on) = (self.now, self.settings.typing);
        let Some(conversation) = self.conversations.get_mut(to) else { return };
        if !on || !conversation.may_send() {
            return;
        }
        let Some(session) = &mut conversation.session else { return };
        let due = |said: &Timestamp| now.since(*said) >= TYPING_EVERY;
        let say = match typing {
            true => session.said_typing.as_ref().is_none_or(due),
            false => session.said_typing.is_some(),
        };
        if say {
            session.said_typing = typing.then_some(now);
            let peer = session.peer;
            self.say(peer, &Record::Typing { typing });
        }
    }

    /// The peer types, or has stopped.
    pub(super) fn typing_heard(&mut self, address: &Address, typing: bool) {
        let now = self.now;
        if self.is_ignored(address) {
            return;
        }
        let Some(session) = self.session(address) else { return };
        let due = |heard: &Timestamp| now.since(*heard) >= TYPING_HEARD_EVERY;
        let show = match typing {
            true => session.heard_typing.as_ref().is_none_or(due),
            false => session.heard_typing.is_some(),
        };
        if show {
            session.heard_typing = typing.then_some(now);
            self.show(Notice::Typing { peer: address.clone(), typing });
        }
    }
}
