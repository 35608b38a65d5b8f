//! The core: everything that happens on the network, as a machine without IO.
//!
//! Time comes in as an argument, datagrams come in as bytes, and what is to be done comes out of
//! [`Endpoint::poll_output`]. Two peers, their NATs and the real server can therefore live hours of
//! virtual time in one test thread, and every failure is a seed.
//!
//! From the outside in: an `endpoint` owns all that happens on a peer's sockets; it holds the link
//! to the rendezvous and one object for each remote peer, which joins a `path` list (where packets
//! go) and a `session` (what they say). A session has one `recovery` for each path (what was lost,
//! how much may be sent) and its `stream`s (what the application said, in order).
//!
//! Beside them, `nat` infers from STUN answers how NATs give out ports, `lifetime` from where servers see
//! us when they end mappings, and `punch` plans what to send where ports have to be guessed. A [`diagnosis`] is a machine of its own, for people who want to know
//! what they are behind.

pub mod diagnosis;
mod endpoint;
mod event;
mod frame;
#[cfg(test)]
mod golden_tests;
mod invitation;
mod lifetime;
mod name;
mod nat;
mod path;
mod port_mapping;
mod punch;
#[cfg_attr(not(test), expect(dead_code, reason = "the rest of it is what its tests look at"))]
mod recovery;
mod session;
mod stream;

pub use endpoint::{Dropped, Endpoint, MAX_SERVERS};
pub use event::{
    Command, Config, Disclosure, DisconnectReason, Event, Incoming, MAX_NEIGHBOUR_ENDPOINTS,
    Outgoing, Output, PathInfo, PathKind, Policy, RendezvousTrouble, SocketId, SocketRequest,
    StreamCommand, StreamEvent, TOO_MANY_STREAMS, Transmit,
};
pub use invitation::{InvitationFailure, InvitationWords};
pub use lifetime::AgeLimit;
pub use lifetime::idle::IdleLimit;
pub use lifetime::upkeep::Upkeep;
pub use name::{PeerName, ServerId};
pub use nat::{Allocation, Evidence, Filtering, PortModel, Sample, Scope, infer};
pub use path::{PathDescription, PathOrigin, PathReason, PathState};
pub use port_mapping::{MappingProtocol, PortMapping};
pub use punch::Budget;
pub use punch::memory::Lesson;
pub use punch::plan::{Obstacle, Plan, Strategy};
pub use punch::report::{PunchReport, PunchState};
pub use recovery::Congestion;
pub use stream::message::MAX_MESSAGE;
