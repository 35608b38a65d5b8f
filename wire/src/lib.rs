//! What p2pchat peers and rendezvous servers say to each other.
//!
//! The crate turns bytes into meaning and back, and nothing else: no socket, no clock, no
//! randomness of its own. Whoever needs a time or a random number passes it in.
//!
//! From the outside in:
//!
//! - [`datagram`] tells the kinds of datagram apart by their first byte and cuts their headers.
//!   [`stun`] covers the one kind that is not ours. [`carrier`] puts datagrams into a stream of bytes
//!   where no UDP passes.
//! - [`cookie`] proves, without keeping state, that a source address can receive what is sent to it.
//! - [`handshake`] runs Noise IK for both uses of the secure channel; [`sealing`] protects the
//!   datagrams that follow it, and [`replay`] refuses those seen before.
//! - [`signal`] is what peer and rendezvous say inside that channel. Two peers say frames to each
//!   other, which the server cannot read and this crate does not know.
//! - [`invitation`] makes two people sure of each other's keys who share a few words.
//! - [`neighbour`] is what peers of one local network announce, and how contacts recognise it.
//! - [`identity`] has the keys and names, [`signature`] what somebody says with a key so that others can
//!   pass it on, [`random`] the one door for randomness,
//!   [`codec`] the bounded encoding under all of it, and [`address`] the rules about addresses that
//!   a stranger may name.
//!
//! `docs/protocol.md` describes every byte; golden tests hold this crate to it.

pub mod address;
pub mod carrier;
pub mod codec;
pub mod cookie;
pub mod datagram;
pub mod handshake;
pub mod identity;
pub mod invitation;
mod likeness;
pub mod neighbour;
pub mod random;
pub mod replay;
pub mod sealing;
pub mod signal;
pub mod signature;
pub mod stun;
mod x25519;

/// The protocol version that this build speaks, in every unsealed first datagram.
pub const VERSION: u8 = 1;

/// The UDP port of a rendezvous where none is given. It is STUN's (RFC 8489 §18.5), which the
/// same socket answers.
pub const DEFAULT_PORT: u16 = 3478;

/// The largest datagram that is sent before a path has shown that it carries more.
///
/// 1200 bytes pass every path that carries IPv6 (1280 bytes, RFC 8200 §5) with room for headers;
/// QUIC chose the same (RFC 9000 §14.1). A relayed datagram carries [`datagram::RELAY_HEADER`]
/// bytes more.
pub const MAX_DATAGRAM: usize = 1200;
