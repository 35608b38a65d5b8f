//! The facts about a planned punch, for people who want to know why.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plan::{Obstacle, Plan};
use crate::proto::nat::{Evidence, Filtering, PortModel};

/// Where the planner stands with one peer. Facts only; whoever shows them finds the words.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PunchReport {
    /// How our NAT gives out ports, and from what we know it.
    pub own: Evidence,
    /// Whom our NAT lets in. Not asked if it keeps ports: then it does not matter.
    pub own_filtering: Filtering,
    /// How the peer's gives out ports, as it says.
    pub peer: Option<PortModel>,
    /// Whom the peer's lets in, as it says.
    pub peer_filtering: Filtering,
    /// What is going on.
    pub state: PunchState,
    /// The last plan, and the chance that it would work in thousandths.
    pub plan: Option<(Plan, u16)>,
    /// Rounds begun in this session.
    pub rounds: u32,
    /// Datagrams of planned punches that we have sent to the peer's address, STUN not counted.
    pub packets_sent: u32,
}

/// What the planner does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum PunchState {
    /// Nothing: there is no session, or a person does not want direct paths.
    Off,
    /// Nothing: there is a direct path.
    Direct,
    /// The NATs are not known yet, or ordinary probing has its time.
    Waiting,
    /// A plan is agreed on, sockets are opened and looked at.
    Preparing,
    /// Packets are being sent.
    Punching,
    /// Nothing, until so much time has passed.
    Resting(Duration),
    /// Nothing, and this is why.
    NotTried(Obstacle),
}
