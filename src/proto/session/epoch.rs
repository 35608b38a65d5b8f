//! The keys of a session, which change while its packet numbers go on.
//!
//! Every handshake between two live sessions adds an epoch. Packet numbers run through all epochs
//! of a session, so what is in flight, acknowledged or replayed is untouched by a change of keys.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use p2pchat_wire::datagram::SealedMut;
use p2pchat_wire::sealing::Keys;

/// Age at which the side that opened an epoch wants a new one (WireGuard's REKEY-AFTER-TIME).
pub(crate) const REKEY_AFTER: Duration = Duration::from_secs(120);

/// Age at which the other side wants one too, if the first did nothing about it.
const REKEY_AFTER_BY_RESPONDER: Duration = Duration::from_secs(150);

/// Age at which keys are used no longer, either way (WireGuard's REJECT-AFTER-TIME).
pub(crate) const REFUSE_AFTER: Duration = Duration::from_secs(180);

/// Packets under one key after which a new epoch is due.
const REKEY_AFTER_PACKETS: u64 = 1 << 32;

/// Epochs kept that the peer is known to have: the current one and the one before. As many are kept
/// that it may have: it opens one handshake at each rendezvous that we meet at, and of those that we
/// answered only it knows which one it took.
const KEPT: usize = 2;

/// The outcome of one handshake.
#[derive(Debug)]
pub(crate) struct Epoch {
    /// Our index: what the peer writes into its packets.
    pub(crate) local_index: u32,
    /// The peer's index: what we write into ours.
    pub(crate) remote_index: u32,
    /// The keys.
    pub(crate) keys: Keys,
    /// When the handshake ended.
    pub(crate) since: Instant,
    /// Whether we opened it.
    pub(crate) opened_by_us: bool,
    /// Whether the peer is known to have the keys. Who opened knows at once; who answered learns
    /// it from the first packet.
    pub(crate) confirmed: bool,
    /// Whether the peer takes long datagrams.
    pub(crate) long: bool,
}

/// The live epochs of a session, newest first.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    list: VecDeque<Epoch>,
    sealed: u64,
}

impl Epochs {
    /// Adds the newest epoch. One that the peer is not known to have pushes out only others such:
    /// openings of old can be sent again by anybody.
    pub(crate) fn add(&mut self, epoch: Epoch) {
        self.list.push_front(epoch);
        self.sealed = 0;
        let (mut confirmed, mut open) = (0, 0);
        self.list.retain(|known| {
            let count = if known.confirmed { &mut confirmed } else { &mut open };
            *count += 1;
            *count <= KEPT
        });
    }

    /// Whether there is an epoch to seal with.
    pub(crate) fn can_seal(&self, now: Instant) -> bool {
        self.list.iter().any(|epoch| epoch.is_live(now))
    }

    /// The epoch to seal with: the newest that the peer is known to have, else the newest.
    pub(crate) fn for_sending(&self, now: Instant) -> Option<&Epoch> {
        let live = || self.list.iter().filter(|epoch| epoch.is_live(now));
        live().find(|epoch| epoch.confirmed).or_else(|| live().next())
    }

    /// One packet more was sealed.
    pub(crate) fn on_sealed(&mut self) {
        self.sealed += 1;
    }

    /// Opens a packet with the epoch that it names; the packet confirms that epoch.
    pub(crate) fn open<'a>(&mut self, now: Instant, sealed: SealedMut<'a>) -> Option<&'a [u8]> {
        let epoch = self
            .list
            .iter_mut()
            .find(|epoch| epoch.local_index == sealed.receiver && epoch.is_live(now))?;
        let key = &epoch.keys.receive;
        let packet =
            key.open_in_place(sealed.packet_number, sealed.header, sealed.ciphertext).ok()?;
        epoch.confirmed = true;
        Some(packet)
    }

    /// When we should open a new handshake.
    pub(crate) fn rekey_at(&self) -> Option<Instant> {
        let newest = self.list.front()?;
        if self.sealed >= REKEY_AFTER_PACKETS {
            return Some(newest.since);
        }
        let age = if newest.opened_by_us { REKEY_AFTER } else { REKEY_AFTER_BY_RESPONDER };
        Some(newest.since + age)
    }

    /// Our indexes of all live epochs.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        self.list.iter().map(|epoch| epoch.local_index)
    }
}

impl Epoch {
    fn is_live(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < REFUSE_AFTER
    }
}
