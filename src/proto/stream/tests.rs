//! Streams as a session uses them, over a network that does what it likes.

use p2pchat_wire::random::Random;
use proptest::prelude::*;

use super::*;

/// Some instant to count from.
pub(super) fn epoch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "only differences to it count")]
    static EPOCH: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    *EPOCH
}

/// A chunk on its way.
#[derive(Clone, Debug)]
struct Piece {
    record: ChunkRecord,
    data: Vec<u8>,
}

fn piece(streams: &mut Streams, max: usize) -> Option<Piece> {
    let StreamChunk { record, data } = streams.next_chunk(max)?;
    Some(Piece { record, data: data.concat() })
}

/// Two sides, one writing and one reading, and all that is under way between them.
struct World {
    random: Random,
    sender: Streams,
    receiver: Streams,
    /// Sent and neither delivered nor lost.
    chunks: Vec<Piece>,
    /// Delivered, or already called lost: they may come again.
    ghosts: Vec<Piece>,
    /// On their way back.
    acks: Vec<ChunkRecord>,
    updates: Vec<WindowUpdate>,
    written: BTreeMap<u64, Vec<u8>>,
    read: BTreeMap<u64, Vec<u8>>,
    ended: Vec<u64>,
}

impl World {
    fn seeded(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            random: Random::from_seed(bytes),
            sender: Streams::default(),
            receiver: Streams::default(),
            chunks: Vec::new(),
            ghosts: Vec::new(),
            acks: Vec::new(),
            updates: Vec::new(),
            written: BTreeMap::from([(0, Vec::new())]),
            read: BTreeMap::new(),
            ended: Vec::new(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.below(u32::try_from(bound).expect("small")) as usize
    }

    fn take<T>(&mut self, from: fn(&mut Self) -> &mut Vec<T>) -> Option<T> {
        let len = from(self).len();
        let at = (len > 0).then(|| self.below(len))?;
        Some(from(self).swap_remove(at))
    }

    fn write(&mut self) {
        let open: Vec<u64> = self.sender.outgoing.keys().copied().collect();
        let id = open[self.below(open.len())];
        let len = [1, 30, 3000, 200_000][self.below(4)];
        let mut bytes = vec![0; self.below(len)];
        self.random.fill(&mut bytes);
        let room = self.sender.room(id);
        let taken = self.sender.write(id, &bytes);
        assert_eq!(taken, room.min(bytes.len()));
        self.written.get_mut(&id).expect("it was opened").extend(&bytes[..taken]);
    }

    fn send(&mut self) {
        let max = [1, 7, 1100, 30_000][self.below(4)];
        assert_eq!(self.sender.has_chunk(), {
            let chunk = piece(&mut self.sender, max);
            chunk
                .inspect(|chunk| assert!(chunk.data.len() <= max))
                .map(|c| self.chunks.push(c))
                .is_some()
        });
    }

    fn deliver(&mut self, chunk: Piece) {
        // In two pieces, the later first, with a few bytes in both.
        let cut = self.below(chunk.data.len() + 1);
        let overlap = self.below(cut + 1).min(5);
        let (early, late) = (&chunk.data[..cut], &chunk.data[cut - overlap..]);
        let at = chunk.record.offset + (cut - overlap) as u64;
        assert_eq!(self.receiver.received(chunk.record.id, at, chunk.record.fin, late), Ok(()));
        assert_eq!(
            self.receiver.received(chunk.record.id, chunk.record.offset, false, early),
            Ok(())
        );
        self.acks.push(chunk.record);
        self.ghosts.push(chunk);
    }

    fn read(&mut self) {
        let ready: Vec<u64> = self.receiver.readable().collect();
        for id in ready {
            if self.receiver.read(id, self.read.entry(id).or_default()) {
                self.ended.push(id);
            }
        }
        while let Some(update) = self.receiver.next_window_update(epoch(), None) {
            self.updates.push(update);
        }
    }

    fn step(&mut self) {
        match self.below(14) {
            0 => self.write(),
            1..=4 => self.send(),
            5..=7 => {
                if let Some(chunk) = self.take(|world| &mut world.chunks) {
                    self.deliver(chunk);
                }
            }
            8 => {
                if let Some(chunk) = self.take(|world| &mut world.chunks) {
                    self.sender.lost(chunk.record);
                    self.ghosts.push(chunk);
                }
            }
            9 => {
                if let Some(chunk) = self.take(|world| &mut world.ghosts) {
                    self.deliver(chunk);
                }
            }
            10 => {
                if let Some(chunk) = self.take(|world| &mut world.acks) {
                    self.sender.acked(chunk);
                }
            }
            11 => {
                // The acknowledgement is lost, and the packet is believed to be.
                if let Some(chunk) = self.take(|world| &mut world.acks) {
                    self.sender.lost(chunk);
                }
            }
            12 => {
                if let Some(update) = self.take(|world| &mut world.updates) {
                    if self.below(2) == 0 {
                        self.receiver.lost_window_update(update);
                    } else {
                        assert_eq!(self.sender.received_window_update(update), Ok(()));
                    }
                }
            }
            _ => self.read(),
        }
    }

    /// Everything arrives from now on.
    fn settle(&mut self) {
        for id in self.written.keys() {
            self.sender.finish(*id);
        }
        for _ in 0..100_000 {
            while let Some(chunk) = piece(&mut self.sender, 10_000) {
                self.chunks.push(chunk);
            }
            for chunk in std::mem::take(&mut self.chunks) {
                self.deliver(chunk);
            }
            for chunk in std::mem::take(&mut self.acks) {
                self.sender.acked(chunk);
            }
            self.read();
            for update in std::mem::take(&mut self.updates) {
                assert_eq!(self.sender.received_window_update(update), Ok(()));
            }
            if self.sender.outgoing.is_empty() {
                return;
            }
        }
        panic!("it never settles");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_network_does_the_bytes_arrive_once_and_in_order(
        seed in any::<u64>(),
        streams in 1usize..5,
        steps in 0usize..1500,
    ) {
        let mut world = World::seeded(seed);
        for priority in 1..streams {
            let id = world.sender.open(u8::try_from(priority / 2).expect("small"));
            world.written.insert(id.expect("few are open"), Vec::new());
        }
        for _ in 0..steps {
            world.step();
        }
        world.settle();
        world.ended.sort_unstable();
        prop_assert_eq!(&world.ended, &world.written.keys().copied().collect::<Vec<_>>());
        prop_assert!(world.written == world.read, "the bytes differ");
        prop_assert_eq!(world.receiver.received, world.receiver.read);
        // What comes again after the end opens nothing.
        while let Some(chunk) = world.ghosts.pop() {
            prop_assert_eq!(
                world.receiver.received(chunk.record.id, chunk.record.offset, chunk.record.fin, &chunk.data),
                Ok(())
            );
        }
        prop_assert_eq!(world.receiver.readable().count(), 0);
    }

    #[test]
    fn whatever_a_peer_sends_memory_stays_bounded(
        pieces in proptest::collection::vec(
            (0u64..80, prop_oneof![0u64..2 * STREAM_WINDOW, any::<u64>()], 0usize..2000, any::<bool>()),
            0..300,
        ),
        updates in proptest::collection::vec((proptest::option::of(0u64..3), any::<u64>()), 0..20),
    ) {
        let mut streams = Streams::default();
        for (id, offset, len, fin) in pieces {
            if streams.received(id, offset, fin && len % 10 == 0, &vec![1; len]).is_ok() {
                let held: usize = streams.incoming.values().map(ReceiveStream::held).sum();
                prop_assert!(held as u64 <= MAX_SESSION_WINDOW);
                prop_assert!(streams.incoming.len() <= MAX_INCOMING);
            }
        }
        for (id, max) in updates {
            let known = id.is_none_or(|id| id == 0);
            let result = streams.received_window_update(WindowUpdate { id, max });
            prop_assert_eq!(result.is_ok(), known);
            streams.lost_window_update(WindowUpdate { id, max });
        }
        while streams.next_window_update(epoch(), None).is_some() {}
    }
}

#[test]
fn a_line_overtakes_a_file() {
    let mut streams = Streams::default();
    let file = streams.open(9).expect("none is open");
    streams.write(file, &[1; 100_000]);
    assert_eq!(streams.next_chunk(1000).map(|chunk| chunk.record.id), Some(file));
    let end = streams.write_message(0, b"hello").expect("there is room");
    assert_eq!(streams.next_chunk(1000).map(|chunk| chunk.record.id), Some(0));
    assert_eq!(streams.first_unsent(0), Some(end));
    assert_eq!(streams.next_chunk(1000).map(|chunk| chunk.record.id), Some(file));
}

#[test]
fn streams_of_one_priority_take_turns() {
    let mut streams = Streams::default();
    let ids = [(); 2].map(|()| streams.open(5).expect("few are open"));
    for id in ids {
        streams.write(id, &[1; 10_000]);
    }
    let order: Vec<u64> =
        (0..4).filter_map(|_| Some(streams.next_chunk(1000)?.record.id)).collect();
    assert_eq!(order, [ids[0], ids[1], ids[0], ids[1]]);
}

#[test]
fn all_streams_together_stop_at_the_sessions_window() {
    let (mut sender, mut receiver) = (Streams::default(), Streams::default());
    let ids: Vec<u64> = (0..6).filter_map(|_| sender.open(1)).collect();
    for id in &ids {
        sender.write(*id, &vec![1; STREAM_WINDOW as usize]);
    }
    let mut sent = 0;
    while let Some(chunk) = piece(&mut sender, 60_000) {
        sent += chunk.data.len() as u64;
        assert_eq!(
            receiver.received(chunk.record.id, chunk.record.offset, chunk.record.fin, &chunk.data),
            Ok(())
        );
    }
    assert_eq!(sent, SESSION_WINDOW - RESERVED, "what is left is for messages");
    assert!(!sender.has_chunk());
    sender.write(0, &vec![1; STREAM_WINDOW as usize]);
    while let Some(chunk) = piece(&mut sender, 60_000) {
        sent += chunk.data.len() as u64;
        assert_eq!(
            receiver.received(0, chunk.record.offset, chunk.record.fin, &chunk.data),
            Ok(())
        );
    }
    assert_eq!(sent, SESSION_WINDOW);
    assert!(!sender.has_chunk());
    assert_eq!(receiver.received(7, 0, false, b"x"), Err(Violation::FlowControl));

    for id in receiver.readable().collect::<Vec<_>>() {
        receiver.read(id, &mut Vec::new());
    }
    let update = receiver.next_window_update(epoch(), None).expect("all of the window is free");
    assert_eq!(update, WindowUpdate { id: None, max: 2 * SESSION_WINDOW });
    assert_eq!(sender.received_window_update(update), Ok(()));
    assert!(sender.has_chunk());
}

#[test]
fn a_peer_opens_so_many_streams_and_no_more() {
    let mut streams = Streams::default();
    let last = MAX_INCOMING as u64 - 1;
    assert_eq!(streams.received(last, 0, false, b"x"), Ok(()));
    assert_eq!(streams.received(last + 1, 0, false, b"x"), Err(Violation::TooManyStreams));
    // One that was read to its end makes room for another.
    assert_eq!(streams.received(3, 0, true, b"x"), Ok(()));
    assert!(streams.read(3, &mut Vec::new()));
    assert_eq!(streams.received(last + 1, 0, false, b"x"), Ok(()));
    assert_eq!(streams.received(u64::MAX, 0, false, b"x"), Err(Violation::TooManyStreams));
}

#[test]
fn messages_of_all_sizes_pass_a_window_that_is_opened_as_they_are_read() {
    let (mut sender, mut receiver) = (Streams::default(), Streams::default());
    let messages: Vec<Vec<u8>> =
        (0..100u8).map(|n| vec![n; usize::from(n) * message::MAX_MESSAGE / 99]).collect();
    let (mut waiting, mut arrived) = (messages.iter(), Vec::new());
    let mut next = waiting.next();
    while arrived.len() < messages.len() {
        while let Some(message) = next
            && sender.write_message(0, message).is_ok()
        {
            next = waiting.next();
        }
        let chunk = piece(&mut sender, 1100).expect("the window is open");
        assert_eq!(
            receiver.received(0, chunk.record.offset, chunk.record.fin, &chunk.data),
            Ok(())
        );
        sender.acked(chunk.record);
        while let Some(message) = receiver.next_message(0).expect("all are short enough") {
            arrived.push(message);
        }
        while let Some(update) = receiver.next_window_update(epoch(), None) {
            assert_eq!(sender.received_window_update(update), Ok(()));
        }
    }
    assert!(arrived == messages);
    assert!(sender.is_drained(0));
}
