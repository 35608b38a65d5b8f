//! The public server of p2pchat: records endpoints, introduces peers, relays what it cannot read.
//!
//! - [`server`] is the whole server without any IO: datagrams and times go in, datagrams come out.
//!   Simulations run it in virtual time.
//! - [`serve`] puts sockets around it and drives it: the program does so, and whoever embeds a
//!   server. [`store`] keeps the names on disk.
//! - [`config`] reads the configuration file and [`home`] the data folder; [`ping`] asks a server
//!   whether it is there.

pub mod config;
pub mod home;
pub mod ping;
pub mod serve;
pub mod server;
pub mod store;
