//! How many stories are told, each from one seed.
//!
//! `P2PCHAT_SIM_SEEDS` says how many of each kind; those that once failed are in `regressions.txt` and are
//! told every time.

use std::panic::{RefUnwindSafe, catch_unwind};

/// The seeds of stories that once failed.
const REGRESSIONS: &str = include_str!("regressions.txt");

/// So many stories that end badly are told of at most, for each of two halves.
const ENOUGH: usize = 3;

/// The stories of one kind that once failed: lines that begin with the kind, then a number. What follows
/// a `#` says what it once found.
pub(crate) fn once_failed(kind: &str) -> impl Iterator<Item = u64> + '_ {
    let said =
        REGRESSIONS.lines().filter_map(move |line| line.split('#').next()?.strip_prefix(kind));
    said.filter_map(|number| number.trim().parse().ok())
}

/// How many stories: the environment's word, else a number that a check of every push can afford.
fn how_many(usual: u64) -> u64 {
    std::env::var("P2PCHAT_SIM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Tells as many stories as are `usual`, or as the environment says.
#[track_caller]
pub(crate) fn tell_all(usual: u64, tell: impl Fn(u64) + RefUnwindSafe + Sync) {
    let (end, tell) = (how_many(usual), &tell);
    // Every other story from `first` on; the seeds of those that end badly.
    let tell_half = move |first: u64| {
        let half = (first..end).step_by(2);
        let failed = half.filter(|&seed| catch_unwind(|| tell(seed)).is_err());
        failed.take(ENOUGH).collect::<Vec<u64>>()
    };
    // Two halves at once: a check of every push has two processors.
    let failed: Vec<u64> = std::thread::scope(|scope| {
        let halves = [0, 1].map(|first| scope.spawn(move || tell_half(first)));
        halves.into_iter().flat_map(|half| half.join().expect("it catches panics")).collect()
    });
    assert!(failed.is_empty(), "stories that end badly (see above): {failed:?}");
}
