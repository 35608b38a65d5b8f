//! The real programs behind real NATs: Linux kernels' own, in network namespaces.
//!
//! [`world`] builds a small Internet out of namespaces and [`traffic`] holds it up or counts it, [`nat`] has the rulesets that make a router
//! of each kind, and [`ground`] finds a place where this is allowed (root, or a user namespace).
//! A [`meeting`] is two peers and a server in such a world. What is shown with them:
//!
//! - [`clients`]: STUN clients that nobody here wrote understand our server.
//! - [`doctor`]: what `p2pchat doctor` finds is what the router is.
//! - [`matrix`]: every kind of router against every other.
//! - [`odds`]: how often the pairs get through that need luck, on a [`course`] of many tries.
//! - [`places`]: IPv6, carriers, one LAN.
//! - [`gateway`]: routers that forward a port when they are asked to.
//! - [`movement`]: another network in the middle of a chat, and a laptop that sleeps.
//! - [`lifetimes`]: how long routers keep mappings, used and unused.
//! - [`neighbours`]: one local network, without a server and without a way out.
//! - [`room`]: as many people in one room as there can be.
//! - [`policy`]: `--relay-only` and `--direct-only` keep their word.
//! - [`carriers`]: networks without UDP, behind [`walls`].
//! - [`weather`]: cut paths, routers that forget, loss, and no way to the server at all.
//!
//! `cargo test --test lab -- --nocapture matrix` prints the table.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a lab runs real programs in real time, and prints what it saw"
)]
#![cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "namespaces are Linux's"))]

mod carriers;
mod clients;
mod course;
mod doctor;
mod gateway;
mod ground;
mod lifetimes;
mod matrix;
mod meeting;
mod movement;
mod nat;
mod neighbours;
mod odds;
mod places;
mod policy;
#[path = "../programs/mod.rs"]
mod programs;
mod room;
mod servers;
mod traffic;
mod walls;
mod weather;
mod world;
