//! The command line as scripts rely on it: the real program, over real UDP on loopback.
//!
//! Ports are the system's choice, every wait has a deadline, and only what a test started is ended.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests drive the real world"
)]

#[cfg(unix)]
mod attach;
mod bot;
mod chats;
mod configuration;
mod contacts;
mod demo;
mod doctor;
mod failures;
mod files;
#[cfg(unix)]
mod held;
mod identity;
mod invitations;
mod language;
mod moving;
#[cfg(unix)]
mod passphrase;
mod people;
mod program;
mod queries;
mod room_scripts;
mod rooms;
#[cfg(unix)]
mod scripts;
mod server;
mod servers;
mod two;
