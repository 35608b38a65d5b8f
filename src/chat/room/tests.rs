//! Members, each with a log of his own, who hear of each other's entries sooner or later.

mod concurrency;
mod convergence;
mod hostility;

use p2pchat_wire::identity::{Identity, Name, PeerId};

use super::*;
use crate::chat::{LineId, Manner};

const NOW: u64 = 1_700_000_000_000;

/// Somebody, and what he has of the room.
struct Person {
    identity: Identity,
    stay: u64,
    log: Log,
}

fn identity(number: u8) -> Identity {
    Identity::from_seed([number; 32])
}

fn id(number: u8) -> PeerId {
    identity(number).id()
}

fn name(number: u8) -> Name {
    Name::new(&format!("p{number}")).expect("a name")
}

fn create(access: Access) -> Act {
    Act::Create {
        room: Name::new("tea").expect("a name"),
        host: "h".into(),
        name: name(0),
        access,
        keep: 50,
    }
}

fn invite(number: u8) -> Act {
    Act::Invite { key: id(number), name: name(number), host: "h".into() }
}

fn topic(text: &str) -> Act {
    Act::Topic(text.into())
}

fn copy(entry: &Entry) -> Entry {
    Entry::decode(&entry.encode()).expect("an entry")
}

impl Person {
    /// The owner of a new room.
    fn owner(access: Access) -> Self {
        let log = Log::create(&identity(0), 1, NOW, create(access)).expect("a room");
        Self { identity: identity(0), stay: 1, log }
    }

    /// Somebody who has heard all that `other` has, and is no member.
    fn guest(number: u8, other: &Self) -> Self {
        let mut log = Log::open(other.log.id(), copy(other.log.first())).expect("a room");
        log.restore(other.log.acts().skip(1).map(|entry| copy(entry)));
        Self { identity: identity(number), stay: u64::from(number), log }
    }

    fn key(&self) -> PeerId {
        self.identity.id()
    }

    fn log_id(&self) -> LogId {
        LogId { author: self.key(), stay: self.stay }
    }

    fn try_act(&mut self, act: Act) -> Result<Entry, Refusal> {
        self.log.write(&self.identity, self.stay, NOW, Body::Act(act)).map(|entry| copy(&entry))
    }

    fn act(&mut self, act: Act) -> Entry {
        self.try_act(act).expect("possible")
    }

    fn join(&mut self) -> Entry {
        self.act(self.joining())
    }

    fn joining(&self) -> Act {
        Act::Join { name: name(1), host: "h".into() }
    }

    fn say(&mut self, text: &str) -> Entry {
        let line = Line { id: LineId([7; 16]), text: text.into(), manner: Manner::Text };
        let body = Body::Line(line);
        let said = self.log.write(&self.identity, self.stay, NOW, body);
        copy(&said.expect("a member"))
    }

    fn kick(&mut self, key: PeerId) -> Entry {
        self.act(self.log.kick(key))
    }

    fn leave(&mut self, heir: Option<PeerId>) -> Entry {
        self.act(self.log.leave(self.log_id(), heir))
    }

    fn hear(&mut self, entry: &Entry) -> Outcome {
        self.log.add(NOW, copy(entry)).swap_remove(0)
    }

    fn is_in(&self, number: u8) -> bool {
        self.log.state().is_member(&id(number))
    }

    /// A different entry of this person's at the same place.
    fn other_than(&self, entry: &Entry) -> Entry {
        let header = Header { at_ms: entry.header().at_ms + 1, ..*entry.header() };
        Entry::sign(&self.identity, header, entry.body().clone())
    }
}

fn is_new(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::New(_))
}

/// An owner and two members of an open room, who know of each other.
fn three() -> (Person, Person, Person) {
    let mut owner = Person::owner(Access::Open);
    let mut one = Person::guest(1, &owner);
    owner.hear(&one.join());
    let mut two = Person::guest(2, &owner);
    let joined = two.join();
    owner.hear(&joined);
    one.hear(&joined);
    (owner, one, two)
}
