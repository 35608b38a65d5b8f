//! The public server of p2pchat: records endpoints, introduces peers, relays what it cannot read.
//!
//! - [`server`] is the whole server without any IO: datagrams and times go in, datagrams come out.
//!   Simulations run it in virtual time.

pub mod server;
