//! Whoever has the same entries has the same room.

use proptest::prelude::*;

use super::*;

const PEOPLE: u8 = 5;

/// A history that several people write at once: what each does, by chance, and whom he hears.
fn history(choices: &[(u8, u8, u8)], access: Access) -> (Entry, Vec<Entry>) {
    let owner = Person::owner(access);
    let first = copy(owner.log.first());
    let mut people: Vec<_> = (1..PEOPLE).map(|number| Person::guest(number, &owner)).collect();
    people.insert(0, owner);
    let mut said = Vec::new();
    for &(who, what, whom) in choices {
        let (who, whom) = (usize::from(who % PEOPLE), whom % PEOPLE);
        let person = &mut people[who];
        let done = match what % 12 {
            0 => {
                person.stay += 10;
                person.try_act(person.joining()).ok()
            }
            1 => person.try_act(topic(&what.to_string())).ok(),
            2 => person.try_act(invite(whom)).ok(),
            3 => person.try_act(person.log.kick(id(whom))).ok(),
            4 if whom == 0 => person.try_act(person.log.leave(person.log_id(), None)).ok(),
            5 => person.try_act(Act::Owner(id(whom))).ok(),
            6 if whom == 1 => {
                let last =
                    said.iter().rfind(|entry: &&Entry| entry.header().log.author == person.key());
                last.map(|last| person.other_than(last))
            }
            7..=9 => {
                for entry in &said {
                    person.hear(entry);
                }
                None
            }
            _ => {
                let line = Line { id: LineId([what; 16]), text: "x".into(), manner: Manner::Text };
                let line = person.log.write(&person.identity, person.stay, NOW, Body::Line(line));
                line.ok().map(|line| copy(&line))
            }
        };
        said.extend(done);
    }
    (first, said)
}

/// A log that has taken in all of `entries`, again and again while anything is new.
fn log_of(first: &Entry, entries: &[Entry]) -> Log {
    let mut log = Log::open(RoomId(first.hash().0), copy(first)).expect("a room");
    hear_to_the_end(&mut log, entries);
    log
}

/// Hears all of `entries` until nothing of them is new.
fn hear_to_the_end(log: &mut Log, entries: &[Entry]) {
    // Each round that brings anything new brings an entry or a proof that stays.
    let rounds = 2 * entries.len() + 1;
    let ended = (0..rounds).any(|_| !hear_all(log, entries));
    assert!(ended, "something is new again and again");
}

fn hear_all(log: &mut Log, entries: &[Entry]) -> bool {
    let mut any = false;
    for entry in entries {
        let outcome = log.add(NOW, copy(entry)).swap_remove(0);
        any |= matches!(outcome, Outcome::New(_) | Outcome::Fork(_));
    }
    any
}

/// Tells `log` what it lacks of what `other` has, proofs included.
fn tell(other: &Log, log: &mut Log) {
    let lacking = other.lacking(&log.heads());
    for entry in lacking.acts {
        log.add(NOW, copy(&entry));
    }
    for fork in lacking.forks {
        log.add_fork(NOW, fork);
    }
}

/// As many cases as `PROPTEST_CASES` says, else as many as a check of every push can afford.
fn cases() -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    if asked { ProptestConfig::default() } else { ProptestConfig::with_cases(64) }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_same_entries_in_any_order_make_the_same_room(
        choices in proptest::collection::vec(any::<(u8, u8, u8)>(), 1..90),
        open in any::<bool>(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 90),
    ) {
        let (first, mut entries) =
            history(&choices, if open { Access::Open } else { Access::Invited });
        let mut log = log_of(&first, &entries);
        // Another order, and some of them twice.
        for (at, other) in order.iter().enumerate() {
            if let Some(length) = entries.len().checked_sub(1).filter(|_| at < entries.len()) {
                let other = other.index(length + 1);
                entries.swap(at, other);
                if at % 5 == 0 {
                    let twice = copy(&entries[other]);
                    entries.push(twice);
                }
            }
        }
        let mut shuffled = log_of(&first, &entries);
        for _ in 0..4 {
            tell(&log, &mut shuffled);
            tell(&shuffled, &mut log);
            hear_to_the_end(&mut shuffled, &entries);
            hear_to_the_end(&mut log, &entries);
        }
        prop_assert_eq!(log.state(), shuffled.state());
        prop_assert_eq!(log.heads(), shuffled.heads());
        prop_assert_eq!(log.digest(), shuffled.digest());
        for entry in &entries {
            prop_assert_eq!(log.standing(entry.header()), shuffled.standing(entry.header()));
        }
        // And a room that is built again from the disk is the same room.
        let mut restored = Log::open(log.id(), copy(&first)).expect("a room");
        for fork in log.forks() {
            restored.restore_fork(fork.clone());
        }
        restored.restore(log.acts().skip(1).map(|entry| copy(entry)));
        prop_assert_eq!(restored.state(), log.state());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Fork::decode(&bytes);
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(entry.encode(), bytes);
        }
    }

    #[test]
    fn entries_survive_being_written_and_read(
        text in "\\PC{0,40}",
        target in any::<[u8; 16]>(),
        kind in 0..4usize,
        cut in any::<usize>(),
    ) {
        let (_, mut one, _) = three();
        let target = LineId(target);
        let (text, manner) = match kind {
            0 => (text, Manner::Text),
            1 => (text, Manner::Reply { to: target }),
            2 => (String::new(), Manner::Delete { of: target }),
            _ => (text, Manner::Edit { of: target }),
        };
        let body = Body::Line(Line { id: LineId([3; 16]), text, manner });
        let entry = one.log.write(&one.identity, one.stay, NOW, body.clone()).expect("a member");
        let bytes = entry.encode();
        let read = Entry::decode(&bytes).expect("an entry");
        prop_assert_eq!(&read, &*entry);
        prop_assert_eq!(read.body(), &body);
        prop_assert!(read.is_authentic());
        // Cut off behind the signature it is the same line, erased.
        let cut = cut % bytes.len();
        if let Ok(short) = Entry::decode(&bytes[..cut]) {
            prop_assert_eq!(short, entry.as_ref().clone().erased());
        }
    }
}
