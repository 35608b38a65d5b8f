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
fn two_homes_each_behind_a_carrier_of_its_own_reach_each_other() {
    on_lab_ground("places::two_homes_each_behind_a_carrier_of_its_own_reach_each_other", || {
        let world = World::new();
        let [alice, bob] = [(), ()].map(|()| {
            let mut carrier = world.home(HOME);
            let mut home = world.home_behind(&mut carrier, HOME);
            world.host(&mut home).0
        });
        meet(&world, &alice, &bob, &["direct"]);
    });
}

/// A guest network: the access point passes nothing from guest to guest.
#[test]
fn two_guests_who_are_kept_apart_meet_at_the_routers_hairpin_or_over_the_relay() {
    on_lab_ground(
        "places::two_guests_who_are_kept_apart_meet_at_the_routers_hairpin_or_over_the_relay",
        || {
            for (nat, path) in [(HOME.with_hairpin(), "direct"), (HOME, "relay")] {
                let world = World::new();
                let mut home = world.home(nat);
                let ((alice, _), (bob, _)) = (world.host(&mut home), world.host(&mut home));
                for guest in [&alice, &bob] {
                    let apart = format!("link set l-{guest} type bridge_slave isolated on");
                    world.ip(&home.router, &apart);
                }
                meet(&world, &alice, &bob, &[path]);
            }
        },
    );
}

/// Two developers, both with the same containers, machines and tunnels, and one real address each.
#[test]
fn addresses_that_lead_to_nobody_do_not_hide_the_one_that_does() {
    on_lab_ground("places::addresses_that_lead_to_nobody_do_not_hide_the_one_that_does", || {
        let world = World::new();
        let mut home = world.home(SYMMETRIC);
        let ((alice, _), (bob, _)) = (world.host(&mut home), world.host(&mut home));
        for host in [&alice, &bob] {
            for number in 10..40 {
                let name = match number % 3 {
                    0 => format!("br-0123456789{number}"),
                    1 => format!("docker{number}"),
                    _ => format!("wg{number}"),
                };
                let address = format!("addr add 172.{number}.0.1/16 dev {name}");
                let batch = format!(
                    "link add {name} type veth peer name far{number}\n{address}\n\
                     link set {name} up\nlink set far{number} up"
                );
                world.ip(host, &batch);
            }
        }
        meet(&world, &alice, &bob, &["lan"]);
    });
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
