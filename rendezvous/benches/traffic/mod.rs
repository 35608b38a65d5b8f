//! A load of datagrams, and figures about whoever has to carry it.
#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]
#![allow(dead_code, reason = "each bench uses its part")]

use std::io::{self, IoSliceMut};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use p2pchat_rendezvous::server::{Config, Rate};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

/// The processor of whoever forwards, and that of the load.
pub(crate) const FORWARDER: u32 = 0;
pub(crate) const LOAD: u32 = 1;

/// Datagrams on their way between two sockets, by way of what is measured.
pub(crate) struct Flow {
    pub(crate) sender: UdpSocket,
    pub(crate) receiver: UdpSocket,
    pub(crate) datagram: Vec<u8>,
}

/// What is sent: of each flow in turn so many datagrams at once.
pub(crate) struct Load {
    pub(crate) flows: Vec<Flow>,
    pub(crate) train: usize,
    /// Whether the forwarder's own processor sends too, in turn with it, so that there is always more than it can do.
    pub(crate) too_much: bool,
}

/// What a forwarder did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Datagrams sent on.
    pub(crate) count: u64,
    /// Seconds that it was on a processor.
    pub(crate) busy: f64,
    /// Datagrams that were received at the end.
    pub(crate) arrived: u64,
    pub(crate) clock: Duration,
}

/// What a forwarder did, each time.
#[derive(Debug, Default)]
pub(crate) struct Rates(Vec<Work>);

impl Load {
    /// Sends as fast as it goes for some time; returns how many datagrams arrive.
    pub(crate) fn run(self, time: Duration) -> u64 {
        pin(LOAD);
        let running = Arc::new(AtomicBool::new(true));
        let goes_on = Arc::clone(&running);
        let (mut senders, mut receivers) = (Vec::new(), Vec::new());
        for flow in self.flows {
            let bytes = flow.datagram.repeat(self.train);
            let state = UdpSocketState::new((&flow.sender).into()).expect("a socket");
            let to = flow.sender.peer_addr().expect("connected");
            senders.push((flow.sender, state, to, bytes, flow.datagram.len()));
            receivers.push(large(flow.receiver));
        }
        let receiving = thread::spawn(move || receive(&receivers, &goes_on));
        let send = || {
            let began = Instant::now();
            while began.elapsed() < time {
                for (socket, state, to, bytes, size) in &senders {
                    let transmit = Transmit {
                        destination: *to,
                        ecn: None,
                        contents: bytes,
                        segment_size: (*size < bytes.len()).then_some(*size),
                        src_ip: None,
                    };
                    let _ = state.try_send(socket.into(), &transmit);
                }
            }
        };
        thread::scope(|scope| {
            if self.too_much {
                scope.spawn(|| {
                    pin(FORWARDER);
                    send();
                });
            }
            send();
        });
        running.store(false, Ordering::Relaxed);
        receiving.join().expect("ended")
    }
}

/// Counts what arrives.
fn receive(receivers: &[UdpSocket], goes_on: &AtomicBool) -> u64 {
    pin(LOAD);
    let states: Vec<_> = receivers
        .iter()
        .map(|socket| UdpSocketState::new(socket.into()).expect("a socket"))
        .collect();
    let mut buffers = vec![vec![0; 65_536]; BATCH_SIZE];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    let mut count = 0;
    while goes_on.load(Ordering::Relaxed) {
        let mut is_idle = true;
        for (socket, state) in receivers.iter().zip(&states) {
            let mut slices: Vec<_> =
                buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
            let Ok(received) = state.recv(socket.into(), &mut slices, &mut metas) else { continue };
            is_idle = false;
            let datagrams = metas[..received].iter().map(|meta| meta.len.div_ceil(meta.stride));
            count += datagrams.sum::<usize>() as u64;
        }
        if is_idle {
            thread::sleep(Duration::from_micros(200));
        }
    }
    count
}

impl Rates {
    pub(crate) fn push(&mut self, work: Work) {
        self.0.push(work);
    }

    /// Datagrams for each second on the processor: the least, the median, the most.
    fn spread(&self) -> [f64; 3] {
        let mut sorted: Vec<_> = self.0.iter().map(|work| work.count as f64 / work.busy).collect();
        sorted.sort_by(f64::total_cmp);
        [sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]]
    }

    pub(crate) fn median(&self) -> f64 {
        self.spread()[1]
    }

    pub(crate) fn tell(&self, load: &str, forwarder: &str, base: f64) {
        let [least, median, most] = self.spread();
        let clock: f64 = self.0.iter().map(|work| work.clock.as_secs_f64()).sum();
        let count: u64 = self.0.iter().map(|work| work.count).sum();
        let arrived: u64 = self.0.iter().map(|work| work.arrived).sum();
        println!(
            "{load:<28} {forwarder:<22} {median:>9.0} {least:>9.0} {most:>9.0} {:>7.2} {:>10.0} {:>7.0} %",
            median / base,
            count as f64 / clock,
            100.0 * arrived as f64 / count as f64,
        );
    }
}

/// Limits that are in nobody's way.
pub(crate) fn generous() -> Config {
    let rate = Rate::new(1e12, 1e12);
    Config {
        handshakes: rate,
        handshakes_total: rate,
        claims: rate,
        signals: rate,
        relay_pair: rate,
        relay_key: rate,
        relay_network: rate,
        relay_total: rate,
        ..Config::default()
    }
}

/// Room for bursts, as the server has it.
pub(crate) fn large(socket: UdpSocket) -> UdpSocket {
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
    socket
}

/// Keeps this thread on one processor, where the system has `taskset`.
pub(crate) fn pin(processor: u32) {
    let Ok(thread) = std::fs::read_link("/proc/thread-self") else { return };
    let Some(id) = thread.file_name() else { return };
    let pinned: io::Result<_> = Command::new("taskset")
        .args(["-p", "-c", &processor.to_string()])
        .arg(id)
        .stdout(Stdio::null())
        .status();
    drop(pinned);
}

/// Seconds that this thread has been on a processor, where the system tells.
pub(crate) fn processor_time() -> f64 {
    seconds(&std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default())
}

/// Seconds that the threads of this program whose names begin so have been on a processor.
pub(crate) fn processor_time_of(name: &str) -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let read = |path: &std::path::Path, file| std::fs::read_to_string(path.join(file));
    let theirs = threads
        .map(|thread| thread.path())
        .filter(|path| read(path, "comm").is_ok_and(|comm| comm.starts_with(name)));
    theirs.map(|path| seconds(&read(&path, "schedstat").unwrap_or_default())).sum()
}

fn seconds(schedstat: &str) -> f64 {
    let nanoseconds: Option<f64> = schedstat.split(' ').next().and_then(|t| t.parse().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e9)
}

/// How busy the machine is.
pub(crate) fn load_average() -> (String, usize) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    (load, thread::available_parallelism().map_or(1, usize::from))
}
