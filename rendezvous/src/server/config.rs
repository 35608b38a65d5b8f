//! Every limit of the server, with defaults for a VPS with 1 GB of memory.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often something may happen: a bucket of `burst` units that refills by `per_second`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Units that come back each second.
    pub per_second: f64,
    /// Units that can be used at once after a rest.
    pub burst: f64,
}

impl Rate {
    /// A rate of `per_second` units with `burst` at once.
    #[must_use]
    pub const fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst }
    }
}

/// What the server allows and for how long.
///
/// A *network* is one IPv4 address or one IPv6 /64, which is what one customer usually has; of an
/// IPv6 /48 four times as much is allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Peers with a link at one time, registered or not. A peer takes less than 1 kB. When full,
    /// new peers are refused; none that is there is ever pushed out.
    pub max_peers: usize,
    /// Peers of one network, so that no network can take all the places.
    pub max_peers_per_network: u32,
    /// Names ever claimed. When full, new names are refused.
    pub max_names: usize,
    /// Names that one key may own.
    pub max_names_per_key: u32,
    /// Claims that wait for the disk at one time.
    pub max_claims: usize,
    /// Pairs of peers with a relay channel at one time.
    pub max_pairs: usize,
    /// Pairs that one key may be part of.
    pub max_pairs_per_key: usize,
    /// Watched names over all peers.
    pub max_watches: usize,
    /// Names that one peer may watch.
    pub max_watches_per_peer: usize,
    /// Peers that may watch one name: no change of presence causes more datagrams than this.
    pub max_watchers_per_name: usize,
    /// Rooms ever founded. When full, no more are.
    pub max_rooms: usize,
    /// Rooms that one key may found.
    pub max_rooms_per_key: u32,
    /// Rooms that one peer may be in at one time.
    pub max_rooms_per_peer: usize,
    /// Peers in one room at one time: no entrance causes more datagrams than this.
    pub max_people_per_room: usize,
    /// Mailboxes for invitations at one time.
    pub max_mailboxes: usize,
    /// Peers whose request counter is remembered after they have gone. The oldest is forgotten.
    pub max_remembered: usize,
    /// Link responses kept for requests that come twice. The oldest is forgotten.
    pub max_repeats: usize,
    /// Connections of peers without UDP at one time. Each takes some 20 kB, twice as much with TLS.
    pub max_carriers: usize,
    /// Such connections of one network.
    pub max_carriers_per_network: u32,
    /// Networks whose rates are counted at one time, per kind of rate.
    pub max_networks: usize,

    /// A peer that has sent nothing authentic for so long is gone.
    #[serde(with = "seconds")]
    pub peer_lifetime: Duration,
    /// A relay channel that neither connect nor relayed datagram has used for so long is gone.
    #[serde(with = "seconds")]
    pub pair_lifetime: Duration,
    /// How long a mailbox is there after it was opened: how long the code of an invitation is good.
    #[serde(with = "seconds")]
    pub mailbox_lifetime: Duration,
    /// How long a link response is kept for a request that comes twice.
    #[serde(with = "seconds")]
    pub repeat_lifetime: Duration,
    /// How long the keys of one link are used; peers make a new link well before.
    #[serde(with = "seconds")]
    pub key_lifetime: Duration,

    /// Handshakes computed for one network.
    pub handshakes: Rate,
    /// Handshakes computed for everybody together. One costs about 0.2 ms of a processor.
    pub handshakes_total: Rate,
    /// Connections accepted from one network.
    pub carriers: Rate,
    /// Connections accepted from everybody together. With TLS each costs about a millisecond of a
    /// processor.
    pub carriers_total: Rate,
    /// New names claimed, and rooms founded, from one network.
    pub claims: Rate,
    /// Mailboxes opened, and numbers of mailboxes tried, from one network.
    pub mailboxes: Rate,
    /// Signals of one peer.
    pub signals: Rate,
    /// Rooms entered by one peer, of which everybody in them is told.
    pub entrances: Rate,
    /// STUN requests answered for one network. STUN answers unproven addresses with more bytes
    /// than it got, so this is what bounds its use against a victim.
    pub stun: Rate,
    /// STUN requests answered for everybody together.
    pub stun_total: Rate,
    /// Bytes relayed for one pair, both ways together.
    pub relay_pair: Rate,
    /// Bytes relayed for one sender.
    pub relay_key: Rate,
    /// Bytes relayed for one network.
    pub relay_network: Rate,
    /// Bytes relayed for everybody together, our header included. What is beyond waits for its turn, for a
    /// tenth of a second at most.
    pub relay_total: Rate,

    /// The sockets that datagrams arrive on and can leave from, so that STUN clients can be told
    /// of another one (RFC 5780). An unspecified address stands for every address of its family.
    #[serde(skip)]
    pub sockets: Vec<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_peers: 200_000,
            max_peers_per_network: 1024,
            max_names: 1_000_000,
            max_names_per_key: 4,
            max_claims: 4096,
            max_pairs: 262_144,
            max_pairs_per_key: 128,
            max_watches: 400_000,
            max_watches_per_peer: 128,
            max_watchers_per_name: 256,
            max_rooms: 200_000,
            max_rooms_per_key: 32,
            max_rooms_per_peer: 64,
            max_people_per_room: 32,
            max_mailboxes: 4096,
            max_remembered: 65_536,
            max_repeats: 4096,
            max_carriers: 4096,
            max_carriers_per_network: 256,
            max_networks: 16_384,
            peer_lifetime: Duration::from_secs(75),
            pair_lifetime: Duration::from_secs(300),
            mailbox_lifetime: Duration::from_secs(600),
            repeat_lifetime: Duration::from_secs(10),
            key_lifetime: Duration::from_secs(180),
            handshakes: Rate::new(50.0, 250.0),
            handshakes_total: Rate::new(2000.0, 4000.0),
            carriers: Rate::new(5.0, 256.0),
            carriers_total: Rate::new(200.0, 4096.0),
            claims: Rate::new(0.1, 256.0),
            mailboxes: Rate::new(0.1, 20.0),
            signals: Rate::new(20.0, 200.0),
            entrances: Rate::new(0.5, 128.0),
            stun: Rate::new(5.0, 40.0),
            stun_total: Rate::new(500.0, 1000.0),
            // A pair that cannot punch may send a photo in seconds and a film only slowly; the
            // whole stays within the 40 Mbit/s and the few TB a month of a small VPS.
            relay_pair: Rate::new(262_144.0, 1_048_576.0),
            relay_key: Rate::new(524_288.0, 2_097_152.0),
            relay_network: Rate::new(1_048_576.0, 4_194_304.0),
            relay_total: Rate::new(5_242_880.0, 10_485_760.0),
            sockets: Vec::new(),
        }
    }
}

impl Config {
    /// Says which limit makes no sense, if one does not.
    ///
    /// # Errors
    ///
    /// A sentence that names the limit.
    pub fn check(&self) -> Result<(), String> {
        let rates = [
            ("handshakes", self.handshakes),
            ("handshakes_total", self.handshakes_total),
            ("carriers", self.carriers),
            ("carriers_total", self.carriers_total),
            ("claims", self.claims),
            ("mailboxes", self.mailboxes),
            ("signals", self.signals),
            ("entrances", self.entrances),
            ("stun", self.stun),
            ("stun_total", self.stun_total),
            ("relay_pair", self.relay_pair),
            ("relay_key", self.relay_key),
            ("relay_network", self.relay_network),
            ("relay_total", self.relay_total),
        ];
        for (name, rate) in rates {
            let whole = rate.per_second.is_finite() && rate.burst.is_finite();
            if !whole || rate.per_second < 0.0 || rate.burst < 0.0 {
                return Err(format!("{name}: a rate is not negative"));
            }
        }
        for (name, duration) in [
            ("peer_lifetime", self.peer_lifetime),
            ("pair_lifetime", self.pair_lifetime),
            ("mailbox_lifetime", self.mailbox_lifetime),
            ("key_lifetime", self.key_lifetime),
        ] {
            if duration < Duration::from_secs(1) || duration > Duration::from_secs(1 << 20) {
                return Err(format!("{name}: between 1 and 1048576 seconds"));
            }
        }
        Ok(())
    }
}

/// Durations as whole seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_secs)
    }
}
