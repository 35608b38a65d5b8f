//! Everything that touches the network: sockets, the loop that drives the core, interfaces, routers,
//! DNS.
//!
//! - [`Sockets`] are one UDP socket for each address family.
//! - [`start`] runs the core on them: the only loop that awaits the
//!   network and reads the clock.
//! - `surroundings` hears of other interfaces and of sleep, `interfaces` picks the addresses that are
//!   worth offering, `port_mapping` asks the router to forward a port (`upnp` is one of
//!   the ways).
//! - [`Discovery`] announces us in the local network and finds others there.
//! - [`examine()`] runs a diagnosis of the network instead.
//! - [`has_aes()`] asks the processor.
//! - [`resolve()`] asks for the addresses of a rendezvous.
//!
//! A datagram that cannot be sent is a datagram lost; nothing here ends a chat.

#![expect(clippy::disallowed_types, reason = "this room is the network IO")]

mod alarm;
mod carrier;
mod discovery;
mod driver;
mod examine;
mod interfaces;
mod port_mapping;
mod processor;
mod resolve;
mod socket;
mod surroundings;
mod tls;
mod udp;
mod upnp;
mod whole;

pub use discovery::Discovery;
pub use driver::{Machine, Network, Options, start};
pub use examine::examine;
pub use processor::has_aes;
pub use resolve::{ResolveError, resolve};
pub use socket::{Received, Sockets};
