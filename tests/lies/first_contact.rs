//! A server that gives a wrong key to two who have never met, and what shows it.

use p2pchat::chat::safety::{SafetyCode, Wording};
use p2pchat::chat::{Contact, FaceId, Notice, Presence, Trust};
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::invitation::{Accepter, Card};
use p2pchat_wire::signal::ServerSignal;

use crate::invitation::letter;
use crate::lair::{CAROL, EVE, VICTIM, id, name};
use crate::person::Person;

/// Whom the same server has put in Alice's place, at Carol's end.
const OTHER_EVE: u8 = 67;

const NUMBER: u32 = 7;

impl Person {
    /// The server says that Eve is Carol, and Eve calls.
    fn deceive(&mut self) {
        let opening = self.lair.opening_of(EVE, 100);
        self.lair.introduce_as("carol", EVE, VICTIM, Some(opening));
        self.run();
    }

    /// How Alice sees Carol.
    fn carol(&self) -> (Option<PeerId>, Trust, Presence) {
        let peers = self.chat.peers(FaceId::FIRST);
        let carol = peers.iter().find(|one| one.peer.name == name("carol")).expect("a contact");
        (carol.key, carol.trust, carol.state)
    }
}

#[test]
fn a_server_that_swaps_the_key_at_first_contact_is_shown_by_the_words_that_two_compare() {
    let mut alice = Person::alice();
    alice.line("/msg carol");
    alice.deceive();
    assert_eq!(alice.carol(), (Some(id(EVE)), Trust::New, Presence::Connected), "believed so far");
    alice.line("/verify carol");
    // What Carol's program shows her, with somebody else in Alice's place.
    let code = SafetyCode::new(&id(CAROL), &id(OTHER_EVE));
    alice.line(&format!("/verify carol {}", code.words(Wording::English).join(" ")));
    let shown =
        |notice: &Notice| matches!(notice, Notice::NotTheSame { key, .. } if *key == id(EVE));
    assert!(alice.notices.iter().any(shown), "{:?}", alice.notices);
    assert_eq!(alice.carol().1, Trust::New);
}

#[test]
fn a_server_that_swaps_the_key_at_first_contact_loses_the_two_by_their_invitation() {
    for before in [false, true] {
        let mut alice = Person::alice();
        if before {
            alice.line("/msg carol");
            alice.deceive();
            assert_eq!(alice.carol().0, Some(id(EVE)));
        }
        alice.line("/invite");
        alice.lair.say(0, &ServerSignal::MailboxOpened { number: NUMBER });
        let opening = letter(&alice.lair);
        alice.run();
        let code = alice.notices.iter().find_map(|notice| match notice {
            Notice::Invitation { words, .. } => Some(words.clone()),
            _ => None,
        });
        // Carol is told it by telephone.
        let (words, card) =
            (code.expect("a code").secret(), Card { name: name("carol"), key: id(CAROL) });
        let random = &mut alice.lair.random;
        let accepted = Accepter::new(words.as_str(), &id(100), NUMBER, card, &opening, random);
        let (_, reply) = accepted.expect("the right words");
        alice.lair.say(0, &ServerSignal::Letter { number: NUMBER, at: 1, letter: reply });
        alice.run();
        let (key, trust, state) = alice.carol();
        assert_eq!((key, trust), (Some(id(CAROL)), Trust::Verified));
        assert_ne!(state, Presence::Connected, "Eve is gone");
        // From now on she is found out.
        alice.deceive();
        let changed = |notice: &Notice| matches!(notice, Notice::KeyChanged { expected, actual, .. } if (*expected, *actual) == (id(CAROL), id(EVE)));
        assert!(alice.notices.iter().any(changed), "{:?}", alice.notices);
        let saved: Vec<Contact> = alice.store.snapshot().contacts;
        assert!(saved.iter().any(|one| one.key == Some(id(CAROL)) && one.verified));
        assert_eq!(alice.store.snapshot().secrets.len(), 1, "what only the two know");
    }
}
