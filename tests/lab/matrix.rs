//! Every kind of router against every other: who gets through directly.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::ground::on_lab_ground;
use super::meeting::{Meeting, PATIENCE};
use super::nat::{Filtering, Mapping, Nat};
use super::world::World;

/// The rows and columns. `None` is a host with a public address and nothing in between.
const KINDS: [Option<Nat>; 10] = [
    None,
    Some(Nat::new(Mapping::Endpoint, Filtering::None)),
    Some(Nat::new(Mapping::Endpoint, Filtering::Address)),
    Some(Nat::new(Mapping::Endpoint, Filtering::Port)),
    Some(Nat::new(Mapping::Endpoint, Filtering::Port).with_hairpin()),
    Some(Nat::new(Mapping::Endpoint, Filtering::Open)),
    Some(Nat::new(Mapping::Address, Filtering::Port)),
    Some(Nat::new(Mapping::Sequential, Filtering::Port)),
    Some(Nat::new(Mapping::Block, Filtering::Port)),
    Some(Nat::new(Mapping::Random, Filtering::Port)),
];

/// Meetings at a time: they mostly wait.
const AT_ONCE: usize = 4;

/// Text flows over the relay this soon after the caller is registered, whatever the routers.
const RELAY_WITHIN: Duration = Duration::from_secs(2);

/// How long a pair that is expected to stay on the relay is watched.
const WATCHED: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expected {
    Direct,
    Relay,
}

#[test]
fn each_pair_of_routers_takes_the_best_path_it_has() {
    on_lab_ground("matrix::each_pair_of_routers_takes_the_best_path_it_has", || {
        let pairs: Vec<(usize, usize)> =
            (0..KINDS.len()).flat_map(|a| (a..KINDS.len()).map(move |b| (a, b))).collect();
        let next = AtomicUsize::new(0);
        let seen = Mutex::new(vec![vec![String::new(); KINDS.len()]; KINDS.len()]);
        let problems = Mutex::new(String::new());
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(&(a, b)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let expected = expected(KINDS[a], KINDS[b]);
                        let cell = match meet(KINDS[a], KINDS[b], expected) {
                            Ok(cell) => cell,
                            Err(problem) => {
                                let mut problems = problems.lock().expect("no test panicked");
                                let (a, b) = (shown(KINDS[a]), shown(KINDS[b]));
                                let _ = writeln!(problems, "{a} calls {b}: {problem}");
                                format!("NOT {expected:?}")
                            }
                        };
                        seen.lock().expect("no test panicked")[a][b] = cell;
                    }
                });
            }
        });
        println!("{}", table(&seen.into_inner().expect("no test panicked")));
        let problems = problems.into_inner().expect("no test panicked");
        assert!(problems.is_empty(), "{problems}");
    });
}

/// One side's port is known and the other side, which need not be known, is let in: direct.
fn expected(one: Option<Nat>, other: Option<Nat>) -> Expected {
    let predictable = |nat: Option<Nat>| nat.is_none_or(Nat::is_predictable);
    let admits = |nat: Option<Nat>| nat.is_none_or(Nat::admits_any_port) && predictable(nat);
    if (predictable(one) && predictable(other)) || admits(one) || admits(other) {
        Expected::Direct
    } else {
        Expected::Relay
    }
}

fn meet(one: Option<Nat>, other: Option<Nat>, expected: Expected) -> Result<String, String> {
    let world = World::new();
    let place = |nat: Option<Nat>| match nat {
        Some(nat) => world.host(&mut world.home(nat)).0,
        None => world.public_host(),
    };
    let (alice, bob) = (place(one), place(other));
    let mut meeting = Meeting::start(&world, &alice, &bob)?;
    let first_line = meeting.say_hello()?;
    if first_line > RELAY_WITHIN {
        return Err(format!("the first line took {first_line:?}"));
    }
    let limit = if expected == Expected::Direct { PATIENCE } else { WATCHED };
    let cell = match (meeting.wait_path(&["direct", "lan"], limit), expected) {
        (Ok(after), Expected::Direct) => format!("direct {:.2}", after.as_secs_f64()),
        // Better than what every pair of this kind can have.
        (Ok(after), Expected::Relay) => format!("DIRECT {:.2}", after.as_secs_f64()),
        (Err(_), Expected::Relay) => format!("relay  {:.2}", first_line.as_secs_f64()),
        (Err(report), Expected::Direct) => return Err(report),
    };
    meeting.alice.send(None, "still there?");
    meeting.bob.wait_text("still there?", PATIENCE)?;
    meeting.bob.send(Some("alice"), "still here");
    meeting.alice.wait_text("still here", PATIENCE)?;
    Ok(cell)
}

fn shown(nat: Option<Nat>) -> String {
    nat.map_or_else(|| "public".to_owned(), |nat| nat.to_string())
}

fn table(seen: &[Vec<String>]) -> String {
    let mut out = String::from(
        "\npath and seconds after registration, of the direct path or of the first line relayed\n",
    );
    let _ = write!(out, "{:>12}", "");
    for kind in KINDS {
        let _ = write!(out, "{:>12}", shown(kind));
    }
    for (row, kind) in seen.iter().zip(KINDS) {
        let _ = write!(out, "\n{:>12}", shown(kind));
        for cell in row {
            let _ = write!(out, "{cell:>12}");
        }
    }
    out
}
