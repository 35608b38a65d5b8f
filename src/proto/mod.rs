//! The core: everything that happens on one socket, as a machine without IO.
//!
//! Time comes in as an argument, datagrams come in as bytes, and what is to be done comes out of
//! `Endpoint::poll_output`. Two peers, their NATs and the real server can therefore live hours of
//! virtual time in one test thread, and every failure is a seed.

mod event;
#[cfg_attr(not(test), expect(dead_code, reason = "the session comes next and uses it"))]
pub(crate) mod recovery;
#[cfg_attr(not(test), expect(dead_code, reason = "the session comes next and uses it"))]
pub(crate) mod stream;

pub use event::{
    Command, Config, DisconnectReason, Event, Output, PathDescription, PathInfo, PathKind, Policy,
    RendezvousTrouble, Transmit,
};
