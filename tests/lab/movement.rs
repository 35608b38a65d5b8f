//! People move, and their laptops sleep.

use std::thread;
use std::time::{Duration, Instant};

use super::ground::on_lab_ground;
use super::meeting::{Meeting, PATIENCE, report};
use super::nat::{Filtering, Mapping, Nat};
use super::world::World;

const HOME: Nat = Nat::new(Mapping::Endpoint, Filtering::Port);

/// How long a laptop sleeps: longer than a session outlives silence.
const SLEEP: Duration = Duration::from_secs(45);

/// New addresses in one chat.
const REBINDINGS: u8 = 20;

#[test]
fn a_chat_goes_on_when_one_side_takes_its_laptop_to_another_network() {
    on_lab_ground(
        "movement::a_chat_goes_on_when_one_side_takes_its_laptop_to_another_network",
        || {
            let world = World::new();
            let (mut one, mut other) = (world.home(HOME), world.home(HOME));
            let mut cafe = world.home(HOME);
            let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
            let mut meeting = report(Meeting::start(&world, &alice, &bob));
            report(meeting.say_hello());
            report(meeting.wait_path(&["direct"], PATIENCE));
            let mark = meeting.bob.mark();
            world.move_host(&alice, &mut cafe);
            let moved = Instant::now();
            meeting.alice.send(None, "now in the cafe");
            meeting.bob.send(Some("alice"), "where are you?");
            report(meeting.bob.wait_text("now in the cafe", Duration::from_secs(30)));
            report(meeting.alice.wait_text("where are you?", Duration::from_secs(30)));
            println!("both ways {:?} after the move", moved.elapsed());
            let cafe = format!("{}:", cafe.wan);
            report(meeting.bob.wait_from(mark, "direct path to the cafe", PATIENCE, |value| {
                value["path"] == "direct"
                    && value["remote"].as_str().is_some_and(|remote| remote.starts_with(&cafe))
            }));
            println!("direct {:?} after the move", moved.elapsed());
        },
    );
}

#[test]
fn a_new_address_of_the_machine_is_noticed_before_anybody_says_a_word() {
    on_lab_ground(
        "movement::a_new_address_of_the_machine_is_noticed_before_anybody_says_a_word",
        || {
            let world = World::new();
            let (mut one, mut other) = (world.home(HOME), world.home(HOME));
            let ((alice, address), (bob, _)) = (world.host(&mut one), world.host(&mut other));
            let mut meeting = report(Meeting::start(&world, &alice, &bob));
            report(meeting.say_hello());
            report(meeting.wait_path(&["direct"], PATIENCE));
            let [a, b, c, _] = address.octets();
            let (mut noticed, mut followed) = (Vec::new(), Vec::new());
            for last in 100..110 {
                let (here, there) = (meeting.alice.mark(), meeting.bob.mark());
                // What a DHCP client does on another network, in one go.
                let swap = format!(
                    "addr flush dev eth0 scope global\naddr add {a}.{b}.{c}.{last}/24 dev eth0\n\
                     route add default via {a}.{b}.{c}.1"
                );
                world.ip(&alice, &swap);
                let swapped = Instant::now();
                // The router keeps the old flow's port for the old address.
                let seen = meeting
                    .alice
                    .wait_from(here, "another mapping", PATIENCE, |value| value["type"] == "ready");
                noticed.push(report(seen).at.saturating_duration_since(swapped));
                let moved =
                    meeting.bob.wait_from(there, "path from elsewhere", PATIENCE, |value| {
                        value["path"] == "direct"
                    });
                followed.push(report(moved).at.saturating_duration_since(swapped));
            }
            println!("the server knows {}", spread(&mut noticed));
            println!("the other side knows {}", spread(&mut followed));
            assert_one_session(&meeting);
        },
    );
}

#[test]
fn twenty_new_addresses_in_a_row_lose_no_line() {
    on_lab_ground("movement::twenty_new_addresses_in_a_row_lose_no_line", || {
        let world = World::new();
        let (mut one, mut other) = (world.home(HOME), world.home(HOME));
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        let mut meeting = report(Meeting::start(&world, &alice, &bob));
        report(meeting.say_hello());
        report(meeting.wait_path(&["direct"], PATIENCE));
        let (mut arrived, mut followed) = (Vec::new(), Vec::new());
        for round in 0..REBINDINGS {
            let mark = meeting.bob.mark();
            world.renumber(&mut one, 100 + round);
            let (there, back) = (format!("new address {round}"), format!("seen {round}"));
            let said = Instant::now();
            meeting.alice.send(None, &there);
            let line = report(meeting.bob.wait_text(&there, PATIENCE));
            arrived.push(line.at.duration_since(said));
            let wan = format!("{}:", one.wan);
            let direct =
                report(meeting.bob.wait_from(mark, "path to the new address", PATIENCE, |value| {
                    value["path"] == "direct"
                        && value["remote"].as_str().is_some_and(|remote| remote.starts_with(&wan))
                }));
            followed.push(direct.at.duration_since(said));
            meeting.bob.send(Some("alice"), &back);
            report(meeting.alice.wait_text(&back, PATIENCE));
        }
        println!("line at the other side {}", spread(&mut arrived));
        println!("direct to the new address {}", spread(&mut followed));
        let told = |greeting: &'static str, words: &'static str| {
            let lines = (0..REBINDINGS).map(move |round| format!("{words} {round}"));
            std::iter::once(greeting.to_owned()).chain(lines)
        };
        assert!(meeting.bob.texts().into_iter().eq(told("hello, bob", "new address")));
        assert!(meeting.alice.texts().into_iter().eq(told("hello, alice", "seen")));
        assert_one_session(&meeting);
    });
}

/// What healed the chat was roaming: nobody was ever told that the other is anything but connected
/// since the session began.
fn assert_one_session(meeting: &Meeting) {
    for (who, chat) in [("alice", &meeting.alice), ("bob", &meeting.bob)] {
        let states = chat.states();
        let began = states.iter().position(|state| state == "connected").expect("a session");
        assert!(states[began..].iter().all(|state| state == "connected"), "{who}: {states:?}");
    }
}

/// For people: median and greatest. Times depend on what else the machine does, and are not asserted.
fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    format!("after {:?} (median), {:?} (at most)", at(times.len() / 2), at(times.len() - 1))
}

#[test]
fn what_was_said_to_a_sleeping_laptop_arrives_when_it_wakes() {
    on_lab_ground("movement::what_was_said_to_a_sleeping_laptop_arrives_when_it_wakes", || {
        let world = World::new();
        let (mut one, mut other) = (world.home(HOME), world.home(HOME));
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        let mut meeting = report(Meeting::start(&world, &alice, &bob));
        report(meeting.say_hello());
        report(meeting.wait_path(&["direct"], PATIENCE));
        meeting.bob.freeze();
        world.cable(&other, &bob, false);
        for number in 0..10 {
            meeting.alice.send(None, &format!("are you asleep? {number}"));
        }
        thread::sleep(SLEEP);
        world.cable(&other, &bob, true);
        meeting.bob.thaw();
        let woken = Instant::now();
        report(meeting.bob.wait_text("are you asleep? 9", Duration::from_secs(30)));
        println!("all there {:?} after waking", woken.elapsed());
        meeting.bob.send(Some("alice"), "I was");
        report(meeting.alice.wait_text("I was", PATIENCE));
        let asked = (0..10).map(|number| format!("are you asleep? {number}"));
        assert!(meeting.bob.texts().into_iter().skip(1).eq(asked), "{}", meeting.bob.said());
    });
}
