//! A server that several people use, and that lies about who is in a room.

use std::time::{Duration, Instant};

use p2pchat::chat::Address;
use p2pchat::proto::SocketId;
use p2pchat_wire::datagram::{self, Datagram};
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::{
    self, ClientSignal, Connect, Entrance, Introduction, Refusal, RoomPeople, RoomRefusal,
    ServerSignal,
};

use crate::lair::{Lair, SERVER, at, id, name};
use crate::person::{HOST, Person};

/// Whom it introduces to somebody who calls this name; nobody, to say that he is away. It knows who
/// has the name.
type Directory = Box<dyn Fn(u8, &str, Option<u8>) -> Option<u8>>;

/// Makes of what is so in a room what it says to somebody.
type List = Box<dyn Fn(u8, &mut RoomPeople)>;

/// Somebody who uses the server.
struct Guest {
    who: u8,
    name: Name,
    person: Person,
    /// How much of what he has told the server was answered.
    answered: usize,
    /// How much of what he has sent elsewhere was looked at.
    carried: usize,
}

/// Everybody who uses the server, and what it says to them. All they send to each other goes through
/// it. As long as it is not told to lie it is honest.
pub(crate) struct Parlour {
    now: Instant,
    guests: Vec<Guest>,
    /// Which room the name stands for.
    pub(crate) founded: Option<[u8; 32]>,
    /// Whom it does not tell who is in the room.
    pub(crate) silent: Option<u8>,
    /// Who has entered the room and not left it.
    inside: Vec<u8>,
    /// How often it was asked who is in the room.
    pub(crate) entrances: usize,
    introductions: u64,
    list: List,
    directory: Directory,
}

/// The number by which one reaches another over the relay.
fn channel(from: u8, to: u8) -> u64 {
    0x1_0000 | u64::from(from) << 8 | u64::from(to)
}

impl Parlour {
    pub(crate) fn new() -> Self {
        Self {
            now: Instant::now(),
            guests: Vec::new(),
            founded: None,
            silent: None,
            inside: Vec::new(),
            entrances: 0,
            introductions: 0,
            list: Box::new(|_, _| {}),
            directory: Box::new(|_, _, honest| honest),
        }
    }

    /// From now on it says this of the room.
    pub(crate) fn lists(&mut self, list: impl Fn(u8, &mut RoomPeople) + 'static) {
        self.list = Box::new(list);
    }

    /// From now on it introduces these to those who call.
    pub(crate) fn introduces(
        &mut self,
        directory: impl Fn(u8, &str, Option<u8>) -> Option<u8> + 'static,
    ) {
        self.directory = Box::new(directory);
    }

    /// Somebody comes to the server.
    pub(crate) fn admit(&mut self, who: u8, text: &str) {
        self.admit_as(who, text, text);
    }

    /// Somebody comes to the server under one name, and calls himself something else in rooms.
    pub(crate) fn admit_as(&mut self, who: u8, text: &str, alias: &str) {
        let person = Person::with(who, alias, Lair::of(who, 1, text, self.now));
        // The first that he has told is his registration.
        self.guests.push(Guest { who, name: name(text), person, answered: 1, carried: 0 });
        self.pass_on();
    }

    /// Somebody's program ends, and starts again on what is on his disk.
    pub(crate) fn restart(&mut self, who: u8) {
        self.inside.retain(|one| *one != who);
        let guest = self.guest(who).expect("he uses the server");
        guest.person.restart();
        (guest.answered, guest.carried) = (1, 0);
        self.pass_on();
    }

    pub(crate) fn person(&self, who: u8) -> &Person {
        let guest = self.guests.iter().find(|guest| guest.who == who);
        &guest.expect("he uses the server").person
    }

    fn guest(&mut self, who: u8) -> Option<&mut Guest> {
        self.guests.iter_mut().find(|guest| guest.who == who)
    }

    /// Somebody types a line.
    pub(crate) fn types(&mut self, who: u8, line: &str) {
        self.acts(who, |person| person.line(line));
    }

    /// Somebody's program does something.
    pub(crate) fn acts(&mut self, who: u8, act: impl FnOnce(&mut Person)) {
        act(&mut self.guest(who).expect("he uses the server").person);
        self.pass_on();
    }

    /// The server says something to somebody of itself.
    pub(crate) fn says(&mut self, who: u8, signal: &ServerSignal) {
        self.acts(who, |person| {
            person.lair.say(0, signal);
            person.run();
        });
    }

    pub(crate) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.pass_on();
            let next = self.guests.iter_mut().filter_map(|guest| guest.person.next_at()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.go_on_until(next);
        }
        self.go_on_until(end);
    }

    fn go_on_until(&mut self, now: Instant) {
        self.now = self.now.max(now);
        for guest in &mut self.guests {
            guest.person.time(self.now);
        }
    }

    /// Answers everybody and carries everything, until nobody says anything more.
    fn pass_on(&mut self) {
        loop {
            let mut said = Vec::new();
            let mut sent = Vec::new();
            for guest in &mut self.guests {
                guest.person.run();
                let lair = &guest.person.lair;
                let news = lair.told[guest.answered..].iter();
                let signals = news.filter_map(|said| signal::decode::<ClientSignal>(said).ok());
                said.extend(signals.map(|signal| (guest.who, signal)));
                let news = lair.sent[guest.carried..].iter();
                sent.extend(news.map(|transmit| transmit.payload.clone()));
                (guest.answered, guest.carried) = (lair.told.len(), lair.sent.len());
            }
            if said.is_empty() && sent.is_empty() {
                return;
            }
            for (who, signal) in said {
                self.answer(who, signal);
            }
            for payload in sent {
                self.carry(&payload);
            }
        }
    }

    fn tell(&mut self, who: u8, signal: &ServerSignal) {
        if let Some(guest) = self.guest(who) {
            guest.person.lair.say(0, signal);
        }
    }

    fn carry(&mut self, payload: &[u8]) {
        let Ok(Datagram::Relay { channel: number, inner }) = Datagram::parse(payload) else {
            return;
        };
        let [.., from, to] = number.to_be_bytes();
        let mut back = datagram::relay(channel(to, from), inner);
        let now = self.now;
        if let Some(guest) = self.guest(to) {
            let lair = &mut guest.person.lair;
            lair.alice.handle_datagram(now, SocketId::FIRST, at(SERVER), &mut back);
            lair.listen();
        }
    }

    fn answer(&mut self, who: u8, signal: ClientSignal) {
        match signal {
            ClientSignal::Connect(call) => self.introduce(who, call),
            ClientSignal::EnterRoom(entrance) => self.enter(who, entrance),
            ClientSignal::LeaveRoom(_) => self.inside.retain(|one| *one != who),
            _ => {}
        }
    }

    fn introduce(&mut self, caller: u8, call: Connect) {
        let named = |guest: &&Guest| guest.name == call.name;
        let honest = self.guests.iter().find(named).map(|guest| guest.who);
        let Some(callee) = (self.directory)(caller, call.name.as_str(), honest) else {
            let (name, refusal) = (call.name, Refusal::Offline);
            return self.tell(caller, &ServerSignal::ConnectRefused { name, refusal });
        };
        let Some(known_as) = self.guests.iter().find(|guest| guest.who == caller) else { return };
        self.introductions += 1;
        let known_as = known_as.name.clone();
        for (to, of, name) in [(callee, caller, known_as), (caller, callee, call.name)] {
            let initiation = call.initiation.clone().filter(|_| to == callee);
            let introduction = Introduction {
                name,
                key: id(of),
                endpoint: None,
                channel: channel(to, of),
                introduction: self.introductions,
                caller: to == caller,
                initiation,
            };
            self.tell(to, &ServerSignal::Introduction(introduction));
        }
    }

    fn enter(&mut self, who: u8, entrance: Entrance) {
        self.entrances += 1;
        assert!(self.entrances < 1000, "the server is asked again and again");
        let Entrance { room, id: meant, found, after, .. } = entrance;
        let founded = self.founded.or_else(|| meant.filter(|_| found));
        self.founded = founded;
        let Some(actual) = founded else {
            let refusal = RoomRefusal::Unfounded;
            return self.tell(who, &ServerSignal::RoomRefused { room, refusal });
        };
        if !self.inside.contains(&who) {
            self.inside.push(who);
        }
        let inside = self.guests.iter().filter(|guest| self.inside.contains(&guest.who));
        let others = inside.filter(|guest| guest.who != who);
        let people = others.map(|guest| (guest.name.clone(), id(guest.who))).collect();
        let mut list = RoomPeople { room, id: actual, after, people, more: false };
        (self.list)(who, &mut list);
        list.people.sort_by_key(|(_, key)| *key);
        list.people.retain(|(_, key)| after.is_none_or(|after| *key > after));
        if self.silent != Some(who) {
            self.tell(who, &ServerSignal::RoomPeople(list));
        }
    }
}

/// A room of this name at the server.
pub(crate) fn room(text: &str) -> Address {
    Address::room(name(text), HOST)
}

/// Somebody as a list has him.
pub(crate) fn listed(text: &str, who: u8) -> (Name, PeerId) {
    (name(text), id(who))
}
