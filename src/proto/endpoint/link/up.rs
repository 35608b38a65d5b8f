//! A link that works: its keys, what is sealed with them, and the pings that keep it alive.

use std::time::{Duration, Instant};

use p2pchat_wire::codec;
use p2pchat_wire::datagram::{SEALED_HEADER, Sealed, link_header};
use p2pchat_wire::replay::ReplayWindow;
use p2pchat_wire::sealing::Keys;
use p2pchat_wire::signal::{self, ClientSignal};

use crate::proto::Transmit;
use crate::proto::path::Pair;

/// How long a ping waits for its answer before it is repeated.
const PING_REPEAT: Duration = Duration::from_secs(1);

/// The least time before a ping out of turn: no more of them than a server takes from one peer for
/// long.
const SHOW_GAP: Duration = Duration::from_millis(50);

/// The longest text that a link datagram may carry, once opened.
const MAX_PLAINTEXT: usize = signal::MAX_SIGNAL;

/// A link that works.
#[derive(Debug)]
pub(super) struct Up {
    /// How datagrams go to the server.
    pub(super) way: Pair,
    pub(super) index: u32,
    pub(super) remote_index: u32,
    pub(super) keys: Keys,
    pub(super) next_number: u64,
    pub(super) replay: ReplayWindow,
    pub(super) since: Instant,
    pub(super) rtt: Duration,
    pub(super) ping_at: Instant,
    /// Sent since the last answer, and the newest one's number and time.
    pub(super) pings: u32,
    pub(super) ping_id: u32,
    pub(super) ping_sent_at: Instant,
}

impl Up {
    pub(super) fn seal(&mut self, signal: &ClientSignal) -> Transmit {
        let number = self.next_number;
        self.next_number += 1;
        let mut payload = link_header(self.remote_index, number).to_vec();
        codec::encode_onto(signal, &mut payload);
        self.keys.send.seal_in_place(number, SEALED_HEADER, &mut payload);
        self.way.transmit(None, payload)
    }

    pub(super) fn open(&mut self, sealed: &Sealed<'_>) -> Option<Vec<u8>> {
        let number = sealed.packet_number;
        if !self.replay.is_fresh(number) || sealed.ciphertext.len() > MAX_PLAINTEXT + 16 {
            return None;
        }
        let plaintext = self.keys.receive.open(number, sealed.header, sealed.ciphertext).ok()?;
        self.replay.mark(number);
        Some(plaintext)
    }

    pub(super) fn ping(&mut self, now: Instant) -> Transmit {
        self.ping_id = self.ping_id.wrapping_add(1);
        self.pings += 1;
        self.ping_sent_at = now;
        self.ping_at = now + PING_REPEAT;
        self.seal(&ClientSignal::Ping { id: self.ping_id })
    }

    /// A ping out of turn, unless one is on its way.
    pub(super) fn show_endpoint(&mut self, now: Instant) -> Option<Transmit> {
        let answer_due = if self.pings > 0 { self.rtt } else { Duration::ZERO };
        if now < self.ping_sent_at + answer_due.max(SHOW_GAP) {
            return None;
        }
        // However often this happens, it does not hasten the end of the link.
        let pings = self.pings.max(1);
        let ping = self.ping(now);
        self.pings = pings;
        Some(ping)
    }

    /// The next ping follows after `keepalive`.
    pub(super) fn on_pong(&mut self, now: Instant, id: u32, keepalive: Duration) {
        if id == self.ping_id {
            self.rtt = now.saturating_duration_since(self.ping_sent_at);
        }
        self.pings = 0;
        self.ping_at = now + keepalive;
    }
}
