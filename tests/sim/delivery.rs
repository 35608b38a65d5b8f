//! The promise, under everything that can go wrong: each line arrives exactly once and in order, or
//! is known to be undelivered.
//!
//! One seed makes one story: two places, foul weather, two people who type, and a list of
//! disasters. When all is over the weather clears and everybody is awake; then every line that was
//! ever said to be kept must arrive. How many stories are told, [`seeds`] says.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_wire::random::Random;

use crate::chance::{behaviour, place, weather};
use crate::link::Weather;
use crate::machine::Machine;
use crate::person::{Person, Remains, label};
use crate::scene::{Home, Side, add_server, host_candidates};
use crate::seeds;
use crate::topology::{CORE, HostId, Network, RouterId};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// How long a story is told before everything is well again.
const STORY: Duration = Duration::from_secs(90);

/// How long the last line may take once everything is well.
const ENDING: Duration = Duration::from_secs(240);

/// Two people, a server, and everything that happens to them.
struct Story {
    world: World<Machine>,
    server: HostId,
    people: [Inhabitant; 2],
    random: Random,
    /// Nobody's process is killed: people leave.
    politely: bool,
}

struct Inhabitant {
    host: HostId,
    name: &'static str,
    peer: &'static str,
    router: Option<RouterId>,
    home: (Network, Vec<&'static str>),
    cafe: (Network, Vec<&'static str>),
    abroad: bool,
    asleep: bool,
    typed: u32,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug)]
enum Disaster {
    Rebind,
    Renumber,
    Kill,
    RestartServer,
    ServerGone,
    Blackout,
    Cut,
    CutOneWay,
    ClockJump,
    Sleep,
    Move,
    NoUdp,
    Weather,
}

const DISASTERS: [Disaster; 13] = [
    Disaster::Rebind,
    Disaster::Renumber,
    Disaster::Kill,
    Disaster::RestartServer,
    Disaster::ServerGone,
    Disaster::Blackout,
    Disaster::Cut,
    Disaster::CutOneWay,
    Disaster::ClockJump,
    Disaster::Sleep,
    Disaster::Move,
    Disaster::NoUdp,
    Disaster::Weather,
];

impl Story {
    fn new(seed: u64) -> Self {
        let mut world = World::seeded(seed);
        let mut random = Random::from_seed(world.random.array());
        let server = add_server(&mut world, Duration::from_millis(5));
        world.with(server, |machine, _| machine.server_mut().takes_streams = true);
        world.change_weather(&weather(&mut random));
        let people = [Side::Left, Side::Right].map(|side| {
            let Home { network, addresses, router } = place(&mut random).build(&mut world, side);
            let left = side == Side::Left;
            let cafe = if left { "198.51.100.200" } else { "192.0.2.200" };
            let (cafe, _) = world.add_nat(CORE, cafe, behaviour(&mut random));
            let (name, peer) = if left { ("alice", "bob") } else { ("bob", "alice") };
            let seed = random.array();
            let person = Person::start(name, peer, world.now(), seed, Remains::default());
            let host = world.add_host(network, &addresses, Machine::Person(Box::new(person)));
            Inhabitant {
                host,
                name,
                peer,
                router,
                home: (network, addresses),
                cafe: (cafe, vec![if left { "10.1.0.2" } else { "10.2.0.2" }]),
                abroad: false,
                asleep: false,
                typed: 0,
            }
        });
        let mut story = Self { world, server, people, random, politely: false };
        for who in [0, 1] {
            story.join(who);
        }
        story
    }

    fn person(&self, who: usize) -> &Person {
        self.world.host(self.people[who].host).person()
    }

    fn with<R>(&mut self, who: usize, act: impl FnOnce(&mut Person, std::time::Instant) -> R) -> R {
        let host = self.people[who].host;
        self.world.with(host, |machine, now| act(machine.person_mut(), now))
    }

    fn server_address(&self) -> SocketAddr {
        SocketAddr::new(self.world.addresses(self.server)[0], p2pchat_wire::DEFAULT_PORT)
    }

    fn join(&mut self, who: usize) {
        let hosts = host_candidates(&self.world, self.people[who].host);
        let server = self.server_address();
        self.with(who, |person, now| person.join(now, hosts, server));
    }

    /// Tells the story, then lets all be well.
    fn tell(&mut self) {
        let end = self.world.elapsed() + STORY;
        while self.world.elapsed() < end {
            self.pause(3000);
            match self.random.below(3) {
                0 => self.disaster(),
                _ => self.somebody_types(),
            }
        }
        self.make_all_well();
    }

    fn pause(&mut self, at_most_ms: u32) {
        let pause = self.random.below(at_most_ms) + 1;
        self.world.run_for(Duration::from_millis(1) * pause);
    }

    fn somebody_types(&mut self) {
        let who = self.random.below(2) as usize;
        if self.people[who].asleep {
            return;
        }
        for _ in 0..=self.random.below(4) {
            self.people[who].typed += 1;
            let line = format!("{} {}", self.people[who].name, self.people[who].typed);
            // Now and then somebody pastes pages, nearly as long as a line may be.
            let pasted = if self.random.below(12) == 0 { self.random.below(60_000) } else { 0 };
            self.world.note(format!("{} types {line:?} and {pasted} bytes", self.people[who].name));
            let text = line + &"x".repeat(pasted as usize);
            self.with(who, |person, now| person.types(now, &text));
        }
    }

    fn disaster(&mut self) {
        let who = self.random.below(2) as usize;
        let disaster = DISASTERS[self.random.below(13) as usize];
        let name = self.people[who].name;
        self.world.note(format!("disaster: {disaster:?} ({name})"));
        let [a, b] = [self.people[who].host, self.people[1 - who].host];
        match disaster {
            Disaster::Rebind => self.rebind(who),
            Disaster::Renumber => self.renumber(who),
            Disaster::Kill => self.kill(who),
            Disaster::RestartServer => self.restart_server(),
            Disaster::ServerGone => {
                let server = self.server;
                self.world.fall_asleep(server);
                self.pause(20_000);
                self.world.wake_up(server, true);
            }
            Disaster::Blackout => {
                self.world.blackout(true);
                self.pause(10_000);
                self.world.blackout(false);
            }
            Disaster::Cut => {
                self.world.sever(a, b);
                self.somebody_types();
                self.pause(20_000);
                self.world.mend(a, b);
            }
            Disaster::CutOneWay => {
                self.world.sever_one_way(a, b);
                self.somebody_types();
                self.pause(20_000);
                self.world.mend(a, b);
            }
            Disaster::ClockJump => {
                let day = 86_400_000;
                let jump = i64::from(self.random.below(2 * day)) - i64::from(day);
                self.with(who, |person, _| person.jump_clock(jump));
            }
            Disaster::Sleep => self.sleep(who),
            Disaster::Move => self.carry(who),
            Disaster::NoUdp => self.wall_off(who),
            Disaster::Weather => {
                let weather = weather(&mut self.random);
                self.world.change_weather(&weather);
            }
        }
    }

    fn rebind(&mut self, who: usize) {
        if let Some(router) = self.people[who].router {
            let router = self.world.router(router);
            router.nat.iter_mut().for_each(crate::nat::Nat::rebind);
        }
    }

    /// A home lets no UDP through for a while, or it does for once.
    fn wall_off(&mut self, who: usize) {
        let Some(router) = self.people[who].router else { return };
        let toggle = |world: &mut World<Machine>| {
            if let Some(nat) = &mut world.router(router).nat {
                nat.behaviour.udp_blocked = !nat.behaviour.udp_blocked;
            }
        };
        toggle(&mut self.world);
        self.somebody_types();
        self.pause(30_000);
        toggle(&mut self.world);
    }

    fn renumber(&mut self, who: usize) {
        let external = ["198.51.100.", "192.0.2."][who];
        let external = format!("{external}{}", 2 + self.random.below(100));
        if let Some(router) = self.people[who].router {
            let router = self.world.router(router);
            let external = external.parse().expect("an address");
            // Behind a carrier the home router's address is the carrier's to give.
            if let Some(nat) = router.nat.as_mut().filter(|nat| !is_shared(nat.external())) {
                nat.renumber(external);
            }
        }
    }

    fn kill(&mut self, who: usize) {
        let Inhabitant { host, name, peer, asleep, .. } = self.people[who];
        if asleep {
            return;
        }
        if self.politely {
            self.with(who, Person::leaves);
            self.world.run_until(2 * SECOND, "goodbye is said", |world| {
                world.host(host).person().has_left()
            });
        }
        let seed = self.random.array();
        let idle = Person::start(name, peer, self.world.now(), seed, Remains::default());
        let dead = self.world.replace(host, Machine::Person(Box::new(idle)));
        let remains = dead.into_person().kill(&mut self.random);
        self.pause(2000);
        let seed = self.random.array();
        let next = self.world.with(host, |_, now| Person::start(name, peer, now, seed, remains));
        self.world.replace(host, Machine::Person(Box::new(next)));
        self.join(who);
    }

    fn restart_server(&mut self) {
        let now = self.world.now();
        let seed = self.random.array();
        let next = self.world.host(self.server).server().restarted(now, seed);
        self.world.replace(self.server, Machine::Server(Box::new(next)));
    }

    fn sleep(&mut self, who: usize) {
        if self.people[who].asleep {
            return;
        }
        let minutes = [1, 2, 5, 60][self.random.below(4) as usize];
        let clock_ran = self.random.below(2) == 0;
        self.people[who].asleep = true;
        self.world.fall_asleep(self.people[who].host);
        self.pause(3000);
        self.somebody_types();
        self.world.run_for(60 * SECOND * minutes);
        self.world.wake_up(self.people[who].host, clock_ran);
        self.people[who].asleep = false;
        self.pause(3000);
        self.notice_network(who);
    }

    fn carry(&mut self, who: usize) {
        let Inhabitant { host, abroad, .. } = self.people[who];
        let (network, addresses) =
            if abroad { &self.people[who].home } else { &self.people[who].cafe };
        self.world.move_host(host, *network, addresses);
        self.people[who].abroad = !abroad;
        self.pause(3000);
        self.notice_network(who);
    }

    fn notice_network(&mut self, who: usize) {
        let hosts = host_candidates(&self.world, self.people[who].host);
        self.with(who, |person, now| person.network_changed(now, hosts));
    }

    fn make_all_well(&mut self) {
        self.world.change_weather(&Weather::fair(Duration::from_millis(25)));
        let people = self.people.each_ref().map(|person| person.host);
        self.world.run_until(ENDING, "every line is delivered", |world| {
            people.iter().all(|&who| world.host(who).person().is_done())
        });
        // What was delivered has been confirmed; let the last confirmations reach the disk.
        self.world.run_for(SECOND);
    }

    /// Each line exactly once and in order, and no promise broken.
    fn check(&self) {
        for (from, to) in [(0, 1), (1, 0)] {
            let (from, to) = (self.person(from), self.person(to));
            let (written, received) = (&from.disk().written, &to.disk().received);
            let labels =
                |texts: &[String]| texts.iter().map(|text| label(text).to_owned()).collect();
            let [sent, came]: [Vec<String>; 2] = [labels(written), labels(received)];
            assert_eq!(came, sent, "what was kept arrives once and in order");
            assert!(received == written, "and whole");
            assert_eq!(from.disk().delivered, written.len(), "and is known to have arrived");
            assert!(to.diary.read == *received, "what was received was read, in order");
            let has = |texts: &[String], name: &str| texts.iter().any(|text| label(text) == name);
            for name in &from.diary.queued {
                assert!(has(written, name), "{name} was said to be kept");
            }
            for name in &from.diary.delivered {
                assert!(has(received, name), "{name} was said to be delivered");
            }
            assert_eq!(from.complaints, Vec::<String>::new());
        }
    }
}

fn is_shared(address: std::net::IpAddr) -> bool {
    p2pchat_wire::address::is_local(address)
}

fn tell(seed: u64) {
    let mut story = Story::new(seed);
    story.tell();
    story.check();
}

#[test]
fn every_line_arrives_once_and_in_order_whatever_happens() {
    seeds::tell_all(500, tell);
}

#[test]
fn every_line_arrives_once_and_in_order_when_people_leave_and_come_back() {
    seeds::tell_all(100, |seed| {
        let mut story = Story::new(seed);
        story.politely = true;
        story.tell();
        story.check();
    });
}

#[test]
fn stories_that_once_failed_end_well() {
    seeds::once_failed("").for_each(tell);
}

#[test]
fn a_story_is_the_same_each_time_it_is_told() {
    let run = |seed| {
        let mut story = Story::new(seed);
        story.tell();
        (story.world.elapsed(), story.world.steps())
    };
    assert_eq!(run(4), run(4));
    assert_ne!(run(4), run(5));
}
