//! What a person keeps on this computer: the secret identity, the contacts, the outbox, the history.
//!
//! A [`Profile`] is a directory that one process at a time may use. [`Store`] is the thread that
//! carries out the chat's [requests](crate::chat::storage) against its database; [`Memory`] carries
//! out the same requests without a disk, for simulations. [`Reader`] looks into a profile that
//! another process may be using.

#[cfg(test)]
mod delivery_tests;
mod memory;
mod profile;

pub use memory::Memory;
pub use profile::{Profile, ProfileError, Reader, Store};
