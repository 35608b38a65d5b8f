//! p2pchat: a chat between people that goes straight from one computer to the other.
//!
//! The library is the peer. Read it from the inside out:
//!
//! - [`proto`] is everything that happens on the network, as one machine without sockets or clocks.

pub mod proto;
