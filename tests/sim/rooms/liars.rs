//! A member whose program has been changed, and who has all that a member has: sessions with everybody, a
//! key of his own, and the room's log.

use std::time::Duration;

use p2pchat::chat::record::Record;
use p2pchat::chat::room::{Access, Act, Body, End, Line, Log, LogId};
use p2pchat::chat::rooms::{RoomRecord, Says};
use p2pchat::chat::{LineId, Manner, RoomNews};

use super::company::{Company, PEOPLE, ROOM};
use super::copy::{Copy, text};
use super::verdict::key;
use crate::person::RENDEZVOUS;
use crate::talker::{STARTED_AT_MS, identity, named};

const SECOND: Duration = Duration::from_secs(1);

/// Who lies.
const LIAR: usize = 3;

/// Who do not.
fn honest() -> impl Iterator<Item = usize> {
    0..LIAR
}

/// Four people in a room; the last of them lies.
struct Table {
    company: Company,
    /// What the liar has of the room.
    log: Log,
    clock: u64,
}

impl Table {
    fn laid(seed: u64) -> Self {
        let mut company = Company::new(seed, &[]);
        (0..=LIAR).for_each(|who| company.start(who));
        company.world.run_for(5 * SECOND);
        (0..=LIAR).for_each(|who| company.command(who, &format!("/join {ROOM}")));
        company.world.run_for(60 * SECOND);
        for who in honest().chain([LIAR]) {
            let line = format!("I am {}", PEOPLE[who]);
            company.with(who, |person, now| person.types_to(now, Some(ROOM), &line));
        }
        company.world.run_for(30 * SECOND);
        let log = Copy::log_of(company.person(LIAR).disk()).expect("he is in the room");
        assert_eq!(log.state().members.len(), LIAR + 1);
        let elapsed = company.world.elapsed().as_millis();
        let clock = STARTED_AT_MS + u64::try_from(elapsed).expect("soon");
        Self { company, log, clock }
    }

    /// The room's log as the liar has it: one of as many as he wants.
    fn copy(&self) -> Log {
        Copy::log_of(self.company.person(LIAR).disk()).expect("he is in the room")
    }

    /// The stay in which he lies.
    fn stay(&self) -> LogId {
        self.log.state().present_stays(key(LIAR)).next().expect("a member")
    }

    /// A line of the liar's own, as bytes.
    fn own_line(&self, text: &str) -> Vec<u8> {
        let (stay, body) = (self.stay().stay, line(text));
        let written = self.copy().write(&identity(PEOPLE[LIAR]), stay, self.clock, body);
        written.expect("a member writes").encode()
    }

    /// The liar tells one of the others something.
    fn tell(&mut self, whom: usize, entry: Vec<u8>) {
        let says = Says::Entries { entries: vec![entry], forks: Vec::new(), begins: Vec::new() };
        let record = Record::Room(RoomRecord { room: self.log.id(), says });
        self.company.with(LIAR, |person, now| person.sends(now, key(whom), record.encode()));
    }

    /// How often somebody was told what is asked for.
    fn told(&self, who: usize, wanted: impl Fn(&RoomNews) -> bool) -> usize {
        let news = &self.company.person(who).diary.news;
        news.iter().filter(|(_, _, news)| wanted(news)).count()
    }

    fn told_of_forgery(&self, who: usize) -> usize {
        self.told(who, |news| matches!(news, RoomNews::Forges { key: of, .. } if *of == key(LIAR)))
    }

    /// All lines that somebody has.
    fn has(&self, who: usize) -> Vec<String> {
        let copy = Copy::of(self.company.person(who).disk()).expect("a member");
        copy.lines
            .values()
            .flat_map(|lines| lines.values())
            .map(|line| text(line).to_owned())
            .collect()
    }

    /// The others go on, and hear each other.
    fn assert_the_others_talk(&mut self) {
        for who in honest() {
            let line = format!("I am {} still", PEOPLE[who]);
            self.company.with(who, |person, now| person.types_to(now, Some(ROOM), &line));
        }
        self.company.world.run_for(30 * SECOND);
        for who in honest() {
            let has = self.has(who);
            let still = has.iter().filter(|line| line.ends_with("still")).count();
            assert_eq!(still, LIAR, "{} has {has:?}", PEOPLE[who]);
        }
    }
}

fn line(text: &str) -> Body {
    Body::Line(Line { id: LineId([9; 16]), text: text.to_owned(), manner: Manner::Text })
}

#[test]
fn a_line_in_anothers_name_is_not_taken_and_its_bearer_is_named() {
    let mut table = Table::laid(1);
    // Signed by the liar, and carol is named as its author.
    let mut entry = table.own_line("carol owes me money");
    let (own, carols) = (key(LIAR).0, key(2).0);
    let at = entry.windows(32).position(|bytes| bytes == own).expect("the author's key");
    entry[at..at + 32].copy_from_slice(&carols);
    table.tell(0, entry);
    table.company.world.run_for(30 * SECOND);
    assert_eq!(table.told_of_forgery(0), 1);
    assert!(!table.has(0).iter().any(|line| line.contains("money")));
    table.assert_the_others_talk();
}

#[test]
fn what_was_said_in_another_room_is_not_taken_and_its_bearer_is_named() {
    let mut table = Table::laid(2);
    // Carol has said it, and signed it: elsewhere.
    let carol = identity(PEOPLE[2]);
    let create = Act::Create {
        room: named("work"),
        host: RENDEZVOUS.to_owned(),
        name: named(PEOPLE[2]),
        access: Access::Open,
        keep: 50,
    };
    let mut work = Log::create(&carol, 5, table.clock, create).expect("a room");
    let said = work.write(&carol, 5, table.clock, line("I agree")).expect("a member writes");
    table.tell(0, said.encode());
    table.company.world.run_for(30 * SECOND);
    assert_eq!(table.told_of_forgery(0), 1);
    assert!(!table.has(0).contains(&"I agree".to_owned()));
    table.assert_the_others_talk();
}

#[test]
fn who_tells_two_people_different_things_is_shown_to_all() {
    let mut table = Table::laid(3);
    let (yes, no) = (table.own_line("yes"), table.own_line("no"));
    table.tell(0, yes);
    table.tell(1, no);
    table.company.world.run_for(SECOND);
    table.company.kill(LIAR);
    table.company.world.run_for(120 * SECOND);
    let two = |news: &RoomNews| matches!(news, RoomNews::TwoHistories { key: of, .. } if *of == key(LIAR));
    for who in honest() {
        assert_eq!(table.told(who, two), 1, "{} is told", PEOPLE[who]);
        let log = Copy::log_of(table.company.person(who).disk()).expect("a member");
        assert!(log.shows_two_histories(key(LIAR)));
        let stay = log.state().stays[&table.stay()];
        assert_eq!((stay.end, stay.lines), (Some(End::TwoHistories), 1), "both were told one line");
    }
    table.assert_the_others_talk();
}
