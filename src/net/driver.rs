//! The one loop that awaits the network and reads the clock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::interfaces::host_candidates;
use super::socket::{MAX_UDP, Sockets};
use crate::proto::{Command, Endpoint, Event, Output, ServerId, SocketId};

/// Commands and events that may wait between the loop and whoever uses it.
const CHANNEL: usize = 256;

/// Events kept for a user who is slow. Beyond it the loop stops reading the sockets: the other
/// side's congestion control sees to the rest.
const MAX_PENDING: usize = 1024;

/// Datagrams taken before the machine's answers are sent.
const BATCH: usize = 64;

/// How often interfaces and clocks are looked at.
const LOOK_AROUND: Duration = Duration::from_secs(3);

/// A difference between two clocks, or between a clock and what was slept, that no load explains:
/// the machine was suspended.
const SLEPT: Duration = Duration::from_secs(10);

/// What the loop drives: in earnest the core's endpoint, in tests something smaller.
pub trait Machine: Send + 'static {
    /// Apply something the user asked for.
    fn handle_command(&mut self, now: Instant, command: Command);
    /// Process one datagram.
    fn handle_datagram(&mut self, now: Instant, local: SocketId, from: SocketAddr, datagram: &[u8]);
    /// Advance the clock.
    fn handle_timeout(&mut self, now: Instant);
    /// Take the next output; `Timeout` is always last.
    fn poll_output(&mut self) -> Output;
}

impl Machine for Endpoint {
    fn handle_command(&mut self, now: Instant, command: Command) {
        self.handle_command(now, command);
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketId,
        from: SocketAddr,
        datagram: &[u8],
    ) {
        self.handle_datagram(now, local, from, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Output {
        self.poll_output()
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

/// Runs `machine` on `sockets` in a task of its own. Dropping [`Network::commands`] or
/// [`Network::events`] closes the machine.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the driver is the one task that runs a machine")]
pub fn start(machine: impl Machine, sockets: Sockets) -> Network {
    let (commands, command_queue) = mpsc::channel(CHANNEL);
    let (event_queue, events) = mpsc::channel(CHANNEL);
    let driver = Driver {
        machine,
        sockets,
        commands: command_queue,
        events: event_queue,
        pending: VecDeque::new(),
        buffer: vec![0; MAX_UDP],
        surroundings: Surroundings::new(now()),
    };
    tokio::spawn(driver.run());
    Network { commands, events }
}

struct Driver<M> {
    machine: M,
    sockets: Sockets,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    /// Events that found the channel full.
    pending: VecDeque<Event>,
    buffer: Vec<u8>,
    surroundings: Surroundings,
}

impl<M: Machine> Driver<M> {
    async fn run(mut self) {
        let mut look_around = tokio::time::interval(LOOK_AROUND);
        look_around.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let deadline = self.flush().await;
            tokio::select! {
                () = has_room(&self.events), if !self.pending.is_empty() => self.tell(),
                () = self.events.closed() => break,
                command = self.commands.recv() => match command {
                    None | Some(Command::Close) => break,
                    Some(command) => self.command(command),
                },
                () = self.sockets.readable(), if self.pending.len() < MAX_PENDING => self.receive(),
                () = until(deadline) => self.machine.handle_timeout(now()),
                _ = look_around.tick() => self.look_around(),
            }
        }
        self.machine.handle_command(now(), Command::Close);
        self.flush().await;
    }

    /// Sends what is to be sent and queues what is to be told, until the machine has nothing more.
    async fn flush(&mut self) -> Option<Instant> {
        loop {
            match self.machine.poll_output() {
                Output::Transmit(transmit) => {
                    if let Err(error) = self.sockets.send(&transmit).await {
                        tracing::debug!(to = %transmit.to, %error, "a datagram is lost on the spot");
                    }
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
            let near = &mut self.surroundings.on_loopback;
            near.retain(|known| known != server);
            near.extend(addresses.iter().any(|one| one.ip().is_loopback()).then_some(*server));
        }
        let moves_us = matches!(command, Command::UseRendezvous { .. });
        if moves_us {
            // Candidates first: an introduction may follow at once.
            self.gather();
        }
        self.machine.handle_command(now(), command);
    }

    fn receive(&mut self) {
        let now = now();
        for _ in 0..BATCH {
            let arrived = self.sockets.receive(&mut self.buffer);
            let Some((local, from, length)) = arrived else { break };
            self.machine.handle_datagram(now, local, from, &self.buffer[..length]);
        }
    }

    fn look_around(&mut self) {
        let (now, wall) = (now(), wall_clock());
        let slept = self.surroundings.slept(now, wall);
        if self.gather() || slept {
            tracing::debug!(slept, "the network may be another one");
            self.machine.handle_command(now, Command::NetworkChanged);
        }
    }

    /// Tells the machine the host candidates if they are others than before; says whether others
    /// than before means another network.
    fn gather(&mut self) -> bool {
        let loopback = !self.surroundings.on_loopback.is_empty();
        let found = host_candidates(&self.sockets.local_addresses(), loopback);
        if self.surroundings.candidates.as_ref() == Some(&found) {
            return false;
        }
        let first = self.surroundings.candidates.replace(found.clone()).is_none();
        self.machine.handle_command(now(), Command::SetHostCandidates(found));
        !first
    }
}

/// What was last seen around us.
#[derive(Debug)]
struct Surroundings {
    on_loopback: Vec<ServerId>,
    candidates: Option<Vec<SocketAddr>>,
    seen: (Instant, SystemTime),
}

impl Surroundings {
    fn new(now: Instant) -> Self {
        Self { on_loopback: Vec::new(), candidates: None, seen: (now, wall_clock()) }
    }

    /// Whether the machine slept since the last call. Some systems stop the monotonic clock
    /// meanwhile, so that the other clock runs ahead; on the rest this call comes late.
    fn slept(&mut self, now: Instant, wall: SystemTime) -> bool {
        let (then, wall_then) = std::mem::replace(&mut self.seen, (now, wall));
        let passed = now.saturating_duration_since(then);
        let wall_passed = wall.duration_since(wall_then).unwrap_or_default();
        passed > LOOK_AROUND + SLEPT || wall_passed > passed + SLEPT
    }
}

/// Waits for a place in the channel, and does not take it.
async fn has_room(events: &mpsc::Sender<Event>) {
    drop(events.reserve().await);
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "the network room has the clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the network room has the clock")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use p2pchat_wire::identity::Name;

    use super::*;
    use crate::proto::Transmit;

    /// Sends each datagram back and tells of it; asked to register, asks for a timeout, at which it
    /// tells too.
    #[derive(Default)]
    struct Parrot {
        outputs: VecDeque<Output>,
        deadline: Option<Instant>,
    }

    impl Machine for Parrot {
        fn handle_command(&mut self, now: Instant, command: Command) {
            match command {
                Command::Register(_) => self.deadline = Some(now + Duration::from_millis(5)),
                Command::UseRendezvous { addresses, .. } => {
                    let goodbye = hello_to(addresses[0]);
                    self.outputs.push_back(Output::Transmit(goodbye));
                }
                _ => {}
            }
        }

        fn handle_datagram(
            &mut self,
            _: Instant,
            local: SocketId,
            from: SocketAddr,
            datagram: &[u8],
        ) {
            let payload = datagram.to_vec();
            let echo = Transmit { from: local, to: from, ttl: None, payload };
            self.outputs.extend([
                Output::Transmit(echo),
                Output::Event(Event::Unregistered(ServerId::FIRST)),
            ]);
        }

        fn handle_timeout(&mut self, _: Instant) {
            self.deadline = None;
            self.outputs.push_back(Output::Event(Event::Unregistered(ServerId::FIRST)));
        }

        fn poll_output(&mut self) -> Output {
            self.outputs.pop_front().unwrap_or(Output::Timeout(self.deadline))
        }
    }

    fn hello_to(to: SocketAddr) -> Transmit {
        Transmit { from: SocketId::FIRST, to, ttl: None, payload: b"hello".to_vec() }
    }

    fn loopback() -> Sockets {
        Sockets::bind(Some((Ipv4Addr::LOCALHOST, 0).into())).expect("a socket on loopback")
    }

    #[tokio::test]
    async fn commands_datagrams_and_timeouts_reach_the_machine_and_its_outputs_the_world() {
        let sockets = loopback();
        let address = sockets.local_addresses()[0];
        let mut network = start(Parrot::default(), sockets);

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
        assert_eq!(other.receive(&mut [0; 9]), Some((SocketId::FIRST, address, 5)), "the echo");

        network.commands.send(Command::Close).await.expect("running");
        assert_eq!(network.events.recv().await, None, "stopped");
    }

    #[tokio::test]
    async fn a_user_who_takes_no_events_can_still_give_commands() {
        let sockets = loopback();
        let address = sockets.local_addresses()[0];
        let mut network = start(Parrot::default(), sockets);
        let mut other = loopback();
        for _ in 0..2 * CHANNEL {
            other.send(&hello_to(address)).await.expect("sent");
            other.readable().await;
            while other.receive(&mut [0; 9]).is_some() {}
        }
        for _ in 0..2 * CHANNEL {
            network.commands.send(Command::NetworkChanged).await.expect("running");
        }
        for _ in 0..2 * CHANNEL {
            assert_eq!(network.events.recv().await, Some(Event::Unregistered(ServerId::FIRST)));
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
    fn sleep_shows_in_either_clock_and_load_in_none() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let later = |seconds| Duration::from_secs(seconds);
        let slept = |passed, wall_passed| {
            let mut surroundings =
                Surroundings { on_loopback: Vec::new(), candidates: None, seen: (now, wall) };
            surroundings.slept(now + later(passed), wall + later(wall_passed))
        };
        assert!(!slept(3, 3) && !slept(9, 9) && !slept(3, 0));
        assert!(slept(60, 60) && slept(3, 60));
    }
}
