//! One NAT box in the words of RFC 4787: how it maps, how it filters, how long it remembers.
//!
//! The box is a table and two questions: from which external endpoint does this outgoing datagram
//! leave ([`Nat::outbound`]), and to which inside endpoint does this incoming one go
//! ([`Nat::inbound`]). A stateful IPv6 firewall is a box that filters and does not translate.
//!
//! One behaviour is in no RFC and common all the same: a router that accepts unsolicited datagrams
//! itself (a bare Linux `MASQUERADE`, a Docker host) remembers them as flows of its own. When a
//! host behind it then sends to the same remote endpoint, the port is taken for that remote and the
//! datagram leaves from another one, which the remote's filter has never heard of. We call such a
//! router [`Unsolicited::Stolen`].

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use p2pchat_wire::random::Random;

/// RFC 4787 §4.1: when two datagrams of one inside endpoint leave from the same external one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mapping {
    /// Always.
    EndpointIndependent,
    /// If they go to the same address.
    AddressDependent,
    /// If they go to the same address and port.
    AddressAndPortDependent,
    /// Addresses pass as they are: a firewall, no NAT.
    Untranslated,
}

/// RFC 4787 §5: whose datagrams may come in through a mapping.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Filtering {
    /// Everybody's.
    EndpointIndependent,
    /// Those of addresses that the inside endpoint has sent to.
    AddressDependent,
    /// Those of endpoints that it has sent to.
    AddressAndPortDependent,
}

/// RFC 4787 §4.2: which external port a new mapping has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ports {
    /// The inside port, where it is free.
    Preserving,
    /// Any port from 1024 up.
    Random,
    /// The one so many after the last.
    Sequential { step: i16 },
    /// Any port of a block, as carriers give to each customer (RFC 7422).
    Block { first: u16, count: u16 },
}

/// What becomes of a datagram from outside that the filter refuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unsolicited {
    /// It is dropped, without a trace.
    Dropped,
    /// The router takes it as its own, and with it the port for that remote endpoint.
    Stolen,
}

/// How a box behaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Behaviour {
    pub(crate) mapping: Mapping,
    pub(crate) filtering: Filtering,
    pub(crate) ports: Ports,
    pub(crate) unsolicited: Unsolicited,
    /// Whether an inside host can reach another by the other's external endpoint (RFC 4787 §6).
    pub(crate) hairpin: bool,
    /// Nothing in UDP passes.
    pub(crate) udp_blocked: bool,
    /// A mapping, and each permission in it, ends this long after its last outgoing datagram.
    /// Incoming ones do not refresh it: the least that RFC 4787 §4.3 asks for.
    pub(crate) idle: Duration,
    /// A mapping ends at this age however busy it is, as some carriers have it.
    pub(crate) absolute: Option<Duration>,
}

impl Behaviour {
    /// Maps and filters as said, preserves ports, forgets after two minutes (RFC 4787 REQ-5).
    pub(crate) fn new(mapping: Mapping, filtering: Filtering) -> Self {
        Self {
            mapping,
            filtering,
            ports: Ports::Preserving,
            unsolicited: Unsolicited::Dropped,
            hairpin: false,
            udp_blocked: false,
            idle: Duration::from_secs(120),
            absolute: None,
        }
    }

    /// What most homes have: one external port per inside port, open to those written to.
    pub(crate) fn home() -> Self {
        Self::new(Mapping::EndpointIndependent, Filtering::AddressAndPortDependent)
    }

    /// A new random port for every remote endpoint: no address that one peer sees is of use to
    /// another.
    pub(crate) fn symmetric() -> Self {
        Self {
            ports: Ports::Random,
            ..Self::new(Mapping::AddressAndPortDependent, Filtering::AddressAndPortDependent)
        }
    }

    /// A home router that accepts unsolicited datagrams itself.
    pub(crate) fn open() -> Self {
        Self { unsolicited: Unsolicited::Stolen, ..Self::home() }
    }

    /// A stateful firewall without translation.
    pub(crate) fn firewall() -> Self {
        Self::new(Mapping::Untranslated, Filtering::AddressAndPortDependent)
    }
}

/// Why a box did not let a datagram in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotAdmitted {
    /// No inside endpoint has this external one.
    NoMapping,
    /// There is a mapping, not for this remote.
    Filtered,
    /// The router took it as its own; see [`Unsolicited::Stolen`].
    Stolen,
}

/// A box at work.
#[derive(Debug)]
pub(crate) struct Nat {
    pub(crate) behaviour: Behaviour,
    external: IpAddr,
    mappings: Vec<Entry>,
    /// Ports that the router holds itself, each towards one remote endpoint, and since when.
    stolen: Vec<(u16, SocketAddr, Instant)>,
    /// External ports that lead inside because somebody there asked for it.
    forwarded: Vec<(u16, SocketAddr)>,
    next_port: u16,
    rebound: bool,
    random: Random,
}

#[derive(Debug)]
struct Entry {
    inside: SocketAddr,
    scope: Scope,
    external: SocketAddr,
    born: Instant,
    used: Instant,
    /// Remote endpoints written to, and when last.
    permitted: Vec<(SocketAddr, Instant)>,
}

/// For which remote endpoints an entry holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scope {
    Any,
    Address(IpAddr),
    Endpoint(SocketAddr),
}

/// Draws of a port before there is taken to be none.
const MAX_DRAWS: usize = 10_000;

/// How long a stolen port stays stolen after the last unsolicited datagram: Linux' `udp_timeout`.
const STOLEN_FOR: Duration = Duration::from_secs(30);

impl Nat {
    pub(crate) fn new(behaviour: Behaviour, external: IpAddr, seed: [u8; 32]) -> Self {
        let mut random = Random::from_seed(seed);
        let next_port = 20_000 + u16::try_from(random.below(20_000)).unwrap_or(0);
        Self {
            behaviour,
            external,
            mappings: Vec::new(),
            stolen: Vec::new(),
            forwarded: Vec::new(),
            next_port,
            rebound: false,
            random,
        }
    }

    pub(crate) fn external(&self) -> IpAddr {
        self.external
    }

    /// Has an external port lead to `inside` for everybody, as a router does that is asked by PCP;
    /// returns the external endpoint.
    pub(crate) fn forward(&mut self, inside: SocketAddr) -> SocketAddr {
        let port = self.draw(1024, 64_512);
        self.forwarded.push((port, inside));
        SocketAddr::new(self.external, port)
    }

    /// Notes that `inside` writes to `remote` and returns the endpoint that the remote will see.
    pub(crate) fn outbound(
        &mut self,
        now: Instant,
        inside: SocketAddr,
        remote: SocketAddr,
    ) -> SocketAddr {
        self.forget_expired(now);
        let scope = match self.behaviour.mapping {
            Mapping::EndpointIndependent | Mapping::Untranslated => Scope::Any,
            Mapping::AddressDependent => Scope::Address(remote.ip()),
            Mapping::AddressAndPortDependent => Scope::Endpoint(remote),
        };
        // A flow that once had to move stays where it went.
        let found = self
            .find(inside, Scope::Endpoint(remote))
            .or_else(|| self.find(inside, scope).filter(|&at| !self.is_stolen_from(at, remote)));
        let at = found.unwrap_or_else(|| self.add(now, inside, scope, remote));
        let entry = &mut self.mappings[at];
        entry.used = now;
        match entry.permitted.iter_mut().find(|(known, _)| *known == remote) {
            Some((_, last)) => *last = now,
            None => entry.permitted.push((remote, now)),
        }
        entry.external
    }

    /// Decides whether a datagram from `remote` to one of our external endpoints comes in, and to
    /// whom.
    pub(crate) fn inbound(
        &mut self,
        now: Instant,
        external: SocketAddr,
        remote: SocketAddr,
    ) -> Result<SocketAddr, NotAdmitted> {
        self.forget_expired(now);
        let forwarded = self.forwarded.iter().find(|(port, _)| *port == external.port());
        if let Some(&(_, inside)) = forwarded {
            // The answer leaves from where the question came in, even if there was a flow to this
            // remote before. (Linux shows the remote under another port inside; it comes to the same.)
            let scope = Scope::Endpoint(remote);
            self.mappings.retain(|entry| (entry.inside, entry.scope) != (inside, scope));
            let permitted = vec![(remote, now)];
            let entry = Entry { inside, scope, external, born: now, used: now, permitted };
            self.mappings.push(entry);
            return Ok(inside);
        }
        let mut refused = NotAdmitted::NoMapping;
        for entry in self.mappings.iter().filter(|entry| entry.external == external) {
            if self.admits(entry, remote) {
                return Ok(entry.inside);
            }
            refused = NotAdmitted::Filtered;
        }
        match self.behaviour.unsolicited {
            Unsolicited::Dropped => Err(refused),
            Unsolicited::Stolen => {
                self.stolen.retain(|&(port, by, _)| (port, by) != (external.port(), remote));
                self.stolen.push((external.port(), remote, now));
                Err(NotAdmitted::Stolen)
            }
        }
    }

    /// Forgets every mapping, as a reboot does, and gives other ports afterwards.
    pub(crate) fn rebind(&mut self) {
        self.mappings.clear();
        self.stolen.clear();
        self.rebound = true;
    }

    /// The provider gives another address; what was mapped is gone.
    pub(crate) fn renumber(&mut self, external: IpAddr) {
        self.external = external;
        self.mappings.clear();
        self.stolen.clear();
    }

    fn admits(&self, entry: &Entry, remote: SocketAddr) -> bool {
        match self.behaviour.filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => {
                entry.permitted.iter().any(|(known, _)| known.ip() == remote.ip())
            }
            Filtering::AddressAndPortDependent => {
                entry.permitted.iter().any(|(known, _)| *known == remote)
            }
        }
    }

    fn find(&self, inside: SocketAddr, scope: Scope) -> Option<usize> {
        self.mappings.iter().position(|entry| (entry.inside, entry.scope) == (inside, scope))
    }

    /// Whether the router took the entry's port for `remote` before the host inside wrote there.
    fn is_stolen_from(&self, at: usize, remote: SocketAddr) -> bool {
        let entry = &self.mappings[at];
        !entry.permitted.iter().any(|(known, _)| *known == remote)
            && self.is_stolen(entry.external.port(), remote)
    }

    fn is_stolen(&self, port: u16, remote: SocketAddr) -> bool {
        self.stolen.iter().any(|&(taken, by, _)| (taken, by) == (port, remote))
    }

    fn add(&mut self, now: Instant, inside: SocketAddr, scope: Scope, remote: SocketAddr) -> usize {
        let moved = self.find(inside, scope).is_some();
        let scope = if moved { Scope::Endpoint(remote) } else { scope };
        let external = if self.behaviour.mapping == Mapping::Untranslated {
            inside
        } else {
            SocketAddr::new(self.external, self.allocate(inside.port(), remote, moved))
        };
        let permitted = Vec::new();
        self.mappings.push(Entry { inside, scope, external, born: now, used: now, permitted });
        self.mappings.len() - 1
    }

    fn allocate(&mut self, inside: u16, remote: SocketAddr, moved: bool) -> u16 {
        let preferred = (self.behaviour.ports == Ports::Preserving && !self.rebound && !moved)
            .then_some(inside)
            .filter(|&port| self.is_free(port, remote));
        if let Some(port) = preferred {
            return port;
        }
        for _ in 0..MAX_DRAWS {
            let port = match self.behaviour.ports {
                Ports::Preserving | Ports::Random => self.draw(1024, 64_512),
                Ports::Block { first, count } => self.draw(first, count),
                Ports::Sequential { step } => {
                    self.next_port = self.next_port.checked_add_signed(step).unwrap_or(40_000);
                    self.next_port
                }
            };
            if self.is_free(port, remote) {
                return port;
            }
        }
        // No port is left: who was silent for longest gives way.
        let oldest = (0..self.mappings.len()).min_by_key(|&at| self.mappings[at].used);
        oldest.map_or(inside, |at| self.mappings.remove(at).external.port())
    }

    fn draw(&mut self, first: u16, count: u16) -> u16 {
        first + u16::try_from(self.random.below(u32::from(count))).unwrap_or(0)
    }

    /// Whether a new mapping towards `remote` can have this port. Where ports are scarce, two
    /// mappings share one if nobody outside could take one for the other.
    fn is_free(&self, port: u16, remote: SocketAddr) -> bool {
        let scarce = matches!(self.behaviour.ports, Ports::Block { .. });
        let overlaps = |scope| match scope {
            Scope::Address(ip) if scarce => ip == remote.ip(),
            Scope::Endpoint(endpoint) if scarce => endpoint == remote,
            _ => true,
        };
        let takes = |entry: &Entry| entry.external.port() == port && overlaps(entry.scope);
        !self.mappings.iter().any(takes)
            && self.forwarded.iter().all(|&(taken, _)| taken != port)
            && !self.is_stolen(port, remote)
    }

    fn forget_expired(&mut self, now: Instant) {
        let Behaviour { idle, absolute, .. } = self.behaviour;
        let alive = |since: Instant, limit: Duration| now.saturating_duration_since(since) < limit;
        self.mappings.retain(|entry| {
            alive(entry.used, idle) && absolute.is_none_or(|age| alive(entry.born, age))
        });
        for entry in &mut self.mappings {
            entry.permitted.retain(|&(_, last)| alive(last, idle));
        }
        self.stolen.retain(|&(_, _, last)| alive(last, STOLEN_FOR));
    }
}

#[cfg(test)]
#[path = "nat_tests.rs"]
mod tests;
