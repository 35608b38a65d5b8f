//! Several processes, one profile: whoever comes first holds it, the others attach.
//!
//! The holder listens on a Unix socket in the profile's directory, which only its owner can enter.
//! Whoever finds the profile held connects there and becomes a face of the holder's chat
//! ([`FaceId`](crate::chat::FaceId)): what is typed or piped in goes up as a [`protocol::Wish`], what
//! is to be written comes down as a [`protocol::Word`], already rendered as that face wants it. Only a
//! screen takes in the notices of the chat, and draws itself. Each is one JSON object on one line.
//!
//! - [`protocol`] is what they say, [`link`] one connection: bounded lines, bounded queues.
//! - [`door`] is the socket, [`guests`] the holder's side, [`visit`] the other.
//! - [`window`] is a screen's side, `mirror` what the holder knows of it.
//!
//! A line is taken when the disk has it, and not before: whoever has been told so need not care what
//! becomes of the holder.
//!
//! Nothing is lost or doubled when the holder leaves while others are attached. It stops taking
//! lines, has the disk keep those that it has taken, says that it is closing, and only then gives
//! the profile free. Each guest knows how many of its lines were taken; it becomes the holder, or
//! attaches to whoever has, and goes on with the first that was not.
//!
//! Where there are no Unix sockets, a profile is for one process at a time.

mod door;
pub(super) mod guests;
mod link;
mod mirror;
pub(super) mod protocol;
pub(super) mod visit;
pub(super) mod window;
