//! More than one rendezvous: any of them introduces, any of them relays, any of them may die.

use std::time::Duration;

use p2pchat::proto::{Command, Event, PathKind, PeerName, ServerId};
use p2pchat_wire::DEFAULT_PORT;

use crate::scene::{Place, Scene, key_of};
use crate::talker::{Talker, named};
use crate::topology::HostId;

const SECOND: Duration = Duration::from_secs(1);
const SECOND_SERVER: ServerId = ServerId(1);

/// Where the second server is.
const ADDRESS: &str = "203.0.113.30";

fn at(name: &str, server: ServerId) -> PeerName {
    PeerName { name: named(name), server }
}

/// Makes `who` use the second server too.
fn use_second(scene: &mut Scene, who: HostId) {
    let addresses =
        vec![(ADDRESS.parse::<std::net::IpAddr>().expect("address"), DEFAULT_PORT).into()];
    let server = SECOND_SERVER;
    scene.command(who, Command::UseRendezvous { server, addresses, key: None, token: None });
}

/// Two who can only meet over a relay, with two servers, registered at both.
fn two_servers(seed: u64) -> (Scene, HostId) {
    let mut scene = Scene::new(seed, Place::Public, Place::Public);
    scene.world.sever(scene.alice, scene.bob);
    let second = scene.add_second_server(ADDRESS);
    for who in [scene.alice, scene.bob] {
        scene.start(who, None);
        use_second(&mut scene, who);
    }
    scene.world.run_until(10 * SECOND, "both are registered at both", |world| {
        world.talkers().all(|talker| is_registered_at(talker, ServerId::FIRST))
            && world.talkers().all(|talker| is_registered_at(talker, SECOND_SERVER))
    });
    (scene, second)
}

fn is_registered_at(talker: &Talker, at: ServerId) -> bool {
    let there = |event: &Event| matches!(event, Event::Registered { server, .. } if *server == at);
    talker.first(there).is_some()
}

/// What every chat does when it has met somebody.
fn pin_each_other(scene: &mut Scene) {
    for (who, other) in [(scene.alice, "bob"), (scene.bob, "alice")] {
        scene.command(who, Command::Pin { name: named(other).into(), key: key_of(other) });
    }
}

/// Alice and Bob have a session over a relay, and a channel at each server.
fn relayed_chat(seed: u64) -> (Scene, HostId) {
    let (mut scene, second) = two_servers(seed);
    scene.command(scene.alice, Command::Connect(named("bob").into()));
    scene.wait_for_path(5 * SECOND, PathKind::Relay);
    pin_each_other(&mut scene);
    scene.world.run_for(3 * SECOND);
    (scene, second)
}

/// Alice says `count` numbered lines, one each tenth of a second; Bob answers with another each.
fn talk(scene: &mut Scene, from: usize, count: usize) {
    for number in from..from + count {
        scene.say(scene.alice, &number.to_string());
        scene.say(scene.bob, &number.to_string());
        scene.world.run_for(SECOND / 10);
    }
}

#[track_caller]
fn assert_all_heard(scene: &mut Scene, count: usize) {
    scene.world.run_until(30 * SECOND, "every line arrives", |world| {
        world.talkers().all(|talker| talker.heard.len() >= count)
    });
    let numbers: Vec<_> = (0..count).map(|number| number.to_string()).collect();
    for who in [scene.alice, scene.bob] {
        assert_eq!(scene.heard(who), numbers);
        let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
        assert_eq!(scene.talker(who).first(ended), None, "one session all along");
    }
}

/// The longest time in which somebody heard nothing.
fn longest_silence(scene: &Scene) -> Duration {
    let gaps = [scene.alice, scene.bob]
        .into_iter()
        .flat_map(|who| scene.talker(who).heard.windows(2).map(|pair| pair[1].0 - pair[0].0));
    gaps.max().expect("lines")
}

#[test]
fn a_relayed_chat_survives_the_death_of_either_server_without_losing_a_line() {
    for (seed, first_dies) in [(1, true), (2, false), (3, true), (4, false)] {
        let (mut scene, second) = relayed_chat(seed);
        talk(&mut scene, 0, 50);
        let dying = if first_dies { scene.server } else { second };
        scene.world.fall_asleep(dying);
        talk(&mut scene, 50, 100);
        assert_all_heard(&mut scene, 150);
        let silence = longest_silence(&scene);
        // A line each 100 ms, a round trip of 100 ms, and the 25 ms that an answer may take.
        assert!(silence < Duration::from_millis(350), "{silence:?}");
        let left = if first_dies { second } else { scene.server };
        let before = scene.world.arrivals(scene.alice, left);
        talk(&mut scene, 150, 50);
        assert_all_heard(&mut scene, 200);
        assert!(scene.world.arrivals(scene.alice, left) - before >= 50, "it relays");
    }
}

#[test]
fn who_talks_without_a_pause_notices_the_death_of_a_server_as_soon() {
    let (mut scene, _) = relayed_chat(11);
    for number in 0..1_000 {
        if number == 200 {
            scene.world.fall_asleep(scene.server);
        }
        scene.say(scene.alice, &number.to_string());
        scene.say(scene.bob, &number.to_string());
        scene.world.run_for(Duration::from_millis(5));
    }
    assert_all_heard(&mut scene, 1_000);
    let silence = longest_silence(&scene);
    assert!(silence < Duration::from_millis(350), "{silence:?}");
}

#[test]
fn the_nearest_server_relays_and_a_little_nearer_is_no_reason_to_move() {
    let (mut scene, second) = relayed_chat(12);
    let servers = [scene.server, second];
    let delay = |scene: &mut Scene, delays: [u64; 2]| {
        for (server, delay) in servers.into_iter().zip(delays) {
            for who in [scene.alice, scene.bob] {
                scene.world.set_delay(who, server, Duration::from_millis(delay));
            }
        }
    };
    let relayed = |scene: &mut Scene, from: usize| {
        // Round trips are measured with the keepalives.
        scene.world.run_for(60 * SECOND);
        let before = servers.map(|server| scene.world.arrivals(scene.alice, server));
        talk(scene, from, 50);
        assert_all_heard(scene, from + 50);
        let after = servers.map(|server| scene.world.arrivals(scene.alice, server));
        [after[0] - before[0] >= 50, after[1] - before[1] >= 50]
    };
    delay(&mut scene, [80, 20]);
    assert_eq!(relayed(&mut scene, 0), [false, true]);
    delay(&mut scene, [18, 20]);
    assert_eq!(relayed(&mut scene, 50), [false, true], "not worth it");
    delay(&mut scene, [5, 20]);
    assert_eq!(relayed(&mut scene, 100), [true, false]);
    let homes = |who| {
        let events = scene.talker(who).events.iter();
        let homes = events.filter_map(|(_, event)| match event {
            Event::HomeChanged(server) => Some(server.0),
            _ => None,
        });
        homes.collect::<Vec<_>>()
    };
    assert_eq!(homes(scene.alice), [0, 1, 0]);
}

#[test]
fn servers_may_die_and_return_one_after_the_other() {
    let (mut scene, second) = relayed_chat(5);
    let servers = [scene.server, second];
    for round in 0..6 {
        scene.world.fall_asleep(servers[round % 2]);
        talk(&mut scene, round * 100, 50);
        scene.world.wake_up(servers[round % 2], true);
        talk(&mut scene, round * 100 + 50, 50);
        scene.world.run_for(60 * SECOND);
    }
    assert_all_heard(&mut scene, 600);
}

#[test]
fn whoever_shares_only_one_server_is_met_there() {
    let mut scene = Scene::new(6, Place::Public, Place::Public);
    scene.world.sever(scene.alice, scene.bob);
    scene.add_second_server(ADDRESS);
    scene.start(scene.alice, None);
    let alice = scene.alice;
    use_second(&mut scene, alice);
    // Bob knows the second alone.
    scene.command(scene.bob, Command::Register(named("bob")));
    let bob = scene.bob;
    use_second(&mut scene, bob);
    scene.world.run_for(3 * SECOND);
    scene.command(scene.alice, Command::Connect(at("bob", SECOND_SERVER)));
    scene.wait_for_path(5 * SECOND, PathKind::Relay);
    talk(&mut scene, 0, 20);
    assert_all_heard(&mut scene, 20);
}

#[test]
fn somebody_known_from_a_dead_server_is_met_at_the_other() {
    let (mut scene, second) = two_servers(7);
    scene.world.fall_asleep(scene.server);
    pin_each_other(&mut scene);
    scene.world.run_for(30 * SECOND);
    let start = scene.world.now();
    scene.command(scene.alice, Command::Connect(named("bob").into()));
    scene.wait_for_path(5 * SECOND, PathKind::Relay);
    let took = scene.world.now() - start;
    assert!(took < 2 * SECOND, "{took:?}");
    talk(&mut scene, 0, 20);
    assert_all_heard(&mut scene, 20);
    // Under the name that they know each other by.
    for (who, other) in [(scene.alice, "bob"), (scene.bob, "alice")] {
        let known = |event: &Event| matches!(event, Event::Connected { name, .. } if *name == named(other).into());
        assert!(scene.talker(who).first(known).is_some());
    }
    scene.world.fall_asleep(second);
}

#[test]
fn the_same_name_at_two_servers_is_two_people() {
    let mut scene = Scene::new(8, Place::Public, Place::Public);
    scene.add_second_server(ADDRESS);
    scene.start(scene.alice, None);
    let alice = scene.alice;
    use_second(&mut scene, alice);
    // There, Bob is called carol; here, carol is somebody whom Alice knows.
    let carol = p2pchat_wire::identity::Identity::from_seed([77; 32]).id();
    scene.command(scene.alice, Command::Pin { name: named("carol").into(), key: carol });
    scene.command(scene.bob, Command::Register(named("carol")));
    let bob = scene.bob;
    use_second(&mut scene, bob);
    scene.world.run_for(3 * SECOND);
    scene.command(scene.alice, Command::Connect(named("carol").into()));
    scene.world.run_for(10 * SECOND);
    assert_eq!(scene.talker(scene.alice).path(), None, "Bob is not that carol");
    let changed = |event: &Event| matches!(event, Event::KeyChanged { .. });
    assert_eq!(scene.talker(scene.alice).first(changed), None, "and pretends nothing");
    scene.command(scene.alice, Command::Connect(at("carol", SECOND_SERVER)));
    scene.wait_for_path(5 * SECOND, PathKind::Direct);
    let met = at("carol", SECOND_SERVER);
    let met = |event: &Event| matches!(event, Event::Connected { name, .. } if *name == met);
    assert!(scene.talker(scene.alice).first(met).is_some());
}

#[test]
fn a_server_that_breaks_its_promises_does_not_stop_what_another_gives() {
    // The second server has the name of everybody, and introduces nobody: it went mad after both
    // had registered.
    let (mut scene, second) = two_servers(9);
    let mad = scene.world.now();
    let impostor = crate::server::Rendezvous::impostor(mad, [0xee; 32]);
    let machine = crate::machine::Machine::Server(Box::new(impostor));
    scene.world.replace(second, machine);
    scene.world.run_for(120 * SECOND);
    let changed =
        |event: &Event| matches!(event, Event::RendezvousTrouble { server: SECOND_SERVER, .. });
    assert!(scene.talker(scene.alice).first(changed).is_some(), "another key is no server of ours");
    scene.command(scene.alice, Command::Connect(named("bob").into()));
    scene.wait_for_path(5 * SECOND, PathKind::Relay);
    talk(&mut scene, 0, 20);
    assert_all_heard(&mut scene, 20);
}

#[test]
fn the_same_server_under_two_names_is_used_once() {
    let mut scene = Scene::new(10, Place::Public, Place::Public);
    scene.world.sever(scene.alice, scene.bob);
    for who in [scene.alice, scene.bob] {
        scene.start(who, None);
        let addresses = vec!["203.0.113.10:3478".parse().expect("address")];
        let server = SECOND_SERVER;
        scene.command(who, Command::UseRendezvous { server, addresses, key: None, token: None });
    }
    scene.world.run_for(5 * SECOND);
    scene.command(scene.alice, Command::Connect(named("bob").into()));
    scene.wait_for_path(5 * SECOND, PathKind::Relay);
    talk(&mut scene, 0, 20);
    assert_all_heard(&mut scene, 20);
    for talker in scene.world.talkers() {
        let told = talker
            .events
            .iter()
            .filter(|(_, event)| matches!(event, Event::RendezvousTrouble { .. }));
        assert_eq!(told.count(), 1);
    }
}
