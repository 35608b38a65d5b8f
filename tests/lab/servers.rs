//! Two servers, of which one is killed.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use super::ground::on_lab_ground;
use super::meeting::{PATIENCE, report};
use super::nat::{Filtering, Mapping, Nat};
use super::programs::chat::Chat;
use super::programs::server::Server;
use super::programs::{Folder, peer_program, server_program};
use super::world::{SERVER, World};

const SYMMETRIC: Nat = Nat::new(Mapping::Random, Filtering::Port);

fn server(world: &World, folder: &Folder, address: Ipv4Addr) -> Server {
    let mut command = world.command("srv", server_program());
    command.args(["--listen", &format!("{address}:3478"), "--data-dir"]);
    command.arg(folder.join(&format!("server-{address}")));
    Server::start(command)
}

fn peer(world: &World, space: &str, folder: &Folder, name: &str, more: &[&str]) -> Chat {
    let mut command = world.command(space, peer_program());
    for address in SERVER {
        command.args(["--rendezvous", &address.to_string()]);
    }
    command.args(["--name", name, "--relay-only", "--no-lan"]).args(more);
    command.arg("--data-dir").arg(folder.join(name));
    Chat::start(name, command)
}

#[test]
fn a_relayed_chat_outlives_the_server_that_relays_it() {
    on_lab_ground("servers::a_relayed_chat_outlives_the_server_that_relays_it", || {
        let world = World::new();
        let folder = Folder::new();
        let (mut one, mut other) = (world.home(SYMMETRIC), world.home(SYMMETRIC));
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        let mut servers = SERVER.map(|address| server(&world, &folder, address));
        let bob = peer(&world, &bob, &folder, "bob", &[]);
        report(bob.wait_ready());
        let mut alice = peer(&world, &alice, &folder, "alice", &["--peer", "bob"]);
        alice.send(None, "hello");
        report(bob.wait_text("hello", PATIENCE));
        // The second relay is there a moment after the first word.
        thread::sleep(Duration::from_secs(3));
        servers[0].kill();
        let killed = Instant::now();
        let mut slowest = Duration::ZERO;
        for number in 0..40 {
            let text = format!("line {number}");
            alice.send(None, &text);
            let said = Instant::now();
            let arrived = report(bob.wait_text(&text, PATIENCE));
            slowest = slowest.max(arrived.at.saturating_duration_since(said));
            thread::sleep(Duration::from_millis(50));
        }
        println!("a line took {slowest:?} at most, in {:?} since the kill", killed.elapsed());
        let lines = bob.texts().into_iter().filter(|text| text.starts_with("line "));
        assert!(lines.eq((0..40).map(|number| format!("line {number}"))), "{}", bob.said());
    });
}
