//! Every path to a peer, and why the one in use was chosen, for a person who wants to know.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::probing::UNPROVEN_GAPS;
use super::{Origin, Path, PathId, Paths, State};
use crate::proto::{PathInfo, Policy, SocketId};

/// One path to a peer.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PathDescription {
    /// What kind, where to, how fast.
    pub info: PathInfo,
    /// Which of our sockets it leaves from; none of its own for the relay.
    pub local: Option<SocketId>,
    /// Whether the session uses it now.
    pub active: bool,
    /// What probing has shown.
    pub state: PathState,
    /// How the remote endpoint was learnt.
    pub origin: PathOrigin,
    /// Datagrams of the session that left on it, and the punches before them.
    pub sent: u64,
    /// Authentic datagrams of the session that came on it.
    pub received: u64,
    /// The longest datagram that it is known to carry, in bytes: 1200 on every path, more where much was sent.
    pub longest: usize,
    /// Probes sent on it.
    pub probes_sent: u32,
    /// Echoes seen of them.
    pub probes_answered: u32,
    /// How long ago the last authentic datagram came on it; `None` if none ever did.
    pub heard: Option<Duration>,
}

/// What is known about a path.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum PathState {
    /// Probes are on their way, close together.
    Trying,
    /// Nothing has answered so far; what is still sent is rare.
    Unanswered,
    /// The peer has echoed a probe, or it is the relay, which the rendezvous vouches for.
    Works,
    /// It worked and has fallen silent. It is probed until it answers again.
    Silent,
}

/// How a remote endpoint was learnt (RFC 8445 §5.1.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum PathOrigin {
    /// The peer says that it is an address of its own machine.
    Host,
    /// A rendezvous or the peer says that its NAT maps it there.
    ServerReflexive,
    /// The peer says that its router forwards the port, asked to.
    PortMapped,
    /// A packet of the peer's came from there.
    PeerReflexive,
    /// The rendezvous passes datagrams on.
    Relayed,
}

/// Why a session uses the path that it uses.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum PathReason {
    /// There is no way to the peer at the moment.
    NoPath,
    /// It is the only direct path that works, and direct beats the relay.
    OnlyDirect,
    /// Of so many direct paths that work it has the shortest round trip.
    Fastest {
        /// How many work, this one included; at least 2.
        of: usize,
    },
    /// This direct path is faster, but by too little to move (hysteresis).
    NotWorthMoving {
        /// The faster one's remote endpoint.
        faster: SocketAddr,
    },
    /// Nothing is proven, and the peer was just heard from there.
    Promising,
    /// The relay, because a person wants no other.
    RelayOnly,
    /// The relay for what holds the session together, and nothing for text: a person wants direct
    /// paths only, and none works.
    NoDirectPath,
    /// The relay, until one of the direct paths that are being tried answers.
    Trying,
    /// The relay, because the direct paths that work are clearly slower.
    SlowerThanRelay {
        /// The fastest of them.
        remote: SocketAddr,
    },
    /// The relay, because a direct path that worked has fallen silent.
    Lost,
    /// The relay, because the peer has told of no endpoint that we may write to.
    NoCandidates,
    /// The relay, because nothing has answered on any of so many direct paths.
    NothingAnswered {
        /// How many were tried.
        tried: usize,
    },
}

/// What went over a path, in datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Paths {
    /// Every path, the active one first.
    pub(crate) fn describe(
        &self,
        now: Instant,
        relay_rtt: Option<Duration>,
        longest: impl Fn(PathId) -> usize,
    ) -> Vec<PathDescription> {
        let ago = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        let relay = self.relay.then(|| PathDescription {
            info: PathInfo::relay(self.over_tcp, relay_rtt),
            local: None,
            active: self.active == Some(PathId::RELAY),
            state: PathState::Works,
            origin: PathOrigin::Relayed,
            sent: self.relayed.sent,
            received: self.relayed.received,
            longest: longest(PathId::RELAY),
            probes_sent: 0,
            probes_answered: 0,
            heard: ago(self.relay_heard_at),
        });
        let direct = self.direct.iter().map(|path| PathDescription {
            info: path.info(),
            local: Some(path.pair.local),
            active: self.active == Some(path.id),
            state: path.shown_state(),
            origin: path.origin.into(),
            sent: path.traffic.sent,
            received: path.traffic.received,
            longest: longest(path.id),
            probes_sent: path.probes.sent,
            probes_answered: path.probes.answered,
            heard: ago(path.heard_at),
        });
        let mut all: Vec<_> = direct.chain(relay).collect();
        all.sort_by_key(|path| (!path.active, path.state != PathState::Works, path.info.kind));
        all
    }

    /// Why the active path is the active one.
    pub(crate) fn reason(&self) -> PathReason {
        let working = || self.direct.iter().filter(|path| path.state == State::Validated);
        let any = |state| self.direct.iter().any(|path| path.shown_state() == state);
        match self.active {
            None => PathReason::NoPath,
            Some(PathId::RELAY) if self.policy == Policy::RelayOnly => PathReason::RelayOnly,
            Some(PathId::RELAY) if self.policy == Policy::DirectOnly => PathReason::NoDirectPath,
            Some(PathId::RELAY) if any(PathState::Works) => {
                match working().min_by_key(|path| path.least_rtt) {
                    Some(path) => PathReason::SlowerThanRelay { remote: path.pair.remote },
                    None => PathReason::Trying,
                }
            }
            Some(PathId::RELAY) if any(PathState::Silent) => PathReason::Lost,
            Some(PathId::RELAY) if any(PathState::Trying) => PathReason::Trying,
            Some(PathId::RELAY) => match self.direct.len() {
                0 => PathReason::NoCandidates,
                tried => PathReason::NothingAnswered { tried },
            },
            Some(id) => {
                let rtt = |path: &Path| path.rtt.unwrap_or(Duration::MAX);
                let faster = working().min_by_key(|path| rtt(path));
                match (self.find(id), faster) {
                    (Some(active), _) if active.state != State::Validated => PathReason::Promising,
                    (Some(active), Some(faster)) if rtt(faster) < rtt(active) => {
                        PathReason::NotWorthMoving { faster: faster.pair.remote }
                    }
                    _ => match working().count() {
                        0 | 1 => PathReason::OnlyDirect,
                        of => PathReason::Fastest { of },
                    },
                }
            }
        }
    }
}

impl Path {
    fn shown_state(&self) -> PathState {
        match self.state {
            State::Validated => PathState::Works,
            State::Silent(_) => PathState::Silent,
            State::Unproven => {
                let quickly = self.probes.unanswered < UNPROVEN_GAPS.len() as u32;
                if quickly && self.probes.next.is_some() {
                    PathState::Trying
                } else {
                    PathState::Unanswered
                }
            }
        }
    }
}

impl From<Origin> for PathOrigin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Host => Self::Host,
            Origin::ServerReflexive => Self::ServerReflexive,
            Origin::PortMapped => Self::PortMapped,
            Origin::PeerReflexive => Self::PeerReflexive,
        }
    }
}

impl PathOrigin {
    /// The word of RFC 8445 for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "server-reflexive",
            Self::PortMapped => "port-mapped",
            Self::PeerReflexive => "peer-reflexive",
            Self::Relayed => "relayed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pair, Remote, Sponsor, Strangers};
    use super::*;
    use crate::proto::ServerId;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
        Instant::now()
    }

    fn pair(last: u8) -> Pair {
        Pair { local: SocketId::FIRST, remote: SocketAddr::from(([192, 0, 2, last], 9)) }
    }

    fn paths(policy: Policy) -> Paths {
        let mut paths = Paths::new(policy);
        paths.set_relay(true);
        paths
    }

    const SPONSOR: Sponsor = Sponsor::Server(ServerId::FIRST);

    /// The next probe, of strangers of whom nobody has heard.
    fn probe(paths: &mut Paths, now: Instant, token: u64) -> Option<PathId> {
        paths.poll_probe(now, token, &mut Strangers::default().named_by(SPONSOR))
    }

    /// The peer echoes a probe after so many milliseconds.
    fn validate(paths: &mut Paths, now: Instant, last: u8, milliseconds: u64) -> Instant {
        while probe(paths, now, 0).is_some() {}
        let id = paths.add(now, pair(last), Origin::Host).expect("added");
        assert_eq!(probe(paths, now, last.into()), Some(id));
        let later = now + Duration::from_millis(milliseconds);
        paths.heard(later, Remote::Direct(pair(last)), 40);
        paths.on_echo(later, last.into(), Duration::from_secs(10)).expect("an echo");
        later
    }

    fn reason(paths: &mut Paths, now: Instant) -> PathReason {
        let _ = paths.route(now, |_| false);
        paths.reason()
    }

    #[test]
    fn the_relay_is_used_for_want_of_something_better_and_the_reason_says_of_what() {
        let now = start();
        assert_eq!(reason(&mut Paths::new(Policy::Any), now), PathReason::NoPath);
        assert_eq!(reason(&mut paths(Policy::RelayOnly), now), PathReason::RelayOnly);
        assert_eq!(reason(&mut paths(Policy::DirectOnly), now), PathReason::NoDirectPath);
        let mut paths = paths(Policy::Any);
        assert_eq!(reason(&mut paths, now), PathReason::NoCandidates);
        paths.add(now, pair(1), Origin::Host);
        assert_eq!(reason(&mut paths, now), PathReason::Trying);
        let mut at = now;
        while at < now + Duration::from_secs(60) {
            while probe(&mut paths, at, 1).is_some() {}
            at += Duration::from_millis(50);
        }
        assert_eq!(reason(&mut paths, at), PathReason::NothingAnswered { tried: 1 });
        let at = validate(&mut paths, at, 2, 30);
        paths.on_unanswered(at + Duration::from_secs(9), PathId(2), 3);
        assert_eq!(reason(&mut paths, at), PathReason::Lost);
    }

    #[test]
    fn a_direct_path_is_used_because_it_is_the_only_or_the_fastest_or_not_worth_leaving() {
        let mut paths = paths(Policy::Any);
        let now = validate(&mut paths, start(), 1, 30);
        assert_eq!(reason(&mut paths, now), PathReason::OnlyDirect);
        let now = validate(&mut paths, now, 2, 28);
        let faster = pair(2).remote;
        assert_eq!(reason(&mut paths, now), PathReason::NotWorthMoving { faster });
        let now = validate(&mut paths, now, 3, 9);
        assert_eq!(reason(&mut paths, now), PathReason::Fastest { of: 3 });
    }

    #[test]
    fn what_went_over_each_path_is_counted() {
        let mut paths = paths(Policy::Any);
        let now = start();
        let direct = paths.add(now, pair(1), Origin::ServerReflexive).expect("added");
        let mut strangers = Strangers::default();
        let mut account = strangers.named_by(SPONSOR);
        assert!(paths.may_send_blindly(now, pair(1), &mut account), "a punch");
        assert_eq!(probe(&mut paths, now, 7), Some(direct));
        paths.sent(direct, 60);
        paths.sent(PathId::RELAY, 60);
        paths.heard(now, Remote::Relay, 50);
        let later = now + Duration::from_secs(2);
        let described = paths.describe(later, None, |_| 1200);
        let figures: Vec<_> =
            described.iter().map(|path| (path.origin, path.sent, path.received)).collect();
        let expected = [(PathOrigin::Relayed, 1, 1), (PathOrigin::ServerReflexive, 2, 0)];
        assert_eq!(figures, expected);
        assert_eq!(described[0].heard, Some(Duration::from_secs(2)));
        assert_eq!((described[1].heard, described[1].probes_sent), (None, 1));
    }
}
