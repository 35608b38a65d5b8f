//! A link in user space: a rate, a queue that drops what does not fit, a delay, and loss by chance.
//!
//! Datagrams to the front go to the server as if they came from the back, and those to the back go to
//! the client as if they came from the front: whoever goes through it takes it for the other side.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use p2pchat_wire::random::Random;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::peer::here;

/// IP and UDP headers, which take their time on a real line.
const HEADERS: usize = 28;

/// Something may have to end.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// What is emulated, each way by itself.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Bits per second.
    pub rate: u64,
    /// One way.
    pub delay: Duration,
    /// Datagrams of a thousand that are lost.
    pub per_mille: u32,
    /// Bytes that may wait.
    pub queue: usize,
    /// Bytes of the longest packet, IP and UDP headers included: longer ones are lost. The system's own
    /// loopback takes up to 65,536, and who looks for the path's maximum would find that.
    pub mtu: usize,
}

/// A running link. Its front speaks IPv4, its back whatever the server does.
pub struct Link {
    pub front: SocketAddr,
    pub back: SocketAddr,
    /// Bytes of UDP payload that the client has sent into it, in datagrams that are not too long for it.
    pub sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// One direction.
struct Direction {
    profile: Profile,
    random: Random,
    /// When the line has sent all that waits.
    free_at: Instant,
    flying: VecDeque<(Instant, Vec<u8>)>,
}

impl Direction {
    fn new(profile: Profile, seed: u8, run: u64) -> Self {
        let mut key = [seed; 32];
        key[..8].copy_from_slice(&run.to_be_bytes());
        let (random, free_at) = (Random::from_seed(key), Instant::now());
        Self { profile, random, free_at, flying: VecDeque::new() }
    }

    /// Whether a datagram of so many bytes of payload is not too long.
    fn fits(&self, length: usize) -> bool {
        length + HEADERS <= self.profile.mtu
    }

    fn take(&mut self, now: Instant, datagram: &[u8]) {
        let start = self.free_at.max(now);
        let waiting = (start - now).as_secs_f64() * self.profile.rate as f64 / 8.0;
        if !self.fits(datagram.len()) || waiting as usize + datagram.len() > self.profile.queue {
            return;
        }
        let bits = (datagram.len() + HEADERS) as f64 * 8.0;
        self.free_at = start + Duration::from_secs_f64(bits / self.profile.rate as f64);
        if self.random.below(1000) >= self.profile.per_mille {
            self.flying.push_back((self.free_at + self.profile.delay, datagram.to_vec()));
        }
    }

    fn deliver(&mut self, now: Instant, mut each: impl FnMut(&[u8])) {
        while let Some((_, datagram)) = self.flying.pop_front_if(|(at, _)| *at <= now) {
            each(&datagram);
        }
    }

    fn next(&self) -> Option<Instant> {
        self.flying.front().map(|(at, _)| *at)
    }
}

impl Link {
    /// A link to `server`; its losses are those of `run`.
    pub fn new(profile: Profile, server: SocketAddr, run: u64) -> io::Result<Self> {
        let behind: IpAddr =
            if server.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { here().into() };
        let (front, back) = (UdpSocket::bind((here(), 0))?, UdpSocket::bind((behind, 0))?);
        front.set_nonblocking(true)?;
        back.set_nonblocking(true)?;
        let addresses = (front.local_addr()?, back.local_addr()?);
        let (sent, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (counter, stopped) = (Arc::clone(&sent), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let there = Direction::new(profile, 1, run);
            let back_again = Direction::new(profile, 2, run);
            carry([front, back], [there, back_again], server, &counter, &stopped);
        });
        let (front, back) = addresses;
        Ok(Self { front, back, sent, stop, thread: Some(thread) })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn carry(
    [front, back]: [UdpSocket; 2],
    [mut there, mut back_again]: [Direction; 2],
    server: SocketAddr,
    sent: &AtomicU64,
    stop: &AtomicBool,
) {
    let mut buffer = vec![0; 65_536];
    let mut client = None;
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        while let Ok((length, from)) = front.recv_from(&mut buffer) {
            client = Some(from);
            if there.fits(length) {
                sent.fetch_add(length as u64, Ordering::Relaxed);
            }
            there.take(now, &buffer[..length]);
        }
        while let Ok((length, _)) = back.recv_from(&mut buffer) {
            back_again.take(now, &buffer[..length]);
        }
        // What cannot be sent is lost, as anywhere.
        there.deliver(now, |datagram| drop(back.send_to(datagram, server)));
        back_again.deliver(now, |datagram| {
            if let Some(client) = client {
                drop(front.send_to(datagram, client));
            }
        });
        let next = [there.next(), back_again.next()].into_iter().flatten().min();
        let wait = next.map_or(LONGEST_WAIT, |at| at.saturating_duration_since(Instant::now()));
        let wait = Timespec::try_from(wait.min(LONGEST_WAIT)).unwrap_or_default();
        let mut polled = [PollFd::new(&front, PollFlags::IN), PollFd::new(&back, PollFlags::IN)];
        let _ = poll(&mut polled, Some(&wait));
    }
}
