//! How long routers remember what is silent, found out beside a chat that goes on.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat::proto::{Command, Event, IdleLimit, PathKind, ServerId};
use p2pchat_wire::DEFAULT_PORT;

use crate::nat::{Behaviour, Ports};
use crate::scene::{Place, Scene};
use crate::talker::named;
use crate::topology::HostId;
use crate::world::Host;

const SECOND: Duration = Duration::from_secs(1);

/// Where the second server is.
const SECOND_SERVER: &str = "203.0.113.30";

/// By then every search has ended.
const SEARCHED: Duration = Duration::from_secs(330);

/// A router that gives another port after it has forgotten one, so that it shows.
fn forgetful(idle: u64) -> Behaviour {
    let idle = Duration::from_secs(idle);
    Behaviour { idle, ports: Ports::Random, ..Behaviour::home() }
}

fn learned(scene: &Scene, who: HostId) -> Vec<IdleLimit> {
    let events = scene.talker(who).events.iter();
    let limits = events.filter_map(|(_, event)| match event {
        Event::IdleLearned(limit) => Some(*limit),
        _ => None,
    });
    limits.collect()
}

/// How often `who` was seen elsewhere, or by another way, or not at all.
fn moves(scene: &Scene, who: HostId) -> usize {
    let moved =
        |event: &Event| matches!(event, Event::PathChanged { .. } | Event::Disconnected { .. });
    scene.talker(who).events.iter().filter(|(_, event)| moved(event)).count()
}

#[test]
fn the_idle_limit_of_a_router_is_found_and_the_mapping_in_use_is_never_lost_for_it() {
    for (idle, expected) in [(12, 10), (25, 20), (40, 30), (120, 60)] {
        let behaviour = forgetful(idle);
        let mut scene =
            Scene::new(60 + idle, Place::Behind(behaviour), Place::Behind(Behaviour::home()));
        scene.meet(PathKind::Direct);
        scene.world.run_for(5 * SECOND);
        let (alice, bob) = (scene.alice, scene.bob);
        let before = [alice, bob].map(|who| moves(&scene, who));
        scene.world.run_for(SEARCHED);
        let found = learned(&scene, alice);
        let seconds: Vec<_> = found.iter().map(|limit| limit.idle.as_secs()).collect();
        assert_eq!(seconds, [expected], "forgets after {idle} s");
        // With what was found, the mapping lives on.
        scene.world.run_for(1800 * SECOND);
        assert_eq!([alice, bob].map(|who| moves(&scene, who)), before, "forgets after {idle} s");
        scene.say(bob, "still there?");
        let took = scene.world.run_until(SECOND, "the line arrives", |world| {
            !world.host(alice).talker().heard.is_empty()
        });
        assert!(took <= Duration::from_millis(26), "{took:?}");
    }
}

#[test]
fn a_chat_stays_direct_over_a_router_that_forgets_sooner_than_paths_are_usually_probed() {
    let mut scene = Scene::new(90, Place::Behind(forgetful(8)), Place::Behind(Behaviour::home()));
    scene.call();
    scene.world.run_for(SEARCHED + 30 * SECOND);
    let (alice, bob) = (scene.alice, scene.bob);
    let seconds: Vec<_> = learned(&scene, alice).iter().map(|limit| limit.idle.as_secs()).collect();
    assert_eq!(seconds, [5]);
    scene.wait_for_path(60 * SECOND, PathKind::Direct);
    let before = [alice, bob].map(|who| moves(&scene, who));
    scene.world.run_for(1800 * SECOND);
    assert_eq!([alice, bob].map(|who| moves(&scene, who)), before);
}

#[test]
fn what_was_found_in_a_network_is_used_there_again_from_the_beginning() {
    let packets = |recalled: bool| {
        let mut scene =
            Scene::new(70, Place::Behind(forgetful(120)), Place::Behind(Behaviour::home()));
        scene.meet(PathKind::Direct);
        let alice = scene.alice;
        if recalled {
            let router = scene.world.router(scene.routers[0].expect("there is one"));
            let external = router.nat.as_ref().expect("it translates").external();
            let limit = IdleLimit { external, idle: 60 * SECOND };
            scene.command(alice, Command::RecallIdle(limit));
        }
        scene.world.run_for(5 * SECOND);
        let before = scene.world.arrivals(alice, scene.server);
        scene.world.run_for(50 * SECOND);
        scene.world.arrivals(alice, scene.server) - before
    };
    assert!(packets(true) < packets(false));
}

/// How often it was learned at what age a NAT ends mappings.
fn rules(scene: &Scene, who: HostId) -> usize {
    let learned = |event: &Event| matches!(event, Event::AgeLearned(_));
    scene.talker(who).events.iter().filter(|(_, event)| learned(event)).count()
}

#[test]
fn what_a_router_forgets_because_nobody_used_it_looks_like_no_rule() {
    // A laptop that is opened for as long each time, and a server that tells nothing of rests.
    for (idle, used, asleep) in [(12, 200, 60), (18, 90, 45), (25, 45, 35), (40, 300, 200)] {
        let (router, home) = (forgetful(idle), Behaviour::home());
        let mut scene = Scene::new(100 + idle, Place::Behind(router), Place::Behind(home));
        let (server, alice) = (scene.server, scene.alice);
        scene.world.with(server, |host, _| host.server_mut().directs_answers = false);
        scene.call();
        for _ in 0..20 {
            scene.world.run_for(Duration::from_secs(used));
            scene.world.fall_asleep(alice);
            scene.world.run_for(Duration::from_secs(asleep));
            scene.world.wake_up(alice, true);
            scene.command(alice, Command::NetworkChanged);
        }
        assert_eq!(rules(&scene, alice), 0, "forgets after {idle} s");
    }
}

#[test]
fn the_idle_limit_is_found_with_the_help_of_whichever_server_lives() {
    for dies_at in [0, 70, 100, 150] {
        let place = || Place::Behind(forgetful(25));
        let mut scene = Scene::new(300 + dies_at, place(), place());
        let second = scene.add_second_server(SECOND_SERVER);
        let (alice, bob) = (scene.alice, scene.bob);
        for who in [alice, bob] {
            let addresses = vec![SocketAddr::new(scene.world.addresses(second)[0], DEFAULT_PORT)];
            let (server, key, token) = (ServerId(1), None, None);
            scene.start(who, None);
            scene.command(who, Command::UseRendezvous { server, addresses, key, token });
        }
        scene.world.run_for(5 * SECOND);
        scene.command(alice, Command::Connect(named("bob").into()));
        scene.wait_for_path(10 * SECOND, PathKind::Direct);
        scene.world.run_for(Duration::from_secs(dies_at));
        if dies_at > 0 {
            let first = scene.server;
            scene.world.fall_asleep(first);
        }
        let before = [alice, bob].map(|who| moves(&scene, who));
        scene.world.run_for(2 * SEARCHED);
        for who in [alice, bob] {
            let found = learned(&scene, who);
            let seconds: Vec<_> = found.iter().map(|limit| limit.idle.as_secs()).collect();
            assert_eq!(
                seconds,
                [20],
                "{} when one dies after {dies_at} s",
                scene.talker(who).name()
            );
        }
        assert_eq!([alice, bob].map(|who| moves(&scene, who)), before);
    }
}

#[test]
fn a_server_that_does_not_know_response_port_changes_nothing() {
    let mut scene =
        Scene::new(80, Place::Behind(Behaviour::home()), Place::Behind(Behaviour::home()));
    let server = scene.server;
    scene.world.with(server, |host, _| host.server_mut().directs_answers = false);
    scene.meet(PathKind::Direct);
    scene.world.run_for(5 * SECOND);
    let (alice, bob) = (scene.alice, scene.bob);
    let before = [alice, bob].map(|who| moves(&scene, who));
    scene.world.run_for(1800 * SECOND);
    assert_eq!([alice, bob].map(|who| moves(&scene, who)), before);
    assert!([alice, bob].iter().all(|who| learned(&scene, *who).is_empty()));
}
