//! What stands between us and the Internet: a machine that asks our rendezvous servers some fifty
//! questions within a few seconds and notes the answers as [`Findings`].
//!
//! It begins with who answers at all: each address of each server gets a hello and a Binding
//! request, and TCP is tried on two ports. One address that answers, of IPv4 if there is one, is asked
//! for the rest, each question from a socket that disturbs no other. One server is enough for that,
//! and several at once would be in each other's way: which port a NAT gives out next, and whom it lets
//! in, depends on what else is sent.
//!
//! | Socket | Asks | For |
//! | --- | --- | --- |
//! | a second | for answers from the other port, the other address | filtering (RFC 5780 §4.4) |
//! | a third | our own external endpoint | hairpinning |
//! | a fourth | hellos of several lengths, which may not be cut in pieces | the longest datagram |
//! | the first, after that | both ports, and the second address | mapping (RFC 5780 §4.3) |
//! | some fresh ones | both ports, one after the other | where new mappings go |
//!
//! [`verdict`](verdict()) says in one word what the findings mean; the sentence is the user interface's.
//! Nothing that is found is proof: whoever controls the network can answer as it likes. It is for
//! people, and decides nothing in the program.

mod findings;
mod questions;
mod verdict;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::VERSION;
use p2pchat_wire::address::{canonical, is_local, is_permitted};
use p2pchat_wire::datagram::HELLO_LEN;
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::random::Random;
use p2pchat_wire::stun::{Answer, Change};

pub use findings::{Findings, Ipv6, Mapping, ServerFindings, Tcp};
pub use verdict::{LONGEST_DATAGRAM, Verdict, trouble, verdict};

pub use super::nat::Filtering;
use super::nat::{Evidence, Sample, infer};
use super::{PortMapping, SocketId, SocketRequest, Transmit};
use findings::is_global_v6;
use questions::{Ask, Questions, Reply};

/// Where peers look for TCP besides the port of UDP (docs/operating.md).
const HTTPS: u16 = 443;

/// Addresses of one server that are asked.
const MAX_ADDRESSES: usize = 8;

/// Addresses of all servers that are asked: each has an equal share.
const MAX_ALL_ADDRESSES: usize = 16;

/// After this time the findings are what they are.
const DEADLINE: Duration = Duration::from_secs(8);

/// How long the first answer of another address family may come after the first of all.
const FAMILIES: Duration = Duration::from_millis(300);

const FILTERED: SocketId = SocketId(1);
const TURNED: SocketId = SocketId(2);
/// Fresh sockets that show where new mappings go.
const FRESH: [SocketId; 4] = [SocketId(3), SocketId(4), SocketId(5), SocketId(6)];
/// Its datagrams are not cut in pieces.
const WHOLE: SocketId = SocketId(7);

/// Lengths of UDP payloads that are tried, in bytes: what every path passes, what we need, what IPv6
/// guarantees, and what is left of 1500 bytes by the usual tunnels.
const LENGTHS: [usize; 12] =
    [512, 1024, LONGEST_DATAGRAM, 1232, 1280, 1332, 1372, 1412, 1440, 1452, 1464, 1472];

/// What a question is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Purpose {
    /// Is this server there, at this address?
    Hello(usize, SocketAddr),
    /// And where does it see us?
    Home(usize, SocketAddr),
    /// The answer belongs into this place of the samples.
    Sample(usize),
    FilterByAddress,
    FilterByPort,
    Hairpin,
    Length(usize),
}

/// Something to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Output {
    /// Open or close a socket.
    Socket(SocketRequest),
    /// Send this.
    Transmit(Transmit),
    /// Send this so that nobody on the way may cut it in pieces. If that is impossible, do not. The
    /// socket is opened without a request.
    Whole(Transmit),
    /// Try a TCP connection, and TLS in it, and say [`Diagnosis::handle_connection`].
    Connect {
        /// Whose.
        server: usize,
        /// Where to.
        to: SocketAddr,
    },
    /// Nothing more now. Call `handle_timeout` at this time unless an input comes first; `None` when
    /// everything is found out.
    Timeout(Option<Instant>),
}

/// The machine.
#[derive(Debug)]
pub struct Diagnosis {
    random: Random,
    begun_at: Instant,
    /// What our clock said then, in milliseconds since 1970.
    clock_ms: u64,
    questions: Questions<Purpose>,
    /// Where the servers' addresses see our first socket.
    homes: Vec<Sight>,
    /// When the address is chosen that is asked the rest, although others may still answer.
    choose_at: Option<Instant>,
    chosen: Option<SocketAddr>,
    /// The second port of the chosen address, and the second address, that were asked too.
    second: Option<SocketAddr>,
    across: Option<SocketAddr>,
    surveyed: bool,
    /// A place for each question about the mapping, in the order in which they were asked.
    samples: Vec<Option<Sample>>,
    asked_for: Vec<(SocketId, SocketAddr)>,
    /// Whether datagrams get in from another address, and from another port; not known if the server
    /// has no such socket.
    admitted: [Option<bool>; 2],
    /// TCP connections of which nothing is known yet.
    connecting: usize,
    outputs: VecDeque<Output>,
    findings: Findings,
}

/// Where one address of a server sees our first socket.
#[derive(Clone, Copy, Debug)]
struct Sight {
    server: usize,
    via: SocketAddr,
    answer: Answer,
}

impl Diagnosis {
    /// Begins to ask the servers, each at its addresses, of which the first of each family is the one
    /// that the server was given first. `hosts` are the local endpoints of our first socket; `clock_ms`
    /// is what our clock says, in milliseconds since 1970.
    #[must_use]
    pub fn new(
        now: Instant,
        clock_ms: u64,
        servers: &[Vec<SocketAddr>],
        hosts: Vec<SocketAddr>,
        seed: [u8; 32],
    ) -> Self {
        let mut diagnosis = Self {
            random: Random::from_seed(seed),
            begun_at: now,
            clock_ms,
            questions: Questions::new(),
            homes: Vec::new(),
            choose_at: None,
            chosen: None,
            second: None,
            across: None,
            surveyed: false,
            samples: Vec::new(),
            asked_for: Vec::new(),
            admitted: [None; 2],
            connecting: 0,
            outputs: VecDeque::new(),
            findings: Findings { hosts, ..Findings::default() },
        };
        let share = (MAX_ALL_ADDRESSES / servers.len().max(1)).min(MAX_ADDRESSES);
        for (server, addresses) in servers.iter().enumerate() {
            let asked = addresses.iter().copied().map(canonical).take(share).collect();
            diagnosis.begin(now, server, asked);
        }
        diagnosis.advance(now);
        diagnosis
    }

    /// Asks one server whether it is there.
    fn begin(&mut self, now: Instant, server: usize, asked: Vec<SocketAddr>) {
        let first = SocketId::FIRST;
        for &to in &asked {
            let who = Ask::Who { length: HELLO_LEN };
            self.ask(now, Purpose::Hello(server, to), who, first, to);
            self.ask_where(now, Purpose::Home(server, to), first, to);
        }
        // IPv4 is there more often; where there is no UDP the rest may work all the same.
        if let Some(at) = asked.iter().find(|at| at.is_ipv4()).or_else(|| asked.first()) {
            let mut ports = vec![at.port(), HTTPS];
            ports.dedup();
            let connect = |port| Output::Connect { server, to: SocketAddr::new(at.ip(), port) };
            self.connecting += ports.len();
            self.outputs.extend(ports.into_iter().map(connect));
        }
        self.findings.servers.push(ServerFindings { asked, ..ServerFindings::default() });
    }

    /// What is known so far; all of it once [`Self::poll_output`] waits for nothing.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Whether everything is found out.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.connecting == 0 && self.choose_at.is_none() && self.questions.timeout().is_none()
    }

    /// A datagram arrived at one of our sockets.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketId,
        from: SocketAddr,
        bytes: &[u8],
    ) {
        if local == SocketId::FIRST && self.questions.take_own(bytes) == Some(Purpose::Hairpin) {
            self.findings.hairpin = Some(true);
        }
        if let Some((purpose, reply, took)) = self.questions.handle(now, local, from, bytes) {
            self.on_reply(now, purpose, reply, took);
        }
        self.advance(now);
    }

    /// What came of asking the router for a port, which is the wiring's to do: for a port that none
    /// of our sockets has, lest the others seem to be open.
    pub fn set_port_mapping(&mut self, port_mapping: PortMapping) {
        self.findings.port_mapping = port_mapping;
    }

    /// What became of one [`Output::Connect`] to this server.
    pub fn handle_connection(&mut self, now: Instant, server: usize, tcp: Tcp) {
        self.connecting = self.connecting.saturating_sub(1);
        if let Some(found) = self.findings.servers.get_mut(server) {
            found.tcp = found.tcp.max(tcp);
        }
        self.advance(now);
    }

    /// Advances the clock.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    /// Takes the next output; `Timeout` is the last.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        if self.is_done() {
            return Output::Timeout(None);
        }
        let timers = [self.choose_at, self.questions.timeout(), Some(self.begun_at + DEADLINE)];
        Output::Timeout(timers.into_iter().flatten().min())
    }

    fn ask(&mut self, now: Instant, purpose: Purpose, ask: Ask, from: SocketId, to: SocketAddr) {
        self.questions.ask(now, purpose, ask, from, to, &mut self.random);
    }

    fn ask_where(&mut self, now: Instant, purpose: Purpose, from: SocketId, to: SocketAddr) {
        self.ask(now, purpose, Ask::Where(Change::default()), from, to);
    }

    fn advance(&mut self, now: Instant) {
        if now >= self.begun_at + DEADLINE {
            self.questions = Questions::new();
            (self.connecting, self.choose_at) = (0, None);
            return self.conclude();
        }
        self.send_due(now);
        let others_may_answer = self.questions.any(|one| matches!(one, Purpose::Home(..)));
        let waited = self.choose_at.is_some_and(|at| at <= now);
        if self.chosen.is_none() && !self.homes.is_empty() && (waited || !others_may_answer) {
            self.choose(now);
        }
        let filtering = |one| matches!(one, Purpose::FilterByAddress | Purpose::FilterByPort);
        if self.chosen.is_some() && !self.surveyed && !self.questions.any(filtering) {
            self.survey(now);
        }
        self.send_due(now);
        if self.is_done() {
            self.conclude();
        }
    }

    fn send_due(&mut self, now: Instant) {
        while let Some(due) = self.questions.poll(now) {
            match due {
                Ok(due) => {
                    let (from, to, payload) = (due.from, due.to, due.bytes);
                    let transmit =
                        Transmit { from, to, ttl: None, whole: false, segment_size: None, payload };
                    let output = if from == WHOLE { Output::Whole } else { Output::Transmit };
                    self.outputs.push_back(output(transmit));
                }
                Err(purpose) => self.on_reply(now, purpose, Reply::Silence, Duration::ZERO),
            }
        }
    }

    /// By how much our clock is ahead of one that said its time half a round trip ago.
    fn clock_ahead(&self, now: Instant, theirs: u64, took: Duration) -> Option<i64> {
        let passed = now.saturating_duration_since(self.begun_at).saturating_sub(took / 2);
        let ours =
            self.clock_ms.saturating_add(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
        i64::try_from(i128::from(ours) - i128::from(theirs)).ok()
    }

    fn on_reply(&mut self, now: Instant, purpose: Purpose, reply: Reply, took: Duration) {
        match (purpose, reply) {
            (Purpose::Hello(server, at), Reply::Challenge(challenge)) => {
                let theirs = challenge.time_ms;
                let ahead = theirs.and_then(|theirs| self.clock_ahead(now, theirs, took));
                let Some(found) = self.findings.servers.get_mut(server) else { return };
                found.version = Some(challenge.version);
                found.key = Some(PeerId(challenge.server));
                found.udp.get_or_insert((at, took));
                found.clock_ahead_ms = ahead.or(found.clock_ahead_ms);
            }
            (Purpose::Home(server, via), Reply::Seen(answer)) => {
                let Some(found) = self.findings.servers.get_mut(server) else { return };
                found.udp.get_or_insert((via, took));
                if via.is_ipv4() || found.mapped.is_none() {
                    found.mapped = Some(canonical(answer.mapped));
                }
                self.homes.push(Sight { server, via, answer });
                if self.chosen.is_none() && self.choose_at.is_none() {
                    self.choose_at = Some(now + FAMILIES);
                }
            }
            (Purpose::Sample(place), Reply::Seen(answer)) => self.note(place, answer),
            (Purpose::FilterByAddress, reply) => self.admitted[0] = admitted(reply),
            (Purpose::FilterByPort, reply) => self.admitted[1] = admitted(reply),
            (Purpose::Hairpin, _) => self.findings.hairpin = Some(false),
            (Purpose::Length(length), Reply::Challenge(_)) => {
                self.findings.mtu = self.findings.mtu.max(Some(length));
            }
            _ => {}
        }
    }

    fn note(&mut self, place: usize, answer: Answer) {
        if let Some(&(socket, via)) = self.asked_for.get(place)
            && let Some(sample) = self.samples.get_mut(place)
        {
            *sample = Some(Sample { socket, via, mapped: canonical(answer.mapped) });
        }
    }

    /// A place for one more sample.
    fn place(&mut self, socket: SocketId, via: SocketAddr) -> usize {
        self.asked_for.push((socket, via));
        self.samples.push(None);
        self.samples.len() - 1
    }

    fn sample(&mut self, now: Instant, socket: SocketId, via: SocketAddr) {
        let place = self.place(socket, via);
        self.ask_where(now, Purpose::Sample(place), socket, via);
    }

    /// Chooses the address that is asked the rest, and asks it.
    fn choose(&mut self, now: Instant) {
        self.choose_at = None;
        // In the order in which they were asked, not of their answers.
        let place = |sight: &Sight| {
            let asked = self.findings.servers.get(sight.server).map(|found| &found.asked);
            (sight.server, asked.and_then(|asked| asked.iter().position(|at| *at == sight.via)))
        };
        self.homes.sort_by_key(place);
        // IPv4 has the NATs. RFC 5780 §4.3: the first address is the one that names another.
        let servers = &self.findings.servers;
        let rank = |sight: &&Sight| {
            let version = servers.get(sight.server).and_then(|found| found.version);
            let other = sight.answer.other.is_none_or(|other| other.ip() == sight.via.ip());
            (version != Some(VERSION), sight.via.is_ipv6(), other)
        };
        let Some(&Sight { server: of, via: server, answer }) = self.homes.iter().min_by_key(rank)
        else {
            return;
        };
        self.chosen = Some(server);
        self.findings.surveyed = Some(of);
        let mapped = canonical(answer.mapped);
        self.findings.mapped = Some(mapped);
        for socket in [FILTERED, TURNED].into_iter().chain(FRESH) {
            self.outputs.push_back(Output::Socket(SocketRequest::Open(socket)));
        }
        let change = |ip| Ask::Where(Change { ip, port: true });
        self.ask(now, Purpose::FilterByAddress, change(true), FILTERED, server);
        self.ask(now, Purpose::FilterByPort, change(false), FILTERED, server);
        if !self.findings.hosts.contains(&mapped) {
            self.ask_where(now, Purpose::Hairpin, TURNED, mapped);
        }
        for length in LENGTHS {
            self.ask(now, Purpose::Length(length), Ask::Who { length }, WHOLE, server);
        }
    }

    /// Asks where the chosen server's other sockets see ours. Not before the filter is known: some routers
    /// let in whom any socket of a host has written to.
    fn survey(&mut self, now: Instant) {
        self.surveyed = true;
        let Some(server) = self.chosen else { return };
        let mut across = None;
        for Sight { via, answer, .. } in self.homes.clone() {
            if via.is_ipv4() == server.is_ipv4() {
                let place = self.place(SocketId::FIRST, via);
                self.note(place, answer);
            }
            across = across.or_else(|| answer.other.filter(|_| via == server));
        }
        // Where the server has one address only, nothing names its second port. It is the next one
        // (docs/operating.md); if it is not, the question goes unanswered.
        let port = across.map_or_else(|| server.port().saturating_add(1), |other| other.port());
        let second = SocketAddr::new(server.ip(), port);
        self.sample(now, SocketId::FIRST, second);
        self.second = Some(second);
        self.across = across.map(canonical).filter(|at| may_be_asked(server, *at));
        if let Some(across) = self.across {
            self.sample(now, SocketId::FIRST, across);
        }
        for socket in FRESH {
            self.sample(now, socket, server);
            self.sample(now, socket, second);
        }
    }

    /// Derives what follows from all answers together.
    fn conclude(&mut self) {
        let samples: Vec<Sample> = self.samples.iter().copied().flatten().collect();
        let answers_at = |at: Option<SocketAddr>| {
            at.is_some_and(|at| samples.iter().any(|sample| sample.via == at))
        };
        let (second_address, second_port) = (answers_at(self.across), answers_at(self.second));
        // Silence says something only about a server's socket that answers when it is asked itself.
        let by_address = self.admitted[0].filter(|admitted| *admitted || second_address);
        let by_port = self.admitted[1].filter(|admitted| *admitted || second_port);
        self.findings.filtering = match (by_address, by_port) {
            (Some(true), _) => Filtering::EndpointIndependent,
            (Some(false), Some(true)) => Filtering::AddressDependent,
            (None, Some(true)) => Filtering::NotByPort,
            (_, Some(false)) => Filtering::AddressAndPortDependent,
            (_, None) => Filtering::Unknown,
        };
        self.findings.ports = Evidence { model: infer(&samples), samples };
        self.findings.judge_mapping();
        self.findings.ipv6 = self.ipv6();
    }

    fn ipv6(&self) -> Ipv6 {
        let own = |endpoint| self.findings.hosts.contains(&canonical(endpoint));
        let home = self.homes.iter().find(|sight| sight.via.is_ipv6());
        let mut asked = self.findings.servers.iter().flat_map(|found| &found.asked);
        match home {
            Some(sight) => Ipv6::Works { translated: !own(sight.answer.mapped) },
            None if !self.findings.hosts.iter().any(is_global_v6) => Ipv6::None,
            None if asked.any(SocketAddr::is_ipv6) => Ipv6::Silent,
            None => Ipv6::Untried,
        }
    }
}

fn admitted(reply: Reply) -> Option<bool> {
    match reply {
        Reply::Seen(_) => Some(true),
        Reply::Silence => Some(false),
        Reply::Refused | Reply::Challenge(_) => None,
    }
}

/// Whether an address that a server names may be asked: another one, and none of our own network's
/// if the server is not there itself.
fn may_be_asked(server: SocketAddr, other: SocketAddr) -> bool {
    other.ip() != server.ip()
        && other.is_ipv4() == server.is_ipv4()
        && is_permitted(other, server.ip().is_loopback())
        && (is_local(server.ip()) || !is_local(other.ip()))
}
