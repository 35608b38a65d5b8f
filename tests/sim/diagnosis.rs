//! A diagnosis behind each kind of box finds out what the box is.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat::proto::diagnosis::{
    self, Diagnosis, Findings, Ipv6, Output, Tcp, Verdict, trouble, verdict,
};
use p2pchat::proto::{Allocation, PortModel, Scope, SocketId};
use p2pchat_rendezvous::server::{self, Config, Local, Server};
use p2pchat_wire::identity::Identity;

use crate::nat::{Behaviour, Filtering, Mapping, Nat, Ports};
use crate::world::epoch;

/// One way between the box and the server.
const DELAY: Duration = Duration::from_millis(20);

const SERVERS: [&str; 6] = [
    "203.0.113.10:3478",
    "203.0.113.10:3479",
    "203.0.113.20:3478",
    "203.0.113.20:3479",
    "[2001:db8:5::10]:3478",
    "[2001:db8:5::10]:3479",
];

/// Another server's sockets, further away in no other way than by name.
const FAR: [&str; 2] = ["203.0.113.77:3478", "203.0.113.77:3479"];

const HOST: &str = "192.168.1.2";
const HOST_V6: &str = "2001:db8:1::2";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

/// What the clock of whoever asks says at the beginning. The server's is a minute and a half ahead.
const CLOCK_MS: u64 = 1_790_000_000_000;

/// What a test has, besides the box.
#[derive(Clone)]
struct Place {
    behaviour: Behaviour,
    /// Sockets of the server.
    servers: usize,
    /// The longest payload that passes in one piece.
    longest: usize,
    v6: bool,
    tcp: Tcp,
    /// Other hosts take a port each time that ours does.
    neighbours: bool,
    /// Addresses of other servers, one each. Those of [`FAR`] answer.
    others: Vec<Vec<SocketAddr>>,
}

impl Place {
    fn behind(behaviour: Behaviour) -> Self {
        let (servers, longest, v6) = (4, 1472, false);
        Self {
            behaviour,
            servers,
            longest,
            v6,
            tcp: Tcp::Open,
            neighbours: false,
            others: Vec::new(),
        }
    }

    /// Runs the diagnosis to its end; how long it took, and how many datagrams left.
    fn diagnose(&self) -> (Findings, Duration, usize) {
        let sockets: Vec<SocketAddr> =
            SERVERS[..self.servers].iter().map(|text| at(text)).collect();
        let config = Config { sockets: sockets.clone(), ..Config::default() };
        let identity = Identity::from_seed([0xcc; 32]);
        let mut server = Server::new(config, identity, Vec::new(), [3; 32], epoch());
        server.set_clock(epoch(), CLOCK_MS + 90_000);
        let config = Config { sockets: FAR.map(at).to_vec(), ..Config::default() };
        let far = Server::new(config, Identity::from_seed([0xcd; 32]), [], [4; 32], epoch());
        let nat = Nat::new(self.behaviour.clone(), "198.51.100.1".parse().expect("ip"), [5; 32]);
        let firewall = Nat::new(Behaviour::firewall(), HOST_V6.parse().expect("ip"), [6; 32]);
        let mut hosts = vec![SocketAddr::new(HOST.parse().expect("ip"), 4000)];
        let mut asked = vec![at(SERVERS[0])];
        if self.v6 {
            hosts.push(SocketAddr::new(HOST_V6.parse().expect("ip"), 4000));
            asked.insert(0, at(SERVERS[4]));
        }
        if self.behaviour.mapping == Mapping::Untranslated {
            hosts.retain(|host| host.is_ipv6());
            hosts.push(at("198.51.100.1:4000"));
        }
        let asked: Vec<_> = std::iter::once(asked).chain(self.others.clone()).collect();
        let diagnosis = Diagnosis::new(epoch(), CLOCK_MS, &asked, hosts, [7; 32]);
        let mut run = Run {
            place: self,
            now: epoch(),
            diagnosis,
            server,
            far,
            nat,
            firewall,
            queue: BTreeMap::new(),
            sent: 0,
            neighbour: 10_000,
        };
        run.finish();
        (run.diagnosis.findings().clone(), run.now - epoch(), run.sent)
    }
}

enum Arrival {
    Server { local: SocketAddr, from: SocketAddr, bytes: Vec<u8> },
    Host { to: SocketAddr, from: SocketAddr, bytes: Vec<u8> },
    Connection(usize),
}

struct Run<'a> {
    place: &'a Place,
    now: Instant,
    diagnosis: Diagnosis,
    server: Server,
    far: Server,
    nat: Nat,
    firewall: Nat,
    queue: BTreeMap<Instant, VecDeque<Arrival>>,
    sent: usize,
    neighbour: u16,
}

impl Run<'_> {
    fn finish(&mut self) {
        while let Some(timeout) = self.drain() {
            let arrival = self.queue.first_key_value().map(|(at, _)| *at);
            self.now = arrival.map_or(timeout, |at| at.min(timeout));
            let arrivals = self.queue.remove(&self.now).unwrap_or_default();
            for arrival in arrivals {
                self.arrive(arrival);
            }
            self.diagnosis.handle_timeout(self.now);
        }
    }

    /// Lets the diagnosis speak; when it wants to be woken.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            let (transmit, whole) = match self.diagnosis.poll_output() {
                Output::Socket(_) => continue,
                Output::Timeout(timeout) => return timeout,
                Output::Connect { server, .. } => {
                    self.schedule(2 * DELAY, Arrival::Connection(server));
                    continue;
                }
                Output::Transmit(transmit) => (transmit, false),
                Output::Whole(transmit) => (transmit, true),
            };
            self.sent += 1;
            let too_long = whole && transmit.payload.len() > self.place.longest;
            if too_long || self.place.behaviour.udp_blocked {
                continue;
            }
            let port = 4000 + u16::try_from(transmit.from.0).expect("few sockets");
            let ip = match (transmit.to.is_ipv6(), self.place.behaviour.mapping) {
                (true, _) => HOST_V6,
                (false, Mapping::Untranslated) => "198.51.100.1",
                (false, _) => HOST,
            };
            let inside = SocketAddr::new(ip.parse().expect("ip"), port);
            if self.place.neighbours {
                self.neighbour += 1;
                let neighbour = SocketAddr::new("192.168.1.9".parse().expect("ip"), self.neighbour);
                self.nat.outbound(self.now, neighbour, at(SERVERS[0]));
            }
            let nat = if transmit.to.is_ipv6() { &mut self.firewall } else { &mut self.nat };
            let from = nat.outbound(self.now, inside, transmit.to);
            let (to, bytes) = (transmit.to, transmit.payload);
            if to.ip() != nat.external() {
                self.schedule(DELAY, Arrival::Server { local: to, from, bytes });
            } else if self.place.behaviour.hairpin {
                self.schedule(DELAY, Arrival::Host { to, from, bytes });
            }
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Connection(server) => {
                self.diagnosis.handle_connection(self.now, server, self.place.tcp);
            }
            Arrival::Server { local, from, bytes } => {
                let is_one_of = |sockets: &[&str]| sockets.iter().any(|one| at(one) == local);
                let server = match () {
                    () if is_one_of(&SERVERS[..self.place.servers]) => &mut self.server,
                    () if is_one_of(&FAR) => &mut self.far,
                    () => return,
                };
                server.handle_datagram(self.now, local, from, &bytes);
                let mut answers = Vec::new();
                while let server::Output::Transmit(transmit) = server.poll_output() {
                    answers.push(transmit);
                }
                for transmit in answers {
                    let server::Transmit { from: Local::Udp(from), to, payload: bytes } = transmit
                    else {
                        panic!("nobody came by a carrier")
                    };
                    self.schedule(DELAY, Arrival::Host { to, from, bytes });
                }
            }
            Arrival::Host { to, from, bytes } => {
                let nat = if to.is_ipv6() { &mut self.firewall } else { &mut self.nat };
                let Ok(inside) = nat.inbound(self.now, to, from) else { return };
                let local = SocketId(u32::from(inside.port() - 4000));
                self.diagnosis.handle_datagram(self.now, local, from, &bytes);
            }
        }
    }

    fn schedule(&mut self, after: Duration, arrival: Arrival) {
        self.queue.entry(self.now + after).or_default().push_back(arrival);
    }
}

const MAPPINGS: [(Mapping, diagnosis::Mapping); 4] = [
    (
        Mapping::EndpointIndependent,
        diagnosis::Mapping::EndpointIndependent { addresses_compared: true },
    ),
    (Mapping::AddressDependent, diagnosis::Mapping::AddressDependent),
    (Mapping::AddressAndPortDependent, diagnosis::Mapping::AddressAndPortDependent),
    (Mapping::Untranslated, diagnosis::Mapping::None),
];

const FILTERINGS: [(Filtering, diagnosis::Filtering); 3] = [
    (Filtering::EndpointIndependent, diagnosis::Filtering::EndpointIndependent),
    (Filtering::AddressDependent, diagnosis::Filtering::AddressDependent),
    (Filtering::AddressAndPortDependent, diagnosis::Filtering::AddressAndPortDependent),
];

#[test]
fn behind_every_box_the_findings_are_what_the_box_is() {
    for (mapping, expected_mapping) in MAPPINGS {
        for (filtering, expected_filtering) in FILTERINGS {
            for hairpin in [false, true] {
                let behaviour = Behaviour { hairpin, ..Behaviour::new(mapping, filtering) };
                let (found, took, sent) = Place::behind(behaviour.clone()).diagnose();
                assert_eq!(found.mapping, expected_mapping, "{behaviour:?}: {found:#?}");
                assert_eq!(found.filtering, expected_filtering, "{behaviour:?}: {found:#?}");
                // Who has an address of his own needs no turning round. Who filters by endpoint and
                // maps by it lets nobody in that way.
                if mapping == Mapping::EndpointIndependent
                    && filtering == Filtering::EndpointIndependent
                {
                    assert_eq!(found.hairpin, Some(hairpin), "{behaviour:?}");
                }
                assert_eq!((found.mtu, found.servers[0].tcp), (Some(1472), Tcp::Open));
                assert!(took < Duration::from_secs(4) && sent < 80, "{took:?}, {sent} datagrams");
            }
        }
    }
}

#[test]
fn the_ports_of_a_symmetric_nat_are_found_to_be_given_out_as_they_are() {
    let symmetric = |ports| Place::behind(Behaviour { ports, ..Behaviour::symmetric() });
    let model = |place: &Place| match place.diagnose().0.ports.model {
        PortModel::Varying { scope: Scope::Endpoint, ports } => ports,
        other => panic!("{other:?}"),
    };
    let found = model(&symmetric(Ports::Sequential { step: 1 }));
    assert_eq!(found, Allocation::Sequential { step: 1, foreign: 0 });
    let busy = Place { neighbours: true, ..symmetric(Ports::Sequential { step: 1 }) };
    let found = model(&busy);
    assert!(matches!(found, Allocation::Sequential { .. }), "{found:?}");
    let found = model(&symmetric(Ports::Block { first: 30_000, count: 1000 }));
    let Allocation::Block { first, last } = found else { panic!("{found:?}") };
    assert!(first > 29_000 && last < 32_000, "{first} to {last}");
    assert_eq!(model(&symmetric(Ports::Random)), Allocation::Uniform);
}

#[test]
fn a_server_with_one_address_or_one_port_leaves_open_what_it_cannot_show() {
    let at_servers = |servers, behaviour| {
        let (found, ..) = Place { servers, ..Place::behind(behaviour) }.diagnose();
        (found.mapping, found.filtering)
    };
    let by_address = Behaviour::new(Mapping::AddressDependent, Filtering::AddressDependent);
    let same = diagnosis::Mapping::EndpointIndependent { addresses_compared: false };
    assert_eq!(at_servers(2, by_address), (same, diagnosis::Filtering::NotByPort));
    let strict = diagnosis::Filtering::AddressAndPortDependent;
    assert_eq!(at_servers(2, Behaviour::home()), (same, strict));
    let nothing = (diagnosis::Mapping::Unknown, diagnosis::Filtering::Unknown);
    assert_eq!(at_servers(1, Behaviour::home()), nothing);
    let different = diagnosis::Mapping::AddressAndPortDependent;
    assert_eq!(at_servers(2, Behaviour::symmetric()), (different, strict));
}

#[test]
fn ipv6_without_a_nat_is_found_beside_a_difficult_one_for_ipv4() {
    let place = Place { servers: 6, v6: true, ..Place::behind(Behaviour::symmetric()) };
    let (found, ..) = place.diagnose();
    assert_eq!(found.ipv6, Ipv6::Works { translated: false });
    assert_eq!(found.mapping, diagnosis::Mapping::AddressAndPortDependent);
    assert_eq!(verdict(&found), Verdict::EasyOverIpv6);
    let (found, ..) = Place { servers: 4, ..place }.diagnose();
    assert_eq!((found.ipv6, verdict(&found)), (Ipv6::Silent, Verdict::Random));
}

#[test]
fn where_no_udp_passes_a_tcp_connection_tells_a_firewall_from_a_dead_server() {
    for (tcp, expected) in [
        (Tcp::Open, Verdict::UdpBlocked),
        (Tcp::Refused, Verdict::NotListening),
        (Tcp::Silent, Verdict::Unreachable),
    ] {
        let blocked = Behaviour { udp_blocked: true, ..Behaviour::home() };
        let (found, took, _) = Place { tcp, ..Place::behind(blocked) }.diagnose();
        assert_eq!((found.servers[0].udp, verdict(&found)), (None, expected));
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
}

#[test]
fn how_far_the_clock_is_off_is_found() {
    let (found, ..) = Place::behind(Behaviour::home()).diagnose();
    assert_eq!(found.servers[0].clock_ahead_ms, Some(-90_000));
}

#[test]
fn the_longest_datagram_that_passes_is_found() {
    for (longest, found_longest, expected) in
        [(1472, 1472, Verdict::Easy), (1392, 1372, Verdict::Easy), (1100, 1024, Verdict::SmallMtu)]
    {
        let (found, ..) = Place { longest, ..Place::behind(Behaviour::home()) }.diagnose();
        assert_eq!((found.mtu, verdict(&found)), (Some(found_longest), expected));
    }
}

#[test]
fn of_several_servers_each_is_examined_and_one_that_is_well_is_enough() {
    let silent = vec![at("203.0.113.99:3478")];
    let others = vec![silent, Vec::new(), vec![at(FAR[0])]];
    let place = Place { others, ..Place::behind(Behaviour::symmetric()) };
    let (found, took, sent) = place.diagnose();
    let answers: Vec<_> = found.servers.iter().map(|server| server.udp.is_some()).collect();
    assert_eq!(answers, [true, false, false, true]);
    let troubles = [None, Some(Verdict::UdpBlocked), Some(Verdict::NoAddress), None];
    assert_eq!(found.servers.iter().map(trouble).collect::<Vec<_>>(), troubles);
    assert_eq!((found.surveyed, verdict(&found)), (Some(0), Verdict::Random));
    let keys: Vec<_> = found.servers.iter().map(|server| server.key).collect();
    assert!(keys[0].is_some() && keys[3].is_some() && keys[0] != keys[3], "{keys:?}");
    // Behind this box each sees another endpoint, and the far one was told no time.
    let mapped: Vec<_> = found.servers.iter().map(|server| server.mapped).collect();
    assert!(mapped[0] != mapped[3] && mapped[3].is_some(), "{mapped:?}");
    let clocks: Vec<_> = found.servers.iter().map(|server| server.clock_ahead_ms).collect();
    assert_eq!((clocks[0], clocks[3]), (Some(-90_000), None));
    assert!(took < Duration::from_secs(4) && sent < 100, "{took:?}, {sent} datagrams");
}

#[test]
fn the_first_server_may_be_dead_and_the_network_is_examined_with_another() {
    let others = vec![vec![at(FAR[0])]];
    let place = Place { servers: 0, others, ..Place::behind(Behaviour::home()) };
    let (found, ..) = place.diagnose();
    assert_eq!((found.surveyed, verdict(&found)), (Some(1), Verdict::Easy));
    assert_eq!(trouble(&found.servers[0]), Some(Verdict::UdpBlocked));
}

#[test]
fn two_servers_with_one_address_each_show_together_whether_the_mapping_depends_on_it() {
    let others = vec![vec![at(FAR[0])]];
    let mapping = |behaviour, others| {
        let place = Place { servers: 2, others, ..Place::behind(behaviour) };
        place.diagnose().0.mapping
    };
    let by_address = Behaviour::new(Mapping::AddressDependent, Filtering::AddressDependent);
    let compared = diagnosis::Mapping::EndpointIndependent { addresses_compared: true };
    assert_eq!(mapping(Behaviour::home(), others.clone()), compared);
    assert_eq!(mapping(by_address, others), diagnosis::Mapping::AddressDependent);
}
