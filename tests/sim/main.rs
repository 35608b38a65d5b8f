//! A simulated world: peers, their NATs and the real rendezvous, in virtual time and from one seed.
//!
//! From the ground up:
//!
//! - [`link`] is the weather between two places, [`nat`] one NAT box, [`topology`] who is behind
//!   whom, [`world`] the clock and the hosts, [`trace`] what is printed when a test fails.
//! - [`machine`] lists who can live there: the real [`server`], and a [`client`] that says to it
//!   whatever its test likes.

mod client;
mod link;
mod machine;
mod nat;
mod server;
mod server_tests;
mod topology;
mod trace;
mod world;
mod world_tests;
