//! Processes that end without notice: peers and server are killed, and nothing is lost or doubled.
//!
//! Everything runs on loopback. What the machine schedules differs from run to run; what the test
//! does does not, for its seed (`P2PCHAT_PROCESS_SEED`).
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "the subject is real processes in real time"
)]

mod kill;
mod outage;
#[path = "../programs/mod.rs"]
mod programs;
mod street;
