//! Invitations: two who share a few words, and the secret that they have afterwards.

use std::time::Duration;

use p2pchat::proto::{Command, Event, InvitationFailure, InvitationWords, Policy, ServerId};
use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::random::Random;

use crate::world::{SECOND, World};

const SERVER: ServerId = ServerId::FIRST;

fn invite(world: &mut World, host: usize, words: &str) {
    let words = InvitationWords::new(words.to_owned());
    world.command(host, Command::Invite { server: SERVER, words });
}

fn accept(world: &mut World, host: usize, number: u32, words: &str) {
    let words = InvitationWords::new(words.to_owned());
    world.command(host, Command::Accept { server: SERVER, number, words });
}

/// The number of the last invitation of a host.
fn number(world: &World, host: usize) -> u32 {
    let mut numbers = world.hosts[host].events.iter().rev().filter_map(|(_, event)| match event {
        Event::InvitationOpened { number, .. } => Some(*number),
        _ => None,
    });
    numbers.next().expect("an invitation")
}

#[derive(Debug, Eq, PartialEq)]
enum End {
    Invited(PeerId),
    Failed(InvitationFailure),
}

/// How the invitations of a host ended.
fn ends(world: &World, host: usize) -> Vec<End> {
    let ends = world.hosts[host].events.iter().filter_map(|(_, event)| match event {
        Event::Invited { key, .. } => Some(End::Invited(*key)),
        Event::InvitationFailed { reason, .. } => Some(End::Failed(*reason)),
        _ => None,
    });
    ends.collect()
}

fn secret(world: &World, host: usize) -> Option<SharedSecret> {
    world.hosts[host].events.iter().rev().find_map(|(_, event)| match event {
        Event::Invited { secret, .. } => Some(secret.clone()),
        _ => None,
    })
}

/// Two who have invited each other.
fn introduced() -> (World, usize, usize) {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    invite(&mut world, alice, "crossover clockwork");
    world.run(SECOND);
    let number = number(&world, alice);
    accept(&mut world, bob, number, "crossover clockwork");
    world.run(SECOND);
    (world, alice, bob)
}

#[test]
fn two_with_the_same_words_know_each_others_keys_and_share_a_secret() {
    let (world, alice, bob) = introduced();
    assert_eq!(ends(&world, alice), [End::Invited(world.id(bob))]);
    assert_eq!(ends(&world, bob), [End::Invited(world.id(alice))]);
    assert!(secret(&world, alice).is_some());
    assert_eq!(secret(&world, alice), secret(&world, bob));
}

#[test]
fn a_wrong_guess_uses_the_invitation_up_and_both_are_told() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    let carol = world.add("carol", Policy::Any);
    invite(&mut world, alice, "crossover clockwork");
    world.run(SECOND);
    let number = number(&world, alice);
    accept(&mut world, carol, number, "clockwork orange");
    world.run(SECOND);
    let wrong = [End::Failed(InvitationFailure::WrongWords)];
    assert_eq!(ends(&world, alice), wrong);
    assert_eq!(ends(&world, carol), wrong);
    accept(&mut world, bob, number, "crossover clockwork");
    world.run(SECOND);
    assert_eq!(ends(&world, bob), [End::Failed(InvitationFailure::Gone)]);
    assert_eq!(ends(&world, alice), wrong, "nothing further");
}

#[test]
fn letters_that_are_lost_are_written_again() {
    for seed in 0..20 {
        let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
        let mut random = Random::from_seed([seed; 32]);
        world.filter(move |_| random.below(3) > 0);
        invite(&mut world, alice, "crossover clockwork");
        world.run(SECOND * 20);
        let number = number(&world, alice);
        accept(&mut world, bob, number, "crossover clockwork");
        world.run(SECOND * 90);
        assert_eq!(ends(&world, alice), [End::Invited(world.id(bob))]);
        assert_eq!(ends(&world, bob), [End::Invited(world.id(alice))]);
    }
}

#[test]
fn an_invitation_ends_after_ten_minutes_and_with_the_server() {
    for restart in [false, true] {
        let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
        invite(&mut world, alice, "crossover clockwork");
        world.run(SECOND);
        let number = number(&world, alice);
        if restart {
            world.restart_server();
            world.run(SECOND * 60);
        } else {
            world.run(SECOND * 590);
            assert_eq!(ends(&world, alice), []);
            world.run(SECOND * 20);
        }
        let gone = [End::Failed(InvitationFailure::Gone)];
        assert_eq!(ends(&world, alice), gone);
        accept(&mut world, bob, number, "crossover clockwork");
        world.run(SECOND);
        assert_eq!(ends(&world, bob), gone);
    }
}

#[test]
fn whoever_accepts_from_somebody_who_has_left_is_told_so() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    invite(&mut world, alice, "crossover clockwork");
    world.run(SECOND);
    let number = number(&world, alice);
    let away = world.hosts[alice].address;
    world.filter(move |packet| packet.from != away && packet.to != away);
    accept(&mut world, bob, number, "crossover clockwork");
    world.run(SECOND * 40);
    assert_eq!(ends(&world, bob), [End::Failed(InvitationFailure::NoAnswer)]);
}

#[test]
fn nobody_accepts_his_own_invitation() {
    let (mut world, alice, _) = World::with_two(Policy::Any, Policy::Any);
    invite(&mut world, alice, "crossover clockwork");
    world.run(SECOND);
    let number = number(&world, alice);
    accept(&mut world, alice, number, "crossover clockwork");
    world.run(SECOND);
    assert_eq!(ends(&world, alice), [End::Failed(InvitationFailure::Own)]);
}

#[test]
fn with_the_secret_a_session_begins_gets_new_keys_moves_and_begins_again() {
    let (mut world, alice, bob) = introduced();
    let (alices, bobs) = (secret(&world, alice), secret(&world, bob));
    world.call(alice, "bob");
    world.run(SECOND * 3);
    world.send(alice, bob, 0, b"sealed with what we share");
    world.run(SECOND * 1000);
    world.send(bob, alice, 0, b"after many changes of keys");
    world.run(SECOND);
    world.hosts[bob].address.set_port(7777);
    world.command(bob, Command::NetworkChanged);
    world.run(SECOND * 5);
    world.send(bob, alice, 0, b"from elsewhere");
    world.run(SECOND);
    for (host, secret) in [(bob, bobs), (alice, alices)] {
        let other = if host == bob { alice } else { bob };
        world.restart(host);
        let (peer, secret) = (world.id(other), secret.expect("a secret"));
        world.command(host, Command::RecallSecret { peer, secret });
        world.pin(host, other);
        world.call(host, if host == bob { "alice" } else { "bob" });
        world.run(SECOND * 10);
        world.send(host, other, 0, b"after a restart");
        world.run(SECOND);
    }
    assert_eq!(world.received(bob), [&b"sealed with what we share"[..], b"after a restart"]);
    let expected = [&b"after many changes of keys"[..], b"from elsewhere", b"after a restart"];
    assert_eq!(world.received(alice), expected);
}

#[test]
fn a_session_is_made_by_two_who_have_the_secret_and_by_no_one_of_them_alone() {
    let (mut world, alice, bob) = introduced();
    world.restart(bob);
    world.pin(bob, alice);
    world.call(bob, "alice");
    world.call(alice, "bob");
    world.run(Duration::from_secs(60));
    assert!(!world.is_connected(alice) && !world.is_connected(bob));
    // The cure is another invitation.
    invite(&mut world, bob, "orange clockwork");
    world.run(SECOND);
    let number = number(&world, bob);
    accept(&mut world, alice, number, "orange clockwork");
    world.run(SECOND * 60);
    assert!(world.is_connected(alice) && world.is_connected(bob), "{world:?}");
}

/// Who was told to lack the secret: whether oneself.
fn lacking(world: &World, host: usize) -> Vec<bool> {
    let lacking = world.hosts[host].events.iter().filter_map(|(_, event)| match event {
        Event::SecretLacking { by_us, .. } => Some(*by_us),
        _ => None,
    });
    lacking.collect()
}

#[test]
fn whoever_calls_both_learn_which_of_them_lacks_the_secret() {
    for bob_calls in [false, true] {
        let (mut world, alice, bob) = introduced();
        world.restart(bob);
        world.pin(bob, alice);
        if bob_calls {
            world.call(bob, "alice");
        } else {
            world.call(alice, "bob");
        }
        world.run(SECOND * 30);
        assert_eq!((lacking(&world, alice), lacking(&world, bob)), (vec![false], vec![true]));
        assert!(!world.is_connected(alice) && !world.is_connected(bob));
    }
    // Nobody is told anything where nothing is wrong.
    let (mut world, alice, bob) = introduced();
    world.call(alice, "bob");
    world.run(SECOND * 30);
    assert!(world.is_connected(alice) && lacking(&world, alice).is_empty());
    assert!(lacking(&world, bob).is_empty());
}
