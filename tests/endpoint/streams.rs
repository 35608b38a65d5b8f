//! Streams of bytes beside the messages, as an application uses them.

use std::time::Duration;

use p2pchat::proto::{
    Command, DisconnectReason, Event, Incoming, Outgoing, Policy, StreamCommand, StreamEvent,
    TOO_MANY_STREAMS,
};

use crate::world::{SECOND, World};

const FILE: Outgoing = Outgoing(7);
/// The number of the first stream that somebody opens.
const FIRST: Incoming = Incoming(1);
const MILLIS: Duration = Duration::from_millis(1);

/// Two who are connected.
struct Pair {
    world: World,
    alice: usize,
    bob: usize,
}

impl Pair {
    fn new() -> Self {
        let (mut world, alice, bob) = World::with_two(Policy::Any, Policy::Any);
        world.call(alice, "bob");
        world.run(3 * SECOND);
        assert!(world.is_connected(alice) && world.is_connected(bob));
        Self { world, alice, bob }
    }

    fn alice(&mut self, command: StreamCommand) {
        let peer = self.world.id(self.bob);
        self.world.command(self.alice, Command::Stream(peer, command));
    }

    fn bob(&mut self, command: StreamCommand) {
        let peer = self.world.id(self.alice);
        self.world.command(self.bob, Command::Stream(peer, command));
    }

    fn open(&mut self) {
        self.alice(StreamCommand::Open { stream: FILE, priority: 1 });
        self.world.run(MILLIS);
    }

    /// Writes as much as Alice may, of bytes that count up. How many they were.
    fn write(&mut self, written: u64) -> u64 {
        let may = self.allowed().saturating_sub(written);
        let data = (written..written + may).map(|at| at as u8).collect();
        self.alice(StreamCommand::Write { stream: FILE, data });
        written + may
    }

    fn events(&self, host: usize) -> impl Iterator<Item = &StreamEvent> + '_ {
        self.world.hosts[host].events.iter().filter_map(|(_, event)| match event {
            Event::Stream(_, event) => Some(event),
            _ => None,
        })
    }

    /// How many bytes Alice was allowed to write in all.
    fn allowed(&self) -> u64 {
        let more = |event: &StreamEvent| match event {
            StreamEvent::Writable { stream: FILE, more } => *more as u64,
            _ => 0,
        };
        self.events(self.alice).map(more).sum()
    }

    /// What Bob has read, and whether it is all.
    fn read(&self) -> (Vec<u8>, bool) {
        let (mut read, mut ended) = (Vec::new(), false);
        for event in self.events(self.bob) {
            if let StreamEvent::Data { stream: FIRST, data, last } = event {
                assert!(!ended, "there is nothing after the end");
                read.extend(data);
                ended = *last;
            }
        }
        (read, ended)
    }
}

#[test]
fn a_stream_carries_what_its_reader_asks_for_and_ends() {
    let mut pair = Pair::new();
    pair.open();
    let mut written = pair.write(0);
    pair.world.run(SECOND);
    assert_eq!(pair.read().0.len(), 0, "nobody has asked");
    while written < 5 << 20 {
        pair.bob(StreamCommand::Read { stream: FIRST, more: 1 << 20 });
        pair.world.run(SECOND);
        written = pair.write(written);
    }
    pair.alice(StreamCommand::Finish(FILE));
    pair.bob(StreamCommand::Read { stream: FIRST, more: usize::MAX });
    pair.world.run(10 * SECOND);
    let (read, ended) = pair.read();
    assert!(ended);
    assert_eq!(read.len() as u64, written);
    assert!(read.iter().zip(0u64..).all(|(byte, at)| *byte == at as u8));
    let finished = StreamEvent::Finished(FILE);
    assert_eq!(pair.events(pair.alice).filter(|event| **event == finished).count(), 1);
}

#[test]
fn a_slow_reader_holds_up_the_writer_and_no_message() {
    let mut pair = Pair::new();
    // As many as fill what the session may have on its way.
    for stream in 0..6 {
        pair.alice(StreamCommand::Open { stream: Outgoing(stream), priority: 1 });
    }
    let mut written = 0;
    for _ in 0..20 {
        for stream in (0..6).map(Outgoing) {
            let more: Vec<usize> = pair
                .events(pair.alice)
                .filter_map(|event| match event {
                    StreamEvent::Writable { stream: of, more } if *of == stream => Some(*more),
                    _ => None,
                })
                .collect();
            pair.world.hosts[pair.alice].events.retain(|(_, event)| {
                !matches!(event, Event::Stream(_, StreamEvent::Writable { stream: of, .. }) if *of == stream)
            });
            for more in more {
                written += more;
                pair.alice(StreamCommand::Write { stream, data: vec![1; more] });
            }
        }
        pair.world.run(SECOND);
    }
    assert!(written < 16 << 20, "the writer is held up: {written}");
    let (alice, bob) = (pair.alice, pair.bob);
    let long = vec![2; 60_000];
    pair.world.send(alice, bob, 1, &long);
    pair.world.run(SECOND);
    assert_eq!(pair.world.received(bob), [long]);
    pair.world.send(bob, alice, 1, b"fine");
    pair.world.run(SECOND);
    assert_eq!(pair.world.received(alice), [b"fine"]);
}

#[test]
fn a_line_overtakes_a_file_that_fills_the_path() {
    let mut pair = Pair::new();
    pair.open();
    pair.write(0);
    pair.world.run(5 * MILLIS);
    let (alice, bob) = (pair.alice, pair.bob);
    pair.world.send(alice, bob, 1, b"by the way");
    pair.bob(StreamCommand::Read { stream: FIRST, more: usize::MAX });
    pair.world.run(200 * MILLIS);
    assert_eq!(pair.world.received(bob), [b"by the way"]);
    assert!(pair.read().0.len() < 1 << 20, "the file is still on its way");
}

#[test]
fn a_stream_that_its_writer_gives_up_ends_for_its_reader() {
    let mut pair = Pair::new();
    pair.open();
    pair.write(0);
    pair.alice(StreamCommand::Reset { stream: FILE, code: 5 });
    pair.world.run(SECOND);
    let given_up = StreamEvent::Reset { stream: FIRST, code: 5 };
    assert_eq!(pair.events(pair.bob).last(), Some(&given_up));
    pair.bob(StreamCommand::Read { stream: FIRST, more: 10 });
    pair.world.run(SECOND);
    assert_eq!(pair.events(pair.bob).last(), Some(&given_up), "nothing follows");
}

#[test]
fn a_stream_that_its_reader_does_not_want_ends_for_its_writer() {
    let mut pair = Pair::new();
    pair.open();
    pair.write(0);
    pair.world.run(SECOND);
    pair.bob(StreamCommand::Stop { stream: FIRST, code: 6 });
    pair.world.run(SECOND);
    let stopped = StreamEvent::Stopped { stream: FILE, code: 6 };
    assert_eq!(pair.events(pair.alice).last(), Some(&stopped));
    // Neither side is the worse for it, however often.
    for number in 0..200 {
        let stream = Outgoing(100 + number);
        pair.alice(StreamCommand::Open { stream, priority: 1 });
        pair.world.run(SECOND);
        let more = match pair.events(pair.alice).last() {
            Some(StreamEvent::Writable { stream: of, more }) if *of == stream => *more,
            other => panic!("no room in {stream:?}: {other:?}"),
        };
        pair.alice(StreamCommand::Write { stream, data: vec![1; more] });
        pair.world.run(SECOND);
        pair.bob(StreamCommand::Stop { stream: Incoming(2 + number), code: 6 });
        pair.world.run(SECOND);
    }
    assert!(pair.world.is_connected(pair.bob));
}

#[test]
fn there_are_only_so_many_streams() {
    let mut pair = Pair::new();
    for stream in (0..40).map(Outgoing) {
        pair.alice(StreamCommand::Open { stream, priority: 1 });
    }
    let refused =
        |event: &&StreamEvent| matches!(event, StreamEvent::Stopped { code: TOO_MANY_STREAMS, .. });
    pair.world.run(SECOND);
    assert_eq!(pair.events(pair.alice).filter(refused).count(), 40 - 31);
}

#[test]
fn a_stream_outlives_its_keys_and_dies_with_its_session() {
    let mut pair = Pair::new();
    pair.open();
    let written = pair.write(0);
    pair.world.run(600 * SECOND);
    pair.bob(StreamCommand::Read { stream: FIRST, more: usize::MAX });
    pair.world.run(SECOND);
    assert_eq!(pair.read().0.len() as u64, written);
    pair.world.restart(pair.bob);
    pair.world.pin(pair.bob, pair.alice);
    pair.world.call(pair.bob, "alice");
    pair.world.run(5 * SECOND);
    assert_eq!(pair.world.ends(pair.alice), [DisconnectReason::Restarted]);
    let events = pair.events(pair.alice).count();
    pair.alice(StreamCommand::Write { stream: FILE, data: vec![1] });
    pair.world.run(SECOND);
    assert_eq!(pair.events(pair.alice).count(), events, "nobody knows of it");
}
