//! Files that people give each other.
//!
//! [`disk`] is what the chat and the disk say to each other about them, [`name`] what a file may be called
//! that a stranger has named.

pub mod disk;
pub mod name;

pub use name::FileName;
