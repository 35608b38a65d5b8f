//! Mailboxes: three letters, between two, for ten minutes.

use std::time::Duration;

use p2pchat_rendezvous::server::{Config, Drop, Rate};
use p2pchat_wire::signal::{
    ClientSignal, LetterQuestion, MAX_LETTER, MailboxRefusal, ServerSignal,
};

use crate::world::{Client, World};

const ALICE: &str = "192.0.2.1:4000";
const BOB: &str = "192.0.2.2:4000";
const EVE: &str = "192.0.2.3:4000";

fn open(letter: &[u8]) -> ClientSignal {
    ClientSignal::OpenMailbox(letter.to_vec())
}

fn read(number: u32, at: u8) -> ClientSignal {
    ClientSignal::ReadLetter(LetterQuestion::new(number, at))
}

fn write(number: u32, at: u8, letter: &[u8]) -> ClientSignal {
    ClientSignal::WriteLetter { number, at, letter: letter.to_vec() }
}

fn letter(number: u32, at: u8, letter: &[u8]) -> ServerSignal {
    ServerSignal::Letter { number, at, letter: letter.to_vec() }
}

fn gone(number: u32) -> [ServerSignal; 1] {
    [ServerSignal::MailboxRefused { number: Some(number), refusal: MailboxRefusal::Gone }]
}

fn number_of(signals: &[ServerSignal]) -> u32 {
    match signals {
        [ServerSignal::MailboxOpened { number }] => *number,
        other => panic!("{other:?}"),
    }
}

/// Says something; returns what came to the one who said it, and to the other.
fn say(
    world: &mut World,
    who: &mut Client,
    other: &Client,
    signal: &ClientSignal,
) -> [Vec<ServerSignal>; 2] {
    let packet = who.seal(signal);
    let sent = world.deliver(who.at, &packet);
    [who.read(&sent), other.read(&sent)]
}

#[test]
fn three_letters_go_between_two_and_each_may_be_asked_for_again() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    let number = number_of(&alice.say(&mut world, &open(b"one")));
    assert_eq!(alice.say(&mut world, &open(b"one")), [ServerSignal::MailboxOpened { number }]);
    assert_eq!(alice.say(&mut world, &read(number, 1)), [], "not yet");
    for _ in 0..2 {
        assert_eq!(bob.say(&mut world, &read(number, 0)), [letter(number, 0, b"one")]);
    }
    let kept = |at| vec![ServerSignal::LetterKept { number, at }];
    let second = write(number, 1, b"two");
    let expected = [kept(1), vec![letter(number, 1, b"two")]];
    assert_eq!(say(&mut world, &mut bob, &alice, &second), expected);
    assert_eq!(say(&mut world, &mut bob, &alice, &second), [kept(1), vec![]]);
    assert_eq!(alice.say(&mut world, &read(number, 1)), [letter(number, 1, b"two")]);
    let third = write(number, 2, b"three");
    let expected = [kept(2), vec![letter(number, 2, b"three")]];
    assert_eq!(say(&mut world, &mut alice, &bob, &third), expected);
    assert_eq!(bob.say(&mut world, &read(number, 2)), [letter(number, 2, b"three")]);
    assert_eq!(bob.say(&mut world, &write(number, 3, b"four")), []);
    assert_eq!(world.server.statistics().dropped(Drop::Malformed), 1);
}

#[test]
fn a_mailbox_is_for_one_taker_and_for_nobody_who_writes_out_of_turn() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    let mut eve = world.registered(3, EVE, "eve");
    let number = number_of(&alice.say(&mut world, &open(b"one")));
    assert_eq!(eve.say(&mut world, &write(number, 1, b"me")), gone(number));
    assert_eq!(eve.say(&mut world, &read(number, 1)), gone(number));
    bob.say(&mut world, &read(number, 0));
    for which in 0..3 {
        assert_eq!(eve.say(&mut world, &read(number, which)), gone(number));
    }
    assert_eq!(alice.say(&mut world, &write(number, 1, b"two")), gone(number));
    assert_eq!(alice.say(&mut world, &write(number, 2, b"three")), gone(number), "too early");
    assert_eq!(bob.say(&mut world, &read(number, 1)), []);
}

#[test]
fn after_ten_minutes_or_for_another_one_a_mailbox_is_gone() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let number = number_of(&alice.say(&mut world, &open(b"one")));
    let other = number_of(&alice.say(&mut world, &open(b"another")));
    assert_ne!(number, other);
    assert_eq!(alice.say(&mut world, &read(number, 0)), gone(number));
    assert_eq!(world.server.sizes().mailboxes, 1);
    world.pass(Duration::from_secs(601));
    assert_eq!(world.server.sizes().mailboxes, 0);
    alice.link(&mut world, Some("alice"), vec![]).expect("a reply");
    assert_eq!(alice.say(&mut world, &read(other, 1)), gone(other));
}

#[test]
fn whoever_is_not_registered_has_no_letters() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let number = number_of(&alice.say(&mut world, &open(b"one")));
    let mut nobody = world.client(9, EVE);
    nobody.link(&mut world, None, vec![]).expect("a reply");
    let refused = |number| {
        let refusal = MailboxRefusal::NotRegistered;
        [ServerSignal::MailboxRefused { number, refusal }]
    };
    assert_eq!(nobody.say(&mut world, &open(b"two")), refused(None));
    assert_eq!(nobody.say(&mut world, &read(number, 0)), refused(Some(number)));
    assert_eq!(world.server.sizes().mailboxes, 1);
}

#[test]
fn nobody_opens_or_tries_more_mailboxes_than_his_network_may() {
    let config = Config { mailboxes: Rate::new(0.0, 3.0), max_mailboxes: 2, ..Config::default() };
    let mut world = World::with(config);
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    let mut eve = world.registered(3, EVE, "eve");
    let number = number_of(&alice.say(&mut world, &open(b"one")));
    number_of(&bob.say(&mut world, &open(b"two")));
    let busy = |number| [ServerSignal::MailboxRefused { number, refusal: MailboxRefusal::Busy }];
    assert_eq!(eve.say(&mut world, &open(b"three")), busy(None));
    for wrong in [100_001, 100_002, 100_003] {
        assert_eq!(eve.say(&mut world, &read(wrong, 0)), gone(wrong));
    }
    assert_eq!(eve.say(&mut world, &read(number, 0)), busy(Some(number)), "no more guesses");
}

#[test]
fn no_letter_is_longer_than_it_may_be_or_than_the_question_for_it() {
    let mut world = World::new();
    let mut alice = world.registered(1, ALICE, "alice");
    let mut bob = world.registered(2, BOB, "bob");
    assert_eq!(alice.say(&mut world, &open(&[7; MAX_LETTER + 1])), []);
    let number = number_of(&alice.say(&mut world, &open(&[7; MAX_LETTER])));
    let bare = LetterQuestion { number, at: 0, padding: Vec::new() };
    assert_eq!(bob.say(&mut world, &ClientSignal::ReadLetter(bare)), []);
    let packet = bob.seal(&read(number, 0));
    let sent = world.deliver(bob.at, &packet);
    let [answer] = sent.as_slice() else { panic!("one answer") };
    assert!(answer.payload.len() <= packet.len());
    assert_eq!(bob.read(&sent), [letter(number, 0, &[7; MAX_LETTER])]);
}
