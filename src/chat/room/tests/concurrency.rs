//! Acts by members who do not know of each other's.

use super::*;

#[test]
fn who_is_kicked_while_inviting_has_invited_nobody() {
    let mut owner = Person::owner(Access::Invited);
    owner.act(invite(1));
    let mut kicked = Person::guest(1, &owner);
    owner.hear(&kicked.join());
    let invitation = kicked.act(invite(2));
    let mut guest = Person::guest(2, &kicked);
    let joined = guest.join();
    let kick = owner.kick(id(1));

    // Those who hear of the kick last have seen the guest come; in the end nobody has him.
    assert_eq!(owner.hear(&invitation), Outcome::Refused(Refusal::Kicked));
    assert_eq!(owner.hear(&joined), Outcome::Waiting(Missing::Invitation(id(2))));
    assert!(guest.is_in(2));
    assert!(is_new(&guest.hear(&kick)));
    assert!(!guest.is_in(2) && !guest.is_in(1) && !owner.is_in(2));
    assert_eq!(owner.log.state(), guest.log.state());
    assert_eq!(owner.log.digest(), guest.log.digest());
}

#[test]
fn of_two_who_take_the_last_place_one_has_it() {
    let mut owner = Person::owner(Access::Open);
    for number in 1..29 {
        let mut guest = Person::guest(number, &owner);
        owner.hear(&guest.join());
    }
    let (mut one, mut two) = (Person::guest(100, &owner), Person::guest(101, &owner));
    let (join_one, join_two) = (one.join(), two.join());
    one.hear(&join_two);
    two.hear(&join_one);
    owner.hear(&join_one);
    owner.hear(&join_two);
    assert_eq!(owner.log.state().members.len(), MAX_MEMBERS);
    assert_ne!(owner.is_in(100), owner.is_in(101));
    assert_eq!(one.log.state(), two.log.state());
    assert_eq!(owner.log.state(), two.log.state());
    let mut late = Person::guest(102, &owner);
    assert_eq!(late.try_act(late.joining()), Err(Refusal::Full));
}

#[test]
fn an_owner_who_kicks_and_leaves_has_done_both() {
    let (mut owner, mut one, mut two) = three();
    let kick = owner.kick(id(1));
    let leave = owner.leave(Some(id(2)));
    let said = one.act(topic("mine"));
    two.hear(&said);
    // In the wrong order, and the leave waits for the kick.
    assert!(matches!(two.hear(&leave), Outcome::Waiting(Missing::Entries { from: 2, .. })));
    let outcomes = two.log.add(NOW, copy(&kick));
    assert!(outcomes.iter().all(is_new) && outcomes.len() == 2, "{outcomes:?}");
    assert_eq!(two.log.state().owner, Some(id(2)));
    assert!(!two.is_in(1) && !two.is_in(0));
    assert_eq!(two.log.state().topic, None, "set when the owner had not seen it");
    assert!(two.try_act(invite(1)).is_ok());
}

#[test]
fn without_an_heir_the_one_who_has_been_there_longest_owns_the_room() {
    let (mut owner, mut one, _) = three();
    one.hear(&owner.leave(None));
    assert_eq!(one.log.state().owner, Some(id(1)));
    let (mut owner, mut one, _) = three();
    one.hear(&owner.leave(Some(id(9))));
    assert_eq!(one.log.state().owner, Some(id(1)), "a stranger is no heir");
    one.hear(&Person::guest(9, &one).join());
    one.leave(None);
    assert_eq!(one.log.state().owner, Some(id(2)));
}

#[test]
fn who_was_kicked_comes_back_only_if_the_owner_invites() {
    let (mut owner, mut one, _) = three();
    one.hear(&owner.kick(id(2)));
    let mut back = Person::guest(2, &owner);
    back.stay = 22;
    assert_eq!(back.try_act(back.joining()), Err(Refusal::Kicked));
    assert_eq!(one.try_act(invite(2)), Err(Refusal::NotOwner));
    let invitation = owner.act(invite(2));
    back.hear(&invitation);
    let joined = back.join();
    // The invitation comes after the one who is invited.
    assert_eq!(one.hear(&joined), Outcome::Waiting(Missing::Invitation(id(2))));
    assert_eq!(one.log.add(NOW, copy(&invitation)).len(), 2);
    assert!(one.is_in(2));
    owner.hear(&joined);
    assert_eq!(one.log.state(), owner.log.state());
}

#[test]
fn of_two_topics_everybody_has_the_same() {
    let (mut owner, mut one, mut two) = three();
    let (first, second) = (one.act(topic("one")), two.act(topic("two")));
    one.hear(&second);
    two.hear(&first);
    owner.hear(&second);
    owner.hear(&first);
    assert_eq!(one.log.state().topic, two.log.state().topic);
    assert_eq!(owner.log.state().topic, two.log.state().topic);
    let third = owner.act(topic("three"));
    assert!(third.header().at_ms > first.header().at_ms, "later than all that was known");
}

#[test]
fn who_is_not_invited_does_not_come_in_and_leaves_nothing_behind() {
    let owner = Person::owner(Access::Invited);
    let mut stranger = Person::guest(5, &owner);
    assert_eq!(stranger.try_act(stranger.joining()), Err(Refusal::NotInvited));
    assert_eq!(stranger.log.acts().count(), 1);
}
