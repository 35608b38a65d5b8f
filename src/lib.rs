//! p2pchat: a chat between people that goes straight from one computer to the other.
//!
//! The library is the peer. Read it from the inside out:
//!
//! - [`proto`] is everything that happens on the network, as one machine without sockets or clocks.
//! - [`chat`] is what people do with it: lines that arrive once, contacts, commands; also without IO.
//! - [`store`] keeps on disk what the chat must not forget, [`files`] reads and writes what people give each other;
//!   [`net`] runs the core on real sockets.
//! - [`ui`] is what people and programs see of it: a terminal, lines for pipes, JSON.
//! - [`cli`] is what was typed on the command line, [`config`] what it means, and [`app`] does it.

pub mod app;
pub mod chat;
pub mod cli;
pub mod config;
pub mod files;
pub mod net;
pub mod proto;
pub mod store;
pub mod ui;
