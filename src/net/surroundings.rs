//! What happens around a running peer: other interfaces, other routes, sleep.
//!
//! The system tells of changes to addresses and routes, `netwatch` passes it on from whichever system
//! it is. It collects for a quarter of a second first; a person in a call hears that. So where the
//! kernel can be heard without it, which is on Linux, it is. Nobody tells of sleep: the clocks do.

use std::time::{Duration, Instant, SystemTime};

use n0_watcher::{Direct, Watcher};
use netwatch::netmon;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::driver::{now, wall_clock};
use super::interfaces::{self, Interface};

/// One change makes several messages, for addresses and for routes: how long there must be silence
/// before we look. It doubles with each look that shows nothing new, until the next [`GLANCE`]: a busy
/// router's routes do not keep us looking.
const SETTLE: Duration = Duration::from_millis(15);

/// Silence is waited for no longer than this many times its length.
const ROUNDS: u32 = 3;

/// How often the clocks are looked at.
const GLANCE: Duration = Duration::from_secs(1);

/// A difference between two clocks, or between a clock and what was slept, that no load explains:
/// the machine was suspended.
const SLEPT: Duration = Duration::from_secs(10);

/// Looks around, and tells when something is different.
#[derive(Debug)]
pub(super) struct Surroundings {
    sights: mpsc::Receiver<Sight>,
    task: AbortHandle,
}

/// How it looks around us.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) interfaces: Vec<Interface>,
    /// Whether the machine slept since the last one.
    pub(super) slept: bool,
}

impl Surroundings {
    /// Begins to look around. The first sight comes as soon as there is one.
    #[expect(clippy::disallowed_methods, reason = "one task, ended with the surroundings")]
    pub(super) fn watch() -> Self {
        let (tell, sights) = mpsc::channel(1);
        Self { sights, task: tokio::spawn(watch(tell)).abort_handle() }
    }

    /// Waits until something is different. Dropping the future loses nothing.
    pub(super) async fn changed(&mut self) -> Sight {
        match self.sights.recv().await {
            Some(sight) => sight,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(tell: mpsc::Sender<Sight>) {
    let mut ears = Ears::open().await;
    let mut clocks = Clocks { now: now(), wall: wall_clock() };
    let mut glance = interval(GLANCE);
    glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = None;
    let mut settle = SETTLE;
    let mut slept = false;
    loop {
        let seen = look().await.or_else(|| known.clone()).unwrap_or_default();
        if slept || known.as_ref() != Some(&seen) {
            settle = SETTLE;
            known = Some(seen.clone());
            if tell.send(Sight { interfaces: seen, slept }).await.is_err() {
                return;
            }
        } else {
            settle *= 2;
        }
        slept = loop {
            tokio::select! {
                () = ears.hear() => {
                    let _ = timeout(ROUNDS * settle, ears.hear_nothing_for(settle)).await;
                    break false;
                }
                _ = glance.tick() => {
                    settle = SETTLE;
                    let slept = clocks.advance(now(), wall_clock());
                    if slept || ears.are_deaf() {
                        break slept;
                    }
                }
            }
        };
    }
}

/// The interfaces now, unless reading them failed. Some systems take their time over it.
async fn look() -> Option<Vec<Interface>> {
    tokio::task::spawn_blocking(interfaces::look).await.ok()
}

/// The clocks, as they were last seen.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    now: Instant,
    wall: SystemTime,
}

impl Clocks {
    /// Whether the machine slept since the last call, one [`GLANCE`] ago. Some systems stop the
    /// monotonic clock meanwhile, so that the other clock runs ahead; on the rest this call comes late.
    fn advance(&mut self, now: Instant, wall: SystemTime) -> bool {
        let then = std::mem::replace(self, Self { now, wall });
        let passed = now.saturating_duration_since(then.now);
        let wall_passed = wall.duration_since(then.wall).unwrap_or_default();
        passed > GLANCE + SLEPT || wall_passed > passed + SLEPT
    }
}

/// What hears of changes.
struct Ears {
    /// The monitor lives as long as it is listened to.
    monitor: Option<(netmon::Monitor, Direct<netmon::State>)>,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    kernel: Option<kernel::Messages>,
}

impl Ears {
    async fn open() -> Self {
        let monitor = netmon::Monitor::new().await.map(|monitor| {
            let states = monitor.interface_state();
            (monitor, states)
        });
        Self {
            monitor: monitor
                .inspect_err(|error| tracing::debug!(%error, "no news of interfaces"))
                .ok(),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            kernel: kernel::Messages::open(),
        }
    }

    /// Waits until something may be different.
    async fn hear(&mut self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let kernel = kernel::hear(&mut self.kernel);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let kernel = std::future::pending();
        let monitor = async {
            let Some((_, states)) = &mut self.monitor else { return std::future::pending().await };
            if states.updated().await.is_err() {
                self.monitor = None;
            }
        };
        tokio::select! {
            () = kernel => {}
            () = monitor => {}
        }
    }

    async fn hear_nothing_for(&mut self, settle: Duration) {
        while timeout(settle, self.hear()).await.is_ok() {}
    }

    fn are_deaf(&self) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.kernel.is_some() {
            return false;
        }
        self.monitor.is_none()
    }
}

/// The kernel's own messages about links, addresses and routes. What they say is not read: that
/// there is one is enough.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod kernel {
    use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols};

    /// The groups of rtnetlink(7): links, addresses and routes of both families.
    const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

    /// As much of a message as is taken; the rest of it is dropped.
    const ENOUGH: usize = 4096;

    pub(super) struct Messages(TokioSocket);

    impl Messages {
        pub(super) fn open() -> Option<Self> {
            let mut socket = TokioSocket::new(protocols::NETLINK_ROUTE).ok()?;
            socket.socket_mut().bind(&SocketAddr::new(0, GROUPS)).ok()?;
            Some(Self(socket))
        }
    }

    /// Waits for a message. When there were more than the socket holds, a new one is opened, and
    /// that they were lost is a message too.
    pub(super) async fn hear(messages: &mut Option<Messages>) {
        let Some(Messages(socket)) = messages else { return std::future::pending().await };
        if socket.recv(&mut Vec::with_capacity(ENOUGH)).await.is_err() {
            *messages = Messages::open();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
    fn sleep_shows_in_either_clock_and_load_in_none() {
        let clocks = Clocks { now: Instant::now(), wall: SystemTime::now() };
        let later = Duration::from_secs;
        let slept = |passed, wall_passed| {
            let mut before = clocks;
            before.advance(clocks.now + later(passed), clocks.wall + later(wall_passed))
        };
        assert!(!slept(1, 1) && !slept(9, 9) && !slept(3, 0));
        assert!(slept(60, 60) && slept(3, 60));
    }

    #[tokio::test]
    async fn the_first_sight_comes_by_itself() {
        let mut surroundings = Surroundings::watch();
        let sight = surroundings.changed().await;
        assert!(!sight.slept && sight.interfaces.iter().any(|interface| interface.loopback));
    }
}
