//! The real program on a real terminal: keys in, and what an emulator makes of the bytes that come
//! out.
//!
//! Nothing is asserted of the clock. A test waits until the terminal is in a state, and looks only
//! when a frame is complete.
#![cfg(unix)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests drive the real world"
)]

mod attach;
mod begin;
mod beside;
mod end;
mod hostile;
mod invite;
mod lines;
mod mallory;
mod passphrase;
#[path = "../programs/mod.rs"]
mod programs;
mod pty;
#[path = "../cli/server.rs"]
#[allow(dead_code, reason = "these tests need one server at a time")]
mod server;
mod size;
mod suspend;
mod talk;
mod tmux;
mod write;
