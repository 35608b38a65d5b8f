//! A simulated world: peers, their NATs and the real rendezvous, in virtual time and from one seed.
//!
//! From the ground up:
//!
//! - [`link`] is the weather between two places, [`nat`] one NAT box, [`topology`] who is behind
//!   whom, [`world`] the clock and the hosts, [`trace`] what is printed when a test fails.

mod link;
mod nat;
mod topology;
mod trace;
mod world;
mod world_tests;
