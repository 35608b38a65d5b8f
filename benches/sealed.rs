//! What a passphrase costs, with 100,000 lines on the disk.
//!
//! `cargo bench --bench sealed`. The same lines lie in two profiles, one of them sealed. Of a sealed
//! one the search index is nowhere but in the memory of the chat, which makes it anew at each start;
//! `p2pchat history --search` has none, and reads line by line.

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
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use figures::{Sample, heading, processor_time};
use p2pchat::chat::{StoreReply, StoreRequest};
use p2pchat::store::{DataKey, Profile, Reader, Sealed, Store};
use people::{PASSPHRASE, english, friend, han, profile, sealed};

const LINES: u64 = 100_000;
const HOST: &str = "rv.example";

/// As many lines as the screen asks for at once when it searches.
const LIMIT: usize = 50;

const TIMES: usize = 20;

/// What somebody looks for.
fn words() -> [(&'static str, String); 5] {
    [
        ("a frequent English word", english(0)),
        ("a rare English word", english(15_000)),
        ("a frequent Chinese word", han(0)),
        ("a rare Chinese word", han(15_000)),
        ("what nobody said", "xylophone".to_owned()),
    ]
}

fn main() {
    let (clear, sealed) = (profile(LINES, HOST, 0), sealed(LINES, HOST));
    heading("a profile of 100,000 lines, clear and sealed");
    let mut unlocking = Sample::default();
    let mut key = None;
    for _ in 0..TIMES {
        let found = Sealed::find(&sealed).expect("reads").expect("is sealed");
        let began = Instant::now();
        key = found.unlock(PASSPHRASE);
        unlocking.push(began.elapsed());
    }
    unlocking.tell("the passphrase (Argon2id)");
    let key = key.expect("that is it");
    // First, while no memory is left over from something else.
    index(&sealed, &key);
    for (name, dir, key) in [("clear", &clear, None), ("sealed", &sealed, Some(&key))] {
        read(name, dir, key);
        search_by_a_reader(name, dir, key);
        search_in_the_chat(name, dir, key);
    }
}

/// Lines read back: as the screen begins, and by `p2pchat history --last 1000`.
fn read(name: &str, dir: &Path, key: Option<&DataKey>) {
    let friend = friend(3, HOST);
    for (what, with, limit) in [
        ("200 lines of a conversation", Some(&friend), 200),
        ("1,000 lines of a conversation", Some(&friend), 1000),
        ("1,000 lines of all", None, 1000),
    ] {
        let reader = Reader::unlock(dir, key).expect("reads").expect("is there");
        let mut sample = Sample::default();
        for _ in 0..TIMES {
            let began = Instant::now();
            assert_eq!(black_box(reader.history(with, limit).expect("reads")).len(), limit);
            sample.push(began.elapsed());
        }
        sample.tell(&format!("{name}: {what}"));
    }
}

/// As `p2pchat history --search` does it.
fn search_by_a_reader(name: &str, dir: &Path, key: Option<&DataKey>) {
    for (what, word) in words() {
        let mut sample = Sample::default();
        for _ in 0..TIMES {
            let began = Instant::now();
            let reader = Reader::unlock(dir, key).expect("reads").expect("is there");
            black_box(reader.search(None, black_box(&word), LIMIT).expect("finds"));
            sample.push(began.elapsed());
        }
        sample.tell(&format!("{name}: history --search, {what}"));
    }
}

/// As `/search` does it, once there is an index of all lines.
fn search_in_the_chat(name: &str, dir: &Path, key: Option<&DataKey>) {
    let mut profile = Profile::unlock(dir, key).expect("opens");
    tidied(&mut profile);
    let (store, replies) = run(profile);
    for (what, word) in words() {
        let mut sample = Sample::default();
        for _ in 0..TIMES {
            sample.push(searched(&store, &replies, &word));
        }
        sample.tell(&format!("{name}: /search, {what}"));
    }
}

/// The index that a chat makes of a sealed profile while nobody wants anything else of its store.
fn index(dir: &Path, key: &DataKey) {
    let [mut built, mut used] = [(); 2].map(|()| Sample::default());
    let mut grown = 0;
    for _ in 0..3 {
        let before = resident();
        let mut profile = Profile::unlock(dir, Some(key)).expect("opens");
        let (began, busy) = (Instant::now(), processor_time(None));
        tidied(&mut profile);
        built.push(began.elapsed());
        used.push(processor_time(None) - busy);
        grown = grown.max(resident().saturating_sub(before));
    }
    built.tell("sealed: the index of all lines, in memory");
    used.tell("    processor time");
    // What is asked for while it grows waits for a batch of it, and reads what it has not come to.
    let (store, replies) = run(Profile::unlock(dir, Some(key)).expect("opens"));
    let mut waited = Sample::default();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        waited.push(searched(&store, &replies, &english(0)));
        std::thread::sleep(Duration::from_millis(5));
    }
    waited.tell("sealed: /search in the first second, a frequent word");
    drop(store);
    let (store, replies) = run(Profile::unlock(dir, Some(key)).expect("opens"));
    let first = searched(&store, &replies, "xylophone");
    println!("    at once after the start, for what nobody said: {first:.1?}");
    println!("    the index: {grown} KiB of memory");
}

/// Has the store do all that it does when nobody waits for it.
fn tidied(profile: &mut Profile) {
    let retention = profile.retention().expect("reads");
    profile.keep(retention).expect("writes");
}

fn run(profile: Profile) -> (Store, Receiver<StoreReply>) {
    let (reply, replies) = channel();
    let store = profile.run(move |answer| drop(reply.send(answer))).expect("runs");
    (store, replies)
}

fn searched(store: &Store, replies: &Receiver<StoreReply>, word: &str) -> Duration {
    let began = Instant::now();
    store.request(StoreRequest::Search { with: None, text: word.to_owned(), limit: LIMIT });
    let reply = replies.recv().expect("an answer");
    assert!(!matches!(reply, StoreReply::Failed(_)), "{reply:?}");
    began.elapsed()
}

/// What of this process is in memory, in KiB; 0 where nobody says.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
