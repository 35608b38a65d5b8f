//! One local network and nothing else: no server, no way out.

use std::thread;
use std::time::{Duration, Instant};

use super::ground::on_lab_ground;
use super::meeting::{PATIENCE, peer, report, start_server};
use super::nat::{Filtering, Mapping, Nat};
use super::programs::Folder;
use super::programs::chat::Chat;
use super::world::{Home, SERVER, World};

const HOME: Nat = Nat::new(Mapping::Endpoint, Filtering::Port);

/// Two hosts of one home.
fn two_hosts(world: &World) -> (Home, String, String) {
    let mut home = world.home(HOME);
    let ((alice, _), (bob, _)) = (world.host(&mut home), world.host(&mut home));
    (home, alice, bob)
}

/// From now on the network has no way out, and its hosts know of none.
fn cut_off(world: &World, home: &Home, hosts: [&str; 2]) {
    world.ip(&home.router, "link set wan down");
    for host in hosts {
        world.ip(host, "route del default");
    }
}

/// Lines both ways until `limit` after now, each of which must arrive.
fn talk(alice: &mut Chat, bob: &mut Chat, round: &str) -> Result<(), String> {
    let begun = Instant::now();
    let (hers, his) = (format!("{round}, from alice"), format!("{round}, from bob"));
    alice.send(None, &hers);
    bob.wait_text(&hers, PATIENCE)?;
    bob.send(Some("alice"), &his);
    alice.wait_text(&his, PATIENCE)?;
    println!("{round}: both ways in {} ms", begun.elapsed().as_millis());
    Ok(())
}

#[test]
fn a_chat_begun_by_a_rendezvous_outlives_the_server_the_uplink_and_both_programs() {
    on_lab_ground(
        "neighbours::a_chat_begun_by_a_rendezvous_outlives_the_server_the_uplink_and_both_programs",
        || {
            let world = World::new();
            let (home, alices, bobs) = two_hosts(&world);
            let folder = Folder::new();
            let mut server = start_server(&world, &folder);
            let calling = || {
                let mut command = peer(&world, &alices, &folder, "alice");
                command.args(["--peer", &format!("bob@{}", SERVER[0])]);
                command
            };
            let mut bob = Chat::start("bob", peer(&world, &bobs, &folder, "bob"));
            report(bob.wait_ready());
            let mut alice = Chat::start("alice", calling());
            report(talk(&mut alice, &mut bob, "with a server"));
            report(alice.wait_path(0, &["lan"], PATIENCE));
            let mark = alice.mark();
            server.kill();
            cut_off(&world, &home, [&alices, &bobs]);
            for round in 0..10 {
                report(talk(&mut alice, &mut bob, &format!("cut off {round}")));
                thread::sleep(Duration::from_millis(500));
            }
            let broken = alice.wait_from(mark, "break", Duration::ZERO, |value| {
                value["type"] == "peer" && value["state"] != "connected"
            });
            assert!(broken.is_err(), "{}", alice.said());
            alice.kill();
            bob.kill();
            let mut bob = Chat::start("bob", peer(&world, &bobs, &folder, "bob"));
            let mut alice = Chat::start("alice", calling());
            let started = Instant::now();
            report(talk(&mut alice, &mut bob, "started anew"));
            println!("met again {:.1} s after the start", started.elapsed().as_secs_f64());
            assert_eq!(alice.path().as_deref(), Some("lan"), "{}", alice.said());
        },
    );
}
