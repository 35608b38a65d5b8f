//! A simulated world: peers, their NATs and the real rendezvous, in virtual time and from one seed.
//!
//! From the ground up:
//!
//! - [`link`] is the weather between two places, [`nat`] one NAT box, [`topology`] who is behind
//!   whom, [`world`] the clock and the hosts, [`trace`] what is printed when a test fails.
//! - [`machine`] lists who can live there: the real [`server`], a [`talker`] with the real endpoint,
//!   and a [`client`] that says to the server whatever its test likes. [`scene`] puts them somewhere.
//! - [`matrix`] says which path every pair of places ends with, [`latency`] after how many round
//!   trips, [`paths`] what happens when the world changes under a chat, [`adversary`] that nothing
//!   happens when somebody forges.

mod adversary;
mod client;
mod latency;
mod link;
mod machine;
mod matrix;
mod nat;
mod paths;
mod scene;
mod server;
mod server_tests;
mod talker;
mod topology;
mod trace;
mod world;
mod world_tests;
