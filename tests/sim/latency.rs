//! How many round trips it takes: exact, because virtual time has no noise.
//!
//! Every two networks are equally far apart. `R` is a round trip between a peer and the server,
//! and so is one between two peers.

use std::time::{Duration, Instant};

use p2pchat::proto::{Command, Event, PathKind, Policy};

use crate::link::Weather;
use crate::nat::Behaviour;
use crate::scene::{Place, Scene, key_of};
use crate::talker::named;

/// One way between any two networks.
const DELAY: Duration = Duration::from_millis(50);

/// The unit of every bound here.
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// What Alice knows when she starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Knows {
    /// Nothing but the server's address and Bob's name.
    Nothing,
    /// Also the server's key, a token, and Bob's key.
    Everybody,
}

/// Starts Alice with a line for Bob, who has long been there; returns the world and when.
fn first_line(knows: Knows, behaviour: Behaviour) -> (Scene, Instant) {
    let place = || Place::Behind(behaviour.clone());
    let mut scene = Scene::new(1, place(), place());
    scene.world.change_weather(&Weather::fair(DELAY));
    scene.start(scene.bob, None);
    let token = match knows {
        Knows::Nothing => None,
        Knows::Everybody => {
            scene.start(scene.alice, None);
            scene.world.run_for(Duration::from_secs(10));
            scene.talker(scene.alice).token
        }
    };
    // Long enough for the server and the routers to forget the first Alice.
    scene.recreate(scene.alice, Policy::Any);
    scene.world.run_for(Duration::from_secs(600));

    scene.recreate(scene.alice, Policy::Any);
    let start = scene.world.now();
    let mut wishes = vec![Command::Connect(named("bob").into())];
    if knows == Knows::Everybody {
        wishes.insert(0, Command::Pin { name: named("bob").into(), key: key_of("bob") });
    }
    scene.say(scene.alice, "hello");
    scene.start_with(scene.alice, token, wishes);
    let bob = scene.bob;
    scene.world.run_until(Duration::from_secs(5), "the line arrives", |world| {
        !world.host(bob).talker().heard.is_empty()
    });
    (scene, start)
}

fn round_trips(knows: Knows, behaviour: Behaviour) -> f64 {
    let (scene, start) = first_line(knows, behaviour);
    let heard = scene.talker(scene.bob).heard[0].0;
    (heard - start).as_secs_f64() / ROUND_TRIP.as_secs_f64()
}

#[track_caller]
fn assert_within(round_trips: f64, bound: f64) {
    assert!(round_trips <= bound + 1e-6, "{round_trips:.3} R, more than {bound} R");
}

#[test]
fn a_returning_peers_first_line_takes_two_round_trips_when_the_first_punch_works() {
    assert_within(round_trips(Knows::Everybody, Behaviour::home()), 2.0);
}

#[test]
fn a_returning_peers_first_line_takes_three_round_trips_over_the_relay() {
    assert_within(round_trips(Knows::Everybody, Behaviour::symmetric()), 3.0);
}

#[test]
fn a_fresh_peers_first_line_takes_three_and_a_half_round_trips_when_the_first_punch_works() {
    assert_within(round_trips(Knows::Nothing, Behaviour::home()), 3.5);
}

#[test]
fn a_fresh_peers_first_line_takes_five_round_trips_over_the_relay() {
    assert_within(round_trips(Knows::Nothing, Behaviour::symmetric()), 5.0);
}

#[test]
fn the_direct_path_is_validated_one_round_trip_after_the_session_exists() {
    for knows in [Knows::Nothing, Knows::Everybody] {
        for behaviour in [Behaviour::home(), Behaviour::open()] {
            let (mut scene, _) = first_line(knows, behaviour);
            scene.wait_for_path(Duration::from_secs(5), PathKind::Direct);
            for who in [scene.alice, scene.bob] {
                let talker = scene.talker(who);
                let begun = talker.first(|event| matches!(event, Event::Connected { .. }));
                let direct = talker.first(|event| match event {
                    Event::Connected { path, .. } | Event::PathChanged { path, .. } => {
                        path.kind == PathKind::Direct
                    }
                    _ => false,
                });
                let (begun, direct) = (begun.expect("connected"), direct.expect("direct"));
                let took = (direct - begun).as_secs_f64() / ROUND_TRIP.as_secs_f64();
                assert_within(took, 1.0);
            }
        }
    }
}
