//! How long it takes to find lines among a million, and to start with a hundred thousand.
//!
//! `cargo bench --bench history`. The first run makes the profiles in `target/bench-history`, which
//! takes a minute; later runs use them again.

#![allow(missing_docs, reason = "criterion makes a public function")]
#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a bench drives the real world")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use p2pchat::chat::{
    Address, Audience, Contact, LineId, Manner, ReceivedLine, StoreReply, StoreRequest, Timestamp,
};
use p2pchat::store::{Profile, Reader};
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::random::Random;

const PEOPLE: u64 = 20;

/// Words as often as Zipf has them: the n-th of 20,000 with a probability of 1/n.
struct Words {
    random: Random,
    rest: Vec<f64>,
}

impl Words {
    fn new() -> Self {
        let mut sum = 0.0;
        let rest = (1..=20_000).map(|rank| {
            sum += 1.0 / f64::from(rank);
            sum
        });
        Self { rest: rest.collect(), random: Random::from_seed([1; 32]) }
    }

    fn rank(&mut self) -> usize {
        let all = self.rest.last().copied().unwrap_or(1.0);
        let at = f64::from(self.random.below(1 << 30)) / f64::from(1 << 30) * all;
        self.rest.partition_point(|sum| *sum < at)
    }

    /// Latin letters for half of the lines, Chinese for the others.
    fn line(&mut self) -> String {
        let chinese = self.random.below(2) == 0;
        let words = (0..4 + self.random.below(9)).map(|_| {
            let rank = self.rank();
            if chinese { han(rank) } else { latin(rank) }
        });
        words.collect::<Vec<_>>().join(if chinese { "" } else { " " })
    }
}

fn latin(rank: usize) -> String {
    let syllables = ["ka", "me", "ti", "so", "ru", "na", "lo", "vi", "de", "pa", "shu", "gor"];
    let mut word = String::new();
    let mut rest = rank + 7;
    while rest > 0 {
        word += syllables[rest % syllables.len()];
        rest /= syllables.len();
    }
    word
}

fn han(rank: usize) -> String {
    let character = |number: usize| {
        char::from_u32(0x4e00 + u32::try_from(number % 3000).unwrap_or(0)).unwrap_or('一')
    };
    [character(rank * 7), character(rank * 13 + 5)].iter().collect()
}

fn address(number: u64) -> Address {
    Address::new(Name::new(&format!("friend{number}")).expect("a name"), "rv.example")
}

/// A profile with so many lines, all of them seen.
fn profile(lines: u64) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-history-{lines}"));
    if dir.join("made").exists() {
        return dir;
    }
    let _ = std::fs::remove_dir_all(&dir);
    let store = Profile::open(&dir).expect("opens").run(|reply| {
        assert!(!matches!(reply, StoreReply::Failed(_)), "{reply:?}");
    });
    let store = store.expect("runs");
    for number in 0..PEOPLE {
        store.request(StoreRequest::SaveContact(Contact {
            address: address(number),
            key: Some(PeerId([u8::try_from(number).unwrap_or(0); 32])),
            verified: false,
            offered: None,
            log: number,
            last_seq: 0,
            waiting: 0,
            unread: 0,
            since: Timestamp(0),
        }));
    }
    let mut words = Words::new();
    for number in 0..lines {
        let (from, seq) = (number % PEOPLE, number / PEOPLE + 1);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        store.request(StoreRequest::Receive(ReceivedLine {
            from: address(from),
            peer: PeerId([u8::try_from(from).unwrap_or(0); 32]),
            log: 1,
            seq,
            after: seq - 1,
            id: LineId(id),
            sent_at: Timestamp(1_700_000_000_000 + number * 1000),
            received_at: Timestamp(1_700_000_000_000 + number * 1000),
            audience: Audience::You,
            text: words.line(),
            manner: Manner::Text,
        }));
        if number + PEOPLE >= lines {
            store.request(StoreRequest::Shown(vec![(address(from), LineId(id))]));
        }
    }
    store.close();
    std::fs::write(dir.join("made"), "").expect("writes");
    dir
}

fn search(criterion: &mut Criterion) {
    let dir = profile(1_000_000);
    let reader = Reader::open(&dir).expect("reads").expect("is there");
    let friend = address(3);
    let mut group = criterion.benchmark_group("search in 1,000,000 lines");
    group.measurement_time(Duration::from_secs(5));
    for (name, text, with) in [
        ("the most frequent word", latin(0), None),
        ("a rare word", latin(15_000), None),
        ("a word and another", format!("{} {}", latin(40), latin(300)), None),
        ("one letter", "k".to_owned(), None),
        ("two characters of Chinese", han(50), None),
        ("one character of Chinese", han(50).chars().take(1).collect(), None),
        ("four characters of Chinese", han(1) + &han(2), None),
        ("what nobody said", "xylophone".to_owned(), None),
        ("a word, with one person", latin(40), Some(&friend)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(reader.search(with, black_box(&text), 50).expect("finds")));
        });
    }
    group.finish();
}

fn start(criterion: &mut Criterion) {
    let dir = profile(100_000);
    let mut group = criterion.benchmark_group("start with 100,000 lines");
    group.bench_function("profile, snapshot, first page", |bencher| {
        bencher.iter(|| {
            let profile = Profile::open(&dir).expect("opens");
            black_box(profile.snapshot().expect("reads"));
            drop(profile);
            let reader = Reader::open(&dir).expect("reads").expect("is there");
            black_box(reader.history(Some(&address(3)), 100).expect("reads"));
        });
    });
    group.finish();
}

criterion_group!(benches, search, start);
criterion_main!(benches);
