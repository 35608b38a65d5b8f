//! Everything that touches the network: sockets, the loop that drives the core, interfaces, DNS.
//!
//! - [`Sockets`] are one UDP socket for each address family.
//! - [`start`] runs the core on them: the only loop that awaits the
//!   network and reads the clock.
//! - [`resolve()`] asks for the addresses of a rendezvous.
//!
//! A datagram that cannot be sent is a datagram lost; nothing here ends a chat.

#![expect(clippy::disallowed_types, reason = "this room is the network IO")]

mod driver;
mod interfaces;
mod resolve;
mod socket;

pub use driver::{Machine, Network, start};
pub use interfaces::host_candidates;
pub use resolve::{ResolveError, resolve};
pub use socket::Sockets;
