//! Members who lie, and strangers.

use super::*;

#[test]
fn a_forged_entry_is_refused() {
    let (mut owner, mut one, _) = three();
    let said = one.say("I pay");
    let bytes = said.encode();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok(entry) = Entry::decode(&changed) {
            let outcome = owner.log.add(NOW, entry).swap_remove(0);
            let forged = matches!(outcome, Outcome::Refused(Refusal::Forged | Refusal::OtherRoom));
            assert!(forged, "byte {at}: {outcome:?}");
        }
    }
    let other = Entry::sign(&identity(2), *said.header(), said.body().clone());
    assert_eq!(owner.hear(&other), Outcome::Refused(Refusal::Forged), "another's key");
    assert!(is_new(&owner.hear(&said)));
}

#[test]
fn an_entry_counts_in_its_own_room_only() {
    let (_, mut one, _) = three();
    let mut elsewhere = Person {
        log: Log::create(&identity(0), 2, NOW, create(Access::Open)).expect("a room"),
        ..Person::owner(Access::Open)
    };
    for entry in [one.say("yes"), one.act(topic("x")), copy(one.log.first())] {
        assert_eq!(elsewhere.hear(&entry), Outcome::Refused(Refusal::OtherRoom));
    }
    let first = copy(one.log.first());
    assert_eq!(Log::open(elsewhere.log.id(), first).err(), Some(Refusal::OtherRoom));
}

#[test]
fn a_gap_waits_and_is_named() {
    let (mut owner, mut one, _) = three();
    let lines: Vec<_> = ["a", "b", "c"].iter().map(|text| one.say(text)).collect();
    let log = one.log_id();
    let missing = |acts, from| Outcome::Waiting(Missing::Entries { log, acts, from });
    assert_eq!(owner.hear(&lines[2]), missing(false, 1));
    assert_eq!(owner.hear(&lines[1]), missing(false, 1));
    assert_eq!(owner.log.waiting().0, 2);
    let outcomes = owner.log.add(NOW, copy(&lines[0]));
    let said: Vec<_> = outcomes
        .iter()
        .map(
            |outcome| {
                if let Outcome::New(entry) = outcome { entry.hash() } else { Hash::default() }
            },
        )
        .collect();
    assert_eq!(said, lines.iter().map(Entry::hash).collect::<Vec<_>>(), "in order");
    assert_eq!(owner.log.waiting(), (0, 0));
    assert_eq!(owner.hear(&lines[2]), Outcome::Known);
    assert!(matches!(owner.hear(&lines[0]), Outcome::Old(_)));
    one.act(topic("x"));
    assert_eq!(owner.hear(&one.say("d")), missing(true, 2), "said after an act");
}

#[test]
fn two_histories_are_proven_to_everybody() {
    let (mut owner, mut one, mut two) = three();
    let said = one.say("yes");
    let other = one.other_than(&said);
    assert!(is_new(&owner.hear(&said)));
    assert!(is_new(&two.hear(&other)));
    let Outcome::Fork(fork) = owner.hear(&other) else { panic!("a proof") };
    let fork = Fork::decode(&fork.encode()).expect("a proof");
    assert_eq!(two.log.add_fork(NOW, fork.clone()), [Outcome::Fork(Box::new(fork.clone()))]);
    assert_eq!(two.log.add_fork(NOW, fork), [Outcome::Known]);
    for log in [&owner.log, &two.log] {
        assert!(log.shows_two_histories(id(1)) && !log.state().is_member(&id(1)));
        let stay = log.state().stays[&one.log_id()];
        assert_eq!((stay.acts, stay.lines, stay.end), (1, 0, Some(End::TwoHistories)));
        assert_eq!(log.standing(said.header()), Standing::Withdrawn(End::TwoHistories));
    }
    assert_eq!(owner.hear(&one.say("more")), Outcome::Refused(Refusal::TwoHistories));
    assert_eq!(owner.hear(&one.act(topic("x"))), Outcome::Refused(Refusal::TwoHistories));
    // A new stay is a new log, and the mark stays.
    one.stay = 11;
    assert!(is_new(&owner.hear(&one.join())));
    assert!(owner.is_in(1) && owner.log.shows_two_histories(id(1)));
}

#[test]
fn two_histories_of_acts_leave_what_came_before() {
    let (mut owner, mut one, _) = three();
    owner.hear(&one.act(topic("before")));
    let act = one.act(topic("after"));
    owner.hear(&act);
    owner.hear(&one.say("said"));
    assert!(matches!(owner.hear(&one.other_than(&act)), Outcome::Fork(_)));
    let text = owner.log.state().topic.as_ref().map(|topic| topic.text.as_str());
    assert_eq!((text, owner.is_in(1)), (Some("before"), false));
}

#[test]
fn of_several_proofs_about_one_stay_the_one_that_leaves_least_says_all() {
    let (mut owner, mut one, mut two) = three();
    let act = one.act(topic("x"));
    let other_act = one.other_than(&act);
    let lines = [one.say("a"), one.say("b")];
    let other_line = one.other_than(&lines[1]);
    // One has heard what was said before he hears that the acts had parted, one after.
    for entry in [&act, &lines[0], &lines[1], &other_line, &other_act] {
        two.hear(entry);
    }
    for entry in [&act, &other_act, &lines[0], &lines[1], &other_line] {
        owner.hear(entry);
    }
    let line_fork = Fork::between(&lines[1], &other_line).expect("a proof");
    assert_eq!(owner.log.add_fork(NOW, line_fork), [Outcome::Known]);
    assert_eq!(owner.log.state(), two.log.state());
    assert_eq!(owner.log.heads(), two.log.heads());
    for line in &lines {
        assert_eq!(two.log.standing(line.header()), Standing::Withdrawn(End::TwoHistories));
    }
}

#[test]
fn a_proof_that_is_none_is_refused() {
    let (mut owner, mut one, _) = three();
    let said = one.say("yes");
    let made_up = Entry::sign(&identity(2), *one.other_than(&said).header(), said.body().clone());
    let fork = Fork::between(&said, &made_up).expect("in form");
    assert_eq!(owner.log.add_fork(NOW, fork), [Outcome::Refused(Refusal::Forged)]);
    assert!(Fork::between(&said, &said).is_none());
    assert!(Fork::between(&said, &one.say("more")).is_none());
}

#[test]
fn what_is_said_beyond_a_cut_is_withdrawn() {
    let (mut owner, mut one, mut two) = three();
    let seen = one.say("seen");
    let unseen = one.say("unseen");
    owner.hear(&seen);
    two.hear(&seen);
    two.hear(&unseen);
    let kick = owner.kick(id(1));
    assert!(is_new(&two.hear(&kick)));
    assert_eq!(two.log.standing(seen.header()), Standing::Counts);
    assert_eq!(two.log.standing(unseen.header()), Standing::Withdrawn(End::Kicked));
    assert_eq!(owner.hear(&unseen), Outcome::Refused(Refusal::Kicked));
    assert_eq!(owner.log.digest(), two.log.digest());
}

#[test]
fn what_is_said_after_leaving_does_not_count() {
    let (mut owner, mut one, _) = three();
    let header = *one.say("last").header();
    let Body::Line(line) = one.say("never heard").body().clone() else { panic!("a line") };
    let leave = one.leave(None);
    let late = Header { place: Place::Line { seq: 3, acts: 2 }, prev: Hash([9; 32]), ..header };
    owner.hear(&leave);
    let late = Entry::sign(&one.identity, late, Body::Line(line));
    assert_eq!(owner.hear(&late), Outcome::Refused(Refusal::Left));
}

#[test]
fn dating_an_act_back_does_not_undo_a_kick() {
    let mut owner = Person::owner(Access::Invited);
    owner.act(invite(1));
    let mut kicked = Person::guest(1, &owner);
    owner.hear(&kicked.join());
    let mut witness = Person::guest(0, &owner);
    let kick = owner.kick(id(1));
    witness.hear(&kick);
    // He has heard of it, invites an accomplice, leaves at once, and dates both back.
    let invitation = kicked.act(invite(2));
    let leave = kicked.leave(None);
    let mut accomplice = Person::guest(2, &kicked);
    let joined = accomplice.join();
    accomplice.hear(&kick);
    for log in [&mut owner.log, &mut witness.log, &mut accomplice.log] {
        for entry in [&invitation, &leave, &joined] {
            log.add(NOW, copy(entry));
        }
        assert!(!log.state().is_member(&id(2)) && !log.state().is_member(&id(1)));
    }
}

#[test]
fn stays_that_are_dated_back_behind_a_kick_are_no_more_than_a_member_could_have() {
    let (mut owner, mut one, mut two) = three();
    let joins: Vec<_> = (0..MAX_STAYS as u64 + 10)
        .filter_map(|stay| {
            // What he believes of the room himself, he can do without.
            let mut alone = Person::guest(1, &two);
            alone.stay = 1000 + stay;
            alone.try_act(alone.joining()).ok()
        })
        .collect();
    let kick = Body::Act(owner.log.kick(one.key()));
    let kick = owner.log.write(&owner.identity, owner.stay, NOW + 1000, kick).expect("the owner");
    two.hear(&copy(&kick));
    for log in [&mut owner.log, &mut two.log] {
        let before = log.acts().count();
        joins.iter().for_each(|join| drop(log.add(NOW, copy(join))));
        joins.iter().rev().for_each(|join| drop(log.add(NOW, copy(join))));
        assert_eq!(log.acts().count() - before, MAX_STAYS - 1, "of {}", joins.len());
        assert!(!log.state().is_member(&id(1)));
    }
    assert_eq!(owner.log.digest(), two.log.digest());
    one.hear(&copy(&kick));
    assert!(!one.is_in(1));
}

#[test]
fn two_histories_do_not_save_a_stay_from_a_kick() {
    let mut owner = Person::owner(Access::Open);
    let mut one = Person::guest(1, &owner);
    let mut witness = Person::guest(2, &owner);
    let topic = owner.act(topic("before"));
    let kick = owner.kick(id(1));
    // He joins and speaks where the owner does not hear it, and says another thing too.
    let joined = one.join();
    let said = one.say("yes");
    let other = one.other_than(&said);
    for entry in [&joined, &said, &topic] {
        assert!(is_new(&witness.hear(entry)));
    }
    let Outcome::Fork(fork) = witness.hear(&other) else { panic!("a proof") };
    assert!(is_new(&witness.hear(&kick)));
    for entry in [&joined, &said, &other] {
        owner.hear(entry);
    }
    owner.log.add_fork(NOW, *fork);
    for log in [&owner.log, &witness.log] {
        assert_eq!(log.standing(said.header()), Standing::NotMember);
    }
    assert_eq!(owner.log.state(), witness.log.state());
    assert_eq!(owner.log.digest(), witness.log.digest());
}

#[test]
fn an_act_from_the_far_future_is_not_taken_yet() {
    let (mut owner, mut one, _) = three();
    let act = one.act(topic("x"));
    let header = Header { at_ms: NOW + MAX_AHEAD_MS + 1, ..*act.header() };
    let ahead = Entry::sign(&one.identity, header, act.body().clone());
    assert_eq!(owner.hear(&ahead), Outcome::Refused(Refusal::Ahead));
    assert!(is_new(&owner.log.add(NOW + 1, copy(&ahead)).swap_remove(0)));
}

#[test]
fn one_member_cannot_use_up_the_room() {
    let (mut owner, mut one, _) = three();
    for number in 1..MAX_ACTS_OF_STAY {
        owner.hear(&one.act(topic(&number.to_string())));
    }
    assert_eq!(one.try_act(topic("one more")), Err(Refusal::TooManyActs));
    for stay in 0..MAX_STAYS as u64 - 1 {
        one.stay = 1000 + stay;
        assert!(is_new(&owner.hear(&one.join())), "{stay}");
    }
    one.stay = 2000;
    assert_eq!(one.try_act(one.joining()), Err(Refusal::TooManyStays));
    one.hear(&owner.act(invite(1)));
    assert!(is_new(&owner.hear(&one.join())));
}

#[test]
fn what_waits_is_bounded() {
    let owner = Person::owner(Access::Invited);
    let mut log = Log::open(owner.log.id(), copy(owner.log.first())).expect("a room");
    for number in 0..=255 {
        for stay in 0..3 {
            let header = Header {
                room: log.id(),
                log: LogId { author: id(number), stay },
                place: Place::Line { seq: 5, acts: 1 },
                prev: Hash([1; 32]),
                at_ms: NOW,
                content: Hash::default(),
            };
            let text = "x".repeat(20_000);
            let line = Line { id: LineId([1; 16]), text, manner: Manner::Text };
            let entry = Entry::sign(&identity(number), header, Body::Line(line));
            log.add(NOW, entry);
        }
    }
    let (entries, bytes) = log.waiting();
    assert!(entries <= MAX_WAITING && bytes <= MAX_WAITING_BYTES, "{entries}, {bytes}");
}

#[test]
fn a_flood_of_entries_that_wait_pushes_out_its_own() {
    let owner = Person::owner(Access::Invited);
    let mut log = Log::open(owner.log.id(), copy(owner.log.first())).expect("a room");
    let mut late = |number, stay| {
        let header = Header {
            room: owner.log.id(),
            log: LogId { author: id(number), stay },
            place: Place::Act { seq: 3 },
            prev: Hash([1; 32]),
            at_ms: NOW,
            content: Hash::default(),
        };
        log.add(NOW, Entry::sign(&identity(number), header, Body::Act(topic("x"))));
        log.waiting().0
    };
    assert_eq!(late(1, 0), 1);
    for stay in 0..100 {
        late(2, stay);
    }
    assert_eq!(late(3, 0), MAX_WAITING_OF + 2, "a flood pushes out its own");
}

#[test]
fn a_line_that_was_taken_back_leaves_its_header_and_the_chain_holds() {
    let (mut owner, mut one, _) = three();
    let (first, second) = (one.say("a secret"), one.say("next"));
    let erased = copy(&first).erased();
    assert_eq!(erased.body(), &Body::Erased);
    assert!(erased.encode().len() < first.encode().len());
    assert!(is_new(&owner.hear(&erased)));
    assert!(is_new(&owner.hear(&second)));
    let act = copy(one.log.first());
    assert_eq!(copy(&act).erased(), act, "acts stay");
}

#[test]
fn a_newcomer_gets_the_last_lines_and_may_get_those_before() {
    let (mut owner, mut one, _) = three();
    let lines: Vec<_> = (0..5).map(|_| one.say("x")).collect();
    lines.iter().for_each(|line| {
        owner.hear(line);
    });
    let mut late = Person::guest(3, &owner);
    let [range] = owner.log.lacking(&late.log.heads()).lines[..] else { panic!("one range") };
    assert_eq!((range.from, range.to, range.continues), (1, 5, false));
    late.log.want_lines_from(one.log_id(), 4);
    assert!(matches!(late.hear(&lines[4]), Outcome::Waiting(_)));
    assert_eq!(late.log.add(NOW, copy(&lines[3])).len(), 2);
    assert!(is_new(&late.hear(&lines[2])), "backwards, one by one");
    assert!(matches!(late.hear(&lines[0]), Outcome::Old(_)), "not in leaps");
    assert!(owner.log.lacking(&late.log.heads()).lines.is_empty());
}
