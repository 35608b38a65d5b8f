//! Datagrams between the sockets and the machine, in turns.
//!
//! A turn first takes what has arrived, then sends what is to leave. The more has arrived, the more of one
//! flow is together, and leaves as one: under load the server becomes cheaper for each datagram, without load nothing
//! waits for company. Receiving comes before sending because it is the cheaper half: what is too
//! much is thrown away by the machine, which knows whose it is, and not by the system, which does not.
#![expect(clippy::disallowed_methods, reason = "the clock of the server")]

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Rendezvous;
use super::socket::{self, Arrival, Batch, ServerSocket};
use super::workers::{Received, Report, Sent, Workers};
use crate::server::{Local, Output, Server, Train, Transmit};
use crate::store::Entry;

/// Batches taken from one socket in a turn.
const BATCHES: usize = 8;

/// A turn takes nothing more when so many bytes wait to be relayed.
const AHEAD: usize = 1 << 20;

/// … or when so much time has gone by, for handshakes are dear.
const PATIENCE: Duration = Duration::from_millis(1);

/// Trains sent in a turn.
const TRAINS: usize = 64;

/// Datagrams taken from the carriers before the sockets have their turn.
const CARRIED: usize = 64;

/// How long a stopping server keeps saying goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where the relay stands after a turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pace {
    /// Nothing more may leave now.
    Done,
    /// More may leave at once.
    More,
    /// The socket with this number takes no more for the moment.
    Blocked(usize),
    /// The worker whose turn it is has enough to send for the moment.
    Full,
}

/// Waits until there is something to do on the sockets from the number `own` on: something has arrived, if that
/// `is_heard`, or the relay can go on.
pub(super) async fn ready(sockets: &[Arc<ServerSocket>], own: usize, is_heard: bool, pace: Pace) {
    let blocked = match pace {
        Pace::More => return,
        Pace::Blocked(at) => at.checked_sub(own),
        Pace::Done | Pace::Full => None,
    };
    socket::ready(sockets, is_heard, blocked).await;
}

fn hear(server: &mut Server, now: Instant, batch: &mut Batch) {
    for (Arrival { local, from, length, stride }, buffer) in batch.arrivals() {
        server.handle_buffer(now, local, from, buffer, length, stride);
    }
}

impl Rendezvous {
    /// Whether the machine takes what arrives, or what it has is to leave first.
    pub(super) fn hears(&self) -> bool {
        self.server.waiting() < AHEAD
    }

    /// Takes what has arrived, a few batches from each socket of ours, and as many from the workers.
    pub(super) async fn receive(&mut self, batch: &mut Batch) {
        let began = Instant::now();
        while let Some(sent) = self.workers.as_mut().and_then(Workers::try_sent) {
            self.take_back(sent);
        }
        let sockets = self.sockets.len() - self.own;
        let sources = sockets + usize::from(self.workers.is_some());
        // Whoever was last this time is first the next.
        self.first = (self.first + 1) % sources;
        for source in (self.first..sources).chain(0..self.first) {
            for _ in 0..BATCHES {
                let now = Instant::now();
                if !self.hears() || now.duration_since(began) > PATIENCE {
                    return;
                }
                let Some(socket) = self.sockets.get(self.own + source) else {
                    let received = self.workers.as_mut().and_then(Workers::try_received);
                    let Some(received) = received else { break };
                    self.hear_of(received);
                    continue;
                };
                match socket.receive(batch) {
                    Ok(more) => {
                        hear(&mut self.server, now, batch);
                        if !more {
                            break;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        tracing::debug!(%error, "receiving");
                        // Whatever it is, it must not become a loop without a pause.
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        break;
                    }
                }
            }
        }
    }

    /// Takes what a worker has received or sent.
    pub(super) fn take_report(&mut self, report: Report) {
        match report {
            Report::Received(received) => self.hear_of(received),
            Report::Sent(sent) => self.take_back(sent),
        }
    }

    fn hear_of(&mut self, mut received: Received) {
        hear(&mut self.server, Instant::now(), &mut received.batch);
        if let Some(workers) = &self.workers {
            workers.give_back(received);
        }
    }

    fn take_back(&mut self, sent: Sent) {
        if let Some(workers) = &mut self.workers {
            workers.has_sent(&sent);
        }
        self.unsent += if sent.is_lost { sent.train.count() as u64 } else { 0 };
        self.server.train_left(sent.train);
    }

    /// Takes a few more datagrams from the carriers.
    pub(super) fn receive_carried(&mut self) {
        let now = Instant::now();
        for _ in 1..CARRIED {
            let Some((id, from, datagram)) = self.carriers.try_receive() else { break };
            self.server.handle_datagram(now, id, from, &datagram);
        }
    }

    /// Sends what is relayed, or has it sent.
    ///
    /// A socket or a worker that takes no more stops all of it, whatever way it goes by: they have the same wire
    /// before them, and what waits here waits in its turn.
    pub(super) fn relay(&mut self) -> Pace {
        let most = self.sockets.iter().map(|socket| socket.max_joined()).min().unwrap_or(1);
        for _ in 0..TRAINS {
            let next = self.held.take().or_else(|| self.server.poll_train(most));
            let Some(train) = next else { return Pace::Done };
            match train.from {
                Local::Udp(from) => {
                    let at = self.sockets.iter().position(|socket| socket.serves(from));
                    let Some(at) = at else {
                        self.server.train_left(train);
                        continue;
                    };
                    if let Err(pace) = self.send_train(at, train) {
                        return pace;
                    }
                }
                Local::Carrier(id) => {
                    for datagram in train.datagrams() {
                        self.unsent += u64::from(!self.carriers.send(id, datagram.to_vec()));
                    }
                    self.server.train_left(train);
                }
            }
        }
        Pace::More
    }

    /// Sends a train by the socket with this number, or has its worker send it. While nothing else waits for the
    /// worker we are done sooner than it would have woken up.
    ///
    /// What cannot leave now is held; what it waits for is the error.
    fn send_train(&mut self, at: usize, train: Train) -> Result<(), Pace> {
        let workers = self.workers.as_mut().filter(|_| at < self.own);
        let is_ours = workers
            .as_ref()
            .is_none_or(|workers| self.server.waiting() == 0 && workers.is_idle(train.to));
        let result = match is_ours {
            true => self.sockets[at].send_train(&train),
            false => Err(io::ErrorKind::WouldBlock.into()),
        };
        match (result, workers) {
            (Err(error), Some(workers)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.held = workers.send(at, train);
                if self.held.is_some() { Err(Pace::Full) } else { Ok(()) }
            }
            (Err(error), None) if error.kind() == io::ErrorKind::WouldBlock => {
                self.held = Some(train);
                Err(Pace::Blocked(at))
            }
            (result, _) => {
                if let Err(error) = result {
                    self.unsent += train.count() as u64;
                    tracing::debug!(%error, "relaying");
                }
                self.server.train_left(train);
                Ok(())
            }
        }
    }

    /// Does what else the server wants done; returns when it wants to be called again.
    pub(super) fn send_outputs(&mut self) -> Option<Instant> {
        loop {
            match self.server.poll_unrelayed() {
                Output::Transmit(transmit) => self.send(transmit),
                Output::Claim { id, name, key } => {
                    self.store.submit(id, Entry::Name { name, key });
                }
                Output::Found { id, founding } => self.store.submit(id, Entry::Room(founding)),
                Output::Timeout(timeout) => return timeout,
            }
        }
    }

    fn send(&mut self, Transmit { from, to, payload }: Transmit) {
        match from {
            Local::Udp(from) => {
                let Some(socket) = self.sockets.iter().find(|socket| socket.serves(from)) else {
                    return;
                };
                if let Err(error) = socket.send(from, to, &payload) {
                    self.unsent += 1;
                    tracing::debug!(%error, "sending");
                }
            }
            Local::Carrier(id) => self.unsent += u64::from(!self.carriers.send(id, payload)),
        }
    }

    /// Takes leave of everybody, and finishes what is being stored.
    pub(super) async fn stop(&mut self) {
        self.server.stop(Instant::now());
        let mut sent = 0_u32;
        let until = Instant::now() + FAREWELL;
        while let Output::Transmit(transmit) = self.server.poll_unrelayed() {
            self.send(transmit);
            sent += 1;
            if sent.is_multiple_of(64) {
                // Room for the system to send them, and an end if it does not.
                tokio::time::sleep(Duration::from_millis(1)).await;
                if Instant::now() > until {
                    break;
                }
            }
        }
        // Whoever does not read is not waited for.
        let _ = tokio::time::timeout(FAREWELL, self.carriers.finish()).await;
        self.store.finish().await;
    }
}
