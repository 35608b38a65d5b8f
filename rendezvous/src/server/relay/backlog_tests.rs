//! Who gets how much of a relay that cannot carry everything.

use std::collections::BTreeMap;

use super::super::arena::Buffer;
use super::*;

const SIZE: usize = 1209;

/// A backlog and the pairs that use it.
struct Queue {
    backlog: Backlog,
    /// To receive into: what the backlog left in the place of the last one.
    buffer: Buffer,
    ids: BTreeMap<u64, ClassId>,
    now: u64,
    /// Bytes that each pair's trains had.
    left: BTreeMap<u64, usize>,
    order: Vec<u64>,
}

/// The port of its destination tells a pair.
fn to(pair: u64, side: usize) -> Endpoint {
    let port = (pair * 2) as u16 + side as u16;
    let remote = ([192, 0, 2, 1], port).into();
    Endpoint { remote, local: remote.into() }
}

impl Queue {
    fn new(quantum: usize) -> Self {
        let (ids, left) = (BTreeMap::new(), BTreeMap::new());
        let (backlog, buffer) = (Backlog::new(quantum), Buffer::default());
        Self { backlog, buffer, ids, now: 0, left, order: Vec::new() }
    }

    /// `count` datagrams come in one buffer.
    fn arrive(&mut self, pair: u64, side: usize, count: usize, size: usize) {
        self.arrive_with(pair, side, count, size, 0);
    }

    /// As [`arrive`](Self::arrive), and all bytes are this one.
    fn arrive_with(&mut self, pair: u64, side: usize, count: usize, size: usize, filled: u8) {
        self.buffer.bytes_mut()[..count * size].fill(filled);
        let slot = self.backlog.keep(&mut self.buffer);
        let flow = Flow { pair, side, to: to(pair, side) };
        let run = Run { start: 0, length: count * size, size };
        self.backlog.push(self.now, self.ids.entry(pair).or_default(), flow, slot, run);
        self.backlog.give_back(slot);
    }

    /// One train leaves, if one may; its bytes.
    fn leave(&mut self, credit: usize) -> usize {
        let Next::Train(train) = self.backlog.next_train(self.now, credit, MAX_JOINED) else {
            return 0;
        };
        let length = train.length;
        assert_eq!(train.pieces().map(<[u8]>::len).sum::<usize>(), length);
        let pair = u64::from(train.to.port() / 2);
        *self.left.entry(pair).or_default() += length;
        self.order.push(pair);
        self.backlog.left(train);
        length
    }

    fn share(&self, pair: u64) -> f64 {
        let all: usize = self.left.values().sum();
        self.left.get(&pair).copied().unwrap_or(0) as f64 / all as f64
    }
}

#[test]
fn a_pair_that_floods_gets_no_more_than_the_others() {
    for quantum in [SIZE, 5_000, MAX_TRAIN] {
        let mut queue = Queue::new(quantum);
        // For each millisecond there is room for 16 datagrams. The first pair sends 200, the others 5 each.
        for _ in 0..2000 {
            queue.now += 1;
            for pair in 1..=4 {
                queue.arrive(0, pair as usize % 2, 50, SIZE);
                queue.arrive(pair, 0, 5, SIZE);
            }
            let mut credit = 16 * SIZE;
            loop {
                let gone = queue.leave(credit);
                if gone == 0 {
                    break;
                }
                credit -= gone;
            }
        }
        for pair in 0..5 {
            let share = queue.share(pair);
            assert!((0.18..=0.22).contains(&share), "pair {pair}, turns of {quantum}: {share}");
        }
    }
}

#[test]
fn a_turn_is_bytes_and_not_datagrams() {
    let mut queue = Queue::new(5_000);
    for _ in 0..200 {
        queue.now += 1;
        queue.arrive(1, 0, 50, 100);
        queue.arrive(2, 0, 10, 1200);
        for _ in 0..2 {
            queue.leave(3_000);
        }
    }
    assert!((0.4..=0.6).contains(&queue.share(1)), "{}", queue.share(1));
}

#[test]
fn whoever_says_little_does_not_wait_for_those_who_say_much() {
    let mut queue = Queue::new(5_000);
    for pair in 10..60 {
        queue.arrive(pair, 0, 50, SIZE);
    }
    for _ in 0..70 {
        queue.leave(usize::MAX);
    }
    queue.arrive(1, 0, 1, 100);
    queue.order.clear();
    queue.leave(usize::MAX);
    assert_eq!(queue.order, [1]);
    // Who comes back before the others have had their turns is no longer new.
    queue.leave(usize::MAX);
    queue.arrive(1, 0, 1, 100);
    queue.order.clear();
    for _ in 0..50 {
        queue.leave(usize::MAX);
    }
    assert!(queue.order.iter().position(|pair| *pair == 1) > Some(45));
}

#[test]
fn both_directions_of_a_pair_share_its_turn() {
    let mut queue = Queue::new(2 * SIZE);
    for _ in 0..100 {
        queue.arrive(1, 0, 5, SIZE);
        queue.arrive(1, 1, 5, SIZE);
        queue.arrive(2, 0, 10, SIZE);
        queue.leave(usize::MAX);
        queue.leave(usize::MAX);
    }
    assert!((0.45..=0.55).contains(&queue.share(1)), "{}", queue.share(1));
}

#[test]
fn what_came_singly_leaves_as_one_train_of_its_direction() {
    let mut queue = Queue::new(MAX_TRAIN);
    for _ in 0..10 {
        for pair in 0..32 {
            queue.arrive(pair, 0, 1, SIZE);
        }
    }
    for _ in 0..32 {
        assert_eq!(queue.leave(usize::MAX), 10 * SIZE);
    }
    assert_eq!(queue.leave(usize::MAX), 0);
    assert_eq!(queue.backlog.bytes(), 0);
}

#[test]
fn a_train_has_one_size_and_a_shorter_last_one() {
    let mut queue = Queue::new(MAX_TRAIN);
    for size in [500, 500, 300, 300, 700] {
        queue.arrive(1, 0, 1, size);
    }
    let lengths: Vec<usize> = (0..3).map(|_| queue.leave(usize::MAX)).collect();
    assert_eq!(lengths, [1300, 300, 700]);
    queue.arrive(1, 0, 200, 100);
    let lengths: Vec<usize> = (0..4).map(|_| queue.leave(usize::MAX)).collect();
    assert_eq!(lengths, [6400, 6400, 6400, 800]);
}

#[test]
fn no_pair_has_more_waiting_than_its_part_and_none_waits_too_long() {
    let mut queue = Queue::new(MAX_TRAIN);
    for _ in 0..200 {
        queue.arrive(1, 0, 54, SIZE);
    }
    let fitting = MAX_PAIR / SIZE;
    assert_eq!(queue.backlog.bytes(), fitting * SIZE);
    assert_eq!(queue.backlog.take_dropped(), (200 * 54 - fitting) as u64);
    queue.now += MAX_WAIT;
    assert!(queue.leave(usize::MAX) > 0);
    queue.now += 1;
    assert_eq!(queue.leave(usize::MAX), 0);
    assert_eq!((queue.backlog.bytes(), queue.backlog.arena.len()), (0, 0));
}

#[test]
fn when_the_buffers_are_used_up_whoever_has_most_of_them_loses_its_oldest() {
    let mut queue = Queue::new(MAX_TRAIN);
    queue.arrive(1, 0, 1, SIZE);
    for n in 0..2 * MAX_BUFFERS {
        queue.arrive(2, n % 2, 1, SIZE);
    }
    queue.arrive(3, 0, 1, SIZE);
    assert_eq!(queue.backlog.arena.len(), MAX_BUFFERS);
    while queue.leave(usize::MAX) > 0 {}
    assert_eq!((queue.left[&1], queue.left[&3]), (SIZE, SIZE));
    assert_eq!(queue.left[&2], (MAX_BUFFERS - 2) * SIZE);
    assert_eq!(queue.backlog.take_dropped(), (MAX_BUFFERS + 2) as u64);
}

#[test]
fn what_may_not_leave_yet_says_how_much_it_needs_and_keeps_its_turn() {
    let mut queue = Queue::new(5_000);
    queue.arrive(1, 0, 10, SIZE);
    queue.arrive(2, 0, 10, SIZE);
    let next = queue.backlog.next_train(0, SIZE - 1, MAX_JOINED);
    assert!(matches!(next, Next::Wait(SIZE)), "{next:?}");
    assert_eq!(queue.leave(SIZE), SIZE);
    assert_eq!(queue.order, [1]);
}

#[test]
fn trains_under_way_keep_what_they_carry_until_they_are_given_back() {
    let mut queue = Queue::new(2 * SIZE);
    queue.arrive_with(1, 0, 4, SIZE, 7);
    queue.arrive_with(2, 0, 2, SIZE, 8);
    let mut under_way = Vec::new();
    while let Next::Train(train) = queue.backlog.next_train(0, usize::MAX, MAX_JOINED) {
        under_way.push(train);
    }
    assert_eq!(under_way.len(), 3);
    assert_eq!((queue.backlog.bytes(), queue.backlog.arena.len()), (0, 2));
    // More comes and goes meanwhile, in other buffers.
    queue.arrive_with(3, 0, 4, SIZE, 9);
    while queue.leave(usize::MAX) > 0 {}
    for train in under_way {
        let filled = if train.to.port() == to(1, 0).remote.port() { 7 } else { 8 };
        assert!(train.pieces().flatten().all(|byte| *byte == filled));
        queue.backlog.left(train);
    }
    assert_eq!(queue.backlog.arena.len(), 0);
}

#[test]
fn of_a_pair_that_has_ended_nothing_waits() {
    let mut queue = Queue::new(5_000);
    queue.arrive(1, 0, 10, SIZE);
    queue.arrive(1, 1, 10, SIZE);
    queue.arrive(2, 0, 1, SIZE);
    queue.backlog.discard(queue.ids[&1], 1);
    // Its place is another's now, and its number nobody's.
    queue.arrive(3, 0, 1, SIZE);
    queue.backlog.discard(queue.ids[&1], 1);
    while queue.leave(usize::MAX) > 0 {}
    assert_eq!(queue.order, [2, 3]);
    assert_eq!(queue.backlog.arena.len(), 0);
}
