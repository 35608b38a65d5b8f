//! Repetition alone: what is repeated, when, and how much of it.

use super::*;

const PATH: PathId = PathId::RELAY;
const ROUND_TRIP: Duration = Duration::from_millis(50);
const WINDOW: usize = 10 * MAX_DATAGRAM;
const LINE: usize = 110;

const IDLE: Standing = Standing { round_trip: ROUND_TRIP, flying: 0, window: WINDOW };

fn epoch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "only differences to it count")]
    static EPOCH: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    *EPOCH
}

fn at(millis: u64) -> Instant {
    epoch() + Duration::from_millis(millis)
}

fn piece(offset: u64) -> ChunkRecord {
    ChunkRecord { id: 0, offset, len: 64, fin: false }
}

/// One packet has left, and nobody knows where it is.
fn after_one(standing: Standing) -> Repetition {
    let mut repetition = Repetition::new(epoch());
    repetition.on_sent(epoch(), PATH, IDLE, LINE, vec![]);
    repetition.on_sent(epoch(), PATH, standing, LINE, vec![piece(0)]);
    repetition
}

/// The moments, in milliseconds, at which something is repeated until nothing waits any more.
fn copies(repetition: &mut Repetition) -> Vec<u128> {
    let mut copies = Vec::new();
    while let Some(due) = repetition.due() {
        while let Some(chunks) = repetition.poll(due, PATH, Some(IDLE), |_| true) {
            assert!(!chunks.is_empty());
            repetition.on_copied(LINE);
            copies.push((due - epoch()).as_millis());
        }
    }
    copies
}

#[test]
fn a_small_packet_on_an_idle_path_is_repeated_once_and_soon() {
    assert_eq!(copies(&mut after_one(IDLE)), [6]);
    let far = Standing { round_trip: 10 * ROUND_TRIP, ..IDLE };
    let mut repetition = Repetition::new(epoch());
    repetition.on_sent(epoch(), PATH, far, LINE, vec![piece(0)]);
    assert_eq!(repetition.due(), Some(at(10)), "a person does not wait for an eighth of it");
}

#[test]
fn a_path_that_loses_much_is_given_a_second_copy() {
    let mut repetition = after_one(IDLE);
    repetition.on_fate(PATH, 60, 0);
    repetition.on_fate(PATH, 0, 3);
    assert_eq!(copies(&mut repetition), [6, 18]);
    // Unless another packet takes it along.
    let mut repetition = after_one(IDLE);
    repetition.on_fate(PATH, 0, 3);
    assert_eq!(repetition.poll_along(at(1), PATH, IDLE, 1000), None, "the first goes by itself");
    assert_eq!(repetition.poll(at(7), PATH, Some(IDLE), |_| true), Some(vec![piece(0)]));
    assert_eq!(repetition.poll_along(at(8), PATH, IDLE, LINE - 1), None, "there is no room");
    assert_eq!(repetition.poll_along(at(8), PATH, IDLE, LINE), Some(vec![piece(0)]));
    assert_eq!(repetition.due(), None);
    let mut repetition = after_one(IDLE);
    repetition.on_fate(PATH, 0, 3);
    repetition.on_fate(PATH, 100, 0);
    assert_eq!(copies(&mut repetition), [6], "it has become better");
}

#[test]
fn what_has_arrived_meanwhile_is_not_repeated() {
    let mut repetition = Repetition::new(epoch());
    repetition.on_sent(epoch(), PATH, IDLE, LINE, vec![piece(0), piece(64)]);
    repetition.on_sent(epoch(), PATH, IDLE, LINE, vec![piece(128)]);
    let is_open = |chunk: ChunkRecord| chunk.offset == 64;
    assert_eq!(repetition.poll(at(7), PATH, Some(IDLE), is_open), Some(vec![piece(64)]));
    assert_eq!(repetition.poll(at(7), PATH, Some(IDLE), is_open), None);
    assert_eq!(repetition.due(), None);
}

#[test]
fn nobody_is_woken_for_what_has_arrived() {
    let mut repetition = after_one(IDLE);
    repetition.on_sent(at(2), PATH, IDLE, LINE, vec![piece(64), piece(128)]);
    repetition.settle(|chunk| chunk.offset == 128);
    assert_eq!(repetition.due(), Some(at(2) + ROUND_TRIP / 8), "the first is not waited for");
    repetition.settle(|_| false);
    assert_eq!(repetition.due(), None);
}

#[test]
fn large_packets_and_those_without_text_are_not_repeated() {
    let mut repetition = Repetition::new(epoch());
    repetition.on_sent(epoch(), PATH, IDLE, SMALL + 1, vec![piece(0)]);
    repetition.on_sent(epoch(), PATH, IDLE, 50, vec![]);
    assert_eq!(repetition.due(), None);
}

#[test]
fn nothing_is_repeated_while_much_is_in_flight() {
    let busy = Standing { flying: WINDOW / 4 + 1, ..IDLE };
    assert_eq!(after_one(busy).due(), None);
    // However large the window is.
    let busy = Standing { flying: CALM_BYTES + 1, window: WINDOW * 100, ..IDLE };
    assert_eq!(after_one(busy).due(), None);
    // It may have come since.
    let mut repetition = after_one(IDLE);
    assert_eq!(repetition.poll(at(7), PATH, Some(busy), |_| true), None);
    assert_eq!(repetition.due(), None);
    let mut repetition = after_one(IDLE);
    assert_eq!(repetition.poll(at(7), PATH, None, |_| true), None);
    assert_eq!(repetition.due(), None);
}

#[test]
fn nothing_is_repeated_into_a_queue_until_it_turns_out_to_be_the_path() {
    let slow = Standing { round_trip: ROUND_TRIP * 2, ..IDLE };
    let mut repetition = after_one(slow);
    assert_eq!(repetition.due(), None);
    let jitter = Standing { round_trip: ROUND_TRIP * 5 / 4, ..IDLE };
    repetition.on_sent(at(1), PATH, jitter, LINE, vec![piece(0)]);
    assert!(repetition.due().is_some());
    repetition.clear();
    for second in 1..=70 {
        repetition.on_sent(at(second * 1000), PATH, slow, LINE, vec![piece(0)]);
    }
    assert!(repetition.due().is_some(), "the path has changed");
}

#[test]
fn copies_take_a_sixteenth_of_the_window_in_a_round_trip_and_no_more() {
    let mut repetition = Repetition::new(epoch());
    let (mut copied, mut now) = (0, 0);
    while now < 60_000 {
        repetition.on_sent(at(now), PATH, IDLE, SMALL, vec![piece(0)]);
        now += 7;
        while repetition.poll(at(now), PATH, Some(IDLE), |_| true).is_some() {
            repetition.on_copied(SMALL);
            copied += SMALL;
        }
    }
    let allowed = WINDOW / PARTS_OF_WINDOW * 60_000 / 50;
    assert!(copied <= allowed + SAVINGS, "{copied} of {allowed}");
    assert!(copied >= allowed - SMALL, "{copied} of {allowed}: what may be used is used");
}

#[test]
fn another_path_starts_anew() {
    let mut repetition = after_one(IDLE);
    repetition.on_fate(PATH, 0, 100);
    repetition.path = None;
    repetition.on_sent(at(1), PATH, IDLE, LINE, vec![piece(64)]);
    assert_eq!(copies(&mut repetition), [7]);
}

#[test]
fn no_more_waits_than_may_be_in_flight() {
    let mut repetition = Repetition::new(epoch());
    for offset in 0..1000 {
        repetition.on_sent(epoch(), PATH, IDLE, LINE, vec![piece(offset * 64)]);
    }
    assert_eq!(repetition.waiting.len(), MAX_WAITING);
}
