//! What happens to a chat that runs: paths cut and mended, routers that forget, loss, no UDP.

use std::thread;
use std::time::{Duration, Instant};

use super::ground::on_lab_ground;
use super::meeting::{Meeting, PATIENCE, peer, report};
use super::nat::{Filtering, Mapping, Nat};
use super::programs::Folder;
use super::programs::chat::Chat;
use super::walls::Wall;
use super::world::World;

const HOME: Nat = Nat::new(Mapping::Endpoint, Filtering::Port);
const STRAIGHT: &[&str] = &["direct", "lan"];

/// Lines of the long run, and how many are said in a second.
const LINES: u32 = 10_000;
const PACE: u32 = 500;

#[test]
fn a_cut_path_loses_nothing_and_comes_back() {
    on_lab_ground("weather::a_cut_path_loses_nothing_and_comes_back", || {
        let world = World::new();
        let (mut one, mut other) = (world.home(HOME), world.home(HOME));
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        let mut meeting = report(Meeting::start(&world, &alice, &bob));
        report(meeting.say_hello());
        report(meeting.wait_path(STRAIGHT, PATIENCE));

        let begun = Instant::now();
        let (mut cut, mut mended) = (None, None);
        for number in 0..LINES {
            let due = begun + Duration::from_secs(1) * number / PACE;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            meeting.alice.send(None, &number.to_string());
            if number == LINES / 4 {
                world.cut_between(one.wan, other.wan);
                cut = Some((meeting.alice.mark(), Instant::now()));
            }
            if number == LINES / 2 {
                let (mark, at) = cut.expect("cut at a quarter");
                let relayed = report(meeting.alice.wait_path(mark, &["relay"], PATIENCE));
                println!("relayed {:?} after the cut", relayed.at.duration_since(at));
                world.mend();
                mended = Some((meeting.alice.mark(), Instant::now()));
            }
        }
        let (mark, at) = mended.expect("mended at half");
        let straight = report(meeting.alice.wait_path(mark, STRAIGHT, Duration::from_secs(15)));
        println!("direct {:?} after the rule's removal", straight.at.duration_since(at));
        report(meeting.bob.wait_text(&(LINES - 1).to_string(), Duration::from_secs(60)));
        println!("{LINES} lines in {:?}", begun.elapsed());

        let expected = (0..LINES).map(|number| number.to_string());
        assert!(meeting.bob.texts().into_iter().skip(1).eq(expected), "lost, doubled or unordered");
    });
}

#[test]
fn a_chat_outlives_a_router_that_forgets_its_mappings() {
    on_lab_ground("weather::a_chat_outlives_a_router_that_forgets_its_mappings", || {
        let world = World::new();
        // A random mapping: after the restart the port is another one for sure.
        let random = Nat::new(Mapping::Random, Filtering::Port);
        let open = Nat::new(Mapping::Endpoint, Filtering::None);
        let (mut one, mut other) = (world.home(random), world.home(open));
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        let mut meeting = report(Meeting::start(&world, &alice, &bob));
        report(meeting.say_hello());
        report(meeting.wait_path(STRAIGHT, PATIENCE));
        for round in 0..5 {
            world.reboot(&one);
            let text = format!("after restart {round}");
            meeting.alice.send(None, &text);
            report(meeting.bob.wait_text(&text, PATIENCE));
            // Now the side that was not told: its old way in is closed.
            world.reboot(&one);
            let text = format!("and back {round}");
            meeting.bob.send(Some("alice"), &text);
            report(meeting.alice.wait_text(&text, Duration::from_secs(30)));
        }
        report(meeting.alice.wait_path(0, STRAIGHT, PATIENCE));
    });
}

#[test]
fn lines_arrive_in_order_where_a_fifth_of_the_datagrams_does_not() {
    on_lab_ground("weather::lines_arrive_in_order_where_a_fifth_of_the_datagrams_does_not", || {
        let world = World::new();
        let (mut one, mut other) = (world.home(HOME), world.home(HOME));
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        world.lose(20);
        let mut meeting = report(Meeting::start(&world, &alice, &bob));
        report(meeting.alice.wait_ready());
        for number in 0..1000 {
            meeting.alice.send(None, &number.to_string());
        }
        report(meeting.bob.wait_text("999", Duration::from_secs(60)));
        let expected = (0..1000).map(|number| number.to_string());
        assert!(meeting.bob.texts().into_iter().eq(expected), "lost, doubled or unordered");
    });
}

#[test]
fn without_udp_and_tcp_the_peer_says_so_and_leaves_with_5() {
    on_lab_ground("weather::without_udp_and_tcp_the_peer_says_so_and_leaves_with_5", || {
        let world = World::new();
        let folder = Folder::new();
        let _server = super::meeting::start_server(&world, &folder);
        let mut home = world.home(Nat::new(Mapping::Endpoint, Filtering::Port));
        world.wall(&home, Wall::Everything);
        let (host, _) = world.host(&mut home);
        let mut command = peer(&world, &host, &folder, "alice");
        command.args(["--peer", "bob@203.0.113.10", "--timeout", "8s"]);
        let mut alice = Chat::start("alice", command);
        alice.send(None, "nobody hears this");
        let status = report(alice.leave(Duration::from_secs(40)));
        assert_eq!(status.code(), Some(5), "{}", alice.said());
        let sentence = alice.said().to_string();
        let cause = "neither over UDP nor over TCP";
        assert!(sentence.contains(cause), "no sentence names the cause:\n{sentence}");
    });
}
