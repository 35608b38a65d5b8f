//! Calling: somebody who is away, an introduction of which half is lost, a name not yet on disk.

use std::time::Duration;

use p2pchat::proto::{Command, Event, PathKind};
use p2pchat_wire::signal::Refusal;

use crate::nat::Behaviour;
use crate::scene::{Place, Scene, Side, key_of};
use crate::talker::{Talker, named};

const SECOND: Duration = Duration::from_secs(1);

fn two_homes(seed: u64) -> Scene {
    Scene::new(seed, Place::Behind(Behaviour::home()), Place::Behind(Behaviour::home()))
}

fn registered(scene: &mut Scene) {
    for who in [scene.alice, scene.bob] {
        scene.start(who, None);
    }
    scene.world.run_until(10 * SECOND, "both are registered", |world| {
        world.talkers().all(Talker::is_registered)
    });
}

#[test]
fn an_introduction_that_reaches_the_caller_only_is_asked_for_again() {
    let mut scene = two_homes(1);
    registered(&mut scene);
    scene.world.sever_one_way(scene.server, scene.bob);
    scene.command(scene.alice, Command::Connect(named("bob").into()));
    scene.world.run_for(SECOND);
    scene.world.mend(scene.server, scene.bob);
    scene.wait_for_path(5 * SECOND, PathKind::Direct);
}

#[test]
fn two_who_call_each_other_at_once_get_one_session() {
    let mut scene = two_homes(2);
    registered(&mut scene);
    scene.command(scene.alice, Command::Connect(named("bob").into()));
    scene.command(scene.bob, Command::Connect(named("alice").into()));
    scene.wait_for_path(5 * SECOND, PathKind::Direct);
    scene.say(scene.alice, "hello");
    scene.say(scene.bob, "hello");
    scene.world.run_for(30 * SECOND);
    for who in [scene.alice, scene.bob] {
        assert_eq!(scene.heard(who), ["hello"]);
        let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
        assert_eq!(scene.talker(who).first(ended), None);
    }
}

#[test]
fn a_call_made_while_the_name_is_on_its_way_to_disk_waits_for_it() {
    let home = || Place::Behind(Behaviour::home());
    let mut scene = Scene::on_disk(3, SECOND / 2, |world| {
        [home().build(world, Side::Left), home().build(world, Side::Right)]
    });
    scene.start(scene.bob, None);
    scene.world.run_for(2 * SECOND);
    // The world panics if anybody asks to be woken again and again meanwhile.
    scene.start_with(scene.alice, None, vec![Command::Connect(named("bob").into())]);
    scene.wait_for_path(5 * SECOND, PathKind::Direct);
}

#[test]
fn calling_somebody_who_is_away_costs_little_and_succeeds_when_they_return() {
    for key_known in [false, true] {
        let mut scene = two_homes(4);
        registered(&mut scene);
        scene.world.fall_asleep(scene.bob);
        scene.world.run_for(120 * SECOND);
        if key_known {
            let pin = Command::Pin { name: named("bob").into(), key: key_of("bob") };
            scene.command(scene.alice, pin);
        }
        scene.command(scene.alice, Command::Connect(named("bob").into()));
        scene.world.run_for(5 * SECOND);
        let before = scene.world.arrivals(scene.alice, scene.server);
        scene.world.run_for(600 * SECOND);
        let sent = (scene.world.arrivals(scene.alice, scene.server) - before) / 10;
        assert!(sent <= 6, "{sent} datagrams a minute to the server");
        let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
        assert_eq!(scene.talker(scene.alice).first(ended), None, "nothing had begun");
        scene.world.wake_up(scene.bob, true);
        scene.command(scene.bob, Command::NetworkChanged);
        scene.wait_for_path(15 * SECOND, PathKind::Direct);
    }
}

#[test]
fn whoever_calls_a_name_before_its_first_registration_is_connected_right_after_it() {
    let mut scene = two_homes(5);
    scene.start_with(scene.alice, None, vec![Command::Connect(named("bob").into())]);
    // Long enough that no time at which alice asks by herself is near.
    scene.world.run_for(63 * SECOND);
    let refused = Event::ConnectRefused { name: named("bob").into(), refusal: Refusal::NoSuchName };
    assert!(scene.talker(scene.alice).first(|event| *event == refused).is_some());
    scene.start(scene.bob, None);
    scene.wait_for_path(SECOND, PathKind::Relay);
    scene.wait_for_path(2 * SECOND, PathKind::Direct);
}
