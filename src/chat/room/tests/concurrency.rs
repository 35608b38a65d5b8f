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

#[test]
fn a_room_is_built_again_from_acts_that_count_only_because_of_later_ones() {
    let mut owner = Person::owner(Access::Open);
    for number in 1..29 {
        let mut guest = Person::guest(number, &owner);
        owner.hear(&guest.join());
    }
    let mut witness = Person::guest(50, &owner);
    // Two take the last place, and the owner has removed the first before it heard of it.
    let (mut first, mut second) = (Person::guest(100, &owner), Person::guest(101, &owner));
    let join = Body::Act(second.joining());
    let join = second.log.write(&second.identity, second.stay, NOW + 1000, join).expect("a place");
    let disk = [first.join(), copy(&join), owner.kick(id(100))];
    assert!(is_new(&witness.hear(&disk[0])));
    assert_eq!(witness.hear(&disk[1]), Outcome::Refused(Refusal::Full));
    assert!(is_new(&witness.hear(&disk[2])));
    assert!(is_new(&witness.hear(&disk[1])), "now there is room");

    let mut acts: Vec<_> = owner.log.acts().skip(1).chain([&join]).map(|act| copy(act)).collect();
    acts.push(copy(&disk[0]));
    acts.sort_by_key(|act| (act.header().at_ms, act.hash()));
    let mut restored = Log::open(owner.log.id(), copy(owner.log.first())).expect("a room");
    restored.restore(acts);
    assert_eq!(restored.state(), witness.log.state());
    assert_eq!(restored.digest(), witness.log.digest());
}

#[test]
fn a_kick_that_takes_back_what_its_author_stands_on_takes_its_author_with_it() {
    let mut owner = Person::owner(Access::Invited);
    owner.act(invite(1));
    let mut one = Person::guest(1, &owner);
    owner.hear(&one.join());
    let invitation = one.act(invite(2));
    owner.hear(&invitation);
    let mut two = Person::guest(2, &owner);
    owner.hear(&two.join());
    two.hear(&owner.act(Act::Owner(id(2))));
    // Two owns the room now, and removes the one without whose invitation it would not be there.
    let Act::Kick { key, mut cuts } = two.log.kick(id(1)) else { panic!("a kick") };
    cuts.iter_mut().for_each(|cut| cut.acts = 1);
    let header = Header {
        room: two.log.id(),
        log: two.log_id(),
        place: Place::Act { seq: 2 },
        prev: two.log.act_hash(&two.log_id(), 1).expect("its Join"),
        at_ms: NOW + 1000,
        content: Hash::default(),
    };
    let kick = Entry::sign(&two.identity, header, Body::Act(Act::Kick { key, cuts }));
    assert!(is_new(&owner.hear(&kick)));
    assert!(owner.is_in(1) && !owner.is_in(2));
    assert_eq!(owner.log.state().owner, Some(id(0)));
    // Whoever hears it once more, or has it from the disk, or hears it first, has the same.
    let digest = owner.log.digest();
    assert_eq!(owner.hear(&kick), Outcome::Known);
    assert_eq!(owner.log.digest(), digest);
    let mut restored = Log::open(owner.log.id(), copy(owner.log.first())).expect("a room");
    restored.restore(owner.log.acts().skip(1).map(|act| copy(act)));
    assert_eq!(restored.state(), owner.log.state(), "the room is what its acts come to");
    assert_eq!(restored.digest(), digest);
    let mut late =
        Person { log: Log::open(two.log.id(), copy(two.log.first())).expect("a room"), ..two };
    let acts: Vec<_> = owner.log.acts().skip(1).map(|act| copy(act)).collect();
    for _ in 0..acts.len() {
        acts.iter().rev().for_each(|act| {
            late.hear(act);
        });
    }
    assert_eq!(late.log.digest(), digest);
}

#[test]
fn a_stay_that_is_taken_back_is_kept_for_what_it_took_back_itself() {
    let mut owner = Person::owner(Access::Open);
    let (mut one, mut two) = (Person::guest(1, &owner), Person::guest(2, &owner));
    let joins = [one.join(), two.join()];
    // One becomes the owner and removes two, of whom it says that it has heard nothing.
    for person in [&mut owner, &mut one, &mut two] {
        joins.iter().for_each(|join| {
            person.hear(join);
        });
    }
    let gift = owner.act(Act::Owner(id(1)));
    one.hear(&gift);
    let kick = one.act(Act::Kick { key: id(2), cuts: Vec::new() });
    let back = one.act(Act::Owner(id(0)));
    owner.hear(&kick);
    owner.hear(&back);
    // Then the first owner does the same to one.
    let kick_too = owner.act(Act::Kick { key: id(1), cuts: Vec::new() });
    let told = [&joins[0], &joins[1], &gift, &kick, &back, &kick_too];
    let digest = owner.log.digest();
    let mut people = [owner, one, two];
    for round in 0..3 {
        for (number, person) in people.iter_mut().enumerate() {
            let outcomes: Vec<_> = told.iter().map(|entry| person.hear(entry)).collect();
            let news = outcomes.iter().filter(|outcome| is_new(outcome)).count();
            assert!(round == 0 || news == 0, "{number} hears again and again: {outcomes:?}");
        }
    }
    for person in &people {
        assert_eq!(person.log.digest(), digest);
        assert!(!person.is_in(1) && !person.is_in(2));
    }
}

#[test]
fn who_waits_to_come_in_does_so_when_the_kick_turns_out_to_be_one_of_two_histories() {
    let (mut owner, mut one, mut two) = three();
    let kick = owner.kick(id(1));
    let other = owner.other_than(&kick);
    one.stay = 11;
    let join = Body::Act(one.joining());
    let joined = one.log.write(&one.identity, one.stay, NOW + 1000, join).expect("a place");
    let joined = copy(&joined);
    two.hear(&kick);
    assert_eq!(two.hear(&joined), Outcome::Waiting(Missing::Invitation(id(1))));
    let outcomes = two.log.add(NOW, copy(&other));
    assert!(matches!(outcomes[..], [Outcome::Fork(_), Outcome::New(_)]), "{outcomes:?}");
    assert!(two.is_in(1));
    // And likewise if somebody else has found it out.
    let mut witness = Person::guest(3, &owner);
    witness.hear(&joined);
    let fork = Fork::between(&kick, &other).expect("a proof");
    assert_eq!(witness.log.add_fork(NOW, fork).len(), 2);
    assert!(witness.is_in(1));
}

#[test]
fn of_lines_that_a_kick_lets_count_without_their_acts_everybody_has_the_same() {
    let (mut owner, mut one, mut two) = three();
    let lines = [one.say("a"), {
        one.act(topic("x"));
        one.say("b")
    }];
    let acts: Vec<_> = one.log.acts().map(|act| copy(act)).collect();
    for entry in acts.iter().chain(&lines) {
        two.hear(entry);
    }
    owner.hear(&lines[0]);
    // A modified program writes a Kick that fits nothing.
    let cuts = vec![Cut { stay: one.stay, acts: 1, lines: 2 }];
    let kick = owner.act(Act::Kick { key: id(1), cuts });
    two.hear(&kick);
    assert!(is_new(&owner.hear(&lines[1])));
    assert_eq!(owner.log.heads(), two.log.heads());
    for log in [&owner.log, &two.log] {
        assert_eq!(log.standing(lines[1].header()), Standing::Counts);
    }
}
