//! How long a kernel's NAT keeps mappings, found out beside a chat that loses nothing.
//!
//! Minutes have to pass here, most of them waiting: `cargo test --test lab -- --nocapture lifetimes`.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::ground::on_lab_ground;
use super::meeting::{Meeting, PATIENCE, report};
use super::nat::{Filtering, Mapping, Nat};
use super::programs::peer_program;
use super::world::{Home, SERVER, World};

/// A mapping that was lost shows at once: the next has another port.
const TELLING: Nat = Nat::new(Mapping::Random, Filtering::Port);

/// Lets the other in from whichever port.
const EASY: Nat = Nat::new(Mapping::Endpoint, Filtering::Address);

/// How often each of the two says a line.
const PACE: Duration = Duration::from_millis(500);

/// How long anything may take to be learned.
const LEARNED: Duration = Duration::from_secs(400);

/// How long a chat goes on with what was learned.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// A silence that the router survives, and one that it does not, are to either side of this.
const FORGETS_AFTER: u64 = 25;

/// The age at which a carrier ends mappings.
const ENDS_AFTER: Duration = Duration::from_secs(28);

#[test]
fn the_longest_silence_that_a_router_survives_is_found_and_no_mapping_in_use_is_lost() {
    let name = "lifetimes::the_longest_silence_that_a_router_survives_is_found_and_no_mapping_in_use_is_lost";
    on_lab_ground(name, || {
        let world = World::new();
        let (mut one, mut other) = (world.home(TELLING), world.home(EASY));
        world.forgets_after(&one, FORGETS_AFTER);
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        let mut meeting = report(Meeting::start(&world, &alice, &bob));
        report(meeting.say_hello());
        report(meeting.wait_path(&["direct"], PATIENCE));
        thread::sleep(Duration::from_secs(2));
        let marks = [meeting.alice.mark(), meeting.bob.mark()];
        let begun = Instant::now();
        let known = |keepalive: &Value| keepalive["idle_limit_ms"] != Value::Null;
        while !known(&keepalive(&mut meeting)) {
            assert!(begun.elapsed() < LEARNED, "{}", meeting.alice.said());
            thread::sleep(Duration::from_secs(5));
        }
        println!("found {:?} after the path", begun.elapsed());
        thread::sleep(AFTERWARDS);
        let found = keepalive(&mut meeting);
        assert_eq!(found["idle_limit_ms"], 20_000, "{found}");
        assert_eq!((&found["path_ms"], &found["age_limit_ms"]), (&json!(15_000), &Value::Null));
        for (chat, mark) in [&meeting.alice, &meeting.bob].into_iter().zip(marks) {
            let moved = chat.said().read(|lines| {
                let objects = lines[mark..].iter().filter_map(|line| line.json.clone());
                let moves = |value: &Value| value["type"] == "ready" || value["type"] == "peer";
                objects.filter(moves).collect::<Vec<_>>()
            });
            assert_eq!(moved, Vec::<Value>::new(), "a mapping was lost");
        }
        let data = meeting.folder.join("alice");
        let (data, server) = (data.to_str().expect("a path of this test"), SERVER[0].to_string());
        let program = peer_program().to_str().expect("a path of this build");
        let arguments = ["--data-dir", data, "doctor", "--rendezvous", &server, "--json"];
        let said = world.run(&alice, program, &arguments);
        let doctor: Value = serde_json::from_str(&said).expect("an object");
        assert_eq!(doctor["keepalive"], found, "{said}");
    });
}

#[test]
fn a_carrier_that_ends_mappings_at_a_certain_age_is_left_in_time_and_loses_no_line() {
    let name = "lifetimes::a_carrier_that_ends_mappings_at_a_certain_age_is_left_in_time_and_loses_no_line";
    on_lab_ground(name, || {
        let world = World::new();
        let (mut one, mut other) = (world.home(TELLING), world.home(EASY));
        let ((alice, address), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        let mut meeting = report(Meeting::start(&world, &alice, &bob));
        report(meeting.say_hello());
        report(meeting.wait_path(&["direct"], PATIENCE));
        let mut carrier = Carrier::new(address.to_string());
        let (begun, mut learned, mut lines) = (Instant::now(), None, 0);
        while learned.is_none_or(|(_, at): (_, Instant)| at.elapsed() < AFTERWARDS) {
            carrier.end_old_mappings(&world, &one);
            meeting.alice.send(None, &format!("to bob {lines}"));
            meeting.bob.send(Some("alice"), &format!("to alice {lines}"));
            lines += 1;
            if learned.is_none() && lines % 20 == 0 {
                let age = keepalive(&mut meeting)["age_limit_ms"].as_u64();
                learned = age.map(|age| (age, Instant::now()));
                assert!(begun.elapsed() < LEARNED, "{}", meeting.alice.said());
            }
            thread::sleep(PACE);
        }
        let (age, at) = learned.expect("the loop ends with it");
        println!("{lines} lines each way; {age} ms learned after {:?}", at.duration_since(begun));
        println!("{} mappings ended by the carrier", carrier.ended);
        assert!((20_000..=28_000).contains(&age), "{age}");
        let last = lines - 1;
        report(meeting.bob.wait_text(&format!("to bob {last}"), PATIENCE));
        report(meeting.alice.wait_text(&format!("to alice {last}"), PATIENCE));
        let told = |greeting: &'static str, words: &'static str| {
            let said = (0..lines).map(move |line| format!("{words} {line}"));
            std::iter::once(greeting.to_owned()).chain(said)
        };
        assert!(meeting.bob.texts().into_iter().eq(told("hello, bob", "to bob")));
        assert!(meeting.alice.texts().into_iter().eq(told("hello, alice", "to alice")));
        for chat in [&meeting.alice, &meeting.bob] {
            let states = chat.states();
            let began = states.iter().position(|state| state == "connected").expect("a session");
            assert!(states[began..].iter().all(|state| state == "connected"), "{states:?}");
        }
    });
}

/// What Alice's program says of her router.
fn keepalive(meeting: &mut Meeting) -> Value {
    let mark = meeting.alice.mark();
    meeting.alice.command("/path");
    let paths = meeting.alice.wait_from(mark, "paths", PATIENCE, |value| value["type"] == "paths");
    report(paths).json.expect("an object")["keepalive"].clone()
}

/// Ends all mappings of a socket once the oldest of them has a certain age, however busy they are.
struct Carrier {
    inside: String,
    /// When each port of the inside host was first seen.
    ports: BTreeMap<String, Instant>,
    ended: u32,
}

impl Carrier {
    fn new(inside: String) -> Self {
        Self { inside, ports: BTreeMap::new(), ended: 0 }
    }

    fn end_old_mappings(&mut self, world: &World, home: &Home) {
        let flows = world.run(&home.router, "conntrack", &["-L", "-p", "udp", "-s", &self.inside]);
        let sources = flows.lines().filter_map(|flow| {
            let port = flow.split_whitespace().find_map(|field| field.strip_prefix("sport="));
            port.map(ToOwned::to_owned)
        });
        let now = Instant::now();
        let sources: Vec<String> = sources.collect();
        self.ports.retain(|port, _| sources.contains(port));
        for port in sources {
            self.ports.entry(port).or_insert(now);
        }
        let old = |seen: &Instant| now.duration_since(*seen) >= ENDS_AFTER;
        let due: Vec<_> = self.ports.iter().filter(|(_, seen)| old(seen)).collect();
        let due: Vec<String> = due.into_iter().map(|(port, _)| port.clone()).collect();
        for port in due {
            let of = ["-D", "-p", "udp", "-s", &self.inside, "--sport", &port];
            world.run(&home.router, "conntrack", &of);
            self.ports.remove(&port);
            self.ended += 1;
        }
    }
}
