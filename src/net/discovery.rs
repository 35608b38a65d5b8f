//! Who else is in this network: multicast DNS, both ways.
//!
//! [`Discovery`] announces in the local network what the endpoint wants announced
//! ([`Event::Announce`](crate::proto::Event)), and tells it what others announce. The library answers
//! and asks in a thread of its own, on every interface, and follows the addresses of this machine.
//!
//! Everything that arrives is the word of whoever is in the network. Read here is only what is small,
//! in its one form, and on a link of ours: nobody can aim us at an address that is further away than
//! a neighbour's. The library keeps whatever it hears for as long as the sender likes; when that is
//! more than any network has, all of it is dropped, and for a while nothing is listened to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::pin::Pin;
use std::time::Duration;

use mdns_sd::{
    IfKind, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo,
    TxtProperty,
};
use p2pchat_wire::address::{is_link_local, is_permitted};
use p2pchat_wire::neighbour::{Announcement, Nonce, SERVICE};
use tokio::time::{Sleep, sleep};

use crate::proto::{Command, MAX_NEIGHBOUR_ENDPOINTS};

/// Announcements that are followed; of a flood, the first.
const MAX_INSTANCES: usize = 256;

/// Announcements that the library may hold before it is stopped, and what it holds dropped.
const MAX_HEARD: usize = 2048;

/// How long nothing is listened to after a flood, or after the library ended.
const PAUSE: Duration = Duration::from_secs(60);

/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(300);

/// Announces us in the local network and finds others.
#[derive(Debug)]
pub struct Discovery {
    /// The local addresses of the socket at which we are to be reached.
    bound: Vec<SocketAddr>,
    announcement: Option<Announcement>,
    daemon: Option<Daemon>,
    /// Until the library is started again.
    pause: Option<Pin<Box<Sleep>>>,
    instances: Instances,
    /// Announcements that stood when the library was stopped, and that the endpoint still counts.
    departed: Vec<Nonce>,
}

/// The library at work.
struct Daemon {
    service: ServiceDaemon,
    found: Receiver<ServiceEvent>,
    /// The full name of what is announced now.
    announced: Option<String>,
    /// Announcements that stand, of whatever kind.
    heard: usize,
}

/// The announcements that stand, by the full name of their instance.
#[derive(Debug, Default)]
struct Instances(BTreeMap<String, Nonce>);

impl Discovery {
    /// Looks for others as soon as it is polled. `bound` are the local addresses of the socket at
    /// which we are to be reached.
    #[must_use]
    pub fn new(bound: Vec<SocketAddr>) -> Self {
        let (instances, departed) = (Instances::default(), Vec::new());
        Self { bound, announcement: None, daemon: None, pause: None, instances, departed }
    }

    /// Announces this from now on, and nothing else.
    pub fn announce(&mut self, announcement: Option<Announcement>) {
        self.announcement = announcement;
        if let Some(daemon) = &mut self.daemon {
            daemon.announce(self.announcement.as_ref(), &self.bound);
        }
    }

    /// Waits for somebody to come, to change or to go.
    pub async fn next(&mut self) -> Command {
        loop {
            if let Some(nonce) = self.departed.pop() {
                return Command::NeighbourGone(nonce);
            }
            let Some(daemon) = &mut self.daemon else {
                if let Some(pause) = &mut self.pause {
                    pause.await;
                }
                self.pause = None;
                match Daemon::start(&self.bound) {
                    Ok(mut daemon) => {
                        daemon.announce(self.announcement.as_ref(), &self.bound);
                        self.daemon = Some(daemon);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "no discovery in the local network");
                        self.pause = Some(Box::pin(sleep(PAUSE)));
                    }
                }
                continue;
            };
            // The library ends a search whose events nobody takes in time.
            let event = daemon.found.recv_async().await.ok();
            let command = match event {
                Some(ServiceEvent::ServiceResolved(service)) => {
                    self.instances.resolved(&service, &Link::all())
                }
                Some(ServiceEvent::ServiceRemoved(_, instance)) => {
                    daemon.heard = daemon.heard.saturating_sub(1);
                    self.instances.remove(&instance)
                }
                Some(ServiceEvent::ServiceFound(..)) => {
                    daemon.heard += 1;
                    None
                }
                Some(_) => None,
                None => {
                    daemon.heard = MAX_HEARD;
                    None
                }
            };
            if daemon.heard >= MAX_HEARD {
                tracing::debug!("too much is announced in this network");
                self.pause = Some(Box::pin(sleep(PAUSE)));
                self.stop();
            }
            if let Some(command) = command {
                return command;
            }
        }
    }

    /// Says goodbye to the network, so that nobody has to find out.
    pub async fn close(mut self) {
        if let Some(gone) = self.daemon.as_mut().and_then(Daemon::withdraw) {
            let _ = tokio::time::timeout(GOODBYE, gone).await;
        }
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            drop(daemon.service.shutdown());
        }
        self.departed.extend(std::mem::take(&mut self.instances).0.into_values());
    }
}

impl Daemon {
    fn start(bound: &[SocketAddr]) -> Result<Self, mdns_sd::Error> {
        let service = ServiceDaemon::new()?;
        // Bound to one address, we are to be found on its interface only, and so are others.
        if let Some(ip) = single_address(bound) {
            service.disable_interface(IfKind::All)?;
            service.enable_interface(IfKind::Addr(ip))?;
        }
        let found = service.browse(SERVICE)?;
        Ok(Self { service, found, announced: None, heard: 0 })
    }

    fn announce(&mut self, announcement: Option<&Announcement>, bound: &[SocketAddr]) {
        // One that takes another's place has nothing in common with it, least of all a name.
        drop(self.withdraw());
        let Some(announcement) = announcement else { return };
        let registered = service(announcement, bound).and_then(|service| {
            let instance = service.get_fullname().to_owned();
            self.service.register(service).map(|()| instance)
        });
        match registered {
            Ok(instance) => self.announced = Some(instance),
            Err(error) => tracing::debug!(%error, "not announced in the local network"),
        }
    }

    /// The future ends when the goodbye has left; nobody needs to wait for it.
    fn withdraw(&mut self) -> Option<impl Future<Output = ()> + use<>> {
        let gone = self.service.unregister(&self.announced.take()?).ok()?;
        Some(async move { drop(gone.recv_async().await) })
    }
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Daemon({:?})", self.announced)
    }
}

/// What an announcement is called: neither after its owner nor after the machine, who would both be
/// the same tomorrow.
fn label(nonce: &Nonce) -> String {
    nonce.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the library is to say for us.
fn service(
    announcement: &Announcement,
    bound: &[SocketAddr],
) -> Result<ServiceInfo, mdns_sd::Error> {
    let label = label(&announcement.nonce);
    let host = format!("{label}.local.");
    let port = bound.first().map_or(0, SocketAddr::port);
    let text: Vec<TxtProperty> = announcement.text().into_iter().map(TxtProperty::from).collect();
    let mut service = ServiceInfo::new(SERVICE, &label, &host, "", port, text)?;
    service.set_interfaces(interfaces(bound));
    // Nobody else has drawn the same 128 bits (RFC 6762 §8.1 is for names that people choose).
    service.set_requires_probe(false);
    Ok(service.enable_addr_auto())
}

impl Instances {
    /// Somebody announces himself, or announces something else.
    fn resolved(&mut self, service: &ResolvedService, links: &[Link]) -> Option<Command> {
        let instance = service.get_fullname();
        let value = |attribute: &str| service.get_property_val(attribute).flatten();
        let announcement = Announcement::from_text(value)?;
        let endpoints = endpoints(service, links);
        let is_its_name = instance == format!("{}.{SERVICE}", label(&announcement.nonce));
        if !is_its_name || endpoints.is_empty() || !self.insert(instance, announcement.nonce) {
            return None;
        }
        Some(Command::Neighbour { announcement, endpoints })
    }

    /// Whether there is room for it.
    fn insert(&mut self, instance: &str, nonce: Nonce) -> bool {
        let room = self.0.len() < MAX_INSTANCES || self.0.contains_key(instance);
        if room {
            self.0.insert(instance.to_owned(), nonce);
        }
        room
    }

    fn remove(&mut self, instance: &str) -> Option<Command> {
        self.0.remove(instance).map(Command::NeighbourGone)
    }
}

/// Where somebody announces to be, as far as that is on a link of ours.
fn endpoints(service: &ResolvedService, links: &[Link]) -> Vec<SocketAddr> {
    let endpoints: BTreeSet<SocketAddr> = service
        .get_addresses()
        .iter()
        .flat_map(sightings)
        .filter_map(|(ip, index)| on_link(links, ip, index))
        .map(|ip| with_port(ip, service.get_port()))
        .filter(|endpoint| is_permitted(*endpoint, true))
        .take(MAX_NEIGHBOUR_ENDPOINTS)
        .collect();
    endpoints.into_iter().collect()
}

/// The one address that the sockets are bound to, if it is one.
fn single_address(bound: &[SocketAddr]) -> Option<IpAddr> {
    match bound {
        [one] if !one.ip().is_unspecified() => Some(one.ip()),
        _ => None,
    }
}

/// Where we can be reached at the port of the first of our sockets.
fn interfaces(bound: &[SocketAddr]) -> Vec<IfKind> {
    if let Some(ip) = single_address(bound) {
        return vec![IfKind::Addr(ip)];
    }
    let port = bound.first().map(SocketAddr::port);
    let at_port = |v4: bool| bound.iter().any(|a| Some(a.port()) == port && a.is_ipv4() == v4);
    let families = [(true, IfKind::IPv4), (false, IfKind::IPv6)];
    families.into_iter().filter(|(v4, _)| at_port(*v4)).map(|(_, kind)| kind).collect()
}

/// An address of an announcement, with the index of each interface on which it was heard.
fn sightings(address: &ScopedIp) -> Vec<(IpAddr, u32)> {
    match address {
        ScopedIp::V4(v4) => {
            v4.interface_ids().iter().map(|id| ((*v4.addr()).into(), id.index)).collect()
        }
        ScopedIp::V6(v6) => vec![((*v6.addr()).into(), v6.scope_id().index)],
        _ => Vec::new(),
    }
}

/// A network that one of our interfaces is in.
#[derive(Clone, Copy, Debug)]
struct Link {
    index: u32,
    ip: IpAddr,
    prefix: u8,
}

impl Link {
    fn all() -> Vec<Self> {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let link = |interface: &if_addrs::Interface| {
            let prefix = match &interface.addr {
                if_addrs::IfAddr::V4(v4) => v4.prefixlen,
                if_addrs::IfAddr::V6(v6) => v6.prefixlen,
            };
            Some(Self { index: interface.index?, ip: interface.ip(), prefix })
        };
        interfaces.iter().filter_map(link).collect()
    }

    fn contains(&self, ip: IpAddr) -> bool {
        let differ = |one: u128, other: u128, bits: u32| {
            (one ^ other).checked_shr(bits - u32::from(self.prefix).min(bits)).unwrap_or(0) != 0
        };
        match (self.ip, ip) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                !differ(ours.to_bits().into(), theirs.to_bits().into(), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                !differ(ours.to_bits(), theirs.to_bits(), 128)
            }
            _ => false,
        }
    }
}

/// The address, if it is a neighbour's on the link on which it was heard, and that link's index.
fn on_link(links: &[Link], ip: IpAddr, index: u32) -> Option<(IpAddr, u32)> {
    links.iter().any(|link| link.index == index && link.contains(ip)).then_some((ip, index))
}

fn with_port((ip, index): (IpAddr, u32), port: u16) -> SocketAddr {
    match ip {
        IpAddr::V6(v6) if is_link_local(ip) => SocketAddrV6::new(v6, port, 0, index).into(),
        ip => SocketAddr::new(ip, port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn link(index: u32, text: &str, prefix: u8) -> Link {
        Link { index, ip: ip(text), prefix }
    }

    #[test]
    fn only_addresses_of_the_link_on_which_they_were_heard_are_neighbours() {
        let links = [
            link(1, "127.0.0.1", 8),
            link(2, "192.168.0.7", 24),
            link(2, "fe80::7", 64),
            link(3, "10.0.0.7", 31),
        ];
        let near = |text, index| on_link(&links, ip(text), index).is_some();
        assert!(near("192.168.0.255", 2) && near("fe80::9", 2) && near("10.0.0.6", 3));
        assert!(near("127.0.0.9", 1), "another program on this machine");
        for (text, index) in [
            ("127.0.0.1", 2),
            ("192.168.1.7", 2),
            ("192.168.0.9", 3),
            ("192.168.0.9", 9),
            ("10.0.0.8", 3),
            ("2001:db8::1", 2),
            ("8.8.8.8", 2),
        ] {
            assert!(!near(text, index), "{text} on {index}");
        }
    }

    #[test]
    fn a_link_may_be_one_address_or_everything() {
        assert!(link(1, "10.0.0.1", 32).contains(ip("10.0.0.1")));
        assert!(!link(1, "10.0.0.1", 32).contains(ip("10.0.0.2")));
        assert!(link(1, "10.0.0.1", 0).contains(ip("8.8.8.8")));
        assert!(link(1, "::1", 0).contains(ip("2001:db8::1")));
        assert!(!link(1, "::1", 128).contains(ip("::2")));
    }

    #[test]
    fn an_address_of_a_link_says_which_link() {
        let SocketAddr::V6(endpoint) = with_port((ip("fe80::9"), 2), 40) else { panic!("IPv6") };
        assert_eq!((endpoint.scope_id(), endpoint.port()), (2, 40));
        assert_eq!(with_port((ip("10.0.0.1"), 2), 40), "10.0.0.1:40".parse().expect("endpoint"));
    }

    #[test]
    fn whoever_stood_here_goes_once() {
        let mut instances = Instances::default();
        assert!(instances.insert("one", [1; 16]) && instances.insert("one", [1; 16]));
        assert!(instances.remove("two").is_none());
        let gone = instances.remove("one");
        assert!(matches!(gone, Some(Command::NeighbourGone(nonce)) if nonce == [1; 16]));
        assert!(instances.remove("one").is_none());
    }

    #[test]
    fn a_flood_of_announcements_is_not_followed() {
        let mut instances = Instances::default();
        let nonce = |n: usize| {
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&n.to_le_bytes());
            nonce
        };
        let kept = (0..1000).filter(|&n| instances.insert(&n.to_string(), nonce(n))).count();
        assert_eq!(kept, MAX_INSTANCES);
        assert!(instances.insert("7", nonce(7)), "known already");
    }

    #[test]
    fn what_is_announced_fits_and_names_nobody() {
        let mut random = p2pchat_wire::random::Random::from_seed([1; 32]);
        let announcement = Announcement::new([7; 16], [], None, &mut random);
        let bound = ["0.0.0.0:40".parse().expect("endpoint")];
        let service = service(&announcement, &bound).expect("valid");
        assert_eq!(service.get_port(), 40);
        assert_eq!(service.get_fullname(), format!("{}.{SERVICE}", "07".repeat(16)));
        assert_eq!(service.get_hostname(), format!("{}.local.", "07".repeat(16)));
        let resolved = service.as_resolved_service();
        let read = Announcement::from_text(|a| resolved.get_property_val(a).flatten());
        assert_eq!(read, Some(announcement));
    }

    #[test]
    fn one_port_is_announced_where_it_is_ours() {
        let at = |texts: &[&str]| {
            let bound: Vec<SocketAddr> =
                texts.iter().map(|text| text.parse().expect("endpoint")).collect();
            interfaces(&bound)
        };
        assert!(matches!(at(&["0.0.0.0:9", "[::]:9"])[..], [IfKind::IPv4, IfKind::IPv6]));
        assert!(matches!(at(&["0.0.0.0:9", "[::]:8"])[..], [IfKind::IPv4]));
        assert!(matches!(at(&["127.0.0.1:9"])[..], [IfKind::Addr(_)]));
    }
}
