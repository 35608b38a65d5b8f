//! How long it takes to find lines among a million.
//!
//! `cargo bench --bench history`. The first run makes the profile, which takes some minutes; later
//! runs use it again. What is measured is one search as the chat asks for it: 50 lines, newest first,
//! as they are shown. The first search of each kind is told apart: it reads from the disk what the
//! others find in memory.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench drives the real world"
)]

mod figures;
#[allow(dead_code, reason = "another bench needs more of it")]
mod people;

use std::hint::black_box;
use std::time::{Duration, Instant};

use figures::{Sample, heading, processor_time};
use p2pchat::store::Reader;
use people::{english, friend, han, profile};

const LINES: u64 = 1_000_000;
const HOST: &str = "rv.example";

/// As many as the screen asks for at once.
const LIMIT: usize = 50;

fn main() {
    let dir = profile(LINES, HOST, 0);
    let friend = friend(3, HOST);
    let part = |word: String| word.chars().take(1).collect::<String>();
    heading("search in 1,000,000 lines of 20 conversations, the newest 50");
    for (name, text, with) in [
        ("English: the most frequent word", english(0), None),
        ("English: a word of the middle", english(300), None),
        ("English: a rare word", english(15_000), None),
        ("English: two words", format!("{} {}", english(40), english(300)), None),
        ("English: two frequent words", format!("{} {}", english(0), english(1)), None),
        ("English: the beginning of a word", "ab".to_owned(), None),
        ("English: one letter", "k".to_owned(), None),
        ("English: what nobody said", "xylophone".to_owned(), None),
        ("Chinese: the most frequent word", han(0), None),
        ("Chinese: a word of the middle", han(300), None),
        ("Chinese: a rare word", han(15_000), None),
        ("Chinese: one character", part(han(300)), None),
        ("Chinese: four characters", han(1) + &han(2), None),
        ("Chinese: two rare words", format!("{} {}", han(9_000), han(12_000)), None),
        (
            "both: a rare word, the most frequent",
            format!("{} {}", english(9_000), english(0)),
            None,
        ),
        ("both: frequent, never in one line", format!("{} {}", english(0), han(0)), None),
        ("with one person: the most frequent word", english(0), Some(&friend)),
        ("with one person: a rare word", english(15_000), Some(&friend)),
        ("with one person: a Chinese word", han(300), Some(&friend)),
    ] {
        // A connection of its own, so that nothing of the search before helps.
        let reader = Reader::open(&dir).expect("reads").expect("is there");
        let search = || reader.search(with, black_box(&text), LIMIT).expect("finds");
        let began = Instant::now();
        let found = search().len();
        let first = began.elapsed();
        let mut sample = Sample::default();
        let used = processor_time(None);
        let end = Instant::now() + Duration::from_secs(2);
        let mut times = 0;
        while times < 20 || (Instant::now() < end && times < 1000) {
            let began = Instant::now();
            black_box(search());
            sample.push(began.elapsed());
            times += 1;
        }
        let used = (processor_time(None) - used) / times;
        sample.tell(name);
        println!("    {text:?}: {found} found, the first time {first:.1?}, processor {used:.1?}");
    }
}
