//! One local network and nothing else: no server, no way out.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::ground::on_lab_ground;
use super::meeting::{PATIENCE, peer, report, start_server};
use super::nat::{Filtering, Mapping, Nat};
use super::programs::chat::Chat;
use super::programs::{Folder, peer_program};
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

/// A peer that was told of no rendezvous, ever.
fn without_server(
    world: &World,
    space: &str,
    folder: &Folder,
    name: &str,
    options: &[&str],
) -> Command {
    let mut command = world.command(space, peer_program());
    command.args(options).arg("--data-dir").arg(folder.join(name));
    command
}

/// A line each way.
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

#[test]
fn two_on_a_lan_meet_talk_and_meet_again_without_any_server_or_way_out() {
    on_lab_ground(
        "neighbours::two_on_a_lan_meet_talk_and_meet_again_without_any_server_or_way_out",
        || {
            let world = World::new();
            let (home, alices, bobs) = two_hosts(&world);
            cut_off(&world, &home, [&alices, &bobs]);
            let folder = Folder::new();
            // The first time each says who he is; the name and the key are remembered.
            let first = ["--visible", "--name", "bob"];
            let bob = without_server(&world, &bobs, &folder, "bob", &first);
            let mut bob = Chat::start("bob", bob);
            report(bob.wait_ready());
            let first = ["--visible", "--name", "alice", "--peer", "bob"];
            let alice = without_server(&world, &alices, &folder, "alice", &first);
            let mut alice = Chat::start("alice", alice);
            report(alice.wait("search for bob", PATIENCE, |value| {
                value["type"] == "searching" && value["peer"] == "bob@local"
            }));
            report(talk(&mut alice, &mut bob, "strangers"));
            for chat in [&alice, &bob] {
                assert_eq!(chat.path().as_deref(), Some("lan"), "{}", chat.said());
            }
            alice.kill();
            bob.kill();
            // From then on nobody else needs to know; whoever is started first waits.
            for (first, later) in [("bob", "alice"), ("alice", "bob")] {
                let start = |name: &str| {
                    let space = if name == "bob" { &bobs } else { &alices };
                    let options: &[&str] = if name == "bob" { &[] } else { &["--peer", "bob"] };
                    Chat::start(name, without_server(&world, space, &folder, name, options))
                };
                let one = start(first);
                report(one.wait_ready());
                // What was said a moment ago is not said again within a second (RFC 6762 §6).
                thread::sleep(Duration::from_secs(2));
                let other = start(later);
                let begun = Instant::now();
                let (mut alice, mut bob) = if first == "bob" { (other, one) } else { (one, other) };
                report(talk(&mut alice, &mut bob, &format!("{first} was first")));
                println!("met {:.1} s after the start", begun.elapsed().as_secs_f64());
                let told = alice.said().read(|lines| {
                    lines.iter().any(|line| line.text.contains("rendezvous-unreachable"))
                });
                assert!(!told, "{}", alice.said());
            }
        },
    );
}

#[test]
fn somebody_on_the_lan_who_takes_a_contacts_name_is_told_nothing() {
    on_lab_ground(
        "neighbours::somebody_on_the_lan_who_takes_a_contacts_name_is_told_nothing",
        || {
            let world = World::new();
            let (mut home, alices, bobs) = two_hosts(&world);
            let (mallorys, _) = world.host(&mut home);
            cut_off(&world, &home, [&alices, &bobs]);
            let folder = Folder::new();
            let visible = |space: &str, profile: &str, options: &[&str]| {
                let options = [&["--visible"], options].concat();
                Chat::start(profile, without_server(&world, space, &folder, profile, &options))
            };
            let mut bob = visible(&bobs, "bob", &["--name", "bob"]);
            report(bob.wait_ready());
            let mut alice = visible(&alices, "alice", &["--name", "alice", "--peer", "bob"]);
            report(talk(&mut alice, &mut bob, "bob himself"));
            bob.kill();
            alice.kill();
            let mut mallory = visible(&mallorys, "mallory", &["--name", "bob", "--peer", "alice"]);
            report(mallory.wait_ready());
            mallory.send(None, "it is me, bob");
            let mut alice = visible(&alices, "alice", &["--peer", "bob"]);
            alice.send(None, "for bob alone");
            thread::sleep(Duration::from_secs(5));
            assert_eq!(mallory.texts(), [""; 0], "{}", mallory.said());
            // She was killed, perhaps before it was on disk that she had seen bob's own line.
            let new: Vec<_> =
                alice.texts().into_iter().filter(|text| text != "bob himself, from bob").collect();
            assert_eq!(new, [""; 0], "{}", alice.said());
            let warned = alice
                .said()
                .read(|lines| lines.iter().any(|line| line.text.contains("key-changed")));
            assert!(!warned, "{}", alice.said());
            let bob = visible(&bobs, "bob", &[]);
            report(bob.wait_text("for bob alone", PATIENCE));
        },
    );
}
