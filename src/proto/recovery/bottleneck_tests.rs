//! Flows that share a bottleneck, in virtual time: what they carry, what they lose, how long they make
//! the queue, and what they leave to each other.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use super::ack_ranges::AckRanges;
use super::tests::epoch;
use super::*;

const MTU: usize = 1200;

/// A link with a queue that drops what does not fit, and that loses some by chance.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// Bytes per second.
    rate: u64,
    round_trip: Duration,
    /// The queue, in bytes.
    queue: usize,
    /// Of a thousand packets, each way.
    lost: u32,
}

const fn link(mbits: u64, round_trip_ms: u64, lost: u32) -> Link {
    let rate = mbits * 1_000_000 / 8;
    let queue = (rate * round_trip_ms / 1000) as usize;
    Link { rate, round_trip: Duration::from_millis(round_trip_ms), queue, lost }
}

/// What became of a flow.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Of what the link can carry.
    share: f64,
    /// Bytes that were sent for each that arrived.
    cost: f64,
    /// The mean round trip, in those of the empty link.
    delay: f64,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    Wake(usize),
    Arrives(usize, u64),
    AckDue(usize, u64),
    AckArrives(usize, u64),
}

struct Flow {
    recovery: Recovery<u64>,
    next: u64,
    begins: Instant,
    waking: Option<Instant>,
    received: AckRanges,
    newest: Option<u64>,
    unacknowledged: u32,
    /// How many acknowledgements were ever held back.
    acks_begun: u64,
    acks: VecDeque<(u64, AckRanges)>,
    next_ack: u64,
    sent: u64,
    arrived: u64,
    round_trips: (f64, u32),
}

struct World {
    link: Link,
    random: u64,
    now: Instant,
    /// When what is queued has left.
    busy_until: Instant,
    events: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    ordinal: u64,
    flows: Vec<Flow>,
}

impl World {
    fn new(link: Link, seed: u64, flows: &[(Congestion, u64)]) -> Self {
        let mut world = Self {
            link,
            random: seed.wrapping_mul(2).wrapping_add(1),
            now: epoch(),
            busy_until: epoch(),
            events: BinaryHeap::new(),
            ordinal: 0,
            flows: Vec::new(),
        };
        for (index, &(congestion, begins_s)) in flows.iter().enumerate() {
            let begins = epoch() + Duration::from_secs(begins_s);
            world.flows.push(Flow {
                recovery: Recovery::new(congestion, MTU, begins),
                next: 0,
                begins,
                waking: Some(begins),
                received: AckRanges::default(),
                newest: None,
                unacknowledged: 0,
                acks_begun: 0,
                acks: VecDeque::new(),
                next_ack: 0,
                sent: 0,
                arrived: 0,
                round_trips: (0.0, 0),
            });
            world.at(begins, Event::Wake(index));
        }
        world
    }

    fn at(&mut self, at: Instant, event: Event) {
        self.ordinal += 1;
        self.events.push(Reverse((at, self.ordinal, event)));
    }

    /// xorshift64*
    fn is_lost(&mut self) -> bool {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % 1000 < u64::from(self.link.lost)
    }

    /// Lets time pass; what each flow did from `from` on.
    fn run(&mut self, from: Duration, until: Duration) -> Vec<Figures> {
        let (from, until) = (epoch() + from, epoch() + until);
        let mut marks: Option<Vec<(u64, u64)>> = None;
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            if at > until {
                break;
            }
            self.now = at;
            if at >= from && marks.is_none() {
                marks = Some(self.flows.iter().map(|flow| (flow.sent, flow.arrived)).collect());
                self.flows.iter_mut().for_each(|flow| flow.round_trips = (0.0, 0));
            }
            self.handle(event);
        }
        let capacity = self.link.rate as f64 * (until - from).as_secs_f64();
        let empty = self.link.round_trip.as_secs_f64();
        let marks = marks.expect("something happened");
        let figures = self.flows.iter().zip(marks).map(|(flow, (sent, arrived))| Figures {
            share: (flow.arrived - arrived) as f64 / capacity,
            cost: (flow.sent - sent) as f64 / (flow.arrived - arrived).max(1) as f64,
            delay: flow.round_trips.0 / f64::from(flow.round_trips.1.max(1)) / empty,
        });
        figures.collect()
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Wake(flow) => {
                // One that was called for earlier has been overtaken.
                if self.flows[flow].waking.take_if(|waking| *waking == self.now).is_none() {
                    return;
                }
                let mut out = Outcome::default();
                let now = self.now;
                if self.flows[flow].recovery.timeout().is_some_and(|at| at <= now) {
                    self.flows[flow].recovery.on_timeout(now, &mut out);
                }
                if out.probe {
                    self.send(flow);
                }
                self.fill(flow);
            }
            Event::Arrives(flow, number) => {
                let receiver = &mut self.flows[flow];
                if receiver.received.insert(number) {
                    receiver.arrived += MTU as u64;
                }
                receiver.unacknowledged += 1;
                // As a session does it in a long run of packets.
                let (every, delay) = match receiver.arrived / MTU as u64 {
                    0..100 => (2, MAX_ACK_DELAY),
                    _ => (10, MAX_ACK_DELAY.min(self.link.round_trip / 8)),
                };
                let gap = receiver.newest.is_some_and(|newest| number > newest + 1);
                receiver.newest = Some(number);
                if receiver.unacknowledged >= every || gap {
                    self.acknowledge(flow);
                } else if receiver.unacknowledged == 1 {
                    receiver.acks_begun += 1;
                    let event = Event::AckDue(flow, receiver.acks_begun);
                    self.at(self.now + delay, event);
                }
            }
            Event::AckDue(flow, begun) => {
                if self.flows[flow].unacknowledged > 0 && self.flows[flow].acks_begun == begun {
                    self.acknowledge(flow);
                }
            }
            Event::AckArrives(flow, ack) => self.on_ack(flow, ack),
        }
    }

    fn acknowledge(&mut self, flow: usize) {
        let receiver = &mut self.flows[flow];
        receiver.unacknowledged = 0;
        let ack = receiver.next_ack;
        receiver.next_ack += 1;
        receiver.acks.push_back((ack, receiver.received.clone()));
        if !self.is_lost() {
            let half = self.link.round_trip / 2;
            self.at(self.now + half, Event::AckArrives(flow, ack));
        }
    }

    fn on_ack(&mut self, index: usize, ack: u64) {
        let now = self.now;
        let flow = &mut self.flows[index];
        while flow.acks.front().is_some_and(|(number, _)| *number < ack) {
            flow.acks.pop_front();
        }
        let Some((_, ranges)) = flow.acks.pop_front() else { return };
        let mut out = Outcome::default();
        flow.recovery.on_ack(now, ranges.iter(), Some(Duration::ZERO), &mut out);
        if !out.acked.is_empty() {
            flow.round_trips.0 += flow.recovery.rtt().latest().as_secs_f64();
            flow.round_trips.1 += 1;
        }
        self.fill(index);
    }

    /// A bulk transfer: always more to send.
    fn fill(&mut self, index: usize) {
        let mut paced = None;
        while self.now >= self.flows[index].begins && self.flows[index].recovery.can_send(MTU) {
            paced = self.flows[index].recovery.pacing_delay(self.now, MTU);
            if paced.is_some() {
                break;
            }
            self.send(index);
        }
        let due = self.flows[index].recovery.timeout();
        if let Some(at) = paced.into_iter().chain(due).min() {
            let at = at.max(self.now + Duration::from_nanos(1));
            if self.flows[index].waking.is_none_or(|waking| waking > at) {
                self.flows[index].waking = Some(at);
                self.at(at, Event::Wake(index));
            }
        }
    }

    fn send(&mut self, index: usize) {
        let now = self.now;
        let flow = &mut self.flows[index];
        let number = flow.next;
        flow.next += 1;
        flow.sent += MTU as u64;
        flow.recovery.on_sent(now, number, MTU, true, number);
        let queued = self.busy_until.saturating_duration_since(now).as_secs_f64();
        if queued * self.link.rate as f64 + MTU as f64 > self.link.queue as f64 {
            return;
        }
        let taken = Duration::from_secs_f64(MTU as f64 / self.link.rate as f64);
        self.busy_until = self.busy_until.max(now) + taken;
        if !self.is_lost() {
            self.at(self.busy_until + self.link.round_trip / 2, Event::Arrives(index, number));
        }
    }
}

fn alone(link: Link, congestion: Congestion, seconds: u64) -> Figures {
    let mut world = World::new(link, 1, &[(congestion, 0)]);
    world.run(Duration::ZERO, Duration::from_secs(seconds))[0]
}

/// The first flow's part of what two carry together, long after the second began.
fn part(link: Link, flows: [(Congestion, u64); 2]) -> f64 {
    let mut world = World::new(link, 1, &flows);
    let figures = world.run(Duration::from_secs(20), Duration::from_secs(50));
    let all = figures[0].share + figures[1].share;
    assert!(all > 0.9, "{flows:?} leave the link empty: {all:.2}");
    figures[0].share / all
}

#[test]
fn the_model_fills_an_empty_link_and_leaves_its_queue_empty() {
    for link in [link(100, 50, 0), link(10, 30, 0)] {
        let figures = alone(link, Congestion::Bbr, 15);
        assert!(figures.share > 0.93, "{link:?}: {figures:?}");
        assert!(figures.cost < 1.05, "{link:?}: {figures:?}");
        assert!(figures.delay < 1.45, "{link:?}: {figures:?}");
    }
}

#[test]
fn the_model_is_not_slowed_by_what_the_path_loses_by_chance() {
    let figures = alone(link(100, 50, 10), Congestion::Bbr, 15);
    assert!(figures.share > 0.92 && figures.cost < 1.05, "1 %: {figures:?}");
    let figures = alone(link(100, 200, 50), Congestion::Bbr, 20);
    assert!(figures.share > 0.7 && figures.cost < 1.12, "5 %: {figures:?}");
    // What the other controller makes of it is why there is a choice.
    let figures = alone(link(100, 50, 10), Congestion::Cubic, 15);
    assert!(figures.share < 0.1, "CUBIC: {figures:?}");
}

#[test]
fn two_flows_share_a_bottleneck() {
    for flows in [
        [(Congestion::Bbr, 0), (Congestion::Bbr, 0)],
        [(Congestion::Bbr, 0), (Congestion::Bbr, 5)],
        [(Congestion::Bbr, 0), (Congestion::Cubic, 0)],
        [(Congestion::Bbr, 0), (Congestion::Cubic, 5)],
        [(Congestion::Cubic, 0), (Congestion::Bbr, 5)],
    ] {
        let part = part(link(50, 20, 0), flows);
        assert!((0.35..=0.65).contains(&part), "{flows:?}: {part:.2}");
    }
}
