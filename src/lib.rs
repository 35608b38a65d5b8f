//! p2pchat: a chat between people that goes straight from one computer to the other.
//!
//! The library is the peer. Read it from the inside out:
//!
//! - [`proto`] is everything that happens on the network, as one machine without sockets or clocks.
//! - [`net`] runs that machine on real sockets.
//! - [`cli`] is what was typed on the command line, [`config`] what it means.

pub mod cli;
pub mod config;
pub mod net;
pub mod proto;
