//! Homes that are not just one router away from each other: IPv6, carriers, one LAN.

use super::ground::on_lab_ground;
use super::meeting::{Meeting, PATIENCE, report};
use super::nat::{Filtering, Mapping, Nat};
use super::world::World;

const HOME: Nat = Nat::new(Mapping::Endpoint, Filtering::Port);
const SYMMETRIC: Nat = Nat::new(Mapping::Random, Filtering::Port);

#[test]
fn two_on_one_lan_talk_without_leaving_it() {
    on_lab_ground("places::two_on_one_lan_talk_without_leaving_it", || {
        let world = World::new();
        let mut home = world.home(HOME);
        let ((alice, _), (bob, _)) = (world.host(&mut home), world.host(&mut home));
        meet(&world, &alice, &bob, &["lan"]);
    });
}

#[test]
fn a_home_behind_a_carriers_translation_reaches_another_home() {
    on_lab_ground("places::a_home_behind_a_carriers_translation_reaches_another_home", || {
        let world = World::new();
        let mut carrier = world.home(HOME);
        let mut inner = world.home_behind(&mut carrier, HOME);
        let mut other = world.home(HOME);
        let ((alice, _), (bob, _)) = (world.host(&mut inner), world.host(&mut other));
        meet(&world, &alice, &bob, &["direct"]);
    });
}

#[test]
fn two_homes_behind_one_carrier_meet_at_its_hairpin_or_over_the_relay() {
    on_lab_ground(
        "places::two_homes_behind_one_carrier_meet_at_its_hairpin_or_over_the_relay",
        || {
            for (nat, path) in [(HOME.with_hairpin(), "direct"), (HOME, "relay")] {
                let world = World::new();
                let mut carrier = world.home(nat);
                let mut one = world.home_behind(&mut carrier, HOME);
                let mut other = world.home_behind(&mut carrier, HOME);
                let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
                meet(&world, &alice, &bob, &[path]);
            }
        },
    );
}

#[test]
fn ipv6_goes_straight_where_ipv4_cannot() {
    on_lab_ground("places::ipv6_goes_straight_where_ipv4_cannot", || {
        let world = World::with_v6();
        let (mut one, mut other) = (world.home(SYMMETRIC), world.home(SYMMETRIC));
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        meet(&world, &alice, &bob, &["direct"]);
    });
}

fn meet(world: &World, alice: &str, bob: &str, path: &[&str]) {
    let outcome = Meeting::start(world, alice, bob).and_then(|mut meeting| {
        meeting.say_hello()?;
        let after = meeting.wait_path(path, PATIENCE)?;
        println!("{}: {:.1} s after registration", path.join(" or "), after.as_secs_f64());
        Ok(())
    });
    report(outcome);
}
