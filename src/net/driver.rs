//! The one loop that awaits the network and reads the clock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::{Instant, SystemTime};

use tokio::sync::mpsc;

use super::alarm::Alarm;
use super::interfaces::{Interface, host_candidates, uplink};
use super::port_mapping::Forwarding;
use super::socket::{Received, Sockets};
use super::surroundings::{Sight, Surroundings};
use crate::proto::{Command, Endpoint, Event, Output, PortMapping, ServerId, SocketId};

/// Commands and events that may wait between the loop and whoever uses it.
const CHANNEL: usize = 256;

/// Events kept for a user who is slow. Beyond it the loop stops reading the sockets: the other
/// side's congestion control sees to the rest.
const MAX_PENDING: usize = 1024;

/// Bytes taken before the machine's answers are sent, or a little more.
const AHEAD: usize = 1 << 18;

/// What the loop drives: in earnest the core's endpoint, in tests something smaller.
pub trait Machine: Send + 'static {
    /// Apply something the user asked for.
    fn handle_command(&mut self, now: Instant, command: Command);
    /// Process datagrams of one source, which lie one after the other, each of `size` bytes but the last,
    /// which may be shorter. What is in `bytes` afterwards is of no interest.
    fn handle_datagrams(
        &mut self,
        now: Instant,
        local: SocketId,
        from: SocketAddr,
        bytes: &mut [u8],
        size: usize,
    );
    /// Advance the clock.
    fn handle_timeout(&mut self, now: Instant);
    /// Take the next output; `Timeout` is always last.
    fn poll_output(&mut self) -> Output;
    /// Whether it has stopped, as [`Command::Close`] asked it to; what is left is its last output.
    fn is_closed(&self) -> bool;
    /// Take back the payload of a transmit that has left, to be filled again.
    fn reuse(&mut self, payload: Vec<u8>);
}

impl Machine for Endpoint {
    fn handle_command(&mut self, now: Instant, command: Command) {
        self.handle_command(now, command);
    }

    fn handle_datagrams(
        &mut self,
        now: Instant,
        local: SocketId,
        from: SocketAddr,
        bytes: &mut [u8],
        size: usize,
    ) {
        self.handle_datagrams(now, local, from, bytes, size);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Output {
        self.poll_output()
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn reuse(&mut self, payload: Vec<u8>) {
        self.reuse(payload);
    }
}

/// A running machine: commands go in, events come out, until [`Command::Close`].
#[derive(Debug)]
pub struct Network {
    /// Never waits for long: the loop takes commands however slow its user is with events.
    pub commands: mpsc::Sender<Command>,
    /// Ends when the machine has stopped and its goodbyes are sent.
    pub events: mpsc::Receiver<Event>,
}

/// What the loop may do besides sending and receiving.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Ask the router to forward a port to the first socket.
    pub port_mapping: bool,
}

/// Runs `machine` on `sockets` in a task of its own. Dropping [`Network::commands`] or
/// [`Network::events`] closes the machine.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the driver is the one task that runs a machine")]
pub fn start(machine: impl Machine, sockets: Sockets, options: Options) -> Network {
    let (commands, command_queue) = mpsc::channel(CHANNEL);
    let (event_queue, events) = mpsc::channel(CHANNEL);
    let driver = Driver {
        machine,
        sockets,
        options,
        commands: command_queue,
        events: event_queue,
        pending: VecDeque::new(),
        alarm: Alarm::default(),
        surroundings: Surroundings::watch(),
        interfaces: Vec::new(),
        near: Vec::new(),
        offered: None,
        moved: false,
        forwarding: None,
    };
    tokio::spawn(driver.run());
    Network { commands, events }
}

struct Driver<M> {
    machine: M,
    sockets: Sockets,
    options: Options,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    /// Events that found the channel full.
    pending: VecDeque<Event>,
    alarm: Alarm,
    surroundings: Surroundings,
    interfaces: Vec<Interface>,
    /// Each rendezvous that is on this machine; where one is, so may be peers.
    near: Vec<ServerId>,
    /// The host candidates as the machine knows them.
    offered: Option<Vec<SocketAddr>>,
    /// The network is another one, and the machine does not know it yet.
    moved: bool,
    forwarding: Option<Forwarding>,
}

impl<M: Machine> Driver<M> {
    async fn run(mut self) {
        // Candidates before anything else: an introduction may follow the first command at once.
        self.interfaces = self.surroundings.changed().await.interfaces;
        self.offer(self.hosts());
        let mut asked_to_close = false;
        while !self.machine.is_closed() {
            let deadline = self.flush().await;
            tokio::select! {
                () = has_room(&self.events), if !self.pending.is_empty() => self.tell(),
                command = next(&mut self.commands, &self.events), if !asked_to_close => {
                    asked_to_close = matches!(command, Command::Close);
                    self.command(command);
                }
                () = self.sockets.readable(), if self.pending.len() < MAX_PENDING => self.receive(),
                () = self.alarm.ring(deadline) => self.machine.handle_timeout(now()),
                sight = self.surroundings.changed() => self.see(sight),
                state = answer(&mut self.forwarding) => {
                    self.machine.handle_command(now(), Command::SetPortMapping(state));
                }
            }
        }
        self.flush().await;
        self.sockets.finish().await;
        if let Some(forwarding) = self.forwarding {
            forwarding.release().await;
        }
    }

    /// Sends what is to be sent and queues what is to be told, until the machine has nothing more.
    async fn flush(&mut self) -> Option<Instant> {
        loop {
            match self.machine.poll_output() {
                Output::Transmit(transmit) => {
                    if let Err(error) = self.sockets.send(&transmit).await {
                        tracing::debug!(to = %transmit.to, %error, "a datagram is lost on the spot");
                    }
                    self.machine.reuse(transmit.payload);
                }
                Output::Socket(request) => {
                    if let Err(error) = self.sockets.handle(request) {
                        tracing::debug!(?request, %error, "no socket");
                    }
                }
                Output::Event(event) => self.pending.push_back(event),
                Output::Timeout(deadline) => {
                    self.tell();
                    return deadline;
                }
            }
        }
    }

    fn tell(&mut self) {
        while let Some(event) = self.pending.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
                self.pending.push_front(event);
                break;
            }
        }
    }

    fn command(&mut self, command: Command) {
        if let Command::UseRendezvous { server, addresses, .. } = &command {
            let near = addresses.iter().any(|address| address.ip().is_loopback());
            self.near.retain(|known| known != server);
            self.near.extend(near.then_some(*server));
            self.offer(self.hosts());
            if !near {
                self.ask_router();
            }
        }
        self.machine.handle_command(now(), command);
    }

    fn receive(&mut self) {
        let now = now();
        while let Some(lost) = self.sockets.lost() {
            self.machine.handle_command(now, Command::CarrierLost(lost));
        }
        let (machine, mut taken) = (&mut self.machine, 0);
        while taken < AHEAD
            && self.sockets.receive(|Received { local, from, bytes, size }| {
                // An empty one costs as well.
                taken += bytes.len().max(1024);
                machine.handle_datagrams(now, local, from, bytes, size);
            })
        {}
    }

    /// Tells the machine when the network is another one: other addresses, another way out, or the
    /// same after a night. While there is no network at all, which is how most changes begin, nobody
    /// is told anything: what is sent now is lost.
    fn see(&mut self, sight: Sight) {
        let before = std::mem::replace(&mut self.interfaces, sight.interfaces);
        let other_way = uplink(&before) != uplink(&self.interfaces);
        self.moved |= other_way || sight.slept;
        let hosts = self.hosts();
        if hosts.is_empty() {
            self.moved = true;
            return;
        }
        self.moved |= self.offer(hosts);
        if std::mem::take(&mut self.moved) {
            tracing::debug!(slept = sight.slept, "the network is another one");
            self.machine.handle_command(now(), Command::NetworkChanged);
            if let Some(forwarding) = &self.forwarding {
                forwarding.ask_again(uplink(&self.interfaces), sight.slept);
            }
        }
    }

    fn hosts(&self) -> Vec<SocketAddr> {
        let loopback = !self.near.is_empty();
        host_candidates(&self.sockets.local_addresses(), &self.interfaces, loopback)
    }

    /// Tells the machine the host candidates if they are others than before, and says whether.
    fn offer(&mut self, hosts: Vec<SocketAddr>) -> bool {
        let new = self.offered.as_ref() != Some(&hosts);
        if new {
            self.offered = Some(hosts.clone());
            self.machine.handle_command(now(), Command::SetHostCandidates(hosts));
        }
        new
    }

    /// Asks the router for a port, once.
    fn ask_router(&mut self) {
        if !self.options.port_mapping || self.forwarding.is_some() {
            return;
        }
        let local = self.sockets.local_addresses();
        let mut v4 = local.iter().filter(|local| local.is_ipv4() && !local.ip().is_loopback());
        let port = v4.find_map(|local| NonZeroU16::new(local.port()));
        self.forwarding = port.map(|port| Forwarding::ask(uplink(&self.interfaces), port));
    }
}

/// What the user wants next. One who has gone wants the end.
async fn next(commands: &mut mpsc::Receiver<Command>, events: &mpsc::Sender<Event>) -> Command {
    tokio::select! {
        () = events.closed() => Command::Close,
        command = commands.recv() => command.unwrap_or(Command::Close),
    }
}

/// What the router says next, if it was asked.
async fn answer(forwarding: &mut Option<Forwarding>) -> PortMapping {
    match forwarding {
        Some(forwarding) => forwarding.changed().await,
        None => std::future::pending().await,
    }
}

/// Waits for a place in the channel, and does not take it.
async fn has_room(events: &mpsc::Sender<Event>) {
    drop(events.reserve().await);
}

#[expect(clippy::disallowed_methods, reason = "the network room has the clock")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the network room has the clock")]
pub(super) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use p2pchat_wire::identity::Name;

    use super::*;
    use crate::proto::Transmit;

    /// Sends each datagram back and tells of it; asked to register, asks for a timeout, at which it
    /// tells too.
    #[derive(Default)]
    struct Parrot {
        outputs: VecDeque<Output>,
        deadline: Option<Instant>,
        closed: bool,
    }

    impl Machine for Parrot {
        fn handle_command(&mut self, now: Instant, command: Command) {
            match command {
                Command::Register(_) => self.deadline = Some(now + Duration::from_millis(5)),
                Command::UseRendezvous { addresses, .. } => {
                    let goodbye = hello_to(addresses[0]);
                    self.outputs.push_back(Output::Transmit(goodbye));
                }
                Command::Close => self.closed = true,
                _ => {}
            }
        }

        fn handle_datagrams(
            &mut self,
            _: Instant,
            local: SocketId,
            from: SocketAddr,
            bytes: &mut [u8],
            size: usize,
        ) {
            for datagram in bytes.chunks(size) {
                self.outputs.extend([
                    Output::Transmit(Transmit { from: local, ..to(from, datagram) }),
                    Output::Event(Event::Unregistered(ServerId::FIRST)),
                ]);
            }
        }

        fn handle_timeout(&mut self, _: Instant) {
            self.deadline = None;
            self.outputs.push_back(Output::Event(Event::Unregistered(ServerId::FIRST)));
        }

        fn poll_output(&mut self) -> Output {
            self.outputs.pop_front().unwrap_or(Output::Timeout(self.deadline))
        }

        fn is_closed(&self) -> bool {
            self.closed
        }

        fn reuse(&mut self, _: Vec<u8>) {}
    }

    fn to(to: SocketAddr, payload: &[u8]) -> Transmit {
        let payload = payload.to_vec();
        Transmit { from: SocketId::FIRST, to, ttl: None, whole: false, segment_size: None, payload }
    }

    fn hello_to(address: SocketAddr) -> Transmit {
        to(address, b"hello")
    }

    fn loopback() -> Sockets {
        Sockets::bind(Some((Ipv4Addr::LOCALHOST, 0).into())).expect("a socket on loopback")
    }

    #[tokio::test]
    async fn commands_datagrams_and_timeouts_reach_the_machine_and_its_outputs_the_world() {
        let sockets = loopback();
        let address = sockets.local_addresses()[0];
        let mut network = start(Parrot::default(), sockets, Options::default());

        let name = Name::new("alice").expect("name");
        network.commands.send(Command::Register(name)).await.expect("running");
        assert_eq!(
            network.events.recv().await,
            Some(Event::Unregistered(ServerId::FIRST)),
            "the timeout"
        );

        let mut other = loopback();
        other.send(&hello_to(address)).await.expect("sent");
        assert_eq!(
            network.events.recv().await,
            Some(Event::Unregistered(ServerId::FIRST)),
            "the datagram"
        );
        other.readable().await;
        let mut echoes = Vec::new();
        other.receive(|received| echoes.push((received.from, received.bytes.to_vec())));
        assert_eq!(echoes, [(address, b"hello".to_vec())]);

        network.commands.send(Command::Close).await.expect("running");
        assert_eq!(network.events.recv().await, None, "stopped");
    }

    #[tokio::test]
    async fn a_user_who_takes_no_events_can_still_give_commands() {
        let sockets = loopback();
        let address = sockets.local_addresses()[0];
        let mut network = start(Parrot::default(), sockets, Options::default());
        let mut other = loopback();
        for _ in 0..2 * CHANNEL {
            other.send(&hello_to(address)).await.expect("sent");
            other.readable().await;
            while other.receive(|_| {}) {}
        }
        for _ in 0..2 * CHANNEL {
            network.commands.send(Command::NetworkChanged).await.expect("running");
        }
        for _ in 0..2 * CHANNEL {
            assert_eq!(network.events.recv().await, Some(Event::Unregistered(ServerId::FIRST)));
        }
    }
}
