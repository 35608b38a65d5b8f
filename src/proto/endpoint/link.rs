//! The client's end of the link to a rendezvous: proof of address, handshake, keepalive.
//!
//! With a token and the server's key the link is up after one round trip; otherwise a hello to all
//! of the server's addresses at once finds the one that answers first, and brings a cookie and, if
//! it is not known yet, the key. What fails is tried again for ever, ever more slowly.
//!
//! Where UDP is not answered the same goes over TCP ([`Carriers`]). A link that lives there goes on
//! saying hello over UDP now and then, and moves as soon as that is answered. Each move is a new
//! handshake by the way whose challenge has come, so that of several ways that work the server and we
//! mean the same one.

mod attempt;
mod fallback;
mod moving;
mod up;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::VERSION;
use p2pchat_wire::datagram::{
    AddressProof, Challenge, Hello, LinkInit, MIN_LINK_INIT, Response, Sealed,
};
use p2pchat_wire::handshake::{INIT_OVERHEAD, Initiator, Purpose};
use p2pchat_wire::identity::{Identity, PeerId, ServerKey};
use p2pchat_wire::random::Random;
use p2pchat_wire::replay::ReplayWindow;
use p2pchat_wire::signal::{self, ClientSignal, LinkReply, LinkRequest, ServerSignal};

use self::attempt::{Attempt, Init};
use self::up::Up;
use super::carriers::Carriers;
use super::sockets::Sockets;
use crate::proto::lifetime::upkeep::Upkeep;
use crate::proto::path::Pair;
use crate::proto::{RendezvousTrouble, SocketId, Transmit};

/// Gaps between attempts; the last repeats. The first fits the round trip to most servers.
const GAPS: [Duration; 6] = [
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
    Duration::from_secs(3),
    Duration::from_secs(6),
    Duration::from_secs(12),
];

/// Attempts after which a server counts as unreachable: about six seconds.
const UNREACHABLE_AFTER: usize = 4;

/// Initiations without an answer after which the proof is taken for stale and a hello goes out.
const STALE_AFTER: usize = 2;

/// The same of those that are to bring a link over TCP back to UDP: the proof has come that way just
/// now, and nobody waits.
const BACK_PATIENCE: usize = 4;

/// Unanswered pings after which the link is down.
const MAX_PINGS: u32 = 5;

/// Age at which the link gets new keys; the server refuses them at 180 s.
const REKEY_AFTER: Duration = Duration::from_secs(120);

/// Age at which keys are believed no longer.
const REFUSE_AFTER: Duration = Duration::from_secs(180);

/// The index in the answer of a server that keeps no link: its tables are full.
const NO_LINK: u32 = 0;

/// How long after such an answer the server is asked again.
const RETRY_BUSY: Duration = Duration::from_secs(10);

/// How long after a server showed another key or another version it is asked again.
const RETRY_ANOTHER: Duration = Duration::from_secs(60);

/// What a link tells its endpoint.
#[derive(Debug)]
pub(super) enum LinkEvent {
    /// The link is up.
    Up {
        /// The server's key, if it was not known before. It is proven.
        key: Option<ServerKey>,
        /// Whether the server believed a token of its own: it is the process that it was.
        same: bool,
        /// What the server said first. Boxed: it is far larger than the others.
        reply: Box<LinkReply>,
    },
    /// The server says something.
    Signal(Box<ServerSignal>),
    /// The server is full; it is asked again later.
    Busy,
    /// It does not work.
    Trouble(RendezvousTrouble),
}

/// The link to one rendezvous.
#[derive(Debug)]
pub(super) struct Link {
    /// The socket that we use for it, where UDP passes.
    local: SocketId,
    addresses: Vec<SocketAddr>,
    carriers: Carriers,
    /// When hello is said over UDP again, while the link goes over TCP.
    back_at: Option<Instant>,
    /// How often that was done.
    back_tries: usize,
    /// Of all hellos since the newest handshake began.
    nonce: [u8; 16],
    /// The key that the server must prove: given, or proven by it.
    key: Option<ServerKey>,
    /// The key in the last challenge. Anybody can write one, so it is worth a try and no more.
    shown: Option<ServerKey>,
    /// What the last challenge would mean if it were genuine.
    doubt: Option<RendezvousTrouble>,
    /// The same, once a good initiation has gone without an answer as well.
    suspicion: Option<RendezvousTrouble>,
    token: Option<[u8; 32]>,
    attempt: Attempt,
    /// How often the server is to hear of us.
    keepalive: Duration,
    up: Option<Up>,
    /// The link before the newest handshake: packets sealed with its keys may still arrive.
    previous: Option<Up>,
    /// Milliseconds since 1970 at `epoch`; the basis of request counters.
    started_at_ms: u64,
    epoch: Instant,
    last_counter: u64,
    /// What was reported of this outage.
    reported: Option<RendezvousTrouble>,
}

impl Link {
    /// No server yet.
    pub(super) fn new(now: Instant, started_at_ms: u64) -> Self {
        Self {
            local: SocketId::FIRST,
            addresses: Vec::new(),
            carriers: Carriers::default(),
            back_at: None,
            back_tries: 0,
            nonce: [0; 16],
            key: None,
            shown: None,
            doubt: None,
            suspicion: None,
            token: None,
            attempt: Attempt::None,
            keepalive: Upkeep::default().link(),
            up: None,
            previous: None,
            started_at_ms,
            epoch: now,
            last_counter: 0,
            reported: None,
        }
    }

    /// Pings so often from now on; the next comes no later.
    pub(super) fn ping_every(&mut self, now: Instant, every: Duration) {
        if every != self.keepalive {
            self.keepalive = every;
            if let Some(up) = &mut self.up {
                up.ping_at = up.ping_at.min(now + every);
            }
        }
    }

    /// Uses this server from now on. If it is the one in use, only its addresses are renewed.
    pub(super) fn use_server(
        &mut self,
        now: Instant,
        addresses: Vec<SocketAddr>,
        key: Option<ServerKey>,
        token: Option<[u8; 32]>,
        random: &mut Random,
    ) {
        let in_use = self.up.as_ref().is_some_and(|up| {
            // Over TCP the port may be another.
            addresses.iter().any(|address| address.ip() == up.way.remote.ip())
        });
        self.addresses = addresses;
        if in_use && (key.is_none() || key == self.key) {
            return;
        }
        self.key = key;
        self.shown = None;
        self.doubt = None;
        self.suspicion = None;
        self.token = token;
        self.up = None;
        self.previous = None;
        self.reported = None;
        self.restart(now, random);
    }

    /// Uses no server any more.
    pub(super) fn stop(&mut self) {
        self.addresses = Vec::new();
        self.attempt = Attempt::None;
        self.up = None;
        self.previous = None;
    }

    /// The server's key: the one that it must prove, else the one that it shows.
    pub(super) fn key(&self) -> Option<ServerKey> {
        self.key.or(self.shown)
    }

    /// Where the server is, while the link is up.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.pair().map(|way| way.remote)
    }

    /// Whether the server, while it can be reached, is at this address too.
    pub(super) fn is_at(&self, remote: SocketAddr) -> bool {
        self.address().is_some_and(|used| used == remote || self.addresses.contains(&remote))
    }

    /// The socket that the server sees us at, where UDP passes.
    pub(super) fn local(&self) -> SocketId {
        self.local
    }

    /// How datagrams go to the server, while the link is up.
    pub(super) fn pair(&self) -> Option<Pair> {
        self.up.as_ref().map(|up| up.way)
    }

    /// Whether they go over TCP.
    pub(super) fn is_carried(&self) -> bool {
        self.up.as_ref().is_some_and(|up| self.carriers.holds(up.way.local))
    }

    /// Whether a datagram that came by `from` came by the way of a link that works.
    pub(super) fn is_heard_by(&self, from: Pair) -> bool {
        [&self.up, &self.previous].into_iter().flatten().any(|up| self.is_same(up.way, from))
    }

    /// Whether two ways are one: over UDP it does not matter which of our sockets is written to.
    fn is_same(&self, way: Pair, from: Pair) -> bool {
        way == from
            || way.remote == from.remote
                && !self.carriers.holds(way.local)
                && !self.carriers.holds(from.local)
    }

    /// Every way over UDP.
    fn udp(&self) -> impl Iterator<Item = Pair> {
        let local = self.local;
        self.addresses.iter().map(move |&remote| Pair { local, remote })
    }

    fn hello(&self) -> Vec<u8> {
        Hello { version: VERSION, nonce: self.nonce }.encode()
    }

    /// The last measured round trip to the server.
    pub(super) fn rtt(&self) -> Option<Duration> {
        self.up.as_ref().map(|up| up.rtt)
    }

    /// Our indexes, for telling the server's datagrams from others'.
    pub(super) fn is_ours(&self, index: u32) -> bool {
        [&self.up, &self.previous].into_iter().flatten().any(|up| up.index == index)
            || matches!(&self.attempt, Attempt::Init(init) if init.index == index)
    }

    /// Asks the server at once whether it is there and where it sees us.
    pub(super) fn ping_now(&mut self, now: Instant) {
        if let Some(up) = &mut self.up
            && up.pings == 0
        {
            up.ping_at = now;
            self.back_at = self.back_at.map(|_| now);
        }
    }

    /// Whether the endpoint is to say what to ask for: see [`Link::initiate`].
    pub(super) fn wants_request(&self) -> bool {
        matches!(self.attempt, Attempt::Ready { .. })
    }

    /// The counter for the next request.
    pub(super) fn next_counter(&mut self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.epoch).as_millis();
        let clock = self.started_at_ms.saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX));
        self.last_counter = clock.max(self.last_counter.saturating_add(1));
        self.last_counter
    }

    /// Opens the handshake with `request` inside.
    pub(super) fn initiate(
        &mut self,
        now: Instant,
        identity: &Identity,
        request: &LinkRequest,
        random: &mut Random,
        out: &mut Vec<Transmit>,
    ) {
        let Attempt::Ready { proof, way } = &self.attempt else { return };
        let (Some(key), proof, way) = (self.key(), *proof, *way) else { return };
        let proof_length = match proof {
            AddressProof::Cookie { .. } | AddressProof::Token(_) => 32,
        };
        let head = 1 + 1 + 1 + proof_length + 4 + INIT_OVERHEAD;
        let payload = signal::encode_padded(request, MIN_LINK_INIT.saturating_sub(head));
        let Ok((initiator, noise)) =
            Initiator::new(Purpose::Link(key), identity, &key, &payload, random)
        else {
            // The key is of low order or the request too long: neither gets better.
            self.attempt = Attempt::None;
            return;
        };
        let index = random.u32();
        let datagram = LinkInit { version: VERSION, proof, sender: index, noise: &noise }.encode();
        out.push(way.transmit(None, datagram.clone()));
        self.attempt = Attempt::Init(Box::new(Init {
            initiator,
            key,
            by_token: matches!(proof, AddressProof::Token(_)),
            index,
            counter: request.counter,
            way,
            datagram,
            sent_at: now,
            tries: 1,
            next_at: now + GAPS[0],
        }));
    }

    /// Seals a signal for the server; `None` while the link is down.
    pub(super) fn seal(&mut self, signal: &ClientSignal) -> Option<Transmit> {
        self.up.as_mut().map(|up| up.seal(signal))
    }

    /// A challenge arrived.
    pub(super) fn handle_challenge(&mut self, from: Pair, challenge: &Challenge) {
        if challenge.nonce != self.nonce || !self.is_wanted(from, challenge) {
            return;
        }
        // A challenge proves nothing. Whatever it says, we go on as if all were well: whoever can
        // forge one must not be able to stop us with it.
        let actual = PeerId(challenge.server);
        self.shown = Some(actual);
        self.doubt = match self.key {
            _ if challenge.version != VERSION => {
                Some(RendezvousTrouble::Version { server: challenge.version })
            }
            Some(expected) if expected != actual => {
                Some(RendezvousTrouble::KeyChanged { expected, actual })
            }
            _ => None,
        };
        let proof = AddressProof::Cookie { nonce: challenge.nonce, cookie: challenge.cookie };
        self.attempt = Attempt::Ready { proof, way: from };
    }

    /// The answer to an initiation arrived.
    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        from: Pair,
        response: &Response<'_>,
    ) -> Option<LinkEvent> {
        let Attempt::Init(init) = &self.attempt else { return None };
        if response.receiver != init.index || !self.is_same(init.way, from) {
            return None;
        }
        let Attempt::Init(init) = &mut self.attempt else { return None };
        let (payload, keys) = init.initiator.finish(response.noise).ok()?;
        let reply: LinkReply = signal::decode_padded(&payload).ok()?;
        self.token = Some(reply.token);
        if reply.counter > init.counter {
            // Our clock was set back since our last request: count on from there.
            self.last_counter = reply.counter;
            let proof = AddressProof::Token(reply.token);
            self.attempt = Attempt::Ready { proof, way: init.way };
            return None;
        }
        if response.sender == NO_LINK {
            self.up = None;
            self.previous = None;
            self.attempt = Attempt::Later(now + RETRY_BUSY);
            return Some(LinkEvent::Busy);
        }
        let fresh = Up {
            way: init.way,
            index: init.index,
            remote_index: response.sender,
            keys,
            next_number: 0,
            replay: ReplayWindow::default(),
            since: now,
            rtt: now.saturating_duration_since(init.sent_at),
            ping_at: now + self.keepalive,
            pings: 0,
            ping_id: 0,
            ping_sent_at: now,
        };
        let (proven, same) = (init.key, init.by_token);
        let news = (self.key != Some(proven)).then_some(proven);
        self.key = Some(proven);
        self.shown = None;
        self.doubt = None;
        self.suspicion = None;
        self.previous = self.up.replace(fresh);
        self.expect_udp(now);
        self.attempt = Attempt::None;
        self.reported = None;
        Some(LinkEvent::Up { key: news, same, reply: Box::new(reply) })
    }

    /// A sealed datagram for one of our indexes arrived.
    pub(super) fn handle_sealed(
        &mut self,
        now: Instant,
        from: Pair,
        sealed: &Sealed<'_>,
    ) -> Option<LinkEvent> {
        let known = [&self.up, &self.previous].into_iter().flatten();
        let way = known.map(|up| up.way).find(|&way| self.is_same(way, from))?;
        let up = [&mut self.up, &mut self.previous]
            .into_iter()
            .flatten()
            .find(|up| up.index == sealed.receiver && up.way == way)
            .filter(|up| now.saturating_duration_since(up.since) < REFUSE_AFTER)?;
        let plaintext = up.open(sealed)?;
        let signal: ServerSignal = signal::decode(&plaintext).ok()?;
        if let ServerSignal::Pong { id, .. } = signal {
            up.on_pong(now, id, self.keepalive);
        }
        Some(LinkEvent::Signal(Box::new(signal)))
    }

    /// Gives the link up and starts again, from the hello if the token is not believed in.
    pub(super) fn restart(&mut self, now: Instant, random: &mut Random) {
        self.nonce = random.array();
        let way = self.pair().or_else(|| self.udp().next());
        match (self.token, self.key, way) {
            (_, _, None) => self.attempt = Attempt::None,
            (Some(token), Some(_), Some(way)) => {
                self.attempt = Attempt::Ready { proof: AddressProof::Token(token), way };
            }
            _ => self.say_hello(now, random),
        }
    }

    fn say_hello(&mut self, now: Instant, random: &mut Random) {
        self.nonce = random.array();
        self.attempt = Attempt::Hello { tries: 0, next_at: now };
    }

    /// Runs the timers that are due.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        random: &mut Random,
        sockets: &mut Sockets,
        out: &mut Vec<Transmit>,
    ) -> Option<LinkEvent> {
        let event = self.keep_alive(now, random, out).or_else(|| self.try_again(now, random, out));
        self.look_for_other_ways(now, sockets, out);
        event
    }

    fn keep_alive(
        &mut self,
        now: Instant,
        random: &mut Random,
        out: &mut Vec<Transmit>,
    ) -> Option<LinkEvent> {
        let up = self.up.as_mut()?;
        if now >= up.ping_at {
            if up.pings >= MAX_PINGS {
                self.up = None;
                self.token = None;
                self.restart(now, random);
                return self.report(now, RendezvousTrouble::Unreachable);
            }
            out.push(up.ping(now));
        }
        if now >= up.since + REKEY_AFTER && matches!(self.attempt, Attempt::None) {
            self.restart(now, random);
        }
        None
    }

    fn try_again(
        &mut self,
        now: Instant,
        random: &mut Random,
        out: &mut Vec<Transmit>,
    ) -> Option<LinkEvent> {
        let on_way_back = self.is_on_way_back();
        match &mut self.attempt {
            Attempt::None | Attempt::Ready { .. } => None,
            Attempt::Later(at) => {
                if *at <= now {
                    self.restart(now, random);
                }
                None
            }
            Attempt::Hello { tries, next_at } => {
                let tries = *tries;
                if now < *next_at {
                    return None;
                }
                let hello = self.hello();
                let ways = self.udp().chain(self.carriers.pairs());
                out.extend(ways.map(|way| way.transmit(None, hello.clone())));
                let next_at = now + GAPS[tries.min(GAPS.len() - 1)];
                self.attempt = Attempt::Hello { tries: tries + 1, next_at };
                let unreachable = tries >= UNREACHABLE_AFTER;
                if unreachable { self.report(now, RendezvousTrouble::Unreachable) } else { None }
            }
            Attempt::Init(init) => {
                if now < init.next_at {
                    return None;
                }
                // If the challenge was genuine there will be no answer: do not wait long for it.
                // Two in a row that say the same, and no answer to either initiation, are believed.
                let doubt = self.doubt.take();
                let patience = if on_way_back { BACK_PATIENCE } else { STALE_AFTER };
                if init.tries > patience || doubt.is_some() {
                    if on_way_back {
                        self.stay_over_tcp(now);
                        return None;
                    }
                    let before = std::mem::replace(&mut self.suspicion, doubt);
                    if let Some(trouble) = doubt.filter(|_| before == doubt) {
                        return self.report(now, trouble);
                    }
                    self.token = None;
                    self.say_hello(now, random);
                    return self.try_again(now, random, out);
                }
                out.push(init.way.transmit(None, init.datagram.clone()));
                init.next_at = now + GAPS[init.tries.min(GAPS.len() - 1)];
                init.tries += 1;
                None
            }
        }
    }

    /// When [`Link::handle_timeout`] has something to do.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let attempt = match &self.attempt {
            Attempt::None | Attempt::Ready { .. } => None,
            Attempt::Later(at) | Attempt::Hello { next_at: at, .. } => Some(*at),
            Attempt::Init(init) => Some(init.next_at),
        };
        let idle = matches!(self.attempt, Attempt::None);
        let up = self
            .up
            .as_ref()
            .map(|up| if idle { up.ping_at.min(up.since + REKEY_AFTER) } else { up.ping_at });
        [attempt, up, self.fallback_timeout()].into_iter().flatten().min()
    }

    fn report(&mut self, now: Instant, trouble: RendezvousTrouble) -> Option<LinkEvent> {
        let said = self.reported.replace(trouble);
        if trouble == RendezvousTrouble::Unreachable {
            return said.is_none().then_some(LinkEvent::Trouble(trouble));
        }
        // The person decides. We ask again, rarely, and believe no other key: whoever forged what we
        // saw goes away one day.
        self.attempt = Attempt::Later(now + RETRY_ANOTHER);
        self.up = None;
        (said != Some(trouble)).then_some(LinkEvent::Trouble(trouble))
    }
}
