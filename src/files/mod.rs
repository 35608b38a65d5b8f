//! Files on this computer that people give each other: those that are offered, and those that arrive.
//!
//! [`Files`] is the thread that carries out the chat's [requests](crate::chat::files::disk). In the order in which to
//! read: `tree` is how the values of blocks lead to the hash of a file; `part` a file that arrives, and `notes` what is
//! noted beside it, so that it goes on after the end of the program; `outgoing` a file that is offered; `layout` where in a
//! folder's files each byte of its stream stands, `landing` those of one that arrives, `source` those of one that is given; `desk` all of them
//! and whose turn it is; `thread` the two threads, one that works and one that waits for the disk; `problem` what the
//! system's errors mean.
//!
//! What arrives is hashed once, on its way to the disk. Nothing is read again but what the last run, if it was
//! killed, had not yet heard to be on disk.

mod desk;
mod landing;
mod layout;
mod notes;
mod outgoing;
mod part;
mod problem;
mod source;
#[cfg(test)]
mod tests;
mod thread;
mod tree;

pub use notes::Noted;
pub use thread::Files;
pub use tree::{is_list, root_of};
