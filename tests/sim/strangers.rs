//! Callers whom nobody knows: a crowd that calls one person at the same time, each of whom says a lot; and one
//! who is accepted in the middle of what he says.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat::chat::record::{Line, Record};
use p2pchat::chat::{Audience, MAX_REQUESTS, Manner};
use p2pchat::proto::{Command, Policy, ServerId};
use p2pchat_wire::DEFAULT_PORT;
use p2pchat_wire::random::Random;

use crate::chance::{place, weather};
use crate::link::Weather;
use crate::machine::Machine;
use crate::person::{Person, Remains};
use crate::scene::{Home, Side, add_server, host_candidates};
use crate::seeds;
use crate::talker::{Talker, named};
use crate::topology::{CORE, HostId};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// More than may wait.
const CROWD: usize = MAX_REQUESTS + 16;

/// What each of them says.
const LINES: u64 = 20;

/// A caller's program, which obeys nobody, at an address of its own.
fn caller(world: &mut World<Machine>, number: usize, server: SocketAddr) -> HostId {
    let name: &'static str = format!("caller{number}").leak();
    let seed = world.random.array();
    let talker = Talker::new(name, world.now(), seed, Policy::Any);
    let address = format!("45.{number}.0.2");
    let who = world.add_host(CORE, &[&address], Machine::Talker(Box::new(talker)));
    let hosts = host_candidates(world, who);
    world.with(who, |machine, now| {
        let (addresses, key, token) = (vec![server], None, None);
        for command in [
            Command::SetHostCandidates(hosts),
            Command::Register(named(name)),
            Command::Connect(named("alice").into()),
            Command::UseRendezvous { server: ServerId::FIRST, addresses, key, token },
        ] {
            machine.talker_mut().command(now, command);
        }
        for seq in 1..=LINES {
            let line = Line {
                log: 1,
                seq,
                id: [u8::try_from(seq).expect("few"); 16],
                sent_at_ms: 1,
                audience: Audience::You,
                text: format!("buy now, says {name}"),
                manner: Manner::Text,
            };
            machine.talker_mut().say(now, &Record::Line(line).encode());
        }
    });
    who
}

fn join(world: &mut World<Machine>, who: HostId, server: SocketAddr) {
    let hosts = host_candidates(world, who);
    world.with(who, |machine, now| machine.person_mut().join(now, hosts, server));
}

#[test]
fn a_crowd_of_strangers_fills_neither_screen_nor_disk_and_keeps_no_friend_away() {
    let mut world = World::<Machine>::seeded(1);
    let server = add_server(&mut world, Duration::from_millis(5));
    let at = SocketAddr::new(world.addresses(server)[0], DEFAULT_PORT);
    let seed = world.random.array();
    let alice = Person::reachable("alice", world.now(), seed, Remains::default());
    let alice = world.add_host(CORE, &["198.51.100.2"], Machine::Person(Box::new(alice)));
    join(&mut world, alice, at);
    world.run_for(SECOND);
    let crowd: Vec<HostId> = (1..=CROWD).map(|number| caller(&mut world, number, at)).collect();
    world.run_for(30 * SECOND);
    let person = world.host(alice).person();
    assert_eq!(person.diary.read, [""; 0]);
    assert_eq!(person.asked, 5, "then one a minute");
    let disk = person.disk().snapshot();
    assert_eq!((disk.contacts.len(), disk.unshown.len()), (0, 0));
    assert_eq!(disk.requests.len(), MAX_REQUESTS);
    // Nobody was told that anything has arrived.
    let heard = |who: &HostId| world.host(*who).talker().heard.clone();
    let answers: Vec<_> = crowd.iter().flat_map(heard).collect();
    let pending = Record::Pending.encode();
    assert!(answers.iter().all(|(_, message)| *message == pending));
    assert!((1..=CROWD).contains(&answers.len()));

    // Bob, whom she knows as little, finds no place, until she calls him.
    let seed = world.random.array();
    let bob = Person::start("bob", "alice", world.now(), seed, Remains::default());
    let bob = world.add_host(CORE, &["192.0.2.2"], Machine::Person(Box::new(bob)));
    join(&mut world, bob, at);
    world.with(bob, |machine, now| machine.person_mut().types(now, "shall we eat together?"));
    world.run_for(10 * SECOND);
    assert_eq!(world.host(alice).person().diary.read, [""; 0]);
    world.with(alice, |machine, now| machine.person_mut().commands(now, "/msg bob"));
    world.run_until(60 * SECOND, "his line arrives", |world| {
        world.host(bob).person().diary.delivered.len() == 1
    });
    assert_eq!(world.host(alice).person().diary.read, ["shall we eat together?"]);
    // One of the crowd may be somebody she wants to hear: all that it said comes then, and once.
    let name = world.host(alice).person().disk().snapshot().requests[0].address.name.to_string();
    world.with(alice, |machine, now| {
        machine.person_mut().commands(now, &format!("/accept {name}"));
    });
    world.run_for(SECOND);
    let again = |(_, message): &(_, Vec<u8>)| {
        matches!(Record::decode(message), Ok(Some(Record::Again { log: 1, after: 0 })))
    };
    let called = |who: &&HostId| world.host(**who).talker().heard.iter().any(again);
    assert_eq!(crowd.iter().filter(called).count(), 1, "it is asked to repeat");
    assert_eq!(world.host(alice).person().complaints, [""; 0]);
}

/// Bob calls Alice, who does not know him, and talks; sooner or later she accepts him.
struct Acquaintance {
    world: World<Machine>,
    at: SocketAddr,
    alice: HostId,
    bob: HostId,
    random: Random,
    /// Lines typed by each.
    typed: [u32; 2],
}

impl Acquaintance {
    fn new(seed: u64) -> Self {
        let mut world = World::<Machine>::seeded(seed);
        let mut random = Random::from_seed(world.random.array());
        let server = add_server(&mut world, Duration::from_millis(5));
        world.with(server, |machine, _| machine.server_mut().takes_streams = true);
        world.change_weather(&weather(&mut random));
        let at = SocketAddr::new(world.addresses(server)[0], DEFAULT_PORT);
        let [alice, bob] = [Side::Left, Side::Right].map(|side| {
            let Home { network, addresses, .. } = place(&mut random).build(&mut world, side);
            let (now, seed) = (world.now(), random.array());
            let person = match side {
                Side::Left => Person::reachable("alice", now, seed, Remains::default()),
                Side::Right => Person::start("bob", "alice", now, seed, Remains::default()),
            };
            let who = world.add_host(network, &addresses, Machine::Person(Box::new(person)));
            join(&mut world, who, at);
            who
        });
        Self { world, at, alice, bob, random, typed: [0; 2] }
    }

    fn person(&self, who: HostId) -> &Person {
        self.world.host(who).person()
    }

    fn bob_types(&mut self) {
        self.typed[1] += 1;
        let line = format!("bob {}", self.typed[1]);
        self.world.note(format!("bob types {line:?}"));
        self.world.with(self.bob, |machine, now| machine.person_mut().types(now, &line));
    }

    /// There are three ways to accept somebody.
    fn alice_decides(&mut self) {
        let command = match self.random.below(3) {
            0 => {
                self.typed[0] += 1;
                let line = format!("alice {}", self.typed[0]);
                self.world.note(format!("alice types {line:?} to bob"));
                return self.world.with(self.alice, |machine, now| {
                    machine.person_mut().types_to(now, Some("bob"), &line);
                });
            }
            // She was told of him, and has not decided yet.
            1 if !self.person(self.alice).disk().snapshot().requests.is_empty() => "/accept bob",
            _ => "/msg bob",
        };
        self.world.note(format!("alice types {command}"));
        self.world.with(self.alice, |machine, now| machine.person_mut().commands(now, command));
    }

    fn alice_is_killed(&mut self) {
        self.world.note("alice is killed".to_owned());
        let seeds = [self.random.array(), self.random.array()];
        let idle = Person::reachable("alice", self.world.now(), seeds[0], Remains::default());
        let dead = self.world.replace(self.alice, Machine::Person(Box::new(idle)));
        let remains = dead.into_person().kill(&mut self.random);
        let next = Person::reachable("alice", self.world.now(), seeds[1], remains);
        self.world.replace(self.alice, Machine::Person(Box::new(next)));
        join(&mut self.world, self.alice, self.at);
    }

    fn tell(&mut self) {
        for _ in 0..40 {
            let pause = self.random.below(400);
            self.world.run_for(Duration::from_millis(1) * pause);
            match self.random.below(20) {
                0 => self.alice_is_killed(),
                1 | 2 => self.alice_decides(),
                3..14 => self.bob_types(),
                _ => {}
            }
        }
        self.world.change_weather(&Weather::fair(Duration::from_millis(25)));
        self.world.with(self.alice, |machine, now| machine.person_mut().commands(now, "/msg bob"));
        let people = [self.alice, self.bob];
        self.world.run_until(240 * SECOND, "every line is delivered", |world| {
            people.iter().all(|&who| world.host(who).person().is_done())
        });
        self.world.run_for(SECOND);
    }

    fn check(&self) {
        for (from, to) in [(self.alice, self.bob), (self.bob, self.alice)] {
            let (from, to) = (self.person(from), self.person(to));
            assert_eq!(to.disk().received, from.disk().written, "once, and in order");
            assert_eq!(to.diary.read, to.disk().received, "what was received was read");
            assert_eq!(from.disk().delivered, from.disk().written.len());
            assert_eq!(from.complaints, [""; 0]);
        }
    }
}

#[test]
fn whoever_is_accepted_in_the_middle_of_what_he_says_is_heard_from_the_beginning() {
    seeds::tell_all(100, |seed| {
        let mut story = Acquaintance::new(seed);
        story.tell();
        story.check();
    });
}
