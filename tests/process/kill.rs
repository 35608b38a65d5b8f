//! kill -9 at random moments, two hundred times.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::thread;
use std::time::{Duration, Instant};

use p2pchat_wire::random::Random;

use super::programs::chat::Chat;
use super::street::Street;

/// How often somebody dies.
const CYCLES: u32 = 200;

/// The longest life between two deaths.
const LIFE: Duration = Duration::from_millis(900);

/// How long the survivors may take to deliver everything after the last death.
const SETTLE: Duration = Duration::from_secs(60);

/// What the test knows of the lines that it has handed over. Each has a text of its own and is
/// handed over once, so a line that arrives twice was doubled by the chat.
#[derive(Debug, Default)]
struct Ledger {
    next: u32,
    /// Lines whose sender said that it has them: these must arrive.
    owed: BTreeSet<u32>,
    /// How often each was shown as new, over all the receiver's lives.
    shown: BTreeMap<u32, u32>,
    /// Lines shown, as new or as what an earlier life may have shown.
    seen: BTreeSet<u32>,
}

impl Ledger {
    /// Takes down what a sender promised in the life that has ended.
    fn collect_promises(&mut self, sender: &Chat) {
        sender.said().read(|lines| {
            for status in lines.iter().filter_map(|line| line.json.as_ref()) {
                let number = status["ref"].as_str().and_then(|text| text.parse::<u32>().ok());
                let state = status["state"].as_str();
                if let (Some(number), Some("queued" | "sent" | "delivered")) = (number, state) {
                    self.owed.insert(number);
                }
            }
        });
    }

    /// Takes down what a receiver showed in the life that has ended.
    fn collect_shown(&mut self, receiver: &Chat) {
        receiver.said().read(|lines| {
            for message in lines.iter().filter_map(|line| line.json.as_ref()) {
                let number = message["text"].as_str().and_then(|text| text.parse::<u32>().ok());
                let (Some(number), true) = (number, message["type"] == "message") else { continue };
                self.seen.insert(number);
                if message["again"] != true {
                    *self.shown.entry(number).or_default() += 1;
                }
            }
        });
    }
}

#[test]
fn two_hundred_deaths_lose_nothing_and_double_nothing() {
    let seed =
        env::var("P2PCHAT_PROCESS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Random::from_seed([seed; 32]);
    let street = Street::new();
    let mut ledger = Ledger::default();
    let begun = Instant::now();

    let mut server = street.server();
    let mut bob = street.peer("bob");
    bob.wait_ready().unwrap_or_else(|report| panic!("{report}"));
    let mut alice = street.caller("alice", "bob");

    for _ in 0..CYCLES {
        let dies_at = Instant::now() + LIFE * random.below(1000) / 1000;
        while Instant::now() < dies_at {
            alice.send_as(&ledger.next.to_string(), Some("bob"), &ledger.next.to_string());
            ledger.next += 1;
            thread::sleep(Duration::from_millis(u64::from(random.below(40))));
        }
        // A burst, so that death comes between two steps of something.
        for _ in 0..random.below(20) {
            alice.send_as(&ledger.next.to_string(), Some("bob"), &ledger.next.to_string());
            ledger.next += 1;
        }
        thread::sleep(Duration::from_micros(u64::from(random.below(12_000))));
        match random.below(5) {
            0 => {
                server.kill();
                server = street.server();
            }
            1 | 2 => {
                alice.kill();
                ledger.collect_promises(&alice);
                alice = street.caller("alice", "bob");
            }
            _ => {
                bob.kill();
                ledger.collect_shown(&bob);
                bob = street.peer("bob");
            }
        }
    }
    println!("{CYCLES} deaths in {:?}, {} lines handed over", begun.elapsed(), ledger.next);

    // One line more; in order, it is the last to arrive.
    let last = ledger.next;
    alice.send_as(&last.to_string(), Some("bob"), &last.to_string());
    let settled = bob.wait_text(&last.to_string(), SETTLE);
    settled.unwrap_or_else(|report| panic!("seed {seed}: {report}\nalice:\n{}", alice.said()));
    println!("settled after {:?}", begun.elapsed());
    alice.kill();
    bob.kill();
    ledger.collect_promises(&alice);
    ledger.collect_shown(&bob);

    let kept: Vec<u32> =
        street.received("bob").iter().map(|text| text.parse().expect("a number")).collect();
    assert!(kept.is_sorted_by(|a, b| a < b), "seed {seed}: doubled or unordered in the history");
    let kept: BTreeSet<u32> = kept.into_iter().collect();
    let lost: Vec<&u32> = ledger.owed.difference(&kept).collect();
    assert!(lost.is_empty(), "seed {seed}: promised and not delivered: {lost:?}");
    let unseen: Vec<&u32> = kept.difference(&ledger.seen).collect();
    assert!(unseen.is_empty(), "seed {seed}: in the history and never shown: {unseen:?}");
    let doubled: Vec<_> = ledger.shown.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "seed {seed}: shown as new more than once: {doubled:?}");
    println!("{} promised, {} kept, all shown once", ledger.owed.len(), kept.len());
}
