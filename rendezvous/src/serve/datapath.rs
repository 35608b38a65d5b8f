//! Datagrams between the sockets and the machine, in turns.
//!
//! A turn first takes what has arrived, then sends what is to leave. The more has arrived, the more of one
//! flow is together, and leaves as one: under load the server becomes cheaper for each datagram, without load nothing
//! waits for company. Receiving comes before sending because it is the cheaper half: what is too
//! much is thrown away by the machine, which knows whose it is, and not by the system, which does not.
#![expect(clippy::disallowed_methods, reason = "the clock of the server")]

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::Rendezvous;
use super::socket::{Arrival, Batch, ServerSocket};
use crate::server::{Local, Output, Transmit};
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
}

impl Rendezvous {
    /// Takes what has arrived, a few batches from each socket.
    pub(super) async fn receive(&mut self, batch: &mut Batch) {
        let began = Instant::now();
        // Whoever was last this time is first the next.
        self.first = (self.first + 1) % self.sockets.len();
        for at in (self.first..self.sockets.len()).chain(0..self.first) {
            for _ in 0..BATCHES {
                let (server, now) = (&mut self.server, Instant::now());
                if server.waiting() >= AHEAD || now.duration_since(began) > PATIENCE {
                    return;
                }
                let received = self.sockets[at].receive(batch, |arrival, buffer| {
                    let Arrival { local, from, length, stride } = arrival;
                    server.handle_buffer(now, local, from, buffer, length, stride);
                });
                match received {
                    Ok(()) => {}
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

    /// Takes a few more datagrams from the carriers.
    pub(super) fn receive_carried(&mut self) {
        let now = Instant::now();
        for _ in 1..CARRIED {
            let Some((id, from, datagram)) = self.carriers.try_receive() else { break };
            self.server.handle_datagram(now, id, from, &datagram);
        }
    }

    /// Sends what is relayed.
    ///
    /// A socket that takes no more stops all of it, whatever socket it goes by: they have the same wire before them,
    /// and what waits here waits in its turn.
    pub(super) fn relay(&mut self) -> Pace {
        let most = self.sockets.iter().map(ServerSocket::max_joined).min().unwrap_or(1);
        for _ in 0..TRAINS {
            let Some(train) = self.server.poll_train(most) else { return Pace::Done };
            match train.from {
                Local::Udp(from) => {
                    let at = self.sockets.iter().position(|socket| socket.serves(from));
                    let sent = at.map(|at| {
                        self.sockets[at].send_train(from, train.to, train.pieces(), train.size)
                    });
                    if let (Some(Err(error)), Some(at)) = (sent, at) {
                        if error.kind() == io::ErrorKind::WouldBlock {
                            return Pace::Blocked(at);
                        }
                        self.unsent += train.datagrams().count() as u64;
                        tracing::debug!(%error, "relaying");
                    }
                }
                Local::Carrier(id) => {
                    for datagram in train.datagrams() {
                        self.unsent += u64::from(!self.carriers.send(id, datagram.to_vec()));
                    }
                }
            }
            self.server.train_left();
        }
        Pace::More
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

/// Waits until there is something to do on the sockets: something has arrived, or the relay can go on.
pub(super) async fn ready(sockets: &[ServerSocket], pace: Pace) {
    poll_fn(|context| {
        let may_go_on = match pace {
            Pace::Done => false,
            Pace::More => true,
            Pace::Blocked(at) => sockets[at].poll_writable(context).is_ready(),
        };
        // Every socket is asked, so that every one wakes us.
        let ready = sockets.iter().filter(|socket| socket.poll_readable(context).is_ready());
        if ready.count() > 0 || may_go_on { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
