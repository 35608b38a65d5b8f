//! How often the hard pairs get through, how soon, and at what cost: the table of
//! `docs/nat-traversal.md`.
//!
//! Where a NAT gives every flow another port, getting through is a matter of luck, and one try shows
//! nothing. By default each row has as many tries as CI has time for, and fails only when there are
//! so few successes that a planner which keeps its promise would see this less than once in a million
//! runs. `P2PCHAT_LAB_TRIES=40` asks for the promise itself, and `P2PCHAT_LAB_PAIR='seq/apdf × seq'`
//! for the rows alone whose name has this in it.

use std::collections::VecDeque;
use std::env;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::course::{Course, Places, Try};
use super::ground::on_lab_ground;
use super::nat::{Filtering, Mapping, Nat};

use Places::{CarrierAndHome, DualStack, Homes, OneCarrier, OneHome};

const HOME: Nat = Nat::new(Mapping::Endpoint, Filtering::Port);
const PER_ADDRESS: Nat = Nat::new(Mapping::Address, Filtering::Port);
const SEQUENTIAL: Nat = Nat::new(Mapping::Sequential, Filtering::Port);
const BLOCK: Nat = Nat::new(Mapping::Block, Filtering::Port);
const RANDOM: Nat = Nat::new(Mapping::Random, Filtering::Port);
const LENIENT: Nat = Nat::new(Mapping::Random, Filtering::Address);
const PER_ADDRESS_LENIENT: Nat = Nat::new(Mapping::Address, Filtering::Address);

/// Tries of a row unless the environment says otherwise.
const TRIES: usize = 10;

/// Tries of a row that luck has no part in, at most.
const ENOUGH: usize = 3;

/// The number of tries from which on the share of successes itself is asked for.
const FULL: usize = 40;

/// How seldom a run with fewer tries may fail a planner that keeps its promise.
const UNLUCKY: f64 = 1e-6;

/// Tries that one topology sees before it makes room for the next.
const STINT: usize = 5;

/// Topologies at a time: they mostly wait.
const AT_ONCE: usize = 3;

/// Text flows over the relay this soon after the caller is registered, whatever the routers.
const RELAY_WITHIN: Duration = Duration::from_secs(2);

/// How long a pair that has no direct path is watched.
const WATCHED: Duration = Duration::from_secs(8);

/// What may go to an endpoint that has never answered, and a primer.
const DOZEN: u32 = 13;

/// What is promised to a pair.
#[derive(Clone, Copy, Debug)]
enum Promise {
    /// This share of the tries has such a path that soon.
    Path { kind: &'static str, share: f64, within: Duration },
    /// There is none: the relay stays, and the sides do not waste packets on each other.
    Hopeless,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    places: Places,
    promise: Promise,
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    certain(Homes(HOME, HOME), "direct"),
    within(Homes(SEQUENTIAL, HOME), "direct", 0.95, 3),
    within(Homes(SEQUENTIAL, SEQUENTIAL), "direct", 0.95, 3),
    within(Homes(PER_ADDRESS, HOME), "direct", 0.95, 30),
    within(Homes(BLOCK, HOME), "direct", 0.95, 30),
    within(Homes(RANDOM, HOME), "direct", 0.95, 30),
    within(Homes(BLOCK, BLOCK), "direct", 0.9, 30),
    within(Homes(PER_ADDRESS_LENIENT, RANDOM), "direct", 0.95, 30),
    within(Homes(LENIENT, LENIENT), "direct", 0.95, 30),
    hopeless(Homes(RANDOM, RANDOM)),
    certain(CarrierAndHome { home: HOME, carrier: HOME, other: HOME }, "direct"),
    certain(OneCarrier { home: HOME, carrier: HOME.with_hairpin() }, "direct"),
    hopeless(OneCarrier { home: HOME, carrier: HOME }),
    certain(OneHome(HOME), "lan"),
    certain(DualStack(RANDOM, RANDOM), "direct"),
];

/// Luck has no part in it.
const fn certain(places: Places, kind: &'static str) -> Row {
    within(places, kind, 1.0, 3)
}

const fn within(places: Places, kind: &'static str, share: f64, seconds: u64) -> Row {
    let within = Duration::from_secs(seconds);
    Row { places, promise: Promise::Path { kind, share, within } }
}

const fn hopeless(places: Places) -> Row {
    Row { places, promise: Promise::Hopeless }
}

#[test]
fn the_matrix_of_hard_pairs_is_as_good_as_promised() {
    on_lab_ground("odds::the_matrix_of_hard_pairs_is_as_good_as_promised", || {
        let tries = tries();
        let wanted = env::var("P2PCHAT_LAB_PAIR").unwrap_or_default();
        let rows = ROWS.iter().enumerate();
        let rows = rows.filter(|(_, row)| row.places.to_string().contains(&wanted));
        let stints = rows.flat_map(|(row, _)| {
            let tries = if ROWS[row].needs_luck() { tries } else { tries.min(ENOUGH) };
            (0..tries).step_by(STINT).map(move |begun| (row, STINT.min(tries - begun)))
        });
        let stints: Mutex<VecDeque<(usize, usize)>> = Mutex::new(stints.collect());
        let seen = Mutex::new(vec![Vec::new(); ROWS.len()]);
        let next = || stints.lock().expect("no test panicked").pop_front();
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some((row, tries)) = next() {
                        let mut stint = ROWS[row].run(tries);
                        seen.lock().expect("no test panicked")[row].append(&mut stint);
                    }
                });
            }
        });
        let seen = seen.into_inner().expect("no test panicked");
        println!("{}", table(&seen));
        let broken: String =
            ROWS.iter().zip(&seen).filter_map(|(row, seen)| row.judge(seen)).collect();
        assert!(broken.is_empty(), "{broken}");
    });
}

fn tries() -> usize {
    match env::var("P2PCHAT_LAB_TRIES") {
        Ok(text) => text.parse().expect("P2PCHAT_LAB_TRIES is a number"),
        Err(_) => TRIES,
    }
}

impl Row {
    fn needs_luck(&self) -> bool {
        matches!(self.promise, Promise::Path { share, .. } if share < 1.0)
    }

    fn run(&self, tries: usize) -> Vec<Result<Try, String>> {
        let mut course = Course::lay(self.places);
        let (kind, limit) = match self.promise {
            Promise::Path { kind, within, .. } => (kind, within),
            Promise::Hopeless => ("direct", WATCHED),
        };
        (0..tries).map(|_| course.run(&[kind], limit)).collect()
    }

    /// What is wrong with what was seen.
    fn judge(&self, seen: &[Result<Try, String>]) -> Option<String> {
        let failure = seen.iter().find_map(|seen| seen.as_ref().err());
        if let Some(report) = failure {
            return Some(format!("{}: {report}\n", self.places));
        }
        let late = |seen: &Try| seen.first_line > RELAY_WITHIN;
        if let Some(seen) = seen.iter().flatten().find(|seen| late(seen)) {
            return Some(format!("{}: the first line took {:?}\n", self.places, seen.first_line));
        }
        let settled = seen.iter().flatten().filter(|seen| seen.settled.is_ok()).count();
        match self.promise {
            Promise::Path { share, .. } => {
                let needed = fewest(seen.len(), share);
                if settled >= needed {
                    return None;
                }
                let failed: Vec<&Try> =
                    seen.iter().flatten().filter(|seen| seen.settled.is_err()).collect();
                let spent: Vec<_> = failed.iter().map(|seen| seen.tallies).collect();
                let report = failed.first().and_then(|seen| seen.settled.as_ref().err());
                let report = report.map(String::as_str).unwrap_or_default();
                Some(format!(
                    "{}: {settled} of {}, not {needed}. Those that failed spent {spent:?}. The first \
                     of them: {report}\n",
                    self.places,
                    seen.len()
                ))
            }
            Promise::Hopeless => {
                let wasted = seen.iter().flatten().flat_map(|seen| seen.tallies);
                let most = wasted.map(|tally| tally.packets).max().unwrap_or_default();
                (most > DOZEN).then(|| format!("{}: {most} packets wasted\n", self.places))
            }
        }
    }
}

/// The fewest successes among so many tries that a promise of `share` lets pass.
fn fewest(tries: usize, share: f64) -> usize {
    if tries >= FULL || share >= 1.0 {
        return (share * tries as f64).ceil() as usize;
    }
    // P(X < k) for X binomial: the largest k for which it is small enough.
    let (mut one, mut fewer) = ((1.0 - share).powi(tries as i32), 0.0);
    for successes in 0..=tries {
        fewer += one;
        if fewer >= UNLUCKY {
            return successes;
        }
        one *= (tries - successes) as f64 / (successes + 1) as f64 * share / (1.0 - share);
    }
    tries
}

#[test]
fn a_row_fails_a_good_planner_less_than_once_in_a_million_runs() {
    // 10 tries: seven failures of one in twenty, P = 8e-8, but six, P = 3e-6.
    assert_eq!(fewest(10, 0.95), 4);
    assert_eq!(fewest(10, 0.9), 3);
    assert_eq!(fewest(1, 0.95), 0);
    assert_eq!(fewest(40, 0.95), 38);
    assert_eq!(fewest(40, 0.9), 36);
    assert_eq!(fewest(10, 1.0), 10);
}

fn table(seen: &[Vec<Result<Try, String>>]) -> String {
    let mut out = String::from(
        "\n| pair | path | tries | median s | slowest s | packets | entries |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (row, tries) in ROWS.iter().zip(seen).filter(|(_, tries)| !tries.is_empty()) {
        let good: Vec<&Try> = tries.iter().flatten().collect();
        let mut took: Vec<f64> = good
            .iter()
            .filter_map(|seen| seen.settled.as_ref().ok())
            .map(Duration::as_secs_f64)
            .collect();
        took.sort_by(f64::total_cmp);
        let (path, hits) = match row.promise {
            Promise::Path { kind, .. } => (kind, took.len()),
            Promise::Hopeless if took.is_empty() => ("relay", good.len()),
            Promise::Hopeless => ("relay; some direct", good.len() - took.len()),
        };
        let seconds = |at: Option<&f64>| at.map_or_else(|| "–".to_owned(), |at| format!("{at:.2}"));
        let (median, slowest) = (seconds(took.get(took.len() / 2)), seconds(took.last()));
        let both = |of: fn(&super::traffic::Tally) -> u32| {
            [0, 1].map(|side| {
                let mut counts: Vec<u32> =
                    good.iter().map(|seen| of(&seen.tallies[side])).collect();
                counts.sort_unstable();
                match (counts.get(counts.len() / 2), counts.last()) {
                    (Some(median), Some(most)) if median == most => median.to_string(),
                    (Some(median), Some(most)) => format!("{median} (≤ {most})"),
                    _ => "–".to_owned(),
                }
            })
        };
        let [packets, back] = both(|tally| tally.packets);
        let [entries, there] = both(|tally| tally.entries);
        let _ = writeln!(
            out,
            "| {} | {path} | {hits}/{} | {median} | {slowest} | {packets}, {back} | {entries}, {there} |",
            row.places,
            tries.len(),
        );
    }
    out
}
