//! Somebody with the whole program: a chat on an endpoint, in Eve's lair.

use std::sync::Arc;
use std::time::{Duration, Instant};

use p2pchat::chat::{
    Address, Chat, Config, Effect, Input, Message, Notice, RoomNews, StoreRequest, Strangers,
    Timestamp,
};
use p2pchat::proto::{Command, Event};
use p2pchat::store::Memory;
use p2pchat_wire::identity::{Identity, PeerId};

use crate::lair::{ALICE, Lair, id, name};

/// How people write the server.
pub(crate) const HOST: &str = "rv";

/// When all of it begins, by the clock on the wall.
const BEGINNING: Timestamp = Timestamp(1_000_000);

pub(crate) struct Person {
    who: u8,
    /// Which run of his program it is.
    run: u8,
    name: String,
    pub(crate) lair: Lair,
    pub(crate) chat: Chat,
    pub(crate) store: Memory,
    pub(crate) notices: Vec<Notice>,
    /// What others sent, as it came out of the sessions.
    pub(crate) heard: Vec<(PeerId, Vec<u8>)>,
    /// Since the beginning.
    passed: Duration,
}

impl Person {
    /// Alice, who has pinned Bob.
    pub(crate) fn alice() -> Self {
        Self::with(ALICE, "alice", Lair::new())
    }

    /// The person whose key is made of this seed, in a lair around him.
    pub(crate) fn with(who: u8, text: &str, lair: Lair) -> Self {
        let chat = chat(who, 1, text, &Memory::default());
        let (notices, heard) = (Vec::new(), Vec::new());
        let (store, name, run) = (Memory::default(), text.to_owned(), 1);
        let passed = Duration::ZERO;
        let mut person = Self { who, run, name, lair, chat, store, notices, heard, passed };
        person.run();
        person
    }

    /// His program ends, and starts again on what is on his disk.
    pub(crate) fn restart(&mut self) {
        self.run += 1;
        self.lair = Lair::of(self.who, self.run, &self.name, self.lair.now);
        self.chat = chat(self.who, self.run, &self.name, &self.store);
        (self.notices, self.heard) = (Vec::new(), Vec::new());
        self.run();
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.input(Input::Line(line.to_owned()));
        self.run();
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.chat.handle_input(self.clock(), input);
    }

    pub(crate) fn run(&mut self) {
        loop {
            let events = std::mem::take(&mut self.lair.events);
            for event in events {
                if let Event::Message { peer, message } = &event {
                    self.heard.push((*peer, message.clone()));
                }
                self.input(Input::Network(event));
            }
            match self.chat.poll_effect() {
                // Everybody is registered already.
                Some(Effect::Network(Command::Register(_))) => {}
                Some(Effect::Network(command)) => self.lair.command(command),
                Some(Effect::Store(request)) => self.stored(request),
                Some(Effect::Show(notice) | Effect::Answer(_, notice)) => self.notices.push(notice),
                Some(_) => {}
                None if self.lair.events.is_empty() => return,
                None => {}
            }
        }
    }

    fn clock(&self) -> Timestamp {
        Timestamp(BEGINNING.0 + self.passed.as_millis() as u64)
    }

    fn stored(&mut self, request: StoreRequest) {
        let reply = self.store.handle(request);
        self.input(Input::Stored(reply));
    }

    /// The texts that he was shown, and who wrote them.
    pub(crate) fn read(&self) -> Vec<(String, String)> {
        let messages = self.notices.iter().filter_map(|notice| match notice {
            Notice::Message(Message { from, author, text, .. }) => {
                let author = author.as_deref().unwrap_or(from);
                Some((author.name.to_string(), text.clone()))
            }
            _ => None,
        });
        messages.collect()
    }

    /// What he was told of rooms.
    pub(crate) fn news(&self) -> impl Iterator<Item = &RoomNews> {
        self.notices.iter().filter_map(|notice| match notice {
            Notice::Room { news, .. } => Some(news),
            _ => None,
        })
    }

    /// Who is in a room, as far as he knows, and is connected with him.
    pub(crate) fn members(&self, room: &Address) -> Vec<(PeerId, bool)> {
        let members = self.chat.members(room).unwrap_or_default();
        members.iter().map(|member| (member.key, member.is_here)).collect()
    }

    /// When something is due.
    pub(crate) fn next_at(&mut self) -> Option<Instant> {
        let chat = self.chat.timeout().map(|due| {
            self.lair.now + Duration::from_millis(due.0.saturating_sub(self.clock().0).max(1))
        });
        [self.lair.listen(), chat].into_iter().flatten().min()
    }

    /// It is this late.
    pub(crate) fn time(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.lair.now);
        self.passed += passed;
        self.lair.now = now;
        self.lair.alice.handle_timeout(now);
        self.input(Input::Time);
        self.run();
    }
}

fn chat(who: u8, run: u8, text: &str, store: &Memory) -> Chat {
    let config = Config {
        identity: Some(Arc::new(Identity::from_seed([who; 32]))),
        key: id(who),
        name: Some(name(text)),
        hosts: vec![HOST.to_owned()],
        peer: None,
        wait: None,
        founds: true,
        replay: true,
        strangers: Strangers::Request,
        software: "test 1".to_owned(),
        downloads: String::new(),
        seed: [who ^ run << 6; 32],
    };
    Chat::new(config, store.snapshot())
}
