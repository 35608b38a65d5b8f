//! A simulated world: peers, their NATs and the real rendezvous, in virtual time and from one seed.
//!
//! From the ground up:
//!
//! - [`link`] is the weather between two places, [`nat`] one NAT box, [`topology`] who is behind
//!   whom, [`world`] the clock and the hosts, [`trace`] what is printed when a test fails.
//! - [`machine`] lists who can live there: the real [`server`], a [`person`] with the real peer, chat
//!   and endpoint, above a [`store`] that a crash leaves as a crash leaves a disk, and with a
//!   [`diary`] of what was shown; a [`talker`] with the endpoint alone, each with [`sockets`] of its
//!   own; and a [`client`] that says to the server whatever its test likes.
//! - [`scene`] puts two talkers somewhere. [`matrix`] says which path every pair of places ends with,
//!   [`latency`] after how many round trips, [`calls`] how they find each other, [`carriers`] how they
//!   do without UDP, [`paths`] what happens when the world changes under a chat, [`adversary`] that
//!   nothing happens when somebody forges.
//! - [`strangers`] are a crowd that calls one person at once, and one who is accepted while he talks.
//! - [`diagnosis`] finds out behind every kind of box what the box is.
//! - [`delivery`] tells hundreds of stories of two people and whatever can go wrong, each from one
//!   seed, and holds every one against the promise: each line once and in order. [`chance`] has the
//!   places and the weather, [`seeds`] says how many stories there are.
//! - [`rooms`] tells as many of eight people who talk in a room.

mod adversary;
mod calls;
mod carriers;
mod chance;
mod client;
mod delivery;
mod diagnosis;
mod diary;
mod idle;
mod latency;
mod link;
mod machine;
mod matrix;
mod nat;
mod odds;
mod paths;
mod person;
mod remembered;
mod roaming;
mod rooms;
mod scene;
mod secrecy;
mod seeds;
mod server;
mod server_tests;
mod servers;
mod sockets;
mod store;
mod strangers;
mod talker;
mod topology;
mod trace;
mod world;
mod world_tests;
