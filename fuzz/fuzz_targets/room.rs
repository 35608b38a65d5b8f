//! Any bytes are an entry or an error, and an entry is written again as it was read. And whatever
//! members do, in whatever order a log hears of it, what waits stays bounded, and in the end it shows the
//! same room as another log that heard it in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pchat::chat::room::{
    Access, Act, Body, Entry, Fork, Line, Log, MAX_MEMBERS, MAX_WAITING, MAX_WAITING_BYTES, Outcome,
};
use p2pchat::chat::{LineId, Manner};
use p2pchat_fuzz::Choices;
use p2pchat_wire::identity::{Identity, Name};

const NOW: u64 = 1_700_000_000_000;

fn copy(entry: &Entry) -> Entry {
    Entry::decode(&entry.encode()).expect("an entry of ours")
}

fuzz_target!(|input: &[u8]| {
    if let Ok(entry) = Entry::decode(input) {
        assert_eq!(entry.encode(), input);
    }
    if let Ok(fork) = Fork::decode(input) {
        assert_eq!(Fork::decode(&fork.encode()), Ok(fork));
    }
    let mut choices = Choices::new(input);
    let people: Vec<_> = (0..4).map(|number| Identity::from_seed([number; 32])).collect();
    let name = || Name::new("tea").expect("a valid name");
    let access = if choices.byte() % 2 == 0 { Access::Open } else { Access::Invited };
    let create = Act::Create { room: name(), host: "h".into(), name: name(), access, keep: 9 };
    let mut log = Log::create(&people[0], 0, NOW, create).expect("a room");
    let mut late = Log::open(log.id(), copy(log.first())).expect("the same room");
    let mut entries = Vec::new();
    // Each entry costs a few signatures.
    for _ in 0..24 {
        if choices.is_empty() {
            break;
        }
        let author = &people[usize::from(choices.byte() % 4)];
        let other = people[usize::from(choices.byte() % 4)].id();
        let stay = u64::from(choices.byte() % 3);
        let body = match choices.byte() % 9 {
            0 | 1 => Body::Act(Act::Join { name: name(), host: "h".into() }),
            2 => Body::Act(Act::Invite { key: other, name: name(), host: "h".into() }),
            3 => Body::Act(log.kick(other)),
            4 => Body::Act(Act::Leave { lines: choices.byte().into(), heir: Some(other) }),
            5 => Body::Act(Act::Owner(other)),
            6 => Body::Act(Act::Topic(String::from_utf8_lossy(choices.bytes()).into())),
            _ => {
                let text = String::from_utf8_lossy(choices.bytes()).into();
                Body::Line(Line { id: LineId([1; 16]), text, manner: Manner::Text })
            }
        };
        entries.extend(log.write(author, stay, NOW, body));
        if let (Some(entry), 0) = (entries.last(), choices.byte() % 2) {
            late.add(NOW, copy(entry));
        }
        // Somebody passes on what he made up.
        if let Ok(entry) = Entry::decode(choices.bytes()) {
            late.add(NOW, entry);
        }
        let (waiting, bytes) = late.waiting();
        assert!(waiting <= MAX_WAITING && bytes <= MAX_WAITING_BYTES);
        assert!(late.state().members.len() <= MAX_MEMBERS);
    }
    let hear = |log: &mut Log| {
        entries.iter().rev().fold(false, |any, entry| {
            let new = matches!(log.add(NOW, copy(entry))[0], Outcome::New(_) | Outcome::Fork(_));
            any || new
        })
    };
    while hear(&mut late) {}
    while hear(&mut log) {}
    assert_eq!(log.state(), late.state());
    assert_eq!(log.digest(), late.digest());
});
