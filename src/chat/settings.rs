//! What a person decides for all conversations: what others are told. Everything is off at first.

use super::record::Record;
use super::storage::{ReadUpTo, StoreRequest};
use super::{Address, Asked, Chat, LineState, Notice, Timestamp};

/// Something that can be turned on and off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Setting {
    /// Others are told which of their lines we have seen.
    Read,
    /// Others are told when we type.
    Typing,
}

/// Every setting.
const ALL: [Setting; 2] = [Setting::Read, Setting::Typing];

/// While somebody types, that is said once in so many milliseconds.
const TYPING_EVERY: u64 = 3_000;

/// How often a peer that types is spoken of, in milliseconds, however often it says so.
const TYPING_HEARD_EVERY: u64 = 1_000;

impl Setting {
    pub(super) fn find(word: &str) -> Option<Self> {
        ALL.into_iter().find(|setting| setting.name() == word)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Typing => "typing",
        }
    }
}

/// What is on.
#[derive(Debug, Default)]
pub(super) struct Settings {
    read: bool,
    typing: bool,
}

impl Settings {
    /// What was decided in earlier runs. A setting that this version does not know is left alone.
    pub(super) fn new(saved: &[(String, String)]) -> Self {
        let mut settings = Self::default();
        for (name, value) in saved {
            if let Some(setting) = Setting::find(name) {
                *settings.get_mut(setting) = value == word(true);
            }
        }
        settings
    }

    fn get_mut(&mut self, setting: Setting) -> &mut bool {
        match setting {
            Setting::Read => &mut self.read,
            Setting::Typing => &mut self.typing,
        }
    }

    fn list(&mut self) -> Vec<(&'static str, &'static str)> {
        ALL.into_iter().map(|setting| (setting.name(), word(*self.get_mut(setting)))).collect()
    }
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl Chat {
    pub(super) fn show_settings(&mut self) {
        let settings = self.settings.list();
        self.show(Notice::Settings(settings));
    }

    pub(super) fn set(&mut self, setting: Setting, on: bool) {
        *self.settings.get_mut(setting) = on;
        if !self.settings.read {
            // What was seen and not told stays so.
            self.conversations.values_mut().for_each(|one| one.to_tell = None);
        }
        let (name, value) = (setting.name().to_owned(), word(on).to_owned());
        self.ask(StoreRequest::SaveSetting { name, value }, Asked::Nothing);
        self.show_settings();
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
                    self.show(Notice::Status {
                        to: to.clone(),
                        id: line.id,
                        reference: line.reference,
                        state: LineState::Read,
                    });
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
