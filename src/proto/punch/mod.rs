//! Punching through NATs whose ports have to be guessed: what to try, with which chance of success,
//! at which cost, and when not to try at all.
//!
//! Read in this order: [`odds`] has the formulas, [`plan`] chooses by them within a [`Budget`],
//! [`message`] is what two peers say to each other to agree, [`schedule`] turns an agreed plan into
//! packets, [`ledger`] keeps the account of rounds with one peer and [`targets`] that of each
//! address, [`memory`] what worked, and [`report`] is what a
//! person is told. Nothing here sends anything: `proto::endpoint` carries it out.
//!
//! The reasons stand in `docs/nat-traversal.md`.

pub(crate) mod ledger;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod odds;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod schedule;
pub(crate) mod targets;

/// What a planned punch may cost at most.
///
/// All of it goes to one address, the peer's. A router keeps an entry for each pair of a port and
/// a remote endpoint, for half a minute or more; small ones have room for a few thousand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budget {
    /// Sockets open at the same time.
    pub sockets: u16,
    /// Ports tried from one socket.
    pub probes: u16,
    /// Entries in our router, over all rounds until the next pause.
    pub entries: u16,
    /// Packets in a second, in the long run.
    pub packets_per_second: u16,
    /// Success expected in thousandths below which nothing is tried.
    pub floor_permille: u16,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            sockets: 256,
            probes: 1024,
            entries: 2048,
            packets_per_second: 100,
            floor_permille: 200,
        }
    }
}
