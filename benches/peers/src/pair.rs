//! A client and a server, each a thread on a processor of its own, and what the one asks the other.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use p2pchat_wire::neighbour::Announcement;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;
use tokio::time::{sleep_until, timeout};

use crate::link::{Link, Profile};
use crate::peer::{Exchange, LINE, Line, Listener, Peer, Talk};

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A first line that says so is followed by bytes without end; every other is said back.
const POUR: Line = [b'>'; LINE];

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub enum Question {
    /// A line and its echo, one after another.
    RoundTrips { count: u32 },
    /// From connecting to the first echo.
    FirstReply,
    /// As many bytes as there is time for.
    Bulk { time: Duration },
    /// A line now and then.
    Lines { count: u32, pause: Duration },
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// How long lines took to come back, the shortest first.
    pub times: Vec<Duration>,
    /// Bytes that arrived, in how much time, and what was sent for them.
    pub bytes: u64,
    pub time: Duration,
    pub wire: u64,
    /// Processor time of both threads, and of the sender alone.
    pub both: Duration,
    pub sender: Duration,
}

/// Asks once.
pub fn ask<P: Peer>(
    peer: P,
    question: Question,
    profile: Option<Profile>,
    run: u64,
) -> io::Result<Answer> {
    let arrived = Arc::<AtomicU64>::default();
    let (tell_client, hear_server) = mpsc::channel();
    let (tell_server, hear_client) = mpsc::channel();
    let (address_is, address) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let counter = Arc::clone(&arrived);
    let server = thread::spawn(move || {
        on_processor(1, async move {
            let listener = peer.listen().await?;
            let _ = address_is.send(listener.address());
            let exchange = Exchange { tell: tell_client, hear: hear_client };
            // It also ends when the client has all it wants and goes; what is wrong, that one tells.
            tokio::select! {
                _ = serve(listener, exchange, &counter) => Ok(()),
                _ = stopped => Ok(()),
            }
        })
    });
    let failed = |_| io::Error::other("the server did not start");
    let address: SocketAddr = address.recv().map_err(failed)?;
    let link = profile.map(|profile| Link::new(profile, address, run)).transpose()?;
    let (to, back) = link.as_ref().map_or((address, None), |link| (link.front, Some(link.back)));
    let exchange = Exchange {
        tell: through(back, tell_server),
        hear: from_elsewhere(link.as_ref().map(|link| link.front), hear_server),
    };
    let wire = link.as_ref().map(|link| Arc::clone(&link.sent));
    let client = thread::spawn(move || {
        on_processor(0, async move {
            let asking = put(peer, question, to, exchange, &arrived, wire.as_deref());
            timeout(PATIENCE, asking).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        })
    });
    let answer = client.join().map_err(|_| io::Error::other("the client broke"))?;
    let _ = stop.send(());
    let served = server.join().map_err(|_| io::Error::other("the server broke"))?;
    let (mut answer, sender) = answer?;
    if let Ok((_, receiver)) = served {
        (answer.sender, answer.both) = (sender, sender + receiver);
    }
    Ok(answer)
}

/// What one side says of itself, with the address that the other side sees.
fn through(
    seen: Option<SocketAddr>,
    tell: mpsc::Sender<(Announcement, SocketAddr)>,
) -> mpsc::Sender<(Announcement, SocketAddr)> {
    let (inner, told) = mpsc::channel();
    thread::spawn(move || {
        if let Ok((announcement, address)) = told.recv() {
            drop(tell.send((announcement, seen.unwrap_or(address))));
        }
    });
    inner
}

fn from_elsewhere(
    seen: Option<SocketAddr>,
    hear: mpsc::Receiver<(Announcement, SocketAddr)>,
) -> mpsc::Receiver<(Announcement, SocketAddr)> {
    let (tell, inner) = mpsc::channel();
    let tell = through(seen, tell);
    thread::spawn(move || {
        if let Ok(told) = hear.recv() {
            drop(tell.send(told));
        }
    });
    inner
}

/// Runs something on one processor; with the processor time that it took. It is a task, as what
/// programs do: waking the future that `block_on` itself waits for costs a system call each time.
fn on_processor<T: Send + 'static>(
    number: usize,
    work: impl Future<Output = io::Result<T>> + Send + 'static,
) -> io::Result<(T, Duration)> {
    let mut set = CpuSet::new();
    set.set(number);
    sched_setaffinity(None, &set)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(runtime.spawn(work)).map_err(io::Error::other)??;
    Ok((result, processor_time()))
}

fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32)
}

async fn serve(listener: impl Listener, exchange: Exchange, arrived: &AtomicU64) -> io::Result<()> {
    let mut talk = listener.accept(exchange).await?;
    loop {
        let line = talk.hear().await?;
        if line == POUR {
            let count = |more| {
                arrived.fetch_add(more as u64, Ordering::Relaxed);
            };
            return talk.drink(count).await;
        }
        talk.say(line).await?;
    }
}

async fn put<P: Peer>(
    peer: P,
    question: Question,
    to: SocketAddr,
    exchange: Exchange,
    arrived: &AtomicU64,
    wire: Option<&AtomicU64>,
) -> io::Result<Answer> {
    let client = peer.prepare(exchange).await?;
    let before = Instant::now();
    let mut talk = peer.connect(client, to).await?;
    let mut answer = Answer::default();
    match question {
        Question::FirstReply => {
            talk.say([1; LINE]).await?;
            talk.hear().await?;
            answer.times.push(before.elapsed());
        }
        Question::RoundTrips { count } => {
            for _ in 0..count {
                let said = Instant::now();
                talk.say([1; LINE]).await?;
                talk.hear().await?;
                answer.times.push(said.elapsed());
            }
        }
        Question::Lines { count, pause } => {
            talk.say([1; LINE]).await?;
            talk.hear().await?;
            answer.times = lines(&mut talk, count, pause).await?;
        }
        Question::Bulk { time } => {
            talk.say(POUR).await?;
            let sent = || wire.map_or(0, |wire| wire.load(Ordering::Relaxed));
            let (start, before) = (Instant::now(), sent());
            // It has no end but this.
            if let Ok(result) = timeout(time, talk.pour()).await {
                result?;
            }
            answer.time = start.elapsed();
            answer.bytes = arrived.load(Ordering::Relaxed);
            answer.wire = sent() - before;
        }
    }
    answer.times.sort_unstable();
    Ok(answer)
}

/// Says a line in each pause, and hears them come back meanwhile.
async fn lines(talk: &mut impl Talk, count: u32, pause: Duration) -> io::Result<Vec<Duration>> {
    let start = tokio::time::Instant::now() + pause;
    let (mut said, mut times) = (0, Vec::new());
    while times.len() < count as usize {
        tokio::select! {
            heard = talk.hear() => {
                let line = heard?;
                let number = line.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
                times.push((start + pause * number).elapsed());
            }
            () = sleep_until(start + pause * said), if said < count => {
                let mut line = [0; LINE];
                line[..4].copy_from_slice(&said.to_be_bytes());
                talk.say(line).await?;
                said += 1;
            }
        }
    }
    Ok(times)
}
