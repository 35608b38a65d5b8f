//! Threads that receive and send for the loop, where there are processors for them.
//!
//! What a datagram costs is nearly all the system's: of what is relayed, the machine's tables, limits and turns are a
//! seventh at most. So the workers do the system calls and nothing else, and the loop decides, alone as without
//! them. Each worker has a socket of its own on every address that is listened on, and the system keeps a sender at
//! one of them (`SO_REUSEPORT`), so what a peer sends comes to the loop in order. What goes to one address is
//! sent by one worker, which keeps that order too.
//!
//! A batch goes to the loop, and comes back to its worker with other buffers in it; a train goes to a worker, and comes
//! back when it has left. Both are bounded: by the batches that there are, and by [`MOST_LEAVING`]. A loop that is
//! behind leaves what arrives to the system, and what is to leave waits with the machine, in its turn.
#![expect(clippy::disallowed_methods, reason = "threads and tasks of the server")]

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinError;

use super::socket::{Batch, ServerSocket, ready};
use crate::server::Train;

/// Batches of one worker: one that it fills, while the loop has the others.
const BATCHES: usize = 4;

/// Trains that wait with one worker, a megabyte. What waits there has had its turn, so it is to be no more than
/// keeps the worker busy until the next come.
const MOST_LEAVING: usize = 16;

/// What a worker is to do.
enum Order {
    Receive(Batch),
    /// Send it by the socket with this number.
    Send(usize, Train),
}

/// What a worker has done.
pub(super) enum Report {
    /// It has received this; to be [given back](Workers::give_back).
    Received(Received),
    /// It has sent this.
    Sent(Sent),
}

/// A batch that a worker has received.
pub(super) struct Received {
    pub(super) batch: Batch,
    worker: usize,
}

/// A train that a worker has sent, or that the system did not take.
pub(super) struct Sent {
    pub(super) train: Train,
    pub(super) is_lost: bool,
    worker: usize,
}

/// The threads of workers to be: sockets that are opened in them wake them.
#[derive(Debug)]
pub(super) struct Threads(Vec<Runtime>);

impl Threads {
    pub(super) fn new(count: usize) -> io::Result<Self> {
        let runtime = || Builder::new_current_thread().enable_all().build();
        (0..count).map(|_| runtime()).collect::<io::Result<_>>().map(Self)
    }

    /// Opens the sockets of the first.
    pub(super) fn open<T>(&self, open: impl FnOnce() -> T) -> T {
        let _first = self.0.first().map(Runtime::enter);
        open()
    }
}

/// The workers, as the loop sees them.
#[derive(Debug)]
pub(super) struct Workers {
    orders: Vec<UnboundedSender<Order>>,
    /// Trains that each has.
    leaving: Vec<usize>,
    received: UnboundedReceiver<Received>,
    sent: UnboundedReceiver<Sent>,
    /// What a worker has ended by, if not by the end of the loop.
    failed: UnboundedReceiver<JoinError>,
    hasher: RandomState,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts them. `sockets` are those of the first, [opened](Threads::open) in its thread; the others get more of
    /// the same.
    pub(super) fn start(threads: Threads, sockets: &[Arc<ServerSocket>]) -> io::Result<Self> {
        let (to_loop, received) = mpsc::unbounded_channel();
        let (sent_to_loop, sent) = mpsc::unbounded_channel();
        let (fault, failed) = mpsc::unbounded_channel();
        let (tell, told) = std::sync::mpsc::channel();
        let mut workers = Self {
            orders: Vec::new(),
            leaving: Vec::new(),
            received,
            sent,
            failed,
            hasher: RandomState::new(),
            threads: Vec::new(),
        };
        for (number, runtime) in threads.0.into_iter().enumerate() {
            let sockets = match number {
                0 => sockets.to_vec(),
                _ => {
                    let _this = runtime.enter();
                    let more = sockets.iter().map(|socket| socket.bind_beside().map(Arc::new));
                    more.collect::<io::Result<_>>()?
                }
            };
            let (order, orders) = mpsc::unbounded_channel();
            let worker = Worker {
                number,
                sockets,
                orders,
                received: to_loop.clone(),
                sent: sent_to_loop.clone(),
                free: (0..BATCHES).map(|_| Batch::default()).collect(),
                leaving: VecDeque::new(),
                first: 0,
            };
            let (tell, fault) = (tell.clone(), fault.clone());
            let work = move || {
                // In a task of its own: to wake the one that the thread waits for is a system call.
                if let Err(error) = runtime.block_on(async { tokio::spawn(worker.run(tell)).await })
                {
                    let _ = fault.send(error);
                }
            };
            let thread = thread::Builder::new().name(format!("worker-{number}")).spawn(work)?;
            workers.orders.push(order);
            workers.leaving.push(0);
            workers.threads.push(thread);
        }
        drop(tell);
        // Each lets its sender go when its sockets are ready.
        let _ = told.recv();
        Ok(workers)
    }

    /// A train that has left, if there is one.
    pub(super) fn try_sent(&mut self) -> Option<Sent> {
        self.sent.try_recv().ok()
    }

    /// A batch that was received, if there is one.
    pub(super) fn try_received(&mut self) -> Option<Received> {
        self.received.try_recv().ok()
    }

    /// The loop has seen what was received.
    pub(super) fn give_back(&self, received: Received) {
        let Received { batch, worker } = received;
        // Who has ended receives no more.
        let _ = self.orders[worker].send(Order::Receive(batch));
    }

    /// The loop has seen what was sent.
    pub(super) fn has_sent(&mut self, sent: &Sent) {
        self.leaving[sent.worker] -= 1;
    }

    /// Whether the worker that sends to this address has nothing to send, so that what somebody else sends there
    /// overtakes nothing.
    pub(super) fn is_idle(&self, to: SocketAddr) -> bool {
        self.leaving[self.sender(to)] == 0
    }

    /// Has a train sent by the socket with this number. Gives it back when the worker whose it is has enough.
    pub(super) fn send(&mut self, socket: usize, train: Train) -> Option<Train> {
        let worker = self.sender(train.to);
        if self.leaving[worker] >= MOST_LEAVING {
            return Some(train);
        }
        self.leaving[worker] += 1;
        let _ = self.orders[worker].send(Order::Send(socket, train));
        None
    }

    fn sender(&self, to: SocketAddr) -> usize {
        (self.hasher.hash_one(to) % self.orders.len() as u64) as usize
    }
}

/// Waits for the next report, if there are workers; of what was received only when that `is_heard`. Can be given up
/// at any moment without losing one.
///
/// # Panics
///
/// When a worker has: its peers would not be heard any more, and the server would not say so.
pub(super) async fn report(workers: &mut Option<Workers>, is_heard: bool) -> Report {
    let Some(workers) = workers else { return std::future::pending().await };
    tokio::select! {
        biased;
        Some(error) = workers.failed.recv() => resume_unwind(error.into_panic()),
        Some(sent) = workers.sent.recv() => Report::Sent(sent),
        Some(received) = workers.received.recv(), if is_heard => Report::Received(received),
        else => std::future::pending().await,
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // Without anybody to give orders they end.
        self.orders.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One of them, in its thread.
struct Worker {
    number: usize,
    sockets: Vec<Arc<ServerSocket>>,
    orders: UnboundedReceiver<Order>,
    received: UnboundedSender<Received>,
    sent: UnboundedSender<Sent>,
    /// What it can receive into.
    free: Vec<Batch>,
    leaving: VecDeque<(usize, Train)>,
    /// The socket that is asked first.
    first: usize,
}

impl Worker {
    async fn run(mut self, tell: std::sync::mpsc::Sender<()>) {
        for socket in &self.sockets {
            // The loop sends by them too, and until the system has been asked once they look full.
            socket.writable().await;
        }
        drop(tell);
        loop {
            loop {
                match self.orders.try_recv() {
                    Ok(order) => self.take(order),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            let blocked = self.send();
            self.receive().await;
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(order) => self.take(order),
                    None => return,
                },
                () = ready(&self.sockets, !self.free.is_empty(), blocked) => {}
            }
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Receive(batch) => self.free.push(batch),
            Order::Send(socket, train) => self.leaving.push_back((socket, train)),
        }
    }

    /// Sends what it has; returns the number of a socket that takes no more.
    fn send(&mut self) -> Option<usize> {
        while let Some((socket, train)) = self.leaving.pop_front() {
            let result = self.sockets[socket].send_train(&train);
            if let Err(error) = &result {
                if error.kind() == io::ErrorKind::WouldBlock {
                    self.leaving.push_front((socket, train));
                    return Some(socket);
                }
                tracing::debug!(%error, "relaying");
            }
            let sent = Sent { train, is_lost: result.is_err(), worker: self.number };
            // A loop that has ended has no use for it.
            let _ = self.sent.send(sent);
        }
        None
    }

    /// Receives a batch from each socket.
    async fn receive(&mut self) {
        let count = self.sockets.len();
        self.first = (self.first + 1) % count;
        for at in (self.first..count).chain(0..self.first) {
            let Some(mut batch) = self.free.pop() else { return };
            match self.sockets[at].receive(&mut batch) {
                Ok(_) => {
                    let _ = self.received.send(Received { batch, worker: self.number });
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::debug!(%error, "receiving");
                    // Whatever it is, it must not become a loop without a pause.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            self.free.push(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "divisor of zero")]
    async fn the_fault_of_a_worker_is_the_servers() {
        // Who has no socket has a fault as soon as he asks the next one.
        let workers = Workers::start(Threads::new(2).expect("threads"), &[]);
        report(&mut Some(workers.expect("they start")), true).await;
    }
}
