//! Networks without UDP: the same datagrams over TCP, for as long as it takes and no longer.

use std::time::Duration;

use p2pchat::proto::{Command, Event, PathKind, ServerId, SocketId};
use p2pchat_wire::identity::Identity;

use crate::link::Weather;
use crate::machine::Machine;
use crate::nat::Behaviour;
use crate::scene::{Place, Scene};
use crate::talker::Talker;
use crate::topology::{HostId, RouterId};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

fn home(udp_blocked: bool) -> Place {
    Place::Behind(Behaviour { udp_blocked, ..Behaviour::home() })
}

/// Two homes and a server that takes streams.
fn scene(seed: u64, blocked: [bool; 2]) -> Scene {
    let mut scene = Scene::new(seed, home(blocked[0]), home(blocked[1]));
    let server = scene.server;
    scene.world.with(server, |machine, _| machine.server_mut().takes_streams = true);
    scene
}

fn block(scene: &mut Scene, router: Option<RouterId>, blocked: bool) {
    scene.world.note(format!("UDP is blocked: {blocked}"));
    let router = scene.world.router(router.expect("a home"));
    router.nat.as_mut().expect("IPv4").behaviour.udp_blocked = blocked;
}

fn has_heard(world: &World<Machine>, who: HostId, lines: usize) -> bool {
    world.host(who).talker().heard.len() == lines
}

/// What was said about TCP, in order.
fn carried(talker: &Talker) -> Vec<bool> {
    let events = talker.events.iter().filter_map(|(_, event)| match event {
        Event::Carried { server: ServerId::FIRST, over_tcp } => Some(*over_tcp),
        _ => None,
    });
    events.collect()
}

/// Starts both; returns how long it takes until each has a line of the other's.
fn time_to_chat(scene: &mut Scene) -> Duration {
    let (alice, bob, start) = (scene.alice, scene.bob, scene.world.now());
    scene.say(alice, "hello bob");
    scene.say(bob, "hello alice");
    scene.call();
    scene.world.run_until(10 * SECOND, "both have a line", |world| {
        has_heard(world, alice, 1) && has_heard(world, bob, 1)
    });
    scene.world.now() - start
}

#[test]
fn a_chat_works_at_once_whoever_of_the_two_has_no_udp() {
    for blocked in [[true, false], [false, true], [true, true]] {
        let mut scene = scene(1, blocked);
        let time = time_to_chat(&mut scene);
        assert!(time < Duration::from_millis(1500), "{blocked:?}: {time:?}");
        for (who, blocked) in [scene.alice, scene.bob].into_iter().zip(blocked) {
            let talker = scene.talker(who);
            assert_eq!(talker.path(), Some(PathKind::Relay));
            assert_eq!(carried(talker), if blocked { vec![true] } else { vec![] });
        }
        // And goes on: keepalives, new keys, and no trouble about any of it.
        for minute in 1..=5 {
            scene.say(scene.alice, "still there?");
            scene.say(scene.bob, "still here.");
            scene.world.run_for(60 * SECOND);
            for who in [scene.alice, scene.bob] {
                assert!(has_heard(&scene.world, who, 1 + minute), "after {minute} minutes");
                let trouble = |event: &Event| matches!(event, Event::RendezvousTrouble { .. });
                assert_eq!(scene.talker(who).first(trouble), None);
            }
        }
    }
}

#[test]
fn when_udp_comes_back_the_chat_is_direct_and_has_lost_nothing() {
    let mut scene = scene(2, [true, true]);
    time_to_chat(&mut scene);
    for router in scene.routers {
        block(&mut scene, router, false);
    }
    let mut said = 1;
    while scene.talker(scene.alice).path() != Some(PathKind::Direct) {
        assert!(said < 200, "not direct within 20 s");
        scene.say(scene.alice, "are we direct?");
        scene.say(scene.bob, "are we?");
        said += 1;
        scene.world.run_for(SECOND / 10);
    }
    scene.wait_for_path(2 * SECOND, PathKind::Direct);
    scene.world.run_for(SECOND);
    for who in [scene.alice, scene.bob] {
        assert!(has_heard(&scene.world, who, said), "all of {said}");
        assert_eq!(carried(scene.talker(who)), [true, false]);
    }
}

#[test]
fn when_udp_dies_under_a_chat_it_goes_on_over_tcp() {
    let mut scene = scene(3, [false, false]);
    scene.meet(PathKind::Direct);
    let (alice, bob) = (scene.alice, scene.bob);
    let router = scene.routers[0];
    block(&mut scene, router, true);
    scene.say(alice, "are you there?");
    scene.say(bob, "are you?");
    let time = scene.world.run_until(30 * SECOND, "both have their line", |world| {
        has_heard(world, alice, 1) && has_heard(world, bob, 1)
    });
    assert!(time < 8 * SECOND, "{time:?}");
    assert_eq!(scene.talker(alice).path(), Some(PathKind::Relay));
    block(&mut scene, router, false);
    scene.wait_for_path(25 * SECOND, PathKind::Direct);
    scene.world.run_for(20 * SECOND);
    assert_eq!(carried(scene.talker(alice)), [true, false]);
    assert!(carried(scene.talker(bob)).is_empty());
}

#[test]
fn a_server_that_starts_again_is_not_taken_for_a_network_without_udp() {
    for away in [0, 1, 2, 3, 5, 8, 20, 60, 120] {
        let mut scene = scene(7, [false, false]);
        time_to_chat(&mut scene);
        scene.world.run_for(30 * SECOND);
        let server = scene.server;
        scene.world.fall_asleep(server);
        scene.world.run_for(away * SECOND);
        scene.world.wake_up(server, false);
        scene.restart_server();
        scene.world.run_for(60 * SECOND);
        assert_eq!(scene.world.host(server).server().server.sizes().peers, 2, "after {away} s");
        for who in [scene.alice, scene.bob] {
            assert!(carried(scene.talker(who)).is_empty(), "after {away} s");
        }
    }
}

#[test]
fn a_stream_that_breaks_is_replaced_and_nothing_is_lost() {
    let mut scene = scene(4, [true, false]);
    time_to_chat(&mut scene);
    let (alice, bob) = (scene.alice, scene.bob);
    // Of the two that were dialled first, the one to the port that passes.
    scene.command(alice, Command::CarrierLost(SocketId(2)));
    scene.say(alice, "again");
    scene.say(bob, "and again");
    let time = scene.world.run_until(10 * SECOND, "both have their line", |world| {
        has_heard(world, alice, 2) && has_heard(world, bob, 2)
    });
    assert!(time < 3 * SECOND, "{time:?}");
}

#[test]
fn bad_weather_keeps_nobody_off_the_direct_path() {
    for seed in 0..300 {
        let mut scene = scene(seed, [false, false]);
        scene.world.change_weather(&Weather::foul(Duration::from_millis(25)));
        scene.call();
        scene.wait_for_path(180 * SECOND, PathKind::Direct);
        scene.world.run_for(120 * SECOND);
        // Three pings in a row may be lost, and some of what leads back; but nobody stays on TCP.
        scene.world.run_until(60 * SECOND, "both are back on UDP", |world| {
            world.talkers().all(|talker| carried(talker).len().is_multiple_of(2))
        });
        scene.wait_for_path(60 * SECOND, PathKind::Direct);
    }
}

#[test]
fn a_stream_to_somebody_with_another_key_is_not_used() {
    let mut scene = scene(5, [true, false]);
    time_to_chat(&mut scene);
    let now = scene.world.now();
    let mut impostor = crate::server::Rendezvous::impostor(now, [9; 32]);
    impostor.takes_streams = true;
    scene.world.replace(scene.server, Machine::Server(Box::new(impostor)));
    scene.world.run_for(120 * SECOND);
    let actual = Identity::from_seed([9; 32]).id();
    let stopped = |event: &Event| {
        use p2pchat::proto::RendezvousTrouble::KeyChanged;
        matches!(event, Event::RendezvousTrouble { trouble: KeyChanged { actual: a, .. }, .. } if *a == actual)
    };
    assert!(scene.talker(scene.alice).first(stopped).is_some());
}
