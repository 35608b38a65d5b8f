//! Who is behind whom: networks, the routers between them, and the way of a datagram.
//!
//! Networks form a tree whose root is [`CORE`], the public Internet. Each router joins an outer
//! network to an inner one and carries a NAT for IPv4, a firewall for IPv6, or both. A datagram
//! climbs from its sender through the routers, each of which may give it another source, until the
//! network in which somebody owns its destination; there it crosses a link. Then it descends, each
//! router asking its table, until it reaches a host.
//!
//! In the core there is one more hop between any two. A datagram with a time to live of two thus
//! opens its sender's router and dies before it reaches the other, as on the Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use crate::nat::Nat;
use crate::trace::Drop;

/// A network: everybody in it reaches everybody else in it without a router.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Network(usize);

/// The public Internet.
pub(crate) const CORE: Network = Network(0);

/// A host, by number of its coming.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct HostId(pub(crate) usize);

/// A router, by number of its coming.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct RouterId(usize);

/// Something that owns addresses in a network.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Node {
    Host(HostId),
    Router(RouterId),
}

/// A datagram on its way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Packet {
    /// The host that sent it, whatever its source address says.
    pub(crate) origin: HostId,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) ttl: u8,
    pub(crate) bytes: Vec<u8>,
}

/// What goes to or from this port stands for a datagram in a stream over TCP: it passes where UDP
/// does not, in any weather. Of what makes TCP slower than that there is nothing here.
pub(crate) const STREAMS: u16 = 443;

impl Packet {
    pub(crate) fn is_stream(&self) -> bool {
        [self.from, self.to].iter().any(|end| end.port() == STREAMS)
    }
}

/// A router and what stands in it.
#[derive(Debug)]
pub(crate) struct Router {
    outer: Network,
    inner: Network,
    /// For IPv4; without one, no IPv4 passes.
    pub(crate) nat: Option<Nat>,
    /// For IPv6, with the /48 behind it.
    pub(crate) firewall: Option<(Ipv6Addr, Nat)>,
}

#[derive(Debug)]
struct Attachment {
    network: Network,
    addresses: Vec<IpAddr>,
}

/// The tree of networks.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    routers: Vec<Router>,
    hosts: Vec<Attachment>,
}

impl Topology {
    pub(crate) fn add_host(&mut self, network: Network, addresses: Vec<IpAddr>) -> HostId {
        self.hosts.push(Attachment { network, addresses });
        HostId(self.hosts.len() - 1)
    }

    /// Puts a host into another network, or gives it other addresses.
    pub(crate) fn move_host(&mut self, host: HostId, network: Network, addresses: Vec<IpAddr>) {
        self.hosts[host.0] = Attachment { network, addresses };
    }

    /// Joins a new network to `outer`; returns it and the router.
    pub(crate) fn add_router(
        &mut self,
        outer: Network,
        nat: Option<Nat>,
        firewall: Option<(Ipv6Addr, Nat)>,
    ) -> (Network, RouterId) {
        // Each router brings one network with it, and the core was there before.
        let inner = Network(self.routers.len() + 1);
        self.routers.push(Router { outer, inner, nat, firewall });
        (inner, RouterId(self.routers.len() - 1))
    }

    pub(crate) fn router(&mut self, router: RouterId) -> &mut Router {
        &mut self.routers[router.0]
    }

    pub(crate) fn addresses(&self, host: HostId) -> &[IpAddr] {
        &self.hosts[host.0].addresses
    }

    /// The address of `host` that a datagram to `remote` leaves from.
    pub(crate) fn source_for(&self, host: HostId, remote: SocketAddr) -> Option<IpAddr> {
        self.addresses(host).iter().copied().find(|ip| ip.is_ipv4() == remote.is_ipv4())
    }

    /// The first part of a way: up through the sender's routers. Returns the two ends of the link
    /// to be crossed and whether it lies in the core.
    pub(crate) fn ascend(
        &mut self,
        now: Instant,
        packet: &mut Packet,
    ) -> Result<(Node, Node, Network), Drop> {
        let mut node = Node::Host(packet.origin);
        let mut network = self.hosts[packet.origin.0].network;
        loop {
            if let Some(owner) = self.owner(network, packet.to.ip()) {
                if network == CORE {
                    hop(packet)?;
                }
                return Ok((node, owner, network));
            }
            let at = self.routers.iter().position(|router| router.inner == network);
            let at = at.ok_or(Drop::NoRoute)?;
            let turned_round = self.leave_through(now, at, packet)?;
            node = Node::Router(RouterId(at));
            if turned_round {
                return Ok((node, node, network));
            }
            network = self.routers[at].outer;
        }
    }

    /// The second part: in through the routers in front of the receiver. Returns the host.
    pub(crate) fn descend(
        &mut self,
        now: Instant,
        mut node: Node,
        packet: &mut Packet,
    ) -> Result<HostId, Drop> {
        loop {
            let id = match node {
                Node::Host(host) => return Ok(host),
                Node::Router(id) => id,
            };
            let router = &mut self.routers[id.0];
            let translation = router.translation(packet.to)?;
            if translation.behaviour.udp_blocked && !packet.is_stream() {
                return Err(Drop::UdpBlocked);
            }
            let inside = translation.inbound(now, packet.to, packet.from).map_err(Drop::Nat)?;
            hop(packet)?;
            packet.to = inside;
            let inner = router.inner;
            node = self.owner(inner, inside.ip()).ok_or(Drop::NoRoute)?;
        }
    }

    /// Passes a datagram out; returns whether it comes back in at once because it was meant for
    /// somebody behind the same router.
    fn leave_through(
        &mut self,
        now: Instant,
        at: usize,
        packet: &mut Packet,
    ) -> Result<bool, Drop> {
        let router = &mut self.routers[at];
        let translation = router.translation(packet.from)?;
        if translation.behaviour.udp_blocked && !packet.is_stream() {
            return Err(Drop::UdpBlocked);
        }
        let own = packet.to.ip() == translation.external();
        if own && !translation.behaviour.hairpin {
            return Err(Drop::NoHairpin);
        }
        // The router that counts to zero does not forward, and so maps nothing.
        hop(packet)?;
        packet.from = translation.outbound(now, packet.from, packet.to);
        Ok(own)
    }

    /// Who on the public Internet owns `ip`.
    pub(crate) fn owner_in_core(&self, ip: IpAddr) -> Option<Node> {
        self.owner(CORE, ip)
    }

    /// Who in `network` owns `ip`.
    fn owner(&self, network: Network, ip: IpAddr) -> Option<Node> {
        let host = self
            .hosts
            .iter()
            .position(|host| host.network == network && host.addresses.contains(&ip))
            .map(|at| Node::Host(HostId(at)));
        host.or_else(|| {
            self.routers
                .iter()
                .position(|router| router.outer == network && router.owns(ip))
                .map(|at| Node::Router(RouterId(at)))
        })
    }
}

impl Router {
    /// The table for datagrams of the family of `address`.
    fn translation(&mut self, address: SocketAddr) -> Result<&mut Nat, Drop> {
        let table = if address.is_ipv4() {
            self.nat.as_mut()
        } else {
            self.firewall.as_mut().map(|(_, wall)| wall)
        };
        table.ok_or(Drop::NoRoute)
    }

    fn owns(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(_) => self.nat.as_ref().is_some_and(|nat| nat.external() == ip),
            IpAddr::V6(v6) => self
                .firewall
                .as_ref()
                .is_some_and(|(prefix, _)| prefix.segments()[..3] == v6.segments()[..3]),
        }
    }
}

/// One router forwards a datagram, unless its time to live ends here.
fn hop(packet: &mut Packet) -> Result<(), Drop> {
    packet.ttl = packet.ttl.saturating_sub(1);
    if packet.ttl == 0 { Err(Drop::TimeToLive) } else { Ok(()) }
}

/// An unspecified address for a box that translates nothing.
pub(crate) const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
