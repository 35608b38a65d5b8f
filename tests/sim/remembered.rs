//! What a chat has learned of its router is on its disk, and the next one begins with it.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_wire::DEFAULT_PORT;

use crate::machine::Machine;
use crate::nat::{Behaviour, Ports};
use crate::person::{Person, Remains};
use crate::scene::{Home, Place, Side, add_server, host_candidates};
use crate::topology::HostId;
use crate::world::{Host, World};

const SECOND: Duration = Duration::from_secs(1);

/// By then everything is learned.
const LEARNED: Duration = Duration::from_secs(420);

/// Two people who chat through routers, and whose programs end now and then.
struct Chats {
    world: World<Machine>,
    server: HostId,
    people: [HostId; 2],
}

impl Chats {
    fn new(seed: u64, router: &Behaviour) -> Self {
        let mut world = World::seeded(seed);
        let server = add_server(&mut world, Duration::ZERO);
        let people = [Side::Left, Side::Right].map(|side| {
            let place = Place::Behind(router.clone());
            let Home { network, addresses, .. } = place.build(&mut world, side);
            let (name, peer) = if side == Side::Left { ("alice", "bob") } else { ("bob", "alice") };
            let seed = world.random.array();
            let person = Person::start(name, peer, world.now(), seed, Remains::default());
            world.add_host(network, &addresses, Machine::Person(Box::new(person)))
        });
        let mut chats = Self { world, server, people };
        people.iter().for_each(|who| chats.join(*who));
        chats
    }

    fn join(&mut self, who: HostId) {
        let hosts = host_candidates(&self.world, who);
        let server = SocketAddr::new(self.world.addresses(self.server)[0], DEFAULT_PORT);
        self.world.with(who, |machine, now| machine.person_mut().join(now, hosts, server));
    }

    fn restart_both(&mut self) {
        for who in self.people {
            self.restart(who);
        }
    }

    /// The program is killed and started again, with what is on its disk.
    fn restart(&mut self, who: HostId) {
        let (now, seed) = (self.world.now(), self.world.random.array());
        let (name, peer) = if who == self.people[0] { ("alice", "bob") } else { ("bob", "alice") };
        let nobody = Person::start(name, peer, now, seed, Remains::default());
        let dead = self.world.replace(who, Machine::Person(Box::new(nobody)));
        let remains = dead.into_person().kill(&mut self.world.random);
        let next = Person::start(name, peer, now, seed, remains);
        self.world.replace(who, Machine::Person(Box::new(next)));
        self.join(who);
    }

    fn person(&self, who: HostId) -> &Person {
        self.world.host(who).person()
    }

    /// A line each way each `pause`; how long the slowest took.
    fn talk(&mut self, lines: std::ops::Range<u32>, pause: Duration) -> Duration {
        let mut slowest = Duration::ZERO;
        for line in lines {
            for (from, to) in [(0, 1), (1, 0)] {
                let (from, to) = (self.people[from], self.people[to]);
                let text = format!("{} {line}", self.person(from).name());
                let typed = self.world.now();
                self.world.with(from, |machine, now| machine.person_mut().types(now, &text));
                self.world.run_until(60 * SECOND, "the line is read", |world| {
                    world.host(to).person().diary.read.last() == Some(&text)
                });
                slowest = slowest.max(self.world.now() - typed);
            }
            self.world.run_for(pause);
        }
        slowest
    }
}

#[test]
fn the_next_chat_knows_at_what_age_the_carrier_ends_mappings_and_is_gone_before() {
    let carrier =
        Behaviour { absolute: Some(60 * SECOND), ports: Ports::Random, ..Behaviour::home() };
    let mut chats = Chats::new(400, &carrier);
    let untaught = chats.talk(0..100, SECOND);
    chats.world.run_for(LEARNED);
    for who in chats.people {
        let snapshot = chats.person(who).disk().snapshot();
        let ages: Vec<_> = snapshot.ages.iter().map(|limit| limit.age.as_secs()).collect();
        assert!(matches!(ages[..], [50..=60]), "{ages:?}");
    }
    chats.restart_both();
    chats.talk(100..105, SECOND);
    // Longer than a mapping lives, and than it took to learn how long that is.
    let taught = chats.talk(105..1000, SECOND);
    println!("the slowest line took {untaught:?} at first, {taught:?} after the restart");
    assert!(taught < untaught);
    assert!(taught <= Duration::from_millis(40), "the way, and the disks: {taught:?}");
    for who in chats.people {
        assert_eq!(chats.person(who).diary.read.len(), 1000);
        assert!(chats.person(who).complaints.is_empty());
    }
}

#[test]
fn the_next_chat_knows_how_long_the_router_remembers_what_is_silent() {
    let router = Behaviour { idle: 120 * SECOND, ports: Ports::Random, ..Behaviour::home() };
    let mut chats = Chats::new(401, &router);
    let [alice, _] = chats.people;
    let quiet = |chats: &mut Chats| {
        chats.world.run_for(5 * SECOND);
        let before = chats.world.arrivals(alice, chats.server);
        chats.world.run_for(50 * SECOND);
        chats.world.arrivals(alice, chats.server) - before
    };
    let untaught = quiet(&mut chats);
    chats.world.run_for(LEARNED);
    chats.restart_both();
    let taught = quiet(&mut chats);
    println!("{untaught} datagrams to the server in 50 s at first, {taught} after the restart");
    assert!(taught < untaught);
    for who in chats.people {
        let snapshot = chats.person(who).disk().snapshot();
        let limits: Vec<_> = snapshot.idle.iter().map(|limit| limit.idle).collect();
        assert_eq!(limits, [60 * SECOND]);
        assert_eq!(snapshot.ages, []);
    }
}
