//! What happens to eight people in a room, from one seed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::company::{Company, PEOPLE, ROOM, number_of, room};
use super::copy::Copy;
use super::ledger::{Ledger, Said};
use super::verdict::{Verdict, key, summary};
use crate::chance::weather;

const SECOND: Duration = Duration::from_secs(1);

/// How long a story is told before everything is well again.
const STORY: Duration = Duration::from_secs(150);

/// How long it may take, once everything is well, until all have the same.
const ENDING: Duration = Duration::from_secs(1800);

/// What happens.
struct Story {
    company: Company,
    ledger: Ledger,
    /// Only who is invited comes in.
    invited: bool,
    /// The first two know everybody's key.
    acquainted: bool,
    /// Whether something happens while something else does.
    amid: bool,
}

/// What can happen besides talk.
#[derive(Clone, Copy, Debug)]
enum Incident {
    Burst,
    Kill,
    Start,
    Divide,
    ServerGone,
    RestartServer,
    Blackout,
    Weather,
    Rebind,
    Sleep,
    Leave,
    Join,
    Kick,
    Invite,
    Topic,
}

const INCIDENTS: [Incident; 20] = [
    Incident::Burst,
    Incident::Kill,
    Incident::Kill,
    Incident::Kill,
    Incident::Start,
    Incident::Start,
    Incident::Divide,
    Incident::Divide,
    Incident::ServerGone,
    Incident::RestartServer,
    Incident::Blackout,
    Incident::Weather,
    Incident::Rebind,
    Incident::Sleep,
    Incident::Leave,
    Incident::Join,
    Incident::Join,
    Incident::Kick,
    Incident::Invite,
    Incident::Topic,
];

/// Tells a story, and holds what has come of it against the promise.
pub(super) fn tell(seed: u64) {
    let story = told(seed);
    Verdict::on(&story.company, &story.ledger).assert_kept();
}

/// How long a story takes and how much happens in it.
pub(super) fn measure(seed: u64) -> (Duration, u64) {
    let story = told(seed);
    (story.company.world.elapsed(), story.company.world.steps())
}

fn told(seed: u64) -> Story {
    let invited = seed % 2 == 1;
    let acquainted = invited || seed.is_multiple_of(4);
    let company = Company::new(seed, if acquainted { &[0, 1] } else { &[] });
    let ledger = Ledger::default();
    let mut story = Story { company, ledger, invited, acquainted, amid: false };
    story.begin();
    let end = story.company.world.elapsed() + STORY;
    while story.company.world.elapsed() < end {
        story.company.pause(3000);
        story.something();
    }
    story.end();
    story
}

impl Story {
    /// The first makes the room, and everybody goes there.
    fn begin(&mut self) {
        let weather = weather(&mut self.company.random);
        self.company.world.change_weather(&weather);
        (0..PEOPLE.len()).for_each(|who| self.company.start(who));
        self.company.pause(2000);
        let access = if self.invited { "invited" } else { "" };
        self.company.command(0, &format!("/join {ROOM} {access}"));
        self.company.pause(5000);
        for (who, name) in PEOPLE.iter().enumerate().skip(1) {
            if self.invited {
                self.company.command(0, &format!("/invite {ROOM} {name}"));
            }
            // Some come later, or never.
            if !self.company.once_in(4) {
                self.company.command(who, &format!("/join {ROOM}"));
            }
        }
    }

    fn something(&mut self) {
        let who = self.company.anybody();
        if self.company.once_in(2) {
            return self.talk(who);
        }
        let incident = INCIDENTS[self.company.random.below(20) as usize];
        self.company.world.note(format!("incident: {incident:?} ({})", PEOPLE[who]));
        match incident {
            Incident::Burst if self.company.once_in(3) && self.company.runs(who) => {
                let lines = 20 + self.company.random.below(60);
                (0..lines).for_each(|_| self.say(who, 0));
            }
            Incident::Burst => {}
            Incident::Kill => {
                self.company.kill(who);
                self.company.pause(3000);
                // Others stay away for longer.
                if self.company.once_in(2) {
                    self.company.start(who);
                }
            }
            Incident::Start => self.company.start(who),
            Incident::Divide => {
                let (apart, counts) = (self.company.random.below(256), self.company.once_in(2));
                self.company.divide(apart, counts);
                self.meanwhile(30_000);
                self.company.unite(apart, counts);
            }
            Incident::ServerGone => {
                let server = self.company.server;
                self.company.world.fall_asleep(server);
                self.meanwhile(20_000);
                self.company.world.wake_up(server, true);
            }
            Incident::RestartServer => self.company.restart_server(),
            Incident::Blackout => {
                self.company.world.blackout(true);
                self.meanwhile(10_000);
                self.company.world.blackout(false);
            }
            Incident::Weather => {
                let weather = weather(&mut self.company.random);
                self.company.world.change_weather(&weather);
            }
            Incident::Rebind => self.company.rebind(who),
            Incident::Sleep => {
                let clock_ran = self.company.once_in(2);
                self.company.world.fall_asleep(self.company.host(who));
                self.meanwhile(60_000);
                self.company.world.wake_up(self.company.host(who), clock_ran);
            }
            Incident::Leave => self.command(who, &format!("/leave {ROOM}")),
            Incident::Join => self.command(who, &format!("/join {ROOM}")),
            Incident::Kick => self.kick(who),
            Incident::Invite => self.invite(who),
            Incident::Topic if self.is_member(who) => {
                // A topic is said in the room that is open.
                self.command(who, &format!("/join {ROOM}"));
                self.command(who, &format!("/topic as {} says", PEOPLE[who]));
            }
            Incident::Topic => {}
        }
    }

    /// Time passes while something lasts, and something else happens.
    fn meanwhile(&mut self, at_most_ms: u32) {
        if !std::mem::replace(&mut self.amid, true) {
            for _ in 0..self.company.random.below(4) {
                self.company.pause(at_most_ms / 8);
                self.something();
            }
            self.amid = false;
        }
        self.company.pause(at_most_ms / 2);
    }

    fn command(&mut self, who: usize, line: &str) {
        if self.company.runs(who) {
            self.company.command(who, line);
        }
    }

    /// The owner removes somebody.
    fn kick(&mut self, whom: usize) {
        let owns = |who: &usize| {
            let members = self.company.person(*who).chat().members(&room()).unwrap_or_default();
            members.iter().any(|member| member.is_us && member.is_owner)
        };
        if let Some(owner) = (0..PEOPLE.len()).find(|who| *who != whom && owns(who)) {
            self.command(owner, &format!("/kick {ROOM} {}", PEOPLE[whom]));
        }
    }

    /// One of those who know everybody lets somebody in, if he may.
    fn invite(&mut self, whom: usize) {
        let host = usize::from(whom == 0 || self.company.once_in(2));
        if self.acquainted && host != whom {
            self.command(host, &format!("/invite {ROOM} {}", PEOPLE[whom]));
        }
    }

    fn is_member(&self, who: usize) -> bool {
        let members = self.company.person(who).chat().members(&room()).unwrap_or_default();
        members.iter().any(|member| member.is_us)
    }

    fn talk(&mut self, who: usize) {
        if !self.company.runs(who) {
            return;
        }
        for _ in 0..=self.company.random.below(4) {
            // Now and then somebody pastes pages.
            let pasted =
                if self.company.once_in(12) { self.company.random.below(30_000) } else { 0 };
            self.say(who, pasted as usize);
        }
    }

    fn say(&mut self, who: usize, pasted: usize) {
        let line = self.ledger.next(who);
        let log = Copy::log_of(self.company.person(who).disk());
        let stays = log.iter().flat_map(|log| &log.state().stays);
        let present = stays.filter(|(_, stay)| self.is_member(who) && stay.end.is_none());
        let audience = present.map(|(log, _)| *log).collect();
        let banned = log.iter().flat_map(|log| &log.state().kicked);
        let banned = banned.map(|key| number_of(*key)).collect();
        let said = Said { at: self.company.world.now(), audience, banned };
        self.company.world.note(format!("{} says {line:?} and {pasted} bytes", PEOPLE[who]));
        let text = line.clone() + &"x".repeat(pasted);
        self.company.with(who, |person, now| person.types_to(now, Some(ROOM), &text));
        self.ledger.note(line, said);
    }

    /// All is well, and time passes until all have the same.
    fn end(&mut self) {
        self.company.make_all_well();
        let limit = self.company.world.elapsed() + ENDING;
        while !self.is_settled() {
            let patient = self.company.world.elapsed() < limit;
            assert!(patient, "they do not come to have the same: {:#?}", self.differences());
            self.company.world.run_for(5 * SECOND);
        }
        // What all have is known to have arrived, a little later.
        self.company.world.run_for(60 * SECOND);
    }

    /// Whether everybody is in the room who wants that and may be, nobody else is, and all have the same.
    fn is_settled(&self) -> bool {
        let copies = self.copies();
        let all =
            || copies.iter().enumerate().filter_map(|(who, copy)| Some((who, copy.as_ref()?)));
        let is_in = |who: usize, copy: &Copy| copy.log.state().is_member(&key(who));
        let settled = |(who, copy): (usize, &Copy)| {
            copy.wanted == is_in(who, copy) || copy.log.state().admits(&key(who)).is_err()
        };
        let members: Vec<usize> = all()
            .filter(|(who, copy)| copy.wanted && is_in(*who, copy))
            .map(|(who, _)| who)
            .collect();
        let agree = |(who, copy): (usize, &Copy)| {
            let known = copy.log.state().members.keys().map(|key| number_of(*key));
            let known: BTreeSet<usize> = known.collect();
            !members.contains(&who) || known.iter().eq(&members)
        };
        let digests =
            all().filter(|(who, _)| members.contains(who)).map(|(_, copy)| copy.log.digest());
        let digests: BTreeSet<_> = digests.collect();
        all().all(settled) && all().all(agree) && digests.len() <= 1
    }

    fn copies(&self) -> Vec<Option<Copy>> {
        (0..PEOPLE.len()).map(|who| Copy::of(self.company.person(who).disk())).collect()
    }

    /// For a failure to be understood.
    fn differences(&self) -> Vec<String> {
        let copies = self.copies().into_iter().enumerate();
        let of = |(who, copy): (usize, Option<Copy>)| match copy {
            None => format!("{} has nothing", PEOPLE[who]),
            Some(copy) => format!("{}: {}", PEOPLE[who], summary(&copy)),
        };
        copies.map(of).collect()
    }
}
