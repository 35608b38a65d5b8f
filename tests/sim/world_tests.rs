//! The world itself: that datagrams go where they would on the Internet, and that runs repeat.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::link::Weather;
use crate::nat::{Behaviour, Filtering, Mapping};
use crate::topology::{CORE, HostId, Network};
use crate::world::{Host, Output, Transmit, World};

/// A host that notes what it gets and says what it is told.
#[derive(Default)]
struct Parrot {
    heard: Vec<(Instant, SocketAddr, Vec<u8>)>,
    outbox: VecDeque<Transmit>,
    /// Whether everything is sent back to where it came from.
    echoes: bool,
    alarm: Option<Instant>,
    woken: Vec<Instant>,
}

impl Parrot {
    fn echo() -> Self {
        Self { echoes: true, ..Self::default() }
    }

    fn say(&mut self, to: SocketAddr, ttl: Option<u8>) {
        self.outbox.push_back(Transmit {
            source: None,
            port: 4000,
            to,
            ttl,
            segment_size: None,
            payload: b"hello".to_vec(),
        });
    }
}

impl Host for Parrot {
    fn name(&self) -> &'static str {
        "parrot"
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, local: SocketAddr, bytes: &[u8]) {
        self.heard.push((now, from, bytes.to_vec()));
        if self.echoes {
            let (port, payload) = (local.port(), bytes.to_vec());
            self.outbox.push_back(Transmit {
                source: None,
                port,
                to: from,
                ttl: None,
                segment_size: None,
                payload,
            });
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.alarm.is_some_and(|alarm| alarm <= now) {
            self.alarm = None;
            self.woken.push(now);
        }
    }

    fn poll(&mut self, _now: Instant) -> Output {
        match self.outbox.pop_front() {
            Some(transmit) => Output::Transmit(transmit),
            None => Output::Timeout(self.alarm),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const SERVER: &str = "203.0.113.10:4000";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

fn with_server(seed: u64) -> (World<Parrot>, HostId) {
    let mut world = World::seeded(seed);
    let server = world.add_host(CORE, &["203.0.113.10", "2001:db8::10"], Parrot::echo());
    (world, server)
}

fn home(world: &mut World<Parrot>, outer: Network, external: &str, host: &str) -> HostId {
    let (inner, _) = world.add_nat(outer, external, Behaviour::home());
    world.add_host(inner, &[host], Parrot::default())
}

fn say(world: &mut World<Parrot>, who: HostId, to: SocketAddr, ttl: Option<u8>) {
    world.with(who, |parrot, _| parrot.say(to, ttl));
}

fn heard_from(world: &World<Parrot>, who: HostId) -> Vec<SocketAddr> {
    world.host(who).heard.iter().map(|(_, from, _)| *from).collect()
}

#[test]
fn a_host_behind_a_nat_is_seen_under_the_routers_address_and_gets_its_answer() {
    let (mut world, server) = with_server(1);
    let alice = home(&mut world, CORE, "198.51.100.1", "192.168.1.2");
    say(&mut world, alice, at(SERVER), None);
    world.run_for(SECOND);
    assert_eq!(heard_from(&world, server), [at("198.51.100.1:4000")]);
    assert_eq!(heard_from(&world, alice), [at(SERVER)]);
}

#[test]
fn the_delay_between_any_two_networks_is_the_same() {
    let (mut world, _) = with_server(1);
    let alice = home(&mut world, CORE, "198.51.100.1", "192.168.1.2");
    let start = world.now();
    say(&mut world, alice, at(SERVER), None);
    world.run_for(SECOND);
    assert_eq!(world.host(alice).heard[0].0 - start, 2 * world.weather.delay);
}

#[test]
fn two_homes_meet_by_simultaneous_opening() {
    let (mut world, _) = with_server(1);
    let alice = home(&mut world, CORE, "198.51.100.1", "192.168.1.2");
    let bob = home(&mut world, CORE, "192.0.2.1", "192.168.2.2");
    say(&mut world, alice, at("192.0.2.1:4000"), None);
    world.run_for(SECOND);
    assert!(heard_from(&world, bob).is_empty(), "bob's router does not know alice yet");
    say(&mut world, bob, at("198.51.100.1:4000"), None);
    world.run_for(SECOND);
    assert_eq!(heard_from(&world, alice), [at("192.0.2.1:4000")]);
}

#[test]
fn a_primer_of_two_hops_opens_its_own_router_and_dies_before_the_other() {
    let (mut world, server) = with_server(1);
    let alice = home(&mut world, CORE, "198.51.100.1", "192.168.1.2");
    let (inner, _) = world.add_nat(CORE, "192.0.2.1", Behaviour::open());
    let bob = world.add_host(inner, &["192.168.2.2"], Parrot::default());
    say(&mut world, bob, at(SERVER), None);
    world.run_for(SECOND);
    assert_eq!(heard_from(&world, server), [at("192.0.2.1:4000")]);

    say(&mut world, alice, at("192.0.2.1:4000"), Some(2));
    world.run_for(SECOND);
    say(&mut world, bob, at("198.51.100.1:4000"), None);
    world.run_for(SECOND);
    assert_eq!(heard_from(&world, alice), [at("192.0.2.1:4000")], "bob's port is not spoilt");
}

#[test]
fn without_a_primer_an_open_router_loses_its_port_to_the_first_datagram() {
    let (mut world, _) = with_server(1);
    let alice = home(&mut world, CORE, "198.51.100.1", "192.168.1.2");
    let (inner, _) = world.add_nat(CORE, "192.0.2.1", Behaviour::open());
    let bob = world.add_host(inner, &["192.168.2.2"], Parrot::default());
    say(&mut world, bob, at(SERVER), None);
    say(&mut world, alice, at("192.0.2.1:4000"), None);
    world.run_for(SECOND);
    say(&mut world, bob, at("198.51.100.1:4000"), None);
    world.run_for(SECOND);
    assert!(heard_from(&world, alice).is_empty(), "bob left from a port that alice's filter bars");
}

#[test]
fn two_homes_behind_one_carrier_meet_only_if_it_turns_datagrams_round() {
    for hairpin in [false, true] {
        let (mut world, server) = with_server(1);
        let carrier = Behaviour { hairpin, ..Behaviour::home() };
        let (inside, _) = world.add_nat(CORE, "198.18.0.1", carrier);
        let alice = home(&mut world, inside, "100.64.0.2", "192.168.3.2");
        let bob = home(&mut world, inside, "100.64.0.3", "192.168.4.2");
        for who in [alice, bob] {
            say(&mut world, who, at(SERVER), None);
            world.run_for(SECOND);
        }
        let seen = heard_from(&world, server);
        for (who, other) in [(alice, seen[1]), (bob, seen[0]), (alice, seen[1])] {
            say(&mut world, who, other, None);
            world.run_for(SECOND);
        }
        assert_eq!(heard_from(&world, alice).contains(&seen[1]), hairpin);
        assert_eq!(heard_from(&world, bob).contains(&seen[0]), hairpin);
    }
}

#[test]
fn hosts_of_one_home_meet_without_the_router() {
    let (mut world, _) = with_server(1);
    let (inner, _) = world.add_nat(CORE, "198.51.100.1", Behaviour::home());
    let alice = world.add_host(inner, &["192.168.1.2"], Parrot::default());
    let bob = world.add_host(inner, &["192.168.1.3"], Parrot::default());
    say(&mut world, alice, at("192.168.1.3:4000"), None);
    world.run_for(SECOND);
    assert_eq!(heard_from(&world, bob), [at("192.168.1.2:4000")]);
}

#[test]
fn ipv6_passes_the_firewall_once_both_sides_have_opened_it() {
    let (mut world, _) = with_server(1);
    let dual = |world: &mut World<Parrot>, external, prefix, host: &str| {
        let nat = Behaviour::symmetric();
        let (inner, _) = world.add_dual_stack(CORE, external, nat, prefix, Behaviour::firewall());
        world.add_host(inner, &[host], Parrot::default())
    };
    let alice = dual(&mut world, "198.51.100.1", "2001:db8:1::", "2001:db8:1::2");
    let bob = dual(&mut world, "192.0.2.1", "2001:db8:2::", "2001:db8:2::2");
    say(&mut world, alice, at("[2001:db8:2::2]:4000"), None);
    world.run_for(SECOND);
    assert!(heard_from(&world, bob).is_empty());
    say(&mut world, bob, at("[2001:db8:1::2]:4000"), None);
    world.run_for(SECOND);
    assert_eq!(heard_from(&world, alice), [at("[2001:db8:2::2]:4000")]);
}

#[test]
fn a_network_that_blocks_udp_lets_nothing_out() {
    let (mut world, server) = with_server(1);
    let blocked = Behaviour { udp_blocked: true, ..Behaviour::home() };
    let (inner, _) = world.add_nat(CORE, "198.51.100.1", blocked);
    let alice = world.add_host(inner, &["192.168.1.2"], Parrot::default());
    say(&mut world, alice, at(SERVER), None);
    world.run_for(SECOND);
    assert!(heard_from(&world, server).is_empty());
}

#[test]
fn hosts_that_are_cut_apart_still_reach_others() {
    let (mut world, server) = with_server(1);
    let alice = world.add_host(CORE, &["198.51.100.1"], Parrot::default());
    let bob = world.add_host(CORE, &["192.0.2.1"], Parrot::default());
    world.sever(alice, bob);
    say(&mut world, alice, at("192.0.2.1:4000"), None);
    say(&mut world, alice, at(SERVER), None);
    world.run_for(SECOND);
    assert_eq!((world.arrivals(alice, bob), world.arrivals(alice, server)), (0, 1));
    world.mend(alice, bob);
    say(&mut world, alice, at("192.0.2.1:4000"), None);
    world.run_for(SECOND);
    assert_eq!(world.arrivals(alice, bob), 1);
}

#[test]
fn a_host_can_be_mute_to_another_that_it_still_hears() {
    let mut world = World::seeded(1);
    let alice = world.add_host(CORE, &["198.51.100.1"], Parrot::default());
    let bob = world.add_host(CORE, &["192.0.2.1"], Parrot::default());
    world.sever_one_way(alice, bob);
    say(&mut world, alice, at("192.0.2.1:4000"), None);
    say(&mut world, bob, at("198.51.100.1:4000"), None);
    world.run_for(SECOND);
    let heard: Vec<_> = world.hosts().map(|parrot| parrot.heard.len()).collect();
    assert_eq!(heard, [1, 0]);
}

#[test]
fn an_eavesdropper_sees_what_crosses_the_core_as_the_core_sees_it() {
    let (mut world, _) = with_server(1);
    let alice = home(&mut world, CORE, "198.51.100.1", "192.168.1.2");
    world.eavesdrop();
    say(&mut world, alice, at(SERVER), None);
    world.run_for(SECOND);
    let seen: Vec<_> = world.overheard().iter().map(|packet| (packet.from, packet.to)).collect();
    let outside = at("198.51.100.1:4000");
    assert_eq!(seen, [(outside, at(SERVER)), (at(SERVER), outside)]);
}

#[test]
fn in_a_blackout_nothing_passes_anywhere() {
    let (mut world, server) = with_server(1);
    let alice = world.add_host(CORE, &["198.51.100.1"], Parrot::default());
    world.blackout(true);
    say(&mut world, alice, at(SERVER), None);
    world.run_for(SECOND);
    world.blackout(false);
    say(&mut world, alice, at(SERVER), None);
    world.run_until(SECOND, "the second arrives", |world| world.arrivals(alice, server) == 1);
}

#[test]
fn a_host_that_moves_is_seen_from_where_it_is() {
    let (mut world, server) = with_server(1);
    let alice = home(&mut world, CORE, "198.51.100.1", "192.168.1.2");
    say(&mut world, alice, at(SERVER), None);
    world.run_for(SECOND);
    world.move_host(alice, CORE, &["192.0.2.77"]);
    assert_eq!(world.addresses(alice), [at("192.0.2.77:0").ip()]);
    say(&mut world, alice, at(SERVER), None);
    world.run_for(SECOND);
    assert_eq!(heard_from(&world, server), [at("198.51.100.1:4000"), at("192.0.2.77:4000")]);
}

#[test]
fn a_host_that_is_replaced_has_forgotten_everything() {
    let (mut world, server) = with_server(1);
    let alice = world.add_host(CORE, &["198.51.100.1"], Parrot::default());
    say(&mut world, alice, at(SERVER), None);
    world.run_for(SECOND);
    assert_eq!(world.replace(alice, Parrot::default()).heard.len(), 1);
    assert!(world.host(alice).heard.is_empty());
    assert_eq!(world.host(server).heard.len(), 1);
}

#[test]
fn a_sleeping_host_hears_nothing_and_its_clock_stands_still() {
    for clock_ran in [false, true] {
        let (mut world, _) = with_server(1);
        let alice = world.add_host(CORE, &["198.51.100.1"], Parrot::default());
        let bob = world.add_host(CORE, &["192.0.2.1"], Parrot::default());
        let start = world.now();
        world.with(bob, |bob, now| bob.alarm = Some(now + 10 * SECOND));
        world.fall_asleep(bob);
        say(&mut world, alice, at("192.0.2.1:4000"), None);
        world.run_for(100 * SECOND);
        assert!(world.host(bob).heard.is_empty() && world.host(bob).woken.is_empty());
        world.wake_up(bob, clock_ran);
        world.run_for(SECOND);
        let woken = if clock_ran { vec![start + 100 * SECOND] } else { vec![] };
        assert_eq!(world.host(bob).woken, woken);
        world.run_for(10 * SECOND);
        assert_eq!(world.host(bob).woken.len(), 1);
    }
}

#[test]
fn a_forged_source_reaches_an_open_host_and_the_answer_goes_to_the_victim() {
    let (mut world, server) = with_server(1);
    let eve = world.add_host(CORE, &["192.0.2.66"], Parrot::default());
    let victim = world.add_host(CORE, &["192.0.2.1"], Parrot::default());
    world.inject(eve, at("192.0.2.1:4000"), at(SERVER), b"forged");
    world.run_for(SECOND);
    assert_eq!(heard_from(&world, server), [at("192.0.2.1:4000")]);
    assert_eq!(world.host(victim).heard.len(), 1);
}

#[test]
fn equal_seeds_give_equal_runs_and_different_seeds_do_not() {
    let run = |seed| {
        let (mut world, server) = with_server(seed);
        let nat = Behaviour::new(Mapping::AddressDependent, Filtering::AddressDependent);
        world.change_weather(&Weather {
            jitter: Duration::from_millis(30),
            ..Weather::foul(Duration::from_millis(20))
        });
        let (inner, router) = world.add_nat(CORE, "198.51.100.1", nat);
        let alice = world.add_host(inner, &["192.168.1.2"], Parrot::default());
        for _ in 0..50 {
            say(&mut world, alice, at(SERVER), None);
            world.run_for(Duration::from_millis(10));
        }
        world.router(router).nat.as_mut().expect("it has one").rebind();
        for _ in 0..50 {
            say(&mut world, alice, at(SERVER), None);
            world.run_for(Duration::from_millis(10));
        }
        world.run_for(SECOND);
        (world.steps(), world.host(server).heard.clone())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
