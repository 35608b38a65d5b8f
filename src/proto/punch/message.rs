//! What two peers say to each other to agree on a plan, in frames of their session.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::proto::nat::{Filtering, PortModel};

/// No message is longer, with the number of its frame.
pub(crate) const MAX_MESSAGE: usize = 64;

/// One thing said. Variants and fields are numbered by their order: append, never insert.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) enum Message {
    /// How the sender's NAT gives out ports.
    Behaviour {
        /// Grows; what arrives late is ignored.
        generation: u32,
        /// As far as the sender knows.
        model: PortModel,
    },
    /// From the side that leads: let us try this.
    Propose {
        /// Counts from 1 in each session.
        round: u32,
        /// What to try.
        plan: Plan,
    },
    /// The sender's sockets are open; it begins when it has heard the same of the other.
    Ready {
        /// The proposal's.
        round: u32,
        /// Where the sender's packets will come from.
        forecast: Forecast,
    },
    /// The round is over for the sender.
    Over {
        /// The proposal's.
        round: u32,
        /// How it ended.
        outcome: Outcome,
    },
    /// Whom the sender's NAT lets in; said by those whose ports vary.
    Filtering {
        /// Grows together with that of [`Message::Behaviour`]: what is older than the newest
        /// behaviour was said of another NAT.
        generation: u32,
        /// As far as the sender knows.
        filtering: Filtering,
    },
}

/// Where the packets of a round will come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forecast {
    /// The address. Nothing is sent to another than the one that the receiver knows already; this
    /// one is compared with it.
    pub(crate) address: IpAddr,
    /// The ports.
    pub(crate) ports: Ports,
}

/// Ports to be expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) enum Ports {
    /// This one.
    One(u16),
    /// This one first, and from there on by steps.
    Next {
        /// The first.
        first: u16,
        /// To the one after it.
        step: i16,
    },
    /// Any from the first to the last.
    Range {
        /// The lowest.
        first: u16,
        /// The highest.
        last: u16,
    },
}

/// How a round ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// There is a direct path.
    Found,
    /// There is none.
    Missed,
    /// The sender takes no part: it has another round, or has spent its budget.
    Declined,
}
