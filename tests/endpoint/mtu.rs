//! How long datagrams get on paths that carry more than the least.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use p2pchat::proto::{Command, Event, Incoming, Outgoing, Policy, StreamCommand, StreamEvent};

use crate::world::{DELAY, Packet, SECOND, World, server_address};

/// What any path is taken to carry.
const BASE: usize = 1200;
/// The longest that is ever tried.
const LARGEST: usize = 32_500;

const FILE: Outgoing = Outgoing(7);
const FIRST: Incoming = Incoming(1);

/// What Bob reads in [`STEP`]: what is lost is at most what he waits for, and the test has an end.
const READS: usize = 32 << 10;
const STEP: Duration = Duration::from_millis(5);

/// Alice sends Bob bytes without end over a link that loses what is longer than it carries.
struct Transfer {
    world: World,
    alice: usize,
    bob: usize,
    link: Rc<Cell<usize>>,
    written: u64,
    read: u64,
}

impl Transfer {
    fn new(link: usize) -> Self {
        Self::with(link, Policy::Any)
    }

    fn with(link: usize, policy: Policy) -> Self {
        let (mut world, alice, bob) = World::with_two(policy, policy);
        let link = Rc::new(Cell::new(link));
        let carries = Rc::clone(&link);
        world.filter(move |packet| packet.payload.len() <= carries.get());
        world.call(alice, "bob");
        world.run(3 * SECOND);
        assert!(world.is_connected(alice) && world.is_connected(bob));
        let peer = world.id(bob);
        world.command(
            alice,
            Command::Stream(peer, StreamCommand::Open { stream: FILE, priority: 1 }),
        );
        world.run(Duration::from_millis(1));
        world.sent.clear();
        Self { world, alice, bob, link, written: 0, read: 0 }
    }

    /// Writes what Alice may, lets time pass, and reads what has come; every byte in its place.
    fn run(&mut self, time: Duration) {
        let end = self.world.now + time;
        while self.world.now < end {
            self.write();
            let peer = self.world.id(self.alice);
            let read = StreamCommand::Read { stream: FIRST, more: READS };
            self.world.command(self.bob, Command::Stream(peer, read));
            self.world.run(STEP);
            self.read();
        }
    }

    fn write(&mut self) {
        let mut may = 0;
        self.world.hosts[self.alice].events.retain(|(_, event)| match event {
            Event::Stream(_, StreamEvent::Writable { more, .. }) => {
                may += *more as u64;
                false
            }
            _ => true,
        });
        let data = (self.written..self.written + may).map(|at| at as u8).collect();
        self.written += may;
        let peer = self.world.id(self.bob);
        let write = StreamCommand::Write { stream: FILE, data };
        self.world.command(self.alice, Command::Stream(peer, write));
    }

    fn read(&mut self) {
        let mut read = self.read;
        self.world.hosts[self.bob].events.retain(|(_, event)| match event {
            Event::Stream(_, StreamEvent::Data { data, .. }) => {
                for byte in data {
                    assert_eq!(*byte, read as u8, "at {read}");
                    read += 1;
                }
                false
            }
            _ => true,
        });
        self.read = read;
    }

    /// The lengths of what Alice has sent to Bob since the last call.
    fn lengths(&mut self) -> Vec<usize> {
        let (from, to) = (self.world.hosts[self.alice].address, self.world.hosts[self.bob].address);
        let direct = |packet: &Packet| packet.from == from && packet.to == to;
        std::mem::take(&mut self.world.sent)
            .iter()
            .filter(|packet| direct(packet))
            .map(|packet| packet.payload.len())
            .collect()
    }

    /// The lengths of most and of the longest of what Alice sends to Bob from now on, for a moment.
    fn now_sends(&mut self) -> (usize, usize) {
        self.lengths();
        self.run(SECOND / 2);
        let mut lengths = self.lengths();
        lengths.sort_unstable();
        (lengths[lengths.len() / 2], lengths[lengths.len() - 1])
    }
}

#[test]
fn a_transfer_finds_out_what_its_path_carries() {
    for (link, most) in [(1200, 1200), (1400, 1389), (1472, 1472), (8972, 8952), (65_507, LARGEST)]
    {
        let mut transfer = Transfer::new(link);
        transfer.run(4 * SECOND);
        let (usual, longest) = transfer.now_sends();
        assert!(usual + 64 > most && longest <= most, "{link}: {usual}, {longest}");
        assert!(transfer.read > 1 << 20, "{link}: {}", transfer.read);
    }
}

#[test]
fn a_link_that_gets_narrow_amid_a_transfer_holds_it_up_for_a_moment_and_loses_nothing() {
    for (before, after) in [(8972, 1472), (65_507, 1300), (1472, 1200)] {
        let mut transfer = Transfer::new(before);
        transfer.run(3 * SECOND);
        transfer.link.set(after);
        transfer.run(2 * DELAY);
        let read = transfer.read;
        transfer.run(10 * DELAY);
        assert!(transfer.read > read, "{before}, {after}: it goes on within five round trips");
        transfer.run(5 * SECOND);
        let (usual, longest) = transfer.now_sends();
        assert!(usual >= BASE - 64 && longest <= after, "{before}, {after}: {usual}, {longest}");
        assert!(transfer.read > read + (1 << 20), "{before}, {after}: {}", transfer.read - read);
    }
}

#[test]
fn a_chat_asks_nobody_how_long_datagrams_may_be() {
    let mut transfer = Transfer::new(65_507);
    let (alice, bob) = (transfer.alice, transfer.bob);
    for line in 0..600 {
        transfer.world.send(alice, bob, line, &[b'x'; 300]);
        transfer.world.run(60 * SECOND);
        assert!(transfer.lengths().iter().all(|length| *length < BASE));
    }
    assert_eq!(transfer.world.received(bob).len(), 600);
}

#[test]
fn whoever_has_sent_much_and_chats_on_asks_for_nothing_more() {
    let mut transfer = Transfer::new(1472);
    transfer.run(3 * SECOND);
    transfer.world.run(SECOND);
    transfer.lengths();
    let (alice, bob) = (transfer.alice, transfer.bob);
    for line in 0..30 {
        transfer.world.send(alice, bob, line, &[b'x'; 300]);
        transfer.world.run(60 * SECOND);
    }
    assert!(transfer.lengths().iter().all(|length| *length < BASE));
}

#[test]
fn what_is_relayed_is_as_short_as_ever() {
    let mut transfer = Transfer::with(65_507, Policy::RelayOnly);
    transfer.run(5 * SECOND);
    assert!(transfer.read > 1 << 18, "{}", transfer.read);
    let relayed = transfer.world.sent.iter().filter(|packet| packet.to == server_address()).count();
    assert!(relayed > 200);
    // Nine bytes say whose it is.
    assert!(transfer.world.sent.iter().all(|packet| packet.payload.len() <= BASE + 9));
}

#[test]
fn a_transfer_whose_direct_path_dies_goes_on_over_the_relay() {
    let mut transfer = Transfer::new(65_507);
    transfer.run(3 * SECOND);
    let read = transfer.read;
    transfer.world.block_direct();
    transfer.run(5 * SECOND);
    assert!(transfer.read > read + (1 << 18), "{}", transfer.read - read);
    let relayed = transfer.world.sent.iter().filter(|packet| packet.to == server_address());
    assert!(relayed.clone().count() > 200);
    assert!({ relayed }.all(|packet| packet.payload.len() <= BASE + 9));
}

#[test]
fn in_another_network_the_search_begins_anew() {
    let mut transfer = Transfer::new(65_507);
    transfer.run(3 * SECOND);
    transfer.world.run(SECOND);
    transfer.lengths();
    let alice = transfer.alice;
    transfer.world.command(alice, Command::NetworkChanged);
    transfer.run(STEP);
    assert!(transfer.lengths().iter().all(|length| *length <= BASE));
    transfer.run(3 * SECOND);
    assert!(transfer.now_sends().0 > LARGEST - 64);
}
