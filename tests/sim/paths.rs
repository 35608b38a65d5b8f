//! What becomes of a chat when the world under it changes.

use std::time::Duration;

use p2pchat::proto::{Command, Event, PathKind, Policy};

use crate::link::Weather;
use crate::nat::Behaviour;
use crate::scene::{Place, Scene, host_candidates};
use crate::talker::Talker;
use crate::topology::{CORE, HostId};

const SECOND: Duration = Duration::from_secs(1);

fn two_homes(seed: u64) -> Scene {
    Scene::new(seed, Place::Behind(Behaviour::home()), Place::Behind(Behaviour::home()))
}

/// Alice says `count` numbered lines, one each tenth of a second.
fn say_numbers(scene: &mut Scene, from: usize, count: usize) {
    for number in from..from + count {
        scene.say(scene.alice, &number.to_string());
        scene.world.run_for(SECOND / 10);
    }
}

/// Everything that Alice said has arrived, once and in order.
#[track_caller]
fn assert_heard(scene: &mut Scene, count: usize) {
    let bob = scene.bob;
    scene.world.run_until(30 * SECOND, "every line arrives", |world| {
        world.host(bob).talker().heard.len() >= count
    });
    let numbers: Vec<_> = (0..count).map(|number| number.to_string()).collect();
    assert_eq!(scene.heard(bob), numbers);
}

fn has_lost_its_session(scene: &Scene, who: HostId) -> bool {
    let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
    scene.talker(who).first(ended).is_some()
}

#[test]
fn losing_the_direct_path_falls_back_to_the_relay_and_comes_back_without_losing_a_line() {
    let mut scene = two_homes(0x5eed);
    scene.meet(PathKind::Direct);
    say_numbers(&mut scene, 0, 50);
    scene.world.sever(scene.alice, scene.bob);
    say_numbers(&mut scene, 50, 100);
    let paths = [scene.alice, scene.bob].map(|who| scene.talker(who).path());
    assert_eq!(paths, [Some(PathKind::Relay); 2]);
    assert!(scene.heard(scene.bob).len() >= 149, "lines arrive while the path is cut");
    scene.world.mend(scene.alice, scene.bob);
    let took = scene.wait_for_path(15 * SECOND, PathKind::Direct);
    assert!(took <= 15 * SECOND);
    say_numbers(&mut scene, 150, 50);
    assert_heard(&mut scene, 200);
    assert!(!has_lost_its_session(&scene, scene.alice) && !has_lost_its_session(&scene, scene.bob));
}

#[test]
fn a_line_typed_right_after_the_cut_arrives_within_two_seconds() {
    let mut scene = two_homes(1);
    scene.meet(PathKind::Direct);
    scene.world.run_for(30 * SECOND);
    scene.world.sever(scene.alice, scene.bob);
    scene.say(scene.alice, "still there?");
    let bob = scene.bob;
    scene.world.run_until(2 * SECOND, "the line arrives by the relay", |world| {
        !world.host(bob).talker().heard.is_empty()
    });
}

#[test]
fn a_path_that_is_cut_in_one_direction_only_is_left_as_well() {
    for alice_is_mute in [true, false] {
        let mut scene = two_homes(2);
        scene.meet(PathKind::Direct);
        let (from, to) =
            if alice_is_mute { (scene.alice, scene.bob) } else { (scene.bob, scene.alice) };
        scene.world.sever_one_way(from, to);
        say_numbers(&mut scene, 0, 200);
        assert_heard(&mut scene, 200);
        assert!(!has_lost_its_session(&scene, scene.bob));
    }
}

#[test]
fn routers_that_forget_their_mappings_every_few_seconds_lose_no_line() {
    for (alice, bob) in [(true, false), (false, true), (true, true)] {
        let mut scene = two_homes(3);
        scene.meet(PathKind::Direct);
        for round in 0..10 {
            say_numbers(&mut scene, round * 30, 30);
            for (rebinds, router) in [(alice, scene.routers[0]), (bob, scene.routers[1])] {
                if rebinds {
                    scene.rebind(router.expect("there is one"));
                }
            }
        }
        assert_heard(&mut scene, 300);
        scene.wait_for_path(30 * SECOND, PathKind::Direct);
    }
}

#[test]
fn a_laptop_that_is_carried_to_another_network_keeps_its_chat() {
    let mut scene = two_homes(4);
    let (cafe, _) = scene.world.add_nat(CORE, "198.18.7.1", Behaviour::home());
    scene.meet(PathKind::Direct);
    say_numbers(&mut scene, 0, 20);
    scene.world.move_host(scene.alice, cafe, &["10.7.0.9"]);
    let candidates = host_candidates(&scene.world, scene.alice);
    scene.command(scene.alice, Command::SetHostCandidates(candidates));
    scene.command(scene.alice, Command::NetworkChanged);
    say_numbers(&mut scene, 20, 50);
    assert_heard(&mut scene, 70);
    scene.wait_for_path(15 * SECOND, PathKind::Direct);
    assert!(!has_lost_its_session(&scene, scene.bob));
}

#[test]
fn lines_arrive_within_two_round_trips_of_the_network_being_back() {
    // 1 ms at home and 25 ms between networks, both ways.
    let round_trip = Duration::from_millis(2 * (1 + 25 + 1));
    for (asleep, seed) in [(false, 14), (true, 15)] {
        let mut scene = two_homes(seed);
        let (cafe, _) = scene.world.add_nat(CORE, "198.18.7.1", Behaviour::home());
        scene.meet(PathKind::Direct);
        scene.world.run_for(10 * SECOND);
        let (alice, bob) = (scene.alice, scene.bob);
        if asleep {
            scene.world.fall_asleep(alice);
            scene.world.run_for(20 * SECOND);
            scene.world.wake_up(alice, false);
        }
        scene.world.move_host(alice, cafe, &["10.7.0.9"]);
        let candidates = host_candidates(&scene.world, alice);
        scene.command(alice, Command::SetHostCandidates(candidates));
        scene.command(alice, Command::NetworkChanged);
        let back = scene.world.now();
        scene.say(alice, "back");
        scene.say(bob, "are you there?");
        scene.world.run_until(2 * round_trip, "both lines arrive", |world| {
            world.talkers().all(|talker| talker.heard.len() == 1)
        });
        scene.wait_for_path(Duration::from_millis(500), PathKind::Direct);
        assert!(!has_lost_its_session(&scene, alice) && !has_lost_its_session(&scene, bob));
        assert!(scene.world.now() - back <= Duration::from_millis(500));
    }
}

#[test]
fn a_chat_survives_the_restart_of_the_server_and_an_hour_without_it() {
    let mut scene = two_homes(5);
    scene.meet(PathKind::Direct);
    let server = scene.server;
    scene.world.fall_asleep(server);
    say_numbers(&mut scene, 0, 20);
    scene.world.run_for(3600 * SECOND);
    say_numbers(&mut scene, 20, 20);
    assert_heard(&mut scene, 40);
    assert_eq!(scene.talker(scene.alice).path(), Some(PathKind::Direct));
    assert!(!has_lost_its_session(&scene, scene.alice));

    scene.world.wake_up(server, false);
    scene.restart_server();
    let now = scene.world.now();
    let back = move |talker: &Talker| {
        talker
            .events
            .iter()
            .any(|(at, event)| *at > now && matches!(event, Event::Registered { .. }))
    };
    scene.world.run_until(60 * SECOND, "both register again by themselves", |world| {
        world.talkers().all(back)
    });
}

#[test]
fn people_who_want_only_the_relay_never_send_each_other_a_datagram() {
    let mut scene = two_homes(6);
    scene.recreate(scene.alice, Policy::RelayOnly);
    scene.call();
    scene.wait_for_path(10 * SECOND, PathKind::Relay);
    say_numbers(&mut scene, 0, 100);
    assert_heard(&mut scene, 100);
    assert_eq!(scene.talker(scene.alice).path(), Some(PathKind::Relay));
    let (alice, bob) = (scene.alice, scene.bob);
    assert_eq!((scene.world.arrivals(alice, bob), scene.world.arrivals(bob, alice)), (0, 0));
}

#[test]
fn people_who_want_only_the_direct_path_send_no_text_over_the_relay() {
    let mut scene =
        Scene::new(7, Place::Behind(Behaviour::symmetric()), Place::Behind(Behaviour::symmetric()));
    scene.recreate(scene.alice, Policy::DirectOnly);
    scene.call();
    say_numbers(&mut scene, 0, 50);
    scene.world.run_for(20 * SECOND);
    assert!(scene.heard(scene.bob).is_empty());
}

#[test]
fn a_laptop_that_slept_for_days_chats_again_after_waking() {
    for (sleep, clock_ran) in [
        (60, false),
        (60, true),
        (3600, false),
        (3600, true),
        (3 * 86_400, false),
        (3 * 86_400, true),
    ] {
        let mut scene = two_homes(8);
        scene.meet(PathKind::Direct);
        let alice = scene.alice;
        scene.world.fall_asleep(alice);
        scene.world.run_for(sleep * SECOND);
        scene.world.wake_up(alice, clock_ran);
        // The wiring notices the gap between two clocks within seconds.
        scene.world.run_for(3 * SECOND);
        scene.command(alice, Command::NetworkChanged);
        scene.world.run_for(60 * SECOND);
        let before = scene.heard(scene.bob).len();
        scene.say(alice, "good morning");
        let bob = scene.bob;
        scene.world.run_until(20 * SECOND, "the line arrives", |world| {
            world.host(bob).talker().heard.len() > before
        });
        scene.wait_for_path(20 * SECOND, PathKind::Direct);
    }
}

#[test]
fn an_idle_chat_keeps_its_direct_path_through_routers_that_forget_after_thirty_seconds() {
    let forgetful = || Behaviour { idle: 30 * SECOND, ..Behaviour::home() };
    let mut scene = Scene::new(9, Place::Behind(forgetful()), Place::Behind(forgetful()));
    scene.meet(PathKind::Direct);
    let changes = |scene: &Scene| {
        let moved = |event: &&Event| matches!(event, Event::PathChanged { .. });
        scene.talker(scene.alice).events.iter().filter(|(_, event)| moved(&event)).count()
    };
    let before = changes(&scene);
    scene.world.run_for(1800 * SECOND);
    assert_eq!(scene.talker(scene.alice).path(), Some(PathKind::Direct));
    assert_eq!(changes(&scene), before, "it never left the direct path");
}

#[test]
fn an_idle_chat_is_quiet() {
    let mut scene = two_homes(10);
    scene.meet(PathKind::Direct);
    scene.world.run_for(60 * SECOND);
    let (alice, bob, server) = (scene.alice, scene.bob, scene.server);
    let count =
        |scene: &Scene| (scene.world.arrivals(alice, bob), scene.world.arrivals(alice, server));
    let before = count(&scene);
    scene.world.run_for(600 * SECOND);
    let after = count(&scene);
    let direct = (after.0 - before.0) / 10;
    let relayed = (after.1 - before.1) / 10;
    assert!(direct <= 24, "{direct} datagrams a minute to the peer");
    assert!(relayed <= 12, "{relayed} datagrams a minute to the server");
}

#[test]
fn a_carrier_that_ends_every_mapping_after_a_minute_interrupts_nothing() {
    let harsh = Behaviour { absolute: Some(60 * SECOND), ..Behaviour::home() };
    let mut scene = Scene::new(11, Place::Behind(harsh), Place::Behind(Behaviour::home()));
    scene.meet(PathKind::Direct);
    say_numbers(&mut scene, 0, 1800);
    assert_heard(&mut scene, 1800);
    assert!(!has_lost_its_session(&scene, scene.bob));
}

#[test]
fn thirty_per_cent_loss_delays_lines_and_loses_none() {
    let mut scene = two_homes(12);
    scene.meet(PathKind::Direct);
    scene.world.change_weather(&Weather::foul(Duration::from_millis(25)));
    say_numbers(&mut scene, 0, 500);
    scene.world.run_for(20 * SECOND);
    assert_heard(&mut scene, 500);
}

#[test]
fn a_long_message_passes_a_path_that_carries_no_more_than_1280_bytes() {
    let mut scene = two_homes(13);
    // IPv6 minimum MTU less its header and UDP's (RFC 8200 §5).
    scene.world.change_weather(&Weather { mtu: 1232, ..Weather::fair(Duration::from_millis(25)) });
    scene.meet(PathKind::Direct);
    scene.say(scene.alice, &"x".repeat(60_000));
    let bob = scene.bob;
    scene.world.run_until(10 * SECOND, "it arrives", |world| {
        world.host(bob).talker().heard.iter().any(|(_, line)| line.len() == 60_000)
    });
}
