//! What happened lately in a world: printed with its seed when a test fails, and only then.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::datagram::{Datagram, RELAY_HEADER};

use crate::link::NotCarried;
use crate::nat::NotAdmitted;

/// How many datagrams are kept, unless `P2PCHAT_SIM_TRACE` says another number.
const KEPT: usize = 400;

/// How many notes are kept at least: what a test did to the world, however long ago.
const KEPT_NOTES: usize = 1000;

/// Why a datagram did not arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Drop {
    Link(NotCarried),
    Nat(NotAdmitted),
    /// Its time to live ran out between two routers.
    TimeToLive,
    /// Nobody has the address, or the sender has none of its family.
    NoRoute,
    /// It was sent to the sender's own router, which does not turn such datagrams round.
    NoHairpin,
    /// A router lets no UDP pass.
    UdpBlocked,
    /// The test cut these two hosts apart.
    Severed,
    /// The host is asleep or gone.
    Absent,
}

#[derive(Debug)]
enum Entry {
    Sent { by: &'static str, ttl: u8, datagram: Brief },
    Arrived { at: &'static str, datagram: Brief },
    Dropped { why: Drop, datagram: Brief },
}

/// A datagram as the trace shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brief {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) length: usize,
    pub(crate) kind: &'static str,
    /// What a relayed datagram carries.
    pub(crate) inner: Option<&'static str>,
}

/// A ring of the latest entries.
#[derive(Debug)]
pub(crate) struct Trace {
    epoch: Instant,
    kept: usize,
    entries: VecDeque<(Duration, Entry)>,
    notes: VecDeque<(Duration, String)>,
}

impl Trace {
    pub(crate) fn new(epoch: Instant) -> Self {
        let kept = std::env::var("P2PCHAT_SIM_TRACE").ok().and_then(|text| text.parse().ok());
        let (entries, notes) = (VecDeque::new(), VecDeque::new());
        Self { epoch, kept: kept.unwrap_or(KEPT), entries, notes }
    }

    pub(crate) fn sent(&mut self, now: Instant, by: &'static str, ttl: u8, datagram: Brief) {
        self.push(now, Entry::Sent { by, ttl, datagram });
    }

    pub(crate) fn arrived(&mut self, now: Instant, at: &'static str, datagram: Brief) {
        self.push(now, Entry::Arrived { at, datagram });
    }

    pub(crate) fn dropped(&mut self, now: Instant, why: Drop, datagram: Brief) {
        self.push(now, Entry::Dropped { why, datagram });
    }

    pub(crate) fn note(&mut self, now: Instant, text: String) {
        if self.notes.len() >= self.kept.max(KEPT_NOTES) {
            self.notes.pop_front();
        }
        self.notes.push_back((now - self.epoch, text));
    }

    fn push(&mut self, now: Instant, entry: Entry) {
        if self.entries.len() >= self.kept {
            self.entries.pop_front();
        }
        self.entries.push_back((now - self.epoch, entry));
    }
}

impl Brief {
    pub(crate) fn new(from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Self {
        let kind = kind(bytes);
        let inner = (kind == "relay").then(|| self::kind(bytes.get(RELAY_HEADER..).unwrap_or(&[])));
        Self { from, to, length: bytes.len(), kind, inner }
    }
}

/// What a datagram says it is.
pub(crate) fn kind(bytes: &[u8]) -> &'static str {
    match Datagram::parse(bytes) {
        Ok(Datagram::Stun(_)) => "stun",
        Ok(Datagram::Hello(_)) => "hello",
        Ok(Datagram::Challenge(_)) => "challenge",
        Ok(Datagram::LinkInit(_)) => "link init",
        Ok(Datagram::LinkResponse(_)) => "link response",
        Ok(Datagram::LinkData(_)) => "link data",
        Ok(Datagram::PeerInit(_)) => "peer init",
        Ok(Datagram::PeerResponse(_)) => "peer response",
        Ok(Datagram::PeerData(_)) => "peer data",
        Ok(Datagram::Punch { .. }) => "punch",
        Ok(Datagram::Relay { .. }) => "relay",
        Ok(_) | Err(_) => "?",
    }
}

impl fmt::Display for Trace {
    /// Notes and datagrams, each at its time; of long ago, notes only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut notes = self.notes.iter().peekable();
        for (at, entry) in &self.entries {
            while let Some((at, note)) = notes.next_if(|(noted, _)| noted <= at) {
                writeln!(f, "{} --- {note}", Time(*at))?;
            }
            writeln!(f, "{} {entry}", Time(*at))?;
        }
        notes.try_for_each(|(at, note)| writeln!(f, "{} --- {note}", Time(*at)))
    }
}

/// Milliseconds, aligned.
struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>14.3} ms ", self.0.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent { by, ttl: 64, datagram } => write!(f, "{by:>9} sends {datagram}"),
            Self::Sent { by, ttl, datagram } => write!(f, "{by:>9} sends {datagram} ttl {ttl}"),
            Self::Arrived { at, datagram } => write!(f, "{at:>9} gets  {datagram}"),
            Self::Dropped { why, datagram } => write!(f, "          lost  {datagram}: {why:?}"),
        }
    }
}

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, length, kind, inner } = self;
        match inner {
            None => write!(f, "{kind} ({length}) {from} -> {to}"),
            Some(inner) => write!(f, "{kind}[{inner}] ({length}) {from} -> {to}"),
        }
    }
}
