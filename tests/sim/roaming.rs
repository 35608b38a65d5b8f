//! How soon a chat is heard again after a NAT has forgotten it: exact, because time is virtual.

use std::time::Duration;

use p2pchat::proto::{Command, Event, PathKind};

use crate::nat::{Behaviour, Ports};
use crate::scene::{Place, Scene};
use crate::talker::Talker;
use crate::topology::{HostId, RouterId};

const SECOND: Duration = Duration::from_secs(1);

const MILLISECOND: Duration = Duration::from_millis(1);

/// One way between any two networks.
const WAY: Duration = Duration::from_millis(25);

/// A round trip over the relay.
const RELAYED: Duration = Duration::from_millis(4 * 25);

/// What there is beside the round trip: the other side's delay before it acknowledges, and timers.
const MARGIN: Duration = Duration::from_millis(50);

/// How often a path is probed: nobody can reach a host that a NAT has forgotten before it sends.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// How soon a laptop that slept has its sessions again.
const AWAKE: Duration = Duration::from_secs(2);

/// Changes of an endpoint in one chat.
const REBINDINGS: u32 = 1000;

fn two_homes(seed: u64) -> Scene {
    Scene::new(seed, Place::Behind(Behaviour::home()), Place::Behind(Behaviour::home()))
}

/// How long after now `who` has heard one line more than `before`.
fn until_heard(scene: &mut Scene, who: HostId, before: usize) -> Duration {
    scene.world.run_until(60 * SECOND, "the line arrives", |world| {
        world.host(who).talker().heard.len() > before
    })
}

fn ends(talker: &Talker) -> usize {
    let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
    talker.events.iter().filter(|(_, event)| ended(event)).count()
}

fn beginnings(talker: &Talker) -> usize {
    let began = |event: &Event| matches!(event, Event::Connected { .. });
    talker.events.iter().filter(|(_, event)| began(event)).count()
}

/// Worlds of rebindings. In the first they come one at a time; in the others both NATs once forget
/// within one recovery.
const WORLDS: [u64; 4] = [20, 54, 123, 133];

#[test]
fn a_thousand_rebindings_lose_no_line_and_delay_the_next_by_no_more_than_a_round_trip() {
    for seed in WORLDS {
        let (scene, worst) = rebound(seed);
        println!("{seed}: line, answer, direct again after {worst:?} at most");
        // The line: what the missing acknowledgement takes to be noticed, which is a round trip on the
        // direct path and a margin, and the way over the relay. Its answer, and then the probes that
        // make both sides sure of a direct path, have less to wait for.
        assert!(worst.iter().all(|took| *took <= RELAYED + MARGIN), "{seed}: {worst:?}");
        let told: Vec<_> = (0..REBINDINGS).map(|round| round.to_string()).collect();
        for who in [scene.alice, scene.bob] {
            assert_eq!(scene.heard(who), told);
            assert_eq!(ends(scene.talker(who)), 0);
        }
    }
}

/// A chat in which one or the other NAT forgets its mapping again and again; how long the next line, its
/// answer, and after that a direct path took at most.
fn rebound(seed: u64) -> (Scene, [Duration; 3]) {
    let mut scene = two_homes(seed);
    scene.meet(PathKind::Direct);
    let mut worst = [Duration::ZERO; 3];
    for round in 0..REBINDINGS {
        let pause = scene.world.random.below(15_000) * MILLISECOND;
        scene.world.run_for(pause);
        let moves_alice = scene.world.random.below(2) == 0;
        let (mover, other, router) = if moves_alice {
            (scene.alice, scene.bob, scene.routers[0])
        } else {
            (scene.bob, scene.alice, scene.routers[1])
        };
        scene.rebind(router.expect("there is one"));
        // Some speak at once, some after the keepalive has noticed.
        let pause = scene.world.random.below(15_000) * MILLISECOND;
        scene.world.run_for(pause);
        let before = scene.talker(other).heard.len();
        scene.say(mover, &format!("{round}"));
        let line = until_heard(&mut scene, other, before);
        let before = scene.talker(mover).heard.len();
        scene.say(other, &format!("{round}"));
        let answer = until_heard(&mut scene, mover, before);
        let path = scene.wait_for_path(60 * SECOND, PathKind::Direct);
        worst
            .iter_mut()
            .zip([line, answer, path])
            .for_each(|(worst, took)| *worst = took.max(*worst));
    }
    (scene, worst)
}

#[test]
fn a_line_to_somebody_whom_a_router_has_forgotten_waits_for_no_more_than_a_keepalive() {
    for seed in 30..40 {
        let mut scene = two_homes(seed);
        scene.meet(PathKind::Direct);
        let pause = scene.world.random.below(30_000) * MILLISECOND;
        scene.world.run_for(pause);
        scene.rebind(scene.routers[1].expect("there is one"));
        scene.say(scene.alice, "are you there?");
        let bob = scene.bob;
        let took = until_heard(&mut scene, bob, 0);
        assert!(took <= KEEPALIVE + 2 * (RELAYED + MARGIN), "{took:?}");
    }
}

#[test]
fn after_hours_of_sleep_there_is_a_session_again_within_seconds() {
    for (hours, clock_ran) in [(1, false), (1, true), (9, false), (9, true), (72, true)] {
        let mut scene = two_homes(40);
        scene.meet(PathKind::Direct);
        let alice = scene.alice;
        scene.world.fall_asleep(alice);
        scene.world.run_for(hours * 3600 * SECOND);
        scene.world.wake_up(alice, clock_ran);
        // As the wiring does when it sees that the clocks have gone apart.
        let before = [alice, scene.bob].map(|who| beginnings(scene.talker(who)));
        scene.command(alice, Command::NetworkChanged);
        let bob = scene.bob;
        let took = scene.world.run_until(60 * SECOND, "a session", |world| {
            let now = [alice, bob].map(|who| beginnings(world.host(who).talker()));
            now.iter().zip(before).all(|(now, before)| *now > before)
        });
        println!("{hours} h, clock ran: {clock_ran}: {took:?}");
        scene.say(alice, "good morning");
        let took = took + until_heard(&mut scene, bob, 0);
        assert!(took <= AWAKE, "{took:?}");
    }
}

#[test]
fn a_carrier_that_ends_every_mapping_after_a_minute_is_left_in_time_once_it_is_known() {
    for (seed, both) in [(50, false), (51, true)] {
        let harsh =
            || Behaviour { absolute: Some(60 * SECOND), ports: Ports::Random, ..Behaviour::home() };
        let other = if both { harsh() } else { Behaviour::home() };
        let mut scene = Scene::new(seed, Place::Behind(harsh()), Place::Behind(other));
        scene.meet(PathKind::Direct);
        scene.world.run_for(400 * SECOND);
        let relayed = |scene: &Scene| {
            let (alice, bob, server) = (scene.alice, scene.bob, scene.server);
            scene.world.arrivals(alice, server) + scene.world.arrivals(bob, server)
        };
        let (before, began) = (relayed(&scene), scene.world.now());
        let mut worst = Duration::ZERO;
        for line in 0..3000 {
            for (from, to) in [(scene.alice, scene.bob), (scene.bob, scene.alice)] {
                scene.say(from, &line.to_string());
                worst = worst.max(until_heard(&mut scene, to, line));
                assert!(
                    worst <= 26 * MILLISECOND,
                    "no line waited, whatever the carrier did: {worst:?}"
                );
            }
            scene.world.run_for(SECOND / 5);
        }
        let minutes = (scene.world.now() - began).as_secs() / 60;
        let rate = (relayed(&scene) - before) / minutes;
        println!("both: {both}: {worst:?} at most, {rate} datagrams a minute to the server");
        assert!(worst <= WAY, "a line waited: {worst:?}");
        for who in [scene.alice, scene.bob] {
            let talker = scene.talker(who);
            let left = |(at, event): &&(_, Event)| {
                *at > began
                    && matches!(event, Event::PathChanged { path, .. } if path.kind != PathKind::Direct)
            };
            assert_eq!(talker.events.iter().filter(left).count(), 0, "it stays direct");
            assert_eq!(ends(talker), 0);
        }
    }
}

/// The ports that a NAT gives out from now on.
fn give_out(scene: &mut Scene, router: RouterId, ports: Ports) {
    scene.world.router(router).nat.as_mut().expect("IPv4").behaviour.ports = ports;
}

#[test]
fn a_port_that_no_peer_writes_to_is_left_for_another() {
    let mut scene = two_homes(60);
    scene.meet(PathKind::Direct);
    scene.world.run_for(30 * SECOND);
    let (alice, bob, router) = (scene.alice, scene.bob, scene.routers[0].expect("there is one"));
    // That of SIP, which routers rewrite.
    give_out(&mut scene, router, Ports::Block { first: 5060, count: 1 });
    scene.rebind(router);
    scene.say(alice, "are you there?");
    scene.world.run_for(MILLISECOND);
    give_out(&mut scene, router, Ports::Random);
    let line = until_heard(&mut scene, bob, 0);
    assert!(line <= RELAYED + MARGIN, "{line:?}");
    scene.world.run_for(SECOND / 2);
    for line in 1..100 {
        for (from, to) in [(bob, alice), (alice, bob)] {
            let before = scene.talker(to).heard.len();
            scene.say(from, "straight");
            assert_eq!(until_heard(&mut scene, to, before), WAY, "{line}");
        }
        scene.world.run_for(SECOND);
    }
}
