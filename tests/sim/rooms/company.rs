//! Eight people in places of their own, and the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat::chat::storage::Contact;
use p2pchat::chat::{Address, Regard, Timestamp};
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::random::Random;

use crate::chance::behaviour;
use crate::link::Weather;
use crate::machine::Machine;
use crate::person::{Person, RENDEZVOUS, Remains};
use crate::scene::{Home, add_server, behind, host_candidates, key_of};
use crate::talker::{STARTED_AT_MS, named};
use crate::topology::{CORE, HostId, RouterId};
use crate::world::World;

/// Who they are. The first two know everybody's key.
pub(super) const PEOPLE: [&str; 8] =
    ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

/// The room they talk in.
pub(super) const ROOM: &str = "#tea";

/// How it is called in notices.
pub(super) fn room() -> Address {
    Address::room(named("tea"), RENDEZVOUS)
}

/// The number of whoever has this key.
pub(super) fn number_of(key: PeerId) -> usize {
    PEOPLE.iter().position(|name| key_of(name) == key).expect("one of the eight")
}

/// All of them.
pub(super) struct Company {
    pub(super) world: World<Machine>,
    pub(super) server: HostId,
    pub(super) random: Random,
    inhabitants: Vec<Inhabitant>,
}

struct Inhabitant {
    host: HostId,
    router: Option<RouterId>,
    /// While the program does not run.
    remains: Option<Remains>,
}

impl Company {
    /// They are at home; nobody's program runs. Some `know` all others.
    pub(super) fn new(seed: u64, know: &[usize]) -> Self {
        let mut world = World::seeded(seed);
        let random = Random::from_seed(world.random.array());
        let server = add_server(&mut world, Duration::from_millis(5));
        world.with(server, |machine, _| machine.server_mut().takes_streams = true);
        let mut company = Self { world, server, random, inhabitants: Vec::new() };
        for number in 0..PEOPLE.len() {
            let Home { network, addresses, router } = company.home(number);
            let mut remains = Remains::default();
            if know.contains(&number) {
                others(number).for_each(|other| remains.disk.knows(contact(other)));
            }
            let idle = company.idle(number);
            let host = company.world.add_host(network, &addresses, idle);
            company.inhabitants.push(Inhabitant { host, router, remains: Some(remains) });
        }
        company
    }

    fn home(&mut self, number: usize) -> Home {
        let public: &'static str = format!("198.51.100.{}", number + 1).leak();
        let inside: &'static str = format!("192.168.{}.2", number + 1).leak();
        if self.random.below(4) == 0 {
            return Home { network: CORE, addresses: vec![public], router: None };
        }
        let behaviour = behaviour(&mut self.random);
        behind(&mut self.world, CORE, public, behaviour, inside)
    }

    /// A program that was never started.
    fn idle(&self, number: usize) -> Machine {
        let (now, remains) = (self.world.now(), Remains::default());
        Machine::Person(Box::new(Person::reachable(PEOPLE[number], now, [0; 32], remains)))
    }

    pub(super) fn host(&self, number: usize) -> HostId {
        self.inhabitants[number].host
    }

    pub(super) fn person(&self, number: usize) -> &Person {
        self.world.host(self.host(number)).person()
    }

    pub(super) fn runs(&self, number: usize) -> bool {
        self.inhabitants[number].remains.is_none()
    }

    /// Does something with somebody whose program runs.
    pub(super) fn with<R>(
        &mut self,
        number: usize,
        act: impl FnOnce(&mut Person, Instant) -> R,
    ) -> R {
        assert!(self.runs(number), "{} is not there", PEOPLE[number]);
        let host = self.host(number);
        self.world.with(host, |machine, now| act(machine.person_mut(), now))
    }

    pub(super) fn command(&mut self, number: usize, line: &str) {
        self.world.note(format!("{} types {line}", PEOPLE[number]));
        self.with(number, |person, now| person.commands(now, line));
    }

    /// Starts somebody's program.
    pub(super) fn start(&mut self, number: usize) {
        let Some(remains) = self.inhabitants[number].remains.take() else { return };
        let (host, seed) = (self.host(number), self.random.array());
        let next =
            self.world.with(host, |_, now| Person::reachable(PEOPLE[number], now, seed, remains));
        self.world.replace(host, Machine::Person(Box::new(next)));
        let candidates = host_candidates(&self.world, host);
        let server = self.world.addresses(self.server)[0];
        let server = SocketAddr::new(server, p2pchat_wire::DEFAULT_PORT);
        self.with(number, |person, now| person.join(now, candidates, server));
    }

    /// Kills somebody's program.
    pub(super) fn kill(&mut self, number: usize) {
        if self.runs(number) {
            let idle = self.idle(number);
            let dead = self.world.replace(self.host(number), idle);
            let remains = dead.into_person().kill(&mut self.random);
            self.inhabitants[number].remains = Some(remains);
        }
    }

    /// The router in front of somebody forgets its mappings.
    pub(super) fn rebind(&mut self, number: usize) {
        if let Some(router) = self.inhabitants[number].router {
            let router = self.world.router(router);
            router.nat.iter_mut().for_each(crate::nat::Nat::rebind);
        }
    }

    /// The server dies and is started again.
    pub(super) fn restart_server(&mut self) {
        let (now, seed) = (self.world.now(), self.random.array());
        let next = self.world.host(self.server).server().restarted(now, seed);
        self.world.replace(self.server, Machine::Server(Box::new(next)));
    }

    /// Nothing passes between those who are in `apart` and all others, the server as well if it `counts`.
    pub(super) fn divide(&mut self, apart: u32, counts: bool) {
        self.between(apart, counts, World::sever);
    }

    /// Everything passes again.
    pub(super) fn unite(&mut self, apart: u32, counts: bool) {
        self.between(apart, counts, World::mend);
    }

    fn between(&mut self, apart: u32, counts: bool, act: fn(&mut World<Machine>, HostId, HostId)) {
        let is_apart = |number: &usize| apart & (1 << number) != 0;
        let (these, those): (Vec<usize>, Vec<usize>) = (0..PEOPLE.len()).partition(is_apart);
        let hosts = |all: Vec<usize>| all.into_iter().map(|one| self.host(one)).collect();
        let (these, mut those): (Vec<HostId>, Vec<HostId>) = (hosts(these), hosts(those));
        those.extend(counts.then_some(self.server));
        for one in these {
            those.iter().for_each(|other| act(&mut self.world, one, *other));
        }
    }

    /// The weather clears and everybody is there.
    pub(super) fn make_all_well(&mut self) {
        self.world.note("all is well".to_owned());
        self.world.change_weather(&Weather::fair(Duration::from_millis(25)));
        (0..PEOPLE.len()).for_each(|number| self.start(number));
    }

    pub(super) fn pause(&mut self, at_most_ms: u32) {
        let pause = self.random.below(at_most_ms) + 1;
        self.world.run_for(Duration::from_millis(1) * pause);
    }

    /// One of the eight.
    pub(super) fn anybody(&mut self) -> usize {
        self.random.below(8) as usize
    }

    /// Whether something happens that happens once in `count` times.
    pub(super) fn once_in(&mut self, count: u32) -> bool {
        self.random.below(count) == 0
    }
}

/// All others.
pub(super) fn others(number: usize) -> impl Iterator<Item = usize> {
    (0..PEOPLE.len()).filter(move |other| *other != number)
}

/// What is known of somebody whom one has met.
fn contact(number: usize) -> Contact {
    Contact {
        address: Address::new(named(PEOPLE[number]), RENDEZVOUS),
        key: Some(key_of(PEOPLE[number])),
        verified: false,
        offered: None,
        log: number as u64 + 1,
        last_seq: 0,
        waiting: 0,
        unread: 0,
        since: Timestamp(STARTED_AT_MS),
        is_new: false,
        regard: Regard::default(),
    }
}
