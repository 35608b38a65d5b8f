//! A server that carries the letters of an invitation, and would rather be the other side itself.

use p2pchat::proto::{Command, Event, InvitationFailure, InvitationWords, ServerId};
use p2pchat_wire::codec;
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::invitation::{Accepter, Card, Inviter, Opening, Reply, Verdict};
use p2pchat_wire::signal::{self, ClientSignal, MAX_LETTER, ServerSignal};

use crate::lair::{BOB, EVE, Lair, id, name};

const WORDS: &str = "crossover-clockwork";
const GUESS: &str = "clockwork-orange";
const NUMBER: u32 = 7;

/// The server of the lair.
fn server() -> PeerId {
    id(100)
}

fn card(text: &str, who: u8) -> Card {
    Card { name: name(text), key: id(who) }
}

/// The last letter that Alice has told the server.
pub(crate) fn letter(lair: &Lair) -> Vec<u8> {
    let signals =
        lair.told.iter().rev().filter_map(|said| signal::decode::<ClientSignal>(said).ok());
    let mut letters = signals.filter_map(|said| match said {
        ClientSignal::OpenMailbox(letter) | ClientSignal::WriteLetter { letter, .. } => {
            Some(letter)
        }
        _ => None,
    });
    letters.next().expect("a letter")
}

fn swapped<T>(letter: &[u8], swap: impl FnOnce(&mut T)) -> Vec<u8>
where
    T: serde::Serialize + for<'de> serde::Deserialize<'de>,
{
    let mut value = codec::decode::<T, MAX_LETTER>(letter).expect("a letter");
    swap(&mut value);
    codec::encode(&value)
}

/// Alice invites; returns her opening.
fn invited(lair: &mut Lair) -> Vec<u8> {
    let words = InvitationWords::new(WORDS.to_owned());
    lair.command(Command::Invite { server: ServerId::FIRST, words });
    lair.say(0, &ServerSignal::MailboxOpened { number: NUMBER });
    letter(lair)
}

/// Alice accepts, and gets this opening; returns her reply.
fn accepted(lair: &mut Lair, opening: Vec<u8>) -> Vec<u8> {
    let (number, words) = (NUMBER, InvitationWords::new(WORDS.to_owned()));
    lair.command(Command::Accept { server: ServerId::FIRST, number, words });
    lair.say(0, &ServerSignal::Letter { number, at: 0, letter: opening });
    letter(lair)
}

/// Alice is told that the words were wrong, and takes nobody for whom they were not.
fn assert_failed(lair: &Lair) {
    let failed = |event: &&Event| {
        matches!(event, Event::InvitationFailed { reason: InvitationFailure::WrongWords, .. })
    };
    assert_eq!(lair.events.iter().filter(failed).count(), 1, "{:?}", lair.events);
    let invited = |event: &Event| matches!(event, Event::Invited { .. });
    assert!(!lair.events.iter().any(invited));
}

#[test]
fn a_server_that_swaps_the_key_of_either_side_of_an_invitation_gains_nothing() {
    // Bob's reply comes with another key.
    let mut lair = Lair::new();
    let opening = invited(&mut lair);
    let (_, reply) =
        Accepter::new(WORDS, &server(), NUMBER, card("bob", BOB), &opening, &mut lair.random)
            .expect("he knows the words");
    let reply = swapped(&reply, |reply: &mut Reply| reply.card.key = id(EVE));
    lair.say(0, &ServerSignal::Letter { number: NUMBER, at: 1, letter: reply });
    assert_failed(&lair);
    assert_eq!(letter(&lair), codec::encode(&Verdict::Wrong), "and he is told");

    // Bob's opening does.
    let mut lair = Lair::new();
    let (inviter, opening) = Inviter::new(WORDS, card("bob", BOB), &mut lair.random);
    let opening = swapped(&opening, |opening: &mut Opening| opening.card.key = id(EVE));
    let reply = accepted(&mut lair, opening);
    let (verdict, outcome) = inviter.judge(&server(), NUMBER, &reply);
    assert!(outcome.is_err());
    lair.say(0, &ServerSignal::Letter { number: NUMBER, at: 2, letter: verdict });
    assert_failed(&lair);

    // So does Alice's, on its way to Bob.
    let mut lair = Lair::new();
    let opening = invited(&mut lair);
    let opening = swapped(&opening, |opening: &mut Opening| opening.card.key = id(EVE));
    let (_, reply) =
        Accepter::new(WORDS, &server(), NUMBER, card("bob", BOB), &opening, &mut lair.random)
            .expect("he cannot know yet");
    lair.say(0, &ServerSignal::Letter { number: NUMBER, at: 1, letter: reply });
    assert_failed(&lair);
}

#[test]
fn a_server_that_takes_the_place_of_either_side_has_one_guess_at_the_words() {
    let mut lair = Lair::new();
    let opening = invited(&mut lair);
    let guess = |words, random: &mut _| {
        let accepted = Accepter::new(words, &server(), NUMBER, card("bob", EVE), &opening, random);
        accepted.expect("a guess").1
    };
    let letter = guess(GUESS, &mut lair.random);
    lair.say(0, &ServerSignal::Letter { number: NUMBER, at: 1, letter });
    assert_failed(&lair);
    // Even the right words come too late.
    let letter = guess(WORDS, &mut lair.random);
    lair.say(0, &ServerSignal::Letter { number: NUMBER, at: 1, letter });
    assert_failed(&lair);

    let mut lair = Lair::new();
    let (inviter, opening) = Inviter::new(GUESS, card("bob", EVE), &mut lair.random);
    let reply = accepted(&mut lair, opening);
    let (_, outcome) = inviter.judge(&server(), NUMBER, &reply);
    assert!(outcome.is_err(), "it learns that the guess was wrong, and no more");
    let letter = codec::encode(&Verdict::Right { confirmation: [7; 32] });
    lair.say(0, &ServerSignal::Letter { number: NUMBER, at: 2, letter });
    assert_failed(&lair);
}
