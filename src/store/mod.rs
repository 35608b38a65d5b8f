//! What a person keeps on this computer: the secret identity, the contacts, the outbox, the history.
//!
//! A [`Profile`] is a directory that one process at a time may use. [`Store`] is the thread that
//! carries out the chat's [requests](crate::chat::storage) against its database; [`Memory`] carries
//! out the same requests without a disk, for simulations. [`Reader`] looks into a profile that
//! another process may be using. A profile may be [`Sealed`] with a passphrase; then both need its
//! [`DataKey`].

mod cells;
mod database;
mod error;
mod export;
mod files;
mod identity_file;
mod import;
mod lines;
mod markdown;
mod memory;
mod origin;
mod owed;
mod page;
mod portable;
mod profile;
mod requests;
mod retention;
mod rooms;
mod rows;
mod schema;
mod sealing;
mod search;
mod standing;
mod terms;
mod vault;
pub mod words;

#[cfg(test)]
mod delivery_tests;
#[cfg(test)]
mod moving_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod profile_tests;
#[cfg(test)]
mod rooms_tests;
#[cfg(test)]
mod sealing_tests;
#[cfg(test)]
mod search_tests;

pub use error::ProfileError;
pub use import::{ImportError, Imported, NotExported};
pub use memory::Memory;
pub use portable::VERSION as EXPORT_VERSION;
pub use profile::{Profile, Reader, Store, TYPED};
pub use sealing::Sealed;
pub use vault::DataKey;
