//! What a file costs in memory taken and given back: nothing for each packet.

use std::collections::VecDeque;
use std::time::Duration;

use allocation_counter::measure;
use p2pchat::proto::{Endpoint, Event, Output, Policy, SocketId, StreamEvent, Transmit};

use crate::file::File;
use crate::world::{SECOND, World};

const TURNS: u32 = 8000;

/// The two of a world, one beside the other: what one sends the other has a moment later.
struct Pair {
    world: World,
    hosts: [usize; 2],
    /// What each has sent and the other has not got.
    sent: [VecDeque<Transmit>; 2],
    datagrams: u64,
    /// How often each took something from the heap.
    taken: [u64; 2],
}

impl Pair {
    /// Counts what one of them takes from the heap.
    fn count<R>(&mut self, side: usize, work: impl FnOnce(&mut Endpoint) -> R) -> R {
        let mut result = None;
        let endpoint = &mut self.world.hosts[self.hosts[side]].endpoint;
        self.taken[side] += measure(|| result = Some(work(endpoint))).count_total;
        result.expect("it was measured")
    }

    /// Each gets one train that the other sent, and says what it has to say.
    fn exchange(&mut self) {
        self.world.now += Duration::from_micros(20);
        let now = self.world.now;
        for side in [0, 1] {
            let [to, from] =
                [side, 1 - side].map(|side| self.world.hosts[self.hosts[side]].address);
            if let Some(mut train) = self.sent[1 - side].pop_front() {
                // How long datagrams may be is not what this is about.
                if train.to == to && !train.whole {
                    self.datagrams += train.datagrams().count() as u64;
                    let size = train.segment_size.unwrap_or(train.payload.len());
                    let bytes = &mut train.payload;
                    self.count(side, |to| {
                        to.handle_datagrams(now, SocketId::FIRST, from, bytes, size);
                    });
                }
                self.count(1 - side, |from| from.reuse(train.payload));
            }
            self.count(side, |endpoint| endpoint.handle_timeout(now));
            loop {
                match self.count(side, Endpoint::poll_output) {
                    Output::Transmit(train) => self.sent[side].push_back(train),
                    Output::Event(event) => {
                        let host = &mut self.world.hosts[self.hosts[side]];
                        host.events.push((Duration::ZERO, event));
                    }
                    Output::Socket(_) => {}
                    Output::Timeout(_) => break,
                }
            }
        }
    }
}

#[test]
fn a_packet_of_a_file_takes_nothing_from_the_heap() {
    let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
    world.call(alice, "bob");
    world.run(5 * SECOND);
    let mut file = File::begin(&mut world, alice, bob, 32 << 20);
    world.sent.clear();
    let (hosts, sent) = ([alice, bob], [VecDeque::new(), VecDeque::new()]);
    let mut pair = Pair { world, hosts, sent, datagrams: 0, taken: [0; 2] };
    let mut data = 0;
    for turn in 0..TURNS {
        if turn == TURNS / 2 {
            (pair.datagrams, pair.taken, data) = (0, [0; 2], 0);
        }
        pair.exchange();
        let is_data = |event: &Event| matches!(event, Event::Stream(_, StreamEvent::Data { .. }));
        let events = pair.world.hosts[bob].events.iter();
        data += events.filter(|(_, event)| is_data(event)).count() as u64;
        file.go_on(&mut pair.world);
    }
    println!("{} datagrams, {data} pieces, {:?} from the heap", pair.datagrams, pair.taken);
    // What is handed to the reader is his. The rest is a buffer now and then.
    let [sender, receiver] = [pair.taken[0], pair.taken[1] - data];
    assert!(sender + receiver < pair.datagrams / 100, "{sender} and {receiver}");
}
