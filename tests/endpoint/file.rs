//! A file without end from one host to another.

use std::time::Duration;

use p2pchat::proto::{Command, Congestion, Event, Outgoing, Policy, StreamCommand, StreamEvent};

use crate::world::{Link, SECOND, World};

const FILE: Outgoing = Outgoing(1);

/// Alice and Bob, connected directly over such a line.
pub fn over(link: Link, one_way: Duration, congestion: Congestion) -> (World, usize, usize) {
    let mut world = World::new();
    world.congestion = congestion;
    let (alice, bob) = (world.add("alice", Policy::Any), world.add("bob", Policy::Any));
    world.run(SECOND);
    world.delay = one_way;
    world.link = Some(link);
    world.call(alice, "bob");
    world.run(5 * SECOND);
    (world, alice, bob)
}

/// Who sends it, who reads it, and how far they are.
#[derive(Debug)]
pub struct File {
    from: usize,
    to: usize,
    /// Bytes that the reader wants and has not got.
    ahead: usize,
    /// Bytes that were read.
    pub read: usize,
}

impl File {
    /// Between two who have a session.
    pub fn begin(world: &mut World, from: usize, to: usize, ahead: usize) -> Self {
        let peer = world.id(to);
        let open = StreamCommand::Open { stream: FILE, priority: 1 };
        world.command(from, Command::Stream(peer, open));
        Self { from, to, ahead, read: 0 }
    }

    /// Lets both do what happened to them calls for. Returns the messages that the reader got besides, and
    /// when.
    pub fn go_on(&mut self, world: &mut World) -> Vec<(Duration, Vec<u8>)> {
        let (sender, reader) = (world.id(self.from), world.id(self.to));
        for (_, event) in std::mem::take(&mut world.hosts[self.from].events) {
            if let Event::Stream(_, StreamEvent::Writable { more, .. }) = event {
                let write = StreamCommand::Write { stream: FILE, data: vec![7; more] };
                world.command(self.from, Command::Stream(reader, write));
            }
        }
        let mut messages = Vec::new();
        for (at, event) in std::mem::take(&mut world.hosts[self.to].events) {
            let wanted = match event {
                Event::Message { message, .. } => {
                    messages.push((at, message));
                    continue;
                }
                Event::Stream(_, StreamEvent::Opened(stream)) => {
                    StreamCommand::Read { stream, more: self.ahead }
                }
                Event::Stream(_, StreamEvent::Data { stream, data, .. }) => {
                    self.read += data.len();
                    StreamCommand::Read { stream, more: data.len() }
                }
                _ => continue,
            };
            world.command(self.to, Command::Stream(sender, wanted));
        }
        messages
    }
}
