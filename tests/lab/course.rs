//! One topology, many tries: what takes long to build is built once.
//!
//! Between two tries the routers forget all flows, and both programs start anew under new names, with
//! new keys and empty folders. Nothing that an earlier try has learnt helps a later one.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::meeting::{PATIENCE, peer, start_server};
use super::nat::Nat;
use super::programs::Folder;
use super::programs::chat::Chat;
use super::programs::server::Server;
use super::traffic::Tally;
use super::world::{Home, SERVER, World};

/// Where the two are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Places {
    /// Each behind a router.
    Homes(Nat, Nat),
    /// The first behind a router whose uplink is a carrier's translation, the second behind a router.
    CarrierAndHome { home: Nat, carrier: Nat, other: Nat },
    /// Each behind a router, both routers behind one carrier's translation.
    OneCarrier { home: Nat, carrier: Nat },
    /// Both in one home.
    OneHome(Nat),
    /// As [`Self::Homes`], and IPv6 behind stateful firewalls besides.
    DualStack(Nat, Nat),
}

/// One of the two.
#[derive(Debug)]
struct End {
    /// The namespace that the program runs in.
    host: String,
    /// The nearest router.
    home: Home,
    /// The address that the other side sends to.
    outside: Ipv4Addr,
}

/// A world with a server, and two places where programs run one try after the other.
#[derive(Debug)]
pub(crate) struct Course {
    ends: [End; 2],
    routers: Vec<Home>,
    tries: u32,
    // The programs end before the world does.
    _server: Server,
    folder: Folder,
    world: World,
}

/// How one try went.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    /// From the caller's registration to the callee's screen, for the first line.
    pub(crate) first_line: Duration,
    /// From the caller's registration until both sides use a path of the kind asked for; the report
    /// for people if they did not in time.
    pub(crate) settled: Result<Duration, String>,
    /// What the caller's and the callee's router saw.
    pub(crate) tallies: [Tally; 2],
}

impl Course {
    pub(crate) fn lay(places: Places) -> Self {
        let world = match places {
            Places::DualStack(..) => World::with_v6(),
            _ => World::new(),
        };
        let mut routers = Vec::new();
        let mut behind = |mut home: Home, outside: Ipv4Addr| {
            let (host, _) = world.host(&mut home);
            routers.push(home.clone());
            End { host, home, outside }
        };
        let mut carriers = Vec::new();
        let ends = match places {
            Places::Homes(one, other) | Places::DualStack(one, other) => [one, other].map(|nat| {
                let home = world.home(nat);
                let outside = home.wan;
                behind(home, outside)
            }),
            Places::CarrierAndHome { home, carrier, other } => {
                let mut carrier = world.home(carrier);
                let inner = world.home_behind(&mut carrier, home);
                let other = world.home(other);
                let (seen, other_seen) = (carrier.wan, other.wan);
                carriers.push(carrier);
                [behind(inner, seen), behind(other, other_seen)]
            }
            Places::OneCarrier { home, carrier } => {
                let mut carrier = world.home(carrier);
                let seen = carrier.wan;
                let homes = [home; 2].map(|nat| world.home_behind(&mut carrier, nat));
                carriers.push(carrier);
                homes.map(|home| behind(home, seen))
            }
            Places::OneHome(nat) => {
                let mut home = world.home(nat);
                let hosts = [(); 2].map(|()| world.host(&mut home).0);
                carriers.push(home.clone());
                hosts.map(|host| End { host, home: home.clone(), outside: home.wan })
            }
        };
        routers.append(&mut carriers);
        let folder = Folder::new();
        let server = start_server(&world, &folder);
        Self { ends, routers, tries: 0, _server: server, folder, world }
    }

    /// Starts both programs, has the caller say a line, and waits up to `limit` for a path of one of
    /// these kinds, on both sides. Then a line goes each way.
    ///
    /// # Errors
    ///
    /// A report for people: a line did not arrive. That no path came in time is no such error.
    pub(crate) fn run(&mut self, kinds: &[&str], limit: Duration) -> Result<Try, String> {
        let [one, other] = &self.ends;
        for router in &self.routers {
            self.world.forget(router);
        }
        self.world.tally(&one.home, other.outside);
        self.world.tally(&other.home, one.outside);
        self.tries += 1;
        let [caller, callee] = ["alice", "bob"].map(|name| format!("{name}{}", self.tries));
        let start = |end: &End, name: &str, callee: Option<&str>| {
            let mut command = peer(&self.world, &end.host, &self.folder, name);
            if let Some(callee) = callee {
                command.args(["--peer", &format!("{callee}@{}", SERVER[0])]);
            }
            Chat::start(name, command)
        };
        let mut bob = start(other, &callee, None);
        bob.wait_ready()?;
        let mut alice = start(one, &caller, Some(&callee));
        alice.send(None, "hello");
        let ready = alice.wait_ready()?.at;
        let first_line = bob.wait_text("hello", PATIENCE)?.at.saturating_duration_since(ready);
        let settled = alice.wait_path(0, kinds, limit).and_then(|here| {
            let there = bob.wait_path(0, kinds, limit.saturating_sub(ready.elapsed()))?;
            Ok(here.at.max(there.at).saturating_duration_since(ready))
        });
        alice.send(None, "still there?");
        bob.wait_text("still there?", PATIENCE)?;
        bob.send(Some(&caller), "still here");
        alice.wait_text("still here", PATIENCE)?;
        let tallies = [&one.home, &other.home].map(|home| self.world.tallied(home));
        Ok(Try { first_line, settled, tallies })
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Homes(one, other) => write!(f, "{one} × {other}"),
            Self::CarrierAndHome { home, carrier, other } => {
                write!(f, "{home} behind carrier {carrier} × {other}")
            }
            Self::OneCarrier { home, carrier } => {
                write!(f, "{home} × {home}, both behind carrier {carrier}")
            }
            Self::OneHome(nat) => write!(f, "both in one home, {nat}"),
            Self::DualStack(one, other) => write!(f, "{one} × {other}, with IPv6 and firewalls"),
        }
    }
}
